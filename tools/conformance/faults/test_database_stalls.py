"""PostgreSQL stops answering, gets slow, is cut off, is restarted: doors say "not now" in time, and all goes on afterwards."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from rig import canary, load, waiting, wire
from rig.platform import Platform
from rig.postgres import Cluster
from rig.proxy import Proxy

# Within that a sender hears that it is not now: the commit that is under way may take twenty seconds, and so may its own.
LIMIT = 60.0
# Within that mail is accepted after the end of a fault.
AGAIN = 5.0
# Seconds that each piece of what is said to the database and back takes while it is slow.
SLOW = 0.03
ROUNDS = int(os.environ.get("WAXSEAL_TEST_STALLS", "1"))


class Database:
    """A server under load whose database is behind a line of the test's own."""

    def __init__(self, outside, folder):
        self.cluster = Cluster(folder / "postgres" / "cluster").start()
        self.line = Proxy(self.cluster.port).start()
        url = self.cluster.database().replace(f":{self.cluster.port}/", f":{self.line.port}/")
        self.platform = Platform(folder / "platform", outside, {"store": {"url": url}, "log": {"level": "info"}}).start()
        self.domain = self.platform.domain(self.platform.account())
        self.credential = self.platform.credential(self.domain)
        self.ledger = load.Ledger(f"load@{self.domain.name}")
        self.load = load.Load(self.platform, self.domain, self.credential, self.ledger)

    def acknowledges(self, more: int, timeout: float = 60) -> None:
        target = self.ledger.count() + more
        waiting.until(lambda: self.ledger.count() >= target, "acknowledged messages", timeout)

    def post(self) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("api", self.domain.account.key)
            fields = {"from": f"single@{self.domain.name}", "to": f"{canary.word()}@rcpt.test", "subject": "s", "text": "t"}
            return session.post(f"{self.platform.url}/v3/{self.domain.name}/messages", data=fields, timeout=LIMIT)

    def get(self, path: str) -> int:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(f"{self.platform.url}{path}", timeout=LIMIT).status_code

    def speak(self) -> None:
        self.line.cut()
        self.line.silent(False)

    def stop(self) -> None:
        if self.platform.process is not None:
            self.platform.kill()
        self.line.stop()
        self.cluster.thaw()
        self.cluster.stop()

    # What senders hear ---------------------------------------------------------------------

    def says_not_now(self, fault, mended) -> str:
        """Everybody who asks while it lasts hears so in time; how long they waited."""
        begun = wire.opened(self.platform.submission, self.credential)
        begun.envelope(f"single@{self.domain.name}", f"{canary.word()}@rcpt.test")
        assert begun.talk("DATA").code == 354
        begun.socket.settimeout(LIMIT)

        def content():
            begun.send(f"From: single@{self.domain.name}\r\nSubject: s\r\n\r\nt\r\n.\r\n".encode())
            return begun.reply().code

        def login():
            with wire.Line(self.platform.submission) as line:
                line.socket.settimeout(LIMIT)
                assert line.reply().code == 220 and line.ehlo()
                return line.login(self.credential.login, self.credential.password).code

        asked = {
            503: [lambda: self.post().status_code, lambda: self.get("/readyz")],
            451: [content],
            454: [login],
            200: [lambda: self.get("/healthz")],
        }
        self.load.pause()
        fault()
        self.load.resume()
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(8) as many:
                heard = [(code, many.submit(ask)) for code, asks in asked.items() for ask in asks]
            codes = [(code, one.result()) for code, one in heard]
        finally:
            waited = time.monotonic() - began
            mended()
        began = time.monotonic()
        waiting.until(lambda: self.post().status_code == 200, "accepted again", AGAIN)
        self.acknowledges(5, AGAIN)
        assert all(code == got for code, got in codes), codes
        begun.close()
        return f"not now within {waited:.0f} s, accepted again after {time.monotonic() - began:.1f} s"


@pytest.fixture
def database(outside, tmp_path):
    if not Cluster.possible():
        pytest.skip("missing: PostgreSQL")
    made = Database(outside, tmp_path)
    yield made
    made.stop()


@pytest.mark.timeout(240 + 150 * ROUNDS)
def test_a_database_that_gets_slow_breaks_restarts_or_freezes_is_a_not_now(database, sink):
    one = database
    one.load.start()
    one.acknowledges(10)
    told = []
    for number in range(ROUNDS):
        one.line.delay = SLOW
        one.acknowledges(15)
        one.line.delay = 0.0
        one.line.cut()
        one.acknowledges(15)
        one.cluster.restart()
        one.acknowledges(15)
        told.append("frozen: " + one.says_not_now(one.cluster.freeze, one.cluster.thaw))
        if number:
            # The network swallows everything, and then tells that the connections are gone.
            told.append("silent: " + one.says_not_now(lambda: one.line.silent(True), one.speak))
    one.load.stop()
    told.append(load.prove(one.load, sink, lambda: 0))
    print("\n".join(told))
