"""What is to be done, from the beginnings of the files: which are read together, in what order, with what assumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from spamlab import carriers, intake, pieces, sources, stamps, volume
from spamlab.cluster import work
from spamlab.cluster.tasks import delayed, tokenize
from spamlab.errors import ReadError, UnknownFormat
from spamlab.formats import load
from spamlab.records import Options, Records
from spamlab.scan import Field
from spamlab.stamp_lexer import DAY, NO_YEAR

PARTITION = 64 << 20
"""Octets of small files that are read together."""


class Glance(NamedTuple):
    """What the beginning of a file says."""

    name: str
    where: str
    kind: str
    octets: int
    begins: int | None
    """As ``pieces.Found.begins``."""
    stamp: int | None = None
    """The first stamp, where it has no year, in microseconds of any year."""
    vote: float = 0
    """Whether stamps show that the day comes first (more than 0) or the month (less)."""
    custom: bool | None = None
    """What would be taken if none of all files showed it; None: no stamp is in doubt."""


def glance(name: str, where: str, format: str | None, options: Options) -> Glance | Exception:
    """Look at a file's beginning; what is wrong with it is told, not raised."""
    source = sources.at(name, where)
    try:
        found = pieces.look(source, load(format) if format else None)
        seen = Glance(name, where, found.kind.name, volume.octets(source), found.begins)
        text = next(carriers.plain(source.text(pieces.SAMPLE)), b"")
        first = [lines.columns for _, lines in pieces.recognise(text, name, found.kind, source.newline)[2]]
        times = [columns["time"].values for columns in first if "time" in columns]
        yearless = [time[time & NO_YEAR != 0] for time in times if found.begins is None and options.year is not None]
        if some := [bare[0] for bare in yearless if len(bare)]:
            seen = seen._replace(stamp=int(some[0] >> 3))
        if options.dayfirst is None and any("stamp" in columns for columns in first):
            vote, custom = _order(found)
            seen = seen._replace(vote=vote, custom=custom)
    except (ReadError, UnknownFormat) as why:
        return why
    return seen


def _order(found: pieces.Found) -> tuple[float, bool | None]:
    """How a file's stamps vote on day and month, and what custom says where they do not."""
    stamp = [lines.columns["stamp"].values for _, lines in pieces.scan(found) if "stamp" in lines.columns]
    packed = np.concatenate([*stamp, np.zeros(0, dtype=np.int64)])
    every = np.arange(len(packed))
    records = Records({"stamp": Field(every, packed)}, every * 0, every, every, every, [], [found.source.name])
    records.clock = {}
    told = stamps.locale(records, Options())[1]["dayfirst_assumed"].iloc[0]
    return float(records.clock["vote"][0]), None if pd.isna(told) else bool(told)


def parts(files: list[Glance], format: str | None, options: Options) -> Iterator[Any]:
    """The parts of the files of one format, as delayed ``work.Given``s."""
    groups = list(_grouped(intake.in_time(files), options))
    carried = None
    for number, (group, chosen) in enumerate(groups):
        begun, ended = number == 0, number == len(groups) - 1
        named = [(file.name, file.where) for file in group]
        about = named, [sources.at(*file).modified for file in named], format, chosen
        key = f"spamlab-read-{tokenize(*about, begun, ended)}"
        given, opened = delayed(work.read, nout=2)(named, format, chosen, not begun, not ended, dask_key_name=key)
        yield given
        if carried is None:
            carried = opened
        else:
            key = f"spamlab-join-{tokenize(carried, opened)}"
            join = delayed(work.join, nout=2)
            given, carried = join(carried, opened, group[0].kind, options, ended, dask_key_name=key)
            yield given


def _grouped(files: list[Glance], options: Options) -> Iterator[tuple[list[Glance], Options]]:
    """Files that are read together, and what is known when they are."""
    votes = [file.vote > 0 for file in files if file.vote]
    doubts = [file.custom for file in files if file.custom is not None]
    default = votes[0] if votes else all(doubts)
    group: list[Glance] = []
    last, known, held = None, options, options
    for file in files:
        chosen = known
        if file.stamp is not None:
            if last is not None and known.year is not None:
                step = file.stamp - last  # as ``stamps`` tells New Year, but that the file between is not known
                turned = (step < -stamps.HALF_YEAR) - (step > 300 * DAY)
                chosen = Options(options.tz, known.year + turned, options.dayfirst)
            last = file.stamp
        known = chosen
        if options.dayfirst is None and file.custom is not None:
            chosen = Options(chosen.tz, chosen.year, default)
        if group and (sum(one.octets for one in group) + file.octets > PARTITION or chosen.dayfirst != held.dayfirst):
            yield group, held
            group = []
        if not group:
            held = chosen
        group.append(file)
    yield group, held
