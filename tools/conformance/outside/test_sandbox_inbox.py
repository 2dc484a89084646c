"""A sandbox domain captures: the inbox shows what would have left, and three names misbehave."""

import dkim
import pytest

from rig import canary, shapes, waiting
from rig.api import Api


@pytest.fixture(scope="module")
def box(platform, account, sink, ann):
    return type(ann)(platform, platform.domain(account, sandbox=True), sink)


def items(box, **params):
    answer = box.get("/v1/inbox", params={"domain": box.domain.name, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def captured(box, to, count=1):
    return waiting.until(lambda: (got := items(box, recipient=to)) and len(got) >= count and got, "the item")[0]


def test_a_message_is_captured_signed_and_never_sent(box, zone, sink, somebody):
    mid = box.send(box.form(f"Bob <{somebody}>", subject="Grüße", html="<p>x</p>", **{"o:tag": "t"}), [("attachment", ("ü.txt", b"file", "text/plain"))])
    item = captured(box, somebody)
    assert item["message-id"] == mid.strip("<>") and item["recipient"] == somebody and item["subject"] == "Grüße"
    assert item["tags"] == ["t"] and item["from"] == f"Ann <ann@{box.domain.name}>" and item["sender"].startswith("bounce+")
    raw = box.get(item["raw-url"])
    assert raw.headers["Content-Type"].startswith("message/rfc822")
    assert dkim.DKIM(raw.content).verify(idx=0, dnsfunc=lambda name, **_: zone.text_of(name.decode()))
    assert item["size"] == len(raw.content)
    body = box.get(item["url"]).json()
    assert body["body-plain"].strip() == "Good day." and body["body-html"].strip() == "<p>x</p>"
    [file] = body["attachments"]
    assert file["name"] == "ü.txt" and box.get(file["url"]).content == b"file"
    event = box.wait_event(mid, "delivered")
    shapes.check_event(event, captured=True)
    assert sink.seen(somebody) == []


def test_each_recipient_is_an_item_newest_first_and_pages_follow(box):
    people = [box.somebody() for _ in range(5)]
    for one in people:
        box.send(box.form(one, **{"o:tag": "paged"}))
        captured(box, one)
    answer = box.get("/v1/inbox", params={"domain": box.domain.name, "limit": 2}).json()
    seen = []
    while answer["items"]:
        assert len(answer["items"]) <= 2
        seen += [one["recipient"] for one in answer["items"]]
        answer = box.get(answer["paging"]["next"]).json()
    assert seen[:5] == people[::-1] and len(seen) == len(set(seen))


def test_an_item_can_be_deleted_and_the_inbox_cleared(box, somebody):
    box.send(box.form(somebody))
    item = captured(box, somebody)
    assert box.delete(item["url"]).json() == {"message": "Message has been deleted"}
    for link in (item["url"], item["raw-url"]):
        gone = box.get(link)
        assert (gone.status_code, gone.json()) == (404, {"message": "Message not found"})
    two = [box.somebody(), box.somebody()]
    box.send(box.form(two))
    for one in two:
        captured(box, one)
    answer = box.delete("/v1/inbox", params={"domain": box.domain.name}).json()
    assert answer["message"] == "Inbox has been cleared" and answer["count"] >= 2
    assert items(box) == []


def test_nobody_else_reads_the_inbox(box, platform, somebody):
    box.send(box.form(somebody))
    item = captured(box, somebody)
    stranger = Api(platform, platform.account().key)
    assert stranger.get(item["url"]).status_code == 404 and stranger.delete(item["url"]).status_code == 404
    assert stranger.get("/v1/inbox").json()["items"] == []
    assert Api(platform, platform.sending_key(box.domain)).get("/v1/inbox").status_code == 403
    assert Api(platform, None).get(item["raw-url"]).status_code == 401


def test_defer_is_deferred(box):
    mid = box.send(box.form(f"defer@{box.domain.name}"))
    event = box.wait_event(mid, "failed")
    assert event["severity"] == "temporary" and 400 <= event["delivery-status"]["code"] < 500
    assert event["delivery-status"]["retry-seconds"] > 0


def test_bounce_bounces_and_is_suppressed_the_next_time(box):
    mid = box.send(box.form(f"bounce@{box.domain.name}"))
    event = box.wait_event(mid, "failed")
    assert (event["severity"], event["reason"]) == ("permanent", "bounce") and event["delivery-status"]["code"] >= 550
    again = box.send(box.form(f"Bounce@{box.domain.name}"))
    assert box.wait_event(again, "failed")["delivery-status"]["code"] in (550, 605)


def test_complain_is_delivered_then_complains_and_is_suppressed_the_next_time(box):
    mid = box.send(box.form(f"complain@{box.domain.name}"))
    event = box.wait_event(mid, "complained")
    assert event["log-level"] == "warn" and event["recipient"] == f"complain@{box.domain.name}"
    assert box.events_of(mid, event="delivered")
    again = box.send(box.form(f"complain@{box.domain.name}"))
    assert box.wait_event(again, "failed")["delivery-status"]["code"] == 607


@pytest.mark.parametrize("local", ["defer", "bounce", "complain"])
def test_these_names_at_other_domains_are_anybody(box, local):
    mid = box.send(box.form(f"{local}@{canary.word()}.test"))
    first = waiting.until(lambda: [e["event"] for e in box.events_of(mid) if e["event"] != "accepted"], "the outcome")
    assert first == ["delivered"]


def test_smtp_to_a_sandbox_is_captured_too(box, platform, somebody):
    import smtplib

    login = platform.credential(box.domain)
    with smtplib.SMTP(*platform.submission) as door:
        door.login(login.login, login.password)
        door.sendmail(login.login, [somebody], f"From: {login.login}\nSubject: by smtp\n\nbody\n")
    assert captured(box, somebody)["subject"] == "by smtp"


def test_test_mode_in_a_sandbox_captures_nothing(box, somebody):
    mid = box.send(box.form(somebody, **{"o:testmode": "yes"}))
    assert box.wait_event(mid, "delivered")["delivery-status"]["code"] == 650
    assert items(box, recipient=somebody) == []
