"""Postfix: syslog or ``maillog_file`` lines of its daemons, also among other programs' lines.

    Jul 07 13:42:53 mx postfix/smtpd[269]: 4F5C64474F: client=host.example.com[192.0.2.1]
    Jul 07 13:42:53 mx postfix/qmgr[311]: 4F5C64474F: from=<a@example.com>, size=1315, nrcpt=1 (queue active)

Facts: postconf(5) (delay_logging_resolution_limit, enable_long_queue_ids, maillog_file), postlogd(8), the sources'
log messages. Texts that anyone on the network writes (HELO names, addresses, replies) come last in their lines or in
brackets that a quoted string cannot close.
"""

from __future__ import annotations

from spamlab import linking, syslog
from spamlab.notation import Shape, Variant
from spamlab.records import Format

_PEER = "{? }{^[|{peer_host}[}{?[}{peer_ip}]{?]}{?:{_:int}}"  # also as people mask or shorten it
_ALONE = "[{_}]:{_:int}"  # postscreen's clients have no name yet, and no session
_LOGIN = "{?, {*, |sasl_username={user}|sasl_method={_}|orig_queue_id={_}}}"
_CLIENT = "{?{?,} helo={?{helo:path}}}{?{?,} sasl_method={_:tag}}{?{?,} sasl_username={^<{user}>|{user}}}"
_PATH = "to={?<{&<}}{forward_path:path}{?>}"  # VRFY logs its argument's own brackets, too
_REST = "{?{?,} " + _PATH + "}{?{?,} proto={_:tag}}" + _CLIENT
_REASON = (
    ": {reply>}{?{code:code} }{?{enhanced_code:dsn} }"
    # Where the brackets were lost: what ends the line is the server's.
    "{^{_}{reply<}; from={&^{_:name}}{reverse_path:path} to={forward_path:path} proto={_:tag} helo={helo:path}{!}|"
    # Versions before 2.1 name a recipient whom they refuse only there.
    "{?{&<}{forward_path:path}: {&^{^Recipient address rejected|Relay access denied|User unknown}}}"
    "{?{&<}{_:path}: }{_}{reply<}"
    "{?{&; from=<}; from={reverse_path:path}" + _REST + "}{?{&; to=<}; " + _PATH + _REST + "}"
    "{?; proto={_:tag}" + _CLIENT + "}{?; from= {?to= }proto={_:tag}" + _CLIENT + "}}"
)
_ACTIONS = (
    ("{?: }{_=reject|milter-reject|milter-header-reject|milter-body-reject|proxy-reject}", "reject", ()),
    ("{?: }{_=hold|milter-hold|milter-header-hold|milter-body-hold}", "queue", (("status", "held"),)),
    ("{?: }{_=discard|milter-discard|milter-header-discard|milter-body-discard}", "queue", (("status", "discarded"),)),
)
# Of a header or body line, whose text is anyone's: where it holds what the envelope begins with, neither is trusted.
_CHECKED = ": {_=header|mime-header|nested-header|mime-error|body|content} {_}; from="
_ENVELOPE = (
    "{reverse_path:path}{? to={forward_path:path}}"
    "{? proto={_:tag}{? helo=<{?[}{_:name}{?]}>}}{?: {reply>}{?{enhanced_code:dsn} }{_}{reply<}}"
)
_SAID = (
    "{?delivery temporarily suspended: }{?{^host {_}said|host {_} refused to talk to me"
    "|connect to {_}: server refused to talk to me|SASL authentication failed; server {_}said"
    "|TLS is required, but host {_} refused to start TLS}: }{?{code:code}}"
)
_DELAYS = "{delay_before_queue:seconds}/{delay_in_queue:seconds}/{delay_connect:seconds}/{delay_transmit:seconds}"
_TO = "to={forward_path:path}, {?orig_to={orig_to:path}, }{?relay=none, }{?relay={relay}, }{?conn_use={_:int}{?,} }"
_WAITED = "delay={delay:seconds}, {?delays=" + _DELAYS + ", }"
_STATUS = "status={status:tag}{?{? }({reply>~)}" + _SAID + "}"

_ODD = (
    "{&^{_}status={_:tag}}{*, |orig_to={orig_to:path}{&, }|orig_to={_}|relay=none|relay={relay}"
    "|delay={delay:seconds}{&, }|delays=" + _DELAYS + "{&, }|dsn={enhanced_code:dsn}{&, }|" + _STATUS + "{_...}}"
)  # fmt: skip

_SHAPES = (
    Shape(_TO + _WAITED + "{?tls={_}, }{?dsn={enhanced_code:dsn}, }" + _STATUS, "deliver"),
    Shape("to={forward_path:path}, " + _ODD, "deliver"),  # a clock set back, fields nobody knows
    Shape("from={reverse_path:path}{?, size={size:int}}{^, nrcpt={_:int}| (}", "queue"),  # of old without nrcpt
    Shape("from={reverse_path:path}, status={status:tag}", "queue"),
    Shape("message-id=<{message_id}>{!}", "queue"),
    Shape("message-id=<{message_id}>{^ (|+}", "queue"),
    Shape("message-id=<{message_id~>}", "queue"),
    Shape("message-id={message_id...}", "queue"),
    Shape("removed{!}", "remove"),
    Shape("client=" + _PEER + _LOGIN, "receive"),
    Shape("uid={_:int} from={reverse_path:path} orig_id={requeued_id:id}", "queue"),  # postsuper -r: no new arrival
    Shape("uid={_:int} from={reverse_path:path}", "receive"),
    Shape("requeued{!}", "queue"),
    Shape("connect from " + _PEER, "connect"),
    Shape(
        "disconnect from " + _PEER + "{? {* |rset={resets:given}|quit={quits:given}|commands={commands:given}}}",
        "disconnect",
    ),
    *(
        Shape(action + ": {^bare <LF> received|{verb:word}}{? from " + peer + "}" + _REASON, kind, says=says)
        for action, kind, says in _ACTIONS
        for peer in (_ALONE, _PEER)
    ),
    *(
        Shape(action + checked, kind, says=says)
        for action, kind, says in _ACTIONS
        for checked in (_CHECKED + "<{_}; from=<", _CHECKED + _ENVELOPE, ": ")
    ),
    *(
        Shape("{?: }{_=" + how + "} after {verb:word}{? ({_})} from " + _PEER, says=(("ended", ended),))
        for how, ended in (("lost connection|too many errors|bare <LF> received", "dropped"), ("timeout", "timeout"))
    ),
    Shape("improper command pipelining after {verb:word} from " + _PEER),
    Shape(
        "warning: " + _PEER + ": SASL {refused} authentication {?temporarily }{_=failed|aborted}"
        "{?: {reply>}{_}{reply<}{?, sasl_username={user}}}",
        "auth",
        says=(("verb", "AUTH"),),
    ),
    Shape(
        "{?{_=Anonymous|Trusted|Untrusted|Verified} }TLS connection {_=established|reused} from "
        + _PEER
        + "{^: | to {_}: }",  # the name it asked for (SNI)
        "tls",
    ),
    Shape("{?{_=Anonymous|Trusted|Untrusted|Verified} }TLS connection {_=established|reused} to ", "tls"),
    Shape("{_=sender|postmaster} delay notification: {report_id:id}", "report", says=(("report", "delay"),)),
    Shape("sender non-delivery notification: {report_id:id}", "report", says=(("report", "ndr"),)),
    Shape("postmaster non-delivery notification: {report_id:id}", "report", says=(("report", "postmaster"),)),
    Shape("sender delivery status notification: {report_id:id}", "report", says=(("report", "success"),)),
    # To go through a filter first: the message has an id, and has arrived, when that gives it back.
    Shape(": client=" + _PEER + "{&, sasl_}" + _LOGIN, "auth", says=(("verb", "AUTH"),)),
    Shape(": client=" + _PEER),
    # Addresses that are none: masked, as in <joe@<domain>>, or lost, for a page took them for its own marks.
    Shape(
        "from={^{reverse_path:path}, |<{reverse_path}>, |, }"
        "{*, |size={size:int}{&, }|nrcpt={_:int}|status={status:tag}}",
        "queue",
    ),
    Shape("to={^<{forward_path}>, |, }" + _ODD, "deliver"),
    Shape("message-id={!}", "queue"),
    Shape("{_=warning|fatal}: {queue_id:id}: "),
    Shape(""),
)
# Whatever stands before what only a queue's line says is an id, too.
_OWN = "client=|from=<|message-id=|removed{!}|to=<|uid={_:int} from=<|milter-reject: "
_ID = "{?{^{queue_id:id}: |{queue_id:tag}: {&^{^" + _OWN + "}}}}"
# Daemons whatever syslog_name they have; Cyrus has an lmtp, too: of such a name only deliveries. Without a process id
# what they say must be Postfix's.
_DAEMON = (
    "{_:name}/{?{_:name}/}{^{_=anvil|bounce|cleanup|dnsblog|oqmgr|pickup|postscreen|postsuper|qmgr|qmqpd|scache|smtp|smtpd|tlsmgr"
    "|tlsproxy|trivial-rewrite|verify}{^[|: {^{_:id}: |connect from |disconnect from |NOQUEUE: }}"
    "|{_=discard|error|lmtp|local|pipe|virtual}{?[{_:int}]}: {_:tag}: to=}"
)
_HEADED = tuple(
    (head + "{?NOQUEUE{&: }}" + _ID if shapes is _SHAPES else head, shapes)
    for head, shapes in syslog.groups(_SHAPES, "postfix", "/postfix", rarely=(_DAEMON,), parted=True)
)

_RULES = linking.Rules(
    statuses={
        "sent": "delivered",
        "deferred": "deferred",
        "bounced": "bounced",
        "softbounce": "deferred",
        "expired": "expired",
        "force-expired": "expired",
        "deliverable": "probed",
        "undeliverable": "probed",
    },
    serves="smtpd",
    starts=("receive", "reject", "auth", "disconnect", "tls", "note"),
)


FORMAT = Format("postfix", (Variant("postfix", _HEADED),), linking.assembler(_RULES), needed=linking.NEEDED)
