"""Postfix logs of three and a half days of ordinary mail, in which from a known time on something happens."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator

START, ONSET, END = (
    dt.datetime(2026, 3, day, hour, minute) for day, hour, minute in ((2, 0, 0), (4, 14, 20), (5, 12, 0))
)
DOMAINS = ("gmail.test", "isp.example", "firm.test", "uni.example")
Line = tuple[dt.datetime, str]
FATES = {"sent": "dsn=2.0.0, status=sent (250 ok)", "deferred": "dsn=4.7.1, status=deferred (451 4.7.1 try again later)",
         "bounced": "dsn=5.1.1, status=bounced (550 5.1.1 no such user)"}  # fmt: skip


def host(number: int) -> str:
    return f"host{number}.example.net[198.51.{number // 250}.{number % 250}]"


class Server:
    """What Postfix writes."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.ids = 0

    def say(self, time: dt.datetime, daemon: str, text: str) -> None:
        self.lines.append((time, f"{time:%b} {time.day:2} {time:%H:%M:%S} mx postfix/{daemon}: {text}"))

    def message(self, time: dt.datetime, sender: str, to: dict[str, str], client: int = 500, user: str = "") -> None:
        pid, name = f"[{1000 + self.ids % 9000}]", f"A{self.ids:09X}"
        self.ids += 1
        self.say(time, f"smtpd{pid}", f"connect from {host(client)}")
        login = f", sasl_method=PLAIN, sasl_username={user}" if user else ""
        self.say(time, f"smtpd{pid}", f"{name}: client={host(client)}{login}")
        self.say(time, "qmgr[9]", f"{name}: from=<{sender}>, size=5000, nrcpt={len(to)} (queue active)")
        self.say(time, f"smtpd{pid}", f"disconnect from {host(client)} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5")
        for address, fate in to.items():
            relay = f"mx.{address.partition('@')[2]}[192.0.2.5]:25"
            self.say(
                time, f"smtp{pid}", f"{name}: to=<{address}>, relay={relay}, delay=1, delays=1/0/0/0, {FATES[fate]}"
            )
        if "bounced" in to.values() and sender:
            report = f"B{self.ids:09X}"
            self.say(time, f"bounce{pid}", f"{name}: sender non-delivery notification: {report}")
            self.say(time, "qmgr[9]", f"{report}: from=<>, size=3000, nrcpt=1 (queue active)")
            relay = f"mx.{sender.partition('@')[2]}[192.0.2.6]:25"
            self.say(
                time, f"smtp{pid}", f"{report}: to=<{sender}>, relay={relay}, delay=1, delays=1/0/0/0, {FATES['sent']}"
            )

    def refusal(self, time: dt.datetime, client: int, sender: str, to: list[str], why: str = "") -> None:
        pid = f"[{10_000 + len(self.lines) % 9000}]"
        self.say(time, f"smtpd{pid}", f"connect from {host(client)}")
        for address in to:
            said = why or f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in local recipient table"
            envelope = f"from=<{sender}> to=<{address}> proto=ESMTP helo=<x>"
            self.say(time, f"smtpd{pid}", f"NOQUEUE: reject: RCPT from {host(client)}: {said}; {envelope}")
        self.say(time, f"smtpd{pid}", f"disconnect from {host(client)} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")

    def guess(self, time: dt.datetime, client: int, user: str) -> None:
        pid = f"[{20_000 + len(self.lines) % 9000}]"
        self.say(time, f"smtpd{pid}", f"connect from {host(client)}")
        failed = f"SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username={user}"
        self.say(time, f"smtpd{pid}", f"warning: {host(client)}: {failed}")
        self.say(time, f"smtpd{pid}", f"disconnect from {host(client)} ehlo=1 auth=0/1 quit=1 commands=2/3")


Rate = Callable[[dt.datetime], float]  # an hour


def times(rng: random.Random, begin: dt.datetime, an_hour: Rate, end: dt.datetime = END) -> Iterator[dt.datetime]:
    time = begin
    while (time := time + dt.timedelta(hours=rng.expovariate(an_hour(time)))) < end:
        yield time


def by_day(time: dt.datetime) -> float:
    return 60 if 8 <= time.hour < 18 else 6


def ordinary(server: Server, rng: random.Random, an_hour: Rate, begin: dt.datetime, end: dt.datetime) -> None:
    """Mail, some refusals, some wrong passwords."""
    for time in times(rng, begin, an_hour, end):
        here, there = f"user{rng.randrange(40)}@example.com", f"p{rng.randrange(500)}@{rng.choice(DOMAINS)}"
        kind, fate = rng.random(), rng.random()
        if kind < 0.6:
            server.message(time, there if fate < 0.95 else "", {here: "sent"}, rng.randrange(60))
        elif kind < 0.9:
            state = "bounced" if fate < 0.03 else "deferred" if fate < 0.08 else "sent"
            server.message(time, here, {there: state}, user=here.partition("@")[0])
        elif kind < 0.98:
            server.refusal(time, 100 + rng.randrange(200), there, [f"x{rng.randrange(9999)}@example.com"])
        else:
            server.guess(time, 300 + rng.randrange(50), "info")


def newsletters(server: Server) -> None:
    """One every morning."""
    for day in range(4):
        for number in range(150):
            time = START + dt.timedelta(days=day, hours=9, seconds=3 * number)
            server.message(time, "news@example.com", {f"s{number}@isp.example": "sent"}, user="news")


Attack = Callable[[Server, random.Random, dt.datetime], None]


def unknown(rng: random.Random) -> str:
    return f"g{rng.randrange(10**6)}@example.com"


def harvest(server: Server, rng: random.Random, time: dt.datetime, clients: int = 3) -> None:
    to = [unknown(rng) for _ in range(4)]
    server.refusal(time, 1000 + rng.randrange(clients), f"z{rng.randrange(99)}@zz.test", to)


def harvest_by_many(server: Server, rng: random.Random, time: dt.datetime) -> None:
    harvest(server, rng, time, 3000)


def incoming(server: Server, rng: random.Random, time: dt.datetime) -> None:
    server.refusal(time, 1000 + rng.randrange(3000), "", [unknown(rng)])


def backscatter(server: Server, rng: random.Random, time: dt.datetime) -> None:
    forged = f"f{rng.randrange(10**6)}@victim{rng.randrange(50)}.test"
    server.message(time, forged, {unknown(rng): "bounced"}, 1000 + rng.randrange(3000))


def stolen(server: Server, rng: random.Random, time: dt.datetime) -> None:
    fates = ("sent", "sent", "deferred", "bounced")
    to = {f"v{rng.randrange(10**6)}@{rng.choice(DOMAINS)}": rng.choice(fates) for _ in range(9)}
    server.message(time, "user7@example.com", to, 77, "user7")


def guessing(server: Server, rng: random.Random, time: dt.datetime) -> None:
    server.guess(time, 1000 + rng.randrange(4), rng.choice(["admin", "info", "sales"]))


def deferring(server: Server, rng: random.Random, time: dt.datetime) -> None:
    here = f"user{rng.randrange(40)}"
    server.message(time, f"{here}@example.com", {f"p{rng.randrange(500)}@gmail.test": "deferred"}, user=here)


def full_disk(server: Server, rng: random.Random, time: dt.datetime) -> None:
    there = f"p{rng.randrange(500)}@isp.example"
    server.refusal(time, rng.randrange(60), there, ["user1@example.com"], "452 4.3.1 Insufficient system storage")


def growth(server: Server, rng: random.Random, time: dt.datetime) -> None:
    """Much more of the same mail, with as much of it refused as ever."""
    there = f"p{rng.randrange(500)}@{rng.choice(DOMAINS)}"
    if rng.random() < 0.9:
        server.message(time, there, {f"user{rng.randrange(40)}@example.com": "sent"}, rng.randrange(60))
    else:
        server.refusal(time, 100 + rng.randrange(200), there, [unknown(rng)])


def log(attack: Attack | None = None, an_hour: float = 100, seed: int = 7) -> bytes:
    """The log; the attack, if there is one, goes on from ``ONSET`` until the end."""
    server, rng = Server(), random.Random(seed)
    ordinary(server, rng, by_day, START, END)
    newsletters(server)
    if attack:
        for time in times(rng, ONSET, lambda _: an_hour):
            attack(server, rng, time)
    return written(server)


def quiet(an_hour: Rate, begin: dt.datetime, end: dt.datetime, seed: int) -> bytes:
    """A log of ordinary mail alone, as much as a rate says."""
    server = Server()
    ordinary(server, random.Random(seed), an_hour, begin, end)
    return written(server)


def written(server: Server) -> bytes:
    return "".join(f"{line}\n" for _, line in sorted(server.lines, key=lambda line: line[0])).encode()
