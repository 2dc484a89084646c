"""SIGKILL at named points of a message's way: what docs/durability.md says of each is what is found afterwards.

The points are calls that the server makes, seen from outside (`shim/disk.c`), so the binary that is tested is the one
that is shipped. At each of them one message alone says exactly what became of it, and then the whole load is on.
"""

import contextlib
import dataclasses
import os
from collections.abc import Callable

import pytest
import requests

from rig import load, waiting, wire
from rig.api import Sender
from rig.disk import DIE_AFTER, DIE_BEFORE, Disk
from rig.faulty import House
from rig.platform import CommandFailed

# Kills at each point under load.
KILLS = int(os.environ.get("WAXSEAL_TEST_POINT_KILLS", "1"))
LOG, FILE, NOTES = "/waxseal.db-wal", "/waxseal.db", "/sent.notes"
# Of each pair of records in `sent.notes` the first says "sent", the second "delivered".
PAIR, FIRST, SECOND = 64, 0, 32
YES = {"http": b"HTTP/1.1 200 OK", "smtp": b"250 2.0.0 "}


@dataclasses.dataclass(frozen=True)
class Point:
    """Where the process dies: `arm` sets it up, for the Nth time that a message comes by."""

    name: str
    arm: Callable[[Disk, str, int], None]
    # What is found of a message that was alone there: whether its sender heard yes (None: either), how often it arrives
    # in the end, whether its event says that this may have been a second copy.
    heard: bool | None
    copies: int
    is_named: bool = False
    # It is reached while the server starts on what another kill has left.
    at_start: bool = False


def committing(action: int, first: int):
    return lambda disk, door, nth: disk.die_putting(action, LOG, first + nth - 1)


def telling(action: int, what: bytes | None = None):
    return lambda disk, door, nth: disk.die_telling(action, what or YES[door], nth)


def noting(action: int, record: int):
    return lambda disk, door, nth: disk.die_putting(action, NOTES, nth, PAIR, record)


POINTS = [
    Point("amid a group commit", committing(DIE_BEFORE, 3), False, 0),
    Point("before the sync of a commit", lambda disk, _, nth: disk.die_settling(DIE_BEFORE, LOG, nth), False, 1),
    Point("after the commit, before the yes", telling(DIE_BEFORE), False, 1),
    Point("after the yes", telling(DIE_AFTER), True, 1),
    Point("before the first note", noting(DIE_BEFORE, FIRST), None, 1),
    Point("after the first note", noting(DIE_AFTER, FIRST), None, 1, is_named=True),
    Point("before the dot", telling(DIE_BEFORE, b".\r\n"), None, 1, is_named=True),
    Point("after the dot", telling(DIE_AFTER, b".\r\n"), None, 2, is_named=True),
    Point("before the second note", noting(DIE_BEFORE, SECOND), None, 2, is_named=True),
    Point("after the second note", noting(DIE_AFTER, SECOND), None, 1),
    Point("amid a checkpoint", lambda disk, _, nth: disk.die_putting(DIE_AFTER, FILE, nth), True, 1, at_start=True),
]


@pytest.fixture
def house(house):
    # The recipients' server there speaks without TLS: what is sent to it can be seen.
    house.ledger.domain = "plain.test"
    return house


@dataclasses.dataclass
class Probe:
    """One message at one point."""

    point: Point
    door: str
    word: str
    heard: bool

    def found(self, sink, sender: Sender, ledger: load.Ledger) -> tuple[int, list[bool]]:
        """How often it arrived, and of each event of it whether it says so."""
        events = sender.events(recipient=ledger.address(self.word), event="delivered")
        named = [event["delivery-status"].get("possible-duplicate", False) for event in events]
        return len(sink.seen(ledger.address(self.word))), named


def send(house: House, door: str) -> tuple[str, bool]:
    """One message; its word, and whether it was acknowledged."""
    before = set(house.ledger.attempted)
    with contextlib.suppress(requests.RequestException, OSError, AssertionError, wire.Closed):
        if door == "http":
            with requests.Session() as session:
                session.trust_env = False
                session.auth = ("api", house.domain.account.key)
                house.load.post(session)
        else:
            with wire.opened(house.platform.submission, house.credential) as line:
                house.load.submit(line)
    (word,) = set(house.ledger.attempted) - before
    return word, word in house.ledger.acknowledged


def restart(house: House, point: Point, nth: int = 1) -> None:
    """After the death. With a point of the start it dies again there."""
    assert house.disk.plan.fired or point.at_start, f"never reached: {point.name}"
    house.disk.mend()
    if point.at_start:
        point.arm(house.disk, "", nth)
        with contextlib.suppress(CommandFailed):
            house.platform.start()
            house.platform.kill()
        assert house.disk.plan.fired, f"never reached: {point.name}"
        house.disk.mend()
    house.platform.start()


def probe(house: House, point: Point, door: str, sink) -> Probe:
    """A server that has nothing else to do dies there with one message."""
    warm, heard = send(house, door)
    assert heard
    sink.wait(house.ledger.address(warm))
    waiting.until(lambda: load.noted(house.platform) == 0, "no notes")
    if point.at_start:
        # Paused, since what is on its way when the server is killed may have been handed over, and is named so.
        house.platform.command("queue", "pause", "--all")
    else:
        point.arm(house.disk, door, 1)
    word, heard = send(house, door)
    if not point.at_start:
        assert house.disk.wait_for_death(10), f"it did not die: {point.name}, {door}"
    else:
        house.platform.kill()
    restart(house, point)
    if point.at_start:
        house.platform.command("queue", "resume", "--all")
    return Probe(point, door, word, heard)


@pytest.mark.timeout(300)
def test_what_is_promised_of_each_point_is_found_of_a_message_that_was_there(house, sink):
    probes = []
    for number, point in enumerate(POINTS):
        # What comes after the yes knows no doors.
        doors = list(YES) if point.heard is not None else [list(YES)[number % 2]]
        probes += [probe(house, point, door, sink) for door in doors]
    house.load.start()
    house.prove(sink)
    sender = Sender(house.platform, house.domain)
    wrong = []
    for one in probes:
        copies, named = one.found(sink, sender, house.ledger)
        print(f"{one.point.name:<34} {one.door}: heard {one.heard}, arrived {copies}, named {named}")
        as_said = copies == one.point.copies and named == [one.point.is_named] * min(1, copies)
        if not as_said or one.point.heard not in (None, one.heard):
            wrong.append(f"{one.point.name}, {one.door}")
    assert wrong == []


@pytest.mark.timeout(180 + 30 * KILLS * len(POINTS))
def test_kills_at_named_points_under_load_lose_invent_and_alter_nothing(house, sink, seed):
    chance, cut_before = house.disk.chance, sink.cut_off
    house.load.start()
    for number in range(KILLS * len(POINTS)):
        point, nth = POINTS[number % len(POINTS)], chance.randint(1, 40)
        assert house.acknowledges(chance.randint(5, 25), 60), f"no load before {point.name}"
        if point.at_start:
            house.load.pause()
            house.platform.kill()
        else:
            point.arm(house.disk, chance.choice(list(YES)), nth)
            died = house.disk.wait_for_death(30)
            house.load.pause()
            assert died, f"it did not die: {point.name}"
        restart(house, point, chance.randint(1, 8))
        house.load.resume()
    told = house.prove(sink, lambda: sink.cut_off - cut_before)
    print(f"{KILLS} kills at each of {len(POINTS)} points (seed {seed}): {told}")
