"""Zeek's records in JSON as rows of Zeek's own text: as it writes them, as log shippers wrap them, as documents in
Elastic's schema, and printed over several lines.

Such a record is one line, marked with ``MORE``, and as many lines more as it had, the last a bracket alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spamlab.carriers import parsing
from spamlab.carriers.parsing import NONE, TEXT, Columns, one_line

MARK = "zeek smtp.log"
"""What a line begins with that was a Zeek record in JSON; its values follow, in the order of ``FIELDS``, if it is
one of ``smtp.log``."""

FIELDS = ("ts", "uid", "id.orig_h", "helo", "mailfrom", "rcptto", "msg_id", "last_reply", "tls")
MORE = "{"
CLOSING = b"}"
_OWN = ("helo", "mailfrom", "rcptto", "last_reply", "tls")  # no other log of Zeek's has them
_SCHEMA = dict.fromkeys((*FIELDS, "_path", "id_orig_h", "@timestamp"), TEXT) | {
    "rcptto": pa.list_(TEXT),
    "tls": pa.bool_(),
    "id": pa.struct([("orig_h", TEXT)]),
}

_WRAPPED = b'orig_h\\"'  # in a text, where quotes are escaped
_CLIENT = (  # as Zeek writes it, exports that know no points, and documents of Elasticsearch
    *(b'"id.orig_h"', b'"id_orig_h"', b'"orig_h"', _WRAPPED),
    *(b'"zeek"', b'"zeek.smtp'),
)
_DEPTH = 3  # of records within records
_TIMES = (_SCHEMA | {"ts": pa.float64()}, _SCHEMA)  # ts is a number or, in ISO 8601, text
BEHIND = re.compile(rb'(?:<\d+>|\w)[^{\n]{8,200}\{"')  # a record behind a head of syslog's
OPENS = re.compile(rb"\s*(?:\[\s*)?\{[ \t]*\r?\n")  # one that is printed over several lines
_LINES = (
    rb"(?m)^(?P<in>[ \t]*)(?:\[[ \t]*)?(?P<record>\{[ \t]*\r?\n(?:[^\n]*\n){0,2000}?(?P=in)\})[ \t]*[],]?[ \t]*\r?$"
)
_PRINTED = re.compile(_LINES)
_OPENING = re.compile(rb"(?m)^[ \t]*(?:\[[ \t]*)?\{[ \t]*\r?$")
_LONGEST = 1 << 20  # octets of such a record


def among(begin: bytes) -> bool:
    """Whether a text that begins so holds records of Zeek's."""
    return any(name in begin for name in _CLIENT)


def rows(block: bytes) -> Any:
    """The rows of records, one a line."""
    for schema in () if _WRAPPED in block else _TIMES:
        if found := parsing.at_once(block, schema):
            return _rows(found)
    return behind(block)


def behind(block: bytes) -> Any:
    """The rows of records behind a head of syslog's, or within another's."""
    return _rows(parsing.one_by_one(block, _SCHEMA, _record))


def whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces that are not cut inside a record of several lines."""
    rest = b""
    for piece in pieces:
        if not rest and not OPENS.match(piece[: 1 << 16]):
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


def printed(piece: bytes) -> bytes:
    """Records that are printed over several lines; of one that is no mail's the lines are another log's."""
    found = list(_PRINTED.finditer(piece))
    if not found:
        return piece
    made = parsing.lines(b"".join(one["record"].translate(None, b"\r\n") + b"\n" for one in found), rows)
    parts, at = [], 0
    for one, row in zip(found, made.split(b"\n"), strict=False):
        lines = one[0].split(b"\n")
        if row == MARK.encode():
            lines = [row] * len(lines)
        elif row.startswith(MARK.encode() + b"\t"):
            lines = [row + b"\t" + MORE.encode(), *lines[1:-1], CLOSING]
        parts += [piece[at : one.start()], b"\n".join(lines)]
        at = one.end()
    return b"".join([*parts, piece[at:]])


def _record(line: bytes) -> dict[str, Any]:
    """The Zeek record in a line, which can stand behind a head or within another record."""
    told = parsing.record(line) or parsing.record(line[line.find(b"{") :])
    return _within(told, _DEPTH) or _document(told) or told


def _within(told: Any, depth: int) -> dict[str, Any] | None:
    """The Zeek record that this is or that a log shipper put into it, as it is or as text, under whatever name."""
    if isinstance(told, str) and told.startswith("{") and "orig_h" in told:
        told = parsing.record(told.encode("utf-8", "replace"))
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
    told = parsing.flat(source if isinstance(source, dict) else told, _DEPTH)
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


def _rows(found: Columns) -> Any:
    """A Zeek row behind the mark ``MARK``; of another of its logs the mark alone; missing where it is neither."""
    time = _seconds(found["ts"]) if pa.types.is_floating(found["ts"].type) else found["ts"]
    time = pc.replace_substring_regex(time, r"^(\d{9,11})(\d{3})(?:\.0+)?$", r"\1.\2")  # Zeek's TS_MILLIS
    client = pc.coalesce(found["id.orig_h"], found["id_orig_h"], pc.struct_field(found["id"], "orig_h"))
    found |= {"ts": pc.coalesce(time, found["@timestamp"]), "id.orig_h": client}
    own = pc.equal(pc.coalesce(found["_path"], pa.scalar("", TEXT)), "smtp")
    bare = pc.is_null(found["_path"])
    said = functools.reduce(pc.or_, (pc.is_valid(found[name]) for name in _OWN))
    values = [pa.scalar(MARK, TEXT)]
    for name in FIELDS:
        value = found[name]
        if pa.types.is_boolean(value.type):
            value = pc.if_else(value, pa.scalar("T", TEXT), pa.scalar("F", TEXT))
        elif pa.types.is_list(value.type):
            inner = pc.replace_substring(pc.list_flatten(value), ",", "\\x2c")
            value = pc.binary_join(pa.ListArray.from_arrays(_offsets(value), inner), pa.scalar(",", TEXT))
            value = pc.if_else(pc.is_valid(found[name]), value, None)
        value = pc.if_else(pc.equal(value, ""), pa.scalar("(empty)", TEXT), one_line(value, "\\x0a", "\\x09"))
        values.append(pc.fill_null(value, "-"))
    made = pc.binary_join_element_wise(*values, pa.scalar("\t", TEXT))
    zeeks = pc.or_(pc.is_valid(client), pc.is_valid(found["_path"]))
    zeeks = pc.or_(zeeks, pc.and_(pc.is_valid(found["ts"]), pc.is_valid(found["uid"])))
    other = pc.if_else(zeeks, pa.scalar(MARK, TEXT), NONE)
    return pc.if_else(pc.or_(own, pc.and_(bare, said)), made, other)


def _offsets(lists: Any) -> Any:
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _seconds(number: Any) -> Any:
    micros = pc.round(pc.multiply(number, 1e6)).cast("int64")
    whole = pc.divide(micros, 1_000_000)
    part = pc.utf8_lpad(pc.subtract(micros, pc.multiply(whole, 1_000_000)).cast("string"), 6, "0")
    return pc.binary_join_element_wise(whole.cast(TEXT), part.cast(TEXT), pa.scalar(".", TEXT))
