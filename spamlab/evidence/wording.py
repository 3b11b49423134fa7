"""How evidence is told: shares and rates with their exact intervals, and where in the log it stands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import partwise, stats
from spamlab.safe import printable, shorten
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log


def share(hits: int, n: int, what: str = "") -> str:
    """A share with its exact interval.

    >>> share(8, 8, "transactions")
    '8 of 8 transactions (100%, exact 95% interval 63.1% to 100%)'
    >>> share(0, 0, "transactions"), share(0, 0)
    ('no transactions', 'none')
    """
    if not n:
        return f"no {what}" if what else "none"
    low, high = (f"{100 * end:.3g}%" for end in stats.share_interval(hits, n))
    return f"{hits:,} of {n:,}{what and ' '}{what} ({100 * hits / n:.3g}%, exact 95% interval {low} to {high})"


def interval(low: float, value: float, high: float) -> str:
    """A rate with its exact interval.

    >>> interval(461.2, 1107.7, np.inf)
    '1,108 (exact 95% interval from 461: the stamps set no upper end)'
    """
    ends = f" {stats.figure(low)} to {stats.figure(high)}"
    if high == np.inf:
        ends = f" from {stats.figure(low)}: the stamps set no upper end"
    return f"{stats.figure(value)} (exact 95% interval{ends})"


def places(log: Log, labels: Iterable[Any] | None = None) -> str:
    """Where events stand: file and lines, from the first to the last of them.

    Parameters
    ----------
    log : the log.
    labels : labels of its events (by default all); missing ones are left out.

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> places(log, log.events.index[log.events.verb == "MAIL"])
    'exchange55-appendix-a.log, lines 22 to 119'
    """
    told = None if labels is None else pd.Index(pd.Series(list(labels), dtype="Int64").dropna().astype("int64"))
    found = _lines(log, told)
    if found.empty:
        return "no line"
    name, first, last = str(found.index[0]), int(found["min"].iloc[0]), int(found["max"].iloc[0])
    said = f"{shorten(printable(PurePath(name).name), 60)}, "
    said += f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"
    return said + (f" (and {count(len(found) - 1, 'more file')})" if len(found) > 1 else "")


def _spread(found: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(found).groupby(level=0).agg({"min": "min", "max": "max"})


@partwise.partwise(_spread)
def _lines(log: Log, labels: pd.Index | None) -> pd.DataFrame:
    """Of each file the first and the last line of these events."""
    rows = log.columns("events", "source", "line")
    rows = rows[rows["source"].notna()] if labels is None else rows[rows["source"].notna() & rows.index.isin(labels)]
    return rows["line"].groupby(rows["source"].astype("str")).agg(["min", "max"])


def firsts(log: Log, transactions: pd.Series | pd.Index) -> pd.Index:
    """Label of each transaction's first event."""
    return _firsts(log, pd.Index(transactions)).index if len(transactions) else pd.Index([], dtype="int64")


@partwise.partwise(partwise.series)
def _firsts(log: Log, transactions: pd.Index) -> pd.Series:
    own = log.columns("events", "transaction")["transaction"]
    return own[own.isin(transactions)].drop_duplicates()
