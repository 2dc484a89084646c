"""Nameservers that fail, are silent, lame or wrong, and recover: what they break waits, and nothing is bounced for it."""

import os
import random

import pytest

from rig import canary, lame, load, waiting
from rig.api import Sender
from rig.clock import Clock, possible

# To each broken name. With one, nobody waits for those that take until the time of a look-up is over.
MESSAGES = int(os.environ.get("WAXSEAL_TEST_DNS_MESSAGES", "1"))
SLOW = (lame.silent, lame.late, lame.of_another)
STEP = 600
# Of the questions about everybody else's mail, how many are answered badly.
SHARE = 0.2


class Names:
    """Domains whose names are broken, each in its way: the domain itself, or its mail server."""

    def __init__(self, zone, chance: random.Random):
        self.zone, self.people, self.chance = zone, {}, chance
        for answer in lame.BROKEN:
            self._add(answer, "domain")
            self._add(answer, "host")
        # A mail server without a name is no reason to give up: the domain is there.
        self._add(lame.no_such_name, "host")

    def _add(self, answer, what: str) -> None:
        domain = f"{answer.__name__.replace('_', '-')}-{what}-{canary.word()}.test"
        self.zone.mx(domain, f"mx.{domain}")
        self.zone.host(f"mx.{domain}", "127.0.0.1")
        self.zone.breaks(domain if what == "domain" else f"mx.{domain}", answer)
        for _ in range(MESSAGES):
            self.people[f"{canary.word()}@{domain}"] = answer

    def storm(self) -> None:
        """Any question is answered badly at times, but not slowly."""
        quick = [one for one in lame.BROKEN if one not in SLOW]
        self.zone.weather = lambda: self.chance.choice(quick) if self.chance.random() < SHARE else None


def attempts(sender: Sender) -> dict[str, list[dict]]:
    """Events of attempts, oldest first, by recipient."""
    found: dict[str, list[dict]] = {}
    asked = {"event": "failed OR delivered", "limit": 300, "ascending": "yes"}
    body = sender.get(f"/v3/{sender.domain.name}/events", params=asked).json()
    while body["items"]:
        for event in body["items"]:
            found.setdefault(event["recipient"], []).append(event)
        body = sender.get(body["paging"]["next"]).json()
    return found


def is_well(events: list[dict]) -> bool:
    """Put off, and delivered in the end."""
    put_off = all(event.get("severity") == "temporary" for event in events[:-1])
    return put_off and events[-1]["event"] == "delivered"


@pytest.mark.timeout(180 + 120 * MESSAGES)
def test_broken_nameservers_bounce_nothing_and_hold_up_nobody_else(own_platform, sink, zone, seed):
    if not possible():
        pytest.skip("missing: a C compiler on x86-64")
    platform = own_platform({"log": {"level": "info"}}, started=False)
    clock = Clock(platform)
    platform.start()
    domain = platform.domain(platform.account())
    sender = Sender(platform, platform.domain(domain.account))
    healthy = Sender(platform, platform.domain(domain.account))
    ledger = load.Ledger(f"load@{domain.name}")
    running = load.Load(platform, domain, platform.credential(domain), ledger)
    before = load.delays(healthy, sink)
    names = Names(zone, random.Random(seed))
    try:
        for one in names.people:
            sender.send([("from", f"a@{sender.domain.name}"), ("to", one), ("text", "t")])
        awaited = {one for one, how in names.people.items() if MESSAGES > 1 or how not in SLOW}
        beside = load.delays(healthy, sink)
        names.storm()
        running.start()
        waiting.until(lambda: attempts(sender).keys() >= awaited, "an attempt for each", 60 * MESSAGES, pause=0.2)
        waiting.until(lambda: ledger.count() >= 60, "load meanwhile", 60)
        running.stop()
        clock.passes(2 * STEP)
        again = lambda: {one for one, events in attempts(sender).items() if len(events) > 1}  # noqa: E731
        waiting.until(lambda: again() >= awaited, "another one", 60 * MESSAGES, pause=0.2)
    finally:
        zone.mends()
    for _ in range(30):
        clock.passes(STEP)
        waiting.until(lambda: load.is_calm(platform, lambda: len(sink.arrivals)), "attempts", 90)
        if platform.command("queue", "list", "--limit", "1")["waiting"] == 0:
            break
    ended = attempts(sender)
    wrong = [how.__name__ for one, how in names.people.items() if len(sink.seen(one)) != 1 or not is_well(ended[one])]
    assert wrong == [], wrong
    told = load.prove(running, sink, lambda: 0)
    failed = sum(len(events) - 1 for events in ended.values())
    print(f"{len(lame.BROKEN)} kinds of broken nameservers (seed {seed}): {failed} attempts put off, bounced 0; beside them: {told}")
    print(f"mail to others took {before:.2f} s before, {beside:.2f} s beside it (95th percentile)")
    assert beside <= 2 * before + 2.0


def test_a_domain_that_is_gone_ends_at_once_and_one_that_comes_gets_its_mail(platform, sender, sink, zone):
    """NXDOMAIN is an answer, as long as it is given."""
    domain = f"{canary.word()}.test"
    gone, there = (f"{canary.word()}@{domain}" for _ in range(2))
    lost = sender.send([("from", f"a@{sender.domain.name}"), ("to", gone), ("text", "t")])
    event = sender.wait_event(lost, "failed", gone)
    assert (event["severity"], event["delivery-status"]["code"]) == ("permanent", 550), event["delivery-status"]
    zone.mx(domain, "mx.rcpt.test")
    sent = sender.send([("from", f"a@{sender.domain.name}"), ("to", there), ("text", "t")])
    sink.wait(there)
    sender.wait_event(sent, "delivered", there)
    assert len(sender.events(recipient=gone, event="failed")) == 1
