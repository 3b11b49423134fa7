"""Mail by the hour, the day, or any interval of time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import clock, partwise
from spamlab.traffic.flows import COUNTED, of, tally

if TYPE_CHECKING:
    from spamlab.log import Log

_WIDTHS = ("1s", "2s", "5s", "10s", "30s", "1min", "2min", "5min", "10min", "30min", "1h", "2h", "3h", "6h", "12h",
           "1D", "7D", "30D")  # fmt: skip


_HOUR = pd.Timestamp("2000-01-01 01:00")  # intervals of an hour or less have an edge there


def by_time(log: Log, every: str | None = None, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by equal intervals of time, empty ones included.

    Parameters
    ----------
    every
        A pandas frequency: ``h`` (an hour), ``D`` (a day in ``zone``), ``5min``, …; by default a round one that
        makes at most a hundred intervals of the log.
    zone
        Zone of the intervals' edges (an IANA name); by default the one in which the log's times are shown (``clock``).

    Returns
    -------
    DataFrame
        As of ``tally``; index: the intervals' beginnings, in ``zone``.

    Examples
    --------
    >>> import spamlab
    >>> by_time(spamlab.read("data/exchange55-appendix-a.log"))["rejected"].head(4).tolist()
    [1, 0, 1, 0]
    """
    zone = zone or _zone(log)
    first, last = of(log, hops, partial(_ends, zone=zone), _outer, "time")
    span = last - first if pd.notna(first) else pd.Timedelta(0)
    if every is None:
        every = next((width for width in _WIDTHS if span < 99 * pd.Timedelta(width)), f"{span.days // 98 + 1}D")
    counts = of(log, hops, partial(_in_time, every=every, zone=zone), partwise.added, "time", *COUNTED)
    if len(counts):
        edges = pd.date_range(first.floor(every), last.floor(every), freq=every)
        edges = edges.tz_localize(zone, ambiguous=np.ones(len(edges), bool), nonexistent="NaT").dropna()
        counts = counts.reindex(edges.union(pd.DatetimeIndex(counts.index)), fill_value=0)
    return counts.rename_axis("time")


def _ends(rows: pd.DataFrame, zone: str) -> tuple[Any, Any]:
    clock = rows["time"].dt.tz_convert(zone).dt.tz_localize(None)
    return clock.min(), clock.max()


def _outer(ends: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    first, last = (pd.Series(end) for end in zip(*ends, strict=True))
    return first.min(), last.max()


def _in_time(rows: pd.DataFrame, every: str, zone: str) -> pd.DataFrame:
    rows = rows.dropna(subset="time")
    local = rows["time"].dt.tz_convert(zone)
    clock = local.dt.tz_localize(None)
    floor = clock.dt.floor(every)
    # The hour that a clock passes twice stays two, but is one interval with what follows where that is longer; one that
    # it skips does not occur.
    twice = "NaT" if _HOUR.floor(every) == _HOUR else np.ones(len(floor), bool)
    begin = floor.dt.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward").fillna(local - (clock - floor))
    return tally(rows, begin)


def _zone(log: Log) -> str:
    return clock.zone(log.columns("sources", "tz_assumed"))


def by_hour(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail hour by hour: see ``by_time``.

    Examples
    --------
    >>> import spamlab
    >>> by_hour(spamlab.read("data/exchange55-appendix-a.log"))["rejected"].tolist()
    [8]
    """
    return by_time(log, "h", zone, hops)


def by_day(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail day by day: see ``by_time``."""
    return by_time(log, "D", zone, hops)


def by_hour_of_day(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by hour of the day (0–23 in ``zone``), all days together: as of ``tally``."""
    counts = of(log, hops, partial(_in_day, zone=zone or _zone(log)), partwise.added, "time", *COUNTED)
    return counts.reindex(pd.RangeIndex(24, name="hour"), fill_value=0)


def _in_day(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    rows = rows.dropna(subset="time")
    return tally(rows, rows["time"].dt.tz_convert(zone).dt.hour)
