"""What all figures share: the look, safe text, units, axes, titles and alternative text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import font_manager, pyplot, style
from matplotlib.axes import Axes
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator

from spamlab.safe import printable, shorten

STYLE = Path(__file__).parent.parent / "spamlab.mplstyle"

# Okabe and Ito (2008), "Color Universal Design"; the names say what they stand for here.
INK, SOFT, GREY, PALE = "#222222", "#555555", "#8c8c8c", "#d4d4d4"
ACCENT, BLUE, GREEN, ORANGE, PURPLE, SKY = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
CLASSES = {2: (GREEN, "ok"), 3: (BLUE, "go on"), 4: (ORANGE, "not now"), 5: (ACCENT, "refused")}

P = ParamSpec("P")
R = TypeVar("R")
Style = dict[str, Any]  # keyword arguments of artists


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Draw in spamlab's style whatever the caller's is: artists take font and ``parse_math`` when made."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with style.context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def axes(ax: Axes | None, height: float = 3.2) -> Axes:
    """The caller's Axes, or a new one in a column-wide figure `height` inches tall."""
    return pyplot.subplots(figsize=(6.5, height))[1] if ax is None else ax


@cache
def _width(text: str, size: float, weight: str) -> float:
    """Width of a line in inches, from the font's own metrics."""
    font = font_manager.FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return float(TextToPath().get_text_width_height_descent(text, font, False)[0]) / 72


def wrap(text: str, inches: float, size: float, weight: str = "normal") -> list[str]:
    """Break a sentence into lines that fit."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        lines[-1:] = [longer] if _width(longer, size, weight) <= inches or not lines else [*lines[-1:], word]
    return lines


_DRAWN: WeakKeyDictionary[Axes, pd.DataFrame] = WeakKeyDictionary()


def finding(ax: Axes, title: str, detail: str, drawn: pd.DataFrame, stretch: float = 1.12) -> None:
    """Say the finding above the plot, how it was got below it; keep both as words, and what was drawn.

    Lines may be `stretch` times as long as the Axes is wide before layout (the layout makes it wider).
    """
    figure = ax.get_figure(root=True)
    inches = ax.get_position().width * stretch * (figure.get_figwidth() if figure else 6.5)
    small = wrap(detail, inches, 7.5)
    ax.set_title("\n".join(wrap(title, inches, 9, "bold")), pad=7 + 10 * len(small))
    if small:
        note(ax, "\n".join(small), (0, 1), (0, 5), frame="axes fraction", ha="left", color=SOFT)
    ax.set_label(" ".join(f"{part.rstrip('.')}." for part in (title, detail) if part))
    _DRAWN[ax] = drawn


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


def days(times: pd.Series) -> np.ndarray:
    """Times as Matplotlib counts them: days, as floats (UTC)."""
    return np.asarray(mdates.date2num(times.dt.tz_convert("UTC").dt.tz_localize(None)))  # type: ignore[no-untyped-call]


def note(ax: Axes, text: str, at: tuple[Any, Any], shift: tuple[float, float] = (0, 0), **style: Any) -> None:
    """Write beside a point: `shift` in points; alignment follows from it; ``frame`` names the coordinates."""
    frame = style.pop("frame", "data")
    align = {"ha": ("right", "center", "left")[int(np.sign(shift[0])) + 1], "va": "bottom" if shift[1] else "center"}
    ax.annotate(text, at, shift, frame, "offset points", **{"fontsize": 7.5, **align, **style})


@styled
def nothing(sentence: str, ax: Axes | None = None) -> Axes:
    """A figure with nothing to show: one sentence that says so."""
    ax = axes(ax, 0.6)
    ax.set_axis_off()
    ax.text(0, 0.5, "\n".join(wrap(sentence, 6.2, 8)), va="center", color=SOFT, transform=ax.transAxes)
    ax.set_label(sentence)
    return ax


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())


def safe(text: object, width: int = 60, *, middle: bool = True) -> str:
    r"""Text of a log as one harmless line: what cannot be printed is escaped, what is long is cut.

    Examples
    --------
    >>> safe("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    >>> safe("somebody.with.a.long.name@mail.example.com", 24)
    'somebody.wit…example.com'
    """
    line = printable(str(text)[: width * 20].replace("\n", " "))
    line = "".join(c if ord(c) in _glyphs() else ascii(c)[1:-1] for c in line)
    return shorten(line, width) if middle or len(line) <= width else f"{line[: width - 1]}…"


def octets(n: float) -> str:
    """Octets: whole below 10,000, above in kB, MB, GB (powers of ten) with three digits.

    Examples
    --------
    >>> octets(2171), octets(17_329), octets(2.5e9)
    ('2,171 B', '17.3 kB', '2.5 GB')
    """
    return f"{n:,.0f} B" if abs(n) < 10_000 else _tick(n, 3)


def _tick(n: float, digits: int = 4) -> str:
    unit = min(max(int(np.log10(abs(n)) // 3), 0), 4) if n else 0
    return f"{float(f'{n / 1000**unit:.{digits}g}'):g} {('B', 'kB', 'MB', 'GB', 'TB')[unit]}"


def seconds(s: float) -> str:
    """A duration as a person says it.

    Examples
    --------
    >>> seconds(0.571), seconds(64), seconds(200), seconds(7500), seconds(200_000)
    ('0.571 s', '64 s', '3 min 20 s', '2 h 5 min', '2 d 7 h')
    """
    if s < 120:
        return f"{float(f'{s:.3g}'):g} s"
    for size, big, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if s >= size:
            rest = int(s % size // part)
            return f"{int(s // size)} {big}" + (f" {rest} {small}" if rest else "")
    raise AssertionError


def lasting(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """The time between two stamps in words; equal stamps still allow a moment."""
    return length((end - start).total_seconds())


def length(s: float) -> str:
    """A logged length in words: one of zero seconds is not nothing."""
    return seconds(s) if s > 0 else "under 1 s"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "session"), count(12_000, "reply", "replies")
    ('1 session', '12,000 replies')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def zone(sources: pd.DataFrame | None) -> tuple[tzinfo, str]:
    """The log's own time zone and its name for an axis, with the word *assumed* where the log states none."""
    named = sorted(set(sources["tz_assumed"].dropna())) if sources is not None else []
    name = named[0] if len(named) == 1 else "UTC"
    tz = pd.Timestamp(0, tz=name).tzinfo
    assert tz is not None
    return tz, f"{name}, assumed" if len(named) == 1 else name


def clock_axis(ax: Axes, start: pd.Timestamp, end: pd.Timestamp, sources: pd.DataFrame | None) -> None:
    """A time axis in the log's zone; the label names the zone and the day or days."""
    tz, name = zone(sources)
    if start == end:
        moment = float(days(pd.Series([start]))[0])
        ax.set_xlim(moment - 2 / 86400, moment + 2 / 86400)
    span = (end - start).total_seconds()
    forms = ((900, "%H:%M:%S"), (100_000, "%H:%M"), (300_000, "%m-%d %H:%M"), (np.inf, "%Y-%m-%d"))
    form = next(form for most, form in forms if span < most)
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(tz=tz, minticks=3, maxticks=7))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(mdates.DateFormatter(form, tz=tz))  # type: ignore[no-untyped-call]
    on, to = (f"{t.tz_convert(tz):%Y-%m-%d}" for t in (start, end))
    ax.set_xlabel(f"time on {on} ({name})" if on == to else f"time, {on} to {to} ({name})")


def octet_axis(ax: Axes, which: str = "x", *, both_sides: bool = False) -> None:
    """Tick labels in B, kB, MB; with `both_sides` the sign only says the side."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda n, _: _tick(abs(n) if both_sides else n)))


COARSE = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000]
FINE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 7200, 18_000, 36_000, 86_400]
STEPS = "1s,2s,5s,10s,30s,1min,2min,5min,10min,30min,1h,3h,6h,12h,1D,7D,30D"


def log_axis(ax: Axes, which: str, unit: str, low: float, high: float) -> None:
    """A logarithmic axis in `unit` (B, s or none) with plain numbers: Matplotlib's are TeX, which is off."""
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    says: dict[str, Callable[[float], str]] = {"B": _tick, "s": seconds, "": "{:,.0f}".format}
    short = high < 300 * low
    if unit == "s":
        axis.set_major_locator(FixedLocator(FINE if short and low >= 0.1 else COARSE))
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,), numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda n, _: says[unit](n)))
    axis.set_minor_locator(FixedLocator([]))


def bins(first: pd.Timestamp, last: pd.Timestamp, most: int = 130) -> tuple[pd.Series, str]:
    """Edges of at most `most` equal intervals of a round length, and that length in words.

    Examples
    --------
    >>> bins(pd.Timestamp("2003-11-11 13:59", tz="UTC"), pd.Timestamp("2003-11-11 17:00", tz="UTC"))[1]
    '2 min'
    """
    fits = [step for step in STEPS.split(",") if (last - first) / pd.Timedelta(step) < most - 1]
    width = pd.Timedelta(fits[0]) if fits else (last - first) / (most - 2)
    begin = first.floor(width) if fits else first
    edges = pd.Series(pd.date_range(begin, periods=int((last - begin) / width) + 2, freq=width, unit="us"))
    words = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
    return edges, words.get(int(width.total_seconds()), seconds(width.total_seconds()))


def tally(times: pd.Series, edges: pd.Series, weights: pd.Series | None = None) -> np.ndarray:
    """How many of `times` fall between the edges of `bins`."""
    stamps, marks = (one.astype("datetime64[us, UTC]").astype("int64").to_numpy() for one in (times, edges))
    return np.asarray(np.histogram(stamps, marks, weights=weights)[0])


def commonest(values: pd.Series, most: int) -> list[str]:
    """The `most` commonest values of a text column, commonest first; ties in order of the text."""
    counts = values.dropna().astype("str").value_counts().rename("n").rename_axis("value").reset_index()
    return list(counts.sort_values(["n", "value"], ascending=[False, True])["value"].head(most))
