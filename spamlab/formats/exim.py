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
from spamlab.formats.exim_sessions import CODE, PEER, SAID, SESSIONS
from spamlab.notation import Shape, Variant
from spamlab.records import Format

# -- deliveries: a local part with its address, an address with the one it was before, a pipe or a file
_LOCAL = "{_:local}{? ({_})} {&<}{forward_path:path}"
_ADDRESS = "{forward_path:path}{? ({_})}{? {&<}{orig_to:path}}"
_COMMAND = "{_}{& <} {forward_path:path}"
_RELAY = "{relay>...}{?{_:name}}{? DS}{?{? }[{_}]{?:{_:tag}}}{relay<}"
_USED = _RELAY + "{?*}{? PRX=[{_}]{?:{_:tag}}}{? I=[{_}]{?:{_:tag}}}{? TFO{?*}}"
_ITEMS = "F={_:path}|P={_:path}|H=" + _RELAY + "|DN={_:quoted}|K|L|PRDR|TFO"
_DONE = "{? {* |" + _ITEMS + '|C={&?"' + CODE + "}{reply:quoted}|QT={delay:seconds}|DT={delay_transmit:seconds}}}"
_REMOTE = (
    "{&?{_=SMTP error from remote mail server|SMTP error from remote mailer|LMTP error|PRDR error} after {?pipelined }"
    "{?{_=RCPT TO|MAIL FROM}:{&<}{_:path}}{_}: {?host {relay}: }" + CODE + "}"
    # as Exim 3 and 4 of the first years say where it failed
    "{&?{?Connection timed out: }{^host |Remote host |SMTP timeout while connected to }"
    "{relay>...}{?{_:name} }[{_}]{relay<}{^: " + CODE + "|{& }}}"
)


# Of a reply of several lines the first can be the only one without an enhanced code.
_BELOW = "{&?{_}\\\\n{_:code}{?-}{? }{enhanced_code:dsn}}"

_GIVEN_UP = ("retry timeout exceeded", "all hosts", "retry time not reached")
"""Why mail is given up that failed for as long as it was to be tried."""


def _reason(before: str, first: str = "") -> str:
    """What went wrong, with the remote server's codes: a time can come last."""
    ends = ("{reply} DT={delay_transmit:seconds}{!}", "{reply...}")
    return "".join("{?" + before + ": " + first + _BELOW + _REMOTE + SAID + end + "}" for end in ends)


_WHY = _reason("{? }", "{&?{status=" + "|".join(_GIVEN_UP) + "}}")
_FAILED = "{? {* |" + _ITEMS + "}" + _WHY + "}" + _WHY
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


_QUEUE = "no immediate delivery: |Message is frozen|Frozen|frozen by |unfrozen by |*** Frozen|Unfrozen"
# of a host, before the next one is tried
_TRIED = "{_=SMTP error from remote mail|SMTP timeout |LMTP error |PRDR error |Remote host }"
_NOTES = (
    "Start |End |exim |daemon |no host name found |no IP address found |SMTP |TLS error |TLS session|DKIM: |"
    "DANE |spam acl condition|malware acl condition|Warning: |host name alias|lost |ETRN |ignoring AUTH=|TLS client |"
    "Sender identification |"  # cPanel's
    "SA: Action: "  # the local_scan() of SpamAssassin; Exim says too what became of it
)

# Whom a client logged in as, where its authenticator says it, and the sender that it vouched for (AUTH= of MAIL).
_ID = "{?:{^{&^{_}{? {!}}:}{user}:{_:path}|{user}}}"

_SHAPES = (
    Shape(
        "{_=<=|(=} {&?<> R={original_id:exim}}{reverse_path:path}{? R={_:tag}}{? DS}{? H=" + PEER + "}"
        "{? {* |X={tls:name}|A={authenticator:tag}" + _ID + "|S={size:int}|id={message_id}|"
        "id*={message_id}|T={_:quoted}|DN={_:quoted}|K|L|PRDR|TFO|ARC|from {_:path}|for {_...}}}",
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
    *(Shape(whole, "deliver", says=(("status", "discarded"),)) for whole in ("=> blackhole ", "=> discarded (")),
    *_deliver("delivered", "{_==>|->|>>}", _DONE),
    Shape("Completed{? QT={_:name}}{!}", "remove"),
    *_deliver("deferred", "==", _LATER),
    *_deliver("bounced", "**", _FAILED),
    Shape(
        "** {forward_path:path} {_=mua_wrapper forced failure|routing yielded} ",
        "deliver",
        says=(("status", "bounced"),),
    ),
    *_deliver("discarded", "*>", _DONE),
    Shape("{_=" + _QUEUE + "}", "queue"),
    Shape("{_=cancelled by |removed by }", "queue", says=(("status", "expired"),)),
    *SESSIONS,
    Shape(_BELOW + _REMOTE + _TRIED),
    Shape("{_=" + _NOTES + "}"),
    Shape("{_:tag} authenticator {_=failed|cancelled authentication} H={_}] " + SAID),  # of a server, for Exim
    Shape("[{_:int}{_=/|\\\\}{_:int}] "),  # what follows of a line that was too long for syslog, or was several
    *(
        Shape("{?H=}{?{_:name} }[{_}]{?:{_:tag}}" + why)
        for why in (" {_=" + _ERRORS + "}", ": " + _BELOW + _REMOTE + _TRIED)
    ),
    Shape("cwd={_} args: "),
    Shape("", weak=True),
)

_BODY = "{?[{pid:int}] }{text>}{?{queue_id:exim} }"
_PLAIN = Variant(
    "mainlog",
    (
        ("{time:time} " + _BODY, _SHAPES),
        ("{^{_:tag} {_}\\| |{_:nul}}{time:time} " + _BODY, _SHAPES),  # docker compose: exim-1  | …
    ),
    continues=True,
)
_SPLIT = "{?[1{_=/|\\\\}{_:int}] }"
_ISO = "{&^{?<{_:int}>}{?1 }2}"
_SYSLOG = Variant(
    "syslog",
    tuple(
        group
        for head, shapes in syslog.groups(_SHAPES, "exim")
        for group in (
            # Exim's own stamp behind syslog's says the year; one of ISO 8601 says that too, and the zone.
            (
                (_ISO + head + _SPLIT + "{?{&1}{_:time} }{?{&2}{_:time} }" + _BODY, shapes),
                (head + _SPLIT + "{?{&1}{time:time} }{?{&2}{time:time} }" + _BODY, shapes),
            )
            if shapes is _SHAPES
            else ((head, shapes),)
        )
    ),
)

FORMAT = Format(
    "exim",
    (_PLAIN, _SYSLOG),
    linking.assembler(
        linking.Rules(
            statuses=dict.fromkeys(_GIVEN_UP, "expired"),
            process=("host", "peer_ip", "port"),
            copied=("reject", "auth", "disconnect", "queue", "note"),  # in the rejectlog and the paniclog
        )
    ),
    needed=linking.NEEDED,
    copied=True,
)
