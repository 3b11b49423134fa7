"""Heads of syslog lines, other programs' lines, and lines that stand for several."""

import io
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import carriers, engine, pieces, sources
from spamlab.carriers import delimited, wraps

BODY = "4F5C64474F: to=<a@b>, relay=mx[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (550 no)"
TAG = "postfix/smtp[17]: "
PLAIN = "Jul  7 13:42:53 mx " + TAG + BODY


def read(text, **options):
    return spamlab.read(io.BytesIO(text.encode() if isinstance(text, str) else text), **{"year": 2024, **options})


def accounted(log):
    s = log.sources
    return (s["lines"] == s["event_lines"] + s["ignored_lines"] + s["unparsed_lines"]).all()


HEADS = {
    "classic": "Jul  7 13:42:53 mx " + TAG,
    "day with a zero": "Jul 07 13:42:53 mx " + TAG,
    "postlogd": "Jul 07 13:42:53 mx " + TAG,
    "with a year": "Jul  7 2024 13:42:53 mx " + TAG,
    "priority": "<22>Jul  7 13:42:53 mx " + TAG,
    "facility": "Jul  7 13:42:53 <mail.info> mx " + TAG,
    "BusyBox": "Jul  7 13:42:53 mx mail.info " + TAG,
    "AIX": "Jul  7 13:42:53 mx mail:info " + TAG,
    "grep": "mail.log:Jul  7 13:42:53 mx " + TAG,
    "grep -n, several files": "/var/log/mail.log.1:12:Jul  7 13:42:53 mx " + TAG,
    "grep -n": "12:2024-07-07T13:42:53+00:00 mx " + TAG,
    "quoted in a mail": "> Jul  7 13:42:53 mx " + TAG,
    "indented": "    Jul  7 13:42:53 mx " + TAG,
    "facility before the host": "Jul  7 13:42:53 mail.info mx " + TAG,
    "syslog-ng, chained": "Jul  7 13:42:53 mx/relay.example.com " + TAG,
    "syslog-ng, chained, with source": "Jul  7 13:42:53 mx@mx/relay " + TAG,
    "two blanks": "Jul  7 13:42:53  mx " + TAG,
    "docker compose": "postfix-mail-1  | Jul  7 13:42:53 mx " + TAG,
    "docker compose, padded": "mail" + 25 * " " + "| Jul  7 13:42:53 mx " + TAG,
    "Solaris": "Jul  7 13:42:53 mx " + TAG + "[ID 197553 mail.info] ",
    "ISO": "2024-07-07T13:42:53+00:00 mx " + TAG,
    "ISO, zone": "2024-07-07T15:42:53+02:00 mx " + TAG,
    "short-iso": "2024-07-07T15:42:53+0200 mx " + TAG,
    "fraction": "2024-07-07T13:42:53.000000Z mx " + TAG,
    "priority, ISO": "<22>2024-07-07T13:42:53Z mx " + TAG,
    "level": "2024-07-07T13:42:53Z info mx " + TAG,
    "level after the stamp, warn": "2024-07-07T13:42:53Z warn mx " + TAG,
    "RFC 5424": "<22>1 2024-07-07T13:42:53Z mx postfix/smtp 17 - - ",
    "RFC 5424, BOM": "<22>1 2024-07-07T13:42:53Z mx postfix/smtp 17 - - \ufeff",
    "RFC 5424, message id": "<22>1 2024-07-07T13:42:53Z mx postfix/smtp 17 mail - ",
    "RFC 5424, data": '<22>1 2024-07-07T13:42:53Z mx postfix/smtp 17 - [meta@1 x="1" y="2"] ',
    "RFC 5424 without priority": "1 2024-07-07T13:42:53Z mx postfix/smtp 17 - - ",
    "RFC 5424 behind its length (RFC 6587)": "120 <22>1 2024-07-07T13:42:53Z mx postfix/smtp 17 - - ",
    "a blank behind the priority": "<22> Jul  7 13:42:53 mx " + TAG,
    "any facility": "Jul  7 13:42:53 daemon.info mx " + TAG,
    "a level behind the host": "Jul  7 13:42:53 mx info " + TAG,
    "no blank behind the program": "Jul  7 13:42:53 mx " + TAG.rstrip(),
    "no colon behind the program": "Jul  7 13:42:53 mx postfix/smtp[17] ",
    "no colon and two blanks behind the program": "2024-07-07T13:42:53Z mx postfix/smtp[17]  ",
    "two blanks behind the program": "Jul  7 13:42:53 mx " + TAG + " ",
    "a level behind the program": "Jul  7 13:42:53 mx postfix/smtp[17] <Info>: ",
    "a host in brackets": "Jul  7 13:42:53 [mx] " + TAG,
    "Cisco's colon": "Jul  7 2024 13:42:53: mx " + TAG,
    "a year behind the clock": "Jul  7 13:42:53 2024 mx " + TAG,
    "asctime": "Sun Jul  7 13:42:53 2024 mx " + TAG,
    "short-full": "Sun 2024-07-07 15:42:53 CEST mx " + TAG,
    "short-full, fraction": "Sun 2024-07-07 13:42:53.000000 UTC mx " + TAG,
    "short-unix": "1720359773.000000 mx " + TAG,
    "French": "juil. 07 13:42:53 mx " + TAG,
    "Italian": "lug 07 13:42:53 mx " + TAG,
    "two hosts": "Jul  7 13:42:53 loghost mx " + TAG,
    "two hosts, ISO": "2024-07-07T13:42:53Z loghost mx " + TAG,
    "a stamp in a stamp": "Jul  7 13:42:55 loghost Jul  7 13:42:53 mx " + TAG,
    "a stamp and a priority in a stamp": "Jul  7 13:42:55 loghost <22>Jul  7 13:42:53 mx " + TAG,
    "the stamp that states all": "2024-07-07T13:42:53Z loghost Jul  7 15:42:53 mx " + TAG,
    "docker logs -t": "2024-07-07T13:42:53.000000000Z Jul  7 15:42:53 mx " + TAG,
    "kubernetes": "2024-07-07T13:42:53.000000000Z stdout F Jul  7 15:42:53 mx " + TAG,
    "docker compose -t": "mail-1  | 2024-07-07T13:42:53.000000000Z Jul  7 15:42:53 mx " + TAG,
    "kubectl --prefix": "[pod/mail-0/postfix] Jul  7 13:42:53 mx " + TAG,
    "Docker's syslog": "Jul  7 13:42:55 dock docker/mail[9]: Jul  7 13:42:53 mx " + TAG,
    "a container named as the server": "Jul  7 13:42:53 dock postfix[9]: Jul  7 13:42:53 mx " + TAG,
    "a container named as the server, the stamp that states all": "Jul  7 15:42:53 dock postfix-1[9]: 2024-07-07T13:42:53Z mx " + TAG,
    "a container named as the server, ISO": "2024-07-07T13:42:53Z dock postfix[9]: Jul  7 15:42:53 mx " + TAG,
    "a service named as the server": "Jul  7 13:42:53 mx postfix[9]: " + TAG,
    "logger": "Jul  7 13:42:53 mx postfix: " + TAG,
    "the journal's": "Jul  7 13:42:53 mx journal: " + TAG,
    "docker compose, coloured": "\x1b[36mmail_1  |\x1b[0m Jul  7 13:42:53 mx " + TAG,
    "docker compose, bold": "\x1b[36;1mmail-1  | \x1b[0mJul  7 13:42:53 mx " + TAG,
    "docker compose, its colours as text": "[36mmail_1  |[0m Jul  7 13:42:53 mx " + TAG,
    "a stamp in brackets": "[2024-07-07 13:42:53] mx " + TAG,
    "day before the month": "7 Jul 13:42:53 mx " + TAG,
    "day, month, year": "07 Jul 2024 13:42:53 mx " + TAG,
    "year, month, day: syslog-ng's FULLDATE": "2024 Jul  7 13:42:53 mx " + TAG,
    "weekday, day, month": "Sun, 07 Jul 2024 15:42:53 +0200 mx " + TAG,
    "multilog": "@40000000668a9b6700000000 mx " + TAG,
    "multilog, behind its stamp syslog's": "@40000000668a9b6700000000 Jul  7 15:42:53 mx " + TAG,
    "socklog": "2024-07-07_13:42:53.00000 mail.info: mx " + TAG,
    "CloudWatch": "1720359773000 Jul  7 15:42:53 mx " + TAG,
    "IRIX": "Jul  7 13:42:53 6C:mx " + TAG,
    "facility and level in brackets": "Jul  7 13:42:53 mx [mail.info] " + TAG,
    "multilog behind socklog": "@40000000668a9b6700000000 mail.info: Jul  7 13:42:53 mx " + TAG,
    "logread -t": "Sun Jul  7 13:42:53 2024 [1720359773.123] mail.info mx " + TAG,
    "aws logs tail": "2024-07-07T13:42:53.000000+00:00 mail/stream Jul  7 15:42:53 mx " + TAG,
    "Heroku": "2024-07-07T13:42:53.000000+00:00 app[web.1]: Jul  7 15:42:53 mx " + TAG,
    "forwarded by AIX": "Jul  7 13:42:53 loghost Message forwarded from mx: " + TAG,
    "grep -A": "/var/log/mail.log-Jul  7 13:42:53 mx " + TAG,
    "grep -nA, a rotated file": "mail.log-20240707-12-Jul  7 13:42:53 mx " + TAG,
    "grep -nT, a name with blanks": "/my logs/mail (1).log:  12:\tJul  7 13:42:53 mx " + TAG,
    "grep on Windows": "C:\\logs\\mail.log:2024-07-07T15:42:53+02:00 mx " + TAG,
    "cat -n": "    12\tJul  7 13:42:53 mx " + TAG,
    "uniq -c": "      1 Jul  7 13:42:53 mx " + TAG,
    "multitail": "00] Jul  7 13:42:53 mx " + TAG,
    "a diff": "+Jul  7 13:42:53 mx " + TAG,
    "quoted twice": ">> Jul  7 13:42:53 mx " + TAG,
    "a list": "* 7 Jul 13:42:53 mx " + TAG,
    "stern": "mail-0 \u203a postfix Jul  7 13:42:53 mx " + TAG,
    "a number before it": "000123: Jul  7 13:42:53 mx " + TAG,
    "rsyslog's priority as text": "mail.info<22>: Jul  7 13:42:53 mx " + TAG,
    "logcli": '2024-07-07T13:42:53Z {job="mail"} Jul  7 15:42:53 mx ' + TAG,
    "tabs": "Jul  7 13:42:53\tmx\tpostfix/smtp[17]:\t",
    "tabs, Kiwi's": "2024-07-07 13:42:53\tMail.Info\tmx\t" + TAG,
    "blanks of a page": "Jul\u00a0 7 13:42:53\u00a0mx\u00a0" + TAG.replace(" ", "\u00a0"),
    "colours": "\x1b[32mJul  7 13:42:53\x1b[0m mx \x1b[1m" + TAG + "\x1b[0m",
    "grep --color": "\x1b[35m\x1b[Kmail.log\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[KJul  7 13:42:53 mx " + TAG,
    "a mark within the file": "\ufeffJul  7 13:42:53 mx " + TAG,
    "Kiwi": "2024-07-07 13:42:53\tMail.Info\t192.0.2.9\tJul  7 13:42:53 mx " + TAG,
    "Kiwi, before a priority": "2024-07-07 13:42:53\tMail.Info\t192.0.2.9\t<22>Jul  7 13:42:53 mx " + TAG,
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_every_head_says_the_same(head):
    log = read(head + BODY + "\n")  # recognised, too
    event = log.events.iloc[0]
    assert event["time"] == pd.Timestamp("2024-07-07 13:42:53", tz="UTC")
    assert event[["host", "program", "pid", "queue_id", "kind", "text"]].tolist() == [
        "mx", "postfix/smtp", 17, "4F5C64474F", "deliver", BODY]  # fmt: skip
    assert log.recipients[["forward_path", "status", "code"]].values.tolist() == [["a@b", "bounced", 550]]


@settings(max_examples=300, deadline=None)
@given(
    st.text('<>&;gtlpre/"`,\t\r\n {}x:-\x1b[0m\u00a0', max_size=60),
    st.sampled_from(["", PLAIN, PLAIN.replace("<", "&lt;")]),
)
def test_no_line_is_lost_or_made_where_something_is_taken_off(text, line):
    whole = f"{text}{line}{text}\n{text}{line}\n{line}{text}\n"
    for plain in (wraps.plain, delimited.plain, carriers.plain):
        assert b"".join(plain(iter([whole.encode()]))).count(b"\n") == whole.count("\n")


OTHER = "Jul  7 13:42:53 mx dovecot: imap-login: Login: user=<a>"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda line: line.replace("<", "&lt;").replace(">", "&gt;"),
        lambda line: line.replace("<", "&lt;").replace(">", "&gt;") + "<br />",
        lambda line: line + "<br>",
        lambda line: "<pre>\n" + line + "\n</pre>",
        lambda line: "`" + line + "`",
        lambda line: '"' + line + '",',
        lambda line: "mail.log-12-" + line + "\n--",
        lambda line: line + "\r\r",
        lambda line: line.replace("mx", "\x1b[31mmx\x1b[0m"),
        lambda line: "==> mail.log <==\n" + line,
    ],
)
def test_what_stands_around_each_line_is_taken_off(wrapped):
    """As pages, quotes in programs, grep, terminals put it; what is exact is still to be had."""
    text = "".join(wrapped(line) + "\n" for line in (PLAIN, OTHER, PLAIN))
    log = read(text)
    assert log.events["text"].tolist() == [BODY] * 2 and log.events["host"].tolist() == ["mx"] * 2
    assert log.recipients["forward_path"].tolist() == ["a@b"] * 2 and len(log.unparsed) == 0
    assert log.raw(log.events.iloc[1]) in text.encode() and accounted(log)
    assert b"postfix/smtp[17]" in log.raw(log.events.iloc[1])


def test_a_head_within_a_line_is_none_in_a_log_as_its_server_wrote_it():
    """Anyone can write one into a message that another program logs."""
    log = read(
        f"{PLAIN}\n{OTHER} {PLAIN}\nSubject: {PLAIN}\n2024-07-07T13:42:53Z mx dovecot: x {{a}} {PLAIN}\n{PLAIN}\n"
    )
    assert log.events["line"].tolist() == [1, 5] and log.unparsed["line"].tolist() == [3]


@pytest.mark.parametrize("lines", [3, 5000])
def test_what_is_told_by_the_beginning_holds_for_the_file(lines, monkeypatch):
    monkeypatch.setattr(sources.Source.text, "__defaults__", (4000,))
    log = read(("> > " + PLAIN + "\n") * lines)
    assert len(log.events) == lines and log.events["text"].unique().tolist() == [BODY]


def test_what_a_head_may_lack():
    log = read(
        f"Jul  7 13:42:53 {TAG}{BODY}\nJul  7 13:42:53 mx postfix/smtp: {BODY}\n<22>1 2024-07-07T13:42:53Z mx postfix/smtp - - - {BODY}\n"
    )
    assert log.events["kind"].tolist() == ["deliver"] * 3
    assert log.events["host"].astype(object).fillna("").tolist() == ["", "mx", "mx"]
    assert log.events["pid"].fillna(0).tolist() == [17, 0, 0]


@pytest.mark.parametrize(
    "text", ["the Postfix mail system is running", "postfix/smtp[x", "Jul  7 10:42:53 cont postfix[x", ""]
)
def test_what_the_server_itself_says_is_its_own_text(text):
    event = read(PLAIN + f"\nJul  7 13:42:53 mx postfix[9]: {text}\n").events.iloc[1]
    assert (event["kind"], event["text"], event["program"], event["pid"]) == ("note", text, "postfix", 9)


@pytest.mark.parametrize("before", ["", "mx ", "smtp_1  | ", "\x1b[36msmtp-1  | \x1b[0m"])
def test_a_line_without_a_stamp_says_no_time(before):
    """Of containers whose logs have none, or as quoted."""
    log = read(before + TAG + BODY + "\n" + before + "postfix/smtpd[3]: connect from h.example[192.0.2.4]\n")
    assert log.events["kind"].tolist() == ["deliver", "connect"] and log.events["time"].isna().all()
    assert log.events["pid"].tolist() == [17, 3] and accounted(log)
    assert log.recipients[["forward_path", "status", "code"]].values.tolist() == [["a@b", "bounced", 550]]
    assert log.sessions["peer_ip"].tolist() == ["192.0.2.4"]


@pytest.mark.parametrize(
    "head", ["[123456.567890 <    0.000010 >] mx " + TAG, "<22>1 - mx postfix/smtp 17 - - "], ids=["short-delta", "NIL"]
)
def test_a_head_that_says_no_time(head):
    log = read(head + BODY + "\n" + head.replace("postfix/smtp", "dovecot") + "x\n")
    assert log.events[["host", "program", "pid", "text"]].values.tolist() == [["mx", "postfix/smtp", 17, BODY]]
    assert log.events["time"].isna().all() and log.sources["ignored_lines"].tolist() == [1]


def test_metalog_names_no_host_and_no_process():
    log = read(f"Jul  7 13:42:53 [postfix/smtp] {BODY}\nJul  7 13:42:53 [kernel] x\n")
    assert log.events[["kind", "program", "text"]].values.tolist() == [["deliver", "postfix/smtp", BODY]]
    assert log.sources["ignored_lines"].tolist() == [1]


@pytest.mark.parametrize("nobody", ["(none)", "-"])
def test_a_host_that_has_no_name(nobody):
    log = read(f"Jul  7 13:42:53 {nobody} {TAG}{BODY}\nJul  7 13:42:53 {nobody} dovecot: x y\n")
    assert log.events["host"].isna().all() and log.events["kind"].tolist() == ["deliver"]
    assert log.sources["ignored_lines"].tolist() == [1]


@pytest.mark.parametrize("level", ["INFO    ", "WARNING ", "ERR     ", "info "])
def test_a_level_where_the_host_would_be(level):
    log = read(f"2024-07-07T13:42:53.000000+00:00 {level}{TAG}{BODY}\n")
    assert log.events["host"].isna().all() and log.events["kind"].tolist() == ["deliver"]


@pytest.mark.parametrize(
    ("tag", "program"),
    [
        ("postfix-out/smtp[17]: ", "postfix-out/smtp"),
        ("postfix/relay/smtp[17]: ", "postfix/relay/smtp"),
        ("postfix/a/b/smtp[17]: ", "postfix/a/b/smtp"),
        ("postfix-192.0.2.1/smtp[17]: ", "postfix-192.0.2.1/smtp"),
        ("/postfix-script[17]: ", "/postfix-script"),
        ("mail/smtp[17]: ", "mail/smtp"),  # syslog_name=mail
        ("mx-out/relay/smtp[17]: ", "mx-out/relay/smtp"),
        ("transfer/lmtp[17]: ", "transfer/lmtp"),
        ("docker/smtp[9]: Jul  7 13:42:53 mx postfix/smtp[17]: ", "postfix/smtp"),  # a container's name
        ("postfix/127.0.0.1:10025/smtp[17]: ", "10025/smtp"),  # syslog_name=postfix/$service_name
    ],
)
def test_instance_names(tag, program):
    event = read(f"Jul  7 13:42:53 mx {tag}{BODY}\n").events.iloc[0]
    assert (event["program"], event["kind"], event["pid"], event["queue_id"]) == (program, "deliver", 17, "4F5C64474F")


@pytest.mark.parametrize("before", ["", "/mail/log/info.2.gz:"])
def test_an_appliance_names_no_process_and_its_instances_after_directions(before):
    """Barracuda's: ``inbound/smtpd``, ``outbound/qmgr``, the year behind the clock."""
    lines = (
        "inbound/smtpd: connect from h.example[192.0.2.4]",
        "inbound/smtpd: 4F5C64474F: client=h.example[192.0.2.4]",
        "outbound/qmgr: 4F5C64474F: from=<x@y>, size=46, nrcpt=1 (queue active)",
        f"outbound/smtp: {BODY}",
        "scan/reporter: 4F5C64474F: no daemon",
        "update/error: 12: not a delivery",
    )
    log = read("".join(f"{before}Jul 07 13:42:53 2024 mx {line}\n" for line in lines))
    assert log.events["program"].tolist() == ["inbound/smtpd", "inbound/smtpd", "outbound/qmgr", "outbound/smtp"]
    assert log.events["kind"].tolist() == ["connect", "receive", "queue", "deliver"]
    assert log.sources["ignored_lines"].tolist() == [2]
    assert log.transactions[["reverse_path", "outcome", "session"]].values.tolist() == [["x@y", "bounced", 0]]


@pytest.mark.parametrize(
    "line",
    [
        "Jul  7 13:42:53 mx dovecot: imap-login: Login: user=<a>",
        "Jul  7 13:42:53 mx opendkim[12]: 4F5C64474F: DKIM-Signature field added",
        "Jul  7 13:42:53 mx kernel: [    0.000000] Linux",
        "Jul  7 13:42:53 mx (sd-pam)[12]: pam_unix(systemd-user:session): session closed",
        "Jul  7 13:42:53 mx -- MARK --",
        "Jul  7 13:42:53 mx CRON[12]: (root) CMD (postfix flush)",
        "Jul  7 13:42:53 mx amavis[12]: (12-10) Passed CLEAN, Queue-ID: 4F5C64474F",
        "Jul  7 13:42:53 mx mail.info dovecot: x",
        "Jul  7 13:42:53 mx systemd[1]: Starting postfix.service - Postfix Mail Transport Agent...",
        "Jul  7 13:42:53 mx systemd[1]: postfix.service: Consumed 3s CPU time.",
        "Jul  7 13:42:53 mx systemd[1]: postfix@-.service: Deactivated successfully.",
        "Jul  7 13:42:53 mx smtpd[12]: x",
        "Jul  7 13:42:53 mx cyrus/master[12]: process type:SERVICE name:imap exited",
        "Jul  7 13:42:53 mx cyrus/lmtp[12]: Delivered: <1@a> to mailbox: user.joe",
        "2024-07-07T13:42:53.000000+00:00 INFO    opendkim[12]: x",
        "Jul  7 13:42:53 loghost mx dovecot: x",
        "Jul  7 13:42:53 loghost Jul  7 13:42:53 mx dovecot[12]: x",
        "2024-07-07T13:42:53.000000000Z stdout F Jul  7 15:42:53 mx dovecot[12]: x",
        "dovecot-mail-1  | Jul  7 13:42:53 mx dovecot: x",
        "mail-1             | [ INFO ]  Welcome",
        "mail-1  |",
        "\x1b[36mmail-1  |\x1b[0m Starting",
        "[36mmail-1  |[0m Jul  7 13:42:53 mx dovecot: x",
        "2024-07-07 13:42:53\tMail.Info\t192.0.2.9\tJul  7 13:42:53 mx dovecot: x",
        "<30>1 2024-07-07T13:42:53Z mx systemd 1 - - Started Postfix.",
        "2024-07-07T13:42:53Z mx rspamd[12]: <abc>; proxy; rspamd_message_parse",
        "Jul  7 13:42:53 mx last message repeated 2 times",
        "-- Journal begins at Mon 2024-01-01 00:00:00 UTC. --",
        "-- Boot 0123456789abcdef --",
        "--",
        "==> /var/log/mail.log <==",
        "Jul  7 13:42:53 [info] mx dovecot[12]: x",
        "[2024-07-07 13:42:53] dovecot: imap-login: Login: user=<a>",
        "[1720359773] mx dovecot[12]: x",
        "Jul  7 13:42:53 [crond] (root) CMD (postfix flush)",
        "2024-07-07T13:42:53.000000000Z Jul  7 15:42:53 mx dovecot[12]: x",
        "",
        " \t",
    ],
)
def test_other_programs_lines_are_ignored(line):
    log = read(f"{line}\n{PLAIN}\n{line}\n".replace("\nJul  7 13:42:53 mx last message repeated 2 times\n", "\n"))
    assert (len(log.events), len(log.unparsed)) == (1, 0)
    assert accounted(log)


@pytest.mark.parametrize(
    "line", ["nonsense", "Jul  7 13:42:53", "Jul  7 13:42:53 mx postfix", "\0\0\0", "ir/)", "a b | c"]
)
def test_a_line_without_a_good_head_is_unparsed(line):
    log = read(f"{PLAIN}\n{line}\n")
    assert log.unparsed["line"].tolist() == [2] and log.unparsed["text"].tolist() == [line]
    assert accounted(log)


def test_control_characters_that_rsyslog_escapes_stay_as_logged():
    log = read(PLAIN.replace("550 no", "550 no#012550 really#011no") + "\n")
    assert log.recipients["reply"].tolist() == ["550 no#012550 really#011no"]


# -- one line for several ----------------------------------------------------------------------------------

HEAD = "Jul  7 13:42:53 mx "


def test_message_repeated_n_times_is_n_events_and_n_recipients():
    log = read(f"{PLAIN}\n{HEAD}{TAG}message repeated 2 times: [ {BODY}]\n")
    assert log.events["repeats"].tolist() == [1, 2]
    assert log.events["text"].tolist() == [BODY, BODY]
    assert log.recipients["status"].tolist() == ["bounced"] * 3
    assert log.recipients["reply"].tolist() == ["550 no"] * 3
    assert log.transactions["recipients"].tolist() == [3]


@pytest.mark.parametrize(
    ("body", "table", "expected"),
    [
        ("warning: a[192.0.2.1]: SASL LOGIN authentication failed: no, sasl_username=joe", "sessions", {"user": "joe"}),
        (
            "warning: a[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
            "events",
            {"kind": "auth", "repeats": 3},
        ),
        (
            "NOQUEUE: reject: RCPT from a[192.0.2.1]: 450 4.7.1 no; from=<x@y> to=<a@b> proto=SMTP helo=<[192.0.2.1]>",
            "sessions",
            {"helo": "[192.0.2.1]"},
        ),
        ("4F5C64474F: removed", "events", {"kind": "remove"}),
        ("connect from a[192.0.2.1]", "sessions", {"peer_ip": "192.0.2.1"}),
        ("disconnect from a[192.0.2.1] rset=1 commands=0/2", "sessions", {"commands": 2, "resets": 1}),
    ],
)
def test_the_bracket_around_a_repeated_message_is_not_its_text(body, table, expected):
    log = read(f"{HEAD}postfix/smtpd[1]: message repeated 3 times: [ {body}]\n")
    row = getattr(log, table).iloc[0]
    assert {name: row[name] for name in expected} == expected
    assert log.events["text"].tolist() == [body]


@pytest.mark.parametrize("last", [False, True])
def test_what_can_happen_once_only_has_not_happened_again_when_it_is_repeated(last):
    """A message arrives once under its queue id, and a process has one client at a time."""
    lines = (
        "smtpd[1]: connect from a[192.0.2.1]",
        "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]",
        "cleanup[2]: 4F5C64474F: message-id=<1@b>",
        "smtpd[1]: disconnect from a[192.0.2.1] quit=1 commands=5",
    )
    text = ""
    for line in lines:
        tag, body = line.split(": ", 1)
        again = "last message repeated 2 times" if last else f"postfix/{tag}: message repeated 2 times: [ {body}]"
        text += f"{HEAD}postfix/{line}\n{HEAD}{again}\n"
    log = read(text + text.replace("4F5C64474F", "4F5C64475F"))
    assert log.transactions["message_id"].tolist() == ["1@b", "1@b"] and len(log.events) == 16
    assert log.sessions[["transactions", "ended"]].values.tolist() == [[1, "quit"], [1, "quit"]]
    assert spamlab.summary.totals(log)["received"] == 2


def test_a_text_of_its_own_in_brackets_stays():
    log = read(f"{HEAD}postfix/smtpd[1]: connect from a[192.0.2.1]\n{HEAD}postfix/x[1]: [a]\n")
    assert log.events["text"].tolist() == ["connect from a[192.0.2.1]", "[a]"]


def test_last_message_repeated_stands_for_the_line_before_it():
    log = read(
        f"{PLAIN}\nJul  7 13:43:00 mx last message repeated 2 times\nJul  7 13:44:00 mx last message repeated 3 times\n"
    )
    events = log.events
    assert events["repeats"].tolist() == [1, 2, 3]
    assert events["kind"].tolist() == ["deliver"] * 3
    assert events["text"].tolist() == [BODY] * 3
    assert events["time"].dt.strftime("%T").tolist() == ["13:42:53", "13:43:00", "13:44:00"]
    assert events["line"].tolist() == [1, 2, 3]
    assert log.recipients["status"].tolist() == ["bounced"] * 6
    assert log.raw(events.iloc[1]) == b"Jul  7 13:43:00 mx last message repeated 2 times\n"
    assert accounted(log)


def test_last_message_repeated_once():
    assert len(read(f"{PLAIN}\n{HEAD}last message repeated 1 time\n").recipients) == 2


def test_of_another_programs_line_it_is_another_programs_line():
    log = read(f"{PLAIN}\n{HEAD}dovecot: x\n{HEAD}last message repeated 2 times\n{HEAD}last message repeated 2 times\n")
    assert (len(log.events), len(log.recipients)) == (1, 1)
    assert log.sources["ignored_lines"].tolist() == [3]


def test_a_repeated_rejection_counts_so_often():
    reject = f"{HEAD}postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 450 4.7.1 no; from=<x@y> to=<a@b> proto=SMTP helo=<h>"
    log = read(f"{reject}\n{HEAD}last message repeated 4 times\n")
    assert spamlab.summary.totals(log)["rejected"] == 5
    assert log.sessions["session"].tolist() == [0]


@pytest.mark.parametrize("piece", [1, 60, 100, 150, 300, 1000])
def test_a_repeated_line_is_never_parted_from_what_it_repeats(monkeypatch, piece):
    text = "".join(
        f"{PLAIN}\n{HEAD}last message repeated {1 + i % 3} times\n" * (1 + i % 2) + f"{HEAD}dovecot: x\n"
        for i in range(40)
    )
    whole = read(text).tables()
    monkeypatch.setattr(sources, "READ", 64)
    monkeypatch.setattr(sources.Source.text, "__defaults__", (piece,))
    small = read(text).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(table, small[name])


def test_slices_scanned_while_the_compiler_works_keep_them_together(monkeypatch):
    text = f"{PLAIN}\n{HEAD}last message repeated 2 times\n" * 50
    whole = read(text).tables()
    monkeypatch.setattr(pieces, "SLICE", 200)
    monkeypatch.setattr(engine, "busy", lambda: True)
    for name, table in read(text).tables().items():
        pd.testing.assert_frame_equal(table, whole[name])


def test_so_many_repeats_in_a_row_that_a_piece_is_cut_between_them(monkeypatch):
    monkeypatch.setattr(sources.Source.text, "__defaults__", (4000,))
    log = read(PLAIN + "\n" + f"{HEAD}last message repeated 2 times\n" * 1000)
    assert accounted(log) and len(log.unparsed) == 0


def test_seconds_since_the_start_are_no_times():
    """``journalctl -o short-monotonic``: the messages are read, without times."""
    log = read(
        "[    1.234567] mx kernel: Linux version 6.1\n"
        "[ 1234.567890] mx postfix/smtpd[269]: 4F5C64474F: client=h.example.com[192.0.2.1]\n"
        f"[123456.567890] mx {TAG}{BODY}\n"
        "[123456.667890] mx systemd[1]: Started x.\n"
    )
    assert log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [[2, 2, 0]]
    assert log.events["time"].isna().all() and log.events["host"].tolist() == ["mx", "mx"]
    assert log.recipients["status"].tolist() == ["bounced"] and len(log.transactions) == 1


def test_supercomputers_logs_state_the_time_before_the_line():
    """As the public collections BGL and Thunderbird are: mark, seconds since 1970, day, node, and the line."""
    log = read(
        f"- 1720359773 2024.07.07 mx {PLAIN}\nALERT 1720359774 2024.07.07 mx Jul 7 06:42:54 x@mx/y crond[7]: hi\n"
    )
    assert log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [[1, 1, 0]]
    assert log.events["time"].tolist() == [pd.Timestamp("2024-07-07 13:42:53", tz="UTC")]
    assert log.recipients["status"].tolist() == ["bounced"]


@pytest.mark.parametrize("plain", [PLAIN, "2024-07-07 13:42:53 10HmbC-0005vi-00 ** a@b R=x T=y: no"])
def test_nuls_before_a_line_do_not_hide_it(plain):
    """A file emptied while a daemon has it open begins with them (logrotate's ``copytruncate``), or a crash left some."""
    log = read(b"\0" * 3000 + plain.encode() + b"\n" + plain.encode() + b"\n")
    assert log.recipients["status"].tolist() == ["bounced", "bounced"] and accounted(log)
    assert log.events["text"].nunique() == 1 and log.raw(log.events.iloc[0]).startswith(b"\0")


EXIM = [
    "2024-07-07 13:42:53 10HmbC-0005vi-00 <= b@example.org H=h.example.org [192.0.2.4] P=esmtp S=100 id=1@example.org",
    '2024-07-07 13:42:53 10HmbC-0005vi-00 => a@example.org R=r T=t H=mx [192.0.2.1] C="250 ok"',
    "2024-07-07 13:42:53 10HmbC-0005vi-00 Completed",
]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda line: "mainlog-12-" + line,
        lambda line: "/var/log/exim/mainlog.2.gz:" + line,
        lambda line: "    12\t" + line,
        lambda line: "> " + line,
        lambda line: "2024-07-07T13:42:53.000000000Z stdout F " + line.replace(" 13:", " 15:"),
        lambda line: "2024-07-07T13:42:53.000000000Z " + line.replace(" 13:", " 15:"),
        lambda line: "exim-1  | 2024-07-07T13:42:53.000000000Z " + line.replace(" 13:", " 15:"),
        lambda line: "[pod/exim-0/exim] " + line,
        lambda line: json.dumps(
            {"log": line.replace(" 13:", " 15:") + "\n", "stream": "stdout", "time": "2024-07-07T13:42:53Z"}
        ),
        lambda line: json.dumps({"line": line, "timestamp": "1720359773000000000"}),
        lambda line: '2024-07-07T13:42:53Z {job="exim"} ' + line,
        lambda line: '"x","' + line.replace('"', '""') + '"',
        lambda line: line.replace("<", "&lt;").replace(">", "&gt;"),
        lambda line: "\x1b[32m" + line + "\x1b[0m",
        lambda line: line.replace(" ", "\u00a0"),
        lambda line: "==> mainlog <==\n" + line,
    ],
)
def test_lines_that_exim_itself_wrote_are_taken_out_of_the_same(wrapped):
    text = "".join(wrapped(line) + "\n" for line in EXIM)
    log = read(text)
    assert log.sources[["format", "event_lines", "unparsed_lines"]].values.tolist() == [["exim", 3, 0]]
    assert log.events["time"].unique().tolist() == [pd.Timestamp("2024-07-07 13:42:53", tz="UTC")]
    assert log.events["text"].tolist() == [line[20:] for line in EXIM] and log.transactions["outcome"].tolist() == [
        "delivered"
    ]
    assert log.raw(log.events.iloc[2]) in text.encode()
