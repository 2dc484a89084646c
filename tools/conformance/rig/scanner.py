"""Searches every byte of folders for a person's mark, in every form in which it could have been kept.

A person's words (see `people`) all start with the same rare mark, so that one search finds them all. Unsalted hashes
are looked for of each whole address.
"""

import base64
import dataclasses
import gzip
import hashlib
import html
import io
import lzma
import os
import re
import secrets
import zipfile
import zlib
from pathlib import Path

_PIECE = 64 << 20
_DEEP = 3
_EMPTY = re.compile(rb"\0{65,}")


@dataclasses.dataclass(frozen=True)
class Hit:
    """A place where something of the person lies."""

    file: str
    form: str
    near: bytes

    def __str__(self):
        return f"{self.file}: {self.form}: {self.near!r}"


def _shifted(mark: bytes, encode, group: int, letters: int) -> list[bytes]:
    """What stays the same of a coded mark, whatever surrounds it, at each alignment."""
    out = []
    for shift in range(group):
        coded = encode(b"\0" * shift + mark).rstrip(b"=")
        first = -(-shift * 8 // letters)
        last = (shift + len(mark)) * 8 // letters
        out.append(coded[first:last])
    return out


def forms(mark: str) -> dict[str, list[bytes]]:
    """Needles for the mark, by the name of the form."""
    plain = mark.encode()
    upper = mark.upper().encode()
    return {
        "utf-16le": [mark.encode("utf-16-le")],
        "utf-16be": [mark.encode("utf-16-be")],
        "utf-32": [mark.encode("utf-32-le"), mark.encode("utf-32-be")],
        "json": ["".join(f"\\u{ord(c):04x}" for c in mark).encode()],
        "html": ["".join(f"&#{ord(c)};" for c in mark).encode(), "".join(f"&#x{ord(c):x};" for c in mark).encode()],
        "percent": ["".join(f"%{ord(c):02x}" for c in mark).encode()],
        "qp": ["".join(f"={ord(c):02x}" for c in mark).encode()],
        "hex": [plain.hex().encode(), upper.hex().encode()],
        "octal": ["".join(f"\\{ord(c):03o}" for c in mark).encode()],
        "base64": _shifted(plain, base64.b64encode, 3, 6) + _shifted(upper, base64.b64encode, 3, 6),
        "base32": _shifted(plain, base64.b32encode, 5, 5),
        "rot13": [mark.translate(str.maketrans(_AZ, _AZ[13:] + _AZ[:13])).encode()],
        "reversed": [plain[::-1]],
        "bytes as numbers": [", ".join(str(c) for c in plain).encode(), ",".join(str(c) for c in plain).encode()],
    }


_AZ = "abcdefghijklmnopqrstuvwxyz"


def hashes(text: str) -> dict[str, list[bytes]]:
    """Unsalted hashes of the text: raw, in hex and in base64."""
    out = {}
    for name in ("md5", "sha1", "sha256"):
        made = hashlib.new(name, text.encode(), usedforsecurity=False).digest()
        out[f"{name} of an address"] = [made, made.hex().encode(), base64.b64encode(made).rstrip(b"=")]
    return out


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Scanner:
    """Looks for marks and whole addresses."""

    def __init__(self, marks: list[str], addresses: list[str] = (), known: set[bytes] = frozenset()):
        """`known` holds digests of files that were there before anybody came."""
        self.known = known
        self.plain = [mark.lower().encode() for mark in marks]
        # Those that are letters in any case are sought in lower case, the others as they are.
        self.folded: list[tuple[str, bytes]] = []
        self.exact: list[tuple[str, bytes]] = []
        for mark in marks:
            for form, needles in forms(mark.lower()).items():
                loose = form in ("json", "html", "percent", "qp", "hex", "rot13", "reversed")
                for needle in needles:
                    (self.folded if loose else self.exact).append((form, needle.lower() if loose else needle))
        for address in addresses:
            for form, needles in hashes(address).items():
                self.exact += [(form, needle) for needle in needles]

    def in_bytes(self, data: bytes, name: str, deep: int = 0) -> list[Hit]:
        low = data.lower()
        hits = []
        # Long base64 and quoted-printable is broken into lines.
        joined = low.replace(b"=\r\n", b"").replace(b"=\n", b"").replace(b"\r\n", b"").replace(b"\n", b"")
        whole = data.replace(b"\r\n", b"").replace(b"\n", b"")
        for text in (low, joined):
            for needle in self.plain:
                hits += _around(text, needle, name, "plain")
            for form, needle in self.folded:
                hits += _around(text, needle, name, form)
        for text in (data, whole):
            for form, needle in self.exact:
                hits += _around(text, needle, name, form)
        if deep < _DEEP:
            for kind, inner in _unpacked(data):
                hits += self.in_bytes(inner, f"{name} › {kind}", deep + 1)
        return list(dict.fromkeys(hits))

    def in_file(self, path: Path, name: str) -> list[Hit]:
        hits = self.in_bytes(os.fsencode(name), f"{name} (its name)")
        try:
            with open(path, "rb") as file:
                tail = b""
                while piece := file.read(_PIECE):
                    if digest(piece) not in self.known:
                        hits += self.in_bytes(_EMPTY.sub(bytes(64), tail + piece), name)
                    tail = piece[-4096:]
        except (FileNotFoundError, OSError):
            pass  # gone meanwhile, or a socket
        return hits

    def in_folder(self, *folders: Path) -> list[Hit]:
        """All hits in all files under the folders, names included."""
        hits = []
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() or path.is_symlink():
                    hits += self.in_file(path, str(path.relative_to(folder)))
        return list(dict.fromkeys(hits))


def _around(text: bytes, needle: bytes, name: str, form: str) -> list[Hit]:
    at, out = text.find(needle), []
    while at >= 0 and len(out) < 5:
        out.append(Hit(name, form, text[max(0, at - 24) : at + len(needle) + 24]))
        at = text.find(needle, at + 1)
    return out


def _unpacked(data: bytes):
    """What packed data inside the bytes holds, as far as it can be unpacked."""
    for found in re.finditer(rb"\x1f\x8b\x08", data):
        yield "gzip", _inflate(data, found.start(), 31)
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        inner = _inflate(data, found.start(), 15)
        if len(inner) > 16:
            yield "zlib", inner
    for found in re.finditer(rb"\xfd7zXZ\x00", data):
        try:
            yield "xz", lzma.LZMADecompressor().decompress(data[found.start() :], 1 << 24)
        except lzma.LZMAError:
            pass
    if b"PK\x03\x04" in data and b"PK\x05\x06" in data:
        try:
            with zipfile.ZipFile(io.BytesIO(data[data.index(b"PK\x03\x04") :])) as archive:
                for one in archive.namelist():
                    yield f"zip {one}", archive.read(one)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError):
            pass


def _inflate(data: bytes, start: int, bits: int) -> bytes:
    view = memoryview(data)[start:]
    try:
        zlib.decompressobj(bits).decompress(view[:512], 1 << 16)  # chance resemblances end here
        return zlib.decompressobj(bits).decompress(view[: 1 << 22], 1 << 24)
    except zlib.error:
        return b""


def planted(word: str, address: str) -> dict[str, bytes]:
    """The word in each form, to see whether the scanner finds it: name of the form to a file's bytes."""
    noise = secrets.token_bytes(97)
    out = {"plain": word.encode(), "upper": word.upper().encode(), "zip": _zipped(word)}
    out |= {"gzip": gzip.compress(word.encode() * 3), "zlib": zlib.compress(word.encode() * 9), "xz": lzma.compress(word.encode())}
    for codec in ("utf-16-le", "utf-16-be", "utf-32-le"):
        out[codec] = word.encode(codec)
    for before in range(3):
        out[f"base64 {before}"] = base64.b64encode(b"x" * before + word.encode() + b"yz")
        out[f"base64 in lines {before}"] = base64.encodebytes(b"x" * (45 + before) + word.encode() * 8)
    for before in range(5):
        out[f"base32 {before}"] = base64.b32encode(b"x" * before + word.encode() + b"yz")
    out["hex"], out["HEX"] = word.encode().hex().encode(), word.encode().hex().upper().encode()
    out["json"] = "".join(f"\\u{ord(c):04X}" for c in word).encode()
    out["html"] = "".join(f"&#{ord(c)};" for c in word).encode()
    out["percent"] = "".join(f"%{ord(c):02X}" for c in word).encode()
    out["qp"] = "".join(f"={ord(c):02X}" for c in word).encode()
    out["qp in lines"] = (word[:6] + "=\r\n" + word[6:]).encode()
    assert html.unescape(out["html"].decode()) == word
    for name, needles in hashes(address).items():
        out |= {f"{name} {at}": needle for at, needle in enumerate(needles)}
    return {name: noise + data + noise for name, data in out.items()}


def _zipped(word: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", word * 5)
    return packed.getvalue()
