"""Backscatter: non-delivery reports (NDRs) sent to senders who sent nothing, and what they cost.

In a dialogue log an NDR is a transaction with the null reverse-path (RFC 5321 §4.5.5) in a session where the
logging server is the client; in an MTA's log it is a message the log calls one (``report`` is ``ndr``).
Octets are those of SMTP lines with their CRLF. *Out* is written by the logging server, *in* read by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import dialogue
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

PARTS = ("set-up", "MAIL", "RCPT", "DATA", "message", "RSET", "QUIT", "other")
_LINES = ("command", "reply", "data", "auth")

# The dialogue taken for an attempt whose lines were not logged: RFC 5321 appendix D.1 (typical scenario),
# each attempt in a session of its own. Text out, text in; address and size come on top.
_MODEL = {
    "set-up": ("EHLO bar.com", "220 foo.com Simple Mail Transfer Service Ready\n"
               "250-foo.com greets bar.com\n250-8BITMIME\n250-SIZE\n250-DSN\n250 HELP"),
    "MAIL": ("MAIL FROM:<> SIZE=", "250 OK"),
    "RCPT": ("RCPT TO:<>", "550 No such user here"),
    "DATA": ("DATA", "354 Start mail input; end with <CRLF>.<CRLF>"),
    "message": (".", "250 OK"),
    "QUIT": ("QUIT", "221 foo.com Service closing transmission channel"),
}  # fmt: skip


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


def _spoken(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """Lines of sessions that hold NDRs, but of no other transaction: part, octets out and in, ``opens`` (a text)."""
    lines = log.events[~log.events["echo"] & log.events["kind"].isin(_LINES)]
    lines = lines[lines["session"].isin(found["session"].dropna())].sort_values("session", kind="stable")
    lines = lines[lines["transaction"].isna() | lines["transaction"].isin(found.index)]
    asks = lines["kind"].isin(["command", "data"]) | (lines["kind"].eq("auth") & lines["code"].isna())
    part = lines["verb"].astype("str").where(asks)
    before = part.where(lines["kind"] == "command").groupby(lines["session"]).ffill()
    answer = dialogue.answers(lines).dropna().astype("int64")
    part.loc[answer] = part.loc[answer.index].to_numpy()
    message = (part.isna() & before.eq("DATA")) | (lines["kind"] == "data") | (part == "BDAT")  # or its verdict
    part = part.fillna(before).mask(message, "message")
    part = part.where(part.isin(PARTS), "other").mask(lines["transaction"].isna() & part.ne("QUIT"), "set-up")
    octets = dialogue.octets(lines["text"]).fillna(0).astype("float64")
    ways = {"out": octets.where(lines["direction"] == "sent", 0), "in": octets.where(lines["direction"] != "sent", 0)}
    opens = lines["code"].eq(354).fillna(False).astype(bool) & ~asks
    return lines[["session", "transaction"]].assign(part=part, opens=opens, **ways)


def _logged(log: Log, found: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index]:
    """Octets by transaction and part of NDRs whose dialogue was logged, and those without their text."""
    lines = _spoken(log, found)
    own = lines.dropna(subset="transaction").astype({"transaction": "int64"})
    members = found.loc[found.index.isin(own["transaction"]), ["session"]].reset_index()
    members["among"] = members.groupby("session")["transaction"].transform("size")
    common = lines[lines["transaction"].isna()].groupby(["session", "part"], as_index=False)[["out", "in"]].sum()
    shared = common.merge(members, on="session")
    shared[["out", "in"]] = shared[["out", "in"]].div(shared["among"], axis=0)
    # An outgoing message's text is not logged; SIZE counts its octets without the final dot (RFC 1870 §3).
    told = own.loc[(own["part"] == "message") & (own["out"] > 0), "transaction"]
    silent = found.index[found.index.isin(own.loc[own["opens"], "transaction"]) & ~found.index.isin(told)]
    body = found.loc[silent, "size"].astype("float64") + 3
    text = body.rename("out").reset_index().assign(part="message", **{"in": 0.0})
    return pd.concat([own, shared, text], ignore_index=True), silent


def _modelled(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """Octets by transaction and part where no dialogue was logged: one model session for each host tried."""
    tried = log.recipients[log.recipients["transaction"].isin(found.index)]
    tried = tried[tried["relay"].str.contains("[", regex=False).fillna(False).astype(bool)]
    sent = (tried["status"] == "delivered") | tried["reply"].str.contains("end of DATA", regex=False).fillna(False)
    rows = tried[["transaction", "forward_path"]].assign(sent=sent, size=tried["transaction"].map(found["size"]))
    model = pd.DataFrame.from_dict(_MODEL, orient="index", columns=["out", "in"]).apply(dialogue.octets)
    rows = rows.merge(model.astype("float64").rename_axis("part").reset_index(), how="cross")
    part, size = rows["part"], rows["size"].astype("Int64")
    rows["in"] = rows["in"].mask((part == "RCPT") & rows["sent"], len("250 OK") + 2)
    digits, path = size.astype("str").str.len().fillna(0), dialogue.octets(rows["forward_path"]).fillna(2) - 2
    more = np.select([part == "MAIL", part == "RCPT", part == "message"], [digits, path, size.astype("float64")], 0.0)
    return rows.assign(out=rows["out"] + more)[rows["sent"] | ~part.isin(["DATA", "message"])]


def _account(log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Octets by transaction and part; by transaction all columns of ``cost`` and ``saved``."""
    found = ndrs(log)
    commands = log.events[log.events["kind"].eq("command") & ~log.events["echo"]]
    heard = found.index.isin(commands["transaction"].dropna().astype("int64"))
    logged, silent = _logged(log, found[heard])
    rows = pd.concat([logged, _modelled(log, found[~heard])], ignore_index=True)
    used = [part for part in PARTS if part != "other" or (rows["part"] == part).any()]
    index = pd.MultiIndex.from_product([found.index, used], names=["transaction", "part"])
    by = rows.groupby(["transaction", "part"])[["out", "in"]].sum(skipna=False)  # without SIZE a body is unknown
    by = by.reindex(index, fill_value=0.0)
    both = by.assign(spent=by["out"] + by["in"])
    total = both.groupby("transaction").sum(skipna=False).reindex(found.index)
    total = total.rename(columns={"out": "smtp_out", "in": "smtp_in"})
    basis = np.where(heard & ~found.index.isin(silent), "logged", "modelled")
    total["smtp_basis"] = pd.Series(basis, found.index, dtype="str")
    sent = by.loc[by.index.get_level_values("part") == "message", "out"].droplevel("part").ne(0)
    refused = log.recipients.loc[log.recipients["status"].isin(["rejected", "bounced"]), "transaction"].dropna()
    total["body"] = found["size"].where(found.index.isin(refused) & ~sent, 0).astype("Int64")
    body = total["body"].astype("float64")
    return by, total.assign(saved=body / (body + total["spent"]))


def parts(log: Log) -> pd.DataFrame:
    """What each NDR's octets went into; the parts of a transaction add up to its ``cost``.

    Returns
    -------
    DataFrame, index ``transaction``, ``part`` (all of ``PARTS`` but ``other``, which appears where some
    transaction holds further commands): ``out``, ``in`` (octets, float). A part holds commands and their
    replies; ``DATA`` the command and its 354, ``message`` the text and the verdict. ``set-up`` (all of a
    session that is in no transaction, but QUIT) and ``QUIT`` are the NDR's equal share of its session's.
    """
    return _account(log)[0]


def cost(log: Log, wire: object = None) -> pd.DataFrame:
    """SMTP octets each NDR took, both ways.

    Parameters
    ----------
    log : any Log.
    wire : reserved for the model of the layers below; None.

    Returns
    -------
    DataFrame, index ``transaction``: ``smtp_out``, ``smtp_in`` (octets, float: a session's set-up and QUIT
    are shared equally among its NDRs), ``smtp_basis``: ``logged``, or ``modelled`` where a message's text
    (its SIZE is taken) or the whole dialogue (RFC 5321 appendix D.1 is taken, for each host tried) is not in
    the log. ``smtp_out`` is missing where a message was sent whose size is unknown.

    Raises
    ------
    NotImplementedError
        A wire model was given.

    Examples
    --------
    >>> import spamlab
    >>> cost(spamlab.read("data/exchange55-appendix-a.log")).smtp_basis.unique().tolist()
    ['logged']
    """
    if wire is not None:
        raise NotImplementedError("there is no wire model yet: leave wire=None")
    return _account(log)[1][["smtp_out", "smtp_in", "smtp_basis"]]


def saved(log: Log) -> pd.DataFrame:
    """What refusing the recipient before the message spared the wire.

    Returns
    -------
    DataFrame, index ``transaction``: ``body`` (Int64, octets of a message not sent because RCPT was refused,
    as SIZE declares it; 0 where it was sent or nothing was refused; missing where SIZE is), ``spent`` (octets
    of SMTP both ways), ``saved`` (share of body + spent that was not sent, 0 to 1).
    """
    return _account(log)[1][["body", "spent", "saved"]]


def answer(log: Log) -> str:
    """Say in a sentence how many NDRs, what they cost, what refusing them early spared."""
    each = _account(log)[1]
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
