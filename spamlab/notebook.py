r"""What notebook cells call to show things: figures with alternative text, tables, one sentence.

Text from a log is shown as text everywhere: tables are escaped HTML that MathJax is told to leave alone,
sentences likewise, figures are images. JupyterLab (4.6) gives an ``image/png`` output no ``alt``, so a
figure is sent as HTML with one too; nbconvert and others take the image and the ``alt`` from its metadata.

With ``SPAMLAB_FIGURES`` naming a folder, every figure is also saved there in the kinds that
``SPAMLAB_FIGURE_TYPES`` names (default: ``svg,png``; PNG at 300 dpi), its data as CSV. ``SPAMLAB_TZ`` names the zone of
the times that are shown (see ``clock``).
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from spamlab import clock, tables
from spamlab.safe import file_name, for_spreadsheet, printable, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# MathJax 2 and 3 leave elements of these classes alone (pandas writes them too, for tables).
NO_MATH = "tex2jax_ignore mathjax_ignore"

# Same input, same bytes: no dates, no version of the drawing library.
_UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def setup() -> None:
    """Set plain, safe display for this notebook; call it once, at the top."""
    import matplotlib as mpl

    from spamlab import plots

    mpl.rcdefaults()  # a notebook looks the same whatever the user's own settings
    mpl.style.use(plots.STYLE)
    look = {"html.use_mathjax": False, "max_rows": 30, "max_columns": 30, "max_colwidth": 80}
    for name, value in look.items():
        pd.set_option(f"display.{name}", value)


def show(
    figure: Figure | Axes, name: str, alt: str | None = None, data: pd.DataFrame | pd.Series | None = None
) -> None:
    """Display a figure and close it; save it and its data where ``SPAMLAB_FIGURES`` says.

    A figure with nothing to show is one sentence, and no file.

    Parameters
    ----------
    figure
        The Figure, or an Axes of it.
    name
        Its name in the report, unique among all notebooks: ``04-turn-by-turn``.
    alt
        What it shows, in words, for those who cannot see it; by default what ``plots.alt`` says of the Axes.
    data
        What it was drawn from.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> show(figure, "empty", "an empty figure")
    an empty figure
    """
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    from spamlab import plots

    drawn = figure if isinstance(figure, Figure) else cast("Figure", figure.get_figure(root=True))
    if alt is None:
        alt = plots.alt(drawn.axes[0] if isinstance(figure, Figure) else figure)
    words, name = printable(alt), file_name(name)
    if not isinstance(figure, Figure) and plots.sentence(figure):
        pyplot.close(drawn)
        return _words(words, {"figure": name})
    _save(drawn, name, data)
    width = round(drawn.get_figwidth() * drawn.dpi)
    png = base64.b64encode(_bytes(drawn, "png", dpi=1.5 * drawn.dpi)).decode("ascii")
    image = f'<img src="data:image/png;base64,{png}" alt="{html.escape(words)}" width="{width}">'
    _display(
        {"text/html": f'<div class="jp-RenderedImage">{image}</div>', "image/png": png, "text/plain": words},
        {"image/png": {"alt": words, "width": width}, "spamlab": {"figure": name}},
    )
    pyplot.close(drawn)


def table(
    frame: pd.DataFrame | pd.Series, rows: int = 30, width: int = 60, of: int | None = None,
    sources: pd.DataFrame | None = None,
) -> None:  # fmt: skip
    """Display a table, its texts escaped and shortened in their middle; of an empty one say that there is nothing.

    So it says of one in which nothing but zeros was counted.

    Parameters
    ----------
    frame
        The table; a Series is shown as one column.
    rows
        Longer tables show their first and last rows.
    width
        Characters of a text that are shown.
    of
        Rows of the whole table, where ``frame`` holds only the first and the last of them.
    sources
        The Log's sources, for the zone of times (see ``clock``); by default they stay in their own. Either way the
        column says it.

    Examples
    --------
    >>> table(pd.DataFrame({"text": ["$x$ <b>", "c"], "n": pd.array([1, None], "Int64")}))
       text n
    $x$ <b> 1
          c
    """

    def one_line(text: str) -> str:
        return shorten(printable(text), width)

    zone = None if sources is None else clock.zone(sources)

    def plain_cells(column: pd.Series) -> Any:
        if zone and isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert(zone)
        values = zip(column.index, column.astype("object"), column.isna(), strict=True)
        cells = [
            "" if missing else _number(value, bool({column.name, label} & _NAMES)) or one_line(str(value))
            for label, value, missing in values
        ]
        return pd.Series(cells, column.index, dtype="str")

    frame = pd.DataFrame(frame)
    kinds = pd.api.types
    amounts = all(
        kinds.is_numeric_dtype(kind) and not kinds.is_bool_dtype(kind) and name not in _NAMES
        for name, kind in frame.dtypes.items()
    )
    if frame.empty or (amounts and not frame.fillna(0).to_numpy().any()):
        return say("Nothing of the kind in this log.")
    count = of or len(frame)
    if count > rows:
        frame = pd.concat([frame.head(rows - rows // 2), frame.tail(rows // 2)])
    if any(name is not None for name in frame.index.names):
        # A named index becomes columns: its name would take a line of its own.
        frame = frame.reset_index(allow_duplicates=True)
    shown = frame.apply(plain_cells)
    zoned = [isinstance(kind, pd.DatetimeTZDtype) and (zone or str(kind.tz)) for kind in frame.dtypes]
    if any(zoned):
        shown.columns = [f"{name} ({said})" if said else name for name, said in zip(frame.columns, zoned, strict=True)]
    if shown.index.dtype.name in ("str", "object"):
        shown.index = shown.index.astype("str").map(one_line)
    # Row numbers say nothing, of a longer table's first and last rows neither.
    index, header = (not kinds.is_integer_dtype(axis) for axis in (shown.index, shown.columns))
    with pd.option_context("display.max_colwidth", None):
        body = shown.to_html(border=0, classes=NO_MATH, na_rep="", index=index, header=header)
        texts = [not (kinds.is_numeric_dtype(kind) or kind.kind in "mM") for kind in frame.dtypes]
        body = _aligned(body, [frame.index.dtype == "str"] * index + texts)
        plain = shown.to_string(na_rep="", index=index, header=header)
    if count > rows:
        more = f"The first and last rows of {count:,}."
        body, plain = f"{body}<p>{more}</p>", f"{plain}\n{more}"
    _display({"text/html": body, "text/plain": plain})


_CELL = re.compile("<(t[hd])>")
_DAY = re.compile(r"(<t[hd]>)(\d{4}-\d\d-\d\d)(?= \d\d:\d\d:\d\d</)")  # a narrow column breaks behind it, not within


def _aligned(table: str, texts: list[bool]) -> str:
    """A table of HTML whose texts are set to the left (JupyterLab sets all to the right), and whose days stay whole."""
    table = _DAY.sub(r'\1<span style="white-space: nowrap">\2</span>', table)
    if "span=" in table:  # cells that stand for several are in no column
        return table

    def row(cells: str) -> str:
        left = iter(texts)
        return _CELL.sub(lambda cell: f'<{cell[1]} style="text-align: left">' if next(left, False) else cell[0], cells)

    return "<tr".join(map(row, table.split("<tr")))


# Numbers that name something are no amounts.
_NAMES = {*tables.IDS, "code", "year_assumed"}


def _number(value: object, named: bool) -> str:
    """A number as a reader wants it, its thousands parted unless it names something; a time, yes or no; else nothing.

    >>> [_number(value, False) for value in (12345, 12345.5, 564.0, 0.00001234, True, "x")]
    ['12,345', '12,345.5', '564', '1.23e-05', 'yes', '']
    """
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, (int, np.integer)):
        return str(value) if named else f"{value:,}"
    if isinstance(value, (float, np.floating)):
        amount = float(value)
        return f"{amount:.3g}" if 0 < abs(amount) < 1e-3 else f"{round(amount, 4) + 0.0:,.15g}"
    return ""


def say(text: str) -> None:
    """Say sentences, as plain text.

    JupyterLab breaks in mid-word what is printed, but not what is displayed.

    Examples
    --------
    >>> say("No loop.")
    No loop.
    """
    _words(printable(text, lines=True), {"said": True})


def _words(plain: str, about: dict[str, Any]) -> None:
    lines = "<br>".join(html.escape(plain).splitlines())
    _display({"text/html": f'<div class="{NO_MATH}">{lines}</div>', "text/plain": plain}, {"spamlab": about})


def _display(data: dict[str, str], metadata: dict[str, Any] | None = None) -> None:
    """Send a display to the notebook; outside one, print its plain text."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(data["text/plain"])
    else:
        display(data, raw=True, metadata=metadata or {})


def _bytes(figure: Figure, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=_UNDATED[kind], **options)
    return buffer.getvalue()


def _save(figure: Figure, name: str, data: pd.DataFrame | pd.Series | None) -> None:
    folder = os.environ.get("SPAMLAB_FIGURES")
    if not folder:
        return
    for kind in os.environ.get("SPAMLAB_FIGURE_TYPES", "svg,png").split(","):
        Path(folder, f"{name}.{kind}").write_bytes(_bytes(figure, kind, dpi=300))
    if data is not None:
        for_spreadsheet(pd.DataFrame(data)).to_csv(Path(folder, f"{name}.csv"), index=False, lineterminator="\n")
