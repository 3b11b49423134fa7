"""What would have stopped it: the server run under each measure, with the same arrivals.

Intervals: Student's t over replications for what is counted by the hour (sums of many arrivals; the tests
check that it covers), Clopper and Pearson's exact one for shares of messages. Delays are skewed and few
replications bound their quantiles badly: for them only the range over the replications is given.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, wraps
from typing import Any, ParamSpec

import numpy as np
import pandas as pd

from spamlab.simulate.arrivals import TALK_NDR, Message, arrivals
from spamlab.simulate.runs import Run, run
from spamlab.simulate.server import Model, may_relay
from spamlab.simulate.settings import MEASURES, SENDERS, Hosts, Load, Mail, Server, Spam
from spamlab.stats import share_interval

P = ParamSpec("P")
REPORTS = {"ndr": "to_sender", "notice": "to_administrator", "double bounce": "double_bounces", "returned": "returned"}
RATE, SHARE, RANGE = "95% interval", "exact 95% interval", "range"
OUTCOMES = {
    "relayed spam": "messages/h",
    "NDRs": "messages/h",
    "admin mail": "messages/h",
    "uplink octets": "octets/h",
    "processor load": "s/s",
    "legitimate delay (median)": "s",
    "legitimate delay (p95)": "s",
    "legitimate mail refused": "share",
    "legitimate NDRs lost": "share",
    "failures untold": "share",
}


def _remembered(made: Callable[P, pd.DataFrame]) -> Callable[P, pd.DataFrame]:
    """Compute a table once for equal arguments: equal settings and seeds give equal tables."""
    kept: Any = lru_cache(maxsize=64)(made)

    def hashable(value: object) -> object:
        return tuple(value) if isinstance(value, (list, np.ndarray)) else value

    @wraps(made)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        named = {name: hashable(value) for name, value in kwargs.items()}
        table: pd.DataFrame = kept(*map(hashable, args), **named)
        return table.copy()

    return wrapper


def changed(server: Server, name: str) -> Server:
    """The server after a measure (a key of ``MEASURES``)."""
    if name not in MEASURES:
        raise ValueError(f"no measure is called {name!r}; these are: {', '.join(MEASURES)}")
    return replace(server, **MEASURES[name])


# -- one spam ------------------------------------------------------------------------------------------


@_remembered
def error_messages(*, seed: int = 0) -> pd.DataFrame:
    """How many error messages one spam causes: each case simulated with one spam and nothing else.

    Parameters
    ----------
    seed : of the times that pass; the counts do not depend on it.

    Returns
    -------
    DataFrame, one row a case: ``policy`` (the name of a measure, ``nothing`` first), ``sender`` (``valid``,
    ``invalid``, ``null``, ``malformed``), ``recipient`` (``valid``, ``invalid``), ``sender_host`` (``refuses``
    at RCPT, or ``accepts`` and reports later), ``to_sender`` (NDRs), ``to_administrator`` (notifications of
    the failure), ``double_bounces`` (notifications that the NDR failed), ``returned`` (errors that the
    sender's host sends back), ``messages`` (their sum, 0–4), ``across_internet`` (of these, ``to_sender`` and
    ``returned``).

    Examples
    --------
    >>> sorted(set(error_messages()["messages"]))
    [0, 1, 2, 3, 4]
    """
    units = np.random.default_rng(seed).exponential(size=TALK_NDR + 1).tolist()
    rows = []
    for policy, sender, known, host in itertools.product(MEASURES, SENDERS[:4], (True, False), (False, True)):
        late = host and sender == "invalid"  # all hosts take what is somebody's, and none what is malformed
        spam = Message(0, "spam", None, 0, 0.0, 2000, sender, 0, "", False, known, 0, host, late, units)
        model = Model(changed(Server(), policy), Hosts(), [spam])
        model.env.run(until=3600)
        kinds = [message.kind for message in model.messages]
        made = {column: kinds.count(kind) for kind, column in REPORTS.items()}
        case = {"policy": policy, "sender": sender, "recipient": "valid" if known else "invalid"}
        rows.append({**case, "sender_host": "accepts" if host else "refuses", **made})
    cases = pd.DataFrame(rows)
    cases["messages"] = cases[[*REPORTS.values()]].sum(axis=1)
    return cases.assign(across_internet=cases["to_sender"] + cases["returned"])


# -- measures and outcomes -----------------------------------------------------------------------------


def spread(values: np.ndarray) -> tuple[float, float]:
    """Student's 95% interval of a mean of independent, about normal values that are not negative."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return max(float(values.mean() - half), 0.0), float(values.mean() + half)


def _outcomes(one: Run) -> dict[str, Any]:
    """The outcomes of a run: numbers, or for shares how many of how many."""
    messages, hours = one.messages, one.duration / 3600
    kind, state, delay = messages["kind"], messages["state"], one.legitimate_delays()
    inside = kind.isin(["notice", "double bounce"]) | (kind.eq("returned") & state.ne("refused"))
    mail = messages[kind == "mail"]
    refused, null = mail["state"] == "refused", mail["sender"] == "null"
    wrong = ~mail["valid"] & mail["state"].isin(["failed", "refused"])
    told = refused | mail["number"].isin(messages.loc[kind == "ndr", "of"])
    return {
        "relayed spam": (kind.isin(["spam", "harvest"]) & state.eq("sent")).sum() / hours,
        "NDRs": kind.eq("ndr").sum() / hours,
        "admin mail": inside.sum() / hours,
        "uplink octets": messages["octets"].sum() / hours,
        "processor load": _busy(one),
        "legitimate delay (median)": delay.median(),
        "legitimate delay (p95)": delay.quantile(0.95),
        "legitimate mail refused": ((refused & mail["valid"]).sum(), mail["valid"].sum()),
        "legitimate NDRs lost": ((refused & null).sum(), null.sum()),
        "failures untold": ((wrong & ~told).sum(), wrong.sum()),
    }


def _summary(values: list[Any], unit: str) -> tuple[float, float, float, str]:
    """Value, low, high over the replications, and what low and high are."""
    if unit == "share":
        hits, n = (int(column.sum()) for column in np.array(values).T)
        return hits / n if n else np.nan, *share_interval(hits, n), SHARE
    numbers = np.array(values, dtype=float)
    if unit == "s":
        return float(np.median(numbers)), float(numbers.min()), float(numbers.max()), RANGE
    return float(numbers.mean()), *spread(numbers), RATE


@_remembered
def measures(
    server: Server | None = None,
    load: Load | None = None,
    *,
    names: tuple[str, ...] = tuple(MEASURES),
    duration: float = 600.0,
    replications: int = 6,
    seed: int = 0,
) -> pd.DataFrame:
    """Every measure the paper names, each by itself, against every outcome; same seeds for all.

    Parameters
    ----------
    server, load : what the measures are applied to; by default the paper's.
    names : of the measures, keys of ``MEASURES``.
    duration : s simulated, from an empty server on.
    replications : runs of each, two or more, with seeds ``seed``, ``seed + 1``, …
    seed : of the first.

    Returns
    -------
    DataFrame, one row a measure and outcome: ``measure``, ``outcome``, ``value``, ``low``, ``high``, ``unit``,
    ``kind`` (what low and high are), ``runs`` (of each measure). Outcomes:
    ``relayed spam``, ``NDRs``, ``admin mail`` (messages/h), ``uplink octets`` (octets/h), ``processor load`` (s
    of processor asked for by each second; near and beyond 1 too low, as what waits has yet to ask for more): means,
    low to high a ``95% interval``;
    ``legitimate delay (median)`` and ``(p95)`` (s; mail that still waits counts with its wait so far): the middle
    replication's, low to high their ``range``, which is no confidence interval;
    ``legitimate mail refused``, ``legitimate NDRs lost``, ``failures untold`` (of failed legitimate mail, what
    its sender never hears of): shares of all replications' messages, low to high an ``exact 95% interval``.

    Raises
    ------
    ValueError : for an unknown measure, or fewer than two replications.

    Examples
    --------
    >>> table = measures(names=("nothing", "disable Guest"), duration=60, replications=2)
    >>> table.loc[table["outcome"] == "relayed spam", "value"].tolist()[1]
    0.0
    """
    if replications < 2:
        raise ValueError("one replication says nothing about chance: take two or more")
    rows = []
    for name in names:
        after = changed(server or Server(), name)
        runs = [_outcomes(run(after, load, duration=duration, seed=seed + n)) for n in range(replications)]
        for outcome, unit in OUTCOMES.items():
            value, low, high, kind = _summary([one[outcome] for one in runs], unit)
            rows.append((name, outcome, value, low, high, unit, kind))
    table = pd.DataFrame(rows, columns=["measure", "outcome", "value", "low", "high", "unit", "kind"])
    return table.assign(runs=replications)


# -- saturation ----------------------------------------------------------------------------------------


def _handlings(server: Server, load: Load, spam: Spam) -> float:
    """Expected processor time that a message of spam takes, as a multiple of ``server.cpu``, by arithmetic.

    Reports given up after the last retry are left out: they come hours later.
    """
    senders = {"invalid": spam.invalid, "null": spam.null, "malformed": spam.malformed, "unreachable": spam.unreachable}
    senders["valid"] = 1 - sum(senders.values())
    logins = {"guest": spam.guest_logins, "failed": spam.failed_logins}
    logins[""] = 1 - sum(logins.values())
    relayed = sum(share for login, share in logins.items() if may_relay(server, login))
    late, refusing, wrong = load.hosts.late, server.refusing / server.cpu, 1 - spam.valid_recipients
    bounce = int(server.double_bounces)
    ndr = {  # an NDR, with what follows from it
        "valid": 1,
        "null": 0,
        "unreachable": 1,
        "malformed": 1 + bounce,
        "invalid": 1 + (1 - late) * bounce + late * (1 + bounce if server.null_senders else refusing),
    }
    total = 0.0
    for sender, share in senders.items():
        if (sender == "null" and not server.null_senders) or (sender == "malformed" and not server.malformed_senders):
            total += share * refusing
            continue
        failed = server.notifications + server.ndrs * ndr[sender]
        here = 1 + wrong * (failed if not server.lookup else refusing - 1)
        there = relayed * (2 + wrong * (1 - late) * failed) + (1 - relayed) * refusing
        total += share * ((1 - spam.elsewhere) * here + spam.elsewhere * there)
    return total * spam.recipients


def capacity(server: Server, load: Load, busy: float = 0.0) -> float:
    """Spam in messages/s at which the processor has no time left, by arithmetic.

    Parameters
    ----------
    server, load : what is simulated; the rate of spam plays no part.
    busy : share of the processor that all else takes.
    """
    return (1 - busy) / (server.cpu * _handlings(server, load, load.spam))


@_remembered
def saturation(
    rates: tuple[float, ...] | None = None,
    server: Server | None = None,
    load: Load | None = None,
    *,
    names: tuple[str, ...] = ("nothing", "disable notifications", "no NDRs", "directory look-up", "disable Guest"),
    duration: float = 600.0,
    replications: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Delay of legitimate mail and processor load as spam grows, measure by measure.

    Parameters
    ----------
    rates : spam in messages/s; by default six, up to 2.2 times the capacity without a measure.
    server, load, names, duration, replications, seed : as in ``measures``.

    Returns
    -------
    DataFrame, one row a measure and rate: ``measure``, ``rate`` (messages/s), ``load`` (s of processor that
    what comes in a second asks for in the end), ``utilisation`` (share of time it is busy), ``delay_mean``,
    ``delay_p95`` (s, legitimate mail; the middle replication's) with ``delay_mean_low``, ``delay_mean_high``,
    ``delay_p95_low``, ``delay_p95_high`` (the range over the replications), ``saturated`` (bool: load of 1 or
    more), ``capacity`` (messages/s at which the load reaches 1, from the processor time that spam took in
    runs at a tenth of the capacity), ``capacity_low``, ``capacity_high`` (its 95% interval over replications),
    ``capacity_expected`` (the same by arithmetic), ``runs`` (of each measure and rate).

    Examples
    --------
    >>> table = saturation((0.2, 3.0), names=("nothing",), duration=300, replications=2)
    >>> table["saturated"].tolist()
    [False, True]
    """
    server, load = server or Server(), load or Load()
    base = capacity(server, load)
    steps = rates if rates is not None else tuple(round(base * part, 3) for part in (0.1, 0.5, 0.8, 1.1, 1.5, 2.2))
    seeds, rows = range(seed, seed + replications), []
    for name in names:
        after = changed(server, name)
        expected = capacity(after, load)
        quiet = replace(load.spam, rate=0.1 * expected)
        alone = replace(load, spam=quiet, mail=Mail(rate=0.0), harvest=replace(load.harvest, rate=0.0))
        cost = np.array([_cost(after, alone, 4 * duration, n) for n in seeds])
        nobody = replace(load, spam=replace(load.spam, rate=0.0))
        others = np.array([_busy(run(after, nobody, duration=duration, seed=n)) for n in seeds])
        reached = (1 - others) / cost
        low, high = spread(reached)
        found = {"capacity": reached.mean(), "capacity_low": low, "capacity_high": high}
        found["capacity_expected"] = (1 - others.mean()) * expected
        for rate in steps:
            given = replace(load, spam=replace(load.spam, rate=rate))
            runs = [run(after, given, duration=duration, seed=n) for n in seeds]
            took = [one.legitimate_delays() for one in runs]
            delays: dict[str, list[Any]] = {
                "delay_mean": [delay.mean() for delay in took],
                "delay_p95": [delay.quantile(0.95) for delay in took],
            }
            row: dict[str, Any] = {"measure": name, "rate": rate, "load": others.mean() + rate * cost.mean()}
            row["utilisation"] = np.mean([one.utilisation(np.array([0.0, duration]))[0] for one in runs])
            for column, values in delays.items():
                value = _summary(values, "s")
                row |= {f"{column}{end}": number for end, number in zip(("", "_low", "_high"), value[:3], strict=True)}
            rows.append({**row, "saturated": bool(row["load"] >= 1), **found})
    return pd.DataFrame(rows).assign(runs=replications)


def _busy(one: Run) -> float:
    """Processor time asked for by each second."""
    return float((one.jobs["done"] - one.jobs["begun"]).sum() / one.duration)


def _cost(server: Server, load: Load, duration: float, seed: int) -> float:
    """Processor time a message of spam takes, with what follows from it within ten minutes, in s."""
    come = arrivals(server, load, duration, seed)
    n = max(len(come), 1)
    model = Model(server, load.hosts, come)
    model.env.run(until=duration + 600)  # the last ones' reports too
    return sum(done - begun for _, _, begun, done in model.jobs) * load.spam.recipients / n


# -- harvest -------------------------------------------------------------------------------------------


@_remembered
def harvest(
    valid: tuple[float, ...] = (0.1, 0.01, 0.001), server: Server | None = None, *, finds: int = 20, seed: int = 0
) -> pd.DataFrame:
    """What an address costs who guesses: messages sent for each valid one found, with and without look-up.

    Parameters
    ----------
    valid : shares of guesses that exist.
    server : whose look-up is switched off and on; by default the paper's.
    finds : addresses that each attack finds on average: it guesses ``finds / valid`` times.
    seed : of the first attack; the others' follow. Both servers see the same guesses.

    Returns
    -------
    DataFrame, one row a share and ``lookup``: ``valid`` (share), ``lookup`` (bool), ``guesses``, ``found``,
    ``messages`` (sent with their text), ``per_address`` (messages for each address found), ``low``, ``high``
    (its exact 95% interval, from Clopper and Pearson's of the share of messages that arrive; with look-up
    every message does, whatever chance does), ``expected`` (by arithmetic: 1/valid, with look-up 1),
    ``reports`` (that the server makes of it: NDRs and notifications).

    Examples
    --------
    >>> harvest((0.1,))["expected"].tolist()
    [10.0, 1.0]
    """
    rows = []
    nothing = Load(spam=Spam(rate=0.0), mail=Mail(rate=0.0))
    for (place, share), lookup in itertools.product(enumerate(valid), (False, True)):
        load = replace(nothing, harvest=replace(nothing.harvest, rate=0.5, valid_recipients=share))
        one = run(replace(server or Server(), lookup=lookup), load, duration=finds / share / 0.5, seed=seed + place)
        kind, state = one.messages["kind"], one.messages["state"]
        guessed = kind == "harvest"
        found, sent = int((guessed & one.messages["valid"]).sum()), int((guessed & state.ne("refused")).sum())
        low, high = share_interval(found, sent)
        row = {"valid": share, "lookup": lookup, "guesses": int(guessed.sum()), "found": found, "messages": sent}
        row |= {"per_address": sent / found if found else np.inf, "low": 1 / high if high else np.nan}
        row |= {"high": 1.0 if lookup else 1 / low if low else np.inf, "expected": 1.0 if lookup else 1 / share}
        rows.append({**row, "reports": int(kind.isin(["ndr", "notice", "double bounce"]).sum())})
    return pd.DataFrame(rows)
