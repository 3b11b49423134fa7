"""How often what is told of happened in each step of time, and who was on both sides of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import backscatter, messages, partwise
from spamlab.traffic import flows, why

if TYPE_CHECKING:
    from spamlab.log import Log

SIGNALS = {
    "logins": "failed log-in",
    "reports": "error message made here",
    "refused": "refusal",
    "deferred": "delivery put off",
    "failed": "delivery failed for good",
    "connections": "connection",
    "received": "message that came in",
    "served": "recipient served",
}
"""What is counted, and its name; where several stand out at once the first leads, unless an account sends."""

WHO = {"account": "account", "sender": "sender", "client": "client", "domain": "recipient domain", "why": "reason",
       "relay": "next server"}  # fmt: skip
"""By what is told who does it: columns of an occurrence."""

STEP = "10min"
"""A step of time."""

MOST = 300_000
"""Rows that are held of who did how much; beyond, the smallest are forgotten."""

_SIGNAL_OF = {"rejected": "refused", "bounced": "failed", "expired": "failed", "delivered": "served",
              "accepted": "served", "deferred": "deferred", "received": "received"}  # fmt: skip
"""By what happened the signal that it is."""


def _occurrences(log: Log, who: bool) -> pd.DataFrame:
    """A row each: ``time``, ``signal``, ``octets``, and the columns of ``WHO``, missing where the log does not say.

    Without ``who`` the columns of ``WHO`` are not looked for, nor the octets of mail.
    """
    rows = flows.flow(log) if who else messages.happened(log, False, "status")
    signal = rows["what"].map(_SIGNAL_OF)
    rows = rows[signal.notna()]
    first = {"time": rows["time"], "signal": signal[rows.index]}
    made = backscatter.ndrs(log)
    wrote = {"time": made["time"], "signal": "reports", "octets": made["size"]}
    events = log.columns("events", "time", "session", "kind", "verb", "argument", "echo")
    events = events[~events["echo"] & events["verb"].isin(["AUTH", "MAIL"]) & events["kind"].isin(["auth", "command"])]
    asked = messages.answered(log).reindex(events.index) if events["kind"].eq("command").any() else None
    answer = pd.Series(pd.NA, events.index, "Int64") if asked is None else asked.astype("Int64")
    sessions = log.columns("sessions", "session", "role", "peer_host", "peer_ip", "user", "start", "authenticated")
    sessions = sessions.set_index("session")
    proven = sessions.index[sessions["authenticated"]]
    auth = events["kind"].eq("auth") & ~events["session"].isin(proven)
    failed = events[auth | (events["verb"].eq("AUTH") & answer.between(500, 599).fillna(False))]
    tried = {"time": failed["time"], "signal": "logins"}
    turned = events[events["verb"].eq("MAIL") & answer.between(400, 599).fillna(False)]
    away = {"time": turned["time"], "signal": "refused"}
    served = sessions[sessions["role"].eq("server")]
    joined = {"time": served["start"], "signal": "connections"}
    if who:
        peer = sessions["peer_host"].fillna(sessions["peer_ip"])
        named = failed["argument"].where(failed["kind"].eq("auth"))
        first |= _sides(log, rows)
        wrote |= {"domain": flows.domain(made["forward_path"]), "relay": made["peer"]}
        tried["client"] = failed["session"].map(peer)
        tried["account"] = named.fillna(failed["session"].map(sessions["user"]).astype("str"))
        away |= {"client": turned["session"].map(peer), "why": answer[turned.index].astype("str")}
        joined["client"] = peer[served.index]
    frames = [pd.DataFrame(each) for each in (first, wrote, tried, away, joined)]
    return pd.concat([each for each in frames if len(each)] or frames[:1], ignore_index=True).dropna(subset="time")


def _sides(log: Log, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Of rows of ``flow`` how much each brought, and who was on both sides of it and why it failed."""
    lost = rows[rows["what"].isin(flows.FAILED)]
    told = why.told(lost.assign(reply=lost["reply"].fillna("")))
    mail = log.columns("transactions", "transaction", "session", "user").set_index("transaction")
    user = log.columns("sessions", "session", "user").set_index("session")["user"]
    account = mail["user"].fillna(mail["session"].map(user).astype("str"))
    return {
        "octets": rows["octets"],
        "client": rows["client"],
        "sender": rows["sender"],
        "account": rows["transaction"].map(account),
        "domain": flows.domain(rows["recipient"]),
        "relay": rows["relay"],
        "why": told.str.strip().reindex(rows.index),
    }


@dataclass
class Counts:
    """How often each signal occurred in each step of time, and by whom; of parts, added."""

    series: list[pd.DataFrame] = field(default_factory=list)
    who: list[pd.DataFrame] = field(default_factory=list)

    def add(self, log: Log, who: bool = True) -> Counts:
        """Take in a part of a log; without ``who`` only what happened when."""
        return self.merge(_counts(log, who))

    def merge(self, other: Counts) -> Counts:
        """Take in the counts of another part."""
        self.series += other.series
        self.who += other.who
        if len(self.series) > 64:
            self.series[:] = [added(self.series)]
        if sum(map(len, self.who)) > MOST:
            whole = added(self.who)
            self.who[:] = [whole.nlargest(MOST // 4, "n", keep="first").sort_index()]
        return self


def added(found: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of counts, added by what they are counted by."""
    total: pd.DataFrame = pd.concat(found).groupby(level=list(range(found[0].index.nlevels)), sort=True).sum()
    return total


def _counts(log: Log, who: bool = True) -> Counts:
    rows = _occurrences(log, who).reindex(columns=["time", "signal", "octets", *(WHO if who else ())])
    rows["step"] = rows["time"].dt.floor(STEP)
    rows["octets"] = rows["octets"].astype("float64").fillna(0)
    each = rows.assign(n=1).groupby(["signal", "step"])[["n", "octets"]].sum()
    if not who:
        return Counts([each])
    step, steps = pd.factorize(rows["step"], sort=True)
    signal, signals = pd.factorize(rows["signal"])
    tallies = []
    for by in WHO:
        value, values = pd.factorize(rows[by].astype("str"))
        known = value >= 0
        # Numbers are counted a good deal quicker than texts.
        cell = (signal[known] * len(values) + value[known]) * len(steps) + step[known]
        cell, n = np.unique(cell, return_counts=True)
        of, at = np.divmod(cell, max(len(steps), 1))
        of, said = np.divmod(of, max(len(values), 1))
        tally = {"signal": signals[of], "by": by, "value": values[said], "step": steps[at], "n": n}
        tallies.append(pd.DataFrame(tally).set_index(["signal", "by", "value", "step"]))
    return Counts([each], [pd.concat(tallies)])


def _merged(found: list[Counts]) -> Counts:
    whole = Counts()
    for each in found:
        whole.merge(each)
    return whole


def _flat(log: Log) -> pd.DataFrame:
    """Both tables of a part's ``Counts`` in one: where nobody is counted (``by``) it is of ``series``."""
    found = _counts(log)
    return pd.concat([table.reset_index() for table in (*found.series, *found.who)], ignore_index=True)


def _unflat(rows: pd.DataFrame) -> Counts:
    series = rows["by"].isna()
    who = rows[~series].set_index(["signal", "by", "value", "step"])[["n"]]
    return Counts([rows[series].set_index(["signal", "step"])[["n", "octets"]]], [who])


def counts(log: Log) -> Counts:
    """What ``findings`` are found in."""
    return partwise.merged(map(_unflat, partwise.kept(log, _flat).frames()), _merged)
