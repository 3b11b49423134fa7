"""The figures of traffic: their titles agree with the data, nothing gives a sentence, text stays text."""

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
from spamlab import plots, tables, traffic

mpl.use("Agg")

DATA = Path(__file__).parent.parent / "data"
HOSTILE = (
    r"$\frac{1}{0}$ $x_ <script>alert(1)</script> =cmd() [a](javascript:b) %s {0} " + "\x1b[31m\u202e\n中" + "W" * 90
)
DRAW: dict[str, Callable[[spamlab.Log], Axes]] = {
    "mail": lambda log: plots.mail(traffic.by_time(log), sources=log.sources),
    "hosts": lambda log: plots.top(traffic.by_host(log)),
    "relays": lambda log: plots.top(traffic.by_host(log, by="relay")),
    "senders": lambda log: plots.top(traffic.top_senders(log, None)),
    "recipients": lambda log: plots.top(traffic.top_recipients(log, None)),
    "domains": lambda log: plots.top(traffic.by_domain(log)),
    "reasons": lambda log: plots.reasons(traffic.reasons(log)),
    "delays": lambda log: plots.delays(traffic.delays(log)),
    "parts": lambda log: plots.delays(traffic.delay_parts(log)),
    "waits": lambda log: plots.delays(traffic.waits(log)),
    "clients": lambda log: plots.clients(traffic.clients(log)),
}
each = pytest.mark.parametrize("name", DRAW)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def log() -> spamlab.Log:
    return spamlab.read(DATA / "samples" / "postfix.log", year=2026)


def title(ax: Axes) -> str:
    return ax.get_title(loc="left").replace("\n", " ")


def texts(ax: Axes) -> list[Text]:
    ax.figure.canvas.draw()
    return [t for t in ax.figure.findobj(Text) if t.get_visible() and t.get_text()]


def labels(ax: Axes) -> list[str]:
    return [t.get_text() for t in ax.get_yticklabels()]


@each
def test_stays_in_its_column(name: str, log: spamlab.Log) -> None:
    ax = DRAW[name](log)
    assert ax.figure.get_figwidth() == 6.5
    said = texts(ax)
    assert min(t.get_fontsize() for t in said) >= 7
    assert "nan" not in " ".join(t.get_text() for t in said).lower().split()
    edge, renderer = ax.figure.bbox, ax.figure.canvas.get_renderer()
    boxes = [t.get_window_extent(renderer).padded(-2) for t in said if t not in ax.xaxis.findobj(Text)]
    assert all(box.x0 >= edge.x0 and box.x1 <= edge.x1 for box in boxes)
    assert title(ax)
    assert plots.data(ax) is not None
    assert len(plt.get_fignums()) == 1


@each
def test_nothing_gives_a_sentence(name: str) -> None:
    ax = DRAW[name](spamlab.Log({}))
    assert plots.data(ax) is None
    assert plots.alt(ax).endswith(".")
    assert ax.figure.get_figheight() < 1
    assert not ax.axison


@each
def test_text_of_strangers_stays_text(name: str, log: spamlab.Log) -> None:
    bad = {
        "sessions": log.sessions.assign(peer_host=HOSTILE + log.sessions["peer_ip"].fillna("")),
        "transactions": log.transactions.assign(reverse_path=HOSTILE, outcome=pd.Categorical(log.transactions["outcome"])),
        "recipients": log.recipients.assign(
            forward_path="a@" + HOSTILE, reply=HOSTILE, relay=HOSTILE, enhanced_code=pd.Categorical([HOSTILE] * len(log.recipients)),
        ),
    }  # fmt: skip
    with mpl.rc_context({"text.parse_math": True, "text.usetex": False}):
        ax = DRAW[name](spamlab.Log({**log.tables(), **bad}))
        drawn = texts(ax)
        assert not any(t.get_parse_math() for t in drawn if "$" in t.get_text())
        assert all(c.isprintable() or c == "\n" for t in drawn for c in t.get_text())
        ax.figure.savefig(io.BytesIO(), format="svg")
    if name in ("hosts", "relays", "senders", "recipients", "reasons", "clients"):
        assert any("$" in t.get_text() for t in drawn)


@each
def test_same_input_same_bytes(name: str, log: spamlab.Log) -> None:
    def svg() -> bytes:
        file = io.BytesIO()
        with mpl.style.context(plots.STYLE):
            DRAW[name](log).figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    assert svg() == svg()


# -- one by one ----------------------------------------------------------------------------------------

WHEN = pd.date_range("2026-03-02 08:00", periods=4, freq="h", tz="UTC", name="time")


def tally(index: pd.Index, **given: list[int]) -> pd.DataFrame:
    columns = [*traffic.STATES, "octets_received", "octets_delivered"]
    return pd.DataFrame(given, index).reindex(columns=columns, fill_value=0)


def test_mail_has_a_row_for_each_state_and_one_scale() -> None:
    counts = tally(WHEN, received=[10, 40, 20, 0], delivered=[9, 100, 20, 0], rejected=[0, 2, 0, 3])
    ax = plots.mail(counts)
    assert labels(ax) == ["came in", "delivered", "refused"]
    assert title(ax) == "70 messages came in; 129 of 134 (96%) attempts delivered, most at 09:00"
    heights = [patch.get_data().values - patch.get_data().baseline for patch in ax.patches]
    assert np.allclose(heights[0], -0.8 * counts["received"] / 100)
    assert np.allclose(heights[2], -8 * counts["rejected"] / 100)  # ten times as tall, and it says so
    assert any("up to 3 an hour, drawn ×10" in t.get_text() for t in texts(ax))
    assert "none here: accepted, put off, failed for good, given up, thrown away" in plots.alt(ax)


def test_mail_over_days_names_the_day() -> None:
    counts = tally(pd.date_range("2026-03-02", periods=3, freq="D", tz="Asia/Tokyo"), rejected=[1, 5, 2])
    sources = tables.conform("sources", {"source": ["a"], "tz_assumed": ["Asia/Tokyo"]})
    ax = plots.mail(counts, sources=sources)
    assert title(ax) == "8 of 8 (100%) attempts refused, most on 2026-03-03"
    assert ax.get_xlabel() == "time, 2026-03-02 to 2026-03-04 (Asia/Tokyo, assumed)"


def test_mail_of_a_long_log_is_reduced() -> None:
    time = pd.Series(pd.date_range("2024-01-01", "2026-01-01", periods=100_000, tz="UTC"))
    log = spamlab.Log({"recipients": tables.conform("recipients", {"time": time, "status": ["delivered"] * len(time)})})
    drawn = plots.data(plots.mail(traffic.by_time(log)))
    assert len(drawn) <= 106
    assert drawn["delivered"].sum() == 100_000


def test_top_says_who_and_who_fails() -> None:
    names = pd.Index([f"{name}@example.com" for name in "abc"], name="sender")
    counts = tally(names, received=[60, 30, 10], rejected=[0, 0, 7], octets_received=[60_000, 3, 0])
    ax = plots.top(counts, most=2)
    most = "a@example.com sends the most mail: 60 of 100 (60%)"
    assert title(ax) == f"{most}; refused or failed most: c@example.com, 7 of 7"
    assert labels(ax) == ["a@example.com", "b@example.com"]
    assert {"60 kB", "3 B"} <= {t.get_text() for t in texts(ax)}
    assert [line.get_label() for line in ax.lines] == ["came in"]  # no failure among those drawn
    assert ax.lines[0].get_xdata().tolist() == [60, 30]


def test_top_without_arrivals_counts_recipients() -> None:
    ax = plots.top(tally(pd.Index(["h.example.org"], name="client"), accepted=[3], rejected=[1]))
    assert title(ax).startswith("h.example.org brings all mail: 3 of 3 (100%); 1 refused or failed")
    assert ax.get_xlim()[0] == 0


def test_reasons_are_sorted_bars(log: spamlab.Log) -> None:
    found = traffic.reasons(log)
    ax = plots.reasons(found, most=5)
    assert [bar.get_width() for bar in ax.patches] == found["count"].head(5).tolist()
    first, total = found.iloc[0], found["count"].sum()
    assert title(ax).startswith(f"The commonest obstacle, {first['count']:,} of {total:,} (")
    assert any(t.get_text().startswith(f"refused: {first['enhanced_code']} ") for t in texts(ax))


def test_delays_name_the_slowest() -> None:
    frame = pd.DataFrame(
        {"n": [500, 40, 3], "median": [0.0, 2.0, 50.0], "p95": [0.5, 90.0, 60.0], "p99": [300.0, 100.0, 61.0]},
        pd.Index(["a.example", "b.example", "c.example"], name="domain"),
    )
    ax = plots.delays(frame)
    assert title(ax) == "Slowest: b.example, half within 2 s, 5% over 90 s"  # c.example has too few
    assert ax.get_xscale() == "log"
    assert all(np.isfinite(line.get_xdata()).all() and (line.get_xdata() > 0).all() for line in ax.lines)
    assert {"n = 500", "n = 40", "n = 3"} <= {t.get_text() for t in texts(ax)}
    assert title(plots.delays(frame.head(1))).endswith("5% over 0.5 s, 1% over 5 min")


def test_delays_of_few_are_not_compared() -> None:
    frame = pd.DataFrame(
        {"n": [5, 3], "median": [2.0, 50.0], "p95": [0.5, 90.0], "p99": [300.0, 100.0]},
        pd.Index(["a.example", "b.example"], name="domain"),
    )
    assert title(plots.delays(frame)) == "Too few to say which is slowest: no domain has n ≥ 20"
    assert title(plots.delays(frame.head(1))) == "a.example, n = 5: half within 2 s"
    one = pd.DataFrame({"n": [40], "median": [2.0], "p95": [9.0], "p99": [10.0]}, pd.Index(["a"], name="domain"))
    assert title(plots.delays(one)) == "a, half within 2 s, 5% over 9 s"  # slowest of what?


def test_top_names_who_has_most_whatever_the_order() -> None:
    """Domains are in order of attempts: the first need not be the one that got most."""
    names = pd.Index(["a.example", "b.example", "c.example"], name="domain")
    said = title(plots.top(tally(names, delivered=[12, 13, 8], rejected=[5, 0, 2])))
    assert said == "b.example gets the most mail: 13 of 33 (39%); refused or failed most: a.example, 5 of 7"
    tied = title(plots.top(tally(names, delivered=[2, 2, 1], rejected=[1, 1, 1])))
    assert tied == "2 domains get the most mail: 2 of 5 each"


def test_titles_of_one_are_in_the_singular() -> None:
    one = tally(WHEN[:1], rejected=[1])
    assert title(plots.mail(one)) == "1 of 1 (100%) attempt refused"
    columns = {"connections": [1], "transactions": [0], "commands": [0], "resets": [0], "dropped": [0]}
    clients = pd.DataFrame(columns, pd.Index(["192.0.2.5"], name="client"))
    said = "192.0.2.5 makes all connections: 1 of 1 (100%); 1 of 1 client begins no mail"
    assert title(plots.clients(clients)) == said


def test_a_second_on_a_time_axis_has_each_label_once() -> None:
    ax = plots.mail(tally(WHEN[:1], rejected=[1]))
    ax.figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert len(ticks) == len(set(ticks)) >= 2


def test_a_long_interval_is_named_by_its_first_day() -> None:
    counts = tally(pd.date_range("2026-03-02", periods=3, freq="7D", tz="UTC"), rejected=[1, 5, 2])
    assert title(plots.mail(counts)) == "8 of 8 (100%) attempts refused, most in the 7 d from 2026-03-09"


def test_sentences_say_what_a_log_does_not_hold() -> None:
    log = spamlab.read(DATA / "exchange55-appendix-a.log")
    said = {name: plots.alt(draw(log)) for name, draw in DRAW.items()}
    assert said["delays"] == "This log does not state how long deliveries took."
    assert said["parts"] == "This log does not state where deliveries spent their time."
    assert said["waits"] == "This log does not state how long messages were in its server's hands."
    assert said["clients"] == "This log names no client that connected to the server: there is nothing to rank."
    assert said["mail"].startswith("8 of 8 (100%) attempts refused.")


def test_clients_count_connections_without_mail(log: spamlab.Log) -> None:
    found = traffic.clients(log)
    idle = (found["transactions"] == 0).sum()
    said = title(plots.clients(found))
    assert said.startswith(
        f"{found.index[0]} makes the most connections: {found['connections'].iloc[0]:,} of {found['connections'].sum():,}"
    )
    assert said.endswith(f"{idle:,} of {len(found):,} clients begin no mail")


def test_an_interval_of_hours_is_named_as_one() -> None:
    counts = tally(pd.date_range("2026-03-02", periods=3, freq="12h", tz="UTC"), rejected=[1, 5, 2])
    assert title(plots.mail(counts)).endswith("refused, most in the 12 h from 2026-03-02 12:00")


def test_what_takes_no_measurable_time_is_said_to() -> None:
    waits = pd.DataFrame({"n": [200], "median": [0.0], "p95": [0.0], "p99": [4.0], "longest": [9.0]})
    ax = plots.delays(waits.set_axis(pd.Index(["mixed"], name="outcome")))
    assert title(ax) == "mixed fates, half in no measurable time, 1% over 4 s"


def test_where_nothing_is_delivered_the_title_says_what_was_refused() -> None:
    counts = tally(pd.Index(["a.example", "b.example"], name="domain"), rejected=[8, 8])
    assert title(plots.top(counts)) == "Nothing was delivered; 16 refused or failed"


def test_intervals_are_as_long_as_the_clock_says_also_where_it_is_put_back() -> None:
    """A log over the end of summer time said "an hour" of intervals of twelve."""
    days = pd.date_range("2025-11-01", "2025-11-04", freq="12h", inclusive="left").tz_localize("America/Havana", True)
    counts = tally(days.rename("time"), rejected=[12, 12, 13, 12, 12, 12])
    ax = plots.mail(counts)
    assert title(ax) == "73 of 73 (100%) attempts refused, most in the 12 h from 2025-11-02 00:00"
    assert any(text.get_text() == "73\nup to 13 per 12 h" for text in ax.figure.findobj(Text))
