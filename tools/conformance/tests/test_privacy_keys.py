"""Keys: what is destroyed stays destroyed in old copies, and a kill while they change leaves old or new, nothing half."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from rig import waiting
from rig.people import Person
from rig.platform import CommandFailed, binary

KILLS = int(os.environ.get("WAXSEAL_TEST_KILLS", "5"))


def _reads(person) -> None:
    """Everything that was sealed for the person opens."""
    for put in person.put:
        sender = person.inbox if put.outcome == "complained" or put.recipient == person.captured else person.sender
        event = sender.wait_event(put.id, "accepted")
        assert event["message"]["headers"]["subject"] == dict(put.fields)["subject"]
    first = person.put[0]
    stored = person.sender.get(person.sender.wait_event(first.id, "accepted")["storage"]["url"])
    assert stored.status_code == 200 and stored.json()["subject"] == dict(first.fields)["subject"]
    person.view()


def _epochs(platform) -> set[int]:
    return {one["epoch"] for one in platform.command("keys", "list")["items"]}


@pytest.fixture
def world(own_platform, sink):
    platform = own_platform()
    return platform, Person(platform, sink).live()


@pytest.mark.timeout(400)
def test_a_kill_while_keys_are_wrapped_anew_leaves_all_readable(world):
    platform, person = world
    began = time.monotonic()
    platform.run("keys", "rotate")
    takes = time.monotonic() - began
    chance = random.Random(time.time_ns())
    for turn in range(KILLS * 2):
        by_server = turn % 2 == 0
        if not by_server:
            assert platform.stop() == 0
        command = subprocess.Popen(
            [binary(), "keys", "rotate", "--config", str(platform.file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=platform.env, cwd=platform.folder,
        )  # fmt: skip
        try:
            command.wait(chance.uniform(0, takes * 1.2))
        except subprocess.TimeoutExpired:
            pass
        if by_server:
            platform.kill()
        command.send_signal(signal.SIGKILL)
        command.wait(10)
        platform.start()
        _reads(person)
        assert len(_epochs(platform)) == 1, "keys under two epochs"
        person.send()


def test_keys_are_listed_without_the_keys(world):
    platform, person = world
    listed = platform.command("keys", "list")["items"]
    own = [one for one in listed if one["account_id"] == person.account.id]
    assert own and all(set(one) == {"number", "class", "account_id", "day", "epoch"} for one in own)
    assert any(one["day"] for one in own) and any(one["day"] is None for one in own)


def test_a_new_epoch_lets_old_copies_of_the_key_store_open_nothing(world, tmp_path):
    """Whoever kept keys.db from before, even with the master key, has nothing without the old keys.epoch."""
    platform, person = world
    before = _epochs(platform)
    assert platform.stop() == 0
    old = {path.name: path.read_bytes() for path in platform.data.glob("keys.*")}
    platform.run("keys", "rotate")
    now = {path.name: path.read_bytes() for path in platform.data.glob("keys.*")}
    for mixed in ({"keys.db": old["keys.db"]}, {"keys.epoch": old["keys.epoch"]}):
        for name, data in {**now, **mixed}.items():
            (platform.data / name).write_bytes(data)
        try:
            platform.start()
        except (CommandFailed, waiting.TooLate):
            continue
        answer = person.sender.get(f"/v3/{person.domain.name}/events")
        assert answer.status_code >= 400 or answer.json()["items"] == [], f"an old {list(mixed)[0]} opens everything"
        platform.kill()
    for name, data in now.items():
        (platform.data / name).write_bytes(data)
    platform.start()
    assert _epochs(platform).isdisjoint(before)
    _reads(person)


def test_nothing_of_the_old_epochs_key_rests_anywhere(world):
    platform, _ = world
    assert platform.stop() == 0
    old = (platform.data / "keys.epoch").read_bytes()
    platform.run("keys", "rotate")
    platform.run("keys", "rotate")
    pieces = {old[at : at + 16] for at in range(0, len(old) - 16, 8)}
    pieces = {one for one in pieces if len(set(one)) > 10}  # what looks like chance
    assert pieces, "there is a key in it"
    for path in platform.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            left = [one for one in pieces if one in data]
            assert left == [], f"{path.name} still holds bytes of the epoch's key"


def test_a_command_can_stand_for_the_master_key(own_platform, sink, tmp_path):
    key = os.urandom(32).hex()
    secret = tmp_path / "kms"
    secret.write_text(f"#!/bin/sh\necho {key}\n")
    secret.chmod(0o700)
    platform = own_platform({"keys": {"master_key_command": str(secret)}})
    person = Person(platform, sink)
    person.send()
    assert platform.stop() == 0
    assert key.encode() not in platform.written()
    for path in platform.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert path.name != "master.key" and key.encode() not in data and bytes.fromhex(key) not in data, path.name
    shutil.move(secret, tmp_path / "gone")
    with pytest.raises((CommandFailed, waiting.TooLate)):
        platform.start()
