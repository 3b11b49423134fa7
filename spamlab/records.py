"""Scanned pieces put together: what a format turns into tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab.notation import Shape, Variant
from spamlab.scan import MISSING, Lines


@dataclass(frozen=True)
class Options:
    """What the caller says about logs that do not say it themselves."""

    tz: str = "UTC"
    year: int | None = None
    dayfirst: bool | None = None


@dataclass
class Records:
    """All events of one format: columns, where each event stands, and what its shape is.

    Events are in order of source and line. ``shape`` numbers ``shapes``, over all variants seen.
    """

    columns: dict[str, Any]
    source: np.ndarray
    line: np.ndarray
    lines: np.ndarray
    shape: np.ndarray
    shapes: list[Shape]
    names: list[str]

    def __len__(self) -> int:
        return len(self.source)

    def text(self, name: str) -> pd.Series:
        """A text column."""
        array = self.columns.get(name)
        if array is None:
            return pd.Series(np.nan, index=range(len(self)), dtype="str")
        return pd.Series(pd.array(array, dtype="str"))

    def category(self, name: str) -> pd.Series:
        """A category column."""
        array = self.columns.get(name)
        if array is None:
            return pd.Series(np.nan, index=range(len(self)), dtype="str").astype("category")
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        words = pd.Index(array.dictionary.to_pylist(), dtype="str")
        return pd.Series(pd.Categorical.from_codes(codes, words))

    def number(self, name: str) -> np.ndarray:
        """A number column, ``MISSING`` where there is none (choices: which word, from 0)."""
        found: np.ndarray = self.columns.get(name, np.full(len(self), MISSING, dtype=np.int64))
        return found

    def integer(self, name: str) -> pd.Series:
        """A number column as ``Int64``."""
        values = self.number(name)
        return pd.Series(values, dtype="Int64").mask(values == MISSING)

    def kind(self) -> np.ndarray:
        """The kind each event's shape states."""
        kinds: np.ndarray = np.array([shape.kind for shape in self.shapes] or [""], dtype=object)
        return kinds.take(self.shape)


def join(pieces: Sequence[tuple[int, Variant, Lines]], names: list[str]) -> Records:
    """Put scanned pieces together; a piece is (number of its source, variant, lines)."""
    shapes: list[Shape] = []
    base: dict[str, int] = {}
    for _, variant, _ in pieces:
        if variant.name not in base:
            base[variant.name] = len(shapes)
            shapes += [shape for _, group in variant.groups for shape in group]
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for _, _, piece in pieces for name in piece.columns):
        parts = [piece.columns.get(name) for _, _, piece in pieces]
        example = next(part for part in parts if part is not None)
        lengths = [piece.events for _, _, piece in pieces]
        columns[name] = _concatenate(parts, lengths, example)
    events = [piece for _, _, piece in pieces]
    none = np.zeros(0, dtype=np.int64)
    return Records(
        columns,
        source=np.concatenate([np.full(piece.events, number) for number, _, piece in pieces] or [none]),
        line=np.concatenate([piece.line for piece in events] or [none]),
        lines=np.concatenate([piece.lines for piece in events] or [none]),
        shape=np.concatenate([piece.shape + base[variant.name] for _, variant, piece in pieces] or [none]),
        shapes=shapes,
        names=names,
    )


def _concatenate(parts: Sequence[Any], lengths: Sequence[int], example: Any) -> Any:
    if isinstance(example, np.ndarray):
        return np.concatenate(
            [np.full(n, MISSING) if part is None else part for part, n in zip(parts, lengths, strict=True)]
        )
    filled = [pa.nulls(n, example.type) if p is None else p for p, n in zip(parts, lengths, strict=True)]
    chunked = pa.chunked_array(filled)
    if pa.types.is_dictionary(example.type):
        chunked = chunked.unify_dictionaries()
    return chunked.combine_chunks()


@dataclass
class Assembled:
    """A format's tables, with what was assumed for each source (columns of ``log.sources``)."""

    tables: dict[str, pd.DataFrame]
    assumed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A log format: how its lines look, and how its records become tables."""

    name: str
    variants: tuple[Variant, ...]
    assemble: Callable[[Records, Options], Assembled]
    resolution: float = 1.0
