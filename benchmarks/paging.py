"""Small pages of memory against large ones: ``.venv/bin/python -m benchmarks.paging [LOG] [ROUNDS]``.

The same log read by new processes in turn, as ``spamlab.read`` does it and with the large pages that NumPy and Arrow
ask for; and bare memory touched both ways. What the machine does with free memory decides (see ``spamlab.pages``): it
is given time for that before each round. Without LOG: 300 MB of Postfix.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import measure
from benchmarks.logs import made

REST = 5.0
"""Seconds in which a host takes back what is free (Linux reports it after two)."""

READ = "import spamlab; spamlab.read({log!r})"
LARGE = "from spamlab import pages; pages._prctl = lambda *_: -1; "
TOUCH = (
    "import mmap, numpy as np; m = mmap.mmap(-1, 800 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS);"
    "m.madvise(mmap.{advice}); np.frombuffer(m, np.uint8)[::4096] = 1"
)


def rested(code: str) -> dict[str, float]:
    time.sleep(REST)
    return measure.run([sys.executable, "-c", code])


def main() -> None:
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        log = sys.argv[1] if len(sys.argv) > 1 else str(made("postfix", 300_000_000, Path(folder)))
        measure.warm(Path(log))
        codes = {
            "read, small pages": READ.format(log=log),
            "read, large pages": LARGE + READ.format(log=log),
            "800 MB touched, small pages": TOUCH.format(advice="MADV_NOHUGEPAGE"),
            "800 MB touched, large pages": TOUCH.format(advice="MADV_HUGEPAGE"),
        }
        found = measure.rounds({way: functools.partial(rested, code) for way, code in codes.items()}, rounds, "paging")
    for way, taken in found.items():
        walls = sorted(result["wall"] for result in taken)
        peak = max(result["peak"] for result in taken) / 1e9
        print(f"{way:<28} {walls[0]:.2f}, {measure.median(taken, 'wall'):.2f}, {walls[-1]:.2f} s  {peak:.2f} GB")
    read = measure.ratios(found["read, large pages"], found["read, small pages"])
    print(f"large pages take {read[0]:.2f} to {read[-1]:.2f} times as long")


if __name__ == "__main__":
    main()
