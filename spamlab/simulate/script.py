"""What happened, event by event, and so the truth that a reader of its log should find.

``Truth`` only records: who decides what happens (``transcript``, or a script as in ``benchmarks/writers``) calls it.
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
EVENT = ("milliseconds", "session", "transaction", "kind", "sent", "echoed", "verb", "text")


class Dropped(Exception):
    """The connection is gone: raised where its next event would have been."""


def octets(text: str) -> int:
    """Octets of a line (or lines) on the wire, CRLF included."""
    return len(text.encode("utf-8", "surrogateescape")) + text.count("\n") + 2


def _outcome(refused: bool, fates: list[str | None]) -> str | None:
    """What became of a mail: its recipients' common fate, if they have one."""
    common = list(dict.fromkeys(fates)) or ["empty"]
    return "rejected" if refused else common[0] if len(common) == 1 else "mixed"


class Truth:
    """Records sessions one after another, and holds what a perfect reader finds in their log.

    The tables have the shape of spamlab's; times are to the millisecond. Ids count from 0 in the order things
    began, session by session (a log in several files interleaves them); ``lanes`` holds, of each session, the
    number of the file it is in. While recording, ``clock`` (ms since the epoch) is the time of the last event;
    ``left`` is how many more events the connection will live to see (negative: no limit); ``rows`` holds what
    is known of sessions, transactions and recipients, under the tables' names.
    """

    def __init__(self) -> None:
        self.script: list[Event] = []
        self.rows: dict[str, list[dict[str, Any]]] = {"sessions": [], "transactions": [], "recipients": []}
        self.lanes: list[int] = []
        self.clock, self.left = 0, -1
        self.transaction: int | None = None

    def connect(self, lane: int, time: int, role: str, peer: str, **row: Any) -> dict[str, Any]:
        """Begin a session and return its row."""
        self.clock, self.left, self.transaction = time, -1, None
        session = {"role": role, "ended": "dropped", "authenticated": False, "transactions": 0, **row}
        self.rows["sessions"].append(session)
        self.lanes.append(lane)
        self.log("connect", peer, 0, role == "client")
        return session

    def log(self, kind: str, text: str, wait: int, sent: bool, verb: str = "", echoed: bool = True, **row: Any) -> None:
        """Record an event ``wait`` ms after the last one; MAIL and RCPT bring what is known of them."""
        if self.left == 0:
            raise Dropped
        self.left -= 1
        self.clock += wait
        sessions, transactions, recipients = self.rows.values()
        row["session"] = len(sessions) - 1
        if verb == "MAIL":
            self.transaction = len(transactions)
            sessions[-1]["transactions"] += 1
            transactions.append({"number": sessions[-1]["transactions"], "tried": [], "refused": False, **row})
        elif verb == "RCPT":
            time = self.clock * 1000  # µs, as the tables hold it
            recipients.append({"transaction": self.transaction, "time": time, **row})
            transactions[-1]["tried"].append(recipients[-1])
        elif verb == "QUIT":
            self.transaction = None
        of = self.script[-1][2] if kind == "reply" else self.transaction  # a reply's is that of what it answers
        self.script.append((self.clock, row["session"], of, kind, sent, echoed, verb, text))
        if verb == "RSET":  # answered or not
            self.transaction = None

    # -- the tables

    @cached_property
    def events(self) -> pd.DataFrame:
        """Every event, with its ``octets`` on the wire and its time in ``milliseconds`` too."""
        columns: dict[str, Any] = {name: [event[n] for event in self.script] for n, name in enumerate(EVENT)}
        columns["octets"] = [octets(text) for text in columns["text"]]
        shown = [text.encode("utf-8", "surrogateescape") for text in columns["text"]]
        columns["text"] = [text.decode("utf-8", "backslashreplace") for text in shown]
        columns["time"] = [1000 * milliseconds for milliseconds in columns["milliseconds"]]
        made = pd.DataFrame(columns).astype({"transaction": "Int64", "time": tables.TIME})
        made["code"] = made["text"].astype("str").str[:3].where(made["kind"] == "reply").astype("Int64")
        return made

    def _table(self, name: str, key: str = "", **columns: Any) -> pd.DataFrame:
        """A table of what the script's rows say, of further columns, and of a key and the times of its events."""
        rows = self.rows[name]
        said = {c: [row.get(c) for row in rows] for c in tables.TABLES[name] if any(c in row for row in rows)}
        if key:
            time = self.events.groupby(key)["time"]
            columns |= {key: range(len(rows)), "start": time.min(), "end": time.max()}
        return tables.conform(name, said | columns)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row a connection."""
        events = self.events
        said = events["octets"].mask(events["kind"].isin(["connect", "note"]), 0)
        counted = {
            "commands": events["kind"] == "command",
            "replies": events["kind"] == "reply",
            "resets": events["verb"] == "RSET",
            "octets_sent": said.where(events["sent"], 0),
            "octets_received": said.mask(events["sent"], 0),
        }
        sums = {name: values.groupby(events["session"]).sum() for name, values in counted.items()}
        return self._table("sessions", "session", **sums)

    @cached_property
    def recipients(self) -> pd.DataFrame:
        """One row a recipient attempt."""
        return self._table("recipients")

    @cached_property
    def transactions(self) -> pd.DataFrame:
        """One row a mail transaction."""
        rows = self.rows["transactions"]
        fates = [[recipient.get("status") for recipient in row["tried"]] for row in rows]
        return self._table(
            "transactions",
            "transaction",
            null_sender=[row["reverse_path"] == "" for row in rows],
            recipients=[len(fate) for fate in fates],
            accepted=[fate.count("accepted") + fate.count("delivered") for fate in fates],
            rejected=[fate.count("rejected") for fate in fates],
            deferred=[fate.count("deferred") for fate in fates],
            outcome=[_outcome(row["refused"], fate) for row, fate in zip(rows, fates, strict=True)],
        )

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
        code = {row["session"]: row.get("code") for row in reversed(self.rows["recipients"])}
        turns = self.sessions["resets"].to_list()
        found = [n for n, row in enumerate(self.rows["sessions"]) if row["loop"] and turns[n] >= 2]
        units = [f"MAIL–RCPT({code[n]})–RSET" for n in found]
        return pd.DataFrame({"session": found, "unit": units, "turns": [turns[n] for n in found]})
