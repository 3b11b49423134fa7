"""Simulated Exchange 5.5 logs whose truth is known, and the white paper's server as a model of its queues.

Two ways to a log. A ``Scenario`` says what happens on a mail server, its ``Dialect`` how the server logs it;
``exchange55`` writes the log and hands over the ``Truth``. A ``Server`` and its ``Load`` say what a server
does and what comes to it; ``run`` simulates its queues, and ``server`` reads the log that it writes. From runs
come ``error_messages``, ``measures``, ``saturation`` and ``harvest``: what would have stopped it.

>>> log, truth = exchange55(Scenario(seed=1, sessions=3, outbound=1.0, loops=1.0))
>>> log.decode().splitlines()[0]
'11/11/03 12:27:47 AM : A connection to mx208.example.com was established.'
"""

from __future__ import annotations

import numpy as np

from spamlab.log import Log
from spamlab.simulate.exchange55 import write
from spamlab.simulate.measures import error_messages, harvest, measures, saturation
from spamlab.simulate.scenario import DAY, Dialect, Lognormal, Scenario
from spamlab.simulate.script import Dropped, Truth
from spamlab.simulate.server import Run, run
from spamlab.simulate.settings import MEASURES, Hosts, Load, Mail, Server, Spam
from spamlab.simulate.traffic import Player

__all__ = ["DAY", "MEASURES", "Dialect", "Dropped", "Hosts", "Load", "Lognormal", "Mail", "Run", "Scenario", "Server",
           "Spam", "Truth", "error_messages", "exchange55", "files", "harvest", "measures", "run", "saturation",
           "server"]  # fmt: skip


def files(scenario: Scenario) -> tuple[dict[str, bytes], Truth]:
    """Simulate a server and write its protocol logs, one file for each concurrent connection.

    Parameters
    ----------
    scenario : what happens, and how it is logged.

    Returns
    -------
    files : name (``L0000000.LOG``, …, as the server numbers them) to content.
    truth : what a perfect reader finds in them.

    Examples
    --------
    >>> logs, truth = files(Scenario(sessions=40, connections=2, hours=(1.0,)))
    >>> list(logs), len(truth.sessions)
    (['L0000000.LOG', 'L0000001.LOG'], 40)
    """
    truth = Player(scenario).play()
    # The parsed line follows its raw one at once; sometimes a second's end falls between, as in Appendix A.
    delays = np.random.Generator(np.random.PCG64([scenario.seed, 1])).integers(0, 60, len(truth.script)).tolist()
    made = {}
    for lane in range(max(truth.lanes, default=0) + 1):
        logged = [both for both in zip(truth.script, delays, strict=True) if truth.lanes[both[0][1]] == lane]
        made[f"L{lane:07}.LOG"] = write(logged, scenario.dialect, scenario.cut)
    return made, truth


def exchange55(scenario: Scenario) -> tuple[bytes, Truth]:
    """Simulate a server with one connection at a time and write its one protocol log.

    Parameters
    ----------
    scenario : what happens, and how it is logged; its ``connections`` must be 1 (else see ``files``).

    Returns
    -------
    log : the file's content.
    truth : what a perfect reader finds in it.

    Raises
    ------
    ValueError : for more than one connection.

    Examples
    --------
    >>> log, truth = exchange55(Scenario(seed=7, sessions=20))
    >>> len(truth.sessions), set(truth.sessions["role"]) == {"client", "server"}
    (20, True)
    """
    if scenario.connections != 1:
        raise ValueError("concurrent connections log to several files: use simulate.files")
    logs, truth = files(scenario)
    return logs["L0000000.LOG"], truth


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
