"""One source, two ways to run it: kernels are plain Python functions that Numba can compile.

A kernel is a function over flat arrays and ``bytes``. Small inputs run it as it stands, so a short log
never waits for a compiler; large ones run the same function as machine code (see ``native``), the GIL released.
``make`` compiles at set-up. Elsewhere a large log is begun as it stands while another thread compiles
(``behind``), and says so if it has to wait. Without Numba everything still works, slower.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spamlab import native

PLAIN_LIMIT = 1 << 15
"""Inputs below this many octets run uncompiled, at about 2 MB/s: loading machine code would take longer."""

COLD_LIMIT = 1 << 20
"""The same where machine code is not at hand: compiling would take half a minute."""

PATIENCE = 2.0
"""Seconds of waiting for the compiler after which the user is told."""

KERNELS: list[Kernel] = []
"""All kernels of the modules that are loaded."""

_here = threading.local()  # .way: how this thread runs everything, whatever its size
_thread: threading.Thread | None = None
_lock = threading.Lock()


class Kernel:
    """A function and its compiled twin.

    ``declared``: the types of its arguments (see ``native``); ``helpers``: the plain functions it calls by name.
    """

    def __init__(self, function: Callable[..., Any], declared: str, *helpers: Callable[..., Any]) -> None:
        self.plain = function
        self._code = native.Code((*helpers, function), declared)
        KERNELS.append(self)

    @functools.cached_property
    def compiled(self) -> Callable[..., Any]:
        """The compiled twin (the plain function where there is no compiler)."""
        with _lock:
            return self._code.load() if native.able() else self.plain

    @property
    def ready(self) -> bool:
        """Whether the compiled twin is at hand without compiling."""
        return "compiled" in self.__dict__ or (native.able() and self._code.kept() is not None)

    def pick(self, octets: int) -> Callable[..., Any]:
        """The version that suits an input of this size."""
        way = getattr(_here, "way", "")
        small = "compiled" not in self.__dict__ and (octets < PLAIN_LIMIT or (octets < COLD_LIMIT and not self.ready))
        if way == "plain" or (not way and small):
            return self.plain
        if not way:
            _wait()
        return self.compiled


@contextmanager
def only(way: str) -> Iterator[None]:
    """Run everything ``compiled``, or everything ``plain``, in this thread."""
    _here.way = way
    try:
        yield
    finally:
        _here.way = ""


def prepare() -> None:
    """Compile all kernels of the modules that are loaded."""
    for kernel in KERNELS:
        kernel.compiled  # noqa: B018


def behind() -> None:
    """Compile in another thread, once a process, where that was never done on this machine."""
    global _thread
    if _thread is None and native.able() and not all(kernel.ready for kernel in KERNELS):
        _thread = threading.Thread(target=prepare, name="spamlab compiles", daemon=True)
        _thread.start()


def busy() -> bool:
    """Whether the compiler is at work behind our back."""
    return _thread is not None and _thread.is_alive() and not getattr(_here, "way", "")


def _wait() -> None:
    if _thread is None:
        return
    _thread.join(PATIENCE)
    if _thread.is_alive():
        logging.getLogger("spamlab").warning("compiling for large logs, once on this machine; up to a minute …")
        _thread.join()
