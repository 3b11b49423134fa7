"""Scanned pieces put together as they come: each is copied once and let go.

Memory that was never used before is what reading costs most, so no column is ever held twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from spamlab.notation import Shape, Variant
from spamlab.records import Records
from spamlab.scan import Field, Lines

ROOM = 1 << 12  # values, to begin with; twice as much each time it is full (room unused costs nothing)
LARGE = 64 << 20
"""Octets of a text column above which its pieces stay as they are: a whole copy would only cost memory."""


class _Numbers:
    """An array that grows."""

    def __init__(self, dtype: type = np.int64) -> None:
        self._room: np.ndarray = np.empty(ROOM, dtype=dtype)
        self.n = 0

    def extend(self, values: Any, n: int) -> None:
        """Put so many values (or so many times one) at the end."""
        end = self.n + n
        if end > len(self._room):
            held, self._room = self._room, np.empty(2 * end, dtype=self._room.dtype)
            self._room[: self.n] = held[: self.n]
        self._room[self.n : end] = values
        self.n = end

    def whole(self) -> np.ndarray:
        """What was put there."""
        return self._room[: self.n]


class _Column:
    """A column of the events that have it; which those are is kept from the first one on that lacks it."""

    def __init__(self) -> None:
        self.n = 0
        self.rows: _Numbers | None = None
        self.numbers: _Numbers | None = None
        self.texts: list[Any] = []

    def extend(self, field: Field, before: int, events: int) -> None:
        """Put the fields of so many events at the end, before which there are so many."""
        n = len(field.rows)
        if self.rows is None and (n < events or self.n < before):
            self.rows = _Numbers()
            self.rows.extend(np.arange(self.n), self.n)
        if self.rows:
            self.rows.extend(field.rows + before, n)
        self.n += n
        if isinstance(field.values, np.ndarray):
            self.numbers = self.numbers or _Numbers()
            self.numbers.extend(field.values, n)
        else:
            self.texts.append(field.values)

    def field(self, every: np.ndarray) -> Field:
        """All of it; ``every`` numbers all events."""
        rows = self.rows.whole() if self.rows else every[: self.n]
        return Field(rows, self.numbers.whole() if self.numbers else _text(self.texts))


class Joiner:
    """The events of one format, from piece after piece."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._places = {name: _Numbers() for name in ("source", "line", "lines", "shape")}
        self._bases: dict[Variant, int] = {}
        self._shapes: list[Shape] = []

    def add(self, source: int, before: int, variant: Variant, lines: Lines) -> None:
        """Add a piece of a source, which is that many lines after its beginning."""
        if variant not in self._bases:
            self._bases[variant] = len(self._shapes)
            self._shapes += variant.shapes
        events = self._places["source"].n
        for name, field in lines.columns.items():
            self._columns.setdefault(name, _Column()).extend(field, events, lines.events)
        places = source, lines.line + (before + 1), lines.lines, lines.shape + self._bases[variant]
        for numbers, values in zip(self._places.values(), places, strict=True):
            numbers.extend(values, lines.events)

    def records(self, names: list[str], modified: Sequence[float] = ()) -> Records:
        """All events added; the joiner is used up."""
        places = {name: numbers.whole() for name, numbers in self._places.items()}
        every = np.arange(len(places["source"]))
        columns = {name: self._columns.pop(name).field(every) for name in list(self._columns)}
        return Records(columns, **places, shapes=self._shapes, names=names, modified=modified)


def _text(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    chunked = pa.chunked_array(parts)
    parts.clear()
    if pa.types.is_dictionary(chunked.type):
        return chunked.unify_dictionaries().combine_chunks()
    return chunked if chunked.nbytes > LARGE else chunked.combine_chunks()
