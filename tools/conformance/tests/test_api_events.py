"""The events of a domain: shapes, ranges, pages, filters."""

import email.utils
import time

import pytest

from rig import canary, shapes, waiting
from rig.api import Sender


@pytest.fixture(scope="module")
def told(platform, sink):
    """A domain with a small history: what was sent, by a short name."""
    account = platform.account()
    sender = Sender(platform, platform.domain(account))
    start = time.time()
    history = {}

    def send(name, recipient, subject, *more, files=()):
        fields = [("from", f"Ann <ann@{sender.domain.name}>"), ("to", recipient), ("subject", subject), ("text", "t")]
        history[name] = (sender.send([*fields, *more], files), recipient)

    word = canary.word()
    send("alice", f"alice-{word}@rcpt.test", f"Invoice {word} ready", ("o:tag", "billing"), ("v:order", "o-1"))
    sender.wait_event(history["alice"][0], "delivered")
    refused = f"bob-{word}@rcpt.test"
    sink.refuse(refused, "550 5.1.1 no such person here", always=True)
    send("bob", refused, f"Invoice {word} late", ("o:tag", "billing"), ("o:tag", "Reminder"))
    sender.wait_event(history["bob"][0], "failed")
    deferred = f"carol-{word}@other.test"
    sink.refuse(deferred, "451 4.7.1 come back later", always=True)
    send(
        "carol",
        deferred,
        f"Greetings {word}",
        files=[("attachment", ("plan.pdf", b"%PDF-" + b"x" * 20000, "application/pdf"))],
    )
    sender.wait_event(history["carol"][0], "failed")
    send("dave", f"dave-{word}@rcpt.test", "Newsletter", ("o:testmode", "yes"))
    sender.wait_event(history["dave"][0], "delivered")
    history["start"], history["word"] = start, word
    return sender, history


def page(sender, **query):
    answer = sender.get(f"/v3/{sender.domain.name}/events", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    shapes.check_page(body, sender.domain.name, sender.platform.url)
    return body


def ids(body):
    return [one["id"] for one in body["items"]]


def names(history, body):
    """(short name of the message, event) in order."""
    short = {value[0].strip("<>"): name for name, value in history.items() if isinstance(value, tuple)}
    return [(short[one["message"]["headers"]["message-id"]], one["event"]) for one in body["items"]]


ALL = [
    ("alice", "accepted"), ("alice", "delivered"), ("bob", "accepted"), ("bob", "failed"),
    ("carol", "accepted"), ("carol", "failed"), ("dave", "accepted"), ("dave", "delivered"),
]  # fmt: skip


def test_without_parameters_the_newest_come_first_in_strict_shapes(told):
    sender, history = told
    body = page(sender)
    assert names(history, body) == ALL[::-1]
    times = [one["timestamp"] for one in body["items"]]
    assert times == sorted(times, reverse=True) and len(set(ids(body))) == len(ALL)
    assert all(history["start"] - 2 < one < time.time() + 2 for one in times)


def test_ascending_is_oldest_first(told):
    sender, history = told
    assert names(history, page(sender, ascending="yes", begin=str(history["start"] - 5))) == ALL


@pytest.mark.parametrize("form", [str, email.utils.formatdate], ids=["epoch", "rfc2822"])
def test_ranges_and_their_direction(told, form):
    sender, history = told
    before, after = history["start"] - 60, time.time() + 60
    assert names(history, page(sender, begin=form(before), end=form(after))) == ALL
    assert names(history, page(sender, begin=form(after), end=form(before))) == ALL[::-1]
    assert names(history, page(sender, begin=form(before - 600), end=form(before))) == []
    times = [one["timestamp"] for one in page(sender, ascending="yes", begin=str(before))["items"]]
    inner = page(sender, begin=repr(times[2]), end=repr(times[5]))
    got = [one["timestamp"] for one in inner["items"]]
    assert set(times[3:5]) <= set(got) <= set(times[2:6])


@pytest.mark.parametrize(("ascending", "good"), [("yes", True), ("no", False)])
def test_a_direction_that_contradicts_the_range_is_refused(told, ascending, good):
    sender, history = told
    query = {"begin": str(history["start"]), "end": str(time.time() + 9), "ascending": ascending}
    answer = sender.get(f"/v3/{sender.domain.name}/events", params=query)
    assert answer.status_code == (200 if good else 400), answer.text


@pytest.mark.parametrize("query", [{"begin": "yesterday"}, {"end": "x"}, {"limit": "many"}, {"event": "(open"}])
def test_senseless_questions_are_refused(told, query):
    sender, _ = told
    answer = sender.get(f"/v3/{sender.domain.name}/events", params=query)
    assert answer.status_code == 400 and answer.json()["message"], answer.text


@pytest.mark.parametrize("ascending", ["yes", "no"])
def test_pages_follow_each_other_without_gap_or_repetition(told, ascending):
    sender, history = told
    query = {"limit": 3, "ascending": ascending, **({"begin": str(history["start"] - 5)} if ascending == "yes" else {})}
    body, got = page(sender, **query), []
    first = ids(body)
    while body["items"]:
        assert len(body["items"]) <= 3
        got += names(history, body)
        assert len(got) <= len(ALL)
        last = body
        body = sender.get(body["paging"]["next"]).json()
        shapes.check_page(body, sender.domain.name, sender.platform.url)
    assert got == (ALL if ascending == "yes" else ALL[::-1])
    back = sender.get(last["paging"]["previous"]).json()
    assert names(history, back) == got[3:6]
    assert ids(sender.get(last["paging"]["first"]).json()) == first
    assert ids(sender.get(first and last["paging"]["last"]).json())[-1:] == ids(last)[-1:]


def test_the_token_carries_the_filters(told):
    sender, history = told
    body = page(sender, limit=1, event="accepted", ascending="yes", begin=str(history["start"] - 5))
    got = names(history, body)
    while body["items"]:
        body = sender.get(body["paging"]["next"]).json()
        got += names(history, body)
    assert got == [one for one in ALL if one[1] == "accepted"]


def test_polling_the_last_page_shows_newer_events_later(platform, account):
    sender = Sender(platform, platform.domain(account))
    body = page(sender, ascending="yes", begin=str(time.time() - 5))
    assert body["items"] == []
    link = body["paging"]["next"]
    recipient = f"{canary.word()}@rcpt.test"
    fields = [("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "t")]
    message_id = sender.send(fields)
    sender.wait_event(message_id, "delivered")
    got = waiting.until(lambda: sender.get(link).json()["items"], "the new events behind the old link")
    assert got[0]["event"] == "accepted"


@pytest.mark.parametrize("token", ["x", "AAAA", "W10", "%00", "a" * 5000])
def test_a_made_up_token_is_refused(told, token):
    sender, _ = told
    answer = sender.get(f"/v3/{sender.domain.name}/events/{token}")
    assert answer.status_code in (400, 404, 414), answer.status_code


def test_the_page_limit_is_held_to_three_hundred(told):
    sender, _ = told
    assert sender.get(f"/v3/{sender.domain.name}/events", params={"limit": 100000}).status_code == 200


FILTERS = [
    ({"event": "accepted"}, lambda n, e: e == "accepted"),
    ({"event": "rejected OR failed"}, lambda n, e: e == "failed"),
    ({"event": "NOT accepted"}, lambda n, e: e != "accepted"),
    ({"event": "(delivered OR failed) AND NOT failed"}, lambda n, e: e == "delivered"),
    ({"severity": "permanent"}, lambda n, e: (n, e) == ("bob", "failed")),
    ({"severity": "temporary"}, lambda n, e: (n, e) == ("carol", "failed")),
    ({"tags": "billing"}, lambda n, e: n in ("alice", "bob")),
    ({"tags": "BILLING AND reminder"}, lambda n, e: n == "bob"),
    ({"tags": "billing AND NOT reminder"}, lambda n, e: n == "alice"),
    ({"subject": "invoice"}, lambda n, e: n in ("alice", "bob")),
    ({"subject": "invoice late"}, lambda n, e: n == "bob"),
    ({"subject": '"ready invoice"'}, lambda n, e: False),
    ({"subject": "INVOICE OR greetings"}, lambda n, e: n in ("alice", "bob", "carol")),
    ({"subject": "invo"}, lambda n, e: False),
    ({"to": "{word}"}, lambda n, e: True),
    ({"recipient": "alice-{word}@rcpt.test"}, lambda n, e: n == "alice"),
    ({"recipient": "ALICE-{word}@RCPT.test"}, lambda n, e: n == "alice"),
    ({"recipient": "other.test"}, lambda n, e: n == "carol"),
    ({"recipient": "rcpt AND NOT alice"}, lambda n, e: n in ("bob", "dave")),
    ({"from": "ann"}, lambda n, e: True),
    ({"from": "zoe"}, lambda n, e: False),
    ({"attachment": "plan"}, lambda n, e: n == "carol"),
    ({"size": ">10000"}, lambda n, e: n == "carol"),
    ({"size": ">1 <10000"}, lambda n, e: n != "carol"),
    ({"event": "delivered", "subject": "newsletter"}, lambda n, e: (n, e) == ("dave", "delivered")),
    ({"message-id": "{alice}"}, lambda n, e: n == "alice"),
]


@pytest.mark.parametrize(
    ("query", "wanted"), FILTERS, ids=[" ".join(f"{k}={v}" for k, v in q.items()) for q, _ in FILTERS]
)
def test_filters_and_field_expressions(told, query, wanted):
    sender, history = told
    facts = {"word": history["word"], "alice": history["alice"][0].strip("<>")}
    filled = {
        name: value.replace("{word}", facts["word"]).replace("{alice}", facts["alice"]) for name, value in query.items()
    }
    got = names(history, page(sender, **filled))
    assert got == [one for one in ALL[::-1] if wanted(*one)]


def test_repeating_a_field_means_both(told):
    sender, history = told
    answer = sender.get(f"/v3/{sender.domain.name}/events", params=[("subject", "invoice"), ("subject", "late")])
    assert {one[0] for one in names(history, answer.json())} == {"bob"}


def test_what_the_events_of_failures_say(told):
    sender, history = told
    (bob,) = sender.events_of(history["bob"][0], event="failed")
    status = bob["delivery-status"]
    assert (bob["severity"], status["code"], status["enhanced-code"], status["attempt-no"]) == (
        "permanent",
        550,
        "5.1.1",
        1,
    )
    assert status["bounce-type"] == "hard" and "no such person here" in status["message"]
    assert status["mx-host"] == "mx.rcpt.test"
    (carol,) = sender.events_of(history["carol"][0], event="failed")
    status = carol["delivery-status"]
    assert (carol["severity"], status["code"], status["enhanced-code"]) == ("temporary", 451, "4.7.1")
    assert 500 <= status["retry-seconds"] <= 720, "the first wait is ten minutes, give or take"


def test_the_accepted_event_names_its_origin(told):
    sender, history = told
    (event,) = sender.events_of(history["alice"][0], event="accepted")
    assert event["method"].lower() == "http" and event["originating-ip"] == "127.0.0.1"
    assert event["envelope"]["targets"] == history["alice"][1] and event["flags"]["is-authenticated"] is True
    assert event["api-key-id"] == sender.try_send([]).headers["X-Mailgun-Key-Id"]
    assert event["recipient-domain"] == "rcpt.test" and event["user-variables"] == {"order": "o-1"}
    assert event["domain"]["name"] == sender.domain.name and event["account"]["id"] == sender.domain.account.id


def test_compact_and_pretty_say_the_same(told):
    sender, _ = told
    path = f"/v3/{sender.domain.name}/events"
    compact, pretty = sender.get(path, params={"pretty": "no"}), sender.get(path, params={"pretty": "yes"})
    assert compact.json()["items"] == pretty.json()["items"] and b"\n " not in compact.content


def test_a_suppressed_recipient_is_accepted_then_dropped(told, sink):
    """A hard bounce for an unknown person suppresses the address."""
    sender, history = told
    recipient = history["bob"][1]
    before = sink.refused[recipient]
    message_id = sender.send([("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "again")])
    event = sender.wait_event(message_id, "failed", recipient)
    status = event["delivery-status"]
    assert (event["severity"], event["reason"], status["code"]) == ("permanent", "suppress-bounce", 605)
    assert status["description"] == "Not delivering to previously bounced address" and status["message"] == ""
    assert status["attempt-no"] == 1 and status["session-seconds"] == 0
    assert sender.events_of(message_id, event="accepted") and sink.refused[recipient] == before
