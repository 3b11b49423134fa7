"""What the paper's claims need computed from a log: counts, shares and rates, with their intervals and places.

Whatever must be assumed stands in ``Assumptions``, each with its unit and its source, so that a sceptic can change it.

>>> Assumptions(call=2).call, Assumptions().table().loc["call", "unit"]
(2, 'h')
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spamlab import dialogue, messages, partwise, stats, summary
from spamlab.read import read
from spamlab.safe import printable, shorten
from spamlab.simulate import Load, Server
from spamlab.words import count

if TYPE_CHECKING:
    from spamlab.log import Log

OURS = "our reading; the paper gives no number"
_SETTINGS = {"unit": "settings", "source": "told one by one in spamlab.simulate.settings"}


def _given(default: Any, unit: str, source: str) -> Any:
    return field(default=default, metadata={"unit": unit, "source": source})


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the verdicts assume: change one and look how they move. ``table`` lists all with unit and source."""

    heading: float = _given(35.0, "s", "heading of Appendix A")
    excerpt_peer: str = _given("216.200.145.19", "address", "Appendix A: by its peer the excerpt is known")
    often: float = _given(0.1, "share", OURS)
    spam_a_day: int = _given(200_000, "messages a day", "Overview; the least that its plural can mean")
    notices_an_hour: int = _given(
        300, "notices an hour", "Temporary Solutions; the least that “several hundred” can mean"
    )
    notices_an_ndr: float = _given(1.0, "notices per failed NDR", "Effects: the administrator is told of each")
    probes_a_minute: float = _given(1.0, "attempts a minute", "Related Problems")
    download: float = _given(57e6, "octets", "Overview")
    dialup: float = _given(44_000.0, "bit/s", "a 56k modem (V.90) seldom gets more than 40 to 50 kbit/s")
    payload: float = _given(
        0.9, "share", "what PPP, IP and TCP headers leave at the MTU of 576 that dial-up lines used"
    )
    call: float = _given(8.0, "h", "a night; longer calls are taken for nearly impossible: our reading")
    store: float = _given(16e9, "octets", "limit of Exchange 5.5 Standard's store (Q143376, Q240152)")
    unattended: float = _given(7.0, "days", "an administrator looks once a week: our reading")
    alarm: str = _given("2002-01-15", "date", "Gates's memorandum, which his July 2002 letter looks back to")
    paper: str = _given("2003-11-12", "date", "the paper's own")
    almost: float = _given(0.85, "share", OURS)
    local_domains: tuple[str, ...] = _given(
        (), "domains", "the server's own; none: those that strangers' mail is taken for"
    )
    sample: int = _given(2000, "addresses", "of more different ones a random sample is judged (seed 2003)")
    magnitude: float = _given(10.0, "ratio", "Related Problems: an order of magnitude")
    as_bad: float = _given(0.8, "share", OURS)
    policy: str = _given("nothing", "measure", "what the administrator has done: a name of simulate.MEASURES")
    server: Server = field(default_factory=Server, metadata=_SETTINGS)
    load: Load = field(default_factory=Load, metadata=_SETTINGS)
    simulated: float = _given(600.0, "s", "time simulated in each run of a model")
    replications: int = _given(6, "runs", "of each model, with different seeds; 2 or more")

    def __post_init__(self) -> None:
        """Refuse what cannot be: no parameter is a number of 0 or less."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, (int, float)) and not value > 0:
                raise ValueError(f"Assumptions: {one.name} must be above 0, not {value}")

    def table(self) -> pd.DataFrame:
        """All parameters: index ``name``; ``value``, ``unit``, ``source`` (texts)."""
        rows = [(one.name, _said(getattr(self, one.name)), *one.metadata.values()) for one in fields(self)]
        return pd.DataFrame(rows, columns=["name", "value", "unit", "source"]).set_index("name")


def _said(value: object) -> str:
    if isinstance(value, (Server, Load)):
        return "the white paper's" if value == type(value)() else "changed"
    return f"{value:,.12g}" if isinstance(value, (int, float)) else str(value or "none")


# -- words ---------------------------------------------------------------------------------------------------


def share(hits: int, n: int, what: str = "") -> str:
    """A share with its exact interval.

    >>> share(8, 8, "transactions")
    '8 of 8 transactions (100%, exact 95% interval 63.1% to 100%)'
    """
    if not n:
        return f"0 of 0{what and ' '}{what}"
    low, high = (f"{100 * end:.3g}%" for end in stats.share_interval(hits, n))
    return f"{hits:,} of {n:,}{what and ' '}{what} ({100 * hits / n:.3g}%, exact 95% interval {low} to {high})"


def interval(low: float, value: float, high: float) -> str:
    """A rate with its exact interval.

    >>> interval(461.2, 1107.7, np.inf)
    '1,108 (exact 95% interval from 461: the stamps set no upper end)'
    """
    ends = f" {stats.figure(low)} to {stats.figure(high)}"
    if high == np.inf:
        ends = f" from {stats.figure(low)}: the stamps set no upper end"
    return f"{stats.figure(value)} (exact 95% interval{ends})"


def places(log: Log, labels: Iterable[Any] | None = None) -> str:
    """Where events stand: file and lines, from the first to the last of them.

    Parameters
    ----------
    log : the log.
    labels : labels of its events (by default all); missing ones are left out.

    Examples
    --------
    >>> import spamlab
    >>> log = spamlab.read("data/exchange55-appendix-a.log")
    >>> places(log, log.events.index[log.events.verb == "MAIL"])
    'exchange55-appendix-a.log, lines 22 to 119'
    """
    told = None if labels is None else pd.Index(pd.Series(list(labels), dtype="Int64").dropna().astype("int64"))
    found = _lines(log, told)
    if found.empty:
        return "no line"
    name, first, last = str(found.index[0]), int(found["min"].iloc[0]), int(found["max"].iloc[0])
    said = f"{shorten(printable(PurePath(name).name), 60)}, "
    said += f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"
    return said + (f" (and {count(len(found) - 1, 'more file')})" if len(found) > 1 else "")


def _spread(found: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(found).groupby(level=0).agg({"min": "min", "max": "max"})


@partwise.partwise(_spread)
def _lines(log: Log, labels: pd.Index | None) -> pd.DataFrame:
    """Of each file the first and the last line of these events."""
    rows = log.columns("events", "source", "line")
    rows = rows[rows["source"].notna()] if labels is None else rows[rows["source"].notna() & rows.index.isin(labels)]
    return rows["line"].groupby(rows["source"].astype("str")).agg(["min", "max"])


def firsts(log: Log, transactions: pd.Series | pd.Index) -> pd.Index:
    """Label of each transaction's first event."""
    return _firsts(log, pd.Index(transactions)).index if len(transactions) else pd.Index([], dtype="int64")


@partwise.partwise(partwise.series)
def _firsts(log: Log, transactions: pd.Index) -> pd.Series:
    own = log.columns("events", "transaction")["transaction"]
    return own[own.isin(transactions)].drop_duplicates()


# -- what stands in the checkout -------------------------------------------------------------------------------

_STRANGERS, _HOME = ("127.0.2.", "127.0.3."), ("@example.com", "@example.net")  # of tests/testbed/scenario.py
SAMPLES = Path(__file__).parent.parent / "data" / "samples"


@cache
def sample(server: str) -> tuple[Log, dict[str, Any]] | None:
    """The stored log of a real server and what its clients saw (``tests/testbed``); None where it is not at hand."""
    truth = SAMPLES / f"{server}.truth.json"
    if not truth.is_file():
        return None
    told = json.loads(truth.read_text(encoding="utf-8"))
    return read(SAMPLES / f"{server}.log", year=int(told["start"][:4])), told


@cache
def truths() -> dict[str, dict[str, Any]]:
    """Totals that the clients of the stored servers counted, by server."""
    found = sorted(SAMPLES.glob("*.truth.json"))
    return {path.name.split(".")[0]: json.loads(path.read_text(encoding="utf-8"))["totals"] for path in found}


def strangers_relays(truth: dict[str, Any]) -> tuple[int, int]:
    """How often clients from outside who never logged in asked a stored server to relay, and how often it agreed."""
    codes = [
        to["code"]
        for session in truth["sessions"]
        if session["client_ip"].startswith(_STRANGERS) and not session.get("auth", {}).get("successes")
        for mail in session["transactions"]
        for to in mail["recipients"]
        if mail["mail_code"] == 250 and not to["forward_path"].endswith(_HOME)
    ]
    return len(codes), codes.count(250)


# -- addresses -------------------------------------------------------------------------------------------------

# Bulk mailers' placeholders for random text, left as they were: $RANDOMIZE3T, ${RND}, %RND_TEXT%, {%RAND%}, [[rnd]].
_MACRO = r"(?i)^(?:\$\{?|%|\{[{%]|\[\[|<%)%?[a-z_]*(?:rand|rnd|digit|char|word|alpha|from|user|name|mail)"
# Senders that mailing lists and forwarders make, one for each message (VERP, SRS, BATV, sub-addresses), and IDNA.
_LISTS = r"(?i)\+.*$|^(?:bounces?|srs[01]|prvs|xn-)[-+=_].*$"
_LONG, _DIGITS, _SWITCHES, _BITS = 8, 3, 2, 2.2


def entropy(texts: pd.Series) -> pd.Series:
    """Shannon entropy of each text's characters, in bits a character.

    >>> entropy(pd.Series(["aaaa", "abcd", ""])).tolist()
    [0.0, 2.0, 0.0]
    """
    letters = texts.astype("object").fillna("").map(list).explode().dropna()
    n = letters.groupby([letters.index, letters]).size()
    p = n / n.groupby(level=0).transform("sum")
    bits = -(p * np.log2(p)).groupby(level=0).sum()
    return bits.abs().reindex(texts.index, fill_value=0.0)


def made_by(address: pd.Series) -> pd.Series:
    """Who or what a local part looks made by: ``macro`` (left unexpanded), ``random``, else ``plain``.

    Random is taken to be what has 8 characters or more, 3 digits or more, changes between letters and digits twice or
    more, and has 2.2 bits a character or more (``tests/test_claims.py`` measures how often that errs), but not what
    mailing lists and forwarders make for each message.

    >>> made_by(pd.Series(["$RANDOMIZE3T@NETSCAPE.COM", "7adc27da80@example.com", "webmaster138@example.net"])).tolist()
    ['macro', 'random', 'plain']
    """
    local = address.astype("str").str.rsplit("@", n=1).str[0].fillna("")
    macro = local.str.contains(_MACRO, regex=True)
    local = local.str.replace(_LISTS, "", regex=True)
    switches = local.str.count(r"(?i)[a-z](?=[0-9])|[0-9](?=[a-z])")
    noise = (local.str.len() >= _LONG) & (local.str.count("[0-9]") >= _DIGITS) & (switches >= _SWITCHES)
    noise[noise] = entropy(local[noise]) >= _BITS
    return pd.Series(np.select([macro, noise], ["macro", "random"], "plain"), address.index, dtype="str")


# Of the validator's sentences, what they begin or go on with, and the rule that is broken.
_RULES = {
    "must have an @-sign": "no domain (RFC 5321 §4.1.2, Mailbox)",
    "must be something before": "empty local part (RFC 5321 §4.1.2, Local-part)",
    "must be something after": "empty domain (RFC 5321 §4.1.2, Domain)",
    "period": "a dot too many (RFC 5322 §3.2.3, dot-atom)",
    "hyphen": "a label begins or ends with a hyphen (RFC 5321 §4.1.2, sub-domain)",
    "before the @-sign:": "a character that only a quoted string may hold (RFC 5322 §3.2.3, atext)",
    "too long": "too long (RFC 5321 §4.5.3.1)",
    "so many characters": "too long (RFC 5321 §4.5.3.1)",
    "brackets": "no address literal (RFC 5321 §4.1.3)",
    "after the @-sign contains invalid": "a character that no domain may hold (RFC 5321 §4.1.2, sub-domain)",
}


def broken_rule(address: str) -> str:
    """Name the rule of RFC 5321 or 5322 that an address breaks; empty: none.

    Quoted local parts, address literals and UTF-8 (RFC 6531) are allowed; whether the domain exists is not asked.

    >>> broken_rule("$RANDOMIZE3T@NETSCAPE.COM")  # $ is atext
    ''
    >>> broken_rule("${RANDOMIZE3T@NETSCAPE.COM}")
    'a character that no domain may hold (RFC 5321 §4.1.2, sub-domain)'
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True,
            allow_smtputf8=True, allow_quoted_local=True, allow_domain_literal=True,
        )  # fmt: skip
    except EmailNotValidError as error:
        said = str(error)
        if "special-use" in said:  # syntax is all that is asked
            return ""
        return next((rule for sign, rule in _RULES.items() if sign in said), "no Mailbox (RFC 5321 §4.1.2)")
    return ""


@partwise.partwise(partwise.series)
def mail_codes(log: Log) -> pd.Series:
    """The code that each transaction's MAIL was answered with (index: transaction); none in a mail server's log."""
    asked = log.columns("events", "kind", "verb", "echo")
    asked = asked[~asked["echo"] & asked["verb"].eq("MAIL") & asked["kind"].isin(["command", "exchange"])]
    if asked.empty:
        return pd.Series(dtype="float64", index=pd.Index([], dtype="int64", name="transaction"), name="answer")
    asked = log.columns("events", "transaction", "code").loc[asked.index].dropna(subset="transaction")
    code = messages.answered(log).reindex(asked.index).fillna(asked["code"]).astype("float64")
    return code.groupby(asked["transaction"].astype("int64")).first()


def answered_paths(log: Log, only: pd.Index | None = None) -> pd.DataFrame:
    """Every reverse-path and forward-path that was given, but ``<>``: ``way``, ``address``, ``taken``, ``event``.

    ``taken`` (bool): answered 2xx, or in a mail server's log not refused; ``event``: label of an event (Int64).
    ``only``: the addresses wanted; by default all.
    """
    found = [rows if only is None else rows[rows["address"].isin(only)] for rows in _paths(log)]
    whole = partwise.stacked(found).sort_values(["order", "at"], kind="stable", ignore_index=True)
    return whole[["way", "address", "taken", "event"]]


def addresses(log: Log) -> pd.Series:
    """How often each different address of ``answered_paths`` was given (index: address, in order of the first)."""
    each = [rows.groupby("address").agg(uses=("at", "size"), order=("order", "min")).join(
        rows.drop_duplicates("address").set_index("address")["at"]) for rows in _paths(log)]  # fmt: skip
    whole = pd.concat(each).sort_values(["order", "at"], kind="stable")
    uses: pd.Series = whole["uses"].groupby(level=0, sort=False).sum()
    return uses


def _paths(log: Log) -> Iterator[pd.DataFrame]:
    """``answered_paths`` of each part, in order of ``order`` and ``at``, which tell the place in the whole."""
    held = partwise.kept(log, _given_paths)
    frames = [_given_paths(log)] if held is None else held.frames()
    spoken = bool(len(mail_codes(log)))
    before = 0
    for rows in frames:
        n = int(rows["order"].eq(2).sum())
        rows["at"] += np.where(rows["order"] == 2, before, 0)
        before += n
        # A mail server's log names local users and programs so.
        yield rows if spoken else rows[rows["address"].str.contains("@", regex=False)]


def _given_paths(log: Log) -> pd.DataFrame:
    code, made = mail_codes(log), log.columns("transactions", "transaction", "reverse_path")
    reverse = pd.DataFrame({"address": made["reverse_path"], "transaction": made["transaction"].astype("Int64")})
    reverse["taken"] = code.reindex(made["transaction"]).fillna(250).lt(400).to_numpy()
    events = log.columns("events", "transaction", "kind", "verb", "echo")
    events = events[~events["echo"]]
    refused = events[events["kind"].eq("reject") & events["verb"].eq("MAIL")]
    told = log.columns("events", "argument")["argument"].reindex(refused.index) if len(refused) else None
    no = pd.DataFrame({"address": told, "taken": False, "event": refused.index}).astype({"address": "str"})
    tried = log.columns("recipients", "transaction", "forward_path", "status")
    forward = pd.DataFrame({"address": tried["forward_path"], "transaction": tried["transaction"]})
    forward["taken"] = tried["status"].ne("rejected").fillna(True)
    rows = pd.concat(
        [reverse.assign(way="reverse-path", order=0, at=made["transaction"]),
         no.assign(way="reverse-path", order=1, at=refused.index),
         forward.assign(way="forward-path", order=2, at=np.arange(len(forward)))]
    )  # fmt: skip
    rows = rows[rows["address"].notna() & rows["address"].ne("")].reset_index(drop=True)
    own = events["transaction"].dropna().drop_duplicates()
    first = pd.Series(own.index, own.astype("int64"), dtype="Int64")
    rows["event"] = rows["event"].astype("Int64").fillna(rows["transaction"].map(first).astype("Int64"))
    return rows.astype({"at": "int64", "taken": "bool"}).drop(columns="transaction")


def syntax(log: Log, given: Assumptions) -> pd.DataFrame:
    """``answered_paths`` with the ``rule`` each breaks; of more addresses than ``given.sample``, of a sample."""
    different = addresses(log).index.to_series().sort_values()
    if len(different) > given.sample:
        different = different.sample(given.sample, random_state=2003)
    rows = answered_paths(log, pd.Index(different))
    return rows.assign(rule=rows["address"].map(different.set_axis(different).map(broken_rule))).dropna(subset="rule")


# -- sessions --------------------------------------------------------------------------------------------------


def tempo(log: Log) -> tuple[int, float, float]:
    """How much a busy connection gets done: of the sessions with two mail transactions or more, these and the time.

    Returns
    -------
    tuple : transactions; s; how much longer or shorter the stamps' resolution lets that time be, s.
    """
    n, took, sessions = _tempo(log)
    return int(n), float(took), float(log.columns("sources", "resolution")["resolution"].max()) * int(sessions)


@partwise.partwise(partwise.totals)
def _tempo(log: Log) -> Any:
    sessions = log.columns("sessions", "start", "end", "transactions")
    took = (sessions["end"] - sessions["start"]).dt.total_seconds()
    busy = (sessions["transactions"] >= 2) & (took > 0)
    return np.array([sessions.loc[busy, "transactions"].sum(), took[busy].sum(), busy.sum()])


def pace(n: int, took: float, slack: float, per: float) -> tuple[float, float, float]:
    """A rate with its exact interval (low, value, high), the stamps' ``slack`` in ``took`` included.

    >>> [round(rate) for rate in pace(8, 26, 1, 3600)]
    [461, 1108, 2270]
    """
    slack = slack if slack > 0 else 0.0  # not NaN
    low, high = stats.rate_interval(n, took + slack)[0], np.inf
    if took > slack:
        high = stats.rate_interval(n, took - slack)[1]
    return low * per, n / took * per, high * per


@partwise.partwise(partwise.below)
def received_recipients(log: Log) -> pd.DataFrame:
    """Recipients that clients named to this server, with their ``domain``.

    ``taken`` (bool): not refused; ``denied`` (bool): refused because the server does not relay for the client.
    """
    rows = log.columns("recipients", "transaction", "session", "time", "forward_path", "status", "reply")
    made = log.columns("transactions", "transaction", "session", "report")
    session = rows["session"].fillna(rows["transaction"].map(made.set_index("transaction")["session"]))
    sessions = log.columns("sessions", "session", "role")
    served = sessions.loc[sessions["role"].eq("server"), "session"]
    rows = rows.assign(session=session)[session.isin(served)]
    made_here = made.loc[made["report"].notna(), "transaction"]
    rows = rows[~rows["transaction"].isin(made_here)]
    refused = rows["status"].eq("rejected").fillna(False)
    told = rows.loc[refused, "reply"].dropna()
    told = told[told.str.lower().str.contains("relay", regex=False)]
    said = rows.index.isin(told.index[told.str.contains(r"(?i)\brelay(?:ing|ed)?\b(?!=)", regex=True)])
    domain = rows["forward_path"].str.replace(r"[\s\S]*@", "", regex=True).str.lower()
    return (
        rows[["session", "transaction", "time", "forward_path"]]
        .assign(
            domain=domain.where(rows["forward_path"].str.contains("@", regex=False).fillna(False)),
            taken=rows["status"].notna() & ~refused,
            denied=refused & said,
        )
        .reset_index(drop=True)
    )


@partwise.partwise(partwise.series)
def failed_logins(log: Log) -> pd.Series:
    """Time of the first failed login of each session that has one (index: session)."""
    events = log.columns("events", "session", "time", *messages.SPOKEN[1:])
    events = events[~events["echo"] & events["session"].notna()]
    asks = events["verb"].eq("AUTH") | events["kind"].eq("auth") & events["verb"].isna()
    events = events[events["session"].isin(events.loc[asks, "session"].unique())]
    code = dialogue.answers(events).dropna().map(events["code"])
    failed = code.index[code.between(500, 599).fillna(False)]
    refused = events.loc[failed[asks.reindex(failed)]]
    # A mail server's log, and a record that holds command and answer, say of a login only how it ended.
    whole = events[events["kind"].eq("auth") & events["direction"].isna()]
    whole = pd.concat(
        [whole, events[events["kind"].eq("exchange") & events["verb"].eq("AUTH") & events["code"].ge(500)]]
    )
    both = pd.concat([refused[["session", "time"]], whole[["session", "time"]]]).dropna(subset="session")
    return both.astype({"session": "int64"}).groupby("session")["time"].min()


def fallthrough(log: Log, given: Assumptions) -> pd.DataFrame:
    """Sessions whose login failed, and what they were let do all the same.

    Q251149: the server takes a failed login for the Guest account and relays. In a log that is AUTH answered 5xx, then
    in the same session, which never logs in, a RCPT of a foreign domain answered 250. Foreign is a domain that is not
    the server's own: not of ``given.local_domains`` or, if none is given, not one that it takes mail for from
    strangers, who did not try to log in.

    Returns
    -------
    DataFrame, index ``session``: ``time`` (of the first failure), ``taken``, ``refused`` (foreign recipients after it),
    ``fell`` (bool: a foreign one was taken).
    """
    return _fallen(log, {name.lower() for name in given.local_domains} or _own_domains(log))


def _users(log: Log) -> pd.Series:
    """The sessions that logged in."""
    sessions = log.columns("sessions", "session", "authenticated")
    found: pd.Series = sessions.loc[sessions["authenticated"], "session"]
    return found


@partwise.partwise(partwise.union)
def _own_domains(log: Log) -> set[Any]:
    rows = received_recipients(log)
    strangers = rows[~rows["session"].isin(failed_logins(log).index) & ~rows["session"].isin(_users(log))]
    return set(strangers.loc[strangers["taken"], "domain"].dropna())


@partwise.partwise(partwise.rows())
def _fallen(log: Log, own: set[Any]) -> pd.DataFrame:
    failed, rows, user = failed_logins(log), received_recipients(log), _users(log)
    failed = failed[~failed.index.isin(user)]
    since = failed.reindex(rows["session"].astype("float64")).set_axis(rows.index)
    after = rows[since.notna() & ~(rows["time"] < since) & rows["domain"].notna() & ~rows["domain"].isin(own)]
    by = after["taken"].groupby(after["session"].astype("int64"))
    out = pd.DataFrame({"time": failed, "taken": by.sum(), "refused": by.size() - by.sum()}).reindex(failed.index)
    out = out.fillna({"taken": 0, "refused": 0}).astype({"taken": "int64", "refused": "int64"}).rename_axis("session")
    return out.assign(fell=out["taken"] > 0)


def _in_time(found: list[pd.DataFrame]) -> pd.DataFrame:
    return partwise.stacked(found).sort_values("time", kind="stable", ignore_index=True)


@partwise.partwise(_in_time)
def relay_attempts(log: Log) -> pd.DataFrame:
    """When clients tried to relay and were denied: ``time``, ``session``, ``client``; a session counts once."""
    rows = received_recipients(log)
    rows = rows[rows["denied"]].sort_values("time", kind="stable").drop_duplicates("session", ignore_index=True)
    sessions = log.columns("sessions", "session", "peer_ip", "peer_host").set_index("session")
    client = sessions["peer_ip"].fillna(sessions["peer_host"])
    return rows[["time", "session"]].assign(client=rows["session"].map(client).astype("str"))


# -- what single claims count ----------------------------------------------------------------------------------


@partwise.partwise(partwise.joined)
def excerpt(log: Log, peer: str) -> pd.Series:
    """Of the sessions with a peer the lengths (s); missing of those that are not complete."""
    here = log.columns("sessions", "session", "peer_ip", "start", "end", "ended")
    here = here[here["peer_ip"].eq(peer)]
    took = (here["end"] - here["start"]).dt.total_seconds()
    return took.where(here["session"].isin(summary.complete(log.columns("events", "session", "kind"), here)["session"]))


@partwise.partwise(partwise.pairs(partwise.totals, partwise.joined))
def null_senders(log: Log) -> tuple[Any, pd.Series]:
    """How many senders are known, null, null and taken, null and judged, null and this server's own; these mails."""
    made = log.columns("transactions", "transaction", "session", "reverse_path", "null_sender", "queue_id", "report")
    known = made[made["reverse_path"].notna()]
    null = known[known["null_sender"]]
    code = mail_codes(log).reindex(null["transaction"]).to_numpy()
    queued = pd.isna(code) & null["queue_id"].notna() & null["report"].isna()  # in a mail server's log: it has an id
    sessions = log.columns("sessions", "session", "role").set_index("session")
    own = null["session"].map(sessions["role"]).eq("client").sum()
    judged = [(code < 400).sum() + queued.sum(), (code >= 0).sum() + queued.sum()]
    return np.array([len(known), len(null), *judged, own], dtype="int64"), null["transaction"]


@partwise.partwise(partwise.totals)
def refusals(log: Log) -> Any:
    """How many recipients were rejected, and how many there are."""
    status = log.columns("recipients", "status")["status"]
    return np.array([status.eq("rejected").sum(), len(status)], dtype="int64")


@partwise.partwise(sum)
def inbound(log: Log) -> int:
    """Sessions in which this server was asked."""
    return int(log.columns("sessions", "role")["role"].eq("server").sum())


@partwise.partwise(partwise.series)
def notices(log: Log) -> pd.Series:
    """When each notice to the administrator was made (index: transaction)."""
    made = log.columns("transactions", "transaction", "start", "report").set_index("transaction")
    found: pd.Series = made.loc[made["report"].eq("postmaster"), "start"].dropna()
    return found


@partwise.partwise(partwise.joined)
def lasted(log: Log, sessions: pd.Series) -> pd.Series:
    """How long some sessions lasted, s."""
    held = log.columns("sessions", "session", "start", "end")
    held = held[held["session"].isin(sessions)]
    return (held["end"] - held["start"]).dt.total_seconds()


@partwise.partwise(partwise.joined)
def labels(log: Log, sessions: pd.Index) -> pd.Series:
    """Labels of the events of some sessions."""
    own = log.columns("events", "session")["session"].isin(sessions)
    found: pd.Series = own.index[own].to_series()
    return found


@partwise.partwise(max)
def reports_about(log: Log) -> int:
    """The most reports about one message."""
    about = log.columns("transactions", "ndr_of")["ndr_of"].value_counts().max()
    return 0 if pd.isna(about) else int(about)


@partwise.partwise(partwise.joined)
def accounts(log: Log) -> pd.Series:
    """The accounts named in sessions."""
    return log.columns("sessions", "user")["user"].dropna()


@partwise.partwise(partwise.totals)
def null_reports(log: Log) -> Any:
    """How many of the reports to senders, whose sender is known, have the null one; and how many these are."""
    made = log.columns("transactions", "reverse_path", "null_sender", "report")
    made = made[made["reverse_path"].notna() & made["report"].eq("ndr")]
    return np.array([made["null_sender"].sum(), len(made)], dtype="int64")
