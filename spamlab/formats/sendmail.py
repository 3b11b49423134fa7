r"""Sendmail 8: syslog lines of its daemons and queue runners, also among other programs' lines.

    Mar 11 00:00:01 mx sm-mta[291]: 42B0010a001003: from=<a@example.net>, size=1117, nrcpts=1, relay=[192.0.2.1]
    Mar 11 00:00:02 mx sm-mta[292]: 42B0010a001003: to=<ben@example.com>, delay=00:00:01, mailer=local, stat=Sent

Facts: the Installation and Operation Guide, "Logging", and the sources. Paths are read with their quotes, fields in
Sendmail's order; where a client's words come before the relay (a login, a Message-ID), the last relay counts.
"""

from __future__ import annotations

from spamlab import linking, syslog, texts
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records

_PEER = "{?{_:name}@}{?{peer_host:name} }{? }[{?IPv6:}{peer_ip}]{? (may be forged)}"
_CODE = "{code:code}{?-}{? }{?{enhanced_code:dsn}}"
_REPLY = "{&?" + _CODE + "}{reply...}"
_DSN = "{&?{status=2|4|5}}{enhanced_code:dsn}"
_STATUS = "{?,{? }stat={&?{&^{code:code} }{status=2|4|5}}{&?{status:phrase}{?{_=: |(}{code:code}}}{reply...}}"
_FIELDS = (
    "{?, ctladdr={_:path}{? ({_})}}{?, delay={delay:seconds}}{?, delay={_}{&, }}{?, {delay:seconds}{&, xdelay=}}"
    "{?, xdelay={delay_transmit:seconds}}{?, xdelay={_}{&, }}"
    "{?, mailer={_}, pri={_:int}}{?, mailer={_}{&, }}{?, pri={_:int}}{?, relay={relay}, dsn=" + _DSN + "}"
    "{?, relay={relay}{&, stat=}}{?, dsn=" + _DSN + "}{?, quarantine={_}{&, }}"
    "{?, ntries={_:int}}{?, stage={_:tag}}{?, reply={&?{code:code}}{_}{&, stat=}}{?, ntries={_:int}}"
)
_REST = _FIELDS + "{?{^{&, stat=}|{&,stat=}|, {_}{&, stat=}}}" + _STATUS  # whatever else: what came of it is not lost
_RCPT, _MAIL = (("verb", "RCPT"),), (("verb", "MAIL"),)
_DROPPED, _TIMEOUT = (("ended", "dropped"),), (("ended", "timeout"),)


def _report(kind: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("report", kind), *more)


# Whoever is listed without a mailer or DSN: no delivery was tried, the message was refused or given up in the dialogue
# and nobody is notified (srvrsmtp.c, logundelrcpts).
_UNTRIED = "to={forward_path:path}{?, ctladdr={_:path}{? ({_})}}, delay={delay:seconds}, pri={_:int}, stat="
_COLLECT, _FROM = "{?SYSERR({_}): }collect: ", " on connection from {?" + _PEER + "}"
_WROTE = "{?" + _PEER + ": }<-- "  # at level 15 and more
_UNKNOWN = "User unknown|No such user|Cannot mail directly to |Hostname required|Unbalanced "  # given without brackets
_MORE = "{?{?,} [more]}"  # recipients, in another line
_NEXT = "{^{&, delay=}|{&, ctladdr=}}"
_SHAPES = (
    Shape(_UNTRIED + "{status=RSET|HELO|EHLO|STARTTLS|QUIT|queued|quarantined|discarded}{!}", "deliver"),
    Shape(_UNTRIED + _REPLY, "deliver", says=(("status", "rejected"),)),
    Shape("to={forward_path:path}{? {?ctladdr={_:path} }({_})}" + _MORE + _NEXT + _REST, "deliver"),
    Shape("to={forward_path:paths}" + _MORE + _NEXT + _REST, "deliver"),
    Shape("to={_:quoted} {&<}{forward_path:path}" + _NEXT + _REST, "deliver"),
    *(Shape("to={forward_path}{&" + key + "}" + _REST, "deliver") for key in (", ctladdr=", ", delay=")),  # with names
    *(Shape("to={forward_path:" + kind + "}" + _MORE + "{&, }" + _REST, "deliver") for kind in ("path", "paths")),
    Shape("to={forward_path}" + _MORE + _FIELDS + _STATUS, "deliver"),  # a command
    Shape("from={reverse_path:path}, size={&0, }{size:int}, {*>, |relay=" + _PEER + "}", "queue"),
    Shape(
        "from={reverse_path:path}, size={size:int}, class={_:int}{?, pri={_:int}}, nrcpts=0{?, {*>, |relay="
        + _PEER
        + "}}",
        "queue",
    ),
    Shape(
        "from={^{reverse_path:path}{? ({_})}{&, size=}|{_}<{reverse_path}>{&, size=}|{reverse_path}{&, size=}|"
        "{reverse_path:path}}{?, size={size:int}}{?, class={_:int}}{?, pri={_:int}}{?, nrcpts={_:int}}"
        "{?, {*>, |msgid=<{message_id}>|msgid={message_id}|relay="
        + _PEER
        + "|received from {peer_host:name} ({peer_ip})}}",
        "receive",
    ),
    Shape("message-id=<{message_id}>{!}", "queue"),  # of old, as is "received from"
    Shape("done; delay=", "remove"),
    Shape("discarded{!}", "deliver", says=(("status", "discarded"),)),  # all of it; at level 10 and more each by "to="
    Shape("{report_id:letters}: DSN: Return receipt", "report", says=_report("success")),
    Shape("{report_id:letters}: {_=DSN|sender notify}: Warning: could not send", "report", says=_report("delay")),
    Shape(
        "{report_id:letters}: {_=DSN|sender notify|return to sender}: Cannot send message for",
        "report",
        says=_report("ndr", ("status", "expired")),
    ),
    Shape("{report_id:letters}: {_=DSN|return to sender|sender notify}: ", "report", says=_report("ndr")),
    Shape("{report_id:letters}: postmaster notify: ", "report", says=_report("postmaster")),
    Shape("{^{_:letters}: {_=clone|owner|split}|clone {_:name}, owner=}", "queue"),
    Shape("connect from " + _PEER, "connect"),
    Shape("ruleset=check_rcpt, arg1={forward_path:path}, relay=" + _PEER + ", reject=" + _REPLY, "reject", says=_RCPT),
    Shape("ruleset=check_mail, arg1={reverse_path:path}, relay=" + _PEER + ", reject=" + _REPLY, "reject", says=_MAIL),
    Shape("ruleset={_=tls_server|tls_rcpt|try_tls}, "),  # of a server that mail goes to: the delivery tells
    Shape("ruleset={_:name}, {?arg1={_:path}, }{?arg2={_:path}, }relay=" + _PEER + ", reject=" + _REPLY, "reject"),
    # Masked: <<joe>>
    Shape("ruleset=check_rcpt, arg1=<{forward_path}>, relay={_}, reject=" + _REPLY, "reject", says=_RCPT),
    Shape("ruleset=check_mail, arg1=<{reverse_path}>, relay={_}, reject=" + _REPLY, "reject", says=_MAIL),
    Shape("ruleset={_}, reject=" + _REPLY, "reject"),
    Shape("ruleset={_:name}, {?arg1={_:path}, }{?arg2={_:path}, }relay=" + _PEER + ", ", "queue"),
    Shape("{&<}{forward_path:path}... {reply...}", "reject", says=_RCPT),
    Shape("Too many recipients{!}", "reject", says=_RCPT),  # MaxRecipientsPerMessage: said of each, named is none
    Shape(
        "AUTH failure ({refused}): {reply}{?{&, user=}, {*>, |user={user}|relay=" + _PEER + "}}"
        "{?{&, relay=}, {*>, |relay=" + _PEER + "}}",
        "auth",
        says=(("verb", "AUTH"),),
    ),
    Shape("AUTH=server, relay=" + _PEER + ", authid={user}, mech=", "auth", says=(("verb", "AUTH"),)),
    Shape("STARTTLS=server, relay=" + _PEER + ", version=", "tls", says=(("verb", "STARTTLS"),)),
    Shape("lost input channel from " + _PEER + "{? to {_} after {verb:word}}", "disconnect", says=_DROPPED),
    Shape("timeout waiting for input from {_} during client "),
    Shape("timeout waiting for input from {?" + _PEER + "}", "disconnect", says=_TIMEOUT),
    Shape(
        "{?SYSERR({_}): }collect: relay=" + _PEER + ", from={_:path}, info=read timeout", "disconnect", says=_TIMEOUT
    ),
    Shape(_COLLECT + "read timeout" + _FROM, "disconnect", says=_TIMEOUT),
    Shape("{?SYSERR({_}): }collect: relay=" + _PEER, "disconnect", says=_DROPPED),
    Shape(_COLLECT + "{_=unexpected close|I/O error}" + _FROM, "disconnect", says=_DROPPED),
    Shape("Milter: to={forward_path:path}, reject=" + _REPLY, "reject", says=_RCPT),
    Shape("Milter: from={reverse_path:path}, reject=" + _REPLY, "reject", says=_MAIL),
    Shape("Milter: {verb=data}, reject=" + _REPLY, "reject"),
    Shape(
        "Milter: connect: host={?{peer_host:name}{&,}}{_}, addr={peer_ip}, "
        "{_=reject|temp failing|shutdown}{?ing}{? commands}{?=" + _REPLY + "}",
        "reject",
    ),
    Shape("Milter: {_}, reject{?=" + _REPLY + "}", "reject"),
    Shape("Milter: {^to={forward_path:path}|from={reverse_path:path}|{_:name}}, discard{!}", "queue"),
    Shape("{_=message size|headers too large|invalid domain name} (", "reject"),
    Shape("rejecting {_:word} from " + _PEER, "reject"),
    Shape("tcpwrappers ({^unknown, |{peer_host:name}, |{_}, }{?IPv6:}{peer_ip}) rejection", "reject"),
    Shape(_PEER + " did not issue MAIL/"),
    Shape("Null connection from " + _PEER),  # the same of old
    Shape("STARTTLS=server, error: {_}, relay=" + _PEER),
    Shape(_PEER + ": {_=possible SMTP attack|probable open proxy}: command={verb:name}"),
    Shape(_PEER + ": Possible SMTP RCPT flood"),
    Shape(_PEER + ": {verb=EXPN|VRFY|ETRN}{? {_}{& [rejected]}} [rejected]", "reject", fold=True),
    Shape(_PEER + ": {verb=EXPN|VRFY|ETRN}", "command", fold=True),
    Shape(_WROTE + "{_=EHLO|HELO} {helo}{!}", fold=True),
    Shape(_WROTE + "QUIT{!}", says=(("ended", "quit"),), fold=True),
    Shape(_WROTE + "AUTH {_:tag}{text<}", fold=True),  # what follows is secret
    Shape("{?" + _PEER + ": }{_=<-- |--- |SYSERR(}"),
    Shape("{forward_path}... {&^{^" + _UNKNOWN + "}}{reply...}", "reject", says=_RCPT),
    Shape(
        '{_=Syntax error|8-bit character} in mailbox address "{^{&<}{forward_path:path}|{forward_path:inside}}"',
        "reject",
        says=_RCPT,
    ),
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
    """Turn the lines into the tables; a recipient is its address, also where a person's name stands before it."""
    found = _link(records, options)
    if "recipients" in found.tables:
        recipients = found.tables["recipients"]
        path = recipients["forward_path"]
        recipients["forward_path"] = texts.changed(
            path, texts.having(path, "<"), lambda named: named.str.replace(_NAMED, r"\1", regex=True)
        )
    return found


FORMAT = Format("sendmail", (Variant("sendmail", _HEADED),), assemble, needed=linking.NEEDED)
