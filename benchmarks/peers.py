"""The programs and libraries that read the same logs, where they come from, and how each is run.

``pflogsumm`` and ``eximstats`` are single Perl scripts, ``lnav`` one program in Debian packages; they are unpacked (not
installed: Exim's package would take another mail server's place) into ``build/peers``. zat, Polars and DuckDB go into
``build/peers-venv``. Both are made when they are first needed and absent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT

UNPACKED = ROOT / "build" / "peers"
FOLDERS = (UNPACKED / "usr/bin", UNPACKED / "usr/sbin")
VENV = ROOT / "build" / "peers-venv"
# program: packages it is in or needs (lnav's libraries are on most systems; where not, its row says which is missing)
SCRIPTS = {
    "pflogsumm": ("pflogsumm", "libdate-calc-perl", "libcarp-clan-perl", "libbit-vector-perl"),
    "eximstats": ("exim4-base",),
    "lnav": ("lnav",),
}
SYSLOG = ("postfix", "sendmail", "exim", "exchange55")
TABLES = ("zeek", "zeek-json", "iis-smtp", "exchange")


class Missing(Exception):
    """A peer cannot be had here; the reason."""


def script(name: str) -> Path:
    """The program on this machine, unpacked from Debian's package if need be."""
    if not (found := _find(name)):
        if not (shutil.which("apt-get") and shutil.which("dpkg") and shutil.which("perl")):
            raise Missing(f"{name} is not installed, and this is not Debian")
        UNPACKED.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(["apt-get", "download", *SCRIPTS[name]], cwd=UNPACKED, capture_output=True, text=True)
        if fetched.returncode:
            raise Missing(f"{name}: apt-get download: {fetched.stderr.strip().splitlines()[-1]}")
        for package in UNPACKED.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, UNPACKED], check=True)
        found = _find(name)
    if not found:
        raise Missing(f"{name} is not in {', '.join(SCRIPTS[name])}")
    return Path(found)


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *map(str, FOLDERS)]))


def perl() -> list[str]:
    """Perl, with the unpacked modules in its path."""
    folders = [UNPACKED / "usr/share/perl5", *UNPACKED.glob("usr/lib/*/perl5/*")]
    return ["perl", *(f"-I{folder}" for folder in folders if folder.is_dir())]


def python() -> Path:
    """The Python that has the libraries of ``peers.txt``."""
    found = VENV / "bin" / "python"
    if not (VENV / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        listed = Path(__file__).with_name("peers.txt")
        done = subprocess.run([found, "-m", "pip", "install", "-qq", "-r", listed], capture_output=True, text=True)
        if done.returncode:
            raise Missing("pip: " + (done.stderr.strip().splitlines() or ["failed"])[-1][:150])
        (VENV / ".ready").touch()
    return found


def _means(name: str, own: bool) -> Callable[[str, Path], list[str]]:
    def command(format: str, log: Path) -> list[str]:
        interpreter = sys.executable if own else os.fspath(python())
        return [interpreter, "-m", "benchmarks.means", name, format, os.fspath(log)]

    return command


def _script(name: str, *options: str) -> Callable[[str, Path], list[str]]:
    return lambda _, log: [*perl(), os.fspath(script(name)), *options, os.fspath(log)]


# What lnav is asked, after it has indexed the log: how often each word says what came of it.
QUERIES = {
    "postfix": r"regexp_match('status=(\w+)', log_body) as status, count(*) from syslog_log"
    " where log_body like '%status=%' group by 1",
    "sendmail": r"regexp_match('stat=(\w+)', log_body) as stat, count(*) from syslog_log"
    " where log_body like '%stat=%' group by 1",
    "zeek": "substr(bro_last_reply, 1, 3) as code, count(*) from bro_smtp_log group by 1",
    "iis-smtp": "cs_method, sc_status, count(*) from w3c_log group by 1, 2",
}


def _lnav(format: str, log: Path) -> list[str]:
    home = f"HOME={UNPACKED}"  # where it puts its settings
    return ["env", home, os.fspath(script("lnav")), "-n", "-c", f";select {QUERIES[format]}", os.fspath(log)]


@dataclass(frozen=True)
class Way:
    """One way to read a log: what it makes of it, for which formats, and its command."""

    makes: str
    formats: tuple[str, ...]
    command: Callable[[str, Path], list[str]]


ALL = (*SYSLOG, *TABLES)
WAYS = {
    "spamlab.read": Way("six tables", ALL, _means("spamlab.read", own=True)),
    "spamlab events": Way("events", ALL, _means("spamlab events", own=True)),
    "spamlab scan": Way("columns", ALL, _means("spamlab scan", own=True)),
    "pflogsumm": Way("totals", ("postfix",), _script("pflogsumm")),
    "eximstats": Way("totals", ("exim",), _script("eximstats", "-nvr")),
    "zat": Way("frame", ("zeek", "zeek-json"), _means("zat", own=False)),
    "lnav": Way("index, one count", tuple(QUERIES), _lnav),
    "polars events": Way("events' columns", ALL, _means("polars events", own=False)),
    "duckdb events": Way("events' columns", ALL, _means("duckdb events", own=False)),
    "re loop": Way("columns", SYSLOG, _means("re loop", own=True)),
    "polars": Way("columns", ALL, _means("polars", own=False)),
    "duckdb": Way("columns", ALL, _means("duckdb", own=False)),
    "pyarrow": Way("columns", (*SYSLOG, "zeek-json"), _means("pyarrow", own=False)),
    "pandas": Way("columns", ALL, _means("pandas", own=False)),
    "wc -l": Way("lines", ALL, lambda _, log: ["wc", "-l", os.fspath(log)]),
}
