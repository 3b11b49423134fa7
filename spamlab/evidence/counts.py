"""What single claims count in a log, and how much a busy connection gets done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import partwise, stats, summary
from spamlab.evidence.assumptions import Assumptions
from spamlab.evidence.paths import mail_codes

if TYPE_CHECKING:
    from spamlab.log import Log


def tempo(log: Log) -> tuple[int, float, float]:
    """How much a busy connection gets done: of the sessions with two mail transactions or more, these and the time.

    Returns
    -------
    tuple : transactions; s; how much longer or shorter the stamps' resolution lets that time be, s.
    """
    n, took, sessions = _tempo(log)
    return int(n), float(took), float(log.columns("sources", "resolution")["resolution"].max()) * int(sessions)


@partwise.partwise(partwise.totals)
def _tempo(log: Log) -> Any:
    sessions = log.columns("sessions", "start", "end", "transactions")
    took = (sessions["end"] - sessions["start"]).dt.total_seconds()
    busy = (sessions["transactions"] >= 2) & (took > 0)
    return np.array([sessions.loc[busy, "transactions"].sum(), took[busy].sum(), busy.sum()])


def pace(n: int, took: float, slack: float, per: float) -> tuple[float, float, float]:
    """A rate with its exact interval (low, value, high), the stamps' ``slack`` in ``took`` included.

    >>> [round(rate) for rate in pace(8, 26, 1, 3600)]
    [461, 1108, 2270]
    """
    slack = slack if slack > 0 else 0.0  # not NaN
    low, high = stats.rate_interval(n, took + slack)[0], np.inf
    if took > slack:
        high = stats.rate_interval(n, took - slack)[1]
    return low * per, n / took * per, high * per


@partwise.partwise(partwise.joined)
def excerpt(log: Log, peer: str) -> pd.Series:
    """Of the sessions with a peer the lengths (s); missing of those that are not complete."""
    here = log.columns("sessions", "session", "peer_ip", "start", "end", "ended")
    here = here[here["peer_ip"].eq(peer)]
    took = (here["end"] - here["start"]).dt.total_seconds()
    return took.where(here["session"].isin(summary.complete(log.columns("events", "session", "kind"), here)["session"]))


def heading(log: Log, given: Assumptions | None = None) -> float | None:
    """How long the paper's heading says that its excerpt lasts, s; None of another log, of which it says nothing."""
    given = given or Assumptions()
    return given.heading if len(excerpt(log, given.excerpt_peer)) else None


@partwise.partwise(partwise.pairs(partwise.totals, partwise.joined))
def null_senders(log: Log) -> tuple[Any, pd.Series]:
    """How many senders are known, null, null and taken, null and judged, null and this server's own; these mails."""
    made = log.columns("transactions", "transaction", "session", "reverse_path", "null_sender", "queue_id", "report")
    known = made[made["reverse_path"].notna()]
    null = known[known["null_sender"]]
    code = mail_codes(log).reindex(null["transaction"]).to_numpy()
    queued = pd.isna(code) & null["queue_id"].notna() & null["report"].isna()  # in a mail server's log: it has an id
    sessions = log.columns("sessions", "session", "role").set_index("session")
    own = null["session"].map(sessions["role"]).eq("client").sum()
    judged = [(code < 400).sum() + queued.sum(), (code >= 0).sum() + queued.sum()]
    return np.array([len(known), len(null), *judged, own], dtype="int64"), null["transaction"]


@partwise.partwise(partwise.totals)
def refusals(log: Log) -> Any:
    """How many recipients were rejected, and how many there are."""
    status = log.columns("recipients", "status")["status"]
    return np.array([status.eq("rejected").sum(), len(status)], dtype="int64")


@partwise.partwise(sum)
def inbound(log: Log) -> int:
    """Sessions in which this server was asked."""
    return int(log.columns("sessions", "role")["role"].eq("server").sum())


@partwise.partwise(partwise.series)
def notices(log: Log) -> pd.Series:
    """When each notice to the administrator was made (index: transaction)."""
    made = log.columns("transactions", "transaction", "start", "report").set_index("transaction")
    found: pd.Series = made.loc[made["report"].eq("postmaster"), "start"].dropna()
    return found


@partwise.partwise(partwise.joined)
def lasted(log: Log, sessions: pd.Series) -> pd.Series:
    """How long some sessions lasted, s."""
    held = log.columns("sessions", "session", "start", "end")
    held = held[held["session"].isin(sessions)]
    return (held["end"] - held["start"]).dt.total_seconds()


@partwise.partwise(partwise.joined)
def labels(log: Log, sessions: pd.Index) -> pd.Series:
    """Labels of the events of some sessions."""
    own = log.columns("events", "session")["session"].isin(sessions)
    found: pd.Series = own.index[own].to_series()
    return found


@partwise.partwise(max)
def reports_about(log: Log) -> int:
    """The most reports about one message."""
    about = log.columns("transactions", "ndr_of")["ndr_of"].value_counts().max()
    return 0 if pd.isna(about) else int(about)


@partwise.partwise(partwise.joined)
def accounts(log: Log) -> pd.Series:
    """The accounts named in sessions."""
    return log.columns("sessions", "user")["user"].dropna()


@partwise.partwise(partwise.totals)
def null_reports(log: Log) -> Any:
    """How many of the reports to senders, whose sender is known, have the null one; and how many these are."""
    made = log.columns("transactions", "reverse_path", "null_sender", "report")
    made = made[made["reverse_path"].notna() & made["report"].eq("ndr")]
    return np.array([made["null_sender"].sum(), len(made)], dtype="int64")
