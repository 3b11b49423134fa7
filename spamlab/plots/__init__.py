"""Figures: a DataFrame in, ``ax=None``, the Axes back; one finding a figure, said in its title.

All are drawn in the look of ``spamlab.mplstyle`` (`STYLE`), whatever the caller's. Titles, notes and
alternative text (`alt`) are computed from the data; `data` is the table that was drawn. Text of a log is
drawn as it stands: no TeX, no markup, unprintable characters escaped. Many rows are reduced before they
are drawn.

>>> from matplotlib.axes import Axes
>>> from spamlab import tables
>>> isinstance(sessions(tables.empty("sessions")), Axes)
True
"""

from spamlab.plots._look import STYLE as STYLE
from spamlab.plots._look import alt as alt
from spamlab.plots._look import data as data
from spamlab.plots._rows import codes as codes
from spamlab.plots._rows import ladder as ladder
from spamlab.plots._rows import octets as octets
from spamlab.plots._rows import saved as saved
from spamlab.plots._rows import sessions as sessions
from spamlab.plots._rows import spans as spans
from spamlab.plots._values import latency as latency
from spamlab.plots._values import latency_by_peer as latency_by_peer
from spamlab.plots._values import loop as loop
from spamlab.plots._values import loops as loops
from spamlab.plots._values import periods as periods
from spamlab.plots._values import sizes as sizes
from spamlab.plots._values import sizes_in_time as sizes_in_time
