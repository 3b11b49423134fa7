"""The white paper's claims, each tried on a log: what was computed, the verdict, and what it rests on.

Each claim is a function of a ``Case`` (the log and the assumptions) that gives back a ``Finding``; its docstring is
the claim, in our words, and what tests it. ``CLAIMS`` lists them all. Nothing is known beforehand: a verdict comes
from the log, from the stored logs of real servers, from the model of the paper's server (``spamlab.simulate``) or
from arithmetic with ``evidence.Assumptions``. "By the log" means the log that was given or, where the evidence says
so, a stored one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pandas as pd

from spamlab import backscatter, evidence, loops, simulate, stats, summary
from spamlab.evidence import Assumptions, interval, places, share
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
        time = self.log.events["time"]
        return float((time.max() - time.min()).total_seconds())

    @cached_property
    def slack(self) -> float:
        """Resolution of the stamps, in s; 0 where it is unknown."""
        return float(self.log.sources["resolution"].fillna(0).max() if len(self.log.sources) else 0)

    @cached_property
    def sessions(self) -> str:
        """How many there are."""
        return count(len(self.log.sessions), "session")

    @cached_property
    def ndrs(self) -> pd.DataFrame:
        """``backscatter.ndrs`` of the log, and whether each was ``lost``."""
        found = backscatter.ndrs(self.log)
        return found.assign(lost=found["outcome"].isin(FAILED))

    @cached_property
    def notices(self) -> Rate | None:
        """Notices to the administrator: those that the log tells of, else one for each NDR that failed."""
        log, each, made = self.log, 1.0, self.log.transactions.set_index("transaction")
        time = made.loc[made["report"].eq("postmaster"), "start"].dropna()
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
            held = log.sessions[log.sessions["session"].isin(self.ndrs.loc[time.index, "session"])]
            took, stamps = float((held["end"] - held["start"]).dt.total_seconds().sum()), len(held)
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


def _claim(number: int, where: str, see: str) -> Callable[..., Callable[[Case], Finding]]:
    def register(judge: Callable[[Case], Finding]) -> Callable[[Case], Finding]:
        claim, test = (" ".join(part.split()).rstrip(".") for part in str(judge.__doc__).split("\n\n"))
        CLAIMS[number] = Claim(claim, where, test, see, judge)
        return judge

    return register


def _decide(low: float, high: float, least: float, yes: str = MODEL_YES, no: str = MODEL_NO) -> str:
    """Whether what lies between low and high is at least so much; open where the two ends disagree."""
    return yes if low >= least else no if high < least else OPEN


# -- what the log itself tells ---------------------------------------------------------------------------------


@_claim(1, "Appendix A, heading", "01-sessions")
def _lasts(case: Case) -> Finding:
    """The excerpt lasts 35 seconds.

    Stamps of the excerpt and of its complete session, with their resolution.
    """
    log, heading, peer = case.log, case.given.heading, case.given.excerpt_peer
    here = log.sessions[log.sessions["peer_ip"].eq(peer)]
    if here.empty or pd.isna(case.span):
        said = f"Of {case.sessions} none is with {peer} and stamped: this is not the log of Appendix A."
        return Finding(OPEN, "another log than the excerpt", said)
    whole = summary.complete(log.events, here)
    took = (whole["end"] - whole["start"]).dt.total_seconds().dropna().head(1)
    lengths = {"the excerpt": case.span, **dict.fromkeys(["its complete session"][: len(took)], took.sum())}
    bounds = " and ".join(f"{length - case.slack:g} to {length + case.slack:g} s" for length in lengths.values())
    fits = any(abs(length - heading) <= case.slack for length in lengths.values())
    return Finding(
        LOG_YES if fits else LOG_NO,
        ", ".join(f"{name} {seconds(length)}" for name, length in lengths.items()),
        f"{len(log.events):,} events ({places(log, log.events.index)}); with stamps of {case.slack:g} s they lie in "
        f"{bounds}; the heading says {heading:g} s.",
    )


@_claim(2, "Related Problems; Appendix A", "05-octets")
def _null(case: Case) -> Finding:
    """Null senders are accepted and used.

    Share of MAIL FROM:<> and what it was answered.
    """
    log = case.log
    known = log.transactions[log.transactions["reverse_path"].notna()]
    null = known[known["null_sender"]]
    code = evidence.mail_codes(log).reindex(null["transaction"]).to_numpy()
    queued = pd.isna(code) & null["queue_id"].notna() & null["report"].isna()  # in a mail server's log: it has an id
    taken, judged = int((code < 400).sum() + queued.sum()), int((code >= 0).sum() + queued.sum())
    own = int(null["session"].map(log.sessions.set_index("session")["role"]).eq("client").sum())
    return Finding(
        OPEN if not judged else LOG_YES if taken else LOG_NO,
        f"{len(null):,} of {len(known):,} senders null, {taken:,} of {judged:,} taken",
        f"Null: {share(len(null), len(known), 'transactions')}; taken: {share(taken, judged, 'null senders')}; {own:,} "
        "were the logging server's own, which another answered "
        f"({places(log, evidence.firsts(log, null['transaction']))}).",
    )


@_claim(3, "Effects", "03-sizes-in-time")
def _random(case: Case) -> Finding:
    """Sender and recipient addresses are often randomly generated.

    Macros and random-looking local parts among the different addresses.
    """
    rows, often = evidence.answered_paths(case.log), case.given.often
    each = rows.drop_duplicates("address")["address"]
    kind = evidence.made_by(each)
    odd = each[kind.ne("plain")]
    shown = "".join(f" {shorten(printable(text), 40)}" for text in odd.head(2))
    low, high = stats.share_interval(len(odd), len(each))
    return Finding(
        _decide(low, high, often, LOG_YES, LOG_NO),
        f"{len(odd):,} of {len(each):,} addresses random or macros",
        f"{share(len(odd), len(each), 'different addresses')} in {len(rows):,} uses; {(kind == 'macro').sum():,} are "
        f"macros left unexpanded, {(kind == 'random').sum():,} look random{':' * bool(shown)}{shown} "
        f"({places(case.log, rows.loc[rows['address'].isin(odd), 'event'])}); often means {often:.0%} or more.",
    )


@_claim(5, "Overview", "02-periods")
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
    most = "refused" if case.log.recipients["status"].eq("rejected").mean() > 0.5 else "taken"
    return Finding(
        _decide(low * lanes, high * lanes, least),
        f"{stats.figure(value * lanes)} a day over {count(lanes, 'connection')}",
        f"{count(n, 'transaction')} in {seconds(took)} of sessions with two or more: {interval(low, value, high)} a "
        f"day over one connection; {least:,} a day take {least / value:.3g} connections ({least / high:.2g} to "
        f"{least / low:.3g}), assumed are {lanes}. Most were {most}; one whose text is sent takes longer.",
    )


def _no_notices(case: Case) -> Finding:
    n = count(len(case.log.transactions), "transaction")
    said = f"In {n} there is no notice to the administrator, and no failed NDR in a known time."
    return Finding(OPEN, "no notice and no failed NDR", said)


@_claim(6, "Temporary Solutions", "04-turn-by-turn")
def _hourly(case: Case) -> Finding:
    """The administrator gets several hundred notifications an hour or more.

    Notices, or NDRs that failed × notices each, an hour.
    """
    rate, least = case.notices, case.given.notices_an_hour
    if rate is None:
        return _no_notices(case)
    verdict = _decide(rate.low, rate.high, least, *(LOG_YES, LOG_NO) if rate.logged else (MODEL_YES, MODEL_NO))
    said = f"{rate.said}; several hundred means {least:,} or more."
    return Finding(verdict, f"{stats.figure(rate.value)} an hour", said)


@_claim(16, "Related Problems", "06-senders")
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
        f"{taken:,} of {len(broken):,} malformed senders taken",
        f"Malformed: {share(len(broken), len(senders), 'senders that are not null')}, of these taken "
        f"{share(taken, len(broken))}; of all {len(rows):,} paths ({rows['address'].nunique():,} different) "
        f"{len(bad):,}, {int(bad['taken'].sum()):,} of them taken{told} "
        f"({places(case.log, (bad if len(bad) else rows)['event'])}). Macros left unexpanded that are valid, since $ "
        f"is atext: {macros:,}.",
    )


@_claim(17, "Related Problems", "06-clients")
def _probes(case: Case) -> Finding:
    """Spammers probe for open servers minute by minute.

    Rate and spacing of relay attempts, by session.
    """
    tried, asked = evidence.relay_attempts(case.log), case.given.probes_a_minute
    served = f"{int(case.log.sessions['role'].eq('server').sum()):,} inbound of {case.sessions}"
    n, minutes = len(tried), case.span / 60
    if not n or not minutes > 0:
        return Finding(OPEN, "no relay attempt", f"In {served} no client was refused a relay.")
    low, high = stats.rate_interval(n, minutes)
    gap = tried["time"].diff().dt.total_seconds().median()
    return Finding(
        _decide(low, high, asked, LOG_YES, LOG_NO),
        f"{stats.figure(n / minutes)} attempts a minute",
        f"In {served} {n:,} tried to relay and were denied, from {count(tried['client'].nunique(), 'client')} in "
        f"{seconds(case.span)}: {interval(low, n / minutes, high)} a minute, median spacing {seconds(gap)}; asked: "
        f"{asked:g} a minute. Relays that were granted cannot be told from mail.",
    )


@_claim(18, "Temporary Solutions", "03-sizes")
def _disk(case: Case) -> Finding:
    """Notifications can stay on while disk space lasts.

    Octets of mailbox a day, from the rate of claim 6, against the store.
    """
    rate, given = case.notices, case.given
    if rate is None:
        return _no_notices(case)
    known = case.ndrs["size"].dropna().astype("float64")
    size = float(known.mean()) if len(known) else float(given.server.report_size)
    basis = f"mean of {len(known):,} NDRs" if len(known) else "assumed"
    short, days, long = (given.store / (24 * size * max(each, 1e-9)) for each in (rate.high, rate.value, rate.low))
    lanes = given.server.connections
    return Finding(
        _decide(short, long, given.unattended),
        f"{octets(given.store / days)} a day; full in {days:,.0f} days",
        f"{rate.said}; × {stats.figure(size)} octets ({basis}): {octets(given.store / days)} a day. A store of "
        f"{octets(given.store)} takes {days:,.0f} days ({short:,.0f} to {long:,.0f}); asked: {given.unattended:g}. At "
        f"this rate on each of {lanes} connections it takes {days / lanes:.3g} days.",
    )


@_claim(20, "Temporary Solutions", "04-all-loops")
def _symptom(case: Case) -> Finding:
    """The protocol log shows whether a server is affected.

    Failed NDRs and RSET loops in the log.
    """
    lost, found = case.ndrs[case.ndrs["lost"]], loops.find(case.log)
    turns = found[found["unit"].str.contains("MAIL") & found["unit"].str.contains("RSET")]
    labels = [*turns["first"], *turns["last"], *evidence.firsts(case.log, lost.index)]
    inbound = int(case.log.sessions["role"].eq("server").sum())
    return Finding(
        LOG_YES if len(lost) else OPEN,
        f"{count(len(lost), 'failed NDR')}, {count(len(turns), 'MAIL–RSET loop')}",
        f"{share(len(lost), len(case.ndrs), 'NDRs')} failed; {count(len(turns), 'loop')} of "
        f"{count(int(turns['turns'].sum()), 'whole turn')} ({places(case.log, labels)}). Their cause, mail taken in, "
        f"would stand in inbound sessions: {inbound:,} of {case.sessions}.",
    )


# -- what stands in stored logs of real servers -----------------------------------------------------------------

NO_DATA = Finding(OPEN, "no stored log", "0 stored logs of real servers are beside this spamlab (data/samples).")


@_claim(12, "Related Problems", "07-measures")
def _refuse_null(case: Case) -> Finding:
    """To refuse <> would break non-delivery reports.

    Share of NDRs that have the null sender, in logs that tell what is an NDR; the model's lost NDRs.
    """
    logs = {f"data/samples/{name}.log": held[0] for name in ("exim", "postfix") if (held := evidence.sample(name))}
    told, lost, n = "", 0, 0
    for name, made in {"the log": case.log, **logs}.items():
        reports = made.transactions.dropna(subset="reverse_path")
        reports = reports[reports["report"].eq("ndr")]
        null = int(reports["null_sender"].sum())
        told += f"{name} {share(null, len(reports))}; "
        lost, n = lost + null, n + len(reports)
    model = case.measures["refuse <>"]["legitimate NDRs lost"]
    ends, by = (stats.share_interval(lost, n), (LOG_YES, LOG_NO)) if n else ((model, model), (MODEL_YES, MODEL_NO))
    return Finding(
        _decide(*ends, case.given.often, *by),
        f"{lost:,} of {n:,} NDRs have <>; in the model {model:.0%} of wanted ones lost",
        f"NDRs with the null sender: {told}in the model ({case.runs}) refusing it loses {model:.1%} of the NDRs about "
        "users' own mail.",
    )


@_claim(13, "Related Problems", "06-reasons")
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


@_claim(22, "Related Problems", "06-senders")
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


# -- what the model of the paper's server tells -----------------------------------------------------------------


@_claim(4, "Effects", "07-one-spam")
def _four(case: Case) -> Finding:
    """One spam causes up to four error messages, two of them across the internet.

    Every case of sender, recipient and host, one spam each.
    """
    policy, cases = printable(case.given.policy), simulate.error_messages()
    cases = cases[cases["policy"].eq(policy)]
    if cases.empty:
        return Finding(OPEN, "no such measure", f"Of the model's measures 0 are called “{policy}”.")
    top = cases.nlargest(1, ["messages", "across_internet"]).to_dict("records")[0]
    seen = ", ".join(map(str, sorted(cases["messages"].unique())))
    most = ", ".join(f"{sender} {n}" for sender, n in cases.groupby("sender", observed=True)["messages"].max().items())
    about = case.log.transactions["ndr_of"].value_counts().max()
    return Finding(
        MODEL_YES if (top["messages"], top["across_internet"]) == (4, 2) else MODEL_NO,
        f"{seen} messages; at most {top['across_internet']} across the internet",
        f"{len(cases)} cases, one simulated spam each, measure taken: {policy}. Most, {top['messages']}, with sender "
        f"{top['sender']}, recipient {top['recipient']}, sender's host {top['sender_host']}: {top['to_sender']} to the "
        f"sender, {top['to_administrator']} to the administrator, {top['double_bounces']} of a failed report, "
        f"{top['returned']} sent back. Most by sender: {most}. In the log at most "
        f"{count(0 if pd.isna(about) else int(about), 'report')} about one message.",
    )


@_claim(7, "Effects", "07-saturation")
def _starves(case: Case) -> Finding:
    """STORE.EXE takes 100% for long periods and other work starves.

    Processor load and delay of other mail at the paper's rate.
    """
    of, cpu, rate = case.given, case.given.server.cpu, case.given.load.spam.rate
    rows = simulate.saturation(
        (0.0, rate), of.server, of.load, names=("nothing",), duration=of.simulated, replications=of.replications
    )
    idle, busy = rows.to_dict("records")
    wait, least, most = (seconds(busy[f"delay_mean{end}"]) for end in ("", "_low", "_high"))
    return Finding(
        MODEL_YES if busy["load"] >= 1 else MODEL_NO,
        f"load {busy['load']:.2f} at {rate:.3g} spams a second",
        f"{case.runs}: busy {busy['utilisation']:.1%} of the time; other mail waits {wait} ({least} to {most} over the "
        f"runs), {seconds(idle['delay_mean'])} without spam. Capacity: {busy['capacity']:.3g} spams a second "
        f"({busy['capacity_expected']:.3g} by arithmetic). It hangs on the assumed {cpu:g} s of processor for each "
        f"handling, which nobody measured: load is 1 at {cpu / busy['load']:.2g} s.",
    )


@_claim(8, "Details of the Problem", "07-measures")
def _errors_alone(case: Case) -> Finding:
    """Errors alone, without relaying, do as much harm.

    A spam run that is only reported against one that is only relayed: processor, delay of other mail, uplink.
    """
    of, runs = case.given, []
    for part in (0.0, 1.0):
        load = replace(of.load, spam=replace(of.load.spam, elsewhere=part, valid_recipients=part))
        made = simulate.measures(
            of.server, load, names=("nothing",), duration=of.simulated, replications=of.replications
        )
        runs.append(made.set_index("outcome")[["value", "low", "high"]].T.to_dict())
    (alone, relayed), work = runs, "processor load"
    low, high = (alone[work][a] / max(relayed[work][b], 1e-9) for a, b in (("low", "high"), ("high", "low")))
    line, relay = (octets(run["uplink octets"]["value"]) for run in runs)
    wait, waits = (seconds(run["legitimate delay (median)"]["value"]) for run in runs)
    cost = backscatter.cost(case.log)[["ip_out", "ip_in"]].sum(axis=1, skipna=False).dropna()
    logged = f", {octets(cost.mean())} each (IP, both ways)" if len(cost) else ""
    return Finding(
        _decide(low, high, of.as_bad),
        f"{alone[work]['value'] / max(relayed[work]['value'], 1e-9):.0%} of the processor load of relaying",
        f"Model ({case.runs}), {of.load.spam.rate:.3g} spams a second, none relayed and all reported against all "
        f"relayed and none reported: {work} {_ends(alone[work])} against {_ends(relayed[work])}, other mail's median "
        f"delay {wait} against {waits}, uplink {line} against {relay} an hour; as much means {of.as_bad:.0%} of the "
        f"processor load. In the log: {count(len(cost), 'NDR')} of known cost{logged}.",
    )


def _ends(of: dict[str, float]) -> str:
    return f"{of['value']:.2f} (95% interval {of['low']:.2f} to {of['high']:.2f})"


@_claim(11, "Related Problems", "07-harvest")
def _harvest(case: Case) -> Finding:
    """Without look-up, finding addresses takes messages of a higher order of magnitude.

    Messages sent for each valid address found, with and without look-up.
    """
    off, on = case.guesses
    low, ratio, high = (off[end] / on["per_address"] for end in ("low", "per_address", "high"))
    ndrs, looked = (case.measures[name]["NDRs"] for name in ("nothing", "directory look-up"))
    return Finding(
        _decide(low, high, case.given.magnitude),
        f"{ratio:,.0f} times the messages where 1 in {1 / off['valid']:,.0f} guesses exists",
        f"{off['guesses']:,} guesses: without look-up {off['messages']:,} messages for {off['found']:,} addresses, for "
        f"each {interval(off['low'], off['per_address'], off['high'])}; with it {on['messages']:,} for "
        f"{on['found']:,}. Look-up takes the NDRs from {ndrs:,.0f} to {looked:,.0f} an hour ({case.runs}); it does not "
        "stop relaying.",
    )


@_claim(14, "Temporary Solutions", "07-measures")
def _cures(case: Case) -> Finding:
    """Notifications turned off hide the problem, Guest disabled cures it.

    Relayed spam, NDRs and mail to the administrator under either measure, against none.
    """
    keep, shown = case.given.as_bad, ("nothing", "disable notifications", "disable Guest")
    before, quiet, closed = (case.measures[name] for name in shown)
    spam, notices = before["relayed spam"], before["admin mail"]
    hides = quiet["relayed spam"] >= keep * spam > 0 and quiet["admin mail"] <= (1 - keep) * notices
    told = "".join(
        f"; {name}: relayed {of['relayed spam']:,.0f}, NDRs {of['NDRs']:,.0f}, notices {of['admin mail']:,.0f}"
        for name, of in zip(shown, (before, quiet, closed), strict=True)
    )
    return Finding(
        MODEL_YES if hides and closed["relayed spam"] <= (1 - keep) * spam else MODEL_NO,
        f"relayed an hour: {spam:,.0f}; {quiet['relayed spam']:,.0f} without notifications; "
        f"{closed['relayed spam']:,.0f} without Guest",
        f"Messages an hour, mean of {case.runs}{told}; hidden or cured means {1 - keep:.0%} or less left.",
    )


@_claim(23, "Related Problems", "07-harvest")
def _tells(case: Case) -> Finding:
    """Microsoft: look-up would tell spammers whom to target.

    Messages a guesser sends for each address found, with look-up.
    """
    off, on = case.guesses
    return Finding(
        MODEL_YES if on["found"] and on["per_address"] < off["per_address"] else MODEL_NO,
        f"{count(round(on['per_address']), 'message')} an address with look-up, {off['per_address']:,.0f} without",
        f"{on['guesses']:,} guesses, of which {on['valid']:.1%} exist: look-up tells all {on['found']:,} for "
        f"{on['messages']:,} messages; without it the same list costs {off['messages']:,}. Both arguments hold: "
        "look-up makes guessing cheap, its absence makes it loud.",
    )


@cache
def _detector(server: Server, load: Load, duration: float) -> str:
    """How often ``evidence.fallthrough`` finds what the model did, and what else it takes for it: a sentence."""
    told = []
    for falls in (True, False):
        run = simulate.run(replace(server, guest=True, fall_through=falls), load, duration=duration)
        found = evidence.fallthrough(run.log(), Assumptions())
        mail = run.messages[run.messages["login"].isin(["failed", "retried"])]
        through = int((mail["login"].eq("failed") & mail["state"].ne("refused")).sum())
        told.append((min(int(found["taken"].sum()), through), through, int(found["fell"].sum()), len(mail)))
    hits, alarms = share(*told[0][:2], "messages"), share(*told[1][2:], "failed logins")
    return f"On simulated logs this test finds {hits} that fell through, and takes {alarms} for it where none does."


@_claim(9, "Details of the Problem; Q251149", "07-measures")
def _falls(case: Case) -> Finding:
    """A failed login falls through to Guest and relays.

    AUTH refused, then in that session a foreign RCPT taken; how well that is told on simulated logs.
    """
    found = evidence.fallthrough(case.log, case.given)
    fell, tried = int(found["fell"].sum()), int((found["taken"] + found["refused"] > 0).sum())
    labels = case.log.events.index[case.log.events["session"].isin(found.index[found["fell"]])]
    return Finding(
        LOG_YES if fell else LOG_NO if tried else OPEN,
        f"{fell:,} of {tried:,} failed logins that went on to relay",
        f"{len(found):,} of {case.sessions} have a login that failed; of those that then named foreign recipients "
        f"taken: {share(fell, tried)} ({places(case.log, labels)}). "
        f"{_detector(case.given.server, case.given.load, case.given.simulated)}",
    )


# -- arithmetic, and what nothing here can tell -------------------------------------------------------------------


@_claim(15, "Overview", "08-verdicts")
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


@_claim(19, "Overview", "08-verdicts")
def _years(case: Case) -> Finding:
    """Almost two years have passed since the alarm.

    Dates: Gates's memorandum to the paper.
    """
    of = case.given
    months = (pd.Timestamp(of.paper) - pd.Timestamp(of.alarm)).days / 365.25 * 12
    said = f"{of.alarm} to {of.paper} is {months / 24:.0%} of two years; almost means {of.almost:.0%} or more."
    return Finding(MODEL_YES if of.almost * 24 <= months <= 24 else MODEL_NO, f"{months:.3g} months", said)


def _guests(case: Case) -> str:
    user = case.log.sessions["user"].dropna()
    return (
        f"Of {case.sessions} {len(user):,} name an account, {int(user.str.lower().eq('guest').sum()):,} of them Guest"
    )


@_claim(10, "History of the Problem", "08-verdicts")
def _code_red(case: Case) -> Finding:
    """Code Red enabled the Guest account.

    The account's use in the log; its cause would be in the system's own logs.
    """
    said = f"{_guests(case)}; an SMTP log shows who logs in, not who enabled the account."
    return Finding(OPEN, "who enabled an account is in no SMTP log", said)


@_claim(21, "History of the Problem", "08-verdicts")
def _patch(case: Case) -> Finding:
    """The patch for Code Red left the Guest account enabled.

    As claim 10: the patch and the account's state.
    """
    said = f"{_guests(case)}; that needs a Windows NT 4.0 before and after the patch."
    return Finding(OPEN, "what a patch left is in no SMTP log", said)


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


def answer(log: Log, assumptions: Assumptions | None = None) -> str:
    """Say in a sentence how many claims hold, are contradicted, cannot be tested."""
    n = ledger(log, assumptions)["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    return (
        f"Of {count(n.sum(), 'claim')} of the white paper, {n[LOG_YES] + n[MODEL_YES]} hold ({n[LOG_YES]} by the log, "
        f"{n[MODEL_YES]} by the model under stated assumptions), {n[LOG_NO] + n[MODEL_NO]} are contradicted "
        f"({n[LOG_NO]} and {n[MODEL_NO]}), and {n[OPEN]} are not testable with what there is."
    )
