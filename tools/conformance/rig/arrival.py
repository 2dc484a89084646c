"""Following a parcel from the client to the recipients: arrivals, copies, events."""

from rig import parcel
from rig.api import Sender
from rig.clients import House, Sent
from rig.parcel import Parcel

LATEST = 60  # seconds after its time that a scheduled message may still arrive, on a busy machine


def follow(house: House, p: Parcel, sent: Sent, method: str) -> None:
    """Wait until the parcel has arrived everywhere, then compare it and its events with what was sent."""
    sender = Sender(house.platform, house.domain)
    if p.test_mode:
        _follow_test_mode(house, p, sent, sender)
        return
    outside = house.platform.outside
    for recipient in p.everybody:
        arrival = outside.sink.wait(recipient)[0]
        event = sender.wait_event(sent.id, "delivered", recipient)
        assert event["delivery-status"]["code"] == 250, event["delivery-status"]
        assert len(outside.sink.seen(recipient)) == 1, "more than one copy arrived"
        parcel.check(p, arrival, recipient, outside.zone, house.domain.name, sent.id)
        if p.deliver_at:
            assert arrival.at >= p.deliver_at - 0.5, f"{p.deliver_at - arrival.at:.1f} s too early"
            assert arrival.at < p.deliver_at + LATEST, f"{arrival.at - p.deliver_at:.1f} s late"
        _check_event(p, event)
    accepted = sender.events_of(sent.id, event="accepted")
    assert sorted(one["recipient"] for one in accepted) == sorted(p.everybody)
    for one in accepted:
        assert one["method"].lower() == method, one["method"]
        assert one["message"]["headers"]["message-id"] == sent.id.strip("<>")
        assert one["message"].get("scheduled-for") == p.deliver_at
        _check_event(p, one)


def _check_event(p: Parcel, event: dict) -> None:
    assert sorted(event["tags"]) == sorted(p.tags), event["tags"]
    assert event["user-variables"] == p.variables, event["user-variables"]
    names = [one["filename"] for one in event["message"]["attachments"]]
    wanted = [one.name for one in p.attachments]  # inline files are not told of
    assert sorted(names) == sorted(wanted), names
    subject = p.seen_by(event["recipient"], p.subject)
    assert event["message"]["headers"]["subject"] == subject, event["message"]["headers"]


def _follow_test_mode(house: House, p: Parcel, sent: Sent, sender: Sender) -> None:
    for recipient in p.everybody:
        event = sender.wait_event(sent.id, "delivered", recipient)
        assert event["delivery-status"]["code"] == 650, event["delivery-status"]
        assert event["flags"]["is-test-mode"] is True
        assert house.platform.outside.sink.seen(recipient) == [], "a test message was sent"
