"""Folders replaced whole or not at all: errors, kills, two runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spamlab import atomic

# Loads the module alone: pandas would take most of each run.
WRITER = f"""
import importlib.util, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("atomic", {atomic.__file__!r})
atomic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(atomic)
target, text, pause = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
while True:
    with atomic.folder(target) as build:
        for name in "abcdefgh":
            (build / name).write_text(text)
            print("x", flush=True)
            time.sleep(pause)
    if pause:
        break
"""


def start(target: Path, text: str, pause: float = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(target), text, str(pause)], stdout=subprocess.PIPE)


def held(target: Path) -> set[str]:
    """What the folder's eight files say at one moment; nothing if it was swapped meanwhile."""
    folder = os.open(target, os.O_RDONLY)  # stays the same folder when another takes its name
    try:
        names = set(os.listdir(folder)) - {atomic.MARK}
        texts = {read(name, folder) for name in names} if names == set("abcdefgh") else {f"half: {names}"}
        return texts if os.fstat(folder).st_ino == target.stat().st_ino else set()
    except FileNotFoundError:
        return set()
    finally:
        os.close(folder)


def read(name: str, folder: int) -> str:
    file = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(file, 100).decode()
    finally:
        os.close(file)


def fill(target: Path, text: str) -> None:
    with atomic.folder(target) as build:
        for name in "abcdefgh":
            (build / name).write_text(text)


def test_an_error_leaves_everything_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "out"
    fill(target, "old")
    with pytest.raises(ZeroDivisionError), atomic.folder(target) as build:
        (build / "a").write_text("new")
        raise ZeroDivisionError
    assert held(target) == {"old"}
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic.folder(tmp_path / "out"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_killed_in_the_middle(tmp_path: Path) -> None:
    target = tmp_path / "out"
    fill(target, "old")
    with start(target, "new", pause=60) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert held(target) == {"old"}
    assert len(list(tmp_path.iterdir())) == 2  # what the killed run had made
    fill(target, "newer")
    assert held(target) == {"newer"}
    assert list(tmp_path.iterdir()) == [target]  # swept


def test_killed_at_any_moment_and_twice_at_once(tmp_path: Path) -> None:
    target = tmp_path / "out"
    fill(target, "old")
    for turn in range(6):
        writers = [start(target, text) for text in ("one", "two")]
        for writer in writers:
            assert writer.stdout
            writer.stdout.readline()
        deadline = time.monotonic() + 0.15 + 0.02 * turn
        while time.monotonic() < deadline:
            assert len(held(target)) <= 1, held(target)
        for writer in writers:
            writer.kill()
            with writer:
                pass
        assert held(target) in ({"old"}, {"one"}, {"two"})
    fill(target, "last")
    assert held(target) == {"last"}
    assert list(tmp_path.iterdir()) == [target]


def test_a_run_does_not_sweep_another_s_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with start(target, "slow", pause=0.2) as process:
        assert process.stdout
        process.stdout.readline()
        fill(target, "quick")
        assert held(target) == {"quick"}
        process.stdout.read()
        assert process.wait(30) == 0
    assert held(target) == {"slow"}


def test_without_an_exchange_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic.os, "name", "nt")
    target = tmp_path / "out"
    one = tmp_path / f".out.x{atomic._SUFFIX}"
    for folder, text in ((target, "old"), (one, "new")):
        folder.mkdir()
        (folder / "a").write_text(text)
    atomic._swap(one, target)
    monkeypatch.undo()
    assert (target / "a").read_text() == "new"
    # Killed between its two steps, the old folder stands aside; the next run puts it back first.
    target.rename(tmp_path / f".out.x{atomic._OLD}")
    atomic._sweep(target)
    assert (target / "a").read_text() == "new"


@pytest.mark.parametrize("name", ["a b", "[x]*?", "-o", "é\u202e", "n\nl"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    for text in ("one", "two"):
        fill(tmp_path / name, text)
    assert held(tmp_path / name) == {"two"}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    fill(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert held(tmp_path / "real") == {"text"}
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        fill(tmp_path / "loop", "text")


def test_only_our_own_folders(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("theirs")
    (tmp_path / "file").write_text("theirs")
    for target in ("full", "file"):
        with pytest.raises(atomic.NotOurs, match=target), atomic.folder(tmp_path / target):
            pass
    (tmp_path / "empty").mkdir()
    fill(tmp_path / "empty", "ours")
    assert held(tmp_path / "empty") == {"ours"}


def test_folders_are_readable_as_others_are(tmp_path: Path) -> None:
    fill(tmp_path / "out", "text")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode
