"""Cold and warm starts: from a new process to its first table, from a new kernel to a notebook's first figure.

Each is measured on a copy of the package with a cache folder of its own. *Warm*: it has run before, its compiled
kernels and Python's bytecode are kept. *Cold*: a copy made for this one run, without either. What else the machine
holds in memory (Python, pandas, the log) stays there, and so does Matplotlib's list of fonts, which is not spamlab's.
``python -m benchmarks.start NOTEBOOK`` measures one figure.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.growth import seconds
from benchmarks.logs import made

SMALL = measure.ROOT / "data" / "exchange55-appendix-a.log"
NOTEBOOK = measure.ROOT / "notebooks" / "01-the-log.ipynb"
LARGE = 30_000_000
READ = "import spamlab; spamlab.read({log!r})"
WAYS = {
    "Python alone": "`python -c pass`",
    "pandas imported": "`import pandas`, under which spamlab cannot be",
    "a small log's tables": "`read` of the white paper's log (5 kB)",
    "a large log's tables": "`read` of a Postfix log of 30 MB; cold: the compiler runs, once on a machine",
    "a notebook's first figure": "notebook 01 on the white paper's log, from kernel start",
}


SLOW = "a large log's tables, cold"


def measured(rounds: int, folder: Path) -> dict[str, Any]:
    """Every way, warm and cold, once a round."""
    large = made("postfix", LARGE, folder)
    with tempfile.TemporaryDirectory() as scratch:
        warm = copy(Path(scratch, "warm"))
        ready = measure.run([sys.executable, "-c", "from spamlab.read import prepare; prepare()"], env=warm)
        if "error" in ready:
            return {"error": ready["error"]}
        commands = {
            "Python alone": [sys.executable, "-c", "pass"],
            "pandas imported": [sys.executable, "-c", "import pandas"],
            "a small log's tables": [sys.executable, "-c", READ.format(log=os.fspath(SMALL))],
            "a large log's tables": [sys.executable, "-c", READ.format(log=os.fspath(large))],
            "a notebook's first figure": [sys.executable, "-m", "benchmarks.start", os.fspath(NOTEBOOK)],
        }
        tasks: dict[str, Callable[[], dict[str, Any]]] = {}
        for way, command in commands.items():
            once(command, warm)  # bytecode, and what the libraries keep themselves (fonts, say)
            tasks[f"{way}, warm"] = functools.partial(once, command, warm)
            if "log" in way or "figure" in way:
                tasks[f"{way}, cold"] = functools.partial(cold, command, Path(scratch, "cold"))
        compiles = {SLOW: tasks.pop(SLOW)}  # half a minute: once is enough
        return {"ways": measure.rounds(tasks, rounds, "start") | measure.rounds(compiles, 1, "start")}


def copy(folder: Path) -> dict[str, str]:
    """A copy of the package that keeps nothing outside its folder, and the environment in which Python finds it."""
    left = shutil.ignore_patterns("__pycache__")
    shutil.copytree(measure.ROOT / "spamlab", folder / "spamlab", ignore=left)
    shutil.copytree(measure.ROOT / "benchmarks", folder / "benchmarks", ignore=left)
    own = {"PYTHONPATH": folder, "XDG_CACHE_HOME": folder / "cache", "MPLCONFIGDIR": folder.parent / "matplotlib"}
    return {"PYTHONSAFEPATH": "1", **{name: os.fspath(path) for name, path in own.items()}}


def cold(command: list[str], folder: Path) -> dict[str, Any]:
    """Once with a copy of the package that was never run."""
    shutil.rmtree(folder, ignore_errors=True)
    return once(command, copy(folder))


def once(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Time it; a figure is timed from within, where the kernel is started."""
    found = measure.run(command, env=environment)
    said = found.pop("said").strip()
    if said.startswith("{"):
        found |= json.loads(said.splitlines()[-1])
    return found


def figure(notebook: Path) -> dict[str, Any]:
    """Start a kernel, run the notebook's cells as they stand, and stop at the first figure."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import KernelManager

    class ThisPython(KernelManager):
        kernel_spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])

    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    seen: list[float] = []

    def shown(message: dict[str, Any]) -> None:
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))
        if "image/png" in message["content"].get("data", {}):
            seen.append(time.perf_counter())

    began = time.perf_counter()
    manager = ThisPython()
    manager.start_kernel(cwd=os.fspath(notebook.parent), env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        ready = time.perf_counter()
        for cell in cells:
            client.execute_interactive(cell, output_hook=shown, timeout=120)
            if seen:
                return {"wall": seen[0] - began, "kernel": ready - began}
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    raise RuntimeError(f"{notebook}: no figure")


def text(found: dict[str, Any]) -> str:
    """A row a way, in Markdown."""
    return "\n".join(["## start", "", found["error"] if "error" in found else table(found), ""])


def table(found: dict[str, Any]) -> str:
    """Medians, with least and most."""
    lines = ["| from a new process to | | warm | cold |", "|---|---|--:|--:|"]
    for way, what in WAYS.items():
        cells = [_cell(found["ways"].get(f"{way}, {how}", [])) for how in ("warm", "cold")]
        lines.append(f"| {way} | {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(taken: measure.Taken) -> str:
    if error := measure.failed(taken):
        return error.replace("|", "/")
    walls = sorted(one["wall"] for one in taken)
    return f"{seconds(measure.median(taken, 'wall'))} ({walls[0]:.2f}–{walls[-1]:.2f})" if walls else ""


readme = table


if __name__ == "__main__":
    print(json.dumps(figure(Path(sys.argv[1]))))
