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
from typing import Any

import numpy as np
import pandas as pd

from spamlab import intake, joining, parquet
from spamlab.errors import ReadWarning
from spamlab.intake import Intake
from spamlab.log import Log, concatenate, converted, ordered, renumbered
from spamlab.records import Options

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

_FINAL = ("delivered", "bounced", "rejected", "expired", "discarded", "accepted", "probed")


def parts(
    source: Any,
    *,
    format: str | None = None,
    tz: str = "UTC",
    year: int | None = None,
    dayfirst: bool | None = None,
    progress: bool = False,
) -> Iterator[Log]:
    """Read SMTP logs in parts, in bounded memory.

    Parameters
    ----------
    source, format, tz, year, dayfirst, progress
        As in ``spamlab.read``; a converted folder is read in the parts it was written in.

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
    for one in taken:
        yield from _Stream(one, options).parts(progress)
    if failed:
        yield Log({"sources": intake.unreadable(failed)})


class _Stream:
    """The sources of one format on their way."""

    def __init__(self, taken: Intake, options: Options) -> None:
        self.taken, self.options = taken, options
        self.joiner = joining.Joiner(clock={})
        self.times: list[pd.DataFrame] = []
        self.assumed = pd.DataFrame(index=range(len(taken.names)))
        self.cut = False

    def parts(self, progress: bool) -> Iterator[Log]:
        at, goes_on = 0, False  # the source being read; whether a window ended within it
        for number, before, variant, lines in self.taken.scan(True, progress):
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
        by = events["time"].groupby(records.source)
        self.times.append(pd.DataFrame({"first": by.min(), "last": by.max()}))
        self.assumed = self.assumed.combine_first(pd.DataFrame(made.assumed, index=self.assumed.index))
        waits = np.zeros(len(events), dtype=bool) if last else self._waits(made.tables, octets)
        if waits.any():
            self.joiner.again(records.select(np.flatnonzero(waits)))
        given = _without(made.tables, events[waits])
        given["unparsed"] = self.taken.unparsed()
        if last:
            times = pd.concat(self.times).groupby(level=0).agg({"first": "min", "last": "max"})
            given["sources"] = self.taken.about(times, {str(name): told for name, told in self.assumed.items()})
        return Log(given, {source.name: source for source in self.taken.sources})

    def _waits(self, made: dict[str, pd.DataFrame], octets: int) -> np.ndarray:
        """The events of sessions and messages that can go on, and of all that hangs together with these."""
        events, sessions, messages = made["events"], made["sessions"], made["transactions"]
        now = events["time"].iloc[-len(events) // 10 or -1 :].max()
        going = sessions["ended"].isna() | sessions["ended"].eq("cut") | (sessions["end"] > now - GRACE)
        going &= ~(sessions["end"] < now - SILENCE)
        done = messages["outcome"].astype("str").isin([*_FINAL, "mixed"]) & messages["deferred"].eq(0)
        done |= messages["transaction"].isin(events.loc[events["kind"] == "remove", "transaction"])
        done |= messages["queue_id"].isna()  # of a dialogue: its session decides
        waiting = (~done | (messages["end"] > now - GRACE)) & ~(messages["end"] < now - LIFETIME)
        group = _together(made)
        n = len(sessions)
        held = np.zeros(group.max(initial=-1) + 2, dtype=bool)
        held[group[:n][going.to_numpy(bool)]] = held[group[n:][waiting.to_numpy(bool)]] = True
        # An event is of its message's group, else of its session's.
        of = events["transaction"].add(n).fillna(events["session"]).fillna(len(group)).to_numpy(np.int64)
        own = np.append(group, -1)[of]
        held[-1] = False
        most = int(len(own) * MOST / octets)
        if held[own].sum() > most:  # what was heard of last waits
            self.cut = True
            latest = pd.Series(np.arange(len(own))).groupby(own).max()
            held[latest.index[latest < len(own) - most // 2]] = False
        return np.asarray(held[own])


def _together(made: dict[str, pd.DataFrame]) -> np.ndarray:
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


def _without(made: dict[str, pd.DataFrame], waiting: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables without the sessions and messages of these events, ids counted anew."""
    given = dict(made)
    if len(waiting):
        numbers = {}
        for name, key in (("sessions", "session"), ("transactions", "transaction")):
            ids = made[name][key]
            stays = ~ids.isin(waiting[key].dropna())
            numbers[key] = pd.Series(np.cumsum(stays) - 1, dtype="Int64").where(stays.to_numpy()).set_axis(ids)
        for name in ("events", "sessions", "transactions", "recipients"):
            table = made[name]
            keep = ~table.index.isin(waiting.index) if name == "events" else np.ones(len(table), dtype=bool)
            for key in ("session", "transaction"):
                if key in table:
                    keep &= ~table[key].isin(waiting[key].dropna()).to_numpy()
            given[name] = renumbered(table[keep].reset_index(drop=True), numbers)
    return given


def whole(logs: Iterable[Log]) -> Log:
    """Parts put together, in the order and with the numbers that reading in one go gives."""
    return ordered(concatenate(list(logs)))
