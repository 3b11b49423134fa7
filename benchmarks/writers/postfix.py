"""Postfix under syslog: two hosts, one of which passes its mail through a content filter."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Pool, Script, Stamp, digits, tally
from benchmarks.writers.world import FRESH, World

CLASSIC, ISO = Stamp("%b %e "), Stamp("%Y-%m-%dT", fraction=6, after="+01:00")

# name: (program, text, what it counts as). `octets_…` counts the size.
LINES: dict[str, tuple[str, ...]] = {
    "connect": ("{smtpd}", "connect from {client}", "sessions"),
    "no name": ("{smtpd}", "warning: hostname host-{n}.pool.isp.example does not resolve to address {ip}: Name or service not known"),
    "tls in": ("{smtpd}", "Anonymous TLS connection established from {client}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256"),
    "client": ("{smtpd}", "{id}: client={client}", "received"),
    "sasl client": ("{smtpd}", "{id}: client={client}, sasl_method=PLAIN, sasl_username={user}", "received"),
    "filtered client": ("smtpd", "{id}: client=localhost[127.0.0.1], orig_queue_id={old}, orig_client={client}", "received"),
    "pickup": ("pickup", "{id}: uid={n} from=<{user}>", "received"),
    "message-id": ("cleanup", "{id}: message-id=<{unique}.{n}@{domain}>"),
    "header": ("cleanup", "{id}: warning: header Subject: {subject} from {client}; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "reject_warnings"),
    "milter": ("cleanup", "{id}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Spam message rejected; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "rejected"),
    "queued": ("qmgr", "{id}: from=<{sender}>, size={size}, nrcpt={count} (queue active)", "octets_received"),
    "active": ("qmgr", "{id}: from=<{sender}>, size={size}, nrcpt={count} (queue active)"),
    "removed": ("qmgr", "{id}: removed"),
    "expired": ("qmgr", "{id}: from=<{sender}>, status=expired, returned to sender", "expired"),
    "tls out": ("smtp", "{trust} TLS connection established to {relay}:25: TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)"),
    "trouble": ("smtp", "connect to {relay}:25: Connection timed out"),
    "greylist": ("smtp", "{id}: host {relay} said: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted, see https://postgrey.example/help/{domain}.html (in reply to RCPT TO command)"),
    "sent": ("smtp", "{id}: to=<{to}>, relay={relay}:25, {delays}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {remote})", "delivered", "octets_delivered"),
    "sent again": ("smtp", "{id}: to=<{to}>, relay={relay}:25, conn_use={use}, {delays}, dsn=2.0.0, status=sent (250 2.0.0 OK  {n} {remote} - gsmtp)", "delivered", "octets_delivered"),
    "filter": ("smtp-amavis/smtp", "{id}: to=<{to}>, relay=127.0.0.1[127.0.0.1]:10024, {delays}, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as {new})", "delivered", "octets_delivered"),
    "stored": ("lmtp", "{id}: to=<{to}>, relay={host}.example.com[private/dovecot-lmtp], {delays}, dsn=2.0.0, status=sent (250 2.0.0 <{to}> {remote} Saved)", "delivered", "octets_delivered"),
    "stored alias": ("virtual", "{id}: to=<{to}>, orig_to=<{alias}>, relay=virtual, {delays}, dsn=2.0.0, status=sent (delivered to maildir)", "delivered", "octets_delivered"),
    "forwarded": ("local", "{id}: to=<{to}>, orig_to=<{alias}>, relay=local, {delays}, dsn=2.0.0, status=sent (forwarded as {new})", "forwarded"),
    "deferred": ("smtp", "{id}: to=<{to}>, relay={relay}:25, {delays}, dsn=4.7.1, status=deferred (host {relay} said: 451 4.7.1 <{to}>: Recipient address rejected: Greylisted, see https://postgrey.example/help/{domain}.html (in reply to RCPT TO command))", "deferrals"),
    "unreachable": ("smtp", "{id}: to=<{to}>, relay=none, {delays}, dsn=4.4.1, status=deferred (connect to {relay}:25: Connection timed out)", "deferrals"),
    "suspended": ("error", "{id}: to=<{to}>, relay=none, {delays}, dsn=4.4.1, status=deferred (delivery temporarily suspended: connect to {relay}:25: Connection timed out)", "deferrals"),
    "bounced": ("smtp", "{id}: to=<{to}>, relay={relay}:25, {delays}, dsn=5.1.1, status=bounced (host {relay} said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command))", "bounced"),
    "no domain": ("smtp", "{id}: to=<{to}>, relay=none, {delays}, dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found)", "bounced"),
    "ndr": ("bounce", "{id}: sender non-delivery notification: {new}", "ndrs"),
    "postmaster": ("bounce", "{id}: postmaster non-delivery notification: {new}", "postmaster_notices"),
    "rbl": ("{smtpd}", "NOQUEUE: reject: RCPT from {client}: 554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.dnsbl.example; https://www.dnsbl.example/query/ip/{ip}; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "rejected"),
    "unknown user": ("{smtpd}", "NOQUEUE: reject: RCPT from {client}: 550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "rejected"),
    "relaying": ("{smtpd}", "NOQUEUE: reject: RCPT from {client}: 454 4.7.1 <{to}>: Relay access denied; from=<{sender}> to=<{to}> proto=SMTP helo=<{helo}>", "rejected"),
    "bad sender": ("{smtpd}", "NOQUEUE: reject: MAIL from {client}: 450 4.1.8 <{sender}>: Sender address rejected: Domain not found; from=<{sender}> proto=ESMTP helo=<{helo}>", "rejected"),
    "late reject": ("{smtpd}", "{id}: reject: RCPT from {client}: 550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "rejected"),
    "warned": ("{smtpd}", "NOQUEUE: reject_warning: RCPT from {client}: 450 4.7.1 Client host rejected: cannot find your reverse hostname, [{ip}]; from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>", "reject_warnings"),
    "sasl failed": ("{smtpd}", "warning: {client}: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "auth_failures"),
    "lost": ("{smtpd}", "lost connection after {verb} from {client}"),
    "timeout": ("{smtpd}", "timeout after {verb} from {client}"),
    "disconnect": ("{smtpd}", "disconnect from {client} {commands}"),
    "screened": ("postscreen", "CONNECT from [{ip}]:{n} to [198.18.0.1]:25"),
    "listed": ("dnsblog", "addr {ip} listed by domain zen.dnsbl.example as 127.0.0.{last}"),
    "screen reject": ("postscreen", "NOQUEUE: reject: RCPT from [{ip}]:{n}: 550 5.7.1 Service unavailable; client [{ip}] blocked using zen.dnsbl.example; from=<{sender}>, to=<{to}>, proto=ESMTP, helo=<{helo}>", "rejected"),
    "pass": ("postscreen", "PASS OLD [{ip}]:{n}"),
    "anvil": ("anvil", "statistics: max connection rate {last}/60s for (smtp:{ip}) at Mar 11 00:00:00"),
}  # fmt: skip
OTHER = (
    "dovecot: lmtp(<{to}><{n}>): Disconnect from local: Logged out (state=READY)",
    "amavis[{n}]: ({n}-{last}) Passed CLEAN {{RelayedInbound}}, [{ip}]:{n} <{sender}> -> <{to}>, Queue-ID: {id}, mail_id: {remote}, Hits: -1.9, size: {n}, 812 ms",
    "opendkim[812]: {id}: DKIM verification successful",
    "CRON[{n}]: (root) CMD (/usr/lib/sysstat/debian-sa1 1 1)",
)
REUSED = 0.002  # share of messages that get a queue id an earlier one had
PIDS = {"qmgr": 1, "pickup": 2, "anvil": 1, "postscreen": 1, "cleanup": 7, "bounce": 3, "smtp": 40, "lmtp": 8}


def queue_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Microseconds and i-node in hexadecimal, as short queue ids are made; never the same twice."""
    hexadecimal = "0123456789ABCDEF"
    return np.hstack(
        [
            digits(number * 777_221 % 1_000_000, 5, hexadecimal),
            digits(0x12000 + number // 1_000_000 * 977 + number % 1_000_000, 6, hexadecimal),
        ]
    )


def short(seconds: float) -> str:
    """Postfix's two significant digits."""
    if seconds >= 10:
        return f"{seconds:.0f}"
    return f"{seconds:.1f}".removesuffix(".0") if seconds >= 1 else (f"{seconds:.2f}".rstrip("0").rstrip(".") or "0")


class Postfix:
    """Plays sessions and messages into a script."""

    def __init__(self, script: Script) -> None:
        self.script, self.random = script, script.random
        self.world = World(script)
        turn = script.turn / 1e6
        self.pools = {host: Pool(20_000 + 30_000 * i, turn) for i, host in enumerate(("mx1", "mx2"))}
        self.finished: list[tuple[float, str]] = []

    def log(self, at: float, what: str, /, **fields: Any) -> None:
        program, line, *counts = LINES[what]
        program = program.format_map(fields) if "{" in program else program
        pid = fields.get("pid") or 1000 + 37 * self.random.randrange(PIDS.get(program, 3)) + len(program)
        line = line.format_map(fields)
        self.script.say(
            at, f"{self.script.stamp} {fields['host']} postfix/{program}[{pid}]: {line}", tally(counts, fields)
        )

    def play(self, octets: int) -> None:
        kinds = {self.mail: 40, self.submission: 14, self.refused: 22, self.guessing: 9, self.scan: 5, self.probe: 3}
        kinds |= {self.cron: 4, self.screened: 5, self.old: 1, self.other: 8}
        for at in self.script.spread(octets):
            (life,) = self.random.choices(list(kinds), list(kinds.values()))
            life(at, self.random.choice(["mx1", "mx2"]))

    # Sessions

    def connect(self, at: float, host: str, smtpd: str = "smtpd") -> dict[str, Any]:
        name, ip = self.world.client()
        if not name and self.random.random() < 0.3:
            self.log(
                at, "no name", host=host, smtpd=smtpd, ip=ip, n=self.random.randrange(9999), pid=self.pools[host].next
            )
        fields = {
            "client": f"{name or 'unknown'}[{ip}]", "ip": ip, "helo": name or self.world.word(), "smtpd": smtpd,
            "pid": self.pools[host].take(at), "began": at, "host": host,
        }  # fmt: skip
        self.log(at, "connect", **fields)
        return fields

    def disconnect(self, at: float, session: dict[str, Any], **commands: int | str) -> None:
        commands = {verb: n for verb, n in commands.items() if n}
        given = [str(n).split("/") for n in commands.values()]
        total, good = sum(int(n[-1]) for n in given), sum(int(n[0]) for n in given)
        words = [f"{verb}={n}" for verb, n in commands.items()]
        said = " ".join([*words, f"commands={good}" + (f"/{total}" if total != good else "")])
        self.log(at, "disconnect", commands=said, **session)
        self.pools[session["host"]].give(session["pid"], session["began"], at)

    def mail(self, at: float, host: str) -> None:
        session = self.connect(at, host)
        messages = 1 if self.random.random() < 0.85 else self.random.randint(2, 9)
        refused = 0
        at += self.world.pause(0.4)
        if tls := self.random.random() < 0.7:
            self.log(at, "tls in", **session)
        wanted = 0
        for _ in range(messages):
            at += 0.05 + self.world.pause(0.5)
            message = self.message(at, self.world.sender(self.script.id(at, "remote")), session)
            if self.random.random() < 0.03:
                refused += 1
                self.log(
                    at + 0.01,
                    "late reject",
                    **session,
                    **{"id": message["id"], "sender": message["sender"], "to": self.world.local()},
                )
            message["to"] = [self.world.local() for _ in range(self.world.recipients())]
            wanted += len(message["to"])
            self.log(at, "client", id=message["id"], **session)
            at += self.world.pause(0.3)
            if self.random.random() < 0.03:
                self.head(at, message)
                self.log(at + 0.1, "milter", **session, id=message["id"], sender=message["sender"], to=message["to"][0])
            else:
                self.queue(at, message, session)
        at += 0.1 + self.world.pause(1)
        extra = {"starttls": 1} if tls else {}
        resets = {"rset": messages - 1} if messages > 1 else {}
        rcpt: int | str = f"{wanted}/{wanted + refused}" if refused else wanted
        self.disconnect(at, session, ehlo=1 + tls, **extra, mail=messages, rcpt=rcpt, data=messages, **resets, quit=1)

    def submission(self, at: float, host: str) -> None:
        session = self.connect(at, host, self.random.choice(["submission/smtpd", "smtps/smtpd"]))
        at += 0.1
        self.log(at, "tls in", **session)
        at += self.world.pause(0.5)
        message = self.message(at, self.world.local(), session)
        message["to"] = [self.world.stranger() for _ in range(self.world.recipients())]
        self.log(at, "sasl client", id=message["id"], user=message["sender"], **session)
        self.queue(at + 0.1, message, session)
        self.disconnect(
            at + 0.2 + self.world.pause(2),
            session,
            ehlo=2,
            starttls=1,
            auth=1,
            mail=1,
            rcpt=len(message["to"]),
            data=1,
            quit=1,
        )

    def refused(self, at: float, host: str) -> None:
        session = self.connect(at, host)
        tries = 1 if self.random.random() < 0.7 else self.random.randint(2, 12)
        why = self.random.choice(
            ["rbl", "rbl", "rbl", "unknown user", "unknown user", "relaying", "bad sender", "warned"]
        )
        sender = self.world.stranger()
        for _ in range(tries):
            at += 0.05 + self.world.pause(0.6)
            self.log(at, why, sender=sender, to=self.world.local(), **session)
        at += 0.1
        if rude := self.random.random() < 0.3:
            self.log(at, "lost", verb="RCPT", **session)
        if why == "bad sender":
            self.disconnect(at, session, ehlo=1, mail=f"0/{tries}", **({} if rude else {"quit": 1}))
        else:
            self.disconnect(
                at, session, ehlo=1, mail=1, rcpt=f"0/{tries}", **({} if rude else {"rset": tries, "quit": 1})
            )

    def guessing(self, at: float, host: str) -> None:
        session = self.connect(at, host, self.random.choice(["smtpd", "submission/smtpd"]))
        tries = self.random.randint(1, 5)
        for _ in range(tries):
            at += 1 + self.world.pause(2)
            self.log(at, "sasl failed", **session)
        self.log(at + 0.2, "lost", verb="AUTH", **session)
        self.disconnect(at + 0.2, session, ehlo=1, auth=f"0/{tries}", rset=tries - 1)

    def scan(self, at: float, host: str) -> None:
        session = self.connect(at, host)
        at += self.world.pause(1)
        if self.random.random() < 0.2:
            at += 300
            self.log(at, "timeout", verb="EHLO", **session)
            return self.disconnect(at, session, ehlo=1)
        self.log(at, "lost", verb="CONNECT", **session)
        return self.disconnect(at, session, **{})

    def probe(self, at: float, host: str) -> None:
        """A peer verifies addresses: MAIL, RCPT, RSET, again and again."""
        session = self.connect(at, host)
        turns = self.random.randint(1, 60)
        self.disconnect(at + turns * 0.3, session, helo=1, mail=turns, rcpt=turns, rset=turns, quit=1)

    def screened(self, at: float, host: str) -> None:
        session = dict(zip(("name", "ip"), self.world.client(), strict=True)) | {
            "n": self.random.randrange(1024, 65000)
        }
        self.log(at, "screened", host=host, **session)
        if self.random.random() < 0.6:
            self.log(at + 0.01, "listed", host=host, last=self.random.choice([2, 3, 4, 10, 11]), **session)
            if self.random.random() < 0.5:
                self.log(
                    at + 6,
                    "screen reject",
                    host=host,
                    sender=self.world.stranger(),
                    to=self.world.local(),
                    helo=session["name"] or "x",
                    **session,
                )
        else:
            self.log(at, "pass", host=host, **session)

    # Messages

    def message(self, at: float, sender: str, session: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        reused = self.finished and self.finished[0][0] < at - 60 and self.random.random() < REUSED
        queue = self.finished.pop(0)[1] if reused else self.script.id(at)
        client = session["client"] if session else ""
        host = session["host"] if session else ""
        return {
            "id": queue,
            "sender": sender,
            "size": self.world.size(),
            "client": client,
            "host": host,
            "arrived": at,
        } | more

    def cron(self, at: float, host: str) -> None:
        message = self.message(at, f"root@{host}.example.com", None, host=host, to=[f"admin@{host}.example.com"])
        self.log(at, "pickup", host=host, id=message["id"], user="root", n=0)
        self.queue(at, message, None)

    def head(self, at: float, message: dict[str, Any]) -> None:
        domain = message["sender"].rpartition("@")[2] or "example.com"
        message.setdefault("unique", self.script.id(at, "remote"))
        self.log(at, "message-id", **{**message, "n": self.random.randrange(10_000), "domain": domain})

    def queue(self, at: float, message: dict[str, Any], session: dict[str, Any] | None) -> None:
        """A message that came from outside."""
        self.head(at, message)
        if session and self.random.random() < 0.02:
            self.log(
                at,
                "header",
                **message | {"to": message["to"][0], "helo": session["helo"], "subject": self.world.subject()},
            )
        self.log(at + 0.01, "queued", count=len(message["to"]), **message)
        at += 0.02 + self.world.pause(0.1)
        if message["host"] == "mx2" and session:
            self.filtered(at, message)
        else:
            self.deliver(at, message)

    def filtered(self, at: float, message: dict[str, Any]) -> None:
        done = at + 0.4 + self.world.pause(1)
        inner = message | {"id": self.script.id(done), "arrived": done, "size": message["size"] + 512}
        session = message | {"client": "localhost[127.0.0.1]", "smtpd": "smtpd", "pid": self.pools["mx2"].take(at)}
        self.log(done, "connect", **session)
        self.log(done, "filtered client", **inner | {"old": message["id"], "pid": session["pid"]})
        self.head(done, inner)
        self.log(done + 0.01, "queued", count=len(inner["to"]), **inner)
        self.disconnect(
            done + 0.02, session | {"began": at}, ehlo=1, xforward=1, mail=1, rcpt=len(inner["to"]), data=1, quit=1
        )
        for to in message["to"]:
            self.log(
                done + 0.03, "filter", **message | {"to": to, "new": inner["id"], "delays": self.delays(message, done)}
            )
        self.log(done + 0.04, "removed", **message)
        self.finished.append((done, message["id"]))
        self.deliver(done + 0.05, inner)

    def delays(self, message: dict[str, Any], at: float) -> str:
        parts = [0.05 + self.random.random() * 0.3, self.random.random() * 0.02, self.random.random() * 0.8]
        whole = at - message["arrived"] + message.get("before", 0)
        if whole > 60:
            parts[0] = max(whole - sum(parts), 0)
        parts.append(max(whole - sum(parts), 0.01))
        return f"delay={short(sum(parts))}, delays={'/'.join(map(short, parts))}"

    def deliver(self, at: float, message: dict[str, Any]) -> None:
        """Try every recipient; what is deferred is tried again, what fails is told to the sender."""
        waiting, failed, tries = list(message["to"]), [], 0
        fate = {to: self.random.random() for to in waiting}
        while waiting:
            again, use = [], 1
            for to in waiting:
                at += 0.05 + self.world.pause(0.4)
                what = self.attempt(at, message, to, fate[to], tries, use)
                use += what == "sent"
                if what == "later":
                    again.append(to)
                    self.script.also("deferred", not tries and len(again) == 1)
                elif what == "failed":
                    failed.append(to)
            waiting, tries = again, tries + 1
            if waiting:
                at += 300 * 2 ** min(tries - 1, 1) + self.world.pause(20)
                self.log(at, "active", count=len(message["to"]), **message)
        if failed:
            self.notify(at, message)
        self.log(at + 0.03, "removed", **message)
        self.finished.append((at + 0.03, message["id"]))

    def attempt(self, at: float, message: dict[str, Any], to: str, fate: float, tries: int, use: int) -> str:
        name, ip = self.world.relay(to)
        fields = message | {
            "to": to,
            "relay": f"{name}[{ip}]",
            "domain": to.rpartition("@")[2],
            "delays": self.delays(message, at),
        }
        fields |= {"remote": self.script.id(at, "remote"), "n": int(at), "use": use, "alias": "info@example.org"}
        if to.endswith(("@example.com", "@example.org")) or ".example.com" in to:
            if fate < 0.01:
                new = message | {"id": self.script.id(at), "to": [self.world.stranger()], "arrived": at}
                self.head(at, new)
                self.log(at, "forwarded", **fields, new=new["id"])
                self.log(at + 0.01, "active", count=1, **new)
                self.deliver(at + 0.1, new)
            else:
                self.log(at, "stored alias" if fate < 0.1 else "stored", **fields)
            return "sent"
        if fate < 0.55 and use == 1:
            self.log(at - 0.02, "tls out", trust=self.random.choice(["Trusted", "Untrusted", "Verified"]), **fields)
        if fate > 0.86 and tries < 1 + int((1 - fate) * 30):
            if fate > 0.95:
                self.log(at - 0.01, "trouble", **fields)
            elif fate < 0.9:
                self.log(at - 0.01, "greylist", **fields)
            self.log(at, "deferred" if fate < 0.95 else "suspended" if tries else "unreachable", **fields)
            return "later"
        if 0.78 < fate < 0.87:
            self.log(at, "bounced" if fate < 0.84 else "no domain", **fields)
            return "failed"
        self.log(at, "sent again" if use > 1 else "sent", **fields)
        return "sent"

    def notify(self, at: float, message: dict[str, Any]) -> None:
        """A non-delivery notice: its own message, with the null sender, that nobody gets a notice of."""
        if not message["sender"]:
            return
        report = message | {
            "id": self.script.id(at),
            "sender": "",
            "to": [message["sender"]],
            "arrived": at,
            "size": message["size"] // 2 + 2400,
        }
        report.pop("unique", None)
        self.head(at, report)
        self.log(at + 0.01, "ndr", **message, new=report["id"])
        self.log(at + 0.02, "active", count=1, **report)
        self.deliver(at + 0.1, report)
        if self.random.random() < 0.05:
            copy = report | {
                "id": self.script.id(at),
                "sender": f"double-bounce@{message['host']}.example.com",
                "to": ["postmaster@example.com"],
            }
            self.log(at + 0.01, "postmaster", **message, new=copy["id"])
            self.log(at + 0.02, "active", count=1, **copy)
            self.deliver(at + 0.1, copy)

    def old(self, at: float, host: str) -> None:
        """A message from days before, given up today."""
        message = self.message(at, self.world.local(), None, host=host, to=[self.world.stranger()], before=432_000)
        name, ip = self.world.relay(message["to"][0])
        fields = message | {"to": message["to"][0], "relay": f"{name}[{ip}]"}
        self.log(at, "active", count=1, **message)
        self.log(at + 30, "trouble", **fields)
        self.log(at + 30, "unreachable", **fields, delays=self.delays(message, at + 30))
        self.script.also("deferred")
        self.log(at + 30.1, "expired", **message)
        self.notify(at + 30.1, message)
        self.log(at + 31, "removed", **message)

    def other(self, at: float, host: str) -> None:
        """Other programs' lines."""
        _, ip = self.world.client()
        fields = {
            "to": self.world.local(),
            "sender": self.world.stranger(),
            "ip": ip,
            "n": self.random.randrange(10_000, 99_999),
            "last": "01",
        }
        line = self.random.choice(OTHER).format(id=self.script.id(at), remote=self.script.id(at, "remote"), **fields)
        self.script.say(at, f"{self.script.stamp} {host} {line}")


def long_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """A remote server's id, in the 52 letters and digits of long queue ids."""
    letters = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
    return np.hstack(
        [
            digits(born // 1_000_000, 6, letters),
            digits(number * 48_271 % 380_204_032, 5, letters),
            digits(number, 4, letters),
        ]
    )


def block(seed: int, octets: int, iso: bool = False) -> Block:
    # 40 starting lives a second, each about 900 octets with all that follows from it.
    script = Script(
        ISO if iso else CLASSIC,
        FRESH | {"queue": queue_id, "remote": long_id},
        seed,
        seconds=max(octets / 36_000, 1400),
    )
    Postfix(script).play(octets)
    return Block(script)
