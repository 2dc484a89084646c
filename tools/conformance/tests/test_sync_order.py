"""Success is answered only after the data is on the disk, as the kernel saw it."""

import os
import shutil
import subprocess
import time

import pytest

from rig import canary, syscalls, wire
from rig.api import Sender

MESSAGES = int(os.environ.get("WAXSEAL_TEST_TRACED", "500"))


def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


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


@pytest.mark.skipif(not _can_trace(), reason="strace is not allowed here" if shutil.which("strace") else "missing: strace")
@pytest.mark.parametrize("door", ["http", "smtp"])
def test_data_is_synced_before_success_is_answered(own_platform, tmp_path, door):
    platform = own_platform({"log": {"level": "warn"}, "roles": ["api", "submission"]})
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
        send()
        with Trace(platform, tmp_path / "trace") as trace:
            for _ in range(MESSAGES):
                send()
    lines = trace.lines()
    # SMTP answers 250 to MAIL and RCPT as well, with other texts; only replies of acceptance count.
    found = syscalls.judge(lines)
    assert found.replies == MESSAGES, f"{found.replies} replies among {len(lines)} lines"
    assert not found.wrong, found.wrong[:5]
    without = syscalls.judge([one for one in lines if "sync" not in one])
    assert len(without.wrong) == MESSAGES, "the check does not notice when nothing is synced"
