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
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import dialogue, stats, tables
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


def _dialogue(log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The dialogue's lines, session by session, and its steps: a command and all that answers it are a step.

    Each line has the number of its ``step``; one that comes before the first command is ``early``.
    """
    lines = log.events[~log.events["echo"] & log.events["kind"].isin(_LINES)]
    lines = lines.dropna(subset="session").sort_values("session", kind="stable")
    asks = lines["kind"].isin(["command", "exchange"])
    given = asks.groupby(lines["session"])
    lines = lines.assign(early=given.cumsum() == 0)[given.transform("any")]
    asks = asks[lines.index]
    lines["step"] = asks.cumsum() - 1 + lines["early"]
    steps = lines[asks]
    answer = dialogue.answers(lines).reindex(steps.index).dropna().astype("int64")
    lines.loc[answer, "step"] = lines.loc[answer.index, "step"].to_numpy()  # a pipelined command's reply
    replies = lines[~lines["early"]].groupby("step")["code"]
    steps = steps[["session", "time", "verb"]].astype({"session": "int64", "verb": "str"}).reset_index(drop=True)
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


def _returns(log: Log, steps: pd.DataFrame, text: str, minimum: int) -> pd.DataFrame:
    """Sessions that fail as the same peer's sessions before and after do: index session, ``loop``, ``turn``."""
    by = steps.assign(mails=steps["symbol"] == "MAIL", looped=steps["loop"].notna()).groupby("session")
    found = by[["fails", "mails", "delivers", "looped"]].any().join(by[["step", "run"]].min())
    about = log.sessions.drop_duplicates("session").set_index("session").reindex(found.index)
    found["dropped"] = about["ended"].isin(["dropped", "timeout"])
    bad = (found["fails"] & ~found["mails"] | found["dropped"]) & ~found["delivers"] & ~found["looped"]
    way = pd.Series(text.split(chr(_SESSION))[1:], found.index, dtype="object")
    found["way"] = way.where(bad & (way.str.len() <= LONGEST))
    found["peer"], found["role"] = about["peer_ip"].fillna(about["peer_host"]), about["role"].astype("str")
    found = found.sort_values(["peer", "role", "step"])
    alike = found.groupby(_runs(found[["peer", "role", "way", "dropped"]]))
    found["turn"], found["loop"] = alike.cumcount(), alike["step"].transform("min")
    return found[alike["step"].transform("size") >= minimum]


def _marks(log: Log, minimum: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines and steps; a step in a loop has its ``loop`` (that one's first step), ``turn`` and ``part`` of it."""
    lines, steps = _dialogue(log)
    runs = steps.drop_duplicates("run").reset_index(drop=True)
    text, run_at = _text(runs)
    # Several symbols in turn: the loop that began last, if it goes on so far.
    near = _repeats(runs, text, run_at, minimum).set_index("begin", drop=False)
    near = near.reindex(steps["run"], method="ffill").set_axis(steps.index)
    past = steps["run"] - near["begin"]
    marks = pd.DataFrame({"loop": near["begin"].where(past < near["size"]).map(runs["step"])})
    marks["turn"], marks["part"] = past // near["period"], past % near["period"]
    marks["whole"] = marks["turn"] < near["size"] // near["period"]
    # One symbol over and over.
    run = steps.groupby("run")["step"]
    least = np.where(steps["symbol"].str.startswith("RCPT("), max(minimum, RECIPIENTS), minimum)
    alone = (run.transform("size") >= least) & ~steps["delivers"] & (steps["symbol"] != "RCPT") & marks["loop"].isna()
    ones = pd.DataFrame({"loop": run.transform("min"), "turn": run.cumcount(), "part": 0, "whole": True})
    # The command that breaks a pattern ends the turn begun, unless another loop begins with it.
    begun = (marks["loop"].notna() & ~marks["whole"]).shift(fill_value=False)
    breaks = begun & (steps["session"] == steps["session"].shift()) & marks["loop"].isna()
    before = marks.shift().assign(part=marks["part"].shift() + 1)
    marks = marks.mask(breaks, before).mask(alone, ones)
    # Whole sessions.
    again = _returns(log, steps.join(marks), text, minimum).reindex(steps["session"]).set_axis(steps.index)
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
    lines, steps = _marks(log, minimum)
    steps = steps[steps["whole"] & steps["loop"].notna()]
    lines = lines.reset_index(names="label")
    here = steps[["loop", "across"]].reindex(lines["step"]).set_axis(lines.index)
    lines["loop"] = here["loop"].where(here["across"].eq(True) | ~lines["early"])
    lines["octets"] = dialogue.octets(lines["text"]).mask(lines["kind"] == "exchange")
    session, whole = lines.groupby(["loop", "session"])["time"], lines.groupby("loop")
    took = (session.last(skipna=False) - session.first(skipna=False)).dt.total_seconds()
    last = whole[["time", "label"]].last(skipna=False)
    made = whole[["session", "time", "label"]].first(skipna=False).rename(columns={"time": "start", "label": "first"})
    made["unit"], made["turns"] = _units(steps), steps.groupby("loop")["turn"].max() + 1
    made["end"], made["last"] = last["time"], last["label"]
    made["seconds"] = took.groupby("loop").sum(min_count=1)
    made["octets"] = whole["octets"].sum(skipna=False)
    return made[[*_FIND]].reset_index(drop=True).astype(_FIND)


def _units(steps: pd.DataFrame) -> pd.Series:
    """The unit of each loop; how often a symbol stands in a row in its turns follows it."""
    parts = steps.groupby(["loop", "part", "turn"])["symbol"].agg(["first", "size"]).groupby(["loop", "part"])
    said = parts["first"].first().astype("str")
    low, high = parts["size"].min(), parts["size"].max()
    said = said.mask(high > 1, said + "×" + low.astype("str")).mask(high > low, lambda s: s + ".." + high.astype("str"))
    drop = steps.groupby("loop")["dropped"].first().map({True: f"{DASH}drop", False: ""})
    return (DASH + said).groupby("loop").sum().str.removeprefix(DASH) + drop


def turns(log: Log, minimum: int = MINIMUM) -> pd.DataFrame:
    """Every command of every turn of the loops, the unfinished last turn too.

    Returns
    -------
    DataFrame, one row a command: ``session``, ``loop`` (its row in ``find``), ``turn`` and ``step`` (from 1),
    ``symbol``, ``time``, ``offset`` (s since the turn's first command), ``whole`` (bool; False in a turn that
    breaks off: its last row is the command that broke the pattern, unless another loop begins with that).
    """
    steps = _marks(log, minimum)[1].dropna(subset="loop")
    steps = steps.sort_values(["loop", "step"], ignore_index=True)
    place = steps.groupby(["loop", "turn"]).cumcount()
    began = steps["time"].reindex(steps.index - place).set_axis(steps.index)
    steps["loop"] = pd.factorize(steps["loop"])[0]
    steps["turn"] += 1
    steps["step"] = place + 1
    steps["offset"] = (steps["time"] - began).dt.total_seconds()
    return steps[[*_TURNS]].astype(_TURNS)


def answer(log: Log) -> str:
    """Say in a sentence how many loops there are, and what they cost."""
    loops = find(log)
    resets = log.sessions["resets"]
    if loops.empty and not log.events["kind"].isin(["command", "exchange"]).any() and resets.any():
        said = "This log counts the commands of a session but does not hold them, so no loop can be seen"
        number, where = count(int(resets.sum()), "RSET"), count(int(resets.gt(0).sum()), "session")
        return f"{said}; {number} in {where}, at most {resets.max():,} in one."
    if loops.empty:
        return f"This log holds no command loop of {MINIMUM} turns or more."
    most = loops.iloc[int(loops["turns"].argmax())]
    many = len(loops) > 1
    start = count(len(loops), "command loop was found", "command loops were found")
    start += f", the longest {most['unit']}" if many else f", {most['unit']}"
    resolution = log.sources["resolution"].max()
    slack = f" (to within {stats.figure(resolution)} s, the stamps' resolution)" if resolution > 0 else ""
    octets = loops["octets"].sum(min_count=1)
    spent = "an unknown number of octets" if pd.isna(octets) else count(int(octets), "SMTP octet")
    total = loops["seconds"].sum(min_count=1)
    seconds = "an unknown time" if np.isnan(total) else f"{stats.figure(total)} s" + ("" if many else slack)
    took = "together they took" if many else "it took"
    return f"{start}, with {most['turns']:,} whole turns; {took} {seconds} and {spent}."
