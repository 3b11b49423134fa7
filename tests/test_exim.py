"""The Exim reader: odd lines of Exim's own test suite, made lines of every shape, forgeries, whole corpora."""

import functools
import io
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import spamlab
from spamlab import engine, native
from spamlab.formats import load
from spamlab.scan import Scanner
from spamlab.summary import totals

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
SUITE = SHARED / "corpus" / "exim" / "exim-testsuite"
corpus = pytest.mark.skipif(not SUITE.is_dir(), reason="../shared is not here")


@functools.cache
def scanner(variant):
    """A variant's scanner, translated once."""
    return Scanner(variant)


def fields(name, line):
    """What a format reads from one line: the fields, the event's kind and what its shape says."""
    found = {}
    for variant in load(name).variants:
        lines = scanner(variant).run(line if isinstance(line, bytes) else line.encode())
        if lines.events and (not found or found["weak"]):
            shape = variant.shapes[int(lines.shape[0])]
            found = {"kind": shape.kind, "weak": shape.weak} | dict(shape.says)
            for column, field in lines.columns.items():
                if 0 in field.rows:
                    value = field.values[0]
                    found[column] = value.as_py() if hasattr(value, "as_py") else int(value)
    return found


def expect(found, expected):
    """Compare the fields that are named; ``None``: must be absent."""
    assert {key: found.get(key) for key in expected} == expected


def same_when_compiled(name, octets):
    """Whether the plain and the compiled scanner read the same."""
    for variant in load(name).variants:
        with engine.only("plain"):
            plain = scanner(variant).run(octets)
        with engine.only("compiled"):
            compiled = scanner(variant).run(octets)
        assert plain.columns.keys() == compiled.columns.keys()
        for column, field in plain.columns.items():
            one, other = field.values, compiled.columns[column].values
            assert (field.rows == compiled.columns[column].rows).all(), column
            assert (one == other).all() if isinstance(one, np.ndarray) else one.equals(other), column
        for column in ("line", "lines", "shape", "what"):
            assert (getattr(plain, column) == getattr(compiled, column)).all(), column


def read(*lines, **options):
    return spamlab.read(io.BytesIO("".join(line + "\n" for line in lines).encode()), **options)


R, D = "receive", "deliver"
LOCAL = "127.0.0.1 [127.0.0.1]"
LINES = [  # hand-checked: file, line, what it holds
    ("0514", 1, {"kind": R, "reverse_path": '"spaced user"@myhost.test.ex', "size": None, "peer_ip": None}),
    ("0040", 4, {"kind": R, "reverse_path": "jc@rome", "original_id": None}),
    ("0032", 3, {"kind": R, "reverse_path": "", "original_id": "10HmaX-000000005vi-0000"}),
    ("0178", 10, {"kind": R, "reverse_path": "CALLER@test.ex", "message_id": None}),
    ("0604", 4, {"kind": R, "message_id": "E10HmbA-000000005vi-0000@myhost.test.ex"}),
    ("0159", 14, {"kind": R, "helo": "[ip4.ip4.ip4.ip4]", "peer_host": None, "peer_ip": "ip4.ip4.ip4.ip4"}),
    ("4030", 16, {"kind": R, "helo": "clientname", "peer_ip": "127.0.0.2", "port": 10005}),
    ("0112", 2, {"kind": D, "status": "delivered", "forward_path": "pipe@test.ex", "orig_to": None}),
    ("4127", 6, {"kind": D, "status": "delivered", "forward_path": "system-filter"}),
    ("4111", 18, {"kind": D, "forward_path": "page+ux@test.ex", "orig_to": None}),
    ("5408", 15, {"kind": D, "forward_path": "userx@domain.com", "orig_to": "rrruserx@domain.com", "code": 250}),
    ("0256", 11, {"kind": D, "forward_path": "abc@def", "orig_to": '"abc@def"@unknown.domain'}),
    ("4143", 5, {"kind": D, "status": "discarded", "forward_path": "userx@test.ex"}),
    ("0006", 5, {"kind": D, "status": "discarded", "forward_path": "devnull@the.local.host.name"}),
    ("0218", 6, {"kind": D, "relay": LOCAL, "code": 250, "reply": "250 OK"}),
    ("0321", 2, {"kind": D, "status": "bounced", "forward_path": r"|/bin/cat\ /etc/aliases\ @test.ex"}),
    ("5204", 2, {"kind": D, "status": "bounced", "forward_path": '"FAIL cannot route this one (FAIL)"@some.host'}),
    ("0106", 3, {"kind": D, "status": "deferred", "forward_path": "userx@domain1.com", "relay": LOCAL, "code": None}),
    ("0264", 35, {"kind": D, "status": "deferred", "relay": None, "reply": "retry time not reached"}),
    ("9901", 10, {"kind": D, "status": "deferred", "code": 421, "queue_id": "10HmaY-0005vi-00"}),
    ("4550", 2, {"kind": D, "status": "bounced", "code": 550, "forward_path": "baduser@test.ex"}),
    ("0135", 9, {"kind": D, "forward_path": "b@known.ex", "reply": "retry timeout exceeded"}),
    ("0536", 33, {"kind": D, "status": "bounced", "code": 590, "enhanced_code": "5.4.3"}),
    ("0416", 9, {"kind": D, "status": None, "forward_path": None}),
    ("0416", 11, {"kind": "queue", "status": "discarded", "forward_path": "discard@p.q"}),
    ("0637", 4, {"kind": "reject", "verb": "MAIL", "peer_ip": "127.0.0.1"}),
    ("0473", 9, {"kind": "reject", "verb": "RCPT", "forward_path": "r11@two.test.ex", "code": None}),
    ("1001", 15, {"kind": "reject", "verb": "EHLO", "helo": "[IPV6:V6NET:0:12:1:a00:20ff:fe86:a062]"}),
    ("3551", 8, {"kind": "auth", "code": 535, "user": r"\001rserx", "peer_ip": "10.0.0.1"}),
    ("4034", 29, {"kind": "disconnect", "ended": "dropped", "port": 10002}),
    ("0562", 4, {"kind": "disconnect", "ended": "timeout", "helo": "abcd"}),
    ("0547", 10, {"kind": "note", "verbs": "EHLO,VRFY,QUIT"}),
    ("0206", 16, {"kind": "queue", "status": "expired"}),
]  # fmt: skip


@corpus
@pytest.mark.parametrize(("name", "line", "expected"), LINES)
def test_odd_lines_of_the_corpus(name, line, expected):
    text = (SUITE / f"{name}.mainlog").read_bytes().split(b"\n")[line - 1]
    expect(fields("exim", text), expected)


@corpus
def test_the_whole_corpus_adds_up_and_no_spine_line_is_a_note():
    log = spamlab.read(sorted(SUITE.glob("*.mainlog")), format="exim")
    sources = log.sources
    assert (sources["lines"] == sources["event_lines"] + sources["ignored_lines"] + sources["unparsed_lines"]).all()
    lines = [line for path in SUITE.glob("*.mainlog") for line in path.read_bytes().split(b"\n")]
    stamped = [line for line in lines if re.match(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line)]
    assert len(log.events) == len(stamped) == 7539  # every stamped line is an event, no other begins one
    assert not log.unparsed["text"].str.match(r"\d{4}-\d\d-\d\d").any()
    spine = log.events["text"].str.contains(r"^(?:\S{16}|\S{23}) (?:<=|\(=|=>|->|>>|\*>|\*\*|==|Completed)")
    assert (log.events.loc[spine, "kind"].isin(["receive", "deliver", "remove"])).all()
    assert (~spine & log.events["kind"].isin(["receive", "deliver", "remove"])).sum() == 0
    count = {
        flag: log.events["text"].str.contains(rf"^\S+ {re.escape(flag)} ").sum() for flag in ("<=", "(=", "**", "==")
    }
    assert (log.events["kind"] == "receive").sum() == count["<="] + count["(="]
    gone = log.recipients.dropna(subset="reply").query("status in ['bounced', 'expired']")
    given_up = gone["reply"].str.contains(
        "^(?:retry timeout exceeded|all hosts .* have been failing|.* long failure period)"
    )
    assert (log.recipients["status"] == "bounced").sum() + given_up.sum() == count["**"]
    assert (gone.loc[given_up, "status"] == "expired").all() and given_up.sum() > 20
    assert (log.recipients["status"] == "deferred").sum() == count["=="]


@corpus
@pytest.mark.skipif(not native.able(), reason="Numba is not installed")
def test_plain_and_compiled_read_the_corpus_alike():
    same_when_compiled("exim", b"".join(path.read_bytes() for path in sorted(SUITE.glob("*.mainlog"))[::3]))


@pytest.mark.skipif(not (SHARED / "cases").is_dir(), reason="../shared is not here")
def test_four_lines_of_one_session():
    log = spamlab.read(SHARED / "cases" / "exim-syslog-ng.log")
    assert log.events["session"].tolist() == [0, 0, 0, 0]
    session = log.sessions.iloc[0]
    assert (session["commands"], session["resets"], session["ended"], session["helo"]) == (3, 0, "quit", "User")


ID, LONG = "1rjT5F-003qKK-8B", "1rjT5F-00000003qKK-8Bcd"
CLIENT = "mx.example.net (helo.example.net) [192.0.2.1]:3021"
PEER = {"peer_host": "mx.example.net", "helo": "helo.example.net", "peer_ip": "192.0.2.1", "port": 3021}
MADE = [
    (f"{LONG} <= a@example.net H={CLIENT} P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=plain:joe S=99 "
     'RT=0.1s id=1@x T="a H=b" for b@example.com',
     {"kind": R, "queue_id": LONG, "reverse_path": "a@example.net", "user": "joe", "size": 99, "message_id": "1@x", "tls":
      "TLS1.3:TLS_AES_256_GCM_SHA384:256"} | PEER),
    (f"{ID} (= a@example.net U=root P=local S=5", {"kind": R, "size": 5, "peer_ip": None}),
    (f"{ID} -> b@example.com R=r T=t S=7 H=h.example.com [192.0.2.7]:25 C=\"250 2.0.0 a \\\"b\\\"\" QT=1h2m DT=0.5s",
     {"kind": D, "status": "delivered", "relay": "h.example.com [192.0.2.7]:25", "code": 250, "enhanced_code": "2.0.0",
      "delay": 3_720_000_000, "delay_transmit": 500_000, "size": None, "reply": r"250 2.0.0 a \"b\""}),
    (f"{ID} => joe <joe@example.com> R=r T=t QT=qqs", {"kind": D, "forward_path": "joe@example.com", "delay": None}),
    (f"{ID} => jöe <jöe@example.com> R=r T=t", {"kind": D, "forward_path": "jöe@example.com", "orig_to": None}),
    (f"{ID} *> b@example.com R=r T=t", {"kind": D, "status": "discarded"}),
    (f"{ID} => :blackhole: <b@example.com> R=r", {"kind": D, "status": "discarded", "forward_path": "b@example.com"}),
    (f"{ID} => discarded <discarded@example.com> R=r T=t", {"kind": D, "status": "delivered"}),
    (f"{ID} => blackhole (DATA ACL discarded recipients): no", {"kind": D, "status": "discarded"}),
    (f"{ID} ** b@example.com F=<> R=r T=t H=h.example.com [192.0.2.7]:25* X=TLS1.2:x:256 CV=yes: SMTP error from remote "
     "mail server after pipelined MAIL FROM:<> SIZE=1: 550-5.7.1 no\\n550 5.7.1 never DT=2s",
     {"kind": D, "status": "bounced", "code": 550, "enhanced_code": "5.7.1", "delay_transmit": 2_000_000,
      "relay": "h.example.com [192.0.2.7]:25"}),
    (f"{ID} ** b@example.com <c@example.com>: Unrouteable address",
     {"kind": D, "forward_path": "b@example.com", "orig_to": "c@example.com", "reply": "Unrouteable address"}),
    (f"{ID} == b@example.com R=r T=t defer (-44) H=h.example.com [192.0.2.7]:25 DT=0s: SMTP error from remote mail server "
     "after RCPT TO:<b@example.com>: 451 4.7.1 later", {"kind": D, "status": "deferred", "code": 451, "delay_transmit": 0}),
    (f"{ID} == b@example.com R=r T=t defer (111): Connection refused DT=1s",
     {"kind": D, "status": "deferred", "relay": None, "reply": "Connection refused", "delay_transmit": 1_000_000}),
    (f"{ID} Completed QT=1s", {"kind": "remove"}),
    (f"{ID} Frozen (delivery error message)", {"kind": "queue"}),
    (f"{ID} no immediate delivery: queued by ACL", {"kind": "queue"}),
    (f"{ID} removed by root", {"kind": "queue", "status": "expired"}),
    (f"{ID} H={CLIENT} F=<a@example.net> rejected after DATA: spam", {"kind": "reject", "verb": "DATA"} | PEER),
    (f"H={CLIENT} X=TLS1.2:x:256 CV=no F=<a@example.net> rejected RCPT <b@example.com>: 550 5.1.1 No",
     {"kind": "reject", "verb": "RCPT", "forward_path": "b@example.com", "code": 550, "enhanced_code": "5.1.1"} | PEER),
    (f"H={CLIENT} A=plain:joe F=<a@example.net> temporarily rejected RCPT <b@example.com>",
     {"kind": "reject", "verb": "RCPT", "code": None} | PEER),
    (f'H={CLIENT} rejected connection in "connect" ACL: no', {"kind": "reject", "ended": "dropped", "reply": "no"} | PEER),
    (f"H={CLIENT} rejected MAIL <a@example.net>: no", {"kind": "reject", "verb": "MAIL"} | PEER),
    (f"{ID} H={CLIENT} F=<> rejected during MIME ACL checks: no", {"kind": "reject", "reply": "no"}),
    (f"{ID} F=a@example.net H={CLIENT} I=[192.0.2.9]:25 P=esmtp temporarily rejected by local_scan(): no",
     {"kind": "reject", "reply": "no", "reverse_path": "a@example.net"} | PEER),
    (f"{ID} F=<a@example.net> U=joe P=local rejected by non-SMTP ACL: no", {"kind": "reject", "reply": "no"}),
    (f"H={CLIENT} Warning: x", {"kind": "note"} | PEER),
    (f"rejected MAIL FROM:<a@example.net> H={CLIENT}: message too big: size=9", {"kind": "reject", "verb": "MAIL"} | PEER),
    (f"plain authenticator failed for {CLIENT} I=[192.0.2.9]:25: 535 Incorrect authentication data (set_id=joe@example.com)",
     {"kind": "auth", "user": "joe@example.com", "code": 535, "refused": "plain"} | PEER),
    ("plain authenticator failed for H=([192.0.2.3]) [192.0.2.1]:9: 501 Authentication cancelled",
     {"kind": "auth", "user": None, "code": 501, "helo": "[192.0.2.3]"}),
    ("SMTP connection from [192.0.2.1]:3021 I=[192.0.2.9]:25 Ci=7 (TCP/IP connection count = 1)", {"kind": "connect"}),
    (f"SMTP connection Ci=7 from {CLIENT} D=0.1s closed by QUIT", {"kind": "disconnect", "ended": None} | PEER),
    (f"{ID} SMTP connection lost after final dot H={CLIENT} P=esmtp", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"SMTP connection from {CLIENT} lost", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"SMTP connection from {CLIENT} closed by DROP in ACL", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"unexpected disconnection while reading SMTP command from {CLIENT} D=1s", {"kind": "disconnect", "ended": "dropped"}),
    (f"SMTP command timeout on connection from {CLIENT} D=5m", {"kind": "disconnect", "ended": "timeout"}),
    (f"SMTP command timeout on TLS connection from {CLIENT} D=5m", {"kind": "disconnect", "ended": "timeout"} | PEER),
    (f'H={CLIENT} X=TLS1.2:x:256 CV=no DN="C=x, CN=\\"y\\"" SNI="mail.example" F=<> A=plain:joe rejected RCPT <b@example.com>: '
     "550-5.7.1 no\\n550 never", {"kind": "reject", "forward_path": "b@example.com", "code": 550, "tls": "TLS1.2:x:256"} | PEER),
    (f"H={CLIENT} X=TLS1.2:x:256 CV=no SNI=mail.example F=<a@example.net> rejected RCPT <b@example.com>: no",
     {"kind": "reject", "forward_path": "b@example.com", "reverse_path": "a@example.net"} | PEER),
    *(
        (f"H={CLIENT} F=<a@example.net> A=plain:{who} {how}rejected RCPT <b@example.com>: no",
         {"kind": "reject", "forward_path": "b@example.com", "reply": "no"} | PEER)
        for who in ("joe", "joe+x@example.com", "DOM\\joe", "ann smith") for how in ("", "temporarily ")
    ),
    (f"dovecot_login \tauthenticator failed for {CLIENT}: 535 no (set_id=joe)", {"kind": "auth", "user": "joe"} | PEER),
    # older Exims: the host stands in the error's text
    (f"{ID} == b@example.com R=r T=t defer (-44): SMTP error from remote mail server after RCPT TO:<b@example.com>: "
     "host h.example.com [2001:db8::7]: 451-127.0.0.2 is not\\n451 later",
     {"status": "deferred", "relay": "h.example.com [2001:db8::7]", "code": 451, "enhanced_code": None}),
    # log_selector = +all: an interface, DNSSEC, a proxy, TCP Fast Open
    (f"{ID} <= a@example.net DS H={CLIENT} P=esmtp L* X=TLS1.3:x:256* S=99", {"kind": "receive", "size": 99} | PEER),
    (f"{ID} == b@example.com R=r T=t defer (-44) H=h.example.com DS [192.0.2.7]:25* PRX=[192.0.2.8]:9 I=[192.0.2.9]:4 TFO* "
     "DT=0.5s: SMTP error from remote mail server after RCPT TO:<b@example.com>: 451 4.7.1 later",
     {"kind": "deliver", "status": "deferred", "forward_path": "b@example.com", "relay": "h.example.com DS [192.0.2.7]:25",
      "delay_transmit": 500000, "code": 451, "enhanced_code": "4.7.1"}),
    (f"{ID} == b@example.com R=r T=t defer (113): No route to host H=h.example.com [192.0.2.7]:25 I=[192.0.2.9]:4 DT=2s",
     {"status": "deferred", "relay": "h.example.com [192.0.2.7]:25", "delay_transmit": 2000000, "code": None}),
    (f"{ID} => b@example.com R=r T=t H=h.example.com DS [192.0.2.7]:25 I=[192.0.2.9]:4 TFO* X=TLS1.3:x:256* L* K "
     'C="250 2.0.0 ok" QT=1s', {"relay": "h.example.com DS [192.0.2.7]:25", "code": 250, "delay": 1000000}),
    (f"no MAIL in SMTP connection from {CLIENT} D=1s X=TLS1.2:x:256 CV=no C=EHLO,QUIT", {"kind": "note", "verbs": "EHLO,QUIT"}),
    ("Connection from [192.0.2.1]:9 refused: too many connections", {"kind": "reject", "ended": "dropped"}),
    # what the sources can say besides
    (f" DSH={CLIENT} F=<a@example.net> rejected RCPT <b@example.com>: no",
     {"kind": "reject", "forward_path": "b@example.com", "reply": "no"} | PEER),
    (f"H={CLIENT} Ci=71 F=<a@example.net> rejected RCPT <{'b' * 95}@exa: no such user",  # of what RCPT said 100 octets
     {"kind": "reject", "forward_path": "b" * 95 + "@exa", "reply": "no such user"} | PEER),
    (f"H={CLIENT} F=<> rejected RCPT <b@example.com>", {"kind": "reject", "forward_path": "b@example.com", "reply": None}),
    (f"H={CLIENT} F=<> rejected RCPT <b@example.com> NOTIFY=NEVER: 550 no",
     {"kind": "reject", "forward_path": "b@example.com", "reply": "550 no", "code": 550}),
    (f"H={CLIENT} F=<> RCPT <b@example.com> NOTIFY=NEVER: discarded by RCPT ACL: x",
     {"kind": "queue", "status": "discarded", "forward_path": "b@example.com", "reply": "x"}),
    (f"H={CLIENT} rejected AUTH : no TLS, no login", {"kind": "reject", "verb": "AUTH", "reply": "no TLS, no login"} | PEER),
    (f"H={CLIENT} incomplete transaction (QUIT) from <a@example.net> for b@example.com", {"kind": "note", "weak": False} | PEER),
    (f"temporarily refused connection from {CLIENT}: not in reserve list: connected=9 max=10 reserve=2",
     {"kind": "reject", "ended": "dropped", "reply": "not in reserve list: connected=9 max=10 reserve=2"} | PEER),
    (f"connection from {CLIENT} refused (IP options)", {"kind": "reject", "ended": "dropped"} | PEER),
    (f"SMTP connection from {CLIENT} closed after SIGTERM", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"SMTP connection from {CLIENT} (via inetd) closed by QUIT", {"kind": "disconnect", "ended": None} | PEER),
    (f"SMTP connection from {CLIENT} TFO lost D=3s", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"unexpected disconnection while reading SMTP command from TFO {CLIENT} (error: Connection reset by peer) D=9s",
     {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"no MAIL in TFO SMTP connection from {CLIENT} D=1s C=EHLO,QUIT", {"kind": "note", "verbs": "EHLO,QUIT"} | PEER),
    (f"rejected MAIL command H={CLIENT}: too many messages in one connection", {"kind": "reject", "verb": "MAIL"} | PEER),
    (f'temporarily rejected "EHLO h.example" from {CLIENT}', {"kind": "reject", "verb": "EHLO"} | PEER),
    (f"rejected from <a@example.net> H={CLIENT} U=joe: message too big: read=9 max=5",
     {"kind": "reject", "verb": "DATA", "reverse_path": "a@example.net", "reply": "message too big: read=9 max=5"} | PEER),
    (f"unqualified sender rejected: <ann> H={CLIENT}", {"kind": "reject", "verb": "MAIL", "reverse_path": "ann"} | PEER),
    (f"unqualified recipient rejected: <ben> H={CLIENT} (failed to find host name from IP address)",
     {"kind": "reject", "verb": "RCPT", "forward_path": "ben"} | PEER),
    (f"too many recipients: excess temporarily rejected: sender=<a@example.net> H={CLIENT}",
     {"kind": "reject", "verb": "RCPT", "forward_path": None, "reverse_path": "a@example.net"} | PEER),
    (f"refused relay (host) to <b@example.com> from <a@example.net> H={CLIENT}",
     {"kind": "reject", "verb": "RCPT", "forward_path": "b@example.com", "reverse_path": "a@example.net"} | PEER),
    (f"verify failed for SMTP recipient b@example.com from <a@example.net> H={CLIENT}",
     {"kind": "reject", "verb": "RCPT", "forward_path": "b@example.com", "reverse_path": "a@example.net"} | PEER),
    (f"recipients refused from {CLIENT} (RBL rbl.example.org)", {"kind": "reject", "verb": "RCPT", "forward_path": None} | PEER),
    (f"VRFY failed for ben H={CLIENT}", {"kind": "reject", "verb": "VRFY", "forward_path": None} | PEER),
    (f"login authenticator failed for {CLIENT}: 435 Unable to authenticate at present (set_id=joe): socket: no such file",
     {"kind": "auth", "user": "joe", "code": 435} | PEER),
    ("cwd=/home/joe 4 args: /usr/sbin/sendmail -t -i -fjoe@example.com", {"kind": "note", "weak": False}),
    (f"TLS error on connection from {CLIENT} (SSL_accept): x", {"kind": "note"} | PEER),
    # as Exim 3 and the first of 4 say where a server failed, and what Exim says of it in between
    (f"{ID} ** b@example.com R=r T=smtp: SMTP error from remote mailer after pipelined RCPT TO:<b@example.com>: host "
     "h.example.com [192.0.2.7]: 553 5.3.0 <b@example.com>...Addressee unknown",
     {"status": "bounced", "code": 553, "enhanced_code": "5.3.0", "relay": "h.example.com [192.0.2.7]"}),
    (f"{ID} SMTP error from remote mailer after initial connection: host h.example.com [192.0.2.7]: 421 4.3.2 busy",
     {"kind": "note", "weak": False, "code": 421, "enhanced_code": "4.3.2"}),
    (f"{ID} == b@example.com R=r T=smtp defer (-18): Remote host h.example.com [192.0.2.7] closed connection in response to "
     "initial connection", {"status": "deferred", "code": None, "relay": "h.example.com [192.0.2.7]"}),
    (f"{ID} == b@example.com R=r T=smtp defer (110): Connection timed out: SMTP timeout while connected to [192.0.2.7] after "
     "MAIL FROM:<a@example.net>", {"status": "deferred", "relay": "[192.0.2.7]"}),
    (f"{ID} == b@example.com R=r T=t defer (-18) H=h.example.com [192.0.2.7]: Remote host closed connection in response to end of "
     "data", {"status": "deferred", "relay": "h.example.com [192.0.2.7]"}),
    ("SMTP protocol violation: synchronization error (input sent without waiting for greeting): rejected connection from "
     f"H={CLIENT}", {"kind": "reject", "ended": "dropped"} | PEER),
    ("plain authenticator failed H=h.example.com [192.0.2.7] 535 5.7.8 no",  # of the server that Exim sends to
     {"kind": "note", "weak": False, "code": 535, "enhanced_code": "5.7.8", "refused": None, "peer_ip": None}),
    (f"unexpected EOF while reading SMTP command from {CLIENT} D=0.2s", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"{ID} => discarded (system filter)", {"kind": D, "status": "discarded", "forward_path": None}),
    (f"{ID} ** b@example.com mua_wrapper forced failure for deferred delivery",
     {"kind": D, "status": "bounced", "forward_path": "b@example.com"}),
    (f"{ID} ** b@example.com F=<a@example.net> P=<a@example.net> R=enforce : Domain example.net has exceeded the max emails per "
     "hour (30/30 (100%)) allowed.  Message discarded.", {"kind": D, "status": "bounced", "code": None}),  # cPanel
    (f"{ID} SMTP data timeout (message abandoned) on connection from {CLIENT} F=<a@example.net> D=5m",
     {"kind": "disconnect", "ended": "timeout"} | PEER),
    (f"{ID} SMTP connection from {CLIENT} lost while reading message data (header)", {"kind": "disconnect", "ended": "dropped"}),
    (f"SMTP connection from {CLIENT} D=3s closed by DROP in ACL", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f'{ID} rejected from <a@example.net> H={CLIENT}: Too many "Received" headers', {"kind": "reject", "verb": "DATA"} | PEER),
    (f"rejected EHLO from {CLIENT}: syntactically invalid argument(s): a_b", {"kind": "reject", "verb": "EHLO"} | PEER),
    (f'H={CLIENT} temporarily rejected connection in "connect" ACL: host lookup deferred',
     {"kind": "reject", "ended": "dropped", "reply": "host lookup deferred"} | PEER),
    (f"{ID} == /var/mail/ann <ann@example.com> R=local T=local_delivery defer (-22): mailbox is full (MTA-imposed quota exceeded "
     "while writing to tmp/1)", {"status": "deferred", "forward_path": "ann@example.com", "relay": None}),
    (f"{ID} => /home/ann/x (ann@example.com) <ann+x@example.com> R=user_filter T=address_file",
     {"status": "delivered", "forward_path": "ann+x@example.com"}),
    (f"{ID} => ann <ann@example.com> F=<a@example.net> R=local T=l ST=shadow (failed) QT=1s", {"status": "delivered", "delay": 1000000}),
    (f"{ID} => it <it@example.com> R=u T=d ST=jabber (Tainted arg 2 for jabber transport command: 'echo 'x' | /bin/y') QT=1s",
     {"status": "delivered", "forward_path": "it@example.com"}),
    (f"{ID} == b@example.com R=r T=t defer (-44) H=h.example.com [192.0.2.7]: SMTP error from remote mail server after RCPT TO: "
     "421 4.7.1 later", {"status": "deferred", "code": 421, "enhanced_code": "4.7.1"}),  # a web page ate the address
    (f"{ID} ** b@example.com R=r T=t: host h.example.com [192.0.2.7]: 550 no",
     {"status": "bounced", "code": 550, "relay": "h.example.com [192.0.2.7]"}),
    (f"{ID} => b@example.com SRS=<SRS0=a=b=example.net=a@example.com> R=r T=t H=h.example.com [192.0.2.7] C=\"250 OK\" (x)",
     {"status": "delivered", "forward_path": "b@example.com", "code": 250, "relay": "h.example.com [192.0.2.7]"}),
    (f"{ID} ->  b@example.com <\" c.d\"@example.com> R=r T=t H=h.example.com [192.0.2.7]",
     {"forward_path": "b@example.com", "orig_to": '" c.d"@example.com'}),
    (f"SMTP command timeout on connection from {CLIENT} I=[192.0.2.9]:25 Ci=7 D=5m", {"kind": "disconnect", "ended": "timeout"} | PEER),
    (f"no MAIL in SMTP connection from {CLIENT} I=[192.0.2.9]:25 Ci=7 D=0.003s C=EHLO,AUTH,QUIT", {"verbs": "EHLO,AUTH,QUIT"} | PEER),
    ("[1/2] text of syslog that was cut", {"kind": "note", "queue_id": None}),
    ("Start queue run: pid=9 -qf", {"kind": "note", "weak": False}),
    ("exim 4.98 daemon started: pid=9, -q30m", {"kind": "note", "weak": False}),
    (f"{ID} anything an ACL logs", {"kind": "note", "weak": True, "queue_id": ID}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MADE)
@pytest.mark.parametrize(
    "stamp",
    [
        "2024-06-01 00:00:00 ",
        "2024-06-01 00:00:00.123 +0200 [7] ",
        "Jun  1 00:00:01 mx exim4[7]: 2024-06-01 00:00:00 ",
        "2024-06-01T00:00:00.5+00:00 info exim[7]: [7] ",
    ],
)
def test_every_shape_in_every_dress(stamp, text, expected):
    expect(fields("exim", stamp + text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ID} <= a@example.net U=joe P=local S=5 id=x H=evil [6.6.6.6] S=9", {"peer_ip": None, "size": 5}),
        (f"{ID} <= a@example.net H={CLIENT} P=smtp S=5 id=x H=evil (e) [6.6.6.6]:1 S=9", PEER | {"size": 5}),
        (f'{ID} <= a@example.net H={CLIENT} P=smtp S=5 T="x A=plain:evil"', PEER | {"user": None}),
        (f'{ID} <= "a H=evil [6.6.6.6] b"@example.net H={CLIENT} S=5', PEER),
        (f'{ID} ** "x R=r: 250 ok"@example.com R=r: SMTP error from remote mail server after RCPT TO:'
         '<"x: 250 2.0.0 y"@example.com>: 550 5.1.1 no', {"code": 550, "enhanced_code": "5.1.1", "status": "bounced"}),
        (f'H={CLIENT} F=<"x> rejected RCPT <evil@example.com>: y"@example.net> rejected RCPT <b@example.com>: no',
         {"forward_path": "b@example.com", "reply": "no"}),
        (f"H={CLIENT} F=<a@example.net> rejected RCPT <\"c>: 250 2.1.5 ok F=<x\"@example.com>: no", {"code": None, "reply": "no"}),
        (f'SMTP syntax error in "x" H=evil [6.6.6.6]:1 y" H={CLIENT} unrecognized command', {"peer_ip": None}),
        (f'SMTP syntax error in "x" H={CLIENT} unrecognized command', PEER),
    ],
)  # fmt: skip
def test_what_clients_write_does_not_win(text, expected):
    expect(fields("exim", "2024-06-01 00:00:00 " + text), expected)


@pytest.mark.parametrize(
    ("how", "user"),
    [
        ("A=plain:joe", "joe"),
        ("A=plain:joe@example.com:ann@example.com", "joe@example.com"),  # and the sender it vouched for (AUTH=)
        ("A=plain:DOM\\joe+x:<>", "DOM\\joe+x"),
        ("A=plain:ann smith", "ann smith"),
        ("A=plain", None),  # an authenticator that sets no id
    ],
)
def test_a_client_that_has_logged_in(how, user):
    log = read(
        f"2024-06-01 00:00:01 SMTP connection from {CLIENT} (TCP/IP connection count = 1)",
        f"2024-06-01 00:00:02 {ID} <= a@example.net H={CLIENT} P=esmtpsa X=TLS1.3:x:256 CV=no {how} S=99 id=1:2@x",
        f"2024-06-01 00:00:03 SMTP connection from {CLIENT} closed by QUIT",
    )
    session, message = log.sessions.iloc[0], log.transactions.iloc[0]
    assert session["authenticated"] and message["size"] == 99 and message["message_id"] == "1:2@x"
    assert session["user"] == message["user"] == user or (
        user is None and pd.isna([session["user"], message["user"]]).all()
    )


def test_a_client_that_has_logged_in_and_is_refused():
    log = read(
        f"2024-06-01 00:00:01 SMTP connection from {CLIENT} (TCP/IP connection count = 1)",
        f"2024-06-01 00:00:02 H={CLIENT} A=plain:joe F=<a@example.net> rejected RCPT <b@example.com>: over quota",
    )
    assert log.sessions.iloc[0][["authenticated", "user"]].tolist() == [True, "joe"]


def test_a_message_from_connection_to_completion():
    log = read(
        "2024-06-01 00:00:00 [1] SMTP connection from [192.0.2.1]:3021 (TCP/IP connection count = 1)",
        f"2024-06-01 00:00:01 [2] {ID} <= a@example.net H={CLIENT} P=esmtps X=TLS1.3:x:256 S=99 id=1@x",
        f"2024-06-01 00:00:01 [2] SMTP connection from {CLIENT} closed by QUIT",
        f"2024-06-01 00:00:02 [3] {ID} => b@example.com R=r T=t H=h.example.com [192.0.2.7] C=\"250 Ok\" QT=1s",
        f"2024-06-01 00:00:02 [3] {ID} ** c@example.com R=r: no",
        "2024-06-01 00:00:03 [4] 1rjT5G-003qKL-8B <= <> R=1rjT5F-003qKK-8B U=exim P=local S=120",
        f"2024-06-01 00:00:03 [3] {ID} Completed",
        "2024-06-01 00:00:04 [5] 1rjT5G-003qKL-8B => a@example.net R=r T=t H=mx.example.net [192.0.2.1] C=\"250 Ok\"",
        "2024-06-01 00:00:04 [5] 1rjT5G-003qKL-8B Completed",
        "2024-06-01 00:00:05 [2] no MAIL in SMTP connection from mx.example.net (helo.example.net) [192.0.2.1]:3021 D=1s "
        "C=EHLO,RSET,RSET,QUIT",
    )  # fmt: skip
    session = log.sessions.iloc[0]
    assert (len(log.sessions), session["tls"], session["ended"], session["transactions"]) == (1, True, "quit", 1)
    assert (session["commands"], session["resets"], session["helo"]) == (4, 2, "helo.example.net")
    first, second = log.transactions.iloc[0], log.transactions.iloc[1]
    assert (first["session"], first["size"], first["message_id"], first["outcome"]) == (0, 99, "1@x", "mixed")
    assert (second["report"], second["ndr_of"], second["null_sender"]) == ("ndr", 0, True)
    assert log.events["session"].isna().tolist() == [False] * 3 + [True] * 6 + [False]
    found = totals(log)
    assert (found["received"], found["delivered"], found["bounced"], found["ndrs"]) == (1, 2, 1, 1)


def test_reports_by_what_became_of_the_message_before_them():
    later = f"2024-06-01 00:00:01 {ID} == c@example.com R=r T=t defer (-1): later"
    made = "2024-06-01 00:00:0{} 1rjT5{}-003qKL-8B <= <> R={} U=exim P=local S=120"
    log = read(
        f"2024-06-01 00:00:00 {ID} <= a@example.net U=joe P=local S=9",
        later,
        made.format(2, "G", ID),
        f"2024-06-01 00:00:03 {ID} ** c@example.com: retry timeout exceeded",
        made.format(4, "H", ID),
        f"2024-06-01 00:00:04 {ID} Completed",
        "2024-06-01 00:00:05 1rjT5H-003qKL-8B ** a@example.net R=r: no",
        made.format(6, "I", "1rjT5H-003qKL-8B"),
        "2024-06-01 00:00:07 1rjT5J-003qKL-8B <= b@example.net U=joe P=local S=9",
        "2024-06-01 00:00:07 1rjT5J-003qKL-8B => >b@example.net <c@example.com> R=r T=vacation",
        made.format(8, "K", "1rjT5J-003qKL-8B"),
    )
    assert log.transactions["report"].astype(object).fillna("-").tolist() == [
        "-",
        "delay",
        "ndr",
        "postmaster",
        "-",
        "-",
    ]
    assert log.transactions["ndr_of"].fillna(-1).tolist() == [-1, -1, 0, 2, -1, -1]
    assert totals(log)["received"] == 3


def test_without_ports_concurrent_connections_of_one_client_are_not_told_apart():
    connect = "2024-06-01 00:00:00 SMTP connection from [192.0.2.1] (TCP/IP connection count = {})"
    reject = "2024-06-01 00:00:01 H=(x) [192.0.2.1] F=<> rejected RCPT <b@example.com>: no"
    quits = "2024-06-01 00:00:02 SMTP connection from (x) [192.0.2.1] closed by QUIT"
    log = read(
        connect.format(1), reject, connect.format(2), reject, quits, reject, quits, connect.format(1), reject, quits
    )
    assert len(log.sessions) == 3
    assert log.recipients["session"].fillna(-1).tolist() == [0, -1, -1, 2]


def test_no_session_where_connections_are_not_logged():
    log = read(
        "2024-06-01 00:00:00 H=(x) [192.0.2.1]:9 F=<> rejected RCPT <b@example.com>: no",
        f"2024-06-01 00:00:00 {ID} <= a@example.net H=(x) [192.0.2.1]:9 P=smtp S=9",
    )
    assert len(log.sessions) == 0
    assert log.recipients["transaction"].isna().all()


def test_headers_in_the_reject_log_belong_to_their_reject():
    log = read(
        "P Received: of an entry whose first line is in the log before",
        "2024-06-01 00:00:00 H=(x) [192.0.2.1] F=<a@example.net> rejected after DATA: spam",
        "Envelope-from: <a@example.net>",
        "  Subject: 2024-06-01",
        "----------------------------------------",
        "2024-06-01 00:00:01 H=(x) [192.0.2.1] F=<a@example.net> rejected RCPT <b@example.com>: no",
        format="exim",
    )
    assert log.events["lines"].tolist() == [4, 1]
    assert log.events["text"].iloc[0].endswith("2024-06-01\n" + "-" * 40)
    assert log.recipients["reply"].tolist() == ["no"]
    assert log.unparsed["line"].tolist() == [1]


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (": retry timeout exceeded", "expired"),  # the last of its tries was logged before, as any is
        (" <ann@example.com>: retry timeout exceeded", "expired"),
        (" R=r T=t: all hosts for 'example.com' have been failing for a long time (and retry time not reached)", "expired"),
        (" R=r T=t: retry time not reached for any host after a long failure period", "expired"),
        (" R=r T=t: all host address lookups failed permanently", "bounced"),
        (" R=r T=t H=h.example [192.0.2.7]: SMTP error from remote mail server after RCPT TO:<b@example.com>: 550 no: retry "
         "timeout exceeded", "bounced"),  # a server's own words
    ],
)  # fmt: skip
def test_a_recipient_is_given_up_where_time_ran_out(why, status):
    log = read(
        f"2024-06-01 00:00:00 {ID} <= a@example.net U=joe P=local S=9",
        f"2024-06-01 00:00:01 {ID} == b@example.com R=r T=t defer (-1): later",
        f"2024-06-05 00:00:01 {ID} ** b@example.com{why}",
        f"2024-06-05 00:00:02 1rjT5G-003qKL-8B <= <> R={ID} U=exim P=local S=120",
        f"2024-06-05 00:00:03 {ID} Completed",
    )
    assert log.recipients["status"].tolist() == ["deferred", status]
    assert log.transactions["report"].tolist()[1:] == ["ndr"]


def test_a_message_given_up_counts_for_each_recipient_still_pending():
    log = read(
        f"2024-06-01 00:00:00 {ID} <= a@example.net U=joe P=local S=9",
        f"2024-06-01 00:00:01 {ID} == b@example.com R=r T=t defer (-1): later",
        f"2024-06-01 00:00:01 {ID} == c@example.com R=r T=t defer (-1): later",
        f"2024-06-01 00:00:01 {ID} => d <d@example.com> R=r T=t",
        f"2024-06-01 00:00:02 {ID} cancelled by timeout_frozen_after",
        "2024-06-01 00:00:03 1rjT5G-003qKL-8B <= <> U=joe P=local S=9",
        "2024-06-01 00:00:03 1rjT5G-003qKL-8B ** x@example.com: no",
        "2024-06-01 00:00:04 1rjT5G-003qKL-8B cancelled by timeout_frozen_after",
    )
    expired = log.recipients[log.recipients["status"] == "expired"]
    assert expired["forward_path"].tolist() == ["b@example.com", "c@example.com"]


def test_exims_stamp_says_the_year_that_syslogs_does_not():
    log = read(
        "Dec 31 23:59:59 mx exim[7]: 2019-12-31 23:59:59 Start queue run: pid=7",
        "Jan  1 00:00:01 mx exim[7]: 2020-01-01 00:00:01 End queue run: pid=7",
        "Jan  1 00:00:01 mx cron[7]: other",
    )
    assert log.events["time"].dt.year.tolist() == [2019, 2020]
    assert log.sources["ignored_lines"].tolist() == [1]
    assert log.events["host"].tolist() == ["mx", "mx"]


@pytest.mark.parametrize(
    ("before", "time"),
    [
        (
            "2024-06-01T00:00:00.5+02:00 mx exim[7]: 2024-06-01 00:00:00 ",
            "2024-05-31 22:00:00.5",
        ),  # the one with a zone
        ("2024-06-01T00:00:00.5+02:00 mx exim[7]: 2024-06-01 00:00:00.400 +0200 [7] ", "2024-05-31 22:00:00.5"),
        ("Jun  1 00:00:01 mx exim[7]: 2024-06-01 00:00:00.400 +0200 ", "2024-05-31 22:00:00.4"),
        ("exim-1  | 2024-06-01 00:00:00 +0200 ", "2024-05-31 22:00:00"),
    ],
)
def test_of_two_stamps_the_one_that_says_more_counts(before, time):
    log = read(f"{before}{ID} <= a@example.net U=joe P=local S=9", f"{before}{ID} Completed", tz="America/New_York")
    assert log.events["time"].eq(pd.Timestamp(time, tz="UTC")).all()
    assert log.events["kind"].tolist() == ["receive", "remove"]
    assert log.sources["tz_assumed"].isna().all()


def test_what_the_rejectlog_repeats_is_counted_once(tmp_path):
    refused = "2024-03-11 10:00:0{} H=(spam.test) [192.0.2.7]:5{} F=<a@b.test> rejected RCPT <u{}@example.org>: Unknown user\n"
    main = "".join(refused.format(i, i, i) for i in (1, 1, 2, 3))  # the first twice within a second, in both files
    main += "2024-03-11 10:00:05 login authenticator failed for (x) [192.0.2.9]: 535 Incorrect authentication data\n"
    headers = "Envelope-from: <a@b.test>\nP Received: from spam.test\n"
    (tmp_path / "mainlog").write_text(
        "2024-03-11 09:59:59 exim 4.96 daemon started: pid=1, -q30m, listening for SMTP on port 25\n" + main
    )
    (tmp_path / "rejectlog").write_text(main.replace("Unknown user\n", "Unknown user\n" + headers))
    log = spamlab.read(tmp_path)
    assert len(log.recipients) == 4 and totals(log)["rejected"] == 4
    assert log.events["echo"].sum() == 5 and log.events.loc[log.events["echo"], "source"].nunique() == 1
    assert (log.sources["lines"] == log.sources["event_lines"] + log.sources["ignored_lines"]).all()
    alone = spamlab.read(tmp_path / "rejectlog", format="exim")
    assert len(alone.recipients) == 4 and not alone.events["echo"].any()
    some = spamlab.read(tmp_path, tables=["recipients"])
    assert len(some.recipients) == 4


def test_the_rejectlog_repeats_notes_and_lost_calls_too(tmp_path):
    """What it holds besides refusals made it a log of its own, and all that it repeats was counted twice."""
    both = [
        "2024-06-01 00:00:01 H=(x) [192.0.2.1]:3 sender verify fail for <a@b.test>: Unrouteable address",
        "2024-06-01 00:00:01 H=(x) [192.0.2.1]:3 F=<a@b.test> rejected RCPT <c@example.com>: Sender verify failed",
        '2024-06-01 00:00:03 SMTP call from (x) [192.0.2.1]:3 dropped: too many nonmail commands (last was "RSET")',
    ]
    alone = f"2024-06-01 00:00:01 {ID} <= a@example.net U=joe P=local S=9"
    (tmp_path / "mainlog").write_text("\n".join([alone, *both, "2024-06-01 00:00:03 another note"]) + "\n")
    (tmp_path / "rejectlog").write_text("\n".join([*both, "2024-06-01 00:00:03 no host name found for it"]) + "\n")
    log = spamlab.read(tmp_path)
    assert log.events["echo"].tolist() == [False] * 5 + [True] * 3 + [False]
    assert log.recipients["forward_path"].tolist() == ["c@example.com"]


def test_what_exim_gives_to_syslog_twice_is_counted_once():
    """Syslog gets the lines of all logs, of a refusal so two (syslog_duplication, which is on where nothing is said)."""
    refused = "H=(spam.test) [192.0.2.7]:5{} F=<a@b.test> rejected RCPT <u{}@example.org>: Unknown user"
    failed = "plain authenticator failed for (x) [192.0.2.9]:6: 535 Incorrect authentication data (set_id=ann)"
    said = [refused.format(1, 1)] * 4 + [refused.format(2, 2)] * 2 + [failed] * 2  # the first refused twice in a second
    said += ["SMTP connection from [192.0.2.7]:5 lost D=2s", *[refused.format(3, 3)]]  # some go to one log alone
    for head, pid in (
        ("Mar 11 10:00:01 mx exim[7]: ", 7),
        ("Mar 11 10:00:01 mx exim[7]: 2024-03-11 10:00:01.5 [7] ", 7),
    ):
        log = read(*(head + one for one in said), year=2024)
        assert log.events["echo"].tolist() == [False, True] * 4 + [False] * 2
        assert log.events["pid"].eq(pid).all()
        assert len(log.recipients) == 4 and totals(log)["rejected"] == 4
    processes = read(*(f"Mar 11 10:00:01 mx exim[{pid}]: {said[0]}" for pid in (1, 2)), year=2024)
    assert not processes.events["echo"].any()
    plain = read(*("2024-03-11 10:00:01 " + one for one in said))
    assert not plain.events["echo"].any()  # a file holds one log


def test_two_servers_that_refuse_one_client_alike_both_count(tmp_path):
    refused = "2024-07-07 13:42:53 H=(x) [192.0.2.9] F=<a@example.com> rejected RCPT <b@example.com>: unknown user\n"
    for name, own in (("mx1", "1sPxyz-0000AB-1A"), ("mx2", "1sPxyz-0000CD-2B")):
        (tmp_path / f"{name}-mainlog").write_text(
            f"2024-07-07 13:42:50 {own} <= c@example.com H=h.example [192.0.2.1] P=esmtp S=900\n{refused}"
        )
        (tmp_path / f"{name}-rejectlog").write_text(refused)
    log = spamlab.read(tmp_path)
    counted = log.events[log.events["kind"].eq("reject") & ~log.events["echo"]]
    assert counted["source"].str.endswith("mainlog").tolist() == [True, True]
    assert len(log.recipients) == 2


@pytest.mark.parametrize(
    "said",
    ["rejected after DATA: spam", "temporarily rejected by local_scan(): later", "rejected during MIME ACL checks: x"],
)
def test_a_message_that_is_refused_as_a_whole_is_rejected(said):
    log = read(f"2024-06-01 00:00:00 {ID} H={CLIENT} F=<a@example.net> {said}")
    assert log.transactions["outcome"].tolist() == ["rejected"] and log.transactions["recipients"].tolist() == [0]


@pytest.mark.parametrize(
    "line",
    [
        f"{ID} H=h.example.com [192.0.2.7] Connection timed out",
        f"{ID} h.example.com [2001:db8::7]:25 Connection refused",
        f"{ID} SA: Action: silently tossed message: score=31.0 required=5.0 (scanned in 6/6 secs | Message-Id: 1@x). From <a@b>",
    ],
)
def test_a_line_of_exim_alone_is_known_as_one(line):
    log = spamlab.read(io.BytesIO(f"2024-06-01 00:00:00 {line}\n".encode()))
    assert log.sources["format"].tolist() == ["exim"]
    assert log.events[["kind", "queue_id"]].values.tolist() == [["note", ID]]


def test_the_report_of_a_message_that_was_refused_as_a_whole_is_an_ndr():
    """A local sender is told by mail what an ACL refuses."""
    log = read(
        f"2024-06-01 00:00:00 {ID} F=<a@example.net> rejected by non-SMTP ACL: no",
        f"2024-06-01 00:00:01 1rjT5G-003qKL-8B <= <> R={ID} U=exim P=local S=120",
    )
    assert log.transactions["report"].astype("str").fillna("-").tolist() == ["-", "ndr"]
    assert log.transactions["ndr_of"].fillna(-1).tolist() == [-1, 0] and totals(log)["ndrs"] == 1


@pytest.mark.parametrize("before", ["", "<21>1 ", "<21>"])
def test_a_stamp_that_states_its_zone_counts_behind_a_priority_too(before):
    line = "2017-04-24T00:03:21.5+02:00 mx exim[7]: 2017-04-24 00:03:21 login authenticator failed for (u) [192.0.2.1]: 535 no\n"
    log = spamlab.read(io.BytesIO((before + line).encode()), format="exim")
    assert log.events["time"].tolist() == [pd.Timestamp("2017-04-23 22:03:21.5", tz="UTC")]


def test_an_enhanced_code_can_stand_in_a_later_line_of_a_reply():
    failed = "SMTP error from remote mail server after"
    log = read(
        rf"2024-03-11 00:00:01 1rjT5F-003qKK-8B ** a@x.example R=r T=t H=mx [192.0.2.3]: {failed} initial connection: 554-mx\n554 5.7.1 no",
        rf"2024-03-11 00:00:01 1rjT5F-003qKK-8B == b@x.example R=r T=t defer (-44): {failed} RCPT TO:<b@x.example>: host mx "
        r"[192.0.2.3]: 451-4.7.1 try\n451 4.7.2 later",
        rf"2024-03-11 00:00:01 1rjT5F-003qKK-8B ** c@x.example R=r T=t H=mx [192.0.2.3]: {failed} end of data: 554 no\nat 1.2.3",
    )
    assert log.recipients["code"].tolist() == [554, 451, 554]
    assert log.recipients["enhanced_code"].astype(object).fillna("-").tolist() == ["5.7.1", "4.7.1", "-"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("SMTP error from remote mail server after pipelined MAIL FROM:<a@x.example> SIZE=9: 421 4.7.0 [TS01] no", 421),
        ("SMTP timeout after EHLO x.example: Connection timed out", None),
        ("Remote host closed connection in response to initial connection", None),
    ],
)
def test_what_a_host_said_before_the_next_one_is_tried_is_known_alone(said, code):
    log = read(f"2024-03-11 00:00:01 1rjT5F-003qKK-8B H=mx.example.org [192.0.2.3]: {said}")
    assert log.events["kind"].tolist() == ["note"] and log.events["code"].fillna(0).tolist() == [code or 0]


@pytest.mark.parametrize(
    "said",
    [
        'SMTP protocol error in "AUTH PLAIN {}" H=(pc) [192.0.2.7]:3021 AUTH command used when not advertised',
        'SMTP syntax error in "AUTH LOGIN {}" H=(pc) [192.0.2.7]:3021 unrecognized command',
        'SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from '
        'H=(pc) [192.0.2.7]:3021 input="AUTH PLAIN {}\\r\\n"',
        'SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): rejected '
        '"AUTH PLAIN {}" H=(pc) [192.0.2.7]:3021 next input="QUIT\\r\\n"',
        'SMTP call from (pc) [192.0.2.7]:3021 dropped: too many syntax or protocol errors (last command was '
        '"AUTH PLAIN {}", C=EHLO,AUTH)',
        'SMTP call from (pc) [192.0.2.7]:3021 dropped: too many nonmail commands (last was "AUTH PLAIN {}")',
    ],
)  # fmt: skip
def test_what_a_client_says_to_log_in_is_not_kept(said):
    connect = "2024-03-11 10:00:00 SMTP connection from [192.0.2.7]:3021 (TCP/IP connection count = 1)\n"
    log = read(connect + f"2024-03-11 10:00:01 {said.format('AGpvZQBzZWNyZXQ=')}\n")
    assert "AGpv" not in log.events.to_string()
    assert log.events["text"][1] == said.partition(" {}")[0]
    assert log.sessions[["peer_ip", "helo"]].values.tolist() == [["192.0.2.7", "pc"]]


def test_the_rest_of_a_line_that_was_split_for_syslog_is_no_line_of_exim_again():
    """A message's headers stand there: what a client writes into one, a stamp at its begin too, is the note's text."""
    forged = f"2024-06-01 00:00:00 {ID} <= a@example.net U=joe P=local S=5"
    said = [f"[1\\13] 2024-06-01 00:00:00 {ID} H={CLIENT} F=<a@example.net> rejected after DATA: no", f"[10\\13] {forged}",
            f"[11/13] {forged}", f"[12\\13]   {forged}", f"[13/13] {ID} <= b@example.net"]  # fmt: skip
    log = read(*(f"Jun  1 00:00:01 mx exim[7]: {one}" for one in said), year=2024)
    assert log.events["kind"].tolist() == ["reject"] + ["note"] * 4
    assert (
        log.events["text"].tolist()[1:] == said[1:] and log.events["queue_id"].isna().tolist() == [False] + [True] * 4
    )
    assert log.events["time"].dt.year.eq(2024).all()


def test_a_host_in_an_errors_text_ends_where_its_line_does():
    """Lines without a stamp continue the event: they are no part of its fields."""
    log = read(f"2024-06-01 00:00:00 {ID} == b@example.com R=r T=t defer (-18): Remote host h.example.com [192.0.2.7] closed "
               "connection in response to initial connection", "Envelope-from: <a@example.net>")  # fmt: skip
    assert log.recipients["relay"].tolist() == ["h.example.com [192.0.2.7]"] and log.events["lines"].tolist() == [2]
