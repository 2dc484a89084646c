"""The suite's own tools, checked against each other before they judge anything else."""

import base64
import json
import smtplib
import socket
import ssl
import threading

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dnslib import QTYPE, DNSRecord

from rig import canary, parcel, wire
from rig.platform import as_toml, host_port
from rig.sink import Arrival


def _ask(zone, name, kind, tcp=False):
    answer = DNSRecord.question(name, kind).send("127.0.0.1", zone.port, tcp=tcp, timeout=5)
    return DNSRecord.parse(answer)


@pytest.mark.parametrize("tcp", [False, True])
def test_the_zone_answers_over_both_transports(zone, tcp):
    name = f"{canary.word()}.scaffold.test"
    zone.txt(name, "v=DKIM1; p=" + "A" * 600)
    (record,) = _ask(zone, name, "TXT", tcp).rr
    assert b"".join(record.rdata.data) == zone.text_of(name.upper() + ".") == b"v=DKIM1; p=" + b"A" * 600
    assert str(_ask(zone, "rcpt.test", "MX", tcp).rr[0].rdata) == "10 mx.rcpt.test."
    assert str(_ask(zone, "null.test", "MX", tcp).rr[0].rdata) == "0 ."


def test_the_zone_tells_missing_names_from_missing_records_and_failures(zone):
    assert _ask(zone, "nowhere.test", "MX").header.rcode == 3
    empty = _ask(zone, "mx.rcpt.test", "AAAA")
    assert empty.header.rcode == 0 and empty.rr == []
    assert _ask(zone, "broken.test", "MX").header.rcode == 2
    assert QTYPE.MX == 15


def test_the_sink_keeps_bytes_and_envelope_over_starttls(sink):
    address = f"{canary.word()}@rcpt.test"
    raw = b"Subject: x\r\n\r\n.dot\r\n\xc3\xa4 8 bit\r\n" + b"l" * 3000 + b"\r\n"
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.starttls(context=wire.trusting_nobody())
        client.sendmail("a@scaffold.test", [address], raw, mail_options=["BODY=8BITMIME"])
    (arrival,) = sink.wait(address)
    assert arrival.raw == raw and arrival.tls and arrival.sender == "a@scaffold.test"
    assert "BODY=8BITMIME" in arrival.mail_options


def test_the_sink_refuses_as_told_and_relents(sink):
    address = f"{canary.word()}@rcpt.test"
    sink.refuse(address, "451 4.7.1 later", "550 5.1.1 nobody")
    with smtplib.SMTP("127.0.0.2", sink.port) as client:
        client.ehlo()
        assert not client.has_extn("starttls")
        for code in (451, 550):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.sendmail("a@scaffold.test", [address], b"Subject: x\r\n\r\nx\r\n")
            assert refused.value.recipients[address][0] == code
        client.sendmail("a@scaffold.test", [address], b"Subject: x\r\n\r\nx\r\n")
    assert len(sink.wait(address)) == 1 and sink.refused[address] == 2


def test_the_sink_does_not_end_data_at_anything_but_crlf_dot_crlf(sink):
    address, other = f"{canary.word()}@rcpt.test", f"{canary.word()}@rcpt.test"
    with wire.opened(("127.0.0.1", sink.port)) as line:
        line.envelope("a@scaffold.test", address)
        assert line.talk("DATA").code == 354
        line.send(f"Subject: x\r\n\r\none\n.\nMAIL FROM:<b@c.test>\r\nRCPT TO:<{other}>\r\n.\r\n".encode())
        line.reply()
    assert sink.seen(other) == []


def _signed(message: bytes, zone, name: str) -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    zone.txt(f"s1._domainkey.{name}", "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode())
    headers = [b"From", b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version"]
    return dkim.sign(message, b"s1", name.encode(), pem, include_headers=headers) + message


@pytest.mark.parametrize("kind", parcel.KINDS)
def test_the_comparison_passes_a_true_copy_and_notices_changes(zone, kind):
    """Each parcel is built by Python's own library; the comparison must accept it and refuse it bent."""
    name = f"{kind}.scaffold.test"
    sent = parcel.make(kind, name)
    if kind == "batch":
        sent.recipient_variables = None
        sent.to = sent.to[:1]
    recipient = sent.to[0][1]
    built = parcel.as_mime(sent, "<1@scaffold.test>", option_headers=False)
    built["Date"] = "Mon, 01 Jan 2024 00:00:00 +0000"
    del built["Bcc"]
    if sent.variables:
        built["X-Mailgun-Variables"] = json.dumps(sent.variables)
    raw = built.as_bytes()

    def arrived(bytes_):
        signed = _signed(bytes_, zone, name)
        return Arrival(f"bounce+1@{name}", [recipient], signed, True, "127.0.0.1", "x", 0.0, [])

    def judged(bytes_):
        original = parcel.check_dkim
        parcel.check_dkim = lambda raw_, zone_, name_: original(raw_, zone_, name_, ("rsa-sha256",))
        try:
            parcel.check(sent, arrived(bytes_), recipient, zone, name, "<1@scaffold.test>")
        finally:
            parcel.check_dkim = original

    judged(raw)
    for bent in (
        raw.replace(b"Subject: ", b"Subject: x", 1),
        raw.replace(b"\r\nTo: ", b"\r\nBcc: someone@rcpt.test\r\nTo: ", 1),
        raw.replace(b"\r\n\r\n", b"\r\n\n\r\n", 1),
    ):
        assert bent != raw
        with pytest.raises((AssertionError, dkim.DKIMException)):
            judged(bent)
    # Another test of this worker may sign for the same name: forget this key.
    zone._names.pop(f"s1._domainkey.{name}", None)


def test_a_signature_over_changed_bytes_is_noticed(zone):
    raw = b"From: a@b.test\r\nTo: c@d.test\r\nSubject: s\r\nDate: d\r\nMessage-ID: <1@b>\r\nMIME-Version: 1.0\r\n\r\nbody\r\n"
    signed = _signed(raw, zone, "changed.scaffold.test")
    parcel.check_dkim(signed, zone, "changed.scaffold.test", ("rsa-sha256",))
    with pytest.raises((AssertionError, dkim.DKIMException)):
        parcel.check_dkim(signed.replace(b"body", b"bOdy"), zone, "changed.scaffold.test", ("rsa-sha256",))


def test_canary_words_are_found_in_every_spelling():
    word = canary.word()
    for around in (b"", b"x", b"xy"):
        text = base64.b64encode(around + word.encode() + b"tail")
        assert any(one in text for one in canary.spellings(word)), around
    assert canary.found_in(b"..." + word.upper().encode()) == [word]


def test_configuration_and_addresses_are_written_and_read():
    text = as_toml({"a": 1, "t": {"x": ["p", "q"], "y": True}, "b": 'quo"te'})
    assert text == 'a = 1\nb = "quo\\"te"\n\n[t]\nx = ["p", "q"]\ny = true\n'
    assert host_port("http://127.0.0.1:80/") == ("127.0.0.1", 80) and host_port("[::1]:25") == ("::1", 25)


def test_the_authority_vouches_for_the_servers_certificate(outside):
    context = wire.trusting(outside.authority)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(outside.tls_certificate, outside.tls_key)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=lambda: server.wrap_socket(theirs, server_side=True))
    thread.start()
    assert context.wrap_socket(ours, server_hostname="localhost").version() == "TLSv1.3"
    thread.join(5)
