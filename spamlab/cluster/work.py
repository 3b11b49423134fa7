"""What the workers do: files read, what is open where they meet put together, parts of the log made of both.

Tasks take and return values, nothing else, so that what a worker that died was doing another one does again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from spamlab import atomic, intake, pages, parquet, pieces, sources, stream, tables
from spamlab.formats import load
from spamlab.joining import Joiner
from spamlab.log import Log, stacked
from spamlab.records import Options, Records

T = TypeVar("T")

APART = 1 << 32
"""From the ids of one part, and the labels of its events, to those of the next."""


class Given(NamedTuple):
    """Tables of sessions and messages that are whole; where their sources are, and what was wrong with these."""

    tables: dict[str, pd.DataFrame]
    files: dict[str, str] = {}  # noqa: RUF012 (never changed)
    damage: tuple[str, ...] = ()
    sources: pd.DataFrame | None = None
    """What is to be known of the files that events are from; their rows in ``tables`` are in another part."""


class Open(NamedTuple):
    """Events of sessions and messages that are not known to be whole, and when the log ends so far."""

    records: Records
    now: pd.Timestamp
    sources: pd.DataFrame


@pages.small()
def read(
    files: list[tuple[str, str]], format: str | None, options: Options, before: bool, after: bool
) -> tuple[Given, Open]:
    """Read some files whole, between those that come ``before`` and ``after`` them if there are such."""
    given = load(format) if format else None
    # In this order, whatever the stamps of these few files say.
    taken = intake.Intake([pieces.look(sources.at(*file), given)._replace(begins=None) for file in files])
    joiner = Joiner(clock={})
    for number, passed, variant, lines in taken.scan():
        joiner.add(number, passed, variant, lines)
    records = joiner.records(taken.names, taken.modified)
    assembled = taken.kind.assemble(records, options)
    made, now = assembled.tables, stream.ends(assembled.tables)
    waits = _waits(made, records.source, before, now if after else None)
    times = intake.times(made["events"]["time"], records.source)
    whole = stream.without(made, waits)
    whole |= {"sources": taken.about(times, assembled.assumed), "unparsed": taken.unparsed()}
    damage = tuple(source.damage for source in taken.sources if source.damage)
    return Given(whole, dict(files), damage), _opened(records, waits, now, whole["sources"])


def _opened(records: Records, waits: np.ndarray, now: pd.Timestamp, about: pd.DataFrame) -> Open:
    some = stream.joined([records.select(np.flatnonzero(waits))])
    return Open(some, now, about[about["source"].isin(some.names)])


def _waits(made: stream.Tables, source: np.ndarray, before: bool, now: pd.Timestamp | None) -> np.ndarray:
    """The events of what can have begun ``before`` some files, if there are others, or can go on after ``now``."""
    ties = stream.Ties(made)
    came, sent, loose = stream.come_from(made, stream.begins(made))
    held = ties.groups(came & before, sent & before)
    if now is not None:
        held |= ties.groups(*stream.going_on(made, now))
    return ties.waiting(held, source, loose & before)


@pages.small()
def join(carried: Open, opened: Open, kind: str, options: Options, last: bool) -> tuple[Given, Open]:
    """Put together what was open before some files and what these had open; what still is, is carried on."""
    records = stream.joined([carried.records, opened.records])
    made = load(kind).assemble(records, options).tables
    waits = np.zeros(len(records), dtype=bool)
    if not last:
        waits = _waits(made, records.source, False, opened.now)
    given = {name: made[name] for name in ("events", "sessions", "transactions", "recipients")}
    about = stacked([carried.sources, opened.sources]).reset_index(drop=True)
    return Given(stream.without(given, waits), sources=about), _opened(records, waits, opened.now, about)


def log(part: Given, number: int = 0, about: bool = False) -> Log:
    """A part as a log; with ``about`` it knows its sources also where another part tells them."""
    given = {"sources": part.sources} if about and part.sources is not None else {}
    for name, table in part.tables.items():
        ids = {key: table[key] + number * APART for key in tables.IDS if key in table}
        given[name] = table.assign(**ids) if ids else table
        if name == "events":  # analyses name them by their labels
            given[name] = given[name].set_axis(pd.RangeIndex(number * APART, number * APART + len(table)))
    return Log(given, {name: sources.at(name, where) for name, where in part.files.items()})


def apply(function: Callable[[Log], T], part: Given, number: int, about: bool) -> tuple[T, tuple[str, ...]]:
    """What a function gives for a part, and what was wrong with its files."""
    return function(log(part, number, about)), part.damage


def same(part: Log) -> Log:
    """The part itself."""
    return part


def columns(part: Log, table: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Columns of a part."""
    return part.columns(table, *names)


def between(part: Given, start: Any, end: Any) -> Given:
    """What was logged in a part between these times."""
    some = log(part).between(start, end).tables()
    return part._replace(tables={name: some[name] for name in part.tables})


def table(part: Given, name: str, number: int) -> pd.DataFrame:
    """A table of a part."""
    own = part._replace(tables={name: part.tables[name]} if name in part.tables else {})
    table: pd.DataFrame = getattr(log(own, number), name)
    return table


_NEW = ".new"


def write(part: Given, place: Path) -> dict[str, int]:
    """Write a part beside the folder it is for; how many rows each table has."""
    with atomic.folder(place.with_suffix(_NEW)) as build:
        return parquet.write([log(part)], build)


def number(place: Path, first: dict[str, int]) -> None:
    """Put a part that was written into its folder, its ids counted on from these."""
    new = place.with_suffix(_NEW)
    if not (place / parquet.MARKER).is_file():  # else a worker did so, and died before it could tell
        with atomic.folder(place) as build:
            parquet.renumber(new, build, first)
    shutil.rmtree(new, ignore_errors=True)
