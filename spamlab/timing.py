"""How fast each side answers: reply latencies, and the time from one MAIL to the next.

Time stamps are truncated to a resolution r (1 s in an Exchange 5.5 log), so a logged latency d says
only that the true one lies in (d - r, d + r) and not below 0. Everything here carries such bounds.
Means are sharper than single latencies: where the stamp that ends one interval begins the next its
error cancels (the sum telescopes), and events with equal stamps still stand in a known order. The
bounds of a mean are the tightest that the stamps and that order allow.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import dialogue, stats
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log


def _measure(log: Log, begin: pd.Index, finish: pd.Series, names: tuple[str, str, str]) -> pd.DataFrame:
    """Time from each event of ``begin`` to the event whose label ``finish`` gives, with its bounds."""
    start = log.events.loc[begin]
    stop = log.events["time"].reindex(pd.Index(finish.astype("float64")))
    took = (stop.set_axis(begin) - start["time"]).dt.total_seconds()
    took = took.where(took >= 0)  # the clock was set back: nothing is known
    known = log.sources.drop_duplicates("source")
    of_source = dict(zip(known["source"].astype("str"), known["resolution"], strict=True))
    resolution = start["source"].astype("object").map(of_source).astype("float64")
    return start[["session", "transaction", "time"]].assign(
        **dict(zip(names, (took, (took - resolution).clip(lower=0), took + resolution), strict=True))
    )


def replies(log: Log) -> pd.DataFrame:
    """Latency of every command, as logged and as the stamps bound it.

    Parameters
    ----------
    log : a Log whose events hold commands and replies.

    Returns
    -------
    DataFrame, one row a command (an AUTH response and the end of a received message count as one),
    index = its event's label: ``session``, ``transaction`` (Int64), ``time``, ``verb`` (str; ``message``
    for the end of a message's text), ``latency``, ``latency_low``, ``latency_high`` (s, float; the true one
    lies between the bounds), ``code`` (Int64). Unanswered, or answered before it was given (a clock
    set back): latency missing. Records that hold command and reply in one have no latency and no row.

    Examples
    --------
    >>> import spamlab
    >>> found = replies(spamlab.read("data/exchange55-appendix-a.log"))
    >>> found[found.verb == "RSET"].latency.tolist()
    [0.0, 0.0, 0.0, 2.0, 1.0, 1.0, 0.0]
    """
    return _replies(log, dialogue.answers(log.events))


def _replies(log: Log, answer: pd.Series) -> pd.DataFrame:
    out = _measure(log, answer.index, answer, ("latency", "latency_low", "latency_high"))
    asked = log.events.loc[answer.index]
    verb = asked["verb"].astype("object").where(asked["verb"].notna(), asked["kind"].astype("object"))
    out.insert(3, "verb", verb.replace({"auth": "AUTH", "data": "message"}).astype("str"))
    code = log.events["code"].reindex(pd.Index(answer.astype("float64")))
    return out.assign(code=code.set_axis(answer.index).astype("Int64"))


def periods(log: Log) -> pd.DataFrame:
    """Time from each MAIL command to the next one in its session: the period of a loop.

    Returns
    -------
    DataFrame, one row a MAIL command that another follows, index = its event's label: ``session``,
    ``transaction``, ``time``, ``period``, ``period_low``, ``period_high`` (s, float; bounds as in
    ``replies``).
    """
    following = _following(log)
    return _measure(log, following.index, following, ("period", "period_low", "period_high"))


def _following(log: Log) -> pd.Series:
    events = log.events
    mail = events[(events["verb"] == "MAIL") & ~events["echo"] & events["session"].notna()]
    mail = mail[mail["kind"].isin(["command", "exchange"])]
    after = pd.Series(mail.index, mail.index).groupby(mail["session"]).shift(-1)
    return after.dropna().astype("Int64")


def _slack(log: Log, frame: pd.DataFrame, finish: pd.Series) -> tuple[pd.Series, pd.Series]:
    """By key: how far the sum of its intervals can lie below and above the sum of their logged lengths (s).

    A true time is its stamp plus some u in [0, r], where u does not fall along the events of one session
    that share a stamp. The sum is linear in the u (+1 at an end, -1 at a beginning), so its extremes are
    reached where u steps from 0 to r at one event: the largest and the smallest tail sum within each stamp.
    """
    begin = pd.DataFrame({"event": frame.index, "weight": (frame["value"] - frame["high"]).to_numpy()})
    begin["key"] = frame["key"].astype("category").array
    end = begin.assign(event=finish.to_numpy(), weight=-begin["weight"])
    ends = pd.concat([begin, end]).join(log.events[["session", "time"]], on="event")
    # An event that ends one interval and begins the next has one u.
    stamp = ["key", "session", "time"]
    weight = ends.groupby([*stamp, "event"], observed=True)["weight"].sum(skipna=False)
    tail = weight[::-1].groupby(stamp, observed=True).cumsum().groupby(stamp, observed=True)
    below, above = tail.min(skipna=False).clip(upper=0), tail.max(skipna=False).clip(lower=0)
    return below.groupby("key").sum(skipna=False), above.groupby("key").sum(skipna=False)


def _summarise(log: Log, frame: pd.DataFrame, finish: pd.Series, key: pd.Series) -> pd.DataFrame:
    """The columns of ``summary`` for a frame of value, low and high, one row a key in order of appearance.

    ``finish`` gives the label of the event that ends each interval.
    """
    known = frame["value"].notna()
    timed = frame.assign(key=key)[known]
    by = timed.groupby("key")
    n, mean = by.size(), by["value"].mean()
    below, above = _slack(log, timed, finish[known])
    intervals = {
        name: (*stats.mean_interval(some["value"]), *stats.median_interval(some["low"], some["high"]))
        for name, some in by
    }
    names = ["mean95_low", "mean95_high", "median_low", "median_high", "coverage"]
    found = pd.DataFrame.from_dict(intervals, orient="index", columns=names, dtype="float64")
    found = found.assign(mean=mean, mean_low=mean + below / n, mean_high=mean + above / n)
    found = found.assign(median=by["value"].median(), min=by["value"].min(), max=by["value"].max())
    counts = {"n": key.value_counts(), "answered": key[finish.notna()].value_counts(), "timed": n}
    out = pd.DataFrame(counts, index=pd.Index(key.unique(), name=key.name)).fillna(0).astype("int64").join(found)
    few, small = out["coverage"].isna(), out["timed"] < stats.MEAN_FROM
    out["method"] = np.select([out["timed"] == 0, few, small], _METHODS[:3], _METHODS[3])
    return out[_COLUMNS]


_COLUMNS = ["n", "answered", "timed", "mean", "mean_low", "mean_high", "mean95_low", "mean95_high"]
_COLUMNS += ["median", "median_low", "median_high", "coverage", "min", "max", "method"]
_STAMPS = "mean: bounds that the stamps set for these n"
_MEDIAN = _STAMPS + "; median: exact interval from order statistics, replies taken as independent"
_METHODS = (
    "nothing to measure",
    _STAMPS + "; too few for an interval of the median: look at the points",
    _MEDIAN,
    _MEDIAN + "; mean95: approximate, batch means",
)


def summary(log: Log) -> pd.DataFrame:
    """Latencies by command, with no more said than the stamps and n allow.

    Returns
    -------
    DataFrame, index ``verb`` in order of first appearance: ``n`` (commands), ``answered``, ``timed`` (those
    with a latency; all that follows is over these), ``mean``; ``mean_low``, ``mean_high``: bounds of the mean
    of just these latencies, certain, from resolution and order of the stamps; ``mean95_low``,
    ``mean95_high``: approximate 95% interval of the long-run mean, missing below ``stats.MEAN_FROM``;
    ``median``; ``median_low``, ``median_high``: exact interval of the long-run median, resolution included,
    and its ``coverage`` (at least 0.95; missing below n = 6); ``min``, ``max`` as logged; ``method`` in
    words. Times in s.

    Examples
    --------
    >>> import spamlab
    >>> found = summary(spamlab.read("data/exchange55-appendix-a.log"))
    >>> found.loc["MAIL", ["n", "mean", "coverage"]].tolist()
    [8.0, 1.0, 0.9921875]
    """
    answer = dialogue.answers(log.events)
    found = _replies(log, answer)
    frame = found[["latency", "latency_low", "latency_high"]].set_axis(["value", "low", "high"], axis=1)
    return _summarise(log, frame, answer, found["verb"])


def period_summary(log: Log) -> pd.DataFrame:
    """The columns of ``summary`` for the time from MAIL to MAIL: one row, or none without such pairs."""
    found, finish = periods(log), _following(log)
    frame = found[["period", "period_low", "period_high"]].set_axis(["value", "low", "high"], axis=1)
    return _summarise(log, frame, finish, pd.Series("MAIL to MAIL", found.index, name="interval"))


def answer(log: Log) -> str:
    """Say in a sentence how fast commands were answered, and how fast a loop turned."""
    by_verb = summary(log)
    if by_verb.empty:
        return "This log holds no command with a reply of its own, so no latency can be measured."
    n, answered, timed = (int(by_verb[name].sum()) for name in ("n", "answered", "timed"))
    text = f"{answered:,} of {count(n, 'command')} {'was' if answered == 1 else 'were'} answered"
    if not timed:
        return text + ", and the log holds no times that tell how fast."
    verb = "MAIL" if by_verb["timed"].get("MAIL", 0) else str(by_verb["timed"].idxmax())
    text += f"; {verb} took {_mean(by_verb.to_dict('index')[verb])}"
    turn = period_summary(log)
    if len(turn) and turn["timed"].iloc[0]:
        text += f", and one MAIL followed another after {_mean(turn.to_dict('index')['MAIL to MAIL'])}"
    return text + "."


def _mean(row: Mapping[Hashable, Any]) -> str:
    low, high, n = row["mean_low"], row["mean_high"], int(row["timed"])
    given = "as stamped" if low == high else f"the stamps allow {stats.figure(low)} to {stats.figure(high)} s"
    if np.isnan(low):
        given = "resolution of the stamps unknown"
    if np.isfinite(row["mean95_low"]):
        given += f", 95% interval {stats.figure(row['mean95_low'])} to {stats.figure(row['mean95_high'])} s"
    return f"{stats.figure(row['mean'])} s{' on average' if n > 1 else ''} (n = {n:,}, {given})"
