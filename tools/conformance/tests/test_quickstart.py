"""The first minutes of a newcomer: `waxseal quickstart` and what it prints."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.request

import pytest

from rig import waiting
from rig.platform import binary


def clean_environment():
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WAXSEAL_") and "proxy" not in name.lower()
    }


def test_once_proves_the_main_job_and_ends_with_0(tmp_path):
    done = subprocess.run(
        [binary(), "quickstart", "--once", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0"],
        capture_output=True, timeout=120, cwd=tmp_path, env=clean_environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode == 0, (text[-1500:], done.stderr.decode()[-1500:])
    for word in ("HTTP", "SMTP", "DKIM"):
        assert word in text, f"{word} is not among what it proved: {text[-1500:]}"


def test_once_twice_in_the_same_folder(tmp_path):
    for _ in range(2):
        done = subprocess.run(
            [binary(), "quickstart", "--once", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0"],
            capture_output=True, timeout=120, cwd=tmp_path, env=clean_environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()[-1500:]


def test_once_says_why_it_cannot(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    done = subprocess.run(
        [binary(), "quickstart", "--once", "--data-dir", str(blocked / "data")],
        capture_output=True, timeout=120, cwd=tmp_path, env=clean_environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode != 0 and done.stderr.strip(), "no reason given"


class Running:
    """A quickstart that goes on, with its lines."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [binary(), "quickstart", "--data-dir", str(folder / "data"), "--http", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=clean_environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))

    def text(self):
        return "\n".join(list(self.lines))

    def curl(self):
        """The curl command as printed, continued lines included."""
        lines = list(self.lines)
        for n, line in enumerate(lines):
            if line.lstrip().startswith("curl "):
                command = []
                for one in lines[n:]:
                    command.append(one)
                    if not one.rstrip().endswith("\\"):
                        return "\n".join(command)
        return None


@pytest.fixture
def running(tmp_path):
    made = Running(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait(10)


def test_the_printed_curl_line_works_and_the_mail_can_be_read_where_it_says(running, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("missing: curl")
    waiting.until(lambda: running.curl() or running.process.poll() is not None, "a curl line", 60)
    command = running.curl()
    assert command, running.text()
    before = len(running.lines)
    env = clean_environment()
    env["NO_PROXY"] = "*"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["message"] == "Queued. Thank you.", answer
    waiting.until(lambda: len(running.lines) > before, "a live line for the event")
    _read_mail(running, command, answer["id"])
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(35) == 0


def _read_mail(running, command, message_id):
    """One of the printed addresses shows the message with the key that was printed too."""
    key = re.search(r"api:([^\s'\"@]+)", command)
    assert key, "the curl line holds no key"
    urls = [url.rstrip("'\".,)") for url in re.findall(r"https?://[^\s'\"]+", running.text())]
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(manager))

    def look():
        for url in dict.fromkeys(urls):
            if "/messages" in url and "inbox" not in url:
                continue
            clean = re.sub(r"//[^/@]*@", "//", url)
            manager.add_password(None, clean, "api", key.group(1))
            try:
                with opener.open(clean, timeout=10) as got:
                    if message_id.strip("<>").encode() in got.read():
                        return clean
            except OSError:
                continue
        return None

    waiting.until(look, f"the message at one of {urls}", 20)


def test_the_snippets_name_the_key_and_the_address(running):
    waiting.until(lambda: running.curl() or running.process.poll() is not None, "a curl line", 60)
    text = waiting.until(lambda: "mailgun.js" in running.text() and running.text(), "the JavaScript snippet", 10)
    assert re.search(r"from mailgun|import mailgun|requests", text), "no Python snippet"
    assert text.count(re.search(r"key-[\w-]+", text).group(0)) >= 3
