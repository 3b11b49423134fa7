"""The white paper's claims, each tried on a log: what was computed, the verdict, and what it rests on.

Each claim is a function of a ``Case`` (the log and the assumptions) that gives back a ``Finding``; ``CLAIMS`` lists
them. Nothing is known beforehand: a verdict comes from the log, from the stored logs of real servers, from the model
of the paper's server (``spamlab.simulate``) or from arithmetic with ``evidence.Assumptions``. "By the log" means the
log that was given or, where the evidence says so, a stored one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from spamlab import backscatter, evidence, loops, simulate, stats, summary
from spamlab.evidence import Assumptions, places, share
from spamlab.safe import printable, shorten
from spamlab.simulate import Load, Server
from spamlab.words import count, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

LOG_YES, LOG_NO = "supported by the log", "contradicted by the log"
MODEL_YES = "supported by the model under stated assumptions"
MODEL_NO = "contradicted by the model under stated assumptions"
OPEN = "not testable with what there is"
VERDICTS = (LOG_YES, MODEL_YES, LOG_NO, MODEL_NO, OPEN)

HOUR, DAY = 3600, 86_400
FAILED = ["rejected", "bounced", "expired"]


class Finding(NamedTuple):
    """What came of a claim: the verdict, what was computed (a few words), what it rests on (sentences)."""

    verdict: str
    computed: str
    evidence: str


class Rate(NamedTuple):
    """Messages an hour with their exact interval; what was counted and how; whether the log says it itself."""

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
        time = self.log.events["time"]
        return float((time.max() - time.min()).total_seconds())

    @cached_property
    def notices(self) -> Rate | None:
        """Notices to the administrator: those that the log tells of, else one for each NDR that failed."""
        made, ndrs = self.log.transactions, backscatter.ndrs(self.log)
        told = made.loc[made["report"].eq("postmaster"), ["transaction", "start"]].dropna()
        lost = ndrs[ndrs["outcome"].isin(FAILED)].dropna(subset="time")
        time, each = told["start"].set_axis(told["transaction"]), 1.0
        what = count(len(time), "notice to the administrator", "notices to the administrator")
        if time.empty:
            time, each = lost["time"], self.given.notices_an_ndr
            what = count(len(time), "NDR that failed", "NDRs that failed") + f", with {each:g} notice for each"
        what += f" ({places(self.log, evidence.firsts(self.log, time.index))})"
        if self.span >= HOUR and len(time):
            most = float(time.dt.floor("h").value_counts().max())
            most *= each
            return Rate(most, most, most, f"{what}: {most:,.0f} in the busiest hour", len(told) > 0)
        held = self.log.sessions[self.log.sessions["session"].isin(lost["session"].dropna())]
        took = float((held["end"] - held["start"]).dt.total_seconds().sum()) if told.empty else self.span
        if time.empty or not took > 0:
            return None
        slack = float(self.log.sources["resolution"].max()) * max(len(held), 1)
        low, value, high = (each * rate for rate in evidence.pace(len(time), took, slack, HOUR))
        return Rate(low, value, high, f"{what} in {seconds(took)}: {_range(value, low, high)} an hour", False)

    @property
    def runs(self) -> str:
        """How much was simulated."""
        return f"{count(self.given.replications, 'run')} of {seconds(self.given.simulated)}"

    @cached_property
    def syntax(self) -> pd.DataFrame:
        """``evidence.syntax`` of the log."""
        return evidence.syntax(self.log, self.given)

    @property
    def measures(self) -> dict[str, dict[str, float]]:
        """Outcome (keys) of the model's server under each measure (keys of the first level): means over the runs."""
        found = _measures(self.given.server, self.given.load, self.given.simulated, self.given.replications)
        table: dict[str, dict[str, float]] = {}
        for measure, of in found.groupby("measure", sort=False):
            table[str(measure)] = dict(zip(of["outcome"].astype(str), of["value"].astype(float), strict=True))
        return table


# The models are slow and the claims share them.
@cache
def _measures(server: Server, load: Load, duration: float, replications: int) -> pd.DataFrame:
    return simulate.measures(server, load, duration=duration, replications=replications)


@cache
def _saturation(server: Server, load: Load, duration: float, replications: int) -> pd.DataFrame:
    rates = (0.0, load.spam.rate)
    return simulate.saturation(rates, server, load, names=("nothing",), duration=duration, replications=replications)


_harvest = cache(simulate.harvest)
_error_messages = cache(simulate.error_messages)


def _range(value: float, low: float, high: float) -> str:
    if high == np.inf:
        return f"{stats.figure(value)} (exact 95% interval from {stats.figure(low)}: the stamps set no upper end)"
    return f"{stats.figure(value)} (exact 95% interval {stats.figure(low)} to {stats.figure(high)})"


def _decide(low: float, high: float, least: float, yes: str = MODEL_YES, no: str = MODEL_NO) -> str:
    """Whether what lies between low and high is at least so much; open where the two ends disagree."""
    return yes if low >= least else no if high < least else OPEN


# -- the registry ----------------------------------------------------------------------------------------------


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


def _claim(number: int, claim: str, where: str, test: str, see: str) -> Callable[..., Callable[[Case], Finding]]:
    def register(judge: Callable[[Case], Finding]) -> Callable[[Case], Finding]:
        CLAIMS[number] = Claim(claim, where, test, see, judge)
        return judge

    return register


# -- what the log itself tells ---------------------------------------------------------------------------------


@_claim(1, "The excerpt lasts 35 seconds", "Appendix A, heading",
        "Stamps of the excerpt and of its complete session, with their resolution", "01-sessions")  # fmt: skip
def _lasts(case: Case) -> Finding:
    log, heading = case.log, case.given.heading
    here = log.sessions[log.sessions["peer_ip"].eq(case.given.excerpt_peer)]
    whole = summary.complete(log.events, here)
    took = (whole["end"] - whole["start"]).dt.total_seconds().dropna()
    if here.empty or pd.isna(case.span):
        return Finding(OPEN, "another log than the excerpt",
                       f"Of {count(len(log.sessions), 'session')} none is with {case.given.excerpt_peer}, with times: "
                       "this is not the log of Appendix A.")  # fmt: skip
    slack = float(log.sources["resolution"].max())
    lengths = {"the excerpt": case.span} | dict.fromkeys(["its complete session"] * len(took), took.min())
    told = [f"{name} {seconds(length)}" for name, length in lengths.items()]
    bounds = [f"{length - slack:g} to {length + slack:g} s" for length in lengths.values()]
    fits = any(abs(length - heading) <= slack for length in lengths.values())
    return Finding(
        LOG_YES if fits else LOG_NO,
        ", ".join(told).capitalize(),
        f"{len(log.events):,} events ({places(log, log.events.index)}); with stamps of {slack:g} s the lengths lie in "
        f"{' and '.join(bounds)}; the heading says {heading:g} s.",
    )


@_claim(2, "Null senders are accepted and used", "Related Problems; Appendix A",
        "Share of MAIL FROM:<> and what it was answered", "05-octets")  # fmt: skip
def _null(case: Case) -> Finding:
    log, made = case.log, case.log.transactions
    known = made[made["reverse_path"].notna()]
    null = known[known["null_sender"]]
    code = evidence.mail_codes(log).reindex(null["transaction"])
    heard = code.notna().to_numpy()
    kept = null["queue_id"].notna().to_numpy() & null["report"].isna().to_numpy() & ~heard
    taken, judged = int(code.lt(400).sum() + kept.sum()), int((heard | kept).sum())
    own = null["session"].map(log.sessions.set_index("session")["role"]).eq("client").sum()
    by = f"; {own:,} went from the logging server to another, which answered" if own else ""
    return Finding(
        OPEN if not judged else LOG_YES if taken else LOG_NO,
        f"{len(null):,} of {len(known):,} senders null, {taken:,} of {judged:,} taken"
        if len(null)
        else "no null sender",
        f"Null: {share(len(null), len(known), 'transactions')}; taken: {share(taken, judged, 'null senders')}{by} "
        f"({places(log, evidence.firsts(log, null['transaction']))}).",
    )


@_claim(3, "Sender and recipient addresses are often randomly generated", "Effects",
        "Macros and random-looking local parts among the different addresses", "03-sizes-in-time")  # fmt: skip
def _random(case: Case) -> Finding:
    rows = evidence.answered_paths(case.log)
    each = rows.drop_duplicates("address")
    kind = evidence.made_by(each["address"])
    odd = each[kind.ne("plain")]
    shown = " and ".join(shorten(printable(text), 40) for text in odd["address"].head(2))
    low, high = stats.share_interval(len(odd), len(each))
    return Finding(
        _decide(low, high, case.given.often, LOG_YES, LOG_NO) if len(each) else OPEN,
        f"{len(odd):,} of {len(each):,} addresses random or macros" if len(each) else "no address but <>",
        f"{share(len(odd), len(each), 'different addresses')} in {len(rows):,} uses; {(kind == 'macro').sum():,} are "
        f"macros "
        f"left unexpanded, {(kind == 'random').sum():,} look random{': ' * bool(shown)}{shown} "
        f"({places(case.log, rows.loc[rows['address'].isin(odd['address']), 'event'])}); often means "
        f"{case.given.often:.0%} or more.",
    )


@_claim(5, "Hundreds of thousands of messages a day pass through one server", "Overview",
        "Messages a second of a busy connection × connections", "02-periods")  # fmt: skip
def _daily(case: Case) -> Finding:
    n, took, slack = evidence.tempo(case.log)
    least, lanes = case.given.spam_a_day, case.given.server.connections
    if not took:
        return Finding(
            OPEN,
            "no session with two messages and a length",
            f"Of {count(len(case.log.sessions), 'session')} none holds two transactions in a known time.",
        )
    low, value, high = evidence.pace(n, took, slack, DAY)
    return Finding(
        _decide(low * lanes, high * lanes, least),
        f"{stats.figure(value * lanes)} a day over {count(lanes, 'connection')}",
        f"{count(n, 'transaction')} in {seconds(took)} of sessions with two or more: {_range(value, low, high)} a day "
        f"over one connection; {least:,} a day take {least / value:.3g} connections ({least / high:.2g} to "
        f"{least / low:.3g}), assumed are {lanes}. Most were {'refused' if _refused(case) else 'taken'}; a message "
        f"whose "
        "text is sent takes longer.",
    )  # fmt: skip


def _refused(case: Case) -> bool:
    return bool(case.log.recipients["status"].eq("rejected").mean() > 0.5)


def _no_notices(case: Case) -> Finding:
    n = count(len(case.log.transactions), "transaction")
    return Finding(OPEN, "no notice and no failed NDR",
                   f"In {n} there is no notice to the administrator, and no failed NDR in a known time.")  # fmt: skip


@_claim(6, "The administrator gets several hundred notifications an hour or more", "Temporary Solutions",
        "Notices, or NDRs that failed × notices each, an hour", "04-turn-by-turn")  # fmt: skip
def _hourly(case: Case) -> Finding:
    rate, least = case.notices, case.given.notices_an_hour
    if rate is None:
        return _no_notices(case)
    yes, no = (LOG_YES, LOG_NO) if rate.logged else (MODEL_YES, MODEL_NO)
    return Finding(_decide(rate.low, rate.high, least, yes, no), f"{stats.figure(rate.value)} an hour",
                   f"{rate.said}; several hundred means {least:,} or more.")  # fmt: skip


@_claim(16, "Malformed senders that are not null are accepted too", "Related Problems",
        "Every reverse-path and forward-path by RFC 5321 and 5322; share taken", "06-senders")  # fmt: skip
def _malformed(case: Case) -> Finding:
    rows = case.syntax
    bad = rows[rows["rule"].ne("")]
    senders, broken = rows[rows["way"].eq("reverse-path")], bad[bad["way"].eq("reverse-path")]
    taken, there = int(broken["taken"].sum()), int(bad["taken"].sum())
    rules = bad.drop_duplicates("address")["rule"].value_counts()
    example = "; ".join(f"{n:,} × {rule}" for rule, n in rules.items())
    macros = rows.loc[rows["rule"].eq("") & evidence.made_by(rows["address"]).eq("macro"), "address"].nunique()
    valid = (
        f" {count(macros, 'macro')} left unexpanded {'is' if macros == 1 else 'are'} valid: $ is atext."
        if macros
        else ""
    )
    return Finding(
        OPEN if broken.empty else LOG_YES if taken else LOG_NO,
        f"{taken:,} of {len(broken):,} malformed senders taken" if len(broken) else "no malformed sender",
        f"Malformed: {share(len(broken), len(senders), 'senders that are not null')}, of these taken "
        f"{share(taken, len(broken))}; of all {len(rows):,} paths ({rows['address'].nunique():,} different) "
        f"{len(bad):,} "
        f"are malformed, {there:,} of them taken{': ' * bool(example)}{example} "
        f"({places(case.log, bad['event'] if len(bad) else rows['event'])}).{valid}",
    )


@_claim(17, "Spammers probe for open servers minute by minute", "Related Problems",
        "Rate and spacing of relay attempts, by session", "06-clients")  # fmt: skip
def _probes(case: Case) -> Finding:
    tried = evidence.relay_attempts(case.log)
    served = int(case.log.sessions["role"].eq("server").sum())
    n, minutes = len(tried), case.span / 60
    if not n or not minutes > 0:
        return Finding(OPEN, "no relay attempt", f"In {count(served, 'inbound session')} of "
                       f"{count(len(case.log.sessions), 'session')} no client was refused a relay.")  # fmt: skip
    low, high = stats.rate_interval(n, minutes)
    gap = tried["time"].diff().dt.total_seconds().median()
    return Finding(
        _decide(low, high, case.given.probes_a_minute, LOG_YES, LOG_NO),
        f"{stats.figure(n / minutes)} attempts a minute",
        f"{count(n, 'session')} of {served:,} tried to relay and were denied, from "
        f"{count(int(tried['client'].nunique()), 'client')}, in {seconds(case.span)}: "
        f"{_range(n / minutes, low, high)} a minute, median spacing {seconds(gap)}; asked: "
        f"{case.given.probes_a_minute:g} a minute. Relays that were granted cannot be told from mail.",
    )


@_claim(18, "Notifications can stay on while disk space lasts", "Temporary Solutions",
        "Octets of mailbox a day, from the rate of claim 6", "03-sizes")  # fmt: skip
def _disk(case: Case) -> Finding:
    rate, given = case.notices, case.given
    if rate is None:
        return _no_notices(case)
    known = backscatter.ndrs(case.log)["size"].dropna().astype("float64")
    size = float(known.mean()) if len(known) else float(given.server.report_size)
    mean = f"{stats.figure(size)} octets ({f'mean of {len(known):,} NDRs' if len(known) else 'assumed'})"
    low, value, high = (each * 24 * size for each in rate[:3])
    lasts = [given.store / each if each else float("inf") for each in (high, value, low)]
    lanes = given.server.connections
    return Finding(
        _decide(lasts[0], lasts[2], given.unattended),
        f"{octets(value)} a day; full in {lasts[1]:,.0f} days",
        f"{rate.said}; × {mean}: {octets(value)} a day. A store of {octets(given.store)} takes {lasts[1]:,.0f} days "
        f"({lasts[0]:,.0f} to {lasts[2]:,.0f}); asked: {given.unattended:g}. At this rate on each of {lanes} "
        f"connections "
        f"it takes {lasts[1] / lanes:.3g} days.",
    )


@_claim(20, "The protocol log shows whether a server is affected", "Temporary Solutions",
        "Failed NDRs and RSET loops in the log", "04-all-loops")  # fmt: skip
def _symptom(case: Case) -> Finding:
    ndrs, found = backscatter.ndrs(case.log), loops.find(case.log)
    lost = ndrs[ndrs["outcome"].isin(FAILED)]
    turns = found[found["unit"].str.contains("MAIL") & found["unit"].str.contains("RSET")]
    labels = [*turns["first"], *turns["last"], *evidence.firsts(case.log, lost.index)]
    inbound = int(case.log.sessions["role"].eq("server").sum())
    cause = "" if inbound else " The cause, mail taken in, is not in it: it holds no inbound session."
    return Finding(
        LOG_YES if len(lost) else OPEN,
        f"{count(len(lost), 'failed NDR')}, {count(len(turns), 'MAIL–RSET loop')}",
        f"{share(len(lost), len(ndrs), 'NDRs')} failed; {count(len(turns), 'loop')} of "
        f"{count(int(turns['turns'].sum()), 'whole turn')} ({places(case.log, labels)}).{cause}",
    )


# -- what stands in stored logs of real servers -----------------------------------------------------------------

NO_DATA = Finding(OPEN, "no stored log", "0 stored logs of real servers are beside this spamlab (data/samples).")


@_claim(12, "Refusing <> would break non-delivery reports", "Related Problems",
        "Share of NDRs that have the null sender, in logs that tell what is an NDR", "07-what-if")  # fmt: skip
def _refuse_null(case: Case) -> Finding:
    logs = {"the log": case.log}
    logs |= {f"data/samples/{name}.log": held[0] for name in ("exim", "postfix") if (held := evidence.sample(name))}
    rows, lost, n = [], 0, 0
    for name, log in logs.items():
        ndrs = log.transactions[log.transactions["report"].eq("ndr") & log.transactions["reverse_path"].notna()]
        if len(ndrs):
            rows.append(f"{name} {share(int(ndrs['null_sender'].sum()), len(ndrs))}")
            lost, n = lost + int(ndrs["null_sender"].sum()), n + len(ndrs)
    model = case.measures["refuse <>"]["legitimate NDRs lost"]
    low, high = stats.share_interval(lost, n)
    verdict = _decide(low, high, case.given.often, LOG_YES, LOG_NO)
    return Finding(
        verdict if n else _decide(model, model, case.given.often),
        f"{lost:,} of {n:,} NDRs have <>; in the model {100 * model:.3g}% of wanted ones lost",
        f"NDRs with the null sender: {'; '.join(rows) or 'no log tells what is an NDR'}. In the model, refusing it "
        f"loses "
        f"{100 * model:.3g}% of the NDRs about users' own mail.",
    )


@_claim(13, "Sendmail, tried the same way, does not show it", "Related Problems",
        "A real Sendmail's stored log: relaying, unknown users, failed logins", "06-reasons")  # fmt: skip
def _sendmail(case: Case) -> Finding:
    held = evidence.sample("sendmail")
    if held is None:
        return NO_DATA
    log, truth = held
    rows = evidence.received_recipients(log)
    denied = rows[rows["denied"]]
    unknown = log.events[log.events["kind"].eq("reject") & log.events["text"].str.contains("User unknown")]
    fell = evidence.fallthrough(log, case.given)
    asked, passed = evidence.strangers_relays(truth)
    good = not fell["fell"].any() and not passed and len(denied) > 0
    return Finding(
        LOG_YES if good else LOG_NO,
        f"{passed} of {asked} relay attempts passed; {int(fell['fell'].sum())} of {len(fell)} failed logins fell through",
        f"data/samples/sendmail.log (Sendmail {printable(truth['version'])}): relayed for strangers "
        f"{share(passed, asked)}, "
        f"{len(denied):,} refusals logged ({places(log, evidence.firsts(log, denied['transaction']))}); "
        f"{len(unknown):,} unknown users refused at RCPT ({places(log, unknown.index)}); fell through after a failed "
        f"login "
        f"{share(int(fell['fell'].sum()), len(fell), 'sessions')}. It does take <> "
        f"({truth['totals']['accepted_null_sender']:,} messages). Not replayed: the paper's own tests, which are not "
        "published, and a Sendmail of 2003.",
    )


@_claim(22, "Accepting <> conforms with the SMTP standard", "Related Problems",
        "What other servers do: null senders that the stored servers took", "06-senders")  # fmt: skip
def _standard(case: Case) -> Finding:
    found = {name: total["accepted_null_sender"] for name, total in evidence.truths().items()}
    if not found:
        return NO_DATA
    every = all(found.values())
    return Finding(
        LOG_YES if every else LOG_NO,
        f"{sum(map(bool, found.values()))} of {len(found)} other servers take it",
        "Messages with <> accepted, as their clients counted (data/samples/*.truth.json): "
        f"{', '.join(f'{name} {n:,}' for name, n in found.items())}. RFC 5321 §4.5.5 and §6.1 need it for reports.",
    )


# -- what the model of the paper's server tells -----------------------------------------------------------------


@_claim(4, "One spam causes up to four error messages, two of them across the internet", "Effects",
        "Every case of sender, recipient and host, one spam each", "07-what-if")  # fmt: skip
def _four(case: Case) -> Finding:
    cases = _error_messages()
    cases = cases[cases["policy"].eq(case.given.policy)]
    if cases.empty:
        return Finding(OPEN, "no such policy", f"The model knows no policy “{printable(case.given.policy)}”.")
    worst = cases.nlargest(1, ["messages", "across_internet"]).to_dict("records")[0]
    seen = sorted(cases["messages"].unique())
    most = ", ".join(f"{sender} {n}" for sender, n in cases.groupby("sender", observed=True)["messages"].max().items())
    about = case.log.transactions["ndr_of"].value_counts()
    logged = f" In the log: at most {count(int(about.max()), 'report')} about one message." if len(about) else ""
    return Finding(
        MODEL_YES if (worst["messages"], worst["across_internet"]) == (4, 2) else MODEL_NO,
        f"{', '.join(map(str, seen))} messages; at most {worst['across_internet']} across the internet",
        f"{len(cases)} cases under the policy “{case.given.policy}”, one simulated spam each. Most with sender "
        f"{worst['sender']}, recipient {worst['recipient']}, sender's host {worst['sender_host']}: "
        f"{worst['to_sender']} to "
        f"the sender, {worst['to_administrator']} to the administrator, {worst['double_bounces']} of a failed report, "
        f"{worst['returned']} sent back. Most by sender: {most}.{logged}",
    )


@_claim(7, "STORE.EXE takes 100% for long periods and other work starves", "Effects",
        "Processor load and delay of other mail at the paper's rate", "07-what-if")  # fmt: skip
def _starves(case: Case) -> Finding:
    given = case.given
    rows = _saturation(given.server, given.load, given.simulated, given.replications)
    idle, busy = rows.sort_values("rate").to_dict("records")
    load, cpu = busy["load"], given.server.cpu
    wait, least, most = (seconds(busy[f"delay_mean{end}"]) for end in ("", "_low", "_high"))
    return Finding(
        MODEL_YES if load >= 1 else MODEL_NO,
        f"load {load:.2f} at {given.load.spam.rate:.3g} spams a second",
        f"{case.runs}: busy {busy['utilisation']:.1%} of the "
        f"time; "
        f"other mail waits {wait} on average ({least} to {most} over the runs), {seconds(idle['delay_mean'])} without "
        f"spam. Capacity: {busy['capacity']:.3g} spams a second ({busy['capacity_expected']:.3g} by arithmetic). It "
        f"hangs "
        f"on the assumed {cpu:g} s of processor for each handling: load is 1 at {cpu / load:.2g} s.",
    )


@_claim(8, "Errors alone, without relaying, do as much harm", "Details of the Problem",
        "Uplink, processor and delay with relaying forbidden, against none of it", "07-what-if")  # fmt: skip
def _errors_alone(case: Case) -> Finding:
    alone, both = case.measures["forbid relaying"], case.measures["nothing"]
    work, line = (alone[name] / both[name] for name in ("processor load", "uplink octets"))
    cost = backscatter.cost(case.log)
    layer = "ip" if "ip_out" in cost else "smtp"
    spent = (cost[f"{layer}_out"] + cost[f"{layer}_in"]).dropna()
    size = backscatter.ndrs(case.log)["size"].dropna().astype("float64")
    logged = ""
    if len(spent):
        logged = f" In the log an NDR's attempt took {octets(spent.mean())} ({layer.upper()}, mean of {len(spent):,})"
        logged += f", its message has {octets(size.mean())}." if len(size) else "."
    wait, waits = (seconds(table["legitimate delay (median)"]) for table in (alone, both))
    return Finding(
        _decide(min(line, work), max(line, work), case.given.as_bad),
        f"{work:.0%} of the processor load, {line:.0%} of the uplink octets",
        f"Model ({case.runs}), relaying forbidden against nothing done: processor load {alone['processor load']:.2f} "
        f"of "
        f"{both['processor load']:.2f}, uplink {octets(alone['uplink octets'])} of {octets(both['uplink octets'])} an "
        f"hour, other mail's median delay {wait} of {waits}; as much means {case.given.as_bad:.0%}.{logged}",
    )


@_claim(11, "Without look-up, finding addresses takes messages of a higher order of magnitude", "Related Problems",
        "Messages sent for each valid address found, with and without look-up", "07-what-if")  # fmt: skip
def _harvest_cost(case: Case) -> Finding:
    off, on = _guesses()
    low, ratio, high = (off[end] / on["per_address"] for end in ("low", "per_address", "high"))
    ndrs, looked = (case.measures[name]["NDRs"] for name in ("nothing", "directory look-up"))
    each = _range(off["per_address"], off["low"], off["high"])
    return Finding(
        _decide(low, high, case.given.magnitude),
        f"{ratio:,.0f} times the messages where 1 in {1 / off['valid']:,.0f} guesses exists",
        f"{off['guesses']:,} guesses: {off['messages']:,} messages for {off['found']:,} addresses without look-up "
        f"({each} "
        f"each), {on['messages']:,} for {on['found']:,} with it. Look-up takes the NDRs from {ndrs:,.0f} to "
        f"{looked:,.0f} "
        f"an hour ({case.runs}); it does not stop relaying.",
    )


@_claim(14, "Turning notifications off hides the problem, disabling Guest cures it", "Temporary Solutions",
        "Every measure that the paper names against every outcome", "07-what-if")  # fmt: skip
def _cures(case: Case) -> Finding:
    shown = ("nothing", "disable notifications", "disable Guest")
    before, quiet, closed = (case.measures[name] for name in shown)
    most, least = (share * before["relayed spam"] for share in (case.given.as_bad, 1 - case.given.as_bad))
    hides = quiet["relayed spam"] >= most > 0 and quiet["admin mail"] <= (1 - case.given.as_bad) * before["admin mail"]
    told = "; ".join(
        f"{name}: relayed {of['relayed spam']:,.0f}, NDRs {of['NDRs']:,.0f}, to the administrator "
        f"{of['admin mail']:,.0f}"
        for name, of in zip(shown, (before, quiet, closed), strict=True)
    )
    return Finding(
        MODEL_YES if hides and closed["relayed spam"] <= least else MODEL_NO,
        f"relayed spam an hour: {before['relayed spam']:,.0f}; {quiet['relayed spam']:,.0f} without notifications; "
        f"{closed['relayed spam']:,.0f} without Guest",
        f"Messages an hour, mean of {count(case.given.replications, 'run')} of {seconds(case.given.simulated)}: "
        f"{told}.",
    )


def _guesses() -> list[dict[str, float]]:
    """The attack that guesses worst, without and with look-up."""
    rows = _harvest()
    worst = rows[rows["valid"].eq(rows["valid"].min())].sort_values("lookup")
    return [{str(name): value for name, value in row.items()} for row in worst.to_dict("records")]


@_claim(23, "Microsoft: look-up would tell spammers whom to target", "Related Problems",
        "Messages a guesser sends for each address found, with look-up", "07-what-if")  # fmt: skip
def _tells(case: Case) -> Finding:
    off, on = _guesses()
    return Finding(
        MODEL_YES if on["found"] and on["per_address"] < off["per_address"] else MODEL_NO,
        f"{count(round(on['per_address']), 'message')} an address with look-up, {off['per_address']:,.0f} without",
        f"{on['guesses']:,} guesses, of which {on['valid']:.1%} exist: look-up tells all {on['found']:,} for "
        f"{on['messages']:,} messages; without it the same list costs {off['messages']:,}. Both arguments hold: "
        f"look-up "
        "makes guessing cheap, its absence makes it loud.",
    )


@cache
def _detector(server: Server, load: Load, duration: float) -> str:
    """How often ``evidence.fallthrough`` finds what the model did, and what else it takes for it: a sentence."""
    spam = replace(load.spam, failed_logins=0.5, guest_logins=0.5)
    told = []
    for falls in (True, False):
        run = simulate.run(replace(server, guest=True, fall_through=falls), replace(load, spam=spam), duration=duration)
        found = evidence.fallthrough(run.log(), Assumptions())
        mail = run.messages[run.messages["login"].isin(["failed", "retried"])]
        through = int((mail["login"].eq("failed") & mail["state"].ne("refused")).sum())
        told.append((int(found["taken"].sum()), through, int(found["fell"].sum()), len(mail)))
    (flagged, through, _, _), (_, _, false, failed) = told
    hits = share(min(flagged, through), through, "messages")
    alarms = share(false, failed, "failed logins")
    return f"On simulated logs this test finds {hits} that fell through, and takes {alarms} for it where none does."


@_claim(9, "A failed login falls through to Guest and relays", "Details of the Problem; Q251149",
        "AUTH refused, then in that session a foreign RCPT taken", "07-what-if")  # fmt: skip
def _falls(case: Case) -> Finding:
    found = evidence.fallthrough(case.log, case.given)
    fell, tried = int(found["fell"].sum()), int((found["taken"] + found["refused"] > 0).sum())
    detector = _detector(case.given.server, case.given.load, case.given.simulated)
    labels = case.log.events.index[case.log.events["session"].isin(found.index[found["fell"]])]
    return Finding(
        LOG_YES if fell else LOG_NO if tried else OPEN,
        f"{fell:,} of {tried:,} failed logins that went on to relay"
        if tried
        else "no failed login that went on to relay",
        f"{count(len(found), 'session')} of {len(case.log.sessions):,} with a login that failed; taken for foreign "
        f"recipients "
        f"after it: {share(fell, tried)} ({places(case.log, labels)}). {detector}",
    )


# -- arithmetic, and what nothing here can tell -------------------------------------------------------------------


@_claim(15, "57 MB of updates are nearly impossible to load over a dial-up line", "Overview",
        "Octets ÷ the line's rate against the longest bearable call", "08-verdicts")  # fmt: skip
def _modem(case: Case) -> Finding:
    given = case.given
    took = 8 * given.download / (given.dialup * given.payload)
    return Finding(
        MODEL_YES if took > given.call * HOUR else MODEL_NO,
        f"{took / HOUR:.2g} h on the line",
        f"{octets(given.download)} at {given.dialup / 1000:g} kbit/s, of which {given.payload:.0%} carry data: "
        f"{seconds(took)}; "
        f"nearly impossible means over {given.call:g} h. The verdict turns at {took / HOUR:.2g} h.",
    )


@_claim(19, "Almost two years have passed since the alarm", "Overview",
        "Dates: Gates's memorandum to the paper", "08-verdicts")  # fmt: skip
def _years(case: Case) -> Finding:
    months = (pd.Timestamp(case.given.paper) - pd.Timestamp(case.given.alarm)).days / 365.25 * 12
    return Finding(
        MODEL_YES if case.given.almost * 24 <= months <= 24 else MODEL_NO,
        f"{months:.3g} months",
        f"From {case.given.alarm} to {case.given.paper}: {months:.3g} months, {months / 24:.0%} of two years; almost "
        f"means "
        f"{case.given.almost:.0%} or more.",
    )


def _guests(case: Case) -> str:
    user = case.log.sessions["user"].dropna()
    guest = int(user.str.lower().eq("guest").sum())
    return f"Of {count(len(case.log.sessions), 'session')} {len(user):,} name an account, {guest:,} of them Guest"


@_claim(10, "Code Red enabled the Guest account", "History of the Problem",
        "The account's use in the log; its cause would be in the system's own logs", "08-verdicts")  # fmt: skip
def _code_red(case: Case) -> Finding:
    return Finding(OPEN, "who enabled an account is in no SMTP log",
                   f"{_guests(case)}; an SMTP log shows who logs in, not who enabled the account.")  # fmt: skip


@_claim(21, "The patch for Code Red left the Guest account enabled", "History of the Problem",
        "As claim 10: the patch and the account's state", "08-verdicts")  # fmt: skip
def _patch(case: Case) -> Finding:
    return Finding(OPEN, "what a patch left is in no SMTP log",
                   f"{_guests(case)}; that needs a Windows NT 4.0 before and after the patch.")  # fmt: skip


# -- the ledger --------------------------------------------------------------------------------------------------


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

    Examples
    --------
    >>> import spamlab
    >>> ledger(spamlab.read("data/exchange55-appendix-a.log")).loc[1, ["computed", "verdict"]].tolist()
    ['The excerpt 64 s, its complete session 26 s', 'contradicted by the log']
    """
    case = Case(log, assumptions or Assumptions())
    rows = {}
    for number, claim in sorted(CLAIMS.items()):
        verdict, computed, rests_on = claim.judge(case)
        computed = printable(computed[:1].upper() + computed[1:])
        told = (claim.claim, claim.where, claim.test, computed, verdict, printable(rests_on), claim.see)
        rows[number] = told
    columns = ["claim", "where", "test", "computed", "verdict", "evidence", "see"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype="str").rename_axis("number")


def answer(log: Log, assumptions: Assumptions | None = None) -> str:
    """Say in a sentence how many claims hold, are contradicted, cannot be tested."""
    n = ledger(log, assumptions)["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    holds, fails = n[LOG_YES] + n[MODEL_YES], n[LOG_NO] + n[MODEL_NO]
    return (
        f"Of {count(n.sum(), 'claim')} of the white paper, {holds} hold ({n[LOG_YES]} by the log, {n[MODEL_YES]} by "
        f"the "
        f"model under stated assumptions), {fails} are contradicted ({n[LOG_NO]} and {n[MODEL_NO]}), and {n[OPEN]} "
        f"are not "
        "testable with what there is."
    )
