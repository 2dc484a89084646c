"""Limits of the submission port: each has an answer and an end."""

import email.utils
import json

import pytest

from rig import canary, parcel, waiting, wire
from rig.api import Sender


@pytest.fixture
def inside(platform, credential):
    with wire.opened(platform.submission, credential) as made:
        yield made


def address():
    return f"{canary.word()}@rcpt.test"


def test_long_commands(platform):
    with wire.opened(platform.submission) as line:
        assert line.talk("NOOP " + "x" * 500).code == 250
    for length in (3000, 70000):
        with wire.opened(platform.submission) as line:
            line.send(b"NOOP " + b"x" * length + b"\r\n")
            assert line.reply().code in (500, 501, 421, 552, 554)
    with wire.opened(platform.submission) as line:
        try:
            for _ in range(400):
                line.send(b"x" * 65536)
        except OSError:
            return
        line.end_of_input()
        assert line.rest()[:1] in (b"5", b"4", b""), "a command without end is answered or cut"


def test_a_hello_of_64_kib(platform):
    with wire.Line(platform.submission) as line:
        line.reply()
        line.send(b"EHLO " + b"x" * 65536 + b"\r\n")
        assert line.reply().code in (500, 501, 554, 421)


def test_a_thousand_recipients_and_no_more(inside, sink, domain):
    word = canary.word()
    inside.socket.settimeout(60)
    assert inside.talk(f"MAIL FROM:<a@{domain.name}>").code == 250
    batch = b"".join(f"RCPT TO:<{word}.{n}@rcpt.test>\r\n".encode() for n in range(1001))
    inside.send(batch)
    codes = [inside.reply().code for _ in range(1001)]
    assert codes == [250] * 1000 + [452]
    assert inside.talk("DATA").code == 354
    inside.send(f"From: a@{domain.name}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
    assert inside.reply().code == 250
    for n in (0, 500, 999):
        assert sink.wait(f"{word}.{n}@rcpt.test", timeout=90)
    assert sink.seen(f"{word}.1000@rcpt.test") == []


def test_an_announced_size_over_the_limit_is_refused_at_once(inside):
    limit = int(inside.ehlo()["SIZE"])
    assert inside.talk(f"MAIL FROM:<a@b.test> SIZE={limit + 1}").code == 552
    assert inside.talk("MAIL FROM:<a@b.test> SIZE=99999999999999999999999").code in (501, 552)
    assert inside.talk("MAIL FROM:<a@b.test> SIZE=1000").code == 250


def test_a_message_over_the_limit_is_refused_after_data(inside, sink, domain):
    limit = int(inside.ehlo()["SIZE"])
    to = address()
    inside.envelope(f"a@{domain.name}", to)
    assert inside.talk("DATA").code == 354
    inside.socket.settimeout(60)
    row = b"x" * 998 + b"\r\n"
    sent = b"Subject: s\r\n\r\n" + row * (limit // 1000 + 50)
    try:
        inside.send(sent + b".\r\n")
        assert inside.reply().code == 552
        assert inside.talk("NOOP").code == 250, "the session goes on"
    except (wire.Closed, OSError):
        pass  # cut off while sending is fair, if nothing was stored
    assert sink.seen(to) == []


def test_a_header_block_over_100_kib_is_refused(inside, sink, domain):
    to = address()
    inside.envelope(f"a@{domain.name}", to)
    assert inside.talk("DATA").code == 354
    inside.send(b"".join(b"X-Filler-%d: %s\r\n" % (n, b"y" * 900) for n in range(150)) + b"\r\nb\r\n.\r\n")
    assert inside.reply().code in (552, 554)
    assert sink.seen(to) == []


def test_variables_of_a_thousand_recipients_do_not_count_as_header(inside, sink, domain):
    people = [address(), address()]
    variables = {one: {"name": one.upper()} for one in people}
    variables |= {f"person-{n}@rcpt.test": {"name": "n" * 300} for n in range(998)}
    folded = json.dumps(variables).replace(", ", ",\r\n ")
    assert len(folded) > 256 * 1024
    inside.envelope(f"a@{domain.name}", *people)
    assert inside.talk("DATA").code == 354
    head = f"From: a@{domain.name}\r\nSubject: s\r\nX-Mailgun-Recipient-Variables: {folded}\r\n"
    inside.send((head + "\r\nHi %recipient.name%\r\n.\r\n").encode())
    assert inside.reply().code == 250
    for one in people:
        (got,) = sink.wait(one)
        assert f"Hi {one.upper()}".encode() in got.raw and b"person-" not in got.raw


def test_too_many_errors_end_the_connection(platform):
    with wire.opened(platform.submission) as line:
        codes = []
        try:
            for n in range(60):
                codes.append(line.talk(f"WRONG{n}").code)
        except (wire.Closed, OSError):
            pass
        assert len(codes) <= 40 and set(codes) <= {500, 502, 421}, codes


def test_fifty_messages_in_loops_are_cut(inside, sink, domain):
    to = address()
    inside.envelope(f"a@{domain.name}", to)
    assert inside.talk("DATA").code == 354
    hops = "".join(f"Received: from h{n}.test by h{n + 1}.test; Mon, 01 Jan 2024 00:00:00 +0000\r\n" for n in range(60))
    inside.send((hops + "From: a@own.test\r\nSubject: s\r\n\r\nb\r\n.\r\n").encode())
    reply = inside.reply()
    assert reply.code == 554 and reply.lines[0].startswith("5.4.6"), reply
    assert sink.seen(to) == []


def test_many_connections_from_one_address_are_limited_and_recover(own_platform):
    platform = own_platform()
    lines = []
    refused = 0
    try:
        for _ in range(200):
            line = wire.Line(platform.submission)
            lines.append(line)
            try:
                refused += line.reply().code == 421
            except (wire.Closed, OSError):
                refused += 1
    finally:
        for line in lines:
            line.close()
    assert refused > 0, "200 connections at once from one address were all served"

    def open_again():
        with wire.Line(platform.submission) as line:
            try:
                return line.reply().code == 220
            except (wire.Closed, OSError):
                return False

    waiting.until(open_again, "a connection after the others closed")


def test_a_broken_off_message_is_not_stored(platform, credential, sink, domain):
    to = address()
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{domain.name}", to)
        assert line.talk("DATA").code == 354
        line.send(b"Subject: s\r\n\r\nhalf a mess")
    probe = address()
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{domain.name}", probe)
        assert line.talk("DATA").code == 354
        line.send(b"From: a@own.test\r\nSubject: s\r\n\r\nwhole\r\n.\r\n")
        assert line.reply().code == 250
    sink.wait(probe)
    assert sink.seen(to) == []


# Option headers ------------------------------------------------------------------------------


def test_option_headers_with_broken_values_do_not_stop_the_message(inside, sink, domain):
    to = address()
    inside.envelope(f"a@{domain.name}", to)
    assert inside.talk("DATA").code == 354
    inside.send(f"From: a@{domain.name}\r\nX-Mailgun-Variables: {{broken\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
    assert inside.reply().code == 250
    assert len(sink.wait(to)) == 1


def test_a_folded_header_of_recipient_variables(inside, sink, domain):
    people = [address() for _ in range(40)]
    variables = json.dumps({one: {"n": f"number {n}"} for n, one in enumerate(people)}).replace(", ", ",\r\n ")
    inside.envelope(f"a@{domain.name}", *people)
    assert inside.talk("DATA").code == 354
    inside.send(
        f"From: a@{domain.name}\r\nTo: {', '.join(people[:5])}\r\nSubject: %recipient.n%\r\n"
        f"X-Mailgun-Recipient-Variables: {variables}\r\n\r\nb %recipient.n%\r\n.\r\n".encode()
    )
    assert inside.reply().code == 250
    for n, one in enumerate(people):
        (got,) = sink.wait(one)
        message = parcel.read(got)
        assert str(message["Subject"]) == f"number {n}" and message["X-Mailgun-Recipient-Variables"] is None
        assert [address for _, address in parcel.people(got.raw, "To")] == [one]


@pytest.mark.parametrize(
    ("header", "where", "wanted"),
    [
        ("X-Mailgun-Dkim: no", "rcpt.test", "unsigned"),
        ("x-mailgun-dkim: False", "rcpt.test", "unsigned"),
        ("X-Mailgun-Require-TLS: true", "plain.test", "failed"),
        ("X-Mailgun-Require-TLS: yes\r\nX-Mailgun-Skip-Verification: yes", "rcpt.test", "tls"),
        ("X-Mailgun-Suppress-Headers: all\r\nX-Mailgun-Tag: t", "rcpt.test", "bare"),
    ],
)
def test_option_headers_over_smtp(platform, inside, sink, domain, header, where, wanted):
    to = f"{canary.word()}@{where}"
    message_id = email.utils.make_msgid(domain="own.test")
    inside.envelope(f"a@{domain.name}", to)
    assert inside.talk("DATA").code == 354
    inside.send(
        f"From: a@{domain.name}\r\nMessage-ID: {message_id}\r\n{header}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode()
    )
    assert inside.reply().code == 250
    if wanted == "failed":
        assert Sender(platform, domain).wait_event(message_id, "failed", to) and sink.seen(to) == []
        return
    (got,) = sink.wait(to)
    if wanted == "unsigned":
        assert parcel.signatures(got.raw) == [] and b"x-mailgun-dkim" not in got.raw.lower()
    elif wanted == "tls":
        assert got.tls
    else:
        assert b"x-mailgun" not in got.raw.lower()
