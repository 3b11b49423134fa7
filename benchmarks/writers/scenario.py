"""What happens on a made-up Exchange 5.5 server, and a busy day of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from spamlab.simulate import Dialect, Lognormal

TURNS, SIZE, LATENCY = Lognormal(8, 0.8), Lognormal(6000, 1.3), Lognormal(0.6, 0.9)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens on the server, and how it is logged. All shares are probabilities between 0 and 1.

    Parameters
    ----------
    seed : the same seed gives the same bytes on every platform (times are rounded to milliseconds).
    sessions : connections in all.
    hours : weight of each hour, from midnight of the white paper's day on, in the connections' arrivals.
    connections : concurrent ones at most, each with a file of its own; later arrivals wait.
    outbound, loops : share of sessions the server opens itself; of these, share that are RSET loops of NDRs.
    turns : NDRs in a loop.
    null_senders, turned_away, refused, failed : share of mails with ``<>``; of mails refused at MAIL; of
        recipients refused at RCPT; of messages refused after DATA.
    size : octets declared for a mail that is no NDR of a loop.
    latency : seconds to a reply.
    login, guests, bad_logins : share of inbound sessions with AUTH; of these, as Guest or nobody; refused.
    texts : share of accepted inbound messages whose text is logged (at Maximum level the server logs all).
    dropped, silent, fallback : share of sessions that break off; that say nothing; that need HELO after EHLO.
    odd, nasty : share of unusual addresses; of texts and replies that look like lines of a log or an attack.
    cut : every file ends in the middle of one more session.
    """

    seed: int = 0
    sessions: int = 50
    hours: tuple[float, ...] = (1.0,) * 24
    connections: int = 1
    outbound: float = 0.6
    loops: float = 0.5
    turns: Lognormal = TURNS
    null_senders: float = 0.2
    turned_away: float = 0.03
    refused: float = 0.15
    failed: float = 0.05
    size: Lognormal = SIZE
    latency: Lognormal = LATENCY
    login: float = 0.3
    guests: float = 0.3
    bad_logins: float = 0.3
    texts: float = 1.0
    dropped: float = 0.08
    silent: float = 0.03
    fallback: float = 0.1
    odd: float = 0.15
    nasty: float = 0.15
    cut: bool = False
    dialect: Dialect = field(default_factory=Dialect)


# A busy day of a server like the white paper's: a spam run's NDRs leave in RSET loops; mail both ways.
DAY = Scenario(
    seed=20031111,
    sessions=920,
    hours=(0.3,) * 7 + (1.0, 2.0, 3.0, 3.0, 3.0, 2.5, 3.0, 3.5, 3.5, 3.0, 2.0) + (0.8,) * 6,
    outbound=0.6,
    loops=0.6,
    turns=Lognormal(22, 0.9),
    size=Lognormal(700, 0.9),
    latency=Lognormal(0.75, 0.75),
    login=0.15,
    dropped=0.1,
    odd=0.3,
    nasty=0.05,
)
