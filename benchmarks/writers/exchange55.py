"""Exchange 5.5: made-up days whose truth is known, and one after another for benchmarks.

``python -m benchmarks.writers.exchange55 FILE`` writes the day that stands in ``data``, or another seed's (``.gz``:
compressed).
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.writers.player import Player
from benchmarks.writers.scenario import DAY, Scenario
from spamlab.simulate import Truth
from spamlab.simulate.exchange55 import write

SESSION = 9_000  # octets that a session takes, about


def files(scenario: Scenario) -> tuple[dict[str, bytes], Truth]:
    """Simulate a server and write its protocol logs, one file for each concurrent connection.

    Parameters
    ----------
    scenario : what happens, and how it is logged.

    Returns
    -------
    files : name (``L0000000.LOG``, …, as the server numbers them) to content.
    truth : what a perfect reader finds in them.

    Examples
    --------
    >>> logs, truth = files(Scenario(sessions=40, connections=2, hours=(1.0,)))
    >>> list(logs), len(truth.sessions)
    (['L0000000.LOG', 'L0000001.LOG'], 40)
    """
    truth = Player(scenario).play()
    # The parsed line follows its raw one at once; sometimes a second's end falls between, as in Appendix A.
    delays = np.random.Generator(np.random.PCG64([scenario.seed, 1])).integers(0, 60, len(truth.script)).tolist()
    made = {}
    for lane in range(max(truth.lanes, default=0) + 1):
        logged = [both for both in zip(truth.script, delays, strict=True) if truth.lanes[both[0][1]] == lane]
        made[f"L{lane:07}.LOG"] = write(logged, scenario.dialect, scenario.cut)
    return made, truth


def exchange55(scenario: Scenario) -> tuple[bytes, Truth]:
    """Simulate a server with one connection at a time and write its one protocol log.

    Parameters
    ----------
    scenario : what happens, and how it is logged; its ``connections`` must be 1 (else see ``files``).

    Returns
    -------
    log : the file's content.
    truth : what a perfect reader finds in it.

    Raises
    ------
    ValueError : for more than one connection.

    Examples
    --------
    >>> log, truth = exchange55(Scenario(seed=7, sessions=20))
    >>> len(truth.sessions), set(truth.sessions["role"]) == {"client", "server"}
    (20, True)
    """
    if scenario.connections != 1:
        raise ValueError("concurrent connections log to several files: use files")
    logs, truth = files(scenario)
    return logs["L0000000.LOG"], truth


class Days:
    """One simulated day and its later dates."""

    def __init__(self, seed: int, octets: int) -> None:
        scenario = Scenario(seed=seed, sessions=max(octets // SESSION, 1))
        log, truth = exchange55(scenario)
        self.page = np.frombuffer(log, np.uint8)
        stamps = list(re.finditer(rb"^\d\d/\d\d/\d\d(?= \d\d:\d\d:\d\d [AP]M : )", log, re.MULTILINE))
        dates = {stamp[0].decode() for stamp in stamps}
        self.places = {date: np.array([s.start() for s in stamps if s[0].decode() == date]) for date in dates}
        days = [datetime.datetime.strptime(date, "%m/%d/%y") for date in dates]
        self.span = max(days) - min(days) + datetime.timedelta(days=1)
        tables = {"sessions": truth.sessions, "transactions": truth.transactions, "recipients": truth.recipients}
        self.truth = {name: len(table) for name, table in tables.items()} | {"lines": log.count(b"\n")}

    def write(self, path: Path, octets: int) -> dict[str, Any]:
        turns = max(octets // len(self.page), 1)
        with path.open("wb") as log:
            for turn in range(turns):
                page = self.page.copy()
                for date, found in self.places.items():
                    later = datetime.datetime.strptime(date, "%m/%d/%y") + turn * self.span
                    page[found[:, None] + np.arange(8)] = np.frombuffer(later.strftime("%m/%d/%y").encode(), np.uint8)
                log.write(page)
        return {"octets": turns * len(self.page)} | {name: count * turns for name, count in self.truth.items()}


def block(seed: int, octets: int) -> Days:
    return Days(seed, octets)


def main() -> None:
    """Write a day's log."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writers.exchange55", description="Write a day's log.")
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
