"""NDRs and their octets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import backscatter, dialogue
from spamlab.log import Log
from tests.made import dialogue_log, empty_log, mta_log, talk

REFUSED = ["MAIL", "RCPT(550)", "RSET"]


def test_appendix_a(appendix: Path) -> None:
    log = spamlab.read(appendix)
    found = backscatter.ndrs(log)
    assert len(found) == 8 and found.index.name == "transaction"
    assert (found["code"] == 550).all() and (found["outcome"] == "rejected").all()
    assert found["peer"].unique().tolist() == ["IMTA01.MTA.EVERYONE.NET"]
    assert found["size"].sum() == 17329

    cost = backscatter.cost(log)
    session = log.sessions.set_index("session").loc[1]
    assert cost["smtp_out"].sum() == session["octets_sent"] == 564
    assert cost["smtp_in"].sum() == session["octets_received"] == 1180
    assert (cost["smtp_basis"] == "logged").all()
    # By hand: MAIL 24, RCPT 37, RSET 6 out; 8, 115, 8 back; set-up 28 and 131, QUIT 6 and 9, shared by 8.
    assert cost.loc[found.index[0], ["smtp_out", "smtp_in"]].tolist() == [67 + 34 / 8, 131 + 140 / 8]

    parts = backscatter.parts(log)
    assert parts.index.get_level_values("part").unique().tolist() == list(backscatter.PARTS[:-1])
    by = parts.groupby("part").sum()
    assert by.loc["MAIL"].tolist() == [8 * 24, 8 * 8] and by.loc["RCPT"].tolist() == [8 * 37, 8 * 115]
    assert by.loc["RSET"].tolist() == [7 * 6, 7 * 8] and by.loc["QUIT"].tolist() == [6, 9]
    assert by.loc[["DATA", "message"]].eq(0).all(axis=None)

    saved = backscatter.saved(log)
    assert saved["body"].tolist() == found["size"].tolist()
    assert saved["spent"].sum() == 564 + 1180
    assert saved["saved"].between(0.9, 0.92).all()
    assert backscatter.answer(log) == (
        "8 attempts to deliver a non-delivery report were made; they took 564 SMTP octets out and 1,180 SMTP octets in "
        "(logged); 8 of 8 were refused before the message, which spared 17,329 octets."
    )


def test_a_message_that_was_sent_is_modelled_by_its_size() -> None:
    log = dialogue_log([talk(["EHLO", "MAIL", "RCPT", "DATA", "QUIT"])])
    cost, parts = backscatter.cost(log), backscatter.parts(log)
    assert cost["smtp_basis"].tolist() == ["modelled"]
    assert parts.xs("message", level="part").iloc[0].tolist() == [2003, len("250 queued") + 2]
    assert parts.xs("DATA", level="part").iloc[0].tolist() == [6, len("354 Go") + 2]
    assert backscatter.saved(log)[["body", "saved"]].iloc[0].tolist() == [0, 0]
    assert backscatter.answer(log).startswith("1 attempt to deliver a non-delivery report was made; it took")


def test_a_message_of_unknown_size_is_missing() -> None:
    lines = [
        "C: EHLO me",
        "S: 250 x",
        "C: MAIL FROM:<>",
        "S: 250 ok",
        "C: RCPT TO:<a@b>",
        "S: 250 ok",
        "C: DATA",
        "S: 354 go",
    ]
    log = dialogue_log([list(enumerate([*lines, "S: 250 ok", "C: QUIT", "S: 221 bye"]))])
    cost = backscatter.cost(log)
    assert cost["smtp_out"].isna().all() and cost["smtp_in"].notna().all()
    assert backscatter.saved(log)["saved"].isna().all()
    assert "1 without a known size left out" in backscatter.answer(log)
    # Refused at RCPT, the size unknown: what was saved is unknown, what was spent is not.
    log = dialogue_log([list(enumerate([*lines[:5], "S: 550 no", "C: QUIT", "S: 221 bye"]))])
    saved = backscatter.saved(log)
    assert saved["body"].isna().all() and saved["spent"].notna().all() and saved["saved"].isna().all()


def test_only_the_clients_null_senders_are_ndrs() -> None:
    symbols = ["EHLO", *REFUSED, "QUIT"]
    assert backscatter.ndrs(dialogue_log([talk(symbols)], "server")).empty
    other = [(t, line.replace("<>", "<me@example.org>")) for t, line in talk(symbols)]
    assert backscatter.ndrs(dialogue_log([other])).empty
    mixed = dialogue_log([[*talk(["EHLO", *REFUSED]), *[(t + 20, x) for t, x in other[2:8]], *talk(REFUSED, 40)]])
    cost = backscatter.cost(mixed)
    assert len(mixed.transactions) == 3 and len(cost) == 2
    # The third transaction is none of the NDRs' cost; the set-up is theirs alone.
    foreign = mixed.events[mixed.events["transaction"] == 1]
    sent = int(mixed.sessions["octets_sent"].sum())
    assert cost["smtp_out"].sum() == sent - dialogue.octets(foreign["text"])[foreign["direction"] == "sent"].sum()


def test_mta_logs_are_modelled() -> None:
    log = mta_log(4)
    assert backscatter.ndrs(log).index.tolist() == [0, 2]
    assert backscatter.ndrs(log)["peer"].tolist() == ["mx.example.org[192.0.2.9]:25"] * 2
    cost = backscatter.cost(log)
    assert (cost["smtp_basis"] == "modelled").all()
    parts = backscatter.parts(log)
    assert parts.loc[(0, "message"), "out"] == 3000 + 3
    assert parts.loc[(0, "RCPT"), "out"] == len("RCPT TO:<a@example.org>") + 2
    assert parts.loc[(0, "MAIL"), "out"] == len("MAIL FROM:<> SIZE=3000") + 2
    # Refused by the host: no message; a second try: a second session. A local delivery costs none.
    log.recipients["status"] = log.recipients["status"].cat.set_categories(spamlab.tables.STATUSES)
    log.recipients.loc[0, "status"] = "bounced"
    log.recipients.loc[2, "relay"] = "local"
    assert backscatter.parts(log).loc[(0, "message"), "out"] == 0
    assert backscatter.saved(log).loc[0, "body"] == 3000
    assert backscatter.cost(log).loc[2, ["smtp_out", "smtp_in"]].tolist() == [0, 0]
    once = backscatter.cost(log).loc[0, "smtp_in"]
    log.recipients = pd.concat([log.recipients, log.recipients.iloc[:1]], ignore_index=True)
    assert backscatter.cost(log).loc[0, "smtp_in"] == 2 * once


def test_logs_without_ndrs() -> None:
    full = dialogue_log([talk(["EHLO", *REFUSED, "QUIT"])])
    for function in (backscatter.ndrs, backscatter.cost, backscatter.parts, backscatter.saved):
        found = function(empty_log())
        assert found.empty and found.columns.tolist() == function(full).columns.tolist()
        assert [str(t) for t in found.dtypes] == [str(t) for t in function(full).dtypes]
    assert backscatter.answer(empty_log()) == "This log holds no attempt to deliver a non-delivery report."


turn = st.sampled_from(
    [REFUSED, ["MAIL", "RSET"], ["MAIL", "RCPT", "RCPT(550)", "RSET"], ["MAIL(550)"], ["NOOP", "RSET"]]
)


@given(st.lists(st.lists(turn, min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_parts_add_up_and_nothing_is_lost(sessions: list[list[list[str]]]) -> None:
    scripts = [talk(["EHLO", *(s for t in turns for s in t), "QUIT"], 100 * k) for k, turns in enumerate(sessions)]
    log = dialogue_log(scripts)
    cost, parts = backscatter.cost(log), backscatter.parts(log)
    summed = parts.groupby("transaction").sum().reindex(cost.index)
    assert np.allclose(summed, cost[["smtp_out", "smtp_in"]])
    # All octets of a session that holds an NDR are some NDR's.
    of = log.sessions[log.sessions["session"].isin(backscatter.ndrs(log)["session"])]
    assert cost["smtp_out"].sum() == pytest.approx(float(of["octets_sent"].sum()))
    assert cost["smtp_in"].sum() == pytest.approx(float(of["octets_received"].sum()))
    assert (backscatter.saved(log)["saved"].dropna().between(0, 1)).all()


def test_many_ndrs_take_seconds() -> None:
    log = dialogue_log([talk(["EHLO", *REFUSED * 20, "QUIT"])])
    n = 2000  # the session n times over
    tables = {}
    for name in ("events", "sessions", "transactions", "recipients"):
        table = getattr(log, name)
        big = pd.concat([table] * n, ignore_index=True)
        copy = np.repeat(np.arange(n), len(table))
        big["session"] = (big["session"] + copy).astype(table["session"].dtype)
        if "transaction" in big:
            big["transaction"] = (big["transaction"] + 20 * copy).astype(table["transaction"].dtype)
        tables[name] = big
    big = Log(tables | {"sources": log.sources})
    assert backscatter.cost(big)["smtp_out"].sum() == pytest.approx(n * backscatter.cost(log)["smtp_out"].sum())
