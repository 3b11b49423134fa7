"""Zeek's smtp.log, as tab-separated text with its header or as JSON: a tap on a busy link."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

import json
from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Epoch, Script, digits, text
from benchmarks.writers.world import FRESH, World

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TYPES = {
    "ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr", "id.resp_p": "port",
    "trans_depth": "count", "helo": "string", "mailfrom": "string", "rcptto": "set[string]", "date": "string",
    "from": "string", "to": "set[string]", "cc": "set[string]", "reply_to": "string", "msg_id": "string",
    "in_reply_to": "string", "subject": "string", "x_originating_ip": "addr", "first_received": "string",
    "second_received": "string", "last_reply": "string", "path": "vector[addr]", "user_agent": "string", "tls": "bool",
    "fuids": "vector[string]",
}  # fmt: skip
HEADER = "".join(
    f"#{line}\n"
    for line in (
        "separator \\x09", "set_separator\t,", "empty_field\t(empty)", "unset_field\t-", "path\tsmtp",
        "open\t2024-03-11-00-00-00", "fields\t" + "\t".join(TYPES), "types\t" + "\t".join(TYPES.values()),
    )
)  # fmt: skip
AGENTS = ("Microsoft Outlook 16.0", "Apple Mail (2.3774.500.171.1.1)", "Mozilla Thunderbird", "PHPMailer 6.9.1")
GOOD = ("250 2.0.0 Ok: queued as {}", "250 OK id={}", "250 2.6.0 <{}@example.net> Queued mail for delivery")
BAD = (
    "550 5.1.1 <{}>: Recipient address rejected: User unknown",
    "554 5.7.1 Service unavailable; Client host blocked using zen.dnsbl.example",
    "451 4.7.1 <{}>: Recipient address rejected: Greylisted",
    "500 5.5.2 Error: bad syntax",
)


def unique(letter: str, places: int) -> Any:
    """Zeek's ids: a letter and base-62 digits that look like chance."""

    def fill(number: np.ndarray, born: np.ndarray) -> np.ndarray:
        mixed = number * 6_364_136_223_846_793_005 & 0x7FFF_FFFF_FFFF_FFFF
        low = digits(mixed, min(places, 10), LETTERS)
        return np.hstack([text(letter, len(number)), low, digits(number, places - low.shape[1], LETTERS)])

    return fill


class Zeek:
    """Plays connections into a script."""

    def __init__(self, script: Script, as_json: bool) -> None:
        self.script, self.random, self.world, self.json = script, script.random, World(script), as_json

    def play(self, octets: int) -> None:
        for at in self.script.spread(octets):
            self.connection(at)

    def connection(self, at: float) -> None:
        name, ip = self.world.client()
        server = f"198.18.0.{self.random.randrange(1, 9)}"
        row: dict[str, Any] = {
            "uid": self.script.id(at, "uid"), "id.orig_h": ip, "id.orig_p": self.random.randrange(1024, 65_535),
            "id.resp_h": server, "id.resp_p": self.random.choice([25, 25, 25, 25, 587]), "trans_depth": 1,
            "helo": name or f"[{ip}]", "path": [server, ip], "tls": False, "fuids": [],
        }  # fmt: skip
        if self.random.random() < 0.35:  # nothing is seen after STARTTLS
            return self.row(at, row | {"last_reply": "220 2.0.0 Ready to start TLS", "tls": True}, sessions=1)
        messages = 1 if self.random.random() < 0.85 else self.random.randint(2, 9)
        for depth in range(1, messages + 1):
            at += 0.2 + self.world.pause(1)
            self.transaction(at, row | {"trans_depth": depth}, int(depth == 1))
        return None

    def transaction(self, at: float, row: dict[str, Any], session: int) -> None:
        sender = self.world.sender(self.script.id(at, "remote"))
        to = sorted({self.world.local() for _ in range(self.world.recipients())})
        unique = self.script.id(at, "remote")
        row |= {"mailfrom": sender or "<>", "rcptto": to}
        if self.random.random() < 0.25:
            reply = self.random.choice(BAD).format(to[0])
            return self.row(at, row | {"last_reply": reply}, sessions=session, received=1, rejected=1)
        stated = {
            "date": f"Mon, 11 Mar 2024 09:{self.random.randrange(60):02}:{self.random.randrange(60):02} +0100", "from": f'"{self.world.word().title()}" <{sender or "MAILER-DAEMON"}>',
            "to": to, "msg_id": f"<{unique}@{sender.rpartition('@')[2] or 'example.net'}>", "subject": self.world.subject(),
            "first_received": f"from {row['helo']} ([{row['id.orig_h']}]) by mx.example.com with ESMTP id {unique}",
            "last_reply": self.random.choice(GOOD).format(self.script.id(at, "remote")),
            "fuids": [self.script.id(at, "file") for _ in range(self.random.choice([1, 1, 2, 3]))],
        }  # fmt: skip
        if self.random.random() < 0.4:
            stated["user_agent"] = self.random.choice(AGENTS)
        if self.random.random() < 0.2:
            stated["in_reply_to"] = f"<{self.script.id(at, 'remote')}@example.com>"
            stated["cc"] = [self.world.stranger() for _ in range(self.world.recipients())]
        return self.row(at, row | stated, sessions=session, received=1, recipients=len(to))

    def row(self, at: float, row: dict[str, Any], **counts: int) -> None:
        if self.json:
            line = json.dumps(row, separators=(",", ":"))
            for mark in "\x02\x03\x04\x05\x06\x07":  # places are filled with characters that JSON need not escape
                line = line.replace(f"\\u{ord(mark):04x}", mark)
            line = f'{{"ts":{self.script.stamp},{line[1:]}'
        else:
            line = "\t".join([self.script.stamp, *(self.cell(row.get(name)) for name in list(TYPES)[1:])])
        self.script.say(at, line, counts)

    @staticmethod
    def cell(value: Any) -> str:
        if value is None:
            return "-"
        if value == []:
            return "(empty)"
        if isinstance(value, list):
            return ",".join(value)
        return ("F", "T")[value] if isinstance(value, bool) else str(value)


def block(seed: int, octets: int, json: bool = False) -> Block:
    ids = FRESH | {"uid": unique("C", 17), "file": unique("F", 17), "remote": unique("4T", 10)}
    script = Script(Epoch(""), ids, seed, seconds=max(octets / 12_000, 10), header="" if json else HEADER)
    Zeek(script, json).play(octets)
    return Block(script)
