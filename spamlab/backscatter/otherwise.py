"""What the attempts would have cost had one thing been different, and beside the spam that caused them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import costs, partwise
from spamlab.backscatter.account import LINUX, unsent
from spamlab.backscatter.attempts import of
from spamlab.wire import WireModel

if TYPE_CHECKING:
    from spamlab.log import Log

T1 = 1_544_000.0  # bit/s


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
    table = of(log, partial(_otherwise, wire=wire), partwise.totals)
    whole = table["octets"].iloc[0]
    return table.assign(change=table["octets"] / whole - 1 if whole else np.nan)


def _otherwise(found: pd.DataFrame, rows: pd.DataFrame, wire: WireModel) -> pd.DataFrame:
    first = rows.groupby("transaction")["connection"].transform("min")
    measures = {
        "as logged": (rows, wire, 1),
        "texts sent, then refused": (costs.with_texts(rows, unsent(found, rows)), wire, 1),
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
    (reports, octets, caused, out), times = of(
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
