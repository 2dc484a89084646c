"""Nothing in any field can add a header, a recipient or a second message."""

import json
from urllib.parse import quote

import pytest

from rig import canary, parcel

ENDS = {"crlf": "\r\n", "lf": "\n", "cr": "\r", "nul": "\0", "u2028": "\u2028", "u0085": "\u0085", "vt": "\v"}
FIELDS = ("subject", "from name", "to name", "cc name", "h:X-Free", "h:Reply-To", "h:Message-Id", "h: name", "o:tag",
          "v:a", "v: name", "file name", "inline name", "file type", "recipient variable", "text", "html")  # fmt: skip


def bent(sender, where, poison):
    """A message with the poison in one field: (recipient, fields, files)."""
    recipient = f"{canary.word()}@rcpt.test"
    made = {"from": f"a@{sender.domain.name}", "to": recipient, "subject": "s", "text": "t"}
    files = []
    if where in ("subject", "text", "html", "h:X-Free", "o:tag", "v:a"):
        made[where] = f"x{poison}"
    elif where == "from name":
        made["from"] = f'"x{poison}" <a@{sender.domain.name}>'
    elif where == "to name":
        made["to"] = f'"x{poison}" <{recipient}>'
    elif where == "cc name":
        made["cc"] = f'"x{poison}" <{canary.word()}@rcpt.test>'
    elif where == "h:Reply-To":
        made[where] = f"x{poison} <r@rcpt.test>"
    elif where == "h:Message-Id":
        made[where] = f"<x{poison}@own.test>"
    elif where in ("h: name", "v: name"):
        made[where[:2] + f"X-Free{poison}"] = "1"
    elif where == "recipient variable":
        made["subject"] = "%recipient.a%"
        made["recipient-variables"] = json.dumps({recipient: {"a": f"x{poison}"}})
    elif where == "file type":
        files = [("attachment", ("f.bin", b"x", f"text/plain{poison}"))]
    else:
        files = [("inline" if where == "inline name" else "attachment", (f"x{poison}.txt", b"x", "text/plain"))]
    return recipient, list(made.items()), files


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("where", FIELDS)
def test_line_ends_in_a_field_add_nothing(sender, sink, where, end):
    victim = f"{canary.word()}@rcpt.test"
    poison = f"{ENDS[end]}Bcc: {victim}{ENDS[end]}X-Injected: yes{ENDS[end]}{ENDS[end]}.{ENDS[end]}QUIT"
    if where in ("file name", "inline name", "file type") and end in ("crlf", "lf", "cr", "nul"):
        _check_raw_part(sender, sink, where, poison, victim)
        return
    recipient, fields, files = bent(sender, where, poison)
    answer = sender.try_send(fields, files, multipart=True)
    _judge(sender, sink, answer, recipient, victim, where)


def _check_raw_part(sender, sink, where, poison, victim):
    """Client libraries do not send such file names: write the part by hand, percent-encoded as RFC 5987 has it."""
    recipient = f"{canary.word()}@rcpt.test"
    name = "inline" if where == "inline name" else "attachment"
    made = {"from": f"a@{sender.domain.name}", "to": recipient, "subject": "s", "text": "t"}
    body = "".join(f'--q\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in made.items())
    filename = quote(f"x{poison}.txt") if where != "file type" else "f.bin"
    body += f"--q\r\nContent-Disposition: form-data; name=\"{name}\"; filename*=UTF-8''{filename}\r\n"
    if where == "file type":
        body += f"Content-Type: text/plain{poison}\r\n"
    body += "\r\nx\r\n--q--\r\n"
    answer = sender.post(
        sender.messages, data=body.encode(), headers={"Content-Type": "multipart/form-data; boundary=q"}
    )
    _judge(sender, sink, answer, recipient, victim, where)


def _judge(sender, sink, answer, recipient, victim, where):
    assert answer.status_code in (200, 400), answer.status_code
    if answer.status_code == 400:
        assert answer.json()["message"]
        return
    sender.wait_event(answer.json()["id"], "delivered", recipient)
    (got,) = sink.seen(recipient)
    parcel.check_wire(got.raw)
    message = parcel.read(got)
    assert message["X-Injected"] is None and message["Bcc"] is None, f"{where} added a header"
    for part in message.walk():
        assert part["X-Injected"] is None and part["Bcc"] is None, f"{where} added a header to a part"
    assert sink.seen(victim) == [] and victim not in got.recipients
    parcel.check_dkim(got.raw, sender.platform.outside.zone, sender.domain.name)


@pytest.mark.parametrize("name", ["to", "cc", "bcc", "from"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0"])
def test_line_ends_inside_an_address_are_refused(sender, name, end):
    fields = {"from": f"a@{sender.domain.name}", "to": "b@rcpt.test", "text": "t"}
    fields[name] = f"b@rcpt.test{end}DATA"
    answer = sender.try_send(list(fields.items()))
    assert answer.status_code == 400 and answer.json()["message"], answer.text


@pytest.mark.parametrize(
    "name",
    ["Bcc", "bcc", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "DKIM-Signature", "Return-Path"],
)
def test_headers_that_are_not_the_callers_to_set_do_no_harm(sender, sink, name):
    recipient, victim = f"{canary.word()}@rcpt.test", f"{canary.word()}@rcpt.test"
    fields = [("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "plain text"), (f"h:{name}", victim)]
    answer = sender.try_send(fields)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        (got,) = sink.wait(recipient)
        message = parcel.read(got)
        assert parcel.body(message, "text/plain").strip() == "plain text" and message["Bcc"] is None
        parcel.check_dkim(got.raw, sender.platform.outside.zone, sender.domain.name)
    assert sink.seen(victim) == []


@pytest.mark.parametrize("name", ["X Space", "X:Colon", "X-\u00e4", "X\tTab"])
def test_impossible_header_names_are_refused(sender, name):
    fields = [("from", f"a@{sender.domain.name}"), ("to", "b@rcpt.test"), ("text", "t"), (f"h:{name}", "v")]
    assert sender.try_send(fields).status_code == 400
