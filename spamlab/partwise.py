"""Analyses of a log that is larger than memory: of each part something small, and these merged.

>>> import spamlab
>>> @partwise(sum)
... def commands(log):
...     return int(log.columns("sessions", "commands")["commands"].sum())
>>> commands(spamlab.read("data/exchange55-appendix-a.log"))
25
"""

from __future__ import annotations

import functools
import importlib
import operator
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

import pandas as pd
import pyarrow as pa

from spamlab.log import stacked as stacked  # the merge that others rest on

if TYPE_CHECKING:
    from spamlab.log import Log

P = ParamSpec("P")
T = TypeVar("T")
Frames = list[pd.DataFrame]


class OnPart:
    """A function as it was before ``partwise``, called on a part; other processes are told it by its name."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._function, self._args, self._named = function, args, named

    def __call__(self, part: Log) -> Any:
        """Call it."""
        return self._function(part, *self._args, **self._named)

    def __reduce__(self) -> tuple[Any, ...]:
        """Name it."""
        return _named, (self._function.__module__, self._function.__qualname__, self._args, self._named)


def _named(module: str, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> OnPart:
    return OnPart(operator.attrgetter(name)(importlib.import_module(module)).__wrapped__, args, named)


def partwise(
    merge: Callable[[list[Any]], Any],
) -> Callable[[Callable[Concatenate[Log, P], T]], Callable[Concatenate[Log, P], T]]:
    """Make a function of a log go part by part.

    Parameters
    ----------
    merge
        From what the function gives for each part of a large log, in order, to what it would give for the whole. A
        log in memory, or a small one, is a single part: what the function gives for it is not touched.
    """

    def decorate(function: Callable[Concatenate[Log, P], T]) -> Callable[Concatenate[Log, P], T]:
        @functools.wraps(function)
        def whole(log: Log, *args: P.args, **kwargs: P.kwargs) -> T:
            return cast("T", merged(log.map(OnPart(function, args, kwargs)), merge))

        return cast("Callable[Concatenate[Log, P], T]", whole)

    return decorate


# -- merges ------------------------------------------------------------------------------------------------


def rows(*by: str) -> Callable[[Frames], pd.DataFrame]:
    """Merge tables of rows: one below the other, in order of some columns (none: of the labels)."""
    return functools.partial(_rows, by=list(by))


def _rows(found: Frames, by: list[str]) -> pd.DataFrame:
    some = next((frame for frame in found if len(frame)), found[0])
    anew, whole = isinstance(some.index, pd.RangeIndex), stacked(found)
    if not by:
        return whole if whole.index.is_monotonic_increasing else whole.sort_index(kind="stable")
    if by == ["session"] and not anew:
        by = ["session", LABEL]
        whole = whole.rename_axis(LABEL)
    whole = whole.sort_values(by, kind="stable", ignore_index=anew)
    return whole if anew else whole.rename_axis(cast("Any", some.index.name))


LABEL = "label"


def below(found: Frames) -> pd.DataFrame:
    """Merge tables of rows: one below the other, counted anew."""
    return stacked(found).reset_index(drop=True)


def series(found: list[pd.Series]) -> pd.Series:
    """Merge Series: one below the other, in order of their labels."""
    whole: pd.Series = pd.concat([each for each in found if len(each)] or found[:1])
    return whole if whole.index.is_monotonic_increasing else whole.sort_index(kind="stable")


def joined(found: list[pd.Series]) -> pd.Series:
    """Merge Series: one below the other, counted anew."""
    return pd.concat([each for each in found if len(each)] or found[:1], ignore_index=True)


def added(found: list[T]) -> T:
    """Merge counts (Series or DataFrames): those of one key are added; keys stand sorted, as ``groupby`` sorts them."""
    given: list[Any] = list(found)
    some = [each for each in given if len(each)] or given[:1]
    total, held = some[0], 0
    waiting: list[Any] = []
    for each in some[1:]:
        waiting.append(each)
        held += len(each)
        if held > max(len(total), MOST):
            total, waiting, held = _sum([total, *waiting]), [], 0
    return cast("T", _sum([total, *waiting]) if waiting else total)


MOST = 500_000
"""Counts that wait to be added."""


def _sum(some: list[Any]) -> Any:
    whole = pd.concat(some)
    names = list(whole.index.names)
    total = whole.groupby(level=list(range(whole.index.nlevels))).sum()
    return total.rename_axis(index=names) if isinstance(total, pd.Series) else total.rename_axis(names)


def totals(found: list[T]) -> T:
    """Merge Series or DataFrames of the same labels: what stands at one place is added."""
    return cast("T", functools.reduce(operator.add, cast("Any", found)))


def pairs(*merges: Callable[[list[Any]], Any]) -> Callable[[list[tuple[Any, ...]]], tuple[Any, ...]]:
    """Merge tuples: each of their items in its own way."""
    return functools.partial(_pairs, merges=merges)


def _pairs(found: list[tuple[Any, ...]], merges: tuple[Callable[[list[Any]], Any], ...]) -> tuple[Any, ...]:
    return tuple(merge(list(items)) for merge, items in zip(merges, zip(*found, strict=True), strict=True))


def union(found: list[set[Any]]) -> set[Any]:
    """Merge sets."""
    return set().union(*found)


# -- what several analyses need of every part ------------------------------------------------------------------


class Kept:
    """Tables made of each part of a log: of several, packed."""

    def __init__(self, held: list[pd.DataFrame] | list[bytes]) -> None:
        self._held = held

    def frames(self, *columns: str) -> Iterator[pd.DataFrame]:
        """The tables, or some of their columns, one after another; what is done to them changes nothing here."""
        from pyarrow import feather

        for held in self._held:
            if isinstance(held, bytes):
                yield feather.read_table(pa.BufferReader(held), columns=list(columns) or None).to_pandas()
            else:
                yield held[list(columns or held.columns)]


_KEPT: weakref.WeakKeyDictionary[Log, dict[Any, Kept]] = weakref.WeakKeyDictionary()


def kept(log: Log, function: Callable[..., pd.DataFrame], *given: Any) -> Kept:
    """What a function of this package (not a ``partwise`` one) makes of each part, of a converted log made once.

    The labels of several parts' tables are not kept.
    """
    several = parted(log)
    made: dict[Any, Kept] = _KEPT.setdefault(log, {}) if several or log.lasting else {}
    key = function, given
    if key not in made:
        pack = functools.partial(_packed, function, given)
        made[key] = Kept(log.map(pack) if several else [function(log, *given)])
    return made[key]


def merged(found: Iterable[T], merge: Callable[[list[T]], T]) -> T:
    """What was found in each part, merged; in a single one, as it is."""
    every = list(found)
    return every[0] if len(every) == 1 else merge(every)


def parted(log: Log) -> bool:
    """Whether a log is taken in several parts."""
    return log.parted if log.parted is not None else len(log.map(_one)) > 1


def _one(part: Log) -> int:
    return 1


def _packed(function: Callable[..., pd.DataFrame], given: tuple[Any, ...], part: Log) -> bytes:
    from pyarrow import feather

    sink = pa.BufferOutputStream()
    feather.write_feather(pa.Table.from_pandas(function(part, *given), preserve_index=False), sink, compression="zstd")
    return bytes(sink.getvalue())
