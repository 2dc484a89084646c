"""What is sent, described once for every client, and the comparison with what arrives."""

import base64
import dataclasses
import email
import email.policy
import email.utils
import json
import re
import time
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage

import dkim

from rig import canary
from rig.sink import Arrival

PERSON = tuple[str, str]  # display name, address
KINDS = ("text", "html", "attachment", "inline", "unicode", "batch", "scheduled", "testmode", "options")
SCHEDULE_AHEAD = 6  # seconds: a client may take some of them to start
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclasses.dataclass
class File:
    name: str
    type: str
    data: bytes


@dataclasses.dataclass
class Parcel:
    kind: str
    sender: PERSON
    to: list[PERSON]
    subject: str
    text: str | None = None
    html: str | None = None
    cc: list[PERSON] = dataclasses.field(default_factory=list)
    bcc: list[PERSON] = dataclasses.field(default_factory=list)
    attachments: list[File] = dataclasses.field(default_factory=list)
    inline: list[File] = dataclasses.field(default_factory=list)
    tags: list[str] = dataclasses.field(default_factory=list)
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    recipient_variables: dict[str, dict] | None = None
    deliver_at: int | None = None
    test_mode: bool = False

    @property
    def everybody(self) -> list[str]:
        return [address for _, address in self.to + self.cc + self.bcc]

    def seen_by(self, recipient: str, text: str | None) -> str | None:
        """The text after the recipient's variables went in."""
        if text is None or self.recipient_variables is None:
            return text
        for name, value in self.recipient_variables.get(recipient, {}).items():
            text = text.replace(f"%recipient.{name}%", str(value))
        return text

    def as_json(self) -> str:
        """For the clients that run in another language."""

        def plain(value):
            return base64.b64encode(value).decode() if isinstance(value, bytes) else value

        return json.dumps(dataclasses.asdict(self), default=plain)


def spec(person: PERSON) -> str:
    """`Name <address>` in Unicode, quoted where RFC 5322 wants it."""
    name, address = person
    if not name:
        return address
    if re.search(r"[^\w\s\u0080-\U0010ffff]", name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def _address(where: str = "rcpt.test") -> str:
    return f"{canary.word()}@{where}"


def make(kind: str, domain: str) -> Parcel:
    """A fresh parcel of the kind, to addresses that nobody else uses."""
    word = canary.word()
    made = Parcel(
        kind,
        sender=("Sender", f"sender@{domain}"),
        to=[("", _address())],
        subject=f"Subject {word}",
        text=f"Body {word}.\n.A line that begins with a dot\nFrom here on, a second line.\n",
    )
    return _FILLERS[kind](made, word)


def _text(p: Parcel, word: str) -> Parcel:
    p.to = [("Doe, Jane", _address()), ("", _address("other.test"))]
    p.cc = [("Carbon Copy", _address())]
    p.bcc = [("", _address("other.test"))]
    return p


def _html(p: Parcel, word: str) -> Parcel:
    long_line = "word " * 400
    p.html = f'<html><body><p class="a">Körper {word} &amp; <b>bold</b></p><p>{long_line}</p></body></html>'
    return p


def _attachment(p: Parcel, word: str) -> Parcel:
    p.attachments = [
        File("report.bin", "application/octet-stream", bytes(range(256)) * 40 + word.encode()),
        File("Übersicht – 日本.pdf", "application/pdf", b"%PDF-1.4\n" + word.encode() + b"\n%%EOF\n"),
        File("notes.txt", "text/plain", f"first\r\nsecond {word}\nthird".encode()),
        File("a-very-long-name-" + "x" * 120 + ".csv", "text/csv", f"a,b\n1,{word}\n".encode()),
    ]
    return p


def _inline(p: Parcel, word: str) -> Parcel:
    p.html = f'<html><body><img src="cid:picture.png" alt="{word}"></body></html>'
    p.inline = [File("picture.png", "image/png", PNG)]
    p.attachments = [File("readme.bin", "application/octet-stream", b"\x00\xff\r\n.\r\n" + word.encode())]
    return p


def _unicode(p: Parcel, word: str) -> Parcel:
    p.sender = ("Zoë Müller, Grüße 🎉", p.sender[1])
    p.to = [("Ключ “Смит” 日本語の名前", p.to[0][1])]
    p.subject = f"Überraschung 🎁 для вас: 件名がとても長い場合も正しく届くこと {word} " + "é" * 60
    p.text = f"Tschüß, 世界! {word} 🚀\u2028e\u0301 \u00a0 ünïcödé " + "長" * 500 + "\nПривет.\n"
    p.html = f"<p>Tschüß, 世界! {word} 🚀</p>"
    return p


def _batch(p: Parcel, word: str) -> Parcel:
    people = [("Ann One", _address()), ("Zoë Zwei", _address()), ("", _address("other.test"))]
    names = ["Ann", "Zoë 日本", 'Bo "quoted" <b>']
    p.to = people
    p.subject = f"For %recipient.name% {word}"
    p.text = f"Dear %recipient.name%, your number is %recipient.number%. {word}\n%recipient.unknown% 100%\n"
    p.html = f"<p>Dear %recipient.name%, number %recipient.number% {word}</p>"
    p.recipient_variables = {
        address: {"name": name, "number": n}
        for n, ((_, address), name) in enumerate(zip(people, names, strict=True), 7)
    }
    return p


def _scheduled(p: Parcel, word: str) -> Parcel:
    p.deliver_at = int(time.time()) + SCHEDULE_AHEAD
    return p


def _testmode(p: Parcel, word: str) -> Parcel:
    p.test_mode = True
    return p


def _options(p: Parcel, word: str) -> Parcel:
    p.tags = ["welcome", "second-tag"]
    p.variables = {"order": "4711", "note": f"käse {word}"}
    p.headers = {"X-Custom-Word": f"value {word}", "Reply-To": f"answers-{word}@rcpt.test"}
    return p


_FILLERS = {
    "text": _text,
    "html": _html,
    "attachment": _attachment,
    "inline": _inline,
    "unicode": _unicode,
    "batch": _batch,
    "scheduled": _scheduled,
    "testmode": _testmode,
    "options": _options,
}


# Building ------------------------------------------------------------------------------------


def as_mime(p: Parcel, message_id: str | None = None, option_headers: bool = True) -> EmailMessage:
    """The parcel as a client library of Python's would build it for SMTP."""
    made = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=200))
    made["From"] = _header_address(p.sender)
    made["To"] = [_header_address(one) for one in p.to]
    if p.cc:
        made["Cc"] = [_header_address(one) for one in p.cc]
    if p.bcc:
        made["Bcc"] = [_header_address(one) for one in p.bcc]
    made["Subject"] = p.subject
    if message_id:
        made["Message-ID"] = message_id
    for name, value in p.headers.items():
        made[name] = value
    if option_headers:
        for name, value in options_as_headers(p):
            made[name] = value
    if p.text is not None:
        made.set_content(p.text)
    if p.html is not None:
        made.add_alternative(p.html, subtype="html")
        for one in p.inline:
            main, sub = one.type.split("/")
            made.get_payload()[-1].add_related(
                one.data, main, sub, cid=f"<{one.name}>", filename=one.name, disposition="inline"
            )
    for one in p.attachments:
        main, sub = one.type.split("/")
        made.add_attachment(one.data, main, sub, filename=one.name)
    return made


def _header_address(person: PERSON) -> Address:
    return Address(person[0], addr_spec=person[1])


def options_as_headers(p: Parcel) -> list[tuple[str, str]]:
    """The `X-Mailgun-*` headers that say what the parcel asks for."""
    out = [("X-Mailgun-Tag", tag) for tag in p.tags]
    if p.variables:
        out.append(("X-Mailgun-Variables", json.dumps(p.variables)))
    if p.recipient_variables is not None:
        out.append(("X-Mailgun-Recipient-Variables", json.dumps(p.recipient_variables)))
    if p.deliver_at:
        out.append(("X-Mailgun-Deliver-By", email.utils.formatdate(p.deliver_at)))
    if p.test_mode:
        out.append(("X-Mailgun-Drop-Message", "yes"))
    return out


def as_form(p: Parcel) -> tuple[list[tuple[str, str]], list[tuple]]:
    """Fields and files of `POST /v3/{domain}/messages`."""
    fields = [("from", spec(p.sender))]
    for name, people in (("to", p.to), ("cc", p.cc), ("bcc", p.bcc)):
        fields += [(name, spec(one)) for one in people]
    fields.append(("subject", p.subject))
    fields += [(name, value) for name, value in (("text", p.text), ("html", p.html)) if value is not None]
    fields += [("o:tag", tag) for tag in p.tags]
    fields += [(f"v:{name}", value) for name, value in p.variables.items()]
    fields += [(f"h:{name}", value) for name, value in p.headers.items()]
    if p.recipient_variables is not None:
        fields.append(("recipient-variables", json.dumps(p.recipient_variables)))
    if p.deliver_at:
        fields.append(("o:deliverytime", email.utils.formatdate(p.deliver_at)))
    if p.test_mode:
        fields.append(("o:testmode", "yes"))
    files = [("attachment", (one.name, one.data, one.type)) for one in p.attachments]
    files += [("inline", (one.name, one.data, one.type)) for one in p.inline]
    return fields, files


# Comparing -----------------------------------------------------------------------------------


def read(arrival: Arrival) -> EmailMessage:
    return email.message_from_bytes(arrival.raw, policy=email.policy.default)


def _even(text: str) -> str:
    """Line ends and the last line's end are the transport's business."""
    return text.replace("\r\n", "\n").rstrip("\n")


def people(arrival_raw: bytes, header: str) -> list[PERSON]:
    """Names and addresses of a header. (`email.policy.default` puts spaces between encoded words.)"""
    old = email.message_from_bytes(arrival_raw, policy=email.policy.compat32)
    values = [re.sub(r"\r?\n", "", str(one)) for one in old.get_all(header, [])]
    pairs = email.utils.getaddresses(values)
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


def _decoded(part) -> str:
    charset = part.get_content_charset() or "us-ascii"
    return part.get_payload(decode=True).decode(charset)


def _leaves(message: EmailMessage):
    for part in message.walk():
        if not part.is_multipart():
            yield part


def body(message: EmailMessage, type_: str) -> str | None:
    """The text of the first part of this type that is no file."""
    for part in _leaves(message):
        if part.get_content_type() == type_ and part.get_filename() is None:
            return _decoded(part)
    return None


def files(message: EmailMessage) -> list[tuple[str, str, bytes, str]]:
    """(name, type, bytes, disposition) of every file, in order."""
    return [
        (
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
            part.get_content_disposition() or "",
        )
        for part in _leaves(message)
        if part.get_filename() is not None
    ]


def check_wire(raw: bytes) -> None:
    """What every message that leaves must keep to, whoever made it."""
    assert not re.search(rb"\r(?!\n)", raw), "a bare CR left the house"
    assert not re.search(rb"(?<!\r)\n", raw), "a bare LF left the house"
    assert b"\0" not in raw, "a NUL left the house"
    head = raw.split(b"\r\n\r\n", 1)[0]
    for line in head.split(b"\r\n"):
        assert len(line) <= 998, f"a header line of {len(line)} bytes"


def check_lines(raw: bytes) -> None:
    longest = max(len(line) for line in raw.split(b"\r\n"))
    assert longest <= 998, f"a line of {longest} bytes"


def signatures(raw: bytes) -> list[dict[str, str]]:
    """The tags of each DKIM-Signature header, in order."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    out = []
    for value in message.get_all("DKIM-Signature", []):
        flat = re.sub(r"\s+", "", value)
        out.append(dict(pair.split("=", 1) for pair in flat.split(";") if "=" in pair))
    return out


def check_dkim(raw: bytes, zone, domain: str, wanted=("rsa-sha256", "ed25519-sha256")) -> None:
    """Every signature verifies with the published key, and both algorithms are there."""
    tags = signatures(raw)
    assert sorted(one["a"] for one in tags) == sorted(wanted), tags

    def key_of(name, timeout=5):
        text = name.decode() if isinstance(name, bytes) else name
        return zone.text_of(text)

    for index, one in enumerate(tags):
        assert one["d"] == domain, one
        assert dkim.DKIM(raw).verify(idx=index, dnsfunc=key_of), f"signature {index} ({one['a']}) is wrong"
        covered = one["h"].lower().split(":")
        for name in ("from", "to", "subject", "date", "message-id", "mime-version"):
            assert name in covered, f"{name} is not signed: {covered}"
        assert covered.count("from") >= 2, "From is not oversigned"


def check_envelope(arrival: Arrival, domain: str) -> None:
    """The return path: of the sending domain."""
    host = arrival.sender.rpartition("@")[2]
    assert host == domain or host.endswith("." + domain), f"return path at {host}"
    assert len(arrival.recipients) == len(set(arrival.recipients)), "a recipient twice in one transaction"


def check_received(message: EmailMessage) -> None:
    for value in message.get_all("Received", []):
        assert " for " not in str(value).lower(), "Received names the recipient"
        assert "127.0.0.1" not in str(value) and "::1" not in str(value), "Received names the client's address"


def check(p: Parcel, arrival: Arrival, recipient: str, zone, domain: str, message_id: str | None = None) -> None:
    """Whether what arrived for `recipient` is the parcel."""
    check_wire(arrival.raw)
    check_envelope(arrival, domain)
    check_dkim(arrival.raw, zone, domain)
    message = read(arrival)
    check_received(message)
    if message_id:
        assert str(message["Message-ID"]).strip() == message_id, (message["Message-ID"], message_id)
    assert message["Bcc"] is None, "Bcc arrived"
    assert message["Return-Path"] is None
    assert len(message.get_all("Date", [])) == 1 and len(message.get_all("From", [])) == 1
    assert people(arrival.raw, "From") == [p.sender]
    shown = [one for one in p.to if one[1] == recipient] if p.recipient_variables is not None else p.to
    assert people(arrival.raw, "To") == shown, (message["To"], shown)
    assert people(arrival.raw, "Cc") == p.cc
    assert str(message["Subject"]) == p.seen_by(recipient, p.subject)
    for type_, text in (("text/plain", p.text), ("text/html", p.html)):
        got, wanted = body(message, type_), p.seen_by(recipient, text)
        if wanted is None:
            assert got is None, f"a {type_} part that nobody sent"
        else:
            assert got is not None, f"no {type_} part"
            assert _even(got) == _even(wanted), f"{type_} differs"
    check_files(p, message)
    for name, value in p.headers.items():
        assert [str(one) for one in message.get_all(name, [])] == [value], name
    if p.variables:
        assert json.loads(str(message["X-Mailgun-Variables"])) == p.variables
    else:
        assert message["X-Mailgun-Variables"] is None or json.loads(str(message["X-Mailgun-Variables"])) == {}
    for name in ("X-Mailgun-Recipient-Variables", "X-Mailgun-Drop-Message", "X-Mailgun-Deliver-By"):
        assert message[name] is None, f"{name} arrived"


def check_files(p: Parcel, message: EmailMessage) -> None:
    got = files(message)
    wanted = [(one.name, one.type, one.data) for one in p.attachments]
    attached = [one[:3] for one in got if one[3] == "attachment"]
    assert sorted(attached) == sorted(wanted), [one[:2] for one in got]
    for one in p.inline:
        match = [part for part in _leaves(message) if part["Content-ID"] is not None]
        assert len(match) == 1, "no inline part with a Content-ID"
        cid = str(match[0]["Content-ID"]).strip("<> ")
        assert f"cid:{cid}" in (body(message, "text/html") or ""), f"nothing refers to cid:{cid}"
        assert match[0].get_content_type() == one.type and match[0].get_payload(decode=True) == one.data
        assert match[0].get_content_disposition() == "inline"
