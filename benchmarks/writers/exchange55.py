"""Exchange 5.5: days of ``spamlab.simulate``, one after another. Whole days, so that the simulator's truth holds."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import numpy as np

from spamlab import simulate

SESSION = 9_000  # octets that a session takes, about


class Days:
    """One simulated day and its later dates."""

    def __init__(self, seed: int, octets: int) -> None:
        scenario = simulate.Scenario(seed=seed, sessions=max(octets // SESSION, 1))
        log, truth = simulate.exchange55(scenario)
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
