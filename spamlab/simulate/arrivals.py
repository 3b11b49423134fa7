"""What comes to the simulated server: messages, drawn beforehand.

All that is random about an arrival is drawn before the simulation begins, so the same seed brings the same arrivals to
every server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from spamlab.simulate.settings import SENDERS, Load, Mail, Server, Spam

SILENT = -1  # stands for all hosts that do not answer
FAMILIAR = 100  # hosts of legitimate mail are numbered from here
# Which of a message's drawn units of processor time is used for what.
TAKE, SEND, NDR, NOTICE, DOUBLE, RETURNED, REFUSE = range(7)
TALK, TALK_NDR = 7, 8  # and of dialogue time


@dataclass(slots=True)
class Message:
    """A message to one recipient; times in s since the start, sizes in octets (see ``Run.messages``)."""

    number: int
    kind: str
    of: int | None
    mail: int | None
    arrived: float
    size: int
    sender: str
    sender_host: int
    login: str
    elsewhere: bool
    valid: bool
    host: int
    late: bool
    sender_late: bool
    units: list[float] = field(repr=False)
    done: float = np.nan
    state: str = "waiting"
    tries: int = 0
    octets: int = 0


def _pick(rng: np.random.Generator, n: int, rest: str, shares: dict[str, float]) -> np.ndarray:
    """Draw n names, each with its share; what these leave is ``rest``."""
    ends = np.cumsum(list(shares.values()))
    drawn: np.ndarray = np.array([*shares, rest])[np.searchsorted(ends, rng.random(n), "right")]
    return drawn


def _attack(rng: np.random.Generator, n: int, spam: Spam) -> pd.DataFrame:
    """Messages of spam, or of a harvest attack."""
    sender = _pick(rng, n, "valid", {name: getattr(spam, name) for name in SENDERS[1:]})
    login = _pick(rng, n, "", {"guest": spam.guest_logins, "failed": spam.failed_logins})
    elsewhere, (host, sender_host) = rng.random(n) < spam.elsewhere, rng.integers(0, spam.domains, (2, n))
    mails = pd.DataFrame({"mail": range(n), "size": spam.size.draw(rng, n), "sender": sender, "host": host})
    mails["sender_host"] = np.where(sender == "unreachable", SILENT, sender_host)
    mails["login"], mails["elsewhere"] = np.where(elsewhere, login, ""), elsewhere
    copies = mails.loc[np.repeat(mails.index, spam.recipients)]
    return copies.assign(valid=rng.random(len(copies)) < spam.valid_recipients)


def _legitimate(rng: np.random.Generator, n: int, mail: Mail) -> pd.DataFrame:
    """Legitimate messages."""
    slip, typed = rng.random((2, n))
    login = _pick(rng, n, "", {"inside": mail.inside, "user": mail.roaming})
    report = (login == "") & (slip < mail.ndrs)
    hosts = FAMILIAR + rng.integers(0, 200, (2, n))
    made = pd.DataFrame({"mail": range(n), "size": mail.size.draw(rng, n), "host": hosts[0], "sender_host": hosts[1]})
    return made.assign(
        sender=np.where(report, "null", "valid"),
        login=np.where((login == "user") & (slip < mail.mistyped), "retried", login),
        elsewhere=login != "",
        valid=report | (typed >= mail.typing_errors),
    )


def arrivals(server: Server, load: Load, duration: float, seed: int) -> list[Message]:
    """All that comes from outside and from users here, in order; each stream has random numbers of its own."""
    streams: dict[str, Spam | Mail] = {"spam": load.spam, "harvest": load.harvest, "mail": load.mail}
    parts = []
    for number, (kind, stream) in enumerate(streams.items()):
        rng = np.random.Generator(np.random.PCG64([seed, number]))
        time = np.sort(rng.random(rng.poisson(stream.rate * duration)) * duration)
        make = _legitimate if isinstance(stream, Mail) else _attack
        part: pd.DataFrame = make(rng, len(time), stream)  # type: ignore[arg-type]
        parts.append(part.assign(kind=kind, arrived=time[part["mail"]]))
    come = pd.concat(parts).sort_values("arrived", kind="stable", ignore_index=True)
    rng, n = np.random.Generator(np.random.PCG64([seed, len(streams)])), len(come)
    come["late"], sender_late = rng.random((2, n)) < load.hosts.late
    come["sender_late"] = sender_late & (
        come["sender"] == "invalid"
    )  # all take what is somebody's, none what is malformed
    units = rng.exponential(size=(n, 9))
    if server.cpu_law == "fixed":
        units[:, : REFUSE + 1] = 1.0
    come["mail"] = come.groupby(["kind", "mail"], sort=False).ngroup()
    come["size"] = come["size"].clip(lower=100).round().astype("int64")
    come = come.assign(number=range(n), of=None, units=units.tolist())
    names = [name for name in Message.__slots__ if name in come]
    return [Message(*row) for row in zip(*(come[name].tolist() for name in names), strict=True)]
