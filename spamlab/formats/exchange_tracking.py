"""The message tracking log of Exchange 2007 to 2019 and SE: what became of messages and recipients.

    #Fields: date-time,…,server-hostname,…,event-id,internal-message-id,message-id,recipient-address,…
    2024-03-11T00:00:00.003Z,…,MX1,…,RECEIVE,77,<1@example.com>,ann@example.com;ben@example.com,…

A message is an internal message id. ``exchange`` looks at the header.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from spamlab import chains, linking, tables, texts
from spamlab.records import Assembled, Options, Records, tally

_link = linking.assembler(
    linking.Rules(
        {
            **dict.fromkeys(("send", "deliver"), "delivered"),
            **dict.fromkeys(("fail", "badmail"), "bounced"),
            **dict.fromkeys(("defer", "pending"), "deferred"),
            **dict.fromkeys(("drop", "filteredasspam"), "discarded"),
            "quarantined": "held",
        },
        between=";",
    )
)


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of tracking logs into the tables."""
    shell = records.says("lists").any()
    if shell and "forward_path" in records.columns:
        paths = records.columns["forward_path"]
        paths.values = pc.replace_substring_regex(paths.values, _BESIDE, r"\1;")
    found = _link(replace(records), replace(options, tables=frozenset(tables.TABLES)))
    events, transactions, recipients = (found.tables[name] for name in ("events", "transactions", "recipients"))
    belongs = events["transaction"].fillna(-1).to_numpy(np.int64)
    said = records.text_by("sender", belongs, len(transactions), last=True)
    transactions["reverse_path"] = transactions["reverse_path"].str.strip("<> ").fillna(said)
    transactions["null_sender"] = transactions["reverse_path"].eq("").fillna(False).astype(bool)
    transactions["message_id"] = transactions["message_id"].str.strip("<> ")
    recipients["reply"] = texts.changed(
        recipients["reply"],
        texts.having(recipients["reply"], '""'),
        lambda some: some.str.replace('""', '"', regex=False),
    )
    _split_replies(records, recipients)
    recipients["reply"] = texts.changed(recipients["reply"], texts.having(recipients["reply"], "{LED="), _last_error)
    told = recipients["reply"].str.extract(_STATUS)
    recipients["code"] = pd.to_numeric(told[0]).astype("Int64")
    recipients["enhanced_code"] = told[1].astype("category")
    recipients["relay"] = recipients["relay"].where(recipients["status"].eq("delivered"))
    _find_reports(records, belongs, transactions, recipients)
    _follow_hops(events["time"][records.category("status").eq("SEND")], belongs, transactions, recipients)
    if shell:
        found.assumed["resolution"] = 1.0
    return found


_BESIDE = r"(@[\w.-]+)[\s,|]+"  # addresses, as people put them side by side
_STATUS = r"(?<![\d.])([245]\d\d)[ -]+(?:#?([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?"


_LED = r"(?s)^\[?\{(?:[^{}]*\};\{)*LED=(?P<said>.*?)\}(?:;\{[A-Z]+=[^{}]*\})*\]?$"


def _last_error(statuses: pd.Series) -> pd.Series:
    """Of statuses like ``[{LRT=};{LED=550 5.1.1 …};{FQDN=};{IP=}]`` what was said: the last error's details."""
    said = texts.extracted(statuses, _LED).fillna(statuses)
    return said.mask(said == "")


_QUOTED = r'"[^"]*"'  # a local part: a semicolon in it parts no recipients
# of statuses: no semicolon in brackets; one before the next one's code
_ENDS = (r";(?![^\[]*\])", r";(?=\s*(?:[245]\d\d[ -]|\[\{))")


def _split_replies(records: Records, recipients: pd.DataFrame) -> None:
    """A list of statuses has one for each recipient of its row, and a status can hold a semicolon itself."""
    named = records.text("forward_path", np.flatnonzero(records.has("status")))
    lists, count = texts.having(named, ";"), np.ones(len(named), dtype=np.int64)
    count[lists] += named.iloc[lists].str.replace(_QUOTED, "", regex=True).str.count(";").to_numpy(np.int64)
    many = np.repeat(count, count)
    place = np.arange(len(many)) - np.repeat(np.cumsum(count) - count, count)
    listed = texts.having(recipients["reply"], ";")
    listed = listed[many[listed] > 1]
    for ends in _ENDS:
        which, lines = pd.factorize(recipients["reply"].iloc[listed])  # all of a row have the same, long as it may be
        parts = [re.split(ends, line) for line in lines]
        one = np.array([len(words) for words in parts], dtype=np.int64)[which] == many[listed]
        chosen = [parts[line][at].strip() for line, at in zip(which[one], place[listed[one]], strict=True)]
        recipients.loc[listed[one], "reply"] = chosen
        listed = listed[~one]


def _find_reports(records: Records, belongs: Any, transactions: pd.DataFrame, recipients: pd.DataFrame) -> None:
    """Reports, and what they are about: a report's reference is the original's message id, a failure's the report's."""
    rows = np.flatnonzero(records.has("report") & (belongs >= 0))
    made = belongs[rows]
    ids, n = transactions["message_id"], len(transactions)
    original = ids.drop(made).dropna().drop_duplicates()
    by_id = pd.Series(original.index, original)
    about = pd.Series(-1, range(n), dtype="int64")
    about[made] = records.text("reference", rows).str.strip("<>{} ").map(by_id).fillna(-1).astype("int64").to_numpy()
    failed = np.flatnonzero(records.has("reference") & records.has("status") & (belongs >= 0))
    named = pd.Series(belongs[failed], records.text("reference", failed).str.strip("<>{} ")).drop_duplicates()
    named = named[~named.index.duplicated()]
    late = about.index.isin(made) & (about < 0)
    about[late] = ids[late].map(named).fillna(-1).astype("int64")
    status = recipients["status"]
    lost, waits = (tally(recipients["transaction"][status == name], n) > 0 for name in ("bounced", "deferred"))
    kind = np.select([about < 0, lost[about], waits[about]], ["ndr", "ndr", "delay"], "success")
    report = pd.Series(kind, dtype="str").where(about.index.isin(made))
    transactions["report"] = report.astype(transactions["report"].dtype)
    ndr = report.eq("ndr") & (about >= 0)
    transactions["ndr_of"] = about.astype("Int64").where(ndr)


def _follow_hops(sent: pd.Series, belongs: Any, transactions: pd.DataFrame, recipients: pd.DataFrame) -> None:
    """Mail goes on in what the next server or service logs: the same message id, for the same recipient, in time."""
    keys = pd.DataFrame({"transaction": belongs[sent.index], "time": sent}).drop_duplicates()
    tried = recipients[["transaction", "time"]].assign(row=recipients.index, to=recipients["forward_path"].str.lower())
    tried = tried.join(transactions[["message_id", "start"]], on="transaction").dropna()
    tried["mail"] = tried.groupby(["message_id", "to"]).ngroup()  # one id can be that of thousands of messages
    tried = tried.sort_values("start", kind="stable")
    begun = tried[["transaction", "start", "mail"]].drop_duplicates()
    begun = begun.rename(columns={"transaction": "transaction_next", "start": "start_next"})
    pairs = pd.merge_asof(
        tried.merge(keys), begun, left_on="start", right_on="start_next", by="mail",
        allow_exact_matches=False, direction="forward",
    )  # fmt: skip
    pairs = pairs[pairs["start_next"].le(pairs["time"] + chains.SLACK)]
    recipients.loc[pairs["row"], "requeued_as"] = pairs["transaction_next"].to_numpy(np.int64)
