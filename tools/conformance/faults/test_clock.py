"""The wall clock is set forward and back under load, by hours, days and years: nothing is lost, given up or stuck."""

import os

import pytest

from rig import canary, load, waiting
from rig.api import Sender
from rig.clock import Clock, possible

HOUR, DAY, YEAR = 3_600, 86_400, 31_557_600
JUMPS = [-HOUR, 3 * HOUR, DAY, -6 * DAY, 10 * YEAR]
ROUNDS = int(os.environ.get("WAXSEAL_TEST_JUMP_ROUNDS", "1"))
# Mail that is put off all the while, and may wait no longer than an hour before it is given up.
BUSY = 4
STEP = 600


class World:
    """A server under load whose clock somebody sets."""

    def __init__(self, own_platform, sink, seed: int):
        if not possible():
            pytest.skip("missing: a C compiler on x86-64")
        self.platform, self.sink = own_platform({"log": {"level": "info"}}, started=False), sink
        self.clock = Clock(self.platform)
        self.platform.start()
        self.domain = self.platform.domain(self.platform.account())
        self.sender = Sender(self.platform, self.domain)
        self.ledger = load.Ledger(f"load@{self.domain.name}")
        self.credential = self.platform.credential(self.domain)

    def begin(self) -> None:
        """Load, until it is stopped."""
        self.load = load.Load(self.platform, self.domain, self.credential, self.ledger)
        self.load.start()

    def drains(self) -> int:
        """Time passes until nothing waits any more; how many steps that took."""
        for step in range(1, 7):
            self.clock.passes(STEP)
            waiting.until(lambda: load.is_calm(self.platform, lambda: len(self.sink.arrivals)), "nothing under way", 30)
            if self.platform.command("queue", "list", "--limit", "1")["waiting"] == 0:
                return step
        raise AssertionError(f"still waiting an hour later: {self.platform.command('queue', 'list')}")

    def given_up(self, people: list[str]) -> list[str]:
        return [one for one in people if self.sender.events(recipient=one, severity="permanent")]

    def goes_on(self, more: int = 12) -> None:
        """So many more messages are accepted, and arrive."""
        before, arrived = set(self.ledger.acknowledged), len(self.sink.arrivals)
        waiting.until(lambda: len(self.ledger.acknowledged) >= len(before) + more, "acknowledged messages", 30)
        waiting.until(lambda: len(self.sink.arrivals) >= arrived + more, "their arrival", 30)

    def put_off(self) -> list[str]:
        """Mail that its server does not take now; whom it is for."""
        people = [f"{canary.word()}@rcpt.test" for _ in range(BUSY)]
        for one in people:
            self.sink.refuse(one, "451 4.7.1 later", always=True)
            fields = [("from", f"a@{self.domain.name}"), ("to", one), ("text", "t"), ("o:deliver-within", "1h")]
            self.sender.send(fields)
            self.sink.wait_refusal(one)
        return people


@pytest.mark.timeout(240 + 120 * ROUNDS)
def test_a_clock_that_is_set_loses_gives_up_and_holds_nothing(own_platform, sink, seed):
    """It is set wrong under load, and right again; then an operator says so. All that waits leaves within the hour."""
    world = World(own_platform, sink, seed)
    steps = []
    for jump in JUMPS * ROUNDS:
        world.begin()
        world.goes_on()
        waits = world.put_off()
        world.clock.jumps(jump)
        world.goes_on()
        waits += world.put_off()
        world.clock.jumps(-jump)
        world.goes_on()
        world.load.stop()
        assert world.given_up(waits) == [], f"given up after a jump of {jump} s"
        world.platform.command("privacy", "confirm-clock")
        for one in waits:
            sink.relent(one)
        steps.append(world.drains())
        left = [one for one in waits if len(sink.seen(one)) != 1]
        assert left == [], f"after a jump of {jump} s: {world.platform.command('queue', 'list')}"
    told = load.prove(world.load, sink, lambda: 0)
    assert world.platform.command("audit", "verify")["sound"], "the audit trail"
    print(f"{len(steps)} times set by {JUMPS} s and back; what waited left within {max(steps) * STEP // 60} minutes: {told}")
