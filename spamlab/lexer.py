# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
"""Kernels that recognise one thing each: a number, a span of time, a mail path, a literal (stamps: ``stamp_lexer``).

Plain Python over octets, which ``engine`` can compile. Each takes the octets, a position and the line's end, and
gives what it read and the position after it, -1 where it stands not there.
"""

from __future__ import annotations

MISSING = -(1 << 62)
SECOND = 1_000_000
AGES = 1 << 32  # seconds: no message waits so long


def digits(buf, p, e):
    """Read decimal digits: value (capped well below overflow) and the position after them."""
    value = 0
    while p < e and 48 <= buf[p] <= 57:
        if value < 1 << 58:
            value = value * 10 + (buf[p] - 48)
        p += 1
    return value, p


def two(buf, p, e):
    """Read two digits; -1 where there are none (a blank may stand for a leading zero)."""
    if p + 2 > e or not 48 <= buf[p + 1] <= 57:
        return -1
    if buf[p] == 32:
        return buf[p + 1] - 48
    if not 48 <= buf[p] <= 57:
        return -1
    return (buf[p] - 48) * 10 + buf[p + 1] - 48


def micros(buf, p, e):
    """Read a fraction of a second after its point or comma, in microseconds; digits beyond them are dropped."""
    value = 0
    scale = 100000
    while p < e and 48 <= buf[p] <= 57:
        value += (buf[p] - 48) * scale
        scale //= 10
        p += 1
    return value, p


def seconds(buf, p, e):
    """Read a span of time, in microseconds: ``0.07``, ``00:01:02``, ``1+02:03:04``, ``2h3m4.5s``, ``1d``, ``12ms``,
    ``1.2e+05``.
    """
    total = 0
    first = p
    while True:
        begin = p
        value, p = digits(buf, p, e)
        fraction = 0
        if p == begin:
            break
        if p < e and buf[p] == 46:
            fraction, p = micros(buf, p + 1, e)
        unit = buf[p] if p < e else 0
        size = 604800 if unit == 119 else 86400 if unit == 100 or unit == 43 else 1  # w d +
        size = 3600 if unit == 104 or unit == 58 else 60 if unit == 109 else size  # h : m
        if unit == 109 and p + 1 < e and buf[p + 1] == 115:  # ms
            fraction = min(value, AGES) * 1000 + fraction // 1000
            value, size = 0, 1
            p += 1
        total = min(total + min(value, AGES // size + 1) * size * SECOND + fraction * size, AGES * SECOND)
        if unit == 101 and p + 2 < e and buf[p + 1] == 43 and 48 <= buf[p + 2] <= 57:  # e+
            tens, p = digits(buf, p + 2, e)
            for _ in range(min(tens, 16)):
                total = min(total * 10, AGES * SECOND)
            break
        if unit == 43 or unit == 58:
            if unit == 43:
                hours, p = digits(buf, p + 1, e)
                total += min(hours, AGES // 3600 + 1) * 3600 * SECOND
            minute, second = two(buf, p + 1, e), two(buf, p + 4, e)
            if p + 6 > e or buf[p] != 58 or buf[p + 3] != 58 or minute < 0 or second < 0:
                return 0, -1
            total += (minute * 60 + second) * SECOND
            p += 6
            break
        if size == 1 and unit != 115 and unit != 109:
            break
        p += 1
    return (total if total < AGES * SECOND else MISSING), (p if p > first else -1)


def mail_path(buf, p, e, several):
    """Find a mail path (RFC 5321 4.1.2): where it begins and ends without brackets, and what follows.

    A quoted string hides brackets and spaces. A path without brackets runs to the next blank, or the comma or colon
    before it; so do ``several`` paths with commas between them, brackets and all.
    """
    while p < e and (buf[p] == 32 or buf[p] == 9):
        p += 1
    bracket = p < e and buf[p] == 60 and not several
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
                if bracket:
                    return begin, p, p + 1
                if (buf[p - 1] == 44 or buf[p - 1] == 58) and p - 1 > begin:
                    p -= 1
                return begin, p, p
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


def quoted_text(buf, p, e, comma, inside):
    """Find text in double quotes: begin, end and the position after it, -1 where none stands.

    With a ``comma`` it is a CSV value: without quotes it runs to the comma or the line's end, a doubled quote
    inside quotes is one. Else a backslash quotes the octet after it. A quote that never closes hides nothing.
    ``inside``: the opening quote stands before ``p``; the position after is that of the closing one.
    """
    if inside:
        q = p
        while q < e and (buf[q] != 34 or (q + 1 < e and buf[q + 1] == 34)):
            q += 2 if buf[q] == 34 else 1
        return p, q, q
    if p >= e or buf[p] != 34:
        if comma == 0:
            return p, p, -1
        q = p
        while q < e and buf[q] != comma:
            q += 1
        return p, q, q
    q = p + 1
    while q < e:
        if comma == 0 and buf[q] == 92:
            q += 1
        elif buf[q] == 34:
            if comma == 0 or q + 1 >= e or buf[q + 1] != 34:
                return p + 1, q, q + 1
            q += 1
        q += 1
    return p + 1, e, e
