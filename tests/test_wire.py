"""The wire model: its arithmetic by hand, its properties, and real packets."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spamlab import captures, wire
from spamlab.wire import WireModel

SESSION = [
    ("received", 50),
    ("sent", 12),
    ("received", 90),
    ("sent", 14),
    ("received", 8),
    ("sent", 6),
    ("received", 20),
]
direction = st.sampled_from(["sent", "received"])
lines = st.lists(st.tuples(direction, st.integers(0, 20_000)), max_size=25)
models = st.builds(
    WireModel,
    mss=st.sampled_from([536, 1380, 1460]),
    ip=st.sampled_from([4, 6]),
    timestamps=st.booleans(),
    quickacks=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    every=st.integers(1, 4),
    teardown=st.sampled_from([2, 3, 4]),
)
quick = settings(max_examples=25, deadline=None)


def frame(*connections):
    rows = [(n, *line) for n, lines in enumerate(connections) for line in lines]
    return pd.DataFrame(rows, columns=["connection", "direction", "octets"])


def test_a_short_session_by_hand() -> None:
    # Out: SYN, ACK, ACK of the banner, three lines, FIN with ACK. In: SYN-ACK, ACK of EHLO, four lines, FIN, ACK.
    found = wire.dialogue(SESSION)
    assert found.to_dict() == {
        "packets_out": 7, "packets_in": 8,
        "tcp_out": 40 + 6 * 32 + 32, "tcp_in": 40 + 7 * 32 + 168,
        "ip_out": 40 + 6 * 32 + 32 + 7 * 20, "ip_in": 40 + 7 * 32 + 168 + 8 * 20,
    }  # fmt: skip
    plain = wire.dialogue(SESSION, WireModel(timestamps=False, ip=6))
    assert plain["tcp_out"] == 32 + 6 * 20 + 32 and plain["ip_out"] == plain["tcp_out"] + 7 * 40
    assert found.dtype == "int64" and found.index.tolist() == wire.COLUMNS


def test_a_text_goes_in_full_segments_and_every_second_one_is_acknowledged() -> None:
    text = [*SESSION[:4], ("received", 8), ("sent", 14_480), ("received", 8)]
    one, none = wire.dialogue(text), wire.dialogue([*text[:5], ("sent", 0), ("received", 8)])
    assert one["packets_out"] - none["packets_out"] == 10  # of 1448 octets
    assert one["packets_in"] - none["packets_in"] == 5
    assert WireModel().segment == 1448 and WireModel(ip=6).segment == 1428
    assert WireModel(timestamps=False).segment == 1460 and WireModel(ip=6, timestamps=False).segment == 1440
    assert WireModel(mss=1200).segment == 1188
    odd = wire.dialogue([*text[:5], ("sent", 14_481), ("received", 8)])
    assert odd["packets_out"] == one["packets_out"] + 1 and odd["packets_in"] == one["packets_in"]


def test_a_slow_answer_costs_its_own_ack_and_the_next_line_one_more() -> None:
    given = frame(SESSION)
    given["wait"] = 0.0
    fast = wire.dialogues(given).loc[0]
    given.loc[4, "wait"] = 0.3  # the other side thinks: its ACK goes first, and it acknowledges the next line at once
    slow = wire.dialogues(given).loc[0]
    assert slow["packets_in"] - fast["packets_in"] == 2 and slow["packets_out"] == fast["packets_out"]
    given.loc[4, "wait"] = 0.03
    assert wire.dialogues(given).loc[0].equals(fast)
    assert wire.dialogues(given, WireModel(delayed_ack=0.02)).loc[0].equals(slow)
    given["wait"] = np.nan
    assert wire.dialogues(given).loc[0].equals(fast)


def test_what_a_connection_costs_without_a_word() -> None:
    assert wire.dialogue([]).to_dict() == wire.connection().to_dict()
    assert [wire.connection(WireModel(teardown=n))[["packets_out", "packets_in"]].sum() for n in (2, 3, 4)] == [5, 6, 7]
    asked = wire.connection(WireModel(lookups=2)) - wire.connection()
    assert asked.to_dict() == {"packets_out": 2, "packets_in": 2, "tcp_out": 0, "tcp_in": 0,
                               "ip_out": 2 * 68, "ip_in": 2 * 148}  # fmt: skip
    tls = wire.connection(WireModel(tls=(700, 3000))) - wire.connection()
    assert tls["packets_out"] >= 2 and tls["tcp_in"] > 3000
    assert wire.dialogue([("sent", 10)], WireModel(tls=(0, 0)))["tcp_out"] == wire.dialogue([("sent", 32)])["tcp_out"]


def test_retries() -> None:
    assert WireModel(retry=(0.25, 0.5, 1, 4), lifetime=1).tries == 3
    assert WireModel(retry=(0.25, 0.5, 1, 4), lifetime=48).tries == 1 + 4 + 10
    assert WireModel(retry=()).tries == 1 and WireModel(lifetime=0).tries == 1


@given(st.lists(lines, max_size=5), models)
@quick
def test_many_connections_at_once_are_each_alone(connections, model) -> None:
    whole = wire.dialogues(frame(*connections), model)
    for n, one in enumerate(connections):
        if one:
            assert whole.loc[n].round().astype("int64").equals(wire.dialogue(one, model)), n
    mixed = frame(*connections).sample(frac=1, random_state=3).sort_index(kind="stable")
    assert wire.dialogues(mixed, model).equals(whole)


@given(lines, models)
@quick
def test_lines_add_up_and_layers_hold_each_other(given, model) -> None:
    written = frame(given)
    each, total = wire.writes(written, model), wire.dialogue(given, model)
    assert np.allclose(each.sum() + wire.connection(model), total)
    assert (each >= 0).all(axis=None)
    for way, name in (("out", "sent"), ("in", "received")):
        payload = sum(octets for side, octets in given if side == name)
        header = 20 + 12 * model.timestamps
        syn = 8 if model.timestamps else 12
        assert total[f"tcp_{way}"] == payload + header * total[f"packets_{way}"] + syn
        assert total[f"ip_{way}"] == total[f"tcp_{way}"] + model.header * total[f"packets_{way}"]


@given(lines, st.data())
@quick
def test_more_octets_or_more_lines_never_cost_less(given, data) -> None:
    base = wire.dialogue(given)
    assert (wire.dialogue([*given, data.draw(st.tuples(direction, st.integers(0, 5000)))]) >= base).all()
    if given:
        at = data.draw(st.integers(0, len(given) - 1))
        side, octets = given[at]
        more = [*given[:at], (side, octets + data.draw(st.integers(0, 3000))), *given[at + 1 :]]
        assert (wire.dialogue(more)[["tcp_out", "tcp_in"]].sum()) >= base[["tcp_out", "tcp_in"]].sum()


@given(lines, models)
@settings(max_examples=8, deadline=None)
def test_the_model_lies_within_its_bounds(given, model) -> None:
    written = frame(given) if given else frame([("sent", 1)])
    low, high = wire.bounds(written, replace(model, every=2))
    told = wire.dialogues(written, replace(model, every=2))
    assert (low <= told).all(axis=None) and (told <= high).all(axis=None)
    causes = list(wire.UNKNOWN)
    for few, more in pairwise([causes[:n] for n in range(len(causes) + 1)]):
        (a, b), (c, d) = wire.bounds(written, model, few), wire.bounds(written, model, more)
        assert (c["ip_out"] <= a["ip_out"]).all() or "TLS" in more
        assert (d["ip_out"] >= b["ip_out"]).all()


def test_what_is_no_write_is_refused() -> None:
    for wrong in ([("out", 3)], [("sent", -1)]):
        with pytest.raises(ValueError, match=r"'sent' or 'received'"):
            wire.dialogue(wrong)


def test_an_unknown_size_is_missing_not_nothing() -> None:
    written = pd.DataFrame({"connection": [0, 0, 1], "direction": ["sent"] * 3, "octets": [5.0, np.nan, 7.0]})
    found = wire.dialogues(written)
    assert found.loc[0].isna().all() and found.loc[1].notna().all()


def test_many_connections_take_seconds() -> None:
    n = 20_000
    written = pd.concat([frame(SESSION)] * n, ignore_index=True)
    written["connection"] = np.repeat(np.arange(n), len(SESSION))
    assert (wire.dialogues(written) == wire.dialogue(SESSION)).all(axis=None)


# -- against real packets ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    return captures.compare()


def test_packets_are_as_modelled_or_differ_in_acks_or_are_counted(compared) -> None:
    held = compared[compared["held_out"]]
    assert len(held) > 400 and len(held) > 5 * (~compared["held_out"]).sum()
    share = held["verdict"].value_counts(normalize=True)
    assert share["equal"] > 0.7 and share["equal"] + share["delayed ACKs"] > 0.9
    # Whatever is not an ACK is a text that its sender wrote in pieces; once a FIN was sent again.
    assert (held.loc[held["verdict"] == "other", "size"] == 0).sum() <= 1


def test_octets_are_within_one_percent_once_acks_are_counted(compared) -> None:
    held = compared[compared["held_out"]]
    assert held["apart"].abs().max() < 0.01
    assert held["error"].abs().le(0.01).mean() > 0.9 and held["error"].abs().max() < 0.12
    exact = held[held["verdict"].isin(["equal", "delayed ACKs"])]
    assert exact["apart"].abs().max() < 0.005


def test_every_case_of_the_experiment_is_there(compared) -> None:
    loops = compared[compared["case"] == "loop"]
    assert set(loops["k"]) == set(range(1, 51))
    assert set(compared["server"]) == {"postfix", "exim", "sendmail"} <= set(compared["client"])
    for name in ("ip", "timestamps", "pipelining"):
        assert compared.loc[compared["case"].isin(["rejected", "loop", "accepted"]), name].nunique() == 2
    sizes = compared.loc[compared["case"] == "accepted", "size"]
    assert sizes.min() < 1100 and sizes.max() > 1_000_000
    assert {"deferred", "chain: spam in", "chain: report"} <= set(compared["case"])


def test_stored_counts_agree_with_each_other() -> None:
    connections, writes = captures.read()
    for way, name in (("out", "sent"), ("in", "received")):
        packets = connections[[f"{kind}_{way}" for kind in ("segments", "acks", "control")]].sum(axis=1)
        assert (packets == connections[f"packets_{way}"]).all()
        octets = writes.loc[writes["direction"] == name].groupby("connection")["octets"].sum()
        assert octets.reindex(connections.index, fill_value=0).eq(connections[f"smtp_{way}"]).all()
        header = np.where(connections["ip"] == 4, 20, 40)
        assert (connections[f"ip_{way}"] - connections[f"tcp_{way}"] == header * packets).all()


def test_without_known_pauses_the_difference_is_acks(compared) -> None:
    connections, writes = captures.read()
    blind = captures.compare(None, connections, writes.drop(columns="wait"))
    assert (blind["verdict"] != "other").sum() == (compared["verdict"] != "other").sum()
    assert (blind["acks"].abs() >= 0).all() and blind["apart"].abs().max() < 0.01


def test_another_model_is_found_wrong() -> None:
    eager = captures.compare(WireModel(quickacks=(3, 3)))
    assert eager["verdict"].eq("equal").mean() < 0.2
    assert captures.answer(eager) != captures.answer(captures.compare())


def test_captures_that_are_not_there(tmp_path, monkeypatch) -> None:
    with pytest.raises(FileNotFoundError, match="come with a checkout"):
        captures.read(tmp_path)
    read = captures.read
    monkeypatch.setattr(captures, "read", lambda: read(tmp_path))
    none = captures.checked()
    assert none.empty and none.columns.tolist() == captures.COLUMNS
    assert "there are none here" in captures.answer(none)
    assert captures.summary(none).empty
