"""The scenario: which clients come, what each says, in which order. Seeded; it knows nothing of the servers.

Who lives where (all of it inside a namespace, on loopback):

=================  ==================================================================================================
``example.com``    the server's own domain; mailboxes `USERS`, aliases `ALIASES`; everybody else there is unknown
``example.net``    a domain the server takes mail for without knowing its recipients: the sink decides (accept, then bounce)
``example.org``    the world outside, at the sink too; senders live there, and ``gone.*`` senders do not (double bounces)
``down.test``      a host that refuses connections
``127.0.1.*``      the server's own network: may relay
``127.0.2.*``      outside, with names; ``127.0.3.*`` outside, nameless; ``127.0.4.66`` blocked; ``127.0.5.*`` harvesters
=================  ==================================================================================================

What the sink does with a recipient is told by the first word of its local part: see `sink`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SEED = 2003
HOST = "mx.example.com"
USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
POSTMASTER = "hostmaster"
ALIASES = {
    "postmaster": POSTMASTER,
    "mailer-daemon": POSTMASTER,
    "root": POSTMASTER,
    "team": "alice, bob, carol",
    "away": "guest.away@example.org",
    "moved": "gone.moved@example.org",
}
DISCARDED = "void@example.com"  # taken and thrown away, where the server can
LATER = "later@example.com"  # refused with a 4xx, where the server can
BLOCKED_CLIENT = "127.0.4.66"
BLOCKED_DOMAIN = "blocked.test"
ACCOUNT, PASSWORD = "alice", "correct.horse"
SIZE_LIMIT = 400_000
SERVER_TIMEOUT = 15  # seconds of silence the servers are set to bear
HOSTS = {
    "127.0.0.1": "localhost",
    "::1": "ip6-localhost",
    "127.0.0.2": "mail.example.net",
    "127.0.0.3": "relay.example.org",
    "127.0.0.9": "mail.down.test",
    **{f"127.0.1.{n}": f"ws{n}.example.com" for n in range(1, 9)},
    **{f"127.0.2.{n}": f"out{n}.example.org" for n in range(1, 13)},
    "127.0.5.5": "dialup-5.example.net",
}
WORDS = (
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
    "marsh",
    "north",
    "ocean",
    "plain",
    "quarry",
    "ridge",
)


@dataclass(frozen=True)
class Message:
    """A message as the client sends it, not yet dot-stuffed."""

    message_id: str
    octets: bytes


@dataclass
class Session:
    """One connection of one client: its steps are what `client.run` understands."""

    kind: str
    ip: str
    helo: str
    steps: list[tuple]
    lane: str = ""
    number: int = 0
    pause: float = 0.0


@dataclass
class Submission:
    """A message given to the server's own ``sendmail`` command."""

    sender: str
    recipients: list[str]
    message: Message
    delay: float


@dataclass
class Plan:
    """All of it: sessions by lane (each lane one after another, lanes side by side), and local submissions."""

    lanes: dict[str, list[Session]] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.count = 0
        self.sessions: list[Session] = []

    # --- pieces -----------------------------------------------------------------------------------------------------

    def unique(self) -> str:
        self.count += 1
        return f"{self.count:04d}"

    def message(self, sender: str, to: str, low: int = 300, high: int = 120_000) -> Message:
        number, size = self.unique(), int(low * (high / low) ** self.rng.random())
        message_id = f"<2003.{number}@client.test>"
        head = (
            f"From: {sender or 'MAILER-DAEMON@client.test'}\r\nTo: {to}\r\nSubject: {' '.join(self.rng.choices(WORDS, k=3))}\r\n"
            f"Date: Tue, 11 Nov 2003 14:00:00 +0000\r\nMessage-ID: {message_id}\r\n\r\n"
        )
        lines, length = [], len(head)
        while length < size:
            line = " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 12))) + "\r\n"
            if self.rng.random() < 0.05:
                line = "." + line  # a line that must be stuffed
            lines.append(line)
            length += len(line)
        return Message(message_id, (head + "".join(lines)).encode())

    def sender(self, kind: str = "from") -> str:
        """A sender of one message only, so that a report to it tells which message it is about."""
        return f"{kind}.{self.unique()}@example.org"

    def at_sink(self, kind: str = "to", domain: str = "example.net") -> str:
        return f"{kind}.{self.unique()}@{domain}"

    def user(self) -> str:
        return self.rng.choice(USERS) + "@example.com"

    def users(self, most: int = 4) -> list[str]:
        return [u + "@example.com" for u in self.rng.sample(USERS, self.rng.randint(1, most))]

    def nobody(self) -> str:
        return f"{self.rng.choice(WORDS)}{self.unique()}@example.com"

    def mail(self, sender: str, recipients: list[str], *, size: bool | None = None, **sizes: int) -> list[tuple]:
        """MAIL, RCPTs, DATA. Half of the clients declare the size."""
        message = self.message(sender, recipients[0], **sizes)
        declared = len(message.octets) if (self.rng.random() < 0.5 if size is None else size) else None
        return [("mail", sender, declared), *(("rcpt", r) for r in recipients), ("data", message)]

    def inside(self) -> tuple[str, str]:
        n = self.rng.randint(1, 8)
        return f"127.0.1.{n}", f"ws{n}.example.com"

    def outside(self) -> tuple[str, str]:
        if self.rng.random() < 0.5:
            n = self.rng.randint(1, 12)
            return f"127.0.2.{n}", f"out{n}.example.org"
        n = self.rng.randint(1, 20)
        return f"127.0.3.{n}", self.rng.choice(
            (f"pc{n}.example.test", f"[127.0.3.{n}]", f"client{n}.example.org", f"pc{n}")
        )

    def add(
        self, kind: str, who: tuple[str, str], *steps: tuple, hello: str = "ehlo", end: str = "quit", lane: str = ""
    ) -> None:
        ip, helo = who
        first = [(hello, helo)] if hello else []
        last = [(end,)] if end else []
        self.sessions.append(Session(kind, ip, helo, [*first, *steps, *last], lane, pause=self.rng.uniform(0.0, 0.25)))

    # --- the acts ---------------------------------------------------------------------------------------------------

    def deliveries(self) -> None:
        for _ in range(60):
            self.add(
                "local",
                self.outside(),
                *self.mail(self.sender(), self.users()),
                hello=self.rng.choice(("ehlo", "helo")),
            )
        for _ in range(8):
            many = [
                step
                for _ in range(self.rng.randint(2, 5))
                for step in self.mail(self.sender(), self.users(2), high=8000)
            ]
            self.add("several", self.outside(), *many)
        for _ in range(30):
            to = [self.at_sink("to", "example.org") for _ in range(self.rng.randint(1, 3))]
            self.add("relayed", self.inside(), *self.mail(self.user(), to))
        for _ in range(14):
            self.add("domain", self.outside(), *self.mail(self.sender(), [self.at_sink()]))
        for alias in ("team", "away", "postmaster", "team", "away", "moved"):
            self.add("alias", self.outside(), *self.mail(self.sender(), [alias + "@example.com"], high=3000))
        for _ in range(3):
            self.add("discarded", self.outside(), *self.mail(self.sender(), [DISCARDED], high=3000))
        for _ in range(3):
            steps = self.mail(self.user(), [self.at_sink("to", "example.org")], high=3000)
            self.add("notify", self.inside(), *((s[0], s[1], "NOTIFY=SUCCESS") if s[0] == "rcpt" else s for s in steps))
        for _ in range(4):
            steps = self.mail(self.sender(), self.users(2), high=3000)
            self.add("ipv6", ("::1", "[IPv6:::1]"), *steps)
        for odd in (
            '"odd one"@example.org',
            "a=b/c+d@example.org",
            "o'neil@example.org",
            '"x: status=sent (250 ok)"@example.org',
        ):
            self.add("odd", self.outside(), *self.mail(odd, [self.user()], high=3000))

    def null_senders(self) -> None:
        for _ in range(12):
            self.add("null", self.outside(), *self.mail("", [self.user()], high=6000))
        for _ in range(4):
            self.add("null-sink", self.outside(), *self.mail("", [self.at_sink()], high=3000))
        for _ in range(4):
            self.add("null-gone", self.outside(), *self.mail("", [self.at_sink("gone")], high=3000))

    def bounces(self) -> None:
        for _ in range(22):
            self.add("ndr", self.outside(), *self.mail(self.sender(), [self.at_sink("gone")], high=20_000))
        for _ in range(8):
            to = [self.at_sink("gone"), self.at_sink(), self.at_sink("full"), self.at_sink()]
            self.rng.shuffle(to)
            self.add("ndr-mixed", self.outside(), *self.mail(self.sender(), to, high=9000))
        for _ in range(6):
            self.add(
                "ndr-local", self.inside(), *self.mail(self.user(), [self.at_sink("gone", "example.org")], high=9000)
            )
        for _ in range(16):
            self.add("double", self.outside(), *self.mail(self.sender("gone"), [self.at_sink("gone")], high=9000))
        for _ in range(4):
            self.add("ndr-data", self.outside(), *self.mail(self.sender(), [self.at_sink("spam")], high=9000))

    def deferrals(self) -> None:
        for kind, count in (("grey", 12), ("tired", 4), ("hang", 4), ("cut", 4), ("busy", 3)):
            for _ in range(count):
                self.add(kind, self.outside(), *self.mail(self.sender(), [self.at_sink(kind)], high=9000), lane="early")
        for _ in range(3):
            to = [self.at_sink("grey"), self.at_sink(), self.at_sink("gone")]
            self.add("grey-mixed", self.outside(), *self.mail(self.sender(), to, high=9000), lane="early")
        for _ in range(2):
            self.add(
                "never", self.outside(), *self.mail(self.sender(), [self.at_sink("never")], high=9000), lane="early"
            )
        for _ in range(2):
            self.add(
                "down",
                self.inside(),
                *self.mail(self.user(), [self.at_sink("to", "down.test")], high=3000),
                lane="early",
            )

    def refusals(self) -> None:
        for _ in range(18):
            self.add("unknown", self.outside(), *self.mail(self.sender(), [self.nobody()]))
        for _ in range(14):
            to = [self.user(), self.nobody(), self.at_sink("to", "example.org"), self.nobody()]
            self.rng.shuffle(to)
            self.add("mixed", self.outside(), *self.mail(self.sender(), to, high=9000))
        for _ in range(14):
            self.add("relay", self.outside(), *self.mail(self.sender(), [self.at_sink("to", "example.org")]))
        for _ in range(3):
            self.add("later", self.outside(), *self.mail(self.sender(), [LATER], high=2000))
        for _ in range(3):
            self.add(
                "blocked", (BLOCKED_CLIENT, "spam.blocked.test"), *self.mail(self.sender(), [self.user()], high=2000)
            )
        for _ in range(3):
            sender = f"from.{self.unique()}@{BLOCKED_DOMAIN}"
            self.add("blocked", self.outside(), *self.mail(sender, [self.user()], high=2000))
        for _ in range(3):
            steps = self.mail(
                self.sender(), [self.user()], size=True, low=SIZE_LIMIT + 50_000, high=SIZE_LIMIT + 60_000
            )
            self.add("large-declared", self.outside(), *steps)
        steps = self.mail(self.sender(), [self.user()], size=False, low=SIZE_LIMIT + 50_000, high=SIZE_LIMIT + 60_000)
        self.add("large", self.outside(), *steps)

    def loops(self) -> None:
        units = {
            3: "bare",
            4: "mail",
            6: "rcpt",
            9: "unknown",
            14: "rcpt",
            20: "bare",
            30: "mail",
            45: "rcpt",
            60: "mail",
        }
        for turns, unit in {**units, 12: "unknown", 25: "unknown"}.items():
            steps: list[tuple] = []
            for _ in range(turns):
                steps += [("mail", self.sender(), None)] if unit != "bare" else []
                steps += (
                    [("rcpt", self.user() if unit == "rcpt" else self.nobody())] if unit in ("rcpt", "unknown") else []
                )
                steps += [("rset",)]
            self.add("loop-" + unit, self.outside(), *steps, lane="loops")
        for turns in (5, 8):
            steps = [s for _ in range(turns) for s in (*self.mail(self.sender(), [self.user()], high=900), ("rset",))]
            self.add("loop-data", self.outside(), *steps, lane="loops")

    def drops(self) -> None:
        for _ in range(3):
            self.add("drop-connect", self.outside(), hello="", end="drop")
            self.add("drop-helo", self.outside(), end="drop")
        for _ in range(4):
            self.add("drop-mail", self.outside(), ("mail", self.sender(), None), end="drop")
            self.add("drop-rcpt", self.outside(), ("mail", self.sender(), None), ("rcpt", self.user()), end="drop")
            steps = self.mail(self.sender(), [self.user()], low=4000, high=40_000)[:-1]
            message = self.message("", "", low=4000, high=40_000)
            self.add("drop-data", self.outside(), *steps, ("partial", message, self.rng.uniform(0.2, 0.8)), end="drop")
        for _ in range(2):
            self.add(
                "silent",
                self.outside(),
                ("mail", self.sender(), None),
                ("wait", SERVER_TIMEOUT + 10),
                lane="slow-1",
                end="drop",
            )
        steps = self.mail(self.sender(), [self.user()], low=4000, high=8000)
        self.add(
            "silent-data",
            self.outside(),
            *steps[:-1],
            ("partial", steps[-1][1], 0.5),
            ("wait", SERVER_TIMEOUT + 10),
            lane="slow-2",
            end="drop",
        )

    def logins(self) -> None:
        for _ in range(6):
            self.add("auth", self.outside(), ("auth", "PLAIN", self.rng.choice(USERS), "guess" + self.unique()))
            self.add("auth", self.outside(), ("auth", "LOGIN", self.rng.choice(USERS), "guess" + self.unique()))
        guesses = [("auth", "LOGIN", "admin", "guess" + self.unique()) for _ in range(3)]
        self.add("auth-many", self.outside(), *guesses)
        self.add("auth-cancel", self.outside(), ("auth-cancel", "LOGIN"))
        for mechanism in ("PLAIN", "LOGIN"):
            steps = self.mail(f"{ACCOUNT}@example.com", [self.at_sink("to", "example.org")], high=5000)
            self.add("auth-good", self.outside(), ("auth", mechanism, ACCOUNT, PASSWORD), *steps)

    def oddities(self) -> None:
        for what in ("VRFY alice", "VRFY nobody-here", "EXPN team", "VRFY", "ETRN example.com", "HELP", "NOOP"):
            self.add("ask", self.outside(), ("raw", what))
        for what in (
            "GET / HTTP/1.0",
            "XYZZY",
            "MAIL",
            "RCPT TO:<alice@example.com>",
            "DATA",
            "MAIL FROM:<a b@example.org>",
            "MAIL FROM: <>",
        ):
            self.add("unknown-command", self.outside(), ("raw", what))
        self.add("junk", self.outside(), *(("raw", f"{w.upper()} {w}") for w in WORDS[:6]))
        self.add("noops", self.outside(), *(("raw", "NOOP"),) * 15)
        for helo in (
            "HELO",
            "HELO ?#!",
            "EHLO a b c",
            "HELO host]: connect from evil[127.0.6.6]",
            "EHLO \u00fcber.example.org",
            "HELO " + "x" * 300,
        ):
            self.add(
                "helo-garbage",
                self.outside(),
                ("raw", helo),
                *self.mail(self.sender(), [self.user()], high=2000),
                hello="",
            )
        self.add("no-helo", self.outside(), *self.mail(self.sender(), [self.user()], high=2000), hello="")
        self.add(
            "twice", self.outside(), ("ehlo", "second.example.org"), *self.mail(self.sender(), [self.user()], high=2000)
        )
        self.add(
            "nested", self.outside(), ("mail", self.sender(), None), ("raw", "MAIL FROM:<again@example.org>"), ("rset",)
        )
        for _ in range(8):
            who = self.outside()
            self.add("tls", who, ("starttls",), ("ehlo", who[1]), *self.mail(self.sender(), self.users(2), high=9000))
        self.add("tls-junk", self.outside(), ("starttls-junk",), end="drop")

    def harvest(self) -> None:
        """A hundred names tried in a burst; the harvester comes back whenever it is put out."""
        names = [f"{a}.{b}@example.com" for a in WORDS[:10] for b in WORDS[8:]]
        self.add(
            "harvest",
            ("127.0.5.5", "dialup-5.example.net"),
            ("harvest", self.sender("gone"), names[:100]),
            lane="slow-3",
        )

    def plan(self) -> Plan:
        """The acts in a shuffled order. No address of a client is in two lanes: its sessions never overlap."""
        for act in (
            self.deliveries,
            self.null_senders,
            self.bounces,
            self.refusals,
            self.drops,
            self.logins,
            self.oddities,
        ):
            act()
        self.rng.shuffle(self.sessions)
        for n, lane_act in enumerate((self.deferrals, self.loops, self.harvest)):
            before = len(self.sessions)
            lane_act()
            for session in self.sessions[before:]:
                if session.ip != "127.0.5.5":
                    session.ip = f"127.0.2.{20 + n}" if session.kind != "down" else "127.0.1.20"
        plan = Plan()
        for session in self.sessions:
            if session.lane.startswith("slow") and session.kind != "harvest":
                session.ip = "127.0.3.5" + session.lane[-1]
            lane = session.lane or (
                "main-1" if session.ip.startswith(("127.0.1.", "127.0.3.1")) or session.ip == "::1" else "main-2"
            )
            session.lane = lane
            plan.lanes.setdefault(lane, []).append(session)
        for number, session in enumerate(self.sessions, 1):
            session.number = number
        for n in range(10):
            sender = self.user()
            to = [self.user()] if n < 5 else [self.at_sink("to" if n < 8 else "gone", "example.org")]
            message = self.message(sender, to[0], high=6000)
            plan.submissions.append(Submission(sender, to, message, self.rng.uniform(1, 4)))
        return plan


def plan(seed: int = SEED) -> Plan:
    """The sessions and submissions of a seed, the same each time."""
    return _Maker(seed).plan()
