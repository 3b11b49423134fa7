"""The wire model against packets that real servers exchanged (``data/wire``, made by ``make wire``).

Each captured connection has what its packets took and what was written over it; the model is given the writes,
the IP version and whether there were timestamps, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from spamlab import wire
from spamlab.wire import WireModel
from spamlab.words import count

FOLDER = Path(__file__).parent.parent / "data" / "wire"
FITTED = ("rejected", "deferred")
"""Cases whose connections over IPv4 with timestamps the model was made on; all others are held out."""
WAITS = ("exim",)
"""Programs that turn TCP_QUICKACK off (their first answer carries the ACK) and send the FIN with their last line. Not
modelled: Exim turns it on for DATA (an ACK more), and its SYN asks for a Fast Open cookie (4 octets, RFC 7413)."""
COLUMNS = ["case", "client", "server", "ip", "timestamps", "pipelining", "k", "size", "held_out", "packets",
           "packets_model", "octets", "octets_model", "error", "acks", "apart", "verdict"]  # fmt: skip
WAYS = ("out", "in")
VERDICTS = ("equal", "delayed ACKs", "other")


def read(folder: Path | str = FOLDER) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The captured connections, and what was written over each.

    Parameters
    ----------
    folder : where the tables are; its README tells the columns.

    Returns
    -------
    connections : DataFrame, index ``connection``: the case and what was counted, out and in of its opener.
    writes : DataFrame: ``connection``, ``direction``, ``octets``, ``wait`` (s since the other side's last segment).

    Raises
    ------
    FileNotFoundError
        The tables are not there: an installed spamlab does not hold them.

    Examples
    --------
    >>> sorted(read()[0]["server"].unique())
    ['exim', 'postfix', 'sendmail']
    """
    folder = Path(folder)
    if not (folder / "connections.csv").exists():
        raise FileNotFoundError(f"no captures in {folder}: they come with a checkout of spamlab, not with its package")
    writes = pd.read_csv(folder / "writes.csv.gz", dtype={"direction": "category"})
    writes["wait"] = writes.pop("wait_ms") / 1000
    return pd.read_csv(folder / "connections.csv", index_col="connection"), writes


def compare(
    model: WireModel | None = None, connections: pd.DataFrame | None = None, writes: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Each captured connection beside what the model says of it.

    Parameters
    ----------
    model : WireModel, optional
        Its `ip` and `timestamps` are replaced by each connection's.
    connections, writes : DataFrames, optional
        As of `read`; by default the stored ones. Without the column ``wait`` of `writes` all answers come in time.

    Returns
    -------
    DataFrame, index ``connection``: ``case``, ``client``, ``server``, ``ip``, ``timestamps``, ``pipelining``, ``k``
    (transactions), ``size`` (octets of text), ``held_out``; ``packets``, ``octets`` (of IP packets, both ways) with
    ``packets_model``, ``octets_model``; ``error`` (relative, of octets); ``acks`` (packets more than modelled);
    ``apart`` (the error had the model known that number);
    ``verdict``: ``equal`` (the packets modelled), ``delayed ACKs`` (all that differs is ACKs without payload),
    ``other`` (a segment more or less: a text that its sender wrote in pieces, a FIN sent again).
    """
    if connections is None or writes is None:
        connections, writes = read()
    model = model or WireModel()
    found, bare = [], []
    keys = ["ip", "timestamps", "client", "server"]
    for kind in connections[keys].drop_duplicates().itertuples(index=False):  # a dozen kinds of hosts
        own = connections[keys].eq(pd.Series(kind, keys)).all(axis=1)
        given = writes[writes["connection"].isin(connections.index[own])]
        opener, other = ((name not in WAITS) * quick for name, quick in zip(kind[2:], model.quickacks, strict=True))
        close = 2 if {*kind[2:]} & set(WAITS) else model.teardown
        like = replace(model, ip=kind[0], timestamps=bool(kind[1]), quickacks=(opener, other), teardown=close)
        found.append(wire.dialogues(given, like))
        # Segments and the flags that open and close, but no ACK: two of those are in every connection.
        none = replace(like, quickacks=(0, 0), every=1 << 40, teardown=3, delayed_ack=np.inf)
        bare.append(wire.dialogues(given, none)[["packets_out", "packets_in"]] - 1)
    modelled, least = (pd.concat(parts).reindex(connections.index) for parts in (found, bare))
    kinds = {way: connections[f"segments_{way}"] + connections[f"control_{way}"] for way in WAYS}
    carried = pd.DataFrame({f"packets_{way}": kinds[way] + connections[f"riding_{way}"] for way in WAYS})
    same = (carried == least).all(axis=1)
    fitted = connections["case"].isin(FITTED) & connections["ip"].eq(4) & connections["timestamps"].eq(1)
    table = connections[COLUMNS[:8]].assign(held_out=~fitted)
    for what, name in (("packets", "packets"), ("ip", "octets")):
        table[name] = connections[f"{what}_out"] + connections[f"{what}_in"]
        table[f"{name}_model"] = modelled[f"{what}_out"] + modelled[f"{what}_in"]
    table["error"] = table["octets_model"] / table["octets"] - 1
    table["acks"] = table["packets"] - table["packets_model"]
    bare_ack = 20 + 12 * table["timestamps"] + np.where(table["ip"] == 4, 20, 40)
    table["apart"] = (table["octets_model"] + table["acks"] * bare_ack) / table["octets"] - 1
    return table.assign(verdict=np.select([same & table["acks"].eq(0), same], VERDICTS[:2], VERDICTS[2]))[COLUMNS]


def checked(model: WireModel | None = None) -> pd.DataFrame:
    """`compare` with the stored captures; where they are not at hand, an empty table of its columns."""
    try:
        return compare(model)
    except FileNotFoundError:
        return pd.DataFrame(columns=COLUMNS)


def summary(compared: pd.DataFrame, by: tuple[str, ...] = ("held_out", "case", "server")) -> pd.DataFrame:
    """How well the model does, by case and server.

    Parameters
    ----------
    compared : DataFrame of `compare`.
    by : its columns to group by.

    Returns
    -------
    DataFrame, index `by`: ``connections``; of these ``equal``, ``delayed ACKs``, ``other`` (counts); ``worst`` and
    ``median`` (of the size of the relative error of octets); ``within`` (share of connections within 1%), ``apart``
    (that share had the model known how many ACKs there would be).
    """
    far = compared["error"].abs()
    table = pd.DataFrame({"connections": compared.groupby(list(by)).size()})
    for verdict in VERDICTS:
        table[verdict] = compared["verdict"].eq(verdict).groupby([compared[name] for name in by]).sum()
    grouped = far.groupby([compared[name] for name in by])
    within = far.le(0.01).groupby([compared[name] for name in by]).mean()
    apart = compared["apart"].abs().le(0.01).groupby([compared[name] for name in by]).mean()
    return table.assign(worst=grouped.max(), median=grouped.median(), within=within, apart=apart)


def answer(compared: pd.DataFrame) -> str:
    """Say in a sentence whether packets bear the model out."""
    if compared.empty:
        return "The captures that test the wire model come with a checkout of spamlab: there are none here."
    held = compared[compared["held_out"]]
    n, counts = len(held), held["verdict"].value_counts()
    far = held["error"].abs()
    said = f"Of {count(n, 'captured connection')} the model was not made on, {counts.get('equal', 0):,} take as many "
    said += f"packets as it says and {counts.get('delayed ACKs', 0):,} differ in ACKs alone; octets are within 1% in "
    known = held["apart"].abs()
    said += f"{far.le(0.01).sum():,}, at worst {far.max():.1%} off; with the ACKs that were counted, in "
    return said + f"{known.le(0.01).sum():,}, at worst {known.max():.1%}."
