"""Backscatter: non-delivery reports (NDRs) sent to senders who sent nothing, and what they cost.

In a dialogue log an NDR is a transaction with the null reverse-path (RFC 5321 §4.5.5) in a session where the
logging server is the client; in an MTA's log it is a message the log calls one (``report`` is ``ndr``).
Octets are those of SMTP lines with their CRLF. *Out* is written by the logging server, *in* read by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from spamlab import costs, partwise, words
from spamlab import wire as wires
from spamlab.costs import PARTS
from spamlab.wire import WireModel
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

T = TypeVar("T")

LINUX = WireModel()
T1 = 1_544_000.0  # bit/s


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


# What all that follows is made from: the attempts, and their lines; of a log in parts both are kept.


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


def _of(log: Log, function: Callable[[pd.DataFrame, pd.DataFrame], T], merge: Callable[[list[T]], T]) -> T:
    """What a function gives for the attempts and their lines, of a log in parts for those of each, and merged."""
    found, lines = partwise.kept(log, _found), partwise.kept(log, _lines)
    if found is None or lines is None:
        return function(_found(log).set_index("transaction"), _lines(log))
    both = zip(found.frames(), lines.frames(), strict=True)
    return merge([function(each.set_index("transaction"), rows) for each, rows in both])


def _total(found: pd.DataFrame, rows: pd.DataFrame, model: WireModel) -> pd.Series:
    return costs.total(rows, model)


def _parts(found: pd.DataFrame, rows: pd.DataFrame, model: WireModel) -> pd.DataFrame:
    """Amounts by transaction and part."""
    used = [part for part in PARTS if part != "other" or (rows["part"] == part).any()]
    index = pd.MultiIndex.from_product([found.index, used], names=["transaction", "part"])
    return costs.shared(rows, model).reindex(index, fill_value=0.0)


def _merged(found: list[pd.DataFrame]) -> pd.DataFrame:
    whole = pd.concat(found)
    parts = whole.index.get_level_values("part").unique()
    used = [part for part in PARTS if part in parts]
    transactions = whole.index.get_level_values("transaction").unique().sort_values()
    index = pd.MultiIndex.from_product([transactions, used], names=["transaction", "part"])
    return whole.reindex(index, fill_value=0.0)


def _account(found: pd.DataFrame, rows: pd.DataFrame, model: WireModel) -> pd.DataFrame:
    """By transaction all columns of ``cost`` and ``saved``."""
    total = _parts(found, rows, model).groupby("transaction").sum(skipna=False).reindex(found.index)
    whole = rows.loc[rows["basis"] == "logged", "transaction"]
    guessed = rows.loc[rows["basis"] == "modelled", "transaction"]
    basis = np.where(found.index.isin(whole) & ~found.index.isin(guessed), "logged", "modelled")
    total["smtp_basis"] = pd.Series(basis, found.index, dtype="str")
    sent = found.index.isin(rows.loc[(rows["part"] == "message") & (rows["direction"] == "sent"), "transaction"])
    total["body"] = found["size"].where(found["refused"] & ~sent, 0).astype("Int64")
    body, spent = total["body"].astype("float64"), total["smtp_out"] + total["smtp_in"]
    return total.assign(spent=spent, saved=body / (body + spent))


def _accounts(log: Log, model: WireModel) -> pd.DataFrame:
    return _of(log, partial(_account, model=model), partwise.rows())


def parts(log: Log) -> pd.DataFrame:
    """What each NDR's octets went into; the parts of a transaction add up to its ``cost``.

    Returns
    -------
    DataFrame, index ``transaction``, ``part`` (all of ``PARTS`` but ``other``, which appears where some
    transaction holds further commands): ``out``, ``in`` (octets, float). A part holds commands and their
    replies; ``DATA`` the command and its 354, ``message`` the text and the verdict. ``set-up`` (all of a
    session that is in no transaction, but QUIT) and ``QUIT`` are the NDR's equal share of its session's.
    """
    return _of(log, partial(_parts, model=LINUX), _merged)[["smtp_out", "smtp_in"]].set_axis(["out", "in"], axis=1)


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
    return _accounts(log, wire)[[*costs.AMOUNTS, "smtp_basis"]]


def saved(log: Log) -> pd.DataFrame:
    """What refusing the recipient before the message spared the wire.

    Returns
    -------
    DataFrame, index ``transaction``: ``body`` (Int64, octets of a message not sent because RCPT was refused,
    as SIZE declares it; 0 where it was sent or nothing was refused; missing where SIZE is), ``spent`` (octets
    of SMTP both ways), ``saved`` (share of body + spent that was not sent, 0 to 1).
    """
    return _accounts(log, LINUX)[["body", "spent", "saved"]]


def layers(log: Log, wire: WireModel = LINUX) -> pd.DataFrame:
    """Where all octets come from: what each layer adds, and what refusing before the message avoided.

    Parameters
    ----------
    log : any Log.
    wire : as in `cost`.

    Returns
    -------
    DataFrame, index ``layer`` (``SMTP``, ``TCP``, ``IP``), ``basis`` (``logged``; ``modelled``; ``avoided``: the texts
    that were not sent, their DATA, and what TCP and IP would have added): ``out``, ``in``, ``octets`` (both; float).
    The rows that are not ``avoided`` add up to `cost`; texts of unknown size are in none.
    """
    return _of(log, partial(_layers, wire=wire), partwise.totals)


def _layers(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    spent, spoken = costs.total(rows, wire), costs.amounts(rows, wire)
    more = costs.total(costs.with_texts(rows, _unsent(found, rows)), wire) - spent
    table = {}
    for basis in ("logged", "modelled"):
        table["SMTP", basis] = [spoken.loc[rows["basis"] == basis, f"smtp_{way}"].sum() for way in ("out", "in")]
    for basis, amount in (("modelled", spent), ("avoided", more)):
        if basis == "avoided":
            table["SMTP", basis] = [amount["smtp_out"], amount["smtp_in"]]
        for layer, below in (("TCP", "smtp"), ("IP", "tcp")):
            table[layer, basis] = [amount[f"{layer.lower()}_{way}"] - amount[f"{below}_{way}"] for way in ("out", "in")]
    made = pd.DataFrame.from_dict(table, orient="index", columns=["out", "in"])
    made.index = pd.MultiIndex.from_tuples(made.index, names=["layer", "basis"])
    return made.assign(octets=made["out"] + made["in"])


def _unsent(found: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """Sizes of the messages that were not sent because their recipient was refused, where they are known."""
    sent = rows.loc[(rows["part"] == "message") & (rows["direction"] == "sent"), "transaction"]
    kept = found.loc[found["refused"] & ~found.index.isin(sent), "size"]
    return kept.dropna().astype("float64")


def bounds(log: Log, wire: WireModel = LINUX) -> pd.DataFrame:
    """How far the total depends on what a log does not tell.

    Parameters
    ----------
    log : any Log.
    wire : as in `cost`; each unknown is moved from where it costs least to where it costs most (`wire.UNKNOWN`).

    Returns
    -------
    DataFrame, index ``unknown`` (the last row: all of them together), float: ``low``, ``high`` (octets of IP packets,
    both ways), ``packets_low``, ``packets_high``.
    """
    return _of(log, partial(_bounds, wire=wire), partwise.totals)


def _bounds(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    table = {}
    for name, causes in [*((name, [name]) for name in wires.UNKNOWN), ("all together", list(wires.UNKNOWN))]:
        ends = [costs.total(rows, model) for model in wires.extremes(wire, causes)]
        octets, packets = ([end[f"{what}_out"] + end[f"{what}_in"] for end in ends] for what in ("ip", "packets"))
        table[name] = [*octets, *packets]
    names = ["low", "high", "packets_low", "packets_high"]
    return pd.DataFrame.from_dict(table, orient="index", columns=names, dtype="float64").rename_axis("unknown")


def counterfactuals(log: Log, wire: WireModel = LINUX) -> pd.DataFrame:
    """What the attempts would have cost had one thing been different.

    Parameters
    ----------
    log : any Log.
    wire : as in `cost`; its `tries` is how often a report is tried that is put off each time.

    Returns
    -------
    DataFrame, index ``measure``, float: ``out``, ``in``, ``octets`` (of IP packets; both ways), ``packets``,
    ``change`` (of octets, relative to the first row, ``as logged``). ``texts sent, then refused``:
    the texts of known size that refusal at RCPT spared; ``refused at RCPT``: every recipient; ``PIPELINING``: commands
    in groups; ``no second try``: the first connection of each report alone; ``deferred at each try``: every attempt
    fails for now, as often as it is tried; ``no reports``: none are made.
    """
    table = _of(log, partial(_otherwise, wire=wire), partwise.totals)
    whole = table["octets"].iloc[0]
    return table.assign(change=table["octets"] / whole - 1 if whole else np.nan)


def _otherwise(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    first = rows.groupby("transaction")["connection"].transform("min")
    measures = {
        "as logged": (rows, wire, 1),
        "texts sent, then refused": (costs.with_texts(rows, _unsent(found, rows)), wire, 1),
        "refused at RCPT": (costs.without_texts(rows), wire, 1),
        "PIPELINING": (rows, replace(wire, pipelining=True), 1),
        "no second try": (rows[first.isna() | (rows["connection"] == first)], wire, 1),
        "deferred at each try": (costs.without_texts(rows), wire, wire.tries),
        "no reports": (rows[:0], wire, 1),
    }
    totals = {name: costs.total(lines, model) * times for name, (lines, model, times) in measures.items()}
    each = pd.DataFrame.from_dict(totals, orient="index").rename_axis("measure")
    table = each[["ip_out", "ip_in"]].set_axis(["out", "in"], axis=1)
    return table.assign(octets=table.sum(axis=1), packets=each["packets_out"] + each["packets_in"])


def amplification(log: Log, wire: WireModel = LINUX, uplink: float = T1) -> pd.Series:
    """What the reports cost beside the spam that caused them, and beside the line they leave by.

    Parameters
    ----------
    log : any Log.
    wire : as in `cost`.
    uplink : rate of the server's line out, bit/s; by default a T1's 1,544,000.

    Returns
    -------
    Series of float: ``reports`` (attempts), ``octets`` (of their IP packets, both ways), ``spam`` (octets of the
    messages' own connections that caused them, both ways, modelled: of the size logged where the log links the report
    to a message, else of the report's own size, since it returns the message), ``amplification`` (octets / spam),
    ``seconds`` (first attempt to the end of the last), ``rate`` (bit/s out meanwhile), ``uplink`` (share of the line).
    """
    (reports, octets, caused, out), times = _of(
        log, partial(_caused, wire=wire), partwise.pairs(partwise.totals, partwise.below)
    )
    seconds = (times["end"].max() - times["time"].min()).total_seconds() if reports else np.nan
    rate = out * 8 / seconds if seconds else np.nan
    ratio = octets / caused if caused else np.nan
    return pd.Series({"reports": reports, "octets": octets, "spam": caused, "amplification": ratio,
                      "seconds": seconds, "rate": rate, "uplink": rate / uplink}, dtype="float64")  # fmt: skip


def _caused(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> tuple[Any, pd.DataFrame]:
    """Reports, their octets, those of the spam, those out; and when each began and ended."""
    spent = costs.total(rows, wire)
    size, cause = found["caused"].fillna(found["size"]).dropna(), found["cause"]
    tries = pd.DataFrame({"transaction": cause.fillna(-1.0 - pd.Series(found.index, found.index)), "size": size})
    tries = tries.dropna(subset="size").drop_duplicates("transaction").assign(path=20.0, sent=True)
    spam = costs.total(costs.modelled(tries), wire)
    octets, caused = (amount["ip_out"] + amount["ip_in"] for amount in (spent, spam))
    return np.array([len(found), octets, caused, spent["ip_out"]]), found[["time", "end"]]


PUBLISHED = {
    "octets a mail sent": 34_000.0,
    "octets sent": 3.6e6,
    "reports": 80_000.0,
    "octets a report": 15_000.0,
    "octets returned": 1.2e9,
    "amplification": 330.0,
}
"""Frei, Silvestri and Ollmann, "Mail Non-Delivery Notice Attacks" (2004), as reported by Heise; "over" is left out."""


def attack(
    wire: WireModel = LINUX, *, servers: int = 105, recipients: int = 1000, attachment: int = 10_000,
    command: int = 20, header: int = 600, notice: int = 1300,
) -> pd.DataFrame:  # fmt: skip
    """The experiment of Frei, Silvestri and Ollmann (2004), from its inputs, beside what they published.

    One mail to each server names many recipients who do not exist; each of them may bring a report that returns it.

    Parameters
    ----------
    wire : as in `cost`.
    servers, recipients : mails sent, one to a server; recipients of each (RFC 5321 §4.5.3.1.8 asks for 100 or more).
    attachment : octets before base64 (RFC 2045 §6.8: 4 for 3, lines of 76 and CRLF).
    command : octets of a RCPT line; ``RCPT TO:<>`` and CRLF are 12 of them.
    header : octets of the mail's header and MIME frame, assumed.
    notice : octets of a report beside what it returns: its own header, words, delivery status (RFC 3464), assumed.

    Returns
    -------
    DataFrame, index ``quantity``, float: ``predicted`` (SMTP octets, one way, from the inputs alone: every recipient
    brings a report), ``with_their_reports`` (the same with the number of reports they counted), ``wire`` (as
    predicted, IP packets both ways), ``published``.
    """
    encoded = np.ceil(attachment / 3) * 4
    text = encoded + 2 * np.ceil(encoded / 76) + header
    mail = costs.modelled(pd.DataFrame({"transaction": [0.0], "size": [text], "path": [command - 12.0], "sent": True}))
    mail = mail.loc[mail.index.repeat(np.where(mail["part"] == "RCPT", recipients, 1))]
    # All RCPT lines at a stretch would be PIPELINING: a mailer of the time waited for each answer.
    mail["at"] = mail.groupby(mail.index).cumcount().where(mail["part"] == "RCPT", 0)
    mail = mail.assign(block=mail["part"].ne(mail["part"].shift()).cumsum())
    mail = mail.sort_values(["block", "at"], kind="stable", ignore_index=True)
    size = text + notice
    report = costs.modelled(pd.DataFrame({"transaction": [0.0], "size": [size], "path": [20.0], "sent": True}))
    sent, returned = costs.total(mail, wire), costs.total(report, wire)
    lines, packets = sent["smtp_out"], sent["ip_out"] + sent["ip_in"]
    back = returned["ip_out"] + returned["ip_in"]

    def column(mail: float, report: float, reports: float) -> list[float]:
        whole, given = mail * servers, report * reports
        return [mail, whole, reports, report, given, given / whole]

    columns = {
        "predicted": column(lines, size, servers * recipients),
        "with_their_reports": column(lines, size, PUBLISHED["reports"]),
        "wire": column(packets, back, servers * recipients),
        "published": list(PUBLISHED.values()),
    }
    return pd.DataFrame(columns, index=pd.Index(PUBLISHED, name="quantity"), dtype="float64")


def attack_answer(table: pd.DataFrame) -> str:
    """Say in a sentence how near `attack` comes to what was published."""
    off = {name: (table[name] / table["published"] - 1).map("{:+.0%}".format) for name in table.columns[:2]}
    alone, given = (table[name] for name in table.columns[:2])
    mail, report, factor = table.index[[0, 3, 5]]
    said = f"From its inputs alone the model gives {words.octets(alone[mail])} a mail sent ({off['predicted'][mail]} of"
    said += f" what was published), {words.octets(alone[report])} a report ({off['predicted'][report]}) and an"
    said += f" amplification of {alone[factor]:.0f} if every recipient brings a report; {given['reports']:,.0f} of"
    said += f" {alone['reports']:,.0f} did, which makes it {given[factor]:.0f}"
    return (said + f" ({off['with_their_reports'][factor]}).").replace("(-", "(−")


def answer(log: Log, wire: WireModel = LINUX) -> str:
    """Say in a sentence how many NDRs, what they cost, on the wire too, what refusing them early spared."""
    each = _accounts(log, wire)
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
    far, spent = (
        bounds(log, wire),
        _of(log, partial(_total, model=wire), partwise.totals),
    )  # texts of unknown size left out
    whole, packets = (spent[f"{what}_out"] + spent[f"{what}_in"] for what in ("ip", "packets"))
    if not packets:
        return f"{text}. None of them went to another host."
    text += f". On the wire that is {words.octets(whole)} in {count(round(packets), 'packet')}"
    low, high = (words.octets(far[end]["delayed ACKs"]) for end in ("low", "high"))
    return f"{text} (TCP/IP, modelled; {low} to {high}, depending on delayed ACKs)."
