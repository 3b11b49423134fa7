"""A simulated run as the server's Exchange 5.5 logs: the dialogue of every connection that it had.

Inbound dialogues begin when the message comes and take ``STEP`` an event; outbound ones lie where the
simulation had them. Users here hand their mail in without SMTP, and a host that is silent leaves no line.
Names and addresses are those reserved for examples (RFC 2606, RFC 5737).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab.read import read
from spamlab.simulate import login
from spamlab.simulate.exchange55 import write
from spamlab.simulate.scenario import Dialect
from spamlab.simulate.script import Truth
from spamlab.simulate.server import FAMILIAR, OWN, SILENT, Run, refusal
from spamlab.simulate.traffic import CONSENT, SERVER, USERS, judge

if TYPE_CHECKING:
    from spamlab.log import Log

HERE, LOCAL = "example.com", -2
START = int(np.datetime64("2003-11-11", "ms").astype(np.int64))
STEP = 150  # ms
REFUSED = {
    "sender": "501 Sender address refused",
    "relaying": "550 Relaying is prohibited",
    "recipient": "550 <{}>: Recipient address rejected: User unknown",
}


def _rows(frame: pd.DataFrame) -> list[Any]:
    return list(frame.itertuples(index=False))


@dataclass
class Session:
    """A connection: what was said, each with its ms since the epoch, whether the client said it, its verb."""

    role: str
    peer: dict[str, str]
    time: float
    row: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[float, bool, str, str, Any]] = field(default_factory=list)

    def exchange(self, verb: str, text: str, reply: str, step: float = STEP, about: Any = None) -> None:
        """A command and its reply; ``about`` is what is known of a MAIL or RCPT."""
        for client, line in ((True, text), (False, reply)):
            if line:
                self.time += step
                self.said.append((self.time, client, verb, line, about))


def _domain(host: int) -> str:
    kind = "silent" if host == SILENT else f"d{host}"
    return HERE if host == LOCAL else f"{kind}.example.{'org' if host >= FAMILIAR else 'net'}"


def _address(kind: str, number: int, host: int) -> str:
    """An address of that kind (see ``SENDERS``); of a macro in ``{}`` the domain is not by RFC 5321."""
    if kind == "null":
        return ""
    if kind == "malformed":
        return f"${{RANDOM{number % 10}@{_domain(host)}}}"
    return f"{USERS[number % len(USERS)] if kind == 'valid' else f'x{number:x}'}@{_domain(host)}"


def _sender(message: Any) -> str:
    """The reverse-path of a message."""
    host = SILENT if message.sender == "unreachable" else message.sender_host
    return _address(message.sender, message.number, LOCAL if message.login in OWN else host)


def _login(session: Session, who: str, good: bool, number: int) -> None:
    """AUTH as Guest, as a user who may mistype first, or as somebody guessed."""
    user = "Guest" if who == "guest" else USERS[number % len(USERS)]
    for last in [False, True] if who == "retried" else [True]:
        for text, challenge, _ in login.dialogue("LOGIN", user):
            passed = "235 LOGIN authentication successful" if good and last else "535 Authentication failed"
            session.exchange("AUTH", text, challenge or passed)
    session.row |= {"user": user, "authenticated": good}


def _inbound(run: Run, mails: list[list[Any]]) -> list[Session]:
    """The dialogues of what came: one connection a mail."""
    sessions = []
    for mail in mails:
        first = mail[0]
        host = f"mx.{_domain(SILENT if first.sender == 'unreachable' else first.sender_host)}"
        network = "198.51.100." if first.kind == "mail" else "203.0.113."
        peer = {"peer_ip": f"{network}{first.number % 250 + 1}"}
        session = Session("server", peer, START + 1000 * first.arrived, {"helo": host})
        session.said.append((session.time, True, "connect", peer["peer_ip"], None))
        session.exchange("EHLO", f"EHLO {host}", CONSENT["EHLO"][False])
        if first.login:
            good = first.login in ("user", "retried") or (first.login == "guest" and run.server.guest)
            _login(session, first.login, good, first.number)
        sender, why = _sender(first), refusal(run.server, first)
        known = {"reverse_path": sender, "size": first.size}
        known |= {"user": session.row.get("user") if session.row.get("authenticated") else None}
        answer = REFUSED["sender"] if why == "sender" else CONSENT["MAIL"][False].format(sender)
        session.exchange("MAIL", f"MAIL FROM:<{sender}> SIZE={first.size}", answer, about=known)
        accepted = 0
        for one in mail if why != "sender" else ():
            kind = "valid" if one.valid else "invalid"
            path, why = _address(kind, one.number, one.host if one.elsewhere else LOCAL), refusal(run.server, one)
            answer = (REFUSED[why] if why else CONSENT["RCPT"][False]).format(path)
            session.exchange("RCPT", f"RCPT TO:<{path}>", answer, about={"forward_path": path})
            accepted += not why
        if accepted:
            session.exchange("DATA", "DATA", CONSENT["DATA"][False])
            session.exchange(".", "", "250 OK")
        session.exchange("QUIT", "QUIT", CONSENT["QUIT"][False])
        sessions.append(session)
    return sessions


def _outbound(run: Run, messages: list[Any]) -> list[Session]:
    """The dialogues of what went out."""
    sessions: dict[int, Session] = {}
    talked = run.attempts[run.attempts["outcome"] != "silent"]
    for row in _rows(talked.sort_values(["session", "begun"], kind="stable")):
        one = messages[row.message]
        host = f"mx.{_domain(one.host)}"
        begun, done = START + 1000 * row.begun, START + 1000 * row.done
        session = sessions.get(row.session)
        if session is None:
            step = 500 * run.load.hosts.latency
            session = sessions[row.session] = Session("client", {"peer_host": host}, begun - 4 * step, {"helo": SERVER})
            session.said.append((session.time, False, "connect", host, None))
            session.exchange("", "", f"220 {host} ESMTP", step)
            session.exchange("EHLO", f"EHLO {SERVER}", CONSENT["EHLO"][True].format(host), step)
        elif session.said[-1][2] == "RCPT":  # what follows a refusal begins with RSET
            session.exchange("RSET", "RSET", CONSENT["RSET"][True], 0)
        session.time = begun
        of = messages[one.of] if one.kind == "ndr" else one
        sender = "" if one.kind == "ndr" else _sender(one)
        kind = of.sender if one.kind == "ndr" else "valid" if one.valid else "invalid"
        path, sent = _address(kind, of.number, one.host), row.outcome == "sent"
        step = (done - begun) / (7 if sent else 4)
        known = {"reverse_path": sender, "size": one.size}
        session.exchange("MAIL", f"MAIL FROM:<{sender}> SIZE={one.size}", CONSENT["MAIL"][True], step, known)
        answer = CONSENT["RCPT"][True] if sent else REFUSED["recipient"].format(path)
        session.exchange("RCPT", f"RCPT TO:<{path}>", answer, step, {"forward_path": path})
        if sent:
            session.exchange("DATA", "DATA", CONSENT["DATA"][True], step)
            session.exchange(".", "", "250 OK", step)
    for session in sessions.values():
        session.exchange("QUIT", "QUIT", CONSENT["QUIT"][True])
    return list(sessions.values())


def _play(truth: Truth, lane: int, session: Session) -> None:
    """Record a connection."""
    client = session.role == "client"
    start = round(session.said[0][0])
    truth.connect(
        lane, start, session.role, session.said[0][3], loop=False, ended="quit", **session.peer, **session.row
    )
    for time, asks, verb, text, about in session.said[1:]:
        wait = max(round(time) - truth.clock, 0)
        if not asks:
            truth.log("reply", text, wait, not client)
            tried = truth.rows["transactions"][-1]["tried"] if truth.transaction is not None else []
            if verb == "RCPT":
                judge(truth.rows["recipients"][-1], "accepted" if text.startswith("2") else "rejected", text)
            elif verb == "MAIL" and not text.startswith("2"):
                truth.rows["transactions"][-1]["refused"], truth.transaction = True, None
            elif verb == ".":
                for one in tried if client else ():
                    if one["status"] == "accepted":
                        judge(one, "delivered", text)
                truth.transaction = None
        else:
            kind = "auth" if verb == "AUTH" and not text.startswith("AUTH") else "command"
            truth.log(kind, text, wait, client, verb, **(about or {}))


def files(run: Run, dialect: Dialect | None = None) -> tuple[dict[str, bytes], Truth]:
    """Write a run's protocol logs, one file for each concurrent connection.

    Parameters
    ----------
    run : of ``simulate.run``.
    dialect : how the server writes; by default the white paper's.

    Returns
    -------
    files : name (``L0000000.LOG``, …) to content.
    truth : what a perfect reader finds in them.

    Examples
    --------
    >>> from spamlab.simulate import run
    >>> logs, truth = files(run(duration=30, seed=1))
    >>> list(logs)[0], len(truth.sessions) > 0
    ('L0000000.LOG', True)
    """
    messages = _rows(run.messages.astype(dict.fromkeys(("kind", "sender", "login"), "object")))
    came = [one for one in messages if one.kind not in ("ndr", "notice", "double bounce") and one.login != "inside"]
    mails: dict[tuple[str, int], list[Any]] = {}
    for one in came:
        mails.setdefault((one.kind, one.number if pd.isna(one.mail) else one.mail), []).append(one)
    sessions = [*_inbound(run, list(mails.values())), *_outbound(run, messages)]
    truth, lanes = Truth(), 0
    free: list[tuple[int, int]] = []  # since when, which
    for session in sorted(sessions, key=lambda one: one.said[0][0]):
        if free and free[0][0] < session.said[0][0]:
            lane = heappop(free)[1]
        else:
            lane, lanes = lanes, lanes + 1
        _play(truth, lane, session)
        heappush(free, (truth.clock + 1000, lane))
    script = pd.Series(range(len(truth.script)), dtype="int64")
    by_lane = script.groupby([truth.lanes[event[1]] for event in truth.script])
    dialect = dialect or Dialect()
    made = {f"L{lane:07}.LOG": write([(truth.script[n], 0) for n in rows], dialect) for lane, rows in by_lane}
    return made, truth


def log(run: Run) -> Log:
    """Read a run's protocol logs; no lines where nobody connected."""
    made, _ = files(run)
    return read([io.BytesIO(text) for text in made.values()] or io.BytesIO(b""), format="exchange55", dayfirst=False)
