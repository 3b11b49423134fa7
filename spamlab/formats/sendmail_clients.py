r"""What Sendmail logs of its clients: connections, logins, refusals by rulesets and milters, how they leave.

    NOQUEUE: connect from mx.example.net [192.0.2.1]
    42B0010a001003: ruleset=check_rcpt, arg1=<b@example.com>, relay=mx.example.net [192.0.2.1], reject=550 5.7.1 no

Facts: ``srvrsmtp.c``, ``collect.c``, ``milter.c`` and ``usrerr()`` of the sources. What clients write (a login, an
argument) comes before the relay: the last relay counts.
"""

from __future__ import annotations

from spamlab.notation import Shape

PEER = "{?{_:name}@}{?{peer_host:name} }{? }[{?IPv6:}{peer_ip}]{? (may be forged)}"
_CODE = "{code:code}{?-}{? }{?{enhanced_code:dsn}}"
REPLY = "{&?" + _CODE + "}{reply...}"
_RCPT, _MAIL = (("verb", "RCPT"),), (("verb", "MAIL"),)
_DROPPED, _TIMEOUT = (("ended", "dropped"),), (("ended", "timeout"),)
_COLLECT, _FROM = "{?SYSERR({_}): }collect: ", " on connection from {?" + PEER + "}"
_WROTE = "{?" + PEER + ": }<-- "  # at level 15 and more
_UNKNOWN = "User unknown|No such user|Cannot mail directly to |Hostname required|Unbalanced "  # given without brackets

CLIENTS = (
    Shape("connect from " + PEER, "connect"),
    *(
        Shape(
            "ruleset=check_" + what + "{^{&, }|{" + path + ":path}}, relay=" + PEER + ", reject=" + REPLY,
            "reject",
            says=verb,
        )
        for what, path, verb in (("rcpt, arg1=", "forward_path", _RCPT), ("mail, arg1=", "reverse_path", _MAIL))
    ),
    *(  # before Sendmail 8.9
        Shape("ruleset=check_" + what + ") rejection: " + REPLY, "reject", says=verb)
        for what, verb in (
            ("rcpt ({^{&<}{forward_path:path}|{forward_path}{&) rejection}}", _RCPT),
            ("mail ({^{&<}{reverse_path:path}|{reverse_path}{&) rejection}}", _MAIL),
            ("relay ({^unknown|{peer_host:name}}, {peer_ip}", ()),
        )
    ),
    Shape("ruleset={_=tls_server|tls_rcpt|try_tls}, "),  # of a server that mail goes to: the delivery tells
    Shape("ruleset={_:name}, {?arg1={_:path}, }{?arg2={_:path}, }relay=" + PEER + ", reject=" + REPLY, "reject"),
    # Masked: <<joe>>
    Shape("ruleset=check_rcpt, arg1=<{forward_path}>, relay={_}, reject=" + REPLY, "reject", says=_RCPT),
    Shape("ruleset=check_mail, arg1=<{reverse_path}>, relay={_}, reject=" + REPLY, "reject", says=_MAIL),
    Shape("ruleset={_}, reject=" + REPLY, "reject"),
    Shape("ruleset={_:name}, {?arg1={_:path}, }{?arg2={_:path}, }relay=" + PEER + ", ", "queue"),
    Shape("{&<}{forward_path:path}... {reply...}", "reject", says=_RCPT),
    Shape("Too many recipients{!}", "reject", says=_RCPT),  # MaxRecipientsPerMessage: said of each, named is none
    Shape(
        "AUTH failure ({refused}): {reply}{?{&, user=}, {*>, |user={user}|relay=" + PEER + "}}"
        "{?{&, relay=}, {*>, |relay=" + PEER + "}}",
        "auth",
        says=(("verb", "AUTH"),),
    ),
    Shape("AUTH=server, relay=" + PEER + ", authid={user}, mech=", "auth", says=(("verb", "AUTH"),)),
    Shape("STARTTLS=server, relay=" + PEER + ", version=", "tls", says=(("verb", "STARTTLS"),)),
    Shape("lost input channel from " + PEER + "{? to {_} after {verb:word}}", "disconnect", says=_DROPPED),
    Shape("timeout waiting for input from {_} during client "),
    Shape("timeout waiting for input from {?" + PEER + "}", "disconnect", says=_TIMEOUT),
    Shape("{?SYSERR({_}): }collect: relay=" + PEER + ", from={_:path}, info=read timeout", "disconnect", says=_TIMEOUT),
    Shape(_COLLECT + "read timeout" + _FROM, "disconnect", says=_TIMEOUT),
    Shape("{?SYSERR({_}): }collect: relay=" + PEER, "disconnect", says=_DROPPED),
    Shape(_COLLECT + "{_=unexpected close|I/O error}" + _FROM, "disconnect", says=_DROPPED),
    Shape("Milter: to={forward_path:path}, reject=" + REPLY, "reject", says=_RCPT),
    Shape("Milter: from={reverse_path:path}, reject=" + REPLY, "reject", says=_MAIL),
    Shape("Milter: {verb=data}, reject=" + REPLY, "reject"),
    Shape(
        "Milter: connect: host={?{peer_host:name}{&,}}{_}, addr={peer_ip}, "
        "{_=reject|temp failing|shutdown}{?ing}{? commands}{?=" + REPLY + "}",
        "reject",
    ),
    Shape("Milter: {_}, reject{?=" + REPLY + "}", "reject"),
    Shape("Milter: {^to={forward_path:path}|from={reverse_path:path}|{_:name}}, discard{!}", "queue"),
    Shape("{_=message size|headers too large|invalid domain name} (", "reject"),
    Shape("rejecting {_:word} from " + PEER, "reject"),
    Shape("tcpwrappers ({^unknown, |{peer_host:name}, |{_}, }{?IPv6:}{peer_ip}) rejection", "reject"),
    Shape(PEER + " did not issue MAIL/"),
    Shape("Null connection from " + PEER),  # the same of old
    Shape("STARTTLS=server, error: {_}, relay=" + PEER),
    Shape(PEER + ": {_=possible SMTP attack|probable open proxy}: command={verb:name}"),
    Shape(PEER + ": Possible SMTP RCPT flood"),
    Shape(PEER + ": {verb=EXPN|VRFY|ETRN}{? {_}{& [rejected]}} [rejected]", "reject", fold=True),
    Shape(PEER + ": {verb=EXPN|VRFY|ETRN}", "command", fold=True),
    Shape(_WROTE + "{_=EHLO|HELO} {helo}{!}", fold=True),
    Shape(_WROTE + "QUIT{!}", says=(("ended", "quit"),), fold=True),
    Shape(_WROTE + "AUTH {_:tag}{text<}", fold=True),  # what follows is secret
    Shape("{?" + PEER + ": }{_=<-- |--- |SYSERR(}"),
    *(Shape(who + "... {&^{^" + _UNKNOWN + "}}{reply...}", "reject", says=_RCPT) for who in ("", "{forward_path}")),
    Shape(
        '{_=Syntax error|8-bit character} in mailbox address "{^{&<}{forward_path:path}|{forward_path:inside}}"',
        "reject",
        says=_RCPT,
    ),
)
