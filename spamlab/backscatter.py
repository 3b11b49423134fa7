"""Backscatter: non-delivery reports (NDRs) sent to senders who sent nothing, and what they cost.

In a dialogue log an NDR is a transaction with the null reverse-path (RFC 5321 §4.5.5) in a session where the
logging server is the client; in an MTA's log it is a message the log calls one (``report`` is ``ndr``).
Octets are those of SMTP lines with their CRLF. *Out* is written by the logging server, *in* read by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import dialogue, stats

if TYPE_CHECKING:
    from spamlab.log import Log

PARTS = ("set-up", "MAIL", "RCPT", "DATA", "message", "RSET", "QUIT", "other")
_LINES = ("command", "reply", "data", "auth")

# The dialogue taken for an attempt whose lines were not logged: RFC 5321 appendix D.1 (typical scenario),
# each attempt in a session of its own. Lines out and in; address and size come on top.
_MODEL = {
    "set-up": (
        ("EHLO bar.com",),
        ("220 foo.com Simple Mail Transfer Service Ready",
         "250-foo.com greets bar.com", "250-8BITMIME", "250-SIZE", "250-DSN", "250 HELP"),
    ),
    "MAIL": (("MAIL FROM:<> SIZE=",), ("250 OK",)),
    "RCPT": (("RCPT TO:<>",), ("550 No such user here",)),
    "DATA": (("DATA",), ("354 Start mail input; end with <CRLF>.<CRLF>",)),
    "message": ((".",), ("250 OK",)),
    "QUIT": (("QUIT",), ("221 foo.com Service closing transmission channel",)),
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
    found = made[(made["null_sender"] & outward) | (made["report"] == "ndr")]
    tried = log.recipients[log.recipients["transaction"].isin(found["transaction"])]
    tried = tried.drop_duplicates("transaction")
    tried = tried.set_index(tried["transaction"].astype("int64")).reindex(found["transaction"])
    session = found["session"].set_axis(tried.index)
    peer = sessions["peer_host"].fillna(sessions["peer_ip"]).reindex(session.astype("float64"))
    return pd.DataFrame(
        {
            "session": session,
            "time": found["start"].set_axis(tried.index),
            "peer": peer.set_axis(tried.index).fillna(tried["relay"]).astype("str"),
            "forward_path": tried["forward_path"],
            "size": found["size"].set_axis(tried.index),
            "outcome": found["outcome"].set_axis(tried.index),
            "code": tried["code"],
            "enhanced_code": tried["enhanced_code"],
        }
    )


def _spoken(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """All lines of sessions that hold NDRs: session, transaction, part, direction, octets, opens (a body)."""
    events = log.events
    rows = events[~events["echo"] & events["kind"].isin(_LINES) & events["session"].isin(found["session"].dropna())]
    rows = rows[~rows["transaction"].notna() | rows["transaction"].isin(found.index)]
    rows = rows.sort_values("session", kind="stable")
    answer = dialogue.answers(rows).dropna()
    asks = rows["kind"].isin(["command", "data"]) | (rows["kind"].eq("auth") & rows["code"].isna())
    verb = rows["verb"].astype("object").where(asks)
    of_reply = pd.Series(verb.reindex(answer.index).to_numpy(), index=pd.Index(answer.astype("int64")))
    paired = of_reply[~of_reply.index.duplicated()].reindex(rows.index)
    before = verb.where(rows["kind"] == "command").groupby(rows["session"]).ffill()
    part = verb.fillna(paired).fillna(before)
    late = ~asks & paired.isna() & before.eq("DATA")  # the verdict on the message
    part = part.mask(late | (rows["kind"] == "data") | (part == "BDAT"), "message")
    inside = rows["transaction"].notna()
    part = part.where(part.isin(PARTS), "other").where(inside, part.eq("QUIT").map({True: "QUIT", False: "set-up"}))
    return pd.DataFrame(
        {
            "session": rows["session"],
            "transaction": rows["transaction"],
            "part": part,
            "direction": rows["direction"].astype("object").map({"sent": "out", "received": "in"}),
            "octets": dialogue.octets(rows["text"]).fillna(0).astype("float64"),
            "opens": (rows["code"].eq(354) & ~asks).fillna(False).astype(bool),
        }
    )


def _logged(log: Log, found: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index]:
    """Octets by transaction and part of NDRs whose dialogue was logged, and those without their text."""
    lines = _spoken(log, found)
    own = lines.dropna(subset="transaction").groupby(["transaction", "part", "direction"])["octets"].sum()
    common = lines[lines["transaction"].isna()].groupby(["session", "part", "direction"])["octets"].sum()
    spoken = lines["transaction"].dropna().astype("int64").unique()
    members = found.loc[found.index.isin(spoken), ["session"]].reset_index()
    members["among"] = members.groupby("session")["transaction"].transform("size")
    shared = common.reset_index().merge(members, on="session")
    shared["octets"] /= shared["among"]
    # An outgoing message's text is not logged; SIZE counts its octets without the final dot (RFC 1870 §3).
    opened = lines.loc[lines["opens"], "transaction"].dropna().astype("int64").unique()
    told = lines.loc[(lines["part"] == "message") & (lines["direction"] == "out"), "transaction"].dropna()
    silent = found.index[found.index.isin(opened) & ~found.index.isin(told)]
    body = pd.DataFrame({"transaction": silent, "part": "message", "direction": "out"})
    body["octets"] = (found["size"].reindex(silent).astype("float64") + 3).to_numpy()
    return pd.concat([own.reset_index(), shared, body], ignore_index=True), silent


def _modelled(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """Octets by transaction and part where no dialogue was logged: one model session for each host tried."""
    tried = log.recipients[log.recipients["transaction"].isin(found.index)]
    tried = tried[tried["relay"].str.contains("[", regex=False).fillna(False).astype(bool)]
    size = tried["transaction"].map(found["size"]).astype("float64")
    sent = (tried["status"] == "delivered") | tried["reply"].str.contains("end of DATA", regex=False).fillna(False)
    rows = []
    for part, (out, back) in _MODEL.items():
        octets = {"out": float(sum(len(x) + 2 for x in out)), "in": float(sum(len(x) + 2 for x in back))}
        for direction, number in octets.items():
            some = pd.DataFrame({"transaction": tried["transaction"], "part": part, "direction": direction})
            some["octets"] = number
            if direction == "out" and part == "MAIL":
                some["octets"] += np.where(size.isna(), 0, size.astype("Int64").astype("str").str.len())
            elif direction == "out" and part == "RCPT":
                some["octets"] += dialogue.octets(tried["forward_path"]).fillna(2).astype("float64") - 2
            elif direction == "in" and part == "RCPT":
                some["octets"] = some["octets"].mask(sent, float(len("250 OK") + 2))
            elif direction == "out" and part == "message":
                some["octets"] += size
            rows.append(some[sent] if part in ("DATA", "message") else some)
    return pd.concat(rows, ignore_index=True)


def _account(log: Log) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """The NDRs, their octets by transaction and part, and what those rest on."""
    found = ndrs(log)
    commands = log.events[log.events["kind"].eq("command") & ~log.events["echo"]]
    heard = found.index.isin(commands["transaction"].dropna().astype("int64"))
    logged, silent = _logged(log, found[heard])
    rows = pd.concat([logged, _modelled(log, found[~heard])], ignore_index=True)
    rows = rows.astype({"transaction": "int64", "octets": "float64"})
    used = [p for p in PARTS if p != "other" or (rows["part"] == p).any()]
    index = pd.MultiIndex.from_product([found.index, used], names=["transaction", "part"])
    by = rows.groupby(["transaction", "part", "direction"])["octets"].sum().unstack("direction")
    by = by.reindex(index, columns=pd.Index(["out", "in"])).fillna(0.0).astype("float64")
    unknown = rows.loc[rows["octets"].isna(), ["transaction", "part"]].drop_duplicates()
    by.loc[by.index.isin(pd.MultiIndex.from_frame(unknown)), "out"] = np.nan  # a body without SIZE
    basis = np.where(heard & ~found.index.isin(silent), "logged", "modelled")
    return found, by, pd.Series(basis, found.index, dtype="str")


def parts(log: Log) -> pd.DataFrame:
    """What each NDR's octets went into; the parts of a transaction add up to its ``cost``.

    Returns
    -------
    DataFrame, index ``transaction``, ``part`` (all of ``PARTS`` but ``other``, which appears where some
    transaction holds further commands): ``out``, ``in`` (octets, float). A part holds commands and their
    replies; ``DATA`` the command and its 354, ``message`` the text and the verdict. ``set-up`` (all of a
    session that is in no transaction, but QUIT) and ``QUIT`` are the NDR's equal share of its session's.
    """
    return _account(log)[1]


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
    _, by, basis = _account(log)
    return _total(by, basis)


def _total(by: pd.DataFrame, basis: pd.Series) -> pd.DataFrame:
    total = by.groupby("transaction").sum().reindex(basis.index)
    unknown = by["out"].isna().groupby("transaction").any().reindex(basis.index).astype(bool)
    total["out"] = total["out"].mask(unknown)
    return total.set_axis(["smtp_out", "smtp_in"], axis=1).assign(smtp_basis=basis)


def saved(log: Log) -> pd.DataFrame:
    """What refusing the recipient before the message spared the wire.

    Returns
    -------
    DataFrame, index ``transaction``: ``body`` (Int64, octets of a message not sent because RCPT was refused,
    as SIZE declares it; 0 where it was sent or nothing was refused; missing where SIZE is), ``spent`` (octets
    of SMTP both ways), ``saved`` (share of body + spent that was not sent, 0 to 1).
    """
    found, by, basis = _account(log)
    return _saved(log, found, by, _total(by, basis))


def _saved(log: Log, found: pd.DataFrame, by: pd.DataFrame, total: pd.DataFrame) -> pd.DataFrame:
    spent = total["smtp_out"] + total["smtp_in"]
    message = by.loc[by.index.get_level_values("part") == "message", "out"].droplevel("part")
    sent = message.reindex(found.index).ne(0)
    refused = log.recipients.loc[log.recipients["status"].isin(["rejected", "bounced"]), "transaction"].dropna()
    body = found["size"].where(found.index.isin(refused) & ~sent, 0).astype("Int64")
    share = body.astype("float64") / (body.astype("float64") + spent)
    return pd.DataFrame({"body": body, "spent": spent, "saved": share})


def answer(log: Log) -> str:
    """Say in a sentence how many NDRs, what they cost, what refusing them early spared."""
    found, by, basis = _account(log)
    n = len(found)
    if n == 0:
        return "This log holds no attempt to deliver a non-delivery report."
    total = _total(by, basis)
    spared = _saved(log, found, by, total)
    text = f"{stats.counted(n, 'attempt')} to deliver a non-delivery report {'was' if n == 1 else 'were'} made"
    out, back = total["smtp_out"], total["smtp_in"]
    some = int(out.notna().sum())
    bases = " and ".join(b for b in ("logged", "modelled") if (total["smtp_basis"] == b).any())
    text += f"; {'it' if n == 1 else 'they'} took {stats.counted(round(out.sum()), 'SMTP octet')} out"
    text += f" and {stats.counted(round(back.sum()), 'SMTP octet')} in ({bases}"
    text += f", {n - some:,} without a known size left out)" if some < n else ")"
    refused = int((spared["body"] > 0).fillna(False).sum())
    if refused:
        text += f"; {refused:,} of {n:,} "
        text += f"{'was' if refused == 1 else 'were'} refused before the message, which spared "
        text += stats.counted(int(spared["body"].sum()), "octet")
    return text + "."
