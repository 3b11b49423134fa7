"""How big the messages are, as declared (SIZE=, RFC 1870) or logged; whether they are one or many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import partwise, stats
from spamlab.words import count, octets

if TYPE_CHECKING:
    from spamlab.log import Log


@partwise.partwise(partwise.rows("transaction"))
def messages(log: Log) -> pd.DataFrame:
    """One row a transaction whose size is known; a message that passes several hops counts once.

    Returns
    -------
    DataFrame: ``transaction``, ``session``, ``time`` (start), ``size`` (Int64, octets), ``null_sender``
    (bool), ``forward_path`` (str, of the first recipient), ``outcome``; a negative size is none.
    """
    made = log.columns("transactions", "transaction", "session", "start", "size", "null_sender", "outcome")
    recipients = log.columns("recipients", "transaction", "forward_path", "requeued_as")
    hop = made["transaction"].isin(recipients["requeued_as"].dropna())
    known = made[(made["size"] >= 0).fillna(False).astype(bool) & ~hop]
    first = recipients[["transaction", "forward_path"]].dropna().drop_duplicates("transaction")
    path = first.set_index(first["transaction"].astype("int64"))["forward_path"]
    out = known[["transaction", "session", "start", "size", "null_sender"]].rename(columns={"start": "time"})
    out["forward_path"] = out["transaction"].map(path).astype("str")
    return out.assign(outcome=known["outcome"]).reset_index(drop=True)


@partwise.partwise(partwise.below)
def _sizes(log: Log) -> pd.DataFrame:
    return messages(log)[["size", "null_sender"]]


def summary(log: Log) -> pd.DataFrame:
    """Sizes of all messages, of those with the null reverse-path, and of the others.

    Returns
    -------
    DataFrame, index ``group`` (``all``, ``null sender``, ``other``): ``n``, ``sum``, ``mean``, ``median``;
    ``median_low``, ``median_high``: exact interval of the long-run median from order statistics, sizes taken
    as independent, and its ``coverage`` (at least 0.95; missing below n = 6); ``min``, ``max``, ``distinct``
    (different sizes). In octets.

    Examples
    --------
    >>> import spamlab
    >>> summary(spamlab.read("data/exchange55-appendix-a.log"))[["sum", "mean", "median"]].loc["all"].tolist()
    [17329.0, 2166.125, 2163.0]
    """
    known = _sizes(log)
    size, null = known["size"], known["null_sender"]
    rows = {}
    for group, of in {"all": size, "null sender": size[null], "other": size[~null]}.items():
        total = of.sum() if of.astype("float64").sum() < 2**62 else pd.NA  # beyond, 64 bits would wrap
        middle = of.astype("float64").median(), *stats.median_interval(of)
        rows[group] = (len(of), total, of.astype("float64").mean(), *middle, of.min(), of.max(), of.nunique())
    columns = ["n", "sum", "mean", "median", "median_low", "median_high", "coverage", "min", "max", "distinct"]
    out = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("group")
    return out.astype({"sum": "Int64", "min": "Int64", "max": "Int64"})


def alike(size: pd.Series) -> str:
    """How many of some sizes over zero lie within 5% of each other: one template, or many messages.

    Examples
    --------
    >>> alike(pd.Series([2135, 2163, 2192]))
    'All 3 messages within 2.7% of one size: 2,135 B to 2,192 B'
    >>> alike(pd.Series([500, 9_000, 9_100, 70_000, 250_000]))
    'No size prevails: 40% of 5 messages within 1.1% of one size, 9,000 B to 9,100 B, are the most'
    """
    known = np.sort(size.to_numpy(dtype="float64"))
    end = np.searchsorted(known, known * 1.05, "right")
    first = int((end - np.arange(len(known))).argmax())
    held, low, high = int(end[first]) - first, known[first], known[end[first] - 1]
    share = f"{held / len(known):.0%}" if held >= len(known) / 200 else "<1%"
    who = f"All {held:,}" if held == len(known) else f"{share} of {len(known):,}"
    said, between = (
        f"{who} messages within {100 * (high / low - 1):.2g}% of one size",
        f"{octets(low)} to {octets(high)}",
    )
    return f"{said}: {between}" if 2 * held >= len(known) else f"No size prevails: {said}, {between}, are the most"


def answer(log: Log) -> str:
    """Say whether the sizes are nearly one, how many there are, their sum and their spread."""
    row = summary(log).to_dict("index")["all"]
    n = int(row["n"])
    if n == 0:
        return "This log states the size of no message."
    total = "too many octets to count" if pd.isna(row["sum"]) else count(int(row["sum"]), "octet")
    if n == 1:
        return f"One message has a known size, {total}."
    text = f"{n:,} messages have a known size, {total} in all"
    known = _sizes(log)["size"]
    if row["distinct"] > 1 and known.gt(0).sum() > 1:
        text = f"{alike(known[known > 0])}. {text}"
    if row["distinct"] == 1:
        return f"{text}, and every one has the same."
    text += f", from {int(row['min']):,} to {count(int(row['max']), 'octet')}"
    text += f" in {int(row['distinct']):,} different sizes; the median is {row['median']:,.10g} octets (n = {n:,}"
    if np.isfinite(row["median_low"]):
        interval = f"{row['median_low']:,.0f} to {row['median_high']:,.0f}"
        text += f", exact {100 * row['coverage']:.1f}% interval {interval} if sizes are independent"
    return text + ")."
