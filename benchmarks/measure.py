"""One command's wall time, processor time and peak memory, its children's included; and several, in turn."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Taken = list[dict[str, Any]]
"""What one way took, a round each."""


def run(
    command: list[str], timeout: float = 3600, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Seconds and octets; ``error`` when it failed, ``said`` what it printed last. ``env`` is set besides.

    The kernel starts a child's peak at its parent's, so whoever calls this should hold little memory.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=cwd, env={**os.environ, **(env or {})})
        killer = threading.Timer(timeout, child.kill)
        killer.start()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        killer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        said, failed = (_tail(stream) for stream in (out, err))
    found: dict[str, Any] = {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
        "said": said,
    }
    if child.returncode:
        found["error"] = (failed.strip().splitlines() or [f"exit {child.returncode}"])[-1][:200]
    return found


def _tail(stream: Any) -> str:
    stream.seek(max(stream.seek(0, os.SEEK_END) - 2000, 0))
    return str(stream.read().decode(errors="replace"))


def warm(file: Path) -> None:
    """Read a file once, so that all find it in memory."""
    subprocess.run(["cat", file], stdout=subprocess.DEVNULL, check=True)


def rounds(ways: Mapping[str, Callable[[], dict[str, Any]]], count: int, title: str) -> dict[str, Taken]:
    """Every way once a round, in turn, so that what disturbs the machine meets all; what failed is not tried again."""
    results: dict[str, Taken] = {way: [] for way in ways}
    for number in range(count):
        for way, taken in results.items():
            if not failed(taken):
                _say(f"{title}, round {number + 1}: {way}")
                taken.append(ways[way]())
    _say("")
    return results


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{what}".ljust(78) + "\r" * (not what), end="", file=sys.stderr, flush=True)


def failed(taken: Taken) -> str:
    """Why a way failed, empty if it did not."""
    return next((result["error"] for result in taken if "error" in result), "")


def median(taken: Taken, what: str) -> float:
    """The median over the rounds."""
    return statistics.median(result[what] for result in taken)


def ratios(taken: Taken, base: Taken, what: str = "wall") -> list[float]:
    """How many times as much as ``base`` it took, round by round, in order of size."""
    if failed(taken) or failed(base):
        return []
    return sorted(result[what] / first[what] for result, first in zip(taken, base, strict=False))


def machine() -> dict[str, Any]:
    """What the figures are taken on."""
    return {
        "cpu": _told("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
        "memory": 1024 * int((_told("/proc/meminfo", "MemTotal") or "0").split()[0]),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def free() -> int:
    """Octets of memory that a process can have now."""
    return 1024 * int((_told("/proc/meminfo", "MemAvailable") or "0").split()[0])


def _told(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
