"""What happened, event by event, and the truth a reader of its log should find.

``Script`` only records: who decides what happens (``traffic`` here, a discrete-event model later) calls it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from spamlab import tables

# One event on a connection, as it was, whatever a log makes of it: time (ms since the epoch), session,
# transaction, kind, whether the logging server sent it, whether a parsed line follows the raw one, verb, text
# (line ends "\n", undecodable bytes as surrogates). A plain tuple: there are millions.
Event = tuple[int, int, int | None, str, bool, bool, str, str]
EVENT = ("time", "session", "transaction", "kind", "sent", "echoed", "verb", "text")


class Dropped(Exception):
    """The connection is gone: raised where its next event would have been."""


def octets(text: str) -> int:
    """Octets of a line (or lines) on the wire, CRLF included."""
    length = len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))
    return length + text.count("\n") + 2


class Script:
    """Records sessions one after another; inside a session in the order of time.

    ``clock`` (ms since the epoch) is the time of the last event; ``left`` is how many more events the
    connection will live to see (negative: no limit). ``sessions``, ``transactions`` and ``recipients`` hold
    what a reader should find.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.sessions: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []
        self.recipients: list[dict[str, Any]] = []
        self.lanes: list[int] = []  # of each session: the file it is logged to
        self.clock = 0
        self.left = -1
        self.transaction: int | None = None

    def log(self, kind: str, text: str, wait: int, sent: bool, verb: str = "", echoed: bool = True) -> None:
        """Record an event ``wait`` ms after the last one."""
        if self.left == 0:
            raise Dropped
        self.left -= 1
        self.clock += wait
        session = len(self.sessions) - 1
        self.events.append((self.clock, session, self.transaction, kind, sent, echoed, verb, text))

    def connect(self, lane: int, time: int, role: str, peer: str, **row: Any) -> dict[str, Any]:
        """Begin a session and return its row of truth."""
        self.clock, self.left, self.transaction = time, -1, None
        found = {"role": role, "ended": "dropped", "authenticated": False, "tls": False}
        self.sessions.append(found | {"loop": False, "noted": False} | row)
        self.lanes.append(lane)
        self.log("connect", peer, 0, role == "client")
        return self.sessions[-1]

    def mail(self, text: str, wait: int, sent: bool, **row: Any) -> dict[str, Any]:
        """Begin a transaction with its MAIL command and return its row of truth."""
        if self.left == 0:
            raise Dropped
        self.transaction = len(self.transactions)
        self.log("command", text, wait, sent, "MAIL")
        self.transactions.append(row | {"session": len(self.sessions) - 1, "refused": False})
        return self.transactions[-1]

    def rcpt(self, text: str, wait: int, sent: bool, path: str) -> dict[str, Any]:
        """Name a recipient and return its row of truth."""
        self.log("command", text, wait, sent, "RCPT")
        session = len(self.sessions) - 1
        row = {"transaction": self.transaction, "session": session, "time": self.clock, "forward_path": path}
        self.recipients.append(row)
        return row


def _stamps(milliseconds: Any) -> pd.Series:
    return pd.Series(pd.to_datetime(milliseconds, unit="ms", utc=True), dtype=tables.TIME)


def _shown(text: str) -> str:
    """Undecodable bytes as tables show them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _columns(rows: list[dict[str, Any]], *names: str) -> dict[str, Any]:
    return {name: [row.get(name) for row in rows] for name in names}


def _outcome(refused: bool, fates: list[str | None]) -> str | None:
    """What became of a mail: its recipients' common fate, if they have one."""
    if refused:
        return "rejected"
    if not fates:
        return "empty"
    return fates[0] if len(set(fates)) == 1 else "mixed"


class Truth:
    """What a perfect reader finds in the log, in the shape of spamlab's tables; times to the millisecond.

    Ids count from 0 in the order things began, session by session (a log in several files interleaves
    them); ``lanes`` holds, of each session, the number of the file it is in.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.lanes = script.lanes

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every event, with its ``octets`` on the wire and its time in ``milliseconds`` too."""
        rows = self._script.events
        columns: dict[str, Any] = {name: [row[n] for row in rows] for n, name in enumerate(EVENT)}
        texts = columns["text"]
        made = pd.DataFrame(columns | {"text": [t if t.isascii() else _shown(t) for t in texts]})
        made["milliseconds"], made["time"] = made["time"], _stamps(made["time"])
        made["transaction"] = made["transaction"].astype("Int64")
        made["octets"] = [octets(text) for text in texts]
        made["code"] = made["text"].astype("str").str[:3].where(made["kind"] == "reply").astype("Int64")
        return made

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row a connection."""
        events, n = self.events, len(self._script.sessions)
        number, time = events["session"], events.groupby("session")["time"]
        said = events["octets"].mask(events["kind"].isin(["connect", "note"]), 0)

        def total(values: pd.Series) -> pd.Series:
            return values.groupby(number).sum()

        given = ("role", "peer_ip", "peer_host", "helo", "user", "authenticated", "tls", "ended")
        columns = _columns(self._script.sessions, *given) | {
            "session": range(n),
            "start": time.min(),
            "end": time.max(),
            "commands": total(events["kind"] == "command"),
            "replies": total(events["kind"] == "reply"),
            "resets": total(events["verb"] == "RSET"),
            "transactions": total(events["verb"] == "MAIL"),
            "octets_sent": total(said.where(events["sent"], 0)),
            "octets_received": total(said.mask(events["sent"], 0)),
        }
        return tables.conform("sessions", columns)

    @cached_property
    def recipients(self) -> pd.DataFrame:
        """One row a recipient attempt."""
        given = ("transaction", "session", "forward_path", "status", "code", "enhanced_code", "reply")
        columns = _columns(self._script.recipients, *given)
        columns["time"] = _stamps([row["time"] for row in self._script.recipients])
        return tables.conform("recipients", columns)

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """One row a mail transaction."""
        rows = self._script.transactions
        session = pd.Series([row["session"] for row in rows], dtype="int64")
        time = self.events.groupby("transaction")["time"]
        fates: list[list[str | None]] = [[] for _ in rows]
        for row in self._script.recipients:
            fates[row["transaction"]].append(row.get("status"))
        columns = _columns(rows, "session", "reverse_path", "size", "message_id", "user") | {
            "transaction": range(len(rows)),
            "number": session.groupby(session).cumcount() + 1,
            "start": time.min(),
            "end": time.max(),
            "null_sender": [row["reverse_path"] == "" for row in rows],
            "recipients": [len(fate) for fate in fates],
            "accepted": [fate.count("accepted") + fate.count("delivered") for fate in fates],
            "rejected": [fate.count("rejected") for fate in fates],
            "deferred": [fate.count("deferred") for fate in fates],
            "outcome": [_outcome(row["refused"], fate) for row, fate in zip(rows, fates, strict=True)],
        }
        return tables.conform("transactions", columns)

    @cached_property
    def commands(self) -> pd.DataFrame:
        """One row a command, with the seconds to its reply (``latency``) and that reply's ``code``.

        Both are missing where no reply came. An AUTH response has the verb ``AUTH``, the end of an inbound
        message's text ``message``.
        """
        events = self.events
        after = events[["milliseconds", "kind", "session", "code"]].shift(-1)
        answered = (after["kind"] == "reply") & (after["session"] == events["session"])
        made = events[["session", "transaction", "time", "kind", "verb"]].copy()
        made["latency"] = (after["milliseconds"] - events["milliseconds"]).where(answered) / 1000
        made["code"] = after["code"].where(answered).astype("Int64")
        return made[events["kind"].isin(["command", "auth", "data"])]

    @cached_property
    def loops(self) -> pd.DataFrame:
        """One row an RSET loop that was meant, of two whole turns or more: ``session``, ``unit``, ``turns``.

        Other mail can repeat itself by chance: these are not all the loops there are.
        """
        code = {row["session"]: row.get("code") for row in reversed(self._script.recipients)}
        turns = self.sessions["resets"].to_list()
        found = [n for n, row in enumerate(self._script.sessions) if row["loop"] and turns[n] >= 2]
        units = [f"MAIL–RCPT({code[n]})–RSET" for n in found]
        return pd.DataFrame({"session": found, "unit": units, "turns": [turns[n] for n in found]})
