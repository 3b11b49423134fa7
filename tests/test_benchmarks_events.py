"""What Polars and DuckDB make in ``benchmarks.events_…`` is spamlab's events table, value by value."""

from __future__ import annotations

import subprocess

import pandas as pd
import pytest

import spamlab
from benchmarks import events, logs, measure, peers

SIZE = 300_000
INTEGERS = ("line", "session", "code", "size", "pid")
LEFT_OUT = {"transaction", "source", "lines", "repeats"}


@pytest.fixture(scope="module", params=peers.ALL)
def read(request, tmp_path_factory):
    """A format, a log of it, and spamlab's events."""
    log = logs.made(request.param, SIZE, tmp_path_factory.mktemp("log"))
    return request.param, log, spamlab.read(log, tables=["events"], year=2024).events


@pytest.fixture(params=["duckdb", "polars"])
def theirs(request, read, tmp_path):
    """A library's columns, as spamlab would write its octets that are no text."""
    try:
        interpreter = peers.python()
    except peers.Missing as reason:
        pytest.skip(str(reason))
    format, log, _ = read
    path = tmp_path / "events.parquet"
    command = [interpreter, "-m", f"benchmarks.events_{request.param}", format, log, path]
    done = subprocess.run(command, cwd=measure.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = pd.read_parquet(path)
    if format == "exchange55" and request.param == "duckdb":
        made["text"] = [text.encode("latin-1").decode("utf-8", "backslashreplace") for text in made["text"]]
    return request.param, made


def values(column):
    """A column as plain values: whole numbers, texts, UTC to the microsecond; ``None`` where missing."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if column.name == "time":
        assert column.dt.unit == "us"
        return column.tolist()
    if column.name in INTEGERS:
        assert pd.api.types.is_numeric_dtype(column.dtype)
        column = column.astype("Int64")
    return column.astype(object).where(column.notna(), None).tolist()


def test_the_columns_are_the_same(read, theirs):
    format, _, ours = read
    library, made = theirs
    left_out = LEFT_OUT if format in events.SESSIONS else LEFT_OUT | {"session"}
    assert set(ours.columns) - set(made.columns) == left_out
    assert set(made.columns) <= set(events.COLUMNS)
    assert len(made) == len(ours) > 400
    if format == "exchange55":  # what ``events`` says is left out, and nothing else
        ours = ours.assign(argument=ours["argument"].mask(ours["kind"].eq("auth")))
        if library == "polars":
            ours = ours.assign(text=ours["text"].str.replace(r"\\x[89a-f][0-9a-f]", "\ufffd", regex=True))
    different = {}
    for name in made.columns:
        pairs = zip(values(ours[name]), values(made[name]), ours["line"], strict=True)
        if unlike := [(line, our, their) for our, their, line in pairs if our != their]:
            different[name] = unlike[:3]
    assert different == {}


def test_logs_hold_what_is_compared(read):
    """Of a column that is all missing equality would say little: these are what the formats have."""
    format, _, ours = read
    filled = {name for name in events.COLUMNS if ours[name].notna().any()}
    assert filled >= {"line", "time", "direction", "kind", "code", "enhanced_code", "text"}
    assert ours["kind"].nunique() == 1 if format.startswith("zeek") else ours["kind"].nunique() > 2
    if not format.startswith("zeek"):
        assert {"verb", "argument", "size"} <= filled
    if format in ("postfix", "sendmail"):
        assert {"queue_id", "host", "program", "pid"} <= filled
    assert ours["echo"].any() == (format == "exchange55")
