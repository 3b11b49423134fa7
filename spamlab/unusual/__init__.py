"""What happens to a server that did not happen before: since when, who does it, and what it brings.

Everything that a log tells of is counted in time, by what it is (``SIGNALS``). A stretch of time stands out where much
more of it happened than in the rest of the log, more than the rest's busiest hours had, and more than the mail of those
hours explains: growth that all mail shares is no finding. What mail comes and goes stands out only where one account,
address or host makes it. Stretches that overlap are one finding; its ``reading`` is drawn from all of them.

The rest of the log is all there is to compare with: a log that is short, or unusual from its first line to its last,
tells nothing.

Three steps, a module each: ``counting``, ``finding``, ``saying``.
"""

from spamlab.unusual.counting import SIGNALS, WHO, Counts, counts
from spamlab.unusual.finding import Finding, Rise, findings, suspects
from spamlab.unusual.saying import NOTHING, SHORT, answer, reading, said, series, text, told

__all__ = ["NOTHING", "SHORT", "SIGNALS", "WHO", "Counts", "Finding", "Rise", "answer", "counts", "findings", "reading",
           "said", "series", "suspects", "text", "told"]  # fmt: skip
