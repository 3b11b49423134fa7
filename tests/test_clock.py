"""Times in one zone wherever a person reads them, and every place says which; UTC in tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import clock, notebook, plots, report, tables
from spamlab.cli import main

CLASSIC = "Mar 11 00:05:0{} mx postfix/smtpd[7]: connect from client.example[192.0.2.9]\n"
STATED = "2026-03-11T00:05:0{}.5+02:00 mx postfix/smtpd[7]: connect from client.example[192.0.2.9]\n"
BERLIN = ("--tz", "Europe/Berlin")
YEAR = ("--year", "2026")


@pytest.fixture
def log(tmp_path: Path) -> Callable[[str], Path]:
    def made(line: str) -> Path:
        path = tmp_path / "mail.log"
        path.write_text("".join(line.format(n) for n in (1, 2)))
        return path

    return made


@pytest.mark.parametrize(
    ("assumed", "named", "shown", "said"),
    [
        ([None], None, "UTC", "UTC"),
        (["UTC"], None, "UTC", "UTC, assumed"),
        (["Asia/Tokyo", None], None, "Asia/Tokyo", "Asia/Tokyo, assumed"),
        (["Asia/Tokyo", "UTC"], None, "UTC", "UTC"),
        ([None], "Asia/Tokyo", "Asia/Tokyo", "Asia/Tokyo"),
        (["UTC"], "Asia/Tokyo", "Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_the_zone(
    assumed: list[str | None], named: str | None, shown: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that reading took, unless the reader names another; else UTC."""
    sources = tables.conform("sources", {"source": [str(n) for n in range(len(assumed))], "tz_assumed": assumed})
    assert clock.zone(sources, named) == shown
    if named:
        monkeypatch.setenv("SPAMLAB_TZ", named)
    assert (clock.zone(sources), clock.name(sources)) == (shown, said)
    assert plots._look.zone(sources)[1] == said


@pytest.mark.parametrize("line", [CLASSIC, STATED])
def test_summary_and_trace_show_the_zone_asked_for(
    log: Callable[[str], Path], capsys: pytest.CaptureFixture[str], line: str
) -> None:
    begins = "2026-03-11 00:05:01" if line == CLASSIC else "2026-03-10 23:05:01"
    assert main(["summary", str(log(line)), *BERLIN, *YEAR]) == 0
    assert f"{begins} to {begins[11:-1]}2 Europe/Berlin (1 s)" in capsys.readouterr().out
    assert main(["trace", "192.0.2.9", str(log(line)), *BERLIN, *YEAR]) == 0
    assert capsys.readouterr().out.startswith(f"{begins}+01:00  mail.log:1")
    assert main(["summary", "--json", str(log(line)), *BERLIN, *YEAR]) == 0
    utc = "2026-03-10T23:05:01+00:00" if line == CLASSIC else "2026-03-10T22:05:01.500000+00:00"
    assert json.loads(capsys.readouterr().out)["first"] == utc


def test_a_converted_log_is_shown_in_the_zone_it_was_read_in(
    log: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "tables")
    assert main(["convert", str(log(CLASSIC)), "-o", folder, *BERLIN, *YEAR]) == 0
    assert main(["summary", folder]) == 0
    assert "2026-03-11 00:05:01 to 00:05:02 Europe/Berlin" in capsys.readouterr().out
    assert main(["summary", folder, "--tz", "UTC"]) == 0
    assert "2026-03-10 23:05:01 to 23:05:02 UTC" in capsys.readouterr().out
    assert main(["summary", folder, "--since", "2030-01-01"]) == 0
    assert "goes from 2026-03-11 00:05:01 to 00:05:02 Europe/Berlin\n" in capsys.readouterr().err


def test_tables_in_notebooks(log: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    read = spamlab.read(log(CLASSIC), tz="Europe/Berlin", year=2026)
    notebook.table(read.events[["time", "kind"]], sources=read.sources)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["time", "(Europe/Berlin)", "kind"]
    assert shown[1].split() == ["2026-03-11", "00:05:01", "connect"]
    notebook.table(read.events[["time"]])
    assert [line.split() for line in capsys.readouterr().out.splitlines()[:2]] == [
        ["time", "(UTC)"],
        ["2026-03-10", "23:05:01"],
    ]
    notebook.table(pd.concat([read.events[["time"]]] * 2, axis=1), sources=read.sources)  # names may occur twice
    assert capsys.readouterr().out.count("(Europe/Berlin)") == 2


@pytest.mark.slow
def test_a_report_s_page_and_figures(log: Callable[[str], Path], tmp_path: Path) -> None:
    page = report.build(log(STATED), tmp_path / "out", figures=("svg",), tz="Europe/Berlin")
    text = page.read_text(encoding="utf-8")
    assert "2026-03-10 23:05:01 to 23:05:02 Europe/Berlin" in text
    assert "time on 2026-03-10 (Europe/Berlin)" in text
    assert "(UTC)" not in text
    events = spamlab.read(page.parent / "tables").events
    assert events["time"].iloc[0] == pd.Timestamp("2026-03-10 22:05:01.5", tz="UTC")


def test_the_hour_that_a_clock_passes_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`trace` failed there; a span whose end shows an earlier hour than its beginning tells both offsets."""
    path = tmp_path / "mail.log"
    path.write_text(STATED.format(1).replace("2026-03-11T00:05", "2026-10-25T02:30")
                    + STATED.format(2).replace("2026-03-11T00:05:02.5+02:00", "2026-10-25T02:10:02.5+01:00"))  # fmt: skip
    assert main(["trace", "192.0.2.9", str(path), *BERLIN]) == 0
    shown = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert shown == ["2026-10-25 02:30:01+02:00", "2026-10-25 02:10:02+01:00"]
    assert main(["summary", str(path), *BERLIN]) == 0
    assert f"{shown[0]} to {shown[1]} Europe/Berlin (40 min" in capsys.readouterr().out


def test_a_midnight_that_comes_twice_begins_a_day_like_another() -> None:
    begin = pd.Timestamp("2025-11-02 04:00", tz="UTC").tz_convert("America/Havana")
    assert plots._look.when(begin, pd.Timedelta("7D")) == "in the 7 d from 2025-11-02"
