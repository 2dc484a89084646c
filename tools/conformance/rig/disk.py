"""A disk that can be cut off, fail, lie and fill up, under a server of the test's own. See `shim/disk.c`."""

import dataclasses
import mmap
import random
import shutil
import struct
import subprocess
from pathlib import Path

from rig import image, waiting
from rig.platform import CommandFailed, Platform

# Kinds of calls, and what happens at one: as in the shim.
OPEN, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, WORD, PUT, SETTLE, SAY = (1 << bit for bit in range(10))
ANY = OPEN | WRITE | SYNC | TRUNCATE | RENAME | UNLINK
NOTHING, DIE_BEFORE, DIE_AFTER, FAIL = 0, 1, 2, 3

_CONTROL = struct.Struct("<IIqiiIIIIq64s32sII")
_FAR = 1 << 40
_SOURCE = Path(__file__).parents[1] / "shim" / "disk.c"


def possible() -> bool:
    return shutil.which("cc") is not None


def compiled(folder: Path) -> Path:
    made = folder / "disk.so"
    if not made.exists():
        command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(made), str(_SOURCE), "-ldl", "-lpthread"]
        done = subprocess.run(command, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
    return made


@dataclasses.dataclass
class Plan:
    """What the control page says."""

    action: int = NOTHING
    kinds: int = 0
    countdown: int = 0
    error: int = 0
    times: int = 0
    fired: int = 0
    lying: int = 0
    limited: int = 0
    refused: int = 0
    room: int = 0
    word: bytes = b""
    file: bytes = b""
    stride: int = 0
    at: int = 0


class Disk:
    """The disk under one platform, which has to be started and cut off through it."""

    def __init__(self, platform: Platform, seed: int):
        folder = platform.folder
        self.platform, self.chance = platform, random.Random(seed)
        self.log, page = folder / "disk.log", folder / "disk.control"
        page.write_bytes(bytes(4096))
        with page.open("r+b") as opened:
            self._page = mmap.mmap(opened.fileno(), 4096)
        self.cuts: dict[str, int] = {}
        self.syncs = 0
        self._before: image.Image | None = None
        platform.data.mkdir(mode=0o700, exist_ok=True)
        platform.around = {
            # The shim stays with the first program: it must not start itself once more.
            "_WAXSEAL_ALLOCATOR_SET": "1",
            "LD_PRELOAD": str(compiled(folder)),
            "FAULTS_ROOT": str(platform.data),
            "FAULTS_LOG": str(self.log),
            "FAULTS_CONTROL": str(page),
        }

    # The control page ----------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        return Plan(*_CONTROL.unpack_from(self._page))

    @plan.setter
    def plan(self, plan: Plan) -> None:
        # The action last: it is what sets the rest off.
        packed = _CONTROL.pack(*dataclasses.astuple(plan))
        self._page[4 : len(packed)] = packed[4:]
        self._page[0:4] = packed[0:4]

    def die_at(self, countdown: int, kinds: int = ANY) -> None:
        """The process dies at that call from now on, before it or after."""
        self._die(self.chance.choice([DIE_BEFORE, DIE_AFTER]), kinds, countdown)

    def die_at_word(self, word: str) -> None:
        """The process dies at the first write with this word in it, before it or after."""
        self.plan = dataclasses.replace(self.plan, word=word.encode())
        self.die_at(1, WORD)

    def die_telling(self, action: int, word: bytes, countdown: int = 1) -> None:
        """The process dies before or after it sends this to somebody, in the clear."""
        self.plan = dataclasses.replace(self.plan, word=word)
        self._die(action, SAY, countdown)

    def die_putting(self, action: int, file: str, countdown: int = 1, stride: int = 0, at: int = 0) -> None:
        """The process dies before or after a write to the file of that name; with a stride only at such places of it."""
        self.plan = dataclasses.replace(self.plan, file=file.encode(), stride=stride, at=at)
        self._die(action, PUT, countdown)

    def die_settling(self, action: int, file: str, countdown: int = 1) -> None:
        """The process dies before or after a sync of the file of that name."""
        self.plan = dataclasses.replace(self.plan, file=file.encode())
        self._die(action, SETTLE, countdown)

    def _die(self, action: int, kinds: int, countdown: int) -> None:
        self.plan = dataclasses.replace(self.plan, action=action, kinds=kinds, countdown=countdown, fired=0)

    def count(self) -> None:
        """Calls are counted from now on."""
        self.plan = dataclasses.replace(Plan(), action=DIE_BEFORE, kinds=ANY, countdown=_FAR)

    @property
    def counted(self) -> int:
        """Calls since `count`."""
        return _FAR - self.plan.countdown

    def fail_at(self, countdown: int, kinds: int, error: int, times: int = 1) -> None:
        """That call fails, and those after it until `times` of them did (-1: all)."""
        self.plan = dataclasses.replace(
            self.plan, action=FAIL, kinds=kinds, countdown=countdown, error=error, times=times, fired=0
        )

    def fill(self, room: int) -> None:
        """Files may grow by so many bytes together, what is given up counted in."""
        self.plan = dataclasses.replace(self.plan, limited=1, room=room, refused=0)

    def mend(self) -> None:
        """No fault from now on, and room for everything."""
        self.plan = dataclasses.replace(Plan(), lying=self.plan.lying)

    def lie(self) -> None:
        """Syncs succeed and do nothing."""
        self.plan = dataclasses.replace(self.plan, lying=1)

    # Running and cutting -------------------------------------------------------------------

    def look(self) -> None:
        """What is in the folder now is on stable storage: the state that the next log begins at."""
        self._before = image.Image(self.platform.data)
        self.log.unlink(missing_ok=True)

    def start(self, dying: int = 0) -> None:
        """Starts the server; with `dying` it dies at that call, and is started again on what that leaves."""
        self.look()
        if dying:
            self.die_at(dying)
        try:
            self.platform.start()
        except CommandFailed:
            if not self.plan.fired:
                raise
            self.cut()
            self.start()

    def wait_for_death(self, timeout: float) -> bool:
        """Whether the process died by itself; the server is gone afterwards either way."""
        try:
            waiting.until(lambda: self.platform.process.poll() is not None, "the cut", timeout)
            return True
        except waiting.TooLate:
            return False
        finally:
            self.platform.kill()

    def cut(self, mode: str | None = None) -> str:
        """The power goes: the folder is what a disk would hold."""
        if self.platform.process is not None:
            self.platform.kill()
        mode = mode or self.chance.choice(image.MODES)
        after = self._before.read(self.log)
        self.syncs += after.syncs
        image.put(self.platform.data, after.after_cut(self.chance, mode))
        self.cuts[mode] = self.cuts.get(mode, 0) + 1
        self.mend()
        return mode

    def differences(self) -> list[str]:
        """Files that are not as the log says: something wrote past it."""
        said = self._before.read(self.log).live()
        there = {
            str(path): path.read_bytes()
            for path in self.platform.data.rglob("*")
            if path.is_file() and not path.name.endswith("-shm")
        }
        return sorted(path for path in said.keys() | there.keys() if said.get(path) != there.get(path))
