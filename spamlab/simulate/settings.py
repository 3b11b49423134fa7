"""The white paper's server and what is sent to it: every parameter with its unit, default and source.

Shares are probabilities between 0 and 1. *Appendix A* is the white paper's log; *assumption* means that
nothing better is known: change it and see what moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

DAY = 86_400
SENDERS = ("valid", "invalid", "null", "malformed", "unreachable")
"""Of a reverse-path: somebody's; nobody's at a real domain; ``<>``; not by RFC 5321; at a domain that is silent."""
POSITIVE = ("connections", "per_connection", "uplink", "cpu", "recipients", "domains")


@dataclass(frozen=True)
class Lognormal:
    """A log-normal distribution: its median, and the standard deviation of its logarithm."""

    median: float
    sigma: float = 0.0

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw n numbers."""
        return np.asarray(self.median * np.exp(self.sigma * rng.standard_normal(n)))


SPAM_SIZE, MAIL_SIZE = Lognormal(1500, 0.4), Lognormal(6000, 1.3)


class _Checked:
    """Settings that are numbers from 0 on; of those in ``POSITIVE`` more than 0, and each of the sums at most 1."""

    SUMS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        known = {name: value for name, value in vars(self).items() if isinstance(value, (int, float))}
        for name, value in known.items():
            if not 0 <= value < float("inf") or (value == 0 and name in POSITIVE):
                raise ValueError(f"{type(self).__name__}: {name} must be a positive number, not {value:g}")
        for names in self.SUMS:
            if (total := sum(known[name] for name in names.split())) > 1 + 1e-9:
                raise ValueError(f"{type(self).__name__}: {names} can be 1 at most, not {total:g}")


@dataclass(frozen=True, kw_only=True)
class Server(_Checked):
    """The server's parts and its administrator's choices; the defaults are the server of the white paper.

    Parameters
    ----------
    guest : the Guest account is enabled, as Code Red left it (white paper, History).
    fall_through : after a failed login a client counts as Guest (white paper, Details; KB Q251149).
    relaying : who may send to other domains from outside; Exchange 5.5's rule for hosts that log in.
    lookup : recipients here are looked up at RCPT, as sendmail and Exchange 2003 can; else after DATA.
    null_senders, malformed_senders : such reverse-paths are accepted (white paper, Related Problems).
    ndrs : a failed message is reported to its sender, unless that is ``<>`` (RFC 5321 §6.1).
    notifications : and to the administrator.
    double_bounces : a report that cannot be delivered is reported to the administrator.
    retries : hours from one try to the next where a host is silent; after the last the message is given up.
        Exchange 5.5's defaults (SCIENCE.md §3).
    connections : outbound ones at a time; assumption: 20.
    per_connection : messages sent over one connection at most; Appendix A: 8.
    uplink : bit/s; assumption: 128,000, a small office's DSL of 2003.
    cpu : mean s of processor for each handling of a message (taken in, sent out, report made); assumption:
        0.16, at which the paper's 200,000 messages a day come to the 100% it reports.
    cpu_law : how that time varies: ``exponential``, ``fixed``.
    refusing : s of processor to refuse a message in the dialogue; assumption: a twentieth of ``cpu``.
    report_size : octets of a report; Appendix A: mean SIZE 2166.
    """

    guest: bool = True
    fall_through: bool = True
    relaying: Literal["anyone", "logged in", "nobody"] = "logged in"
    lookup: bool = False
    null_senders: bool = True
    malformed_senders: bool = True
    ndrs: bool = True
    notifications: bool = True
    double_bounces: bool = True
    retries: tuple[float, ...] = (0.25, 0.5, 1.0, 4.0)
    connections: int = 20
    per_connection: int = 8
    uplink: float = 128_000.0
    cpu: float = 0.16
    cpu_law: Literal["exponential", "fixed"] = "exponential"
    refusing: float = 0.008
    report_size: int = 2166


@dataclass(frozen=True, kw_only=True)
class Spam(_Checked):
    """Spam, or a harvest attack (much mail to guessed addresses here): a Poisson stream.

    Parameters
    ----------
    rate : messages/s; the white paper says hundreds of thousands a day: 200,000.
    recipients : of each message; Appendix A: 1.
    size : octets; Appendix A: a report of 2166 octets holds the message, so at most about that.
    elsewhere : share for other domains, to be relayed; assumption.
    valid_recipients : share whose recipient exists; assumption: between IronPort's 80% of a spam run
        (SCIENCE.md §3) and the paper's randomly generated addresses.
    invalid, null, malformed, unreachable : shares of reverse-paths (see ``SENDERS``), the rest being
        somebody's; assumption. In Appendix A all 8 reports went to nobody.
    guest_logins, failed_logins : of the messages for elsewhere, share sent after a login as Guest, after a
        failed login (the paper's two ways); assumption.
    domains : that recipients and senders elsewhere belong to; Appendix A: 1.
    """

    rate: float = 200_000 / DAY
    recipients: int = 1
    size: Lognormal = SPAM_SIZE
    elsewhere: float = 0.5
    valid_recipients: float = 0.5
    invalid: float = 0.6
    null: float = 0.1
    malformed: float = 0.1
    unreachable: float = 0.05
    guest_logins: float = 0.5
    failed_logins: float = 0.5
    domains: int = 3

    SUMS = ("elsewhere", "valid_recipients", "invalid null malformed unreachable", "guest_logins failed_logins")


@dataclass(frozen=True, kw_only=True)
class Mail(_Checked):
    """Legitimate mail: a Poisson stream of messages to one recipient each.

    Parameters
    ----------
    rate : messages/s; assumption: 0.2, an office's 17,280 a day.
    inside, roaming : share sent by users here, from inside and from outside after a login; the rest comes in.
    mistyped : share of roaming logins whose first try fails.
    typing_errors : share with a recipient who does not exist.
    ndrs : share of what comes in that is a report about users' own mail, with the null reverse-path.
    size : octets. All of these are assumptions.
    """

    rate: float = 0.2
    inside: float = 0.4
    roaming: float = 0.1
    mistyped: float = 0.1
    typing_errors: float = 0.02
    ndrs: float = 0.05
    size: Lognormal = MAIL_SIZE

    SUMS = ("inside roaming", "mistyped", "typing_errors", "ndrs")


@dataclass(frozen=True, kw_only=True)
class Hosts(_Checked):
    """The other hosts.

    Parameters
    ----------
    late : share of mail to nobody there that they take and then report back, as Exchange 5.5 does itself;
        the rest they refuse at RCPT. Appendix A: 0 of 8; assumption: 0.2.
    late_after : s until that report comes; assumption.
    latency : s to a reply; Appendix A: 22/7 s from MAIL over RCPT and RSET to the next MAIL.
    silence : s a connection waits for a host that is silent; assumption.
    """

    late: float = 0.2
    late_after: float = 30.0
    latency: float = 22 / 21
    silence: float = 30.0

    SUMS = ("late",)


@dataclass(frozen=True, kw_only=True)
class Load:
    """All that comes: spam, a harvest attack (its rate is 0 by default), legitimate mail, and the other hosts."""

    spam: Spam = field(default_factory=Spam)
    harvest: Spam = field(default_factory=lambda: Spam(rate=0.0, elsewhere=0.0, valid_recipients=0.001))
    mail: Mail = field(default_factory=Mail)
    hosts: Hosts = field(default_factory=Hosts)


MEASURES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "disable Guest": {"guest": False},
    "no fall-through": {"fall_through": False},
    "forbid relaying": {"relaying": "nobody"},
    "disable notifications": {"notifications": False, "double_bounces": False},
    "refuse <>": {"null_senders": False},
    "refuse malformed senders": {"malformed_senders": False},
    "directory look-up": {"lookup": True},
    "no NDRs": {"ndrs": False},
}
"""What the white paper names, as changes to a ``Server``."""
