"""Totals: each message once, or at every hop."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from spamlab import Log, summary, tables

START = pd.Timestamp("2024-05-01 12:00", tz="UTC")


def made(**given: dict[str, list[Any]]) -> Log:
    return Log({name: tables.conform(name, columns) for name, columns in given.items()})


@pytest.fixture
def filtered() -> Log:
    """Two messages through a content filter and back, one of them to two hosts; a notice; a refusal.

    Transactions 0 → 1 → 2 are one message; 3 came and was deferred twice, then bounced; 4 is its NDR, made here;
    one arrival belongs to no transaction.
    """
    return made(
        events={
            "time": [START + pd.Timedelta(seconds=i) for i in range(9)],
            "kind": ["receive", "receive", "receive", "receive", "receive", "receive", "reject", "reject", "note"],
            "transaction": [0, 1, 2, 3, 4, None, None, None, None],
            "repeats": [1] * 6 + [1, 3, 1],
        },
        transactions={
            "transaction": [0, 1, 2, 3, 4],
            "size": [1000, 1100, 1200, 500, None],
            "null_sender": [False, False, False, False, True],
            "report": [None, None, None, None, "ndr"],
            "ndr_of": [None, None, None, None, 3],
        },
        recipients={
            "transaction": [0, 1, 2, 2, 3, 3, 3, 4],
            "status": [
                "delivered",
                "delivered",
                "delivered",
                "delivered",
                "deferred",
                "deferred",
                "bounced",
                "delivered",
            ],
            "requeued_as": [1, 2, None, None, None, None, None, None],
        },
    )


def test_each_message_once(filtered: Log) -> None:
    count = summary.totals(filtered)
    assert count["received"] == 3  # the chain, the bounced one, the one without a transaction
    assert count["octets_received"] == 1500
    assert count["delivered"] == 3
    assert count["octets_delivered"] == 2400
    assert (count["deferrals"], count["deferred"], count["bounced"]) == (2, 1, 1)
    assert count["rejected"] == 4
    assert count["ndrs"] == 1
    json.dumps(count)


def test_every_hop(filtered: Log) -> None:
    count = summary.totals(filtered, hops=True)
    assert count["received"] == 5
    assert count["octets_received"] == 3800
    assert count["delivered"] == 5
    assert count["octets_delivered"] == 4500


def test_a_circle_ends() -> None:
    log = made(
        transactions={"transaction": [0, 1]},
        recipients={"transaction": [0, 1], "status": ["delivered"] * 2, "requeued_as": [1, 0]},
    )
    assert summary.totals(log)["delivered"] == 0


def test_an_empty_log() -> None:
    log = made()
    count = summary.totals(log)
    assert count["events"] == 0
    assert count["first"] is None
    json.dumps(count)
    assert "no times" in summary.text(log)
    assert summary.answer(log) == "This log holds no event."


INBOUND = """11/11/03 2:00:01 PM : A connection was accepted from 10.0.0.9.
11/11/03 2:00:01 PM : >>> 220 here
11/11/03 2:00:02 PM : <<< HELO there
11/11/03 2:00:02 PM : >>> 250 hello
11/11/03 2:00:03 PM : <<< MAIL FROM:<a@example.net> SIZE=900
11/11/03 2:00:03 PM : >>> 250 ok
11/11/03 2:00:04 PM : <<< RCPT TO:<no@example.org>
11/11/03 2:00:04 PM : >>> 550 no
11/11/03 2:00:05 PM : <<< RCPT TO:<b@example.org>
11/11/03 2:00:05 PM : >>> 250 ok
11/11/03 2:00:06 PM : <<< DATA
11/11/03 2:00:06 PM : >>> 354 go on
11/11/03 2:00:07 PM : <<< Subject: x

text
.
11/11/03 2:00:08 PM : >>> 250 taken
11/11/03 2:00:09 PM : <<< QUIT
11/11/03 2:00:09 PM : >>> 221 bye
"""


def test_a_message_that_came_in_by_dialogue(tmp_path: Any) -> None:
    import spamlab

    (tmp_path / "in.log").write_text(INBOUND)
    count = summary.totals(spamlab.read(tmp_path / "in.log"))
    assert count["received"] == 1
    assert count["octets_received"] == 900
    assert count["rejected"] == 1
    assert count["delivered"] == 0
    assert count["ndrs"] == 0


RBL = "554 5.7.1 Service unavailable; Client host [192.0.2.{0}] blocked using bl.example; https://bl.example/q/192.0.2.{0}"


def test_texts_that_differ_in_what_varies_are_one_reason() -> None:
    """As in the report; a name of its own for each client hid the commonest obstacle."""
    log = made(
        recipients={
            "status": ["rejected"] * 6,
            "code": [554, 554, 554, 550, 550, None],
            "enhanced_code": ["5.7.1"] * 3 + [None] * 3,
            "reply": [*map(RBL.format, range(3)), "550 <a@example.org>: no", "550 <b@example.org>: no", None],
        }
    )
    told = summary.text(log).partition("Why (attempts)\n")[2].splitlines()
    assert [line.split(maxsplit=1) for line in told] == [
        ["3", "5.7.1 Service unavailable; Client host … blocked using …; …"],
        ["2", "550 <…>: no"],
    ]


def test_a_file_that_could_not_be_read_is_counted_as_such() -> None:
    log = made(sources={"source": ["a", "b"], "format": ["exim", "unknown"], "lines": [7, 0]})
    assert summary.text(log).startswith("exim, 2 files (1 not read), 7 lines, no times\n")
