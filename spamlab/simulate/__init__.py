"""The white paper's server as a model of its queues.

A ``Server`` and its ``Load`` say what a server does and what comes to it; ``run`` simulates its queues, and ``server``
reads the Exchange 5.5 log that it writes. From runs come ``error_messages``, ``measures``, ``saturation`` and
``harvest``: what would have stopped it.

>>> len(server(duration=20, seed=1).sessions) > 0
True
"""

from __future__ import annotations

from spamlab.log import Log
from spamlab.simulate.exchange55 import Dialect
from spamlab.simulate.measures import error_messages, harvest, measures, saturation
from spamlab.simulate.runs import Run, run
from spamlab.simulate.script import Truth
from spamlab.simulate.settings import MEASURES, Hosts, Load, Lognormal, Mail, Server, Spam

__all__ = ["MEASURES", "Dialect", "Hosts", "Load", "Lognormal", "Mail", "Run", "Server", "Spam", "Truth",
           "error_messages", "harvest", "measures", "run", "saturation", "server"]  # fmt: skip


def server(parts: Server | None = None, load: Load | None = None, *, duration: float = 600.0, seed: int = 0) -> Log:
    """Simulate the white paper's server and read the log it writes.

    Parameters
    ----------
    parts : the server's; by default the white paper's.
    load : what is sent to it; by default the white paper's.
    duration : s simulated.
    seed : the same seed gives the same log.

    Returns
    -------
    Log : of its Exchange 5.5 protocol logs, one file for each concurrent connection.
    """
    return run(parts, load, duration=duration, seed=seed).log()
