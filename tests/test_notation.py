"""The notation: its newer elements, dispatch by the first octet, and programs that have no room in the interpreter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spamlab import engine, interpreter, native, notation, stamp_lexer, translation
from spamlab.formats import formats, load
from spamlab.notation import AGAIN, BROKEN, IGNORED, Shape, Variant
from spamlab.scan import Scanner
from spamlab.translation import MOST_ITEMS, MOST_KEYS, ROOM, translate

compiled = pytest.mark.skipif(not native.able(), reason="Numba is not installed")


def scanner(*shapes, head="", **options):
    made = tuple(shape if isinstance(shape, Shape) else Shape(shape) for shape in shapes)
    return Scanner(Variant("t", ((head, made),), **options))


def rows(found):
    """What a scan found, as a list of dicts, one an event."""
    made = [{"shape": int(shape)} for shape in found.shape]
    for name, field in found.columns.items():
        values = field.values.tolist() if isinstance(field.values, np.ndarray) else field.values.to_pylist()
        for row, value in zip(field.rows.tolist(), values, strict=True):
            made[row][name] = value
    return made


def fields(pattern, line, **options):
    """What a shape reads from one line: the fields it wrote, or None where it does not fit."""
    found = rows(scanner(Shape(pattern, **options)).run(line.encode()))
    if not found:
        return None
    del found[0]["shape"]
    return found[0]


LIST = "c={c}, {*, |a={a}|b={b}|n={n:int}|flag}{? end}"


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        # {x>}, {x>...}, {x<}, {x>~)}, {x~)}
        ("{all>}a={a}; {b}", "a=1; 2", {"all": "a=1; 2", "a": "1", "b": "2"}),
        ("{all>...}a={a}; {b}", "a=1; 2", {"all": "a=1; 2", "a": "1", "b": "2"}),
        ("{part>}{?{code:code} }{_}{part<}{?; to={to}}", "550 no; not me; to=b", {"part": "550 no; not me", "code": 550, "to": "b"}),
        ("{part>}{_}{part<}{?; to={to}}", "nobody", {"part": "nobody"}),
        ("s={s:tag} ({r>~)}{?{code:code}}", "s=sent (250 ok (really))", {"s": "sent", "r": "250 ok (really)", "code": 250}),
        ("s={s:tag} ({r>~)}", "s=sent (250 ok", {"s": "sent", "r": "250 ok"}),
        ("s={s:tag} ({r~)}", "s=sent (x)", {"s": "sent", "r": "x"}),
        ("s={s:tag} ({r~)}", "s=sent (x )  ", {"s": "sent", "r": "x "}),
        ("s={s:tag} ({r~)}", "s=sent (x  ", {"s": "sent", "r": "x  "}),
        ("s={s:tag} ({r~)}", "s=sent ()", {"s": "sent", "r": ""}),
        ("id=<{x~>}", "id=<a b>", {"x": "a b"}),
        # {&text}, {&?…}, {-]}
        ("{&<}{p:path} {r...}", "<a> b", {"p": "a", "r": "b"}),
        ("{&<}{p:path} {r...}", "a b", None),
        ("{&?{n:int} {_}}{all...}", "17 x", {"n": 17, "all": "17 x"}),
        ("{&?{n:int}!}{all...}", "17 x", {"all": "17 x"}),
        ("{x}{&; }{rest...}", "a;b; c", {"x": "a;b", "rest": "; c"}),
        ("{?[{-]}}{x}", "[abc]", {"x": "abc"}),
        ("{?[{-]}}{x}", "[abc]]", {"x": "abc]"}),
        ("{?[{-]}}{x}", "[abc", {"x": "abc"}),
        ("{?[{-]}}n={n:int}{!}", "[n=1]", {"n": 1}),
        ("{?[{-]}}n={n:int}{!}", "n=1]", None),
        # {^…|…}, {&^…}
        ("{^a={a} |b={b} |}{rest...}", "b=1 x", {"b": "1", "rest": "x"}),
        ("{^a={a} |b={b} |}{rest...}", "x", {"rest": "x"}),
        ("{^a={a} |b={b} }{rest...}", "x", None),
        ("{^a={a:int} |a={b} }{rest...}", "a=x y", {"b": "x", "rest": "y"}),  # what failed leaves nothing behind
        ("{&^{n:int}!}{all...}", "17! x", {"n": 17, "all": "17! x"}),
        ("{&^{n:int}!}{all...}", "17 x", None),
        # {*…}: any order, unknown keys, the first or the last counts, at least one
        (LIST, "c=x, a=1, b=2", {"c": "x", "a": "1", "b": "2"}),
        (LIST, "c=x, b=2, a=1", {"c": "x", "a": "1", "b": "2"}),
        (LIST, "c=x, z=9, a=1, y=8", {"c": "x", "a": "1"}),
        (LIST, "c=x, a=1, a=2", {"c": "x", "a": "1"}),
        (LIST.replace("{*,", "{*>,"), "c=x, a=1, a=2", {"c": "x", "a": "2"}),
        (LIST, "c=x, a=1, 2, b=3", {"c": "x", "a": "1, 2", "b": "3"}),
        (LIST, "c=x, a=1, flag, b=3", {"c": "x", "a": "1", "b": "3"}),
        (LIST, "c=x, n=7, a=1", {"c": "x", "n": 7, "a": "1"}),
        (LIST, "c=x, n=seven, a=1", {"c": "x", "a": "1"}),  # an item that cannot be read is skipped
        (LIST, "c=x, a=1 end", {"c": "x", "a": "1"}),
        ("{* |a={a:given}|b={b:given}}", "z=1 a=0/2 b=5", {"a": 2, "b": 5}),
        ("x{*, |a={a}}", "x", None),
        # stop sets, several followers
        ("{x}{?, a={a}}{?; b={b}}", "1, 2; b=3", {"x": "1, 2", "b": "3"}),
        ("{x}{?, a={a}}{?; b={b}}", "1; 2, a=3; b=4", {"x": "1; 2", "a": "3; b=4"}),  # what ends an option runs on
        ("{x}{?, a={a}}{?; b={b}}", "1", {"x": "1"}),
        # classes
        ("{q:id}: {r...}", "4F5C6: x", {"q": "4F5C6", "r": "x"}),
        ("{q:id}: {r...}", "4F5C: x", None),
        ("{q:id}: {r...}", "warning: x", None),  # lower-case vowels are in no queue id
        ("{q:id}: {r...}", "3Pt2mN2VXxznjll: x", {"q": "3Pt2mN2VXxznjll", "r": "x"}),
        ("{q:letters}: {r...}", "x97A02aa001202: x", {"q": "x97A02aa001202", "r": "x"}),
        ("{q:letters}: {r...}", "statistics: x", None),  # no digit
        ("{v:word} {r...}", "END-OF-MESSAGE x", {"v": "END-OF-MESSAGE", "r": "x"}),
        ("{v:word}", "a" * 24, {"v": "a" * 24}),
        ("{v:word}", "a" * 25, None),
        ("{v:word}", "MAIL<", None),
        ("{h:name} {t:tag}:", "mx.a-b_c:1 postfix/a.b@c:", {"h": "mx.a-b_c:1", "t": "postfix/a.b@c"}),
        # quoted and csv
        ("T={s:quoted} {r...}", r'T="a \" b" c', {"s": r"a \" b", "r": "c"}),
        ("T={s:quoted} {r...}", "T=a c", None),
        ("{a:csv},{b:csv},{c:csv}", 'x,"y, ""z""",', {"a": "x", "b": 'y, ""z""', "c": ""}),
        ("{a:csv},{b:csv}", '"x,y', None),  # a quote that never closes takes all
        ('"{a:inside}" {b}', '"x ""y"" z" 1', {"a": 'x ""y"" z', "b": "1"}),
        # given, seconds, time
        ("{n:given}", "3/5", {"n": 5}),
        ("{n:given}", "3", {"n": 3}),
        ("{n:given}/x", "3/x", {"n": 3}),
        ("{n:seconds}", "0.07", {"n": 70000}),
        ("{n:seconds}", "1+02:03:04", {"n": 93784 * 10**6}),
        ("{n:seconds}", "2h3m4.5s", {"n": 7384500000}),
        ("{n:seconds}/{m:seconds}, x=e+0", "1.2e+05/1e+02, x=e+0", {"n": 120_000_000_000, "m": 100_000_000}),
        ("{n:seconds}{_}", "1e+99", {}),
        ("{n:seconds}", "2.5ms", {"n": 2500}),
        ("{n:seconds}", "x", None),
        ("{t:time} {r...}", "1970-01-01T00:00:01Z x", {"t": 8 * 10**6 + stamp_lexer.ZONED, "r": "x"}),
        # paths
        ('{p:path}, {r...}', '<"a>, b"@c>, d', {"p": '"a>, b"@c', "r": "d"}),
        ('{p:path}, {r...}', '<a@b>, d', {"p": "a@b", "r": "d"}),
        ('{p:path}, {r...}', 'a@b, d', {"p": "a@b", "r": "d"}),
        ('{p:path}, {r...}', '<>, d', {"p": "", "r": "d"}),
        ('{p:path}, {r...}', '<"a@b>, d', {"p": '"a@b', "r": "d"}),  # a quote that never closes hides nothing
        ('{p:path}, {r...}', r'<"a\">, x"@b>, d', {"p": r'"a\">, x"@b', "r": "d"}),
    ],
)  # fmt: skip
def test_each_newer_element_of_the_notation(pattern, line, expected):
    assert fields(pattern, line) == expected


@pytest.mark.parametrize(
    "text", ["9" * 18 + "w", "1d" * 3000 + "9" * 17 + "w", "9" * 18 + "+23:59:59", "9" * 18 + ":59:59", "9" * 300]
)
def test_a_span_of_time_no_message_waits_for_is_missing(text):
    assert fields("n={n:seconds}{?!}", f"n={text}") == {}


@compiled
@settings(max_examples=300, deadline=None)
@given(st.text("0123456789.:+wdhms ", max_size=40))
def test_spans_of_time_are_the_same_plain_and_compiled(text):
    one = scanner("n{n:seconds}{_}")
    with engine.only("plain"):
        plain = rows(one.run(b"n" + text.encode()))
    with engine.only("compiled"):
        assert rows(one.run(b"n" + text.encode())) == plain


# -- what the interpreter has no room for ------------------------------------------------------------------


def nested(depth):
    return "{?a" * depth + "{x}" + "}" * depth


@pytest.mark.parametrize(
    "pattern",
    [
        "{n:int}," * (ROOM + 1) + "{!}",
        "".join(f"{{*, |a={{a{i}}}|b={{b{i}}}}}; " for i in range(ROOM // MOST_ITEMS + 1)) + "{!}",
        "{*, |a={?{*; |b={b}}}}",  # a list in a list
        "{*, |" + "|".join(f"k{i}={{k{i}}}" for i in range(MOST_KEYS + 1)) + "}",
    ],
    ids=["fields", "lists", "nested", "keys"],
)
def test_what_would_overflow_is_refused_when_translated(pattern):
    with pytest.raises(ValueError, match=r"too many|inside a list|at most"):
        translate(Variant("t", (("", (Shape(pattern),)),)))


def test_options_too_deep_in_one_another_are_refused(monkeypatch):
    monkeypatch.setattr(translation, "ROOM", 50)
    translate(Variant("t", (("", (Shape(nested(48)),)),)))
    with pytest.raises(ValueError, match="too many"):
        translate(Variant("t", (("", (Shape(nested(49)),)),)))


def test_a_head_counts_too():
    head = "{h:int}," * (ROOM - 10)
    translate(Variant("t", ((head, (Shape("{a:int},{!}"),)),)))
    with pytest.raises(ValueError, match="too many"):
        translate(Variant("t", ((head, (Shape("{a:int}," * 11 + "{!}"),)),)))


def reach(scanner, line):
    """How deep the stack and the undo log are after a line, at most (-1 stays where nothing was written)."""
    stack, undo = np.full(ROOM, -1, dtype=np.int64), np.full(ROOM, -1, dtype=np.int64)
    work = (
        stack,
        np.zeros(ROOM, np.int64),
        np.zeros(ROOM, np.int64),
        undo,
        np.zeros(ROOM, np.int64),
        np.zeros(3, np.int64),
    )
    rows, values = np.zeros((2, len(scanner.program.columns) + 1, 2), dtype=np.int64)
    count = np.zeros(len(rows), dtype=np.int64)
    interpreter.interpret(line, 0, len(line), scanner._plain, rows, values, count, 0, work)
    return int((stack >= 0).sum()), int((undo >= 0).sum())


@pytest.mark.parametrize("depth", [1, 60, 400])
def test_nested_options_use_as_much_room_as_is_counted(depth):
    one = scanner(nested(depth), "a{!}")  # of several shapes, all but the last are tried
    assert reach(one, b"a" * depth + b"x")[0] == depth + 2 == translation._room(notation.parse(nested(depth)))[0] + 2
    assert fields(nested(depth), "a" * depth + "x") == {"x": "x"}
    assert fields("{_}b" + nested(depth), "b" + "a" * (depth - 1) + "x") in ({}, None)


def test_of_a_list_so_many_items_are_read():
    text = ", ".join(f"a={i}" for i in range(10_000))
    pattern = "{*>, |a={a}|b={b}}{?, rest}"
    one = scanner(pattern)
    assert reach(one, text.encode())[1] <= MOST_ITEMS
    assert rows(one.run(text.encode()))[0]["a"].startswith(str(MOST_ITEMS - 1))
    first = ", ".join([*(f"z{i}=1" for i in range(30)), "a=1"])
    assert fields("{*, |a={a}|b={b}}", first) == {"a": "1"}


@compiled
@pytest.mark.parametrize(
    "line",
    [
        "sasl_username=a, " * 10_000,
        "x=1, " * 10_000,
        "rset=0/1 " * 10_000,
        '"' * 10_000,
        "<" * 10_000,
        "(host a said: " * 5_000,
        "; from=<a> to=<b> proto=SMTP helo=<c>" * 2_000,
        "[" * 10_000,
        "\\" * 10_000,
    ],
    ids=lambda line: line[:12].strip(),
)
@pytest.mark.parametrize(
    "start",
    [
        "",
        "Jul  7 13:42:53 mx postfix/smtpd[1]: ",
        "Jul  7 13:42:53 mx postfix/smtpd[1]: 4F5C64474F: client=a[192.0.2.1], ",
        "Jul  7 13:42:53 mx postfix/smtpd[1]: disconnect from a[192.0.2.1] ",
        "Jul  7 13:42:53 mx postfix/smtp[1]: 4F5C64474F: to=<a@b>, relay=x, delay=1, status=sent (",
        "Jul  7 13:42:53 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <a>: ",
    ],
    ids=["", "smtpd", "client", "disconnect", "deliver", "reject"],
)
def test_hostile_lines_fit_and_read_the_same_compiled(start, line):
    (variant,) = load("postfix").variants
    one = Scanner(variant)
    octets = (start + line).encode()
    stack, undo = reach(one, octets)
    assert stack < ROOM and undo < ROOM
    with engine.only("plain"):
        plain = rows(one.run(octets))
    with engine.only("compiled"):
        assert rows(one.run(octets)) == plain


@pytest.mark.parametrize("name", formats())
def test_every_format_has_room(name):
    for variant in load(name).variants:
        translate(variant)
        for head, shapes in variant.groups:
            deep, writes = translation._room(notation.parse(head))
            for shape in shapes:
                more = translation._room(notation.parse(shape.pattern))
                assert max(deep + 1, more[0] + 2) < ROOM and writes + more[1] < ROOM


# -- dispatch by the first octet is nothing but speed ------------------------------------------------------

PATTERNS = [
    "a={a}", "ab{x}", "{?a}b{x...}", "{n:int}{r}", "{w:word} {r...}", "{q:id}: {r...}", "{c=red|green|blue}{!}", "{!}",
    "{?{n:int} }red", "{&a}{x...}", "{t>}{?<}b{x}", "{*, |a={a}|b={b}}", "{p:path} {r...}", "é{x}", "{s:quoted}",
    "{x} end", "{?{?a}b}c{!}", "{&?a}{x}b", "{?[{-]}}a{x}", "{d:dsn} {r...}", "{c:code}", "{s:seconds} {r}",
]  # fmt: skip
PIECES = [
    "a",
    "b",
    "c",
    "=",
    "red",
    "green",
    "blue",
    "1",
    "250",
    "5.1.1",
    " ",
    ", ",
    "<",
    ">",
    '"',
    "[",
    "]",
    "end",
    "é",
    "A",
    ": ",
    "4F5C6",
]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=8),
    st.lists(st.sampled_from(PIECES), max_size=8),
    st.booleans(),
)
def test_dispatch_is_the_same_as_all_shapes_in_order(patterns, parts, fold):
    line = "".join(parts)
    shapes = []
    for i, pattern in enumerate(patterns):  # each shape's columns are its own, so that types do not clash
        tokens = notation._TOKEN.finditer(pattern)
        renamed = "".join(
            t[0].replace("{" + t["field"], "{" + t["field"] + str(i)) if t["field"] else t[0] for t in tokens
        )
        shapes.append(Shape(renamed, fold=fold))
    together = rows(scanner(*shapes).run(line.encode()))
    alone = (rows(scanner(shape).run(line.encode())) for shape in shapes)
    expected = next(([{**found[0], "shape": i}] for i, found in enumerate(alone) if found), [])
    assert together == expected


# -- lines that are no events, and lines that say that another came again ----------------------------------

MIXED = scanner(
    Shape("a {x}"), Shape("again {n:int}", AGAIN), Shape("other", IGNORED), Shape("bad", BROKEN), head="{?{t:int} }"
)  # fmt: skip


def test_a_repeated_line_is_the_one_before_it_with_its_own_fields():
    found = MIXED.run(b"1 a x\n2 again 3\n3 again 4\n")
    assert rows(found) == [
        {"shape": 0, "t": 1, "x": "x"},
        {"shape": 0, "t": 2, "x": "x", "n": 3},
        {"shape": 0, "t": 3, "x": "x", "n": 4},
    ]
    assert found.line.tolist() == [0, 1, 2]


@pytest.mark.parametrize("before", ["", "other\n", "\n", "a x\nother\n", "a x\n\n"])
def test_a_repeated_line_of_another_program_is_ignored(before):
    found = MIXED.run(f"{before}again 3\na y\n".encode())
    assert found.what.tolist()[-2] == interpreter.IGNORED
    assert "n" not in found.columns
    assert rows(found)[-1] == {"shape": 0, "x": "y"}


def test_what_is_no_event_leaves_nothing_behind():
    found = MIXED.run(b"7 other\nbad\na x\nnonsense\n")
    assert rows(found) == [{"shape": 0, "x": "x"}]
    assert found.what.tolist() == [interpreter.IGNORED, interpreter.UNPARSED, interpreter.EVENT, interpreter.UNPARSED]
