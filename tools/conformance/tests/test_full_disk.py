"""A disk that others have filled to the last byte: nothing new is taken, and all else goes on."""

import subprocess
import time

import pytest

from rig import canary, waiting, wire
from rig.api import Sender

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here: that takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    """Somebody else's file takes what is free."""
    with open(folder / "filler", "ab", buffering=0) as filler:
        for size in (MEGABYTE, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue


def test_at_no_bytes_free_what_was_accepted_is_delivered_and_what_is_to_go_goes(small_disk, own_platform, sink):
    platform = own_platform({"data_dir": small_disk / "data"})
    sender = Sender(platform, platform.domain(platform.account()))
    credential = platform.credential(sender.domain)
    base = [("from", f"a@{sender.domain.name}"), ("text", "t")]
    delivered = [f"{canary.word()}@rcpt.test" for _ in range(20)]
    urls = []
    for recipient in delivered:
        message_id = sender.send([*base, ("to", recipient)])
        urls.append(sender.wait_event(message_id, "delivered", recipient)["storage"]["url"])
    soon, later = f"{canary.word()}@rcpt.test", f"{canary.word()}@rcpt.test"
    soon_id = sender.send([*base, ("to", soon), ("o:deliverytime", str(int(time.time()) + 4))])
    sender.send([*base, ("to", later), ("o:deliverytime", str(int(time.time()) + 3600))])

    fill(small_disk)
    refused = sender.try_send([*base, ("to", canary.word() + "@rcpt.test")])
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{sender.domain.name}", f"{canary.word()}@rcpt.test")
        assert line.talk("DATA").code == 354
        line.send(f"From: a@{sender.domain.name}\r\n\r\nt\r\n.\r\n".encode())
        reply = line.reply()
        assert reply.code == 452 and "4.3.1" in str(reply), reply
    assert sender.get("/readyz").status_code == 503
    for url in urls[:10]:
        fill(small_disk)
        assert sender.delete(url).status_code == 200
        assert sender.get(url).status_code == 404
    fill(small_disk)
    sink.wait(soon)
    sender.wait_event(soon_id, "delivered", soon)

    # The same after a crash, which finds the disk as full.
    platform.kill()
    fill(small_disk)
    platform.start()
    for url in urls[10:]:
        assert sender.delete(url.replace(url.split("/v3/")[0], platform.url)).status_code == 200
    assert sender.delete(f"/v3/{sender.domain.name}/envelopes").status_code == 200
    assert sender.try_send([*base, ("to", canary.word() + "@rcpt.test")]).status_code == 503

    (small_disk / "filler").unlink()
    again = f"{canary.word()}@rcpt.test"
    answer = waiting.until(
        lambda: (lambda a: a.status_code == 200 and a)(sender.try_send([*base, ("to", again)])), "accepted again", 5
    )
    sender.wait_event(answer.json()["id"], "delivered", again)
    assert sender.get("/readyz").status_code == 200
    assert sink.seen(later) == [], "what was cleared"
