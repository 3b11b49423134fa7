"""A file scanned piece by piece: its format recognised, header lines obeyed, pieces cut between events."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from spamlab import carriers, engine, sources, stamps
from spamlab.carriers import advice
from spamlab.errors import UnknownFormat
from spamlab.formats import all_formats
from spamlab.interpreter import CONTINUATION, EVENT, IGNORED
from spamlab.notation import BROKEN, Variant
from spamlab.records import Format
from spamlab.scan import Lines, Scanner

SAMPLE = 64 << 10
"""Octets looked at to recognise a format; ``SECOND_LOOK`` where they hold other programs' lines only."""

SECOND_LOOK = 2 << 20

HEAD = 4 << 10
"""Octets that two files share only if one is a copy of the other's beginning, or nearly."""

FEW = 8
"""So many lines that stand in another file too are no chance."""

SLICE = 256 << 10
"""Octets scanned at a time while the kernels are being compiled."""

WAIT = 4 * sources.PIECE
"""Octets read on for a raw block's closing line; a log that never closes its blocks is not held up."""

MOST_AGAIN = 100
"""Lines in a row that say that the one before them came again, or headers, that are kept together."""

SHARE = 0.5
"""This share of a sample's lines must fit a format's shapes."""


class Found(NamedTuple):
    """A source whose format is known."""

    source: sources.Source
    kind: Format
    scanner: Scanner
    begins: int | None
    """When its first event was logged, in microseconds, where its stamps say so by themselves."""
    head: bytes = b""
    """Its first ``HEAD`` octets, fewer only where there are no more."""
    host: str = ""
    """The host of its first event, where lines name it."""
    lines: tuple[bytes, ...] = ()
    """Its first events' first lines."""


_scanner = functools.cache(Scanner)  # a folder can hold a file for each connection: translate once


@functools.cache
def _declared(header: Callable[[list[bytes]], Variant], lines: tuple[bytes, ...]) -> Scanner:
    return Scanner(header(list(lines)))


_FIELDS = re.compile(rb"#(?:[Ff]ields[:\W]| Date\t)[^\r\n]*")  # searched without ``^``, which would make it slow
_NAMES = re.compile(
    rb'"?[A-Za-z$][\w.-]*"?(?P<apart>[,;\t])(?:"?[\w.$-]+"?(?P=apart)){2,}"?[\w.()$-]+"?(?=\r?$)', re.MULTILINE
)
_TYPE = re.compile(rb"(?:#TYPE [^\n]*\n)?")
"""A row of names as exports to CSV begin with one; PowerShell says first what the rows were."""


def _declarations(text: bytes) -> list[re.Match[bytes]]:
    """The header lines of a text that name columns."""
    lines = _FIELDS.finditer(text) if b"#" in text else ()
    found = [line for line in lines if line.start() == 0 or text[line.start() - 1] == ord("\n")]
    names = _NAMES.match(text, _TYPE.match(text).end())  # type: ignore[union-attr]
    return [names, *found] if names else found


def _sections(kind: Format, scanner: Scanner, text: bytes) -> list[tuple[Scanner, bytes]]:
    """Cut text at header lines; each declares the columns of what follows it."""
    if kind.header is None:
        return [(scanner, text)]
    found, begin = [], 0
    for line in _declarations(text):
        block = [line[0]]
        for before in reversed(text[max(0, line.start() - 2000) : line.start()].splitlines()):
            if not before.startswith(b"#"):
                break
            block.insert(0, before)
        if line.start() > begin:
            found.append((scanner, text[begin : line.start()]))
        scanner, begin = _declared(kind.header, tuple(block)), line.start()
    return [*found, (scanner, text[begin:])]


_Parts = list[tuple[Variant, Lines]]


def look(source: sources.Source, given: Format | None) -> Found:
    """Recognise a source by its beginning."""
    first = next(carriers.plain(source.text(SECOND_LOOK)), b"")
    try:
        kind, scanner, parts = recognise(first, source.name, given, source.newline)
    except UnknownFormat as error:
        told = advice.on(next(source.plain(), b"")[:SAMPLE])
        raise (UnknownFormat(f"{error}; {told}") if told else error) from None
    if len(first) >= engine.COLD_LIMIT:
        engine.behind()
    times = (lines.columns["time"].values for _, lines in parts if "time" in lines.columns)
    alone = any(variant.sure for variant, _ in parts) and not any(lines.events for _, lines in parts)
    begins = next(map(stamps.begins, times), 0 if alone else None)  # a header alone can stand anywhere
    return Found(source, kind, scanner, begins, first[:HEAD], *_first_events(first, parts, source.newline))


def _first_events(text: bytes, parts: _Parts, newline: int) -> tuple[str, tuple[bytes, ...]]:
    """The host of a sample's first event, and the lines of the first few; nothing where lines name no host."""
    (_, lines), *more = parts
    if more or not lines.events or "host" not in lines.columns:
        return "", ()
    at = lines.line[:FEW].tolist()
    physical = text.split(bytes([newline]), at[-1] + 1)
    return lines.columns["host"].values[0].as_py(), tuple(physical[i].rstrip(b"\r") for i in at)


def scan(found: Found, spare: frozenset[str] = frozenset()) -> Iterator[tuple[Variant, Lines]]:
    """Scan a source whole, piece by piece; events are never cut between pieces. The columns ``spare`` are left out."""
    source, kind, scanner, *_ = found
    text = carriers.plain(source.text())
    first = next(text, b"")
    if scanner.variant.continues and source.newline == 10:  # lines inside an event's text end as lines of text do
        first, text = _unix(first), map(_unix, text)
    pieces = _with_last(first, text)
    parts = _in_slices(_cut(pieces, kind, scanner, source.newline), source.newline)
    done = _side_by_side(parts, source.newline, spare)
    return ((one.variant, lines) for one, _, lines in _closed(done, source.newline))


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text  # one octet is found ten times as fast as two


def _with_last(first: bytes, more: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in more:
        yield first, False
        first = piece
    yield first, True


def _cut(
    pieces: Iterator[tuple[bytes, bool]], kind: Format, scanner: Scanner, newline: int
) -> Iterator[tuple[Scanner, bytes]]:
    """Sections of pieces that end between events."""
    rest = b""
    for piece, last in pieces:
        found = _sections(kind, scanner, rest + piece)
        rest = b""
        scanner, text = found.pop()  # it goes on in the next piece
        if not last:
            at = _whole(scanner, text, newline)
            text, rest = text[:at], text[at:]
        yield from found
        yield scanner, text


def _whole(scanner: Scanner, text: bytes, newline: int) -> int:
    """How much of some text can be scanned by itself: what follows changes none of its events.

    Header lines stay together, and a line that says that the one before it came again with that one.
    """
    if scanner.variant.continues:
        return _last_event(scanner, text, newline)
    at = len(text)
    for _ in range(MOST_AGAIN if text else 0):
        end, at = at, text.rfind(bytes([newline]), 0, at - 1) + 1
        if not text.startswith(b"#", at) and text.find(b"last message repeated", at, end) < 0:
            return at
        if at == 0:
            break
    return len(text)


def _last_event(scanner: Scanner, text: bytes, newline: int) -> int:
    """Where the last event of some text begins."""
    size, spare = 1 << 12, frozenset(scanner.program.columns)
    while True:
        begin = max(0, len(text) - size)
        if begin:
            begin = text.find(bytes([newline]), begin) + 1
        lines = scanner.run(text[begin:], newline, spare)
        if lines.events:
            return begin + _offset(text[begin:], int(lines.line[-1]), newline)
        if begin == 0:
            return 0
        size *= 16


def _in_slices(parts: Iterator[tuple[Scanner, bytes]], newline: int) -> Iterator[tuple[Scanner, bytes]]:
    """Cut parts small as long as the compiler is at work: each runs uncompiled, and what is left runs compiled."""
    for scanner, part in parts:
        text = part
        while engine.busy() and len(text) > SLICE:
            at = _whole(scanner, text[: text.rfind(bytes([newline]), 0, SLICE) + 1], newline)
            if not at:
                break
            yield scanner, text[:at]
            text = text[at:]
        yield scanner, text


_Done = tuple[Scanner, bytes, Lines]


def _side_by_side(parts: Iterator[tuple[Scanner, bytes]], newline: int, spare: frozenset[str]) -> Iterator[_Done]:
    """Scan parts on all processors; the kernels hold no lock."""
    first, *more = itertools.islice(parts, 2)
    if not more:
        yield *first, first[0].run(first[1], newline, spare)
        return
    parts = itertools.chain([first], more, parts)
    waiting: deque[tuple[Scanner, bytes, Any]] = deque()
    workers = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(workers) as pool:
        for scanner, text in parts:
            waiting.append((scanner, text, pool.submit(scanner.run, text, newline, spare)))
            if len(waiting) > workers + 1:
                scanner, text, done = waiting.popleft()
                yield scanner, text, done.result()
        for scanner, text, done in waiting:
            yield scanner, text, done.result()


def _closed(parts: Iterator[_Done], newline: int) -> Iterator[_Done]:
    """Scanned parts, anew where one was cut inside a raw block: only what stands before it shows that."""
    rest = b""
    for scanner, part, lines in parts:
        text = rest + part
        if rest:
            lines = scanner.run(text, newline)
        rest = b""
        block = _open(lines, scanner.variant, text, newline) if scanner.variant.block else None
        if block is not None:
            rest = text[_offset(text, int(lines.line[block]), newline) :]
            lines = lines.before(block)
        yield scanner, text, lines
    if rest:
        yield scanner, rest, scanner.run(rest, newline)


def _open(lines: Lines, variant: Variant, octets: bytes, newline: int) -> int | None:
    """The event whose raw block is still open at the end, unless it has been for very long; None: there is none."""
    column, closing = variant.block or ("", b"")
    if column not in lines.columns or not len(blocks := lines.columns[column].rows):
        return None
    at = _offset(octets, int(lines.line[blocks[-1]]), newline)
    closed = re.compile(rb"[\r\n]" + re.escape(closing) + rb"[\r\n]").search(octets, at)
    return int(blocks[-1]) if not closed and len(octets) - at < WAIT else None


def _offset(octets: bytes, line: int, newline: int) -> int:
    ends = np.flatnonzero(np.frombuffer(octets, dtype=np.uint8) == newline)
    return int(ends[line - 1]) + 1 if line else 0


def recognise(text: bytes, name: str, given: Format | None, newline: int) -> tuple[Format, Scanner, _Parts]:
    """Find the format and variant whose shapes fit most of a text's first lines, and these scanned.

    Shapes that read anything after a stamp (``weak``) are no evidence by themselves: at least one line must
    fit another. Raises ``UnknownFormat`` if none fits; with ``given`` the best of its variants is taken.
    """
    best: list[tuple[tuple[bool, float, float, int], Format, Scanner, _Parts]] = []
    kinds = (lambda _: [given]) if given else all_formats
    for size in (SAMPLE, SECOND_LOOK):
        sample = text[:size]
        if len(text) > size:  # its last line is cut
            sample = sample[: sample.rfind(bytes([newline])) + 1] or sample
        lines = sample.count(newline)
        for kind, variant in ((one, each) for one in kinds(sample) for each in one.variants):
            scanner = _scanner(variant)
            parts = [(part.variant, part.run(piece, newline)) for part, piece in _sections(kind, scanner, sample)]
            share, explained, events = _fit(parts)
            # Lines forged inside a message fit another variant too, but leave what stands before them unread.
            rank = (share >= SHARE, explained, share, events)
            if not best or rank > best[0][0]:
                best = [(rank, kind, scanner, parts)]
            if explained == share == 1.0 and events * 2 > lines:
                break  # most lines are its events, and it explains them all
        if best[0][0][0] or (given and best[0][0][3]) or len(text) <= size:
            break
    if best[0][0][0] or given:
        return best[0][1:]
    line = next((line for line in text[:SAMPLE].splitlines() if line.strip()), b"")
    shown = "it is empty" if not line else f"its first line is {line[:80].decode('utf-8', 'backslashreplace')!r}"
    raise UnknownFormat(f"{name}: no known log format; {shown}")


def _fit(parts: _Parts) -> tuple[float, float, int]:
    """How far a sample's lines speak for a format: the share of them that are events, that it reads, its events."""
    strong = told = ours = continued = 0
    for variant, lines in parts:
        weak = np.array([shape.weak for shape in variant.shapes] or [True])
        strong += int((~weak[lines.shape]).sum()) if lines.events else 0
        told += int((lines.what != IGNORED).sum())
        ours += int((lines.what == EVENT).sum())
        if variant.block and variant.shapes[-1].kind == BROKEN:  # only what is in a block continues its event
            told -= int((lines.what == CONTINUATION).sum())
        else:
            continued += int((lines.what == CONTINUATION).sum())
    if not told and any(variant.sure for variant, _ in parts):
        return 1.0, 1.0, 0
    if not strong:
        return 0.0, 0.0, 0
    # Lines that continue an event prove nothing: of a text file most lines would be such.
    read = (ours + continued) / told
    few = min(read, SHARE) if continued and ours * 20 >= told else 0.0
    return (ours / told if ours * 2 >= told else few), read, ours
