"""Time stamps that do not say all: a locale's order of day and month, a zone, a year."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from spamlab import tables
from spamlab.lexer import MISSING, SECOND
from spamlab.records import Options, Records
from spamlab.stamp_lexer import DAY, LEAP_YEAR, NO_DATE, NO_YEAR, ZONED


def to_utc(naive: pd.Series, zone: str) -> pd.Series:
    """Local times as UTC: of an hour that comes twice the second, a skipped one moved forward."""
    second = np.zeros(len(naive), dtype=bool)
    zoned = naive.dt.tz_localize(zone, ambiguous=second, nonexistent="shift_forward")
    return pd.Series(zoned.dt.tz_convert("UTC"), dtype=tables.TIME)


_Times = tuple[pd.Series, dict[str, Any]]


def _onward(read: Callable[[Records, Options], _Times]) -> Callable[[Records, Options], _Times]:
    """Read the stamps of the events whose times are not known from before."""

    @functools.wraps(read)
    def wrapper(records: Records, options: Options) -> _Times:
        known = records.times.get(read.__name__)
        n = 0 if known is None else len(known)
        time, assumed = read(records.after(n, "time", "day", "stamp") if n else records, options)
        if known is not None:
            time = pd.concat([known, time], ignore_index=True)
        if records.clock is not None:
            records.times[read.__name__] = time
        return time, assumed

    return wrapper


@_onward
def locale(records: Records, options: Options) -> _Times:
    """Times of a column ``stamp`` of type ``locale``, in UTC, and what had to be assumed by source.

    A number over 12 is a day. A file that shows the order decides for files that do not, since the locale is
    the server's; where none does, the caller, else custom: points between the numbers go with the day first.
    """
    logged = records.number("stamp")
    fresh, times = _runs(logged, records.source)
    packed, source = logged[fresh], records.source[fresh]
    has = packed != MISSING
    date, seconds = np.divmod(np.where(has, packed >> 1, 0), 100000)
    a, b, c = date // 10**8, date // 10**4 % 10**4, date % 10**4
    year_first = a > 31
    ordinary = has & ~year_first
    n = len(records.names)
    vote = np.bincount(source, times * ordinary * ((a > 12) * (b <= 12) - 1.0 * (b > 12) * (a <= 12)), n)
    if records.clock is not None:
        vote = records.clock["vote"] = vote + records.clock.get("vote", 0)
    told = vote[vote != 0]
    points = bool((packed[ordinary] & 1).all()) and bool(ordinary.any())
    default = bool(told[0] > 0) if len(told) else points
    assumed = (vote == 0) & (np.bincount(source, ordinary, n) > 0)
    order = np.where(vote != 0, vote > 0, default)
    if options.dayfirst is not None:
        order[:], assumed[:] = options.dayfirst, True
    first = order[source].astype(bool)
    day = np.where(year_first, c, np.where(first, a, b))
    month = np.where(year_first, b, np.where(first, b, a))
    year = np.where(year_first, a, c)
    year = np.where(year < 100, year + np.where(year < 70, 2000, 1900), year)
    valid = has & (seconds < 99999) & (month >= 1) & (month <= 12) & (day >= 1) & (year >= 1900) & (year < 2200)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(valid, day - 1, 0)
    valid &= days.astype("datetime64[M]") == months  # 31 April is no day
    naive = pd.Series(days.astype("datetime64[us]") + np.where(valid, seconds, 0).astype("timedelta64[s]"))
    stated = pd.Series(order.astype(bool), dtype="boolean").where(assumed)
    return _each(to_utc(naive.mask(~valid), options.tz), times), {"dayfirst_assumed": stated, "tz_assumed": options.tz}


def either(records: Records, options: Options, zone: str | None = None) -> _Times:
    """Times of a column ``time``, and those of a column ``stamp`` where an event has that one.

    ``zone``: of the former where they state none, if not the caller's.
    """
    time, assumed = moments(records, replace(options, tz=zone or options.tz))
    if not len(records.rows("stamp")) and "locale" not in records.times:
        return time, assumed
    local, more = locale(records, options)
    has = records.has("stamp")
    some = np.bincount(records.source, has, len(records.names)) > 0
    assumed["tz_assumed"] = np.where(some, options.tz, assumed["tz_assumed"])
    return time.where(~has, local), {**more, **assumed}


def _runs(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Many events share a stamp: where each run of equal ones begins, and how many they are."""
    changed = np.arange(len(columns[0])) == 0
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    fresh = np.flatnonzero(changed)
    return fresh, np.diff(np.append(fresh, len(changed)))


def _each(time: pd.Series, times: np.ndarray) -> pd.Series:
    """The time of each event, from those of the runs."""
    each = np.repeat(time.dt.tz_localize(None).to_numpy(), times)
    return pd.Series(pd.Series(each, copy=False).dt.tz_localize("UTC"), dtype=tables.TIME)


HALF_YEAR = 183 * DAY
YEAR = 365 * DAY
OUT_OF_ORDER = 31 * DAY  # a line stands behind one that is later by so much, at most


@_onward
def moments(records: Records, options: Options) -> _Times:
    """Times of a column ``time`` of type ``time``, in UTC, and what had to be assumed by source.

    Stamps without a year: a step back of more than half a year is New Year. Where other stamps of the file state it,
    it is the nearest one's; else the year is the one the caller gives for the first line (files that follow go on from
    there), else the latest that does not put a file's last line after the file was written. Stamps without a date take
    their section's, and the next day's after midnight.
    """
    logged = records.number("time")
    fresh, shared = _runs(logged, records.source, *([records.number("day")] if "day" in records.columns else []))
    packed, source = logged[fresh], records.source[fresh]
    has = packed != MISSING
    flags = np.where(has, packed & 7, ZONED)
    micros = np.where(has, packed >> 3, 0)
    year_assumed = pd.Series(pd.NA, index=range(len(records.names)), dtype="Int64")
    if (bare := np.flatnonzero(flags & NO_DATE)).size:
        day = records.number("day", fresh[bare])
        begun = _before(records.clock, "night", source[bare[0]], (micros[bare[0]], day[0], 0))
        step = np.diff(micros[bare], prepend=begun[0])
        new = np.diff(day, prepend=begun[1]) != 0
        nights = begun[2] + np.cumsum(~new & (step < -DAY // 2))
        nights -= np.maximum.accumulate(np.where(new, nights, 0))
        _note(records.clock, "night", source[bare[-1]], (micros[bare[-1]], day[-1], nights[-1]))
        micros[bare] += (day + nights) * DAY
        has[bare[day == MISSING]] = False
    if (bare := np.flatnonzero(flags & NO_YEAR)).size:
        stated = np.flatnonzero(has & (flags & (NO_YEAR | NO_DATE) == 0))
        mixed = bare[np.isin(source[bare], source[stated])]
        if mixed.size:
            micros[mixed], has[mixed] = _in_year(micros[mixed], _near(micros, source, mixed, stated))
            bare = np.setdiff1d(bare, mixed)
    if bare.size:
        begun = _before(records.clock, "year", None if options.year is not None else source[bare[0]], None)
        if begun is None:
            year, known = _years(micros[bare], source[bare], records.modified, options)
            year_assumed[known.index] = known
        else:
            going, at = np.append(begun[0], micros[bare]), np.append(source[bare[0]], source[bare])
            year = _years(going, at, records.modified, replace(options, year=begun[1]))[0][1:]
        _note(records.clock, "year", source[bare[-1]], (micros[bare[-1]], int(year[-1])))
        micros[bare], has[bare] = _in_year(micros[bare], year)
    times = pd.Series(micros.astype("datetime64[us]")).mask(~has)
    local = np.flatnonzero(has & (flags & ZONED == 0))
    tz = np.full(len(records.names), None, dtype=object)
    tz[np.unique(source[local])] = options.tz
    if len(local) and options.tz != "UTC":
        shifted = to_utc(times.take(local), options.tz).dt.tz_localize(None)
        times.iloc[local] = shifted.to_numpy()
    return _each(times.dt.tz_localize("UTC"), shared), {"tz_assumed": tz, "year_assumed": year_assumed}


def _before(clock: dict[str, Any] | None, what: str, source: Any, other: Any) -> Any:
    """What the clock says of a source (None: of any), if it was noted, else ``other``."""
    noted = None if clock is None else clock.get(what)
    return other if noted is None or (source is not None and noted[0] != source) else noted[1]


def _note(clock: dict[str, Any] | None, what: str, source: Any, state: Any) -> None:
    if clock is not None:
        clock[what] = source, state


_BEGIN = (LEAP_YEAR - 1970) * 365 * DAY + 7 * DAY  # seven leap days between 1970 and 2000
_LEAP_DAY = 59


def _in_year(micros: np.ndarray, year: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stamps in a leap year as those of their years, and whether there is such a day."""
    begins = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    ordinal, rest = np.divmod(micros - _BEGIN, DAY)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return (begins + ordinal - ((ordinal > _LEAP_DAY) & ~leap)) * DAY + rest, (ordinal != _LEAP_DAY) | leap


def _near(micros: np.ndarray, source: np.ndarray, bare: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """The year of stamps that state none, from the nearest before in their source that states it, else behind."""
    at = np.searchsorted(stated, bare)
    before, after = stated[np.maximum(at - 1, 0)], stated[np.minimum(at, len(stated) - 1)]
    behind = (at > 0) & (source[before] == source[bare])
    known = micros[np.where(behind, before, after)].astype("datetime64[us]")
    year = known.astype("datetime64[Y]")
    apart = micros[bare] - _BEGIN - (known - year).astype(np.int64)
    early = np.where(behind, OUT_OF_ORDER, YEAR - OUT_OF_ORDER)  # what stands behind it was mostly later
    return np.asarray(year.astype(np.int64) + 1970 + (apart < -early) - (apart > YEAR - early))


def _years(
    micros: np.ndarray, source: np.ndarray, modified: Sequence[float], options: Options
) -> tuple[np.ndarray, pd.Series]:
    """The year of each stamp that states none, and by source that of its first line."""
    step = np.diff(micros, prepend=micros[0])
    first = np.diff(source, prepend=-1) != 0
    # Between two files only December and January are told apart: they can be two servers' logs of one time.
    # Forwards so far is December after January, out of order: less is a server that was quiet.
    limit = np.where(first, 300 * DAY, HALF_YEAR)
    wraps = np.cumsum((step < -limit).astype(np.int64) - (step > 300 * DAY))
    starts = np.flatnonzero(first)
    which = source[starts]
    if options.year is not None:
        year = options.year + wraps - wraps[0]
    else:
        ends = np.append(starts[1:], len(micros)) - 1
        now = pd.Timestamp.now("UTC").timestamp()
        written = np.array([modified[i] if len(modified) else np.nan for i in which], dtype=float)
        limits = pd.to_datetime(np.where(np.isnan(written), now, written), unit="s") + pd.Timedelta(days=1)
        into = (micros[ends] - _BEGIN) / SECOND
        past = (limits - limits.to_period("Y").start_time).total_seconds().to_numpy()
        last = limits.year.to_numpy() - (into > past)
        spread = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(micros))))
        leap_day = np.flatnonzero((micros - _BEGIN) // DAY == _LEAP_DAY)
        for at in np.unique(spread[leap_day]):  # a file with a 29 February: the latest leap year
            row = leap_day[spread[leap_day] == at][0]
            last[at] -= (last[at] + wraps[row] - wraps[ends[at]]) % 4
        year = last[spread] + wraps - wraps[ends][spread]
    return year, pd.Series(year[starts], index=which, dtype="Int64")


def begins(packed: np.ndarray) -> int | None:
    """The first of some stamps, in microseconds; None where its year, date or zone is not stated by itself."""
    readable = packed[:1]
    return int(readable[0] >> 3) if len(readable) and readable[0] & (NO_YEAR | NO_DATE) == 0 else None
