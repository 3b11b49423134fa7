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

ROWS = """
import json, sys, spamlab
log = spamlab.read(sys.argv[1], year=2026)
said = log.recipients[["forward_path", "status", "code", "enhanced_code", "relay", "delay"]]
print(json.dumps({"kinds": log.events["kind"].tolist(), "unparsed": len(log.unparsed),
                  "sessions": log.sessions[["peer_ip", "peer_host", "user", "tls", "transactions", "ended"]]
                                 .astype(object).where(lambda found: found.notna(), None).values.tolist(),
                  "messages": log.transactions[["reverse_path", "queue_id", "size"]]
                                 .astype(object).where(lambda found: found.notna(), None).values.tolist(),
                  "recipients": said.astype(object).where(said.notna(), None).values.tolist()}))
"""

EVENTS = """\
8f48640806a9afa0 smtp event=connected address=192.0.2.7 host=client.example.net
8f48640806a9afa0 smtp event=starttls address=192.0.2.7 host=client.example.net ciphers="version=TLSv1.2, bits=256"
8f48640806a9afa0 smtp event=message address=192.0.2.7 host=client.example.net msgid=7077717e from=<ann@example.com> \
to=<bob@example.org> size=812 ndest=1 proto=ESMTP
8f48640806a9afa0 smtp event=message address=192.0.2.7 host=client.example.net msgid=7077717e from=<ann@example.com> \
to=<joe@example.org> size=812 ndest=1 proto=ESMTP
8f48640806a9afa0 smtp event=failed-command address=192.0.2.7 host=client.example.net \
command="RCPT TO:<no@example.com>" result="550 Invalid recipient"
8f48640806a9afa0 smtp event=closed address=192.0.2.7 host=client.example.net reason=quit
8f4864084ecc48f4 mta event=delivery evpid=7077717e797a776e from=<ann@example.com> to=<bob@example.org> rcpt=<-> \
source="192.0.2.1" relay="192.0.2.33 (mx.example.org)" delay=1s result="PermFail" stat="550 5.7.1 Not from there"
8f4864084ecc48f4 mta event=delivery evpid=7077717e797a7770 from=<ann@example.com> to=<joe@example.org> rcpt=<-> \
source="192.0.2.1" relay="192.0.2.33 (mx.example.org)" delay=1h2m3s result="Ok" stat="250 2.0.0: 1a2b Accepted"
"""

SENTENCES = """\
smtp-in: New session 08d856b172f69c5c from host client.example.net [192.0.2.7]
smtp-in: Started TLS on session 08d856b172f69c5c: version=TLSv1.2, cipher=EDH-RSA-DES-CBC3-SHA, bits=112
smtp-in: Accepted authentication for user ann on session 08d856b172f69c5c
smtp-in: Accepted message 7077717e on session 08d856b172f69c5c: from=<ann@example.com>, to=<bob@example.org>, \
size=812, ndest=1, proto=ESMTP
smtp-in: Accepted message 7077717e on session 08d856b172f69c5c: from=<ann@example.com>, to=<joe@example.org>, \
size=812, ndest=1, proto=ESMTP
smtp-in: Failed command on session 08d856b172f69c5c: "RCPT TO:<no@example.com>" => 550 Invalid recipient
smtp-in: Failed command on session 08d856b172f69c5c: "MAIL FROM:<ann@example.com>  " => 421 4.3.0: Temporary Error
smtp-in: Disconnecting session 08d856b172f69c5c: session timeout
smtp-in: New session 08d856b272f69c5d from host client.example.net [192.0.2.7]
smtp-in: Authentication failed for user joe on session 08d856b272f69c5d
smtp-in: Received disconnect from session 08d856b272f69c5d
relay: PermFail for 7077717e797a776e: session=7818378a988ca63b, from=<ann@example.com>, to=<bob@example.org>, \
rcpt=<->, source=192.0.2.1, relay=192.0.2.33 (mx.example.org), delay=1s, stat=550 5.7.1 Not from there
delivery: Ok for 7077717e797a7770: from=<ann@example.com>, to=<joe@example.org>, user=joe, method=maildir, \
delay=0s, stat=Delivered
relay: TempFail for da22753dbfba3245: session=0000000000000000, from=<ann@example.com>, to=<zoe@example.org>, \
rcpt=<->, source=-, relay=mx.example.org, delay=1d4h26m40s, stat=No MX found for domain
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the installed package in ``site``."""
    place = tmp_path_factory.mktemp("opensmtpd")
    source = shutil.copytree(ROOT / "examples" / "spamlab-opensmtpd", place / "source")
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", place / "site", source], check=True)
    return place


def told(script, log, place):
    """What a script prints of a log where the package is installed."""
    paths = os.pathsep.join(filter(None, [str(place / "site"), os.environ.get("PYTHONPATH")]))
    command, environment = [sys.executable, "-c", script, log], {**os.environ, "PYTHONPATH": paths}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def read(place):
    """What the installed package reads of the sample, and the truth that the testbed recorded."""
    return told(SCRIPT, SAMPLE, place), json.loads(SAMPLE.with_suffix(".truth.json").read_text())["totals"]


def rows(lines, place):
    """What the installed package reads of lines behind a syslog head."""
    path = place / "lines.log"
    path.write_text("".join(f"Mar 22 17:56:30 mx smtpd[45037]: {line}\n" for line in lines.splitlines()))
    found = told(ROWS, path, place)
    assert found["unparsed"] == 0
    return found


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


def test_lines_of_6_0_say_which_event_they_are(place):
    found = rows(EVENTS, place)
    assert found["kinds"] == ["connect", "tls", "receive", "queue", "reject", "disconnect", "deliver", "deliver"]
    assert found["sessions"] == [["192.0.2.7", "client.example.net", None, True, 1, "quit"]]
    assert found["messages"] == [["ann@example.com", "7077717e", 812]]
    assert found["recipients"] == [
        ["no@example.com", "rejected", 550, None, None, None],
        ["bob@example.org", "bounced", 550, "5.7.1", "192.0.2.33 (mx.example.org)", 1.0],
        ["joe@example.org", "delivered", 250, "2.0.0", "192.0.2.33 (mx.example.org)", 3723.0],
    ]


def test_lines_of_5_are_sentences(place):
    found = rows(SENTENCES, place)
    assert "note" not in found["kinds"] and found["kinds"].count("receive") == 1
    assert found["sessions"] == [
        ["192.0.2.7", "client.example.net", "ann", True, 1, "timeout"],
        ["192.0.2.7", "client.example.net", "joe", False, 0, "dropped"],
    ]
    assert found["messages"][0] == ["ann@example.com", "7077717e", 812]
    assert found["recipients"] == [
        ["no@example.com", "rejected", 550, None, None, None],
        ["bob@example.org", "bounced", 550, "5.7.1", "192.0.2.33 (mx.example.org)", 1.0],
        ["joe@example.org", "delivered", None, None, None, 0.0],
        ["zoe@example.org", "deferred", None, None, "mx.example.org", 102400.0],
    ]
