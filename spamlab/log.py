"""``Log``: the six tables of one or many log files, and the ways back to the files."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from spamlab import parquet, sources, stored, tables
from spamlab.errors import ReadError
from spamlab.sources import Source

T = TypeVar("T")

LARGE = 2_000_000
"""Rows of a converted log's longest table from which on it is taken part by part."""


class Log:
    r"""The tables of a log, as attributes: ``events``, ``sessions``, ``transactions``, ``recipients``,
    ``unparsed``, ``sources`` (``spamlab.tables`` defines their columns).

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> log
    <Log exchange55: 1 source, 72 events, 2 sessions, 8 transactions, 8 recipients, 0 unparsed lines>
    >>> log.raw(log.events.iloc[0])
    b'11/11/03 1:59:23 PM : <<< I0: |221 ATT.COM\n|\n'
    """

    events: pd.DataFrame
    sessions: pd.DataFrame
    transactions: pd.DataFrame
    recipients: pd.DataFrame
    unparsed: pd.DataFrame
    sources: pd.DataFrame

    parted: bool | None = None
    """Whether ``map`` gives several parts, where that is known without asking for them."""

    def __init__(self, given: Mapping[str, pd.DataFrame], files: Mapping[str, Source] | None = None) -> None:
        for name in tables.TABLES:
            setattr(self, name, given[name] if name in given else tables.empty(name))
        self._files = dict(files or {})
        self._checked: set[str] = set()

    def __repr__(self) -> str:
        """Say in a line what is in the log."""
        counts = ", ".join(
            f"{self.count(name):,} {name if self.count(name) != 1 else name[:-1]}"
            for name in ("events", "sessions", "transactions", "recipients")
        )
        sources = f"{len(self.sources)} source{'s' if len(self.sources) != 1 else ''}"
        lost = self.count("unparsed")
        return f"<Log {self.format}: {sources}, {counts}, {lost:,} unparsed line{'s' if lost != 1 else ''}>"

    @property
    def format(self) -> str:
        """The formats of its sources, comma-separated."""
        return ", ".join(dict.fromkeys(self.sources["format"].astype("str"))) or "no format"

    @property
    def lasting(self) -> bool:
        """Whether what was found in its tables stays true: nobody was given one and could have changed it."""
        return False

    def tables(self) -> dict[str, pd.DataFrame]:
        """All six tables by name."""
        return {name: getattr(self, name) for name in tables.TABLES}

    def count(self, table: str) -> int:
        """Rows of a table."""
        return len(getattr(self, table))

    def columns(self, table: str, *names: str) -> pd.DataFrame:
        """Some columns of a table: of a converted log no more than these are read."""
        whole: pd.DataFrame = getattr(self, table)
        return whole[list(names)]

    def map(self, function: Callable[[Log], T]) -> list[T]:
        """What a function gives for each part of the log; a session or message is whole in one part.

        A log in memory is one part, and so is a small converted one. A large one is never there as a whole.

        >>> import spamlab
        >>> spamlab.read("data/exchange55-appendix-a.log").map(lambda part: len(part.sessions))
        [2]
        """
        return [function(self)]

    def raw(self, event: Any) -> bytes:
        """Return the exact bytes of an event, from the file it was read from.

        Parameters
        ----------
        event
            A row of ``events`` (or of ``unparsed``).

        Returns
        -------
        bytes
            Its physical lines with their line ends, decompressed but otherwise as stored.

        Raises
        ------
        ReadError
            The file is gone, or is not the one that was read (its SHA-256 differs).
        """
        name = str(event["source"])
        row = self.sources[self.sources["source"].astype("str") == name]
        file = self._files.get(name) or sources.at(name, name)
        octets = int(row["octets"].sum())
        lines = file.raw_lines(int(event["line"]), int(event.get("lines", 1)), octets)
        if name not in self._checked:
            for _ in file.plain(octets):  # to the end: the hash is of all that was read
                pass
            if row.empty or file.sha256 != row["sha256"].iloc[0]:
                raise ReadError(f"{name}: changed since it was read; read it again to see its lines")
            self._checked.add(name)
        return lines

    def between(self, start: Any = None, end: Any = None) -> Log:
        """Select what was logged from ``start`` (inclusive) to ``end`` (exclusive).

        Parameters
        ----------
        start, end
            Times pandas understands; without a zone they are UTC; ``None`` leaves that side open.

        Returns
        -------
        Log
            Sessions and transactions with an event in that time, their recipients, and those events.
            Sources stay as they are: they say what was read.
        """
        inside = pd.Series(True, index=self.events.index)
        ours = pd.Series(True, index=self.recipients.index)
        for bound, keeps in ((start, "ge"), (end, "lt")):
            if bound is not None:
                moment = pd.Timestamp(bound)
                moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
                inside &= getattr(self.events["time"], keeps)(moment)
                ours &= getattr(self.recipients["time"], keeps)(moment)
        events = self.events[inside].reset_index(drop=True)
        return Log(
            {
                "events": events,
                "sessions": _only(self.sessions, "session", events["session"]),
                "transactions": _only(self.transactions, "transaction", events["transaction"]),
                "recipients": self.recipients[ours].reset_index(drop=True),
                "unparsed": self.unparsed,
                "sources": self.sources,
            },
            self._files,
        )

    def trace(self, what: str) -> pd.DataFrame:
        """Return all events about a message, address, account, host or queue id, in order.

        Parameters
        ----------
        what
            A queue id, message-id, address, account, host name or IP address; capitals do not matter.

        Returns
        -------
        DataFrame
            Rows of ``events``: those of every transaction and session it names, and every event whose
            own fields name it. Empty if nothing does.
        """
        wanted = what.strip().strip("<>").lower()

        def names(table: pd.DataFrame, *columns: str) -> pd.Series:
            hits = pd.Series(False, index=table.index)
            for column in columns:
                hits |= table[column].astype("str").str.lower().eq(wanted).fillna(False)
            return hits

        relay = self.recipients["relay"].str.extract(r"^(?P<host>[^\s\[]+)?\s*(?:\[(?P<ip>[^\]]*)\])?")
        sent = self.transactions[names(self.transactions, "reverse_path", "message_id", "queue_id", "user")]
        got = self.recipients[names(self.recipients, "forward_path", "orig_to") | names(relay, "host", "ip")]
        met = self.sessions[names(self.sessions, "peer_ip", "peer_host", "helo", "user")]
        about = self._tied({*sent["transaction"], *got["transaction"].dropna()})
        hits = self.events["transaction"].isin(about) | self.events["session"].isin(met["session"])
        hits |= names(self.events, "queue_id", "argument")
        if "@" in wanted:  # of a refusal before any message the sender stands in its text alone
            alone = self.events[self.events["kind"].eq("reject") & self.events["transaction"].isna()]
            told = rf"(?:^|[^\w.+@-]){re.escape(wanted)}(?:$|[^\w.@-])"
            hits[alone.index[alone["text"].str.lower().str.contains(told).fillna(False)]] = True
        return self.events[hits].sort_values("time", kind="stable")

    def _tied(self, about: set[int]) -> set[int]:
        """These messages, and those that they became, came from, report or are reported by."""
        hops = self.recipients[["transaction", "requeued_as"]].dropna().to_numpy("int64")
        reports = self.transactions[["transaction", "ndr_of"]].dropna().to_numpy("int64")
        links = pd.DataFrame([*hops.tolist(), *reports.tolist()], columns=["one", "other"], dtype="int64")
        while True:
            one, other = links["one"].isin(about), links["other"].isin(about)
            if (one == other).all():
                return about
            about = about | set(links.loc[one, "other"]) | set(links.loc[other, "one"])

    def to_parquet(self, folder: str | Path) -> None:
        """Write the tables as Parquet files, one a table, into a folder that exists.

        ``spamlab.read(folder)`` gives the same Log back. Text, times and categories keep their types.
        """
        parquet.write([self], Path(folder))

    @classmethod
    def from_parquet(cls, folder: str | Path) -> Log:
        """Open a folder that ``to_parquet`` or ``spamlab convert`` wrote: a table is read when it is asked for."""
        held, paths = stored.opened(Path(folder))
        return Converted(held, {name: sources.at(name, where) for name, where in paths.items()})


class Converted(Log):
    """A log in a folder, or a part of it: its tables are read when they are asked for."""

    def __init__(self, held: stored.Stored, files: Mapping[str, Source]) -> None:
        self._held = held
        self._some: dict[str, pd.DataFrame] = {}
        self._files = dict(files)
        self._checked = set()

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Read a table."""
        if name not in tables.TABLES:
            raise AttributeError(name)
        table = self._held.table(name)
        self._some.pop(name, None)
        setattr(self, name, table)
        return table

    @property
    def lasting(self) -> bool:
        """See ``Log.lasting``."""
        return not self.__dict__.keys() & (tables.TABLES.keys() - {"sources"})

    def count(self, table: str) -> int:
        """See ``Log.count``."""
        return super().count(table) if table in self.__dict__ else self._held.count(table)

    def columns(self, table: str, *names: str) -> pd.DataFrame:
        """See ``Log.columns``."""
        if table in self.__dict__:
            return super().columns(table, *names)
        some = self._some.get(table)
        if more := [name for name in names if some is None or name not in some]:
            found = self._held.table(table, more)
            some = self._some[table] = found if some is None else pd.concat([some, found], axis=1)
        assert some is not None
        return some[list(names)]

    def map(self, function: Callable[[Log], T]) -> list[T]:
        """See ``Log.map``."""
        if len(self._held) <= LARGE:
            return [function(self)]
        return [function(_Part(held, self)) for held in self._held.parts()]

    def between(self, start: Any = None, end: Any = None) -> Log:
        """See ``Log.between``."""
        parts = self.map(functools.partial(Log.between, start=start, end=end))
        return parts[0] if len(parts) == 1 else _together(parts, self)

    def trace(self, what: str) -> pd.DataFrame:
        """See ``Log.trace``."""
        found = self.map(functools.partial(Log.trace, what=what))
        return found[0] if len(found) == 1 else stacked(found).sort_index().sort_values("time", kind="stable")


class _Part(Converted):
    """A part of a large one; what its sources are is known of the whole."""

    def __init__(self, held: stored.Stored, whole: Converted) -> None:
        super().__init__(held, whole._files)
        self.sources = whole.sources

    def map(self, function: Callable[[Log], T]) -> list[T]:
        return [function(self)]


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns, one below the other, with their labels; categories stay."""
    some = [frame for frame in frames if len(frame)] or list(frames[:1])
    if len(some) == 1:
        return some[0]
    made = pd.concat([frame.select_dtypes(exclude="category") for frame in some])
    columns = {
        str(name): pd.api.types.union_categoricals([frame[name] for frame in some])
        for name, dtype in some[0].dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype)
    }
    return made.assign(**columns)[[*some[0].columns]]


def _together(parts: list[Log], whole: Log) -> Log:
    """What was taken from each part, numbered as it was."""
    given = {name: _stack(name, [getattr(part, name) for part in parts]) for name in tables.TABLES if name != "sources"}
    return Log({**given, "sources": whole.sources}, whole._files)


def converted(folder: Path) -> Iterator[Log]:
    """The parts in which a converted log was written; their ids go on from part to part."""
    held, paths = stored.opened(folder)
    files = {name: sources.at(name, where) for name, where in paths.items()}
    for group in held.groups:
        part = stored.Stored([group])
        yield Log({name: part.table(name) for name in group.at}, files)


def _only(table: pd.DataFrame, key: str, wanted: pd.Series) -> pd.DataFrame:
    return table[table[key].isin(wanted.dropna().unique())].reset_index(drop=True)


def concatenate(logs: list[Log]) -> Log:
    """Put Logs together; sessions and transactions are renumbered so that ids stay unique."""
    given: dict[str, list[pd.DataFrame]] = {name: [] for name in tables.TABLES}
    files: dict[str, Source] = {}
    numbering = tables.Numbering()
    for log in logs:
        for name, table in numbering.shift(log.tables()).items():
            given[name].append(table)
        files |= log._files
    return Log({name: _stack(name, parts) for name, parts in given.items()}, files)


def _stack(name: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    if not parts:
        return tables.empty(name)
    if len(parts) == 1:
        return parts[0].reset_index(drop=True)
    columns = {}
    for column in parts[0].columns:
        series = [part[column] for part in parts]
        if isinstance(series[0].dtype, pd.CategoricalDtype):
            columns[column] = pd.Series(pd.api.types.union_categoricals(series))
        else:
            columns[column] = pd.concat(series, ignore_index=True)
    return tables.conform(name, columns)


def renumbered(table: pd.DataFrame, numbers: dict[str, pd.Series]) -> pd.DataFrame:
    """A table with other ids: ``numbers`` has a Series, from old to new, for each kind of id."""
    moved = {
        column: table[column].map(numbers[key]).astype(table[column].dtype)
        for column, key in tables.IDS.items()
        if column in table
    }
    return table.assign(**moved)


def ordered(log: Log) -> Log:
    """A log with its events as its files hold them, and sessions and transactions numbered as they begin there."""
    place = pd.Series(np.arange(len(log.sources)), log.sources["source"].astype("str"))
    order = np.lexsort((log.events["line"], log.events["source"].astype("str").map(place)))
    events = log.events.take(order).reset_index(drop=True)
    numbers = {}
    for key, table in (("session", log.sessions), ("transaction", log.transactions)):
        seen = pd.concat([events[key].dropna().astype("int64"), table[key]]).drop_duplicates()
        numbers[key] = pd.Series(np.arange(len(seen)), seen.to_numpy())
    given = {name: renumbered(table, numbers) for name, table in (log.tables() | {"events": events}).items()}
    for key, name in (("session", "sessions"), ("transaction", "transactions")):
        given[name] = given[name].sort_values(key, ignore_index=True)
    return Log(given, log._files)
