"""Clocks that a test moves under a server of its own. See `shim/clock.c`."""

import mmap
import platform as machine
import shutil
import struct
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from rig.platform import Platform

_CONTROL = struct.Struct("<qqq")
_SOURCE = Path(__file__).parents[1] / "shim" / "clock.c"
_SECOND = 1_000_000_000
# Who sleeps looks at the wall clock again after two seconds.
_LOOK_AGAIN = 2 * _SECOND + 1
# What is begun without a time of its own begins here.
BEGINNING = datetime(2026, 3, 1, 12, tzinfo=UTC)


def possible() -> bool:
    return shutil.which("cc") is not None and machine.machine() == "x86_64"


class Clock:
    """The clocks of one platform and of its commands."""

    def __init__(self, platform: Platform):
        self.asleep, self.wrong, self.hurry = 0, int(BEGINNING.timestamp() * _SECOND) - time.time_ns(), 0
        made, page = platform.folder / "clock.so", platform.folder / "clock.control"
        command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-o", str(made), str(_SOURCE), "-ldl"]
        done = subprocess.run(command, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        page.write_bytes(bytes(4096))
        with page.open("r+b") as opened:
            self._page = mmap.mmap(opened.fileno(), 4096)
        self._put()
        around = {"LD_PRELOAD": str(made), "CLOCK_CONTROL": str(page)}
        platform.env |= around

    def _put(self) -> None:
        self._page[: _CONTROL.size] = _CONTROL.pack(self.asleep, self.wrong, self.hurry)

    def now(self) -> float:
        """The time there, in seconds since the epoch."""
        return (time.time_ns() + self.asleep + self.wrong) / _SECOND

    def told(self) -> str:
        """The time there, as commands take it."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def passes(self, seconds: float) -> None:
        """So much time passes, as on a machine that is suspended."""
        self.asleep += int(seconds * _SECOND)
        self.hurry += _LOOK_AGAIN
        self._put()

    def jumps(self, seconds: float) -> None:
        """Somebody sets the wall clock, forward or back."""
        self.wrong += int(seconds * _SECOND)
        self.hurry += _LOOK_AGAIN
        self._put()
