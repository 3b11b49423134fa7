"""Run notebooks with papermill, each in a fresh kernel of the Python that is running now.

``python -m spamlab.execute NOTEBOOK...`` runs them again in place, on their own log (``make notebooks``).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode

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
    paths: Sequence[Path],
    parameters: Mapping[str, object] | None = None,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    done: Callable[[Path], object] = lambda _: None,
) -> list[NotebookNode]:
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
    done
        Called with a notebook's path when it is through.

    Returns
    -------
    list of NotebookNode
        The executed notebooks, in the order given, without anything that changes from run to run.

    Raises
    ------
    NotebookFailed
        A notebook failed; the others are stopped.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # its errors are raised, and said once
    with (
        tempfile.TemporaryDirectory(prefix="spamlab-") as scratch,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        kernels = _Kernels(Path(scratch), environment or {})

        def one(path: Path) -> NotebookNode:
            made = _run_one(path, dict(parameters or {}), kernels(cwd or path.parent))
            done(path)
            return made

        futures = [pool.submit(one, path) for path in paths]
        try:
            return [future.result() for future in futures]
        except BaseException:  # Ctrl-C too: kernels run in process groups of their own
            for future in futures:
                future.cancel()
            kernels.stop()
            raise


def _run_one(path: Path, parameters: dict[str, object], manager: type[AsyncKernelManager]) -> NotebookNode:
    import papermill
    from nbclient.exceptions import DeadKernelError

    # Papermill only warns of a parameter that the notebook does not have.
    if unknown := set(parameters) - set(papermill.inspect_notebook(str(path))):
        raise NotebookFailed(f"{path.name} has no parameter {', '.join(sorted(unknown))}")
    try:
        made = papermill.execute_notebook(
            str(path),
            None,
            parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel_manager_class=manager,
            record_timing=False,
            coalesce_streams=True,
        )
    except papermill.PapermillExecutionError as error:
        line = error.source.strip().partition("\n")[0]
        raise NotebookFailed(f"{path.name}, at `{line}`: {error.ename}: {error.evalue}") from None
    except DeadKernelError:
        raise NotebookFailed(f"{path.name}: the Python that ran it died (out of memory?)") from None
    except RuntimeError as error:
        raise NotebookFailed(f"{path.name}: no Python could be started for it ({error})") from None
    return _steady(made)


class _Kernels:
    """Makes kernel managers that start this Python, and can stop all of them."""

    def __init__(self, scratch: Path, environment: Mapping[str, str]) -> None:
        self._scratch = scratch
        self._started: list[Any] = []
        inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONSTARTUP", "COLUMNS", "LINES")}
        self._environment = {
            **inherited,
            "IPYTHONDIR": str(scratch / "ipython"),  # the user's own start-up files stay out; home may be read-only
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "PYTHONHASHSEED": "0",
            **environment,
        }

    def __call__(self, cwd: Path) -> type[AsyncKernelManager]:
        kernels = self

        class ThisPython(AsyncKernelManager):
            """Starts ``sys.executable``, whatever kernels are installed for the user."""

            # Never looked up by name: a user's own "python3" may be another Python.
            kernel_spec = KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
            )

            def __init__(self, **options: Any) -> None:
                file = kernels._scratch / f"kernel-{uuid.uuid4()}.json"
                super().__init__(connection_file=str(file), **options)
                kernels._started.append(self)

            async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
                quiet = subprocess.DEVNULL
                settings = {"cwd": str(cwd), "env": kernels._environment, "stdout": quiet, "stderr": quiet}
                await super().start_kernel(**{**options, **settings})

        return ThisPython

    def stop(self) -> None:
        for manager in self._started:
            process = getattr(manager.provisioner, "process", None)
            if process is not None and process.poll() is None:
                process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))


def _steady(notebook: NotebookNode) -> NotebookNode:
    """Take out what changes from run to run: papermill's times, random ids, Python's patch level."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook the way the checkout stores it."""
    import nbformat

    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> None:
    """Run the named notebooks again and write them back."""
    paths = [Path(argument) for argument in arguments]
    for path, made in zip(paths, run(paths), strict=True):
        write(made, path)


if __name__ == "__main__":
    main(sys.argv[1:])
