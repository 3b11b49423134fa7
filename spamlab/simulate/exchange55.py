"""Events as an Exchange 5.5 protocol log prints them (Appendix A; KB Q154505, Q228725, Q245787, Q262945)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spamlab.simulate.scenario import Dialect
from spamlab.simulate.script import Event

IntArray = NDArray[np.int64]
CONNECT = {True: "A connection to {} was established", False: "A connection was accepted from {}"}


def _date(day: int, stamps: str) -> str:
    date = str(np.datetime64(day, "D"))
    year, month, of_month = date.split("-")
    if stamps == "us":
        return f"{int(month)}/{int(of_month)}/{year[2:]}"
    if stamps == "german":
        return f"{of_month}.{month}.{year[2:]}"
    return date if stamps == "iso" else f"{of_month}/{month}/{year}"


def _clock(second: int, stamps: str) -> str:
    hour, minute = second // 3600, second // 60 % 60
    if stamps == "us":
        return f" {hour % 12 or 12}:{minute:02}:{second % 60:02} {'AM' if hour < 12 else 'PM'} : "
    return f" {hour:02}:{minute:02}:{second % 60:02} : "


def _stamps(milliseconds: IntArray, stamps: str) -> list[str]:
    """The stamp of each time; each different date and each different time of day is formatted once."""
    if stamps == "none":
        return [""] * len(milliseconds)
    days, seconds = np.divmod(milliseconds // 1000, 86400)
    days, of_day = np.unique(days, return_inverse=True)
    seconds, of_second = np.unique(seconds, return_inverse=True)
    dates = [_date(day, stamps) for day in days.tolist()]
    clocks = [_clock(second, stamps) for second in seconds.tolist()]
    return [dates[d] + clocks[s] for d, s in zip(of_day.tolist(), of_second.tolist(), strict=True)]


def _wrapped(text: str, width: int) -> str:
    """A reply of one line, broken at a space, but not where the rest could be a reply line of its own."""
    at = text.rfind(" ", 4, width)
    if at < 0 or "\n" in text or text[at + 1 : at + 4].isdigit():
        return text
    return f"{text[:at]}\n{text[at + 1 :]}"


def write(events: Sequence[Event], delays: IntArray, dialect: Dialect, cut: bool = False) -> bytes:
    """One log file: the events of connections that followed one another.

    Parameters
    ----------
    events : in the order they are logged.
    delays : for each event, ms from its raw line to its parsed one (less if the next event comes first).
    dialect : how the server writes.
    cut : the last line stands in its raw form only and nothing closes it, as in the white paper.
    """
    if not events:
        return b""
    times = np.array([event[0] for event in events], dtype=np.int64)
    late = np.minimum(times + delays, np.append(times[1:], times[-1]))
    stamps = _stamps(np.concatenate([times, late]), dialect.stamps)
    sent, received = (">>> ", "<<< ") if dialect.arrows else ("", "")
    blank = dialect.blank + "\n"
    after = blank if dialect.blanks == "all" else ""
    after_sent = blank if dialect.blanks != "none" else ""
    raw = f"{received}{dialect.mark}: |"
    close = "\n|\n" + after if dialect.bars else "\n" + after
    connect = {way: text.upper() if dialect.capitals else text for way, text in CONNECT.items()}
    dot = "." if dialect.dot else ""
    out: list[str] = []
    for event, stamp, again in zip(events, stamps[: len(events)], stamps[len(events) :], strict=True):
        _, _, _, kind, was_sent, echoed, _, text = event
        if dialect.wrap and kind == "reply" and len(text) > dialect.wrap:
            text = _wrapped(text, dialect.wrap)
        if kind == "connect":
            out.append(f"{stamp}{connect[was_sent].format(text)}{dot}\n{after}")
        elif was_sent:
            out.append(f"{stamp}{sent}{text}\n{after_sent}")
        elif kind == "note" or not dialect.raw:
            out.append(f"{stamp}{received}{text}\n{after}")
        elif echoed:
            gap = after_sent if "\n" in text else after
            out.append(f"{stamp}{raw}{text}{close}{again}{received}{text}\n{gap}")
        else:
            out.append(f"{stamp}{raw}{text}{close}")
    if cut and dialect.raw and not was_sent and kind not in ("connect", "note"):
        out[-1] = f"{stamp}{raw}{text}"
    return "".join(out).replace("\n", dialect.newline).encode("utf-8", "surrogateescape")
