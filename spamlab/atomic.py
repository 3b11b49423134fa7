"""Replace a folder whole or not at all, also when killed half-way or run twice at once.

The new folder is made beside the target and swapped in by one system call. What a killed run leaves
behind is a hidden sibling, which the next run removes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARK = ".spamlab"
"""A file in every folder made here: the sign that it may be replaced."""

_SUFFIX = ".spamlab-tmp"
_OLD = ".old" + _SUFFIX


class NotOurs(OSError):
    """The target holds something that this library did not write."""


def check(target: Path) -> Path:
    """Return the folder that would be replaced, symbolic links resolved.

    Raises
    ------
    NotOurs
        It is a file, or a folder with contents and without our mark.
    """
    target = Path(os.path.realpath(target))
    if os.path.lexists(target) and not target.is_dir():  # a file, a loop of symbolic links
        raise NotOurs(f"{target}: is no folder; choose one that is new, empty or made by spamlab")
    if target.is_dir() and any(target.iterdir()) and not (target / MARK).is_file():
        raise NotOurs(f"{target}: holds files that spamlab did not write; choose a new or empty folder")
    return target


@contextlib.contextmanager
def folder(target: Path) -> Iterator[Path]:
    """Give a new folder to fill; on leaving without an error it becomes ``target``.

    Raises
    ------
    NotOurs
        ``target`` may not be replaced (see ``check``).
    OSError
        It could not be written; ``target`` is as it was.

    Examples
    --------
    >>> import tempfile
    >>> where = Path(tempfile.mkdtemp())
    >>> for text in "one", "two":
    ...     with folder(where / "out") as build:
    ...         _ = (build / "a.txt").write_text(text)
    >>> (where / "out" / "a.txt").read_text(), len(list(where.iterdir()))
    ('two', 1)
    """
    target = check(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    with _new(target) as build:
        try:
            (build / MARK).write_text("Made by spamlab, which may replace this folder.\n")
            yield build
            _put(build, check(target))
        finally:
            shutil.rmtree(build, ignore_errors=True)  # after a swap: what the target held before


@contextlib.contextmanager
def _new(target: Path) -> Iterator[Path]:
    """Make an empty sibling, locked so that no other run sweeps it away."""
    while True:
        build = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_SUFFIX}")
        build.mkdir()
        with _locked(build):
            if build.exists():  # else another run swept it before it was locked
                yield build
                return


def _put(build: Path, target: Path) -> None:
    """Move ``build`` to ``target``; what was there is at ``build`` afterwards, if anything was."""
    for _ in range(100):  # another run may come or go between two steps
        try:
            (_swap if target.exists() else os.rename)(build, target)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) or not build.exists():
                raise
    raise OSError(errno.EBUSY, "the folder changes all the time", str(target))


def _swap(one: Path, other: Path) -> None:
    """Exchange two folders: in one step where the system can, else in three."""
    names = os.fsencode(one), os.fsencode(other)
    libc: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if hasattr(libc, "renameat2") and not libc.renameat2(-100, names[0], -100, names[1], 2):
        return  # Linux 3.15: from AT_FDCWD, to AT_FDCWD, RENAME_EXCHANGE
    if hasattr(libc, "renamex_np") and not libc.renamex_np(*names, 2):
        return  # macOS 10.12: RENAME_SWAP
    aside = one.with_name(one.name.removesuffix(_SUFFIX) + _OLD)
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the folder's lock; False if another process has it, or the system knows no such locks."""
    with contextlib.ExitStack() as stack:
        try:
            import fcntl

            file = os.open(path, os.O_RDONLY)
            stack.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except (ImportError, OSError):
            held = False
        yield held


def _sweep(target: Path) -> None:
    """Remove what killed runs left beside the target, or put back what they had moved away."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*{_SUFFIX}"):
        with _locked(left) as ours:
            if ours and left.name.endswith(_OLD) and not target.exists():
                left.rename(target)
            elif ours:
                shutil.rmtree(left, ignore_errors=True)
