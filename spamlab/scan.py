"""The scanner all formats share: octets in, typed columns out.

The work is done by the kernels of ``interpreter``; here lines are found, and what the kernels wrote becomes
columns. Text is copied once, from its spans into Arrow buffers; nothing passes through Python strings.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from spamlab import interpreter as kernels
from spamlab import lexer, notation, stamp_lexer, translation
from spamlab.engine import Kernel
from spamlab.interpreter import CONTINUATION, EVENT, IGNORED, PACK, REPEATED, SHIFT, UNPARSED
from spamlab.lexer import MISSING

__all__ = ["CONTINUATION", "EVENT", "IGNORED", "MISSING", "UNPARSED", "Field", "Lines", "Scanner", "gather"]

_scan = Kernel(
    kernels.scan_lines,
    "u1* i8* i8* (i8* u1* i8* i8* u1* u1* i8** i8**) i8* b1* i8 u1* i8 i8 i8** i8** i8* i8** i8** i1*",
    lexer.digits, lexer.two, lexer.micros, stamp_lexer.days, stamp_lexer.month_number, stamp_lexer.month_name,
    stamp_lexer.numbered_month, stamp_lexer.clock, stamp_lexer.zone, stamp_lexer.named_zone, stamp_lexer.year_behind,
    stamp_lexer.tai64n, stamp_lexer.epoch, stamp_lexer.month_before, stamp_lexer.day_behind, stamp_lexer.month_between,
    stamp_lexer.stamp, lexer.seconds, stamp_lexer.locale_stamp, lexer.mail_path, lexer.quoted_text, lexer.stands,
    kernels.key_at, kernels.until_key, kernels.interpret, kernels.blank_line, kernels.forget,
)  # fmt: skip
_scratch = threading.local()


def _room(columns: int, lines: int) -> tuple[np.ndarray, np.ndarray]:
    """Room for the fields of so many lines, used again by each piece a thread scans (fresh memory is slow)."""
    rows = getattr(_scratch, "rows", np.empty((0, 0), dtype=np.int64))
    if rows.shape[0] < columns or rows.shape[1] < lines:
        shape = max(columns, rows.shape[0]), max(lines, rows.shape[1])
        _scratch.rows, _scratch.values = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    return _scratch.rows, _scratch.values


def _flags(n: int) -> np.ndarray:
    """Room for so many flags, used again in the same way."""
    if not hasattr(_scratch, "flags") or len(_scratch.flags) < n:
        _scratch.flags = np.empty(n, dtype=np.bool_)
    return _scratch.flags[:n]  # type: ignore[no-any-return]


@dataclass
class Field:
    """A column of the events that have it: their numbers, ascending, and their values."""

    rows: np.ndarray
    values: Any
    """Text as ``pa.LargeStringArray``, categories as ``pa.DictionaryArray``, numbers as int64 array."""

    def head(self, events: int) -> Field:
        """The part that belongs to the first events."""
        n = int(np.searchsorted(self.rows, events))
        return Field(self.rows[:n], self.values[:n])


@dataclass
class Lines:
    """A scanned piece of a file: columns of its events, and what became of its lines."""

    events: int
    columns: dict[str, Field]
    line: np.ndarray
    lines: np.ndarray
    shape: np.ndarray
    what: np.ndarray
    unparsed: Any

    def before(self, event: int) -> Lines:
        """The part that stands before an event's first line."""
        line = int(self.line[event])
        return Lines(
            event,
            {name: column.head(event) for name, column in self.columns.items()},
            self.line[:event],
            self.lines[:event],
            self.shape[:event],
            self.what[:line],
            self.unparsed[: int((self.what[:line] == UNPARSED).sum())],
        )


class Scanner:
    """A variant's program, ready to run."""

    def __init__(self, variant: notation.Variant) -> None:
        self.variant = variant
        self.program = translation.translate(variant)
        self._fast = translation.arrays(self.program)
        self._plain = tuple(part.tobytes() if part.dtype == np.uint8 else part.tolist() for part in self._fast)
        names = list(self.program.columns)
        tails = {a for op, a, _, c, _ in self.program.code if op == translation.TAIL and c == 0}
        self._tails = np.array([i in tails for i in range(len(names))], dtype=np.bool_)
        special = {notation.IGNORED: IGNORED, notation.BROKEN: UNPARSED, notation.AGAIN: REPEATED}
        self._kinds = np.array([special.get(shape.kind, EVENT) for shape in variant.shapes], dtype=np.int64)
        opener, self._closing = variant.block or ("", b"")
        self._block = names.index(opener) if opener else -1

    def run(self, octets: bytes, newline: int = 10, spare: frozenset[str] = frozenset()) -> Lines:
        """Scan whole lines. ``octets`` must be valid UTF-8; ``newline`` is 13 in files that end lines so.

        The columns named in ``spare`` are left out.
        """
        buf = np.frombuffer(octets, dtype=np.uint8)
        ends = np.flatnonzero(np.equal(buf, newline, out=_flags(len(buf))))
        if len(buf) and (not len(ends) or ends[-1] != len(buf) - 1):
            ends = np.append(ends, len(buf))
        begins = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
        stripped = ends - ((ends > begins) & (buf[np.maximum(ends - 1, 0)] == 13)) if newline == 10 else ends
        rows, values = _room(len(self.program.columns), len(ends) + 1)
        count = np.zeros(len(self.program.columns), dtype=np.int64)
        place = np.empty((3, len(ends)), dtype=np.int64)
        what = np.zeros(len(ends), dtype=np.int8)
        run = _scan.pick(len(octets))
        plain = run is _scan.plain  # lists and bytes are quicker there than arrays
        events = run(
            octets if plain else buf,
            begins.tolist() if plain else begins,
            stripped.tolist() if plain else stripped.astype(np.int64),
            self._plain if plain else self._fast,
            self._kinds,
            self._tails,
            self._block,
            self._closing if plain else np.frombuffer(self._closing, dtype=np.uint8),
            self.variant.comment[0] if self.variant.comment else 0,
            self.variant.continues,
            rows,
            values,
            count,
            place,
            np.zeros((6, translation.ROOM), dtype=np.int64),
            what,
        )
        each = np.arange(events)
        lost = np.flatnonzero(what == UNPARSED)
        columns = {
            name: self._field(
                octets, buf, kind, rows[i, : count[i]].copy() if count[i] < events else each, values[i, : count[i]]
            )
            for i, (name, kind) in enumerate(self.program.columns.items())
            if count[i] and name not in spare
        }
        if self.variant.day is not None:
            columns["day"] = Field(each, np.full(events, self.variant.day))
        shape, line, lines = place[:, :events]
        return Lines(
            events,
            {name: field for name, field in columns.items() if len(field.rows)},
            line=line,
            lines=lines,
            shape=shape,
            what=what,
            unparsed=gather(octets, begins[lost] * PACK + (stripped[lost] - begins[lost])),
        )

    def _field(self, octets: bytes, buf: np.ndarray, kind: str, rows: np.ndarray, found: np.ndarray) -> Field:
        if kind == notation.NUMBER:
            return Field(rows, found.copy())
        for unset in self.variant.unset:
            same = np.flatnonzero(found % PACK == len(unset))
            for offset, octet in enumerate(unset):
                same = same[buf[found[same] // PACK + offset] == octet]
            rows, found = np.delete(rows, same), np.delete(found, same)
        text = gather(octets, found)
        return Field(rows, text if kind == notation.TEXT else text.dictionary_encode())


def gather(octets: bytes, spans: np.ndarray) -> Any:
    """Text from packed spans, straight into Arrow buffers: every second piece of text cut at their edges."""
    edges = np.empty(2 * len(spans), dtype=np.int64)
    np.right_shift(spans, SHIFT, out=edges[::2])
    np.add(edges[::2], spans & (PACK - 1), out=edges[1::2])
    cut = pa.LargeStringArray.from_buffers(max(len(edges) - 1, 0), pa.py_buffer(edges), pa.py_buffer(octets))
    return cut.take(pa.array(np.arange(0, len(edges), 2)))
