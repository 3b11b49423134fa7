"""Every notebook on a log of every format: each runs to its answer, in a sentence, whatever the log does not hold."""

from __future__ import annotations

import io
import json
import re
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib as mpl
import pytest

from tests.conftest import SHARED

ROOT = Path(__file__).parent.parent
CORPUS = SHARED / "corpus"
LOGS = {
    "exchange55": CORPUS / "exchange55" / "kb-q228725-outbound-499.log",
    "iis-smtp": CORPUS / "iis-smtp" / "ossec-exchange2000-w3c.log",
    "iis-smtp NCSA": CORPUS / "iis-smtp" / "ossec-exchange2000-ncsa.log",
    "exchange": CORPUS / "exchange" / "infosec-notes-smtpreceive.log",
    "postfix": ROOT / "data" / "samples" / "postfix.log",
    "postfix, connections only": CORPUS / "postfix" / "lightmeter" / "7_only_connections_and_disconnections.log",
    "sendmail": ROOT / "data" / "samples" / "sendmail.log",
    "exim": ROOT / "data" / "samples" / "exim.log",
    "exim, normalised": CORPUS / "exim" / "exim-testsuite" / "0310.mainlog",
    "zeek": CORPUS / "zeek" / "zed-sample-smtp.log.gz",
    "zeek, no times": CORPUS / "zeek" / "zeek-btest-mail-transactions-invalid.log",
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(notebook, log):
    """What a notebook prints on a log: its cells one after another, in this process."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    said, names = io.StringIO(), {}
    with redirect_stdout(said), mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for cell in cells:
            if cell["cell_type"] == "code":
                code = "".join(cell["source"])
                if "parameters" in cell["metadata"].get("tags", []):
                    code = f"log_path = {str(log)!r}"
                if "answer" in cell["metadata"].get("tags", []):
                    said.write("\nANSWER ")
                exec(compile(code, notebook.name, "exec"), names)
    return said.getvalue()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", LOGS)
def test_a_notebook_answers_on_a_log_of_every_format(kind, notebook, shared):
    answer = run(notebook, LOGS[kind]).rpartition("ANSWER ")[2].strip()
    assert re.match(r"[A-Z0-9].*\.$", answer, re.DOTALL), answer
    assert "nan" not in answer.lower().split() and "<NA>" not in answer
