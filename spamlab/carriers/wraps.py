r"""What stands around a log's lines that were shown, searched, quoted or copied from a page: taken off, line by line.

Colours, what grep, ``cat -n``, a mail or a pod's name puts before each line, blanks and marks as a page writes them. A
file's beginning tells whether anything does, so that a log as its server wrote it is left as it is. Line numbers stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

SAMPLE = 64 << 10
"""Octets looked at."""

_DATED = (
    rb"(?:(?:[A-Z][a-z]{2} [ \d]?\d|\d{1,2} [A-Z][a-z]{2}) (?:\d{4} )?\d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)"
)
STAMP = rb"(?:<\d{1,3}>)?(?:1 (?=\d{4}))?" + _DATED
_HEAD = rb"(?=" + STAMP + rb"(?:[.,]\d+)?(?: ?[+-]\d\d:?\d\d|Z)? {1,2}[^\s:])"
# A line that a known head begins, or a stamp before the line's own that states more.
_OWN = (
    rb"(?!\[?"
    + STAMP
    + rb"|[-A-Z]\S* \d{9,10} \d{4}\.|\d{9,19}[. ]|@4|-- |==> |(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |[\w.-]+ +\|)"
)
_ESCAPE = rb"\x1b\[[\d;]*[A-Za-z]"
_TAGS = rb"</?(?:a|b|br|code|em|i|li|p|pre|span|strong|td|tr)\b[^>\n]{0,200}/?>"
_BLANK = rb"(?:\xc2\xa0|\xe2\x80[\x80-\x8b\xaf])"


class _Wrap(NamedTuple):
    """How it is told that lines are wrapped so, and what is put for what."""

    told: re.Pattern[bytes]
    share: float
    """Of the lines that are not blank, that must show it; 0: one."""
    changes: tuple[tuple[re.Pattern[bytes], bytes], ...]
    unless: re.Pattern[bytes] = re.compile(rb"(?!)")
    """What must not be in the sample."""


def _many(*changes: tuple[bytes, bytes]) -> tuple[tuple[re.Pattern[bytes], bytes], ...]:
    return tuple((re.compile(old, re.MULTILINE), new) for old, new in changes)


_PREFIX = rb"^" + _OWN + rb"[^\n]{1,200}?(?<![\dA-Za-z])" + _HEAD
_QUOTED = rb"^" + _OWN + rb"[^\n]{0,200}?([`\"])" + _HEAD + rb"([^\n]*?)\1[,;]?[ \t]*(?=\r?$)"
_LABELS = rb"^(" + _DATED + rb"(?:[.,]\d+)?(?:[+-]\d\d:?\d\d|Z)) *\{[^}\n]*\}[ \t]+" + _HEAD
# A container's stamp, which states all, before the server's own that is none of syslog's.
_TWICE = (
    rb"^((?:[\w.-]+ +\| )?" + _DATED + rb"(?:[.,]\d+)?(?:[+-]\d\d:?\d\d|Z) )(?:std(?:out|err) [FP] )?"
    rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d+)?(?: [+-]\d{4})? "
)
# Fluentd's file and output: a time, a tag, a record of what the time is not in.
_RECORD = rb"^(" + _DATED + rb"(?:[.,]\d+)?(?: ?[+-]\d\d:?\d\d|Z)?)[ \t]+[\w.-]+:?[ \t]+\{(?=\")"
_TABS = rb"^(" + STAMP + rb"[^\t\n ]*)\t(?:\w+\.\w+\t)?([\w.:-]+)[\t ]([^\s:[]+\[\d+\]:?)[\t ]"
_WRAPS = (  # in this order
    _Wrap(re.compile(rb"(?m)^(?:[^\n]{0,40}\d\d:\d\d:\d\d[^\n]{0,80})?" + _ESCAPE), 0, _many((_ESCAPE, b""))),
    _Wrap(re.compile(rb"\r\r\n"), 0, _many((rb"\r+(?=\r\n)", b""))),
    _Wrap(
        re.compile(rb"(?m)^[^\n:]{0,60}" + _BLANK + rb"[^\n]{0,80}\d+\]:|^[\d-]{10}" + _BLANK), 0, _many((_BLANK, b" "))
    ),
    _Wrap(
        re.compile(rb"=&lt;|&lt;= |&lt;[^\s&]+@[^\s&]+&gt;"),
        0,
        _many(
            (_TAGS, b""),
            (b"&lt;", b"<"),
            (b"&gt;", b">"),
            (b"&(?:quot|#34);", b'"'),
            (b"&(?:apos|#0?39);", b"'"),
            (b"&nbsp;", b" "),
            (b"&amp;", b"&"),
        ),
        re.compile(rb"(?!" + _TAGS + rb")<"),
    ),
    _Wrap(re.compile(rb"(?m)^==> .* <==\r?$"), 0, _many((rb"^==> .* <==(?=\r?$)", b""))),  # tail's
    _Wrap(re.compile(rb"(?m)<br ?/?>\s*?$"), 0.5, _many((rb"(?:<br ?/?>)+[ \r]*$", b""))),
    _Wrap(re.compile(rb"(?m)^[ \t]*</?pre\b[^>\n]*>"), 0, _many((rb"^[ \t]*</?pre\b[^>\n]*>", b""))),
    _Wrap(re.compile(_TABS, re.MULTILINE), 0.2, _many((_TABS, rb"\1 \2 \3 "))),
    _Wrap(re.compile(_RECORD, re.MULTILINE), 0.5, _many((_RECORD, rb'{"date":"\1",'))),
    _Wrap(re.compile(_LABELS, re.MULTILINE), 0.5, _many((_LABELS, rb"\1 "))),
    _Wrap(re.compile(_TWICE, re.MULTILINE), 0.5, _many((_TWICE, rb"\1"))),
    _Wrap(re.compile(_QUOTED, re.MULTILINE), 0.5, _many((_QUOTED, rb"\2"))),
    _Wrap(re.compile(_PREFIX, re.MULTILINE), 0.5, _many((_PREFIX, b""))),
)


def plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Pieces of whole lines without what stands around them; all other text as it is.

    >>> b"".join(plain(iter([b"maillog-20240707-12-Jul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed\n"])))
    b'Jul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed\n'
    """
    first = next(pieces, None)
    if first is None:
        return
    changes = _changes(first[:SAMPLE])
    yield _changed(first, changes)
    for piece in pieces:
        yield _changed(piece, changes)


def _changes(sample: bytes) -> list[tuple[re.Pattern[bytes], bytes]]:
    """What has to be done to a file's lines, as its beginning shows."""
    found: list[tuple[re.Pattern[bytes], bytes]] = []
    for wrap in _WRAPS:
        if re.match(rb"\s*(?:\[?\s*\{|#)", sample):  # records, a header
            break
        lines = sum(line.strip() not in (b"", b"--") for line in sample.splitlines()) if wrap.share else 0
        if sum(1 for _ in wrap.told.finditer(sample)) > wrap.share * lines and not wrap.unless.search(sample):
            found += wrap.changes
            sample = _changed(sample, wrap.changes)
    return found


def _changed(text: bytes, changes: Iterable[tuple[re.Pattern[bytes], bytes]]) -> bytes:
    for old, new in changes:
        text = old.sub(new, text)
    return text
