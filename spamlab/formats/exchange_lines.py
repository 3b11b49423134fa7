"""What rows of Exchange's protocol logs look like."""

from __future__ import annotations

from spamlab import columns
from spamlab.notation import IGNORED, Shape, Variant

BEGIN = ["date-time", "connector-id", "session-id", "sequence-number", "local-endpoint", "remote-endpoint"]
_FIELDS = {
    "date-time": "time:time",
    "connector-id": "{?{host:name}\\\\}{_:csv}",  # a receive connector's name begins with its server's
    "session-id": "{session:tag}",
    "sequence-number": "sequence:int",
    "remote-endpoint": "{?[{peer:name}]}{?{peer:tag}:}{_:csv}",
}
BARE = ("{_=Software|Version|Log-type|Date|Fields}: ", (Shape("", IGNORED),))
"""A header's lines without their mark, which a forum took for its own: rows have their own order then."""
INFO = "{?*}"  # the star, which forums take for their own mark
_BODIES = (
    ("reply", "{text>}{code:code}{?-}{? }{?{enhanced_code:dsn}}"),
    ("command", "{text>}{verb:tag} {? }{argument>}FROM:{path:path}{?{_} SIZE={size:int}}"),
    ("command", "{text>}{verb:tag} {? }{argument>}TO:{path:path}"),
    ("command", "{text>}{verb:tag}{? }{argument>}"),
    ("note", "{text>}"),
)
_ASIDE = (
    ("connect", "+,{_:csv}"),
    ("disconnect", "-,{_:csv}{?,{text:csv}}"),
    *(
        (kind, start + "{&" + quote + begin + "}" + first + "{text:csv}")
        for kind, begin, first in (
            ("tls", "TLS protocol ", ""),
            ("auth", "Inbound AUTH ", "{&?{refused:csv}}"),
            ("auth", "Inbound authentication failed", "{&?{refused:csv}}"),
        )
        for quote in ('"', "")
        for start in (INFO + ",,", INFO + ",")
    ),
    *(("auth", INFO + ",," + quote + "{text>}User Name: NULL{text<}" + quote + "{?,}{!}") for quote in ('"', "")),
    ("auth", INFO + ',,"{text>}User Name: {argument>}{_:inside}{argument<}{text<}'),
    ("auth", INFO + ",,{text>}User Name: {argument~,}"),
    ("auth", INFO + ",{text>}{user:csv},authenticated"),
    ("note", INFO + ",,{text:csv}"),
    ("note", INFO + ",{text>~,}"),
)


_OF_CLIENTS = tuple(
    (kind, INFO + ",,{&" + quote + begin + "}{text:csv}")
    for kind, begin in (
        ("disconnect", "Failed to connect"),
        ("note", "attempting to connect"),
        ("note", "sending message with RecordId "),
    )
    for quote in ('"', "")
)


def variant(says: tuple[tuple[str, str], ...] = (), separator: str = ",") -> Variant:
    """The variant of a log; what its rows say that its header says.

    ``separator``: what a spreadsheet wrote instead of the comma; a tab stands within no value.
    """

    def apart(pattern: str) -> str:
        quoted = columns.QUOTED.get(separator, "") + "}"
        return pattern if separator == "," else pattern.replace(":csv}", quoted).replace(",", separator)

    head = apart(columns.head(BEGIN, _FIELDS, ",", quoted=True))
    said = []
    for kind, body in _BODIES:
        ends = "{text<}" + "{argument<}" * ("{argument>}" in body)
        for before, rest in (('"', "{_:inside}"), ("", "{_}")):
            said.append(Shape(apart(before + body + rest + ends + "{?,}"), kind, fold=True, says=says))
    aside = [Shape(apart(pattern), kind, says=says or (("role", "client"),)) for kind, pattern in _OF_CLIENTS]
    aside += [Shape(apart(pattern), kind, says=says) for kind, pattern in _ASIDE]
    groups = ((head + apart("{arrow=<|>},"), tuple(said)), (head, tuple(aside)), BARE)
    return Variant("protocol", groups, comment=b"#")
