"""The simulated server: queues as theory has them, nothing lost, and its log tells the truth."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats as sp

import spamlab
from spamlab import simulate
from spamlab.simulate import MEASURES, Hosts, Load, Mail, Run, Server, Spam
from spamlab.simulate.measures import _cost, capacity, spread
from spamlab.simulate.runs import STATES
from spamlab.simulate.transcript import files

SILENCE = Load(spam=Spam(rate=0.0), mail=Mail(rate=0.0))
SURE = {"invalid": 0.0, "null": 0.0, "malformed": 0.0, "unreachable": 0.0}  # all senders are somebody


def spam(rate: float = 1.0, **more: object) -> Load:
    """Spam alone, for existing users here unless something else is said."""
    return replace(SILENCE, spam=Spam(rate=rate, **{**SURE, "elsewhere": 0.0, "valid_recipients": 1.0, **more}))  # type: ignore[arg-type]


def counts(run: Run, kind: str) -> dict[str, int]:
    messages = run.messages
    return dict(messages.loc[messages["kind"] == kind, "state"].astype("str").value_counts())


# -- queueing theory -----------------------------------------------------------------------------------


def agrees(values: list[float], expected: float) -> bool:
    """Whether independent runs' values leave the expected mean possible (Student's t, 1 in 1,000)."""
    return bool(sp.ttest_1samp(values, expected).pvalue > 1e-3)


def waits(server: Server, load: Load, duration: float, runs: int = 12) -> list[pd.DataFrame]:
    """The jobs of independent runs, those of the first tenth left out, with the time each waited."""
    jobs = [simulate.run(server, load, duration=duration, seed=seed).jobs for seed in range(runs)]
    return [
        j[j["asked"] > 0.1 * duration].assign(wait=j["begun"] - j["asked"], took=j["done"] - j["begun"]) for j in jobs
    ]


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_m_m_1(load: float) -> None:
    """Exponential times: mean wait, share that does not wait, messages in the server, utilisation."""
    rate, service = 2.0, load / 2.0
    server, duration = Server(cpu=service), 3000.0
    jobs = waits(server, spam(rate), duration)
    assert agrees([j["wait"].mean() for j in jobs], load * service / (1 - load))
    assert agrees([(j["wait"] < 1e-9).mean() for j in jobs], 1 - load)
    for share in (0.5, 0.9):  # the waits of those who wait are exponential
        wait = [
            float((j.loc[j["wait"] > 1e-9, "wait"] > -np.log(1 - share) * service / (1 - load)).mean()) for j in jobs
        ]
        assert agrees(wait, 1 - share)
    runs = [simulate.run(server, spam(rate), duration=duration, seed=seed) for seed in range(12)]
    assert agrees([run.utilisation(np.array([300.0, duration]))[0] for run in runs], load)
    lengths = [run.queue[run.queue["time"] > 300] for run in runs]
    inside = [np.average(q["length"].to_numpy()[:-1], weights=np.diff(q["time"])) for q in lengths]
    assert agrees(inside, load / (1 - load))


@pytest.mark.parametrize("law", ["fixed", "exponential"])
def test_m_g_1(law: str) -> None:
    """Pollaczek and Khinchine: fixed times, and a mixture of short ones (refused) and long ones (taken)."""
    server = Server(cpu=0.4, refusing=0.05, lookup=True, cpu_law=law)  # type: ignore[arg-type]
    valid, rate = 0.5, 3.0
    jobs = waits(server, spam(rate, valid_recipients=valid), 3000.0)
    moment = {"fixed": 1, "exponential": 2}[law]
    mean, square = valid * 0.4 + (1 - valid) * 0.05, moment * (valid * 0.4**2 + (1 - valid) * 0.05**2)
    assert agrees([j["took"].mean() for j in jobs], mean)
    assert agrees([j["wait"].mean() for j in jobs], rate * square / (2 * (1 - rate * mean)))


def test_the_capacity_is_what_arithmetic_says() -> None:
    """Processor time a spam takes in the end, under every measure."""
    load = replace(SILENCE, spam=Spam(rate=0.2))
    for name in MEASURES:
        server = replace(Server(), **MEASURES[name])
        cost = [_cost(server, load, 4000.0, seed) for seed in range(12)]
        assert agrees(cost, 1 / capacity(server, load)), name


def test_an_uplink_carries_what_it_can() -> None:
    server = Server(cpu=1e-4, uplink=8000, connections=50, relaying="anyone")
    run = simulate.run(server, spam(2.0, elsewhere=1.0, size=simulate.Lognormal(1000)), duration=1000, seed=1)
    sent = counts(run, "spam")["sent"]
    assert sent == pytest.approx(1000, rel=0.02)  # 1,000 octets take a second
    assert counts(run, "spam")["waiting"] > 900


def test_connections_bound_what_goes_out() -> None:
    """A connection at a time, a message a connection: banner, EHLO, MAIL, RCPT, DATA, text."""
    server = Server(cpu=1e-4, uplink=1e9, connections=1, per_connection=1, relaying="anyone")
    run = simulate.run(server, spam(2.0, elsewhere=1.0), duration=6000, seed=1)
    one = 2 * (22 / 21) + 4 * (22 / 21)
    assert counts(run, "spam")["sent"] == pytest.approx(6000 / one, rel=0.1)


def test_retries_keep_their_schedule() -> None:
    server = Server(connections=100, notifications=False)
    load = spam(0.01, valid_recipients=0.0, unreachable=1.0)
    run = simulate.run(server, load, duration=40_000, seed=1)
    tries = run.attempts.groupby("message")["begun"].apply(np.array)
    whole = [begun for begun in tries if len(begun) == 5]
    assert len(whole) > 30
    gaps = np.diff(np.array(whole), axis=1) / 3600 - 30 / 3600
    assert gaps == pytest.approx(np.tile([0.25, 0.5, 1, 4], (len(whole), 1)), abs=0.001)
    assert counts(run, "ndr")["failed"] == len(whole) == len(run.messages[run.messages["kind"] == "double bounce"])


# -- nothing is lost, nothing is made up ----------------------------------------------------------------

shares = st.sampled_from([0.0, 0.2, 1.0])
thirds = st.sampled_from([0.0, 0.1, 0.25])
streams = st.builds(
    Spam,
    rate=st.sampled_from([0.0, 0.2, 2.0]),
    recipients=st.integers(1, 3),
    elsewhere=shares,
    valid_recipients=shares,
    invalid=thirds,
    null=thirds,
    malformed=thirds,
    unreachable=thirds,
    guest_logins=thirds,
    failed_logins=thirds,
)
loads = st.builds(
    Load,
    spam=streams,
    harvest=streams,
    mail=st.builds(Mail, rate=st.sampled_from([0.0, 0.5]), mistyped=shares, typing_errors=shares, ndrs=shares),
    hosts=st.builds(Hosts, late=shares, late_after=st.sampled_from([0.0, 5.0]), silence=st.sampled_from([0.0, 30.0])),
)
servers = st.builds(
    Server,
    guest=st.booleans(),
    fall_through=st.booleans(),
    relaying=st.sampled_from(["anyone", "logged in", "nobody"]),
    lookup=st.booleans(),
    null_senders=st.booleans(),
    malformed_senders=st.booleans(),
    ndrs=st.booleans(),
    notifications=st.booleans(),
    double_bounces=st.booleans(),
    retries=st.sampled_from([(), (0.001,), (0.002, 0.01)]),
    connections=st.integers(1, 5),
    per_connection=st.integers(1, 8),
    cpu=st.sampled_from([0.0001, 0.1, 1.0]),
)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


@quick
@given(servers, loads, st.integers(0, 2**32))
def test_every_message_ends_in_exactly_one_state(server: Server, load: Load, seed: int) -> None:
    run = simulate.run(server, load, duration=120, seed=seed)
    messages = run.messages
    assert messages["number"].tolist() == list(range(len(messages)))
    assert messages["state"].isin(STATES).all()
    assert (messages["done"].isna() == (messages["state"] == "waiting")).all()
    assert (messages["delay"].dropna() >= -1e-9).all()
    assert messages[["arrived", "done"]].max().max() <= 120 or messages.empty
    about = messages[messages["of"].notna()]
    assert (about["of"].astype("int64") < about["number"]).all()
    assert not len(run.queue) or run.queue["length"].iloc[-1] == (messages["state"] == "waiting").sum()
    assert (run.queue["length"] >= 0).all()
    sent = run.attempts[run.attempts["outcome"] == "sent"]["message"]
    assert sent.is_unique and set(sent) == set(messages.loc[messages["state"] == "sent", "number"])
    # A failure is reported once to whom it is to be reported, and nothing else is.
    root = messages[~messages["kind"].isin(["ndr", "notice", "double bounce", "returned"])]
    failed = root[root["state"] == "failed"]
    of = {kind: list(messages.loc[messages["kind"] == kind, "of"]) for kind in messages["kind"].unique()}
    assert sorted(of.get("ndr", [])) == (
        sorted(failed.loc[failed["sender"] != "null", "number"]) if server.ndrs else []
    )
    assert sorted(of.get("notice", [])) == (sorted(failed["number"]) if server.notifications else [])
    assert server.double_bounces or "double bounce" not in of


@settings(quick, max_examples=20)
@given(servers, loads, st.integers(0, 2**32))
def test_the_log_read_back_is_the_truth(server: Server, load: Load, seed: int) -> None:
    logs, truth = files(simulate.run(server, load, duration=20, seed=seed))
    if not logs:
        return
    log = spamlab.read([io.BytesIO(text) for text in logs.values()], format="exchange55")
    assert log.unparsed.empty
    events = log.events[~log.events["echo"]]
    first = events.drop_duplicates("session").sort_values(["source", "line"])
    names = {name: n for n, name in enumerate(log.sources["source"])}  # of streams, in the order given
    first = first.assign(file=first["source"].map(names).astype("int64")).sort_values(["file", "line"])["session"]
    mine = sorted(range(len(truth.lanes)), key=lambda n: (truth.lanes[n], n))
    got, want = log.sessions.set_index("session").reindex(first), truth.sessions.iloc[mine]
    for column in ("role", "peer_ip", "peer_host", "helo", "user", "authenticated", "commands", "replies",
                   "transactions", "resets", "octets_sent", "octets_received", "ended"):  # fmt: skip
        assert plain(got[column]) == plain(want[column]), column
    pairs = dict(zip(first, mine, strict=True))
    for table, columns in {
        "transactions": (
            "reverse_path",
            "null_sender",
            "size",
            "user",
            "recipients",
            "accepted",
            "rejected",
            "outcome",
        ),
        "recipients": ("forward_path", "status", "code", "reply"),
    }.items():
        got, want = getattr(log, table), getattr(truth, table)
        got = got.assign(session=got["session"].map(pairs)).sort_values("session", kind="stable")
        for column in columns:
            assert plain(got[column]) == plain(want[column]), column


def plain(column: pd.Series) -> list[object]:
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]


def test_the_log_says_what_happened() -> None:
    run = simulate.run(duration=400, seed=3)
    log = run.log()
    state, inside = run.messages["state"], run.messages["login"] == "inside"
    roles = log.transactions["session"].map(log.sessions.set_index("session")["role"])
    out = log.recipients["transaction"].isin(log.transactions.loc[roles == "client", "transaction"])
    assert (log.recipients[out]["status"] == "delivered").sum() == (state == "sent").sum()
    assert (log.recipients[~out]["status"] == "rejected").sum() == (state == "refused").sum()
    came = run.messages["kind"].isin(["spam", "mail", "returned"]) & ~inside
    assert (roles == "server").sum() == came.sum()
    # A log cannot tell a report from spam with the null reverse-path that was relayed.
    tried = run.messages.iloc[run.attempts.loc[run.attempts["outcome"] != "silent", "message"]]
    assert len(spamlab.backscatter.ndrs(log)) == (tried["sender"] == "null").sum() > (tried["kind"] == "ndr").sum()


def test_same_seed_same_world() -> None:
    one, two, other = (simulate.run(duration=300, seed=seed) for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(one.messages, two.messages)
    pd.testing.assert_frame_equal(one.attempts, two.attempts)
    assert one.files() == two.files()
    assert one.files() != other.files()
    cured = simulate.run(Server(guest=False, lookup=True, cpu=1.0), duration=300, seed=7)
    given = ["kind", "arrived", "size", "sender", "login", "elsewhere", "valid"]
    roots = [run.messages[run.messages["of"].isna()][given] for run in (one, cured)]
    pd.testing.assert_frame_equal(*roots)


# -- each switch does what it says ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "login", "relayed"),
    [
        ({}, "guest", True),
        ({}, "failed", True),
        ({}, "", False),
        ({"guest": False}, "guest", False),
        ({"guest": False}, "failed", False),
        ({"fall_through": False}, "guest", True),
        ({"fall_through": False}, "failed", False),
        ({"relaying": "nobody"}, "guest", False),
        ({"relaying": "anyone", "guest": False}, "", True),
    ],
)
def test_who_may_relay(switch: dict[str, object], login: str, relayed: bool) -> None:
    load = spam(elsewhere=1.0, guest_logins=float(login == "guest"), failed_logins=float(login == "failed"))
    run = simulate.run(replace(Server(), **switch), load, duration=100, seed=1)  # type: ignore[arg-type]
    assert set(counts(run, "spam")) <= ({"sent", "waiting"} if relayed else {"refused"})
    text = b"".join(run.files().values())
    assert (b"Relaying is prohibited" in text) != relayed
    assert (b"535" in text) == (login == "failed" or (login == "guest" and switch.get("guest") is False))


def test_users_may_relay_unless_nobody_may() -> None:
    load = replace(SILENCE, mail=Mail(rate=1.0, inside=0.0, roaming=1.0, mistyped=0.5, typing_errors=0.0))
    for rule, lost in (("logged in", False), ("nobody", True)):
        run = simulate.run(Server(relaying=rule), load, duration=100, seed=1)  # type: ignore[arg-type]
        assert ("refused" in counts(run, "mail")) == lost
    log = run.log()
    assert log.sessions["authenticated"].all()
    assert (log.events["code"] == 535).sum() == (run.messages["login"] == "retried").sum() > 0


def test_a_look_up_refuses_who_does_not_exist() -> None:
    for lookup in (False, True):
        run = simulate.run(Server(lookup=lookup), spam(valid_recipients=0.0), duration=100, seed=1)
        assert set(counts(run, "spam")) <= ({"refused"} if lookup else {"failed"})
        assert bool(counts(run, "ndr")) != lookup


@pytest.mark.parametrize(("kind", "switch"), [("null", "null_senders"), ("malformed", "malformed_senders")])
def test_senders_can_be_refused(kind: str, switch: str) -> None:
    for accepted in (True, False):
        run = simulate.run(replace(Server(), **{switch: accepted}), spam(**{kind: 1.0}), duration=100, seed=1)
        assert set(counts(run, "spam")) == {"delivered" if accepted else "refused"}


def test_reports_can_be_switched_off() -> None:
    load = replace(spam(valid_recipients=0.0, invalid=1.0), hosts=Hosts(late=0.0))
    for server, kinds in (
        (Server(), {"ndr", "notice", "double bounce"}),
        (Server(ndrs=False), {"notice"}),
        (Server(notifications=False), {"ndr", "double bounce"}),
        (Server(double_bounces=False), {"ndr", "notice"}),
    ):
        made = set(simulate.run(server, load, duration=100, seed=1).messages["kind"].unique()) - {"spam"}
        assert made == kinds


def test_one_spam_causes_none_to_four_error_messages() -> None:
    cases = simulate.error_messages()
    assert set(cases["messages"]) == {0, 1, 2, 3, 4}
    case = cases.set_index(["policy", "sender", "recipient", "sender_host"])[["messages", "across_internet"]]
    for key, expected in {
        ("valid", "valid", "refuses"): (0, 0),
        ("null", "invalid", "refuses"): (1, 0),
        ("valid", "invalid", "refuses"): (2, 1),
        ("invalid", "invalid", "refuses"): (3, 1),
        ("malformed", "invalid", "accepts"): (3, 1),
        ("invalid", "invalid", "accepts"): (4, 2),
    }.items():
        assert tuple(case.loc[("nothing", *key)]) == expected, key
    assert case.loc["directory look-up"]["messages"].max() == 0
    assert case.loc["no NDRs"]["messages"].max() == 1
    assert case.loc["disable notifications"]["messages"].max() == 2
    pd.testing.assert_frame_equal(cases, simulate.error_messages(seed=5))


# -- measures, saturation, harvest -----------------------------------------------------------------------


def test_measures_do_what_the_paper_says() -> None:
    table = simulate.measures(duration=200, replications=3)
    assert set(table["measure"]) == set(MEASURES)
    assert (table["low"].isna() | ((table["low"] <= table["value"]) & (table["value"] <= table["high"]))).all()
    shown = table[table["unit"] == "share"]
    assert shown[["value", "low", "high"]].stack().between(0, 1).all()
    assert set(table.loc[table["outcome"].str.contains("delay"), "kind"]) == {"range"}
    value = table.pivot(index="measure", columns="outcome", values="value")
    assert value.loc[["disable Guest", "forbid relaying"], "relayed spam"].tolist() == [0, 0]
    assert value.loc["no NDRs", "NDRs"] == 0 and value.loc["no NDRs", "failures untold"] == 1
    assert value.loc["refuse <>", "legitimate NDRs lost"] == 1 and value.loc["nothing", "legitimate NDRs lost"] == 0
    assert value.loc["forbid relaying", "legitimate mail refused"] > 0
    assert value.loc["disable notifications", "admin mail"] < 0.2 * value.loc["nothing", "admin mail"]
    assert value.loc["disable notifications", "relayed spam"] >= value.loc["nothing", "relayed spam"]


def covered(hits: int, n: int, low: float, high: float = 1.0) -> bool:
    """Whether the hits leave it possible (exact binomial, 1 in 10,000) that coverage is in low … high."""
    return bool(sp.binom.cdf(hits, n, low) > 1e-4 and sp.binom.sf(hits - 1, n, high) > 1e-4)


def test_the_intervals_of_rates_cover() -> None:
    """Of simulated hours, against the mean of them all; few and short ones, where normality is worst."""
    sets, runs, hits, load = 130, 4, {"NDRs": 0, "admin mail": 0, "uplink octets": 0}, Load(spam=Spam(rate=1.0))
    tables = [
        simulate.measures(None, load, names=("nothing",), duration=60, replications=runs, seed=runs * n)
        for n in range(sets)
    ]
    tables = [table.set_index("outcome") for table in tables]
    for outcome in hits:
        truth = np.mean([table.loc[outcome, "value"] for table in tables])
        hits[outcome] = sum(t.loc[outcome, "low"] <= truth <= t.loc[outcome, "high"] for t in tables)
        assert covered(hits[outcome], sets, 0.93, 0.97), hits


@pytest.mark.parametrize("mean", [5, 40, 400])
def test_the_interval_of_a_mean_count_covers(mean: float) -> None:
    """Counts of Poisson streams whose messages come in clumps of one to four, as reports do."""
    rng, sets = np.random.default_rng(round(mean)), 4000
    clumps = rng.poisson(mean, (sets, 6))
    values = np.vectorize(lambda n: rng.integers(1, 5, n).sum())(clumps)
    ends = np.array([spread(one.astype(float)) for one in values])
    assert covered(int(((ends[:, 0] <= 2.5 * mean) & (2.5 * mean <= ends[:, 1])).sum()), sets, 0.93, 0.97)


def test_saturation() -> None:
    table = simulate.saturation((0.5, 2.0, 3.0), names=("nothing", "disable Guest"), duration=300, replications=3)
    assert table["saturated"].tolist() == [False, False, True, False, False, False]
    bad = table[table["measure"] == "nothing"]
    pd.testing.assert_frame_equal(
        simulate.saturation([0.5], names=["nothing"], duration=300, replications=3),
        bad.head(1),  # type: ignore[arg-type]
    )
    assert bad["delay_mean"].is_monotonic_increasing and bad["utilisation"].iloc[-1] > 0.97
    assert bad["utilisation"].iloc[:2].to_numpy() == pytest.approx(bad["load"].iloc[:2].to_numpy(), abs=0.1)
    first = table.drop_duplicates("measure")
    assert (first["capacity"] / first["capacity_expected"]).to_numpy() == pytest.approx(1, abs=0.1)
    assert first["capacity"].iloc[1] > 2 * first["capacity"].iloc[0]


def test_the_interval_of_the_capacity_covers() -> None:
    sets, runs = 90, 3
    found = pd.concat(
        simulate.saturation((0.1,), names=("nothing",), duration=60, replications=runs, seed=runs * n)
        for n in range(sets)
    )
    truth = found["capacity"].mean()
    hits = int(((found["capacity_low"] <= truth) & (truth <= found["capacity_high"])).sum())
    assert covered(hits, sets, 0.93, 0.97)
    assert agrees(found["capacity"].tolist(), found["capacity_expected"].mean())


def test_harvest() -> None:
    table = simulate.harvest((0.1, 0.01))
    blind, seeing = table[~table["lookup"]], table[table["lookup"]]
    assert (blind["low"] <= blind["expected"]).all() and (blind["expected"] <= blind["high"]).all()
    assert (seeing["per_address"] == 1).all() and (seeing["reports"] == 0).all()
    assert blind["found"].tolist() == seeing["found"].tolist()
    assert (blind["messages"] == blind["guesses"]).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="Spam: elsewhere can be 1 at most, not 2"):
        Spam(elsewhere=2.0)
    with pytest.raises(ValueError, match="Spam: invalid null malformed unreachable"):
        Spam(invalid=0.9, null=0.5)
    with pytest.raises(ValueError, match="Mail: rate must be"):
        Mail(rate=-1.0)
    with pytest.raises(ValueError, match="Server: connections must be a positive number, not 0"):
        Server(connections=0)
    with pytest.raises(ValueError, match="duration"):
        simulate.run(duration=0)
    with pytest.raises(ValueError, match="no measure is called 'pray'; these are: nothing, disable Guest"):
        simulate.measures(names=("pray",))
    with pytest.raises(ValueError, match="two or more"):
        simulate.measures(replications=1)


def test_an_empty_world() -> None:
    run = simulate.run(load=SILENCE, duration=60)
    assert run.messages.empty and run.files() == {} and run.log().events.empty
    assert run.over_time().drop(columns=["time", "delay"]).to_numpy().sum() == 0
