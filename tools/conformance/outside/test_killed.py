"""The process is killed again and again under load: what was taken arrives, unaltered, and is told of once."""

import collections
import hashlib
import re
import secrets
import smtplib
import socketserver
import threading

import requests

from rig import waiting
from rig.api import Sender

KILLS, WORKERS, EACH = 5, 6, 60


class Counter(socketserver.ThreadingTCPServer):
    """A recipient's server that knows no TLS and counts: how often each id came for whom, and whether whole."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Talk)
        self.lock = threading.Lock()
        self.copies, self.altered = collections.Counter(), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, recipient, data):
        body = data.partition(b"\r\n\r\n")[2]
        found = re.search(rb"id ([0-9a-f]{32}) sum ([0-9a-f]{64}) ([A-Za-z0-9+/=\r\n]+) end", body)
        with self.lock:
            if not found or hashlib.sha256(found[3].replace(b"\r\n", b"")).hexdigest().encode() != found[2]:
                self.altered.append(data)
            else:
                self.copies[found[1].decode()] += 1


class Talk(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except OSError:
            pass

    def talk(self):
        self.say("220 counter")
        recipients = []
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.say("354 go on")
                data = b""
                while (row := self.rfile.readline()) != b".\r\n":
                    if not row:
                        return
                    data += row[1:] if row.startswith(b".") else row
                for one in recipients:
                    self.server.keep(one, data)
                recipients = []
                self.say("250 kept")
            elif word == b"RCPT":
                recipients.append(line[9:-3])
                self.say("250 fine")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                recipients = recipients if word == b"NOOP" else []
                self.say("250 fine")


def text_of(one: str) -> str:
    row = secrets.token_hex(24)
    return f"id {one} sum {hashlib.sha256(row.encode()).hexdigest()} {row} end"


def test_what_was_acknowledged_before_a_kill_arrives_once_whole_and_ends_once(own_platform):
    counter = Counter()
    server = own_platform({"delivery": {"port": counter.server_address[1]}, "log": {"level": "warn"}})
    domain = server.domain(server.account())
    login = server.credential(domain)
    tried, taken, recipients = set(), {}, {}
    lock = threading.Lock()
    over = threading.Event()

    def note(one, mid):
        with lock:
            taken[one] = mid

    def by_http(one, to):
        answer = requests.post(
            f"{server.url}/v3/{domain.name}/messages", auth=("api", domain.account.key), timeout=10,
            data={"from": f"a@{domain.name}", "to": to, "subject": "s", "text": text_of(one)},
        )  # fmt: skip
        if answer.status_code == 200:
            note(one, answer.json()["id"].strip("<>"))

    def by_smtp(one, to):
        with smtplib.SMTP(*server.submission, timeout=10) as door:
            door.login(login.login, login.password)
            door.mail(login.login), door.rcpt(to)
            code, reply = door.data(f"From: {login.login}\nSubject: s\n\n{text_of(one)}\n")
            if code == 250:
                note(one, reply.decode().split("OK ")[1].strip("<>"))

    def work(number):
        while not over.is_set():
            one = secrets.token_hex(16)
            with lock:
                tried.add(one)
                recipients[one] = f"{one}@rcpt.test"
            try:
                (by_smtp if number % 3 == 0 else by_http)(one, recipients[one])
            except (OSError, smtplib.SMTPException, requests.RequestException, LookupError):
                over.wait(0.02)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(WORKERS)]
    for one in workers:
        one.start()
    for kill in range(KILLS):
        waiting.until(lambda enough=(kill + 1) * EACH: len(taken) >= enough, "messages taken", 60)
        server.kill()
        server.start()
    waiting.until(lambda: len(taken) >= (KILLS + 1) * EACH, "messages taken", 60)
    over.set()
    for one in workers:
        one.join()

    waiting.until(lambda: set(taken) <= set(counter.copies), f"all {len(taken)} to arrive", 120)
    def settled():
        # What has arrived is in flight until its outcome is committed.
        queue = server.command("queue", "list")
        return queue["waiting"] + queue["in_flight"] == 0

    waiting.until(settled, "an empty queue", 60)
    assert counter.altered == []
    assert set(counter.copies) <= tried, "messages that nobody sent"
    extra = sum(counter.copies.values()) - len(counter.copies)
    assert extra <= KILLS * 10, f"{extra} copies too many: more than can have been in flight"
    ends = collections.Counter()
    link = f"/v3/{domain.name}/events?event=delivered&ascending=yes&limit=300"
    sender = Sender(server, domain)
    while items := (page := sender.get(link).json())["items"]:
        ends.update(e["message"]["headers"]["message-id"] for e in items)
        link = page["paging"]["next"]
    assert set(ends.values()) == {1}
    assert set(taken.values()) <= set(ends)
    assert len(ends) == len(counter.copies)
    counter.shutdown()
