"""The tables' definitions: what a table of nothing looks like."""

from __future__ import annotations

import pandas as pd
import pytest

from spamlab import tables


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
