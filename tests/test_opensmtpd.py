"""A third party's format: the example package is installed, found by its entry point, and reads a real server's log."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "samples" / "opensmtpd.log"

SCRIPT = """
import json, sys, spamlab
from spamlab import summary
log = spamlab.read(sys.argv[1], year=2026)
print(json.dumps({"formats": spamlab.formats(), "notes": int((log.events["kind"] == "note").sum()),
                  "local": int((log.sessions["peer_ip"] == "local").sum()),
                  "ended": log.sessions["ended"].value_counts().to_dict(),
                  "status": log.recipients["status"].value_counts().to_dict(), **summary.totals(log)}))
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What the installed package reads of the sample, and the truth that the testbed recorded."""
    place = tmp_path_factory.mktemp("opensmtpd")
    source = shutil.copytree(ROOT / "examples" / "spamlab-opensmtpd", place / "source")
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", place / "site", source], check=True)
    environment = {**os.environ, "PYTHONPATH": str(place / "site")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, SAMPLE], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), json.loads(SAMPLE.with_suffix(".truth.json").read_text())["totals"]


def test_the_installed_format_is_listed_and_recognised(read):
    found, _ = read
    assert "opensmtpd" in found["formats"] and found["format"] == "opensmtpd"


def test_sessions_are_the_clients_and_the_servers_own(read):
    found, truth = read
    assert found["sessions"] - found["local"] == truth["sessions"]
    assert found["ended"]["quit"] - found["local"] == truth["ended"]["quit"]


def test_messages_and_refusals_equal_what_the_clients_saw(read):
    found, truth = read
    told = truth["reports_to_sink"]  # the server's own reports arrive like mail: its log does not tell them apart
    reports = sum(told["accepted"].values()) + told["refused"] + sum(truth["reports_to_mailboxes"].values())
    assert found["received"] == truth["accepted"] + truth["submitted"] + reports
    assert found["rejected"] == sum(truth["refused"].values())


def test_deliveries_equal_what_the_sink_and_the_mailboxes_got(read):
    found, truth = read
    assert found["delivered"] == truth["sink_deliveries"] + truth["mailbox_deliveries"]
    assert found["expired"] == truth["given_up"]


def test_every_line_is_read(read):
    found, _ = read
    assert found["unparsed_lines"] == 0
    assert found["notes"] / found["events"] < 0.05
