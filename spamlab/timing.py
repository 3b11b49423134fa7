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

from spamlab import dialogue, partwise, stats
from spamlab.messages import SPOKEN
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log


def _measure(log: Log, finish: pd.Series, name: str) -> pd.DataFrame:
    """Time from each event to the one whose label ``finish`` gives, with its bounds."""
    events = log.columns("events", "session", "transaction", "time", "source")
    start = events.loc[finish.index]
    stop = events["time"].reindex(pd.Index(finish.astype("float64"))).set_axis(finish.index)
    took = (stop - start["time"]).dt.total_seconds()
    took = took.where(took >= 0)  # the clock was set back: nothing is known
    known = log.sources.drop_duplicates("source").set_index("source")["resolution"]
    resolution = start["source"].astype("object").map(known).astype("float64")
    bounds = {name: took, f"{name}_low": (took - resolution).clip(lower=0), f"{name}_high": took + resolution}
    return start[["session", "transaction", "time"]].assign(**bounds)


def _verbs(log: Log, asked: pd.Index) -> pd.Series:
    events = log.columns("events", "verb", "kind").loc[asked]
    verb = events["verb"].astype("object").fillna(events["kind"].astype("object"))
    return verb.replace({"auth": "AUTH", "data": "message"}).astype("str")


@partwise.partwise(partwise.rows("session"))
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
    events = log.columns("events", *SPOKEN)
    answer = dialogue.answers(events)
    out = _measure(log, answer, "latency")
    out.insert(3, "verb", _verbs(log, answer.index))
    return out.assign(code=answer.map(events["code"]).astype("Int64"))


@partwise.partwise(partwise.rows())
def periods(log: Log) -> pd.DataFrame:
    """Time from each MAIL command to the next one in its session: the period of a loop.

    Returns
    -------
    DataFrame, one row a MAIL command that another follows, index = its event's label: ``session``,
    ``transaction``, ``time``, ``period``, ``period_low``, ``period_high`` (s, float; bounds as in
    ``replies``).
    """
    return _measure(log, _following(log), "period")


def _following(log: Log) -> pd.Series:
    events = log.columns("events", "session", "kind", "verb", "echo")
    mail = events[(events["verb"] == "MAIL") & ~events["echo"] & events["session"].notna()]
    mail = mail[mail["kind"].isin(["command", "exchange"])]
    after = pd.Series(mail.index, mail.index).groupby(mail["session"]).shift(-1)
    return after.dropna().astype("Int64")


def _slack(log: Log, frame: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """By key: how far the sum of its intervals can lie below and above the sum of their logged lengths (s).

    A true time is its stamp plus some u in [0, r], where u does not fall along the events of one session
    that share a stamp. The sum is linear in the u (+1 at an end, -1 at a beginning), so its extremes are
    reached where u steps from 0 to r at one event: the largest and the smallest tail sum within each stamp.
    """
    begin = frame.assign(event=frame.index, weight=frame["took"] - frame["took_high"])
    end = frame.assign(event=frame["finish"], weight=-begin["weight"])
    ends = pd.concat([begin, end])[["key", "event", "weight"]].astype({"key": "category"})
    # An event that ends one interval and begins the next has one u.
    stamp = ["key", "session", "time"]
    weight = ends.join(log.columns("events", *stamp[1:]), on="event").groupby([*stamp, "event"], observed=True)[
        "weight"
    ]
    tail = weight.sum(skipna=False)[::-1].groupby(stamp, observed=True).cumsum().groupby(stamp, observed=True)
    below, above = tail.min(skipna=False).clip(upper=0), tail.max(skipna=False).clip(lower=0)
    return below.groupby("key").sum(skipna=False), above.groupby("key").sum(skipna=False)


def _taken(log: Log, finish: pd.Series, key: pd.Series) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """The time to the events ``finish`` with its key, and by key how far the sums can lie below and above."""
    frame = _measure(log, finish, "took").assign(key=key.astype("category"), finish=finish)
    below, above = _slack(log, frame[frame["took"].notna()])
    kept = frame[["session", "key", "took", "took_low", "took_high"]].assign(answered=finish.notna())
    return kept, below, above


def _sums(found: list[pd.Series]) -> pd.Series:
    whole: pd.Series = pd.concat([each.rename(index=str) for each in found])
    return whole.groupby(level=0).sum(skipna=False)


@partwise.partwise(partwise.pairs(partwise.rows("session"), _sums, _sums))
def _answered(log: Log) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    answer = dialogue.answers(log.columns("events", *SPOKEN))
    return _taken(log, answer, _verbs(log, answer.index))


@partwise.partwise(partwise.pairs(partwise.rows(), _sums, _sums))
def _followed(log: Log) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    finish = _following(log)
    return _taken(log, finish, pd.Series("MAIL to MAIL", finish.index))


def _summarise(name: str, frame: pd.DataFrame, below: pd.Series, above: pd.Series) -> pd.DataFrame:
    """The columns of ``summary``, one row a key in order of appearance."""
    timed, key = frame[frame["took"].notna()], frame["key"]
    below, above = (slack.rename(index=str) for slack in (below, above))
    timed = timed.assign(key=timed["key"].astype("str"))
    by = timed.groupby("key")
    took, n = by["took"], by.size()
    intervals = {
        name: (*stats.mean_interval(some["took"]), *stats.median_interval(some["took_low"], some["took_high"]))
        for name, some in by
    }
    names = ["mean95_low", "mean95_high", "median_low", "median_high", "coverage"]
    found = pd.DataFrame.from_dict(intervals, orient="index", columns=names, dtype="float64").assign(
        mean=took.mean(), mean_low=took.mean() + below / n, mean_high=took.mean() + above / n,
        median=took.median(), min=took.min(), max=took.max(),
    )  # fmt: skip
    given, answered = (some.value_counts().rename(index=str) for some in (key, key[frame["answered"]]))
    counts = {"n": given, "answered": answered, "timed": n}
    out = (
        pd.DataFrame(counts, index=pd.Index(key.unique().astype("str"), name=name, dtype="str"))
        .fillna(0)
        .astype("int64")
        .join(found)
    )
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
    return _summarise("verb", *_answered(log))


def period_summary(log: Log) -> pd.DataFrame:
    """The columns of ``summary`` for the time from MAIL to MAIL: one row, or none without such pairs."""
    return _summarise("interval", *_followed(log))


@partwise.partwise(any)
def _delayed(log: Log) -> bool:
    return bool(log.columns("recipients", "delay")["delay"].notna().any())


def answer(log: Log) -> str:
    """Say in a sentence how fast commands were answered, and how fast a loop turned."""
    by_verb = summary(log)
    if by_verb.empty:
        delays = " It states how long deliveries took: see notebook 06." if _delayed(log) else ""
        return "This log holds no command with a reply of its own, so no latency can be measured." + delays
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
