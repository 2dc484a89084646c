"""SIGKILL while an account is erased, a backup restored, keys wrapped anew: whatever the moment, it ends as it should.

The moments are calls that change files: those that write down each step in the audit trail, and others at even distances
over the whole of it, each before or after the call. Where PostgreSQL has the rows, some are moments of time instead.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest
import requests

from rig import disk, waiting
from rig.api import Api
from rig.people import Person
from rig.platform import CommandFailed, binary
from rig.scanner import Scanner

KILLS = int(os.environ.get("WAXSEAL_TEST_KILLS", "5"))
STEPS = ("account_delete_asked", "erasure_started", "keys_destroyed", "erasure_finished", "certificate_issued")


class Killed:
    """A platform that dies at a call of our choosing, with somebody on it who is to notice nothing."""

    def __init__(self, own_platform, engine, sink, seed: int):
        if not disk.possible():
            pytest.skip("missing: a C compiler")
        config = {**engine.config, "erasure": {"grace_days": 0}}
        self.platform, self.engine, self.sink = own_platform(config, started=False), engine, sink
        self.disk = disk.Disk(self.platform, seed)
        self.platform.start()
        self.stays = Person(self.platform, sink).live()
        self.gone: list[Person] = []
        self.died = 0
        self.verifier = Path(binary()).with_name("waxseal-verifier")
        assert self.verifier.exists(), "cargo build -p waxseal-verifier"
        self.key = self.platform.command("privacy", "public-key")["public_key"]

    def somebody(self) -> Person:
        """Somebody with some of everything, who will be erased."""
        person = Person(self.platform, self.sink)
        person.send()
        person.send(person.address(), "delivered", person.inbox)
        person.send(person.address(), "accepted", options=[("o:deliverytime", str(int(time.time()) + 7200))])
        person.send_by_smtp()
        self.gone.append(person)
        return person

    def erase(self, person: Person) -> str:
        """Asks for it, as the customer does where that is still possible; the erasure's id once it is done."""
        asked = self.platform.command("account", "delete", person.account.id)["erasure"]
        done = lambda: self.platform.command("privacy", "erasure", asked)["state"] == "done"  # noqa: E731
        waiting.until(done, "the end of the erasure", 60, pause=0.1)
        return asked

    def certified(self, person: Person, erasure: str) -> None:
        file = self.platform.folder / "certificate.json"
        file.write_bytes(self.platform.run("privacy", "certificate", erasure).stdout)
        command = [self.verifier, file, "--key", self.key, "--account", person.account.id, "--scan", self.platform.data]
        done = subprocess.run(command, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()

    def is_nowhere(self, *people: Person) -> None:
        """In no file, of PostgreSQL either but for its own log, which goes by its own rules."""
        # What the shim wrote down is no part of it.
        self.disk.log.unlink(missing_ok=True)
        known = self.engine.cluster.pristine if self.engine.cluster else frozenset()
        addresses = [address for person in people for address in person.addresses[::5]]
        folders = self.engine.folders(self.platform)
        hits = Scanner([person.mark for person in people], addresses, known).in_folder(*folders)
        assert [str(one) for one in hits if "pg_wal" not in one.file] == []
        for person in people:
            assert person.sender.get(f"/v3/{person.domain.name}/events").status_code == 401

    def command(self, *arguments: str) -> subprocess.Popen:
        """One that runs on the disk as well."""
        return subprocess.Popen(
            [binary(), *arguments, "--config", str(self.platform.file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**self.platform.env, **self.platform.around}, cwd=self.platform.folder,
        )  # fmt: skip

    def ends(self, command: subprocess.Popen, timeout: float = 60) -> int:
        """By itself, at the call, or now; how many calls were counted."""
        try:
            command.wait(timeout)
        except subprocess.TimeoutExpired:
            command.kill()
            command.wait(10)
        self.died += command.returncode == -9
        counted = self.disk.counted
        self.disk.mend()
        return counted


@pytest.fixture
def killed(own_platform, engine, sink, seed):
    return Killed(own_platform, engine, sink, seed)


def moments(total: int, number: int, chance) -> list[int]:
    """So many calls of all, at even distances with some chance."""
    return [1 + total * turn // number + chance.randrange(max(1, total // number)) for turn in range(number)]


@pytest.mark.timeout(240 + 30 * KILLS)
def test_an_erasure_killed_at_any_step_ends_and_is_certified(killed, seed):
    world, chance = killed, killed.disk.chance
    before = world.stays.view()
    first = world.somebody()
    world.disk.count()
    world.erase(first)
    total = world.disk.counted
    world.disk.mend()
    for moment in [*STEPS, *moments(total, KILLS, chance)]:
        person = world.somebody()
        if isinstance(moment, str):
            world.disk.die_at_word(f'"what":"{moment}"')
        else:
            world.disk.die_at(moment)
        try:
            Api(world.platform, person.account.key).delete("/v1/privacy/account")
        except requests.RequestException:
            pass
        died = world.disk.wait_for_death(20)
        assert died or not isinstance(moment, str), f"seed {seed}: it did not die at {moment}"
        world.died += died
        world.disk.mend()
        world.platform.start()
        world.certified(person, world.erase(person))
    assert world.stays.view() == before, f"seed {seed}"
    world.is_nowhere(*world.gone)
    listed = world.platform.command("keys", "list")["items"]
    assert {one["account_id"] for one in listed} == {world.stays.account.id}
    assert world.platform.command("audit", "verify")["sound"]
    print(f"killed {world.died} times, at {len(STEPS)} steps and among {total} calls")


@pytest.mark.timeout(240 + 30 * KILLS)
def test_a_restore_killed_at_any_moment_brings_nobody_back(killed, tmp_path, seed):
    world, chance, platform = killed, killed.disk.chance, killed.platform
    gone = world.somebody()
    backup = tmp_path / "before.backup"
    before = world.stays.view()
    platform.run("backup", "create", str(backup))
    world.erase(gone)
    assert platform.stop() == 0
    clear(world)
    world.disk.count()
    began = time.monotonic()
    total, takes = world.ends(world.command("backup", "restore", str(backup))), time.monotonic() - began
    assert total > 0 == world.died
    for turn, moment in enumerate(["erasures_reapplied", "backup_restored", *moments(total, KILLS * 2, chance)]):
        clear(world)
        by_time = world.engine.cluster and turn % 2 and not isinstance(moment, str)
        if isinstance(moment, str):
            world.disk.die_at_word(f'"what":"{moment}"')
        elif not by_time:
            world.disk.die_at(moment)
        deaths = world.died
        world.ends(world.command("backup", "restore", str(backup)), chance.uniform(0, takes) if by_time else 60)
        assert world.died > deaths or not isinstance(moment, str), f"seed {seed}: it did not die at {moment}"
        again = platform.run("backup", "restore", str(backup), check=False)
        assert again.returncode == 0 or b"empty" in again.stderr, again.stderr.decode()
        platform.start()
        assert world.stays.view() == before, f"seed {seed}, {moment}"
        world.is_nowhere(gone)
        assert platform.stop() == 0
    print(f"killed {world.died} times among {total} calls")


def clear(world: Killed) -> None:
    """The database is lost."""
    if world.engine.cluster is None:
        for path in world.platform.data.glob("waxseal.db*"):
            path.unlink()
        return
    name = world.engine.config["store"]["url"].rsplit("/", 1)[1]
    done = world.engine.cluster._psql("drop schema public cascade; create schema public", name)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(240 + 30 * KILLS)
def test_keys_wrapped_anew_are_old_or_new_whatever_call_is_the_last(killed, seed):
    world, chance, platform = killed, killed.disk.chance, killed.platform
    before = world.stays.view()
    put = world.stays.put[0]
    assert platform.stop() == 0
    world.disk.count()
    total = world.ends(world.command("keys", "rotate"))
    assert total > 0 == world.died
    for moment in ["keys_rotated", *moments(total, KILLS * 3, chance)]:
        if isinstance(moment, str):
            world.disk.die_at_word(f'"what":"{moment}"')
        else:
            world.disk.die_at(moment)
        world.ends(world.command("keys", "rotate"))
        try:
            platform.start()
        except CommandFailed as failed:
            raise AssertionError(f"seed {seed}, {moment} of {total}") from failed
        assert world.stays.view() == before, f"seed {seed}, {moment} of {total}"
        event = world.stays.sender.wait_event(put.id, "accepted")
        assert event["message"]["headers"]["subject"] == dict(put.fields)["subject"]
        assert world.stays.sender.get(event["storage"]["url"]).json()["subject"] == dict(put.fields)["subject"]
        assert len({one["epoch"] for one in platform.command("keys", "list")["items"]}) == 1, "keys under two epochs"
        assert platform.stop() == 0
    print(f"killed {world.died} times among {total} calls")
