"""What a server costs: CPU time and memory of its process, or of all processes below it."""

import os
import threading
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAUSE = 0.1


def _fields(pid: int) -> list[str]:
    """Of `/proc/PID/stat`, those behind the name: the parent's pid is the second."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_fields(int(entry))[1]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(children.get(one, []))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Of processes that live, and of children of theirs that ended."""
    ticks = 0
    for root in pids:
        for pid in family(root):
            try:
                ticks += sum(int(field) for field in _fields(pid)[11:15])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return ticks / TICK


def memory(pids: list[int]) -> int:
    """Bytes, pages that several processes share counted once."""
    total = 0
    for root in pids:
        for pid in family(root):
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
            except (FileNotFoundError, ProcessLookupError, PermissionError, StopIteration):
                continue
    return total


class Meter:
    """Watches servers from `with` to its end."""

    def __init__(self, pids: list[int]):
        self.pids = pids
        self.cpu = 0.0
        self.peak = 0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.is_set():
            self.peak = max(self.peak, memory(self.pids))
            self._over.wait(PAUSE)

    def __enter__(self) -> "Meter":
        self._before, self.began = cpu_seconds(self.pids), time.monotonic()
        self._watch.start()
        return self

    def __exit__(self, *_) -> None:
        self.took = time.monotonic() - self.began
        self.cpu = cpu_seconds(self.pids) - self._before
        self._over.set()
        self._watch.join()
