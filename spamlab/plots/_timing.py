"""Notebook 02: how fast each side answers, as intervals and as a distribution with its band."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spamlab import stats
from spamlab.plots import _look as look

BOUNDS = ["latency_low", "latency_high", "latency"]
STEP = 1.6  # from one row of the figure to the next, in heights of a distribution
FEW = 60  # up to so many latencies each is drawn


@look.styled
def latency(
    replies: pd.DataFrame,
    summary: pd.DataFrame | None = None,
    *,
    by: str = "verb",
    verdict: str = "Commands are answered in",
    most: int = 8,
    ax: Axes | None = None,
) -> Axes:
    """Latencies by group: each as the interval its stamps allow, and Turnbull's distribution with its band.

    Parameters
    ----------
    replies : DataFrame
        Of `timing.replies`: ``latency``, ``latency_low``, ``latency_high`` in seconds.
    summary : DataFrame, optional
        Of `timing.summary`: its means and medians with their bounds are said beside each group.
    by : str
        The column whose values are the groups.
    verdict : str
        How the title begins, before the mean.
    most : int
        Groups to show: the commonest, in the order in which they first occur.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a group, its band holding the true distribution with 95% probability. Above 60 latencies in a
        group only the distribution is drawn; over a long range the axis is logarithmic.
    """
    told = replies.dropna(subset=["latency"])
    if told.empty:
        return look.nothing("This log holds no command with a timed reply: there is no latency to show.", ax)
    chosen = set(look.commonest(told[by], most))
    names = [name for name in told[by].astype("str").drop_duplicates() if name in chosen]
    groups = {name: told[told[by].astype("str") == name] for name in names}
    resolution = float((told["latency_high"] - told["latency"]).median())
    far = float(told["latency_high"].max())
    long = far > 12 * max(resolution, 0.001)
    floor = max(resolution / 4, 1e-3) if long else 0.0
    ax = look.axes(ax, 1.0 + 0.68 * len(names))
    if long:
        look.log_axis(ax, "x", "s", floor, far)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    curves = []
    for row, name in enumerate(names):
        base = row * STEP + 1
        steps = stats.turnbull(groups[name]["latency_low"], groups[name]["latency_high"])
        curves.append(steps.assign(**{by: name}))
        _row(ax, groups[name], steps, base, floor)
        asked = int((replies[by].astype("str") == name).sum())
        aside = _aside(groups[name], asked, steps, None if summary is None else summary.loc[name])
        at = ("axes fraction", "data")
        look.note(ax, look.safe(name, 45), (0, base - 1.08), (2, 1), frame=at, fontsize=8, weight="bold")
        look.note(ax, aside, (1, base - 1.08), (-1, 1), frame=at, color=look.SOFT)
    bases = np.arange(len(names)) * STEP + 1
    ax.set_yticks(np.r_[bases, bases - 0.5, bases - 1], np.repeat(["0", "50%", "100%"], len(names)).tolist())
    ax.set(ylim=(bases[-1] + 0.15, -0.45), xlim=(floor, far * (1.3 if long else 1.02)))
    stamps = f" (stamps resolve {look.seconds(resolution)})" if resolution else ""
    ax.set(
        xlabel=f"time taken{'' if long else ', s'}{stamps}",
        ylabel="share within that time" if len(names) > 1 else "share",
    )
    few = len(told) <= FEW * len(names)
    detail = f"n = {len(told):,}; {'line: where a latency can lie, dot: as logged; ' if few else ''}"
    detail += "curve and band: censored distribution, 95% (n ≥ 5)"
    if summary is not None:
        detail += "; in brackets: bounds of the mean, exact interval of the median"
    title = f"{verdict} {_verdict(told, groups, by, resolution)}"
    look.finding(ax, title, detail, told if few else pd.concat(curves))
    return ax


def _verdict(told: pd.DataFrame, groups: dict[str, pd.DataFrame], by: str, resolution: float) -> str:
    """The mean over all, and which group takes longest."""
    mean = float(told["latency"].mean())
    if not mean:
        return f"under {look.seconds(resolution)}, every time"
    means = {name: float(group["latency"].mean()) for name, group in groups.items() if len(group) >= 5}
    if len(means) < 2:
        return f"{look.seconds(mean)} on average"
    worst = max(means.values())
    slowest = look.safe(" and ".join(name for name in means if means[name] == worst), 45)
    among = "slowest" if told[by].nunique() == len(groups) else f"slowest of the {len(groups)} commonest"
    return f"{look.seconds(mean)} on average; {among}: {slowest}, {look.seconds(worst)}"


def _aside(told: pd.DataFrame, asked: int, steps: pd.DataFrame, known: Any) -> str:
    """The numbers of a group: from the summary, or the innermost interval of the estimated median."""
    said = f"n = {len(told):,}" + (f" of {asked:,}" if asked > len(told) else "")
    if known is not None:
        said += f", mean {look.seconds(known['mean'])}"
        if pd.notna(known["mean_low"]):
            said += f" [{known['mean_low']:.3g}, {known['mean_high']:.3g}]"
        if pd.notna(known["coverage"]):
            said += f", median {look.seconds(known['median'])}"
            said += f" [{known['median_low']:.3g}, {known['median_high']:.3g}]"
    elif len(told) >= 5:
        row = int(np.searchsorted(steps["cumulative"].to_numpy(), 0.5 - 1e-6))
        low, high = float(steps["low"].iloc[row]), float(steps["high"].iloc[row])
        said += f", median {look.seconds(low) + ' to' if low else 'under'} {look.seconds(high)}"
    return said


def _row(ax: Axes, told: pd.DataFrame, steps: pd.DataFrame, base: float, floor: float) -> None:
    """One group: the band, the distribution, and each latency as its interval at its rank (if few)."""
    for level in (base, base - 1):
        ax.axhline(level, color=look.PALE, linewidth=0.6, zorder=0)
    steps = steps.iloc[np.unique(np.linspace(0, len(steps) - 1, 300).astype(int))]
    low, high = (steps[side].clip(lower=floor).to_numpy() for side in ("low", "high"))
    if len(told) >= 5:
        # The lower bound climbs where an innermost interval ends, the upper one where the next begins.
        x = np.unique(np.r_[floor, low, high])
        lower = np.r_[0, steps["band_low"]][np.searchsorted(high, x, "right")]
        upper = steps["band_high"].to_numpy()[np.searchsorted(low, x, "right").clip(1) - 1]
        ax.fill_between(x, base - lower, base - upper, step="post", color=look.BLUE, alpha=0.15, zorder=1)
        y = np.r_[0, 0, np.repeat(steps["cumulative"], 2)[:-1]]
        ax.plot(np.r_[floor, np.c_[low, high].ravel()], base - y, color=look.BLUE, zorder=3)
    if len(told) <= FEW:
        ranked = told[BOUNDS].sort_values(BOUNDS[:2], kind="stable").clip(lower=floor)
        at = base - (np.arange(len(ranked)) + 0.5) / len(ranked)
        ax.hlines(at, ranked["latency_low"], ranked["latency_high"], color=look.GREY, linewidth=0.9, zorder=2)
        ax.plot(ranked["latency"], at, "o", color=look.INK, markersize=2.6, zorder=4)


def latency_by_peer(replies: pd.DataFrame, sessions: pd.DataFrame, *, most: int = 6, ax: Axes | None = None) -> Axes:
    """`latency` with a row for each side that answers: the peers of outbound sessions, and this server.

    Parameters
    ----------
    replies : DataFrame
        Of `timing.replies`.
    sessions : DataFrame
        The Log's sessions, for the peers: their name, or their address where the log has no name.
    most : int
        Rows: those with most replies.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a side.
    """
    known = sessions.set_index("session")
    peer = known["peer_host"].fillna(known["peer_ip"]).fillna("unnamed peer")
    side = replies["session"].map(peer.mask(known["role"].eq("server"), "this server"))
    return latency(replies.assign(side=side), by="side", most=most, ax=ax)


def periods(periods: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Time from one MAIL command to the next in its session, drawn as `latency` draws latencies.

    Parameters
    ----------
    periods : DataFrame
        Of `timing.periods`: ``period``, ``period_low``, ``period_high`` in seconds.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row.
    """
    if periods["period"].isna().all():
        return look.nothing("No session holds two timed MAIL commands: there is no period to show.", ax)
    named = periods.rename(columns=lambda name: name.replace("period", "latency"))
    return latency(named.assign(verb="MAIL to MAIL"), verdict="MAIL follows MAIL after", ax=ax)
