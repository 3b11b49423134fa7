"""Loops: command sequences a client repeats without getting a message across.

A command becomes a symbol: its verb, with the reply code where that is no success, as in ``RCPT(550)``; AUTH
and DATA bear the code that ended their exchange (``DATA(354)``: no verdict on the message came). Equal
neighbours are drawn together into a run, so a turn with 3 refused recipients and one with 40 are turns of one
loop. A loop is at least ``MINIMUM`` whole turns in a row in which no message is accepted: deliveries one after
another, or recipients accepted one after another, are no loop. A loop is one of three things:

- a unit of 2 to ``LONGEST`` runs, repeated: a regular expression finds it, each run being one character, from
  left to right and the shortest unit first, in time linear in the log;
- one symbol over and over: a long run;
- sessions of a client that comes back again and again only to fail the same way before any mail
  (``EHLO–AUTH(535)–QUIT``) or to be dropped (``EHLO–STARTTLS–drop``): each is a turn.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from spamlab import dialogue, partwise, stats, tables
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

MINIMUM = 3  # whole turns; two in a row are common in healthy mail
RECIPIENTS = 5  # refusals of one transaction in a row that make a loop (Forcepoint's harvest threshold)
LONGEST = 48  # runs in a unit
DASH = "–"
_LINES = ("command", "reply", "exchange", "data", "auth")
_OPENS = {"MAIL": 3, "EHLO": 2, "HELO": 2, "LHLO": 2, "AUTH": 1}  # a turn begins at the highest of these
_SESSION, _DELIVERY, _SYMBOL = 0, 1, 2  # as characters: a session begins; a message is accepted; the first symbol

_FIND = {"session": "int64", "unit": "str", "turns": "int64", "start": tables.TIME, "end": tables.TIME,
         "seconds": "float64", "octets": "Int64", "first": "int64", "last": "int64"}  # fmt: skip
_TURNS = {"session": "int64", "loop": "int64", "turn": "int64", "step": "int64", "symbol": "str",
          "time": tables.TIME, "offset": "float64", "whole": "bool"}  # fmt: skip


def _runs(rows: pd.DataFrame) -> pd.Series:
    """Number, from 0, of the run of equal rows that each belongs to; what is missing equals nothing."""
    return (rows != rows.shift()).any(axis=1).cumsum() - 1


def _asks(events: pd.DataFrame) -> pd.Series:
    """Which events are commands; an exchange without a verb is a whole transaction (Zeek's)."""
    return events["kind"].eq("command") | events["kind"].eq("exchange") & events["verb"].notna()


@partwise.partwise(any)
def _told(log: Log) -> bool:
    """Whether the log holds commands."""
    return bool(_asks(log.columns("events", "kind", "verb")).any())


def _dialogue(log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dialogue's lines, session by session, and its steps: a command and all that answers it are a step.

    Each line has the number of its ``step``; one that comes before the first command is ``early``.
    """
    names = ("session", "time", "direction", "kind", "verb", "code", "echo")
    lines = log.columns("events", *names) if _told(log) else tables.empty("events")[list(names)]
    lines = lines[~lines["echo"] & lines["kind"].isin(_LINES)]
    lines = lines.dropna(subset="session").sort_values("session", kind="stable")
    asks = _asks(lines)
    given = asks.groupby(lines["session"])
    lines = lines.assign(early=given.cumsum() == 0)[given.transform("any")]
    asks = asks[lines.index]
    lines["step"] = asks.cumsum() - 1 + lines["early"]
    steps = lines[asks]
    answer = dialogue.answers(lines).reindex(steps.index).dropna().astype("int64")
    lines.loc[answer, "step"] = lines.loc[answer.index, "step"].to_numpy()  # a pipelined command's reply
    replies = lines[~lines["early"]].groupby("step")["code"]
    steps = steps[["session", "time", "verb"]].astype({"session": "int64", "verb": "str"}).reset_index(names="label")
    verb = steps["verb"].fillna("?")
    # AUTH and DATA stop the pipeline (RFC 4954 §4, RFC 2920 §3.1): their last reply says how they ended.
    stops = verb.isin(["AUTH", "DATA"])
    code = replies.last().where(stops, replies.first()).fillna(0)
    steps["fails"] = (code >= 400) | stops & (code >= 300)
    steps["symbol"] = verb.mask(steps["fails"], verb + "(" + code.astype("str") + ")").astype("category")
    steps["delivers"] = steps["symbol"].isin(["DATA", "BDAT"])
    steps["run"], steps["step"] = _runs(steps[["session", "symbol"]]), steps.index
    return lines, steps


def _text(runs: pd.DataFrame) -> tuple[str, np.ndarray]:
    """Each run as a character, each session opened by one; and the run that stands at each place."""
    symbol = np.minimum(runs["symbol"].cat.codes.to_numpy(np.int64) + _SYMBOL, sys.maxunicode)
    symbol = np.where(runs["delivers"], _DELIVERY, symbol)
    opening = np.flatnonzero(~runs["session"].duplicated())
    text = "".join(map(chr, np.insert(symbol, opening, _SESSION).tolist()))
    return text, np.insert(np.arange(len(runs)), opening, -1)


def _repeats(runs: pd.DataFrame, text: str, run: np.ndarray, minimum: int) -> pd.DataFrame:
    """Units that repeat in a session, from left to right: first run, number of runs, runs in a unit."""
    opens = {name: _OPENS.get(name.split("(")[0], 0) for name in runs["symbol"].cat.categories}
    rank = runs["symbol"].astype("object").map(opens).to_numpy()
    unit = f"([^{chr(_SESSION)}{chr(_DELIVERY)}]{{2,{LONGEST}}}?)"
    pattern = re.compile(rf"{unit}\1{{{minimum - 1},}}+")
    loops, at = [], 0
    while found := pattern.search(text, at):
        begin, period = run[found.start()], len(found[1])
        shift = int(rank[begin : begin + period].argmax())
        at = found.end() + next(k for k, symbol in enumerate(found[1]) if not text.startswith(symbol, found.end() + k))
        loops.append((begin + shift, at - found.start() - shift, period))
    made = pd.DataFrame(loops, columns=["begin", "size", "period"], dtype="float64")
    return made[made["size"] >= minimum * made["period"]]


def _failing(log: Log, steps: pd.DataFrame, runs: pd.DataFrame, looped: pd.Series) -> pd.DataFrame:
    """Each session: its peer, and the ``way`` in which it failed; missing where it did not, or is in a loop itself."""
    by = steps.assign(mails=steps["symbol"] == "MAIL", looped=looped).groupby("session")
    found = by[["fails", "mails", "delivers", "looped"]].any().join(by[["label", "run"]].first())
    about = log.columns("sessions", "session", "role", "peer_ip", "peer_host", "ended")
    about = about.drop_duplicates("session").set_index("session").reindex(found.index)
    found["dropped"] = about["ended"].isin(["dropped", "timeout"])
    bad = (found["fails"] & ~found["mails"] | found["dropped"]) & ~found["delivers"] & ~found["looped"]
    bad &= runs.groupby("session").size() <= LONGEST
    told = runs[runs["session"].isin(bad.index[bad])].astype({"symbol": "str"})
    way = told.groupby("session")["symbol"].agg(DASH.join) if len(told) else pd.Series(dtype="str")
    found["way"] = way.reindex(found.index).astype("str").astype("category")
    found["peer"], found["role"] = about["peer_ip"].fillna(about["peer_host"]), about["role"].astype("str")
    return found[["label", "run", "way", "dropped", "peer", "role"]]


def _returns(found: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Sessions that fail as the same peer's sessions before and after do: index session, ``loop``, ``turn``."""
    found = found.rename_axis("session").sort_values(["peer", "role", "session"]).astype({"way": "object"})
    alike = found.groupby(_runs(found[["peer", "role", "way", "dropped"]]))
    # A loop is called by the label of its first event.
    found["turn"], found["loop"] = alike.cumcount(), alike["label"].transform("first")
    return found[alike["label"].transform("size") >= minimum]


@partwise.partwise(partwise.rows())
def _ways(log: Log, minimum: int) -> pd.DataFrame:
    _, steps, runs, marks = _within(log, minimum)
    return _failing(log, steps, runs, marks["loop"].notna())


def _again(log: Log, minimum: int) -> pd.DataFrame | None:
    """``_returns`` of a log in parts: the sessions of a loop can lie in several."""
    return _returns(_ways(log, minimum), minimum) if partwise.parted(log) else None


def _within(log: Log, minimum: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Lines, steps and runs; of each step the ``loop`` within its session, ``turn`` and ``part`` of it."""
    lines, steps = _dialogue(log)
    runs = steps.drop_duplicates("run").reset_index(drop=True)
    text, run_at = _text(runs)
    # Several symbols in turn: the loop that began last, if it goes on so far.
    near = _repeats(runs, text, run_at, minimum).set_index("begin", drop=False)
    near = near.reindex(steps["run"], method="ffill").set_axis(steps.index)
    past = steps["run"] - near["begin"]
    marks = pd.DataFrame({"loop": near["begin"].where(past < near["size"]).map(runs["label"])})
    marks["turn"], marks["part"] = past // near["period"], past % near["period"]
    marks["whole"] = marks["turn"] < near["size"] // near["period"]
    # One symbol over and over.
    run = steps.groupby("run")["step"]
    least = np.where(steps["symbol"].str.startswith("RCPT("), max(minimum, RECIPIENTS), minimum)
    alone = (run.transform("size") >= least) & ~steps["delivers"] & (steps["symbol"] != "RCPT") & marks["loop"].isna()
    ones = pd.DataFrame(
        {"loop": steps.groupby("run")["label"].transform("first"), "turn": run.cumcount(), "part": 0, "whole": True}
    )
    # The command that breaks a pattern ends the turn begun, unless another loop begins with it.
    begun = (marks["loop"].notna() & ~marks["whole"]).shift(fill_value=False)
    breaks = begun & (steps["session"] == steps["session"].shift()) & marks["loop"].isna()
    before = marks.shift().assign(part=marks["part"].shift() + 1)
    return lines, steps, runs, marks.mask(breaks, before).mask(alone, ones)


def _marks(log: Log, minimum: int, again: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines and steps; a step in a loop has its ``loop`` (its first event's label), ``turn`` and ``part`` of it.

    ``again``: the sessions that are turns of a loop; None: those of this log.
    """
    lines, steps, runs, marks = _within(log, minimum)
    if again is None:
        again = _returns(_failing(log, steps, runs, marks["loop"].notna()), minimum)
    own = steps.groupby("session")["run"].min()
    again = again.assign(run=own.reindex(again.index)).reindex(steps["session"]).set_axis(steps.index)
    again = again.assign(part=steps["run"] - again["run"], whole=True)
    steps = steps.join(marks.mask(again["loop"].notna(), again[[*marks]]))
    steps = steps.assign(across=again["loop"].notna(), dropped=again["dropped"].eq(True))
    return lines, steps.astype({"whole": bool})


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
    if not _told(log):  # to find nothing in empty tables takes a tenth of a second
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _FIND.items()})
    return _finished(*_found(log, minimum, _again(log, minimum)))[[*_FIND]].reset_index(drop=True).astype(_FIND)


def _first(found: list[pd.DataFrame]) -> pd.DataFrame:
    """Loops of which several parts hold turns: each from its first turn to its last."""
    by = partwise.stacked(found).groupby(level=0)
    ends = by[["session", "start", "first"]].first(skipna=False).join(by[["end", "last"]].last(skipna=False))
    return ends.assign(turns=by["turns"].max(), seconds=by["seconds"].sum(min_count=1),
                       octets=by["octets"].sum(skipna=False), dropped=by["dropped"].first())  # fmt: skip


def _widest(found: list[pd.DataFrame]) -> pd.DataFrame:
    by = partwise.stacked(found).groupby(level=[0, 1])
    return by.agg({"symbol": "first", "low": "min", "high": "max"})


@partwise.partwise(partwise.pairs(_first, _widest))
def _found(log: Log, minimum: int, again: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of ``find`` by loop, but the unit; and by loop and part of a turn what stands there how often."""
    lines, steps = _marks(log, minimum, again)
    steps = steps[steps["whole"] & steps["loop"].notna()]
    lines = lines.reset_index(names="label")
    here = steps[["loop", "across"]].reindex(lines["step"]).set_axis(lines.index)
    lines["loop"] = here["loop"].where(here["across"].eq(True) | ~lines["early"])
    lines = lines[lines["loop"].notna()]
    text = log.columns("events", "text")["text"].reindex(lines["label"]) if len(lines) else pd.Series(dtype="str")
    lines["octets"] = dialogue.octets(text.set_axis(lines.index)).mask(lines["kind"] == "exchange")
    session, whole = lines.groupby(["loop", "session"])["time"], lines.groupby("loop")
    took = (session.last(skipna=False) - session.first(skipna=False)).dt.total_seconds()
    last = whole[["time", "label"]].last(skipna=False)
    made = whole[["session", "time", "label"]].first(skipna=False).rename(columns={"time": "start", "label": "first"})
    made["turns"] = steps.groupby("loop")["turn"].max() + 1
    made["end"], made["last"] = last["time"], last["label"]
    made["seconds"] = took.groupby("loop").sum(min_count=1)
    made["octets"] = whole["octets"].sum(skipna=False)
    made["dropped"] = steps.groupby("loop")["dropped"].first()
    each = steps.groupby(["loop", "part", "turn"])["symbol"].agg(["first", "size"]).groupby(["loop", "part"])
    parts = pd.DataFrame({"symbol": each["first"].first().astype("str"), "low": each["size"].min(),
                          "high": each["size"].max()})  # fmt: skip
    return made, parts


def _finished(made: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """The loops in order of session and time, with the unit of each.

    How often a symbol stands in a row in its turns follows it.
    """
    said, low, high = parts["symbol"], parts["low"], parts["high"]
    said = said.mask(high > 1, said + "×" + low.astype("str")).mask(high > low, lambda s: s + ".." + high.astype("str"))
    made["unit"] = (DASH + said).groupby("loop").sum().str.removeprefix(DASH)
    made["unit"] += made["dropped"].map({True: f"{DASH}drop", False: ""})
    return made.rename_axis("loop").sort_values(["session", "loop"])


def turns(log: Log, minimum: int = MINIMUM) -> pd.DataFrame:
    """Every command of every turn of the loops, the unfinished last turn too.

    Returns
    -------
    DataFrame, one row a command: ``session``, ``loop`` (its row in ``find``), ``turn`` and ``step`` (from 1),
    ``symbol``, ``time``, ``offset`` (s since the turn's first command), ``whole`` (bool; False in a turn that
    breaks off: its last row is the command that broke the pattern, unless another loop begins with that).
    """
    again = _again(log, minimum)
    return _numbered(log, _turns(log, minimum, again), minimum, again)


def longest(log: Log, minimum: int = MINIMUM) -> pd.DataFrame:
    """The rows of ``turns`` of the one loop within a session that has most whole turns, the first of several.

    Examples
    --------
    >>> import spamlab
    >>> longest(spamlab.read("data/exchange55-appendix-a.log"))["turn"].max()
    np.int64(8)
    """
    again = _again(log, minimum)
    return _numbered(log, _most(log, minimum, again), minimum, again)


def _numbered(log: Log, turns: pd.DataFrame, minimum: int, again: pd.DataFrame | None) -> pd.DataFrame:
    """Turns in order of their loops, with the row in ``find`` of each."""
    order = _finished(*_found(log, minimum, again)).index if len(turns) else pd.Index([], dtype="float64")
    turns = turns.assign(loop=pd.Series(np.arange(len(order)), order).reindex(turns["loop"]).to_numpy())
    turns = turns.sort_values(["loop", "session", "label"], ignore_index=True)
    return turns[[*_TURNS]].astype(_TURNS)


@partwise.partwise(partwise.below)
def _turns(log: Log, minimum: int, again: pd.DataFrame | None) -> pd.DataFrame:
    steps = _marks(log, minimum, again)[1].dropna(subset="loop")
    steps = steps.sort_values(["loop", "step"], ignore_index=True)
    place = steps.groupby(["loop", "turn"]).cumcount()
    began = steps["time"].reindex(steps.index - place).set_axis(steps.index)
    steps["turn"] += 1
    steps["step"] = place + 1
    steps["offset"] = (steps["time"] - began).dt.total_seconds()
    return steps[["label", *_TURNS]]


def _longest(found: list[pd.DataFrame]) -> pd.DataFrame:
    turns = partwise.below(found)
    times = turns["turn"].where(turns["whole"]).groupby([turns["session"], turns["loop"]]).nunique()
    if times.empty:
        return turns
    session, loop = cast("tuple[int, float]", times.idxmax())
    return turns[(turns["session"] == session) & (turns["loop"] == loop)]


@partwise.partwise(_longest)
def _most(log: Log, minimum: int, again: pd.DataFrame | None) -> pd.DataFrame:
    return _longest([_turns(log, minimum, again)])


@partwise.partwise(partwise.joined)
def _resets(log: Log) -> pd.Series:
    """Of each session how often it was reset."""
    return log.columns("sessions", "resets")["resets"]


def answer(log: Log) -> str:
    """Say in a sentence how many loops there are, and what they cost."""
    loops = find(log)
    resets = _resets(log)
    if loops.empty and not _told(log):
        if not resets.any():
            return "This log does not hold the commands of a session, so no loop can be seen."
        said = "This log counts the commands of a session but does not hold them, so no loop can be seen"
        number, where = count(int(resets.sum()), "RSET"), count(int(resets.gt(0).sum()), "session")
        return f"{said}; {number} in {where}, at most {resets.max():,} in one."
    if loops.empty:
        return f"This log holds no command loop of {MINIMUM} turns or more."
    most = loops.iloc[int(loops["turns"].argmax())]
    many = len(loops) > 1
    start = count(len(loops), "command loop was found", "command loops were found")
    start += f", the longest {most['unit']}" if many else f", {most['unit']}"
    resolution = log.columns("sources", "resolution")["resolution"].max()
    slack = f" (to within {stats.figure(resolution)} s, the stamps' resolution)" if resolution > 0 else ""
    octets = loops["octets"].sum(min_count=1)
    spent = "an unknown number of octets" if pd.isna(octets) else count(int(octets), "SMTP octet")
    total = loops["seconds"].sum(min_count=1)
    seconds = "an unknown time" if np.isnan(total) else f"{stats.figure(total)} s" + ("" if many else slack)
    took = "together they took" if many else "it took"
    return f"{start}, with {most['turns']:,} whole turns; {took} {seconds} and {spent}."
