"""Kernels run plain or compiled: the same tables come out, and the compiled ones can be made ahead."""

import io
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

import spamlab
from spamlab import dialogue, engine, scan, simulate
from spamlab.formats import exchange55

reading = sys.modules["spamlab.read"]  # spamlab.read is the function
compiled = pytest.mark.skipif(engine.compiler() is None, reason="Numba is not installed")


@compiled
@pytest.mark.parametrize("seed", range(3))
def test_a_log_reads_the_same_plain_and_compiled(seed):
    octets, _ = simulate.exchange55(simulate.Scenario(seed=seed, sessions=40))
    plain = spamlab.read(io.BytesIO(octets)).tables()
    with engine.compiled():
        compiled = spamlab.read(io.BytesIO(octets)).tables()
    for name, table in plain.items():
        pd.testing.assert_frame_equal(table, compiled[name])


@compiled
def test_a_large_log_is_begun_while_the_compiler_works(monkeypatch):
    started, finished = threading.Event(), threading.Event()
    monkeypatch.setattr(engine, "LOADING", 0.01)
    ran = []
    monkeypatch.setattr(engine, "_thread", None)
    monkeypatch.setattr(reading, "prepare", lambda: (started.set(), finished.wait(60)))
    kernel = scan._scan
    plain, compiled = kernel.plain, kernel.compiled
    line = b"Jul  7 13:42:53 mx postfix/qmgr[3]: 4F5C64474F: removed\n"

    def slow(*arguments):
        ran.append(len(arguments[0]))
        if len(ran) > 4:
            finished.set()
        return plain(*arguments)

    def fast(*arguments):
        ran.append(-len(arguments[0]))
        return compiled(*arguments)

    monkeypatch.setattr(kernel, "plain", slow)
    monkeypatch.setattr(kernel, "compiled", fast)
    log = spamlab.read(io.BytesIO(line * 60000), format="postfix")
    assert started.is_set() and len(log.events) == 60000
    assert any(n > 0 for n in ran) and any(n < 0 for n in ran)  # begun as it stands, ended compiled


def test_waiting_for_the_compiler_is_said(monkeypatch, caplog):
    monkeypatch.setattr(engine, "PATIENCE", 0.01)
    thread = threading.Thread(target=time.sleep, args=(0.3,))
    thread.start()
    monkeypatch.setattr(engine, "_thread", thread)
    kernel = engine.Kernel(lambda x: x)
    monkeypatch.setattr(engine, "compiler", lambda: None)
    assert kernel.pick(1 << 40)(3) == 3
    assert "compiling" in caplog.text


@compiled
def test_without_a_folder_for_the_cache_kernels_compile_all_the_same(tmp_path):
    script = (
        "from numba.core import caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from spamlab import engine, interpreter\n"
        "print(engine.Kernel(interpreter.blank_line).compiled(b'  ', 0, 2))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "True"


@compiled
def test_preparing_compiles_what_a_large_log_needs():
    reading.prepare()
    octets, _ = simulate.exchange55(simulate.Scenario(seed=1, sessions=300))
    before = _compiled()
    assert len(octets) > engine.PLAIN_LIMIT
    spamlab.read(io.BytesIO(octets))
    assert _compiled() == before


def _compiled():
    """How many signatures each kernel is compiled for."""
    kernels = (scan._scan, scan._copy, dialogue._walk, exchange55._orient)
    return [len(kernel.compiled.signatures) for kernel in kernels]


def test_without_numba_a_log_is_read_all_the_same():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import spamlab, io\n"
        "log = open('data/exchange55-appendix-a.log', 'rb').read()\n"
        "print(len(spamlab.read(io.BytesIO(log * 250)).events))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(72 * 250)
