"""``read``: find files, recognise their format, scan them, put the tables together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spamlab import engine, joining, pieces, sources
from spamlab import tables as schema
from spamlab.errors import ReadError, ReadWarning, UnknownFormat
from spamlab.formats import all_formats, load
from spamlab.interpreter import CONTINUATION, EVENT, IGNORED, UNPARSED
from spamlab.log import MARKER, Log, concatenate
from spamlab.records import Options
from spamlab.scan import Lines


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
        return _only(concatenate(logs), _names(tables))
    if converted:
        source = [one for one in listed if one not in converted]
    options = Options(tz, year, dayfirst, _names(tables))
    given = load(format) if format is not None else None
    by_kind: dict[str, list[pieces.Found]] = {}
    failed: list[tuple[sources.Source, Exception]] = []
    for one in sources.find(source):
        try:
            found = pieces.look(one, given)
        except (ReadError, UnknownFormat) as why:
            failed.append((one, why))
        else:
            by_kind.setdefault(found.kind.name, []).append(found)
    if not by_kind and not logs:
        raise failed[0][1] if len(failed) == 1 else _none_read(failed)
    for _, error in failed:
        warnings.warn(str(error), ReadWarning, stacklevel=2)
    logs += [_assemble(files, options, progress) for files in by_kind.values()]
    for damage in (one.source.damage for files in by_kind.values() for one in files if one.source.damage):
        warnings.warn(damage, ReadWarning, stacklevel=2)
    logs += [_unreadable(one) for one, _ in failed]
    return _only(concatenate(logs), options.tables)


def _none_read(failed: list[tuple[sources.Source, Exception]]) -> Exception:
    first = failed[0][1]
    kind = UnknownFormat if any(isinstance(error, UnknownFormat) for _, error in failed) else ReadError
    return kind(f"none of {len(failed)} files could be read; the first: {first}")


def _progress(files: list[pieces.Found], show: bool) -> Iterable[pieces.Found]:
    if not show:
        return files
    from tqdm import tqdm

    shown: Iterable[pieces.Found] = tqdm(files, desc="reading", unit="file", disable=None)
    return shown


def _assemble(files: list[pieces.Found], options: Options, progress: bool) -> Log:
    if None not in (begins := [file.begins for file in files]):  # else by name, as found
        files = [files[i] for i in np.argsort(np.array(begins, dtype=np.int64), kind="stable")]
    kind, given, joiner = files[0].kind, [file.source for file in files], joining.Joiner()
    names = [source.name for source in given]
    unparsed: list[pd.DataFrame] = []
    counts = np.zeros((len(files), 4), dtype=np.int64)
    for number, file in enumerate(_progress(files, progress)):
        for variant, lines in pieces.scan(file, "events" in options.tables):
            before = int(counts[number, 0])
            joiner.add(number, before, variant, lines)
            lost = np.flatnonzero(lines.what == UNPARSED)
            if len(lost):
                unparsed.append(_lost(names[number], lost + before + 1, lines))
            sorts = (int((lines.what == k).sum()) for k in (IGNORED, EVENT, CONTINUATION))
            counts[number] += [len(lines.what), *sorts]
    records = joiner.records(names, [source.modified for source in given])
    made = kind.assemble(records, options)
    total, ignored, event, continued = counts.T
    time = made.tables["events"]["time"].groupby(records.source)
    about = {
        "source": names,
        "format": kind.name,
        "sha256": [source.sha256 for source in given],
        "octets": [source.octets for source in given],
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
    return Log(made.tables, {source.name: source for source in given})


def _lost(name: str, line: np.ndarray, lines: Lines) -> pd.DataFrame:
    text = pd.Series(pd.array(lines.unparsed, dtype="str"))
    binary = text.str.contains("\0", regex=False)
    reason = np.where(binary, "NUL octets", "no line before it that it could continue")
    return pd.DataFrame({"source": name, "line": line, "text": text, "reason": reason})


def _unreadable(source: sources.Source) -> Log:
    counts = {name: [0] for name in ("octets", "lines", "event_lines", "ignored_lines", "unparsed_lines")}
    return Log({"sources": schema.conform("sources", {"source": [source.name], "format": ["unknown"], **counts})})


def _names(tables: Iterable[str] | None) -> frozenset[str]:
    """The names of the tables wanted."""
    wanted = frozenset(schema.TABLES) if tables is None else frozenset({*tables, "sources"})
    if unknown := wanted - set(schema.TABLES):
        raise ValueError(f"no table {', '.join(sorted(unknown))}; there are: {', '.join(schema.TABLES)}")
    return wanted


def _only(log: Log, wanted: frozenset[str]) -> Log:
    return Log({name: table for name, table in log.tables().items() if name in wanted}, log._files)


def prepare() -> None:
    """Compile the kernels that large logs run on, so that no user waits for it (half a minute, then kept)."""
    list(all_formats())  # each loads its kernels
    engine.prepare()
