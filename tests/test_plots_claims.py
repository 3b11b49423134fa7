"""The table of verdicts: every claim has its mark and words, the title agrees with them, text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from spamlab import claims, plots
from spamlab.plots._claims import MARKS

mpl.use("Agg")

HOSTILE = r"$\frac{1}{0}$ <script>alert(1)</script> =cmd() [a](javascript:b) %s {0} " + "\x1b[31m\u202e\n中" + "W" * 150


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def ledger(verdicts: list[str], text: str = "8 of 8") -> pd.DataFrame:
    n = len(verdicts)
    columns = {"claim": ["A claim"] * n, "where": "p", "test": "t", "computed": [text] * n, "verdict": verdicts, "evidence": "e.",
               "see": "01-sessions"}  # fmt: skip
    return pd.DataFrame(columns, index=pd.RangeIndex(1, n + 1, name="number"))


def texts(ax: plt.Axes) -> list[Text]:
    ax.figure.canvas.draw()
    hidden = {*ax.xaxis.findobj(Text), *ax.yaxis.findobj(Text)}  # there are no axes
    return [t for t in ax.figure.findobj(Text) if t.get_visible() and t.get_text() and t not in hidden]


def test_every_verdict_has_a_shape_and_words_of_its_own() -> None:
    assert set(MARKS) == set(claims.VERDICTS)
    assert len({mark[:2] for mark in MARKS.values()}) == len(MARKS)  # words
    assert len({(mark[2], mark[4]) for mark in MARKS.values()}) == len(MARKS)  # shapes


def test_the_marks_are_the_verdicts() -> None:
    found = ledger(list(claims.VERDICTS))
    ax = plots.verdicts(found)
    lines = [line for line in ax.lines if line.get_label() in MARKS]
    assert [line.get_label() for line in lines] == found["verdict"].tolist()
    for row, line in enumerate(lines):
        _, _, shape, color, filled = MARKS[line.get_label()]
        assert (line.get_marker(), line.get_ydata()[0]) == (shape, row)
        assert (to_rgb(line.get_markerfacecolor()) == to_rgb(color)) == filled
    said = [t.get_text() for t in texts(ax)]
    assert said.count("A claim") == said.count("8 of 8") == said.count("01-sessions") == 5
    assert [said.count(word) for word in ("holds", "contradicted", "not testable")] == [2, 2, 1]
    assert (
        ax.get_title(loc="left").replace("\n", " ")
        == "Of 5 claims, 2 hold, 2 are contradicted, 1 cannot be tested here"
    )
    assert "5: not testable with what there is." in plots.alt(ax)
    pd.testing.assert_frame_equal(plots.data(ax), found.reset_index())


@pytest.mark.parametrize("text", ["8 of 8", HOSTILE])
def test_stays_in_its_column(text: str) -> None:
    found = ledger([*claims.VERDICTS] * 5, text).assign(claim=text)
    ax = plots.verdicts(found)
    assert ax.figure.get_figwidth() == 6.5
    said = texts(ax)
    assert min(t.get_fontsize() for t in said) >= 7
    assert not {"\x1b", "\u202e", "\n中"} & set("".join(t.get_text() for t in said))
    assert not any(t.get_parse_math() for t in said if "frac" in t.get_text())
    renderer = ax.figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer).padded(-2) for t in said if "WW" not in t.get_text()]
    assert all(box.x0 >= ax.figure.bbox.x0 and box.x1 <= ax.figure.bbox.x1 for box in boxes)


def test_rows_do_not_overlap() -> None:
    ax = plots.verdicts(claims.ledger(_paper()))
    renderer = (texts(ax), ax.figure.canvas.get_renderer())[1]
    boxes = [t.get_window_extent(renderer).padded(-1) for t in ax.texts if t.get_text().strip()]
    assert not [1 for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]


def _paper() -> object:
    import spamlab

    return spamlab.read(Path(__file__).parent.parent / "data" / "exchange55-appendix-a.log")


def test_nothing_to_show_is_a_sentence() -> None:
    ax = plots.verdicts(ledger([]))
    assert plots.alt(ax) == "No claim was tried on this log: there is no verdict to show."
    assert plots.data(ax) is None
