"""What stands out of what was counted, and who made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spamlab.safe import printable, shorten
from spamlab.traffic.why import reason
from spamlab.unusual.counting import SIGNALS, STEP, WHO, Counts, added

_VOLUME = ("received", "served", "connections")
_WIDTHS = ("10min", "30min", "1h", "2h", "3h", "6h", "12h", "1D", "2D", "7D", "30D")
_BINS = 200  # intervals that a log is looked at in, at most
_LEAST = 12  # fewer intervals tell nothing
_OUTSIDE = 0.15  # of a log that has to be as it usually is
_TIMES = 3  # as often as usual
_EXCESS = 40  # occurrences that nobody would look up for
_MAKER = 0.3  # of what is too much: who makes so much of it is named


def _stretch(n: np.ndarray, rate: np.ndarray) -> tuple[int, int] | None:
    """The interval of a series of counts that differs most from the rest (Kulldorff's scan statistic), if it is more.

    ``rate`` is what the series' mail would make of it: with as much of it, more is only growth.
    """
    size, total = len(n), n.sum()
    least = max(4, int(np.ceil(_OUTSIDE * size)))
    sums = np.concatenate([[0], np.cumsum(n)])
    inside = sums[None, :] - sums[:, None]  # [a, b)
    length = np.arange(size + 1)[None, :] - np.arange(size + 1)[:, None]
    fits = (length > 0) & (size - length >= least)
    length = np.where(fits, length, 1)
    rest = size - length
    outside = np.maximum(total - inside, 0.5)
    one, two = inside / length, outside / rest
    better = fits & (one >= _TIMES * two) & (inside - two * length >= _EXCESS)
    if not better.any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        likely = inside * np.log(one) + outside * np.log(two)
    best = int(np.where(better, likely, -np.inf).argmax())
    a, b = divmod(best, size + 1)
    others = np.delete(n, np.s_[a:b])
    mean = n[a:b].mean()
    if mean < 2 * np.quantile(others, 0.95) or np.median(n[a:b]) <= others.mean():
        return None
    of, beside = rate[a:b].sum(), np.delete(rate, np.s_[a:b]).sum()
    many = others.sum() + 2 * np.sqrt(others.sum() + 1)  # that few were there can be chance
    if n[a:b].sum() / max(of, 1) < 2 * many / max(beside, 1):
        return None
    return a, b


@dataclass
class Rise:
    """A signal's stretch: of ``n`` occurrences ``usual`` would have been usual."""

    signal: str
    begin: pd.Timestamp
    end: pd.Timestamp
    n: int
    usual: float
    octets: float
    who: dict[str, pd.Series]  # of what is too much the share of each value, the greatest first
    values: dict[str, int]  # how many there were
    makers: dict[str, str]  # who makes much of it, and did not before


@dataclass
class Finding:
    """What stands out at one time: the rises, that first which tells most."""

    rises: list[Rise]
    lasts: bool  # to the log's end

    @property
    def begin(self) -> pd.Timestamp:
        """When it began."""
        return self.rises[0].begin

    @property
    def end(self) -> pd.Timestamp:
        """When it was over, or the log ended."""
        return self.rises[0].end


@dataclass
class Steps:
    """The counts in narrow steps of time and in the wider intervals that are compared."""

    narrow: pd.DataFrame
    wide: pd.DataFrame
    each: int  # steps in an interval
    last: pd.Timestamp


def steps_of(found: Counts) -> Steps | None:
    """``None`` where the log is too short to compare a part of it with the rest."""
    series = added(found.series)["n"] if found.series else pd.Series(dtype="int64")
    if not len(series):
        return None
    narrow = series.unstack(0, fill_value=0)
    first, last = narrow.index.min(), narrow.index.max() + pd.Timedelta(STEP)
    narrow = narrow.reindex(pd.date_range(first, last, freq=STEP, inclusive="left"), fill_value=0)
    width = next((w for w in _WIDTHS if (last - first) / pd.Timedelta(w) <= _BINS), _WIDTHS[-1])
    each = int(pd.Timedelta(width) / pd.Timedelta(STEP))
    wide = narrow.groupby(np.arange(len(narrow)) // each).sum().set_axis(narrow.index[::each])
    return Steps(narrow, wide, each, last) if len(wide) >= _LEAST else None


def suspects(found: Counts) -> bool:
    """Whether anything stands out before it is known who made it: if not, ``findings`` are none."""
    steps = steps_of(found)
    return steps is not None and bool(_stretches(steps))


def _stretches(steps: Steps) -> dict[str, tuple[int, int]]:
    """By signal the stretch of it that stands out."""
    mail = steps.wide.reindex(columns=["received", "served"], fill_value=0).sum(axis=1).to_numpy(float)
    found = {}
    for signal in (name for name in SIGNALS if name in steps.wide):
        rate = np.ones(len(mail)) if signal in ("received", "served") else mail
        if stretch := _stretch(steps.wide[signal].to_numpy(float), rate):
            found[signal] = stretch
    return found


def findings(found: Counts) -> list[Finding] | None:
    """What stands out, the first first; ``None`` where the log is too short to tell."""
    steps = steps_of(found)
    if steps is None:
        return None
    stretches = _stretches(steps)
    if not stretches:
        return []
    sizes, who = added(found.series)["octets"], added(found.who).reset_index()
    rises = []
    for signal, stretch in stretches.items():
        n = steps.narrow[signal]
        begin, end = (_edge(n.to_numpy(float), min(at * steps.each, len(n)), steps.each) for at in stretch)
        rise = _rise(signal, n, begin, end, sizes, who)
        if signal not in _VOLUME or (
            set(rise.makers) & {"account", "sender", "client"} and stretch[1] - stretch[0] > 2
        ):
            rises.append(rise)
    return [_with(finding, steps, sizes, who) for finding in _together(rises, steps.last)]


def _with(finding: Finding, steps: Steps, sizes: pd.Series, who: pd.DataFrame) -> Finding:
    """The finding and what else was more while it lasted: twice as much as usual, and than the rest's busiest times."""
    known = {rise.signal for rise in finding.rises}
    begin, end = (int(steps.narrow.index.searchsorted(at)) for at in (finding.begin, finding.end))
    place = np.arange(len(steps.wide)) * steps.each
    beside = (place + steps.each <= begin) | (place >= end)
    for signal in (name for name in SIGNALS if name in steps.wide and name not in known):
        mean, others = steps.narrow[signal].iloc[begin:end].mean() * steps.each, steps.wide[signal][beside]
        if mean >= 2 * others.mean() and mean >= others.quantile(0.95):
            rise = _rise(signal, steps.narrow[signal], begin, end, sizes, who)
            finding.rises += [rise] if rise.n - rise.usual >= _EXCESS else []
    return finding


def _edge(n: np.ndarray, at: int, width: int) -> int:
    """Where, near an edge of wide intervals, the narrow ones change most."""
    low, high = max(0, at - width), min(len(n), at + width)
    if at in (0, len(n)) or high - low < 3:
        return at
    near = n[max(0, low - width) : min(len(n), high + width)]
    offset = max(0, low - width)
    return max(range(low, high + 1), key=lambda t: _gain(near, t - offset))


def _gain(n: np.ndarray, t: int) -> float:
    parts = [each for each in (n[:t], n[t:]) if len(each)]
    return float(sum(part.sum() * np.log(max(part.mean(), 1e-9)) for part in parts if part.sum()))


def _rise(signal: str, n: pd.Series, begin: int, end: int, sizes: pd.Series, who: pd.DataFrame) -> Rise:
    steps, long, rest = n.index, end - begin, len(n) - (end - begin)
    inside = n.iloc[begin:end].sum()
    usual = (n.sum() - inside) / max(rest, 1) * long
    times = steps[begin], steps[0] + end * pd.Timedelta(STEP)
    size = sizes.loc[signal]
    within = (size.index >= times[0]) & (size.index < times[1])
    octets = float(size[within].sum() - size[~within].sum() / max(rest, 1) * long)
    told, values, makers = {}, {}, {}
    mine = who[who["signal"].eq(signal)]
    for by in WHO:
        own = mine[mine["by"].eq(by)]
        value = reason(own["value"]) if by == "why" else own["value"]
        took = own["n"].groupby(value).sum()
        in_it = own["n"][own["step"].ge(times[0]) & own["step"].lt(times[1])].groupby(value).sum()
        more = in_it - (took.reindex(in_it.index) - in_it) / max(rest, 1) * long
        shares = (more / max(inside - usual, 1)).clip(0, 1).sort_index().sort_values(ascending=False, kind="stable")
        told[by], values[by] = shares.head(5), len(in_it)
        for value in shares.index[:1][shares.iloc[:1] >= _MAKER]:
            before = (took[value] - in_it[value]) / max(n.sum() - inside, 1)
            if value and in_it[value] / inside >= 2 * before:
                makers[by] = str(value)
    return Rise(signal, *times, int(inside), float(usual), octets, told, values, makers)


def _together(rises: list[Rise], last: pd.Timestamp) -> list[Finding]:
    found: list[list[Rise]] = []
    for rise in sorted(rises, key=_rank):
        for group in found:
            lead = group[0]
            overlap = min(rise.end, lead.end) - max(rise.begin, lead.begin)
            if overlap >= min(rise.end - rise.begin, lead.end - lead.begin) / 2:
                group.append(rise)
                break
        else:
            found.append([rise])
    order = sorted(found, key=lambda group: group[0].begin)
    return [Finding(group, last - group[0].end <= pd.Timedelta("1h")) for group in order]


def _rank(rise: Rise) -> int:
    return -1 if rise.signal in ("received", "served") and sends(rise) else list(SIGNALS).index(rise.signal)


def sends(rise: Rise) -> str:
    """Who makes most of it, as ``account x``; nobody: an empty text."""
    return next((f"{WHO[by]} {shown(rise.makers[by])}" for by in ("account", "sender") if by in rise.makers), "")


def shown(text: str) -> str:
    """Text of a log in a sentence."""
    return shorten(printable(text), 60) or "<>"
