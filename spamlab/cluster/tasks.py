"""Tasks on Dask: made, and computed wherever its scheduler is, with a progress bar on the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spamlab.intake import PATIENCE

try:
    from dask.base import compute, get_scheduler, persist
    from dask.base import tokenize as tokenize
    from dask.callbacks import Callback
    from dask.dataframe import from_delayed as from_delayed
    from dask.delayed import delayed as delayed
except ImportError as error:
    raise ImportError("spamlab.cluster takes Dask: pip install 'spamlab[cluster]'") from error

_TICK = 0.1
"""Seconds from one look at how far a cluster is to the next."""


class Scheduler:
    """Where tasks are computed.

    Parameters
    ----------
    given
        A scheduler's address or a ``distributed.Client``; None: as Dask is set.
    progress
        Show on the terminal how far it is.
    """

    def __init__(self, given: Any, progress: bool) -> None:
        if isinstance(given, str):
            from distributed import Client

            given = Client(given)
        self._options = {} if given is None else {"scheduler": given}
        self._progress = progress

    def persist(self, tasks: list[Any]) -> list[Any]:
        """The same tasks, begun, whose results stay where they are."""
        return list(persist(*tasks, **self._options))

    def compute(self, tasks: list[Any], what: str) -> list[Any]:
        """The tasks' results, here; ``what``: a word for what they do."""
        if not self._progress:
            return list(compute(*tasks, **self._options))
        client = getattr(get_scheduler(**self._options), "__self__", None)
        if hasattr(client, "gather"):
            return _watched(client, tasks, what)
        with _bar(what) as show, Callback(posttask=lambda *at: show(*_counted(at[3]))):
            return list(compute(*tasks, **self._options))


def _watched(client: Any, tasks: list[Any], what: str) -> list[Any]:
    futures = client.compute(tasks)
    with _bar(what) as show:
        while (done := sum(future.done() for future in futures)) < len(futures):
            show(done, len(futures))
            if any(future.status == "error" for future in futures):
                break  # which ``gather`` tells
            time.sleep(_TICK)
        show(done, len(futures))
        return list(client.gather(futures))


def _counted(state: dict[str, Any]) -> tuple[int, int]:
    """How many tasks of this process are done, and how many there are."""
    done = len(state["finished"])
    return done, done + sum(len(state[name]) for name in ("ready", "waiting", "running"))


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """A progress bar, told how many tasks are done and how many there are."""
    from tqdm import tqdm

    with tqdm(desc=what, unit="", delay=PATIENCE, miniters=0, disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)  # by nothing too: the clock goes on

        yield show
