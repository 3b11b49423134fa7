"""A log in parts that each hold whole sessions and messages: how a log larger than memory is read.

A part is a window of the log and what the windows before it left open. Of the tables that both make, the sessions and
messages that are over, with all that hangs together with them, are the part; the events of the others wait for the
next window. So everything is put together by the same code as in one go, and a session or message that goes over the
end of a window or of a file comes out whole.

What two files say of the same moment is tied together only within a window: the messages that one server handed to
another whose log is a later file, and what Exim's rejectlog repeats.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from spamlab import clock, intake, joining, pages, parquet
from spamlab.errors import ReadWarning
from spamlab.intake import Intake
from spamlab.log import Log, concatenate, converted, ordered, renumbered
from spamlab.records import Options, Records

WINDOW = 48 << 20
"""Octets of columns that are taken in at a time; about half as much in the log."""

MOST = 64 << 20
"""Octets of columns that can wait."""

GRACE = pd.Timedelta(minutes=10)
"""What was mentioned so shortly before a window's end can go on: the longest time-out of RFC 5321 §4.5.3.2."""

SILENCE = pd.Timedelta(hours=1)
"""A session that nothing was heard of for so long does not go on, whether its end was logged or not."""

LIFETIME = pd.Timedelta(days=8)
"""The same of a message: queues give up after 5 days (RFC 5321 §4.5.4.1), and a notice of that can wait as long."""

Tables = dict[str, pd.DataFrame]

_APART = ("deliver", "remove", "report")
"""Kinds of events that no session claims: what becomes of a message is another connection's."""

_FINAL = ("delivered", "bounced", "rejected", "expired", "discarded", "accepted", "probed")


def parts(
    source: Any,
    *,
    format: str | None = None,
    tz: str = "UTC",
    year: int | None = None,
    dayfirst: bool | None = None,
    text: bool = True,
    progress: bool = False,
) -> Iterator[Log]:
    """Read SMTP logs in parts, in bounded memory.

    Parameters
    ----------
    source, format, tz, year, dayfirst, progress
        As in ``spamlab.read``; a converted folder is read in the parts it was written in.
    text
        ``False``: mail servers' events come without ``text``, which is most of a log's octets and of which no other
        table is made.

    Yields
    ------
    Log
        Sessions and messages that are whole, with their events, and events that belong to none. Ids count from 0 in
        each part; ``spamlab.log.concatenate`` puts parts together. The last part of each format holds ``sources``.

    Raises
    ------
    UnknownFormat, ReadError
        As ``spamlab.read``.

    Warns
    -----
    ReadWarning
        As ``spamlab.read``; and where so much is open that some of it was cut in two.

    Examples
    --------
    >>> sum(len(part.events) for part in parts("data/exchange55-appendix-a.log"))
    72
    """
    options = Options(tz, year, dayfirst)
    folders, source = parquet.split(source)
    for folder in folders:
        yield from converted(folder)
    if not source and folders:
        return
    taken, failed = intake.opened(source, format)
    if not taken and not folders:
        raise intake.refuse(failed)
    with pages.small():
        for one in taken:
            yield from _Stream(one, options, text).parts(progress)
    if failed:
        yield Log({"sources": intake.unreadable(failed)})


def between(parts: Iterable[Log], since: pd.Timestamp | None, until: pd.Timestamp | None) -> Iterator[Log]:
    """What was logged between two times (see ``Log.between``), part by part.

    Warns with a ``ReadWarning`` where nothing was, but something at others.
    """
    if since is None and until is None:
        yield from parts
        return
    ends, sources, found = [], [], 0
    for part in parts:
        sources.append(part.columns("sources", "tz_assumed"))
        time = part.columns("events", "time")["time"].dropna()
        ends += [time.min(), time.max()] if len(time) else []
        some = part.between(since, until)
        found += len(some.columns("events", "time"))
        yield some
    if ends and not found:
        there = clock.span(min(ends), max(ends), clock.zone(pd.concat(sources)))
        told = f"nothing was logged in the time asked for: what there is goes from {there}"
        warnings.warn(told, ReadWarning, stacklevel=2)


class _Stream:
    """The sources of one format on their way."""

    def __init__(self, taken: Intake, options: Options, text: bool) -> None:
        self.taken, self.options = taken, options
        self.read = options.tables if text else options.tables - {"events"}  # the tables whose every column is read
        self.joiner = joining.Joiner(clock={})
        self.times: list[pd.DataFrame] = []
        self.assumed = pd.DataFrame(index=range(len(taken.names)))
        self.cut = False

    def parts(self, progress: bool) -> Iterator[Log]:
        at, goes_on = 0, False  # the source being read; whether a window ended within it
        for number, before, variant, lines in self.taken.scan(self.read, progress):
            # A window that begins within a source ends with it: the stamps go on from where they stood.
            if number != at and (goes_on or self.joiner.fresh > WINDOW // 4):
                yield self._part(last=False)
                goes_on = False
            at = number
            self.joiner.add(number, before, variant, lines)
            if self.joiner.fresh > WINDOW:
                yield self._part(last=False)
                goes_on = True
        yield self._part(last=True)
        if self.cut:
            warnings.warn(
                "so many sessions and messages were open at a time that some were cut in two", ReadWarning, stacklevel=3
            )

    def _part(self, last: bool) -> Log:
        octets = self.joiner.octets
        records = self.joiner.records(self.taken.names, self.taken.modified)
        made = self.taken.kind.assemble(records, self.options)
        events = made.tables["events"]
        self.times.append(intake.times(events["time"], records.source))
        self.assumed = self.assumed.combine_first(pd.DataFrame(made.assumed, index=self.assumed.index))
        waits = np.zeros(len(events), dtype=bool) if last else self._waits(made.tables, records.source, octets)
        if waits.any():
            self.joiner.again(records.select(np.flatnonzero(waits)))
        given = without(made.tables, waits)
        given["unparsed"] = self.taken.unparsed()
        if last:
            times = pd.concat(self.times).groupby(level=0).agg({"first": "min", "last": "max"})
            given["sources"] = self.taken.about(times, {str(name): told for name, told in self.assumed.items()})
        return Log(given, {source.name: source for source in self.taken.sources})

    def _waits(self, made: Tables, source: np.ndarray, octets: int) -> np.ndarray:
        """The events of sessions and messages that can go on, and of all that hangs together with these."""
        ties = Ties(made)
        held = ties.groups(*going_on(made, ends(made)))
        own = ties.own
        most = int(len(own) * MOST / octets)
        if held[own].sum() > most:  # what was heard of last waits
            self.cut = True
            latest = pd.Series(np.arange(len(own))).groupby(own).max()
            held[latest.index[latest < len(own) - most // 2]] = False
        return ties.waiting(held, source)


def ends(made: Tables) -> pd.Timestamp:
    """When some tables end: files of several servers can be of the same time."""
    time = made["events"]["time"]
    return cast("pd.Timestamp", time.iloc[-len(time) // 10 or -1 :].max())


def begins(made: Tables) -> pd.Timestamp:
    """When some tables begin."""
    time = made["events"]["time"]
    return cast("pd.Timestamp", time.iloc[: len(time) // 10 or 1].min())


def going_on(made: Tables, now: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """Which sessions and which messages of a log that is read up to ``now`` can go on after it."""
    events, sessions, messages = made["events"], made["sessions"], made["transactions"]
    going = sessions["ended"].isna() | sessions["ended"].eq("cut") | (sessions["end"] > now - GRACE)
    going &= ~(sessions["end"] < now - SILENCE)
    done = messages["outcome"].astype("str").isin([*_FINAL, "mixed"]) & messages["deferred"].eq(0)
    done |= messages["transaction"].isin(events.loc[events["kind"] == "remove", "transaction"])
    done |= messages["queue_id"].isna()  # of a dialogue: its session decides
    waiting = (~done | (messages["end"] > now - GRACE)) & ~(messages["end"] < now - LIFETIME)
    return going.to_numpy(bool), waiting.to_numpy(bool)


def come_from(made: Tables, begin: pd.Timestamp) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which sessions and messages of a log that is read from ``begin`` on can have begun before it.

    And which events without a session can belong to one that did.
    """
    events, sessions, messages = made["events"], made["sessions"], made["transactions"]
    kind, session, early = events["kind"], events["session"], events["time"] < begin + GRACE

    def opening(key: str, ids: pd.Series) -> pd.Series:
        first = events.loc[events[key].notna(), [key, "kind"]].drop_duplicates(key).set_index(key)["kind"]
        return first.reindex(ids).astype("str").reset_index(drop=True)

    # A log that tells neither where connections begin nor where they end: as long as a silence can last.
    unsure = sessions["ended"].isna() | sessions["ended"].eq("cut") | bool(kind.eq("connect").any())
    came = ~opening("session", sessions["session"]).eq("connect") & unsure & (sessions["start"] < begin + SILENCE)
    came |= sessions["session"].isin(session[early])
    # A message begins with its arrival; of those that the server makes itself, what they come from is told, but of a
    # report that nothing was lost, which of another's recipients it is about: they can be in another file.
    here = opening("transaction", messages["transaction"]).eq("receive") | messages["ndr_of"].notna()
    here |= messages["transaction"].isin(made["recipients"]["requeued_as"].dropna())
    here &= ~messages["report"].isin(["delay", "success"])
    here |= messages["queue_id"].isna()
    sent = (~here & (messages["start"] < begin + LIFETIME)) | messages["transaction"].isin(events["transaction"][early])
    # A process whose first session here is still to come can be in one that began before.
    loose = session.isna() & ~kind.isin(_APART)
    serves = events["program"][session.notna() & ~session.duplicated()]  # a filter can refuse what another serves
    served = loose & ~early & (events["time"] < begin + SILENCE) & events["program"].isin(serves)
    rows = np.flatnonzero(loose & early)
    if len(later := np.flatnonzero(served)):
        process = events.groupby(["host", "program", "pid"], dropna=False, observed=True).ngroup().to_numpy()
        begun = pd.Series(np.arange(len(events)))[session.notna().to_numpy()].groupby(process[session.notna()]).min()
        before = later < begun.reindex(process[later]).fillna(len(events)).to_numpy()
        rows = np.union1d(rows, later[before | events["pid"].isna().to_numpy()[later]])
    claimed = np.zeros(len(events), dtype=bool)
    claimed[rows] = True
    return came.to_numpy(bool), sent.to_numpy(bool), claimed


class Ties:
    """What hangs together: ``own`` is the number of each event's group, -1 for none."""

    def __init__(self, made: Tables) -> None:
        events, n = made["events"], len(made["sessions"])
        self.n, self.group = n, _together(made)
        # An event is of its message's group, else of its session's.
        of = events["transaction"].add(n).fillna(events["session"]).fillna(len(self.group)).to_numpy(np.int64)
        self.own = np.append(self.group, -1)[of]

    def groups(self, sessions: np.ndarray, messages: np.ndarray) -> np.ndarray:
        """By group, whether one of these is in it; the last item is of no group."""
        held = np.zeros(self.group.max(initial=-1) + 2, dtype=bool)
        held[self.group[: self.n][sessions]] = held[self.group[self.n :][messages]] = True
        return held

    def waiting(self, held: np.ndarray, source: np.ndarray, loose: Any = False) -> np.ndarray:
        """The events of groups that are held, of these sources, with those that are ``loose`` and their groups.

        Formats tell by a file's last event that a session was cut there: what is last in a file goes with the others.
        """
        held, own = held.copy(), self.own
        held[own[np.flatnonzero(loose)]] = True
        lasts = np.flatnonzero(np.append(np.diff(source), 1)[: len(source)])
        while True:
            held[-1] = False  # the place of what hangs together with nothing
            waits: np.ndarray = held[own] | loose
            more = lasts[np.isin(source[lasts], source[waits]) & ~waits[lasts] & (own[lasts] >= 0)]
            if not len(more):
                return waits
            held[own[more]] = True


def _together(made: Tables) -> np.ndarray:
    """The number of the group that each session, and after these each message, hangs together in."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    messages, recipients, n = made["transactions"], made["recipients"], len(made["sessions"])
    size = n + len(messages)
    pairs = [
        (made["events"]["session"], made["events"]["transaction"] + n),
        (messages["session"], messages["transaction"] + n),
        (recipients["session"], recipients["transaction"] + n),
        (messages["ndr_of"] + n, messages["transaction"] + n),
        (recipients["requeued_as"] + n, recipients["transaction"] + n),
    ]
    both = pd.concat([pd.DataFrame({"a": a.astype("Int64"), "b": b.astype("Int64")}) for a, b in pairs])
    ends = both.dropna().drop_duplicates().to_numpy(np.int64).T
    graph = coo_array((np.ones(ends.shape[1], dtype=bool), ends), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def without(made: Tables, waits: np.ndarray) -> Tables:
    """Tables without these events, their sessions and messages; ids counted anew."""
    given = dict(made)
    if waits.any():
        waiting, numbers = made["events"][waits], {}
        for name, key in (("sessions", "session"), ("transactions", "transaction")):
            ids = made[name][key]
            stays = ~ids.isin(waiting[key].dropna())
            numbers[key] = pd.Series(np.cumsum(stays) - 1, dtype="Int64").where(stays.to_numpy()).set_axis(ids)
        for name in ("events", "sessions", "transactions", "recipients"):
            table = made[name]
            keep = ~waits if name == "events" else np.ones(len(table), dtype=bool)
            for key in ("session", "transaction"):
                if key in table:
                    keep &= ~table[key].isin(waiting[key].dropna()).to_numpy()
            if name == "recipients":
                keep &= ~_refused(table, waiting)
            given[name] = renumbered(table[keep].reset_index(drop=True), numbers)
    return given


def _refused(recipients: pd.DataFrame, waiting: pd.DataFrame) -> np.ndarray:
    """Which recipients, of no session nor message, some events that belong to none made."""
    rows = np.flatnonzero(recipients["session"].isna() & recipients["transaction"].isna())
    alone = waiting[waiting["session"].isna() & waiting["transaction"].isna() & waiting["kind"].eq("reject")]
    alone = alone.loc[alone.index.repeat(alone["repeats"])]
    keys = []
    for table, who in ((recipients.iloc[rows], "forward_path"), (alone, "argument")):
        said = pd.DataFrame({"time": table["time"].astype("int64"), "who": table[who].fillna("")})
        keys.append(pd.MultiIndex.from_frame(said.assign(nth=said.groupby(["time", "who"]).cumcount().to_numpy())))
    made = np.zeros(len(recipients), dtype=bool)
    made[rows[keys[0].isin(keys[1])]] = True
    return made


def joined(several: list[Records]) -> Records:
    """Events that were read apart, of sources in order, as if they had been read together; their times are known."""
    joiner, shapes = joining.Joiner(clock={}), list(dict.fromkeys(shape for one in several for shape in one.shapes))
    place = {shape: i for i, shape in enumerate(shapes)}
    written: dict[str, float] = {}
    for one in several:
        used = np.unique(one.source)
        for i in used:
            written.setdefault(one.names[i], one.modified[i] if len(one.modified) else np.nan)
        order = {name: i for i, name in enumerate(written)}
        source = np.array([order.get(name, -1) for name in one.names])[one.source]
        shape = np.array([place[shape] for shape in one.shapes])[one.shape]
        joiner.again(replace(one, source=source, shape=shape))
    records = joiner.records(list(written), list(written.values()))
    names = set.intersection(*(set(one.times) for one in several))
    times = {name: pd.concat([one.times[name] for one in several], ignore_index=True) for name in names}
    return replace(records, shapes=shapes, times=times)


def whole(logs: Iterable[Log]) -> Log:
    """Parts put together, in the order and with the numbers that reading in one go gives."""
    return ordered(concatenate(list(logs)))
