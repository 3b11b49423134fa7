"""What ties messages together: a report to what it is about, a delivery to the message that it became."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spamlab import lives, tables
from spamlab.engine import Kernel
from spamlab.followed import Followed, within
from spamlab.records import first, integers, used

_mentioned = Kernel(lives.mentioned, "u1* i8* i8* u1* i8* b1* i8* i8*", lives.slot)

SLACK = pd.Timedelta(seconds=2)  # of stamps and clocks, when a delivery and the arrival it became are compared
_LOST = ("bounced", "expired", "rejected")
_FORWARDED = "forwarded as "  # of a delivery: by this server itself, to a message that has no arrival


def reports(log: Followed) -> tuple[np.ndarray, np.ndarray]:
    """What each message reports, as the server made it, and the message that it is about (-1: none)."""
    report, about = np.full(log.made, None, dtype=object), np.full(log.made, -1, dtype=np.int64)
    rows = within(log.records.rows("report_id"), log.other >= 0)
    report[log.other[rows]], about[log.other[rows]] = log.records.said("report", rows), log.transaction[rows]
    # A message is given up once: what says so again is the postmaster's copy.
    last = rows[log.records.said("status", rows) == "expired"]
    report[log.other[last[pd.Series(log.transaction[last]).duplicated()]]] = "postmaster"
    rows = within(log.records.rows("original_id"), log.transaction >= 0)
    of, other = log.transaction[rows], log.other[rows]
    # What happened since the last report about the same message decides.
    before = pd.Series(rows).groupby(other).shift(fill_value=-1).to_numpy()
    failed, waiting, known = (
        _between(log, status, other, before if status is _LOST else np.full(len(rows), -1), rows)
        for status in (_LOST, ("deferred", "held"), tables.STATUSES)
    )
    # Of mail that went well it is a success that is reported, or it was answered (a vacation notice).
    answers = log.transaction[log.records.says("answers") & (log.transaction >= 0)]
    made = np.full(len(rows), "delay", dtype=object)
    made[known & ~waiting] = "success"
    made[known & ~waiting & np.isin(other, answers)] = None
    made[failed] = "ndr"
    report[of], about[of] = made, np.where(made == None, -1, other)  # noqa: E711 (by item)
    # Mail without a sender, and a report is such, can be reported to the postmaster only.
    sender = log.records.text_by("reverse_path", log.transaction, log.made, last=True)
    null = np.append(sender.eq("").fillna(False).to_numpy(bool) | (report != None), False)  # noqa: E711
    report[(report == "ndr") & null[about]] = "postmaster"
    return report, np.where((report == "ndr") | (report == "postmaster"), about, -1)


def _between(
    log: Followed, statuses: tuple[str, ...], message: np.ndarray, begin: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Whether each message had a recipient of such a status between two events, or was itself refused."""
    wanted = np.isin([*tables.STATUSES, ""], statuses)[log.status]
    if "rejected" in statuses:
        wanted |= log.refuses_mail
    at = np.flatnonzero(wanted & (log.transaction >= 0))
    places = np.sort(log.transaction[at].astype(np.int64) * (log.n + 1) + at)
    before, until = (np.searchsorted(places, message.astype(np.int64) * (log.n + 1) + edge) for edge in (begin, end))
    return np.asarray(until > before)


def requeued(log: Followed, recipients: pd.DataFrame) -> pd.Series:
    """The message that a delivery became: of those whose id the reply names, the latest that arrived in time."""
    became = np.full(len(recipients), -1, dtype=np.int64)
    rows = np.flatnonzero(recipients["status"].eq("delivered") & recipients["reply"].notna())
    forwarded = recipients["reply"].take(rows).str.startswith(_FORWARDED).to_numpy(bool)
    others = np.where(log.arrival < 0, first(log.transaction, log.made), -1)
    for which, begins in ((rows[~forwarded], log.arrival), (rows[forwarded], others)):
        begun = np.flatnonzero(begins >= 0)
        if len(which) and len(begun):
            _follow(log, recipients, which, begins[begun], begun, became)
    again = within(log.records.rows("requeued_id"), (log.transaction >= 0) & (log.other >= 0))
    if len(again):
        _put_back(recipients, pd.Series(log.transaction[again], log.other[again]), became)
    return integers(became)


def _put_back(recipients: pd.DataFrame, new: pd.Series, became: np.ndarray) -> None:
    """Of messages that were put into the queue again (``new``: as what, by message), who still waited went on there."""
    tried = recipients[recipients["transaction"].isin(new.index)]
    tried = tried.drop_duplicates(["transaction", "forward_path", "orig_to"], keep="last")
    tried = tried[tried["status"] == "deferred"]
    became[tried.index.to_numpy()] = tried["transaction"].map(new[~new.index.duplicated()]).to_numpy(np.int64)


def _follow(
    log: Followed, recipients: pd.DataFrame, rows: np.ndarray, begins: np.ndarray, begun: np.ndarray, became: np.ndarray
) -> None:
    """Note in ``became`` which of the messages ``begun``, with first events ``begins``, these deliveries are."""
    ids, words = used(log.records.codes("queue_id", begins), log.records.dictionary("queue_id"))
    which = _named(recipients["reply"].take(rows), words)
    rows, which = rows[which >= 0], which[which >= 0]
    some = np.isin(ids, which)  # mostly few: replies name the ids of other servers
    ids, begins, begun = ids[some], begins[some], begun[some]
    began = log.time.take(begins).reset_index(drop=True)
    starts = pd.DataFrame({"began": began, "id": ids, "transaction": begun})
    done = recipients["time"].take(rows).reset_index(drop=True)
    earliest = done - pd.to_timedelta(recipients["delay"].take(rows).fillna(0).to_numpy(), unit="s") - SLACK
    asked = pd.DataFrame({"done": done + SLACK, "earliest": earliest, "id": which, "row": rows})
    asked = asked[asked["done"].notna()].sort_values("done", kind="stable")
    starts = starts[starts["began"].notna()].sort_values("began", kind="stable")
    found = pd.merge_asof(asked, starts, left_on="done", right_on="began", by="id")
    own = recipients["transaction"].take(found["row"].to_numpy()).reset_index(drop=True)
    good = (found["began"] >= found["earliest"]) & found["transaction"].ne(own).fillna(True).to_numpy(bool)
    became[found.loc[good, "row"].to_numpy()] = found.loc[good, "transaction"].to_numpy(np.int64)


def _named(reply: pd.Series, ids: Any) -> np.ndarray:
    """The last word of each text that is one of the ids: its number, -1 for none."""
    texts, words = (pa.array(each, pa.large_string()) for each in (reply, ids))
    (_, at, data), (_, id_at, octets) = texts.buffers(), words.buffers()
    run = _mentioned.pick(texts.nbytes)
    data, octets = (b.to_pybytes() if run is _mentioned.plain else np.frombuffer(b, np.uint8) for b in (data, octets))
    found = np.full(len(texts), -1, dtype=np.int64)
    at = np.frombuffer(at, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    id_at = np.frombuffer(id_at, dtype=np.int64)[: len(words) + 1]
    table = np.full(1 << max(4, (2 * len(words)).bit_length()), -1, dtype=np.int64)
    sizes = np.zeros(256, dtype=np.bool_)
    sizes[np.minimum(np.diff(id_at), 255)] = True
    run(data, at[:-1], at[1:], octets, id_at, sizes, table, found)
    return found
