"""Traffic as an admin reads it: mail in time, top lists, reasons, delays, clients (notebook 06)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath

from spamlab.plots import _look as look
from spamlab.plots._rows import rows
from spamlab.traffic import FAILED, SAYS, STATES, TAKEN, share, spoken
from spamlab.words import count, octets, per, seconds

COLORS = {"received": look.BLUE, "delivered": look.GREEN, "accepted": look.GREEN, "deferred": look.ORANGE}
FOREVER = [state for state in FAILED if state != "deferred"]
UNSTATED = {"outcome": "how long messages were in its server's hands", "part": "where deliveries spent their time"}
SPANS = {"outcome": "from a message's first mention in the log to its last", "part": "time spent in that part"}
FEW = 20  # of fewer an end of the distribution says nothing
# What is drawn in a row: column, name, colour, shape.
Series = tuple[str, str, str, str]
LATE: list[Series] = [("deferred", "put off", look.ORANGE, "^"), ("failed", "refused or failed", look.ACCENT, "x")]
LEADS = {"sender": ("sends", "send"), "client": ("brings", "bring"), "recipient": ("gets", "get"),
         "domain": ("gets", "get"), "relay": ("takes", "take")}  # fmt: skip


def _rows(names: Iterable[object], asides: Iterable[str], ax: Axes | None) -> tuple[Axes, float]:
    """Rows below a line for the legend; and how far lines above may run, which start where the names end."""
    named, wide, most = list(names), 9.0, 42
    while wide > 2.4:  # inches
        most -= 6
        labels = [look.safe(name, most) for name in named]
        wide = max(float(TextPath((0, 0), label or "-", 7.5).get_extents().width) / 72 for label in labels)
    ax = rows(look.axes(ax, 1.3 + 0.29 * len(labels)), labels, asides)
    ax.set_ylim(len(labels) - 0.5, -1.2)
    return ax, 1.25 - wide * ax.figure.dpi / ax.get_window_extent().width


def _said(state: object) -> str:
    return SAYS.get(str(state), str(state)).replace("_", " ")


def _of(number: float, total: float) -> str:
    return f"{number:,} of {total:,} ({share(number / total)})"


def _leader(values: pd.Series, verbs: tuple[str, str], noun: str) -> str:
    """Who has most of something, and how much of all that is."""
    most, total = int(values.max()), int(values.sum())
    first = values.index[values == most]
    if len(first) > 1:
        return f"{count(len(first), str(values.index.name))} {verbs[1]} the most {noun}: {most:,} of {total:,} each"
    return f"{look.safe(first[0], 36)} {verbs[0]} {'all' if most == total else 'the most'} {noun}: {_of(most, total)}"


def _within(time: float) -> str:
    return f"within {seconds(time)}" if time > 0 else "in no measurable time"


def _first(drawn: pd.DataFrame, ranked: pd.DataFrame, what: str) -> str:
    return (f"The first {len(drawn):,} of " if len(drawn) < len(ranked) else "") + count(len(ranked), what)


def _legend(ax: Axes) -> None:
    ax.legend(loc="center left", bbox_to_anchor=(-0.01, 1 - 0.5 / (1.2 + ax.get_ylim()[0])), ncols=4, columnspacing=1)


def _counts(ax: Axes, low: float, high: float) -> None:
    look.scale(ax, "x", "{:,.0f}".format, low, high)
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", integer=True)


def _dots(ax: Axes, drawn: pd.DataFrame, series: list[Series]) -> None:
    """A dot plot: in each row a mark for each column, all on one axis of counts."""
    series = [one for one in series if drawn[one[0]].any()]
    values = drawn[[one[0] for one in series]].to_numpy(dtype=float)
    _counts(ax, float(values[values > 0].min()), float(values.max()))
    ax.hlines(range(len(drawn)), ax.get_xlim()[0], values.max(axis=1), color=look.PALE, linewidth=0.8, zorder=1)
    for column, name, color, shape in series:
        there = np.flatnonzero(drawn[column] > 0)
        (marks,) = ax.plot(drawn[column].iloc[there], there, shape, color=color, label=name, clip_on=False)
        marks.set(markersize=10 if shape == "|" else 5, markeredgewidth=1.5)
    _legend(ax)


def _width(begin: pd.Series) -> pd.Timedelta:
    """How long most intervals are, by the clock where they are longer than the hour that it can be put back."""
    lasts, shown = (each.diff().mode().iloc[0] for each in (begin, begin.dt.tz_localize(None)))
    return pd.Timedelta(shown if lasts > pd.Timedelta("1h") else lasts)


@look.figure
def mail(counts: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Mail in time: a row for each state that occurs, all on one time axis and one scale of counts from zero.

    Parameters
    ----------
    counts : DataFrame
        Of `traffic.by_time` (or `by_hour`, `by_day`).
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A row whose peak would be lower than a tenth of the highest is drawn 10, 100, … times as tall, and says so.
    """
    totals = counts[list(STATES)].sum()
    totals = totals[totals > 0]
    look.need(len(totals), "This log holds no mail with a time: nothing was received, delivered, put off or refused.")
    begin, shown = counts.index.to_series(), counts[totals.index]
    width = _width(begin) if len(begin) > 1 else pd.Timedelta(seconds=1)
    marks = np.append(look.days(begin), look.days(begin.tail(1) + width))
    each, peaks = per(width.total_seconds()), shown.max()
    zoom = 10 ** np.floor(np.log10(peaks.max() / peaks)).astype(int)
    said, names = [], [str(state) for state in totals.index]
    for state, n in zip(names, totals, strict=True):
        known = counts[f"octets_{state}"].sum() if f"octets_{state}" in counts else 0
        size = f" ({octets(known)})" if known else ""
        most = f"\nup to {peaks[state]:,} {each}" + (f", drawn ×{zoom[state]:,}" if zoom[state] > 1 else "")
        said.append(f"{n:,}{size}" + (most if len(begin) > 1 else ""))
    ax = rows(look.axes(ax, 1.0 + 0.5 * len(totals)), map(_said, names), said)
    for row, state in enumerate(names):
        top = row - 0.8 * zoom[state] / peaks.max() * shown[state].to_numpy()
        ax.stairs(top, marks, baseline=row, fill=True, color=COLORS.get(state, look.ACCENT))
    ax.grid(axis="y")
    ax.set_xlim(marks[0], marks[-1])
    look.clock_axis(ax, begin.iloc[0], begin.iloc[-1], sources)
    came, tried = int(totals.get("received", 0)), totals.drop("received", errors="ignore")
    busy = str((tried if len(tried) else totals).idxmax())
    parts = [f"{count(came, 'message')} came in"] if came else []
    if len(tried):
        whole = int(tried.sum())
        parts.append(f"{_of(tried[busy], whole)} attempt{'s' * (whole > 1)} {_said(busy)}")
    if len(begin) > 1 < peaks[busy]:
        top, days = begin.iloc[int(shown[busy].to_numpy().argmax())], begin.dt.date
        parts[-1] += f", most {look.when(top, width, days.iloc[0] != days.iloc[-1])}"
    absent = [_said(state) for state in STATES if state not in totals]
    detail = "Messages that came in; attempts to hand one to a recipient, by what became of them"
    detail += f"; none here: {', '.join(absent)}" if absent else ""
    return look.finding(ax, "; ".join(parts), detail, shown.reset_index(), 1.04)


@look.figure
def top(counts: pd.DataFrame, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """The first of a ranking as a dot plot: what went through, what was put off, what failed; the octets beside.

    Parameters
    ----------
    counts : DataFrame
        Of `traffic.top_senders`, `top_recipients`, `by_host` or `by_domain`, all rows (``n=None``): the title compares.
    most : int
        Rows to draw.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row an address, host or domain.
    """
    what = str(counts.index.name)
    look.need(len(counts), f"This log names no {what} of mail that was taken: there is nothing to rank.")
    came = bool(counts.get("received", pd.Series()).sum())  # else what the recipients' fates tell
    sums = {"good": ["received"] if came else TAKEN, "failed": FOREVER}
    ranked = counts.assign(**{name: counts[states].sum(axis=1) for name, states in sums.items()})
    drawn = ranked.head(most)
    size = drawn["octets_received" if came else "octets_delivered"]
    look.need(drawn[["good", "deferred", "failed"]].to_numpy().any(), f"No mail of any {what} has a known fate.")
    good: Series = ("good", "came in" if came else "delivered or accepted", look.BLUE if came else look.GREEN, "o")
    ax, room = _rows(drawn.index, [octets(n) if n else "" for n in size], ax)
    _dots(ax, drawn, [good, *LATE])
    ax.set_xlabel("messages that came in; recipients put off, refused or failed" if came else "recipients")
    bad, worst = int(ranked["failed"].sum()), int(ranked["failed"].max())
    title = f"Nothing {'came in' if came else 'was delivered'}"
    if ranked["good"].any():
        title = _leader(ranked["good"], LEADS[what], "mail")
    if bad and (len(ranked) == 1 or not ranked["good"].any()):
        title += f"; {bad:,} refused or failed"
    elif worst > bad / 10 and ranked["failed"].eq(worst).sum() == 1:
        title += f"; refused or failed most: {look.safe(ranked['failed'].idxmax(), 36)}, {worst:,} of {bad:,}"
    detail = _first(drawn, counts, what)
    detail += f"; beside: size of what {'came in' if came else 'was delivered'}" if size.any() else ""
    return look.finding(ax, title, detail, drawn.reset_index(), room)


@look.figure
def reasons(reasons: pd.DataFrame, *, most: int = 12, ax: Axes | None = None) -> Axes:
    """Why mail was refused, put off or failed: sorted bars, above each what happened, its code and its text.

    Parameters
    ----------
    reasons : DataFrame
        Of `traffic.reasons`, all rows.
    most : int
        Reasons to draw.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Orange: for now (put off); red: for good, or refused at the door.
    """
    look.need(len(reasons), "Nothing in this log was refused, put off, bounced or given up: no reason to show.")
    total, drawn = int(reasons["count"].sum()), reasons.head(most)
    ax = rows(ax, [""] * max(len(drawn), 3))  # tall enough for a text above each bar
    colors = [look.ORANGE if status == "deferred" else look.ACCENT for status in drawn["status"]]
    bars = ax.barh(np.arange(len(drawn)) + 0.22, drawn["count"], 0.3, color=colors)
    ax.bar_label(bars, [f"{n:,}" for n in drawn["count"]], padding=3, fontsize=7.5)
    texts = spoken(drawn)
    for row, (status, text) in enumerate(zip(drawn["status"], texts, strict=True)):
        said = f"{SAYS[status]}: {look.safe(text, 84)}"
        look.note(ax, said, (0, row - 0.13), (1, 0), ha="left", frame=("axes fraction", "data"))
    _counts(ax, 0, float(drawn["count"].max()))
    ax.set_yticks([])
    ax.set(ylim=(len(drawn) - 0.4, -0.6), xlabel="times")
    title = f"The commonest obstacle, {_of(drawn['count'].iloc[0], total)}: {look.safe(texts.iloc[0], 90)}"
    detail = f"{_first(drawn, reasons, 'reason')}; … stands for what varies"
    return look.finding(ax, title, detail, drawn)


@look.figure
def delays(delays: pd.DataFrame, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """How long mail took: a strip from the median to p99 for each destination, part or outcome, on a log axis.

    Parameters
    ----------
    delays : DataFrame
        Of `traffic.delays`, `traffic.delay_parts` or `traffic.waits`.
    most : int
        Rows to draw.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Dot: median; thick line to p95; thin line to p99. What took under the axis' first value stands at its edge.
    """
    what = str(delays.index.name)
    look.need(len(delays), f"This log does not state {UNSTATED.get(what, 'how long deliveries took')}.")
    drawn = delays.head(most)
    values = drawn[["median", "p95", "p99"]].to_numpy()
    low = max(0.001, float(values[values > 0].min(initial=1)))
    ax, room = _rows(map(_said, drawn.index), [f"n = {n:,}" for n in drawn["n"]], ax)
    look.scale(ax, "x", seconds, low, max(float(values.max()), 30 * low), log=True)
    ticks = [tick for tick in look.TICKS if ax.get_xlim()[0] < tick < ax.get_xlim()[1]]
    ax.set_xticks(ticks[:: 1 + len(ticks) // 8])
    half, p95, p99 = values.clip(ax.get_xlim()[0]).T
    row = np.arange(len(drawn))
    ax.hlines(row, half, p99, color=look.GREY, linewidth=1)
    ax.hlines(row, half, p95, color=look.BLUE, linewidth=4, alpha=0.5)
    for at, name, shape, size, color in ((half, "half", "o", 5, look.BLUE), (p95, "95%", "|", 10, look.BLUE),
                                         (p99, "99%", "|", 6, look.GREY)):  # fmt: skip
        (marks,) = ax.plot(at, row, shape, color=color, markersize=size, label=f"{name} within", clip_on=False)
        marks.set_markeredgewidth(1.5)
    _legend(ax)
    ax.set_xlabel(SPANS.get(what, "from arrival to delivery"))
    known: Any = drawn[drawn["n"] >= FEW]
    if len(known):
        slow = known.loc[known["p95"].idxmax()]
        title = f"{'Slowest: ' * (len(known) > 1)}{look.safe(_said(slow.name), 45)}, half {_within(slow['median'])}"
        title += f", 5% over {seconds(slow['p95'])}" if slow["p95"] > 0 else ""
        title += f", 1% over {seconds(slow['p99'])}" if slow["n"] >= 100 and slow["p99"] > 0 else ""
    else:
        title = f"Too few to say which is slowest: no {what} has n ≥ {FEW}"
        if len(drawn) == 1:
            only = drawn.iloc[0]
            title = f"{look.safe(_said(only.name), 45)}, n = {only['n']:,.0f}: half {_within(only['median'])}"
    detail = f"{_first(drawn, delays, what)}; n < {FEW} is not compared; of n < 100 the 99% are nearly the longest"
    return look.finding(ax, title, detail, drawn.reset_index(), room)


@look.figure
def clients(clients: pd.DataFrame, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """Who connects: connections, mail transactions and connections without a QUIT of the busiest clients.

    Parameters
    ----------
    clients : DataFrame
        Of `traffic.clients`, all rows.
    most : int
        Clients to draw.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a client, its commands beside.
    """
    look.need(len(clients), "This log names no client that connected to the server: there is nothing to rank.")
    drawn, total = clients.head(most), clients["connections"].sum()
    series: list[Series] = [("connections", "connections", look.INK, "|"),
                            ("transactions", "mails begun", look.BLUE, "o"),
                            ("dropped", "ended without QUIT", look.ACCENT, "x")]  # fmt: skip
    ax, room = _rows(drawn.index, [count(n, "command") if n else "" for n in drawn["commands"]], ax)
    _dots(ax, drawn, series)
    ax.set_xlabel("count")
    title = _leader(clients["connections"], ("makes", "make"), "connections")
    idle = int((clients["transactions"] == 0).sum())
    verb = "begins" if idle == 1 else "begin"
    title += f"; {idle:,} of {count(len(clients), 'client')} {verb} no mail" if idle else ""
    ended = share(clients["dropped"].sum() / total)
    detail = f"{_first(drawn, clients, 'client')}; of all connections {ended} ended without QUIT"
    return look.finding(ax, title, detail, drawn.reset_index(), room)
