"""Outcomes at the recipient's side as the API tells them: DNS, refusals, mixed replies."""

import pytest

from rig import canary, certs, parcel, shapes
from rig.api import Sender
from rig.sink import Sink


def small(sender, *recipients):
    fields = [("from", f"a@{sender.domain.name}"), ("subject", canary.word()), ("text", "t")]
    return fields + [("to", one) for one in recipients]


def test_a_domain_without_mx_is_reached_at_its_address(sender, sink):
    recipient = f"{canary.word()}@implicit.test"
    sender.send(small(sender, recipient))
    assert len(sink.wait(recipient)) == 1


def test_the_next_exchanger_is_tried_when_the_first_is_closed(sender, sink):
    recipient = f"{canary.word()}@preferred.test"
    message_id = sender.send(small(sender, recipient))
    assert len(sink.wait(recipient)) == 1
    event = sender.wait_event(message_id, "delivered", recipient)
    assert event["delivery-status"]["mx-host"] == "mx.rcpt.test"


def test_international_domains_are_looked_up_by_their_ascii_form(sender, sink):
    local = canary.word()
    sender.send(small(sender, f"{local}@bücher.test"))
    assert len(sink.wait(f"{local}@xn--bcher-kva.test")) == 1


def test_an_international_local_part_needs_smtputf8(sender, sink):
    recipient = f"grüße-{canary.word()}@rcpt.test"
    sender.send(small(sender, recipient))
    (got,) = sink.wait(recipient)
    assert "SMTPUTF8" in [one.upper() for one in got.mail_options]


@pytest.mark.parametrize(
    ("where", "severity", "code"),
    [
        ("null.test", "permanent", None),
        ("no-such-name.test", "permanent", None),
        ("nothing-but-text.test", "temporary", 498),
        ("broken.test", "temporary", None),
        ("closed.test", "temporary", 499),
    ],
)
def test_unreachable_domains(sender, where, severity, code):
    recipient = f"{canary.word()}@{where}"
    message_id = sender.send(small(sender, recipient))
    event = sender.wait_event(message_id, "failed", recipient)
    shapes.check_event(event)
    assert severity is None or event["severity"] == severity, event["delivery-status"]
    assert code is None or event["delivery-status"]["code"] == code, event["delivery-status"]


def test_each_recipient_has_an_outcome_of_its_own(sender, sink):
    good, gone, busy = (f"{canary.word()}@rcpt.test" for _ in range(3))
    sink.refuse(gone, "550 5.1.1 unknown", always=True)
    sink.refuse(busy, "452 4.2.2 full", always=True)
    message_id = sender.send(small(sender, good, gone, busy))
    assert sender.wait_event(message_id, "delivered", good)["delivery-status"]["code"] == 250
    assert sender.wait_event(message_id, "failed", gone)["severity"] == "permanent"
    assert sender.wait_event(message_id, "failed", busy)["severity"] == "temporary"
    assert len(sink.seen(good)) == 1


def test_a_refusal_after_data_counts_for_the_recipient(sender, sink):
    gone, busy = (f"{canary.word()}@rcpt.test" for _ in range(2))
    sink.refuse(gone, "554 5.7.1 looks like spam", stage="data", always=True)
    sink.refuse(busy, "421 4.3.2 going down", stage="data", always=True)
    for recipient, severity, code in ((gone, "permanent", 554), (busy, "temporary", 421)):
        message_id = sender.send(small(sender, recipient))
        event = sender.wait_event(message_id, "failed", recipient)
        assert (event["severity"], event["delivery-status"]["code"]) == (severity, code)
    message_id = sender.send(small(sender, gone))
    sink.wait_refusal(gone, 2)  # a policy refusal suppresses nobody
    assert sender.wait_event(message_id, "failed", gone)["reason"] != "suppress-bounce"


def test_a_deferred_message_goes_out_when_told_to_retry(platform, sender, sink):
    recipient = f"{canary.word()}@rcpt.test"
    sink.refuse(recipient, "451 4.7.1 greylisted, try later")
    message_id = sender.send(small(sender, recipient))
    event = sender.wait_event(message_id, "failed", recipient)
    assert event["severity"] == "temporary" and sink.seen(recipient) == []
    queue = platform.command("queue", "list")
    assert queue["waiting"] >= 1 and isinstance(queue["in_flight"], int) and isinstance(queue["items"], list)
    platform.run("queue", "retry", message_id.strip("<>"))
    (got,) = sink.wait(recipient)
    event = sender.wait_event(message_id, "delivered", recipient)
    assert event["delivery-status"]["attempt-no"] == 2
    parcel.check_dkim(got.raw, platform.outside.zone, sender.domain.name)


def test_queue_why_tells_the_reason(platform, sender, sink):
    recipient = f"{canary.word()}@rcpt.test"
    sink.refuse(recipient, "451 4.7.1 greylisted for now", always=True)
    message_id = sender.send(small(sender, recipient))
    sender.wait_event(message_id, "failed", recipient)
    done = platform.run("queue", "why", message_id.strip("<>"))
    assert b"451" in done.stdout, done.stdout


def test_require_tls_is_content_with_a_certificate_it_can_verify(own_platform, outside, tmp_path):
    certificate, key, authority = certs.issued(tmp_path, "mx", ["mx.rcpt.test"])
    with Sink(certificate, key) as trusted:
        platform = own_platform({"delivery": {"port": trusted.port, "extra_ca": authority}})
        sender = Sender(platform, platform.domain(platform.account()))
        good, wrong_name = f"{canary.word()}@rcpt.test", f"{canary.word()}@other.test"
        message_id = sender.send([*small(sender, good, wrong_name), ("o:require-tls", "yes")])
        status = sender.wait_event(message_id, "delivered", good)["delivery-status"]
        assert status["certificate-verified"] is True and trusted.seen(good)[0].tls
        assert sender.wait_event(message_id, "failed", wrong_name) and trusted.seen(wrong_name) == []
