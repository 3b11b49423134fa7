"""Heads of syslog lines: classic, ISO 8601, RFC 5424, with a priority, a facility or a level in between."""

from __future__ import annotations

from spamlab.notation import AGAIN, BROKEN, IGNORED, Shape

_LEVEL = "{_=emerg|alert|crit|err|error|warn|warning|notice|info|debug} "
_HOST = "{?{host:name}{?@{_:tag}}{?/{_:tag}} }"  # mx/mx, mx@mx/relay: syslog-ng's chain_hostnames
_STAMP = (
    "{?<{_:int}>}{?1 }{time:time} {? }{?" + _LEVEL + "}{?<{_}> }{?mail." + _LEVEL + "}" + _HOST
    + "{?mail.{_:word} }"  # BusyBox: mail.info
)  # fmt: skip
_CONTAINER = "{_:tag} {_}| "  # docker compose names the container
_TEXT = "{?[ID {_}] }{?\ufeff}{?message repeated {repeats:int} times: [{? }{-]}}{text>}"  # [ID …]: Solaris

Group = tuple[str, tuple[Shape, ...]]


def groups(shapes: tuple[Shape, ...], *programs: str) -> tuple[Group, ...]:
    """The groups of a variant that reads the lines of programs whose names begin so, among other programs' lines."""
    tags = ["{&" + name + "}{program:tag}{?:{program:tag}}" for name in programs]  # postfix/127.0.0.1:10025/smtpd
    after = ("{?[{pid:int}]}: ", " {&?{pid:int} }{_:tag} {_:tag} {?- }{?[{_}] }")
    own = [(_STAMP + tag + rest + _TEXT, shapes) for tag in tags for rest in after]
    broken = [(_STAMP + "{&" + name + "}", (Shape("", BROKEN),)) for name in programs]
    again = (_STAMP + "last message repeated {repeats:int} time", (Shape("", AGAIN),))
    other = (_STAMP + "{?(}{_:tag}", tuple(Shape(mark, IGNORED) for mark in ("[", ":", " ", "(", ")")))
    contained = [(_CONTAINER + head, found) for head, found in (*own, other)]
    return (*own, *broken, again, other, *contained, ("-- ", (Shape("", IGNORED),)))  # -- Journal begins at …
