"""Claims that arithmetic decides, and those that nothing here can."""

from __future__ import annotations

import pandas as pd

from spamlab import evidence
from spamlab.claims.case import (
    HOUR,
    MODEL_NO,
    MODEL_YES,
    OPEN,
    Case,
    Finding,
    claim,
)
from spamlab.words import octets, seconds


@claim(15, "Overview", "08-verdicts")
def _modem(case: Case) -> Finding:
    """57 MB of updates are nearly impossible to load over a dial-up line.

    Octets ÷ the line's rate against the longest bearable call.
    """
    of = case.given
    took = 8 * of.download / (of.dialup * of.payload)
    return Finding(
        MODEL_YES if took > of.call * HOUR else MODEL_NO,
        f"{took / HOUR:.2g} h on the line",
        f"{octets(of.download)} at {of.dialup / 1000:g} kbit/s, of which {of.payload:.0%} carry data: {seconds(took)}; "
        f"nearly impossible means over {of.call:g} h.",
    )


@claim(19, "Overview", "08-verdicts")
def _years(case: Case) -> Finding:
    """Almost two years have passed since the alarm.

    Dates: Gates's memorandum to the paper.
    """
    of = case.given
    months = (pd.Timestamp(of.paper) - pd.Timestamp(of.alarm)).days / 365.25 * 12
    said = f"{of.alarm} to {of.paper} is {months / 24:.0%} of two years; almost means {of.almost:.0%} or more."
    return Finding(MODEL_YES if of.almost * 24 <= months <= 24 else MODEL_NO, f"{months:.3g} months", said)


def _guests(case: Case) -> str:
    user = evidence.accounts(case.log)
    return (
        f"Of {case.sessions} {len(user):,} name an account, {int(user.str.lower().eq('guest').sum()):,} of them Guest"
    )


@claim(10, "History of the Problem", "08-verdicts")
def _code_red(case: Case) -> Finding:
    """Code Red enabled the Guest account.

    The account's use in the log; its cause would be in the system's own logs.
    """
    said = f"{_guests(case)}; an SMTP log shows who logs in, not who enabled the account."
    return Finding(OPEN, "who enabled an account is in no SMTP log", said)


@claim(21, "History of the Problem", "08-verdicts")
def _patch(case: Case) -> Finding:
    """The patch for Code Red left the Guest account enabled.

    As claim 10: the patch and the account's state.
    """
    said = f"{_guests(case)}; that needs a Windows NT 4.0 before and after the patch."
    return Finding(OPEN, "what a patch left is in no SMTP log", said)
