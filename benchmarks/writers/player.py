"""Mail of a made-up server: draws what a ``Scenario`` asks for and plays it to a ``Truth``.

Names and addresses are those reserved for examples (RFC 2606, RFC 5737).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.writers import login
from benchmarks.writers.scenario import Scenario
from spamlab.simulate import Lognormal
from spamlab.simulate.script import Dropped, Truth, octets
from spamlab.simulate.transcript import CONSENT, SERVER, USERS, judge

DOMAINS = ("example.com", "example.net", "example.org")
NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")
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
REFUSALS = (  # of a recipient
    "550 <{}>: Recipient address rejected: User unknown",
    "550 5.1.1 <{}>... User unknown",
    "550-Requested action not taken:\n550 mailbox unavailable",
    "553 sorry, that domain isn't in my list of allowed rcpthosts",
    "450 4.2.1 <{}>: try again later",
    "452 4.5.3 Too many recipients",
)
RELAYING = ("550 Relaying is prohibited",)
GREETINGS = (
    "220 {} ESMTP Postfix",
    "220-{} ESMTP\n220 no unsolicited mail",
    "220 {} InterLock SMTP Gateway 3.0 ready at Tue, 11 Nov 2003 10:22:41 -0400",
)
GIVEN_UP = '499 No routing hosts are reachable for {}. Message subject: ""{}"". Rescheduling delivery for later.'
# After MAIL and RCPT, and whether paths are in brackets.
STYLES = (("FROM:", "TO:", True), ("From:", "To:", True), ("FROM: ", "TO: ", True), ("FROM:", "TO:", False))


def bracket(path: str, brackets: bool) -> str:
    """The path in angle brackets, or bare where the client's style is bare and the path is plain enough."""
    return path if path and not brackets and '"' not in path else f"<{path}>"


class Player:
    """Plays a scenario's sessions; each kind of random number has a stream of its own."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.truth = scenario, Truth()
        seeds = np.random.SeedSequence(scenario.seed).spawn(16)
        self.generators = (np.random.Generator(np.random.PCG64(seed)) for seed in seeds)
        self.unit = self._endless(lambda rng: rng.random(1024))
        self.latency, self.think = (self._whole(s, 1000, 0) for s in (scenario.latency, Lognormal(0.03, 1.0)))
        counts = (scenario.turns, Lognormal(1.4, 0.6), Lognormal(1.2, 0.6), scenario.size, Lognormal(2160, 0.01))
        self.turns, self.mails, self.to, self.size, self.ndr_size = map(self._whole, counts)
        self.nasty = scenario.nasty if scenario.dialect.bars else 0.0
        self.lines = [" ".join(self.pick(WORDS) for _ in range(9)) for _ in range(64)]

    def _endless(self, draw: Callable[[np.random.Generator], Any]) -> Callable[[], Any]:
        """A function that returns one drawn number at a time, drawn in blocks."""
        rng = next(self.generators)
        return itertools.chain.from_iterable(iter(lambda: draw(rng).tolist(), None)).__next__

    def _whole(self, numbers: Lognormal, unit: int = 1, least: int = 1) -> Callable[[], int]:
        """Numbers of the distribution, as multiples of 1/unit."""
        return self._endless(lambda rng: np.maximum(np.rint(numbers.draw(rng, 1024) * unit), least).astype(np.int64))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return bool(self.unit() < share)

    def pick(self, options: Any) -> Any:
        """One of the options, each as likely."""
        return options[int(self.unit() * len(options))]

    def play(self) -> Truth:
        """All sessions, in the order they begin, each on the first file whose connection is free."""
        scenario, truth = self.scenario, self.truth
        weights = np.concatenate([[0.0], np.cumsum(scenario.hours)])
        share = np.sort(next(self.generators).random(scenario.sessions)) * weights[-1]
        hour = np.interp(share, weights, np.arange(len(weights)))
        midnight = int(np.datetime64("2003-11-11", "ms").astype(np.int64))
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
        for row in dict(zip(truth.lanes, truth.rows["sessions"], strict=True)).values():
            if row["ended"] == "dropped" and "noted" not in row:
                row["ended"] = "cut"
        return truth

    def session(self, lane: int, start: int, cut: bool = False) -> int:
        """One connection; returns when the next may begin in its file."""
        scenario, truth = self.scenario, self.truth
        self.client = self.chance(scenario.outbound)  # the logging server is it
        loop = self.client and self.chance(scenario.loops)
        self.domain, number = self.pick(DOMAINS), int(self.unit() * 250) + 1
        name, address = f"mx{number}.{self.domain}", f"{self.pick(NETWORKS)}{number}"
        known, peer = ("peer_host", name) if self.chance(0.3) else ("peer_ip", address)
        role = "client" if self.client else "server"
        session = truth.connect(lane, start, role, peer, loop=loop, **{known: peer})
        breaks = self.chance(scenario.dropped)
        if self.chance(scenario.silent):
            truth.left = 0
        elif cut or breaks:
            truth.left = 1 + int(self.unit() * (200 if loop else 14))
        try:
            self.dialogue(session, name)
        except Dropped:
            if session["ended"] == "dropped" and self.client and "helo" in session and not cut and self.chance(0.6):
                self.give_up(session)
        return truth.clock + 1000 + int(self.unit() * 5000)

    def give_up(self, session: dict[str, Any]) -> None:
        """The server's own pseudo reply: the connection is gone; what was accepted will be tried again."""
        truth = self.truth
        truth.left, session["noted"] = -1, True
        text = GIVEN_UP.format(self.domain, self.pick(WORDS))
        truth.log("note", text, 1000 + self.latency(), False)
        for row in truth.rows["transactions"][-1]["tried"] if truth.transaction is not None else ():
            if row.get("status") == "accepted":
                row.update(status="deferred", code=None, reply=text)

    # --- one step of the dialogue, whoever the client is

    def ask(self, text: str, kind: str = "command", **row: Any) -> None:
        """The client speaks; ``row`` is what is known of MAIL and RCPT."""
        verb = text[:4] if kind == "command" else "AUTH"
        self.truth.log(kind, text, self.think(), self.client, verb, **row)

    def answer(self, text: str, echoed: bool = True, more: int = 0) -> None:
        """The server answers."""
        self.truth.log("reply", text, self.latency() + more, not self.client, echoed=echoed)

    def yes(self, verb: str, about: str = "") -> str:
        """The server's consent."""
        return CONSENT[verb][self.client].format(about)

    def reset(self) -> None:
        """RSET; the reply to an outbound one stands in its raw form alone."""
        self.ask("RSET")
        self.answer(self.yes("RSET"), echoed=not self.client)

    def address(self, domain: str) -> str:
        """A mail address: mostly plain, some that trip simple readers, some as a bulk mailer guesses them."""
        unit = self.unit()
        if self.chance(self.scenario.odd):
            return f"{ODD[int(unit * len(ODD))]}@{domain}"
        if unit < 0.5:
            return f"{USERS[int(unit * 2 * len(USERS))]}{int(unit * 1e6) % 1000}@{domain}"
        return f"{int(unit * 1e12):x}@{domain}"

    def refusal(self) -> str:
        """A refusal of a recipient, with ``{}`` for its address."""
        if self.chance(self.nasty):
            return f"550-{self.pick(NASTY)}\n550 {self.pick(NASTY)}"
        return str(self.pick(REFUSALS if self.client else RELAYING))

    def recipient(self, text: str, path: str, refusal: str = "") -> None:
        """RCPT, and its acceptance or refusal."""
        self.ask(text, forward_path=path)
        reply = refusal.replace("{}", path) or self.yes("RCPT", path)
        self.answer(reply)
        judge(self.truth.rows["recipients"][-1], "rejected" if refusal else "accepted", reply)

    # --- the whole of it

    def dialogue(self, session: dict[str, Any], name: str) -> None:
        """From the greeting to QUIT; ``name`` is the peer's."""
        client = self.client
        if client:
            self.answer(self.pick(GREETINGS).format(name))
            session["peer_host"] = name
        helo = SERVER if client else name
        extended = not self.chance(self.scenario.fallback)
        self.ask(f"{'EHLO' if extended or client else 'HELO'} {helo}")
        session["helo"] = helo
        if client and not extended:
            self.answer("500 Command unrecognized")
            self.ask(f"HELO {helo}")
        self.answer(self.yes("EHLO" if extended else "HELO", name))
        if extended and not client and self.chance(self.scenario.login):
            self.login(session)
        if session["loop"]:
            self.loop()
        else:
            self.deliver(extended, session.get("user") if session["authenticated"] else None)
        self.ask("QUIT")
        session["ended"] = "quit"  # also where its reply is lost
        self.answer(self.yes("QUIT"), echoed=self.chance(0.5))

    def login(self, session: dict[str, Any]) -> None:
        """AUTH, by any method; Guest and nobody are the white paper's flaw caught in the act (Q251149)."""
        scenario = self.scenario
        user = self.pick(("Guest", "")) if self.chance(scenario.guests) else self.pick(USERS)
        method = self.pick(login.METHODS if user else login.METHODS[2:])
        for text, challenge, names in login.dialogue(method, user):
            self.ask(text, "command" if text.startswith("AUTH") else "auth")
            if names:
                session["user"] = user
            if challenge:
                self.answer(challenge)
        good = not self.chance(scenario.bad_logins)
        welcome = f"235 {method.split()[0]} authentication successful"
        self.answer(welcome if good else "535 Authentication failed")
        session["authenticated"] = good

    def loop(self) -> None:
        """NDRs to senders that do not exist, one transaction after another."""
        path, refusal, turns = self.address(self.domain), self.refusal(), self.turns()
        for turn in range(turns):
            if self.chance(0.5):
                path = self.address(self.domain)
            size = self.ndr_size()
            self.ask(f"MAIL FROM:<> SIZE={size}", reverse_path="", size=size)
            self.answer(self.yes("MAIL"))
            self.recipient(f"RCPT TO:<{path}>", path, refusal)
            if turn < turns - 1:
                self.reset()

    def deliver(self, extended: bool, user: str | None) -> None:
        """Some mails, in either direction; a message that is inbound is logged with its text."""
        scenario, truth = self.scenario, self.truth
        by, to, brackets = self.pick(STYLES)
        ours, theirs = ("example.com", self.domain) if self.client else (self.domain, "example.com")
        turns = self.mails()
        for turn in range(turns):
            sender = "" if self.chance(scenario.null_senders) else self.address(ours)
            size, message = self.size(), ""
            if not self.client and scenario.dialect.raw and self.chance(scenario.texts):
                message = self.message(sender, size)
                size = octets(message) - 3  # without the final dot and its CRLF
            refused = self.chance(scenario.turned_away)
            told, known = (f" SIZE={size}", size) if extended else ("", None)
            self.ask(f"MAIL {by}{bracket(sender, brackets)}{told}", reverse_path=sender, size=known, user=user)
            self.answer("451 4.3.2 try later" if refused else self.yes("MAIL", sender))
            if refused:
                truth.rows["transactions"][-1]["refused"], truth.transaction = True, None
                continue
            for _ in range(self.to()):
                path = self.address(theirs)
                refusal = self.refusal() if self.chance(scenario.refused) else ""
                self.recipient(f"RCPT {to}{bracket(path, brackets)}", path, refusal)
            if any(row["status"] == "accepted" for row in truth.rows["transactions"][-1]["tried"]):
                self.data(size, message)
            elif turn < turns - 1:
                self.reset()

    def data(self, size: int, message: str) -> None:
        """DATA, the text where it is logged, and the verdict."""
        truth = self.truth
        mail = truth.rows["transactions"][-1]
        self.ask("DATA")
        self.answer(self.yes("DATA"))
        transfer = size // 20  # ms, at 20 kB/s
        if message:
            truth.log("data", message, self.think() + transfer, False, "message", echoed=False)
            mail["message_id"] = re.findall("^Message-ID: <(.*)>$", message, re.M)[0]
            transfer = 0
        failed = self.chance(self.scenario.failed)
        status, reply = ("rejected", "554 Transaction failed") if failed else ("delivered", "250 OK")
        self.answer(reply, more=transfer)
        truth.transaction = None
        for row in mail["tried"] if failed or self.client else ():  # inbound, its RCPT's reply stays the last word
            if row["status"] == "accepted":
                judge(row, status, reply)

    def message(self, sender: str, size: int) -> str:
        """An inbound message of about this size, with the dot that ends it."""
        message_id = f"{int(self.unit() * 1e15):x}@{self.pick(DOMAINS)}"
        at = dt.datetime.fromtimestamp(self.truth.clock / 1000, dt.UTC)
        head = f"From: <{sender}>\nSubject: {self.pick(WORDS)}\nDate: {email.utils.format_datetime(at)}\n"
        first, number = int(self.unit() * len(self.lines)), min(size // 60 + 1, 2000)
        body = [self.lines[(first + n) % len(self.lines)] for n in range(number)]
        if self.chance(self.nasty):
            body[len(body) // 2 : len(body) // 2] = ["", *NASTY_TEXT, ""]
        return f"{head}Message-ID: <{message_id}>\n\n" + "\n".join(body) + "\n."
