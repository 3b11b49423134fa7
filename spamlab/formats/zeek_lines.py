"""What rows of Zeek's ``smtp.log`` look like: their header says it, or Zeek's own order does; JSON comes as text."""

from __future__ import annotations

import re
from dataclasses import replace

from spamlab import columns
from spamlab.carriers import zeek as json
from spamlab.notation import BROKEN, IGNORED, Shape, Variant

_CODES = r"{?{code:code}{?-}{? }{?{enhanced_code:dsn}}}{?{code:int}\\x20{?{enhanced_code:dsn}}}"  # or \x20: a blank
_REPLY = "{text>}" + _CODES + "{_}{text<}"
_FIELDS = {
    "ts": "time:time",
    "uid": "uid",
    "id.orig_h": "peer_ip",
    "helo": "helo",
    "mailfrom": "reverse_path",
    "rcptto": "forward_path",
    "msg_id": "message_id",
    "last_reply": _REPLY,
    "tls": "{?{tls=T|F|true|false}}{_}",
    "more": "more",  # lines of the same record
}
_QUOTED = {"last_reply": '{^"{text>}' + _CODES + '{_:inside}{text<}"|' + _REPLY + "{&,}|" + _REPLY + "{!}}"}


def _variant(names: list[str], separator: str, told: dict[str, str], before: str = "") -> Variant:
    says = (("between", told.get("set_separator", ",")), ("empty", told.get("empty_field", "(empty)")))
    quoted = separator == ","
    shape = Shape("", "exchange", says=(*says, ("quotes", "doubled")) if quoted else says)
    unset = (told.get("unset_field", "-").encode(), *(b"",) * ("row" in told))
    row = columns.row(names, {**_FIELDS, **(_QUOTED if quoted else {})}, separator, quoted=quoted)
    return Variant("zeek", ((before + row, (shape,)),), comment=b"#", unset=unset)


_NAMES = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "trans_depth", "helo", "mailfrom", "rcptto",
    "date", "from", "to", "cc", "reply_to", "msg_id", "in_reply_to", "subject", "x_originating_ip", "first_received",
    "second_received", "last_reply", "path", "user_agent",
]  # fmt: skip


def _headless(*without: str) -> tuple[str, tuple[Shape, ...]]:
    """Rows whose header is lost, in the order of Zeek itself: what tells versions and other logs apart must fit."""
    sure = {**_FIELDS, "ts": "{time:time}", **dict.fromkeys(("id.orig_p", "id.resp_p", "trans_depth"), "{_:int}")}
    head = columns.head([name for name in _NAMES if name not in without], sure, "\t")
    return head + "{tls=T|F}{&\t}", (Shape("", "exchange", says=(("between", ","), ("empty", "(empty)"))),)


def header(lines: list[bytes]) -> Variant:
    """The variant that the header lines before some rows declare; one without groups if they are another log's."""
    told = columns.directives(lines)
    separator = columns.decode(told.get("separator", r"\x09")) or "\t"
    names = re.sub(r"\bid_(?=orig|resp)", "id.", told.get("fields", "")).split(separator)
    if not {"uid", "mailfrom", "rcptto"} <= set(names) or told.get("path", "smtp") != "smtp":
        others = (("", (Shape("", IGNORED),)),) if {"path", "separator"} & told.keys() else ()
        return Variant("other", others, comment=b"#")
    return replace(columns.exported(_variant(names, separator, told), told), sure=bool({"path", "row"} & told.keys()))


_JSON = _variant([*json.FIELDS, "more"], "\t", {}, json.MARK + "\t")
_OTHER = (
    (json.MARK, (Shape("{!}", IGNORED),)),
    ("{_=[|]|,}", (Shape("{?,}{!}", IGNORED),)),  # of a list of records
    ("", (Shape("", BROKEN),)),  # continues nothing
)
VARIANTS = (
    replace(
        _JSON,
        groups=(*_JSON.groups, *_OTHER),
        continues=True,
        block=("more", json.CLOSING),
    ),
    Variant("zeek without its header", (_headless(), _headless("cc")), comment=b"#", unset=(b"-",)),
)
