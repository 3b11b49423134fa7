"""The registry of log formats: a module is loaded when its format is first needed.

A third-party format registers a ``records.Format`` under the entry-point group ``spamlab.formats``; entry
points are looked up only when they are asked for, never for a built-in name.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

from spamlab.errors import ReadWarning, UnknownFormat
from spamlab.records import Format

BUILT_IN = {
    name: f"spamlab.formats.{name.replace('-', '_')}"
    for name in ("exchange55", "postfix", "iis-smtp", "exchange", "zeek", "exim", "sendmail")
}


@functools.cache
def _third_party() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="spamlab.formats")}


def formats() -> list[str]:
    """Names of all formats that can be read, built in and installed.

    >>> "exchange55" in formats()
    True
    """
    return [*BUILT_IN, *(name for name in _third_party() if name not in BUILT_IN)]


def all_formats() -> Iterator[Format]:
    """All formats; one that fails to load (someone else's code) is left out, and said once."""
    for name in formats():
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
