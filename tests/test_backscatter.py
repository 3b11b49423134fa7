"""NDRs and their octets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import backscatter, costs, dialogue, plots, wire, words
from spamlab.log import Log
from spamlab.wire import WireModel
from tests.made import dialogue_log, empty_log, mta_log, talk

CONTRACT = ["smtp_out", "smtp_in", "tcp_out", "tcp_in", "ip_out", "ip_in", "packets_out", "packets_in"]
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
        "(logged); 8 of 8 were refused before the message, which spared 17,329 octets. On the wire that is 4,828 B in "
        "59 packets (TCP/IP, modelled; 4,672 B to 7,428 B, depending on delayed ACKs)."
    )


# -- on the wire ---------------------------------------------------------------------------------------


def test_appendix_a_on_the_wire(appendix: Path) -> None:
    log = spamlab.read(appendix)
    cost = backscatter.cost(log)
    assert cost.columns.tolist() == [*CONTRACT, "smtp_basis"]
    # The session's lines one after another, as one dialogue: what the NDRs cost together.
    spoken = log.events[
        (log.events["session"] == 1) & ~log.events["echo"] & log.events["kind"].isin(["command", "reply"])
    ]
    pairs = zip(spoken["direction"].astype("str"), dialogue.octets(spoken["text"]), strict=True)
    whole = wire.dialogue(pairs)
    assert len(spoken) == 25 + 26
    assert np.allclose(cost[wire.COLUMNS].sum(), whole)
    # By hand. Out: SYN, ACK, the banner's ACK, 25 commands, FIN. In: SYN-ACK, EHLO's ACK, 26 replies, FIN, ACK.
    assert whole[["packets_out", "packets_in"]].tolist() == [29, 30]
    assert whole["ip_out"] == 564 + 29 * (32 + 20) + 8 and whole["ip_in"] == 1180 + 30 * (32 + 20) + 8


def test_layers_tell_logged_added_and_avoided_apart(appendix: Path) -> None:
    log = spamlab.read(appendix)
    layers, cost = backscatter.layers(log), backscatter.cost(log)
    assert layers.loc[("SMTP", "logged"), ["out", "in"]].tolist() == [564, 1180]
    assert layers.loc[("SMTP", "modelled"), "octets"] == 0
    spent = layers.drop(index="avoided", level="basis")["octets"].sum()
    assert spent == pytest.approx(cost[["ip_out", "ip_in"]].sum().sum())
    # Avoided: eight texts with their dots, eight times DATA and 354, RCPT answered 250 OK instead of at length.
    avoided = layers.xs("avoided", level="basis")
    assert avoided.loc["SMTP", "out"] == 17329 + 8 * 3 + 8 * 6
    assert avoided.loc["SMTP", "in"] == 8 * (46 + 8)
    otherwise = backscatter.counterfactuals(log)["octets"]
    assert otherwise["texts sent, then refused"] - otherwise["as logged"] == pytest.approx(avoided["octets"].sum())


def test_counterfactuals_differ_as_they_must(appendix: Path) -> None:
    log = spamlab.read(appendix)
    table = backscatter.counterfactuals(log)
    octets, packets = table["octets"], table["packets"]
    assert octets["as logged"] == pytest.approx(backscatter.cost(log)[["ip_out", "ip_in"]].sum().sum())
    assert octets["refused at RCPT"] == octets["as logged"] == octets["no second try"]
    assert octets["deferred at each try"] == 15 * octets["as logged"]
    assert octets["no reports"] == packets["no reports"] == 0
    # With PIPELINING each report is a packet out and one in; the lines stay the same.
    assert packets["PIPELINING"] == packets["as logged"] - 2 * (8 + 7)
    piped = backscatter.cost(log, WireModel(pipelining=True))
    assert piped[["smtp_out", "smtp_in"]].sum().tolist() == [564, 1180]
    assert piped[["ip_out", "ip_in"]].sum().sum() == pytest.approx(octets["PIPELINING"])
    once = backscatter.counterfactuals(log, WireModel(retry=()))
    assert once.loc["deferred at each try", "octets"] == octets["as logged"]


def test_assumptions_move_the_cost(appendix: Path) -> None:
    log = spamlab.read(appendix)
    cost, far = backscatter.cost(log), backscatter.bounds(log)
    whole = cost[["ip_out", "ip_in"]].sum().sum()
    assert (far["low"] <= whole).all() and (far["high"] >= whole).all()
    assert far["low"].idxmin() == far["high"].idxmax() == "all together"
    six = backscatter.cost(log, WireModel(ip=6))
    assert np.allclose(six["ip_out"] - cost["ip_out"], 20 * cost["packets_out"])
    assert six["tcp_out"].equals(cost["tcp_out"])
    assert "6,008 B in 59 packets" in backscatter.answer(log, WireModel(ip=6))


def test_a_mail_servers_log_on_the_wire() -> None:
    log = mta_log(4)  # two NDRs of 3,000 octets, delivered
    cost = backscatter.cost(log)
    sent = [(way, n) for way, n in costs.MODEL[["direction", "octets"]].itertuples(index=False)]
    sent[3], sent[5] = ("sent", sent[3][1] + 4), ("sent", sent[5][1] + 13)  # the size's digits; a@example.org
    sent[6], sent[9] = ("received", 8.0), ("sent", 3003.0)
    assert np.allclose(cost.loc[0, wire.COLUMNS].astype(float), wire.dialogue(sent))
    assert backscatter.layers(log).loc[("SMTP", "logged"), "octets"] == 0
    table = backscatter.counterfactuals(log)
    assert table.loc["refused at RCPT", "octets"] < 0.4 * table.loc["as logged", "octets"]
    assert table.loc["texts sent, then refused", "change"] == 0  # they were sent
    again = mta_log(4)
    again.recipients = pd.concat([again.recipients, again.recipients.iloc[:1]], ignore_index=True)
    twice = backscatter.counterfactuals(again)
    assert twice.loc["as logged", "octets"] == pytest.approx(1.5 * table.loc["as logged", "octets"])
    assert twice.loc["no second try", "octets"] == pytest.approx(table.loc["as logged", "octets"])
    log.recipients["relay"] = "local"
    assert backscatter.answer(log).endswith("(modelled). None of them went to another host.")
    log = mta_log(4)
    known = backscatter.amplification(log)
    assert known["reports"] == 2 and known["amplification"] == pytest.approx(1, abs=0.02)
    assert known["uplink"] == pytest.approx(known["rate"] / 1_544_000, nan_ok=True)


def test_the_attack_of_2004_from_its_inputs() -> None:
    table = backscatter.attack()
    off = table["predicted"] / table["published"]
    assert off[["octets a mail sent", "octets sent", "octets a report"]].between(0.95, 1.05).all()
    given = table["with_their_reports"] / table["published"]
    assert given[["octets returned", "amplification"]].between(0.95, 1.06).all()
    assert table.loc["reports", "predicted"] == 105_000
    # On the wire each RCPT is a packet there and one back: the attacker pays more than the octets counted then.
    assert table.loc["amplification", "wire"] < table.loc["amplification", "predicted"]
    assert backscatter.attack(recipients=2000).loc["amplification", "predicted"] > off["amplification"] * 330
    assert "amplification of 454" in backscatter.attack_answer(table)


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


def test_reports_delivered_here_are_told_apart_from_those_that_left() -> None:
    log = mta_log(4)
    log.recipients.loc[2, "relay"] = "local"
    assert backscatter.answer(log).startswith(
        "2 attempts to deliver a non-delivery report were made, 1 of them to another host; they took "
    )
    cost = backscatter.cost(log).loc[0, ["smtp_out", "smtp_in"]].sum()
    ax = plots.octets(backscatter.parts(log))
    assert "1 of 2 NDR attempts left this server and cost" in ax.get_title(loc="left").replace("\n", " ")
    assert any(f"{words.octets(cost)} each on average" in text.get_text().replace("\n", " ") for text in ax.texts)


def test_logs_without_ndrs() -> None:
    full = dialogue_log([talk(["EHLO", *REFUSED, "QUIT"])])
    for function in (backscatter.ndrs, backscatter.cost, backscatter.parts, backscatter.saved):
        found = function(empty_log())
        assert found.empty and found.columns.tolist() == function(full).columns.tolist()
        assert [str(t) for t in found.dtypes] == [str(t) for t in function(full).dtypes]
    assert backscatter.layers(empty_log())["octets"].eq(0).all()
    assert backscatter.bounds(empty_log()).eq(0).all(axis=None)
    table = backscatter.counterfactuals(empty_log())
    assert table["octets"].eq(0).all() and table["change"].isna().all()
    assert backscatter.amplification(empty_log())[["reports", "octets", "spam"]].eq(0).all()
    assert backscatter.answer(empty_log()) == "This log holds no attempt to deliver a non-delivery report."


turn = st.sampled_from(
    [REFUSED, ["MAIL", "RSET"], ["MAIL", "RCPT", "RCPT(550)", "RSET"], ["MAIL(550)"], ["NOOP", "RSET"]]
)


@given(st.lists(st.lists(turn, min_size=1, max_size=5), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
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
    # Below SMTP too: shares add up to the total, headers to packets.
    total = costs.total(costs.written(log, backscatter.ndrs(log)), WireModel())
    assert np.allclose(cost[costs.AMOUNTS].sum(), total)
    assert np.allclose(cost["ip_in"] - cost["tcp_in"], 20 * cost["packets_in"])


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
