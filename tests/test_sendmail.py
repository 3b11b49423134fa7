"""The Sendmail reader: odd lines of the corpus, made lines of every shape, forgeries, reports, sessions."""

import io

import pandas as pd
import pytest

import spamlab
from spamlab import native
from spamlab.summary import totals
from tests.test_exim import SHARED, expect, fields, same_when_compiled

CORPUS = SHARED / "corpus" / "sendmail"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")
FILES = {
    "auth": "fail2ban-sendmail-auth", "reject": "fail2ban-sendmail-reject", "dsn": "parse-syslog-mail-sendmail-custom-dsn",
    "done": "parse-syslog-mail-sendmail-done", "plain": "parse-syslog-mail-sendmail-plain",
    "ruleset": "parse-syslog-mail-sendmail-ruleset",
}  # fmt: skip


def read(*lines, year=2024, **options):
    return spamlab.read(io.BytesIO("".join(line + "\n" for line in lines).encode()), year=year, **options)


LINES = [  # hand-checked: file, line, what it holds
    ("auth", 1, {"kind": "note", "verb": "AUTH", "peer_host": None, "peer_ip": "190.5.230.178"}),
    ("auth", 4, {"kind": "note", "program": "sm-acceptingconnections", "peer_ip": "95.70.241.192"}),
    ("auth", 8, {"kind": "auth", "user": "criminal", "peer_ip": "192.0.2.4", "peer_host": None, "refused": "LOGIN"}),
    ("auth", 10, {"kind": "auth", "user": "scan", "peer_ip": "192.0.2.6", "refused": "CRAM-MD5"}),
    ("auth", 13, {"kind": "auth", "user": None, "peer_ip": "192.0.2.9", "code": None}),
    ("reject", 11, {"kind": "reject", "verb": None, "queue_id": None, "code": 421, "enhanced_code": "4.3.2"}),
    ("reject", 14, {"kind": "reject", "peer_host": "host.example.com", "peer_ip": "192.0.2.123"}),
    ("reject", 15, {"kind": "reject", "peer_host": None, "peer_ip": "209.15.212.253"}),
    ("reject", 20, {"kind": "reject", "verb": "RCPT", "code": 451, "forward_path": "existing-user@example.com"}),
    ("reject", 22, {"kind": "reject", "verb": "expn", "peer_ip": "217.193.142.180"}),
    ("reject", 35, {"kind": "reject", "host": "robin", "code": None, "reply": "User unknown"}),
    ("reject", 36, {"kind": "queue", "reverse_path": "root@yourhost.com", "size": 108, "peer_ip": "192.168.1.45"}),
    ("reject", 43, {"kind": "note", "peer_ip": "2001:DB8::1", "peer_host": "example.com"}),
    ("reject", 44, {"kind": "disconnect", "ended": "dropped", "verb": "rcpt", "host": "alarmpi"}),
    ("dsn", 1, {"kind": "report", "report": "delay", "queue_id": "j4K488I4001736", "report_id": "j4K6MJcE012524"}),
    ("dsn", 3, {"kind": "command", "verb": "ETRN", "peer_host": "somehost.example.edu"}),
    ("dsn", 5, {"kind": "deliver", "forward_path": "somebody@example.net", "delay": 1_000_000, "status": "Sent "}),
    ("dsn", 9, {"kind": "report", "report": "postmaster", "report_id": "j4K9ElQ0008953"}),
    ("dsn", 10, {"kind": "note", "queue_id": None}),
    ("dsn", 11, {"kind": "disconnect", "ended": "timeout", "peer_ip": "61.250.xxx.yyy"}),
    ("dsn", 19, {"kind": "report", "report": "ndr", "status": "expired", "report_id": "j4IIMlJ5000376"}),
    ("dsn", 21, {"kind": "reject", "forward_path": "badguy@badhost.example.com,,0,"}),
    ("dsn", 22, {"kind": "report", "report": "success"}),
    ("dsn", 29, {"kind": "note", "queue_id": "j4KDbUaV007215"}),
    ("done", 2, {"kind": "deliver", "status": "2", "relay": "localhost", "enhanced_code": "2.0.0", "reply": None}),
    ("done", 3, {"kind": "remove", "queue_id": "j78ASk4e013165"}),
    ("ruleset", 1, {"kind": "reject", "code": 553, "enhanced_code": "5.1.8", "peer_ip": "123.456.789.1"}),
    ("plain", 9, {"kind": "receive", "reverse_path": "maddingue", "size": 2039, "peer_ip": None}),
    ("plain", 10, {"kind": "receive", "peer_host": "localhost", "peer_ip": "127.0.0.1"}),
    ("plain", 11, {"kind": "deliver", "forward_path": "cpan-testers@perl.org", "relay": "localhost [127.0.0.1]"}),
]  # fmt: skip


@corpus
@pytest.mark.parametrize(("name", "line", "expected"), LINES)
def test_odd_lines_of_the_corpus(name, line, expected):
    text = (CORPUS / f"{FILES[name]}.log").read_bytes().split(b"\n")[line - 1]
    expect(fields("sendmail", text.rstrip(b"\r")), expected)


@corpus
def test_the_whole_corpus_adds_up():
    log = spamlab.read(sorted(CORPUS.glob("*.log")), year=2005)
    assert log.sources["format"].eq("sendmail").all()
    assert (log.sources["lines"] == log.sources["event_lines"] + log.sources["ignored_lines"]).all()
    assert log.sources["unparsed_lines"].sum() == 0
    assert len(log.events) == log.sources["event_lines"].sum() == 371
    count = log.events["text"].str.contains
    assert (log.events["kind"] == "deliver").sum() == count(r"^\w+: to=").sum()
    assert log.events["kind"].isin(["receive", "queue"]).sum() == count(r"^\w+: from=").sum()
    assert (log.events["kind"] == "report").sum() == count("notify: |return to sender: |DSN: ").sum()
    assert log.recipients["forward_path"].isna().sum() == 1  # given up without saying for whom
    linked = log.recipients["requeued_as"].notna()
    assert linked.sum() == 58  # what the submission program hands to the daemon


@corpus
@pytest.mark.skipif(not native.able(), reason="Numba is not installed")
def test_plain_and_compiled_read_the_corpus_alike():
    same_when_compiled("sendmail", b"".join(path.read_bytes() for path in sorted(CORPUS.glob("*.log"))))


ID, NEW = "42B0010a001003", "42B0020a001004"
CLIENT = "mx.example.net [192.0.2.1]"
PEER = {"peer_host": "mx.example.net", "peer_ip": "192.0.2.1"}
MADE = [
    (f"{ID}: from=<a@example.net>, size=99, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, relay={CLIENT} (may be "
     "forged)", {"kind": "receive", "reverse_path": "a@example.net", "size": 99, "message_id": "1@x"} | PEER),
    (f"{ID}: from=<>, size=99, class=0, nrcpts=1, msgid=<{'x' * 90}, proto=SMTP, daemon=MTA, relay={CLIENT}",
     {"kind": "receive", "reverse_path": ""} | PEER),
    (f"{ID}: from=<a@example.net>, size=0, class=0, nrcpts=1, proto=SMTP, daemon=MTA, relay={CLIENT}", {"kind": "queue"} | PEER),
    (f"{ID}: to=<b@example.com>, ctladdr=<a@example.com> (1/1), delay=1+02:03:04, xdelay=00:00:01, mailer=esmtp, pri=9, "
     "relay=h.example.com. [192.0.2.7], dsn=4.7.1, reply=451 4.7.1 later, stat=Deferred: 451 4.7.1 later",
     {"kind": "deliver", "status": "Deferred", "code": 451, "enhanced_code": "4.7.1", "delay": 93_784_000_000,
      "delay_transmit": 1_000_000, "relay": "h.example.com. [192.0.2.7]", "reply": "Deferred: 451 4.7.1 later"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=*file*, pri=9, dsn=5.1.1, stat=User unknown",
     {"kind": "deliver", "status": "User unknown", "relay": None, "code": None}),
    (f"{ID}: to=b, delay=00:00:01, pri=9, stat=queued", {"kind": "deliver", "status": "queued", "forward_path": "b"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, pri=9, stat=EHLO", {"kind": "deliver", "status": "EHLO"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, pri=9, stat=554 5.7.1 Spam", {"kind": "deliver", "status": "rejected",
     "code": 554, "enhanced_code": "5.7.1"}),
    (f"{ID}: done; delay=00:00:01, ntries=1", {"kind": "remove"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=4.7.1, "
     "ntries=2, stage=RCPT, reply=451 4.7.1 later, stat=Deferred", {"status": "Deferred", "code": 451, "reply": "Deferred"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn=5.0.0, stat=554 5.0.0 rewrite: ruleset 3",
     {"kind": "deliver", "status": "5", "code": 554, "enhanced_code": "5.0.0", "reply": "554 5.0.0 rewrite: ruleset 3"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=esmtp, pri=9, stat=451 4.3.0 later",
     {"kind": "deliver", "status": "4", "code": 451, "reply": "451 4.3.0 later"}),
    *((f"{ID}: Milter: connect: host={host}, addr=192.0.2.1, {what}",
       {"kind": "reject", "peer_host": name, "peer_ip": "192.0.2.1", "code": code})
      for host, name, what, code in (
          ("mx.example.net", "mx.example.net", "rejecting commands", None), ("[192.0.2.1]", None, "reject=554 5.7.1 no", 554),
          ("mx.example.net", "mx.example.net", "temp failing commands=451 4.7.1 later", 451),
          ("mx.example.net", "mx.example.net", "shutdown", None))),
    # refused by hosts.deny
    *((f"{begin}tcpwrappers ({host}, {ip}) rejection", {"kind": "reject", "code": None, "peer_host": name, "peer_ip": address})
      for begin, host, name, ip, address in (
          ("NOQUEUE: ", "mx.example.net", "mx.example.net", "192.0.2.1", "192.0.2.1"),
          ("NOQUEUE: ", "unknown", None, "192.0.2.1", "192.0.2.1"),  # what it calls a client without a name
          (f"{ID}: ", "[IPv6:2001:db8::1]", None, "IPv6:2001:db8::1", "2001:db8::1"))),
    # the account that ident named
    (f"{ID}: from=<a@example.net>, size=99, class=0, nrcpts=1, proto=ESMTP, daemon=MTA, relay=IDENT:joe@{CLIENT}",
     {"kind": "receive", "size": 99} | PEER),
    (f"NOQUEUE: connect from joe@{CLIENT}", {"kind": "connect"} | PEER),
    (f"{ID}: from=root, size=99, class=0, nrcpts=1, relay=root@localhost", {"kind": "receive", "peer_host": None, "peer_ip": None}),
    (f"{ID}: {CLIENT}: probable open proxy: command=GET / HTTP/1.0", {"kind": "note", "verb": "GET"} | PEER),
    (f"Null connection from {CLIENT}", {"kind": "note", "ended": None} | PEER),
    (f"STARTTLS=server, error: accept failed=-1, reason=unknown protocol, SSL_error=1, errno=0, retry=-1, relay={CLIENT}",
     {"kind": "note"} | PEER),
    ("AA08021: message-id=<1@example.net>", {"kind": "queue", "queue_id": "AA08021", "message_id": "1@example.net"}),
    ("AA08021: from=a@example.net, size=9, class=0, received from mx.example.net (192.0.2.1)",
     {"kind": "receive", "size": 9, "reverse_path": "a@example.net"} | PEER),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn=5.0.0,stat=Service unavailable",
     {"kind": "deliver", "status": "Service unavailable", "enhanced_code": "5.0.0", "reply": "Service unavailable"}),
    (f"{ID}: {NEW}: DSN: User unknown", {"kind": "report", "report": "ndr", "report_id": NEW}),
    (f"{ID}: {NEW}: return to sender: Service unavailable", {"kind": "report", "report": "ndr"}),
    (f"{ID}: {NEW}: sender notify: Warning: could not send message for past 4 hours", {"kind": "report", "report": "delay"}),
    (f"{ID}: {NEW}: postmaster notify: User unknown", {"kind": "report", "report": "postmaster"}),
    (f"{ID}: {NEW}: sender notify: Return receipt", {"kind": "report", "report": "success"}),
    (f"{ID}: {NEW}: DSN: Warning: Delivery time (3600s) exceeded", {"kind": "report", "report": "delay"}),
    (f"{ID}: {NEW}: return to sender: Cannot send message within 5 days", {"kind": "report", "report": "ndr", "status": "expired"}),
    (f"{ID}: {NEW}: clone: owner=x", {"kind": "queue", "queue_id": ID}),
    (f"NOQUEUE: connect from {CLIENT}", {"kind": "connect", "queue_id": None} | PEER),
    (f"ruleset=check_relay, arg1=mx.example.net, arg2=192.0.2.1, relay={CLIENT}, reject=421 4.3.2 Too many open connections.",
     {"kind": "reject", "verb": None, "forward_path": None, "code": 421} | PEER),
    (f"{ID}: ruleset=check_mail, arg1=<a@example.net>, relay={CLIENT}, reject=451 4.1.8 no",
     {"kind": "reject", "verb": "MAIL", "reverse_path": "a@example.net", "forward_path": None} | PEER),
    (f"{ID}: ruleset=check_rcpt, arg1=<b@example.com>, relay={CLIENT}, discard", {"kind": "queue", "code": None} | PEER),
    (f"{ID}: <b@example.com>... User unknown", {"kind": "reject", "verb": "RCPT", "code": None, "reply": "User unknown"}),
    (f"AUTH=server, relay={CLIENT} (may be forged), authid=joe, mech=PLAIN, bits=0", {"kind": "auth", "user": "joe"} | PEER),
    (f"STARTTLS=server, relay={CLIENT}, version=TLSv1.3, verify=NO", {"kind": "tls"} | PEER),
    ("STARTTLS=client, relay=h.example.com., version=TLSv1.3, verify=NO", {"kind": "note", "peer_ip": None}),
    (f"{ID}: lost input channel from {CLIENT}", {"kind": "disconnect", "ended": "dropped"} | PEER),  # Sendmail 8.8
    (f"{ID}: lost input channel from {CLIENT} to MTA after data", {"kind": "disconnect", "ended": "dropped"} | PEER),
    (f"{ID}: SYSERR(root): collect: relay={CLIENT}, from=<a@example.net>, info=read timeout",
     {"kind": "disconnect", "ended": "timeout"} | PEER),
    (f"{ID}: collect: unexpected close on connection from {CLIENT}, sender=<a@example.net>", {"kind": "disconnect"} | PEER),
    # without the client's address: CurHostName is a name
    (f"{ID}: timeout waiting for input from mx.example.net during server cmd read", {"kind": "disconnect", "ended": "timeout"}),
    (f"{ID}: timeout waiting for input from h.example.com. during client greeting", {"kind": "note", "ended": None}),
    (f"{ID}: collect: I/O error on connection from mx.example.net, from=<a@example.net>",
     {"kind": "disconnect", "ended": "dropped", "peer_ip": None}),
    (f"{ID}: SYSERR(root): collect: read timeout on connection from mx.example.net, from=<a@example.net>",
     {"kind": "disconnect", "ended": "timeout"}),
    # what this server did not like of another: the delivery that it hinders says so
    (f"{ID}: ruleset=tls_server, arg1=SOFTWARE, relay=h.example.com, reject=403 4.7.0 TLS handshake failed.", {"kind": "note"}),
    # a queue id of old
    ("AA08021: to=<b@example.com>, delay=00:00:02, mailer=smtp, relay=h.example.com. (192.0.2.7), stat=Sent",
     {"kind": "deliver", "queue_id": "AA08021", "status": "Sent"}),
    (f"{ID}: Milter: to=<b@example.com>, reject=550 5.7.1 no", {"kind": "reject", "forward_path": "b@example.com", "code": 550}),
    (f"{ID}: Milter: data, reject=554 5.7.1 no", {"kind": "reject", "verb": "data", "code": 554}),
    (f"{ID}: {CLIENT}: VRFY joe [rejected]", {"kind": "reject", "verb": "VRFY"} | PEER),
    (f"{ID}: {CLIENT}: VRFY joe", {"kind": "command", "verb": "VRFY"} | PEER),
    # LogLevel 15: the dialogue
    (f"NOQUEUE: {CLIENT}: <-- ehlo mx.example.org", {"kind": "note", "helo": "mx.example.org"} | PEER),
    (f"{ID}: <-- EHLO mx.example.org", {"kind": "note", "helo": "mx.example.org", "queue_id": ID}),
    (f"{ID}: <-- QUIT", {"kind": "note", "ended": "quit"}),
    (f"{ID}: <-- AUTH PLAIN AGpvZQBzZWNyZXQ=", {"kind": "note", "text": f"{ID}: <-- AUTH PLAIN"}),
    (f"{ID}: <-- RCPT TO:<b@example.com>", {"kind": "note", "forward_path": None}),
    (f"{ID}: message size (9) exceeds maximum (8)", {"kind": "reject", "forward_path": None}),
    # what it wrote of old to a file: no priority stands between
    ("AA08021: to=/var/mail/joe, delay=00:00:02, xdelay=00:00:01, mailer=*file*, stat=Sent",
     {"kind": "deliver", "forward_path": "/var/mail/joe", "status": "Sent", "delay_transmit": 1_000_000}),
    # compiled to log more of a connection (_FFR_LOG_MORE2, as Proofpoint's is)
    (f"{ID}: to=<b@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, tls_verify=OK, tls_version=TLSv1.3, "
     "cipher=AES256, pri=9, relay=h. [192.0.2.7], dsn=2.0.0, stat=Sent (ok)",
     {"kind": "deliver", "status": "Sent ", "relay": "h. [192.0.2.7]", "enhanced_code": "2.0.0"}),
    (f"{ID}: from=<a@example.net>, size=9, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, tls_verify=NONE, "
     f"tls_version=NONE, cipher=NONE, auth=NONE, relay={CLIENT}", {"kind": "receive", "message_id": "1@x"} | PEER),
    # who submits it has a name
    (f"{ID}: to=<b@example.com>, ctladdr=Joe, jr. <a@example.com> (1/1), delay=00:00:01, mailer=local, pri=9, dsn=2.0.0, stat=Sent",
     {"kind": "deliver", "forward_path": "b@example.com", "delay": 1_000_000, "status": "Sent"}),
    # before Sendmail 8.9
    (f"{ID}: ruleset=check_mail (<a@example.net>) rejection: 551 <a@example.net>... no",
     {"kind": "reject", "verb": "MAIL", "reverse_path": "a@example.net", "code": 551}),
    (f"{ID}: ruleset=check_rcpt (b@example.com) rejection: 551 b@example.com... no",
     {"kind": "reject", "verb": "RCPT", "forward_path": "b@example.com", "reply": "551 b@example.com... no"}),
    ("ruleset=check_relay (mx.example.net, 192.0.2.1) rejection: 550 Access denied", {"kind": "reject", "code": 550} | PEER),
    # addresses lost, for a page took them for its own marks
    (f"{ID}: ruleset=check_rcpt, arg1=, relay={CLIENT}, reject=550 5.7.1 ... Relaying denied",
     {"kind": "reject", "verb": "RCPT", "forward_path": None, "code": 550} | PEER),
    (f"{ID}: ... User unknown", {"kind": "reject", "verb": "RCPT", "forward_path": None, "reply": "User unknown"}),
    # a comma lost
    (f"{ID}: to=b ctladdr=c (1/1), delay=00:00:01, xdelay=00:00:01, mailer=local, pri=9, dsn=2.0.0, stat=Sent",
     {"kind": "deliver", "forward_path": "b", "delay": 1_000_000, "status": "Sent"}),
    (f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=esmtp, new=1, stat=Sent (ok, stat=Deferred)",
     {"kind": "deliver", "status": "Sent ", "reply": "Sent (ok, stat=Deferred)"}),  # a field that nobody knows
    (f"{ID}: to=<b@example.com>, delay=00:00:01, pri=9, stat=quarantined", {"kind": "deliver", "status": "quarantined"}),
    (f"{ID}: from=<a@example.net>, size=9, class=0, pri=0, nrcpts=0, proto=SMTP, relay={CLIENT}", {"kind": "queue"} | PEER),
    *((f"{ID}: Milter: {what}, discard", {"kind": "queue", "status": None} | found)
      for what, found in (("data", {}), ("from=<a@example.net>", {"reverse_path": "a@example.net"}),
                          ("to=<b@example.com>", {"forward_path": "b@example.com"}))),
    (f"{ID}: headers too large (32800 max) from mx.example.net during message collect", {"kind": "reject"}),
    (f"{ID}: rejecting STARTTLS from {CLIENT} due to traffic before response", {"kind": "reject"} | PEER),
    (f"{ID}: {CLIENT}: Possible SMTP RCPT flood, throttling.", {"kind": "note"} | PEER),
    (f"{ID}: clone {NEW}, owner=owner-list", {"kind": "queue", "queue_id": ID}),
    # a recipient as the client gave it, with brackets or without, or as nobody can read it
    (f"{ID}: b@example.com... User unknown", {"kind": "reject", "verb": "RCPT", "forward_path": "b@example.com"}),
    (f"{ID}: /bin/sed... Cannot mail directly to files", {"kind": "reject", "verb": "RCPT", "forward_path": "/bin/sed"}),
    (f'{ID}: Syntax error in mailbox address "b c@example.com" (non-printable characters)',
     {"kind": "reject", "verb": "RCPT", "forward_path": "b c@example.com"}),
    (f'{ID}: 8-bit character in mailbox address "<b@example.com>"', {"kind": "reject", "forward_path": "b@example.com"}),
    *((f"{ID}: {said}b@example.com... User unknown", {"kind": "note", "forward_path": None})
      for said in ("--- 550 5.1.1 ", "<-- RCPT TO:", "SYSERR(root): ")),
    ("savemail: cannot save rejected email anywhere", {"kind": "note", "queue_id": None}),
    (f"{ID}: SYSERR(root): hash map \"x\": missing", {"kind": "note", "queue_id": ID}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MADE)
@pytest.mark.parametrize(
    "head",
    [
        "Jun  1 00:00:00 mx sm-mta[7]: ",
        "Jun 17 14:37:39 <mail.notice> mx sendmail[7]: ",
        "<22>1 2024-06-01T00:00:00.1Z mx sm-msp-queue 7 - - ",
    ],
)
def test_every_shape_in_every_dress(head, text, expected):
    expect(fields("sendmail", head + text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{ID}: to=<"x, stat=Sent, y"@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=5.1.1, '
         "stat=User unknown", {"forward_path": '"x, stat=Sent, y"@example.com', "status": "User unknown"}),
        (f'{ID}: from=<"a>, size=9, nrcpts=9 x"@example.net>, size=99, class=0, nrcpts=1, proto=SMTP, relay={CLIENT}',
         {"reverse_path": '"a>, size=9, nrcpts=9 x"@example.net', "size": 99} | PEER),
        (f"{ID}: from=<a@example.net>, size=99, class=0, nrcpts=1, msgid=<x>, relay=evil [6.6.6.6], size=1, proto=SMTP, "
         f"daemon=MTA, relay={CLIENT}", {"size": 99} | PEER),
        (f'{ID}: ruleset=check_rcpt, arg1=<"x>, relay=evil [6.6.6.6], reject=250"@example.com>, relay={CLIENT}, reject=550 5.7.1 '
         "no", {"code": 550, "forward_path": '"x>, relay=evil [6.6.6.6], reject=250"@example.com'} | PEER),
        (f"{ID}: AUTH failure (LOGIN): checkpass failed, user=x, relay=evil [6.6.6.6], relay={CLIENT}", {"user": "x"} | PEER),
    ],
)  # fmt: skip
def test_what_clients_write_does_not_win(text, expected):
    expect(fields("sendmail", "Jun  1 00:00:00 mx sm-mta[7]: " + text), expected)


HEAD = "Jun  1 00:00:0{} mx sm-mta[{}]: "


def test_several_recipients_of_one_line_are_rows_of_their_own():
    tail = ", delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=2.0.0, stat=Sent (ok)"
    head = HEAD.format(1, 7) + f"{ID}: to="
    log = read(
        *(head + to + tail for to in ("<b@example.com>,<c@example.com>", 'b,"c, d"@example.com', '<"e,f"@example.com>'))
    )
    assert log.recipients["forward_path"].tolist() == [
        "b@example.com", "c@example.com", "b", '"c, d"@example.com', '"e,f"@example.com',
    ]  # fmt: skip
    assert log.recipients["status"].eq("delivered").all()
    assert log.recipients["delay"].tolist() == [1.0] * 5


def test_a_list_too_long_for_one_line_goes_on_in_the_next():
    tail = "delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=2.0.0, stat=Sent (ok)"
    lists = (
        "<b@example.com>,<c@example.com>, [more], ctladdr=<a@example.net> (1/1), ",
        "<d@example.com>, [more], ",
        "<e@example.com>, ",
    )
    log = read(*(HEAD.format(1, 7) + f"{ID}: to={listed}{tail}" for listed in lists))
    assert log.recipients["forward_path"].tolist() == [f"{who}@example.com" for who in "bcde"]
    assert log.recipients["status"].eq("delivered").all() and log.recipients["relay"].eq("h. [192.0.2.7]").all()


def test_a_command_with_blanks_is_a_recipient():
    tail = ", ctladdr=<b@example.com> (1/1), delay=00:00:00, xdelay=00:00:00, mailer=prog, pri=9, dsn=2.0.0, stat=Sent"
    log = read(*(HEAD.format(1, 7) + f"{ID}: to={to}{tail}" for to in ("|/bin/filter -f -", '"|/bin/filter -f -, x"')))
    assert log.recipients["forward_path"].tolist() == ["|/bin/filter -f -", '"|/bin/filter -f -, x"']
    assert log.recipients["status"].tolist() == ["delivered"] * 2


def test_a_delivery_with_an_unreadable_number_is_one():
    line = HEAD.format(1, 7) + ID + ": to=<b@example.com>, {}, mailer=esmtp, pri=9, relay=h., dsn=2.0.0, stat=Sent (ok)"
    log = read(
        *(line.format(t) for t in ("delay=-00:00:01, xdelay=00:00:01", "delay=00:00:02, xdelay=x", "delay=, xdelay="))
    )
    assert log.recipients["status"].tolist() == ["delivered"] * 3
    assert log.recipients["delay"].fillna(-1).tolist() == [-1, 2, -1]
    assert log.recipients["delay_transmit"].fillna(-1).tolist() == [1, -1, -1]


def test_statuses_by_word_else_by_class():
    line = (
        HEAD.format(1, 7) + ID + ": to=<b@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn={}, stat={}"
    )
    cases = {
        ("2.0.0", "Sent (ok)"): "delivered", ("4.2.0", "Deferred"): "deferred", ("5.1.1", "User unknown"): "bounced",
        ("5.0.0", "Service unavailable"): "bounced", ("4.3.0", "Local configuration error"): "deferred",
        ("5.3.0", "unknown mailer error 2"): "bounced",
    }  # fmt: skip
    log = read(*(line.format(*case) for case in cases))
    assert log.recipients["status"].tolist() == list(cases.values())
    assert len(read(line.format("2.0.0", "queued")).recipients) == 0


def test_a_message_its_bounce_and_the_postmasters_copy():
    log = read(
        HEAD.format(0, 1) + f"NOQUEUE: connect from {CLIENT}",
        HEAD.format(0, 1) + f"STARTTLS=server, relay={CLIENT}, version=TLSv1.3, verify=NO, cipher=x, bits=256/256",
        HEAD.format(0, 1) + f"{ID}: <x@example.com>... User unknown",
        HEAD.format(1, 1) + f"{ID}: from=<a@example.net>, size=99, class=0, nrcpts=1, msgid=<1@x>, relay={CLIENT}",
        HEAD.format(2, 2)
        + f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn=5.1.1, stat=User unknown",
        HEAD.format(2, 2) + f"{ID}: {NEW}: DSN: User unknown",
        HEAD.format(3, 2)
        + f"{NEW}: to=<a@example.net>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn=2.0.0, stat=Sent",
        HEAD.format(3, 2) + f"{NEW}: done; delay=00:00:01, ntries=1",
        HEAD.format(4, 2) + f"{ID}: 42B0030a001005: postmaster notify: User unknown",
        HEAD.format(4, 2) + "42B0030a001005: to=root, delay=00:00:00, mailer=local, pri=9, dsn=2.0.0, stat=Sent",
        HEAD.format(4, 1) + f"{ID}: lost input channel from {CLIENT} to MTA after data",
        HEAD.format(5, 1) + f"{NEW[:-1]}9: from=<a@example.net>, size=0, class=0, nrcpts=0, relay={CLIENT}",
    )
    assert log.transactions["report"].astype(object).fillna("-").tolist() == ["-", "ndr", "postmaster", "-"]
    assert log.transactions["ndr_of"].fillna(-1).tolist() == [-1, 0, 0, -1]
    session = log.sessions.iloc[0]
    assert (len(log.sessions), session["tls"], session["ended"], session["transactions"]) == (1, True, "dropped", 1)
    assert log.events["session"].isna().tolist() == [False] * 4 + [True] * 6 + [False] * 2
    assert log.recipients[["status", "session"]].iloc[0].tolist() == ["rejected", 0]
    found = totals(log)
    assert (found["received"], found["ndrs"], found["postmaster_notices"], found["rejected"]) == (1, 1, 1, 1)


def test_given_up_counts_for_each_pending_recipient_and_once():
    line = HEAD + ID + ": to=<{}@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., dsn=4.0.0, stat=Deferred"
    give_up = HEAD.format(3, 2) + ID + ": {}: sender notify: Cannot send message for 5 days"
    log = read(
        line.format(1, 2, "b"),
        line.format(1, 2, "c"),
        give_up.format(NEW),
        give_up.format("42B0030a001005"),
        HEAD.format(4, 2) + f"{NEW}: done; delay=00:00:00, ntries=1",
        HEAD.format(4, 2) + "42B0030a001005: done; delay=00:00:00, ntries=1",
    )
    expired = log.recipients["status"].eq("expired")
    assert log.recipients.loc[expired, "forward_path"].tolist() == ["b@example.com", "c@example.com"]
    assert log.transactions["report"].dropna().tolist() == ["ndr", "postmaster"]


def test_what_only_the_postmaster_is_told_of_is_given_up_too():
    """A notification that nobody can be told of: its own sender is null."""
    line = (
        HEAD.format(1, 2) + ID + ": to=<{}@example.com>, delay=00:00:01, mailer=esmtp, pri=9, relay=h., stat=Deferred"
    )
    log = read(
        line.format("b"),
        line.format("c"),
        HEAD.format(3, 2) + f"{ID}: {NEW}: postmaster notify: Cannot send message within 2 days",
        HEAD.format(4, 2) + f"{NEW}: done; delay=00:00:00, ntries=1",
    )
    expired = log.recipients["status"].eq("expired")
    assert log.recipients.loc[expired, "forward_path"].tolist() == ["b@example.com", "c@example.com"]
    assert log.transactions["report"].dropna().tolist() == ["postmaster"]


def test_accounts_stand_in_argument_and_only_success_authenticates():
    log = read(
        HEAD.format(1, 1) + f"{ID}: AUTH failure (LOGIN): checkpass failed, user=joe, relay={CLIENT}",
        HEAD.format(2, 2) + f"AUTH=server, relay={CLIENT}, authid=ann, mech=PLAIN, bits=0",
    )
    assert log.events["argument"].tolist() == ["joe", "ann"]
    assert log.events["verb"].tolist() == ["AUTH", "AUTH"]
    assert log.sessions["authenticated"].tolist() == [False, True]


def test_crlf_other_programs_and_a_year_that_ends():
    log = read(
        "Dec 31 23:59:59 mx sm-mta[7]: starting daemon (8.17): SMTP\r",
        "Jan  1 00:00:01 mx postfix/sendmail[7]: x: to=<b@example.com>\r",
        "Jan  1 00:00:01 mx sm-mta[7]: grew WorkList\r",
        year=2019,
    )
    assert log.events["time"].tolist() == [
        pd.Timestamp("2019-12-31 23:59:59", tz="UTC"), pd.Timestamp("2020-01-01 00:00:01", tz="UTC"),
    ]  # fmt: skip
    assert log.sources["ignored_lines"].tolist() == [1]


def test_a_process_number_that_comes_again_after_an_hour_is_another_connection():
    line = "Mar 11 {} mx sm-mta[77]: 42B{}: from=<a@b.test>, size=900, nrcpts=1, relay=h.test [192.0.2.7]"
    log = read(line.format("10:00:00", "A00077"), line.format("10:59:00", "AxK077"), line.format("12:00:00", "C00077"))
    assert log.events["session"].tolist() == [0, 0, 1]
    assert [t.minute for t in log.sessions["end"]] == [59, 0]


def test_recipients_of_a_message_that_a_filter_refuses_are_rejected_and_not_bounced():
    """No delivery was tried and no DSN goes out; what the client itself gives up is neither."""
    log = read(
        HEAD.format(1, 1) + f"{ID}: from=<a@example.net>, size=10, class=0, nrcpts=1, proto=ESMTP, relay={CLIENT}",
        HEAD.format(1, 1) + f"{ID}: Milter: data, reject=554 5.7.1 Command rejected",
        HEAD.format(1, 1) + f"{ID}: to=<b@example.com>, delay=00:00:00, pri=30000, stat=Command rejected",
        HEAD.format(2, 1) + f"{NEW}: to=<c@example.com>, delay=00:00:00, pri=30000, stat=EHLO",
    )
    assert log.recipients[["forward_path", "status", "reply"]].values.tolist() == [
        ["b@example.com", "rejected", "Command rejected"]
    ]
    counts = totals(log)
    assert (counts["rejected"], counts["bounced"], counts["ndrs"]) == (1, 0, 0)


def test_a_message_refused_before_it_has_a_recipient_is_rejected():
    log = read(
        "Mar 11 00:00:01 mx sm-mta[9]: 42B0010a001003: Milter: from=<a@example.net>, reject=451 4.3.2 Please try again later\n"
        "Mar 11 00:00:02 mx sm-mta[9]: 42B0010a001004: h.example.net [192.0.2.1]: VRFY joe [rejected]\n"
    )
    assert log.transactions["outcome"].tolist() == ["rejected", "empty"]  # to ask for a name is no message


def test_at_the_default_log_level_one_line_says_that_all_was_discarded():
    log = read(
        f"{HEAD.format(1, 7)}{ID}: ruleset=check_rcpt, arg1=<void@example.com>, relay=[192.0.2.9], discard",
        f"{HEAD.format(1, 7)}{ID}: from=<a@example.org>, size=627, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, relay=[192.0.2.9]",
        f"{HEAD.format(1, 7)}{ID}: discarded",
    )
    assert log.transactions["outcome"].tolist() == ["discarded"]
    assert log.recipients["status"].tolist() == ["discarded"] and totals(log)["discarded"] == 1


HEADED = "Jul  7 13:42:53 mx sm-mta[291]: "


def test_masked_addresses_and_relays_hide_nothing_else():
    log = read(
        f"{HEADED}x679gr1b000291: ruleset=check_rcpt, arg1=<<me>>, relay=<<x>>.example [<<y>>], reject=553 5.1.8 <<me>>... no\n"
        f"{HEADED}x679gr1c000291: ruleset=check_mail, arg1=<<me>>, relay=<<x>>.example [<<y>>], reject=451 4.1.8 no\n"
    )
    assert log.recipients[["forward_path", "status"]].values.tolist() == [["<me>", "rejected"]]
    assert log.events[["verb", "code"]].values.tolist() == [["RCPT", 553], ["MAIL", 451]]


def test_a_delivery_without_a_queue_id_is_one():
    log = read(
        f"{HEADED}: to=<a@b.example>, delay=00:01:01, mailer=esmtp, relay=mx.b.example. [192.0.2.1], dsn=5.0.0, stat=Service unavailable\n"
    )
    assert log.events["kind"].tolist() == ["deliver"]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [["a@b.example", "bounced"]]


def test_a_recipient_beyond_the_most_is_refused_without_being_named():
    log = read(
        "Mar 11 00:00:01 mx sm-mta[7]: 42B0010a000007: Too many recipients",
        "Mar 11 00:00:02 mx sm-mta[7]: 42B0010a000007: from=<a@example.net>, size=9, class=0, nrcpts=2, relay=[192.0.2.1]",
    )
    assert log.events["kind"].tolist() == ["reject", "receive"]
    assert log.recipients[["transaction", "status"]].values.tolist() == [[0, "rejected"]]
    assert log.recipients["forward_path"].isna().all()


@pytest.mark.parametrize(
    ("to", "paths"),
    [
        ("joe1 <joe@x.example>", ["joe@x.example"]),
        ('"Doe, Joe" <joe@x.example>', ["joe@x.example"]),
        ("joe@x.example (Joe Doe)", ["joe@x.example"]),
        ("joe@x.example, ann@x.example,Bob <bob@x.example>", ["joe@x.example", "ann@x.example", "bob@x.example"]),
        ('"|/usr/bin/filter -x <in"', ['"|/usr/bin/filter -x <in"']),
    ],
)
@pytest.mark.parametrize("submitter", ["", ", ctladdr=www-data (33/33)"])
def test_recipients_as_people_write_them_are_their_addresses(to, paths, submitter):
    """What reads a message's header (``sendmail -t``) logs recipients with their names."""
    log = read(
        f"Mar 11 00:00:01 mx sendmail[7]: 42B0010a000007: to={to}{submitter}, delay=00:01:00, xdelay=00:00:01, mailer=relay, "
        "pri=32020, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (42B0010a000008 Message accepted for delivery)"
    )
    assert log.recipients["forward_path"].tolist() == paths
    assert log.recipients[["status", "delay"]].drop_duplicates().values.tolist() == [["delivered", 60.0]]


@pytest.mark.parametrize(
    ("sender", "path"),
    [
        ('"Doe, Joe" <joe@x.example>', "joe@x.example"),
        ("[M1]<joe@x.example>", "joe@x.example"),
        ("joe@x.example (Joe Doe)", "joe@x.example"),
        ("Joe Doe", "Joe Doe"),
        ("<joe@x.example", "joe@x.example"),  # its end lost
        ('"x <joe@y.example>, size=1, "@x.example', '"x <joe@y.example>, size=1, "@x.example'),
        ("", None),
    ],
)
def test_senders_as_people_write_them_are_their_addresses(sender, path):
    """Also one that is lost, for a page took it for its own marks, which is not the null sender."""
    log = read(HEAD.format(1, 7) + f"{ID}: from={sender}, size=9, class=0, nrcpts=1, msgid=<1@x>, proto=SMTP, relay={CLIENT}",
               HEAD.format(2, 7) + f"{ID}: to=, ctladdr= (1/1), delay=00:00:01, xdelay=00:00:01, mailer=local, pri=9, dsn=2.0.0, stat=Sent")  # fmt: skip
    row = log.transactions.iloc[0]
    assert (row["size"], row["message_id"], row["null_sender"], log.sessions["peer_ip"][0]) == (
        9,
        "1@x",
        False,
        "192.0.2.1",
    )
    assert log.transactions["reverse_path"].fillna("").tolist() == [path or ""] and pd.isna(row["reverse_path"]) == (
        not path
    )
    assert log.recipients["forward_path"].isna().tolist() == [True] and log.recipients["status"].tolist() == [
        "delivered"
    ]


def test_a_delay_without_its_name_loses_no_delivery():
    log = read(
        "Mar 11 00:00:01 mx sendmail[7]: 42B0010a000007: to=<a@x.example>,<b@x.example>, 00:00:02, xdelay=00:00:01, "
        "mailer=esmtp, pri=1, relay=mx.x.example. [192.0.2.7], dsn=2.0.0, stat=Sent (ok)"
    )
    assert log.recipients["forward_path"].tolist() == ["a@x.example", "b@x.example"]
    assert log.recipients[["status", "delay", "delay_transmit"]].drop_duplicates().values.tolist() == [
        ["delivered", 2.0, 1.0]
    ]


def test_the_end_of_a_client_whose_address_a_later_line_gives():
    log = read(
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: timeout waiting for input from mx.example.net during server cmd read",
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: mx.example.net [192.0.2.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
    )
    assert log.sessions[["peer_ip", "ended"]].values.tolist() == [["192.0.2.1", "timeout"]]
    assert log.events["session"].tolist() == [0, 0]


def test_the_dialogue_says_how_a_client_greets_and_that_it_quits():
    log = read(
        "Jun  1 00:00:00 mx sm-mta[7]: NOQUEUE: connect from [192.0.2.1]",
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: <-- EHLO mx.example.net",
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: <-- QUIT",
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: --- 221 2.0.0 mx.example.com closing connection",
        f"Jun  1 00:00:00 mx sm-mta[7]: {ID}: [192.0.2.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
    )
    assert log.sessions[["helo", "ended"]].values.tolist() == [["mx.example.net", "quit"]]


SENT = "xdelay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=2.0.0, stat=Sent (ok)"
ARRIVED = (
    f"{ID}: from=<a@example.net>, size=100, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, relay={CLIENT}"
)
LATER = "xdelay=00:00:01, mailer=esmtp, pri=9, relay=h. [192.0.2.7], dsn=4.2.0, stat=Deferred: 450 4.2.0 later"
NOBODY = "xdelay=00:00:00, mailer=local, pri=9, dsn=5.1.1, stat=User unknown"
LIVES = {  # whole messages: lines, and the totals that are not nought
    "delivered": (
        [ARRIVED, f"{ID}: to=<b@example.com>,<c@example.com>, delay=00:00:01, {SENT}", f"{ID}: done; delay=00:00:01, ntries=1"],
        {"received": 1, "delivered": 2, "octets_received": 100, "octets_delivered": 200}),
    "deferred, then delivered": (
        [ARRIVED, f"{ID}: to=<b@example.com>, delay=00:00:01, {LATER}", f"{ID}: to=<b@example.com>, delay=00:30:01, {LATER}",
         f"{ID}: to=<b@example.com>, delay=01:00:01, {SENT}", f"{ID}: done; delay=01:00:01, ntries=3"],
        {"received": 1, "delivered": 1, "deferrals": 2, "deferred": 1, "octets_received": 100, "octets_delivered": 100}),
    "bounced, and the sender told": (
        [ARRIVED, f"{ID}: to=<b@example.com>, delay=00:00:01, {NOBODY}", f"{ID}: {NEW}: DSN: User unknown",
         f"{NEW}: to=<a@example.net>, delay=00:00:00, {SENT}", f"{NEW}: done; delay=00:00:00, ntries=1",
         f"{ID}: done; delay=00:00:01, ntries=1"],
        {"received": 1, "delivered": 1, "bounced": 1, "ndrs": 1, "octets_received": 100}),
    "given up": (
        [ARRIVED, f"{ID}: to=<b@example.com>, delay=00:00:01, {LATER}", f"{ID}: {NEW}: sender notify: Cannot send message for 5 days",
         f"{NEW}: to=<a@example.net>, delay=00:00:00, {SENT}"],
        {"received": 1, "delivered": 1, "deferrals": 1, "deferred": 1, "expired": 1, "ndrs": 1, "octets_received": 100}),
    "quarantined": (
        [ARRIVED, f"{ID}: milter=m, quarantine=spam",
         f"{ID}: to=<b@example.com>, delay=00:00:01, mailer=local, pri=9, quarantine=spam, stat=quarantined"],
        {"received": 1, "octets_received": 100}),
    "discarded by a milter": (
        [f"{ID}: Milter: to=<b@example.com>, discard", ARRIVED, f"{ID}: to=<b@example.com>, delay=00:00:00, pri=9, stat=discarded"],
        {"received": 1, "discarded": 1, "octets_received": 100}),
    "refused by a milter": (
        [ARRIVED, f"{ID}: Milter: data, reject=554 5.7.1 no", f"{ID}: to=<b@example.com>, delay=00:00:00, pri=9, stat=no"],
        {"received": 1, "rejected": 1, "octets_received": 100}),
    "a list with an owner": (
        [ARRIVED, f"{ID}: {NEW}: clone: owner=owner-list", f"{NEW}: to=<b@example.com>,<c@example.com>, delay=00:00:01, {SENT}"],
        {"received": 1, "delivered": 2, "octets_received": 100}),
    "no recipient was good": (
        [f"{ID}: b@example.com... User unknown", ARRIVED.replace("nrcpts=1", "pri=0, nrcpts=0")],
        {"rejected": 1}),
    "handed to the daemon": (
        [f"{ID}: from=joe, size=80, class=0, nrcpts=1, msgid=<1@x>, relay=joe@localhost",
         f"{NEW}: from=<joe@x>, size=100, class=0, nrcpts=1, msgid=<1@x>, proto=ESMTP, daemon=MTA, relay=localhost [127.0.0.1]",
         f"{ID}: to=<b@example.com>, ctladdr=joe (1/1), delay=00:00:00, xdelay=00:00:00, mailer=relay, pri=9, "
         f"relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent ({NEW} Message accepted for delivery)",
         f"{NEW}: to=<b@example.com>, ctladdr=<joe@x> (1/1), delay=00:00:01, {SENT}"],
        {"received": 1, "delivered": 1, "octets_received": 80, "octets_delivered": 100}),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES)
def test_the_totals_of_a_whole_message(life):
    lines, expected = LIVES[life]
    found = totals(read(*(HEAD.format(i, 7) + line for i, line in enumerate(lines))))
    counts = ("received", "delivered", "deferrals", "deferred", "bounced", "expired", "discarded", "rejected", "ndrs",
              "octets_received", "octets_delivered")  # fmt: skip
    assert {name: found[name] for name in counts if found[name]} == expected
