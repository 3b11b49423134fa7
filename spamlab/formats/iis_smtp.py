r"""The Windows SMTP service (Exchange 2000/2003, IIS): W3C extended, NCSA common and Microsoft IIS log files.

    #Fields: date time c-ip cs-username s-sitename cs-method cs-uri-stem cs-uri-query sc-status sc-bytes cs-bytes
    2006-10-09 05:00:16 192.0.2.118 mx.example.net SMTPSVC1 RCPT - +TO:+<ann@example.com> 250 29 27

An inbound record is a command with the code of its answer (``cs-username``: the HELO name; QUIT shows 240).
``OutboundConnectionCommand`` and ``OutboundConnectionResponse`` are the service's own dialogue as a client, where
``sc-status`` is 0. Spaces in values are ``+``, none is ``-``. W3C times are GMT, those of the IIS format local.
Facts: Microsoft Learn, "W3C Extended Log File Format"; the W3C working draft WD-logfile-960323.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import assembly, beside, dialogue, runs, stamps, tables, texts
from spamlab.engine import Kernel
from spamlab.formats.iis_lines import VARIANTS, header
from spamlab.records import Assembled, Format, Options, Records, integers_at
from spamlab.walk import CLIENT, RECEIVED, SENT, SERVER, VERBS

_follow = Kernel(runs.follow, "i8* i8* b1* b1* i1* i2* i8* i8** i8* i8** i8* b1*")


def _times(records: Records, options: Options) -> tuple[pd.Series, dict[str, Any]]:
    time, assumed = stamps.either(records, options, "UTC")  # W3C times are GMT, NCSA's state their zone
    local = np.bincount(records.source, records.has("stamp"), len(records.names)) > 0
    return time, {**assumed, "tz_assumed": pd.Series(assumed["tz_assumed"], range(len(local))).where(local)}


def _sessions(records: Records, time: pd.Series, out: Any, reply: Any, number: Any, code: Any) -> tuple[Any, Any]:
    """Each record's session, and of each session whether it may go on after the log's end."""
    n, (host, ip, helo) = len(records), (records.codes(name) for name in ("host", "peer_ip", "helo"))
    place = (host + np.int64(1)) * (int(ip.max(initial=0)) + 2)
    place += ip + 1
    place = pd.factorize(place * 2 + out)[0]
    named = pd.factorize(place * (int(helo.max(initial=0)) + 1) + helo)[0]
    named[helo < 0] = -1
    known = time if not time.hasnans else time.ffill().bfill().fillna(pd.Timestamp(0, tz="UTC"))
    latest = np.full((2, place.max(initial=0) + 1), -1, dtype=np.int64)
    by_name = np.full(named.max(initial=0) + 1, -1, dtype=np.int64)
    session, alive = np.empty(n, dtype=np.int64), np.zeros(n, dtype=bool)
    told = place, named, out, reply, number, code, known.astype("int64").to_numpy()
    scratch = latest, by_name, np.empty((5, n), dtype=np.int64)
    return session, alive[: int(_follow.pick(n * 60)(*told, *scratch, session, alive))]


def _said(records: Records, mail: np.ndarray, reply: np.ndarray) -> dict[str, Any]:
    """What the records say: columns of the dialogue; ``mail``, ``reply``: which hold a MAIL command, a reply."""
    path, argument = _path(records.text("path")), records.text("argument")
    rows = np.flatnonzero(reply)
    rows = rows[texts.having(argument.take(rows), "@")]
    named = texts.amended(path, (rows, texts.extracted(argument.take(rows), _NAMED)))
    argument = _keep_plus(texts.swapped(argument, "+", " "), named).str.strip()
    text = texts.joined(records.text("verb"), argument)
    drafts = {"argument": texts.Draft(argument), "text": texts.Draft(text)}
    return {**drafts, "path": path, "size": _declared(argument, mail)}


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of SMTP service logs into the tables."""
    number, status = dialogue.verb_numbers(records.category("verb")), records.number("status")
    out = records.has("outbound") | (pd.notna(records.said("outbound")) & (status == 0))
    reply = out & (number < 0)
    code = np.where(reply, records.number("code"), np.where(out, -1, status))
    code = np.where((code >= 200) & (code < 600), code, -1).astype(np.int16)
    gone = ~out & np.isin(records.codes("verb"), np.flatnonzero(records.words("verb").str.upper() == "TIMEOUT"))
    spoken = (reply | (number >= 0)) & ~gone  # that a client was silent is the service's word

    def when() -> tuple[Any, ...]:
        time, assumed = _times(records, options)
        return time, assumed, *_sessions(records, time, out, reply, number, code)

    found = beside.together({"said": lambda: _said(records, number == VERBS.index("MAIL"), reply), "when": when})
    time, assumed, session, alive = found["when"]
    said = assembly.Dialogue.of(
        records,
        columns={"time": time, "host": records.category("host")},
        session=session,
        role=np.where(out, np.int8(CLIENT), np.int8(SERVER)),
        direction=np.where(out & ~reply, np.int8(SENT), np.where(spoken, np.int8(RECEIVED), np.int8(-1))),
        code=code,
        peer=records.text("peer_ip"),
        last=np.ones(len(alive), dtype=bool),
        aside=np.where(spoken, np.int8(-1), np.int8(tables.KINDS.index("note"))),
        order=np.argsort(session, kind="stable"),
        both=~out & spoken & (code > 0),
        **found["said"],
    )
    records.keep(("octets_sent", "octets_received", "helo"))
    made = assembly.assemble(said, options.tables)
    _complete(made, records, out, number, alive)
    if "sessions" in made:
        late = np.zeros(len(alive), dtype=bool)
        late[session[gone]] = True
        made["sessions"]["ended"] = made["sessions"]["ended"].astype("str").mask(late, "timeout").astype("category")
    return Assembled(made, assumed)


_PARAMETER = r"(?i)^\+*<?(.*@.*?)>?(?:\+(?:SIZE|BODY|AUTH|RET|ENVID|NOTIFY|ORCPT)=.*)?$"


def _path(path: pd.Series) -> pd.Series:
    """Without brackets a path can have blanks before it, and ends before a parameter."""
    begins = path.str.startswith(("+", "<")).fillna(False).to_numpy(bool)
    rows = np.union1d(np.flatnonzero(begins), texts.having(path, "="))  # few: in an address plus signs are common
    return texts.changed(path, rows, lambda some: some.str.replace(_PARAMETER, r"\1", regex=True))


def _keep_plus(argument: pd.Series, path: pd.Series) -> pd.Series:
    """In an address a plus sign is one."""
    rows = texts.having(path, "+")
    pairs = zip(argument.take(rows), path.take(rows), strict=True)
    kept = [whole.replace(part.replace("+", " "), part) for whole, part in pairs]
    return texts.amended(argument, (rows, pd.Series(kept, dtype="str")))


_NAMED = r"<(?P<address>[^<>@]*\+[^<>@]*@[^<>+]*)>"  # an address in a reply
_SIZE = r"(?i)\sSIZE=(?P<size>\d{1,15})(?:\D|$)"


def _declared(argument: pd.Series, mail: np.ndarray) -> pd.Series:
    """The SIZE that MAIL declares."""
    rows = np.flatnonzero(mail)
    told = texts.whole(texts.extracted(argument.take(rows), _SIZE)).cast(pa.int64())
    there = told.is_valid().to_numpy(zero_copy_only=False)
    return integers_at(rows[there], told.drop_null().to_numpy(), len(argument))


def _complete(made: dict[str, pd.DataFrame], records: Records, out: np.ndarray, number: np.ndarray, alive: Any) -> None:
    """Put in what the log counts itself: octets, message sizes and ids; HELO names; how sessions ended."""
    events = made["events"]
    size = records.integer("octets_received")
    data = np.isin(number, [VERBS.index("DATA"), VERBS.index("BDAT")]) & ~out
    data &= ~events["code"].ge(400).fillna(False).to_numpy(bool)
    events.loc[data, "size"] = size[data]
    if "sessions" not in made:
        return
    sessions, transactions = made["sessions"], made["transactions"]
    session, n = events["session"].to_numpy(np.int64), len(sessions)
    for name in ("octets_sent", "octets_received"):
        total = records.integer(name).groupby(session).sum(min_count=1).reindex(range(n))
        sessions[name] = sessions[name].where(sessions["role"].eq("client"), total).astype("Int64")
    sessions["helo"] = sessions["helo"].fillna(records.text_by("helo", session, n, last=True))
    data &= events["transaction"].notna().to_numpy()
    belongs = events["transaction"][data].to_numpy(np.int64)
    total = size[data].groupby(belongs).sum(min_count=1).reindex(range(len(transactions)))
    transactions["size"] = total.fillna(transactions["size"]).astype("Int64")
    named = texts.extracted(events["argument"][data], r"^<?(?P<id>[^\s<>]+@[^\s<>]*)>?$")
    first = named.groupby(belongs).first().reindex(range(len(transactions)))
    transactions["message_id"] = transactions["message_id"].fillna(first)
    ends = events["time"].groupby(records.source).transform("max").groupby(session).last()
    near = (ends - sessions["end"]).le(pd.Timedelta(runs.SILENCE, "us")) | sessions["end"].isna()
    dropped = sessions["ended"].eq("cut") & ~(near & alive)
    sessions["ended"] = sessions["ended"].astype("str").mask(dropped, "dropped").astype("category")


FORMAT = Format("iis-smtp", VARIANTS, assemble, header=header)
