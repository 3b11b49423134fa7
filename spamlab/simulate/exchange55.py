"""Events as an Exchange 5.5 protocol log prints them (Appendix A; KB Q154505, Q228725, Q245787, Q262945)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from spamlab.simulate.script import Event

CONNECT = {True: "A connection to {} was established", False: "A connection was accepted from {}"}
STAMPS = {  # of the time and its hour by a clock of twelve
    "us": "{0.month}/{0.day}/{0:%y} {1}:{0:%M:%S} {0:%p} : ",
    "german": "{0:%d.%m.%y %H:%M:%S} : ",
    "iso": "{0:%Y-%m-%d %H:%M:%S} : ",
    "dayfirst": "{0:%d/%m/%Y %H:%M:%S} : ",
    "none": "",
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a server writes its protocol log; the defaults are the white paper's, Maximum level.

    Parameters
    ----------
    stamps : how the server's Windows locale writes date and time: ``us`` 11/11/03 2:00:01 PM, ``german``
        11.11.03 14:00:01, ``iso`` 2003-11-11 14:00:01, ``dayfirst`` 11/11/2003 14:00:01, ``none`` (Q245787).
    raw : whether the read buffer (``<<< IO: |…``) is printed before the parsed line, and inbound text too.
    bars : whether a line ``|`` closes a raw block; without it nasty text is undecidable, so none is written.
    mark : ``IO``, or the transcription's ``I0``.
    arrows : whether ``>>> `` and ``<<< `` tell the directions (Q228725 lacks them).
    blanks : what an empty line follows: what the server sent, every event, nothing; ``blank`` is its text.
    wrap : width at which replies of one line go on in the next, as printed logs show them; 0: nowhere.
    newline, capitals, dot : line ends; connect lines in capitals; their final dot.
    """

    stamps: Literal["us", "german", "iso", "dayfirst", "none"] = "us"
    raw: bool = True
    bars: bool = True
    mark: Literal["IO", "I0"] = "IO"
    arrows: bool = True
    blanks: Literal["sent", "all", "none"] = "sent"
    blank: Literal["", "\t"] = ""
    wrap: int = 0
    newline: Literal["\n", "\r\n"] = "\r\n"
    capitals: bool = False
    dot: bool = True


def _wrapped(text: str, width: int) -> str:
    """A long reply of one line, broken at a space, but not where the rest could be a reply line of its own."""
    at = text.rfind(" ", 4, width)
    if at < 0 or len(text) <= width or "\n" in text or text[at + 1 : at + 4].isdigit():
        return text
    return f"{text[:at]}\n{text[at + 1 :]}"


def write(events: Sequence[tuple[Event, int]], dialect: Dialect, cut: bool = False) -> bytes:
    """One log file: the events of connections that followed one another.

    Parameters
    ----------
    events : in the order they are logged; with each the ms from its raw line to its parsed one (less if the
        next event comes first).
    dialect : how the server writes.
    cut : the last line stands in its raw form only and nothing closes it, as in the white paper.
    """

    @cache
    def stamp(second: int) -> str:
        time = dt.datetime.fromtimestamp(second, dt.UTC)
        return STAMPS[dialect.stamps].format(time, time.hour % 12 or 12)

    arrows = {True: ">>> ", False: "<<< "} if dialect.arrows else {True: "", False: ""}
    blank = dialect.blank + "\n"
    after = {True: "" if dialect.blanks == "none" else blank, False: blank if dialect.blanks == "all" else ""}
    opening, closing = f"{arrows[False]}{dialect.mark}: |", ("\n|\n" if dialect.bars else "\n") + after[False]
    connect = {sent: text.upper() if dialect.capitals else text for sent, text in CONNECT.items()}
    out, raw, echoed = [], False, False
    for (event, delay), (following, _) in zip(events, [*events[1:], *events[-1:]], strict=True):
        time, _, _, kind, sent, echoed, _, text = event
        at, arrow, gap = stamp(time // 1000), arrows[sent], after[sent]
        raw = dialect.raw and not sent and kind not in ("connect", "note")
        if kind == "connect":
            text, arrow, gap = connect[sent].format(text) + "." * dialect.dot, "", after[False]
        elif kind == "reply":
            text = _wrapped(text, dialect.wrap)
        if raw:
            out.append(f"{at}{opening}{text}{closing}")
            at, gap = stamp(min(time + delay, following[0]) // 1000), after["\n" in text]
        if echoed or not raw:
            out.append(f"{at}{arrow}{text}\n{gap}")
    if cut and raw:
        out[-1 - echoed :] = [out[-1 - echoed].removesuffix(closing)]
    return "".join(out).replace("\n", dialect.newline).encode("utf-8", "surrogateescape")
