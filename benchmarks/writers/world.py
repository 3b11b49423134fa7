"""Names, addresses, sizes and delays that made logs share. Names and networks are reserved ones (RFC 2606, 2544).

The more there is of a real log, the more names are in it: of 88,321 connections that a university's server refused or
took in half a week of 2006, 28,538 were from different addresses
(https://utcc.utoronto.ca/~cks/space/blog/spam/2006/04/). So a share of clients and strangers is of this turn alone.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from benchmarks.writers.script import Script, digits, text

SYLLABLES = [
    "ba", "ko", "li", "mer", "na", "ro", "sta", "tu", "ver", "wen", "zi", "lor", "pan", "dek", "hal", "mi", "so", "gra",
]  # fmt: skip
SUBJECTS = (
    "Invoice {} overdue|Re: meeting on {}|Your order {}|Fwd: minutes of {}|[list] digest, issue {}|Backup {} done"
)
NET = "198.18"
NEW = 0.32
"""This share of connections is a client's first and last, of strangers' addresses one that was never seen before."""


def address(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Addresses of the other half of ``NET``'s network, each part of three digits."""
    mixed = number * 7_919
    low = [digits(100 + mixed // 156**i % 156, 3) for i in (1, 0)]
    return np.hstack([text("198.19.", len(number)), low[0], text(".", len(number)), low[1]])


def name(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    """Names of eight letters, never the same twice."""
    return digits(number * 4_801 % 26**8, 8, "abcdefghijklmnopqrstuvwxyz")


FRESH = {"address": address, "name": name}
"""The ids that a script with a ``World`` needs."""


class World:
    """Who writes to whom, drawn by popularity: few have most of the mail, and many are seen once."""

    def __init__(self, script: Script) -> None:
        self.script, self.random = script, script.random

    def word(self, least: int = 2, most: int = 4) -> str:
        return "".join(self.random.choices(SYLLABLES, k=self.random.randint(least, most)))

    def popular(self, things: list[str]) -> str:
        """One of them; the first are drawn most."""
        return things[int(len(things) * self.random.random() ** 2)]

    @cached_property
    def domains(self) -> list[str]:
        return [f"{self.word()}.{self.random.choice(['example', 'example', 'test'])}" for _ in range(800)]

    @cached_property
    def strangers(self) -> list[str]:
        made = []
        for _ in range(12_000):
            tag = f"+{self.random.getrandbits(40):x}" if self.random.random() < 0.15 else ""
            made.append(f"{self.word()}{self.random.choice(['', '.', '_', '-'])}{self.word(1, 3)}{tag}")
        return [f"{user}@{self.popular(self.domains)}" for user in made]

    @cached_property
    def locals(self) -> list[str]:
        return [f"{self.word(2, 3)}.{self.word()}@example.{self.random.choice(['com', 'org'])}" for _ in range(500)]

    @cached_property
    def clients(self) -> list[tuple[str, str]]:
        """Name (or "") and address."""
        made = []
        for _ in range(4000):
            high, low = self.random.randrange(256), self.random.randrange(1, 255)
            address = f"{NET}.{high}.{low}" if self.random.random() < 0.94 else f"2001:db8:{high:x}::{low:x}"
            domain = self.popular(self.domains)
            kind = self.random.random()
            name = f"mx{low % 7}.{domain}" if kind < 0.5 else f"host-{high}-{low}.pool.isp-{domain}"
            made.append(("" if kind > 0.8 else name, address))
        return made

    @cached_property
    def relays(self) -> dict[str, tuple[str, str]]:
        """A domain's mail exchanger and its address."""
        return {
            domain: (f"mx{i % 3}.{domain}", f"{NET}.{self.random.randrange(256)}.{self.random.randrange(1, 255)}")
            for i, domain in enumerate(self.domains)
        }

    def fresh(self, kind: str) -> str:
        """A place for what no other turn has."""
        return self.script.id(0, kind)

    def stranger(self) -> str:
        if self.random.random() < NEW:
            word, new = self.word(1, 3), self.fresh("name")
            return (
                f"{word}@{new}.example" if self.random.random() < 0.5 else f"{word}.{new}@{self.popular(self.domains)}"
            )
        return self.popular(self.strangers)

    def sender(self, tag: str) -> str:
        """Mostly people who write often, some with the null path, some with an address made for one message."""
        kind = self.random.random()
        if kind < 0.15:
            return f"bounce-{tag}@{self.popular(self.domains)}"
        return "" if kind < 0.21 else self.stranger()

    def local(self) -> str:
        return self.popular(self.locals)

    def client(self) -> tuple[str, str]:
        if self.random.random() < NEW:
            named = self.random.random() < 0.8
            return f"{self.fresh('name')}.pool.isp-{self.popular(self.domains)}" if named else "", self.fresh("address")
        index = int(len(self.clients) * self.random.random() ** 2)
        return self.clients[index]

    def relay(self, address: str) -> tuple[str, str]:
        domain = address.rpartition("@")[2]
        if domain in self.relays:
            return self.relays[domain]
        own = domain.startswith("example.")
        return ("mx.example.net", f"{NET}.0.25") if own else (f"mx.{domain}", self.fresh("address"))

    def size(self) -> int:
        return min(400 + int(self.random.lognormvariate(9.2, 1.4)), 52_428_800)

    def recipients(self) -> int:
        """How many: mostly one."""
        return 1 if self.random.random() < 0.82 else 2 + int(self.random.expovariate(0.4))

    def subject(self) -> str:
        return self.random.choice(SUBJECTS.split("|")).format(self.random.randrange(100, 9999))

    def pause(self, mean: float) -> float:
        return self.random.expovariate(1 / mean)
