"""Somebody who sends at a pace of their own, however long each message takes: what customers do who do not wait."""

import dataclasses

from rig.apart import Apart
from rig.platform import Domain, Platform, host_port

SIZE = 4096


@dataclasses.dataclass
class Sent:
    """A message: when it was to be sent and when it was accepted, as `time.monotonic()`."""

    number: int
    due: float
    accepted: float


class Steady(Apart):
    """Sends from when it is made until all is accepted. In `to`, `#` stands for the message's number."""

    def __init__(self, door: dict, to: str, rate: float, seconds: float, connections: int = 32):
        super().__init__("rig.steadily")
        self.say(**door, to=to, rate=rate, seconds=seconds, connections=connections, size=SIZE)

    def done(self) -> list[Sent]:
        """All of it, once it was accepted."""
        sent = [Sent(*one) for one in self.told()]
        self.process.wait()
        return sent


def by_smtp(platform: Platform, domain: Domain) -> dict:
    """The door for whoever may submit without AUTH."""
    return {"door": "smtp", "port": platform.submission[1], "sender": f"a@{domain.name}"}


def by_http(platform: Platform, domain: Domain) -> dict:
    port, path = host_port(platform.url)[1], f"/v3/{domain.name}/messages"
    return {"door": "http", "port": port, "path": path, "sender": f"a@{domain.name}", "key": domain.account.key}


def waits(sent: list[Sent]) -> list[float]:
    """Seconds until each was accepted, from when it was due."""
    return [one.accepted - one.due for one in sent]


def deliveries(sent: list[Sent], to: str, times: dict[str, float]) -> list[float]:
    """Seconds between accepted and delivered, of what was sent to `to`. A server may have it before the sender hears so."""
    return [max(0.0, times[to.replace("#", str(one.number))] - one.accepted) for one in sent]


def share(values: list[float], part: float) -> float:
    """What this part of the values stays below, in milliseconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3
