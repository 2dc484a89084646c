"""A healthy destination beside a hundred thousand messages for two that are not: one says nothing, one always "later"."""

import pytest

from rig import goals, sizes, steady, waiting
from rig.feeding import fill
from rig.meter import Meter
from rig.receivers import Receivers
from rig.relays import Direct, Postfix
from rig.steady import Steady, deliveries, share

STUCK = sizes.number("STUCK", 100_000)
SECONDS = sizes.number("SECONDS", 20)
RATE = 50
HEALTHY, SILENT, LATER = "healthy.test", "silent.test", "later.test"
ADDRESSES = {HEALTHY: "127.0.3.1", SILENT: "127.0.3.2", LATER: "127.0.3.3"}


def watched(server, receivers: Receivers, name: str) -> list[float]:
    """Seconds from accepted to delivered, of mail to the healthy one."""
    to = f"timed-{name}-#@{HEALTHY}"
    before = receivers.taken(HEALTHY)
    with Steady(steady.by_http(server.platform, server.domain), to, RATE, SECONDS) as sender:
        sent = sender.done()
    waiting.until(lambda: receivers.taken(HEALTHY) - before >= len(sent), "all mail to the healthy one", 300)
    return deliveries(sent, to, receivers.times())


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian apache2-utils (ab)")
def test_a_healthy_destination_beside_stuck_ones(outside, folder):
    for domain, address in ADDRESSES.items():
        outside.zone.mx(domain, f"mx.{domain}")
        outside.zone.host(f"mx.{domain}", address)
    with Receivers() as receivers, Direct(folder / "server", outside, receivers.port) as server:
        receivers.behave(ADDRESSES[SILENT], silent=True)
        receivers.behave(ADDRESSES[LATER], refuses=1.0)
        watched(server, receivers, "first")
        alone = watched(server, receivers, "alone")
        with Meter(server.pids) as meter:
            stuck = sum(fill(server, STUCK // 2, domain) for domain in (SILENT, LATER))
            beside = watched(server, receivers, "beside")
            refused = receivers.refused(LATER)
            waiting.until(lambda: left(server) == stuck, f"{stuck} in the queue", 60, pause=0.2)
        assert receivers.doubled() == 0, "delivered twice"
        goals.title(f"{RATE} messages a second to a healthy destination, {stuck} stuck at two others")
        goals.tell("accepted to delivered, p50 and p95, none stuck", "{:.1f}, {:.1f} ms".format(*both(alone)))
        goals.tell("the same, beside them", "{:.1f}, {:.1f} ms".format(*both(beside)))
        ratio = share(beside, 0.95) / share(alone, 0.95)
        goals.tell("p95, the second to the first", f"{ratio:.2f}", "≤ 1.50", goals.at_most(ratio, 1.5))
        goals.tell("attempts that were deferred meanwhile", f"{refused}")
        goals.tell("memory, at most", f"{meter.peak / 1e6:.0f} MB")


def left(server) -> int:
    queue = server.queue()
    return queue["waiting"] + queue["in_flight"]


def both(values: list[float]) -> tuple[float, float]:
    return share(values, 0.5), share(values, 0.95)
