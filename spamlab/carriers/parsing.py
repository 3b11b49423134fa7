"""Records in JSON, one a line, as columns, and lines made of these.

Blocks are parsed whole by Arrow; one that it cannot parse goes line by line.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from spamlab import beside

BLOCK = 1 << 20
"""Octets parsed at a time: as much as a broken line sends to the slow path."""

TEXT = pa.large_string()
NONE = pa.scalar(None, TEXT)

Columns = dict[str, Any]
Schema = dict[str, Any]


def lines(piece: bytes, made: Callable[[bytes], Any]) -> bytes:
    """A piece with its records as lines, as ``made`` gives them of a block; where it gives none, the line as it is."""
    return b"".join(beside.each(lambda block: ended(block, made(block)), _blocks(piece)))


def _blocks(piece: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(piece):
        end = piece.find(b"\n", begin + BLOCK) + 1 or len(piece)
        yield piece[begin:end]
        begin = end


def count(text: bytes) -> int:
    """How many lines a text has."""
    return text.count(b"\n") + (not text.endswith(b"\n"))


def ended(block: bytes, made: Any) -> bytes:
    """The lines made of a block's, each with its end; where there is none, the line as it is."""
    if made.null_count:
        kept = pa.array([line.rstrip(b"\r").decode() for line in block.split(b"\n")[: len(made)]], TEXT)
        made = pc.if_else(pc.is_valid(made), made, kept)
    ended = pc.binary_join_element_wise(made, pa.scalar("\n", TEXT), pa.scalar("", TEXT))
    _, offsets, octets = ended.buffers()
    begin, end = np.frombuffer(offsets, dtype=np.int64)[[ended.offset, ended.offset + len(ended)]]
    return octets.slice(begin, end - begin).to_pybytes() if octets else b""


def at_once(block: bytes, schema: Schema) -> Columns | None:
    """The columns as Arrow parses them; None where it cannot, or where they tell no more than ``@timestamp``."""
    try:
        table = arrow_json.read_json(
            io.BytesIO(block),
            arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            arrow_json.ParseOptions(explicit_schema=pa.schema(schema.items()), unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if len(table) != count(block):  # blank lines are left out
        return None
    columns = {name: table[name].combine_chunks() for name in schema}
    told = any(column.null_count < len(column) for name, column in columns.items() if name != "@timestamp")
    return columns if told else None


def record(line: bytes) -> dict[str, Any]:
    """The record that a line is; an empty one where it is none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def one_by_one(block: bytes, schema: Schema, read: Callable[[bytes], dict[str, Any]] = record) -> Columns:
    """The columns, line by line; ``read`` gives a line's record."""
    rows = [
        {name: _fitting(told[name], kind) for name, kind in schema.items() if told.get(name) is not None}
        for told in map(read, block.split(b"\n"))
    ]
    if block.endswith(b"\n"):
        rows.pop()
    return {name: pa.array([row.get(name) for row in rows], kind) for name, kind in schema.items()}


def _fitting(value: Any, kind: Any) -> Any:
    """A value as one of its column's type; of a field that came several times (journald) the last."""
    if kind == pa.bool_():
        return value if isinstance(value, bool) else {"T": True, "true": True, "F": False, "false": False}.get(value)
    if pa.types.is_struct(kind):
        return {"orig_h": _text(value.get("orig_h"))} if isinstance(value, dict) else None
    if kind != TEXT:
        return [_text(one) for one in (value if isinstance(value, list) else _text(value).split(","))]
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value).decode("utf-8", "backslashreplace")  # a text that is no UTF-8, as octets
    if isinstance(value, dict):  # a time of MongoDB's
        value = value.get("$date", value)
    return _text(value[-1] if isinstance(value, list) and value else value)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "backslashreplace").decode()


def flat(told: dict[str, Any], depth: int) -> dict[str, Any]:
    """What a record holds and what those within it do, as they are or as text, by their names, with and without those
    they are in; of several of one name the outermost.

    >>> flat({"host": {"name": "mx"}, "ok": 1}, 1)
    {'ok': 1, 'host.name': 'mx', 'name': 'mx'}
    """
    found = {name: value for name, value in told.items() if not isinstance(value, (dict, list))}
    for name, inner in told.items() if depth else ():
        if isinstance(inner, str) and inner.startswith("{"):
            inner = record(inner.encode("utf-8", "replace")) or inner
        if isinstance(inner, dict):
            for key, value in flat(inner, depth - 1).items():
                found.setdefault(f"{name}.{key}", value)
                found.setdefault(key, value)
        elif isinstance(inner, list):
            found[name] = inner
    return found


def joined(*parts: Any) -> Any:
    """Parts side by side, missing ones left out."""
    whole = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*whole, pa.scalar("", TEXT), null_handling="replace", null_replacement="")


def matching(text: Any, pattern: str) -> Any:
    """Texts that match; missing where they do not."""
    return pc.if_else(pc.match_substring_regex(text, pattern), text, NONE)


def one_line(text: Any, line: str, tab: str) -> Any:
    """Texts with something else for what ends a line, and for tabs."""
    octets = text.buffers()[2]
    if octets is None or not (np.frombuffer(octets, np.uint8) <= ord("\r")).any():  # as a rule
        return text
    for mark, put in (("\n", line), ("\r", line), ("\t", tab)):
        if pc.any(pc.match_substring(text, mark)).as_py():
            text = pc.replace_substring(text, mark, put)
    return text
