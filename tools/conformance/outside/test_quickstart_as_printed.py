"""What quickstart prints works when it is copied into a shell, an editor, a mail program."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from rig import waiting
from rig.platform import binary


class Quickstart:
    """A running quickstart in a folder of its own, and what it has printed."""

    def __init__(self, folder, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("WAXSEAL_")}
        self.process = subprocess.Popen(
            [binary(), "quickstart", "--data-dir", str(folder / "qs"), "--http", "127.0.0.1:0", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=env, text=True,
        )  # fmt: skip
        self.lines = []
        threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")), daemon=True).start()
        waiting.until(lambda: "Ctrl-C" in self.text or self.process.poll() is not None, "the introduction", 60)
        assert self.process.poll() is None, self.process.stderr.read()

    @property
    def text(self):
        return "".join(list(self.lines))

    def block(self, title: str) -> str:
        """The indented lines below a title."""
        after = self.text.split(title, 1)[1].split("\n", 1)[1]
        out = []
        for line in after.splitlines():
            if line.startswith("  "):
                out.append(line[2:])
            elif line.strip() and out:
                break
        return "\n".join(out)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(40)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    one = Quickstart(tmp_path_factory.mktemp("quickstart"))
    yield one
    assert one.stop() == 0


def run(command, tmp_path, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curl_lines_work_as_they_are_printed(running, tmp_path):
    assert '"message":"Queued. Thank you."' in run(["sh", "-c", running.block("Send a message:")], tmp_path)
    line = running.block("Read the mail:")
    waiting.until(lambda: "friend@example.org" in run(["sh", "-c", line], tmp_path), "the message in the inbox")


def test_the_javascript_works_as_it_is_printed(running, tmp_path):
    (tmp_path / "node_modules").symlink_to(os.environ["WAXSEAL_TEST_NODE"])
    (tmp_path / "a.mjs").write_text(running.block("JavaScript"))
    run(["node", "a.mjs"], tmp_path)
    line = running.block("Read the mail:")
    id_ = waiting.until(lambda: re.search(r'"id":"([^"]+)"', run(["sh", "-c", line], tmp_path)), "an item")
    assert id_


def test_the_python_works_as_it_is_printed(running, tmp_path):
    (tmp_path / "a.py").write_text(running.block("Python"))
    run([sys.executable, "a.py"], tmp_path)


def test_the_login_for_smtp_works_as_it_is_printed(running):
    import smtplib
    import ssl

    host, login, password = re.search(r"SMTP: (\S+) with STARTTLS, login (\S+), password (\S+)", running.text).groups()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP(*host.split(":")) as door:
        door.starttls(context=context)
        door.login(login, password)
        door.sendmail(login, ["friend@example.org"], f"From: {login}\nSubject: s\n\nx\n")


def test_each_event_is_a_line_while_it_happens(running, tmp_path):
    before = len(running.lines)
    run(["sh", "-c", running.block("Send a message:")], tmp_path)
    waiting.until(lambda: {"accepted", "delivered"} <= set(re.findall(r"\w+", "".join(running.lines[before:]))), "the lines of the events")


def test_it_starts_again_on_the_same_folder(tmp_path):
    for _ in range(2):
        one = Quickstart(tmp_path)
        assert '"message":"Queued. Thank you."' in run(["sh", "-c", one.block("Send a message:")], tmp_path)
        assert one.stop() == 0


def test_once_proves_both_doors_and_ends_with_0(tmp_path):
    out = run([binary(), "quickstart", "--once"], tmp_path)
    for word in ("HTTP", "SMTP", "DKIM", "TLS"):
        assert word in out
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments,status", [(["--data-dir", "/dev/null/x"], 1), (["--http", "203.0.113.1:1"], 1), (["--nonsense"], 2), (["--http", "x"], None)])
def test_once_ends_with_a_reason_when_it_cannot(tmp_path, arguments, status):
    done = subprocess.run([binary(), "quickstart", "--once", *arguments], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == status or (status is None and done.returncode in (1, 2))
    assert done.stderr.strip() and "panicked" not in done.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run([binary(), "quickstart", "--data-dir", "qs", "--http", address], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 1 and address in done.stderr


def test_where_it_listens_for_smtp_can_be_configured(tmp_path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    (tmp_path / "own.toml").write_text(f'[submission]\nlisten = ["{address}"]\n')
    running = Quickstart(tmp_path, "--config", "own.toml")
    shown = f"SMTP: {address} " in running.text
    running.stop()
    assert shown
