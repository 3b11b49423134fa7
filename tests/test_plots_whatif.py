"""The what-if figures and settings: titles agree with the data, nothing gives a sentence, a log sets what it can."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Text

import spamlab
from spamlab import plots, simulate, whatif
from spamlab.simulate import Load, Server
from tests.made import empty_log

mpl.use("Agg")

DATA = Path(__file__).parent.parent / "data"
MADE: dict[str, Callable[[], pd.DataFrame]] = {
    "measures": lambda: simulate.measures(duration=400, replications=3),
    "saturation": lambda: simulate.saturation(duration=200, replications=2),
    "harvest": simulate.harvest,
    "error_messages": simulate.error_messages,
}
each = pytest.mark.parametrize("name", MADE)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def draw(name: str, table: pd.DataFrame | None = None) -> Axes:
    made: Axes = getattr(plots, name)(MADE[name]() if table is None else table)
    return made


def title(ax: Axes) -> str:
    return ax.get_title(loc="left").replace("\n", " ")


def texts(ax: Axes) -> list[Text]:
    ax.figure.canvas.draw()
    return [t for t in ax.figure.findobj(Text) if t.get_visible() and t.get_text()]


@each
def test_stays_in_its_column(name: str) -> None:
    ax = draw(name)
    assert ax.figure.get_figwidth() == 6.5
    said = texts(ax)
    assert min(t.get_fontsize() for t in said) >= 7
    assert "nan" not in " ".join(t.get_text() for t in said).lower().split()
    edge, renderer = ax.figure.bbox, ax.figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer).padded(-2) for t in said if t not in ax.xaxis.findobj(Text)]
    assert all(box.x0 >= edge.x0 and box.x1 <= edge.x1 for box in boxes)
    assert title(ax) and plots.data(ax) is not None and plots.alt(ax).startswith(title(ax))


@each
def test_nothing_gives_a_sentence(name: str) -> None:
    ax = draw(name, MADE[name]().head(0))
    assert plots.data(ax) is None and plots.alt(ax).endswith(".") and not ax.axison


@each
def test_same_input_same_bytes(name: str) -> None:
    def svg() -> bytes:
        file = io.BytesIO()
        draw(name).figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    with mpl.style.context(plots.STYLE):
        assert svg() == svg()


def test_cells_hold_the_numbers_and_colours_say_which_way() -> None:
    table = MADE["measures"]()
    ax = draw("measures", table)
    value = table.pivot(index="measure", columns="outcome", values="value")
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert rows == list(simulate.MEASURES)
    assert cells[0, 1] == "0" and cells[0, 0] == f"{value.loc['nothing', 'relayed spam']:,.0f}"
    assert cells[8, rows.index("refuse <>")] == "100%"
    shade = ax.images[0].get_array()
    assert (shade[0] == 0).all() and shade[1, 0] == -1 and shade[rows.index("refuse <>"), 8] == 1
    assert title(ax).startswith("Only “disable Guest” and “forbid relaying” stop the relaying")
    ax = draw("measures", table[table["measure"].isin(["nothing", "no NDRs"])])
    assert title(ax) == "No measure stops the relaying"


def test_saturated_rates_are_crossed() -> None:
    table = MADE["saturation"]()
    ax = draw("saturation", table)
    crossed = sum(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "X")
    assert crossed == table["saturated"].sum() > 0
    assert ax.get_xlim()[0] == 0 and ax.get_yscale() == "log"
    assert {t.get_text() for t in ax.texts} > set(table["measure"])
    assert "with “disable Guest” beyond" in title(ax)


def test_harvest_shows_intervals_and_what_arithmetic_expects() -> None:
    table = MADE["harvest"]()
    ax = draw("harvest", table)
    assert [t.get_text() for t in ax.get_yticklabels()] == [f"1 guess in {n} exists" for n in ("10", "100", "1,000")]
    ends = np.concatenate([[path[0][0] for path in c.get_segments()] for c in ax.collections])
    assert sorted(ends) == pytest.approx(sorted(table["low"]))
    assert title(ax).endswith("with look-up 1")
    lost = table.assign(per_address=np.inf, high=np.inf)
    assert "found no address" in plots.alt(draw("harvest", lost))
    assert draw("harvest", table.assign(high=np.inf)).get_xlim()[1] < 1e5


def test_a_square_for_each_error_message() -> None:
    table = MADE["error_messages"]()
    ax = draw("error_messages", table)
    drawn = plots.data(ax)
    assert drawn is not None and drawn["messages"].tolist() == [0, 1, 2, 3, 3, 4]
    assert sum(patch.get_width() for patch in ax.patches) == drawn["messages"].sum()
    assert title(ax) == "One spam to nobody causes up to 4 error messages, 2 of them across the internet"


# -- settings from a log, and the answer -------------------------------------------------------------------


def test_the_papers_log_sets_what_it_tells() -> None:
    given = whatif.settings(spamlab.read(DATA / "exchange55-appendix-a.log"))
    assert given.server == Server() and given.load == Load()
    source = given.table.set_index("setting")["source"]
    assert source["octets of an error message"] == "this log, n = 8"
    assert source["time to a reply of another host"] == "this log, n = 7"
    assert source["spam"] == "the white paper" and source["uplink"] == "assumption"


def test_an_empty_log_sets_nothing() -> None:
    given = whatif.settings(empty_log())
    assert given.server == Server() and given.load == Load()
    assert not given.table["source"].str.startswith("this log").any()


def test_a_log_sets_what_it_shows_enough_of() -> None:
    log = spamlab.read(DATA / "exchange55-simulated-day.log.gz")
    given = whatif.settings(log)
    assert given.load.spam.null == pytest.approx(0.19, abs=0.01) and given.load.spam.recipients == 2
    assert given.load.mail.rate == Load().mail.rate  # a message in three minutes is too few
    assert given.table["source"].str.startswith("this log").sum() == 6
    whatif.settings(log, invalid_senders=1.0)  # shares that leave no room for others are cut, not refused


def test_a_busy_log_sets_the_mail_but_not_beyond_the_machine() -> None:
    log = simulate.server(duration=700, seed=1)
    rate, n = whatif.measured(log)["mail_rate"]
    assert n > 1000 and rate == pytest.approx(n / 700, rel=0.05)
    assert whatif.settings(log, cpu=0.01).load.mail.rate == rate
    assert whatif.settings(log, cpu=1.0).load.mail.rate == 0.25 < rate


def test_the_answer_moves_with_the_assumptions() -> None:
    def say(**assumed: float) -> str:
        given = whatif.settings(empty_log(), **assumed)  # type: ignore[arg-type]
        measures = simulate.measures(given.server, given.load, duration=200, replications=2)
        saturation = simulate.saturation((0.5,), given.server, given.load, duration=100, replications=2)
        return whatif.answer(measures, saturation, simulate.harvest((0.1,), given.server))

    assert "“disable Guest” does most" in say()
    assert say().endswith(".")
    assert "“directory look-up” does most" in say(elsewhere=0.0)
    assert say(spam_a_day=20_000) != say(spam_a_day=400_000)


def test_side_by_side() -> None:
    measures = MADE["measures"]()
    table = whatif.compare(measures, ("nothing", "no NDRs"))
    assert table["outcome"].tolist() == list(measures["outcome"].unique())
    assert table.loc[table["outcome"] == "NDRs", "no NDRs"].tolist() == ["0 (0 – 0)"]
    assert set(whatif.harmless(measures)) == {"disable Guest", "no fall-through", "disable notifications",
                                              "refuse malformed senders", "directory look-up"}  # fmt: skip
