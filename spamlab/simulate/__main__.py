"""``python -m spamlab.simulate FILE``: write the simulated day, or another seed's (``.gz``: compressed).

``python -m spamlab.simulate data/exchange55-simulated-day.log.gz`` makes the file of that name again.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
from pathlib import Path

from spamlab.simulate import DAY, exchange55


def main() -> None:
    """Write a day's log."""
    parser = argparse.ArgumentParser(prog="python -m spamlab.simulate", description="Write a day's log.")
    parser.add_argument("file", type=Path, help="where to; .gz compresses")
    parser.add_argument("--seed", type=int, default=DAY.seed, help="another day (default: %(default)s)")
    given = parser.parse_args()
    log, truth = exchange55(dataclasses.replace(DAY, seed=given.seed))
    packed = bytearray(gzip.compress(log, mtime=0))
    packed[9] = 255  # the system unknown, whatever Python's version, so that equal logs make equal files
    given.file.write_bytes(packed if given.file.suffix == ".gz" else log)
    print(f"{given.file}: {len(log)} octets, {len(truth.sessions)} sessions, {len(truth.transactions)} transactions")


if __name__ == "__main__":
    main()
