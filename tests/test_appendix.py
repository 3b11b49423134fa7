"""Appendix A: the restored log, and every row of its ground truth (counted by hand from the page)."""

from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab.appendix import restore

DATA = Path(__file__).parents[1] / "data"
LOG = DATA / "exchange55-appendix-a.log"
SIZES = [2171, 2135, 2188, 2155, 2192, 2192, 2148, 2148]
THREE, SIX = "$RANDOMIZE3T@NETSCAPE.COM", "$RANDOMIZE6E@NETSCAPE.COM"


@pytest.fixture(scope="module")
def log():
    return spamlab.read(LOG)


@pytest.fixture(scope="module")
def live(log):
    """The complete session's events, each counted once."""
    events = log.events
    return events[events["session"].eq(1) & ~events["echo"]]


def test_the_log_is_the_page_restored_by_rule():
    page = (DATA / "exchange55-appendix-a.raw.txt").read_text(encoding="utf-8")
    assert restore(page) == LOG.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("```\na\n```\n\n\n\n```\nb\n```\n", "a\nb\n"),  # a page break
        ("```\na\n\nb\n", "a\n\nb\n"),  # an empty line of the log itself stays
        ("Title\n\n```\na RE-\nJECTED: B\n", "a REJECTED: B\n"),
        ("```\nREJECTED:\nTHIS USER\n", "REJECTED: THIS USER\n"),
        ("```\n<\\$X@Y>\n<${X@Y}>\n", "<$X@Y>\n<$X@Y>\n"),
        ("```\nI0: |250 0k ESMTF\n", "I0: |250 0k ESMTF\n"),  # misreadings of the scan are left
    ],
)
def test_each_rule_of_the_restoration(page, expected):
    assert restore(page) == expected


def test_72_timestamped_events_in_two_sessions(log):
    assert len(log.events) == 72
    assert log.events["time"].notna().all()
    assert len(log.sessions) == 2
    end_of_one, complete = log.sessions.iloc[0], log.sessions.iloc[1]
    assert (end_of_one["peer_host"], end_of_one["replies"], end_of_one["commands"]) == ("ATT.COM", 1, 0)
    assert (complete["role"], complete["peer_ip"], complete["ended"]) == ("client", "216.200.145.19", "quit")
    assert complete["peer_host"] == "IMTA01.MTA.EVERYONE.NET"
    assert complete["helo"] == "VULNERABLE.SERVER.COM"
    assert complete["start"] == pd.Timestamp("2003-11-11 14:00:01", tz="UTC")
    assert complete["end"] == pd.Timestamp("2003-11-11 14:00:27", tz="UTC")


def test_the_excerpt_spans_64_seconds_the_session_26(log):
    span = log.events["time"].max() - log.events["time"].min()
    complete = log.sessions.iloc[1]
    assert span.total_seconds() == 64
    assert (complete["end"] - complete["start"]).total_seconds() == 26


def test_25_commands(live):
    commands = live[live["kind"] == "command"]
    assert commands["verb"].value_counts().to_dict() == {
        "MAIL": 8,
        "RCPT": 8,
        "RSET": 7,
        "EHLO": 1,
        "QUIT": 1,
    }


def test_26_replies_each_counted_once(log, live):
    replies = live[live["kind"] == "reply"]
    assert replies["code"].value_counts().to_dict() == {250: 16, 550: 8, 220: 1, 221: 1}
    assert log.sessions["replies"].tolist() == [1, 26]
    assert log.sessions["resets"].tolist() == [0, 7]
    # A raw line has a copy after it, but for the seven RSET replies and the last 221.
    raw_alone = replies["lines"].gt(1) | replies["line"].eq(131)
    copies = log.events[log.events["session"].eq(1) & log.events["echo"]]
    assert raw_alone.sum() - len(copies) == 8


def test_eight_transactions_all_null_all_rejected_at_rcpt(log, live):
    transactions = log.transactions
    assert transactions["size"].tolist() == SIZES
    assert transactions["null_sender"].all()
    assert (transactions["reverse_path"] == "").all()
    assert (transactions["recipients"] == 1).all()
    assert (transactions["rejected"] == 1).all()
    assert (transactions["outcome"] == "rejected").all()
    assert transactions["number"].tolist() == list(range(1, 9))
    assert log.recipients["status"].eq("rejected").all()
    assert log.recipients["code"].eq(550).all()
    assert not live["verb"].eq("DATA").any()


def test_recipients_are_unexpanded_macros(log):
    assert log.recipients["forward_path"].tolist() == [THREE, THREE, SIX, SIX, SIX, THREE, SIX, THREE]


def test_an_event_runs_from_mail_to_the_reply_to_rset(log, live):
    first = live[live["transaction"].eq(0)]
    assert first["verb"].dropna().tolist() == ["MAIL", "RCPT", "RSET"]
    assert first["code"].dropna().tolist() == [250, 550, 250]
    assert live[live["verb"].eq("QUIT")]["transaction"].isna().all()


def test_nothing_is_lost_and_raw_gives_the_page_back(log):
    source = log.sources.iloc[0]
    assert source["lines"] == source["event_lines"] + source["ignored_lines"] + source["unparsed_lines"] == 131
    assert source["unparsed_lines"] == len(log.unparsed) == 0
    stored = LOG.read_bytes().splitlines(keepends=True)
    for _, event in log.events.iterrows():
        begin = event["line"] - 1
        assert log.raw(event) == b"".join(stored[begin : begin + event["lines"]])


def test_assumptions_are_stated(log):
    source = log.sources.iloc[0]
    assert source["tz_assumed"] == "UTC"
    assert source["resolution"] == 1.0
    assert not source["dayfirst_assumed"]  # 11/11/03 decides nothing
