"""Octets and packets of an SMTP dialogue on the wire: what TCP and IP add to the lines a log holds.

A dialogue is a row of writes, each of so many octets, each *sent* by the side that opened the connection or
*received* by it. A write goes out in segments; writes that follow one another in one direction are a turn. What
the sizes do not settle is which segments get an acknowledgement of their own. As in Linux (net/ipv4/tcp_input.c):

- a side acknowledges at once until it has answered ``quickacks`` turns in time; then its ACK rides on its answer;
- a second segment in a row is acknowledged at once (``every``; RFC 1122 §4.2.3.2);
- an answer that takes longer than ``delayed_ack`` is preceded by its ACK, and the side is back at the start.

Every line's packets are its own, so costs can be added up, shared and compared. ``captures`` holds the model
against real servers. Losses and keep-alives are not modelled.

>>> dialogue([("received", 50), ("sent", 12), ("received", 90), ("sent", 6), ("received", 20)])
packets_out      6
packets_in       7
tcp_out        218
tcp_in         392
ip_out         338
ip_in          532
dtype: int64
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["packets_out", "packets_in", "tcp_out", "tcp_in", "ip_out", "ip_in"]
_ALWAYS = (1 << 40, 1 << 40)  # quickacks of sides that never wait


@dataclass(frozen=True)
class WireModel:
    """Assumptions about the two hosts and the way between them. Their defaults are those of two Linux hosts."""

    mss: int = 1460
    """Largest TCP payload that the hosts announce, octets. Ethernet's 1500 less 40 of headers (RFC 9293 §3.7.1)."""
    mtu: int = 1500
    """Largest packet on the way, octets (RFC 894). With IPv6 it leaves 1440 octets to a segment, whatever `mss`."""
    ip: int = 4
    """IP version: a header of 20 octets (RFC 791) or of 40 (RFC 8200)."""
    timestamps: bool = True
    """TCP timestamps: 12 octets of each segment (RFC 7323; on in Linux since 2.2, in Windows off)."""
    quickacks: tuple[int, int] = (1, 1)
    """Turns a side (the opener, the other) answers in time before its ACKs wait for its answers. Linux: 1, and 3 in 5.1
    to 6.6 (tcp_pingpong_thresh); 0: it waits from the start (RFC 1122 as it stands; Windows; Exim asks Linux so)."""
    every: int = 2
    """Segments in a row that are not left without an ACK (RFC 5681 §4.2)."""
    delayed_ack: float = 0.04
    """How long an ACK waits for the answer, seconds. Linux: 0.04 and longer; Windows: 0.2 (RFC 1122: 0.5 at most)."""
    teardown: int = 3
    """Packets that end the connection after the last line: FIN, FIN with ACK, ACK; 4 where both close at once, 2 where
    a FIN goes with the last line (Exim)."""
    pipelining: bool = False
    """Commands of a transaction in one write, and their replies in one (RFC 2920); for who makes the lines."""
    tls: tuple[int, int] | None = None
    """Octets of a TLS handshake, out and in; None: no TLS. About (700, 3000) for TLS 1.3 with one certificate."""
    record: int = 22
    """Octets a TLS record adds to a write: 5 header, 1 type, 16 tag (RFC 8446 §5.2)."""
    lookups: int = 0
    """DNS look-ups for a connection: 2 (MX, A) where nothing is cached (RFC 5321 §5.1)."""
    lookup: tuple[int, int] = (40, 120)
    """Octets of a DNS question and its answer over UDP: 12 of header, the name, a few records (RFC 1035 §4)."""
    retry: tuple[float, ...] = (0.25, 0.5, 1.0, 4.0)
    """Hours from one try to the next, the last one again and again: Exchange 5.5's defaults."""
    lifetime: float = 48.0
    """Hours until a message that was only put off is given up. Assumed; RFC 5321 §4.5.4.1 asks for 4 to 5 days."""

    @property
    def segment(self) -> int:
        """Octets of payload a full segment carries."""
        return min(self.mss, self.mtu - self.header - 20) - 12 * self.timestamps

    @property
    def header(self) -> int:
        """Octets of an IP header."""
        return 20 if self.ip == 4 else 40

    @property
    def tries(self) -> int:
        """How often a message is tried that is put off each time."""
        steady = max(self.lifetime - sum(self.retry), 0) // self.retry[-1] if self.retry else 0
        return 1 + int((np.cumsum(self.retry) <= self.lifetime).sum()) + int(steady)


UNKNOWN: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = MappingProxyType({
    "delayed ACKs": ({"quickacks": (0, 0), "teardown": 2}, {"quickacks": _ALWAYS, "every": 1, "teardown": 4}),
    "TCP timestamps": ({"timestamps": False}, {"timestamps": True}),
    "IP version": ({"ip": 4}, {"ip": 6}),
    "DNS look-ups": ({"lookups": 0}, {"lookups": 2}),
    "TLS": ({"tls": None}, {"tls": (900, 6000)}),
})  # fmt: skip
"""What a log does not tell: the model's parameters where they cost least and most (`bounds`)."""


def writes(frame: pd.DataFrame, model: WireModel | None = None) -> pd.DataFrame:
    """What each write puts on the wire: its segments, and the ACKs of their own that they get.

    Parameters
    ----------
    frame : DataFrame, one row a write, those of a connection in order
        ``connection`` (any label), ``direction`` (``sent`` or ``received``: by the side that opened it),
        ``octets``; and, if known, ``wait``: seconds since the other side's last segment came in.
    model : WireModel, optional
        Its defaults if left out.

    Returns
    -------
    DataFrame, index of `frame`, float: `COLUMNS`: packets, octets of TCP segments, octets of IP packets, out and in.
    A write of unknown size has none. Answers whose `wait` is unknown are taken to come in time.

    Raises
    ------
    ValueError
        A direction is neither ``sent`` nor ``received``, or a size is negative.
    """
    model = model or WireModel()
    if not frame["direction"].isin(["sent", "received"]).all() or (frame["octets"] < 0).any():
        raise ValueError("wire: a write is ('sent' or 'received', octets), with octets of 0 or more")
    connection = pd.factorize(frame["connection"])[0]
    order = np.argsort(connection, kind="stable")
    at = pd.DataFrame({"connection": connection, "sent": frame["direction"].eq("sent").to_numpy()}).iloc[order]
    at["octets"] = frame["octets"].to_numpy(np.float64, na_value=np.nan)[order]
    at["octets"] += model.record * (model.tls is not None) * at["octets"].gt(0)
    at["wait"] = frame["wait"].to_numpy(np.float64, na_value=np.nan)[order] if "wait" in frame else 0.0
    at["segments"] = np.ceil(at["octets"] / model.segment)
    changed = (at[["connection", "sent"]] != at[["connection", "sent"]].shift()).any(axis=1)
    at["turn"] = changed.cumsum() - 1
    own = _acks(at, _turns(at[changed.to_numpy()], model), model.every)
    found = pd.DataFrame(index=frame.index.take(order))
    for way, mine in (("out", at["sent"]), ("in", ~at["sent"])):
        found[f"packets_{way}"] = np.where(mine, at["segments"], own)
        found[f"tcp_{way}"] = np.where(mine, at["octets"], 0) + found[f"packets_{way}"] * (20 + 12 * model.timestamps)
        found[f"ip_{way}"] = found[f"tcp_{way}"] + found[f"packets_{way}"] * model.header
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return found[COLUMNS].take(back)


def _turns(turns: pd.DataFrame, model: WireModel) -> pd.DataFrame:
    """By turn: whether it is acknowledged ``at_once``; whether the next is ``slow``, so that an ACK goes before it."""
    place = turns.groupby("connection").cumcount()  # the first turn answers nothing
    slow = place.gt(0) & turns["wait"].gt(model.delayed_ack)
    side = [turns["connection"], turns["sent"]]
    since = slow.groupby(side).cumsum()
    answers = (place.gt(0) & ~slow).astype("int64").groupby([*side, since]).cumsum()
    last = answers.shift(fill_value=0).where(place > 0, 0)  # of the other side: it spoke just before
    follows = (slow.shift(-1) & (place.shift(-1) > 0)).eq(True)
    most = np.where(turns["sent"], model.quickacks[1], model.quickacks[0])
    return pd.DataFrame({"turn": turns["turn"], "at_once": last < most, "slow": follows}).set_index("turn")


def _acks(at: pd.DataFrame, turns: pd.DataFrame, every: int) -> np.ndarray:
    """How many ACKs of their own each write's segments get."""
    of = turns.loc[at["turn"]].reset_index(drop=True)
    upto = at["segments"].groupby(at["turn"]).cumsum().to_numpy()
    mine = at["segments"].to_numpy()
    left = of["slow"].to_numpy() & ~at["turn"].duplicated(keep="last").to_numpy() & (upto % every > 0)
    paired = upto // every - (upto - mine) // every + left
    return np.asarray(np.where(of["at_once"], mine, paired), dtype=np.float64)


def connection(model: WireModel | None = None) -> pd.Series:
    """What a connection costs beside its writes: DNS, set-up, TLS handshake, tear-down.

    Returns
    -------
    Series, index `COLUMNS`, float. A SYN's header has 40 octets: MSS, SACK permitted, timestamps, window scale (32
    without timestamps).

    Examples
    --------
    >>> float(connection(WireModel(timestamps=False))["ip_out"])  # SYN, ACK, FIN
    132.0
    """
    model = model or WireModel()
    plain = 20 + 12 * model.timestamps
    packets = np.array([2 + model.teardown // 2, 1 + (model.teardown + 1) // 2])  # the server closes first
    tcp = packets * plain + (40 if model.timestamps else 32) - plain
    ip = tcp + packets * model.header
    asked = model.lookups * (np.array(model.lookup) + 8 + model.header)
    cost = pd.Series(np.r_[packets + model.lookups, tcp, ip + asked], COLUMNS, dtype="float64")
    if model.tls is not None:  # hello out, the server's flight in, finished out; no record is counted twice
        flights = [("sent", model.tls[0] * 0.8), ("received", model.tls[1]), ("sent", model.tls[0] * 0.2)]
        written = pd.DataFrame(flights, columns=["direction", "octets"]).assign(connection=0)
        cost += writes(written, replace(model, tls=None)).sum()
    return cost


def dialogues(frame: pd.DataFrame, model: WireModel | None = None) -> pd.DataFrame:
    """Packets and octets of many connections.

    Parameters
    ----------
    frame : as in `writes`.
    model : WireModel, optional

    Returns
    -------
    DataFrame, index ``connection`` in order of first occurrence, float: `COLUMNS`: ``packets_*``, ``tcp_*`` (octets
    of segments: headers and payload, set-up and tear-down included), ``ip_*`` (octets of whole packets);
    missing where a write's size is.
    """
    each = writes(frame, model).groupby(frame["connection"], sort=False)
    return each.sum(skipna=False) + connection(model)


def dialogue(lines: Iterable[tuple[str, int]], model: WireModel | None = None) -> pd.Series:
    """Packets and octets of one connection.

    Parameters
    ----------
    lines : pairs (``sent`` or ``received``, octets)
        Each write in order; ``sent`` by the side that opened the connection.
    model : WireModel, optional
        Its defaults if left out: two Linux hosts, IPv4, TCP timestamps.

    Returns
    -------
    Series of int: ``packets_out``, ``packets_in``, ``tcp_out``, ``tcp_in``, ``ip_out``, ``ip_in`` (octets).

    Raises
    ------
    ValueError
        A direction is neither ``sent`` nor ``received``, or a size is negative.

    Examples
    --------
    >>> int(dialogue([], WireModel(ip=6))["packets_out"])  # SYN, ACK, FIN
    3
    """
    written = pd.DataFrame(list(lines), columns=["direction", "octets"]).astype({"octets": "float64"})
    each = writes(written.assign(connection=0), model).sum()
    return (each + connection(model)).round().astype("int64")


def bounds(
    frame: pd.DataFrame, model: WireModel | None = None, causes: Iterable[str] = ("delayed ACKs",)
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The least and the most that connections can cost, as far as the causes named go.

    Parameters
    ----------
    frame : as in `writes`; ``wait`` is not used.
    model : WireModel, optional
    causes : names of `UNKNOWN`
        By default the ACKs alone: none of its own where one can ride, and one for each segment.

    Returns
    -------
    low, high : DataFrames as of `dialogues`.
    """
    low, high = extremes(model, causes)
    written = frame.drop(columns="wait", errors="ignore")
    return dialogues(written, low), dialogues(written, high)


def extremes(model: WireModel | None, causes: Iterable[str]) -> tuple[WireModel, WireModel]:
    """The model with the parameters of some causes of `UNKNOWN` where they cost least, and most."""
    low = high = model or WireModel()
    for cause in causes:
        low, high = replace(low, **UNKNOWN[cause][0]), replace(high, **UNKNOWN[cause][1])
    return low, high
