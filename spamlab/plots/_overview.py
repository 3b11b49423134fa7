"""Notebook 01: the sessions in time, the reply codes in time, lengths beside a claim."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spamlab.plots import _look as look

KEPT = ["session", "role", "peer_ip", "peer_host", "start", "end", "commands", "replies", "ended"]


@look.styled
def sessions(sessions: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """The sessions as bars on a time axis; more than 30 of them as sessions begun in each interval.

    Parameters
    ----------
    sessions : DataFrame
        The Log's sessions.
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One bar a session, or one outline of counts.
    """
    timed = sessions.dropna(subset=["start"]).sort_values("start", kind="stable")
    if timed.empty:
        return look.nothing("This log states no times (or holds no session): there is no time axis to draw.", ax)
    first, last = timed["start"].min(), timed["end"].max()
    span = look.lasting(first, last)
    if len(timed) > 30:
        return _rate(timed, sources, ax)
    length = (timed["end"] - timed["start"]).dt.total_seconds().to_numpy()
    ax = look.axes(ax, 1.1 + 0.3 * len(timed))
    row, begin, end = np.arange(len(timed)), look.days(timed["start"]), look.days(timed["end"])
    ax.hlines(row, begin, end, color=look.BLUE, linewidth=5)
    ax.plot(begin[length == 0], row[length == 0], "D", color=look.BLUE)
    for y, b, e, one in zip(row, begin, end, timed.to_dict("records"), strict=True):
        peer = next((look.safe(v, 40) for v in (one["peer_host"], one["peer_ip"]) if pd.notna(v)), "unnamed")
        took = look.lasting(one["start"], one["end"])
        said = f"{'to' if one['role'] == 'client' else 'from'} {peer}, {took}, {one['commands']:,} commands"
        early = b - begin.min() < end.max() - e
        look.note(ax, said, (b if early else e, y), (-3 if early else 3, 4), ha="left" if early else "right")
    pad = max((end.max() - begin.min()) * 0.02, 2 / 86400)
    ax.set(ylim=(len(timed) - 0.5, -0.8), xlim=(begin.min() - pad, end.max() + pad), ylabel="session")
    ax.set_yticks(row, [str(number) for number in timed["session"]])
    look.clock_axis(ax, first, last, sources)
    longest = timed.iloc[int(length.argmax())]
    title, detail = f"One session of {span}", "From the first to the last logged event"
    if len(timed) > 1:
        took = look.lasting(longest["start"], longest["end"])
        title = f"{len(timed)} sessions in {span}: the longest takes {took}"
        detail += f" of each; session {longest['session']} is the longest"
    look.finding(ax, title, detail, timed[KEPT])
    return ax


def _rate(timed: pd.DataFrame, sources: pd.DataFrame | None, ax: Axes | None) -> Axes:
    """Sessions begun in each interval, the fullest one named."""
    first, last = timed["start"].min(), timed["end"].max()
    edges, width = look.bins(first, last)
    n, marks = look.tally(timed["start"], edges), look.days(edges)
    peak = int(n.argmax())
    ax = look.axes(ax, 2.4)
    ax.stairs(n, marks, fill=True, color=look.PALE)
    ax.stairs(n[peak : peak + 1], marks[peak : peak + 2], fill=True, color=look.ACCENT)
    at = (float(marks[peak : peak + 2].mean()), n[peak])
    look.note(ax, f"{n[peak]:,}", at, (0, 2), color=look.ACCENT, weight="bold")
    ax.set(ylim=(0, n.max() * 1.12), ylabel=f"sessions begun per {width}")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    look.clock_axis(ax, first, last, sources)
    begun = edges[peak].tz_convert(look.zone(sources)[0])
    when = f"{begun:%H:%M}" if first.date() == last.date() else f"{begun:%H:%M on %Y-%m-%d}"
    title = f"{len(timed):,} sessions in {look.lasting(first, last)}; most at {when}, {n[peak]:,} per {width}"
    detail = f"Median over the whole span: {np.median(n):,.0f} per {width}"
    look.finding(ax, title, detail, pd.DataFrame({"begin": edges[:-1], "sessions": n}))
    return ax


@look.styled
def codes(events: pd.DataFrame, *, sources: pd.DataFrame | None = None, most: int = 12, ax: Axes | None = None) -> Axes:
    """Reply codes in time: one row a code, its counts per interval as bars, each row to its own height.

    Parameters
    ----------
    events : DataFrame
        The Log's events; echoes are left out, a line that stands for N replies counts N.
    sources : DataFrame, optional
        The Log's sources, for the time zone and the resolution of the stamps.
    most : int
        Codes to show, commonest first chosen, lowest first drawn.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One outline a code, its total at the right.
    """
    told = events.loc[~events["echo"] & events["kind"].ne("note"), ["time", "code", "repeats"]].dropna(subset=["code"])
    timed = told.dropna(subset=["time"])
    if timed.empty:
        return look.nothing("This log holds no reply code with a time: there is nothing to lay out in time.", ax)
    totals = told.groupby("code")["repeats"].sum().sort_values(ascending=False, kind="stable")
    shown = totals.head(most).sort_index()
    first, last = timed["time"].min(), timed["time"].max()
    edges, width = look.bins(first, last)
    ax = look.axes(ax, 1.0 + 0.3 * len(shown))
    marks, counts = look.days(edges), []
    words = {group: word for group, (_, word) in look.CLASSES.items()}
    for row, code in enumerate(shown.index):
        one = timed[timed["code"] == code]
        n = look.tally(one["time"], edges, one["repeats"])
        counts.append(pd.DataFrame({"code": code, "begin": edges[:-1], "replies": n}))
        color = look.CLASSES.get(int(code) // 100, (look.GREY, ""))[0]
        ax.stairs(row - 0.8 * n / max(n.max(), 1), marks, baseline=row, fill=True, color=color)
        ax.axhline(row, color=look.PALE, linewidth=0.6, zorder=0)
        said = f"{shown[code]:,}, up to {n.max():,.0f} per {width}"
        look.note(ax, said, (1, row), (4, 1), frame=("axes fraction", "data"))
    ax.set_ylim(len(shown) - 0.9, -1)
    ax.set_yticks(range(len(shown)), [f"{code} {words.get(int(code) // 100, '')}" for code in shown.index])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    look.clock_axis(ax, edges[0], last, sources)
    bad = totals[totals.index >= 400]
    title = f"{bad.sum():,} of {look.count(int(totals.sum()), 'reply', 'replies')} refuse or defer"
    title += f": {bad.index[0]} most often" if len(bad) else ""
    detail = f"Replies per {width} by code, each counted once; every row to its own height"
    look.finding(ax, title, detail, pd.concat(counts))
    return ax


@look.styled
def spans(
    events: pd.DataFrame,
    sessions: pd.DataFrame,
    *,
    claimed: float,
    whose: str = "the claim",
    ax: Axes | None = None,
) -> Axes:
    """How long the log and its complete sessions last, beside a length that someone claims.

    Parameters
    ----------
    events, sessions : DataFrame
        Tables of a Log.
    claimed : float
        The length to compare with, in seconds.
    whose : str
        Where the claim stands.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A session is complete if it is logged from its connect line to its QUIT. Its length is that between two
        stamps; one that comes within a second of the claim agrees with it.
    """
    if events["time"].isna().all():
        return look.nothing("This log states no times: nothing in it has a length to compare.", ax)
    begun = events.loc[events["kind"].eq("connect"), "session"].dropna()
    whole = sessions[sessions["session"].isin(begun) & sessions["ended"].eq("quit")]
    took = (whole["end"] - whole["start"]).dt.total_seconds().dropna().to_numpy()
    span = float((events["time"].max() - events["time"].min()).total_seconds())
    ax = look.axes(ax, 1.75)
    ax.plot([span], [0], "D", color=look.BLUE, markersize=6)
    lasted, n = np.unique(took, return_counts=True)
    some = np.unique(np.linspace(0, max(len(lasted) - 1, 0), min(len(lasted), 1000)).astype(int))
    ax.scatter(lasted[some], np.full(len(some), 1), 24 * n[some] ** 0.25, color=look.BLUE, alpha=0.6)
    ax.axvline(claimed, color=look.ACCENT, linewidth=1.2, linestyle="--")
    look.note(ax, f"{whose}: {look.seconds(claimed)}", (claimed, -0.7), (3, 0), color=look.ACCENT, weight="bold")
    look.note(ax, look.length(span), (span, 0), (0, 5))
    if 0 < len(took) < 6:
        for one in lasted.tolist():
            look.note(ax, look.length(one), (one, 1), (0, 5))
    far, least = max(span, claimed, *took), max(0.5, min(claimed, span, *took) / 2)
    if far > 30 * claimed:
        look.log_axis(ax, "x", "s", least, far)
    ax.set_xlim((least, far * 1.5) if far > 30 * claimed else (0, far * 1.1))
    ax.set_yticks([0, 1], ["all of the log", f"complete sessions ({len(took):,})"])
    ax.set(ylim=(1.5, -1.1), xlabel="length" if far > 30 * claimed else "length, s")
    ax.tick_params(axis="y", length=0)
    title = _compare(span, took, f"the {look.seconds(claimed)} of {whose}", claimed)
    detail = "Complete: logged from its connect line to its QUIT; agreeing: within a second"
    what = ["log", *["complete session"] * len(some)]
    drawn = {"what": what, "seconds": [span, *lasted[some]], "n": [1, *n[some]]}
    look.finding(ax, title, detail, pd.DataFrame(drawn), 0.95)
    return ax


def _compare(span: float, took: np.ndarray, claim: str, claimed: float) -> str:
    if hits := int((np.abs(np.r_[span, took] - claimed) <= 1).sum()):
        return f"{hits:,} of {len(took) + 1:,} lengths agree with {claim}"
    if not len(took):
        return f"The log lasts {look.length(span)}, not {claim}"
    longest = look.length(took.max())
    nor = f"any of its {len(took):,} complete sessions (up to {longest})"
    nor = nor if len(took) > 1 else f"its complete session ({longest})"
    return f"Neither the log ({look.length(span)}) nor {nor} lasts {claim}"
