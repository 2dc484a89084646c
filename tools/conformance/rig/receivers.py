"""Recipients' servers that keep up with a bench: at each address of the loopback one, which takes, refuses, dawdles or is silent."""

from rig.apart import Apart


class Receivers(Apart):
    """All at one port; they start proper."""

    def __init__(self):
        super().__init__("rig.receiving")
        self.port = self.told()["port"]

    def behave(self, address: str, **way) -> None:
        """From now on this one is `silent`, or `refuses` that part of recipients with 451, or `takes` so many seconds."""
        self.ask(ways={address: way})

    def counts(self) -> dict:
        """`taken`, `refused` and `doubled` by recipients' domain; `last`, when the last message came."""
        return self.ask()

    def taken(self, domain: str | None = None) -> int:
        """Messages for recipients of a domain, or of all; copies of one count once."""
        taken = self.counts()["taken"]
        return sum(taken.values()) if domain is None else taken.get(domain, 0)

    def refused(self, domain: str) -> int:
        return self.counts()["refused"].get(domain, 0)

    def doubled(self) -> int:
        """Copies beyond the first."""
        return sum(self.counts()["doubled"].values())

    def times(self) -> dict[str, float]:
        """When (`time.monotonic()`) each recipient whose name begins with `timed-` got the first message."""
        return self.ask(times=True)
