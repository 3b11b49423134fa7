"""The ledger: its verdicts on the paper's log, how they move, and that no row lacks evidence on any log."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import claims, evidence, report, simulate, stats
from spamlab.claims import LOG_NO, LOG_YES, MODEL_NO, MODEL_YES, OPEN
from spamlab.evidence import Assumptions
from spamlab.log import Log
from spamlab.simulate import Load, Server, Spam
from tests.made import EPOCH, dialogue_log, empty_log, mta_log, talk
from tests.test_every_format import LOGS

ROOT = Path(__file__).parent.parent
HOSTILE = "$\\frac1$<script>alert(1)</script>=cmd()[a](javascript:b)\x1b[31m\u202e`|`"
PAPER = {
    1: LOG_NO, 2: LOG_YES, 3: LOG_YES, 4: MODEL_YES, 5: MODEL_YES, 6: MODEL_YES, 7: MODEL_YES, 8: MODEL_YES, 9: OPEN, 10: OPEN,
    11: MODEL_YES, 12: LOG_YES, 13: LOG_YES, 14: MODEL_YES, 15: MODEL_NO, 16: OPEN, 17: OPEN, 18: MODEL_YES, 19: MODEL_YES,
    20: LOG_YES, 21: OPEN, 22: LOG_YES, 23: MODEL_YES,
}  # fmt: skip


@pytest.fixture(scope="module")
def paper() -> Log:
    return spamlab.read(ROOT / "data" / "exchange55-appendix-a.log")


def judged(log: Log, number: int, given: Assumptions | None = None) -> claims.Finding:
    return claims.CLAIMS[number].judge(claims.Case(log, given or Assumptions()))


def check(found: pd.DataFrame) -> None:
    """Every claim has a verdict, a number and evidence, in sentences that anybody can read."""
    assert found.index.tolist() == sorted(claims.CLAIMS)
    assert found["verdict"].isin(claims.VERDICTS).all()
    for row in found.to_dict("records"):
        assert all(isinstance(text, str) and text for text in row.values()), row
        assert re.match(r".{20,}\.$", row["evidence"], re.DOTALL), row
        assert re.search(r"\d", row["evidence"]), row
        said = " ".join(row.values())
        assert not re.search(r"\b(nan|NaT|None|inf)\b|<NA>|\x1b|\u202e", said), row
        assert len(row["computed"]) < 110


# -- the paper's log -------------------------------------------------------------------------------------------


def test_appendix_a(paper: Log) -> None:
    found = claims.ledger(paper)
    check(found)
    assert found["verdict"].to_dict() == PAPER
    assert found.loc[1, "computed"] == "The excerpt 64 s, its complete session 26 s"
    assert "35 s" in found.loc[1, "evidence"] and "lines 1 to 131" in found.loc[1, "evidence"]
    assert found.loc[2, "evidence"].startswith("Null: 8 of 8 transactions (100%, exact 95% interval 63.1% to 100%)")
    assert (
        "2 of 2 different addresses" in found.loc[3, "evidence"]
        and "$RANDOMIZE3T@NETSCAPE.COM" in found.loc[3, "evidence"]
    )
    assert found.loc[4, "computed"].startswith("0, 1, 2, 3, 4 messages")
    assert "8 transactions in 26 s" in found.loc[5, "evidence"]
    assert "8 of 8 NDRs" in found.loc[20, "evidence"] and "7 whole turns" in found.loc[20, "evidence"]
    assert claims.answer(paper) == (
        "Of 23 claims of the white paper, 16 hold (6 by the log, 10 by the model under stated assumptions), 2 are contradicted "
        "(1 and 1), and 5 are not testable with what there is."
    )


@pytest.mark.parametrize(
    ("number", "changed", "verdict"),
    [
        (1, {"heading": 26.5}, LOG_YES),
        (1, {"heading": 64}, LOG_YES),
        (1, {"excerpt_peer": "192.0.2.1"}, OPEN),
        (3, {"often": 0.5}, OPEN),  # 2 of 2: too few to say so much
        (4, {"policy": "no NDRs"}, MODEL_NO),
        (4, {"policy": "hope"}, OPEN),
        (5, {"server": Server(connections=3)}, MODEL_NO),
        (5, {"server": Server(connections=8)}, OPEN),
        (6, {"notices_an_hour": 5000}, MODEL_NO),
        (6, {"notices_an_ndr": 0.1}, MODEL_NO),
        (7, {"server": Server(cpu=0.01), "simulated": 200.0, "replications": 2}, MODEL_NO),
        (8, {"as_bad": 2.0}, MODEL_NO),
        (11, {"magnitude": 1e5}, MODEL_NO),
        (14, {"server": Server(fall_through=False, guest=False), "simulated": 200.0, "replications": 2}, MODEL_NO),
        (15, {"call": 2.0}, MODEL_YES),
        (15, {"dialup": 14_400.0}, MODEL_YES),
        (18, {"unattended": 1000.0}, MODEL_NO),
        (18, {"store": 6e8}, OPEN),
        (19, {"almost": 0.95}, MODEL_NO),
        (19, {"paper": "2004-11-12"}, MODEL_NO),
    ],
)
def test_a_sceptic_moves_the_verdict(paper: Log, number: int, changed: dict, verdict: str) -> None:
    assert judged(paper, number, replace(Assumptions(), **changed)).verdict == verdict != PAPER[number]


def test_assumptions_say_unit_and_source() -> None:
    table = Assumptions(server=Server(cpu=0.01)).table()
    assert table.notna().all(axis=None) and table.ne("").all(axis=None)
    assert table.loc["server", "value"] == "changed" and table.loc["load", "value"] == "the white paper's"
    with pytest.raises(TypeError):
        Assumptions(conections=3)
    with pytest.raises(ValueError, match="dialup must be above 0, not 0"):
        Assumptions(dialup=0)


def test_a_world_without_spam(paper: Log) -> None:
    found = claims.ledger(paper, Assumptions(load=Load(spam=Spam(rate=0.0)), simulated=100.0, replications=2))
    assert found["verdict"].isin(claims.VERDICTS).all()
    assert found.loc[[7, 14], "verdict"].tolist() == [MODEL_NO, MODEL_NO]


# -- other logs -------------------------------------------------------------------------------------------------


def excerpt(length: float) -> Log:
    script = [
        (0.0, "S: 220 hi"),
        (1.0, "C: EHLO me"),
        (2.0, "S: 250 HOST"),
        (length - 1, "C: QUIT"),
        (length, "S: 221 BYE"),
    ]
    return dialogue_log([script], peers=["216.200.145.19"])


def inbound(*lines: str, strangers: int = 3) -> Log:
    """A server's log: strangers' mail for its own domain, then one session as given."""
    own = [
        "C: EHLO a",
        "S: 250 ok",
        "C: MAIL FROM:<s@far.org>",
        "S: 250 ok",
        "C: RCPT TO:<u@own.org>",
        "S: 250 ok",
        "C: QUIT",
        "S: 221",
    ]
    scripts = [
        [(20.0 * i + t, line) for t, line in enumerate(script)]
        for i, script in enumerate([own] * strangers + [list(lines)])
    ]
    return dialogue_log(scripts, role="server", peers=[f"192.0.2.{i + 1}" for i in range(len(scripts))])


def login(answer: str, domain: str = "elsewhere.net") -> list[str]:
    return ["C: EHLO spammer", "S: 250 ok", "C: AUTH PLAIN AGEAYg==", "S: 535 no", "C: MAIL FROM:<x@far.org>", "S: 250 ok",
            f"C: RCPT TO:<v@{domain}>", f"S: {answer}", "C: QUIT", "S: 221 bye"]  # fmt: skip


def probes(n: int, every: float) -> Log:
    script = [
        "C: EHLO p",
        "S: 250 ok",
        "C: MAIL FROM:<p@p.org>",
        "S: 250 ok",
        "C: RCPT TO:<t@t.org>",
        "S: 550 5.7.1 Unable to relay",
    ]
    return dialogue_log([[(every * i + 0.1 * k, line) for k, line in enumerate(script)] for i in range(n)], role="server",
                        peers=[f"198.51.100.{i % 200}" for i in range(n)])  # fmt: skip


def senders(path: str, answer: str) -> Log:
    return dialogue_log(
        [[(0, "C: EHLO x"), (1, "S: 250 ok"), (2, f"C: MAIL FROM:<{path}>"), (3, f"S: {answer}"), (4, "C: QUIT")]]
    )


@pytest.mark.parametrize(
    ("number", "log", "verdict"),
    [
        (1, lambda: excerpt(35), LOG_YES),
        (1, lambda: excerpt(60), LOG_NO),
        (2, lambda: senders("", "250 ok"), LOG_YES),
        (2, lambda: senders("", "550 no"), LOG_NO),
        (2, lambda: senders("a@b.org", "250 ok"), OPEN),
        (3, lambda: dialogue_log([talk(["EHLO", *["MAIL", "RCPT"] * 40])]), OPEN),  # one address, however often
        (9, lambda: inbound(*login("250 ok")), LOG_YES),
        (9, lambda: inbound(*login("550 Unable to relay")), LOG_NO),
        (9, lambda: inbound(*login("250 ok", "own.org")), OPEN),  # mail for the server's own users proves nothing
        (16, lambda: senders("a..b@x.org", "250 ok"), LOG_YES),
        (16, lambda: senders("a..b@x.org", "553 no"), LOG_NO),
        (16, lambda: senders("a.b@x.org", "250 ok"), OPEN),
        (17, lambda: probes(30, 2), LOG_YES),
        (17, lambda: probes(30, 600), LOG_NO),
        (17, lambda: inbound(*login("250 ok")), OPEN),
        (18, empty_log, OPEN),
        (20, empty_log, OPEN),
    ],
)
def test_the_log_moves_the_verdict(number: int, log, verdict: str) -> None:
    assert judged(log(), number).verdict == verdict


def test_plain_addresses_contradict_randomness() -> None:
    names = [
        f"{first}.{last}@example.org"
        for first in ("anna", "bert", "carla", "dora")
        for last in ("jones", "smith", "miller")
    ]
    script = [(0, "C: EHLO x"), (1, "S: 250 ok")]
    for i, name in enumerate(names * 4):
        script += [
            (2 + i, f"C: MAIL FROM:<s{i}@example.com>"),
            (2 + i, "S: 250 ok"),
            (2 + i, f"C: RCPT TO:<{name}>"),
            (2 + i, "S: 250 ok"),
        ]
    found = judged(dialogue_log([script]), 3)
    assert found.verdict == LOG_NO and found.computed == "0 of 60 addresses random or macros"


@pytest.mark.parametrize(("n", "verdict"), [(2000, LOG_YES), (200, LOG_NO)])
def test_notices_that_a_log_tells_of_are_counted(n: int, verdict: str) -> None:
    log = mta_log(n)
    at = np.arange(n) * 7200 / n  # two hours
    time = pd.Series(EPOCH + pd.to_timedelta(at, unit="s")).astype("datetime64[us, UTC]")
    log.events["time"] = log.transactions["start"] = log.recipients["time"] = time
    log.transactions["report"] = "postmaster"
    found = judged(log, 6)
    assert found.verdict == verdict and f"{n // 2:,} in the busiest hour" in found.evidence


@pytest.mark.parametrize("kind", LOGS)
def test_every_format_gives_a_full_ledger(kind: str, shared: Path) -> None:
    check(claims.ledger(spamlab.read(LOGS[kind])))


def test_logs_that_hold_nothing() -> None:
    for log in (empty_log(), mta_log(), mta_log(0)):
        check(claims.ledger(log))
        assert claims.answer(log).endswith(".")


def test_without_the_stored_logs(paper: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed wheel has no data beside it."""
    monkeypatch.setattr(evidence.samples, "SAMPLES", tmp_path)
    for cached in (evidence.sample, evidence.truths):
        cached.cache_clear()
    found = claims.ledger(paper)
    for cached in (evidence.sample, evidence.truths):
        cached.cache_clear()
    check(found)
    assert found.loc[[13, 22], "verdict"].tolist() == [OPEN, OPEN]
    assert found.loc[12, "verdict"] == MODEL_YES


def test_hostile_addresses_stay_text() -> None:
    script = [(0, "C: EHLO x"), (1, "S: 250 ok")]
    for i, name in enumerate((HOSTILE, "$RND" + HOSTILE, "a1b2c3d4e5" + HOSTILE, "é\u202e@x", "@@", "x@[::", '"')):
        script += [
            (2 + i, f"C: MAIL FROM:<{name}@x.org>"),
            (2 + i, "S: 250 ok"),
            (2 + i, f"C: RCPT TO:<{name}>"),
            (2 + i, "S: 550 no"),
        ]
    log = dialogue_log([script])
    check(claims.ledger(log))
    log.sources["source"] = log.events["source"] = "<img src=x>\x1b[2J\n.log"
    found = claims.ledger(log)
    check(found)
    assert "\\x1b" in found.loc[1:, "evidence"].str.cat()


# -- the parts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("$RANDOMIZE3T@NETSCAPE.COM", ""),
        ("${RANDOMIZE3T@NETSCAPE.COM}", "sub-domain"),
        ('"a b"@example.org', ""),
        ("a@[192.0.2.1]", ""),
        ("a@[IPv6:2001:db8::1]", ""),
        ("jürgen@example.org", ""),
        ("a@host.test", ""),
        ("a@localhost", ""),
        ("a@[192.0.2]", "address literal"),
        ("a..b@example.org", "dot"),
        (".a@example.org", "dot"),
        ("a b@example.org", "atext"),
        ("a", "no domain"),
        ("@example.org", "empty local part"),
        ("a@", "empty domain"),
        ("a@-x.org", "hyphen"),
        ("a" * 65 + "@example.org", "4.5.3.1"),
        ("a@ex_ample.org", "sub-domain"),
    ],
)
def test_which_rule_an_address_breaks(address: str, rule: str) -> None:
    said = evidence.broken_rule(address)
    assert rule in said and bool(rule) == bool(said)
    assert not said or "RFC 532" in said


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_address_is_too_strange(address: str) -> None:
    said = evidence.broken_rule(address)
    assert said == "" or "(RFC" in said
    assert evidence.made_by(pd.Series([address])).isin(["macro", "random", "plain"]).all()


def test_a_huge_log_is_sampled_and_says_so() -> None:
    log = mta_log(3000)
    log.recipients["forward_path"] = [f"user{i}@example.org" for i in range(3000)]
    found = judged(log, 16, Assumptions(sample=100))
    assert "100 different" in found.evidence


def test_how_often_a_random_local_part_is_recognised() -> None:
    """Labelled names: the simulation's ten hexadecimal digits against its ordinary ones, and real servers' users."""
    recipients = (
        spamlab.read(ROOT / "data" / "exchange55-simulated-day.log.gz")
        .recipients["forward_path"]
        .dropna()
        .drop_duplicates()
    )
    local = recipients.str.split("@").str[0]
    drawn, plain = local.str.fullmatch("[0-9a-f]{10}"), local.str.fullmatch("[a-z.]+[0-9]{0,3}")
    found = evidence.made_by(recipients)
    assert stats.share_interval(int(found[drawn].eq("random").sum()), int(drawn.sum()))[0] > 0.9
    assert found[plain].eq("plain").all() and plain.sum() > 400
    lists = ["bounce-4TtH3b172Tc003J@a.test", "jo+fbafbe15e9@a.test", "SRS0=a1b2=c3d4e5=x.org=jo@a.test", "xn--ihqwcrb4cv8a8dqg056pqjye@a.test",
             "someone2A@a.test", "felica4uu@a.test"]  # fmt: skip
    assert evidence.made_by(pd.Series(lists)).eq("plain").all()
    macros = [
        "$RANDOMIZE6E@a.test",
        "${RND}@a.test",
        "%RND_TEXT%@a.test",
        "{%RAND%}@a.test",
        "[[rnd]]@a.test",
        "$FROM_USER@a.test",
    ]
    assert evidence.made_by(pd.Series(macros)).eq("macro").all()
    postfix = spamlab.read(ROOT / "data" / "samples" / "postfix.log", year=2026)
    assert evidence.made_by(postfix.recipients["forward_path"].dropna().drop_duplicates()).eq("plain").all()


@pytest.mark.parametrize(("falls", "guest"), [(True, True), (False, True), (True, False)])
def test_fall_through_is_found_where_it_happens(falls: bool, guest: bool) -> None:
    run = simulate.run(Server(fall_through=falls, guest=guest), Load(), duration=300, seed=3)
    found = evidence.fallthrough(run.log(), Assumptions())
    failed = run.messages[run.messages["login"].eq("failed")]
    through = failed["state"].ne("refused").sum()
    assert (through > 50) == (falls and guest)
    assert found["taken"].sum() == through  # each once, and nobody else
    assert len(found) >= len(failed)


def test_docstrings_are_the_claims() -> None:
    first = claims.CLAIMS[1]
    assert first.claim == "The excerpt lasts 35 seconds"
    assert first.test == "Stamps of the excerpt and of its complete session, with their resolution"
    assert len({claim.claim for claim in claims.CLAIMS.values()}) == len(claims.CLAIMS) == 23


def test_own_domains_can_be_given() -> None:
    log = inbound(*login("250 ok"))
    assert not evidence.fallthrough(log, Assumptions(local_domains=("Elsewhere.NET", "own.org")))["fell"].any()


def test_relay_attempts_of_real_logs() -> None:
    """The testbed's clients tried to relay in so many sessions, whatever the server."""
    for server in ("postfix", "exim", "sendmail"):
        log, truth = evidence.sample(server)
        asked = {session["number"] for session in truth["sessions"] if session["kind"] in ("relay", "mixed")}
        found = evidence.relay_attempts(log)
        assert len(found) == len(asked) == 28
        assert evidence.strangers_relays(truth) == (28, 0)


def test_places() -> None:
    log = dialogue_log([talk(["EHLO", "MAIL"])])
    assert evidence.places(log, []) == "no line" == evidence.places(log, [pd.NA])
    assert evidence.places(log, log.events.index[1:2]).endswith(", line 2")


# -- the notebook -----------------------------------------------------------------------------------------------


def test_the_notebook_links_every_claim() -> None:
    cells = json.loads((ROOT / "notebooks" / "08-claims.ipynb").read_text(encoding="utf-8"))["cells"]
    prose = "".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "markdown")
    rows = dict(re.findall(r"^\| (\d+) \|.*\[([\w-]+)\]\([\w-]+\.ipynb(?:#[\w-]+)?\) \|$", prose, re.MULTILINE))
    assert rows == {str(number): claim.see for number, claim in claims.CLAIMS.items()}
    for name, figure in re.findall(r"\]\(([\w-]+\.ipynb)(?:#figure-([\w-]+))?\)", prose):
        notebook = ROOT / "notebooks" / name
        assert notebook.is_file(), name
        assert not figure or f'"figure": "{figure}"' in notebook.read_text(encoding="utf-8"), figure


def test_links_between_notebooks_stay_in_the_report() -> None:
    prose = "[a](01-the-log.ipynb#figure-01-sessions) [b](07-what-if.ipynb) [c](https://example.org/d.ipynb)"
    shown = report._shown(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose)]), Path())
    assert shown.cells[0].source == "[a](#figure-01-sessions) [b](#07-what-if) [c](https://example.org/d.ipynb)"


def test_reading_the_printed_page_finds_the_braces() -> None:
    """As printed the recipient is ``<${RANDOMIZE3T@NETSCAPE.COM}>``, which no domain allows."""
    page = (
        (ROOT / "data" / "exchange55-appendix-a.log")
        .read_bytes()
        .replace(b"<$RANDOMIZE3T@NETSCAPE.COM>", b"<${RANDOMIZE3T@NETSCAPE.COM}>")
    )
    found = judged(spamlab.read(io.BytesIO(page)), 16)
    assert "(2 different) 4, 0 of them taken; 1 × a character that no domain may hold" in found.evidence
