"""Claims that the model of the paper's server decides."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from spamlab import backscatter, evidence, simulate
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
from spamlab.evidence import Assumptions, interval, places, share
from spamlab.safe import printable
from spamlab.simulate import Load, Server
from spamlab.words import count, octets, seconds


@claim(4, "Effects", "07-one-spam")
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
    return Finding(
        MODEL_YES if (top["messages"], top["across_internet"]) == (4, 2) else MODEL_NO,
        f"{seen} messages; at most {top['across_internet']} across the internet",
        f"{len(cases)} cases, one simulated spam each, measure taken: {policy}. Most, {top['messages']}, with sender "
        f"{top['sender']}, recipient {top['recipient']}, sender's host {top['sender_host']}: {top['to_sender']} to the "
        f"sender, {top['to_administrator']} to the administrator, {top['double_bounces']} of a failed report, "
        f"{top['returned']} sent back. Most by sender: {most}. In the log at most "
        f"{count(evidence.reports_about(case.log), 'report')} about one message.",
    )


@claim(7, "Effects", "07-saturation")
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


@claim(8, "Details of the Problem", "07-measures")
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
        decide(low, high, of.as_bad),
        f"{alone[work]['value'] / max(relayed[work]['value'], 1e-9):.0%} of the processor load of relaying",
        f"Model ({case.runs}), {of.load.spam.rate:.3g} spams a second, none relayed and all reported against all "
        f"relayed and none reported: {work} {_ends(alone[work])} against {_ends(relayed[work])}, other mail's median "
        f"delay {wait} against {waits}, uplink {line} against {relay} an hour; as much means {of.as_bad:.0%} of the "
        f"processor load. In the log: {count(len(cost), 'NDR')} of known cost{logged}.",
    )


def _ends(of: dict[str, float]) -> str:
    return f"{of['value']:.2f} (95% interval {of['low']:.2f} to {of['high']:.2f})"


@claim(11, "Related Problems", "07-harvest")
def _harvest(case: Case) -> Finding:
    """Without look-up, finding addresses takes messages of a higher order of magnitude.

    Messages sent for each valid address found, with and without look-up.
    """
    off, on = case.guesses
    low, ratio, high = (off[end] / on["per_address"] for end in ("low", "per_address", "high"))
    ndrs, looked = (case.measures[name]["NDRs"] for name in ("nothing", "directory look-up"))
    return Finding(
        decide(low, high, case.given.magnitude),
        f"{ratio:,.0f} times the messages where 1 in {1 / off['valid']:,.0f} guesses exists",
        f"{off['guesses']:,} guesses: without look-up {off['messages']:,} messages for {off['found']:,} addresses, for "
        f"each {interval(off['low'], off['per_address'], off['high'])}; with it {on['messages']:,} for "
        f"{on['found']:,}. Look-up takes the NDRs from {ndrs:,.0f} to {looked:,.0f} an hour ({case.runs}); it does not "
        "stop relaying.",
    )


@claim(14, "Temporary Solutions", "07-measures")
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


@claim(23, "Related Problems", "07-harvest")
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


@claim(9, "Details of the Problem; Q251149", "07-measures")
def _falls(case: Case) -> Finding:
    """A failed login falls through to Guest and relays.

    AUTH refused, then in that session a foreign RCPT taken; how well that is told on simulated logs.
    """
    found = evidence.fallthrough(case.log, case.given)
    fell, tried = int(found["fell"].sum()), int((found["taken"] + found["refused"] > 0).sum())
    labels = evidence.labels(case.log, found.index[found["fell"]])
    return Finding(
        LOG_YES if fell else LOG_NO if tried else OPEN,
        f"{fell:,} of {tried:,} failed logins that went on to relay" if tried else "no failed login went on to relay",
        f"{len(found):,} of {case.sessions} have a login that failed; of those that then named foreign recipients "
        f"taken: {share(fell, tried)} ({places(case.log, labels)}). "
        f"{_detector(case.given.server, case.given.load, case.given.simulated)}",
    )
