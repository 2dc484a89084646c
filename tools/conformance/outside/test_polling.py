"""Whoever polls the events while others send misses none and sees none twice."""

import threading

from rig import waiting
from rig.api import Sender


def test_polling_oldest_first_under_load_gives_every_event_once(platform, account, sink):
    domain = platform.domain(account)
    ids, lock, failures = [], threading.Lock(), []

    def send():
        sender = Sender(platform, domain)
        for number in range(40):
            try:
                mid = sender.send([("from", f"a@{domain.name}"), ("to", f"n{number}@rcpt.test"), ("text", "x"), ("o:testmode", "yes")])
                with lock:
                    ids.append(mid.strip("<>"))
            except AssertionError as why:
                failures.append(why)

    senders = [threading.Thread(target=send) for _ in range(5)]
    for one in senders:
        one.start()
    reader = Sender(platform, domain)
    seen, link = [], f"/v3/{domain.name}/events?ascending=yes&limit=7"

    def step():
        nonlocal link
        page = reader.get(link).json()
        link = page["paging"]["next"]
        seen.extend(page["items"])
        return len(seen) >= 400

    waiting.until(step, "all events", 60, pause=0)
    for one in senders:
        one.join()
    assert failures == []
    assert len({e["id"] for e in seen}) == len(seen) == 400
    for kind in ("accepted", "delivered"):
        assert sorted(e["message"]["headers"]["message-id"] for e in seen if e["event"] == kind) == sorted(ids)
    again = [e["timestamp"] for e in reader.events(ascending="yes")]
    assert again == sorted(again)
