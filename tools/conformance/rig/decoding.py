"""A second search of every byte, by the other way: what is there is decoded, again and again, and only then looked at.

`scanner` knows how a word looks in each encoding; this knows how to read each encoding, whatever is in it. So it finds
what was encoded twice (hex of base64, UTF-16 in gzip), and the two share no line.
"""

import base64
import binascii
import bz2
import contextlib
import dataclasses
import hashlib
import html
import lzma
import os
import re
import sqlite3
import zlib
from pathlib import Path

_DEPTH = 3
_PIECE = 32 << 20
_ZEROS = re.compile(rb"\0{257,}")
_LONG = 12  # letters that a coded run has at least
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % (_LONG * 4 // 3))
_BASE32 = re.compile(rb"[A-Z2-7]{%d,}" % (_LONG * 8 // 5))
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % (_LONG * 2))
_SPACED_HEX = re.compile(rb"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,;-]{0,2}){%d,}" % _LONG)
_NUMBERS = re.compile(rb"(?:\d{1,3}[, ]{1,2}){%d,}\d{1,3}" % (_LONG - 1))
_ESCAPES = {
    "percent": (rb"%[0-9A-Fa-f]{2}", lambda one: bytes([int(one[1:], 16)])),
    "quoted-printable": (rb"=[0-9A-Fa-f]{2}", lambda one: bytes([int(one[1:], 16)])),
    "unicode escapes": (rb"\\{1,2}u\{?[0-9a-fA-F]{4,6}\}?", lambda one: _letter(int(one.strip(b"\\u{}"), 16))),
    "entities": (rb"&#(?:\d{1,7}|[xX][0-9a-fA-F]{1,6});", lambda one: html.unescape(one.decode()).encode("utf-8", "replace")),
    "octal escapes": (rb"\\[0-3][0-7]{2}", lambda one: bytes([int(one[1:], 8)])),
}
# A stretch with at least four escapes in it, each not far from the one before; and one escape.
_STRETCHES = {
    name: (re.compile(rb"(?:%s(?:(?!%s)[ -~]){0,24}+){4,}+" % (escape, escape)), re.compile(escape), made)
    for name, (escape, made) in _ESCAPES.items()
}
_AZ = b"abcdefghijklmnopqrstuvwxyz"
_ROT13 = bytes.maketrans(_AZ + _AZ.upper(), (_AZ[13:] + _AZ[:13]) + (_AZ[13:] + _AZ[:13]).upper())
_BREAKS = re.compile(rb"=?\r?\n[ \t]*")


@dataclasses.dataclass(frozen=True)
class Found:
    """A needle, in which file, after how it was decoded, with what stands around it."""

    needle: str
    file: str
    how: str
    near: bytes

    def __str__(self):
        return f"{self.needle} in {self.file} ({self.how or 'as it is'}): {self.near!r}"


class Reader:
    """Searches for marks, in any case, and for unsalted digests of whole values."""

    def __init__(self, marks: list[str], digested: list[str] = (), known: set[bytes] = frozenset()):
        self.needles = {mark: [mark.lower().encode()] for mark in marks}
        for mark in marks:
            if not mark.isascii():
                self.needles[mark] += [mark.encode(one) for one in ("utf-16-le", "utf-16-be", "utf-32-le", "koi8-r", "cp1251")]
        for value in digested:
            for name in ("md5", "sha1", "sha224", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
                made = hashlib.new(name, value.encode(), usedforsecurity=False).digest()
                self.needles[f"{name} of {value}"] = [made]
        self.known = known

    def in_bytes(self, data: bytes, file: str, how: str = "", depth: int = 0) -> set[Found]:
        out = set()
        low = data.lower()
        for name, needles in self.needles.items():
            for needle in needles:
                for text in (low, data):
                    at = text.find(needle)
                    while at >= 0:
                        out.add(Found(name, file, how, data[max(0, at - 40) : at + len(needle) + 40]))
                        at = text.find(needle, at + len(needle))
        if depth < _DEPTH:
            for step, inner in _read(data, depth, not any(one in how for one in ("byte", "joined", "backwards", "rot13"))):
                if len(inner) >= 8 and inner != data:
                    out |= self.in_bytes(inner, file, f"{how} › {step}", depth + 1)
        return out

    def in_file(self, path: Path, name: str, depth: int = 0) -> set[Found]:
        out = self.in_bytes(os.fsencode(name), name, "its name")
        with contextlib.suppress(OSError), open(path, "rb") as opened:
            before = b""
            while piece := opened.read(_PIECE):
                if hashlib.sha256(piece).digest() not in self.known:
                    out |= self.in_bytes(_ZEROS.sub(bytes(64), before + piece), name, depth=depth)
                before = piece[-65536:]
        return out

    def in_folders(self, *folders: Path, but: str | None = None, apart: frozenset[Path] = frozenset()) -> list[Found]:
        """In every file below, whose paths do not have the part `but` and lie in no folder `apart`; what goes meanwhile has gone.

        PostgreSQL's log of changes holds what its tables hold, and a hundred megabytes of it: it is read as it is.
        """
        out = set()
        for folder in folders:
            for parent, below, names in os.walk(folder):
                below[:] = [one for one in below if Path(parent, one) not in apart]
                for path in (Path(parent, name) for name in names):
                    within = path.relative_to(folder)
                    if path.is_file() and but not in within.parts:
                        out |= self.in_file(path, str(within), _DEPTH if "pg_wal" in within.parts else 0)
        return sorted(out, key=str)

    def in_rows(self, file: Path) -> list[Found]:
        """Every value of an SQLite file: what a page's end cuts in two in the file is whole here."""
        out = set()
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in db.execute(f'select * from "{table}"'):
                    for value in row:
                        data = value if isinstance(value, bytes) else str(value).encode()
                        out |= self.in_bytes(data, f"{file.name}: {table}")
        return sorted(out, key=str)


def _read(data: bytes, depth: int, whole: bool):
    """What the data says in each encoding that it may be in; `whole`: also those in which all of it may be."""
    joined = _BREAKS.sub(b"", data)
    if whole:
        for step in (2, 4):
            for start in range(step):
                yield f"every byte of {step}", data[start::step]
        if depth == 0:
            yield "backwards", data[::-1]
            yield "rot13", data.translate(_ROT13)
        if joined != data:
            yield "lines joined", joined
    for name, (stretch, escape, made) in _STRETCHES.items():
        for found in stretch.finditer(joined):
            yield name, escape.sub(lambda one, made=made: made(one[0]), found[0])
    yield from _runs(joined)
    yield from _unpacked(data)


def _runs(joined: bytes):
    for found in _HEX.finditer(joined):
        for start in (0, 1):
            run = found[0][start:]
            yield "hex", binascii.unhexlify(run[: len(run) // 2 * 2])
    for found in _SPACED_HEX.finditer(joined):
        run = re.sub(rb"0x|\\x|[ :,;-]", b"", found[0])
        yield "hex", binascii.unhexlify(run[: len(run) // 2 * 2])
    for found in _BASE64.finditer(joined):
        run = found[0].replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            yield "base64", binascii.a2b_base64(_padded(run[start:], 4))
    for found in _BASE32.finditer(joined):
        for start in range(8):
            with contextlib.suppress(binascii.Error):
                yield "base32", base64.b32decode(_padded(found[0][start:], 8))
    for found in _NUMBERS.finditer(joined):
        with contextlib.suppress(ValueError):
            yield "numbers", bytes(int(one) for one in re.findall(rb"\d+", found[0]))


def _padded(run: bytes, group: int) -> bytes:
    """A run without its `=`, made whole again; a letter too many is left out."""
    left = len(run) % group
    if (group, left) in ((4, 1), (8, 1), (8, 3), (8, 6)):
        run, left = run[:-1], left - 1
    return run + b"=" * (-left % group)


def _unpacked(data: bytes):
    for found in re.finditer(rb"\x1f\x8b\x08", data):
        yield "gzip", _pieces(zlib.decompressobj(31), data[found.start() :])
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        yield "zlib", _pieces(zlib.decompressobj(15), data[found.start() :])
    for found in re.finditer(rb"\xfd7zXZ\x00", data):
        yield "xz", _pieces(lzma.LZMADecompressor(), data[found.start() :])
    for found in re.finditer(rb"BZh[1-9]1AY&SY", data):
        yield "bzip2", _pieces(bz2.BZ2Decompressor(), data[found.start() :])
    # By the header before each file: the list at the end may be cut off.
    for found in re.finditer(rb"PK\x03\x04.{4}(..)", data, re.DOTALL):
        at = found.start()
        if len(data) >= at + 30:
            name, extra = (int.from_bytes(data[at + n : at + n + 2], "little") for n in (26, 28))
            rest = data[at + 30 + name + extra :]
            packed = found[1] == b"\x08\x00"
            yield "zip", data[at + 30 : at + 30 + name] + b"\n" + (_pieces(zlib.decompressobj(-15), rest) if packed else b"")


def _pieces(unpacker, data: bytes) -> bytes:
    """As much as can be unpacked: what is cut off tells something as well."""
    out = b""
    with contextlib.suppress(zlib.error, lzma.LZMAError, OSError, EOFError):
        for at in range(0, min(len(data), 8 << 20), 4096):
            out += unpacker.decompress(data[at : at + 4096])
    return out


def _letter(number: int) -> bytes:
    return chr(number).encode("utf-8", "replace") if number < 0x110000 else b"?"
