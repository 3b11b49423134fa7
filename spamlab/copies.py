"""Which files hold what another one holds too: copies, and what a syslog daemon writes to several files.

Debian's syslog daemon puts a mail server's line into ``mail.log``, ``mail.info`` and ``syslog``, and again into
``mail.warn`` and ``mail.err`` if it is bad enough.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from spamlab import inputs
from spamlab.errors import ReadError
from spamlab.pieces import HEAD, Found
from spamlab.sources import Source

MOST = 8
"""So many files of a host, of one age, are held against each other."""


LEAST = 3
"""So many different lines of one file stand in another only if a syslog daemon wrote both."""


def twice(files: list[Found]) -> Iterator[str]:
    """What to say of files of one format, which have been read, of which one holds what another does."""
    with contextlib.suppress(ReadError):  # one is gone by now
        yield from _twice(files)


def _twice(files: list[Found]) -> Iterator[str]:
    copies = _copies(files)
    for number, original in copies.items():
        copy, whole = files[number].source.name, files[original].source.name
        yield f"{copy}: holds what {whole} begins with, and nothing else: all of it counts twice"
    for group in _beside([file for number, file in enumerate(files) if number not in copies]):
        for one, other in itertools.combinations(group, 2):
            for part, rest in ((one, other), (other, one)):
                if _stands_in(part, rest):
                    yield f"{part.source.name}: its lines stand in {rest.source.name} too: they count twice"
                    break


def _copies(files: list[Found]) -> dict[int, int]:
    """By the numbers of files that hold only what another one begins with, the number of that one."""
    alike: dict[bytes, list[int]] = {}
    for number, file in enumerate(files):
        if len(file.head) == HEAD:
            alike.setdefault(file.head, []).append(number)
    found: dict[int, int] = {}
    for numbers in alike.values():
        for one, other in itertools.combinations(numbers, 2):
            if one in found or other in found:
                continue
            copy = _shorter(files[one].source, files[other].source)
            if copy:
                found |= {one: other} if copy is files[one].source else {other: one}
    return found


def _shorter(one: Source, other: Source) -> Source | None:
    """Of two sources the one that the other begins with (the second, if they are the same); None: neither."""
    rest, left, right = [b"", b""], one.plain(), other.plain()
    try:
        while True:
            rest = [had or next(more, b"") for had, more in zip(rest, (left, right), strict=True)]
            n = min(map(len, rest))
            if not n:
                return one if rest[1] else other
            if rest[0][:n] != rest[1][:n]:
                return None
            rest = [had[n:] for had in rest]
    finally:
        left.close()
        right.close()


def _beside(files: list[Found]) -> Iterator[list[Found]]:
    """Files under different names that a syslog daemon can have written side by side, by host and age."""
    groups: dict[object, dict[object, Found]] = {}
    for file in files:
        if file.host and file.source.path:
            family, age = inputs.rotated(file.source.path)
            groups.setdefault((file.source.path.parent, file.host, age), {}).setdefault(family, file)
    return (list(group.values()) for group in groups.values() if 1 < len(group) <= MOST)


def _stands_in(part: Found, rest: Found) -> bool:
    """Whether the lines that one file begins with stand in another."""
    lines = list(dict.fromkeys(part.lines))
    if len(lines) < LEAST:
        return False
    for text in rest.source.text():
        while lines and lines[0] in text:
            lines.pop(0)
        if not lines:
            return True
    return False
