"""The six tables: names, dtypes, units and meaning of every column.

One definition that readers, tests and documentation share. ``TABLES`` maps a table's name to its
columns; ``conform`` turns any frame with a subset of those columns into one that has all of them,
in order and with the right dtypes.

>>> TABLES["recipients"]["delay"].unit
's'
>>> empty("unparsed").dtypes.astype(str).to_dict()
{'source': 'category', 'line': 'int64', 'text': 'str', 'reason': 'category'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

TEXT = "str"
CATEGORY = "category"
INTEGER = "Int64"  # can be missing
COUNT = "int64"  # never missing
FLAG = "bool"  # never missing
SECONDS = "float64"
TIME = "datetime64[us, UTC]"

# Closed vocabularies (RFC 5321 terms); DESIGN.md gives the meaning of each word.
KINDS = (
    "connect", "command", "reply", "exchange", "data", "auth", "tls", "receive", "queue", "deliver", "reject",
    "report", "remove", "note", "disconnect",
)  # fmt: skip
STATUSES = ("accepted", "delivered", "rejected", "bounced", "deferred", "expired", "discarded", "held", "probed")
DIRECTIONS = ("sent", "received")
ROLES = ("client", "server")
REPORTS = ("ndr", "postmaster", "delay", "success")

IDS = {"session": "session", "transaction": "transaction", "ndr_of": "transaction", "requeued_as": "transaction"}
"""Columns that hold ids, and of what."""
CLOSED = {"kind": KINDS, "status": STATUSES, "direction": DIRECTIONS, "role": ROLES, "report": REPORTS}


@dataclass(frozen=True)
class Column:
    """One column: its pandas dtype, what it means, and its unit if it has one."""

    dtype: str
    meaning: str
    unit: str = ""


def _columns(**columns: tuple[str, ...]) -> dict[str, Column]:
    return {name: Column(*spec) for name, spec in columns.items()}


TABLES: dict[str, dict[str, Column]] = {
    "events": _columns(
        time=(TIME, "when the event was logged"),
        session=(INTEGER, "the connection it belongs to"),
        transaction=(INTEGER, "the mail transaction it belongs to"),
        direction=(CATEGORY, "sent or received, seen from the logging server"),
        kind=(CATEGORY, "what it is: one of tables.KINDS"),
        verb=(CATEGORY, "the SMTP command, in capitals"),
        argument=(TEXT, "what follows the verb; of an AUTH response the account name"),
        code=(INTEGER, "reply code"),
        enhanced_code=(CATEGORY, "enhanced status code, as printed"),
        text=(TEXT, "the line as logged, without stamp and marks; secrets masked"),
        size=(INTEGER, "message size, declared (SIZE=) or logged", "octets"),
        queue_id=(TEXT, "the server's queue id"),
        host=(CATEGORY, "the logging host"),
        program=(CATEGORY, "the logging program"),
        pid=(INTEGER, "its process id"),
        echo=(FLAG, "second copy of the event before it: analyses skip it"),
        repeats=(COUNT, "how many events the line stands for"),
        source=(CATEGORY, "input file"),
        line=(COUNT, "its first physical line, counted from 1"),
        lines=(COUNT, "how many physical lines it takes"),
    ),
    "sessions": _columns(
        session=(COUNT, "id, unique in a Log"),
        role=(CATEGORY, "client or server: what the logging server is in it"),
        peer_ip=(TEXT, "the other side's address"),
        peer_host=(TEXT, "the other side's name, as logged"),
        helo=(TEXT, "argument of the last HELO or EHLO"),
        start=(TIME, "first logged event"),
        end=(TIME, "last logged event"),
        user=(TEXT, "account named in AUTH"),
        authenticated=(FLAG, "AUTH answered 235"),
        tls=(FLAG, "TLS was started"),
        commands=(COUNT, "commands given"),
        replies=(COUNT, "replies, each counted once"),
        transactions=(COUNT, "mail transactions"),
        resets=(COUNT, "RSET commands"),
        octets_sent=(INTEGER, "SMTP octets written by the logging server", "octets"),
        octets_received=(INTEGER, "SMTP octets read by the logging server", "octets"),
        ended=(CATEGORY, "quit, dropped, timeout, cut (the log ends first), …"),
    ),
    "transactions": _columns(
        transaction=(COUNT, "id, unique in a Log"),
        session=(INTEGER, "the connection it was made in"),
        number=(INTEGER, "its number within the session, from 1"),
        start=(TIME, "first logged event"),
        end=(TIME, "last logged event"),
        reverse_path=(TEXT, "sender address, bare; empty for the null reverse-path"),
        null_sender=(FLAG, "the reverse-path is null"),
        size=(INTEGER, "message size, declared or logged", "octets"),
        message_id=(TEXT, "Message-ID header"),
        queue_id=(TEXT, "the server's queue id"),
        host=(CATEGORY, "the logging host"),
        user=(TEXT, "authenticated account"),
        recipients=(COUNT, "recipient attempts"),
        accepted=(COUNT, "of them accepted or delivered"),
        rejected=(COUNT, "of them rejected"),
        deferred=(COUNT, "of them deferred"),
        outcome=(CATEGORY, "the recipients' common status, or mixed, or empty; without any: rejected as a whole"),
        report=(CATEGORY, "kind of notification the server made: ndr, postmaster, delay, success"),
        ndr_of=(INTEGER, "the transaction an ndr or postmaster report is about"),
    ),
    "recipients": _columns(
        transaction=(INTEGER, "the mail transaction"),
        session=(INTEGER, "the connection"),
        time=(TIME, "when the attempt was made"),
        forward_path=(TEXT, "recipient address, bare"),
        orig_to=(TEXT, "address before rewriting"),
        status=(CATEGORY, "what came of it: one of tables.STATUSES"),
        code=(INTEGER, "reply code that decided it"),
        enhanced_code=(CATEGORY, "enhanced status code, as printed"),
        reply=(TEXT, "the deciding reply's text"),
        relay=(TEXT, "host and address it was handed to, as logged"),
        delay=(SECONDS, "from arrival to this attempt's end", "s"),
        delay_before_queue=(SECONDS, "before the queue manager", "s"),
        delay_in_queue=(SECONDS, "in the queue", "s"),
        delay_connect=(SECONDS, "connection set-up", "s"),
        delay_transmit=(SECONDS, "transmission", "s"),
        requeued_as=(INTEGER, "the transaction of this Log it became"),
    ),
    "unparsed": _columns(
        source=(CATEGORY, "input file"),
        line=(COUNT, "physical line, counted from 1"),
        text=(TEXT, "the line"),
        reason=(CATEGORY, "why it could not be read"),
    ),
    "sources": _columns(
        source=(CATEGORY, "input file"),
        format=(CATEGORY, "recognised format, or unknown"),
        sha256=(TEXT, "of the file as stored"),
        octets=(COUNT, "of the file as stored", "octets"),
        lines=(COUNT, "physical lines"),
        event_lines=(COUNT, "of them in events"),
        ignored_lines=(COUNT, "of them blank, comments, other programs'"),
        unparsed_lines=(COUNT, "of them unparsed"),
        resolution=(SECONDS, "of the time stamps", "s"),
        tz_assumed=(TEXT, "zone taken for stamps that state none"),
        year_assumed=(INTEGER, "year taken for stamps without one"),
        dayfirst_assumed=("boolean", "day before month was assumed; missing: the log itself decides"),
        first=(TIME, "earliest event"),
        last=(TIME, "latest event"),
    ),
}


def missing(dtype: str, index: pd.Index) -> pd.Series:
    """A Series of missing values (False for flags, 0 for counts) of a table's dtype."""
    n = len(index)
    values: Any
    if dtype == TEXT:
        values = pd.array(pa.nulls(n, pa.large_string()), dtype="str")
    elif dtype == CATEGORY:
        values = categorical(np.full(n, -1, dtype=np.int8), [])
    elif dtype == INTEGER:
        values = pd.arrays.IntegerArray(np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool))
    else:
        values = {FLAG: False, COUNT: 0, TIME: pd.NaT, "boolean": pd.NA, SECONDS: float("nan")}[dtype]
    return pd.Series(values, index=index, dtype=dtype)


def categorical(codes: Any, words: Any) -> pd.Categorical:
    """Categories from codes (-1: missing)."""
    made: pd.Categorical = pd.Categorical.from_codes(codes, pd.Index(words, dtype="str"))
    return made


def _cast(name: str, column: Any, dtype: Any) -> Any:
    if dtype != CATEGORY:
        return column if str(column.dtype) == dtype else column.astype(dtype)
    if name in CLOSED:
        return column.astype(pd.CategoricalDtype(pd.Index(CLOSED[name], dtype="str")))
    if isinstance(column.dtype, pd.CategoricalDtype):
        # Categories are text in every table, also where a column is all missing.
        return column if column.cat.categories.dtype == "str" else column.astype("str").astype(CATEGORY)
    return column.astype("str").astype(CATEGORY)


def conform(table: str, columns: Mapping[Any, Any], index: pd.Index | None = None) -> pd.DataFrame:
    """Build a table from the columns at hand; absent ones are missing, dtypes are the contract's.

    Raises ``KeyError`` on a column the table does not have: a misspelt name must not vanish.
    """
    spec = TABLES[table]
    if unknown := set(columns) - set(spec):
        raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
    if index is None:
        index = pd.RangeIndex(max((len(c) for c in columns.values()), default=0))
    made = {}
    for name, column in spec.items():
        if name not in columns:
            made[name] = _cast(name, missing(column.dtype, index), column.dtype)
            continue
        given = columns[name]
        series = given if isinstance(given, pd.Series) else pd.Series(given, index=index, copy=False)
        series = series if series.index is index else series.set_axis(index)
        made[name] = _cast(name, series, column.dtype)
    return pd.DataFrame(made, index=index, copy=False)  # a copy would cost more than all columns


def empty(table: str) -> pd.DataFrame:
    """The table with no rows."""
    return conform(table, {})


class Numbering:
    """Ids that go on from one part of a log to the next."""

    def __init__(self) -> None:
        self._used = {"session": 0, "transaction": 0}

    def shift(self, part: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """A part's tables with its ids counted on from those of the parts before."""
        moved = {}
        for name, table in part.items():
            ids = {column: table[column] + self._used[key] for column, key in IDS.items() if column in table}
            moved[name] = table.assign(**ids)
        for key in self._used:
            own = part[f"{key}s"][key]
            self._used[key] += int(own.max()) + 1 if len(own) else 0
        return moved
