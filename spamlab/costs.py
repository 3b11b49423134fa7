"""The lines of attempts to deliver a report, logged or modelled, and what they put on the wire.

One table runs through: a row a line, those of a connection in order. ``connection``; ``transaction`` (missing where
the line is the whole session's); ``part`` of the dialogue; ``direction``; ``octets`` (SMTP, with CRLF; missing for a
message of unknown size); ``basis`` (``logged`` or ``modelled``); ``at`` (its place).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import dialogue, wire
from spamlab.messages import SPOKEN
from spamlab.wire import WireModel

if TYPE_CHECKING:
    from spamlab.log import Log

PARTS = ("set-up", "MAIL", "RCPT", "DATA", "message", "RSET", "QUIT", "other")
AMOUNTS = ["smtp_out", "smtp_in", "tcp_out", "tcp_in", "ip_out", "ip_in", "packets_out", "packets_in"]
_LINES = ("command", "reply", "data", "auth")
_WRITTEN = ["connection", "transaction", "part", "direction", "octets", "basis", "at"]

# The dialogue taken for an attempt whose lines were not logged: RFC 5321 appendix D.1 (typical scenario),
# each attempt in a session of its own. Address, and size in digits and octets, come on top.
MODEL = pd.DataFrame(
    [
        ("set-up", "received", "220 foo.com Simple Mail Transfer Service Ready"),
        ("set-up", "sent", "EHLO bar.com"),
        ("set-up", "received", "250-foo.com greets bar.com\n250-8BITMIME\n250-SIZE\n250-DSN\n250 HELP"),
        ("MAIL", "sent", "MAIL FROM:<> SIZE="),
        ("MAIL", "received", "250 OK"),
        ("RCPT", "sent", "RCPT TO:<>"),
        ("RCPT", "received", "550 No such user here"),
        ("DATA", "sent", "DATA"),
        ("DATA", "received", "354 Start mail input; end with <CRLF>.<CRLF>"),
        ("message", "sent", "."),
        ("message", "received", "250 OK"),
        ("QUIT", "sent", "QUIT"),
        ("QUIT", "received", "221 foo.com Service closing transmission channel"),
    ],
    columns=["part", "direction", "text"],
)
MODEL = MODEL.assign(octets=dialogue.octets(MODEL.pop("text")).astype("float64"))
_REFUSED, _OK = 23.0, 8.0  # octets of the model's replies to RCPT


def modelled(tries: pd.DataFrame) -> pd.DataFrame:
    """The model dialogue of each try, in a connection of its own.

    Parameters
    ----------
    tries : DataFrame
        ``transaction``, ``size`` (octets or missing), ``path`` (octets of the recipient's address), ``sent`` (whether
        the message was).
    """
    rows = tries.reset_index(drop=True).rename_axis("connection").reset_index().merge(MODEL, how="cross")
    part, sent = rows["part"], rows["direction"] == "sent"
    size = rows["size"].astype("Int64")
    digits = size.astype("str").str.len().fillna(0).to_numpy(dtype="float64")
    more: list[Any] = [digits, rows["path"], size.astype("float64"), np.where(rows["sent"], _OK - _REFUSED, 0)]
    where = [sent & (part == name) for name in ("MAIL", "RCPT", "message")] + [part == "RCPT"]
    rows["octets"] += np.select(where, more, 0.0)
    return rows[rows["sent"] | ~part.isin(["DATA", "message"])].assign(basis="modelled")


def _spoken(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """Lines of sessions that hold NDRs, but of no other transaction; ``opens``: the reply that asks for a text."""
    lines = log.columns("events", "transaction", *SPOKEN)
    lines = lines[~lines["echo"] & lines["kind"].isin(_LINES)]
    lines = lines[lines["session"].isin(found["session"].dropna())].sort_values("session", kind="stable")
    lines = lines[lines["transaction"].isna() | lines["transaction"].isin(found.index)]
    text = log.columns("events", "text")["text"].reindex(lines.index) if len(lines) else pd.Series(dtype="str")
    asks = lines["kind"].isin(["command", "data"]) | (lines["kind"].eq("auth") & lines["code"].isna())
    part = lines["verb"].astype("str").where(asks)
    before = part.where(lines["kind"] == "command").groupby(lines["session"]).ffill()
    answer = dialogue.answers(lines).dropna().astype("int64")
    part.loc[answer] = part.loc[answer.index].to_numpy()
    message = (part.isna() & before.eq("DATA")) | (lines["kind"] == "data") | (part == "BDAT")  # or its verdict
    part = part.fillna(before).mask(message, "message")
    part = part.where(part.isin(PARTS), "other").mask(lines["transaction"].isna() & part.ne("QUIT"), "set-up")
    return pd.DataFrame(
        {
            "connection": lines["session"].astype("int64"),
            "transaction": lines["transaction"].astype("float64"),
            "part": part,
            "direction": np.where(lines["direction"] == "sent", "sent", "received"),
            "octets": dialogue.octets(text).fillna(0).astype("float64"),
            "basis": "logged",
            "at": np.arange(len(lines), dtype="float64"),
            "opens": lines["code"].eq(354).fillna(False).astype(bool) & ~asks,
        }
    )


def _logged(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """Lines of NDRs whose dialogue was logged; of a message's text, which a server does not log, the size."""
    lines = _spoken(log, found)
    told = lines.loc[(lines["part"] == "message") & (lines["direction"] == "sent"), "transaction"]
    opened = lines[lines["opens"] & ~lines["transaction"].isin(told)].drop_duplicates("transaction", keep="last")
    size = opened["transaction"].map(found["size"].astype("float64"))
    # SIZE counts a message's octets without the final dot (RFC 1870 §3).
    text = opened.assign(part="message", direction="sent", octets=size + 3, basis="modelled", at=opened["at"] + 0.5)
    return pd.concat([lines, text]).sort_values("at", kind="stable")


def written(log: Log, found: pd.DataFrame) -> pd.DataFrame:
    """The lines of all attempts: as logged, and modelled, one session for each host tried, where none were.

    Parameters
    ----------
    log : any Log.
    found : DataFrame of `backscatter.ndrs`.
    """
    commands = log.columns("events", "transaction", "kind", "echo")
    commands = commands[commands["kind"].eq("command") & ~commands["echo"]]
    heard = found.index.isin(commands["transaction"].dropna().astype("int64"))
    logged = _logged(log, found[heard])
    tried = log.columns("recipients", "transaction", "forward_path", "status", "reply", "relay")
    tried = tried[tried["transaction"].isin(found.index[~heard])]
    tried = tried[tried["relay"].str.contains("[", regex=False).fillna(False).astype(bool)]
    sent = (tried["status"] == "delivered") | tried["reply"].str.contains("end of DATA", regex=False).fillna(False)
    path = dialogue.octets(tried["forward_path"]).fillna(2).astype("float64") - 2
    tries = tried[["transaction"]].assign(sent=sent, size=tried["transaction"].map(found["size"]), path=path)
    made = modelled(tries.astype({"transaction": "float64"}))
    made["connection"] += int(logged["connection"].max() + 1) if len(logged) else 0
    made["at"] = len(logged) + np.arange(len(made), dtype="float64")
    return pd.concat([logged, made], ignore_index=True)[_WRITTEN]


def piped(rows: pd.DataFrame) -> pd.DataFrame:
    """The lines with PIPELINING (RFC 2920): of each transaction the commands in one write, the replies in another."""
    group = ["connection", "transaction", "direction"]
    held = rows["part"].isin(["MAIL", "RCPT", "DATA", "RSET"]) & rows["transaction"].notna()
    first = rows[held].groupby(group[:2])["at"].transform("min") + 0.25 * (rows["direction"] == "received")
    merged = rows[held].assign(at=first[held]).groupby([*group, "at"], as_index=False).agg({"octets": "sum"})
    merged["part"] = "MAIL"
    return pd.concat([rows[~held], merged], ignore_index=True).sort_values("at", kind="stable", ignore_index=True)


def with_texts(rows: pd.DataFrame, size: pd.Series) -> pd.DataFrame:
    """The lines had these transactions' recipients been accepted, and their texts (``size`` octets) been refused."""
    reply = rows[(rows["part"] == "RCPT") & (rows["direction"] == "received") & rows["transaction"].isin(size.index)]
    last = reply.drop_duplicates(["connection", "transaction"], keep="last")
    verdict = last["octets"]
    ok = rows.assign(octets=rows["octets"].mask(rows.index.isin(last.index), _OK))
    command, go_on = MODEL.loc[MODEL["part"] == "DATA", "octets"]
    added = [("DATA", "sent", command), ("DATA", "received", go_on),
             ("message", "sent", last["transaction"].map(size) + 3), ("message", "received", verdict)]  # fmt: skip
    more = [
        last.assign(part=part, direction=way, octets=n, basis="modelled", at=last["at"] + 0.1 * place)
        for place, (part, way, n) in enumerate(added, 1)
    ]
    return pd.concat([ok, *more], ignore_index=True).sort_values("at", kind="stable", ignore_index=True)


def without_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The lines had every recipient been refused at RCPT: no DATA, no text."""
    taken = rows["transaction"].isin(rows.loc[rows["part"] == "message", "transaction"])
    reply = taken & (rows["part"] == "RCPT") & (rows["direction"] == "received")
    return rows.assign(octets=rows["octets"].mask(reply, _REFUSED))[~rows["part"].isin(["DATA", "message"])]


def amounts(rows: pd.DataFrame, model: WireModel) -> pd.DataFrame:
    """By line (`AMOUNTS`): octets of SMTP, of TCP segments, of IP packets, and packets, out and in."""
    sent = rows["direction"] == "sent"
    smtp = {"smtp_out": rows["octets"].where(sent, 0), "smtp_in": rows["octets"].where(~sent, 0)}
    return wire.writes(rows, model).assign(**smtp)[AMOUNTS]


def total(rows: pd.DataFrame, model: WireModel) -> pd.Series:
    """All lines together with their connections (`AMOUNTS`); texts of unknown size are left out."""
    opened = wire.connection(model).reindex(AMOUNTS, fill_value=0.0)
    return amounts(piped(rows) if model.pipelining else rows, model).sum() + opened * rows["connection"].nunique()


def shared(rows: pd.DataFrame, model: WireModel) -> pd.DataFrame:
    """`AMOUNTS` by transaction and part; what is the session's is shared equally among its transactions."""
    rows = piped(rows) if model.pipelining else rows
    key = ["connection", "transaction"]
    each = pd.concat([rows[[*key, "part"]], amounts(rows, model)], axis=1)
    own = each.dropna(subset="transaction")
    members = own[key].drop_duplicates()
    members["among"] = members.groupby("connection")["transaction"].transform("size")
    opened = pd.DataFrame({"connection": members["connection"].unique(), "part": "set-up"})
    opened[AMOUNTS] = wire.connection(model).reindex(AMOUNTS, fill_value=0.0).to_numpy()
    common = pd.concat([each[each["transaction"].isna()].drop(columns="transaction"), opened])
    common = common.groupby(["connection", "part"], as_index=False)[AMOUNTS].sum().merge(members, on="connection")
    common[AMOUNTS] = common[AMOUNTS].div(common["among"], axis=0)
    rows = pd.concat([own, common]).astype({"transaction": "int64"})
    return rows.groupby(["transaction", "part"])[AMOUNTS].sum(skipna=False)  # without SIZE a text is unknown
