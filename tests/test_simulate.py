"""Simulate, then read: everything that was put in comes out again."""

from __future__ import annotations

import dataclasses
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import spamlab
from benchmarks.writers.exchange55 import exchange55, files
from benchmarks.writers.login import PASSWORD, encode
from benchmarks.writers.scenario import DAY, Scenario
from spamlab import loops, timing
from spamlab.simulate import Dialect, Lognormal, Truth

DATA = Path(__file__).parent.parent / "data"
EXACT = {
    "sessions": (
        "role", "peer_ip", "peer_host", "helo", "user", "authenticated", "tls", "commands", "replies",
        "transactions", "resets", "octets_sent", "octets_received", "ended",
    ),
    "transactions": (
        "session", "number", "reverse_path", "null_sender", "size", "message_id", "user", "recipients",
        "accepted", "rejected", "deferred", "outcome",
    ),
    "recipients": (
        "session", "transaction", "forward_path", "status", "code", "enhanced_code", "reply",
    ),
}  # fmt: skip
ECHO_DELAY = pd.Timedelta("60ms")  # a session's last logged event can be an echo

shares = st.sampled_from([0.0, 0.2, 1.0])
dialects = st.builds(
    Dialect,
    stamps=st.sampled_from(["us", "german", "iso", "dayfirst", "none"]),
    raw=st.booleans(),
    bars=st.booleans(),
    mark=st.sampled_from(["IO", "I0"]),
    arrows=st.booleans(),
    blanks=st.sampled_from(["sent", "all", "none"]),
    blank=st.sampled_from(["", "\t"]),
    wrap=st.sampled_from([0, 40]),
    newline=st.sampled_from(["\n", "\r\n"]),
    capitals=st.booleans(),
    dot=st.booleans(),
    # Without stamps and arrows a session's lines cannot be told from one another: no server writes so.
).filter(lambda d: d.arrows or d.stamps != "none")
scenarios = st.builds(
    Scenario,
    seed=st.integers(0, 2**32),
    sessions=st.integers(1, 12),
    outbound=st.sampled_from([0.0, 0.5, 1.0]),
    loops=shares,
    null_senders=shares,
    turned_away=st.sampled_from([0.0, 0.2]),
    refused=shares,
    failed=shares,
    size=st.just(Lognormal(900, 1.0)),
    login=st.sampled_from([0.0, 1.0]),
    guests=shares,
    bad_logins=shares,
    texts=shares,
    dropped=shares,
    silent=st.sampled_from([0.0, 0.2]),
    fallback=shares,
    odd=shares,
    nasty=shares,
    cut=st.booleans(),
    dialect=dialects,
)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


def read(logs: dict[str, bytes], folder: Path, scenario: Scenario) -> spamlab.Log:
    for name, log in logs.items():
        (folder / name).write_bytes(log)
    return spamlab.read(folder, format="exchange55", dayfirst=scenario.dialect.stamps in ("german", "dayfirst"))


def plain(column: pd.Series) -> list[object]:
    """Values as Python objects, ``None`` where missing."""
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]


def compare(log: spamlab.Log, truth: Truth, scenario: Scenario) -> None:
    """Hold every table against the truth; a log in one file has its sessions in the truth's order."""
    dialect = scenario.dialect
    for table, columns in EXACT.items():
        got, want = getattr(log, table), getattr(truth, table)
        for column in columns:
            assert plain(got[column]) == plain(want[column]), f"{table}.{column}"
    live = log.events[~log.events["echo"]]
    assert plain(live["kind"]) == plain(truth.events["kind"])
    asked = log.events["kind"].eq("connect")
    said = ~asked.reindex(live.index) & live["kind"].ne("auth") & live["verb"].astype("str").ne("AUTH")
    assert plain(live["text"][said]) == plain(truth.events["text"][said.to_numpy()])
    echoes = ~truth.events["sent"] & truth.events["echoed"] & ~truth.events["kind"].isin(["connect", "note"])
    cut_raw = scenario.cut and len(echoes) > 0 and bool(echoes.iloc[-1])
    assert log.events["echo"].sum() == (echoes.sum() - cut_raw if dialect.raw else 0)
    assert log.unparsed.empty
    sources = log.sources
    assert (sources["lines"] == sources["event_lines"] + sources["ignored_lines"]).all()
    if dialect.stamps == "none":
        assert log.events["time"].isna().all()
        return
    assert plain(live["time"]) == plain(truth.events["time"].dt.floor("s"))
    for table in ("sessions", "transactions"):
        assert plain(getattr(log, table)["start"]) == plain(getattr(truth, table)["start"].dt.floor("s"))
        end = getattr(truth, table)["end"]
        assert (getattr(log, table)["end"] >= end.dt.floor("s")).all()
        assert (getattr(log, table)["end"] <= (end + ECHO_DELAY).dt.floor("s")).all()
    assert plain(log.recipients["time"]) == plain(truth.recipients["time"].dt.floor("s"))


def compare_timing(log: spamlab.Log, truth: Truth) -> None:
    """Each true latency lies in the interval the log leaves; the loops that were meant are found."""
    replies = timing.replies(log)
    commands = truth.commands
    assert plain(replies["code"]) == plain(commands["code"])
    assert plain(replies["latency"].isna()) == plain(commands["latency"].isna())
    true = commands["latency"].to_numpy()
    told = ~np.isnan(true)
    assert (replies["latency_low"].to_numpy()[told] <= true[told]).all()
    assert (true[told] <= replies["latency_high"].to_numpy()[told]).all()
    found = loops.find(log)
    for loop in truth.loops[truth.loops["turns"] >= loops.MINIMUM].itertuples():
        same = found[(found["session"] == loop.session) & (found["unit"] == loop.unit)]
        assert same["turns"].tolist() == [loop.turns]


@given(scenarios)
@quick
def test_what_was_put_in_comes_out(tmp_path_factory: pytest.TempPathFactory, scenario: Scenario) -> None:
    logs, truth = files(scenario)
    log = read(logs, tmp_path_factory.mktemp("log"), scenario)
    compare(log, truth, scenario)
    if scenario.dialect.stamps != "none":
        compare_timing(log, truth)


@pytest.mark.parametrize(
    "change",
    [
        {"stamps": "german"}, {"stamps": "iso"}, {"stamps": "dayfirst"}, {"stamps": "none"}, {"raw": False},
        {"bars": False}, {"mark": "I0", "capitals": True, "newline": "\n"}, {"arrows": False},
        {"blanks": "all", "blank": "\t"}, {"blanks": "none"}, {"dot": False}, {"wrap": 40}, {},
    ],
    ids=str,
)  # fmt: skip
def test_each_dialect(tmp_path: Path, change: dict[str, str]) -> None:
    scenario = Scenario(seed=11, sessions=60, size=Lognormal(600, 0.5), cut=True, dialect=Dialect(**change))
    logs, truth = files(scenario)
    log = read(logs, tmp_path, scenario)
    assert set(truth.recipients["status"].dropna()) >= {"accepted", "delivered", "rejected"}
    assert set(truth.sessions["ended"]) == {"quit", "dropped", "cut"}
    compare(log, truth, scenario)
    if scenario.dialect.stamps != "none":
        compare_timing(log, truth)


def test_concurrent_connections_have_files_of_their_own(tmp_path: Path) -> None:
    scenario = Scenario(seed=5, sessions=150, connections=4, hours=(1.0,), size=Lognormal(600, 0.5), cut=True)
    logs, truth = files(scenario)
    assert list(logs) == [f"L{n:07}.LOG" for n in range(4)]
    log = read(logs, tmp_path, scenario)
    # The reader numbers sessions file by file or by time: pair them by file and place in it.
    first = log.events.drop_duplicates("session").sort_values(["source", "line"])["session"].to_numpy()
    mine = sorted(range(len(truth.lanes)), key=lambda n: (truth.lanes[n], n))
    for column in EXACT["sessions"]:
        got = log.sessions.set_index("session")[column].reindex(first)
        assert plain(got) == plain(truth.sessions[column].iloc[mine]), column
    start, end = truth.sessions["start"].dt.floor("s"), truth.sessions["end"]
    overlapping = (start.to_numpy()[1:] < end.cummax().to_numpy()[:-1]).sum()
    assert overlapping > 10


def test_names_are_found_and_passwords_are_not(tmp_path: Path) -> None:
    scenario = Scenario(seed=2, sessions=80, outbound=0.0, login=1.0, fallback=0.0, texts=0.0)
    logs, truth = files(scenario)
    assert {"Guest", ""} < set(truth.sessions["user"].dropna())
    log = read(logs, tmp_path, scenario)
    shown = "\n".join(getattr(log, t).to_csv() for t in ("events", "sessions", "transactions", "recipients"))
    assert encode(PASSWORD).encode() in logs["L0000000.LOG"]
    for secret in (PASSWORD, encode(PASSWORD), encode(f"\0Guest\0{PASSWORD}"), encode(f"\0\0{PASSWORD}")):
        assert secret not in shown


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert exchange55(Scenario(seed=3))[0] == exchange55(Scenario(seed=3))[0]
    assert exchange55(Scenario(seed=3))[0] != exchange55(Scenario(seed=4))[0]


def test_how_it_is_logged_does_not_change_what_happens() -> None:
    one = exchange55(Scenario(seed=3))[1]
    other = exchange55(Scenario(seed=3, dialect=Dialect(stamps="iso", blanks="all", newline="\n")))[1]
    pd.testing.assert_frame_equal(one.events, other.events)


def test_latencies_have_the_distribution_asked_for() -> None:
    scenario = Scenario(seed=1, sessions=400, loops=1.0, outbound=1.0, latency=Lognormal(2.0, 0.5), dropped=0.0)
    latency = exchange55(scenario)[1].commands["latency"].dropna()
    assert np.median(latency) == pytest.approx(2.0, rel=0.03)
    assert np.log(latency).std() == pytest.approx(0.5, rel=0.03)


def test_an_empty_scenario_and_a_wrong_one() -> None:
    log, truth = exchange55(Scenario(sessions=0))
    assert (log, len(truth.sessions), len(truth.transactions), len(truth.recipients)) == (b"", 0, 0, 0)
    with pytest.raises(ValueError, match="use files"):
        exchange55(Scenario(connections=2))


def test_only_names_and_addresses_kept_for_examples() -> None:
    log, _ = exchange55(dataclasses.replace(DAY, sessions=200))
    text = log.decode("utf-8", "replace")
    named = pd.Series(text.splitlines()).str.extractall(r"[@ <]([\w.-]+\.(?:com|net|org|edu|gov))\b")[0]
    assert set(named.str.split(".").str[-2:].str.join(".")) <= {"example.com", "example.net", "example.org"}
    addresses = pd.Series([text]).str.extractall(r"\b(\d+\.\d+\.\d+\.)\d+\b")[0]
    assert set(addresses) <= {"192.0.2.", "198.51.100.", "203.0.113."}


def test_the_shipped_day(tmp_path: Path) -> None:
    shipped = DATA / "exchange55-simulated-day.log.gz"
    log, truth = exchange55(DAY)
    assert gzip.decompress(shipped.read_bytes()) == log
    assert shipped.stat().st_size < 2_000_000
    made = tmp_path / "day.log.gz"
    subprocess.run([sys.executable, "-m", "benchmarks.writers.exchange55", str(made)], check=True, capture_output=True)
    assert gzip.decompress(made.read_bytes()) == log
    found = spamlab.read(shipped)
    compare(found, truth, DAY)
    compare_timing(found, truth)
    assert len(truth.transactions) > 10_000 and set(truth.sessions["role"]) == {"client", "server"}
