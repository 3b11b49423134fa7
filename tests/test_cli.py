"""The command line: what it prints, its exit codes, and that nothing is left half-written."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import spamlab
from spamlab import cli
from tests import attacks

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde"
APACHE = b'127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326\n' * 20
HOSTILE = (
    b"11/11/03 2:00:01 PM : A connection to 10.0.0.1 was established.\r\n"
    b"11/11/03 2:00:02 PM : <<< 220 \x1b]0;owned\x07 \x9b31m a\xe2\x80\xaeb ready\r\n"
    b"11/11/03 2:00:03 PM : >>> EHLO me\r\n"
)
UNREADABLE = {
    "missing.log": None,
    "empty.log": b"",
    "blank.log": b"\n \t\n\r\n",
    "picture.log": PNG,
    "apache.log": APACHE,
    "zeros.log": bytes(5000),
    "odd ' name\n.log": APACHE,
    "folder": "folder",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process: exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def bad(folder: Path, name: str) -> Path:
    content = UNREADABLE[name]
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    elif content == "folder":
        (folder / name).mkdir()
    return folder / name


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("command", ["summary", "convert", "report", "trace"])
def test_unreadable_input_is_one_clear_line(run: Run, tmp_path: Path, command: str, name: str) -> None:
    log, out = bad(tmp_path, name), tmp_path / "out" / "dir"
    arguments = {"convert": ("-o", out), "report": ("-o", out)}.get(command, ())
    before = sorted(tmp_path.rglob("*"))
    code, stdout, stderr = run(command, *(("WHAT",) if command == "trace" else ()), log, *arguments)
    assert code == 1
    assert stdout == ""
    assert stderr.startswith("spamlab: error: ")
    assert stderr.count("\n") == 1
    assert name.partition("\n")[0] in stderr
    assert "fault of spamlab" not in stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_no_permission(tmp_path: Path, appendix: Path, spamlab_command: Callable[..., list[str]]) -> None:
    log = tmp_path / "secret.log"
    log.write_bytes(appendix.read_bytes())
    log.chmod(0)
    # Root reads everything, unless it gives that right up.
    drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run([*drop, *spamlab_command("summary", log)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "secret.log" in done.stderr
    assert "ermission" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("format_", ["exchange55"])
def test_an_empty_file_of_a_named_format_is_an_empty_log(run: Run, tmp_path: Path, format_: str) -> None:
    code, stdout, _ = run("summary", "--json", "--format", format_, bad(tmp_path, "empty.log"))
    assert code == 0
    assert json.loads(stdout)["events"] == 0
    assert run("summary", "--format", format_, tmp_path / "empty.log")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["summary"],
        ["report", "a.log"],
        ["summary", "--tz", "Mars/Olympus", "a.log"],
        ["summary", "--format", "vms", "a.log"],
        ["summary", "--since", "soon", "a.log"],
        ["summary", "--year", "MMIII", "a.log"],
        ["summary", "--year", "26", "a.log"],
        ["report", "a.log", "-o", "x", "--figures", "svg,gif"],
    ],
)
def test_usage(run: Run, arguments: list[str]) -> None:
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, "")
    assert "usage:" in stderr


def test_help_and_version_end_well(run: Run) -> None:
    assert run("--help")[0] == 0
    assert run("--version")[1].startswith("spamlab ")


def test_formats(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, stdout, _ = run("formats")
    assert code == 0 and stdout.splitlines() == spamlab.formats()  # for a program
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = run("formats")[1].splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == spamlab.formats()
    assert (
        "postfix     Postfix: syslog or maillog_file lines of its daemons, also among other programs' lines." in lines
    )
    assert any("postfix/smtpd[269]: 4F5C64474F: client=" in line for line in lines)  # one to recognise it by


def test_summary_of_the_paper_s_log(run: Run, appendix: Path) -> None:
    code, stdout, stderr = run("summary", "--json", appendix)
    assert (code, stderr) == (0, "")
    count = json.loads(stdout)
    expected = {
        "format": "exchange55",
        "lines": 131,
        "unparsed_lines": 0,
        "events": 72,
        "sessions": 2,
        "transactions": 8,
        "recipients": 8,
        "first": "2003-11-11T13:59:23+00:00",
        "last": "2003-11-11T14:00:27+00:00",
        "null_sender_transactions": 8,
        "rset_loops": 1,
        "rejected": 8,
        "ndrs": 8,
    }
    assert {key: count[key] for key in expected} == expected
    zero = ("received", "delivered", "deferrals", "deferred", "bounced", "expired", "discarded")
    assert not any(count[key] for key in (*zero, "postmaster_notices", "octets_received", "octets_delivered"))


def test_summary_fits_a_screen(run: Run, appendix: Path) -> None:
    code, stdout, _ = run("summary", appendix)
    assert code == 0
    assert len(stdout.splitlines()) <= 40
    assert max(map(len, stdout.splitlines())) <= 100


def test_since_and_until(run: Run, appendix: Path) -> None:
    span = ("--since", "2003-11-11T14:00:10", "--until", "2003-11-11T14:00:20", "--tz", "Europe/Paris")
    within = json.loads(run("summary", "--json", *span, appendix)[1])
    assert 0 < within["events"] < 72
    assert within["first"] >= "2003-11-11T13:00:10"
    assert within["last"] <= "2003-11-11T13:00:20"


@pytest.mark.parametrize("command", ["summary", "report"])
def test_a_span_that_ends_before_it_begins_is_refused(run: Run, appendix: Path, tmp_path: Path, command: str) -> None:
    given = [appendix, "--since", "2003-11-11T14:10", "--until", "2003-11-11T14:00"]
    code, stdout, stderr = run(command, *given, *(["-o", tmp_path / "out"] if command == "report" else []))
    said = "spamlab: error: --since 2003-11-11T14:10:00 is after --until 2003-11-11T14:00:00\n"
    assert (code, stdout, stderr) == (2, "", said)
    assert not list(tmp_path.iterdir())


def test_convert_then_read_back(run: Run, appendix: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables"
    assert run("convert", appendix, "-o", out)[0] == 0
    assert run("summary", "--json", out)[1] == run("summary", "--json", appendix)[1]
    assert not [left for left in tmp_path.iterdir() if left != out]
    assert run("convert", appendix, "-o", out)[0] == 0  # again, over the old one


@pytest.mark.parametrize("command", ["convert", "report"])
def test_what_spamlab_did_not_write_it_does_not_replace(run: Run, appendix: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"dear")
    code, _, stderr = run(command, appendix, "-o", tmp_path)
    assert code == 2
    assert stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    assert run(command, appendix, "-o", tmp_path / "photo.jpg")[0] == 2
    assert (tmp_path / "photo.jpg").read_bytes() == b"dear"


def test_one_unreadable_file_among_others_is_one_warning(run: Run, appendix: Path, tmp_path: Path) -> None:
    code, stdout, stderr = run("summary", "--json", appendix, bad(tmp_path, "apache.log"))
    assert code == 0
    assert json.loads(stdout)["events"] == 72
    assert stderr.startswith("spamlab: warning: ")
    assert stderr.count("\n") == 1


def test_standard_input(appendix: Path, spamlab_command: Callable[..., list[str]]) -> None:
    done = subprocess.run(spamlab_command("summary", "--json", "-"), input=appendix.read_bytes(), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["events"] == 72


def test_a_cut_log_is_read_as_far_as_it_goes(run: Run, appendix: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.log"
    cut.write_bytes(appendix.read_bytes()[:1234])
    code, stdout, stderr = run("summary", "--json", cut)
    assert (code, stderr) == (0, "")
    assert 0 < json.loads(stdout)["events"] < 72


def test_trace(run: Run, appendix: Path) -> None:
    code, stdout, _ = run("trace", "$RANDOMIZE3T@NETSCAPE.COM", appendix)
    assert code == 0
    assert "RANDOMIZE3T" in stdout
    assert {line[19:26] for line in stdout.splitlines()} == {"+00:00 "}  # times say their zone
    code, stdout, stderr = run("trace", "nobody@example.org", appendix)
    assert (code, stdout) == (0, "")
    assert "nobody@example.org" in stderr


@pytest.mark.parametrize("command", ["summary", "trace"])
def test_terminal_codes_in_a_log_do_nothing(run: Run, tmp_path: Path, command: str) -> None:
    log = tmp_path / "hostile\x1b[2J.log"
    log.write_bytes(HOSTILE)
    code, stdout, stderr = run(command, *(["10.0.0.1"] if command == "trace" else []), log)
    assert code == 0
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(stdout + stderr)
    if command == "trace":
        assert "\\x1b]0;owned" in stdout
    assert not {"\x1b"} & set(run("summary", tmp_path / "no\x1b[31m.log")[2])


def test_ctrl_c_is_quiet(spamlab_command: Callable[..., list[str]]) -> None:
    with subprocess.Popen(
        spamlab_command("summary", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.write(b"11/11/03")
        process.stdin.flush()
        waiting = 1
        deadline = time.monotonic() + 30
        while waiting and time.monotonic() < deadline:  # until it reads, so that it is in our code
            time.sleep(0.05)
            (waiting,) = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, b"\0" * 4))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr
        assert process.stderr.read() == b""


def test_a_reader_that_leaves_early_is_no_error(appendix: Path, spamlab_command: Callable[..., list[str]]) -> None:
    with subprocess.Popen(
        spamlab_command("trace", "$RANDOMIZE3T@NETSCAPE.COM", appendix),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_a_fault_of_ours_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import spamlab

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(spamlab, "read", broken)
    code, _, stderr = run("trace", "x", "a.log")
    assert code == 1
    assert "ZeroDivisionError" in stderr
    assert stderr.count("\n") == 1


def test_a_time_in_which_nothing_was_logged_is_said_to_be_one(run: Run, appendix: Path) -> None:
    code, out, err = run("summary", "--json", "--since", "2030-01-01", appendix)
    assert (code, json.loads(out)["events"]) == (0, 0)
    assert err == (
        "spamlab: warning: nothing was logged in the time asked for: "
        "what there is goes from 2003-11-11 13:59:23 to 14:00:27 UTC\n"
    )
    assert run("summary", "--since", "2003-11-11 14:00:00", appendix)[2] == ""


def test_a_format_that_reads_nothing_of_a_log_says_so(run: Run, appendix: Path) -> None:
    code, out, err = run("summary", "--json", "--format", "exim", appendix)
    assert (code, json.loads(out)["events"]) == (0, 0)
    assert (
        err == f"spamlab: warning: {appendix}: not one of its {json.loads(out)['lines']:,} lines is an event of exim\n"
    )


def test_summary_says_what_is_unusual_and_who_makes_it(run: Run, tmp_path: Path) -> None:
    """Who was refused stands in the lines' text, which is read where something stands out."""
    (tmp_path / "mail.log").write_bytes(attacks.log(attacks.incoming))
    code, stdout, stderr = run("summary", tmp_path / "mail.log", "--year", "2026", "--tz", "Europe/Berlin")
    assert (code, stderr) == (0, "")
    assert "Since 2026-03-04 14:20 Europe/Berlin (still so when the log ends): error messages come for mail" in stdout
    (found,) = json.loads(run("summary", "--json", "--year", "2026", tmp_path / "mail.log")[1])["unusual"]
    assert found["rises"][0]["who"]["sender"] == {"": 1.0} or found["rises"][0]["who"]["sender"][""] > 0.9


def test_what_can_be_read_once_is_read_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = attacks.log(attacks.incoming)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(made)))
    code, stdout, _ = run("summary", "--year", "2026", "-")
    assert code == 0
    assert "error messages come for mail that was not sent from here" in stdout
