"""Log: selection, tracing, Parquet and back, exact bytes after that."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import parquet, tables

LOG = Path(__file__).parents[1] / "data" / "exchange55-appendix-a.log"


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copy(LOG, tmp_path / "a.log"))


@pytest.fixture(scope="module")
def log():
    return spamlab.read(LOG)


def test_between_selects_events_and_what_they_belong_to(log):
    part = log.between("2003-11-11 14:00:05", "2003-11-11 14:00:08")
    assert part.events["time"].min() >= pd.Timestamp("2003-11-11 14:00:05", tz="UTC")
    assert part.events["time"].max() < pd.Timestamp("2003-11-11 14:00:08", tz="UTC")
    assert part.sessions["session"].tolist() == [1]
    assert part.transactions["transaction"].tolist() == [0, 1, 2]
    assert part.recipients["transaction"].tolist() == [1]
    assert len(log.between().events) == len(log.events)
    assert len(log.between(end="2000-01-01").events) == 0


@pytest.mark.parametrize(
    ("what", "events"),
    [
        ("$randomize6e@netscape.com", 32),
        ("<$RANDOMIZE3T@NETSCAPE.COM>", 30),
        ("216.200.145.19", 70),
        ("ATT.COM", 2),
        ("nobody@example.com", 0),
    ],
)
def test_trace_finds_everything_about_a_thing_in_order(log, what, events):
    found = log.trace(what)
    assert found["time"].is_monotonic_increasing
    assert len(found) == events


def test_parquet_and_back(copy, tmp_path):
    log = spamlab.read(copy)
    folder = tmp_path / "tables"
    folder.mkdir()
    log.to_parquet(folder)
    again = spamlab.read(folder)
    for name, table in log.tables().items():
        pd.testing.assert_frame_equal(getattr(again, name), table)
    assert again.raw(again.events.iloc[3]) == log.raw(log.events.iloc[3])


def test_converted_folders_among_other_logs(copy, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    spamlab.read(copy).to_parquet(folder)
    log = spamlab.read([folder, LOG])
    assert (len(log.events), len(log.sessions), len(log.sources)) == (144, 4, 2)
    assert log.sessions["session"].is_unique
    assert len(spamlab.read([folder]).events) == 72
    with pytest.warns(spamlab.ReadWarning, match=r"none\.log"):
        assert len(spamlab.read([folder, tmp_path / "none.log"]).events) == 72


def test_raw_refuses_a_file_that_changed_or_went(copy):
    log = spamlab.read(copy)
    copy.write_bytes(copy.read_bytes().replace(b"BYE", b"BYE!"))
    with pytest.raises(spamlab.ReadError, match="changed since it was read"):
        log.raw(log.events.iloc[0])
    copy.unlink()
    with pytest.raises(spamlab.ReadError, match="No such file"):
        log.raw(log.events.iloc[0])


def test_raw_of_a_log_that_has_grown_since(copy):
    log = spamlab.read(copy)
    last = log.raw(log.events.iloc[-1])
    with copy.open("ab") as file:
        file.write(b"11/11/03 2:00:28 PM : A connection to x was established.\n")
    assert log.raw(log.events.iloc[-1]) == last == b"11/11/03 2:00:27 PM : <<< I0: |221 BYE\n"


def test_half_a_parquet_folder_is_an_error(copy, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    spamlab.read(copy).to_parquet(folder)
    (folder / "events.parquet").unlink()
    with pytest.raises(spamlab.ReadError, match="not a whole converted log"):
        spamlab.read(folder)


def test_a_column_the_table_does_not_have_is_refused():
    with pytest.raises(KeyError, match="no column nope"):
        tables.conform("events", {"nope": [1]})


@pytest.mark.parametrize("name", list(tables.TABLES))
def test_every_table_has_the_contracts_columns_and_dtypes(log, name):
    table = getattr(log, name)
    assert list(table.columns) == list(tables.TABLES[name])
    for column, spec in tables.TABLES[name].items():
        assert str(table[column].dtype) == spec.dtype, column


def test_a_folder_of_converted_logs_is_one_log(tmp_path):
    """Each of several machines can convert its part of a log: ids are counted on before that."""
    numbering = tables.Numbering()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        log = spamlab.read(shutil.copy(LOG, tmp_path / f"{name}.log"))
        parquet.write([spamlab.log.Log(numbering.shift(log.tables()))], tmp_path / name)
    parquet.gather(tmp_path, ["a", "b"])
    both = spamlab.read(tmp_path)
    assert both.transactions["transaction"].tolist() == list(range(16))
    assert len(both.events) == 144
