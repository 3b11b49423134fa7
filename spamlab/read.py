"""``read``: find files, recognise their format, scan them, put the tables together."""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spamlab import engine, sources
from spamlab import tables as schema
from spamlab.errors import ReadError, ReadWarning, UnknownFormat
from spamlab.formats import formats, load
from spamlab.log import MARKER, Log, concatenate
from spamlab.notation import Variant
from spamlab.records import Format, Options, join
from spamlab.scan import CONTINUATION, EVENT, IGNORED, MISSING, UNPARSED, Lines, Scanner

SAMPLE = 64 << 10
"""Octets looked at to recognise a format."""

WAIT = 4 * sources.PIECE
"""Octets read on for a raw block's closing line; a log that never closes its blocks is not held up."""

SHARE = 0.5
"""This share of a sample's lines must fit a format's shapes."""


def read(
    source: Any,
    *,
    format: str | None = None,
    tz: str = "UTC",
    year: int | None = None,
    dayfirst: bool | None = None,
    tables: Iterable[str] | None = None,
    progress: bool = False,
) -> Log:
    """Read SMTP logs into tables.

    Parameters
    ----------
    source
        A path, a glob, a folder, an open binary file, a list of these, or a converted Parquet folder.
    format
        One of ``spamlab.formats()``; ``None`` recognises it file by file.
    tz
        Zone of logs that state none (an IANA name).
    year
        Year of the first line of logs whose stamps hold none.
    dayfirst
        Whether the day comes before the month in stamps like ``4/5/99``; ``None``: as the files show.
    tables
        Names of the tables wanted; the others stay empty. ``None``: all. ``sources`` always comes.
    progress
        Show a progress bar on the terminal.

    Returns
    -------
    Log
        Its tables are described in ``spamlab.tables``.

    Raises
    ------
    UnknownFormat
        No format fits (or there is no format of that name), and no other file could be read.
    ReadError
        Nothing there, or nothing could be read.

    Warns
    -----
    ReadWarning
        One file among several could not be read, or a file is damaged after its readable part.

    Examples
    --------
    >>> import spamlab
    >>> spamlab.read("data/exchange55-appendix-a.log").transactions["size"].sum()
    np.int64(17329)
    """
    listed = source if isinstance(source, (list, tuple)) else [source]
    converted = [one for one in listed if isinstance(one, (str, Path)) and (Path(one) / MARKER).is_file()]
    logs = [Log.from_parquet(one) for one in converted]
    if converted and len(converted) == len(listed):
        return _wanted(concatenate(logs), tables)
    if converted:
        source = [one for one in listed if one not in converted]
    options = Options(tz, year, dayfirst)
    given = load(format) if format is not None else None
    found = sources.find(source)
    scanned: dict[str, list[tuple[sources.Source, Variant, list[Lines]]]] = {}
    failed: list[tuple[sources.Source, Exception]] = []
    for one in _progress(found, progress):
        try:
            kind, variant, pieces = _scan(one, given)
        except (ReadError, UnknownFormat) as why:
            failed.append((one, why))
            continue
        scanned.setdefault(kind.name, []).append((one, variant, pieces))
        if one.damage:
            warnings.warn(one.damage, ReadWarning, stacklevel=2)
    if not scanned and not logs:
        raise failed[0][1] if len(failed) == 1 else _none_read(failed)
    for _, error in failed:
        warnings.warn(str(error), ReadWarning, stacklevel=2)
    logs += [_assemble(load(name), files, options) for name, files in scanned.items()]
    logs += [_unreadable(one) for one, _ in failed]
    return _wanted(concatenate(logs), tables)


def _none_read(failed: list[tuple[sources.Source, Exception]]) -> Exception:
    first = failed[0][1]
    kind = UnknownFormat if any(isinstance(error, UnknownFormat) for _, error in failed) else ReadError
    return kind(f"none of {len(failed)} files could be read; the first: {first}")


def _progress(found: list[sources.Source], show: bool) -> Iterable[sources.Source]:
    if not show:
        return found
    from tqdm import tqdm

    shown: Iterable[sources.Source] = tqdm(found, desc="reading", unit="file", disable=None)
    return shown


def _scan(source: sources.Source, given: Format | None) -> tuple[Format, Variant, list[Lines]]:
    """Recognise a source and scan it whole, piece by piece; events are never cut between pieces."""
    text = source.text()
    first = next(text, b"")
    kind, scanner = recognise(first[:SAMPLE], source.name, given, source.newline)
    pieces: list[Lines] = []
    rest = b""
    for piece, last in _with_last(first, text):
        octets = rest + piece
        rest = b""
        lines = scanner.run(octets, source.newline)
        if not last and lines.events and scanner.variant.continues:
            open_event = _open(lines, scanner.variant, octets, source.newline)
            rest = octets[_offset(octets, int(lines.line[open_event]), source.newline) :]
            lines = lines.before(open_event)
        pieces.append(lines)
    return kind, scanner.variant, pieces


def _with_last(first: bytes, more: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in more:
        yield first, False
        first = piece
    yield first, True


def _open(lines: Lines, variant: Variant, octets: bytes, newline: int) -> int:
    """The first event that the next piece can change: the last one, or a raw block that is still open."""
    column, closing = variant.block or ("", b"")
    blocks = np.flatnonzero(lines.columns[column] != MISSING) if column else np.zeros(0, dtype=np.int64)
    if len(blocks):
        at = _offset(octets, int(lines.line[blocks[-1]]), newline)
        closed = re.compile(rb"[\r\n]" + re.escape(closing) + rb"[\r\n]").search(octets, at)
        if not closed and len(octets) - at < WAIT:
            return int(blocks[-1])
    return lines.events - 1


def _offset(octets: bytes, line: int, newline: int) -> int:
    ends = np.flatnonzero(np.frombuffer(octets, dtype=np.uint8) == newline)
    return int(ends[line - 1]) + 1 if line else 0


_scanner = functools.cache(Scanner)  # a folder can hold a file for each connection: translate once


def recognise(sample: bytes, name: str, given: Format | None = None, newline: int = 10) -> tuple[Format, Scanner]:
    """Find the format and variant whose shapes fit most of a sample's lines.

    Shapes that read anything after a stamp (``weak``) are no evidence by themselves: at least one line must
    fit another. Raises ``UnknownFormat`` if none fits; with ``given`` the best of its variants is taken.
    """
    if len(sample) == SAMPLE:  # the last line of a full sample is cut
        sample = sample[: sample.rfind(bytes([newline])) + 1] or sample
    best: tuple[tuple[bool, float, float], Format, Scanner] | None = None
    for kind in [given] if given else map(load, formats()):
        for variant in kind.variants:
            scanner = _scanner(variant)
            share, explained = _fit(scanner.run(sample, newline), variant)
            # Lines forged inside a message fit another variant too, but leave what stands before them unread.
            rank = (share >= SHARE, explained, share)
            if best is None or rank > best[0]:
                best = (rank, kind, scanner)
    assert best is not None
    if best[0][0] or given:
        return best[1], best[2]
    line = next((line for line in sample.splitlines() if line.strip()), b"")
    shown = "it is empty" if not line else f"its first line is {line[:80].decode('utf-8', 'backslashreplace')!r}"
    raise UnknownFormat(f"{name}: no known log format; {shown}; known: {', '.join(formats())}")


def _fit(lines: Lines, variant: Variant) -> tuple[float, float]:
    """How far a sample's lines speak for a variant, and the share of them that it reads."""
    shapes = [shape for _, group in variant.groups for shape in group]
    strong = np.array([not shape.weak for shape in shapes])[lines.shape] if lines.events else np.zeros(0, bool)
    if not strong.any():
        return 0.0, 0.0
    # Lines that continue an event prove nothing: of a text file most lines would be such.
    told = int((lines.what != IGNORED).sum())
    ours = int((lines.what == EVENT).sum())
    read = (ours + int((lines.what == CONTINUATION).sum())) / told
    few = min(read, SHARE) if variant.continues and ours * 20 >= told else 0.0
    return (ours / told if ours * 2 >= told else few), read


def _assemble(kind: Format, files: list[tuple[sources.Source, Variant, list[Lines]]], options: Options) -> Log:
    names = [source.name for source, _, _ in files]
    unparsed: list[pd.DataFrame] = []
    pieces: list[tuple[int, Variant, Lines]] = []
    counts = np.zeros((len(files), 4), dtype=np.int64)
    for number, (source, variant, scanned) in enumerate(files):
        before = 0
        for lines in scanned:
            lines.line += before + 1
            lost = np.flatnonzero(lines.what == UNPARSED)
            if len(lost):
                unparsed.append(_lost(source.name, lost + before + 1, lines))
            counts[number] += [
                len(lines.what),
                *(int((lines.what == k).sum()) for k in (IGNORED, EVENT, CONTINUATION)),
            ]
            before += len(lines.what)
            pieces.append((number, variant, lines))
    records = join(pieces, names)
    made = kind.assemble(records, options)
    total, ignored, event, continued = counts.T
    time = made.tables["events"]["time"].groupby(records.source)
    about = {
        "source": names,
        "format": kind.name,
        "sha256": [source.sha256 for source, _, _ in files],
        "octets": [source.octets for source, _, _ in files],
        "lines": total,
        "ignored_lines": ignored,
        "event_lines": event + continued,
        "unparsed_lines": total - ignored - event - continued,
        "resolution": kind.resolution,
        "first": time.min().reindex(range(len(files))),
        "last": time.max().reindex(range(len(files))),
        **made.assumed,
    }
    made.tables["sources"] = schema.conform("sources", about, index=pd.RangeIndex(len(files)))
    if unparsed:
        made.tables["unparsed"] = schema.conform("unparsed", pd.concat(unparsed, ignore_index=True).to_dict("series"))
    return Log(made.tables, {source.name: source for source, _, _ in files})


def _lost(name: str, line: np.ndarray, lines: Lines) -> pd.DataFrame:
    text = pd.Series(pd.array(lines.unparsed, dtype="str"))
    binary = text.str.contains("\0", regex=False)
    reason = np.where(binary, "NUL octets", "no line before it that it could continue")
    return pd.DataFrame({"source": name, "line": line, "text": text, "reason": reason})


def _unreadable(source: sources.Source) -> Log:
    counts = {name: [0] for name in ("octets", "lines", "event_lines", "ignored_lines", "unparsed_lines")}
    return Log({"sources": schema.conform("sources", {"source": [source.name], "format": ["unknown"], **counts})})


def _wanted(log: Log, names: Iterable[str] | None) -> Log:
    if names is None:
        return log
    wanted = {*names, "sources"}
    if unknown := wanted - set(schema.TABLES):
        raise ValueError(f"no table {', '.join(sorted(unknown))}; there are: {', '.join(schema.TABLES)}")
    return Log({name: table for name, table in log.tables().items() if name in wanted}, log._files)


_SMALLEST = b"11/11/03 2:00:01 PM : A connection to x was established.\n11/11/03 2:00:01 PM : <<< IO: |220 x\n|\n"


def prepare() -> None:
    """Compile the kernels that large logs run on, so that no user waits for it (about 10 s, then cached)."""
    limit, engine.PLAIN_LIMIT = engine.PLAIN_LIMIT, 0
    try:
        read(io.BytesIO(_SMALLEST))
    finally:
        engine.PLAIN_LIMIT = limit
