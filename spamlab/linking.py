"""From the records of a mail server's log to messages, sessions and recipients, by queue id and by process.

A format says in ``Rules`` what its words mean; its shapes name their fields after the tables' columns, and so does
this module. ``followed`` finds what each event belongs to, ``chains`` what ties messages together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import beside, chains, lexer, pages, tables, texts
from spamlab.assembly import outcomes
from spamlab.followed import Followed, Rules, within
from spamlab.records import Assembled, Options, Records, first, integers, tally, used

__all__ = ["NEEDED", "Rules", "assembler"]

_NEEDED = {
    "events": ("text",),  # the lines' whole text
    "sessions": ("peer_host", "helo", "tls", "authenticator", "refused", "commands", "quits", "resets", "verbs"),
    "transactions": ("reverse_path", "message_id"),
    "recipients": (
        *("relay", "reply", "delay"),
        *("delay_before_queue", "delay_in_queue", "delay_connect", "delay_transmit"),
    ),
    "recipients transactions": ("orig_to", "status"),
    "events recipients transactions": ("size", "code", "enhanced_code"),
}
NEEDED = {column: frozenset(tables.split()) for tables, columns in _NEEDED.items() for column in columns}
"""By column the tables that need it; all others are needed for all of them."""

_LAST = frozenset({"transactions", "events"})
"""The tables that are made last; ``chains`` follows replies meanwhile."""


def assembler(rules: Rules) -> Callable[[Records, Options], Assembled]:
    """The function that turns a format's records into tables, and uses them up: who needs them after gives a copy."""
    return lambda records, options: _tables(Followed(records, options, rules))


def _seconds(micros: np.ndarray) -> np.ndarray:
    return np.where(micros == lexer.MISSING, np.nan, micros / lexer.SECOND)


def _tables(log: Followed) -> Assembled:
    """Build the tables that are wanted, the largest last: what the others alone need is let go before."""
    wanted = log.options.tables
    made = {}
    with ThreadPoolExecutor(1) as pool:  # most of the work holds no lock
        sessions = pool.submit(_sessions, log) if "sessions" in wanted else None
        recipients = _recipients(log) if wanted & {"recipients", "transactions"} else None
        if sessions:
            made["sessions"] = sessions.result()
        if recipients is not None:
            log.records.keep(name for name in log.records.columns if name == "reply" or NEEDED.get(name, _LAST) & _LAST)
            transactions = pool.submit(_transactions, log, recipients)
            made["recipients"] = recipients.assign(requeued_as=chains.requeued(log, recipients))
            made["transactions"] = transactions.result()
    if "events" in wanted:
        made["events"] = _events(log)
    else:  # only what is needed to know when a source begins and ends
        made["events"] = tables.conform("events", {"time": log.time})
    return Assembled(made, log.assumed)


_OF_EVENTS = (*tables.TABLES["events"], "forward_path", "user")
"""The columns that ``log.events`` is made of."""


def _events(log: Followed) -> pd.DataFrame:
    records = log.records
    records.keep(_OF_EVENTS)
    pages.give_back()
    way = log.is_kind("receive", "connect") * np.int8(2) + log.is_kind("reject", "deliver") * np.int8(1) - 1
    columns: dict[str, Callable[[], Any]] = {
        "argument": lambda: _arguments(log),
        "session": lambda: integers(log.session),
        "transaction": lambda: integers(log.transaction),
        "direction": lambda: tables.categorical(way, tables.DIRECTIONS),
        "kind": lambda: tables.categorical(log.kind, tables.KINDS),
        "code": lambda: records.integer("code"),
        "enhanced_code": lambda: records.category("enhanced_code"),
        "text": lambda: records.text("text"),
        "size": lambda: records.integer("size"),
        "queue_id": lambda: records.text("queue_id"),
        "host": lambda: records.category("host"),
        "program": lambda: records.category("program"),
        "pid": lambda: records.integer("pid"),
        "repeats": lambda: _repeats(log),
        "source": lambda: tables.categorical(records.source, records.names),
    }
    made: dict[str, Any] = {"time": log.time, "verb": log.verb, "echo": log.echo}
    made |= {"line": records.line, "lines": records.lines}
    made |= beside.together(columns)
    return tables.conform("events", made, index=pd.RangeIndex(log.n))


def _arguments(log: Followed) -> pd.Series:
    """Whom a refusal was about, and the account of a login."""
    chosen = {"forward_path": log.is_kind("reject"), "user": log.is_kind("auth")}
    rows = {name: within(log.records.rows(name), which) for name, which in chosen.items()}
    named = [texts.whole(log.records.text(name, some)) for name, some in rows.items()]
    every = np.concatenate(list(rows.values()))
    order = np.argsort(every, kind="stable")
    told = pa.chunked_array(named).take(pa.array(order))
    return pd.Series(pd.array(texts.spread(told, every[order], log.n), dtype="str"))


def _repeats(log: Followed) -> np.ndarray:
    times = np.ones(log.n, dtype=np.int64)
    if "repeats" in log.records.columns:
        found = log.records.columns["repeats"]
        times[found.rows] = np.maximum(found.values, 1)
    return times


def _sessions(log: Followed) -> pd.DataFrame:
    n, of = log.sessions, log.session
    start, end = log.span(of, n)
    named = log.records.has("user") | log.records.has("authenticator")
    authenticated = log.is_kind("auth", "receive", "reject") & named & ~log.records.has("refused")
    closed = tally(of[log.is_kind("disconnect") & (of >= 0)], n) > 0
    words = ["cut", "quit", "dropped", *(dict(shape.says).get("ended", "") for shape in log.records.shapes)]
    ended = closed.astype(np.int64)
    commands = log.records.integer_by("commands", of, n)  # counted, and no QUIT among them: the server hung up
    counted = commands.notna().to_numpy(bool) & log.records.integer_by("quits", of, n).isna().to_numpy(bool)
    ended[closed & counted] = words.index("dropped")
    rows = np.flatnonzero((of >= 0) & log.records.says("ended"))
    ended[of[rows]] = np.array([words.index(word) for word in words])[log.records.shape[rows] + 3]
    secured = log.is_kind("tls") | log.records.has("tls")
    host, ip = (log.records.text_by(name, of, n) for name in ("peer_host", "peer_ip"))
    listed = log.records.text_by("verbs", of, n)  # some servers list a connection's commands
    arrived = of[log.arrival[log.arrival >= 0]]
    return tables.conform(
        "sessions",
        {
            "session": np.arange(n),
            "role": "server",
            "peer_ip": ip.mask(ip.eq("unknown").fillna(False)),
            "peer_host": host.mask(host.eq("unknown").fillna(False)),
            "helo": log.records.text_by("helo", of, n, last=True),
            "start": start,
            "end": end,
            "user": log.records.text_by("user", of, n, last=True),
            "authenticated": tally(of[authenticated & (of >= 0)], n) > 0,
            "tls": tally(of[secured & (of >= 0)], n) > 0,
            "commands": commands.fillna(listed.str.count(",") + 1).fillna(0),
            "replies": 0,
            "transactions": tally(arrived[arrived >= 0], n),
            "resets": log.records.integer_by("resets", of, n).fillna(listed.str.count("RSET")).fillna(0),
            "ended": tables.categorical(*used(ended, words)),
        },
        index=pd.RangeIndex(n),
    )


def _recipients(log: Followed) -> pd.DataFrame:
    records = log.records
    status = log.status
    rows = np.flatnonzero(status >= 0)
    repeats = _repeats(log)[rows]
    if (repeats > 1).any():
        rows = np.repeat(rows, repeats)
    path = records.text("forward_path", rows)
    if between := log.rules.between:
        many = path.str.contains(between, regex=False).fillna(False) & log.is_kind("deliver")[rows]
        apart = re.compile(f'{between}(?=(?:[^"]*"[^"]*")*[^"]*$)')  # but not inside a quoted string
        lists = path.astype(object)
        lists[many] = [[one.strip(" <>") for one in apart.split(listed)] for listed in path[many]]
        lists = lists.explode()
        rows, path = rows[lists.index.to_numpy()], lists.astype("str").reset_index(drop=True)
    original = records.text("orig_to", rows)
    at, named = _given_up(log, rows, path, original)
    rows = rows[at]
    return tables.conform(
        "recipients",
        {
            "transaction": integers(log.transaction[rows]),
            "session": integers(log.session[rows]),
            "time": log.time.take(rows),
            "forward_path": path.take(named),
            "orig_to": original.take(named),
            "status": tables.categorical(status[rows], tables.STATUSES),
            "code": records.integer("code", rows),
            "enhanced_code": records.category("enhanced_code", rows),
            "reply": records.text("reply", rows),
            "relay": records.text("relay", rows),
            **{
                name: _seconds(records.number(name, rows))
                for name in tables.TABLES["recipients"]
                if name.startswith("delay")
            },
        },
        index=pd.RangeIndex(len(rows)),
    )


def _given_up(log: Followed, rows: np.ndarray, path: pd.Series, original: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """A line that gives a message up without naming a recipient counts for each one still pending.

    Given the attempts' events and whom they name: which attempts the table's rows are, and whom those name.
    """
    each, of = np.arange(len(rows)), log.transaction[rows]
    expired = (log.status[rows] == tables.STATUSES.index("expired")) & path.isna().to_numpy(bool) & (of >= 0)
    if not expired.any():
        return each, each
    given_up = pd.DataFrame({"label": each[expired], "transaction": of[expired]})
    tried = np.flatnonzero(np.isin(of, of[expired]) & ~expired & path.notna().to_numpy(bool))
    tries = pd.DataFrame({"at": tried, "transaction": of[tried], "status": log.status[rows[tried]]})
    tries["who"], tries["original"] = path.take(tried).to_numpy(), original.take(tried).to_numpy()
    tries = tries.merge(given_up, on="transaction")
    tries = tries[tries["at"] < tries["label"]].drop_duplicates(["label", "who", "original"], keep="last")
    pending = tries[tries["status"] == tables.STATUSES.index("deferred")]
    pending = pending.drop_duplicates(["transaction", "who", "original"])
    alone = np.setdiff1d(given_up["label"], tries["label"])
    at = np.concatenate([each[~expired], alone, pending["label"]])
    named = np.concatenate([each[~expired], alone, pending["at"]])
    order = np.argsort(at, kind="stable")
    return at[order], named[order]


def _transactions(log: Followed, recipients: pd.DataFrame) -> pd.DataFrame:
    n, of, session = log.made, log.transaction, log.session_of[:-1]
    start, end = log.span(of, n)
    reverse = log.records.text_by("reverse_path", of, n, last=True)
    report, about = chains.reports(log)
    number = pd.Series(session).groupby(session).cumcount().to_numpy() + 1
    host = first(of, n, among=log.records.has("host"))
    told = outcomes(recipients, n)
    # Refused as a whole, before a recipient was named or without naming any.
    refused = (tally(of[log.refuses_mail & (of >= 0)], n) > 0) & (told["recipients"] == 0)
    told["outcome"] = np.where(refused, "rejected", told["outcome"])
    return tables.conform(
        "transactions",
        {
            "transaction": np.arange(n),
            "session": integers(session),
            "number": integers(np.where(session < 0, -1, number)),
            "start": start,
            "end": end,
            "reverse_path": reverse,
            "null_sender": reverse.eq("").fillna(False).astype(bool),
            "size": log.records.integer_by("size", of, n, last=True),
            "message_id": log.records.text_by("message_id", of, n),
            "queue_id": log.records.text_by("queue_id", of, n),
            "host": log.records.category("host", np.maximum(host, 0)).where(host >= 0) if log.n else None,
            "user": log.records.text_by("user", of, n),
            **told,
            "report": report,
            "ndr_of": integers(about),
        },
        index=pd.RangeIndex(n),
    )
