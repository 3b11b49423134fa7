"""Messages: each once, however many queues of the log it went through, and what arrived, left and was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab import dialogue, tables, texts

if TYPE_CHECKING:
    from spamlab.log import Log

SPOKEN = ("session", "kind", "echo", "direction", "verb", "code")
"""The columns of ``events`` that tell which reply answers which command."""

MOST_HOPS = 64  # a chain has a few; the bound is for a log that links in a circle


def first_hop(log: Log) -> pd.Series:
    """For each transaction, the first one of its message's way through the log's queues (index: transaction)."""
    links = log.columns("recipients", "transaction", "requeued_as").dropna()
    before = links.drop_duplicates("requeued_as").set_index("requeued_as")["transaction"].astype("int64")
    ids = log.columns("transactions", "transaction")["transaction"].astype("int64")
    first = ids
    for _ in range(MOST_HOPS if len(links) else 0):
        earlier = first.map(before).fillna(first).astype("int64")
        if earlier.equals(first):
            break
        first = earlier
    return pd.Series(first.to_numpy(), index=ids.to_numpy())


def answered(log: Log) -> pd.Series:
    """Of each command of a dialogue, the code it got (index: label of the command's event)."""
    events = log.columns("events", *SPOKEN)
    found: pd.Series = dialogue.answers(events).map(events["code"])
    return found


def verdicts(events: pd.DataFrame) -> pd.Series:
    """The code that each message's text got after DATA (index: label of the 354 before it)."""
    replies = events[events["kind"].eq("reply") & ~events["echo"] & events["transaction"].notna()]
    after: pd.Series = replies.groupby("transaction")["code"].shift(-1)[replies["code"].eq(354).fillna(False)]
    return after.dropna()


def arrivals(log: Log) -> pd.Series:
    """The transactions that arrived, one row an arrival (index: label of its event), missing where it has none.

    In a dialogue that the server was asked in, a message has arrived when its text (after 354, or a BDAT LAST) was
    answered 2xx; in a monitor's log, when its last reply was. Reports that the server made are left out.
    """
    events = log.columns("events", "transaction", *SPOKEN)
    events = events[~events["echo"]]
    found = [events.loc[events["kind"].eq("receive"), "transaction"]]
    events = events[events["transaction"].notna()]
    sessions = log.columns("sessions", "session", "role")
    served = sessions.loc[sessions["role"].eq("server"), "session"]
    said = events[events["session"].isin(served)]
    found.append(said.loc[verdicts(said).between(200, 299).loc[lambda good: good].index, "transaction"])
    chunks = said[said["verb"].eq("BDAT") & said["kind"].eq("command")]
    if len(chunks):
        argument = log.columns("events", "argument")["argument"].reindex(chunks.index)
        last = argument.str.upper().str.endswith("LAST").fillna(False)
        good = answered(log).reindex(chunks.index).between(200, 299).fillna(False)
        found.append(chunks.loc[last & good, "transaction"])
    whole = said[said["kind"].eq("exchange") & said["code"].between(200, 299).fillna(False)]
    made = log.columns("transactions", "transaction", "accepted", "report")
    accepted = made.loc[made["accepted"].gt(0), "transaction"]
    whole = whole[whole["verb"].isin(["DATA", "BDAT"]) | (whole["verb"].isna() & whole["transaction"].isin(accepted))]
    every = pd.concat([*found, whole["transaction"]]).sort_index()
    made_here = made.loc[made["report"].notna(), "transaction"]
    arrived: pd.Series = every[~every.isin(made_here)]
    return arrived


def _lines(log: Log, rows: pd.DataFrame) -> pd.Series:
    """Of each attempt that was refused before there was a message, the label of its event; else missing."""
    lost = rows[rows["what"].eq("rejected") & rows["transaction"].isna() & rows["line"].isna()]
    if lost.empty:
        return pd.Series(pd.NA, rows.index, dtype="Int64")
    events = log.columns("events", "time", "kind", "argument").rename(columns={"argument": "recipient"})
    said = events.loc[events["kind"].eq("reject"), ["time", "recipient"]]
    said = said.assign(line=said.index).drop_duplicates(["time", "recipient"])
    met = lost[["time", "recipient"]].merge(said, how="left", on=["time", "recipient"])
    return met["line"].astype("Int64").set_axis(lost.index).reindex(rows.index)


# A line names the client and the envelope's sender before a message has an id: Exim's H= and F=, Postfix's "; from=".
# The client's own words (HELO, in round brackets) can look like all of it: what is read has to stand right before what
# the server writes.
_EXIM = r"^(?:(?:(?!H=)[^<])* )?H=(?P<host>[^\s()\[\]]*) ?(?:\([^()]*\) )?\[(?P<ip>[0-9A-Fa-f.:]+)\]"
_SENDER = r"^[^<]*? F=<(?P<exim>[^<>]*)> |; from=<(?P<postfix>[^<>]*)>(?: to=<| proto=)"


def _told(log: Log, line: pd.Series) -> pd.DataFrame:
    """The client and the sender that some events' lines name, where no session and no message tells them."""
    known = line.dropna().astype("int64")
    if known.empty:
        return pd.DataFrame()
    text = log.columns("events", "text")["text"].reindex(pd.Index(known)).set_axis(known.index)
    if text.isna().all():
        return pd.DataFrame()
    arrived = text.str.extract(r"^(?:\S+ )?<= \S+ (.*)$", expand=False)
    peer = ("x " + arrived).fillna(text).str.extract(_EXIM)
    sender = text.str.extract(_SENDER)
    return pd.DataFrame({
        "client": peer["host"].where(peer["host"].ne("")).fillna(peer["ip"]),
        "sender": sender["exim"].fillna(sender["postfix"]),
    })  # fmt: skip


def happened(log: Log, hops: bool = False, *columns: str) -> pd.DataFrame:
    """The rows of ``flow`` as far as one event or attempt tells of them, which is found a good deal sooner.

    ``columns``: those of the attempts that are wanted, if not all. ``session`` is the event's, ``line`` its label.
    """
    wanted = columns or tables.TABLES["recipients"]
    recipients = log.columns("recipients", *{"time": 0, "status": 0, "requeued_as": 0, **dict.fromkeys(wanted)})
    if not hops:
        recipients = recipients[recipients["requeued_as"].isna() | recipients["status"].ne("delivered")]
    tried = recipients.rename(columns={"status": "what", "forward_path": "recipient"})
    came = arrivals(log)
    if not hops:
        came = came[~came.map(first_hop(log)).duplicated() | came.isna()]
    every = log.columns("events", "time", "session", "transaction", "kind", "verb", "code", "enhanced_code")
    events = every.loc[came.index, ["time", "session"]]
    received = pd.DataFrame({"time": events["time"], "session": events["session"], "transaction": came})
    received["what"] = "received"
    refused = every[every["kind"].eq("reject") & every["verb"].ne("RCPT")]
    if len(refused):
        said = log.columns("events", "argument", "text").loc[refused.index]
        refused = refused.assign(reply=said["text"])[said["argument"].isna()]
    refused = refused.drop(columns=["kind", "verb"]).assign(what="rejected")
    received, refused = (each.assign(line=each.index.astype("Int64")) for each in (received, refused))
    return pd.concat([received, tried.astype({"what": "str"}), refused], ignore_index=True)


def flow(log: Log, hops: bool = False) -> pd.DataFrame:
    """What came in, went out and was refused: one row an arrival, a recipient attempt or a refusal.

    Parameters
    ----------
    log
        The log.
    hops
        Count a message again at every hop (content filter, next server), as pflogsumm does.

    Returns
    -------
    DataFrame
        ``time``; ``what`` (``received``, a recipient's status, ``rejected`` also of refusals without recipient);
        ``transaction``; ``octets`` (of the message, Int64); ``client`` (the session's peer, name or address);
        ``sender``, ``recipient`` (addresses); ``relay`` (host it was handed to); and the columns of the recipient
        attempt: ``code``, ``enhanced_code``, ``reply``, ``delay`` and its parts (s).

    Examples
    --------
    >>> import spamlab
    >>> flow(spamlab.read("data/exchange55-appendix-a.log"))["what"].value_counts().to_dict()
    {'rejected': 8}
    """
    rows = happened(log, hops)
    mail = log.columns("transactions", "transaction", "session", "size", "reverse_path").set_index("transaction")
    rows["octets"] = rows["transaction"].map(mail["size"]).astype("Int64")
    rows["sender"] = rows["transaction"].map(mail["reverse_path"])
    sessions = log.columns("sessions", "session", "peer_host", "peer_ip")
    peer = sessions["peer_host"].fillna(sessions["peer_ip"]).set_axis(sessions["session"])
    session = rows["session"].fillna(rows["transaction"].map(mail["session"]))
    rows["client"] = session.map(peer)
    lines = rows["line"].fillna(_lines(log, rows))
    told = _told(log, lines[rows["client"].isna() | rows["sender"].isna()])
    for name in told:
        rows[name] = rows[name].astype("str").fillna(told[name])
    rows["relay"] = texts.extracted(rows["relay"], r"^(?P<relay>[^\s\[]+)")
    return rows.drop(columns=["session", "orig_to", "requeued_as", "line"])
