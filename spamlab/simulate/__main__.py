"""``python -m spamlab.simulate FILE``: write the simulated day, or another seed's (``.gz``: compressed).

``python -m spamlab.simulate data/exchange55-simulated-day.log.gz`` makes the file of that name again.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import io
from pathlib import Path

from spamlab.simulate import DAY, exchange55


def compress(log: bytes) -> bytes:
    """Gzip without name, time and system in the header, so that equal logs make equal files."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(log)
    return packed.getvalue()


def main() -> None:
    """Write a day's log."""
    parser = argparse.ArgumentParser(prog="python -m spamlab.simulate", description="Write a day's log.")
    parser.add_argument("file", type=Path, help="where to; .gz compresses")
    parser.add_argument("--seed", type=int, default=DAY.seed, help="another day (default: %(default)s)")
    given = parser.parse_args()
    log, truth = exchange55(dataclasses.replace(DAY, seed=given.seed))
    given.file.write_bytes(compress(log) if given.file.suffix == ".gz" else log)
    counts = f"{len(truth.sessions)} sessions, {len(truth.transactions)} transactions"
    print(f"{given.file}: {len(log)} octets, {counts}")


if __name__ == "__main__":
    main()
