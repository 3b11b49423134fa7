"""Heads of syslog lines: classic, ISO 8601, RFC 5424, with a priority, a facility or a level in between; passed on."""

from __future__ import annotations

from spamlab.notation import AGAIN, BROKEN, IGNORED, Shape

_LEVELS = "emerg|alert|crit|err|error|warn|warning|notice|info|debug"
_LEVEL = "{_=" + _LEVELS + "} "
_PADDED = "{_=" + _LEVELS + "|" + _LEVELS.upper() + "} {? }{? }{? }{? }"
# IRIX: level and facility before the host, 6C:mx; mx/mx, mx@mx/relay: syslog-ng's chain_hostnames
_LETTERED = "{?{_=0|1|2|3|4|5|6|7}{_=A|B|C|D|E|F|G|H|I|J|K|L}:}"
_HOST = "{?{^- |" + _LETTERED + "{host:name}{?@{_:tag}}{?/{_:tag}} }}"
_ORIGIN = (
    " {? }{?" + _PADDED + "}{?<{_}> }{?mail.{_=" + _LEVELS + "}{?:} }" + _HOST
    + "{?{?[}mail{^.|:}{_=" + _LEVELS + "}{?]} }"  # BusyBox: mail.info, AIX: mail:info
)  # fmt: skip
_STAMP = "{?<{_:int}>}{?1 {&2}}{time:time}" + _ORIGIN
# Of supercomputers' logs (BGL, Thunderbird): a mark of alerts, the time since 1970, the day, the node, the line.
_COLLECTED = "{_:tag} {time:time} {_:int}.{_:int}.{_:int} {_:tag} {_:time}" + _ORIGIN
# What says no time: seconds since the start (short-monotonic, short-delta), RFC 5424's NIL.
_UNTIMED = "{^[{? }{? }{? }{? }{_:int}.{_:int}{? <{_}>}]|{?<{_:int}>}1 -}" + _ORIGIN
_BLANKS = "".join("{?" + " " * n + "}" for n in (16, 8, 4, 2, 1))
_COLOURED = "{?{?\x1b}[{_:int}{?;{_:int}}m}"
_CONTAINER = _COLOURED + "{_:tag} " + _BLANKS + "\\|{? }" + _COLOURED + "{? }"  # as docker compose names it
_KIWI = "\t{_:cell}\t{_:cell}\t"  # facility and level, host: behind its own stamp
# Or kubectl's pod, a mail's quoting, a length (RFC 6587), the file that grep names and the line's number, blanks; NULs,
# where a file was emptied while it was written, or a crash left them.
_BEFORE = "{^" + _CONTAINER + "|[{_}] |> |{_:int} {&<}|{_:tag}:{?{_:int}:}|{_:nul}| " + _BLANKS + "}"
_TEXT = "{?[ID {_}] }{?\ufeff}{?message repeated {repeats:int} times: [{? }{-]}}{text>}"  # [ID …]: Solaris

Group = tuple[str, tuple[Shape, ...]]


def _odd(named: str) -> str:
    """A rarer head, before the program's name: also what a container wrote, what a host or program passed on.

    Such a line is stamped twice or named twice. Of two stamps the one that states all counts, else the server's own.
    """
    priority = "{?<{_:int}>{? }}{?1 {&2}}"
    outer = (
        "{^"
        + _KIWI
        + "|{?]}{?:} {?{_=stdout|stderr} {_=F|P} }{?[{_:int}.{_:int}] }{?{_=user|daemon|mail}.{_="
        + _LEVELS
        + "}{?:} }}"
    )
    host, program = "{?{^(none)|{?[}{host:name}{?/{_:tag}}{?]}} }", "{?{_:tag}{?[{_:tag}]}: }"

    def stamped(first: str, again: str) -> str:
        again = priority + again + _ORIGIN
        return first + outer + "{^" + again + "|" + host + "{?" + program + "{^" + again + "|" + named + "}}}"

    times = stamped("{?[}{&^{^2|1|@4}}{time:time}", "{_:time}"), stamped("{time:time}", "{time:time}")
    forwarded = "{?Message forwarded from {host:tag}: }"  # AIX
    return priority + "{^" + "|".join(times) + "}{?" + _LEVEL + "}" + forwarded + _HOST


def groups(
    shapes: tuple[Shape, ...], *programs: str, rarely: tuple[str, ...] = (), parted: bool = False
) -> tuple[Group, ...]:
    """The groups of a variant that reads the lines of programs whose names begin so, among other programs' lines.

    ``rarely``: what else their lines can begin with, that others' can too; it tells what is theirs, so that such lines
    need name no process. ``parted``: the server's own names are the first of ``programs``, ``/`` and a daemon; what
    else is named so can be a container or a service, whose text has the server's own head.
    """
    named, any_name = (
        "{^" + "|".join("{&^" + name + "}" for name in names) + "}" for names in (programs, (*programs, *rarely))
    )
    program = "{program:tag}{?:{program:tag}}"  # postfix/127.0.0.1:10025/smtpd
    tagged = "|".join(
        ["{&^" + name + "}" + program + "[{pid:int}]" for name in programs]
        + ["{&^" + name + "}" + program + "{?[{pid:int}]}" for name in rarely]
    )
    process = "{^{?[{pid:int}]}: {? }|[{pid:int}] {?<{_:tag}>: }{? }| {&?{pid:int} }{_:tag} {_:tag} {?- }{?[{_}] }}"
    whole = program + process
    head = named + whole
    if parted:
        written = "{?{^{&2}{time:time}|{_:time}}" + _ORIGIN + "}{&^{?/}" + programs[0] + "}" + program + "[{pid:int}]: "
        head = "{^{&" + programs[0] + "/}" + whole + "|" + head + "{?" + written + "}}"
    own = (
        (_STAMP + head + _TEXT, shapes),
        (_odd(any_name) + "{^" + tagged + "}{? <{_:tag}>}:{? }{? }" + _TEXT, shapes),  # macOS: <Info>
    )
    broken = (_STAMP + named, (Shape("", BROKEN),))
    again = (_STAMP + "last message repeated {repeats:int} time", (Shape("", AGAIN),))
    ignored = tuple(Shape(mark, IGNORED) for mark in ("[", ":", " ", "(", ")", "]"))
    other = (_STAMP + "{? }{?{_=(|[}}{_:tag}", ignored)
    metalog = ("{time:time} [" + named + program + "{?[{pid:int}]}] " + _TEXT, shapes)
    booted = [
        (start + rest, found)
        for start in (_UNTIMED, _COLLECTED)
        for rest, found in ((named + program + process + _TEXT, shapes), ("{?(}{_:tag}", ignored))
    ]
    unstamped = (
        (before + "{?{host:name} }" + named + program + "[{pid:int}]: " + _TEXT, shapes) for before in ("", _CONTAINER)
    )
    framed = [(_BEFORE + start, found) for start, found in (*own, other)]
    framed += [("{_:time}" + _KIWI + other[0], ignored), ("[{_:time}]" + _ORIGIN + "{?(}{_:tag}", ignored)]
    # -- Journal begins at …, what grep puts between its finds and tail above a file
    apart = "{^-- |--{!}|==> {_} <=={!}}"
    rest = (_CONTAINER, (Shape("", IGNORED),)), (apart, (Shape("", IGNORED),))
    return (*own, metalog, broken, again, other, *framed, *booted, *unstamped, *rest)
