# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
"""Kernels that read time stamps, as many kinds as logs have.

Like those of ``lexer``: octets, a position and the line's end; what was read and the position after it, -1 for none.
"""

from __future__ import annotations

from spamlab.lexer import MISSING, SECOND, digits, micros, two

DAY = 86400 * SECOND

# A stamp is microseconds since 1970 times 8, and what it lacks or states.
ZONED, NO_YEAR, NO_DATE = 1, 2, 4
LEAP_YEAR = 2000
"""The year that stamps without one are counted in, so that 29 February is a day."""


def days(year, month, day):
    """Days since 1970 (Gregorian); -1 << 40 for no such day."""
    if month < 1 or month > 12 or day < 1 or day > 31 or year < 1:
        return -(1 << 40)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (day == 31 and (month == 4 or month == 6 or month == 9 or month == 11)) or (
        month == 2 and day > (29 if leap else 28)
    ):
        return -(1 << 40)
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    yoe = y - era * 400
    doy = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


MONTHS = b"janfebmaraprmayjunjulaugsepoctnovdec"
_SUMS = b"\x0c\x02\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x08\0\0\x03\0\0\x04\0\0\x0a\x05\x09\0\0\x07\0\x06\0\0\0\0\0\x0b"
"""The month by the sum of its letters less 300: no two sums are equal."""


def month_number(a, b, c):
    """The month that three letters name, 0 if none."""
    total = (a | 32) + (b | 32) + (c | 32) - 300
    if total < 0 or total >= 40 or _SUMS[total] == 0:
        return 0
    month = _SUMS[total] * 1
    at = month * 3 - 3
    return month if (a | 32) == MONTHS[at] and (b | 32) == MONTHS[at + 1] and (c | 32) == MONTHS[at + 2] else 0


def clock(buf, p, e):
    """Read ``HH:MM:SS`` and a fraction, in microseconds; MISSING for a time that no clock shows."""
    hour, minute, second = two(buf, p, e), two(buf, p + 3, e), two(buf, p + 6, e)
    if hour < 0 or minute < 0 or second < 0 or buf[p + 2] != 58 or buf[p + 5] != 58:
        return 0, -1
    p += 8
    fraction = 0
    if p + 1 < e and (buf[p] == 46 or buf[p] == 44) and 48 <= buf[p + 1] <= 57:
        fraction, p = micros(buf, p + 1, e)
    if hour > 23 or minute > 59 or second > 60:
        return MISSING, p
    return (hour * 3600 + minute * 60 + second) * SECOND + fraction, p


def zone(buf, p, e):
    """Read ``Z``, ``±HH:MM`` or ``±HH``, in microseconds east; -1 as position where none stands."""
    if p < e and buf[p] == 90:
        return 0, p + 1
    if p + 5 > e or (buf[p] != 43 and buf[p] != 45):
        return 0, -1
    q = p + 3
    if buf[q] == 58:
        q += 1
    hours, minutes = two(buf, p + 1, e), two(buf, q, e)
    if hours < 0 or (minutes < 0 and buf[p + 3] != 32) or buf[p + 1] == 32:
        return 0, -1
    if buf[p + 3] == 32:
        minutes, q = 0, p + 1
    east = (hours * 3600 + minutes * 60) * SECOND
    return (east if buf[p] == 43 else -east), q + 2


_ABROAD = (
    "ene gen ian ιαν янв січ sty led oca", "fev fév φεβ фев лют lut úno şub", "mär mrt már μάρ μαρ мар бер bře",
    "avr abr ápr απρ апр кві kwi dub nis", "mai mag mei maj máj μαΐ μαϊ мая май тра kvě",
    "juin jún giu iun ιουν ιούν июн чер cze čen haz", "juil júl lug iul ιουλ ιούλ июл лип lip čec tem",
    "ago aoû αυγ авг сер sie srp ağu", "set sze σεπ сен вер wrz zář eyl", "okt out ott οκτ окт жов paź říj eki",
    "νοε νοέ ноя лис lis kas", "dez dic déc δεκ дек гру gru pro ara",
)  # fmt: skip
"""What months begin with in other languages of Europe than English, where that is not the same (of Slavic ones, where
they agree on which month it is)."""
_KEY = 8  # octets of such a word


def _words():
    words = [(form, month) for month, forms in enumerate(_ABROAD, 1) for word in forms.split()
             for form in {word, word.capitalize()}]  # fmt: skip
    return b"".join(form.encode().ljust(_KEY, b"\0") + bytes([month]) for form, month in sorted(words))


_MONTH_WORDS = _words()


def month_name(buf, p, e):
    """Read a month's name (``Nov``, ``nov.``, ``Dez``, ``juil.``) and the blanks behind it: 0 if there is none.

    Where not even a short word stands, the position stays.
    """
    q = p
    while q < e and q < p + 10 and buf[q] != 32:
        if buf[q] < 128 and not (97 <= (buf[q] | 32) <= 122 or buf[q] == 46 or buf[q] == 44):
            return 0, p
        q += 1
    if q >= e or q < p + 2 or buf[q] != 32:
        return 0, p
    month = month_number(buf[p], buf[p + 1], buf[p + 2])
    if month == 0:
        for at in range(0, len(_MONTH_WORDS), _KEY + 1):
            n = 0
            while n < _KEY and buf[p + n] == _MONTH_WORDS[at + n]:
                n += 1
            if n == _KEY or _MONTH_WORDS[at + n] == 0:
                month = _MONTH_WORDS[at + _KEY] * 1
    while q < e and buf[q] == 32:
        q += 1
    return month, q


def numbered_month(buf, p, e):
    """Read a numbered month (``7月``: Chinese, Japanese; ``7월``: Korean) and the blanks behind it; 0 if none."""
    month, q = digits(buf, p, e)
    chinese = q + 3 < e and buf[q] == 0xE6 and buf[q + 1] == 0x9C and buf[q + 2] == 0x88
    korean = q + 3 < e and buf[q] == 0xEC and buf[q + 1] == 0x9B and buf[q + 2] == 0x94
    if month > 12 or not (chinese or korean):
        return 0, p
    q += 3
    while q < e and buf[q] == 32:
        q += 1
    return month, q


_ZONES = (
    b"UTC\x18GMT\x18EST\x13EDT\x14CST\x12CDT\x13MST\x11MDT\x12PST\x10PDT\x11CET\x19EET\x1aMSK\x1bWET\x18"
    b"CEST\x1aEEST\x1bWEST\x19"
)
"""Names of zones with what they are hours east of UTC, and 24: those of RFC 5322 and Europe's."""


def named_zone(buf, p, e):
    """Read a zone's name between blanks, in microseconds east; -1 as position where none stands."""
    n = 0
    while p + n < e and 65 <= buf[p + n] <= 90:
        n += 1
    if (n == 3 or n == 4) and p + n < e and buf[p + n] == 32:
        size = 4 if n == 3 else 5
        begin, end = (0, 56) if n == 3 else (56, 71)
        for at in range(begin, end, size):
            same = True
            for i in range(n):
                same = same and buf[p + i] == _ZONES[at + i]
            if same:
                return (_ZONES[at + n] - 24) * 3600 * SECOND, p + n
    return 0, -1


def year_behind(buf, p, e):
    """Read a year between blanks, as ``asctime`` puts it behind the clock; 0 where none stands."""
    if (
        p + 5 < e
        and buf[p] == 32
        and buf[p + 5] == 32
        and (buf[p + 1] == 50 or (buf[p + 1] == 49 and buf[p + 2] == 57))
    ):
        year, q = digits(buf, p + 1, e)
        if q == p + 5:
            return year
    return 0


def tai64n(buf, p, e):
    """Read ``@40000000668a9e6700000000``: in hexadecimal seconds, ten ahead of Unix's, and nanoseconds."""
    if p + 25 > e or buf[p + 1] != 52:
        return 0, -1
    seconds = 0
    nanos = 0
    for q in range(p + 2, p + 25):
        octet = buf[q] | 32
        if not (48 <= buf[q] <= 57 or 97 <= octet <= 102):
            return 0, -1
        digit = octet - 87 if octet >= 97 else octet - 48
        if q < p + 17:
            seconds = seconds * 16 + digit
        else:
            nanos = nanos * 16 + digit
    if not 10 <= seconds < 1 << 36:
        return MISSING, p + 25
    return ((seconds - 10) * SECOND + nanos // 1000) * 8 + ZONED, p + 25


def epoch(buf, p, q, e, number):
    """The ``number`` at ``p``, up to ``q``, as a time since 1970: seconds, or thousandths, millionths, … of them."""
    size = q - p
    if size == 13 or size == 16 or size == 19:
        return (number * 1000 if size == 13 else number if size == 16 else number // 1000) * 8 + ZONED, q
    fraction = 0
    if q < e and buf[q] == 46:
        fraction, q = micros(buf, q + 1, e)
    return ((number * SECOND + fraction) * 8 + ZONED if number < 1 << 36 else MISSING), q


def month_before(buf, p, e):
    """The month that a stamp begins with, maybe behind a day of the week; 0: another order follows that day.

    ``Jul  7 …``, ``Sat Jul  7 …``, ``7月 07 …``, ``Sat 2026-11-28 …``, ``Sun, 7 Jul 2024 …``
    """
    if 48 <= buf[p] <= 57:
        month, q = numbered_month(buf, p, e)
        return month, (q if month > 0 else -1)
    month, q = month_name(buf, p, e)
    if q == p or q + 8 > e:
        return 0, -1
    if not 48 <= buf[q] <= 57:
        month, q = month_name(buf, q, e)
    if q + 8 > e or not 48 <= buf[q] <= 57:
        return 0, -1
    if buf[q + 4] == 45:
        month = 0
    elif month == 0 and buf[q + 1] != 32 and buf[q + 2] != 32:
        return 0, -1
    return month, q


def day_behind(buf, p, e):
    """The day, and the year if there is one, behind a month: year, day, flags, where the clock begins.

    ``7 13:42:53``, ``07 2024 13:42:53``, ``7, 2024 @ 13:42:53`` (Kibana's)
    """
    day, q = digits(buf, p, e)
    if q < e and buf[q] == 44:
        q += 1
    if q >= e or buf[q] != 32:
        return 0, 0, 0, -1
    p = q + 1
    if not (p + 6 < e and buf[p + 4] == 32):
        return LEAP_YEAR, day, NO_YEAR, p
    year, q = digits(buf, p, e)
    return year, day, 0, (-1 if q != p + 4 else p + 5 if buf[p + 5] != 64 else p + 7)


def month_between(buf, p, q, e, first):
    """A date with a month's name in its middle, whose ``first`` number stands at ``p``, up to ``q``: year, month, day,
    flags, where the clock begins.

    ``11/Oct/2006:13:16:39``, ``7 Jul 13:42:53``, ``7 Jul 2024 13:42:53``, ``2024 Jul  7 13:42:53``
    """
    month = month_number(buf[q + 1], buf[q + 2], buf[q + 3])
    apart = buf[q]
    size = q - p
    if month == 0 or size > 4 or size == 3 or buf[q + 4] != apart or (apart != 32 and apart != 45 and apart != 47):
        return 0, 0, 0, 0, -1
    p = q + 5
    if buf[p] == 32:
        p += 1
    second, q = digits(buf, p, e)
    if q >= e or q == p:
        return 0, 0, 0, 0, -1
    year, day, flags = LEAP_YEAR, first, NO_YEAR
    if size == 4:
        year, day, flags = first, second, 0
    elif q == p + 4:
        year, flags = second, 0
    else:  # the hour
        q = p - 1
    return year, month, day, flags, (q + 1 if buf[q] == 32 or buf[q] == 58 or buf[q] == 84 else -1)


def stamp(buf, p, e):
    """Read a time stamp: ISO 8601, syslog, NCSA, seconds since 1970, TAI64N, or a clock alone; with a month's name in
    any order of day, month and year; the day of the week before it, a zone's name and a year behind it.
    """
    if p + 8 > e:
        return 0, -1
    flags = 0
    month = 0
    if buf[p] == 64:
        return tai64n(buf, p, e)
    if buf[p + 2] == 58 and 48 <= buf[p] <= 57:
        time, p = clock(buf, p, e)
        return (time * 8 + NO_DATE if time >= 0 else MISSING), p
    if not 48 <= buf[p] <= 57 or buf[p + 1] > 127 or buf[p + 2] > 127:
        month, p = month_before(buf, p, e)
        if p < 0:
            return 0, -1
    if month > 0:
        year, day, flags, p = day_behind(buf, p, e)
    else:
        year, q = digits(buf, p, e)
        if q - p >= 9:
            return epoch(buf, p, q, e, year)
        if q + 8 > e:
            return 0, -1
        if buf[q + 1] >= 65:
            year, month, day, flags, p = month_between(buf, p, q, e, year)
        else:
            if q != p + 4 or buf[q] != buf[q + 3] or not 45 <= buf[q] <= 47:  # - . /
                return 0, -1
            month, day = two(buf, q + 1, e), two(buf, q + 4, e)
            p = q + 7
            if p > e or (buf[p - 1] != 84 and buf[p - 1] != 32 and buf[p - 1] != 95):  # 2024-07-07_13:42:53: svlogd
                return 0, -1
    if p < 0:
        return 0, -1
    time, p = clock(buf, p, e)
    if p < 0:
        return 0, -1
    blank = 1 if p < e and buf[p] == 32 else 0
    east, q = zone(buf, p + blank, e)
    if q > 0 and (q == e or not (48 <= buf[q] <= 57 or 65 <= (buf[q] & 223) <= 90)):
        p = q
        flags |= ZONED
        time -= east
    elif blank == 1:
        east, q = named_zone(buf, p + 1, e)
        if q > 0:
            p = q
            flags |= ZONED
            time -= east
    if flags & NO_YEAR:
        behind = year_behind(buf, p, e)
        if behind > 0:
            year, flags = behind, flags - NO_YEAR
            p += 5
    date = days(year, month, day)
    if date < -(1 << 39) or time < -DAY:
        return MISSING, p
    return (date * DAY + time) * 8 + flags, p


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
    if buf[p] == 46 or buf[p] == 44:  # 11.11.2003. 14:00:01, 11/11/03, 14:00:01
        p += 1
    if p >= e or (buf[p] != 32 and buf[p] != 9):
        return 0, -1
    while p < e and (buf[p] == 32 or buf[p] == 9):
        p += 1
    hour, q = digits(buf, p, e)
    if q == p or q + 4 > e or (buf[q] != 58 and buf[q] != 46):
        return 0, -1
    minute, r = digits(buf, q + 1, e)
    if r < q + 2 or r > q + 3 or r + 2 > e or (buf[r] != 58 and buf[r] != 46):
        return 0, -1
    second, p = digits(buf, r + 1, e)
    if p < r + 2 or p > r + 3:
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
