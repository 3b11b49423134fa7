"""A person's way: open JupyterLab in a browser, open a notebook, Run All, look."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """JupyterLab on a copy of the notebooks without their outputs: its address and folder."""
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns(".*"))
    for path in (tmp_path / "project" / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    settings = tmp_path / "settings" / "@jupyterlab"
    (settings / "notebook-extension").mkdir(parents=True)
    # Cells out of sight are else not on the page at all.
    (settings / "notebook-extension" / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    (settings / "apputils-extension").mkdir()
    (settings / "apputils-extension" / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = {
        **os.environ,
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_TOKEN": token,
    }
    with (tmp_path / "lab.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
             f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={tmp_path / 'project'}"],
            env=environment, cwd=tmp_path, stdout=output, stderr=output,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, (tmp_path / "lab.txt").read_text()
                    time.sleep(0.25)
            yield f"{address}/lab/tree/notebooks/{{}}?token={token}", tmp_path / "project" / "notebooks"
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.browser
@pytest.mark.slow
def test_run_all_in_jupyterlab(lab: tuple[str, Path], chromium: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    address, folder = lab
    path = sorted(folder.glob("*.ipynb"))[0]
    figures = sum("notebook.show(" in cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert figures
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(address.format(path.name))
        notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(notebook.locator(".jp-CodeCell").first).to_be_visible(timeout=60_000)
        idle = page.get_by_text("Python 3 (ipykernel) | Idle")
        expect(idle).to_be_visible(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        answer = notebook.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
        expect(answer).to_be_visible(timeout=120_000)
        expect(idle).to_be_visible(timeout=60_000)
        for kind in ("application/vnd.jupyter.stderr", "application/vnd.jupyter.error"):
            expect(notebook.locator(f'.jp-OutputArea-output[data-mime-type="{kind}"]')).to_have_count(0)
        shown = notebook.locator(".jp-OutputArea-output img")
        expect(shown).to_have_count(figures)
        seen = shown.evaluate_all("images => images.map(i => [i.naturalWidth, i.clientWidth, i.alt])")
        for natural, wide, alt in seen:
            assert natural > 300
            assert wide > 300
            assert len(alt) > 20
        assert notebook.locator(".jp-OutputArea mjx-container").count() == 0  # no text was taken for TeX
        browser.close()
