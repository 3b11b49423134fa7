"""``make bench``: read the same made log in several ways, side by side.

The machines are noisy, so what counts are ratios within a run: every round times each way once, in turn, each in a
process of its own (Python's start included), and the table gives how many times as long each takes as
``spamlab.read``: least, median and most over the rounds. The first table compares tools; the second compares means
of scanning, all of which make the same columns, with the library's scanner alone. All figures go to
``build/bench.json``. What cannot be run is in the table with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.logs import octets
from benchmarks.peers import ALL, WAYS, Missing

TOOLS = ("spamlab.read", "spamlab events", "pflogsumm", "eximstats", "zat", "wc -l")
MEANS = ("spamlab scan", "re loop", "polars", "duckdb", "pyarrow", "pandas")
Results = dict[str, list[dict[str, Any]]]


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    try:
        told = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        told = []
    model = next((line.partition(": ")[2] for line in told if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


def once(way: str, format: str, log: Path) -> dict[str, Any]:
    """Time one way once."""
    try:
        command = WAYS[way].command(format, log)
    except Missing as reason:
        return {"error": f"not run: {reason}"}
    found = measure.run(command)
    said = found.pop("said").strip()
    if said.startswith("{"):
        found |= json.loads(said.splitlines()[-1])
    return found


def rounds(format: str, log: Path, ways: Iterable[str], count: int) -> Results:
    """Every way once a round, in turn; one that failed is not tried again."""
    results: Results = {way: [] for way in ways if format in WAYS[way].formats}
    subprocess.run(["cat", log], stdout=subprocess.DEVNULL, check=True)  # all find the log in memory
    for number in range(count):
        for way, taken in results.items():
            if not any("error" in result for result in taken):
                print(f"\r{format}, round {number + 1}: {way}".ljust(60), end="", file=sys.stderr, flush=True)
                taken.append(once(way, format, log))
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return results


def spread(taken: list[dict[str, Any]], base: list[dict[str, Any]], what: str) -> str:
    """Least – median – most of the ratios, round by round."""
    pairs = [(result, first) for result, first in zip(taken, base, strict=False) if "error" not in result | first]
    ratios = [result[what] / first[what] for result, first in pairs]
    return f"{min(ratios):.2f} – **{statistics.median(ratios):.2f}** – {max(ratios):.2f}" if ratios else ""


def table(results: Results, ways: Iterable[str], base: str, size: int) -> list[str]:
    """One Markdown table, ratios to ``base``."""
    lines = [
        f"| way | makes | wall, s | MB/s | CPU, s | peak, MB | wall : {base} | CPU : {base} |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for way in ways:
        if way not in results:
            continue
        taken, makes = results[way], WAYS[way].makes
        if "error" in taken[-1]:
            lines.append(f"| {way} | {makes} | {taken[-1]['error'].replace('|', '/')} ||||||")
            continue
        wall, cpu = (statistics.median(result[what] for result in taken) for what in ("wall", "cpu"))
        peak = max(result["peak"] for result in taken) / 1e6
        ratios = " | ".join(spread(taken, results.get(base, []), what) for what in ("wall", "cpu"))
        lines.append(f"| {way} | {makes} | {wall:.2f} | {size / 1e6 / wall:.0f} | {cpu:.2f} | {peak:.0f} | {ratios} |")
    return lines


def main() -> None:
    """Make the logs, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--size", type=octets, default=300_000_000, help="of each log (300MB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", choices=ALL, default=ALL)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    told: dict[str, Any] = {"machine": machine(), "rounds": given.rounds, "formats": {}}
    print("{cpu}, {cores} cores, {system}, Python {python}\n".format(**told["machine"]))
    with tempfile.TemporaryDirectory() as folder:
        for format in given.formats:
            log = Path(folder) / f"{format}.log"
            # In a process of its own: what is measured starts from this process's small memory.
            command = [sys.executable, "-m", "benchmarks.logs", format, str(given.size), os.fspath(log)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=measure.ROOT)
            size = log.stat().st_size
            results = rounds(format, log, given.ways, given.rounds)
            print(f"## {format}: {size / 1e6:.0f} MB, {given.rounds} rounds\n")
            print("\n".join([*table(results, TOOLS, "spamlab.read", size), ""]))
            print("\n".join([*table(results, MEANS, "spamlab scan", size), ""]), flush=True)
            told["formats"][format] = {"octets": size, "ways": results}
            log.unlink()
    saved = measure.ROOT / "build" / "bench.json"
    saved.parent.mkdir(exist_ok=True)
    saved.write_text(json.dumps(told, indent=1))
    print(f"figures in {saved.relative_to(measure.ROOT)}")


if __name__ == "__main__":
    main()
