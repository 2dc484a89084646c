"""Calls to the disk that fail: no message is acknowledged on the strength of one that did, and the log tells."""

import errno
import os

import pytest

from rig import disk
from rig.platform import CommandFailed

FAULTS = int(os.environ.get("WAXSEAL_TEST_FAULTS", "6"))
KINDS = {"open": disk.OPEN, "write": disk.WRITE, "sync": disk.SYNC, "truncate": disk.TRUNCATE, "rename": disk.RENAME}
# Calls of these kinds are made all the time; the others at the start and when files are made anew.
UNDER_LOAD = ["write", "sync"]


def numbers():
    """Which calls fail: each of the first, or as many of them as asked for."""
    return range(1, FAULTS + 1)


@pytest.mark.timeout(180 + 30 * FAULTS)
@pytest.mark.parametrize("kind", UNDER_LOAD)
def test_a_call_that_fails_under_load_acknowledges_nothing(house, sink, seed, kind):
    """Once, with success afterwards: whoever believes the second sync is found out by the power cut that follows."""
    house.load.start()
    ended = went_on = missed = 0
    for number in numbers():
        house.disk.fail_at(number, KINDS[kind], errno.EIO)
        went_on += house.acknowledges(12, 10)
        missed += not house.disk.plan.fired
        ended += not house.lives()
        house.cut_and_start()
    told = house.prove(sink)
    print(f"{FAULTS} times EIO at {kind} (seed {seed}): went on {went_on}, ended {ended}, not met {missed}: {told}")
    assert missed == 0


@pytest.mark.timeout(180 + 30 * FAULTS)
@pytest.mark.parametrize("kind", UNDER_LOAD)
def test_a_disk_that_keeps_failing_acknowledges_nothing_until_it_is_mended(house, sink, seed, kind):
    house.load.start()
    again = 0
    for number in numbers():
        house.disk.fail_at(number, KINDS[kind], errno.EIO, times=-1)
        assert not house.acknowledges(40, 1.5), "acknowledged on a disk that takes nothing"
        house.disk.mend()
        again += house.acknowledges(3, 15)
        house.cut_and_start()
    told = house.prove(sink)
    print(f"{FAULTS} times a disk that refuses each {kind} (seed {seed}): accepted again {again}: {told}")


@pytest.mark.timeout(180 + 30 * FAULTS * len(KINDS))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_call_that_fails_at_the_start_is_told_and_the_next_start_works(house, sink, seed, kind):
    house.load.start()
    assert house.acknowledges(10, 60)
    refused = []
    for number in numbers():
        house.load.pause()
        house.disk.cut()
        house.disk.look()
        house.disk.fail_at(number, KINDS[kind], errno.EIO)
        try:
            house.platform.start()
        except CommandFailed as error:
            refused.append(str(error))
            house.disk.cut()
            house.disk.start()
        house.load.resume()
        house.acknowledges(2, 10)
    told = house.prove(sink)
    print(f"{FAULTS} starts with EIO at {kind} (seed {seed}): refused {len(refused)}: {told}")
    silent = [one for one in refused if "error" not in one.lower()]
    assert not silent, silent
