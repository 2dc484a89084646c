"""CHUNKING at the submission port (RFC 3030)."""

import pytest

from rig import canary, parcel, wire

HEAD = b"From: a@own.test\r\nSubject: s\r\n\r\n"


@pytest.fixture
def opened(platform, credential, domain):
    """(connection with an open transaction, recipient)"""
    recipient = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{domain.name}", recipient)
        yield line, recipient


def chunk(line, data, last=False):
    line.send(b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data)
    return line.reply().code


def test_a_message_in_one_and_in_many_chunks(opened, sink, domain, zone):
    line, recipient = opened
    body = b"one\r\n.\r\nnot the end\r\n..two dots stay\r\n"
    assert chunk(line, HEAD) == 250 and chunk(line, b"") == 250
    for n in range(len(body)):
        assert chunk(line, body[n : n + 1]) == 250
    assert chunk(line, b"last\r\n", last=True) == 250
    (got,) = sink.wait(recipient)
    assert got.raw.endswith(b"\r\n\r\n" + body + b"last\r\n")
    parcel.check_dkim(got.raw, zone, domain.name)


def test_an_empty_last_chunk_ends_the_message(opened, sink):
    line, recipient = opened
    assert chunk(line, HEAD + b"body\r\n") == 250
    assert chunk(line, b"", last=True) == 250
    assert len(sink.wait(recipient)) == 1


def test_chunks_in_one_segment_with_what_follows(opened, sink, domain):
    line, recipient = opened
    second = f"{canary.word()}@rcpt.test"
    line.send(
        b"BDAT %d\r\n" % len(HEAD)
        + HEAD
        + b"BDAT 6 LAST\r\nbody\r\n"
        + f"MAIL FROM:<a@{domain.name}>\r\nRCPT TO:<{second}>\r\n".encode()
        + b"BDAT %d LAST\r\n" % len(HEAD + b"x\r\n")
        + HEAD
        + b"x\r\n"
        + b"QUIT\r\n"
    )
    assert [line.reply().code for _ in range(6)] == [250, 250, 250, 250, 250, 221]
    assert sink.wait(recipient) and sink.wait(second)


def test_data_after_bdat_and_bdat_after_last(opened, sink):
    line, recipient = opened
    assert chunk(line, HEAD) == 250
    assert line.talk("DATA").code == 503
    line.send(b"RSET\r\n")
    assert line.reply().code == 250
    assert chunk(line, b"x\r\n", last=True) == 503
    assert sink.seen(recipient) == []


def test_bdat_after_the_last_chunk(opened, sink):
    line, recipient = opened
    assert chunk(line, HEAD + b"b\r\n", last=True) == 250
    assert chunk(line, b"more\r\n", last=True) == 503
    assert len(sink.wait(recipient)) == 1


def test_bdat_without_a_recipient(platform, credential):
    with wire.opened(platform.submission, credential) as line:
        assert chunk(line, b"x\r\n") == 503
        assert line.talk("NOOP").code == 250, "the chunk's bytes were consumed"


@pytest.mark.parametrize(
    "size", ["9223372036854775808", "18446744073709551616", "-1", "0x10", "1 LAST x", "", "1e3", "+5", "٣", "5 FIRST"]
)
def test_senseless_sizes(opened, sink, size):
    line, recipient = opened
    line.send(f"BDAT {size}\r\n".encode())
    reply = line.reply()
    assert reply.code in (500, 501, 552, 554), reply
    assert sink.seen(recipient) == []


def test_a_chunk_over_the_size_limit(opened, sink):
    line, recipient = opened
    line.send(b"BDAT 99999999\r\n")
    line.socket.settimeout(60)
    try:
        for _ in range(99999999 // 65536):
            line.send(b"NOOP\r\n" * 10922 + b"xxxx")
        line.send(b"x" * (99999999 % 65536))
        assert line.reply().code == 552
        assert line.talk("NOOP").code == 250 and line._kept == b"", "bytes of the chunk were obeyed"
    except (wire.Closed, OSError):
        pass  # closed at once: as good
    assert sink.seen(recipient) == []


@pytest.mark.parametrize("bad", [b"bare\nlf\r\n", b"bare\rcr\r\n", b"nul\0\r\n"])
def test_text_that_is_no_canonical_text_is_refused(opened, sink, bad):
    line, recipient = opened
    code = chunk(line, HEAD + bad, last=True)
    assert code in (550, 554, 521, 552), code
    assert sink.seen(recipient) == []


@pytest.mark.parametrize("sent", [b"BDAT 100\r\nonly some", b"BDAT 10\r\n0123456789", b"BDAT 100 LAST\r\nonly some"])
def test_a_broken_off_chunk_is_not_stored(platform, credential, domain, sink, sent):
    recipient = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{domain.name}", recipient)
        line.send(sent)
    with wire.opened(platform.submission, credential) as line:
        probe = f"{canary.word()}@rcpt.test"
        line.envelope(f"a@{domain.name}", probe)
        assert chunk(line, HEAD + b"b\r\n", last=True) == 250
    sink.wait(probe)
    assert sink.seen(recipient) == []


def test_tls_that_ends_inside_a_chunk(platform, outside, credential, domain, sink):
    """What follows the end of TLS in the clear is not part of the chunk."""
    recipient = f"{canary.word()}@rcpt.test"
    with wire.Line(platform.implicit_tls, wire.trusting(outside.authority)) as line:
        line.reply()
        line.ehlo()
        assert line.login(credential.login, credential.password).code == 235
        line.envelope(f"a@{domain.name}", recipient)
        line.send(b"BDAT %d LAST\r\n" % (len(HEAD) + 5) + HEAD + b"abc")
        try:
            plain = line.socket.unwrap()
            plain.sendall(b"de\r\n")
        except OSError:
            pass
    with wire.opened(platform.submission, credential) as line:
        probe = f"{canary.word()}@rcpt.test"
        line.envelope(f"a@{domain.name}", probe)
        assert chunk(line, HEAD + b"b\r\n", last=True) == 250
    sink.wait(probe)
    assert sink.seen(recipient) == []
