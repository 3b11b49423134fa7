"""From dialogue events to sessions, transactions and recipients, by RFC 5321's order of commands.

A reader says in a ``Dialogue`` who said what in which session; ``walk`` says what each event is, which
transaction it belongs to, which event answers which command, and what became of each recipient;
``assemble`` turns both into the tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import accounts, tables
from spamlab.engine import Kernel
from spamlab.walk import CLIENT, COMMAND, OTHER, REPLY, RESPONSE, TEXT, VERBS, walk

_walk = Kernel(walk, "b1* i8* i8* b1* b1* i8* i8* i8* i8* i8* i8* i8* i8* i8*")
KINDS = np.array(["command", "reply", "data", "auth", "note"], dtype=object)  # by walk's numbers
STATUSES = np.array([None, "accepted", "delivered", "rejected", "deferred"], dtype=object)


class Walk:
    """What ``walk`` found, as arrays with one item an event."""

    def __init__(self, session: Any, role: Any, direction: Any, skip: Any, gone: Any, verb: Any, code: Any) -> None:
        n = len(session)
        first = np.ones(n, dtype=np.bool_)
        first[1:] = session[1:] != session[:-1]
        self.verb = verb
        self.kind = np.full(n, OTHER, dtype=np.int64)
        found = [np.full(n, -1, dtype=np.int64) for _ in range(5)]
        self.transaction, self.answer, self.status, self.decided, self.step = found
        run = _walk.pick(n * 60)
        pending = np.zeros(n + 1, dtype=np.int64)
        self.made = int(run(first, role, direction, skip, gone, verb, code, pending, self.kind, *found))

    def commands(self, *verbs: str) -> np.ndarray:
        """Which events are commands (of these verbs, if any are named)."""
        of_verb = np.isin(self.verb, [VERBS.index(verb) for verb in verbs]) if verbs else True
        return np.asarray((self.kind == COMMAND) & of_verb)


def verb_numbers(verb: pd.Series) -> np.ndarray:
    """Each event's place in ``VERBS``; other verbs ``len(VERBS)``, none -1."""
    place = {name: i for i, name in enumerate(VERBS)}
    numbers = [place.get(str(name).upper(), len(VERBS)) for name in verb.cat.categories]
    found: np.ndarray = np.array([*numbers, -1], dtype=np.int64).take(verb.cat.codes.to_numpy())
    return found


def answers(events: pd.DataFrame) -> pd.Series:
    """Which event answers which command.

    Parameters
    ----------
    events
        ``log.events`` (or rows of it, whole sessions in order).

    Returns
    -------
    Series of Int64
        Index: labels of the command events, AUTH responses and ends of messages whose text is logged, echoes
        left out; value: the label of the reply, missing where none was logged.

    Examples
    --------
    >>> import spamlab
    >>> events = spamlab.read("data/exchange55-appendix-a.log").events
    >>> answered = answers(events)
    >>> len(answered), int(answered.isna().sum())
    (25, 0)
    """
    own = events[events["session"].notna() & events["kind"].isin(["command", "reply", "data", "auth"])]
    own = own[~own["echo"] & own["direction"].notna()]  # a mail server's log says of AUTH only how it ended
    if len(own) and not own["session"].is_monotonic_increasing:
        own = own.sort_values("session", kind="stable")
    direction = own["direction"].cat.codes.to_numpy(np.int64)
    # The client is who speaks commands: role and direction come out the same for it.
    role = np.where(own["kind"].eq("reply"), 1 - direction, direction)
    quiet = np.zeros(len(own), dtype=np.bool_)
    code = own["code"].fillna(-1).to_numpy(np.int64)
    session = own["session"].to_numpy(np.int64)
    found = Walk(session, role, direction, quiet, quiet, verb_numbers(own["verb"]), code)
    text = found.kind == TEXT
    text[:-1] &= ~(text[1:] & (session[1:] == session[:-1]))  # a message's text asks once, at its end
    asks = np.flatnonzero((found.kind == COMMAND) | (found.kind == RESPONSE) | text)
    at, labels = found.answer[asks], own.index.to_numpy()
    answer = pd.Series(labels.take(np.maximum(at, 0)), own.index[asks], dtype="Int64", name="answer")
    return answer.mask(at < 0)


def octets(text: pd.Series) -> pd.Series:
    """SMTP octets of logged lines: UTF-8 octets of the text, CRLF for each line end and at the end.

    Returns Int64 in octets, missing where the text is.
    """
    array = pa.array(text)
    total = pc.add(pc.binary_length(array), pc.add(pc.count_substring(array, "\n"), 2)).cast("int64")
    escaped = pc.match_substring(array, "\\x")
    if pc.any(escaped).as_py():  # an octet that is no text stands as four characters
        stands = pc.count_substring_regex(array, r"\\x[89a-f][0-9a-f]").cast("int64")
        total = pc.subtract(total, pc.multiply(stands, 3))
    length = total.fill_null(0).to_numpy(zero_copy_only=False)
    return pd.Series(length, index=text.index, dtype="Int64").mask(text.isna())


@dataclass
class Dialogue:
    """Who said what: arrays and Series with one item an event, session after session."""

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
    echo_of: np.ndarray
    """Of a second copy the event it copies, else -1."""
    verb: pd.Series
    code: np.ndarray
    """-1: none."""
    enhanced_code: pd.Series
    text: pd.Series
    argument: pd.Series
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
    """Kinds of events that nobody said (a note, TLS, an account's name); None: it was said."""

    @classmethod
    def of(cls, records: Any, columns: dict[str, Any], **said: Any) -> Dialogue:
        """The dialogue of some records: what ``said`` leaves out is as their columns of that name have it."""
        no = np.zeros(len(records), dtype=bool)
        given = {
            **dict.fromkeys(("connect", "gone", "several"), no),
            "echo_of": np.full(len(records), -1),
            "verb": records.category("verb"),
            "enhanced_code": records.category("enhanced_code"),
            "path": records.text("path"),
            "size": records.integer("size"),
        }
        return cls(columns={**columns, **records.places()}, **{**given, **said})


def _upper(verb: pd.Series) -> pd.Series:
    capitals = verb.cat.categories.str.upper()
    known = capitals.unique()
    codes = np.append(known.get_indexer(capitals), -1)[verb.cat.codes.to_numpy()]
    return pd.Series(tables.categorical(codes, known)).cat.remove_unused_categories()


_LATER_LINES = re.compile(r"[\r\n].*", re.DOTALL)
_WRAPPED = re.compile(r"[ \t]*\n[ \t]*(?!\d{3}[ -])")


def _unwrap(said: Dialogue, kind: np.ndarray) -> None:
    """Undo the log's wrapping: a line of a reply that begins with no code continues the line before it.

    Of a raw buffer that holds several commands the first is the event; the others have lines of their own.
    """
    reply, command = (kind == "reply") | said.gone, kind == "command"
    first_only = (said.several & command, _LATER_LINES, "")
    for text, (rows, what, put) in (
        (said.text, (said.several & reply, _WRAPPED, " ")),
        (said.text, first_only),
        (said.argument, first_only),
    ):
        text[rows] = text[rows].str.replace(what, put, regex=True)


def assemble(said: Dialogue) -> dict[str, pd.DataFrame]:
    """Build the tables ``events``, ``sessions``, ``transactions`` and ``recipients``."""
    echo = said.echo_of >= 0
    number = verb_numbers(said.verb)
    aside = said.aside if said.aside is not None else np.full(len(echo), None, dtype=object)
    silent = pd.notna(aside)
    skip = echo | said.connect | said.gone | silent
    found = Walk(said.session, said.role, said.direction, skip, said.gone, number, said.code)
    original = np.where(echo, said.echo_of, np.arange(len(echo)))
    transaction, kind = found.transaction[original], KINDS[found.kind[original]]
    kind[said.connect] = "connect"
    kind[silent] = aside[silent]
    command, auth, coded = kind == "command", kind == "auth", (kind == "reply") | said.gone
    _unwrap(said, kind)
    secret = accounts.Auth(said.text, said.argument, found, said.echo_of)
    declared = command & (number == VERBS.index("MAIL")) & said.size.ge(0).fillna(False)
    events = tables.conform(
        "events",
        {
            **said.columns,
            "session": said.session,
            "transaction": pd.Series(transaction, dtype="Int64").mask(transaction < 0),
            "direction": tables.categorical(said.direction, tables.DIRECTIONS),
            "kind": kind,
            "verb": _upper(said.verb.where(command)),
            "argument": secret.argument.where((command & secret.argument.ne("")) | auth),
            "code": pd.Series(said.code, dtype="Int64").where(coded & (said.code >= 0)),
            "enhanced_code": said.enhanced_code.where(coded),
            "text": secret.text,
            "size": said.size.where(declared),
            "echo": echo,
            "repeats": 1,
        },
        index=pd.RangeIndex(len(echo)),
    )
    sessions = _sessions(said, events, found, secret)
    recipients = _recipients(events, found, said.path)
    transactions = _transactions(events, found, said.path, sessions, recipients)
    return {"events": events, "sessions": sessions, "transactions": transactions, "recipients": recipients}


def untangle(said: Dialogue, order: np.ndarray, both: np.ndarray) -> dict[str, pd.DataFrame]:
    """Build the tables from events whose sessions interleave, or which hold a command and its answer.

    ``order``: all events, session after session. ``both``: which are such records; their verb, argument and direction
    are the command's, their code the answer's.
    """
    at = np.repeat(order, 1 + both[order])
    answer = np.zeros(len(at), dtype=bool)
    answer[1:] = at[1:] == at[:-1]
    asks = both[at] & ~answer

    def take(values: Any) -> Any:
        if values is None:
            return None
        return values.take(at).reset_index(drop=True) if isinstance(values, pd.Series) else values[at]

    steps = Dialogue(
        columns={name: take(pd.Series(values)) for name, values in said.columns.items()},
        direction=np.where(answer, 1 - said.direction[at], said.direction[at]),
        verb=take(said.verb).mask(answer),
        code=np.where(asks, -1, said.code[at]),
        text=take(said.text).mask(answer),
        argument=take(said.argument).mask(answer),
        peer=take(said.peer),
        last=said.last,
        **{name: take(getattr(said, name)) for name in _BY_EVENT},
    )
    made = assemble(steps)
    back = np.empty(len(order), dtype=np.int64)
    back[at[~answer]] = np.flatnonzero(~answer)
    events = made["events"].take(back).reset_index(drop=True)
    pairs = np.flatnonzero(both & events["kind"].eq("command").to_numpy())
    replies = made["events"].take(back[pairs] + 1)
    for name in ("code", "enhanced_code"):
        events.loc[pairs, name] = replies[name].array
    events.loc[pairs, "kind"] = "exchange"
    return made | {"events": events}


_BY_EVENT = ("session", "role", "connect", "gone", "echo_of", "enhanced_code", "several", "path", "size", "aside")


def tally(rows: Any, n: int) -> np.ndarray:
    """How often each of ``0…n-1`` occurs in ``rows`` (missing ones left out)."""
    return np.bincount(pd.Series(rows).dropna().to_numpy(np.int64), minlength=n)[:n]


_ADDRESS = r"^\[?([0-9][0-9.]*\.[0-9.]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]?$"  # as logged: 10..1.1.1 is one too
_BODY = re.compile(r"\n\n.*", re.DOTALL)
_MESSAGE_ID = re.compile(r"^Message-ID:[ \t]*<?([^\s<>]+)", re.IGNORECASE | re.MULTILINE)
_NAME = r"^\d{3}[ -]([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)"


def _sessions(said: Dialogue, events: pd.DataFrame, found: Walk, secret: accounts.Auth) -> pd.DataFrame:
    n, session = len(said.last), said.session
    live, reply = found.kind != OTHER, found.kind == REPLY
    length = octets(events["text"]).fillna(0).to_numpy(np.int64)
    sent = events["direction"].eq("sent").to_numpy()
    by_session = events["time"].groupby(session)

    def first(values: pd.Series) -> pd.Series:
        return values.dropna().groupby(session[values.notna()]).first().reindex(range(n))

    def answered(verb: str, code: int) -> np.ndarray:
        asked = np.flatnonzero(found.commands(verb) & (found.answer >= 0))
        return tally(session[asked[said.code[found.answer[asked]] == code]], n) > 0

    given = first(said.peer)
    address = given.str.extract(_ADDRESS, expand=False)
    name = given.where(address.isna() & given.ne("unknown"))
    # Else the name the peer gives itself: in its greeting, its farewell, its reply to EHLO.
    hello = found.commands("EHLO", "HELO")
    to_hello = np.isin(np.arange(len(live)), found.answer[hello])
    for told in (said.code == 220, said.code == 221, to_hello):
        own = events["text"][reply & (said.role == CLIENT) & told].str.extract(_NAME, expand=False)
        name = name.fillna(first(own.reindex(events.index)))
    final = events[live | said.connect].drop_duplicates("session", keep="last")
    final = final.set_index("session")[["code", "text"]].reindex(range(n))
    bye, shut = (final["code"].eq(code).fillna(False).to_numpy(bool) for code in (221, 421))
    late = final["text"].str.contains(r"time[d -]*out", case=False).fillna(False).to_numpy(bool)
    quits = tally(session[found.commands("QUIT")], n) > 0
    signs = [tally(session[said.gone], n) > 0, quits | bye, shut & late, shut | ~said.last]
    return tables.conform(
        "sessions",
        {
            "session": np.arange(n),
            "role": tables.categorical(pd.Series(said.role).groupby(session).first(), tables.ROLES),
            "peer_ip": address,
            "peer_host": name,
            "helo": events["argument"][hello].str.strip().groupby(session[hello]).last().reindex(range(n)),
            "start": by_session.first(),
            "end": by_session.last(),
            "user": secret.user(session, n),
            "authenticated": secret.authenticated(said.code, session, n),
            "tls": answered("STARTTLS", 220),
            "commands": tally(session[found.commands()], n),
            "replies": tally(session[reply], n),
            "transactions": tally(session[found.commands("MAIL")], n),
            "resets": tally(session[found.commands("RSET")], n),
            "octets_sent": np.bincount(session, length * (live & sent), n).astype(np.int64),
            "octets_received": np.bincount(session, length * (live & ~sent), n).astype(np.int64),
            "ended": np.select(signs, ["dropped", "quit", "timeout", "dropped"], "cut"),
        },
    )


def _recipients(events: pd.DataFrame, found: Walk, path: pd.Series) -> pd.DataFrame:
    asked = np.flatnonzero(found.commands("RCPT"))
    decided = found.decided[asked]
    reply = events.take(np.maximum(decided, 0)).reset_index(drop=True)
    by_peer = (decided >= 0) & reply["kind"].eq("reply").to_numpy()
    rcpt = events.take(asked).reset_index(drop=True)
    return tables.conform(
        "recipients",
        {
            **{name: rcpt[name] for name in ("transaction", "session", "time")},
            "forward_path": path.take(asked),
            "status": STATUSES[np.maximum(found.status[asked], 0)],
            **{name: reply[name].where(by_peer) for name in ("code", "enhanced_code")},
            "reply": reply["text"].where(decided >= 0),
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


def _transactions(
    events: pd.DataFrame, found: Walk, path: pd.Series, sessions: pd.DataFrame, recipients: pd.DataFrame
) -> pd.DataFrame:
    started = np.flatnonzero(found.commands("MAIL"))
    mail = events.take(started).reset_index(drop=True)
    inside = np.flatnonzero(found.transaction >= 0)
    last = np.zeros(found.made, dtype=np.int64)
    last[found.transaction[inside]] = inside  # the last one written stays
    answer = found.answer[started]
    refused = (answer >= 0) & events["code"].ge(400).fillna(False).to_numpy(bool).take(np.maximum(answer, 0))
    columns = outcomes(recipients, found.made)
    account = sessions["user"].where(sessions["authenticated"])
    reverse = path.take(started).reset_index(drop=True)
    text = events[events["kind"].eq("data") & ~events["echo"]].drop_duplicates("transaction")
    header = text.set_index("transaction")["text"].str.replace(_BODY, "", regex=True)
    message_id = header.str.extract(_MESSAGE_ID, expand=False).reindex(range(found.made))
    return tables.conform(
        "transactions",
        {
            "transaction": np.arange(found.made),
            "session": mail["session"],
            "number": mail.groupby("session").cumcount() + 1,
            "start": mail["time"],
            "end": events["time"].take(last),
            "reverse_path": reverse,
            "null_sender": reverse.eq("").fillna(False).astype(bool),
            "size": mail["size"],
            "message_id": message_id,
            "user": account.take(mail["session"].to_numpy(np.int64)),
            **columns,
            "outcome": np.where(refused, "rejected", columns["outcome"]),
        },
    )
