"""Every interval that is printed holds the truth as often as it says (``benchmarks/coverage.py`` runs more of it)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as sp

from benchmarks.coverage import INTERVALS, KINDS, possible, stamped_log
from spamlab import stats, timing

quick = {name: interval for name, interval in INTERVALS.items() if interval.quick}


@pytest.mark.parametrize("name", quick)
def test_the_interval_holds_the_truth(name: str) -> None:
    seed, interval = list(INTERVALS).index(name), quick[name]
    held = interval.held(np.random.default_rng(seed), interval.quick)
    assert len(held) == interval.quick
    assert possible(int(held.sum()), len(held), interval.kind), (
        f"{held.mean():.1%} of {len(held)}: {KINDS[interval.kind]}"
    )


def test_what_covers_too_seldom_is_noticed() -> None:
    """A percentile bootstrap of a skewed mean at n = 8 covers about 84% (SCIENCE.md §4): not good enough, and seen."""
    rng, runs = np.random.default_rng(0), 1000
    x = rng.lognormal(size=(runs, 8))
    means = np.take_along_axis(x[:, None, :], rng.integers(0, 8, (runs, 400, 8)), axis=2).mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    hits = int(((low <= np.exp(0.5)) & (np.exp(0.5) <= high)).sum())
    assert not possible(hits, runs, "exact") and not possible(hits, runs, "approximate")
    assert not possible(990, 1000, "approximate")  # too wide is wrong as well
    assert possible(950, 1000, "exact") and possible(950, 1000, "approximate") and not possible(999, 1000, "certain")


@pytest.mark.parametrize(
    ("law", "within"), [(sp.expon(scale=2.0), 0.02), (sp.lognorm(0.9, scale=1.5), 0.06), (sp.uniform(0.2, 4), 0.06)]
)
def test_the_latency_estimator_recovers_a_distribution_from_stamps(law: sp.rv_continuous, within: float) -> None:
    """Through the whole way: a log stamped to the second, ``timing.replies``, the censored estimate.

    Stamps are not what Turnbull's estimator supposes: how they fall depends on the latency itself, so that it is a few
    hundredths off where the distribution bends within a second, however long the log. The band allows for that. What
    stamps tell without bias is the mean of the distribution function over each second, as the share of latencies
    logged as d or less.
    """
    rng = np.random.default_rng(7)
    log = stamped_log(law.rvs(size=(20, 1500), random_state=rng), rng)
    replies = timing.replies(log)
    found = stats.turnbull(replies["latency_low"], replies["latency_high"])
    assert len(replies) == 30_000
    inner = found[found["high"] <= 8]
    assert np.abs(inner["cumulative"] - law.cdf(inner["high"])).max() < within
    low, high = law.cdf(found["low"]), law.cdf(found["high"])
    assert (found["band_low"] <= high + 1e-9).all() and (low <= found["band_high"] + 1e-9).all()
    seconds = np.arange(9)
    logged = (replies["latency"].to_numpy()[:, None] <= seconds).mean(axis=0)
    grid = seconds[:, None] + np.linspace(0, 1, 2001)
    assert np.abs(logged - law.cdf(grid).mean(axis=1)).max() < 0.012  # 1.36 / √30,000 and a little
    medians = timing.summary(log)
    hits = int(((medians["median_low"] <= law.median()) & (law.median() <= medians["median_high"])).sum())
    assert possible(hits, 20, "exact")
