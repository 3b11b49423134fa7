"""Undo the transcription of the white paper's Appendix A, by stated rules.

The printed page is not the log: page breaks, a typesetter's hyphen, wrapped lines and escaped dollar
signs stand in between. ``restore`` takes them out and touches nothing else; misreadings of the scan
(``I0:`` for ``IO:``, ``0k`` for ``Ok``, ``ESMTF``) are left as they stand, since nobody can know.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def restore(page: str) -> str:
    r"""Return the log that the transcribed page shows.

    Parameters
    ----------
    page
        The page's text: headings, code fences at page breaks, the log's lines.

    Returns
    -------
    str
        The log, LF line ends. Rules: (1) all before the first fence, the fences and the empty lines
        between pages are removed; (2) ``RE-``/``JECTED`` is one word again and a line that ends in
        ``REJECTED:`` is joined to the next by a space; (3) ``\$`` is ``$`` and ``${X}`` is ``$X``;
        (4) nothing else changes; (5) the last event keeps its missing closing ``|``.

    Examples
    --------
    >>> restore("Title\n```\n<<< 550 <\\$A@B>: RE-\nJECTED:\nNO\n```\n\n\n<<< 221")
    '<<< 550 <$A@B>: REJECTED: NO\n<<< 221\n'
    """
    page = "\n".join(page.splitlines())
    log = re.sub(r"^```.*\n*", "", page[page.index("```") :], flags=re.M).rstrip("\n") + "\n"
    log = log.replace("RE-\nJECTED", "REJECTED").replace("REJECTED:\n", "REJECTED: ")
    log = log.replace("\\$", "$")
    return re.sub(r"\$\{([^{}\n]*)\}", r"$\1", log)


def main() -> None:
    """Restore ``PAGE`` into ``LOG``: ``python -m spamlab.appendix PAGE LOG``."""
    page, log = map(Path, sys.argv[1:])
    log.write_text(restore(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
