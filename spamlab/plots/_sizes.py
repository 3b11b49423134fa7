"""Notebook 03: sizes as dots under their distribution, and in time by recipient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab import stats
from spamlab.plots import _look as look

FEW = 300  # up to so many messages each is a dot
COLORS = (look.BLUE, look.ACCENT, look.GREEN, look.PURPLE, look.ORANGE)


def _range(size: np.ndarray) -> str:
    low, high = look.octets(size.min()), look.octets(size.max())
    return f"of {low}" if low == high else f"from {low} to {high}"


@look.styled
def sizes(messages: pd.DataFrame, summary: pd.DataFrame | None = None, *, ax: Axes | None = None) -> Axes:
    """Message sizes: the ECDF with its 95% band, below it each message as a dot, equal sizes stacked.

    Parameters
    ----------
    messages : DataFrame
        Of `sizes.messages`: ``size`` in octets.
    summary : DataFrame, optional
        Of `sizes.summary`: the median's exact interval is said.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Above 300 messages the dots give way to bars of counts; a range over 1:30 gets a log axis.
    """
    size = messages["size"].dropna().to_numpy(dtype=float)
    size = np.sort(size[size > 0])
    if len(size) < 2:
        held = f"states one message size only, {look.octets(size[0])}" if len(size) else "states no message size"
        return look.nothing(f"This log {held}: there is no distribution to draw.", ax)
    ax = look.axes(ax, 3.0)
    few, wide = len(size) <= FEW, size[-1] > 30 * size[0]
    pad = 1.3 if wide else 1 + 0.15 * max(1 - size[0] / size[-1], 0.01)
    ends = (size[0] / pad, size[-1] * pad)
    if wide:
        look.log_axis(ax, "x", "B", *ends)
    else:
        look.octet_axis(ax)
    drawn = _ecdf(ax, size, ends)
    depth = _dots(ax, size) if few else _bars(ax, size, ends, wide)
    ax.axhline(0, color=look.PALE, linewidth=0.6)
    ax.set(xlim=ends, ylim=(-depth, 1.05), xlabel="message size", ylabel="share of messages")
    ax.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    distinct = look.count(len(np.unique(size)), "different size")
    detail = f"n = {len(size):,} ({'dots' if few else 'bars'}), {distinct}, median {look.octets(np.median(size))}"
    every: Any = summary.loc["all"] if summary is not None else {"coverage": np.nan}
    if pd.notna(every["coverage"]):
        low, high = look.octets(every["median_low"]), look.octets(every["median_high"])
        detail += f" (exact {every['coverage']:.1%} interval {low} to {high})"
    detail += "; curve: ECDF" + (" with 95% band" if len(size) >= 5 else "")
    look.finding(ax, _alike(size), detail, messages if few else drawn)
    return ax


def _ecdf(ax: Axes, size: np.ndarray, ends: tuple[float, float]) -> pd.DataFrame:
    steps = stats.turnbull(size, size)
    steps = steps.iloc[np.unique(np.linspace(0, len(steps) - 1, 500).astype(int))]
    x = np.r_[ends[0], steps["high"], ends[1]]
    ax.step(x, np.r_[0, steps["cumulative"], 1], where="post", color=look.BLUE)
    if len(size) >= 5:
        low, high = steps["band_low"].to_numpy(), steps["band_high"].to_numpy()
        before = max(high[0] - (size == size[0]).mean(), 0)
        style: look.Style = {"step": "post", "color": look.BLUE, "alpha": 0.15}
        ax.fill_between(x, np.r_[0, low, low[-1]], np.r_[before, high, high[-1]], **style)
    return steps.drop(columns="low").rename(columns={"high": "size"})


def _alike(size: np.ndarray) -> str:
    """How many messages lie within 5% of one size: the window that holds most."""
    end = np.searchsorted(size, size * 1.05, "right")
    first = int((end - np.arange(len(size))).argmax())
    held, low, high = int(end[first]) - first, size[first], size[end[first] - 1]
    who = f"All {held:,}" if held == len(size) else f"{held / len(size):.0%} of {len(size):,}"
    width = f"within {100 * (high / low - 1):.2g}% of one size"
    return f"{who} messages {width}: {look.octets(low)} to {look.octets(high)}"


def _dots(ax: Axes, size: np.ndarray) -> float:
    """Each message as a dot below the curve; the depth they take."""
    values, n = np.unique(size, return_counts=True)
    level = np.concatenate([np.arange(k) for k in n])
    step = min(0.08, 0.5 / n.max())
    ax.plot(np.repeat(values, n), -0.1 - step * level, "o", color=look.INK, markersize=3.5, clip_on=False)
    return float(0.2 + step * n.max())


def _bars(ax: Axes, size: np.ndarray, ends: tuple[float, float], wide: bool) -> float:
    """Counts below the curve, the largest named; the depth they take."""
    edges = np.geomspace(*ends, 100) if wide else np.linspace(*ends, 100)
    n, _ = np.histogram(size, edges)
    ax.stairs(-0.08 - 0.4 * n / n.max(), edges, baseline=-0.08, fill=True, color=look.GREY)
    top = edges[int(n.argmax()) : int(n.argmax()) + 2].mean()
    look.note(ax, f"{n.max():,} messages", (top, -0.48), (0, -2), va="top", fontsize=7)
    return 0.62


@look.styled
def sizes_in_time(
    messages: pd.DataFrame, *, sources: pd.DataFrame | None = None, most: int = 5, ax: Axes | None = None
) -> Axes:
    """Message size against time, the commonest recipients in colour, the others grey.

    Parameters
    ----------
    messages : DataFrame
        Of `sizes.messages`: ``time``, ``size`` in octets, ``forward_path``.
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    most : int
        Recipients in colour, at most five.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Dots that would fall on the same pixel are drawn once.
    """
    timed = messages.dropna(subset=["time", "size"])
    timed = timed[timed["size"] > 0]
    if len(timed) < 2:
        held = "one message only" if len(timed) else "no message"
        return look.nothing(f"This log holds {held} with both a size and a time: nothing to compare.", ax)
    size, first, last = timed["size"].to_numpy(dtype=float), timed["time"].min(), timed["time"].max()
    names = look.commonest(timed["forward_path"], min(most, len(COLORS)))
    path = timed["forward_path"].astype("str")
    group = path.map({name: i for i, name in enumerate(names)}).fillna(len(names)).to_numpy(dtype=int)
    at, wide = look.days(timed["time"]), size.max() > 30 * size.min()
    ax = look.axes(ax, 3.0)
    # One dot a pixel and group: 600 × 250 of them at the figure's size.
    tall = np.log(size) if wide else size
    cell = np.c_[group, np.round(600 * _unit(at)), np.round(250 * _unit(tall))].astype(int)
    keep = np.sort(np.unique(cell, axis=0, return_index=True)[1])
    for i, name in [*enumerate(names), (len(names), "others")]:
        if n := int((group == i).sum()):
            mine, color = keep[group[keep] == i], (*COLORS[: len(names)], look.PALE)[i]
            style: look.Style = {
                "color": color,
                "markersize": 4 if len(keep) < 500 else 2,
                "rasterized": len(keep) > 2000,
            }
            label = f"{look.safe(name, 26)} ({n:,})"
            ax.plot(at[mine], size[mine], "o", label=label, zorder=3 - (i == len(names)), **style)
    legend: look.Style = {"handletextpad": 0.1, "borderaxespad": 0.2, "title_fontsize": 7.5, "alignment": "left"}
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), title="recipient (messages)", **legend)
    if wide:
        look.log_axis(ax, "y", "B", size.min(), size.max())
    else:
        look.octet_axis(ax, "y")
        ax.set_ylim(0, size.max() * 1.15)
    ax.set_ylabel("message size")
    look.clock_axis(ax, first, last, sources)
    known = timed["forward_path"].dropna()
    title = f"{look.count(len(timed), 'message')} to {look.count(known.nunique(), 'recipient')}, {_range(size)}"
    if len(names) < known.nunique() < len(known):
        title += f"; the {len(names)} commonest get {(group < len(names)).mean():.0%}"
    detail = f"From the first to the last in {look.lasting(first, last)}"
    look.finding(ax, title, f"{detail}; a message to several counts for its first recipient", timed.iloc[keep])
    return ax


def _unit(values: np.ndarray) -> np.ndarray:
    """Scaled to 0…1."""
    return np.asarray((values - values.min()) / (np.ptp(values) or 1))
