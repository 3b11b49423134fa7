"""What the verdicts assume, each with its unit and its source."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from spamlab.simulate import Load, Server

OURS = "our reading; the paper gives no number"
_SETTINGS = {"unit": "settings", "source": "told one by one in spamlab.simulate.settings"}


def _given(default: Any, unit: str, source: str) -> Any:
    return field(default=default, metadata={"unit": unit, "source": source})


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the verdicts assume: change one and look how they move. ``table`` lists all with unit and source."""

    heading: float = _given(35.0, "s", "heading of Appendix A")
    excerpt_peer: str = _given("216.200.145.19", "address", "Appendix A: by its peer the excerpt is known")
    often: float = _given(0.1, "share", OURS)
    spam_a_day: int = _given(200_000, "messages a day", "Overview; the least that its plural can mean")
    notices_an_hour: int = _given(
        300, "notices an hour", "Temporary Solutions; the least that “several hundred” can mean"
    )
    notices_an_ndr: float = _given(1.0, "notices per failed NDR", "Effects: the administrator is told of each")
    probes_a_minute: float = _given(1.0, "attempts a minute", "Related Problems")
    download: float = _given(57e6, "octets", "Overview")
    dialup: float = _given(44_000.0, "bit/s", "a 56k modem (V.90) seldom gets more than 40 to 50 kbit/s")
    payload: float = _given(
        0.9, "share", "what PPP, IP and TCP headers leave at the MTU of 576 that dial-up lines used"
    )
    call: float = _given(8.0, "h", "a night; longer calls are taken for nearly impossible: our reading")
    store: float = _given(16e9, "octets", "limit of Exchange 5.5 Standard's store (Q143376, Q240152)")
    unattended: float = _given(7.0, "days", "an administrator looks once a week: our reading")
    alarm: str = _given("2002-01-15", "date", "Gates's memorandum, which his July 2002 letter looks back to")
    paper: str = _given("2003-11-12", "date", "the paper's own")
    almost: float = _given(0.85, "share", OURS)
    local_domains: tuple[str, ...] = _given(
        (), "domains", "the server's own; none: those that strangers' mail is taken for"
    )
    sample: int = _given(2000, "addresses", "of more different ones a random sample is judged (seed 2003)")
    magnitude: float = _given(10.0, "ratio", "Related Problems: an order of magnitude")
    as_bad: float = _given(0.8, "share", OURS)
    policy: str = _given("nothing", "measure", "what the administrator has done: a name of simulate.MEASURES")
    server: Server = field(default_factory=Server, metadata=_SETTINGS)
    load: Load = field(default_factory=Load, metadata=_SETTINGS)
    simulated: float = _given(600.0, "s", "time simulated in each run of a model")
    replications: int = _given(6, "runs", "of each model, with different seeds; 2 or more")

    def __post_init__(self) -> None:
        """Refuse what cannot be: no parameter is a number of 0 or less."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, (int, float)) and not value > 0:
                raise ValueError(f"Assumptions: {one.name} must be above 0, not {value}")

    def table(self) -> pd.DataFrame:
        """All parameters: index ``name``; ``value``, ``unit``, ``source`` (texts)."""
        rows = [(one.name, _said(getattr(self, one.name)), *one.metadata.values()) for one in fields(self)]
        return pd.DataFrame(rows, columns=["name", "value", "unit", "source"]).set_index("name")


def _said(value: object) -> str:
    if isinstance(value, (Server, Load)):
        return "the white paper's" if value == type(value)() else "changed"
    return f"{value:,.12g}" if isinstance(value, (int, float)) else str(value or "none")
