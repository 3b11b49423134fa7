"""Who most mail came from and went to: hosts, domains, addresses, clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab import partwise
from spamlab.traffic.flows import COUNTED, STATES, TAKEN, domain, of, ranked, tallied, tally

if TYPE_CHECKING:
    from spamlab.log import Log


def by_host(log: Log, n: int | None = None, hops: bool = False, by: str = "client") -> pd.DataFrame:
    """Mail by host, the one with most mail first: as of ``tally``.

    Parameters
    ----------
    n
        So many hosts; by default all.
    by
        ``client`` (the host mail came from) or ``relay`` (the one it was handed to, by name where the log has it).
    """
    counts = tallied(log, by, hops)
    if by == "client":
        return ranked(counts, ["received"], n)
    return ranked(counts.drop(columns=["received", "octets_received"]), TAKEN, n)


def by_domain(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by the recipients' domain, the one with most attempts first: as of ``tally``, without ``received``."""
    counts = of(log, hops, _to_domains, partwise.added, "recipient", *COUNTED)
    return ranked(counts.drop(columns=["received", "octets_received"]), list(STATES[1:]), n)


def _to_domains(rows: pd.DataFrame) -> pd.DataFrame:
    return tally(rows, domain(rows["recipient"]))


def top_senders(log: Log, n: int | None = 10, by: str | None = None, hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail came from; the null reverse-path is ``<>``.

    ``by``: a column of ``tally``, such as ``octets_received``: who has none of it is left out; by default ``received``.
    """
    counts = of(log, hops, _from_senders, partwise.added, "sender", *COUNTED)
    return ranked(counts[counts[by] > 0] if by else counts, [by or "received"], n)


def _from_senders(rows: pd.DataFrame) -> pd.DataFrame:
    return tally(rows, rows["sender"].replace("", "<>"))


def top_recipients(log: Log, n: int | None = 10, by: str | None = None, hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail went to.

    ``by``: a column of ``tally``, such as ``bounced``: who has none of it is left out; by default ``TAKEN``.
    """
    counts = tallied(log, "recipient", hops).drop(columns=["received", "octets_received"])
    return ranked(counts[counts[by] > 0] if by else counts, [by] if by else TAKEN, n)


def clients(log: Log, n: int | None = None) -> pd.DataFrame:
    """Connections by client, the one with most first.

    Returns
    -------
    DataFrame
        Index ``client`` (name or address): ``connections``, ``transactions``, ``commands``, ``resets``, ``dropped``
        (ended otherwise than by QUIT), ``authenticated`` (all int64), ``first``, ``last`` (UTC).
    """
    sums, times = _clients(log)
    return ranked(sums.join(times), ["connections"], n)


def _earliest(found: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(found).groupby(level=0).agg({"first": "min", "last": "max"})


@partwise.partwise(partwise.pairs(partwise.added, _earliest))
def _clients(log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    counted = ["transactions", "commands", "resets", "authenticated"]
    served = log.columns("sessions", "role", "peer_ip", "peer_host", "start", "end", "ended", *counted)
    served = served[served["role"].eq("server")]
    group = served["peer_host"].fillna(served["peer_ip"]).rename("client")
    found = served.assign(dropped=served["ended"].notna() & ~served["ended"].isin(["quit", "cut"])).groupby(group)
    sums = found[["transactions", "commands", "resets", "dropped", "authenticated"]].sum().astype("int64")
    sums.insert(0, "connections", found.size())
    return sums, pd.DataFrame({"first": found["start"].min(), "last": found["end"].max()})
