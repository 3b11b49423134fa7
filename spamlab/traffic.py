"""Traffic: how much mail came, went, waited and was refused; by time, host, domain, address and reason.

Every table counts a message once, however many queues of the log it went through; ``hops=True`` counts every hop.
Times are in the log's own zone (the one its reading assumed; UTC where the log states one) unless ``zone`` names one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from spamlab import messages, partwise
from spamlab.words import count, octets, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

T = TypeVar("T")

STATES = ("received", "delivered", "accepted", "deferred", "bounced", "expired", "rejected", "discarded")
TAKEN = ["delivered", "accepted"]
FAILED = ["rejected", "bounced", "deferred", "expired"]
QUANTILES = {"median": 0.5, "p95": 0.95, "p99": 0.99}
PARTS = ("before_queue", "in_queue", "connect", "transmit")
SAYS = {"received": "came in", "deferred": "put off", "bounced": "failed for good", "expired": "given up",
        "rejected": "refused", "discarded": "thrown away", "probed": "only asked about",
        "empty": "no recipient"}  # fmt: skip
"""The states in an admin's words, where they are others."""

_WIDTHS = ("1s", "2s", "5s", "10s", "30s", "1min", "2min", "5min", "10min", "30min", "1h", "2h", "3h", "6h", "12h",
           "1D", "7D", "30D")  # fmt: skip


@partwise.partwise(partwise.below)
def flow(log: Log, hops: bool = False) -> pd.DataFrame:
    """``messages.flow`` with the two sides told apart: ``client`` handed mail to this server, ``relay`` took it."""
    rows = messages.flow(log, hops)
    session = rows["transaction"].map(
        log.columns("transactions", "transaction", "session").set_index("transaction")["session"]
    )
    out = session.map(log.columns("sessions", "session", "role").set_index("session")["role"]).eq("client")
    client, relay = rows["client"].astype("str"), rows["relay"].astype("str").str.rstrip(".")
    rows["relay"] = relay.where(relay.ne("none")).fillna(client.where(out))
    rows["client"] = client.mask(out)
    return rows


def _part(part: Log, hops: bool) -> pd.DataFrame:
    """What is kept of a part's ``flow``: texts only where they tell why something failed."""
    rows = flow(part, hops)
    return rows.assign(reply=rows["reply"].where(rows["what"].isin(FAILED)))


def _of(log: Log, hops: bool, function: Callable[[pd.DataFrame], T], merge: Callable[[list[T]], T], *columns: str) -> T:
    """What a function gives for ``flow``, of a large log for that of each part, and merged."""
    held = partwise.kept(log, _part, hops)
    return function(flow(log, hops)) if held is None else merge([function(rows) for rows in held.frames(*columns)])


COUNTED = ("what", "octets")


def _tallied(log: Log, key: str, hops: bool) -> pd.DataFrame:
    return _of(log, hops, partial(tally, key=key), partwise.added, key, *COUNTED)


def tally(rows: pd.DataFrame, key: Any) -> pd.DataFrame:
    """Count rows of ``messages.flow`` by state, and the octets received and delivered.

    Parameters
    ----------
    rows
        Of ``messages.flow``.
    key
        A column's name, or a Series of the same index.

    Returns
    -------
    DataFrame
        Index: the key's values; a column for each of ``STATES`` (int64), ``octets_received`` and
        ``octets_delivered`` (int64).

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> int(tally(messages.flow(log), "client")["rejected"].sum())
    8
    """
    group = rows[key] if isinstance(key, str) else key
    counts = rows.groupby([group, rows["what"]]).size().unstack(fill_value=0).reindex(columns=STATES, fill_value=0)
    for state in ("received", "delivered"):
        size = rows["octets"].where(rows["what"].eq(state)).astype("float64")
        counts[f"octets_{state}"] = size.groupby(group).sum().reindex(counts.index).fillna(0).astype("int64")
    counts.columns.name = None
    return counts


def by_time(log: Log, every: str | None = None, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by equal intervals of time, empty ones included.

    Parameters
    ----------
    every
        A pandas frequency: ``h`` (an hour), ``D`` (a day in ``zone``), ``5min``, …; by default a round one that
        makes at most a hundred intervals of the log.
    zone
        Zone of the intervals' edges (an IANA name).

    Returns
    -------
    DataFrame
        As of ``tally``; index: the intervals' beginnings, in ``zone``.

    Examples
    --------
    >>> import spamlab
    >>> by_time(spamlab.read("data/exchange55-appendix-a.log"))["rejected"].head(4).tolist()
    [1, 0, 1, 0]
    """
    zone = zone or _zone(log)
    first, last = _of(log, hops, partial(_ends, zone=zone), _outer, "time")
    span = last - first if pd.notna(first) else pd.Timedelta(0)
    if every is None:
        every = next((width for width in _WIDTHS if span < 99 * pd.Timedelta(width)), f"{span.days // 98 + 1}D")
    counts = _of(log, hops, partial(_in_time, every=every, zone=zone), partwise.added, "time", *COUNTED)
    if len(counts):
        edges = pd.date_range(first.floor(every), last.floor(every), freq=every)
        edges = edges.tz_localize(zone, ambiguous=np.ones(len(edges), bool), nonexistent="NaT").dropna()
        counts = counts.reindex(edges.union(pd.DatetimeIndex(counts.index)), fill_value=0)
    return counts.rename_axis("time")


def _ends(rows: pd.DataFrame, zone: str) -> tuple[Any, Any]:
    clock = rows["time"].dt.tz_convert(zone).dt.tz_localize(None)
    return clock.min(), clock.max()


def _outer(ends: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    first, last = (pd.Series(end) for end in zip(*ends, strict=True))
    return first.min(), last.max()


def _in_time(rows: pd.DataFrame, every: str, zone: str) -> pd.DataFrame:
    rows = rows.dropna(subset="time")
    local = rows["time"].dt.tz_convert(zone)
    clock = local.dt.tz_localize(None)
    floor = clock.dt.floor(every)
    # The hour that a clock passes twice stays two; one that it skips does not occur.
    begin = floor.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").fillna(local - (clock - floor))
    return tally(rows, begin)


def _zone(log: Log) -> str:
    assumed = log.columns("sources", "tz_assumed")["tz_assumed"].dropna().unique()
    return str(assumed[0]) if len(assumed) == 1 else "UTC"


def by_hour(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail hour by hour: see ``by_time``.

    Examples
    --------
    >>> import spamlab
    >>> by_hour(spamlab.read("data/exchange55-appendix-a.log"))["rejected"].tolist()
    [8]
    """
    return by_time(log, "h", zone, hops)


def by_day(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail day by day: see ``by_time``."""
    return by_time(log, "D", zone, hops)


def by_hour_of_day(log: Log, zone: str | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by hour of the day (0–23 in ``zone``), all days together: as of ``tally``."""
    counts = _of(log, hops, partial(_in_day, zone=zone or _zone(log)), partwise.added, "time", *COUNTED)
    return counts.reindex(pd.RangeIndex(24, name="hour"), fill_value=0)


def _in_day(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    rows = rows.dropna(subset="time")
    return tally(rows, rows["time"].dt.tz_convert(zone).dt.hour)


def _ranked(counts: pd.DataFrame, by: list[str], most: int | None) -> pd.DataFrame:
    """The rows with most of some columns together; ties by what was taken, by all attempts, by name."""
    keys = {"by": by, "taken": TAKEN, "all": STATES}
    sums = {key: counts.filter(items=list(columns)).sum(axis=1) for key, columns in keys.items()}
    order = pd.DataFrame(sums).sort_index()
    ranked = counts.loc[order.sort_values(list(keys), ascending=False, kind="stable").index]
    return ranked if most is None else ranked.head(most)


def by_host(log: Log, n: int | None = None, hops: bool = False, by: str = "client") -> pd.DataFrame:
    """Mail by host, the one with most mail first: as of ``tally``.

    Parameters
    ----------
    n
        So many hosts; by default all.
    by
        ``client`` (the host mail came from) or ``relay`` (the one it was handed to, by name where the log has it).
    """
    counts = _tallied(log, by, hops)
    if by == "client":
        return _ranked(counts, ["received"], n)
    return _ranked(counts.drop(columns=["received", "octets_received"]), TAKEN, n)


def by_domain(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by the recipients' domain, the one with most attempts first: as of ``tally``, without ``received``."""
    counts = _of(log, hops, _to_domains, partwise.added, "recipient", *COUNTED)
    return _ranked(counts.drop(columns=["received", "octets_received"]), list(STATES[1:]), n)


def _to_domains(rows: pd.DataFrame) -> pd.DataFrame:
    return tally(rows, _domain(rows["recipient"]))


def _domain(address: pd.Series) -> pd.Series:
    return (
        address.str.replace(r"[\s\S]*@", "", regex=True).str.lower().rename("domain").where(address.str.contains("@"))
    )


def top_senders(log: Log, n: int | None = 10, by: str = "received", hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail came from; the null reverse-path is ``<>``.

    ``by``: a column of ``tally``, such as ``received`` or ``octets_received``.
    """
    return _ranked(_of(log, hops, _from_senders, partwise.added, "sender", *COUNTED), [by], n)


def _from_senders(rows: pd.DataFrame) -> pd.DataFrame:
    return tally(rows, rows["sender"].replace("", "<>"))


def top_recipients(log: Log, n: int | None = 10, by: str | None = None, hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail went to. ``by``: a column of ``tally``; by default ``TAKEN``."""
    counts = _tallied(log, "recipient", hops).drop(columns=["received", "octets_received"])
    return _ranked(counts, [by] if by else TAKEN, n)


# In order: a reply code is no reason, and what follows after "; from=<…>" is not either.
_VARIABLE = (
    (r"^\S+: [\w-]*reject: \w+ from \S+: ", ""),
    (r"(?m)(^|said: )\d{3}[ -]", r"\1"),
    (r"(?m)(^|said: )\d\.\d{1,3}\.\d{1,3} ", r"\1"),
    (r"; from=<.*", ""),
    (r'<(?:"[^"]*"|[^<>"])*>|<[^<>]*>', "<…>"),
    (r"https?://[^\s;,)]+", "…"),
    (r"[\w.+=~-]+@[\w.-]+", "…"),
    (r"\[?(?:\d{1,3}\.){3}\d{1,3}\]?(?::\d+)?|\[?(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}\]?", "…"),
    (r"\b(?:[\w-]+\.)+(?:[a-z]{2,}|[A-Z]{2,})\b(?!\.\w)", "…"),
    (r"\b(?=\w*\d)\w{6,}\b", "…"),
    (r"\d+", "…"),
    (r"(?:…[\s:,.-]*)+…", "…"),
    (r"\s+", " "),
)


def pattern(text: pd.Series) -> pd.Series:
    """Texts without codes and variable parts: addresses, hosts, links, ids and numbers become ``…``.

    Examples
    --------
    >>> pattern(pd.Series(["550 5.1.1 <ann@example.com>: unknown, see https://x.example/7"])).item()
    '<…>: unknown, see …'
    """
    known = pd.Series(text.dropna().unique(), dtype="str")
    bare = known
    for what, put in _VARIABLE:
        bare = bare.str.replace(what, put, regex=True)
    return text.map(dict(zip(known, bare.str.strip(), strict=True))).astype("str").where(text.notna())


def reasons(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Why mail was refused, bounced, put off or given up: texts of one pattern and code are one reason.

    Returns
    -------
    DataFrame
        The commonest first: ``status``, ``enhanced_code`` (empty if none is logged), ``code`` (Int64), ``reason`` (see
        ``pattern``; empty if none is logged), ``count`` (int64), ``first``, ``last`` (UTC), ``example`` (a whole text).

    Examples
    --------
    >>> import spamlab
    >>> reasons(spamlab.read("data/exchange55-appendix-a.log"))[["status", "code", "count"]].values.tolist()
    [['rejected', 550, 8]]
    """
    found = _of(log, hops, _why, _whys, "time", "what", "code", "enhanced_code", "reply")
    return _ranked(found, ["count"], n).reset_index(drop=True)


_REASON = ["status", "enhanced_code", "code", "reason"]


def _why(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["what"].isin(FAILED)].rename(columns={"what": "status"})
    rows = rows.assign(
        reason=pattern(rows["reply"]).fillna(""), enhanced_code=rows["enhanced_code"].astype("str").fillna("")
    )
    return rows.groupby(_REASON, as_index=False, dropna=False).agg(
        count=("status", "size"), first=("time", "min"), last=("time", "max"), example=("reply", "first")
    )


def _whys(found: list[pd.DataFrame]) -> pd.DataFrame:
    return (
        partwise.below(found)
        .groupby(_REASON, as_index=False, dropna=False)
        .agg(count=("count", "sum"), first=("first", "min"), last=("last", "max"), example=("example", "first"))
    )


def spoken(reasons: pd.DataFrame) -> pd.Series:
    """Each reason in a line: the enhanced code, else the reply code, and the text."""
    code = reasons["enhanced_code"].where(reasons["enhanced_code"].ne(""), reasons["code"].astype("str").fillna(""))
    return (code + " " + reasons["reason"].replace("", "(no text logged)")).str.strip()


def _quantiles(took: pd.Series, group: pd.Series) -> pd.DataFrame:
    each = took.groupby(group, observed=True)
    return pd.DataFrame({"n": each.size(), **{q: each.quantile(at) for q, at in QUANTILES.items()}})


def delays(log: Log, by: str = "domain", n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """How long deliveries took, by destination.

    Parameters
    ----------
    by
        ``domain`` (of the recipient) or ``relay`` (the host it was handed to).

    Returns
    -------
    DataFrame
        Index: the destination, the one with most deliveries first. ``n`` deliveries (int64); ``median``, ``p95``,
        ``p99`` of the delay from arrival to the delivery's end; the medians of its parts ``before_queue``,
        ``in_queue``, ``connect``, ``transmit`` (all s; missing where the log does not state them).
    """
    took = [f"delay_{part}" for part in PARTS]
    rows = _of(log, hops, partial(_took, by=by), partwise.below, "recipient", "relay", "what", "delay", *took)
    group = rows[by]
    found = _quantiles(rows["delay"], group)
    for part in PARTS:
        found[part] = rows[f"delay_{part}"].groupby(group, observed=True).median()
    return _ranked(found.set_axis(found.index.astype("str")), ["n"], n)


def _took(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    rows = rows[rows["what"].eq("delivered") & rows["delay"].notna()]
    group = _domain(rows["recipient"]) if by == "domain" else rows[by]
    took = rows[["delay", *(f"delay_{part}" for part in PARTS)]]
    return took.assign(**{by: group.astype("category")})


def delay_parts(log: Log, hops: bool = False) -> pd.DataFrame:
    """Where deliveries spent their time: as of ``delays``, index the parts (those the log states) in their order."""
    rows = _of(log, hops, _took_parts, partwise.below, "what", *(f"delay_{part}" for part in PARTS))
    found = []
    for part in PARTS:
        took = rows[part].dropna()
        found.append(_quantiles(took, pd.Series(part, took.index, dtype="category", name="part")))
    whole = pd.concat(found)
    return whole.set_axis(pd.Index(whole.index.astype("str"), name="part"))


def _took_parts(rows: pd.DataFrame) -> pd.DataFrame:
    took = rows.loc[rows["what"].eq("delivered"), [f"delay_{part}" for part in PARTS]]
    return took.set_axis(list(PARTS), axis=1)


@partwise.partwise(partwise.rows())
def queue_times(log: Log, hops: bool = False) -> pd.DataFrame:
    """How long each message was in the server's hands.

    Returns
    -------
    DataFrame
        Index ``transaction`` (a message's first); ``seconds`` from its first to its last logged event (float);
        ``outcome`` (of its last transaction).
    """
    mail = log.columns("transactions", "transaction", "start", "end", "queue_id", "outcome")
    mail = mail[mail["queue_id"].notna()].drop(columns="queue_id").astype({"outcome": "str"})
    if not hops:
        mail = mail.assign(transaction=mail["transaction"].map(messages.first_hop(log)))
    each = mail.sort_values("end", kind="stable").groupby("transaction")
    lasted = (each["end"].max() - each["start"].min()).dt.total_seconds()
    return pd.DataFrame({"seconds": lasted, "outcome": each["outcome"].last()})


def waits(log: Log, hops: bool = False) -> pd.DataFrame:
    """``queue_times`` by outcome: ``n``, ``median``, ``p95``, ``p99`` (s), the commonest outcome first."""
    took = queue_times(log, hops)
    return _ranked(_quantiles(took["seconds"], took["outcome"]), ["n"], None)


def clients(log: Log, n: int | None = None) -> pd.DataFrame:
    """Connections by client, the one with most first.

    Returns
    -------
    DataFrame
        Index ``client`` (name or address): ``connections``, ``transactions``, ``commands``, ``resets``, ``dropped``
        (ended otherwise than by QUIT), ``authenticated`` (all int64), ``first``, ``last`` (UTC).
    """
    sums, times = _clients(log)
    return _ranked(sums.join(times), ["connections"], n)


def _earliest(found: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(found).groupby(level=0).agg({"first": "min", "last": "max"})


@partwise.partwise(partwise.pairs(partwise.added, _earliest))
def _clients(log: Log) -> tuple[pd.DataFrame, pd.DataFrame]:
    counted = ["transactions", "commands", "resets", "authenticated"]
    served = log.columns("sessions", "role", "peer_ip", "peer_host", "start", "end", "ended", *counted)
    served = served[served["role"].eq("server")]
    group = served["peer_host"].fillna(served["peer_ip"]).rename("client")
    found = served.assign(dropped=served["ended"].notna() & ~served["ended"].isin(["quit", "cut"])).groupby(group)
    sums = found[["transactions", "commands", "resets", "dropped", "authenticated"]].sum().astype("int64")
    sums.insert(0, "connections", found.size())
    return sums, pd.DataFrame({"first": found["start"].min(), "last": found["end"].max()})


def answer(log: Log) -> str:
    """Say how much mail came and went, what mostly stood in its way, and what the log does not tell.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))  # doctest: +ELLIPSIS
    'Of 8 attempts to hand mail to a recipient: 8 (100%) refused...
    """
    number, size, slow = _of(log, False, _sums, _summed, "what", "octets", "delay")
    came, fates = int(number.get("received", 0)), number.drop("received", errors="ignore")
    said = f"{count(came, 'message')} came in{f' ({octets(size)})' if size else ''}" if came else ""
    if len(fates):
        said += ("; of " if said else "Of ") + count(int(fates.sum()), "attempt") + " to hand mail to a recipient: "
        said += ", ".join(f"{n:,} ({share(n / fates.sum())}) {SAYS.get(str(what), what)}" for what, n in fates.items())
    said = said + "." if said else "This log holds no mail: nothing was received, delivered or refused."
    why = reasons(log, 1)
    if len(why):
        said += f" The commonest obstacle, {count(why['count'].iloc[0], 'time')}: "
        said += f"{spoken(why).iloc[0]}."
    if len(slow):
        half, most = (seconds(float(slow.quantile(q))) for q in (0.5, 0.95))
        said += f" Half of the deliveries took at most {half}, 5% over {most}."
    absent = {"mail that came in": came, "deliveries": number.reindex(TAKEN).sum(), "delivery times": len(slow),
              "connections to this server": _served(log)}  # fmt: skip
    lacks = [what for what, there in absent.items() if not there]
    return said + (f" Not in this log: {', '.join(lacks)}." if lacks else "")


def _sums(rows: pd.DataFrame) -> tuple[pd.Series, float, pd.Series]:
    size = float(rows.loc[rows["what"].eq("received"), "octets"].sum())
    slow = rows.loc[rows["what"].eq("delivered"), "delay"].dropna().astype(float)
    return rows["what"].value_counts(), size, slow


def _summed(found: list[tuple[pd.Series, float, pd.Series]]) -> tuple[pd.Series, float, pd.Series]:
    numbers, sizes, slow = (list(each) for each in zip(*found, strict=True))
    number: pd.Series = (
        pd.concat(numbers).groupby(level=0, sort=False).sum().sort_values(ascending=False, kind="stable")
    )
    return number, sum(sizes), pd.concat(slow, ignore_index=True)


@partwise.partwise(any)
def _served(log: Log) -> bool:
    return bool(log.columns("sessions", "role")["role"].eq("server").any())


def share(part: float) -> str:
    """A share in whole percent; under half a percent it is not nothing.

    >>> share(0.5), share(0.001)
    ('50%', '<1%')
    """
    return f"{part:.0%}" if part >= 0.005 or part == 0 else "<1%"
