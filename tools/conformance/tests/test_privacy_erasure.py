"""An erased account is gone: through kills at any time, in every file of both stores, and nobody else loses anything."""

import os
import random
import signal
import subprocess
import time

import pytest

from rig import waiting
from rig.people import Person
from rig.platform import binary

KILLS = int(os.environ.get("WAXSEAL_TEST_KILLS", "5"))
CERTIFIED = ("accounts", "domains", "events", "messages", "queue_entries", "inbox_items", "suppressions", "api_keys")


@pytest.fixture
def world(own_platform, engine, sink):
    platform = own_platform({**engine.config, "erasure": {"grace_days": 0}})
    return platform, Person(platform, sink).live(), Person(platform, sink).live()


def _files(hits) -> list:
    """Not PostgreSQL's own log, which goes by PostgreSQL's rules."""
    return [str(one) for one in hits if "pg_wal" not in one.file]


@pytest.mark.timeout(400)
def test_an_account_erased_through_kills_is_nowhere(world, engine):
    platform, gone, stays = world
    before = stays.view()
    assert platform.stop() == 0
    asking = subprocess.Popen(
        [binary(), "account", "delete", gone.account.id, "--config", str(platform.file)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=platform.env, cwd=platform.folder,
    )  # fmt: skip
    chance = random.Random(time.time_ns())
    try:
        asking.wait(chance.uniform(0.1, 1))
    except subprocess.TimeoutExpired:
        pass
    asking.send_signal(signal.SIGKILL)
    asking.wait(10)
    for _ in range(KILLS):
        platform.start()
        time.sleep(chance.uniform(0, 1))
        platform.kill()
    platform.start()
    asked = platform.command("account", "delete", gone.account.id)
    done = lambda: platform.command("privacy", "erasure", asked["erasure"])["state"] == "done"  # noqa: E731
    waiting.until(done, "the end of the erasure", 120)
    certificate = platform.command("privacy", "certificate", asked["erasure"])
    assert all(certificate["rows_erased"].get(table, 0) > 0 for table in CERTIFIED), certificate
    assert [scan["hits"] for scan in certificate["scans"]] == [0, 0], certificate
    listed = platform.command("keys", "list")["items"]
    assert {one["account_id"] for one in listed} == {stays.account.id}
    assert gone.sender.get(f"/v3/{gone.domain.name}/events").status_code == 401
    assert stays.view() == before
    assert _files(engine.find(platform, gone)) == []
    assert platform.stop() == 0
    assert _files(engine.find(platform, gone)) == []


@pytest.mark.timeout(400)
def test_a_recipient_that_is_erased_is_nowhere_in_that_account(world):
    platform, person, other = world
    shared = person.put[0].recipient
    other.send(shared)
    elsewhere = other.view()
    done = platform.command("privacy", "erase-recipient", shared, "--account", person.account.id)
    assert done["state"] == "done" and done["rows"] >= 2, done
    assert shared not in str(person.events())
    assert other.view() == elsewhere, "another account's data is its own"
    done = platform.command("privacy", "erase-recipient", shared, "--everywhere")
    assert (done["accounts"], done["held"]) == (1, 0), done
    assert shared not in str(other.events())
