"""Exim's main log with the selectors +smtp_connection, +subject off, +tls_cipher: a hub that also delivers locally."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Script, Stamp, digits, tally, text
from benchmarks.writers.world import FRESH, World

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# name: (text, what it counts as)
LINES: dict[str, tuple[str, ...]] = {
    "connect": ("SMTP connection from [{ip}]:{port} (TCP/IP connection count = {n})", "sessions"),
    "quit": ("SMTP connection from {peer} closed by QUIT",),
    "lost": ("SMTP connection from {peer} lost",),
    "no name": ("no host name found for IP address {ip}",),
    "arrival": ("{id} <= {sender} H={peer} P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no S={size} id={unique}.{n}@{domain}", "received", "octets_received"),
    "plain arrival": ("{id} <= {sender} H={peer} P=esmtp S={size} id={unique}.{n}@{domain}", "received", "octets_received"),
    "submission": ("{id} <= {sender} H={peer} P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=dovecot_plain:{sender} S={size} id={unique}@{domain}", "received", "octets_received"),
    "local arrival": ("{id} <= root@hub.example.com U=root P=local S={size}", "received", "octets_received"),
    "report": ("{id} <= <> R={old} U=Debian-exim P=local S={size}", "ndrs", "octets_reports"),
    "stored": ("{id} => {user} <{to}> R=local_user T=dovecot_lmtp C=\"250 2.0.0 <{to}> {remote} Saved\"", "delivered", "octets_delivered"),
    "sent": ("{id} => {to} R=dnslookup T=remote_smtp H={relay} X=TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256 CV=yes C=\"250 2.0.0 Ok: queued as {remote}\"", "delivered", "octets_delivered"),
    "sent with it": ("{id} -> {to} R=dnslookup T=remote_smtp H={relay} X=TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256 CV=yes C=\"250 2.0.0 Ok: queued as {remote}\"", "delivered", "octets_delivered", "further_addresses"),
    "discarded": ("{id} => :blackhole: <{to}> R=system_aliases", "discarded"),
    "greylist": ("{id} == {to} R=dnslookup T=remote_smtp defer (-44) H={relay}: SMTP error from remote mail server after RCPT TO:<{to}>: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted", "deferrals"),
    "no answer": ("{id} H={relay} Connection timed out",),
    "unreachable": ("{id} == {to} R=dnslookup T=remote_smtp defer (110): Connection timed out", "deferrals"),
    "not yet": ("{id} == {to} R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host for '{domain}'", "deferrals"),
    "failed": ("{id} ** {to} R=dnslookup T=remote_smtp H={relay} X=TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256 CV=yes: SMTP error from remote mail server after RCPT TO:<{to}>: 550 5.1.1 <{to}>: Recipient address rejected: User unknown", "bounced"),
    "unroutable": ("{id} ** {to} <{to}>: Unrouteable address", "bounced"),
    "expired": ("{id} ** {to} R=dnslookup T=remote_smtp H={relay}: retry timeout exceeded", "bounced"),
    "completed": ("{id} Completed",),
    "unknown user": ("H={peer} X=TLS1.2:ECDHE-RSA-AES256-GCM-SHA384:256 CV=no F=<{sender}> rejected RCPT <{to}>: Unrouteable address", "rejected"),
    "listed": ("H={peer} F=<{sender}> rejected RCPT <{to}>: {ip} is listed at zen.dnsbl.example (127.0.0.4: https://www.dnsbl.example/query/ip/{ip})", "rejected"),
    "relaying": ("H={peer} F=<{sender}> rejected RCPT <{to}>: relay not permitted", "rejected"),
    "deferred rcpt": ("H={peer} F=<{sender}> temporarily rejected RCPT <{to}>: greylisted", "rejected", "temporarily_rejected"),
    "spam": ("{id} H={peer} F=<{sender}> rejected after DATA: This message scored 12.3 spam points.", "rejected"),
    "helo": ("rejected EHLO from {peer}: syntactically invalid argument(s): {helo}_", "rejected"),
    "auth": ("dovecot_login authenticator failed for ({helo}) [{ip}]:{port}: 535 Incorrect authentication data (set_id={user})", "auth_failures"),
    "run": ("Start queue run: pid={n}",),
    "ran": ("End queue run: pid={n}",),
}  # fmt: skip


def old_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Sixteen characters, as before Exim 4.97: second of arrival, process, fraction."""
    dash = text("-", len(number))
    process = 916_132 + number // 4 % 30_000_000
    return np.hstack(
        [
            digits(born // 1_000_000, 6, LETTERS),
            dash,
            digits(process, 6, LETTERS),
            dash,
            digits(number % 4 * 500 + 7, 2, LETTERS),
        ]
    )


def new_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Twenty-three characters, since Exim 4.97."""
    dash = text("-", len(number))
    fraction = born % 1_000_000 * 4 // 4
    return np.hstack(
        [
            digits(born // 1_000_000, 6, LETTERS),
            dash,
            digits(916_132 + number, 11, LETTERS),
            dash,
            digits(fraction, 4, LETTERS),
        ]
    )


def remote_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    return np.hstack([text("4F", len(number)), digits(number * 48_271, 9, "0123456789ABCDEF")])


class Exim:
    """Plays sessions and messages into a script."""

    def __init__(self, script: Script) -> None:
        self.script, self.random, self.world = script, script.random, World(script)

    def log(self, at: float, what: str, /, **fields: Any) -> None:
        line, *counts = LINES[what]
        self.script.say(at, f"{self.script.stamp} {line.format_map(fields)}", tally(counts, fields))

    def play(self, octets: int) -> None:
        kinds = {
            self.mail: 45,
            self.submission: 15,
            self.refused: 22,
            self.guessing: 9,
            self.cron: 4,
            self.queue_run: 1,
        }
        for at in self.script.spread(octets):
            (life,) = self.random.choices(list(kinds), list(kinds.values()))
            life(at)

    def connect(self, at: float) -> dict[str, Any]:
        name, ip = self.world.client()
        helo = name if name and self.random.random() < 0.8 else self.world.word() + ".invalid"
        said = f"({helo})" if not name else name if name == helo else f"{name} ({helo})"
        port = self.random.randrange(1024, 65_000)
        fields = {
            "ip": ip,
            "port": port,
            "peer": f"{said} [{ip}]:{port}",
            "helo": helo,
            "n": self.random.randrange(1, 90),
        }
        self.log(at, "connect", **fields)
        if not name:
            self.log(at, "no name", **fields)
        return fields

    def message(self, at: float, sender: str, to: list[str], **more: Any) -> dict[str, Any]:
        made = {"id": self.script.id(at), "sender": sender or "<>", "to": to, "size": self.world.size(), "arrived": at}
        made |= {"unique": self.script.id(at, "remote"), "domain": sender.rpartition("@")[2] or "example.com"}
        return made | {"n": self.random.randrange(10_000)} | more

    def mail(self, at: float) -> None:
        session = self.connect(at)
        for _ in range(1 if self.random.random() < 0.85 else self.random.randint(2, 6)):
            at += 0.2 + self.world.pause(1)
            to = [self.world.local() for _ in range(self.world.recipients())]
            message = self.message(at, self.world.sender(self.script.id(at, "remote")), to)
            if self.random.random() < 0.04:
                self.log(at, "spam", **session | message | {"sender": message["sender"].strip("<>")})
                continue
            self.log(at, "arrival" if self.random.random() < 0.7 else "plain arrival", **session | message)
            self.deliver(at + 0.05, message)
        self.log(at + 0.3 + self.world.pause(1), "quit", **session)

    def submission(self, at: float) -> None:
        session = self.connect(at)
        at += 0.5 + self.world.pause(1)
        message = self.message(at, self.world.local(), [self.world.stranger() for _ in range(self.world.recipients())])
        self.log(at, "submission", **session | message)
        self.deliver(at + 0.1, message)
        self.log(at + 0.4, "quit", **session)

    def refused(self, at: float) -> None:
        session = self.connect(at)
        sender, why = (
            self.world.stranger(),
            self.random.choice(["listed", "listed", "unknown user", "relaying", "deferred rcpt", "helo"]),
        )
        for _ in range(1 if self.random.random() < 0.7 else self.random.randint(2, 12)):
            at += 0.1 + self.world.pause(0.5)
            self.log(at, why, sender=sender, to=self.world.local(), **session)
        self.log(at + 0.3, self.random.choice(["quit", "lost"]), **session)

    def guessing(self, at: float) -> None:
        session = self.connect(at)
        for _ in range(self.random.randint(1, 5)):
            at += 1 + self.world.pause(2)
            self.log(at, "auth", user=self.world.local(), **session)
        self.log(at + 0.2, "lost", **session)

    def cron(self, at: float) -> None:
        message = self.message(at, "root@hub.example.com", ["admin@example.com"])
        self.log(at, "local arrival", **message)
        self.deliver(at + 0.05, message)

    def queue_run(self, at: float) -> None:
        number = self.random.randrange(1000, 60_000)
        self.log(at, "run", n=number)
        self.log(at + 1 + self.world.pause(4), "ran", n=number)

    def deliver(self, at: float, message: dict[str, Any]) -> None:
        waiting, failed, tries = list(message["to"]), False, 0
        fate = {to: self.random.random() for to in waiting}
        while waiting:
            again, before = [], ""
            for to in waiting:
                at += 0.02 + self.world.pause(0.4)
                what = self.attempt(at, message, to, fate[to], tries, before)
                before = to.rpartition("@")[2] if what == "sent" else ""
                if what == "failed":
                    self.script.also("failed", not failed)
                    failed = True
                if what == "later":
                    again.append(to)
                    self.script.also("deferred", not tries and len(again) == 1)
            waiting, tries = again, tries + 1
            at += (600 + self.world.pause(60)) * bool(waiting)
        if failed and message["sender"] != "<>":
            report = self.message(at, "", [message["sender"]], old=message["id"])
            self.log(at + 0.01, "report", **report)
            self.deliver(at + 0.03, report)
        self.log(at + 0.04, "completed", **message)

    def attempt(self, at: float, message: dict[str, Any], to: str, fate: float, tries: int, before: str) -> str:
        name, ip = self.world.relay(to)
        user, _, domain = to.rpartition("@")
        fields = message | {
            "to": to,
            "user": user,
            "domain": domain,
            "relay": f"{name} [{ip}]",
            "remote": self.script.id(at, "remote"),
        }
        if domain.endswith(("example.com", "example.org")):
            self.log(at, "discarded" if fate < 0.01 else "stored", **fields)
            return "sent"
        if fate > 0.86 and tries < 1 + int((1 - fate) * 30):
            if fate > 0.93 and not tries:
                self.log(at - 0.01, "no answer", **fields)
            self.log(at, "greylist" if fate < 0.93 else "not yet" if tries else "unreachable", **fields)
            return "later"
        if 0.78 < fate < 0.87:
            self.log(at, "failed" if fate < 0.84 else "unroutable" if fate < 0.86 else "expired", **fields)
            return "failed"
        self.log(at, "sent with it" if before == domain else "sent", **fields)
        return "sent"


def block(seed: int, octets: int, long: bool = False) -> Block:
    ids = FRESH | {"queue": new_id if long else old_id, "remote": remote_id}
    script = Script(Stamp("%Y-%m-%d "), ids, seed, seconds=max(octets / 20_000, 2600))
    Exim(script).play(octets)
    return Block(script)
