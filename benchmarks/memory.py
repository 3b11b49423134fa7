"""What a log weighs in memory: ``python -m benchmarks.memory LOG`` reads it and tells every column's octets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.logs import made

# columns by what they are made of
GROUPS = {
    "text": ("str",),
    "categories": ("category",),
    "numbers": ("Int64", "int64", "float64"),
    "times": ("datetime64[us, UTC]",),
    "flags": ("bool", "boolean"),
}


def measured(formats: Iterable[str], size: int, folder: Path) -> dict[str, Any]:
    """What each format's log weighs, table by table, and the peak of reading it."""
    found = {}
    for format in formats:
        log = made(format, size, folder)
        taken = measure.run([sys.executable, "-m", "benchmarks.memory", os.fspath(log)])
        if "error" in taken:
            found[format] = {"error": taken["error"]}
        else:
            found[format] = json.loads(taken["said"]) | {"octets": log.stat().st_size, "peak": taken["peak"]}
    return found


def weigh(log: str) -> dict[str, Any]:
    """Rows and octets of each table, by what its columns are made of."""
    import spamlab
    from spamlab import tables

    read = spamlab.read(log)
    told: dict[str, Any] = {}
    for name, table in read.tables().items():
        octets = table.memory_usage(index=False, deep=True)
        kinds = {column: spec.dtype for column, spec in tables.TABLES[name].items()}
        groups = {
            group: int(sum(octets[column] for column, kind in kinds.items() if kind in of))
            for group, of in GROUPS.items()
        }
        told[name] = {"rows": len(table), "octets": int(octets.sum()), "groups": groups}
    return {"tables": told}


def text(found: dict[str, Any]) -> str:
    """A table a format, in Markdown."""
    lines = []
    for format, told in found.items():
        lines += [f"## {format}: memory", "", *([told["error"]] if "error" in told else table(told)), ""]
    return "\n".join(lines)


def table(told: dict[str, Any]) -> list[str]:
    """A row a table, and what they come to."""
    size = told["octets"]
    lines = [
        f"| table | rows | MB | × the log | {' | '.join(GROUPS)} |",
        "|---|--:|--:|--:|" + "--:|" * len(GROUPS),
    ]
    for name, one in told["tables"].items():
        lines.append(f"| `{name}` | {one['rows']:,} | {_shares([one], size)} |")
    lines.append(f"| all | | {_shares(list(told['tables'].values()), size)} |")
    lines.append(f"| peak of `read` | | {told['peak'] / 1e6:.0f} | {told['peak'] / size:.2f} |" + " |" * len(GROUPS))
    return lines


def _shares(tables: list[dict[str, Any]], size: int) -> str:
    octets = sum(one["octets"] for one in tables)
    groups = [sum(one["groups"][group] for one in tables) for group in GROUPS]
    return " | ".join([f"{octets / 1e6:.0f}", *(f"{each / size:.2f}" for each in (octets, *groups))])


def readme(found: dict[str, Any]) -> str:
    """The README's table, of the first format; groups as multiples of the log's size."""
    format, told = next((format, told) for format, told in found.items() if "error" not in told)
    said = f"What {told['octets'] / 1e6:.0f} MB of {format} weigh in memory (groups of columns: × the log):"
    return "\n".join([said, "", *table(told)])


if __name__ == "__main__":
    print(json.dumps(weigh(sys.argv[1])))
