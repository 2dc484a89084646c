"""Thirty days of mail on a server that is killed again and again: nothing is there an hour after its limit.

The server, its commands and its database are real; its clocks are moved by half an hour at a time, which it takes for a
machine that was suspended. Another program, with the same clock and no code of the server's, judges what is there.
"""

import contextlib
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import requests

from rig import canary, waiting, wire
from rig.api import Api, Sender
from rig.clock import Clock, possible
from rig.platform import binary
from rig.small_disk import empty, fill

DAYS = int(os.environ.get("WAXSEAL_TEST_DAYS", "4"))
TICK = 1_800
HOUR = 3_600
LIMITS = {
    "retention": {"events_days": 2, "stored_message_days": 1},
    "privacy": {"export_hours": 7},
    "backup": {"every_hours": 9, "keep_days": 1},
    # Its rounds are counted by what it says of them.
    "log": {"level": "debug"},
}
# Of each of these something has to be there at times, and nothing too long.
KINDS = (
    "events", "messages", "bodies", "inbox_items", "idempotency_keys", "queue_entries", "exports", "content keys",
    "event keys", "backups",
)  # fmt: skip


class Time:
    """A server in a time of its own, with the auditor beside it."""

    def __init__(self, own_platform, engine, folder: Path, seed: int):
        if not possible():
            pytest.skip("missing: a C compiler on x86-64")
        self.auditor = Path(binary()).with_name("waxseal-auditor")
        assert self.auditor.exists(), "cargo build -p waxseal-auditor"
        self.platform = own_platform({**engine.config, **LIMITS, "data_dir": folder / "data"}, started=False)
        self.clock = Clock(self.platform)
        self.chance = random.Random(seed)
        self.seen: dict[str, int] = {}
        self.audits, self.kills, self.amid = 0, 0, 0
        self.platform.start()
        account = self.platform.account()
        self.domain = self.platform.domain(account)
        self.credential = self.platform.credential(self.domain)
        self.inbox = Sender(self.platform, self.platform.domain(account, sandbox=True))
        self.sender = Sender(self.platform, self.domain)
        self.round_of(0)

    # Rounds --------------------------------------------------------------------------------

    def rounds(self) -> int:
        """Rounds that this run of the server has ended."""
        said = (self.platform.folder / f"stderr-{self.platform.runs}.log").read_bytes()
        return said.count(b"retention round purged=")

    def round_of(self, before: int) -> None:
        """Waits for a round, and until the server has looked at the clock for when the next is due."""
        waiting.until(lambda: self.rounds() > before, "a round of retention", 30, pause=0.003)
        waiting.until(self.sleeps, "a server with nothing to do", 30, pause=0.001)

    def sleeps(self) -> bool:
        """Whether no thread of the server has anything to compute."""
        threads = Path(f"/proc/{self.platform.process.pid}/task").glob("*/stat")
        return all(one.read_text().rpartition(")")[2].split()[0] == "S" for one in threads)

    def failures(self) -> int:
        """Rounds of this run that could not be ended."""
        said = (self.platform.folder / f"stderr-{self.platform.runs}.log").read_bytes()
        return said.count(b"a retention round failed")

    def passes(self, seconds: float = TICK) -> None:
        """So much time, and the round that comes of it."""
        before = self.rounds()
        self.clock.passes(seconds)
        self.round_of(before)

    def start(self) -> None:
        self.platform.start()
        self.round_of(0)

    # Judging -------------------------------------------------------------------------------

    def report(self) -> dict:
        """What the auditor finds at this moment."""
        command = [self.auditor, "--config", self.platform.file, "--json", "--now", self.clock.told()]
        env = {name: value for name, value in self.platform.env.items() if name != "LD_PRELOAD"}
        done = subprocess.run(command, capture_output=True, env=env, cwd=self.platform.folder, timeout=60)
        assert done.stdout, done.stderr.decode()
        self.audits += 1
        return json.loads(done.stdout)

    def judged(self, when: str) -> None:
        report = self.report()
        for item in report["items"]:
            self.seen[item["name"]] = max(self.seen.get(item["name"], 0), item["count"])
        wrong = [item for item in report["items"] if item["past"] or item["readable"]]
        assert report["holds"] and wrong == [], f"{when}, {self.kills} kills: {wrong or report['unknown']}"

    # What happens --------------------------------------------------------------------------

    def traffic(self, sink) -> None:
        """Some of everything that has a limit."""
        gone, busy, kept = (f"{canary.word()}@rcpt.test" for _ in range(3))
        sink.refuse(gone, "550 5.1.1 nobody", always=True)
        sink.refuse(busy, "451 4.7.1 later", always=True)
        later = str(int(self.clock.now()) + self.chance.randrange(1, 40) * HOUR)
        stored = self.send(kept)
        self.send(gone)
        self.send(busy)
        self.send(f"{canary.word()}@rcpt.test", ("o:deliverytime", later))
        for name in ("anybody", "complain"):
            self.send(f"{name}@{self.inbox.domain.name}", sender=self.inbox)
        with wire.opened(self.platform.submission, self.credential) as line:
            line.envelope(f"a@{self.domain.name}", f"{canary.word()}@rcpt.test")
            assert line.talk("DATA").code == 354
            line.send(f"From: a@{self.domain.name}\r\n\r\n{canary.word()}\r\n.\r\n".encode())
            assert line.reply().code == 250
        assert Api(self.platform, self.domain.account.key).post("/v1/privacy/exports").status_code in (202, 429)
        sink.wait(kept)
        self.sender.wait_event(stored, "delivered", kept)

    def send(self, recipient: str, *options, sender: Sender | None = None) -> str:
        sender = sender or self.sender
        fields = [("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", canary.word()), *options]
        return sender.send(fields, headers={"Idempotency-Key": canary.word()})

    def killed(self, seconds: float) -> None:
        """SIGKILL at some moment after the clock has moved: before its round, in it, or after."""
        self.kills += 1
        before = self.rounds()
        self.clock.passes(seconds)
        with contextlib.suppress(requests.RequestException, AssertionError):
            if self.chance.random() < 0.5:
                self.send(f"{canary.word()}@rcpt.test")
        time.sleep(self.chance.uniform(0, self.chance.choice((0.01, 0.03, 0.1))))
        self.platform.kill()
        self.amid += self.rounds() == before


@pytest.fixture
def memory():
    """A folder in memory, where there is one: thousands of commits, and nothing here is about disks."""
    there = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=there if there.is_dir() else None, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.timeout(240 + 90 * DAYS)
def test_at_no_tick_is_anything_there_an_hour_after_its_limit(memory, own_platform, engine, sink, seed):
    world = Time(own_platform, engine, memory, seed)
    for tick in range(DAYS * 48):
        when = f"seed {seed}, tick {tick}"
        if tick % 48 == 0 or world.chance.random() < 1 / 48:
            world.traffic(sink)
        if world.chance.random() < 1 / 16:
            world.killed(TICK)
            world.judged(when)
            world.start()
            continue
        before = world.rounds()
        world.clock.passes(TICK)
        if tick % 4 == 0:
            # Beside the round, when the last one is longest ago.
            world.judged(when)
        world.round_of(before)
    world.judged("the end")
    missing = [name for name in KINDS if not world.seen.get(name)]
    assert missing == [], f"nothing of it was ever there: {missing}"
    assert world.platform.command("audit", "verify")["sound"], "the audit trail"
    print(f"{DAYS} days, {world.kills} kills, {world.amid} of them before a round had ended, {world.audits} audits")


@pytest.mark.timeout(400)
def test_a_disk_that_fills_up_in_a_round_keeps_nothing_too_long(small_disk, own_platform, engine, sink, seed):
    """The reserve is there for it: what is to go goes, at no bytes free and after kills."""
    world = Time(own_platform, engine, small_disk, seed)
    full = world.chance.randrange(50, 60)
    # What was captured until noon of the first day stays for three.
    for tick in range(3 * 48 + 24):
        when = f"seed {seed}, tick {tick}, full since {full}"
        if tick < 24 and tick % 4 == 0:
            world.traffic(sink)
        if tick > full and world.chance.random() < 1 / 12:
            world.killed(TICK)
            world.start()
            continue
        ended = world.rounds() + world.failures()
        world.clock.passes(TICK)
        if tick == full:
            time.sleep(world.chance.uniform(0, 0.02))
            fill(small_disk)
        waiting.until(lambda: world.rounds() + world.failures() > ended, "a round", 30, pause=0.003)  # noqa: B023
        waiting.until(world.sleeps, "a server with nothing to do", 30, pause=0.001)
        world.judged(when)
    left = {item["name"]: item["count"] for item in world.report()["items"]}
    assert left["inbox_items"] == left["idempotency_keys"] == left["exports"] == 0 < world.seen["inbox_items"], left
    assert left["events"] < world.seen["events"], left
    empty(small_disk)
    print(f"{world.kills} kills, {world.amid} of them before a round had ended, {world.audits} audits")


def test_where_not_even_the_reserve_is_left_the_first_round_with_room_deletes(small_disk, own_platform, engine, sink, seed):
    world = Time(own_platform, engine, small_disk, seed)
    world.traffic(sink)
    for _ in range(47):
        world.passes()
    for _ in range(6):
        ended = world.rounds() + world.failures()
        world.clock.passes(TICK)
        waiting.until(lambda: world.rounds() + world.failures() > ended, "a round", 30, pause=0.003)  # noqa: B023
        # Somebody takes what is free, and what was given up for the round.
        fill(small_disk)
    world.killed(0)
    empty(small_disk)
    world.start()
    world.judged(f"seed {seed}, with room again")
