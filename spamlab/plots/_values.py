"""Values as marks: intervals and dots with their distributions, dots in time and by group (notebooks 02 to 04)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from spamlab import stats
from spamlab.plots import _look as look
from spamlab.sizes import alike
from spamlab.summary import commonest
from spamlab.words import count, lasting, octets, seconds

BOUNDS = ["latency_low", "latency_high", "latency"]
STEP = 1.6  # from one row of latencies to the next, in heights of a distribution
FEW = 60  # up to so many latencies in a row each is drawn
TURNS = 30  # of a loop, from the first
SAYS = {"verb": "Commands are answered in", "side": "Commands are answered in", "pair": "MAIL follows MAIL after"}
# Shapes that stay apart when they fall on one second: small and filled inside large and open.
MARKS = list(zip("|osD^", (9, 4, 7.5, 8.5, 6), (look.GREY, *look.GROUPS), strict=False))


def ecdf(ax: Axes, low: pd.Series, high: pd.Series, ends: tuple[float, float], base: float = 0) -> pd.DataFrame:
    """Draw the distribution of values known to lie from `low` to `high`; from five on with its 95% band."""
    steps = look.thin(stats.turnbull(low, high))
    left, right = (steps[side].clip(*ends).to_numpy() for side in ("low", "high"))
    if len(low) >= 5:
        # The lower bound climbs where an innermost interval ends, the upper one where the next begins.
        x = np.unique(np.r_[ends, left, right])
        lower = np.r_[0, steps["band_low"]][np.searchsorted(right, x, "right")]
        upper = steps["band_high"].to_numpy()[np.searchsorted(left, x, "right").clip(1) - 1]
        ax.fill_between(x, base + lower, base + upper, step="post", color=look.BLUE, alpha=0.15)
    y = np.r_[0, 0, np.repeat(steps["cumulative"], 2)]
    ax.plot(np.r_[ends[0], np.c_[left, right].ravel(), ends[1]], base + y, color=look.BLUE)
    return steps


@look.figure
def latency(
    replies: pd.DataFrame, summary: pd.DataFrame | None = None, *, by: str = "verb", ax: Axes | None = None
) -> Axes:
    """Latencies by group: each as the interval its stamps allow, and Turnbull's distribution with its band.

    Parameters
    ----------
    replies : DataFrame
        Of `timing.replies`: ``latency``, ``latency_low``, ``latency_high`` in seconds.
    summary : DataFrame, optional
        Of `timing.summary`: its means and medians with their bounds are said beside each group.
    by : str
        The column whose values are the groups: ``verb``, ``side`` or ``pair``.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a group, the eight commonest in the order in which they first occur, its band holding the true
        distribution with 95% probability. Above 60 latencies in a group only the distribution is drawn; over a
        long range the axis is logarithmic.
    """
    told = replies.dropna(subset=["latency"]).astype({by: "str"})
    look.need(len(told), "This log holds no command with a timed reply: there is no latency to show.")
    common = told[told[by].isin(commonest(told[by], 8).index)]
    groups: dict[Any, pd.DataFrame] = dict(list(common.groupby(by, sort=False)))
    resolution, far = float((told["latency_high"] - told["latency"]).median()), float(told["latency_high"].max())
    ax = look.axes(ax, 1.0 + 0.68 * len(groups))
    look.scale(ax, "x", seconds, max(resolution / 3, 0.001), far)
    ends = ax.get_xlim()
    drawn, bases = [], -STEP * np.arange(len(groups))
    for base, (name, group) in zip(bases, groups.items(), strict=True):
        drawn.append(ecdf(ax, group["latency_low"], group["latency_high"], ends, base).assign(**{by: name}))
        if len(group) <= FEW:
            ranked = group[BOUNDS].sort_values(BOUNDS[:2], kind="stable").clip(lower=ends[0])
            rank = base + (np.arange(len(ranked)) + 0.5) / len(ranked)
            ax.hlines(rank, ranked["latency_low"], ranked["latency_high"], color=look.GREY, linewidth=0.7)
            ax.plot(ranked["latency"], rank, "o", color=look.INK, markersize=2.6)
        aside = f"n = {len(group):,}" if summary is None else _aside(summary.loc[name])
        frame = ("axes fraction", "data")
        look.note(ax, look.safe(name, 45), (0, base + 1.08), (2, 1), frame=frame, fontsize=8, weight="bold")
        look.note(ax, aside, (1, base + 1.08), (-1, 1), frame=frame, color=look.SOFT)
    ax.set_yticks(np.r_[bases, bases + 0.5, bases + 1], np.repeat(["0", "50%", "100%"], len(groups)).tolist())
    ax.grid(axis="y")
    ax.set(ylim=(bases[-1] - 0.15, 1.45), ylabel="share within that time")
    ax.set_xlabel("time taken" + (f" (stamps resolve {seconds(resolution)})" if resolution else ""))
    few = len(told) <= FEW * len(groups)
    detail = f"n = {len(told):,}; {'line: where a latency can lie, dot: as logged; ' if few else ''}"
    detail += "curve: censored distribution; band: 95% (n ≥ 5)"
    detail += "; in brackets: bounds of the mean, exact interval of the median" if summary is not None else ""
    return look.finding(ax, _verdict(by, told["latency"], groups), detail, told if few else pd.concat(drawn))


def _verdict(by: str, took: pd.Series, groups: dict[Any, pd.DataFrame]) -> str:
    """The mean over all, and which group takes longest."""
    said = f"{SAYS[by]} {lasting(took.mean())} on average"
    means = pd.Series({name: group["latency"].mean() for name, group in groups.items() if len(group) >= 5})
    if len(means) > 1:
        among = "" if sum(map(len, groups.values())) == len(took) else f" of the {len(groups)} commonest"
        said += f"; slowest{among}: {look.safe(' and '.join(means.index[means == means.max()]), 45)}"
        said += f", {seconds(means.max())}"
    return said


def _aside(known: Any) -> str:
    """The numbers of a group, as far as n allows."""
    said = f"n = {known['answered']:,}" + (f" of {known['n']:,}" if known["n"] > known["answered"] else "")
    for what in ("mean", "median"):
        if pd.notna(known[f"{what}_low"]):
            said += f", {what} {seconds(known[what])} [{known[f'{what}_low']:.3g}, {known[f'{what}_high']:.3g}]"
    return said


def latency_by_peer(replies: pd.DataFrame, sessions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """`latency` with a row for each side that answers: the peers of outbound sessions, and this server.

    Parameters
    ----------
    replies : DataFrame
        Of `timing.replies`.
    sessions : DataFrame
        The Log's sessions, for the peers: their name, or their address where the log has no name.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a side.
    """
    side = look.peers(sessions).mask(sessions["role"].eq("server"), "this server").set_axis(sessions["session"])
    return latency(replies.assign(side=replies["session"].map(side)), by="side", ax=ax)


@look.figure
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
    look.need(periods["period"].notna().any(), "No session holds two timed MAIL commands: there is no period to show.")
    named = periods.rename(columns=lambda name: name.replace("period", "latency"))
    return latency(named.assign(pair="MAIL to MAIL"), by="pair", ax=ax)


@look.figure
def sizes(messages: pd.DataFrame, summary: pd.DataFrame | None = None, *, ax: Axes | None = None) -> Axes:
    """Message sizes: the ECDF with its 95% band, below it the messages as stacks of dots.

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
        A dot is a message; in a long log it stands for several of nearly one size. A range over 1:30 gets a
        logarithmic axis.
    """
    drawn = messages[messages["size"].gt(0).fillna(False)]
    size = drawn["size"].astype(float).sort_values()
    look.need(len(size) > 1, "This log states fewer than two message sizes: there is no distribution to draw.")
    ax = look.axes(ax, 3.0)
    low, high = float(size.min()), float(size.max())
    look.scale(ax, "x", octets, low, high)
    wide, pad = ax.get_xscale() == "log", 0.15 * max(high - low, 0.01 * high)
    ends = ax.get_xlim() if wide else (low - pad, high + pad)
    ecdf(ax, size, size, ends)
    # Dots as Wilkinson's (The American Statistician 53, 1999): at most 100 stacks of at most 10.
    edges = np.geomspace(*ends, 101) if wide else np.linspace(*ends, 101)
    height = size.groupby(np.searchsorted(edges, size)).cumcount()
    each = height.max() // 10 + 1
    shown = height % each == 0
    level = -0.1 - 0.06 * (height[shown] // each)
    ax.plot(size[shown], level, "o", color=look.INK, markersize=3.5, clip_on=False)
    ax.set(xlim=ends, ylim=(level.min() - 0.1, 1.05), xlabel="message size", ylabel="share of messages")
    ax.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    detail = f"n = {len(size):,} (up to {each:,} a dot), {count(size.nunique(), 'different size')}"
    detail += f", median {octets(size.median())}"
    every: Any = summary.loc["all"] if summary is not None else {"coverage": None}
    if pd.notna(every["coverage"]):
        bounds = f"{octets(every['median_low'])} to {octets(every['median_high'])}"
        detail += f" (exact {every['coverage']:.1%} interval {bounds})"
    return look.finding(
        ax,
        alike(size),
        f"{detail}; curve: ECDF; band: 95% (n ≥ 5)",
        drawn if len(drawn) <= look.MANY else look.counted(drawn[["size"]]),
    )


def grouped(ax: Axes, x: Any, y: Any, group: pd.Series, most: int, markersize: float = 4) -> pd.DataFrame | None:
    """Dots, those of the commonest groups in colour and named in the legend, the others grey.

    Of many, those that fall on one place are drawn as one; back come the places, with the number ``n`` at each.
    """
    names = list(commonest(group, most).index)
    if len(group) > look.MANY:
        named = group.where(group.isin(names), "others").astype("category")
        places = look.counted(pd.DataFrame({"x": look.cell(x), "y": look.cell(y), "group": named.array}))
        for name, color in [*zip(names, look.GROUPS, strict=False), ("others", look.PALE)]:
            own = places[places["group"] == name]
            if len(own):
                (dots,) = ax.plot(own["x"], own["y"], "o", color=color, markersize=markersize, alpha=0.7)
                dots.set(rasterized=True, zorder=2 - (color == look.PALE))
                dots.set_label(f"{look.safe(name, 28)} ({own['n'].sum():,})")
        return places
    for name, color in [*zip(names, look.GROUPS, strict=False), ("others", look.PALE)]:
        own = (~group.isin(names) if color == look.PALE else group.eq(name)).to_numpy(dtype=bool)
        if own.any():
            (dots,) = ax.plot(x[own], y[own], "o", color=color, markersize=markersize, alpha=0.7)
            dots.set(rasterized=len(group) > look.PRECISE, zorder=2 - (color == look.PALE))
            dots.set_label(f"{look.safe(name, 28)} ({own.sum():,})")
    return None


@look.figure
def sizes_in_time(messages: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Message size against time, the five commonest recipients in colour, the others grey; of very many how dense.

    Parameters
    ----------
    messages : DataFrame
        Of `sizes.messages`: ``time``, ``size`` in octets, ``forward_path``.
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A dot a message; of more than 100,000 how many there are at each place. In vector formats many are an image.
    """
    timed = messages[messages["size"].gt(0).fillna(False) & messages["time"].notna()]
    look.need(len(timed) > 1, "This log holds fewer than two messages with a size and a time: nothing to compare.")
    path, size, time = timed["forward_path"].astype("str"), timed["size"].astype(float), timed["time"]
    ax = look.axes(ax, 3.0)
    if len(timed) > look.MANY:
        drawn, shown = _density(ax, look.days(time), size.to_numpy()), "the darker, the more (white: none)"
    else:
        grouped(ax, look.days(time), size.to_numpy(), path, 5, 4 if len(timed) < 500 else 2)
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), title="recipient (messages)", alignment="left")
        drawn, shown = timed, "a message to several counts for its first recipient"
    look.scale(ax, "y", octets, size.min(), size.max())
    ax.set_ylabel("message size")
    look.clock_axis(ax, time.min(), time.max(), sources)
    to = count(timed["forward_path"].nunique(), "recipient")
    title = f"{len(timed):,} messages to {to}, {octets(size.min())} to {octets(size.max())}"
    detail = f"From the first to the last in {lasting((time.max() - time.min()).total_seconds())}"
    return look.finding(ax, title, f"{detail}; {shown}", drawn)


def _density(ax: Axes, days: Any, size: Any) -> pd.DataFrame:
    """Draw how many values there are at each place; what is drawn: the fields that are not empty."""
    x, y = np.linspace(days.min(), days.max(), 121), np.geomspace(size.min(), size.max() * 1.0001, 49)
    counts = np.histogram2d(days, size, (x, y))[0]
    field = np.ma.masked_equal(counts.T, 0)
    mesh = ax.pcolormesh(x, y, field, cmap="cividis_r", norm=LogNorm(1, max(counts.max(), 2)), rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label="messages", pad=0.02, format=lambda n, _: f"{n:,.0f}")
    at, height = np.nonzero(counts)
    moments = pd.to_datetime(86_400e6 * x[at], unit="us", utc=True)
    return pd.DataFrame({"from": moments, "size_from": y[height], "n": counts[at, height].astype(np.int64)})


@look.figure
def loop(turns: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The longest loop, one row a turn, aligned at its first command; a mark for each command.

    Parameters
    ----------
    turns : DataFrame
        Of `loops.turns`: ``session``, ``loop``, ``turn``, ``symbol``, ``time``, ``offset`` (s), ``whole``.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        The bar behind a turn reaches to the next turn's first command.
    """
    look.need(len(turns), "No command sequence repeats in this log: there is no loop to draw.")
    loop = turns.groupby(["session", "loop"], dropna=False).ngroup()
    times = turns["turn"].where(turns["whole"]).groupby(loop).nunique()
    one = turns[loop == times.idxmax()].astype({"symbol": "str"})
    begun = one.groupby("turn")["time"].first()
    shown = one[one["turn"].isin(begun.index[:TURNS])]
    length = begun.diff().shift(-1).dt.total_seconds().head(TURNS)
    ax = look.axes(ax, 1.35 + 0.2 * len(length))
    ax.hlines(length.index, 0, length, color="#ececec", linewidth=9)
    for i, (symbol, own) in enumerate(shown.groupby("symbol", sort=False)):
        shape, size, color = MARKS[min(i, len(MARKS) - 1)]
        (marks,) = ax.plot(own["offset"], own["turn"], shape, color=color, label=look.safe(symbol, 24), clip_on=False)
        marks.set(markersize=size, markeredgewidth=1.3, markerfacecolor=color if shape in "|o" else "none")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    ax.set(xlim=(-0.02 * ax.get_xlim()[1], None), ylim=(len(length) + 0.6, 0.4), ylabel="turn")
    ax.set_yticks(length.index)
    ax.set_xlabel(f"seconds since the turn's {look.safe(one['symbol'].iloc[0], 24)}")
    unit = look.safe("–".join(one.loc[one["turn"] == one["turn"].iloc[0], "symbol"]))
    title = f"{unit} goes round {count(times.max(), 'time')}"
    title += f", one turn every {seconds(begun.diff().dt.total_seconds().mean())}"
    detail = "The longest loop; grey: until the next turn begins"
    detail += f"; the first {TURNS} of {len(begun):,} turns" if len(begun) > TURNS else ""
    detail += "" if shown["whole"].iloc[-1] else "; the last turn breaks off differently"
    return look.finding(ax, title, detail, shown)


@look.figure
def loops(loops: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """All loops: turns against the seconds they take, both on log axes, the four commonest units in colour.

    Parameters
    ----------
    loops : DataFrame
        Of `loops.find`: ``unit``, ``turns``, ``seconds``, ``octets``.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A dot a loop. Fewer than three loops: a sentence.
    """
    look.need(len(loops), "No command sequence repeats in this log: there are no loops to compare.")
    total = f"{count(len(loops), 'loop goes', 'loops go')} round {count(int(loops['turns'].sum()), 'time')} in all"
    total += f": {seconds(loops['seconds'].sum())}"
    if pd.notna(size := loops["octets"].sum(min_count=1)):  # some logs hold no lines
        total += f" and {octets(float(size))}"
    look.need(len(loops) > 2, f"{total}. With fewer than three loops there is nothing to compare.")
    turns, took = loops["turns"].to_numpy(), loops["seconds"].clip(lower=0.5).to_numpy()
    ax = look.axes(ax, 3.6)
    places = grouped(ax, turns, took, loops["unit"].astype("str"), 4)
    look.scale(ax, "x", "{:,.0f}".format, turns.min(), turns.max(), log=True)
    look.scale(ax, "y", seconds, took.min(), took.max(), log=True)
    ax.set(xlabel="turns of the loop", ylabel="time it takes (below 1 s: ½ s)")
    end, top = ax.get_xlim()[1], ax.get_ylim()[1]
    for rate in (rate for rate in (0.1, 1, 10, 100) if rate * end < top):  # diagonals of equal speed
        ax.axline((1, rate), (10, 10 * rate), color=look.PALE, linewidth=0.7, zorder=0)
        look.note(ax, f"{rate:g} s a turn", (end, rate * end), (2, 0), fontsize=7, color=look.SOFT)
    ax.legend(loc="lower right")
    detail = f"n = {len(loops):,}; diagonals: equal speed"
    if places is None:
        return look.finding(ax, total, detail, loops)
    drawn = places.rename(columns={"x": "turns", "y": "seconds", "group": "unit"})
    return look.finding(ax, total, f"{detail}; {len(drawn):,} dots: those of one place are one", drawn)
