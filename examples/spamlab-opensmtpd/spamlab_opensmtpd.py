"""OpenSMTPD: the syslog lines of ``smtpd``, of 6.4 and later, of 6.0 to 6.3 (``event=``) and of 5.

    Nov 25 04:42:08 mx smtpd[315]: 3f2a7e9d1c2b3a4d smtp connected address=192.0.2.1 host=mail.example.org
    Nov 25 04:42:08 mx smtpd[315]: 3f2a7e9d1c2b3a4d smtp message msgid=11d1f1f9 size=512 nrcpt=1 proto=ESMTP
    Nov 25 04:42:08 mx smtpd[315]: smtp-in: New session 3f2a7e9d1c2b3a4d from host mail.example.org [192.0.2.1]

A line begins with the id of the session that wrote it, of the server's own or of one as a client; an envelope's id
(``evpid``) is its message's id and eight more digits. Which message a report is about is not logged.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import linking, syslog, tables
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records

_ENVELOPE = "evpid={queue_id:word} from={reverse_path:path} to={forward_path:path}"
_SMTP = "{connection:word} smtp {?event=}"
_PEER = "{?address={peer_ip} host={peer_host} }"
_PATHS = "from={reverse_path:path} to={forward_path:path}"
_STAT = '{reply>~"}{?{code:code} }{?{enhanced_code:dsn}{?:} }'
_FATE = (
    ' {?rcpt={_:path} }{?source="{_}" }{?relay="{relay}" }{?user={_} }{?method={_} }delay={delay:seconds} '
    'result={?"}{status:tag}{?"} stat={?"}' + _STAT
)
_MESSAGE = _SMTP + "message " + _PEER + "msgid={queue_id:word} "
_OLD_PATHS = "from={reverse_path:path}, {?to={forward_path:path}, }"
_OLD_MESSAGE = (
    "smtp-in: Accepted message {queue_id:word} on session {connection:word}: " + _OLD_PATHS + "size={size:int}"
)
_OLD_FAILED = 'smtp-in: Failed command on session {connection:word}: "{verb:tag}{?: }{? TO:{forward_path:path}}{_}" => '
_OLD_FATE = (
    " for {queue_id:word}: {?session={_:tag}, }from={reverse_path:path}, to={forward_path:path}, {?rcpt={_:path}, }"
    "{?source={_}, }{?relay={relay}, }{?user={_}, }{?method={_}, }delay={delay:seconds}, stat=" + _STAT
)

SHAPES = (
    Shape(_SMTP + "connected address={peer_ip} host={peer_host}{!}", "connect"),
    Shape(_SMTP + "{_=disconnected|closed} " + _PEER + "reason=quit", "disconnect"),
    Shape(
        _SMTP + "{_=disconnected|closed} " + _PEER + "reason={_=timeout}", "disconnect", says=(("ended", "timeout"),)
    ),
    Shape(_SMTP + "{_=disconnected|closed} ", "disconnect", says=(("ended", "dropped"),)),
    Shape(_SMTP + "envelope " + _ENVELOPE, "queue"),
    Shape(_MESSAGE + "{?" + _PATHS + " }size={size:int}", "receive"),
    Shape(
        _SMTP + 'failed-command {_}command="{verb:tag}{?: }{? TO:{forward_path:path}}{_}" '
        'result="{reply>~"}{code:code} {?{enhanced_code:dsn}{?:} }',
        "reject",
    ),
    Shape(_SMTP + "authentication " + _PEER + "user={user} {?{_} }result=ok", "auth"),
    Shape(_SMTP + "authentication " + _PEER + "user={user} {?{_} }result={refused}{!}", "auth"),
    Shape(_SMTP + "{_=tls|starttls} ", "tls"),
    Shape("{_:word} {_=mta|mda} {?event=}delivery " + _ENVELOPE + _FATE, "deliver"),
    Shape("smtp-in: New session {connection:word} from host {peer_host} [{peer_ip}]{!}", "connect"),
    Shape("smtp-in: Closing session {connection:word}{!}", "disconnect"),
    Shape("smtp-in: Disconnecting session {connection:word}: {_}timeout", "disconnect", says=(("ended", "timeout"),)),
    Shape(
        "smtp-in: {_=Received disconnect from|Disconnecting|Ending} session {connection:word}",
        "disconnect",
        says=(("ended", "dropped"),),
    ),
    Shape(_OLD_MESSAGE, "receive"),
    Shape(_OLD_FAILED + "{reply>}{code:code} {?{enhanced_code:dsn}{?:} }", "reject"),
    Shape("smtp-in: Accepted authentication for user {user} on session {connection:word}", "auth"),
    Shape("smtp-in: {refused} for user {user} on session {connection:word}", "auth"),
    Shape("smtp-in: Started TLS on session {connection:word}:", "tls"),
    Shape("relay: Expire" + _OLD_FATE, "deliver", says=(("status", "expired"),)),
    Shape("{_=relay|delivery}: {status:tag}" + _OLD_FATE, "deliver"),
    Shape(""),
)
RULES = linking.Rules(
    statuses={"ok": "delivered", "tempfail": "deferred", "permfail": "bounced", "expired": "expired"},
    process=("host", "connection"),
)


def assemble(records: Records, options: Options) -> Assembled:
    """The tables, messages told apart by the first eight digits of their envelopes' ids.

    Versions before 6.4 log a message once for each of its recipients: it arrives once.
    """
    if "queue_id" in records.columns:
        found = records.columns["queue_id"]
        short = pc.utf8_slice_codeunits(found.values.dictionary, 0, 8).dictionary_encode()
        found.values = pa.DictionaryArray.from_arrays(short.indices.take(found.values.indices), short.dictionary)
        arrives = np.flatnonzero(records.kinds() == tables.KINDS.index("receive"))
        again = pd.Series(records.codes("queue_id", arrives)).duplicated().to_numpy()
        records.shape[arrives[again]] = [shape.kind for shape in records.shapes].index("queue")
    return linking.assembler(RULES)(records, options)


FORMAT = Format("opensmtpd", (Variant("opensmtpd", syslog.groups(SHAPES, "smtpd")),), assemble)
