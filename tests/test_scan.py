"""The notation and its interpreter: each element, options that fail, and plain equal to compiled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spamlab import engine, native
from spamlab.notation import Shape, Variant
from spamlab.scan import Scanner
from spamlab.translation import translate


def fields(pattern, line, **options):
    """What a shape reads from one line: a dict of its fields, or None where it does not fit."""
    scanner = Scanner(Variant("t", (("", (Shape(pattern, **options),)),)))
    found = scanner.run(line if isinstance(line, bytes) else line.encode())
    if not found.events:
        return None
    values = dict.fromkeys(scanner.program.columns)
    for name, field in found.columns.items():
        value = field.values[0]
        values[name] = value if isinstance(field.values, np.ndarray) else value.as_py()
    return values


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        ("to=<{to}>, x={x}", "to=<a@b>, x=y z", {"to": "a@b", "x": "y z"}),
        ("to=<{to}>", "to=<a", None),
        ("{a}", "", None),  # blank lines are no events
        ("n={n:int}{!}", "n=-17  ", {"n": -17}),
        ("n={n:int}{!}", "n=17x", None),
        ("n={n:int}", "n=9223372036854775808", {"n": None}),
        ("{c:code}{?-}{rest...}", "250-ok", {"c": 250, "rest": "ok"}),
        ("{c:code}", "2500", None),
        ("{c:code} {?{d:dsn} }{t...}", "550 5.1.1 no", {"c": 550, "d": "5.1.1", "t": "no"}),
        ("{c:code} {?{d:dsn} }{t...}", "550 5.1.1.1 no", {"c": 550, "d": None, "t": "5.1.1.1 no"}),
        ("{a=in|into} {b}", "into x", {"a": "into", "b": "x"}),  # the longest word first
        ("{a=in|into} {b}", "in x", {"a": "in", "b": "x"}),
        ("x{?[{p:int}]}:{!}", "x[12]:", {"p": 12}),
        ("x{?[{p:int}]}:{!}", "x:", {"p": None}),
        ("x{?[{p:int}}{r...}", "x[y", {"p": None, "r": "[y"}),  # a failed option leaves nothing behind
        ("{v:word} {_}SIZE={n:int}", "MAIL a b SIZE=7", {"v": "MAIL", "n": 7}),
        ("{p:path} {r...}", '<"a> b"@c> tail', {"p": '"a> b"@c', "r": "tail"}),
        (r"a\{{x}\}", "a{1}", {"x": "1"}),
        ("{t>}a{x}", "abc", {"t": "abc", "x": "bc"}),
    ],
)
def test_each_element_of_the_notation(pattern, line, expected):
    assert fields(pattern, line) == expected


def test_case_is_folded_where_the_shape_says_so():
    assert fields("Connected To {x} Now", "CONNECTED TO Y NOW", fold=True) == {"x": "Y"}
    assert fields("Connected To {x} Now", "CONNECTED TO Y NOW") is None


@pytest.mark.parametrize("pattern", ["{a}{b}", "{?x", "x}", "{a:nope}", "{*, |x={a}}{b}"])
def test_a_shape_that_says_nothing_clear_is_refused(pattern):
    with pytest.raises((ValueError, KeyError, IndexError)):
        translate(Variant("t", (("", (Shape(pattern),)),)))


def test_one_name_has_one_type():
    with pytest.raises(ValueError, match="a is number elsewhere, text here"):
        translate(Variant("t", (("", (Shape("{a:int}"), Shape("{a}"))),)))


SHAPES = (
    Shape("{text>}{code:code}{?-}{? }{?{dsn:dsn}}"),
    Shape("{text>}{verb:word} FROM:{path:path}{?{_} SIZE={size:int}}", fold=True),
    Shape("{text>}{how=a|ab|b} to {host} was {!}"),
    Shape("{text>}{verb:word}{? }{rest...}"),
)
VARIANT = Variant(
    "t",
    (("{time:locale} : {?{arrow=<<<|>>>} }{?{raw=IO: \\|}}", SHAPES), ("{raw=IO: \\|}", SHAPES)),
    continues=True,
    block=("raw", b"|"),
)
PARTS = ["11/11/03 2:00:01 PM : ", "2003-11-11 14:00:01 : ", "<<< ", ">>> ", "IO: |", "|", "250", "-", " ", "5.1.1",
         "MAIL", " from:", '<"a>', "@b>", " SIZE=", "17", "ab to x was ", "\n", "\r\n", "\n\n", "é", "\0", "x" * 30]  # fmt: skip


@pytest.mark.skipif(not native.able(), reason="Numba is not installed")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=60))
def test_compiled_and_plain_scanner_agree(parts):
    octets = "".join(parts).encode()
    scanner = Scanner(VARIANT)
    with engine.only("plain"):
        plain = scanner.run(octets)
    with engine.only("compiled"):
        compiled = scanner.run(octets)
    assert plain.events == compiled.events
    assert plain.columns.keys() == compiled.columns.keys()
    for name, field in plain.columns.items():
        one, other = field.values, compiled.columns[name].values
        assert (field.rows == compiled.columns[name].rows).all(), name
        assert (one == other).all() if isinstance(one, np.ndarray) else one.equals(other), name
    for name in ("line", "lines", "shape", "what"):
        assert (getattr(plain, name) == getattr(compiled, name)).all(), name


def test_without_a_compiler_the_plain_function_serves(monkeypatch):
    monkeypatch.setattr(engine.native, "able", lambda: False)
    monkeypatch.setattr(engine, "KERNELS", [])
    kernel = engine.Kernel(lambda x: x + 1, "i8")
    assert kernel.pick(1 << 40)(1) == 2
