"""The testbed's servers on two hosts that face each other: one makes the reports, one is sent them."""

from __future__ import annotations

import re

from .. import scenario, servers
from ..rig import Rig

MAKER, TAKER = "mx.example.com", "mail.example.net"  # who sends the reports, and who gets them
ADDRESSES = {"maker": ("10.9.0.1", "fd09::1"), "taker": ("10.9.0.2", "fd09::2")}
DOMAINS = {4: "example.net", 6: "example.org"}  # the taker's, by the IP version its host name has
USER, GHOST, LATER = "alice", "ghost", "later"  # is there; is not there; is told 450


def swap(text: str) -> str:
    """A server's configuration as the taker's: its own name and domains, no other host to hand mail to."""
    text = text.replace(scenario.HOST, TAKER).replace("example.net : example.org : down.test", "never.test")
    text = re.sub(r"(domainlist local_domains|mydestination) = example\.com", r"\1 = example.net@ example.org", text)
    text = text.replace("@ example.org", " : example.org" if "domainlist" in text else ", example.org")
    return text.replace(scenario.LATER, f"{LATER}@example.net : {LATER}@example.org")


class Postfix(servers.Postfix):
    """With no limit on errors or size, quick retries; the maker takes mail for anybody, the taker does not."""

    def __init__(self, role: str) -> None:
        text = re.sub(r"(?m)^(inet_interfaces|smtpd_tls|smtpd_client_res|smtpd_helo|smtpd_sasl).*\n", "", self.main)
        text += (
            "inet_interfaces = all\nmessage_size_limit = 3000000\nsmtpd_soft_error_limit = 1000\n"
            "smtpd_hard_error_limit = 1001\nsmtp_connection_cache_on_demand = no\n"
        )
        self.main = text + "local_recipient_maps =\n" if role == "maker" else swap(text) + "transport_maps =\n"
        self.role = role

    def configure(self, rig: Rig) -> None:
        super().configure(rig)
        if self.role == "taker":
            later = "".join(f"{LATER}@{d} 450 4.2.0 Greylisted, come back later\n" for d in DOMAINS.values())
            rig.write("/etc/postfix/recipients", later)


class Exim(servers.Exim):
    """The same, in Exim's words."""

    def __init__(self, role: str) -> None:
        text = re.sub(r"(?m)^(local_interfaces|tls_|daemon_smtp).*\n", "", self.main)
        text = text.replace("smtp_accept_max_nonmail = 30", "smtp_accept_max_nonmail = 1000\ntls_advertise_hosts =")
        text = text.replace(f"message_size_limit = {scenario.SIZE_LIMIT}", "message_size_limit = 3000000")
        text = text.replace("F,70s,5s", "F,70s,4s")
        self.main = text.replace("  require verify = recipient\n", "") if role == "maker" else swap(text)

    def start(self, rig: Rig) -> None:
        rig.spawn("/usr/sbin/exim4", "-bdf", "-q3s")


class Sendmail(servers.Sendmail):
    """The same, in Sendmail's; the maker runs a command for the user who is not there, and it fails."""

    def __init__(self, role: str) -> None:
        text = re.sub(r"(?m)^(define\(`conf(SERVER|CACERT|COPY_)|TRUST_AUTH|define\(`confAUTH).*\n", "", self.main)
        text = text.replace("Addr=127.0.0.1", "Addr=0.0.0.0").replace("Addr=::1", "Addr=::")
        text = text.replace(f"`{scenario.SIZE_LIMIT}'", "`3000000'")
        self.main = text if role == "maker" else swap(text)
        self.submit = self.submit if role == "maker" else swap(self.submit)
        if role == "taker":
            later = [f"To:{LATER}@{d}\tERROR:4.2.0:450 Greylisted, come back later\n" for d in DOMAINS.values()]
            self.access = self.access.replace("To:example.net\tRELAY\n", "") + "".join(later)
        self.role = role

    def configure(self, rig: Rig) -> None:
        super().configure(rig)
        if self.role == "taker":
            rig.write("/etc/mail/local-host-names", "example.net\nexample.org\n")
            rig.write("/etc/mail/mailertable", "")
            rig.run("makemap", "hash", "/etc/mail/mailertable")
        else:
            with rig.path("/etc/mail/aliases").open("a") as aliases:
                aliases.write(f'{GHOST}: "|exit 67"\n')
            rig.run("newaliases")


SERVERS = {"postfix": Postfix, "exim": Exim, "sendmail": Sendmail}


def names(role: str) -> str:
    """The hosts file of one side."""
    (maker4, maker6), (taker4, taker6) = ADDRESSES["maker"], ADDRESSES["taker"]
    own = MAKER if role == "maker" else TAKER
    lines = [f"127.0.0.1 localhost\n::1 localhost\n{maker4} {MAKER}\n{maker6} {MAKER}\n"]
    lines.append(f"{taker4} mail.example.net\n{taker6} relay.example.org\n")
    return f"127.0.1.1 {own} {own.partition('.')[0]}\n" * (role == "taker") + "".join(lines)
