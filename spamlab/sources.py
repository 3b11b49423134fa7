"""Finding input files and turning each into pieces of UTF-8 text, whatever its compression and encoding.

A file is read once, front to back, in bounded memory, and hashed on the way. What stands elsewhere is named by its
URL, and read through fsspec, which is loaded only then.
"""

from __future__ import annotations

import bz2
import codecs
import glob
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
from collections.abc import Callable, Generator, Iterable, Iterator
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

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # a scheme of two letters or more: C:// is a drive

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
            raise ReadError(f"{self.name}: {_why(error)}") from error

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
    """The byte order mark a file begins with, and the encoding it tells."""
    return next((known for known in _MARKS if data.startswith(known[0])), (b"", ""))


def _valid(text: bytes) -> bytes:
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("utf-8", "backslashreplace").encode()
    return text


def shorter(one: Source, other: Source) -> Source | None:
    """Of two sources the one that the other begins with (the second, if they are the same); None: neither."""
    rest, left, right = [b"", b""], one.plain(), other.plain()
    try:
        while True:
            rest = [had or next(more, b"") for had, more in zip(rest, (left, right), strict=True)]
            n = min(map(len, rest))
            if not n:
                return one if rest[1] else other
            if rest[0][:n] != rest[1][:n]:
                return None
            rest = [had[n:] for had in rest]
    finally:
        left.close()
        right.close()


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


def _source(path: Path) -> Source:
    if path.is_fifo() or path.is_char_device():  # read once, so that its bytes can be read again
        with path.open("rb") as stream:
            return spooled(stream, printable(path))
    return Source(printable(path), path)


def _why(error: OSError) -> object:
    return error.strerror or ("no such file" if isinstance(error, FileNotFoundError) else error)


def at(name: str, where: str) -> Source:
    """A source by its name and by its path or URL (see ``Source.where``)."""
    return Source(name, url=where) if _URL.match(where) else Source(name, Path(where))


def _system(url: str) -> tuple[Any, str]:
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
    system, path = _system(url)
    return getattr(system, what)(path, *more)


def _urls(url: str) -> list[Source]:
    """What a URL names: a file, a folder's files, those that fit a pattern."""
    try:
        system, path = _system(url)
        folder = system.isdir(path)
        names = system.find(path, maxdepth=1) if folder else system.glob(path) if glob.has_magic(path) else []
    except OSError as error:
        raise ReadError(f"{printable(url)}: {_why(error)}") from error
    if not folder and not glob.has_magic(path):
        return [Source(printable(url), url=url)]
    inside = sorted((Path(name) for name in names if not Path(name).name.startswith(".")), key=_natural)
    if not inside:
        raise ReadError(f"{printable(url)}: " + ("a folder without files" if folder else "no file matches"))
    _, chained, beneath = url.partition("::")
    full = [system.unstrip_protocol(path.as_posix()) + chained + beneath for path in inside]
    return [Source(printable(each), url=each) for each in full]


_DATED = re.compile(
    r"(?P<stem>.+?)[-._](?P<day>(?:19|20)\d\d(?P<dash>-?)(?:0\d|1[0-2])(?P=dash)[0-3]\d)(?:[-._T]?(?P<time>\d{2,10}))?"
    r"(?P<end>\.[A-Za-z]+)?"
)
"""``maillog-20240303``, ``mail-2024-03-03.log``, ``mail.log.20240303-1709424061``: rotated out on a day (logrotate's
``dateext``)."""


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: numbers by value; rotated files (``mail.log.2.gz``, ``mail.log-20240303``) before the live one."""
    name = re.sub(r"\.(gz|bz2|xz|zst)$", "", path.name)
    stem, age = name, 1
    if rotated := re.fullmatch(r"(.*?)\.(\d{1,4})", name):
        stem, age = rotated[1], -int(rotated[2])
    elif dated := _DATED.fullmatch(name):
        stem = dated["stem"] + (dated["end"] or "")
        age = int(f"{dated['day'].replace('-', '')}{dated['time'] or '':0<10}") - 10**18
    parts: list[tuple[int, int | str]] = [
        (0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", f"{path.parent}/{stem}")
    ]
    return [*parts, (-1, age)]


def rotated(path: Path) -> tuple[tuple[str, ...], int | str]:
    """The words that a file's name has in common with those it was rotated to, and its age among them."""
    *stem, (_, age) = _natural(path)
    return tuple(part for _, part in stem if isinstance(part, str)), age


def _rotated(listed: list[Source]) -> list[Source]:
    """Inputs in the order given, but what was rotated out of a file before it, as a shell does not list them."""
    families: dict[tuple[Any, ...], list[int]] = {}
    for i, one in enumerate(listed):
        if one.path:
            families.setdefault(tuple(_natural(one.path)[:-1]), []).append(i)
    order = np.arange(len(listed))
    for places in families.values():
        order[places] = sorted(places, key=lambda i: _natural(listed[i].path or Path()))
    return [listed[i] for i in order]


def find(source: Any) -> list[Source]:
    """All inputs that ``source`` names: a path or URL, a glob, a folder, a binary file, or a list of them.

    Raises ``ReadError`` where a name stands for nothing.
    """
    if isinstance(source, str) and _URL.match(source):
        return _urls(source)
    if isinstance(source, (str, os.PathLike)):
        return [_source(path) for path in _paths(Path(source))]
    if hasattr(source, "read"):
        return [spooled(source, printable(str(getattr(source, "name", "stream"))))]
    if isinstance(source, Iterable):
        found: dict[object, Source] = {}
        for item in source:
            for one in find(item):
                found.setdefault(os.path.realpath(one.path) if one.path else one.url or one, one)
                if one.where is None and len(found) > 1:
                    one.name += f" {len(found)}"  # streams can share a name, sources cannot
        return _rotated(list(found.values()))
    raise TypeError(f"a log is a path, a glob, a folder, a binary file or a list of them, not {source!r}")


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted((p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")), key=_natural)
        if not inside:
            raise ReadError(f"{printable(path)}: a folder without files")
        return inside
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    names = glob.glob(str(path))  # noqa: PTH207 (a pattern can be absolute)
    matched = sorted((Path(name) for name in names if Path(name).is_file()), key=_natural)
    if not matched:
        raise ReadError(f"{printable(path)}: no file matches")
    return matched
