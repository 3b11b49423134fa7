"""Rows of an export to CSV or TSV as plain lines, one for one: each holds a line whole, or a head's parts by name.

What a row is, a file's beginning tells: one column of its rows is lines with their heads, or a first row names columns
as records of JSON do. Anything else stays as it is.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from spamlab.carriers import heads, parsing, wraps
from spamlab.carriers.parsing import TEXT

FEW = 50
"""So many rows are looked at."""

_WHOLE = re.compile(wraps.STAMP.decode() + r"\S* +\S.*?[\]: ] ?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*(?: ?UTC)?$")
_LEVEL = re.compile(r"[A-Z][A-Za-z]+\d?\.[A-Z][a-z]+$")
_WORD = re.compile(r"[@\w. -]{1,40}$")


DATE = "date"
_ARCHIVE = {1: "time", 4: "host", 8: "program", 9: "message"}
"""Papertrail's: id, two times, two sources, an address, facility, level, program, message."""


class _Layout(NamedTuple):
    """How rows are made, and the columns that lines are made of, by what ``heads.headed`` calls them."""

    apart: str
    width: int
    columns: dict[int, str]
    named: bool
    """Whether the first row names columns."""


def plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Pieces of whole rows as plain lines; all other text as it is.

    >>> rows = b'"Time","Line"\n"1","Jul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed"\n'
    >>> b"".join(plain(iter([rows])))
    b'\nJul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed\n'
    """
    first = next(pieces, None)
    if first is None:
        return
    layout = _layout(first[: wraps.SAMPLE])
    for number, piece in enumerate(itertools.chain([first], pieces)):
        yield _lines(piece, layout, layout.named and not number) if layout else piece


def _layout(sample: bytes) -> _Layout | None:
    begin = sample[: sample.find(b"\n") + 1 or len(sample)]
    if not re.search(rb"[,;\t]", begin) or re.match(rb"\s*[{\[#]", begin):
        return None
    text = [line for line in sample.decode("utf-8", "replace").splitlines()[: FEW + 1] if line.strip()]
    text = text[:-1] if len(text) > FEW else text
    for apart in "\t,;" if text else "":
        first, *rows = (_row(line, apart) for line in text)
        width = len(first)
        even = [row for row in rows if len(row) == width]
        if width < 2 or not even or len(even) + 1 < 0.9 * len(text):
            continue
        whole = next(
            (at for at in range(width) if sum(bool(_WHOLE.match(row[at])) for row in even) * 2 > len(even)), -1
        )
        if whole == 0 and first[0] not in heads.HEAD["whole"] and not text[1].startswith('"'):
            return None  # a line as it is
        if found := _columns(first, even, apart, whole):
            return _Layout(apart, width, *found)
    return None


def _columns(first: list[str], rows: list[list[str]], apart: str, whole: int) -> tuple[dict[int, str], bool] | None:
    """The columns of rows that lines are made of, and whether the ``first`` row names them; ``whole``: the one, if any,
    that holds lines.
    """
    if whole >= 0:
        outer = {0: "time"} if whole and all(_STAMP.match(row[0]) for row in rows) else {}
        return {**outer, whole: "_raw"}, not _WHOLE.match(first[whole])
    if apart == "\t" and len(first) == 10 and all(_STAMP.match(value) for row in rows for value in row[1:3]):
        return _ARCHIVE, False
    if columns := _kiwi(rows, len(first)):
        return columns, not _LEVEL.match(first[-3])
    columns = _parts(first) if all(map(_WORD.match, first)) else {}
    told = [any(name in heads.HEAD[part] for name in columns.values()) for part in ("time", "message")]
    return (columns, True) if all(told) else None


def _row(line: str, apart: str) -> list[str]:
    if apart == "\t":
        return line.rstrip("\r").split(apart)
    try:
        return next(csv.reader([line.rstrip("\r")], delimiter=apart), [])
    except csv.Error:  # too long, for instance
        return []


def _kiwi(rows: list[list[str]], width: int) -> dict[int, str]:
    """The columns of Kiwi's rows, which no names head: a stamp in one or two, facility and level, host, message."""
    level = width - 3
    if level not in (1, 2) or not all(_LEVEL.match(row[level]) and _STAMP.match(" ".join(row[:level])) for row in rows):
        return {}
    return {**({0: DATE, 1: "time"} if level == 2 else {0: "time"}), level + 1: "host", level + 2: "message"}


def _parts(names: list[str]) -> dict[int, str]:
    """The columns that are a head's parts, and which: a date and a clock can be two."""
    known = {name.lower().strip(): column for column, name in reversed(list(enumerate(names)))}
    found: dict[int, str] = {}
    for part, called in heads.HEAD.items():
        name = next((name for name in called if name.lower() in known), None)
        if name and part != "whole":
            found.setdefault(known[name.lower()], name)
    if {"date", "time"} <= known.keys():
        found |= {known["date"]: DATE, known["time"]: "time"}
    return found


def _lines(text: bytes, layout: _Layout, named: bool) -> bytes:
    found = _parsed(text, layout) or _one_by_one(text, layout)
    if DATE in found and "time" in found:
        time = pc.binary_join_element_wise(found.pop(DATE), found["time"], pa.scalar(" ", TEXT))
        found["time"] = pc.replace_substring(time, "/", "-")
    made = heads.headed(found)
    if {"time", "_raw"} == found.keys():  # which states a year
        both = pc.binary_join_element_wise(found["time"], made, pa.scalar(" ", TEXT))
        made = pc.if_else(pc.match_substring_regex(made, r"^(<\d+>)?[A-Z]"), both, made)
    if made.null_count == len(made):
        return text
    if named:
        made = pa.concat_arrays([pa.array([""], TEXT), made.slice(1)])
    return parsing.ended(text, made)


def _parsed(text: bytes, layout: _Layout) -> dict[str, pa.Array] | None:
    """The columns as Arrow reads them at once; None where it cannot read each line as a row."""
    names = [str(column) for column in range(layout.width)]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(text),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            arrow_csv.ParseOptions(
                delimiter=layout.apart, quote_char=False if layout.apart == "\t" else '"', ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, TEXT), strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if len(table) != parsing.count(text):
        return None
    return {name: table[str(column)].combine_chunks() for column, name in layout.columns.items()}


def _one_by_one(text: bytes, layout: _Layout) -> dict[str, pa.Array]:
    rows = [_row(line.decode(), layout.apart) for line in text.split(b"\n")[: parsing.count(text)]]
    return {
        name: pa.array([row[column] if len(row) == layout.width else None for row in rows], TEXT)
        for column, name in layout.columns.items()
    }
