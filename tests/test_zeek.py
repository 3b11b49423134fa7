"""Zeek's smtp.log: samples nobody here wrote, and logs made here for every rule."""

import gzip
import io
import json
import os
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from spamlab import pieces, sources
from spamlab.carriers import jsonlines

SHARED = Path(os.environ.get("SPAMLAB_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus" / "zeek"
corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared is not here")
ZED, BASIC, BDAT = "zed-sample-smtp.log.gz", "zeek-btest-basic.log", "zeek-btest-bdat.log"
INVALID, TLS = "zeek-btest-mail-transactions-invalid.log", "zeek-btest-starttls.log"
NAMES = (
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "trans_depth",
    "helo",
    "mailfrom",
    "rcptto",
    "msg_id",
    "subject",
    "last_reply",
    "tls",
)


def read(text, **options):
    return spamlab.read(io.BytesIO(text.encode() if isinstance(text, str) else text), **options)


def zeek(*rows, separator="\t", marks=(",", "(empty)", "-"), names=NAMES, path="smtp"):
    sets, empty, unset = marks
    head = [("set_separator", sets), ("empty_field", empty), ("unset_field", unset), ("path", path), ("fields", *names)]
    lines = [f"#separator \\x{ord(separator):02x}", *("#" + separator.join(words) for words in head)]
    for told in rows:
        cells = {"ts": "1714557600.5", "uid": "C1", "id.orig_h": "192.0.2.1", **told}
        lines.append(separator.join(cells.get(name, unset) for name in names))
    return "\n".join(lines) + "\n"


def value(cell):
    return None if pd.isna(cell) else cell


@corpus
@pytest.mark.parametrize(
    ("name", "line", "code", "enhanced", "sender", "helo", "session"),
    [
        (ZED, 9, 220, "2.0.0", None, "10.164.94.120", 0),
        (ZED, 1175, 220, "2.0.0", None, "example.com", 1166),
        (ZED, 1183, 503, "5.5.2", "nessus49048747@hotmail.com", None, 1174),
        (ZED, 1184, 530, "5.7.1", None, "hotmail.com", 1175),  # no sender, no recipient: no transaction
        (ZED, 1185, 501, "5.1.7", "nessus49048747@hotmail.com", "hotmail.com", 1176),
        (ZED, 1186, 530, "5.7.1", "nessus1157527943@invalid1562458422.org", "hotmail.com", 1177),
        (ZED, 1187, 530, "5.7.1", "nessus49048747@hotmail.com", "hotmail.com", 1178),  # an empty set of recipients
        (ZED, 1195, 421, "4.4.2", "nessus1665256405@hotmail.com", "hotmail.com", 1186),
        (ZED, 1196, 250, None, "nessus1665256405@hotmail.com", "hotmail.com", 1187),
        (BASIC, 10, 250, None, "gurpartap@patriots.in", "GP", 0),
        (BASIC, 11, 250, None, "albert@example.com", "[192.168.133.100]", 1),
        (BDAT, 10, 250, "2.0.0", "zeek@localhost", "localhost", 0),
        (INVALID, 10, 250, None, "bob@example.org", "Bob-PC", 0),
        (INVALID, 11, 500, None, None, "Bob-PC", 0),  # a recipient without a sender: a transaction all the same
        (INVALID, 12, 500, None, "bob@example.org", "Bob-PC", 0),
        (INVALID, 13, 250, None, "bob@example.org", "Bob-PC", 0),
        (TLS, 10, 220, "2.0.0", None, "openssl.client.net", 0),
    ],
)
def test_lines_of_the_corpus(name, line, code, enhanced, sender, helo, session):
    log = spamlab.read(CORPUS / name)
    event = log.events.set_index("line").loc[line]
    assert [value(event[column]) for column in ("kind", "code", "enhanced_code", "session")] == [
        "exchange",
        code,
        enhanced,
        session,
    ]
    assert value(log.sessions["helo"].iloc[session]) == helo
    path = None if pd.isna(event["transaction"]) else log.transactions["reverse_path"].iloc[event["transaction"]]
    assert value(path) == sender


@corpus
@pytest.mark.parametrize(
    ("name", "counts", "statuses"),
    [
        (ZED, (1197, 1188, 1188, 12, 0), []),
        (BASIC, (12, 2, 2, 2, 4), ["accepted"] * 4),
        ("zeek-btest-attachment.log", (12, 2, 2, 2, 4), ["accepted"] * 4),
        (BDAT, (11, 1, 1, 1, 1), ["accepted"]),
        (INVALID, (14, 4, 1, 4, 3), ["accepted", "rejected", "accepted"]),
        (TLS, (11, 1, 1, 0, 0), []),
    ],
)
def test_tables_of_the_corpus(name, counts, statuses):
    log = spamlab.read(CORPUS / name)
    assert (
        int(log.sources["lines"].sum()),
        *map(len, (log.events, log.sessions, log.transactions, log.recipients)),
    ) == counts
    assert log.recipients["status"].tolist() == statuses
    assert len(log.unparsed) == 0
    assert log.sessions["tls"].sum() == {ZED: 1174, TLS: 1}.get(name, 0)


@corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.log*")) if CORPUS.is_dir() else [], ids=lambda path: path.name)
def test_every_corpus_file_is_recognised_also_when_cut(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    log = read(data[:2048])
    assert log.sources["format"].tolist() == ["zeek"]
    assert (log.sources["lines"] == log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].sum(axis=1)).all()


ROW = {"helo": "h.example.com", "mailfrom": "<ann@example.com> SIZE=99", "rcptto": "<ben@example.com>,eve@example.com",
       "msg_id": "<1@example.com>", "subject": "order #7", "last_reply": "250 2.0.0 Ok #9", "tls": "T"}  # fmt: skip


@pytest.mark.parametrize("separator", ["\t", "|", ";", " "])
def test_a_row_whatever_separates_its_values(separator):
    told = {name: text.replace(" ", "\\x20") if separator == " " else text for name, text in ROW.items()}
    log = read(
        zeek(
            told,
            {"last_reply": "550\\x20no" if separator == " " else "550 no", "mailfrom": "x@example.com"},
            separator=separator,
        )
    )
    assert log.sessions[["role", "peer_ip", "helo", "tls", "transactions"]].values.tolist() == [
        ["server", "192.0.2.1", "h.example.com", True, 2]
    ]
    assert log.transactions[["reverse_path", "message_id", "number", "outcome"]].astype("str").fillna("").values.tolist() == [
        ["ann@example.com", "1@example.com", "1", "accepted"], ["x@example.com", "", "2", "rejected"],
    ]  # fmt: skip
    assert log.recipients["forward_path"].tolist() == ["ben@example.com", "eve@example.com"]
    assert log.recipients["reply"].tolist() == ["250 2.0.0 Ok #9"] * 2
    assert log.events["time"].iloc[0] == pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC")
    assert log.transactions["size"].isna().all()


def test_other_marks_for_sets_empty_and_unset_values():
    told = {"mailfrom": "(none)", "rcptto": "a@example.com;b@example.com", "last_reply": "~"}
    log = read(zeek(told, {"mailfrom": "c@example.com", "rcptto": "(none)"}, marks=(";", "(none)", "~")))
    assert log.transactions[["reverse_path", "null_sender", "outcome"]].values.tolist() == [
        ["", True, "accepted"], ["c@example.com", False, "empty"],
    ]  # fmt: skip
    assert log.recipients["forward_path"].tolist() == ["a@example.com", "b@example.com"]
    assert log.recipients[["code", "reply"]].isna().all(axis=None)


@pytest.mark.parametrize("cc", [["x@example.com"], []])  # Bro before 2.5 did not log it
def test_rows_without_their_header_are_read_in_zeeks_own_order(cc):
    """Excerpts in reports and what log shippers pass on."""
    cells = ["1714557600.5", "C1", "192.0.2.1", "4711", "192.0.2.25", "25", "1", "h.example.com", "<ann@example.com>",
             "<ben@example.com>,<eve@example.com>", "Wed, 1 May 2024", "Ann <ann@example.com>", "ben@example.com", *cc, "-",
             "<1@example.com>", "-", "hi", "-", "by x", "-", "550 5.1.1 no", "192.0.2.25,192.0.2.1", "-", "T", "(empty)", "F"]  # fmt: skip
    log = read("\t".join(cells) + "\n")
    assert log.format == "zeek"
    assert log.sessions[["peer_ip", "helo", "tls"]].values.tolist() == [["192.0.2.1", "h.example.com", True]]
    assert log.transactions[["reverse_path", "message_id"]].values.tolist() == [["ann@example.com", "1@example.com"]]
    assert log.recipients[["forward_path", "status", "enhanced_code"]].values.tolist() == [
        ["ben@example.com", "rejected", "5.1.1"], ["eve@example.com", "rejected", "5.1.1"],
    ]  # fmt: skip
    shipped = {"@timestamp": "2024-06-01T00:00:00.000Z", "message": "\t".join(cells)}
    pd.testing.assert_frame_equal(read(json.dumps(shipped) + "\n").recipients, log.recipients)
    with pytest.raises(spamlab.UnknownFormat):  # http.log begins alike
        read(
            "\t".join([*cells[:7], "GET", "h.example.com", "/", "-", "1.1", "curl", "-", "0", "9", "200", "OK", "-"])
            + "\n"
        )


def test_escapes_are_decoded_where_they_are_text():
    log = read(
        zeek(
            {
                "helo": "a\\x09b",
                "mailfrom": "j\\xc3\\xbcrgen@example.com",
                "rcptto": "a\\x2cb@example.com,c@example.com",
                "last_reply": "250 \\xff",
            }
        )
    )
    assert log.sessions["helo"].tolist() == ["a\tb"]
    assert log.transactions["reverse_path"].tolist() == ["jürgen@example.com"]
    assert log.recipients["forward_path"].tolist() == ["a,b@example.com", "c@example.com"]
    assert log.events["text"].tolist() == ["250 \\xff"]


def test_headers_can_come_again_and_rows_be_short():
    other = ("ts", "uid", "id.orig_h", "mailfrom", "rcptto", "extra")
    log = read(
        "### BTest baseline data\n" + zeek(ROW) + "#close\tx\n" + zeek({"uid": "C2", "mailfrom": "<>"}, names=other, separator="|")
        + "1714557601.5|C3|192.0.2.7\n"
    )  # fmt: skip
    assert log.events["session"].tolist() == [0, 1, 2]
    assert log.transactions["null_sender"].tolist() == [False, True]
    assert log.sessions["peer_ip"].iloc[2] == "192.0.2.7"
    assert log.sources[["lines", "event_lines", "ignored_lines"]].values.tolist() == [[17, 3, 14]]


def test_unreadable_values_are_missing():
    log = read(zeek({"ts": "XXXXXXXXXX.XXXXXX", "mailfrom": "a@example.com", "last_reply": "25x odd", "tls": "?"}))
    assert log.events["time"].isna().all()
    assert log.events["code"].isna().all()
    assert log.transactions["outcome"].tolist() == ["empty"]


@pytest.mark.parametrize("stamp", [1714557600.000001, "2024-05-01T10:00:00.000001Z"])
def test_json_lines(stamp):
    rows = [
        {"ts": stamp, "uid": "C1", "id.orig_h": "192.0.2.1", "trans_depth": 1, "helo": "a\tb", "mailfrom": "ann@example.com",
         "rcptto": ["ben@example.com", "a,b@example.com"], "last_reply": "550 5.1.1 no", "tls": False, "fuids": []},
        {"ts": stamp, "uid": "C1", "id.orig_h": "192.0.2.1", "helo": "x", "tls": True, "mailfrom": ""},
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, rows)) + '\n\n{"ts":1,"uid":"C2"\n'
    log = read(text)
    assert log.sources[["format", "lines", "event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [
        ["zeek", 4, 2, 1, 1]
    ]
    assert log.events["time"].iloc[0] == pd.Timestamp("2024-05-01 10:00:00.000001", tz="UTC")
    assert log.recipients[["forward_path", "status", "code", "enhanced_code"]].values.tolist() == [
        ["ben@example.com", "rejected", 550, "5.1.1"], ["a,b@example.com", "rejected", 550, "5.1.1"],
    ]  # fmt: skip
    assert log.sessions[["helo", "tls"]].values.tolist() == [["x", True]]
    assert log.transactions["null_sender"].tolist() == [False, True]
    assert log.raw(log.events.iloc[1]) == text.splitlines(keepends=True)[1].encode()
    assert log.unparsed["line"].tolist() == [4]


WHO = {"id.orig_h": "192.0.2.1", "id.orig_p": 4711}


@pytest.mark.parametrize(
    ("stamp", "who"),
    [
        ({"ts": 1714557600123}, WHO),  # LogAscii::json_timestamps = JSON::TS_MILLIS
        ({"ts": 1714557600.123, "@timestamp": "2024-06-01T00:00:00.000Z"}, WHO),
        ({"@timestamp": "2024-05-01T10:00:00.123Z"}, WHO),
        ({"ts": "1714557600.123"}, WHO),
        ({"ts": 1714557600.123}, {"id_orig_h": "192.0.2.1", "id_orig_p": 4711}),  # Corelight's exporters
        ({"ts": 1714557600.123}, {"id": {"orig_h": "192.0.2.1", "orig_p": 4711}}),
        ({"_path": "smtp", "_write_ts": "2024-06-01T00:00:00.000000Z", "ts": "2024-05-01T10:00:00.123000Z"}, WHO),
    ],
)
def test_json_lines_as_exports_name_their_fields(stamp, who):
    row = {
        **stamp,
        **who,
        "uid": "C1",
        "helo": "h",
        "mailfrom": "ann@example.com",
        "rcptto": ["ben@example.com"],
        "tls": True,
    }
    log = read(
        json.dumps(row) + "\n" + json.dumps({**row, "rcptto": "ben@example.com,eve@example.com", "tls": "T"}) + "\n"
    )
    assert log.sources[["format", "event_lines", "unparsed_lines"]].values.tolist() == [["zeek", 2, 0]]
    assert log.events["time"].eq(pd.Timestamp("2024-05-01 10:00:00.123", tz="UTC")).all()
    assert log.sessions[["peer_ip", "tls"]].values.tolist() == [["192.0.2.1", True]]
    assert log.recipients["forward_path"].tolist() == ["ben@example.com", "ben@example.com", "eve@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        zeek({"proto": "tcp"}, names=("ts", "uid", "id.orig_h", "proto", "service"), path="conn"),
        zeek({"host": "x"}, names=("ts", "uid", "id.orig_h", "trans_depth", "method", "host"), path="http"),
        '{"ts":1,"uid":"C1","id.orig_h":"192.0.2.1","proto":"tcp","service":"smtp"}\n' * 3,
        '{"ts":1,"uid":"C1","id.orig_h":"192.0.2.1","helo":"x","_path":"conn"}\n',
        '{"level":"info","msg":"250 ok"}\n',
        "ts,uid,mailfrom\n1,C1,a@example.com\n",
        "ts\tuid\tid.orig_h\n1714557600.5\tC1\t192.0.2.1\n",
    ],
)
def test_other_logs_are_refused(text):
    with pytest.raises(spamlab.UnknownFormat):
        read(text)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda row: {"@timestamp": "2024-06-01T00:00:00.000Z", "message": row, "log": {"file": {"path": "smtp.log"}}},
        lambda row: {"preview": False, "result": {"_raw": row, "source": "smtp.log"}},
        lambda row: {"event": {"original": row, "dataset": "zeek.smtp"}},
    ],
)
def test_records_within_those_of_a_log_shipper(wrapped):
    row = {
        "ts": 1714557600.5,
        "uid": "C1",
        **WHO,
        "helo": "h",
        "mailfrom": "ann@example.com",
        "rcptto": ["ben@example.com"],
    }
    lines = [
        json.dumps(row),
        json.dumps(wrapped(json.dumps(row))),
        json.dumps(wrapped("{orig_h")),
        json.dumps({"message": "x"}),
    ]
    log = read("\n".join(lines) + "\n")
    assert log.sources[["format", "event_lines", "unparsed_lines"]].values.tolist() == [["zeek", 2, 2]]
    assert log.events["time"].eq(pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC")).all()
    assert log.recipients["forward_path"].tolist() == ["ben@example.com"] * 2
    assert log.raw(log.events.iloc[1]) == lines[1].encode() + b"\n"


@pytest.mark.parametrize(
    "around",
    [
        lambda row: {"smtp": row},  # Zeek's Kafka writer with tag_json
        lambda row: {"@timestamp": "2024-06-01T00:00:00.000Z", "json": row, "log": {"file": {"path": "smtp.log"}}},
        lambda row: {"_index": "zeek", "_id": "x", "_source": {"zeek": row}},  # an export from Elasticsearch
        lambda row: {"time": 1717200000.5, "sourcetype": "zeek:smtp", "event": json.dumps(row)},  # Splunk's collector
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_records_within_others_under_any_name(around, nested):
    who = {"id": {name.removeprefix("id."): value for name, value in WHO.items()}} if nested else WHO
    row = {"ts": 1714557600.5, "uid": "C1", **who, "mailfrom": "ann@example.com", "rcptto": ["ben@example.com"]}
    lines = [json.dumps(around(row)), json.dumps(around({**row, "_path": "conn"})), json.dumps(around(row))]
    log = read("\n".join(lines) + "\n")
    assert log.sources[["format", "event_lines"]].values.tolist() == [["zeek", 2]]
    assert log.events["time"].eq(pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC")).all()
    assert log.recipients["forward_path"].tolist() == ["ben@example.com"] * 2


@pytest.mark.parametrize("path", [True, False])
def test_records_of_zeeks_other_logs_are_passed_over(path):
    """One stream of all logs, as Corelight, Kafka and ``tail -f`` make it; an smtp row can hold next to nothing."""
    rows = [
        ("smtp", {"helo": "h", "mailfrom": "ann@example.com", "rcptto": ["ben@example.com"]}),
        ("conn", {"proto": "tcp", "service": "smtp"}),
        ("http", {"trans_depth": 1, "method": "GET"}),
        ("smtp", {"trans_depth": 1, "tls": False}),
    ]
    lines = [
        json.dumps({"ts": 1714557600.5, "uid": f"C{n}", **WHO, **row, **({"_path": name} if path else {})})
        for n, (name, row) in enumerate(rows)
    ]
    log = read("\n".join(lines) + "\n")
    assert log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [[2, 2, 0]]
    assert log.raw(log.events.iloc[1]) == lines[3].encode() + b"\n"
    assert len(log.sessions) == 2 and len(log.transactions) == 1


def test_rows_of_another_log_in_the_same_file_are_passed_over():
    conn = zeek({"proto": "tcp"}, names=("ts", "uid", "id.orig_h", "proto", "service"), path="conn")
    log = read(conn + zeek({"uid": "C1", "mailfrom": "ann@example.com"}) + conn)
    assert len(log.events) == 1 and len(log.unparsed) == 0


def test_a_row_without_a_connection_leaves_no_session_behind():
    log = read(zeek({"uid": "-", "mailfrom": "ann@example.com"}, {"uid": "C1"}, {"uid": "C2"}, {"uid": "C1"}))
    assert log.events["session"].tolist()[1:] == [0, 1, 0]
    assert log.events["session"].isna().tolist() == [True, False, False, False]
    assert log.sessions["start"].notna().tolist() == [True, True]


def test_a_log_in_which_nothing_happened_is_a_log(tmp_path):
    path = tmp_path / "smtp.log"
    path.write_text(
        "#separator \\x09\n#path\tsmtp\n#fields\tts\tuid\tid.orig_h\tmailfrom\trcptto\n#close\t2024-05-01-10-00-00\n"
    )
    log = spamlab.read(path)
    assert log.sources[["format", "lines", "ignored_lines"]].values.tolist() == [["zeek", 4, 4]]
    assert not len(log.events)
    path.write_text(path.read_text().replace("smtp", "conn"))
    with pytest.raises(spamlab.UnknownFormat):
        spamlab.read(path)


EXPORTED = (
    "ts,uid,id.orig_h,mailfrom,rcptto,last_reply,tls\n"
    '1714557600.5,Cabc1,192.0.2.1,<ann@example.com>,"ben@example.com,eve@example.com","550 5.1.1 he said ""no"", twice",T\n'
    "1714557601.5,Cabc2,192.0.2.1,-,ben@example.com,250 ok,F\n"
)


@pytest.mark.parametrize(
    "text",
    [
        EXPORTED,
        EXPORTED.replace("\n", "\r\n"),
        EXPORTED.replace(",-,", ",,").replace(",T\n", ",true\n").replace(",F\n", ",false\n"),
        EXPORTED.replace("id.orig_h", "id_orig_h").replace("ts,uid", '"ts","uid"'),
        EXPORTED.replace("1714557600.5", '"2024-05-01T10:00:00.500000Z"'),
        EXPORTED.replace("ts,uid", "uid,ts")
        .replace("1714557600.5,Cabc1", "Cabc1,1714557600.5")
        .replace("1714557601.5,Cabc2", "Cabc2,1714557601.5"),
    ],
)
def test_rows_exported_to_csv_are_read_by_the_names_in_their_first_row(text):
    log = read(text)
    assert log.sources[["lines", "ignored_lines", "event_lines", "unparsed_lines"]].values.tolist() == [[3, 1, 2, 0]]
    assert log.events["code"].tolist() == [550, 250] and log.events["line"].tolist() == [2, 3]
    assert log.events["time"].tolist() == [
        pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC"),
        pd.Timestamp("2024-05-01 10:00:01.5", tz="UTC"),
    ]
    assert log.transactions["reverse_path"].fillna("-").tolist() == ["ann@example.com", "-"]
    assert log.recipients["forward_path"].tolist() == ["ben@example.com", "eve@example.com", "ben@example.com"]
    assert log.recipients["reply"].tolist() == ['550 5.1.1 he said "no", twice'] * 2 + ["250 ok"]
    assert log.sessions[["peer_ip", "tls"]].values.tolist() == [["192.0.2.1", True], ["192.0.2.1", False]]


def test_names_alone_are_a_log_in_which_nothing_happened():
    log = read(EXPORTED.splitlines()[0])
    assert log.sources["format"].tolist() == ["zeek"] and len(log.events) == 0


RECORD = {"ts": 1714557600.5, "uid": "C1", **WHO, "helo": "h", "mailfrom": "ann@example.com", "rcptto": ["ben@example.com"],
          "msg_id": "<1@example.com>", "last_reply": "550 5.1.1 no", "tls": True}  # fmt: skip
SMTP = {"helo": "h", "mail_from": "ann@example.com", "rcpt_to": ["ben@example.com"], "msg_id": "<1@example.com>",
        "last_reply": "550 5.1.1 no", "tls": True, "transaction_depth": 1}  # fmt: skip
ABOUT = {"@timestamp": "2024-05-01T10:00:00.500Z", "source": {"ip": "192.0.2.1", "port": 4711}}
FILEBEAT = {**ABOUT, "event": {"dataset": "zeek.smtp", "id": "C1"}, "tls": {"established": True},
            "zeek": {"session_id": "C1", "smtp": SMTP}}  # fmt: skip
ONION = {**ABOUT, "event": {"dataset": "smtp", "module": "zeek"}, "log": {"id": {"uid": "C1"}}, "message": "",
         "smtp": {**SMTP, "recipient_to": SMTP["rcpt_to"], "rcpt_to": None, "message_id": "<1@example.com>"}}  # fmt: skip
MALCOLM = {**ABOUT, "event": {"dataset": "smtp", "module": "zeek"},
           "zeek": {"uid": "C1", "smtp": {key: RECORD[key] for key in RECORD if key not in ("ts", "uid", *WHO)}}}  # fmt: skip


def flat(told, before=""):
    for name, value in told.items():
        yield from flat(value, before + name + ".") if isinstance(value, dict) else [(before + name, value)]


DOCUMENTS = [FILEBEAT, ONION, MALCOLM, dict(flat(FILEBEAT)), {"_index": "x", "_source": FILEBEAT}]
WHOLE = {"kind": "exchange", "code": 550, "enhanced_code": "5.1.1", "helo": "h", "peer_ip": "192.0.2.1", "tls": True,
         "reverse_path": "ann@example.com", "message_id": "1@example.com", "forward_path": "ben@example.com",
         "status": "rejected"}  # fmt: skip


def whole(log):
    """The values of a log's one kind of row, from all its tables."""
    told = {}
    for table in (log.recipients, log.transactions, log.sessions, log.events):
        told |= {name: table[name].drop_duplicates().tolist() for name in set(table) & set(WHOLE)}
    return {name: values[0] for name, values in told.items() if len(values) == 1}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_in_elastics_schema(document):
    """As Filebeat, Security Onion and Malcolm store them; one of another of Zeek's logs is passed over."""
    conn = {**ABOUT, "event": {"dataset": "zeek.conn", "module": "zeek"}}
    log = read("".join(json.dumps(one) + "\n" for one in (document, conn, document)))
    assert log.sources[["format", "event_lines", "ignored_lines"]].values.tolist() == [["zeek", 2, 1]]
    assert log.events["time"].eq(pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC")).all()
    assert whole(log) == WHOLE and log.events["session"].tolist() == [0, 0]


@pytest.mark.parametrize("record", [RECORD, *DOCUMENTS])
@pytest.mark.parametrize(
    "printed",
    [
        lambda rows: "".join(json.dumps(row, indent=2) + "\n" for row in rows),  # jq
        lambda rows: "".join(json.dumps(row, indent="\t") + "\n" for row in rows).replace("\n", "\r\n"),
        lambda rows: json.dumps(rows, indent=4),
        lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
        lambda rows: "[" + ",\n".join(map(json.dumps, rows)) + "]",
    ],
)
def test_records_printed_over_several_lines_and_in_lists(record, printed):
    """An event has all its record's lines, so that its exact octets can be asked for."""
    other = (
        {"ts": 1.5, "uid": "C2", **WHO, "proto": "tcp"} if record is RECORD else {**ABOUT, "event": {"module": "zeek"}}
    )
    text = printed([record, other, record])
    log = read(text)
    assert log.sources[["format", "unparsed_lines"]].values.tolist() == [["zeek", 0]] and whole(log) == WHOLE
    assert log.sources["event_lines"].tolist() == [log.events["lines"].sum()]
    raw = [log.raw(event).decode().strip().strip("[],").strip() for _, event in log.events.iterrows()]
    assert [json.loads(one) for one in raw] == [record, record]


def test_printed_records_are_not_cut_between_pieces():
    pieces = [json.dumps([RECORD] * 3, indent=1).encode()[begin : begin + 300] for begin in range(0, 2000, 300)]
    whole = b"".join(jsonlines.plain(iter([b"".join(pieces)])))
    assert b"".join(jsonlines.plain(iter(pieces))) == whole and whole.count(b"zeek smtp.log") == 3


def test_a_list_in_one_line_is_refused_with_advice():
    with pytest.raises(spamlab.UnknownFormat, match="one a line, as jq -c does"):
        read(json.dumps([RECORD, RECORD]))


@pytest.mark.parametrize("head", ["May  1 10:00:00 sensor zeek: ", "<13>1 2024-05-01T10:00:00Z sensor bro 7 - - "])
def test_records_behind_a_head_of_syslogs(head):
    other = {"ts": 1.5, "uid": "C2", **WHO, "proto": "tcp"}
    lines = [head + json.dumps(one) for one in (RECORD, other, RECORD)] + [head + "restarted"]
    log = read("\n".join(lines) + "\n")
    assert log.sources[["format", "event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [
        ["zeek", 2, 1, 1]
    ]
    assert whole(log) == WHOLE and log.raw(log.events.iloc[1]).decode() == lines[2] + "\n"


@pytest.mark.parametrize(
    "listed",
    [
        "['ben@example.com', 'eve@example.com']",  # as Python writes a list
        '[""ben@example.com"",""eve@example.com""]',
        "{ben@example.com,eve@example.com}",
        "ben@example.com,eve@example.com",
    ],
)
def test_lists_that_stand_as_text_in_an_export(listed):
    text = f'ts,uid,id.orig_h,mailfrom,rcptto,last_reply\n1714557600.5,C1,192.0.2.1,a@example.com,"{listed}",250 ok\n'
    assert read(text).recipients["forward_path"].tolist() == ["ben@example.com", "eve@example.com"]


def test_a_time_of_mongodbs():
    log = read(json.dumps({**RECORD, "ts": {"$date": "2024-05-01T10:00:00.500Z"}}) + "\n")
    assert log.events["time"].tolist() == [pd.Timestamp("2024-05-01 10:00:00.5", tz="UTC")]


def test_records_of_other_logs_that_are_about_no_connection_are_passed_over_too():
    """Files, certificates, statistics: what says that they are Zeek's is the log's name, or a connection's id."""
    others = [
        {"_path": "stats", "ts": 1.5, "peer": "zeek"},
        {"ts": 1.5, "uid": "C9", "name": "odd"},
        {"_path": "x509", "id": "F1"},
    ]
    log = read("".join(json.dumps(row) + "\n" for row in [RECORD, *others, {"level": "info", "msg": "hi"}]))
    assert log.sources[["event_lines", "ignored_lines", "unparsed_lines"]].values.tolist() == [[1, 3, 1]]


def test_a_long_tsv_is_scanned_piece_by_piece(monkeypatch, tmp_path):
    rows = [f"1710115200.{n:06d}\tC{n}\t192.0.2.1\thelo{n}\ta@b.example\tc@d.example\t250 ok" for n in range(2000)]
    fields = "#separator \\x09\n#path\tsmtp\n#fields\tts\tuid\tid.orig_h\thelo\tmailfrom\trcptto\tlast_reply\n"
    (tmp_path / "smtp.log").write_text(fields + "\n".join(rows) + "\n")
    monkeypatch.setattr(sources, "READ", 2000)
    monkeypatch.setattr(sources.Source.text, "__defaults__", (4000,))
    found = pieces.look(sources.Source("smtp.log", tmp_path / "smtp.log"), None)
    sizes = [len(lines.what) for _, lines in pieces.scan(found)]
    assert sum(sizes) == 2003 and max(sizes) * 20 < 2003
