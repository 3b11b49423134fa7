"""The report: notebooks run on a log, and one page that needs nothing but itself.

The page loads nothing and runs nothing (its Content-Security-Policy forbids both), and nothing a log holds
is taken for HTML, Markdown or TeX. The same log and versions give the same folder, byte for byte.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
import html
import itertools
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup

from spamlab import atomic, clock, evidence, execute, inputs, parquet, stream, summary, volume
from spamlab.log import Log
from spamlab.safe import file_name, printable
from spamlab.words import octets

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
KINDS = ("svg", "png", "pdf")
_IMAGE_LIMIT = 1_500_000  # octets: a larger SVG is shown as PNG in the page

LARGE = 250_000_000
"""Octets of log that are read at once; of more the tables are made part by part.

With so much of Postfix either way takes 2 GB; with 500 MB at once 3.4, in parts 1.9, and as long.
"""

_ROWS = 50  # log files named in the page; all are in provenance.json

# What an admin asks of a log comes first: what happens to the mail, and what does it cost? The paper's own log keeps
# the order of the notebooks, which is the paper's.
_FIRST = ("06-traffic", "05-backscatter")

# What tables may hold in the page; all other markup in an output is dropped, its text kept.
_TAGS = ["table", "thead", "tbody", "tr", "th", "td", "p"]


def build(
    source: Any, out: str | Path, figures: Sequence[str] = ("svg", "png"), since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None, progress: bool = False, **read_options: Any,
) -> Path:  # fmt: skip
    """Run the notebooks on a log and write the report.

    Parameters
    ----------
    source
        What ``spamlab.read`` takes. Of more than ``LARGE`` octets, of a stream or several converted folders the tables
        are made part by part, in memory that does not grow with the log.
    out
        The report's folder: replaced as a whole, or left as it was if anything fails.
    figures
        Kinds of figure files: ``svg``, ``png`` (300 dpi), ``pdf``.
    since, until
        Only what was logged between these times.
    progress
        Show on the terminal how far it is.
    **read_options
        ``format``, ``tz``, ``year``, ``dayfirst``: see ``spamlab.read``.

    Returns
    -------
    Path
        The page, ``index.html`` in ``out``; beside it, the folder ``tables`` is a log to all commands.

    Raises
    ------
    spamlab.errors.ReadError, spamlab.UnknownFormat
        Nothing could be read.
    spamlab.atomic.NotOurs
        ``out`` holds something that spamlab did not write.
    spamlab.execute.NotebookFailed
        A notebook failed.
    """
    if unknown := set(figures) - set(KINDS):
        raise ValueError(f"unknown kind of figure {sorted(unknown)[0]!r}; there are {', '.join(KINDS)}")
    atomic.check(Path(out))
    folders, rest = parquet.split(source)
    write: Callable[[Path], object]
    if len(folders) == 1 and not rest and since is None and until is None:
        Log.from_parquet(folders[0])
        write = functools.partial(shutil.copytree, folders[0], dirs_exist_ok=True, copy_function=_linked)
    else:
        parts = _parts(source, since, until, progress, read_options)
        write = functools.partial(parquet.write, _begun(parts))
    asked = {"figures": list(figures), "since": since and str(since), "until": until and str(until), **read_options}
    with atomic.folder(Path(out)) as folder:
        for name in ("tables", "figures", "notebooks"):
            (folder / name).mkdir()
        write(folder / "tables")
        _fill(folder, figures, asked, progress)
    return Path(out) / "index.html"


def _begun(parts: Iterator[Log]) -> Iterator[Log]:
    """The same parts, the first made now: where nothing can be read, nothing is begun."""
    return itertools.chain([next(parts)], parts)


def _parts(
    source: Any, since: pd.Timestamp | None, until: pd.Timestamp | None, progress: bool, options: dict[str, Any]
) -> Iterator[Log]:
    """What was logged between these times, as a whole or, where that could be too large for memory, in parts."""
    read = stream.parts if _large(source) else _whole
    yield from stream.between(read(source, progress=progress, **options), since, until)


def _whole(source: Any, **options: Any) -> Iterator[Log]:
    import spamlab

    yield spamlab.read(source, **options)


def _large(source: Any) -> bool:
    """Whether a log may be larger than ``LARGE``: how much a stream holds is not known, or how much was converted."""
    folders, rest = parquet.split(source)
    listed = rest if isinstance(rest, (list, tuple)) else [rest]
    if folders or any(hasattr(one, "read") or Path(one).is_fifo() or Path(one).is_char_device() for one in listed):
        return True
    return sum(map(volume.octets, inputs.find(listed))) > LARGE


def _fill(folder: Path, figures: Sequence[str], asked: dict[str, Any], progress: bool) -> None:
    paths, log = execute.notebooks(), Log.from_parquet(folder / "tables")
    told = {"SPAMLAB_FIGURES": str(folder / "figures"), "SPAMLAB_FIGURE_TYPES": ",".join(figures)}
    told[clock.NAMED] = clock.zone(log.sources, asked.get("tz"))
    given, cwd = {"log_path": "../tables"}, folder / "notebooks"
    made = execute.run(paths, given, cwd=cwd, environment=told, progress=progress)
    for path, notebook in zip(paths, made, strict=True):
        execute.write(notebook, folder / "notebooks" / path.name)
    provenance = _provenance(log, asked, paths)
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")
    page = _page(log, folder, _ordered(log, dict(zip(paths, made, strict=True))), provenance)
    (folder / "index.html").write_text(page, encoding="utf-8")


def _ordered(log: Log, notebooks: dict[Path, NotebookNode]) -> dict[Path, NotebookNode]:
    """The notebooks in the order in which the page shows them."""
    if evidence.heading(log) is not None:
        return notebooks
    rank = {name: place for place, name in enumerate(_FIRST)}
    return dict(sorted(notebooks.items(), key=lambda each: rank.get(each[0].stem, len(rank))))


def _linked(source: str, target: str) -> str:
    """The same file at another place; a copy where the file system can hold it at one only."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target


def _provenance(log: Log, asked: dict[str, Any], notebooks: Iterable[Path]) -> dict[str, Any]:
    """What the report was made from and with; no times of day, so that it can be made again."""
    libraries = ("pandas", "numpy", "pyarrow", "scipy", "matplotlib", "papermill", "nbconvert")
    versions = {"spamlab": version("spamlab"), "python": platform.python_version()}
    return {
        "parameters": asked,
        "sources": json.loads(log.sources.to_json(orient="records", date_format="iso")),
        "notebooks": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in notebooks},
        "versions": versions | {name: version(name) for name in libraries},
        "platform": sys.platform,
    }


# -- the page ----------------------------------------------------------------------------------------------


def _page(log: Log, folder: Path, notebooks: dict[Path, NotebookNode], provenance: dict[str, Any]) -> str:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    count = summary.totals(log)
    totals = {
        name: [(summary.label(key), f"{count[key]:,}") for key in keys if count[key] or name == "Log"]
        for name, keys in summary.GROUPS.items()
    }
    sizes = ("octets_received", "octets_delivered")
    totals["Messages"] += [(summary.label(key), octets(count[key])) for key in sizes if count[key]]
    names = [printable(Path(str(name)).name) for name in log.sources["source"]]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    prose = MarkdownWithMath(IPythonRenderer(escape=False, exclude_anchor_links=True))
    environment.filters["markdown2html"] = lambda text: Markup(prose.render(text))  # noqa: S704 - our own prose
    titles = {path.stem[:2]: (file_name(path.stem), _title(notebook, path)) for path, notebook in notebooks.items()}
    environment.filters["chapters"] = functools.partial(_chapters, titles=titles)
    environment.filters["escape_html"] = lambda text: Markup(html.escape(str(text)))  # noqa: S704
    body = environment.get_template("notebook.html.j2")
    return environment.get_template(
        "page.html.j2"
    ).render(
        title=f"What {names[0] if len(names) == 1 else f'{len(names):,} log files'} tells",
        span=f"{count['format']}, {summary.span(log, provenance['parameters'].get('tz'))}",
        css=Markup(css),  # noqa: S704 - our own file
        css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        parts=[_part(path, notebook, folder / "figures", body) for path, notebook in notebooks.items()],
        totals=totals,
        assumed=summary.assumptions(log),
        sources=[{**source, "source": printable(source["source"])} for source in provenance["sources"][:_ROWS]],
        more=max(0, len(provenance["sources"]) - _ROWS),
        versions=provenance["versions"],
    )


def _part(path: Path, notebook: NotebookNode, figures: Path, body: jinja2.Template) -> dict[str, Any]:
    """A notebook as the page shows it: its title, its answer, its body without code."""
    answers = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    said = [_said(output) for cell in answers for output in cell.outputs]
    return {
        "id": file_name(path.stem),
        "file": path.name,
        "title": _title(notebook, path),
        "answer": "\n".join(filter(None, said)),
        "body": Markup(body.render(nb=_shown(notebook, figures)).lstrip()),  # noqa: S704 - escaped, piece by piece
    }


def _title(notebook: NotebookNode, path: Path) -> str:
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = re.search(rf"^# {_NUMBER_OF}(.+)", prose, re.M)
    return title[1] if title else path.stem


def _chapters(text: object, titles: dict[str, tuple[str, str]]) -> Markup:
    """Text as HTML; where a sentence leads to another notebook, it leads to that part of the page.

    >>> _chapters("<b> It is late: see notebook 06 (traffic.delays).", {"06": ("06-traffic", "What is slow?")})
    Markup('&lt;b&gt; It is late: see <a href="#06-traffic">What is slow?</a>')
    """

    def link(found: re.Match[str]) -> str:
        place, title = titles[found[1]]
        return f'see <a href="#{place}">{html.escape(title)}</a>{"" if title.endswith("?") else found[2]}'

    shown = re.sub(rf"see notebook ({'|'.join(titles)})(?: \([\w.]+\))?([.]?)", link, html.escape(str(text)))
    return Markup(shown)  # noqa: S704 - escaped above


def _said(output: NotebookNode) -> str:
    """What a cell says in words, with ``notebook.say`` or ``print``."""
    if output.output_type == "stream":
        return str(output.text).strip("\n")
    return str(output.data["text/plain"]) if output.get("metadata", {}).get("spamlab", {}).get("said") else ""


def _shown(notebook: NotebookNode, figures: Path) -> NotebookNode:
    """A copy with only what the page shows: headings one level down, figures from files, safe tables.

    Cells tagged ``remove_cell`` speak to whoever has the notebook before him; of those tagged ``assumptions`` the code
    is shown, which says what a reader may doubt.
    """
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    shown = copy.deepcopy(notebook)
    clean = SanitizeHTML(tags=_TAGS, attributes={"*": ["colspan", "rowspan", "scope"]}, strip=True)
    shown.cells = [cell for cell in shown.cells if "remove_cell" not in cell.metadata.get("tags", [])]
    heading = ""
    for cell in shown.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(rf"^# {_NUMBER_OF}", "# ", cell.source)
            heading = (re.findall("^#+ (.+)", cell.source, re.M) or [heading])[-1]
            cell.source = re.sub(r"^(?=#{1,5} )", "#", cell.source, flags=re.M)
            # A link from notebook to notebook stays in the page: to the figure it names, else to the notebook's part.
            cell.source = re.sub(
                r"\]\(([\w-]+)\.ipynb(?:#([\w-]+))?\)", lambda to: f"](#{to[2] or to[1]})", cell.source
            )
            continue
        cell.heading = heading  # names what it shows
        cell.outputs = [output for output in cell.get("outputs", ()) if output.get("name") != "stderr"]
        for output in cell.outputs:
            if words := _said(output):
                output.said = words
            elif name := output.get("metadata", {}).get("spamlab", {}).get("figure"):
                output.anchor = file_name(name)
                if "image/png" in output.data:
                    output.figure = _figure(output.anchor, output, figures)
            elif table := output.get("data", {}).get("text/html"):
                table = re.sub(r"<style.*?</style>", "", table, flags=re.S)  # pandas' own look
                output.data["text/html"] = Markup(_columns(clean.sanitize_html_tags(table)))  # noqa: S704
    return shown


_NUMBER_OF = r"(?:\d+\. )?"  # a notebook's, in its title: the page has its own order
_CELL = re.compile(r"<t([hd])>(.*?)</t\1>", re.S)
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?(e-\d+)?|inf|")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_NAME, _PROSE = 12, 40  # characters; a longer text breaks anywhere in print, or goes on in the next line


def _columns(table: str) -> str:
    """A table with its columns of numbers marked ``number``, its times ``time``, longer texts ``name`` or ``prose``.

    >>> _columns("<tr><th>n</th><th>of</th></tr><tr><td>1,000</td><td>x</td></tr>")
    '<tr><th class="number">n</th><th>of</th></tr><tr><td class="number">1,000</td><td>x</td></tr>'
    """
    if "span=" in table:  # cells that stand for several are in no column
        return table
    rows = [[cell for _, cell in _CELL.findall(row)] for row in table.split("<tr>")[1:]]
    numbers = [
        all(map(_NUMBER.fullmatch, column[1:])) and any(column[1:])
        for column in itertools.zip_longest(*rows, fillvalue="-")
    ]

    def row(text: str) -> str:
        places = itertools.count()

        def cell(found: re.Match[str]) -> str:
            tag, text = found[1], found[2]
            kind = "prose" if len(text) > _PROSE else "name" if len(text) > _NAME and tag == "d" else ""
            kind = "time" if _TIME.fullmatch(text) else kind
            kind = "number" if numbers[next(places)] else kind
            text = text.replace("_", "_<wbr>") if tag == "h" else text
            return f'<t{tag} class="{kind}">{text}</t{tag}>' if kind else f"<t{tag}>{text}</t{tag}>"

        return _CELL.sub(cell, text)

    return "<tr>".join(map(row, table.split("<tr>")))


def _figure(name: str, output: NotebookNode, figures: Path) -> dict[str, Any]:
    """A figure's image (its SVG, unless that is missing or huge), words and files."""
    svg = figures / f"{name}.svg"
    if svg.is_file() and svg.stat().st_size < _IMAGE_LIMIT:
        src = f"data:image/svg+xml;base64,{base64.b64encode(svg.read_bytes()).decode()}"
    else:
        src = f"data:image/png;base64,{output.data['image/png'].strip()}"
    files = [f"{name}.{kind}" for kind in (*KINDS, "csv") if (figures / f"{name}.{kind}").is_file()]
    return {"name": name, "src": src, "alt": output.data["text/plain"], "files": files}
