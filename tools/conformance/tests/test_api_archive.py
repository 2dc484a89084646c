"""`o:archive-to`: what was delivered is posted to the customer's own archive."""

import http.server
import threading

import pytest

from rig import canary, waiting, wire
from rig.api import Sender


class Archive:
    """An HTTP server that keeps what is posted to it; it answers once `ready` is set."""

    def __init__(self):
        self.posts, self.ready = [], threading.Event()
        self.ready.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.path, self.headers, body))
                outer.ready.wait(60)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count):
        return waiting.until(lambda: self.posts if len(self.posts) >= count else None, f"{count} copies")


@pytest.fixture
def archive():
    made = Archive()
    yield made
    made.ready.set()
    made.server.shutdown()


@pytest.fixture
def house(own_platform):
    return own_platform({"outgoing_http": {"allow_private_destinations": True, "ports": []}})


def fields(sender, recipient, url):
    return [
        ("from", f"a@{sender.domain.name}"),
        ("to", recipient),
        ("subject", canary.word()),
        ("text", "text"),
        ("o:archive-to", url),
    ]


def test_the_archive_gets_the_very_bytes_that_were_delivered(house, sink, archive):
    sender = Sender(house, house.domain(house.account()))
    recipient = f"{canary.word()}@rcpt.test"
    sender.send(fields(sender, recipient, f"http://127.0.0.1:{archive.port}/in?customer=7"))
    (got,) = sink.wait(recipient)
    ((path, headers, body),) = archive.wait(1)
    assert path == "/in?customer=7" and headers["Content-Type"] == "application/mime"
    assert body.replace(b"\r\n", b"\n") == got.raw.replace(b"\r\n", b"\n")


def test_the_header_asks_for_it_in_mime_and_over_smtp(house, sink, archive):
    domain = house.domain(house.account())
    sender, credential = Sender(house, domain), house.credential(domain)
    for way in ("mime", "smtp"):
        recipient, author = f"{canary.word()}@rcpt.test", f"a@{domain.name}"
        mime = (
            f"From: {author}\r\nTo: {recipient}\r\nSubject: s\r\n"
            f"X-Mailgun-Archive-To: http://127.0.0.1:{archive.port}/{way}\r\n\r\ntext\r\n"
        ).encode()
        if way == "mime":
            sender.send_mime([recipient], mime)
        else:
            with wire.opened(house.submission, credential) as line:
                line.envelope(author, recipient)
                assert line.talk("DATA").code == 354
                line.send(mime + b".\r\n")
                assert line.reply().code == 250
        (got,) = sink.wait(recipient)
        path, _, body = archive.wait(1).pop()
        assert path == f"/{way}" and b"X-Mailgun-Archive-To" not in body
        assert body.replace(b"\r\n", b"\n") == got.raw.replace(b"\r\n", b"\n")


def test_a_copy_that_was_not_taken_survives_the_kill(house, sink, archive):
    archive.ready.clear()
    sender = Sender(house, house.domain(house.account()))
    recipient = f"{canary.word()}@rcpt.test"
    sender.send(fields(sender, recipient, f"http://127.0.0.1:{archive.port}/in"))
    archive.wait(1)
    house.kill()
    archive.ready.set()
    house.start()
    one, two = archive.wait(2)
    assert one[2] == two[2] and one[1]["Idempotency-Key"] == two[1]["Idempotency-Key"]
    assert len(sink.wait(recipient)) == 1, "the message itself is not sent again"


def test_an_archive_inside_is_refused_at_the_door(sender):
    for url in ("http://127.0.0.1/", "http://169.254.169.254/latest", "http://2130706433/", "ftp://archive.test/", "x"):
        answer = sender.try_send(fields(sender, f"{canary.word()}@rcpt.test", url))
        assert answer.status_code == 400 and answer.json()["message"].startswith("o:archive-to "), answer.text
