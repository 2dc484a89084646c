"""No descriptor is left, or no memory: newcomers are put off, nobody's mail is lost, and it is over once there is room."""

import os
import threading
import time
from collections import Counter

import pytest
import requests

from rig import canary, hunger, load, waiting, wire
from rig.clock import Clock, possible
from rig.platform import Credential, Domain, Platform

ROUNDS = int(os.environ.get("WAXSEAL_TEST_HUNGER", "1"))
# All that the server may open, and how many come at once by each door.
DESCRIPTORS, FLOOD = 256, 150
# Within that newcomers are let in again.
AGAIN = 5.0
STEP = 600
# So long memory is scarce, unless the process ends before, and so much it may have beyond what it has.
LASTS, ROOM = 4.0, 16 << 20
MEGABYTE = 1 << 20


class World:
    """A server under load, and what is scarce for it."""

    def __init__(self, own_platform, under: tuple[str, ...] = (), config: dict | None = None):
        self.platform: Platform = own_platform({"log": {"level": "info"}, **(config or {})}, started=False)
        self.clock = Clock(self.platform)
        self.platform.under = list(under)
        self.platform.start()
        self.domain: Domain = self.platform.domain(self.platform.account())
        self.credential: Credential = self.platform.credential(self.domain)
        self.ledger = load.Ledger(f"load@{self.domain.name}")
        self.load = load.Load(self.platform, self.domain, self.credential, self.ledger, rest=0.05)

    @property
    def pid(self) -> int:
        return self.platform.process.pid

    def lives(self) -> bool:
        return self.platform.process.poll() is None

    def acknowledges(self, more: int, timeout: float = 30) -> None:
        target = self.ledger.count() + more
        waiting.until(lambda: self.ledger.count() >= target, "acknowledged messages", timeout)

    def post(self, text: str = "t", to: str | None = None, timeout: float = 30) -> int:
        """What a newcomer hears; 0 if nobody answers."""
        fields = {"from": f"single@{self.domain.name}", "to": to or f"{canary.word()}@rcpt.test", "subject": "s", "text": text}
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.auth = ("api", self.domain.account.key)
                url = f"{self.platform.url}/v3/{self.domain.name}/messages"
                return session.post(url, data=fields, timeout=timeout).status_code
        except (requests.RequestException, KeyError):
            return 0

    def greeting(self) -> int:
        try:
            with wire.Line(self.platform.submission) as line:
                line.socket.settimeout(2)
                return line.reply().code
        except OSError:
            return 0

    def drains(self, sink) -> None:
        """Time passes until nothing waits: an attempt that found no descriptor comes again."""
        for _ in range(30):
            self.clock.passes(STEP)
            waiting.until(lambda: load.is_calm(self.platform, lambda: len(sink.arrivals)), "nothing under way", 60)
            if self.platform.command("queue", "list", "--limit", "1")["waiting"] == 0:
                return


@pytest.mark.timeout(120 + 90 * ROUNDS)
def test_without_descriptors_newcomers_are_put_off_and_nothing_is_lost(own_platform, sink):
    if not possible():
        pytest.skip("missing: a C compiler on x86-64")
    many = {"submission": {"connections_per_peer": 1000}}
    world = World(own_platform, ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"), many)
    world.load.start()
    world.acknowledges(10)
    heard, again = {}, 0.0
    for _ in range(ROUNDS):
        crowds = [hunger.Crowd(host, FLOOD) for host in (world.platform.submission, load_host(world))]
        # Who is in goes on; who comes hears "later", or waits to be taken.
        world.acknowledges(10)
        heard = crowds[0].heard()
        assert heard.get("421", 0) > FLOOD // 3 and set(heard) <= {"220", "421", ""}, heard
        assert world.lives() and hunger.descriptors(world.pid) < DESCRIPTORS
        for crowd in crowds:
            crowd.leave()
        began = time.monotonic()
        waiting.until(lambda: world.greeting() == 220 and world.post() == 200, "newcomers let in", AGAIN)
        again = max(again, time.monotonic() - began)
        # Not even its own work can open anything any more.
        hunger.bound_descriptors(world.pid, 8)
        waiting.until(lambda: world.greeting() == 0 and world.post(timeout=2) == 0, "nobody is taken", 10)
        assert world.lives()
        hunger.bound_descriptors(world.pid, None)
        began = time.monotonic()
        waiting.until(lambda: world.greeting() == 220 and world.post() == 200, "newcomers let in", AGAIN)
        again = max(again, time.monotonic() - began)
        world.acknowledges(10)
    world.load.stop()
    world.drains(sink)
    told = load.prove(world.load, sink, lambda: 0)
    assert b"panicked" not in world.platform.written()
    print(f"{DESCRIPTORS} descriptors, {FLOOD} newcomers at each door: {heard}; let in again after {again:.1f} s at most: {told}")


def load_host(world: World) -> tuple[str, int]:
    host, _, port = world.platform.url.split("//")[1].rpartition(":")
    return host, int(port)


@pytest.mark.timeout(120 + 60 * ROUNDS)
def test_without_memory_nothing_is_lost_whatever_becomes_of_the_process(own_platform, sink):
    if not possible():
        pytest.skip("missing: a C compiler on x86-64")
    world = World(own_platform)
    world.load.start()
    taken, heard, ended, how, cut_before = [], Counter(), 0, "", sink.cut_off
    for _ in range(ROUNDS):
        world.acknowledges(10)
        over = threading.Event()

        def large(over=over):
            while not over.is_set():
                to = f"{canary.word()}@rcpt.test"
                code = world.post("large " * MEGABYTE, to)
                heard[code] += 1
                if code == 200:
                    taken.append(to)

        with hunger.little_memory(world.pid, ROOM) as how:
            crowd = [threading.Thread(target=large, daemon=True) for _ in range(16)]
            for one in crowd:
                one.start()
            try:
                waiting.until(lambda: not world.lives(), "an end", LASTS)
            except waiting.TooLate:
                pass
            world.load.pause()
            over.set()
            if not world.lives():
                ended += 1
                world.platform.kill()
        if world.platform.process is None:
            world.platform.start()
        for one in crowd:
            one.join(60)
        world.load.resume()
    world.acknowledges(10)
    world.load.stop()
    world.drains(sink)
    lost = [one for one in taken if not sink.seen(one)]
    assert lost == [], f"{len(lost)} of {len(taken)} large messages"
    told = load.prove(world.load, sink, lambda: sink.cut_off - cut_before)
    print(f"{ROUNDS} times without memory ({how}): it ended {ended} times; large messages heard {dict(heard)}: {told}")
    assert heard.keys() <= {200, 503, 0}, heard
