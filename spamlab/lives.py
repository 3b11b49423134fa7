# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
"""Kernels that follow queue ids and processes through a log: which message and which session an event belongs to.

Plain Python over flat arrays, which ``engine`` can compile; one pass over the events in order.
"""

from __future__ import annotations

from spamlab.lexer import MISSING, SECOND

BEGIN, MIDDLE, END = 0, 1, 2  # what an event is in a message's life
SILENCE = 3600 * SECOND  # after it a process that serves once in its life is another one with the same number


def messages(queue_id, stage, refers, host, hosts, current, ended, begun, waiting, transaction, other):
    """Give each event its message: how many there are.

    ``queue_id`` (number of the id, -1: none); ``stage``: an arrival begins a new life where the old one has ended or
    had its arrival; after the end only what belongs to a beginning (an arrival, a queue's mention) begins anew.
    ``refers`` names a second id (-1: none): ``other`` gets its message, the one alive then, else the next to begin.
    ``current``, ``waiting`` (filled with -1), ``ended``, ``begun`` have one item an id of each of ``hosts`` (0: ids are
    numbered by host already; ``host`` is -1 where it is not known).
    """
    made = 0
    for i in range(len(queue_id)):
        q, r = queue_id[i], refers[i]
        if hosts > 0:
            q, r = q * hosts + host[i] + 1 if q >= 0 else -1, r * hosts + host[i] + 1 if r >= 0 else -1
        if q >= 0:
            fresh = current[q] < 0
            if stage[i] == BEGIN:
                fresh = fresh or ended[q] or begun[q]
            elif stage[i] == MIDDLE:
                fresh = fresh or ended[q]
            if fresh:
                current[q] = made
                made += 1
                ended[q] = begun[q] = False
                if waiting[q] >= 0:
                    other[waiting[q]] = current[q]
                    waiting[q] = -1
            if stage[i] == BEGIN:
                begun[q] = True
            elif stage[i] == END:
                ended[q] = True
            transaction[i] = current[q]
        if r >= 0:
            if current[r] >= 0 and not ended[r]:
                other[i] = current[r]
            else:
                other[i] = current[r]
                waiting[r] = i
    return made


def connections(key, opens, closes, starts, peer, shared, once, stamp, keys, sessions, session):
    """Give each event its session: how many there are.

    ``key`` numbers the process that logs (-1: none). An event that ``opens`` begins a session; one that ``starts``
    does so where none is open (its beginning is in another file) or another ``peer`` speaks. An event after the end
    that names the same peer still belongs to it. A ``shared`` key can serve several sessions at once: while it does,
    which of them an event belongs to is not told. Where a process serves only ``once``, what the same peer does after
    the end is no new session, unless one opens. ``keys`` and ``sessions`` are scratch, filled with -1.
    """
    current, several = keys[0], keys[1]  # several: sessions under way, where they are more than one or were; else -1
    heard = keys[2]  # when an event of this process was
    who, closed, implied = sessions[0], sessions[1], sessions[2]  # of the latter: 1 yes, else no
    made = 0
    for i in range(len(key)):
        k = key[i]
        if k < 0:
            continue
        if stamp[i] != MISSING:
            if once and heard[k] >= 0 and (stamp[i] >> 3) - heard[k] > SILENCE:
                current[k] = -1
            heard[k] = stamp[i] >> 3
        s = current[k]
        same = s >= 0 and (peer[i] < 0 or who[s] < 0 or peer[i] == who[s])
        if several[k] > 0 and not opens[i]:
            several[k] -= 1 if closes[i] else 0
            if several[k] == 0:
                current[k] = -1
            continue
        over = s >= 0 and closed[s] == 1
        if opens[i] and shared[i] and s >= 0 and not over:
            several[k] = max(several[k], 1) + 1
        if opens[i]:
            fresh = not (same and implied[s] == 1 and not over)
        elif s >= 0 and same and (not over or peer[i] >= 0):
            fresh = over and starts[i] and not once
        else:
            fresh = starts[i]
            if not fresh:
                continue
        if fresh:
            s = made
            current[k] = s
            made += 1
        implied[s] = 1 if (fresh or implied[s] == 1) and not opens[i] else 0
        if who[s] < 0:
            who[s] = peer[i]
        if closes[i]:
            closed[s] = 1
        session[i] = s
    return made


def slot(octets, p, q, ids, id_at, table):
    """Where the word ``octets[p:q]`` stands, or would stand, in a hash table of the numbers of ``ids``."""
    key = 0
    for i in range(p, q):
        key = (key ^ octets[i]) * 16777619 & 0xFFFFFFFF
    mask = len(table) - 1
    at = (key ^ key >> 17) & mask
    while table[at] >= 0:
        begin = id_at[table[at]]
        if id_at[table[at] + 1] - begin == q - p:
            i = 0
            while i < q - p and ids[begin + i] == octets[p + i]:
                i += 1
            if i == q - p:
                return at
        at = (at + 1) & mask
    return at


def mentioned(data, begins, ends, ids, id_at, sizes, table, found):
    """Find in texts the last word that is one of ``ids`` (distinct): its number into ``found`` (-1: none).

    A word is a run of letters, digits and ``-`` that is no part of an address or a Message-ID; ``table`` is an empty
    (-1) hash table of a power of two; ``sizes`` flags how long ids are (at most 255).
    """
    for n in range(len(id_at) - 1):
        table[slot(ids, id_at[n], id_at[n + 1], ids, id_at, table)] = n
    for n in range(len(begins)):
        q, begin, end = ends[n], begins[n], ends[n]
        while q > begin and found[n] < 0:
            p = q
            while p > begin and (48 <= data[p - 1] <= 57 or 65 <= (data[p - 1] & 223) <= 90 or data[p - 1] == 45):
                p -= 1
            part = (p > begin and (data[p - 1] == 46 or data[p - 1] == 64)) or (q < end and data[q] == 64)  # . @
            if q - p >= 5 and sizes[min(q - p, 255)] and not part:
                found[n] = table[slot(data, p, q, ids, id_at, table)]
            q = p - 1
    return len(begins)
