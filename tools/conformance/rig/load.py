"""Load with a ledger: what was attempted, what was answered with success, compared with what arrived."""

import dataclasses
import hashlib
import threading
from collections.abc import Callable

import requests

from rig import canary, parcel, waiting, wire
from rig.api import Sender
from rig.platform import Credential, Domain, Platform

RECIPIENTS = "rcpt.test"


@dataclasses.dataclass
class Ledger:
    """One line for each message, by its own word. `sender` tells this load's messages from another's."""

    sender: str
    attempted: dict[str, str] = dataclasses.field(default_factory=dict)  # word -> SHA-256 of the text
    acknowledged: set[str] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def attempt(self) -> tuple[str, str]:
        word = canary.word()
        text = "".join(f"{word} line {n} {'x' * 60}\n" for n in range(40))
        with self.lock:
            self.attempted[word] = hashlib.sha256(text.encode()).hexdigest()
        return word, text

    def acknowledge(self, word: str) -> None:
        with self.lock:
            self.acknowledged.add(word)

    def count(self) -> int:
        with self.lock:
            return len(self.acknowledged)


class Load:
    """Threads that send by HTTP and by SMTP until told to stop, going on after every break."""

    def __init__(self, platform: Platform, domain: Domain, credential: Credential, ledger: Ledger):
        self.platform, self.domain, self.credential, self.ledger = platform, domain, credential, ledger
        self._stop = threading.Event()
        self._up = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in
                         [self._http, self._smtp] * 3]  # fmt: skip
        self.by = {"http": 0, "smtp": 0}

    def start(self) -> None:
        self._up.set()
        for one in self._threads:
            one.start()

    def pause(self) -> None:
        """Before a kill: whoever breaks now waits for `resume`."""
        self._up.clear()

    def resume(self) -> None:
        self._up.set()

    def stop(self) -> None:
        self._stop.set()
        self._up.set()
        for one in self._threads:
            one.join(30)

    def _run(self, send) -> None:
        while not self._stop.is_set():
            try:
                send()
            except (requests.RequestException, OSError, AssertionError, wire.Closed):
                # The server is gone or going: wait until it is said to be there again.
                self._stop.wait(0.02)
                self._up.wait(60)

    def _http(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("api", self.domain.account.key)
            url = f"{self.platform.url}/v3/{self.domain.name}/messages"
            while not self._stop.is_set():
                word, text = self.ledger.attempt()
                fields = {
                    "from": self.ledger.sender,
                    "to": f"{word}@{RECIPIENTS}",
                    "subject": word,
                    "text": text,
                }
                answer = session.post(url, data=fields, timeout=30)
                assert answer.status_code == 200, answer.status_code
                self.ledger.acknowledge(word)
                self.by["http"] += 1

    def _smtp(self) -> None:
        with wire.opened(self.platform.submission, self.credential) as line:
            while not self._stop.is_set():
                word, text = self.ledger.attempt()
                line.envelope(self.ledger.sender, f"{word}@{RECIPIENTS}")
                assert line.talk("DATA").code == 354
                head = f"From: {self.ledger.sender}\r\nTo: {word}@{RECIPIENTS}\r\nSubject: {word}\r\n\r\n"
                line.send((head + text.replace("\n", "\r\n") + ".\r\n").encode())
                assert line.reply().code == 250
                self.ledger.acknowledge(word)
                self.by["smtp"] += 1


@dataclasses.dataclass
class Verdict:
    lost: list[str]
    invented: list[str]
    altered: list[str]
    copies: int
    doubled: list[str]


def settle(ledger: Ledger, sink, patience: float = 120.0) -> Verdict:
    """Wait until what was acknowledged has arrived, as long as some of it still comes, then compare."""

    def missing():
        return [word for word in list(ledger.acknowledged) if not sink.seen(f"{word}@{RECIPIENTS}")]

    left = missing()
    while left:
        try:
            waiting.until(lambda before=len(left): len(missing()) < before, "more mail", patience, pause=0.2)
        except waiting.TooLate:
            break
        left = missing()
    altered, invented, copies, doubled = [], [], 0, []
    for arrival in list(sink.arrivals):
        message = parcel.read(arrival)
        if str(message["From"]) != ledger.sender:
            continue
        text = parcel.body(message, "text/plain").replace("\r\n", "\n").rstrip("\n") + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        for recipient in arrival.recipients:
            word = recipient.partition("@")[0]
            if word not in ledger.attempted:
                invented.append(word)
            elif digest != ledger.attempted[word] or str(message["Subject"]) != word:
                altered.append(word)
    for word in ledger.attempted:
        more = max(0, len(sink.seen(f"{word}@{RECIPIENTS}")) - 1)
        copies += more
        if more:
            doubled.append(word)
    return Verdict(missing(), invented, altered, copies, doubled)


def prove(running: Load, sink, most_copies: Callable[[], int], timeout: float = 60.0) -> str:
    """Nothing lost, invented or altered; no more second copies than that, as it stands once all has arrived, and each
    named in its event; the queue empties."""
    ledger, platform = running.ledger, running.platform
    verdict = settle(ledger, sink, timeout)
    told = (
        f"{len(ledger.attempted)} attempted, {ledger.count()} acknowledged "
        f"({running.by['http']} HTTP, {running.by['smtp']} SMTP): lost {len(verdict.lost)}, "
        f"invented {len(verdict.invented)}, altered {len(verdict.altered)}, second copies {verdict.copies}"
    )
    print(told)
    if verdict.lost:
        print(f"still in the queue: {platform.command('queue', 'list')}")
    assert running.by["http"] and running.by["smtp"], told
    assert not verdict.lost and not verdict.invented and not verdict.altered, told
    assert verdict.copies <= most_copies(), f"{told}, but {most_copies()} transactions were in flight"
    sender = Sender(platform, running.domain)
    for word in verdict.doubled:
        events = waiting.until(
            lambda w=word: sender.events(recipient=f"{w}@{RECIPIENTS}", event="delivered"), "its event", 60
        )
        status = [event["delivery-status"] for event in events]
        assert len(status) == 1 and status[0]["possible-duplicate"] is True, "a second copy that is not named"
    queue = waiting.until(
        lambda: (lambda q: q["waiting"] == 0 and q["in_flight"] == 0 and q)(platform.command("queue", "list")),
        "an empty queue", 60,
    )  # fmt: skip
    assert queue["items"] == []
    return told
