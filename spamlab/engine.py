"""One source, two ways to run it: kernels are plain Python functions that Numba can compile.

A kernel is a function over flat arrays and ``bytes``. Small inputs run it as it stands, so a short log
never waits for a compiler; large ones run the same function compiled (GIL released, cached on disk).
``make`` compiles at set-up. Elsewhere a large log is begun as it stands while another thread compiles
(``behind``), and says so if it has to wait. Without Numba everything still works, slower.

Numba is imported only when something is compiled: its import alone costs a quarter of a second.
"""

from __future__ import annotations

import functools
import logging
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PLAIN_LIMIT = 1 << 20
"""Inputs below this many octets run uncompiled, at about 2 MB/s: loading the compiler would take longer."""

PATIENCE = 2.0
"""Seconds of waiting for the compiler after which the user is told."""

LOADING = 1.5
"""Seconds in which kernels compiled earlier are loaded from the cache: until then nothing else is begun."""

_here = threading.local()  # .compiled: this thread runs everything compiled, whatever its size
_thread: threading.Thread | None = None
_lock = threading.Lock()


@functools.cache
def compiler() -> Callable[..., Any] | None:
    """Numba's ``njit``, or ``None`` where Numba is not installed."""
    try:
        from numba import njit
    except ImportError:
        return None
    found: Callable[..., Any] = njit
    return found


def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    njit = compiler()
    assert njit is not None
    try:
        compiled: Callable[..., Any] = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder for the cache can be written: compiled anew in each process
        compiled = njit(nogil=True)(function)
    return compiled


class Kernel:
    """A function and its compiled twin; ``helpers`` are the plain functions it calls by name."""

    def __init__(self, function: Callable[..., Any], *helpers: Callable[..., Any]) -> None:
        self.plain = function
        self._helpers = helpers

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        """The compiled twin (the plain function where there is no compiler)."""
        if compiler() is None:
            return self.plain
        # Helpers stay plain in their module; only these copies see each other's compiled twins.
        names: dict[str, Any] = {}
        for function in (*self._helpers, self.plain):
            names |= function.__globals__
        for function in (*self._helpers, self.plain):
            twin = types.FunctionType(function.__code__, names, function.__name__)
            names[function.__name__] = _compile(functools.update_wrapper(twin, function))
        return names[self.plain.__name__]  # type: ignore[no-any-return]

    def pick(self, octets: int) -> Callable[..., Any]:
        """The version that suits an input of this size."""
        if not getattr(_here, "compiled", False):
            if octets < PLAIN_LIMIT:
                return self.plain
            _wait()
        return self.compiled


@contextmanager
def compiled() -> Iterator[None]:
    """Run everything compiled in this thread, whatever its size."""
    _here.compiled = True
    try:
        yield
    finally:
        _here.compiled = False


def behind(task: Callable[[], object]) -> None:
    """Compile in another thread, once a process: ``task`` runs the kernels on small inputs."""
    global _thread
    with _lock:
        if _thread is None and compiler() is not None and not getattr(_here, "compiled", False):
            _thread = threading.Thread(target=task, name="spamlab compiles", daemon=True)
            _thread.start()
            _thread.join(LOADING)


def busy() -> bool:
    """Whether the compiler is at work behind our back."""
    return _thread is not None and _thread.is_alive() and not getattr(_here, "compiled", False)


def _wait() -> None:
    if _thread is None:
        return
    _thread.join(PATIENCE)
    if _thread.is_alive():
        logging.getLogger("spamlab").warning("compiling for large logs, once on this machine; up to a minute …")
        _thread.join()
