"""What the lines of the Windows SMTP service look like: W3C extended, NCSA common and Microsoft IIS log files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from spamlab import columns
from spamlab.notation import Shape, Variant

_FIELDS = {
    "date time": "time:time", "time": "time:time", "c-ip": "peer_ip", "cs-username": "helo",
    "s-computername": "host:tag", "sc-status": "status:int", "sc-bytes": "octets_sent:int",
    "cs-bytes": "octets_received:int",
}  # fmt: skip
_OUT = "{outbound=OutboundConnectionCommand|OutboundConnectionResponse}"
# No other service's verbs: FTP has QUIT, NOOP, HELP and AUTH too.
_STRONG = "{verb=EHLO|HELO|MAIL|RCPT|DATA|BDAT|RSET|VRFY|EXPN|ETRN|TURN|STARTTLS|XEXCH50}"
_BEFORE = "{?+}{? }{_=FROM:|TO:}{?+}"
_CODE = "{?{code:int}{?-}{?+}{?{enhanced_code:dsn}}}"

_OF_OTHERS = {"agent", "cs-uristem"}  # MailEnable's columns, which hold other things than the service's

Shapes = tuple[Shape, ...]


def _second(after: str) -> str:
    """A second word of a verb: ``MAIL FROM``, in logs of the 1990s and in Microsoft's examples; an argument is none."""
    return f"{{?{{_= |+}}{{_=FROM|TO}}{{&{after}}}}}"


def _shapes(tail: Callable[[str, str], str], after: str, begin: str, end: str, says: Any = ()) -> tuple[Shapes, Shapes]:
    """Shapes of outbound and of inbound records.

    ``tail`` makes their pattern from the verb's, ``after`` which something stands, and the argument's, which
    ``begin`` and ``end`` enclose.
    """
    paths = (f"{{path:path}}{{&{after}}}", "{path:path}{&+}", "<{path}>{!}")  # one that never closes is none
    argument = begin + "".join(f"{{?{_BEFORE}{path}}}" for path in paths) + end
    reply = tail(f"-{{&{after}}}", begin + _CODE + end)
    verb = columns.ended("{verb:tag}" + _second(after), after) + columns.ended("{verb:name}", after)  # name: Host:
    other = tail(verb + "{_}", argument)
    strong = tail(f"{_STRONG}{_second(after)}{{&{after}}}", argument)
    out = Shape(reply, fold=True, says=says), Shape(other, fold=True, says=says)
    return out, (Shape(strong, fold=True, says=says), *(replace(shape, weak=True) for shape in out))


def header(lines: list[bytes]) -> Variant:
    """The variant that the header lines before some rows declare; one without groups if they are no SMTP log's."""
    told = columns.directives(lines)
    names = columns.stamped(told.get("fields", "").split())
    if "cs-method" not in names or not {"time", "date time", "c-ip"} & set(names) or _OF_OTHERS & set(names):
        return Variant("other", (), comment=b"#")
    return _w3c(names, _FIELDS, columns.day(told.get("date", "")))


def _w3c(names: list[str], fields: dict[str, str], day: int | None = None) -> Variant:
    """The variant whose columns have these names."""
    at = names.index("cs-method")

    def tail(verb: str, argument: str) -> str:
        who = "{^" + _OUT.replace("outbound", "_") + "|{helo}{& }|{helo}{!}}"
        return columns.row(names[at:], {**fields, "cs-method": verb, "cs-uri-query": argument, "cs-username": who}, " ")

    named = "cs-username" in names[:at]
    says = () if named else (("outbound", "by its status"),)
    out, into = _shapes(tail, " ", "{argument>}", "{_}{argument<}", says)
    ours = columns.head(names[:at], {**fields, "s-sitename": "SMTPSVC{_:int}"}, " ")
    groups = [
        (columns.head(names[:at], {**fields, "cs-username": _OUT}, " "), out if named else ()),
        *[(ours, tuple(replace(shape, weak=False) for shape in into))] * ("s-sitename" in names[:at]),
        (columns.head(names[:at], fields, " "), into),
        (columns.row(names, fields, " "), (Shape("", weak=True),)),
    ]
    return Variant("w3c", tuple(groups), comment=b"#", unset=(b"-",), day=day)


_ALL = (
    "date time", "c-ip", "cs-username", "s-sitename", "s-computername", "s-ip", "s-port", "cs-method", "cs-uri-stem",
    "cs-uri-query", "sc-status", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken",
)  # fmt: skip
_FEW = ("c-ip", "cs-method", "cs-uri-stem", "sc-status")  # behind the stamp: what is selected by default


def _headless() -> list[Variant]:
    """Rows whose header is lost, in the service's order: all columns, the client's, or the few of the default.

    Nothing names the columns, so what tells them from other services' logs must fit.
    """
    sure = {
        "date time": "{time:time}",
        "s-sitename": "SMTPSVC{_:int}",
        "s-port": "{^{_:int}|-}",
        "sc-status": "{status:int}",
    }
    rows = [_w3c([*names], {**_FIELDS, **sure}) for names in (_ALL, (*_ALL[:4], *_ALL[7:]))]
    few = columns.head(["time", *_FEW[:1]], {"time": "{time:time}", "c-ip": "peer_ip"}, " ")
    strong, weak = (
        Shape(verb + _second(" ") + " {_} {status:int}{!}", fold=True, weak=weak, says=(("outbound", "by its status"),))
        for verb, weak in ((_STRONG, False), ("{verb:tag}", True))
    )
    return [*rows, Variant("w3c", ((few, (strong, weak)),), comment=b"#", unset=(b"-",))]


def _ncsa(verb: str, argument: str, ends: str = ' SMTP"') -> str:
    sent = columns.row(["status", "octets"], {"status": "status:int", "octets": "octets_sent:int"}, " ")
    return f"{verb} -{{??{argument}{{&{ends}}}}}{ends} " + sent


_PRINTED = " HTTP/1.0"  # so, with no quote, in Microsoft's manuals, where a blank in the zone makes the time unreadable


def _dialect(name: str, head: str, *how: Any) -> Variant:
    out, into = _shapes(*how)
    users = ((_OUT, out), ("{helo}", into))
    return Variant(
        name, tuple((head.replace("{user}", user), shapes) for user, shapes in users), comment=b"#", unset=(b"-",)
    )


_APART = ",{?{_:blanks}}"  # as a rule one
_COUNTS = (columns.cell(_FIELDS.get(name, ""), ",") for name in ("ms", "cs-bytes", "sc-bytes", "sc-status", "win32"))
_IIS = _APART.join(("{peer_ip}", "{user}", "{stamp:locale}", "SMTPSVC{_:int}", "{host:tag}", "{_}", *_COUNTS)) + _APART
VARIANTS = (
    Variant("w3c", (), comment=b"#"),  # until a header line says more
    *_headless(),
    _dialect("ncsa", '{peer_ip} {_} {user} [{time:time}] "', _ncsa, " ", "{argument>}", '{_}{argument<}{& SMTP"}'),
    _dialect(
        "ncsa",
        '{peer_ip} {_} {user} [{_} - {_:int}] "',
        lambda verb, argument: _ncsa(verb, argument, _PRINTED),
        " ",
        "{argument>}",
        "{_}{argument<}{&" + _PRINTED + "}",
    ),
    _dialect("iis", _IIS, lambda verb, argument: f"{verb},{{_}}{_APART}{argument}", ",", "{argument>~,}", ""),
)
