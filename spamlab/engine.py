"""One source, two ways to run it: kernels are plain Python functions that Numba can compile.

A kernel is a function over flat arrays and ``bytes``. Small inputs run it as it stands, so a short log
never waits for a compiler; large ones run the same function compiled (GIL released, cached on disk).
Without Numba everything still works, slower.

Numba is imported only when something is compiled: its import alone costs half a second.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

PLAIN_LIMIT = 1 << 20
"""Inputs below this many octets run uncompiled, at about 2 MB/s: loading the compiler would take longer."""


@functools.cache
def compiler() -> Callable[..., Any] | None:
    """Numba's ``njit``, or ``None`` where Numba is not installed."""
    try:
        from numba import njit
    except ImportError:
        return None
    return functools.partial(njit, cache=True, nogil=True)


class Kernel:
    """A function and its compiled twin; ``helpers`` are the plain functions it calls by name."""

    def __init__(self, function: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self.plain = function
        self._helpers = helpers

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        """The compiled twin (the plain function where there is no compiler)."""
        njit = compiler()
        if njit is None:
            return self.plain
        # Helpers stay plain in their module; only these copies see each other's compiled twins.
        names: dict[str, Any] = {}
        for function in (*self._helpers, self.plain):
            names |= function.__globals__
        for function in (*self._helpers, self.plain):
            twin = types.FunctionType(function.__code__, names, function.__name__)
            names[function.__name__] = njit(functools.update_wrapper(twin, function))
        return names[self.plain.__name__]  # type: ignore[no-any-return]

    def pick(self, octets: int) -> Callable[..., Any]:
        """The version that suits an input of this size."""
        return self.plain if octets < PLAIN_LIMIT else self.compiled
