"""``read``: find files, recognise their format, scan them, put the tables together."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from spamlab import engine, intake, joining, pages, parquet
from spamlab import tables as schema
from spamlab.formats import all_formats
from spamlab.intake import Intake
from spamlab.log import Log, concatenate
from spamlab.records import Options


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
    converted, source = parquet.split(source)
    logs = [Log.from_parquet(one) for one in converted]
    if len(logs) == 1 and not source and tables is None:
        return logs[0]  # its tables are read when they are asked for
    if converted and not source:
        return _only(concatenate(logs), _names(tables))
    options = Options(tz, year, dayfirst, _names(tables))
    taken, failed = intake.opened(source, format)
    if not taken and not logs:
        raise intake.refuse(failed)
    lost = Log({"sources": intake.unreadable(failed)})
    with pages.small():
        while taken:  # what was scanned is let go once it stands in tables
            logs.append(_whole(taken.pop(0), options, progress))
    return _only(concatenate([*logs, lost]), options.tables)


def _whole(taken: Intake, options: Options, progress: bool) -> Log:
    joiner = joining.Joiner()
    with ThreadPoolExecutor(1) as beside:  # a piece is put in its place while the next ones are read and scanned
        last: Future[Any] = beside.submit(len, ())  # nothing yet
        for piece in taken.scan(options.tables, progress):
            last.result()
            last = beside.submit(joiner.add, *piece)
        last.result()
    pages.give_back()
    records = joiner.records(taken.names, taken.modified)
    made = taken.kind.assemble(records, options)
    times = intake.times(made.tables["events"]["time"], records.source)
    made.tables |= {"sources": taken.about(times, made.assumed), "unparsed": taken.unparsed()}
    return Log(made.tables, {source.name: source for source in taken.sources})


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
