"""The Exchange 4.0–5.5 reader: Microsoft's own examples, and dialects and damage made here."""

import base64
import io
import os
from pathlib import Path

import pandas as pd
import pytest

import spamlab

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus" / "exchange55"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")


def read(text, **options):
    return spamlab.read(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def stamped(*lines, day="11/11/03", start=0):
    return "".join(f"{day} 2:00:{start + i:02} PM : {line}\n" for i, line in enumerate(lines))


def dialogue(events):
    return [
        (kind, direction, said)
        for kind, direction, said in zip(events["kind"], events["direction"], events["text"], strict=True)
    ]


@corpus
def test_q228725_arrowless_outbound_session_that_ends_in_499():
    log = spamlab.read(CORPUS / "kb-q228725-outbound-499.log")
    session, events = log.sessions.iloc[0], log.events
    assert (session["role"], session["peer_ip"], session["ended"]) == ("client", "10..1.1.1", "dropped")
    assert (session["peer_host"], session["helo"]) == ("r40.domain.com", "xxmims2.srv.dom.com")
    assert (session["commands"], session["replies"]) == (4, 5)
    assert events["text"].iloc[1].endswith("Gateway 3.0 ready at Mon, 5 Apr 1999 10:22:41 -0400")
    assert (events["code"].iloc[1], events["lines"].iloc[1]) == (220, 2)
    assert events["echo"].tolist() == [False] * 10 + [True, False]
    assert events["kind"].iloc[-1] == "note"
    recipient = log.recipients.iloc[0]
    assert (recipient["forward_path"], recipient["status"]) == ("sam@tool.com", "deferred")
    assert log.transactions["reverse_path"].tolist() == ["bob@dom.com"]
    assert events["time"].iloc[0] == pd.Timestamp("1999-04-05 10:22:41", tz="UTC")


@corpus
def test_q228725_day_order_is_the_callers_to_say():
    log = spamlab.read(CORPUS / "kb-q228725-outbound-499.log", dayfirst=True)
    assert log.events["time"].iloc[0] == pd.Timestamp("1999-05-04 10:22:41", tz="UTC")
    assert log.sources["dayfirst_assumed"].tolist() == [True]


@corpus
def test_q245787_without_timestamps():
    log = spamlab.read(CORPUS / "kb-q245787-outbound-no-timestamps.log")
    session = log.sessions.iloc[0]
    assert log.events["time"].isna().all()
    assert (session["role"], session["peer_ip"], session["peer_host"]) == (
        "client",
        "10.1.1.25",
        "firewall.expedia.com",
    )
    assert (session["commands"], session["replies"], session["ended"]) == (5, 6, "quit")
    assert log.events[~log.events["echo"]]["code"].dropna().tolist() == [220, 500, 250, 250, 550, 221]
    assert log.transactions["reverse_path"].tolist() == ["bob@microsoft.com"]
    assert log.recipients[["forward_path", "status", "code"]].values.tolist() == [
        ["vincent@expedia.com", "rejected", 550]
    ]


@corpus
def test_q262945_ntlm_names_the_account_and_no_secret_is_left():
    log = spamlab.read(CORPUS / "kb-q262945-inbound-ntlm.log")
    session = log.sessions.iloc[0]
    assert (session["role"], session["peer_host"], session["helo"]) == (
        "server",
        "SERVER1",
        "server1.COMPANY1.COM",
    )
    assert (session["user"], session["authenticated"]) == ("administrator", True)
    assert (session["commands"], session["replies"], session["ended"]) == (6, 8, "quit")
    assert log.events["kind"].tolist().count("auth") == 1
    everything = log.events.astype(str).to_csv()
    assert "TlRMTVNTUAADAAAA" not in everything
    assert log.transactions.loc[0, ["size", "outcome", "user"]].tolist() == [
        1460,
        "rejected",
        "administrator",
    ]
    assert log.recipients[["status", "code"]].values.tolist() == [["rejected", 554]]


@corpus
def test_q295725_a_session_stalls_and_the_next_begins():
    log = spamlab.read(CORPUS / "kb-q295725-inbound-stalled.log")
    assert log.sessions["ended"].tolist() == ["dropped", "cut"]
    assert log.sessions["peer_host"].tolist() == ["mail.domain1.com", "mail.domain3.com"]
    assert log.sessions["role"].tolist() == ["server", "server"]
    assert log.recipients["status"].tolist() == ["accepted"]


@corpus
@pytest.mark.parametrize("name", sorted(p.name for p in CORPUS.glob("*.log")) if CORPUS.is_dir() else [])
@pytest.mark.parametrize("octets", [None, 2048, 300])
def test_every_corpus_file_is_recognised_also_when_cut(name, octets):
    log = read((CORPUS / name).read_bytes()[:octets])
    assert log.sources["format"].tolist() == ["exchange55"]
    assert len(log.unparsed) == 0


INBOUND = stamped(
    "A connection was accepted from 192.0.2.7.",
    "<<< IO: |HELO host.example.net\n|",
    "<<< HELO host.example.net",
    ">>> 250 OK",
    "<<< IO: |MAIL FROM:<ann@example.net> SIZE=99\n|",
    "<<< MAIL FROM:<ann@example.net> SIZE=99",
    ">>> 250 OK",
    "<<< IO: |RCPT TO:<ben@example.com>\n|",
    "<<< RCPT TO:<ben@example.com>",
    ">>> 250 OK",
    "<<< IO: |DATA\n|",
    "<<< DATA",
    ">>> 354 Send data.",
    "<<< IO: |Subject: hi\n\n11/11/03 2:00:05 PM : >>> QUIT\n>>> quoted\n.\n|",
    ">>> 250 OK",
    "<<< IO: |QUIT\n|",
    "<<< QUIT",
    ">>> 221 closing connection",
)


def test_an_inbound_session_with_its_message_text():
    log = read(INBOUND)
    session, events = log.sessions.iloc[0], log.events
    assert (session["role"], session["peer_ip"], session["helo"]) == (
        "server",
        "192.0.2.7",
        "host.example.net",
    )
    assert (session["commands"], session["replies"]) == (5, 6)
    text = events[events["kind"] == "data"]
    assert text["text"].tolist() == ["Subject: hi\n\n11/11/03 2:00:05 PM : >>> QUIT\n>>> quoted\n."]
    assert text["verb"].isna().all()
    assert text["transaction"].tolist() == [0]
    assert log.recipients["status"].tolist() == ["accepted"]
    assert int(events["echo"].sum()) == 5


@pytest.mark.parametrize("piece", [1, 20, 60, 200, 400, 500, 600])
def test_a_raw_block_is_whole_wherever_the_file_is_cut_into_pieces(piece, monkeypatch):
    monkeypatch.setattr("spamlab.sources.Source.text.__defaults__", (piece,))
    monkeypatch.setattr("spamlab.sources.READ", piece)
    log = read(INBOUND)
    monkeypatch.undo()
    whole = read(INBOUND)
    for name, table in log.tables().items():
        pd.testing.assert_frame_equal(table, getattr(whole, name))


def test_pieces_scanned_ahead_inside_a_message_are_scanned_anew(monkeypatch):
    """The message is longer than a piece and full of what looks like sessions: a cut there must not make them such."""
    forged = stamped(
        "A connection was accepted from forged.example.", "<<< MAIL FROM:<forged@example.com>", ">>> 250 OK"
    )
    inbound = INBOUND.replace("Subject: hi", "Subject: hi\n\n" + forged * 300)
    whole = read(inbound * 3)
    assert len(whole.sessions) == 3
    monkeypatch.setattr("spamlab.sources.Source.text.__defaults__", (5000,))
    monkeypatch.setattr("spamlab.sources.READ", 5000)
    cut = read(inbound * 3)
    for name, table in cut.tables().items():
        pd.testing.assert_frame_equal(table, getattr(whole, name))


def test_a_message_that_begins_like_a_command_keeps_its_text():
    log = read(INBOUND.replace("Subject: hi", "HELP me"))
    assert log.events.loc[log.events["kind"] == "data", "text"].iloc[0].startswith("HELP me\n\n11/11/03")


def test_a_raw_buffer_with_several_commands_is_the_first_of_them():
    log = read(
        stamped(
            "A connection was accepted from x.example.",
            "<<< IO: |MAIL FROM:<>\nRCPT TO:<a@b.example>\n|",
            "<<< MAIL FROM:<>",
            ">>> 250 ok",
            "<<< RCPT TO:<a@b.example>",
            ">>> 550 no",
        )
    )
    live = log.events[~log.events["echo"]]
    assert live["text"].tolist()[1:] == ["MAIL FROM:<>", "250 ok", "RCPT TO:<a@b.example>", "550 no"]
    assert log.recipients["status"].tolist() == ["rejected"]


def test_a_line_like_a_log_line_inside_a_closed_raw_block_is_its_text():
    log = read(
        stamped(
            "A connection to 192.0.2.1 was established.",
            "<<< IO: |220-hello\n11/11/03 2:00:09 PM : >>> QUIT\n220 x\n|",
            "<<< 220-hello\n220 x",
            ">>> EHLO a.example",
        )
    )
    assert log.events["verb"].dropna().tolist() == ["EHLO"]
    assert log.events["lines"].tolist() == [1, 4, 2, 1]


def test_the_closing_bar_can_be_missing():
    log = read(
        stamped(
            "A connection to 192.0.2.1 was established.",
            "<<< IO: |220 x",
            "<<< 220 x",
            ">>> EHLO a.example",
            "<<< IO: |250 fine\n|",
            "<<< 250 fine",
        )
    )
    assert log.events["kind"].tolist() == ["connect", "reply", "reply", "command", "reply", "reply"]
    assert log.events["echo"].tolist() == [False, False, True, False, False, True]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("11/13/03 2:00:01 PM", "2003-11-13 14:00:01"),
        ("11/13/03 12:00:01 AM", "2003-11-13 00:00:01"),
        ("11/13/03 12:00:01 PM", "2003-11-13 12:00:01"),
        ("13.11.03 14:00:01", "2003-11-13 14:00:01"),
        ("05.06.2003 14:00:01", "2003-06-05 14:00:01"),  # points: day first by custom
        ("13/11/2003 14:00:01", "2003-11-13 14:00:01"),
        ("2003-11-13 14:00:01", "2003-11-13 14:00:01"),
        ("13-11-03 14.00.01", "2003-11-13 14:00:01"),
        ("11/13/99 2:00:01 PM", "1999-11-13 14:00:01"),
        ("2/29/04 2:00:60 PM", "2004-02-29 14:01:00"),  # a leap second
        ("2/30/04 2:00:00 PM", None),
        ("11/13/03 25:61:00", None),
        ("11/13/03 13:00:00 PM", None),
    ],
)
def test_stamps_of_many_locales(stamp, expected):
    log = read(f"{stamp} : A connection to 192.0.2.1 was established.\n{stamp} : >>> EHLO a.example\n")
    time = log.events["time"].iloc[0]
    assert (None if pd.isna(time) else str(time.tz_localize(None))) == expected
    assert len(log.events) == 2


def test_a_field_over_12_decides_for_the_whole_file():
    log = read(
        "5/6/2003 14:00:01 : A connection to 192.0.2.1 was established.\n"
        "13/6/2003 14:00:01 : A connection to 192.0.2.1 was established.\n"
    )
    assert log.events["time"].dt.strftime("%m-%d").tolist() == ["06-05", "06-13"]
    assert log.sources["dayfirst_assumed"].isna().all()


def test_a_zone_given_by_the_caller():
    log = read(stamped("A connection to 192.0.2.1 was established."), tz="America/New_York")
    assert log.events["time"].iloc[0] == pd.Timestamp("2003-11-11 19:00:00", tz="UTC")
    assert log.sources["tz_assumed"].tolist() == ["America/New_York"]


SECRET = "hunter2-secret"


def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("exchange", "user"),
    [
        (["<<< AUTH LOGIN", ">>> 334 VXNlcm5hbWU6", f"<<< {b64('ann')}", ">>> 334 UGFzc3dvcmQ6", f"<<< {b64(SECRET)}"], "ann"),
        ([f"<<< AUTH LOGIN {b64('ann')}", ">>> 334 UGFzc3dvcmQ6", f"<<< {b64(SECRET)}"], "ann"),
        ([f"<<< AUTH PLAIN {b64(chr(0) + 'ann' + chr(0) + SECRET)}"], "ann"),
        (["<<< AUTH PLAIN", ">>> 334 ", f"<<< {b64('x' + chr(0) + 'ann' + chr(0) + SECRET)}"], "ann"),
        (["<<< auth login", ">>> 334 VXNlcm5hbWU6", f"<<< {b64('Guest')}", ">>> 334 UGFzc3dvcmQ6", "<<< ="], "Guest"),
        (["<<< AUTH LOGIN", ">>> 334 VXNlcm5hbWU6", "<<< =", ">>> 334 UGFzc3dvcmQ6", f"<<< {b64(SECRET)}"], ""),
        (["<<< AUTH LOGIN", ">>> 334 VXNlcm5hbWU6", "<<< not*base64", ">>> 334 UGFzc3dvcmQ6", f"<<< {b64(SECRET)}"], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("raw", [False, True])
def test_auth_gives_the_account_never_the_password(exchange, user, raw):
    if raw:
        exchange = [x for line in exchange for x in ([f"<<< IO: |{line[4:]}\n|", line] if line[0] == "<" else [line])]
    lines = [
        "A connection was accepted from 192.0.2.9.",
        "<<< EHLO x",
        ">>> 250 OK",
        *exchange,
        ">>> 235 ok",
        "<<< QUIT",
    ]
    log = read(stamped(*lines))
    session = log.sessions.iloc[0]
    assert session["authenticated"]
    assert (None if pd.isna(session["user"]) else session["user"]) == user
    printed = "".join(table.to_csv() for table in log.tables().values())
    assert SECRET not in printed
    assert b64(SECRET) not in printed
    assert b64(chr(0) + "ann" + chr(0) + SECRET) not in printed
    live = log.events[~log.events["echo"]]
    # Masks are as long as what they hide, so that octets still add up.
    sent = sum(len(line) - 4 + 2 for line in exchange if line.startswith("<<<") and "IO:" not in line)
    assert log.sessions["octets_received"].iloc[0] == sent + len("EHLO x") + len("QUIT") + 4
    assert live["kind"].iloc[-1] == "command"


def test_a_failed_login_is_no_authentication():
    log = read(
        stamped(
            "A connection was accepted from 192.0.2.9.",
            f"<<< AUTH PLAIN {b64(chr(0) + 'ann' + chr(0) + SECRET)}",
            ">>> 535 no",
            "<<< MAIL FROM:<>",
        )
    )
    assert log.sessions.loc[0, ["user", "authenticated"]].tolist() == ["ann", False]
    assert log.transactions["user"].isna().all()


def session(*lines):
    return read(stamped("A connection to 192.0.2.1 was established.", "<<< 220 mx.example.net", *lines))


@pytest.mark.parametrize(
    ("lines", "status", "code", "ended"),
    [
        ([">>> DATA", "<<< 354 go", "<<< 250 queued", ">>> QUIT"], "delivered", 250, "quit"),
        ([">>> DATA", "<<< 354 go", "<<< 554 spam", ">>> QUIT"], "rejected", 554, "quit"),
        ([">>> DATA", "<<< 554 no", ">>> QUIT"], "rejected", 554, "quit"),
        ([">>> DATA", "<<< 354 go"], "accepted", 250, "cut"),
        ([">>> DATA", "<<< 354 go", "499 No routing hosts. Message subject: x. Rescheduling delivery for later."],
         "deferred", None, "dropped"),
        ([">>> DATA", "<<< 354 go", "<<< 421 timed out"], "rejected", 421, "timeout"),
        ([">>> RSET", "<<< 250 ok", ">>> QUIT", "<<< 221 bye"], "accepted", 250, "quit"),
    ],
)  # fmt: skip
def test_what_becomes_of_an_accepted_recipient(lines, status, code, ended):
    log = session(">>> MAIL FROM:<>", "<<< 250 ok", ">>> RCPT TO:<a@example.net>", "<<< 250 ok", *lines)
    recipient = log.recipients.iloc[0]
    assert recipient["status"] == status
    assert (None if pd.isna(recipient["code"]) else recipient["code"]) == code
    assert log.sessions["ended"].tolist() == [ended]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("<ann@example.com>", "ann@example.com"),
        ("<>", ""),
        (" <ann@example.com>", "ann@example.com"),
        ("ann@example.com", "ann@example.com"),
        ('<"a>b c"@example.com>', '"a>b c"@example.com'),
        ('<"a\\"b>"@example.com>', '"a\\"b>"@example.com'),
        ("<ann%example.net@example.com>", "ann%example.net@example.com"),
        ("<@a,@b:ann@example.com>", "@a,@b:ann@example.com"),
        ("<jürgen@example.com>", "jürgen@example.com"),
        ("<a|b,c@example.com>", "a|b,c@example.com"),
        ("<" + "x" * 10_000 + "@example.com>", "x" * 10_000 + "@example.com"),
        ('<"never closed@example.com>', '"never closed@example.com'),
        ("<never closed", "never closed"),
    ],
)
@pytest.mark.parametrize("verb", ["MAIL FROM", "mail from", "Mail From"])
def test_reverse_paths(path, expected, verb):
    log = session(f">>> {verb}:{path} SIZE=17" if ">" in path or " " not in path else f">>> {verb}:{path}")
    assert log.transactions["reverse_path"].tolist() == [expected]
    assert log.transactions["null_sender"].tolist() == [expected == ""]


@pytest.mark.parametrize(
    ("parameter", "size"),
    [("SIZE=17", 17), ("BODY=8BITMIME SIZE=17", 17), ("", None), ("SIZE=", None), ("SIZE=x", None),
     ("SIZE=-5", None), ("SIZE=9223372036854775808", None), ("size=17", 17)],
)  # fmt: skip
def test_declared_sizes(parameter, size):
    log = session(f">>> MAIL FROM:<> {parameter}")
    given = log.transactions["size"].iloc[0]
    assert (None if pd.isna(given) else given) == size


def test_pipelined_commands_are_answered_in_order():
    log = session(
        ">>> MAIL FROM:<>", ">>> RCPT TO:<a@x.example>", ">>> RCPT TO:<b@x.example>", ">>> DATA",
        "<<< 250 ok", "<<< 550 no", "<<< 250 yes", "<<< 354 go", "<<< 250 done",
    )  # fmt: skip
    assert log.recipients["status"].tolist() == ["rejected", "delivered"]
    assert log.recipients["code"].tolist() == [550, 250]


def test_wrong_replies_are_replies_without_a_code_or_with_the_one_printed():
    log = session(">>> NOOP", "<<< 999 what", ">>> NOOP", "<<< 25 what", ">>> NOOP", "<<< 250x")
    replies = log.events[log.events["kind"] == "reply"]
    assert replies["code"].fillna(-1).tolist() == [220, 999, -1, -1]
    assert log.sessions["replies"].tolist() == [4]


def test_enhanced_codes_as_printed():
    log = session(">>> RCPT TO:<a@b.example>", "<<< 550 5.1.1 no", ">>> QUIT", "<<< 221 2.0.0 bye")
    assert log.events["enhanced_code"].dropna().tolist() == ["5.1.1", "2.0.0"]


def test_a_session_without_connect_line_tells_its_role():
    outbound = read(stamped(">>> MAIL FROM:<>", "<<< 250 ok", "<<< IO: |250 ok\n|"))
    inbound = read(stamped("<<< MAIL FROM:<>", ">>> 250 ok", "<<< IO: |QUIT\n|"))
    assert outbound.sessions["role"].tolist() == ["client"]
    assert inbound.sessions["role"].tolist() == ["server"]


def test_a_reply_that_looks_like_something_else_is_a_reply():
    log = session(
        ">>> NOOP",
        "<<< 250 11/11/03 2:00:05 PM : >>> QUIT",
        ">>> NOOP",
        "<<< 250 A connection to x was established.",
    )
    assert log.sessions["ended"].tolist() == ["cut"]
    assert len(log.sessions) == 1
    assert log.sessions["replies"].tolist() == [3]


def test_two_connects_in_a_row_and_files_are_sessions_of_their_own(tmp_path):
    one = stamped("A connection to 192.0.2.1 was established.", "A CONNECTION TO 192.0.2.2 WAS ESTABLISHED")
    (tmp_path / "L0000000.LOG").write_text(one)
    (tmp_path / "L0000001.LOG").write_text(stamped("A connection was accepted from host.example."))
    log = spamlab.read(tmp_path)
    assert log.sessions["peer_ip"].fillna("").tolist() == ["192.0.2.1", "192.0.2.2", ""]
    assert log.sessions["peer_host"].fillna("").tolist() == ["", "", "host.example"]
    assert log.sessions["ended"].tolist() == ["dropped", "cut", "cut"]
    assert len(log.sources) == 2


@pytest.mark.parametrize(
    ("line", "role", "host"),
    [
        ("A connection to mail.example.com was\nestablished.", "client", "mail.example.com"),
        ("A connection was accepted from\nmail.example.com.", "server", "mail.example.com"),
    ],
)
def test_a_connect_line_that_a_page_wrapped(line, role, host):
    log = read(stamped("A connection to 192.0.2.1 was established.", "<<< 220 x", line))
    assert log.sessions["role"].tolist() == ["client", role]
    assert log.sessions["peer_host"].tolist()[1] == host
    assert log.events["kind"].tolist() == ["connect", "reply", "connect"]


def test_a_wrapped_auth_response_still_names_the_account():
    token = b64("\0ann\0" + SECRET)
    log = read(
        stamped(
            "A connection was accepted from x.example.",
            "<<< AUTH PLAIN",
            ">>> 334 ",
            f"<<< {token[:9]}\n{token[9:]}",
            ">>> 235 ok",
        )
    )
    assert log.sessions["user"].tolist() == ["ann"]
    assert token[9:] not in log.events.to_csv()


def test_forged_stamps_in_the_message_of_a_log_without_stamps():
    message = "\n".join(
        ["x"] * 30
        + ["11/11/03 2:00:01 PM : >>> QUIT", "1/1/70 12:00:00 AM : A CONNECTION TO 192.0.2.99 WAS ESTABLISHED."] * 3
    )
    log = read(f"A connection was accepted from 192.0.2.7.\n<<< IO: |HELO h\n|\n<<< HELO h\n>>> 250 OK\n<<< IO: |MAIL FROM:<>\n|\n"
               f"<<< MAIL FROM:<>\n>>> 250 OK\n<<< IO: |DATA\n|\n<<< DATA\n>>> 354 go\n<<< IO: |{message}\n|\n>>> 250 OK\n")  # fmt: skip
    assert log.sessions["peer_ip"].tolist() == ["192.0.2.7"]
    assert log.events["kind"].tolist().count("data") == 1
    assert log.unparsed.empty


def test_a_message_end_nobody_answered_is_asked_all_the_same():
    log = read(INBOUND[: INBOUND.index("|\n", INBOUND.index("Subject")) + 2])
    answered = spamlab.dialogue.answers(log.events)
    end = log.events.index[log.events["kind"] == "data"][-1]
    assert end in answered.index
    assert pd.isna(answered[end])


def test_the_servers_own_word_is_no_echo_of_a_reply():
    log = session(">>> MAIL FROM:<>", "<<< 250 ok", ">>> RCPT TO:<a@x.example>", "<<< 250 ok", ">>> DATA", "<<< IO: |354 go\n|",
                  "<<< 499 No routing hosts. Message subject: x. Rescheduling delivery for later.")  # fmt: skip
    assert log.events["echo"].tolist()[-1] is False
    assert log.sessions["ended"].tolist() == ["dropped"]
    assert log.recipients["status"].tolist() == ["deferred"]


def test_a_peer_that_says_499_itself_is_believed_once():
    said = "499 Message subject: x. Rescheduling delivery for later."
    log = session(">>> MAIL FROM:<>", f"<<< IO: |{said}\n|", f"<<< {said}")
    assert log.events["echo"].tolist() == [False, False, False, False, True]
    assert log.sessions["ended"].tolist() == ["cut"]


def test_a_message_text_gives_the_message_id_and_is_answered():
    log = read(
        INBOUND.replace("Subject: hi", "Subject: hi\nMessage-Id: <1@example.net>").replace(
            "\n\n11", "\n\nMessage-ID: <no>\n11"
        )
    )
    assert log.transactions["message_id"].tolist() == ["1@example.net"]
    answered = spamlab.dialogue.answers(log.events)
    end = log.events.index[(log.events["kind"] == "data") & ~log.events["echo"]][-1]
    assert log.events.loc[answered[end], "text"] == "250 OK"


def test_a_transaction_nobody_answered_has_no_outcome():
    log = session(">>> MAIL FROM:<>", "<<< 250 ok", ">>> RCPT TO:<a@x.example>")
    assert log.transactions["outcome"].isna().all()
    assert log.recipients["status"].isna().all()


def test_octets_of_text_that_is_no_utf8_count_as_stored():
    log = read(stamped("A connection to x was established.").encode() + b"11/11/03 2:00:01 PM : <<< 220 \xe9\xe8\n")
    assert log.sessions["octets_received"].tolist() == [8]


@pytest.mark.parametrize(
    "said", ["MAIL  From:<ann@example.net>", "MAIL FROM: <ann@example.net>", "mail from:ann@example.net"]
)
def test_blanks_in_commands_are_no_part_of_addresses(said):
    log = read(INBOUND.replace("MAIL FROM:<ann@example.net> SIZE=99", said))
    assert log.transactions["reverse_path"].tolist() == ["ann@example.net"]


def test_a_connect_line_whose_name_was_taken_out_begins_a_session():
    log = read(INBOUND.replace("accepted from 192.0.2.7.", "accepted from"))
    assert log.events["kind"].tolist()[:2] == ["connect", "command"]
    assert log.sessions[["role", "commands", "ended"]].values.tolist() == [["server", 5, "quit"]]
    assert log.sessions[["peer_ip", "peer_host"]].isna().all(axis=None)
    assert log.recipients["status"].tolist() == ["accepted"]
