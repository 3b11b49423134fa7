"""The benchmarks' arithmetic and tables, on made figures; nothing here is timed."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spamlab
from benchmarks import cluster, compare, growth, logs, measure, memory, peers, readme, start
from benchmarks.__main__ import parsed

MACHINE = {"cpu": "Z80", "cores": 2, "memory": 25 * 10**9, "system": "Linux 6.1", "python": "3.11.7"}


def took(*walls, peak=10**9, **more):
    """What a way took in several rounds."""
    return [{"wall": wall, "cpu": 2 * wall, "peak": peak, **more} for wall in walls]


def compared(same=True):
    ways = {
        "spamlab.read": took(2, 2.5, 3),
        "spamlab events": took(1, 1, 1),
        "spamlab scan": took(0.5, 0.5, 0.5),
        "pflogsumm": took(20, 30, 36),
        "lnav": [{"error": "not run: | missing"}],
        "polars": took(2, 4, 3),
        "duckdb": took(3, 2.5, 3),
        "wc -l": took(0.1, 0.1, 0.1),
    }
    if same:
        ways |= {"polars events": took(0.5, 0.9, 0.9), "duckdb events": took(0.6, 0.8, 1)}
    return {"postfix": {"octets": 300_000_000, "ways": ways}}


def grown(power=1.0, start=0.5):
    """Times that grow with a power of the size, after a start."""
    sizes = {"1": 100, "100000": 100_000, **{str(size): size for size in (10**7, 3 * 10**7, 10**8, 3 * 10**8)}}
    told = {"octets": sizes}
    for command in growth.COMMANDS:
        told[command] = {
            size: took(
                *[start + (1e-8 * octets) ** power * (1 + e) for e in (-0.01, 0, 0.01)] if octets > 100_000 else [start]
            )
            for size, octets in sizes.items()
        }
    told["read"]["300000000"] = [{"error": "larger than memory"}]
    return {"postfix": told}


def weighed():
    return {"postfix": memory.weigh(start.SMALL) | {"octets": 7000, "peak": 10**8}}


def started():
    return {"ways": {f"{way}, {how}": took(1.5, 1.6, 2) for way in start.WAYS for how in ("warm", "cold")}}


def clustered():
    ways = {f"{what}, {how}": took(3, 4, 5) for what in cluster.WAYS for how in ("one process", *cluster.WORKERS)}
    ways["convert, 2"] = [{"error": "not run: no Dask"}]
    return {"octets": 10**9, "files": 8, "ways": ways}


def made(same=True):
    parts = {
        "compare": compared(same),
        "growth": grown(),
        "memory": weighed(),
        "start": started(),
        "cluster": clustered(),
    }
    return {part: {"date": "2026-11-28", "machine": MACHINE, "found": found} for part, found in parts.items()}


def rows(markdown):
    """Every table of a text: its rows of cells, the head first."""
    found, lines = [], [*markdown.splitlines(), ""]
    for line, before in zip(lines, ["", *lines], strict=False):
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def heads(markdown):
    return [table[0] for table in rows(markdown)]


# -- arithmetic ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.8, 1.0, 1.3])
def test_the_exponent_is_found_less_the_start(power):
    told = grown(power)["postfix"]
    mid, low, high = growth.exponent(growth.points(told, "summary", "wall", less=True))
    assert low < power < high
    assert mid == pytest.approx(power, abs=0.01)
    assert high - low < 0.05


def test_a_start_makes_times_grow_more_slowly():
    told = grown(1.0)["postfix"]
    assert growth.exponent(growth.points(told, "convert", "cpu", less=False))[0] < 0.9


def test_the_interval_is_that_of_least_squares():
    rng = np.random.default_rng(1)
    sizes = np.repeat([1e7, 1e8, 1e9], 5)
    times = 1e-8 * sizes * np.exp(rng.normal(0, 0.1, sizes.size))
    mid, low, high = growth.exponent(list(zip(sizes, times, strict=True)))
    x, y = np.log(sizes), np.log(times)
    (slope, _), cov = np.polyfit(x, y, 1, cov=True)  # numpy's covariance is scaled by the residuals too
    assert mid == pytest.approx(slope)
    assert high - mid == pytest.approx(mid - low) == pytest.approx(2.160 * cov[0, 0] ** 0.5, rel=1e-3)  # t(13)


def test_what_failed_and_what_has_no_logarithm_is_left_out():
    told = grown()["postfix"]
    assert max(size for size, _ in growth.points(told, "read", "wall", less=False)) == 10**8
    assert math.isnan(growth.exponent([(1e7, -1.0), (1e8, 2.0), (1e8, 2.1)])[0])


def test_ratios_say_how_many_times_as_fast():
    ways = compared()["postfix"]["ways"]
    assert measure.ratios(ways["pflogsumm"], ways["spamlab.read"]) == [10, 12, 12]
    assert measure.ratios(ways["lnav"], ways["spamlab.read"]) == []
    assert compare.spread([10, 12, 12.5]) == "12.0 (10.0–12.5)"
    assert compare.spread([1, 2]) == "1.5 (1.0–2.0)"


def test_the_better_rival_is_chosen_round_by_round():
    ways = compared()["postfix"]["ways"]
    assert [one["wall"] for one in compare.better(ways)] == [2, 2.5, 3]
    assert [one["wall"] for one in compare.better(ways, compare.SAME)] == [0.5, 0.8, 0.9]
    assert compare.better({"polars": took(1)}) == []


def test_weights_add_up():
    told = memory.weigh(start.SMALL)["tables"]
    assert told["events"]["rows"] == 72
    for name, table in spamlab.read(start.SMALL).tables().items():
        assert told[name]["octets"] == sum(told[name]["groups"].values()), name
        assert told[name]["rows"] == len(table)


def test_rounds_interleave_and_what_failed_is_not_tried_again():
    calls = []

    def way(name, error):
        def once():
            calls.append(name)
            return {"error": "no"} if error else {"wall": 1}

        return once

    found = measure.rounds({"a": way("a", False), "b": way("b", True)}, 3, "")
    assert calls == ["a", "b", "a", "a"]
    assert measure.failed(found["b"]) == "no"


def test_a_command_is_measured_and_its_failure_told():
    found = measure.run([sys.executable, "-c", "import os; print(os.environ['MINE'])"], env={"MINE": "1"})
    assert found["said"].strip() == "1"
    assert min(found["wall"], found["cpu"], found["peak"]) > 0
    assert measure.run([sys.executable, "-c", "raise SystemExit('no such thing')"])["error"] == "no such thing"


# -- logs, copies ----------------------------------------------------------------------------------------------------


def test_a_log_is_made_once(tmp_path):
    log = logs.made("zeek", 20_000, tmp_path)
    assert 15_000 < log.stat().st_size <= 20_000
    log.write_text("there")
    assert logs.made("zeek", 20_000, tmp_path).read_text() == "there"
    assert [file.name for file in tmp_path.iterdir()] == ["zeek-20000.log"]


def test_a_log_is_cut_into_files_at_ends_of_lines(tmp_path):
    log = logs.made("postfix", 50_000, tmp_path)
    files = cluster.split(log, tmp_path / "files")
    assert len(files) == cluster.FILES
    texts = [Path(file).read_bytes() for file in files]
    assert b"".join(texts) == log.read_bytes()
    assert all(text.endswith(b"\n") for text in texts)


@pytest.mark.parametrize("format", peers.ALL)
def test_one_line_is_a_log(format, tmp_path):
    log = growth._first(logs.made(format, 20_000, tmp_path), tmp_path / "one.log")
    assert len(spamlab.read(log).events) == 1


def test_a_cold_start_runs_a_copy(tmp_path):
    environment = start.copy(tmp_path / "copy")
    told = "import json, spamlab, spamlab.native; print(json.dumps([spamlab.__file__, *map(str, spamlab.native._folders())]))"
    for file in json.loads(measure.run([sys.executable, "-c", told], env=environment)["said"]):
        assert file.startswith(str(tmp_path))
    assert not list(tmp_path.rglob("*.o"))


def test_the_first_figure_is_seen():
    found = start.figure(start.NOTEBOOK)
    assert 0 < found["kernel"] < found["wall"]


# -- tables ----------------------------------------------------------------------------------------------------------


def test_tables_are_even():
    for part, told in made().items():
        for text in (readme.PARTS[part].text(told["found"]), readme.PARTS[part].readme(told["found"])):
            for table in rows(text):
                assert {len(row) for row in table} == {len(table[0])}, part


def test_the_comparison_reads_as_it_should():
    [table] = rows(compare.readme(compared()))
    row = dict(zip(*[table[0], table[2]], strict=True))
    assert row["log"] == "postfix"
    assert row["all six tables"] == "120 MB/s"
    assert row["events alone, a core"] == "150 MB/s"  # of CPU time
    assert row["peak memory"] == "3.3 × the log"
    assert row["× as fast as"] == "pflogsumm 12.0 (10.0–12.0)"
    assert row["events: × as fast as the better of Polars and DuckDB"] == "2.5 (2.0–3.0)"
    assert row["… making the same columns"] == "0.8 (0.5–0.9)"
    [before] = rows(compare.readme(compared(same=False)))
    assert before[2] == table[2][:-1]


def test_the_comparison_tells_whether_columns_are_the_same():
    said = compare.text(compared())
    assert "Polars and DuckDB making the same columns: × 0.8 (0.5–0.9) as fast" in said
    assert "Polars and DuckDB making columns of their own: × 2.5 (2.0–3.0) as fast" in said
    assert "making the same columns" not in compare.text(compared(same=False))


def test_the_readme_has_the_tables_that_the_bench_writes():
    text = readme.README.read_text(encoding="utf-8")
    written = text.partition(readme.BEGIN)[2].partition(readme.END)[0]
    assert heads(written) in [heads(readme.section(made(same))) for same in (True, False)]  # False: an older bench
    assert re.search(r"^Measured \d{4}-\d\d-\d\d", written.strip())
    for table in rows(written):
        assert {len(row) for row in table} == {len(table[0])}


def test_what_stands_around_the_tables_stays():
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
    assert readme.replaced(text, "new") == f"before\n{readme.BEGIN}\n\nnew\n\n{readme.END}\nafter\n"
    assert readme.replaced(readme.replaced(text, "new"), "new") == readme.replaced(text, "new")
    with pytest.raises(ValueError, match="no lines"):
        readme.replaced("nothing", "new")


def test_days_and_machines_that_differ_are_both_told():
    told = made()
    told["start"] = told["start"] | {"date": "2026-11-30", "machine": MACHINE | {"cores": 4}}
    said = readme.section(told).splitlines()[0]
    assert said.startswith("Measured 2026-11-28 to 2026-11-30 on Z80, 2 cores, 25 GB of memory")
    assert "4 cores" in said


def test_what_is_saved_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "SAVED", tmp_path)
    readme.save("memory", {"a": 1}, MACHINE)
    assert readme.saved()["memory"]["found"] == {"a": 1}
    assert list(readme.saved()) == ["memory"]


# -- the command -----------------------------------------------------------------------------------------------------


def test_options():
    quick, full = parsed([]), parsed(["growth", "--full", "--largest", "10GB"])
    assert quick.parts == list(readme.PARTS)
    assert quick.largest == 300_000_000
    assert set(quick.ways) < set(peers.WAYS)
    assert full.parts == ["growth"]
    assert full.largest == 10**10
    assert list(full.formats) == list(peers.ALL)
    with pytest.raises(SystemExit):
        parsed(["growht"])


def test_the_module_runs():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "-"], capture_output=True, text=True, cwd=measure.ROOT)
    assert done.returncode == 0, done.stderr
    assert "cores" in done.stdout


# -- the README's examples -------------------------------------------------------------------------------------------


def test_the_readmes_queries_run(tmp_path):
    """By DuckDB and Polars, which are installed for the benchmarks, beside the package's own environment."""
    try:
        interpreter = peers.python()
    except peers.Missing as reason:
        pytest.skip(str(reason))
    section = readme.README.read_text(encoding="utf-8").partition("\n## When to use what\n")[2].partition("\n## ")[0]
    queries = [code for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL) if "converted/" in code]
    assert len(queries) == 2
    log = logs.made("postfix", 200_000, tmp_path)
    subprocess.run([sys.executable, "-m", "spamlab", "convert", log, "-o", tmp_path / "converted"], check=True)
    for code in queries:
        done = subprocess.run([interpreter, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert re.search(r"delivered|example\.com", done.stdout)
