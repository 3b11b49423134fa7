"""OpenSMTPD 6.4 and later: the syslog lines of ``smtpd``.

    Nov 25 04:42:08 mx smtpd[315]: 3f2a7e9d1c2b3a4d smtp connected address=192.0.2.1 host=mail.example.org
    Nov 25 04:42:08 mx smtpd[315]: 3f2a7e9d1c2b3a4d smtp message msgid=11d1f1f9 size=512 nrcpt=1 proto=ESMTP

A line begins with the id of the session that wrote it, of the server's own or of one as a client; an envelope's id
(``evpid``) is its message's id and eight more digits. Which message a report is about is not logged.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from spamlab import linking, syslog
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records

_SMTP = "{connection:word} smtp "
_ENVELOPE = "evpid={queue_id:word} from={reverse_path:path} to={forward_path:path}"
_FATE = (
    ' {?rcpt={_:path} }{?source="{_}" }{?relay="{relay}" }{?user={_} }delay={delay:seconds} '
    'result={?"}{status:tag}{?"} stat={?"}{reply>~"}{?{code:code} }{?{enhanced_code:dsn} }'
)

SHAPES = (
    Shape(_SMTP + "connected address={peer_ip} host={peer_host}{!}", "connect"),
    Shape(_SMTP + "disconnected reason=quit", "disconnect"),
    Shape(_SMTP + "disconnected reason={_=timeout}", "disconnect", says=(("ended", "timeout"),)),
    Shape(_SMTP + "disconnected ", "disconnect", says=(("ended", "dropped"),)),
    Shape(_SMTP + "envelope " + _ENVELOPE, "queue"),
    Shape(_SMTP + "message msgid={queue_id:word} size={size:int}", "receive"),
    Shape(
        _SMTP + 'failed-command {_}command="{verb:tag}{?: }{? TO:{forward_path:path}}{_}" '
        'result="{reply>~"}{code:code} {?{enhanced_code:dsn} }',
        "reject",
    ),
    Shape(_SMTP + "authentication user={user} {?{_} }result=ok", "auth"),
    Shape(_SMTP + "authentication user={user} {?{_} }result={refused}{!}", "auth"),
    Shape(_SMTP + "tls ", "tls"),
    Shape("{_:word} {_=mta|mda} delivery " + _ENVELOPE + _FATE, "deliver"),
    Shape(
        "relay: Expire for {queue_id:word}: from={reverse_path:path}, to={forward_path:path}, {?rcpt={_:path}, }"
        "delay={delay:seconds}, stat={reply...}",
        "deliver",
        says=(("status", "expired"),),
    ),
    Shape(""),
)
RULES = linking.Rules(
    statuses={"ok": "delivered", "tempfail": "deferred", "permfail": "bounced", "expired": "expired"},
    process=("host", "connection"),
)


def assemble(records: Records, options: Options) -> Assembled:
    """The tables, messages told apart by the first eight digits of their envelopes' ids."""
    if "queue_id" in records.columns:
        found = records.columns["queue_id"]
        short = pc.utf8_slice_codeunits(found.values.dictionary, 0, 8).dictionary_encode()
        found.values = pa.DictionaryArray.from_arrays(short.indices.take(found.values.indices), short.dictionary)
    return linking.assembler(RULES)(records, options)


FORMAT = Format("opensmtpd", (Variant("opensmtpd", syslog.groups(SHAPES, "smtpd")),), assemble)
