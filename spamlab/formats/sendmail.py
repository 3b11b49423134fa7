r"""Sendmail 8: syslog lines of its daemons and queue runners, also among other programs' lines.

    Mar 11 00:00:01 mx sm-mta[291]: 42B0010a001003: from=<a@example.net>, size=1117, nrcpts=1, relay=[192.0.2.1]
    Mar 11 00:00:02 mx sm-mta[292]: 42B0010a001003: to=<ben@example.com>, delay=00:00:01, mailer=local, stat=Sent

Facts: the Installation and Operation Guide, "Logging", and the sources. Paths are read with their quotes, fields in
Sendmail's order; where a client's words come before the relay (a login, a Message-ID), the last relay counts.
"""

from __future__ import annotations

from spamlab import linking, syslog, texts
from spamlab.formats.sendmail_clients import CLIENTS, PEER, REPLY
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records

_DSN = "{&?{status=2|4|5}}{enhanced_code:dsn}"
_STATUS = "{?,{? }stat={&?{&^{code:code} }{status=2|4|5}}{&?{status:phrase}{?{_=: |(}{code:code}}}{reply...}}"
_FIELDS = (
    "{?, ctladdr={_:path}{? ({_})}{&, delay=}}{?, ctladdr={_}{&, delay=}}{?, delay={delay:seconds}}{?, delay={_}{&, }}"
    "{?, {delay:seconds}{&, xdelay=}}"
    "{?, xdelay={delay_transmit:seconds}}{?, xdelay={_}{&, }}"
    "{?, mailer={_}, pri={_:int}}{?, mailer={_}{&, }}{?, pri={_:int}}{?, relay={relay}, dsn=" + _DSN + "}"
    "{?, relay={relay}{&, stat=}}{?, dsn=" + _DSN + "}{?, quarantine={_}{&, }}"
    "{?, ntries={_:int}}{?, stage={_:tag}}{?, reply={&?{code:code}}{_}{&, stat=}}{?, ntries={_:int}}"
)
_REST = _FIELDS + "{?{^{&, stat=}|{&,stat=}|, {_}{&, stat=}}}" + _STATUS  # whatever else: what came of it is not lost


def _report(kind: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("report", kind), *more)


# Whoever is listed without a mailer or DSN: no delivery was tried, the message was refused or given up in the dialogue
# and nobody is notified (srvrsmtp.c, logundelrcpts).
_TO, _FROM = "to={^{&, }|{forward_path:path}}", "from={^{&, }|{reverse_path:path}}"  # a page can take <…> for its own
_UNTRIED = _TO + "{?, ctladdr={_:path}{? ({_})}}, delay={delay:seconds}, pri={_:int}, stat="
_MORE = "{?{?,} [more]}"  # recipients, in another line
_NEXT = "{^{&, delay=}|{&, ctladdr=}}"
_SHAPES = (
    Shape(_UNTRIED + "{status=RSET|HELO|EHLO|STARTTLS|QUIT|queued|quarantined|discarded}{!}", "deliver"),
    Shape(_UNTRIED + REPLY, "deliver", says=(("status", "rejected"),)),
    Shape(_TO + "{? {?ctladdr={_:path} }({_})}" + _MORE + _NEXT + _REST, "deliver"),
    Shape("to={forward_path:paths}" + _MORE + _NEXT + _REST, "deliver"),
    Shape("to={_:quoted} {&<}{forward_path:path}" + _NEXT + _REST, "deliver"),
    *(Shape("to={forward_path}{&" + key + "}" + _REST, "deliver") for key in (", ctladdr=", ", delay=")),  # with names
    *(Shape("to={forward_path:" + kind + "}" + _MORE + "{&, }" + _REST, "deliver") for kind in ("path", "paths")),
    Shape("to={forward_path}" + _MORE + _FIELDS + _STATUS, "deliver"),  # a command
    Shape(_FROM + ", size={&0, }{size:int}, {*>, |relay=" + PEER + "}", "queue"),
    Shape(
        _FROM + ", size={size:int}, class={_:int}{?, pri={_:int}}, nrcpts=0{?, {*>, |relay=" + PEER + "}}",
        "queue",
    ),
    Shape(
        "from={^{&, size=}|{reverse_path:path}{? ({_})}{&, size=}|{reverse_path}{&, size=}|{reverse_path:path}}"
        "{?, size={size:int}}{?, class={_:int}}{?, pri={_:int}}{?, nrcpts={_:int}}"
        "{?, {*>, |msgid=<{message_id}>|msgid={message_id}|relay="
        + PEER
        + "|received from {peer_host:name} ({peer_ip})}}",
        "receive",
    ),
    Shape("message-id=<{message_id}>{!}", "queue"),  # of old, as is "received from"
    Shape("done; delay=", "remove"),
    Shape("discarded{!}", "deliver", says=(("status", "discarded"),)),  # all of it; at level 10 and more each by "to="
    *(
        Shape("{report_id:letters}: {_=DSN|return to sender|sender notify}: " + why, "report", says=says)
        for why, says in (
            ("Return receipt", _report("success")),
            ("Warning: ", _report("delay")),
            ("Cannot send message {_=for|within}", _report("ndr", ("status", "expired"))),
            ("", _report("ndr")),
        )
    ),
    Shape(
        "{report_id:letters}: postmaster notify: Cannot send message {_=for|within}",  # where nobody else is told
        "report",
        says=_report("postmaster", ("status", "expired")),
    ),
    Shape("{report_id:letters}: postmaster notify: ", "report", says=_report("postmaster")),
    Shape("{^{_:letters}: {_=clone|owner|split}|clone {_:name}, owner=}", "queue"),
    *CLIENTS,
    Shape(""),
)
_HEADED = tuple(
    (
        head + "{?NOQUEUE: }{?: }{?{queue_id:letters}{?[{_:int}]}: }{?{&AA}{queue_id:id}: }"
        if shapes is _SHAPES
        else head,
        shapes,
    )
    for head, shapes in syslog.groups(_SHAPES, "sendmail", "sm-")
)

_RULES = linking.Rules(
    statuses={
        "sent": "delivered",
        "2": "delivered",
        "deferred": "deferred",
        "4": "deferred",
        "5": "bounced",
        "cannot send message": "expired",
        "discarded": "discarded",
        "quarantined": "held",
        "queued": None,  # no attempt yet
        **dict.fromkeys(("rset", "helo", "ehlo", "starttls", "quit")),  # the client took it back
    },
    starts=("auth", "command", "disconnect", "note", "queue", "receive", "reject", "tls"),
    once=True,
    between=",",
)

_link = linking.assembler(_RULES)
_NAMED = r"^\"?[^|/<\"][^<]*<([^<>]*)>?$"  # Joe <joe@example.com>, no command


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the lines into the tables; a person is an address, also where a name stands before it."""
    found = _link(records, options)
    for table, column in (("recipients", "forward_path"), ("transactions", "reverse_path")):
        if table in found.tables:
            path = found.tables[table][column]
            found.tables[table][column] = texts.changed(
                path,
                texts.having(path, "<"),
                lambda named: named.str.replace(_NAMED, r"\1", regex=True).str.replace(
                    r"^<([^<>]+)$", r"\1", regex=True
                ),
            )
    return found


FORMAT = Format("sendmail", (Variant("sendmail", _HEADED),), assemble, needed=linking.NEEDED)
