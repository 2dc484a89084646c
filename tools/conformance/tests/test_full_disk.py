"""A disk that others have filled to the last byte: nothing new is taken, and all else goes on."""

import time

from rig import canary, waiting, wire
from rig.api import Sender
from rig.small_disk import empty, fill


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

    empty(small_disk)
    again = f"{canary.word()}@rcpt.test"
    answer = waiting.until(
        lambda: (lambda a: a.status_code == 200 and a)(sender.try_send([*base, ("to", again)])), "accepted again", 5
    )
    sender.wait_event(answer.json()["id"], "delivered", again)
    assert sender.get("/readyz").status_code == 200
    assert sink.seen(later) == [], "what was cleared"
