r"""Exchange 4.0–5.5 Internet Mail Service protocol log (``L0000001.LOG`` in ``IMCDATA\LOG``).

    11/11/03 2:00:01 PM : A connection to 192.0.2.19 was established.
    11/11/03 2:00:01 PM : <<< IO: |220 mx.example.net ESMTP
    |
    11/11/03 2:00:01 PM : <<< 220 mx.example.net ESMTP
    11/11/03 2:00:01 PM : >>> EHLO server.example.com

``>>>`` is what the logging server wrote, ``<<<`` what it read; ``IO: |…|`` is the raw read buffer, printed
before its parsed copy. Facts: Microsoft KB Q154505, Q146669, Q159290, Q190026, Q228725, Q245787, Q262945,
Q295725, Q251149.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from spamlab import assembly, beside, dialogue, stamps, tables, texts
from spamlab.engine import Kernel
from spamlab.notation import Shape, Variant
from spamlab.records import Assembled, Format, Options, Records
from spamlab.walk import CLIENT, SERVER

_CONNECT = (
    Shape("{text>}A connection to {established} was established{?.}{!}", "connect", fold=True),
    Shape("{text>}A connection was accepted from {accepted}", "connect", fold=True),
    Shape("{text>}A connection was accepted from{!}", "connect", fold=True),  # whose name was taken out
)
_DIALOGUE = (
    Shape("{text>}{code:code}{?-}{? }{?{enhanced_code:dsn}}", "reply"),
    Shape("{text>}{verb:word}{? }{? }{argument>}FROM:{path:path}{?{_} SIZE={size:int}}", "command", fold=True),
    Shape("{text>}{verb:word}{? }{? }{argument>}TO:{path:path}", "command", fold=True),
    Shape("{text>}{verb:word}{? }{? }{argument>}", "command"),
    Shape("{text>}", "note"),
)
_RAW = r"{raw=IO: \||I0: \|}"  # I0 with a zero: the white paper's transcription

_WEAK = tuple(replace(shape, weak=True) for shape in _DIALOGUE)  # any text after a stamp or an arrow
_STAMPED = (
    ("{stamp:locale} : {arrow=<<<|>>>} {?" + _RAW + "}", _DIALOGUE),
    ("{stamp:locale} : " + _RAW, _DIALOGUE),
    ("{stamp:locale} : ", _CONNECT),
    ("{stamp:locale} : ", _WEAK),
)
_BARE = (("{arrow=<<<|>>>} " + _RAW, _DIALOGUE), ("{arrow=<<<|>>>} ", _WEAK), (_RAW, _DIALOGUE), ("", _CONNECT))

VARIANTS = (
    Variant("stamped", _STAMPED, continues=True, block=("raw", b"|")),
    Variant("bare", _BARE, continues=True, block=("raw", b"|")),
)


def orient(first, connect, arrow, raw, own, code, verb, role, direction, echo_of):  # type: ignore[no-untyped-def]
    """Tell each session's role, each event's direction, and which events are second copies.

    ``connect`` is the role a connect line states (-1: none), ``arrow`` 0 for ``<<<``, 1 for ``>>>``, -1 for none,
    ``raw`` whether the line is a raw buffer, ``own`` whether it may be the server's own word. Where no line states
    the role, the first event that shows who speaks commands does. The first parsed line after a raw one, in the same
    direction, is its echo, whatever its text; an event in the other direction ends the wait for it.
    """
    n = len(first)
    i = 0
    while i < n:
        end = i + 1
        while end < n and not first[end]:
            end += 1
        who = connect[i]
        j = i
        while who < 0 and j < end:
            received = arrow[j] == 0 or (arrow[j] < 0 and raw[j])
            if (received and code[j] >= 0) or (arrow[j] == 1 and verb[j] >= 0):
                who = 0
            elif (received and verb[j] >= 0) or (arrow[j] == 1 and code[j] >= 0):
                who = 1
            j += 1
        who = max(who, 0)
        waiting = -1  # the raw event whose parsed copy may follow
        for j in range(i, end):
            role[j] = who
            if connect[j] >= 0:
                continue
            if arrow[j] >= 0:
                way = 1 - arrow[j]
            elif raw[j]:
                way = 1
            else:  # no arrow: replies come from the server, all else from the client
                way = 1 - who if code[j] >= 0 else who
            direction[j] = way
            if raw[j]:
                waiting = j
            elif waiting >= 0:
                # The server's own word is a copy only of a peer's reply with the same code.
                if direction[waiting] == way and not (own[j] and code[waiting] != code[j]):
                    echo_of[j] = waiting
                waiting = -1
        i = end
    return n


_orient = Kernel(orient, "b1* i1* i1* b1* b1* i2* i1* i1* i1* i4*")


_WRAPPED_CONNECT = re.compile(
    r"(?i)^A connection\s+(?:to\s+(\S+)\s+was\s+established|was\s+accepted\s+from\s+(\S+?))\.?$"
)


def assemble(records: Records, options: Options) -> Assembled:
    """Turn the records of Exchange 5.5 logs into the tables."""
    said, assumed = _dialogue(records, options)
    records.keep(())
    return Assembled(assembly.assemble(said, options.tables), assumed)


def _dialogue(records: Records, options: Options) -> tuple[assembly.Dialogue, dict[str, Any]]:
    """Who said what, and what had to be assumed."""
    found = beside.together(
        {
            "when": lambda: stamps.locale(records, options),
            "said": lambda: _said(records),
            **{name: functools.partial(records.text, name) for name in ("path", "argument")},
        }
    )
    (time, assumed), (text, established, accepted) = found["when"], found["said"]
    served = accepted.notna() | (records.kinds() == tables.KINDS.index("connect"))
    connect = np.where(established.notna(), np.int8(CLIENT), np.where(served, np.int8(SERVER), np.int8(-1)))
    ends = np.append(records.source[1:] != records.source[:-1], True)[: len(records)]
    starts = (connect >= 0) | np.append(True, ends[:-1])[: len(records)]
    session = np.cumsum(starts) - 1
    verb = records.category("verb")
    code = np.where(records.kinds() == tables.KINDS.index("reply"), records.number("code"), -1).astype(np.int16)
    number = dialogue.verb_numbers(verb)
    raw = records.has("raw")
    ways = np.array([*(word == ">>>" for word in records.words("arrow")), -1], dtype=np.int8)
    arrow = ways[records.codes("arrow")]
    # The server's own word on a lost connection (Q146669, Q228725): no peer said it.
    rows = texts.having(text, "escheduling delivery for later")
    rows = rows[~raw[rows]]
    own = np.zeros(len(records), dtype=bool)
    own[rows] = (code[rows] == 499) | text.take(rows).str.contains(r"Message\s+subject:").to_numpy(bool)
    role, direction = np.zeros(len(records), dtype=np.int8), np.full(len(records), -1, dtype=np.int8)
    echo_of = np.full(len(records), -1, dtype=np.int32)
    _orient.pick(len(records) * 60)(starts, connect, arrow, raw, own, code, number, role, direction, echo_of)
    gone = own & (echo_of < 0)
    direction[gone] = -1
    last = np.zeros(int(starts.sum()), dtype=bool)
    last[session[ends]] = True
    return assembly.Dialogue(
        columns={"time": time, **records.places()},
        session=session,
        role=role,
        direction=direction,
        connect=connect >= 0,
        gone=gone,
        echo_of=echo_of,
        verb=verb,
        code=code,
        enhanced_code=records.category("enhanced_code"),
        text=texts.Draft(text),
        argument=texts.Draft(found["argument"]),
        several=records.lines > 1,
        path=found["path"],
        size=records.integer("size"),
        peer=established.fillna(accepted).str.strip().str.removesuffix("."),
        last=last,
    ), assumed


def _said(records: Records) -> tuple[pd.Series, pd.Series, pd.Series]:
    """What was said; whom a connection was made to, and whom one was accepted from."""
    text, several = records.text("text"), records.lines > 1
    rows = texts.having(text, "\r")
    text = texts.changed(text, rows[several[rows]], lambda some: some.str.replace("\r\n", "\n").str.replace("\r", "\n"))
    begins = np.flatnonzero(
        text.str.startswith(("A connection", "a connection", "A CONNECTION")).to_numpy(bool) & several
    )
    wrapped = text.take(begins).str.extract(_WRAPPED_CONNECT)

    def peer(name: str, more: pd.Series) -> pd.Series:
        more = more.dropna()
        return texts.amended(records.text(name), (more.index.to_numpy(), more))

    return text, peer("established", wrapped[0]), peer("accepted", wrapped[1])


FORMAT = Format("exchange55", VARIANTS, assemble)
