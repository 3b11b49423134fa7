"""JSON lines as plain lines, one for one: what ``journalctl -o json``, Docker, shippers, syslog daemons and Zeek write,
as syslog and Zeek's own text. A line that is no such record stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from spamlab.carriers import heads, zeek
from spamlab.carriers.parsing import lines

# One record a line all the same: in an array, behind RFC 7464's mark (journalctl -o json-seq), as server-sent events.
_DRESSED = re.compile(rb"\s*(?:[\[,]\s*\{|\x1e|data: ?\{|\{[^\n]*\},[ \t\r]*\n)")
_RECORD = re.compile(rb"^[ \t]*(?:[\[,\x1e]|data:)?[ \t]*(\{[^\n]*\})[ \t]*,?[ \t]*\]?[ \t]*(?=\r?$)", re.MULTILINE)
_BRACKET = re.compile(rb"^[ \t]*[\[\],][ \t]*(?=\r?$)", re.MULTILINE)


_DOCKER = b'"log"', b'"stream"', b'"time"'


def plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Pieces of whole lines with JSON records as plain lines; all other text as it is.

    >>> entry = b'{"__REALTIME_TIMESTAMP":"1720359773000001","SYSLOG_IDENTIFIER":"sm-mta","MESSAGE":"hi"}'
    >>> b"".join(plain(iter([entry])))
    b'2024-07-07T13:42:53.000001+00:00 sm-mta: hi\n'
    """
    return map(_plain, zeek.whole(pieces))


def _plain(piece: bytes) -> bytes:
    begin = piece[: 1 << 16]
    if zeek.OPENS.match(begin) and zeek.among(begin):
        return zeek.printed(piece)
    if zeek.BEHIND.match(begin) and zeek.among(begin):
        return lines(piece, zeek.behind)
    if _DRESSED.match(piece):
        piece = _BRACKET.sub(b"", _RECORD.sub(rb"\1", piece))
        begin = piece[: 1 << 16]
    if not begin.lstrip().startswith(b"{"):
        return piece
    if b'"__REALTIME_TIMESTAMP"' in begin and b'"MESSAGE"' in begin:
        return lines(piece, heads.journal)
    if zeek.among(begin):
        return lines(piece, zeek.rows)
    if all(name in begin for name in _DOCKER):
        return lines(piece, heads.passed)
    return lines(piece, heads.parted) if b'"' in begin else piece
