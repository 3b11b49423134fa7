"""JSON lines as plain lines: one for one, whatever a line holds."""

import io
import json

import pandas as pd
import pytest

import spamlab
from spamlab.carriers import jsonlines, parsing


def plain(text):
    return b"".join(jsonlines.plain(iter([text.encode()]))).decode()


def entry(message, **more):
    told = {
        "__REALTIME_TIMESTAMP": "1720359773000001",
        "_HOSTNAME": "mx",
        "SYSLOG_IDENTIFIER": "postfix/smtpd",
        "_PID": "12",
    }
    return json.dumps({**told, "MESSAGE": message, **more})


HEAD = "2024-07-07T13:42:53.000001+00:00 mx postfix/smtpd[12]: "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (entry("connect from a[192.0.2.1]"), HEAD + "connect from a[192.0.2.1]"),
        (entry("x", SYSLOG_PID="7"), HEAD.replace("[12]", "[7]") + "x"),
        (entry(list(b"caf\xc3\xa9 \xff")), HEAD + "café \\xff"),
        (entry("two\nlines\r\n"), HEAD + "two lines  "),
        (entry(None), HEAD),
        (entry("x", SYSLOG_IDENTIFIER=None, _COMM="smtpd"), HEAD.replace("postfix/", "") + "x"),
        (entry("x", SYSLOG_IDENTIFIER=["a", "b"]), HEAD.replace("postfix/smtpd", "b") + "x"),
        (entry("x", _PID=None), HEAD.replace("[12]", "") + "x"),
        (entry("x", _HOSTNAME=None), HEAD.replace("mx ", "") + "x"),
        (entry("x", __REALTIME_TIMESTAMP="soon"), None),
        (entry("x")[:-5], None),
        ("[1, 2]", None),
        ("", None),
        ("no JSON", None),
        ("{" * 100_000, None),
    ],
)
@pytest.mark.parametrize("good", [0, 3])
def test_a_journal_line(line, expected, good):
    text = "\n".join([*[entry("ok")] * (good + 1), line, entry("end")]) + "\n"
    expected = line if expected is None else expected
    assert plain(text).split("\n") == [*[HEAD + "ok"] * (good + 1), expected, HEAD + "end", ""]


def test_other_text_passes_as_it_is():
    pieces = [b"a\n{\n", b"", b'{"log":"x"}\n', b"\xef\xbb\xbf{}", b"  \n{}"]
    assert list(jsonlines.plain(iter(pieces))) == pieces


def test_blocks_are_cut_between_lines(monkeypatch):
    text = "".join(entry(str(i)) + "\r\n" for i in range(50))
    whole = plain(text)
    monkeypatch.setattr(parsing, "BLOCK", 300)
    assert plain(text) == whole
    assert whole.count("\n") == 50


def test_a_journal_is_read_as_syslog():
    text = "\n".join(
        [
            entry("connect from a.example[192.0.2.1]"),
            entry("4F5C64474F: client=a.example[192.0.2.1]"),
            "{broken",
            entry("Started session", SYSLOG_IDENTIFIER="systemd"),
            "",
        ]
    )
    log = spamlab.read(io.BytesIO(text.encode()))
    assert log.sources[["format", "lines", "event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [
        ["postfix", 4, 2, 1, 1]
    ]
    assert log.events[["host", "program", "pid"]].values.tolist() == [["mx", "postfix/smtpd", 12]] * 2
    assert log.raw(log.events.iloc[1]) == text.splitlines(keepends=True)[1].encode()


SYSLOG = "Jul  7 15:42:53 mx postfix/smtpd[12]: connect from a[192.0.2.1]"


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ({"log": SYSLOG + "\n", "stream": "stdout", "time": "2024-07-07T13:42:53.5Z"}, "2024-07-07T13:42:53.500000"),
        (
            {"log": SYSLOG[20:] + "\n", "stream": "stdout", "time": "2024-07-07T13:42:53.5Z"},
            "2024-07-07T13:42:53.500000",
        ),
        ({"@timestamp": "2025-01-01T00:00:00Z", "message": SYSLOG, "log": {"file": "x"}}, "2024-07-07T15:42:53.000000"),
        (
            {"@timestamp": "2025-01-01T00:00:00Z", "message": SYSLOG, "input": {"type": "log"}},
            "2024-07-07T15:42:53.000000",
        ),
    ],
)
def test_what_docker_keeps_and_shippers_send(told, time):
    log = spamlab.read(io.BytesIO((json.dumps(told) + "\n").encode() * 3), year=2024)
    assert log.sources[["format", "lines", "event_lines"]].values.tolist() == [["postfix", 3, 3]]
    assert log.events["time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").unique().tolist() == [time]
    assert log.events["kind"].unique().tolist() == ["connect"]
    assert log.raw(log.events.iloc[1]) == (json.dumps(told) + "\n").encode()


BODY = "4F5C64474F: to=<a@b>, relay=mx[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (550 no)"
PARTED = {
    "rsyslog": {"timereported": "2024-07-07T13:42:53+00:00", "sysloghost": "mx", "severity": "info", "procid": "17",
                "programname": "postfix/smtp", "message": " " + BODY},
    "rsyslog, with its tag": {"@timestamp": "2024-07-07T13:42:53+00:00", "host": "mx", "syslogtag": "postfix/smtp[17]:", "msg": BODY},
    "syslog-ng": {"PROGRAM": "postfix/smtp", "PRIORITY": "info", "PID": "17", "MESSAGE": BODY, "HOST_FROM": "x", "HOST": "mx",
                  "DATE": "Jul  7 13:42:53"},
    "mailcow": {"time": "1720359773", "program": "postfix/smtp", "priority": "info", "message": BODY},
    "numbers": {"time": 1720359773, "program": "postfix/smtp", "pid": 17, "host": "mx", "message": BODY},
    "Logstash": {"@timestamp": "2024-07-07T13:42:53.000Z", "program": "postfix/smtp", "pid": "17", "logsource": "mx", "host": "172.17.0.1",
                 "facility": 2, "tags": [], "message": BODY + "\n"},
    "Beats": {"@timestamp": "2024-07-07T13:42:53.000Z", "program": "postfix/smtp", "pid": "17", "host": {"name": "mx"}, "message": BODY},
    "Fluentd": {"host": "mx", "ident": "postfix/smtp", "pid": "17", "message": BODY, "time": "2024-07-07 13:42:53"},
    "Vector": {"appname": "postfix/smtp", "hostname": "mx", "procid": 17, "timestamp": "2024-07-07T13:42:53Z", "message": BODY},
    "rsyslog, jsonmesg": {"msg": " " + BODY, "timereported": "2024-07-07T13:42:53+00:00", "hostname": "mx", "programname": "postfix",
                          "syslogtag": "postfix/smtp[17]:", "procid": "17"},
    "Elastic's schema": {"@timestamp": "2024-07-07T13:42:53.000Z", "host": {"hostname": "mx"}, "process": {"name": "postfix/smtp", "pid": 17},
                         "message": BODY},
    "of an index": {"_index": "x", "_source": {"@timestamp": "2024-07-07T13:42:53.000Z", "program": "postfix/smtp", "pid": 17,
                                               "logsource": "mx", "message": BODY}},
    "the line as it came": {"@timestamp": "2025-07-07T13:42:53.000Z", "event": {"original": f"Jul  7 13:42:53 mx postfix/smtp[17]: {BODY}"},
                            "process": {"name": "x"}, "message": BODY},
    "Google's": {"insertId": "1", "jsonPayload": {"message": BODY, "pid": "17", "ident": "postfix/smtp", "host": "mx"},
                 "timestamp": "2024-07-07T13:42:53Z"},
    "GELF": {"version": "1.1", "host": "mx", "short_message": BODY, "timestamp": 1720359773.0, "_program": "postfix/smtp", "_pid": 17},
    "Graylog": {"timestamp": "2024-07-07T13:42:53.000Z", "source": "mx", "message": f"mx postfix/smtp[17]: {BODY}"},
    "Papertrail": {"program": "postfix/smtp[17]", "message": BODY, "generated_at": "2024-07-07T13:42:53Z", "hostname": "mx"},
    "Azure": {"EventTime": "2024-07-07T13:42:53Z", "HostName": "mx", "SyslogMessage": BODY, "ProcessName": "postfix/smtp", "ProcessID": 17},
    "Telegraf": {"fields": {"message": BODY, "procid": "17", "timestamp": 1720359773000000000}, "tags": {"appname": "postfix/smtp", "hostname": "mx"}},
    "a journal's entry as text": {"labels": {"unit": "x"}, "timestamp": "2024-07-07T13:42:53Z", "line": json.dumps(
        {"MESSAGE": BODY, "_HOSTNAME": "mx", "SYSLOG_IDENTIFIER": "postfix/smtp", "_PID": "17"})},
    **{f"a line as {name}": {name: f"Jul  7 13:42:53 mx postfix/smtp[17]: {BODY}", "time": 1720359773}
       for name in ("log", "line", "textPayload", "_raw", "raw", "event", "message")},
    "a whole line": {"@timestamp": "2025-01-01T00:00:00Z", "program": "x", "message": f"Jul  7 13:42:53 mx postfix/smtp[17]: {BODY}"},
}  # fmt: skip


@pytest.mark.parametrize("told", PARTED.values(), ids=PARTED)
def test_a_head_in_parts(told):
    written = json.dumps(told)
    other = written.replace("postfix/smtp", "kernel").replace(BODY, "hello world").replace('"postfix"', '"kernel"')
    text = "".join(one + "\n" for one in (written, other, written))
    log = spamlab.read(io.BytesIO(text.encode()), year=2024)
    assert log.sources[["format", "lines", "event_lines", "ignored_lines"]].values.tolist() == [["postfix", 3, 2, 1]]
    event = log.events.iloc[0]
    assert event["time"] == pd.Timestamp("2024-07-07 13:42:53", tz="UTC")
    assert event[["program", "queue_id", "text"]].tolist() == ["postfix/smtp", "4F5C64474F", BODY]
    if told is not PARTED["mailcow"]:  # which tells neither
        assert event[["host", "pid"]].tolist() == ["mx", 17]
    assert log.recipients["code"].tolist() == [550, 550]


@pytest.mark.parametrize(
    "dressed",
    [
        lambda lines: "[" + ",\n".join(lines) + "]\n",
        lambda lines: "[\n" + ",\n".join("  " + line for line in lines) + "\n]\n",
        lambda lines: "[\r\n" + "\r\n,".join(lines) + "\r\n]",
        lambda lines: "".join("\x1e" + line + "\n" for line in lines),  # RFC 7464
        lambda lines: "".join("data: " + line + "\n\n" for line in lines),  # server-sent events
    ],
)
def test_records_one_a_line_in_an_array_or_behind_marks(dressed):
    text = dressed([json.dumps({**PARTED["numbers"], "message": said}) for said in (BODY, "x]", BODY)])
    log = spamlab.read(io.BytesIO(text.encode()))
    assert log.sources[["event_lines", "unparsed_lines"]].values.tolist() == [[3, 0]]
    assert set(log.events["text"]) >= {BODY} and log.events["host"].tolist() == ["mx"] * 3
    assert log.raw(log.events.iloc[0]) in text.encode()


@pytest.mark.parametrize(
    "before", ["2024-07-07T15:42:53+02:00\tmail.info\t", "2024-07-07 15:42:53.000000000 +0200 mail.info: "]
)
def test_fluentd_puts_the_time_before_its_records(before):
    told = {"host": "mx", "ident": "postfix/smtp", "pid": "17", "message": BODY}
    log = spamlab.read(io.BytesIO((before + json.dumps(told) + "\n").encode() * 3))
    assert log.events["time"].unique().tolist() == [pd.Timestamp("2024-07-07 13:42:53", tz="UTC")]
    assert log.events[["host", "program", "pid", "text"]].values.tolist() == [["mx", "postfix/smtp", 17, BODY]] * 3


def test_other_records_are_refused_as_they_are():
    for told in (
        {"time": 1, "message": "hi"},
        {"program": "postfix/smtp"},
        {"a": {"b": [1, {"c": "postfix/smtp[1]: x"}]}},
        [1],
        {},
    ):
        with pytest.raises(spamlab.UnknownFormat):
            spamlab.read(io.BytesIO((json.dumps(told) + "\n").encode() * 5))
