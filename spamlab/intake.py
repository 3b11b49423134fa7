"""Sources taken in: their format recognised, then scanned one after another, every line counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from spamlab import copies, inputs, pieces, sources, tables
from spamlab.errors import ReadError, ReadWarning, UnknownFormat
from spamlab.formats import formats, load
from spamlab.interpreter import CONTINUATION, EVENT, IGNORED, UNPARSED
from spamlab.notation import Variant
from spamlab.scan import Lines

PATIENCE = 2.0
"""Seconds after which progress is shown."""

_Failed = tuple[sources.Source, Exception]


def in_time(files: list[Any]) -> list[Any]:
    """Files that say when they begin, in the order of that; as they are given where one does not."""
    if None in (begins := [file.begins for file in files]):
        return files
    return [files[i] for i in np.argsort(np.array(begins, dtype=np.int64), kind="stable")]


class Intake:
    """The sources of one format, in the order of their times where these say so by themselves, else of their names."""

    def __init__(self, files: list[pieces.Found]) -> None:
        files = in_time(files)
        self.files, self.kind = files, files[0].kind
        self.sources = [file.source for file in files]
        self.names = [source.name for source in self.sources]
        self.modified = [source.modified for source in self.sources]
        self._counts = np.zeros((len(files), 4), dtype=np.int64)
        self._lost: list[pd.DataFrame] = []

    def scan(
        self, wanted: frozenset[str] = frozenset(tables.TABLES), progress: bool = False
    ) -> Iterator[tuple[int, int, Variant, Lines]]:
        """Every piece: the number of its source, how many lines of it come before, its variant, its lines.

        ``wanted``: the tables that are made of them.
        """
        spare = self.kind.spare(wanted, len(self.files))
        with _bar(sum(source.stored for source in self.sources), progress) as show:
            for number, file in enumerate(self.files):
                for variant, lines in pieces.scan(file, spare):
                    before = int(self._counts[number, 0])
                    lost = np.flatnonzero(lines.what == UNPARSED)
                    if len(lost):
                        self._lost.append(_lost(self.names[number], lost + before + 1, lines))
                    sorts = (int((lines.what == k).sum()) for k in (IGNORED, EVENT, CONTINUATION))
                    self._counts[number] += [len(lines.what), *sorts]
                    show(sum(source.passed for source in self.sources[: number + 1]))
                    yield number, before, variant, lines
        for source in self.sources:
            if source.damage:
                warnings.warn(source.damage, ReadWarning, stacklevel=3)
        for name, file, (lines, ignored, event, _) in zip(self.names, self.files, self._counts, strict=True):
            if lines > ignored and not event:
                warnings.warn(
                    f"{name}: not one of its {lines:,} lines is an event of {file.kind.name}", ReadWarning, stacklevel=3
                )
        for told in copies.twice(self.files):
            warnings.warn(told, ReadWarning, stacklevel=3)

    def unparsed(self) -> pd.DataFrame:
        """The lines that could not be read, since the last time it was asked."""
        lost, self._lost = self._lost, []
        return tables.conform("unparsed", pd.concat(lost, ignore_index=True).to_dict("series") if lost else {})

    def about(self, times: pd.DataFrame, assumed: dict[str, Any]) -> pd.DataFrame:
        """The table ``sources``, when all is read; ``times``: ``first`` and ``last`` by number of the source."""
        total, ignored, event, continued = self._counts.T
        told = {
            "source": self.names,
            "format": self.kind.name,
            "sha256": [source.sha256 for source in self.sources],
            "octets": [source.octets for source in self.sources],
            "lines": total,
            "ignored_lines": ignored,
            "event_lines": event + continued,
            "unparsed_lines": total - ignored - event - continued,
            "resolution": self.kind.resolution,
            **{name: times[name].reindex(range(len(self.files))) for name in ("first", "last")},
            **assumed,
        }
        return tables.conform("sources", told, index=pd.RangeIndex(len(self.files)))


def times(time: pd.Series, source: np.ndarray) -> pd.DataFrame:
    """When the first and the last event of each source was, of events in the order of their sources."""
    if not len(time):
        return pd.DataFrame({"first": time, "last": time})
    begins = np.flatnonzero(np.diff(source, prepend=-1))
    stamps = time.dt.tz_localize(None).to_numpy()
    both = {"first": np.fmin, "last": np.fmax}  # which leave out missing times
    ends = {name: pd.to_datetime(least.reduceat(stamps, begins), utc=True) for name, least in both.items()}
    return pd.DataFrame(ends, source[begins])


def opened(source: Any, format: str | None) -> tuple[list[Intake], list[_Failed]]:
    """What a call of ``read`` names, by format; and what could not be read."""
    given = load(format) if format is not None else None
    by_kind: dict[str, list[pieces.Found]] = {}
    failed: list[_Failed] = []
    for one in inputs.find(source):
        try:
            found = pieces.look(one, given)
        except (ReadError, UnknownFormat) as why:
            failed.append((one, why))
        else:
            by_kind.setdefault(found.kind.name, []).append(found)
    return [Intake(files) for files in by_kind.values()], failed


def refuse(failed: list[_Failed]) -> Exception:
    """The error that says that nothing could be read."""
    said = str(failed[0][1])
    if len(failed) > 1:
        said = f"none of {len(failed)} files could be read; the first: {said}"
    if any(isinstance(error, UnknownFormat) for _, error in failed):
        return UnknownFormat(f"{said}; known: {', '.join(formats())}")
    return ReadError(said)


def unreadable(failed: list[_Failed]) -> pd.DataFrame:
    """Rows of ``sources`` for what could not be read, each said in a warning."""
    for _, error in failed:
        warnings.warn(str(error), ReadWarning, stacklevel=3)
    counts = dict.fromkeys(("octets", "lines", "event_lines", "ignored_lines", "unparsed_lines"), 0)
    told = {"source": [one.name for one, _ in failed], "format": "unknown", **counts}
    return tables.conform("sources", told, index=pd.RangeIndex(len(failed)))


@contextmanager
def _bar(octets: int, show: bool) -> Iterator[Callable[[int], object]]:
    """A progress bar, told how many octets are read."""
    if not show:
        yield lambda passed: None
        return
    from tqdm import tqdm

    with tqdm(total=octets, desc="reading", unit="B", unit_scale=True, delay=PATIENCE, disable=None) as bar:
        yield lambda passed: bar.update(passed - bar.n)


def _lost(name: str, line: np.ndarray, lines: Lines) -> pd.DataFrame:
    text = pd.Series(pd.array(lines.unparsed, dtype="str"))
    binary = text.str.contains("\0", regex=False)
    reason = np.where(binary, "NUL octets", "no line before it that it could continue")
    return pd.DataFrame({"source": name, "line": line, "text": text, "reason": reason})
