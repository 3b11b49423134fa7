r"""The message tracking log of Exchange 2000 and 2003 (``20040114.log`` in ``server.log``): what became of messages.

    # Message Tracking Log File
    # Exchange System Attendant Version 6.5.7638.1
    # Date	Time	client-ip	…	Partner-Name	Server-hostname	…	Recipient-Address	Event-ID	MSGID	…
    2004-1-14	0:0:26 GMT	192.0.2.9	…	mx.example.net	MX1	…	ann@example.com	1031	1@example.com	…

A row an event and recipient, tabs between its values; times are GMT. Events have numbers: the same message goes through
a dozen of them, of which those count that say that it came and where it went. Facts: Microsoft KB Q246965, Q821905.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spamlab import columns, linking, tables
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Options, Records

_FIELDS = {
    "partner-name": "relay",
    "server-hostname": "host:tag",
    "recipient-address": "forward_path",
    "msgid": "{&?{queue_id:cell}}{message_id}",
    "total-bytes": "size:int",
    "sender-address": "{^{reverse_path:path}{&\t}|{reverse_path:path}{!}|{_}}",
}
_STATUSES = {
    "7": "delivered",  # handed on by the MTA
    "9": "delivered",  # by the MTA, to the store
    "1028": "delivered",  # by SMTP, to the store
    "1029": "delivered",  # to a gateway
    "1031": "delivered",  # handed on by SMTP
    "1021": "bounced",  # put into badmail
    "1030": "bounced",
    "1032": "deferred",  # to be categorized, routed, delivered again
    "1035": "deferred",
    "1037": "deferred",
    "1039": "discarded",  # by the Intelligent Message Filter, which can also refuse (1040)
}
_EVENTS = (
    ("receive", "{_=1019}"),
    ("reject", "{_=1040}"),
    ("deliver", "{status=" + "|".join(_STATUSES) + "}"),
    ("note", "{_:int}"),
)


OLD = (("tracked", "by 2003"),)


def variant(names: list[str], stamp: str = "{stamp:locale}{? GMT}", more: dict[str, str] | None = None) -> Variant:
    """The variant whose header names these columns; the first two are the date and the time.

    ``stamp``, ``more``: other patterns of these and of other columns.
    """
    at, fields = names.index("event-id"), {**_FIELDS, **(more or {})}
    head = stamp + "\t{text>}" + columns.head(names[2:at], fields, "\t")
    shapes = (
        Shape(columns.row(names[at:], {**fields, "event-id": event + "{&\t}"}, "\t"), kind, says=OLD)
        for kind, event in _EVENTS
    )
    return Variant("tracking of 2003", ((head, tuple(shapes)),), comment=b"#", unset=(b"-",), sure=not more)


_NAMES = [
    "date", "time", "client-ip", "client-hostname", "partner-name", "server-hostname", "server-ip", "recipient-address",
    "event-id", "msgid", "priority", "recipient-report-status", "total-bytes", "number-recipients", "origination-time",
    "encryption", "service-version", "linked-msgid", "message-subject", "sender-address",
]  # fmt: skip
HEADLESS = variant(_NAMES, "{stamp:locale} GMT", {"total-bytes": "{size:int}", "number-recipients": "{_:int}"})
"""Rows whose header is lost, in the order they have by themselves: what tells them from other rows must fit."""


_link = linking.assembler(linking.Rules(_STATUSES))


def once(records: Records) -> None:
    """A message arrives once, whatever the number of its recipients and of the components that it comes through."""
    arrives = np.flatnonzero(records.kinds() == tables.KINDS.index("receive"))
    again = arrives[pd.Series(records.codes("queue_id", arrives)).duplicated().to_numpy()]
    notes = [number for number, shape in enumerate(records.shapes) if shape.kind == "note"]
    records.shape[again] = notes[-1]


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the rows into the tables."""
    once(records)
    found = _link(records, replace(options, tz="UTC"))
    if "recipients" in found.tables:
        recipients = found.tables["recipients"]
        recipients["relay"] = recipients["relay"].where(recipients["status"].eq("delivered"))
    told = {"tz_assumed": pd.NA, "dayfirst_assumed": pd.NA, "resolution": 1.0}
    return Assembled(found.tables, {**found.assumed, **told})
