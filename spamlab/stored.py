"""A converted log's tables, read when they are asked for: all of them, some columns, or one stretch after another.

A part is some neighbouring row groups, which hold whole sessions and messages. Sessions and messages are numbered as
they begin in the files, and events as they stand there: the numbers of a part are those in the whole log.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import tables
from spamlab.errors import ReadError
from spamlab.parquet import MARKER

TOGETHER = 1_000_000
"""Rows of a table that make a part; row groups are put together up to so many."""

_PLACE, _BLOCK = 40, 12  # bits of a line's number; of its place in a block of lines
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Group:
    """A part as it was written: the row group of each table that has one."""

    folder: Path
    at: dict[str, int]
    rows: dict[str, int]


class Stored:
    """Row groups of a converted log.

    Parameters
    ----------
    groups
        Them, in order.
    order
        How the whole log is numbered; None: as it was written.
    """

    def __init__(self, groups: Sequence[Group], order: Order | None = None) -> None:
        self.groups, self._order = groups, order

    def __len__(self) -> int:
        """Rows of its longest table."""
        return max(map(self.count, tables.TABLES))

    def count(self, name: str) -> int:
        """Rows of a table."""
        return sum(group.rows.get(name, 0) for group in self.groups)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A table, or some of its columns."""
        wanted = list(tables.TABLES[name] if columns is None else columns)
        read, order = dict.fromkeys(wanted), self._order
        if order and name in ("sessions", "transactions"):
            read |= dict.fromkeys([name[:-1]])
        frame = _read(self.groups, name, list(read))
        if order and len(frame):
            frame = order.arrange(name, frame, self.groups)
        return frame[wanted]

    def parts(self) -> Iterator[Stored]:
        """Neighbouring row groups put together, up to ``TOGETHER`` rows."""
        held: list[Group] = []
        for group in self.groups:
            more = Stored([*held, group])
            if held and (held[-1].folder != group.folder or len(more) > TOGETHER):
                yield Stored(held, self._order)
                held = []
            held.append(group)
        if held:
            yield Stored(held, self._order)


def opened(folder: Path) -> tuple[Stored, dict[str, str]]:
    """A converted log, and where its sources were.

    Raises
    ------
    ReadError
        The folder does not hold a whole converted log.
    """
    files: dict[str, str] = {}
    groups = list(_groups(folder, files))
    order = Order(groups) if len(groups) > 1 else None
    return Stored(groups, order), files


def _groups(folder: Path, files: dict[str, str]) -> Iterator[Group]:
    try:
        told = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        for within in told.get("folders", ()):
            yield from _groups(folder / within, files)
        at = dict.fromkeys(tables.TABLES, 0)
        for rows in told.get("rows", ()):
            here = {name: at[name] for name, n in rows.items() if n}
            for name in here:
                at[name] += 1
            yield Group(folder, here, rows)
        if "rows" in told:
            files |= told["files"]
            for name, groups in at.items():
                if _file(folder / f"{name}.parquet").num_row_groups != groups:
                    raise ReadError(f"{folder}: not a whole converted log ({name}.parquet is another's)")
        elif "folders" not in told:
            raise KeyError("rows")
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException) as error:
        raise ReadError(f"{folder}: not a whole converted log ({error})") from error


def _file(path: Path) -> Any:
    about = path.stat()
    return _opened(str(path), about.st_mtime_ns, about.st_size, about.st_ino)


@functools.lru_cache(maxsize=32)
def _opened(path: str, *state: int) -> Any:  # one that was written again is opened again
    import pyarrow.parquet as pq

    return pq.ParquetFile(path)


_WHOLE: dict[Any, Any] = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def _read(groups: Sequence[Group], name: str, columns: list[str]) -> pd.DataFrame:
    stretches: dict[Path, list[int]] = {}
    for group in groups:
        if name in group.at:
            stretches.setdefault(group.folder, []).append(group.at[name])
    try:
        found = [
            _file(folder / f"{name}.parquet").read_row_groups(at, columns=columns) for folder, at in stretches.items()
        ]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ReadError(f"{groups[0].folder}: not a whole converted log ({error})") from error
    if not found:
        return tables.empty(name)[columns]
    table = pa.concat_tables([each.replace_schema_metadata(None) for each in found])
    del found
    # Each column is let go in Arrow's form once it stands in pandas'.
    frame = table.to_pandas(types_mapper=_WHOLE.get, split_blocks=True, self_destruct=True)
    del table
    made = {column: tables._cast(column, frame[column], tables.TABLES[name][column].dtype) for column in columns}
    return pd.DataFrame(made, copy=False)


class Order:
    """The numbers of sessions, messages and events in a log of several parts: as they stand in its files.

    They are found when first asked for, from where each event stands (four columns of ``events``).
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups

    @functools.cached_property
    def _places(self) -> pd.Series:
        names = _read(self._groups, "sources", ["source"])["source"].astype("str")
        return pd.Series(np.arange(len(names)), names)[lambda place: ~place.index.duplicated()]

    def _stand(self, events: pd.DataFrame) -> np.ndarray:
        """Where each event stands: its file's number and its line's."""
        words = events["source"].cat.categories.astype("str")
        place = self._places.reindex(words).fillna(len(self._places)).to_numpy(np.int64)
        codes = events["source"].cat.codes.to_numpy()
        stands: np.ndarray = (place.take(codes) << _PLACE) + events["line"].to_numpy()
        return stands

    @functools.cached_property
    def _found(self) -> tuple[dict[str, np.ndarray], dict[Any, np.ndarray]]:
        """The new number of each session and message, by the old one; by row group the label of each event."""
        first = {key: np.full(self._most(key), _NEVER) for key in ("session", "transaction")}
        counts: dict[int, np.ndarray] = {}
        stood: dict[Any, np.ndarray] = {}
        for part in Stored(self._groups).parts():
            events = _read(part.groups, "events", ["source", "line", *first])
            stands = self._stand(events)
            stood |= dict(zip(map(_key, part.groups), np.split(stands, _ends(part.groups)), strict=True))
            if not len(stands):
                continue
            order = slice(None) if (np.diff(stands) >= 0).all() else np.argsort(stands, kind="stable")
            stands = stands[order]
            for key, known in first.items():
                ids = events[key].to_numpy(np.int64, na_value=-1)[order][::-1]
                known[ids[ids >= 0]] = stands[::-1][ids >= 0]  # of several the last stays: backwards, the first event
            blocks, lines = np.divmod(stands, 1 << _BLOCK)
            bounds = np.flatnonzero(np.diff(blocks)) + 1
            for block, own in zip(blocks[np.r_[0, bounds]], np.split(lines, bounds), strict=True):
                held = counts.setdefault(int(block), np.zeros(1 << _BLOCK, np.uint16))
                held += np.bincount(own, minlength=1 << _BLOCK).astype(np.uint16)
        return {key: self._numbers(key, known) for key, known in first.items()}, _labels(stood, counts)

    def _numbers(self, key: str, first: np.ndarray) -> np.ndarray:
        """New numbers by old ones, in order of the first events; those without any come last."""
        ids = _read(self._groups, f"{key}s", [key])[key].to_numpy(np.int64)
        silent = ids[first[ids] == _NEVER]
        first[silent] = _NEVER - len(silent) + np.arange(len(silent))
        seen = np.flatnonzero(first != _NEVER)
        numbers = np.full(len(first), -1)
        numbers[seen[np.argsort(first[seen], kind="stable")]] = np.arange(len(seen))
        return numbers

    def _most(self, key: str) -> int:
        """One more than the highest number that a table holds, by its file's statistics."""
        highest = -1
        for group in self._groups:
            if (name := f"{key}s") in group.at:
                held = _file(group.folder / f"{name}.parquet").metadata.row_group(group.at[name])
                at = [held.column(i).path_in_schema for i in range(held.num_columns)].index(key)
                highest = max(highest, int(held.column(at).statistics.max))
        return highest + 1

    def arrange(self, name: str, frame: pd.DataFrame, groups: Sequence[Group]) -> pd.DataFrame:
        """A part's rows in the whole log's order, with its numbers."""
        numbers, labels = self._found
        for column in tables.IDS.keys() & frame.columns:
            known, old = numbers[tables.IDS[column]], frame[column].to_numpy(np.int64, na_value=-1)
            new = np.where(old >= 0, known[old], -1) if len(known) else np.full(len(old), -1)
            integer = tables.TABLES[name][column].dtype == tables.INTEGER
            frame[column] = pd.arrays.IntegerArray(new, new < 0) if integer else new
        if name == "events":
            label = np.concatenate([labels[_key(group)] for group in groups])
            if not (np.diff(label) > 0).all():
                sort = np.argsort(label, kind="stable")
                frame, label = frame.take(sort), label[sort]
            return frame.set_axis(pd.Index(label, dtype=np.int64))
        if name in ("sessions", "transactions") and not frame[name[:-1]].is_monotonic_increasing:
            return frame.sort_values(name[:-1], ignore_index=True)
        return frame


def _key(group: Group) -> tuple[str, int]:
    return str(group.folder), group.at.get("events", -1)


def _ends(groups: Sequence[Group]) -> np.ndarray:
    """Where each row group's events end among theirs, but the last."""
    return np.cumsum([group.rows.get("events", 0) for group in groups])[:-1]


def _labels(stood: dict[Any, np.ndarray], counts: dict[int, np.ndarray]) -> dict[Any, np.ndarray]:
    """From where events stand, and how many stand in each line of each block, to how many stand before each."""
    blocks = np.array(sorted(counts), dtype=np.int64)
    within = np.array([counts.pop(block) for block in blocks.tolist()]).reshape(len(blocks), 1 << _BLOCK)
    totals = within.sum(axis=1, dtype=np.int64)
    before = np.cumsum(totals) - totals
    small = np.int32 if totals.sum() < 2**31 else np.int64
    for row in within:
        row[1:] = np.cumsum(row[:-1])
        row[0] = 0
    for key, stands in stood.items():
        block, line = np.divmod(stands, 1 << _BLOCK)
        at = np.searchsorted(blocks, block)
        label = before[at] + within[at, line]
        # Events of one line stand one after another.
        run = np.flatnonzero(np.diff(label, prepend=-1) != 0)
        label += np.arange(len(label)) - np.repeat(run, np.diff(run, append=len(label)))
        stood[key] = label.astype(small)
    return stood
