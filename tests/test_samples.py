"""Real servers' logs against the truth that the testbed's clients, sink and mailboxes recorded (``tests/testbed``)."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import messages, summary

SAMPLES = Path(__file__).parent.parent / "data" / "samples"


@pytest.fixture(scope="module", params=["postfix", "exim", "sendmail"])
def server(request):
    """A server's name, its log, and what was to happen in it."""
    truth = json.loads((SAMPLES / f"{request.param}.truth.json").read_text())["totals"]
    return request.param, spamlab.read(SAMPLES / f"{request.param}.log", year=2026), truth


def test_the_format_is_recognised_and_no_line_is_lost(server):
    name, log, _ = server
    lines = log.sources.iloc[0]
    assert log.format == name and lines["unparsed_lines"] == 0
    assert lines["lines"] == lines["event_lines"] + lines["ignored_lines"]


def test_each_message_is_delivered_once_to_each_recipient(server):
    _, log, truth = server
    assert summary.totals(log)["delivered"] == truth["sink_deliveries"] + truth["mailbox_deliveries"]


def test_messages_that_were_accepted_arrived(server):
    _, log, truth = server
    mail = log.transactions[log.transactions["transaction"].isin(messages.arrivals(log))]
    first = messages.first_hop(log)
    once = mail[mail["transaction"].map(first).eq(mail["transaction"])]
    # A message that the client broke off, or that was refused at its end, has an arrival's line in these logs too: in
    # Postfix's without a size, in Sendmail's without a recipient, or too large by its size. What Postfix throws away at
    # RCPT never gets an id.
    took = once["size"].notna() & once["outcome"].ne("empty") & (once["size"] < 400_000)
    away = log.recipients["status"].eq("discarded") & log.recipients["transaction"].isna()
    assert took.sum() + away.sum() == truth["accepted"] + truth["submitted"]


def test_notifications_and_what_they_are_about(server):
    _, log, truth = server
    total = summary.totals(log)
    assert total["ndrs"] == truth["ndrs"]
    postmaster = truth["notices_to_postmaster"]
    assert total["postmaster_notices"] == (postmaster["reports"] or postmaster["other"])
    ndrs = log.transactions[log.transactions["report"].eq("ndr")]
    lost = log.recipients[log.recipients["status"].isin(["bounced", "expired"])]["transaction"]
    assert ndrs["ndr_of"].isin(lost).all() and ndrs["ndr_of"].notna().all()


def test_refused_recipients(server):
    _, log, truth = server
    refused = log.events[log.events["kind"].eq("reject")]["verb"].eq("RCPT").sum()
    met_421 = truth["commands_met_by_421"].get("RCPT", 0)  # after too many errors the server closes: not logged each
    assert truth["refused"]["RCPT"] - met_421 - 1 <= refused <= truth["refused"]["RCPT"]


def test_logins(server):
    _, log, truth = server
    failed = log.events["kind"].eq("auth").sum()
    assert abs(failed - truth["auth_failures"]) <= 1
    assert log.sessions["authenticated"].sum() == truth["auth_successes"]


def test_sessions(server):
    name, log, truth = server
    own = {"sendmail": truth["submitted"]}.get(name, 0)  # Sendmail hands its own users' mail on by SMTP
    assert len(log.sessions) == truth["sessions"] + own
    if name == "postfix":
        quits = log.sessions["ended"].value_counts()["quit"]
        assert truth["ended"]["quit"] - quits in (0, 1)  # of one whose TLS failed the server counted no QUIT
        assert truth["resets"] - log.sessions["resets"].sum() == truth["commands_met_by_421"].get("RSET", 0)
        assert log.sessions["tls"].sum() == truth["tls_sessions"]


def test_mail_given_up(server):
    _, log, truth = server
    assert summary.totals(log)["expired"] == truth["given_up"]


@pytest.mark.parametrize("table", ["events", "sessions", "transactions", "recipients"])
def test_a_table_read_by_itself_is_the_same(server, table):
    name, log, _ = server
    alone = spamlab.read(SAMPLES / f"{name}.log", year=2026, tables=[table])
    pd.testing.assert_frame_equal(log.tables()[table], alone.tables()[table])
