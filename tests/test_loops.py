"""Loops: planted ones are found as planted, healthy mail is none, big logs are quick."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from benchmarks.writers.exchange55 import exchange55
from benchmarks.writers.scenario import Scenario
from spamlab import dialogue, loops
from spamlab.log import Log
from tests.made import dialogue_log, empty_log, mta_log, talk

STORM = ["MAIL", "RCPT(550)", "RSET"]
DELIVERY = ["MAIL", "RCPT", "DATA"]


def units(log: Log) -> list[tuple[str, int]]:
    found = loops.find(log)
    return list(zip(found["unit"], found["turns"], strict=True))


def one(*symbols: str, role: str = "client") -> Log:
    return dialogue_log([talk(symbols)], role)


def test_appendix_a(appendix: Path) -> None:
    log = spamlab.read(appendix)
    found = loops.find(log)
    assert units(log) == [("MAIL–RCPT(550)–RSET", 7)]
    row = found.iloc[0]
    assert (row["session"], row["seconds"], row["octets"]) == (1, 22, 7 * (24 + 8 + 37 + 115 + 6 + 8))
    assert str(row["start"]) == "2003-11-11 14:00:02+00:00" and str(row["end"]) == "2003-11-11 14:00:24+00:00"
    assert log.events.loc[row["first"], "text"].startswith("MAIL") and log.events.loc[row["last"], "text"] == "250 0k"
    assert row["seconds"] / row["turns"] == pytest.approx(22 / 7)

    steps = loops.turns(log)
    assert len(steps) == 24 and steps["turn"].max() == 8
    assert steps[~steps["whole"]]["symbol"].tolist() == ["MAIL", "RCPT(550)", "QUIT"]
    assert steps[steps["turn"] == 4]["offset"].tolist() == [0, 1, 4]
    assert loops.answer(log) == (
        "1 command loop was found, MAIL–RCPT(550)–RSET, with 7 whole turns; it took 22 s (to within 1 s, the stamps' "
        "resolution) and 1,386 SMTP octets."
    )


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (["EHLO", *["RSET"] * 6, "QUIT"], [("RSET", 6)]),
        (["EHLO", *["MAIL", "RSET"] * 4, "QUIT"], [("MAIL–RSET", 4)]),
        (["EHLO", "RSET", *STORM * 4, "QUIT"], [("MAIL–RCPT(550)–RSET", 4)]),
        (["EHLO", *["AUTH(535)"] * 5, "QUIT"], [("AUTH(535)", 5)]),
        (["EHLO", *["MAIL", "RCPT", "DATA(554)", "RSET"] * 3, "QUIT"], [("MAIL–RCPT–DATA(554)–RSET", 3)]),
        (["EHLO", *["MAIL(421)"] * 3], [("MAIL(421)", 3)]),
        (["EHLO", *["MAIL", *["RCPT(550)"] * 3, "RSET"] * 3, "QUIT"], [("MAIL–RCPT(550)×3–RSET", 3)]),
        (
            ["EHLO", *["MAIL", *["RCPT(550)"] * 2, "RSET", "MAIL", *["RCPT(550)"] * 40, "RSET"] * 2, "QUIT"],
            [("MAIL–RCPT(550)×2..40–RSET", 4)],
        ),
        (["EHLO", "MAIL", *["RCPT(550)"] * 20, "QUIT"], [("RCPT(550)", 20)]),
        (["EHLO", *STORM * 4, *DELIVERY * 5, *["NOOP"] * 9], [("MAIL–RCPT(550)–RSET", 4), ("NOOP", 9)]),
        # Healthy, or too short to tell.
        (["EHLO", *DELIVERY * 30, "QUIT"], []),
        (["EHLO", *[*DELIVERY, "RSET"] * 30, "QUIT"], []),
        (["EHLO", "MAIL", *["RCPT"] * 50, "DATA", "QUIT"], []),
        (["EHLO", "MAIL", "RCPT", *["RCPT(550)"] * 4, "RCPT", "DATA", "QUIT"], []),
        (["EHLO", *STORM * 2, "QUIT"], []),
        (["EHLO", *["MAIL", "RCPT(550)", "RCPT", "DATA"] * 9, "QUIT"], []),
    ],
)
def test_shapes(symbols: list[str], expected: list[tuple[str, int]]) -> None:
    assert units(one(*symbols)) == expected
    assert units(one(*symbols, role="server")) == expected


def test_an_auth_exchange_bears_the_code_that_ends_it() -> None:
    guess = ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: Z3Vlc3Q=", "S: 334 UGFzc3dvcmQ6", "C: Z3Vlc3Q=", "S: 535 no"]
    log = dialogue_log([list(enumerate(["S: 220 x", "C: EHLO me", "S: 250 x", *guess * 4]))], "server")
    assert units(log) == [("AUTH(535)", 4)]
    assert loops.find(log)["octets"].iloc[0] > 0


def test_sessions_that_fail_alike_are_a_loop() -> None:
    drop = [*talk(["EHLO", "STARTTLS"])]
    scripts = [[(s + 100 * k, line) for s, line in drop] for k in range(4)]
    scripts.insert(2, talk(["EHLO", *DELIVERY, "QUIT"], 150))
    peers = ["192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.7"]
    log = dialogue_log([*scripts, talk(["QUIT"], 900)], peers=[*peers, "192.0.2.9"])
    log.sessions["ended"] = pd.Categorical(["dropped", "dropped", "quit", "dropped", "dropped", "quit"])
    assert units(log) == [("EHLO–STARTTLS–drop", 4)]
    row = loops.find(log).iloc[0]
    assert row["session"] == 0 and row["seconds"] == 4 * 3  # time in the sessions, not between them
    assert loops.turns(log)["session"].tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    # Mail that several sessions in a row could not deliver is no loop.
    refused = dialogue_log([talk(["EHLO", "MAIL", "RCPT(550)", "QUIT"], 100 * k) for k in range(6)])
    assert units(refused) == []
    assert units(dialogue_log([talk(["EHLO", "AUTH(535)", "QUIT"], 100 * k) for k in range(3)])) == [
        ("EHLO–AUTH(535)–QUIT", 3)
    ]


symbol = st.sampled_from(["MAIL", "RCPT(550)", "RSET", "NOOP", "VRFY(252)", "MAIL(421)", "RCPT", "HELP(502)"])


def primitive(unit: list[str]) -> bool:
    n = len(unit)
    runs = all(a != b for a, b in zip(unit, unit[1:] + unit[:1], strict=True)) or n == 1
    return runs and all(unit != unit[:p] * (n // p) for p in range(1, n) if n % p == 0)


@given(st.lists(symbol, min_size=2, max_size=6, unique=True).filter(primitive), st.integers(3, 15), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_a_planted_loop_is_found_with_its_turns(unit: list[str], turns: int, shift: int) -> None:
    # A turn is told from its MAIL on, if it has one.
    unit = ["MAIL", *[s for s in unit if not s.startswith("MAIL")]]
    unit = [*unit, "RSET"] if len(unit) == 1 else unit
    log = one("EHLO", *unit * turns, *unit[: shift % len(unit)], "QUIT")
    bare = [s.replace("(252)", "") for s in unit]
    assert units(log) == [("–".join(bare), turns)]
    steps = loops.turns(log)
    assert len(steps[steps["whole"]]) == turns * len(unit)
    assert (steps.groupby("turn")["step"].max()[:turns] == len(unit)).all()


@given(st.lists(symbol, min_size=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_what_is_found_is_there(symbols: list[str]) -> None:
    log = one(*symbols)
    found, steps = loops.find(log), loops.turns(log)
    whole = steps[steps["whole"]]
    assert whole.groupby("loop")["turn"].nunique().tolist() == found["turns"].tolist()
    collapsed = whole[~whole["symbol"].eq(whole["symbol"].shift()) | whole["step"].eq(1)]
    for loop, rows in collapsed.groupby("loop"):
        turns = rows.groupby("turn")["symbol"].agg("–".join).unique()
        assert len(turns) == 1
        assert "–".join(part.split("×")[0] for part in found.loc[loop, "unit"].split("–")) == turns[0]
    # No command belongs to two loops.
    inside = [np.arange(row.first, row.last) for row in found.itertuples()]
    assert len(np.unique(np.concatenate([*inside, np.array([-1])]))) == sum(map(len, inside)) + 1
    lasts = dialogue.octets(log.events["text"])[log.events["kind"] != "connect"]
    for row in found.itertuples():
        assert row.octets == lasts.loc[row.first : row.last].sum()


def test_logs_without_loops() -> None:
    # Zeek's records are whole transactions, whose commands are not in them.
    fields = "#separator \\x09\n#fields\tts\tuid\tid.orig_h\ttrans_depth\tmailfrom\trcptto\tlast_reply\n"
    row = "17000000{0:02}\tC1\t192.0.2.7\t{0}\ta@example.com\tb@example.org\t250 ok\n"
    zeek = spamlab.read(io.BytesIO((fields + "".join(row.format(i) for i in range(9))).encode()))
    assert zeek.transactions["session"].tolist() == [0] * 9
    for log in (empty_log(), mta_log(4), zeek):
        for found in (loops.find(log), loops.turns(log)):
            assert found.empty
        assert loops.answer(log) == "This log does not hold the commands of a session, so no loop can be seen."
    assert loops.answer(one("EHLO", "QUIT")) == "This log holds no command loop of 3 turns or more."
    full = loops.turns(one("EHLO", *STORM * 3))
    assert loops.turns(empty_log()).dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()
    assert loops.turns(one("EHLO")).dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()
    found = loops.find(one("EHLO", *STORM * 3))
    assert loops.find(empty_log()).dtypes.astype(str).tolist() == found.dtypes.astype(str).tolist()


def test_missing_times_leave_seconds_missing() -> None:
    log = one("EHLO", *STORM * 3, "QUIT")
    log.events["time"] = pd.Series(pd.NaT, log.events.index, dtype="datetime64[us, UTC]")
    found = loops.find(log)
    assert "an unknown time" in loops.answer(log)
    assert found["turns"].tolist() == [3] and found["seconds"].isna().all() and found["start"].isna().all()


def test_records_of_command_and_reply_in_one() -> None:
    events = spamlab.tables.conform(
        "events",
        {"session": [0] * 14, "kind": ["exchange"] * 14, "verb": ["EHLO", *["MAIL", "RCPT", "RSET"] * 4, "QUIT"],
         "code": [250, *[250, 550, 250] * 4, 221], "text": ["x"] * 14},
    )  # fmt: skip
    log = Log({"events": events, "sessions": spamlab.tables.conform("sessions", {"session": [0]})})
    assert units(log) == [("MAIL–RCPT(550)–RSET", 4)]
    assert loops.find(log)["octets"].isna().all()  # such a record is not a line of the dialogue


def test_interleaved_sessions() -> None:
    log = dialogue_log([talk(["EHLO", *STORM * 5, "QUIT"]), talk(["EHLO", *["RSET"] * 7, "QUIT"])])
    order = np.argsort(np.concatenate([np.arange(n) for n in log.events.groupby("session").size()]), kind="stable")
    log.events = log.events.iloc[order].reset_index(drop=True)
    assert units(log) == [("MAIL–RCPT(550)–RSET", 5), ("RSET", 7)]


@pytest.mark.parametrize("shape", ["one transaction", "one session", "many sessions", "no loop"])
def test_a_million_events_take_seconds(shape: str) -> None:
    n = 1_000_000 if shape != "one transaction" else 200_000
    rng = np.random.default_rng(1)
    verbs = np.array(["MAIL", "RCPT", "RSET"])
    place = np.zeros(n, int) + 1 if shape == "one transaction" else np.arange(n) // 2 % 3
    if shape == "no loop":
        place = rng.integers(0, 3, n // 2).repeat(2)
    reply = np.arange(n) % 2 == 1
    events = spamlab.tables.conform(
        "events",
        {
            "time": pd.Series(pd.date_range("2003-11-11", periods=n, freq="s", tz="UTC", unit="us")),
            "session": np.arange(n) // 12 if shape == "many sessions" else np.zeros(n, int),
            "kind": pd.Categorical.from_codes(reply.astype(int), ["command", "reply"]),
            "direction": pd.Categorical.from_codes(reply.astype(int), ["sent", "received"]),
            "verb": pd.Categorical.from_codes(np.where(reply, -1, place), verbs),
            "code": pd.array(np.where(place == 1, 550, 250), "Int64"),
            "text": pd.Series(["x"] * n, dtype="str"),
        },
    )
    events.loc[~reply, "code"] = pd.NA
    sessions = spamlab.tables.conform("sessions", {"session": np.unique(events["session"].to_numpy(int))})
    log = Log({"events": events, "sessions": sessions})
    dialogue.answers(events)  # compiled
    begin = time.process_time()
    found = loops.find(log)
    assert time.process_time() - begin < 15
    expected = {"one transaction": 1, "one session": 1, "many sessions": 0}
    assert len(found) == expected.get(shape, len(found))
    if shape == "one transaction":
        assert found["turns"].tolist() == [n // 2]


@pytest.mark.parametrize("seed", [1, 2])
def test_simulated_loops_are_found_exactly(seed: int) -> None:
    scenario = Scenario(seed=seed, sessions=40, outbound=1.0, loops=1.0, dropped=0, nasty=0, odd=0)
    text, truth = exchange55(scenario)
    found = loops.find(spamlab.read(io.BytesIO(text), format="exchange55"))
    meant = truth.loops[truth.loops["turns"] >= loops.MINIMUM]
    columns = ["session", "unit", "turns"]
    assert sorted(found[columns].values.tolist()) == sorted(meant[columns].values.tolist())
