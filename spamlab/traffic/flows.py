"""Where mail went, a row a step, and such rows counted by state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from spamlab import messages, partwise, texts

if TYPE_CHECKING:
    from spamlab.log import Log

T = TypeVar("T")

STATES = ("received", "delivered", "accepted", "deferred", "bounced", "expired", "rejected", "discarded")
TAKEN = ["delivered", "accepted"]
FAILED = ["rejected", "bounced", "deferred", "expired"]
SAYS = {"received": "came in", "deferred": "put off", "bounced": "failed for good", "expired": "given up",
        "rejected": "refused", "discarded": "thrown away", "probed": "only asked about",
        "empty": "no recipient", "mixed": "mixed fates"}  # fmt: skip
"""The states in an admin's words, where they are others."""


@partwise.partwise(partwise.below)
def flow(log: Log, hops: bool = False) -> pd.DataFrame:
    """``messages.flow`` with the two sides told apart: ``client`` handed mail to this server, ``relay`` took it."""
    rows = messages.flow(log, hops)
    session = rows["transaction"].map(
        log.columns("transactions", "transaction", "session").set_index("transaction")["session"]
    )
    out = (
        session.map(log.columns("sessions", "session", "role").set_index("session")["role"]).eq("client").fillna(False)
    )
    client, relay = rows["client"].astype("str"), rows["relay"].astype("str").str.rstrip(".")
    rows["relay"] = relay.where(relay.ne("none")).fillna(client.where(out))
    rows["client"] = client.mask(out)
    return rows


def _part(part: Log, hops: bool) -> pd.DataFrame:
    """What is kept of a part's ``flow``: texts only where they tell why something failed."""
    rows = flow(part, hops)
    return rows.assign(reply=rows["reply"].where(rows["what"].isin(FAILED)))


def of(log: Log, hops: bool, function: Callable[[pd.DataFrame], T], merge: Callable[[list[T]], T], *columns: str) -> T:
    """What a function gives for some columns of ``flow``, of a large log for those of each part, and merged."""
    return partwise.merged(map(function, partwise.kept(log, _part, hops).frames(*columns)), merge)


COUNTED = ("what", "octets")


def tallied(log: Log, key: str, hops: bool) -> pd.DataFrame:
    """``tally`` of ``flow`` by one of its columns."""
    return of(log, hops, partial(tally, key=key), partwise.added, key, *COUNTED)


def tally(rows: pd.DataFrame, key: Any) -> pd.DataFrame:
    """Count rows of ``messages.flow`` by state, and the octets received and delivered.

    Parameters
    ----------
    rows
        Of ``messages.flow``.
    key
        A column's name, or a Series of the same index.

    Returns
    -------
    DataFrame
        Index: the key's values; a column for each of ``STATES`` (int64), ``octets_received`` and
        ``octets_delivered`` (int64).

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> int(tally(messages.flow(log), "client")["rejected"].sum())
    8
    """
    group = rows[key] if isinstance(key, str) else key
    counts = rows.groupby([group, rows["what"]]).size().unstack(fill_value=0).reindex(columns=STATES, fill_value=0)
    for state in ("received", "delivered"):
        size = rows["octets"].where(rows["what"].eq(state)).astype("float64")
        counts[f"octets_{state}"] = size.groupby(group).sum().reindex(counts.index).fillna(0).astype("int64")
    counts.columns.name = None
    return counts


def ranked(counts: pd.DataFrame, by: list[str], most: int | None) -> pd.DataFrame:
    """The rows with most of some columns together; ties by what was taken, by all attempts, by name."""
    keys = {"by": by, "taken": TAKEN, "all": STATES}
    sums = {key: counts.filter(items=list(columns)).sum(axis=1) for key, columns in keys.items()}
    order = pd.DataFrame(sums).sort_index()
    ranked = counts.loc[order.sort_values(list(keys), ascending=False, kind="stable").index]
    return ranked if most is None else ranked.head(most)


def domain(address: pd.Series) -> pd.Series:
    """The domain of each address, in small letters; missing where it has none."""
    return texts.extracted(address, r"(?s)^.*@(?P<domain>.*)$").str.lower().rename("domain")


def share(part: float) -> str:
    """A share in whole percent; under half a percent it is not nothing.

    >>> share(0.5), share(0.001)
    ('50%', '<1%')
    """
    return f"{part:.0%}" if part >= 0.005 or part == 0 else "<1%"
