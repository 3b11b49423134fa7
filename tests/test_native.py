"""Machine code in a file: made once, found again, made anew when anything it depends on changes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from spamlab import native

pytestmark = pytest.mark.skipif(not native.able(), reason="Numba is not installed")

FACTOR = 3


def scale(numbers, factor):
    """Multiply in place."""
    return factor * FACTOR if twice(len(numbers)) else -1


def twice(n):
    """Tell whether a number is even."""
    return n % 2 == 0


def weigh(pair, flag):
    """Sum a tuple of arrays."""
    one, two = pair
    total = 0
    for i in range(len(one)):
        for j in range(two.shape[0]):
            two[j, i] += one[i]
            total += two[j, i]
    return total if flag else -total


def allocate(n):
    """Do what a kernel may not: allocate."""
    return np.zeros(n, dtype=np.int64).sum()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own for the code."""
    monkeypatch.setattr(native, "_folders", lambda: [tmp_path])
    return tmp_path


def made(*functions, declared="i8* i8"):
    """The code of some functions."""
    return native.Code(functions, declared)


def test_code_runs_as_the_function_does_and_is_found_again(folder, monkeypatch):
    code = made(twice, scale)
    assert code.kept() is None
    assert [code.load()(np.zeros(n, dtype=np.int64), 7) for n in (2, 3)] == [21, -1]
    assert [path.suffix for path in folder.iterdir()] == [".o"]
    monkeypatch.setattr(native.Code, "_build", lambda self: pytest.fail("compiled again"))
    assert made(twice, scale).load()(np.zeros(4, dtype=np.int64), 1) == 3


def test_tuples_and_several_dimensions(folder):
    run = made(weigh, declared="(i8* i8**) b1").load()
    one, two = np.arange(3), np.ones((2, 3), dtype=np.int64)
    assert run((one, two), True) == 12 and run((one, two), False) == -18
    assert two.tolist() == [[1, 3, 5], [1, 3, 5]]


def test_the_name_says_what_the_code_depends_on(folder, monkeypatch):
    names = {made(twice, scale)._name, made(scale, twice)._name, made(twice, scale, declared="i4* i8")._name}
    monkeypatch.setitem(scale.__globals__, "FACTOR", 4)
    names.add(made(twice, scale)._name)
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "another")
    names.add(made(twice, scale)._name)
    assert len(names) == 5


@pytest.mark.parametrize("octets", [b"", b"no machine code", b"\x7fELF" + bytes(100)])
def test_damaged_code_is_made_anew(folder, octets):
    code = made(twice, scale)
    code.load()
    code.kept().write_bytes(octets)
    assert made(twice, scale).load()(np.zeros(2, dtype=np.int64), 1) == 3
    assert len(code.kept().read_bytes()) > 500


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(4, dtype=np.int32), 1),
        (np.zeros((2, 2), dtype=np.int64), 1),
        (np.zeros(8, dtype=np.int64)[::2], 1),
    ],
)
def test_other_arrays_than_declared_are_refused(folder, arguments):
    with pytest.raises(TypeError, match="is wanted"):
        made(twice, scale).load()(*arguments)


def test_a_kernel_that_allocates_is_refused(folder):
    with pytest.raises(Exception, match="zeros"):
        made(allocate, declared="i8").load()


def test_where_no_folder_can_be_written_code_is_made_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(native, "_folders", lambda: [tmp_path / "file", tmp_path / "file" / "below"])
    assert made(twice, scale).load()(np.zeros(2, dtype=np.int64), 1) == 3


def test_the_second_folder_serves_where_the_first_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(native, "_folders", lambda: [tmp_path / "file", tmp_path / "other"])
    code = made(twice, scale)
    code.load()
    assert code.kept().parent == tmp_path / "other"


def test_two_processes_at_once(tmp_path):
    script = (
        "import sys; from pathlib import Path; from spamlab import stamp_lexer, native\n"
        "native._folders = lambda: [Path(sys.argv[1])]\n"
        "print(native.Code([stamp_lexer.days], 'i8 i8 i8').load()(1970, 1, 2))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["1", "1"]
    assert len(os.listdir(tmp_path)) == 1


def test_numba_is_not_imported_where_the_code_is_kept():
    script = (
        "import io, sys, spamlab\n"
        "line = b'Jul  7 13:42:53 mx postfix/qmgr[3]: 4F5C64474F: removed\\n'\n"
        "spamlab.read(io.BytesIO(line * 10000))\n"
        "print('llvmlite' in sys.modules, 'numba' in sys.modules)\n"
    )
    from spamlab.read import prepare

    prepare()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
