"""Sandbox domains: built and signed as ever, then kept in the account's inbox instead of sent."""

import email
import email.policy

import pytest

from rig import canary, parcel, shapes, wire
from rig.api import Sender


@pytest.fixture(scope="module")
def sandbox(platform, account):
    return Sender(platform, platform.domain(account, sandbox=True))


def small(sender, recipient, **more):
    made = {"from": f"a@{sender.domain.name}", "to": recipient, "subject": canary.word(), "text": canary.word()}
    return {**made, **more}


def test_a_sandbox_captures_and_sends_nothing(sandbox, sink, zone):
    recipient = f"{canary.word()}@rcpt.test"
    fields = small(sandbox, recipient)
    message_id = sandbox.send(list(fields.items()))
    event = sandbox.wait_event(message_id, "delivered", recipient)
    shapes.check_event(event)
    assert sink.seen(recipient) == []
    entry = _entry(sandbox, message_id)
    raw = _raw(sandbox, entry)
    parcel.check_dkim(raw, zone, sandbox.domain.name)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(message["Subject"]) == fields["subject"] and str(message["Message-ID"]) == message_id
    assert parcel.body(message, "text/plain").strip() == fields["text"]


def _inbox(sender):
    return f"/v3/domains/{sender.domain.name}/inbox"


def _entry(sender, message_id):
    answer = sender.get(_inbox(sender))
    assert answer.status_code == 200, answer.text
    for one in answer.json()["items"]:
        if message_id.strip("<>") in str(one):
            return one
    raise AssertionError("not in the inbox")


def _raw(sender, entry):
    answer = sender.get(f"{_inbox(sender)}/{entry['id']}/raw")
    assert answer.status_code == 200
    return answer.content


@pytest.mark.parametrize(
    ("local", "kind", "severity"), [("defer", "failed", "temporary"), ("bounce", "failed", "permanent"), ("complain", "complained", None)]
)
def test_named_recipients_behave_as_named(sandbox, sink, local, kind, severity):
    recipient = f"{local}@{sandbox.domain.name}"
    message_id = sandbox.send(list(small(sandbox, recipient).items()))
    event = sandbox.wait_event(message_id, kind, recipient)
    assert event.get("severity") == severity
    assert sink.seen(recipient) == []


def test_a_sandbox_captures_what_comes_by_smtp_too(platform, sandbox, sink):
    credential = platform.credential(sandbox.domain, "smtp-user")
    recipient = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{sandbox.domain.name}", recipient)
        assert line.talk("DATA").code == 354
        line.send(f"From: a@{sandbox.domain.name}\r\nMessage-ID: <x1@own.test>\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
        assert line.reply().code == 250
    sandbox.wait_event("<x1@own.test>", "delivered", recipient)
    assert _entry(sandbox, "<x1@own.test>") and sink.seen(recipient) == []


def test_another_accounts_inbox_does_not_exist(platform, sandbox):
    other = Sender(platform, platform.domain(platform.account()))
    assert other.get(_inbox(sandbox)).status_code == 404
