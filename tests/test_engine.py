"""Kernels run plain or compiled: the same tables come out, and the compiled ones can be made ahead."""

import io
import subprocess
import sys

import pandas as pd
import pytest

import spamlab
from spamlab import dialogue, engine, scan, simulate
from spamlab.formats import exchange55
from spamlab.read import prepare

compiled = pytest.mark.skipif(engine.compiler() is None, reason="Numba is not installed")


@compiled
@pytest.mark.parametrize("seed", range(3))
def test_a_log_reads_the_same_plain_and_compiled(seed, monkeypatch):
    octets, _ = simulate.exchange55(simulate.Scenario(seed=seed, sessions=40))
    tables = {}
    for limit in (1 << 40, 0):
        monkeypatch.setattr(engine, "PLAIN_LIMIT", limit)
        tables[limit] = spamlab.read(io.BytesIO(octets)).tables()
    for name, table in tables[0].items():
        pd.testing.assert_frame_equal(table, tables[1 << 40][name])


@compiled
def test_preparing_compiles_what_a_large_log_needs():
    prepare()
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
