"""Scanned pieces put together: what a format turns into tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import passes, tables, texts
from spamlab.engine import Kernel
from spamlab.notation import Shape, Variant
from spamlab.scan import MISSING, Field


@dataclass(frozen=True)
class Options:
    """What the caller says about logs that do not say it themselves, and what tables are wanted."""

    tz: str = "UTC"
    year: int | None = None
    dayfirst: bool | None = None
    tables: frozenset[str] = frozenset(tables.TABLES)


@dataclass
class Records:
    """All events of one format: columns, where each event stands, and what its shape is.

    Events are in order of source and line. ``shape`` numbers ``shapes``, over all variants seen.
    """

    columns: dict[str, Field]
    source: np.ndarray
    line: np.ndarray
    lines: np.ndarray
    shape: np.ndarray
    shapes: list[Shape]
    names: list[str]
    modified: Sequence[float] = ()
    """When each source was last written (seconds since 1970); NaN where it is no file."""
    times: dict[str, pd.Series] = field(default_factory=dict)
    """The times that some way of reading stamps found for the first events: they were read before."""
    clock: dict[str, Any] | None = None
    """Where the stamps stood at the end of what was read before, for who goes on from there."""

    def __len__(self) -> int:
        return len(self.source)

    def places(self) -> dict[str, Any]:
        """Where each event stands, as columns of ``log.events``."""
        source = tables.categorical(self.source, self.names)
        return {"source": source, "line": self.line, "lines": self.lines}

    def select(self, rows: np.ndarray) -> Records:
        """Some of the events (ascending)."""
        place = np.full(len(self), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        columns = {}
        for name, found in self.columns.items():
            at = np.flatnonzero(place[found.rows] >= 0)
            if len(at):
                columns[name] = Field(place[found.rows[at]], found.values.take(at))
        chosen = {name: getattr(self, name)[rows] for name in ("source", "line", "lines", "shape")}
        times = {name: time.take(rows).reset_index(drop=True) for name, time in self.times.items()}
        return replace(self, columns=columns, times=times, **chosen)

    def after(self, n: int, *names: str) -> Records:
        """What follows the first events: of the columns these alone."""
        columns = {}
        for name in set(names) & set(self.columns):
            found = self.columns[name]
            i = int(np.searchsorted(found.rows, n))
            if i < len(found.rows):
                columns[name] = Field(found.rows[i:] - n, found.values[i:])
        chosen = {name: getattr(self, name)[n:] for name in ("source", "line", "lines", "shape")}
        return replace(self, columns=columns, times={}, **chosen)

    def keep(self, names: Iterable[str]) -> None:
        """Let go of all other columns, unless the reading goes on with them: memory is what large logs want."""
        if self.clock is None:
            self.columns = {name: self.columns[name] for name in names if name in self.columns}

    def rows(self, name: str) -> np.ndarray:
        """The events that have a column."""
        return self.columns[name].rows if name in self.columns else np.zeros(0, dtype=np.int64)

    def has(self, name: str) -> np.ndarray:
        """Whether each event has a column."""
        flags = np.zeros(len(self), dtype=bool)
        flags[self.rows(name)] = True
        return flags

    def _many(self, rows: np.ndarray) -> bool:
        """Whether these are so many events that going through all is quicker than looking each up."""
        return len(rows) * 16 > len(self)

    def _at(self, name: str, rows: np.ndarray | None) -> np.ndarray | None:
        """Where in a column's values some events' stand, -1: nowhere; None: each event has its own, in order."""
        found = self.columns[name].rows
        if len(found) == len(self):
            return rows
        if rows is None or self._many(rows):
            at = np.full(len(self), -1, dtype=np.int32)
            at[found] = np.arange(len(found), dtype=np.int32)
            return at if rows is None else at[rows]
        near = np.minimum(np.searchsorted(found, rows), max(len(found) - 1, 0))
        return np.where(found[near] == rows, near, -1) if len(found) else np.full(len(rows), -1)

    def at_by(self, name: str, group: np.ndarray, n: int, *, last: bool = False, among: Any = None) -> np.ndarray:
        """By group ``0…n-1`` (-1: none) the place in a column's values of its first (or last) event; -1: nowhere."""
        rows = self.rows(name)
        return first(group[rows], n, last=last, among=True if among is None else among[rows])

    def _text(self, name: str, at: np.ndarray | None) -> pd.Series:
        values = self.columns[name].values
        if pa.types.is_dictionary(values.type):
            at, values = _take(values.indices.to_numpy(zero_copy_only=False), at, -1), values.dictionary
        if at is not None:
            values = values.take(pa.array(at, mask=at < 0))
        return pd.Series(pd.array(values, dtype="str"))

    def text(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A text column, of all events or of these."""
        if name not in self.columns:
            return tables.missing(tables.TEXT, pd.RangeIndex(len(self) if rows is None else len(rows)))
        found = self.columns[name]
        if rows is not None or len(found.rows) == len(self):
            return self._text(name, self._at(name, rows))
        values = found.values
        whole = values.dictionary.take(values.indices) if pa.types.is_dictionary(values.type) else values
        return pd.Series(pd.array(texts.spread(whole, found.rows, len(self)), dtype="str"))

    def text_by(self, name: str, group: np.ndarray, n: int, **how: Any) -> pd.Series:
        """By group the text of its first (or last) event that has a column (see ``at_by``)."""
        if name not in self.columns:
            return tables.missing(tables.TEXT, pd.RangeIndex(n))
        return self._text(name, self.at_by(name, group, n, **how))

    def _values(self, name: str, rows: np.ndarray | None, none: int) -> np.ndarray:
        """A column's numbers (of categories: which), of all events or of these; ``none`` where there is none."""
        if name not in self.columns:
            return np.full(len(self) if rows is None else len(rows), none)
        found, values = self.columns[name].rows, self.columns[name].values
        if not isinstance(values, np.ndarray):
            if not pa.types.is_dictionary(values.type):
                chunks = [values] if isinstance(values, pa.Array) else values.chunks
                values = pa.chunked_array(chunks).dictionary_encode().combine_chunks()
            values = values.indices.to_numpy(zero_copy_only=False)
        if len(found) < len(self) and (rows is None or self._many(rows)):
            whole = np.full(len(self), none, dtype=values.dtype)
            whole[found] = values
            return whole if rows is None else whole[rows]
        return _take(values, self._at(name, rows), none)

    def codes(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The number of each event's category (of text: as they appear), -1 where it has none."""
        return self._values(name, rows, -1).astype(np.int32, copy=False)

    def words(self, name: str) -> pd.Index[str]:
        """The categories of a column."""
        return cast("pd.Index[str]", pd.Index(pd.array(self.dictionary(name), dtype="str")))

    def dictionary(self, name: str) -> Any:
        """The categories of a column, as Arrow holds them."""
        return self.columns[name].values.dictionary if name in self.columns else pa.array([], pa.large_string())

    def category(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A category column, of all events or of these."""
        return pd.Series(tables.categorical(self.codes(name, rows), self.words(name)))

    def number(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A number column, of all events or of these; ``MISSING`` where there is none."""
        return self._values(name, rows, MISSING)

    def integer(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A number column as ``Int64``."""
        if rows is not None or len(self.rows(name)) == len(self):
            return integers(self.number(name, rows), MISSING)
        if name not in self.columns:
            return tables.missing(tables.INTEGER, pd.RangeIndex(len(self)))
        found = self.columns[name]
        there = found.values != MISSING
        return integers_at(found.rows[there], found.values[there], len(self))

    def integer_by(self, name: str, group: np.ndarray, n: int, **how: Any) -> pd.Series:
        """By group the number of its first (or last) event that has a column (see ``at_by``)."""
        if name not in self.columns:
            return integers(np.full(n, MISSING), MISSING)
        return integers(_take(self.columns[name].values, self.at_by(name, group, n, **how), MISSING), MISSING)

    def kinds(self) -> np.ndarray:
        """The place in ``tables.KINDS`` of each event's kind, as its shape says; -1: none of them."""
        place = {kind: i for i, kind in enumerate(tables.KINDS)}
        kinds = np.array([*(place.get(shape.kind, -1) for shape in self.shapes), -1], dtype=np.int8)
        return np.asarray(kinds[self.shape])

    def says(self, name: str) -> np.ndarray:
        """Whether each event's shape states a column."""
        flags = np.array([*(name in dict(shape.says) for shape in self.shapes), False])
        return np.asarray(flags[self.shape])

    def said(self, name: str, rows: Any = slice(None)) -> np.ndarray:
        """What each event's shape states of a column (its own ``kind`` too), as objects; None: nothing."""
        words = [shape.kind if name == "kind" else dict(shape.says).get(name) for shape in self.shapes]
        found: np.ndarray = np.array([*words, None], dtype=object)[:-1].take(self.shape[rows])
        return found


_first = Kernel(passes.first, "i4* i8* b1* i8 i8*")
_ALL = np.zeros(0, dtype=np.bool_)
_AS_THEY_STAND = np.zeros(0, dtype=np.int64)


def first(
    group: np.ndarray, n: int, *, last: bool = False, among: Any = True, order: np.ndarray | None = None
) -> np.ndarray:
    """Where the first (or last) item of each group ``0…n-1`` stands (-1 as a group: none); -1: nowhere.

    ``order``: all items, in the order that is meant; None: as they stand.
    """
    found = np.full(n, -1, dtype=np.int64)
    group = np.ascontiguousarray(group, dtype=np.int32)
    some = _ALL if among is True else np.ascontiguousarray(among, dtype=np.bool_)
    _first.pick(len(group) * 16)(group, _AS_THEY_STAND if order is None else order, some, int(last), found)
    return found


def tally(rows: Any, n: int) -> np.ndarray:
    """How often each of ``0…n-1`` occurs in ``rows`` (missing ones left out)."""
    return np.bincount(pd.Series(rows).dropna().to_numpy(np.int64), minlength=n)[:n]


def integers(values: np.ndarray, none: int = -1) -> pd.Series:
    """Numbers as ``Int64``; ``none`` stands for a missing one. What can be used as it is, is not copied."""
    missing = values == none
    some = bool(missing.any())
    whole = values.astype(np.int64, copy=some)
    if some:
        whole[missing] = 0
    return pd.Series(pd.arrays.IntegerArray(whole, missing))


def integers_at(rows: np.ndarray, values: np.ndarray, n: int) -> pd.Series:
    """Numbers at some of ``n`` rows as ``Int64``, missing elsewhere."""
    whole, missing = np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool)
    whole[rows], missing[rows] = values, False
    return pd.Series(pd.arrays.IntegerArray(whole, missing))


def used(codes: np.ndarray, words: Any) -> tuple[np.ndarray, Any]:
    """The words that some codes (-1: none) use, in order, and the codes of those."""
    used = np.zeros(len(words) + 1, dtype=bool)
    used[codes] = True
    number = np.append(np.cumsum(used[:-1]) - 1, -1)
    return number[codes], pa.array(words, pa.large_string()).filter(pa.array(used[:-1]))


def _take(values: np.ndarray, at: np.ndarray | None, none: int) -> np.ndarray:
    """The values at some places; ``none`` where a place is -1."""
    if at is None:
        return values
    if not len(values):
        return np.full(len(at), none, dtype=values.dtype)
    found = values.take(at, mode="wrap")
    found[at < 0] = none
    return np.asarray(found)


@dataclass
class Assembled:
    """A format's tables, with what was assumed for each source (columns of ``log.sources``)."""

    tables: dict[str, pd.DataFrame]
    assumed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A log format: how its lines look, and how its records become tables.

    ``header``: makes the variant that a header line (``#Fields: …``) declares, from the header lines seen so far.
    ``needed``: by column the tables that need it, without which it is not read; a column not named is always.
    ``copied``: several files are searched for copies of events, which can differ in any column: all are read.
    """

    name: str
    variants: tuple[Variant, ...]
    assemble: Callable[[Records, Options], Assembled]
    resolution: float = 1.0
    header: Callable[[list[bytes]], Variant] | None = None
    needed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    copied: bool = False

    def spare(self, wanted: frozenset[str], files: int) -> frozenset[str]:
        """The columns that need not be read of so many files for the tables wanted."""
        if self.copied and files > 1:
            return frozenset()
        return frozenset(column for column, tables in self.needed.items() if not tables & wanted)
