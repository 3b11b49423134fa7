"""What stands out in an admin's words, and as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from spamlab import clock
from spamlab.traffic import share
from spamlab.unusual.counting import SIGNALS, STEP, WHO, Counts, counts
from spamlab.unusual.finding import Finding, Rise, findings, sends, shown, steps_of
from spamlab.words import count, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

_MANY = {"served": "recipients served", "deferred": "deliveries put off", "failed": "deliveries failed for good",
         "reports": "error messages made here", "received": "messages that came in"}  # fmt: skip

_NOBODY = re.compile(r"(?i)5\.1\.1|unknown|no such|not? exist|not found|unrouteable|no mailbox|invalid recipient")
_FULL = re.compile(r"(?i)\b4\.3\.1\b|^452\b|storage|disk|space|resources")


def _plural(signal: str, n: int) -> str:
    return count(n, SIGNALS[signal], many(signal))


def many(signal: str) -> str:
    """The name of several of a signal's occurrences."""
    return _MANY.get(signal, SIGNALS[signal] + "s")


def _most(rise: Rise, by: str) -> tuple[str, float]:
    told = rise.who[by]
    return (str(told.index[0]), float(told.iloc[0])) if len(told) else ("", 0.0)


def reading(finding: Finding) -> str:
    """What it looks like, in an admin's words."""
    rise = finding.rises[0]
    why = " ".join(map(str, rise.who["why"].index[:1]))
    if rise.signal in ("received", "served"):
        who = sends(rise) or f"client {shown(rise.makers.get('client', ''))}"
        return f"{who} sends far more than before; if nobody meant that, somebody else is using it"
    if rise.signal == "logins":
        return "somebody is guessing passwords"
    if rise.signal == "reports":
        return "this server takes mail and then returns it; where senders are forged, strangers get that (backscatter)"
    if rise.signal == "refused":
        if _FULL.search(why):
            return "this server takes no mail, for want of space or resources"
        if not _NOBODY.search(why):
            return "mail is refused here far more than before"
        null = rise.who["sender"].get("", 0.0)
        if null >= 0.5:
            return "error messages come for mail that was not sent from here: somebody forges its senders (backscatter)"
        if rise.values["sender"]:
            return "somebody is trying addresses that do not exist (a dictionary attack)"
        return "addresses that do not exist are being tried (a dictionary attack, or error messages for forged mail)"
    if rise.signal == "deferred":
        where, part = _most(rise, "domain")
        return f"{shown(where)} does not take mail" if part >= 0.5 else "mail is put off far more than before"
    if rise.signal == "failed":
        return "mail fails for good far more than before"
    return f"client {shown(rise.makers.get('client', ''))} connects far more than before"


def _names(rise: Rise, by: str) -> str:
    told = rise.who[by]
    named = told[(told >= 0.1) & (told.index.astype("str") != "")] if by != "sender" else told[told >= 0.1]
    if len(named):
        return ", ".join(f"{shown(str(name))} ({share(part)})" for name, part in named.head(3).items())
    return f"{count(rise.values[by], WHO[by])}, each with less than a tenth of it" if rise.values[by] > 1 else ""


def lines(finding: Finding, zone: str) -> list[str]:
    """A finding in a few lines: what, since when; how much; who; what else rose."""
    rise = finding.rises[0]
    hours = (rise.end - rise.begin).total_seconds() / 3600
    begin = f"{clock.stamp(rise.begin, zone)[:16]}"
    until = "still so when the log ends" if finding.lasts else f"until {clock.stamp(rise.end, zone)[:16]}"
    head = f"Since {begin} {zone} ({until}): {reading(finding)}."
    rate = f"{_plural(rise.signal, rise.n)} in {seconds(hours * 3600)}, {_rate(rise.n / hours)} an hour where "
    rate += f"{_rate(rise.usual / hours)} are usual"
    said = [head, f"{rate}."]
    for by in WHO:
        if names := _names(rise, by):
            said.append(names if "each with" in names else f"{WHO[by]}: {names}")
    more = [_brought(each) for each in finding.rises]
    return [*said, f"It brought {', '.join(more)}, beyond the usual."]


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1g}"


def _brought(rise: Rise) -> str:
    size = f" ({octets(rise.octets)})" if rise.octets >= 1000 and rise.signal != "deferred" else ""
    return _plural(rise.signal, round(rise.n - rise.usual)) + size


SHORT = "The log is too short to tell what is usual."
NOTHING = "Nothing unusual: no stretch of the log stands out from the rest."


def text(found: Counts, zone: str) -> list[str]:
    """What stands out in lines of text, or that nothing does."""
    all_found = findings(found)
    if all_found is None:
        return [SHORT]
    if not all_found:
        return [NOTHING]
    return [line for finding in all_found for line in _indented(lines(finding, zone))]


def _indented(said: Iterable[str]) -> list[str]:
    return [line if not at else f"  {line}" for at, line in enumerate(said)]


def answer(log: Log) -> str:
    """What stands out, in a sentence or two each.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))
    'The log is too short to tell what is usual.'
    """
    zone = clock.zone(log.columns("sources", "tz_assumed"))
    found: list[Finding] | None = findings(counts(log))
    if not found:
        return SHORT if found is None else NOTHING
    return " ".join(f"{said[0]} {said[1]} {said[-1]}" for said in (lines(each, zone) for each in found))


def series(log: Log) -> pd.DataFrame:
    """What was counted in each interval of time, and whether that stands out.

    Returns
    -------
    DataFrame
        ``time`` (the interval's begin, UTC), ``what`` (in the order of ``SIGNALS``), ``count``, ``unusual`` (flag),
        ``reading`` and ``begin`` (of the finding it belongs to; else missing). Empty where the log is too short.

    Examples
    --------
    >>> import spamlab
    >>> len(series(spamlab.read("data/exchange55-appendix-a.log")))
    0
    """
    found = counts(log)
    steps = steps_of(found)
    if steps is None:
        return pd.DataFrame({"time": [], "what": [], "count": [], "unusual": [], "reading": [], "begin": []})
    shown = []
    stand = [(rise, finding) for finding in findings(found) or [] for rise in finding.rises]
    for signal in (name for name in SIGNALS if name in steps.wide and steps.wide[name].any()):
        row = pd.DataFrame({"time": steps.wide.index, "what": many(signal), "count": steps.wide[signal].to_numpy()})
        end = row["time"] + steps.each * pd.Timedelta(STEP)
        row["unusual"], row["reading"] = False, pd.Series(None, row.index, dtype="str")
        row["begin"] = pd.Series(pd.NaT, row.index, dtype=row["time"].dtype)
        for rise, finding in stand:
            if rise.signal == signal:
                row["unusual"] = (end > rise.begin) & (row["time"] < rise.end)
                row["reading"] = row["reading"].mask(row["unusual"], reading(finding))
                row["begin"] = row["begin"].mask(row["unusual"], finding.begin)
        shown.append(row)
    return pd.concat(shown, ignore_index=True)


def told(found: Counts) -> list[dict[str, Any]]:
    """What stands out, for programs: plain numbers and texts, times in ISO 8601, UTC."""
    return [
        {
            "reading": reading(finding),
            "first": finding.begin.isoformat(),
            "last": finding.end.isoformat(),
            "lasts": finding.lasts,
            "rises": [
                {
                    "what": rise.signal,
                    "count": rise.n,
                    "usual": round(rise.usual, 1),
                    "octets": round(rise.octets),
                    "who": {by: {str(k): round(float(v), 3) for k, v in told.items()} for by, told in rise.who.items()},
                }
                for rise in finding.rises
            ],
        }
        for finding in findings(found) or []
    ]


def said(log: Log) -> str:
    """What stands out, each finding in a few lines: ``text`` of a log, in the zone in which its times are shown.

    Examples
    --------
    >>> import spamlab
    >>> said(spamlab.read("data/exchange55-appendix-a.log"))
    'The log is too short to tell what is usual.'
    """
    return "\n".join(text(counts(log), clock.zone(log.columns("sources", "tz_assumed"))))
