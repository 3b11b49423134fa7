"""How often the intervals that spamlab prints hold the truth: every kind of them, on simulated samples and logs.

    .venv/bin/python -m benchmarks.coverage [SAMPLES]      (10,000 of each by default: a night's run, some minutes)

An *exact* interval must hold it in 95% of all samples or more, an *approximate* one in 93 to 97%, a *certain* bound
always. ``tests/test_coverage.py`` runs the same on fewer samples. Whether the hits fit is asked of the exact binomial
distribution: a true 95% fails once in 10,000 runs, and with the seeds as they are always or never.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats as sp

import spamlab
from benchmarks.writers.exchange55 import exchange55
from benchmarks.writers.scenario import Scenario
from spamlab import evidence, simulate, sizes, stats, tables, timing
from spamlab.log import Log
from spamlab.simulate import Load, Lognormal, Spam
from spamlab.simulate.measures import spread

Bools = np.ndarray
KINDS = {"exact": (0.95, 1.0), "approximate": (0.93, 0.97), "certain": (1.0, 1.0)}


@dataclass(frozen=True)
class Interval:
    """An interval that is printed: its kind; what tells of so many samples which it held the truth of; how many are
    drawn where time is short (0: none)."""

    kind: str
    held: Callable[[np.random.Generator, int], Bools]
    quick: int = 1000


def possible(hits: int, n: int, kind: str) -> bool:
    """Whether so many hits leave it possible (exact binomial, 1 in 10,000) that the coverage is what it must be."""
    low, high = KINDS[kind]
    return bool(sp.binom.cdf(hits, n, low) > 1e-4 and sp.binom.sf(hits - 1, n, high) > 1e-4)


# -- latencies, through stamps of one second ------------------------------------------------------------------------


def stamped_log(latency: np.ndarray, rng: np.random.Generator) -> Log:
    """A Log of one session a row: commands after a pause, answered so many s later, stamped to the second.

    The commands of row r are of a verb of their own, so that one ``timing.summary`` summarises as many samples as rows.
    """
    runs, n = latency.shape
    wait = rng.exponential(3.0, (runs, n))
    at = np.floor(np.cumsum(np.stack([wait, latency], axis=2).reshape(runs, 2 * n), axis=1) + rng.random((runs, 1)))
    reply = np.tile(np.arange(2 * n) % 2, runs)
    session = np.repeat(np.arange(runs), 2 * n)
    verbs = [f"V{r}" for r in range(runs)]
    columns = {
        "time": pd.Series(pd.Timestamp("2003-11-11", tz="UTC") + pd.to_timedelta(at.ravel(), unit="s")),
        "session": session,
        "kind": pd.Categorical.from_codes(reply, ["command", "reply"]),
        "direction": pd.Categorical.from_codes(reply, ["sent", "received"]),
        "verb": pd.Categorical.from_codes(np.where(reply, -1, session), verbs),
        "code": pd.Series(250, range(len(reply)), dtype="Int64").where(reply == 1),
        "source": pd.Categorical(["made"] * len(reply)),
    }
    columns["time"] = columns["time"].astype("datetime64[us, UTC]")
    sources = tables.conform("sources", {"source": ["made"], "resolution": [1.0]})
    return Log({"events": tables.conform("events", columns), "sources": sources})


def _summaries(rng: np.random.Generator, runs: int, n: int) -> tuple[np.ndarray, pd.DataFrame]:
    latency = rng.lognormal(size=(runs, n))
    return latency, timing.summary(stamped_log(latency, rng))


def _median(n: int) -> Callable[..., Bools]:
    def held(rng: np.random.Generator, runs: int) -> Bools:
        found = _summaries(rng, runs, n)[1]
        return np.asarray((found["median_low"] <= 1) & (found["median_high"] >= 1))

    return held


def _mean_bounds(rng: np.random.Generator, runs: int) -> Bools:
    latency, found = _summaries(rng, runs, 8)
    true = latency.mean(axis=1)
    return np.asarray((found["mean_low"] - 1e-9 <= true) & (true <= found["mean_high"] + 1e-9))


def _single_bounds(rng: np.random.Generator, runs: int) -> Bools:
    latency = rng.lognormal(size=(runs, 1))
    found = timing.replies(stamped_log(latency, rng))
    return np.asarray((found["latency_low"] <= latency[:, 0]) & (latency[:, 0] <= found["latency_high"]))


def _mean(stamped: bool) -> Callable[..., Bools]:
    def held(rng: np.random.Generator, runs: int) -> Bools:
        out = np.zeros(runs, dtype=bool)
        for run in range(runs):
            x = rng.lognormal(size=stats.MEAN_FROM)
            seen = np.diff(np.floor(np.cumsum(np.append(rng.random(), x)))) if stamped else x
            low, high = stats.mean_interval(seen)
            out[run] = low <= np.exp(0.5) <= high
        return out

    return held


def _mean_of_a_log(rng: np.random.Generator, runs: int) -> Bools:
    found = [_summaries(rng, min(100, runs - at), stats.MEAN_FROM)[1] for at in range(0, runs, 100)]
    table = pd.concat(found)
    return np.asarray((table["mean95_low"] <= np.exp(0.5)) & (np.exp(0.5) <= table["mean95_high"]))


# -- bands around distributions -----------------------------------------------------------------------------------


def _band(n: int, stamped: bool) -> Callable[..., Bools]:
    """Of the whole function at once: latencies through stamps (notebook 02), or exact sizes (notebook 03)."""

    def held(rng: np.random.Generator, runs: int) -> Bools:
        out = np.zeros(runs, dtype=bool)
        for run in range(runs):
            x = rng.exponential(2.0, n)
            low, high = x, x
            if stamped:
                d = np.floor(x + rng.random(n))
                low, high = np.maximum(d - 1, 0), d + 1
            found = stats.turnbull(low, high, rounds=1)  # the band needs no EM
            until = np.append(found["low"].to_numpy()[1:], np.inf)
            truth_low, truth_high = 1 - np.exp(-found["high"].to_numpy() / 2), 1 - np.exp(-until / 2)
            inside = (found["band_low"] <= truth_low + 1e-12) & (truth_high <= found["band_high"] + 1e-12)
            out[run] = inside.all()
        return out

    return held


# -- sizes, shares and rates --------------------------------------------------------------------------------------


def _size_median(n: int) -> Callable[..., Bools]:
    def held(rng: np.random.Generator, runs: int) -> Bools:
        out = np.zeros(runs, dtype=bool)
        for run in range(runs):
            size = np.ceil(rng.lognormal(np.log(2000), 0.8, n))  # median 2000, in whole octets: 2000 or 2001
            made = {"transaction": np.arange(n), "size": size.astype(int), "null_sender": [True] * n}
            row = sizes.summary(Log({"transactions": tables.conform("transactions", made)})).loc["all"]
            out[run] = row["median_low"] <= 2001 and row["median_high"] >= 2000
        return out

    return held


def _share(n: int, p: float) -> Callable[..., Bools]:
    def held(rng: np.random.Generator, runs: int) -> Bools:
        ends = np.array([stats.share_interval(hits, n) for hits in range(n + 1)])
        low, high = ends[rng.binomial(n, p, runs)].T
        return np.asarray((low <= p) & (p <= high))

    return held


def _rate(mean: float) -> Callable[..., Bools]:
    def held(rng: np.random.Generator, runs: int) -> Bools:
        ends = np.array([stats.rate_interval(int(count), 2.0) for count in rng.poisson(mean, runs)])
        return np.asarray((ends[:, 0] <= mean / 2) & (mean / 2 <= ends[:, 1]))

    return held


def _pace(n: int, shape: float) -> Callable[..., Bools]:
    """A loop of n turns, each of gamma length (shape 1: the exponential one, the worst), timed to the second."""

    def held(rng: np.random.Generator, runs: int) -> Bools:
        took = rng.gamma(n * shape, 3.0 / shape, runs)
        begin = rng.random(runs)
        logged = np.floor(begin + took)
        ends = [evidence.pace(n, float(max(t, 0.5)), 1.0, 1.0) for t in logged]
        low, _, high = np.array(ends).T
        return np.asarray((low <= 1 / 3) & (high >= 1 / 3))

    return held


def _loops_of_logs(rng: np.random.Generator, runs: int) -> Bools:
    """Claims 5 and 6, end to end: simulated Exchange 5.5 logs of one RSET loop each, written and read."""
    found = []
    for seed in rng.integers(0, 2**31, runs):
        about = Scenario(
            seed=int(seed), sessions=1, outbound=1.0, loops=1.0, turns=Lognormal(12, 0.3), dropped=0.0, silent=0.0
        )
        log = spamlab.read(_bytes(exchange55(about)[0]), format="exchange55")
        found.append(evidence.tempo(log))
    n, took, _ = np.array(found).T
    rate = n.sum() / took.sum()
    low, _, high = np.array([evidence.pace(int(n), took, slack, 1.0) for n, took, slack in found]).T
    return np.asarray((low <= rate) & (rate <= high))


def _bytes(text: bytes) -> object:
    import io

    return io.BytesIO(text)


# -- the model's own ------------------------------------------------------------------------------------------------


def _guesses(share: float) -> Callable[..., Bools]:
    """Messages for each address found (``simulate.harvest``): from the share of a Poisson number of guesses."""

    def held(rng: np.random.Generator, runs: int) -> Bools:
        sent = rng.poisson(20 / share, runs)
        ends = np.array([stats.share_interval(int(rng.binomial(n, share)), int(n)) for n in sent])
        return np.asarray((ends[:, 0] <= share) & (share <= ends[:, 1]))  # 1/x turns both ends over

    return held


def _mean_count(rng: np.random.Generator, runs: int) -> Bools:
    """Student's interval of ``simulate.measures``: counts of six runs whose messages come in clumps, as reports do."""
    clumps = rng.poisson(40, (runs, 6))
    values = np.vectorize(lambda n: rng.integers(1, 5, n).sum())(clumps)
    ends = np.array([spread(one.astype(float)) for one in values])
    return np.asarray((ends[:, 0] <= 100) & (ends[:, 1] >= 100))


def _simulated(rng: np.random.Generator, runs: int) -> Bools:
    """The same of whole simulations, against the mean of them all."""
    load, first, found = Load(spam=Spam(rate=1.0)), int(rng.integers(0, 2**20)), []
    for n in range(runs):
        table = simulate.measures(None, load, names=("nothing",), duration=60, replications=4, seed=first + 4 * n)
        found.append(table.set_index("outcome").loc["NDRs", ["value", "low", "high"]])
    value, low, high = pd.DataFrame(found).astype("float64").to_numpy().T
    return np.asarray((low <= value.mean()) & (value.mean() <= high))


def _capacity(rng: np.random.Generator, runs: int) -> Bools:
    """Of the capacity that ``simulate.saturation`` finds, against the one by arithmetic."""
    first, ends = int(rng.integers(0, 2**20)), ["capacity_expected", "capacity_low", "capacity_high"]
    found = [
        simulate.saturation((0.0,), names=("nothing",), duration=300, replications=4, seed=first + 4 * n)[ends]
        for n in range(max(runs // 10, 200))
    ]
    expected, low, high = pd.concat(found).to_numpy().T
    return np.asarray((low <= expected.mean()) & (expected.mean() <= high))


INTERVALS = {
    "bounds of one latency": Interval("certain", _single_bounds),
    "bounds of a mean latency, n = 8": Interval("certain", _mean_bounds),
    "median latency, n = 8": Interval("exact", _median(8)),
    "median latency, n = 30": Interval("exact", _median(30)),
    "mean latency, n = 1,000": Interval("approximate", _mean(False), 1500),
    "mean latency through stamps, n = 1,000": Interval("approximate", _mean(True), 1500),
    "mean latency of a whole log, n = 1,000": Interval("approximate", _mean_of_a_log, 0),
    "band of latencies, n = 8": Interval("exact", _band(8, True)),
    "band of latencies, n = 60": Interval("exact", _band(60, True)),
    "band of sizes, n = 8": Interval("exact", _band(8, False)),
    "median size, n = 8": Interval("exact", _size_median(8), 300),
    **{f"share {p:g} of {n}": Interval("exact", _share(n, p)) for n in (8, 60, 500) for p in (0.01, 0.3, 0.95)},
    **{f"rate, {mean:g} events": Interval("exact", _rate(mean)) for mean in (0.5, 8.0, 200.0)},
    "pace of a loop through stamps, n = 8": Interval("exact", _pace(8, 3.0)),
    "pace of random arrivals through stamps, n = 8": Interval("exact", _pace(8, 1.0)),
    "pace of loops of whole logs": Interval("exact", _loops_of_logs, 100),
    "messages an address found": Interval("exact", _guesses(0.01)),
    "mean count of six runs": Interval("approximate", _mean_count),
    "NDRs an hour of simulations": Interval("approximate", _simulated, 0),
    "capacity of simulations": Interval("approximate", _capacity, 0),
}


def main() -> int:
    """Measure all; print a table; 1 if some interval does not do what it says."""
    runs, bad = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 0
    print(f"{'interval':48}{'kind':14}{'samples':>9}{'held':>9}   exact 95% of the coverage")
    for seed, (name, interval) in enumerate(INTERVALS.items()):
        held = interval.held(np.random.default_rng(seed), runs)
        low, high = stats.share_interval(int(held.sum()), len(held))
        fits = possible(int(held.sum()), len(held), interval.kind)
        bad += not fits
        said = f"{name:48}{interval.kind:14}{len(held):9,}{held.mean():9.2%}   {low:.2%} to {high:.2%}"
        print(said + "   NO" * (not fits), flush=True)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
