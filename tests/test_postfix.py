"""The Postfix reader: hand-checked lines and situations of the corpus, forgeries, and made logs of odd cases."""

import io
import os
import re
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import summary

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus" / "postfix"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")
FILES = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.log")) if CORPUS.is_dir() else ["absent"]
W, C, P = "whyscream-payloads.log", "crowdsec-postfix-logs.log", "parse-syslog-mail.log"


def read(text, **options):
    octets = text.encode() if isinstance(text, str) else text
    return spamlab.read(io.BytesIO(octets), **{"format": "postfix", "year": 2021, **options})


def daemon(*lines, host="mx", start=0):
    """Lines of daemons, a second apart: each is ``program[pid]: text``."""
    return "".join(
        f"Jul  7 13:{(start + i) // 60:02}:{(start + i) % 60:02} {host} postfix/{line}\n"
        for i, line in enumerate(lines)
    )


def cell(value):
    """A table's cell as a plain value: what is missing is None."""
    if value is None or value is pd.NA or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def named(name):
    """A file of the corpus, by how its name begins."""
    (path,) = [CORPUS / file for file in FILES if Path(file).name.startswith(name)]
    return path


# -- lines, one by one -------------------------------------------------------------------------------------

# file, line, and what the reader makes of that line alone: "table.column" of the table's first row
LINES = [
    (P, 1, {"events.kind": "receive", "transactions.queue_id": "0D7037A4", "transactions.reverse_path": "root", "sessions": 0}),
    (P, 3, {"events.kind": "queue", "transactions.size": 567, "transactions.reverse_path": "root@fangorn.maddingue.net"}),
    (P, 4, {"events.kind": "deliver", "recipients.forward_path": "postfix@fangorn.maddingue.net", "recipients.orig_to": "root",
            "recipients.relay": "local", "recipients.delay": 0.0, "recipients.delay_transmit": None, "recipients.status": "delivered",
            "recipients.code": None, "recipients.enhanced_code": None, "recipients.reply": "delivered to mailbox"}),
    (P, 9, {"recipients.relay": "mx.develooper.com[63.251.223.176]", "recipients.code": 250, "recipients.delay": 9.0,
            "recipients.reply": "250 Queued! 1108907778 qp 18309 <20050220135609.CCAE27A4@fangorn.maddingue.net>"}),
    (W, 3, {"events.kind": "note", "events.program": "postfix/anvil", "transactions": 0, "sessions": 0}),
    (W, 6, {"events.kind": "report", "events.queue_id": "65AFB8B5", "recipients": 0}),
    (W, 8, {"events.kind": "queue", "transactions.message_id": ""}),
    (W, 9, {"events.kind": "reject", "events.verb": "END-OF-MESSAGE", "events.code": None, "events.enhanced_code": "5.7.1",
            "events.argument": "voorzitter@example.com", "recipients.forward_path": "voorzitter@example.com",
            "recipients.status": "rejected", "recipients.reply": "5.7.1 Blocked by SpamAssassin",
            "transactions.reverse_path": "wumt5@cchfdc.com", "transactions.outcome": "rejected"}),
    (W, 10, {"events.kind": "note", "events.queue_id": "D8B07E3DB6", "recipients": 0}),
    (W, 11, {"events.kind": "note", "events.queue_id": "413E164734", "recipients": 0}),
    (W, 12, {"events.kind": "queue", "transactions.message_id":
             "=?UTF-8?B?PDE5?=? =?UTF-8?B?MTIyMDExMjkxNjYxMUBDbGllbnQtMDQ1LnJ1YmluZXR0ZXJpZS5sb2NhbD4=?="}),
    (W, 13, {"events.kind": "note", "events.queue_id": "9BECF3F19D", "recipients": 0}),
    (W, 19, {"recipients.status": "probed", "recipients.relay": None, "recipients.enhanced_code": "5.1.1", "recipients.delay": 0.01}),
    (W, 20, {"recipients.forward_path": "user@hostname.example.com", "recipients.orig_to": "root@localhost",
             "recipients.delay_before_queue": 0.04, "recipients.delay_transmit": 0.03}),
    (W, 25, {"recipients.status": "bounced", "recipients.enhanced_code": "5.4.6", "recipients.relay": "dovecot"}),
    (W, 38, {"events.kind": "reject", "events.verb": "CONNECT", "events.code": None, "recipients": 0, "sessions": 0}),
    (W, 40, {"events.kind": "reject", "recipients.forward_path": "tom@example.com", "recipients.code": 550,
             "recipients.reply": "550 5.5.1 Protocol error", "recipients.transaction": None, "recipients.session": None}),
    (W, 42, {"events.kind": "remove", "events.program": "postfix/postsuper", "transactions.outcome": "empty"}),
    (W, 43, {"events.kind": "note", "events.queue_id": "D4F2023DB"}),
    (W, 48, {"events.kind": "queue", "recipients.status": "expired", "recipients.forward_path": None,
             "transactions.reverse_path": "uvnhbl@yahoo.com.tw", "transactions.outcome": "expired"}),
    (W, 53, {"recipients.orig_to": "bestuur@example.com", "recipients.relay": "mail1.example.net[10.74.103.11]:25", "recipients.delay": 11.0,
             "recipients.delay_before_queue": 5.4, "recipients.delay_in_queue": 0.06, "recipients.delay_connect": 5.1,
             "recipients.delay_transmit": 0.03, "recipients.requeued_as": None}),
    (W, 57, {"recipients.relay": "sub1.example.com[private/dovecot-lmtp]", "recipients.status": "delivered"}),
    (W, 60, {"events.kind": "note", "events.queue_id": "644D53D", "recipients": 0}),
    (W, 69, {"events.kind": "note", "events.verb": "STARTTLS", "sessions.peer_ip": "72.13.58.7", "sessions.peer_host": None,
             "sessions.ended": "dropped"}),
    (W, 70, {"events.verb": "CONNECT", "sessions.ended": "timeout"}),
    (W, 71, {"events.code": 554, "events.transaction": None, "sessions.helo": "news.zihan-promo.com",
             "recipients.forward_path": "tom@example.com", "recipients.enhanced_code": "5.7.1",
             "recipients.reply": "554 5.7.1 Service unavailable; Helo command [news.zihan-promo.com] blocked using "
             "dbl.spamhaus.org; http://www.spamhaus.org/query/dbl?domain=zihan-promo.com"}),
    (W, 72, {"events.verb": "DATA", "sessions.ended": "dropped"}),
    (W, 74, {"events.kind": "note"}),
    (W, 75, {"events.kind": "reject", "events.verb": "VRFY", "events.code": 454, "events.argument": "aap@henk.com", "sessions.helo": "me",
             "sessions.peer_ip": "2001:968:9999:20:88b:9b7d:2a54:2bd2"}),
    (W, 77, {"events.kind": "reject", "events.verb": "END-OF-MESSAGE", "events.code": None, "events.argument": "user2@example2.com"}),
    (W, 80, {"events.kind": "note", "recipients": 0}),
    (W, 81, {"events.kind": "auth", "sessions.authenticated": False, "sessions.user": None,
             "sessions.peer_host": "ec2-3-84-57-208.compute-1.amazonaws.com"}),
    (W, 82, {"events.kind": "note", "recipients": 0}),
    (W, 84, {"events.kind": "disconnect", "sessions.commands": 8, "sessions.resets": 1, "sessions.ended": "quit", "sessions.tls": False}),
    (W, 85, {"events.kind": "tls", "sessions.tls": True, "sessions.peer_host": "julie.example.com"}),
    (W, 87, {"recipients.status": "delivered", "recipients.enhanced_code": "2.1.5", "recipients.code": 250}),
    (W, 88, {"recipients.status": "delivered", "recipients.enhanced_code": "2.1.5", "recipients.code": 250}),
    (W, 96, {"recipients.relay": "virtual", "recipients.status": "delivered"}),
    (C, 1, {"events.kind": "auth", "sessions.user": None, "sessions.authenticated": False}),
    (C, 2, {"recipients.status": "rejected", "recipients.code": 554, "recipients.forward_path": None,
            "recipients.reply": "554 5.7.1 Service unavailable"}),
    (C, 3, {"events.time": pd.Timestamp("2024-08-26 01:33:38.572449", tz="UTC"), "recipients.code": 504, "recipients.enhanced_code": "5.5.2",
            "recipients.forward_path": "spammer@domain.tld", "sessions.helo": "WIN-9QL4SDRB93L"}),
    (C, 5, {"sessions.peer_host": "static.1.1.168.192.client.domain.xyz", "recipients.reply": "454 4.7.1 <spameri@tiscali.it>: Relay access denied"}),
    (C, 7, {"events.kind": "note", "events.program": "postfix/submission/smtpd"}),
    ("2_multiple_recipients_some_bounces.log", 21, {"recipients.status": "bounced", "recipients.code": 550, "recipients.enhanced_code": "5.7.1"}),
    ("2_multiple_recipients_some_bounces.log", 24, {"recipients.code": 550, "recipients.enhanced_code": "5.1.1"}),
    ("2_multiple_recipients_some_bounces.log", 19, {"recipients.status": "bounced", "recipients.code": None, "recipients.relay": None}),
    ("2_multiple_recipients_some_bounces.log", 22, {"events.kind": "note", "events.queue_id": "1310930001DB", "sessions": 0}),
    ("3_local", 1, {"events.kind": "connect", "sessions.peer_host": "i59F7FCE5.versanet.de", "sessions.ended": "cut"}),
    ("5_zimbra", 67, {"events.kind": "note", "events.program": "/postfix-script"}),
    ("5_zimbra", 26, {"events.program": "postfix/dkimmilter/smtpd", "sessions.peer_ip": "127.0.0.1"}),
    ("6_deferred", 26, {"events.kind": "note", "events.queue_id": "A17F830001CA", "recipients": 0}),
    ("6_deferred", 30, {"recipients.status": "deferred", "recipients.code": 451, "recipients.enhanced_code": "4.0.0"}),
    ("8_weird", 9, {"events.kind": "receive", "transactions.queue_id": "ED01244770", "transactions.user": None}),
    ("11_single", 3, {"transactions.user": "sender@mydomain.com", "sessions.user": "sender@mydomain.com", "sessions.authenticated": True}),
    ("13_empty", 3, {"transactions.message_id": "", "events.program": "postfix/cleanup"}),
    ("17-smtpd-reject.log", 3, {"sessions.peer_ip": "2a02:168:636a::15e2", "sessions.helo": "[IPv6:2a02:168:636a::15e2]",
                                "transactions.reverse_path": "h-d2315d@h-24e89d.com"}),
    ("18_expired", 1, {"events.program": "postfix-239.58.50.50/smtpd", "events.pid": 4546, "transactions.session": 0}),
    ("18_expired", 22, {"recipients.status": "expired", "events.kind": "queue"}),
    ("18_expired", 25, {"events.kind": "report", "events.queue_id": "23EBE3D5C0"}),
    ("18_expired", 27, {"recipients.status": "delivered", "recipients.code": None,
                        "recipients.reply": 'delivered to command: procmail -a "$EXTENSION" DEFAULT=$HOME/Maild'}),
    ("20_rejected", 5, {"recipients.code": 450, "transactions.reverse_path": "", "transactions.null_sender": True}),
    ("22_virtual", 1, {"events.kind": "note", "events.verb": None, "sessions": 0}),
    ("25_authclean", 4, {"events.kind": "note", "events.queue_id": "1F5A2194AA9", "events.program": "postfix/authclean/cleanup"}),
    ("25_authclean", 8, {"recipients.orig_to": "recipient@recipient.example.com", "recipients.relay": "localrelay.example.com[private/dovecot-lmtp]",
                         "recipients.time": pd.Timestamp("2022-01-08 19:42:13.582889", tz="UTC")}),
    ("31_inbound", 22, {"transactions.size": 11803, "events.size": 11803, "events.kind": "queue"}),
    ("31_relayed", 21, {"sessions.commands": 4, "sessions.ended": "quit"}),
]  # fmt: skip


@corpus
@pytest.mark.parametrize(
    ("name", "line", "expected"), LINES, ids=[f"{name.split('_')[0]}-{line}" for name, line, _ in LINES]
)
def test_a_line_by_itself(name, line, expected):
    text = named(name).read_bytes().splitlines(keepends=True)[line - 1]
    log = read(text)
    found = {}
    for key in expected:
        table, _, column = key.partition(".")
        found[key] = cell(getattr(log, table)[column].iloc[0]) if column else len(getattr(log, table))
    assert found == expected
    assert len(log.events) == 1 and log.events["text"].notna().all()
    assert len(log.unparsed) == 0


# -- situations --------------------------------------------------------------------------------------------

# file(s): totals with each message once; where they differ, with each hop; deliveries that became another
# message; reports and what they are about; outcomes that are not "delivered" (all by queue id)
SITUATIONS = {
    "1_bounce_simple": (
        {"received": 1, "delivered": 1, "bounced": 1, "ndrs": 1, "octets_received": 391, "octets_delivered": 3147},
        {"received": 2, "delivered": 2, "octets_received": 1502, "octets_delivered": 3538},
        {"4AA091855DA0": "776E41855DB2"}, {"A48191855DA0": "776E41855DB2"}, {"776E41855DB2": "bounced"}),
    **dict.fromkeys(("2_multiple_recipients_some_bounces.log", "2_multiple_recipients_some_bounces_no_last_remove.log"), (
        {"received": 1, "delivered": 3, "bounced": 3, "ndrs": 1, "octets_received": 502, "octets_delivered": 7382},
        {"received": 2, "delivered": 8, "octets_received": 1690, "octets_delivered": 9892},
        {"BA8F630001DA": "1310930001DB"}, {"C7B4530001DA": "1310930001DB"}, {"1310930001DB": "mixed"})),
    "3_local": (
        {"received": 1, "delivered": 1, "octets_received": 445, "octets_delivered": 1157},
        {"received": 2, "delivered": 2, "octets_received": 1602, "octets_delivered": 1602}, {"0B73130001FB": "400643011B47"}, {}, {}),
    "4_lost_queue": (
        {"received": 4, "delivered": 4, "octets_received": 44412, "octets_delivered": 47289},
        {"received": 8, "delivered": 8, "octets_received": 91701, "octets_delivered": 91701},
        {"99B222C0039E": "D37AE2C77B1E", "CCA402C003AA": "027BD2C77B20", "EDBD42C77B1F": "2326B2C77B22", "1E1A22C77B21": "49C582C77B1F"}, {}, {}),
    "5_zimbra": (
        {"received": 1, "delivered": 1, "octets_received": 344000, "octets_delivered": 344822},
        {"received": 3, "delivered": 3, "octets_received": 1033287, "octets_delivered": 1033287},
        {"E8759DC24C3": "218BEDC28EC", "218BEDC28EC": "33DE0DC24C3"}, {}, {}),
    "6_deferred": (  # BA8BA30001C7 and 4E8FF30001C8 have no client= line: no links to them
        {"received": 1, "delivered": 5, "deferrals": 1, "deferred": 1, "octets_received": 2259, "octets_delivered": 4456},
        {"delivered": 6}, {"78E8330001C7": "A17F830001CA"}, {}, {"A17F830001CA": "mixed"}),
    "7_only": ({}, {}, {}, {}, {}),
    "8_weird": (
        {"received": 1, "delivered": 1, "octets_received": 1315, "octets_delivered": 2135},
        {"received": 2, "delivered": 2, "octets_received": 3450, "octets_delivered": 3450}, {"4F5C64474F": "ED01244770"}, {}, {}),
    "9_mixed": (
        {"received": 2, "delivered": 4, "bounced": 4, "ndrs": 2, "octets_received": 893, "octets_delivered": 10529},
        {"received": 4, "delivered": 10, "octets_received": 3192, "octets_delivered": 13430},
        {"BA8F630001DA": "1310930001DB", "4AA091855DA0": "776E41855DB2"},
        {"A48191855DA0": "776E41855DB2", "C7B4530001DA": "1310930001DB"}, {"776E41855DB2": "bounced", "1310930001DB": "mixed"}),
    "10_pickup": (
        {"received": 1, "delivered": 1, "octets_received": 829, "octets_delivered": 2387},
        {"received": 2, "delivered": 2, "octets_received": 3216, "octets_delivered": 3216}, {"08ACF1541B01": "AED441541AFC"}, {}, {}),
    "11_single": (
        {"received": 1, "delivered": 1, "octets_received": 502, "octets_delivered": 1188},
        {"received": 2, "delivered": 2, "octets_received": 1690, "octets_delivered": 1690}, {"BA8F630001DA": "1310930001DB"}, {}, {}),
    **dict.fromkeys(("12_two_independent_deliveries_in_the_same_smtpd_process_in_order.log",
                     "12_two_independent_deliveries_in_the_same_smtpd_process_mixed.log"), (
        {"received": 2, "delivered": 2, "octets_received": 1005, "octets_delivered": 2377},
        {"received": 4, "delivered": 4, "octets_received": 3382, "octets_delivered": 3382},
        {"BA8F630001DA": "1310930001DB", "BABABABABA": "CACACACACACA"}, {}, {})),
    "13_empty": (
        {"received": 1, "delivered": 1, "octets_received": 1209, "octets_delivered": 2429},
        {"received": 2, "delivered": 2, "octets_received": 3638, "octets_delivered": 3638}, {"BABABABABABA": "CACACACA"}, {}, {}),
    "15_milter": ({"received": 1, "rejected": 2}, {}, {}, {}, {"B37FD2E05B9": "rejected"}),
    "16_corrupted": ({"received": 1, "delivered": 1, "octets_received": 7510, "octets_delivered": 7510}, {}, {}, {}, {}),
    "17-smtpd-reject-with": ({"received": 1, "rejected": 3}, {}, {}, {}, {"769FF2E0760": "rejected"}),
    "17-smtpd-reject.log": ({"received": 1, "rejected": 1}, {}, {}, {}, {"DE81A2E2DAA": "rejected"}),
    "18_expired": (
        {"received": 1, "delivered": 1, "deferrals": 5, "deferred": 1, "expired": 1, "ndrs": 1, "octets_received": 312343, "octets_delivered": 3503},
        {"delivered": 2}, {"20B4E3D5BD": "23EBE3D5C0"}, {"A7E673C067": "23EBE3D5C0"}, {"23EBE3D5C0": "mixed"}),
    "18_pickup2": ({"received": 1, "delivered": 1, "octets_received": 458, "octets_delivered": 458}, {}, {}, {}, {}),
    "19_postfix": ({}, {}, {}, {}, {}),
    "20_rejected": ({"received": 1, "rejected": 1}, {}, {}, {}, {"D155CDC24C3": "rejected"}),
    "21_deliveries": ({"received": 5, "delivered": 5, "octets_received": 7300, "octets_delivered": 7300}, {}, {}, {}, {}),
    "22_virtual": ({"received": 1, "delivered": 1, "octets_received": 17554, "octets_delivered": 17554}, {}, {}, {}, {}),
    "25_authclean": ({"received": 1, "delivered": 1, "octets_received": 818, "octets_delivered": 818}, {}, {}, {}, {}),
    "26_two": ({"received": 1, "delivered": 2, "octets_received": 2239, "octets_delivered": 4478}, {}, {}, {}, {}),
    "27_one": ({"received": 2, "delivered": 2, "octets_received": 3573, "octets_delivered": 3573}, {}, {}, {}, {}),
    "28_received": ({"received": 1, "delivered": 1, "octets_received": 3919, "octets_delivered": 3919}, {}, {}, {}, {}),
    "29_": (
        {"received": 1, "delivered": 1, "octets_received": 852, "octets_delivered": 1599},
        {"received": 2, "delivered": 2, "octets_received": 2451, "octets_delivered": 2451}, {"670FCA58C8": "F27E789349"}, {}, {}),
    "29_inbound_relayed_message_server_1.log": ({"received": 1, "delivered": 1, "octets_received": 852, "octets_delivered": 852}, {}, {}, {}, {}),
    "30_in": ({"received": 1, "delivered": 1, "octets_received": 2239, "octets_delivered": 2239}, {}, {}, {}, {}),
    "31_inbound": ({"received": 2, "delivered": 2, "octets_received": 15567, "octets_delivered": 15567}, {}, {}, {}, {}),
    "31_relayed": ({"received": 2, "delivered": 2, "octets_received": 8821, "octets_delivered": 8821}, {}, {}, {}, {}),
    "33_delivery": ({"received": 1, "delivered": 1, "octets_received": 2239, "octets_delivered": 2239}, {}, {}, {}, {}),
    P: ({"received": 35, "delivered": 35}, {}, {}, {}, {}),
}  # fmt: skip
COUNTS = ("received", "delivered", "deferrals", "deferred", "bounced", "expired", "discarded", "rejected", "ndrs",
          "postmaster_notices", "octets_received", "octets_delivered")  # fmt: skip


@corpus
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation(name):
    once, hops, links, reports, outcomes = SITUATIONS[name]
    path = sorted(CORPUS.glob("lightmeter/29_*")) if name == "29_" else named(name)
    log = spamlab.read(path, year=2021)
    octets = {} if name == P else {"octets_received": 0, "octets_delivered": 0}
    expected = {
        count: once.get(count, 0) for count in COUNTS if count in {**octets, **once} or not count.startswith("octets")
    }
    assert {count: value for count, value in summary.totals(log).items() if count in expected} == expected
    expected |= hops
    assert {count: value for count, value in summary.totals(log, hops=True).items() if count in expected} == expected
    ids = log.transactions.set_index("transaction")["queue_id"]
    became = log.recipients.dropna(subset=["requeued_as"])
    assert dict(zip(became["transaction"].map(ids), became["requeued_as"].map(ids), strict=True)) == links
    about = log.transactions.dropna(subset=["ndr_of"])
    assert dict(zip(about["queue_id"], about["ndr_of"].map(ids), strict=True)) == reports
    assert about["report"].tolist() == ["ndr"] * len(reports)
    odd = log.transactions[log.transactions["outcome"].ne("delivered")]
    assert dict(zip(odd["queue_id"], odd["outcome"], strict=True)) == outcomes


@corpus
def test_a_queue_id_that_comes_back():
    path = named("14_reuse")
    log = spamlab.read(path, year=2021)
    text = path.read_text()
    clients = re.findall(r": (\w+): client=\S+\[(\S+)\]", text)
    same = log.transactions[log.transactions["queue_id"] == "BABABABABA"]
    assert same["size"].tolist() == [11214, 10673]
    assert len(log.transactions) == len(clients) == 72
    became = log.recipients.dropna(subset=["requeued_as"]).set_index("transaction")["requeued_as"]
    ids = log.transactions.set_index("transaction")["queue_id"]
    assert ids[became[ids[ids == "DADADADADA"].index[0]]] == "BABABABABA"
    assert became[ids[ids == "DADADADADA"].index[0]] == same["transaction"].iloc[0]  # not the later one
    totals, hops = summary.totals(log), summary.totals(log, hops=True)
    assert (totals["received"], hops["received"]) == (37, 72)
    assert (totals["delivered"], hops["delivered"]) == (67 - 35, 67)


@corpus
def test_the_life_of_a_deferred_message():
    log = spamlab.read(named("18_expired"), year=2021)
    life = log.transactions[log.transactions["queue_id"] == "23EBE3D5C0"].iloc[0]
    rows = log.recipients[log.recipients["transaction"] == life["transaction"]]
    assert rows["status"].tolist() == ["deferred"] * 5 + ["expired"]
    assert rows["forward_path"].nunique() == 1 and rows["code"].tolist()[:5] == [452] * 5
    assert (life["recipients"], life["deferred"], life["accepted"]) == (6, 5, 0)
    assert life["end"] - life["start"] == pd.Timedelta("5 days 02:19:34")


@corpus
def test_sessions_of_one_process_one_after_another():
    log = spamlab.read(named("4_lost_queue"), year=2021)
    assert log.sessions["peer_ip"].tolist() == ["68.183.218.8", "68.183.218.8", "127.0.0.1", "68.183.218.8", "127.0.0.1",
                                                "68.183.218.8", "127.0.0.1", "127.0.0.1"]  # fmt: skip
    assert log.sessions["ended"].tolist() == ["quit"] * 6 + ["cut"] * 2
    assert log.sessions["transactions"].tolist() == [1] * 8
    assert log.transactions["session"].tolist() == list(range(8))
    assert (
        log.sessions["user"].notna().tolist() == log.sessions["tls"].tolist() == log.sessions["authenticated"].tolist()
    )


# -- files as a whole --------------------------------------------------------------------------------------


@corpus
@pytest.mark.parametrize("name", FILES)
def test_every_line_is_accounted_for(name):
    octets = (CORPUS / name).read_bytes()
    log = spamlab.read(CORPUS / name, year=2021)
    about = log.sources.iloc[0]
    assert about["format"] == "postfix"
    assert (
        about["lines"]
        == about["event_lines"] + about["ignored_lines"] + about["unparsed_lines"]
        == len(octets.splitlines())
    )
    own = [b"postfix" in line.split(b"]: ")[0] for line in octets.splitlines()]
    assert log.events["line"].tolist() == [i for i, mine in enumerate(own, 1) if mine]
    assert len(log.unparsed) == (1 if "18_expired" in name else 0)
    assert log.events["time"].notna().all()
    lines = octets.splitlines(keepends=True)
    for event in (log.events.iloc[0], log.events.iloc[-1]):
        assert log.raw(event) == lines[event["line"] - 1]


@corpus
@pytest.mark.parametrize("name", FILES)
def test_recognised_also_when_cut_or_behind_other_programs_lines(name):
    octets = (CORPUS / name).read_bytes()
    for part in (octets[:2048], octets.splitlines(keepends=True)[0]):
        assert spamlab.read(io.BytesIO(part), year=2021).format == "postfix"
    others = "".join(
        f"Jan  1 00:00:{i % 60:02} mx dovecot[{i}]: imap-login: Login: user=<a{i}@example.com>\n" for i in range(200)
    )
    log = spamlab.read(io.BytesIO(others.encode() + octets), year=2021)
    assert log.format == "postfix" and log.sources["ignored_lines"].iloc[0] >= 200


@corpus
@pytest.mark.parametrize("name", FILES)
def test_crlf_and_gz_read_the_same(name, tmp_path):
    import gzip

    octets = (CORPUS / name).read_bytes()
    plain = read(octets)
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(octets.replace(b"\n", b"\r\n")))
    packed = spamlab.read(tmp_path / "a.log.gz", year=2021)
    for table in ("events", "sessions", "transactions", "recipients"):
        one, other = getattr(plain, table), getattr(packed, table)
        pd.testing.assert_frame_equal(
            one.drop(columns="source", errors="ignore"), other.drop(columns="source", errors="ignore")
        )


CASES = SHARED / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not here")
def test_cases_from_public_reports():
    import json

    for case in json.loads((CASES / "cases.json").read_text("utf-8")):
        if case["format"] != "postfix":
            continue
        log, want = spamlab.read(CASES / case["file"], year=2024), case["expect"]
        status = log.recipients["status"].value_counts()
        assert {name: status.get(name, 0) for name in want.get("status", {})} == want.get("status", {}), case["what"]
        for table, row, column, value in want.get("cells", []):
            assert cell(getattr(log, table)[column].iloc[row]) == value, case["what"]
        assert log.sources["unparsed_lines"].sum() == want.get("unparsed", 0)
        assert len(log.events) == want.get("events", len(log.events))
        assert log.format == "postfix"


# -- forgery -----------------------------------------------------------------------------------------------

FORGED = '"; from=<forged@a> to=<b@c> proto=SMTP helo=<x>: "@d'
TAIL = "; from=<real@a> to=<real@c> proto=ESMTP helo=<h>"


@pytest.mark.parametrize(
    "body",
    [
        f"NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <{FORGED}>: no; from=<real@a> to=<real@c> proto=ESMTP helo=<h>",
        f"NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <x@y>: no; see; to=x; from=me{TAIL}",
        f"NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 no (http://x/?a; b; proto){TAIL}",
        f"NOQUEUE: reject: RCPT from a[192.0.2.1]:25: 550 5.1.1 <{FORGED}>: no{TAIL}",
        f"4F5C64474F: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <{FORGED}>: no; from=<{FORGED}> to=<real@c> proto=ESMTP helo=<h>",
    ],
)
def test_a_forged_rejected_address_loses(body):
    log = read(daemon(f"smtpd[1]: {body}"))
    row = log.recipients.iloc[0]
    assert (row["forward_path"], row["code"], row["enhanced_code"]) == ("real@c", 550, "5.1.1")
    assert log.sessions["helo"].tolist() == ["h"]


def test_a_forged_sender_and_recipient_lose():
    sender, recipient = '"a>, size=9, nrcpt=9 (queue x"@b', '"a>, relay=none, delay=0, status=sent (250 x"@b'
    log = read(daemon(
        f"qmgr[2]: 4F5C64474F: from=<{sender}>, size=100, nrcpt=1 (queue active)",
        f"smtp[3]: 4F5C64474F: to=<{recipient}>, orig_to=<{recipient}>, relay=mx[192.0.2.1]:25, delay=7, dsn=5.0.0, status=bounced (550 to=<x>, status=sent (250 ok))",
    ))  # fmt: skip
    assert log.transactions[["reverse_path", "size", "outcome"]].values.tolist() == [[sender, 100, "bounced"]]
    row = log.recipients.iloc[0]
    assert row[["forward_path", "orig_to", "relay", "delay", "code"]].tolist() == [
        recipient,
        recipient,
        "mx[192.0.2.1]:25",
        7,
        550,
    ]
    assert row["reply"] == "550 to=<x>, status=sent (250 ok)"


def test_a_login_that_injects_a_field_does_not_name_another_account():
    log = read(daemon(
        "smtpd[1]: 4F5C64474F: client=a[192.0.2.1], sasl_method=LOGIN, sasl_username=evil, sasl_username=admin",
        "smtpd[2]: warning: b[192.0.2.2]: SASL LOGIN authentication failed: x[192.0.2.9]: SASL PLAIN authentication failed: y, sasl_username=joe",
    ))  # fmt: skip
    assert log.transactions["user"].tolist() == ["evil"]
    assert log.sessions["peer_ip"].tolist() == ["192.0.2.1", "192.0.2.2"]
    assert log.sessions["user"].tolist() == ["evil", "joe"]
    assert log.sessions["authenticated"].tolist() == [True, False]
    assert log.events["verb"].astype(object).tolist()[1] == "AUTH"  # as the other formats say


@pytest.mark.parametrize(
    "text",
    [
        "4F5C64474F: replace: header Subject: 4F5C64474E: removed from a[192.0.2.1]; from=<a@b> to=<c@d> proto=ESMTP helo=<h>: x",
        "4F5C64474F: info: header Subject: to=<x@y>, relay=none, delay=1, status=bounced (550 x) from a[192.0.2.1]; from=<a@b> to=<c@d>",
        "4F5C64474F: warning: header Subject: sender non-delivery notification: 4F5C64474E from a[192.0.2.1]",
        "warning: non-SMTP command from a[192.0.2.1]: Subject: 4F5C64474E: removed",
        "warning: header connect from a[192.0.2.1]",
        "improper command pipelining after EHLO from a[192.0.2.1]: 4F5C64474E: client=b[192.0.2.2]\\n",
    ],
)
def test_header_text_is_only_text(text):
    log = read(daemon(f"cleanup[1]: {text}"))
    assert log.events["kind"].tolist() == ["note"] and log.events["text"].tolist() == [text]
    assert len(log.recipients) == 0 and "4F5C64474E" not in log.transactions["queue_id"].tolist()


# -- actions that refuse nothing, and others ---------------------------------------------------------------

FROM = "RCPT from a[192.0.2.1]: <b@c>: Recipient address triggers"


@pytest.mark.parametrize(
    ("text", "kind", "statuses"),
    [
        (f"NOQUEUE: reject_warning: RCPT from a[192.0.2.1]: 553 5.7.1 <x@y>: no{TAIL}", "note", []),
        (f"NOQUEUE: warn: {FROM} WARN action{TAIL}", "note", []),
        (f"NOQUEUE: filter: {FROM} FILTER smtp:[127.0.0.1]:10024{TAIL}", "note", []),
        (f"NOQUEUE: redirect: {FROM} REDIRECT e@f{TAIL}", "note", []),
        (f"NOQUEUE: hold: {FROM} HOLD action{TAIL}", "queue", ["held"]),
        (f"NOQUEUE: discard: {FROM} DISCARD action{TAIL}", "queue", ["discarded"]),
        (
            f"4F5C64474F: milter-hold: END-OF-MESSAGE from a[192.0.2.1]: milter triggers HOLD action{TAIL}",
            "queue",
            ["held"],
        ),
        (
            f"4F5C64474F: milter-discard: END-OF-MESSAGE from a[192.0.2.1]: milter triggers DISCARD action{TAIL}",
            "queue",
            ["discarded"],
        ),
        (f"4F5C64474F: milter-reject: RCPT from a[192.0.2.1]: 451 4.7.1 later{TAIL}", "reject", ["rejected"]),
        (f"proxy-reject: END-OF-MESSAGE: 554 5.7.1 no{TAIL}", "reject", ["rejected"]),
        (
            "NOQUEUE: reject: MAIL from a[192.0.2.1]: 552 5.3.4 Message size exceeds fixed limit; proto=ESMTP helo=<h>",
            "reject",
            [],
        ),
        ("NOQUEUE: reject: CONNECT from a[192.0.2.1]: 554 5.7.1 no; proto=SMTP", "reject", []),
        (
            "NOQUEUE: reject: HELO from a[192.0.2.1]: 504 5.5.2 <x>: Helo command rejected; proto=SMTP helo=<x>",
            "reject",
            [],
        ),
        (f"4F5C64474F: reject: header Subject: x from a[192.0.2.1]{TAIL}: 5.7.1 no", "reject", ["rejected"]),
        (f"4F5C64474F: hold: header Subject: x from a[192.0.2.1]{TAIL}: why", "queue", ["held"]),
        (
            f"4F5C64474F: milter-header-reject: header X-Spam: x from a[192.0.2.1]{TAIL}: 5.7.1 no",
            "reject",
            ["rejected"],
        ),
        (f"4F5C64474F: milter-body-discard: body x from a[192.0.2.1]{TAIL}", "queue", ["discarded"]),
        (f"4F5C64474F: milter-header-hold: header X-Spam: x from a[192.0.2.1]{TAIL}: why", "queue", ["held"]),
        (f"4F5C64474F: milter-header-filter: header X-Spam: x from a[192.0.2.1]{TAIL}: smtp:[b]:25", "note", []),
        (f"4F5C64474F: discard: body x from a[192.0.2.1]{TAIL}: why", "queue", ["discarded"]),
    ],
)
def test_what_each_action_is(text, kind, statuses):
    log = read(daemon(f"smtpd[1]: {text}"))
    assert log.events["kind"].tolist() == [kind]
    assert log.recipients["status"].tolist() == statuses
    totals = summary.totals(log)
    assert totals["rejected"] == (kind == "reject") and totals["discarded"] == ("discarded" in statuses)
    if statuses:
        assert log.recipients["forward_path"].tolist() == ["real@c"]


def test_what_a_header_check_refuses_is_refused_to_its_recipient():
    log = read(daemon(f"cleanup[1]: 4F5C64474F: reject: header Subject: a; b from a[192.0.2.1]{TAIL}: 5.7.1 no: never"))
    row = log.recipients.iloc[0]
    assert (row["forward_path"], row["enhanced_code"], row["reply"]) == ("real@c", "5.7.1", "5.7.1 no: never")
    assert log.transactions["outcome"].tolist() == ["rejected"] and summary.totals(log)["rejected"] == 1
    # A header can hold what looks like an envelope: of two, neither is taken.
    log = read(
        daemon(f"cleanup[1]: 4F5C64474F: reject: body x from b; from=<e@v> to=<i@l>: 5.0.0 y from a[192.0.2.1]{TAIL}")
    )
    assert log.events["kind"].tolist() == ["reject"] and len(log.recipients) == 0
    assert log.transactions["reverse_path"].isna().all()


@pytest.mark.parametrize(
    ("text", "code", "reply"),
    [
        (
            f"mime-error message header length exceeds limit: Subject: a; b from a[192.0.2.1]{TAIL.split(' proto')[0]}",
            None,
            None,
        ),
        (f"content Received: by x from a[192.0.2.1]{TAIL}: 5.7.1 disallowed", "5.7.1", "5.7.1 disallowed"),
    ],
)
def test_what_the_structure_of_a_message_refuses_is_refused_to_its_recipient(text, code, reply):
    """A MIME error (``strict_mime_encoding_domain`` and its like) names the envelope as a header check does."""
    row = read(daemon(f"cleanup[1]: 4F5C64474F: reject: {text}")).recipients.iloc[0]
    assert [cell(row[name]) for name in ("forward_path", "status", "enhanced_code", "reply")] == [
        "real@c", "rejected", code, reply]  # fmt: skip


def test_what_comes_with_bare_line_feeds_is_refused_and_its_connection_closed():
    log = read(daemon(
        "smtpd[1]: NOQUEUE: reject: bare <LF> received from a[192.0.2.1]: 550 5.5.2 mx Error: bare <LF> received; proto=SMTP helo=<h>",
        "smtpd[1]: bare <LF> received after DATA (12 bytes) from a[192.0.2.1]",
        "smtpd[1]: disconnect from a[192.0.2.1] helo=1 mail=1 rcpt=1 data=0/1 commands=3/4",
    ))  # fmt: skip
    assert [cell(log.events[name][0]) for name in ("kind", "verb", "code", "enhanced_code")] == [
        "reject",
        None,
        550,
        "5.5.2",
    ]
    assert log.sessions[["peer_ip", "helo", "ended"]].values.tolist() == [["192.0.2.1", "h", "dropped"]]


def test_a_client_that_does_not_wait_for_replies_is_named_where_its_beginning_is_not_logged():
    log = read(daemon("smtpd[1]: improper command pipelining after EHLO from a[192.0.2.1]: QUIT\\r\\n"))
    assert log.sessions[["peer_ip", "peer_host"]].values.tolist() == [["192.0.2.1", "a"]]
    assert [cell(log.events[name][0]) for name in ("kind", "verb")] == ["note", "EHLO"]


def test_mail_through_a_filter_before_the_queue_arrives_once():
    lines = (
        "smtpd[1]: connect from a[192.0.2.1]",
        "smtpd[1]: NOQUEUE: client=a[192.0.2.1], sasl_method=PLAIN, sasl_username=ann@example.com",
        "smtpd[2]: connect from localhost[127.0.0.1]",
        "smtpd[2]: 4F5C64474F: client=localhost[127.0.0.1], orig_client=a[192.0.2.1]",
        "smtpd[1]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 4F5C64474F; from=<a@b> to=<c@d> proto=ESMTP helo=<a>",
        "smtpd[1]: NOQUEUE: client=a[192.0.2.1]",
        f"smtpd[1]: proxy-reject: END-OF-MESSAGE: 554 5.7.0 spam{TAIL}",
        "smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 auth=1 mail=2 rcpt=2 data=1/2 quit=1 commands=8/9",
    )
    log = read(daemon(*lines))
    assert summary.totals(log)["received"] == summary.totals(log, hops=True)["received"] == 1
    assert summary.totals(log)["rejected"] == 1
    assert log.events["session"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert log.sessions["user"].fillna("").tolist() == ["ann@example.com", ""]
    assert log.sessions["authenticated"].tolist() == [True, False]


def test_a_warning_can_stand_before_its_queue_id():
    log = read(
        daemon("smtp[1]: warning: 4F5C64474F: defer service failure", "smtpd[1]: warning: TLS library problem: x")
    )
    assert log.events["queue_id"].fillna("").tolist() == ["4F5C64474F", ""]
    assert log.events["kind"].tolist() == ["note"] * 2 and log.transactions["queue_id"].tolist() == ["4F5C64474F"]


@pytest.mark.parametrize(
    ("numbers", "delay", "enhanced"),
    [
        ("delay=-1", None, None),
        ("delay=0.5, delays=-0.1/0/0/0.6, dsn=2.0.0", 0.5, "2.0.0"),
        ("delay=x, delays=1/0/0/0.6, dsn=2.0.0", None, "2.0.0"),
        ("delay=1, delays=1/0/0/0, dsn=", 1.0, None),
    ],
)
def test_a_delivery_with_an_unreadable_number_is_one(numbers, delay, enhanced):
    log = read(daemon(f"smtp[1]: 4F5C64474F: to=<a@b>, relay=mx[192.0.2.1]:25, {numbers}, status=sent (250 ok)"))
    row = log.recipients.iloc[0]
    assert (row["forward_path"], row["status"], row["code"], row["reply"]) == ("a@b", "delivered", 250, "250 ok")
    assert (cell(row["delay"]), cell(row["enhanced_code"])) == (delay, enhanced)


def test_an_unknown_address_is_missing():
    log = read(
        daemon(
            "smtpd[1]: connect from unknown[unknown]", "smtpd[1]: lost connection after CONNECT from unknown[unknown]"
        )
    )
    assert log.sessions[["peer_ip", "peer_host"]].isna().all(axis=None)
    assert log.sessions["ended"].tolist() == ["dropped"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<1@x>", "1@x"),
        ("<1@x> (added by postmaster@mx.example.com)", "1@x"),
        ("<a>b@x>", "a>b@x"),
        ("<1@x>+29A6080B", "1@x"),
        ("<1@x", "1@x"),
        ("1@x", "1@x"),
    ],
)
def test_what_a_message_id_is(text, found):
    log = read(daemon(f"cleanup[1]: 4F5C64474F: message-id={text}"))
    assert log.transactions["message_id"].tolist() == [found]


@pytest.mark.parametrize(
    ("text", "status", "code", "relay"),
    [
        (
            "relay=none, delay=1, dsn=4.4.1, status=deferred (connect to mx[192.0.2.1]:25: Connection refused)",
            "deferred",
            None,
            None,
        ),
        (
            "relay=none, delay=1, dsn=4.4.2, status=deferred (delivery temporarily suspended: lost connection with mx[192.0.2.1])",
            "deferred",
            None,
            None,
        ),
        (
            "relay=none, delay=1, dsn=4.7.0, status=deferred (delivery temporarily suspended: host mx[192.0.2.1] said: 421 4.7.0 x)",
            "deferred",
            421,
            None,
        ),
        (
            "relay=mx[192.0.2.1]:25, delay=1, dsn=4.7.1, status=deferred (host mx[192.0.2.1] refused to talk to me: 554 5.7.1 x)",
            "deferred",
            554,
            "mx[192.0.2.1]:25",
        ),
        (  # versions before 2.3
            "relay=mx[192.0.2.1], delay=1, status=deferred (connect to mx[192.0.2.1]: server refused to talk to me: 421 x   )",
            "deferred",
            421,
            "mx[192.0.2.1]",
        ),
        (
            "relay=mx[192.0.2.1]:25, delay=1, dsn=4.7.0, "
            "status=deferred (TLS is required, but host mx[192.0.2.1] refused to start TLS: 454 4.7.0 x)",
            "deferred",
            454,
            "mx[192.0.2.1]:25",
        ),
        (  # as quoted, a blank lost
            "relay=mx[192.0.2.1]:25, delay=1, dsn=4.7.3, "
            "status=deferred (SASL authentication failed; server mx[192.0.2.1]said: 535 5.7.3 x)",
            "deferred",
            535,
            "mx[192.0.2.1]:25",
        ),
        (
            "relay=mx[192.0.2.1]:25, conn_use=2, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
            "delivered",
            250,
            "mx[192.0.2.1]:25",
        ),
        ("relay=local, delay=1, status=bounced (Command died with status 1)", "bounced", None, "local"),
        ("relay=x, delay=1, dsn=5.0.0, status=SOFTBOUNCE (550 no)", "deferred", 550, "x"),
        ("relay=x, delay=1, dsn=2.0.0, status=deliverable (250 ok)", "probed", 250, "x"),
        ("relay=x, delay=1, dsn=5.0.0, status=undeliverable (550 no)", "probed", 550, "x"),
        ("relay=x, delay=1, dsn=4.0.0, status=newword (450 no)", "deferred", 450, "x"),  # the code's class decides
        ("relay=x, delay=1, dsn=2.0.0, status=sent", "delivered", None, "x"),
        ("relay=x, delay=1, dsn=2.0.0, status=sent (250 ok)  ", "delivered", 250, "x"),
    ],
)
def test_what_each_delivery_is(text, status, code, relay):
    row = read(daemon(f"smtp[1]: 4F5C64474F: to=<a@b>, {text}")).recipients.iloc[0]
    assert [cell(row[name]) for name in ("status", "code", "relay", "delay")] == [status, code, relay, 1]


@pytest.mark.parametrize("delay", ["9" * 40, "1e9", "-1", "x", ""])
def test_a_delay_that_is_none_is_missing_and_loses_nothing_else(delay):
    log = read(daemon(f"smtp[1]: 4F5C64474F: to=<a@b>, relay=x, delay={delay}, dsn=2.0.0, status=sent (250 ok)"))
    assert len(log.events) == 1 and log.recipients["delay"].dropna().tolist() == []


@pytest.mark.parametrize("size", ["9223372036854775808", "-1", "x", ""])
def test_a_size_that_is_none_does_not_break_a_line(size):
    log = read(daemon(f"qmgr[1]: 4F5C64474F: from=<a@b>, size={size}, nrcpt=1 (queue active)"))
    assert log.events["queue_id"].tolist() == ["4F5C64474F"] and len(log.unparsed) == 0


# -- queue ids ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("queue_id", ["4F5C6", "0D7037A4", "4AA091855DA0", "3Pt2mN2VXxznjll", "4G6yC35YlszCx5Pk",
                                      "A1B2C3D4E5", "4XaExample1", "3abc123def", "ABCDEF", "QUEUEID", "XXX", "queue-id"])  # fmt: skip
def test_short_and_long_queue_ids(queue_id):
    log = read(daemon(f"smtpd[1]: {queue_id}: client=a[192.0.2.1]", f"qmgr[2]: {queue_id}: removed"))
    assert log.transactions["queue_id"].tolist() == [queue_id]


@pytest.mark.parametrize(
    "text",
    ["Anonymous TLS connection established from a.example[192.0.2.1] to mx.example.net: TLSv1.3 with cipher x (256/256 bits)",
     "Anonymous TLS connection established from  a.example[192.0.2.1]: TLSv1.2 with cipher x (256/256 bits)",
     "Untrusted TLS connection reused from a.example[192.0.2.1]: TLSv1.3 with cipher x (256/256 bits)"],
)  # fmt: skip
def test_a_tls_connection_that_names_whom_it_wants_or_that_is_used_again(text):
    log = read(daemon("smtpd[1]: connect from a.example[192.0.2.1]", f"smtpd[1]: {text}"))
    assert log.sessions[["peer_ip", "peer_host", "tls"]].values.tolist() == [["192.0.2.1", "a.example", True]]


@pytest.mark.parametrize(
    ("text", "ended"),
    [("lost connection after AUTH from", "dropped"), ("timeout after DATA from", "timeout"),
     ("too many errors after RCPT from", "dropped")],
)  # fmt: skip
@pytest.mark.parametrize("queue_id", ["NOQUEUE: ", "4F5C64474F: "])
def test_since_postfix_3_10_the_end_of_a_session_names_its_message(queue_id, text, ended):
    log = read(daemon("smtpd[1]: connect from a.example[192.0.2.1]", f"smtpd[1]: {queue_id}{text} a.example[192.0.2.1]",
                      "smtpd[1]: disconnect from a.example[192.0.2.1] ehlo=1 commands=1"))  # fmt: skip
    assert log.sessions[["peer_ip", "ended"]].values.tolist() == [["192.0.2.1", ended]]
    assert cell(log.events["queue_id"].iloc[1]) == (None if queue_id == "NOQUEUE: " else "4F5C64474F")
    assert log.events["verb"].iloc[1] == text.split()[-2]


def test_ids_that_nobody_but_people_make_up_link_as_others_do():
    log = read(daemon(
        "smtpd[1]: 4XaExample1: client=a[192.0.2.1]",
        "smtp[3]: 4XaExample1: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=5.0.0, status=bounced (550 no)",
        "bounce[4]: 4XaExample1: sender non-delivery notification: 4XbExample2",
        "qmgr[5]: 4XbExample2: from=<>, size=9, nrcpt=1 (queue active)",
        "cleanup[6]: warning: 4XbExample2: queue file size limit exceeded",
    ))  # fmt: skip
    assert log.transactions["queue_id"].tolist() == ["4XaExample1", "4XbExample2"]
    assert log.transactions["ndr_of"].fillna(-1).tolist() == [-1, 0]
    assert log.events["queue_id"].isna().sum() == 0


@pytest.mark.parametrize(
    "text",
    [
        "warning: x",
        "statistics: x",
        "fatal: x",
        "table: x",
        "NOQUEUE: x",
        "error: x",
        "panic: y",
        "using: z",
        "fatal: uid=33: unexpected record type: 78",
        "warning: to= x",
    ],
)
def test_words_are_no_queue_ids(text):
    log = read(daemon(f"smtpd[1]: {text}"))
    assert log.events["queue_id"].isna().all() and log.events["kind"].tolist() == ["note"]


def test_long_ids_of_two_messages_that_differ_in_case_only():
    log = read(
        daemon("smtpd[1]: 4G6yC35YlszCx5Pk: client=a[192.0.2.1]", "smtpd[2]: 4G6YC35YlszCx5Pk: client=b[192.0.2.2]")
    )
    assert len(log.transactions) == 2


# -- sessions ----------------------------------------------------------------------------------------------


def sessions(*lines):
    log = read(daemon(*lines))
    return log.sessions[["peer_ip", "ended", "commands", "resets", "transactions"]].values.tolist()


def test_how_a_session_ends():
    assert sessions("smtpd[1]: connect from a[192.0.2.1]", "smtpd[1]: disconnect from a[192.0.2.1]") == [
        ["192.0.2.1", "quit", 0, 0, 0]
    ]
    for said, ended in (("lost connection after DATA (17 bytes) from", "dropped"), ("timeout after END-OF-MESSAGE from", "timeout"),
                        ("too many errors after AUTH from", "dropped")):  # fmt: skip
        found = sessions(
            "smtpd[1]: connect from a[192.0.2.1]", f"smtpd[1]: {said} a[192.0.2.1]",
            "smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 mail=1 rcpt=0/3 rset=2/3 data=0/1 commands=2/9")  # fmt: skip
        assert found == [["192.0.2.1", ended, 9, 3, 0]]
    assert sessions("smtpd[1]: connect from a[192.0.2.1]") == [["192.0.2.1", "cut", 0, 0, 0]]
    hung_up = "smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 mail=0/1 commands=1/2"  # 421, and no QUIT
    assert sessions("smtpd[1]: connect from a[192.0.2.1]", hung_up) == [["192.0.2.1", "dropped", 2, 0, 0]]


@pytest.mark.parametrize(
    "first",
    ["4F5C64474F: client=a[192.0.2.1]", "lost connection after AUTH from a[192.0.2.1]", "timeout after CONNECT from a[192.0.2.1]",
     "Anonymous TLS connection established from a[192.0.2.1]: TLSv1.3", "warning: a[192.0.2.1]: SASL LOGIN authentication failed: x",
     "NOQUEUE: reject: RCPT from a[192.0.2.1]: 450 4.7.1 no", "disconnect from a[192.0.2.1] ehlo=1 auth=0/1 quit=1 commands=1/2"],
)  # fmt: skip
def test_a_session_whose_beginning_is_in_another_file(first):
    found = sessions(
        *(
            f"smtpd[1]: {line}"
            for line in (first, "disconnect from a[192.0.2.1] quit=1 commands=2", "connect from b[192.0.2.2]")
            if not (first.startswith("disc") and line.startswith("disconnect from a[192.0.2.1] quit"))
        )
    )
    ended = "dropped" if first.startswith("lost") else "timeout" if first.startswith("time") else "quit"
    assert [row[:2] for row in found] == [["192.0.2.1", ended], ["192.0.2.2", "cut"]]
    assert found[0][2] == 2


def test_a_process_id_that_comes_back():
    found = sessions(
        "smtpd[1]: connect from a[192.0.2.1]", "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]",  # killed
        "smtpd[1]: connect from b[192.0.2.2]", "smtpd[1]: 4F5C64474E: client=b[192.0.2.2]",
        "smtpd[1]: disconnect from b[192.0.2.2] quit=1 commands=5", "smtpd[1]: connect from b[192.0.2.2]")  # fmt: skip
    assert found == [["192.0.2.1", "cut", 0, 0, 1], ["192.0.2.2", "quit", 5, 0, 1], ["192.0.2.2", "cut", 0, 0, 0]]


def test_two_connects_in_a_row_of_one_peer():
    assert len(sessions("smtpd[1]: connect from a[192.0.2.1]", "smtpd[1]: connect from a[192.0.2.1]")) == 2


def test_one_process_id_on_two_hosts_and_in_two_instances():
    text = daemon("smtpd[1]: connect from a[192.0.2.1]", host="one") + daemon(
        "smtpd[1]: connect from b[192.0.2.2]", host="two"
    )
    text += daemon(
        "submission/smtpd[1]: connect from c[192.0.2.3]",
        "smtpd[1]: disconnect from a[192.0.2.1] quit=1 commands=1",
        host="one",
    )
    text += daemon("smtpd[1]: disconnect from b[192.0.2.2] quit=1 commands=2", host="two")
    log = read(text)
    assert log.sessions[["peer_ip", "commands", "ended"]].values.tolist() == [
        ["192.0.2.1", 1, "quit"], ["192.0.2.2", 2, "quit"], ["192.0.2.3", 0, "cut"]]  # fmt: skip


def test_a_connect_stamped_after_its_client_line_is_one_session():
    log = read(
        "Jul  7 13:00:05 mx postfix/smtpd[1]: connect from a[192.0.2.1]\nJul  7 13:00:04 mx postfix/smtpd[1]: 4F5C64474F: client=a[192.0.2.1]\n"
    )
    assert len(log.sessions) == 1 and log.transactions["session"].tolist() == [0]


def test_several_messages_in_a_session_are_numbered():
    log = read(daemon("smtpd[1]: connect from a[192.0.2.1]", "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]", "qmgr[2]: 4F5C64474F: removed",
                      "smtpd[1]: 4F5C64474E: client=a[192.0.2.1]", "smtpd[1]: disconnect from a[192.0.2.1] commands=9"))  # fmt: skip
    assert log.transactions[["session", "number"]].values.tolist() == [[0, 1], [0, 2]]
    assert log.sessions["transactions"].tolist() == [2]


def test_a_milters_refusal_in_cleanup_belongs_to_the_messages_session():
    log = read(daemon("smtpd[1]: connect from a[192.0.2.1]", "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]",
                      f"cleanup[9]: 4F5C64474F: milter-reject: END-OF-MESSAGE from a[192.0.2.1]: 5.7.1 spam{TAIL}"))  # fmt: skip
    assert log.recipients[["session", "transaction", "status"]].values.tolist() == [[0, 0, "rejected"]]
    assert log.sessions["helo"].tolist() == ["h"]


# -- messages ----------------------------------------------------------------------------------------------


def test_three_reports_of_one_refused_message():
    log = read(daemon(
        "smtpd[1]: 4F5C60: client=a[192.0.2.1]", "qmgr[2]: 4F5C60: from=<a@b>, size=10, nrcpt=1 (queue active)",
        "smtp[3]: 4F5C60: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=5.0.0, status=bounced (host mx[192.0.2.9] said: 550 no)",
        "cleanup[4]: 4F5C61: message-id=<1@b>", "qmgr[2]: 4F5C61: from=<>, size=20, nrcpt=1 (queue active)",
        "bounce[5]: 4F5C60: sender non-delivery notification: 4F5C61",
        "cleanup[4]: 4F5C62: message-id=<2@b>", "qmgr[2]: 4F5C62: from=<double-bounce@mx>, size=20, nrcpt=1 (queue active)",
        "bounce[5]: 4F5C60: postmaster non-delivery notification: 4F5C62", "qmgr[2]: 4F5C60: removed",
        "cleanup[4]: 4F5C63: message-id=<3@b>", "qmgr[2]: 4F5C63: from=<>, size=20, nrcpt=1 (queue active)",
        "bounce[5]: 4F5C61: sender delay notification: 4F5C63",
    ))  # fmt: skip
    assert log.transactions["report"].astype(object).where(log.transactions["report"].notna(), None).tolist() == [
        None,
        "ndr",
        "postmaster",
        "delay",
    ]
    assert [cell(about) for about in log.transactions["ndr_of"]] == [None, 0, 0, None]
    totals = summary.totals(log)
    assert (totals["received"], totals["ndrs"], totals["postmaster_notices"], totals["bounced"]) == (1, 1, 1, 1)


def test_a_message_forwarded_by_local_is_one_message():
    log = read(daemon(
        "smtpd[1]: 4F5C60: client=a[192.0.2.1]", "qmgr[2]: 4F5C60: from=<a@b>, size=10, nrcpt=1 (queue active)",
        "cleanup[4]: 4F5C61: message-id=<1@b>", "qmgr[2]: 4F5C61: from=<a@b>, size=20, nrcpt=1 (queue active)",
        "local[3]: 4F5C60: to=<c@d>, relay=local, delay=4, delays=3/0/0/1, dsn=2.0.0, status=sent (forwarded as 4F5C61)",
        "qmgr[2]: 4F5C60: removed",
        "smtp[3]: 4F5C61: to=<e@f>, relay=mx[192.0.2.9]:25, delay=3, dsn=2.0.0, status=sent (250 ok)", "qmgr[2]: 4F5C61: removed",
    ))  # fmt: skip
    assert [cell(link) for link in log.recipients["requeued_as"]] == [1, None]
    assert summary.totals(log)["delivered"] == 1 and summary.totals(log, hops=True)["delivered"] == 2
    assert summary.totals(log)["received"] == summary.totals(log, hops=True)["received"] == 1


def test_given_up_for_each_recipient_still_pending():
    tried = "relay=mx[192.0.2.9]:25, delay=1, dsn={}, status={} (x)"
    log = read(daemon(
        "qmgr[2]: 4F5C60: from=<a@b>, size=10, nrcpt=4 (queue active)",
        "smtp[3]: 4F5C60: to=<1@d>, " + tried.format("4.0.0", "deferred"),
        "smtp[3]: 4F5C60: to=<2@d>, " + tried.format("4.0.0", "deferred"),
        "smtp[3]: 4F5C60: to=<3@d>, " + tried.format("5.0.0", "bounced"),
        "smtp[3]: 4F5C60: to=<4@d>, orig_to=<x@d>, " + tried.format("4.0.0", "deferred"),
        "smtp[3]: 4F5C60: to=<4@d>, orig_to=<y@d>, " + tried.format("4.0.0", "deferred"),
        "smtp[3]: 4F5C60: to=<1@d>, " + tried.format("2.0.0", "sent"),
        "smtp[3]: 4F5C60: to=<2@d>, " + tried.format("4.0.0", "deferred"),
        "qmgr[2]: 4F5C60: from=<a@b>, status=expired, returned to sender",
    ))  # fmt: skip
    expired = log.recipients[log.recipients["status"] == "expired"]
    assert sorted(zip(expired["forward_path"], map(cell, expired["orig_to"]), strict=True), key=str) == [
        ("2@d", None), ("4@d", "x@d"), ("4@d", "y@d")]  # fmt: skip
    assert summary.totals(log)["expired"] == 3 and summary.totals(log)["deferrals"] == 5
    assert log.transactions["recipients"].tolist() == [10]
    assert read(daemon("qmgr[2]: 4F5C60: from=<a@b>, status=force-expired, returned to sender")).recipients[
        "status"
    ].tolist() == ["expired"]


def test_a_remote_id_that_looks_like_one_of_this_hosts_is_no_link():
    lines = ["smtpd[1]: 4F5C61: client=a[192.0.2.1]", "qmgr[2]: 4F5C61: removed"] + ["anvil[7]: x"] * 60 + [
        "smtpd[1]: 4F5C60: client=a[192.0.2.1]",
        "smtp[3]: 4F5C60: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=2.0.0, status=sent (250 ok: queued as 4F5C61)"]  # fmt: skip
    assert read(daemon(*lines)).recipients["requeued_as"].isna().all()
    own = daemon(
        "smtpd[1]: 4F5C60: client=a[192.0.2.1]",
        "smtp[3]: 4F5C60: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=2.0.0, status=sent (250 ok: queued as 4F5C60)",
    )
    assert read(own).recipients["requeued_as"].isna().all()


def test_repeated_lines_stand_for_several():
    log = read(daemon(
        "smtp[3]: 4F5C60: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=4.0.0, status=deferred (450 no)",
        "smtp[3]: message repeated 2 times: [ 4F5C60: to=<c@d>, relay=mx[192.0.2.9]:25, delay=1, dsn=4.0.0, status=deferred (450 no)]",
    ))  # fmt: skip
    assert log.recipients["status"].tolist() == ["deferred"] * 3 and log.events["repeats"].tolist() == [1, 2]
    assert summary.totals(log)["deferrals"] == 3 and summary.totals(log)["deferred"] == 1


def test_mail_that_postsuper_puts_back_has_not_arrived_again():
    """``postsuper -r``: the message gets a new queue id, those who still wait go on there; the rest stays as it was."""
    log = read(daemon(
        "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]",
        "cleanup[2]: 4F5C64474F: message-id=<1@a>",
        "qmgr[3]: 4F5C64474F: from=<a@a>, size=100, nrcpt=2 (queue active)",
        "smtp[4]: 4F5C64474F: to=<b@b>, relay=b[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=4.0.0, status=deferred (later)",
        "smtp[4]: 4F5C64474F: to=<c@b>, relay=b[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
        "postsuper[5]: 4F5C64474F: requeued",
        "postsuper[5]: Requeued: 1 message",
        "pickup[6]: 5A5C644750: uid=89 from=<a@a> orig_id=4F5C64474F",
        "cleanup[2]: 5A5C644750: message-id=<1@a>",
        "qmgr[3]: 5A5C644750: from=<a@a>, size=110, nrcpt=1 (queue active)",
        "smtp[4]: 5A5C644750: to=<b@b>, relay=b[192.0.2.2]:25, delay=9, delays=0/0/0/9, dsn=2.0.0, status=sent (250 ok)",
        "qmgr[3]: 5A5C644750: removed",
        "smtpd[1]: 4F5C64474F: client=a[192.0.2.1]",  # the old id, given again
    ))  # fmt: skip
    assert log.transactions["queue_id"].tolist() == ["4F5C64474F", "5A5C644750", "4F5C64474F"]
    assert log.recipients["transaction"].tolist() == [0, 0, 1]
    assert log.recipients["requeued_as"].fillna(-1).tolist() == [1, -1, -1]
    counts = summary.totals(log)
    assert (counts["received"], counts["delivered"], counts["deferred"]) == (2, 2, 1)
    assert len(log.trace("5A5C644750")) == 11  # from its first arrival on; not the note, nor the later message


def test_a_sender_who_was_only_ever_refused_can_be_traced():
    reject = (
        "smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <x@b>: no; from=<{}> to=<x@b> proto=SMTP helo=<a>"
    )
    log = read(daemon(*(reject.format(sender) for sender in ("joe+1@a.example", "1@a.example", "joe+1@a.example.org"))))
    assert log.trace("JOE+1@a.example")["line"].tolist() == [1]
    assert log.trace("1@a.example")["line"].tolist() == [2]
    assert log.trace("x@b")["line"].tolist() == [1, 2, 3]


def test_delays_of_old_versions_have_an_exponent_and_a_refused_login_has_the_servers_code():
    """Postfix 2.3 prints two digits of a delay (``%.2g``)."""
    log = read(daemon(
        "smtp[4]: 4F5C64474F: to=<b@b>, relay=none, delay=1.2e+05, delays=1.2e+05/0.02/1.1/2.3, dsn=4.4.1, status=deferred "
        "(connect to b[192.0.2.2]:25: Connection timed out)",
        "smtp[4]: 4F5C64474F: to=<b@b>, relay=b[192.0.2.2]:25, delay=1, delays=0/0/1/0, dsn=4.7.8, status=deferred "
        "(SASL authentication failed; server b[192.0.2.2] said: 535 5.7.8 Error: authentication failed)",
    ))  # fmt: skip
    assert log.recipients.loc[0, ["delay", "delay_before_queue", "delay_connect"]].tolist() == [120_000, 120_000, 1.1]
    assert log.recipients["code"].fillna(-1).tolist() == [-1, 535]
    assert log.recipients["enhanced_code"].tolist() == ["4.4.1", "4.7.8"]


@pytest.mark.parametrize(
    ("how", "user"),
    [("failed", None), ("aborted", None), ("temporarily failed: no reply, sasl_username=joe", "joe")],
)
def test_a_login_that_came_to_nothing(how, user):
    log = read(daemon(f"smtpd[2]: warning: b[192.0.2.2]: SASL LOGIN authentication {how}"))
    assert log.events["kind"].tolist() == ["auth"]
    assert cell(log.sessions["user"][0]) == user and not log.sessions["authenticated"][0]


def test_a_queued_message_of_old_names_no_count_of_recipients():
    log = read(daemon("qmgr[1]: 4F5C64474F: from=<a@b>, size=1141 (queue active)"))
    assert log.events["kind"].tolist() == ["queue"]
    assert log.transactions[["reverse_path", "size"]].values.tolist() == [["a@b", 1141]]


def test_a_warning_about_a_refusal_has_no_queue_id():
    log = read(daemon("smtpd[1]: warning: reject: ETRN example.com... from h.example[192.0.2.1]"))
    assert log.events["kind"].tolist() == ["note"] and log.transactions.empty


def test_a_made_up_queue_id_stands_before_a_milters_refusal():
    log = read(
        daemon("cleanup[1]: Qproof: milter-reject: END-OF-MESSAGE from h[192.0.2.1]: 4.7.1 no; from=<a@b> to=<c@d>")
    )
    assert log.transactions[["queue_id", "outcome"]].values.tolist() == [["Qproof", "rejected"]]


@pytest.mark.parametrize(
    ("rest", "to"),
    [
        ("<ben@example.com>: User unknown in local recipient table; from=<> proto=ESMTP helo=<x>", "ben@example.com"),
        ("<ben@example.com>: Recipient address rejected: no; from=<a@b>", "ben@example.com"),
        ("<ben@example.com>: Relay access denied;", "ben@example.com"),
        ("<ben@example.com>: Relay access denied; from=<a@b> to=<eve@example.com>", "eve@example.com"),
        ("<a@b>: Sender address rejected: no; from=<a@b>", None),
        ("<x>: Helo command rejected: no; from=<a@b>", None),
    ],
)
def test_a_reject_can_name_its_recipient_in_the_reply_only(rest, to):
    log = read(daemon(f"smtpd[1]: reject: RCPT from h[192.0.2.1]: 450 {rest}"))
    assert [cell(path) for path in log.recipients["forward_path"]] == [to]
    assert log.recipients["reply"].tolist() == ["450 " + rest.split("; from")[0]]


@pytest.mark.parametrize(("client", "host"), [("[192.0.2.1]", None), ("<h>[192.0.2.1]", "<h>")])
def test_a_client_as_people_shorten_it(client, host):
    log = read(
        daemon(f"smtpd[1]: connect from {client}", f"smtpd[1]: NOQUEUE: reject: RCPT from {client}: 554 5.7.1 no{TAIL}")
    )
    assert [cell(log.sessions[name][0]) for name in ("peer_host", "peer_ip", "helo")] == [host, "192.0.2.1", "h"]
    assert len(log.sessions) == 1 and log.recipients["code"].tolist() == [554]


def test_a_client_masked_with_brackets_loses_nothing_else():
    log = read(
        daemon("smtpd[1]: connect from h[[IP]]", "smtpd[1]: 4F5C64: client=h[[IP]]:25, sasl_method=PLAIN, sasl_username=joe",
               "cleanup[2]: 4F5C64: milter-reject: END-OF-MESSAGE from h[[IP]]: 5.7.1 no; to=<c@d>")
    )  # fmt: skip
    assert log.sessions[["peer_host", "peer_ip", "user"]].values.tolist() == [["h", "IP", "joe"]]
    assert log.recipients[["forward_path", "status", "enhanced_code"]].values.tolist() == [["c@d", "rejected", "5.7.1"]]


def test_an_address_masked_with_brackets_loses_nothing_else():
    log = read(
        daemon("qmgr[1]: 4F5C64: from=<ed@<my domain>>, size=387, nrcpt=2 (queue active)",
               "smtp[1]: 4F5C64: to=<ed@<my domain>>, relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)",
               "qmgr[1]: 4F5C65: from=<ed@<my domain>>, status=expired, returned to sender")
    )  # fmt: skip
    assert log.events["kind"].tolist() == ["queue", "deliver", "queue"]
    assert log.transactions["outcome"].tolist() == ["delivered", "expired"]
    assert log.transactions["reverse_path"].tolist() == ["ed@<my domain>"] * 2
    assert log.transactions["size"].fillna(0).tolist() == [387, 0]
    assert log.recipients["forward_path"].fillna("").tolist() == ["ed@<my domain>", ""]


@pytest.mark.parametrize(
    "numbers",
    ["", "dsn=4.7.1, ", "conn_use=2, ", "delays=1/0/0/1, dsn=4.7.1, ", "tls=TLSv1.3, dsn=4.7.1, ",
     "delays=1/0/0/1, tls=dane?:none/requiretls!, dsn=4.7.1, "],
)  # fmt: skip
def test_a_delivery_whose_delay_was_left_out_is_one(numbers):
    """Logs are shortened, in reports and by programs that pass them on."""
    said = "host mx[192.0.2.1] said: 450-4.7.1 later 450 4.7.1 please"
    log = read(daemon(f"smtp[1]: 4F5C64474F: to=<a@b>, relay=mx[192.0.2.1]:25, {numbers}status=deferred ({said})"))
    row = log.recipients.iloc[0]
    assert row[["forward_path", "status", "code", "relay", "reply"]].tolist() == [
        "a@b", "deferred", 450, "mx[192.0.2.1]:25", said]  # fmt: skip
    assert cell(row["delay"]) is None and cell(row["enhanced_code"]) == ("4.7.1" if "dsn" in numbers else None)


@pytest.mark.parametrize("where", range(7))
def test_fields_nobody_knows_take_nothing_with_them(where):
    """Wherever a newer version, or a patch, may put its own."""
    fields = [
        "to=<a@b>",
        "orig_to=<c@d>",
        "relay=mx[192.0.2.1]:25",
        "delay=3",
        "delays=0/1/0/2",
        "dsn=4.7.1",
        "status=deferred ",
    ]
    known = read(daemon(f"smtp[1]: 4F5C64474F: {', '.join(fields)}(450 later, relay=evil, delay=9)"))
    fields[where] += ", x-new=Y.9" if where < 6 else ""
    log = read(daemon(f"smtp[1]: 4F5C64474F: {', '.join(fields)}(450 later, relay=evil, delay=9)"))
    pd.testing.assert_frame_equal(log.recipients, known.recipients)
    row = log.recipients.iloc[0]
    assert row[["forward_path", "status", "code", "relay", "delay", "enhanced_code"]].tolist() == [
        "a@b", "deferred", 450, "mx[192.0.2.1]:25", 3, "4.7.1"]  # fmt: skip


@pytest.mark.parametrize("fields", ["x=1, size=44, nrcpt=1", "size=44, x=1, nrcpt=1"])
def test_a_sender_whose_line_holds_a_field_nobody_knows_keeps_its_size(fields):
    log = read(daemon(f"qmgr[1]: 4F5C64474F: from=<a@b>, {fields} (queue active)"))
    assert log.transactions[["reverse_path", "size"]].values.tolist() == [["a@b", 44]]


def test_where_only_the_first_address_is_masked_or_both_the_delivery_is_one():
    log = read("".join(
        daemon(f"smtp[1]: 4F5C64474F: to={to}, orig_to=<c@<d>>, relay=mx[192.0.2.1]:25, delay=3, status=sent (250 ok)")
        for to in ("<a@b>", "<a@<d>>")
    ))  # fmt: skip
    assert log.recipients[["forward_path", "relay", "status"]].values.tolist() == [
        ["a@b", "mx[192.0.2.1]:25", "delivered"], ["a@<d>", "mx[192.0.2.1]:25", "delivered"]]  # fmt: skip


def test_a_delivery_cut_off_before_its_status_is_none():
    log = read(daemon("smtp[1]: 4F5C64474F: to=<a@b>, orig_to=<c>, relay=mx[192.0.2.1]:25, delay=3, delays=0/"))
    assert log.events["kind"].tolist() == ["note"] and log.recipients.empty


def test_a_delivery_can_lack_a_relay_and_the_blank_before_its_reply():
    log = read(daemon("smtp[1]: 4F5C64474F: to=<a@b>, status=sent(250 ok: (2) queued)"))
    assert log.recipients[["forward_path", "status", "code", "reply"]].values.tolist() == [
        ["a@b", "delivered", 250, "250 ok: (2) queued"]]  # fmt: skip


def test_addresses_that_were_lost_are_missing_and_take_nothing_else_with_them():
    """Web pages show ``from=<a@b>`` as ``from=``: an address that is not there is not the null path."""
    log = read(daemon(
        "cleanup[1]: 4F5C64474F: message-id=",
        "qmgr[1]: 4F5C64474F: from=, size=2066, nrcpt=1 (queue active)",
        "smtp[1]: 4F5C64474F: to=, relay=mx[192.0.2.1]:25, delay=7.1, delays=0.37/0.01/3.3/3.5, dsn=2.6.0, status=sent (250 2.6.0 ok)",
        "smtpd[2]: NOQUEUE: reject: RCPT from h[192.0.2.3]: 450 4.7.1 : Helo command rejected: no; from= to= proto=ESMTP helo=",
    ))  # fmt: skip
    assert log.events["kind"].tolist() == ["queue", "queue", "deliver", "reject"]
    message = log.transactions.iloc[0]
    assert [cell(message[name]) for name in ("message_id", "reverse_path", "size", "outcome")] == [None, None, 2066, "delivered"]  # fmt: skip
    assert not message["null_sender"]
    assert log.recipients[["status", "code"]].values.tolist() == [["delivered", 250], ["rejected", 450]]
    assert log.recipients["forward_path"].isna().all()
    assert log.recipients["delay_connect"].tolist()[0] == 3.3
    assert log.recipients["reply"].tolist() == ["250 2.6.0 ok", "450 4.7.1 : Helo command rejected: no"]


@pytest.mark.parametrize("account", ["ann@b", "ann b", "<ann@b>"])
def test_a_refused_client_that_has_logged_in_is_named(account):
    log = read(daemon(f"smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.3]: 552 5.3.4 too big{TAIL} sasl_method=PLAIN sasl_username={account}"))  # fmt: skip
    assert log.sessions[["helo", "user", "authenticated"]].values.tolist() == [["h", account.strip("<>"), True]]
    assert log.recipients[["forward_path", "code"]].values.tolist() == [["real@c", 552]]


def test_an_argument_of_vrfy_keeps_its_brackets():
    log = read(
        daemon(
            "smtpd[1]: NOQUEUE: reject: VRFY from h[192.0.2.3]: 450 4.1.2 <<a@b>>: no; to=<<a@b>> proto=SMTP helo=<c>"
        )
    )
    assert log.recipients[["forward_path", "code"]].values.tolist() == [["a@b", 450]]
    assert log.sessions["helo"].tolist() == ["c"]


@pytest.mark.parametrize(
    ("rest", "path", "helo"),
    [
        ("no, [192.0.2.3]; from=a@b to=c@d proto=ESMTP helo=mail.example", "c@d", "mail.example"),
        ("no; from=a@b to=c+d=e@d proto=ESMTP helo=[192.0.2.3]", "c+d=e@d", "[192.0.2.3]"),
        # What the server ends its line with counts, not what a client made it repeat.
        (f"no; from=x to=y proto=SMTP helo=z{TAIL}", "real@c", "h"),
        ("no; from=x to=y proto=SMTP helo=z; from=<a@b> to=<c@d> proto=SMTP helo=<; from=x to=y proto=SMTP helo=z>",
         "c@d", "; from=x to=y proto=SMTP helo=z"),
    ],
)  # fmt: skip
def test_a_refusal_whose_addresses_lost_their_brackets(rest, path, helo):
    log = read(daemon(f"smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.3]: 450 4.7.25 {rest}"))
    assert log.recipients[["forward_path", "code"]].values.tolist() == [[path, 450]]
    assert log.sessions["helo"].tolist() == [helo]
    assert log.recipients["reply"].str.startswith("450 4.7.25 no").all()


TRIED = "relay=mx[192.0.2.9]:25, delay=1, delays=0/0/0/1, dsn={}, status={} ({})"
SENT = TRIED.format("2.0.0", "sent", "250 ok")
CAME = ("smtpd[1]: 4F5C60: client=a[192.0.2.1]", "cleanup[2]: 4F5C60: message-id=<1@a>")
QUEUED = "qmgr[3]: 4F5C60: from=<a@a>, size=100, nrcpt=1 (queue active)"
GONE = "qmgr[3]: 4F5C60: removed"
LIVES = {  # whole messages: lines, and the totals that are not nought
    "held, and let go": (
        [CAME[0], f"smtpd[1]: 4F5C60: hold: RCPT from a[192.0.2.1]: <real@c>: Recipient address triggers HOLD action{TAIL}", CAME[1],
         "postsuper[4]: 4F5C60: released from hold", QUEUED, f"smtp[5]: 4F5C60: to=<real@c>, {SENT}", GONE],
        {"received": 1, "delivered": 1, "octets_received": 100, "octets_delivered": 100}),
    "discarded by a milter": (
        [*CAME, f"cleanup[2]: 4F5C60: milter-discard: END-OF-MESSAGE from a[192.0.2.1]: milter triggers DISCARD action{TAIL}"],
        {"received": 1, "discarded": 1}),
    "discarded for its recipient": (
        [f"smtpd[1]: NOQUEUE: discard: RCPT from a[192.0.2.1]: <real@c>: Recipient address triggers DISCARD action{TAIL}", *CAME],
        {"received": 1, "discarded": 1}),
    "refused for its structure": (
        [*CAME, f"cleanup[2]: 4F5C60: reject: mime-error improper use of 8-bit data in message header: x from a[192.0.2.1]{TAIL.split(' proto')[0]}"],
        {"received": 1, "rejected": 1}),
    "a probe of an address": (
        ["cleanup[2]: 4F5C60: message-id=<1@a>", "qmgr[3]: 4F5C60: from=<double-bounce@mx>, size=100, nrcpt=1 (queue active)",
         "smtp[5]: 4F5C60: to=<b@b>, " + TRIED.format("2.1.5", "deliverable", "250 2.1.5 Ok"), GONE], {}),
    "delivered, and the sender told": (
        [*CAME, QUEUED, f"local[5]: 4F5C60: to=<b@b>, {SENT}", "cleanup[2]: 4F5C61: message-id=<2@a>",
         "bounce[6]: 4F5C60: sender delivery status notification: 4F5C61",
         "qmgr[3]: 4F5C61: from=<>, size=500, nrcpt=1 (queue active)", GONE, f"smtp[5]: 4F5C61: to=<a@a>, {SENT}"],
        {"received": 1, "delivered": 2, "octets_received": 100, "octets_delivered": 600}),
    "given up by hand": (
        [*CAME, QUEUED, "smtp[5]: 4F5C60: to=<b@b>, " + TRIED.format("4.0.0", "deferred", "450 no"),
         "smtp[5]: 4F5C60: to=<c@b>, " + TRIED.format("4.0.0", "deferred", "450 no"), "postsuper[4]: 4F5C60: expired",
         "qmgr[3]: 4F5C60: from=<a@a>, status=force-expired, returned to sender", "cleanup[2]: 4F5C61: message-id=<2@a>",
         "bounce[6]: 4F5C60: sender non-delivery notification: 4F5C61", GONE],
        {"received": 1, "deferrals": 2, "deferred": 1, "expired": 2, "ndrs": 1, "octets_received": 100}),
    "deleted by hand": (
        [*CAME, QUEUED, "smtp[5]: 4F5C60: to=<b@b>, " + TRIED.format("4.0.0", "deferred", "450 no"), "postsuper[4]: 4F5C60: removed"],
        {"received": 1, "deferrals": 1, "deferred": 1, "octets_received": 100}),
    "by hand and to a command": (
        ["pickup[7]: 4F5C60: uid=0 from=<root>", CAME[1], QUEUED,
         "local[5]: 4F5C60: to=<root@b>, orig_to=<root>, relay=local, delay=1, delays=0/0/0/1, dsn=2.0.0, "
         "status=sent (delivered to command: /usr/bin/procmail)", GONE],
        {"received": 1, "delivered": 1, "octets_received": 100, "octets_delivered": 100}),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES)
def test_the_totals_of_a_whole_message(life):
    lines, expected = LIVES[life]
    found = summary.totals(read(daemon(*lines)))
    assert {name: found[name] for name in COUNTS if found[name]} == expected
