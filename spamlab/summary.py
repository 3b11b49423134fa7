"""Totals of a log: for programs (``totals``), for a tired admin (``text``), in one sentence (``answer``)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import backscatter, clock, loops, messages, partwise, unusual
from spamlab.safe import printable, shorten
from spamlab.traffic import why
from spamlab.words import count as counted
from spamlab.words import lasting, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log


def totals(log: Log, hops: bool = False) -> dict[str, Any]:
    """Count what a log holds, each message once.

    Parameters
    ----------
    log
        The log.
    hops
        Count a message again at every hop (content filter, next server), as pflogsumm does.

    Returns
    -------
    dict
        Plain numbers and texts, fit for JSON; times are ISO 8601 in UTC or ``None``. ``received`` counts
        messages that arrived (reports the server made itself are not among them), ``delivered``,
        ``deferrals``, ``bounced``, ``expired`` and ``discarded`` recipients, ``deferred`` messages with a
        deferral, ``rejected`` refusals in the dialogue, ``ndrs`` notices to senders; sizes are in octets.

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> totals(log)["rset_loops"], totals(log)["null_sender_transactions"]
    (1, 8)
    """
    return _summed(log, hops).totals()


class Summary:
    """The totals of a log from part after part (see ``stream``).

    Without ``who`` it only counts when something happened: ``unusual.suspects`` tells whether to look at who made it.

    Examples
    --------
    >>> from spamlab import stream
    >>> summary = Summary()
    >>> for part in stream.parts("data/exchange55-appendix-a.log"):
    ...     summary = summary.add(part)
    >>> summary.totals()["sessions"]
    2
    """

    def __init__(self, hops: bool = False, who: bool = True) -> None:
        self._hops, self._who = hops, who
        self._counts: dict[str, int] = {}
        self._times: list[Any] = []
        self._sources: list[pd.DataFrame] = []
        self._tops: dict[str, list[pd.Series]] = {}
        self.unusual = unusual.Counts()

    def add(self, log: Log) -> Summary:
        """Take in a part: sessions and messages that are whole."""
        for name, n in _counts(log, self._hops).items():
            self._counts[name] = self._counts.get(name, 0) + n
        self._times += ends(log)
        self._sources.append(log.sources)
        self.unusual.add(log, self._who)
        for title, values in _shown(log).items():
            self._hold(title, [values.dropna().astype("str").value_counts()])
        return self

    def merge(self, other: Summary) -> Summary:
        """Take in what was counted in another part of the same log."""
        for name, n in other._counts.items():
            self._counts[name] = self._counts.get(name, 0) + n
        self._times += other._times
        self.unusual.merge(other.unusual)
        told = pd.concat([*self._sources, *other._sources])  # parts can know of the same sources
        self._sources = [told.drop_duplicates("source", ignore_index=True)]
        for title, held in other._tops.items():
            self._hold(title, held)
        return self

    def _hold(self, title: str, counts: list[pd.Series]) -> None:
        held = self._tops.setdefault(title, [])
        held += counts
        if sum(map(len, held)) > MOST:  # of the rarest some are forgotten: they come near no top
            held[:] = [_largest(_added(held), MOST // 4)]

    @property
    def sources(self) -> pd.DataFrame:
        """The table ``sources`` of all parts."""
        some = [each for each in self._sources if len(each)]
        return pd.concat(some, ignore_index=True) if some else self._sources[0]

    @property
    def span(self) -> tuple[Any, Any]:
        """The earliest and the latest time (NaT: none)."""
        times = pd.Series(self._times, dtype="datetime64[us, UTC]")
        return times.min(), times.max()

    def totals(self) -> dict[str, Any]:
        """See the function ``totals``."""
        first, last = map(_iso, self.span)
        formats = ", ".join(dict.fromkeys(self.sources["format"].astype("str"))) or "no format"
        read = {"files": len(self.sources)}
        read |= {name: int(self.sources[name].sum()) for name in ("lines", "unparsed_lines")}
        return {"format": formats, **read, **self._counts, "first": first, "last": last}

    def text(self, top: int = 5, zone: str | None = None) -> str:
        """See the function ``text``."""
        count = self.totals()
        files, lines = counted(count["files"], "file"), counted(count["lines"], "line")
        unread = int(self.sources["format"].eq("unknown").sum())
        files += f" ({unread:,} not read)" if unread else ""
        formats = ", ".join(name for name in count["format"].split(", ") if name != "unknown")
        head = [f"{formats}, {files}, {lines}, {_span(*self.span, clock.zone(self.sources, zone))}"]
        if unparsed := count["unparsed_lines"]:
            head.append(f"{unparsed:,} of the lines could not be read: see the table `unparsed`.")
        if assumed := _assumptions(self.sources):
            head.append(f"Assumed, since the log does not say: {'; '.join(assumed)}.")
        head += ["", *unusual.text(self.unusual, clock.zone(self.sources, zone))]
        left, right = GROUPS["Messages"], GROUPS["Log"][2:] + GROUPS["Notices and spam"]
        rows = [
            f"  {label(a):18}{count[a]:>12,}     {label(b):18}{count[b]:>12,}" for a, b in zip(left, right, strict=True)
        ]
        sizes = ("octets_received", "octets_delivered")
        rows.append("  " + "     ".join(f"{label(n):18}{octets(count[n]):>12}" for n in sizes))
        tops = {title: _added(held) for title, held in self._tops.items()}
        tops[WHY] = _reasons(tops[WHY])
        lists = [line for title, values in tops.items() for line in _top(title, values, top)]
        return "\n".join([*head, "", *rows, *lists])


def _merged(found: list[Summary]) -> Summary:
    return functools.reduce(Summary.merge, found)


@partwise.partwise(_merged)
def _summed(log: Log, hops: bool) -> Summary:
    return Summary(hops).add(log)


MOST = 400_000
"""Values that are held for a top list before they are counted together."""


WHY = "Why (attempts)"


def _added(counts: list[pd.Series]) -> pd.Series:
    total: pd.Series = pd.concat(counts).groupby(level=0).sum()
    return total


def _shown(log: Log) -> dict[str, pd.Series]:
    """What the commonest values are shown of, by title."""
    tried = log.columns("recipients", "status", "forward_path", "code", "enhanced_code", "reply")
    refused = tried[tried["status"].isin(["rejected", "bounced", "deferred", "expired"])]
    peers = log.columns("sessions", "peer_host", "peer_ip")
    return {
        "Peers (sessions)": peers["peer_host"].fillna(peers["peer_ip"]),
        "Senders (transactions)": log.columns("transactions", "reverse_path")["reverse_path"].replace("", "<>"),
        "Recipients refused, put off or failed (attempts)": refused["forward_path"],
        WHY: why.told(refused),
    }


def _reasons(counts: pd.Series) -> pd.Series:
    """The same counts by code and by what remains of a text without what varies."""
    return counts.groupby(why.reason(pd.Series(counts.index, dtype="str")).to_numpy()).sum()


def _counts(log: Log, hops: bool) -> dict[str, int]:
    transactions = log.columns("transactions", "transaction", "null_sender", "size", "report")
    recipients = log.columns("recipients", "transaction", "status", "requeued_as")
    message = messages.first_hop(log)
    size = transactions.set_index("transaction")["size"].astype("float64")

    def number(ids: pd.Series) -> int:
        """How many messages these transactions are; rows without a transaction stand for themselves."""
        known = ids.dropna().astype("int64")
        return int((known if hops else known.map(message)).nunique() + ids.isna().sum())

    received = messages.arrivals(log)
    once = received.drop_duplicates() if hops else received[~received.map(message).duplicated()]
    went_on = recipients["requeued_as"].notna() & (not hops)
    delivered = recipients[(recipients["status"] == "delivered") & ~went_on]
    deferred = recipients[recipients["status"] == "deferred"]
    status = recipients["status"].value_counts()
    found = loops.find(log)
    return {
        "events": log.count("events"),
        "sessions": log.count("sessions"),
        "transactions": len(transactions),
        "recipients": len(recipients),
        "null_sender_transactions": int(transactions["null_sender"].sum()),
        "rset_loops": int(found["unit"].astype("str").str.contains("RSET").sum()),
        "received": number(received),
        "delivered": len(delivered),
        "deferrals": len(deferred),
        "deferred": number(deferred["transaction"]),
        "bounced": int(status.get("bounced", 0)),
        "expired": int(status.get("expired", 0)),
        "discarded": int(status.get("discarded", 0)),
        "rejected": _rejected(log),
        "ndrs": number(pd.Series(backscatter.ndrs(log).index, dtype="Int64")),
        "postmaster_notices": number(transactions.loc[transactions["report"] == "postmaster", "transaction"]),
        "octets_received": int(once.map(size).sum()),
        "octets_delivered": int(delivered["transaction"].map(size).sum()),
    }


def _rejected(log: Log) -> int:
    """Refusals: events of kind reject; in a dialogue 4xx and 5xx to MAIL, RCPT and DATA."""
    events = log.columns("events", "transaction", "repeats", *messages.SPOKEN)
    events = events[~events["echo"]]
    count = int(events.loc[events["kind"] == "reject", "repeats"].sum())
    asked = events[events["verb"].isin(["MAIL", "RCPT", "DATA"]) & events["kind"].eq("command")]
    whole = events[
        events["kind"].eq("exchange") & (events["verb"].isin(["MAIL", "RCPT", "DATA"]) | events["verb"].isna())
    ]
    codes = [messages.answered(log).reindex(asked.index), messages.verdicts(events), whole["code"]]
    return count + sum(int(code.between(400, 599).sum()) for code in codes)


def _iso(time: Any) -> str | None:
    return None if pd.isna(time) else str(time.isoformat())


# -- for people --------------------------------------------------------------------------------------------

GROUPS: dict[str, tuple[str, ...]] = {
    "Log": ("lines", "unparsed_lines", "events", "sessions", "transactions", "recipients"),
    "Messages": ("received", "delivered", "deferrals", "deferred", "bounced", "expired", "discarded", "rejected"),
    "Notices and spam": ("null_sender_transactions", "rset_loops", "ndrs", "postmaster_notices"),
}
"""The totals that people are shown, by what they are about."""

_LABELS = {
    "deferred": "messages deferred",
    "null_sender_transactions": "with null sender",
    "rset_loops": "RSET loops",
    "ndrs": "NDRs",
}


def label(key: str) -> str:
    """Name a total for people."""
    return _LABELS.get(key, key.replace("_", " "))


def text(log: Log, hops: bool = False, top: int = 5, zone: str | None = None) -> str:
    """Return one screen: totals, and the most frequent peers, senders and refusals; times in a zone (see ``clock``).

    Examples
    --------
    >>> import spamlab
    >>> print(text(spamlab.read("data/exchange55-appendix-a.log")))  # doctest: +ELLIPSIS
    exchange55, 1 file, ...
    """
    return _summed(log, hops).text(top, zone)


def _top(title: str, counts: pd.Series, most: int) -> list[str]:
    shown = counts.rename(lambda value: value.replace("\n", " ")).groupby(level=0).sum()
    rows = [f"  {n:>8,}  {shorten(printable(name), 88)}" for name, n in _largest(shown, most).items()]
    return ["", title, *rows] if rows else []


def _largest(counts: pd.Series, most: int) -> pd.Series:
    return counts.sort_index().sort_values(ascending=False, kind="stable").head(most)


def commonest(values: pd.Series, most: int) -> pd.Series:
    """How often each of the commonest values of a text column occurs; ties in order of the text."""
    return _largest(values.dropna().astype("str").value_counts(), most)


def answer(log: Log) -> str:
    """Say in one sentence what the log holds and how long it lasts.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))  # doctest: +ELLIPSIS
    'The log spans 64 s, ...
    """
    first, last = ends(log)
    held = ", ".join(counted(log.count(f"{name}s"), name) for name in ("event", "session", "transaction"))
    if null := _null(log):
        held += f" ({null:,} with the null sender)"
    if not log.count("events"):
        return "This log holds no event."
    if pd.isna(first):
        return f"The log states no times; it holds {held}."
    lasted = _lasted(log)
    if len(lasted) == 1:
        said = f"its one complete session takes {lasting(lasted.iloc[0])}"
    elif len(lasted):
        said = f"its {len(lasted):,} complete sessions take {lasting(lasted.median())} each (median)"
    else:
        said = "no session in it is complete"
    return f"The log spans {lasting((last - first).total_seconds())}, {said}; it holds {held}."


def _outer(found: list[list[Any]]) -> list[Any]:
    first, last = (pd.Series(list(each), dtype="datetime64[us, UTC]") for each in zip(*found, strict=True))
    return [first.min(), last.max()]


@partwise.partwise(_outer)
def ends(log: Log) -> list[Any]:
    """The earliest and the latest time of an event (NaT: none)."""
    time = log.columns("events", "time")["time"]
    return [time.min(), time.max()]


@partwise.partwise(sum)
def _null(log: Log) -> int:
    return int(log.columns("transactions", "null_sender")["null_sender"].sum())


@partwise.partwise(partwise.series)
def _lasted(log: Log) -> pd.Series:
    whole = complete(
        log.columns("events", "session", "kind"), log.columns("sessions", "session", "start", "end", "ended")
    )
    return (whole["end"] - whole["start"]).dt.total_seconds().set_axis(whole["session"])


def lengths(log: Log) -> pd.DataFrame:
    """How long the log and each of its complete sessions lasted: ``what``, ``seconds``; empty without times.

    Examples
    --------
    >>> import spamlab
    >>> lengths(spamlab.read("data/exchange55-appendix-a.log")).values.tolist()
    [['log', 64.0], ['complete session', 26.0]]
    """
    first, last = ends(log)
    took = _lasted(log).dropna() if pd.notna(first) else pd.Series(dtype="float64")
    span = [(last - first).total_seconds()] if pd.notna(first) else []
    words = pd.Index(["log", "complete session"], dtype="str")
    what = pd.Categorical.from_codes(np.repeat([0, 1], [len(span), len(took)]), words)
    return pd.DataFrame({"what": what, "seconds": [*span, *took]})


def complete(events: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Choose the sessions logged from their first event, the connection, to their QUIT."""
    begun = events.loc[events["kind"] == "connect", "session"].dropna()
    return sessions[sessions["session"].isin(begun) & (sessions["ended"] == "quit")]


def assumptions(log: Log) -> list[str]:
    """What reading had to assume, since the log does not say it: zone, year, order of day and month."""
    return _assumptions(log.sources)


def _assumptions(sources: pd.DataFrame) -> list[str]:
    zone, year, dayfirst = (sources[f"{name}_assumed"].dropna().unique() for name in ("tz", "year", "dayfirst"))
    said = []
    if len(zone):
        said.append(f"time zone {' and '.join(map(str, zone))}")
    if len(year):
        said.append(f"year {' or '.join(map(str, year))}")
    said += [f"{'day' if first else 'month'} first in dates" for first in dayfirst]
    return said


def span(log: Log, zone: str | None = None) -> str:
    """From when to when, in a zone (see ``clock``), and how long: ``2003-11-11 13:59:23 to 14:00:27 UTC (64 s)``."""
    first, last = ends(log)
    return _span(first, last, clock.zone(log.sources, zone))


def _span(first: Any, last: Any, zone: str) -> str:
    if pd.isna(first):
        return "no times"
    return f"{clock.span(first, last, zone)} ({seconds((last - first).total_seconds())})"
