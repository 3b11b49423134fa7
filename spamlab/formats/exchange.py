"""Exchange 2007 to 2019 and SE: SMTP Receive and Send protocol logs, and the message tracking log, that of 4.0 on.

Which of them rows are is said by the header before them, also within a file. Times are UTC. Facts: Microsoft Learn,
"Protocol logging", "Message tracking" (Exchange Server).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spamlab import columns
from spamlab.formats import (
    exchange_55,
    exchange_2003,
    exchange_lines,
    exchange_protocol,
    exchange_rows,
    exchange_tracking,
)
from spamlab.log import Log, concatenate
from spamlab.notation import Variant
from spamlab.records import Assembled, Format, Options, Records


def header(lines: list[bytes]) -> Variant:
    """The variant that the header lines before some rows declare; one without groups if they are another log's."""
    told = columns.directives(lines)
    separator = next((mark for mark in "\t;" if mark in told.get("fields", "").strip()), ",")
    given = told.get("fields", "").split(separator)
    names = exchange_rows.named(given)
    if names[:9] == [*exchange_lines.BEGIN, "event", "data", "context"]:
        kind = told.get("log-type", "").lower()
        role = "server" if "receive" in kind else "client" if "send" in kind else ""
        found = exchange_lines.variant((("role", role),) if role else (), separator)
    elif names[:2] == ["date", "time"] and {"event-id", "msgid"} <= set(names):
        found = exchange_2003.variant(names)
    elif exchange_rows.tracks(names):
        found = exchange_rows.variant(names, separator, shell="date-time" not in given)
    else:
        return Variant("other", (), comment=b"#")
    return replace(columns.exported(found, told), sure=True)


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of protocol and tracking logs into the tables."""
    spoken, by = records.has("session"), records.said("tracked")
    old, oldest = by == "by 2003", by == exchange_55.SAYS
    kinds = (
        (spoken, exchange_protocol.assemble),
        (old, exchange_2003.assemble),
        (oldest, exchange_55.assemble),
        (~spoken & ~old & ~oldest, exchange_tracking.assemble),
    )
    there = [(np.flatnonzero(which), assembler) for which, assembler in kinds if which.any()]
    if len(there) < 2:
        assembler = there[0][1] if there else exchange_tracking.assemble
        return assembler(records, options)
    found = [assembler(records.select(rows), options) for rows, assembler in there]
    made = concatenate([Log(one.tables) for one in found]).tables()
    order = np.argsort(np.concatenate([rows for rows, _ in there]))
    made["events"] = made["events"].take(order).reset_index(drop=True)
    return Assembled(made, found[0].assumed)


FORMAT = Format(
    "exchange",
    (exchange_lines.variant(), *exchange_rows.HEADLESS, exchange_2003.HEADLESS, exchange_55.VARIANT),
    assemble,
    resolution=0.001,
    header=header,
)
