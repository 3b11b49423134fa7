"""What would have stopped it: the server run under each measure, with the same arrivals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from spamlab.simulate.settings import MEASURES, Load, Server


def error_messages(*, seed: int = 0) -> pd.DataFrame:
    """How many error messages one spam causes: each case simulated with one spam and nothing else.

    Returns
    -------
    DataFrame, one row a case: ``policy`` (``as it is`` or the name of a measure), ``sender`` (``valid``,
    ``invalid``, ``null``, ``malformed``), ``recipient`` (``valid``, ``invalid``), ``sender_host`` (``refuses``
    at RCPT, or ``accepts`` and reports later), ``to_sender`` (NDRs), ``to_administrator`` (notifications of
    the failure), ``double_bounces`` (notifications that the NDR failed), ``returned`` (errors that the
    sender's host sends back), ``messages`` (their sum, 0–4), ``across_internet`` (of these, ``to_sender`` and
    ``returned``).
    """
    raise NotImplementedError


def measures(
    server: Server | None = None,
    load: Load | None = None,
    *,
    names: Sequence[str] = tuple(MEASURES),
    duration: float = 600.0,
    replications: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Every measure the paper names, each by itself, against every outcome; same seeds for all.

    Parameters
    ----------
    server, load : what the measures are applied to; by default the paper's.
    names : of the measures, keys of ``MEASURES``.
    duration : s simulated, from an empty server on.
    replications : runs of each, with seeds ``seed``, ``seed + 1``, …
    seed : of the first.

    Returns
    -------
    DataFrame, one row a measure and outcome: ``measure``, ``outcome``, ``value`` (mean over replications),
    ``low``, ``high``, ``unit``, ``kind`` (what low and high are: ``95% interval`` from Student's t,
    ``exact 95% interval`` of Clopper and Pearson, or ``range`` over the replications). Outcomes:
    ``relayed spam``, ``NDRs``, ``admin mail``, in messages/h; ``uplink octets``, in octets/h; ``legitimate delay
    (median)`` and ``(p95)``, in s (mail that still waits counts with its wait so far); ``processor load``,
    ``legitimate mail refused``, ``legitimate NDRs lost``, ``failures untold`` as shares.
    """
    raise NotImplementedError


def saturation(
    rates: Sequence[float] | None = None,
    server: Server | None = None,
    load: Load | None = None,
    *,
    names: Sequence[str] = ("nothing", "disable notifications", "no NDRs", "disable Guest", "directory look-up"),
    duration: float = 600.0,
    replications: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Delay of legitimate mail and processor load as spam grows, measure by measure.

    Parameters
    ----------
    rates : spam in messages/s; by default six from none to beyond the capacity without a measure.
    server, load, names, duration, replications, seed : as in ``measures``.

    Returns
    -------
    DataFrame, one row a measure and rate: ``measure``, ``rate`` (messages/s), ``load`` (s of processor asked
    for by each s), ``utilisation`` (share of time it is busy), ``delay_mean``, ``delay_mean_low``,
    ``delay_mean_high``, ``delay_p95``, ``delay_p95_low``, ``delay_p95_high`` (s; low and high: the range over
    the replications), ``saturated`` (bool: load of 1 or more), ``capacity`` (messages/s at which the simulated
    load reaches 1), ``capacity_low``, ``capacity_high`` (range over replications), ``capacity_expected`` (the
    same by arithmetic).
    """
    raise NotImplementedError


def harvest(
    valid: Sequence[float] = (0.1, 0.01, 0.001), server: Server | None = None, *, guesses: int = 20_000, seed: int = 0
) -> pd.DataFrame:
    """What an address costs who guesses: messages sent for each valid one found, with and without look-up.

    Parameters
    ----------
    valid : shares of guesses that exist.
    server : whose look-up is switched off and on; by default the paper's.
    guesses : in each attack.
    seed : of the runs.

    Returns
    -------
    DataFrame, one row a share and ``lookup`` (bool): ``valid`` (share), ``lookup``, ``guesses``, ``found``,
    ``messages`` (transmitted with their text), ``per_address`` (messages for each address found), ``low``,
    ``high`` (its exact 95% interval, from Clopper and Pearson's of the share found), ``expected`` (by
    arithmetic: 1/valid, with look-up 1), ``reports`` (NDRs and notices the server makes).
    """
    raise NotImplementedError
