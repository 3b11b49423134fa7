"""Figures: a DataFrame in, ``ax=None``, the Axes back; one finding a figure, said in its title.

All are drawn in the look of ``spamlab.mplstyle`` (`STYLE`), whatever the caller's. Titles, notes and
alternative text (`alt`) are computed from the data; `data` is the table that was drawn, `sentence` what stands in
place of a figure with nothing to show. Text of a log is drawn as it stands: no TeX, no markup, unprintable
characters escaped. Many rows are reduced before they are drawn.

>>> from matplotlib.axes import Axes
>>> from spamlab import tables
>>> isinstance(sessions(tables.empty("sessions")), Axes)
True
"""

from spamlab.plots._claims import verdicts
from spamlab.plots._look import STYLE, alt, data, sentence
from spamlab.plots._rows import codes, ladder, octets, saved, sessions, spans
from spamlab.plots._traffic import clients, delays, mail, reasons, top
from spamlab.plots._unusual import unusual
from spamlab.plots._values import latency, latency_by_peer, loop, loops, periods, sizes, sizes_in_time
from spamlab.plots._whatif import error_messages, harvest, measures, saturation
from spamlab.plots._wire import captures, counterfactuals, layers

__all__ = ["STYLE", "alt", "captures", "clients", "codes", "counterfactuals", "data", "delays", "error_messages",
           "harvest", "ladder", "latency", "latency_by_peer", "layers", "loop", "loops", "mail", "measures", "octets",
           "periods", "reasons", "saturation", "saved", "sentence", "sessions", "sizes", "sizes_in_time", "spans",
           "top", "unusual", "verdicts"]  # fmt: skip
