"""What a power cut leaves of a folder, made from the log that `shim/disk.c` writes.

Of a file only what was synced is sure to be there, of a name only what its folder was synced for. The rest survives by
chance: not at all, up to some write (the last one torn), or page by page in any order.
"""

import dataclasses
import random
import struct
from pathlib import Path

_LINE = struct.Struct("<IIQqq")
PAGE, SECTOR = 4096, 512
MODES = ["nothing", "in order", "by pages"]


@dataclasses.dataclass
class File:
    """`kept` is on stable storage; `loose` came after, each with its place in the log."""

    kept: bytearray
    loose: list[tuple[int, str, int, bytes | int]] = dataclasses.field(default_factory=list)
    # What the program sees: all of it, and what a failed sync has dropped.
    live: bytearray = dataclasses.field(default_factory=bytearray)

    def change(self, number: int, kind: str, at: int, what: bytes | int) -> None:
        self.loose.append((number, kind, at, what))
        _apply(self.live, kind, at, what)

    def synced(self, until: int) -> None:
        for number, kind, at, what in self.loose:
            if number < until:
                _apply(self.kept, kind, at, what)
        self.dropped(until)

    def dropped(self, until: int) -> None:
        self.loose = [one for one in self.loose if one[0] >= until]

    def after(self, chance: random.Random, mode: str) -> bytes:
        if mode == "nothing" or not self.loose:
            return bytes(self.kept)
        if mode == "in order":
            left = bytearray(self.kept)
            survive = chance.randint(0, len(self.loose))
            for _, kind, at, what in self.loose[:survive]:
                _apply(left, kind, at, what)
            if survive < len(self.loose):
                _, kind, at, what = self.loose[survive]
                if kind == "W":
                    # Whole sectors, counted from the start of the file.
                    end = (at + chance.randint(0, len(what))) // SECTOR * SECTOR
                    _apply(left, kind, at, what[: max(0, end - at)])
            return bytes(left)
        new = bytearray(self.kept)
        for _, kind, at, what in self.loose:
            _apply(new, kind, at, what)
        length = chance.choice([len(self.kept), len(new)])
        left = bytearray(self.kept[:length].ljust(length, b"\0"))
        for at in range(0, length, PAGE):
            page = new[at : min(at + PAGE, length)]
            fate = chance.random()
            if fate < 0.45:
                left[at : at + len(page)] = page
            elif fate < 0.6:
                torn = chance.randrange(0, PAGE, SECTOR)
                left[at : at + len(page[:torn])] = page[:torn]
        return bytes(left)


def _apply(content: bytearray, kind: str, at: int, what: bytes | int) -> None:
    if kind == "T":
        size = int(what)
        del content[size:]
        content.extend(bytes(size - len(content)))
    elif what:
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(what)] = what


@dataclasses.dataclass
class Name:
    """A change of names in a folder (or two)."""

    number: int
    kind: str
    paths: list[str]
    file: File | None
    synced: bool = False

    def folders(self) -> set[str]:
        return {path.rpartition("/")[0] for path in self.paths}

    def apply(self, names: dict[str, File | None]) -> None:
        if self.kind in "CD":
            names[self.paths[0]] = self.file
        elif self.kind == "U":
            names.pop(self.paths[0], None)
        elif self.paths[0] in names:
            names[self.paths[1]] = names.pop(self.paths[0])


class Image:
    """A folder and what was done in it since it was looked at."""

    def __init__(self, root: Path):
        self.root = str(root)
        self.names: dict[str, File | None] = {}  # path -> file; None is a folder
        self.files: dict[int, File] = {}
        self.changes: list[Name] = []
        self.lines = 0
        self.syncs = 0
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                self.names[str(path)] = None
            elif path.is_file() and not path.name.endswith("-shm"):
                content = path.read_bytes()
                one = File(bytearray(content), live=bytearray(content))
                self.names[str(path)] = self.files[path.stat().st_ino] = one

    def read(self, log: Path) -> "Image":
        """Take in the log; a last line that was not finished does not count."""
        data, at = log.read_bytes(), 0
        while at + _LINE.size <= len(data):
            kind, more, inode, offset, size = _LINE.unpack_from(data, at)
            at += _LINE.size
            if at + more > len(data):
                break
            self._take(chr(kind), inode, offset, size, data[at : at + more])
            self.lines += 1
            at += more
        return self

    def _take(self, kind: str, inode: int, offset: int, size: int, more: bytes) -> None:
        number = self.lines
        if kind == "W":
            self.files[inode].change(number, "W", offset, more)
        elif kind == "T":
            self.files[inode].change(number, "T", 0, size)
        elif kind in "EF" and more:
            folder = more.decode()
            for change in self.changes:
                if kind == "E" and change.number < size and folder in change.folders():
                    change.synced = True
        elif kind in "EF":
            self.syncs += 1
            (self.files[inode].synced if kind == "E" else self.files[inode].dropped)(size)
        elif kind in "CDUR":
            paths = more.decode().split("\0")
            file = None
            if kind == "C":
                file = self.files[inode] = File(bytearray())
            self.changes.append(Name(number, kind, paths, file))

    def live(self) -> dict[str, bytes]:
        """The files as the program sees them."""
        names = dict(self.names)
        for change in self.changes:
            change.apply(names)
        return {path: bytes(file.live) for path, file in names.items() if file is not None}

    def after_cut(self, chance: random.Random, mode: str) -> dict[str, bytes | None]:
        """Names with what is in them, as a power cut leaves them; folders have nothing in them."""
        names = dict(self.names)
        # Of each folder the changes up to some point survive: file systems keep their order.
        loose = {folder: 0 for change in self.changes for folder in change.folders()}
        if mode != "nothing":
            loose = {folder: chance.randint(0, self.lines + 1) for folder in sorted(loose)}
        for change in self.changes:
            if change.synced or all(change.number < loose[folder] for folder in change.folders()):
                change.apply(names)
        there = {path for path, file in names.items() if file is None} | {self.root}
        left = {}
        for path, file in sorted(names.items()):
            # What lies in a folder that is gone is gone as well.
            if path.rpartition("/")[0] in there:
                left[path] = None if file is None else file.after(chance, mode)
            else:
                there.discard(path)
        return left


def put(root: Path, left: dict[str, bytes | None]) -> None:
    """Makes the folder hold exactly this."""
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    for name, content in left.items():
        path = Path(name)
        if content is None:
            path.mkdir(mode=0o700)
        else:
            path.touch(mode=0o600)
            path.write_bytes(content)
