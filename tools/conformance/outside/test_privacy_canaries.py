"""A word of its own in every field that a customer can fill in: where it rests, before and after everything is erased."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from rig import platform as rig_platform
from rig import waiting
from rig.customer import Customer
from rig.decoding import Reader
from tests.test_api_archive import Archive


@dataclasses.dataclass
class World:
    platform: object
    engine: object
    gone: Customer
    stays: Customer
    archive: Archive

    def find(self, who: Customer, *more: Path, but: str | None = None) -> list:
        """Everything of the customer in every byte: data folder with its backups, log, database."""
        known = self.engine.cluster.pristine if self.engine.cluster else frozenset()
        reader = Reader([who.mark, who.foreign], who.addresses, known)
        return reader.in_folders(
            *self.engine.folders(self.platform), *more, but=but, apart=self.engine.apart()
        )


@pytest.fixture
def world(own_platform, engine, sink):
    archive = Archive()
    platform = own_platform({
        **engine.config, "erasure": {"grace_days": 0}, "outgoing_http": {"allow_private_destinations": True, "ports": []},
        "retention": {"stored_message_days": 3},
    })  # fmt: skip
    url = f"http://127.0.0.1:{archive.port}"
    made = World(platform, engine, Customer(platform, sink).live(url), Customer(platform, sink).live(url), archive)
    yield made
    archive.server.shutdown()


@pytest.mark.timeout(900)
def test_every_word_of_a_customer_rests_sealed_and_is_nowhere_after_its_erasure(world, tmp_path):
    platform, gone, stays = world.platform, world.gone, world.stays
    export, _ = gone.export()
    assert export
    before = tmp_path / "before.backup"
    platform.run("backup", "create"), platform.run("backup", "create", str(before))
    assert [str(one) for one in world.find(gone, but="pg_wal")] == []
    secret = Reader([*gone.secrets, *stays.secrets]).in_folders(platform.folder)
    assert secret == [], "a key or a password"
    bystander = stays.view()
    public = platform.run("privacy", "public-key").stdout.decode().split()[-1]

    asked = gone.api.delete("/v1/privacy/account")
    assert asked.status_code == 200, asked.text
    erasure = asked.json().get("erasure", asked.json())["id"]
    waiting.until(lambda: platform.command("privacy", "erasure", erasure)["state"] == "done", "the erasure", 90)
    assert gone.api.get("/v1/privacy/account").status_code == 401
    assert [str(one) for one in world.find(gone)] == []
    traced = platform.command("privacy", "trace", gone.mark)["matches"]
    assert [one for one in traced if one["store"] in ("sqlite", "postgres")] == [], traced
    assert stays.view() == bystander
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(platform.run("privacy", "certificate", erasure).stdout)
    assert gone.mark.encode() not in certificate.read_bytes() and gone.account.id.encode() not in certificate.read_bytes()
    assert platform.stop() == 0
    assert [str(one) for one in world.find(gone, but="pg_wal")] == []
    assert [str(one) for one in world.find(stays, but="pg_wal")] == []
    _verified(certificate, public, gone, platform)


def _verified(certificate: Path, public: str, gone: Customer, platform) -> None:
    """The separate program agrees, and does not if one digit of the certificate is another one."""
    verifier = Path(rig_platform.binary()).with_name("waxseal-verifier")
    if not verifier.exists():
        return
    command = [verifier, certificate, "--key", public, "--account", gone.account.id]
    done = subprocess.run([*command, "--scan", platform.folder, "--word", gone.mark], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    text = certificate.read_text()
    for at in [n for n, letter in enumerate(text) if letter.isdigit()][::23]:
        certificate.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
        assert subprocess.run(command, capture_output=True, timeout=120).returncode == 1, f"digit {at} of {text}"
