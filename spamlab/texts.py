r"""Text columns as Arrow holds them: octets one text after the other, and where each ends.

What is done to many texts is done to all their octets at once; nothing becomes a Python string that stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import passes
from spamlab.engine import Kernel

_lay = Kernel(passes.lay, "u1* i8* u1* i8* i8*")
_tally = Kernel(passes.tally, "u1* i8* u1 i8*")
_before = Kernel(passes.before, "u1* i8* i8* u1* i8*")


def whole(text: pd.Series) -> pa.LargeStringArray:
    """A text column as one array of Arrow's."""
    array = pa.array(text, pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _column(array: Any, index: pd.Index) -> pd.Series:
    return pd.Series(pd.array(array, dtype="str"), index)


def _octets(array: Any) -> tuple[np.ndarray, np.ndarray]:
    """The octets of some texts and their bounds there: one more than there are texts."""
    _, ends, data = array.buffers()
    if not ends:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    octets = np.frombuffer(data, np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return octets, np.frombuffer(ends, np.int64, len(array) + 1, 8 * array.offset)


def _valid(array: Any) -> np.ndarray:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False))


def _made(octets: np.ndarray, ends: np.ndarray, valid: np.ndarray) -> pa.LargeStringArray:
    """Texts from their octets, their bounds there and which are none."""
    missing = len(valid) - int(np.count_nonzero(valid))
    bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if missing else None
    return pa.LargeStringArray.from_buffers(len(valid), pa.py_buffer(ends), pa.py_buffer(octets), bits, missing)


def _bounds(sizes: np.ndarray) -> np.ndarray:
    """Where texts of such sizes begin and end when they stand one after the other."""
    ends = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=ends[1:])
    return ends


def _copy(out: np.ndarray, at: np.ndarray, octets: np.ndarray, begin: np.ndarray, size: np.ndarray) -> None:
    """Copy pieces of octets to other places."""
    _lay.pick(int(size.sum()) * 4)(out, *(np.ascontiguousarray(one) for one in (at, octets, begin, size)))


def amended(text: pd.Series, *changes: tuple[np.ndarray, pd.Series]) -> pd.Series:
    """A text column with other texts at some rows: copied once, and not at all where there are none."""
    rows = np.concatenate([rows for rows, _ in changes])
    if not len(rows):
        return text
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    new = pa.concat_arrays([whole(told) for _, told in changes]).take(pa.array(order))
    old = whole(text)
    (octets, ends), (more, bounds) = _octets(old), _octets(new)
    sizes, valid = np.diff(ends), _valid(old).copy()
    sizes[rows], valid[rows] = np.diff(bounds), _valid(new)
    places = _bounds(sizes)
    out = np.empty(places[-1], dtype=np.uint8)
    first, last = np.append(0, rows + 1), np.append(rows, len(old))  # what stands between them stays together
    _copy(out, places[first], octets, ends[first], ends[last] - ends[first])
    _copy(out, places[rows], more, bounds[:-1], np.diff(bounds))
    return _column(_made(out, places, valid), text.index)


class Draft:
    """A text column on its way: changed at some rows, then at others, and put together once."""

    def __init__(self, text: pd.Series) -> None:
        self._text = text
        self._changes: list[tuple[np.ndarray, pd.Series]] = []

    def take(self, rows: np.ndarray) -> pd.Series:
        """Some rows, as they are by now."""
        found = self._text.take(rows).reset_index(drop=True)
        for changed, new in self._changes:
            at = pd.Index(changed).get_indexer(rows)
            there = np.flatnonzero(at >= 0)
            found = amended(found, (there, new.take(at[there])))
        return found

    def put(self, rows: np.ndarray, new: pd.Series) -> None:
        """Let some rows (none of them twice) be other texts."""
        self._changes.append((rows, new))

    def done(self) -> pd.Series:
        """The whole column."""
        if not self._changes:
            return self._text
        rows, new = (list(parts) for parts in zip(*self._changes, strict=True))
        every = np.concatenate(rows)
        last = np.unique(every[::-1], return_index=True)[1]
        last = len(every) - 1 - last
        told = pa.concat_arrays([whole(one) for one in new]).take(pa.array(last))
        self._text = amended(self._text, (every[last], _column(told, pd.RangeIndex(len(last)))))
        self._changes = []  # what it was is let go
        return self._text


def joined(*texts: pd.Series, separator: str = " ") -> pd.Series:
    """Texts of several columns as one, with one ASCII character between them; those that are missing are left out.

    >>> joined(pd.Series(["MAIL", "DATA", None]), pd.Series(["FROM:<>", None, None])).tolist()
    ['MAIL FROM:<>', 'DATA', nan]
    """
    arrays = [whole(text) for text in texts]
    told = [(*_octets(array), _valid(array)) for array in arrays]
    sizes = [np.where(valid, np.diff(ends), 0) for _, ends, valid in told]
    some = np.zeros(len(arrays[0]), dtype=np.int64)  # how many there are
    for _, _, valid in told:
        some += valid
    places = _bounds(sum(sizes) + np.maximum(some - 1, 0))
    out = np.full(places[-1], ord(separator), dtype=np.uint8)
    at = places[:-1].copy()
    for (octets, ends, valid), size in zip(told, sizes, strict=True):
        _copy(out, at, octets, ends[:-1], size)
        at += size + valid
    return _column(_made(out, places, some > 0), texts[0].index)


def having(text: pd.Series, part: str) -> np.ndarray:
    """The rows whose text holds a part.

    >>> having(pd.Series(["a+b", None, "c"]), "+")
    array([0])
    """
    array = whole(text)
    octets, bounds = _octets(array)
    if not len(octets):
        return np.zeros(0, dtype=np.int64)
    # Searching all texts as one, and asking then whose each find is, is many times as fast as text by text.
    sought = part.encode()
    if len(sought) == 1:
        at = np.flatnonzero(octets == sought[0])
    else:
        at = np.array([found.start() for found in re.finditer(re.escape(sought), octets.data)], dtype=np.int64)
    row = np.searchsorted(bounds, at, side="right") - 1
    own = (row >= 0) & (row < len(array))
    row, at = row[own], at[own]
    row = row[at + len(sought) <= bounds[row + 1]]
    rows = row[np.diff(row, prepend=-1) != 0]
    return np.asarray(rows[_valid(array)[rows]])


def counted(text: pd.Series, octet: str) -> np.ndarray:
    r"""How often each text holds an ASCII character (int64; of a missing text it says nothing).

    >>> counted(pd.Series(["a\nb\n", "c"]), "\n")
    array([2, 0])
    """
    octets, bounds = _octets(whole(text))
    found = np.zeros(len(bounds) - 1, dtype=np.int64)
    if len(octets):
        _tally.pick(len(octets))(octets, bounds, ord(octet), found)
    return found


def before(text: pd.Series, mark: str, rows: np.ndarray) -> pd.Series:
    r"""What stands before the first mark in some rows' texts, all of these where there is none.

    >>> before(pd.Series(["a: b\n\nc", None, "d"]), "\n\n", np.array([0, 2])).tolist()
    ['a: b', 'd']
    """
    array = whole(text)
    octets, bounds = _octets(array)
    begin, end, size = bounds[rows], bounds[rows + 1], np.empty(len(rows), dtype=np.int64)
    _before.pick(int((end - begin).sum()))(octets, begin, end, np.frombuffer(mark.encode(), np.uint8), size)
    places = _bounds(size)
    out = np.empty(places[-1], dtype=np.uint8)
    _copy(out, places[:-1], octets, begin, size)
    return _column(_made(out, places, _valid(array)[rows]), pd.RangeIndex(len(rows)))


def sizes(text: pd.Series) -> np.ndarray:
    """The octets of each text (int64; of a missing text it says nothing)."""
    return np.diff(_octets(whole(text))[1])


def extracted(text: pd.Series, pattern: str) -> pd.Series:
    r"""What an expression's only named group finds in each text (as RE2 reads it), else missing.

    >>> extracted(pd.Series(["SIZE=7", "BODY=8BITMIME"]), r"SIZE=(?P<size>\d+)").tolist()
    ['7', nan]
    """
    return _column(pc.struct_field(pc.extract_regex(whole(text), pattern), 0), text.index)


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
    octets = np.frombuffer(data, np.uint8)
    step = np.uint8((ord(old) - ord(new)) % 256)
    made = octets - (octets == ord(old)).view(np.uint8) * step
    found = pa.LargeStringArray.from_buffers(len(array), ends, pa.py_buffer(made), valid, -1, array.offset)
    return _column(found, text.index)


def spread(texts: Any, rows: np.ndarray, n: int) -> Any:
    """Texts (none missing) at some rows, ascending, of ``n``: only where each ends is told anew, none is copied.

    >>> spread(pa.array(["a", "bc"], pa.large_string()), np.array([1, 3]), 4).to_pylist()
    [None, 'a', None, 'bc']
    """
    if not len(rows):
        return pa.nulls(n, pa.large_string())
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    _, _, octets = texts.buffers()
    has = np.zeros(n, dtype=bool)
    has[rows] = True
    before = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(has, out=before[1:])
    where = _octets(texts)[1][before]
    valid = pa.py_buffer(np.packbits(has, bitorder="little"))
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(where), octets, valid, n - len(rows))


def blanked(text: pd.Series, keep: np.ndarray) -> pd.Series:
    """A text column that is missing but at some rows; where that leaves out little, its octets are not copied."""
    array = whole(text)
    valid = _valid(array)
    keep = keep & valid
    octets, ends = _octets(array)
    if keep.all() or np.diff(ends)[valid & ~keep].sum() * 8 < len(octets):
        return text if keep.all() else _column(_made(octets, ends, keep), text.index)
    rows = np.flatnonzero(keep)
    return _column(spread(array.take(pa.array(rows)), rows, len(array)), text.index)
