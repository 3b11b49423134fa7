"""What is counted of a log in time, one strip each, with what stands out marked (notebook 06)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab import clock
from spamlab.plots import _look as look
from spamlab.plots._rows import rows
from spamlab.unusual import NOTHING, SHORT
from spamlab.words import per

HEIGHT = 0.8  # of a strip, of the room it has


@look.figure
def unusual(series: pd.DataFrame, *, sources: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Everything that is counted in time, each in its own strip; a stretch that stands out has another colour.

    Parameters
    ----------
    series : DataFrame
        Of ``unusual.series``.
    sources : DataFrame, optional
        The Log's sources, for the zone of the time axis.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes

    Examples
    --------
    >>> alone = unusual(pd.DataFrame({"time": [], "what": [], "count": [], "unusual": [], "reading": [], "begin": []}))
    >>> alone.get_label()
    'The log is too short to tell what is usual.'
    """
    look.need(len(series), SHORT)
    names = list(dict.fromkeys(series["what"]))
    most = series.groupby("what")["count"].max()
    ax = rows(look.axes(ax, 1.1 + 0.42 * len(names)), names, [f"{most[name]:,.0f}" for name in names])
    width = series["time"].drop_duplicates().diff().min()
    for row, name in enumerate(names):
        own = series[series["what"].eq(name)]
        at = look.days(pd.concat([own["time"], own["time"].tail(1) + width]))
        height = own["count"].to_numpy(float) * HEIGHT / max(most[name], 1)
        base = row + HEIGHT / 2
        for kind, color in ((False, look.GREY), (True, look.ACCENT)):
            shown = np.where(own["unusual"].eq(kind), height, 0)
            ax.stairs(base - shown, at, baseline=base, fill=True, color=color)
        ax.axhline(base, color=look.PALE, linewidth=0.6, zorder=0)
    ax.set_xlim(*look.days(pd.Series([series["time"].min(), series["time"].max() + width])))
    look.clock_axis(ax, series["time"].min(), series["time"].max() + width, sources)
    detail = f"At the right the most {per(width.total_seconds())}; in colour what stands out from the rest of the log"
    return look.finding(ax, _title(series, sources), detail, series)


def _title(series: pd.DataFrame, sources: pd.DataFrame | None) -> str:
    strange = series[series["unusual"]]
    if strange.empty:
        return NOTHING.rstrip(".")
    first = strange.iloc[strange["begin"].argmin()]
    return f"Since {clock.stamp(first['begin'], clock.zone(sources))[:16]}: {first['reading']}"
