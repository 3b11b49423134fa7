"""The white paper's server as a discrete-event model on SimPy.

A message is taken in or refused in the dialogue, handled by one processor (first come, first served),
delivered here, or sent out over a limited number of connections that share one uplink; what fails is
reported as the settings say. A message to several recipients counts as so many messages, as the server's
queues do. Nothing but the settings and the seed decides what happens; all that is random about an arrival
is drawn beforehand, so the same seed brings the same arrivals to every server.

>>> run(duration=60, seed=1).messages["state"].isin(STATES).all()
np.True_
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import simpy

from spamlab.simulate.settings import SENDERS, Hosts, Load, Mail, Server, Spam

if TYPE_CHECKING:
    from spamlab.log import Log

KINDS = ("spam", "harvest", "mail", "ndr", "notice", "double bounce", "returned")
STATES = ("refused", "delivered", "sent", "failed", "waiting")
LOGINS = ("", "inside", "user", "retried", "guest", "failed")
OWN = ("inside", "user", "retried")  # of these, senders are users here
FAMILIAR = 100  # hosts of legitimate mail are numbered from here
SILENT = -1  # stands for all hosts that do not answer
LINES = 100  # octets the server writes for each message it offers: EHLO's share, MAIL, RCPT, RSET or DATA
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


COLUMNS = [name for name in Message.__slots__ if name not in ("units", "late", "sender_late")]
CATEGORIES = {"kind": KINDS, "state": STATES, "sender": SENDERS, "login": LOGINS}


# -- what comes ----------------------------------------------------------------------------------------


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


# -- what the server does ------------------------------------------------------------------------------


def may_relay(server: Server, login: str) -> bool:
    """Whether who logged in so may send to other domains; Guest is one who logged in, even after a failure."""
    guest = server.guest and (login == "guest" or (login == "failed" and server.fall_through))
    known = guest or login in ("user", "retried")
    return login == "inside" or server.relaying == "anyone" or (server.relaying == "logged in" and known)


def refusal(server: Server, message: Message) -> str:
    """Why a message is refused in the dialogue: ``sender``, ``relaying``, ``recipient``, or not at all."""
    if not {"null": server.null_senders, "malformed": server.malformed_senders}.get(message.sender, True):
        return "sender"
    if message.elsewhere:
        return "" if may_relay(server, message.login) else "relaying"
    return "recipient" if server.lookup and not message.valid else ""


class Model:
    """The server at work: fills ``messages``, ``jobs`` and ``attempts`` until the time is up."""

    def __init__(self, server: Server, hosts: Hosts, come: list[Message]) -> None:
        self.server, self.hosts, self.messages = server, hosts, come
        self.env = simpy.Environment()
        self.free = self.uplink = 0.0  # when the processor and the uplink will have done all they were given
        self.jobs: list[tuple[int, float, float, float]] = []  # message, asked for, begun, done
        self.attempts: list[tuple[int, int, float, float, str]] = []  # session, message, begun, done, outcome
        self.sessions = count()
        self.waiting: dict[int, deque[Message]] = defaultdict(deque)  # by host
        self.line = simpy.Store(self.env)  # a host's number for each message that waits
        self.env.process(self.arrive(len(come)))
        for _ in range(server.connections):
            self.env.process(self.connection())

    def later(self, wait: float, then: Callable[[Message], None], message: Message) -> None:
        """Do something with a message after a while."""
        event = self.env.timeout(max(wait, 0.0))
        event.callbacks.append(lambda _: then(message))

    def arrive(self, n: int) -> Generator[simpy.Event, Any, None]:
        """Messages come."""
        for message in self.messages[:n]:
            yield self.env.timeout(max(message.arrived - self.env.now, 0.0))
            self.take(message)

    def handle(self, message: Message, what: int, then: Callable[[Message], None]) -> None:
        """Have the processor handle a message, after all it was given before, for the time drawn for that."""
        now, start = self.env.now, max(self.env.now, self.free)
        self.free = start + message.units[what] * (self.server.refusing if what == REFUSE else self.server.cpu)
        self.jobs.append((message.number, now, start, self.free))
        self.later(self.free - now, then, message)

    def close(self, message: Message, state: str) -> None:
        """A message has come to its end."""
        message.state, message.done = state, self.env.now

    def take(self, message: Message) -> None:
        """A message is offered: refuse it or take it in."""
        if refusal(self.server, message):
            self.handle(message, REFUSE, lambda m: self.close(m, "refused"))
        else:
            self.handle(message, RETURNED if message.kind == "returned" else TAKE, self.taken)

    def taken(self, message: Message) -> None:
        """A message is in: send it on, deliver it, or find that its recipient does not exist."""
        if message.elsewhere:
            self.handle(message, SEND, self.queue)
        elif message.valid:
            self.deliver(message)
        else:
            self.fail(message)

    def deliver(self, message: Message) -> None:
        """Into a mailbox here; an error from another host tells the administrator that a report has failed."""
        self.close(message, "delivered")
        if message.kind == "returned":
            self.double_bounce(message)

    def report(self, kind: str, of: Message, elsewhere: bool = False, valid: bool = True) -> Message:
        """Make a message about another, to the administrator or to its sender's host."""
        made = Message(
            number=len(self.messages), kind=kind, of=of.number, mail=None, arrived=self.env.now,
            size=self.server.report_size, sender="null", sender_host=of.sender_host, login="", elsewhere=elsewhere,
            valid=valid, host=of.sender_host, late=of.sender_late, sender_late=False, units=of.units,
        )  # fmt: skip
        self.messages.append(made)
        return made

    def fail(self, message: Message) -> None:
        """A message cannot be delivered: close it and report it as the settings say."""
        self.close(message, "failed")
        if message.kind == "ndr":
            self.double_bounce(message)
            return
        if self.server.ndrs and message.sender != "null":
            local = message.login in OWN
            ndr = self.report("ndr", message, not local, message.sender == "valid")
            self.handle(ndr, NDR, self.deliver if local else self.queue)
        if self.server.notifications:
            self.handle(self.report("notice", message), NOTICE, self.deliver)

    def double_bounce(self, message: Message) -> None:
        """Tell the administrator that a report has failed."""
        if self.server.double_bounces:
            self.handle(self.report("double bounce", message), DOUBLE, self.deliver)

    def queue(self, message: Message) -> None:
        """Into the queue of its host."""
        self.waiting[message.host].append(message)
        self.line.put(message.host)

    def connection(self) -> Generator[simpy.Event, Any, None]:
        """An outbound connection: hosts in turn, at each what waits for it, RSET after a refusal."""
        while True:
            host = yield self.line.get()
            queue, session = self.waiting[host], next(self.sessions)
            most = 1 if host == SILENT else self.server.per_connection
            batch = [queue.popleft() for _ in range(min(len(queue), most))]  # another connection may have been faster
            if batch and host != SILENT:
                yield self.env.timeout(2 * self.hosts.latency)  # banner and EHLO
            for message in batch:
                yield from self.silence(session, message) if host == SILENT else self.offer(session, message)

    def silence(self, session: int, message: Message) -> Generator[simpy.Event, Any, None]:
        """Wait for a host in vain; try again later, or give up."""
        begun = self.env.now
        yield self.env.timeout(self.hosts.silence)
        self.attempts.append((session, message.number, begun, self.env.now, "silent"))
        message.tries += 1
        if message.tries > len(self.server.retries):
            self.fail(message)
        else:
            self.later(3600 * self.server.retries[message.tries - 1], self.queue, message)

    def offer(self, session: int, message: Message) -> Generator[simpy.Event, Any, None]:
        """MAIL and RCPT, then DATA and the text, or a refusal and RSET."""
        env, begun, of = self.env, self.env.now, TALK_NDR if message.kind == "ndr" else TALK
        unit = self.hosts.latency * message.units[of]
        accepted = message.valid or message.late
        message.tries += 1
        message.octets += LINES
        yield env.timeout(3 * unit)
        if accepted:
            message.octets += message.size
            self.uplink = max(env.now, self.uplink) + 8 * message.size / self.server.uplink
            yield env.timeout(self.uplink - env.now + unit)
        self.attempts.append((session, message.number, begun, env.now, "sent" if accepted else "refused"))
        if not accepted:
            self.fail(message)
            return
        self.close(message, "sent")
        if message.kind == "ndr" and not message.valid:  # the host finds out later
            self.later(self.hosts.late_after, lambda m: self.take(self.report("returned", m)), message)


# -- what comes of it ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a simulation gave.

    Parameters
    ----------
    server, load : what was simulated.
    duration : s.
    seed : of the arrivals.
    messages : DataFrame, one row a message to one recipient: ``number``; ``kind`` (``spam``, ``harvest``,
        ``mail``: legitimate, ``ndr``, ``notice`` and ``double bounce`` to the administrator, ``returned``: an
        error of another host about an NDR); ``of`` (Int64: the message it is about); ``mail`` (Int64: the mail
        that several recipients share); ``arrived``, ``done`` (s; NaN where it still waits); ``size`` (octets);
        ``sender`` (``valid``, ``invalid``, ``null``, ``malformed``, ``unreachable``); ``login`` (``""``,
        ``inside``, ``user``, ``retried``: a user who mistyped first, ``guest``, ``failed``); ``elsewhere``
        (bool: for another domain); ``valid`` (bool: the recipient exists); ``host``, ``sender_host``
        (numbers); ``tries``; ``octets`` (that it put on the uplink); ``delay`` (s from arrival to the end);
        ``state``, the one it ended in: ``refused`` in the dialogue, ``delivered`` here, ``sent`` to another host,
        ``failed`` for good, ``waiting``.
    jobs : DataFrame, one row a time the processor handled a message: ``message``, ``asked``, ``begun``,
        ``done`` (s; can lie beyond the duration).
    attempts : DataFrame, one row a try to send a message out: ``session``, ``message``, ``begun``, ``done`` (s),
        ``outcome`` (``sent``, ``refused``, ``silent``).
    """

    server: Server
    load: Load
    duration: float
    seed: int
    messages: pd.DataFrame
    jobs: pd.DataFrame
    attempts: pd.DataFrame

    @cached_property
    def queue(self) -> pd.DataFrame:
        """``time`` (s) of every change and ``length``: messages in the server from then on."""
        came, went = self.messages["arrived"], self.messages["done"].dropna()
        steps = pd.concat([pd.Series(1, index=came), pd.Series(-1, index=went)]).sort_index(kind="stable")
        return pd.DataFrame({"time": steps.index, "length": steps.cumsum().to_numpy()})

    def utilisation(self, times: np.ndarray) -> np.ndarray:
        """Share of the time between neighbouring times (s) that the processor is busy; one fewer than times."""
        begun, done = self.jobs["begun"].to_numpy(), self.jobs["done"].to_numpy()
        ends = np.r_[0.0, np.c_[begun, done].ravel()]
        spent = np.r_[0.0, np.repeat(np.cumsum(done - begun), 2)]
        spent[1::2] -= done - begun
        shares: np.ndarray = np.diff(np.interp(times, ends, spent)) / np.diff(times)
        return shares

    def over_time(self, step: float = 60.0) -> pd.DataFrame:
        """The course of things, one row each ``step`` seconds.

        Returns
        -------
        DataFrame: ``time`` (s, its end), ``arrived`` (messages), ``length`` (messages in the server at its
        end), ``utilisation`` (share), ``delay`` (mean s of the legitimate mail that came then).

        Examples
        --------
        >>> run(duration=120, seed=1).over_time().columns.tolist()
        ['time', 'arrived', 'length', 'utilisation', 'delay']
        """
        times = np.arange(0.0, self.duration + step / 2, step)
        when = (self.messages["arrived"] // step).astype("int64")
        at = np.searchsorted(self.queue["time"], times[1:], "right") - 1
        length = np.where(at >= 0, self.queue["length"].reindex(at.clip(0)).to_numpy(), 0)
        made = pd.DataFrame({"time": times[1:], "arrived": 0, "length": length, "utilisation": self.utilisation(times)})
        made["arrived"] = when.value_counts().reindex(made.index, fill_value=0)
        return made.assign(delay=self.legitimate_delays().groupby(when).mean())

    def legitimate_delays(self) -> pd.Series:
        """Seconds that legitimate mail took, by its row; for mail that still waits, so far."""
        mail = self.messages[
            self.messages["kind"].eq("mail") & self.messages["state"].isin(["delivered", "sent", "waiting"])
        ]
        return mail["delay"].fillna(self.duration - mail["arrived"])

    def files(self) -> dict[str, bytes]:
        """The Exchange 5.5 protocol logs, one file for each concurrent connection: name to content."""
        from spamlab.simulate.transcript import files

        return files(self)[0]

    def log(self) -> Log:
        """These files, read."""
        from spamlab.simulate.transcript import log

        return log(self)


def run(server: Server | None = None, load: Load | None = None, *, duration: float = 3600.0, seed: int = 0) -> Run:
    """Simulate the server from empty queues on.

    Parameters
    ----------
    server : its parts; by default the white paper's.
    load : what is sent to it; by default the white paper's.
    duration : s.
    seed : the same seed brings the same arrivals, whatever the server.

    Returns
    -------
    Run

    Raises
    ------
    ValueError : for shares that are none, or a duration that is not positive.

    Examples
    --------
    >>> known = run(Server(lookup=True), duration=60, seed=1).messages
    >>> known.loc[(known["kind"] == "spam") & ~known["elsewhere"] & ~known["valid"], "state"].unique().tolist()
    ['refused']
    """
    server, load = server or Server(), load or Load()
    if not duration > 0:
        raise ValueError(f"a simulation of {duration} s: the duration must be positive")
    model = Model(server, load.hosts, arrivals(server, load, duration, seed))
    model.env.run(until=duration)
    rows = {name: [getattr(message, name) for message in model.messages] for name in COLUMNS}
    messages = pd.DataFrame(rows).astype({"of": "Int64", "mail": "Int64", "done": "float64"})
    for name, values in CATEGORIES.items():
        messages[name] = pd.Categorical(messages[name], values)
    messages["delay"] = messages["done"] - messages["arrived"]
    jobs = pd.DataFrame(np.array(model.jobs).reshape(-1, 4), columns=["message", "asked", "begun", "done"])
    attempts = pd.DataFrame(model.attempts, columns=["session", "message", "begun", "done", "outcome"])
    return Run(server, load, duration, seed, messages, jobs, attempts)
