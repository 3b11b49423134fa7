"""Notebook 05: what the NDR attempts cost by part of the dialogue, and what refusing them early spared."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab.plots import _look as look

NONE = "This log holds no attempt to deliver a non-delivery report (NDR): there is no cost to show."
FEW = 30  # up to so many attempts each has a bar


@look.styled
def octets(parts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """SMTP octets of all NDR attempts by part of the dialogue, out and in mirrored about zero.

    Parameters
    ----------
    parts : DataFrame
        Of `backscatter.parts`: index ``transaction`` and ``part``, columns ``out`` and ``in`` in octets.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a part that occurs, in the order of the dialogue; the costliest in colour.
    """
    if parts.empty or not parts.to_numpy().any():
        return look.nothing(NONE, ax)
    tries = parts.index.get_level_values("transaction").nunique()
    sums = parts.groupby(level="part", sort=False, observed=True)[["out", "in"]].sum()
    sums = sums[sums.sum(axis=1) > 0]
    total, reach = float(sums.to_numpy().sum()), float(sums.to_numpy().max())
    share = (sums.sum(axis=1) / total).to_numpy()
    top = int(share.argmax())
    ax = look.axes(ax, 1.3 + 0.27 * len(sums))
    row = np.arange(len(sums))
    colors = np.where(row == top, look.ACCENT, look.GREY)
    for side, sign, says in (("out", -1, "← out, written: {}"), ("in", 1, "in, read: {} →")):
        n = sums[side].to_numpy()
        ax.barh(row, sign * n, 0.72, color=colors, alpha=1.0 if side == "in" else 0.75)
        for y in row:
            look.note(ax, look.octets(n[y]), (sign * n[y], y), (3 * sign, 0))
        edge = "right" if sign > 0 else "left"
        look.note(ax, says.format(look.octets(n.sum())), (sign * 1.2 * reach, -0.85), ha=edge, weight="bold")
    ax.axvline(0, color=look.INK, linewidth=0.8)
    ax.set(xlim=(-1.25 * reach, 1.25 * reach), ylim=(len(sums) - 0.5, -1.2))
    percent = [f"{s:.0%}" if s > 0.005 else "<1%" for s in share]
    ax.set_yticks(row, [f"{part}  {p}" for part, p in zip(sums.index, percent, strict=True)])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    look.octet_axis(ax, both_sides=True)
    ax.set_xlabel("SMTP octets (lines with CRLF), by the logging server")
    title = f"{look.count(tries, 'NDR attempt')} cost {look.octets(total)}; {sums.index[top]} takes {percent[top]}"
    each = f"{look.octets(total / tries)} each on average; a session's attempts share its set-up and QUIT"
    look.finding(ax, title, each, sums.reset_index())
    return ax


@look.styled
def saved(saved: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What each NDR attempt cost, and the body that was not sent because the recipient was refused first.

    Parameters
    ----------
    saved : DataFrame
        Of `backscatter.saved`: ``spent`` and ``body`` in octets; ``body`` missing where none was spared.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One bar an attempt; above 30 of them the two distributions on a log axis.
    """
    if saved.empty:
        return look.nothing(NONE, ax)
    known = saved.dropna(subset=["body", "spent"])[["body", "spent"]].astype("float64")
    if known.empty:
        return look.nothing("No NDR was refused before its body with its size known: nothing was spared.", ax)
    known["whole"] = known["spent"] + known["body"]
    body, spent, whole = known["body"].sum(), known["spent"].sum(), known["whole"].sum()
    detail = f"n = {len(known):,} refused, {look.octets(spent)} spent on them"
    if rest := len(saved) - len(known):
        detail += f"; {rest:,} more were not refused before the body, or state no size"
    ax = look.axes(ax, 2.6 if len(known) > FEW else 1.15 + 0.22 * len(known))
    drawn = _curves(ax, known) if len(known) > FEW else _stacks(ax, known)
    ax.set_xlabel("SMTP octets of an attempt, both ways")
    title = f"Refusal before the body spared {look.octets(body)}, {body / whole:.0%} of the full cost"
    look.finding(ax, title, detail, drawn)
    return ax


def _stacks(ax: Axes, known: pd.DataFrame) -> pd.DataFrame:
    """One bar an attempt: spent, then hatched the body that was not sent."""
    row = np.arange(len(known))
    ax.barh(row, known["spent"], 0.66, color=look.ACCENT)
    style: look.Style = {"facecolor": "#f2f2f2", "edgecolor": look.GREY, "linewidth": 0.6, "hatch": "////"}
    ax.barh(row, known["body"], 0.66, known["spent"], **style)
    for y, n in zip(row, known["whole"], strict=True):
        look.note(ax, look.octets(n), (n, y), (3, 0), fontsize=7)
    look.note(ax, "spent", (0, -0.5), (1, 2), color=look.ACCENT, weight="bold")
    look.note(ax, "body not sent", (known["spent"].iloc[0], -0.5), (1, 2), color=look.GREY, weight="bold")
    ax.set_yticks(row, [str(n) for n in known.index])
    ax.set(ylim=(len(known) - 0.4, -1.1), xlim=(0, known["whole"].max() * 1.12), ylabel="transaction")
    look.octet_axis(ax)
    return known.reset_index()


def _curves(ax: Axes, known: pd.DataFrame) -> pd.DataFrame:
    """The distributions of what was spent and of what it would have been with the body."""
    share = np.linspace(0, 1, 301)
    drawn = known.quantile(share)
    for column, color, name in (("spent", look.ACCENT, "spent"), ("whole", look.GREY, "with the body")):
        ax.plot(drawn[column], share, color=color)
        half = drawn[column].iloc[150]
        back = {"facecolor": "white", "pad": 1, "alpha": 0.8}
        look.note(ax, f"{name}, median {look.octets(half)}", (half, 0.5), (6, 0), color=color, bbox=back)
    look.log_axis(ax, "x", "B", known["spent"].min(), known["whole"].max())
    ax.set(ylabel="share of attempts", ylim=(0, 1.02))
    ax.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    return drawn.rename_axis("share").reset_index()
