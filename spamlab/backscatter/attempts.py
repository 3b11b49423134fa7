"""The attempts to deliver a report, and their lines: what all else is made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from spamlab import costs, partwise

if TYPE_CHECKING:
    from spamlab.log import Log

T = TypeVar("T")


@partwise.partwise(partwise.rows())
def ndrs(log: Log) -> pd.DataFrame:
    """The attempts to deliver an NDR.

    Returns
    -------
    DataFrame, index ``transaction``: ``session`` (Int64), ``time`` (start), ``peer`` (host, else address; in
    an MTA's log the relay), ``forward_path`` (whom it is for), ``size`` (Int64, octets), ``outcome``,
    ``code`` (Int64), ``enhanced_code`` (of the reply that decided it).

    Examples
    --------
    >>> import spamlab
    >>> len(ndrs(spamlab.read("data/exchange55-appendix-a.log")))
    8
    """
    made = log.columns("transactions", "transaction", "session", "start", "null_sender", "size", "outcome", "report")
    sessions = log.columns("sessions", "session", "role", "peer_ip", "peer_host")
    sessions = sessions.drop_duplicates("session").set_index("session")
    outward = made["session"].isin(sessions.index[sessions["role"] == "client"])
    made = made.set_index("transaction")[((made["null_sender"] & outward) | (made["report"] == "ndr")).to_numpy()]
    tried = log.columns("recipients", "transaction", "forward_path", "code", "enhanced_code", "relay")
    tried = tried[tried["transaction"].isin(made.index)].drop_duplicates("transaction")
    tried = tried.set_index(tried["transaction"].astype("int64")).reindex(made.index)
    peer = sessions["peer_host"].fillna(sessions["peer_ip"]).reindex(made["session"].astype("float64"))
    found = made[["session", "start", "size", "outcome"]].rename(columns={"start": "time"})
    found["peer"] = peer.set_axis(made.index).fillna(tried["relay"]).astype("str")
    found = found.join(tried[["forward_path", "code", "enhanced_code"]])
    return found[["session", "time", "peer", "forward_path", "size", "outcome", "code", "enhanced_code"]]


# Of a log in parts both are kept.


def _found(log: Log) -> pd.DataFrame:
    """``ndrs``, and of each when it ended, whether a recipient was refused, what caused it and how big that was."""
    found, tried = ndrs(log), log.columns("recipients", "transaction", "status")
    made = log.columns("transactions", "transaction", "end", "size", "ndr_of").set_index("transaction")
    refused = tried.loc[tried["status"].isin(["rejected", "bounced"]), "transaction"].dropna()
    cause = made["ndr_of"].reindex(found.index).astype("float64")
    caused = made["size"].reindex(cause.to_numpy()).set_axis(found.index)
    ends = made["end"].reindex(found.index)
    found = found.assign(end=ends, refused=found.index.isin(refused), cause=cause, caused=caused)
    return found.reset_index()


def _lines(log: Log) -> pd.DataFrame:
    return costs.written(log, ndrs(log))


def of(log: Log, function: Callable[[pd.DataFrame, pd.DataFrame], T], merge: Callable[[list[T]], T]) -> T:
    """What a function gives for the attempts and their lines, of a log in parts for those of each, and merged."""
    found, lines = (partwise.kept(log, made).frames() for made in (_found, _lines))
    both = zip(found, lines, strict=True)
    return partwise.merged((function(each.set_index("transaction"), rows) for each, rows in both), merge)
