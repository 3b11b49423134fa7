"""Peers agree: on the same log spamlab's totals equal pflogsumm's and eximstats', field by field.

What each peer's totals count is told in ``benchmarks/PEERS.md``; where a total differs, ``DIFFERENT`` says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import spamlab
from spamlab import summary
from tests import peers
from tests.conftest import SHARED

CORPUS = SHARED / "corpus"
SAMPLES = Path(__file__).parent.parent / "data" / "samples"

INSTANCE = "pflogsumm reads no other instance than `postfix/…` unless it is named"
FILTER = "pflogsumm takes `postfix/amavisd/smtpd` for no smtpd: the re-injected message is not received"
PAYLOADS = "pflogsumm does not know the made-up daemons, nor addresses without brackets, nor smtpd's milter-reject"
DIFFERENT = {
    "14_reuse_of_queueid.log": ({"received", "delivered", "bytes_received", "bytes_delivered"}, INSTANCE),
    "18_expired.log": (
        {"received", "delivered", "deferred", "deferrals", "bytes_received", "bytes_delivered"},
        INSTANCE,
    ),
    "5_zimbra_amavisd.log": ({"received", "bytes_received"}, FILTER),
    "whyscream-payloads.log": ({"delivered", "rejected"}, PAYLOADS),
}


def logs(folder, sample):
    """All logs of a corpus folder, and the testbed's."""
    return [*sorted((CORPUS / folder).rglob("*.log")), SAMPLES / sample]


def as_pflogsumm_counts(log):
    """Spamlab's totals in pflogsumm's way: every hop counts, and a copy forwarded is no delivery."""
    total = summary.totals(log, hops=True)
    forwarded = log.recipients[log.recipients["reply"].str.contains("forwarded as", regex=False).fillna(False)]
    size = log.transactions.set_index("transaction")["size"]
    same = ("received", "deferred", "deferrals", "bounced", "rejected", "discarded")
    return {
        **{name: total[name] for name in same},
        "delivered": total["delivered"] - len(forwarded),
        "forwarded": len(forwarded),
        "bytes_received": total["octets_received"],
        "bytes_delivered": total["octets_delivered"] - int(forwarded["transaction"].map(size).sum()),
    }


@pytest.mark.skipif(not peers.available("pflogsumm"), reason="pflogsumm cannot be had here")
@pytest.mark.parametrize("path", logs("postfix", "postfix.log"), ids=lambda path: path.name)
def test_pflogsumm_counts_the_same(path):
    theirs, ours = peers.pflogsumm(path), as_pflogsumm_counts(spamlab.read(path, year=2024))
    different = {name for name, number in ours.items() if theirs.get(name) != number}
    assert different == DIFFERENT.get(path.name, (set(), ""))[0]


def as_eximstats_counts(log):
    """Spamlab's tables counted in eximstats' way: lines by their flag, a message once for its failures."""
    events, recipients = log.events, log.recipients
    came, failed = events["kind"].eq("receive"), recipients["status"].isin(["bounced", "expired"])
    flag = events["text"].str.extract(r"^(?:\[\d+\] )?(?:\S+ )?(=>|->) ", expand=False)
    size = log.transactions.set_index("transaction")["size"]
    return {
        "received": int(came.sum()),
        "received_bytes": int(events.loc[came, "size"].sum()),
        "delivered": int(flag.eq("=>").sum()),
        "delivered_addresses": int(flag.notna().sum()),
        "delivered_bytes": int(events.loc[flag.eq("=>"), "transaction"].map(size).sum()),
        "delayed": int(recipients.loc[recipients["status"].eq("deferred"), "transaction"].nunique()),
        "failed": int(recipients.loc[failed, "transaction"].nunique()),
        "errors": int(failed.sum()),
    }


@pytest.mark.skipif(not peers.available("eximstats"), reason="eximstats cannot be had here")
@pytest.mark.parametrize(
    # Of Exim's own test suite eximstats reads nothing: its ids have 23 characters, its numbers are letters.
    "path",
    [path for path in logs("exim", "exim.log") if "testsuite" not in str(path)],
    ids=lambda path: path.name,
)
def test_eximstats_counts_the_same(path):
    theirs, ours = peers.eximstats(path), as_eximstats_counts(spamlab.read(path, format="exim"))
    assert {name: theirs[name] for name in ours} == ours
