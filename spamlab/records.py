"""Scanned pieces put together: what a format turns into tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import tables
from spamlab.notation import Shape, Variant
from spamlab.scan import MISSING, Field, Lines


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

    def __len__(self) -> int:
        return len(self.source)

    def rows(self, name: str) -> np.ndarray:
        """The events that have a column."""
        return self.columns[name].rows if name in self.columns else np.zeros(0, dtype=np.int64)

    def has(self, name: str) -> np.ndarray:
        """Whether each event has a column."""
        flags = np.zeros(len(self), dtype=bool)
        flags[self.rows(name)] = True
        return flags

    def _at(self, name: str, rows: np.ndarray | None) -> tuple[np.ndarray, Any]:
        """Where in a column's values some events' stand (-1: nowhere), and those values."""
        found = self.columns[name]
        if rows is None:
            at = np.full(len(self), -1, dtype=np.int64)
            at[found.rows] = np.arange(len(found.rows))
        else:
            near = np.minimum(np.searchsorted(found.rows, rows), max(len(found.rows) - 1, 0))
            at = np.where(found.rows[near] == rows, near, -1) if len(found.rows) else np.full(len(rows), -1)
        return at, found.values

    def text(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A text column, of all events or of these."""
        n = len(self) if rows is None else len(rows)
        if name not in self.columns:
            return pd.Series(np.nan, index=range(n), dtype="str")
        at, values = self._at(name, rows)
        if pa.types.is_dictionary(values.type):
            at = np.where(at < 0, -1, values.indices.to_numpy(zero_copy_only=False).take(np.maximum(at, 0)))
            values = values.dictionary
        if n == len(values) and len(at) and at[0] == 0 and (np.diff(at) == 1).all():
            return pd.Series(pd.array(values, dtype="str"))
        return pd.Series(pd.array(values.take(pa.array(at, mask=at < 0)), dtype="str"))

    def codes(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """The number of each event's category, -1 where it has none."""
        n = len(self) if rows is None else len(rows)
        if name not in self.columns:
            return np.full(n, -1, dtype=np.int64)
        at, values = self._at(name, rows)
        numbers = values.indices.to_numpy(zero_copy_only=False)
        return np.where(at < 0, -1, numbers.take(np.maximum(at, 0)) if len(numbers) else -1).astype(np.int64)

    def words(self, name: str) -> pd.Index[str]:
        """The categories of a column."""
        words = self.columns[name].values.dictionary.to_pylist() if name in self.columns else []
        return cast("pd.Index[str]", pd.Index(words, dtype="str"))

    def category(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A category column, of all events or of these."""
        return pd.Series(tables.categorical(self.codes(name, rows), self.words(name)))

    def number(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A number column, of all events or of these; ``MISSING`` where there is none."""
        n = len(self) if rows is None else len(rows)
        if name not in self.columns:
            return np.full(n, MISSING, dtype=np.int64)
        at, values = self._at(name, rows)
        return np.where(at < 0, MISSING, values.take(np.maximum(at, 0)) if len(values) else MISSING)

    def integer(self, name: str, rows: np.ndarray | None = None) -> pd.Series:
        """A number column as ``Int64``."""
        values = self.number(name, rows)
        missing = values == MISSING
        return pd.Series(pd.arrays.IntegerArray(np.where(missing, 0, values), missing))

    def said(self, name: str) -> np.ndarray:
        """What each event's shape states of a column (its own ``kind`` too), as objects; None: nothing."""
        words = [shape.kind if name == "kind" else dict(shape.says).get(name) for shape in self.shapes]
        found: np.ndarray = np.array([*words, None], dtype=object)[:-1].take(self.shape)
        return found


def join(pieces: Sequence[tuple[int, Variant, Lines]], names: list[str], modified: Sequence[float] = ()) -> Records:
    """Put scanned pieces together; a piece is (number of its source, variant, lines)."""
    shapes: list[Shape] = []
    base: dict[Variant, int] = {}
    for _, variant, _ in pieces:
        if variant not in base:
            base[variant] = len(shapes)
            shapes += variant.shapes
    starts = np.cumsum([0, *(piece.events for _, _, piece in pieces)])
    columns: dict[str, Field] = {}
    for name in dict.fromkeys(name for _, _, piece in pieces for name in piece.columns):
        parts = [
            (piece.columns[name], start)
            for (_, _, piece), start in zip(pieces, starts[:-1], strict=True)
            if name in piece.columns
        ]
        columns[name] = Field(
            np.concatenate([part.rows + start for part, start in parts]),
            _concatenate([part.values for part, _ in parts]),
        )
    none = np.zeros(0, dtype=np.int64)
    return Records(
        columns,
        source=np.concatenate([none, *(np.full(piece.events, number) for number, _, piece in pieces)]),
        line=np.concatenate([none, *(piece.line for _, _, piece in pieces)]),
        lines=np.concatenate([none, *(piece.lines for _, _, piece in pieces)]),
        shape=np.concatenate([none, *(piece.shape + base[variant] for _, variant, piece in pieces)]),
        shapes=shapes,
        names=names,
        modified=modified,
    )


def _concatenate(parts: list[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if len(parts) == 1:
        return parts[0]
    chunked = pa.chunked_array(parts)
    if pa.types.is_dictionary(parts[0].type):
        chunked = chunked.unify_dictionaries()
    return chunked.combine_chunks()


@dataclass
class Assembled:
    """A format's tables, with what was assumed for each source (columns of ``log.sources``)."""

    tables: dict[str, pd.DataFrame]
    assumed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A log format: how its lines look, and how its records become tables.

    ``header``: makes the variant that a header line (``#Fields: …``) declares, from the header lines seen so far.
    ``sample``: a few lines that put every kernel of the format to work.
    """

    name: str
    variants: tuple[Variant, ...]
    assemble: Callable[[Records, Options], Assembled]
    resolution: float = 1.0
    header: Callable[[list[bytes]], Variant] | None = None
    sample: bytes = b""
