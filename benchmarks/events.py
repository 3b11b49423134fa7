"""The events table's columns made by other libraries: what they make, and what they leave out.

``events_duckdb`` and ``events_polars`` make of a log what ``spamlab.read(log, tables=["events"]).events`` holds, value
for value, each in the way that is fastest in its library; ``tests/test_benchmarks_events.py`` proves it on made logs of
every format. They do **less** than spamlab: they know only the lines that those made logs have (no other dialect, no
header in the middle of a file, nothing broken, no year but 2024 in syslog), count no lines, hash no file, keep no way
back to the octets, and leave out

- ``transaction`` everywhere, and ``source``, ``lines`` and ``repeats``;
- ``session`` where finding it means following each process or client through the log (``SESSIONS`` has the others);
- in ``exchange55``, account names, which stand in Base64 or NTLM tokens, and octets that are no text: DuckDB reads
  messages as Latin-1, Polars puts U+FFFD.
"""

from __future__ import annotations

from pathlib import Path

COLUMNS = (
    "line", "time", "session", "direction", "kind", "verb", "argument", "code", "enhanced_code", "text", "size",
    "queue_id", "host", "program", "pid", "echo",
)  # fmt: skip
SESSIONS = ("zeek", "zeek-json", "exchange", "exchange55")
"""Formats whose sessions are made: a column names them, or they begin at a connect line."""
ENHANCED = r"\d\.\d{1,3}\.\d{1,3}"
"""An enhanced status code."""


def header(log: str) -> int:
    """How many lines a log's header has."""
    with Path(log).open(encoding="latin-1") as lines:
        return next(number for number, line in enumerate(lines) if not line.startswith("#"))
