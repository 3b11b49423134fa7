r"""Rows of columns whose header names them: from the names to a pattern in the notation.

What a format knows of its columns is a table from names to fields; the pattern follows from it:

>>> row(["time", "c-ip", "sc-status"], {"time": "time:time", "c-ip": "peer_ip"}, " ")
'{?{time:time}{& }}{?{time:time}{!}}{_}{? {peer_ip}{? }}'
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from spamlab import texts, translation
from spamlab.notation import IGNORED, Shape, Variant

MOST = 400  # columns: one option each can be open, and the interpreter has room for so many


def quote(text: str) -> str:
    r"""Text as a literal of the notation.

    >>> quote("|")
    '\\|'
    """
    return re.sub(r"([{}|\\])", r"\\\1", text)


def ended(pattern: str, *by: str) -> str:
    """A pattern that counts only where one of these literals or the line's end follows it."""
    return "".join(f"{{?{pattern}{{&{quote(mark)}}}}}" for mark in by) + f"{{?{pattern}{{!}}}}"


QUOTED = {mark: f":{kind}" for kind, mark in translation.BETWEEN.items()}
"""By what stands between values: the type of one that can be quoted."""


def cell(field: str, separator: str, quoted: bool = False) -> str:
    """The pattern of a value.

    ``field`` is a column's name, with a type where it has one (``code:int``; what is unreadable gives a missing value),
    ``""`` for a value that is skipped, or a pattern (with braces), which must fit.
    """
    if "{" in field:
        return field
    name, _, kind = field.partition(":")
    text = f"{{{'_' if kind or not name else name}{QUOTED[separator] if quoted else ''}}}"
    within = f'{{&?"{{{field}}}"}}' if quoted else ""  # some exports put quotes around each value
    return within + ended(f"{{{field}}}", separator) + text if kind else text


def head(names: Sequence[str], fields: Mapping[str, str], separator: str, *, quoted: bool = False) -> str:
    """The pattern of a row's first columns, the separator after the last one too; none may be missing."""
    return "".join(cell(fields.get(name, ""), separator, quoted) + quote(separator) for name in names)


def row(names: Sequence[str], fields: Mapping[str, str], separator: str, *, quoted: bool = False) -> str:
    """The pattern of a row, up to its last column that has a field; columns at its end can be missing."""
    wanted = [i for i, name in enumerate(names[:MOST]) if name in fields]
    found, skipped = "", ""
    for i, name in enumerate(names[: wanted[-1] + 1] if wanted else []):
        skipped += quote(separator) * (i > 0) + cell(fields.get(name, ""), separator, quoted)
        if name in fields:
            found += "{?" * bool(found) + skipped
            skipped = ""
    return found + f"{{?{quote(separator)}}}" + "}" * max(len(wanted) - 1, 0)


_ESCAPED = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")


def decode(text: str) -> str:
    r"""Text with octets for their escapes, where they are UTF-8.

    >>> decode(r"a\x09b\xc3\xa9\xff")
    'a\tb\\xc3\\xa9\\xff'
    """

    def octets(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace("\\x", "")).decode()
        except UnicodeDecodeError:
            return found[0]

    return _ESCAPED.sub(octets, text)


def decoded(text: pd.Series) -> pd.Series:
    """A column of texts with octets for their escapes."""
    return texts.changed(text, texts.having(text, "\\x"), lambda escaped: escaped.map(decode))


def directives(lines: Sequence[bytes]) -> dict[str, str]:
    r"""What header lines say, by name in small letters.

    >>> directives([b"#Software: IIS", b"#separator |", b"#unset_field|-"])
    {'software': 'IIS', 'separator': '|', 'unset_field': '-'}

    A row of names, as exports begin with, stands for all of them; it is kept as ``row``:

    >>> directives([b'ts,uid,"rcptto"'])
    {'row': 'ts,uid,"rcptto"', 'fields': 'ts,uid,rcptto', 'separator': ','}
    """
    found: dict[str, str] = {}
    for line in lines:
        if not line.startswith(b"#"):
            row = line.decode("utf-8", "replace")
            apart = re.search(r"[,;\t]", row)
            found |= {"row": row, "fields": row.replace('"', ""), "separator": apart[0] if apart else ","}
        elif line.startswith(b"# "):  # Exchange 2000 and 2003: the names, without a word before them
            found["fields"] = line[2:].decode("utf-8", "replace").rstrip("\r\n")
        elif told := re.match(r"#(\w[\w-]*)(?::[ ]?|[^\w])(.*)", line.decode("utf-8", "replace")):
            found[told[1].lower()] = told[2].rstrip("\r\n")
    return found


def exported(variant: Variant, told: Mapping[str, str]) -> Variant:
    """A variant of rows whose names stand in a row, which is none of them, if they do."""
    if "row" not in told:
        return variant
    return replace(variant, groups=((quote(told["row"]), (Shape("{!}", IGNORED),)), *variant.groups))


def stamped(names: Sequence[str]) -> list[str]:
    """Names with ``date`` and ``time`` as one where they stand side by side: they are one stamp."""
    return "\t".join(names).replace("date\ttime", "date time").split("\t")


def day(text: str) -> int | None:
    """The date that a text holds, in days since 1970.

    >>> day("2006-10-09 05:00:15")
    13430
    """
    told = re.search(r"(\d{4})-(\d\d)-(\d\d)", text)
    try:
        return (datetime.date(*map(int, told.groups())) - datetime.date(1970, 1, 1)).days if told else None
    except ValueError:
        return None
