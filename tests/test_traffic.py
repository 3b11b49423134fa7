"""Traffic: every number of a small made log, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import tables, traffic

DAY = "2026-03-02 "
FILTERED = "relay.example.com[192.0.2.1]:25"


def at(*clock: str) -> pd.Series:
    return pd.Series(pd.to_datetime([DAY + time for time in clock], utc=True, format="ISO8601"))


def made(**sources: object) -> spamlab.Log:
    """Ann's message goes through a filter (transactions 0, 1) to bob and cat; a report (2) bounces; eve is refused."""
    return spamlab.Log(
        {
            "sessions": tables.conform("sessions", {
                "session": [0, 1, 2], "role": ["server"] * 3, "peer_host": ["out.example.org", None, "localhost"],
                "peer_ip": ["192.0.2.7", "192.0.2.9", "127.0.0.1"], "start": at("10:09", "10:58", "10:10"),
                "end": at("11:31", "10:59", "10:11"), "commands": [12, 40, 4], "transactions": [2, 0, 1],
                "ended": ["quit", "dropped", "cut"],
            }),
            "transactions": tables.conform("transactions", {
                "transaction": [0, 1, 2], "session": [0, 2, 0], "reverse_path": ["ann@example.org"] * 2 + [""],
                "size": [1000, 1100, 300], "queue_id": ["A", "B", "C"], "start": at("10:10", "10:10:05", "11:30"),
                "end": at("10:10:05", "12:05", "11:31"), "outcome": ["delivered", "mixed", "bounced"],
            }),
            "events": tables.conform("events", {
                "time": at("10:10", "10:10:05", "11:30", "10:59"), "kind": ["receive"] * 3 + ["reject"],
                "transaction": [0, 1, 2, None], "session": [0, 2, 0, 1], "verb": [None] * 3 + ["MAIL"],
                "code": [None] * 3 + [450], "enhanced_code": [None] * 3 + ["4.1.8"],
                "text": [""] * 3 + ["NOQUEUE: reject: MAIL from h[192.0.2.9]: 450 4.1.8 <e@x.test>: no domain; from=<e@x.test>"],
            }),
            "recipients": tables.conform("recipients", {
                "transaction": [0, 1, 1, 1, 2, None], "session": [None] * 5 + [1],
                "time": at("10:10:05", "10:10:06", "10:11", "12:05", "11:31", "10:58"),
                "forward_path": ["bob@example.com", "bob@Example.com", "cat@example.org", "cat@example.org",
                                 "dan@example.net", "eve@example.com"],
                "status": ["delivered", "delivered", "deferred", "deferred", "bounced", "rejected"],
                "code": [250, 250, 451, 451, 550, 550], "enhanced_code": ["2.0.0"] * 2 + ["4.7.1"] * 2 + ["5.1.1", None],
                "reply": ["250 ok"] * 2 + ["host mx1.example.org[192.0.2.2] said: 451 4.7.1 <cat@example.org>: wait 300 s",
                          "host mx2.example.org[192.0.2.3] said: 451 4.7.1 <cat@example.org>: wait 60 s",
                          "550 5.1.1 <dan@example.net>: unknown", "550 no"],
                "relay": ["127.0.0.1[127.0.0.1]:10024", FILTERED, "mx1.example.org[192.0.2.2]:25", "none", None, None],
                "delay": [1.0, 2.0, 60.0, 6900.0, 60.0, None], "delay_before_queue": [0.1, 0.5] + [None] * 4,
                "delay_in_queue": [0.1, 0.25] + [None] * 4, "delay_connect": [0.4, 0.25] + [None] * 4,
                "delay_transmit": [0.4, 1.0] + [None] * 4, "requeued_as": [1] + [None] * 5,
            }),
            "sources": tables.conform("sources", {"source": ["a"], "format": ["postfix"], **sources}),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def log() -> spamlab.Log:
    return made()


def counts(row: pd.Series) -> dict[str, int]:
    return {name: int(n) for name, n in row.items() if n}


def test_by_hour(log: spamlab.Log) -> None:
    hours = traffic.by_hour(log)
    assert [f"{hour:%H:%M %Z}" for hour in hours.index] == ["10:00 UTC", "11:00 UTC", "12:00 UTC"]
    ten = {
        "received": 1,
        "delivered": 1,
        "deferred": 1,
        "rejected": 2,
        "octets_received": 1000,
        "octets_delivered": 1100,
    }
    assert counts(hours.iloc[0]) == ten
    assert counts(hours.iloc[1]) == {"received": 1, "bounced": 1, "octets_received": 300}
    assert counts(hours.iloc[2]) == {"deferred": 1}


def test_hops_count_again(log: spamlab.Log) -> None:
    ten = counts(traffic.by_hour(log, hops=True).iloc[0])
    assert (ten["received"], ten["delivered"]) == (2, 2)
    assert (ten["octets_received"], ten["octets_delivered"]) == (2100, 2100)
    assert traffic.top_senders(log, hops=True).loc["ann@example.org", "received"] == 2
    assert traffic.delays(log, hops=True)["n"].to_dict() == {"example.com": 2}
    assert traffic.queue_times(log, hops=True)["seconds"].tolist() == [5.0, 6895.0, 60.0]


def test_days_hours_of_day_and_the_logs_own_zone() -> None:
    log = made(tz_assumed=["Asia/Tokyo"])  # nine hours on
    assert [str(day) for day in traffic.by_day(log).index] == ["2026-03-02 00:00:00+09:00"]
    assert [f"{hour:%H}" for hour in traffic.by_hour(log).index] == ["19", "20", "21"]
    assert traffic.by_hour_of_day(log)["deferred"].loc[[19, 20, 21]].tolist() == [1, 0, 1]
    assert len(traffic.by_hour_of_day(log)) == 24
    assert [f"{hour:%H}" for hour in traffic.by_hour(log, zone="UTC").index] == ["10", "11", "12"]


def test_by_time_finds_a_round_width(log: spamlab.Log) -> None:
    minutes = traffic.by_time(log)
    assert minutes.index[1] - minutes.index[0] == pd.Timedelta("2min")
    assert minutes["received"].sum() == 2
    assert traffic.by_time(log, "D").shape[0] == 1


def test_the_hour_a_clock_passes_twice_stays_two_and_the_one_it_skips_is_none() -> None:
    def hours(*times: str) -> list[str]:
        time = pd.to_datetime(pd.Series(times), utc=True)
        tried = tables.conform("recipients", {"time": time, "status": ["delivered"] * len(time)})
        counted = traffic.by_hour(spamlab.Log({"recipients": tried}), "Europe/Berlin")
        return [f"{hour:%H%z} {n}" for hour, n in counted["delivered"].items()]

    back = hours("2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 01:40", "2026-10-25 02:30")
    assert back == ["02+0200 1", "02+0100 2", "03+0100 1"]
    assert hours("2026-03-29 00:30", "2026-03-29 01:30") == ["01+0100 1", "03+0200 1"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana"])  # put back at 3 h, at 1 h
def test_longer_intervals_hold_the_hour_that_a_clock_passes_twice_whole(zone: str) -> None:
    time = pd.Series(pd.date_range("2025-10-24", "2025-11-05", freq="h", tz=zone, inclusive="left"))
    tried = tables.conform("recipients", {"time": time.dt.tz_convert("UTC"), "status": ["delivered"] * len(time)})
    log = spamlab.Log({"recipients": tried})
    for every, whole in (("2h", 2), ("12h", 12), ("D", 24)):
        each = traffic.by_time(log, every, zone)["delivered"]
        assert each.value_counts().to_dict() == {whole: len(each) - 1, whole + 1: 1}


def test_top_lists(log: spamlab.Log) -> None:
    senders = traffic.top_senders(log)
    assert senders["received"].to_dict() == {"ann@example.org": 1, "<>": 1}
    assert senders["octets_received"].to_dict() == {"ann@example.org": 1000, "<>": 300}
    assert traffic.top_senders(log, 1, by="bounced").index.tolist() == ["<>"]
    recipients = traffic.top_recipients(log)
    assert recipients.index.tolist() == ["bob@Example.com", "cat@example.org", "dan@example.net", "eve@example.com"]
    assert recipients["octets_delivered"].tolist() == [1100, 0, 0, 0]
    assert traffic.top_recipients(log, by="octets_delivered").index.tolist() == ["bob@Example.com"]
    domains = traffic.by_domain(log)
    assert domains.index.tolist() == ["example.com", "example.org", "example.net"]
    assert domains[["delivered", "deferred", "bounced", "rejected"]].to_numpy().tolist() == [
        [1, 0, 0, 1], [0, 2, 0, 0], [0, 0, 1, 0],
    ]  # fmt: skip


def test_hosts(log: spamlab.Log) -> None:
    clients = traffic.by_host(log)
    assert counts(clients.loc["out.example.org"])["received"] == 2
    assert counts(clients.loc["192.0.2.9"]) == {"rejected": 2}
    relays = traffic.by_host(log, by="relay")
    assert relays[["delivered", "deferred"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    assert relays.index.tolist() == ["relay.example.com", "mx1.example.org"]  # "none" is no host


def test_the_peer_of_an_outbound_session_took_mail() -> None:
    log = spamlab.read(Path(__file__).parent.parent / "data" / "exchange55-appendix-a.log")
    assert traffic.by_host(log).empty
    assert traffic.by_host(log, by="relay")["rejected"].to_dict() == {"IMTA01.MTA.EVERYONE.NET": 8}


def test_reasons_are_grouped_without_what_varies(log: spamlab.Log) -> None:
    found = traffic.reasons(log)
    assert found[["status", "enhanced_code", "code", "reason", "count"]].to_numpy().tolist() == [
        ["deferred", "4.7.1", 451, "host … said: <…>: wait … s", 2],
        ["bounced", "5.1.1", 550, "<…>: unknown", 1],
        ["rejected", "", 550, "no", 1],
        ["rejected", "4.1.8", 450, "<…>: no domain", 1],
    ]
    assert [found[name].iloc[0].strftime("%H:%M") for name in ("first", "last")] == ["10:11", "12:05"]
    assert found["example"].iloc[0].startswith("host mx1.example.org[192.0.2.2] said: 451")
    assert traffic.spoken(found).tolist()[1:3] == ["5.1.1 <…>: unknown", "550 no"]
    assert len(traffic.reasons(log, 2)) == 2


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('450 4.2.1 <"x> SIZE=9"@example.net>: try again later', "<…>: try again later"),
        ("550-Requested action not taken:\n550 mailbox unavailable", "Requested action not taken: mailbox unavailable"),
        ("connect to mx.example.com[192.0.2.5]:25: Connection refused", "connect to …: Connection refused"),
        ("connect to mx.example.com[2001:db8::5]:25: Connection refused", "connect to …: Connection refused"),
        ("blocked, see https://x.example/q?ip=192.0.2.5; bye", "blocked, see …; bye"),
        ("RESOLVER.ADR.RecipientNotFound; not found", "RESOLVER.ADR.RecipientNotFound; not found"),
        ("H=(a: b) [192.0.2.5]:25 F=<> rejected RCPT <a@b.example>: relay not permitted", "relay not permitted"),
        (
            "1rjT5P-003qKw-07 H=mx.example [192.0.2.5]:2183 F=<a@b.example> rejected after DATA: It scored 12.3 points.",
            "It scored … points.",
        ),
        (
            "rejected EHLO from h.example (x.invalid) [192.0.2.5]:47652: syntactically invalid argument(s): x.invalid_",
            "syntactically invalid argument(s): …",
        ),
        (
            "1rjT5P-003qKw-07 rejected from <a@b.example> H=(x) [192.0.2.5]: message too big: max=9",
            "message too big: max=…",
        ),
        ('H=[192.0.2.5] temporarily rejected connection in "connect" ACL: slow down', "slow down"),
        (
            "4B7Ux1Ab012345: ruleset=check_relay, arg1=h.example, arg2=192.0.2.5, relay=h.example [192.0.2.5], "
            "reject=421 4.3.2 Connection rate limit exceeded.",
            "Connection rate limit exceeded.",
        ),
        ("queued as 4F3A2B1C9D", "queued as …"),
        ("", ""),
    ],
)
def test_pattern(text: str, bare: str) -> None:
    assert traffic.pattern(pd.Series([text], dtype="str")).tolist() == [bare]


def test_delays_and_their_parts(log: spamlab.Log) -> None:
    row = traffic.delays(log).loc["example.com"]
    assert row[["n", "median", "p95", "p99"]].tolist() == [1, 2.0, 2.0, 2.0]
    assert row[list(traffic.PARTS)].tolist() == [0.5, 0.25, 0.25, 1.0]
    assert traffic.delays(log, by="relay").index.tolist() == ["relay.example.com"]
    parts = traffic.delay_parts(log)
    assert parts["median"].to_dict() == {"before_queue": 0.5, "in_queue": 0.25, "connect": 0.25, "transmit": 1.0}
    both = traffic.delays(log, hops=True).loc["example.com"]
    assert both["median"] == 1.5
    assert both["p95"] == pytest.approx(1.95)


def test_queue_times_are_those_of_messages(log: spamlab.Log) -> None:
    took = traffic.queue_times(log)
    assert took["seconds"].to_dict() == {0: 6900.0, 2: 60.0}  # 10:10 to 12:05, through both queues
    assert took["outcome"].to_dict() == {0: "mixed", 2: "bounced"}
    assert traffic.waits(log)["median"].to_dict() == {"bounced": 60.0, "mixed": 6900.0}


def test_clients(log: spamlab.Log) -> None:
    found = traffic.clients(log)
    assert found["connections"].to_dict() == {"192.0.2.9": 1, "localhost": 1, "out.example.org": 1}
    assert found["dropped"].to_dict() == {"192.0.2.9": 1, "localhost": 0, "out.example.org": 0}
    assert found["commands"].to_dict() == {"192.0.2.9": 40, "localhost": 4, "out.example.org": 12}
    assert len(traffic.clients(log, 2)) == 2


def test_answer(log: spamlab.Log) -> None:
    assert traffic.answer(log) == (
        "2 messages came in (1,300 B); of 6 attempts to hand mail to a recipient: 2 (33%) put off, 2 (33%) refused, "
        "1 (17%) delivered, 1 (17%) failed for good. The commonest obstacle, 2 times: 4.7.1 host … said: <…>: wait … s. "
        "Half of the deliveries took at most 2 s, 5% over 2 s."
    )


def test_nothing_is_said_of_nothing() -> None:
    nothing = spamlab.Log({})
    for name in ("by_time", "by_hour", "by_day", "by_host", "by_domain", "top_senders", "top_recipients", "reasons",
                 "delays", "delay_parts", "queue_times", "waits", "clients"):  # fmt: skip
        assert len(getattr(traffic, name)(nothing)) == 0, name
    assert traffic.answer(nothing) == (
        "This log holds no mail: nothing was received, delivered or refused. "
        "Not in this log: mail that came in, deliveries, delivery times, connections to this server."
    )
    assert traffic.by_hour_of_day(nothing).to_numpy().sum() == 0
