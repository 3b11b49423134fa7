"""Scanned pieces put together as they come: each is copied once and let go.

Memory that was never used before is what reading costs most, so no column is ever held twice.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from spamlab.notation import Shape, Variant
from spamlab.records import Records
from spamlab.scan import Field, Lines

ROOM = 1 << 16  # octets, to begin with

_PLACES = {"source": np.int32, "line": np.int64, "lines": np.int64, "shape": np.int32}
"""Where an event stands and what it is: as narrow as it may be, for what is read takes long to find room for."""

ROW = np.int32
"""Numbers of events, of which a reading holds fewer than 2^31."""


class _Growing:
    """Octets that grow at their end, in place where the system can (room that nothing was written to costs nothing)."""

    def __init__(self) -> None:
        self._room = _room(ROOM)
        self.n = 0

    def extend(self, values: np.ndarray) -> None:
        """Put an array's octets at the end."""
        end = self.n + values.nbytes
        if end > len(self._room):
            more = end + end // 2 & -mmap.PAGESIZE
            try:
                self._room.resize(more)
            except (SystemError, OSError):  # not on this system
                held, self._room = self._room, _room(more)
                self._room[: self.n] = held[: self.n]
        np.frombuffer(self._room, np.uint8, values.nbytes, self.n)[:] = np.ascontiguousarray(values).view(np.uint8)
        self.n = end

    def whole(self, dtype: Any) -> np.ndarray:
        """What was put there; nothing can follow."""
        with contextlib.suppress(SystemError, OSError, ValueError):  # not on this system
            self._room.resize(max(self.n, 1))
        return np.frombuffer(self._room, dtype, self.n // np.dtype(dtype).itemsize)


def _room(octets: int) -> mmap.mmap:
    private = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)
    return mmap.mmap(-1, octets, flags=private) if private else mmap.mmap(-1, octets)


class _Column:
    """A column of the events that have it; which those are is kept from the first one on that lacks it."""

    def __init__(self) -> None:
        self.n = 0
        self.rows: _Growing | None = None
        self.values = _Growing()
        self.ends: _Growing | None = None  # of texts
        self.categories: list[Any] = []

    def extend(self, field: Field, before: int, events: int) -> None:
        """Put the fields of so many events at the end, before which there are so many."""
        n, values = len(field.rows), field.values
        if self.rows is None and (n < events or self.n < before):
            self.rows = _Growing()
            self.rows.extend(np.arange(self.n, dtype=ROW))
        if self.rows:
            self.rows.extend(field.rows.astype(ROW) + ROW(before))
        self.n += n
        if isinstance(values, np.ndarray):
            self.values.extend(values)
        elif pa.types.is_dictionary(values.type):
            self.categories.append(values)
        elif n:
            at = np.frombuffer(values.buffers()[1], np.int64, n + 1, 8 * values.offset)
            if self.ends is None:
                self.ends = _Growing()
                self.ends.extend(np.zeros(1, dtype=np.int64))
            self.ends.extend(at[1:] + (self.values.n - at[0]))
            self.values.extend(np.frombuffer(values.buffers()[2], np.uint8, at[-1] - at[0], at[0]))

    def field(self, every: np.ndarray) -> Field:
        """All of it; ``every`` numbers all events."""
        rows = self.rows.whole(ROW) if self.rows else every[: self.n]
        if self.categories:
            return Field(rows, pa.chunked_array(self.categories).unify_dictionaries().combine_chunks())
        if self.ends:
            ends, text = pa.py_buffer(self.ends.whole(np.int64)), pa.py_buffer(self.values.whole(np.uint8))
            return Field(rows, pa.LargeStringArray.from_buffers(self.n, ends, text))
        return Field(rows, self.values.whole(np.int64))


class Joiner:
    """The events of one format, from piece after piece."""

    def __init__(self, clock: dict[str, Any] | None = None) -> None:
        self._bases: dict[Variant, int] = {}
        self._shapes: list[Shape] = []
        self._clock = clock
        self._empty()

    def _empty(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._places = {name: _Growing() for name in _PLACES}
        self._times: dict[str, Any] = {}
        self.events = 0
        self._old = 0

    @property
    def octets(self) -> int:
        """How much it holds, about."""
        return sum(column.values.n + 8 * column.n for column in self._columns.values())

    @property
    def fresh(self) -> int:
        """How much of it was not there before."""
        return self.octets - self._old

    def add(self, source: int, before: int, variant: Variant, lines: Lines) -> None:
        """Add a piece of a source, which is that many lines after its beginning."""
        if variant not in self._bases:
            self._bases[variant] = len(self._shapes)
            self._shapes += variant.shapes
        shape, line = lines.shape + self._bases[variant], lines.line + (before + 1)
        self._put(lines.events, lines.columns, (np.full(lines.events, source), line, lines.lines, shape))

    def again(self, records: Records) -> None:
        """Begin with events that ``records`` gave before, whose times are known."""
        columns = {name: Field(field.rows, _compact(field.values)) for name, field in records.columns.items()}
        self._put(len(records), columns, [getattr(records, name) for name in _PLACES])
        self._times, self._old = records.times, self.octets

    def _put(self, events: int, columns: Mapping[str, Field], places: Sequence[np.ndarray]) -> None:
        for name, field in columns.items():
            self._columns.setdefault(name, _Column()).extend(field, self.events, events)
        for (name, numbers), values in zip(self._places.items(), places, strict=True):
            numbers.extend(values.astype(_PLACES[name], copy=False))
        self.events += events

    def records(self, names: list[str], modified: Sequence[float] = ()) -> Records:
        """All events since the last time; they leave the joiner."""
        places = {name: numbers.whole(_PLACES[name]) for name, numbers in self._places.items()}
        every, times = np.arange(self.events, dtype=ROW), self._times
        columns = {name: self._columns.pop(name).field(every) for name in list(self._columns)}
        self._empty()
        return Records(
            columns, **places, shapes=self._shapes, names=names, modified=modified, times=times, clock=self._clock
        )


def _compact(values: Any) -> Any:
    """Categories without those that nothing is of any more."""
    if isinstance(values, np.ndarray) or not pa.types.is_dictionary(values.type):
        return values
    return values.dictionary_decode().dictionary_encode()
