"""The statistical tools against SciPy, known values and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as sp

from spamlab import stats


def covered(hits: int, n: int, low: float, high: float = 1.0) -> bool:
    """Whether the hits leave it possible (exact binomial, 1 in 10,000) that coverage is in low … high."""
    return bool(sp.binom.cdf(hits, n, low) > 1e-4 and sp.binom.sf(hits - 1, n, high) > 1e-4)


def test_median_ranks_at_small_n() -> None:
    ranks, coverage = stats.median_ranks(np.arange(10))
    assert ranks.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 2]
    assert np.isnan(coverage[:6]).all()
    assert coverage[6:] == pytest.approx([1 - 2 / 2**6, 1 - 2 / 2**7, 1 - 2 / 2**8, 1 - 20 / 2**9])


@given(st.integers(6, 3000))
@settings(max_examples=60, deadline=None)
def test_median_ranks_are_the_narrowest_that_cover(n: int) -> None:
    rank, coverage = stats.median_ranks(n)
    assert 0.95 <= coverage < 1
    assert 1 - 2 * sp.binom.cdf(rank, n, 0.5) < 0.95


@pytest.mark.parametrize("n", [8, 25, 120])
def test_median_interval_covers(n: int) -> None:
    draws = np.random.default_rng(n).lognormal(size=(4000, n))
    ends = np.array([stats.median_interval(x) for x in draws])
    hits = int(((ends[:, 0] <= 1) & (ends[:, 1] >= 1)).sum())
    assert covered(hits, len(draws), 0.95)
    assert hits / len(draws) == pytest.approx(ends[0, 2], abs=0.015)  # the coverage stated is the coverage


@pytest.mark.parametrize("n", [stats.MEAN_FROM, 3 * stats.MEAN_FROM])
@pytest.mark.parametrize("stamped", [False, True])
def test_mean_interval_covers_93_to_97_percent(n: int, stamped: bool) -> None:
    """Skewed latencies, also seen through truncated stamps whose errors neighbours share."""
    rng, runs, hits = np.random.default_rng(n + stamped), 2500, 0
    for x in rng.lognormal(size=(runs, n)):
        seen = np.diff(np.floor(np.cumsum(np.append(rng.random(), x)))) if stamped else x
        low, high = stats.mean_interval(seen)
        hits += low <= np.exp(0.5) <= high
    assert covered(hits, runs, 0.93, 0.97)


def test_mean_interval_says_nothing_below_its_n() -> None:
    assert np.isnan(stats.mean_interval(np.ones(stats.MEAN_FROM - 1))).all()


def test_turnbull_on_exact_values_is_the_ecdf() -> None:
    x = [3.0, 1.0, 2.0, 3.0]
    found, known = stats.turnbull(x, x), sp.ecdf(x).cdf
    assert found["low"].tolist() == found["high"].tolist() == known.quantiles.tolist()
    assert found["cumulative"].tolist() == pytest.approx(known.probabilities.tolist())


def test_turnbull_on_known_cases() -> None:
    found = stats.turnbull([1, 0, 0, 0, 1, 0, 0, 0], [3, 2, 1, 2, 3, 1, 2, 2])  # Appendix A, MAIL
    assert found[["low", "high"]].to_numpy().tolist() == [[0, 1], [1, 2]]
    assert found["cumulative"].tolist() == pytest.approx([0.5, 1])
    # Intervals are open: two that touch share nothing.
    assert stats.turnbull([0, 2], [2, 4])["low"].tolist() == [0, 2]
    assert stats.turnbull([], []).empty
    assert len(stats.turnbull([np.nan, 1], [1, np.nan])) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), min_size=1, max_size=25))
@settings(max_examples=80, deadline=None)
def test_turnbull_is_the_likeliest(pairs: list[tuple[int, int]]) -> None:
    low = np.array([a for a, _ in pairs], float)
    high = low + [b for _, b in pairs]
    found = stats.turnbull(low, high)
    mass = np.diff(found["cumulative"], prepend=0)
    inside = (found["low"].to_numpy() >= low[:, None]) & (found["high"].to_numpy() <= high[:, None])
    # Kuhn–Tucker: no other distribution can have a higher likelihood.
    assert (inside / (inside @ mass)[:, None]).sum(axis=0).max() <= len(low) * 1.01
    assert (mass >= -1e-12).all() and found["cumulative"].iloc[-1] == pytest.approx(1)
    assert (found["band_low"] <= found["cumulative"] + 1e-9).all()
    assert (found["cumulative"] <= found["band_high"] + 1e-9).all()


@pytest.mark.parametrize("n", [8, 60])
def test_band_covers_the_truth_through_one_second_stamps(n: int) -> None:
    rng, runs, hits = np.random.default_rng(n), 1500, 0
    for _ in range(runs):
        x, u = rng.exponential(2.0, n), rng.random(n)
        d = np.floor(x + u)  # the command is stamped 0
        found = stats.turnbull(np.maximum(d - 1, 0), d + 1, rounds=1)  # the band needs no EM
        at = found["high"].to_numpy()
        until = np.append(found["low"].to_numpy()[1:], np.inf)
        truth_low, truth_high = 1 - np.exp(-at / 2), 1 - np.exp(-until / 2)
        hits += (found["band_low"] <= truth_low).all() and (truth_high <= found["band_high"] + 1e-12).all()
    assert covered(hits, runs, 0.95)


def test_turnbull_recovers_a_distribution_and_is_fast_on_fine_stamps() -> None:
    rng = np.random.default_rng(3)
    x, u = rng.exponential(3.0, 100_000), rng.random(100_000)
    d = np.floor(x + u)
    found = stats.turnbull(np.maximum(d - 1, 0), d + 1)
    inner = found[found["high"] < 8]
    assert np.abs(inner["cumulative"] - (1 - np.exp(-inner["high"] / 3))).max() < 0.02
    fine = stats.turnbull(np.maximum(x - 0.001, 0), x + 0.001)
    assert len(fine) <= 2000
    assert np.abs(fine["cumulative"] - (1 - np.exp(-fine["high"] / 3))).max() < 0.01


def test_words() -> None:
    assert stats.figure(float("nan")) == "unknown"
    assert stats.figure(0.0) == "0"
