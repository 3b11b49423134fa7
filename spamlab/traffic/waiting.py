"""How long deliveries took, and messages stayed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from spamlab import messages, partwise
from spamlab.traffic.flows import domain, of, ranked

if TYPE_CHECKING:
    from spamlab.log import Log

QUANTILES = {"median": 0.5, "p95": 0.95, "p99": 0.99}
PARTS = ("before_queue", "in_queue", "connect", "transmit")


def _quantiles(took: pd.Series, group: pd.Series) -> pd.DataFrame:
    each = took.groupby(group, observed=True)
    return pd.DataFrame({"n": each.size(), **{q: each.quantile(at) for q, at in QUANTILES.items()}})


def delays(log: Log, by: str = "domain", n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """How long deliveries took, by destination.

    Parameters
    ----------
    by
        ``domain`` (of the recipient) or ``relay`` (the host it was handed to).

    Returns
    -------
    DataFrame
        Index: the destination, the one with most deliveries first. ``n`` deliveries (int64); ``median``, ``p95``,
        ``p99`` of the delay from arrival to the delivery's end; the medians of its parts ``before_queue``,
        ``in_queue``, ``connect``, ``transmit`` (all s; missing where the log does not state them).
    """
    took = [f"delay_{part}" for part in PARTS]
    rows = of(log, hops, partial(_took, by=by), partwise.below, "recipient", "relay", "what", "delay", *took)
    group = rows[by]
    found = _quantiles(rows["delay"], group)
    for part in PARTS:
        found[part] = rows[f"delay_{part}"].groupby(group, observed=True).median()
    return ranked(found.set_axis(found.index.astype("str")), ["n"], n)


def _took(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    rows = rows[rows["what"].eq("delivered") & rows["delay"].notna()]
    group = domain(rows["recipient"]) if by == "domain" else rows[by]
    took = rows[["delay", *(f"delay_{part}" for part in PARTS)]]
    return took.assign(**{by: group.astype("category")})


def delay_parts(log: Log, hops: bool = False) -> pd.DataFrame:
    """Where deliveries spent their time: as of ``delays``, index the parts (those the log states) in their order."""
    rows = of(log, hops, _took_parts, partwise.below, "what", *(f"delay_{part}" for part in PARTS))
    found = []
    for part in PARTS:
        took = rows[part].dropna()
        found.append(_quantiles(took, pd.Series(part, took.index, dtype="category", name="part")))
    whole = pd.concat(found)
    return whole.set_axis(pd.Index(whole.index.astype("str"), name="part"))


def _took_parts(rows: pd.DataFrame) -> pd.DataFrame:
    took = rows.loc[rows["what"].eq("delivered"), [f"delay_{part}" for part in PARTS]]
    return took.set_axis(list(PARTS), axis=1)


@partwise.partwise(partwise.rows())
def queue_times(log: Log, hops: bool = False) -> pd.DataFrame:
    """How long each message was in the server's hands.

    Returns
    -------
    DataFrame
        Index ``transaction`` (a message's first); ``seconds`` from its first to its last logged event (float);
        ``outcome`` (of its last transaction).
    """
    mail = log.columns("transactions", "transaction", "start", "end", "queue_id", "outcome")
    mail = mail[mail["queue_id"].notna()].drop(columns="queue_id").astype({"outcome": "str"})
    if not hops:
        mail = mail.assign(transaction=mail["transaction"].map(messages.first_hop(log)))
    each = mail.sort_values("end", kind="stable").groupby("transaction")
    lasted = (each["end"].max() - each["start"].min()).dt.total_seconds()
    return pd.DataFrame({"seconds": lasted, "outcome": each["outcome"].last()})


def waits(log: Log, hops: bool = False) -> pd.DataFrame:
    """``queue_times`` by outcome: ``n``, ``median``, ``p95``, ``p99`` (s), the commonest outcome first."""
    took = queue_times(log, hops)
    return ranked(_quantiles(took["seconds"], took["outcome"]), ["n"], None)
