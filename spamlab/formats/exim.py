r"""Exim: its main, reject and panic log, plain or behind syslog headers.

    2024-03-11 00:00:01 1rjT5F-003qKK-8B <= a@example.net H=mx.example.net [192.0.2.1]:3021 P=esmtp S=14450 id=1@x
    2024-03-11 00:00:01 1rjT5F-003qKK-8B => ben <ben@example.com> R=local_user T=lmtp C="250 2.0.0 Saved" QT=1s
    2024-03-11 00:00:01 1rjT5F-003qKK-8B Completed

Facts: the Exim specification, "Log files", and the sources. What clients write (HELO names, addresses, Message-IDs,
subjects, replies) stands in brackets or quotes, or behind the fields that Exim fills in; so fields are read in Exim's
order, and where a list is needed the first of two counts. A client's session is known by its address and port: the
daemon logs its connection, another process what it does.
"""

from __future__ import annotations

from spamlab import linking, syslog
from spamlab.notation import Shape, Variant
from spamlab.records import Format

_PEER = "{?{peer_host:name} }{?({helo}) }[{peer_ip}]{?:{port:int}}{?:{_:tag}}"
_WHERE = "{? I=[{_}]{?:{_:tag}}}{? Ci={_:name}}{? U={_:tag}}"
_FROM = "from " + _PEER + _WHERE + "{? D={_:tag}}"
_SNI = "{? SNI={?{_:quoted}}{?{_:tag}}}"
_TLS = "{? X={tls:name}{?*}}{? CV={_:tag}}" + _SNI + "{? DN={_:quoted}}" + _SNI + "{? PRX={_:name}}{? A={_}{& F=}}"
_CODE = "{code:code}{?-}{? }{?{enhanced_code:dsn}}"
_SAID = "{&?" + _CODE + "}"
_WHY = "{?: " + _SAID + "{reply...}}"
_WHY_AFTER = "{?{_}: " + _SAID + "{reply...}}"
_DROPPED = (("ended", "dropped"),)
_WHO = (
    "H=" + _PEER + _WHERE + _TLS + "{? F={reverse_path:path}}"
    "{? A={_:tag}{?:{_}{& rejected }}{?:{_}{& temporarily rejected }}{?:{_:tag}}}",  # who logs in can have any name
    "{&F=}F={reverse_path:path}{? U={_:tag}}{? H=" + _PEER + _WHERE + "}{? P={_:tag}}",
    "U={_:tag}{? F={reverse_path:path}}",
)

# -- deliveries: a local part with its address, an address with the one it was before, a pipe or a file
_LOCAL = "{_:local}{? ({_})} {&<}{forward_path:path}"
_ADDRESS = "{forward_path:path}{? ({_})}{? {&<}{orig_to:path}}"
_COMMAND = "{_}{& <} {forward_path:path}"
_RELAY = "{relay>...}{?{_:name}}{? DS}{?{? }[{_}]{?:{_:tag}}}{relay<}"
_USED = _RELAY + "{?*}{? PRX=[{_}]{?:{_:tag}}}{? I=[{_}]{?:{_:tag}}}{? TFO{?*}}"
_ITEMS = "F={_:path}|P={_:path}|H=" + _RELAY + "|DN={_:quoted}|K|L|PRDR|TFO"
_DONE = "{? {* |" + _ITEMS + '|C={&?"' + _CODE + "}{reply:quoted}|QT={delay:seconds}|DT={delay_transmit:seconds}}}"
_REMOTE = (
    "{&?{_=SMTP error from remote mail server|LMTP error|PRDR error} after {?pipelined }"
    "{?{_=RCPT TO|MAIL FROM}:{_:path}}{_}: {?host {relay}: }" + _CODE + "}"
)


def _reason(before: str) -> str:
    """What went wrong, with the remote server's codes: a time can come last."""
    ends = ("{reply} DT={delay_transmit:seconds}{!}", "{reply...}")
    return "".join("{?" + before + ": " + _REMOTE + _SAID + end + "}" for end in ends)


_FAILED = "{? {* |" + _ITEMS + "}" + _reason("{? }") + "}" + _reason("{? }")
_ERRORS = (
    "Connection timed out|Connection refused|Connection reset by peer|Operation timed out|No route to host|"
    "Network is unreachable|Host is unreachable|Network is down|Broken pipe|Permission denied"
)
_LATER = (
    "{_} defer ({_}){? H=" + _USED + "}{? DT={delay_transmit:seconds}}"
    "{&?: {_=" + _ERRORS + "} H=" + _USED + "{? DT={delay_transmit:seconds}}}" + _reason("")
)


def _deliver(status: str, flag: str, rest: str) -> list[Shape]:
    """The shapes of one flag: by how the recipient is written."""
    addresses = (_LOCAL, *("{&" + mark + "}" + _COMMAND for mark in ("\\|", ">")), _ADDRESS, _COMMAND)
    ends = ("{!}" if address is _ADDRESS else "" for address in addresses)
    made = (flag + " " + address + rest + end for address, end in zip(addresses, ends, strict=True))
    answers = (("answers", "yes"),)  # >address: a message is made
    return [
        Shape(pattern, "deliver", says=(("status", status), *(answers * pattern.startswith(flag + " {&>}"))))
        for pattern in made
    ]


def _acl(action: str, kind: str = "reject", *says: tuple[str, str]) -> list[Shape]:
    """What an ACL says of a client, or of a local process."""
    return [Shape(who + action, kind, says=says) for who in _WHO]


_REFUSED = " {?temporarily }rejected "
_VERBS = "{verb=MAIL|EHLO|HELO|VRFY|EXPN|ETRN|ATRN|AUTH|STARTTLS|DATA|QUIT|DKIM|MIME}"
_QUEUE = "no immediate delivery: |Message is frozen|Frozen|frozen by |unfrozen by |*** Frozen|Unfrozen"
_NOTES = (
    "Start |End |exim |daemon |no host name found |no IP address found |SMTP |TLS error |TLS session|DKIM: |"
    "DANE |spam acl condition|malware acl condition|Warning: |host name alias|lost "
)

_SHAPES = (
    Shape(
        "{_=<=|(=} {&?<> R={original_id:exim}}{reverse_path:path}{? R={_:tag}}{? DS}{? H=" + _PEER + "}"
        "{? {* |X={tls:name}|A={_:tag}:{user}|S={size:int}|id={message_id}|id*={message_id}|T={_:quoted}|DN={_:quoted}|"
        "K|L|PRDR|TFO|ARC|from {_:path}|for {_...}}}",
        "receive",
    ),
    Shape("=> {_=:blackhole:} {&<}{forward_path:path}" + _DONE, "deliver", says=(("status", "discarded"),)),
    Shape("=> {_=/dev/null} {&<}{forward_path:path}" + _DONE, "deliver", says=(("status", "discarded"),)),
    Shape(
        "=> discarded {&<}{forward_path:path}{? F={_:path}}{? P={_:path}}{? R={_:tag}}{? QT={delay:seconds}}"
        "{? DT={delay_transmit:seconds}}{!}",
        "deliver",
        says=(("status", "discarded"),),
    ),
    Shape("=> blackhole ({_=MAIL|RCPT} ACL", "deliver"),  # its recipients have lines of their own
    Shape("=> blackhole ", "deliver", says=(("status", "discarded"),)),
    *_deliver("delivered", "{_==>|->|>>}", _DONE),
    Shape("Completed{? QT={_:name}}{!}", "remove"),
    Shape("SMTP connection{? Ci={_:name}} " + _FROM + " (TCP/IP connection count", "connect"),
    Shape("SMTP connection{? Ci={_:name}} " + _FROM + " closed by QUIT", "disconnect"),
    *_acl(_REFUSED + "{verb=RCPT} {&<}{forward_path:path}" + _WHY),
    *_deliver("deferred", "==", _LATER),
    *_deliver("bounced", "**", _FAILED),
    *_deliver("discarded", "*>", _DONE),
    Shape("{_=" + _QUEUE + "}", "queue"),
    Shape("{_=cancelled by |removed by }", "queue", says=(("status", "expired"),)),
    *_acl(_REFUSED + "after {verb=DATA}" + _WHY),
    *_acl(_REFUSED + _VERBS + "{? {_:path}}" + _WHY_AFTER),
    *_acl(_REFUSED + "{verb=RCPT} {forward_path}: " + _SAID + "{reply...}"),
    *_acl(_REFUSED + "connection" + _WHY_AFTER, "reject", *_DROPPED),
    *_acl(_REFUSED + "{_=by|during} " + _WHY_AFTER),
    Shape("local_scan() function {_} - message temporarily rejected", "reject"),
    *_acl(" dropped by " + _WHY_AFTER, "reject", *_DROPPED),
    *_acl(" {verb=RCPT} {forward_path:path}: discarded by {_} ACL" + _WHY, "queue", ("status", "discarded")),
    *_acl(" {_=Warning: |sender verify |recipient verify }", "note"),
    Shape(
        "{refused:tag} {?\t}authenticator failed for {?{?H=}" + _PEER + "}{_}: "
        "{&?{_} (set_id={user~)}}" + _SAID + "{reply...}",
        "auth",
        says=(("verb", "AUTH"),),
    ),
    Shape("SMTP connection{? Ci={_:name}} " + _FROM + " {_=lost|closed by}", "disconnect", says=_DROPPED),
    Shape("unexpected disconnection while reading SMTP command " + _FROM, "disconnect", says=_DROPPED),
    Shape("SMTP connection lost after final dot{? DS} H=" + _PEER, "disconnect", says=_DROPPED),
    Shape("no MAIL in SMTP connection " + _FROM + "{?{_} C={verbs...}}"),
    Shape(
        "SMTP {_=command|data} timeout{? (message abandoned)} on{? TLS} connection " + _FROM,
        "disconnect",
        says=(("ended", "timeout"),),
    ),
    Shape(
        "SMTP call " + _FROM + " dropped: {?{_}(last command was {_:quoted},  C={verbs~)}}", "disconnect", says=_DROPPED
    ),
    # A client's line stands in quotes that it can close itself: where there are two ends, neither is trusted.
    Shape('SMTP {_=syntax|protocol} error in "{_}" H={_}" H='),
    Shape('SMTP {_=syntax|protocol} error in "{_}" H=' + _PEER),
    Shape("SMTP protocol synchronization error ({_}): rejected connection from H=" + _PEER, "reject", says=_DROPPED),
    Shape('SMTP protocol synchronization error ({_}): rejected "{_}" H={_}" H=', "reject", says=_DROPPED),
    Shape('SMTP protocol synchronization error ({_}): rejected "{_}" H=' + _PEER, "reject", says=_DROPPED),
    Shape("{?temporarily }rejected {verb:word} " + _FROM + _WHY_AFTER, "reject"),
    Shape("{?temporarily }rejected {verb:word} FROM:{reverse_path:path}{? H=" + _PEER + "}" + _WHY_AFTER, "reject"),
    Shape("{?temporarily }rejected {verb:word}" + _WHY_AFTER, "reject"),
    Shape("refused connection " + _FROM, "reject", says=_DROPPED),
    Shape("Connection " + _FROM + " {?temporarily }refused" + _WHY_AFTER, "reject", says=_DROPPED),
    Shape("TLS error on connection " + _FROM),
    Shape("{_=" + _NOTES + "}"),
    Shape("", weak=True),
)

_BODY = "{?[{pid:int}] }{text>}{?{queue_id:exim} }"
_PLAIN = Variant("mainlog", (("{time:time} " + _BODY, _SHAPES),), continues=True)
_SYSLOG = Variant(
    "syslog",
    tuple(
        (head + "{?[1{_=/|\\\\}{_:int}] }{?{time:time} }" + _BODY if shapes is _SHAPES else head, shapes)
        for head, shapes in syslog.groups(_SHAPES, "exim")
    ),
)

FORMAT = Format(
    "exim",
    (_PLAIN, _SYSLOG),
    linking.assembler(
        linking.Rules(statuses={}, process=("host", "peer_ip", "port"), copied=("reject", "auth"))  # rejectlog
    ),
)
