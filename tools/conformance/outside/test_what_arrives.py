"""What leaves: signatures, return path, trace, and no header that somebody slipped in."""

import email.utils
import re

import dkim
import pytest

from rig.wire import opened

CONTROL = {"crlf": "\r\nX-Evil: 1", "lf": "\nX-Evil: 1", "cr": "\rX-Evil: 1", "nul": "\0X-Evil: 1", "body": "\r\n\r\nX-Evil: 1", "folded": "\r\n X-Evil: 1"}


def checked(raw: bytes, zone) -> list[dict]:
    """Each signature's tags, once dkimpy has verified it."""
    count = len(re.findall(rb"(?im)^dkim-signature:", raw))
    out = []
    for index in range(count):
        one = dkim.DKIM(raw)
        assert one.verify(idx=index, dnsfunc=lambda name, **_: zone.text_of(name.decode())), index
        out.append({k.decode(): v.decode() for k, v in one.signature_fields.items()})
    return out


@pytest.fixture(params=["text", "html and file", "mime", "smtp", "unicode", "long"])
def arrived(request, ann, somebody, platform, credential):
    kind = request.param
    if kind == "mime":
        ann.send_mime([somebody], f"From: a@{ann.domain.name}\r\nTO:  {somebody}\r\nsubject: odd   spaces \r\n\r\n\r\nbody  \r\n\r\n\r\n".encode())
    elif kind == "smtp":
        with opened(platform.submission, credential) as line:
            line.envelope(credential.login, somebody)
            line.talk("DATA")
            line.send(f"From: {credential.login}\r\nTo: {somebody}\r\nSubject: s\r\n\r\n..dot\r\n.\r\n".encode())
            assert line.reply().code == 250
    else:
        more = {
            "text": {}, "unicode": {"subject": "Grüße", "text": "ü" * 500}, "long": {"text": "x" * 5000, "subject": "s " * 300},
            "html and file": {"html": "<p>x</p>"},
        }[kind]  # fmt: skip
        files = [("attachment", ("a.bin", bytes(range(256)), "a/b"))] if "file" in kind else ()
        ann.send(ann.form(somebody, **more), files)
    return ann.got(somebody)


def test_both_signatures_verify_and_cover_what_matters(arrived, ann, zone):
    found = checked(arrived.raw, zone)
    assert {one["a"] for one in found} == {"rsa-sha256", "ed25519-sha256"}
    for one in found:
        assert one["d"] == ann.domain.name and one["c"].startswith("relaxed/") and "l" not in one
        covered = [name.strip().lower() for name in one["h"].split(":")]
        for name in ("from", "to", "subject"):
            assert covered.count(name) >= 2, (name, covered)
        assert {"date", "message-id"} <= set(covered)
        for name in ("MIME-Version", "Content-Type"):
            assert name.lower() in covered or arrived.header(name) is None


def test_adding_a_second_from_breaks_every_signature(arrived, zone):
    forged = b"From: Boss <boss@bank.test>\r\n" + arrived.raw
    for index in (0, 1):
        assert not dkim.DKIM(forged).verify(idx=index, dnsfunc=lambda name, **_: zone.text_of(name.decode()))


def test_the_return_path_is_of_the_domain_and_each_recipients_own(ann, arrived):
    sender = arrived.arrival.sender
    assert re.fullmatch(rf"bounce\+[^@\s]+@(?:[a-z0-9-]+\.)*{re.escape(ann.domain.name)}", sender), sender
    assert arrived.header("Return-Path") is None


def test_return_paths_differ_for_each_recipient_and_message(ann):
    one, two = ann.somebody(), ann.somebody()
    ann.send(ann.form([one, two]))
    ann.send(ann.form(one))
    ann.sink.wait(one, 2)
    senders = {a.sender for a in ann.sink.seen(one)} | {a.sender for a in ann.sink.wait(two)}
    assert len(senders) in (2, 3)


def test_the_trace_names_no_person_and_no_client(arrived, ann, somebody):
    for one in arrived.headers("Received"):
        assert "127.0.0.1" not in one and "@" not in one and "client.test" not in one and ann.domain.account.id not in one
        assert email.utils.parsedate_to_datetime(one.rsplit(";", 1)[1].strip())
    assert len(arrived.headers("Received")) == 1


def test_a_message_is_of_the_form_that_servers_want(arrived):
    for name in ("From", "Date", "Message-Id"):
        assert len(arrived.headers(name)) == 1, name
    assert email.utils.parsedate_to_datetime(arrived.header("Date"))
    assert b"\n" not in arrived.raw.replace(b"\r\n", b"")
    assert b"bcc:" not in arrived.raw.lower()


# Slipping something in -------------------------------------------------------------------------


@pytest.mark.parametrize("sign", list(CONTROL))
@pytest.mark.parametrize(
    "field",
    ["from", "to", "cc", "bcc", "subject", "h:X-A", "h:Reply-To", "h:Message-Id", "v:a", "o:tag", "h:Sender", "h:To", "h:Date",
     "h:X-Mailgun-Variables", "h:Content-Type", "X-Mailgun-Variables", "h:References", "h:List-Unsubscribe", "o:deliverytime", "o:dkim"],
)  # fmt: skip
def test_no_field_carries_a_header_in(ann, field, sign):
    to = ann.somebody()
    value = {"from": f"Ann <ann@{ann.domain.name}>", "to": to, "cc": ann.somebody(), "bcc": ann.somebody(), "h:Message-Id": f"<{to}>"}.get(field, "a")
    fields = ann.form(to)
    fields = [(n, v) for n, v in fields if n != field] + [(field, value + CONTROL[sign])]
    innocent(ann, ann.try_send(fields), to)
    if "@" in value:
        fields = [(n, v) for n, v in fields if n != field] + [(field, "N" + CONTROL[sign] + " <" + value.split("<")[-1].strip(">") + ">")]
        innocent(ann, ann.try_send(fields), to)


@pytest.mark.parametrize("sign", list(CONTROL))
def test_no_name_carries_a_header_in(ann, somebody, sign):
    for name in (f"h:X{CONTROL[sign]}", f"v:x{CONTROL[sign]}", "h:X-Evil: 1\r\nX", "h:", "h: ", "h:X Y", "h:X:Y"):
        innocent(ann, ann.try_send(ann.form(somebody, **{name: "1"}), multipart="\0" not in name and "\r" not in name), somebody)


@pytest.mark.parametrize("sign", list(CONTROL))
@pytest.mark.parametrize("where", ["filename", "type", "inline"])
def test_no_file_carries_a_header_in(ann, somebody, sign, where):
    name, type_ = b"a.txt", b"text/plain"
    evil = CONTROL[sign].encode()
    if where == "type":
        type_ += b"; x=" + evil.replace(b"\r\n", b"%0d%0a")
    escaped = evil.replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    body = b""
    for key, value in ann.form(somebody, html="<p>x</p>"):
        body += b'--qqq\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (key.encode(), value.encode())
    shown = b'filename="%s"' % (name + escaped) if where != "filename" else b"filename*=utf-8''a%0D%0AX-Evil%3A%201"
    body += b'--qqq\r\nContent-Disposition: form-data; name="%s"; %s\r\nContent-Type: %s\r\n\r\nx\r\n--qqq--\r\n' % (
        b"inline" if where == "inline" else b"attachment", shown, type_,
    )  # fmt: skip
    innocent(ann, ann.post(ann.messages, data=body, headers={"Content-Type": "multipart/form-data; boundary=qqq"}), somebody)


def innocent(ann, answer, to):
    assert answer.status_code in (200, 400), (answer.status_code, answer.text)
    if answer.status_code == 200:
        for arrival in ann.sink.wait(to):
            head, _, body = arrival.raw.partition(b"\r\n\r\n")
            assert not re.search(rb"(?im)^x-evil", head), head
            assert b"\0" not in arrival.raw
            assert b"X-Evil" not in body.split(b"Good day.")[0] or b"boundary" in head


def test_custom_headers_cannot_double_what_we_write(ann, somebody):
    more = {"h:From": "Boss <boss@bank.test>", "h:Subject": "other", "h:DKIM-Signature": "v=1; a=x", "h:Received": "from x", "h:Return-Path": "<x@y.test>",
            "h:MIME-Version": "2.0", "h:Content-Transfer-Encoding": "x", "h:Bcc": "evil@rcpt.test"}  # fmt: skip
    for name, value in more.items():
        to = ann.somebody()
        answer = ann.try_send(ann.form(to, **{name: value}))
        assert answer.status_code in (200, 400), name
        if answer.status_code == 200:
            seen = ann.got(to)
            for single in ("From", "Subject", "MIME-Version", "Content-Transfer-Encoding", "Date", "Message-Id"):
                assert len(seen.headers(single)) <= 1, (name, single)
            assert seen.header("Bcc") is None and b"evil@rcpt.test" not in seen.raw
    assert ann.sink.seen("evil@rcpt.test") == []


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x7f", "\ud7ff", "\u202e"])
def test_odd_signs_in_a_subject_do_not_break_the_message(ann, sign):
    to = ann.somebody()
    answer = ann.try_send(ann.form(to, subject=f"a{sign}X-Evil: 1"))
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        head = ann.got(to).raw.split(b"\r\n\r\n")[0]
        assert not re.search(rb"(?im)^x-evil", head) and all(byte == 9 or 32 <= byte < 127 or byte in (10, 13) for byte in head)
