r"""Zeek's ``smtp.log``: what a network monitor saw, a row a transaction.

    #separator \x09
    #fields	ts	uid	id.orig_h	id.orig_p	…	helo	mailfrom	rcptto	…	last_reply	path	tls
    1714557600.5	Cabc1	192.0.2.1	4711	…	h.example.com	ann@example.com	ben@example.com	…	250 Ok	…	F

The header says what separates values and elements of a set, and how an unset value and an empty one look. A row holds
commands and the last reply: an event of kind ``exchange``. The monitor is neither side; sessions are seen from the
responder (role ``server``, the originator is the peer), because a monitor stands at the site whose servers it watches.
JSON lines come here through ``jsonlines``. Facts: the Zeek script reference for base/protocols/smtp.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import columns, dialogue, jsonlines, stamps, tables
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records

_FIELDS = {
    "ts": "time:time",
    "uid": "uid",
    "id.orig_h": "peer_ip",
    "helo": "helo",
    "mailfrom": "reverse_path",
    "rcptto": "forward_path",
    "msg_id": "message_id",
    "last_reply": "{text>}{?{code:code}{?-}{? }{?{enhanced_code:dsn}}}"
    r"{?{code:int}\\x20{?{enhanced_code:dsn}}}{_}{text<}",  # where a blank separates values
    "tls": "{?{tls=T|F}}{_}",
}


def _variant(names: list[str], separator: str, told: dict[str, str], before: str = "") -> Variant:
    says = (("between", told.get("set_separator", ",")), ("empty", told.get("empty_field", "(empty)")))
    shape = Shape("", "exchange", says=says)
    unset = told.get("unset_field", "-").encode()
    return Variant("zeek", ((before + columns.row(names, _FIELDS, separator), (shape,)),), comment=b"#", unset=(unset,))


def header(lines: list[bytes]) -> Variant:
    """The variant that the header lines before some rows declare; one without groups if they are another log's."""
    told = columns.directives(lines)
    separator = columns.decode(told.get("separator", r"\x09")) or "\t"
    names = told.get("fields", "").split(separator)
    if not {"uid", "mailfrom", "rcptto"} <= set(names) or told.get("path", "smtp") != "smtp":
        return Variant("other", (), comment=b"#")
    return _variant(names, separator, told)


def _bare(path: pd.Series) -> pd.Series:
    """Addresses without brackets, and without what stands behind them."""
    bracketed = np.flatnonzero(path.str.contains("<", regex=False).fillna(False))
    path.iloc[bracketed] = path.iloc[bracketed].str.replace(r"^[^<]*<([^>]*)>?.*$", r"\1", regex=True)
    return path


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the rows of SMTP logs into the tables."""
    n = len(records)
    time, assumed = stamps.moments(records, options)
    session = pd.factorize(records.text("uid"))[0]
    reply = columns.decoded(records.text("text"))
    empty = pd.Series(records.said("empty"))
    sender, reply = _bare(columns.decoded(records.text("reverse_path"))), reply.mask(reply.eq(empty).fillna(False))
    sender = sender.mask(sender.eq(empty).fillna(False), "")
    row, path = _recipients(records, empty)
    made = sender.notna().to_numpy(bool, copy=True)
    made[row] = True
    rows = np.flatnonzero(made)
    transaction = np.where(made, np.cumsum(made) - 1, -1)
    events = tables.conform(
        "events",
        {
            "time": time,
            "session": pd.Series(session, dtype="Int64").mask(session < 0),
            "transaction": pd.Series(transaction, dtype="Int64").mask(~made),
            "direction": np.full(n, "received", dtype=object),
            "kind": np.full(n, "exchange", dtype=object),
            "code": records.integer("code"),
            "enhanced_code": records.category("enhanced_code"),
            "text": reply,
            "repeats": 1,
            **records.places(),
        },
        index=pd.RangeIndex(n),
    )
    answer = events.take(row).reset_index(drop=True)
    recipients = tables.conform(
        "recipients",
        {
            **{name: answer[name] for name in ("transaction", "session", "time", "code", "enhanced_code")},
            "forward_path": path,
            "status": np.where(answer["code"].ge(400).fillna(False), "rejected", "accepted"),
            "reply": answer["text"],
        },
    )
    mail = events.take(rows).reset_index(drop=True)
    outcome = dialogue.outcomes(recipients, len(rows))
    refused = mail["code"].ge(400).fillna(False) & (outcome["recipients"] == 0)
    transactions = tables.conform(
        "transactions",
        {
            "transaction": np.arange(len(rows)),
            "session": mail["session"],
            "number": mail.groupby("session").cumcount() + 1,
            **dict.fromkeys(("start", "end"), mail["time"]),
            "reverse_path": (reverse := sender.take(rows).reset_index(drop=True)),
            "null_sender": reverse.eq("").fillna(False).astype(bool),
            "message_id": _bare(columns.decoded(records.text("message_id")).take(rows).reset_index(drop=True)),
            **outcome,
            "outcome": np.where(refused, "rejected", outcome["outcome"]),
        },
    )
    sessions = _sessions(records, events, session)
    return Assembled(
        {"events": events, "sessions": sessions, "transactions": transactions, "recipients": recipients}, assumed
    )


def _recipients(records: Records, empty: pd.Series) -> tuple[np.ndarray, pd.Series]:
    """The recipients, one by one, and the row of each."""
    text, between = records.text("forward_path"), records.said("between")
    text = text.mask(text.eq(empty).fillna(False))
    rows, paths = [np.zeros(0, dtype=np.int64)], [pa.array([], pa.large_string())]
    for mark in pd.unique(between):
        some = np.flatnonzero(text.notna() & (between == mark))
        lists = pc.split_pattern(pa.array(text.iloc[some], pa.large_string()), mark)
        rows.append(some[pc.list_parent_indices(lists).to_numpy()])
        paths.append(pc.list_flatten(lists))
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    path = pd.Series(pd.array(pa.concat_arrays(paths), dtype="str")).take(order).reset_index(drop=True)
    return row[order], _bare(columns.decoded(path))


def _sessions(records: Records, events: pd.DataFrame, session: np.ndarray) -> pd.DataFrame:
    known = np.flatnonzero(session >= 0)
    n = int(session.max(initial=-1)) + 1
    by_session = events["time"].iloc[known].groupby(session[known])
    tls = np.zeros(n, dtype=bool)
    tls[session[known][records.category("tls").eq("T").to_numpy(bool)[known]]] = True
    return tables.conform(
        "sessions",
        {
            "session": np.arange(n),
            "role": np.full(n, "server", dtype=object),
            "peer_ip": records.text_by("peer_ip", session, n),
            "helo": columns.decoded(records.text_by("helo", session, n, last=True)),
            "start": by_session.min(),
            "end": by_session.max(),
            "tls": tls,
            "transactions": dialogue.tally(events.loc[events["transaction"].notna(), "session"], n),
        },
        index=pd.RangeIndex(n),
    )


FORMAT = Format(
    "zeek",
    (_variant(list(jsonlines.ZEEK_FIELDS), "\t", {}, jsonlines.ZEEK + "\t"),),
    assemble,
    resolution=0.000001,
    header=header,
)
