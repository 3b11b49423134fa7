"""The set-up: what is declared, pinned and packed agrees; importing is quick."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONDA = {
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
    "jupyter-client": "jupyter_client",
}


def declared() -> list[Requirement]:
    project = PROJECT["project"]
    every = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
        *PROJECT["build-system"]["requires"],
    ]
    return list({str(requirement): requirement for requirement in map(Requirement, every)}.values())


def test_every_dependency_has_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if re.match(r'    "[a-z0-9-]+(\[[a-z]+\])?[<>=]', line)]
    extras = PROJECT["project"]["optional-dependencies"]
    assert len(listed) == len(PROJECT["project"]["dependencies"]) + sum(map(len, extras.values()))
    assert set(extras["cluster"]) <= set(extras["dev"])  # the tests run all there is
    for line in listed:
        assert re.search(r'",\s+# \w', line), line


def test_the_lock_pins_what_is_declared() -> None:
    pinned: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", LOCK, re.M):
        pinned.setdefault(canonicalize_name(name), []).append(version)
    for requirement in declared():
        versions = pinned[canonicalize_name(requirement.name)]
        assert versions
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_the_lock_holds_names_versions_and_hashes_only() -> None:
    blocks = re.split(r"\n(?=\S)", "\n".join(line for line in LOCK.splitlines() if not line.lstrip().startswith("#")))
    for block in filter(None, blocks):
        assert re.fullmatch(r"[\w.-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n?", block), block[:200]
    assert "//" not in LOCK
    assert "find-links" not in LOCK


def test_conda_s_environment_is_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    given = {r.name: str(r.specifier) for r in map(Requirement, environment["dependencies"])}
    wanted = {CONDA.get(r.name, r.name): str(r.specifier) for r in declared()}
    assert given.pop("python") == PROJECT["project"]["requires-python"]
    assert given.pop("pip") == ""
    assert given == wanted
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_versions_agree() -> None:
    import spamlab

    version = PROJECT["project"]["version"]
    assert spamlab.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_package_holds_everything_that_runs(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("spamlab", "notebooks", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (tree / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tree / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", str(tmp_path), str(tree)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        packed.extractall(tmp_path / "installed")
    for path in (ROOT / "spamlab").rglob("*"):
        if path.suffix in (".py", ".j2", ".css", ".mplstyle", ".typed"):
            assert path.relative_to(ROOT).as_posix() in names
    script = "import spamlab, spamlab.execute as e; print(spamlab.__file__); print(*e.notebooks(), sep='\\n')"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "installed", capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert all(line.startswith(str(tmp_path)) for line in told)
    assert len(told) == 1 + len(list((ROOT / "notebooks").glob("[0-9]*.ipynb")))


def import_seconds() -> float:
    """What ``import spamlab`` takes after ``import pandas``."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import pandas; import spamlab"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stderr  # fmt: skip
    (total,) = re.findall(r"\| +(\d+) \| spamlab$", told, re.M)
    return int(total) / 1e6


def test_importing_is_quick() -> None:
    assert min(import_seconds() for _ in range(3)) < 0.3
    script = "import spamlab, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"matplotlib", "scipy", "numba", "IPython", "papermill", "nbconvert", "pyarrow.dataset"}
    assert not heavy & set(loaded)


def test_each_module_is_reached_from_the_top() -> None:
    import spamlab

    for name in ("timing", "sizes", "loops", "backscatter", "summary", "plots", "report"):
        assert getattr(spamlab, name).__name__ == f"spamlab.{name}"
