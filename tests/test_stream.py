"""A log in parts: the same sessions, messages and recipients as in one go, in bounded memory."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import spamlab
from benchmarks.logs import write
from spamlab import joining, sources, stream, summary, tables
from tests.conftest import ROOT

SAMPLES, SIMULATED = ROOT / "data" / "samples", ROOT / "data" / "exchange55-simulated-day.log.gz"

BY_EVENT = [name for name in tables.TABLES if name != "recipients"]


def in_parts(path, monkeypatch, window, piece, **options):
    """The log put together from parts, and how many these are."""
    monkeypatch.setattr(stream, "WINDOW", window)
    monkeypatch.setattr(sources, "READ", piece)
    monkeypatch.setattr(sources.Source.text, "__defaults__", (piece,))
    found = list(stream.parts(path, **options))
    return stream.whole(found), len(found)


def rows(table):
    """A table's rows as text, whatever their order."""
    text = table.astype("str")
    return text.sort_values(list(text.columns)).reset_index(drop=True)


def same(one, other):
    for name, columns in tables.TABLES.items():
        for column, spec in columns.items():
            assert str(getattr(one, name)[column].dtype) == str(getattr(other, name)[column].dtype) == spec.dtype
    for name in BY_EVENT:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_categorical=False, obj=name)
    pd.testing.assert_frame_equal(rows(one.recipients), rows(other.recipients))


@pytest.mark.parametrize("format", ["postfix", "exim", "exchange", "exchange-tracking", "exchange55", "iis-smtp",
                                    "zeek", "sendmail"])  # fmt: skip
def test_parts_hold_what_one_reading_finds(format, tmp_path, monkeypatch):
    write(format, tmp_path / "x.log", 6_000_000)
    if format != "iis-smtp":  # ten minutes' silence end a session there; elsewhere a made, busy log needs less
        monkeypatch.setattr(stream, "GRACE", pd.Timedelta(minutes=2))
    at_once = stream.whole([spamlab.read(tmp_path / "x.log")])
    log, parts = in_parts(tmp_path / "x.log", monkeypatch, 3_000_000, 300_000)
    assert parts > 1
    same(log, at_once)


def test_a_day_of_the_simulated_server_in_many_parts(monkeypatch):
    log, parts = in_parts(SIMULATED, monkeypatch, 1_000_000, 300_000)
    assert parts > 5
    same(log, stream.whole([spamlab.read(SIMULATED)]))


@pytest.mark.parametrize("cuts", [2, 5])
def test_files_that_end_within_sessions_and_messages(cuts, tmp_path, monkeypatch):
    """A rotated set: what one file begins another ends, and the files are the windows."""
    write("postfix", tmp_path / "whole", 2_000_000)
    text = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    folder = tmp_path / "set"
    folder.mkdir()
    for i, part in enumerate(np.array_split(np.arange(len(text)), cuts)):
        (folder / f"mail.log.{cuts - i}.gz").write_bytes(gzip.compress(b"".join(text[part[0] : part[-1] + 1])))
    log, parts = in_parts(folder, monkeypatch, 1_000_000, 100_000)
    assert parts >= cuts
    at_once = stream.whole([spamlab.read(folder)])
    same(log, at_once)
    assert at_once.sessions["ended"].eq("cut").sum() < 100


def test_years_go_on_from_part_to_part(tmp_path, monkeypatch):
    """Stamps without a year: New Year falls in a later window, and is not missed."""
    days = pd.date_range("2019-11-01", "2020-03-01", freq="10min")
    lines = [f"{day:%b %e %H:%M:%S} mx postfix/qmgr[3]: {i:010X}: removed\n" for i, day in enumerate(days)]
    (tmp_path / "mail.log").write_text("".join(lines))
    log, parts = in_parts(tmp_path / "mail.log", monkeypatch, 100_000, 30_000, year=2019)
    assert parts > 5
    assert log.events["time"].dt.tz_localize(None).tolist() == days.tolist()
    assert log.sources["year_assumed"].tolist() == [2019]


def test_nights_go_on_from_part_to_part(tmp_path, monkeypatch):
    """Stamps without a date: a file that goes on after midnight without a new #Date line."""
    times = pd.date_range("2004-05-01 20:00", periods=6000, freq="20s")
    head = "#Software: Microsoft Internet Information Services 6.0\n#Date: 2004-05-01 20:00:00\n"
    head += "#Fields: time c-ip cs-method cs-uri-query sc-status\n"
    row = "{:%H:%M:%S} 192.0.2.{} EHLO +host.example 250\n"
    body = "".join(row.format(t, i % 200) for i, t in enumerate(times))
    (tmp_path / "ex040501.log").write_text(head + body)
    log, parts = in_parts(tmp_path / "ex040501.log", monkeypatch, 100_000, 30_000, format="iis-smtp")
    assert parts > 3
    assert log.events["time"].dt.tz_localize(None).tolist() == times.tolist()


def test_what_is_open_waits_no_longer_when_it_is_too_much(tmp_path, monkeypatch):
    """Memory stays bounded also where nothing ever ends; it is said."""
    monkeypatch.setattr(stream, "MOST", 200_000)
    lines = [
        f"Mar 11 10:{i // 600:02}:{i // 10 % 60:02} mx postfix/smtpd[{i}]: connect from h{i}.test[192.0.2.1]\n"
        for i in range(20_000)
    ]
    (tmp_path / "mail.log").write_text("".join(lines))
    with pytest.warns(spamlab.ReadWarning, match="some were cut in two"):
        log, parts = in_parts(tmp_path / "mail.log", monkeypatch, 200_000, 30_000)
    assert len(log.events) == 20_000 and log.events["session"].notna().all()
    assert parts > 5


@pytest.mark.parametrize("server", ["postfix", "exim", "sendmail"])
def test_real_servers_logs_in_parts(server, monkeypatch):
    log, _ = in_parts(SAMPLES / f"{server}.log", monkeypatch, 100_000, 20_000, year=2026)
    same(log, stream.whole([spamlab.read(SAMPLES / f"{server}.log", year=2026)]))


def test_unreadable_files_and_unparsed_lines_are_told(tmp_path):
    (tmp_path / "a.log").write_text("Mar 11 10:00:00 mx postfix/qmgr[3]: A1B2C3D4E5: removed\n" * 30 + "\0\n")
    (tmp_path / "b.log").write_text("nothing\n")
    with pytest.warns(spamlab.ReadWarning, match=r"b\.log"):
        found = stream.whole(stream.parts(tmp_path))
    assert found.sources["format"].astype("str").tolist() == ["postfix", "unknown"]
    assert found.sources["lines"].iloc[0] == 31
    with pytest.raises(spamlab.UnknownFormat):
        list(stream.parts(tmp_path / "b.log"))


def test_a_converted_log_is_the_log_and_its_parts_add_up(tmp_path, monkeypatch, capsys):
    """What ``convert`` writes in parts reads back as if read whole, and ``summary`` of either says the same."""
    from spamlab.cli import main

    write("postfix", tmp_path / "x.log", 6_000_000)
    monkeypatch.setattr(stream, "WINDOW", 3_000_000)
    monkeypatch.setattr(stream, "GRACE", pd.Timedelta(minutes=2))
    monkeypatch.setattr(sources.Source.text, "__defaults__", (300_000,))
    log = spamlab.read(tmp_path / "x.log")
    assert main(["convert", str(tmp_path / "x.log"), "-o", str(tmp_path / "tables")]) == 0
    assert f"{len(log.events):,} events" in capsys.readouterr().out
    assert len(list(stream.parts(tmp_path / "tables"))) > 2
    same(spamlab.read(tmp_path / "tables"), stream.whole([log]))
    for options in ([], ["--hops"], ["--json"]):
        said = []
        for place in ("x.log", "tables"):
            assert main(["summary", str(tmp_path / place), *options]) == 0
            said.append(capsys.readouterr().out)
        assert said[0] == said[1]
    assert summary.text(log) == summary.Summary().add(log).text()
    assert json.loads(said[0]) == summary.totals(log) | {"unusual": []}


def test_memory_does_not_grow_with_the_log(tmp_path):
    """Of a log five times as long, ``summary`` takes hardly more memory: windows of 8 MB, each in a process of its own."""
    code = "import sys; from spamlab import stream; stream.WINDOW = stream.MOST = 8 << 20; "
    code += "from spamlab.cli import main; main(['summary', sys.argv[1]]); "
    code += "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    peaks = []
    for size in (20_000_000, 100_000_000):
        write("postfix", tmp_path / "x.log", size)
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "x.log"], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.splitlines()[-1]))
    assert peaks[1] < 1.3 * peaks[0], peaks


def test_queue_ids_that_are_over_are_forgotten(tmp_path, monkeypatch):
    """Else the categories of what waits would grow with the log."""
    write("postfix", tmp_path / "x.log", 6_000_000)
    monkeypatch.setattr(stream, "GRACE", pd.Timedelta(minutes=2))
    monkeypatch.setattr(stream, "WINDOW", 1_000_000)
    monkeypatch.setattr(sources.Source.text, "__defaults__", (200_000,))
    held = []

    def kept(joiner, records):
        again(joiner, records)
        held.append((len(joiner._columns["queue_id"].categories[0].dictionary), len(records)))

    again = joining.Joiner.again
    monkeypatch.setattr(joining.Joiner, "again", kept)
    events = sum(len(part.events) for part in stream.parts(tmp_path / "x.log"))
    assert len(held) > 3 and events > 30_000
    assert all(ids <= records for ids, records in held)
    ids = spamlab.read(tmp_path / "x.log").events["queue_id"].nunique()
    assert held[-1][0] < ids / 2
