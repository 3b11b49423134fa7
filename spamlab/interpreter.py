# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
# ruff: noqa: SIM109 (chains of == compile to a jump table)
"""The kernels of the scanner: plain Python over flat arrays, which ``engine`` can compile.

``interpret`` runs a translated program (see ``notation``) over one line; ``scan_lines`` runs it over all
lines and ties continuation lines to their events. Every field lands as one 64-bit number in a row:
numbers as they are, text as its start and length packed together.
"""

from __future__ import annotations

from spamlab.notation import (
    ACCEPT,
    CHOICE,
    CODE,
    COMMIT,
    DSN,
    END,
    FAIL,
    INTEGER,
    LITERAL,
    LOCALE,
    PATH,
    REST,
    TAIL,
    TRY,
    UNTIL,
    WORD,
)  # fmt: skip

MISSING = -(1 << 62)
SPAN = 1 << 31  # a span is start * SPAN + length

# What a physical line is.
IGNORED, EVENT, CONTINUATION, UNPARSED = 0, 1, 2, 3


def digits(buf, p, e):
    """Read decimal digits: value (capped well below overflow) and the position after them."""
    value = 0
    while p < e and 48 <= buf[p] <= 57:
        if value < 1 << 58:
            value = value * 10 + (buf[p] - 48)
        p += 1
    return value, p


def locale_stamp(buf, p, e):
    """Read a Windows date and time in any locale's order; position -1 where there is none.

    The value packs the three date numbers as written, the seconds of the day (99999: no such time)
    and whether the date's separator is a point; ``formats.exchange55`` decides the order of day and month.
    """
    date = 0
    point = 0
    for part in range(3):
        value, q = digits(buf, p, e)
        if q == p or q - p > 4 or q >= e:
            return 0, -1
        date = date * 10000 + value
        p = q
        if part < 2:
            if buf[p] != 47 and buf[p] != 46 and buf[p] != 45:  # / . -
                return 0, -1
            if buf[p] == 46:
                point = 1
            p += 1
    if buf[p] == 46:  # 11.11.2003. 14:00:01
        p += 1
    if p >= e or buf[p] != 32:
        return 0, -1
    while p < e and buf[p] == 32:
        p += 1
    hour, q = digits(buf, p, e)
    if q == p or q + 6 > e or (buf[q] != 58 and buf[q] != 46):
        return 0, -1
    minute, r = digits(buf, q + 1, e)
    if r != q + 3 or (buf[r] != 58 and buf[r] != 46):
        return 0, -1
    second, p = digits(buf, r + 1, e)
    if p != r + 3:
        return 0, -1
    if p + 3 <= e and buf[p] == 32:  # AM, PM, a.m., p.m.
        letter = buf[p + 1] | 32
        q = p + 3 if buf[p + 2] == 46 else p + 2
        if (letter == 97 or letter == 112) and q < e and (buf[q] | 32) == 109:
            p = q + 2 if q + 1 < e and buf[q + 1] == 46 else q + 1
            if hour > 12 or hour == 0:
                hour = 99
            elif hour == 12:
                hour = 0
            if letter == 112:
                hour += 12
    seconds = hour * 3600 + minute * 60 + second
    if hour > 23 or minute > 59 or second > 60:
        seconds = 99999
    return (date * 100000 + seconds) * 2 + point, p


def mail_path(buf, p, e):
    """Find a mail path (RFC 5321 4.1.2): where it begins and ends without brackets, and what follows.

    A quoted string hides brackets and spaces. A path without brackets runs to the next blank.
    """
    while p < e and (buf[p] == 32 or buf[p] == 9):
        p += 1
    bracket = p < e and buf[p] == 60
    begin = p + 1 if bracket else p
    for quotes in (True, False):  # a quote that never closes hides nothing
        p = begin
        quoted = False
        while p < e:
            octet = buf[p]
            if octet == 92 and quoted:
                p += 1
            elif octet == 34:
                quoted = quotes and not quoted
            elif not quoted and (octet == 62 if bracket else (octet == 32 or octet == 9)):
                return begin, p, p + 1 if bracket else p
            p += 1
        if not quoted:
            break
    return begin, e, e


def stands(buf, p, e, lits, begin, n, fold):
    """Tell whether the literal ``lits[begin : begin + n]`` stands at ``p``."""
    if p + n > e:
        return False
    for i in range(n):
        octet = buf[p + i]
        if fold and 65 <= octet <= 90:
            octet += 32
        if octet != lits[begin + i]:
            return False
    return True


def interpret(buf, p, e, program, row, work):
    """Run the program over ``buf[p:e]``, writing fields into ``row``: the shape that fits, or -1.

    ``work`` holds the stack of open options and the log of written fields: a failed option leaves nothing
    behind.
    """
    ops, a, b, c, lits, lit_at = program
    st_op, st_at, st_undo, undo_at, undo_was = work[0], work[1], work[2], work[3], work[4]
    pc = 0
    depth = 0
    undo = 0
    while True:
        op = ops[pc]
        ok = True
        column = -1
        value = 0
        if op == LITERAL or op == CHOICE:
            n = lit_at[a[pc] + 1] - lit_at[a[pc]]
            ok = stands(buf, p, e, lits, lit_at[a[pc]], n, op == LITERAL and b[pc] == 1)
            p += n
            if op == CHOICE:
                column, value = b[pc], c[pc]
        elif op == TRY:
            st_op[depth] = a[pc]
            st_at[depth] = p
            st_undo[depth] = undo
            depth += 1
        elif op == COMMIT:
            depth -= 1
            pc = a[pc] - 1
        elif op == ACCEPT:
            return a[pc]
        elif op == FAIL:
            ok = False
        elif op == UNTIL:
            q = e
            if b[pc] >= 0:
                begin, n, fold = lit_at[b[pc]], lit_at[b[pc] + 1] - lit_at[b[pc]], c[pc] == 1
                first = lits[begin]
                capital = first - 32 if fold and 97 <= first <= 122 else first
                q = p
                while q <= e - n and not (
                    (buf[q] == first or buf[q] == capital) and stands(buf, q, e, lits, begin, n, fold)
                ):
                    q += 1
                ok = q <= e - n
            column, value = a[pc], p * SPAN + (q - p)
            p = q
        elif op == TAIL:
            column, value = a[pc], p * SPAN + (e - p)
        elif op == REST:
            ok = p < e
            column, value = a[pc], p * SPAN + (e - p)
            p = e
        elif op == END:
            while p < e and (buf[p] == 32 or buf[p] == 9):
                p += 1
            ok = p == e
        elif op == INTEGER:
            sign = 1
            q = p
            if q < e and buf[q] == 45:
                sign = -1
                q += 1
            value, r = digits(buf, q, e)
            ok = r > q
            column = a[pc]
            value = value * sign if value < 1 << 53 else MISSING
            p = r
        elif op == CODE:
            value, q = digits(buf, p, e)
            ok = q - p == 3 and (q == e or buf[q] == 32 or buf[q] == 45)
            column = a[pc]
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
            ok = ok and (q >= e or buf[q] == 32)
            column, value = a[pc], p * SPAN + (q - p)
            p = q
        elif op == WORD:
            q = p
            while q < e and (48 <= buf[q] <= 57 or 65 <= buf[q] <= 90 or 97 <= buf[q] <= 122 or buf[q] == 45):
                q += 1
            ok = 0 < q - p <= 24 and (q == e or buf[q] == 32 or buf[q] == 58 or buf[q] == 9)
            column, value = a[pc], p * SPAN + (q - p)
            p = q
        elif op == PATH:
            begin, q, p = mail_path(buf, p, e)
            ok = q > begin or p > q
            column, value = a[pc], begin * SPAN + (q - begin)
        elif op == LOCALE:
            value, p = locale_stamp(buf, p, e)
            ok = p >= 0
            column = a[pc]
        if ok:
            if column >= 0:
                undo_at[undo] = column
                undo_was[undo] = row[column]
                undo += 1
                row[column] = value
            pc += 1
            continue
        if depth == 0:
            return -1
        depth -= 1
        while undo > st_undo[depth]:
            undo -= 1
            row[undo_at[undo]] = undo_was[undo]
        p = st_at[depth]
        pc = st_op[depth]


def scan_lines(buf, begins, ends, program, tails, block, closing, continues, out, work, what):
    """Read all lines: how many events there are.

    ``out[event]`` gets the fields, then the shape, the first line (from 0) and the number of lines;
    ``what[line]`` what each line is; ``work`` is scratch. Blank lines inside an event are its own,
    those after it are ignored.
    """
    n_lines = len(begins)
    width = out.shape[1] - 3
    spare = work[5]
    events = 0
    line = 0
    opened = -1  # the line that closes the raw block we are in, if any
    while line < n_lines:
        p, e = begins[line], ends[line]
        blank = True
        for i in range(p, e):
            if buf[i] != 32 and buf[i] != 9 and buf[i] != 13:
                blank = False
                break
        if blank:
            what[line] = IGNORED
            line += 1
            continue
        shape = -1
        row = out[events]
        if line > opened:
            for i in range(width):
                row[i] = MISSING
            shape = interpret(buf, p, e, program, row, work)
        if shape >= 0:
            row[width] = shape
            row[width + 1] = line
            row[width + 2] = 1
            what[line] = EVENT
            events += 1
            if block >= 0 and row[block] != MISSING:
                # A raw block: if its closing line comes before another block opens, all between is text.
                j = line + 1
                while j < n_lines:
                    q, r = begins[j], ends[j]
                    if r - q == len(closing) and stands(buf, q, r, closing, 0, len(closing), False):
                        opened = j
                        break
                    if j > line + 1 or r > q:
                        for i in range(width):
                            spare[i] = MISSING
                        other = interpret(buf, q, r, program, spare, work)
                        if other >= 0 and spare[block] != MISSING:
                            break
                    j += 1
        elif events > 0 and continues and buf[p] != 0:
            row = out[events - 1]
            begin = row[width + 1]
            for i in range(begin + row[width + 2], line + 1):
                what[i] = CONTINUATION
            row[width + 2] = line - begin + 1
            if e - p != len(closing) or not stands(buf, p, e, closing, 0, len(closing), False):
                for i in range(width):
                    if tails[i] and row[i] != MISSING:
                        row[i] = row[i] // SPAN * SPAN + (e - row[i] // SPAN)
        else:
            what[line] = UNPARSED
        line += 1
    return events


def copy_spans(buf, spans, offsets, data):
    """Copy each span's octets to its place in ``data``."""
    for i in range(len(spans)):
        if spans[i] >= 0:
            begin = spans[i] // SPAN
            data[offsets[i] : offsets[i + 1]] = buf[begin : begin + spans[i] % SPAN]
