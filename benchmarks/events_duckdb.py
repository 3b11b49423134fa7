"""The events table's columns (``benchmarks.events``) made by DuckDB: one query a format, an Arrow table in the end."""
# ruff: noqa: E501 — SQL reads best unbroken

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.columns import LAYOUTS, names
from benchmarks.events import COLUMNS, ENHANCED, header

TYPES = {
    "line": "BIGINT", "time": "TIMESTAMP", "session": "BIGINT", "code": "SMALLINT", "size": "BIGINT", "pid": "INTEGER",
    "echo": "BOOLEAN",
}  # fmt: skip


@dataclass(frozen=True)
class Query:
    """Rows of a log with their line numbers, and the expressions of the columns that the format fills."""

    rows: str
    columns: dict[str, str]
    sessions: str = ""  # the column whose values, numbered by first sight, are the sessions


def _lines(log: str, encoding: str = "utf-8") -> str:
    return (
        f"SELECT row_number() OVER () AS line, l FROM read_csv('{log}', delim='\\x01', header=false, quote='', "
        "escape='', comment='', columns={'l': 'VARCHAR'}, auto_detect=false, max_line_size=10000000, "
        f"encoding='{encoding}')"
    )


def _table(log: str, format: str, types: dict[str, str]) -> str:
    """The rows of a separated table, with the header's lines counted."""
    layout, skipped = LAYOUTS[format], header(log)
    columns = "{" + ", ".join(f"'{name}': '{types.get(name, 'VARCHAR')}'" for name in names(log, layout)) + "}"
    chosen = ", ".join(f'"{name}"' for name in types)
    return (
        f"SELECT row_number() OVER () + {skipped} AS line, {chosen} FROM read_csv('{log}', header=false, skip={skipped}, "
        f"delim='{layout.separator}', quote='{layout.quote}', escape='{layout.quote}', columns={columns}, "
        f"nullstr='{'' if layout.quote else '-'}', auto_detect=false)"
    )


_ZEEK = {
    "time": "make_timestamp(round(ts * 1e6)::BIGINT)",
    "direction": "'received'",
    "kind": "'exchange'",
    "code": "TRY_CAST(left(last_reply, 3) AS SMALLINT)",
    "enhanced_code": r"nullif(regexp_extract(last_reply, '^\d{3}[ -](\d\.\d+\.\d+)', 1), '')",
    "text": "last_reply",
}


def zeek(log: str) -> Query:
    rows = _table(log, "zeek", {"ts": "DOUBLE", "uid": "VARCHAR", "last_reply": "VARCHAR"})
    return Query(rows, _ZEEK, "uid")


def zeek_json(log: str) -> Query:
    columns = "{ts: 'DOUBLE', uid: 'VARCHAR', last_reply: 'VARCHAR'}"
    rows = f"SELECT row_number() OVER () AS line, * FROM read_ndjson('{log}', columns={columns})"
    return Query(rows, _ZEEK, "uid")


def iis(log: str) -> Query:
    types = dict.fromkeys(("cs-username", "s-computername", "cs-method", "cs-uri-query"), "VARCHAR")
    types |= {"date": "DATE", "time": "TIME", "sc-status": "SMALLINT", "cs-bytes": "BIGINT"}
    whole = """
        CASE WHEN regexp_matches(q, '<[^>]*\\+')  -- in an address a plus sign is one
        THEN ltrim(replace(split_part(q, '<', 1), '+', ' ')) || '<' || split_part(split_part(q, '<', 2), '>', 1)
            || '>' || replace(split_part(q, '>', 2), '+', ' ')
        ELSE trim(replace(q, '+', ' ')) END"""
    rows = f"""
        SELECT *, CASE WHEN answers THEN whole ELSE concat_ws(' ', verb, whole) END AS text FROM (
            SELECT line, date + time AS time, "s-computername" AS host, "cs-method" AS verb, "sc-status" AS status,
                "cs-bytes" AS octets, "cs-username" IN ('OutboundConnectionCommand', 'OutboundConnectionResponse') AS out,
                out AND verb IS NULL AS answers, {whole.replace(" q,", ' "cs-uri-query",').replace("(q,", '("cs-uri-query",')} AS whole
            FROM ({_table(log, "iis-smtp", types)}))"""
    columns = {
        "time": "time",
        "direction": "CASE WHEN out AND NOT answers THEN 'sent' ELSE 'received' END",
        "kind": "CASE WHEN answers THEN 'reply' WHEN out THEN 'command' ELSE 'exchange' END",
        "verb": "verb",
        "argument": "CASE WHEN NOT answers THEN whole END",
        "code": "CASE WHEN answers THEN TRY_CAST(left(whole, 3) AS SMALLINT) WHEN NOT out THEN status END",
        "enhanced_code": r"CASE WHEN answers THEN nullif(regexp_extract(whole, '^\d{3}[ -](\d\.\d+\.\d+)', 1), '') END",
        "text": "text",
        "size": "CASE WHEN verb = 'MAIL' THEN TRY_CAST(nullif(regexp_extract(whole, ' SIZE=(\\d+)$', 1), '') AS BIGINT) "
        "WHEN verb = 'DATA' AND NOT out AND status < 400 THEN octets END",
        "host": "host",
    }
    return Query(rows, columns)


def exchange(log: str) -> Query:
    types = dict.fromkeys(("connector-id", "session-id", "event", "data", "context"), "VARCHAR")
    rows = f"""
        SELECT line, "date-time" AS time, "connector-id" AS connector, "session-id" AS id, event, data, context,
            event IN ('<', '>') AS said, CASE WHEN event = '<' THEN upper(split_part(data, ' ', 1)) END AS verb,
            CASE event WHEN '>' THEN 'reply' WHEN '<' THEN 'command' WHEN '+' THEN 'connect' WHEN '-' THEN 'disconnect' ELSE
                CASE WHEN data IS NOT NULL THEN 'note' WHEN context LIKE 'TLS protocol %' THEN 'tls'
                WHEN context LIKE 'Inbound AUTH %' OR context LIKE 'User Name: %' THEN 'auth' ELSE 'note' END END AS kind
        FROM ({_table(log, "exchange", {"date-time": "TIMESTAMP", **types})})"""
    columns = {
        "time": "time",
        "direction": "CASE event WHEN '>' THEN 'sent' WHEN '<' THEN 'received' END",
        "kind": "kind",
        "verb": "CASE WHEN kind = 'auth' AND context LIKE 'Inbound AUTH %' THEN 'AUTH' ELSE verb END",
        "argument": "CASE WHEN event = '<' THEN nullif(ltrim(substr(data, strlen(verb) + 2)), '') "
        "WHEN kind = 'auth' AND context LIKE 'User Name: %' THEN substr(context, 12) END",
        "code": "CASE WHEN event = '>' THEN TRY_CAST(left(data, 3) AS SMALLINT) END",
        "enhanced_code": r"CASE WHEN event = '>' THEN nullif(regexp_extract(data, '^\d{3}[ -](\d\.\d+\.\d+)', 1), '') END",
        "text": "CASE WHEN said THEN data WHEN event = '+' THEN NULL ELSE concat_ws(',', data, context) END",
        "size": r"CASE WHEN verb = 'MAIL' THEN TRY_CAST(nullif(regexp_extract(data, ' SIZE=(\d+)$', 1), '') AS BIGINT) END",
        "host": r"split_part(connector, '\', 1)",
    }
    return Query(rows, columns, "id")


def exchange55(log: str) -> Query:
    """Lines become events (a line without a stamp goes on with the one before), and those get their place in a dialogue.

    No window has an order or a frame that looks ahead: DuckDB streams such ones, in the order of the file.
    """
    far = "OVER (ROWS UNBOUNDED PRECEDING)"
    rows = rf"""
        WITH lines AS (
            SELECT *, coalesce(substr(l, 3, 1) = '/' AND substr(l, 6, 1) = '/' AND contains(l, 'M : '), false) AS stamped,
                stamped AND contains(l, ' : <<< IO: |') AS opens
            FROM ({_lines(log, "latin-1")})
        ), marked AS (  -- a stamp inside a raw block is a message's text
            SELECT *, max(line << 1 | CASE WHEN opens THEN 1 WHEN l = '|' THEN 0 END) {far} & 1 = 1 AS inside FROM lines
        ), gathered AS (
            SELECT min(line) AS line, string_agg(coalesce(l, ''), E'\n') AS whole  -- what ends a block or an event is no text
            FROM (SELECT line, l, inside, sum((stamped AND (opens OR NOT inside))::INT) {far} AS event FROM marked)
            WHERE coalesce(inside AND l IS NULL OR l <> '|', false)
            GROUP BY event ORDER BY line
        ), bodies AS (
            SELECT line, strptime(left(whole, instr(whole, ' : ') - 1), '%m/%d/%y %I:%M:%S %p') AS time,
                substr(whole, instr(whole, ' : ') + 3) AS body
            FROM gathered
        ), said AS (
            SELECT line, time, starts_with(body, '<<< IO: |') AS raw,
                CASE WHEN starts_with(body, '>>> ') THEN 1 WHEN starts_with(body, '<<< ') THEN 0 END AS arrow,
                CASE WHEN arrow IS NULL THEN starts_with(body, 'A connection was ')::INT END AS serves,
                CASE WHEN raw THEN substr(body, 10) WHEN arrow IS NULL THEN body ELSE substr(body, 5) END AS t,
                arrow = 0 AND NOT raw AND starts_with(t, '499 ') AS own
            FROM bodies
        ), dialogue AS (
            SELECT *, CASE WHEN NOT own THEN arrow END AS way, max(line << 1 | serves) {far} & 1 = arrow AS replies,
                sum((serves IS NOT NULL)::INT) {far} - 1 AS session,
                max(line << 10 | CASE WHEN serves IS NOT NULL THEN 0 WHEN arrow = 1 THEN TRY_CAST(left(t, 3) AS INT) END) {far} & 1023 AS last,
                coalesce(NOT raw AND NOT own AND lag(raw) OVER () AND lag(arrow) OVER () = arrow, false) AS copies
            FROM said
        ), kinds AS (
            SELECT *, CASE WHEN serves IS NOT NULL THEN 'connect' WHEN own THEN 'note' WHEN replies THEN 'reply'
                WHEN arrow = 0 AND last = 354 THEN 'data' WHEN arrow = 0 AND last = 334 THEN 'auth' ELSE 'command' END AS kind,
                CASE WHEN kind = 'command' THEN upper(split_part(t, ' ', 1)) END AS verb
            FROM dialogue
        )
        SELECT *, CASE WHEN kind = 'auth' OR verb = 'AUTH' THEN  -- secrets are masked
            regexp_extract(t, '^AUTH +\S+ *') || regexp_replace(regexp_replace(t, '^AUTH +\S+ *', ''), '\S', '*', 'g')
            ELSE t END AS text
        FROM kinds"""
    columns = {
        "time": "time",
        "session": "session",
        "direction": "CASE way WHEN 1 THEN 'sent' WHEN 0 THEN 'received' END",
        "kind": "kind",
        "verb": "verb",
        "argument": "CASE WHEN kind = 'command' THEN nullif(ltrim(substr(text, strlen(verb) + 2)), '') END",
        "code": "CASE WHEN kind IN ('reply', 'note') THEN TRY_CAST(left(t, 3) AS SMALLINT) END",
        "enhanced_code": r"CASE WHEN kind = 'reply' THEN nullif(regexp_extract(t, '^\d{3}[ -](\d\.\d+\.\d+)', 1), '') END",
        "text": "text",
        "size": r"CASE WHEN verb = 'MAIL' THEN TRY_CAST(nullif(regexp_extract(t, ' SIZE=(\d+)$', 1), '') AS BIGINT) END",
        "echo": "copies",
    }
    return Query(rows, columns)


_DIRECTION = (
    "CASE WHEN kind IN ('connect', 'receive') THEN 'received' WHEN kind IN ('deliver', 'reject') THEN 'sent' END"
)
_SYSLOG = {
    "time": "strptime('2024 ' || l[:15], '%Y %b %d %H:%M:%S')",
    "direction": _DIRECTION,
    "kind": "kind",
    "text": "text",
    "queue_id": "nullif(queue_id, '')",
    "host": "host",
    "program": "program",
    "pid": "pid::INTEGER",
}


def _found(pattern: str, value: str = "body") -> str:
    """A pattern's first group, NULL where it does not fit."""
    return f"nullif(regexp_extract({value}, '{pattern}', 1), '')"


def _number(pattern: str, kind: str = "BIGINT") -> str:
    return f"TRY_CAST({_found(pattern)} AS {kind})"


def _code(pattern: str) -> str:
    return _number(pattern, "SMALLINT")


def _kind(*starts: tuple[str, str]) -> str:
    """What an event is by how its text begins; a word in brackets: by what it has somewhere."""
    return "CASE " + " ".join(f"WHEN {test} THEN '{kind}'" for test, kind in starts) + " ELSE 'note' END"


def _by(column: str = "kind", **values: str) -> str:
    """One expression for each value of a column."""
    return f"CASE {column} " + " ".join(f"WHEN '{name}' THEN {value}" for name, value in values.items()) + " END"


def _begins(*words: str) -> str:
    return " OR ".join(f"starts_with(body, '{word}')" for word in words)


def _syslog(log: str, program: str, queue_id: str, kinds: str) -> str:
    return rf"""
        SELECT *, {kinds} AS kind FROM (
            SELECT *, CASE WHEN queue_id <> '' THEN substr(text, strlen(queue_id) + 3) ELSE regexp_replace(text, '^NOQUEUE: ', '') END AS body FROM (
                SELECT line, l, substr(l, instr(l, ']: ') + 3) AS text, unnest(regexp_extract(l,
                    '^.{{15}} (\S+) ({program})\[(\d+)\]: (?:({queue_id}): )?', ['host', 'program', 'pid', 'queue_id']))
                FROM ({_lines(log)})) WHERE pid <> '')"""


_POSTFIX = _kind(
    (_begins("to=<"), "deliver"),
    (_begins("from=<", "message-id="), "queue"),
    (_begins("connect from "), "connect"),
    (_begins("disconnect from "), "disconnect"),
    (_begins("client=", "uid="), "receive"),
    (_begins("removed"), "remove"),
    (_begins("reject: ", "milter-reject: "), "reject"),
    ("contains(body, 'TLS connection established ')", "tls"),
    (_begins("warning: ") + " AND contains(body, ': SASL ')", "auth"),
    ("contains(body, ' notification: ')", "report"),
)


def postfix(log: str) -> Query:
    code = r"status=\w+ \((?:delivery temporarily suspended: )?(?:host \S+ said: )?(\d{3})[ -]"
    reply = r"^\S+ \S+ from \S+: "
    columns = {
        "verb": _by(
            reject="split_part(body, ' ', 2)",
            auth="'AUTH'",
            note=_found(r"^(?:lost connection|timeout) after (\S+) from"),
        ),
        "argument": _by(reject=_found(" to=<([^>]*)>")),
        "code": _by(deliver=_code(code), reject=_code(reply + r"(\d{3}) ")),
        "enhanced_code": _by(deliver=_found(r", dsn=([\d.]+)"), reject=_found(reply + rf"(?:\d{{3}} )?({ENHANCED})")),
        "size": _by(queue=_number(r">, size=(\d+)")),
    }
    return Query(_syslog(log, r"postfix[^\[ ]*", "[0-9A-F]{6,}", _POSTFIX), {**_SYSLOG, **columns})


_SENDMAIL = _kind(
    (_begins("to="), "deliver"),
    (_begins("from=") + " AND contains(body, ', nrcpts=0')", "queue"),
    (_begins("from="), "receive"),
    (_begins("STARTTLS=server"), "tls"),
    (_begins("ruleset=") + " OR " + _begins("<"), "reject"),
    (_begins("AUTH"), "auth"),
    (_begins("lost input channel "), "disconnect"),
    ("contains(body, ': DSN: ') OR contains(body, ': sender notify: ')", "report"),
).replace("AUTH')", "AUTH') AND NOT starts_with(body, 'Authentication')")


def sendmail(log: str) -> Query:
    columns = {
        "verb": _by(
            reject=f"CASE WHEN {_begins('<', 'ruleset=check_rcpt')} THEN 'RCPT' WHEN {_begins('ruleset=check_mail')} THEN 'MAIL' END",
            auth="'AUTH'",
            tls="'STARTTLS'",
            disconnect=f"upper({_found(' after ([a-z]+)$')})",
            note=_found(r" command=(\w+), count="),
        ),
        "argument": _by(
            reject=f"CASE WHEN {_begins('<', 'ruleset=check_rcpt')} THEN {_found('<([^>]*)>')} END",
            auth=_found(", (?:user|authid)=([^,]*)"),
        ),
        "code": _by(reject=_code(r", reject=(\d{3})"), deliver=_code(r", stat=[^:(]*[:(] ?(\d{3}) ")),
        "enhanced_code": _by(deliver=_found(r", dsn=([\d.]+)"), reject=_found(rf", reject=\d{{3}} ({ENHANCED}) ")),
        "size": _by(receive=_number(r", size=(\d+)"), queue=_number(r", size=(\d+)")),
    }
    return Query(_syslog(log, r"sm-mta|sendmail", r"\w{14}", _SENDMAIL), {**_SYSLOG, **columns})


_EXIM = _kind(
    (_begins("<= "), "receive"),
    (_begins("=> ", "-> ", "** ", "== "), "deliver"),
    (_begins("Completed"), "remove"),
    (_begins("SMTP connection from ") + " AND contains(body, ' (TCP/IP ')", "connect"),
    (_begins("SMTP connection from "), "disconnect"),
    ("contains(body, 'rejected ')", "reject"),
    ("contains(body, ' authenticator failed for ')", "auth"),
)


def exim(log: str) -> Query:
    rows = f"""
        SELECT *, {_EXIM} AS kind FROM (
            SELECT *, CASE WHEN id IS NOT NULL THEN substr(l, 38) ELSE text END AS body FROM (
                SELECT line, l, substr(l, 21) AS text,
                    CASE WHEN substr(l, 27, 1) = '-' AND substr(l, 34, 1) = '-' AND substr(l, 37, 1) = ' ' THEN substr(l, 21, 16) END AS id
                FROM ({_lines(log)})))"""
    columns = {
        "time": "l[:19]::TIMESTAMP",
        "direction": _DIRECTION,
        "kind": "kind",
        "verb": _by(reject=_found(r"rejected (?:after )?(\w+)"), auth="'AUTH'"),
        "argument": _by(reject=_found("rejected RCPT <([^>]*)>"), auth=_found(r"\(set_id=([^)]*)\)")),
        "code": _by(deliver=_code(r'(?: C="|: )(\d{3}) '), auth=_code(r": (\d{3}) ")),
        "enhanced_code": _by(deliver=_found(rf'(?: C="|: )\d{{3}} ({ENHANCED})')),
        "text": "text",
        "size": _by(receive=_number(r" S=(\d+)")),
        "queue_id": "id",
    }
    return Query(rows, columns)


FORMATS = {
    "zeek": zeek, "zeek-json": zeek_json, "iis-smtp": iis, "exchange": exchange, "exchange55": exchange55,
    "postfix": postfix, "sendmail": sendmail, "exim": exim,
}  # fmt: skip


def sql(format: str, log: str) -> str:
    """The query of a format's events, in the order of the log."""
    query = FORMATS[format](log)
    made = {"line": "line", "echo": "false", **({"session": "session"} if query.sessions else {}), **query.columns}
    chosen = ", ".join(
        f"CAST({made.get(name, 'NULL')} AS {TYPES.get(name, 'VARCHAR')}) AS {name}"
        for name in COLUMNS
        if name != "session" or name in made
    )
    if not query.sessions:
        return f"SELECT {chosen} FROM ({query.rows})"
    return f"""
        WITH r AS MATERIALIZED ({query.rows}), numbered AS (
            SELECT {query.sessions}, row_number() OVER (ORDER BY min(line)) - 1 AS session FROM r GROUP BY {query.sessions})
        SELECT {chosen} FROM r JOIN numbered USING ({query.sessions}) ORDER BY line"""


def table(format: str, log: str) -> Any:
    """The events as an Arrow table."""
    import duckdb

    return duckdb.sql(sql(format, log)).to_arrow_table()


if __name__ == "__main__":
    import pyarrow.parquet

    pyarrow.parquet.write_table(table(*sys.argv[1:3]), sys.argv[3])
