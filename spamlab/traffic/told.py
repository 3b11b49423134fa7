"""What a log tells of its traffic, in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab import partwise
from spamlab.traffic.flows import SAYS, TAKEN, of, share
from spamlab.traffic.why import reasons, spoken
from spamlab.words import count, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log


def answer(log: Log) -> str:
    """Say how much mail came and went, what mostly stood in its way, and what the log does not tell.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))  # doctest: +ELLIPSIS
    'Of 8 attempts to hand mail to a recipient: 8 (100%) refused...
    """
    number, size, slow = of(log, False, _sums, _summed, "what", "octets", "delay")
    came, fates = int(number.get("received", 0)), number.drop("received", errors="ignore")
    said = f"{count(came, 'message')} came in{f' ({octets(size)})' if size else ''}" if came else ""
    if len(fates):
        said += ("; of " if said else "Of ") + count(int(fates.sum()), "attempt") + " to hand mail to a recipient: "
        said += ", ".join(f"{n:,} ({share(n / fates.sum())}) {SAYS.get(str(what), what)}" for what, n in fates.items())
    said = said + "." if said else "This log holds no mail: nothing was received, delivered or refused."
    why = reasons(log, 1)
    if len(why):
        said += f" The commonest obstacle, {count(why['count'].iloc[0], 'time')}: "
        said += f"{spoken(why).iloc[0]}."
    if len(slow):
        half, most = (float(slow.quantile(q)) for q in (0.5, 0.95))
        said += f" Half of the deliveries took {f'at most {seconds(half)}' if half else 'no measurable time'}"
        said += f", 5% over {seconds(most)}." if most else "."
    absent = {"mail that came in": came, "deliveries": number.reindex(TAKEN).sum(), "delivery times": len(slow),
              "connections to this server": _served(log)}  # fmt: skip
    lacks = [what for what, there in absent.items() if not there]
    return said + (f" Not in this log: {', '.join(lacks)}." if lacks else "")


def _sums(rows: pd.DataFrame) -> tuple[pd.Series, float, pd.Series]:
    size = float(rows.loc[rows["what"].eq("received"), "octets"].sum())
    slow = rows.loc[rows["what"].eq("delivered"), "delay"].dropna().astype(float)
    return rows["what"].value_counts(), size, slow


def _summed(found: list[tuple[pd.Series, float, pd.Series]]) -> tuple[pd.Series, float, pd.Series]:
    numbers, sizes, slow = (list(each) for each in zip(*found, strict=True))
    number: pd.Series = (
        pd.concat(numbers).groupby(level=0, sort=False).sum().sort_values(ascending=False, kind="stable")
    )
    return number, sum(sizes), pd.concat(slow, ignore_index=True)


@partwise.partwise(any)
def _served(log: Log) -> bool:
    return bool(log.columns("sessions", "role")["role"].eq("server").any())
