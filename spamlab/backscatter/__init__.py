"""Backscatter: non-delivery reports (NDRs) sent to senders who sent nothing, and what they cost.

In a dialogue log an NDR is a transaction with the null reverse-path (RFC 5321 §4.5.5) in a session where the
logging server is the client; in an MTA's log it is a message the log calls one (``report`` is ``ndr``).
Octets are those of SMTP lines with their CRLF. *Out* is written by the logging server, *in* read by it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from spamlab import costs, partwise, words
from spamlab.backscatter.account import LINUX, accounts, bounds, cost, layers, parts, saved
from spamlab.backscatter.attempts import ndrs, of
from spamlab.backscatter.experiment import attack, attack_answer
from spamlab.backscatter.otherwise import amplification, counterfactuals
from spamlab.costs import PARTS
from spamlab.wire import WireModel
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

__all__ = ["PARTS", "amplification", "answer", "attack", "attack_answer", "bounds", "cost", "counterfactuals", "layers",
           "ndrs", "parts", "saved"]  # fmt: skip


def _total(found: pd.DataFrame, rows: pd.DataFrame, model: WireModel) -> pd.Series:
    return costs.total(rows, model)


def answer(log: Log, wire: WireModel = LINUX) -> str:
    """Say in a sentence how many NDRs, what they cost, on the wire too, what refusing them early spared."""
    each = accounts(log, wire)
    n, out, back = len(each), each["smtp_out"], each["smtp_in"]
    if n == 0:
        return "This log holds no attempt to deliver a non-delivery report."
    basis = " and ".join(sorted(each["smtp_basis"].unique()))
    if unknown := int(out.isna().sum()):
        basis += f", {unknown:,} without a known size left out"
    text = f"{count(n, 'attempt')} to deliver a non-delivery report {'was' if n == 1 else 'were'} made"
    if 0 < (away := int((each["packets_out"] > 0).sum())) < n:
        text += f", {away:,} of them to another host"  # what is delivered here takes nothing
    text += f"; {'it' if n == 1 else 'they'} took {count(round(out.sum()), 'SMTP octet')} out"
    text += f" and {count(round(back.sum()), 'SMTP octet')} in ({basis})"
    if refused := int((each["body"] > 0).sum()):
        text += f"; {refused:,} of {n:,} {'was' if refused == 1 else 'were'} refused before the message, which spared "
        text += count(int(each["body"].sum()), "octet")
    far = bounds(log, wire)
    spent = of(log, partial(_total, model=wire), partwise.totals)  # texts of unknown size left out
    whole, packets = (spent[f"{what}_out"] + spent[f"{what}_in"] for what in ("ip", "packets"))
    if not packets:
        return f"{text}. None of them went to another host."
    text += f". On the wire that is {words.octets(whole)} in {count(round(packets), 'packet')}"
    low, high = (words.octets(far[end]["delayed ACKs"]) for end in ("low", "high"))
    return f"{text} (TCP/IP, modelled; {low} to {high}, depending on delayed ACKs)."
