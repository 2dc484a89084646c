"""Only CRLF ends a line: what tries to smuggle a second message in leaves none behind."""

import pytest

from rig.wire import Closed, opened

NEXT = "MAIL FROM:<{sender}>\r\nRCPT TO:<{smuggled}>\r\nDATA\r\nSubject: smuggled\r\n\r\n{smuggled}\r\n.\r\n"
ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\n", b"\n.\r", b"\r\n\n.\r\n", b"\r\r\n.\r\n",
    b"\r\n\r.\r\n", b"\n\n.\n\n", b"\r\r.\r\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\x00\r\n.\n", b"\r\n.\r\r\n", b"\n\r.\n\r",
    b"\n\r\n.\r\n", b"\r\n.\n\r\n", b"\x0b.\x0b\n", b"\r\x00\n.\r\x00\n", b"\r\n.\x0b\n", b"\r\n.\x0c\r\n\n", b"\n.\r\r\n", b"\r\n.\t\n",
    b"\r\n. \n", b"\xc2\x85.\xc2\x85\n", b"\xe2\x80\xa8.\xe2\x80\xa8\n", b"\r\n.\\r\\n\n", b"\r \n.\r \n", b"\r\n\t.\n", b"\n..\n",
    b"\r\n.\r\n\n", b"\r..\r\n", b"\x1a\n.\n", b"\r\n\x04.\n", b"\n.\n\r\n.\r\n",
]  # fmt: skip


@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("end", ENDS, ids=lambda e: e.decode("latin-1").encode("unicode_escape").decode())
def test_no_wrong_end_lets_a_second_message_in(platform, credential, ann, end, pieces):
    to, smuggled = ann.somebody(), ann.somebody()
    head = f"From: {credential.login}\r\nTo: {to}\r\nMessage-Id: <{to}>\r\n\r\nbody".encode()
    more = NEXT.format(sender=credential.login, smuggled=smuggled).encode()
    with opened(platform.submission, credential) as line:
        line.envelope(credential.login, to)
        assert line.talk("DATA").code == 354
        if pieces:
            for piece in (head, *[bytes([b]) for b in end], more):
                try:
                    line.send_piece(piece)
                except OSError:
                    break
        else:
            line.send(head + end + more)
        line.end_of_input()
        answers = line.rest()
    firsts = [one[:3] for one in answers.split(b"\r\n") if one]
    # Where the end was a whole one first, what follows it is a command, and a line that is none ends the session.
    if not end.startswith(b"\r\n.\r\n"):
        assert firsts[0] in (b"554", b"421", b"500", b"250"), answers
    mids = ann.events_of(f"<{to}>", event="accepted")
    assert len(mids) <= 1
    assert ann.events(recipient=smuggled) == []
    for arrival in ann.sink.seen(to):
        assert b"\n" not in arrival.raw.replace(b"\r\n", b"") and b"\r" not in arrival.raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"a\x00b\r\n", b"\n", b"\r\r\n"])
def test_a_wrong_line_end_in_content_is_554_and_ends_the_connection(platform, credential, ann, somebody, bad):
    with opened(platform.submission, credential) as line:
        line.envelope(credential.login, somebody)
        line.talk("DATA")
        line.send(f"From: {credential.login}\r\n\r\n".encode() + bad + b".\r\n")
        reply = line.reply()
        assert (reply.code, reply.text[:5]) == (554, "5.6.0")
        assert line.is_closed()
    assert ann.events(recipient=somebody) == []


@pytest.mark.parametrize("bad", [b"a\nb\r\n", b"a\rb\r\n", b"a\x00b\r\n", b"ends in cr\r", b"ends in lf\n"])
def test_in_a_chunk_it_is_the_same(platform, credential, ann, somebody, bad):
    data = f"From: {credential.login}\r\n\r\n".encode() + bad
    with opened(platform.submission, credential) as line:
        line.envelope(credential.login, somebody)
        line.send(b"BDAT %d LAST\r\n" % len(data) + data)
        reply = line.reply()
        assert (reply.code, reply.text[:5]) == (554, "5.6.0")
        assert line.is_closed()
    assert ann.events(recipient=somebody) == []


def test_a_line_end_split_over_two_chunks_is_whole(platform, credential, ann, somebody):
    data = f"From: {credential.login}\r\n\r\nbody\r\n".encode()
    with opened(platform.submission, credential) as line:
        line.envelope(credential.login, somebody)
        line.send(b"BDAT %d\r\n" % (len(data) - 1) + data[:-1])
        assert line.reply().code == 250
        line.send(b"BDAT 1 LAST\r\n\n")
        assert line.reply().code == 250
    ann.got(somebody)


@pytest.mark.parametrize("command", [b"NOOP\n", b"NOOP\r", b"NO\x00OP\r\n", b"NOOP\r\r\n", b"RSET\nNOOP\r\n"])
def test_a_wrong_line_end_in_a_command_ends_the_connection(platform, credential, command):
    with opened(platform.submission, credential) as line:
        line.send(command + b"QUIT\r\n")
        reply = line.reply()
        assert reply.code in (500, 554), reply
        with pytest.raises(Closed):
            for _ in range(3):
                line.line()


@pytest.mark.parametrize("argument", ["a\\\r\nRCPT TO:<x@rcpt.test>", '"a\r\n"'])
def test_an_address_cannot_carry_a_line_end(platform, credential, argument):
    with opened(platform.submission, credential) as line:
        assert line.talk(f"MAIL FROM:<{credential.login}>").code == 250
        line.send(f"RCPT TO:<{argument}@rcpt.test>\r\n".encode())
        assert line.reply().code >= 500


def test_what_python_hands_over_as_bytes_with_bare_line_feeds_is_refused_and_as_text_it_is_taken(platform, credential, ann, somebody):
    import smtplib

    with smtplib.SMTP(*platform.submission) as door:
        door.login(credential.login, credential.password)
        door.sendmail(credential.login, [somebody], f"From: {credential.login}\nTo: {somebody}\n\nbody\n")
    ann.got(somebody)


@pytest.mark.parametrize("where", ["text", "html", "mime"])
@pytest.mark.parametrize("end", ENDS, ids=lambda e: e.decode("latin-1").encode("unicode_escape").decode())
def test_what_comes_by_http_leaves_as_one_message_with_whole_line_ends(ann, where, end):
    to, smuggled = ann.somebody(), ann.somebody()
    more = f"body\r\nMAIL FROM:<a@{ann.domain.name}>\r\nRCPT TO:<{smuggled}>\r\nDATA\r\nSubject: x\r\n\r\nx"
    body = b"start" + end + more.encode()
    if where == "mime":
        mime = f"From: a@{ann.domain.name}\r\nTo: {to}\r\nSubject: s\r\n\r\n".encode() + body + b"\r\n"
        answer = ann.post(ann.messages + ".mime", files=[("to", (None, to)), ("message", ("m", mime, "message/rfc822"))])
    else:
        answer = ann.try_send(ann.form(to, **{where: body}))
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        raw = ann.got(to).raw
        assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"") and b"\0" not in raw
        ann.wait_event(answer.json()["id"], "delivered", to)
    assert ann.sink.seen(smuggled) == []
