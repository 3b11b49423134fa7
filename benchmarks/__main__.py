"""``make bench``: read one simulated Exchange 5.5 log in several ways, side by side.

The machines are noisy, so what counts are ratios within a run: every round times each way once, in turn, in a
process of its own, and the table gives each way's CPU time, throughput and peak memory, and its ratio to
``spamlab.read`` round by round (median, least and most). ``--megabytes`` and ``--rounds`` set the size.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LINE = rb"(\S+ \S+(?: [AP]M)?) : (?:(>>>|<<<) )?(I[O0]: \|)?(?:(\d{3})([ -]))?(.*)"


def read() -> None:
    """All six tables."""
    import spamlab

    spamlab.read(sys.argv[-1])


def scan() -> None:
    """Scanning alone: typed columns of all lines, no tables."""
    from spamlab.formats import load
    from spamlab.scan import Scanner
    from spamlab.sources import find

    scanner = Scanner(load("exchange55").variants[0])
    for piece in find(sys.argv[-1])[0].text():
        scanner.run(piece)


def regular_expression() -> None:
    """A Python loop with one regular expression, a tuple a line: no sessions, no echoes told apart."""
    import re

    match = re.compile(LINE).match
    with Path(sys.argv[-1]).open("rb") as lines:
        [found.groups() for found in map(match, lines) if found]


def count() -> None:
    """``wc -l``: as fast as the file can be looked at."""
    subprocess.run(["wc", "-l", sys.argv[-1]], check=True, stdout=subprocess.DEVNULL)


WAYS: dict[str, Callable[[], None]] = {
    "spamlab.read": read,
    "scan only": scan,
    "re loop": regular_expression,
    "wc -l": count,
}


def one(way: str) -> None:
    """Run a way once and print what it took."""
    begin = time.perf_counter()
    WAYS[way]()
    wall = time.perf_counter() - begin
    own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": own.ru_maxrss / 1e6}))


def write(path: Path, megabytes: int) -> int:
    """Join simulated days until the file has the size; the octets written."""
    from spamlab import simulate

    octets = 0
    with path.open("wb") as log:
        for seed in range(1000):
            if octets >= megabytes * 1_000_000:
                break
            octets += log.write(simulate.exchange55(simulate.Scenario(seed=seed, sessions=2000))[0])
    return octets


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("log", nargs="?")
    given = parser.parse_args()
    if given.one:
        return one(given.one)
    took: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "simulated.log"
        octets = write(log, given.megabytes)
        for _ in range(given.rounds):
            for way, results in took.items():
                command = [sys.executable, "-m", "benchmarks", "--one", way, str(log)]
                results.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    print(f"{octets / 1e6:.0f} MB of simulated Exchange 5.5 log, {given.rounds} rounds, Python start included\n")
    print("| way | CPU, s | MB/s of CPU | peak, GB | CPU against spamlab.read |\n|---|---|---|---|---|")
    for way, results in took.items():
        ratio = [r["cpu"] / base["cpu"] for r, base in zip(results, took["spamlab.read"], strict=True)]
        cpu = statistics.median(r["cpu"] for r in results)
        spread = f"{statistics.median(ratio):.2f} ({min(ratio):.2f} to {max(ratio):.2f})"
        peak = max(r["peak"] for r in results)
        print(f"| {way} | {cpu:.2f} | {octets / 1e6 / cpu:.0f} | {peak:.2f} | {spread} |")
    return None


if __name__ == "__main__":
    main()
