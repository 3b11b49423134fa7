"""Latencies, periods and how much may be said about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import spamlab
from spamlab import dialogue, stats, timing
from spamlab.log import Log
from tests.made import dialogue_log, empty_log, mta_log, talk

# SCIENCE.md §1
LATENCY = {
    "EHLO": [1],
    "MAIL": [2, 1, 0, 1, 2, 0, 1, 1],
    "RCPT": [1, 0, 1, 3, 1, 0, 1, 1],
    "RSET": [0, 0, 0, 2, 1, 1, 0],
    "QUIT": [1],
}
PERIOD = [3, 2, 3, 6, 4, 2, 2]


def test_appendix_a(appendix: Path) -> None:
    log = spamlab.read(appendix)
    found = timing.replies(log)
    assert {v: rows["latency"].tolist() for v, rows in found.groupby("verb", sort=False)} == LATENCY
    assert (found["latency_high"] - found["latency"]).eq(1).all()
    assert found["latency_low"].eq((found["latency"] - 1).clip(lower=0)).all()
    assert found["code"].value_counts().to_dict() == {250: 16, 550: 8, 221: 1}
    assert log.events.loc[found.index, "kind"].eq("command").all()

    by = timing.summary(log)
    assert by.index.tolist() == list(LATENCY)
    assert by["n"].tolist() == by["answered"].tolist() == [1, 8, 8, 7, 1]
    assert (
        by.loc["MAIL", "mean"] == 1 and by.loc["RCPT", "mean"] == 1 and by.loc["RSET", "mean"] == pytest.approx(4 / 7)
    )
    assert by.loc["MAIL", ["median_low", "median_high", "coverage"]].tolist() == [0, 3, 1 - 2 / 2**8]
    assert by.loc[["EHLO", "QUIT"], ["median_low", "median_high"]].isna().all(axis=None)
    assert by["mean95_low"].isna().all()  # nothing approximate at n = 8

    periods = timing.periods(log)
    assert periods["period"].tolist() == PERIOD
    row = timing.period_summary(log).loc["MAIL to MAIL"]
    # Six of the stamps cancel: 22 s within a second, over 7 periods.
    assert [row["mean_low"], row["mean"], row["mean_high"]] == pytest.approx([21 / 7, 22 / 7, 23 / 7])
    mail = found[found["verb"] == "MAIL"]
    assert stats.turnbull(mail["latency_low"], mail["latency_high"])["cumulative"].tolist() == pytest.approx([0.5, 1])
    assert timing.answer(log) == (
        "25 of 25 commands were answered; MAIL took 1 s on average (n = 8, the stamps allow 0.25 to 2 s), and one "
        "MAIL followed another after 3.14 s on average (n = 7, the stamps allow 3 to 3.29 s)."
    )


def test_corpus(shared: Path) -> None:
    unstamped = spamlab.read(shared / "corpus/exchange55/kb-q245787-outbound-no-timestamps.log")
    found = timing.replies(unstamped)
    assert found["latency"].isna().all() and found["code"].notna().all()
    assert timing.answer(unstamped) == "5 of 5 commands were answered, and the log holds no times that tell how fast."
    assert timing.summary(unstamped)["method"].eq("nothing to measure").all()
    stalled = spamlab.read(shared / "corpus/exchange55/kb-q295725-inbound-stalled.log")
    assert timing.replies(stalled)["verb"].tolist() == ["HELO", "MAIL", "RCPT", "DATA"]


def test_logs_without_replies() -> None:
    full = dialogue_log([talk(["EHLO", "MAIL", "MAIL", "QUIT"])])
    for log in (empty_log(), mta_log(4)):
        for function in (timing.replies, timing.summary, timing.periods, timing.period_summary):
            assert function(log).empty
            assert function(log).dtypes.astype(str).tolist() == function(full).dtypes.astype(str).tolist()
        assert timing.answer(log).startswith("This log holds no command")


def test_one_command_in_good_grammar() -> None:
    assert timing.answer(dialogue_log([talk(["NOOP"])])) == (
        "1 of 1 command was answered; NOOP took 1 s (n = 1, the stamps allow 0 to 2 s)."
    )
    assert timing.answer(dialogue_log([[(0, "C: NOOP")]])) == (
        "0 of 1 command were answered, and the log holds no times that tell how fast."
    )


def test_a_clock_set_back_gives_no_latency() -> None:
    log = dialogue_log([[(9, "C: NOOP"), (3, "S: 250 ok"), (4, "C: NOOP"), (6, "S: 250 ok")]])
    found = timing.replies(log)
    assert found["latency"].isna().tolist() == [True, False]
    assert found[["latency_low", "latency_high"]].isna().all(axis=1).tolist() == [True, False]
    assert timing.summary(log).loc["NOOP", ["n", "answered", "timed"]].tolist() == [2, 2, 1]


def test_unknown_resolution_leaves_bounds_missing() -> None:
    log = dialogue_log([talk(["NOOP"] * 7)])
    log.sources["resolution"] = np.nan
    assert timing.replies(log)["latency_high"].isna().all()
    assert timing.summary(log)["mean"].tolist() == [1] and timing.summary(log)["mean_high"].isna().all()
    assert "resolution of the stamps unknown" in timing.answer(log)


steps = st.lists(st.floats(0, 2.5), min_size=2, max_size=24)


@given(steps, st.floats(0, 0.999))
@settings(max_examples=15, deadline=None)
def test_mean_bounds_hold_the_true_mean_and_are_the_tightest(gaps: list[float], phase: float) -> None:
    """Against the true times, and against a linear program over all times the stamps allow."""
    true = phase + np.cumsum(gaps)
    verbs = ["NOOP", "HELP", "NOOP", "NOOP", "HELP"]
    script = []
    for i, t in enumerate(np.floor(true)):
        script.append((t, f"C: {verbs[i // 2 % 5]}" if i % 2 == 0 else "S: 250 ok"))
    log = dialogue_log([script])
    summary = timing.summary(log)
    n = len(true) // 2
    verb = np.array([verbs[i % 5] for i in range(n)])
    for name, row in summary[summary["timed"] > 0].iterrows():
        own = np.flatnonzero(verb == name)
        latency = true[1 : 2 * n : 2][own] - true[: 2 * n : 2][own]
        assert row["mean_low"] - 1e-9 <= latency.mean() <= row["mean_high"] + 1e-9
        weight = np.zeros(len(true))
        weight[own * 2 + 1] += 1 / len(own)
        weight[own * 2] -= 1 / len(own)
        order = np.eye(len(true))[:-1] - np.eye(len(true))[1:]
        ranges = np.column_stack([np.floor(true), np.floor(true) + 1])
        for sign, bound in ((1, row["mean_low"]), (-1, row["mean_high"])):
            best = linprog(sign * weight, A_ub=order, b_ub=np.zeros(len(order)), bounds=ranges)
            assert sign * best.fun == pytest.approx(bound, abs=1e-7)


@given(steps, st.integers(-(10**6), 10**6))
@settings(max_examples=20, deadline=None)
def test_times_shift_and_nothing_else_changes(gaps: list[float], shift: int) -> None:
    times = np.floor(np.cumsum(gaps))
    script = [(t, "C: MAIL FROM:<>" if i % 2 == 0 else "S: 250 ok") for i, t in enumerate(times)]
    here, there = dialogue_log([script]), dialogue_log([[(t + shift, line) for t, line in script]])
    for function in (timing.periods, timing.replies):
        pd.testing.assert_frame_equal(function(here).drop(columns="time"), function(there).drop(columns="time"))
    pd.testing.assert_frame_equal(timing.summary(here), timing.summary(there))
    periods = timing.periods(here)
    mails = times[::2]
    assert periods["period"].tolist() == np.diff(mails).tolist()


def latencies(rng: np.random.Generator, n: int, chain: bool) -> Log:
    """A session of n RCPT with lognormal latencies (median 1 s), stamps truncated to seconds."""
    x = rng.lognormal(size=n)
    wait = np.zeros(n) if chain else rng.exponential(3, n)
    at = np.cumsum(np.column_stack([wait, x]).ravel()) + rng.random()
    return _stamped(np.floor(at))


def _stamped(stamps: np.ndarray) -> Log:
    reply = np.arange(len(stamps)) % 2
    time = pd.Timestamp("2003-11-11", tz="UTC") + pd.to_timedelta(stamps, unit="s")
    events = spamlab.tables.conform(
        "events",
        {
            "time": pd.Series(time).astype("datetime64[us, UTC]"),
            "session": np.zeros(len(stamps), int),
            "kind": pd.Categorical.from_codes(reply, ["command", "reply"]),
            "direction": pd.Categorical.from_codes(reply, ["sent", "received"]),
            "verb": pd.Categorical.from_codes(np.where(reply, -1, 0), ["RCPT"]),
            "code": pd.array(np.where(reply, 250, 0), "Int64"),
            "source": pd.Categorical(["made"] * len(stamps)),
        },
    )
    events.loc[reply == 0, "code"] = pd.NA
    sources = spamlab.tables.conform("sources", {"source": ["made"], "resolution": [1.0]})
    return Log({"events": events, "sources": sources})


@pytest.mark.parametrize("chain", [False, True])
def test_printed_intervals_cover_the_truth(chain: bool) -> None:
    """Through the whole way, from one-second stamps: median at n = 8 exact, mean from its n on approximate."""
    rng = np.random.default_rng(chain)
    few = [timing.summary(latencies(rng, 8, chain)).iloc[0] for _ in range(40)]
    assert sum(row["median_low"] <= 1 <= row["median_high"] for row in few) >= 37
    many = [timing.summary(latencies(rng, stats.MEAN_FROM, chain)).iloc[0] for _ in range(40)]
    hits = sum(row["mean95_low"] <= np.exp(0.5) <= row["mean95_high"] for row in many)
    assert hits >= 29  # P(Bin(40, 0.93) < 29) < 0.01%; the sharper check is in test_stats
    assert all(row["mean_low"] <= row["mean"] <= row["mean_high"] for row in few + many)
    if chain:  # no reply is later than the command after it: above, all stamps but the last cancel
        assert all(row["mean_high"] - row["mean"] == pytest.approx(1 / row["n"]) for row in few)


def test_a_million_events() -> None:
    log = latencies(np.random.default_rng(0), 500_000, True)
    found = timing.summary(log)
    assert found["mean_high"].iloc[0] - found["mean"].iloc[0] == pytest.approx(1 / 500_000, rel=1e-3)
    assert found["mean95_low"].iloc[0] <= np.exp(0.5) <= found["mean95_high"].iloc[0]
    assert len(dialogue.answers(log.events)) == 500_000
