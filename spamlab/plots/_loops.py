"""Notebook 04: a loop turn by turn, and all loops by length and time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spamlab.plots import _look as look

# Shapes that stay apart when they fall on one second: small and filled inside large and open.
MARKS = (
    ("|", look.GREY, 9.0),
    ("o", look.ACCENT, 4.0),
    ("s", look.BLUE, 7.5),
    ("D", look.GREEN, 8.5),
    ("^", look.PURPLE, 6.0),
)
COLORS = (look.ACCENT, look.BLUE, look.GREEN, look.PURPLE)


@look.styled
def loop(turns: pd.DataFrame, *, most: int = 400, ax: Axes | None = None) -> Axes:
    """The longest loop, one row a turn, aligned at its first command; a mark for each command.

    Parameters
    ----------
    turns : DataFrame
        Of `loops.turns`: ``session``, ``loop``, ``turn``, ``symbol``, ``time``, ``offset`` (s), ``whole``.
    most : int
        Turns to draw, from the first.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        The bar behind a turn reaches to the next turn's first command.
    """
    if turns.empty:
        return look.nothing("No command sequence repeats in this log: there is no loop to draw.", ax)
    whole = turns[turns["whole"]].groupby(["session", "loop"], dropna=False)["turn"].nunique()
    place = int(whole.to_numpy().argmax())
    session, number = (whole.index.get_level_values(level)[place] for level in (0, 1))
    same = turns["session"].isna() if pd.isna(session) else turns["session"].eq(session).fillna(False)
    one = turns[same & turns["loop"].eq(number)].assign(symbol=turns["symbol"].astype("str"))
    unit = look.safe("–".join(one.loc[one["turn"] == one["turn"].iloc[0], "symbol"]), 60)
    begun = one.groupby("turn")["time"].first()
    shown = one[one["turn"].isin(begun.index[:most])]
    length = begun.diff().shift(-1).dt.total_seconds().head(most)
    rows, small = len(length), max(min(1.0, 30 / len(length)), 0.25)
    ax = look.axes(ax, 1.35 + min(0.24 * rows, 4.2))
    ax.hlines(length.index, 0, length, color="#ececec", linewidth=min(9.0, 280 / rows), zorder=1)
    for i, symbol in enumerate(one["symbol"].drop_duplicates()):
        mine = shown[shown["symbol"] == symbol]
        shape, color, size = MARKS[min(i, len(MARKS) - 1)]
        face = color if shape in "|o" else "none"
        line: look.Style = {
            "markerfacecolor": face,
            "markersize": size * small,
            "markeredgewidth": max(1.3 * small, 0.5),
        }
        many: look.Style = {"rasterized": len(shown) > 1500, "label": look.safe(symbol, 24), "clip_on": False}
        ax.plot(mine["offset"], mine["turn"], shape, color=color, zorder=3, **line, **many)
    legend: look.Style = {"markerscale": 1 / small, "handletextpad": 0.3, "borderaxespad": 0.2}
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), **legend)
    far = float(np.nanmax([1, *length, *shown["offset"]]))
    ax.set(xlim=(-0.02 * far, far * 1.03), ylim=(rows + 0.6, 0.4), ylabel="turn")
    ax.yaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel(f"seconds since the turn's {look.safe(one['symbol'].iloc[0], 24)}")
    title = f"{unit} goes round {look.count(int(whole.max()), 'time')}"
    if len(begun) > 1:
        spent = (begun.iloc[-1] - begun.iloc[0]).total_seconds()
        title += f", one turn every {look.seconds(spent / (len(begun) - 1))}"
    where = "The longest loop" if pd.isna(session) else f"Session {session}, the longest loop"
    detail = f"{where}; grey: until the next turn begins"
    detail += f"; the first {rows:,} of {len(begun):,} turns" if len(begun) > rows else ""
    detail += "" if one["whole"].iloc[-1] else "; the last turn breaks off differently"
    look.finding(ax, title, detail, shown)
    return ax


@look.styled
def loops(loops: pd.DataFrame, *, most: int = 4, ax: Axes | None = None) -> Axes:
    """All loops: turns against the seconds they take, both on log axes, the commonest units in colour.

    Parameters
    ----------
    loops : DataFrame
        Of `loops.find`: ``unit``, ``turns``, ``seconds``, ``octets``.
    most : int
        Units in colour, at most four.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Dots of equal place are drawn once, the larger the more. Fewer than three loops: a sentence.
    """
    if loops.empty:
        return look.nothing("No command sequence repeats in this log: there is no loop to compare.", ax)
    times = look.count(int(loops["turns"].sum()), "time")
    total = f"{look.count(len(loops), 'loop')} go{'es' if len(loops) == 1 else ''} round {times} in all"
    total += f": {look.seconds(loops['seconds'].sum())} and {look.octets(float(loops['octets'].sum()))}"
    if len(loops) < 3:
        return look.nothing(f"{total}. With fewer than three loops there is nothing to compare.", ax)
    names = look.commonest(loops["unit"], min(most, len(COLORS)))
    unit = loops["unit"].astype("str")
    placed = loops.assign(unit=unit.where(unit.isin(names), "others"), seconds=loops["seconds"].clip(lower=0.5))
    drawn = placed.groupby(["unit", "turns", "seconds"]).size().rename("n").reset_index()
    ax = look.axes(ax, 3.6)
    for name, color in [("others", look.PALE), *zip(names, COLORS, strict=False)]:
        spots = drawn[drawn["unit"] == name]
        if len(spots):
            label = f"{look.safe(name, 30)} ({spots['n'].sum():,})"
            style: look.Style = {"color": color, "alpha": 0.7, "rasterized": len(spots) > 2000}
            ax.scatter(spots["turns"], spots["seconds"], 12 * np.sqrt(spots["n"]), label=label, **style)
    for axis, column, says in (("x", "turns", ""), ("y", "seconds", "s")):
        look.log_axis(ax, axis, says, placed[column].min(), placed[column].max())
    ax.set(xlabel="turns of the loop", ylabel="time it takes (below 1 s: ½ s)")
    _speeds(ax)
    ax.legend(loc="lower right", handletextpad=0.1)
    longest = loops.iloc[int(loops["turns"].to_numpy().argmax())]
    took = f"{longest['turns']:,} times in {look.seconds(longest['seconds'])}"
    look.finding(ax, total, f"n = {len(loops):,}; the longest goes round {took}", drawn)
    return ax


def _speeds(ax: Axes) -> None:
    """Diagonals of equal speed, named where they leave the picture."""
    x, y = ax.get_xlim(), ax.get_ylim()
    for rate in (0.1, 1, 10, 100):
        ax.plot(x, rate * np.array(x), color=look.PALE, linewidth=0.7, zorder=0)
        end = (min(x[1], y[1] / rate), min(y[1], rate * x[1]))
        if end[0] > x[0] and end[1] > y[0]:
            right = end[0] == x[1]
            place: look.Style = {"shift": (2, 0)} if right else {"shift": (-9, -1), "va": "top"}
            look.note(ax, f"{rate:g} s a turn", end, fontsize=7, color=look.GREY, **place)
    ax.set(xlim=x, ylim=y)
