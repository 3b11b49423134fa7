"""What stands out in a log of which it is known what happened, since when and by whom."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import tables, unusual
from tests import attacks


def read(made: bytes) -> spamlab.Log:
    return spamlab.read(io.BytesIO(made), format="postfix", year=2026)


def told(log: spamlab.Log) -> str:
    return "\n".join(unusual.text(unusual.counts(log), "UTC"))


@pytest.mark.parametrize(
    ("attack", "reading", "who"),
    [
        (attacks.harvest, "somebody is trying addresses that do not exist", "client: host100"),
        (
            attacks.harvest_by_many,
            "somebody is trying addresses that do not exist",
            " clients, each with less than a tenth of it",
        ),
        (attacks.incoming, "error messages come for mail that was not sent from here", "sender: <> (100%)"),
        (
            attacks.backscatter,
            "this server takes mail and then returns it",
            " recipient domains, each with less than a tenth of it",
        ),
        (attacks.stolen, "account user7 sends far more than before", "account: user7"),
        (attacks.guessing, "somebody is guessing passwords", "account: "),
        (attacks.deferring, "gmail.test does not take mail", "recipient domain: gmail.test"),
        (
            attacks.full_disk,
            "this server takes no mail, for want of space",
            "reason: 4.3.1 Insufficient system storage (100%)",
        ),
    ],
)
def test_an_attack_is_named_with_its_beginning_and_who_makes_it(attack: attacks.Attack, reading: str, who: str) -> None:
    log = read(attacks.log(attack))
    (finding,) = unusual.findings(unusual.counts(log)) or []
    assert abs(finding.begin - pd.Timestamp(attacks.ONSET, tz="UTC")) <= pd.Timedelta("30min")
    assert finding.lasts
    said = told(log)
    assert said.startswith("Since 2026-03-04 14:")
    assert reading in said.splitlines()[0]
    assert who in said
    assert "beyond the usual" in said.splitlines()[-1]


def test_what_else_it_brought_is_told() -> None:
    """Connections are as many as ever by day, but not by night: they came with the guesses."""
    said = told(read(attacks.log(attacks.guessing))).splitlines()[-1]
    assert " failed log-ins, " in said and " connections" in said
    assert "recipients" not in said


@pytest.mark.parametrize("seed", range(5))
def test_days_nights_and_newsletters_are_nothing_unusual(seed: int) -> None:
    assert told(read(attacks.log(seed=seed))) == unusual.NOTHING


def after_a_weekend(time: dt.datetime) -> float:
    return 3 if time.weekday() > 4 else 300 if 8 <= time.hour < 18 else 6


def after_a_night(time: dt.datetime) -> float:
    return 300 if time.hour >= 8 else 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("an_hour", "begin", "end"),
    [
        (after_a_weekend, dt.datetime(2026, 3, 6), dt.datetime(2026, 3, 11)),
        (after_a_weekend, dt.datetime(2026, 3, 7), dt.datetime(2026, 3, 9, 20)),
        (after_a_night, dt.datetime(2026, 3, 4), dt.datetime(2026, 3, 4, 10)),
    ],
)
def test_mondays_and_mornings_are_nothing_unusual(
    an_hour: attacks.Rate, begin: dt.datetime, end: dt.datetime, seed: int
) -> None:
    """The host that hands in everybody's mail hands in more of it, and a few more passwords are wrong."""
    assert told(read(attacks.quiet(an_hour, begin, end, seed))) == unusual.NOTHING


def test_growth_that_all_mail_shares_is_nothing_unusual() -> None:
    assert told(read(attacks.log(attacks.growth, an_hour=400))) == unusual.NOTHING


def test_of_a_short_log_nothing_is_said() -> None:
    log = spamlab.read(Path(__file__).parent.parent / "data" / "samples" / "postfix.log", year=2026)
    assert told(log) == unusual.answer(log) == unusual.said(log) == unusual.SHORT
    assert unusual.series(log).empty
    assert unusual.told(unusual.counts(log)) == []


def test_parts_give_what_the_whole_gives() -> None:
    made = attacks.log(attacks.stolen)
    at = made.index(b"\nMar  4 00:") + 1
    parts = unusual.Counts()
    for each in (made[:at], made[at:]):
        parts.add(read(each))
    assert unusual.text(parts, "UTC") == told(read(made)).splitlines()


def test_what_a_log_says_is_shown_as_text() -> None:
    made = attacks.log(attacks.stolen).replace(b"user7@example.com", b"\x1b[31m<b>$x$@example.com")
    assert "\x1b" not in told(read(made))


def test_who_was_refused_before_there_was_a_message_is_known() -> None:
    """Postfix and Exim name client and sender in the line alone; Exim logs no connections by default."""
    exim = """\
2026-03-02 10:00:00 H=(x) [192.0.2.9]:2525 F=<> rejected RCPT <a@example.com>: Unknown user
2026-03-02 10:00:01 H=mail.example.net (x) [192.0.2.8] F=<b@example.net> rejected RCPT <b@example.com>: Unknown user
2026-03-02 10:00:02 1w0001-000001-AB <= c@example.net H=mail.example.net [192.0.2.8]:25 P=esmtp S=900
"""
    rows = spamlab.messages.flow(spamlab.read(io.BytesIO(exim.encode()), format="exim")).sort_values("time")
    assert rows["client"].tolist() == ["192.0.2.9", "mail.example.net", "mail.example.net"]
    assert rows["sender"].tolist() == ["", "b@example.net", "c@example.net"]
    assert spamlab.traffic.top_senders(spamlab.read(io.BytesIO(exim.encode()), format="exim"))["rejected"].to_dict() == {
        "c@example.net": 0, "<>": 1, "b@example.net": 1,
    }  # fmt: skip


def test_a_greeting_made_to_look_like_a_client_is_none() -> None:
    line = "2026-03-02 10:00:00 H=(y) H=mx.victim.example [203.0.113.9] z) [192.0.2.7]:1 F=<d@e.example> rejected RCPT <a@b.example>: no"
    rows = spamlab.messages.flow(spamlab.read(io.BytesIO(line.encode()), format="exim"))
    assert rows["client"].isna().all()


def test_an_empty_log() -> None:
    log = spamlab.Log({"events": tables.empty("events")})
    assert unusual.answer(log) == unusual.SHORT
