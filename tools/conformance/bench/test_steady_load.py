"""How long a message takes to be accepted while as many come as 70 % of what can be accepted at most."""

import dataclasses
import statistics
import time

import pytest

from rig import goals, sizes, steady, waiting
from rig.feeding import by_http, by_smtp
from rig.relays import Postfix, Sink, Waxseal
from rig.steady import Steady, share, waits

MESSAGES = sizes.messages()
SECONDS = sizes.number("SECONDS", 20)
LOAD = 0.7
SESSIONS = 20
DOORS = {"SMTP": (by_smtp, steady.by_smtp), "HTTP": (by_http, steady.by_http)}


@dataclasses.dataclass
class Figures:
    """One round, or the medians of several."""

    most: float  # accepted a second
    offered: float  # a second
    accepted: float  # a second, of what was offered
    middle: float  # milliseconds until accepted
    p99: float  # milliseconds until accepted


class Counted:
    """What was sent so far is in the sink, all of it and nothing twice."""

    def __init__(self, sink: Sink):
        self.sink, self.sent = sink, 0

    def add(self, count: int) -> None:
        self.sent += count
        waiting.until(lambda: self.sink.messages() >= self.sent, "everything in the sink", 300)
        assert self.sink.messages() == self.sent, "delivered twice"


def one_round(server, counted: Counted, door: str) -> Figures:
    at_once, at_a_pace = DOORS[door]
    began = time.monotonic()
    at_once(server, steady.SIZE, SESSIONS, MESSAGES)
    most = MESSAGES / (time.monotonic() - began)
    counted.add(MESSAGES)
    offered = most * LOAD
    with Steady(at_a_pace(server.platform, server.domain), "r@rcpt.test", offered, SECONDS, 64) as sender:
        sent = sender.done()
    counted.add(len(sent))
    accepted = len(sent) / (max(one.accepted for one in sent) - sent[0].due)
    found = waits(sent)
    return Figures(most, offered, accepted, share(found, 0.5), share(found, 0.99))


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian postfix (smtp-source, smtp-sink) and apache2-utils (ab)")
@pytest.mark.parametrize("door", DOORS)
def test_accepting_at_70_percent_load(outside, folder, door):
    with Sink() as sink, Waxseal(folder / "server", outside, sink.port) as server:
        counted = Counted(sink)
        by_smtp(server, 512, 1, 20)
        counted.add(20)
        rounds = [one_round(server, counted, door) for _ in range(sizes.rounds())]
    found = Figures(*(statistics.median(column) for column in zip(*map(dataclasses.astuple, rounds), strict=True)))
    goals.title(f"Accepting by {door} at 70 % load, 4 KiB: {SECONDS} s, medians of {sizes.rounds()}")
    goals.tell(f"most that is accepted, {SESSIONS} sessions", f"{found.most:.0f}/s")
    goals.tell("offered at a steady pace", f"{found.offered:.0f}/s", "", f"{found.accepted:.0f}/s accepted")
    goals.tell("until accepted, p50", f"{found.middle:.1f} ms")
    spread = ", ".join(f"{one.p99:.0f}" for one in rounds)
    goals.tell("until accepted, p99", f"{found.p99:.1f} ms", "≤ 25 ms", f"{goals.at_most(found.p99, 25)} ({spread})")
