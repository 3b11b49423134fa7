"""Kernels run plain or compiled: the same tables come out, and the compiled ones can be made ahead."""

import io
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

import spamlab
from benchmarks.writers.exchange55 import exchange55
from benchmarks.writers.scenario import Scenario
from spamlab import engine, native, scan

reading = sys.modules["spamlab.read"]  # spamlab.read is the function
compiled = pytest.mark.skipif(not native.able(), reason="Numba is not installed")


@compiled
@pytest.mark.parametrize("seed", range(3))
def test_a_log_reads_the_same_plain_and_compiled(seed):
    octets, _ = exchange55(Scenario(seed=seed, sessions=40))
    with engine.only("plain"):
        plain = spamlab.read(io.BytesIO(octets)).tables()
    with engine.only("compiled"):
        compiled = spamlab.read(io.BytesIO(octets)).tables()
    for name, table in plain.items():
        pd.testing.assert_frame_equal(table, compiled[name])


@compiled
def test_a_large_log_is_begun_while_the_compiler_works(monkeypatch):
    started, finished = threading.Event(), threading.Event()
    ran = []
    monkeypatch.setattr(engine, "_thread", None)
    monkeypatch.setattr(engine, "prepare", lambda: (started.set(), finished.wait(60)))
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

    class Cold(engine.Kernel):
        """Not compiled when the log is met."""

        def __init__(self):
            self.plain = slow

        ready = property(lambda self: finished.is_set())
        compiled = property(lambda self: fast)

    monkeypatch.setattr(scan, "_scan", cold := Cold())
    monkeypatch.setattr(engine, "KERNELS", [cold])
    log = spamlab.read(io.BytesIO(line * 60000), format="postfix")
    assert started.is_set() and len(log.events) == 60000
    assert any(n > 0 for n in ran) and any(n < 0 for n in ran)  # begun as it stands, ended compiled


def test_waiting_for_the_compiler_is_said(monkeypatch, caplog):
    monkeypatch.setattr(engine, "PATIENCE", 0.01)
    thread = threading.Thread(target=time.sleep, args=(0.3,))
    thread.start()
    monkeypatch.setattr(engine, "_thread", thread)
    monkeypatch.setattr(engine, "KERNELS", [])
    monkeypatch.setattr(native, "able", lambda: False)
    assert engine.Kernel(lambda x: x, "i8").pick(1 << 40)(3) == 3
    assert "compiling" in caplog.text


@compiled
def test_preparing_compiles_what_a_large_log_needs(monkeypatch):
    reading.prepare()
    octets, _ = exchange55(Scenario(seed=1, sessions=300))
    assert len(octets) > engine.COLD_LIMIT
    assert all(kernel.ready for kernel in engine.KERNELS)
    monkeypatch.setattr(native.Code, "_build", lambda self: pytest.fail("compiled again"))
    spamlab.read(io.BytesIO(octets))


def test_without_numba_a_log_is_read_all_the_same():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import spamlab, io\n"
        "log = open('data/exchange55-appendix-a.log', 'rb').read()\n"
        "print(len(spamlab.read(io.BytesIO(log * 250)).events))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(72 * 250)
