"""Another version takes over a full queue: a newer one delivers all of it, an older one does so or says why it does not start."""

import os
import random
import sqlite3

import pytest

from rig import load, waiting
from rig.platform import CommandFailed

QUEUE = int(os.environ.get("WAXSEAL_TEST_QUEUE", "150"))
OLD = os.environ.get("WAXSEAL_TEST_OLD_BIN")
# What is accepted waits as long as nobody delivers.
ACCEPTS, ALL = ["api", "submission"], ["api", "submission", "delivery", "readers"]


class House:
    """A server whose version changes, and its queue."""

    def __init__(self, own_platform, binary: str | None = None):
        self.platform = own_platform({"log": {"level": "info"}, "roles": ACCEPTS}, started=False)
        self.new = self.platform.binary
        self.platform.binary = binary or self.new
        self.platform.start()
        self.domain = self.platform.domain(self.platform.account())
        self.ledger = load.Ledger(f"load@{self.domain.name}")
        self.load = load.Load(self.platform, self.domain, self.platform.credential(self.domain), self.ledger)

    def fill(self) -> None:
        """A full queue; the process is killed amid the load."""
        self.load.start()
        waiting.until(lambda: self.ledger.count() >= QUEUE, "a full queue", 60 + QUEUE // 10)
        self.load.pause()
        self.platform.kill()
        self.load.stop()

    def become(self, binary: str, roles: list[str]) -> None:
        self.platform.binary = binary
        self.platform.configure(roles=roles)

    def delivers(self, sink, kills: int, chance: random.Random) -> str:
        """All of it, also if the process is killed while it takes over."""
        cut_before, arrived = sink.cut_off, len(sink.arrivals)
        self.platform.start()
        for number in range(1, kills + 1):
            some = arrived + number * QUEUE // (kills + 1) - chance.randrange(10)
            waiting.until(lambda some=some: len(sink.arrivals) >= some, "some of it", 60 + QUEUE // 10)
            self.platform.kill()
            self.platform.start()
        return load.prove(self.load, sink, lambda: sink.cut_off - cut_before)


@pytest.mark.timeout(180 + QUEUE // 2)
def test_a_newer_version_delivers_what_an_older_one_has_queued(own_platform, sink, seed):
    if not OLD:
        pytest.skip("no older version was named, by --old or WAXSEAL_OLD_BIN")
    house = House(own_platform, OLD)
    house.fill()
    house.become(house.new, ALL)
    print(f"upgrade: {house.delivers(sink, 2, random.Random(seed))}")


@pytest.mark.timeout(180 + QUEUE // 2)
def test_an_older_version_delivers_what_a_newer_one_has_queued_or_says_why_not(own_platform, sink, seed):
    if not OLD:
        pytest.skip("no older version was named, by --old or WAXSEAL_OLD_BIN")
    house = House(own_platform)
    house.fill()
    house.become(OLD, ALL)
    try:
        told = house.delivers(sink, 1, random.Random(seed))
    except CommandFailed as refused:
        assert "database" in str(refused), refused
        house.become(house.new, ALL)
        told = f"refused; and then {house.delivers(sink, 1, random.Random(seed))}"
    print(f"downgrade: {told}")


@pytest.mark.timeout(120 + QUEUE // 2)
def test_a_database_of_a_version_to_come_is_refused_and_left_as_it_is(own_platform, sink, seed):
    house = House(own_platform)
    house.fill()
    file = house.platform.data / "waxseal.db"
    with sqlite3.connect(file) as database:
        database.execute("insert into seaql_migrations (version, applied_at) values ('m9999_to_come', 1)")
    database.close()
    house.become(house.new, ALL)
    for refuse in (house.platform.start, lambda: house.platform.run("queue", "list")):
        with pytest.raises(CommandFailed) as told:
            refuse()
        assert "newer version" in str(told.value) and "m9999_to_come" in str(told.value), told.value
    with sqlite3.connect(file) as database:
        database.execute("delete from seaql_migrations where version = 'm9999_to_come'")
    database.close()
    print(f"refused, and back with the version of before: {house.delivers(sink, 1, random.Random(seed))}")
