"""Ten thousand destinations: their mail beside as much for one of them."""

import contextlib
import dataclasses

import pytest

from rig import goals, sizes, waiting
from rig.feeding import BATCH, call
from rig.meter import Meter
from rig.names import Names
from rig.receivers import Receivers
from rig.relays import Direct, Postfix

DOMAINS = sizes.number("DOMAINS", 10_000)
COMPANIES = 20
SEVERAL = 2
KINDS = [
    ("one domain", lambda number: "d0.own.test"),
    (f"{DOMAINS} domains of {COMPANIES} companies", lambda number: f"d{number}.of{COMPANIES}.test"),
    (f"{DOMAINS} domains, a server each", lambda number: f"d{number}.own.test"),
]


@dataclasses.dataclass
class Figures:
    delivered: float  # a second
    cpu: float  # milliseconds of a message
    memory: float  # megabytes


def passes(server, receivers: Receivers, domain_of, times: int) -> Figures:
    """As many messages for each domain, in calls of a thousand recipients."""
    before = receivers.taken()
    with Meter(server.pids) as meter:
        for turn in range(times):
            for first in range(0, DOMAINS, BATCH):
                numbers = range(first, min(first + BATCH, DOMAINS))
                call(server, [f"r{turn}-{number}@{domain_of(number)}" for number in numbers], 4096, 1, 1)
        waiting.until(lambda: receivers.taken() - before >= DOMAINS * times, "everything at its server", 600, pause=0.1)
    assert receivers.taken() - before == DOMAINS * times and receivers.doubled() == 0, "delivered twice"
    took = receivers.counts()["last"] - meter.began
    return Figures(DOMAINS * times / took, meter.cpu * 1e3 / DOMAINS / times, meter.peak / 1e6)


def settles(server) -> None:
    """Every reply was heard, and nothing is left."""

    def is_empty():
        queue = server.queue()
        return queue["waiting"] == 0 and queue["in_flight"] == 0

    waiting.until(is_empty, "an empty queue", 60)


@pytest.mark.timeout(3600)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian apache2-utils (ab)")
def test_ten_thousand_domains(outside, folder):
    goals.title(f"{DOMAINS} destination domains, 4 KiB, by HTTP in calls of {BATCH} recipients")
    first: dict[int, Figures] = {}
    for place, (kind, domain_of) in enumerate(KINDS):
        with contextlib.ExitStack() as running:
            receivers, names = running.enter_context(Receivers()), running.enter_context(Names())
            config = {"dns": {"nameservers": [f"127.0.0.1:{names.port}"]}}
            server = running.enter_context(Direct(folder / str(place), outside, receivers.port, config))
            for times in (1, SEVERAL):
                found = passes(server, receivers, domain_of, times)
                settles(server)
                beside = first.setdefault(times, found)
                goals.tell(f"{kind}, {times} each: delivered", f"{found.delivered:.0f}/s", "",
                           f"{found.delivered / beside.delivered:.2f} of one domain")  # fmt: skip
                goals.tell("the same, CPU of a message; memory, at most", f"{found.cpu:.2f} ms", "", f"{found.memory:.0f} MB")
