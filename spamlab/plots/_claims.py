"""The ledger of the paper's claims as one table with a mark for each verdict (notebook 08)."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from spamlab.claims import LOG_NO, LOG_YES, MODEL_NO, MODEL_YES, OPEN
from spamlab.plots import _look as look
from spamlab.words import count

# Shape and word tell the verdict, colour only helps: filled where the log decides, hollow where the model does.
MARKS = {
    LOG_YES: ("holds", "by the log", "o", look.GREEN, True),
    MODEL_YES: ("holds", "by the model", "o", look.GREEN, False),
    LOG_NO: ("contradicted", "by the log", "X", look.ACCENT, True),
    MODEL_NO: ("contradicted", "by the model", "X", look.ACCENT, False),
    OPEN: ("not testable", "with what there is", "_", look.GREY, True),
}
ROW = 0.31  # inches
WORD, SAID, WIDE = 0.035, 0.215, 88  # where a verdict's words and the claim begin, in widths; characters of a claim


@look.figure
def verdicts(ledger: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Every claim with its verdict, as mark and words, and what was computed.

    Parameters
    ----------
    ledger : DataFrame
        Of `claims.ledger`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a claim: mark, verdict, number and claim; below the claim what was computed.
    """
    look.need(len(ledger), "No claim was tried on this log: there is no verdict to show.")
    ax = look.axes(ax, 0.9 + ROW * len(ledger))
    ax.set(xlim=(0, 1), ylim=(len(ledger) - 0.4, -0.6))
    ax.set_axis_off()
    ax.hlines([row - 0.5 for row in range(1, len(ledger))], 0, 1, color=look.PALE, linewidth=0.5)
    columns = [ledger[name] for name in ("claim", "computed", "verdict", "see")]
    for row, (number, claim, computed, verdict, see) in enumerate(zip(ledger.index, *columns, strict=True)):
        word, by, shape, color, filled = MARKS[verdict]
        (mark,) = ax.plot(0.012, row, shape, color=color, markersize=7, label=verdict, clip_on=False)
        mark.set(markerfacecolor=color if filled else "white", markeredgewidth=1.4)
        texts: list[tuple[float, str, float, dict[str, Any]]] = [
            (WORD, word, 0.19, {"color": look.INK, "weight": "bold"}),
            (WORD, by, -0.21, {"color": look.SOFT}),
            (SAID - 0.01, str(number), 0.19, {"ha": "right", "color": look.SOFT}),
            (SAID, look.safe(claim, WIDE), 0.19, {"weight": "bold"}),
            (SAID, look.safe(computed, WIDE - 12), -0.21, {"color": look.INK}),
            (1, see, -0.21, {"ha": "right", "color": look.SOFT}),
        ]
        for x, text, up, style in texts:
            look.note(ax, text, (x, row - up), **{"ha": "left", "va": "center", "fontsize": 7, **style})
    n = ledger["verdict"].map({verdict: mark[0] for verdict, mark in MARKS.items()}).value_counts()
    held, against, left = (int(n.get(word, 0)) for word in ("holds", "contradicted", "not testable"))
    title = f"Of {count(len(ledger), 'claim')}, {held} hold, {against} are contradicted, {left} cannot be tested here"
    detail = "Filled: the log decides, this one or a stored one; hollow: the model does, under stated assumptions"
    detail += ". At the right: where it is shown"
    look.finding(ax, title, detail, ledger.reset_index(), 1.0)
    told = ". ".join(f"{n}: {v}" for n, v in ledger["verdict"].items())
    ax.set_label(f"{ax.get_label()} Claim by number: {told}.")
    return ax
