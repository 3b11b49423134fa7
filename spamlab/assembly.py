"""From what was said in a log's sessions to the tables.

A reader says in a ``Dialogue`` who said what in which session; ``assemble`` lets ``dialogue`` walk through it, undoes
the log's wrapping, masks secrets, and makes sessions, transactions and recipients of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spamlab import accounts, beside, tables, texts
from spamlab.dialogue import Walk, octets, verb_numbers
from spamlab.records import first, integers, integers_at, tally, used
from spamlab.walk import CLIENT, OTHER, REPLY, SENT, VERBS

KINDS = np.array([tables.KINDS.index(kind) for kind in ("command", "reply", "data", "auth", "note")], dtype=np.int8)
"""Walk's kinds, as places in ``tables.KINDS``."""
STATUSES = np.array([-1, *map(tables.STATUSES.index, ("accepted", "delivered", "rejected", "deferred"))], dtype=np.int8)
"""Walk's statuses, as places in ``tables.STATUSES``."""


@dataclass
class Dialogue:
    """Who said what: arrays and Series with one item an event."""

    columns: dict[str, Any]
    """Columns of ``events`` that only the reader knows: time, host, source, line, lines."""
    session: np.ndarray
    role: np.ndarray
    """Of the logging server: CLIENT or SERVER."""
    direction: np.ndarray
    """SENT, RECEIVED or -1."""
    connect: np.ndarray
    """Which events open a connection."""
    gone: np.ndarray
    """Which events are the server's own word that a connection is lost."""
    echo_of: np.ndarray | None
    """Of a second copy the event it copies, else -1; None: there are no copies."""
    verb: pd.Series
    code: np.ndarray
    """-1: none."""
    enhanced_code: pd.Series
    text: texts.Draft
    argument: texts.Draft
    several: np.ndarray
    """Which events take more than one line of the log."""
    path: pd.Series
    """Mail path of MAIL and RCPT."""
    size: pd.Series
    peer: pd.Series
    """The other side, where an event names it."""
    last: np.ndarray
    """By session: nothing follows it in its file."""
    aside: np.ndarray | None = None
    """The place in ``tables.KINDS`` of an event that nobody said (a note, TLS, an account's name); -1: it was said."""
    order: np.ndarray | None = None
    """All events, session after session, in the order in which they were said; None: that is how they stand."""
    both: np.ndarray | None = None
    """Which events hold a command (theirs are verb, argument and direction) and the code of its answer."""

    @classmethod
    def of(cls, records: Any, columns: dict[str, Any], **said: Any) -> Dialogue:
        """The dialogue of some records: what ``said`` leaves out is as their columns of that name have it."""
        no = np.zeros(len(records), dtype=bool)
        given = {
            **dict.fromkeys(("connect", "gone", "several"), no),
            "echo_of": None,
            "verb": records.category("verb"),
            "enhanced_code": records.category("enhanced_code"),
            "path": records.text("path"),
            "size": records.integer("size"),
        }
        return cls(columns={**columns, **records.places()}, **{**given, **said})


def _upper(verb: pd.Series, which: np.ndarray) -> pd.Series:
    """Verbs in capitals, of some events."""
    capitals = verb.cat.categories.str.upper()
    known = capitals.unique()
    codes = np.append(known.get_indexer(capitals), -1)[np.where(which, verb.cat.codes.to_numpy(), -1)]
    return pd.Series(tables.categorical(*used(codes, known)))


def _some(values: pd.Series, which: np.ndarray) -> pd.Series:
    """Categories of some events, missing elsewhere."""
    codes = np.where(which, values.cat.codes.to_numpy(), -1)
    return pd.Series(pd.Categorical.from_codes(codes, values.cat.categories))


_LATER_LINES = r"(?s)[\r\n].*"
_WRAPPED = re.compile(r"[ \t]*\n[ \t]*(?!\d{3}[ -])")
_UNCODED = r"\n(?:[^0-9]|[0-9][^0-9]|[0-9]{2}[^0-9]|[0-9]{3}[^ -]|[0-9]{0,3}$)"  # texts that may have it, fast to find


def _unwrap(said: Dialogue, kind: np.ndarray) -> None:
    """Undo the log's wrapping: a line of a reply that begins with no code continues the line before it.

    Of a raw buffer that holds several commands the first is the event; the others have lines of their own.
    """
    command = np.flatnonzero(said.several & (kind == _COMMAND))
    reply = np.flatnonzero(said.several & ((kind == _REPLY) | said.gone) & (kind != _COMMAND))
    reply = reply[said.text.take(reply).str.contains(_UNCODED).fillna(False).to_numpy(bool)]
    wrapped: list[tuple[texts.Draft, np.ndarray, re.Pattern[str] | str, str]] = [
        (said.text, reply, _WRAPPED, " "),
        (said.text, command, _LATER_LINES, ""),
        (said.argument, command, _LATER_LINES, ""),
    ]
    for draft, rows, what, put in wrapped:
        if len(rows):
            draft.put(rows, draft.take(rows).str.replace(what, put, regex=True))


_COMMAND, _REPLY, _EXCHANGE, _AUTH, _CONNECT, _DATA = map(
    tables.KINDS.index, ("command", "reply", "exchange", "auth", "connect", "data")
)


def assemble(said: Dialogue, wanted: frozenset[str]) -> dict[str, pd.DataFrame]:
    """Build ``events`` and, where one of them is wanted, ``sessions``, ``transactions`` and ``recipients``."""
    n, number = len(said.session), verb_numbers(said.verb)
    no = np.zeros(n, dtype=bool)
    echo = no if said.echo_of is None else said.echo_of >= 0
    silent = no if said.aside is None else said.aside >= 0
    skip = echo | said.connect | said.gone | silent
    told = said.session, said.role, said.direction, skip, said.gone, number, said.code
    found = Walk(*told, said.order, said.both)
    kind, transaction = KINDS[found.kind], found.transaction
    if said.echo_of is not None:
        copies = np.flatnonzero(echo)
        kind[copies] = kind[said.echo_of[copies]]
        transaction = transaction.copy()
        transaction[copies] = transaction[said.echo_of[copies]]
    kind[said.connect] = _CONNECT
    if said.aside is not None:
        kind[silent] = said.aside[silent]
    command, auth, coded = kind == _COMMAND, kind == _AUTH, (kind == _REPLY) | said.gone
    _unwrap(said, kind)
    answered = found.both & command
    coded |= answered
    kind[answered] = _EXCHANGE
    secret = accounts.Auth(said.text, said.argument, found, said.echo_of)
    declares = np.flatnonzero(command & (number == VERBS.index("MAIL")))
    declares = declares[said.size.take(declares).ge(0).fillna(False).to_numpy(bool)]
    columns: dict[str, Callable[[], Any]] = {
        "text": said.text.done,
        "argument": lambda: _arguments(said.argument.done(), command, auth),
        "session": lambda: integers(said.session),
        "transaction": lambda: integers(transaction),
        "direction": lambda: tables.categorical(said.direction, tables.DIRECTIONS),
        "kind": lambda: tables.categorical(kind, tables.KINDS),
        "verb": lambda: _upper(said.verb, command),
        "code": lambda: integers(np.where(coded, said.code, np.int16(-1))),
        "enhanced_code": lambda: _some(said.enhanced_code, coded),
        "size": lambda: integers_at(declares, said.size.take(declares).to_numpy(np.int64), n),
        "repeats": lambda: np.ones(n, dtype=np.int64),
    }
    made = {**said.columns, "echo": echo, **beside.together(columns)}
    events = tables.conform("events", made, index=pd.RangeIndex(n))
    if not wanted & {"sessions", "transactions", "recipients"}:
        return {"events": events}

    def mail() -> tuple[pd.DataFrame, pd.DataFrame]:
        recipients = _recipients(events, found, said.path)
        return recipients, _transactions(events, found, said.path, recipients)

    parts = beside.together({"sessions": lambda: _sessions(said, events, found, secret), "mail": mail})
    sessions, (recipients, messages) = parts["sessions"], parts["mail"]
    account = sessions["user"].where(sessions["authenticated"])
    user = account.take(messages["session"].to_numpy(np.int64)).reset_index(drop=True)
    transactions = messages.assign(user=user)
    return {"events": events, "sessions": sessions, "recipients": recipients, "transactions": transactions}


def _arguments(argument: pd.Series, command: np.ndarray, auth: np.ndarray) -> pd.Series:
    """What follows the verb of commands, where anything does; the account that an AUTH response names."""
    return texts.blanked(argument, (command & (texts.sizes(argument) > 0)) | auth)


_ADDRESS = r"^\[?(?P<address>[0-9][0-9.]*\.[0-9.]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]?$"  # as logged: 10..1.1.1 is one too
_MESSAGE_ID = re.compile(r"^Message-ID:[ \t]*<?([^\s<>]+)", re.IGNORECASE | re.MULTILINE)
_NAME = r"^\d{3}[ -](?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)"


def _sessions(said: Dialogue, events: pd.DataFrame, found: Walk, secret: accounts.Auth) -> pd.DataFrame:
    n, session = len(said.last), said.session
    live, reply = found.kind != OTHER, found.kind == REPLY
    length = octets(events["text"]).fillna(0).to_numpy(np.int64)
    sent = said.direction == SENT
    timed = events["time"].notna().to_numpy()

    def of(values: pd.Series, which: Any, last: bool = False) -> pd.Series:
        """Of each session's first or last event that is such."""
        return pd.Series(values.array.take(found.first(session, n, last=last, among=which), allow_fill=True))

    def answered(verb: str, code: int) -> np.ndarray:
        asked = np.flatnonzero(found.commands(verb) & (found.answer >= 0))
        return tally(session[asked[said.code[found.answer[asked]] == code]], n) > 0

    given = of(said.peer, said.peer.notna().to_numpy())
    address = texts.extracted(given, _ADDRESS)
    name = given.where(address.isna() & given.ne("unknown"))
    # Else the name the peer gives itself: in its greeting, its farewell, its reply to EHLO.
    hello = found.commands("EHLO", "HELO")
    to_hello = np.zeros(len(live) + 1, dtype=bool)
    to_hello[found.answer[hello]] = True
    for told in (said.code == 220, said.code == 221, to_hello[:-1]):
        rows = found.where(reply & (said.role == CLIENT) & told)
        own = texts.extracted(events["text"].take(rows), _NAME)
        at = first(session[rows], n, among=own.notna().to_numpy())
        name = name.fillna(pd.Series(own.array.take(at, allow_fill=True)))
    latest = found.first(session, n, last=True, among=live | said.connect)
    code = pd.Series(events["code"].array.take(latest, allow_fill=True))
    answers = np.where(np.append(found.both, True)[latest], -1, latest)  # a command is no answer
    text = pd.Series(events["text"].array.take(answers, allow_fill=True))
    bye, shut = (code.eq(number).fillna(False).to_numpy(bool) for number in (221, 421))
    late = text.str.contains(r"time[d -]*out", case=False).fillna(False).to_numpy(bool)
    quits = tally(session[found.commands("QUIT")], n) > 0
    signs = [tally(session[said.gone], n) > 0, quits | bye, shut & late, shut | ~said.last]
    return tables.conform(
        "sessions",
        {
            "session": np.arange(n),
            "role": tables.categorical(said.role.take(first(session, n)), tables.ROLES),
            "peer_ip": address,
            "peer_host": name,
            "helo": of(events["argument"], hello & events["argument"].notna().to_numpy(), last=True).str.strip(),
            "start": of(events["time"], timed),
            "end": of(events["time"], timed, last=True),
            "user": secret.user(session, n),
            "authenticated": secret.authenticated(said.code, session, n),
            "tls": answered("STARTTLS", 220),
            "commands": tally(session[found.commands()], n),
            "replies": tally(session[reply], n) + tally(session[found.both], n),
            "transactions": tally(session[found.commands("MAIL")], n),
            "resets": tally(session[found.commands("RSET")], n),
            "octets_sent": np.bincount(session, length * (live & sent), n).astype(np.int64),
            "octets_received": np.bincount(session, length * (live & ~sent), n).astype(np.int64),
            "ended": np.select(signs, ["dropped", "quit", "timeout", "dropped"], "cut"),
        },
    )


def _recipients(events: pd.DataFrame, found: Walk, path: pd.Series) -> pd.DataFrame:
    asked = found.where(found.commands("RCPT"))
    decided = found.decided[asked]
    reply = events[["kind", "code", "enhanced_code", "text"]].take(np.maximum(decided, 0)).reset_index(drop=True)
    itself = found.both[decided]  # the record that holds the command: its text is that
    by_peer = (decided >= 0) & (itself | reply["kind"].eq("reply").to_numpy())
    rcpt = events[["transaction", "session", "time"]].take(asked).reset_index(drop=True)
    return tables.conform(
        "recipients",
        {
            **{name: rcpt[name] for name in rcpt},
            "forward_path": path.take(asked),
            "status": tables.categorical(STATUSES[np.maximum(found.status[asked], 0)], tables.STATUSES),
            **{name: reply[name].where(by_peer) for name in ("code", "enhanced_code")},
            "reply": reply["text"].where((decided >= 0) & ~itself),
        },
    )


def outcomes(recipients: pd.DataFrame, n: int) -> dict[str, Any]:
    """Per transaction ``0…n-1``: counts of recipients by status, and the status they share."""
    of, status = recipients["transaction"], recipients["status"].cat.codes.to_numpy()
    known = of.notna().to_numpy(bool)
    names = ["mixed", "empty", *tables.STATUSES]  # the code before the first status: nobody was told anything
    place = of[known].to_numpy(np.int64) * len(names) + status[known] + 2
    counts = np.bincount(place, minlength=n * len(names)).reshape(n, len(names))
    total, common = counts.sum(axis=1), counts.argmax(axis=1)
    shared = np.where(counts[np.arange(n), common] == total, np.where(common == 1, -1, common), 0)
    told = {name: counts[:, i] for i, name in enumerate(names)}
    outcome = tables.categorical(np.where(total > 0, shared, 1), names).remove_unused_categories()
    return {"recipients": total, "accepted": told["accepted"] + told["delivered"], "rejected": told["rejected"],
            "deferred": told["deferred"], "outcome": outcome}  # fmt: skip


def _transactions(events: pd.DataFrame, found: Walk, path: pd.Series, recipients: pd.DataFrame) -> pd.DataFrame:
    n = found.made
    started = found.where(found.commands("MAIL"))
    mail = events[["session", "time", "size"]].take(started).reset_index(drop=True)
    answer = found.answer[started]
    refused = (answer >= 0) & events["code"].take(np.maximum(answer, 0)).ge(400).fillna(False).to_numpy(bool)
    columns = outcomes(recipients, n)
    reverse = path.take(started).reset_index(drop=True)
    text = found.where((events["kind"].cat.codes.to_numpy() == _DATA) & ~events["echo"].to_numpy())
    headed = first(events["transaction"].take(text).fillna(-1).to_numpy(np.int64), n)
    header = texts.before(events["text"], "\n\n", text[headed[headed >= 0]])
    message_id = pd.Series(np.nan, range(n), dtype="str")
    message_id[headed >= 0] = header.str.extract(_MESSAGE_ID, expand=False).to_numpy(object)
    return tables.conform(
        "transactions",
        {
            "transaction": np.arange(n),
            "session": mail["session"],
            "number": mail.groupby("session").cumcount() + 1,
            "start": mail["time"],
            "end": events["time"].take(found.first(found.transaction, n, last=True)),
            "reverse_path": reverse,
            "null_sender": reverse.eq("").fillna(False).astype(bool),
            "size": mail["size"],
            "message_id": message_id,
            **columns,
            "outcome": np.where(refused, "rejected", columns["outcome"]),
        },
    )
