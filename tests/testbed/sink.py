"""The other side: an SMTP server that accepts, rejects, defers and drops, and writes down what it saw.

The first word of a recipient's local part says what happens (`gone.0012@example.net`):

=========  ===========================================================================
``gone``   550 to RCPT, each time
``full``   552 to RCPT, each time
``spam``   554 to the message's end, each time
``never``  451 to RCPT, each time
``grey``   451 to RCPT at first, 250 from the second time on
``tired``  451 to the message's end at first, then 250
``busy``   421 to RCPT at first and the connection is closed, then 250
``hang``   the connection is closed without a word at RCPT at first, then 250
``cut``    the connection is closed in the middle of the message at first, then 250
others     250
=========  ===========================================================================
"""

from __future__ import annotations

import contextlib
import email
import email.message
import re
import socketserver
import threading
import time
from email.policy import compat32

_PATH = re.compile(rb"<([^>]*)>")


def stamp(seconds: float) -> str:
    """UTC, to the millisecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def describe(octets: bytes, host: str) -> dict:
    """What a message says about itself: its id, the queue id of the server under test, and whether it is a report."""
    message = email.message_from_bytes(octets, policy=compat32)
    found: dict = {"message_id": _one(message["Message-ID"]), "octets": len(octets), "is_report": False}
    for received in message.get_all("Received", []):
        if match := re.search(rf"by {re.escape(host)}\b.*?\bid ([\w-]+)", received, re.S):
            found["queue_id"] = match[1]
            break
    if not str(found["message_id"]).endswith("@client.test>"):  # not from a client: the server made it
        found["subject"] = _one(message["Subject"])
    text = octets.decode("latin-1")
    if message.get_content_type() == "multipart/report" or re.search(
        r"^Content-Type: message/delivery-status", text, re.M
    ):
        found["is_report"] = True
        found["to"] = _one(message["To"])
        found["actions"] = sorted({a.lower() for a in re.findall(r"^Action:[ \t]*(\w+)", text, re.M)})
        found["failed_recipients"] = re.findall(r"^Final-Recipient:[^;\r\n]*;[ \t]*<?([^\s>]+)", text, re.M)
        inner = text.split("\n", 1)[1]
        ids = [i for i in re.findall(r"^Message-I[dD]:\s*(<[^>\s]*>)", inner, re.M) if i != found["message_id"]]
        found["about"] = ids[0] if ids else None
    return found


def _one(value: object) -> str | None:
    return None if value is None else " ".join(str(value).split())


class Sink:
    """Listens on some addresses of loopback; `transactions` and `connections` are its truth."""

    def __init__(self, addresses: dict[str, str], host: str, port: int = 25) -> None:
        self.host = host
        self.transactions: list[dict] = []
        self.connections = 0
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._ids = 0
        self._servers = []
        for address, name in addresses.items():
            handler = type("Handler", (_Handler,), {"sink": self, "name": name, "address": address})
            server = _Server((address, port), handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self._servers.append(server)

    def close(self) -> None:
        """Take no more connections."""
        for server in self._servers:
            server.shutdown()

    def first(self, kind: str, path: str) -> bool:
        """Is this the first time for this recipient?"""
        with self._lock:
            key = f"{kind} {path}"
            new = key not in self._seen
            self._seen.add(key)
            return new

    def next_id(self) -> str:
        """A queue id of the sink's own."""
        with self._lock:
            self._ids += 1
            return f"51{self._ids:08X}"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error."""


class _Closed(Exception):
    pass


class _Handler(socketserver.StreamRequestHandler):
    sink: Sink
    name: str
    address: str
    timeout = 120

    def say(self, line: str) -> int:
        self.wfile.write(line.encode() + b"\r\n")
        return int(line[:3])

    def handle(self) -> None:
        with self.sink._lock:
            self.sink.connections += 1
        self.open: dict | None = None
        with contextlib.suppress(_Closed, OSError):
            self.say(f"220 {self.name} ESMTP sink")
            while line := self.rfile.readline(4096):
                verb, _, rest = line.strip().partition(b" ")
                if not self.command(verb.upper(), rest):
                    return self.ended("quit")
        return self.ended("lost")

    def ended(self, how: str) -> None:
        if self.open is not None:
            self.open["ended"] = how
            self.keep()

    def keep(self) -> None:
        with self.sink._lock:
            self.sink.transactions.append(self.open)
        self.open = None

    def command(self, verb: bytes, rest: bytes) -> bool:
        if verb in (b"EHLO", b"HELO"):
            if verb == b"EHLO":
                self.wfile.write(
                    f"250-{self.name}\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n".encode()
                )
            else:
                self.say(f"250 {self.name}")
        elif verb == b"MAIL":
            path = _path(rest)
            now = time.time()
            self.open = {
                "time": stamp(now),
                "host": self.name,
                "reverse_path": path,
                "null_sender": not path,
                "recipients": [],
            }
            self.say("250 2.1.0 Ok")
        elif verb == b"RCPT" and self.open is not None:
            self.recipient(_path(rest))
        elif verb == b"DATA" and self.open is not None:
            self.data()
        elif verb == b"RSET":
            self.ended("reset")
            self.say("250 2.0.0 Ok")
        elif verb == b"NOOP":
            self.say("250 2.0.0 Ok")
        elif verb == b"QUIT":
            self.say("221 2.0.0 Bye")
            return False
        else:
            self.say("502 5.5.2 Command not implemented")
        return True

    def recipient(self, path: str) -> None:
        assert self.open is not None
        kind, first = path.partition(".")[0], self.sink.first
        verdict = {"forward_path": path, "code": None}
        self.open["recipients"].append(verdict)
        if kind == "hang" and first(kind, path):
            self.open["ended"] = "dropped at RCPT"
            self.keep()
            raise _Closed
        if kind == "gone":
            reply = f"550 5.1.1 <{path}>: no such user here"
        elif kind == "full":
            reply = f"552 5.2.2 <{path}>: mailbox full"
        elif kind == "never" or (kind == "grey" and first(kind, path)):
            reply = f"451 4.7.1 <{path}>: try again later"
        elif kind == "busy" and first(kind, path):
            reply = f"421 4.3.2 {self.name} too busy, closing"
        else:
            reply = "250 2.1.5 Ok"
        verdict["code"] = self.say(reply)
        if reply.startswith("421"):
            self.open["ended"] = "421 at RCPT"
            self.keep()
            raise _Closed

    def data(self) -> None:
        assert self.open is not None
        good = [r["forward_path"] for r in self.open["recipients"] if r["code"] == 250]
        if not good:
            self.say("554 5.5.1 No valid recipients")
            return
        self.say("354 End data with <CR><LF>.<CR><LF>")
        cut = any(p.startswith("cut.") and self.sink.first("cut", p) for p in good)
        lines: list[bytes] = []
        while (line := self.rfile.readline(1 << 20)) != b".\r\n":
            if not line:
                raise _Closed
            lines.append(line[1:] if line.startswith(b".") else line)
            if cut and len(lines) > 5:
                self.open["ended"] = "dropped in DATA"
                self.keep()
                raise _Closed
        self.open.update(describe(b"".join(lines), self.sink.host))
        if any(p.startswith("spam.") for p in good):
            reply = "554 5.7.1 Message refused: looks like spam"
        elif any(p.startswith("tired.") and self.sink.first("tired", p) for p in good):
            reply = "451 4.3.0 Not now, try again later"
        else:
            self.open["queued_as"] = self.sink.next_id()
            reply = f"250 2.0.0 Ok: queued as {self.open['queued_as']}"
        self.open["data_code"] = int(reply[:3])
        self.open["ended"] = "data"
        self.keep()
        self.say(reply)


def _path(rest: bytes) -> str:
    match = _PATH.search(rest)
    return match[1].decode("latin-1") if match else ""
