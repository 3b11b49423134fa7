"""The helpers of the tables' text columns: what they find and change, and what they must leave alone."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spamlab import dialogue, tables

TEXTS = st.lists(st.one_of(st.none(), st.text(alphabet="ab\\x+é", max_size=6)), max_size=12)


def column(texts):
    return pd.Series(texts, dtype="str")


@given(TEXTS, st.sampled_from(["a", "ab", "\\x", "+", "é"]), st.integers(0, 3))
def test_a_part_is_found_in_each_text_but_not_across_two(texts, part, skipped):
    text = column(texts).iloc[skipped:]  # Arrow keeps such as a view of all
    expected = [i for i, one in enumerate(texts[skipped:]) if one is not None and part in one]
    assert tables.having(text, part).tolist() == expected


@given(TEXTS, st.integers(0, 3))
def test_one_character_for_another_changes_nothing_else(texts, skipped):
    text = column(texts).iloc[skipped:]
    found = tables.swapped(text, "+", " ")
    assert found.index.equals(text.index)
    expected = [None if one is None else one.replace("+", " ") for one in texts[skipped:]]
    assert [None if pd.isna(one) else one for one in found] == expected
    assert [None if pd.isna(one) else one for one in text] == texts[skipped:]  # the column given stays as it was


def test_rows_are_changed_only_where_asked():
    text = column(["a", None, "b"])
    assert tables.changed(text, np.array([2]), lambda some: some.str.upper()).tolist()[::2] == ["a", "B"]
    assert tables.changed(text, np.zeros(0, dtype=int), lambda some: 1 / 0) is text


@pytest.mark.parametrize("name", tables.TABLES)
def test_a_table_of_which_nothing_is_known_has_the_dtypes_of_the_contract(name):
    frame = tables.conform(name, {}, index=pd.RangeIndex(3))
    assert list(frame) == list(tables.TABLES[name])
    for column, spec in tables.TABLES[name].items():
        assert str(frame[column].dtype) == spec.dtype, column
        if spec.dtype == tables.CATEGORY:
            assert frame[column].cat.categories.dtype == "str"
            assert frame[column].isna().all()
        elif spec.dtype in (tables.TEXT, tables.INTEGER, tables.TIME, tables.SECONDS):
            assert frame[column].isna().all()
        elif spec.dtype in (tables.FLAG, tables.COUNT):
            assert not frame[column].any()


@given(TEXTS, st.integers(0, 3), st.data())
def test_a_column_is_blanked_but_for_some_rows_and_keeps_no_octets_of_the_others(texts, skipped, data):
    text = column(texts).iloc[skipped:]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text))), dtype=bool)
    found = tables.blanked(text, keep)
    expected = [one if kept else None for one, kept in zip(texts[skipped:], keep, strict=True)]
    assert [None if pd.isna(one) else one for one in found] == expected
    assert found.index.equals(text.index)
    octets = tables.whole(found).buffers()[2]
    assert (octets.size if octets else 0) <= sum(len(one.encode()) for one in expected if one) + 64 + 8 * len(text)


@given(TEXTS)
@example(["\\xaa"])
def test_octets_are_counted_as_they_were_on_the_wire(texts):
    lines = [None if one is None else one.replace("x+", "\n") for one in texts]
    wire = [None if one is None else re.sub(r"\\x[89a-f][0-9a-f]", "?", one).replace("\n", "\r\n") for one in lines]
    expected = [None if one is None else len(one.encode()) + 2 for one in wire]
    assert [None if pd.isna(n) else int(n) for n in dialogue.octets(column(lines))] == expected


def test_an_octet_that_is_no_text_counts_once():
    assert dialogue.octets(column([r"caf\xe9", r"\x41", None, ""])).tolist()[:2] == [6, 6]
