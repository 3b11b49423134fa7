"""The same log read in several ways, side by side: tools that make something of it, means that make columns of it.

Machines are noisy, so what counts are ratios within a round: how many times as long each way takes as spamlab, least,
median and most over the rounds. Each way runs in a process of its own, Python's start included.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.logs import made
from benchmarks.peers import WAYS, Missing

TOOLS = ("spamlab.read", "spamlab events", "pflogsumm", "eximstats", "zat", "lnav", "wc -l")
SAME = ("polars events", "duckdb events")
"""The means that make the columns of the events table, and whose better one it is held against."""
RIVALS = ("polars", "duckdb")
"""The same libraries when they make columns of their own: of one expression a line, or of the table the log is."""
MEANS = ("spamlab events", *SAME, "spamlab scan", "re loop", *RIVALS, "pyarrow", "pandas")
QUICK = ("spamlab.read", "spamlab events", "pflogsumm", "eximstats", "zat", "lnav", *SAME, *RIVALS, "wc -l")


def measured(formats: Iterable[str], size: int, rounds: int, ways: Iterable[str], folder: Path) -> dict[str, Any]:
    """What every way took on each format's log."""
    found = {}
    for format in formats:
        log = made(format, size, folder)
        measure.warm(log)
        tasks = {way: functools.partial(once, way, format, log) for way in ways if format in WAYS[way].formats}
        results = measure.rounds(tasks, rounds, f"compare {format}")
        found[format] = {"octets": log.stat().st_size, "ways": results}
    return found


def once(way: str, format: str, log: Path) -> dict[str, Any]:
    """Time one way once."""
    try:
        command = WAYS[way].command(format, log)
    except Missing as reason:
        return {"error": f"not run: {reason}"}
    found = measure.run(command)
    said = found.pop("said").strip()
    if said.startswith("{"):
        found |= json.loads(said.splitlines()[-1])
    return found


def text(found: dict[str, Any]) -> str:
    """Two tables a format, in Markdown."""
    lines = []
    for format, told in found.items():
        lines += [f"## {format}: {told['octets'] / 1e6:.0f} MB", ""]
        lines += [*table(told["ways"], TOOLS, "spamlab.read", told["octets"]), ""]
        lines += [*table(told["ways"], MEANS, "spamlab events", told["octets"]), ""]
        for what, rivals in (("making the same columns", SAME), ("making columns of their own", RIVALS)):
            if ratio := spread(measure.ratios(better(told["ways"], rivals), told["ways"].get("spamlab events", []))):
                lines += [f"events against the better of Polars and DuckDB {what}: × {ratio} as fast", ""]
    return "\n".join(lines)


def table(results: dict[str, measure.Taken], ways: Iterable[str], base: str, size: int) -> list[str]:
    """One table, ratios to ``base``."""
    lines = [
        f"| way | makes | wall, s | MB/s | CPU, s | peak, MB | {base} is × as fast (wall) | (CPU) |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for way in ways:
        if way not in results:
            continue
        taken, makes = results[way], WAYS[way].makes
        if error := measure.failed(taken):
            lines.append(f"| {way} | {makes} | {error.replace('|', '/')} |" + " |" * 5)
            continue
        wall, cpu = (measure.median(taken, what) for what in ("wall", "cpu"))
        peak = max(result["peak"] for result in taken) / 1e6
        times = " | ".join(spread(measure.ratios(taken, results.get(base, []), what)) for what in ("wall", "cpu"))
        lines.append(f"| {way} | {makes} | {wall:.2f} | {size / 1e6 / wall:.0f} | {cpu:.2f} | {peak:.0f} | {times} |")
    return lines


def spread(ratios: list[float]) -> str:
    """Median, least and most of ratios."""
    if not ratios:
        return ""
    middle = ratios[len(ratios) // 2] if len(ratios) % 2 else sum(ratios[len(ratios) // 2 - 1 :][:2]) / 2
    low, mid, high = (f"{x:.1f}" if x < 100 else f"{x:.0f}" for x in (ratios[0], middle, ratios[-1]))
    return f"{mid} ({low}–{high})"


def better(results: dict[str, measure.Taken], rivals: Iterable[str] = RIVALS) -> measure.Taken:
    """The quicker of the rivals, round by round (none if one of them was not run)."""
    taken = [results.get(way, []) for way in rivals]
    if not all(taken) or any(map(measure.failed, taken)):
        return []
    return [min(pair, key=lambda one: one["wall"]) for pair in zip(*taken, strict=True)]


def readme(found: dict[str, Any]) -> str:
    """The table of the README: a row a format; what makes the same columns has a cell where it was run."""
    same = any(way in told["ways"] for told in found.values() for way in SAME)
    lines = [
        "| log | all six tables | peak memory | events alone, a core | × as fast as |"
        " events: × as fast as the better of Polars and DuckDB |" + " … making the same columns |" * same,
        "|---|--:|--:|--:|---|--:|" + "--:|" * same,
    ]
    for format, told in found.items():
        size, results = told["octets"], told["ways"]
        read, events = results.get("spamlab.read", []), results.get("spamlab events", [])
        if not read or not events or measure.failed([*read, *events]):
            continue
        others = [way for way in TOOLS if way in results and way not in ("spamlab.read", "spamlab events", "wc -l")]
        ratios = {way: spread(measure.ratios(results[way], read)) for way in others}
        peak = max(result["peak"] for result in read)
        cells = (
            format,
            f"{size / 1e6 / measure.median(read, 'wall'):.0f} MB/s",
            f"{peak / size:.1f} × the log",
            f"{size / 1e6 / measure.median(events, 'cpu'):.0f} MB/s",
            ", ".join(f"{way} {ratio}" for way, ratio in ratios.items() if ratio),
            spread(measure.ratios(better(results), events)),
            *[spread(measure.ratios(better(results, SAME), events))] * same,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
