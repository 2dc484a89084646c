"""The same promises on PostgreSQL: arrival, SIGKILL under load, nothing readable in the database's files."""

import random
import time

import pytest

from rig import arrival, canary, clients, load, parcel, waiting
from rig.api import Sender
from rig.platform import Platform
from rig.postgres import Cluster

KILLS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if not Cluster.possible():
        pytest.skip("missing: PostgreSQL")
    made = Cluster(tmp_path_factory.mktemp("postgres") / "cluster").start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def house(cluster, outside, tmp_path_factory):
    config = {"store": {"url": cluster.database()}}
    platform = Platform(tmp_path_factory.mktemp("on-postgres"), outside, config).start()
    domain = platform.domain(platform.account())
    yield clients.House(platform, domain, platform.credential(domain))
    if platform.process is not None:
        assert platform.stop() == 0
    assert canary.found_in(platform.written()) == []


@pytest.mark.parametrize("kind", parcel.KINDS)
@pytest.mark.parametrize("client", ["curl", "smtplib_starttls"])
def test_what_is_sent_arrives(house, client, kind):
    p = parcel.make(kind, house.domain.name)
    sent = {**clients.HTTP, **clients.SMTP}[client](house, p)
    arrival.follow(house, p, sent, "http" if client == "curl" else "smtp")


def test_no_word_of_a_message_rests_readable_in_the_database(house, cluster, sink):
    sender = Sender(house.platform, house.domain)
    settled, deferred = canary.word(), canary.word()
    busy = f"{canary.word()}@rcpt.test"
    sink.refuse(busy, "451 4.7.1 later", always=True)
    for word, recipient, kind in ((settled, f"{canary.word()}@rcpt.test", "delivered"), (deferred, busy, "failed")):
        fields = [("from", f"a@{house.domain.name}"), ("to", recipient), ("subject", "s"), ("text", f"{word} text")]
        files = [("attachment", ("f.bin", (word * 3000).encode(), "application/octet-stream"))]
        sender.wait_event(sender.send(fields, files), kind, recipient)
    cluster.checkpoint()
    wanted = [one for word in (settled, deferred) for one in canary.spellings(word)]
    for folder in (cluster.folder, house.platform.data):
        for path in folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert not any(one in data for one in wanted), f"content in clear in {path.name}"


def test_an_empty_queue_and_events_page_by_page(house):
    sender = Sender(house.platform, house.domain)
    body = sender.get(f"/v3/{house.domain.name}/events", params={"limit": 7}).json()
    seen = []
    while body["items"]:
        seen += [one["id"] for one in body["items"]]
        body = sender.get(body["paging"]["next"]).json()
    assert len(seen) == len(set(seen)) > 20


@pytest.mark.timeout(300)
def test_sigkill_under_load_loses_invents_and_alters_nothing(cluster, outside, sink, tmp_path):
    platform = Platform(
        tmp_path / "platform", outside, {"store": {"url": cluster.database()}, "log": {"level": "info"}}
    )
    platform.start()
    try:
        domain = platform.domain(platform.account())
        ledger = load.Ledger(f"load@{domain.name}")
        running = load.Load(platform, domain, platform.credential(domain), ledger)
        running.start()
        chance = random.Random(int(time.time()))
        cut_before = sink.cut_off
        for _ in range(KILLS):
            target = ledger.count() + chance.randint(20, 80)
            waiting.until(lambda t=target: ledger.count() >= t, "some acknowledged messages", 60)
            running.pause()
            platform.kill()
            platform.start()
            running.resume()
        after = ledger.count() + 30
        waiting.until(lambda: ledger.count() >= after, "messages after the last restart", 60)
        running.stop()
        verdict = load.settle(ledger, sink)
        told = f"{ledger.count()} acknowledged: {verdict}"
        assert not verdict.lost and not verdict.invented and not verdict.altered, told
        assert verdict.copies <= sink.cut_off - cut_before, told
    finally:
        if platform.process is not None:
            platform.kill()
