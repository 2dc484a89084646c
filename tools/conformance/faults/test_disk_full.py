"""The disk is full: a clean "not now" for every message, nothing lost, and all goes on by itself once there is room."""

import os
import time

import pytest
import requests

from rig import canary, waiting, wire

# What was in use and is given back makes room for small messages: these are not.
LARGE = ("t" * 70 + "\r\n") * 3_000
FAULTS = int(os.environ.get("WAXSEAL_TEST_FAULTS", "6"))


def answers_http(house) -> requests.Response:
    fields = {"from": f"single@{house.domain.name}", "to": f"{canary.word()}@rcpt.test", "subject": "s", "text": LARGE}
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("api", house.domain.account.key)
        return session.post(f"{house.platform.url}/v3/{house.domain.name}/messages", data=fields, timeout=30)


def answers_smtp(house) -> wire.Reply:
    with wire.opened(house.platform.submission, house.credential) as line:
        line.envelope(f"single@{house.domain.name}", f"{canary.word()}@rcpt.test")
        assert line.talk("DATA").code == 354
        line.send(f"From: single@{house.domain.name}\r\nSubject: s\r\n\r\n{LARGE}.\r\n".encode())
        return line.reply()


def ready(house) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{house.platform.url}/readyz", timeout=30).status_code


def test_a_full_disk_is_a_clean_not_now_and_is_over_when_there_is_room(house, sink):
    house.load.start()
    assert house.acknowledges(10, 60)
    house.load.pause()
    house.disk.fill(room=0)
    waiting.until(lambda: answers_http(house).status_code == 503, "a refusal by HTTP", 30)
    refused = answers_http(house)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0, refused.text
    codes = waiting.until(lambda: {answers_smtp(house).code} - {250}, "a refusal by SMTP", 30)
    assert codes == {452}, codes
    assert ready(house) == 503 and house.lives()
    house.disk.mend()
    began = time.monotonic()
    waiting.until(lambda: answers_http(house).status_code == 200, "accepted again", 5)
    waiting.until(lambda: answers_smtp(house).code == 250, "accepted again", 5)
    assert ready(house) == 200
    print(f"accepts again {time.monotonic() - began:.1f} s after there was room")
    print(house.prove(sink))


@pytest.mark.timeout(180 + 30 * FAULTS)
def test_a_disk_that_fills_up_under_load_loses_nothing_with_or_without_a_restart(house, sink, seed):
    house.load.start()
    again = 0
    for number in range(FAULTS):
        house.disk.fill(room=house.disk.chance.randint(0, 400_000))
        waiting.until(lambda: house.disk.plan.refused > 3, "a full disk", 60)
        assert not house.acknowledges(60, 1.5), "a full disk takes no messages"
        assert house.lives()
        if number % 2:
            # The power goes while it is full; there is room when it comes back.
            house.cut_and_start()
        house.disk.mend()
        again += house.acknowledges(3, 15)
    told = house.prove(sink)
    print(f"{FAULTS} times a full disk (seed {seed}): accepted again {again}: {told}")
    assert again == FAULTS
