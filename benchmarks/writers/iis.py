"""The Windows SMTP service (Exchange 2000/2003): W3C extended log, sessions in and out."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Script, Stamp, digits
from benchmarks.writers.world import FRESH, World

FIELDS = "date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri-stem cs-uri-query sc-status sc-win32-status sc-bytes cs-bytes time-taken cs-version cs-host cs(User-Agent) cs(Cookie) cs(Referer)"
HEADER = f"#Software: Microsoft Internet Information Services 6.0\n#Version: 1.0\n#Date: 2024-03-11 00:00:00\n#Fields: {FIELDS} \n"
LINE = "{stamp} {ip} {user} SMTPSVC1 MAIL1 198.18.0.1 0 {verb} - {query} {status} 0 {out} {into} {took} SMTP - - - -"


def unique(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    return digits(number * 48_271, 12, "0123456789abcdef")


class Service:
    """Plays sessions into a script."""

    def __init__(self, script: Script) -> None:
        self.script, self.random, self.world = script, script.random, World(script)

    def say(
        self,
        at: float,
        session: dict[str, Any],
        verb: str,
        query: str,
        status: int = 250,
        out: int = 0,
        into: int = 0,
        **counts: int,
    ) -> None:
        took = int(self.world.pause(30)) if verb != "DATA" else int(self.world.pause(900))
        fields = {"stamp": self.script.stamp, "verb": verb, "query": query.replace(" ", "+") or "-", "status": status}
        self.script.say(
            at,
            LINE.format(**fields, **session, out=out or len(query) + 8, into=into or len(query) + 5, took=took),
            counts,
        )

    def play(self, octets: int) -> None:
        for at in self.script.spread(octets):
            self.random.choice([self.inbound, self.inbound, self.outbound])(at)

    def inbound(self, at: float) -> None:
        name, ip = self.world.client()
        session = {"ip": ip, "user": name or self.world.word().upper()}
        self.say(at, session, self.random.choice(["HELO", "EHLO", "EHLO"]), f" {session['user']}", out=275, sessions=1)
        for _ in range(1 if self.random.random() < 0.85 else self.random.randint(2, 8)):
            at += 0.3 + self.world.pause(1)
            sender = self.world.sender(self.script.id(at, "unique"))
            self.say(at, session, "MAIL", f" FROM:<{sender}>", transactions=1)
            good = 0
            for _ in range(self.world.recipients()):
                at += 0.05 + self.world.pause(0.4)
                refused = self.random.random() < 0.2
                good += not refused
                self.say(
                    at,
                    session,
                    "RCPT",
                    f" TO:<{self.world.local()}>",
                    550 if refused else 250,
                    recipients=1,
                    rejected=int(refused),
                )
            if good:
                at += self.world.pause(2)
                size = self.world.size()
                self.say(
                    at,
                    session,
                    "DATA",
                    f" <{self.script.id(at, 'unique')}@{sender.rpartition('@')[2] or 'example.net'}>",
                    out=132,
                    into=size,
                    received=1,
                    octets_received=size,
                )
            elif self.random.random() < 0.5:
                self.say(at + 0.1, session, "RSET", "", out=22, into=4)
        if self.random.random() < 0.95:
            self.say(at + 0.2, session, "QUIT", session["user"], 240, out=68, into=4)

    def outbound(self, at: float) -> None:
        to = [self.world.stranger() for _ in range(self.world.recipients())]
        mx, ip = self.world.relay(to[0])
        command, reply = ({"ip": ip, "user": f"OutboundConnection{word}"} for word in ("Command", "Response"))
        commands = [
            ("EHLO", "mail1.example.com", "250-" + mx),
            ("MAIL", f"FROM:<{self.world.local()}> SIZE={self.world.size()}", "250 2.1.0 Ok"),
        ]
        commands += [("RCPT", f"TO:<{address}>", "250 2.1.5 Ok") for address in to]
        commands += [
            ("DATA", "", "354 End data with <CR><LF>.<CR><LF>"),
            ("", "", f"250 2.0.0 Ok: queued as {self.script.id(at, 'unique')}"),
            ("QUIT", "", "221 2.0.0 Bye"),
        ]
        self.say(at, reply, "-", f"220 {mx} ESMTP Postfix", 0, sessions=1)
        for verb, query, answer in commands:
            at += 0.05 + self.world.pause(0.4)
            if verb:
                self.say(at, command, verb, query, 0, transactions=int(verb == "MAIL"), recipients=int(verb == "RCPT"))
            at += 0.02 + self.world.pause(0.2)
            self.say(at, reply, "-", answer, 0)


def block(seed: int, octets: int) -> Block:
    script = Script(
        Stamp("%Y-%m-%d "), FRESH | {"unique": unique}, seed, seconds=max(octets / 30_000, 60), header=HEADER
    )
    Service(script).play(octets)
    return Block(script)
