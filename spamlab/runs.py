# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
"""A kernel that finds sessions in records that number none: runs of one client address (RFC 5321's order of commands).

Plain Python over flat arrays, which ``engine`` can compile.
"""

from __future__ import annotations

from spamlab.lexer import SECOND
from spamlab.walk import VERBS

SILENCE = 600 * SECOND  # after it a session is over
EHLO, HELO, MAIL, QUIT, TLS = (VERBS.index(verb) for verb in ("EHLO", "HELO", "MAIL", "QUIT", "STARTTLS"))


def follow(place, named, out, reply, verb, code, micros, at_place, by_name, scratch, session, alive):
    """Give each record its session: how many there are.

    ``place`` numbers client address and direction, ``named`` the HELO name there (-1: none is logged). A session goes
    from its greeting to QUIT (of an outbound one, to QUIT's answer) or until ten minutes pass. An outbound greeting
    is a 220 that answers no STARTTLS, an inbound one a HELO after a MAIL; the session it interrupts goes on when the
    new one has ended. HELO names tell sessions of one address apart; a record without a name is of the session that
    has none yet, else of the latest. ``alive`` gets whether a session is the latest of its kind at the log's end;
    ``at_place`` and ``by_name`` come filled with -1, ``scratch`` has room for a session a record.
    """
    n = len(place)
    latest, nameless = at_place[0], at_place[1]
    under = scratch[0]  # the session that a greeting interrupts: it may go on
    quits = scratch[1]  # 1: QUIT was said, 2: answered
    before = scratch[2]  # the verb before
    when = scratch[3]
    mailed = scratch[4]  # 1: yes
    made = 0
    for i in range(n):
        p, k = place[i], named[i]
        s = by_name[k] if k >= 0 and not out[i] else latest[p]
        while s >= 0 and quits[s] > (1 if reply[i] else 0):
            s = under[s]
        bare = nameless[p]
        if not out[i] and bare >= 0 and quits[bare] < 1 and (k < 0 or s < 0 or abs(micros[i] - when[s]) > SILENCE):
            s = bare
        fresh, stale = s < 0, False
        if not fresh:
            stale = abs(micros[i] - when[s]) > SILENCE
            hello = mailed[s] == 1 and (verb[i] == EHLO or verb[i] == HELO) and not out[i]
            fresh = stale or hello or (out[i] and reply[i] and code[i] == 220 and before[s] != TLS)
        if fresh:
            under[made] = -1 if s < 0 or stale else s
            quits[made] = before[made] = mailed[made] = -1
            s = made
            made += 1
        latest[p] = s
        if not out[i]:
            if k >= 0:
                by_name[k] = s
                if nameless[p] == s:
                    nameless[p] = -1
            elif fresh:
                nameless[p] = s
        session[i] = s
        when[s] = micros[i]
        if not reply[i]:
            before[s] = verb[i]
        elif quits[s] == 1:
            quits[s] = 2
        if verb[i] == QUIT:
            quits[s] = 1 if out[i] else 2
        if verb[i] == MAIL:
            mailed[s] = 1
    for i in range(n):
        s = session[i]
        alive[s] = s == latest[place[i]] or s == nameless[place[i]] or (named[i] >= 0 and s == by_name[named[i]])
    return made
