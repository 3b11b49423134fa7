"""What Exchange's protocol logs tell beside the dialogue: ids of messages, and what the server makes of a lost peer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spamlab import assembly, texts
from spamlab.walk import SERVER

_ACKED = "Message or connection acked with status "
_TRIED_AGAIN = rf"^{_ACKED}Retry and response (?P<reply>.*)"
_CODES = r"^(\d{3})[ -](?:(\d\.\d{1,3}\.\d{1,3})(?!\S))?"


def acked(made: dict[str, pd.DataFrame]) -> None:
    """Put in what the server says of mail that it will try again, of recipients whom the peer had not refused."""
    rows = texts.having(made["events"]["text"], _ACKED)
    if not len(rows):
        return
    said = made["events"][["transaction", "text"]].take(rows).dropna()
    said["reply"] = texts.extracted(said["text"], _TRIED_AGAIN)
    why = said.dropna().drop_duplicates("transaction", keep="last").set_index("transaction")["reply"]
    recipients, transactions = made["recipients"], made["transactions"]
    late = recipients["status"].eq("accepted") & recipients["transaction"].isin(why.index)
    told = recipients["transaction"][late].map(why).astype("str")
    codes = told.str.extract(_CODES)
    recipients.loc[late, "status"] = "deferred"
    recipients.loc[late, "reply"] = told
    recipients.loc[late, "code"] = pd.to_numeric(codes[0]).astype("Int64")
    recipients["enhanced_code"] = recipients["enhanced_code"].astype("str").mask(late, codes[1]).astype("category")
    for count, column in assembly.outcomes(recipients, len(transactions)).items():
        transactions[count] = column if count == "outcome" else pd.Series(column, transactions.index, dtype="Int64")


_ANNOUNCED = r"InternetMessageId <?(?P<id>[^\s<>]+)"  # before MAIL, by the one who sends
_QUEUED = (r"^250 2\.6\.0 <(?P<id>[^\s<>]+)> \[InternalId=", r"\[InternalId=(?P<id>\d+)")  # by the one who has it


def name(events: pd.DataFrame, transactions: pd.DataFrame, role: np.ndarray, order: np.ndarray) -> None:
    """Put in the messages' ids, and those in the queue of the logging server: the same as in its tracking log."""
    text, of = events["text"], events["transaction"]
    announced, queued = texts.having(text, "InternetMessageId "), texts.having(text, "[InternalId=")
    queued = queued[(events["code"].eq(250).fillna(False) & of.notna()).to_numpy(bool)[queued]]
    if len(announced):
        next_one = of.take(order).groupby(events["session"].take(order)).bfill().reindex(events.index)
        _put(transactions, "message_id", next_one.take(announced), texts.extracted(text.take(announced), _ANNOUNCED))
    _put(transactions, "message_id", of.take(queued), texts.extracted(text.take(queued), _QUEUED[0]))
    own = queued[role[queued] == SERVER]
    _put(transactions, "queue_id", of.take(own), texts.extracted(text.take(own), _QUEUED[1]))


def _put(transactions: pd.DataFrame, name: str, of: pd.Series, told: pd.Series) -> None:
    """Put values into a column, where it has none and the message is known."""
    known = pd.Series(told.to_numpy(object), of.to_numpy(object)).dropna()
    known = known[known.index.notna()]
    known = known[~known.index.duplicated()]
    transactions[name] = transactions[name].fillna(transactions["transaction"].map(known).astype("str"))
