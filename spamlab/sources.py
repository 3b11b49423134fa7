"""An input turned into pieces of UTF-8 text, whatever its compression and encoding.

A file is read once, front to back, in bounded memory, and hashed on the way. What stands elsewhere is named by its
URL, and read through fsspec, which is loaded only then.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import os
import re
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from spamlab.errors import ReadError

PIECE = 4 << 20
"""Octets of text handed on at a time."""

READ = 1 << 20
"""Octets read from a file at a time."""

LONGEST_LINE = 512 << 20
"""A line longer than this (a file of zeros, expanded) is refused: it would not fit in memory."""

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # a scheme of two letters or more: C:// is a drive

_DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error)


class _Hashing(io.RawIOBase):
    """A raw stream that hashes and counts what is read from it."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self.hash = hashlib.sha256()
        self.octets = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        room = memoryview(buffer)[: self._limit - self.octets]
        n: int = self._stream.readinto(room)  # type: ignore[attr-defined]
        self.hash.update(room[:n])
        self.octets += n
        return n


def _zstandard(stream: Any) -> BinaryIO:
    import zstandard

    reader: BinaryIO = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return reader


# By the first octets, never by the name: a wrong suffix misleads nobody.
_COMPRESSIONS: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", _zstandard),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Source:
    """One input: a file, or a stream kept in a spool so that ``raw`` can go back to it."""

    def __init__(
        self, name: str, path: Path | None = None, spool: IO[bytes] | None = None, url: str | None = None
    ) -> None:
        self.name = name
        self.path = path
        self.url = url
        self.spool = spool
        self.sha256 = ""
        self.octets = 0
        self.passed = 0
        """Octets read so far, as stored."""
        self.newline = 10
        """What ends its lines: LF, or CR alone in a file that holds no LF."""
        self.damage = ""
        """What was wrong with the file after its readable part, if anything."""
        if spool is not None:
            weakref.finalize(self, spool.close)  # which holds it till then, whatever is collected first

    @property
    def modified(self) -> float:
        """When the file was last written, in seconds since 1970; NaN where that is not known."""
        try:
            if self.url:
                return float(_elsewhere(self.url, "modified").timestamp())
            return self.path.stat().st_mtime if self.path else float("nan")
        except OSError:
            return float("nan")
        except NotImplementedError:  # this kind of place does not say
            return float("nan")

    @property
    def where(self) -> str | None:
        """Its path, as it holds in any folder, or its URL; None for a stream."""
        return str(self.path.resolve()) if self.path else self.url

    @property
    def stored(self) -> int:
        """How many octets are stored; 0 where that is not known."""
        try:
            if self.url:
                return int(_elsewhere(self.url, "size") or 0)
            return self.path.stat().st_size if self.path else 0
        except OSError:
            return 0

    def open(self) -> BinaryIO:
        """The bytes as stored."""
        if self.spool is not None:
            self.spool.seek(0)
            return self.spool  # type: ignore[return-value]
        if self.path is None and self.url is None:
            raise ReadError(f"{self.name}: its bytes are no longer at hand")
        try:
            return self.path.open("rb", buffering=0) if self.path else _elsewhere(self.url or "", "open", "rb")
        except OSError as error:
            raise ReadError(f"{self.name}: {why(error)}") from error

    def plain(self, limit: int = sys.maxsize) -> Generator[bytes]:
        """The decompressed bytes, in pieces; a cut or damaged end is noted in ``damage``.

        ``limit``: how many stored octets to look at (a live log has grown since it was read).
        """
        stored = self.open()
        try:
            yield from self._plain(stored, limit)
        finally:  # also where only its beginning is looked at
            if self.spool is None:
                stored.close()

    def _plain(self, stored: BinaryIO, limit: int) -> Iterator[bytes]:
        raw = _Hashing(stored, limit)
        stream = io.BufferedReader(raw, 1 << 20)
        head = stream.peek(8)[:8]
        unpack = next((unpack for magic, unpack in _COMPRESSIONS if head.startswith(magic)), None)
        expanded: Any = unpack(stream) if unpack else stream
        read = getattr(expanded, "read1", expanded.read)
        try:
            while piece := read(READ):
                self.passed = raw.octets
                yield piece
        except _DAMAGE as error:
            if not unpack:
                raise ReadError(f"{self.name}: {error}") from error
            self.damage = f"{self.name}: damaged after its readable part ({error or type(error).__name__})"
        while stream.read(1 << 20):  # what the decompressor left: hashed all the same
            pass
        self.sha256, self.octets = raw.hash.hexdigest(), raw.octets

    def text(self, piece: int = PIECE) -> Iterator[bytes]:
        r"""The file's text in pieces of whole lines: valid UTF-8, other octets as ``\xNN``.

        What cannot be read after the first piece is noted in ``damage``.
        """
        begun = False
        try:
            for part in self._text(piece):
                yield part
                begun = True
        except ReadError as error:
            if not begun:
                raise
            self.damage = f"{error}; what stands before it was read"

    def _text(self, piece: int) -> Iterator[bytes]:
        decode = None
        rest: list[bytes | memoryview] = []
        held = 0
        begun = False
        for data in self.plain():
            if not begun:
                begun = True
                mark, encoding = _mark(data)
                data = data[len(mark) :]
                if encoding.startswith("utf-16"):
                    decode = codecs.getincrementaldecoder(encoding)("backslashreplace").decode
            if decode:
                data = decode(data).encode("utf-8", "backslashreplace")
            if not held and not rest and b"\n" not in data and b"\r" in data:
                self.newline = 13
            end = bytes([self.newline])
            rest.append(data)
            held += len(data)
            if held >= piece and end in data:
                cut = data.rindex(end) + 1
                rest[-1] = memoryview(data)[:cut]
                yield _valid(b"".join(rest))
                rest, held = [data[cut:]], len(data) - cut
            elif held > LONGEST_LINE:
                raise ReadError(f"{self.name}: a line longer than {LONGEST_LINE >> 20} MiB; not a log")
        if held:
            yield _valid(b"".join(rest))

    def raw_lines(self, first: int, count: int, limit: int = sys.maxsize) -> bytes:
        """The exact bytes of physical lines (from 1), as in the decompressed file."""
        found: list[bytes] = []
        wide, passed, rest = "", 0, b""
        for number, data in enumerate(self.plain(limit)):
            if number == 0:
                _, encoding = _mark(data)
                wide = {"utf-16-le": "<u2", "utf-16-be": ">u2"}.get(encoding, "")
            data = rest + data
            whole = data[: len(data) // 2 * 2] if wide else data
            units = np.frombuffer(whole, dtype=wide or "u1")
            ends = (np.flatnonzero(units == self.newline) + 1) * (2 if wide else 1)
            wanted = ends[max(first - 1 - passed, 0) : first - 1 + count - passed]
            begin = int(ends[first - 2 - passed]) if 0 <= first - 2 - passed < len(ends) else 0
            for end in map(int, wanted):
                found.append(data[begin:end])
                begin = end
            passed += len(ends)
            rest = data[int(ends[-1]) :] if len(ends) else data
            if len(found) == count:
                return b"".join(found)
        return b"".join([*found, rest]) if passed + 1 >= first else b"".join(found)


def _mark(data: bytes) -> tuple[bytes, str]:
    """The byte order mark a file begins with, and the encoding it tells; UTF-16 without one shows by zeros."""
    for known in _MARKS:
        if data.startswith(known[0]):
            return known
    even, odd = data[:256:2], data[1:256:2]
    if len(odd) > 16 and any(even) != any(odd) and 0 not in (even if any(even) else odd):
        return b"", "utf-16-le" if any(even) else "utf-16-be"
    return b"", ""


def _valid(text: bytes) -> bytes:
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("utf-8", "backslashreplace").encode()
    return text


def printable(path: str | os.PathLike[str]) -> str:
    r"""A file's name as text: octets that are no UTF-8 become ``\xNN``.

    >>> printable(b"mail\xff.log".decode("utf-8", "surrogateescape"))
    'mail\\xff.log'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def spooled(stream: BinaryIO, name: str) -> Source:
    """Keep a stream's bytes (in memory up to 64 MiB, then on disk) so that they can be read again."""
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=64 << 20)  # noqa: SIM115 (lives as long as the Log)
    source = Source(name, spool=spool)
    while data := stream.read(1 << 20):
        spool.write(data)
    return source


def why(error: OSError) -> object:
    """What an error of the system says, in its own words where it has some."""
    return error.strerror or ("no such file" if isinstance(error, FileNotFoundError) else error)


def at(name: str, where: str) -> Source:
    """A source by its name and by its path or URL (see ``Source.where``)."""
    return Source(name, url=where) if URL.match(where) else Source(name, Path(where))


def file_system(url: str) -> tuple[Any, str]:
    """The file system that a URL is in, and the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ReadError(f"{printable(url)}: to read URLs takes fsspec: pip install 'spamlab[cluster]'") from error
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:  # this kind of place takes a package more, or is not known
        raise ReadError(f"{printable(url)}: {error}") from error
    return found


def _elsewhere(url: str, what: str, *more: Any) -> Any:
    system, path = file_system(url)
    return getattr(system, what)(path, *more)
