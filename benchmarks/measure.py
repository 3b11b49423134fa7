"""One command's wall time, processor time and peak memory, its children's included."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def run(command: list[str], timeout: float = 3600) -> dict[str, Any]:
    """Seconds and octets; ``error`` when it failed, ``said`` what it printed last.

    The kernel starts a child's peak at its parent's, so whoever calls this should hold little memory.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT)
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
