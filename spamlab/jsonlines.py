"""JSON lines as plain lines, one for one: what ``journalctl -o json``, Docker, shippers, syslog daemons and Zeek write,
as syslog and Zeek's own text.

Line numbers stay what they are. Blocks are parsed whole by Arrow; one that it cannot parse goes line by line, and a
line that is no such record stays as it is.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from spamlab import beside

BLOCK = 1 << 20
"""Octets parsed at a time: as much as a broken line sends to the slow path."""

ZEEK = "zeek smtp.log"
"""What a line begins with that was a Zeek record in JSON; its values follow, in the order of ``ZEEK_FIELDS``, if it is
one of ``smtp.log``."""

_TEXT = pa.large_string()
_JOURNAL = dict.fromkeys(
    ("__REALTIME_TIMESTAMP", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID", "MESSAGE"), _TEXT
)
ZEEK_FIELDS = ("ts", "uid", "id.orig_h", "helo", "mailfrom", "rcptto", "msg_id", "last_reply", "tls")
_OWN = ("helo", "mailfrom", "rcptto", "last_reply", "tls")  # no other log of Zeek's has them
_ZEEK = dict.fromkeys((*ZEEK_FIELDS, "_path", "id_orig_h", "@timestamp"), _TEXT) | {
    "rcptto": pa.list_(_TEXT),
    "tls": pa.bool_(),
    "id": pa.struct([("orig_h", _TEXT)]),
}

Columns = dict[str, Any]


def plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Pieces of whole lines with JSON records as plain lines; all other text as it is.

    >>> entry = b'{"__REALTIME_TIMESTAMP":"1720359773000001","SYSLOG_IDENTIFIER":"sm-mta","MESSAGE":"hi"}'
    >>> b"".join(plain(iter([entry])))
    b'2024-07-07T13:42:53.000001+00:00 sm-mta: hi\n'
    """
    for piece in pieces:
        if _DRESSED.match(piece):
            piece = _bare(piece)
        begin = piece[: 1 << 16]
        if not begin.lstrip().startswith(b"{"):
            yield piece
        elif b'"__REALTIME_TIMESTAMP"' in begin and b'"MESSAGE"' in begin:
            yield _all(piece, (_JOURNAL,), _journal)
        elif any(name in begin for name in _CLIENT):
            yield _all(piece, _ZEEK_TIMES, _zeek)
        elif all(name in begin for name in _DOCKER):
            yield _all(piece, (_PASSED,), _passed)
        elif b'"' in begin:
            yield _all(piece, (_PARTED,), headed)
        else:
            yield piece


# One record a line all the same: in an array, behind RFC 7464's mark (journalctl -o json-seq), as server-sent events.
_DRESSED = re.compile(rb"\s*(?:[\[,]\s*\{|\x1e|data: ?\{|\{[^\n]*\},[ \t\r]*\n)")
_RECORD = re.compile(rb"^[ \t]*(?:[\[,\x1e]|data:)?[ \t]*(\{[^\n]*\})[ \t]*,?[ \t]*\]?[ \t]*(?=\r?$)", re.MULTILINE)
_BRACKET = re.compile(rb"^[ \t]*[\[\],][ \t]*(?=\r?$)", re.MULTILINE)


def _bare(piece: bytes) -> bytes:
    return _BRACKET.sub(b"", _RECORD.sub(rb"\1", piece))


_WRAPPED = b'orig_h\\"'  # in a text, where quotes are escaped
_CLIENT = (b'"id.orig_h"', b'"id_orig_h"', b'"orig_h"', _WRAPPED)  # as Zeek writes it, and exports that know no points
_DEPTH = 3  # of records within records, as Filebeat, Splunk and Elasticsearch write them
_DOCKER = b'"log"', b'"stream"', b'"time"'
_PASSED = dict.fromkeys(("log", "time"), _TEXT)
HEAD = {
    "whole": ("event.original", "rawmsg", "raw", "full_message", "_raw", "textPayload", "line", "log", "@message",
        "message", "msg", "MESSAGE", "Message", "event", "body.stringValue"),
    "time": ("timereported", "EventTime", "timegenerated", "ISODATE", "DATE", "UNIXTIME", "generated_at",
        "timestamp", "time", "TimeGenerated", "@timestamp", "received_at", "_time", "__REALTIME_TIMESTAMP",
        "timeUnixNano", "ReceivedAt", "date", "datetime", "Time"),
    "host": ("sysloghost", "logsource", "HOST", "host", "hostname", "HostName", "Hostname", "Computer", "_HOSTNAME",
        "host.hostname", "host.name", "FromHost", "source_name", "source"),
    "program": ("PROGRAM", "program", "syslogtag", "SysLogTag", "app-name", "appname", "SYSLOG_IDENTIFIER",
        "syslog_identifier", "syslog.identifier", "ident", "programname", "ProcessName", "SourceName",
        "application_name", "_program", "process.name", "process", "Program", "service", "tag"),
    "pid": ("PID", "pid", "procid", "syslog_pid", "SYSLOG_PID", "_PID", "ProcessID", "process_id", "syslog.pid",
        "process.pid", "_pid"),
    "message": ("MESSAGE", "message", "msg", "Message", "Messages", "SyslogMessage", "short_message", "logmsg",
        "event", "line", "log", "@message"),
}  # fmt: skip
"""What syslog daemons (rsyslog, syslog-ng), shippers, collectors and their exports call a line and a head's parts; of
several the first. A point stands between a record's name and that of what is in it."""

_PARTED = dict.fromkeys((name for names in HEAD.values() for name in names), _TEXT)
_STAMPED = r"^(<\d+>)?(1 )?(\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]?\d (\d{4} )?\d\d:)"
_PROCESS = r"[\w./-]+\[\d+\]: "
_ZEEK_TIMES = (_ZEEK | {"ts": pa.float64()}, _ZEEK)  # ts is a number or, in ISO 8601, text


def _all(piece: bytes, schemas: tuple[dict[str, Any], ...], convert: Callable[[Columns], Any]) -> bytes:
    return b"".join(beside.each(lambda block: _converted(block, schemas, convert), _blocks(piece)))


def _blocks(piece: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(piece):
        end = piece.find(b"\n", begin + BLOCK) + 1 or len(piece)
        yield piece[begin:end]
        begin = end


def _converted(block: bytes, schemas: tuple[dict[str, Any], ...], convert: Callable[[Columns], Any]) -> bytes:
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    wrapped = _WRAPPED in block
    read = (columns for schema in schemas if not wrapped and (columns := _parsed(block, schema, lines)))
    found = next(filter(_told, read), None)
    made = convert(found or _one_by_one(block, schemas[-1]))
    if found and made.null_count and schemas[-1] is _PARTED:  # what it lacks may be in a record within
        made = convert(_one_by_one(block, _PARTED))
        if b'"@timestamp"' in block:  # another format's line
            made = pc.coalesce(made, _one_line(found["message"], " ", "\t"))
    if made.null_count:
        kept = pa.array([line.rstrip(b"\r").decode() for line in block.split(b"\n")[:lines]], _TEXT)
        made = pc.if_else(pc.is_valid(made), made, kept)
    ended = pc.binary_join_element_wise(made, pa.scalar("\n", _TEXT), pa.scalar("", _TEXT))
    _, offsets, octets = ended.buffers()
    begin, end = np.frombuffer(offsets, dtype=np.int64)[[ended.offset, ended.offset + len(ended)]]
    return octets.slice(begin, end - begin).to_pybytes() if octets else b""


def _told(columns: Columns) -> bool:
    """Whether any record tells more than when a log shipper read it: else they may be within its own."""
    return any(column.null_count < len(column) for name, column in columns.items() if name != "@timestamp")


def _parsed(block: bytes, schema: dict[str, Any], lines: int) -> Columns | None:
    try:
        table = arrow_json.read_json(
            io.BytesIO(block),
            arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            arrow_json.ParseOptions(explicit_schema=pa.schema(schema.items()), unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if len(table) != lines:  # blank lines are left out
        return None
    return {name: table[name].combine_chunks() for name in schema}


def _one_by_one(block: bytes, schema: dict[str, Any]) -> Columns:
    rows = [_row(line, schema) for line in block.split(b"\n")]
    if block.endswith(b"\n"):
        rows.pop()
    return {name: pa.array([row.get(name) for row in rows], kind) for name, kind in schema.items()}


def _row(line: bytes, schema: dict[str, Any]) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    if "uid" in schema:
        told = _within(told, _DEPTH) or told
    elif schema is _PARTED:
        told = _flat(told, _DEPTH)
    return {name: _fitting(told[name], kind) for name, kind in schema.items() if told.get(name) is not None}


def _within(told: Any, depth: int) -> dict[str, Any] | None:
    """The Zeek record that this is or that a log shipper put into it, as it is or as text, under whatever name."""
    if isinstance(told, str) and told.startswith("{") and "orig_h" in told:
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(told)
    if not isinstance(told, dict):
        return None
    who = told.get("id")
    if {"id.orig_h", "id_orig_h"} & told.keys() or (isinstance(who, dict) and "orig_h" in who):
        return told
    return next(filter(None, (_within(inner, depth - 1) for inner in told.values())), None) if depth else None


def _flat(told: dict[str, Any], depth: int) -> dict[str, Any]:
    """What a record holds and what those within it do, as they are or as text, by their names, with and without those
    they are in; of several of one name the outermost.
    """
    found = {name: value for name, value in told.items() if not isinstance(value, (dict, list))}
    for name, inner in told.items() if depth else ():
        if isinstance(inner, str) and inner.startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                inner = json.loads(inner)
        if isinstance(inner, dict):
            for key, value in _flat(inner, depth - 1).items():
                found.setdefault(f"{name}.{key}", value)
                found.setdefault(key, value)
        elif isinstance(inner, list):
            found[name] = inner
    return found


def _fitting(value: Any, kind: Any) -> Any:
    """A value as one of its column's type; of a field that came several times (journald) the last."""
    if kind == pa.bool_():
        return value if isinstance(value, bool) else {"T": True, "true": True, "F": False, "false": False}.get(value)
    if pa.types.is_struct(kind):
        return {"orig_h": _text(value.get("orig_h"))} if isinstance(value, dict) else None
    if kind != _TEXT:
        return [_text(one) for one in (value if isinstance(value, list) else _text(value).split(","))]
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value).decode("utf-8", "backslashreplace")  # a text that is no UTF-8, as octets
    return _text(value[-1] if isinstance(value, list) and value else value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "backslashreplace").decode()


def _joined(*parts: Any) -> Any:
    """Parts side by side, missing ones left out."""
    whole = [pa.scalar(part, _TEXT) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*whole, pa.scalar("", _TEXT), null_handling="replace", null_replacement="")


def _journal(found: Columns) -> Any:
    """``time host program[pid]: message``; missing where an entry lacks its time."""
    micros = found["__REALTIME_TIMESTAMP"]
    micros = pc.if_else(pc.match_substring_regex(micros, r"^\d{1,17}$"), micros, None).cast("int64")
    time = pc.strftime(micros.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%S").cast(_TEXT)
    host, pid = found["_HOSTNAME"], pc.coalesce(found["SYSLOG_PID"], found["_PID"])
    host = pc.binary_join_element_wise(host, pa.scalar("", _TEXT), pa.scalar(" ", _TEXT))
    pid = pc.binary_join_element_wise(pa.scalar("", _TEXT), pid, pa.scalar("[", _TEXT))
    program = pc.coalesce(found["SYSLOG_IDENTIFIER"], found["_COMM"], pa.scalar("-", _TEXT))
    message = _one_line(found["MESSAGE"], " ", " ")
    closing = pc.if_else(pc.is_valid(pid), pa.scalar("]", _TEXT), pa.scalar("", _TEXT))
    made = _joined(time, "+00:00 ", host, program, pid, closing, ": ", message)
    return pc.if_else(pc.is_valid(time), made, pa.scalar(None, _TEXT))


def _passed(found: Columns) -> Any:
    """A line as Docker keeps it, behind its time, which is the better one where the line's own is none of syslog's."""
    time = _matching(found["time"], r"^[^\r\n]{1,60}$")
    time = pc.binary_join_element_wise(time, pa.scalar("", _TEXT), pa.scalar(" ", _TEXT))
    log = pc.replace_substring_regex(found["log"], r"[\r\n]+$", "")
    own = pc.replace_substring_regex(log, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d([.,]\d+)?( [+-]\d{4})? ", "")
    log = pc.if_else(pc.is_valid(time), own, log)
    return _one_line(pc.if_else(pc.is_valid(log), _joined(time, log), pa.scalar(None, _TEXT)), " ", "\t")


def headed(found: Columns) -> Any:
    """A line whose head came as parts of a record; missing where it lacks them.

    A line that the record holds whole counts by itself: a shipper's time says when it was read.
    """
    names = {part: [name for name in names if name in found] for part, names in HEAD.items()}
    none = pa.nulls(len(next(iter(found.values()))), _TEXT)
    whole = pc.coalesce(*(_matching(found[name], _STAMPED) for name in names["whole"]), none)
    given = {part: pc.coalesce(*(found[name] for name in names[part]), none) for part in HEAD if part != "whole"}
    time, host = _matching(given["time"], r"^[^\r\n]{1,60}$"), _matching(given["host"], r"^[\w.:-]+$")
    host = pc.coalesce(host, pa.scalar("-", _TEXT))
    message = _one_line(pc.utf8_trim_whitespace(given["message"]), " ", " ")
    tag = pc.replace_substring_regex(_matching(given["program"], r"^[\w./:@-]+(\[\d+\])?:?$"), r":$", "")
    pid = pc.binary_join_element_wise(
        pa.scalar("[", _TEXT), _matching(given["pid"], r"^\d+$"), pa.scalar("]", _TEXT), pa.scalar("", _TEXT)
    )
    pid = pc.if_else(pc.match_substring_regex(tag, r"\]$"), pa.scalar("", _TEXT), pid)
    made = pc.binary_join_element_wise(
        time, pa.scalar(" ", _TEXT), host, pa.scalar(" ", _TEXT), _joined(tag, pid), pa.scalar(": ", _TEXT), message,
        pa.scalar("", _TEXT),
    )  # fmt: skip
    made = pc.if_else(pc.is_valid(tag), made, pa.scalar(None, _TEXT))
    named = pc.coalesce(  # behind a host or without
        pc.binary_join_element_wise(time, _matching(message, r"^[\w.:-]+ " + _PROCESS), pa.scalar(" ", _TEXT)),
        pc.binary_join_element_wise(time, host, _matching(message, "^" + _PROCESS), pa.scalar(" ", _TEXT)),
    )
    return pc.coalesce(_one_line(pc.utf8_trim_whitespace(whole), " ", "\t"), named, made)


def _matching(text: Any, pattern: str) -> Any:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, _TEXT))


def _one_line(text: Any, line: str, tab: str) -> Any:
    octets = text.buffers()[2]
    if octets is None or not (np.frombuffer(octets, np.uint8) <= ord("\r")).any():  # as a rule
        return text
    for mark, put in (("\n", line), ("\r", line), ("\t", tab)):
        if pc.any(pc.match_substring(text, mark)).as_py():
            text = pc.replace_substring(text, mark, put)
    return text


def _zeek(found: Columns) -> Any:
    """A Zeek row behind the mark ``ZEEK``; of another of its logs the mark alone; missing where it is neither."""
    time = _seconds(found["ts"]) if pa.types.is_floating(found["ts"].type) else found["ts"]
    time = pc.replace_substring_regex(time, r"^(\d{9,11})(\d{3})(?:\.0+)?$", r"\1.\2")  # Zeek's TS_MILLIS
    client = pc.coalesce(found["id.orig_h"], found["id_orig_h"], pc.struct_field(found["id"], "orig_h"))
    found |= {"ts": pc.coalesce(time, found["@timestamp"]), "id.orig_h": client}
    own = pc.equal(pc.coalesce(found["_path"], pa.scalar("", _TEXT)), "smtp")
    bare = pc.is_null(found["_path"])
    said = functools.reduce(pc.or_, (pc.is_valid(found[name]) for name in _OWN))
    values = [pa.scalar(ZEEK, _TEXT)]
    for name in ZEEK_FIELDS:
        value = found[name]
        if pa.types.is_boolean(value.type):
            value = pc.if_else(value, pa.scalar("T", _TEXT), pa.scalar("F", _TEXT))
        elif pa.types.is_list(value.type):
            inner = pc.replace_substring(pc.list_flatten(value), ",", "\\x2c")
            value = pc.binary_join(pa.ListArray.from_arrays(_offsets(value), inner), pa.scalar(",", _TEXT))
            value = pc.if_else(pc.is_valid(found[name]), value, None)
        value = pc.if_else(pc.equal(value, ""), pa.scalar("(empty)", _TEXT), _one_line(value, "\\x0a", "\\x09"))
        values.append(pc.fill_null(value, "-"))
    made = pc.binary_join_element_wise(*values, pa.scalar("\t", _TEXT))
    other = pc.if_else(pc.is_valid(client), pa.scalar(ZEEK, _TEXT), pa.scalar(None, _TEXT))
    return pc.if_else(pc.or_(own, pc.and_(bare, said)), made, other)


def _offsets(lists: Any) -> Any:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _seconds(number: Any) -> Any:
    micros = pc.round(pc.multiply(number, 1e6)).cast("int64")
    whole = pc.divide(micros, 1_000_000)
    part = pc.utf8_lpad(pc.subtract(micros, pc.multiply(whole, 1_000_000)).cast("string"), 6, "0")
    return pc.binary_join_element_wise(whole.cast(_TEXT), part.cast(_TEXT), pa.scalar(".", _TEXT))
