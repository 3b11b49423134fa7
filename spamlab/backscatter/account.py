"""What the attempts took on the wire: each of them, its parts, the layers, and how far that is known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import costs, partwise
from spamlab import wire as wires
from spamlab.backscatter.attempts import of
from spamlab.costs import PARTS
from spamlab.wire import WireModel

if TYPE_CHECKING:
    from spamlab.log import Log

LINUX = WireModel()


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


def accounts(log: Log, model: WireModel) -> pd.DataFrame:
    """All columns of ``cost`` and ``saved``, by transaction."""
    return of(log, partial(_account, model=model), partwise.rows())


def parts(log: Log) -> pd.DataFrame:
    """What each NDR's octets went into; the parts of a transaction add up to its ``cost``.

    Returns
    -------
    DataFrame, index ``transaction``, ``part`` (all of ``PARTS`` but ``other``, which appears where some
    transaction holds further commands): ``out``, ``in`` (octets, float). A part holds commands and their
    replies; ``DATA`` the command and its 354, ``message`` the text and the verdict. ``set-up`` (all of a
    session that is in no transaction, but QUIT) and ``QUIT`` are the NDR's equal share of its session's.
    """
    return of(log, partial(_parts, model=LINUX), _merged)[["smtp_out", "smtp_in"]].set_axis(["out", "in"], axis=1)


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
    return accounts(log, wire)[[*costs.AMOUNTS, "smtp_basis"]]


def saved(log: Log) -> pd.DataFrame:
    """What refusing the recipient before the message spared the wire.

    Returns
    -------
    DataFrame, index ``transaction``: ``body`` (Int64, octets of a message not sent because RCPT was refused,
    as SIZE declares it; 0 where it was sent or nothing was refused; missing where SIZE is), ``spent`` (octets
    of SMTP both ways), ``saved`` (share of body + spent that was not sent, 0 to 1).
    """
    return accounts(log, LINUX)[["body", "spent", "saved"]]


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
    return of(log, partial(_layers, wire=wire), partwise.totals)


def _layers(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    spent, spoken = costs.total(rows, wire), costs.amounts(rows, wire)
    more = costs.total(costs.with_texts(rows, unsent(found, rows)), wire) - spent
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


def unsent(found: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
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
    return of(log, partial(_bounds, wire=wire), partwise.totals)


def _bounds(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    table = {}
    for name, causes in [*((name, [name]) for name in wires.UNKNOWN), ("all together", list(wires.UNKNOWN))]:
        ends = [costs.total(rows, model) for model in wires.extremes(wire, causes)]
        octets, packets = ([end[f"{what}_out"] + end[f"{what}_in"] for end in ends] for what in ("ip", "packets"))
        table[name] = [*octets, *packets]
    names = ["low", "high", "packets_low", "packets_high"]
    return pd.DataFrame.from_dict(table, orient="index", columns=names, dtype="float64").rename_axis("unknown")
