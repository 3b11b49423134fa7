"""What all tests share: the logs at hand, and no silent skips where none may pass."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SPAMLAB_SHARED", ROOT.parent / "shared"))
NO_SKIPS = "SPAMLAB_NO_SKIPS" in os.environ


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of samples that are not the project's own."""
    if not (SHARED / "corpus").is_dir():
        pytest.skip("no ../shared (name it with SPAMLAB_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's Chromium, or another that is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium (Debian: apt install chromium)")
    return Path(found)


@pytest.fixture
def appendix() -> Path:
    """The white paper's log."""
    return ROOT / "data" / "exchange55-appendix-a.log"


@pytest.fixture(autouse=True, scope="session")
def _in_the_checkout() -> Iterator[None]:
    """Doctests name data/… relative to the checkout."""
    before = Path.cwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)


@pytest.fixture
def spamlab_command() -> Callable[..., list[str]]:
    """The command line as a user's shell runs it."""
    return lambda *arguments: [sys.executable, "-m", "spamlab", *map(str, arguments)]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if NO_SKIPS and exitstatus == 0 and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say so."""
    if NO_SKIPS and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("SPAMLAB_NO_SKIPS is set: a skipped test fails the run", red=True)
