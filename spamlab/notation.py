r"""The notation for log lines, and its translation into a table of operations.

A line's shape is written as literals and named, typed fields:

    "{time:locale} : <<< {code:code} {text...}"

====================  =====================================================================
``{x}``               text up to what follows (literals, also of options; or the end of the line)
``{x:int}``           a number; ``given``: the second of ``3/5`` if there are two; ``seconds``:
                      ``0.07``, ``1+02:03:04``, ``2h3m``; ``code``: three digits; ``time`` and
                      ``locale``: stamps; ``path``: a mail path, quotes respected; ``quoted``,
                      ``csv``: text in quotes; ``inside``: up to a closing quote; ``dsn`` (d.d.d), ``id``,
                      ``word``, ``tag``, …: runs of certain octets, see ``CLASSES``
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

Shapes are tried in order, those that cannot begin with a line's octet left out. They become one program for the
interpreter: ordered choice and options are the same two operations, TRY and COMMIT. Nothing recurses when it runs.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

(FAIL, TRY, COMMIT, JUMP, ACCEPT, SWITCH, LITERAL, PEEK, UNTIL, TAIL, REST, END, INTEGER, SECONDS, CODE, DSN, SPAN,
 PATH, QUOTED, TIME, LOCALE, CHOICE, CLOSE, ITEMS, ITEM, UNTIL_KEY, NEXT, SHORTEN) = range(28)  # fmt: skip

ROOM = 2048  # for the options open and the fields written in one line
STEP = 5  # numbers of an operation: what it does, three of its own, and the literal that follows a field
MOST_ITEMS = 64  # of a list in one line
MOST_KEYS = 62  # of a list: one bit each in 63

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
}
"""By type: its octets, how many at least, whether a blank, a colon, a bracket or the line's end must follow at most 24
of them, whether a digit must be among them, whether a small vowel is there only beside a digit (words of a language
have vowels)."""

_NUMBERS = {"int": INTEGER, "given": INTEGER, "seconds": SECONDS, "code": CODE, "time": TIME, "locale": LOCALE}
_TEXTS = {"path": PATH, "paths": PATH, "quoted": QUOTED, "csv": QUOTED, "inside": QUOTED}
NUMBER, CATEGORY, TEXT = "number", "category", "text"  # how a column is stored

IGNORED, BROKEN, AGAIN = "ignored", "broken", "again"
"""Kinds of shapes whose lines are no events: other programs' lines, and lines that cannot be read; and of lines that
say of the one before them that it came again: an event if that is one, with its fields and their own."""

_END_OF_LINE = 256
_ANYTHING = frozenset(range(257))


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
    missing. ``day``: the date of stamps that hold none (days since 1970).
    """

    name: str
    groups: tuple[tuple[str, tuple[Shape, ...]], ...]
    continues: bool = False
    block: tuple[str, bytes] | None = None
    comment: bytes = b""
    unset: tuple[bytes, ...] = ()
    day: int | None = None

    @property
    def shapes(self) -> list[Shape]:
        """All shapes, in the order in which the program numbers them."""
        blocks = {id(shapes): shapes for _, shapes in self.groups}  # several heads can stand before the same shapes
        return [shape for shapes in blocks.values() for shape in shapes]


@dataclass
class Program:
    """A variant, translated: what ``scan`` runs."""

    code: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    literals: list[bytes] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    switches: list[list[int]] = field(default_factory=list)
    sets: dict[frozenset[int], int] = field(default_factory=dict)
    lists: list[tuple[int, ...]] = field(default_factory=list)  # separator, what follows, first key, keys, last counts
    keys: list[tuple[int, int]] = field(default_factory=list)  # literal, operation
    shapes: int = 0

    def column(self, name: str, kind: str) -> int:
        """The number of a column; ``_`` is none, a name is stored in one way throughout."""
        if name == "_":
            return -1
        if self.columns.setdefault(name, kind) != kind:
            raise ValueError(f"{name} is {self.columns[name]} elsewhere, {kind} here")
        return list(self.columns).index(name)

    def literal(self, text: str, fold: bool = False) -> int:
        """Keep a literal; its number."""
        self.literals.append((text.lower() if fold else text).encode())
        return len(self.literals) - 1

    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        """Add an operation; its number."""
        self.code.append((op, a, b, c, -1))
        return len(self.code) - 1

    def follow(self, text: str, fold: bool) -> None:
        """Let a literal follow the field just added; that a text was searched for ends it need not be seen again."""
        op, a, b, c, _ = self.code[-1]
        found = op == UNTIL and c >> 1 == 2  # by this literal alone
        literal = b if found else self.literal(text, fold)
        self.code[-1] = (op, a, b, c, literal * 4 + found * 2 + fold)

    def attempt(self, first: frozenset[int] = _ANYTHING, body: int = 0) -> int:
        """Add a TRY of a part that can begin with these octets only; it stands at ``body``, else behind."""
        known = self.sets.setdefault(first, len(self.sets)) if first != _ANYTHING else -1
        return self.emit(TRY, 0, known, body)

    def patch(self, at: int) -> None:
        """Point the TRY, COMMIT or JUMP at ``at`` to the next operation."""
        op, _, b, c, follow = self.code[at]
        self.code[at] = (op, len(self.code), b, c, follow)


_TOKEN = re.compile(
    r"\\(?P<escaped>[{}|\\])|\{\?(?P<option>)|\{\^(?P<either>)|\{&\?(?P<glance>)|\{&\^(?P<must>)|\{!(?P<end>)\}|\{-(?P<cut>(?:[^{}\\]|\\.)+)\}|\{&(?P<ahead>(?:[^{}\\]|\\.)+)\}"
    r"|\{\*(?P<last>>?)(?P<separator>[^|{}]+)\|(?P<list>)"
    r"|\{(?P<field>\w+)(?P<spec>[:=<>.~](?:[^{}\\]|\\.)*)?\}|(?P<close>\})|(?P<bar>\|)|[^{}\\|]+"
)


_BAR = re.compile(r"(?<!\\)\|")


@dataclass
class _Item:
    what: str  # "literal", "field", "end", "ahead", "option", "either", "glance", "must", "list"
    text: str = ""
    spec: str = ""
    inner: list[list[_Item]] = field(
        default_factory=list
    )  # of a list the items, of a choice the parts, of an option one


@functools.cache
def _parse(pattern: str) -> list[_Item]:
    stack: list[_Item] = [_Item("option", inner=[[]])]
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"cannot read {pattern[at:]!r} in {pattern!r}")
        at = token.end()
        here = stack[-1].inner[-1]
        what = token.lastgroup
        if what in ("option", "either", "glance", "must", "list"):
            opened = _Item(what, token["separator"] or "", token["last"] or "", [[]])
            here.append(opened)
            stack.append(opened)
        elif what == "close":
            stack.pop()
        elif what == "bar" and stack[-1].what in ("either", "list"):
            stack[-1].inner.append([])
        elif what == "end":
            here.append(_Item("end"))
        elif what in ("ahead", "cut"):
            here.append(_Item(what, _plain(token[what])))
        elif token["field"]:
            here.append(_Item("field", token["field"], token["spec"] or ""))
        elif here and here[-1].what == "literal":
            here[-1].text += token["escaped"] or token[0]
        else:
            here.append(_Item("literal", token["escaped"] or token[0]))
    if len(stack) != 1:
        raise ValueError(f"braces do not match in {pattern!r}")
    return stack[0].inner[0]


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _stops(items: Sequence[_Item]) -> list[str]:
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
        found += [stop for stop in _stops(item.inner[0]) if stop]
    return [*found, ""]


def _first(items: Sequence[_Item], fold: bool) -> frozenset[int]:
    """The octets that a part can begin with (``_END_OF_LINE``: none)."""
    found: frozenset[int] = frozenset()
    for at, item in enumerate(items):
        if item.what in ("literal", "ahead"):
            octet = item.text.encode()[0]
            return found | ({octet, *chr(octet).swapcase().encode("latin-1")} if fold else {octet})
        if item.what == "option":
            found |= _first(item.inner[0], fold)
        elif item.what == "must":
            return found | _first(item.inner[0], fold)
        elif item.what == "either":
            return found.union(*(_first([*part, *items[at + 1 :]], fold) for part in item.inner))
        elif item.what == "end":
            return found | {_END_OF_LINE, *b" \t"}
        elif item.what == "field" and item.spec.startswith("="):
            return found | {_plain(word).encode()[0] for word in re.split(_BAR, item.spec[1:])}
        elif item.what == "field" and item.spec[1:] in CLASSES:
            return found | set(CLASSES[item.spec[1:]][0].encode("ascii", "surrogateescape"))
        elif item.what in ("glance", "cut") or (item.what == "field" and item.spec[:1] in ("<", ">") and item.spec):
            continue
        else:
            break
    return _ANYTHING


_FOLLOWED = (UNTIL, SPAN, INTEGER, SECONDS, CODE, DSN, TIME, LOCALE, PATH, QUOTED)


def _emit(program: Program, items: Sequence[_Item], fold: bool, inside: int = -1) -> None:
    """Translate a part; ``inside``: the list whose item it is."""
    for at, item in enumerate(items):
        if item.what == "literal" and at and items[at - 1].what == "field" and program.code[-1][0] in _FOLLOWED:
            program.follow(item.text, fold)
        elif item.what == "literal":
            program.emit(LITERAL, program.literal(item.text, fold), int(fold))
        elif item.what == "ahead":
            program.emit(PEEK, program.literal(item.text, fold), int(fold))
        elif item.what == "end":
            program.emit(END)
        elif item.what == "cut":
            program.emit(SHORTEN, program.literal(item.text))
        elif item.what in ("option", "glance", "must"):
            attempt = program.attempt(_first(item.inner[0], fold))
            _emit(program, item.inner[0], fold)
            done = program.emit(COMMIT, 0, int(item.what != "option"))
            program.patch(attempt)
            if item.what == "must":
                program.emit(FAIL)
            program.patch(done)
        elif item.what == "either":
            chosen = []
            for part in item.inner:
                attempt = program.attempt(_first([*part, *items[at + 1 :]], fold))
                _emit(program, part, fold)
                chosen.append(program.emit(COMMIT))
                program.patch(attempt)
            program.emit(FAIL)
            for done in chosen:
                program.patch(done)
        elif item.what == "list":
            after = (stop for stop in _stops(items[at + 1 :]) if stop != item.text)
            _emit_list(program, item, next(after, ""), fold)
        else:
            _emit_field(program, item, items[at + 1 :], fold, inside)


def _emit_list(program: Program, item: _Item, follower: str, fold: bool) -> None:
    keyed = []
    for inner in item.inner:
        if not inner or inner[0].what != "literal":
            raise ValueError(f"an item of a list must begin with its key: {item.text!r}")
        keyed.append((inner[0].text, inner[1:]))
    if len(keyed) > MOST_KEYS:
        raise ValueError(f"a list has {MOST_KEYS} items at most, not {len(keyed)}: {item.text!r}")
    number, first = len(program.lists), len(program.keys)
    after = program.literal(follower) if follower else -1
    program.lists.append((program.literal(item.text), after, first, len(keyed), int(item.spec == ">")))
    program.keys += [(program.literal(key), 0) for key, _ in keyed]
    program.emit(ITEMS)
    start = program.emit(ITEM, number)
    finished = []
    for offset, (_, inner) in enumerate(keyed):
        program.keys[first + offset] = (program.keys[first + offset][0], len(program.code))
        attempt = program.attempt()
        _emit(program, inner, fold, number)
        finished += [attempt, program.emit(COMMIT)]
    for jump in finished:
        program.patch(jump)
    skip = program.emit(UNTIL_KEY, -1, number)
    program.emit(NEXT, start, number)
    program.code[start] = (ITEM, number, skip, len(program.code), -1)


def _emit_field(program: Program, item: _Item, rest: Sequence[_Item], fold: bool, inside: int) -> None:
    name, spec = item.text, item.spec
    if spec[:1] == ">":
        literal = program.literal(spec[2:]) if spec[1:2] == "~" else -1
        program.emit(TAIL, program.column(name, TEXT), literal, int(spec[1:2] == "."))
    elif spec == "<":
        program.emit(CLOSE, program.column(name, TEXT))
    elif spec[:1] in (".", "~") and spec:
        program.emit(REST, program.column(name, TEXT), program.literal(_plain(spec[1:])) if spec[0] == "~" else -1)
    elif spec[:1] == "=":
        words = [_plain(word) for word in re.split(_BAR, spec[1:])]
        column = program.column(name, CATEGORY)
        found = []
        for word in sorted(words, key=len, reverse=True):  # so that none hides another that begins like it
            attempt = program.attempt(_first([_Item("literal", word)], fold))
            program.emit(CHOICE, column, program.literal(word, fold), int(fold))
            found.append(program.emit(COMMIT))
            program.patch(attempt)
        program.emit(FAIL)
        for commit in found:
            program.patch(commit)
    elif kind := spec[1:]:
        if kind in _NUMBERS:
            program.emit(_NUMBERS[kind], program.column(name, NUMBER), int(kind == "given"))
        elif kind in _TEXTS:
            comma = program.literal(",") if kind == "csv" else -1
            program.emit(_TEXTS[kind], program.column(name, TEXT), comma, int(kind in ("inside", "paths")))
        elif kind == "dsn":
            program.emit(DSN, program.column(name, CATEGORY))
        else:
            _, least, bounds = CLASSES[kind]
            program.emit(SPAN, program.column(name, CATEGORY), list(CLASSES).index(kind), least * 8 + bounds)
    elif inside >= 0 and not rest:
        program.emit(UNTIL_KEY, program.column(name, TEXT), inside)
    else:
        stops = _stops(rest)
        wanted = [program.literal(stop, fold) for stop in stops if stop]
        ends = int("" in stops)
        program.emit(UNTIL, program.column(name, TEXT), wanted[0] if wanted else -1, len(wanted) * 4 + ends * 2 + fold)


def translate(variant: Variant) -> Program:
    """Translate a variant's heads and shapes into one program (ordered choice all the way)."""
    program = Program()
    known: dict[int, int] = {}
    for head, shapes in variant.groups:
        items = _parse(head)
        _check_room(items, shapes)
        next_group = program.attempt(_first(items, fold=False))
        _emit(program, items, fold=False)
        if id(shapes) in known:  # behind another head
            program.emit(JUMP, known[id(shapes)])
        else:
            known[id(shapes)] = len(program.code)
            _emit_shapes(program, shapes)
        program.patch(next_group)
    program.emit(FAIL)
    return program


def _room(items: Sequence[_Item], listed: bool = False) -> tuple[int, int]:
    """How many options a part can have open at a time, and how many fields it can write."""
    deep = writes = 0
    for item in items:
        if item.what == "list" and listed:
            raise ValueError(f"a list inside a list: {item.text!r}")
        deep = max(deep, int(item.spec[:1] == "="))
        most = int(item.what == "field" and item.text != "_")
        for part in item.inner:
            inner, fields = _room(part, listed or item.what == "list")
            deep, most = max(deep, inner + 1), max(most, fields)
        writes += most * (MOST_ITEMS if item.what == "list" else 1)
    return deep, writes


def _check_room(head: Sequence[_Item], shapes: Sequence[Shape]) -> None:
    """Refuse what the interpreter, which checks nothing when it runs, has no room for."""
    deep, writes = _room(head)
    for shape in shapes:
        more = _room(_parse(shape.pattern))
        if max(deep + 1, more[0] + 2) > ROOM or writes + more[1] > ROOM:
            raise ValueError(f"too many options in one another, or too many fields: {shape.pattern[:80]!r}")


def _emit_shapes(program: Program, shapes: Sequence[Shape]) -> None:
    """An ordered choice: the next octet says which shapes are tried at all."""
    parsed = [_parse(shape.pattern) for shape in shapes]
    firsts = [_first(items, shape.fold) for items, shape in zip(parsed, shapes, strict=True)]
    able = [tuple(i for i, first in enumerate(firsts) if octet in first) for octet in range(257)]
    program.emit(SWITCH, len(program.switches))
    table = [0] * 257
    program.switches.append(table)
    body = []
    for items, shape in zip(parsed, shapes, strict=True):
        body.append(len(program.code))
        _emit(program, items, shape.fold)
        program.emit(ACCEPT, program.shapes)
        program.shapes += 1
    chains: dict[tuple[int, ...], int] = {}
    for octet, wanted in enumerate(able):
        if wanted not in chains:
            chains[wanted] = len(program.code)
            for i in wanted[:-1]:
                program.patch(program.attempt(body=body[i]))
            if wanted:  # where the last one fails, so does the choice
                program.emit(JUMP, body[wanted[-1]])
            else:
                program.emit(FAIL)
        table[octet] = chains[wanted]


def arrays(program: Program) -> tuple[np.ndarray, ...]:
    """The program as flat arrays.

    Operations (``STEP`` numbers each, one after the other: jumps go to the first of them), literal octets, where each
    literal begins, switches and sets ``(257 × n)``, classes ``(256 × n)``, lists ``(5, n)``, keys ``(2, n)``.
    """
    starts = np.cumsum([0, *map(len, program.literals)])
    octets = np.frombuffer(b"".join(program.literals) or b"\0", dtype=np.uint8)
    classes = np.zeros((len(CLASSES), 256), dtype=np.uint8)
    for row, (members, _, _) in zip(classes, CLASSES.values(), strict=True):
        row[list(members.encode("ascii", "surrogateescape"))] = 1
    code = np.array(program.code, dtype=np.int64)
    for jumps, number in (((TRY, COMMIT, JUMP, NEXT), 1), ((ITEM,), 2), ((TRY, ITEM), 3)):
        code[np.isin(code[:, 0], jumps), number] *= STEP
    lists, keys = (
        np.array(table, dtype=np.int64).T.copy() for table in (program.lists or [(0,) * 5], program.keys or [(0, 0)])
    )
    keys[1] *= STEP
    switches = np.array(program.switches, dtype=np.int64).ravel() * STEP
    sets = np.zeros((len(program.sets) + 1, 257), dtype=np.uint8)
    for octets_able, number in program.sets.items():
        sets[number, sorted(octets_able)] = 1
    return code.ravel(), octets, starts.astype(np.int64), switches, sets.ravel(), classes.ravel(), lists, keys
