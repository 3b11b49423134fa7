"""Several files on Dask, with one worker and with two: ``spamlab.cluster`` beside one process.

``python -m benchmarks.cluster WORKERS WHAT OUT FILE...`` does one run on a cluster of this machine's processes.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.growth import seconds
from benchmarks.logs import made

FILES = 8
WORKERS = (1, 2)
WAYS = {
    "rows": "all tables made, their rows counted",
    "convert": "all tables as Parquet",
}


def measured(size: int, rounds: int, folder: Path) -> dict[str, Any]:
    """A Postfix log as so many files that follow one another, through one process and through workers."""
    files = split(made("postfix", size, folder), folder / "files")
    out = folder / "converted"
    tasks = {}
    for what in WAYS:
        tasks[f"{what}, one process"] = functools.partial(once, alone(what, files, out), out)
        for workers in WORKERS:
            command = [sys.executable, "-m", "benchmarks.cluster", str(workers), what, os.fspath(out), *files]
            tasks[f"{what}, {workers}"] = functools.partial(once, command, out)
    octets = sum(Path(file).stat().st_size for file in files)
    found = {"octets": octets, "files": len(files), "ways": measure.rounds(tasks, rounds, "cluster")}
    shutil.rmtree(folder / "files")
    return found


def split(log: Path, folder: Path) -> list[str]:
    """The log cut at ends of lines into files that follow one another, as rotation leaves them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = ["split", "-d", "-n", f"l/{FILES}", "--additional-suffix=.log", log, folder / "mail-"]
    subprocess.run(command, check=True)
    return sorted(map(os.fspath, folder.iterdir()))


def alone(what: str, files: list[str], out: Path) -> list[str]:
    """The same in one process, in parts, as ``spamlab summary`` and ``convert`` read."""
    if what == "convert":
        return [sys.executable, "-m", "spamlab", "convert", *files, "-o", os.fspath(out)]
    code = "import sys; from spamlab import stream; print(sum(len(part.events) for part in stream.parts(sys.argv[1:])))"
    return [sys.executable, "-c", code, *files]


def once(command: list[str], out: Path) -> dict[str, Any]:
    """Time a run; what a cluster tells of itself replaces what was seen from outside."""
    found = measure.run(command)
    said = found.pop("said").strip()
    if said.startswith("{"):
        found |= json.loads(said.splitlines()[-1])
    shutil.rmtree(out, ignore_errors=True)
    return found


def run(workers: int, what: str, out: Path, files: list[str]) -> dict[str, Any]:
    """Seconds from the cluster's being there to the result, and the peak of the worker that needed most."""
    from distributed import Client, LocalCluster

    from spamlab import cluster

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        began = time.perf_counter()
        log = cluster.read(files, scheduler=client)
        if what == "convert":
            out.mkdir()
            log.to_parquet(out)
        else:
            sum(log.map(rows))
        return {"wall": time.perf_counter() - began, "peak": max(client.run(peak).values())}


def rows(log: Any) -> int:
    """A part's events."""
    return len(log.events)


def peak() -> int:
    """The most memory this process ever held, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def text(found: dict[str, Any]) -> str:
    """A row a way, in Markdown."""
    return "\n".join(["## cluster", "", readme(found), ""])


def readme(found: dict[str, Any]) -> str:
    """Wall time, and the peak of each process."""
    said = f"{found['octets'] / 1e6:.0f} MB of postfix in {found['files']} files, on Dask (wall, peak of a worker):"
    lines = [said, "", "| | one process, no Dask | 1 worker | 2 workers |", "|---|--:|--:|--:|"]
    for what, told in WAYS.items():
        cells = [_cell(found["ways"][f"{what}, {how}"]) for how in ("one process", *WORKERS)]
        lines.append(f"| {told} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(taken: measure.Taken) -> str:
    if error := measure.failed(taken):
        return error.replace("|", "/")
    return f"{seconds(measure.median(taken, 'wall'))}, {max(one['peak'] for one in taken) / 1e9:.2f} GB"


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])))
