"""Reads what `strace` wrote and tells whether each reply came after its data was on the disk.

Only writes to the write-ahead logs count: what a checkpoint copies from there into the database's
files is still in the log until those files were synced.
"""

import dataclasses
import re

_LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<rest>.*)$")
_CALL = re.compile(r"^(?P<name>\w+)\((?P<fd>\d+)<(?P<where>[^>]*)>")
_RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>")
_REPLY = re.compile(r'"(250 2\.0\.0 OK|HTTP/1\.1 200 OK)')
_WRITES = {"write", "pwrite64", "pwritev", "writev", "sendto", "sendmsg"}
_SYNCS = {"fsync", "fdatasync"}


@dataclasses.dataclass
class Finding:
    replies: int = 0
    synced: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    # The names of the logs that were synced before the first reply, in the order of their first sync.
    first: list[str] = dataclasses.field(default_factory=list)


def judge(lines: list[str]) -> Finding:
    """Every reply of success must follow at least one sync, and no log may hold unsynced bytes then."""
    found = Finding()
    unfinished: dict[str, tuple[str, str]] = {}  # thread -> (call, file)
    dirty: set[str] = set()
    syncs = 0
    for line in lines:
        match = _LINE.match(line)
        if not match:
            continue
        pid, rest = match["pid"], match["rest"]
        resumed = _RESUMED.match(rest)
        if resumed:
            name, where = unfinished.pop(pid, (resumed["name"], ""))
        else:
            call = _CALL.match(rest)
            if not call:
                continue
            name, where = call["name"], call["where"]
        open_ended = rest.endswith("<unfinished ...>")
        if open_ended:
            unfinished[pid] = (name, where)
        if name in _WRITES and where.endswith("-wal") and not resumed:
            dirty.add(where)
        elif name in _SYNCS and where.endswith("-wal") and not open_ended:
            # A write of another thread while the sync ran is not covered; the next sync must be.
            dirty.discard(where)
            syncs += 1
            if found.replies == 0 and (log := where.rpartition("/")[2]) not in found.first:
                found.first.append(log)
        elif name in _WRITES and not resumed and _REPLY.search(rest):
            found.replies += 1
            if syncs == 0:
                found.wrong.append(f"reply {found.replies}: nothing was synced since the one before")
            elif dirty:
                found.wrong.append(f"reply {found.replies}: unsynced {sorted(dirty)}")
            else:
                found.synced += 1
            syncs = 0
    return found
