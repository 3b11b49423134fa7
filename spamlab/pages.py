"""Memory in small pages while a log is read.

NumPy and Arrow ask Linux for large pages (2 MiB), which are quick where memory lies ready. A virtual machine often
gives its free memory back to the host, what is free in large pieces first: each large page is then fetched anew, while
a small one is mostly still there. ``benchmarks/paging.py`` measures both. And memory that was let go, given back
between the steps of a reading, so that the next one's does not come on top.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

_SET, _GET = 41, 42  # PR_SET_THP_DISABLE, PR_GET_THP_DISABLE of Linux's prctl
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_lock = threading.RLock()  # a reading that nobody holds any more can end wherever garbage is collected: in here too
_inside = 0


def _prctl(what: int, value: int = 0) -> int:
    """What the system answers; -1 where there is no such thing to ask."""
    if _libc is None:
        return -1
    return int(_libc.prctl(what, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0))))


def disabled() -> bool:
    """Whether this process gets no large pages now."""
    return _prctl(_GET) == 1


@contextmanager
def small() -> Iterator[None]:
    """All memory that the process touches first meanwhile comes in small pages, unless it does so anyway."""
    global _inside
    with _lock:
        ours = _inside > 0 or not disabled()
        if ours:
            _inside += 1
            _prctl(_SET, 1)
    try:
        yield
    finally:
        with _lock:
            _inside -= ours
            if ours and not _inside:
                _prctl(_SET, 0)


def give_back() -> None:
    """Let the system have what was let go: Arrow and the C library keep it, and ask for more for what is larger."""
    pa.default_memory_pool().release_unused()
    if trim := getattr(_libc, "malloc_trim", None):  # glibc's
        trim(0)
