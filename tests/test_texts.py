"""The helpers of text columns: what they find, join and change, and what they must leave alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from spamlab import engine, texts

TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="ab\\x+é", max_size=6)), max_size=12)


def column(said):
    return pd.Series(said, dtype="str")


@given(TEXTS, st.sampled_from(["a", "ab", "\\x", "+", "é"]), st.integers(0, 3))
def test_a_part_is_found_in_each_text_but_not_across_two(said, part, skipped):
    text = column(said).iloc[skipped:]  # Arrow keeps such as a view of all
    expected = [i for i, one in enumerate(said[skipped:]) if one is not None and part in one]
    assert texts.having(text, part).tolist() == expected


@given(TEXTS, st.integers(0, 3))
def test_one_character_for_another_changes_nothing_else(said, skipped):
    text = column(said).iloc[skipped:]
    found = texts.swapped(text, "+", " ")
    assert found.index.equals(text.index)
    expected = [None if one is None else one.replace("+", " ") for one in said[skipped:]]
    assert [None if pd.isna(one) else one for one in found] == expected
    assert [None if pd.isna(one) else one for one in text] == said[skipped:]  # the column given stays as it was


def test_rows_are_changed_only_where_asked():
    text = column(["a", None, "b"])
    assert texts.changed(text, np.array([2]), lambda some: some.str.upper()).tolist()[::2] == ["a", "B"]
    assert texts.changed(text, np.zeros(0, dtype=int), lambda some: 1 / 0) is text


@given(TEXTS, st.integers(0, 3), st.data())
def test_a_column_is_blanked_but_for_some_rows_and_keeps_no_octets_of_the_others(said, skipped, data):
    text = column(said).iloc[skipped:]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text))), dtype=bool)
    found = texts.blanked(text, keep)
    expected = [one if kept else None for one, kept in zip(said[skipped:], keep, strict=True)]
    assert [None if pd.isna(one) else one for one in found] == expected
    assert found.index.equals(text.index)
    octets = texts.whole(found).buffers()[2]
    assert (octets.size if octets else 0) <= sum(len(one.encode()) for one in expected if one) + 64 + 8 * len(text)


def plainly(column):
    return [None if pd.isna(one) else one for one in column]


@given(TEXTS, st.integers(0, 3), st.data(), st.sampled_from(["plain", "compiled"]))
def test_other_texts_at_some_rows_leave_the_rest_as_it_was(said, skipped, data, way):
    text = column(said).iloc[skipped:]
    expected = said[skipped:]
    rows = data.draw(st.lists(st.integers(0, max(len(text) - 1, 0)), unique=True, max_size=len(text)))
    new = data.draw(st.lists(st.one_of(st.none(), st.text(max_size=9)), min_size=len(rows), max_size=len(rows)))
    for row, one in zip(rows, new, strict=True):
        expected[row] = one
    some = len(rows) // 2
    with engine.only(way):
        changes = [(np.array(rows[part], dtype=int), column(new[part])) for part in (slice(some), slice(some, None))]
        found = texts.amended(text, *changes)
    assert plainly(found) == expected
    assert found.index.equals(text.index)
    assert plainly(text) == said[skipped:]  # the column given stays as it was


@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(alphabet="aé ", max_size=4))] * 3), max_size=9))
def test_texts_are_joined_as_far_as_they_are_there(rows):
    columns = [column([row[i] for row in rows]) for i in range(3)]
    there = [[one for one in row if one is not None] for row in rows]
    for way in ("plain", "compiled"):
        with engine.only(way):
            assert plainly(texts.joined(*columns, separator="+")) == ["+".join(row) if row else None for row in there]


@given(TEXTS, st.integers(0, 3))
def test_a_character_is_counted_in_each_text(said, skipped):
    text = column(said).iloc[skipped:]
    for way in ("plain", "compiled"):
        with engine.only(way):
            found = texts.counted(text, "a")
        known = [(n, one.count("a")) for n, one in zip(found, said[skipped:], strict=True) if one is not None]
        assert [n for n, _ in known] == [n for _, n in known]
