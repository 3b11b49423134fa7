"""SMTP logs into evidence.

    import spamlab
    log = spamlab.read("L0000001.LOG")      # any log spamlab.formats() names, one file or many
    log.events, log.sessions, log.transactions, log.recipients, log.unparsed, log.sources

    spamlab.timing.summary(log)             # how fast does each side answer?
    spamlab.sizes.summary(log)              # one template or many messages?
    spamlab.loops.find(log)                 # what repeats, how long?
    spamlab.backscatter.cost(log)           # what do the NDRs cost?

``spamlab.tables`` defines every column; ``spamlab.plots`` draws what the analyses return.
Submodules are loaded when they are first used, so that ``import spamlab`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

from spamlab.errors import ReadError, ReadWarning, UnknownFormat

# These two names are functions here although submodules are called so too: imported now, the functions win.
from spamlab.formats import formats
from spamlab.log import Log
from spamlab.read import read

__version__ = "0.1.0"

__all__ = ["Log", "ReadError", "ReadWarning", "UnknownFormat", "formats", "read"]

_MODULES = {"backscatter", "captures", "claims", "cluster", "dialogue", "loops", "notebook", "plots", "report",
            "simulate", "sizes", "stats", "stream", "summary", "tables", "timing", "traffic", "unusual", "whatif",
            "wire"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"spamlab.{name}")
    raise AttributeError(f"module 'spamlab' has no attribute {name!r}")
