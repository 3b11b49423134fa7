# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# ruff: noqa: I001, SIM109 (imports as a block; chains of == compile to a jump table)
"""The kernels of the scanner: plain Python over flat arrays, which ``engine`` can compile.

``interpret`` runs a translated program (see ``translation``) over one line; ``scan_lines`` runs it over all
lines and ties continuation lines to their events. A column is a list of the events that have it and their
values, 64-bit numbers: numbers as they are, text as its start and length packed together.
"""

from __future__ import annotations

from spamlab.lexer import MISSING, digits, mail_path, quoted_text, seconds, stands
from spamlab.stamp_lexer import locale_stamp, stamp
from spamlab.translation import (
    ACCEPT, CHOICE, CLOSE, CODE, COMMIT, DSN, END, FAIL, INTEGER, ITEM, ITEMS, JUMP, LITERAL, LOCALE, MOST_ITEMS, NEXT,
    PATH, PEEK, QUOTED, REST, SECONDS, SHORTEN, SPAN, STEP, SWITCH, TAIL, TIME, TRY, UNTIL, UNTIL_KEY,
)  # fmt: skip

SHIFT = 31
PACK = 1 << SHIFT  # a span is start * PACK + length
FAR = 1 << 40  # beyond any place in a text or a program

# What a physical line is.
IGNORED, EVENT, CONTINUATION, UNPARSED = 0, 1, 2, 3
REPEATED = 4  # of a shape: its line stands for the one before it


def key_at(buf, p, e, lits, lit_at, lists, keys, which):
    """Which item of a list begins at ``p``: its number, -1 for a ``word=`` of none, -2 for none at all."""
    first = lists[2][which]
    for k in range(first, first + lists[3][which]):
        begin = lit_at[keys[0][k]]
        if p < e and buf[p] == lits[begin] and stands(buf, p, e, lits, begin, lit_at[keys[0][k] + 1] - begin, False):
            return k
    q = p
    while q < e and (65 <= (buf[q] & 223) <= 90 or buf[q] == 95 or buf[q] == 45 or (q > p and 48 <= buf[q] <= 57)):
        q += 1
    return -1 if q > p and q < e and buf[q] == 61 else -2


def until_key(buf, p, e, lits, lit_at, lists, keys, which):
    """Where a list's value ends, and the item that begins behind it (as ``key_at`` says; -2: none).

    It ends before a separator and a key, before what follows the list, or at the line's end.
    """
    begin, n = lit_at[lists[0][which]], lit_at[lists[0][which] + 1] - lit_at[lists[0][which]]
    separator, follow = lits[begin], lists[1][which]
    after = lits[lit_at[follow]] if follow >= 0 else 0
    while p < e:
        if buf[p] == separator and (n == 1 or stands(buf, p, e, lits, begin, n, False)):
            k = key_at(buf, p + n, e, lits, lit_at, lists, keys, which)
            if k > -2:
                return p, k
        if buf[p] == after and stands(buf, p, e, lits, lit_at[follow], lit_at[follow + 1] - lit_at[follow], False):
            return p, -2
        p += 1
    return p, -2


def interpret(buf, p, e, program, rows, values, count, event, work):
    """Run the program over ``buf[p:e]``, adding fields of ``event`` to their columns: the shape that fits, or -1.

    Column ``c`` holds ``count[c]`` fields: the events in ``rows[c]``, ascending, and their ``values[c]``.
    ``work`` holds the stack of open options and the log of written fields (a failed option leaves nothing
    behind), and the last stamp: where it stands, its length, its value.
    """
    code, lits, lit_at, switches, sets, classes, lists, keys = program
    st_op, st_at, st_undo, undo_at, undo_was, stamped = work[0], work[1], work[2], work[3], work[4], work[5]
    pc = 0
    depth = 0
    undo = 0
    seen = 0  # the items of the list under way
    items = 0
    before = 0  # where the separator before the next item stands
    coming = -2  # that item
    while True:
        if p < 0 or p > FAR or pc < 0 or pc > FAR:
            return -1  # never; it tells the compiler that no index counts from an array's end
        op, a, b, c, follow = code[pc], code[pc + 1], code[pc + 2], code[pc + 3], code[pc + 4]
        ok = True
        column = -1
        value = 0
        if op == LITERAL or op == PEEK:
            begin = lit_at[a]
            n = lit_at[a + 1] - begin
            ok = stands(buf, p, e, lits, begin, n, b == 1)
            if op == LITERAL:
                p += n
        elif op == TRY:
            if b >= 0 and sets[b * 257 + (buf[p] if p < e else 256)] == 0:
                pc = a  # it cannot begin here
                continue
            st_op[depth] = a
            st_at[depth] = p
            st_undo[depth] = undo
            depth += 1
            if c > 0:
                pc = c
                continue
        elif op == COMMIT:
            depth -= 1
            if b == 1:
                p = st_at[depth]
            pc = a
            continue
        elif op == JUMP:
            pc = a
            continue
        elif op == SWITCH:
            pc = switches[a * 257 + (buf[p] if p < e else 256)]
            continue
        elif op == UNTIL:
            first, n, fold = b, c >> 2, c & 1 == 1
            q = p
            if n > 0:
                begin = lit_at[first]
                octet = lits[begin]
                capital = octet - 32 if fold and 97 <= octet <= 122 else octet
                if n == 1:
                    size = lit_at[first + 1] - begin
                    last = e - size
                    while q <= last and not (
                        (buf[q] == octet or buf[q] == capital)
                        and (size == 1 or stands(buf, q, e, lits, begin, size, fold))
                    ):
                        q += 1
                    if q > last:
                        q = e
                else:
                    found = False
                    while q < e and not found:
                        for i in range(first, first + n):
                            if (fold or buf[q] == lits[lit_at[i]]) and stands(
                                buf, q, e, lits, lit_at[i], lit_at[i + 1] - lit_at[i], fold
                            ):
                                found = True
                        if not found:
                            q += 1
                ok = q < e or c & 2 == 2
            else:
                q = e
            column, value = a, p * PACK + (q - p)
            p = q
        elif op == SPAN:
            q = p
            base = b * 256
            while q < e and classes[base + buf[q]] == 1:
                q += 1
            ok = q - p >= c >> 3
            if c & 1 == 1:
                ok = ok and q - p <= 24 and (q == e or buf[q] == 32 or buf[q] == 58 or buf[q] == 9 or buf[q] == 91)
            if c & 6 > 0 and ok:
                r = p
                vowels = c & 2
                while r < q and not 48 <= buf[r] <= 57:
                    octet = buf[r]
                    if octet == 97 or octet == 101 or octet == 105 or octet == 111 or octet == 117:  # a e i o u
                        vowels = 1
                    r += 1
                ok = r < q or vowels == 0
            column, value = a, p * PACK + (q - p)
            p = q
        elif op == ACCEPT:
            return a
        elif op == FAIL:
            ok = False
        elif op == CHOICE:
            begin = lit_at[b]
            n = lit_at[b + 1] - begin
            ok = stands(buf, p, e, lits, begin, n, c == 1)
            column, value = a, p * PACK + n
            p += n
        elif op == TAIL or op == REST:
            q = e
            if b >= 0:
                begin = lit_at[b]
                n = lit_at[b + 1] - begin
                r = e - n
                while r > p and buf[r + n - 1] == 32:
                    r -= 1
                if r >= p and stands(buf, r, e, lits, begin, n, False):
                    q = r
            column, value = a, p * PACK + (q - p)
            if op == REST:
                ok = p < e
                p = e
        elif op == CLOSE:
            if count[a] > 0 and rows[a, count[a] - 1] == event:
                begin = values[a, count[a] - 1] // PACK
                column, value = a, begin * PACK + (p - begin)
        elif op == END:
            while p < e and (buf[p] == 32 or buf[p] == 9):
                p += 1
            ok = p == e
        elif op == SHORTEN:
            begin = lit_at[a]
            n = lit_at[a + 1] - begin
            if e - n >= p and stands(buf, e - n, e, lits, begin, n, False):
                e -= n
        elif op == INTEGER:
            sign = 1
            q = p
            if q < e and buf[q] == 45:
                sign = -1
                q += 1
            value, r = digits(buf, q, e)
            ok = r > q
            if b == 1 and r + 1 < e and buf[r] == 47 and 48 <= buf[r + 1] <= 57:
                value, r = digits(buf, r + 1, e)
            column = a
            value = value * sign if value < 1 << 53 else MISSING
            p = r
        elif op == SECONDS:
            value, p = seconds(buf, p, e)
            ok = p >= 0
            column = a
        elif op == TIME:
            n = stamped[1]
            if n > 0 and stands(buf, p, e, buf, stamped[0], n + 2, False):
                value = stamped[2]  # as in the line before; a zone would follow a blank
                p += n
            else:
                begin = p
                value, p = stamp(buf, p, e)
                ok = p >= 0
                if ok and p + 1 < e:
                    stamped[0], stamped[1], stamped[2] = begin, p - begin, value
            column = a
        elif op == CODE:
            value, q = digits(buf, p, e)
            ok = q - p == 3 and (q == e or buf[q] == 32 or buf[q] == 45)
            column = a
            p = q
        elif op == DSN:  # RFC 3463: class.subject.detail
            q = p
            for part in range(3):
                _, r = digits(buf, q, e)
                ok = ok and r > q and r - q <= (1 if part == 0 else 3)
                q = r
                if part < 2:
                    ok = ok and q < e and buf[q] == 46
                    q += 1
            ok = ok and (q >= e or not (48 <= buf[q] <= 57 or buf[q] == 46 or 65 <= (buf[q] & 223) <= 90))
            column, value = a, p * PACK + (q - p)
            p = q
        elif op == PATH:
            begin, q, p = mail_path(buf, p, e, c == 1)
            ok = q > begin or p > q
            column, value = a, begin * PACK + (q - begin)
        elif op == QUOTED:
            begin, q, p = quoted_text(buf, p, e, lits[lit_at[b]] if b >= 0 else 0, c == 1)
            ok = p >= 0
            column, value = a, begin * PACK + (q - begin)
        elif op == LOCALE:
            value, p = locale_stamp(buf, p, e)
            ok = p >= 0
            column = a
        elif op == ITEMS:
            seen = 0
            items = 0
            before = p
        elif op == ITEM:
            which = a
            k = coming if items > 0 else key_at(buf, p, e, lits, lit_at, lists, keys, which)
            if items == MOST_ITEMS:
                k = -2
            if k >= 0 and (lists[4][which] == 1 or not seen >> (k - lists[2][which]) & 1):
                seen |= 1 << (k - lists[2][which])
                p += lit_at[keys[0][k] + 1] - lit_at[keys[0][k]]
                items += 1
                pc = keys[1][k]
                continue
            items += 1
            if k > -2:
                pc = b
                continue
            ok = items > 1
            if ok:  # no item here: the list ended before the separator
                p = before
                pc = c
                continue
        elif op == UNTIL_KEY:
            q, coming = until_key(buf, p, e, lits, lit_at, lists, keys, b)
            column, value = a, p * PACK + (q - p)
            p = q
        elif op == NEXT and coming > -2:
            before = p
            p += lit_at[lists[0][b] + 1] - lit_at[lists[0][b]]
            pc = a
            continue
        if ok and follow >= 0:  # the literal behind a field
            begin = lit_at[follow >> 2]
            n = lit_at[(follow >> 2) + 1] - begin
            ok = follow & 2 == 2 or stands(buf, p, e, lits, begin, n, follow & 1 == 1)
            p += n
        if ok:
            if column >= 0 and value != MISSING:
                n = count[column]
                undo_at[undo] = column
                if n > 0 and rows[column, n - 1] == event:
                    undo_was[undo] = values[column, n - 1]
                    values[column, n - 1] = value
                else:
                    undo_was[undo] = MISSING
                    rows[column, n] = event
                    values[column, n] = value
                    count[column] = n + 1
                undo += 1
            pc += STEP
            continue
        if depth == 0:
            return -1
        depth -= 1
        while undo > st_undo[depth]:
            undo -= 1
            column = undo_at[undo]
            if undo_was[undo] == MISSING:
                count[column] -= 1
            else:
                values[column, count[column] - 1] = undo_was[undo]
        p = st_at[depth]
        pc = st_op[depth]


def blank_line(buf, p, e):
    """Tell whether a line holds nothing but blanks."""
    while p < e and (buf[p] == 32 or buf[p] == 9 or buf[p] == 13):
        p += 1
    return p == e


def forget(rows, count, event):
    """Take the fields of the latest event out of their columns."""
    for c in range(len(count)):
        if count[c] > 0 and rows[c, count[c] - 1] == event:
            count[c] -= 1


def scan_lines(
    buf, begins, ends, program, kinds, tails, block, closing, comment, continues, rows, values, count, place, work, what
):
    """Read all lines: how many events there are.

    Fields go to ``rows``, ``values``, ``count`` (see ``interpret``); ``place[:, event]`` gets the shape, the first line
    (from 0) and the number of lines; ``what[line]`` what each line is; ``kinds`` what the lines of each shape are;
    ``work`` is scratch. Blank lines inside an event are its own, those after it are ignored.
    """
    n_lines = len(begins)
    events = 0
    line = 0
    opened = -1  # the line that closes the raw block we are in, if any
    while line < n_lines:
        p, e = begins[line], ends[line]
        if blank_line(buf, p, e) or (comment > 0 and buf[p] == comment):
            what[line] = IGNORED
            line += 1
            continue
        shape = -1
        if line > opened:
            shape = interpret(buf, p, e, program, rows, values, count, events, work)
        repeated = shape >= 0 and kinds[shape] == REPEATED and line > 0 and what[line - 1] == EVENT
        if shape >= 0 and kinds[shape] != EVENT and not repeated:
            what[line] = kinds[shape] if kinds[shape] != REPEATED else IGNORED
            forget(rows, count, events)
        elif shape >= 0:
            if repeated:
                shape = place[0, events - 1]
                for c in range(len(count)):
                    last = count[c] - 1
                    if last >= 0 and rows[c, last] == events - 1:
                        rows[c, last + 1] = events
                        values[c, last + 1] = values[c, last]
                        count[c] += 1
            place[0, events] = shape
            place[1, events] = line
            place[2, events] = 1
            what[line] = EVENT
            events += 1
            if block >= 0 and count[block] > 0 and rows[block, count[block] - 1] == events - 1:
                # A raw block: if its closing line comes before another block opens, all between is text.
                j = line + 1
                while j < n_lines:
                    q, r = begins[j], ends[j]
                    if r - q == len(closing) and stands(buf, q, r, closing, 0, len(closing), False):
                        opened = j
                        break
                    if j > line + 1 or r > q:
                        other = interpret(buf, q, r, program, rows, values, count, n_lines, work)
                        again = other >= 0 and count[block] > 0 and rows[block, count[block] - 1] == n_lines
                        forget(rows, count, n_lines)
                        if again:
                            break
                    j += 1
        elif events > 0 and continues and buf[p] != 0:
            last = events - 1
            begin = place[1, last]
            for i in range(begin + place[2, last], line + 1):
                what[i] = CONTINUATION
            place[2, last] = line - begin + 1
            if e - p != len(closing) or not stands(buf, p, e, closing, 0, len(closing), False):
                for c in range(len(count)):
                    n = count[c] - 1
                    if tails[c] and n >= 0 and rows[c, n] == last:
                        values[c, n] = values[c, n] // PACK * PACK + (e - values[c, n] // PACK)
        else:
            what[line] = UNPARSED
        line += 1
    return events
