"""A log read by many processes or machines, on Dask: the six tables as Dask DataFrames.

Files are read side by side, a partition each (small ones together), on any Dask scheduler; a file is never cut, so a
huge one is one partition and takes about seven times its size of a worker's memory. Of a partition the
sessions and messages that are surely whole in it become tables at once. The events of those that can have begun before
it or can go on after it, with all that hangs together with them, are handed on, as little as ``stream`` lets wait; a
chain of small tasks, one a partition, puts them together. So each file makes two partitions: its own, and what its
beginning completed.

Tasks read files and return values, nothing else, and their names follow from what they are to do: what a worker that
died was doing, or held, another one does again. Ids count within a part, and the part's number stands above them, at
2**32, which makes them unique without anyone having to count; what is written as Parquet is counted on. A result that
goes by the order of rows (an interval from blocks of them) can differ a little from that of the log read at once.
Where a worker dies that held what the chain had come to, the chain is gone through again, from files read again.

As in ``stream``, what two files say of the same moment is tied together only within a partition: the messages that one
server handed to another whose log is in other files, and what Exim's rejectlog repeats; so is a notice in an Exchange
tracking log with its original, which only a Message-ID ties together. Where ``year`` is given, a file without years is
taken to begin less than half a year after the one before it.
"""

from __future__ import annotations

import functools
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from spamlab import inputs, intake, parquet, sources, stream, tables
from spamlab.cluster import plan, work
from spamlab.cluster.tasks import Scheduler, delayed, from_delayed
from spamlab.errors import ReadError, ReadWarning
from spamlab.log import Log, stacked
from spamlab.records import Options

T = TypeVar("T")


def read(
    source: Any,
    *,
    format: str | None = None,
    tz: str = "UTC",
    year: int | None = None,
    dayfirst: bool | None = None,
    scheduler: Any = None,
    progress: bool = False,
) -> Clustered:
    """Read SMTP logs on a Dask cluster.

    Parameters
    ----------
    source
        Paths, globs, folders, or URLs that fsspec knows (``s3://…``); all workers must be able to open them.
    format, tz, year, dayfirst
        As in ``spamlab.read``. Where neither ``dayfirst`` nor a file's beginning tells the order of day and month,
        such files are read twice.
    scheduler
        A scheduler's address (``tcp://host:8786``) or a ``distributed.Client``; ``None``: the client there is, else
        threads of this process.
    progress
        Show on the terminal how far it is, now and whenever a result is asked of this log.

    Returns
    -------
    Clustered
        Nothing but the files' beginnings has been read so far: the rest is when a result is asked for, each time
        anew. ``persist`` keeps the tables in the workers' memory.

    Raises
    ------
    UnknownFormat, ReadError
        As ``spamlab.read``.

    Warns
    -----
    ReadWarning
        As ``spamlab.read``; of a damaged file when a result of ``map`` has come.

    Examples
    --------
    >>> log = read("data/exchange55-appendix-a.log")
    >>> int(log.events["session"].nunique().compute())
    2
    >>> log.map(lambda part: int(part.transactions["size"].sum()))
    [17329]
    """
    options = Options(tz, year, dayfirst)
    folders, _ = parquet.split(source)
    if folders:
        raise ReadError(f"{folders[0]}: is converted already; spamlab.read and stream.parts read it in parts")
    found = inputs.find(source)
    if streams := [one.name for one in found if one.where is None]:
        raise ReadError(f"{streams[0]}: a stream cannot be read by several processes")
    files = [(one.name, one.where or "") for one in found]
    on = Scheduler(scheduler, progress)
    seen = on.compute([delayed(plan.glance)(*file, format, options) for file in files], "files")
    failed = [(sources.at(*file), one) for file, one in zip(files, seen, strict=True) if isinstance(one, Exception)]
    by_kind: dict[str, list[plan.Glance]] = {}
    for one in seen:
        if isinstance(one, plan.Glance):
            by_kind.setdefault(one.kind, []).append(one)
    if not by_kind:
        raise intake.refuse(failed)
    parts = [part for glances in by_kind.values() for part in plan.parts(glances, format, options)]
    if failed:
        parts.append(delayed(work.Given({"sources": intake.unreadable(failed)})))
    return Clustered(parts, on, list(by_kind), {name: sources.at(name, where) for name, where in files})


class Clustered(Log):
    """A log whose tables are Dask DataFrames, and whose parts are on a cluster.

    What reduces over ``map`` works on it as on any log: each part is a ``Log`` in a worker's memory.
    """

    parted = True

    def __init__(self, parts: list[Any], on: Scheduler, formats: list[str], files: dict[str, sources.Source]) -> None:
        self._parts, self._on, self._formats = parts, on, formats
        self._files, self._checked = files, set()
        for name in tables.TABLES:
            frames = [delayed(work.table)(part, name, number) for part, number in self._numbered()]
            setattr(self, name, from_delayed(frames, meta=_meta(name), verify_meta=False))

    def _numbered(self) -> Iterator[tuple[Any, int]]:
        return ((part, number) for number, part in enumerate(self._parts))

    def __repr__(self) -> str:
        """Say in a line what is known before it is read."""
        return f"<Clustered log {self.format}: {len(self._files):,} files in {len(self._parts):,} parts>"

    @property
    def format(self) -> str:
        """The formats of its sources, comma-separated."""
        return ", ".join(self._formats)

    def map(self, function: Callable[[Log], T]) -> list[T]:
        """What a function gives for each part of the log, computed where the part is.

        Parameters
        ----------
        function
            Takes a ``Log``, with the ids of the Dask DataFrames. It is sent to the workers, its results are sent back.

        Returns
        -------
        list
            In the order of the log; a session or message is whole in one part.
        """
        return self._each(function)

    def _each(self, function: Callable[[Log], T], about: bool = True) -> list[T]:
        found = self._on.compute([delayed(work.apply)(function, *part, about) for part in self._numbered()], "parts")
        for damage in dict.fromkeys(damage for _, told in found for damage in told):
            warnings.warn(damage, ReadWarning, stacklevel=3)
        return [result for result, _ in found]

    def persist(self) -> Clustered:
        """The same log, read once and kept in the workers' memory."""
        return Clustered(self._on.persist(self._parts), self._on, self._formats, self._files)

    def between(self, start: Any = None, end: Any = None) -> Clustered:
        """See ``Log.between``."""
        some = [delayed(work.between)(part, start, end) for part in self._parts]
        return Clustered(some, self._on, self._formats, self._files)

    def compute(self) -> Log:
        """The log as ``spamlab.read`` gives it, in this process's memory."""
        return stream.whole(self._each(work.same, about=False))

    @functools.cached_property
    def _about(self) -> pd.DataFrame:
        """The sources, of which there are few."""
        (found,) = self._on.compute([self.sources], "sources")
        return tables.conform("sources", found.to_dict("series"))

    def trace(self, what: str) -> pd.DataFrame:
        """See ``Log.trace``."""
        return stacked(self.map(functools.partial(Log.trace, what=what))).sort_values("time", kind="stable")

    def count(self, table: str) -> int:
        """See ``Log.count``."""
        return sum(self._each(functools.partial(Log.count, table=table), about=False))

    def columns(self, table: str, *names: str) -> pd.DataFrame:
        """See ``Log.columns``; they are brought here."""
        if table == "sources":
            return self._about[list(names)]
        return stacked(self.map(functools.partial(work.columns, table=table, names=names))).reset_index(drop=True)

    def raw(self, event: Any) -> bytes:
        """See ``Log.raw``."""
        return Log({"sources": self._about}, self._files).raw(event)

    def to_parquet(self, folder: str | Path) -> None:
        """Write the tables as Parquet, by the workers, into a folder that exists and that all of them can write.

        ``spamlab.read(folder)`` gives the whole Log back.
        """
        write(self, Path(folder))


def write(log: Clustered, folder: Path) -> dict[str, int]:
    """Write a log's parts into a folder that all workers can write; how many rows each table has.

    Each part is a converted log in a folder of its own, which is there whole or not at all. When all are written, how
    many sessions and messages come before each is known, and the workers count its ids on from there.

    Raises
    ------
    ReadError
        The workers wrote in a place that is not this folder.
    """
    places = [folder.resolve() / f"part-{number:05}" for number in range(len(log._parts))]
    for place in places:
        shutil.rmtree(place, ignore_errors=True)  # of a run before
    tasks = [delayed(work.write)(part, place) for part, place in zip(log._parts, places, strict=True)]
    rows = log._on.compute(tasks, "writing")
    total = dict.fromkeys(tables.TABLES, 0)
    tasks = []
    for place, own in zip(places, rows, strict=True):
        tasks.append(delayed(work.number)(place, {key: total[f"{key}s"] for key in ("session", "transaction")}))
        total = {name: n + own[name] for name, n in total.items()}
    log._on.compute(tasks, "numbering")
    if lost := [place for place in places if not (place / parquet.MARKER).is_file()]:
        raise ReadError(f"{lost[0]}: not here; the workers need a folder that they share with this machine")
    parquet.gather(folder, [place.name for place in places])
    return total


def _meta(name: str) -> pd.DataFrame:
    """A table without rows, for Dask: categories that are not the same in all logs are not known."""
    from dask.dataframe.utils import clear_known_categories

    empty = tables.empty(name)
    open_ = [c for c, told in tables.TABLES[name].items() if told.dtype == tables.CATEGORY and c not in tables.CLOSED]
    return clear_known_categories(empty, cols=open_) if open_ else empty
