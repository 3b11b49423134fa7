r"""The SMTP Receive and Send protocol logs of Exchange 2007 to 2019 and SE.

    #Log-type: SMTP Receive Protocol Log
    #Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context
    2023-01-11T15:59:53.909Z,MX1\Default,08DA4F7C11473A60,2,192.0.2.1:25,192.0.2.9:53722,<,EHLO mail.example.com,

``+`` opens a connection, ``-`` ends it, ``>`` is what the logging server wrote, ``<`` what it read, ``*`` tells
something. Sessions interleave; sequence numbers order a session's rows and can repeat or skip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import assembly, beside, stamps, tables, texts
from spamlab.formats import exchange_told
from spamlab.records import Assembled, Options, Records, first
from spamlab.walk import CLIENT, RECEIVED, SENT, SERVER


def _clean(text: pd.Series) -> pd.Series:
    """In a quoted value two quotes are one."""
    return texts.changed(text, texts.having(text, '""'), lambda some: some.str.replace('""', '"', regex=False))


def _path(text: pd.Series) -> pd.Series:
    """Without brackets a path ends where its value does."""
    rows = texts.having(text, ",")
    return _clean(texts.changed(text, rows, lambda some: some.str.replace(r",[^@]*$", "", regex=True)))


_REPLY, _COMMAND, _CONNECT, _DISCONNECT, _NOTE = map(
    tables.KINDS.index, ("reply", "command", "connect", "disconnect", "note")
)


def _in_order(session: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """The rows session after session, by their numbers there."""
    order = np.argsort(session, kind="stable")
    back = (np.diff(sequence[order]) < 0) & (np.diff(session[order]) == 0)
    return np.lexsort((sequence, session)) if back.any() else order


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of protocol logs into the tables."""
    found = beside.together(
        {
            "when": lambda: stamps.moments(records, options),
            "text": lambda: _clean(records.text("text")),
            "argument": lambda: _clean(records.text("argument")),
            "path": lambda: _path(records.text("path")),
        }
    )
    time, assumed = found["when"]
    session = pd.factorize(records.codes("session"))[0]
    count = int(session.max(initial=-1)) + 1
    order = _in_order(session, records.number("sequence"))
    kind = records.kinds()
    ways = [{">": SENT, "<": RECEIVED}[word] for word in records.words("arrow")]
    direction = np.array([*ways, -1], dtype=np.int8)[records.codes("arrow")]
    reply = kind == _REPLY
    role = _roles(records, session, count, direction, reply, kind == _COMMAND)[session]
    # Who speaks says what it is: a client's line is no reply, whatever it begins with.
    answers = (direction == SENT) == (role == SERVER)
    code = np.where(reply & answers & (direction >= 0), records.number("code"), -1).astype(np.int16)
    aside = np.where(direction >= 0, np.int8(-1), kind)
    text = _join_replies(found["text"], order, session, direction, code, aside)
    closes = np.zeros(count, dtype=bool)
    closes[session[kind == _DISCONNECT]] = True
    said = assembly.Dialogue.of(
        records,
        columns={"time": time, "host": records.category("host")},
        session=session,
        role=role,
        direction=direction,
        connect=kind == _CONNECT,
        code=code,
        text=texts.Draft(text),
        argument=texts.Draft(found["argument"]),
        path=found["path"],
        peer=records.text("peer"),
        last=~closes,
        aside=aside,
        order=order,
    )
    records.keep(("user", "refused"))
    made = assembly.assemble(said, options.tables)
    _complete(made, records, session)
    if "transactions" in made:
        exchange_told.acked(made)
        exchange_told.name(made["events"], made["transactions"], role, order)
    return Assembled(made, assumed)


def _roles(records: Any, session: Any, n: int, direction: Any, reply: Any, command: Any) -> np.ndarray:
    """Each session's role: as the log's type says, else by who speaks replies, else by who speaks commands."""
    role = np.full(n, -1, dtype=np.int8)
    server = np.where(direction == SENT, np.int8(SERVER), np.int8(CLIENT))
    for rows, means in ((command, 1 - server), (reply, server)):
        rows = rows & (direction >= 0)
        role[session[rows]] = means[rows]
    for word, number in (("server", SERVER), ("client", CLIENT)):
        role[session[records.said("role") == word]] = number
    return np.where(role < 0, np.int8(SERVER), role)


def _join_replies(text: pd.Series, order: Any, session: Any, direction: Any, code: Any, aside: Any) -> pd.Series:
    """Of a reply that is logged a line a row the first row is the reply, with the text of all; the others are notes."""
    said = order[aside[order] < 0]
    coded = code[said] >= 0
    more = np.zeros(len(said), dtype=bool)
    more[coded] = text.take(said[coded]).str.slice(3, 4).eq("-").to_numpy(bool)
    follows = np.zeros(len(said), dtype=bool)
    follows[1:] = more[:-1] & (session[said[1:]] == session[said[:-1]]) & (direction[said[1:]] == direction[said[:-1]])
    if not follows.any():
        return text
    begins = np.flatnonzero(~follows)
    bounds, words = pa.array(np.append(begins, len(said)), pa.int32()), texts.whole(text.iloc[said])
    joined = pc.binary_join(pa.ListArray.from_arrays(bounds, words), pa.scalar("\n", pa.large_string()))
    joined = pd.Series(pd.array(joined, dtype="str"))
    long = np.diff(np.append(begins, len(said))) > 1
    aside[said[follows]] = _NOTE
    return texts.amended(text, (said[begins[long]], joined[long]))


def _complete(made: dict[str, pd.DataFrame], records: Records, session: np.ndarray) -> None:
    """Put in what the log tells beside the dialogue: accounts, TLS, why a session ended."""
    events = made["events"]
    kind = events["kind"]
    rows = records.rows("user")
    how = np.union1d(rows, records.rows("refused"))  # how a login ended
    events["verb"] = events["verb"].cat.set_categories(events["verb"].cat.categories.union(["AUTH"]))
    events.loc[how, "verb"] = "AUTH"
    events["argument"] = texts.amended(events["argument"], (rows, records.text("user", rows)))
    if "sessions" not in made:
        return
    sessions, transactions = made["sessions"], made["transactions"]
    sessions.loc[session[rows], "authenticated"] = True
    sessions.loc[session[kind.eq("tls")], "tls"] = True
    named = (kind.eq("auth") & events["argument"].notna() & events["direction"].isna()).to_numpy(bool)
    tried, known = (first(session, len(sessions), last=True, among=some) for some in (named, records.has("user")))
    at = np.where(known >= 0, known, tried)
    whose = np.flatnonzero(at >= 0)
    sessions["user"] = texts.amended(sessions["user"], (whose, events["argument"].take(at[whose])))
    late = kind.eq("disconnect") & events["text"].str.contains("time", case=False).fillna(False)
    ended = sessions["ended"].astype("str")
    why = np.zeros(len(sessions), dtype=bool)
    why[session[late]] = True
    sessions["ended"] = ended.mask(why & ended.eq("dropped"), "timeout").astype("category")
    account = sessions["user"].where(sessions["authenticated"])
    transactions["user"] = account.take(transactions["session"].to_numpy(np.int64)).array
