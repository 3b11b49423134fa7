"""The white paper's server as a discrete-event model on SimPy.

A message is taken in or refused in the dialogue, handled by one processor (first come, first served),
delivered here, or sent out over a limited number of connections that share one uplink; what fails is
reported as the settings say. A message to several recipients counts as so many messages, as the server's
queues do. Nothing but the settings and the seed decides what happens.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Generator
from itertools import count
from typing import Any

import simpy

from spamlab.simulate.arrivals import DOUBLE, NDR, NOTICE, REFUSE, RETURNED, SEND, SILENT, TAKE, TALK, TALK_NDR, Message
from spamlab.simulate.settings import Hosts, Server

OWN = ("inside", "user", "retried")  # of these logins, senders are users here
LINES = 100  # octets the server writes for each message it offers: EHLO's share, MAIL, RCPT, RSET or DATA


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
