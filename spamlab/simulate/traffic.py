"""Mail of a made-up server: draws what a ``Scenario`` asks for and plays it to a ``Script``.

Names and addresses are those reserved for examples (RFC 2606, RFC 5737).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from spamlab.simulate import login
from spamlab.simulate.scenario import Distribution, Scenario
from spamlab.simulate.script import Dropped, Script, octets

SERVER = "vulnerable.example.com"
DOMAINS = ("example.com", "example.net", "example.org")
NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")
USERS = ("anna", "backup", "fax", "j.smith", "sales", "test", "webmaster", "www")
WORDS = ("offer", "meeting", "report", "free", "dear", "invoice", "regards", "server", "price", "draft")
# Local parts that are legal (RFC 5321 section 4.1.2) or were seen in the wild, and trip simple readers.
ODD = ["$RANDOMIZE3T", "$RANDOMIZE6E", "a%example.net", "o'brien+tag", "#1=cmd()", "_-_"]
ODD += ['"john doe"', '"x> SIZE=9"', '"a|b"']
# Lines of a message or reply that look like the log's own, or are an attack on what shows them.
NASTY = (
    "11/11/03 2:00:01 PM : >>> QUIT",
    "11.11.03 14:00:01 : <<< 550 forged",
    "A connection was accepted from forged.example.org.",
    "1/1/70 12:00:00 AM : A CONNECTION TO 192.0.2.99 WAS ESTABLISHED.",
    ">>> MAIL FROM:<forged@example.org> SIZE=1",
    "<<< RCPT TO:<forged@example.org>",
    "499 No routing hosts are reachable for forged.example.org.",
    "<script>alert(1)</script> $\\frac{1}{2}$ **bold** [x](javascript:alert(1))",
    "=cmd()\tand a tab",
)
NASTY_TEXT = (*NASTY, "caf\udce9 in Latin-1, caf\u00e9 in UTF-8", "..", "  indented", "a line | with a bar")
REFUSALS = (  # of a recipient: code, text, the enhanced code in it
    (550, "550 <{}>: Recipient address rejected: User unknown", None),
    (550, "550 5.1.1 <{}>... User unknown", "5.1.1"),
    (550, "550-Requested action not taken:\n550 mailbox unavailable", None),
    (553, "553 sorry, that domain isn't in my list of allowed rcpthosts", None),
    (450, "450 4.2.1 <{}>: try again later", "4.2.1"),
    (452, "452 4.5.3 Too many recipients", "4.5.3"),
)
RELAYING = ((550, "550 Relaying is prohibited", None),)
GREETINGS = (
    "220 {} ESMTP Postfix",
    "220-{} ESMTP\n220 no unsolicited mail",
    "220 {} InterLock SMTP Gateway 3.0 ready at Tue, 11 Nov 2003 10:22:41 -0400",
)
EXTENSIONS = f"250-{SERVER} Hello\n250-HELP\n250-ETRN\n250-DSN\n250-SIZE 0\n250-AUTH LOGIN\n250 AUTH=LOGIN"
GIVEN_UP = '499 No routing hosts are reachable for {}. Message subject: ""{}"". Rescheduling delivery for later.'
SEND_DATA = "354 Send data.  End with CRLF.CRLF"
STYLES = (  # MAIL, RCPT, whether paths are in brackets
    ("MAIL FROM:", "RCPT TO:", True),
    ("MAIL From:", "RCPT To:", True),
    ("MAIL FROM: ", "RCPT TO: ", True),
    ("MAIL FROM:", "RCPT TO:", False),
)


class Player:
    """Plays a scenario's sessions; each kind of random number has a stream of its own."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.script = Script()
        self._streams = iter(np.random.SeedSequence(scenario.seed).spawn(16))
        self.unit = self._endless(lambda rng, n: rng.random(n))
        self.latency = self._time(scenario.latency)
        self.think = self._time(scenario.think)
        self.turns, self.mails = self._count(scenario.turns), self._count(scenario.transactions)
        self.to, self.size = self._count(scenario.recipients), self._count(scenario.size)
        self.ndr_size = self._count(scenario.ndr_size)
        self.nasty = scenario.nasty if scenario.dialect.bars else 0.0
        self.client = True  # in the session being played: the logging server is the client
        self.lines = [" ".join(self.pick(WORDS) for _ in range(9)) for _ in range(64)]

    def _generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(next(self._streams)))

    def _endless(self, draw: Callable[[np.random.Generator, int], Any]) -> Callable[[], Any]:
        """A function that returns one drawn number at a time, drawn in blocks."""
        rng = self._generator()
        return itertools.chain.from_iterable(iter(lambda: draw(rng, 1024).tolist(), None)).__next__

    def _time(self, seconds: Distribution) -> Callable[[], int]:
        return self._endless(lambda rng, n: np.rint(seconds.draw(rng, n) * 1000).astype(np.int64))

    def _count(self, numbers: Distribution) -> Callable[[], int]:
        return self._endless(lambda rng, n: np.maximum(np.rint(numbers.draw(rng, n)), 1).astype(np.int64))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self.unit() < share)

    def pick(self, options: Any) -> Any:
        """One of the options, each as likely."""
        return options[int(self.unit() * len(options))]

    def play(self) -> Script:
        """All sessions, in the order they begin, each on the first file whose connection is free."""
        scenario, script = self.scenario, self.script
        weights = np.concatenate([[0.0], np.cumsum(scenario.hours * scenario.days)])
        share = np.sort(self._generator().random(scenario.sessions)) * weights[-1]
        hour = np.interp(share, weights, np.arange(len(weights)))
        midnight = int(np.datetime64(scenario.start, "ms").astype(np.int64))
        starts = midnight + np.rint(hour * 3_600_000).astype(np.int64)
        free: list[int] = []
        for start in starts.tolist():
            lane = next((n for n, until in enumerate(free) if until <= start), len(free))
            if lane == scenario.connections:
                lane = free.index(min(free))
                start = free[lane]
            free[lane : lane + 1] = [self.session(lane, start)]
        if scenario.cut:
            self.nasty = 0.0  # forged lines in a message that the cut leaves open: nobody could tell them
            for lane, until in enumerate(free or [midnight]):
                self.session(lane, until, cut=True)
        # Nothing in a file tells a connection that fell silent at its end from one that went on after it.
        last = dict(zip(script.lanes, script.sessions, strict=True))
        for row in last.values():
            if row["ended"] == "dropped" and not row["noted"]:
                row["ended"] = "cut"
        return script

    def session(self, lane: int, start: int, cut: bool = False) -> int:
        """One connection; returns when the next may begin in its file."""
        scenario, script = self.scenario, self.script
        outbound = self.chance(scenario.outbound)
        loop = outbound and self.chance(scenario.loops)
        domain, number = self.pick(DOMAINS), int(self.unit() * 250) + 1
        name, address = f"mx{number}.{domain}", f"{self.pick(NETWORKS)}{number}"
        named = self.chance(0.3)
        peer = {"peer_host": name if named else None, "peer_ip": None if named else address}
        role = "client" if outbound else "server"
        truth = script.connect(lane, start, role, name if named else address, **peer, loop=loop)
        breaks = self.chance(scenario.dropped)
        if self.chance(scenario.silent):
            script.left = 0
        elif cut or breaks:
            script.left = 1 + int(self.unit() * (200 if loop else 14))
        try:
            (self.outbound if outbound else self.inbound)(truth, name, domain)
        except Dropped:
            if truth["ended"] == "dropped" and outbound and "helo" in truth and not cut and self.chance(0.6):
                self.give_up(truth, domain)
        return script.clock + 1000 + int(self.unit() * 5000)

    def give_up(self, truth: dict[str, Any], domain: str) -> None:
        """The server's own pseudo reply: the connection is gone; what was accepted will be tried again."""
        script = self.script
        script.left, truth["noted"] = -1, True
        if script.events[-1][6] == "RSET":  # it ended the transaction, answered or not
            script.transaction = None
        text = GIVEN_UP.format(domain, self.pick(WORDS))
        script.log("note", text, 1000 + self.latency(), False)
        for row in reversed(script.recipients):
            if row["transaction"] != script.transaction:
                break
            if row.get("status") == "accepted":
                row.update(status="deferred", code=None, enhanced_code=None, reply=text)

    # --- one step of the dialogue, whoever the client is

    def ask(self, verb: str, rest: str = "", kind: str = "command") -> None:
        """The client speaks."""
        text = verb + rest if kind == "command" else rest
        self.script.log(kind, text, self.think(), self.client, verb)

    def answer(self, text: str, echoed: bool = True, more: int = 0) -> None:
        """The server answers."""
        self.script.log("reply", text, self.latency() + more, not self.client, "", echoed)

    def address(self, domain: str) -> str:
        """A mail address: mostly plain, some that trip simple readers, some as a bulk mailer guesses them."""
        unit = self.unit()
        if self.chance(self.scenario.odd):
            return f"{ODD[int(unit * len(ODD))]}@{domain}"
        if unit < 0.5:
            return f"{USERS[int(unit * 2 * len(USERS))]}{int(unit * 1e6) % 1000}@{domain}"
        return f"{int(unit * 1e12):x}@{domain}"

    def refusal(self, path: str) -> tuple[int, str, str | None]:
        """A refusal of a recipient: code, reply, enhanced code."""
        if self.chance(self.nasty):
            return 550, f"550-{self.pick(NASTY)}\n550 {self.pick(NASTY)}", None
        code, text, enhanced = self.pick(REFUSALS) if self.client else self.pick(RELAYING)
        return code, text.replace("{}", path), enhanced

    def mail(self, text: str, sender: str, size: int | None, user: str | None, refused: str = "") -> None:
        """MAIL, and its acceptance or refusal."""
        row = self.script.mail(text, self.think(), self.client, reverse_path=sender, size=size, user=user)
        self.answer(refused or ("250 Ok" if self.client else f"250 OK - mail from <{sender}>"))
        row["refused"] = bool(refused)

    def recipient(self, text: str, path: str, refused: tuple[int, str, str | None] | None) -> dict[str, Any]:
        """RCPT, and its acceptance or refusal."""
        row = self.script.rcpt(text, self.think(), self.client, path)
        welcome = "250 Ok" if self.client else f"250 OK - Recipient <{path}>"
        code, reply, enhanced = refused or (250, welcome, None)
        self.answer(reply)
        row |= {"status": "rejected" if refused else "accepted", "code": code, "reply": reply}
        row["enhanced_code"] = enhanced
        return row

    def quit(self, text: str) -> None:
        """QUIT and its reply; an outbound one can stand in its raw form alone, as the replies to RSET do."""
        if self.script.left:  # else the connection is gone before QUIT could end the transaction
            self.script.transaction = None
        self.ask("QUIT")
        self.script.sessions[-1]["ended"] = "quit"  # also where its reply is lost
        self.answer(text, echoed=self.chance(0.5))

    # --- the two directions

    def outbound(self, truth: dict[str, Any], name: str, domain: str) -> None:
        """The logging server delivers: other mail, or the NDRs of a spam run."""
        self.client = True
        self.answer(self.pick(GREETINGS).format(name))
        truth["peer_host"] = truth["peer_host"] or name
        extended = not self.chance(self.scenario.fallback)
        self.ask("EHLO", f" {SERVER}")
        truth["helo"] = SERVER
        if extended:
            self.answer(f"250-{name}\n250-PIPELINING\n250-SIZE 20480000\n250-ETRN\n250 8BITMIME")
        else:
            self.answer("500 Command unrecognized")
            self.ask("HELO", f" {SERVER}")
            self.answer(f"250 {name}")
        if truth["loop"]:
            self.loop(domain)
        else:
            self.deliver(truth, domain, extended)
        self.quit("221 Bye")

    def loop(self, domain: str) -> None:
        """NDRs to senders that do not exist, one transaction after another."""
        path = self.address(domain)
        refused = self.refusal("{}")
        turns = self.turns()
        for turn in range(turns):
            if self.chance(0.5):
                path = self.address(domain)
            size = self.ndr_size()
            self.mail(f"MAIL FROM:<> SIZE={size}", "", size, None)
            code, reply, enhanced = refused
            self.recipient(f"RCPT TO:<{path}>", path, (code, reply.replace("{}", path), enhanced))
            if turn < turns - 1:
                self.ask("RSET")
                self.answer("250 Ok", echoed=False)
                self.script.transaction = None

    def deliver(self, truth: dict[str, Any], domain: str, extended: bool) -> None:
        """Some mails, in either direction; a message that is inbound is logged with its text."""
        scenario, script = self.scenario, self.script
        mail, rcpt, brackets = self.pick(STYLES)
        ours, theirs = ("example.com", domain) if self.client else (domain, "example.com")
        user = truth.get("user") if truth["authenticated"] else None
        turns = self.mails()
        for turn in range(turns):
            sender = "" if self.chance(scenario.null_senders) else self.address(ours)
            size = self.size()
            message, message_id = ("", None)
            if not self.client and scenario.dialect.raw and self.chance(scenario.texts):
                message, message_id = self.message(sender, size)
                size = octets(message) - 3  # without the final dot and its CRLF
            told = f" SIZE={size}" if extended else ""
            refused_sender = "451 4.3.2 try later" if self.chance(scenario.turned_away) else ""
            start = f"{mail}{bracket(sender, brackets)}{told}"
            self.mail(start, sender, size if extended else None, user, refused_sender)
            if refused_sender:
                script.transaction = None
                continue
            accepted = []
            for _ in range(self.to()):
                path = self.address(theirs)
                refused = self.refusal(path) if self.chance(scenario.refused) else None
                row = self.recipient(f"{rcpt}{bracket(path, brackets)}", path, refused)
                if not refused:
                    accepted.append(row)
            if accepted:
                self.data(accepted, size, message, message_id)
                script.transaction = None
            elif turn < turns - 1:
                self.ask("RSET")
                self.answer("250 Ok" if self.client else "250 OK - Reset", echoed=not self.client)
                script.transaction = None

    def data(self, accepted: list[dict[str, Any]], size: int, message: str, message_id: str | None) -> None:
        """DATA, the text where it is logged, and the verdict."""
        script = self.script
        self.ask("DATA")
        self.answer('354 Enter mail, end with "." on a line by itself' if self.client else SEND_DATA)
        transfer = size // 20  # ms, at 20 kB/s
        if message:
            script.log("data", message, self.think() + transfer, False, "message", echoed=False)
            script.transactions[-1]["message_id"] = message_id
            transfer = 0
        failed = self.chance(self.scenario.failed)
        code, reply = (554, "554 Transaction failed") if failed else (250, "250 OK")
        self.answer(reply, more=transfer)
        for row in accepted if failed or self.client else ():  # inbound, its RCPT's reply stays the last word
            row.update(status="rejected" if failed else "delivered", code=code, reply=reply)

    def message(self, sender: str, size: int) -> tuple[str, str]:
        """An inbound message of about this size, with the dot that ends it; and its Message-ID."""
        message_id = f"{int(self.unit() * 1e15):x}@{self.pick(DOMAINS)}"
        at = dt.datetime.fromtimestamp(self.script.clock / 1000, dt.UTC)
        head = f"From: <{sender}>\nSubject: {self.pick(WORDS)}\nDate: {email.utils.format_datetime(at)}\n"
        first, number = int(self.unit() * len(self.lines)), min(size // 60 + 1, 2000)
        body = [self.lines[(first + n) % len(self.lines)] for n in range(number)]
        if self.chance(self.nasty):
            body[len(body) // 2 : len(body) // 2] = ["", *NASTY_TEXT, ""]
        return f"{head}Message-ID: <{message_id}>\n\n" + "\n".join(body) + "\n.", message_id

    def inbound(self, truth: dict[str, Any], name: str, domain: str) -> None:
        """Someone brings mail, perhaps after a login."""
        self.client = False
        extended = not self.chance(self.scenario.fallback)
        self.ask("EHLO" if extended else "HELO", f" {name}")
        truth["helo"] = name
        self.answer(EXTENSIONS if extended else "250 OK")
        if extended and self.chance(self.scenario.login):
            self.login(truth)
        self.deliver(truth, domain, extended)
        self.quit("221 closing connection")

    def login(self, truth: dict[str, Any]) -> None:
        """AUTH, by any method; Guest and nobody are the white paper's flaw caught in the act (Q251149)."""
        scenario = self.scenario
        user = self.pick(("Guest", "")) if self.chance(scenario.guests) else self.pick(USERS)
        method = self.pick(login.METHODS if user else login.METHODS[2:])
        for text, challenge, names in login.dialogue(method, user):
            self.ask("AUTH", text.removeprefix("AUTH"), "command" if text.startswith("AUTH") else "auth")
            if names:
                truth["user"] = user
            if challenge:
                self.answer(challenge)
        good = not self.chance(scenario.bad_logins)
        welcome = f"235 {method.split()[0]} authentication successful"
        self.answer(welcome if good else "535 Authentication failed")
        truth["authenticated"] = good


def bracket(path: str, brackets: bool) -> str:
    """The path in angle brackets, or bare where the client's style is bare and the path is plain enough."""
    return path if path and not brackets and '"' not in path else f"<{path}>"
