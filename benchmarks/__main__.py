"""``make bench``: how fast a log is read and what it costs, side by side with other ways, on made logs.

Parts: ``compare`` (tools and means on the same log), ``growth`` (time and memory over sizes), ``memory`` (of each
table), ``start`` (cold and warm), ``cluster`` (Dask, one worker and two). Without options all of them, in less than
ten minutes; ``--full`` takes every format, way and size. Figures go to ``build/bench/``; ``--readme`` writes the
README's tables from there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import cluster, compare, growth, measure, memory, readme, start
from benchmarks.logs import octets
from benchmarks.peers import ALL, WAYS

QUICK = ("postfix", "exim", "zeek")


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options, with what ``--full`` stands for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(readme.PARTS)} (all); none: -")
    parser.add_argument("--full", action="store_true", help="every format and way, and logs up to 10 GB: two hours")
    parser.add_argument("--formats", nargs="+", choices=ALL, help=f"({' '.join(QUICK)}; growth: the first)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="of compare")
    parser.add_argument("--size", type=octets, default=300_000_000, help="of the logs of compare and memory (300MB)")
    parser.add_argument("--largest", type=octets, help="log of growth: 10GB at most (300MB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--logs", type=Path, help="folder where made logs are kept and found again")
    parser.add_argument("--readme", action="store_true", help="write the README's tables")
    given = parser.parse_args(arguments)
    given.parts = [part for part in given.parts or readme.PARTS if part != "-"]
    if unknown := set(given.parts) - set(readme.PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    given.formats = given.formats or (ALL if given.full else QUICK)
    given.ways = given.ways or (WAYS if given.full else compare.QUICK)
    given.several = 1_000_000_000 if given.full else given.size  # of cluster, in all
    given.largest = given.largest or (10_000_000_000 if given.full else 300_000_000)
    return given


def found(part: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure one part."""
    if part == "compare":
        return compare.measured(given.formats, given.size, given.rounds, given.ways, folder)
    if part == "growth":
        return growth.measured(given.formats[:1], given.largest, given.rounds, folder)
    if part == "memory":
        return memory.measured(given.formats, given.size, folder)
    if part == "start":
        return start.measured(max(given.rounds, 5), folder)
    return cluster.measured(given.several, given.rounds if given.full else 1, folder)


def main(arguments: list[str] | None = None) -> None:
    """Make the logs, measure, print the tables."""
    given = parsed(arguments)
    machine = measure.machine()
    print(readme.shape(machine) + "\n")
    with ExitStack() as opened:
        folder = given.logs or Path(opened.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        for part in given.parts:
            told = found(part, given, folder)
            readme.save(part, told, machine)
            print(readme.PARTS[part].text(told), flush=True)
    if given.readme:
        print(f"tables written to {readme.write().name}")


if __name__ == "__main__":
    sys.exit(main())
