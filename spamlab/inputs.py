"""What a call names: files, folders, patterns, URLs and streams, as sources in the order to read them in."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from spamlab.errors import ReadError
from spamlab.sources import URL, Source, file_system, printable, spooled, why

_DATED = re.compile(
    r"(?P<stem>.+?)[-._](?P<day>(?:19|20)\d\d(?P<dash>-?)(?:0\d|1[0-2])(?P=dash)[0-3]\d)(?:[-._T]?(?P<time>\d{2,10}))?"
    r"(?P<end>\.[A-Za-z]+)?"
)
"""``maillog-20240303``, ``mail-2024-03-03.log``, ``mail.log.20240303-1709424061``: rotated out on a day (logrotate's
``dateext``)."""


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: numbers by value; rotated files (``mail.log.2.gz``, ``mail.log-20240303``) before the live one."""
    name = re.sub(r"\.(gz|bz2|xz|zst)$", "", path.name)
    stem, age = name, 1
    if rotated := re.fullmatch(r"(.*?)\.(\d{1,4})", name):
        stem, age = rotated[1], -int(rotated[2])
    elif dated := _DATED.fullmatch(name):
        stem = dated["stem"] + (dated["end"] or "")
        age = int(f"{dated['day'].replace('-', '')}{dated['time'] or '':0<10}") - 10**18
    parts: list[tuple[int, int | str]] = [
        (0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", f"{path.parent}/{stem}")
    ]
    return [*parts, (-1, age)]


def rotated(path: Path) -> tuple[tuple[str, ...], int | str]:
    """The words that a file's name has in common with those it was rotated to, and its age among them."""
    *stem, (_, age) = _natural(path)
    return tuple(part for _, part in stem if isinstance(part, str)), age


def _rotated(listed: list[Source]) -> list[Source]:
    """Inputs in the order given, but what was rotated out of a file before it, as a shell does not list them."""
    families: dict[tuple[Any, ...], list[int]] = {}
    for i, one in enumerate(listed):
        if one.path:
            families.setdefault(tuple(_natural(one.path)[:-1]), []).append(i)
    order = np.arange(len(listed))
    for places in families.values():
        order[places] = sorted(places, key=lambda i: _natural(listed[i].path or Path()))
    return [listed[i] for i in order]


def find(source: Any) -> list[Source]:
    """All inputs that ``source`` names: a path or URL, a glob, a folder, a binary file, or a list of them.

    Raises ``ReadError`` where a name stands for nothing.
    """
    if isinstance(source, str) and URL.match(source):
        return _urls(source)
    if isinstance(source, (str, os.PathLike)):
        return [_source(path) for path in _paths(Path(source))]
    if hasattr(source, "read"):
        return [spooled(source, printable(str(getattr(source, "name", "stream"))))]
    if isinstance(source, Iterable):
        found: dict[object, Source] = {}
        for item in source:
            for one in find(item):
                found.setdefault(os.path.realpath(one.path) if one.path else one.url or one, one)
                if one.where is None and len(found) > 1:
                    one.name += f" {len(found)}"  # streams can share a name, sources cannot
        return _rotated(list(found.values()))
    raise TypeError(f"a log is a path, a glob, a folder, a binary file or a list of them, not {source!r}")


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted((p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")), key=_natural)
        if not inside:
            raise ReadError(f"{printable(path)}: a folder without files")
        return inside
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    names = glob.glob(str(path))  # noqa: PTH207 (a pattern can be absolute)
    matched = sorted((Path(name) for name in names if Path(name).is_file()), key=_natural)
    if not matched:
        raise ReadError(f"{printable(path)}: no file matches")
    return matched


def _source(path: Path) -> Source:
    if path.is_fifo() or path.is_char_device():  # read once, so that its bytes can be read again
        with path.open("rb") as stream:
            return spooled(stream, printable(path))
    return Source(printable(path), path)


def _urls(url: str) -> list[Source]:
    """What a URL names: a file, a folder's files, those that fit a pattern."""
    try:
        system, path = file_system(url)
        folder = system.isdir(path)
        names = system.find(path, maxdepth=1) if folder else system.glob(path) if glob.has_magic(path) else []
    except OSError as error:
        raise ReadError(f"{printable(url)}: {why(error)}") from error
    if not folder and not glob.has_magic(path):
        return [Source(printable(url), url=url)]
    inside = sorted((Path(name) for name in names if not Path(name).name.startswith(".")), key=_natural)
    if not inside:
        raise ReadError(f"{printable(url)}: " + ("a folder without files" if folder else "no file matches"))
    _, chained, beneath = url.partition("::")
    full = [system.unstrip_protocol(path.as_posix()) + chained + beneath for path in inside]
    return [Source(printable(each), url=each) for each in full]
