"""Sendmail 8 under syslog: one host, an MTA daemon and its queue runners."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Script, Stamp, digits, tally, text
from benchmarks.writers.world import FRESH, World

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"

# name: (text, what it counts as)
LINES: dict[str, tuple[str, ...]] = {
    "from": ("{id}: from=<{sender}>, size={size}, class=0, nrcpts={count}, msgid=<{unique}.{n}@{domain}>, bodytype=8BITMIME, proto=ESMTP, daemon=MTA-v4, relay={peer}", "received", "octets_received"),
    "from user": ("{id}: Authentication-Warning: mail.example.com: {user} set sender to {sender} using -f",),
    "from local": ("{id}: from={user}, size={size}, class=0, nrcpts={count}, msgid=<{id}@mail.example.com>, relay={user}@localhost", "received", "octets_received"),
    "tls": ("STARTTLS=server, relay={peer}, version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",),
    "tls out": ("STARTTLS=client, relay={mx}., version=TLSv1.2, verify=FAIL, cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256/256",),
    "auth": ("AUTH=server, relay={peer}, authid={user}, mech=PLAIN, bits=0",),
    "auth failed": ("{id}: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user={user}, relay={peer}", "auth_failures"),
    "attack": ("{id}: {peer}: possible SMTP attack: command=AUTH, count={n}",),
    "stored": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=local, pri={pri}, dsn=2.0.0, stat=Sent", "delivered", "octets_delivered"),
    "sent": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=esmtp, pri={pri}, relay={mx}. [{address}], dsn=2.0.0, stat=Sent (Ok: queued as {remote})", "delivered", "octets_delivered"),
    "deferred": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=esmtp, pri={pri}, relay={mx}. [{address}], dsn=4.7.1, stat=Deferred: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted", "deferrals"),
    "unreachable": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=esmtp, pri={pri}, relay={mx}., dsn=4.0.0, stat=Deferred: Connection timed out with {mx}.", "deferrals"),
    "failed": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=esmtp, pri={pri}, relay={mx}. [{address}], dsn=5.1.1, stat=User unknown", "bounced"),
    "no host": ("{id}: to=<{to}>, delay={delay}, xdelay={xdelay}, mailer=esmtp, pri={pri}, relay={domain}, dsn=5.1.2, stat=Host unknown (Name server: {domain}: host not found)", "bounced"),
    "dsn": ("{id}: {new}: DSN: User unknown", "ndrs"),
    "warning": ("{id}: {new}: sender notify: Warning: could not send message for past 4 hours",),
    "listed": ("{id}: ruleset=check_rcpt, arg1=<{to}>, relay={peer}, reject=550 5.7.1 <{to}>... Rejected: {ip} listed at zen.dnsbl.example", "rejected"),
    "relaying": ("{id}: ruleset=check_rcpt, arg1=<{to}>, relay={peer}, reject=550 5.7.1 <{to}>... Relaying denied. Proper authentication required.", "rejected"),
    "no domain": ("{id}: ruleset=check_mail, arg1=<{sender}>, relay={peer}, reject=451 4.1.8 Domain of sender address {sender} does not resolve", "rejected"),
    "rate": ("ruleset=check_relay, arg1={helo}, arg2={ip}, relay={peer}, reject=421 4.3.2 Connection rate limit exceeded.", "rejected"),
    "unknown user": ("{id}: <{to}>... User unknown", "rejected"),
    "refused from": ("{id}: from=<{sender}>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA-v4, relay={peer}",),
    "lost": ("{id}: lost input channel from {peer} to MTA-v4 after {verb}",),
    "idle": ("{id}: {peer} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4",),
}  # fmt: skip


def queue_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Year, month, day, hour, minute, second, sequence in base 60, then six digits of a process id."""
    moment = (born // 1_000_000).astype("datetime64[s]")
    month = moment.astype("datetime64[M]").astype(np.int64)
    seconds = born // 1_000_000 % 86_400
    parts = [
        month // 12 + 70,
        month % 12,
        (moment.astype("datetime64[D]") - moment.astype("datetime64[M]")).astype(np.int64) + 1,
    ]
    parts += [seconds // 3600, seconds // 60 % 60, seconds % 60, number // 990_000]
    return np.hstack(
        [*(digits(part % 60, 1, LETTERS) for part in parts), text("a", len(number)), digits(1000 + number % 990_000, 6)]
    )


def remote_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    return np.hstack([text("4S", len(number)), digits(number * 48_271, 9, "0123456789ABCDEF")])


def clock(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    return (f"{days}+" if days else "") + f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


class Sendmail:
    """Plays sessions and messages into a script."""

    def __init__(self, script: Script) -> None:
        self.script, self.random, self.world = script, script.random, World(script)
        self.pids = itertools.count(2000)  # a connection's process is its own

    def log(self, at: float, what: str, /, **fields: Any) -> None:
        line, *counts = LINES[what]
        program = "sendmail" if "user" in fields and "local" in what else "sm-mta"
        head = f"{self.script.stamp} mail {program}[{fields['pid']}]: "
        self.script.say(at, head + line.format_map(fields), tally(counts, fields))

    def play(self, octets: int) -> None:
        kinds = {self.mail: 45, self.submission: 15, self.refused: 20, self.guessing: 8, self.idle: 8, self.cron: 4}
        for at in self.script.spread(octets):
            (life,) = self.random.choices(list(kinds), list(kinds.values()))
            life(at)

    def connect(self, at: float) -> dict[str, Any]:
        name, ip = self.world.client()
        forged = " (may be forged)" if name and self.random.random() < 0.06 else ""
        peer = f"{name} [{ip}]{forged}" if name else f"[{ip}]"
        return {
            "ip": ip,
            "peer": peer,
            "helo": name or f"[{ip}]",
            "id": self.script.id(at),
            "pid": next(self.pids),
        }

    def message(self, at: float, sender: str, to: list[str], session: dict[str, Any]) -> dict[str, Any]:
        made = {
            "sender": sender,
            "to": to,
            "count": len(to),
            "size": self.world.size(),
            "arrived": at,
            "id": self.script.id(at),
        }
        made |= {"unique": self.script.id(at, "remote"), "domain": sender.rpartition("@")[2] or "example.com"}
        return session | made | {"n": self.random.randrange(10_000)}

    def mail(self, at: float) -> None:
        session = self.connect(at)
        if self.random.random() < 0.7:
            self.log(at, "tls", **session)
        for _ in range(1 if self.random.random() < 0.85 else self.random.randint(2, 6)):
            at += 0.2 + self.world.pause(1)
            to = [self.world.local() for _ in range(self.world.recipients())]
            message = self.message(at, self.world.sender(self.script.id(at, "remote")), to, session)
            if self.random.random() < 0.05:
                self.log(at - 0.1, "unknown user", **message | {"to": self.world.local()})
            self.log(at, "from", **message)
            self.deliver(at + 0.05, message)

    def submission(self, at: float) -> None:
        session = self.connect(at)
        to = [self.world.stranger() for _ in range(self.world.recipients())]
        message = self.message(at, self.world.local(), to, session)
        self.log(at, "tls", **session)
        self.log(at + 0.1, "auth", **session, user=message["sender"].partition("@")[0])
        self.log(at + 0.4, "from", **message)
        self.deliver(at + 0.5, message)

    def cron(self, at: float) -> None:
        message = self.message(at, "root", ["admin@example.com"], self.connect(at)) | {"user": "root"}
        self.log(at, "from local", **message)
        self.deliver(at + 0.05, message)

    def refused(self, at: float) -> None:
        session = self.connect(at) | {"sender": self.world.stranger()}
        why = self.random.choice(["listed", "listed", "relaying", "no domain", "rate", "unknown user"])
        for _ in range(1 if why == "rate" or self.random.random() < 0.7 else self.random.randint(2, 12)):
            at += 0.1 + self.world.pause(0.5)
            self.log(at, why, to=self.world.local(), **session)
        if why != "rate":
            self.log(at + 0.1, *self.random.choice([("lost",), ("refused from",)]), verb="rcpt", **session)

    def guessing(self, at: float) -> None:
        session = self.connect(at) | {"user": self.world.local().partition("@")[0]}
        tries = self.random.randint(1, 6)
        for _ in range(tries):
            at += 1 + self.world.pause(2)
            self.log(at, "auth failed", **session)
        if tries > 4:
            self.log(at, "attack", n=tries, **session)
        self.log(at + 0.2, "lost", verb="auth", **session)

    def idle(self, at: float) -> None:
        self.log(at, "idle", **self.connect(at))

    def deliver(self, at: float, message: dict[str, Any]) -> None:
        """One line for each group of recipients that share a fate, as sendmail logs them."""
        inside = [to for to in message["to"] if to.endswith(("@example.com", "@example.org"))]
        outside = [to for to in message["to"] if to not in inside]
        for to in [">,<".join(inside)] * bool(inside) + outside:
            fate, tries, now = self.random.random(), 0, at
            local = to not in outside
            mx, address = self.world.relay(to)
            fields = message | {
                "to": to,
                "mx": mx,
                "address": address,
                "domain": to.rpartition("@")[2],
                "many": to.count("@"),
            }
            while True:
                took = self.world.pause(1.5)
                now += took
                fields |= {
                    "delay": clock(now - message["arrived"]),
                    "xdelay": clock(took),
                    "pri": 30_000 + message["size"] + 90_000 * tries,
                }
                fields["remote"] = self.script.id(now, "remote")
                if local or fate < 0.78:
                    self.log(now, "stored" if local else "sent", **fields)
                elif fate > 0.86 and tries < 1 + int((1 - fate) * 25):
                    self.log(now, "deferred" if fate < 0.93 else "unreachable", **fields)
                    self.script.also("deferred", not tries)
                    now, tries = now + 600 + self.world.pause(60), tries + 1
                    continue
                elif fate < 0.87:
                    self.log(now, "failed" if fate < 0.84 else "no host", **fields)
                    self.notify(now, message)
                else:
                    self.log(now, "sent", **fields)
                break

    def notify(self, at: float, message: dict[str, Any]) -> None:
        if "@" in message["sender"]:
            report = message | {
                "id": self.script.id(at),
                "to": [message["sender"]],
                "sender": "",
                "arrived": at,
                "size": message["size"] // 2 + 2000,
            }
            self.log(at + 0.01, "dsn", **message | {"new": report["id"]})
            self.deliver(at + 0.02, report)


def block(seed: int, octets: int) -> Block:
    script = Script(
        Stamp("%b %e "), FRESH | {"queue": queue_id, "remote": remote_id}, seed, seconds=max(octets / 20_000, 2600)
    )
    Sendmail(script).play(octets)
    return Block(script)
