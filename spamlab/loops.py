"""Loops: command sequences a client repeats without getting a message across.

A command becomes a symbol: its verb, with the reply code where that is no success, as in ``RCPT(550)``; AUTH
and DATA bear the code that ended their exchange (``DATA(354)``: no verdict on the message came). Equal
neighbours are drawn together, so a turn with 3 refused recipients and one with 40 are turns of one loop.
A loop is a tandem repeat of at least ``MINIMUM`` whole turns in which no message is accepted: deliveries
one after another, or recipients accepted one after another, are no loop. Every period up to ``LONGEST``
symbols is tried by comparing the sequence with itself shifted (one vectorised pass each), so time is linear
in the log; of repeats that overlap the longer one stays, of equal ones that with the shorter unit. A client
that comes back again and again only to fail the same way before any mail (``EHLO–AUTH(535)–QUIT``) or to be
dropped (``EHLO–STARTTLS–drop``) makes a loop whose turns are whole sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from spamlab import dialogue, stats, tables

if TYPE_CHECKING:
    from spamlab.log import Log

MINIMUM = 3  # whole turns; two in a row are common in healthy mail
RECIPIENTS = 5  # refusals of one transaction in a row that make a loop (Forcepoint's harvest threshold)
LONGEST = 48  # symbols in a unit, equal neighbours drawn together
DASH = "–"
_OPENS = {"MAIL": 3, "EHLO": 2, "HELO": 2, "LHLO": 2, "AUTH": 1}  # a turn begins at the highest of these
_CODE = 10**6  # above any reply code that is kept apart

_FIND = {"session": "int64", "unit": "str", "turns": "int64", "start": tables.TIME, "end": tables.TIME,
         "seconds": "float64", "octets": "Int64", "first": "int64", "last": "int64"}  # fmt: skip
_TURNS = {"session": "int64", "loop": "int64", "turn": "int64", "step": "int64", "symbol": "str",
          "time": tables.TIME, "offset": "float64", "whole": "bool"}  # fmt: skip

Ints = npt.NDArray[np.int64]


@dataclass
class _Steps:
    """All commands, session by session; ``place`` and ``last`` are rows of ``events``."""

    events: pd.DataFrame  # commands and replies, echoes left out, session by session
    place: Ints  # the command
    last: Ints  # the event that answers it, or itself
    session: Ints
    symbol: Ints
    names: list[str]  # of the symbols
    token: Ints  # number of the run of equal symbols it belongs to
    begins: Ints  # first step of each token, and the number of steps
    delivers: npt.NDArray[np.bool_]  # by symbol: a message was accepted
    fails: npt.NDArray[np.bool_]  # by symbol


def _runs(*columns: Ints) -> Ints:
    """Where runs of equal rows begin, and the length of the whole."""
    n = len(columns[0])
    fresh = np.ones(n, dtype=bool)
    fresh[1:] = np.logical_or.reduce([c[1:] != c[:-1] for c in columns])
    return np.append(np.flatnonzero(fresh), n)


def _ranges(begin: Ints, length: Ints) -> Ints:
    """The numbers begin, begin + 1, … of each range, one range after another."""
    return np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())


def _steps(log: Log) -> _Steps | None:
    events = log.events
    events = events[~events["echo"] & events["session"].notna()]
    events = events[events["kind"].isin(["command", "reply", "exchange", "data", "auth"])]
    place = np.flatnonzero(events["kind"].isin(["command", "exchange"]))
    if not len(place):
        return None
    if not events["session"].is_monotonic_increasing:
        events = events.sort_values("session", kind="stable")
        place = np.flatnonzero(events["kind"].isin(["command", "exchange"]))
    session = events["session"].to_numpy(np.int64)
    code = events["code"].fillna(0).to_numpy(np.int64)
    answer = dialogue.answers(events).reindex(events.index[place])
    last = np.maximum(events.index.get_indexer(pd.Index(answer.fillna(-1).astype("int64"))), place)
    # AUTH and DATA stop the pipeline (RFC 4954 §4, RFC 2920 §3.1): what ends their exchange is the last reply
    # before the next command.
    replied = np.where(events["kind"].isin(["reply", "auth"]) & (code > 0), np.arange(len(code)), -1)
    until = np.minimum(np.append(place[1:], len(code)), np.searchsorted(session, session[place], "right"))
    stops = events["verb"].isin(["AUTH", "DATA"]).to_numpy()[place]
    last = np.where(stops, np.maximum(np.maximum.accumulate(replied)[until - 1], last), last)
    bad = (code[last] >= 400) | stops & (code[last] >= 300)
    failed = np.where(bad, np.minimum(code[last], _CODE - 1), 0)
    symbol, kinds = pd.factorize(events["verb"].cat.codes.to_numpy(np.int64)[place] * _CODE + failed)
    verbs = [*events["verb"].cat.categories, "?"]  # -1, no verb, is the last
    names = [verbs[k // _CODE] + (f"({k % _CODE})" if k % _CODE else "") for k in kinds.tolist()]
    begins = _runs(session[place], symbol)
    return _Steps(
        events, place, last, session[place], symbol, names,
        token=np.repeat(np.arange(len(begins) - 1), np.diff(begins)),
        begins=begins,
        delivers=np.isin(names, ["DATA", "BDAT"]),
        fails=kinds % _CODE > 0,
    )  # fmt: skip


def _repeats(symbol: Ints, session: Ints, delivers: npt.NDArray[np.bool_], minimum: int) -> tuple[Ints, Ints, Ints]:
    """Tandem repeats with units of two tokens or more: first token, tokens, period."""
    best = np.zeros(len(symbol), dtype=np.int64)  # span of the repeat that owns a token
    owner, period = np.full(len(symbol), -1), np.zeros(len(symbol), dtype=np.int64)
    delivered = np.concatenate([[0], np.cumsum(delivers)])
    ends = _runs(session)
    length = np.repeat(np.diff(ends), np.diff(ends))
    at = np.arange(len(symbol))
    made = 0
    for p in range(2, LONGEST + 1):
        at = at[length[at] >= minimum * p]  # shorter sessions cannot hold it
        if not len(at):
            break
        same = (symbol[at[p:]] == symbol[at[:-p]]) & (session[at[p:]] == session[at[:-p]])
        edge = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
        begin, span = at[edge[::2]], edge[1::2] - edge[::2] + p
        good = span >= minimum * p
        begin, span = begin[good], span[good]
        good = (delivered[begin + p] == delivered[begin]) & (best[begin + span // 2] < span)
        order = np.argsort(span[good], kind="stable")  # of two that overlap the longer is written last
        begin, span = begin[good][order], span[good][order]
        tokens, wide = _ranges(begin, span), np.repeat(span, span)
        number = np.repeat(np.arange(made, made + len(span)), span)
        made += len(span)
        take = wide > best[tokens]
        best[tokens[take]], owner[tokens[take]], period[tokens[take]] = wide[take], number[take], p
    edges = _runs(owner)
    begin, size = edges[:-1], np.diff(edges)
    kept = (owner[begin] >= 0) & (size >= minimum * period[begin])
    return begin[kept], size[kept], period[begin[kept]]


def _within(s: _Steps, minimum: int) -> pd.DataFrame:
    """Turns of loops inside sessions: ``loop`` (any numbering), ``begin``, ``end`` (steps), ``whole``."""
    symbol, session = s.symbol[s.begins[:-1]], s.session[s.begins[:-1]]
    begin, size, period = _repeats(symbol, session, s.delivers[symbol], minimum)
    opens = np.array([_OPENS.get(name.split("(")[0], 0) for name in s.names])[symbol]
    shift = np.zeros(len(begin), dtype=np.int64)
    for p in np.unique(period):
        rows = period == p
        shift[rows] = opens[begin[rows, None] + np.arange(p)].argmax(axis=1)
    begin, size = begin + shift, size - shift
    kept = size >= minimum * period
    begin, size, period = begin[kept], size[kept], period[kept]
    turns = size // period
    first = np.repeat(begin, turns) + _ranges(np.zeros_like(turns), turns) * np.repeat(period, turns)
    whole = pd.DataFrame(
        {
            "loop": np.repeat(np.arange(len(begin)), turns),
            "begin": s.begins[first],
            "end": s.begins[first + np.repeat(period, turns)],
            "whole": True,
        }
    )
    # What is left over is a turn begun; the command that breaks the pattern ends it.
    rest, stop = s.begins[begin + turns * period], s.begins[begin + size]
    more = (stop < len(s.place)) & (s.session[np.minimum(stop, len(s.place) - 1)] == s.session[rest - 1])
    part = pd.DataFrame({"loop": np.arange(len(begin)), "begin": rest, "end": stop + more, "whole": False})
    part = part[rest < stop]
    # One symbol over and over.
    owned = np.zeros(len(symbol), dtype=bool)
    owned[_ranges(begin, size)] = True
    times = np.diff(s.begins)
    least = np.array([max(minimum, RECIPIENTS) if n.startswith("RCPT") else minimum for n in s.names])
    idle = ~s.delivers & ~np.isin(s.names, ["RCPT"])
    single = np.flatnonzero(~owned & (times >= least[symbol]) & idle[symbol])
    step = _ranges(s.begins[single], times[single])
    number = np.repeat(np.arange(len(single)) + len(begin), times[single])
    ones = pd.DataFrame({"loop": number, "begin": step, "end": step + 1, "whole": True})
    every: pd.DataFrame = pd.concat([whole, part, ones], ignore_index=True)
    return every


def _signature(code: Ints, begin: Ints, length: Ints) -> Ints:
    """Equal numbers for equal sequences ``code[begin : begin + length]``."""
    found = np.zeros(len(begin), dtype=np.int64)
    base = int(code.max(initial=0)) + 1
    for k in range(int(length.max(initial=0))):
        live = length > k
        found[live] = pd.factorize(found[live] * base + code[begin[live] + k])[0]
    return pd.factorize(found * (int(length.max(initial=0)) + 1) + length)[0]


def _across(log: Log, s: _Steps, looped: Ints, minimum: int) -> pd.DataFrame:
    """Turns of loops whose turns are whole sessions of one peer that all fail in the same way."""
    edges = _runs(s.session[s.begins[:-1]])
    begin, length = edges[:-1], np.diff(edges)  # in tokens
    symbol = s.symbol[s.begins[:-1]]
    session = s.session[s.begins[begin]]
    about = log.sessions.drop_duplicates("session").set_index("session").reindex(session)
    dropped = about["ended"].isin(["dropped", "timeout"]).to_numpy()
    peer = about["peer_ip"].fillna(about["peer_host"])
    who = pd.factorize(peer)[0] * 3 + about["role"].cat.codes.to_numpy()
    fails, mail, delivers = (
        np.logical_or.reduceat(flag[symbol], begin) for flag in (s.fails, np.isin(s.names, ["MAIL"]), s.delivers)
    )
    bad = (fails & ~mail | dropped) & ~delivers & (length <= LONGEST)
    bad &= peer.notna().to_numpy() & ~np.isin(session, looped)
    order = np.flatnonzero(bad)
    kind = np.full(len(session), -1)
    kind[order] = _signature(symbol, begin[order], length[order]) * 2 + dropped[order]
    order = np.lexsort((np.arange(len(session)), who))
    runs = _runs(who[order], kind[order])
    size = np.diff(runs)
    kept = (kind[order][runs[:-1]] >= 0) & (size >= minimum)
    rows = order[_ranges(runs[:-1][kept], size[kept])]
    return pd.DataFrame(
        {
            "loop": np.repeat(np.arange(kept.sum()), size[kept]),
            "begin": s.begins[begin[rows]],
            "end": s.begins[begin[rows] + length[rows]],
            "whole": True,
            "drop": dropped[rows],
        }
    )


def _search(log: Log, minimum: int) -> tuple[_Steps, pd.DataFrame] | None:
    """All turns of all loops, numbered from 0 by session and start."""
    steps = _steps(log)
    if steps is None:
        return None
    inside = _within(steps, minimum).assign(across=False, drop=False)
    outside = _across(log, steps, steps.session[inside["begin"]], minimum).assign(across=True)
    outside["loop"] += int(inside["loop"].max()) + 1 if len(inside) else 0
    found = pd.concat([inside, outside], ignore_index=True)
    first = found.groupby("loop")["begin"].transform("min")
    found["loop"] = pd.factorize(first, sort=True)[0]
    found = found.sort_values(["loop", "begin"], ignore_index=True)
    found["turn"] = found.groupby("loop").cumcount() + 1
    return steps, found.astype({"whole": bool, "across": bool, "drop": bool})


def _units(s: _Steps, found: pd.DataFrame) -> list[str]:
    """The unit of each loop; how often a symbol stands in a row in its turns follows it."""
    length = (found["end"] - found["begin"]).to_numpy()
    step = _ranges(found["begin"].to_numpy(), length)
    part = s.token[step] - np.repeat(s.token[found["begin"]], length)
    rows = pd.DataFrame(
        {"loop": np.repeat(found["loop"], length), "turn": np.repeat(found["turn"], length), "part": part}
    )
    rows["symbol"] = s.symbol[step]
    times = rows.groupby(["loop", "turn", "part"])["symbol"].agg(["first", "size"]).reset_index()
    parts = times.groupby(["loop", "part"]).agg(symbol=("first", "first"), low=("size", "min"), high=("size", "max"))
    code = np.asarray(parts.groupby(["symbol", "low", "high"], sort=False).ngroup(), dtype=np.int64)
    edges = _runs(parts.index.get_level_values("loop").to_numpy())
    drop = found.groupby("loop")["drop"].first().to_numpy()
    which, kinds = pd.factorize(_signature(code, edges[:-1], np.diff(edges)) * 2 + drop)
    example = np.unique(which, return_index=True)[1]
    texts = []
    for loop, kind in zip(example, kinds, strict=True):
        some = parts.iloc[edges[loop] : edges[loop + 1]]
        said = [
            s.names[symbol] + (f"×{low}" if low == high > 1 else f"×{low}..{high}" if high > 1 else "")
            for symbol, low, high in some.to_numpy(np.int64).tolist()
        ]
        texts.append(DASH.join(said + ["drop"] * (kind % 2)))
    return [texts[w] for w in which]


def _none(columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in columns.items()})


def find(log: Log, minimum: int = MINIMUM) -> pd.DataFrame:
    """Loops, one a row, in order of session and time.

    Parameters
    ----------
    log : a Log whose events hold commands (from others comes an empty table).
    minimum : whole turns it takes; one symbol of refused recipients takes at least ``RECIPIENTS``.

    Returns
    -------
    DataFrame: ``session`` (of a loop over several sessions, the first), ``unit`` (symbols of a turn, with the
    number of equal neighbours as ``×n`` or ``×least..most``), ``turns`` (whole ones), ``start``, ``end``
    (first command, reply to the last one of the last whole turn), ``seconds`` (between them; of several
    sessions, in them), ``octets`` (Int64; SMTP octets both ways, CRLF included; missing where lines are not
    logged as sent), ``first``, ``last`` (labels of the events at start and end).

    Examples
    --------
    >>> import spamlab
    >>> find(spamlab.read("data/exchange55-appendix-a.log"))[["unit", "turns", "seconds"]].values.tolist()
    [['MAIL–RCPT(550)–RSET', 7, 22.0]]
    """
    searched = _search(log, minimum)
    if searched is None or searched[1].empty:
        return _none(_FIND)
    s, found = searched
    found = found[found["whole"]].reset_index(drop=True)
    begin, end, across = found["begin"].to_numpy(), found["end"].to_numpy(), found["across"].to_numpy()
    final = ~found["loop"].duplicated(keep="last").to_numpy()
    numbers = s.events["session"].to_numpy(np.int64)
    opening = np.where(across, np.searchsorted(numbers, s.session[begin]), s.place[begin])
    closing = np.where(final, s.last[end - 1], s.place[np.minimum(end, len(s.place) - 1)] - 1)
    closing = np.where(across, np.searchsorted(numbers, s.session[begin], "right") - 1, closing)
    size = dialogue.octets(s.events["text"]).astype("float64").mask(s.events["kind"].eq("exchange"))
    summed = np.concatenate([[0.0], size.fillna(0).cumsum()])
    absent = np.concatenate([[0], size.isna().cumsum()])
    spent = summed[closing + 1] - summed[opening]
    spent[absent[closing + 1] > absent[opening]] = np.nan
    time = s.events["time"]
    lasted = (time.iloc[closing].array - time.iloc[opening].array).total_seconds()
    loop = found["loop"].to_numpy()
    ones, ends = np.flatnonzero(~found["loop"].duplicated()), np.flatnonzero(final)
    start, stop = time.iloc[opening[ones]].array, time.iloc[closing[ends]].array
    both = pd.DataFrame({"spent": spent, "lasted": lasted}).groupby(loop).sum(min_count=1)
    unknown = pd.Series(np.isnan(spent)).groupby(loop).any()
    return pd.DataFrame(
        {
            "session": s.session[begin[ones]],
            "unit": pd.Series(_units(s, found), dtype="str"),
            "turns": np.bincount(loop),
            "start": start,
            "end": stop,
            "seconds": np.where(across[ones], both["lasted"], (stop - start).total_seconds()),
            "octets": both["spent"].mask(unknown).round().astype("Int64"),
            "first": s.events.index.to_numpy()[opening[ones]],
            "last": s.events.index.to_numpy()[closing[ends]],
        }
    )


def turns(log: Log, minimum: int = MINIMUM) -> pd.DataFrame:
    """Every command of every turn of the loops, the unfinished last turn too.

    Returns
    -------
    DataFrame, one row a command: ``session``, ``loop`` (its row in ``find``), ``turn`` and ``step`` (from 1),
    ``symbol``, ``time``, ``offset`` (s since the turn's first command), ``whole`` (bool; False in a turn that
    breaks off: its last row is the command that broke the pattern).
    """
    searched = _search(log, minimum)
    if searched is None:
        return _none(_TURNS)
    s, found = searched
    length = (found["end"] - found["begin"]).to_numpy()
    step = _ranges(found["begin"].to_numpy(), length)
    time = s.events["time"].iloc[s.place[step]].reset_index(drop=True)
    head = s.events["time"].iloc[s.place[np.repeat(found["begin"].to_numpy(), length)]].reset_index(drop=True)
    return pd.DataFrame(
        {
            "session": s.session[step],
            "loop": np.repeat(found["loop"].to_numpy(), length),
            "turn": np.repeat(found["turn"].to_numpy(), length),
            "step": _ranges(np.ones_like(length), length),
            "symbol": pd.Series(np.array(s.names, dtype=object)[s.symbol[step]], dtype="str"),
            "time": time,
            "offset": (time - head).dt.total_seconds(),
            "whole": np.repeat(found["whole"].to_numpy(), length),
        }
    )


def answer(log: Log) -> str:
    """Say in a sentence how many loops there are, and what they cost."""
    loops = find(log)
    if loops.empty:
        return f"This log holds no command loop of {MINIMUM} turns or more."
    most = loops.iloc[int(loops["turns"].argmax())]
    many = len(loops) > 1
    start = stats.counted(len(loops), "command loop was found", "command loops were found")
    start += f", the longest {most['unit']}" if many else f", {most['unit']}"
    resolution = log.sources["resolution"].max()
    slack = f" (to within {stats.figure(resolution)} s, the stamps' resolution)" if resolution > 0 else ""
    octets = loops["octets"].sum(min_count=1)
    spent = "an unknown number of octets" if pd.isna(octets) else stats.counted(int(octets), "SMTP octet")
    total = loops["seconds"].sum(min_count=1)
    seconds = "an unknown time" if np.isnan(total) else f"{stats.figure(total)} s" + ("" if many else slack)
    took = "together they took" if many else "it took"
    return f"{start}, with {most['turns']:,} whole turns; {took} {seconds} and {spent}."
