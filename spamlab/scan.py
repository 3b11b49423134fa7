"""The scanner all formats share: octets in, typed columns out.

The work is done by the kernels of ``interpreter``; here lines are found, and what the kernels wrote becomes
columns. Text is copied once, from its spans into Arrow buffers; nothing passes through Python strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from spamlab import interpreter as kernels
from spamlab import notation
from spamlab.engine import Kernel
from spamlab.interpreter import CONTINUATION, EVENT, IGNORED, MISSING, SPAN, UNPARSED

__all__ = ["CONTINUATION", "EVENT", "IGNORED", "MISSING", "UNPARSED", "Lines", "Scanner", "gather"]

_scan = Kernel(
    kernels.scan_lines, kernels.digits, kernels.locale_stamp, kernels.mail_path, kernels.stands, kernels.interpret
)
_copy = Kernel(kernels.copy_spans)


@dataclass
class Lines:
    """A scanned piece of a file: columns of its events, and what became of its lines."""

    events: int
    columns: dict[str, Any]
    """Text as ``pa.LargeStringArray``, categories dictionary-encoded, numbers int64 with ``MISSING``."""
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
            {name: column[:event] for name, column in self.columns.items()},
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
        self.program = notation.translate(variant)
        code, octets, starts = notation.arrays(self.program)
        self._plain = (*(list(map(int, column)) for column in code.T), octets.tobytes(), starts.tolist())
        self._fast = (*map(np.ascontiguousarray, code.T), octets, starts)
        names = list(self.program.columns)
        tails = {a for op, a, _, _ in self.program.code if op == notation.TAIL}
        self._tails = np.array([i in tails for i in range(len(names))], dtype=np.bool_)
        opener, closing = variant.block or ("", b"")
        self._block = names.index(opener) if opener else -1
        self._closing = closing

    def run(self, octets: bytes, newline: int = 10) -> Lines:
        """Scan whole lines. ``octets`` must be valid UTF-8; ``newline`` is 13 in files that end lines so."""
        buf = np.frombuffer(octets, dtype=np.uint8)
        ends = np.flatnonzero(buf == newline)
        if len(buf) and (not len(ends) or ends[-1] != len(buf) - 1):
            ends = np.append(ends, len(buf))
        begins = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
        stripped = ends - ((ends > begins) & (buf[np.maximum(ends - 1, 0)] == 13)) if newline == 10 else ends
        names = list(self.program.columns)
        out = np.empty((len(ends) + 1, len(names) + 3), dtype=np.int64)
        what = np.zeros(len(ends), dtype=np.int8)
        scratch = np.zeros((6, 4 * (len(names) + 24)), dtype=np.int64)  # stack and undo log
        run = _scan.pick(len(octets))
        plain = run is _scan.plain  # lists and bytes are quicker there than arrays
        events = run(
            octets if plain else buf,
            begins.tolist() if plain else begins,
            stripped.tolist() if plain else stripped.astype(np.int64),
            self._plain if plain else self._fast,
            self._tails,
            self._block,
            self._closing if plain else np.frombuffer(self._closing, dtype=np.uint8),
            self.variant.continues,
            out,
            scratch,
            what,
        )
        rows = out[:events]
        columns: dict[str, Any] = {}
        for i, (name, kind) in enumerate(self.program.columns.items()):
            values = np.ascontiguousarray(rows[:, i])
            if kind in notation.NUMBERS or kind == "choice":
                columns[name] = values
            else:
                text = gather(octets, values)
                columns[name] = text.dictionary_encode() if kind in notation.CATEGORIES else text
        lost = np.flatnonzero(what == UNPARSED)
        width = len(names)
        return Lines(
            events,
            columns,
            line=rows[:, width + 1].copy(),
            lines=rows[:, width + 2].copy(),
            shape=rows[:, width].copy(),
            what=what,
            unparsed=gather(octets, begins[lost] * SPAN + (stripped[lost] - begins[lost])),
        )


def gather(octets: bytes, spans: np.ndarray) -> Any:
    """Text from packed spans, straight into Arrow buffers; negative spans are missing."""
    present = spans >= 0
    offsets = np.zeros(len(spans) + 1, dtype=np.int64)
    np.cumsum(np.where(present, spans % SPAN, 0), out=offsets[1:])
    data = np.empty(int(offsets[-1]), dtype=np.uint8)
    _copy.pick(len(spans) * 32)(np.frombuffer(octets, dtype=np.uint8), spans, offsets, data)
    valid = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.LargeStringArray.from_buffers(len(spans), pa.py_buffer(offsets), pa.py_buffer(data), valid)
