"""JSON lines as plain lines, one for one: what ``journalctl -o json``, Docker, shippers, syslog daemons and Zeek write,
as syslog and Zeek's own text.

Line numbers stay what they are. Blocks are parsed whole by Arrow; one that it cannot parse goes line by line, and a
line that is no such record stays as it is. A Zeek record that was printed over several lines is one line, marked with
``MORE``, and as many lines more as it had, the last a bracket alone.
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
MORE = "{"
CLOSING = b"}"
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
    for piece in _whole(pieces):
        begin = piece[: 1 << 16]
        if _BEHIND.match(begin) and any(name in begin for name in _CLIENT):
            yield _all(piece, (_ZEEK,), _zeek, whole=False)
        elif not _BEGINS.match(begin):
            yield piece
        elif b'"__REALTIME_TIMESTAMP"' in begin:
            yield _all(piece, (_JOURNAL,), _journal)
        elif any(name in begin for name in _CLIENT) and _OPENS.match(begin):
            yield _printed(piece)
        elif any(name in begin for name in _CLIENT):
            yield _all(piece, _ZEEK_TIMES, _zeek)
        elif all(name in begin for name in _DOCKER):
            yield _all(piece, (_PASSED,), _passed)
        elif any(name in begin for name in _PROGRAM):
            yield _all(piece, (_PARTED,), _parted)
        elif all(name in begin for name in _SHIPPED):
            yield _all(piece, (_PASSED,), _passed)
        else:
            yield piece


_BEGINS = re.compile(rb"\s*(?:\[\s*)?\{")  # a record, or a list of them
_BEHIND = re.compile(rb'(?:<\d+>|\w)[^{\n]{8,200}\{"')  # a record behind a head of syslog's
_OPENS = re.compile(rb"\s*(?:\[\s*)?\{[ \t]*\r?\n")  # one that is printed over several lines
_LINES = (
    rb"(?m)^(?P<in>[ \t]*)(?:\[[ \t]*)?(?P<record>\{[ \t]*\r?\n(?:[^\n]*\n){0,2000}?(?P=in)\})[ \t]*[],]?[ \t]*\r?$"
)
_PRINTED = re.compile(_LINES)
_OPENING = re.compile(rb"(?m)^[ \t]*(?:\[[ \t]*)?\{[ \t]*\r?$")
_LONGEST = 1 << 20  # octets of such a record


def _whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces that are not cut inside a record of several lines."""
    rest = b""
    for piece in pieces:
        if not rest and not _OPENS.match(piece[: 1 << 16]):
            yield piece
            continue
        text, rest = rest + piece, b""
        ends = [record.end() for record in _PRINTED.finditer(text)]
        opening = _OPENING.search(text, ends[-1] if ends else 0)
        if opening and len(text) - opening.start() < _LONGEST:
            text, rest = text[: opening.start()], text[opening.start() :]
        yield text
    if rest:
        yield rest


def _printed(piece: bytes) -> bytes:
    """Records that are printed over several lines; of one that is no mail's the lines are another log's."""
    found = list(_PRINTED.finditer(piece))
    if not found:
        return piece
    rows = _all(b"".join(one["record"].translate(None, b"\r\n") + b"\n" for one in found), _ZEEK_TIMES, _zeek)
    parts, at = [], 0
    for one, row in zip(found, rows.split(b"\n"), strict=False):
        lines = one[0].split(b"\n")
        if row == ZEEK.encode():
            lines = [row] * len(lines)
        elif row.startswith(ZEEK.encode() + b"\t"):
            lines = [row + b"\t" + MORE.encode(), *lines[1:-1], CLOSING]
        parts += [piece[at : one.start()], b"\n".join(lines)]
        at = one.end()
    return b"".join([*parts, piece[at:]])


def advice(text: bytes) -> str:
    """What to do with records that cannot be read one by one."""
    return "; write its records one a line (jq -c '.[]')" if re.match(rb"\s*\[\s*\{.*\}\s*,\s*\{", text) else ""


_WRAPPED = b'orig_h\\"'  # in a text, where quotes are escaped
_CLIENT = (  # as Zeek writes it, exports that know no points, and documents of Elasticsearch
    *(b'"id.orig_h"', b'"id_orig_h"', b'"orig_h"', _WRAPPED),
    *(b'"zeek"', b'"zeek.smtp'),
)
_DEPTH = 3  # of records within records, as Filebeat, Splunk and Elasticsearch write them
_DOCKER, _SHIPPED = (b'"log"', b'"stream"', b'"time"'), (b'"message"', b'"@timestamp"')
_PASSED = dict.fromkeys(("log", "time", "message"), _TEXT)
# What syslog daemons (rsyslog, syslog-ng), Logstash and Fluentd, or mailcow's interface call a head's parts.
_HEAD = {
    "time": ("timereported", "timegenerated", "ISODATE", "DATE", "UNIXTIME", "timestamp", "time", "@timestamp"),
    "host": ("sysloghost", "logsource", "HOST", "host", "hostname"),
    "program": ("PROGRAM", "program", "programname", "syslog_identifier", "ident", "appname", "app-name", "syslogtag"),
    "pid": ("PID", "pid", "procid", "syslog_pid"),
    "message": ("MESSAGE", "message", "msg"),
}
_PARTED = dict.fromkeys((name for names in _HEAD.values() for name in names), _TEXT)
_PROGRAM = tuple(f'"{name}"'.encode() for name in _HEAD["program"])
_STAMPED = r"^(<\d+>)?(1 )?(\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]\d \d\d:)"
_ZEEK_TIMES = (_ZEEK | {"ts": pa.float64()}, _ZEEK)  # ts is a number or, in ISO 8601, text


_Convert = Callable[[Columns], Any]


def _all(piece: bytes, schemas: tuple[dict[str, Any], ...], convert: _Convert, whole: bool = True) -> bytes:
    return b"".join(beside.each(lambda block: _converted(block, schemas, convert, whole), _blocks(piece)))


def _blocks(piece: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(piece):
        end = piece.find(b"\n", begin + BLOCK) + 1 or len(piece)
        yield piece[begin:end]
        begin = end


def _converted(block: bytes, schemas: tuple[dict[str, Any], ...], convert: _Convert, whole: bool) -> bytes:
    """``whole``: a line is a record, and does not end with one."""
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    wrapped = _WRAPPED in block or not whole
    read = (columns for schema in schemas if not wrapped and (columns := _parsed(block, schema, lines)))
    found = next(filter(_told, read), None)
    made = convert(found or _one_by_one(block, schemas[-1]))
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
    told = None
    for text in (line, line.strip().strip(b",[]"), line[line.find(b"{") :]):  # an element of a list, behind a head
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(text)
            break
    if not isinstance(told, dict):
        return {}
    if "uid" in schema:
        told = _within(told, _DEPTH) or _document(told) or told
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


_SAID = {
    "helo": ("helo",),
    "mailfrom": ("mail_from", "mailfrom"),
    "rcptto": ("rcpt_to", "recipient_to", "rcptto"),
    "msg_id": ("msg_id", "message_id"),
    "last_reply": ("last_reply",),
    "tls": ("tls",),
}
_DOCUMENT = {
    "uid": ("zeek.session_id", "zeek.uid", "log.id.uid", "event.id"),
    "id.orig_h": ("source.ip", "source.address"),
    **{name: tuple(f"{of}smtp.{word}" for of in ("zeek.", "") for word in words) for name, words in _SAID.items()},
    "@timestamp": ("@timestamp",),
}
"""What Zeek's fields are called in documents in Elastic's schema, as Filebeat, Security Onion and Malcolm make them."""


def _document(told: dict[str, Any]) -> dict[str, Any] | None:
    """The Zeek record that a document in Elastic's schema was made of; of another of its logs no more than the name."""
    source = told.get("_source")  # in an export from Elasticsearch
    told = dict(_flat(source if isinstance(source, dict) else told, "", _DEPTH))
    kind = str(told.get("event.dataset", ""))
    if told.get("event.module") != "zeek" and not kind.startswith("zeek.") and not any("zeek.smtp." in x for x in told):
        return None
    found = {
        name: next((told[word] for word in words if told.get(word) is not None), None)
        for name, words in _DOCUMENT.items()
    }
    if all(found[name] is None for name in ("uid", "id.orig_h", *_OWN)):
        return None
    mail = kind.removeprefix("zeek.") == "smtp" or any(found[name] is not None for name in _OWN)
    return {**found, "_path": "smtp" if mail else kind}


def _flat(told: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Fields of records within records by their whole names, with points."""
    for name, value in told.items():
        if isinstance(value, dict) and depth:
            yield from _flat(value, f"{before}{name}.", depth - 1)
        else:
            yield before + name, value


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
    if isinstance(value, dict):  # Beats' host, a time of MongoDB's
        value = value.get("name", value.get("$date", value))
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
    """A line as Docker keeps it, behind its time, or as a shipper (Filebeat, Vector) does: that one's time says when
    it was read.
    """
    time = pc.binary_join_element_wise(found["time"], pa.scalar("", _TEXT), pa.scalar(" ", _TEXT))
    log = pc.replace_substring_regex(found["log"], r"[\r\n]+$", "")
    logged = pc.if_else(pc.is_valid(log), _joined(time, log), pa.scalar(None, _TEXT))
    return _one_line(pc.coalesce(found["message"], logged), " ", "\t")


def _parted(found: Columns) -> Any:
    """A line whose head came as parts of the record; a message that holds a head itself counts by itself."""
    given = {part: pc.coalesce(*(found[name] for name in names)) for part, names in _HEAD.items()}
    since = pc.if_else(pc.match_substring_regex(given["time"], r"^\d{9,10}(\.\d+)?$"), given["time"], None)
    stamp = pc.strftime(
        pc.floor(since.cast("float64")).cast("int64").cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ"
    )
    time = pc.coalesce(stamp.cast(_TEXT), given["time"])
    message = _one_line(pc.utf8_trim_whitespace(given["message"]), " ", " ")
    tag = pc.replace_substring_regex(given["program"], r":$", "")
    pid = pc.binary_join_element_wise(pa.scalar("[", _TEXT), given["pid"], pa.scalar("]", _TEXT), pa.scalar("", _TEXT))
    pid = pc.if_else(pc.match_substring_regex(tag, r"\]$"), pa.scalar("", _TEXT), pid)
    host = pc.binary_join_element_wise(given["host"], pa.scalar("", _TEXT), pa.scalar(" ", _TEXT))
    made = _joined(time, " ", host, tag, pid, ": ", message)
    whole = pc.match_substring_regex(given["message"], _STAMPED)
    told = pc.and_(pc.and_(pc.is_valid(time), pc.is_valid(tag)), pc.is_valid(message))
    return pc.if_else(whole, message, pc.if_else(told, made, message))


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
    zeeks = pc.or_(pc.is_valid(client), pc.is_valid(found["_path"]))
    zeeks = pc.or_(zeeks, pc.and_(pc.is_valid(found["ts"]), pc.is_valid(found["uid"])))
    other = pc.if_else(zeeks, pa.scalar(ZEEK, _TEXT), pa.scalar(None, _TEXT))
    return pc.if_else(pc.or_(own, pc.and_(bare, said)), made, other)


def _offsets(lists: Any) -> Any:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _seconds(number: Any) -> Any:
    micros = pc.round(pc.multiply(number, 1e6)).cast("int64")
    whole = pc.divide(micros, 1_000_000)
    part = pc.utf8_lpad(pc.subtract(micros, pc.multiply(whole, 1_000_000)).cast("string"), 6, "0")
    return pc.binary_join_element_wise(whole.cast(_TEXT), part.cast(_TEXT), pa.scalar(".", _TEXT))
