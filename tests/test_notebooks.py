"""The notebooks: run on any log, outputs as committed, and kept to what notebooks are for."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from spamlab import execute, notebook

NOTEBOOKS = execute.notebooks()
ROOT = Path(__file__).resolve().parent.parent
CONNECT = "11/11/03 2:00:01 PM : A connection to 10.0.0.1 was established.\r\n"

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def images(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [o for cell in code(notebook) for o in cell.outputs if "image/png" in o.get("data", {})]


def run_on(logs: list[Path], folder: Path) -> None:
    """Run every notebook on every log, one after another in one kernel (most of a run is imports)."""
    paths = []
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        cells = code(notebook)[1:]
        notebook.cells = []
        for log in logs:
            first = nbformat.v4.new_code_cell(f"%reset -f\nlog_path = {str(log)!r}")
            notebook.cells += [first, *(nbformat.v4.new_code_cell(c.source, metadata=c.metadata) for c in cells)]
        paths.append(folder / path.name)
        nbformat.write(notebook, paths[-1])
    for path, made in zip(paths, execute.run(paths), strict=True):
        where = ""
        for cell in code(made):  # errors would have raised
            where = cell.source if cell.source.startswith("%reset") else where
            assert not [output for output in cell.outputs if output.get("name") == "stderr"], (path.name, where)
            if "answer" in cell.metadata.get("tags", []):
                assert cell.outputs, (path.name, where)
                for output in cell.outputs:
                    said = output.data["text/plain"]
                    assert output.metadata["spamlab"]["said"], (path.name, where)
                    assert said.endswith("."), (path.name, where)
                    assert not {"nan", "NaT", "<NA>", "None"} & set(said.split()), (path.name, where, said)


@each
def test_conventions(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code(notebook)
    assert cells[0].metadata.tags == ["parameters"]
    assert cells[0].source.strip() in (
        'log_path = "../data/exchange55-appendix-a.log"',
        'log_path = "../data/samples/exim.log"',  # traffic: a mail server's log shows more of it
    )
    assert cells[-1].metadata.tags == ["answer"]
    assert notebook.cells[0].source.startswith("# ")
    lines = [len(cell.source.splitlines()) for cell in cells]
    assert statistics.median(lines) <= 4
    for cell in cells:
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.While))
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {"re", "os", "sys"} & set(names)


@each
def test_figures_have_words_and_names(path: Path) -> None:
    figures = images(nbformat.read(path, as_version=4))
    assert figures
    for figure in figures:
        assert figure.metadata["image/png"]["alt"] == figure.data["text/plain"]
        assert len(figure.data["text/plain"]) > 20
        assert 'alt="' in figure.data["text/html"]
        assert figure.metadata["spamlab"]["figure"].startswith(path.stem[:2])


def test_figure_names_are_unique() -> None:
    names = [o.metadata["spamlab"]["figure"] for path in NOTEBOOKS for o in images(nbformat.read(path, as_version=4))]
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_committed_outputs_are_what_running_again_gives(tmp_path: Path) -> None:
    for path, made in zip(NOTEBOOKS, execute.run(NOTEBOOKS), strict=True):
        execute.write(made, tmp_path / path.name)
        same = (tmp_path / path.name).read_bytes() == path.read_bytes()  # a diff of images would take pytest an hour
        assert same, f"{path.name}: run `make notebooks`"


@pytest.mark.slow
def test_on_a_busy_day_and_on_one_connect_line(tmp_path: Path) -> None:
    (tmp_path / "L0000000.LOG").write_text(CONNECT, newline="")
    run_on([ROOT / "data" / "exchange55-simulated-day.log.gz", tmp_path / "L0000000.LOG"], tmp_path)


@pytest.mark.slow
def test_on_the_corpus(shared: Path, tmp_path: Path) -> None:
    logs = sorted((shared / "corpus" / "exchange55").iterdir())
    assert len(logs) >= 4
    run_on(logs, tmp_path)


def test_tables_are_for_readers(capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands parted but in what names something, no row numbers, no words of pandas for what is missing."""
    wide = pd.DataFrame(
        {"transaction": [12_345, 12_346, 12_347], "session": pd.array([None] * 3, "Int64"), "octets": [4934.0, 1e6, -0.0],
         "share": [0.25, 1 / 3, None], "told": [True, False, pd.NA], "at": pd.Timestamp("2026-03-11", tz="UTC")},
    )  # fmt: skip
    notebook.table(wide, rows=2)
    assert capsys.readouterr().out.splitlines() == [
        "transaction session octets share told            at (UTC)",
        "      12345          4,934  0.25  yes 2026-03-11 00:00:00",
        "      12347              0            2026-03-11 00:00:00",
        "The first and last rows of 3.",
    ]
    notebook.table(pd.DataFrame({"year_assumed": [2024], "lines": [2024]}).T)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["year_assumed", "2024"],
        ["lines", "2,024"],
    ]
    notebook.table(pd.DataFrame({"n": []}).T)
    assert capsys.readouterr().out == "Nothing of the kind in this log.\n"
    notebook.table(pd.DataFrame({"octets": [0, 0], "packets": pd.array([0, None], "Int64")}, ["SMTP", "TCP"]))
    assert capsys.readouterr().out == "Nothing of the kind in this log.\n"
    notebook.table(pd.DataFrame({"session": [0]}, ["first"]))
    assert capsys.readouterr().out.split() == ["session", "first", "0"]


def test_what_is_displayed_breaks_between_words_and_reads_from_the_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """JupyterLab breaks printed lines anywhere, sets every cell to the right and breaks days at their hyphens."""
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(notebook, "_display", lambda data, about=None: shown.append(data))
    notebook.say("one <b>\ntwo & $x$")
    at = pd.Timestamp("2026-03-11 10:00", tz="UTC")
    notebook.table(pd.DataFrame({"reason": ["<td>2026-03-11 10:00:00</td>"], "count": [2], "first": [at]}))
    said, table = (data["text/html"] for data in shown)
    assert said == '<div class="tex2jax_ignore mathjax_ignore">one &lt;b&gt;<br>two &amp; $x$</div>'
    assert shown[0]["text/plain"] == "one <b>\ntwo & $x$"
    cells = [line.strip() for line in table.splitlines() if line.strip().startswith(("<th", "<td")) and "</t" in line]
    assert cells[3:] == [
        '<td style="text-align: left">&lt;td&gt;2026-03-11 10:00:00&lt;/td&gt;</td>',
        "<td>2</td>",
        '<td><span style="white-space: nowrap">2026-03-11</span> 10:00:00</td>',
    ]
