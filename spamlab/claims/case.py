"""What a claim is tried on and what comes of it; the register of claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pandas as pd

from spamlab import backscatter, evidence, simulate, summary
from spamlab.evidence import Assumptions, interval, places
from spamlab.words import count, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

LOG_YES, LOG_NO = "supported by the log", "contradicted by the log"
MODEL_YES = "supported by the model under stated assumptions"
MODEL_NO = "contradicted by the model under stated assumptions"
OPEN = "not testable with what there is"
VERDICTS = (LOG_YES, MODEL_YES, LOG_NO, MODEL_NO, OPEN)

HOUR, DAY = 3600, 86_400
FAILED = ["rejected", "bounced", "expired"]
USED = ("nothing", "disable Guest", "disable notifications", "refuse <>", "directory look-up")


class Finding(NamedTuple):
    """What came of a claim: the verdict, what was computed (a few words), what it rests on (sentences)."""

    verdict: str
    computed: str
    evidence: str


class Rate(NamedTuple):
    """Messages an hour with their exact interval; what was counted and how; whether the log itself tells."""

    low: float
    value: float
    high: float
    said: str
    logged: bool


@dataclass(frozen=True)
class Case:
    """A log under assumptions."""

    log: Log
    given: Assumptions

    @cached_property
    def span(self) -> float:
        """From the first stamp to the last, in s; NaN without."""
        first, last = summary.ends(self.log)
        return float((last - first).total_seconds())

    @cached_property
    def slack(self) -> float:
        """Resolution of the stamps, in s; 0 where it is unknown."""
        return float(self.log.sources["resolution"].fillna(0).max() if len(self.log.sources) else 0)

    @cached_property
    def sessions(self) -> str:
        """How many there are."""
        return count(self.log.count("sessions"), "session")

    @cached_property
    def ndrs(self) -> pd.DataFrame:
        """``backscatter.ndrs`` of the log, and whether each was ``lost``."""
        found = backscatter.ndrs(self.log)
        return found.assign(lost=found["outcome"].isin(FAILED))

    @cached_property
    def notices(self) -> Rate | None:
        """Notices to the administrator: those that the log tells of, else one for each NDR that failed."""
        log, each = self.log, 1.0
        time = evidence.notices(log)
        what, logged = count(len(time), "notice to the administrator", "notices to the administrator"), len(time) > 0
        if not logged:
            time, each = self.ndrs.loc[self.ndrs["lost"], "time"].dropna(), self.given.notices_an_ndr
            what = count(len(time), "NDR that failed", "NDRs that failed") + f", with {each:g} notice for each"
        what += f" ({places(log, evidence.firsts(log, time.index))})"
        if self.span >= HOUR and len(time):
            most = each * int(time.dt.floor("h").value_counts().max())
            return Rate(most, most, most, f"{what}: {most:,.0f} in the busiest hour", logged)
        took, stamps = self.span, 1
        if not logged:  # too short for an hour: the pace of the sessions that hold them
            held = evidence.lasted(log, self.ndrs.loc[time.index, "session"])
            took, stamps = float(held.sum()), len(held)
        if time.empty or not took > 0:
            return None
        found = evidence.pace(len(time), took, self.slack * stamps, each * HOUR)
        return Rate(*found, f"{what} in {seconds(took)}: {interval(*found)} an hour", False)

    @cached_property
    def runs(self) -> str:
        """How much was simulated."""
        return f"{count(self.given.replications, 'run')} of {seconds(self.given.simulated)}"

    @cached_property
    def measures(self) -> dict[str, dict[str, float]]:
        """Of the model's server under each measure (first key) each outcome (second key), the mean of the runs."""
        of = self.given
        found = simulate.measures(of.server, of.load, names=USED, duration=of.simulated, replications=of.replications)
        table: Any = found.pivot(index="outcome", columns="measure", values="value").to_dict()
        return cast("dict[str, dict[str, float]]", table)

    @cached_property
    def guesses(self) -> list[dict[str, Any]]:
        """Of the model's harvest that guesses worst: without look-up, and with it."""
        rows = simulate.harvest(server=self.given.server)
        worst = rows[rows["valid"].eq(rows["valid"].min())].sort_values("lookup")
        return [{str(name): value for name, value in row.items()} for row in worst.to_dict("records")]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper in our words; where it stands; what tests it; the figure or notebook that shows it."""

    claim: str
    where: str
    test: str
    see: str
    judge: Callable[[Case], Finding]


CLAIMS: dict[int, Claim] = {}
"""All claims by their number."""


def claim(number: int, where: str, see: str) -> Callable[..., Callable[[Case], Finding]]:
    """Register a claim: its number, where it stands in the paper, the figure or notebook that shows it."""

    def register(judge: Callable[[Case], Finding]) -> Callable[[Case], Finding]:
        said, test = (" ".join(part.split()).rstrip(".") for part in str(judge.__doc__).split("\n\n"))
        CLAIMS[number] = Claim(said, where, test, see, judge)
        return judge

    return register


def decide(low: float, high: float, least: float, yes: str = MODEL_YES, no: str = MODEL_NO) -> str:
    """Whether what lies between low and high is at least so much; open where the two ends disagree."""
    return yes if low >= least else no if high < least else OPEN
