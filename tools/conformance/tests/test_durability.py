"""What was answered with success survives: SIGKILL under load, restarts, clean stops."""

import os
import random
import time
from urllib.parse import quote

import pytest

from rig import canary, load, parcel, waiting, wire
from rig.api import Sender
from rig.sink import Sink

KILLS = int(os.environ.get("WAXSEAL_TEST_KILLS", "5"))
# Acknowledged messages in the whole run; 350 come together with the usual number of kills.
MESSAGES = int(os.environ.get("WAXSEAL_TEST_MESSAGES", str(70 * KILLS)))
SEED = int(os.environ.get("WAXSEAL_TEST_SEED", "20261123"))


@pytest.fixture
def house(own_platform):
    platform = own_platform({"log": {"level": "info"}})
    account = platform.account()
    domain = platform.domain(account)
    return platform, domain, platform.credential(domain)


def small(sender, recipient, *more):
    return [("from", f"a@{sender.domain.name}"), ("to", recipient), ("subject", "s"), ("text", "t"), *more]


@pytest.mark.timeout(180 + 30 * KILLS + MESSAGES // 20)
def test_sigkill_under_load_loses_invents_and_alters_nothing(house, sink):
    platform, domain, credential = house
    ledger = load.Ledger(f"load@{domain.name}")
    running = load.Load(platform, domain, credential, ledger)
    chance = random.Random(SEED)
    cut_before = sink.cut_off
    running.start()
    for _ in range(KILLS):
        between = MESSAGES // KILLS
        target = ledger.count() + chance.randint(between * 2 // 7, between * 12 // 7)
        waiting.until(lambda t=target: ledger.count() >= t, "some acknowledged messages", 60 + between // 10)
        running.pause()
        platform.kill()
        platform.start()
        running.resume()
    after = max(MESSAGES, ledger.count() + 50)
    waiting.until(lambda: ledger.count() >= after, "messages after the last restart", 60 + MESSAGES // 10)
    running.stop()
    told = load.prove(running, sink, lambda: sink.cut_off - cut_before)
    print(f"{KILLS} kills, {sink.cut_off - cut_before} transactions in flight, seed {SEED}: {told}")


def test_every_acknowledged_message_has_one_terminal_event(house, sink):
    platform, domain, credential = house
    ledger = load.Ledger(f"load@{domain.name}")
    running = load.Load(platform, domain, credential, ledger)
    running.start()
    waiting.until(lambda: ledger.count() >= 60, "sixty messages", 60)
    running.pause()
    platform.kill()
    platform.start()
    running.stop()
    verdict = load.settle(ledger, sink)
    assert not verdict.lost, len(verdict.lost)
    sender = Sender(platform, domain)

    def terminal():
        counts: dict[str, int] = {}
        body = sender.get(f"/v3/{domain.name}/events", params={"event": "delivered", "limit": 300}).json()
        while body["items"]:
            for event in body["items"]:
                word = event["recipient"].partition("@")[0]
                counts[word] = counts.get(word, 0) + 1
            body = sender.get(body["paging"]["next"]).json()
        return counts

    counts = waiting.until(
        lambda: (lambda c: ledger.acknowledged <= set(c) and c)(terminal()), "a delivered event for each", 60, 0.2
    )
    assert set(counts.values()) == {1}


def test_a_deferred_message_survives_the_kill_and_goes_out(house, sink):
    platform, domain, _ = house
    sender = Sender(platform, domain)
    recipient = f"{canary.word()}@rcpt.test"
    sink.refuse(recipient, "451 4.7.1 later", always=True)
    message_id = sender.send(small(sender, recipient))
    sender.wait_event(message_id, "failed", recipient)
    platform.kill()
    platform.start()
    sink.relent(recipient)
    platform.run("queue", "retry", message_id.strip("<>"))
    (got,) = sink.wait(recipient)
    sender.wait_event(message_id, "delivered", recipient)
    assert len(sink.seen(recipient)) == 1 and str(parcel.read(got)["Message-ID"]) == message_id


def test_a_scheduled_message_survives_the_kill_and_keeps_its_time(house, sink):
    platform, domain, _ = house
    sender = Sender(platform, domain)
    recipient, at = f"{canary.word()}@rcpt.test", int(time.time()) + 4
    sender.send(small(sender, recipient, ("o:deliverytime", str(at))))
    platform.kill()
    platform.start()
    (got,) = sink.wait(recipient)
    assert at - 0.5 <= got.at < at + 15 and len(sink.seen(recipient)) == 1


def test_sigterm_finishes_what_is_in_flight_and_exits_with_0(house, sink):
    platform, domain, credential = house
    ledger = load.Ledger(f"load@{domain.name}")
    running = load.Load(platform, domain, credential, ledger)
    running.start()
    waiting.until(lambda: ledger.count() >= 40, "forty messages", 60)
    running.pause()
    began = time.monotonic()
    assert platform.stop() == 0
    assert time.monotonic() - began < 31
    platform.start()
    running.stop()
    verdict = load.settle(ledger, sink)
    assert not verdict.lost and not verdict.invented and not verdict.altered and verdict.copies == 0


def test_accounts_made_without_a_running_server_work_when_it_runs(own_platform, sink):
    platform = own_platform(started=False)
    account = platform.account()
    domain = platform.domain(account)
    credential = platform.credential(domain)
    platform.start()
    sender = Sender(platform, domain)
    recipient = f"{canary.word()}@rcpt.test"
    sender.send(small(sender, recipient))
    assert len(sink.wait(recipient)) == 1
    with wire.opened(platform.submission, credential):
        pass


def test_a_second_server_on_the_same_data_is_refused(house):
    platform, _, _ = house
    done = platform.run("serve", check=False, timeout=30)
    assert done.returncode != 0 and done.stderr


@pytest.mark.parametrize("login", [None, ("relay-user", "relay pass/word")])
def test_a_relay_gets_everything(own_platform, outside, sink, tmp_path, login):
    relay = Sink(outside.folder / "sink.pem", outside.folder / "sink.key", login)
    relay.start()
    try:
        user = f"{quote(login[0], safe='')}:{quote(login[1], safe='')}@" if login else ""
        platform = own_platform({"delivery": {"relay": f"smtp://{user}127.0.0.1:{relay.port}"}})
        sender = Sender(platform, platform.domain(platform.account()))
        people = [f"{canary.word()}@rcpt.test", f"{canary.word()}@no-such-name.test"]
        for one in people:
            sender.send(small(sender, one))
            (got,) = relay.wait(one)
            parcel.check_dkim(got.raw, outside.zone, sender.domain.name)
            assert sink.seen(one) == [] and got.tls
        assert not login or relay.logins
    finally:
        relay.stop()
