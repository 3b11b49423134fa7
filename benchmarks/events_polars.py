"""The events table's columns (``benchmarks.events``) made by Polars: lazy expressions a format, on its own readers.

A regular expression is tried only on the rows it is meant for: ``_where`` makes the others null, which cost nothing.
"""

from __future__ import annotations

import sys
from typing import Any

import polars as pl

from benchmarks.columns import LAYOUTS, names
from benchmarks.events import COLUMNS, ENHANCED, header

TYPES = {
    "line": pl.UInt32, "time": pl.Datetime("us"), "session": pl.UInt32, "code": pl.Int16, "size": pl.Int64,
    "pid": pl.Int32, "echo": pl.Boolean,
}  # fmt: skip

Columns = dict[str, Any]


def _where(test: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(test).then(value)


def _is(*kinds: str) -> pl.Expr:
    return pl.col("kind").is_in(list(kinds)) if len(kinds) > 1 else pl.col("kind") == kinds[0]


def _some(kind: str, column: str = "body") -> pl.Expr:
    """A column where an event is of that kind."""
    return _where(_is(kind), pl.col(column))


def _number(text: pl.Expr, kind: Any = None) -> pl.Expr:
    return text.cast(kind or pl.Int64, strict=False)


def _code(text: pl.Expr) -> pl.Expr:
    return text.str.slice(0, 3).cast(pl.Int16, strict=False)


def _choose(*ways: tuple[pl.Expr, Any], otherwise: Any = None) -> pl.Expr:
    """The first value whose test holds."""
    chain: Any = pl
    for test, value in ways:
        chain = chain.when(test).then(pl.lit(value) if isinstance(value, str) else value)
    return chain.otherwise(pl.lit(otherwise) if isinstance(otherwise, str) else otherwise)


REPLY = rf"^\d{{3}}[ -]({ENHANCED})"
SIZE = r" SIZE=(\d+)$"


def _numbered(rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """Rows whose ``session`` numbers a column's values in the order in which they first come."""
    seen = rows.with_columns(seen=pl.col(name).is_first_distinct().cum_sum() - 1)
    return seen.with_columns(session=pl.col("seen").first().over(name))


def _table(log: str, format: str, **types: Any) -> pl.LazyFrame:
    layout, skipped = LAYOUTS[format], header(log)
    schema = {name: types.get(name, pl.String) for name in names(log, layout)}
    return pl.scan_csv(
        log, separator=layout.separator, has_header=False, skip_lines=skipped, schema=schema,
        quote_char=layout.quote or None, null_values=None if layout.quote else "-", row_index_name="line",
        row_index_offset=skipped + 1,
    )  # fmt: skip


def _zeek(rows: pl.LazyFrame) -> tuple[pl.LazyFrame, Columns]:
    reply = pl.col("last_reply")
    return _numbered(rows, "uid"), {
        "time": (pl.col("ts") * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us")),
        "session": pl.col("session"),
        "direction": pl.lit("received"),
        "kind": pl.lit("exchange"),
        "code": _code(reply),
        "enhanced_code": reply.str.extract(REPLY),
        "text": reply,
    }


def zeek(log: str) -> tuple[pl.LazyFrame, Columns]:
    return _zeek(_table(log, "zeek", ts=pl.Float64))


def zeek_json(log: str) -> tuple[pl.LazyFrame, Columns]:
    schema = {"ts": pl.Float64, "uid": pl.String, "last_reply": pl.String}
    return _zeek(pl.scan_ndjson(log, schema=schema, row_index_name="line", row_index_offset=1))


def iis(log: str) -> tuple[pl.LazyFrame, Columns]:
    rows = _table(log, "iis-smtp", **{"date": pl.Date, "sc-status": pl.Int16, "cs-bytes": pl.Int64})
    user, query = pl.col("cs-username"), pl.col("cs-uri-query")
    plus = query.str.contains(r"<[^>]*\+")  # in an address a plus sign is one
    parts = _where(plus, query).str.extract_groups("^([^<]*)(<[^>]*>?)(.*)$").struct
    before, after = (parts.field(name).str.replace_all("+", " ", literal=True) for name in ("1", "3"))
    rows = rows.with_columns(
        verb=pl.col("cs-method"),
        out=user.is_in(["OutboundConnectionCommand", "OutboundConnectionResponse"]),
        whole=pl.coalesce(
            pl.concat_str(before, parts.field("2"), after), query.str.replace_all("+", " ", literal=True)
        ).str.strip_chars(" "),
    ).with_columns(answers=pl.col("out") & pl.col("verb").is_null())
    verb, whole, out, answers = (pl.col(name) for name in ("verb", "whole", "out", "answers"))
    data = (verb == "DATA") & ~out & (pl.col("sc-status") < 400)
    return rows, {
        "time": pl.concat_str(pl.col("date").cast(pl.String), pl.lit(" "), "time").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        "direction": _choose((out & ~answers, "sent"), otherwise="received"),
        "kind": _choose((answers, "reply"), (out, "command"), otherwise="exchange"),
        "verb": verb,
        "argument": _where(~answers, whole),
        "code": _choose((answers, _code(whole)), (~out, pl.col("sc-status"))),
        "enhanced_code": _where(answers, whole).str.extract(REPLY),
        "text": _where(answers, whole).otherwise(pl.concat_str(verb, whole, separator=" ", ignore_nulls=True)),
        "size": _choose(
            (verb == "MAIL", _number(_where(verb == "MAIL", whole).str.extract(SIZE))), (data, pl.col("cs-bytes"))
        ),
        "host": pl.col("s-computername"),
    }


def exchange(log: str) -> tuple[pl.LazyFrame, Columns]:
    rows = _table(log, "exchange")
    event, data, context = (pl.col(name) for name in ("event", "data", "context"))
    login = context.str.starts_with("User Name: ")
    rows = rows.with_columns(
        kind=_choose(
            (event == ">", "reply"),
            (event == "<", "command"),
            (event == "+", "connect"),
            (event == "-", "disconnect"),
            (data.is_not_null(), "note"),
            (context.str.starts_with("TLS protocol "), "tls"),
            (context.str.starts_with("Inbound AUTH ") | login, "auth"),
            otherwise="note",
        )
    )
    words = _some("command", "data").str.splitn(" ", 2).struct
    return _numbered(rows, "session-id"), {
        "time": pl.col("date-time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="us"),
        "session": pl.col("session"),
        "direction": _choose((event == ">", "sent"), (event == "<", "received")),
        "kind": pl.col("kind"),
        "verb": pl.coalesce(words.field("field_0").str.to_uppercase(), _choose((_is("auth") & ~login, "AUTH"))),
        "argument": pl.coalesce(words.field("field_1"), _where(_is("auth") & login, context).str.slice(11)),
        "code": _code(_some("reply", "data")),
        "enhanced_code": _some("reply", "data").str.extract(REPLY),
        "text": _choose(
            (_is("reply", "command"), data),
            (~_is("connect"), pl.concat_str(data, context, separator=",", ignore_nulls=True)),
        ),
        "size": _number(_some("command", "data").str.extract(r"^MAIL .* SIZE=(\d+)$")),
        "host": pl.col("connector-id").str.extract(r"^([^\\]*)\\"),
    }


def exchange55(log: str) -> tuple[pl.LazyFrame, Columns]:
    """Lines become events (a line without a stamp goes on with the one before), and those get a place in a dialogue."""
    line, so_far = pl.col("l"), pl.col("arrow")
    lines = pl.scan_csv(
        log, separator="\x01", has_header=False, quote_char=None, schema={"l": pl.String}, encoding="utf8-lossy",
        row_index_name="line", row_index_offset=1, empty_string_is_null=False,
    )  # fmt: skip
    stamped = line.str.contains(r"^\d\d/\d\d/\d\d [\d:]+ [AP]M : ")
    opens = stamped & line.str.contains(" : <<< IO: |", literal=True)
    lines = lines.with_columns(stamped=stamped, opens=opens).with_columns(
        # a stamp inside a raw block is a message's text
        inside=_choose((pl.col("opens"), pl.lit(True)), (line == "|", pl.lit(False))).forward_fill().fill_null(False)
    )
    starts = pl.col("stamped") & (pl.col("opens") | ~pl.col("inside"))
    events = (
        lines.with_columns(event=starts.cum_sum().set_sorted())
        .filter((line != "|") & (pl.col("inside") | (line != "")))  # what ends a block or an event is no text
        .group_by("event", maintain_order=True)
        .agg(pl.col("line").first(), "l")
        .select("line", pl.col("l").list.join("\n").str.splitn(" : ", 2).struct.rename_fields(["stamp", "body"]))
        .unnest("l")
    )
    body = pl.col("body")
    events = events.with_columns(
        raw=body.str.starts_with("<<< IO: |"),
        arrow=_choose((body.str.starts_with(">>> "), pl.lit(1)), (body.str.starts_with("<<< "), pl.lit(0))),
    ).with_columns(
        serves=_where(so_far.is_null(), body.str.starts_with("A connection was ").cast(pl.Int32)),
        t=_choose((pl.col("raw"), body.str.slice(9)), (so_far.is_not_null(), body.str.slice(4)), otherwise=body),
    )
    arrow, serves, t = (pl.col(name) for name in ("arrow", "serves", "t"))
    events = events.with_columns(
        own=(arrow == 0) & ~pl.col("raw") & t.str.starts_with("499 "),
        last=_choose(
            (serves.is_not_null(), pl.lit(0)), (arrow == 1, _number(t.str.slice(0, 3), pl.Int32))
        ).forward_fill(),
        copies=(~pl.col("raw") & pl.col("raw").shift() & (arrow == arrow.shift())).fill_null(False),
    )
    last = pl.col("last")
    events = events.with_columns(
        kind=_choose(
            (serves.is_not_null(), "connect"),
            (pl.col("own"), "note"),
            (serves.forward_fill() == arrow, "reply"),
            ((arrow == 0) & (last == 354), "data"),
            ((arrow == 0) & (last == 334), "auth"),
            otherwise="command",
        )
    ).with_columns(verb=_some("command", "t").str.extract(r"^(\S+)").str.to_uppercase())
    login = _where(pl.col("verb") == "AUTH", t).str.extract_groups(r"^(AUTH +\S+ *)(.*)$").struct
    events = events.with_columns(
        text=pl.coalesce(  # secrets are masked
            pl.concat_str(login.field("1"), login.field("2").str.replace_all(r"\S", "*")),
            _some("auth", "t")
            .str.extract("(?s)^(.*)$")
            .str.replace_all(r"\S", "*"),  # all rows, if none were taken out
            t,
        )
    )
    argument = _some("command", "text").str.splitn(" ", 2).struct.field("field_1").str.strip_chars_start(" ")
    return events, {
        "time": pl.col("stamp").str.to_datetime("%m/%d/%y %I:%M:%S %p", time_unit="us"),
        "session": serves.is_not_null().cum_sum() - 1,
        "direction": _choose((pl.col("own"), None), (arrow == 1, "sent"), (arrow == 0, "received")),
        "kind": pl.col("kind"),
        "verb": pl.col("verb"),
        "argument": _where(argument != "", argument),
        "code": _code(_where(_is("reply", "note"), t)),
        "enhanced_code": _some("reply", "t").str.extract(REPLY),
        "text": pl.col("text"),
        "size": _number(_where(pl.col("verb") == "MAIL", t).str.extract(SIZE)),
        "echo": pl.col("copies") & ~pl.col("own"),
    }


def _begins(*words: str) -> pl.Expr:
    return pl.any_horizontal(pl.col("body").str.starts_with(word) for word in words)


def _has(word: str) -> pl.Expr:
    return pl.col("body").str.contains(word, literal=True)


def _by(**values: pl.Expr | str) -> pl.Expr:
    """One expression for each kind of event."""
    return _choose(*((_is(kind), value) for kind, value in values.items()))


def _found(kind: str, pattern: str) -> pl.Expr:
    """A pattern's first group in the events of a kind."""
    return _some(kind).str.extract(pattern)


def _number_found(kind: str, pattern: str) -> pl.Expr:
    return _number(_found(kind, pattern))


_DIRECTION = {"connect": "received", "receive": "received", "deliver": "sent", "reject": "sent"}


def _syslog(log: str, program: str, queue_id: str, *kinds: tuple[pl.Expr, str]) -> tuple[pl.LazyFrame, Columns]:
    head = rf"^(?P<host>\S+) (?P<program>{program})\[(?P<pid>\d+)\]: (?:(?P<queue_id>{queue_id}): )?"
    line, text = pl.col("l"), pl.col("text")
    rows = (
        pl.scan_lines(log, name="l", row_index_name="line", row_index_offset=1)
        .with_columns(line.str.slice(16).str.extract_groups(head).alias("head"))
        .unnest("head")
        .filter(pl.col("pid").is_not_null())
        .with_columns(text=line.str.slice(line.str.find("]: ", literal=True) + 3), stamp=line.str.slice(0, 15))
        .with_columns(
            body=_where(pl.col("queue_id").is_null(), text.str.strip_prefix("NOQUEUE: ")).otherwise(
                text.str.slice(pl.col("queue_id").str.len_bytes() + 2)
            )
        )
        .with_columns(kind=_choose(*kinds, otherwise="note"))
    )
    return rows, {
        "time": pl.concat_str(pl.lit("2024 "), pl.col("stamp")).str.to_datetime("%Y %b %e %H:%M:%S", time_unit="us"),
        "direction": _by(**_DIRECTION),
        **{name: pl.col(name) for name in ("kind", "text", "queue_id", "host", "program")},
        "pid": _number(pl.col("pid"), pl.Int32),
    }


def postfix(log: str) -> tuple[pl.LazyFrame, Columns]:
    rows, columns = _syslog(
        log,
        r"postfix[^\[ ]*",
        "[0-9A-F]{6,}",
        (_begins("to=<"), "deliver"),
        (_begins("from=<", "message-id="), "queue"),
        (_begins("connect from "), "connect"),
        (_begins("disconnect from "), "disconnect"),
        (_begins("client=", "uid="), "receive"),
        (_begins("removed"), "remove"),
        (_begins("reject: ", "milter-reject: "), "reject"),
        (_has("TLS connection established "), "tls"),
        (_begins("warning: ") & _has(": SASL "), "auth"),
        (_has(" notification: "), "report"),
    )
    code = r"status=\w+ \((?:delivery temporarily suspended: )?(?:host \S+ said: )?(\d{3})[ -]"
    reply = rf"^\S+ (?P<verb>\S+) from \S+: (?:(?P<code>\d{{3}}) )?(?P<enhanced>{ENHANCED})?"
    refused = _some("reject").str.extract_groups(reply + ".*?(?: to=<(?P<to>[^>]*)>|$)").struct
    return rows, columns | {
        "verb": _by(
            reject=refused.field("verb"),
            auth="AUTH",
            note=_found("note", r"^(?:lost connection|timeout) after (\S+) from"),
        ),
        "argument": refused.field("to"),
        "code": pl.coalesce(_code(_found("deliver", code)), _code(refused.field("code"))),
        "enhanced_code": pl.coalesce(_found("deliver", r", dsn=([\d.]+)"), refused.field("enhanced")),
        "size": _number_found("queue", r">, size=(\d+)"),
    }


def sendmail(log: str) -> tuple[pl.LazyFrame, Columns]:
    rows, columns = _syslog(
        log,
        "sm-mta|sendmail",
        r"\w{14}",
        (_begins("to="), "deliver"),
        (_begins("from=") & _has(", nrcpts=0"), "queue"),
        (_begins("from="), "receive"),
        (_begins("STARTTLS=server"), "tls"),
        (_begins("ruleset=", "<"), "reject"),
        (_begins("AUTH=", "AUTH "), "auth"),
        (_begins("lost input channel "), "disconnect"),
        (_has(": DSN: ") | _has(": sender notify: "), "report"),
    )
    to, sender = _begins("<", "ruleset=check_rcpt"), _begins("ruleset=check_mail")
    size = r", size=(\d+)"
    return rows, columns | {
        "verb": _choose(
            (_is("reject") & to, "RCPT"),
            (_is("reject") & sender, "MAIL"),
            (_is("auth"), "AUTH"),
            (_is("tls"), "STARTTLS"),
            (_is("disconnect"), _found("disconnect", r" after ([a-z]+)$").str.to_uppercase()),
            (_is("note"), _found("note", r" command=(\w+), count=")),
        ),
        "argument": pl.coalesce(
            _where(_is("reject") & to, pl.col("body")).str.extract("<([^>]*)>"),
            _found("auth", ", (?:user|authid)=([^,]*)"),
        ),
        "code": pl.coalesce(
            _code(_found("deliver", r", stat=[^:(]*[:(] ?(\d{3}) ")), _code(_found("reject", r", reject=(\d{3})"))
        ),
        "enhanced_code": pl.coalesce(
            _found("deliver", r", dsn=([\d.]+)"), _found("reject", rf", reject=\d{{3}} ({ENHANCED}) ")
        ),
        "size": pl.coalesce(_number_found("receive", size), _number_found("queue", size)),
    }


def exim(log: str) -> tuple[pl.LazyFrame, Columns]:
    line = pl.col("l")
    rows = (
        pl.scan_lines(log, name="l", row_index_name="line", row_index_offset=1)
        .select(
            "line",
            line.str.slice(0, 19).alias("stamp"),
            line.str.slice(20).alias("text"),
        )
        .with_columns(id=pl.col("text").str.extract(r"^(\w{6}-\w{6}-\w{2}) "))
        .with_columns(body=pl.when(pl.col("id").is_null()).then(pl.col("text")).otherwise(pl.col("text").str.slice(17)))
        .with_columns(
            kind=_choose(
                (_begins("<= "), "receive"),
                (_begins("=> ", "-> ", "** ", "== "), "deliver"),
                (_begins("Completed"), "remove"),
                (_begins("SMTP connection from ") & _has(" (TCP/IP "), "connect"),
                (_begins("SMTP connection from "), "disconnect"),
                (_has("rejected "), "reject"),
                (_has(" authenticator failed for "), "auth"),
                otherwise="note",
            )
        )
    )
    reply = _some("deliver").str.extract_groups(rf'(?: C="|: )(?P<code>\d{{3}}) (?P<enhanced>{ENHANCED})?').struct
    return rows, {
        "time": pl.col("stamp").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us"),
        "direction": _by(**_DIRECTION),
        "kind": pl.col("kind"),
        "verb": _by(reject=_found("reject", r"rejected (?:after )?(\w+)"), auth="AUTH"),
        "argument": pl.coalesce(_found("reject", "rejected RCPT <([^>]*)>"), _found("auth", r"\(set_id=([^)]*)\)")),
        "code": pl.coalesce(_code(reply.field("code")), _code(_found("auth", r": (\d{3}) "))),
        "enhanced_code": reply.field("enhanced"),
        "text": pl.col("text"),
        "size": _number_found("receive", r" S=(\d+)"),
        "queue_id": pl.col("id"),
    }


FORMATS = {
    "zeek": zeek, "zeek-json": zeek_json, "iis-smtp": iis, "exchange": exchange, "exchange55": exchange55,
    "postfix": postfix, "sendmail": sendmail, "exim": exim,
}  # fmt: skip


def table(format: str, log: str) -> Any:
    """The events as a data frame."""
    rows, made = FORMATS[format](log)
    made = {"line": pl.col("line"), "echo": pl.lit(False), **made}
    columns = [
        made.get(name, pl.lit(None)).cast(TYPES.get(name, pl.String)).alias(name)
        for name in COLUMNS
        if name != "session" or name in made
    ]
    return rows.select(columns).collect()


if __name__ == "__main__":
    table(*sys.argv[1:3]).write_parquet(sys.argv[3])
