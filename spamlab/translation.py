"""From shapes in the notation to one program for the interpreter: a table of operations.

Shapes are tried in order, those that cannot begin with a line's octet left out. Ordered choice and options are the same
two operations, TRY and COMMIT. Nothing recurses when it runs.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spamlab.notation import (
    ANYTHING,
    BAR,
    CATEGORY,
    CLASSES,
    NUMBER,
    TEXT,
    Item,
    Shape,
    Variant,
    first,
    parse,
    plain,
    stops,
)

(FAIL, TRY, COMMIT, JUMP, ACCEPT, SWITCH, LITERAL, PEEK, UNTIL, TAIL, REST, END, INTEGER, SECONDS, CODE, DSN, SPAN,
 PATH, QUOTED, TIME, LOCALE, CHOICE, CLOSE, ITEMS, ITEM, UNTIL_KEY, NEXT, SHORTEN) = range(28)  # fmt: skip

ROOM = 2048  # for the options open and the fields written in one line
STEP = 5  # numbers of an operation: what it does, three of its own, and the literal that follows a field
MOST_ITEMS = 64  # of a list in one line
MOST_KEYS = 62  # of a list: one bit each in 63

_NUMBERS = {"int": INTEGER, "given": INTEGER, "seconds": SECONDS, "code": CODE, "time": TIME, "locale": LOCALE}
BETWEEN = {"csv": ",", "ssv": ";"}
"""By type of a value that can be quoted: what stands between values."""

_TEXTS = {"path": PATH, "paths": PATH, "quoted": QUOTED, "csv": QUOTED, "ssv": QUOTED, "inside": QUOTED}


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

    def attempt(self, first: frozenset[int] = ANYTHING, body: int = 0) -> int:
        """Add a TRY of a part that can begin with these octets only; it stands at ``body``, else behind."""
        known = self.sets.setdefault(first, len(self.sets)) if first != ANYTHING else -1
        return self.emit(TRY, 0, known, body)

    def patch(self, at: int) -> None:
        """Point the TRY, COMMIT or JUMP at ``at`` to the next operation."""
        op, _, b, c, follow = self.code[at]
        self.code[at] = (op, len(self.code), b, c, follow)


_FOLLOWED = (UNTIL, SPAN, INTEGER, SECONDS, CODE, DSN, TIME, LOCALE, PATH, QUOTED)


def _emit(program: Program, items: Sequence[Item], fold: bool, inside: int = -1) -> None:
    """Translate a part; ``inside``: the list whose item it ends."""
    for at, item in enumerate(items):
        last = inside if at + 1 == len(items) else -1
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
            attempt = program.attempt(first(item.inner[0], fold))
            _emit(program, item.inner[0], fold, last if item.what == "option" else -1)
            done = program.emit(COMMIT, 0, int(item.what != "option"))
            program.patch(attempt)
            if item.what == "must":
                program.emit(FAIL)
            program.patch(done)
        elif item.what == "either":
            chosen = []
            for part in item.inner:
                attempt = program.attempt(first([*part, *items[at + 1 :]], fold))
                _emit(program, part, fold, last)
                chosen.append(program.emit(COMMIT))
                program.patch(attempt)
            program.emit(FAIL)
            for done in chosen:
                program.patch(done)
        elif item.what == "list":
            after = (stop for stop in stops(items[at + 1 :]) if stop != item.text)
            _emit_list(program, item, next(after, ""), fold)
        else:
            _emit_field(program, item, items[at + 1 :], fold, inside)


def _emit_list(program: Program, item: Item, follower: str, fold: bool) -> None:
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


def _emit_field(program: Program, item: Item, rest: Sequence[Item], fold: bool, inside: int) -> None:
    name, spec = item.text, item.spec
    if spec[:1] == ">":
        literal = program.literal(spec[2:]) if spec[1:2] == "~" else -1
        program.emit(TAIL, program.column(name, TEXT), literal, int(spec[1:2] == "."))
    elif spec == "<":
        program.emit(CLOSE, program.column(name, TEXT))
    elif spec[:1] in (".", "~") and spec:
        program.emit(REST, program.column(name, TEXT), program.literal(plain(spec[1:])) if spec[0] == "~" else -1)
    elif spec[:1] == "=":
        words = [plain(word) for word in re.split(BAR, spec[1:])]
        column = program.column(name, CATEGORY)
        found = []
        for word in sorted(words, key=len, reverse=True):  # so that none hides another that begins like it
            attempt = program.attempt(first([Item("literal", word)], fold))
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
            comma = program.literal(BETWEEN[kind]) if kind in BETWEEN else -1
            program.emit(_TEXTS[kind], program.column(name, TEXT), comma, int(kind in ("inside", "paths")))
        elif kind == "dsn":
            program.emit(DSN, program.column(name, CATEGORY))
        else:
            _, least, bounds = CLASSES[kind]
            program.emit(SPAN, program.column(name, CATEGORY), list(CLASSES).index(kind), least * 8 + bounds)
    elif inside >= 0 and not rest:
        program.emit(UNTIL_KEY, program.column(name, TEXT), inside)
    else:
        behind = stops(rest)
        wanted = [program.literal(stop, fold) for stop in behind if stop]
        ends = int("" in behind)
        program.emit(UNTIL, program.column(name, TEXT), wanted[0] if wanted else -1, len(wanted) * 4 + ends * 2 + fold)


def translate(variant: Variant) -> Program:
    """Translate a variant's heads and shapes into one program (ordered choice all the way)."""
    program = Program()
    known: dict[int, int] = {}
    for head, shapes in variant.groups:
        items = parse(head)
        _check_room(items, shapes)
        next_group = program.attempt(first(items, fold=False))
        _emit(program, items, fold=False)
        if id(shapes) in known:  # behind another head
            program.emit(JUMP, known[id(shapes)])
        else:
            known[id(shapes)] = len(program.code)
            _emit_shapes(program, shapes)
        program.patch(next_group)
    program.emit(FAIL)
    return program


def _room(items: Sequence[Item], listed: bool = False) -> tuple[int, int]:
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


@functools.cache  # the same shapes stand behind several heads, and in several variants
def _room_of(pattern: str) -> tuple[int, int]:
    return _room(parse(pattern))


@functools.cache
def _first_of(pattern: str, fold: bool) -> frozenset[int]:
    return first(parse(pattern), fold)


def _check_room(head: Sequence[Item], shapes: Sequence[Shape]) -> None:
    """Refuse what the interpreter, which checks nothing when it runs, has no room for."""
    deep, writes = _room(head)
    for shape in shapes:
        more = _room_of(shape.pattern)
        if max(deep + 1, more[0] + 2) > ROOM or writes + more[1] > ROOM:
            raise ValueError(f"too many options in one another, or too many fields: {shape.pattern[:80]!r}")


def _emit_shapes(program: Program, shapes: Sequence[Shape]) -> None:
    """An ordered choice: the next octet says which shapes are tried at all."""
    parsed = [parse(shape.pattern) for shape in shapes]
    firsts = [_first_of(shape.pattern, shape.fold) for shape in shapes]
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
