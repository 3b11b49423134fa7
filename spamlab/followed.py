"""Each event of a mail server's log followed: to its message by queue id, to its session by process.

What is common to all servers is done here: lives of queue ids, connections, recipients' fates, a second file's copies.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import lives, stamps, tables, texts
from spamlab.engine import Kernel
from spamlab.records import Options, Records, first

_messages = Kernel(lives.messages, "i4* i1* i4* i4* i8 i4* b1* b1* i4* i4* i4*")
_connections = Kernel(lives.connections, "i4* b1* b1* b1* i4* b1* i8 i8* i8** i4** i4*")

_STAGES = {"receive": lives.BEGIN, "queue": lives.MIDDLE, "remove": lives.END}
_UNCLEAR = -2  # a delivery's word that no rule knows: its enhanced code decides
_SAID = ("peer_ip", "helo", "reverse_path", "forward_path", "reply", "text")
_LATE = 3  # an event that belongs to whatever life its queue id has


@dataclass(frozen=True)
class Rules:
    """What a format's words mean.

    ``process``: the columns that tell processes apart, each of which serves a session at a time (``once``: one in its
    life); ``serves``: how the names of programs that do so end. ``starts``: kinds of events that show a session whose
    beginning is not logged. ``statuses``: a delivery's words (in small letters; the longest that a status begins with
    counts) and what they are; where none fits, the enhanced code's class decides. ``between``: what stands between
    several recipients of one line. ``copied``: kinds of events that the server logs twice: in two files, or to syslog.
    """

    statuses: Mapping[str, str | None]
    process: tuple[str, ...] = ("host", "program", "pid")
    serves: str = ""
    starts: tuple[str, ...] = ()
    once: bool = False
    between: str = ""
    copied: tuple[str, ...] = ()
    ended: Mapping[str, str] = field(default_factory=dict)


def within(rows: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """The rows that are among a choice of all, which is a flag for each."""
    return np.asarray(rows[choice[rows]])


class Followed:
    """The records of one format, and what was found about each.

    By event: ``kind``, ``verb``, ``time``, ``echo``, ``status`` (of a recipient), ``transaction``,
    ``session`` (-1: none), ``other`` (a second message that it names). Of ``made`` messages: ``arrival`` (its
    event), ``session_of``.
    """

    def __init__(self, records: Records, options: Options, rules: Rules) -> None:
        self.records, self.options, self.rules = records, options, rules
        self.n = len(records)
        self.kind = records.kinds()
        self.echo = self._echoes()
        with ThreadPoolExecutor(1) as beside:  # most of the work holds no lock
            time = beside.submit(stamps.either, records, options)
            self.verb = self._verbs()
            self._follow_messages()
            self._follow_sessions()
            self.status = self._statuses()
            self.time, self.assumed = time.result()

    def is_kind(self, *kinds: str) -> np.ndarray:
        """Which events are of these kinds."""
        found = np.zeros(self.n, dtype=bool)
        for kind in kinds:
            found |= self.kind == tables.KINDS.index(kind)
        return found

    @functools.cached_property
    def refuses_mail(self) -> np.ndarray:
        """Which events refuse a message as a whole, whatever its recipients."""
        of_mail = self.verb.isin(["MAIL", "DATA", "BDAT", "END-OF-MESSAGE"]) | self.verb.isna()
        return self.is_kind("reject") & of_mail.to_numpy(bool)

    def _verbs(self) -> pd.Series:
        """The verb of each event, in capitals: as logged, else as its shape says."""
        words = self.records.words("verb").str.upper()
        said = [dict(shape.says).get("verb", "") for shape in self.records.shapes]
        names = pd.Index([*words, *filter(None, said)], dtype="str").unique()
        place = {name: np.int32(i) for i, name in enumerate(names)}
        verbs = np.array([*(place[word] for word in words), -1], dtype=np.int32)[self.records.codes("verb")]
        shapes = np.array([*(place.get(word, -1) for word in said), -1], dtype=np.int32)[self.records.shape]
        return pd.Series(tables.categorical(np.where(verbs < 0, shapes, verbs), names))

    def _echoes(self) -> np.ndarray:
        """Which events say again what another says."""
        echo = np.zeros(self.n, dtype=bool)
        if self.rules.copied:
            copied = self.is_kind(*self.rules.copied)
            echo[self._given_twice(np.flatnonzero(copied & (self.records.codes("host") >= 0)))] = True
            if len(self.records.names) > 1:
                echo[self._in_two_files(copied)] = True
        return echo

    def _given_twice(self, rows: np.ndarray) -> np.ndarray:
        """Of these, which syslog got from several logs: every second of those that a process says in one moment."""
        numbers = {name: self.records.codes(name, rows) for name in ("host", "program")}
        numbers |= {name: self.records.number(name, rows) for name in ("pid", "port", "time")}
        said = pd.DataFrame({**numbers, "shape": self.records.shape[rows]})
        some = np.flatnonzero(said.duplicated(keep=False))  # few, so that no other text is looked at
        if not len(some):
            return some
        said = said.iloc[some].reset_index(drop=True).assign(**self._said(rows[some]))
        again = said.groupby([*said], dropna=False, sort=False).cumcount().to_numpy() % 2 == 1
        return np.asarray(rows[some[again]])

    def _in_two_files(self, copied: np.ndarray) -> np.ndarray:
        """Of these events, which another file holds too: of two that say the same, the one in the smaller file.

        A file that holds anything else is a log of its own (another server's, say), and repeats nothing.
        """
        records = self.records
        own, stamp = np.isin(records.source, records.source[~copied]), records.number("time")
        rows = np.flatnonzero(copied & np.isin(stamp, stamp[~own]))
        if not len(rows):
            return rows
        own = own[rows]
        size = np.bincount(records.source, minlength=len(records.names))[records.source[rows]]
        order = np.lexsort((-size, ~own))
        rows, own = rows[order], own[order]
        said = pd.DataFrame({"time": stamp[rows], "shape": records.shape[rows], **self._said(rows)})
        nth = said.assign(source=records.source[rows]).groupby([*said, "source"], dropna=False).cumcount()
        return np.asarray(rows[said.assign(nth=nth).duplicated().to_numpy() & ~own])

    def _said(self, rows: np.ndarray) -> dict[str, pd.Series]:
        """What two copies of an event have in common, of these: headers may follow in the text of one."""
        every = np.arange(len(rows))
        return {name: texts.before(self.records.text(name, rows), "\n", every) for name in _SAID}

    def _follow_messages(self) -> None:
        records, n = self.records, self.n
        stages = [*(_STAGES.get(shape.kind, _LATE) for shape in records.shapes), _LATE]
        stage = np.array(stages, dtype=np.int8)[records.shape]
        stage[records.has("repeats") & (stage == lives.BEGIN)] = lives.MIDDLE  # the same arrival, said again
        ids, refers = records.codes("queue_id"), np.full(n, -1, dtype=np.int32)
        words = records.dictionary("queue_id")
        for name in ("report_id", "original_id", "requeued_id"):
            if len(rows := records.rows(name)):
                at = pc.index_in(mentioned := records.dictionary(name), value_set=words)
                new = at.is_null().to_numpy(zero_copy_only=False)
                number = np.where(new, len(words) + np.cumsum(new) - 1, at.fill_null(0))
                refers[rows] = number[records.codes(name, rows)]
                words = pa.concat_arrays([words, mentioned.filter(pa.array(new))])
        host, hosts = records.codes("host"), len(records.words("host")) + 1  # an id is its host's own
        top = len(words) * hosts
        if top > 4 * n:
            both = np.concatenate([ids, refers]).astype(np.int64) * hosts + np.tile(host + 1, 2)
            both = np.where(both < 0, -1, pd.factorize(both)[0]).astype(np.int32)
            ids, refers, hosts, top = both[:n], both[n:], 0, 2 * n
        current, waiting = np.full(top, -1, dtype=np.int32), np.full(top, -1, dtype=np.int32)
        ended, begun = np.zeros(top, dtype=bool), np.zeros(top, dtype=bool)
        self.transaction, self.other = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int32)
        run = _messages.pick(n * 60)
        found = current, ended, begun, waiting, self.transaction, self.other
        self.made = int(run(ids, stage, refers, host, hosts, *found))

    def _follow_sessions(self) -> None:
        records, n = self.records, self.n
        serves = np.ones(len(records.words("program")) + 1, dtype=bool)
        if self.rules.serves:
            serves[:] = [*records.words("program").str.endswith(self.rules.serves), False]
        # What becomes of a message is another connection's.
        apart = self.is_kind("deliver", "remove", "report") | self.echo
        rows = np.flatnonzero(serves[records.codes("program")] & ~apart)
        peer = records.codes("peer_ip", rows)
        opens, starts = (self.is_kind(*kinds)[rows] & (peer >= 0) for kinds in (("connect",), self.rules.starts))
        key = np.zeros(len(rows), dtype=np.int64)
        for name in self.rules.process:
            if name == "peer_ip":
                part = peer
            else:
                part = records.number(name, rows) if name in ("pid", "port") else records.codes(name, rows)
            key = key * (1 << 22) + np.where(part < 0, 0, part + 1)
        key = pd.factorize(key)[0].astype(np.int32)
        again = self._told_before(rows, key, opens | starts)
        opens[again] = starts[again] = False
        self.session, self.sessions = np.full(n, -1, dtype=np.int32), 0
        if (opens | starts).any():
            run = _connections.pick(n * 60)
            closes = (self.is_kind("disconnect") | (self.is_kind("reject") & records.says("ended")))[rows]
            # A client without a port can have several connections at a time.
            shared = np.full(len(rows), "port" in self.rules.process) & (records.number("port", rows) < 0)
            keys = np.full((3, key.max() + 1), -1, dtype=np.int64)
            of = np.full((4, len(rows) + 1), -1, dtype=np.int32)
            stamp = records.number("time", rows)
            scratch = keys, of[:3], of[3]
            self.sessions = int(run(key, opens, closes, starts, peer, shared, self.rules.once, stamp, *scratch))
            self.session[rows] = of[3, :-1]
        # A message's session: that of its arrival, else of its first event that has one.
        self.arrival = first(self.transaction, self.made, among=self.is_kind("receive"))
        self.session_of = np.full(self.made + 1, -1, dtype=np.int32)
        known = np.flatnonzero((self.transaction >= 0) & (self.session >= 0))[::-1]
        self.session_of[self.transaction[known]] = self.session[known]
        arrived = self.arrival[self.arrival >= 0]
        arrived = arrived[self.session[arrived] >= 0]
        self.session_of[self.transaction[arrived]] = self.session[arrived]
        # What another process refuses of it (a filter, at its end) belongs to that session; so does the end of a client
        # that only a later line gives the address of.
        late = np.flatnonzero(self.is_kind("reject", "disconnect") & (self.session < 0) & (self.transaction >= 0))
        self.session[late] = self.session_of[self.transaction[late]]

    def _told_before(self, rows: np.ndarray, key: np.ndarray, shows: np.ndarray) -> np.ndarray:
        """Which of these events are an earlier one that syslog says again: a process has no second session by them.

        ``key`` numbers their processes, ``shows`` flags those that show a session.
        """
        again = np.flatnonzero(self.records.has("repeats")[rows] & shows)
        if len(again):
            at = np.flatnonzero(shows)
            processes, begin = np.unique(key[at], return_index=True)
            again = again[at[begin][np.searchsorted(processes, key[again])] < again]
        return again

    def _statuses(self) -> np.ndarray:
        """The number of each event's recipient status, -1: it is about no recipient."""
        numbers = {name: i for i, name in enumerate(tables.STATUSES)}
        known = sorted(self.rules.statuses, key=len, reverse=True)
        meaning = []
        for word in self.records.words("status").str.lower():
            fits = next((self.rules.statuses[k] for k in known if word.startswith(k)), "unclear")
            meaning.append(_UNCLEAR if fits == "unclear" else numbers.get(fits or "", -1))
        records = self.records
        said = [numbers.get(dict(shape.says).get("status", ""), -1) for shape in records.shapes]
        status: np.ndarray = np.array([*said, -1], dtype=np.int8)[records.shape]
        logged = records.rows("status")
        found = np.array([*meaning, -1], dtype=np.int8)[records.codes("status", logged)]
        status[logged] = np.where(found == -1, status[logged], found)
        unclear = within(logged, status == _UNCLEAR)
        by_class = {"2": numbers["delivered"], "4": numbers["deferred"]}
        digit = records.text("enhanced_code", unclear).str[:1]
        status[unclear] = digit.map(by_class).fillna(numbers["bounced"]).astype(int)
        refused = np.flatnonzero(self.is_kind("reject") & (status < 0))
        of_one = self.verb.take(refused).eq("RCPT").to_numpy(bool) | records.has("forward_path")[refused]
        status[refused[of_one]] = numbers["rejected"]
        status[self.echo] = -1
        return status

    def span(self, group: np.ndarray, n: int) -> list[pd.Series]:
        """The time of the first and of the last event of each group."""
        return [self.time.take(first(group, n, last=last)).reset_index(drop=True) for last in (False, True)]
