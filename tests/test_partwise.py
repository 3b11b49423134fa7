"""A converted log in parts: every analysis that a notebook calls says what it says of the log as a whole."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import spamlab
from benchmarks.logs import write
from spamlab import (
    backscatter,
    claims,
    contents,
    evidence,
    loops,
    messages,
    parquet,
    partwise,
    sizes,
    sources,
    stored,
    stream,
    summary,
    timing,
    traffic,
    whatif,
)
from spamlab import log as logs
from spamlab.log import Log
from tests.conftest import ROOT
from tests.test_every_format import NOTEBOOKS, run

FORMATS = ("postfix", "exim", "exchange", "exchange-tracking", "exchange55", "iis-smtp", "zeek", "sendmail")
SAMPLES = {
    **{
        f"{name}, a real server's": ROOT / "data" / "samples" / f"{name}.log"
        for name in ("postfix", "exim", "sendmail")
    },
    "appendix A": ROOT / "data" / "exchange55-appendix-a.log",
}

GIVEN = evidence.Assumptions()
ANALYSES = {
    "contents.sessions": contents.sessions,
    "contents.busiest": lambda log: {n: t for n, t in contents.busiest(log).tables().items() if n != "sources"},
    "contents.codes": contents.codes,
    "contents.commands": contents.commands,
    "contents.replies": contents.replies,
    "contents.mail": lambda log: (contents.mail(log)[0].iloc[[*range(5), *range(-5, 0)]], contents.mail(log)[1]),
    "summary.lengths": summary.lengths,
    "summary.answer": summary.answer,
    "summary.text": summary.text,
    "summary.totals": summary.totals,
    "summary.totals, hops": lambda log: summary.totals(log, hops=True),
    "timing.replies": timing.replies,
    "timing.summary": timing.summary,
    "timing.periods": timing.periods,
    "timing.period_summary": timing.period_summary,
    "timing.answer": timing.answer,
    "sizes.messages": sizes.messages,
    "sizes.summary": sizes.summary,
    "sizes.answer": sizes.answer,
    "loops.find": loops.find,
    "loops.turns": loops.turns,
    "loops.longest": loops.longest,
    "loops.answer": loops.answer,
    "backscatter.ndrs": backscatter.ndrs,
    "backscatter.parts": backscatter.parts,
    "backscatter.saved": backscatter.saved,
    "backscatter.layers": backscatter.layers,
    "backscatter.bounds": backscatter.bounds,
    "backscatter.cost": backscatter.cost,
    "backscatter.counterfactuals": backscatter.counterfactuals,
    "backscatter.amplification": backscatter.amplification,
    "backscatter.answer": backscatter.answer,
    "traffic.by_time": traffic.by_time,
    "traffic.by_hour": lambda log: traffic.by_hour(log, hops=True),
    "traffic.by_hour_of_day": traffic.by_hour_of_day,
    "traffic.by_host": traffic.by_host,
    "traffic.by_host, relay": lambda log: traffic.by_host(log, by="relay"),
    "traffic.by_domain": traffic.by_domain,
    "traffic.top_senders": lambda log: traffic.top_senders(log, n=None),
    "traffic.top_senders, octets": lambda log: traffic.top_senders(log, n=5, by="octets_received"),
    "traffic.top_recipients": lambda log: traffic.top_recipients(log, n=None),
    "traffic.reasons": traffic.reasons,
    "traffic.delays": traffic.delays,
    "traffic.delays, relay": lambda log: traffic.delays(log, by="relay"),
    "traffic.delay_parts": traffic.delay_parts,
    "traffic.waits": traffic.waits,
    "traffic.clients": traffic.clients,
    "traffic.answer": traffic.answer,
    "evidence.answered_paths": evidence.answered_paths,
    "evidence.addresses": evidence.addresses,
    "evidence.syntax": lambda log: evidence.syntax(log, GIVEN),
    "evidence.tempo": evidence.tempo,
    "evidence.mail_codes": evidence.mail_codes,
    "evidence.received_recipients": evidence.received_recipients,
    "evidence.failed_logins": evidence.failed_logins,
    "evidence.fallthrough": lambda log: evidence.fallthrough(log, GIVEN),
    "evidence.relay_attempts": evidence.relay_attempts,
    "whatif.measured": whatif.measured,
    "claims": lambda log: [of.judge(claims.Case(log, GIVEN)) for n, of in claims.CLAIMS.items() if n in BY_LOG],
}
BY_LOG = (1, 2, 3, 5, 6, 10, 16, 17, 18, 20, 21)  # the others simulate


def same(one: object, other: object) -> None:
    """The same result, whatever the order of categories."""
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_categorical=False, check_freq=False, check_index_type=False)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, check_categorical=False, check_index_type=False)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name, value in one.items():
            same(value, other[name])
    elif isinstance(one, (tuple, list)):
        assert len(one) == len(other)
        for here, there in zip(one, other, strict=True):
            same(here, there)
    else:
        assert one == other or one == pytest.approx(other, nan_ok=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A log converted in many small parts, by its name."""

    @cache
    def converted(name: str) -> Path:
        made = tmp_path_factory.mktemp("log")
        path = SAMPLES.get(name)
        if path is None:
            path = made / "x.log"
            write(name, path, 1_500_000)
        (made / "tables").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream, "WINDOW", 400_000 if name in FORMATS else 200_000)
            patch.setattr(sources, "READ", 60_000 if name in FORMATS else 5_000)
            patch.setattr(sources.Source.text, "__defaults__", (sources.READ,))
            if name != "iis-smtp":
                patch.setattr(stream, "GRACE", pd.Timedelta(minutes=1))
            parquet.write(stream.parts(path), made / "tables")
        return made / "tables"

    return converted


@pytest.mark.parametrize("name", [*FORMATS, *SAMPLES])
def test_every_analysis_says_of_parts_what_it_says_of_the_whole(name, folder, monkeypatch):
    whole = Log.from_parquet(folder(name))
    assert not partwise.parted(whole)
    wanted = {what: analysis(whole) for what, analysis in ANALYSES.items()}
    monkeypatch.setattr(logs, "LARGE", 0)
    monkeypatch.setattr(stored, "TOGETHER", 10)
    log, wrong = Log.from_parquet(folder(name)), []
    assert partwise.parted(log) or name not in FORMATS
    for what, analysis in ANALYSES.items():
        try:
            same(wanted[what], analysis(log))
        except Exception as error:
            wrong.append(f"{what}: {type(error).__name__} {str(error)[:400]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_of_parts_what_it_says_of_the_whole(notebook, folder, monkeypatch):
    said = run(notebook, folder("postfix"))
    monkeypatch.setattr(logs, "LARGE", 0)
    monkeypatch.setattr(stored, "TOGETHER", 10)
    assert run(notebook, folder("postfix")) == said


def test_what_is_called_on_a_part_can_be_told_another_process(folder):
    whole = Log.from_parquet(folder("postfix"))
    sent = pickle.loads(pickle.dumps(partwise.OnPart(sizes.messages.__wrapped__, (), {})))
    same(sent(whole), sizes.messages(whole))


def test_a_large_log_is_read_by_table_and_column(folder, monkeypatch):
    log = Log.from_parquet(folder("postfix"))
    assert f"{log.count('events'):,} events" in repr(log) and "events" not in vars(log)
    assert list(log.columns("events", "kind", "code")) == ["kind", "code"] and "events" not in vars(log)
    monkeypatch.setattr(logs, "LARGE", 0)
    parts = log.map(type(log).tables)
    assert sum(len(part["events"]) for part in parts) == len(log.events)
    half = log.sessions["start"].sort_values().iloc[log.count("sessions") // 2]
    monkeypatch.setattr(logs, "LARGE", 10**9)
    whole = Log.from_parquet(folder("postfix")).between(half)
    monkeypatch.setattr(logs, "LARGE", 0)
    some = Log.from_parquet(folder("postfix")).between(half)
    assert [some.count(name) for name in parts[0]] == [whole.count(name) for name in parts[0]]


def test_what_several_analyses_need_of_a_converted_log_is_made_once(folder, monkeypatch):
    made = []
    flow = messages.flow
    monkeypatch.setattr(messages, "flow", lambda log, hops: made.append(log) or flow(log, hops))
    log = Log.from_parquet(folder("postfix"))
    first = traffic.by_domain(log)
    same(first, traffic.by_domain(log))
    traffic.by_hour(log)
    traffic.by_hour(log, hops=True)
    assert len(made) == 2  # with every hop, and without


def test_who_changes_a_table_is_told_of_what_it_is_now(folder):
    for log in (Log.from_parquet(folder("postfix")), spamlab.read(SAMPLES["postfix, a real server's"], year=2026)):
        assert traffic.by_hour(log)["delivered"].sum() > 0
        log.recipients.loc[:, "status"] = "deferred"
        assert traffic.by_hour(log)["delivered"].sum() == 0
