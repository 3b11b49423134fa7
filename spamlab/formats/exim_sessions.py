r"""What Exim logs of its clients and their sessions: connections, refusals by ACLs, logins, errors of protocol.

    SMTP connection from [192.0.2.1]:3021 (TCP/IP connection count = 1)
    H=mx.example.net (helo) [192.0.2.1]:3021 F=<a@example.net> rejected RCPT <b@example.com>: relay not permitted
    login authenticator failed for (helo) [192.0.2.1]:3021: 535 Incorrect authentication data (set_id=joe)

Facts: ``smtp_in.c``, ``daemon.c``, ``receive.c`` and ``host_and_ident()`` of the sources.
"""

from __future__ import annotations

from spamlab.notation import Shape

PEER = "{?{peer_host:name} }{?({helo}) }[{peer_ip}]{?:{port:int}}{?:{_:tag}}"
_WHERE = "{? I=[{_}]{?:{_:tag}}}{? Ci={_:name}}{? U={_:tag}}{? Ci={_:name}}"
_FROM = "from {?TFO }{?TFO* }" + PEER + "{? (via inetd)}" + _WHERE + "{? D={_:tag}}"
_SNI = "{? SNI={?{_:quoted}}{?{_:tag}}}"
_TLS = (
    "{? X={tls:name}{?*}}{? CV={_:tag}}"
    + _SNI
    + "{? DN={_:quoted}}"
    + _SNI
    + "{? PRX={_:name}}{? A={authenticator:tag}{?:{user}{& F=}}}"
)
CODE = "{code:code}{?-}{? }{?{enhanced_code:dsn}}"
SAID = "{&?" + CODE + "}"
_WHY = ": " + SAID + "{reply...}"
_WHY_AFTER = "{?{_}" + _WHY + "}"
_DROPPED = (("ended", "dropped"),)
_WHO = (
    "{? DS}{?DS}H=" + PEER + _WHERE + _TLS + "{? F={reverse_path:path}}"
    "{? A={authenticator:tag}{?:{user}{& rejected }}{?:{user}{& temporarily rejected }}"
    "{?:{user}{& }}}",  # who logs in can have any name
    "{&F=}F={reverse_path:path}{? U={_:tag}}{? H=" + PEER + _WHERE + "}{? P={_:tag}}",
    "U={_:tag}{? F={reverse_path:path}}",
)
_AUTH = "{?AUTH {_:tag}{text<} }"  # what a client says to log in is not kept
_FLAGGED = "{? H=" + PEER + _WHERE + "}"


def _acl(action: str, kind: str = "reject", *says: tuple[str, str]) -> list[Shape]:
    """What an ACL says of a client, or of a local process."""
    return [Shape(who + action, kind, says=says) for who in _WHO]


def _verb(name: str) -> tuple[str, str]:
    return ("verb", name)


_REFUSED = " {?temporarily }rejected "
_ONE = _REFUSED + "{verb=RCPT} "
_VERBS = "{verb=MAIL|EHLO|HELO|VRFY|EXPN|ETRN|ATRN|AUTH|STARTTLS|DATA|QUIT|DKIM|MIME}"
_TOO_SOON = "SMTP protocol {?violation: }synchronization error ({_}): "
_NOTED = "Warning: |sender verify |recipient verify |incomplete transaction "

SESSIONS = (
    Shape("SMTP connection{? Ci={_:name}} " + _FROM + " (TCP/IP connection count", "connect"),
    Shape("SMTP connection{? Ci={_:name}} " + _FROM + " closed by QUIT", "disconnect"),
    *_acl(_ONE + "{&<}{forward_path:path}" + _WHY),
    *_acl(_ONE + "{&<}{forward_path:path}{& }" + _WHY_AFTER),
    *_acl(_ONE + "<{forward_path}>{!}"),
    *_acl(_ONE + "{?<}{forward_path}" + _WHY),  # cut off after 100 octets
    *_acl(_REFUSED + "after {verb=DATA}" + _WHY_AFTER),
    *_acl(_REFUSED + _VERBS + "{? {&<}{_:path}}" + _WHY_AFTER),
    *_acl(_REFUSED + "connection" + _WHY_AFTER, "reject", *_DROPPED),
    *_acl(_REFUSED + "{_=by|during} " + _WHY_AFTER),
    Shape("local_scan() function {_} - message temporarily rejected", "reject"),
    *_acl(" dropped by " + _WHY_AFTER, "reject", *_DROPPED),
    *_acl(" {verb=RCPT} {forward_path:path}{_}: discarded by {_} ACL{?" + _WHY + "}", "queue", ("status", "discarded")),
    *_acl(" {_=" + _NOTED + "}", "note"),
    *(
        Shape(
            "{refused:tag} {?\t}authenticator failed for {?{?H=}" + PEER + "}{_}: " + who + SAID + "{reply...}",
            "auth",
            says=(_verb("AUTH"),),
        )
        for who in ("{&?435 {_} (set_id={user}): }{&435 }", "{&?{_} (set_id={user~)}}")
    ),
    Shape(
        "SMTP connection{? Ci={_:name}} " + _FROM + "{? TFO} {_=lost|closed by|closed after}",
        "disconnect",
        says=_DROPPED,
    ),
    Shape("unexpected {_=disconnection|EOF} while reading SMTP command " + _FROM, "disconnect", says=_DROPPED),
    Shape("SMTP connection lost after final dot{? DS} H=" + PEER, "disconnect", says=_DROPPED),
    Shape("no MAIL in {?TFO }{?TFO* }SMTP connection " + _FROM + "{?{_} C={verbs...}}"),
    Shape(
        "SMTP {_=command|data} timeout{? (message abandoned)} on{? TLS} connection " + _FROM,
        "disconnect",
        says=(("ended", "timeout"),),
    ),
    Shape(
        "SMTP call " + _FROM + ' dropped: {?{_}(last{? command} was {&?"' + _AUTH + "}{_:quoted}{?,  C={verbs~)}}}",
        "disconnect",
        says=_DROPPED,
    ),
    # A client's line stands in quotes that it can close itself: where there are two ends, neither is trusted.
    Shape('SMTP {_=syntax|protocol} error in "' + _AUTH + '{_}" H={_}" H='),
    Shape('SMTP {_=syntax|protocol} error in "' + _AUTH + '{_}" H=' + PEER),
    Shape(
        _TOO_SOON + "rejected connection from H=" + PEER + '{? input="' + _AUTH + "}",
        "reject",
        says=_DROPPED,
    ),
    Shape(_TOO_SOON + 'rejected "' + _AUTH + '{_}" H={_}" H=', "reject", says=_DROPPED),
    Shape(_TOO_SOON + 'rejected "' + _AUTH + '{_}" H=' + PEER, "reject", says=_DROPPED),
    Shape("{?temporarily }rejected {verb:word} " + _FROM + _WHY_AFTER, "reject"),
    Shape('{?temporarily }rejected "{verb:word} {_}" ' + _FROM, "reject"),
    Shape("{?temporarily }rejected {verb:word} FROM:{reverse_path:path}" + _FLAGGED + _WHY_AFTER, "reject"),
    Shape("rejected from {reverse_path:path}{? }{?H=" + PEER + "}" + _WHY_AFTER, "reject", says=(_verb("DATA"),)),
    Shape("{?temporarily }rejected {verb:word}{? command}" + _FLAGGED + _WHY_AFTER, "reject"),
    Shape("unqualified sender rejected: {reverse_path:path}" + _FLAGGED, "reject", says=(_verb("MAIL"),)),
    Shape("unqualified recipient rejected: {forward_path:path}" + _FLAGGED, "reject", says=(_verb("RCPT"),)),
    Shape("unqualified verify rejected: {_:path}" + _FLAGGED, "reject", says=(_verb("VRFY"),)),
    Shape(
        "too many recipients: {_=message|excess temporarily} rejected: sender={reverse_path:path}" + _FLAGGED,
        "reject",
        says=(_verb("RCPT"),),
    ),
    # as Exim 3 says it
    Shape(
        "refused relay ({_}) to {forward_path:path} from {reverse_path:path}" + _FLAGGED,
        "reject",
        says=(_verb("RCPT"),),
    ),
    Shape(
        "verify failed for SMTP recipient {forward_path} from {reverse_path:path}" + _FLAGGED,
        "reject",
        says=(_verb("RCPT"),),
    ),
    Shape("recipients refused " + _FROM, "reject", says=(_verb("RCPT"),)),
    Shape("VRFY failed for {_}" + _FLAGGED, "reject", says=(_verb("VRFY"),)),
    Shape("{?temporarily }refused connection " + _FROM + _WHY_AFTER, "reject", says=_DROPPED),
    Shape("Connection " + _FROM + " {?temporarily }refused" + _WHY_AFTER, "reject", fold=True, says=_DROPPED),
    Shape("TLS error on connection " + _FROM),
)
