r"""Text from a log made harmless where it is shown: on a terminal, in a file name, in a spreadsheet.

A log's text is written by strangers. It is shown as it is, and nothing it holds takes effect.

>>> printable("550 \x1b[2J no such user")
'550 \\x1b[2J no such user'
>>> file_name("../../etc/passwd")
'etc-passwd'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Control characters (C0, DEL, C1: a terminal obeys them), line separators, invisible and direction-changing
# characters (Unicode UTS 55: text that reads other than it is), lone surrogates (no encoding takes them).
_UNSEEN = "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
_ANY = re.compile(f"[{_UNSEEN}\U000e0000-\U000e007f]")
_BUT_LINES = re.compile(f"(?![\n\t])[{_UNSEEN}\U000e0000-\U000e007f]")

# What a spreadsheet takes for a formula (OWASP, "CSV injection"); a tab or CR can hide the sign.
_FORMULA = r"^([=+\-@\t\r\n])"


def _spell(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def printable(text: object, lines: bool = False) -> str:
    r"""Spell out characters that a reader cannot see or a terminal would obey.

    Parameters
    ----------
    text
        Anything; ``str()`` of it is taken.
    lines
        Let line feeds and tabs stand.

    Returns
    -------
    str
        The text with such characters as ``\xNN``, ``\n`` or ``\uNNNN``.

    Examples
    --------
    >>> printable("a\nb\u202ec")
    'a\\nb\\u202ec'
    >>> printable("a\nb", lines=True)
    'a\nb'
    """
    return (_BUT_LINES if lines else _ANY).sub(_spell, str(text))


def shorten(text: str, width: int) -> str:
    """Cut a text in its middle to a width.

    Examples
    --------
    >>> shorten("postmaster@example.com", 11)
    'postm…e.com'
    """
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[: width - 1 - half]}…{text[-half:]}"


def file_name(text: str) -> str:
    """Return a name that is safe as a file's on any system: lower case letters, digits, hyphens.

    Examples
    --------
    >>> file_name("RSET loops: turn by turn")
    'rset-loops-turn-by-turn'
    >>> file_name("///")
    'figure'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80] or "figure"


def for_spreadsheet(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Return the table with texts that a spreadsheet would run as a formula set apart by an apostrophe.

    Numbers and times stay as they are; a named index becomes columns.

    Examples
    --------
    >>> import pandas as pd
    >>> for_spreadsheet(pd.DataFrame({"=n": [-1], "text": ["=cmd()"]})).to_csv(index=False)
    "'=n,text\n-1,'=cmd()\n"
    """
    named = any(name is not None for name in frame.index.names)
    table = frame.reset_index(allow_duplicates=True) if named else frame.copy()
    for position, dtype in enumerate(table.dtypes):
        if dtype.name not in ("str", "string", "object", "category"):
            continue
        column = table.iloc[:, position]
        text = column.astype("str").str.replace(_FORMULA, r"'\1", regex=True)
        text = text.map(lambda value: printable(value, lines=True), na_action="ignore")
        table.isetitem(position, text.where(column.notna()).array)
    table.columns = [re.sub(_FORMULA, r"'\1", printable(name)) for name in table.columns]
    return table
