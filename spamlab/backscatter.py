"""Backscatter: non-delivery reports (NDRs) sent to senders who sent nothing, and what they cost.

In a dialogue log an NDR is a transaction with the null reverse-path (RFC 5321 §4.5.5) in a session where the
logging server is the client; in an MTA's log it is a message the log calls one (``report`` is ``ndr``).
Octets are those of SMTP lines with their CRLF. *Out* is written by the logging server, *in* read by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import costs
from spamlab.costs import PARTS
from spamlab.wire import WireModel
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

LINUX = WireModel()


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
    made, sessions = log.transactions, log.sessions.drop_duplicates("session").set_index("session")
    outward = made["session"].isin(sessions.index[sessions["role"] == "client"])
    made = made.set_index("transaction")[((made["null_sender"] & outward) | (made["report"] == "ndr")).to_numpy()]
    tried = log.recipients.dropna(subset="transaction").drop_duplicates("transaction")
    tried = tried.set_index(tried["transaction"].astype("int64")).reindex(made.index)
    peer = sessions["peer_host"].fillna(sessions["peer_ip"]).reindex(made["session"].astype("float64"))
    found = made[["session", "start", "size", "outcome"]].rename(columns={"start": "time"})
    found["peer"] = peer.set_axis(made.index).fillna(tried["relay"]).astype("str")
    found = found.join(tried[["forward_path", "code", "enhanced_code"]])
    return found[["session", "time", "peer", "forward_path", "size", "outcome", "code", "enhanced_code"]]


def _account(log: Log, model: WireModel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Amounts by transaction and part; by transaction all columns of ``cost`` and ``saved``."""
    found = ndrs(log)
    rows = costs.written(log, found)
    used = [part for part in PARTS if part != "other" or (rows["part"] == part).any()]
    index = pd.MultiIndex.from_product([found.index, used], names=["transaction", "part"])
    by = costs.shared(rows, model).reindex(index, fill_value=0.0)
    total = by.groupby("transaction").sum(skipna=False).reindex(found.index)
    whole = rows.loc[rows["basis"] == "logged", "transaction"]
    guessed = rows.loc[rows["basis"] == "modelled", "transaction"]
    basis = np.where(found.index.isin(whole) & ~found.index.isin(guessed), "logged", "modelled")
    total["smtp_basis"] = pd.Series(basis, found.index, dtype="str")
    sent = found.index.isin(rows.loc[(rows["part"] == "message") & (rows["direction"] == "sent"), "transaction"])
    total["body"] = found["size"].where(found.index.isin(_refused(log)) & ~sent, 0).astype("Int64")
    body, spent = total["body"].astype("float64"), total["smtp_out"] + total["smtp_in"]
    return by, total.assign(spent=spent, saved=body / (body + spent))


def _refused(log: Log) -> pd.Series:
    """Transactions with a recipient who was refused."""
    return log.recipients.loc[log.recipients["status"].isin(["rejected", "bounced"]), "transaction"].dropna()


def parts(log: Log) -> pd.DataFrame:
    """What each NDR's octets went into; the parts of a transaction add up to its ``cost``.

    Returns
    -------
    DataFrame, index ``transaction``, ``part`` (all of ``PARTS`` but ``other``, which appears where some
    transaction holds further commands): ``out``, ``in`` (octets, float). A part holds commands and their
    replies; ``DATA`` the command and its 354, ``message`` the text and the verdict. ``set-up`` (all of a
    session that is in no transaction, but QUIT) and ``QUIT`` are the NDR's equal share of its session's.
    """
    return _account(log, LINUX)[0][["smtp_out", "smtp_in"]].set_axis(["out", "in"], axis=1)


def cost(log: Log, wire: WireModel = LINUX) -> pd.DataFrame:
    """What each NDR took on the wire, both ways, at three layers.

    Parameters
    ----------
    log : any Log.
    wire : the assumptions about hosts and network; by default two Linux hosts, IPv4 (`WireModel`).

    Returns
    -------
    DataFrame, index ``transaction``, float: ``smtp_out``, ``smtp_in`` (octets of command and reply lines and of
    texts), ``tcp_out``, ``tcp_in`` (octets of TCP segments: header and payload), ``ip_out``, ``ip_in`` (octets of
    whole packets), ``packets_out``, ``packets_in``; a session's set-up, tear-down and QUIT are shared equally among
    its NDRs. ``smtp_basis``: ``logged``, or ``modelled`` where a message's text (its SIZE is taken) or the whole
    dialogue (RFC 5321 appendix D.1 is taken, for each host tried) is not in the log; the layers below always are
    modelled, from these lines. Missing where a message was sent whose size is unknown.

    Examples
    --------
    >>> import spamlab
    >>> each = cost(spamlab.read("data/exchange55-appendix-a.log"))
    >>> int(each["smtp_out"].sum()), int(each["ip_out"].sum()), int(each["packets_out"].sum())
    (564, 2080, 29)
    """
    return _account(log, wire)[1][[*costs.AMOUNTS, "smtp_basis"]]


def saved(log: Log) -> pd.DataFrame:
    """What refusing the recipient before the message spared the wire.

    Returns
    -------
    DataFrame, index ``transaction``: ``body`` (Int64, octets of a message not sent because RCPT was refused,
    as SIZE declares it; 0 where it was sent or nothing was refused; missing where SIZE is), ``spent`` (octets
    of SMTP both ways), ``saved`` (share of body + spent that was not sent, 0 to 1).
    """
    return _account(log, LINUX)[1][["body", "spent", "saved"]]


def answer(log: Log) -> str:
    """Say in a sentence how many NDRs, what they cost, what refusing them early spared."""
    each = _account(log, LINUX)[1]
    n, out, back = len(each), each["smtp_out"], each["smtp_in"]
    if n == 0:
        return "This log holds no attempt to deliver a non-delivery report."
    were = "was made; it took" if n == 1 else "were made; they took"
    basis = " and ".join(sorted(each["smtp_basis"].unique()))
    if unknown := int(out.isna().sum()):
        basis += f", {unknown:,} without a known size left out"
    text = f"{count(n, 'attempt')} to deliver a non-delivery report {were} {count(round(out.sum()), 'SMTP octet')} out"
    text += f" and {count(round(back.sum()), 'SMTP octet')} in ({basis})"
    if refused := int((each["body"] > 0).sum()):
        text += f"; {refused:,} of {n:,} {'was' if refused == 1 else 'were'} refused before the message, which spared "
        text += count(int(each["body"].sum()), "octet")
    return text + "."
