"""What is said between the two hosts, case by case."""

from __future__ import annotations

import socket
from collections.abc import Callable

from . import hosts

SIZES = (1_000, 2_000, 5_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
LOOPS = (1, 2, 3, 5, 8, 13, 21, 34, 50)


def message(recipient: str, size: int) -> bytes:
    """A report of so many octets, CRLF line ends."""
    head = f"From: MAILER-DAEMON\r\nTo: <{recipient}>\r\nSubject: Undeliverable mail\r\n\r\n".encode()
    line = b"Your message could not be delivered to a user who does not exist.\r\n"
    lines = max(size - len(head), 0) // len(line)
    rest = max(size - len(head) - lines * len(line), 2) - 2
    return head + line * lines + b"x" * rest + b"\r\n"


def session(address: str, name: str, turns: list[str], recipient: str = "", size: int = 0) -> None:
    """One connection: an SMTP client that takes `turns` in turn, waits for each reply, and says goodbye.

    A turn is what it says at once: with PIPELINING several commands. After DATA it sends a message.
    """
    with socket.create_connection((address, 25), 120) as stream:
        lines = stream.makefile("rb")

        def reply() -> bytes:
            while (line := lines.readline()) and line[3:4] == b"-":
                pass
            return line

        reply()
        stream.sendall(f"EHLO {name}\r\n".encode())
        reply()
        for turn in turns:
            stream.sendall(turn.encode())
            answers = [reply() for _ in range(turn.count("\r\n"))]
            if turn.endswith("DATA\r\n") and answers[-1].startswith(b"354"):
                stream.sendall(message(recipient, size) + b".\r\n")
                reply()
        stream.sendall(b"QUIT\r\n")
        reply()


def refused(user: str, k: int, pipelining: bool) -> list[str]:
    """k reports refused at RCPT, with RSET between them; with PIPELINING it goes with the next one."""
    one = ["MAIL FROM:<>\r\n", f"RCPT TO:<{user}>\r\n"]
    turns = one + ["RSET\r\n", *one] * (k - 1)
    if not pipelining:
        return turns
    return ["".join(one)] + ["RSET\r\n" + "".join(one)] * (k - 1)


def taken(user: str, pipelining: bool) -> list[str]:
    """One report that is accepted."""
    turns = ["MAIL FROM:<>\r\n", f"RCPT TO:<{user}>\r\n", "DATA\r\n"]
    return ["".join(turns)] if pipelining else turns


def play(ask: Callable[..., object], maker: str, taker: str, quick: bool = False) -> list[dict]:
    """All cases between two servers; gives a row a connection."""
    rows: list[dict] = []
    loops = LOOPS[:4] if quick else LOOPS
    sizes = SIZES[::3] if quick else SIZES

    def keep(case: str, client: str, timestamps: bool) -> None:
        for one in ask("maker", "taken"):  # type: ignore[attr-defined]
            what, who, whom = case, client, taker
            if one["opener"] in hosts.ADDRESSES["taker"]:
                what, who, whom = "chain: spam in", "script", maker
            elif one["deferred"]:  # it comes again while other things go on
                what, who = "deferred", maker
            told = {"timestamps": int(timestamps), "pipelining": int(one["piped"])}
            rows.append(one | {"case": what, "client": who, "server": whom} | told)
        print(f"{maker} to {taker}: {case}, timestamps {int(timestamps)}: {len(rows)} connections", flush=True)

    for timestamps in (True, False):
        for role in ("maker", "taker"):
            ask(role, "timestamps", timestamps)
        for ip in (4, 6):
            address = hosts.ADDRESSES["taker"][ip == 6]
            ghost, user, later = (f"{name}@{hosts.DOMAINS[ip]}" for name in (hosts.GHOST, hosts.USER, hosts.LATER))
            plain = timestamps and ip == 4
            for pipelining in (False, True):
                for _ in range(2):
                    ask("maker", "say", address, hosts.MAKER, refused(ghost, 1, pipelining))
                keep("rejected", "script", timestamps)
                every = range(1, 51) if plain and not pipelining and not quick else loops
                for k in every:
                    ask("maker", "say", address, hosts.MAKER, refused(ghost, k, pipelining))
                keep("loop", "script", timestamps)
                for size in sizes:
                    ask("maker", "say", address, hosts.MAKER, taken(user, pipelining), user, size)
                keep("accepted", "script", timestamps)
            for size in sizes:
                ask("maker", "submit", user, size)
                ask("maker", "wait", 0.5, 8)
            keep("accepted by a server", maker, timestamps)
            ask("maker", "submit", later, 3000)
            ask("maker", "wait", 16, 16)
            keep("deferred", maker, timestamps)
            spam = ["MAIL FROM:<forged@" + hosts.DOMAINS[ip] + ">\r\n", f"RCPT TO:<{hosts.GHOST}@example.com>\r\n"]
            ask("taker", "say", hosts.ADDRESSES["maker"][ip == 6], hosts.TAKER, [*spam, "DATA\r\n"], ghost, 4000)
            ask("maker", "wait", 6, 6)
            keep("chain: report", maker, timestamps)
    return rows
