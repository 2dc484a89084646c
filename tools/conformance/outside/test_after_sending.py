"""Stored messages, queues and events: what can be asked after a message was taken."""

import email.utils
import time
from datetime import UTC, datetime

import pytest

from rig import canary, shapes, waiting
from rig.api import Api, accepted


@pytest.fixture(scope="module")
def kept(ann):
    """A rich message: (its accepted event, its recipients)."""
    to, cc = ann.somebody(), ann.somebody()
    files = [("attachment", ("Grüße.txt", b"bytes", "text/plain")), ("inline", ("dot.png", b"\x89PNG", "image/png"))]
    mid = ann.send(ann.form(f"Bob <{to}>", cc=cc, subject="Ünder", html='<p>html<img src="cid:dot.png"></p>',
                            **{"o:tag": "kept", "h:X-Own": "mine"}), files)  # fmt: skip
    ann.wait_event(mid, "delivered", to), ann.wait_event(mid, "delivered", cc)
    return ann.wait_event(mid, "accepted", to), to, cc


def path_of(ann, event):
    return f"/v3/domains/{ann.domain.name}/messages/{event['storage']['key']}"


def test_a_stored_message_is_taken_apart(ann, kept):
    event, to, cc = kept
    answer = ann.get(path_of(ann, event))
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert sorted(one.strip() for one in body["recipients"].split(",")) == sorted([to, cc])
    assert body["from"] == f"Ann <ann@{ann.domain.name}>" and body["subject"] == "Ünder"
    assert body["sender"].endswith(ann.domain.name)
    assert body["body-plain"].strip() == "Good day." and body["body-html"].strip().startswith("<p>html")
    for name in ("stripped-text", "stripped-html", "stripped-signature", "message-url"):
        assert isinstance(body[name], str), name
    assert isinstance(body["message-headers"], list) and all(len(one) == 2 for one in body["message-headers"])
    names = {name.lower() for name, _ in body["message-headers"]}
    assert {"from", "to", "subject", "message-id", "mime-version", "content-type", "x-own"} <= names
    for name in ("From", "To", "Subject", "Message-Id", "Mime-Version", "Content-Type", "X-Mailgun-Tag", "X-Own"):
        assert isinstance(body[name], str), name
    assert body["X-Own"] == "mine"


def test_the_files_of_a_stored_message_are_listed_and_fetched(ann, kept):
    body = ann.get(path_of(ann, kept[0])).json()
    for one in body["attachments"]:
        assert isinstance(one["size"], int) and one["content-type"] and one["name"]
    [file] = [one for one in body["attachments"] if one["name"] == "Grüße.txt"]
    assert file["size"] == 5 and ann.get(file["url"]).content == b"bytes"
    [(cid, image)] = body["content-id-map"].items()
    assert cid.strip("<>") == "dot.png" and image["size"] == 4 and ann.get(image["url"]).content == b"\x89PNG"
    assert ann.get(file["url"].rsplit("/", 1)[0] + "/99").status_code == 404


@pytest.mark.parametrize("type_", ["message/rfc2822", "message/rfc2822, */*"])
def test_a_stored_message_comes_as_mime(ann, kept, type_):
    event, to, _ = kept
    body = ann.get(path_of(ann, event), headers={"Accept": type_}).json()
    assert {"recipients", "sender", "from", "subject", "body-mime"} <= set(body)
    assert "Subject: =?" in body["body-mime"] and "X-Own: mine" in body["body-mime"]


def test_the_url_in_the_event_leads_to_the_message(ann, kept):
    assert ann.get(kept[0]["storage"]["url"]).json()["subject"] == "Ünder"


def test_a_stored_message_is_sent_again_to_whom_one_names(ann, kept):
    one, two, three = (ann.somebody() for _ in range(3))
    answer = ann.post(path_of(ann, kept[0]), data=[("to", f"{one}, Two <{two}>"), ("to", three)])
    mid = accepted(answer)
    for address in (one, two, three):
        seen = ann.got(address)
        assert seen.header("Subject") == "Ünder" and seen.files() == {"Grüße.txt": b"bytes"}
        ann.wait_event(mid, "delivered", address)
        assert len(seen.headers("DKIM-Signature")) <= 2


@pytest.mark.parametrize("to,text", [(None, "to parameter is missing"), ("x@", "to parameter is not a valid address. please check documentation")])
def test_sending_again_needs_a_recipient(ann, kept, to, text):
    answer = ann.post(path_of(ann, kept[0]), data={"to": to} if to else None)
    assert (answer.status_code, answer.json()) == (400, {"message": text})


# Not "..": clients fold it away, and it would be the domain that is asked for.
@pytest.mark.parametrize("key", ["nothing", "A" * 200, "%2e%2e%2f", "%00", "BAABAAAA=="])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_message_that_is_not_there_is_not_found(ann, key, method):
    answer = ann.call(method, f"/v3/domains/{ann.domain.name}/messages/{key}", data={"to": "a@rcpt.test"})
    assert answer.status_code == 404
    assert answer.json() == {"message": "Message not found"}


def test_nobody_else_reaches_a_stored_message(ann, kept, platform):
    stranger = Api(platform, platform.account().key)
    for method in ("GET", "POST", "DELETE"):
        answer = stranger.call(method, path_of(ann, kept[0]), data={"to": "a@rcpt.test"})
        assert answer.status_code == 404, method
    assert Api(platform, None).get(kept[0]["storage"]["url"]).status_code == 401


def test_a_message_can_be_deleted_and_is_gone(ann, somebody):
    mid = ann.send(ann.form(somebody))
    event = ann.wait_event(mid, "delivered")
    answer = ann.delete(path_of(ann, event))
    assert (answer.status_code, answer.json()) == (200, {"message": "Message has been deleted"})
    for method in ("GET", "DELETE", "POST"):
        again = ann.call(method, path_of(ann, event), data={"to": somebody})
        assert (again.status_code, again.json()) == (404, {"message": "Message not found"})


def test_a_scheduled_message_that_is_deleted_is_told_of_to_the_end(ann, somebody):
    """Every recipient of a message that was taken ends in one last event."""
    mid = ann.send(ann.form(somebody, **{"o:deliverytime": str(int(time.time()) + 5)}))
    event = ann.wait_event(mid, "accepted")
    answer = ann.delete(path_of(ann, event))
    assert answer.status_code == 200
    last = waiting.until(
        lambda: [e for e in ann.events_of(mid) if e["event"] in ("delivered", "failed", "rejected")], "an end", 20
    )
    assert len(last) == 1


# Queues ----------------------------------------------------------------------------------------


def test_the_queues_of_a_domain_are_enabled(ann):
    body = ann.get(f"/v3/domains/{ann.domain.name}/sending_queues").json()
    assert body == {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}}


def test_the_queues_of_an_unknown_domain_are_not_found(ann):
    answer = ann.get("/v3/domains/not-ours.test/sending_queues")
    assert (answer.status_code, answer.json()) == (404, {"message": "Domain not found"})


def test_the_queue_of_a_domain_can_be_dropped(ann, platform, account, sink):
    own = type(ann)(platform, platform.domain(account), sink)
    late, deferred, safe = own.somebody(), own.somebody(), ann.somebody()
    sink.refuse(deferred, "451 4.0.0 later", always=True)
    soon = str(int(time.time()) + 3)
    one = own.send(own.form(late, **{"o:deliverytime": soon}))
    two = own.send(own.form(deferred))
    ann.send(ann.form(safe, **{"o:deliverytime": soon}))
    own.wait_event(two, "failed")
    answer = own.delete(f"/v3/{own.domain.name}/envelopes")
    assert (answer.status_code, answer.json()) == (200, {"message": "done"})
    ann.got(safe)
    assert sink.seen(late) == []
    for mid in (one, two):
        ends = [e for e in own.events_of(mid) if e["event"] in ("delivered", "rejected") or e.get("severity") == "permanent"]
        assert len(ends) == 1, [(e["event"], e.get("severity")) for e in own.events_of(mid)]


# Events ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def log(platform, account, sink, ann):
    """A domain with a known history: twelve messages, an own word in each subject."""
    own = type(ann)(platform, platform.domain(account), sink)
    own.ids, own.people = [], []
    for n in range(12):
        to = own.somebody("rcpt.test" if n % 3 else "other.test")
        tags = [f"n{n}", "even" if n % 2 == 0 else "odd"]
        subject = f"Invoice number {n} is {'late' if n % 4 == 0 else 'paid'}"
        own.ids.append(own.send(own.form(to, subject=subject, text="x" * (100 * n + 1), **{"o:tag": tags, "v:order": f"A-{n}"})))
        own.people.append(to)
    for mid in own.ids:
        own.wait_event(mid, "delivered")
    return own


def count(log, **filters):
    return len(log.events(event="delivered", **filters))


def test_events_have_the_shapes_that_strict_clients_want(log, platform):
    answer = log.get(f"/v3/{log.domain.name}/events")
    assert answer.headers["Content-Type"].startswith("application/json")
    shapes.check_page(answer.json(), log.domain.name, platform.url)
    assert len({e["id"] for e in answer.json()["items"]}) == 24


@pytest.mark.parametrize(
    "filters,wanted",
    [
        ({"subject": "late"}, 3), ({"subject": "LATE"}, 3), ({"subject": "lat"}, 0), ({"subject": "late invoice"}, 3),
        ({"subject": "late AND invoice"}, 3), ({"subject": "late OR paid"}, 12), ({"subject": "NOT late"}, 9),
        ({"subject": "invoice AND NOT late"}, 9), ({"subject": '"number 3 is"'}, 1), ({"subject": '"3 number"'}, 0),
        ({"subject": "(3 OR 4) AND late"}, 1), ({"subject": "3 OR (4 late)"}, 2), ({"subject": '"NOT"'}, 0),
        ({"tags": "even"}, 6), ({"tags": "even AND NOT n4"}, 5), ({"tags": ["even", "n4"]}, 1), ({"tags": "even odd"}, 0),
        ({"recipient": "other.test"}, 4), ({"recipient": "rcpt.test"}, 8), ({"recipient-domain": "other.test"}, 4),
        ({"size": ">1"}, 12), ({"size": "<1"}, 0), ({"size": ">1 <100000"}, 12), ({"user-variables.order": '"A-3"'}, 1),
        ({"from": "ann"}, 12), ({"list": "x"}, 0), ({"attachment": "x"}, 0), ({"severity": "permanent"}, 0),
        ({"delivery-status.code": "250"}, 12), ({"to": "nobody"}, 0), ({"reason": "bounce"}, 0),
    ],
    ids=str,
)  # fmt: skip
def test_filters_find_what_they_say(log, filters, wanted):
    assert count(log, **filters) == wanted


def test_filters_by_person_and_id_find_one(log):
    assert [e["recipient"] for e in log.events(event="delivered", recipient=log.people[3])] == [log.people[3]]
    assert [e["recipient"] for e in log.events(event="delivered", to=log.people[3])] == [log.people[3]]
    assert count(log, **{"message-id": log.ids[2].strip("<>")}) == 1
    key = log.events(event="delivered", recipient=log.people[1])[0]["storage"]["key"]
    assert count(log, **{"storage.key": key}) == 1
    assert [e["event"] for e in log.events(event="accepted", recipients=log.people[5])] == ["accepted"]


def test_kinds_of_events_can_be_asked_for_together(log):
    assert len(log.events(event="accepted OR delivered")) == 24
    assert len(log.events(event="accepted", tags="odd")) == 6
    assert log.events(event="opened OR clicked OR complained OR unsubscribed OR rejected OR stored") == []


@pytest.mark.parametrize("value", ["(", ")", '"', "a AND", "OR", "NOT", "()", "((a)", "a OR OR b", "(" * 5000, "a " * 5000])
def test_an_expression_that_cannot_be_read_is_refused_and_never_breaks(log, value):
    answer = log.get(f"/v3/{log.domain.name}/events", params={"subject": value})
    assert answer.status_code in (200, 400, 414), answer.status_code
    assert answer.status_code == 200 or answer.json()["message"]


@pytest.mark.parametrize(
    "params",
    [{"begin": "x"}, {"end": "yesterday"}, {"limit": "x"}, {"limit": "-1"}, {"size": ">x"}, {"ascending": "maybe"},
     {"begin": "1700000000", "end": "1800000000", "ascending": "no"}, {"begin": "1800000000", "end": "1700000000", "ascending": "yes"},
     {"no-such-field": "1"}],
    ids=str,
)  # fmt: skip
def test_a_question_that_contradicts_itself_is_refused(log, params):
    answer = log.get(f"/v3/{log.domain.name}/events", params=params)
    assert answer.status_code == 400 and answer.json()["message"]


def pages(log, **params):
    """All pages from the first until an empty one."""
    answer = log.get(f"/v3/{log.domain.name}/events", params=params).json()
    out = []
    while answer["items"]:
        out.append(answer["items"])
        answer = log.get(answer["paging"]["next"]).json()
    return out, answer


@pytest.mark.parametrize("ascending", ["yes", "no"])
@pytest.mark.parametrize("limit", [1, 5, 7, 300])
def test_following_next_shows_every_event_once_and_in_order(log, ascending, limit):
    got, end = pages(log, ascending=ascending, limit=limit)
    assert all(len(page) <= limit for page in got)
    flat = [e for page in got for e in page]
    assert len({e["id"] for e in flat}) == len(flat) == 24
    times = [e["timestamp"] for e in flat]
    assert times == sorted(times, reverse=ascending == "no")
    assert end["items"] == [] and sorted(end["paging"]) == ["first", "last", "next", "previous"]


def test_one_can_go_back_and_to_the_ends(log):
    first = log.get(f"/v3/{log.domain.name}/events", params={"ascending": "yes", "limit": 5}).json()
    second = log.get(first["paging"]["next"]).json()
    back = log.get(second["paging"]["previous"]).json()
    assert [e["id"] for e in back["items"]] == [e["id"] for e in first["items"]]
    assert [e["id"] for e in log.get(second["paging"]["first"]).json()["items"]] == [e["id"] for e in first["items"]]
    everything = [e["id"] for page in pages(log, ascending="yes", limit=300)[0] for e in page]
    last = [e["id"] for e in log.get(second["paging"]["last"]).json()["items"]]
    assert last and last == everything[-len(last):]
    before = log.get(first["paging"]["previous"]).json()
    assert before["items"] == []


def test_the_links_carry_the_filters(log):
    got, _ = pages(log, ascending="yes", limit=2, event="delivered", tags="even")
    flat = [e for page in got for e in page]
    assert len(flat) == 6 and all(e["event"] == "delivered" and "even" in e["tags"] for e in flat)


def test_a_page_that_was_the_last_later_shows_what_is_new(log, platform):
    _, end = pages(log, ascending="yes", event="accepted", recipient="later.test")
    link = end["paging"]["next"]
    assert log.get(link).json()["items"] == []
    mid = log.send(log.form(f"{canary.word()}@later.test", **{"o:testmode": "yes"}))
    log.wait_event(mid, "accepted")
    [new] = waiting.until(lambda: log.get(link).json()["items"], "the new event")
    assert new["message"]["headers"]["message-id"] == mid.strip("<>")


@pytest.mark.parametrize("form", ["epoch", "float", "rfc"])
def test_a_range_shows_what_lies_in_it(log, form):
    times = sorted(e["timestamp"] for e in log.events(event="delivered") if e["recipient"] in log.people)
    middle = times[6]

    def said(seconds, up):
        if form == "float":
            return f"{seconds:.6f}"
        whole = int(seconds) + up
        return str(whole) if form == "epoch" else email.utils.format_datetime(datetime.fromtimestamp(whole, UTC))

    found = log.events(event="delivered", begin=said(times[0], 0), end=said(middle, 1))
    stamps = [e["timestamp"] for e in found]
    assert stamps == sorted(stamps) and times[0] in stamps and middle in stamps
    assert form != "float" or len(stamps) == 7
    found = log.events(event="delivered", begin=said(middle, 1), end=said(times[0], 0))
    assert [e["timestamp"] for e in found] == stamps[::-1]


def test_a_limit_above_300_is_300(log):
    assert log.get(f"/v3/{log.domain.name}/events", params={"limit": 100000}).status_code == 200
    assert len(log.get(f"/v3/{log.domain.name}/events", params={"limit": 1, "pretty": "no"}).json()["items"]) == 1


@pytest.mark.parametrize("token", ["x", "A" * 3000, "%00", "e30=", "..%2f", "null"])
def test_a_token_that_we_did_not_make_is_refused(log, token):
    assert log.get(f"/v3/{log.domain.name}/events/{token}").status_code in (400, 404)


def test_a_token_of_one_domain_opens_no_other(log, ann, platform):
    link = log.get(f"/v3/{log.domain.name}/events", params={"limit": 1}).json()["paging"]["next"]
    token = link.rsplit("/", 1)[1]
    other = ann.get(f"/v3/{ann.domain.name}/events/{token}")
    assert other.status_code in (400, 404) or not [e for e in other.json()["items"] if e["domain"]["name"] == log.domain.name]
    assert Api(platform, platform.account().key).get(link).status_code in (400, 404)


def test_the_events_of_a_batch_name_its_people_one_by_one(log):
    event = log.events(event="accepted", recipient=log.people[4])[0]
    assert event["message"]["recipients"] == [log.people[4]] and event["method"].lower() == "http"
    assert event["envelope"]["targets"] == log.people[4] and event["envelope"]["transport"] in ("http", "smtp")
    assert event["flags"]["is-authenticated"] is True and event["api-key-id"]
    assert event["message"]["headers"] == {
        "message-id": log.ids[4].strip("<>"), "from": f"Ann <ann@{log.domain.name}>", "to": log.people[4],
        "subject": "Invoice number 4 is late",
    }  # fmt: skip


# Failures --------------------------------------------------------------------------------------


def failed(ann, address, severity="permanent", **more):
    mid = ann.send(ann.form(address, **more))
    return mid, ann.wait_event(mid, "failed", address, severity=severity)


def test_an_unknown_recipient_bounces_and_is_not_tried_again(ann, sink, somebody):
    sink.refuse(somebody, "550 5.1.1 no such user here", always=True)
    _, event = failed(ann, somebody)
    assert (event["reason"], event["log-level"]) == ("bounce", "error")
    status = event["delivery-status"]
    assert (status["code"], status["enhanced-code"], status["bounce-type"], status["attempt-no"]) == (550, "5.1.1", "hard", 1)
    assert "no such user here" in status["message"] + status["description"] and status["mx-host"] == "mx.rcpt.test"
    tries = sink.refused[somebody]
    mid, event = failed(ann, somebody.upper())
    status = event["delivery-status"]
    assert (status["code"], event["reason"]) == (605, "suppress-bounce")
    assert status["description"] == "Not delivering to previously bounced address" and status["message"] == ""
    assert (status["attempt-no"], status["session-seconds"]) == (1, 0)
    assert ann.events_of(mid, event="accepted") and sink.refused[somebody] == tries


def test_a_refusal_for_the_content_bounces_but_suppresses_nobody(ann, sink, somebody):
    sink.refuse(somebody, "554 5.7.1 looks like spam", stage="data")
    _, event = failed(ann, somebody)
    assert event["delivery-status"]["code"] == 554 and event["reason"] != "bounce"
    ann.send(ann.form(somebody))
    ann.got(somebody)


@pytest.mark.parametrize("reply,code,reason", [("450 4.2.0 greylisted, try later", 450, "greylisted"), ("421 4.3.2 busy", 421, "generic")])
def test_a_temporary_refusal_is_told_with_the_next_wait(ann, sink, somebody, reply, code, reason):
    sink.refuse(somebody, reply, always=True)
    _, event = failed(ann, somebody, "temporary")
    status = event["delivery-status"]
    assert (status["code"], event["log-level"], event["reason"]) == (code, "warn", reason)
    assert 500 <= status["retry-seconds"] <= 700 and isinstance(status["retry-seconds"], int)


@pytest.mark.parametrize(
    "where,severity,code",
    [("nowhere-at-all.test", None, None), ("null.test", "permanent", 556), ("closed.test", "temporary", 499),
     ("broken.test", "temporary", 498), ("nothing-but-text.test", "temporary", 498)],
)  # fmt: skip
def test_where_no_server_takes_mail_the_event_says_so(ann, where, severity, code):
    to = ann.somebody(where)
    mid = ann.send(ann.form(to))
    event = ann.wait_event(mid, "failed", to)
    if severity:
        assert (event["severity"], event["delivery-status"]["code"]) == (severity, code), event["delivery-status"]


def test_half_of_a_message_may_fail(ann, sink):
    good, bad = ann.somebody(), ann.somebody()
    sink.refuse(bad, "550 5.1.1 unknown", always=True)
    mid = ann.send(ann.form([good, bad]))
    ann.wait_event(mid, "delivered", good), ann.wait_event(mid, "failed", bad)
    assert len(sink.seen(good)) == 1
