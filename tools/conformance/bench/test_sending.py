"""The sending path: what a message costs the server from the call to the recipient's server, against another binary.

Servers take turns, each started afresh on an empty folder for each round, so that both meet the same machine. What is
compared is CPU time of the server's process, which a busy machine changes least.
"""

import os
import statistics
import threading
import time
from pathlib import Path

import pytest
import requests

from rig import canary, waiting, wire
from rig.platform import Platform

MESSAGES = int(os.environ.get("WAXSEAL_BENCH_MESSAGES", "2000"))
ROUNDS = int(os.environ.get("WAXSEAL_BENCH_ROUNDS", "3"))
SESSIONS = 8
TEXT = "x" * 76 + "\r\n"
BODY = TEXT * (4096 // len(TEXT))
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def by_http(platform, domain, _credential, count):
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("api", domain.account.key)
        for _ in range(count):
            fields = {"from": f"a@{domain.name}", "to": f"{canary.word()}@rcpt.test", "subject": "s", "text": BODY}
            answer = session.post(f"{platform.url}/v3/{domain.name}/messages", data=fields, timeout=60)
            assert answer.status_code == 200, answer.text


def by_smtp(platform, domain, credential, count):
    with wire.opened(platform.submission, credential) as line:
        for _ in range(count):
            line.envelope(f"a@{domain.name}", f"{canary.word()}@rcpt.test")
            assert line.talk("DATA").code == 354
            line.send(f"From: a@{domain.name}\r\nSubject: s\r\n\r\n{BODY}.\r\n".encode())
            assert line.reply().code == 250


def one_round(folder, outside, send) -> tuple[float, float]:
    """Milliseconds of CPU for a message, and messages a second."""
    platform = Platform(folder, outside, {"log": {"level": "info"}}).start()
    try:
        domain = platform.domain(platform.account())
        credential = platform.credential(domain)
        send(platform, domain, credential, 20)
        before, began = cpu_seconds(platform.process.pid), time.monotonic()
        threads = [
            threading.Thread(target=send, args=(platform, domain, credential, MESSAGES // SESSIONS))
            for _ in range(SESSIONS)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

        def is_empty():
            queue = platform.command("queue", "list", "--limit", "1")
            return queue["waiting"] == 0 and queue["in_flight"] == 0

        waiting.until(is_empty, "an empty queue", 300, pause=0.3)
        took = time.monotonic() - began
        return (cpu_seconds(platform.process.pid) - before) * 1000 / MESSAGES, MESSAGES / took
    finally:
        platform.kill()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("send", [by_http, by_smtp], ids=["http", "smtp"])
def test_what_a_message_costs(outside, tmp_path, send, monkeypatch):
    own = os.environ["WAXSEAL_BIN"]
    other = os.environ.get("WAXSEAL_BENCH_AGAINST")
    binaries = {"this": own, **({"other": other} if other else {})}
    figures = {name: [] for name in binaries}
    for number in range(ROUNDS):
        for name, binary in list(binaries.items())[:: 1 if number % 2 else -1]:
            monkeypatch.setenv("WAXSEAL_BIN", binary)
            figures[name].append(one_round(tmp_path / f"{name}-{number}", outside, send))
    medians = {}
    for name, rounds in figures.items():
        cpu, rate = (statistics.median(column) for column in zip(*rounds))
        medians[name] = cpu
        shown = ", ".join(f"{one:.2f}" for one, _ in rounds)
        print(f"{name}: {cpu:.2f} ms of CPU a message ({shown}), {rate:.0f} messages a second")
    if other:
        print(f"this / other: {medians['this'] / medians['other']:.3f}")
