"""What mail takes on the wire: the layers, the model beside captures, what else it could have cost (notebook 05)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab import words
from spamlab.plots import _look as look
from spamlab.plots._rows import NO_NDR, rows

LAYERS = {"SMTP": "SMTP lines", "TCP": "+ TCP headers and ACKs", "IP": "+ IP headers"}
SHADES = (look.ACCENT, look.BLUE, look.GREY)


@look.figure
def layers(layers: pd.DataFrame, bounds: pd.DataFrame | None = None, *, ax: Axes | None = None) -> Axes:
    """What the reports took on the wire, layer within layer, out and in mirrored about zero.

    Parameters
    ----------
    layers : DataFrame
        Of `backscatter.layers`: ``out``, ``in`` by ``layer`` and ``basis``.
    bounds : DataFrame, optional
        Of `backscatter.bounds`: how far the total depends on delayed ACKs is said.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A row a layer: what lies below it in its row's colour, what it adds in its own.
    """
    ways = ["out", "in"]
    spent = layers[layers.index.get_level_values("basis") != "avoided"].groupby("layer", sort=False)[ways].sum()
    adds = spent.reindex(list(LAYERS)).to_numpy(dtype="float64")
    whole, ends = adds.sum(), np.cumsum(adds, axis=0)
    reach = ends[-1].max() if whole > 0 else 0.0
    look.need(whole > 0, NO_NDR)
    ax = rows(ax, list(LAYERS.values()))
    for column, sign in enumerate((-1, 1)):
        for row in range(len(LAYERS)):
            for inner in range(row + 1):
                width, end = adds[inner, column], ends[inner, column]
                shade = 1.0 if inner == row else 0.3
                ax.barh(row, sign * width, 0.66, sign * (end - width), color=SHADES[inner], alpha=shade)
            look.note(ax, words.octets(ends[row, column]), (sign * ends[row, column], row), (4 * sign, 0))
    ax.axvline(0, color=look.INK, linewidth=0.8)
    for sign, says in ((-1, "← out, written"), (1, "in, read →")):
        look.note(ax, says, (sign * 1.2 * reach, -0.75), ha="right" if sign > 0 else "left", weight="bold")
    look.scale(ax, "x", words.octets, 0, reach)
    ax.set(xlim=(-1.25 * reach, 1.25 * reach), xlabel="octets, by the logging server")
    share = 1 - adds[0].sum() / whole
    title = f"The reports took {words.octets(whole)} on the wire; TCP and IP are {share:.0%} of it"
    logged = float(layers["octets"].xs(("SMTP", "logged")).sum())
    detail = f"SMTP lines: {words.octets(logged)} logged, {words.octets(adds[0].sum() - logged)} modelled"
    detail += "; TCP and IP: modelled"
    if bounds is not None:
        low, high = (words.octets(bounds[end]["delayed ACKs"]) for end in ("low", "high"))
        detail += f", {low} to {high} in all depending on delayed ACKs"
    avoided = layers.loc[layers.index.get_level_values("basis") == "avoided", "octets"].sum()
    detail += f"; refusal before the text avoided {words.octets(avoided)} more" if avoided > 0 else ""
    return look.finding(ax, title, detail, layers.reset_index())


@look.figure
def captures(compared: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How far the wire model is off on each captured connection, by case.

    Parameters
    ----------
    compared : DataFrame
        Of `captures.compare`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A dot a connection, those the model was made on grey; the band is the 1% aimed at.
    """
    look.need(
        len(compared), "The captures that test the wire model come with a checkout of spamlab: there are none here."
    )
    order = compared.groupby("case", sort=False).size().index
    held = compared[compared["held_out"]]
    equal, acks = (held["verdict"].eq(verdict) for verdict in ("equal", "delayed ACKs"))
    counts = {case: held["case"].eq(case) for case in order}
    asides = [f"{int((equal & own).sum()):,} of {int(own.sum()):,}" for own in counts.values()]
    ax = rows(ax, order, asides)
    place = compared["case"].map({case: row for row, case in enumerate(order)}).to_numpy(dtype="float64")
    # Equal errors side by side: a dot's height in its row is its rank, not chance.
    rank = compared.groupby("case").cumcount() / compared.groupby("case")["case"].transform("size").clip(lower=2)
    height = place + 0.56 * (rank.to_numpy() - 0.5)
    off = 100 * compared["error"].to_numpy()
    ax.axvspan(-1, 1, color=look.GREEN, alpha=0.12, linewidth=0)
    ax.axvline(0, color=look.GREY, linewidth=0.7)
    far = compared["error"].abs().gt(0.01).to_numpy()
    kinds = {"made on": ~compared["held_out"].to_numpy(), "within 1%": ~far, "beyond 1%": far}
    for (name, these), color in zip(kinds.items(), (look.GREY, look.BLUE, look.ACCENT), strict=True):
        own = these if name == "made on" else these & compared["held_out"].to_numpy()
        (dots,) = ax.plot(off[own], height[own], "o", color=color, markersize=2.5, alpha=0.7, label=name)
        dots.set_rasterized(len(compared) > look.PRECISE)
    look.note(ax, "packets equal", (1, -0.75), (4, 0), frame=("axes fraction", "data"), weight="bold")
    reach = max(1.5, 1.15 * float(np.abs(off).max()))
    ax.set(xlim=(-reach, reach), xlabel="octets of IP packets: model less measured, % of measured")
    ax.grid(axis="x")
    within = held["error"].abs().le(0.01).mean()
    title = f"{within:.0%} of {len(held):,} captured connections are within 1% of the modelled octets"
    other = len(held) - equal.sum() - acks.sum()
    detail = (
        f"Packets as modelled: {equal.sum():,}; ACKs more or fewer: {acks.sum():,}, each some 50 octets; a segment "
    )
    detail += f"more or fewer: {other:,}; with ACKs as counted: at worst {held['apart'].abs().max():.1%} off"
    detail += f"; grey: {len(compared) - len(held):,} that the model was made on"
    return look.finding(ax, title, detail, compared.reset_index(), stretch=0.85)


@look.figure
def counterfactuals(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What the reports took on the wire, and what they would have taken had one thing been different.

    Parameters
    ----------
    table : DataFrame
        Of `backscatter.counterfactuals`: ``octets`` and ``change`` by ``measure``, the first row as it was.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A bar a measure, dearest first; what was in grey.
    """
    look.need(len(table) and table["octets"].iloc[0] > 0, NO_NDR)
    was = table.index[0]
    drawn = table.sort_values("octets", ascending=False, kind="stable")
    says = {name: _change(change) for name, change in drawn["change"].items()}
    ax = rows(ax, drawn.index)
    signs = np.sign(drawn["change"].round(4)).astype(int)
    ax.barh(
        range(len(drawn)), drawn["octets"], 0.66, color=[(look.GREY, look.ACCENT, look.BLUE)[sign] for sign in signs]
    )
    for row, (name, octets) in enumerate(zip(drawn.index, drawn["octets"], strict=True)):
        aside = words.octets(octets) + ("" if name == was else f", {says[name]}")
        look.note(ax, aside, (octets, row), (4, 0), weight="bold" if name == was else "normal")
    look.scale(ax, "x", words.octets, 0, 1.25 * float(drawn["octets"].max()))
    ax.set_ylim(len(drawn) - 0.5, -0.6)
    ax.set_xlabel("octets of IP packets, both ways")
    others = drawn.drop(index=[was, "no reports"], errors="ignore")
    title = "; ".join(f"{name}: {says[name]}" for name in dict.fromkeys([others.index[0], others.index[-1]]))
    title = f"{title[0].upper()}{title[1:]}"
    detail = f"{words.octets(table['octets'].iloc[0])} {was}; modelled, with one thing changed at a time"
    return look.finding(ax, title, detail, drawn.reset_index())


def _change(change: float) -> str:
    """A relative change in words."""
    if abs(change) < 5e-4:
        return "no change"
    return f"{1 + change:.2g} times as much" if change >= 1 else f"{change:+.0%}".replace("-", "−")
