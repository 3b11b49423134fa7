"""What a log holds, reduced for notebook 01: its sessions in time, one dialogue, its replies, its mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab import partwise, tables
from spamlab.log import Log, concatenate

if TYPE_CHECKING:
    from collections.abc import Sequence

FEW = 30  # up to so many sessions each is drawn
ENDS = 30  # rows of a table's beginning and end


@partwise.partwise(partwise.rows("session"))
def _sessions(log: Log, names: Sequence[str]) -> pd.DataFrame:
    return log.columns("sessions", *names)


def sessions(log: Log) -> pd.DataFrame:
    """When the sessions began and ended; of up to ``FEW`` all columns.

    Examples
    --------
    >>> import spamlab
    >>> len(sessions(spamlab.read("data/exchange55-appendix-a.log")))
    2
    """
    few = log.count("sessions") <= FEW
    return _sessions(log, list(tables.TABLES["sessions"]) if few else ["session", "start", "end"])


@partwise.partwise(max)
def _busiest(log: Log) -> tuple[int, int]:
    talk = log.columns("events", "session", "kind", "echo")
    said = talk.loc[~talk["echo"] & talk["kind"].isin(["command", "reply"]), "session"].dropna()
    number = said.value_counts()
    if number.empty:
        return 0, 0
    return int(number.iloc[0]), -int(number.index[number == number.iloc[0]].min())  # of several the first


def _first(found: list[Log]) -> Log:
    return next((part for part in found if len(part.sessions)), found[0])


@partwise.partwise(_first)
def _only(log: Log, session: int) -> Log:
    if not log.columns("sessions", "session")["session"].eq(session).any():
        return Log({"sources": log.sources})
    held = {name: getattr(log, name) for name in ("events", "sessions", "recipients")}
    own = {name: table[table["session"].eq(session).fillna(False)] for name, table in held.items()}
    own = {name: table if name == "events" else table.reset_index(drop=True) for name, table in own.items()}
    return Log({**own, "sources": log.sources}, log._files)


def busiest(log: Log) -> Log:
    """The session with most commands and replies, alone; without any an empty Log.

    Examples
    --------
    >>> import spamlab
    >>> busiest(spamlab.read("data/exchange55-appendix-a.log"))
    <Log exchange55: 1 source, 70 events, 1 session, 0 transactions, 8 recipients, 0 unparsed lines>
    """
    number, session = _busiest(log)
    return _only(log, -session) if number else concatenate([])


@partwise.partwise(partwise.added)
def _codes(log: Log) -> pd.Series:
    told = log.columns("events", "time", "kind", "code", "echo", "repeats")
    told = told[~told["echo"] & told["kind"].ne("note")].dropna(subset=["code", "time"])
    return told.groupby(["code", told["time"].dt.floor("s")])["repeats"].sum()


def codes(log: Log) -> pd.DataFrame:
    """Reply codes, each counted once: ``code``, ``time`` (a second), ``repeats`` (how many in it).

    Examples
    --------
    >>> import spamlab
    >>> codes(spamlab.read("data/exchange55-appendix-a.log")).groupby("code")["repeats"].sum().tolist()
    [1, 2, 16, 8]
    """
    return _codes(log).reset_index()


def _counted(found: list[pd.Series]) -> pd.Series:
    total: pd.Series = pd.concat(found).groupby(level=0, sort=False).sum()
    return total


@partwise.partwise(_counted)
def _commands(log: Log) -> pd.Series:
    said = log.columns("events", "kind", "verb", "echo")
    said = said[~said["echo"] & said["kind"].eq("command")]
    return said.groupby("verb", observed=False).size().rename(index=str)


def commands(log: Log) -> pd.Series:
    """How many commands were given, by verb."""
    found = _commands(log).rename("commands")
    return found[found > 0].rename_axis("verb")


@partwise.partwise(partwise.added)
def replies(log: Log) -> pd.Series:
    """How many replies were given, by code."""
    said = log.columns("events", "kind", "code", "echo")
    said = said[~said["echo"] & said["kind"].eq("reply")]
    return said.groupby("code").size().rename("replies")


def _outer(found: list[tuple[pd.DataFrame, int]]) -> tuple[pd.DataFrame, int]:
    heads, tails = ([part.head(ENDS) for part, _ in found], [part.tail(ENDS) for part, _ in found])
    first = partwise.rows("transaction")(heads).head(ENDS)
    last = partwise.rows("transaction")(tails).tail(ENDS)
    n = sum(number for _, number in found)
    return pd.concat([first, last.set_axis(range(n - len(last), n))]), n


@partwise.partwise(_outer)
def mail(log: Log) -> tuple[pd.DataFrame, int]:
    """The mail transactions with their recipients, one row each; and how many rows these are.

    Of a log in parts only the first and the last ``ENDS`` rows.
    """
    tried = log.columns("recipients", "transaction", "forward_path", "status", "code")
    made = log.columns("transactions", "transaction", "session", "start", "reverse_path", "size", "outcome")
    both = made.merge(tried, on="transaction", how="left")
    return both, len(both)
