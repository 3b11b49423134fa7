"""The zone in which a person reads times; in tables and in JSON they are UTC.

It is the log's own: the zone that reading took for stamps that state none, so that what is shown stands in the log
as it is shown. Of a log whose stamps state their zone it is UTC, unless a person names another (``--tz``; in notebooks
the environment variable ``SPAMLAB_TZ``). Whatever shows a time says its zone.

>>> import spamlab
>>> log = spamlab.read("data/exchange55-appendix-a.log", tz="America/New_York")
>>> zone(log.sources), name(log.sources)
('America/New_York', 'America/New_York, assumed')
"""

from __future__ import annotations

import os

import pandas as pd

NAMED = "SPAMLAB_TZ"
"""The environment variable that names the zone, for whoever reads notebooks."""


def zone(sources: pd.DataFrame | None = None, named: str | None = None) -> str:
    """The IANA name of the zone in which a log's times are shown.

    Parameters
    ----------
    sources
        The Log's sources; ``None`` where there is no log.
    named
        What the reader asked for.
    """
    assumed = _assumed(sources)
    return named or os.environ.get(NAMED) or (assumed[0] if len(assumed) == 1 else "UTC")


def name(sources: pd.DataFrame | None) -> str:
    """The zone's name, with the word *assumed* where the log states none."""
    shown = zone(sources)
    return f"{shown}, assumed" if [shown] == _assumed(sources) else shown


def stamp(time: pd.Timestamp, shown: str) -> str:
    """One moment with its offset, to the second.

    >>> stamp(pd.Timestamp("2026-03-11 00:05:00.7", tz="UTC"), "Europe/Berlin")
    '2026-03-11 01:05:00+01:00'
    """
    return time.tz_convert("UTC").floor("s").tz_convert(shown).isoformat(sep=" ", timespec="seconds")


def span(first: pd.Timestamp, last: pd.Timestamp, shown: str) -> str:
    """From when to when, the day once if it is one; with their offsets if these are two.

    >>> begin = pd.Timestamp("2026-03-11 21:00", tz="UTC")
    >>> span(begin, begin + pd.Timedelta("1h"), "UTC"), span(begin, begin + pd.Timedelta("3h"), "Europe/Berlin")
    ('2026-03-11 21:00:00 to 22:00:00 UTC', '2026-03-11 22:00:00 to 2026-03-12 01:00:00 Europe/Berlin')
    """
    begin, end = first.tz_convert(shown), last.tz_convert(shown)
    if begin.utcoffset() != end.utcoffset():
        return f"{stamp(first, shown)} to {stamp(last, shown)} {shown}"
    day = "" if begin.date() == end.date() else "%Y-%m-%d "
    return f"{begin:%Y-%m-%d %H:%M:%S} to {end:{day}%H:%M:%S} {shown}"


def _assumed(sources: pd.DataFrame | None) -> list[str]:
    return [] if sources is None else sorted(set(sources["tz_assumed"].dropna().astype("str")))
