"""Traffic: how much mail came, went, waited and was refused; by time, host, domain, address and reason.

Every table counts a message once, however many queues of the log it went through; ``hops=True`` counts every hop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from spamlab import messages
from spamlab.words import count, seconds

if TYPE_CHECKING:
    from spamlab.log import Log

STATES = ("received", "delivered", "deferred", "bounced", "expired", "rejected", "discarded")
FAILED = ("rejected", "bounced", "deferred", "expired")
DELAYS = ("delay", "delay_before_queue", "delay_in_queue", "delay_connect", "delay_transmit")


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


def by_time(log: Log, every: str = "h", zone: str = "UTC", hops: bool = False) -> pd.DataFrame:
    """Mail by equal intervals of time, empty ones included.

    Parameters
    ----------
    every
        A pandas frequency: ``h`` (an hour), ``D`` (a day in ``zone``), ``5min``, …
    zone
        Zone of the intervals' edges (an IANA name).

    Returns
    -------
    DataFrame
        As of ``tally``; index: the intervals' beginnings, in ``zone``.
    """
    rows = messages.flow(log, hops)
    rows = rows[rows["time"].notna()]
    local = rows["time"].dt.tz_convert(zone).dt.tz_localize(None).dt.floor(every)
    counts = tally(rows, local)
    if len(counts):
        counts = counts.reindex(pd.date_range(counts.index[0], counts.index[-1], freq=every), fill_value=0)
    index = pd.DatetimeIndex(counts.index, name="time")
    return counts.set_axis(index.tz_localize(zone, ambiguous=False, nonexistent="shift_forward"))


def by_hour(log: Log, zone: str = "UTC", hops: bool = False) -> pd.DataFrame:
    """Mail hour by hour: see ``by_time``.

    Examples
    --------
    >>> import spamlab
    >>> by_hour(spamlab.read("data/exchange55-appendix-a.log"))["rejected"].tolist()
    [8]
    """
    return by_time(log, "h", zone, hops)


def by_day(log: Log, zone: str = "UTC", hops: bool = False) -> pd.DataFrame:
    """Mail day by day: see ``by_time``."""
    return by_time(log, "D", zone, hops)


def by_hour_of_day(log: Log, zone: str = "UTC", hops: bool = False) -> pd.DataFrame:
    """Mail by hour of the day (0–23 in ``zone``), all days together: as of ``tally``."""
    rows = messages.flow(log, hops)
    rows = rows[rows["time"].notna()]
    hour = rows["time"].dt.tz_convert(zone).dt.hour
    return tally(rows, hour).reindex(pd.RangeIndex(24, name="hour"), fill_value=0)


def _ranked(counts: pd.DataFrame, by: str, most: int | None) -> pd.DataFrame:
    """The rows with most of a column, ties by name."""
    ranked = counts.sort_index().sort_values(by, ascending=False, kind="stable")
    return ranked if most is None else ranked.head(most)


def by_host(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by the host it came from (the session's peer), the one with most received first: as of ``tally``."""
    counts = tally(messages.flow(log, hops), "client")
    order = counts["received"] + counts["rejected"]
    return _ranked(counts.assign(all=order), "all", n).drop(columns="all")


def by_domain(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Mail by the recipients' domain, the one with most attempts first: as of ``tally``, without ``received``."""
    rows = messages.flow(log, hops)
    counts = tally(rows, _domain(rows["recipient"])).drop(columns=["received", "octets_received"])
    order = counts[list(STATES[1:])].sum(axis=1)
    return _ranked(counts.assign(all=order), "all", n).drop(columns="all")


def _domain(address: pd.Series) -> pd.Series:
    return address.str.rsplit("@", n=1).str[-1].str.lower().rename("domain").where(address.str.contains("@"))


def top_senders(log: Log, n: int = 10, by: str = "received", hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail came from; the null reverse-path is ``<>``.

    ``by``: a column of ``tally``, such as ``received`` or ``octets_received``.
    """
    rows = messages.flow(log, hops)
    return _ranked(tally(rows, rows["sender"].replace("", "<>")), by, n)


def top_recipients(log: Log, n: int = 10, by: str = "delivered", hops: bool = False) -> pd.DataFrame:
    """The addresses that most mail went to. ``by``: a column of ``tally``, such as ``octets_delivered``."""
    counts = tally(messages.flow(log, hops), "recipient").drop(columns=["received", "octets_received"])
    return _ranked(counts, by, n)


_VARIABLE = (
    (r"<[^<>]*>", "<…>"),
    (r"https?://[^\s;,)]+", "…"),
    (r"[\w.+=~-]+@[\w.-]+", "…"),
    (r"\[?(?:\d{1,3}\.){3}\d{1,3}\]?(?::\d+)?|\[?(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}\]?", "…"),
    (r"\b(?:[\w-]+\.)+[A-Za-z]{2,}\b", "…"),
    (r"\b(?=\w*\d)\w{6,}\b", "…"),
    (r"\d+", "…"),
    (r"(?:…[\s:,.-]*)+…", "…"),
)


def pattern(text: pd.Series) -> pd.Series:
    """Texts without their variable parts: addresses, hosts, links, ids and numbers become ``…``.

    Examples
    --------
    >>> pattern(pd.Series(["550 5.1.1 <ann@example.com>: unknown, see https://x.example/7"])).item()
    '… <…>: unknown, see …'
    """
    known = pd.Series(text.dropna().unique(), dtype="str")
    bare = known
    for what, put in _VARIABLE:
        bare = bare.str.replace(what, put, regex=True)
    return text.map(dict(zip(known, bare, strict=True))).astype("str").where(text.notna())


def reasons(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Why mail was refused, bounced, put off or given up: texts of one pattern are one reason.

    Returns
    -------
    DataFrame
        The commonest first: ``status``, ``enhanced_code``, ``reason`` (see ``pattern``), ``count`` (int64),
        ``first``, ``last`` (UTC), ``example`` (a whole text).
    """
    rows = messages.flow(log, hops)
    rows = rows[rows["what"].isin(FAILED)]
    rows = rows.assign(
        reason=pattern(rows["reply"].str.replace(r"^(\d{3}[ -])?(\d\.\d+\.\d+ )?", "", regex=True)).fillna(""),
        enhanced_code=rows["enhanced_code"].astype("str").fillna(""),
    )
    found = rows.groupby(["what", "enhanced_code", "reason"], as_index=False).agg(
        count=("what", "size"), first=("time", "min"), last=("time", "max"), example=("reply", "first")
    )
    return _ranked(found.rename(columns={"what": "status"}), "count", n).reset_index(drop=True)


def delays(log: Log, by: str = "domain", n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """How long deliveries took, by destination.

    Parameters
    ----------
    by
        ``domain`` (of the recipient) or ``relay`` (the host it was handed to).

    Returns
    -------
    DataFrame
        Index: the destination, the one with most deliveries first. ``deliveries`` (int64); ``median``, ``p95``,
        ``p99`` of the delay from arrival to the delivery's end; the medians of its parts ``before_queue``,
        ``in_queue``, ``connect``, ``transmit`` (all s; missing where the log does not state them).
    """
    rows = messages.flow(log, hops)
    rows = rows[rows["what"].eq("delivered") & rows["delay"].notna()]
    group = _domain(rows["recipient"]) if by == "domain" else rows[by]
    delay = rows["delay"].groupby(group)
    found = pd.DataFrame({"deliveries": delay.size(), "median": delay.median()})
    found["p95"], found["p99"] = delay.quantile(0.95), delay.quantile(0.99)
    for part in DELAYS[1:]:
        found[part.removeprefix("delay_")] = rows[part].groupby(group).median()
    return _ranked(found, "deliveries", n)


def queue_times(log: Log) -> pd.DataFrame:
    """How long each message was in the server's hands.

    Returns
    -------
    DataFrame
        Index ``transaction``; ``seconds`` from its first to its last logged event (float), ``outcome``.
    """
    mail = log.transactions.set_index("transaction")
    lasted = (mail["end"] - mail["start"]).dt.total_seconds()
    return pd.DataFrame({"seconds": lasted, "outcome": mail["outcome"]})[mail["queue_id"].notna()]


def clients(log: Log, n: int | None = None) -> pd.DataFrame:
    """Connections by client, the one with most first.

    Returns
    -------
    DataFrame
        Index ``client`` (name or address): ``connections``, ``transactions``, ``commands``, ``resets``, ``dropped``
        (ended otherwise than by QUIT), ``authenticated`` (all int64), ``first``, ``last`` (UTC).
    """
    served = log.sessions[log.sessions["role"].eq("server")]
    group = served["peer_host"].fillna(served["peer_ip"]).rename("client")
    found = served.assign(dropped=~served["ended"].isin(["quit", "cut"])).groupby(group)
    sums = found[["transactions", "commands", "resets", "dropped", "authenticated"]].sum().astype("int64")
    sums.insert(0, "connections", found.size())
    return _ranked(sums.assign(first=found["start"].min(), last=found["end"].max()), "connections", n)


def answer(log: Log) -> str:
    """Say in one sentence how much mail came and went, and what mostly stood in its way.

    Examples
    --------
    >>> import spamlab
    >>> answer(spamlab.read("data/exchange55-appendix-a.log"))  # doctest: +ELLIPSIS
    'Of 8 attempts...
    """
    rows = messages.flow(log)
    if rows.empty:
        return "This log holds no mail: nothing was received, delivered or refused."
    number = rows["what"].value_counts()
    tried = int(number.drop("received", errors="ignore").sum())
    came = int(number.get("received", 0))
    said = f"{count(came, 'message')} came in; of" if came else "Of"
    said += f" {count(tried, 'attempt')} to hand mail to a recipient "
    fates = [f"{number[state]:,} ({number[state] / tried:.0%}) {_WORDS.get(state, state)}" for state in number.index
             if state != "received"]  # fmt: skip
    said += ", ".join(fates) + "."
    why = reasons(log, 1)
    if len(why):
        said += f" The commonest obstacle, {why['count'].iloc[0]:,} times: {why['reason'].iloc[0] or 'not said'}."
    slow = rows.loc[rows["what"].eq("delivered"), "delay"].dropna()
    if len(slow):
        said += f" Half of the deliveries took no more than {seconds(slow.median())}."
    return said


_WORDS = {"delivered": "were delivered", "rejected": "were refused", "deferred": "were put off",
          "bounced": "failed for good", "expired": "were given up", "accepted": "were accepted",
          "discarded": "were thrown away", "held": "were held", "probed": "were only asked about"}  # fmt: skip
