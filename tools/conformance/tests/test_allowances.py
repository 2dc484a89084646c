"""What an account may send in an hour, and how many connections a peer may have: as the operator configured it."""

import socket
import time

from rig import canary, waiting, wire
from rig.api import Sender

HOUR = 3600


def fields(sender, *to):
    return [("from", f"a@{sender.domain.name}"), ("subject", "s"), ("text", "t"), *(("to", one) for one in to)]


def somebody() -> str:
    return f"{canary.word()}@rcpt.test"


def wait_for_a_young_hour():
    """The test's calls belong into one hour of the server's clock."""
    waiting.until(lambda: time.time() % HOUR < HOUR - 30, "the next hour", 40, pause=0.5)


def test_an_account_that_spent_its_hour_hears_429_and_451_until_the_next(own_platform):
    platform = own_platform({"sending": {"requests_per_hour": 4, "recipients_per_hour": 10}})
    sender = Sender(platform, platform.domain(platform.account()))
    credential = platform.credential(sender.domain)
    wait_for_a_young_hour()
    answer = sender.try_send(fields(sender, somebody(), somebody()))
    assert answer.status_code == 200
    told = {name.lower(): value for name, value in answer.headers.items()}
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("4", "3")
    assert (told["x-recipient-limit"], told["x-recipient-remaining"]) == ("10", "8")
    end = int(told["x-ratelimit-reset"])
    assert end % HOUR == 0 and 0 < end - time.time() <= HOUR and told["x-recipient-reset"] == str(end)

    # A call that is refused for itself costs nothing, nor does the repetition of one that was answered.
    assert sender.try_send(fields(sender)).status_code == 400
    key = {"Idempotency-Key": canary.word()}
    once, again = (sender.try_send(fields(sender, "twice@rcpt.test"), headers=key) for _ in range(2))
    assert once.json() == again.json()

    refused = sender.try_send(fields(sender, *(somebody() for _ in range(8))))
    assert refused.status_code == 429, refused.text
    message = refused.json()["message"]
    assert message.startswith(
        f"Domain {sender.domain.name} is not allowed to send: recipient limit exceeded, try again after "
    )
    assert message.endswith(" UTC")
    assert refused.headers["X-RateLimit-Reset"] == str(end)
    assert 0 < int(refused.headers["Retry-After"]) <= HOUR

    with wire.opened(platform.submission, credential) as line:
        codes = []
        for _ in range(3):
            line.envelope(f"a@{sender.domain.name}", somebody())
            assert line.talk("DATA").code == 354
            line.send(f"From: a@{sender.domain.name}\r\n\r\nt\r\n.\r\n".encode())
            codes.append(line.reply())
    assert [reply.code for reply in codes] == [250, 250, 451]
    assert "4.7.1" in str(codes[2]) and "request limit exceeded" in str(codes[2])

    # Another account has its own.
    other = Sender(platform, platform.domain(platform.account("Other")))
    assert other.try_send(fields(other, somebody())).status_code == 200


def test_without_limits_nothing_is_said_of_them(platform):
    sender = Sender(platform, platform.domain(platform.account()))
    answer = sender.try_send(fields(sender, somebody()))
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith(("x-ratelimit", "x-recipient"))]


def test_one_peer_leaves_connections_to_others(own_platform):
    platform = own_platform({"http": {"listen": ["127.0.0.1:0"], "connections_per_peer": 5}})
    host, port = platform.url.removeprefix("http://").split(":")
    crowd = [socket.create_connection((host, int(port)), timeout=10) for _ in range(5)]
    with socket.create_connection((host, int(port)), timeout=10) as sixth:
        assert sixth.recv(1) == b"", "closed"
    # Another address of this host is another peer.
    with socket.create_connection((host, int(port)), timeout=10, source_address=("127.0.0.2", 0)) as other:
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert other.recv(64).startswith(b"HTTP/1.1 200 ")
    for one in crowd:
        one.close()

    def served():
        try:
            with socket.create_connection((host, int(port)), timeout=10) as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                return line.recv(64).startswith(b"HTTP/1.1 200 ")
        except ConnectionError:
            return False

    waiting.until(served, "a place again", 10)
