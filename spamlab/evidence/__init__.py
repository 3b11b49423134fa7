"""What the paper's claims need computed from a log: counts, shares and rates, with their intervals and places.

Whatever must be assumed stands in ``Assumptions``, each with its unit and its source, so that a sceptic can change it.

>>> Assumptions(call=2).call, Assumptions().table().loc["call", "unit"]
(2, 'h')
"""

from __future__ import annotations

from spamlab.evidence.assumptions import Assumptions
from spamlab.evidence.counts import (
    accounts,
    excerpt,
    heading,
    inbound,
    labels,
    lasted,
    notices,
    null_reports,
    null_senders,
    pace,
    refusals,
    reports_about,
    tempo,
)  # fmt: skip
from spamlab.evidence.paths import addresses, answered_paths, broken_rule, entropy, made_by, mail_codes, syntax
from spamlab.evidence.relaying import failed_logins, fallthrough, received_recipients, relay_attempts
from spamlab.evidence.samples import sample, strangers_relays, truths
from spamlab.evidence.wording import firsts, interval, places, share

__all__ = ["Assumptions", "accounts", "addresses", "answered_paths", "broken_rule", "entropy", "excerpt",
           "failed_logins", "fallthrough", "firsts", "heading", "inbound", "interval", "labels", "lasted", "made_by",
           "mail_codes", "notices", "null_reports", "null_senders", "pace", "places", "received_recipients",
           "refusals", "relay_attempts", "reports_about", "sample", "share", "strangers_relays", "syntax", "tempo",
           "truths"]  # fmt: skip
