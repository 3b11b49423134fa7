r"""The notation for log lines.

A line's shape is written as literals and named, typed fields:

    "{time:locale} : <<< {code:code} {text...}"

====================  =====================================================================
``{x}``               text up to what follows (literals, also of options; or the end of the line)
``{x:int}``           a number; ``given``: the second of ``3/5`` if there are two; ``seconds``:
                      ``0.07``, ``1+02:03:04``, ``2h3m``; ``code``: three digits; ``time`` and
                      ``locale``: stamps; ``path``: a mail path, quotes respected; ``quoted``,
                      ``csv``, ``ssv`` (with ``;``): text in quotes; ``inside``: up to a closing quote; ``dsn`` (d.d.d),
                      ``id``, ``word``, ``tag``, …: runs of certain octets, see ``CLASSES``
``{x=a|b}``           one of several words
``{x...}``            the rest of the line, at least one octet
``{x>}``              marks: from here to the end of the event, continuation lines too; consumes nothing
``{x>...}``           the same to the end of the line only
``{x<}``              ends here what ``{x>}`` marks
``{x>~)}``, ``{x~)}``  the rest of the line without a closing ``)`` (and blanks behind it); marked or consumed
``{&text}``           looks ahead: the text must stand here
``{?…}``              an optional part, tried once
``{^…|…}``            one of several parts: the first that fits
``{&^…}``             looks ahead: a part must stand here; its fields are read
``{&?…}``             an optional part that is read and not consumed: what follows reads the same text again
``{*, |a={x}|b={y}}`` items in any order, at least one, with ``, `` between them; of two with one key the
                      first counts (``{*>, |…}``: the last); ``word=`` of no item is skipped
``{!}``               the line must end here (trailing blanks allowed)
``{-]}``              the line ends before its closing ``]``, if it has one, for all that is tried after this
``{_}``               text that is skipped
``\{ \} \|``          the characters themselves
====================  =====================================================================

Shapes are tried in order. ``translation`` makes one program for the interpreter of them.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

_DIGITS, _LETTERS = string.digits, string.ascii_letters
_ALPHANUMERIC = _DIGITS + _LETTERS
_NOT_ASCII = bytes(range(128, 256)).decode("ascii", "surrogateescape")
BOUNDED, NUMBERED, CODED = 1, 2, 4
CLASSES: dict[str, tuple[str, int, int]] = {
    "id": (_ALPHANUMERIC, 5, CODED),  # Postfix: hexadecimal or base 52; made up or masked in examples
    "letters": (_ALPHANUMERIC, 8, BOUNDED | NUMBERED),  # Sendmail's queue ids
    "exim": (_ALPHANUMERIC + "-", 16, BOUNDED | NUMBERED),
    "word": (_ALPHANUMERIC + "-", 1, BOUNDED),
    "phrase": (_LETTERS + " '", 1, 0),
    "local": (_ALPHANUMERIC + "!#$%&'*+-/=?^_`{}~.:;,()[]" + _NOT_ASCII, 1, 0),  # a local part without quotes, a file
    "tag": (_ALPHANUMERIC + "._/-@", 1, 0),
    "name": (_ALPHANUMERIC + "._:-", 1, 0),
    "nul": ("\0", 1, 0),
    "blanks": (" ", 1, 0),
    "bare": (_ALPHANUMERIC + "!#$%&'*+-/=?^_`{}|~.@:[]", 1, 0),  # between brackets or quotes
    "cell": (string.printable[:-5] + _NOT_ASCII, 1, 0),  # what stands between tabs
}
"""By type: its octets, how many at least, whether a blank, a colon, a bracket or the line's end must follow at most 24
of them, whether a digit must be among them, whether a small vowel is there only beside a digit (words of a language
have vowels)."""


NUMBER, CATEGORY, TEXT = "number", "category", "text"  # how a column is stored

IGNORED, BROKEN, AGAIN = "ignored", "broken", "again"
"""Kinds of shapes whose lines are no events: other programs' lines, and lines that cannot be read; and of lines that
say of the one before them that it came again: an event if that is one, with its fields and their own."""

END_OF_LINE = 256
ANYTHING = frozenset(range(257))


@dataclass(frozen=True, eq=False)
class Shape:
    """One line shape: its pattern and what a line of that shape is.

    ``weak`` shapes (a stamp and any text) read a line but are no evidence that a file has this format.
    ``says``: values of columns that the shape itself states.
    """

    pattern: str
    kind: str = "note"
    fold: bool = False
    weak: bool = False
    says: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Variant:
    """One dialect of a format: groups of a head and the shapes that may follow it.

    ``continues``: a line no head fits continues the event before it. ``block``: the column whose
    presence opens a raw block and the line that closes it; lines in between belong to the event
    whatever they look like. Lines that begin with ``comment`` are ignored. Text that is one of ``unset`` is
    missing. ``day``: the date of stamps that hold none (days since 1970). ``sure``: the header that declares it says by
    itself what the file is, also where nothing follows.
    """

    name: str
    groups: tuple[tuple[str, tuple[Shape, ...]], ...]
    continues: bool = False
    block: tuple[str, bytes] | None = None
    comment: bytes = b""
    unset: tuple[bytes, ...] = ()
    day: int | None = None
    sure: bool = False

    @property
    def shapes(self) -> list[Shape]:
        """All shapes, in the order in which the program numbers them."""
        blocks = {id(shapes): shapes for _, shapes in self.groups}  # several heads can stand before the same shapes
        return [shape for shapes in blocks.values() for shape in shapes]


_TOKEN = re.compile(
    r"\\(?P<escaped>[{}|\\])|\{\?(?P<option>)|\{\^(?P<either>)|\{&\?(?P<glance>)|\{&\^(?P<must>)|\{!(?P<end>)\}|\{-(?P<cut>(?:[^{}\\]|\\.)+)\}|\{&(?P<ahead>(?:[^{}\\]|\\.)+)\}"
    r"|\{\*(?P<last>>?)(?P<separator>[^|{}]+)\|(?P<list>)"
    r"|\{(?P<field>\w+)(?P<spec>[:=<>.~](?:[^{}\\]|\\.)*)?\}|(?P<close>\})|(?P<bar>\|)|[^{}\\|]+"
)


BAR = re.compile(r"(?<!\\)\|")


@dataclass
class Item:
    """A part of a pattern, parsed."""

    what: str  # "literal", "field", "end", "ahead", "option", "either", "glance", "must", "list"
    text: str = ""
    spec: str = ""
    inner: list[list[Item]] = field(
        default_factory=list
    )  # of a list the items, of a choice the parts, of an option one


@functools.cache
def parse(pattern: str) -> list[Item]:
    """The parts of a pattern; ``ValueError`` where it is none."""
    stack: list[Item] = [Item("option", inner=[[]])]
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"cannot read {pattern[at:]!r} in {pattern!r}")
        at = token.end()
        here = stack[-1].inner[-1]
        what = token.lastgroup
        if what in ("option", "either", "glance", "must", "list"):
            opened = Item(what, token["separator"] or "", token["last"] or "", [[]])
            here.append(opened)
            stack.append(opened)
        elif what == "close":
            stack.pop()
        elif what == "bar" and stack[-1].what in ("either", "list"):
            stack[-1].inner.append([])
        elif what == "end":
            here.append(Item("end"))
        elif what in ("ahead", "cut"):
            here.append(Item(what, plain(token[what])))
        elif token["field"]:
            here.append(Item("field", token["field"], token["spec"] or ""))
        elif here and here[-1].what == "literal":
            here[-1].text += token["escaped"] or token[0]
        else:
            here.append(Item("literal", token["escaped"] or token[0]))
    if len(stack) != 1:
        raise ValueError(f"braces do not match in {pattern!r}")
    return stack[0].inner[0]


def plain(text: str) -> str:
    """A literal as it stands in lines."""
    return re.sub(r"\\(.)", r"\1", text)


def stops(items: Sequence[Item]) -> list[str]:
    """The literals that end a text field before ``items``; an empty one: the end of the line."""
    found: list[str] = []
    for item in items:
        if item.what == "end":
            return [*found, ""]
        if item.what in ("literal", "ahead"):
            return [*found, item.text]
        if item.spec == "<" or item.spec[:1] == ">" or item.what in ("glance", "cut"):
            continue
        if item.what != "option":
            raise ValueError(f"a text field must be followed by literals or the end, not by {item.text}")
        found += [stop for stop in stops(item.inner[0]) if stop]
    return [*found, ""]


def first(items: Sequence[Item], fold: bool) -> frozenset[int]:
    """The octets that a part can begin with (``END_OF_LINE``: none)."""
    found: frozenset[int] = frozenset()
    for at, item in enumerate(items):
        if item.what in ("literal", "ahead"):
            octet = item.text.encode()[0]
            return found | ({octet, *chr(octet).swapcase().encode("latin-1")} if fold else {octet})
        if item.what == "option":
            found |= first(item.inner[0], fold)
        elif item.what == "must":
            return found | first(item.inner[0], fold)
        elif item.what == "either":
            return found.union(*(first([*part, *items[at + 1 :]], fold) for part in item.inner))
        elif item.what == "end":
            return found | {END_OF_LINE, *b" \t"}
        elif item.what == "field" and item.spec.startswith("="):
            return found | {plain(word).encode()[0] for word in re.split(BAR, item.spec[1:])}
        elif item.what == "field" and item.spec[1:] in CLASSES:
            return found | set(CLASSES[item.spec[1:]][0].encode("ascii", "surrogateescape"))
        elif item.what in ("glance", "cut") or (item.what == "field" and item.spec[:1] in ("<", ">") and item.spec):
            continue
        else:
            break
    return ANYTHING
