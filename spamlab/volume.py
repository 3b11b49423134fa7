"""How much text files hold, told before they are read."""

from __future__ import annotations

from spamlab.sources import Source

EXPANDED = 10
"""Times as much as is stored, of what is compressed: logs give 8 to 15."""

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def octets(source: Source) -> int:
    """About how many octets of text a source holds; 0 where that is not known."""
    return source.stored * (EXPANDED if source.name.endswith(_COMPRESSED) else 1)
