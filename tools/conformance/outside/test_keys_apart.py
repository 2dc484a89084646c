"""`keys.folder`: what lies in the data folder, and in whatever is copied of it, holds no key."""

import sqlite3
import stat

import pytest

from rig.api import Sender


@pytest.fixture
def apart(own_platform, tmp_path):
    keys = tmp_path / "elsewhere" / "keys"
    platform = own_platform({"keys": {"folder": str(keys)}})
    return platform, keys


def wrapped(keys) -> list[bytes]:
    db = sqlite3.connect(f"file:{keys / 'keys.db'}?mode=ro", uri=True)
    return [row[0] for row in db.execute("select wrapped from ring_keys")]


def holding(folder, pieces: list[bytes]) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found |= {path.name for piece in pieces if piece in data}
    return found


def test_no_wrapped_key_lies_in_the_data_folder(apart, sink):
    platform, keys = apart
    sender = Sender(platform, platform.domain(platform.account()))
    sender.wait_event(sender.send([("from", f"a@{sender.domain.name}"), ("to", "a@rcpt.test"), ("subject", "s"), ("text", "t")]), "delivered")
    for copied in (False, True):
        if copied:
            platform.run("backup", "create")
            platform.kill()
        rows = wrapped(keys)
        epoch = (keys / "keys.epoch").read_bytes()
        pieces = [row[at : at + 16] for row in rows for at in range(0, len(row) - 15, 16)]
        pieces += [piece for at in range(0, len(epoch) - 15, 16) if len(set(piece := epoch[at : at + 16])) > 10]
        assert len(rows) >= 4 and len(pieces) > len(rows)
        assert holding(keys, pieces) >= {"keys.epoch"}, "the search works"
        assert holding(platform.data, pieces) == set()
    assert not list(platform.data.glob("keys.*"))
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    platform.start()
    assert sender.get(f"/v3/{sender.domain.name}/events").json()["items"]


def test_a_copy_of_the_data_folder_alone_opens_nothing(apart, sink):
    """The volume of the keys is not there: the server says so and makes none."""
    platform, keys = apart
    platform.account()
    assert platform.stop() == 0
    keys.rename(keys.with_name("away"))
    refused = platform.run("account", "list", check=False)
    assert refused.returncode == 1 and b"keys.db is missing" in refused.stderr, refused.stderr
    assert not list(keys.glob("keys.*"))
