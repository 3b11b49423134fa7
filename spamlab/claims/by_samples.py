"""Claims that stored logs of real servers decide (``data/samples``)."""

from __future__ import annotations

from spamlab import evidence, stats
from spamlab.claims.case import (
    LOG_NO,
    LOG_YES,
    MODEL_NO,
    MODEL_YES,
    OPEN,
    Case,
    Finding,
    claim,
    decide,
)
from spamlab.evidence import places, share
from spamlab.safe import printable

NO_DATA = Finding(OPEN, "no stored log", "0 stored logs of real servers are beside this spamlab (data/samples).")


@claim(12, "Related Problems", "07-measures")
def _refuse_null(case: Case) -> Finding:
    """To refuse <> would break non-delivery reports.

    Share of NDRs that have the null sender, in logs that tell what is an NDR; the model's lost NDRs.
    """
    logs = {f"data/samples/{name}.log": held[0] for name in ("exim", "postfix") if (held := evidence.sample(name))}
    told, lost, n = "", 0, 0
    for name, made in {"the log": case.log, **logs}.items():
        null, reports = map(int, evidence.null_reports(made))
        told += f"{name} {share(null, reports)}; "
        lost, n = lost + null, n + reports
    model = case.measures["refuse <>"]["legitimate NDRs lost"]
    ends, by = (stats.share_interval(lost, n), (LOG_YES, LOG_NO)) if n else ((model, model), (MODEL_YES, MODEL_NO))
    return Finding(
        decide(*ends, case.given.often, *by),
        f"{lost:,} of {n:,} NDRs have <>; in the model {model:.0%} of wanted ones lost",
        f"NDRs with the null sender: {told}in the model ({case.runs}) refusing it loses {model:.1%} of the NDRs about "
        "users' own mail.",
    )


@claim(13, "Related Problems", "06-reasons")
def _sendmail(case: Case) -> Finding:
    """Sendmail, tried the same way, does not show it.

    A real Sendmail's stored log: relaying, unknown users, failed logins.
    """
    held = evidence.sample("sendmail")
    if held is None:
        return NO_DATA
    log, truth = held
    rows, found = evidence.received_recipients(log), evidence.fallthrough(log, case.given)
    denied = evidence.firsts(log, rows.loc[rows["denied"], "transaction"])
    unknown = log.events.index[log.events["kind"].eq("reject") & log.events["text"].str.contains("User unknown")]
    asked, passed = evidence.strangers_relays(truth)
    fell, failed = int(found["fell"].sum()), len(found)
    return Finding(
        LOG_NO if fell or passed else LOG_YES,
        f"{passed} of {asked} relay attempts passed; {fell} of {failed} failed logins fell through",
        f"data/samples/sendmail.log (Sendmail {printable(truth['version'])}): relayed for strangers "
        f"{share(passed, asked)}, refused at RCPT ({places(log, denied)}); unknown users refused at RCPT: "
        f"{len(unknown):,} ({places(log, unknown)}); fell through after a failed login "
        f"{share(fell, failed, 'sessions')}. It does take <> ({truth['totals']['accepted_null_sender']:,} messages). "
        "Not replayed: the paper's own tests, which are not published, and a Sendmail of 2003.",
    )


@claim(22, "Related Problems", "06-senders")
def _standard(case: Case) -> Finding:
    """To accept <> conforms with the SMTP standard.

    What other servers do: null senders that the stored servers took.
    """
    found = {name: total["accepted_null_sender"] for name, total in evidence.truths().items()}
    if not found:
        return NO_DATA
    told = ", ".join(f"{name} {n:,}" for name, n in found.items())
    return Finding(
        LOG_YES if all(found.values()) else LOG_NO,
        f"{sum(map(bool, found.values()))} of {len(found)} other servers take it",
        f"Messages with <> accepted, as their clients counted (data/samples/*.truth.json): {told}. RFC 5321 §4.5.5 and "
        "§6.1 need it for reports.",
    )
