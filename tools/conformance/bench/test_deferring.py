"""Recipients' servers that ask for another try: what a part of refusals costs, and that everything arrives in the end."""

import dataclasses
import statistics

import pytest

from rig import goals, sizes, waiting
from rig.feeding import by_smtp
from rig.meter import Meter
from rig.receivers import Receivers
from rig.relays import Direct, Postfix

SERVER = "127.0.0.1"
DOMAIN = "deferring.test"
PART = 0.1
SESSIONS = 20
MESSAGES = sizes.messages()


@dataclasses.dataclass
class Figures:
    """One run, or the medians of several."""

    delivered: float  # a second
    attempted: float  # a second
    cpu: float  # milliseconds of a message
    deferred: int


def one_round(folder, outside, refuses: float) -> Figures:
    with Receivers() as receivers, Direct(folder, outside, receivers.port) as server:
        by_smtp(server, 512, 1, 20, f"r@{DOMAIN}")
        waiting.until(lambda: receivers.taken(DOMAIN) == 20, "the first messages", 60)
        receivers.behave(SERVER, refuses=refuses)
        with Meter(server.pids) as meter:
            by_smtp(server, 4096, SESSIONS, MESSAGES, f"r@{DOMAIN}")
            waiting.until(lambda: attempted(receivers) >= MESSAGES, "an attempt of everything", 300)
        counts = receivers.counts()
        took = counts["last"] - meter.began
        taken, deferred = receivers.taken(DOMAIN) - 20, receivers.refused(DOMAIN)
        arrives_in_the_end(server, receivers, deferred)
        return Figures(taken / took, (taken + deferred) / took, meter.cpu * 1e3 / MESSAGES, deferred)


def attempted(receivers: Receivers) -> int:
    return receivers.taken(DOMAIN) - 20 + receivers.refused(DOMAIN)


def arrives_in_the_end(server, receivers: Receivers, deferred: int) -> None:
    """What was refused waits for its next attempt, and nothing else does; hastened, all of it arrives once."""
    queue = waiting.until(lambda: (lambda found: found["in_flight"] == 0 and found)(server.queue()), "attempts at rest", 60)
    assert queue["waiting"] == deferred, f"{deferred} were deferred, {queue['waiting']} wait"
    while server.queue()["waiting"]:
        before = attempted(receivers)
        touched = server.platform.command("queue", "drain", "--all")["touched"]
        waiting.until(lambda n=before + touched: attempted(receivers) >= n, "another attempt of everything", 120)
        waiting.until(lambda: server.queue()["in_flight"] == 0, "attempts at rest", 60)
    assert receivers.taken(DOMAIN) == MESSAGES + 20, "lost"
    assert receivers.doubled() == 0, "delivered twice"


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian postfix (smtp-source)")
def test_a_sink_that_defers_a_tenth(outside, folder):
    outside.zone.mx(DOMAIN, f"mx.{DOMAIN}")
    outside.zone.host(f"mx.{DOMAIN}", SERVER)
    found: dict[float, list[Figures]] = {0.0: [], PART: []}
    for number in range(sizes.rounds()):
        for refuses in [0.0, PART] if number % 2 == 0 else [PART, 0.0]:
            found[refuses].append(one_round(folder / f"{refuses}-{number}", outside, refuses))
    calm, deferring = (medians(found[refuses]) for refuses in (0.0, PART))
    goals.title(f"A sink that defers 10 %: {MESSAGES} messages of 4 KiB, medians of {sizes.rounds()}")
    goals.tell("delivered, a sink that takes all", f"{calm.delivered:.0f}/s")
    goals.tell("delivered, one that defers 10 %", f"{deferring.delivered:.0f}/s")
    goals.tell("the same, attempts", f"{deferring.attempted:.0f}/s")
    goals.tell("delivered, the second to the first", f"{deferring.delivered / calm.delivered:.2f}")
    goals.tell("CPU of a message, the second to the first", f"{deferring.cpu / calm.cpu:.2f}")
    goals.tell("deferred, and delivered once when tried again", f"{deferring.deferred:.0f}")


def medians(rounds: list[Figures]) -> Figures:
    return Figures(*(statistics.median(column) for column in zip(*map(dataclasses.astuple, rounds), strict=True)))
