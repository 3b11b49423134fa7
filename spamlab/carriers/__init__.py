"""What a log's lines come in, taken off line by line: rows of exports, what was shown or quoted, records in JSON.

Line numbers stay what they are, and a log as its server wrote it is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from spamlab.carriers import delimited, jsonlines, wraps


def plain(text: Iterator[bytes]) -> Iterator[bytes]:
    r"""A file's text, in pieces of whole lines, as the lines that its server wrote, one for one.

    >>> rows = b'"Time","Line"\n"1","> Jul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed"\n'
    >>> b"".join(plain(iter([rows])))
    b'"Time","Line"\n"1","> Jul  7 13:42:53 mx postfix/qmgr[9]: A0B1C2: removed"\n'
    """
    return jsonlines.plain(wraps.plain(delimited.plain(text)))
