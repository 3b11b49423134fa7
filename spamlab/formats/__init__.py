"""The registry of log formats: a module is loaded when its format is first needed.

A third-party format registers a ``records.Format`` under the entry-point group ``spamlab.formats``; entry
points are looked up only when they are asked for, never for a built-in name.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import re
import warnings
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

from spamlab.errors import ReadWarning, UnknownFormat
from spamlab.records import Format

HINTS = {
    "exchange55": rb"(?m)^.{15,30} : (?:<<<|>>>|IO:) ",
    "postfix": rb" postfix[^ ]*/\w+\[",
    "iis-smtp": rb"(?m)^#Software: Microsoft (?:Internet|SMTP)|OutboundConnection|SMTPSVC",
    "exchange": rb"(?m)^#Software: Microsoft Exchange",
    "zeek": rb"(?m)^#path\tsmtp|^zeek smtp\.log\t",
    "exim": rb" [0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} (?:<=|=>|Completed)",
    "sendmail": rb" (?:sendmail|sm-mta)\[",
}
"""What is in most logs of a format, and hardly in another's: that one is tried first, which saves time and decides
nothing."""

BUILT_IN = {name: f"spamlab.formats.{name.replace('-', '_')}" for name in HINTS}


@functools.cache
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="spamlab.formats")}


def formats() -> list[str]:
    """Names of all formats that can be read, built in and installed.

    >>> "exchange55" in formats()
    True
    """
    return [*BUILT_IN, *(name for name in _third_party() if name not in BUILT_IN)]


def all_formats(sample: bytes = b"") -> Iterator[Format]:
    """All formats, those that a sample of a log hints at first.

    One that fails to load (someone else's code) is left out, and said once.
    """
    hinted = [name for name, hint in HINTS.items() if re.search(hint, sample)]
    names = itertools.chain(hinted, (name for name in formats() if name not in hinted))
    for name in names:
        if name not in _broken:
            try:
                found = load(name)
            except Exception as error:
                _broken.add(name)
                warnings.warn(f"format {name} cannot be loaded: {error}", ReadWarning, stacklevel=3)
            else:
                yield found


_broken: set[str] = set()


@functools.cache
def load(name: str) -> Format:
    """The format of that name; ``UnknownFormat`` lists those there are."""
    if name in BUILT_IN:
        found: Format = importlib.import_module(BUILT_IN[name]).FORMAT
        return found
    if name not in _third_party():
        raise UnknownFormat(f"there is no format {name!r}; known: {', '.join(formats())}")
    loaded: Format = _third_party()[name].load()
    return loaded
