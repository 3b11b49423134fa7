r"""Zeek's ``smtp.log``: what a network monitor saw, a row a transaction.

    #separator \x09
    #fields	ts	uid	id.orig_h	id.orig_p	…	helo	mailfrom	rcptto	…	last_reply	path	tls
    1714557600.5	Cabc1	192.0.2.1	4711	…	h.example.com	ann@example.com	ben@example.com	…	250 Ok	…	F

The header says what separates values and elements of a set, and how an unset value and an empty one look. A row holds
commands and the last reply: an event of kind ``exchange``. The monitor is neither side; sessions are seen from the
responder (role ``server``, the originator is the peer), because a monitor stands at the site whose servers it watches.
JSON lines come here through ``carriers.zeek``. Facts: the Zeek script reference for base/protocols/smtp.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import assembly, columns, stamps, tables, texts
from spamlab.formats.zeek_lines import VARIANTS, header
from spamlab.records import Assembled, Format, Options, Records, integers, tally


def _bare(path: pd.Series) -> pd.Series:
    """Addresses without brackets, and without what stands behind them."""
    bare = r"^[^<]*<([^>]*)>?.*$"
    return texts.changed(path, texts.having(path, "<"), lambda some: some.str.replace(bare, r"\1", regex=True))


def _empty(records: Records, text: pd.Series) -> np.ndarray:
    """Whether each value is the word that stands for an empty one."""
    empty = np.zeros(len(text), dtype=bool)
    for word in {dict(shape.says).get("empty", "") for shape in records.shapes} - {""}:
        empty |= text.eq(word).fillna(False).to_numpy(bool)
    return empty


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the rows of SMTP logs into the tables."""
    n = len(records)
    time, assumed = stamps.moments(records, options)
    session = records.codes("uid")  # numbered as they appear
    reply, sender = (columns.decoded(records.text(name)) for name in ("text", "reverse_path"))
    reply, sender = texts.blanked(reply, ~_empty(records, reply)), _bare(sender)
    quoted = np.intersect1d(texts.having(reply, '""'), np.flatnonzero(pd.notna(records.said("quotes"))))
    reply = texts.changed(reply, quoted, lambda some: some.str.replace('""', '"', regex=False))
    sender = sender.mask(_empty(records, sender), "")
    listed = records.text("forward_path")
    listed = texts.blanked(listed, ~_empty(records, listed))
    mail = sender.notna().to_numpy(bool) | listed.notna().to_numpy(bool)
    transaction = np.where(mail, np.cumsum(mail) - 1, -1)
    always = np.zeros(n, dtype=np.int8)
    events = tables.conform(
        "events",
        {
            "time": time,
            "session": integers(session),
            "transaction": integers(transaction),
            "direction": tables.categorical(always + tables.DIRECTIONS.index("received"), tables.DIRECTIONS),
            "kind": tables.categorical(always + tables.KINDS.index("exchange"), tables.KINDS),
            "code": records.integer("code"),
            "enhanced_code": records.category("enhanced_code"),
            "text": reply,
            "repeats": np.ones(n, dtype=np.int64),
            **records.places(),
        },
        index=pd.RangeIndex(n),
    )
    made = {"events": events}
    if options.tables & {"recipients", "transactions"}:
        made["recipients"] = _recipients(records, events, listed)
        made["transactions"] = _transactions(records, events, np.flatnonzero(mail), sender, made["recipients"])
    if "sessions" in options.tables:
        made["sessions"] = _sessions(records, events, session)
    return Assembled(made, assumed)


_LIST = r"^[\[{]\s*['\"]*|['\"]*\s*[\]}]$|(?<=,)\s*['\"]+|['\"]+\s*(?=,)"
"""What stands around the elements of a list and around it where a program wrote it as text: ``['a', 'b']``."""


def _recipients(records: Records, events: pd.DataFrame, listed: pd.Series) -> pd.DataFrame:
    """The recipients of all rows, one by one."""
    between = records.said("between")
    exported = pd.notna(records.said("quotes")) & listed.str.contains(r"^[\[{]").fillna(False).to_numpy(bool)
    listed = texts.changed(listed, np.flatnonzero(exported), lambda some: some.str.replace(_LIST, "", regex=True))
    rows, paths = [np.zeros(0, dtype=np.int64)], [pa.array([], pa.large_string())]
    for mark in {dict(shape.says).get("between", ",") for shape in records.shapes}:
        some = np.flatnonzero(listed.notna() & (between == mark))
        lists = pc.split_pattern(texts.whole(listed.take(some)), mark)
        rows.append(some[pc.list_parent_indices(lists).to_numpy()])
        paths.append(pc.list_flatten(lists))
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    path = pd.Series(pd.array(pa.concat_arrays(paths), dtype="str")).take(order)
    names = ["transaction", "session", "time", "code", "enhanced_code", "text"]
    answer = events[names].take(row[order]).reset_index(drop=True)
    refused = answer["code"].ge(400).fillna(False).to_numpy(bool)
    status = np.where(refused, tables.STATUSES.index("rejected"), tables.STATUSES.index("accepted"))
    told = {
        **answer.rename(columns={"text": "reply"}),
        "forward_path": _bare(columns.decoded(path)),
        "status": tables.categorical(status, tables.STATUSES),
    }
    return tables.conform("recipients", told, index=answer.index)


def _transactions(
    records: Records, events: pd.DataFrame, rows: np.ndarray, sender: pd.Series, recipients: pd.DataFrame
) -> pd.DataFrame:
    """The rows that have a sender or a recipient."""
    mail = events[["session", "time", "code"]].take(rows).reset_index(drop=True)
    reverse = sender.take(rows).reset_index(drop=True)
    outcome = assembly.outcomes(recipients, len(rows))
    refused = mail["code"].ge(400).fillna(False).to_numpy(bool) & (outcome["recipients"] == 0)
    return tables.conform(
        "transactions",
        {
            "transaction": np.arange(len(rows)),
            "session": mail["session"],
            "number": mail.groupby("session").cumcount() + 1,
            **dict.fromkeys(("start", "end"), mail["time"]),
            "reverse_path": reverse,
            "null_sender": reverse.eq("").fillna(False).astype(bool),
            "message_id": _bare(columns.decoded(records.text("message_id", rows))),
            **outcome,
            "outcome": np.where(refused, "rejected", outcome["outcome"]),
        },
        index=mail.index,
    )


def _sessions(records: Records, events: pd.DataFrame, session: np.ndarray) -> pd.DataFrame:
    known = np.flatnonzero(session >= 0)
    n = int(session.max(initial=-1)) + 1
    by_session = events["time"].iloc[known].groupby(session[known])
    tls = np.zeros(n, dtype=bool)
    tls[session[known][records.category("tls").isin(["T", "true"]).to_numpy(bool)[known]]] = True
    return tables.conform(
        "sessions",
        {
            "session": np.arange(n),
            "role": tables.categorical(np.full(n, tables.ROLES.index("server")), tables.ROLES),
            "peer_ip": records.text_by("peer_ip", session, n),
            "helo": columns.decoded(records.text_by("helo", session, n, last=True)),
            "start": by_session.min(),
            "end": by_session.max(),
            "tls": tls,
            "transactions": tally(events.loc[events["transaction"].notna(), "session"], n),
        },
        index=pd.RangeIndex(n),
    )


FORMAT = Format(
    "zeek",
    VARIANTS,
    assemble,
    resolution=0.000001,
    header=header,
)
