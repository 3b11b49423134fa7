r"""The message tracking log of Exchange 4.0 to 5.5 (``19980304.log`` in ``tracking.log``): what became of messages.

    C=US;A= ;P=X;L=M-9803041114Z-23	4	1998.3.4 11:14:10		/o=…/cn=MDB		/o=…/cn=ANN	0	2302	0	0		1
    /o=X/ou=Site/cn=RECIPIENTS/cn=BEN

An event of thirteen values with tabs between them, and a line for each recipient; times are GMT. A message keeps its id
through all components that handle it. The events that say that it came and where it went are those of Exchange 2000,
and those of the Internet Mail Service. Facts: Microsoft KB Q173280 (columns), Q173364, Q174078 (events).
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pyarrow.compute as pc

from spamlab import linking
from spamlab.formats import exchange_2003
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Options, Records

SAYS = "by 5.5"
_ARRIVES = "0|4|1001|1004|1012"  # from another server, a client, another system, a gateway, by SMTP
_STATUSES = {
    "7": "delivered",  # handed on to another server's MTA
    "9": "delivered",  # by the MTA, to the store
    "1000": "delivered",  # on the same server
    "1002": "delivered",  # to another system
    "1003": "delivered",  # to a gateway
    "1011": "delivered",  # by the Internet Mail Service
    "50": "discarded",  # by the administrator
}
_REPORTS = "34|1007|1017"


def _shape(kind: str, event: str, partner: str = "{relay}") -> Shape:
    number = "{?{_=-1}}{?{_:int}}"
    values = (event, "{stamp:locale}", "{_}", partner, "{&?{?<}{message_id:bare}}{_}", "{reverse_path}", number)
    return Shape(
        "\t".join((*values, "{size:int}", number, number, "{_}", "{_:int}")) + "{?\t}{?\r}{forward_path>}{!}",
        kind,
        fold=True,
        says=(("tracked", SAYS),),
    )


_DELIVERED = "|".join(one for one in _STATUSES if one != "7")
VARIANT = Variant(
    "tracking of 5.5",
    (
        (
            "{text>}{queue_id:cell}\t",
            (
                _shape("receive", "{_=" + _ARRIVES + "}{&\t}"),
                _shape("deliver", "{status=" + _DELIVERED + "}{&\t}"),
                _shape("deliver", "{status=7}{&\t}", "{relay>...}{_}/cn=microsoft mta{relay<}"),  # not: to a connector
                _shape("report", "{_=" + _REPORTS + "}{&\t}"),
                _shape("note", "{_:int}"),
            ),
        ),
    ),
    continues=True,
    comment=b"#",
    unset=(b"",),
)


_link = linking.assembler(linking.Rules(_STATUSES, between="\n"))


def _only(records: Records, column: str, *without: str) -> None:
    if (named := records.columns.get(column)) is not None:
        for pattern in without:
            named.values = pc.replace_substring_regex(named.values, pattern, "")


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the events into the tables."""
    exchange_2003.once(records)
    _only(
        records, "forward_path", r"\t[^\n]*|\r", r"^\n+|\n+$", r"(?im)^SMTP:"
    )  # in each line, of a report, a number too
    _only(records, "reverse_path", "(?i)^SMTP:")
    found = _link(records, replace(options, tz="UTC"))
    told = {"tz_assumed": pd.NA, "dayfirst_assumed": pd.NA, "resolution": 1.0}
    if "recipients" in found.tables:
        recipients = found.tables["recipients"]
        recipients["relay"] = recipients["relay"].where(recipients["status"].eq("delivered"))
    return Assembled(found.tables, {**found.assumed, **told})
