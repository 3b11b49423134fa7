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

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

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
        outcome=(CATEGORY, "the recipients' common status, or mixed, or empty"),
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
        values = pd.arrays.IntegerArray(np.ones(n, dtype=np.int64), np.ones(n, dtype=bool))
    else:
        values = {FLAG: False, COUNT: 0, TIME: pd.NaT, "boolean": pd.NA, SECONDS: float("nan")}[dtype]
    return pd.Series(values, index=index, dtype=dtype)


def categorical(codes: Any, words: Any) -> pd.Categorical:
    """Categories from codes (-1: missing)."""
    made: pd.Categorical = pd.Categorical.from_codes(codes, pd.Index(words, dtype="str"))
    return made


def amended(text: pd.Series, *changes: tuple[np.ndarray, pd.Series]) -> pd.Series:
    """A text column with other texts at some rows: copied once, and not at all where there are none."""
    rows = np.concatenate([rows for rows, _ in changes])
    if not len(rows):
        return text
    mask = np.zeros(len(text), dtype=bool)
    mask[rows] = True
    new = pa.concat_arrays([whole(told) for _, told in changes]).take(pa.array(np.argsort(rows)))
    return pd.Series(pd.array(pc.replace_with_mask(whole(text), mask, new), dtype="str"), text.index)


def having(text: pd.Series, part: str) -> np.ndarray:
    """The rows whose text holds a part.

    >>> having(pd.Series(["a+b", None, "c"]), "+")
    array([0])
    """
    array = whole(text)
    _, ends, data = array.buffers()
    if not data:
        return np.zeros(0, dtype=np.int64)
    # Searching all texts as one, and asking then whose each find is, is many times as fast as text by text.
    at = np.array([found.start() for found in re.finditer(re.escape(part.encode()), memoryview(data))], dtype=np.int64)
    bounds = np.frombuffer(ends, np.int64, len(array) + 1, 8 * array.offset)
    row = np.searchsorted(bounds, at, side="right") - 1
    own = (row >= 0) & (row < len(array))
    row, at = row[own], at[own]
    rows = np.unique(row[at + len(part.encode()) <= bounds[row + 1]])
    return np.asarray(rows[array.is_valid().to_numpy(zero_copy_only=False)[rows]])


def extracted(text: pd.Series, pattern: str) -> pd.Series:
    r"""What an expression's only named group finds in each text (as RE2 reads it), else missing.

    >>> extracted(pd.Series(["SIZE=7", "BODY=8BITMIME"]), r"SIZE=(?P<size>\d+)").tolist()
    ['7', nan]
    """
    found = pc.struct_field(pc.extract_regex(whole(text), pattern), 0)
    return pd.Series(pd.array(found, dtype="str"), text.index)


def changed(text: pd.Series, rows: np.ndarray, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """A text column with some rows changed."""
    return amended(text, (rows, change(text.take(rows)))) if len(rows) else text


def swapped(text: pd.Series, old: str, new: str) -> pd.Series:
    """A text column with one ASCII character for another.

    >>> swapped(pd.Series(["a+b", None]), "+", " ").tolist()
    ['a b', nan]
    """
    array = whole(text)
    valid, ends, data = array.buffers()
    if not data:
        return text
    octets = np.frombuffer(data, np.uint8).copy()
    octets[octets == ord(old)] = ord(new)
    made = pa.LargeStringArray.from_buffers(len(array), ends, pa.py_buffer(octets), valid, -1, array.offset)
    return pd.Series(pd.array(made, dtype="str"), text.index)


def whole(text: pd.Series) -> pa.LargeStringArray:
    """A text column as one array of Arrow's."""
    array = pa.array(text, pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def spread(texts: Any, rows: np.ndarray, n: int) -> Any:
    """Texts (none missing) at some rows, ascending, of ``n``: only where each ends is told anew, none is copied.

    >>> spread(pa.array(["a", "bc"], pa.large_string()), np.array([1, 3]), 4).to_pylist()
    [None, 'a', None, 'bc']
    """
    if not len(rows):
        return pa.nulls(n, pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    _, ends, octets = texts.buffers()
    has = np.zeros(n, dtype=bool)
    has[rows] = True
    before = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(has, out=before[1:])
    where = np.frombuffer(ends, np.int64, len(texts) + 1, 8 * texts.offset)[before]
    valid = pa.py_buffer(np.packbits(has, bitorder="little"))
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(where), octets, valid, n - len(rows))


def blanked(text: pd.Series, keep: np.ndarray) -> pd.Series:
    """A text column that is missing but at some rows."""
    array = whole(text)
    rows = np.flatnonzero(keep & text.notna().to_numpy(bool))
    return pd.Series(pd.array(spread(array.take(pa.array(rows)), rows, len(array)), dtype="str"), text.index)


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
