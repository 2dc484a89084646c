"""Success is answered only after the data is on the disk, as the kernel saw it."""

import os
import shutil
import subprocess
import time

import pytest

from rig import canary, disk, syscalls, wire
from rig.api import Sender

MESSAGES = int(os.environ.get("WAXSEAL_TEST_TRACED", "500"))
UNSYNCED = 20
QUIET = {"log": {"level": "warn"}, "roles": ["api", "submission"]}


def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


traced = pytest.mark.skipif(
    not _can_trace(), reason="strace is not allowed here" if shutil.which("strace") else "missing: strace"
)


class Trace:
    """`strace` on the running server while the block lasts."""

    def __init__(self, platform, path):
        self.pid, self.path = platform.process.pid, path

    def __enter__(self):
        calls = "trace=write,pwrite64,pwritev,writev,sendto,sendmsg,fsync,fdatasync"
        self.process = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "24", "-e", calls, "-e", "signal=none", "-o", str(self.path), "-p", str(self.pid)],
            stderr=subprocess.PIPE,
        )  # fmt: skip
        for line in self.process.stderr:
            if b"attached" in line:
                return self
        pytest.skip("strace may not attach to a running process here")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def lines(self):
        return self.path.read_text(errors="replace").splitlines()


def _traced(platform, folder, door, messages):
    """What was seen while a fresh account's first messages were taken, the first of all among them."""
    sender = Sender(platform, platform.domain(platform.account()))
    credential = platform.credential(sender.domain)
    at = int(time.time()) + 3600

    def by_http():
        sender.send(
            [
                ("from", f"a@{sender.domain.name}"),
                ("to", f"{canary.word()}@rcpt.test"),
                ("text", "t"),
                ("o:deliverytime", str(at)),
            ]
        )

    with wire.opened(platform.submission, credential) as line:
        line.socket.settimeout(60)

        def by_smtp():
            line.envelope(f"a@{sender.domain.name}", f"{canary.word()}@rcpt.test")
            assert line.talk("DATA").code == 354
            line.send(f"From: a@{sender.domain.name}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
            assert line.reply().code == 250

        send = by_http if door == "http" else by_smtp
        with Trace(platform, folder / "trace") as trace:
            for _ in range(messages):
                send()
    lines = trace.lines()
    # SMTP answers 250 to MAIL and RCPT as well, with other texts; only replies of acceptance count.
    found = syscalls.judge(lines)
    assert found.replies == messages, f"{found.replies} replies among {len(lines)} lines"
    return found


@traced
@pytest.mark.parametrize("door", ["http", "smtp"])
def test_data_is_synced_before_success_is_answered(own_platform, tmp_path, door):
    found = _traced(own_platform(QUIET), tmp_path, door, MESSAGES)
    assert not found.wrong, found.wrong[:5]
    # The first message of an account needs a key, without which its rows would be noise after a power cut.
    assert found.first[:1] == ["keys.db-wal"] and len(found.first) > 1, found.first


@traced
@pytest.mark.skipif(not disk.possible(), reason="missing: cc")
@pytest.mark.parametrize("door", ["http", "smtp"])
def test_a_server_that_does_not_sync_is_found_out(own_platform, tmp_path, door):
    """The same server over a disk whose syncs come back at once and never reach the kernel."""
    platform = own_platform(QUIET, started=False)
    lying = disk.Disk(platform, 0)
    lying.lie()
    platform.start()
    found = _traced(platform, tmp_path, door, UNSYNCED)
    assert len(found.wrong) == UNSYNCED and found.synced == 0, found
