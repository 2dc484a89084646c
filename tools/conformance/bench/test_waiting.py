"""A million messages that wait for later: what they cost whoever is served meanwhile, a start, and their end."""

import contextlib
import dataclasses
import json
import statistics
import threading
import time
from email.utils import formatdate

import pytest

from rig import goals, sizes, waiting
from rig.feeding import by_smtp, fill
from rig.meter import Meter
from rig.probe import Probe
from rig.relays import Postfix, Sink, Waxseal

WAITING = sizes.number("WAITING", 1_000_000)
MESSAGES = sizes.messages()
PROBES = 100
LATER = 2 * 24 * 3600
TO = "later.test"


@dataclasses.dataclass
class Side:
    """A server with a sink of its own, and how fast it accepted in each round."""

    server: Waxseal
    sink: Sink
    accepted: list[float] = dataclasses.field(default_factory=list)
    delivered: list[float] = dataclasses.field(default_factory=list)
    expected: int = 0
    later: int = 0

    def round(self, count: int = MESSAGES) -> None:
        began = time.monotonic()
        by_smtp(self.server, 4096, 20, count)
        self.accepted.append(count / (time.monotonic() - began))
        self.arrives(count)
        self.delivered.append(count / (time.monotonic() - began))

    def arrives(self, count: int) -> None:
        self.expected += count
        waiting.until(lambda: self.sink.messages() >= self.expected, "everything in the sink", 300)
        assert self.sink.messages() == self.expected, "delivered twice"


def filled(side: Side) -> None:
    """By the HTTP door, in batches of a thousand, for two days later."""
    with Meter(side.server.pids) as meter:
        later = {"o:deliverytime": formatdate(time.time() + LATER)}
        side.later = fill(side.server, WAITING, TO, fields=later)
    assert side.server.queue()["waiting"] == side.later
    goals.tell(f"{side.later} messages taken in", f"{meter.took:.0f} s", "", f"{side.later / meter.took:.0f}/s")
    goals.tell("memory meanwhile, at most", f"{meter.peak / 1e6:.0f} MB")


def ready_again(side: Side) -> float:
    """Seconds from the start of the process until it is ready."""
    began = time.monotonic()
    side.server.platform.start()
    return time.monotonic() - began


def starts(side: Side) -> None:
    for how, end in [("it was killed", side.server.platform.kill), ("it was stopped", side.server.platform.stop)]:
        end()
        took = ready_again(side)
        goals.tell(f"ready after {how}", f"{took:.2f} s", "≤ 5 s", goals.at_most(took, 5))


def compared(full: Side, empty: Side) -> None:
    with Meter(full.server.pids) as meter:
        for side in (full, empty):
            side.round(20)
            side.accepted.clear(), side.delivered.clear()
        for number in range(sizes.rounds()):
            for side in (full, empty) if number % 2 == 0 else (empty, full):
                side.round()
    for what, of in [("accepted", lambda side: side.accepted), ("delivered", lambda side: side.delivered)]:
        rates = [statistics.median(of(side)) for side in (full, empty)]
        goals.tell(f"{what}, while they wait", f"{rates[0]:.0f}/s")
        goals.tell(f"{what}, by an empty one", f"{rates[1]:.0f}/s")
        part = rates[0] / rates[1]
        goal = ("≥ 0.90", goals.at_least(part, 0.9)) if what == "accepted" else ("", "")
        goals.tell(f"{what}, the first to the second", f"{part:.2f}", *goal)
    goals.tell("memory, at most", f"{meter.peak / 1e6:.0f} MB", "≤ 400 MB", goals.at_most(meter.peak / 1e6, 400))


def expired(full: Side) -> None:
    """All of them end while somebody goes on sending."""
    server = full.server
    with Probe(server.port, server.sender) as calm:
        waiting.until(lambda: len(calm.took) >= PROBES, "messages of a calm time", 60)
    told: list[dict] = []

    def expire():
        arguments = ("queue", "expire", "--to", TO, "--yes", "--json")
        told.append(json.loads(server.platform.run(*arguments, timeout=3600).stdout))

    ending = threading.Thread(target=expire)
    with Meter(server.pids) as meter, Probe(server.port, server.sender) as probe:
        ending.start()
        ending.join()
    full.arrives(len(calm.took) + len(probe.took))
    assert told and told[0]["touched"] == full.later, told
    waiting.until(lambda: server.queue()["waiting"] == 0, "an empty queue", 60)
    goals.tell("all of them expired", f"{meter.took:.0f} s", "", f"{full.later / meter.took:.0f}/s")
    goals.tell("accepting, longest wait before that", f"{max(calm.took) * 1e3:.0f} ms")
    longest = max(probe.took) * 1e3
    goals.tell("accepting, longest wait meanwhile", f"{longest:.0f} ms", "≤ 1000 ms", goals.at_most(longest, 1000))
    goals.tell("accepting meanwhile, p50 and p99", "{:.1f}, {:.1f} ms".format(*probe.milliseconds()))
    goals.tell("memory meanwhile, at most", f"{meter.peak / 1e6:.0f} MB", "≤ 400 MB", goals.at_most(meter.peak / 1e6, 400))


@pytest.mark.timeout(7200)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian postfix (smtp-source, smtp-sink) and apache2-utils (ab)")
def test_a_million_waiting(outside, folder):
    with contextlib.ExitStack() as running:
        full, empty = (started(folder / name, outside, running) for name in ("full", "empty"))
        goals.title(f"{WAITING} waiting messages; {MESSAGES} of 4 KiB by SMTP a round, medians of {sizes.rounds()}")
        filled(full)
        starts(full)
        compared(full, empty)
        expired(full)


def started(folder, outside, running: contextlib.ExitStack) -> Side:
    sink = running.enter_context(Sink())
    return Side(running.enter_context(Waxseal(folder, outside, sink.port)), sink)
