"""The figures of the wire: what is drawn and said, not pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import spamlab
from spamlab import backscatter, captures, plots
from tests.made import empty_log

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def log() -> spamlab.Log:
    return spamlab.read(Path(__file__).parent.parent / "data" / "exchange55-appendix-a.log")


def made(n=3, error=0.0, held=True, verdict="equal", case="loop") -> pd.DataFrame:
    row = {"case": case, "client": "script", "server": "exim", "ip": 4, "timestamps": 1, "pipelining": 0, "k": 1,
           "size": 0, "held_out": held, "packets": 20, "packets_model": 20, "octets": 1000,
           "octets_model": 1000 * (1 + error), "error": error, "acks": 0, "apart": 0.0, "verdict": verdict}  # fmt: skip
    return pd.DataFrame([row] * n).rename_axis("connection")


def widths(ax) -> list[float]:
    return [patch.get_width() for patch in ax.patches]


def test_layers_lie_within_each_other_on_both_sides(log) -> None:
    layers = backscatter.layers(log)
    ax = plots.layers(layers, backscatter.bounds(log))
    bars = ax.patches
    assert len(bars) == 2 * (1 + 2 + 3)
    ends = sorted({round(bar.get_x() + bar.get_width()) for bar in bars})
    assert ends == [-2080, -1500, -564, 1180, 2148, 2748]
    assert sum(widths(ax)[3:6]) == -2080 and ax.get_xlim()[0] == -ax.get_xlim()[1]
    said = plots.alt(ax)
    assert said.startswith("The reports took 4,828 B on the wire; TCP and IP are 64% of it.")
    assert "4,672 B to 7,428 B" in said and "avoided 20.3 kB more" in said and "1,744 B logged, 0 B modelled" in said
    assert plots.data(ax)["octets"].sum() == layers["octets"].sum()


def test_layers_without_bounds_say_none(log) -> None:
    assert "depending" not in plots.alt(plots.layers(backscatter.layers(log)))


def test_captures_show_each_connection_once_and_count(log) -> None:
    table = pd.concat(
        [made(5), made(2, -0.03, verdict="delayed ACKs"), made(1, 0.004, verdict="other", case="accepted"),
         made(4, held=False, case="rejected")], ignore_index=True,
    )  # fmt: skip
    ax = plots.captures(table)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert {line.get_label(): len(line.get_xdata()) for line in dots} == {"made on": 4, "within 1%": 6, "beyond 1%": 2}
    said = plots.alt(ax)
    assert said.startswith("75% of 8 captured connections are within 1% of the modelled octets.")
    assert "Packets as modelled: 5; ACKs more or fewer: 2" in said and "a segment more or fewer: 1" in said
    assert "grey: 4" in said
    heights = np.concatenate([line.get_ydata() for line in dots])
    assert len(np.unique(heights)) == 12  # none hides another
    low, high = ax.get_xlim()
    assert low == -high and high > 3


def test_counterfactuals_are_in_order_and_name_the_extremes(log) -> None:
    table = backscatter.counterfactuals(log)
    ax = plots.counterfactuals(table)
    assert widths(ax) == sorted(table["octets"], reverse=True)
    assert ax.get_xlim()[0] == 0
    assert plots.alt(ax).startswith("Deferred at each try: 15 times as much; PIPELINING: −32%.")
    names = [label.get_text() for label in ax.get_yticklabels()]
    grey = [
        name
        for name, bar in zip(names, ax.patches, strict=True)
        if bar.get_facecolor()[:3] == mpl.colors.to_rgb("#8c8c8c")
    ]
    assert grey == ["as logged", "refused at RCPT", "no second try"]  # nothing changes there


def test_nothing_to_show_is_a_sentence() -> None:
    log = empty_log()
    for ax in (plots.layers(backscatter.layers(log), backscatter.bounds(log)),
               plots.counterfactuals(backscatter.counterfactuals(log))):  # fmt: skip
        assert "no attempt" in plots.alt(ax) and plots.data(ax) is None
    assert "there are none here" in plots.alt(plots.captures(made(0)))
    assert "there are none here" in plots.alt(plots.captures(pd.DataFrame(columns=captures.COLUMNS)))


def test_the_stored_captures_are_drawn_in_their_column() -> None:
    ax = plots.captures(captures.checked())
    ax.figure.canvas.draw()
    assert ax.figure.get_figwidth() == 6.5
    inside = [t.get_window_extent() for t in ax.figure.findobj(mpl.text.Text) if t.get_visible() and t.get_text()]
    assert all(box.x0 > -3 and box.x1 < ax.figure.bbox.x1 + 3 for box in inside)
