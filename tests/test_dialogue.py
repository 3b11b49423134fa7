"""Walking through dialogues: in any order of the lines, with commands and answers in one record, compiled or not."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spamlab import dialogue, engine
from spamlab.records import first
from spamlab.walk import CLIENT, RECEIVED, SENT, SERVER, VERBS

WORDS = ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "AUTH", "STARTTLS"]
CODES = [220, 221, 235, 250, 250, 250, 334, 354, 421, 450, 550, -1]


@st.composite
def spoken(draw):
    """Records of a few sessions, each with a role: a command, a reply, a command with its answer's code, or a note."""
    n = draw(st.integers(0, 30))
    session = np.sort(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))).astype(np.int64)
    roles = np.array(draw(st.lists(st.sampled_from([CLIENT, SERVER]), min_size=4, max_size=4)), dtype=np.int8)
    verb, code, direction, both, skip, gone = [], [], [], [], [], []
    for s in session:
        kind = draw(st.sampled_from(["command", "reply", "both", "text", "note", "gone"]))
        command = kind in ("command", "both")
        mine = kind in ("command", "both", "text")
        verb.append(VERBS.index(draw(st.sampled_from(WORDS))) if command else -1)
        code.append(draw(st.sampled_from(CODES)) if kind in ("reply", "both") else -1)
        direction.append(SENT if mine == (roles[s] == CLIENT) else RECEIVED)
        both.append(kind == "both")
        skip.append(kind in ("note", "gone"))
        gone.append(kind == "gone")
    arrays = [np.array(one, dtype=kind) for one, kind in ((direction, np.int8), (verb, np.int8), (code, np.int16))]
    flags = [np.array(one, dtype=np.bool_) for one in (skip, gone, both)]
    return session, roles[session], *arrays, *flags


def walked(session, role, direction, verb, code, skip, gone, **how):
    return dialogue.Walk(session, role, direction, skip, gone, verb, code, **how)


FOUND = ("kind", "transaction", "answer", "status", "decided", "step")


@given(spoken(), st.randoms(use_true_random=False))
def test_where_the_lines_stand_changes_nothing_if_their_order_is_told(said, random):
    *told, _ = said
    place = np.arange(len(told[0]))
    random.shuffle(place)  # event i stands at place[i]
    mixed = [np.empty_like(one) for one in told]
    for new, old in zip(mixed, told, strict=True):
        new[place] = old
    straight, found = walked(*told), walked(*mixed, order=place)
    assert found.made == straight.made
    for name in FOUND:
        one, other = getattr(straight, name), getattr(found, name)[place]
        if name in ("answer", "decided", "step"):  # they point at events
            one = np.where(one < 0, -1, np.append(place, -1)[one])
        assert one.tolist() == other.tolist(), name


@given(spoken())
@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_a_record_with_its_answer_is_walked_as_the_command_and_the_answer_after_it(way, said):
    *told, both = said
    at = np.repeat(np.arange(len(both)), 1 + both)
    answers = np.append(False, at[1:] == at[:-1])[: len(at)]
    session, role, direction, verb, code, skip, gone = (one[at] for one in told)
    direction[answers] = 1 - direction[answers]
    verb[answers] = -1
    code[both[at] & ~answers] = -1
    with engine.only(way):
        apart = walked(session, role, direction, verb, code, skip, gone)
        found = walked(*told, both=both)
    assert found.made == apart.made
    main = np.flatnonzero(~answers)
    for name in FOUND:
        expected = getattr(apart, name)[main]
        if name in ("answer", "decided", "step"):
            expected = np.where(expected < 0, -1, np.append(at, -1)[expected])
        assert getattr(found, name).tolist() == expected.tolist(), name


@given(st.lists(st.tuples(st.integers(-1, 4), st.booleans()), max_size=20), st.booleans(), st.data())
@pytest.mark.parametrize("way", ["plain", "compiled"])
def test_the_first_and_the_last_of_each_group(way, items, last, data):
    group = np.array([g for g, _ in items], dtype=np.int32)
    among = np.array([some for _, some in items], dtype=bool)
    order = data.draw(st.one_of(st.none(), st.permutations(range(len(items)))))
    expected = [-1] * 5
    for i in range(len(items)) if order is None else order:
        if group[i] >= 0 and among[i] and (last or expected[group[i]] < 0):
            expected[group[i]] = i
    told = None if order is None else np.array(order, dtype=np.int64)
    with engine.only(way):
        assert first(group, 5, last=last, among=among, order=told).tolist() == expected
        every = [i for i in range(len(items)) if group[i] == 0]
        assert first(group, 5)[0] == (every[0] if every else -1)


TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="ab\\x+é", max_size=6)), max_size=12)


def column(said):
    return pd.Series(said, dtype="str")


@given(TEXTS)
@example(["\\xaa"])
def test_octets_are_counted_as_they_were_on_the_wire(said):
    lines = [None if one is None else one.replace("x+", "\n") for one in said]
    wire = [None if one is None else re.sub(r"\\x[89a-f][0-9a-f]", "?", one).replace("\n", "\r\n") for one in lines]
    expected = [None if one is None else len(one.encode()) + 2 for one in wire]
    assert [None if pd.isna(n) else int(n) for n in dialogue.octets(column(lines))] == expected


def test_an_octet_that_is_no_text_counts_once():
    assert dialogue.octets(column([r"caf\xe9", r"\x41", None, ""])).tolist()[:2] == [6, 6]
