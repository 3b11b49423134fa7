"""Run notebooks with papermill, each in a fresh kernel of the Python that is running now.

``python -m spamlab.execute NOTEBOOK...`` runs them again in place, on their own log (``make notebooks``).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode, from_dict, writes

AT_ONCE = 2
"""Notebooks run at the same time."""


class NotebookFailed(RuntimeError):
    """A notebook's cell raised an error, or the Python that ran it died."""


def notebooks() -> list[Path]:
    """Return the notebooks, in order: those of the checkout, or those installed with the package."""
    package = Path(__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if found := sorted(folder.glob("[0-9]*.ipynb")):
            return found
    raise FileNotFoundError("spamlab's notebooks are not beside it; install it again")


def run(
    paths: Sequence[Path], parameters: Mapping[str, object] | None = None, *, cwd: Path | None = None,
    environment: Mapping[str, str] | None = None, progress: bool = False,
) -> list[NotebookNode]:  # fmt: skip
    """Run notebooks, two at a time; the files themselves are not changed.

    Parameters
    ----------
    paths
        The notebooks.
    parameters
        What to set in their cells tagged ``parameters``; a notebook that knows no such name is an error.
    cwd
        Where they run; by default each in its own folder.
    environment
        Variables set for them.
    progress
        Show on the terminal how far it is.

    Returns
    -------
    list of NotebookNode
        The executed notebooks, in the order given, without anything that changes from run to run.

    Raises
    ------
    NotebookFailed
        A notebook failed; the others are stopped.
    """
    from tqdm import tqdm

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its errors are raised, and said once
    started: list[AsyncKernelManager] = []
    with (
        tempfile.TemporaryDirectory(prefix="spamlab-") as scratch,
        ThreadPoolExecutor(AT_ONCE) as pool,
        tqdm(total=len(paths), desc="notebooks", unit="", disable=not progress, leave=False) as bar,
    ):

        def one(path: Path) -> NotebookNode:
            manager = _kernel(cwd or path.parent, Path(scratch), environment or {}, started)
            return _run_one(path, dict(parameters or {}), manager)

        futures = [pool.submit(one, path) for path in paths]
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:  # Ctrl-C too: kernels run in process groups of their own
            pool.shutdown(wait=False, cancel_futures=True)
            for kernel in started:
                if process := getattr(kernel.provisioner, "process", None):
                    process.kill()
            raise
    return [future.result() for future in futures]


def _run_one(path: Path, parameters: dict[str, object], manager: type[AsyncKernelManager]) -> NotebookNode:
    import papermill
    from nbclient.exceptions import DeadKernelError

    # Papermill only warns of a parameter that the notebook does not have.
    if unknown := set(parameters) - set(papermill.inspect_notebook(str(path))):
        raise NotebookFailed(f"{path.name} has no parameter {', '.join(sorted(unknown))}")
    try:
        made = papermill.execute_notebook(
            str(path), None, parameters, kernel_name="python3", language="python", progress_bar=False,
            kernel_manager_class=manager, record_timing=False, coalesce_streams=True,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        line = error.source.strip().partition("\n")[0]
        raise NotebookFailed(f"{path.name}, at `{line}`: {error.ename}: {error.evalue}") from None
    except DeadKernelError:
        raise NotebookFailed(f"{path.name}: the Python that ran it died (out of memory?)") from None
    except RuntimeError as error:
        raise NotebookFailed(f"{path.name}: no Python could be started for it ({error})") from None
    return _steady(made)


def _kernel(
    cwd: Path, scratch: Path, environment: Mapping[str, str], started: list[AsyncKernelManager]
) -> type[AsyncKernelManager]:
    """What starts this very Python, whatever kernels are installed for the user; ``started`` gets each one."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONSTARTUP", "COLUMNS", "LINES")}
    own = {
        "IPYTHONDIR": str(scratch / "ipython"),  # the user's own start-up files stay out; home may be read-only
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
    }
    settings: dict[str, Any] = {"cwd": str(cwd), "env": {**inherited, **own, **environment}}
    settings |= dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)

    class ThisPython(AsyncKernelManager):
        # Never looked up by name: a user's own "python3" may be another Python.
        kernel_spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])

        def __init__(self, **options: Any) -> None:
            super().__init__(connection_file=str(scratch / f"kernel-{uuid.uuid4()}.json"), **options)
            started.append(self)

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            await super().start_kernel(**{**options, **settings})

    return ThisPython


def _steady(notebook: NotebookNode) -> NotebookNode:
    """Leave only what does not change from run to run: no times, random ids, patch level of Python."""
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = from_dict({"kernelspec": spec, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = from_dict({"tags": tags} if tags else {})
        if tags and "injected-parameters" in tags:
            cell["id"] = "injected-parameters"
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook the way the checkout stores it."""
    path.write_text(writes(notebook) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> None:
    """Run the named notebooks again and write them back."""
    paths = [Path(argument) for argument in arguments]
    for path, made in zip(paths, run(paths), strict=True):
        write(made, path)


if __name__ == "__main__":
    main(sys.argv[1:])
