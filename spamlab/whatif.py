"""What would have stopped it: the simulated server set as a log shows its own, and the answer in a sentence.

A log tells what mail came and how the server talked; nobody's log tells what a message costs the processor or
which senders exist. Where it is silent the white paper's log and stated assumptions stand in
(``spamlab.simulate.settings``), and the table of settings says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import backscatter, loops, messages, partwise, timing
from spamlab.simulate import Hosts, Load, Lognormal, Mail, Server, Spam
from spamlab.simulate.settings import DAY
from spamlab.stats import figure

if TYPE_CHECKING:
    from spamlab.log import Log

ENOUGH = 100  # messages, and a time of ``LONG`` s, that a rate or a share is taken from
LONG = 600
RARE = 0.05  # messages/s: of fewer a simulated quarter of an hour holds too few to time them by
MOST = 0.5  # of the processor that legitimate mail may take: a busier log is another machine's
PAPER, ASSUMED, LOG = "the white paper", "assumption", "this log"


@dataclass(frozen=True)
class Setting:
    """The simulated server and what is sent to it, with a ``table`` that says where each number is from."""

    server: Server
    load: Load
    table: pd.DataFrame


def measured(log: Log) -> dict[str, tuple[float, int]]:
    """What a log tells of the model's settings: by name its value and the number of observations.

    Returns
    -------
    dict : some of ``report_size`` (octets), ``latency`` (s), ``per_connection`` (messages), ``mail_rate`` (1/s),
    ``mail_size`` and ``mail_spread`` (octets; of its logarithm), ``null`` (share), ``recipients``.

    Examples
    --------
    >>> import spamlab
    >>> measured(spamlab.read("data/exchange55-appendix-a.log"))["report_size"]
    (2166.125, 8)
    """
    found: dict[str, tuple[float, int]] = {}
    sizes = backscatter.ndrs(log)["size"].dropna().astype("float64")
    if len(sizes):
        found["report_size"] = float(sizes.mean()), len(sizes)
    every = timing.periods(log)
    turns = every.loc[every["session"].isin(loops.find(log)["session"]), "period"].dropna()
    if turns.sum() > 0:
        found["latency"] = float(turns.mean()) / 3, len(turns)  # MAIL, RCPT, RSET
    out = _out(log)
    if out.max() > 1:
        found["per_connection"] = float(out.max()), len(out)
    came = _came(log)
    span = (came["start"].max() - came["start"].min()).total_seconds() if len(came) else 0
    if len(came) < ENOUGH or span < LONG:
        return found
    if len(came) / span >= RARE:
        found["mail_rate"] = len(came) / span, len(came)
    found["null"] = float(came["null_sender"].mean()), len(came)
    found["recipients"] = max(float(came["recipients"].mean()), 1.0), len(came)
    known = came["size"].dropna().astype("float64")
    sized = np.log(known[known > 0].to_numpy())
    if len(sized) >= ENOUGH:
        found["mail_size"] = float(np.exp(np.median(sized))), len(sized)
        found["mail_spread"] = float(sized.std()), len(sized)
    return found


@partwise.partwise(partwise.joined)
def _out(log: Log) -> pd.Series:
    """Of each connection of this server's that carried mail, how much."""
    sessions = log.columns("sessions", "role", "transactions")
    return sessions.loc[sessions["role"].eq("client") & sessions["transactions"].gt(0), "transactions"]


@partwise.partwise(partwise.below)
def _came(log: Log) -> pd.DataFrame:
    """The messages that arrived."""
    made = log.columns("transactions", "transaction", "start", "null_sender", "recipients", "size")
    made = made[made["start"].notna() & made["transaction"].isin(messages.arrivals(log).map(messages.first_hop(log)))]
    return made.drop(columns="transaction")


def settings(
    log: Log,
    *,
    spam_a_day: float = 200_000.0,
    cpu: float = Server.cpu,
    uplink: float = Server.uplink,
    valid_recipients: float = Spam.valid_recipients,
    elsewhere: float = Spam.elsewhere,
    invalid_senders: float = Spam.invalid,
    late: float = Hosts.late,
    guest: bool = True,
    fall_through: bool = True,
) -> Setting:
    """The white paper's server with what this log tells, and the assumptions to change.

    Parameters
    ----------
    log : the log; where it is silent the paper's log stands in.
    spam_a_day : messages of spam, without the harvest.
    cpu : s of processor for each handling of a message.
    uplink : bit/s.
    valid_recipients, elsewhere, invalid_senders : shares of spam: whose recipient exists, that is to be relayed,
        whose sender does not exist.
    late : share of mail to nobody that other hosts take and report back.
    guest, fall_through : the Guest account is enabled; a failed login counts as one of Guest.

    Returns
    -------
    Setting : its table has one row a number: ``setting``, ``value``, ``unit``, ``source`` (*this log*, with n;
    *the white paper*; *assumption*). Mail in this log beyond half of what the processor can do is left out.

    Examples
    --------
    >>> import spamlab
    >>> settings(spamlab.read("data/exchange55-appendix-a.log"), guest=False).server.guest
    False
    """
    told = measured(log)
    base = Load()
    known: dict[str, float] = {
        "report_size": Server.report_size, "per_connection": Server.per_connection, "latency": base.hosts.latency,
        "mail_rate": base.mail.rate, "mail_size": base.mail.size.median, "mail_spread": base.mail.size.sigma,
        "null": base.spam.null, "recipients": base.spam.recipients,
    } | {name: value for name, (value, _) in told.items()}  # fmt: skip
    known["mail_rate"] = min(known["mail_rate"], MOST / (2 * cpu))
    rest = 1 - known["null"] - invalid_senders
    other = min(1.0, max(rest, 0) / (base.spam.malformed + base.spam.unreachable))
    spam = Spam(
        rate=spam_a_day / DAY, recipients=round(known["recipients"]), elsewhere=elsewhere, null=known["null"],
        valid_recipients=valid_recipients, invalid=min(invalid_senders, 1 - known["null"]),
        malformed=other * base.spam.malformed, unreachable=other * base.spam.unreachable,
    )  # fmt: skip
    mail = Mail(rate=known["mail_rate"], size=Lognormal(known["mail_size"], known["mail_spread"]))
    server = Server(
        cpu=cpu, refusing=cpu / 20, uplink=uplink, guest=guest, fall_through=fall_through,
        per_connection=max(round(known["per_connection"]), 1), report_size=max(round(known["report_size"]), 1),
    )  # fmt: skip
    load = Load(spam=spam, mail=mail, hosts=replace(base.hosts, late=late, latency=known["latency"]))
    rows = [
        ("spam", spam_a_day, "messages/day", PAPER),
        ("octets of an error message", server.report_size, "octets", "report_size"),
        ("time to a reply of another host", load.hosts.latency, "s", "latency"),
        ("messages over one connection, at most", server.per_connection, "messages", "per_connection"),
        ("recipients of a message", spam.recipients, "recipients", "recipients"),
        ("spam with the null sender", spam.null, "share", "null"),
        ("spam with an invalid sender", spam.invalid, "share", ASSUMED),
        ("spam whose recipient exists", spam.valid_recipients, "share", ASSUMED),
        ("spam to be relayed", spam.elsewhere, "share", ASSUMED),
        ("legitimate mail", mail.rate * DAY, "messages/day", "mail_rate"),
        ("its size, median", mail.size.median, "octets", "mail_size"),
        ("other hosts that accept first and report later", load.hosts.late, "share", ASSUMED),
        ("processor time for each handling", server.cpu, "s", ASSUMED),
        ("uplink", server.uplink / 1000, "kbit/s", ASSUMED),
    ]
    fallback = dict.fromkeys(("report_size", "latency", "per_connection", "recipients"), PAPER)
    table = pd.DataFrame(rows, columns=["setting", "value", "unit", "source"])
    said = {name: f"{LOG}, n = {n:,}" for name, (_, n) in told.items()}
    table["source"] = [said.get(name, fallback.get(name, name if name in (PAPER, ASSUMED) else ASSUMED))
                       for name in table["source"]]  # fmt: skip
    return Setting(server, load, table)


def compare(measures: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Some measures side by side, as text: a row an outcome, its value with low and high, and what these are."""
    some = measures[measures["measure"].isin(names)]
    numbers = [some[column].map(figure) for column in ("value", "low", "high")]
    said = some.assign(said=numbers[0] + " (" + numbers[1] + " – " + numbers[2] + ")")
    table = said.pivot(index=["outcome", "unit", "kind"], columns="measure", values="said")
    table = table.reindex(columns=list(names)).rename_axis(columns=None).reset_index()
    order = {outcome: place for place, outcome in enumerate(measures["outcome"].unique())}
    return table.sort_values("outcome", key=lambda outcome: outcome.map(order), ignore_index=True)


def harmless(measures: pd.DataFrame) -> list[str]:
    """The measures that cost legitimate mail nothing: none refused, no NDR lost, no failure untold, in any run."""
    value = measures.pivot(index="measure", columns="outcome", values="value")
    costs = value[["legitimate mail refused", "legitimate NDRs lost", "failures untold"]].fillna(0)
    return [name for name in measures["measure"].unique() if name != "nothing" and not costs.loc[name].any()]


def answer(measures: pd.DataFrame, saturation: pd.DataFrame, harvest: pd.DataFrame) -> str:
    """Say in a sentence which measure helps most at no cost to legitimate mail, and what the others leave.

    Parameters
    ----------
    measures, saturation, harvest : of the functions of these names in ``spamlab.simulate``.
    """
    value = measures.pivot(index="measure", columns="outcome", values="value")
    found = value.loc[harmless(measures)].sort_values(["relayed spam", "processor load"])
    best, load = str(found.index[0]), "processor load"
    before, after = (row.astype(float).to_dict() for row in (value.loc["nothing"], found.iloc[0]))
    ends = saturation.drop_duplicates("measure").set_index("measure")["capacity"].astype(float).to_dict()
    blind, seeing = (float(harvest.loc[harvest["lookup"] == on, "per_address"].iloc[-1]) for on in (False, True))
    said = f"In the simulation “{best}” does most of what costs legitimate mail nothing: relayed spam goes from "
    said += f"{before['relayed spam']:,.0f} to {after['relayed spam']:,.0f} messages an hour, the processor load from "
    said += f"{figure(before[load])} to {figure(after[load])} (more than 1 cannot be done)"
    if best in ends:
        said += f", and {3600 * ends[best]:,.0f} spams an hour fill the server instead of {3600 * ends['nothing']:,.0f}"
    quiet = value["relayed spam"].astype(float).to_dict().get("disable notifications")
    if quiet is not None:
        said += f"; disabling notifications leaves {quiet:,.0f} relayed"
    return f"{said}; look-up lets a guesser send {figure(seeing)} instead of {figure(blind)} messages for an address."
