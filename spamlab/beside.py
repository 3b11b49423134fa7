"""Work that does not depend on one another, done on two processors: most of it holds no lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def each(task: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
    """What a task makes of each item, in their order.

    >>> each(str, [1, 2])
    ['1', '2']
    """
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(task, items))


def together(tasks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each task gives.

    >>> together({"a": lambda: 1, "b": lambda: 2})
    {'a': 1, 'b': 2}
    """
    return dict(zip(tasks, each(_done, tasks.values()), strict=True))


def _done(task: Callable[[], Any]) -> Any:
    return task()
