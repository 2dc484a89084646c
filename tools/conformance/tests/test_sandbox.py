"""Sandbox domains: built and signed as ever, then kept in the account's inbox instead of sent."""

import email
import email.policy
import time

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
    shapes.check_event(event, captured=True)
    assert sink.seen(recipient) == []
    entry = _entry(sandbox, message_id)
    raw = _raw(sandbox, entry)
    parcel.check_dkim(raw, zone, sandbox.domain.name)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(message["Subject"]) == fields["subject"] and str(message["Message-ID"]) == message_id
    assert parcel.body(message, "text/plain").strip() == fields["text"]


def _entry(sender, message_id):
    answer = sender.get("/v1/inbox", params={"domain": sender.domain.name})
    assert answer.status_code == 200, answer.text
    for one in answer.json()["items"]:
        if one["message-id"].strip("<>") == message_id.strip("<>"):
            return one
    raise AssertionError("not in the inbox")


def _raw(sender, entry):
    answer = sender.get(f"/v1/inbox/{entry['id']}/raw")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("message/rfc822")
    return answer.content


@pytest.mark.parametrize(
    ("local", "kind", "severity"),
    [("defer", "failed", "temporary"), ("bounce", "failed", "permanent"), ("complain", "complained", None)],
)
def test_named_recipients_behave_as_named(sandbox, sink, local, kind, severity):
    recipient = f"{local}@{sandbox.domain.name}"
    message_id = sandbox.send(list(small(sandbox, recipient).items()))
    event = sandbox.wait_event(message_id, kind, recipient)
    assert event.get("severity") == severity
    assert sink.seen(recipient) == []


def test_whoever_complained_gets_nothing_that_was_accepted_before(platform, account):
    # A domain of its own: the list is kept for each.
    sandbox = Sender(platform, platform.domain(account, sandbox=True))
    recipient = f"complain@{sandbox.domain.name}"
    later = [*small(sandbox, recipient).items(), ("o:deliverytime", str(int(time.time()) + 4))]
    first = sandbox.send(later)
    sandbox.wait_event(sandbox.send(list(small(sandbox, recipient).items())), "complained", recipient)
    event = sandbox.wait_event(first, "failed", recipient)
    assert (event["severity"], event["reason"]) == ("permanent", "suppress-complaint")
    status = event["delivery-status"]
    assert (status["code"], status["message"], status["attempt-no"]) == (607, "", 1)
    assert status["description"] == "Not delivering to a user who marked your messages as spam"
    assert not sandbox.events_of(first, event="delivered")


def test_a_sandbox_captures_what_comes_by_smtp_too(platform, sandbox, sink):
    credential = platform.credential(sandbox.domain, "smtp-user")
    recipient = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission, credential) as line:
        line.envelope(f"a@{sandbox.domain.name}", recipient)
        assert line.talk("DATA").code == 354
        line.send(
            f"From: a@{sandbox.domain.name}\r\nMessage-ID: <x1@own.test>\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode()
        )
        assert line.reply().code == 250
    sandbox.wait_event("<x1@own.test>", "delivered", recipient)
    assert _entry(sandbox, "<x1@own.test>") and sink.seen(recipient) == []


def test_the_inbox_as_json_with_files(sandbox):
    recipient, data = f"{canary.word()}@rcpt.test", bytes(range(256))
    fields = small(sandbox, recipient)
    files = [("attachment", ("f.bin", data, "application/octet-stream"))]
    message_id = sandbox.send(list(fields.items()), files)
    sandbox.wait_event(message_id, "delivered", recipient)
    entry = _entry(sandbox, message_id)
    assert entry["recipient"] == recipient and entry["subject"] == fields["subject"]
    assert sandbox.get(entry["url"]).json()["body-plain"].strip() == fields["text"]
    assert sandbox.get(f"/v1/inbox/{entry['id']}/attachments/0").content == data
    assert sandbox.get(entry["raw-url"]).status_code == 200
    assert sandbox.delete(f"/v1/inbox/{entry['id']}").status_code == 200
    assert sandbox.get(entry["url"]).status_code == 404


def test_another_accounts_inbox_does_not_exist(platform, sandbox):
    recipient = f"{canary.word()}@rcpt.test"
    message_id = sandbox.send(list(small(sandbox, recipient).items()))
    sandbox.wait_event(message_id, "delivered", recipient)
    entry = _entry(sandbox, message_id)
    other = Sender(platform, platform.domain(platform.account()))
    assert other.get("/v1/inbox", params={"domain": sandbox.domain.name}).status_code == 404
    assert other.get("/v1/inbox").json()["items"] == []
    for suffix in ("", "/raw", "/attachments/0"):
        assert other.get(f"/v1/inbox/{entry['id']}{suffix}").status_code == 404
    assert other.delete(f"/v1/inbox/{entry['id']}").status_code == 404
    assert _entry(sandbox, message_id)
