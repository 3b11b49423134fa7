"""What rows of Exchange's tracking log look like: with a header, without, and as PowerShell exports them."""

from __future__ import annotations

import re
from dataclasses import replace

from spamlab import columns
from spamlab.formats.exchange_lines import BARE
from spamlab.notation import Shape, Variant


def _id(separator: str, *, quoted: bool) -> str:
    return f"{{?0{{&{separator}}}}}" + columns.cell("queue_id:tag", separator, quoted=quoted)  # 0: there is none


_TRACKED = {
    "internal-message-id": _id(",", quoted=True),
    "message-id": "message_id",
    "recipient-address": "forward_path",
    "recipient-status": "reply",
    "total-bytes": "size:int",
    "reference": "reference",
    "sender-address": "sender",
    "return-path": "reverse_path",
}
_DELIVERED = "SEND|SENDEXTERNAL|DELIVER|FAIL|BADMAIL|DEFER|DROP"
_TRACED = "Delivered|Failed|Pending|Quarantined|FilteredAsSpam"
_EVENTS = (
    ("receive", "{_=RECEIVE}"),
    ("deliver", "{status=" + _DELIVERED + "|" + _TRACED + "}"),
    ("report", "{report=DSN}"),
    ("note", "{_:tag}"),
)


def named(names: list[str]) -> list[str]:
    """Columns' names as the log itself has them, whoever gives them: PowerShell and Exchange Online have their own."""
    plain = (re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", name.strip().removeprefix("$_.")).lower() for name in names)
    return [_OF_OTHERS.get(name, name) for name in plain]


_OF_OTHERS = {
    # Get-MessageTrackingLog
    "timestamp": "date-time",
    "recipients": "recipient-address",
    "sender": "sender-address",
    # Exchange Online's extended report, and its Get-MessageTrace, which says what became of each recipient
    "date-time-utc": "date-time",
    "received": "date-time",
    "status": "event-id",
    "size": "total-bytes",
    "message-trace-id": "internal-message-id",
}
_OF_MESSAGES = {"internal-message-id", "message-id", "recipient-address", "sender-address", "message-subject"}


def tracks(names: list[str]) -> bool:
    """Whether columns of these names are those of a tracking log, or enough of them."""
    return {"date-time", "event-id"} <= set(names) and len(_OF_MESSAGES & set(names)) > 1


def variant(names: list[str], separator: str = ",", shell: bool = False) -> Variant:
    """The variant whose header names these columns; ``separator``: what stands between them.

    ``shell``: rows are PowerShell's, with times in the words of its machine and lists that it can fail to write.
    """
    at, quoted = names.index("event-id"), separator in columns.QUOTED
    fields = {**_TRACKED, "server-hostname": "relay", "date-time": "time:time"}
    if shell:
        fields |= {"date-time": _MOMENT} | {name: _listed(fields[name], separator) for name in _LISTS}
    if "internal-message-id" not in names:
        fields["message-id"] = '{&?{?"}{?<}{queue_id:bare}}' + columns.cell("message_id", separator, quoted)
    else:
        fields["internal-message-id"] = _id(separator, quoted=quoted)
    first = columns.head(names[:1], fields, separator, quoted=quoted) if names[0] == "date-time" else ""
    head = columns.head(names[:at], fields, separator, quoted=quoted)
    shapes = tuple(
        Shape(
            columns.row(
                names[at:],
                {**fields, "event-id": f'{{?"}}{event}{{?"}}{{&{separator}}}'},
                separator,
                quoted=quoted,
            ),
            kind,
            says=(("lists", "by shell"),) * shell,
        )
        for kind, event in _EVENTS
    )
    return _variant("tracking", head, shapes, first)


_MOMENT = '{?"}{^{&2}{time:time}|{stamp:locale}}{?"}'
_LISTS = ("recipient-address", "recipient-status")


def _listed(name: str, separator: str) -> str:
    """A list, or the type of one, which is what ``Export-Csv`` writes of it."""
    lost = "System.{_:name}[]"
    return f'{{^"{lost}"|{lost}|{{{name}{columns.QUOTED.get(separator, "")}}}}}'


def _variant(name: str, head: str, shapes: tuple[Shape, ...], first: str) -> Variant:
    return Variant(name, ((first + "{text>}" + head.removeprefix(first), shapes),), comment=b"#", unset=(b"",))


_SOURCES = (
    "ADMIN|AGENT|APPROVAL|BOOTLOADER|DNS|DSN|GATEWAY|MAILBOXRULE|MEETINGMESSAGEPROCESSOR|ORAR|PICKUP|POISONMESSAGE|"
    "PUBLICFOLDER|QUEUE|REDUNDANCY|RESOLVER|ROUTING|SAFETYNET|SMTP|STOREDRIVER"
)
_BEGIN = (
    "date-time", "client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "connector-id",
    "source",
)  # fmt: skip
_MIDDLE = ("internal-message-id", "message-id")
_END = (
    "recipient-address", "recipient-status", "total-bytes", "recipient-count", "related-recipient-address", "reference",
    "message-subject", "sender-address", "return-path",
)  # fmt: skip


def _headless(name: str, *more: str) -> Variant:
    """Rows whose header is lost, in the order that versions since 2013 (with ``more``) or before have by themselves.

    Nothing names the columns, so what tells the two orders apart must fit: two numbers side by side, or neither.
    """
    before = {"date-time": "time:time", "server-hostname": "relay", "source": f"{{_={_SOURCES}}}"}
    middle, end = [*_MIDDLE, *more, *_END[:4]], [*_END[4:]]
    numbers = ({"total-bytes": "{size:int}", "recipient-count": "{_:int}"}, dict.fromkeys(_END[2:4], "{&,}"))
    shapes = tuple(
        Shape(
            event + "," + columns.head(middle, {**_TRACKED, **counts}, ",", quoted=True)
            + columns.row(end, _TRACKED, ",", quoted=True),
            kind,
        )
        for counts in numbers
        for kind, event in _EVENTS
    )  # fmt: skip
    first, head = (columns.head(some, before, ",", quoted=True) for some in (_BEGIN[:1], _BEGIN))
    found = _variant(name, head, shapes, first)
    return replace(found, groups=(*found.groups, BARE))


HEADLESS = (_headless("tracking since 2013", "network-message-id"), _headless("tracking before 2013"))
