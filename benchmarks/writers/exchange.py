"""Exchange 2013 and later: the SMTP Receive protocol log, and the message tracking log."""
# ruff: noqa: E501 — a table of lines reads best a line each

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.writers.script import Block, Script, Stamp, digits, text
from benchmarks.writers.world import FRESH, World

HEX = "0123456789ABCDEF"
PROTOCOL = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
TRACKING = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)
CONNECTOR = "MAIL1\\Default Frontend MAIL1"
EHLO = "250  mail1.example.com Hello [{ip}] SIZE 37748736 PIPELINING DSN ENHANCEDSTATUSCODES STARTTLS X-ANONYMOUSTLS AUTH NTLM X-EXPS GSSAPI NTLM 8BITMIME BINARYMIME CHUNKING XRDST"
TLS = '"TLS protocol SP_PROT_TLS1_2_SERVER negotiation succeeded using bulk encryption algorithm CALG_AES_256 with strength 256 bits, MAC hash algorithm CALG_SHA_384 with strength 0 bits and key exchange algorithm CALG_ECDH_EPHEM with strength 384 bits"'


def header(kind: str, fields: str) -> str:
    lines = (
        "Software: Microsoft Exchange Server",
        "Version: 15.01.2507.006",
        f"Log-type: {kind}",
        "Date: 2024-03-11T00:00:00.000Z",
        f"Fields: {fields}",
    )
    return "".join(f"#{line}\r\n" for line in lines)


def session_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    return np.hstack([text("08DC4150", len(number)), digits(number * 48_271, 8, HEX)])


def internal_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    return digits(29_000_000_000_000 + number * 7, 14)


def network_id(number: np.ndarray, born: np.ndarray) -> np.ndarray:
    dash = text("-", len(number))
    low = "0123456789abcdef"
    return np.hstack(
        [
            digits(number * 48_271, 8, low),
            dash,
            digits(number, 4, low),
            text("-4c1d-08dc-", len(number)),
            digits(number * 777_221, 12, low),
        ]
    )


class Receive:
    """Plays sessions of the protocol log."""

    def __init__(self, script: Script) -> None:
        self.script, self.random, self.world = script, script.random, World(script)

    def play(self, octets: int) -> None:
        for at in self.script.spread(octets):
            self.session(at)

    def say(
        self, at: float, session: dict[str, Any], event: str, data: str = "", context: str = "", **counts: int
    ) -> None:
        row = f"{self.script.stamp},{CONNECTOR},{session['id']},{session['next']},{session['ends']},{event},{data},{context}\r"
        session["next"] += 1
        self.script.say(at, row, counts)

    def session(self, at: float) -> None:
        name, ip = self.world.client()
        where = f"[{ip}]" if ":" in ip else ip
        session = {
            "id": self.script.id(at, "session"),
            "next": 0,
            "ends": f"198.18.0.1:25,{where}:{self.random.randrange(1024, 65_535)}",
        }
        helo = name or f"[{ip}]"
        self.say(at, session, "+", sessions=1)
        self.say(
            at + 0.001, session, "*", "SMTPSubmit SMTPAcceptAnySender AcceptRoutingHeaders", "Set Session Permissions"
        )
        self.say(
            at + 0.002,
            session,
            ">",
            '"220 mail1.example.com Microsoft ESMTP MAIL Service ready at Mon, 11 Mar 2024 09:12:33 +0100"',
        )
        at = self.turn(at, session, f"EHLO {helo}", EHLO.format(ip=ip))
        if self.random.random() < 0.4:
            at = self.turn(at, session, "STARTTLS", "220 2.0.0 SMTP server ready")
            self.say(at + 0.1, session, "*", "", TLS)
            at = self.turn(at + 0.1, session, f"EHLO {helo}", EHLO.format(ip=ip))
        if self.random.random() < 0.12:
            return self.guess(at, session)
        for _ in range(1 if self.random.random() < 0.85 else self.random.randint(2, 6)):
            at = self.message(at, session)
        if self.random.random() < 0.9:
            at = self.turn(at, session, "QUIT", "221 2.0.0 Service closing transmission channel")
            self.say(at + 0.001, session, "-", "", "Local")
        else:
            self.say(at + 300, session, "-", "", "Remote(ConnectionReset)")
        return None

    def turn(self, at: float, session: dict[str, Any], command: str, reply: str, **counts: int) -> float:
        at += 0.02 + self.world.pause(0.3)
        self.say(at, session, "<", command, **counts)
        at += 0.001 + self.world.pause(0.05)
        self.say(at, session, ">", reply)
        return at

    def guess(self, at: float, session: dict[str, Any]) -> None:
        for _ in range(self.random.randint(1, 4)):
            at = self.turn(at, session, "AUTH LOGIN", "334 <authentication response>", auth_failures=1)
            self.say(at + 1, session, "*", "", "Inbound AUTH LOGIN failed because of LogonDenied")
            self.say(at + 1, session, "*", "", f"User Name: {self.world.local()}")
            at += 1.5
            self.say(at, session, ">", "535 5.7.3 Authentication unsuccessful")
        self.say(at + 0.2, session, "-", "", "Remote")

    def message(self, at: float, session: dict[str, Any]) -> float:
        sender = self.world.sender(self.script.id(at, "network"))
        size = self.world.size()
        at = self.turn(at, session, f"MAIL FROM:<{sender}> SIZE={size}", "250 2.1.0 Sender OK", transactions=1)
        good = 0
        for _ in range(self.world.recipients()):
            refused = self.random.random() < 0.2
            good += not refused
            reply = (
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
                if refused
                else "250 2.1.5 Recipient OK"
            )
            at = self.turn(at, session, f"RCPT TO:<{self.world.local()}>", reply, recipients=1, rejected=int(refused))
        if not good:
            return self.turn(at, session, "RSET", "250 2.0.0 Resetting")
        queued = f'"250 2.6.0 <{self.script.id(at, "network")}@{sender.rpartition("@")[2] or "example.net"}> [InternalId={self.script.id(at, "internal")}, Hostname=mail1.example.com] {size} bytes in 0.172, {size // 200} KB/sec Queued mail for delivery"'
        return self.turn(at, session, f"BDAT {size} LAST", queued, received=1)


class Tracking:
    """Plays messages of the tracking log."""

    def __init__(self, script: Script) -> None:
        self.script, self.random, self.world = script, script.random, World(script)

    def play(self, octets: int) -> None:
        for at in self.script.spread(octets):
            inside = self.random.random() < 0.3
            sender, other = (
                (self.world.local, self.world.stranger) if inside else (self.world.stranger, self.world.local)
            )
            self.message(at, sender(), [other() for _ in range(self.world.recipients())])

    def message(self, at: float, sender: str, to: list[str]) -> None:
        name, ip = self.world.client()
        subject = self.world.subject()
        fields = {
            "client-ip": ip, "client-hostname": name, "server-ip": "198.18.0.1", "server-hostname": "MAIL1",
            "internal-message-id": self.script.id(at, "internal"), "network-message-id": self.script.id(at, "network"),
            "message-id": f"<{self.script.id(at, 'network')}@{sender.rpartition('@')[2] or 'example.net'}>",
            "total-bytes": self.world.size(), "message-subject": f'"{subject}"' if "," in subject else subject, "sender-address": sender,
            "return-path": sender or "<>", "directionality": "Incoming", "transport-traffic-type": "Email", "log-id": self.script.id(at, "network"), "schema-version": "15.01.2507.006",
        }  # fmt: skip
        size = fields["total-bytes"]
        everyone = {"recipient-address": ";".join(to), "recipient-count": len(to)}
        self.row(
            at,
            fields
            | everyone
            | {
                "source": "SMTP",
                "event-id": "RECEIVE",
                "connector-id": CONNECTOR,
                "source-context": "08DC4150AB12CD34;2024-03-11T00:00:00.000Z;0",
            },
            received=1,
            octets_received=size,
        )
        for address in to:
            at += 0.2 + self.world.pause(1)
            one = fields | {"recipient-address": address, "recipient-count": 1}
            fate = self.random.random()
            if fate < 0.06:
                self.row(
                    at,
                    one
                    | {
                        "source": "ROUTING",
                        "event-id": "FAIL",
                        "recipient-status": "[{LRT=};{LED=550 5.1.10 RESOLVER.ADR.RecipientNotFound}]",
                    },
                    bounced=1,
                )
                report = self.script.id(at, "internal")
                self.row(
                    at + 0.1,
                    fields
                    | {
                        "source": "DSN",
                        "event-id": "DSN",
                        "internal-message-id": report,
                        "recipient-address": sender,
                        "recipient-count": 1,
                        "sender-address": "",
                        "return-path": "<>",
                        "reference": fields["message-id"],
                    },
                    ndrs=1,
                )
            elif address.endswith(("@example.com", "@example.org")):
                self.row(at, one | {"source": "STOREDRIVER", "event-id": "DELIVER"}, delivered=1, octets_delivered=size)
            else:
                if fate < 0.15:
                    self.row(
                        at,
                        one | {"source": "SMTP", "event-id": "DEFER", "recipient-status": "451 4.7.1 Greylisted"},
                        deferrals=1,
                        deferred=1,
                    )
                    at += 600
                self.row(
                    at,
                    one
                    | {
                        "source": "SMTP",
                        "event-id": "SEND",
                        "connector-id": "Outbound",
                        "recipient-status": "250 2.1.5 Ok",
                    },
                    delivered=1,
                    octets_delivered=size,
                )

    def row(self, at: float, fields: dict[str, Any], **counts: int) -> None:
        values = [self.script.stamp, *(str(fields.get(name, "")) for name in TRACKING.split(",")[1:])]
        self.script.say(at, ",".join(values) + "\r", counts)


def block(seed: int, octets: int, tracking: bool = False) -> Block:
    kind, fields, player = (
        ("Message Tracking Log", TRACKING, Tracking) if tracking else ("SMTP Receive Protocol Log", PROTOCOL, Receive)
    )
    ids = FRESH | {"session": session_id, "internal": internal_id, "network": network_id}
    stamp = Stamp("%Y-%m-%dT", fraction=3, after="Z")
    script = Script(stamp, ids, seed, seconds=max(octets / 30_000, 620), header=header(kind, fields))
    player(script).play(octets)
    return Block(script)
