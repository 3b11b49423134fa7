"""Small statistical tools that stay honest at small n (SCIENCE.md §4).

Exact (conservative) intervals at any n: order statistics for a median, the Kolmogorov–Smirnov distribution
for a band around an ECDF, the binomial's for a share, the Poisson's for a rate. One approximate interval, for a mean,
from ``MEAN_FROM`` values upward; ``tests/test_stats.py`` checks its coverage by simulation.
All of them take the values for independent draws of one distribution; the interval for the mean
also bears dependence over short stretches.

>>> median_interval([2, 1, 0, 1, 2, 0, 1, 1])
(0.0, 2.0, 0.9921875)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
MEAN_FROM = 1000  # values needed before an approximate interval for a mean is given
_BATCHES = 25
_GRID = 2000  # distinct endpoints an NPMLE is computed on; finer data are censored to this grid


# SciPy's distributions take half a second to load: each is loaded where it is needed.


def median_ranks(n: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], Floats]:
    """Ranks of the order statistics that enclose the median, with their exact coverage.

    The interval from the k-th smallest to the k-th largest of n independent values encloses the
    median of their distribution with probability 1 - 2 P(Bin(n, 1/2) < k), more with ties
    (David and Nagaraja, Order Statistics, §7.1).

    Parameters
    ----------
    n : sample sizes, any shape.

    Returns
    -------
    k, coverage : arrays of the shape of n; k = 0 and coverage NaN where n is too small (n < 6 at 95%).
    """
    from scipy.stats import binom

    n = np.asarray(n, dtype=np.int64)
    k = np.maximum(binom.ppf((1 - LEVEL) / 2, n, 0.5), 0).astype(np.int64)
    coverage = 1 - 2 * binom.cdf(k - 1, n, 0.5)
    return k, np.where(k > 0, coverage, np.nan)


def median_interval(low: npt.ArrayLike, high: npt.ArrayLike | None = None) -> tuple[float, float, float]:
    """Exact interval of the median: low, high, coverage; all NaN where n is too small.

    Of values known only to lie between bounds the interval begins with a ``low`` and ends with a ``high``.

    >>> median_interval([2171, 2135, 2188, 2155, 2192, 2192, 2148, 2148])
    (2135.0, 2192.0, 0.9921875)
    """
    lows, highs = np.sort(np.asarray(low, dtype=float)), np.sort(np.asarray(low if high is None else high, dtype=float))
    k, coverage = median_ranks(len(lows))
    return (float(lows[k - 1]), float(highs[-k]), float(coverage)) if k else (np.nan, np.nan, np.nan)


def share_interval(hits: int, n: int) -> tuple[float, float]:
    """Exact interval of a share: low, high, at least 95% (Clopper and Pearson, Biometrika 26, 1934); n = 0: 0 to 1.

    >>> [round(end, 3) for end in share_interval(8, 8)]
    [0.631, 1.0]
    """
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0


def rate_interval(count: int, exposure: float) -> tuple[float, float]:
    """Exact interval of a rate from a count in a time (or other exposure) of more than 0: low, high, per unit of it.

    At least 95% if events come as a Poisson process, and more if they come more evenly, as a loop's do (Garwood,
    Biometrika 28, 1936); it makes no difference whether the time or the count was fixed beforehand.

    >>> [round(end, 2) for end in rate_interval(8, 26)]
    [0.13, 0.61]
    """
    from scipy.stats import chi2

    tail = (1 - LEVEL) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    return low / exposure, float(chi2.ppf(1 - tail, 2 * count + 2)) / 2 / exposure


def mean_interval(values: npt.ArrayLike) -> tuple[float, float]:
    """Approximate interval of a mean from batch means; NaN below ``MEAN_FROM`` values.

    The values, in the order they were observed, are cut into 25 batches and Student's t is put on the
    batches' means: that bears skew, and dependence between neighbours, such as the errors that
    truncated time stamps share (Law, Simulation Modeling and Analysis, §9.5.3).
    """
    x = np.asarray(values, dtype=float)
    if len(x) < MEAN_FROM:
        return np.nan, np.nan
    from scipy.stats import t

    starts = np.linspace(0, len(x), _BATCHES, endpoint=False).astype(int)
    means = np.array([batch.mean() for batch in np.split(x, starts[1:])])
    half = float(t.ppf((1 + LEVEL) / 2, _BATCHES - 1) * means.std(ddof=1) / np.sqrt(_BATCHES))
    return float(x.mean() - half), float(x.mean() + half)


def turnbull(low: npt.ArrayLike, high: npt.ArrayLike, rounds: int = 2000) -> pd.DataFrame:
    """Distribution function of interval-censored values: Turnbull's NPMLE with an exact band.

    A value is known to lie between its ``low`` and ``high`` (equal: known exactly). The estimate puts
    mass only on the innermost intervals, from a low to the next high; EM finds how much (Turnbull,
    J. R. Statist. Soc. B 38, 1976). An observation covers a run of neighbouring innermost intervals,
    so a round of EM is two cumulative sums: time grows linearly with the number of distinct intervals.
    The band holds the true function everywhere at once with 95% probability or more: the exact
    Kolmogorov–Smirnov distance for n values is put around the lowest and the highest ECDF the
    intervals allow.

    Parameters
    ----------
    low, high : bounds, same length; pairs with a missing bound are left out.
    rounds : EM stops when no mass moves by more than 1e-7, or after so many rounds.

    Returns
    -------
    DataFrame, one row an innermost interval, in order: ``low``, ``high`` (in the unit of the bounds),
    ``cumulative`` (value of the function from ``high`` to the next ``low``; within an interval it rises
    in a way the data cannot tell), ``band_low``, ``band_high``.
    """
    from scipy.stats import kstwo

    a, b = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    known = np.isfinite(a) & np.isfinite(b) & (a <= b)
    a, b = a[known], b[known]
    n, names = len(a), ["low", "high", "cumulative", "band_low", "band_high"]
    if n == 0:
        return pd.DataFrame(columns=names, dtype="float64")
    if len(ends := np.unique(np.concatenate([a, b]))) > _GRID:
        # Widening an interval loses a little and stays true: snap outward to quantiles of the ends.
        grid = ends[np.linspace(0, len(ends) - 1, _GRID).astype(int)]
        a = grid[np.searchsorted(grid, a, "right") - 1]
        b = grid[np.searchsorted(grid, b)]
    exact = a == b
    b = np.where(exact, np.nextafter(a, np.inf), b)  # a point is an interval one ulp wide
    # Intervals are open: at a tie a high comes before a low.
    ends, is_low = np.concatenate([b, a]), np.repeat([False, True], n)
    order = np.argsort(ends, kind="stable")
    ends, is_low = ends[order], is_low[order]
    inner = np.flatnonzero(is_low[:-1] & ~is_low[1:])
    left, right = ends[inner], ends[inner + 1]
    # Observation i covers innermost intervals first[i] .. last[i] - 1.
    base = len(left) + 1
    pairs, weight = np.unique(np.searchsorted(left, a) * base + np.searchsorted(right, b, "right"), return_counts=True)
    first, last = np.divmod(pairs, base)
    mass = np.full(len(left), 1 / len(left))
    for _ in range(rounds):
        below = np.concatenate([[0.0], np.cumsum(mass)])
        pull = weight / np.maximum(below[last] - below[first], 1e-300)
        change = np.bincount(first, pull, base) - np.bincount(last, pull, base)
        new = mass * np.cumsum(change)[:-1] / n
        moved, mass = np.abs(new - mass).max(), new
        if moved < 1e-7:
            break
    reach = kstwo.ppf(LEVEL, n)  # how far an ECDF strays from the truth at most (Kolmogorov–Smirnov)
    surely = np.searchsorted(np.sort(b), right, "right") / n  # share of values that must lie below
    possibly = np.append(np.searchsorted(np.sort(a), left[1:]) / n, 1.0)
    point = np.nextafter(left, np.inf) == right
    bounds = np.maximum(surely - reach, 0), np.minimum(possibly + reach, 1)
    columns = left, np.where(point, left, right), np.minimum(np.cumsum(mass) / mass.sum(), 1), *bounds
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def figure(value: float, digits: int = 3) -> str:
    """A number for a sentence: so many significant digits, thousands separated.

    >>> figure(22 / 7), figure(1.0), figure(2166.125), figure(12345.6)
    ('3.14', '1', '2,166', '12,346')
    """
    if not np.isfinite(value):
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
