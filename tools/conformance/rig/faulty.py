"""A server under load on a disk that fails when told to."""

from rig import disk, load, waiting

# Messages under way to the recipient's server at one moment, at most: connections, each with one transaction.
IN_FLIGHT = 20


class House:
    """The server, its disk, and the load with its ledger. Nothing is sent before `load.start`."""

    def __init__(self, own_platform, seed: int, config: dict | None = None):
        self.platform = own_platform({"log": {"level": "info"}, **(config or {})}, started=False)
        self.disk = disk.Disk(self.platform, seed)
        self.disk.start()
        self.domain = self.platform.domain(self.platform.account())
        self.credential = self.platform.credential(self.domain)
        self.ledger = load.Ledger(f"load@{self.domain.name}")
        self.load = load.Load(self.platform, self.domain, self.credential, self.ledger)

    def lives(self) -> bool:
        return self.platform.process is not None and self.platform.process.poll() is None

    def acknowledges(self, more: int, timeout: float) -> bool:
        """Whether so many more messages are acknowledged in time; not, once the server is gone."""
        target = self.ledger.count() + more
        try:
            waiting.until(lambda: self.ledger.count() >= target or not self.lives(), "acknowledged messages", timeout)
        except waiting.TooLate:
            return False
        return self.ledger.count() >= target

    def cut_and_start(self, dying: int = 0) -> str:
        """The power goes and comes back while the load waits; with `dying` it goes again at that call of the start."""
        self.load.pause()
        mode = self.disk.cut()
        self.disk.start(dying)
        self.load.resume()
        return mode

    def prove(self, sink, most_copies=None) -> str:
        """The end of a run: see `load.prove`. The audit trail is whole as well."""
        most_copies = most_copies or (lambda: IN_FLIGHT * max(1, sum(self.disk.cuts.values())))
        self.load.resume()
        assert self.acknowledges(30, 60), "messages after the last fault"
        self.load.stop()
        told = load.prove(self.load, sink, most_copies)
        assert self.platform.command("audit", "verify")["sound"], "the audit trail"
        assert b"panicked" not in self.platform.written()
        return told
