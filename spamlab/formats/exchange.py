"""Exchange 2007 to 2019 and SE: SMTP Receive and Send protocol logs, and the message tracking log.

Which of them rows are is said by the header before them, also within a file. Times are UTC. Facts: Microsoft Learn,
"Protocol logging", "Message tracking" (Exchange Server).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spamlab import columns
from spamlab.formats import exchange_lines, exchange_protocol, exchange_tracking
from spamlab.log import Log, concatenate
from spamlab.notation import Variant
from spamlab.records import Assembled, Format, Options, Records


def header(lines: list[bytes]) -> Variant:
    """The variant that the header lines before some rows declare; one without groups if they are another log's."""
    told = columns.directives(lines)
    separator = "\t" if "\t" in told.get("fields", "").strip() else ","
    names = [name.strip().lower() for name in told.get("fields", "").split(separator)]
    if names[:9] == [*exchange_lines.BEGIN, "event", "data", "context"]:
        kind = told.get("log-type", "").lower()
        role = "server" if "receive" in kind else "client" if "send" in kind else ""
        found = exchange_lines.variant((("role", role),) if role else (), separator)
    elif names[0] == "date-time" and {"event-id", "internal-message-id"} <= set(names):
        found = exchange_tracking.variant(names, separator)
    else:
        return Variant("other", (), comment=b"#")
    return replace(columns.exported(found, told), sure=True)


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of protocol and tracking logs into the tables."""
    spoken = records.has("session")
    if spoken.all():
        return exchange_protocol.assemble(records, options)
    if not spoken.any():
        return exchange_tracking.assemble(records, options)
    kinds = (spoken, exchange_protocol.assemble), (~spoken, exchange_tracking.assemble)
    rows = np.concatenate([np.flatnonzero(which) for which, _ in kinds])
    found = [assembler(records.select(np.flatnonzero(which)), options) for which, assembler in kinds]
    made = concatenate([Log(one.tables) for one in found]).tables()
    made["events"] = made["events"].take(np.argsort(rows)).reset_index(drop=True)
    return Assembled(made, found[0].assumed)


FORMAT = Format(
    "exchange", (exchange_lines.variant(), *exchange_tracking.HEADLESS), assemble, resolution=0.001, header=header
)
