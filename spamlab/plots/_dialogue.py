"""Notebook 01: a dialogue as a ladder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab.plots import _look as look

LEFT, RIGHT = 0.485, 0.6  # the two rails, in widths of the Axes
KEPT = ["session", "time", "direction", "kind", "verb", "code", "text", "line"]
SPOKEN = ("command", "auth", "data", "reply", "note", "connect", "disconnect")


def _busiest(events: pd.DataFrame) -> int | None:
    """The session with most commands and replies; the first of equals."""
    spoken = events.loc[events["kind"].isin(["command", "reply"]), "session"].dropna().astype("int64")
    counts = spoken.value_counts(sort=False).sort_index()
    return None if counts.empty else int(counts.index[int(counts.to_numpy().argmax())])


def _fold_data(talk: pd.DataFrame) -> pd.DataFrame:
    """Runs of message text become one row that says how many lines it stands for."""
    data = talk["kind"].eq("data")
    first = data & ~data.shift(fill_value=False)
    lines = talk["lines"].where(data, 0).groupby(first.cumsum()).transform("sum")
    said = lines.astype("int64").map("(message text, {:,} lines)".format)
    return talk.assign(text=talk["text"].mask(data, said))[~data | first]


def _said(talk: pd.DataFrame) -> list[str]:
    """What stands beside each arrow: the line, or the first of several."""
    text, kind = talk["text"].fillna(""), talk["kind"].astype("str")
    first, rest = text.str.split("\n", n=1).str[0], text.str.count("\n")
    more = [f" (+{n} line{'s' * (n > 1)})" if n else "" for n in rest]
    width = kind.map({"command": 38, "auth": 38, "data": 38, "reply": 40}).fillna(70).astype("int64")
    rows = zip(first, more, width, kind.ne("reply"), strict=True)
    return [look.safe(line, most - len(tail), middle=middle) + tail for line, tail, most, middle in rows]


def _rungs(talk: pd.DataFrame, side: np.ndarray) -> np.ndarray:
    """Height of each row: a row below the last, less if the other side speaks, more after a silence."""
    same = np.r_[True, (side[1:] == side[:-1]) | (side[1:] == 0)]
    silence = talk["time"].diff().dt.total_seconds().fillna(0).to_numpy()
    return np.asarray(np.cumsum(np.where(same, 1.0, 0.6) + 0.5 * np.clip(silence - 1, 0, 3)))


@look.styled
def ladder(
    events: pd.DataFrame,
    sessions: pd.DataFrame,
    recipients: pd.DataFrame,
    *,
    session: int | None = None,
    sources: pd.DataFrame | None = None,
    most: int = 60,
    ax: Axes | None = None,
) -> Axes:
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
        Rows to draw; of a longer session the first two thirds and the last third of them, with a gap mark.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Its title says what became of the recipients.
    """
    session = _busiest(events) if session is None else session
    own = events["session"].eq(-1 if session is None else session).fillna(False)
    whole = events[own & ~events["echo"] & events["kind"].isin(SPOKEN)]
    if whole.empty:
        return look.nothing("This log holds no SMTP dialogue: there is no command and no reply to lay out.", ax)
    about: Any = sessions.set_index("session").loc[session]
    talk = _fold_data(whole)
    left_out = max(len(talk) - most, 0)
    head = most * 2 // 3 if left_out else len(talk)
    talk = pd.concat([talk.iloc[:head], talk.iloc[head + left_out :]])
    client = talk["direction"].eq("sent").to_numpy() == (about["role"] == "client")
    side = np.where(talk["kind"].isin(["note", "connect", "disconnect"]), 0, np.where(client, 1, -1))
    y = _rungs(talk, side)
    y[head:] += 2.5
    ax = look.axes(ax, 0.8 + 0.152 * (y[-1] + 1.8))
    ax.set(xlim=(0, 1), ylim=(y[-1] + 1.6, -0.2))
    ax.set_axis_off()
    _rails(ax, about, y)
    _arrows(ax, talk, side, y)
    _gutter(ax, talk["time"], y, sources)
    if left_out:
        gap = (y[head - 1] + y[head]) / 2
        ax.axhspan(gap - 0.9, gap + 0.9, color="white", zorder=4)
        _write(ax, (LEFT + RIGHT) / 2, gap, f"⋮  {left_out:,} more  ⋮", ha="center", color=look.GREY, zorder=5)
    fate = _fate(recipients[recipients["session"].eq(about.name).fillna(False)])
    look.finding(ax, fate, _when(whole, about, sources), talk[KEPT], stretch=1.25)
    return ax


def _write(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text within the Axes: the layout need not measure it."""
    ax.text(x, y, text, **{"fontsize": 7, "va": "center", "zorder": 3, "in_layout": False, **style})


def _rails(ax: Axes, about: Any, y: np.ndarray) -> None:
    peer = next((look.safe(about[k], 40) for k in ("peer_host", "peer_ip") if pd.notna(about[k])), "other side")
    names = ("this server", peer) if about["role"] == "client" else (peer, "this server")
    for x, name, part, ha in ((LEFT, names[0], "client", "right"), (RIGHT, names[1], "server", "left")):
        ax.vlines(x, 0.5, y[-1] + 0.5, color=look.PALE, linewidth=3, zorder=1)
        _write(ax, x, 0.2, f"{part}: {name}", ha=ha, va="bottom", fontsize=7.5, weight="bold")


def _arrows(ax: Axes, talk: pd.DataFrame, side: np.ndarray, y: np.ndarray) -> None:
    """An arrow and its line for each command and reply; notes between the rails; a key to the colours."""
    reply = talk["kind"].eq("reply").to_numpy()
    known = np.where(reply, (talk["code"] // 100).fillna(0).astype("int64"), 0).tolist()
    head = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "linewidth": 0.9, "shrinkA": 1, "shrinkB": 1}
    for at, way, said, group in zip(y, side, _said(talk), known, strict=True):
        color = look.CLASSES.get(group, (look.GREY, ""))[0]
        if not way:
            back = {"facecolor": "white", "pad": 1}
            _write(ax, (LEFT + RIGHT) / 2, at, said, ha="center", style="italic", color=look.GREY, bbox=back)
            continue
        start, end = (LEFT, RIGHT) if way > 0 else (RIGHT, LEFT)
        style: look.Style = {"xycoords": "data", "in_layout": False, "zorder": 2}
        ax.annotate("", (end, at), (start, at), arrowprops={**head, "color": color}, **style)
        ha, ink = ("right" if way > 0 else "left"), (look.ACCENT if group == 5 else look.INK)
        _write(ax, start - 0.012 * way, at, said, ha=ha, family="DejaVu Sans Mono", color=ink)
    for n, group in enumerate(sorted(set(known) & set(look.CLASSES))):
        color, word = look.CLASSES[group]
        _write(ax, RIGHT + 0.012 + 0.11 * n, y[-1] + 1.3, f"{group}xx {word}", color=color, weight="bold")


def _gutter(ax: Axes, time: pd.Series, y: np.ndarray, sources: pd.DataFrame | None) -> None:
    """The clock wherever it moved on, at the left edge."""
    clock = time.dt.tz_convert(look.zone(sources)[0]).dt.strftime("%H:%M:%S")
    moved, last = (clock.notna() & clock.ne(clock.shift())).to_numpy(), -9.0
    for at, text in zip(y[moved], clock[moved], strict=True):
        if at - last >= 0.95:
            _write(ax, 0, at, text, color=look.GREY)
            last = at


def _fate(named: pd.DataFrame) -> str:
    """What became of the recipients, in one sentence."""
    if named.empty:
        return "No recipient is named in this session"
    status = named["status"].astype("object").fillna("left without an answer")
    parts = []
    for word, n in status.value_counts().sort_index(ascending=False, kind="stable").items():
        codes = [str(code) for code in sorted(set(named.loc[status == word, "code"].dropna()))]
        why = f" with {' and '.join(codes[-3:])}" if codes and codes[-1] >= "4" else ""
        parts.append((n, f"{word}{why}"))
    if len(parts) > 1:
        return f"Of {len(named):,} recipients: {', '.join(f'{n:,} {fate}' for n, fate in parts)}"
    return f"{'The one recipient is' if len(named) == 1 else f'All {len(named):,} recipients are'} {parts[0][1]}"


def _when(talk: pd.DataFrame, about: Any, sources: pd.DataFrame | None) -> str:
    commands, replies = (int(talk["kind"].eq(kind).sum()) for kind in ("command", "reply"))
    said = f"Session {about.name}: {look.count(commands, 'command')}, {look.count(replies, 'reply', 'replies')}"
    if pd.notna(about["start"]):
        tz, name = look.zone(sources)
        start, end = (about[k].tz_convert(tz) for k in ("start", "end"))
        said += f"; {start:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} ({name}), {look.lasting(start, end)}"
    return said + (f"; how it ended: {about['ended']}" if pd.notna(about["ended"]) else "")
