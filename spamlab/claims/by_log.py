"""Claims that the log itself decides."""

from __future__ import annotations

import pandas as pd

from spamlab import evidence, loops, stats
from spamlab.claims.case import (
    DAY,
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
from spamlab.evidence import interval, places, share
from spamlab.safe import printable, shorten
from spamlab.words import count, octets, seconds


@claim(1, "Appendix A, heading", "01-sessions")
def _lasts(case: Case) -> Finding:
    """The excerpt lasts 35 seconds.

    Stamps of the excerpt and of its complete session, with their resolution.
    """
    log, heading, peer = case.log, case.given.heading, case.given.excerpt_peer
    here = evidence.excerpt(log, peer)
    if here.empty or pd.isna(case.span):
        said = f"Of {case.sessions} none is with {peer} and stamped: this is not the log of Appendix A."
        return Finding(OPEN, "another log than the excerpt", said)
    took = here.dropna().head(1)
    lengths = {"the excerpt": case.span, **dict.fromkeys(["its complete session"][: len(took)], took.sum())}
    bounds = " and ".join(f"{length - case.slack:g} to {length + case.slack:g} s" for length in lengths.values())
    fits = any(abs(length - heading) <= case.slack for length in lengths.values())
    return Finding(
        LOG_YES if fits else LOG_NO,
        ", ".join(f"{name} {seconds(length)}" for name, length in lengths.items()),
        f"{log.count('events'):,} events ({places(log)}); with stamps of {case.slack:g} s they lie in "
        f"{bounds}; the heading says {heading:g} s.",
    )


@claim(2, "Related Problems; Appendix A", "05-octets")
def _null(case: Case) -> Finding:
    """Null senders are accepted and used.

    Share of MAIL FROM:<> and what it was answered.
    """
    log = case.log
    counted, mails = evidence.null_senders(log)
    known, null, taken, judged, own = counted.tolist()
    return Finding(
        OPEN if not judged else LOG_YES if taken else LOG_NO,
        f"{null:,} of {known:,} senders null, {taken:,} of {judged:,} taken",
        f"Null: {share(null, known, 'transactions')}; taken: {share(taken, judged, 'null senders')}; {own:,} "
        "were the logging server's own, which another answered "
        f"({places(log, evidence.firsts(log, mails))}).",
    )


@claim(3, "Effects", "03-sizes-in-time")
def _random(case: Case) -> Finding:
    """Sender and recipient addresses are often randomly generated.

    Macros and random-looking local parts among the different addresses.
    """
    uses, often = evidence.addresses(case.log), case.given.often
    each = uses.index.to_series()
    kind = evidence.made_by(each)
    odd = each[kind.ne("plain")]
    shown = "".join(f" {shorten(printable(text), 40)}" for text in odd.head(2))
    low, high = stats.share_interval(len(odd), len(each))
    where = places(case.log, evidence.answered_paths(case.log, pd.Index(odd))["event"])
    return Finding(
        decide(low, high, often, LOG_YES, LOG_NO),
        f"{len(odd):,} of {len(each):,} addresses random or macros",
        f"{share(len(odd), len(each), 'different addresses')} in {uses.sum():,} uses; {(kind == 'macro').sum():,} are "
        f"macros left unexpanded, {(kind == 'random').sum():,} look random{':' * bool(shown)}{shown} "
        f"({where}); often means {often:.0%} or more.",
    )


@claim(5, "Overview", "02-periods")
def _daily(case: Case) -> Finding:
    """Hundreds of thousands of messages a day pass through one server.

    Messages a second of a busy connection × connections.
    """
    n, took, slack = evidence.tempo(case.log)
    least, lanes = case.given.spam_a_day, case.given.server.connections
    if not took:
        said = f"Of {case.sessions} none holds two transactions in a known time."
        return Finding(OPEN, "no session with two messages and a length", said)
    low, value, high = evidence.pace(n, took, slack, DAY)
    refused, tried = evidence.refusals(case.log)
    most = "refused" if refused > 0.5 * tried else "taken"
    return Finding(
        decide(low * lanes, high * lanes, least),
        f"{stats.figure(value * lanes)} a day over {count(lanes, 'connection')}",
        f"{count(n, 'transaction')} in {seconds(took)} of sessions with two or more: {interval(low, value, high)} a "
        f"day over one connection; {least:,} a day take {least / value:.3g} connections ({least / high:.2g} to "
        f"{least / low:.3g}), assumed are {lanes}. Most were {most}; one whose text is sent takes longer.",
    )


def no_notices(case: Case) -> Finding:
    """The log tells of no notice, and of nothing that one would follow from."""
    n = count(case.log.count("transactions"), "transaction")
    said = f"In {n} there is no notice to the administrator, and no failed NDR in a known time."
    return Finding(OPEN, "no notice and no failed NDR", said)


@claim(6, "Temporary Solutions", "04-turn-by-turn")
def _hourly(case: Case) -> Finding:
    """The administrator gets several hundred notifications an hour or more.

    Notices, or NDRs that failed × notices each, an hour.
    """
    rate, least = case.notices, case.given.notices_an_hour
    if rate is None:
        return no_notices(case)
    verdict = decide(rate.low, rate.high, least, *(LOG_YES, LOG_NO) if rate.logged else (MODEL_YES, MODEL_NO))
    said = f"{rate.said}; several hundred means {least:,} or more."
    return Finding(verdict, f"{stats.figure(rate.value)} an hour", said)


@claim(16, "Related Problems", "06-senders")
def _malformed(case: Case) -> Finding:
    """Malformed senders that are not null are accepted too.

    Every reverse-path and forward-path by RFC 5321 and 5322; share taken.
    """
    rows = evidence.syntax(case.log, case.given)
    bad = rows[rows["rule"].ne("")]
    senders, broken = rows[rows["way"].eq("reverse-path")], bad[bad["way"].eq("reverse-path")]
    taken = int(broken["taken"].sum())
    rules = bad.drop_duplicates("address")["rule"].value_counts()
    told = "".join(f"; {n:,} × {rule}" for rule, n in rules.items())
    macros = rows[rows["rule"].eq("") & evidence.made_by(rows["address"]).eq("macro")]["address"].nunique()
    return Finding(
        OPEN if broken.empty else LOG_YES if taken else LOG_NO,
        f"{taken:,} of {len(broken):,} malformed senders taken" if len(broken) else "no malformed senders",
        f"Malformed: {share(len(broken), len(senders), 'senders that are not null')}, of these taken "
        f"{share(taken, len(broken))}; of all {len(rows):,} paths ({rows['address'].nunique():,} different) "
        f"{len(bad):,}, {int(bad['taken'].sum()):,} of them taken{told} "
        f"({places(case.log, (bad if len(bad) else rows)['event'])}). Macros left unexpanded that are valid, since $ "
        f"is atext: {macros:,}.",
    )


@claim(17, "Related Problems", "06-clients")
def _probes(case: Case) -> Finding:
    """Spammers probe for open servers minute by minute.

    Rate and spacing of relay attempts, by session.
    """
    tried, asked = evidence.relay_attempts(case.log), case.given.probes_a_minute
    served = f"{evidence.inbound(case.log):,} inbound of {case.sessions}"
    n, minutes = len(tried), case.span / 60
    if not n or not minutes > 0:
        return Finding(OPEN, "no relay attempt", f"In {served} no client was refused a relay.")
    low, high = stats.rate_interval(n, minutes)
    gap = tried["time"].diff().dt.total_seconds().median()
    return Finding(
        decide(low, high, asked, LOG_YES, LOG_NO),
        f"{stats.figure(n / minutes)} attempts a minute",
        f"In {served} {n:,} tried to relay and were denied, from {count(tried['client'].nunique(), 'client')} in "
        f"{seconds(case.span)}: {interval(low, n / minutes, high)} a minute, median spacing {seconds(gap)}; asked: "
        f"{asked:g} a minute. Relays that were granted cannot be told from mail.",
    )


@claim(18, "Temporary Solutions", "03-sizes")
def _disk(case: Case) -> Finding:
    """Notifications can stay on while disk space lasts.

    Octets of mailbox a day, from the rate of claim 6, against the store.
    """
    rate, given = case.notices, case.given
    if rate is None:
        return no_notices(case)
    known = case.ndrs["size"].dropna().astype("float64")
    size = float(known.mean()) if len(known) else float(given.server.report_size)
    basis = f"mean of {len(known):,} NDRs" if len(known) else "assumed"
    short, days, long = (given.store / (24 * size * max(each, 1e-9)) for each in (rate.high, rate.value, rate.low))
    lanes = given.server.connections
    return Finding(
        decide(short, long, given.unattended),
        f"{octets(given.store / days)} a day; full in {days:,.0f} days",
        f"{rate.said}; × {stats.figure(size)} octets ({basis}): {octets(given.store / days)} a day. A store of "
        f"{octets(given.store)} takes {days:,.0f} days ({short:,.0f} to {long:,.0f}); asked: {given.unattended:g}. At "
        f"this rate on each of {lanes} connections it takes {days / lanes:.3g} days.",
    )


@claim(20, "Temporary Solutions", "04-all-loops")
def _symptom(case: Case) -> Finding:
    """The protocol log shows whether a server is affected.

    Failed NDRs and RSET loops in the log.
    """
    lost, found = case.ndrs[case.ndrs["lost"]], loops.find(case.log)
    turns = found[found["unit"].str.contains("MAIL") & found["unit"].str.contains("RSET")]
    labels = [*turns["first"], *turns["last"], *evidence.firsts(case.log, lost.index)]
    inbound = evidence.inbound(case.log)
    return Finding(
        LOG_YES if len(lost) else OPEN,
        f"{count(len(lost), 'failed NDR')}, {count(len(turns), 'MAIL–RSET loop')}",
        f"{share(len(lost), len(case.ndrs), 'NDRs')} failed; {count(len(turns), 'loop')} of "
        f"{count(int(turns['turns'].sum()), 'whole turn')} ({places(case.log, labels)}). Their cause, mail taken in, "
        f"would stand in inbound sessions: {inbound:,} of {case.sessions}.",
    )
