"""What happens to a server that did not happen before: since when, who does it, and what it brings.

Everything that a log tells of is counted in time, by what it is (``SIGNALS``). A stretch of time stands out where much
more of it happened than in the rest of the log, more than the rest's busiest hours had, and more than the mail of those
hours explains: growth that all mail shares is no finding. What mail comes and goes stands out only where one account,
address or host makes it. Stretches that overlap are one finding; its reading (``_readings``) is drawn from all of them.

The rest of the log is all there is to compare with: a log that is short, or unusual from its first line to its last,
tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import backscatter, clock, messages, partwise
from spamlab.safe import printable, shorten
from spamlab.traffic import flows, share
from spamlab.traffic.why import pattern
from spamlab.words import count, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

SIGNALS = {
    "logins": "failed log-in",
    "reports": "error message made here",
    "refused": "refusal",
    "deferred": "delivery put off",
    "failed": "delivery failed for good",
    "connections": "connection",
    "received": "message that came in",
    "served": "recipient served",
}
"""What is counted, and its name; where several stand out at once the first leads, unless an account sends."""

_MANY = {"served": "recipients served", "deferred": "deliveries put off", "failed": "deliveries failed for good",
         "reports": "error messages made here", "received": "messages that came in"}  # fmt: skip
WHO = {"account": "account", "sender": "sender", "client": "client", "domain": "recipient domain", "why": "reason",
       "relay": "next server"}  # fmt: skip
"""By what is told who does it: columns of an occurrence."""

_VOLUME = ("received", "served", "connections")
_STEP = "10min"
_WIDTHS = ("10min", "30min", "1h", "2h", "3h", "6h", "12h", "1D", "2D", "7D", "30D")
_BINS = 200  # intervals that a log is looked at in, at most
_LEAST = 12  # fewer intervals tell nothing
_OUTSIDE = 0.15  # of a log that has to be as it usually is
_TIMES = 3  # as often as usual
_EXCESS = 40  # occurrences that nobody would look up for
_MAKER = 0.3  # of what is too much: who makes so much of it is named

MOST = 300_000
"""Rows that are held of who did how much; beyond, the smallest are forgotten."""


def _plural(signal: str, n: int) -> str:
    return count(n, SIGNALS[signal], many(signal))


def many(signal: str) -> str:
    """The name of several of a signal's occurrences."""
    return _MANY.get(signal, SIGNALS[signal] + "s")


# -- counting ----------------------------------------------------------------------------------------------


_SIGNAL_OF = {"rejected": "refused", "bounced": "failed", "expired": "failed", "delivered": "served",
              "accepted": "served", "deferred": "deferred", "received": "received"}  # fmt: skip
"""By what happened the signal that it is."""


def _occurrences(log: Log, who: bool) -> pd.DataFrame:
    """A row each: ``time``, ``signal``, ``octets``, and the columns of ``WHO``, missing where the log does not say.

    Without ``who`` the first two alone.
    """
    rows = flows.flow(log) if who else messages.happened(log, False, "status")
    signal = rows["what"].map(_SIGNAL_OF)
    rows = rows[signal.notna()]
    first = {"time": rows["time"], "signal": signal[rows.index]}
    if who:
        first |= _sides(log, rows)
    sessions = log.columns("sessions", "session", "role", "peer_host", "peer_ip", "user", "start", "authenticated")
    sessions = sessions.set_index("session")
    peer = sessions["peer_host"].fillna(sessions["peer_ip"])
    made = backscatter.ndrs(log)
    wrote = {
        "time": made["time"],
        "signal": "reports",
        "octets": made["size"],
        "domain": flows.domain(made["forward_path"]),
        "relay": made["peer"],
    }
    events = log.columns("events", "time", "session", "kind", "verb", "argument", "echo")
    events = events[~events["echo"] & events["verb"].isin(["AUTH", "MAIL"]) & events["kind"].isin(["auth", "command"])]
    asked = messages.answered(log).reindex(events.index) if events["kind"].eq("command").any() else None
    answer = pd.Series(pd.NA, events.index, "Int64") if asked is None else asked.astype("Int64")
    proven = sessions.index[sessions["authenticated"]]
    auth = events["kind"].eq("auth") & ~events["session"].isin(proven)
    failed = events[auth | (events["verb"].eq("AUTH") & answer.between(500, 599).fillna(False))]
    named = failed["argument"].where(failed["kind"].eq("auth"))
    tried = {
        "time": failed["time"],
        "signal": "logins",
        "client": failed["session"].map(peer),
        "account": named.fillna(failed["session"].map(sessions["user"]).astype("str")),
    }
    turned = events[events["verb"].eq("MAIL") & answer.between(400, 599).fillna(False)]
    away = {
        "time": turned["time"],
        "signal": "refused",
        "client": turned["session"].map(peer),
        "why": answer[turned.index].astype("str"),
    }
    served = sessions[sessions["role"].eq("server")]
    joined = {"time": served["start"], "signal": "connections", "client": peer[served.index]}
    frames = [pd.DataFrame(each) for each in (first, wrote, tried, away, joined)]
    return pd.concat([each for each in frames if len(each)] or frames[:1], ignore_index=True).dropna(subset="time")


def _sides(log: Log, rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Of rows of ``flow`` how much each brought, and who was on both sides of it and why it failed."""
    lost = rows[rows["what"].isin(flows.FAILED)]
    code: pd.Series = lost["enhanced_code"].astype("str").fillna(lost["code"].astype("str")).fillna("")
    told = code + " " + lost["reply"].str.replace(r"<[^<>]*>", "<…>", regex=True).fillna("")
    mail = log.columns("transactions", "transaction", "session", "user").set_index("transaction")
    user = log.columns("sessions", "session", "user").set_index("session")["user"]
    account = mail["user"].fillna(mail["session"].map(user).astype("str"))
    return {
        "octets": rows["octets"],
        "client": rows["client"],
        "sender": rows["sender"],
        "account": rows["transaction"].map(account),
        "domain": flows.domain(rows["recipient"]),
        "relay": rows["relay"],
        "why": told.str.strip().reindex(rows.index),
    }


@dataclass
class Counts:
    """How often each signal occurred in each step of time, and by whom; of parts, added."""

    series: list[pd.DataFrame] = field(default_factory=list)
    who: list[pd.DataFrame] = field(default_factory=list)

    def add(self, log: Log, who: bool = True) -> Counts:
        """Take in a part of a log; without ``who`` only what happened when."""
        return self.merge(_counts(log, who))

    def merge(self, other: Counts) -> Counts:
        """Take in the counts of another part."""
        self.series += other.series
        self.who += other.who
        if len(self.series) > 64:
            self.series[:] = [_added(self.series)]
        if sum(map(len, self.who)) > MOST:
            whole = _added(self.who)
            self.who[:] = [whole.nlargest(MOST // 4, "n", keep="first").sort_index()]
        return self


def _added(found: list[pd.DataFrame]) -> pd.DataFrame:
    total: pd.DataFrame = pd.concat(found).groupby(level=list(range(found[0].index.nlevels)), sort=True).sum()
    return total


def _counts(log: Log, who: bool = True) -> Counts:
    rows = _occurrences(log, who).reindex(columns=["time", "signal", "octets", *WHO])
    rows["step"] = rows["time"].dt.floor(_STEP)
    rows["octets"] = rows["octets"].astype("float64").fillna(0)
    each = rows.assign(n=1).groupby(["signal", "step"])[["n", "octets"]].sum()
    if not who:
        return Counts([each])
    step, steps = pd.factorize(rows["step"], sort=True)
    signal, signals = pd.factorize(rows["signal"])
    tallies = []
    for by in WHO:
        value, values = pd.factorize(rows[by].astype("str"))
        known = value >= 0
        # Numbers are counted a good deal quicker than texts.
        cell = (signal[known] * len(values) + value[known]) * len(steps) + step[known]
        cell, n = np.unique(cell, return_counts=True)
        of, at = np.divmod(cell, max(len(steps), 1))
        of, said = np.divmod(of, max(len(values), 1))
        tally = {"signal": signals[of], "by": by, "value": values[said], "step": steps[at], "n": n}
        tallies.append(pd.DataFrame(tally).set_index(["signal", "by", "value", "step"]))
    return Counts([each], [pd.concat(tallies)])


def _merged(found: list[Counts]) -> Counts:
    whole = Counts()
    for each in found:
        whole.merge(each)
    return whole


@partwise.partwise(_merged)
def counts(log: Log) -> Counts:
    """What ``findings`` are found in."""
    return _counts(log)


# -- looking -----------------------------------------------------------------------------------------------


def _stretch(n: np.ndarray, rate: np.ndarray) -> tuple[int, int] | None:
    """The interval of a series of counts that differs most from the rest (Kulldorff's scan statistic), if it is more.

    ``rate`` is what the series' mail would make of it: with as much of it, more is only growth.
    """
    size, total = len(n), n.sum()
    least = max(4, int(np.ceil(_OUTSIDE * size)))
    sums = np.concatenate([[0], np.cumsum(n)])
    inside = sums[None, :] - sums[:, None]  # [a, b)
    length = np.arange(size + 1)[None, :] - np.arange(size + 1)[:, None]
    fits = (length > 0) & (size - length >= least)
    length = np.where(fits, length, 1)
    rest = size - length
    outside = np.maximum(total - inside, 0.5)
    one, two = inside / length, outside / rest
    better = fits & (one >= _TIMES * two) & (inside - two * length >= _EXCESS)
    if not better.any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        likely = inside * np.log(one) + outside * np.log(two)
    best = int(np.where(better, likely, -np.inf).argmax())
    a, b = divmod(best, size + 1)
    others = np.delete(n, np.s_[a:b])
    mean = n[a:b].mean()
    if mean < 2 * np.quantile(others, 0.95) or np.median(n[a:b]) <= others.mean():
        return None
    of, beside = rate[a:b].sum(), np.delete(rate, np.s_[a:b]).sum()
    many = others.sum() + 2 * np.sqrt(others.sum() + 1)  # that few were there can be chance
    if n[a:b].sum() / max(of, 1) < 2 * many / max(beside, 1):
        return None
    return a, b


@dataclass
class Rise:
    """A signal's stretch: of ``n`` occurrences ``usual`` would have been usual."""

    signal: str
    begin: pd.Timestamp
    end: pd.Timestamp
    n: int
    usual: float
    octets: float
    who: dict[str, pd.Series]  # of what is too much the share of each value, the greatest first
    values: dict[str, int]  # how many there were
    makers: dict[str, str]  # who makes much of it, and did not before


@dataclass
class Finding:
    """What stands out at one time: the rises, that first which tells most."""

    rises: list[Rise]
    lasts: bool  # to the log's end

    @property
    def begin(self) -> pd.Timestamp:
        """When it began."""
        return self.rises[0].begin

    @property
    def end(self) -> pd.Timestamp:
        """When it was over, or the log ended."""
        return self.rises[0].end


@dataclass
class _Steps:
    """The counts in narrow steps of time and in the wider intervals that are compared."""

    narrow: pd.DataFrame
    wide: pd.DataFrame
    each: int  # steps in an interval
    last: pd.Timestamp


def _steps(found: Counts) -> _Steps | None:
    """``None`` where the log is too short to compare a part of it with the rest."""
    series = _added(found.series)["n"] if found.series else pd.Series(dtype="int64")
    if not len(series):
        return None
    narrow = series.unstack(0, fill_value=0)
    first, last = narrow.index.min(), narrow.index.max() + pd.Timedelta(_STEP)
    narrow = narrow.reindex(pd.date_range(first, last, freq=_STEP, inclusive="left"), fill_value=0)
    width = next((w for w in _WIDTHS if (last - first) / pd.Timedelta(w) <= _BINS), _WIDTHS[-1])
    each = int(pd.Timedelta(width) / pd.Timedelta(_STEP))
    wide = narrow.groupby(np.arange(len(narrow)) // each).sum().set_axis(narrow.index[::each])
    return _Steps(narrow, wide, each, last) if len(wide) >= _LEAST else None


def suspects(found: Counts) -> bool:
    """Whether anything stands out before it is known who made it: if not, ``findings`` are none."""
    steps = _steps(found)
    return steps is not None and bool(_stretches(steps))


def _stretches(steps: _Steps) -> dict[str, tuple[int, int]]:
    """By signal the stretch of it that stands out."""
    mail = steps.wide.reindex(columns=["received", "served"], fill_value=0).sum(axis=1).to_numpy(float)
    found = {}
    for signal in (name for name in SIGNALS if name in steps.wide):
        rate = np.ones(len(mail)) if signal in ("received", "served") else mail
        if stretch := _stretch(steps.wide[signal].to_numpy(float), rate):
            found[signal] = stretch
    return found


def findings(found: Counts) -> list[Finding] | None:
    """What stands out, the first first; ``None`` where the log is too short to tell."""
    steps = _steps(found)
    if steps is None:
        return None
    stretches = _stretches(steps)
    if not stretches:
        return []
    sizes, who = _added(found.series)["octets"], _added(found.who).reset_index()
    rises = []
    for signal, stretch in stretches.items():
        n = steps.narrow[signal]
        begin, end = (_edge(n.to_numpy(float), min(at * steps.each, len(n)), steps.each) for at in stretch)
        rise = _rise(signal, n, begin, end, sizes, who)
        if signal not in _VOLUME or (
            set(rise.makers) & {"account", "sender", "client"} and stretch[1] - stretch[0] > 2
        ):
            rises.append(rise)
    return [_with(finding, steps, sizes, who) for finding in _together(rises, steps.last)]


def _with(finding: Finding, steps: _Steps, sizes: pd.Series, who: pd.DataFrame) -> Finding:
    """The finding and what else was more while it lasted: twice as much as usual, and than the rest's busiest times."""
    known = {rise.signal for rise in finding.rises}
    begin, end = (int(steps.narrow.index.searchsorted(at)) for at in (finding.begin, finding.end))
    place = np.arange(len(steps.wide)) * steps.each
    beside = (place + steps.each <= begin) | (place >= end)
    for signal in (name for name in SIGNALS if name in steps.wide and name not in known):
        mean, others = steps.narrow[signal].iloc[begin:end].mean() * steps.each, steps.wide[signal][beside]
        if mean >= 2 * others.mean() and mean >= others.quantile(0.95):
            rise = _rise(signal, steps.narrow[signal], begin, end, sizes, who)
            finding.rises += [rise] if rise.n - rise.usual >= _EXCESS else []
    return finding


def _edge(n: np.ndarray, at: int, width: int) -> int:
    """Where, near an edge of wide intervals, the narrow ones change most."""
    low, high = max(0, at - width), min(len(n), at + width)
    if at in (0, len(n)) or high - low < 3:
        return at
    near = n[max(0, low - width) : min(len(n), high + width)]
    offset = max(0, low - width)
    return max(range(low, high + 1), key=lambda t: _gain(near, t - offset))


def _gain(n: np.ndarray, t: int) -> float:
    parts = [each for each in (n[:t], n[t:]) if len(each)]
    return float(sum(part.sum() * np.log(max(part.mean(), 1e-9)) for part in parts if part.sum()))


def _rise(signal: str, n: pd.Series, begin: int, end: int, sizes: pd.Series, who: pd.DataFrame) -> Rise:
    steps, long, rest = n.index, end - begin, len(n) - (end - begin)
    inside = n.iloc[begin:end].sum()
    usual = (n.sum() - inside) / max(rest, 1) * long
    times = steps[begin], steps[0] + end * pd.Timedelta(_STEP)
    size = sizes.loc[signal]
    within = (size.index >= times[0]) & (size.index < times[1])
    octets = float(size[within].sum() - size[~within].sum() / max(rest, 1) * long)
    told, values, makers = {}, {}, {}
    mine = who[who["signal"].eq(signal)]
    for by in WHO:
        own = mine[mine["by"].eq(by)]
        value = _reason(own["value"]) if by == "why" else own["value"]
        took = own["n"].groupby(value).sum()
        in_it = own["n"][own["step"].ge(times[0]) & own["step"].lt(times[1])].groupby(value).sum()
        more = in_it - (took.reindex(in_it.index) - in_it) / max(rest, 1) * long
        shares = (more / max(inside - usual, 1)).clip(0, 1).sort_index().sort_values(ascending=False, kind="stable")
        told[by], values[by] = shares.head(5), len(in_it)
        for value in shares.index[:1][shares.iloc[:1] >= _MAKER]:
            before = (took[value] - in_it[value]) / max(n.sum() - inside, 1)
            if value and in_it[value] / inside >= 2 * before:
                makers[by] = str(value)
    return Rise(signal, *times, int(inside), float(usual), octets, told, values, makers)


def _reason(told: pd.Series) -> pd.Series:
    parts = told.str.extract(r"(?s)^(\S*) ?(.*)$")
    return (parts[0] + " " + pattern(parts[1])).str.strip()


def _together(rises: list[Rise], last: pd.Timestamp) -> list[Finding]:
    found: list[list[Rise]] = []
    for rise in sorted(rises, key=_rank):
        for group in found:
            lead = group[0]
            overlap = min(rise.end, lead.end) - max(rise.begin, lead.begin)
            if overlap >= min(rise.end - rise.begin, lead.end - lead.begin) / 2:
                group.append(rise)
                break
        else:
            found.append([rise])
    order = sorted(found, key=lambda group: group[0].begin)
    return [Finding(group, last - group[0].end <= pd.Timedelta("1h")) for group in order]


def _rank(rise: Rise) -> int:
    return -1 if rise.signal in ("received", "served") and _sends(rise) else list(SIGNALS).index(rise.signal)


def _sends(rise: Rise) -> str:
    """Who makes most of it, as ``account x``; nobody: an empty text."""
    return next((f"{WHO[by]} {shown(rise.makers[by])}" for by in ("account", "sender") if by in rise.makers), "")


# -- saying ------------------------------------------------------------------------------------------------

_NOBODY = re.compile(r"(?i)5\.1\.1|unknown|no such|not? exist|not found|unrouteable|no mailbox|invalid recipient")
_FULL = re.compile(r"(?i)\b4\.3\.1\b|^452\b|storage|disk|space|resources")


def shown(text: str) -> str:
    """Text of a log in a sentence."""
    return shorten(printable(text), 60) or "<>"


def _most(rise: Rise, by: str) -> tuple[str, float]:
    told = rise.who[by]
    return (str(told.index[0]), float(told.iloc[0])) if len(told) else ("", 0.0)


def reading(finding: Finding) -> str:
    """What it looks like, in an admin's words."""
    rise = finding.rises[0]
    why = " ".join(map(str, rise.who["why"].index[:1]))
    if rise.signal in ("received", "served"):
        who = _sends(rise) or f"client {shown(rise.makers.get('client', ''))}"
        return f"{who} sends far more than before; if nobody meant that, somebody else is using it"
    if rise.signal == "logins":
        return "somebody is guessing passwords"
    if rise.signal == "reports":
        return "this server takes mail and then returns it; where senders are forged, strangers get that (backscatter)"
    if rise.signal == "refused":
        if _FULL.search(why):
            return "this server takes no mail, for want of space or resources"
        if not _NOBODY.search(why):
            return "mail is refused here far more than before"
        null = rise.who["sender"].get("", 0.0)
        if null >= 0.5:
            return "error messages come for mail that was not sent from here: somebody forges its senders (backscatter)"
        if rise.values["sender"]:
            return "somebody is trying addresses that do not exist (a dictionary attack)"
        return "addresses that do not exist are being tried (a dictionary attack, or error messages for forged mail)"
    if rise.signal == "deferred":
        where, part = _most(rise, "domain")
        return f"{shown(where)} does not take mail" if part >= 0.5 else "mail is put off far more than before"
    if rise.signal == "failed":
        return "mail fails for good far more than before"
    return f"client {shown(rise.makers.get('client', ''))} connects far more than before"


def _names(rise: Rise, by: str) -> str:
    told = rise.who[by]
    named = told[(told >= 0.1) & (told.index.astype("str") != "")] if by != "sender" else told[told >= 0.1]
    if len(named):
        return ", ".join(f"{shown(str(name))} ({share(part)})" for name, part in named.head(3).items())
    return f"{count(rise.values[by], WHO[by])}, each with less than a tenth of it" if rise.values[by] > 1 else ""


def lines(finding: Finding, zone: str) -> list[str]:
    """A finding in a few lines: what, since when; how much; who; what else rose."""
    rise = finding.rises[0]
    hours = (rise.end - rise.begin).total_seconds() / 3600
    begin = f"{clock.stamp(rise.begin, zone)[:16]}"
    until = "still so when the log ends" if finding.lasts else f"until {clock.stamp(rise.end, zone)[:16]}"
    head = f"Since {begin} {zone} ({until}): {reading(finding)}."
    rate = f"{_plural(rise.signal, rise.n)} in {seconds(hours * 3600)}, {_rate(rise.n / hours)} an hour where "
    rate += f"{_rate(rise.usual / hours)} are usual"
    said = [head, f"{rate}."]
    for by in WHO:
        if names := _names(rise, by):
            said.append(names if "each with" in names else f"{WHO[by]}: {names}")
    more = [_brought(each) for each in finding.rises]
    return [*said, f"It brought {', '.join(more)}, beyond the usual."]


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1g}"


def _brought(rise: Rise) -> str:
    size = f" ({octets(rise.octets)})" if rise.octets >= 1000 and rise.signal != "deferred" else ""
    return _plural(rise.signal, round(rise.n - rise.usual)) + size


SHORT = "The log is too short to tell what is usual."
NOTHING = "Nothing unusual: no stretch of the log stands out from the rest."


def text(found: Counts, zone: str) -> list[str]:
    """What stands out in lines of text, or that nothing does."""
    all_found = findings(found)
    if all_found is None:
        return [SHORT]
    if not all_found:
        return [NOTHING]
    return [line for finding in all_found for line in _indented(lines(finding, zone))]


def _indented(said: Iterable[str]) -> list[str]:
    return [line if not at else f"  {line}" for at, line in enumerate(said)]


def answer(log: Log) -> str:
    """What stands out, in a sentence or two each.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))
    'The log is too short to tell what is usual.'
    """
    zone = clock.zone(log.columns("sources", "tz_assumed"))
    found: list[Finding] | None = findings(counts(log))
    if not found:
        return SHORT if found is None else NOTHING
    return " ".join(f"{said[0]} {said[1]} {said[-1]}" for said in (lines(each, zone) for each in found))


def series(log: Log) -> pd.DataFrame:
    """What was counted in each interval of time, and whether that stands out.

    Returns
    -------
    DataFrame
        ``time`` (the interval's begin, UTC), ``what`` (in the order of ``SIGNALS``), ``count``, ``unusual`` (flag),
        ``reading`` and ``begin`` (of the finding it belongs to; else missing). Empty where the log is too short.

    Examples
    --------
    >>> import spamlab
    >>> len(series(spamlab.read("data/exchange55-appendix-a.log")))
    0
    """
    found = counts(log)
    steps = _steps(found)
    if steps is None:
        return pd.DataFrame({"time": [], "what": [], "count": [], "unusual": [], "reading": [], "begin": []})
    shown = []
    stand = [(rise, finding) for finding in findings(found) or [] for rise in finding.rises]
    for signal in (name for name in SIGNALS if name in steps.wide and steps.wide[name].any()):
        row = pd.DataFrame({"time": steps.wide.index, "what": many(signal), "count": steps.wide[signal].to_numpy()})
        end = row["time"] + steps.each * pd.Timedelta(_STEP)
        row["unusual"], row["reading"] = False, pd.Series(None, row.index, dtype="str")
        row["begin"] = pd.Series(pd.NaT, row.index, dtype=row["time"].dtype)
        for rise, finding in stand:
            if rise.signal == signal:
                row["unusual"] = (end > rise.begin) & (row["time"] < rise.end)
                row["reading"] = row["reading"].mask(row["unusual"], reading(finding))
                row["begin"] = row["begin"].mask(row["unusual"], finding.begin)
        shown.append(row)
    return pd.concat(shown, ignore_index=True)


def told(found: Counts) -> list[dict[str, Any]]:
    """What stands out, for programs: plain numbers and texts, times in ISO 8601, UTC."""
    return [
        {
            "reading": reading(finding),
            "first": finding.begin.isoformat(),
            "last": finding.end.isoformat(),
            "lasts": finding.lasts,
            "rises": [
                {
                    "what": rise.signal,
                    "count": rise.n,
                    "usual": round(rise.usual, 1),
                    "octets": round(rise.octets),
                    "who": {by: {str(k): round(float(v), 3) for k, v in told.items()} for by, told in rise.who.items()},
                }
                for rise in finding.rises
            ],
        }
        for finding in findings(found) or []
    ]


def said(log: Log) -> str:
    """What stands out, each finding in a few lines: ``text`` of a log, in the zone in which its times are shown.

    Examples
    --------
    >>> import spamlab
    >>> said(spamlab.read("data/exchange55-appendix-a.log"))
    'The log is too short to tell what is usual.'
    """
    return "\n".join(text(counts(log), clock.zone(log.columns("sources", "tz_assumed"))))
