"""Rows of exports to CSV and TSV as lines."""

import csv
import io

import pandas as pd
import pytest

import spamlab
from spamlab import sources
from spamlab.carriers import delimited

BODY = '4F5C64474F: to=<a@b>, relay=mx[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (550 "no", sorry)'
LINE = "Jul  7 13:42:53 mx postfix/smtp[17]: " + BODY
TIME = "2024-07-07T13:42:53.000Z"

ROWS = {
    "CloudWatch": (["@timestamp", "@message"], ["2024-07-07 13:42:53.000", LINE]),
    "Grafana": (["Time", "Line"], ["1720359773000", LINE]),
    "Splunk": (["_raw", "_time", "host"], [LINE, "2024-07-07T13:42:53.000+0000", "x"]),
    "Graylog": (["timestamp", "source", "message"], [TIME, "mx", f"mx postfix/smtp[17]: {BODY}"]),
    "Graylog's parts": (["timestamp", "source", "application_name", "process_id", "message"], [TIME, "mx", "postfix/smtp", "17", BODY]),
    "Kibana": (["@timestamp", "host.name", "process.name", "process.pid", "message"],
               ["Jul 7, 2024 @ 13:42:53.000", "mx", "postfix/smtp", "17", BODY]),
    "rsyslog's database": (["ID", "ReceivedAt", "FromHost", "SysLogTag", "Message"], ["1", "2024-07-07 13:42:53", "mx", "postfix/smtp[17]:", BODY]),
    "a date and a clock": (["Date", "Time", "Priority", "Hostname", "Message"],
                           ["2024/07/07", "13:42:53", "Mail.Info", "mx", f"postfix/smtp[17]: {BODY}"]),
    "Kiwi": ([], ["2024-07-07 13:42:53", "Mail.Info", "mx", f"postfix/smtp[17]: {BODY}"]),
    "Kiwi, a date and a clock": ([], ["2024-07-07", "13:42:53", "Mail.Info", "mx", LINE]),
    "Kiwi, RFC 5424": ([], ["2024-07-07 13:42:53", "Mail.Info", "x", f"1 {TIME} mx postfix/smtp 17 - - {BODY}"]),
    "Papertrail": ([], ["9", TIME, TIME, "8", "mx", "192.0.2.9", "Mail", "Info", "postfix/smtp[17]", BODY]),
}  # fmt: skip


def written(names, row, apart, other=True, quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    put = csv.writer(
        out,
        delimiter=apart,
        quoting=csv.QUOTE_NONE if apart == "\t" else quoting,
        quotechar=None if apart == "\t" else '"',
    )
    rows = [row, [value.replace("postfix/smtp", "kernel").replace(BODY, "hi there") for value in row], row]
    put.writerows([names, *rows] if names else rows)
    return out.getvalue()


APART = [
    (named, apart) for named in ROWS for apart in ("\t" if named == "Papertrail" else ",;\t")
]  # its rows have tabs


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(("named", "apart"), APART)
def test_each_export_says_the_same(named, apart, quoting):
    names, row = ROWS[named]
    text = written(names, row, apart, quoting=quoting)
    log = spamlab.read(io.BytesIO(text.encode()), year=2024)
    counts = ["format", "event_lines", "ignored_lines", "unparsed_lines"]
    assert log.sources[counts].values.tolist() == [["postfix", 2, 1 + bool(names), 0]]
    event = log.events.iloc[1]
    assert event["time"] == pd.Timestamp("2024-07-07 13:42:53", tz="UTC")
    assert event[["host", "program", "pid", "text"]].tolist() == ["mx", "postfix/smtp", 17, BODY]
    assert log.raw(event) == text.splitlines(keepends=True)[-1].encode()


@pytest.mark.parametrize("named", ["CloudWatch", "Graylog's parts"])
def test_one_row_below_its_names_is_enough(named):
    names, row = ROWS[named]
    text = "\n".join(written(names, row, ",").splitlines()[:2]) + "\n"
    assert spamlab.read(io.BytesIO(text.encode()), year=2024).events["text"].tolist() == [BODY]


def test_a_row_that_is_none_stays_as_it_is(monkeypatch):
    names, row = ROWS["Graylog's parts"]
    text = written(names, row, ",") + 'broken","row\n' + written([], row, ",") * 50
    whole = spamlab.read(io.BytesIO(text.encode()))
    assert whole.unparsed["text"].tolist() == ['broken","row'] and len(whole.events) == 102
    monkeypatch.setattr(sources.Source.text, "__defaults__", (2000,))
    pd.testing.assert_frame_equal(spamlab.read(io.BytesIO(text.encode())).events, whole.events)


@pytest.mark.parametrize(
    "text",
    [
        "time,message\n1,hello\n2,world\n",
        "name,program,message\na,b,c\n" * 9,
        "Timestamp,EventId,Source,Sender,MessageSubject\n2024-07-07T13:42:53Z,SEND,SMTP,a@b,hi\n",
    ],
)
def test_other_tables_pass_as_they_are(text):
    assert b"".join(delimited.plain(iter([text.encode()]))) == text.encode()
