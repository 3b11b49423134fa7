"""What can go wrong while reading, as types a caller can tell apart."""

from __future__ import annotations


class UnknownFormat(ValueError):
    """No known format fits the file (or the named format does not exist)."""


class ReadError(OSError):
    """Nothing at all could be read: missing, no permission, no log in the folder, damaged."""


class ReadWarning(UserWarning):
    """One file among several could not be read, or was read only in part."""
