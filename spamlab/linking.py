"""From the records of a mail server's log to messages, sessions and recipients, by queue id and by process.

A format says in ``Rules`` what its words mean; its shapes name their fields after the tables' columns, and so does
this module. What is common to all servers is done here: lives of queue ids, reports and what they are about, one
message through several queues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spamlab import lexer, lives, stamps, tables
from spamlab.dialogue import outcomes, tally
from spamlab.engine import Kernel
from spamlab.records import Assembled, Options, Records, first, integers

_messages = Kernel(lives.messages, "i4* i1* i4* i4* i8 i8* b1* b1* i8* i8* i8*")
_connections = Kernel(lives.connections, "i8* b1* b1* b1* i4* b1* i8 i8** i8** i8*")
_mentioned = Kernel(lives.mentioned, "u1* i8* i8* u1* i8* b1* i8* i8*", lives.slot)

SPARE = frozenset({"text"})
"""What only ``log.events`` needs: the lines' whole text."""

SLACK = pd.Timedelta(seconds=2)  # of stamps and clocks, when a delivery and the arrival it became are compared
_STAGES = {"receive": lives.BEGIN, "queue": lives.MIDDLE, "remove": lives.END}
_UNCLEAR = -2  # a delivery's word that no rule knows: its enhanced code decides
_LOST = ("bounced", "expired", "rejected")
_FORWARDED = "forwarded as "  # of a delivery: by this server itself, to a message that has no arrival
_SAID = ("peer_ip", "helo", "reverse_path", "forward_path", "reply")  # what two copies of an event have in common
_LATE = 3  # an event that belongs to whatever life its queue id has


@dataclass(frozen=True)
class Rules:
    """What a format's words mean.

    ``process``: the columns that tell processes apart, each of which serves a session at a time (``once``: one in its
    life); ``serves``: how the names of programs that do so end. ``starts``: kinds of events that show a session whose
    beginning is not logged. ``statuses``: a delivery's words (in small letters; the longest that a status begins with
    counts) and what they are; where none fits, the enhanced code's class decides. ``between``: what stands between
    several recipients of one line. ``copied``: kinds of events that the server logs in a second file too.
    """

    statuses: Mapping[str, str | None]
    process: tuple[str, ...] = ("host", "program", "pid")
    serves: str = ""
    starts: tuple[str, ...] = ()
    once: bool = False
    between: str = ""
    copied: tuple[str, ...] = ()
    ended: Mapping[str, str] = field(default_factory=dict)


def assembler(rules: Rules) -> Callable[[Records, Options], Assembled]:
    """The function that turns a format's records into tables."""
    return lambda records, options: _Links(records, options, rules).assemble()


def _seconds(micros: np.ndarray) -> np.ndarray:
    return np.where(micros == lexer.MISSING, np.nan, micros / lexer.SECOND)


def _within(rows: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """The rows that are among a choice of all, which is a flag for each."""
    return np.asarray(rows[choice[rows]])


def _used(codes: np.ndarray, words: Any) -> tuple[np.ndarray, Any]:
    """The words that some codes use, in order, and the codes of those."""
    used = np.zeros(len(words), dtype=bool)
    used[codes] = True
    return (np.cumsum(used) - 1)[codes], pa.array(words, pa.large_string()).filter(pa.array(used))


class _Links:
    """One log under way: its records, and what was found about each event."""

    def __init__(self, records: Records, options: Options, rules: Rules) -> None:
        self.records, self.options, self.rules = records, options, rules
        self.n = len(records)
        place = {kind: i for i, kind in enumerate(tables.KINDS)}
        self.kind = np.array([*(place.get(shape.kind, -1) for shape in records.shapes), -1], dtype=np.int8)[
            records.shape
        ]
        self.code = records.number("code")
        self.echo = self._echoes()
        with ThreadPoolExecutor(1) as beside:  # most of the work holds no lock
            time = beside.submit(stamps.moments, records, options)
            self.verb = self._verbs()
            self._follow_messages()
            self._follow_sessions()
            self.time, self.assumed = time.result()

    def is_kind(self, *kinds: str) -> np.ndarray:
        """Which events are of these kinds."""
        found = np.zeros(self.n, dtype=bool)
        for kind in kinds:
            found |= self.kind == tables.KINDS.index(kind)
        return found

    def _echoes(self) -> np.ndarray:
        """Which events another file holds too: of two that say the same, the one in the smaller file.

        A file that holds anything else is a log of its own (another server's, say), and repeats nothing.
        """
        records, echo = self.records, np.zeros(self.n, dtype=bool)
        if not self.rules.copied or len(records.names) < 2:
            return echo
        copied = self.is_kind(*self.rules.copied)
        rows, own = np.flatnonzero(copied), np.isin(records.source, records.source[~copied])
        size = np.bincount(records.source, minlength=len(records.names))[records.source[rows]]
        rows = rows[np.lexsort((-size, ~own[rows]))]
        texts = {name: records.text(name, rows).str.partition("\n")[0] for name in _SAID}  # headers may follow there
        said = pd.DataFrame({"time": records.number("time", rows), "shape": records.shape[rows], **texts})
        nth = said.assign(source=records.source[rows]).groupby([*said, "source"], dropna=False).cumcount()
        echo[rows[said.assign(nth=nth).duplicated().to_numpy() & ~own[rows]]] = True
        return echo

    def _follow_messages(self) -> None:
        records, n = self.records, self.n
        stages = [*(_STAGES.get(shape.kind, _LATE) for shape in records.shapes), _LATE]
        stage = np.array(stages, dtype=np.int8)[records.shape]
        ids, refers = records.codes("queue_id"), np.full(n, -1, dtype=np.int32)
        words = records.dictionary("queue_id")
        for name in ("report_id", "original_id"):
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
        current, waiting = np.full(top, -1, dtype=np.int64), np.full(top, -1, dtype=np.int64)
        ended, begun = np.zeros(top, dtype=bool), np.zeros(top, dtype=bool)
        self.transaction, self.other = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
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
        key = pd.factorize(key)[0].astype(np.int64)
        self.session, self.sessions = np.full(n, -1, dtype=np.int64), 0
        if (opens | starts).any():
            run = _connections.pick(n * 60)
            closes = (self.is_kind("disconnect") | (self.is_kind("reject") & records.says("ended")))[rows]
            # A client without a port can have several connections at a time.
            shared = np.full(len(rows), "port" in self.rules.process) & (records.number("port", rows) < 0)
            keys, of = (np.full((i, j + 1), -1, dtype=np.int64) for i, j in ((2, key.max()), (4, len(rows))))
            self.sessions = int(run(key, opens, closes, starts, peer, shared, self.rules.once, keys, of[:3], of[3]))
            self.session[rows] = of[3, :-1]
        # A message's session: that of its arrival, else of its first event that has one.
        self.arrival = first(self.transaction, self.made, among=self.is_kind("receive"))
        self.session_of = np.full(self.made + 1, -1, dtype=np.int64)
        known = np.flatnonzero((self.transaction >= 0) & (self.session >= 0))[::-1]
        self.session_of[self.transaction[known]] = self.session[known]
        arrived = self.arrival[self.arrival >= 0]
        arrived = arrived[self.session[arrived] >= 0]
        self.session_of[self.transaction[arrived]] = self.session[arrived]
        # What another process refuses of it (a filter, at its end) belongs to that session.
        late = np.flatnonzero(self.is_kind("reject") & (self.session < 0) & (self.transaction >= 0))
        self.session[late] = self.session_of[self.transaction[late]]

    def span(self, group: np.ndarray, n: int) -> list[pd.Series]:
        """The time of the first and of the last event of each group."""
        return [self.time.take(first(group, n, last=last)).reset_index(drop=True) for last in (False, True)]

    def assemble(self) -> Assembled:
        """Build the tables that are wanted."""
        wanted = self.options.tables
        with ThreadPoolExecutor(1) as beside:  # most of the work holds no lock
            apart = {"events": beside.submit(self._events, wanted)}
            if "sessions" in wanted:
                apart["sessions"] = beside.submit(self._sessions)
            made = {}
            if wanted & {"recipients", "transactions"}:
                recipients = self._recipients()
                transactions = self._transactions(recipients)
                recipients["requeued_as"] = self._requeued(recipients)
                made = {"recipients": recipients, "transactions": transactions}
            return Assembled(made | {name: table.result() for name, table in apart.items()}, self.assumed)

    def _events(self, wanted: frozenset[str]) -> pd.DataFrame:
        records = self.records
        if "events" not in wanted:  # only what is needed to know when a source begins and ends
            return tables.conform("events", {"time": self.time})
        way = self.is_kind("receive", "connect") * np.int8(2) + self.is_kind("reject", "deliver") * np.int8(1) - 1
        rows = [_within(records.rows("forward_path"), self.is_kind("reject"))]
        rows += [_within(records.rows("user"), self.is_kind("auth"))]
        at = np.full(self.n, -1, dtype=np.int64)
        at[np.concatenate(rows)] = np.arange(len(rows[0]) + len(rows[1]))
        arguments = pd.concat([records.text("forward_path", rows[0]), records.text("user", rows[1])], ignore_index=True)
        return tables.conform(
            "events",
            {
                "time": self.time,
                "session": integers(self.session),
                "transaction": integers(self.transaction),
                "direction": tables.categorical(way, tables.DIRECTIONS),
                "kind": tables.categorical(self.kind, tables.KINDS),
                "verb": self.verb,
                "argument": pd.Series(arguments.array.take(at, allow_fill=True)),
                "code": integers(self.code, lexer.MISSING),
                "enhanced_code": records.category("enhanced_code"),
                "text": records.text("text"),
                "size": records.integer("size"),
                "queue_id": records.text("queue_id"),
                "host": records.category("host"),
                "program": records.category("program"),
                "pid": records.integer("pid"),
                "echo": self.echo,
                "repeats": self._repeats(),
                "source": tables.categorical(records.source, records.names),
                "line": records.line,
                "lines": records.lines,
            },
            index=pd.RangeIndex(self.n),
        )

    def _verbs(self) -> pd.Series:
        """The verb of each event, in capitals: as logged, else as its shape says."""
        words = self.records.words("verb").str.upper()
        said = [dict(shape.says).get("verb", "") for shape in self.records.shapes]
        names = pd.Index([*words, *filter(None, said)], dtype="str").unique()
        logged = np.append(names.get_indexer(words), -1)[self.records.codes("verb")]
        other = np.append(names.get_indexer(pd.Index(said, dtype="str")), -1)[self.records.shape]
        return pd.Series(tables.categorical(np.where(logged < 0, other, logged), names))

    def _repeats(self) -> np.ndarray:
        times = self.records.number("repeats")
        return np.where(times < 1, 1, times)

    def _sessions(self) -> pd.DataFrame:
        n, of = self.sessions, self.session
        start, end = self.span(of, n)
        authenticated = self.is_kind("auth", "receive") & self.records.has("user") & ~self.records.has("refused")
        closed = tally(of[self.is_kind("disconnect") & (of >= 0)], n) > 0
        words = ["cut", "quit", "dropped", *(dict(shape.says).get("ended", "") for shape in self.records.shapes)]
        ended = closed.astype(np.int64)
        commands = self.records.integer_by("commands", of, n)  # counted, and no QUIT among them: the server hung up
        counted = commands.notna().to_numpy(bool) & self.records.integer_by("quits", of, n).isna().to_numpy(bool)
        ended[closed & counted] = words.index("dropped")
        rows = np.flatnonzero((of >= 0) & self.records.says("ended"))
        ended[of[rows]] = np.array([words.index(word) for word in words])[self.records.shape[rows] + 3]
        secured = self.is_kind("tls") | self.records.has("tls")
        host = self.records.text_by("peer_host", of, n)
        listed = self.records.text_by("verbs", of, n)  # some servers list a connection's commands
        return tables.conform(
            "sessions",
            {
                "session": np.arange(n),
                "role": "server",
                "peer_ip": self.records.text_by("peer_ip", of, n),
                "peer_host": host.mask(host.eq("unknown").fillna(False)),
                "helo": self.records.text_by("helo", of, n, last=True),
                "start": start,
                "end": end,
                "user": self.records.text_by("user", of, n, last=True),
                "authenticated": tally(of[authenticated & (of >= 0)], n) > 0,
                "tls": tally(of[secured & (of >= 0)], n) > 0,
                "commands": commands.fillna(listed.str.count(",") + 1).fillna(0),
                "replies": 0,
                "transactions": tally(of[self.is_kind("receive") & (of >= 0)], n),
                "resets": self.records.integer_by("resets", of, n).fillna(listed.str.count("RSET")).fillna(0),
                "ended": tables.categorical(*_used(ended, words)),
            },
            index=pd.RangeIndex(n),
        )

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
        status = np.array([*said, -1], dtype=np.int8)[records.shape]
        logged = records.rows("status")
        found = np.array([*meaning, -1], dtype=np.int8)[records.codes("status", logged)]
        status[logged] = np.where(found == -1, status[logged], found)
        unclear = _within(logged, status == _UNCLEAR)
        by_class = {"2": numbers["delivered"], "4": numbers["deferred"]}
        digit = records.text("enhanced_code", unclear).str[:1]
        status[unclear] = digit.map(by_class).fillna(numbers["bounced"]).astype(int)
        refused = np.flatnonzero(self.is_kind("reject") & (status < 0))
        of_one = self.verb.take(refused).eq("RCPT").to_numpy(bool) | records.has("forward_path")[refused]
        status[refused[of_one]] = numbers["rejected"]
        status[self.echo] = -1
        return status

    def _recipients(self) -> pd.DataFrame:
        records = self.records
        self.status = status = self._statuses()
        rows = np.flatnonzero(status >= 0)
        repeats = self._repeats()[rows]
        if (repeats > 1).any():
            rows = np.repeat(rows, repeats)
        path = records.text("forward_path", rows)
        if between := self.rules.between:
            many = path.str.contains(between, regex=False).fillna(False) & self.is_kind("deliver")[rows]
            apart = re.compile(f'{between}(?=(?:[^"]*"[^"]*")*[^"]*$)')  # but not inside a quoted string
            lists = path.astype(object)
            lists[many] = [[one.strip(" <>") for one in apart.split(listed)] for listed in path[many]]
            lists = lists.explode()
            rows, path = rows[lists.index.to_numpy()], lists.astype("str").reset_index(drop=True)
        original = records.text("orig_to", rows)
        at, named = self._given_up(rows, path, original)
        rows = rows[at]
        return tables.conform(
            "recipients",
            {
                "transaction": integers(self.transaction[rows]),
                "session": integers(self.session[rows]),
                "time": self.time.take(rows),
                "forward_path": path.take(named),
                "orig_to": original.take(named),
                "status": tables.categorical(status[rows], tables.STATUSES),
                "code": integers(self.code[rows], lexer.MISSING),
                "enhanced_code": records.category("enhanced_code", rows),
                "reply": records.text("reply", rows),
                "relay": records.text("relay", rows),
                **{
                    name: _seconds(records.number(name, rows))
                    for name in tables.TABLES["recipients"]
                    if name.startswith("delay")
                },
            },
            index=pd.RangeIndex(len(rows)),
        )

    def _given_up(self, rows: np.ndarray, path: pd.Series, original: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """A line that gives a message up without naming a recipient counts for each one still pending.

        Given the attempts' events and whom they name: which attempts the table's rows are, and whom those name.
        """
        each, of = np.arange(len(rows)), self.transaction[rows]
        expired = (self.status[rows] == tables.STATUSES.index("expired")) & path.isna().to_numpy(bool) & (of >= 0)
        if not expired.any():
            return each, each
        given_up = pd.DataFrame({"label": each[expired], "transaction": of[expired]})
        tried = np.flatnonzero(np.isin(of, of[expired]) & ~expired & path.notna().to_numpy(bool))
        tries = pd.DataFrame({"at": tried, "transaction": of[tried], "status": self.status[rows[tried]]})
        tries["who"], tries["original"] = path.take(tried).to_numpy(), original.take(tried).to_numpy()
        tries = tries.merge(given_up, on="transaction")
        tries = tries[tries["at"] < tries["label"]].drop_duplicates(["label", "who", "original"], keep="last")
        pending = tries[tries["status"] == tables.STATUSES.index("deferred")]
        pending = pending.drop_duplicates(["transaction", "who", "original"])
        alone = np.setdiff1d(given_up["label"], tries["label"])
        at = np.concatenate([each[~expired], alone, pending["label"]])
        named = np.concatenate([each[~expired], alone, pending["at"]])
        order = np.argsort(at, kind="stable")
        return at[order], named[order]

    def _transactions(self, recipients: pd.DataFrame) -> pd.DataFrame:
        n, of, session = self.made, self.transaction, self.session_of[:-1]
        start, end = self.span(of, n)
        reverse = self.records.text_by("reverse_path", of, n, last=True)
        report, about = self._reports(recipients)
        number = pd.Series(session).groupby(session).cumcount().to_numpy() + 1
        host = first(of, n, among=self.records.has("host"))
        return tables.conform(
            "transactions",
            {
                "transaction": np.arange(n),
                "session": integers(session),
                "number": integers(np.where(session < 0, -1, number)),
                "start": start,
                "end": end,
                "reverse_path": reverse,
                "null_sender": reverse.eq("").fillna(False).astype(bool),
                "size": self.records.integer_by("size", of, n, last=True),
                "message_id": self.records.text_by("message_id", of, n),
                "queue_id": self.records.text_by("queue_id", of, n),
                "host": self.records.category("host", np.maximum(host, 0)).where(host >= 0) if self.n else None,
                "user": self.records.text_by("user", of, n),
                **outcomes(recipients, n),
                "report": report,
                "ndr_of": integers(about),
            },
            index=pd.RangeIndex(n),
        )

    def _reports(self, recipients: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """What each message reports, as the server made it, and the message that it is about (-1: none)."""
        report, about = np.full(self.made, None, dtype=object), np.full(self.made, -1, dtype=np.int64)
        rows = _within(self.records.rows("report_id"), self.other >= 0)
        report[self.other[rows]], about[self.other[rows]] = self.records.said("report", rows), self.transaction[rows]
        # A message is given up once: what says so again is the postmaster's copy.
        last = rows[self.records.said("status", rows) == "expired"]
        report[self.other[last[pd.Series(self.transaction[last]).duplicated()]]] = "postmaster"
        rows = _within(self.records.rows("original_id"), self.transaction >= 0)
        of, other = self.transaction[rows], self.other[rows]
        # What happened since the last report about the same message decides.
        before = pd.Series(rows).groupby(other).shift(fill_value=-1).to_numpy()
        failed, waiting, known = (
            self._between(status, other, before if status is _LOST else np.full(len(rows), -1), rows)
            for status in (_LOST, ("deferred", "held"), tables.STATUSES)
        )
        # Of mail that went well it is a success that is reported, or it was answered (a vacation notice).
        answers = self.transaction[self.records.says("answers") & (self.transaction >= 0)]
        made = np.full(len(rows), "delay", dtype=object)
        made[known & ~waiting] = "success"
        made[known & ~waiting & np.isin(other, answers)] = None
        made[failed] = "ndr"
        report[of], about[of] = made, np.where(made == None, -1, other)  # noqa: E711 (by item)
        # Mail without a sender, and a report is such, can be reported to the postmaster only.
        sender = self.records.text_by("reverse_path", self.transaction, self.made, last=True)
        null = np.append(sender.eq("").fillna(False).to_numpy(bool) | (report != None), False)  # noqa: E711
        report[(report == "ndr") & null[about]] = "postmaster"
        return report, np.where((report == "ndr") | (report == "postmaster"), about, -1)

    def _between(
        self, statuses: tuple[str, ...], message: np.ndarray, begin: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """Whether each message had a recipient of such a status between two events."""
        wanted = np.isin([*tables.STATUSES, ""], statuses)[self.status]
        at = np.flatnonzero(wanted & (self.transaction >= 0))
        places = np.sort(self.transaction[at] * (self.n + 1) + at)
        before, until = (np.searchsorted(places, message * (self.n + 1) + edge) for edge in (begin, end))
        return np.asarray(until > before)

    def _requeued(self, recipients: pd.DataFrame) -> pd.Series:
        """The message that a delivery became: of those whose id the reply names, the latest that arrived in time."""
        became = np.full(len(recipients), -1, dtype=np.int64)
        rows = np.flatnonzero(recipients["status"].eq("delivered") & recipients["reply"].notna())
        forwarded = recipients["reply"].take(rows).str.startswith(_FORWARDED).to_numpy(bool)
        others = np.where(self.arrival < 0, first(self.transaction, self.made), -1)
        for which, begins in ((rows[~forwarded], self.arrival), (rows[forwarded], others)):
            begun = np.flatnonzero(begins >= 0)
            if len(which) and len(begun):
                self._follow(recipients, which, begins[begun], begun, became)
        return integers(became)

    def _follow(
        self, recipients: pd.DataFrame, rows: np.ndarray, begins: np.ndarray, begun: np.ndarray, became: np.ndarray
    ) -> None:
        """Note in ``became`` which of the messages ``begun``, with first events ``begins``, these deliveries are."""
        ids, used = _used(self.records.codes("queue_id", begins), self.records.dictionary("queue_id"))
        which = self._named(recipients["reply"].take(rows), used)
        rows, which = rows[which >= 0], which[which >= 0]
        began = self.time.take(begins).reset_index(drop=True)
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

    def _named(self, reply: pd.Series, ids: Any) -> np.ndarray:
        """The last word of each text that is one of the ids: its number, -1 for none."""
        texts, words = (pa.array(each, pa.large_string()) for each in (reply, ids))
        (_, at, data), (_, id_at, octets) = texts.buffers(), words.buffers()
        run = _mentioned.pick(texts.nbytes)
        data, octets = (
            b.to_pybytes() if run is _mentioned.plain else np.frombuffer(b, np.uint8) for b in (data, octets)
        )
        found = np.full(len(texts), -1, dtype=np.int64)
        at = np.frombuffer(at, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
        id_at = np.frombuffer(id_at, dtype=np.int64)[: len(words) + 1]
        table = np.full(1 << max(4, (2 * len(words)).bit_length()), -1, dtype=np.int64)
        sizes = np.zeros(256, dtype=np.bool_)
        sizes[np.minimum(np.diff(id_at), 255)] = True
        run(data, at[:-1], at[1:], octets, id_at, sizes, table, found)
        return found
