"""A log read by several processes: the same sessions, messages and recipients as in one, whatever happens to them."""

import contextlib
import gzip
import os
import re
import signal
import sys
from pathlib import Path

import dask
import fsspec
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import spamlab
from benchmarks.logs import write
from spamlab import backscatter, cluster, stream, summary, tables, traffic
from spamlab.cli import main
from spamlab.cluster import plan, work
from tests.conftest import ROOT
from tests.test_stream import SAMPLES, same

APPENDIX = ROOT / "data" / "exchange55-appendix-a.log"


@pytest.fixture
def here():
    """No other process: settings that a test changes hold."""
    with dask.config.set(scheduler="synchronous"):
        yield


@contextlib.contextmanager
def workers(n):
    """A cluster of processes on this machine; none of them is left."""
    with LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as local:
        pids = [worker.pid for worker in local.workers.values()]
        with Client(local, set_as_default=False) as client:
            yield client
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.fixture(scope="module")
def four():
    with workers(4) as client:
        yield client


def cut(text, folder, n, compress=False):
    """A log as a rotated set, cut where lines end; header lines stand in each file."""
    lines = text.splitlines(keepends=True)
    head = next(i for i, line in enumerate(lines) if not line.startswith(b"#"))
    folder.mkdir()
    for i, some in enumerate(np.array_split(np.arange(head, len(lines)), n)):
        part = b"".join([*lines[:head], *lines[some[0] : some[-1] + 1]])
        name = f"mail.log.{n - i}" + ".gz" * compress
        (folder / name).write_bytes(gzip.compress(part) if compress else part)
    return folder


def set_of(format, size, tmp_path, n, **how):
    write(format, tmp_path / "whole", size)
    return cut((tmp_path / "whole").read_bytes(), tmp_path / "set", n, **how)


def together(log):
    return log.compute()


def whole(source, **options):
    return stream.whole([spamlab.read(source, **options)])


@pytest.mark.parametrize("files", [3, 6])
@pytest.mark.parametrize("format", ["postfix", "exim", "exchange", "exchange-tracking", "exchange55", "iis-smtp",
                                    "zeek", "sendmail"])  # fmt: skip
def test_files_read_apart_hold_what_one_reading_finds(format, files, tmp_path, monkeypatch, here):
    folder = set_of(format, 3_000_000, tmp_path, files)
    monkeypatch.setattr(plan, "PARTITION", 1_200_000 if files == 6 else 1)
    if format != "iis-smtp":  # as in the tests of ``stream``
        monkeypatch.setattr(stream, "GRACE", pd.Timedelta(minutes=2))
        monkeypatch.setattr(stream, "SILENCE", pd.Timedelta(minutes=20))
    log = cluster.read(folder)
    parts = log._each(lambda part: part, about=False)
    assert len(parts) == 5
    same(stream.whole(parts), whole(folder))
    if format == "postfix":  # elsewhere nearly all of so short a log can go on
        assert min(len(part.events) for part in parts[::2]) > len(parts[1].events) > 0


@pytest.mark.parametrize("server", ["postfix", "exim", "sendmail"])
def test_real_servers_logs(server, tmp_path, monkeypatch, here):
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = cut((SAMPLES / f"{server}.log").read_bytes(), tmp_path / "set", 5)
    same(together(cluster.read(folder, year=2026)), whole(folder, year=2026))


def line(time, pid, text):
    return f"Mar 11 {time} mx postfix/{text}\n".replace("[]", f"[{pid}]").encode()


@pytest.mark.parametrize("at", range(1, 12))
def test_wherever_two_files_meet(at, tmp_path, monkeypatch, here):
    """A session, refusals in it, a message, its report and that one's delivery, cut at each of their lines."""
    monkeypatch.setattr(plan, "PARTITION", 1)
    quiet = [line(f"0{hour}:30:00", 9, f"smtpd[]: connect from h{hour}.test[192.0.2.{hour}]")
             + line(f"0{hour}:30:01", 9, f"smtpd[]: disconnect from h{hour}.test[192.0.2.{hour}]")
             for hour in (1, 2, 8, 9)]  # fmt: skip
    lines = [
        *quiet[:2],
        line("05:00:00", 7, "smtpd[]: connect from a.test[192.0.2.77]"),
        line("05:00:01", 7, "smtpd[]: NOQUEUE: reject: RCPT from a.test[192.0.2.77]: 550 5.1.1 <x@y.test>: no; "
             "from=<s@a.test> to=<x@y.test> proto=ESMTP helo=<a>"),
        line("05:20:01", 7, "smtpd[]: warning: what is this"),
        line("05:20:02", 7, "smtpd[]: A1B2C3D4E5: client=a.test[192.0.2.77]"),
        line("05:20:02", 8, "cleanup[]: A1B2C3D4E5: message-id=<1@a.test>"),
        line("05:20:03", 3, "qmgr[]: A1B2C3D4E5: from=<s@a.test>, size=500, nrcpt=1 (queue active)"),
        line("05:20:04", 7, "smtpd[]: disconnect from a.test[192.0.2.77]"),
        line("05:20:09", 6, "smtp[]: A1B2C3D4E5: to=<g@gone.test>, relay=none, delay=7, delays=1/1/5/0, dsn=5.1.1, "
             "status=bounced (no)"),
        line("05:20:09", 8, "cleanup[]: F1B2C3D4E5: message-id=<2@mx>"),
        line("05:20:09", 5, "bounce[]: A1B2C3D4E5: sender non-delivery notification: F1B2C3D4E5"),
        line("05:20:10", 3, "qmgr[]: A1B2C3D4E5: removed"),
        line("06:20:09", 6, "smtp[]: F1B2C3D4E5: to=<s@a.test>, relay=a.test[192.0.2.77]:25, delay=7, "
             "delays=1/1/5/0, dsn=2.0.0, status=sent (ok)"),
        line("06:20:10", 3, "qmgr[]: F1B2C3D4E5: removed"),
        *quiet[2:],
    ]  # fmt: skip
    (tmp_path / "mail.log.1").write_bytes(b"".join(lines[: at + 2]))
    (tmp_path / "mail.log").write_bytes(b"".join(lines[at + 2 :]))
    found = together(cluster.read(tmp_path, year=2026))
    same(found, whole(tmp_path, year=2026))
    assert found.transactions["ndr_of"].notna().sum() == 1


def test_years_and_the_order_of_day_and_month_go_on_from_file_to_file(tmp_path, monkeypatch, here):
    monkeypatch.setattr(plan, "PARTITION", 1)
    days = pd.date_range("2019-11-01", "2020-03-01", freq="1h")
    lines = [f"{day:%b %e %H:%M:%S} mx postfix/qmgr[3]: {i:010X}: removed\n" for i, day in enumerate(days)]
    folder = cut("".join(lines).encode(), tmp_path / "set", 5)
    for year in (2019, None):
        same(together(cluster.read(folder, year=year)), whole(folder, year=year))
    found = together(cluster.read(folder, year=2019))
    assert found.events["time"].dt.tz_localize(None).tolist() == days.tolist()

    monkeypatch.setattr(plan, "PARTITION", 400)
    (tmp_path / "dates").mkdir()
    for i, date in enumerate(["4/5/99", "3/4/99", "13/4/99", "5/4/99", "6/4/99"]):
        text = f"{date} 1:59:23 PM : <<< EHLO h{i}.test\n{date} 1:59:24 PM : >>> 250 ok\n" * 3
        (tmp_path / "dates" / f"L{i}.LOG").write_text(text)
    for dayfirst in (None, True, False):
        log = cluster.read(tmp_path / "dates", dayfirst=dayfirst)
        same(together(log), whole(tmp_path / "dates", dayfirst=dayfirst))
    assert together(cluster.read(tmp_path / "dates")).sources["dayfirst_assumed"].tolist() == [True, True, pd.NA, True,
                                                                                               True]  # fmt: skip


def test_what_cannot_be_read_is_told(tmp_path, here):
    (tmp_path / "a.log").write_text("Mar 11 10:00:00 mx postfix/qmgr[3]: A1B2C3D4E5: removed\n" * 30 + "\0\n")
    (tmp_path / "b.log").write_text("nothing\n")
    broken = gzip.compress(b"Mar 11 10:00:00 mx postfix/qmgr[3]: A1B2C3D4E5: removed\n" * 3000)
    (tmp_path / "c.log.gz").write_bytes(broken[: len(broken) // 2])
    with pytest.warns(spamlab.ReadWarning, match=r"b\.log"):
        log = cluster.read(tmp_path)
    with pytest.warns(spamlab.ReadWarning, match=r"c\.log\.gz: damaged"):
        found = together(log)
    with pytest.warns(spamlab.ReadWarning):
        same(found, whole(tmp_path))
    with pytest.raises(spamlab.UnknownFormat):
        cluster.read(tmp_path / "b.log")
    with APPENDIX.open("rb") as file, pytest.raises(spamlab.ReadError, match="stream"):
        cluster.read(file)


@pytest.mark.filterwarnings("ignore:.*counts twice:spamlab.ReadWarning")
def test_urls(tmp_path, here):
    """Files that are elsewhere, by one process or by several; what a pattern or a folder holds, in order."""
    memory = fsspec.filesystem("memory")
    text = APPENDIX.read_bytes()
    memory.pipe({"/logs/L0000001.LOG": text, "/logs/L0000002.LOG.gz": gzip.compress(text), "/logs/.hidden": b"?"})
    for url in ("memory://logs", "memory://logs/L*"):
        log = spamlab.read(url)
        assert log.sources["source"].astype("str").str.rpartition("/")[2].tolist() == [
            "L0000001.LOG",
            "L0000002.LOG.gz",
        ]
        same(together(cluster.read(url)), stream.whole([log]))
        assert log.raw(log.events.iloc[3]) == log.raw(log.events.iloc[75]) != b""
    spamlab.read("memory://logs").to_parquet(tmp_path)
    event = spamlab.read(tmp_path).events.iloc[75]
    assert spamlab.read(tmp_path).raw(event).startswith(b"11/11/03 2:00:01 PM")
    assert len(spamlab.read(APPENDIX.as_uri()).events) == 72
    for url, why in (("memory://logs/none", "no such file"), ("memory://logs/*.txt", "no file"), ("nil://x", "nil")):
        with pytest.raises(spamlab.ReadError, match=why):
            spamlab.read(url)


def test_the_tables_are_dask_dataframes(tmp_path, monkeypatch, here):
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = set_of("postfix", 250_000, tmp_path, 3)
    log, at_once = cluster.read(folder), spamlab.read(folder)
    assert repr(log) == "<Clustered log postfix: 3 files in 5 parts>"
    for name, columns in tables.TABLES.items():
        frame = getattr(log, name)
        computed = frame.compute()
        assert len(computed) == log.count(name) == len(getattr(at_once, name))
        for column, spec in columns.items():
            assert str(frame[column].dtype) == str(computed[column].dtype) == spec.dtype
    assert log.sessions["session"].compute().is_unique and log.transactions["transaction"].compute().is_unique
    both = log.recipients.merge(log.transactions[["transaction", "queue_id"]].astype({"transaction": "Int64"}),
                                on="transaction").compute()  # fmt: skip
    ids = at_once.transactions.set_index("transaction")["queue_id"]
    assert (
        both["queue_id"]
        .value_counts()
        .equals(
            at_once.recipients["transaction"].dropna().map(ids).value_counts()[both["queue_id"].value_counts().index]
        )
    )
    some = log.between("2026-03-11T00:05")
    assert some.count("events") == len(at_once.between("2026-03-11T00:05").events)
    who = at_once.transactions["queue_id"].iloc[40]
    assert log.trace(who)["text"].tolist() == at_once.trace(who)["text"].tolist()
    assert log.columns("sessions", "peer_ip", "start").shape == (len(at_once.sessions), 2)
    event = at_once.events.iloc[100]
    assert log.raw(event) == at_once.raw(event)
    kept = log.persist()
    for path in folder.iterdir():
        path.unlink()
    same(together(kept), stream.whole([at_once]))


def test_one_worker_and_four_find_the_same_also_when_one_dies(tmp_path, monkeypatch, four):
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = set_of("postfix", 1_500_000, tmp_path, 6, compress=True)
    at_once, died = whole(folder), tmp_path / "died"

    def deadly(part):
        """The first worker that comes to a part in the middle dies of it, with all that it holds."""
        if part.sources["source"].astype("str").str.endswith("log.4.gz").any() and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return part

    same(stream.whole(cluster.read(folder, scheduler=four)._each(deadly, about=False)), at_once)
    assert died.exists()
    with workers(1) as one:
        died.unlink()
        same(stream.whole(cluster.read(folder, scheduler=one)._each(deadly, about=False)), at_once)


def test_convert_by_a_cluster(tmp_path, four, capsys, monkeypatch):
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = set_of("postfix", 2_000_000, tmp_path, 4)
    at_once, out = spamlab.read(folder), tmp_path / "tables"
    address = four.scheduler.address
    for _ in range(2):  # the second time in the first's place
        assert main(["convert", str(folder), "-o", str(out), "--scheduler", address]) == 0
        assert f"{len(at_once.events):,} events, 0 unparsed lines" in capsys.readouterr().out
        found = spamlab.read(out)
        same(found, stream.whole([at_once]))
        assert sorted(path.name for path in out.iterdir()) == [
            ".spamlab", *(f"part-{i:05}" for i in range(7)), "spamlab-log.json",
        ]  # fmt: skip
    ids = [pd.read_parquet(path, columns=["session"])["session"] for path in sorted(out.glob("*/sessions.parquet"))]
    assert sorted(pd.concat(ids)) == list(range(len(at_once.sessions)))
    event = found.events.iloc[-1]
    assert found.raw(event) == at_once.raw(event)
    assert main(["convert", str(tmp_path / "none"), "-o", str(tmp_path / "new"), "--scheduler", address]) == 1
    assert not (tmp_path / "new").exists()
    # A worker that died when it had counted the ids on, and before it could say so.
    place = tmp_path / "part"
    part = work.Given(at_once.tables())
    work.write(part, place)
    for _ in range(2):
        work.number(place, {"session": 5, "transaction": 7})
    assert pd.read_parquet(place / "sessions.parquet")["session"].min() == 5
    assert not place.with_suffix(".new").exists()


def test_analyses_reduce_over_its_parts(tmp_path, monkeypatch, here):
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = set_of("postfix", 250_000, tmp_path, 3)
    log, at_once = cluster.read(folder), spamlab.read(folder)
    log = log.persist()
    for analysis in (traffic.by_hour, traffic.by_host, traffic.top_senders):
        pd.testing.assert_frame_equal(analysis(log), analysis(at_once), check_dtype=False)
    assert summary.totals(log) == summary.totals(at_once)
    assert len(backscatter.ndrs(log)) == len(backscatter.ndrs(at_once))
    assert log.events.index.compute().is_unique


@pytest.mark.parametrize("where", ["cluster", "threads"])
def test_a_progress_bar_for_what_takes_long(where, tmp_path, monkeypatch, four, capsys):
    """On a terminal, of work over two seconds; each result that is asked for has its own."""
    monkeypatch.setattr(plan, "PARTITION", 1)
    folder = set_of("postfix", 250_000, tmp_path, 3)
    scheduler = four if where == "cluster" else None

    def told(progress):
        capsys.readouterr()
        with dask.config.set(scheduler="threads"):
            log = cluster.read(folder, scheduler=scheduler, progress=progress)
            assert log.count("sessions") == len(spamlab.read(folder).sessions)
        return capsys.readouterr().err

    assert told(progress=True) == ""  # no terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert told(progress=True) == ""  # done at once
    monkeypatch.setattr(cluster.tasks, "PATIENCE", 0)
    said = told(progress=True)
    assert re.search(r"\rparts: 100%.*\| (\d+)/\1 \[", said) and "\rfiles: 100%" in said
    assert told(progress=False) == ""
    if where == "cluster":
        log = cluster.read(folder, scheduler=four, progress=True)
        assert len(log.columns("sources", "source")) == 3
        assert "sources: 100%" in capsys.readouterr().err
