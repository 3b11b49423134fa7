"""The white paper's server as a discrete-event model on SimPy."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spamlab.simulate.settings import Load, Server


@dataclass(frozen=True)
class Run:
    """What a simulation gave."""

    server: Server
    load: Load
    duration: float
    messages: pd.DataFrame


def run(server: Server | None = None, load: Load | None = None, *, duration: float = 3600.0, seed: int = 0) -> Run:
    """Simulate the server; ``Run`` holds its tables, ``.log()`` a Log, ``.files()`` the Exchange 5.5 files."""
    raise NotImplementedError
