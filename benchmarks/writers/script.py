"""A stretch of log that repeats without repeating itself.

A writer plays a few megabytes of traffic once. Its lines hold *places* for time stamps and ids, of fixed width;
the stretch is closed to a circle (what runs past its end comes in at its start, as the earlier turn's), and every
turn fills the places anew: later stamps, fresh ids. So lives of messages cross from turn to turn as they do in a
real log, and a turn costs NumPy's time, not Python's.
"""

from __future__ import annotations

import datetime
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

START = datetime.datetime(2024, 3, 11, tzinfo=datetime.UTC)
NUMBER = 7  # digits of an id's number in its place


def digits(values: np.ndarray, width: int, base: str = "0123456789") -> np.ndarray:
    """Fixed-width numbers in any base as an array of octets, one row a value."""
    powers = len(base) ** np.arange(width - 1, -1, -1, dtype=np.int64)
    letters = np.frombuffer(base.encode(), np.uint8)
    return letters[(values[:, None] // powers) % len(base)]


def text(value: str, rows: int) -> np.ndarray:
    """The same text in every row."""
    return np.broadcast_to(np.frombuffer(value.encode(), np.uint8), (rows, len(value)))


@dataclass(frozen=True)
class Stamp:
    """A time stamp: how ``strftime`` writes the day, digits of the second's fraction, what follows."""

    day: str
    fraction: int = 0
    after: str = ""

    def fill(self, micros: np.ndarray) -> np.ndarray:
        """Stamps for microseconds since 1970."""
        days, day = np.unique(micros // 86_400_000_000, return_inverse=True)
        epoch = datetime.date(1970, 1, 1)
        named = "".join((epoch + datetime.timedelta(int(d))).strftime(self.day) for d in days).encode()
        seconds = micros // 1_000_000 % 86_400
        colon = text(":", len(micros))
        parts = [np.frombuffer(named, np.uint8).reshape(len(days), -1)[day], digits(seconds // 3600, 2), colon]
        parts += [digits(seconds // 60 % 60, 2), colon, digits(seconds % 60, 2)]
        if self.fraction:
            parts += [text(".", len(micros)), digits(micros % 1_000_000 // 10 ** (6 - self.fraction), self.fraction)]
        return np.hstack([*parts, text(self.after, len(micros))])


class Epoch(Stamp):
    """Seconds since 1970 with six digits of fraction, as Zeek writes them."""

    def fill(self, micros: np.ndarray) -> np.ndarray:
        return np.hstack([digits(micros // 1_000_000, 10), text(".", len(micros)), digits(micros % 1_000_000, 6)])


Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Ids from (number: fresh in every turn, microseconds of birth), one row each."""


def tally(counts: Sequence[str], fields: Mapping[str, Any]) -> dict[str, int]:
    """What a line counts as: one of each name (or ``many``), of ``octets_…`` the message's size."""
    many = fields.get("many", 1)
    return {name: many * (fields["size"] if name.startswith("octets") else 1) for name in counts}


class Script:
    """Lines as they are played, with the counts that each adds to the truth."""

    def __init__(self, stamp: Stamp, ids: dict[str, Fill], seed: int, seconds: float, header: str = "") -> None:
        self.stamp_fill, self.ids, self.header = stamp, ids, header
        self.turn = int(seconds * 1_000_000)
        self.random = random.Random(seed)
        one = np.array([1]), np.array([START.timestamp() * 1e6], np.int64)
        self.width = {kind: fill(*one).shape[1] for kind, fill in ids.items()}
        self.stamp = "\x01".ljust(stamp.fill(one[1]).shape[1], "\x02")
        self.mark = {kind: chr(3 + i) for i, kind in enumerate(ids)}
        self.born: list[int] = []
        self.at: list[int] = []
        self.lines: list[str] = []
        self.counts: list[dict[str, int] | None] = []
        self.octets = 0

    def id(self, at: float, kind: str = "queue") -> str:
        """A place for a new id."""
        self.born.append(int(at * 1_000_000))
        return (self.mark[kind] + f"{len(self.born) - 1:0{NUMBER}}").ljust(self.width[kind], "\x02")

    def say(self, at: float, line: str, counts: dict[str, int] | None = None) -> None:
        """Log a line (one may hold line ends), ``at`` seconds after the turn's start."""
        self.at.append(int(at * 1_000_000))
        self.lines.append(line)
        self.counts.append(counts)
        self.octets += len(line) + 1

    def also(self, name: str, so: bool = True) -> None:
        """The last line counts as one of these, too."""
        if so:
            self.counts[-1] = (self.counts[-1] or {}) | {name: 1}

    def spread(self, octets: int) -> Iterator[float]:
        """Starting times until the lines have that size: even in the mean, chance in between."""
        begun = now = 0.0
        while self.octets < octets:
            share = self.octets / octets
            begun = max(begun, share * self.turn / 1e6)
            now = max(now, begun) + self.random.expovariate(40)
            yield min(now, self.turn / 1e6 - 1e-6)


class Pool:
    """Process ids (or ports): one that is free again is taken first, so none does two things at once."""

    def __init__(self, first: int, turn: float) -> None:
        self.next, self.half = first, turn / 2
        self.free: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])

    def take(self, at: float) -> int:
        # The circle's two halves have processes of their own: none runs into itself across the seam.
        free = self.free[at >= self.half]
        for index, (since, number) in enumerate(free[:8]):
            if since <= at:
                del free[index]
                return number
        self.next += 1 + self.next % 3
        return self.next

    def give(self, number: int, taken: float, at: float) -> None:
        self.free[taken >= self.half].append((at, number))


class Block:
    """A played script, closed to a circle, its places found."""

    def __init__(self, script: Script) -> None:
        self.script = script
        at = np.array(script.at)
        order = np.argsort(at % script.turn, kind="stable")
        lines = [script.lines[i] + "\n" for i in order]
        self.at = at[order] % script.turn
        self.age = at[order] // script.turn  # turns before this one in which the line's life began
        self.page = np.frombuffer("".join(lines).encode("latin-1"), np.uint8)
        self.ends = np.cumsum([len(line) for line in lines])
        names = sorted({name for counts in script.counts if counts for name in counts})
        self.truth = {name: np.zeros(len(order), np.int64) for name in names}
        for row, line in enumerate(order):
            for name, amount in (script.counts[line] or {}).items():
                self.truth[name][row] += amount
        self.physical = np.array([line.count("\n") for line in lines])
        self.places = {mark: self._places(ord(mark)) for mark in ["\x01", *script.mark.values()]}
        self.born = np.array(script.born or [0])

    def _places(self, mark: int) -> tuple[np.ndarray, np.ndarray]:
        found = np.flatnonzero(self.page == mark)
        return found, np.searchsorted(self.ends, found, side="right")

    def fill(self, turn: int) -> np.ndarray:
        """The stretch as the given turn logs it."""
        script, page = self.script, self.page.copy()
        start = int(START.timestamp()) * 1_000_000 + turn * script.turn
        found, line = self.places["\x01"]
        self._put(page, found, script.stamp_fill.fill(self.at[line] + start))
        for kind, mark in script.mark.items():
            found, line = self.places[mark]
            if len(found):
                powers = 10 ** np.arange(NUMBER - 1, -1, -1)
                number = (self.page[found[:, None] + np.arange(1, NUMBER + 1)] - 48).astype(np.int64) @ powers
                life = np.maximum(turn - self.age[line], 0)
                born = self.born[number] + start + (life - turn) * script.turn
                self._put(page, found, script.ids[kind](number + life * len(self.born), born))
        return page

    @staticmethod
    def _put(page: np.ndarray, found: np.ndarray, filled: np.ndarray) -> None:
        page[found[:, None] + np.arange(filled.shape[1])] = filled

    def write(self, path: Path, octets: int) -> dict[str, Any]:
        """Turn after turn until the file has the size, cut at a line's end; what it holds."""
        header = self.script.header.encode()
        left = octets - len(header)
        truth = dict.fromkeys(self.truth, 0)
        lines = header.count(b"\n")
        with path.open("wb") as log:
            log.write(header)
            turn = 0
            while True:
                rows = int(np.searchsorted(self.ends, left, side="right"))
                keep = self.age[:rows] <= turn  # the first turn has no lives from before it
                page = self.fill(turn)[: self.ends[rows - 1] if rows else 0]
                if not keep.all():
                    page = page[np.repeat(keep, np.diff(self.ends[:rows], prepend=0))]
                left -= log.write(page)
                lines += int(self.physical[:rows][keep].sum())
                for name, column in self.truth.items():
                    truth[name] += int(column[:rows][keep].sum())
                if rows < len(self.ends):
                    break
                turn += 1
        # Syslog stamps have no year: readers take it from the file's time.
        last = START.timestamp() + (turn + 1) * self.script.turn / 1e6
        os.utime(path, (last, last))
        return {"octets": octets - left, "lines": lines, **truth}
