"""Reading files as they come: compressed, odd encodings, damaged, missing; and nothing is lost."""

import bz2
import gc
import gzip
import hashlib
import io
import json
import lzma
import os
import sys
import threading
import warnings
from pathlib import Path

import pandas as pd
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import copies, inputs, pieces, tables

LOG = Path(__file__).parents[1] / "data" / "exchange55-appendix-a.log"
STORED = LOG.read_bytes()


def read(octets, **options):
    return spamlab.read(io.BytesIO(octets), **options)


def same_events(one, other):
    return one.events.drop(columns="source").equals(other.events.drop(columns="source"))


def adds_up(log):
    sources = log.sources
    parts = sources["event_lines"] + sources["ignored_lines"] + sources["unparsed_lines"]
    assert (sources["lines"] == parts).all()
    assert sources["unparsed_lines"].sum() == len(log.unparsed)
    assert sources["event_lines"].sum() == log.events["lines"].sum()
    # No line belongs to two events, and lines stand in order.
    ends = log.events["line"] + log.events["lines"]
    assert (log.events["line"].to_numpy()[1:] >= ends.to_numpy()[:-1]).all() or log.sources.shape[0] > 1


@pytest.fixture(scope="module")
def plain():
    return read(STORED)


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, lambda b: zstandard.ZstdCompressor().compress(b)]
)
@pytest.mark.parametrize("name", ["x.log", "x.gz", "x.bz2"])
def test_compression_is_told_by_content_never_by_name(pack, name, plain, tmp_path):
    (tmp_path / name).write_bytes(pack(STORED))
    log = spamlab.read(tmp_path / name)
    assert same_events(log, plain)
    assert log.raw(log.events.iloc[3]) == plain.raw(plain.events.iloc[3])


@pytest.mark.parametrize(
    "octets",
    [
        STORED.replace(b"\n", b"\r\n"),
        STORED.replace(b"\n", b"\r"),
        STORED.replace(b"\n", b"\r\n", 40),
        b"\xef\xbb\xbf" + STORED,
        STORED.decode().encode("utf-16"),
        b"\xfe\xff" + STORED.decode().encode("utf-16-be"),
        STORED.rstrip(b"\n"),
        b"\n \t\n" * 3 + STORED,
    ],
    ids=["CRLF", "CR", "mixed", "BOM", "UTF-16LE", "UTF-16BE", "no last newline", "blank lines first"],
)
def test_line_ends_and_encodings(octets, plain):
    log = read(octets)
    offset = 6 if octets.startswith(b"\n") else 0
    moved = log.events.assign(line=log.events["line"] - offset)
    assert moved.drop(columns="source").equals(plain.events.drop(columns="source"))
    adds_up(log)
    event = log.events.iloc[3]
    assert log.raw(event) in octets
    assert octets.count(log.raw(event)) == 1


def test_octets_that_are_no_text_are_escaped_in_tables_and_exact_in_raw():
    octets = b"11/11/03 2:00:01 PM : A connection to 192.0.2.1 was established.\n11/11/03 2:00:01 PM : <<< 220 h\xe9\0 \xc3\xa9\n"
    log = read(octets)
    assert log.events["text"].iloc[1] == "220 h\\xe9\0 \u00e9"
    assert log.raw(log.events.iloc[1]) == octets.splitlines(keepends=True)[1]


def test_vertical_tab_form_feed_and_line_separator_end_no_line():
    text = "220 a\vb\fc\u2028d\x85e"
    log = read(f"11/11/03 2:00:01 PM : A connection to x was established.\n11/11/03 2:00:01 PM : <<< {text}\n".encode())
    assert log.events["text"].iloc[1] == text


def test_a_nul_filled_tail_is_unparsed_not_text():
    log = read(STORED + b"\0" * 5000)
    assert log.unparsed["reason"].tolist() == ["NUL octets"]
    assert log.unparsed["text"].str.len().tolist() == [5000]
    adds_up(log)


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b + b"garbage"], ids=["cut", "garbage after"])
def test_a_damaged_archive_gives_what_came_before_and_says_so(damage, plain, tmp_path):
    (tmp_path / "x.gz").write_bytes(damage(gzip.compress(STORED)))
    with pytest.warns(spamlab.ReadWarning, match=r"x\.gz: damaged"):
        log = spamlab.read(tmp_path / "x.gz")
    assert len(log.events) > 10
    adds_up(log)


def test_a_line_without_end_is_refused_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("spamlab.sources.LONGEST_LINE", 8 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(64 << 20)))
    with pytest.raises(spamlab.ReadError, match=r"bomb\.gz: a line longer than 8 MiB"):
        spamlab.read(tmp_path / "bomb.gz", format="exchange55")


@pytest.mark.parametrize("what", [b"", b"\n\n", b"\x89PNG\r\n\x1a\n" * 50, b"import os\nprint(1)\n" * 20,
                                  b"11/11/03 2:00:01 PM : hello\n" * 9, b"<<< 250 ok\n" * 9, b"{}\n" * 9])  # fmt: skip
def test_other_files_are_refused_with_name_first_line_and_known_formats(what, tmp_path):
    (tmp_path / "odd one.log").write_bytes(what)
    with pytest.raises(spamlab.UnknownFormat, match="exchange55") as caught:
        spamlab.read(tmp_path / "odd one.log")
    assert "odd one.log" in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)
    (tmp_path / "x.log").write_bytes(STORED)
    with pytest.warns(spamlab.ReadWarning, match="odd one") as told:
        spamlab.read(tmp_path)
    assert "exchange55" not in str(told[0].message)  # beside a log it is enough that this is none


@pytest.mark.parametrize("what", [b"", b"\n\n"])
def test_an_empty_file_with_its_format_named_is_an_empty_log(what):
    log = read(what, format="exchange55")
    for name, table in log.tables().items():
        assert len(table) == (name == "sources")
        assert table.dtypes.astype(str).to_dict() == tables.empty(name).dtypes.astype(str).to_dict()


RECORD = {"__REALTIME_TIMESTAMP": "1720359773000001", "SYSLOG_IDENTIFIER": "postfix/smtpd", "MESSAGE": "connect"}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (json.dumps(RECORD, indent=1).encode() * 9, "one a line, as jq -c does"),
        (json.dumps([RECORD] * 9).encode(), "one a line, as jq -c does"),
        (json.dumps({"events": [RECORD] * 9}).encode(), "one a line, as jq -c does"),
        (b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1720359773000001\nMESSAGE=connect\n\n" * 9, "-o export: take journalctl"),
        (b"Sun 2024-07-07 13:42:53.000 UTC [s=1]\n    _HOSTNAME=mx\n    MESSAGE=connect\n" * 9, "-o verbose: take"),
        (b"Debug line with all properties:\nFROMHOST: 'mx', PRI: 22,\nmsg: ' connect'\n\n" * 9, "RSYSLOG_FileFormat"),
        (b"[Time 1720359773] [Sender postfix/smtpd] [PID 9] [Message connect]\n" * 9, "syslog -F std"),
        (b"LPKSHHRH\0\0" * 30, "journalctl --file"),
        (b"4F5C64474F: from=<a@example.org>, size=9, nrcpt=1 (queue active)\n" * 9, "not -o cat"),
        (b"<!DOCTYPE html>\n<html>\n" * 9, "page"),
        (b"PK\x03\x04" + b"\x14\0" * 99, "unpack it first"),
        (b"\x1f\x9d\x90" + b"\xfe\0" * 99, "unpack it first"),
        (b"mail.log".ljust(257, b"\0") + b"ustar  \0", "unpack it first"),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04\0" * 9, "Zeek"),
        (b"7/7/2024 1:42:53 PM mx postfix/smtpd[1]: connect from a[192.0.2.1]\n" * 9, "locale's order"),
    ],
)
def test_what_is_nearly_a_log_is_refused_with_what_to_do(what, said):
    with pytest.raises(spamlab.UnknownFormat, match=said) as caught:
        read(what)
    assert str(caught.value).count("known") == 2 and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(encoding):
    text = STORED.decode().encode(encoding)
    log = read(text)
    assert log.events["text"].tolist() == read(STORED).events["text"].tolist()
    assert log.raw(log.events.iloc[3]).decode(encoding) == read(STORED).raw(log.events.iloc[3]).decode()


def test_a_missing_file_an_empty_folder_and_a_glob_without_match(tmp_path):
    for where in (tmp_path / "none.log", tmp_path, str(tmp_path / "*.log")):
        with pytest.raises(spamlab.ReadError, match=r"none|folder|no file"):
            spamlab.read(where)


def test_a_file_without_permission(tmp_path, monkeypatch):
    (tmp_path / "x.log").write_bytes(STORED)

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # root, who runs CI, may read everything
    with pytest.raises(spamlab.ReadError, match=r"x\.log: Permission denied"):
        spamlab.read(tmp_path / "x.log")


def test_an_unknown_format_name_lists_the_known(tmp_path):
    with pytest.raises(spamlab.UnknownFormat, match="no format 'nope'; known: exchange55"):
        read(STORED, format="nope")


def test_one_unreadable_file_among_others_is_a_warning_and_a_row(tmp_path):
    (tmp_path / "a.log").write_bytes(STORED)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.warns(spamlab.ReadWarning, match=r"b\.png: no known log format"):
        log = spamlab.read(tmp_path)
    assert log.sources["format"].tolist() == ["exchange55", "unknown"]
    adds_up(log)


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("name", ["a b.log", 'it\'s "quoted".log', "new\nline.log", "-", "-o", b"\xff.log", "<b>.log"])
def test_odd_file_names(name, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + os.fsencode(name)))
    path.write_bytes(STORED)
    log = spamlab.read(path)
    assert log.raw(log.events.iloc[0]).endswith(b"|\n")
    log.sources["source"].iloc[0].encode("utf-8")


def test_the_same_file_given_twice_is_read_once_and_links_are_followed(tmp_path):
    (tmp_path / "a.log").write_bytes(STORED)
    (tmp_path / "link.log").symlink_to(tmp_path / "a.log")
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    log = spamlab.read([tmp_path / "a.log", str(tmp_path / "a.log"), tmp_path / "link.log"])
    assert len(log.sources) == 1
    with pytest.raises(spamlab.ReadError):
        spamlab.read(tmp_path / "loop.log")


@pytest.mark.filterwarnings("ignore:.*counts twice:spamlab.ReadWarning")
def test_many_files_keep_their_order_and_ids_stay_unique(tmp_path):
    for name in ("L0000010.LOG", "L0000009.LOG", "L0000001.LOG"):
        (tmp_path / name).write_bytes(STORED)
    log = spamlab.read(str(tmp_path / "*.LOG"))
    assert [Path(s).name for s in log.sources["source"]] == ["L0000001.LOG", "L0000009.LOG", "L0000010.LOG"]
    assert log.sessions["session"].is_unique
    assert log.transactions["transaction"].is_unique
    assert log.events["session"].nunique() == 6
    assert log.recipients["transaction"].nunique() == 24
    adds_up(log)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_once_and_remembered(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(STORED,))
    writer.start()
    log = spamlab.read(pipe)
    writer.join()
    assert len(log.events) == 72
    assert log.raw(log.events.iloc[-1]) in STORED


@pytest.mark.filterwarnings("ignore:.*counts twice:spamlab.ReadWarning")
def test_streams_that_share_a_name_stay_apart():
    log = spamlab.read([io.BytesIO(STORED), io.BytesIO(STORED[:-2])])
    assert log.sources["source"].is_unique
    assert log.raw(log.events.iloc[-1]) == STORED.splitlines()[-1][:-1]


def test_chosen_tables_only():
    log = read(STORED, tables=["transactions"])
    assert (len(log.transactions), len(log.events), len(log.sources)) == (8, 0, 1)
    with pytest.raises(ValueError, match="no table nope"):
        read(STORED, tables=["nope"])


def test_what_is_no_log_at_all():
    with pytest.raises(TypeError, match="a log is a path"):
        spamlab.read(17)


def test_pieces_of_any_size_give_the_same_tables(tmp_path, monkeypatch, plain):
    (tmp_path / "x.log").write_bytes(STORED)
    text = spamlab.read(tmp_path / "x.log")
    for piece in (1, 100, 1000):
        monkeypatch.setattr("spamlab.sources.Source.text.__defaults__", (piece,))
        monkeypatch.setattr("spamlab.sources.READ", piece)
        again = spamlab.read(tmp_path / "x.log")
        for name, table in again.tables().items():
            pd.testing.assert_frame_equal(table, getattr(text, name))


INSERTS = [b"\n", b"\0", b"|\n", b"\n|\n", b"<<< IO: |", b"\xff\xfe", b"\r", b">>> DATA\n", b"\t\n",
           b"11/11/03 2:00:05 PM : >>> AUTH LOGIN abc\n", b"11/11/03 2:00:05 PM : <<< 354 go\n",
           b"99/99/99 99:99:99 PM : ", b"A connection to x was established.\n"]  # fmt: skip


@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::spamlab.ReadWarning")  # a mark of UTF-16 before it leaves no event
@example([(0, 0, b"\xff\xfe")])
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(STORED)),
            st.integers(0, 60),
            st.one_of(st.sampled_from(INSERTS), st.binary(max_size=6)),
        ),
        max_size=25,
    )
)
def test_nothing_is_lost_however_a_log_is_damaged(edits):
    octets = bytearray(STORED)
    for at, cut, insert in edits:
        octets[at : at + cut] = insert
    log = read(bytes(octets), format="exchange55")
    adds_up(log)
    for name, table in log.tables().items():
        assert table.dtypes.astype(str).to_dict() == tables.empty(name).dtypes.astype(str).to_dict()
    live = log.events[~log.events["echo"]]
    assert live["kind"].eq("command").sum() == log.sessions["commands"].sum()
    assert live["kind"].eq("reply").sum() == log.sessions["replies"].sum()
    assert len(log.transactions) == log.sessions["transactions"].sum()
    assert live["verb"].eq("RCPT").sum() == len(log.recipients)


def test_an_unclosed_file_gives_no_resource_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log = read(STORED)
        del log


def test_a_format_of_others_that_cannot_be_loaded_is_left_out_and_said_once(monkeypatch):
    formats = sys.modules["spamlab.formats"]  # spamlab.formats is the function

    class Point:
        name = "broken"

        def load(self):
            raise ImportError("no module named nowhere")

    monkeypatch.setattr(formats, "_third_party", lambda: {"broken": Point()})
    monkeypatch.setattr(formats, "_broken", set())
    line = b"Jul  7 13:42:53 mx postfix/qmgr[3]: 4F5C64474F: removed\n"
    said = pytest.warns(spamlab.ReadWarning, match="broken cannot be loaded: no module named nowhere")
    with said, pytest.raises(spamlab.UnknownFormat):
        spamlab.read(io.BytesIO(b"nothing at all\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(spamlab.read(io.BytesIO(line)).events) == 1
    with pytest.raises(ImportError):
        spamlab.read(io.BytesIO(line), format="broken")


def test_what_stands_before_an_unreadable_place_is_read_and_the_place_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("spamlab.sources.LONGEST_LINE", 9 << 20)
    line = b"Jul  7 13:42:53 mx postfix/qmgr[3]: 4F5C64474F: removed\n"
    whole = line * ((9 << 20) // len(line))
    (tmp_path / "mail.log").write_bytes(whole + bytes(20 << 20))
    with pytest.warns(spamlab.ReadWarning, match="a line longer than 9 MiB.*what stands before it was read"):
        log = spamlab.read(tmp_path / "mail.log")
    assert log.events["kind"].eq("remove").all() and len(log.events) > 140_000
    told = log.sources.iloc[0]
    assert told["lines"] == told["event_lines"] + told["ignored_lines"] + told["unparsed_lines"] == len(log.events)


def test_a_rotated_set_as_a_shell_lists_it_is_read_in_time_order(tmp_path):
    """``mail.log mail.log.1 mail.log.2.gz``: without years in its stamps only the names tell the order."""
    line = "Mar {:2} 10:00:00 mx postfix/qmgr[1]: {}: from=<a@example.net>, size=1, nrcpt=1 (queue active)\n"
    (tmp_path / "mail.log").write_text(line.format(9, "4F5C644740"))
    (tmp_path / "mail.log.1").write_text(line.format(6, "4F5C644741"))
    (tmp_path / "mail.log.2.gz").write_bytes(gzip.compress(line.format(3, "4F5C644742").encode()))
    (tmp_path / "other.log").write_text(line.format(1, "4F5C644743"))
    names = ["other.log", "mail.log", "mail.log.1", "mail.log.2.gz"]
    log = spamlab.read([tmp_path / name for name in names], year=2024)
    assert [Path(name).name for name in log.sources["source"]] == [
        "other.log",
        "mail.log.2.gz",
        "mail.log.1",
        "mail.log",
    ]
    assert log.events["time"].is_monotonic_increasing


def test_a_converted_folder_is_read_when_its_tables_are_asked_for(tmp_path):
    spamlab.read("data/exchange55-appendix-a.log").to_parquet(tmp_path)
    log = spamlab.read(tmp_path)
    assert "sessions" not in vars(log)
    assert len(log.sessions) == 2


@pytest.mark.parametrize(
    "names",
    [
        ("maillog-20231231", "maillog-20240107.gz", "maillog-20240114", "maillog"),
        ("mail-20231231.log", "mail-20240107.log.gz", "mail.log"),
        ("mail.log-20240101-1704067201", "mail.log-20240101-1704153601", "mail.log-20240108.gz", "mail.log"),
        ("mainlog.2023-12-31", "mainlog.2024-01-07", "mainlog"),
    ],
)
def test_what_is_rotated_out_by_its_date_is_read_before_the_live_file(tmp_path, names):
    """The default of logrotate on half of all systems; a year-less log rolls over only in the right order."""
    for name, day in zip(names, ("Dec 30", "Jan  6", "Jan 13", "Jan 15"), strict=False):
        line = f"{day} 00:00:01 mx postfix/qmgr[7]: 4F5C64474F: from=<a@b>, size=5, nrcpt=1 (queue active)\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(line) if name.endswith(".gz") else line)
    for source in (tmp_path, sorted(tmp_path.iterdir())):
        log = spamlab.read(source, year=2023)
        assert [Path(str(name)).name for name in log.sources["source"]] == list(names)
        assert log.events["time"].is_monotonic_increasing and log.events["time"].iloc[-1].year == 2024


class Broken(io.BytesIO):
    def read(self, size=-1):
        raise OSError("gone")


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_no_file_is_left_open(tmp_path):
    """Neither one that only its beginning was looked at nor a stream's, also where they are collected in a circle."""
    (tmp_path / "x.log").write_bytes(b"nothing\n")
    with pytest.raises(spamlab.UnknownFormat):
        spamlab.read(tmp_path / "x.log")
    circle = [read(STORED)]
    circle.append(circle)
    del circle
    with pytest.raises(OSError, match="gone"):
        spamlab.read(Broken())
    gc.collect()


def _postfix(n, first=0):
    return "".join(
        f"Mar  1 10:{i // 60 % 60:02}:{i % 60:02} mx postfix/smtpd[{100 + i}]: 4F5C6{i:05X}: client=a.example.com[192.0.2.1]\n"
        for i in range(first, first + n)
    ).encode()


@pytest.mark.parametrize(
    ("one", "other", "copied"),
    [
        (_postfix(100), _postfix(100), "mail.log"),  # mail.info and mail.log, as Debian writes them
        (_postfix(100), _postfix(150), "mail.info"),  # an older copy
        (_postfix(150), _postfix(100), "mail.log"),
        (gzip.compress(_postfix(100)), _postfix(150), "mail.info"),
        (_postfix(100, 100), _postfix(100, 200), None),
    ],
)
def test_who_reads_a_file_and_its_copy_is_told(tmp_path, recwarn, one, other, copied):
    files = {"mail.info": one, "mail.log": other}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    log = spamlab.read(tmp_path, year=2024)
    told = [str(each.message) for each in recwarn if each.category is spamlab.ReadWarning]
    assert len(told) == (1 if copied else 0)
    if copied:
        rest = {"mail.info": "mail.log", "mail.log": "mail.info"}[copied]
        assert told[0] == (
            f"{tmp_path / copied}: holds what {tmp_path / rest} begins with, and nothing else: all of it counts twice"
        )
    plain = [gzip.decompress(held) if held[:1] == b"\x1f" else held for held in files.values()]
    assert log.sources["sha256"].tolist() == [hashlib.sha256(held).hexdigest() for held in files.values()]
    assert len(log.events) == sum(held.count(b"\n") for held in plain)


_CRON = b"Mar  1 10:00:00 mx CRON[7]: (root) CMD (run-parts)\n" * 20


@pytest.mark.parametrize(
    ("names", "contents", "part"),
    [
        (("mail.log", "mail.warn"), (_postfix(100), _postfix(3, 40)), 1),
        (("mail.err", "mail.log"), (_postfix(3, 40), _postfix(100)), 0),
        (("mail.info", "mail.log"), (_postfix(100), _postfix(99) + _postfix(60, 200)), 0),  # alike, but for a line
        (("mail.log", "syslog"), (_postfix(100), _CRON + _postfix(50, 20) + _CRON), 1),  # which is rotated more often
        (("mail.log", "syslog.gz"), (_postfix(50, 20), gzip.compress(_CRON + _postfix(100))), 0),
        (("mail.log", "mail.log.1"), (_postfix(20), _postfix(40)), None),  # files of one set never hold the same
        (("mail.err", "mail.log"), (_postfix(3, 900), _postfix(100)), None),  # of another week
        (("mail.err", "mail.log"), (_postfix(3, 40), _postfix(100).replace(b" mx ", b" mx2 ")), None),
    ],
)
def test_lines_that_syslog_wrote_to_several_files_are_told(tmp_path, recwarn, names, contents, part):
    for name, content in zip(names, contents, strict=True):
        (tmp_path / name).write_bytes(content)
    log = spamlab.read(tmp_path, year=2024)
    told = [str(each.message) for each in recwarn if each.category is spamlab.ReadWarning]
    one, other = (tmp_path / name for name in (names if part == 0 else names[::-1]))
    assert told == ([f"{one}: its lines stand in {other} too: they count twice"] if part is not None else [])
    assert len(log.sources) == 2
    adds_up(log)


@pytest.mark.parametrize("n", [20, 100])
def test_a_file_that_is_gone_when_copies_are_sought_is_none(tmp_path, n):
    for name in ("mail.info", "mail.log"):
        (tmp_path / name).write_bytes(_postfix(n))
    files = [pieces.look(source, None) for source in inputs.find(tmp_path)]
    assert len(list(copies.twice(files))) == 1
    (tmp_path / "mail.log").unlink()
    assert list(copies.twice(files)) == []
