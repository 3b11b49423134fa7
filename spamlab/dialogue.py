"""Who says what in a dialogue, by RFC 5321's order of commands: which event answers which, how long a line is.

``walk`` says what each event is, which transaction it belongs to, which event answers which command, and what became
of each recipient; ``assembly`` makes the tables of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from spamlab import texts
from spamlab.engine import Kernel
from spamlab.records import first
from spamlab.walk import COMMAND, OTHER, RESPONSE, TEXT, VERBS, settle, walk

_walk = Kernel(walk, "i8* b1* i8* i1* i1* b1* b1* i1* i2* i4* i1* i4* i4* i1* i4* i4*", settle)


class Walk:
    """What ``walk`` found, as arrays with one item an event; events are named by their numbers.

    ``order`` and ``both``: see ``assembly.Dialogue``.
    """

    def __init__(
        self, session: Any, role: Any, direction: Any, skip: Any, gone: Any, verb: Any, code: Any,
        order: np.ndarray | None = None, both: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        n = len(session)
        self.order, self.both = order, np.zeros(n, dtype=np.bool_) if both is None else both
        self.verb, role, direction = (np.asarray(numbers, dtype=np.int8) for numbers in (verb, role, direction))
        code = np.maximum(code, -1).astype(np.int16)
        self.kind, self.status = np.full(n, OTHER, dtype=np.int8), np.full(n, -1, dtype=np.int8)
        self.transaction, self.answer, self.decided, self.step = (np.full(n, -1, dtype=np.int32) for _ in range(4))
        places = (
            np.zeros(0, dtype=kind) if one is None else one for one, kind in ((order, np.int64), (both, np.bool_))
        )
        given = *places, session, role, direction, skip, gone, self.verb, code, np.zeros(n + 1, dtype=np.int32)
        found = self.kind, self.transaction, self.answer, self.status, self.decided, self.step
        self.made = int(_walk.pick(n * 60)(*given, *found))

    def commands(self, *verbs: str) -> np.ndarray:
        """Which events are commands (of these verbs, if any are named)."""
        of_verb = np.isin(self.verb, [VERBS.index(verb) for verb in verbs]) if verbs else True
        return np.asarray((self.kind == COMMAND) & of_verb)

    def where(self, which: np.ndarray) -> np.ndarray:
        """Some events' numbers, in the order in which they were said."""
        return np.flatnonzero(which) if self.order is None else np.asarray(self.order[which[self.order]])

    def first(self, group: np.ndarray, n: int, *, last: bool = False, among: Any = True) -> np.ndarray:
        """The event that was said first (or last) in each group (see ``records.first``)."""
        return first(group, n, last=last, among=among, order=self.order)


_ALIASES = {"X-EXPS": VERBS.index("AUTH"), "X-ANONYMOUSTLS": VERBS.index("STARTTLS")}
"""Exchange's names for commands that servers of one organisation give each other."""


def verb_numbers(verb: pd.Series) -> np.ndarray:
    """Each event's place in ``VERBS``; other verbs ``len(VERBS)``, none -1."""
    place = {name: i for i, name in enumerate(VERBS)} | _ALIASES
    numbers = [place.get(str(name).upper(), len(VERBS)) for name in verb.cat.categories]
    found: np.ndarray = np.array([*numbers, -1], dtype=np.int8).take(verb.cat.codes.to_numpy())
    return found


def answers(events: pd.DataFrame) -> pd.Series:
    """Which event answers which command.

    Parameters
    ----------
    events
        ``log.events`` (or rows of it, whole sessions in order).

    Returns
    -------
    Series of Int64
        Index: labels of the command events, AUTH responses and ends of messages whose text is logged, echoes
        left out; value: the label of the reply, missing where none was logged.

    Examples
    --------
    >>> import spamlab
    >>> events = spamlab.read("data/exchange55-appendix-a.log").events
    >>> answered = answers(events)
    >>> len(answered), int(answered.isna().sum())
    (25, 0)
    """
    own = events[events["session"].notna() & events["kind"].isin(["command", "reply", "data", "auth"])]
    own = own[~own["echo"] & own["direction"].notna()]  # a mail server's log says of AUTH only how it ended
    if len(own) and not own["session"].is_monotonic_increasing:
        own = own.sort_values("session", kind="stable")
    direction = own["direction"].cat.codes.to_numpy(np.int64)
    # The client is who speaks commands: role and direction come out the same for it.
    role = np.where(own["kind"].eq("reply"), 1 - direction, direction)
    quiet = np.zeros(len(own), dtype=np.bool_)
    code = own["code"].fillna(-1).to_numpy(np.int64)
    session = own["session"].to_numpy(np.int64)
    found = Walk(session, role, direction, quiet, quiet, verb_numbers(own["verb"]), code)
    text = found.kind == TEXT
    text[:-1] &= ~(text[1:] & (session[1:] == session[:-1]))  # a message's text asks once, at its end
    asks = np.flatnonzero((found.kind == COMMAND) | (found.kind == RESPONSE) | text)
    at, labels = found.answer[asks], own.index.to_numpy()
    answer = pd.Series(labels.take(np.maximum(at, 0)), own.index[asks], dtype="Int64", name="answer")
    return answer.mask(at < 0)


def octets(text: pd.Series) -> pd.Series:
    """SMTP octets of logged lines: UTF-8 octets of the text, CRLF for each line end and at the end.

    Returns Int64 in octets, missing where the text is.
    """
    length = texts.sizes(text) + texts.counted(text, "\n") + 2
    escaped = texts.having(text, "\\x")  # an octet that is no text stands as four characters
    stands = pc.count_substring_regex(texts.whole(text.take(escaped)), r"\\x[89a-f][0-9a-f]")
    length[escaped] -= 3 * stands.to_numpy(zero_copy_only=False)
    return pd.Series(pd.arrays.IntegerArray(length, text.isna().to_numpy(bool, copy=True)), text.index)
