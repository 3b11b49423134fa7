r"""The notation for log lines, and its translation into a table of operations.

A line's shape is written as literals and named, typed fields:

    "{time:locale} : <<< {code:code} {text...}"

====================  =====================================================================
``{x}``               text up to what follows (a literal, or the end of the line)
``{x:int}``           a number; also ``code`` (three digits), ``dsn`` (d.d.d), ``word``,
                      ``path`` (a mail path, quotes respected), ``locale`` (a Windows stamp)
``{x=a|b}``           one of several words; the column holds which
``{x...}``            the rest of the line, at least one octet
``{x>}``              marks: from here to the end of the event, continuation lines too; consumes nothing
``{?…}``              an optional part, tried once
``{!}``               the line must end here (trailing blanks allowed)
``{_}``               text that is skipped
``\{ \} \|``          the characters themselves
====================  =====================================================================

Shapes are tried in order. They become one program for the interpreter in ``scan``: ordered choice and
options are the same two operations, TRY and COMMIT. Nothing recurses when it runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

# Operations. ``a``–``c`` are their operands.
FAIL, TRY, COMMIT, ACCEPT = 0, 1, 2, 3  # TRY a=where to go on failure; COMMIT a=where to go; ACCEPT a=shape
LITERAL, UNTIL, TAIL, REST, END = 4, 6, 7, 8, 9  # LITERAL a=literal, b=fold; UNTIL a=column, b=literal or -1, c=fold
INTEGER, CODE, DSN, WORD, PATH, LOCALE, CHOICE = (
    10,
    11,
    12,
    13,
    14,
    15,
    16,
)  # a=column; CHOICE a=literal, b=column, c=value

FIELDS = {"int": INTEGER, "code": CODE, "dsn": DSN, "word": WORD, "path": PATH, "locale": LOCALE}
NUMBERS = {"int", "code", "locale"}
CATEGORIES = {"dsn", "word"}


@dataclass(frozen=True)
class Shape:
    """One line shape: its pattern and what a line of that shape is.

    ``weak`` shapes (a stamp and any text) read a line but are no evidence that a file has this format.
    """

    pattern: str
    kind: str = "note"
    fold: bool = False
    weak: bool = False


@dataclass(frozen=True)
class Variant:
    """One dialect of a format: groups of a head and the shapes that may follow it.

    ``continues``: a line no head fits continues the event before it. ``block``: the column whose
    presence opens a raw block and the line that closes it; lines in between belong to the event
    whatever they look like.
    """

    name: str
    groups: tuple[tuple[str, tuple[Shape, ...]], ...]
    continues: bool = False
    block: tuple[str, bytes] | None = None


@dataclass
class Program:
    """A variant, translated: what ``scan`` runs."""

    code: list[tuple[int, int, int, int]] = field(default_factory=list)
    literals: list[bytes] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    shapes: list[Shape] = field(default_factory=list)

    def column(self, name: str, kind: str) -> int:
        """The number of a column; ``_`` is none, a name has one type throughout."""
        if name == "_":
            return -1
        if self.columns.setdefault(name, kind) != kind:
            raise ValueError(f"{name} is {self.columns[name]} elsewhere, {kind} here")
        return list(self.columns).index(name)

    def literal(self, text: bytes) -> int:
        """Keep a literal; its number."""
        self.literals.append(text)
        return len(self.literals) - 1

    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0) -> int:
        """Add an operation; its number."""
        self.code.append((op, a, b, c))
        return len(self.code) - 1

    def patch(self, at: int) -> None:
        """Point the TRY or COMMIT at ``at`` to the next operation."""
        op, _, b, c = self.code[at]
        self.code[at] = (op, len(self.code), b, c)


_TOKEN = re.compile(r"\\[{}|\\]|\{\?|\{!\}|\{(?P<field>\w+)(?P<spec>[:=>.](?:[^{}\\]|\\.)*)?\}|\}|[^{}\\]+")


@dataclass
class _Item:
    what: str  # "literal", "field", "end", "option"
    text: str = ""
    spec: str = ""
    inner: list[_Item] = field(default_factory=list)


def _parse(pattern: str) -> list[_Item]:
    stack: list[list[_Item]] = [[]]
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"cannot read {pattern[at:]!r} in {pattern!r}")
        text, at = token[0], token.end()
        if text == "{?":
            option = _Item("option")
            stack[-1].append(option)
            stack.append(option.inner)
        elif text == "}":
            stack.pop()
        elif text == "{!}":
            stack[-1].append(_Item("end"))
        elif token["field"]:
            stack[-1].append(_Item("field", token["field"], token["spec"] or ""))
        else:
            text = text[1:] if text[0] == "\\" else text
            if stack[-1] and stack[-1][-1].what == "literal":
                stack[-1][-1].text += text
            else:
                stack[-1].append(_Item("literal", text))
    if len(stack) != 1:
        raise ValueError(f"braces do not match in {pattern!r}")
    return stack[0]


def _follower(items: Sequence[_Item], at: int) -> str:
    """The literal that ends a text field at ``items[at]``; empty: it runs to the line's end."""
    following = items[at + 1] if at + 1 < len(items) else None
    if following is None or following.what == "end":
        return ""
    if following.what != "literal":
        raise ValueError(f"a text field must be followed by a literal or the end: {items[at].text}")
    return following.text


def _emit(program: Program, items: Sequence[_Item], fold: bool) -> None:
    for at, item in enumerate(items):
        if item.what == "literal":
            text = item.text.encode()
            program.emit(LITERAL, program.literal(text.lower() if fold else text), int(fold))
        elif item.what == "end":
            program.emit(END)
        elif item.what == "option":
            attempt = program.emit(TRY)
            _emit(program, item.inner, fold)
            done = program.emit(COMMIT)
            program.patch(attempt)
            program.patch(done)
        elif item.spec == ">":
            program.emit(TAIL, program.column(item.text, "text"))
        elif item.spec == "...":
            program.emit(REST, program.column(item.text, "text"))
        elif item.spec.startswith("="):
            words = [re.sub(r"\\(.)", r"\1", word) for word in re.split(r"(?<!\\)\|", item.spec[1:])]
            known = program.choices.setdefault(item.text, [])
            column = program.column(item.text, "choice")
            # The longest word first, so that none hides another that begins like it.
            found = []
            for word in sorted(words, key=len, reverse=True):
                if word not in known:
                    known.append(word)
                attempt = program.emit(TRY)
                program.emit(CHOICE, program.literal(word.encode()), column, known.index(word))
                found.append(program.emit(COMMIT))
                program.patch(attempt)
            program.emit(FAIL)
            for commit in found:
                program.patch(commit)
        elif item.spec:
            kind = item.spec[1:]
            program.emit(FIELDS[kind], program.column(item.text, kind))
        else:
            follower = _follower(items, at)
            text = follower.lower().encode() if fold else follower.encode()
            which = program.literal(text) if text else -1
            program.emit(UNTIL, program.column(item.text, "text"), which, int(fold))


def translate(variant: Variant) -> Program:
    """Translate a variant's heads and shapes into one program (ordered choice all the way)."""
    program = Program()
    for head, shapes in variant.groups:
        next_group = program.emit(TRY)
        _emit(program, _parse(head), fold=False)
        for shape in shapes:
            next_shape = program.emit(TRY)
            _emit(program, _parse(shape.pattern), shape.fold)
            program.shapes.append(shape)
            program.emit(ACCEPT, len(program.shapes) - 1)
            program.patch(next_shape)
        program.emit(FAIL)
        program.patch(next_group)
    program.emit(FAIL)
    return program


def arrays(program: Program) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The program as flat arrays: operations ``(n, 4)``, literal octets, and where each literal begins."""
    starts = np.cumsum([0, *map(len, program.literals)]).astype(np.int64)
    octets = np.frombuffer(b"".join(program.literals) or b"\0", dtype=np.uint8)
    return np.array(program.code, dtype=np.int64), octets, starts
