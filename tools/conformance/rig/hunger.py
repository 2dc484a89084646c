"""What a server runs on gets scarce: descriptors, memory."""

import contextlib
import os
import resource
import socket
from pathlib import Path

# Where groups are, and the file of their limit; a file that is there only if these are groups of memory.
_CGROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "cgroup.controllers"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.limit_in_bytes"),
)


def descriptors(pid: int) -> int:
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def bound_descriptors(pid: int, most: int | None) -> None:
    """No more than this from now on; none: as many as there may be."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard if most is None else most, hard))


class Crowd:
    """Connections that are opened and say nothing."""

    def __init__(self, address: tuple[str, int], number: int):
        self.open: list[socket.socket] = []
        for _ in range(number):
            with contextlib.suppress(OSError):
                one = socket.create_connection(address, 2)
                one.settimeout(0.5)
                self.open.append(one)

    def heard(self) -> dict[str, int]:
        """How often the server has begun with which three digits; with nothing if it has not said anything."""
        counted: dict[str, int] = {}
        for one in self.open:
            begun = ""
            with contextlib.suppress(OSError):
                begun = one.recv(64)[:3].decode()
            counted[begun] = counted.get(begun, 0) + 1
        return counted

    def leave(self) -> None:
        for one in self.open:
            one.close()


@contextlib.contextmanager
def little_memory(pid: int, room: int):
    """The kernel lets the process have so many bytes more than now; none where that cannot be asked for."""
    for root, limit, shown_by in _CGROUPS:
        group = root / f"waxseal-faults-{os.getpid()}"
        if not (root / shown_by).exists():
            continue
        try:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(pid))
            # What it has already stays on the account of the group that it comes from.
            (group / limit).write_text(str(room))
        except OSError:
            with contextlib.suppress(OSError):
                (root / "cgroup.procs").write_text(str(pid))
                group.rmdir()
            continue
        try:
            yield "cgroup"
        finally:
            with contextlib.suppress(OSError, ProcessLookupError):
                (root / "cgroup.procs").write_text(str(pid))
            with contextlib.suppress(OSError):
                group.rmdir()
        return
    size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (size + room, before[1]))
    try:
        yield "limit of addresses"
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)
