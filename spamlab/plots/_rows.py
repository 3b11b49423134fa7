"""One below the other: rows with bars, counts or lengths across, and the dialogue as a ladder (notebooks 01, 05)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab import words
from spamlab.contents import FEW
from spamlab.plots import _look as look

NO_NDR = "This log holds no attempt to deliver a non-delivery report (NDR): there is no cost to show."

# Of the ladder
LEFT, RIGHT = 0.485, 0.6  # the two rails, in widths of the Axes
KEPT = ["session", "time", "direction", "kind", "verb", "code", "text", "line"]
ASIDE = ("note", "connect", "disconnect")
WHOLE = {"command": "", "reply": "replies"}
SPOKEN = ("command", "auth", "data", "reply", *ASIDE)
SPENT = 36.0  # points that the word takes
HEAD = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "linewidth": 0.9, "shrinkA": 1, "shrinkB": 1}


def rows(ax: Axes | None, names: Iterable[object], asides: Iterable[str] = ()) -> Axes:
    """Axes with a row for each of some things, row n at the height n from the top: its name, what is said aside."""
    labels = [look.safe(name, 45) for name in names]
    ax = look.axes(ax, 1.1 + 0.29 * len(labels))
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -1)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", pad=6)  # a mark at the axis' beginning touches no name
    for row, aside in enumerate(asides):
        look.note(ax, aside, (1, row), (4, 0), frame=("axes fraction", "data"))
    return ax


@look.figure
def sessions(sessions: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """The sessions as bars on a time axis; more than 30 of them as sessions begun in each interval.

    Parameters
    ----------
    sessions : DataFrame
        Of `contents.sessions`, or the Log's.
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One bar a session, or one outline of counts.
    """
    timed = sessions.dropna(subset=["start"]).sort_values("start", kind="stable")
    look.need(len(timed), "This log states no times (or holds no session): there is no time axis to draw.")
    first, last = timed["start"].min(), timed["end"].max()
    title = f"{words.count(len(timed), 'session')} in {words.lasting((last - first).total_seconds())}"
    if len(timed) > FEW:
        edges, width = look.bins(first, last)
        per = words.per(width.total_seconds())
        n, marks = np.histogram(look.days(timed["start"]), look.days(edges))
        peak = int(n.argmax())
        ax = look.axes(ax, 2.4)
        ax.stairs(n, marks, fill=True, color=look.PALE)
        ax.stairs(n[peak : peak + 1], marks[peak : peak + 2], fill=True, color=look.ACCENT)
        ax.set_ylabel(f"sessions begun {per}")
        title += f"; most {look.when(edges[peak].tz_convert(look.zone(sources)[0]), width)}, {n[peak]:,} {per}"
        detail = f"Median over the whole span: {np.median(n):,.0f} {per}"
        drawn = pd.DataFrame({"begin": edges[:-1], "sessions": n})
    else:
        drawn, took = timed, (timed["end"] - timed["start"]).dt.total_seconds()
        way = timed["role"].map({"client": " to ", "server": " from "}).astype("str")
        said = took.map(words.lasting) + ", " + timed["commands"].map(lambda n: words.count(n, "command"))
        ax = rows(ax, timed["session"].astype("str") + way + look.peers(timed), said)
        row, begin, end = range(len(timed)), look.days(timed["start"]), look.days(timed["end"])
        ax.plot(begin, row, "s", color=look.BLUE)  # a session of no logged length is seen too
        ax.hlines(row, begin, end, color=look.BLUE, linewidth=4)
        title += f": the longest takes {words.lasting(took.max())}" if len(timed) > 1 else ""
        detail = "From the first to the last logged event of each"
    look.clock_axis(ax, first, last, sources)
    return look.finding(ax, title, detail, drawn)


@look.figure
def codes(told: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """The twelve commonest reply codes in time: a row each, counts per interval as bars, each row to its own height.

    Parameters
    ----------
    told : DataFrame
        Of `contents.codes`.
    sources : DataFrame, optional
        The Log's sources, for the time zone and the resolution of the stamps.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One outline a code, its total at the right.
    """
    look.need(len(told), "This log holds no reply code with a time: there is nothing to lay out in time.")
    edges, width = look.bins(told["time"].min(), told["time"].max())
    per = words.per(width.total_seconds())
    marks = look.days(edges)
    interval = np.searchsorted(marks, look.days(told["time"]), "right") - 1
    counts = told.groupby(["code", interval])["repeats"].sum().unstack(fill_value=0)
    counts = counts.reindex(columns=range(len(edges) - 1), fill_value=0).set_axis(edges[:-1].rename("begin"), axis=1)
    totals = counts.sum(axis=1).sort_values(ascending=False, kind="stable")
    shown = counts.loc[totals.index[:12]].sort_index()
    kinds = [look.CLASSES.get(code // 100, (look.GREY, "")) for code in shown.index]
    said = [f"{n.sum():,}, up to {n.max():,} {per}" for n in shown.to_numpy()]
    ax = rows(ax, [f"{code} {word}" for code, (_, word) in zip(shown.index, kinds, strict=True)], said)
    for row, (n, (color, _)) in enumerate(zip(shown.to_numpy(), kinds, strict=True)):
        ax.stairs(row - 0.8 * n / n.max(), marks, baseline=row, fill=True, color=color)
    ax.grid(axis="y")
    look.clock_axis(ax, edges.iloc[0], told["time"].max(), sources)
    bad = totals[totals.index >= 400]
    title = f"{bad.sum():,} of {words.count(int(totals.sum()), 'reply', 'replies')} "
    title += "refuses or defers" if bad.sum() == 1 else "refuse or defer"
    title += f": {bad.index[0]} most often" if len(bad) else ""
    detail = f"Replies {per} by code, each counted once; every row to its own height"
    return look.finding(ax, title, detail, shown.reset_index().melt("code", value_name="replies"))


@look.figure
def spans(
    lengths: pd.DataFrame, *, claimed: float | None = None, whose: str = "the claim", ax: Axes | None = None
) -> Axes:
    """How long the log and its complete sessions last, beside a length that someone claims.

    Parameters
    ----------
    lengths : DataFrame
        Of `summary.lengths`.
    claimed : float, optional
        The length to compare with, in seconds; by default none.
    whose : str
        Where the claim stands.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A session is complete if it is logged from its connect line to its QUIT. Its length is that between two
        stamps; one that comes within a second of the claim agrees with it.
    """
    look.need(len(lengths), "This log states no times: nothing in it has a length to compare.")
    span, took = float(lengths["seconds"].iloc[0]), lengths["seconds"].iloc[1:]
    drawn = look.counted(lengths)
    ax = rows(ax, ["all of the log", f"complete sessions ({len(took):,})"][: 1 + (len(took) > 0)])
    row = drawn["what"].ne("log").astype(int)
    far = max(span, lengths["seconds"].max(), claimed or 0.0)
    begin = 1.0 if far > (1000 if claimed is None else 30 * claimed) else 0.0  # of a logarithmic axis, which has no 0
    at = drawn["seconds"].clip(lower=begin)
    ax.plot(at, row, "o", color=look.BLUE, alpha=0.5, rasterized=len(drawn) > look.PRECISE, clip_on=False)
    for x, y in zip(drawn["seconds"], row, strict=True) if len(drawn) < 6 else [(span, 0)]:
        look.note(ax, words.lasting(x), (x, y), (0, 5), ha="center" if x > 0 else "left")
    ax.set_xlabel("length" + (" (what is under 1 s stands at 1 s)" if at.ne(drawn["seconds"]).any() else ""))
    if claimed is None:
        look.scale(ax, "x", words.seconds, begin, far or 1.0)
        title = f"The log lasts {words.lasting(span)}"
        if len(took):
            each = "its complete session" if len(took) == 1 else f"half of its {len(took):,} complete sessions"
            upto = " up to" if len(took) > 1 and took.median() > 0 else ""
            title += f", {each}{upto} {words.lasting(took.median())}"
        return look.finding(ax, title, "Complete: logged from its connect line to its QUIT", drawn, 0.95)
    ax.axvline(claimed, color=look.ACCENT, linewidth=1.2, linestyle="--")
    look.note(ax, f"{whose}: {words.seconds(claimed)}", (claimed, -0.7), (3, 0), color=look.ACCENT, weight="bold")
    look.scale(ax, "x", words.seconds, begin, far)
    claim = f"the {words.seconds(claimed)} of {whose}"
    if hits := int((np.abs(lengths["seconds"] - claimed) <= 1).sum()):
        title = f"{hits:,} of {words.count(len(lengths), 'length')} agree with {claim}"
    elif len(took):
        sole = "its complete session" if len(took) == 1 else "the longest of its complete sessions"
        title = f"Neither the log ({words.lasting(span)}) nor {sole} ({words.lasting(took.max())}) lasts {claim}"
    else:
        title = f"The log lasts {words.lasting(span)}, not {claim}"
    detail = "Complete: logged from its connect line to its QUIT; agreeing: within a second"
    return look.finding(ax, title, detail, drawn, 0.95)


@look.figure
def octets(parts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """SMTP octets of all NDR attempts by part of the dialogue, out and in mirrored about zero.

    Parameters
    ----------
    parts : DataFrame
        Of `backscatter.parts`: index ``transaction`` and ``part``, columns ``out`` and ``in`` in octets.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One row a part that occurs, in the order of the dialogue; the costliest in colour.
    """
    sums = parts.groupby(level="part", sort=False, observed=True)[["out", "in"]].sum()
    sums = sums[sums.sum(axis=1) > 0]
    look.need(len(sums), NO_NDR)
    each = parts.sum(axis=1).groupby(level="transaction").sum()
    tries, away, total, reach = len(each), int((each > 0).sum()), sums.to_numpy().sum(), sums.max().max()
    share = sums.sum(axis=1) / total
    percent = [f"{s:.0%}" if s > 0.005 else "<1%" for s in share]
    top = int(share.to_numpy().argmax())
    colors = [look.ACCENT if row == top else look.GREY for row in range(len(sums))]
    ax = rows(ax, [f"{part}  {p}" for part, p in zip(sums.index, percent, strict=True)])
    for side, sign, says in (("out", -1, "← out, written: {}"), ("in", 1, "in, read: {} →")):
        bars = ax.barh(range(len(sums)), sign * sums[side], 0.72, color=colors, alpha=1.0 if sign > 0 else 0.75)
        ax.bar_label(bars, [words.octets(n) for n in sums[side]], padding=3, fontsize=7.5)
        edge = "right" if sign > 0 else "left"
        look.note(ax, says.format(words.octets(sums[side].sum())), (sign * 1.2 * reach, -0.75), ha=edge, weight="bold")
    ax.axvline(0, color=look.INK, linewidth=0.8)
    look.scale(ax, "x", words.octets, 0, reach)
    ax.set(xlim=(-1.25 * reach, 1.25 * reach), xlabel="SMTP octets (lines with CRLF), by the logging server")
    which = words.count(tries, "NDR attempt")
    detail = f"{words.octets(total / away)} each on average; a session's attempts share its set-up and QUIT"
    if away < tries:
        which = f"{away:,} of {which} left this server and"
        detail += "; the others were delivered here or reached no host"
    title = f"{which} cost {words.octets(total)}; {sums.index[top]} takes {percent[top]}"
    return look.finding(ax, title, detail, sums.reset_index())


@look.figure
def saved(saved: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What each NDR attempt cost, and the body that was not sent because the recipient was refused first.

    Parameters
    ----------
    saved : DataFrame
        Of `backscatter.saved`: ``spent`` and ``body`` in octets; ``body`` missing where none was spared.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        One bar an attempt that was refused, in order of the full cost; of more than 12 an evenly spaced sample.
    """
    look.need(len(saved), NO_NDR)
    known = saved.dropna(subset=["body", "spent"])[["body", "spent"]].astype("float64")
    known["whole"] = known["spent"] + known["body"]
    known = known[known["whole"] > 0]
    refused = known[known["body"] > 0]
    look.need(len(refused), "No NDR was refused before its body with its size known: nothing was spared.")
    spared, spent, whole = (known[column].sum() for column in ("body", "spent", "whole"))
    drawn = look.thin(refused.sort_values("whole", kind="stable"), 12)
    ax = rows(ax, drawn.index)
    ax.barh(range(len(drawn)), drawn["spent"], 0.66, color=look.ACCENT)
    bars = ax.barh(range(len(drawn)), drawn["body"], 0.66, drawn["spent"], color="#f2f2f2", hatch="////")
    ax.bar_label(bars, [words.octets(n) for n in drawn["whole"]], padding=3, fontsize=7)
    look.scale(ax, "x", words.octets, 0, drawn["whole"].max())
    look.note(ax, "spent", (0, -0.5), (1, 2), color=look.ACCENT, weight="bold")
    ends = drawn["spent"].median()  # where the body begins, or beside the other word
    apart = max(2.0, SPENT - 72 * ax.get_window_extent().width / ax.figure.dpi * ends / ax.get_xlim()[1])
    look.note(ax, "body not sent", (ends, -0.5), (apart, 2), color=look.SOFT, weight="bold")
    ax.set(xlabel="SMTP octets of an attempt, both ways", ylabel="transaction, cheapest first")
    title = f"Refusal before the body spared {words.octets(spared)}, {spared / whole:.0%} of the full cost"
    detail = f"{len(refused):,} of {len(saved):,} refused before a body of known size, {words.octets(spent)} spent"
    detail += f" on all; {len(drawn)} of the refused drawn, evenly spaced" if len(drawn) < len(known) else ""
    return look.finding(ax, title, detail, drawn.reset_index())


@look.figure
def ladder(
    events: pd.DataFrame, sessions: pd.DataFrame, recipients: pd.DataFrame, *, session: int | None = None,
    sources: pd.DataFrame | None = None, most: int = 60, ax: Axes | None = None,
) -> Axes:  # fmt: skip
    """One session as a ladder: time runs down, an arrow for each command and reply, colour by reply class.

    Parameters
    ----------
    events, sessions, recipients : DataFrame
        Tables of a Log with dialogue.
    session : int, optional
        Which one; by default the one with most commands and replies.
    sources : DataFrame, optional
        The Log's sources, for the time zone.
    most : int
        Rows to draw, from the first.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Its title says what became of the recipients.
    """
    talk = events[~events["echo"] & events["kind"].isin(SPOKEN)]
    busiest = talk.loc[talk["kind"].isin(["command", "reply"]), "session"].mode()
    look.need(len(busiest), "This log holds no SMTP dialogue: there is no command and no reply to lay out.")
    session = int(busiest.iloc[0]) if session is None else session
    about: Any = sessions.assign(peer=look.peers).set_index("session").loc[session]
    own = talk[talk["session"].eq(session).fillna(False)]
    body = own["kind"].eq("data")  # a message's lines are one row
    rungs = own.assign(text=own["text"].mask(body, "(message text)"))[~(body & body.shift(fill_value=False))]
    tz, zone = look.zone(sources)
    said = [words.count(int(own["kind"].eq(kind).sum()), kind, many) for kind, many in WHOLE.items()]
    detail = f"Session {session}: {', '.join(said)}"
    if pd.notna(about["start"]):
        took = words.lasting((about["end"] - about["start"]).total_seconds())
        detail += f" in {took} from {about['start'].tz_convert(tz):%Y-%m-%d %H:%M:%S} ({zone})"
    detail += f"; the first {most} of {len(rungs):,} rows" if len(rungs) > most else ""
    rungs = rungs.head(most)
    client = about["role"] == "client"
    sent = rungs["direction"].eq("sent") == client
    side = np.where(rungs["kind"].isin(ASIDE), 0, np.where(sent, 1, -1))  # the client's, the server's or neither
    clock = rungs["time"].dt.tz_convert(tz).dt.strftime("%H:%M:%S")
    moved = clock.notna() & clock.ne(clock.shift())
    # A row below the last, less if the other side answers at once, more after a silence.
    answer = np.r_[False, side[1:] * side[:-1] < 0] & ~moved
    silence = rungs["time"].diff().dt.total_seconds().fillna(0)
    y = np.cumsum(np.where(answer, 0.6, 0.8) + 0.5 * (silence - 1).clip(0, 3).to_numpy())
    ax = look.axes(ax, 0.8 + 0.152 * (y[-1] + 1))
    ax.set(xlim=(0, 1), ylim=(y[-1] + 0.8, -0.2))
    ax.set_axis_off()
    names = ("this server", look.safe(about["peer"], 40))[:: 1 if client else -1]
    for x, ha, part, name in zip((LEFT, RIGHT), ("right", "left"), ("client", "server"), names, strict=True):
        ax.vlines(x, 0.5, y[-1] + 0.5, color=look.PALE, linewidth=3, zorder=1)
        _write(ax, x, 0.1, f"{part}: {name}", ha=ha, va="bottom", fontsize=7.5, weight="bold")
    for at, way, text, code in zip(y, side, rungs["text"].fillna(""), rungs["code"].fillna(0), strict=True):
        _rung(ax, at, way, text, look.CLASSES.get(code // 100, (look.GREY, ""))[0])
    for at, text in zip(y[moved], clock[moved], strict=True):
        _write(ax, 0, at, text, color=look.SOFT)
    fate = _fate(recipients[recipients["session"].eq(session).fillna(False)])
    return look.finding(ax, fate, detail, rungs[KEPT], stretch=1.25)


def _write(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text within the Axes: the layout need not measure it."""
    ax.text(x, y, text, **{"fontsize": 7, "va": "center", "zorder": 3, "in_layout": False, **style})


def _rung(ax: Axes, y: float, side: int, text: str, color: str) -> None:
    """An arrow from the side that speaks, its line beside it; what neither says stands between the rails."""
    said = look.safe(text, 39 if side else 70)
    if not side:
        back = {"facecolor": "white", "pad": 1}
        return _write(ax, (LEFT + RIGHT) / 2, y, said, ha="center", style="italic", color=look.SOFT, bbox=back)
    start, end, ha = (LEFT, RIGHT, "right") if side > 0 else (RIGHT, LEFT, "left")
    ax.annotate("", (end, y), (start, y), "data", arrowprops={**HEAD, "color": color}, in_layout=False, zorder=2)
    ink = look.ACCENT if color == look.ACCENT else look.INK
    _write(ax, start - 0.012 * side, y, said, ha=ha, family="DejaVu Sans Mono", color=ink)


def _fate(named: pd.DataFrame) -> str:
    """What became of the recipients, in one sentence."""
    refused = (" with " + named["code"].astype("str")).where(named["code"].ge(400).fillna(False), "")
    fates = (named["status"].astype("str").fillna("left without an answer") + refused).value_counts()
    if len(fates) == 1:
        who = words.count(len(named), "recipient is", "recipients are")
        return f"{'All ' if len(named) > 1 else ''}{who} {fates.index[0]}"
    said = ", ".join(f"{n:,} {fate}" for fate, n in fates.items())
    return f"Of {len(named):,} recipients: {said}" if said else "No recipient is named in this session"
