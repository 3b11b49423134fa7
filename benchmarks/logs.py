"""Made logs of any size and of every format, with what they hold.

``python -m benchmarks.logs postfix 300MB out.log`` writes one and prints its truth. The same format, size and seed
give the same octets.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT

# format: (module of ``benchmarks.writers``, how its ``block`` is called)
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "postfix": ("postfix", {}),
    "postfix-iso": ("postfix", {"iso": True}),
    "exim": ("exim", {}),
    "exim-long-ids": ("exim", {"long": True}),
    "sendmail": ("sendmail", {}),
    "zeek": ("zeek", {}),
    "zeek-json": ("zeek", {"json": True}),
    "iis-smtp": ("iis", {}),
    "exchange": ("exchange", {}),
    "exchange-tracking": ("exchange", {"tracking": True}),
    "exchange55": ("exchange55", {}),
}
STRETCH = 8_000_000  # octets played in Python; the rest repeats them with new stamps and ids


def write(format: str, path: Path, octets: int, seed: int = 1) -> dict[str, Any]:
    """Write a log of about that size (never more) and return its totals.

    ``lines`` and ``octets`` are there for every format; the other totals are counted line by line as they are
    written, so they also hold for a log that is cut in the middle of a message.
    """
    module, given = FORMATS[format]
    block = importlib.import_module(f"benchmarks.writers.{module}").block(seed, min(octets, STRETCH), **given)
    found: dict[str, Any] = block.write(Path(path), octets)
    return found


def made(format: str, size: int, folder: Path) -> Path:
    """A log of that size in a folder, made unless it is there already."""
    path = folder / f"{format}-{size}.log"
    if not path.exists():
        begun = path.with_suffix(".part")
        # In a process of its own: what is measured starts from this process's small memory.
        command = [sys.executable, "-m", "benchmarks.logs", format, str(size), os.fspath(begun)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        begun.rename(path)
    return path


def named(size: int) -> str:
    """``100 kB``, ``300 MB``, ``10 GB``."""
    return next(f"{size / unit:g} {name}" for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if size >= unit)


def octets(size: str) -> int:
    """``300MB``, ``10GB``, ``5000``: decimal units."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", size.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"not a size: {size!r} (300MB, 10GB)")
    return int(float(found[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[found[2]])


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description="Write a made log.")
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("size", type=octets, help="300MB, 10GB, …")
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.perf_counter()
    truth = write(given.format, given.path, given.size, given.seed)
    took = time.perf_counter() - began
    print(json.dumps(truth, indent=1))
    print(f"{truth['octets'] / 1e6 / took:.0f} MB/s")


if __name__ == "__main__":
    main()
