"""Time stamps that do not say all: a locale's order of day and month, a zone, a year."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spamlab import tables
from spamlab.records import Options, Records
from spamlab.scan import MISSING


def to_utc(naive: pd.Series, zone: str) -> pd.Series:
    """Local times as UTC: of an hour that comes twice the second, a skipped one moved forward."""
    second = np.zeros(len(naive), dtype=bool)
    zoned = naive.dt.tz_localize(zone, ambiguous=second, nonexistent="shift_forward")
    return pd.Series(zoned.dt.tz_convert("UTC"), dtype=tables.TIME)


def locale(records: Records, options: Options) -> tuple[pd.Series, dict[str, Any]]:
    """Times of a column ``time`` of type ``locale``, in UTC, and what had to be assumed by source.

    A number over 12 is a day. A file that shows the order decides for files that do not, since the locale is
    the server's; where none does, the caller, else custom: points between the numbers go with the day first.
    """
    packed = records.number("time")
    has = packed != MISSING
    date, seconds = np.divmod(np.where(has, packed >> 1, 0), 100000)
    a, b, c = date // 10**8, date // 10**4 % 10**4, date % 10**4
    year_first = a > 31
    ordinary = has & ~year_first
    n = len(records.names)
    vote = np.bincount(records.source, ordinary * ((a > 12) * (b <= 12) - 1.0 * (b > 12) * (a <= 12)), n)
    told = vote[vote != 0]
    points = bool((packed[ordinary] & 1).all()) and bool(ordinary.any())
    default = bool(told[0] > 0) if len(told) else points
    assumed = (vote == 0) & (np.bincount(records.source, ordinary, n) > 0)
    order = np.where(vote != 0, vote > 0, default)
    if options.dayfirst is not None:
        order[:], assumed[:] = options.dayfirst, True
    first = order[records.source].astype(bool)
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
    return to_utc(naive.mask(~valid), options.tz), {"dayfirst_assumed": stated, "tz_assumed": options.tz}
