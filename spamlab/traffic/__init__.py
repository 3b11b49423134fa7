"""Traffic: how much mail came, went, waited and was refused; by time, host, domain, address and reason.

Every table counts a message once, however many queues of the log it went through; ``hops=True`` counts every hop.
Times are in the zone in which the log's times are shown (``spamlab.clock``) unless ``zone`` names one.
"""

from __future__ import annotations

from spamlab.traffic.flows import FAILED, SAYS, STATES, TAKEN, flow, share, tally
from spamlab.traffic.in_time import by_day, by_hour, by_hour_of_day, by_time
from spamlab.traffic.ranks import by_domain, by_host, clients, top_recipients, top_senders
from spamlab.traffic.told import answer
from spamlab.traffic.waiting import PARTS, QUANTILES, delay_parts, delays, queue_times, waits
from spamlab.traffic.why import pattern, reasons, spoken

__all__ = [
    "FAILED",
    "PARTS",
    "QUANTILES",
    "SAYS",
    "STATES",
    "TAKEN",
    "answer",
    "by_day",
    "by_domain",
    "by_host",
    "by_hour",
    "by_hour_of_day",
    "by_time",
    "clients",
    "delay_parts",
    "delays",
    "flow",
    "pattern",
    "queue_times",
    "reasons",
    "share",
    "spoken",
    "tally",
    "top_recipients",
    "top_senders",
    "waits",
]
