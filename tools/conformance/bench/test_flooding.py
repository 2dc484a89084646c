"""Two accounts, one of which floods: how long the other's mail takes, to the same destination and to another."""

import contextlib
import dataclasses
import re
import signal
import subprocess

import pytest

from rig import goals, sizes, steady, waiting
from rig.feeding import command, fill
from rig.platform import Domain
from rig.receivers import Receivers
from rig.relays import Direct, Postfix
from rig.steady import Steady, deliveries, share

WAITING = sizes.number("FLOOD", 50_000)
SECONDS = sizes.number("SECONDS", 20)
RATE = 10
SLOW, QUICK = "slow.test", "quick.test"
ADDRESSES = {SLOW: "127.0.2.1", QUICK: "127.0.2.2"}
# Seconds that the slow one needs for each message: with ten connections a hundred messages a second.
TAKES = 0.1


@dataclasses.dataclass
class House:
    server: Direct
    receivers: Receivers
    other: Domain

    def watched(self, name: str) -> dict[str, list[float]]:
        """How long the quiet account's mail takes from accepted to delivered, to each of the two."""
        door = steady.by_http(self.server.platform, self.other)
        with contextlib.ExitStack() as running:
            to = {domain: f"timed-{name}-#@{domain}" for domain in ADDRESSES}
            senders = {d: running.enter_context(Steady(door, to[d], RATE, SECONDS, 4)) for d in ADDRESSES}
            sent = {domain: sender.done() for domain, sender in senders.items()}
            wanted = sum(map(len, sent.values()))

            def arrived():
                times = self.receivers.times()
                return times if sum(f"-{name}-" in one for one in times) == wanted else None

            times = waiting.until(arrived, "all of the quiet account's mail", 300, pause=0.2)
            return {domain: deliveries(sent[domain], to[domain], times) for domain in ADDRESSES}


@contextlib.contextmanager
def flood(server):
    """Sends to the slow one as fast as it is let, until the end; then tells how much was accepted."""
    asked = command(server, [f"more@{SLOW}"], 4096, "-c", "10", "-n", "100000000", "-t", "3600")
    told: list[int] = []
    sending = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True)
    try:
        yield told
        sending.send_signal(signal.SIGINT)
        said = sending.communicate(timeout=60)[0]
        assert "Non-2xx" not in said, said
        told.append(int(re.search(r"Complete requests:\s*(\d+)", said)[1]))
    finally:
        sending.kill()
        sending.wait()


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Postfix.possible(), reason="wants of Debian apache2-utils (ab)")
def test_two_accounts_one_flooding(outside, folder):
    for domain, address in ADDRESSES.items():
        outside.zone.mx(domain, f"mx.{domain}")
        outside.zone.host(f"mx.{domain}", address)
    with Receivers() as receivers, Direct(folder / "server", outside, receivers.port) as server:
        receivers.behave(ADDRESSES[SLOW], takes=TAKES)
        house = House(server, receivers, server.platform.domain(server.platform.account("Quiet")))
        house.watched("first")
        alone = house.watched("alone")
        filled = fill(server, WAITING, SLOW)
        with flood(server) as told:
            waiting.until(lambda: receivers.taken(SLOW) > 4 * RATE * SECONDS, "the flood", 60)
            beside = house.watched("beside")
        assert receivers.doubled() == 0, "delivered twice"
        kept(house, filled + told[0])
        goals.title(f"Two accounts, one flooding: {filled} of it wait, {told[0]} more were accepted meanwhile")
        for domain, what in [(QUICK, "another destination"), (SLOW, "the same destination")]:
            for when, found in [("alone", alone), ("beside the flood", beside)]:
                middle, most = (share(found[domain], part) for part in (0.5, 0.95))
                goals.tell(f"the quiet account to {what}, {when}: p50, p95", f"{middle:.0f}, {most:.0f} ms")


def kept(house: House, flooded: int) -> None:
    """All that was accepted is delivered or waits; what was under way when the flood ended may be more by one a connection."""
    quiet = 3 * 2 * RATE * SECONDS

    def there() -> int:
        queue = house.server.queue()
        return queue["waiting"] + queue["in_flight"] + house.receivers.taken()

    # What is settled between the two looks is counted in both, and what is in hand may be in neither.
    assert house.server.platform.command("queue", "pause", "--all")
    waiting.until(lambda: house.server.queue()["in_flight"] == 0, "attempts at rest", 60)
    found = there() - quiet
    assert flooded <= found <= flooded + 10, f"{flooded} were accepted, {found} are there"
