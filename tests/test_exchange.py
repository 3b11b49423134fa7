"""Exchange's protocol and tracking logs: samples nobody here wrote, and logs made here for every rule."""

import csv
import io
import os
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab.summary import totals

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus" / "exchange"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")
INFOSEC, BRUTE = "infosec-notes-smtpreceive.log", "crowdsec-exchange-smtp-bf.log"
PROTOCOL = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
TRACKING = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info"
)


def read(text, **options):
    return spamlab.read(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def header(kind, fields):
    lines = (
        "Software: Microsoft Exchange Server",
        "Version: 15.0.0.0",
        f"Log-type: {kind}",
        "Date: x",
        f"Fields: {fields}",
    )
    return "".join(f"#{line}\r\n" for line in lines)


def row(said, session="08D0000000000001", number=0, remote="192.0.2.9:53722", connector="MX1\\Default MX1"):
    """A row from ``"< EHLO x"``: an event and what follows it, as CSV."""
    event, _, rest = said.partition(" ")
    rest = rest if event in "*-" or "," not in rest else '"' + rest.replace('"', '""') + '"'
    comma = "" if event in "*-" else ","
    return f"2024-01-02T03:04:{5 + number:02}.678Z,{connector},{session},{number},192.0.2.25:25,{remote},{event},{rest}{comma}\r\n"


def protocol(*said, kind="SMTP Receive Protocol Log", head=True, **how):
    return (header(kind, PROTOCOL) if head else "") + "".join(row(line, number=i, **how) for i, line in enumerate(said))


def value(cell):
    return None if pd.isna(cell) else cell


@corpus
@pytest.mark.parametrize(
    ("name", "line", "kind", "direction", "verb", "code", "enhanced", "argument"),
    [
        (INFOSEC, 6, "reply", "sent", None, 220, None, None),  # quoted: it holds commas
        (INFOSEC, 7, "command", "received", "EHLO", None, None, "[95.10.20.33]"),
        (INFOSEC, 8, "reply", "sent", None, 250, None, None),  # several lines joined with blanks
        (INFOSEC, 9, "command", "received", "STARTTLS", None, None, None),
        (INFOSEC, 10, "reply", "sent", None, 220, "2.0.0", None),
        (INFOSEC, 11, "note", None, None, None, None, None),  # a certificate
        (INFOSEC, 12, "tls", None, None, None, None, None),
        (INFOSEC, 13, "command", "received", "EHLO", None, None, "[95.10.20.33]"),
        (INFOSEC, 14, "note", None, None, None, None, None),
        (INFOSEC, 15, "note", None, None, None, None, None),
        (INFOSEC, 16, "reply", "sent", None, 250, None, None),
        (INFOSEC, 17, "command", "received", "AUTH", None, None, "LOGIN"),
        (INFOSEC, 18, "reply", "sent", None, 334, None, None),  # sequence number 13 is skipped
        (INFOSEC, 19, "auth", None, "AUTH", None, None, None),
        (INFOSEC, 20, "auth", None, "AUTH", None, None, None),  # the same sequence number again
        (INFOSEC, 21, "auth", None, None, None, None, "username@domain.com"),
        (BRUTE, 1, "reply", "sent", None, 535, "5.7.3", None),
        (BRUTE, 9, "reply", "sent", None, 535, "5.7.3", None),
    ],
)
def test_lines_of_the_corpus(name, line, kind, direction, verb, code, enhanced, argument):
    event = spamlab.read(CORPUS / name).events.set_index("line").loc[line]
    columns = ["kind", "direction", "verb", "code", "enhanced_code", "argument"]
    assert [value(event[column]) for column in columns] == [kind, direction, verb, code, enhanced, argument]


@corpus
def test_sessions_of_the_corpus():
    log = spamlab.read(CORPUS / INFOSEC)
    columns = ["role", "peer_ip", "helo", "user", "authenticated", "tls", "commands", "replies", "ended"]
    assert log.sessions.loc[0, columns].tolist() == [
        "server", "95.10.20.33", "[95.10.20.33]", "username@domain.com", False, True, 4, 5, "cut",
    ]  # fmt: skip
    log = spamlab.read(CORPUS / BRUTE)
    assert log.sessions[["role", "peer_ip", "replies"]].values.tolist() == [["server", "192.168.9.212", 9]]
    assert log.events["host"].unique().tolist() == ["EXCHANGE-1"]


@corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.log")) if CORPUS.is_dir() else [], ids=lambda path: path.name)
@pytest.mark.parametrize("octets", [None, 2048])
def test_every_corpus_file_is_recognised_also_when_cut(path, octets):
    log = read(path.read_bytes()[:octets])
    assert log.sources["format"].tolist() == ["exchange"]
    assert (log.sources["lines"] == log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].sum(axis=1)).all()
    assert len(log.unparsed) <= (octets is not None)


MAIL = (
    "+ ",
    "> 220 mx1.example.com ESMTP",
    "< EHLO host.example.net",
    "> 250  mx1.example.com Hello [192.0.2.9] SIZE",
    "< MAIL FROM:<ann@example.net> SIZE=99",
    "> 250 2.1.0 Sender OK",
    "< RCPT TO:<ben@example.com>",
    "> 250 2.1.5 Recipient OK",
    "< RCPT TO:<cat@example.com>",
    "> 550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found",
    "< BDAT 99 LAST",
    '> 250 2.6.0 <1@example.net> [InternalId=7, Hostname=mx1] "queued", fine',
    "< QUIT",
    "> 221 2.0.0 Service closing transmission channel",
    "- ,Local",
)
SWAP = str.maketrans("<>", "><")


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_inbound_session(head, mark):
    log = read(mark + protocol(*MAIL, head=head))
    session = log.sessions.iloc[0]
    assert session[["role", "peer_ip", "helo", "commands", "replies", "ended"]].tolist() == [
        "server", "192.0.2.9", "host.example.net", 6, 7, "quit",
    ]  # fmt: skip
    assert log.transactions[["reverse_path", "size", "outcome"]].values.tolist() == [["ann@example.net", 99, "mixed"]]
    assert log.recipients[["forward_path", "status", "code", "enhanced_code"]].values.tolist() == [
        ["ben@example.com", "accepted", 250, "2.1.5"], ["cat@example.com", "rejected", 550, "5.1.10"],
    ]  # fmt: skip
    assert log.events["text"].iloc[11].endswith('Hostname=mx1] "queued", fine')
    assert log.events["kind"].iloc[[0, -1]].tolist() == ["connect", "disconnect"]
    assert log.events["time"].iloc[0] == pd.Timestamp("2024-01-02 03:04:05.678", tz="UTC")


@pytest.mark.parametrize("head", [True, False])
def test_an_outbound_session(head):
    said = [line[0].translate(SWAP) + line[1:] for line in MAIL]
    log = read(protocol(*said, kind="SMTP Send Protocol Log", head=head, connector="Internet"))
    assert log.sessions.loc[0, ["role", "helo", "peer_host", "ended"]].tolist() == [
        "client",
        "host.example.net",
        "mx1.example.com",
        "quit",
    ]
    assert log.recipients["status"].tolist() == ["delivered", "rejected"]
    assert log.recipients["reply"].iloc[0].startswith("250 2.6.0")
    assert log.events["host"].isna().all()


def test_sessions_interleave_and_rows_stand_in_any_order():
    first = [row(line, session="0A", number=i) for i, line in enumerate(MAIL)]
    second = [row(line, session="0B", number=i, remote="[2001:db8::1]:25") for i, line in enumerate(MAIL)]
    mixed = [line for pair in zip(first, second, strict=True) for line in pair]
    mixed[4:8] = mixed[4:8][::-1]
    log = read(header("SMTP Receive Protocol Log", PROTOCOL) + "".join(mixed))
    assert log.sessions["peer_ip"].tolist() == ["192.0.2.9", "2001:db8::1"]
    assert log.events["line"].is_monotonic_increasing
    assert log.events["session"].tolist()[:8] == [0, 1, 0, 1, 1, 0, 1, 0]
    assert log.recipients["status"].tolist() == ["accepted", "rejected"] * 2
    assert log.sessions["commands"].tolist() == [6, 6]


def test_a_reply_with_a_row_a_line_is_one_reply():
    log = read(
        protocol(
            "> 220 x",
            "< EHLO a",
            "> 250-mx.example.com Hello",
            "> 250-SIZE 1000",
            "> 250 CHUNKING",
            "< QUIT",
            "> 221 x",
        )
    )
    assert log.sessions.loc[0, ["commands", "replies"]].tolist() == [2, 3]
    assert log.events["kind"].tolist() == ["reply", "command", "reply", "note", "note", "command", "reply"]
    assert log.events["text"].iloc[2] == "250-mx.example.com Hello\n250-SIZE 1000\n250 CHUNKING"
    assert log.sessions["octets_sent"].iloc[0] == sum(
        len(x) + 2 for x in ("220 x", "250-mx.example.com Hello", "250-SIZE 1000", "250 CHUNKING", "221 x")
    )


@pytest.mark.parametrize(
    ("lines", "ended"),
    [
        (["< QUIT", "> 221 bye", "- ,Local"], "quit"),
        (["- ,Remote"], "dropped"),
        (["- ,Remote(ConnectionReset)"], "dropped"),
        (["- ,Local(Timeout)"], "timeout"),
        (["> 421 4.4.1 Connection timed out", "- ,Local"], "timeout"),
        (["< NOOP"], "cut"),
    ],
)
def test_how_a_session_ends(lines, ended):
    log = read(protocol("+ ", "> 220 x", "< EHLO a", *lines))
    assert log.sessions["ended"].tolist() == [ended]


def test_accounts():
    failed = ["< AUTH LOGIN", "> 334 <authentication response>", "< <authentication response>",
              "* ,Inbound AUTH LOGIN failed because of LogonDenied", "* ,User Name: ann@example.com", "> 535 5.7.3 no"]  # fmt: skip
    log = read(protocol("> 220 x", "< EHLO a", *failed))
    assert log.sessions[["user", "authenticated"]].values.tolist() == [["ann@example.com", False]]
    ended = log.events[log.events["verb"].eq("AUTH") & log.events["kind"].eq("auth")]
    assert ended["text"].tolist() == ["Inbound AUTH LOGIN failed because of LogonDenied"]
    assert log.events["kind"].tolist()[4:] == ["auth", "auth", "auth", "reply"]
    good = [
        "< AUTH NTLM",
        "> 334 <authentication response>",
        "* EXAMPLE\\ann,authenticated",
        "> 235 ok",
        "< MAIL FROM:<>",
        "> 250 ok",
    ]
    log = read(protocol("> 220 x", "< EHLO a", *good))
    assert log.sessions[["user", "authenticated"]].values.tolist() == [["EXAMPLE\\ann", True]]
    assert log.transactions["user"].tolist() == ["EXAMPLE\\ann"]


@pytest.mark.parametrize("quote", ['"', ""])
def test_who_logged_in_at_last_is_the_sessions_account_and_no_other_sessions(quote):
    """Several accounts are tried in a session: the next one's are its own."""
    tried = [
        line
        for name in ("ann@example.com", "ben@example.com")
        for line in (
            f"* ,{quote}Inbound AUTH LOGIN failed because of LogonDenied{quote}",
            f"* ,{quote}User Name: {name}{quote}",
        )
    ]
    begin = ["> 220 x", "< EHLO a", "< AUTH LOGIN"]
    sessions = (
        [*begin, *tried, "> 535 no", "* EXAMPLE\\eve,authenticated", "> 235 ok", "< MAIL FROM:<>", "> 250 ok"],
        [*begin, *tried, "> 535 no"],
        [
            *begin,
            f"* ,{quote}Inbound authentication failed because the client x doesn't have submit permission.{quote}",
        ],
        begin,
    )
    log = read("".join(protocol(*said, session=f"0{i}", head=not i) for i, said in enumerate(sessions)))
    found = log.sessions[["user", "authenticated"]].astype(object)
    assert found.where(found.notna(), None).values.tolist() == [
        ["EXAMPLE\\eve", True], ["ben@example.com", False], [None, False], [None, False],
    ]  # fmt: skip
    assert log.transactions["user"].tolist() == ["EXAMPLE\\eve"]
    ended = log.events[log.events["verb"].eq("AUTH") & log.events["kind"].eq("auth")]
    assert ended["session"].tolist() == [0, 0, 0, 1, 1, 2]
    named = log.events.loc[log.events["text"].str.startswith("User Name").fillna(False), "argument"]
    assert named.tolist() == ["ann@example.com", "ben@example.com"] * 2


def test_what_a_client_says_is_no_reply_and_a_broken_row_is_unparsed():
    log = read(
        protocol("> 220 x", "< 250 forged", '< RCPT TO:<"a,b"@example.com>', "> 503 no")
        + "2024-01-02T03:04:05Z,torn\r\n"
    )
    assert log.events["kind"].tolist() == ["reply", "command", "command", "reply"]
    assert log.recipients["forward_path"].tolist() == ['"a,b"@example.com']
    assert log.unparsed["line"].tolist() == [10]


def tracked(*rows, names=TRACKING, head=True):
    fields, names = names, names.split(",")
    lines = []
    for i, told in enumerate(rows):
        cells = {"date-time": f"2024-01-02T03:04:{i:02}.000Z", "server-hostname": "MX1", "source": "SMTP", **told}
        lines.append(",".join(cells.get(name, "") for name in names) + "\r\n")
    return header("Message Tracking Log", fields) * head + "".join(lines)


def message(event, number="77", **more):
    base = {"event-id": event, "internal-message-id": number, "message-id": "<1@example.net>", "total-bytes": "1234",
            "sender-address": "ann@example.net", "return-path": "ann@example.net", "recipient-address": "ben@example.com"}  # fmt: skip
    return base | {name.replace("_", "-"): told for name, told in more.items()}


def test_the_tracking_log():
    both = "ben@example.com;cat@example.com"
    log = read(
        tracked(
            message("RECEIVE", recipient_address=both, message_subject='"a, ""b"""', source_context='"08D,x;y"'),
            message(
                "SEND",
                recipient_address=both,
                recipient_status="250 2.1.5 Ok;250 2.6.0 Fine",
                server_hostname="mx.example.org",
            ),
            message("DEFER", recipient_address="dan@example.com", recipient_status="451 4.7.1 Later"),
            message("DELIVER", recipient_address="dan@example.com"),
            message("FAIL", recipient_address="eve@example.com", recipient_status="[{LRT=};{LED=550 5.1.10 NotFound}]"),
            message("EXPAND"),
            message("FAIL", number="0"),
        )
    )
    assert log.events["kind"].tolist() == ["receive", "deliver", "deliver", "deliver", "deliver", "note", "deliver"]
    assert len(log.sessions) == 0
    assert log.transactions[["queue_id", "reverse_path", "size", "message_id"]].values.tolist() == [
        ["77", "ann@example.net", 1234, "1@example.net"]
    ]
    found = log.recipients[["forward_path", "status", "code", "enhanced_code", "relay"]].astype(object)
    assert found.where(found.notna(), None).values.tolist() == [
        ["ben@example.com", "delivered", 250, "2.1.5", "mx.example.org"],
        ["cat@example.com", "delivered", 250, "2.6.0", "mx.example.org"],
        ["dan@example.com", "deferred", 451, "4.7.1", None],
        ["dan@example.com", "delivered", None, None, "MX1"],
        ["eve@example.com", "bounced", 550, "5.1.10", None],
        ["ben@example.com", "bounced", None, None, None],
    ]
    assert log.recipients["transaction"].isna().tolist() == [False] * 5 + [True]
    assert log.sources["ignored_lines"].tolist() == [5]


def test_a_status_can_hold_a_semicolon_and_quotes():
    told, later = "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", '[{LRT=};{LED=441 4.4.1 ""x; y""};{FQDN=};{IP=}]'
    both = {"recipient_address": "ben@example.com;cat@example.com", "recipient_count": "2"}
    rows = (
        message("FAIL", recipient_status=told, recipient_address="ann@example.com"),
        message("FAIL", recipient_status=told, recipient_address="eve@example.com"),  # in one moment, in one's own row
        message("FAIL", recipient_status=f"{told};{told}", **both),
        message("DEFER", recipient_status=f'"{later}"', **both),
        message("DEFER", recipient_status=f'"{later};{later}"', **both),
    )
    log = read(tracked(*({**row, "date-time": "2024-01-02T03:04:05.000Z"} for row in rows)))
    assert log.recipients["reply"].tolist() == [told] * 4 + ['441 4.4.1 "x; y"'] * 4
    assert log.recipients["code"].tolist() == [550] * 4 + [441] * 4
    assert log.recipients["forward_path"].tolist()[1:4] == ["eve@example.com", "ben@example.com", "cat@example.com"]


@pytest.mark.parametrize(
    ("status", "reply", "code"),
    [
        ("[{LED=550 5.1.1 RESOLVER.ADR.RecipNotFound; not found};{MSG=};{FQDN=};{IP=};{LRT=}]",
         "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", 550),
        ("[{LRT=1/2/2024 3:04:05 AM};{LED=451 4.4.0 {x} no};{FQDN=mx.example.org};{IP=192.0.2.9}]", "451 4.4.0 {x} no", 451),
        ("{LRT=};{LED=};{FQDN=};{IP=}", None, None),
        ("[{LRT=};{LED=441 4.4.1 cut here", "[{LRT=};{LED=441 4.4.1 cut here", 441),
    ],
)  # fmt: skip
def test_the_last_error_of_a_status_is_the_reply(status, reply, code):
    log = read(tracked(message("FAIL", recipient_status=status, recipient_address="ann@example.com")))
    (found,) = log.recipients[["reply", "code"]].astype(object).itertuples(index=False)
    assert [None if pd.isna(value) else value for value in found] == [reply, code]


SINCE_2013 = TRACKING.replace("message-id,recipient", "message-id,network-message-id,recipient")


@pytest.mark.parametrize("names", [TRACKING, SINCE_2013 + ",directionality,tenant-id,schema-version"])
def test_rows_without_their_header_are_read_in_their_versions_order(names):
    """Log shippers and copied excerpts lose the header; rows about no message have no numbers."""
    both, network = "ben@example.com;cat@example.com", "2fd37dca-1234-5bfb-175d-08dc1db88f52"
    rows = (
        message("RECEIVE", recipient_address=both, recipient_count="2", network_message_id=network),
        message("SEND", recipient_address=both, recipient_count="2", recipient_status='"250 2.1.5 Ok, a;250 2.6.0 b"'),
        {"event-id": "NOTIFYMAPI", "source": "STOREDRIVER", "source-context": '"MDB:1, Mailbox:2"'},
    )
    found = read(tracked(*rows, names=names, head=False))
    assert found.format == "exchange"
    assert found.events["kind"].tolist() == ["receive", "deliver", "note"]
    assert found.recipients["forward_path"].tolist() == both.split(";")
    assert found.recipients["enhanced_code"].tolist() == ["2.1.5", "2.6.0"]
    assert found.transactions[["reverse_path", "size"]].values.tolist() == [["ann@example.net", 1234]]
    headed = read(tracked(*rows, names=names))
    pd.testing.assert_frame_equal(found.recipients, headed.recipients)
    pd.testing.assert_frame_equal(found.transactions, headed.transactions)


@pytest.mark.parametrize("way", ["reference", "reference of the failure"])
def test_a_report_is_about_its_original(way):
    there = way == "reference"
    log = read(
        tracked(
            message("RECEIVE"),
            message("RECEIVE", number="70", message_id="<0@example.net>"),
            message("FAIL", reference="" if there else "<9@mx1>"),
            message(
                "DSN", number="78", message_id="<9@mx1>", return_path="<>", reference="<1@example.net>" if there else ""
            ),
            message("DEFER", number="70", message_id="<0@example.net>"),
            message("DSN", number="79", message_id="<8@mx1>", return_path="<>", reference="<0@example.net>"),
            message("DSN", number="80", message_id="<7@mx1>", return_path="<>", reference="<unknown@example.net>"),
        )
    )
    table = log.transactions.set_index("queue_id")
    assert table["report"].astype("str").fillna("").to_dict() == {
        "77": "",
        "70": "",
        "78": "ndr",
        "79": "delay",
        "80": "ndr",
    }
    assert table["ndr_of"].dropna().to_dict() == {"78": table.loc["77", "transaction"]}
    assert table.loc["78", "null_sender"]


def test_a_message_that_several_servers_track_is_one():
    """The transport service sends it on, another server or the mailbox service (with an id of its own) delivers it."""
    log = read(
        tracked(
            message("RECEIVE"),
            message("RECEIVE", number="9001"),
            message("SEND", server_hostname="MBX1"),
            message("DELIVER", number="9002", recipient_address="Ben@example.com"),
            message("SEND", number="9001", server_hostname="MBX1"),
            message("SENDEXTERNAL", recipient_address="cat@example.org", server_hostname="mx.example.org"),
            message("DELIVER", number="9003", message_id="<2@example.net>"),
        )
    )
    ids = log.transactions.set_index("transaction")["queue_id"]
    became = log.recipients.dropna(subset="requeued_as").set_index("transaction")["requeued_as"].map(ids)
    assert became.rename(index=ids).to_dict() == {"77": "9001", "9001": "9002"}
    counts = totals(log)
    assert (counts["received"], counts["delivered"]) == (1, 3)
    assert totals(log, hops=True)["delivered"] == 5
    # Who gets the same mail again, long after, gets another one.
    later = message("DELIVER", number="9002") | {"date-time": "2024-01-02T04:04:05.000Z"}
    assert read(tracked(message("RECEIVE"), message("SEND"), later)).recipients["requeued_as"].isna().all()


def test_a_row_with_thousands_of_recipients_is_read_at_once():
    """Each has its own of the row's statuses; to split them anew for everyone took minutes."""
    n = 3_000
    to, said = (";".join(each.format(i) for i in range(n)) for each in ("u{}@example.com", "250 2.1.5 ok {}"))
    log = read(tracked(message("SEND", recipient_address=to, recipient_status=said)))
    assert log.recipients["forward_path"].tolist() == to.split(";")
    assert log.recipients["reply"].tolist() == said.split(";")


def test_thousands_of_messages_with_one_id_are_followed_as_fast_as_others():
    """Devices give all their mail one Message-ID, and who wants to can; a table of all pairs would fill the memory."""
    rows, n = [], 20_000
    for i in range(n):
        number, time = str(i + 1), f"2024-01-02T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}."
        rows.append({**message("RECEIVE", number), "date-time": time + "000Z"})
        rows.append({**message("SEND", number), "date-time": time + "500Z"})
    log = read(tracked(*rows))
    became = log.recipients.sort_values("transaction")["requeued_as"]
    assert became.tolist()[:-1] == [*range(1, n)]  # whose arrival came next, within the tolerance
    assert became.isna().tolist()[-1]


def test_protocol_and_tracking_logs_together(tmp_path):
    (tmp_path / "RECV.LOG").write_text(protocol(*MAIL))
    (tmp_path / "MSGTRK.LOG").write_text(tracked(message("RECEIVE"), message("DELIVER")))
    log = spamlab.read(tmp_path)
    assert (len(log.sessions), len(log.transactions), len(log.recipients)) == (1, 2, 3)
    assert log.events.groupby("source", observed=True).size().sort_values().tolist() == [2, 15]
    assert (log.sources["event_lines"].sort_values() == [2, 15]).all()
    for event in (0, 16):
        assert log.raw(log.events.iloc[event]).startswith(b"2024-01-02T03:04:")


@pytest.mark.parametrize(
    "text",
    [
        "#Software: Microsoft Exchange Server\n#Log-type: Transport Connectivity Log\n#Fields: date-time,session,source,Destination,direction,description\n"
        "2024-01-02T03:04:05.678Z,08D0,SMTP,example.com,+,Undefined\n",
        "date,name,id,n,from,to,event,data,context\n2024-01-02,a,b,1,c,d,click,e,f\n",
        "a,b,c,d\n1,2,3,4\n",
        "2024-01-02T03:04:05.678Z,1,2,3,4,5,6,shop,SEND,77,x,b@example.com,ok,12,1,,,,,\n",  # a table of something
        '192.0.2.1 - - [11/Oct/2006:13:16:43 -0600] "GET /a,b HTTP/1.0" 200 4\n',
        '{"date-time":"2024-01-02T03:04:05.678Z","event":"<"}\n',
    ],
)
def test_other_logs_are_refused(text):
    with pytest.raises(spamlab.UnknownFormat):
        read(text)


def test_a_connection_that_was_never_made_is_the_clients_and_has_ended():
    said = ("* ,attempting to connect", '* ,"Failed to connect. Winsock error code: 10061, Error Message: refused"')
    log = read(protocol(*said, kind="SMTP Send Protocol Log"))
    assert log.sessions[["role", "ended"]].values.tolist() == [["client", "dropped"]]
    assert log.events["kind"].tolist() == ["note", "disconnect"]
    late = read(protocol(said[0], said[1].replace("refused", "timed out"), kind="SMTP Send Protocol Log"))
    assert late.sessions["ended"].tolist() == ["timeout"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("MAIL  From:<ann@example.net>", "ann@example.net"),
        ("MAIL FROM: ann@example.net", "ann@example.net"),
        ("MAIL FROM:ann@example.net SIZE=9", "ann@example.net"),
        ('MAIL FROM:<"a,b"@example.net>', '"a,b"@example.net'),
    ],
)
def test_a_path_with_or_without_brackets(said, path):
    assert read(protocol("> 220 x", f"< {said}", "> 250 ok")).transactions["reverse_path"].tolist() == [path]


def test_messages_are_known_by_the_ids_that_the_log_names():
    took = "> 250 2.6.0 <{0}@example.net> [InternalId=7{0}, Hostname=mx1.example.com] Queued mail for delivery"
    mail = [
        "< MAIL FROM:<ann@example.net>",
        "> 250 ok",
        "< RCPT TO:<ben@example.com>",
        "> 250 ok",
        "< DATA",
        "> 354 go",
    ]
    log = read(
        protocol("> 220 x", "< EHLO a", "> 250 x", *mail, took.format(1), *mail, took.format(2), *mail, "> 554 no")
    )
    assert log.transactions[["message_id", "queue_id"]].astype(object).fillna("").values.tolist() == [
        ["1@example.net", "71"], ["2@example.net", "72"], ["", ""],
    ]  # fmt: skip
    mail = [line[0].translate(SWAP) + line[1:] for line in mail]
    sends = "* ,sending message with RecordId 12 and InternetMessageId <{}@example.com>"
    said = ["* ,attempting to connect", "< 220 x", "> EHLO a", "< 250 x", sends.format(8), *mail, "< 250 ok", sends.format(9),
            *mail, took.format(3).replace(">", "<", 1)]  # fmt: skip
    log = read(protocol(*said, kind="SMTP Send Protocol Log"))
    assert log.transactions["message_id"].tolist() == ["8@example.com", "9@example.com"]
    assert log.transactions["queue_id"].isna().all()  # the other server's


@pytest.mark.parametrize(
    "said", ["attempting to connect", '"Failed to connect. Winsock error code: 10061, Error Message: refused"']
)
def test_who_tries_to_connect_is_the_client_also_without_a_header(said):
    log = read(protocol(f"* ,{said}", head=False, connector="Outbound"))
    assert log.sessions["role"].tolist() == ["client"]


def test_a_log_in_which_nothing_happened_is_a_log(tmp_path, recwarn):
    header = (
        "#Software: Microsoft Exchange Server\n#Version: 15.0.0.0\n#Log-type: SMTP Receive Protocol Log\n"
        "#Date: 2023-01-11T00:00:00.000Z\n#Fields: date-time,connector-id,session-id,sequence-number,"
        "local-endpoint,remote-endpoint,event,data,context\n"
    )
    row = "2023-01-11T15:59:53.909Z,MX1\\Default,08DA4F7C11473A60,0,192.0.2.1:25,192.0.2.9:53722,+,,\n"
    (tmp_path / "RECV2023011114-1.LOG").write_text(header)
    (tmp_path / "RECV2023011115-1.LOG").write_text(header + row)
    log = spamlab.read(tmp_path)
    assert not recwarn
    assert log.sources["format"].tolist() == ["exchange", "exchange"]
    assert log.sources[["lines", "event_lines", "ignored_lines"]].values.tolist() == [[5, 0, 5], [6, 1, 5]]
    assert len(log.events) == 1
    alone = spamlab.read(tmp_path / "RECV2023011114-1.LOG")
    assert (len(alone.events), alone.sources["first"].isna().tolist()) == (0, [True])


def test_logins_and_tls_between_exchange_servers(tmp_path):
    said = [
        ("+", ""), (">", "220 mx1.example.com"), ("<", "EHLO mx2.example.com"), (">", "250 X-ANONYMOUSTLS"),
        ("<", "X-ANONYMOUSTLS"), (">", "220 2.0.0 SMTP server ready"), ("<", "X-EXPS EXCHANGEAUTH"),
        (">", "334 <authentication response>"), ("<", "<authentication response>"),
        (">", "235 <authentication response>"), ("<", "QUIT"), (">", "221 2.0.0 bye"), ("-", ""),
    ]  # fmt: skip
    head = "#Log-type: SMTP Receive Protocol Log\n#Fields: date-time,connector-id,session-id,sequence-number,"
    rows = [
        f"2023-01-11T15:59:53.{i:03}Z,MX1\\Default,08DA4F7C11473A60,{i},192.0.2.1:25,192.0.2.9:53722,{event},{data},\n"
        for i, (event, data) in enumerate(said)
    ]
    path = tmp_path / "RECV2023011115-1.LOG"
    path.write_text(head + "local-endpoint,remote-endpoint,event,data,context\n" + "".join(rows))
    log = spamlab.read(path)
    session = log.sessions.iloc[0]
    assert (session["tls"], session["authenticated"], session["commands"], session["ended"]) == (True, True, 4, "quit")
    spoken = log.events[log.events["direction"] == "received"]
    assert spoken["kind"].tolist() == ["command", "command", "command", "auth", "command"]
    assert spoken["verb"].tolist()[1:3] == ["X-ANONYMOUSTLS", "X-EXPS"]
    assert spoken["text"].iloc[2] == "X-EXPS EXCHANGEAUTH"


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_first_row_of_names_says_the_columns_as_the_fields_line_does(quote):
    """Who loads a log into a spreadsheet takes away what stands before the names, and may change the order."""
    names = [
        "date-time",
        "server-hostname",
        "event-id",
        "internal-message-id",
        "message-id",
        "recipient-address",
        "total-bytes",
    ]
    rows = [
        [
            "2024-01-02T03:04:05.678Z",
            "MX1",
            "RECEIVE",
            "77",
            "<1@example.com>",
            "ann@example.com;ben@example.com",
            "1234",
        ],
        [
            "2024-01-02T03:04:06.678Z",
            "MX1",
            "DELIVER",
            "77",
            "<1@example.com>",
            "ann@example.com;ben@example.com",
            "1234",
        ],
    ]
    log = read("\r\n".join([",".join(names), *(",".join(f"{quote}{value}{quote}" for value in one) for one in rows)]))
    assert log.sources[["ignored_lines", "event_lines", "unparsed_lines"]].values.tolist() == [[1, 2, 0]]
    assert log.events["kind"].tolist() == ["receive", "deliver"] and log.events["time"].notna().all()
    assert log.recipients["forward_path"].tolist() == ["ann@example.com", "ben@example.com"]
    assert log.transactions[["queue_id", "size", "message_id"]].values.tolist() == [["77", 1234, "1@example.com"]]


def test_a_protocol_log_whose_first_row_is_the_names():
    rows = protocol("+ ", "< EHLO h.example.com", "> 250 MX1", head=False)
    log = read(f"{PROTOCOL}\r\n{rows}")
    assert log.sources[["ignored_lines", "event_lines", "unparsed_lines"]].values.tolist() == [[1, 3, 0]]
    assert log.sessions[["role", "helo"]].values.tolist() == [["server", "h.example.com"]]


def tabbed(text):
    """A log as a spreadsheet writes it with tabs."""
    lines = [line if line.startswith("#") else next(csv.reader([line])) for line in text.split("\r\n")]
    return "\r\n".join(line.replace(",", "\t") if isinstance(line, str) else "\t".join(line) for line in lines)


@pytest.mark.parametrize("name", ["protocol", "tracking"])
def test_tabs_in_the_place_of_commas_change_nothing(name):
    rows = (
        "2024-01-02T03:04:05.678Z,192.0.2.9,h,192.0.2.25,MX1,x,c,SMTP,RECEIVE,77,<1@x>,a@b.example;c@b.example,,12,2,,,"
        '"a, b",j@x.example,j@x.example,i\r\n'
        "2024-01-02T03:04:06.678Z,192.0.2.25,h,192.0.2.7,mx,x,c,SMTP,SEND,77,<1@x>,a@b.example;c@b.example,"
        "250 2.1.5 Ok;550 5.1.1 no,12,2,,,s,j@x.example,j@x.example,i\r\n"
    )
    said = (
        "+ ", "> 220 MX1, ready", "< EHLO h.example.com", "> 250 MX1", "< MAIL FROM:<a@h.example.com> SIZE=9",
        "> 250 2.1.0 Ok", "< RCPT TO:<b@example.com>", "> 550 5.1.1 no, never", "* ,User Name: joe", "- ,Local",
    )  # fmt: skip
    text = protocol(*said) if name == "protocol" else header("Message Tracking Log", TRACKING) + rows
    plain, other = read(text), read(tabbed(text))
    assert len(other.unparsed) == 0
    for log in (plain, other) if name == "tracking" else ():
        log.events["text"] = ""  # a row's text is the line
    for table in ("events", "sessions", "transactions", "recipients"):
        pd.testing.assert_frame_equal(getattr(plain, table), getattr(other, table), check_categorical=False)


NAMES_2003 = (
    "# Date\tTime\tclient-ip\tClient-hostname\tPartner-Name\tServer-hostname\tserver-IP\tRecipient-Address\tEvent-ID\tMSGID\t"
    "Priority\tRecipient-Report-Status\ttotal-bytes\tNumber-Recipients\tOrigination-Time\tEncryption\tservice-Version\t"
    "Linked-MSGID\tMessage-Subject\tSender-Address"
)


def of_2003(*rows):
    """A tracking log of Exchange 2003: rows are seconds, event, recipient, id, sender and partner."""
    begin = ["# Message Tracking Log File", "# Exchange System Attendant Version 6.5.7638.1", NAMES_2003]
    for seconds, event, to, name, sender, partner in rows:
        begin.append(
            f"2004-1-14\t0:0:{seconds} GMT\t192.0.2.9\t-\t{partner}\tMX1\t-\t{to}\t{event}\t{name}\t0\t0\t1505\t2\t"
            f"2004-1-14 0:0:1 GMT\t0\t-\t-\t-\t{sender}\t-"
        )
    return "\r\n".join([*begin, ""])


def test_the_tracking_log_of_exchange_2003():
    one, two = "1@example.net", "c=US;a= ;p=Org;l=MX1-040114000026Z-1"
    log = read(
        of_2003(
            (6, 1019, "ann@example.com", one, "joe@example.net", "-"),
            (6, 1019, "bob@example.org", one, "joe@example.net", "-"),  # arrives once
            (7, 1023, "ann@example.com", one, "joe@example.net", "-"),
            (7, 1028, "ann@example.com", one, "joe@example.net", "-"),
            (8, 1020, "bob@example.org", one, "joe@example.net", "mx.example.org"),
            (9, 1031, "bob@example.org", one, "joe@example.net", "mx.example.org"),
            (10, 1019, "eve@example.com", two, "<>", "-"),
            (11, 1037, "eve@example.com", two, "<>", "-"),
            (12, 1030, "eve@example.com", two, "<>", "-"),
        ),
        tz="Europe/Berlin",
    )
    told = log.sources[["format", "ignored_lines", "event_lines", "unparsed_lines", "resolution"]]
    assert told.values.tolist() == [["exchange", 3, 9, 0, 1.0]]
    assert log.sources[["tz_assumed", "dayfirst_assumed"]].isna().all(axis=None)
    assert log.events["time"].iloc[[0, -1]].tolist() == [
        pd.Timestamp("2004-01-14 00:00:06", tz="UTC"),
        pd.Timestamp("2004-01-14 00:00:12", tz="UTC"),
    ]
    assert log.transactions[["message_id", "reverse_path", "size", "host", "outcome"]].values.tolist() == [
        [one, "joe@example.net", 1505, "MX1", "delivered"],
        [two, "", 1505, "MX1", "mixed"],
    ]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [
        ["ann@example.com", "delivered"],
        ["bob@example.org", "delivered"],
        ["eve@example.com", "deferred"],
        ["eve@example.com", "bounced"],
    ]
    assert log.recipients["relay"].fillna("-").tolist() == ["-", "mx.example.org", "-", "-"]
    found = totals(log)
    assert (found["received"], found["delivered"], found["bounced"], found["octets_received"]) == (2, 2, 1, 3010)


def test_tracking_logs_of_2003_and_later_in_one_file():
    row = "2024-01-02T03:04:05.678Z,,,,MX1,,,SMTP,RECEIVE,77,<2@x>,a@b.example,,12,1,,,s,j@x.example,j@x.example,i\r\n"
    text = of_2003((6, 1019, "a@b.example", "1@x", "j@x.example", "-")) + header("Message Tracking Log", TRACKING) + row
    log = read(text + protocol("+ ", "< QUIT"))
    assert len(log.unparsed) == 0 and log.transactions["message_id"].tolist() == ["1@x", "2@x"]
    assert log.events["kind"].tolist() == ["receive", "receive", "connect", "command"]


def test_the_star_of_information_is_lost_where_a_forum_took_it_for_its_own():
    said = ("+ ", "< EHLO h", "* ,User Name: joe", "* receiving message", "- ,Local")
    whole = protocol(*said)
    log, other = read(whole), read(whole.replace(",*,", ",,"))
    for table in ("events", "sessions"):
        pd.testing.assert_frame_equal(getattr(log, table), getattr(other, table))
    assert len(other.unparsed) == 0 and other.events["kind"].tolist()[2:4] == ["auth", "note"]


def test_tracking_rows_of_2003_without_their_header():
    rows = of_2003(
        (6, 1019, "a@b.example", "1@x", "j@x.example", "-"), (7, 1028, "a@b.example", "1@x", "j@x.example", "-")
    )
    log, whole = read(rows.split("\r\n", 3)[3]), read(rows)
    assert log.sources[["format", "event_lines", "unparsed_lines"]].values.tolist() == [["exchange", 2, 0]]
    for table in ("transactions", "recipients"):
        pd.testing.assert_frame_equal(getattr(log, table), getattr(whole, table))


OF_THE_SHELL = (
    "RunspaceId,Timestamp,ClientIp,ClientHostname,ServerIp,ServerHostname,SourceContext,ConnectorId,Source,EventId,"
    "InternalMessageId,MessageId,Recipients,RecipientStatus,TotalBytes,RecipientCount,RelatedRecipientAddress,Reference,"
    "MessageSubject,Sender,ReturnPath,MessageInfo,MessageLatency,MessageLatencyType,EventData"
)


def of_the_shell(*rows, apart=",", names=OF_THE_SHELL, typed=True):
    """What ``Get-MessageTrackingLog | Export-Csv`` writes."""
    defaults = {
        "ServerHostname": "mx.example.org", "InternalMessageId": "77", "MessageId": "<1@x>", "TotalBytes": "1234",
        "MessageSubject": 'a, "b"; c', "Sender": "j@x.example", "ReturnPath": "j@x.example",
    }  # fmt: skip
    columns = names.split(",")
    lines = [columns, *([{**defaults, **row}.get(name, "") for name in columns] for row in rows)]
    lines = [apart.join('"' + value.replace('"', '""') + '"' for value in line) for line in lines]
    return "\r\n".join(["#TYPE Microsoft.Exchange.Management.MessageTrackingEvent"] * typed + lines)


@pytest.mark.parametrize("apart", [",", ";"])  # as the machine's culture has it
@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("lists", [";", ",", ", ", " ", "|"])  # as people join what is one column of several
def test_tracking_rows_that_powershell_exported(apart, typed, lists):
    text = of_the_shell(
        {"Timestamp": "3/13/2014 9:15:01 AM", "EventId": "RECEIVE", "Recipients": f"a@x.example{lists}b@x.example"},
        {"Timestamp": "3/13/2014 9:15:02 PM", "EventId": "SEND", "Recipients": f"a@x.example{lists}b@x.example"},
        {"Timestamp": "3/13/2014 9:15:03 PM", "EventId": "FAIL", "Recipients": "c@x.example",
         "RecipientStatus": "[{LRT=};{LED=550 5.1.1 no; never};{FQDN=};{IP=}]"},
        apart=apart, typed=typed,
    )  # fmt: skip
    log = read(text, tz="Europe/Berlin")
    told = log.sources[["ignored_lines", "event_lines", "unparsed_lines", "tz_assumed", "resolution"]]
    assert told.values.tolist() == [[1 + typed, 3, 0, "Europe/Berlin", 1.0]]
    assert log.events["time"].dt.strftime("%d %H:%M:%S").tolist() == ["13 08:15:01", "13 20:15:02", "13 20:15:03"]
    assert log.transactions[["queue_id", "message_id", "reverse_path", "size"]].values.tolist() == [
        ["77", "1@x", "j@x.example", 1234]
    ]
    columns = ["forward_path", "status", "relay", "code", "enhanced_code"]
    assert log.recipients[columns].astype(object).fillna("-").values.tolist() == [
        ["a@x.example", "delivered", "mx.example.org", "-", "-"],
        ["b@x.example", "delivered", "mx.example.org", "-", "-"],
        ["c@x.example", "bounced", "-", 550, "5.1.1"],
    ]


def test_lists_that_powershell_did_not_write_name_nobody():
    row = {"Timestamp": "2014-03-13T09:15:02.1234567Z", "EventId": "SEND"}
    lost = dict.fromkeys(("Recipients", "RecipientStatus"), "System.String[]")
    log = read(of_the_shell({**row, **lost}))
    assert log.events["time"].tolist() == [pd.Timestamp("2014-03-13 09:15:02.123456", tz="UTC")]
    assert log.recipients["forward_path"].isna().all() and log.recipients["reply"].isna().all()
    assert log.recipients["status"].tolist() == ["delivered"]


@pytest.mark.parametrize(
    "names", ["EventId,Timestamp,Sender,$_.Recipients,MessageId", "Timestamp,EventId,Sender,MessageId,$_.Recipients"]
)
def test_some_columns_in_any_order_that_somebody_selected(names):
    """Without an internal id the message's own tells its rows from others'."""
    rows = (
        {"Timestamp": "13.03.2014 09:15:02", "EventId": event, "$_.Recipients": to, "MessageId": name}
        for event, to, name in (("SEND", "a@x.example", "<1=a@x>"), ("DEFER", "b@x.example", "<1=a@x>"), ("BADMAIL", "c@x.example", "<2@x>"))
    )  # fmt: skip
    log = read(of_the_shell(*rows, names=names, typed=False))
    assert len(log.unparsed) == 0
    assert log.transactions[["message_id", "reverse_path", "outcome"]].values.tolist() == [
        ["1=a@x", "j@x.example", "mixed"],
        ["2@x", "j@x.example", "bounced"],
    ]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [
        ["a@x.example", "delivered"],
        ["b@x.example", "deferred"],
        ["c@x.example", "bounced"],
    ]


def test_the_extended_report_of_exchange_online_is_a_tracking_log():
    names = "date_time_utc,server_hostname,event_id,internal_message_id,message_id,recipient_address,total_bytes,sender_address"
    rows = (
        f"2024-03-11T10:00:0{n}.1234567Z,mx,{event},77,<1@x>,a@x.example,12,j@x.example"
        for n, event in enumerate(("RECEIVE", "DELIVER"))
    )
    log = read("\r\n".join([names, *rows]))
    assert log.events["kind"].tolist() == ["receive", "deliver"] and log.events["time"].notna().all()
    assert log.transactions[["queue_id", "message_id", "size"]].values.tolist() == [["77", "1@x", 12]]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [["a@x.example", "delivered"]]


def test_a_message_trace_says_what_became_of_each_recipient():
    fates = {
        "Delivered": "delivered", "Failed": "bounced", "Pending": "deferred", "Quarantined": "held",
        "FilteredAsSpam": "discarded", "Expanded": None,
    }  # fmt: skip
    names = (
        "Organization,MessageId,Received,SenderAddress,RecipientAddress,Subject,Status,ToIP,FromIP,Size,MessageTraceId"
    )
    rows = (
        {"Received": "3/13/2024 10:00:00 AM", "MessageId": "<1@x>", "SenderAddress": "j@x.example", "Size": "12",
         "RecipientAddress": f"{n}@x.example", "Status": fate, "MessageTraceId": "5ab9-12"}
        for n, fate in enumerate(fates)
    )  # fmt: skip
    log = read(of_the_shell(*rows, names=names, typed=False))
    assert log.recipients["status"].tolist() == [fate for fate in fates.values() if fate]
    assert log.recipients["forward_path"].tolist() == [f"{n}@x.example" for n in range(5)]
    assert log.transactions[["message_id", "reverse_path", "size"]].values.tolist() == [["1@x", "j@x.example", 12]]


def test_a_protocol_log_that_a_spreadsheet_wrote_with_semicolons():
    said = ("+ ", "> 220 MX1, ready", "< MAIL FROM:<a@x.example>", "> 250 2.1.0 Ok", "< QUIT")
    plain = protocol(*said)
    lines = (
        line if line.startswith("#") and "Fields" not in line else line.replace(",", ";")
        for line in plain.split("\r\n")
    )
    log, other = read(plain), read("\r\n".join(lines).replace("MX1; ready", "MX1, ready"))
    for table in ("events", "sessions", "transactions"):
        pd.testing.assert_frame_equal(getattr(log, table), getattr(other, table), check_categorical=False)


ORG = "/o=Example/ou=Site/cn="
MTA, STORE = (
    f"{ORG}CONFIGURATION/cn=SERVERS/cn={name}" for name in ("MX2/cn=MICROSOFT MTA", "MX1/cn=MICROSOFT PRIVATE MDB")
)
IMC = ORG + "CONFIGURATION/cn=CONNECTIONS/cn=INTERNET MAIL CONNECTOR (MX1)"


def of_55(*events):
    """A tracking log of Exchange 5.5: seconds, event, message's number, partner, remote id, originator, recipients."""
    lines = []
    for second, event, message, partner, remote, sender, *names in events:
        own = f"C=US;A= ;P=Example;L=MX1-980304111409Z-{message}"
        told = (own, event, f"1998.3.4 11:14:{second}", "", partner, remote, sender, 0, 2302, 0, 1, "", len(names))
        lines += ["\t".join(map(str, told)), *names]
    return "".join(line + "\r\n" for line in lines)


OF_55 = (
    (10, 4, 1, STORE, "", ORG + "RECIPIENTS/cn=ANN", ORG + "RECIPIENTS/cn=BEN", "SMTP:joe@example.net", ORG + "RECIPIENTS/cn=EVE"),
    (10, 1000, 1, "", "", ORG + "RECIPIENTS/cn=ANN", ORG + "RECIPIENTS/cn=BEN"),
    (11, 7, 1, MTA.upper(), "", ORG + "RECIPIENTS/cn=ANN", ORG + "RECIPIENTS/cn=EVE"),
    (11, 7, 1, IMC, "", ORG + "RECIPIENTS/cn=ANN", "SMTP:joe@example.net"),
    (12, 1010, 1, "", "<1@mx1.example.com>", ORG + "RECIPIENTS/cn=ANN", "SMTP:joe@example.net"),
    (14, 1011, 1, "mx.example.net", "<1@mx1.example.com>", ORG + "RECIPIENTS/cn=ANN", "SMTP:joe@example.net"),
    (20, 1012, 2, "", "<2@example.net>", "SMTP:joe@example.net", "SMTP:ann@example.com"),
    (21, 0, 2, STORE, "<2@example.net>", "SMTP:joe@example.net", ORG + "RECIPIENTS/cn=ANN"),
    (21, 9, 2, STORE, "<2@example.net>", "SMTP:joe@example.net", ORG + "RECIPIENTS/cn=ANN"),
    (25, 1017, 3, "", "", ORG + "RECIPIENTS/cn=ANN", "SMTP:joe@example.net\t1"),
)  # fmt: skip


@pytest.mark.parametrize("begin", ["", "# Message Tracking Log File\r\n"])
def test_the_tracking_log_of_exchange_55(begin):
    """Microsoft KB Q173280 and Q173364: a line of thirteen values and one for each recipient."""
    text = begin + of_55(*OF_55)
    log = read(text)
    assert log.sources[["format", "unparsed_lines", "tz_assumed"]].astype(object).fillna("-").values.tolist() == [
        ["exchange", 0, "-"]
    ]
    assert log.events["kind"].tolist() == ["receive", "deliver", "deliver", "note", "note", "deliver", "receive", "note",
                                           "deliver", "report"]  # fmt: skip
    assert log.events["lines"].tolist() == [4] + [2] * 9
    assert log.events["time"].iloc[0] == pd.Timestamp("1998-03-04 11:14:10", tz="UTC")
    assert log.transactions[["reverse_path", "message_id", "size"]].astype(object).fillna("-").values.tolist() == [
        [ORG + "RECIPIENTS/cn=ANN", "1@mx1.example.com", 2302], ["joe@example.net", "2@example.net", 2302],
        [ORG + "RECIPIENTS/cn=ANN", "-", 2302],
    ]  # fmt: skip
    assert log.recipients[["forward_path", "status", "relay", "transaction"]].astype(object).fillna("-").values.tolist() == [
        [ORG + "RECIPIENTS/cn=BEN", "delivered", "-", 0],
        [ORG + "RECIPIENTS/cn=EVE", "delivered", MTA.upper(), 0],
        ["joe@example.net", "delivered", "mx.example.net", 0],  # once, though the MTA handed it to the connector before
        [ORG + "RECIPIENTS/cn=ANN", "delivered", STORE, 1],
    ]  # fmt: skip
    assert log.raw(log.events.iloc[0]).decode() == of_55(OF_55[0])


def test_a_message_of_exchange_55_can_be_delivered_to_several_at_once():
    log = read(
        of_55((10, 1000, 1, "", "", ORG + "RECIPIENTS/cn=ANN", "SMTP:ben@example.com", ORG + "RECIPIENTS/cn=EVE"))
    )
    assert log.recipients["forward_path"].tolist() == ["ben@example.com", ORG + "RECIPIENTS/cn=EVE"]


def test_tables_with_tabs_that_are_no_tracking_log_are_refused():
    with pytest.raises(spamlab.UnknownFormat):
        read("a\t4\t1998.3.4 11:14:10\tx\ty\n" * 3)


@pytest.mark.parametrize(
    ("acked", "recipient"),
    [
        ("Retry and response 421 4.4.2 Connection dropped due to ConnectionReset", ["deferred", 421, "4.4.2"]),
        ("Retry and response 441 4.4.1 Error encountered", ["deferred", 441, "4.4.1"]),
        ("Success and response 250 2.6.0 ok", ["accepted", 250, None]),
    ],
)
@pytest.mark.parametrize("quote", ['"', ""])
def test_mail_whose_transfer_is_tried_again_is_deferred(acked, recipient, quote):
    """The server says so itself where the peer was lost; what the peer refused before is refused."""
    begin = ["< 220 x", "> EHLO a", "< 250 x", "> MAIL FROM:<ann@example.com>", "< 250 ok", "> RCPT TO:<ben@example.net>",
             "< 250 ok", "> RCPT TO:<eve@example.net>", "< 550 5.1.1 no", "> DATA", "< 354 go"]  # fmt: skip
    told = f"* ,{quote}Message or connection acked with status {acked}{quote}"
    log = read(protocol(*begin, told, "- ,Remote(ConnectionReset)", kind="SMTP Send Protocol Log"))
    found = log.recipients[["status", "code", "enhanced_code"]].astype(object)
    assert found.where(found.notna(), None).values.tolist() == [recipient, ["rejected", 550, "5.1.1"]]
    late = recipient[0] == "deferred"
    assert log.transactions[["deferred", "accepted", "rejected", "outcome"]].values.tolist() == [
        [late, not late, 1, "mixed"]
    ]
    assert log.recipients["reply"].str.startswith(acked.partition(" response ")[2]).tolist()[0] is late


@pytest.mark.parametrize("quote", ['"', ""])
def test_a_login_without_a_name_is_nobodys(quote):
    failed = [
        "* ,Inbound AUTH NTLM failed because of LogonDenied",
        f"* ,{quote}User Name: NULL{quote}",
        "> 535 5.7.3 no",
    ]
    log = read(protocol("> 220 x", "< EHLO a", "< AUTH NTLM", *failed))
    assert log.sessions["user"].isna().all() and log.events["argument"].isna().tolist()[4]
    assert log.events["text"].tolist()[4] == "User Name: NULL"


@pytest.mark.parametrize("tracking", [False, True])
def test_a_header_that_lost_its_marks_is_no_broken_line(tracking):
    """Forums take a ``#`` and a ``*`` at a line's or value's begin for their own marks."""
    rows = [message(event, recipient_count="1") for event in ("RECEIVE", "DELIVER")]
    text = tracked(*rows) if tracking else protocol(*MAIL, "* ,Tarpit for '0.00:00:05'")
    log = read(text.replace("#", "").replace(",*,", ",,").replace("\r\n", "\r\n\r\n"))
    assert log.sources[["format", "unparsed_lines"]].values.tolist() == [["exchange", 0]]
    kept = read(text)
    assert log.events["kind"].tolist() == kept.events["kind"].tolist()
    pd.testing.assert_frame_equal(log.recipients, kept.recipients)
