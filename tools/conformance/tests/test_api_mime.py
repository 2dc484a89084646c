"""`POST /v3/{domain}/messages.mime`: the caller's MIME is patched in place, all else untouched."""

import json

import pytest

from rig import canary, parcel
from rig.api import accepted, as_multipart

ODD = (
    b"from:   Ann   <ann@elsewhere.test>\r\n"
    b"SUBJECT: =?utf-8?q?gr=C3=BC=C3=9Fe?=  two  spaces\r\n"
    b"To: someone@else.test\r\n"
    b"X-Folded: one\r\n\ttwo\r\n  three\r\n"
    b"x-lower-CASE:no-space-after-colon\r\n"
    b"Mime-version: 1.0 (odd comment)\r\n"
    b'content-type: multipart/mixed;\r\n boundary="b=_1"\r\n'
    b"\r\n"
    b"preamble stays\r\n--b=_1  \r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nk=E4se =\r\nline\r\n.\r\n..two dots\r\n"
    b"--b=_1\r\nContent-Type: application/x-odd\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"QUJD\r\nREVG\r\n\r\n--b=_1--\r\nepilogue stays\r\n"
)


def recipient():
    return f"{canary.word()}@rcpt.test"


def head_and_body(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body


def test_the_bytes_of_the_body_and_the_headers_stay(sender, sink, zone):
    to = recipient()
    sender.send_mime([to], ODD)
    (got,) = sink.wait(to)
    parcel.check_wire(got.raw)
    parcel.check_dkim(got.raw, zone, sender.domain.name)
    head, body = head_and_body(got.raw)
    odd_head, odd_body = head_and_body(ODD)
    assert body == odd_body, "the body was changed"
    for line in odd_head.split(b"\r\n"):
        assert line in head.split(b"\r\n"), f"header line changed: {line[:20]!r}"
    assert odd_head in head, "the caller's headers were moved about"
    message = parcel.read(got)
    assert message["Message-ID"] and message["Date"]


def test_present_message_id_and_date_stay(sender, sink):
    to = recipient()
    mine = b"Message-ID: <mine.1@own.test>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n" + ODD
    assert sender.send_mime([to], mine) == "<mine.1@own.test>"
    (got,) = sink.wait(to)
    message = parcel.read(got)
    assert message.get_all("Message-ID") == ["<mine.1@own.test>"] and len(message.get_all("Date")) == 1


def test_to_is_the_whole_envelope_and_bcc_is_taken_out(sender, sink):
    to, hidden, elsewhere = recipient(), recipient(), recipient()
    mime = f"Bcc: {hidden},\r\n {elsewhere}\r\nCc: shown@rcpt.test\r\n".encode() + ODD
    sender.send_mime([to, hidden], mime)
    for one in (to, hidden):
        (got,) = sink.wait(one)
        assert elsewhere.encode() not in got.raw and b"bcc:" not in got.raw.lower()
        assert head_and_body(got.raw)[1] == head_and_body(ODD)[1]
    assert sink.seen(elsewhere) == []


@pytest.mark.parametrize("part", ["message", "message.mime"])
@pytest.mark.parametrize("filename", ["message.mime", "MimeMessage", None])
def test_the_message_may_be_a_file_or_a_plain_field(sender, sink, part, filename):
    if part == "message.mime" and filename is None:
        pytest.skip("no client does that")
    to = recipient()
    files = [*as_multipart([("to", to)]), ("message", (filename, ODD))]
    if part == "message.mime":
        files[-1] = ("message", (part, ODD))
    accepted(sender.post(sender.messages + ".mime", files=files))
    (got,) = sink.wait(to)
    assert head_and_body(got.raw)[1] == head_and_body(ODD)[1]


def test_line_ends_of_unix_files_become_those_of_mail(sender, sink, zone):
    to = recipient()
    sender.send_mime([to], ODD.replace(b"\r\n", b"\n"))
    (got,) = sink.wait(to)
    parcel.check_wire(got.raw)
    parcel.check_dkim(got.raw, zone, sender.domain.name)
    assert head_and_body(got.raw)[1] == head_and_body(ODD)[1]


def test_option_headers_inside_act_and_leave(sender, sink):
    to = recipient()
    mime = (
        b'X-Mailgun-Tag: one\r\nX-Mailgun-Tag: two\r\nX-Mailgun-Variables: {"a": "1"}\r\n'
        b'X-Mailgun-Variables: {"b": "2"}\r\nX-Mailgun-Track: no\r\nX-Mailgun-Dkim: no\r\n' + ODD
    )
    message_id = sender.send_mime([to], mime, [("o:tag", "three"), ("v:c", "3")])
    event = sender.wait_event(message_id, "delivered", to)
    assert sorted(event["tags"]) == ["one", "three", "two"]
    assert event["user-variables"] == {"a": "1", "b": "2", "c": "3"}
    (got,) = sink.wait(to)
    message = parcel.read(got)
    assert parcel.signatures(got.raw) == [] and message["X-Mailgun-Dkim"] is None
    merged = {}
    for one in message.get_all("X-Mailgun-Variables"):
        merged.update(json.loads(str(one)))
    assert merged == event["user-variables"]


def test_recipient_variables_reach_into_encoded_parts(sender, sink, zone):
    people = [recipient(), recipient()]
    sent = parcel.make("batch", sender.domain.name)
    sent.to = [("Ann", people[0]), ("Zoë", people[1])]
    sent.recipient_variables = {people[0]: {"name": "Ann", "number": 1}, people[1]: {"name": "Zoë 日本", "number": 2}}
    mime = parcel.as_mime(sent, option_headers=False).as_bytes()
    message_id = sender.send_mime(people, mime, [("recipient-variables", json.dumps(sent.recipient_variables))])
    for one in people:
        (got,) = sink.wait(one)
        parcel.check(sent, got, one, zone, sender.domain.name, message_id)


def signed_part():
    """A signed message's body with lines that we would otherwise encode anew, and a name that we would replace."""
    long = "word " * 400
    return (
        f"--s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi %recipient.name%, {long}\r\n--s\r\n"
        "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n--s--\r\n"
    ).encode()


@pytest.mark.parametrize("batch", [False, True], ids=["to one", "batch"])
def test_what_the_customer_signed_arrives_byte_for_byte(sender, sink, zone, batch):
    to = recipient()
    head = b"From: a@b.test\r\nSubject: For %recipient.name%\r\nMIME-Version: 1.0\r\n"
    mime = head + b'Content-Type: multipart/signed; micalg=pgp-sha256; boundary="s"\r\n\r\n' + signed_part()
    more = [("recipient-variables", json.dumps({to: {"name": "Zoe"}}))] if batch else []
    sender.send_mime([to], mime, more)
    (got,) = sink.wait(to)
    assert got.raw.endswith(b"\r\n\r\n" + signed_part())
    assert str(parcel.read(got)["Subject"]) == ("For Zoe" if batch else "For %recipient.name%")
    parcel.check_dkim(got.raw, zone, sender.domain.name)


def test_variables_of_a_thousand_recipients_fit_into_a_header(sender, sink):
    people = [recipient(), recipient()]
    variables = {one: {"name": one.upper()} for one in people}
    variables |= {f"person-{n}@rcpt.test": {"name": "n" * 100} for n in range(998)}
    folded = json.dumps(variables).replace(", ", ",\r\n ")
    assert len(folded) > 100 * 1024
    mime = (
        f"X-Mailgun-Recipient-Variables: {folded}\r\nFrom: a@b.test\r\nTo: %recipient%\r\nSubject: s\r\n\r\n"
        "Hi %recipient.name%\r\n"
    ).encode()
    sender.send_mime(people, mime)
    for one in people:
        (got,) = sink.wait(one)
        assert f"Hi {one.upper()}".encode() in got.raw and b"person-" not in got.raw


def test_headers_given_beside_the_mime_are_set(sender, sink):
    to = recipient()
    sender.send_mime([to], ODD, [("h:X-Beside", "yes"), ("h:Reply-To", "r@rcpt.test")])
    (got,) = sink.wait(to)
    message = parcel.read(got)
    assert str(message["X-Beside"]) == "yes" and str(message["Reply-To"]) == "r@rcpt.test"


@pytest.mark.parametrize("bad", [b"\r", b"\0"], ids=["bare CR", "NUL"])
def test_bytes_that_no_mail_may_hold_never_leave(sender, sink, bad):
    to = recipient()
    mime = ODD.replace(b"preamble", b"pre" + bad + b"amble")
    answer = sender.post(
        sender.messages + ".mime", files=as_multipart([("to", to)], [("message", ("m", mime, "message/rfc822"))])
    )
    if answer.status_code == 200:
        (got,) = sink.wait(to)
        parcel.check_wire(got.raw)
    else:
        assert answer.status_code == 400 and answer.json()["message"]


def test_eight_bit_text_arrives_unchanged_where_the_peer_takes_it(sender, sink, zone):
    to = recipient()
    mime = "Subject: s\r\nFrom: a@b.test\r\nTo: x@y.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nkäse 日本\r\n".encode()
    sender.send_mime([to], mime)
    (got,) = sink.wait(to)
    assert got.raw.endswith("\r\n\r\nkäse 日本\r\n".encode()) and "BODY=8BITMIME" in got.mail_options
    parcel.check_dkim(got.raw, zone, sender.domain.name)


@pytest.mark.parametrize("depth", [5, 500, 20000])
def test_nested_parts_without_end_do_no_harm(sender, depth):
    head = b"From: a@b.test\r\nMIME-Version: 1.0\r\n"
    nest = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    mime = head + nest + b"Content-Type: text/plain\r\n\r\nx\r\n"
    answer = sender.post(
        sender.messages + ".mime",
        files=as_multipart([("to", recipient()), ("o:testmode", "yes")], [("message", ("m", mime, "message/rfc822"))]),
        timeout=15,
    )
    assert answer.status_code in (200, 400, 413), answer.status_code
    assert answer.elapsed.total_seconds() < 4
