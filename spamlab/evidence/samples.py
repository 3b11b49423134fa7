"""The logs of real servers that stand in the checkout, with what their clients saw (``tests/testbed`` made them)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spamlab.read import read

if TYPE_CHECKING:
    from spamlab.log import Log

_STRANGERS, _HOME = ("127.0.2.", "127.0.3."), ("@example.com", "@example.net")  # of tests/testbed/scenario.py
SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@cache
def sample(server: str) -> tuple[Log, dict[str, Any]] | None:
    """The stored log of a real server and what its clients saw (``tests/testbed``); None where it is not at hand."""
    truth = SAMPLES / f"{server}.truth.json"
    if not truth.is_file():
        return None
    told = json.loads(truth.read_text(encoding="utf-8"))
    return read(SAMPLES / f"{server}.log", year=int(told["start"][:4])), told


@cache
def truths() -> dict[str, dict[str, Any]]:
    """Totals that the clients of the stored servers counted, by server."""
    found = sorted(SAMPLES.glob("*.truth.json"))
    return {path.name.split(".")[0]: json.loads(path.read_text(encoding="utf-8"))["totals"] for path in found}


def strangers_relays(truth: dict[str, Any]) -> tuple[int, int]:
    """How often clients from outside who never logged in asked a stored server to relay, and how often it agreed."""
    codes = [
        to["code"]
        for session in truth["sessions"]
        if session["client_ip"].startswith(_STRANGERS) and not session.get("auth", {}).get("successes")
        for mail in session["transactions"]
        for to in mail["recipients"]
        if mail["mail_code"] == 250 and not to["forward_path"].endswith(_HOME)
    ]
    return len(codes), codes.count(250)
