"""Work that does not depend on one another, done on two processors: most of it holds no lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def together(tasks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each task gives.

    >>> together({"a": lambda: 1, "b": lambda: 2})
    {'a': 1, 'b': 2}
    """
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(tasks, pool.map(lambda task: task(), tasks.values()), strict=True))
