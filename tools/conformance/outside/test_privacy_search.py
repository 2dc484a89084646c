"""The searches themselves: leaks planted in every encoding, and in one inside another, are found by all who search."""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import secrets
import subprocess
import urllib.parse
import zipfile
import zlib
from pathlib import Path

import pytest

from rig import platform as rig_platform
from rig.decoding import Reader

MARK = "cnxvtzqbdkwmhgf"
WORD = MARK + "pwzrkdn"
ADDRESS = f"{WORD}@rcpt.test"


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.txt", data)
    return out.getvalue()


ENCODINGS = {
    "plain": lambda b: b,
    "upper": lambda b: b.upper(),
    "utf-16le": lambda b: b.decode("latin-1").encode("utf-16-le"),
    "utf-16be": lambda b: b.decode("latin-1").encode("utf-16-be"),
    "json": lambda b: "".join(f"\\u{c:04x}" for c in b).encode(),
    "html": lambda b: "".join(f"&#{c};" for c in b).encode(),
    "percent": lambda b: "".join(f"%{c:02X}" for c in b).encode(),
    "hex": lambda b: b.hex().encode(),
    "base64": lambda b: base64.b64encode(secrets.token_bytes(secrets.randbelow(3)) + b),
    "base64 in lines": lambda b: base64.encodebytes(secrets.token_bytes(40 + secrets.randbelow(6)) + b),
    "quoted-printable": lambda b: "".join(f"={c:02X}" for c in b).encode(),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zip": zipped,
}  # fmt: skip
MORE = {"xz": lzma.compress, "bzip2": bz2.compress, "base32": base64.b32encode, "url": lambda b: urllib.parse.quote_from_bytes(b).encode()}
DIGESTS = {f"{name} {how}": (name, how) for name in ("md5", "sha1", "sha256") for how in ("raw", "hex", "base64")}


def digest(name: str, how: str) -> bytes:
    made = hashlib.new(name, ADDRESS.encode(), usedforsecurity=False)
    return {"raw": made.digest(), "hex": made.hexdigest().encode(), "base64": base64.b64encode(made.digest())}[how]


def among_noise(data: bytes) -> bytes:
    chance = random.Random()
    return chance.randbytes(chance.randint(0, 900)) + b"\0" + data + b"\0" + chance.randbytes(chance.randint(0, 900))


# Escapes are for text, and what was packed is none; capitals make something else of what is encoded.
OF_TEXT = {"json", "html", "upper", "url", "utf-16le", "utf-16be"}
PACKED = {"gzip", "zlib", "zip", "xz", "bzip2"}


def test_the_reader_finds_what_is_encoded_twice(tmp_path):
    coders = {**ENCODINGS, **MORE}
    for outer, coder in coders.items():
        for inner, first in coders.items():
            if outer != "upper" and not (outer in OF_TEXT and inner in PACKED | {"base64", "base64 in lines"}):
                (tmp_path / f"{outer} of {inner}").write_bytes(among_noise(coder(first(WORD.encode() * 4))))
    missed = {path.name for path in tmp_path.iterdir()} - {one.file for one in Reader([MARK]).in_folders(tmp_path)}
    assert missed == set()


def test_the_reader_finds_a_name_a_digest_and_letters_of_other_alphabets(tmp_path):
    cyrillic = "жщюфцзйкъэ"
    (tmp_path / f"{WORD}.txt").write_bytes(b"")
    (tmp_path / "a").write_bytes(among_noise(json.dumps(cyrillic).encode()))
    (tmp_path / "b").write_bytes(among_noise(base64.b64encode(cyrillic.encode("utf-16-le"))))
    (tmp_path / "c").write_bytes(among_noise(hashlib.sha512(ADDRESS.encode()).hexdigest().encode()))
    found = {one.file for one in Reader([MARK, cyrillic], [ADDRESS]).in_folders(tmp_path)}
    assert found == {f"{WORD}.txt", "a", "b", "c"}


def test_the_reader_finds_nothing_in_noise(tmp_path):
    (tmp_path / "noise").write_bytes(secrets.token_bytes(1 << 20) + base64.b64encode(secrets.token_bytes(1 << 16)))
    assert Reader([MARK], [ADDRESS]).in_folders(tmp_path) == []


def plant(folder: Path) -> dict[str, int]:
    """Two hundred leaks: each encoding in turn, in files of its own, at places of their own."""
    leaks = {name: coder(WORD.encode()) for name, coder in ENCODINGS.items()}
    leaks |= {name: digest(*which) for name, which in DIGESTS.items()}
    names = list(leaks)
    for number in range(200):
        name = names[number % len(names)]
        data = leaks[name] if "base64" not in name or name in DIGESTS else ENCODINGS[name](WORD.encode())
        path = folder / secrets.token_hex(1) / f"{number:03}.{secrets.token_hex(4)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(among_noise(data))
    return {str(path.relative_to(folder)): int(path.name[:3]) for path in folder.rglob("*") if path.is_file()}


def test_the_products_trace_finds_two_hundred_planted_leaks(own_platform, tmp_path):
    # Its own: a trace reads every file, and the platform that all tests share has many.
    platform = own_platform({})
    folder = tmp_path / "planted"
    planted = plant(folder)
    listed = []
    for term in (ADDRESS, WORD):
        done = platform.command("privacy", "trace", term, "--also", str(folder))
        listed += [match["place"] for match in done["matches"]]
        assert WORD not in json.dumps(done), "the answer tells the term"
    missed = sorted(name for name in planted if not any(name in place for place in listed))
    names = list(ENCODINGS) + list(DIGESTS)
    assert missed == [], sorted({names[planted[one] % len(names)] for one in missed})


@pytest.fixture
def verify(own_platform, tmp_path):
    """The separate program, looking for the word and the address in a folder: its status."""
    # Its own: an erasure searches every file, and the platform that all tests share has many.
    platform = own_platform({})
    verifier = Path(rig_platform.binary()).with_name("waxseal-verifier")
    if not verifier.exists():
        pytest.skip("missing: waxseal-verifier")
    person = f"{secrets.token_hex(6)}@rcpt.test"
    made = platform.command("privacy", "erase-recipient", person, "--account", platform.account().id)
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(platform.run("privacy", "certificate", made["erasure"]).stdout)
    public = platform.run("privacy", "public-key").stdout.decode().split()[-1]

    def verify(data: bytes) -> int:
        folder = tmp_path / secrets.token_hex(8)
        folder.mkdir()
        (folder / "f").write_bytes(data)
        command = [verifier, certificate, "--key", public, "--scan", folder, "--word", WORD, "--word", ADDRESS]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    return verify


def test_the_products_verifier_finds_each_planted_leak(verify):
    assert verify(secrets.token_bytes(100_000)) == 0
    leaks = {name: coder(WORD.encode()) for name, coder in ENCODINGS.items()}
    leaks |= {name: digest(*which) for name, which in DIGESTS.items() if "md5" not in name}
    assert [name for name, data in leaks.items() if verify(among_noise(data)) != 1] == []


def test_the_products_verifier_finds_unsalted_md5(verify):
    assert [how for how in ("raw", "hex", "base64") if verify(among_noise(digest("md5", how))) != 1] == []
