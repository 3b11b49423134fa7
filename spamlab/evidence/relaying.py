"""What clients of the server wanted to relay: whom they named, whether they had logged in, what was let through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from spamlab import dialogue, messages, partwise
from spamlab.evidence.assumptions import Assumptions

if TYPE_CHECKING:
    from spamlab.log import Log


@partwise.partwise(partwise.below)
def received_recipients(log: Log) -> pd.DataFrame:
    """Recipients that clients named to this server, with their ``domain``.

    ``taken`` (bool): not refused; ``denied`` (bool): refused because the server does not relay for the client.
    """
    rows = log.columns("recipients", "transaction", "session", "time", "forward_path", "status", "reply")
    made = log.columns("transactions", "transaction", "session", "report")
    session = rows["session"].fillna(rows["transaction"].map(made.set_index("transaction")["session"]))
    sessions = log.columns("sessions", "session", "role")
    served = sessions.loc[sessions["role"].eq("server"), "session"]
    rows = rows.assign(session=session)[session.isin(served)]
    made_here = made.loc[made["report"].notna(), "transaction"]
    rows = rows[~rows["transaction"].isin(made_here)]
    refused = rows["status"].eq("rejected").fillna(False)
    told = rows.loc[refused, "reply"].dropna()
    told = told[told.str.lower().str.contains("relay", regex=False)]
    said = rows.index.isin(told.index[told.str.contains(r"(?i)\brelay(?:ing|ed)?\b(?!=)", regex=True)])
    domain = rows["forward_path"].str.replace(r"[\s\S]*@", "", regex=True).str.lower()
    return (
        rows[["session", "transaction", "time", "forward_path"]]
        .assign(
            domain=domain.where(rows["forward_path"].str.contains("@", regex=False).fillna(False)),
            taken=rows["status"].notna() & ~refused,
            denied=refused & said,
        )
        .reset_index(drop=True)
    )


@partwise.partwise(partwise.series)
def failed_logins(log: Log) -> pd.Series:
    """Time of the first failed login of each session that has one (index: session)."""
    events = log.columns("events", "session", "time", *messages.SPOKEN[1:])
    events = events[~events["echo"] & events["session"].notna()]
    asks = events["verb"].eq("AUTH") | events["kind"].eq("auth") & events["verb"].isna()
    events = events[events["session"].isin(events.loc[asks, "session"].unique())]
    code = dialogue.answers(events).dropna().map(events["code"])
    failed = code.index[code.between(500, 599).fillna(False)]
    refused = events.loc[failed[asks.reindex(failed)]]
    # A mail server's log, and a record that holds command and answer, say of a login only how it ended.
    whole = events[events["kind"].eq("auth") & events["direction"].isna()]
    whole = pd.concat(
        [whole, events[events["kind"].eq("exchange") & events["verb"].eq("AUTH") & events["code"].ge(500)]]
    )
    both = pd.concat([refused[["session", "time"]], whole[["session", "time"]]]).dropna(subset="session")
    return both.astype({"session": "int64"}).groupby("session")["time"].min()


def fallthrough(log: Log, given: Assumptions) -> pd.DataFrame:
    """Sessions whose login failed, and what they were let do all the same.

    Q251149: the server takes a failed login for the Guest account and relays. In a log that is AUTH answered 5xx, then
    in the same session, which never logs in, a RCPT of a foreign domain answered 250. Foreign is a domain that is not
    the server's own: not of ``given.local_domains`` or, if none is given, not one that it takes mail for from
    strangers, who did not try to log in.

    Returns
    -------
    DataFrame, index ``session``: ``time`` (of the first failure), ``taken``, ``refused`` (foreign recipients after it),
    ``fell`` (bool: a foreign one was taken).
    """
    return _fallen(log, {name.lower() for name in given.local_domains} or _own_domains(log))


def _users(log: Log) -> pd.Series:
    """The sessions that logged in."""
    sessions = log.columns("sessions", "session", "authenticated")
    found: pd.Series = sessions.loc[sessions["authenticated"], "session"]
    return found


@partwise.partwise(partwise.union)
def _own_domains(log: Log) -> set[Any]:
    rows = received_recipients(log)
    strangers = rows[~rows["session"].isin(failed_logins(log).index) & ~rows["session"].isin(_users(log))]
    return set(strangers.loc[strangers["taken"], "domain"].dropna())


@partwise.partwise(partwise.rows())
def _fallen(log: Log, own: set[Any]) -> pd.DataFrame:
    failed, rows, user = failed_logins(log), received_recipients(log), _users(log)
    failed = failed[~failed.index.isin(user)]
    since = failed.reindex(rows["session"].astype("float64")).set_axis(rows.index)
    after = rows[since.notna() & ~(rows["time"] < since) & rows["domain"].notna() & ~rows["domain"].isin(own)]
    by = after["taken"].groupby(after["session"].astype("int64"))
    out = pd.DataFrame({"time": failed, "taken": by.sum(), "refused": by.size() - by.sum()}).reindex(failed.index)
    out = out.fillna({"taken": 0, "refused": 0}).astype({"taken": "int64", "refused": "int64"}).rename_axis("session")
    return out.assign(fell=out["taken"] > 0)


def _in_time(found: list[pd.DataFrame]) -> pd.DataFrame:
    return partwise.stacked(found).sort_values("time", kind="stable", ignore_index=True)


@partwise.partwise(_in_time)
def relay_attempts(log: Log) -> pd.DataFrame:
    """When clients tried to relay and were denied: ``time``, ``session``, ``client``; a session counts once."""
    rows = received_recipients(log)
    rows = rows[rows["denied"]].sort_values("time", kind="stable").drop_duplicates("session", ignore_index=True)
    sessions = log.columns("sessions", "session", "peer_ip", "peer_host").set_index("session")
    client = sessions["peer_ip"].fillna(sessions["peer_host"])
    return rows[["time", "session"]].assign(client=rows["session"].map(client).astype("str"))
