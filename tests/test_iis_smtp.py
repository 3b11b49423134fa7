"""The Windows SMTP service's logs: samples nobody here wrote, and logs made here for every rule."""

import io
import os
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import stamps

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus" / "iis-smtp"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")
W3C, NCSA = "ossec-exchange2000-w3c.log", "ossec-exchange2000-ncsa.log"
FIELDS = "date time c-ip cs-username s-sitename cs-method cs-uri-stem cs-uri-query sc-status sc-win32-status sc-bytes cs-bytes"


def read(text, **options):
    return spamlab.read(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def w3c(*lines, fields=FIELDS, date="2006-10-09 05:00:15"):
    return f"#Software: IIS\n#Version: 1.0\n#Date: {date}\n#Fields: {fields} \n" + "".join(f"{x}\n" for x in lines)


def inbound(verb, argument="-", code=250, name="mx.example.net", ip="192.0.2.1", at="05:00:15", sent=40, received=20):
    return f"2006-10-09 {at} {ip} {name} SMTPSVC1 {verb} - {argument} {code} 0 {sent} {received}"


def outbound(verb, argument="-", ip="192.0.2.9", at="05:00:15"):
    name = "OutboundConnectionResponse" if verb == "-" else "OutboundConnectionCommand"
    return f"2006-10-09 {at} {ip} {name} SMTPSVC1 {verb} - {argument} 0 0 4 0"


def value(cell):
    return None if pd.isna(cell) else cell


@corpus
@pytest.mark.parametrize(
    ("name", "line", "kind", "direction", "verb", "code", "size", "session", "transaction"),
    [
        (W3C, 5, "exchange", "received", "HELO", 250, None, 0, None),
        (W3C, 6, "exchange", "received", "MAIL", 250, None, 0, 0),
        (W3C, 8, "exchange", "received", "DATA", 250, 1399, 0, 0),
        (W3C, 9, "exchange", "received", "QUIT", 240, None, 0, None),
        (W3C, 11, "exchange", "received", "MAIL", 250, None, 1, 1),  # "From:" with small letters
        (W3C, 13, "exchange", "received", "DATA", 250, 29518, 1, 1),
        (W3C, 20, "exchange", "received", "XXXX", 500, None, 3, None),  # a firewall wrote over EHLO
        (W3C, 21, "exchange", "received", "QUIT", 240, None, 3, None),
        (W3C, 27, "exchange", "received", "HELO", 250, None, 6, None),  # the same session as the xxxx before it
        (W3C, 41, "exchange", "received", "RCPT", 250, None, 9, 5),
        (NCSA, 1, "reply", "received", None, 220, None, 0, None),
        (NCSA, 2, "command", "sent", "EHLO", None, None, 0, None),
        (NCSA, 9, "exchange", "received", "RCPT", 250, None, 1, 1),  # two sessions interleave
        (NCSA, 17, "exchange", "received", "RCPT", 250, None, 1, 1),
        (NCSA, 16, "exchange", "received", "XXXX", 500, None, 3, None),
        (NCSA, 22, "exchange", "received", "RCPT", 250, None, 3, 3),
        (NCSA, 29, "command", "sent", "MAIL", None, None, 0, 0),  # 23 s after the greeting
        (NCSA, 33, "command", "sent", "DATA", None, None, 0, 0),  # no "?"
        (NCSA, 34, "reply", "received", None, 354, None, 0, 0),  # quotes in the text
        (NCSA, 37, "reply", "received", None, 221, None, 0, None),
    ],
)
def test_lines_of_the_corpus(name, line, kind, direction, verb, code, size, session, transaction):
    event = spamlab.read(CORPUS / name).events.set_index("line").loc[line]
    columns = ["kind", "direction", "verb", "code", "size", "session", "transaction"]
    assert [value(event[column]) for column in columns] == [kind, direction, verb, code, size, session, transaction]


@corpus
@pytest.mark.parametrize(
    ("name", "counts", "ended"),
    [
        (W3C, (41, 37, 10, 6, 6), ["quit"] * 9 + ["cut"]),
        (NCSA, (40, 40, 6, 6, 11), ["quit", "quit", "quit", "cut", "quit", "cut"]),
    ],
)
def test_tables_of_the_corpus(name, counts, ended):
    log = spamlab.read(CORPUS / name)
    assert (
        int(log.sources["lines"].sum()),
        *map(len, (log.events, log.sessions, log.transactions, log.recipients)),
    ) == counts
    assert log.sessions["ended"].tolist() == ended
    assert len(log.unparsed) == 0


@corpus
@pytest.mark.parametrize("name", [W3C, NCSA])
@pytest.mark.parametrize("octets", [None, 2048, 600])
def test_every_corpus_file_is_recognised_also_when_cut(name, octets):
    log = read((CORPUS / name).read_bytes()[:octets])
    assert log.sources["format"].tolist() == ["iis-smtp"]
    assert (log.sources["lines"] == log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].sum(axis=1)).all()


@corpus
def test_ncsa_states_its_zone():
    events = spamlab.read(CORPUS / NCSA).events
    assert events["time"].iloc[0] == pd.Timestamp("2006-10-11 19:16:39", tz="UTC")


def test_an_inbound_session():
    log = read(
        w3c(
            inbound("EHLO", "+mx.example.net", sent=275),
            inbound("MAIL", "+FROM:<ann+x@example.net>+SIZE=99+BODY=8BITMIME"),
            inbound("RCPT", "+TO:+<ben@example.com>"),
            inbound("RCPT", "+TO:<cat@example.com>", 550),
            inbound("DATA", "+<1@example.net>", received=5000),
            inbound("QUIT", "mx.example.net", 240),
        )
    )
    session, transaction = log.sessions.iloc[0], log.transactions.iloc[0]
    assert session[["role", "peer_ip", "helo", "commands", "replies", "ended"]].tolist() == [
        "server", "192.0.2.1", "mx.example.net", 6, 6, "quit",
    ]  # fmt: skip
    assert session[["octets_sent", "octets_received"]].tolist() == [275 + 5 * 40, 5000 + 5 * 20]
    assert transaction[["reverse_path", "size", "message_id", "accepted", "rejected", "outcome"]].tolist() == [
        "ann+x@example.net", 5000, "1@example.net", 1, 1, "mixed",
    ]  # fmt: skip
    assert log.events.loc[1, ["argument", "size"]].tolist() == ["FROM:<ann+x@example.net> SIZE=99 BODY=8BITMIME", 99]
    assert log.recipients[["forward_path", "status", "code"]].values.tolist() == [
        ["ben@example.com", "accepted", 250], ["cat@example.com", "rejected", 550],
    ]  # fmt: skip
    assert log.recipients["reply"].isna().all()


def test_a_message_refused_at_its_end():
    log = read(w3c(inbound("MAIL", "+FROM:<>"), inbound("RCPT", "+TO:<a@example.com>"), inbound("DATA", "-", 554)))
    assert log.recipients[["status", "code"]].values.tolist() == [["rejected", 554]]
    assert log.transactions[["null_sender", "outcome"]].values.tolist() == [[True, "rejected"]]


def test_two_messages_of_one_session_are_two_transactions():
    mail = [inbound("MAIL", "+FROM:<>"), inbound("RCPT", "+TO:<a@example.com>"), inbound("DATA")]
    log = read(w3c(inbound("HELO"), *mail, *mail, inbound("RCPT", "+TO:<late@example.com>", 503)))
    assert log.recipients["transaction"].isna().tolist() == [False, False, True]
    assert log.transactions["number"].tolist() == [1, 2]


def test_an_outbound_session():
    log = read(
        w3c(
            outbound("-", "220-mx.example.org+ESMTP"),
            outbound("EHLO", "mail.example.com"),
            outbound("-", "250-mx.example.org+Hello"),
            outbound("MAIL", "FROM:<ann@example.com>"),
            outbound("-", "250+2.1.0+Ok"),
            outbound("RCPT", "TO:<ben@example.org>"),
            outbound("-", "250+2.1.5+Ok"),
            outbound("DATA"),
            outbound("-", '354+3.0.0+end+with+"\\r\\n.\\r\\n"'),
            outbound("-", "250+2.0.0+queued"),
            outbound("QUIT"),
            outbound("-", "221+bye"),
        )
    )
    session = log.sessions.iloc[0]
    assert session[["role", "peer_host", "helo", "ended"]].tolist() == [
        "client",
        "mx.example.org",
        "mail.example.com",
        "quit",
    ]
    assert log.recipients[["status", "code", "enhanced_code", "reply"]].values.tolist() == [
        ["delivered", 250, "2.0.0", "250 2.0.0 queued"]
    ]
    assert log.events["code"].dropna().tolist() == [220, 250, 250, 250, 354, 250, 221]
    assert log.events.loc[8, "text"] == '354 3.0.0 end with "\\r\\n.\\r\\n"'


@pytest.mark.parametrize(
    ("lines", "sessions", "ended"),
    [
        ([inbound("HELO"), inbound("QUIT", code=240), inbound("HELO")], [0, 0, 1], ["quit", "cut"]),
        ([inbound("HELO"), inbound("NOOP", at="05:10:15"), inbound("NOOP", at="05:20:16")], [0, 0, 1], ["dropped", "cut"]),
        ([inbound("EHLO"), inbound("STARTTLS", code=220), inbound("EHLO"), inbound("MAIL")], [0, 0, 0, 0], ["cut"]),
        ([inbound("HELO"), inbound("MAIL"), inbound("HELO")], [0, 0, 1], ["dropped", "cut"]),  # a new greeting
        ([inbound("HELO", name="a"), inbound("HELO", name="b"), inbound("MAIL", name="a"), inbound("QUIT", name="b", code=240)],
         [0, 1, 0, 1], ["cut", "quit"]),  # HELO names tell them apart
        ([inbound("EHLO", name="-", code=501), inbound("HELO", name="a"), inbound("MAIL", name="a")], [0, 0, 0], ["cut"]),
        ([inbound("HELO", name="a"), inbound("HELO", name="a", ip="192.0.2.2"), inbound("MAIL", name="a")], [0, 1, 0], ["cut", "cut"]),
        ([outbound("-", "220+a"), inbound("HELO", ip="192.0.2.9"), outbound("QUIT"), outbound("-", "221+x")], [0, 1, 0, 0], ["quit", "cut"]),
        ([outbound("-", "220+a"), outbound("EHLO", "x"), outbound("-", "220+b"), outbound("QUIT"), outbound("-", "221+x"),
          outbound("-", "250+a")], [0, 0, 1, 1, 1, 0], ["cut", "quit"]),  # the interrupted one goes on
        ([outbound("-", "220+a"), outbound("STARTTLS"), outbound("-", "220+go"), outbound("EHLO", "x")], [0, 0, 0, 0], ["cut"]),
        ([inbound("MAIL", at="05:00:15"), inbound("HELO", ip="192.0.2.2", at="05:20:00")], [0, 1], ["dropped", "cut"]),
    ],
)  # fmt: skip
def test_where_a_session_begins_and_ends(lines, sessions, ended):
    log = read(w3c(*lines), format="iis-smtp")
    assert log.events["session"].tolist() == sessions
    assert log.sessions["ended"].tolist() == ended


def test_the_default_selection_of_fields_takes_its_date_from_the_header():
    log = read(
        w3c(
            "23:59:58 192.0.2.1 EHLO - 250",
            "23:59:59 192.0.2.1 MAIL - 250",
            "23:59:59 192.0.2.1 RCPT - 550",
            "00:00:01 192.0.2.9 EHLO - 0",
            "00:00:02 192.0.2.9 - - 0",
            fields="time c-ip cs-method cs-uri-stem sc-status",
        )
    )
    assert log.events["time"].dt.strftime("%d %H:%M:%S").tolist() == [
        "09 23:59:58", "09 23:59:59", "09 23:59:59", "10 00:00:01", "10 00:00:02",
    ]  # fmt: skip
    assert log.sessions["role"].tolist() == ["server", "client"]
    assert log.events["kind"].tolist() == ["exchange"] * 3 + ["command", "reply"]
    assert log.sessions.loc[0, ["octets_sent", "octets_received"]].isna().all()
    assert log.recipients["status"].tolist() == ["rejected"]
    assert log.transactions["reverse_path"].isna().all()


def test_fields_change_within_a_file_and_rows_can_be_short():
    log = read(
        w3c(inbound("HELO"), "2006-10-09 05:00:16 192.0.2.1 mx.example.net SMTPSVC1 MAIL - +FROM:<a@example.net>")
        + w3c("05:00:17 192.0.2.1 RCPT 250 +TO:<b@example.com>", fields="time c-ip cs-method sc-status cs-uri-query", date="2006-10-10 00:00:00")
        + "2006-10-10 05:00:18\n"
    )  # fmt: skip
    assert log.events["verb"].astype("str").fillna("").tolist() == ["HELO", "MAIL", "RCPT", ""]
    assert log.events["time"].iloc[2] == pd.Timestamp("2006-10-10 05:00:17", tz="UTC")
    assert log.recipients["forward_path"].tolist() == ["b@example.com"]
    assert log.events["kind"].iloc[-1] == "note"
    assert len(log.unparsed) == 0


def test_unreadable_numbers_and_times_are_missing():
    log = read(
        w3c(inbound("HELO"), "x y 192.0.2.1 mx.example.net SMTPSVC1 MAIL - - 25x 0 a b", inbound("QUIT", code=240))
    )
    assert (log.events["time"].isna().tolist(), log.events["code"].isna().tolist()) == (
        [False, True, False],
        [False, True, False],
    )


IIS = "192.0.2.1, mx.example.net, 8/18/06, 13:16:{:02}, SMTPSVC1, MAIL1, 192.0.2.25, 15, {}, {}, {}, 0, {}, -, {},\n"


def test_the_iis_format():
    text = (
        IIS.format(39, 20, 40, 250, "EHLO", "+mx.example.net")
        + IIS.format(40, 30, 41, 250, "MAIL", "+FROM:<ann@example.net>")
        + IIS.format(41, 30, 42, 250, "RCPT", "+TO:<ben@example.com>")
        + IIS.format(42, 900, 43, 250, "DATA", "+<1@example.net>")
        + IIS.format(43, 4, 68, 240, "QUIT", "mx.example.net")
    )
    log = read(text, tz="America/New_York")
    assert log.sources["format"].tolist() == ["iis-smtp"]
    assert log.events["time"].iloc[0] == pd.Timestamp("2006-08-18 17:16:39", tz="UTC")
    assert log.sources[["tz_assumed", "dayfirst_assumed"]].values.tolist() == [["America/New_York", pd.NA]]
    assert log.sessions.loc[0, ["octets_sent", "octets_received", "ended"]].tolist() == [234, 984, "quit"]
    assert log.transactions.loc[0, ["reverse_path", "size", "message_id"]].tolist() == [
        "ann@example.net",
        900,
        "1@example.net",
    ]
    assert log.recipients["forward_path"].tolist() == ["ben@example.com"]
    assert read(text.replace("8/18/06", "5/6/06"), dayfirst=True).events["time"].iloc[0].month == 6


def test_ncsa_without_a_question_mark_and_a_broken_path():
    ncsa = '192.0.2.1 - mx.example.net [11/Oct/2006:13:16:43 -0600] "{} SMTP" 250 4\n'
    log = read(ncsa.format("MAIL -?+FROM:<never closed") + ncsa.format("DATA -") + ncsa.format("HELO -?+x"))
    assert log.events["verb"].tolist() == ["MAIL", "DATA", "HELO"]
    assert log.events["code"].tolist() == [250, 250, 250]


def test_a_selection_of_fields_without_time_and_status():
    """As an administrator chose them: nothing but who said what, in order."""
    rows = (
        "192.0.2.1 mx.example.net SMTPSVC1 EHLO +mx.example.net 20",
        "192.0.2.1 mx.example.net SMTPSVC1 MAIL +FROM:ann@example.net 30",
        "192.0.2.1 mx.example.net SMTPSVC1 RCPT +TO:<ben@example.com> 30",
        "192.0.2.9 OutboundConnectionResponse SMTPSVC1 - 220+mx.example.org 0",
        "192.0.2.9 OutboundConnectionCommand SMTPSVC1 EHLO mail.example.com 4",
    )
    log = read(w3c(*rows, fields="c-ip cs-username s-sitename cs-method cs-uri-query cs-bytes"))
    assert log.events["time"].isna().all()
    assert log.events["kind"].tolist() == ["command", "command", "command", "reply", "command"]
    assert log.sessions[["role", "peer_ip", "octets_received"]].values.tolist()[0] == ["server", "192.0.2.1", 80]
    assert log.transactions["reverse_path"].tolist() == ["ann@example.net"]
    assert log.recipients["forward_path"].tolist() == ["ben@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        "#Fields: c-ip cs-method cs-uri-stem\n192.0.2.1 GET /index.html\n",
        w3c("2006-10-09 05:00:15 192.0.2.1 - W3SVC1 GET - /index.html 200 0 1 2"),
        w3c(
            "2006-10-09 05:00:15 192.0.2.1 [1]USER anonymous 331",
            fields="date time c-ip cs-method cs-uri-stem sc-status",
        ),
        w3c(
            "05:00:15 192.0.2.1 QUIT - 226",
            "05:00:16 192.0.2.1 NOOP - 200",
            fields="time c-ip cs-method cs-uri-stem sc-status",
        ),
        "#Fields: date time s-event\n2006-10-09 05:00:15 HELO\n",
        '192.0.2.1 - - [11/Oct/2006:13:16:43 -0600] "GET /MAIL HTTP/1.0" 200 4\n',
        "192.0.2.1, -, 8/18/06, 13:16:39, W3SVC1, WEB1, 192.0.2.25, 15, 1, 2, 200, 0, GET, /, -,\n",
        "date,time,verb\n2006-10-09,05:00:15,HELO\n",
    ],
)
def test_other_logs_are_refused(text):
    with pytest.raises(spamlab.UnknownFormat):
        read(text)


@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("form", ["iis", "ncsa", "w3c"])
def test_a_verb_can_be_two_words(form, second):
    """As IIS 4 wrote them: ``MAIL FROM``, ``RCPT TO``."""
    verbs = ("MAIL FROM", "RCPT TO") if second else ("MAIL", "RCPT")
    paths = ("FROM:<ann@example.net>", "TO:<ben@example.com>")
    line = {
        "iis": "192.0.2.1, mx.example.net, 8/18/97, 13:17:37, SMTPSVC1, EX1, 192.0.2.7, 90, 42, 0, 250, 0, {}, -,{},",
        "ncsa": '192.0.2.1 - mx.example.net [18/Aug/1997:13:17:37 +0000] "{} -? {} SMTP" 250 0',
        "w3c": inbound("{}", "+{}", at="13:17:37").replace("2006-10-09", "1997-08-18"),
    }[form]
    rows = [
        line.format(verb.replace(" ", "+" * (form == "w3c") or " "), path)
        for verb, path in zip(verbs, paths, strict=True)
    ]
    log = read(w3c(*rows) if form == "w3c" else "".join(f"{row}\n" for row in rows))
    assert log.events["verb"].tolist() == ["MAIL", "RCPT"]
    assert log.events["time"].eq(pd.Timestamp("1997-08-18 13:17:37", tz="UTC")).all()
    assert log.transactions["reverse_path"].tolist() == ["ann@example.net"]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [["ben@example.com", "accepted"]]


def test_stamps_of_the_locale_are_read_only_where_there_are_some(monkeypatch):
    monkeypatch.setattr(stamps, "locale", None)
    log = read(w3c(inbound("HELO"), inbound("QUIT", code=240)))
    assert log.sources[["tz_assumed", "dayfirst_assumed", "year_assumed"]].isna().all(axis=None)
    assert log.sessions["ended"].tolist() == ["quit"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("+FROM:++<ann@example.net>", "ann@example.net"),
        ("+FROM:+ann@example.net+SIZE=9+BODY=8BITMIME", "ann@example.net"),
        ("+FROM:ann+x@example.net", "ann+x@example.net"),
        ("+FROM:<ann+size=9@example.net>+SIZE=9", "ann+size=9@example.net"),
    ],
)
def test_a_path_with_or_without_brackets(said, path):
    log = read(w3c(inbound("HELO"), inbound("MAIL", said)))
    assert log.transactions["reverse_path"].tolist() == [path]


def test_a_timeout_is_no_command_and_ends_the_session():
    log = read(w3c(inbound("EHLO"), inbound("TIMEOUT", "mx.example.net", 121), inbound("QUIT", "mx.example.net", 240)))
    assert log.events["kind"].tolist() == ["exchange", "note", "exchange"]
    assert log.sessions[["ended", "commands"]].values.tolist() == [["timeout", 2]]
    assert log.events["text"].tolist()[1] == "TIMEOUT mx.example.net"


SERVER = "2006-10-09 05:00:15 192.0.2.9 {} SMTPSVC1 MX1 192.0.2.25 25 {} - {} {} 0 40 20 15 SMTP - - - -"
ROWS = {
    "all columns": [
        SERVER.format("mx.example.net", "EHLO", "+mx.example.net", 250),
        SERVER.format("mx.example.net", "RCPT", "+TO:<b@example.com>", 550),
        SERVER.format("OutboundConnectionResponse", "-", "220+mx.example.org+ESMTP", 0),
        SERVER.format("OutboundConnectionCommand", "EHLO", "mx1", 0),
    ],
    "the client's columns": [
        inbound("EHLO", "+mx.example.net"),
        inbound("RCPT", "+TO:<b@example.com>", 550),
        outbound("-", "220+mx.example.org+ESMTP"),
        outbound("EHLO", "mx1"),
    ],
    "few columns": ["2006-10-09 05:00:15 192.0.2.9 EHLO - 250", "2006-10-09 05:00:15 192.0.2.9 RCPT - 550"],
    "few columns without a date": ["05:00:15 192.0.2.9 EHLO - 250", "05:00:15 192.0.2.9 RCPT - 550"],
}


@pytest.mark.parametrize("name", ROWS)
def test_w3c_rows_without_their_header(name):
    """Who shows some lines of a log leaves it away: they are read in the service's own order."""
    log = read("\n".join(ROWS[name]))
    assert log.sources[["format", "event_lines", "unparsed_lines"]].values.tolist() == [
        ["iis-smtp", len(ROWS[name]), 0]
    ]
    assert log.events["verb"].astype("str").fillna("-").tolist() == ["EHLO", "RCPT", "-", "EHLO"][: len(ROWS[name])]
    assert log.events["code"].fillna(0).tolist() == [250, 550, 220, 0][: len(ROWS[name])]
    assert log.events["time"].isna().any() == ("without a date" in name)
    assert log.sessions["role"].tolist() == ["server", "client"][: 1 + (len(ROWS[name]) > 2)]


def test_a_plus_sign_of_an_address_in_a_reply_is_one():
    log = read(w3c(outbound("-", "550+5.1.1+<ben+x@example.com>:+no+such+user")))
    assert log.events["text"].tolist() == ["550 5.1.1 <ben+x@example.com>: no such user"]


def test_blanks_between_the_values_of_the_iis_format():
    line = IIS.format(40, 30, 41, 250, "MAIL FROM", "FROM:<ann@example.net>")
    some = [
        line,
        line.replace(", ", ",   "),
        line.replace("-, FROM", "-,FROM"),
        line.replace("8/18/06, ", "8/18/06,  "),
    ]
    log = read("".join(some))
    assert len(log.unparsed) == 0
    told = log.events[["time", "verb", "argument", "code"]].drop_duplicates().values.tolist()
    assert told == [[pd.Timestamp("2006-08-18 13:16:40", tz="UTC"), "MAIL", "FROM:<ann@example.net>", 250]]
    assert log.sessions[["peer_ip", "helo", "octets_sent", "octets_received"]].values.tolist() == [
        ["192.0.2.1", "mx.example.net", 164, 120]
    ]


def test_an_argument_beside_its_verb_is_none_of_the_verbs_words():
    """Where the column between them, ``cs-uri-stem``, is not selected."""
    fields = "c-ip cs-username cs-method cs-uri-query sc-win32-status cs-bytes"
    log = read(
        w3c(
            "192.0.2.9 OutboundConnectionResponse - 220+mx.example.com+ESMTP 0 0",
            "192.0.2.9 OutboundConnectionCommand MAIL FROM:<ann@example.net>+SIZE=2884 0 0",
            "192.0.2.9 OutboundConnectionResponse - 250+2.1.0+Ok 0 0",
            "192.0.2.9 OutboundConnectionCommand RCPT TO:<ben@example.com> 0 0",
            "192.0.2.9 OutboundConnectionResponse - 504+5.5.2+<x>:+Helo+command+rejected 0 0",
            "192.0.2.1 mx.example.net MAIL FROM:<eve@example.net> 0 30",
            fields=fields,
        )
    )
    assert log.events["kind"].tolist() == ["reply", "command", "reply", "command", "reply", "command"]
    assert log.transactions[["reverse_path", "size"]].fillna(0).values.tolist() == [
        ["ann@example.net", 2884],
        ["eve@example.net", 0],
    ]
    assert log.recipients[["forward_path", "status", "code"]].values.tolist() == [["ben@example.com", "rejected", 504]]


def test_a_browser_at_the_smtp_port_is_a_session_without_smtp():
    """The service's name in ``s-sitename`` says whose log it is, where no verb does."""
    rows = [
        inbound("get", "+/+HTTP/1.0", 500, "-"),
        inbound("host:", "+192.0.2.25:25", 500, "-"),
        inbound("QUIT", "-", 240, "-"),
    ]
    log = read(w3c(*rows))
    assert log.events[["kind", "verb", "code"]].values.tolist() == [
        ["exchange", "GET", 500], ["exchange", "HOST:", 500], ["exchange", "QUIT", 240],
    ]  # fmt: skip
    assert log.sessions[["commands", "ended"]].values.tolist() == [[3, "quit"]]
    with pytest.raises(spamlab.UnknownFormat):
        read(w3c(*(row.replace("SMTPSVC1", "W3SVC1") for row in rows)))


@pytest.mark.parametrize("mark", ["#Software: MailEnable\n", ""])
def test_a_log_of_mailenable_is_none_of_the_services(mark):
    """Its columns have nearly the same names; a method's argument stands in a column of another meaning."""
    fields = "date time c-ip agent account s-ip s-port cs-method cs-uristem cs-uriquery s-computername sc-bytes cs-bytes cs-username"
    row = "2008-10-25 00:01:53 192.0.2.1 SMTP-IN - 192.0.2.9 1348 MAIL MAIL+FROM:<a@b.example> 250+Ok mail 43 30 -\n"
    with pytest.raises(spamlab.UnknownFormat):
        read(f"{mark}#Version: 1.0\n#Date: 2008-10-25 00:00:00\n#Fields: {fields}\n" + row * 3)


def test_a_line_of_ncsas_as_microsofts_manuals_print_it():
    """A blank in the zone, another protocol, no closing quote: what can be read of it is right, the time is missing."""
    line = '192.0.2.1 - h.example [18/Aug/2006:13:17:37 - 0800] "{} HTTP/1.0 {} 0\n'
    log = read(line.format("MAIL FROM -? FROM: maria", 250) + line.format("RCPT TO -? TO: <ben@example.com>", 550))
    assert log.events[["kind", "verb", "code"]].values.tolist() == [
        ["exchange", "MAIL", 250],
        ["exchange", "RCPT", 550],
    ]
    assert log.events["time"].isna().all() and log.sessions["helo"].tolist() == ["h.example"]
    assert log.transactions["reverse_path"].tolist() == ["maria"]
    assert log.recipients[["forward_path", "status"]].values.tolist() == [["ben@example.com", "rejected"]]


@pytest.mark.parametrize("last", [False, True])
def test_the_name_can_stand_behind_the_method(last):
    """In the order of IIS's other services, or of a query: the marks of the service's own dialogue are no HELO name."""
    fields = f"date time s-sitename cs-method cs-uri-query {'' if last else 'cs-username '}c-ip sc-status"
    names = "h.example", "OutboundConnectionResponse", "OutboundConnectionCommand"
    said = (
        ("RCPT +TO:<a@b.example>", "192.0.2.1 550"),
        ("- 220+x.example+ESMTP", "192.0.2.9 0"),
        ("EHLO y.example", "192.0.2.9 0"),
    )
    rows = (
        f"2006-10-09 05:00:16 SMTPSVC1 {one} {'' if last else name + ' '}{rest}{' ' + name if last else ''}"
        for (one, rest), name in zip(said, names, strict=True)
    )
    log = read(w3c(*rows, fields=fields + " cs-username" * last))
    assert log.sessions[["role", "helo", "peer_host"]].astype(object).fillna("-").values.tolist() == [
        ["server", "h.example", "-"], ["client", "y.example", "x.example"],
    ]  # fmt: skip
    assert log.recipients[["forward_path", "code"]].values.tolist() == [["a@b.example", 550]]
