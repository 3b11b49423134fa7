"""What all figures share: the look, safe text, axes, titles and alternative text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from textwrap import fill
from typing import Any, ParamSpec
from weakref import WeakKeyDictionary

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import pyplot, style
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator, LogLocator, ScalarFormatter

from spamlab import clock
from spamlab.safe import printable, shorten
from spamlab.words import seconds

STYLE = Path(__file__).parent.parent / "spamlab.mplstyle"

# Okabe and Ito (2008), "Color Universal Design"; the names say what they stand for here.
INK, SOFT, GREY, PALE = "#222222", "#555555", "#8c8c8c", "#d4d4d4"
ACCENT, BLUE, GREEN, ORANGE, PURPLE = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7"
GROUPS = (ACCENT, BLUE, GREEN, PURPLE, ORANGE)  # of equal rank, the commonest first
CLASSES = {2: (GREEN, "ok"), 3: (BLUE, "go on"), 4: (ORANGE, "not now"), 5: (ACCENT, "refused")}
PRECISE = 1500  # marks; of more, vector formats hold an image
MANY = 100_000  # rows; of more, those at one place are drawn, and told, as one
CELLS = 500  # places along an axis: a dot is wider than one

P = ParamSpec("P")


# -- one figure: from the first check to the words ------------------------------------------------------


class Nothing(Exception):
    """There is nothing to draw: the sentence that says so."""


def need(something: object, sentence: str) -> None:
    """Go on if there is something to draw; else the figure is a sentence."""
    if not something:
        raise Nothing(sentence)


def figure(draw: Callable[P, Axes]) -> Callable[P, Axes]:
    """Draw in spamlab's style whatever the caller's is, and a sentence where there is nothing to draw."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Axes:
        with style.context(STYLE):  # artists take font and `parse_math` when made
            try:
                ax = draw(*args, **kwargs)
            except Nothing as reason:
                return nothing(str(reason), kwargs.get("ax"))  # type: ignore[arg-type]
            for axis in (ax.xaxis, ax.yaxis):
                if type(axis.get_major_formatter()) is ScalarFormatter:
                    axis.set_major_formatter(Thousands())
            return ax

    return wrapper


class Thousands(ScalarFormatter):
    """Numbers in full, their thousands parted.

    >>> Thousands.parted("-12345.5")
    '-12,345.5'
    """

    def __init__(self) -> None:
        super().__init__(useOffset=False)
        self.set_scientific(False)

    def __call__(self, x: float, pos: int | None = None) -> str:
        """A tick's label."""
        return self.parted(super().__call__(x, pos))

    @staticmethod
    def parted(text: str) -> str:
        """A number's text with commas in its whole part."""
        return re.sub(r"(?<![.\d])\d+", lambda digits: f"{int(digits[0]):,}", text)


def axes(ax: Axes | None, height: float) -> Axes:
    """The caller's Axes, or a new one in a column-wide figure `height` inches tall."""
    return pyplot.subplots(figsize=(6.5, height))[1] if ax is None else ax


def wrap(text: str, inches: float, size: float, weight: str = "normal") -> str:
    """Break a sentence into lines that fit, of about equal length."""
    outline = TextPath((0, 0), text, size, prop=FontProperties(weight=weight))
    width = outline.get_extents().width / 72
    lines = 1 + int(width / inches)
    return fill(text, int(min(len(text) * inches / width, len(text) / lines + 8)))


_DRAWN: WeakKeyDictionary[Axes, pd.DataFrame | None] = WeakKeyDictionary()  # None: there was nothing to draw


def finding(ax: Axes, title: str, detail: str, drawn: pd.DataFrame, stretch: float = 1.08) -> Axes:
    """Say the finding above the plot and how it was got below it; keep both as words, and what was drawn.

    Lines may be `stretch` times as long as the Axes is wide before layout (the layout makes it wider).
    """
    inches = stretch * ax.get_window_extent().width / ax.figure.dpi
    small = wrap(detail, inches, 7.5)
    ax.set_title(wrap(title, inches, 9, "bold"), pad=17 + 10 * small.count("\n"))
    note(ax, small, (0, 1), (0, 5), frame="axes fraction", ha="left", color=SOFT, in_layout=False)
    ax.set_label(f"{title}. {detail}.")
    _DRAWN[ax] = drawn
    return ax


def alt(ax: Axes) -> str:
    """The figure in words, computed from the same data: its finding, how it was got, its axes.

    Parameters
    ----------
    ax : Axes
        What a function of this package gave back.

    Returns
    -------
    str
        Plain text for a reader who does not see the figure.

    Examples
    --------
    >>> alt(nothing("This log has no messages."))
    'This log has no messages.'
    """
    named = [f"{way}: {label}." for way, label in (("Across", ax.get_xlabel()), ("Up", ax.get_ylabel())) if label]
    return " ".join([str(ax.get_label()), *named])


def data(ax: Axes) -> pd.DataFrame | None:
    """What was drawn, after any reduction: the figure's table.

    Parameters
    ----------
    ax : Axes
        What a function of this package gave back.

    Returns
    -------
    DataFrame or None
        None where there was nothing to draw.

    Examples
    --------
    >>> data(nothing("This log has no messages.")) is None
    True
    """
    return _DRAWN.get(ax)


def sentence(ax: Axes) -> str | None:
    """What stands in the place of a figure that has nothing to show; None of one that has.

    Parameters
    ----------
    ax : Axes
        What a function of this package gave back.

    Returns
    -------
    str or None

    Examples
    --------
    >>> sentence(nothing("This log has no messages."))
    'This log has no messages.'
    """
    return str(ax.get_label()) if ax in _DRAWN and _DRAWN[ax] is None else None


def nothing(sentence: str, ax: Axes | None = None) -> Axes:
    """A figure with nothing to show: one sentence that says so."""
    ax = axes(ax, 0.6)
    ax.set_axis_off()
    ax.text(0, 0.5, wrap(sentence, 6.2, 8), va="center", color=SOFT, transform=ax.transAxes)
    ax.set_label(sentence)
    _DRAWN[ax] = None
    return ax


# -- words ---------------------------------------------------------------------------------------------


def note(ax: Axes, text: str, at: tuple[Any, Any], shift: tuple[float, float] = (0, 0), **style: Any) -> None:
    """Write beside a point: `shift` in points; alignment follows from it; ``frame`` names the coordinates."""
    frame = style.pop("frame", "data")
    align = {"ha": ("right", "center", "left")[int(np.sign(shift[0])) + 1], "va": "bottom" if shift[1] else "center"}
    ax.annotate(text, at, shift, frame, "offset points", **{"fontsize": 7.5, **align, **style})


def safe(text: object, width: int = 60) -> str:
    r"""Text of a log as one harmless line: what cannot be printed is escaped, what is long loses its middle.

    Escaped is also what runs from right to left or is not in the font: all from Hebrew on.

    Examples
    --------
    >>> safe("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    >>> safe("somebody.with.a.long.name@mail.example.com", 24)
    'somebody.wit…example.com'
    """
    line = printable(str(text)[: width * 20].replace("\n", " "))
    return shorten("".join(c if c < "\u0590" or c in "–…⋮" else ascii(c)[1:-1] for c in line), width)


def peers(sessions: pd.DataFrame) -> pd.Series:
    """The other side of each session: its name, else its address."""
    return sessions["peer_host"].fillna(sessions["peer_ip"]).fillna("unnamed peer")


# -- axes ----------------------------------------------------------------------------------------------

# Where a logarithmic axis of seconds has ticks: at lengths a person says.
TICKS = [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 180, 600, 1800, 7200, 36_000, 172_800, 864_000]
CLOCK = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"]  # labels of years, months, days, hours, …
STEPS = "1s,2s,5s,10s,30s,1min,2min,5min,10min,30min,1h,3h,6h,12h,1D,7D,30D"


def scale(ax: Axes, which: str, says: Callable[[float], str], low: float, high: float, log: bool = False) -> None:
    """An axis from zero, or a logarithmic one if the values span more than 1:30; its ticks as `says` says them.

    Matplotlib's own labels of a logarithmic axis are TeX, which is off here.
    """
    axis, ends = (ax.xaxis if which == "x" else ax.yaxis), (0.0, 1.12 * high)
    if log or high > 30 * low > 0:
        ends = (low / 1.3, high * 1.3)
        ax.set(**{f"{which}scale": "log"})
        decades = LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,), numticks=9)
        ticks = TICKS if says is seconds else decades.tick_values(*ends)
        ticks = [
            tick for tick in ticks if tick == round(tick) or says(tick) != says(round(tick))
        ]  # none between counts
        axis.set_major_locator(FixedLocator(_apart(ticks, says, ends) if which == "x" else ticks))
        axis.minorticks_off()
    axis.set_major_formatter(lambda value, _: says(abs(value)))
    ax.set(**{f"{which}lim": ends})


LETTER = 0.016  # how much of an axis' width a letter of its labels takes, about


def _apart(ticks: Iterable[float], says: Callable[[float], str], ends: tuple[float, float]) -> list[float]:
    """Those of some ticks on a logarithmic axis whose labels do not touch the one before."""
    kept: list[float] = []
    taken, width = -1.0, np.log(ends[1] / ends[0])
    for tick in (tick for tick in ticks if ends[0] <= tick <= ends[1]):
        at, half = np.log(tick / ends[0]) / width, LETTER * (len(says(tick)) + 1) / 2
        if at - half >= taken:
            kept.append(float(tick))
            taken = at + half
    return kept


def days(times: pd.Series) -> np.ndarray:
    """Times as Matplotlib counts them: days, as floats (UTC)."""
    return np.asarray(mdates.date2num(times.dt.tz_convert("UTC").dt.tz_localize(None)))  # type: ignore[no-untyped-call]


def zone(sources: pd.DataFrame | None) -> tuple[Any, str]:
    """The zone in which the log's times are shown, and its name for an axis."""
    return pd.Timestamp(0, tz=clock.zone(sources)).tzinfo, clock.name(sources)


def clock_axis(ax: Axes, start: pd.Timestamp, end: pd.Timestamp, sources: pd.DataFrame | None) -> None:
    """A time axis in the log's zone; the label names the zone and the day or days."""
    tz, name = zone(sources)
    if start == end and ax.get_autoscalex_on():  # else years around one moment
        second = pd.Timedelta(seconds=1)
        ax.set_xlim(*days(pd.Series([start - second, end + second])))
    low, high = ax.get_xlim()
    ticks: mdates.RRuleLocator | mdates.AutoDateLocator
    if high - low < 6 / 86_400:  # else one label, several times
        ticks = mdates.SecondLocator(tz=tz)  # type: ignore[no-untyped-call]
    else:
        ticks = mdates.AutoDateLocator(tz=tz, minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(ticks)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ticks, tz, CLOCK, show_offset=False))  # type: ignore[no-untyped-call]
    on, to = (f"{t.tz_convert(tz):%Y-%m-%d}" for t in (start, end))
    ax.set_xlabel(f"time on {on} ({name})" if on == to else f"time, {on} to {to} ({name})")


def when(begin: pd.Timestamp, width: pd.Timedelta, dated: bool = True) -> str:
    """Say in which interval of that width something is most; without its day where all is on one.

    Examples
    --------
    >>> when(pd.Timestamp("2026-03-02 09:00"), pd.Timedelta("1h")), when(pd.Timestamp("2026-03-02"), pd.Timedelta("7D"))
    ('on 2026-03-02 at 09:00', 'in the 7 d from 2026-03-02')
    >>> when(pd.Timestamp("2026-03-02 12:00"), pd.Timedelta("6h"))
    'in the 6 h from 2026-03-02 12:00'
    """
    day = f"on {begin:%Y-%m-%d} "
    if width > pd.Timedelta("1h"):
        whole = f"{begin:%H%M%S}" == "000000" and width >= pd.Timedelta("1D")
        if whole and width == pd.Timedelta("1D"):
            return day.strip()
        shown = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M" if dated else "%H:%M"
        return f"in the {seconds(width.total_seconds())} from {begin:{shown}}"
    return f"{day if dated else ''}at {begin:{'%H:%M:%S' if width < pd.Timedelta('1min') else '%H:%M'}}"


def bins(first: pd.Timestamp, last: pd.Timestamp, most: int = 130) -> tuple[pd.Series, pd.Timedelta]:
    """Edges of at most `most` equal intervals of a round length, and that length.

    Examples
    --------
    >>> bins(pd.Timestamp("2003-11-11 13:59", tz="UTC"), pd.Timestamp("2003-11-11 17:00", tz="UTC"))[1]
    Timedelta('0 days 00:02:00')
    """
    steps = [pd.Timedelta(step) for step in STEPS.split(",")]
    width = next((step for step in steps if (last - first) / step < most - 1), (last - first) / (most - 2))
    edges = pd.date_range(first.floor(width), last + width, freq=width, unit="us")
    return pd.Series(edges), width


def counted(frame: pd.DataFrame) -> pd.DataFrame:
    """Of more than ``MANY`` rows equal ones as one, with their number ``n``: marks at one place are drawn once."""
    if len(frame) <= MANY:
        return frame
    return frame.groupby(list(frame.columns), observed=True, sort=False, dropna=False).size().reset_index(name="n")


def cell(values: np.ndarray) -> np.ndarray:
    """The values, each moved to the nearest of ``CELLS`` places between the least and the most."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return values
    if high > 30 * low > 0:  # the axis is logarithmic
        return np.asarray(np.exp(cell(np.log(values))))
    step = (high - low) / CELLS
    return np.asarray(low + step * np.round((values - low) / step))


def thin(frame: pd.DataFrame, most: int = 300) -> pd.DataFrame:
    """At most so many rows of a sorted table, evenly spaced, both ends among them."""
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, min(most, len(frame))).astype(int))]
