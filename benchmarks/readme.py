"""What was measured, kept in ``build/bench/``, and written from there between two marks in the README."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import cluster, compare, growth, measure, memory, start

PARTS = {"compare": compare, "growth": growth, "memory": memory, "start": start, "cluster": cluster}
SAVED = measure.ROOT / "build" / "bench"
README = measure.ROOT / "README.md"
BEGIN, END = "<!-- bench: what follows is written by `make bench-full` -->", "<!-- bench: end -->"


def save(part: str, found: dict[str, Any], machine: dict[str, Any]) -> None:
    """Keep what a part found, with the day and the machine."""
    SAVED.mkdir(parents=True, exist_ok=True)
    told = {"date": datetime.date.today().isoformat(), "machine": machine, "found": found}
    (SAVED / f"{part}.json").write_text(json.dumps(told, indent=1) + "\n")


def saved() -> dict[str, dict[str, Any]]:
    """What is kept, in the order of ``PARTS``."""
    files = {part: SAVED / f"{part}.json" for part in PARTS}
    return {part: json.loads(file.read_text()) for part, file in files.items() if file.exists()}


def section(told: Mapping[str, dict[str, Any]]) -> str:
    """The README's text of what was measured."""
    days = sorted({one["date"] for one in told.values()})
    shapes = {json.dumps(one["machine"]): one["machine"] for one in told.values()}
    where = " / ".join(shape(one) for one in shapes.values())
    tables = [PARTS[part].readme(one["found"]) for part, one in told.items()]
    return "\n\n".join([f"Measured {' to '.join(days[:1] + days[1:][-1:])} on {where}.", *tables])


def shape(machine: dict[str, Any]) -> str:
    """A machine in a line."""
    memory = f"{machine['memory'] / 1e9:.0f} GB of memory"
    return f"{machine['cpu']}, {machine['cores']} cores, {memory}, {machine['system']}, Python {machine['python']}"


def replaced(text: str, section: str) -> str:
    """A text with what stands between the marks replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no lines {BEGIN} and {END}")
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"


def write() -> Path:
    """Write what is kept into the README."""
    README.write_text(replaced(README.read_text(encoding="utf-8"), section(saved())), encoding="utf-8")
    return README
