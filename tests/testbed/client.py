"""A small SMTP client, one command at a time: what it sent and what it was answered is the truth."""

from __future__ import annotations

import base64
import contextlib
import re
import select
import socket
import ssl
import time
from collections import Counter

from .scenario import Message, Session
from .sink import stamp

PATIENCE = 90.0  # seconds to wait for any reply


class Gone(Exception):
    """The server closed the connection."""


class Client:
    """One session, as it happens."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.commands: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.auth = {"failures": 0, "successes": 0}
        self.notes: list[str] = []
        self.transactions: list[dict] = []
        self.open: dict | None = None
        self.extensions: set[str] = set()
        self.secure = False
        self.ended = ""
        self.met_by_421 = ""

    def run(self) -> dict:
        """Play the steps; returns the session's truth."""
        family = socket.AF_INET6 if ":" in self.session.ip else socket.AF_INET
        self.start = time.time()
        self.sock = socket.socket(family)
        self.sock.settimeout(PATIENCE)
        self.sock.bind((self.session.ip, 0))
        self.port = self.sock.getsockname()[1]
        greeting = None
        try:
            self.sock.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", 25))
            self.buffer = b""
            if self.session.steps[0] != ("drop",):
                greeting = self.read()
                if greeting[0] >= 400:
                    self.session.steps = [("quit",)]
            for step in self.session.steps:
                getattr(self, "do_" + step[0].replace("-", "_"))(*step[1:])
        except (Gone, ConnectionError) as error:
            self.ended = f"closed by server: {error}" if str(error) else "closed by server"
        except TimeoutError:
            self.ended = "client gave up waiting"
        except ssl.SSLError as error:
            self.ended = f"TLS failed: {error.reason}"
        finally:
            self.sock.close()
        self.close_transaction()
        return self.truth(greeting)

    def truth(self, greeting: tuple[int, str] | None) -> dict:
        """All that happened."""
        truth = {
            "number": self.session.number,
            "kind": self.session.kind,
            "start": stamp(self.start),
            "end": stamp(time.time()),
            "client_ip": self.session.ip,
            "client_port": self.port,
            "helo": self.session.helo,
            "greeting": greeting[0] if greeting else None,
            "commands": dict(self.commands),
            "refused": dict(self.refused),
            "resets": self.commands["RSET"],
            "tls": self.secure,
            "ended": self.ended or "dropped",
            "transactions": self.transactions,
        }
        if self.met_by_421:
            truth["met_by_421"] = self.met_by_421
        if any(self.auth.values()):
            truth["auth"] = self.auth
        if self.notes:
            truth["notes"] = self.notes
        return truth

    # --- octets -----------------------------------------------------------------------------------------------------

    def read(self) -> tuple[int, str]:
        """One reply, all its lines."""
        texts = []
        while True:
            while b"\n" not in self.buffer:
                more = self.sock.recv(65536)
                if not more:
                    raise Gone
                self.buffer += more
            line, self.buffer = self.buffer.split(b"\n", 1)
            text = line.decode("latin-1").rstrip("\r")
            texts.append(text[4:])
            if text[3:4] != "-":
                return int(text[:3]), "\n".join(texts)

    def say(self, line: str, verb: str | None = None) -> tuple[int, str]:
        """One command and its reply."""
        verb = verb or line.split(" ")[0].split(":")[0].upper()
        self.commands[verb] += 1
        self.sock.sendall(line.encode("utf-8") + b"\r\n")
        code, text = self.read()
        if code >= 400:
            self.refused[verb] += 1
        if code == 421:
            self.met_by_421 = verb
            raise Gone(f"421 {text}")
        if code >= 400:
            self.listen()
        return code, text

    def listen(self) -> None:
        """After a refusal a server may say 421 of its own accord: read that before the next command is sent."""
        if not self.secure and (self.buffer or select.select([self.sock], [], [], 0.02)[0]):
            code, text = self.read()
            raise Gone(f"{code} {text}")

    # --- steps ------------------------------------------------------------------------------------------------------

    def do_ehlo(self, name: str) -> None:
        code, text = self.say(f"EHLO {name}")
        if code == 250:
            self.extensions = {line.split(" ")[0].upper() for line in text.split("\n")[1:]}
            self.mechanisms = {
                w for line in text.split("\n") if line.startswith("AUTH") for w in line.replace("=", " ").split()[1:]
            }

    def do_helo(self, name: str) -> None:
        self.say(f"HELO {name}")

    def close_transaction(self) -> None:
        if self.open is not None:
            self.transactions.append(self.open)
            self.open = None

    def do_mail(self, path: str, size: int | None) -> None:
        self.close_transaction()
        if size is not None and "SIZE" not in self.extensions:
            size = None
        began = time.time()
        self.open = {
            "start": stamp(began),
            "reverse_path": path,
            "size_declared": size,
            "mail_code": None,
            "recipients": [],
        }
        code, text = self.say(f"MAIL FROM:<{path}>" + (f" SIZE={size}" if size is not None else ""))
        self.open["mail_code"] = code
        if code >= 400:
            self.open["mail_reply"] = text
            self.close_transaction()

    def do_rcpt(self, path: str, option: str = "") -> None:
        if self.open is None:
            return
        tried = {"forward_path": path, "code": None, "reply": None}
        if option and "DSN" in self.extensions:
            tried["option"] = option
        self.open["recipients"].append(tried)
        try:
            tried["code"], tried["reply"] = self.say(f"RCPT TO:<{path}>" + (f" {option}" if "option" in tried else ""))
        except Gone as gone:
            if str(gone):
                tried["code"], tried["reply"] = 421, str(gone)[4:]
            raise

    def do_data(self, message: Message) -> None:
        if not self.begin_data():
            return
        assert self.open is not None
        stuffed = b"".join(
            b"." + line if line.startswith(b".") else line for line in message.octets.splitlines(keepends=True)
        )
        self.open.update(message_id=message.message_id, octets_sent=len(message.octets), data_code=None)
        try:
            self.sock.sendall(stuffed + b".\r\n")
        except OSError:
            self.notes.append("the server closed while the message was sent")
        code, text = self.read()
        self.open["data_code"], self.open["data_reply"] = code, text
        self.open["end"] = stamp(time.time())
        self.open["queue_id"] = _queue_id(text) if code == 250 else None
        if code >= 400:
            self.refused["message"] += 1
        self.close_transaction()

    def begin_data(self) -> bool:
        """DATA, unless nobody would receive it: then RSET, as a client does."""
        if self.open is None:
            return False
        if not any(r["code"] in (250, 251) for r in self.open["recipients"]):
            self.close_transaction()
            self.do_rset()
            return False
        code, text = self.say("DATA")
        if code != 354:
            self.open["data_code"], self.open["data_reply"] = code, text
            self.close_transaction()
        return code == 354

    def do_partial(self, message: Message, share: float) -> None:
        if self.begin_data():
            assert self.open is not None
            part = message.octets[: int(len(message.octets) * share)].replace(b"\r\n.", b"\r\n..")
            self.sock.sendall(part)
            self.open["octets_sent"] = len(part)
            self.open["data_code"] = None

    def do_rset(self) -> None:
        self.close_transaction()
        self.say("RSET")

    def do_raw(self, line: str) -> None:
        self.say(line)

    def do_wait(self, seconds: float) -> None:
        """Say nothing until the server has had enough, or this long."""
        self.sock.settimeout(seconds)
        try:
            code, text = self.read()
            if code == 421:
                raise Gone(f"421 {text}")
        except TimeoutError:
            self.notes.append(f"the server bore {seconds} s of silence")

    def do_quit(self) -> None:
        self.close_transaction()
        self.commands["QUIT"] += 1
        self.sock.sendall(b"QUIT\r\n")
        with contextlib.suppress(Gone, ConnectionError):
            self.read()
        self.ended = "quit"

    def do_drop(self) -> None:
        self.ended = "dropped"

    def do_starttls(self) -> None:
        if self.secure or "STARTTLS" not in self.extensions:
            self.notes.append("STARTTLS not offered")
            return
        code, _ = self.say("STARTTLS")
        if code == 220:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
            self.secure = True

    def do_starttls_junk(self) -> None:
        if "STARTTLS" in self.extensions and self.say("STARTTLS")[0] == 220:
            self.sock.sendall(b"this is no handshake\r\n")
            with contextlib.suppress(OSError):
                self.sock.recv(4096)

    def do_auth(self, mechanism: str, user: str, password: str) -> None:
        if "AUTH" not in self.extensions and "STARTTLS" in self.extensions and not self.secure:
            self.do_starttls()
            self.do_ehlo(self.session.helo)
        if mechanism not in getattr(self, "mechanisms", ()):
            self.notes.append(f"AUTH {mechanism} not offered")
            return
        if mechanism == "PLAIN":
            code, _ = self.say(f"AUTH PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
        else:
            code, _ = self.say("AUTH LOGIN")
            for answer in (user, password):
                if code == 334:
                    code, _ = self.answer(_base64(answer))
        self.auth["successes" if code == 235 else "failures"] += 1

    def do_auth_cancel(self, mechanism: str) -> None:
        if mechanism not in getattr(self, "mechanisms", ()):
            return
        if self.say(f"AUTH {mechanism}")[0] == 334 and self.answer("*")[0] >= 500:
            self.auth["failures"] += 1

    def answer(self, text: str) -> tuple[int, str]:
        """A line that is no command."""
        self.sock.sendall(text.encode() + b"\r\n")
        code, reply = self.read()
        if code >= 400:
            self.refused["AUTH"] += 1
        if code == 421:
            raise Gone(f"421 {reply}")
        if code >= 400:
            self.listen()
        return code, reply

    def do_harvest(self, sender: str, names: list[str]) -> None:
        """RCPT after RCPT; what was not tried is left for the next session."""
        self.do_mail(sender, None)
        while names and self.open is not None:
            self.do_rcpt(names[0])
            del names[0]
        self.do_rset()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _queue_id(text: str) -> str | None:
    """Postfix `queued as X`, Exim `id=X`, Sendmail and OpenSMTPD `X Message accepted` (after `2.0.0`)."""
    match = re.search(r"queued as (\S+)|id=(\S+)|(\w+):? Message accepted", text)
    return match[match.lastindex or 0] if match else None
