"""A simulated run as the server's Exchange 5.5 logs: the dialogue of every connection that it had.

Inbound dialogues begin when the message comes and take ``STEP`` an event; outbound ones lie where the
simulation had them. Users here hand their mail in without SMTP, and a host that is silent leaves no line.
Names and addresses are those reserved for examples (RFC 2606, RFC 5737).
"""

from __future__ import annotations

import base64
import io
import re
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from spamlab.read import read
from spamlab.simulate.arrivals import FAMILIAR, SILENT
from spamlab.simulate.exchange55 import Dialect, write
from spamlab.simulate.runs import Run
from spamlab.simulate.script import Event, Truth
from spamlab.simulate.server import OWN, refusal

if TYPE_CHECKING:
    from spamlab.log import Log

SERVER, HERE, LOCAL = "vulnerable.example.com", "example.com", -2
USERS = ("anna", "backup", "fax", "j.smith", "sales", "test", "webmaster", "www")
PASSWORD = "S3cret-of-spamlab"  # noqa: S105  in every login, so that tests can look for it in vain
START = int(np.datetime64("2003-11-11", "ms").astype(np.int64))
STEP = 150  # ms
CONSENT = {  # of this server, of another
    "EHLO": (
        f"250-{SERVER} Hello\n250-HELP\n250-ETRN\n250-DSN\n250-SIZE 0\n250-AUTH LOGIN\n250 AUTH=LOGIN",
        "250-{}\n250-PIPELINING\n250-SIZE 20480000\n250-ETRN\n250 8BITMIME",
    ),
    "HELO": ("250 OK", "250 {}"),
    "MAIL": ("250 OK - mail from <{}>", "250 Ok"),
    "RCPT": ("250 OK - Recipient <{}>", "250 Ok"),
    "DATA": ("354 Send data.  End with CRLF.CRLF", '354 Enter mail, end with "." on a line by itself'),
    "RSET": ("250 OK - Reset", "250 Ok"),
    "QUIT": ("221 closing connection", "221 Bye"),
}
REFUSED = {  # whom or what, and so the reply
    "sender": "501 Sender address refused",
    "relaying": "550 Relaying is prohibited",
    "recipient": "550 <{}>: Recipient address rejected: User unknown",
}
Line = tuple[float, bool, str, str, dict[str, Any]]  # ms since the epoch, whether the client says it, verb, text, row


class Session:
    """A connection as it will be recorded: whose, and what is said when."""

    def __init__(self, role: str, time: float, peer: str, **row: Any) -> None:
        self.role, self.time, self.peer, self.row = role, time, peer, row
        self.out = role == "client"
        self.said: list[Line] = [(time, True, "connect", peer, {})]

    def exchange(self, verb: str, text: str, reply: str = "", step: float = STEP, **row: Any) -> None:
        """A command and its reply, by default consent; ``row`` is what is known of a MAIL or RCPT."""
        for client, line in ((True, text), (False, reply or CONSENT[verb][self.out])):
            if line:
                self.time += step
                self.said.append((self.time, client, verb, line, row))

    def transaction(
        self, sender: str, size: int, paths: list[tuple[str, str]], why: str = "", step: float = STEP
    ) -> None:
        """A mail: ``why`` it is refused at MAIL, or to whom it goes and why that is refused."""
        user = self.row["user"] if self.row.get("authenticated") else None
        command, reply = f"MAIL FROM:<{sender}> SIZE={size}", REFUSED.get(why, CONSENT["MAIL"][self.out].format(sender))
        self.exchange("MAIL", command, reply, step, reverse_path=sender, size=size, user=user)
        for path, why_not in paths:
            reply = REFUSED.get(why_not, CONSENT["RCPT"][self.out]).format(path)
            self.exchange("RCPT", f"RCPT TO:<{path}>", reply, step, forward_path=path)
        if not all(why_not for _, why_not in paths):
            self.exchange("DATA", "DATA", step=step)
            self.exchange(".", "", "250 OK", step)


def judge(row: dict[str, Any], status: str, reply: str) -> None:
    """Note what became of a recipient, by the reply that decided it."""
    enhanced = re.match(r"\d{3} (\d\.\d+\.\d+)", reply)
    row.update(status=status, code=int(reply[:3]), enhanced_code=enhanced and enhanced[1], reply=reply)


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
    return _address(message.sender, message.number, LOCAL if message.login in OWN else message.sender_host)


def _login(session: Session, one: Any, guest: bool) -> None:
    """AUTH as Guest, as a user who may mistype first, or as somebody guessed."""
    user = "Guest" if one.login == "guest" else USERS[one.number % len(USERS)]
    good = one.login in OWN or (one.login == "guest" and guest)
    for passed in [False, True] if one.login == "retried" else [good]:
        end = "235 LOGIN authentication successful" if passed else "535 Authentication failed"
        name, secret = (base64.b64encode(text.encode()).decode() for text in (user, PASSWORD))
        for text, reply in (("AUTH LOGIN", "334 VXNlcm5hbWU6"), (name, "334 UGFzc3dvcmQ6"), (secret, end)):
            session.exchange("AUTH", text, reply)
    session.row |= {"user": user, "authenticated": good}


def _inbound(run: Run, mail: list[Any]) -> Session:
    """The dialogue in which a mail to one or more recipients came."""
    first, why = mail[0], refusal(run.server, mail[0])
    host, network = f"mx.{_domain(first.sender_host)}", "198.51.100." if first.kind == "mail" else "203.0.113."
    address = f"{network}{first.number % 250 + 1}"
    session = Session("server", START + 1000 * first.arrived, address, peer_ip=address, helo=host)
    session.exchange("EHLO", f"EHLO {host}")
    if first.login:
        _login(session, first, run.server.guest)
    paths = []
    for one in mail if why != "sender" else ():
        path = _address("valid" if one.valid else "invalid", one.number, one.host if one.elsewhere else LOCAL)
        paths.append((path, refusal(run.server, one)))
    session.transaction(_sender(first), first.size, paths, why if why == "sender" else "")
    session.exchange("QUIT", "QUIT")
    return session


def _outbound(run: Run, tries: list[Any], messages: list[Any]) -> Session:
    """The dialogue of a connection on which messages were offered, one after another."""
    host, step = f"mx.{_domain(messages[tries[0].message].host)}", 500 * run.load.hosts.latency
    session = Session("client", START + 1000 * tries[0].begun - 4 * step, host, peer_host=host, helo=SERVER)
    session.exchange("EHLO", "", f"220 {host} ESMTP", step)
    session.exchange("EHLO", f"EHLO {SERVER}", CONSENT["EHLO"][True].format(host), step)
    for row in tries:
        one, sent = messages[row.message], row.outcome == "sent"
        if session.said[-1][2] == "RCPT":  # what follows a refusal begins with RSET
            session.exchange("RSET", "RSET", step=0)
        of, sender = (messages[one.of], "") if one.kind == "ndr" else (one, _sender(one))
        kind = of.sender if one.kind == "ndr" else "valid" if one.valid else "invalid"
        session.time, step = START + 1000 * row.begun, 1000 * (row.done - row.begun) / (7 if sent else 4)
        path = _address(kind, of.number, one.host)
        session.transaction(sender, one.size, [(path, "" if sent else "recipient")], step=step)
    session.exchange("QUIT", "QUIT")
    return session


def _play(truth: Truth, lane: int, session: Session) -> None:
    """Record a connection."""
    truth.connect(lane, round(session.said[0][0]), session.role, session.peer, loop=False, **session.row)
    for time, client, verb, text, row in session.said[1:]:
        wait, good = max(round(time) - truth.clock, 0), text.startswith("2")
        if client:
            kind = "auth" if verb == "AUTH" and not text.startswith("AUTH") else "command"
            truth.log(kind, text, wait, session.out, verb, **row)
            continue
        truth.log("reply", text, wait, not session.out)
        if verb == "RCPT":
            judge(truth.rows["recipients"][-1], "accepted" if good else "rejected", text)
        elif verb == "MAIL" and not good:
            truth.rows["transactions"][-1]["refused"], truth.transaction = True, None
        elif verb == ".":
            truth.transaction = None
            for one in truth.rows["transactions"][-1]["tried"] if session.out else ():
                judge(one, "delivered", text)
    truth.rows["sessions"][-1]["ended"] = "quit"


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
    table = run.messages.astype(dict.fromkeys(("kind", "sender", "login"), "object"))
    messages: list[Any] = list(table.itertuples(index=False))
    came = table[~table["kind"].isin(["ndr", "notice", "double bounce"]) & table["login"].ne("inside")]
    mails = came["number"].groupby(came["mail"].fillna(-1 - came["number"]))  # returned errors are mails of their own
    sessions = [_inbound(run, [messages[number] for number in mail]) for _, mail in mails]
    talked = run.attempts[run.attempts["outcome"] != "silent"].sort_values("begun", kind="stable").groupby("session")
    sessions += [_outbound(run, list(tries.itertuples()), messages) for _, tries in talked]
    truth, lanes = Truth(), 0
    free: list[tuple[int, int]] = []  # since when, which
    for session in sorted(sessions, key=lambda one: one.said[0][0]):
        if free and free[0][0] < session.said[0][0]:
            lane = heappop(free)[1]
        else:
            lane, lanes = lanes, lanes + 1
        _play(truth, lane, session)
        heappush(free, (truth.clock + 1000, lane))
    logged: list[list[tuple[Event, int]]] = [[] for _ in range(lanes)]
    for event in truth.script:
        logged[truth.lanes[event[1]]].append((event, 0))
    return {f"L{lane:07}.LOG": write(one, dialect or Dialect()) for lane, one in enumerate(logged)}, truth


def log(run: Run) -> Log:
    """Read a run's protocol logs; no lines where nobody connected."""
    made, _ = files(run)
    return read([io.BytesIO(text) for text in made.values()] or io.BytesIO(b""), format="exchange55", dayfirst=False)
