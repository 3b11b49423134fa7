"""The figures: what is drawn and said, not pixels."""

from __future__ import annotations

import inspect
import io
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text

import spamlab
from spamlab import (
    backscatter,
    captures,
    claims,
    contents,
    loops,
    plots,
    simulate,
    sizes,
    summary,
    tables,
    timing,
    traffic,
    unusual,
)
from spamlab.plots import _look as look
from tests import attacks

mpl.use("Agg")

HOSTILE = r"$\frac{1}{0}$ $x_ <script>alert(1)</script> =cmd() [a](javascript:b) `c` %s {0} " + "\x1b[31m\u202e\n中"
MANY = 200_000


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def log() -> spamlab.Log:
    return spamlab.read(Path(__file__).parent.parent / "data" / "exchange55-appendix-a.log")


def figures(log: spamlab.Log) -> dict[str, Callable[[], Axes]]:
    """Every figure of the package, drawn from a Log as the notebooks draw it."""
    replies, messages, clock = timing.replies(log), sizes.messages(log), {"sources": log.sources}
    return {
        "ladder": lambda: plots.ladder(log.events, log.sessions, log.recipients, **clock),
        "sessions": lambda: plots.sessions(log.sessions, **clock),
        "codes": lambda: plots.codes(contents.codes(log), **clock),
        "spans": lambda: plots.spans(summary.lengths(log), claimed=35, whose="the heading"),
        "latency": lambda: plots.latency(replies, timing.summary(log)),
        "latency_by_peer": lambda: plots.latency_by_peer(replies, log.sessions),
        "periods": lambda: plots.periods(timing.periods(log)),
        "sizes": lambda: plots.sizes(messages, sizes.summary(log)),
        "sizes_in_time": lambda: plots.sizes_in_time(messages, **clock),
        "loop": lambda: plots.loop(loops.turns(log)),
        "loops": lambda: plots.loops(loops.find(log)),
        "octets": lambda: plots.octets(backscatter.parts(log)),
        "saved": lambda: plots.saved(backscatter.saved(log)),
        "layers": lambda: plots.layers(backscatter.layers(log), backscatter.bounds(log)),
        "counterfactuals": lambda: plots.counterfactuals(backscatter.counterfactuals(log)),
        "captures": lambda: plots.captures(captures.checked()[: 400 * len(log.transactions)]),  # no log, none
        "mail": lambda: plots.mail(traffic.by_time(log), **clock),
        "top": lambda: plots.top(traffic.by_host(log, by="relay")),
        "reasons": lambda: plots.reasons(traffic.reasons(log)),
        "delays": lambda: plots.delays(traffic.delays(log)),
        "clients": lambda: plots.clients(traffic.clients(log)),
        "unusual": lambda: plots.unusual(unusual.series(log), **clock),
        "verdicts": lambda: plots.verdicts(claims.ledger(log, LITTLE)),
        **{
            name: lambda name=name: getattr(plots, name)(SIMULATED[name]()[: len(log.transactions) * 99])
            for name in SIMULATED
        },
    }


LITTLE = claims.Assumptions(simulated=200, replications=2)  # the simulations are kept: each is made once
SIMULATED = {  # of no log
    "error_messages": simulate.error_messages,
    "harvest": simulate.harvest,
    "measures": lambda: simulate.measures(duration=200, replications=2),
    "saturation": lambda: simulate.saturation(duration=100, replications=2),
}


NAMES = [name for name in vars(plots) if callable(getattr(plots, name)) and name not in ("alt", "data", "sentence")]
each = pytest.mark.parametrize("name", NAMES)


def texts(ax: Axes) -> list[Text]:
    """All text one sees: none of a hidden axis, none of ticks beyond the ends."""
    ax.figure.canvas.draw()
    ticks = {*ax.xaxis.findobj(Text), *ax.yaxis.findobj(Text)} - {ax.xaxis.label, ax.yaxis.label}
    if ax.axison:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks -= {tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high}
    return [t for t in ax.figure.findobj(Text) if t.get_visible() and t.get_text() and t not in ticks]


def words(ax: Axes) -> str:
    return "\n".join(t.get_text() for t in texts(ax))


def svg(ax: Axes) -> bytes:
    file = io.BytesIO()
    with mpl.style.context(plots.STYLE):
        ax.figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


# -- all of them ---------------------------------------------------------------------------------------


def test_every_public_figure_is_tested(log: spamlab.Log) -> None:
    assert sorted(figures(log)) == sorted(NAMES)


@each
def test_ticks_part_thousands(name: str, log: spamlab.Log) -> None:
    ax = figures(log)[name]()
    for axis in (ax.xaxis, ax.yaxis) if ax.axison else ():
        ax.figure.canvas.draw()
        axis.get_major_formatter().set_locs([12_345, 23_456])
        assert "12345" not in axis.get_major_formatter()(12_345, 0)


def test_a_busy_server_s_sessions() -> None:
    start = pd.Timestamp("2026-03-11", tz="UTC") + pd.to_timedelta(np.arange(60_000) // 3000, "min")
    sessions = pd.DataFrame({"start": start, "end": start, "peer_host": "x", "peer_ip": None, "ended": "quit"})
    ax = plots.sessions(tables.conform("sessions", sessions.to_dict("series")))
    ax.figure.canvas.draw()
    assert "2,000" in [tick.get_text() for tick in ax.get_yticklabels()]


@each
def test_says_its_finding_and_stays_in_its_column(name: str, log: spamlab.Log) -> None:
    ax = figures(log)[name]()
    assert ax.figure.get_figwidth() == 6.5
    assert 0.3 <= ax.figure.get_figheight() <= 9
    said = texts(ax)
    assert min(t.get_fontsize() for t in said) >= 7
    assert plots.alt(ax).endswith(".")
    assert "nan" not in words(ax).lower().split()
    renderer = ax.figure.canvas.get_renderer()
    inside = [t.get_window_extent(renderer).padded(-2) for t in said]
    edge = ax.figure.bbox
    outside = [t.get_text() for t, b in zip(said, inside, strict=True) if b.x0 < edge.x0 or b.x1 > edge.x1]
    assert not outside
    if name not in ("loops", "delays", "clients", "unusual"):  # one loop, no delay, no client, a minute: a sentence
        assert ax.get_title(loc="left")
        assert plots.data(ax) is not None


@each
def test_makes_one_figure_unless_given_axes(name: str, log: spamlab.Log) -> None:
    figures(log)[name]()
    assert len(plt.get_fignums()) == 1
    ax = inspect.signature(getattr(plots, name)).parameters["ax"]
    assert (ax.kind, ax.default) == (ax.KEYWORD_ONLY, None)


def test_the_callers_axes_come_back(log: spamlab.Log) -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert plots.sessions(log.sessions, ax=left) is left
    assert plots.loops(loops.find(log), ax=right) is right
    assert len(plt.get_fignums()) == 1


@each
def test_same_input_same_bytes(name: str, log: spamlab.Log) -> None:
    draw = figures(log)[name]
    assert svg(draw()) == svg(draw())


@each
@pytest.mark.parametrize("text", ["", "11/11/03 2:00:01 PM : A connection to 10.0.0.1 was established.\r\n"])
def test_a_log_with_next_to_nothing_gives_a_sentence_or_a_figure(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "L0.LOG"
    path.write_text(text, newline="")
    ax = figures(spamlab.read(path, format="exchange55"))[name]()
    if plots.data(ax) is None:
        assert plots.alt(ax) in words(ax).replace("\n", " ")
        assert ax.figure.get_figheight() < 1
    else:
        assert name in ("sessions", "spans", "verdicts")


@each
def test_text_of_strangers_is_inert(name: str, log: spamlab.Log) -> None:
    events = log.events.assign(text=log.events["text"].str[:4] + HOSTILE)
    hostile = {
        "events": events,
        "sessions": log.sessions.assign(peer_host=HOSTILE, peer_ip=HOSTILE),
        "recipients": log.recipients.assign(forward_path=HOSTILE + log.recipients["forward_path"], reply=HOSTILE),
    }
    bad = spamlab.Log({**log.tables(), **hostile})
    with mpl.rc_context({"text.parse_math": True, "text.usetex": False}):
        ax = figures(bad)[name]()
        drawn = texts(ax)
        assert not any(t.get_parse_math() for t in drawn if "$" in t.get_text())
        assert all(c.isprintable() or c == "\n" for t in drawn for c in t.get_text())
        svg(ax)
        if name in ("ladder", "sessions", "latency_by_peer", "sizes_in_time"):
            assert "$" in words(ax)


# -- one by one ----------------------------------------------------------------------------------------


def test_ladder_has_an_arrow_for_each_command_and_reply(log: spamlab.Log) -> None:
    ax = plots.ladder(log.events, log.sessions, log.recipients, sources=log.sources)
    arrows = [a for a in ax.texts if isinstance(a, Annotation) and a.arrow_patch is not None]
    spoken = log.events[
        ~log.events["echo"] & log.events["session"].eq(1) & log.events["kind"].isin(["command", "reply"])
    ]
    assert len(arrows) == len(spoken) == 51
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # time runs down
    heights = [a.xy[1] for a in arrows]
    assert heights == sorted(heights)
    colors = [a.arrow_patch.get_facecolor() for a in arrows]
    assert colors.count(mpl.colors.to_rgba(look.ACCENT)) == 8
    assert "All 8 recipients are rejected with 550" in ax.get_title(loc="left")
    assert "UTC, assumed" in words(ax)


def test_ladder_shows_how_a_long_session_begins(log: spamlab.Log) -> None:
    ax = plots.ladder(log.events, log.sessions, log.recipients, most=12)
    arrows = [a for a in ax.texts if isinstance(a, Annotation) and a.arrow_patch is not None]
    assert len(arrows) == 11  # the connect line is no arrow
    assert "the first 12 of 52 rows" in plots.alt(ax)
    assert "All 8 recipients" in ax.get_title(loc="left")


def test_ladder_takes_another_session(log: spamlab.Log) -> None:
    ax = plots.ladder(log.events, log.sessions, log.recipients, session=0)
    assert "Session 0" in plots.alt(ax)
    assert plots.data(ax)["code"].tolist() == [221]


def test_ladder_folds_message_text() -> None:
    kind = ["command", "reply", "data", "data", "data", "reply"]
    events = tables.conform(
        "events",
        {
            "session": [0] * 6,
            "kind": kind,
            "direction": ["received", "sent"] + ["received"] * 3 + ["sent"],
            "text": ["DATA", "354 go", "a", "b", "c", "250 ok"],
            "code": [None, 354, None, None, None, 250],
            "time": pd.to_datetime(["2003-11-11"] * 6, utc=True),
            "lines": [1, 1, 1, 1, 2, 1],
        },
    )
    sessions = tables.conform("sessions", {"session": [0], "role": ["server"]})
    ax = plots.ladder(events, sessions, tables.empty("recipients"))
    assert words(ax).count("(message text)") == 1
    assert len(plots.data(ax)) == 4


def test_sessions_become_counts_when_there_are_many() -> None:
    start = pd.Timestamp("2003-11-11", tz="UTC") + pd.to_timedelta(np.arange(MANY) * 0.4, unit="s")
    many = tables.conform("sessions", {"session": range(MANY), "start": start, "end": start})
    ax = plots.sessions(many)
    drawn = plots.data(ax)
    assert drawn["sessions"].sum() == MANY
    assert len(drawn) <= 130
    assert ax.get_ylim()[0] == 0
    assert f"{MANY:,} sessions" in ax.get_title(loc="left")


def test_sessions_say_when_most_begin() -> None:
    def said(step: float) -> str:
        start = pd.Timestamp("2026-11-02", tz="UTC") + pd.to_timedelta(step * np.r_[np.arange(40), 17], unit="s")
        sessions = tables.conform("sessions", {"session": range(41), "start": start, "end": start})
        ax = plots.sessions(sessions)
        return ax.get_title(loc="left").replace("\n", " ") + "|" + ax.get_ylabel()

    assert said(1) == "41 sessions in 39 s; most on 2026-11-02 at 00:00:17, 2 a second|sessions begun a second"
    assert "most in the 7 d from 2027-03-18, 2 per 7 d" in said(8 * 86_400)


def test_one_moment_is_drawn_in_seconds_not_years() -> None:
    start = [pd.Timestamp("2026-11-02 00:05:56", tz="UTC")]
    ax = plots.sessions(tables.conform("sessions", {"session": [0], "start": start, "end": start}))
    ax.figure.canvas.draw()
    assert "00:05:56" in [label.get_text() for label in ax.get_xticklabels()]
    told = pd.DataFrame({"time": start, "code": [554], "repeats": [1]})
    ax = plots.codes(told)
    assert ax.get_title(loc="left") == "1 of 1 reply refuses or defers: 554 most often"
    ax.figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert len(ticks) == len(set(ticks))


def test_without_loops_nothing_goes_round() -> None:
    assert plots.alt(plots.loops(loops.find(spamlab.Log({})))) == (
        "No command sequence repeats in this log: there are no loops to compare."
    )


def test_time_axes_are_in_the_logs_zone(log: spamlab.Log) -> None:
    sources = log.sources.assign(tz_assumed="America/New_York")
    ax = plots.sessions(log.sessions, sources=sources)
    assert ax.get_xlabel() == "time on 2003-11-11 (America/New_York, assumed)"
    assert any(t.get_text().startswith("08:59") or t.get_text().startswith("09:00") for t in texts(ax))
    assert plots.sessions(log.sessions).get_xlabel().endswith("(UTC)")


def test_codes_count_each_reply_once(log: spamlab.Log) -> None:
    ax = plots.codes(contents.codes(log), sources=log.sources)
    assert plots.data(ax).groupby("code")["replies"].sum().to_dict() == {220: 1, 221: 2, 250: 16, 550: 8}
    assert [t.get_text() for t in ax.get_yticklabels()] == ["220 ok", "221 ok", "250 ok", "550 refused"]
    assert "8 of 27 replies refuse or defer: 550" in ax.get_title(loc="left")


def test_spans_judges_the_claim(log: spamlab.Log) -> None:
    title = plots.spans(summary.lengths(log), claimed=35, whose="the heading").get_title(loc="left")
    assert (
        title.replace("\n", " ")
        == "Neither the log (64 s) nor its complete session (26 s) lasts the 35 s of the heading"
    )
    assert "1 of 2 lengths agree" in plots.spans(summary.lengths(log), claimed=27).get_title(loc="left")


def test_latency_has_a_row_for_each_verb(log: spamlab.Log) -> None:
    replies = timing.replies(log)
    ax = plots.latency(replies, timing.summary(log))
    said = words(ax)
    for verb, n in replies.groupby("verb").size().items():
        assert verb in said
        assert f"n = {n}" in said
    assert "slowest: MAIL and RCPT, 1 s" in said.replace("\n", " ")
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in dots) == len(replies) == 25
    assert "stamps resolve 1 s" in ax.get_xlabel()
    assert ax.get_xlim()[0] == 0


def test_latency_of_a_long_log_is_a_curve_on_a_log_axis() -> None:
    rng = np.random.default_rng(1)
    took = np.floor(rng.exponential(5, MANY))
    frame = {"verb": rng.choice(["MAIL", "RCPT"], MANY), "latency": took, "latency_low": np.maximum(took - 1, 0)}
    ax = plots.latency(pd.DataFrame(frame).assign(latency_high=took + 1))
    assert ax.get_xscale() == "log"
    assert not [line for line in ax.lines if line.get_marker() == "o"]
    assert len(svg(ax)) < 300_000
    curve = plots.data(ax).groupby("verb")["cumulative"].max()
    assert curve.to_numpy() == pytest.approx(1)


def test_in_inbound_sessions_this_server_answers(log: spamlab.Log) -> None:
    ax = plots.latency_by_peer(timing.replies(log), log.sessions.assign(role="server"))
    assert "this server" in words(ax)
    assert "EVERYONE" in words(plots.latency_by_peer(timing.replies(log), log.sessions))


def test_periods(log: spamlab.Log) -> None:
    assert "MAIL follows MAIL after 3.14 s on average" in plots.periods(timing.periods(log)).get_title(loc="left")


def test_sizes_shows_every_message(log: spamlab.Log) -> None:
    ax = plots.sizes(sizes.messages(log), sizes.summary(log))
    (dots,) = (line for line in ax.lines if line.get_marker() == "o")
    assert sorted(dots.get_xdata()) == [2135, 2148, 2148, 2155, 2171, 2188, 2192, 2192]
    assert "All 8 messages within 2.7% of one size: 2,135 B to 2,192 B" in ax.get_title(loc="left")
    assert "n = 8" in words(ax)
    (curve,) = (line for line in ax.lines if line.get_color() == look.BLUE)
    assert curve.get_ydata()[-1] == 1


def test_sizes_of_a_long_log_over_a_wide_range() -> None:
    size = np.random.default_rng(2).lognormal(8, 2, MANY).astype(int) + 1
    ax = plots.sizes(pd.DataFrame({"size": pd.array(size, dtype="Int64")}))
    assert ax.get_xscale() == "log"
    assert len(svg(ax)) < 300_000
    assert not any(
        t.get_text().replace(",", "").isdigit() and int(t.get_text().replace(",", "")) > 10_000 for t in texts(ax)
    )


def test_sizes_in_time_colours_the_commonest_recipients(log: spamlab.Log) -> None:
    ax = plots.sizes_in_time(sizes.messages(log), sources=log.sources)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["$RANDOMIZE3T@NETSCAPE.COM (4)", "$RANDOMIZE6E@NETSCAPE.COM (4)"]
    assert ax.get_ylim()[0] == 0
    stamps = np.sort(np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"]))
    assert stamps[0] == mdates.date2num(pd.Timestamp("2003-11-11 14:00:02"))


def test_sizes_in_time_of_a_long_log_stay_small() -> None:
    rng = np.random.default_rng(3)
    messages = pd.DataFrame(
        {
            "time": pd.Timestamp("2003-11-11", tz="UTC") + pd.to_timedelta(rng.integers(0, 86400, MANY), unit="s"),
            "size": pd.array(rng.integers(2100, 2200, MANY), dtype="Int64"),
            "forward_path": rng.choice(["a@x", "b@x", "c@x"], MANY),
        }
    )
    ax = plots.sizes_in_time(messages)
    assert ax.collections[0].get_rasterized()
    assert len(svg(ax)) < 1_000_000
    drawn = plots.data(ax)
    assert drawn["n"].sum() == MANY  # nothing is left out
    assert not ax.get_legend()  # who got them is not told apart any more
    assert "the darker, the more" in plots.alt(ax)


def test_loop_has_a_row_for_each_turn(log: spamlab.Log) -> None:
    ax = plots.loop(loops.turns(log))
    assert "MAIL–RCPT(550)–RSET goes round 7 times, one turn every 3.14 s" in ax.get_title(loc="left")
    marks = {line.get_label(): len(line.get_xdata()) for line in ax.lines}
    assert marks == {"MAIL": 8, "RCPT(550)": 8, "RSET": 7, "QUIT": 1}
    assert len({line.get_marker() for line in ax.lines}) == 4  # told apart without colour
    assert "breaks off differently" in plots.alt(ax)


def test_loop_of_many_turns() -> None:
    n = 20_000
    begun = pd.Timestamp("2003-11-11", tz="UTC") + pd.to_timedelta(np.repeat(np.arange(n) * 3, 3), unit="s")
    turns = pd.DataFrame(
        {
            "session": 0,
            "loop": 0,
            "turn": np.repeat(np.arange(n) + 1, 3),
            "step": np.tile([1, 2, 3], n),
            "symbol": np.tile(["MAIL", "RCPT(550)", "RSET"], n),
            "time": begun,
            "offset": np.tile([0.0, 1, 2], n),
            "whole": True,
        }
    )
    ax = plots.loop(turns)
    assert "the first 30 of 20,000 turns" in plots.alt(ax)
    assert len(plots.data(ax)) == 90
    assert "20,000 times, one turn every 3 s" in ax.get_title(loc="left")


def test_loops_are_compared_from_three_on(log: spamlab.Log) -> None:
    one = loops.find(log)
    assert plots.alt(plots.loops(one)).startswith("1 loop goes round 7 times in all: 22 s and")
    rng = np.random.default_rng(4)
    turns = rng.integers(3, 300, 50_000)
    frame = {"unit": rng.choice(["a", "b"], len(turns)), "turns": turns, "seconds": turns * 3.0, "octets": turns * 100}
    ax = plots.loops(pd.DataFrame(frame))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert len(svg(ax)) < 1_000_000
    assert plots.data(ax)["turns"].sum() == turns.sum()
    # A log without lines states no octets, and turns of three and four have no number between them.
    few = pd.DataFrame(
        {"unit": ["a"] * 4, "turns": [3, 4, 3, 4], "seconds": 5.0, "octets": pd.array([None] * 4, "Int64")}
    )
    ax = plots.loops(few)
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["3", "4", "5"]
    assert ax.get_title(loc="left") == "4 loops go round 14 times in all: 20 s"


def test_octets_are_mirrored_about_zero(log: spamlab.Log) -> None:
    parts = backscatter.parts(log)
    ax = plots.octets(parts)
    widths = [patch.get_width() for patch in ax.patches]
    assert -sum(w for w in widths if w < 0) == parts["out"].sum() == 564
    assert sum(w for w in widths if w > 0) == parts["in"].sum() == 1180
    assert ax.get_xlim()[0] == -ax.get_xlim()[1]
    assert not any(t.get_text().startswith(("-", "−")) for t in ax.get_xticklabels())
    assert "8 NDR attempts cost 1,744 B; RCPT takes 70%" in ax.get_title(loc="left")


def test_saved_stacks_the_body_on_what_was_spent(log: spamlab.Log) -> None:
    saved = backscatter.saved(log)
    ax = plots.saved(saved)
    assert sum(patch.get_width() for patch in ax.patches) == pytest.approx((saved["body"] + saved["spent"]).sum())
    assert "17.3 kB" in ax.get_title(loc="left")
    many = pd.concat([saved] * 5000, ignore_index=True)
    assert len(svg(plots.saved(many))) < 200_000
    # One that was delivered, a thousand times as large, spares nothing and would dwarf the others.
    more = pd.concat([saved, pd.DataFrame({"body": [0], "spent": [2_000_000.0]})], ignore_index=True)
    ax = plots.saved(more)
    assert ax.get_xlim()[1] < 10_000 and len(plots.data(ax)) == len(saved)
    assert "2 MB spent on all; 8 of the refused drawn" in " ".join(text.get_text() for text in ax.texts).replace(
        "\n", " "
    )


# -- what they share -----------------------------------------------------------------------------------


def test_the_look_is_the_style_files() -> None:
    style = mpl.rc_params_from_file(plots.STYLE, use_default_template=False)
    assert style["figure.figsize"] == [6.5, 3.2]
    assert style["text.parse_math"] is False
    assert style["svg.hashsalt"]
    assert min(v for k, v in style.items() if k.endswith(("labelsize", "titlesize", "fontsize", "font.size"))) >= 7


def test_bins_hold_all_times_in_round_steps() -> None:
    first = pd.Timestamp("2003-11-11 23:59:59", tz="UTC")
    for seconds in (0, 1, 59, 3600, 86_400, 40_000_000, 4_000_000_000):
        times = pd.Series([first, first + pd.Timedelta(seconds=seconds)])
        edges, _ = look.bins(times[0], times[1])
        assert len(edges) <= 131
        assert np.histogram(look.days(times), look.days(edges))[0].sum() == 2


def test_a_long_address_loses_its_middle() -> None:
    short = look.safe("a" * 50 + "@" + "b" * 50, 21)
    assert len(short) == 21
    assert short.startswith("aaa")
    assert short.endswith("bbb")
    assert look.safe("x" * 10_000_000, 10)  # at once


def test_of_another_log_the_paper_claims_no_length() -> None:
    frame = pd.DataFrame({"what": ["log", *["complete session"] * 3], "seconds": [7200.0, 1.0, 18.0, 2.0]})
    ax = plots.spans(frame)
    assert plots.alt(ax).startswith("The log lasts 2 h, half of its 3 complete sessions up to 2 s.")
    assert len(ax.lines) == 1  # the dots
    assert plots.alt(plots.spans(frame.head(1))).startswith("The log lasts 2 h.")
    nothing = plots.spans(frame.head(1).assign(seconds=0.0))
    assert plots.alt(nothing).startswith("The log lasts under 1 s.")
    assert [label.get_text() for label in nothing.get_yticklabels()] == [
        "all of the log"
    ]  # no complete session, no row
    assert "35 s of the paper" in plots.alt(plots.spans(frame, claimed=35, whose="the paper"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("claimed", [None, 35])
def test_sessions_of_no_length_have_a_place_on_a_logarithmic_axis(claimed: float | None) -> None:
    """On it 0 stands infinitely far to the left, and a layout that makes room for that has none for the figure."""
    frame = pd.DataFrame({"what": ["log", *["session"] * 40], "seconds": [7200.0, *[0.0] * 20, *range(1, 21)]})
    ax = plots.spans(frame, claimed=claimed)
    ax.figure.canvas.draw()
    assert ax.get_position().width > 0.5
    assert min(ax.lines[0].get_xdata()) == 1
    assert ax.get_xlabel() == "length (what is under 1 s stands at 1 s)"


def test_where_no_body_was_spared_a_sentence_says_so() -> None:
    frame = pd.DataFrame({"body": [0, 0], "spent": [100.0, 200.0]}, index=pd.Index([3, 4], name="transaction"))
    assert plots.alt(plots.saved(frame)).endswith("nothing was spared.")
    frame.loc[4, "body"] = 1000
    assert "1 of 2 refused before a body" in plots.alt(plots.saved(frame))


@pytest.mark.parametrize(("says", "low", "high"), [(look.seconds, 0.8, 2e6), ("{:,.0f}".format, 1_000, 260_000)])
def test_labels_of_a_logarithmic_axis_do_not_touch(says, low, high):
    figure, ax = plt.subplots(figsize=(6, 2), layout="constrained")
    look.scale(ax, "x", says, low, high, log=True)
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    assert len(boxes) > 3
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_what_was_spent_and_what_was_not_sent_are_named_apart() -> None:
    """Also where little was spent beside the dearest attempt."""
    saved = pd.DataFrame({"spent": [300, 300, 20_000], "body": [900, 1200, 0]}).rename_axis("transaction")
    ax = plots.saved(saved)
    ax.figure.canvas.draw()
    spent, body = (t.get_window_extent() for t in texts(ax) if t.get_text() in ("spent", "body not sent"))
    assert spent.x1 < body.x0


def test_what_stands_out_has_its_own_colour_and_the_title() -> None:
    log = spamlab.read(io.BytesIO(attacks.log(attacks.guessing)), format="postfix", year=2026)
    ax = plots.unusual(unusual.series(log), sources=log.sources)
    assert ax.get_title(loc="left").startswith("Since 2026-03-04 14:20")
    assert "somebody is guessing passwords" in plots.alt(ax)
    drawn = plots.data(ax)
    assert drawn is not None and set(drawn.loc[drawn["unusual"], "what"]) == {"failed log-ins", "connections"}


def test_where_nothing_stands_out_the_title_says_so() -> None:
    log = spamlab.read(io.BytesIO(attacks.log()), format="postfix", year=2026)
    assert plots.alt(plots.unusual(unusual.series(log))).startswith("Nothing unusual")
