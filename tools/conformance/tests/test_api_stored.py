"""Stored messages, their files, sending again, and the domain's queues."""

import email
import time
from urllib.parse import urlsplit

import pytest

from rig import canary, parcel, waiting
from rig.api import Sender, accepted


@pytest.fixture(scope="module")
def stored(platform, account, sink):
    """A message that waits (scheduled), with text, HTML, files and variables: (sender, parcel, id, path)."""
    sender = Sender(platform, platform.domain(account))
    p = parcel.make("inline", sender.domain.name)
    p.cc = [("Copy", f"{canary.word()}@rcpt.test")]
    p.deliver_at = int(time.time()) + 3600
    p.tags = ["kept"]
    fields, files = parcel.as_form(p)
    message_id = sender.send(fields, files)
    event = sender.wait_event(message_id, "accepted")
    return sender, p, message_id, event["storage"]


def test_the_event_names_where_the_message_is(stored):
    sender, _, _, storage = stored
    assert storage["url"] == f"{sender.platform.url}/v3/domains/{sender.domain.name}/messages/{storage['key']}"
    assert sender.get(storage["url"]).status_code == 200


def test_the_parts_as_json(stored):
    sender, p, message_id, storage = stored
    body = sender.get(storage["url"]).json()
    for name in (
        "recipients",
        "sender",
        "from",
        "subject",
        "body-plain",
        "body-html",
        "stripped-text",
        "stripped-html",
        "stripped-signature",
        "message-url",
    ):
        assert isinstance(body[name], str), name
    assert body["subject"] == p.subject and parcel._even(body["body-plain"]) == parcel._even(p.text)
    assert parcel._even(body["body-html"]) == parcel._even(p.html)
    assert {one.strip() for one in body["recipients"].split(",")} == set(p.everybody)
    assert p.sender[1] in body["from"] and body["sender"].rpartition("@")[2].endswith(sender.domain.name)
    assert body["Message-Id"] == message_id and body["Subject"] == p.subject and body["Mime-Version"] == "1.0"
    assert body["X-Mailgun-Tag"] == "kept"
    headers = [(name.lower(), value) for name, value in body["message-headers"]]
    assert ("message-id", message_id) in headers and ("subject", p.subject) in headers


def test_files_by_their_own_addresses(stored):
    sender, p, _, storage = stored
    body = sender.get(storage["url"]).json()
    listed = body["attachments"]
    assert isinstance(listed, list)
    for one in listed:
        assert {"url", "content-type", "name", "size"} <= set(one) and isinstance(one["size"], int)
    by_name = {one["name"]: one for one in listed}
    for file in p.attachments:
        answer = sender.get(by_name[file.name]["url"])
        assert answer.status_code == 200 and answer.content == file.data
        assert by_name[file.name]["size"] == len(file.data)
        assert answer.headers["Content-Type"].startswith(file.type)
    ((cid, inline),) = body["content-id-map"].items()
    assert cid.strip("<>") == p.inline[0].name
    assert sender.get(inline["url"]).content == p.inline[0].data
    assert sender.get(storage["url"] + "/attachments/99").status_code == 404


def test_the_whole_mime(stored):
    sender, p, message_id, storage = stored
    answer = sender.get(storage["url"], headers={"Accept": "message/rfc2822"})
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert {"recipients", "sender", "from", "subject", "body-mime"} <= set(body)
    message = email.message_from_string(body["body-mime"], policy=email.policy.default)
    assert message["Message-ID"] == message_id and str(message["Subject"]) == p.subject
    assert parcel.files(message)[-1][2] == p.attachments[0].data


def test_missing_messages_are_told_as_such(stored):
    sender, _, _, _ = stored
    for key in ("nothing", "A" * 60, "BAABAA=="):
        answer = sender.get(f"/v3/domains/{sender.domain.name}/messages/{key}")
        assert (answer.status_code, answer.json()) == (404, {"message": "Message not found"})


def test_sending_again_to_others(stored, sink, zone):
    sender, p, message_id, storage = stored
    others = [f"{canary.word()}@rcpt.test" for _ in range(3)]
    again = accepted(sender.post(storage["url"], data=[("to", f"{others[0]}, {others[1]}"), ("to", others[2])]))
    for one in others:
        (got,) = sink.wait(one)
        message = parcel.read(got)
        assert str(message["Subject"]) == p.subject
        parcel.check_files(p, message)
        parcel.check_dkim(got.raw, zone, sender.domain.name)
        sender.wait_event(again, "delivered", one)
    answer = sender.post(storage["url"])
    assert (answer.status_code, answer.json()["message"]) == (400, "to parameter is missing")


@pytest.mark.parametrize("days", [0, 3])
def test_a_delivered_message_is_kept_as_long_as_configured(own_platform, sink, days):
    platform = own_platform({"retention": {"stored_message_days": days}})
    sender = Sender(platform, platform.domain(platform.account()))
    recipient = f"{canary.word()}@rcpt.test"
    message_id = sender.send([("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "kept?")])
    url = sender.wait_event(message_id, "delivered", recipient)["storage"]["url"]
    if days:
        assert sender.get(url).json()["body-plain"].strip() == "kept?"
    else:
        waiting.until(lambda: sender.get(url).status_code == 404, "the content to be gone")
        assert sender.get(url).json() == {"message": "Message not found"}


def test_deleting(sender):
    at = str(int(time.time()) + 3600)
    message_id = sender.send(
        [
            ("from", f"a@{sender.domain.name}"),
            ("to", f"{canary.word()}@rcpt.test"),
            ("text", "t"),
            ("o:deliverytime", at),
        ]
    )
    url = sender.wait_event(message_id, "accepted")["storage"]["url"]
    answer = sender.delete(url)
    assert (answer.status_code, answer.json()) == (200, {"message": "Message has been deleted"})
    assert sender.get(url).status_code == 404 and sender.delete(url).status_code == 404


def test_the_path_of_a_storage_address_works_on_any_host_name(stored):
    sender, _, _, storage = stored
    path = urlsplit(storage["url"]).path
    assert sender.get(path, headers={"Host": "storage.example.test"}).status_code == 200


def test_sending_queues(sender):
    answer = sender.get(f"/v3/domains/{sender.domain.name}/sending_queues")
    assert (answer.status_code, answer.json()) == (
        200, {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}},
    )  # fmt: skip
    answer = sender.get("/v3/domains/unknown.test/sending_queues")
    assert (answer.status_code, answer.json()) == (404, {"message": "Domain not found"})


def test_clearing_the_queue_drops_what_waits(platform, account, sink):
    sender = Sender(platform, platform.domain(account))
    later, deferred = f"{canary.word()}@rcpt.test", f"{canary.word()}@rcpt.test"
    sink.refuse(deferred, "451 4.7.1 later", always=True)
    base = [("from", f"a@{sender.domain.name}"), ("text", "t")]
    soon = str(int(time.time()) + 5)
    sender.send([*base, ("to", later), ("o:deliverytime", soon)])
    waiting_id = sender.send([*base, ("to", deferred)])
    sender.wait_event(waiting_id, "failed", deferred)
    answer = sender.delete(f"/v3/{sender.domain.name}/envelopes")
    assert (answer.status_code, answer.json()) == (200, {"message": "done"})
    sink.relent(deferred)
    # A message scheduled after the dropped one and delivered shows that its time has passed.
    probe = f"{canary.word()}@rcpt.test"
    sender.send([*base, ("to", probe), ("o:deliverytime", str(int(soon) + 1))])
    sink.wait(probe)
    assert sink.seen(later) == [] and sink.seen(deferred) == []
