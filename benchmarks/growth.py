"""How time and memory grow with the log: ``read``, ``summary`` and ``convert`` over sizes a factor of about 3 apart.

The exponent is that of a power of the size, by least squares through the logarithms of all measurements: of the time
as it is, and of the time less the start, which is what the same command takes for a log of 100 kB (the smallest that
runs as machine code, as large ones do). 1 is a time in proportion.
"""

from __future__ import annotations

import functools
import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.logs import made, named

SIZES = (10_000_000, 30_000_000, 100_000_000, 300_000_000, 1_000_000_000, 3_000_000_000, 10_000_000_000)
LINE, START = 1, 100_000
"""Sizes that no exponent is fitted to: a log of one line; one that takes hardly longer than the start."""

COMMANDS = ("read", "summary", "convert")
ONCE = 3_000_000_000
"""Logs larger than this are measured in the first round only."""

NEEDS = 5
"""How many times the log's size must be free for ``read``; else it is not run."""


def measured(formats: Iterable[str], largest: int, rounds: int, folder: Path) -> dict[str, Any]:
    """What each command took on logs of each size."""
    found = {}
    for format in formats:
        logs = {size: made(format, size, folder) for size in SIZES if size <= largest}
        scratch = folder / "growth"
        scratch.mkdir(exist_ok=True)
        least = made(format, START, scratch)
        logs = {LINE: _first(least, scratch / "one.log"), START: least, **logs}
        every: dict[str, measure.Taken] = {}
        for number in range(rounds):
            tasks = {
                f"{command} {size}": functools.partial(once, command, log, scratch / "converted")
                for size, log in logs.items()
                for command in COMMANDS
                if not number or size <= ONCE
            }
            for name, taken in measure.rounds(tasks, 1, f"growth {format}, {number + 1} of {rounds}").items():
                every.setdefault(name, []).extend(taken)
        octets = {str(size): log.stat().st_size for size, log in logs.items()}
        shutil.rmtree(scratch)
        found[format] = {command: {str(size): every[f"{command} {size}"] for size in logs} for command in COMMANDS} | {
            "octets": octets
        }
    return found


def _first(log: Path, path: Path) -> Path:
    """A log of one line, and the comments before it."""
    with log.open("rb") as lines, path.open("wb") as out:
        for line in lines:
            out.write(line)
            if not line.startswith(b"#"):
                break
    return path


def once(command: str, log: Path, out: Path) -> dict[str, Any]:
    """Time a command once; ``parquet`` is the octets it wrote."""
    measure.warm(log)
    if command == "read":
        if measure.free() < NEEDS * log.stat().st_size:
            return {"error": "larger than memory"}
        line = [sys.executable, "-c", f"import spamlab; spamlab.read({os.fspath(log)!r})"]
    else:
        line = [sys.executable, "-m", "spamlab", command, os.fspath(log)]
        line += ["-o", os.fspath(out)] if command == "convert" else []
    found = measure.run(line)
    del found["said"]
    if out.exists():
        found["parquet"] = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
        shutil.rmtree(out)
    return found


def points(told: dict[str, Any], command: str, what: str, less: bool) -> list[tuple[float, float]]:
    """(Size, seconds) of every measurement, ``less`` the median of the start if that is asked."""
    start = measure.median(told[command][str(START)], what) if less else 0.0
    return [
        (told["octets"][size], one[what] - start)
        for size, taken in told[command].items()
        for one in taken
        if int(size) > START and "error" not in one
    ]


def exponent(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The power of the size that time grows with, and its 95% confidence interval.

    Times of nought and less (a start subtracted that took longer) have no logarithm and are left out.
    """
    from scipy import stats  # not before all is measured: a child's peak memory starts at ours

    kept = [(math.log(size), math.log(time)) for size, time in points if time > 0]
    if len({x for x, _ in kept}) < 2 or len(kept) < 3:
        return math.nan, math.nan, math.nan
    fit = stats.linregress(*zip(*kept, strict=True))
    width = stats.t.ppf(0.975, len(kept) - 2) * fit.stderr
    return float(fit.slope), float(fit.slope - width), float(fit.slope + width)


def text(found: dict[str, Any]) -> str:
    """The times, and the exponents, in Markdown."""
    lines = []
    for format, told in found.items():
        lines += [f"## {format}: growth", "", *table(told), "", *exponents(told), ""]
    return "\n".join(lines)


def table(told: dict[str, Any]) -> list[str]:
    """A row a size: wall, CPU and peak of each command."""
    lines = ["| log | " + " | ".join(f"`{command}`: wall, CPU, peak" for command in COMMANDS) + " |"]
    lines.append("|--:|" + "--:|" * len(COMMANDS))
    for size in told["octets"]:
        cells = [_cell(told[command][size]) for command in COMMANDS]
        lines.append(f"| {'one line' if int(size) == LINE else named(int(size))} | {' | '.join(cells)} |")
    return lines


def _cell(taken: measure.Taken) -> str:
    if error := measure.failed(taken):
        return error.replace("|", "/")
    wall, cpu = (measure.median(taken, what) for what in ("wall", "cpu"))
    peak = max(one["peak"] for one in taken)
    return f"{seconds(wall)}, {seconds(cpu)}, {peak / 1e9:.2f} GB"


def seconds(time: float) -> str:
    """Three digits at most: ``0.61 s``, ``7.3 s``, ``205 s``."""
    return f"{time:.2f} s" if time < 1 else f"{time:.1f} s" if time < 100 else f"{time:.0f} s"


def exponents(told: dict[str, Any]) -> list[str]:
    """The exponents of each command, of wall and CPU time, as they are and less the start."""
    lines = ["| exponent (95%) | wall | wall less start | CPU | CPU less start |", "|---|--:|--:|--:|--:|"]
    for command in COMMANDS:
        fits = [exponent(points(told, command, what, less)) for what in ("wall", "cpu") for less in (False, True)]
        cells = ["" if math.isnan(mid) else f"{mid:.2f} ({low:.2f}–{high:.2f})" for mid, low, high in fits]
        lines.append(f"| `{command}` | {' | '.join(cells)} |")
    return lines


def readme(found: dict[str, Any]) -> str:
    """The README's two tables, of the first format."""
    format, told = next(iter(found.items()))
    return "\n".join([f"How it grows ({format}):", "", *table(told), "", *exponents(told)])
