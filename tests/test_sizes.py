"""Message sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import sizes, tables
from spamlab.log import Log
from tests.made import empty_log, mta_log

SIZE = [2171, 2135, 2188, 2155, 2192, 2192, 2148, 2148]


def made(values: list[int | None], null: list[bool] | None = None, **more: object) -> Log:
    columns = {
        "transaction": np.arange(len(values)),
        "size": pd.array(values, "Int64"),
        "null_sender": null or [True] * len(values),
    }
    return Log({"transactions": tables.conform("transactions", columns | more)})


def test_appendix_a(appendix: Path) -> None:
    log = spamlab.read(appendix)
    found = sizes.summary(log)
    for group in ("all", "null sender"):
        row = found.loc[group]
        assert (row["n"], row["sum"], row["mean"], row["median"]) == (8, 17329, 2166.125, 2163)
        assert (row["median_low"], row["median_high"], row["coverage"]) == (2135, 2192, 1 - 2 / 2**8)
        assert (row["min"], row["max"], row["distinct"]) == (2135, 2192, 6)
    assert found.loc["other", "n"] == found.loc["other", "sum"] == 0
    messages = sizes.messages(log)
    assert messages["size"].tolist() == SIZE
    three = "$RANDOMIZE3T@NETSCAPE.COM"
    assert np.flatnonzero(messages["forward_path"] == three).tolist() == [0, 1, 5, 7]
    assert messages["null_sender"].all() and (messages["outcome"] == "rejected").all()
    assert sizes.answer(log) == (
        "All 8 messages within 2.7% of one size: 2,135 B to 2,192 B. 8 messages have a known size, 17,329 octets in all, from 2,135 to 2,192 octets in 6 different sizes; the "
        "median is 2,163 octets (n = 8, exact 99.2% interval 2,135 to 2,192 if sizes are independent)."
    )


def test_grammar_and_no_sizes() -> None:
    assert sizes.answer(empty_log()) == "This log states the size of no message."
    assert sizes.answer(made([None, None])) == "This log states the size of no message."
    assert sizes.answer(made([1])) == "One message has a known size, 1 octet."
    assert sizes.answer(made([7, 7])) == "2 messages have a known size, 14 octets in all, and every one has the same."
    assert sizes.answer(made([1, 2])).endswith("the median is 1.5 octets (n = 2).")
    assert sizes.summary(empty_log()).dtypes.to_dict() == sizes.summary(made(list(SIZE))).dtypes.to_dict()
    assert sizes.messages(empty_log()).empty


def test_odd_sizes() -> None:
    assert sizes.summary(made([-5, 3])).loc["all", "n"] == 1
    huge = made([2**62, 2**62])
    assert pd.isna(sizes.summary(huge).loc["all", "sum"])
    assert "many octets" in sizes.answer(made([2**62, 2**62 - 1024]))


def test_a_message_through_a_filter_counts_once() -> None:
    log = mta_log(3)
    assert sizes.summary(log).loc["all", "sum"] == 9000
    log.recipients["requeued_as"] = pd.array([1, pd.NA, pd.NA], "Int64")
    assert sizes.summary(log).loc["all", "sum"] == 6000
    assert sizes.messages(log)["time"].isna().tolist() == [False, True]


@given(st.lists(st.tuples(st.integers(0, 10**7), st.booleans()), max_size=40))
@settings(max_examples=30, deadline=None)
def test_groups_add_up(rows: list[tuple[int, bool]]) -> None:
    values, null = [a for a, _ in rows], [b for _, b in rows]
    found = sizes.summary(made(list(values), null))
    for name in ("n", "sum"):
        assert found.loc["all", name] == found.loc["null sender", name] + found.loc["other", name]
    assert found.loc["all", "sum"] == sum(values)
    if values:
        assert found.loc["all", "median"] == pytest.approx(np.median(values))
        assert found.loc["all", "distinct"] == len(set(values))
