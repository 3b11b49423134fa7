"""The white paper's claims, each tried on a log: what was computed, the verdict, and what it rests on.

Each claim is a function of a ``Case`` (the log and the assumptions) that gives back a ``Finding``; its docstring is
the claim, in our words, and what tests it. ``CLAIMS`` lists them all. Nothing is known beforehand: a verdict comes
from the log, from the stored logs of real servers, from the model of the paper's server (``spamlab.simulate``) or
from arithmetic with ``evidence.Assumptions``. "By the log" means the log that was given or, where the evidence says
so, a stored one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab.claims import by_log, by_model, by_reason, by_samples
from spamlab.claims.case import CLAIMS, LOG_NO, LOG_YES, MODEL_NO, MODEL_YES, OPEN, VERDICTS, Case, Claim, Finding
from spamlab.evidence import Assumptions
from spamlab.safe import printable
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

__all__ = ["CLAIMS", "LOG_NO", "LOG_YES", "MODEL_NO", "MODEL_YES", "OPEN", "VERDICTS", "Case", "Claim", "Finding",
           "answer", "by_log", "by_model", "by_reason", "by_samples", "ledger"]  # fmt: skip


def ledger(log: Log, assumptions: Assumptions | None = None) -> pd.DataFrame:
    """Try every claim of the white paper on a log.

    Parameters
    ----------
    log : any log.
    assumptions : what is assumed where the log says nothing; by default ``evidence.Assumptions()``.

    Returns
    -------
    DataFrame, index ``number`` (of the claim): ``claim`` (in our words), ``where`` (in the paper), ``test``,
    ``computed`` (a few words), ``verdict`` (one of ``VERDICTS``), ``evidence`` (counts, n, intervals, files and
    lines), ``see`` (the figure or notebook that shows it). All are text.

    Raises
    ------
    ValueError : for settings of the model that cannot be (a share above 1, fewer than two replications).

    Examples
    --------
    >>> import spamlab
    >>> ledger(spamlab.read("data/exchange55-appendix-a.log")).loc[1, ["computed", "verdict"]].tolist()
    ['The excerpt 64 s, its complete session 26 s', 'contradicted by the log']
    """
    case, rows = Case(log, assumptions or Assumptions()), {}
    for number, of in sorted(CLAIMS.items()):
        verdict, computed, rests_on = of.judge(case)
        computed = printable(computed[:1].upper() + computed[1:])
        rows[number] = (of.claim, of.where, of.test, computed, verdict, printable(rests_on), of.see)
    columns = ["claim", "where", "test", "computed", "verdict", "evidence", "see"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype="str").rename_axis("number")


def answer(log: Log, assumptions: Assumptions | None = None, found: pd.DataFrame | None = None) -> str:
    """Say in a sentence how many claims hold, are contradicted, cannot be tested.

    ``found``: the ``ledger``, where it has been made already.
    """
    n = (ledger(log, assumptions) if found is None else found)["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    return (
        f"Of {count(n.sum(), 'claim')} of the white paper, {n[LOG_YES] + n[MODEL_YES]} hold ({n[LOG_YES]} by the log, "
        f"{n[MODEL_YES]} by the model under stated assumptions), {n[LOG_NO] + n[MODEL_NO]} are contradicted "
        f"({n[LOG_NO]} and {n[MODEL_NO]}), and {n[OPEN]} are not testable with what there is."
    )
