"""A copy of everything: each value that was put in is in it, nothing of anybody else, and it can be taken over."""

import email
import email.policy
import io
import json
import os
import random
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from rig.customer import Customer
from rig.decoding import Reader
from rig.platform import CommandFailed, Platform, binary
from tests.test_api_archive import Archive

# Times and ids of the export itself, and what the page says stays behind or is made new.
NEW_AFTERWARDS = {"dkim_keys", "api_keys", "smtp_credentials", "idempotency_keys", "archive_jobs", "access_grants"}


class Copy:
    """An opened export."""

    def __init__(self, packed: bytes):
        self.archive = zipfile.ZipFile(io.BytesIO(packed))
        assert self.archive.testzip() is None
        self.files = {name: self.archive.read(name) for name in self.archive.namelist()}
        self.manifest = json.loads(self.files["manifest.json"])

    def rows(self, table: str) -> list[dict]:
        return [json.loads(line) for line in self.files.get(f"{table}.jsonl", b"").splitlines()]

    @property
    def tables(self) -> list[str]:
        return sorted(name.removesuffix(".jsonl") for name in self.files if name.endswith(".jsonl"))

    def words(self) -> str:
        """All that can be read in it: lines, and messages with their parts decoded."""
        out = [data.decode("utf-8", "replace") for name, data in self.files.items() if name.endswith((".jsonl", ".json", ".txt"))]
        for name, data in self.files.items():
            if name.endswith(".eml"):
                mail = email.message_from_bytes(data, policy=email.policy.default)
                for part in mail.walk():
                    out += [f"{key}: {value}" for key, value in part.items()]
                    if not part.is_multipart():
                        out.append(part.get_payload(decode=True).decode("utf-8", "replace"))
                    out.append(part.get_filename() or "")
        return "\n".join(out)


def opened(platform: Platform, sealed: Path, key: str, to: Path) -> Copy:
    done = subprocess.run(
        [binary(), "privacy", "open-export", str(sealed), "--to", str(to), "--config", str(platform.file)],
        input=key.encode() + b"\n", capture_output=True, env=platform.env, cwd=platform.folder, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Copy(to.read_bytes())


def exported(platform: Platform, folder: Path, *about: str) -> tuple[Copy, Path, str]:
    sealed = folder / f"{random.randrange(1 << 40)}.export"
    made = platform.command("privacy", "export", *about, "--to", str(sealed))
    return opened(platform, sealed, made["key"], sealed.with_suffix(".zip")), sealed, made["key"]


@pytest.fixture(scope="module")
def archive():
    made = Archive()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def house(outside, tmp_path_factory, archive):
    config = {"outgoing_http": {"allow_private_destinations": True, "ports": []}}
    made = Platform(tmp_path_factory.mktemp("exporting"), outside, config).start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def two(house, sink, archive):
    url = f"http://127.0.0.1:{archive.port}"
    return Customer(house, sink).live(url), Customer(house, sink).live(url)


@pytest.fixture(scope="module")
def whole(house, two, tmp_path_factory):
    return exported(house, tmp_path_factory.mktemp("whole"), "--account", two[0].account.id)


def test_every_value_that_was_put_in_is_in_the_export(two, whole):
    words, who = whole[0].words().lower(), two[0]
    missing = sorted(field for field in who.kept if who.given[field] not in words)
    assert missing == [], "; ".join(missing)
    assert who.foreign in words and who.network in words
    assert all(one in words for one in who.domains)


def test_each_message_in_it_is_as_it_was_sent(two, whole, sink):
    """Every .eml of a delivered message is what the recipient's server got, byte for byte but for its way."""
    mails = [data for name, data in whole[0].files.items() if name.endswith(".eml")]
    assert len(mails) >= 8 and whole[0].manifest["messages"] == len(mails)
    got = sink.seen(two[0].good)[0].raw
    body = got.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    assert any(body.strip() in data.replace(b"\r\n", b"\n") for data in mails)


def test_it_agrees_with_its_manifest_and_with_what_the_api_shows(two, whole):
    copy, who = whole[0], two[0]
    assert copy.manifest["format"] == 1 and copy.manifest["kind"] == "account"
    assert {table: len(copy.rows(table)) for table in copy.tables} == {name: n for name, n in copy.manifest["rows"].items() if n}
    assert len(copy.rows("events")) == len(who.events())
    assert {row["name"] for row in copy.rows("domains")} == set(who.domains)
    assert {row["address"] for row in copy.rows("suppressions")} >= {who.gone}


def test_nothing_of_another_account_and_no_secret_is_in_it(two, whole):
    _, other = two
    copy, sealed, key = whole
    assert Reader([other.mark, other.foreign, other.account.id, *two[0].secrets]).in_bytes(sealed.with_suffix(".zip").read_bytes(), "zip") == set()
    for name, data in copy.files.items():
        assert other.mark.encode() not in data.lower() and other.account.id.encode() not in data, name
    assert Reader([two[0].mark, two[0].foreign, key]).in_bytes(sealed.read_bytes(), "sealed") == set()


def test_what_each_side_did_not_keep_is_not_in_it(two, whole):
    """Old profiles, what was deleted, what was refused: gone before the export."""
    words, who = whole[0].words().lower(), two[0]
    never = [field for field in who.given if field not in who.kept]
    assert len(never) > 20
    assert sorted(field for field in never if who.given[field] in words and not field.startswith("archive")) == []


def test_the_same_comes_by_http_for_the_customer_alone(two, house, whole, tmp_path):
    who, other = two
    ident, key = who.export()
    path = f"/v1/privacy/exports/{ident}/download"
    assert other.api.get(path, headers={"X-Waxseal-Export-Key": key}).status_code == 404
    assert who.api.get(path, headers={"X-Waxseal-Export-Key": "0" * 64}).status_code == 403
    assert who.api.get(path).status_code in (400, 403)
    got = who.api.get(path, headers={"X-Waxseal-Export-Key": key})
    assert got.status_code == 200
    copy = Copy(got.content)
    words = copy.words().lower()
    assert (missing := sorted(field for field in who.kept if who.given[field] not in words)) == [], "; ".join(missing)
    assert other.mark not in words
    # An operator's copy is an access that the owner reads of; it is in the copies made after it.
    rows = copy.manifest["rows"]
    before = whole[0].manifest["rows"]
    assert {**rows, "access_grants": 0} == {**before, "access_grants": 0}
    assert rows["access_grants"] >= before["access_grants"]
    assert who.api.delete(f"/v1/privacy/exports/{ident}").status_code == 200
    assert who.api.get(path, headers={"X-Waxseal-Export-Key": key}).status_code == 404
    assert list((house.data / "exports").glob("*.export")) == []


@pytest.mark.parametrize("which", ["good", "gone", "busy", "late", "caught", "resent"])
def test_a_recipients_copy_holds_what_is_about_them_and_nobody_else(two, house, tmp_path, which):
    who, other = two
    address = getattr(who, which)
    copy, _, _ = exported(house, tmp_path, "--recipient", address, "--account", who.account.id)
    words = copy.words().lower()
    assert copy.manifest["kind"] == "recipient" and address in words
    others = [one for one in who.addresses if one != address and one in words]
    # A message has been sent again to somebody else: its To still names whom it was written to.
    assert [one for one in others if not (which == "resent" and one == who.good)] == []
    assert other.mark not in words and who.given["owner email"] not in words


def test_a_recipients_copy_over_all_accounts_keeps_them_apart(two, house, sink, tmp_path):
    who, other = two
    shared = who.address("shared")
    for sender in (who.sender, other.sender):
        message = sender.send([("from", f"a@{sender.domain.name}"), ("to", shared), ("subject", "s"), ("text", "t")])
        sender.wait_event(message, "delivered", shared)
    copy, _, _ = exported(house, tmp_path, "--recipient", shared)
    folders = {name.split("/")[0] for name in copy.files if "/" in name}
    assert {who.account.id, other.account.id} <= folders
    for name, data in copy.files.items():
        if name.startswith(who.account.id):
            assert other.domain.name.encode() not in data


def test_a_logins_copy(two, house, tmp_path):
    who, other = two
    copy, _, _ = exported(house, tmp_path, "--login", who.login.login)
    words = copy.words()
    assert copy.manifest["kind"] == "login" and who.login.login in words
    assert who.login.password not in words and other.mark not in words


def test_a_sealed_copy_that_was_changed_or_has_another_key_opens_not(two, house, whole, tmp_path):
    _, sealed, key = whole
    data = sealed.read_bytes()
    chance = random.Random()
    changed = [data[: len(data) // 2], data[:-1], data + b"x", b"", data[: chance.randrange(len(data))]]
    for _ in range(12):
        at = chance.randrange(len(data))
        changed.append(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
    wrong = [(one, key) for one in changed] + [(data, key[:-1] + ("0" if key[-1] != "0" else "1")), (data, "0" * 64)]
    for number, (bytes_, with_key) in enumerate(wrong):
        made, to = tmp_path / f"{number}.export", tmp_path / f"{number}.zip"
        made.write_bytes(bytes_)
        with pytest.raises(AssertionError):
            opened(house, made, with_key, to)
        assert not to.exists(), f"change {number} left something"


def comparable(copy: Copy) -> dict:
    out = {table: sorted(json.dumps(row, sort_keys=True) for row in copy.rows(table)) for table in copy.tables if table not in NEW_AFTERWARDS}
    for name, data in copy.files.items():
        if name.endswith(".eml"):
            out[name] = data
    return out


def test_an_import_gives_an_equal_export_on_both_stores(own_platform, engine, two, house, tmp_path):
    who = two[0]
    # Frozen by an export of now; the old instance stays as it is afterwards.
    first, sealed, key = exported(house, tmp_path, "--account", who.account.id)
    fresh = own_platform(engine.config, started=False)
    took = _import(fresh, sealed, key)
    assert took.returncode == 0, took.stderr
    told = json.loads(took.stdout)
    assert told["account_id"] == who.account.id
    again = _import(fresh, sealed, key)
    assert again.returncode == 1 and b"account" in again.stderr, again.stderr
    second, _, _ = exported(fresh, tmp_path, "--account", who.account.id)
    one, two_ = comparable(first), comparable(second)
    assert set(one) == set(two_)
    assert [name for name in one if one[name] != two_[name]] == []
    folders = engine.folders(fresh)
    reader = Reader([who.mark, who.foreign], (), engine.cluster.pristine if engine.cluster else frozenset())
    found = reader.in_folders(*folders, apart=engine.apart())
    assert [str(f) for f in found] == []


def _import(platform: Platform, sealed: Path, key: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), "privacy", "import", str(sealed), "--json", "--config", str(platform.file)],
        input=key.encode() + b"\n", capture_output=True, env=platform.env, cwd=platform.folder, timeout=120,
    )  # fmt: skip


def test_an_import_that_is_killed_took_over_all_or_nothing(own_platform, two, whole):
    _, sealed, key = whole
    chance = random.Random()
    fresh = own_platform(started=False)
    done = False
    for _ in range(6):
        running = subprocess.Popen(
            [binary(), "privacy", "import", str(sealed), "--config", str(fresh.file)], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=fresh.env, cwd=fresh.folder,
        )  # fmt: skip
        running.stdin.write(key.encode() + b"\n")
        running.stdin.close()
        try:
            running.wait(chance.uniform(0.02, 0.6))
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait(10)
        accounts = [one["account_id"] for one in fresh.command("account", "list")["items"]]
        assert accounts in ([], [two[0].account.id])
        done = accounts != []
        if done:
            break
    if not done:
        assert _import(fresh, sealed, key).returncode == 0
    events = exported(fresh, fresh.folder, "--account", two[0].account.id)[0].manifest["rows"]["events"]
    assert events == whole[0].manifest["rows"]["events"]


def test_an_export_that_is_killed_leaves_nothing_readable_and_can_be_asked_for_again(own_platform, sink):
    platform = own_platform()
    who = Customer(platform, sink)
    for number in range(3):
        who.send(f"sent {number}", who.address(f"to {number}"), "delivered")
    chance = random.Random()
    for turn in range(4):
        to = platform.folder / f"killed-{turn}.export"
        running = subprocess.Popen(
            [binary(), "privacy", "export", "--account", who.account.id, "--to", str(to), "--config", str(platform.file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=platform.env, cwd=platform.folder,
        )  # fmt: skip
        asked = who.api.post("/v1/privacy/exports")
        assert asked.status_code in (202, 429)
        try:
            running.wait(chance.uniform(0.02, 0.4))
        except subprocess.TimeoutExpired:
            pass
        platform.kill()
        running.send_signal(signal.SIGKILL)
        running.wait(10)
        found = Reader([who.mark, who.foreign]).in_folders(platform.folder)
        assert [str(f) for f in found] == []
        platform.start()
    states = {one["state"] for one in who.api.get("/v1/privacy/exports").json()["items"]}
    assert states <= {"ready", "failed"}, states
    for one in who.api.get("/v1/privacy/exports").json()["items"]:
        who.api.delete(f"/v1/privacy/exports/{one['id']}")
    ident, key = who.export()
    got = who.api.get(f"/v1/privacy/exports/{ident}/download", headers={"X-Waxseal-Export-Key": key})
    assert who.mark in Copy(got.content).words().lower()
    left = [os.fsdecode(path.name) for path in (platform.data / "exports").iterdir() if "partial" in path.name]
    assert left == []


def test_an_export_of_nobody_says_so(house, tmp_path):
    for about in (["--account", "01m8a3d8ahc8jtdqk9kmyddvg1"], ["--login", "nobody@nowhere.test"]):
        with pytest.raises(CommandFailed):
            house.command("privacy", "export", *about, "--to", str(tmp_path / "x"))
        assert not (tmp_path / "x").exists()
