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
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from spamlab import atomic, intake, jsonlines, parquet, pieces, sources, stamps, stream, tables
from spamlab.errors import ReadError, ReadWarning, UnknownFormat
from spamlab.formats import load
from spamlab.joining import Joiner
from spamlab.lexer import DAY, NO_YEAR
from spamlab.log import Log, stacked
from spamlab.records import Options, Records
from spamlab.scan import Field

try:
    from dask.base import compute, persist, tokenize
    from dask.dataframe import from_delayed
    from dask.delayed import delayed
except ImportError as error:
    raise ImportError("spamlab.cluster takes Dask: pip install 'spamlab[cluster]'") from error

T = TypeVar("T")

PARTITION = 64 << 20
"""Octets of small files that are read together, as stored; what is compressed counts ``EXPANDED`` times."""

EXPANDED = 10

APART = 1 << 32
"""From the ids of one part, and the labels of its events, to those of the next."""

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def read(
    source: Any,
    *,
    format: str | None = None,
    tz: str = "UTC",
    year: int | None = None,
    dayfirst: bool | None = None,
    scheduler: Any = None,
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
    client = _client(scheduler)
    options = Options(tz, year, dayfirst)
    folders, _ = parquet.split(source)
    if folders:
        raise ReadError(f"{folders[0]}: is converted already; spamlab.read and stream.parts read it in parts")
    inputs = sources.find(source)
    if streams := [one.name for one in inputs if one.where is None]:
        raise ReadError(f"{streams[0]}: a stream cannot be read by several processes")
    files = [(one.name, one.where or "") for one in inputs]
    seen = _compute(client, [delayed(_glance)(*file, format, options) for file in files])
    failed = [(sources.at(*file), one) for file, one in zip(files, seen, strict=True) if isinstance(one, Exception)]
    by_kind: dict[str, list[_Glance]] = {}
    for one in seen:
        if isinstance(one, _Glance):
            by_kind.setdefault(one.kind, []).append(one)
    if not by_kind:
        raise intake.refuse(failed)
    parts = [part for glances in by_kind.values() for part in _parts(glances, format, options)]
    if failed:
        parts.append(delayed(_Given({"sources": intake.unreadable(failed)})))
    return Clustered(parts, client, list(by_kind), {name: sources.at(name, where) for name, where in files})


class Clustered(Log):
    """A log whose tables are Dask DataFrames, and whose parts are on a cluster.

    What reduces over ``map`` works on it as on any log: each part is a ``Log`` in a worker's memory.
    """

    parted = True

    def __init__(self, parts: list[Any], client: Any, formats: list[str], files: dict[str, sources.Source]) -> None:
        self._parts, self._client, self._formats = parts, client, formats
        self._files, self._checked = files, set()
        for name in tables.TABLES:
            frames = [delayed(_table)(part, name, number) for part, number in self._numbered()]
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
        found = _compute(self._client, [delayed(_apply)(function, *part, about) for part in self._numbered()])
        for damage in dict.fromkeys(damage for _, told in found for damage in told):
            warnings.warn(damage, ReadWarning, stacklevel=3)
        return [result for result, _ in found]

    def persist(self) -> Clustered:
        """The same log, read once and kept in the workers' memory."""
        kept = persist(*self._parts, **_on(self._client))
        return Clustered(list(kept), self._client, self._formats, self._files)

    def between(self, start: Any = None, end: Any = None) -> Clustered:
        """See ``Log.between``."""
        some = [delayed(_between)(part, start, end) for part in self._parts]
        return Clustered(some, self._client, self._formats, self._files)

    def compute(self) -> Log:
        """The log as ``spamlab.read`` gives it, in this process's memory."""
        return stream.whole(self._each(_same, about=False))

    @functools.cached_property
    def _about(self) -> pd.DataFrame:
        """The sources, of which there are few."""
        return tables.conform("sources", self.sources.compute().to_dict("series"))  # type: ignore[operator]

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
        return stacked(self.map(functools.partial(_columns, table=table, names=names))).reset_index(drop=True)

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
    rows = _compute(log._client, [delayed(_write)(part, place) for part, place in zip(log._parts, places, strict=True)])
    total = dict.fromkeys(tables.TABLES, 0)
    tasks = []
    for place, own in zip(places, rows, strict=True):
        tasks.append(delayed(_number)(place, {key: total[f"{key}s"] for key in ("session", "transaction")}))
        total = {name: n + own[name] for name, n in total.items()}
    _compute(log._client, tasks)
    if lost := [place for place in places if not (place / parquet.MARKER).is_file()]:
        raise ReadError(f"{lost[0]}: not here; the workers need a folder that they share with this machine")
    parquet.gather(folder, [place.name for place in places])
    return total


def _client(scheduler: Any) -> Any:
    if not isinstance(scheduler, str):
        return scheduler
    from distributed import Client

    return Client(scheduler)


def _on(client: Any) -> dict[str, Any]:
    return {} if client is None else {"scheduler": client}


def _compute(client: Any, tasks: list[Any]) -> list[Any]:
    return list(compute(*tasks, **_on(client)))


# -- what is to be done, from the files' beginnings ------------------------------------------------------------


class _Glance(NamedTuple):
    """What the beginning of a file says."""

    name: str
    where: str
    kind: str
    octets: int
    begins: int | None
    """As ``pieces.Found.begins``."""
    stamp: int | None = None
    """The first stamp, where it has no year, in microseconds of any year."""
    vote: float = 0
    """Whether stamps show that the day comes first (more than 0) or the month (less)."""
    custom: bool | None = None
    """What would be taken if none of all files showed it; None: no stamp is in doubt."""


def _glance(name: str, where: str, format: str | None, options: Options) -> _Glance | Exception:
    source = sources.at(name, where)
    try:
        found = pieces.look(source, load(format) if format else None)
        seen = _Glance(name, where, found.kind.name, _octets(source), found.begins)
        text = next(jsonlines.plain(source.text(pieces.SAMPLE)), b"")
        first = [lines.columns for _, lines in pieces.recognise(text, name, found.kind, source.newline)[2]]
        times = [columns["time"].values for columns in first if "time" in columns]
        yearless = [time[time & NO_YEAR != 0] for time in times if found.begins is None and options.year is not None]
        if some := [bare[0] for bare in yearless if len(bare)]:
            seen = seen._replace(stamp=int(some[0] >> 3))
        if options.dayfirst is None and any("stamp" in columns for columns in first):
            vote, custom = _order(found)
            seen = seen._replace(vote=vote, custom=custom)
    except (ReadError, UnknownFormat) as why:
        return why
    return seen


def _octets(source: sources.Source) -> int:
    return source.stored * (EXPANDED if source.name.endswith(_COMPRESSED) else 1)


def _order(found: pieces.Found) -> tuple[float, bool | None]:
    """How a file's stamps vote on day and month, and what custom says where they do not."""
    stamp = [lines.columns["stamp"].values for _, lines in pieces.scan(found, False) if "stamp" in lines.columns]
    packed = np.concatenate([*stamp, np.zeros(0, dtype=np.int64)])
    every = np.arange(len(packed))
    records = Records({"stamp": Field(every, packed)}, every * 0, every, every, every, [], [found.source.name])
    records.clock = {}
    told = stamps.locale(records, Options())[1]["dayfirst_assumed"].iloc[0]
    return float(records.clock["vote"][0]), None if pd.isna(told) else bool(told)


def _parts(files: list[_Glance], format: str | None, options: Options) -> Iterator[Any]:
    """The parts of the files of one format, as delayed ``_Given``s."""
    begins = [file.begins for file in files]
    if None not in begins:
        files = [files[i] for i in np.argsort(np.array(begins, dtype=np.int64), kind="stable")]
    groups = list(_grouped(files, options))
    carried = None
    for number, (group, chosen) in enumerate(groups):
        begun, ended = number == 0, number == len(groups) - 1
        named = [(file.name, file.where) for file in group]
        about = named, [sources.at(*file).modified for file in named], format, chosen
        key = f"spamlab-read-{tokenize(*about, begun, ended)}"
        given, opened = delayed(_read, nout=2)(named, format, chosen, not begun, not ended, dask_key_name=key)
        yield given
        if carried is None:
            carried = opened
        else:
            key = f"spamlab-join-{tokenize(carried, opened)}"
            join = delayed(_join, nout=2)
            given, carried = join(carried, opened, group[0].kind, options, ended, dask_key_name=key)
            yield given


def _grouped(files: list[_Glance], options: Options) -> Iterator[tuple[list[_Glance], Options]]:
    """Files that are read together, and what is known when they are."""
    votes = [file.vote > 0 for file in files if file.vote]
    doubts = [file.custom for file in files if file.custom is not None]
    default = votes[0] if votes else all(doubts)
    group: list[_Glance] = []
    last, known, held = None, options, options
    for file in files:
        chosen = known
        if file.stamp is not None:
            if last is not None and known.year is not None:
                step = file.stamp - last  # as ``stamps`` tells New Year, but that the file between is not known
                turned = (step < -stamps.HALF_YEAR) - (step > 300 * DAY)
                chosen = Options(options.tz, known.year + turned, options.dayfirst)
            last = file.stamp
        known = chosen
        if options.dayfirst is None and file.custom is not None:
            chosen = Options(chosen.tz, chosen.year, default)
        if group and (sum(one.octets for one in group) + file.octets > PARTITION or chosen.dayfirst != held.dayfirst):
            yield group, held
            group = []
        if not group:
            held = chosen
        group.append(file)
    yield group, held


# -- what the workers do -----------------------------------------------------------------------------------


class _Given(NamedTuple):
    """Tables of sessions and messages that are whole; where their sources are, and what was wrong with these."""

    tables: dict[str, pd.DataFrame]
    files: dict[str, str] = {}  # noqa: RUF012 (never changed)
    damage: tuple[str, ...] = ()
    sources: pd.DataFrame | None = None
    """What is to be known of the files that events are from; their rows in ``tables`` are in another part."""


class _Open(NamedTuple):
    """Events of sessions and messages that are not known to be whole, and when the log ends so far."""

    records: Records
    now: pd.Timestamp
    sources: pd.DataFrame


def _read(
    files: list[tuple[str, str]], format: str | None, options: Options, before: bool, after: bool
) -> tuple[_Given, _Open]:
    """Read some files whole, between those that come ``before`` and ``after`` them if there are such."""
    given = load(format) if format else None
    # In this order, whatever the stamps of these few files say.
    taken = intake.Intake([pieces.look(sources.at(*file), given)._replace(begins=None) for file in files])
    joiner = Joiner(clock={})
    for number, passed, variant, lines in taken.scan(True, False):
        joiner.add(number, passed, variant, lines)
    records = joiner.records(taken.names, taken.modified)
    assembled = taken.kind.assemble(records, options)
    made, now = assembled.tables, stream.ends(assembled.tables)
    waits = _waits(made, records.source, before, now if after else None)
    times = intake.times(made["events"]["time"], records.source)
    whole = stream.without(made, waits)
    whole |= {"sources": taken.about(times, assembled.assumed), "unparsed": taken.unparsed()}
    damage = tuple(source.damage for source in taken.sources if source.damage)
    return _Given(whole, dict(files), damage), _opened(records, waits, now, whole["sources"])


def _opened(records: Records, waits: np.ndarray, now: pd.Timestamp, about: pd.DataFrame) -> _Open:
    some = stream.joined([records.select(np.flatnonzero(waits))])
    return _Open(some, now, about[about["source"].isin(some.names)])


def _waits(made: stream.Tables, source: np.ndarray, before: bool, now: pd.Timestamp | None) -> np.ndarray:
    """The events of what can have begun ``before`` some files, if there are others, or can go on after ``now``."""
    ties = stream.Ties(made)
    came, sent, loose = stream.come_from(made, stream.begins(made))
    held = ties.groups(came & before, sent & before)
    if now is not None:
        held |= ties.groups(*stream.going_on(made, now))
    return ties.waiting(held, source, loose & before)


def _join(carried: _Open, opened: _Open, kind: str, options: Options, last: bool) -> tuple[_Given, _Open]:
    """Put together what was open before some files and what these had open; what still is, is carried on."""
    records = stream.joined([carried.records, opened.records])
    made = load(kind).assemble(records, options).tables
    waits = np.zeros(len(records), dtype=bool)
    if not last:
        waits = _waits(made, records.source, False, opened.now)
    given = {name: made[name] for name in ("events", "sessions", "transactions", "recipients")}
    about = stacked([carried.sources, opened.sources]).reset_index(drop=True)
    return _Given(stream.without(given, waits), sources=about), _opened(records, waits, opened.now, about)


def _log(part: _Given, number: int = 0, about: bool = False) -> Log:
    """A part as a log; with ``about`` it knows its sources also where another part tells them."""
    given = {"sources": part.sources} if about and part.sources is not None else {}
    for name, table in part.tables.items():
        ids = {key: table[key] + number * APART for key in tables.IDS if key in table}
        given[name] = table.assign(**ids) if ids else table
        if name == "events":  # analyses name them by their labels
            given[name] = given[name].set_axis(pd.RangeIndex(number * APART, number * APART + len(table)))
    return Log(given, {name: sources.at(name, where) for name, where in part.files.items()})


def _apply(function: Callable[[Log], T], part: _Given, number: int, about: bool) -> tuple[T, tuple[str, ...]]:
    return function(_log(part, number, about)), part.damage


def _same(part: Log) -> Log:
    return part


def _columns(part: Log, table: str, names: tuple[str, ...]) -> pd.DataFrame:
    return part.columns(table, *names)


def _between(part: _Given, start: Any, end: Any) -> _Given:
    some = _log(part).between(start, end).tables()
    return part._replace(tables={name: some[name] for name in part.tables})


def _table(part: _Given, name: str, number: int) -> pd.DataFrame:
    own = part._replace(tables={name: part.tables[name]} if name in part.tables else {})
    table: pd.DataFrame = getattr(_log(own, number), name)
    return table


_NEW = ".new"


def _write(part: _Given, place: Path) -> dict[str, int]:
    with atomic.folder(place.with_suffix(_NEW)) as build:
        return parquet.write([_log(part)], build)


def _number(place: Path, first: dict[str, int]) -> None:
    new = place.with_suffix(_NEW)
    if not (place / parquet.MARKER).is_file():  # else a worker did so, and died before it could tell
        with atomic.folder(place) as build:
            parquet.renumber(new, build, first)
    shutil.rmtree(new, ignore_errors=True)


def _meta(name: str) -> pd.DataFrame:
    """A table without rows, for Dask: categories that are not the same in all logs are not known."""
    from dask.dataframe.utils import clear_known_categories

    empty = tables.empty(name)
    open_ = [c for c, told in tables.TABLES[name].items() if told.dtype == tables.CATEGORY and c not in tables.CLOSED]
    return clear_known_categories(empty, cols=open_) if open_ else empty
