"""Load with a ledger: what was attempted, what was answered with success, compared with what arrived."""

import dataclasses
import hashlib
import statistics
import threading
import time
from collections import Counter
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
    # Those whose senders heard no.
    refused: set[str] = dataclasses.field(default_factory=set)
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    # Domain of the recipients.
    domain: str = RECIPIENTS

    def address(self, word: str) -> str:
        return f"{word}@{self.domain}"

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
    """Threads that send by HTTP and by SMTP until told to stop, going on after every break; with a `rest` in seconds after
    each message."""

    def __init__(self, platform: Platform, domain: Domain, credential: Credential, ledger: Ledger, rest: float = 0.0):
        self.rest = rest
        self.platform, self.domain, self.credential, self.ledger = platform, domain, credential, ledger
        self._stop = threading.Event()
        self._up = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(one,), daemon=True) for one in
                         [self._http, self._smtp] * 3]  # fmt: skip
        self.by = {"http": 0, "smtp": 0}
        # How often each code was heard.
        self.answered: dict[str, Counter[int]] = {"http": Counter(), "smtp": Counter()}

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
            except (requests.RequestException, OSError, AssertionError, KeyError, wire.Closed):
                # The server is gone or going, or has not said where it listens: wait until it is said to be there again.
                self._stop.wait(0.02)
                self._up.wait(60)

    def _http(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.auth = ("api", self.domain.account.key)
            while not self._stop.is_set():
                self.post(session)
                self._stop.wait(self.rest)

    def _smtp(self) -> None:
        with wire.opened(self.platform.submission, self.credential) as line:
            while not self._stop.is_set():
                self.submit(line)
                self._stop.wait(self.rest)

    def post(self, session: requests.Session) -> None:
        """One message by HTTP."""
        word, text = self.ledger.attempt()
        fields = {"from": self.ledger.sender, "to": self.ledger.address(word), "subject": word, "text": text}
        url = f"{self.platform.url}/v3/{self.domain.name}/messages"
        answer = session.post(url, data=fields, timeout=30)
        self.answered["http"][answer.status_code] += 1
        if answer.status_code != 200:
            self.ledger.refused.add(word)
        assert answer.status_code == 200, answer.status_code
        self.ledger.acknowledge(word)
        self.by["http"] += 1

    def submit(self, line: wire.Line) -> None:
        """One message by SMTP."""
        word, text = self.ledger.attempt()
        self._said(word, line.talk(f"MAIL FROM:<{self.ledger.sender}>"), 250)
        self._said(word, line.talk(f"RCPT TO:<{self.ledger.address(word)}>"), 250)
        self._said(word, line.talk("DATA"), 354)
        head = f"From: {self.ledger.sender}\r\nTo: {self.ledger.address(word)}\r\nSubject: {word}\r\n\r\n"
        line.send((head + text.replace("\n", "\r\n") + ".\r\n").encode())
        self._said(word, line.reply(), 250)
        self.ledger.acknowledge(word)
        self.by["smtp"] += 1

    def _said(self, word: str, reply: wire.Reply, wanted: int) -> None:
        self.answered["smtp"][reply.code] += 1
        if reply.code != wanted:
            self.ledger.refused.add(word)
        assert reply.code == wanted, reply


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
        return [word for word in list(ledger.acknowledged) if not sink.seen(ledger.address(word))]

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
        more = max(0, len(sink.seen(ledger.address(word))) - 1)
        copies += more
        if more:
            doubled.append(word)
    return Verdict(missing(), invented, altered, copies, doubled)


def is_calm(platform: Platform, activity: Callable[[], int]) -> bool:
    """Whether nothing is under way to anybody any more: nothing happens for a moment, and nothing is in hand."""
    seen, until = activity(), time.monotonic() + 0.4
    waiting.until(lambda: activity() != seen or time.monotonic() > until, "some activity or none", 5)
    return activity() == seen and platform.command("queue", "list", "--limit", "1")["in_flight"] == 0


def delays(sender: Sender, sink, letters: int = 10) -> float:
    """How long mail to a server without faults takes, in seconds: the 95th percentile."""
    took = []
    for _ in range(letters):
        address, began = f"{canary.word()}@plain.test", time.monotonic()
        sender.send([("from", f"a@{sender.domain.name}"), ("to", address), ("text", "t")])
        sink.wait(address)
        took.append(time.monotonic() - began)
    return statistics.quantiles(took, n=20)[-1]


def noted(platform: Platform) -> int:
    """Bytes that are not zero in the notes of what is under way."""
    notes = platform.data / "sent.notes"
    return sum(1 for byte in notes.read_bytes() if byte) if notes.exists() else 0


def endings(sender: Sender, ledger: Ledger) -> dict[str, list[dict]]:
    """The terminal events of each message."""
    found: dict[str, list[dict]] = {}
    body = sender.get(f"/v3/{sender.domain.name}/events", params={"event": "delivered OR failed OR rejected", "limit": 300}).json()
    while body["items"]:
        for event in body["items"]:
            if event["event"] != "failed" or event["severity"] == "permanent":
                word, _, domain = event["recipient"].partition("@")
                if domain == ledger.domain:
                    found.setdefault(word, []).append(event)
        body = sender.get(body["paging"]["next"]).json()
    return found


def prove(running: Load, sink, most_copies: Callable[[], int], timeout: float = 60.0) -> str:
    """Nothing lost, invented or altered; no more second copies than that, as it stands once all has arrived, and each
    named in its event; the queue empties."""
    ledger, platform = running.ledger, running.platform
    verdict = settle(ledger, sink, timeout)
    came = sum(1 for word in ledger.refused if sink.seen(ledger.address(word)))
    told = (
        f"{len(ledger.attempted)} attempted, {ledger.count()} acknowledged "
        f"({running.by['http']} HTTP, {running.by['smtp']} SMTP): lost {len(verdict.lost)}, "
        f"invented {len(verdict.invented)}, altered {len(verdict.altered)}, second copies {verdict.copies}; "
        f"{len(ledger.refused)} refused, of which {came} came all the same"
    )
    print(told)
    if verdict.lost:
        print(f"still in the queue: {platform.command('queue', 'list')}")
    assert running.by["http"] and running.by["smtp"], told
    assert not verdict.lost and not verdict.invented and not verdict.altered, told
    assert verdict.copies <= most_copies(), f"{told}, but {most_copies()} transactions were in flight"
    queue = waiting.until(
        lambda: (lambda q: q["waiting"] == 0 and q["in_flight"] == 0 and q)(platform.command("queue", "list")),
        "an empty queue", 60,
    )  # fmt: skip
    assert queue["items"] == []
    waiting.until(lambda: noted(platform) == 0, "no notes of what is under way", 60)
    events = endings(Sender(platform, running.domain), ledger)
    # What nobody heard yes to may be there, and then ends as well.
    wrong = {word: events.get(word, []) for word in ledger.acknowledged | events.keys() if len(events.get(word, [])) != 1}
    assert wrong == {}, f"{told}, but not one end each: {list(wrong.items())[:3]}"
    unnamed = [word for word in verdict.doubled if not events[word][0]["delivery-status"].get("possible-duplicate")]
    assert unnamed == [], f"{told}, but second copies of {len(unnamed)} are not named"
    return told
