"""Lives, sessions, reports and hops: a small made-up Postfix whose truth is known is written as a log and read back."""

import heapq
import io
import random
from collections import Counter
from dataclasses import dataclass, field

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import engine, lives, native, sources, summary

START = pd.Timestamp("2024-07-07 13:00:00")
compiled = pytest.mark.skipif(not native.able(), reason="Numba is not installed")


@dataclass
class Life:
    """The life of a queue id."""

    queue_id: str
    sender: str | None = None
    size: int | None = None
    session: int | None = None
    arrived: float | None = None
    report: str | None = None
    about: "Life | None" = None
    recipients: list = field(default_factory=list)  # path, status
    became: dict = field(default_factory=dict)  # number of the recipient's row: life


class World:
    """A server: what happens at what time is written as it happens; ids are used again as soon as they are free.

    Processes are generators that yield the seconds until they go on.
    """

    def __init__(self, seed, messages, ids):
        self.random = random.Random(seed)
        self.free = [(0.0, f"{0xA0000 + i:X}") for i in range(ids)]
        self.now, self.lines = 0.0, []  # lines: time, text, life, session
        self.lives, self.sessions = [], []  # sessions: peer, ended, commands
        self.idle = list(range(101, 104))
        self.tasks, self.number = [], 0
        for _ in range(messages):
            self.start(self.client() if self.random.random() < 0.7 else self.pickup(), self.random.random() * messages)
        while self.tasks:
            self.now, _, task = heapq.heappop(self.tasks)
            for wait in task:
                self.start(task, wait)
                break

    def start(self, task, wait=0.0):
        self.number += 1
        heapq.heappush(self.tasks, (self.now + wait, self.number, task))

    def log(self, text, life=None, session=None):
        self.lines.append((self.now, text, life, session))

    # -- what runs

    def born(self, **known):
        ready = [i for i, (since, _) in enumerate(self.free) if since <= self.now]
        number = 0x100 + len(self.lives)
        queue_id = self.free.pop(self.random.choice(ready))[1] if ready else f"{number:05X}F"
        self.lives.append(Life(queue_id, **known))
        return self.lives[-1]

    def connect(self, peer, program="smtpd"):
        pid = self.idle.pop() if self.idle and program == "smtpd" else 200 + len(self.sessions)
        self.sessions.append([peer, "cut", 0])
        return f"{program}[{pid}]", pid, len(self.sessions) - 1

    def closed(self, process, session, pid, ended="quit"):
        peer, _, commands = self.sessions[session]
        if ended != "quit":
            said = "timeout" if ended == "timeout" else "lost connection"
            self.log(f"{process}: {said} after DATA (9 bytes) from {peer}", session=session)
        quit_ = " quit=1" if ended == "quit" else ""
        self.log(f"{process}: disconnect from {peer} ehlo=1{quit_} commands={commands}", session=session)
        self.sessions[session][1] = ended
        if pid < 200:
            self.idle.append(pid)

    def client(self):
        host = self.random.randrange(1, 5)
        peer = f"c{host}.example[192.0.2.{host}]"
        process, pid, session = self.connect(peer)
        self.log(f"{process}: connect from {peer}", session=session)
        for _ in range(self.random.randrange(4)):
            yield self.random.random()
            if self.random.random() < 0.2:
                self.log(
                    f"{process}: NOQUEUE: reject: RCPT from {peer}: 550 5.1.1 no; from=<x@y> to=<z@w> proto=SMTP helo=<h>",
                    session=session,
                )
            else:
                life = self.born(sender="ann@example.net", session=session, arrived=self.now)
                self.log(f"{process}: {life.queue_id}: client={peer}", life, session)
                yield self.random.random() / 10
                self.start(self.queued(life, filtered=self.random.random() < 0.4))
            self.sessions[session][2] += 3
        yield self.random.random()
        self.closed(process, session, pid, self.random.choice(["quit", "quit", "timeout", "dropped"]))

    def pickup(self):
        life = self.born(sender="root@mx.example", arrived=self.now)
        self.log(f"pickup[5]: {life.queue_id}: uid=0 from=<root>", life)
        yield self.random.random()
        self.start(self.queued(life, filtered=self.random.random() < 0.4))

    def queued(self, life, filtered=False):
        if life.arrived is not None:
            self.log(f"cleanup[6]: {life.queue_id}: message-id=<{len(self.lines)}@x>", life)
            yield self.random.random() / 20
        life.size = self.random.randrange(1, 9999)
        paths = [f"r{i}@example.com" for i in range(self.random.randrange(1, 4))]
        self.log(
            f"qmgr[7]: {life.queue_id}: from=<{life.sender}>, size={life.size}, nrcpt={len(paths)} (queue active)", life
        )
        if filtered:
            yield self.random.random()
            yield from self.filter(life, paths)
        else:
            yield from self.deliver(life, paths)
        self.log(f"qmgr[7]: {life.queue_id}: removed", life)
        self.free.append((self.now + 3.5, life.queue_id))

    def tried(self, life, path, word, reply, began):
        status = {"sent": "delivered"}.get(word, word)
        code = {"sent": 2, "bounced": 5, "deferred": 4}[word]
        delay = max(self.now - began, 0)
        self.log(
            f"smtp[8]: {life.queue_id}: to=<{path}>, relay=mx[198.51.100.1]:25, delay={delay:.2f}, dsn={code}.0.0, status={word} ({reply})",
            life,
        )
        life.recipients.append((path, status))

    def filter(self, life, paths):
        peer, began = "localhost[127.0.0.1]", self.now
        process, pid, session = self.connect(peer, "filter/smtpd")
        self.log(f"{process}: connect from {peer}", session=session)
        yield self.random.random() / 10
        onward = self.born(sender=life.sender, session=session, arrived=self.now)
        self.log(f"{process}: {onward.queue_id}: client={peer}", onward, session)
        yield self.random.random() / 10
        self.start(self.queued(onward))
        for path in paths:
            life.became[len(life.recipients)] = onward
            self.tried(
                life, path, "sent", f"250 2.0.0 Ok: queued as {onward.queue_id}", min(began, life.arrived or began)
            )
            yield 0.01
        self.closed(process, session, pid)

    def deliver(self, life, paths):
        began = self.now if life.arrived is None else life.arrived
        failed = False
        while paths:
            again = []
            for path in paths:
                yield self.random.random()
                word = self.random.choice(["sent", "sent", "bounced", "deferred"])
                reply = "250 ok: queued as 99999R" if word == "sent" else "host mx[198.51.100.1] said: 550 no"
                self.tried(life, path, word, reply, began)
                again += [path] * (word == "deferred")
                failed |= word == "bounced"
            paths = again
            if paths and self.random.random() < 0.3:
                self.log(f"qmgr[7]: {life.queue_id}: from=<{life.sender}>, status=expired, returned to sender", life)
                life.recipients += [(path, "expired") for path in paths]
                paths, failed = [], True
            elif paths:
                yield self.random.random() * 5
                self.log(
                    f"qmgr[7]: {life.queue_id}: from=<{life.sender}>, size={life.size}, nrcpt=3 (queue active)", life
                )
        if failed and life.report is None and life.sender:
            yield from self.notice(life, "ndr", "sender non-delivery", "")
            if self.random.random() < 0.3:
                yield from self.notice(life, "postmaster", "postmaster non-delivery", "double-bounce@mx.example")

    def notice(self, life, report, words, sender):
        made = self.born(sender=sender, report=report, about=life)
        self.log(f"cleanup[6]: {made.queue_id}: message-id=<{len(self.lines)}@mx>", made)
        yield self.random.random() / 10
        late = self.random.random() < 0.5  # the order of the two lines is nobody's promise
        if late:
            self.start(self.queued(made))
            yield 0.0
        self.log(f"bounce[9]: {life.queue_id}: {words} notification: {made.queue_id}", life)
        if not late:
            self.start(self.queued(made))

    # -- as a log

    def text(self, iso):
        out = []
        for when, text, *_ in self.lines:
            time = START + pd.Timedelta(seconds=when)
            stamp = time.isoformat(timespec="microseconds") + "+00:00" if iso else time.strftime("%b %e %H:%M:%S")
            out.append(f"{stamp} mx postfix/{text}\n")
        return "".join(out)


def same_parts(numbers, truth):
    """The two number the same parts: what has one number has one, and the other way round; a map between them."""
    pairs = {(None if pd.isna(a) else int(a), b) for a, b in zip(numbers, truth, strict=True)}
    forth, back = dict(pairs), {b: a for a, b in pairs}
    assert len(pairs) == len(forth) == len(back)
    assert forth.get(None) is None and back.get(None) is None
    return back


def check(world, log):
    """What was read is what happened."""
    assert len(log.events) == len(world.lines) and len(log.unparsed) == 0
    index = {id(life): number for number, life in enumerate(world.lives)}
    made = same_parts(
        log.events["transaction"], [None if life is None else index[id(life)] for _, _, life, _ in world.lines]
    )
    assert len(log.transactions) == len(world.lives)
    opened = same_parts(log.events["session"], [session for *_, session in world.lines])
    assert len(log.sessions) == len(world.sessions)
    for number, (peer, ended, commands) in enumerate(world.sessions):
        row = log.sessions.iloc[opened[number]]
        assert (f"{row['peer_host']}[{row['peer_ip']}]", row["ended"], row["commands"]) == (peer, ended, commands)
    transactions = log.transactions.astype(object).where(log.transactions.notna(), None)
    for number, life in enumerate(world.lives):
        row = transactions.iloc[made[number]]
        assert (row["queue_id"], row["reverse_path"], row["size"], row["report"]) == (
            life.queue_id,
            life.sender,
            life.size,
            life.report,
        )
        assert row["session"] == (None if life.session is None else opened[life.session])
        assert row["ndr_of"] == (None if life.about is None else made[index[id(life.about)]])
        statuses = {status for _, status in life.recipients}
        assert row["outcome"] == (statuses.pop() if len(statuses) == 1 else "mixed")
        rows = log.recipients[log.recipients["transaction"] == row["transaction"]]
        assert Counter(zip(rows["forward_path"], rows["status"], strict=True)) == Counter(life.recipients)
        became = [made[index[id(life.became[i])]] if i in life.became else None for i in range(len(rows))]
        assert [None if pd.isna(link) else link for link in rows["requeued_as"]] == became
    check_totals(world, log)


def check_totals(world, log):
    once, hops = summary.totals(log), summary.totals(log, hops=True)
    arrived = [life for life in world.lives if life.arrived is not None]
    onward = {id(life) for first in world.lives for life in first.became.values()}
    statuses = Counter(status for life in world.lives for _, status in life.recipients)
    assert hops["received"] == len(arrived) and once["received"] == len(arrived) - len(onward)
    assert hops["octets_received"] == sum(life.size for life in arrived)
    assert once["octets_received"] == sum(life.size for life in arrived if id(life) not in onward)
    assert hops["delivered"] == statuses["delivered"]
    assert once["delivered"] == statuses["delivered"] - sum(len(life.became) for life in world.lives)
    for totals in (once, hops):
        assert totals["deferrals"] == statuses["deferred"]
        assert (totals["bounced"], totals["expired"]) == (statuses["bounced"], statuses["expired"])
        assert totals["ndrs"] == sum(life.report == "ndr" for life in world.lives)
        assert totals["postmaster_notices"] == sum(life.report == "postmaster" for life in world.lives)
        assert totals["rejected"] == sum("reject:" in text for _, text, *_ in world.lines)


def read(*texts, **options):
    return spamlab.read([io.BytesIO(text.encode()) for text in texts], format="postfix", **{"year": 2024, **options})


WORLDS = st.builds(World, st.integers(0, 10**9), st.integers(1, 12), st.integers(1, 12))


@settings(max_examples=30, deadline=None)
@given(WORLDS, st.booleans())
def test_what_is_read_is_what_happened(world, iso):
    check(world, read(world.text(iso)))


@settings(max_examples=15, deadline=None)
@given(WORLDS, st.booleans(), st.floats(0, 1))
def test_also_when_the_log_is_cut_into_two_files(world, iso, share):
    lines = world.text(iso).splitlines(keepends=True)
    at = int(share * len(lines))
    parts = ["".join(lines[:at]), "".join(lines[at:])]
    check(world, read(*(part for part in parts if part)))


@settings(max_examples=15, deadline=None)
@given(WORLDS, st.floats(0, 1))
def test_of_a_log_whose_beginning_is_lost_the_rest_is_the_same(world, share):
    at = int(share * len(world.lines))
    rest = world.text(iso=True).splitlines(keepends=True)[at:]
    if not rest:
        return
    log = read("".join(rest))
    numbers = {id(life): number for number, life in enumerate(world.lives)}
    same_parts(log.events["transaction"], [life and numbers[id(life)] for _, _, life, _ in world.lines[at:]])
    opened = same_parts(log.events["session"], [session for *_, session in world.lines[at:]])
    for number, session in opened.items():
        if number is not None:
            row, (peer, ended, commands) = log.sessions.iloc[session], world.sessions[number]
            assert (f"{row['peer_host']}[{row['peer_ip']}]", row["commands"]) == (peer, commands)
            said = any(s == number and " after DATA" in text for _, text, _, s in world.lines[at:])
            assert row["ended"] == (ended if said or ended != "timeout" else "dropped")


@settings(max_examples=8, deadline=None)
@given(WORLDS, st.integers(1, 2000))
def test_also_when_pieces_are_small(world, piece):
    text = world.text(iso=True)
    whole = read(text).tables()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "READ", 128)
        patch.setattr(sources.Source.text, "__defaults__", (piece,))
        for name, table in read(text).tables().items():
            pd.testing.assert_frame_equal(table, whole[name])


@compiled
@settings(max_examples=8, deadline=None)
@given(WORLDS)
def test_plain_and_compiled_agree(world):
    text = world.text(iso=True)
    with engine.only("plain"):
        plain = read(text).tables()
    with engine.only("compiled"):
        for name, table in read(text).tables().items():
            pd.testing.assert_frame_equal(table, plain[name])


@pytest.mark.parametrize(
    "wanted", [["recipients"], ["transactions"], ["sessions"], ["events"], ["transactions", "sessions"]]
)
def test_a_table_by_itself_is_the_same(wanted):
    text = World(7, 12, 4).text(iso=True)
    whole, some = read(text).tables(), read(text, tables=wanted).tables()
    for name in wanted:
        pd.testing.assert_frame_equal(whole[name], some[name])


def test_an_id_is_its_hosts_own_however_many_hosts_there_are():
    lines = []
    for host in range(40):
        for queue_id in (f"AAAA{host:04X}0", "BBBB11110"):  # one of its own, one that all hosts use
            at = f"Jul  7 13:42:{host:02} h{host} postfix"
            lines += [f"{at}/smtpd[1]: {queue_id}: client=x[192.0.2.{host}]", f"{at}/qmgr[2]: {queue_id}: removed"]
    log = read("\n".join(lines) + "\n")
    assert len(log.transactions) == 80
    assert log.transactions.groupby("host", observed=True)["queue_id"].nunique().eq(2).all()
    assert log.events.groupby("transaction")["host"].nunique().eq(1).all()


def test_the_world_holds_what_is_tested():
    worlds = [World(seed, 12, 3) for seed in range(20)]
    ids = [Counter(life.queue_id for life in world.lives) for world in worlds]
    assert max(max(count.values()) for count in ids) > 2  # ids come back
    everything = [life for world in worlds for life in world.lives]
    assert {life.report for life in everything} == {None, "ndr", "postmaster"}
    assert any(life.became for life in everything)
    assert {status for life in everything for _, status in life.recipients} == {
        "delivered",
        "bounced",
        "deferred",
        "expired",
    }
    assert {ended for world in worlds for _, ended, _ in world.sessions} == {"quit", "timeout", "dropped"}


def test_two_hosts_ids_are_each_hosts_own():
    worlds = [World(seed, 6, 2) for seed in (1, 2)]
    texts = [world.text(iso=True) for world in worlds]
    other = texts[1].replace(" mx postfix/", " two postfix/")
    both = sorted(
        zip([*texts[0].splitlines(keepends=True), *other.splitlines(keepends=True)], range(10**6), strict=False),
        key=lambda line: (line[0][:32], line[1]),
    )
    log = read("".join(line for line, _ in both))
    assert len(log.transactions) == sum(len(world.lives) for world in worlds)
    assert len(log.sessions) == sum(len(world.sessions) for world in worlds)
    by_host = log.transactions.groupby("host", observed=True).size()
    assert by_host.to_dict() == {"mx": len(worlds[0].lives), "two": len(worlds[1].lives)}
    about = log.transactions.dropna(subset=["ndr_of"])
    host = log.transactions["host"]
    assert (about["host"].astype(str) == host.loc[about["ndr_of"].astype(int)].astype(str).to_numpy()).all()


# -- the kernels by themselves -----------------------------------------------------------------------------


def followed(*events):
    """What ``lives.messages`` makes of (id, stage) or (id, stage, other id): message, other message."""
    import numpy as np

    ids, stages, refers = (np.array(part) for part in zip(*((*event, -1)[:3] for event in events), strict=True))
    top = 10
    none = np.full(top, -1)
    message, other = np.full(len(ids), -1), np.full(len(ids), -1)
    count = lives.messages(
        ids, stages, refers, none, 0, none.copy(), np.zeros(top, bool), np.zeros(top, bool), none.copy(), message, other
    )
    return message.tolist(), other.tolist(), count


B, M, E, LATE = lives.BEGIN, lives.MIDDLE, lives.END, 3


@pytest.mark.parametrize(
    ("events", "messages"),
    [
        ([(1, B), (1, M), (1, LATE), (1, E)], [0, 0, 0, 0]),
        ([(1, B), (1, E), (1, B)], [0, 0, 1]),
        ([(1, B), (1, E), (1, M)], [0, 0, 1]),  # a report has no arrival
        ([(1, B), (1, E), (1, LATE)], [0, 0, 0]),  # what comes late belongs to the life that ended
        ([(1, B), (1, B)], [0, 1]),  # its end is lost
        ([(1, M), (1, B), (1, E)], [0, 0, 0]),  # stamped in another order
        ([(1, LATE), (1, M), (1, B)], [0, 0, 0]),  # its beginning is in another file
        ([(1, E), (1, B)], [0, 1]),
        ([(1, B), (2, B), (1, E), (2, E), (1, B)], [0, 1, 0, 1, 2]),
        ([(-1, LATE), (1, B), (-1, E)], [-1, 0, -1]),
    ],
)
def test_when_a_life_begins(events, messages):
    assert followed(*events)[0] == messages


@pytest.mark.parametrize(
    ("events", "others"),
    [
        ([(1, B), (2, M), (1, LATE, 2)], [-1, -1, 1]),
        ([(1, B), (1, LATE, 2), (2, M)], [-1, 1, -1]),  # named before it is seen
        ([(1, B), (2, M), (2, E), (1, LATE, 2)], [-1, -1, -1, 1]),  # named after it is gone
        ([(1, B), (2, M), (2, E), (1, LATE, 2), (2, M)], [-1, -1, -1, 2, -1]),  # or named before it came back
        ([(1, B), (1, LATE, 2)], [-1, -1]),
    ],
)
def test_what_a_report_names(events, others):
    assert followed(*events)[1] == others
