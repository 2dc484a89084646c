"""Suppression lists by the bare API: every call, every field, pages, bad input, whose they are, what they stop."""

import json
import re
import urllib.parse

import pytest

import owning
from owning import RFC1123_UTC, Owner, good, refused
from rig import canary, waiting
from rig.api import Api, Sender

KINDS = ("bounces", "unsubscribes", "complaints")
ADDED = {kind: f"Address has been added to the {kind} table" for kind in KINDS}
REMOVED = {"bounces": "Bounced address has been removed", "unsubscribes": "Unsubscribe event has been removed", "complaints": "Spam complaint has been removed"}
CLEARED = {
    "bounces": "Bounced addresses for this domain have been removed", "unsubscribes": "Unsubscribe addresses for this domain have been removed",
    "complaints": "Complaint addresses for this domain have been removed", "whitelists": "Allowlist addresses/domains for this domain have been removed",
}  # fmt: skip
MISSING = {
    "bounces": "Address not found in bounces table", "unsubscribes": "Address not found in unsubscribers table",
    "complaints": "No spam complaints found for this address", "whitelists": "Address/Domain not found in allowlist table",
}  # fmt: skip


@pytest.fixture
def box(platform):
    """A fresh account with one active domain."""
    account = platform.account()
    return Sender(platform, platform.domain(account))


def somebody() -> str:
    return f"{canary.word()}@rcpt.test"


def at(box, kind: str, address: str | None = None) -> str:
    return f"/v3/{box.domain.name}/{kind}" + (f"/{urllib.parse.quote(address, safe='')}" if address else "")


def listed(box, kind: str, **query) -> list[dict]:
    return good(box.get(at(box, kind), params=query))["items"]


def everything(box) -> dict:
    return {kind: listed(box, kind) for kind in (*KINDS, "whitelists")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_of_an_entry(box, kind):
    address = somebody()
    body = good(box.post(at(box, kind), data={"address": address}))
    assert body == {"message": ADDED[kind], "address": address}
    entry = good(box.get(at(box, kind, address)))
    assert entry["address"] == address and RFC1123_UTC.fullmatch(entry["created_at"]), entry
    if kind == "bounces":
        assert (entry["code"], entry["error"]) == ("550", "")
    if kind == "unsubscribes":
        assert entry["tags"] == ["*"]
    assert listed(box, kind) == [entry]
    assert good(box.delete(at(box, kind, address))) == {"address": address, "message": REMOVED[kind]}
    assert refused(box.get(at(box, kind, address)), (404,)) == MISSING[kind]
    refused(box.delete(at(box, kind, address)), (404,))
    assert listed(box, kind) == []


@pytest.mark.parametrize("how", ["multipart", "json object", "json list", "json without a type", "query", "brackets"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_encoding(box, kind, how):
    address = somebody()
    fields = {"address": address, "created_at": "Sun, 26 Jan 2025 07:29:04 UTC", **({"code": "552", "error": "full"} if kind == "bounces" else {})}
    calls = {
        "multipart": {"files": {k: (None, v) for k, v in fields.items()}}, "json object": {"json": fields}, "json list": {"json": [fields]},
        "json without a type": {"data": json.dumps([fields]).encode()}, "query": {"params": fields}, "brackets": {"data": {f"{k}[0]": v for k, v in fields.items()}},
    }  # fmt: skip
    assert isinstance(good(box.post(at(box, kind), **calls[how]))["message"], str)
    entry = good(box.get(at(box, kind, address)))
    assert entry["created_at"] == "Sun, 26 Jan 2025 07:29:04 UTC"
    assert kind != "bounces" or (entry["code"], entry["error"]) == ("552", "full")


@pytest.mark.parametrize("given", ["Sun, 26 Jan 2025 07:29:04 GMT", "Sun, 26 Jan 2025 07:29:04 +0000", "Sun, 26 Jan 2025 08:29:04 +0100", "1737876544", "1737876544.5", "Mon, 3 Feb 2025 07:29:04 -0000"])
def test_dates_that_are_understood(box, given):
    address = somebody()
    good(box.post(at(box, "complaints"), data={"address": address, "created_at": given}))
    wanted = "Mon, 03 Feb 2025 07:29:04 UTC" if "Feb" in given else "Sun, 26 Jan 2025 07:29:04 UTC"
    assert good(box.get(at(box, "complaints", address)))["created_at"] == wanted


def test_a_second_time_replaces(box):
    address = somebody()
    good(box.post(at(box, "bounces"), data={"address": address, "code": "550", "error": "one"}))
    good(box.post(at(box, "bounces"), data={"address": address.upper(), "code": "552", "error": "two"}))
    [entry] = listed(box, "bounces")
    assert (entry["code"], entry["error"]) == ("552", "two") and entry["address"].lower() == address


def test_tags_come_and_go(box):
    address = somebody()
    path = at(box, "unsubscribes")
    good(box.post(path, data={"address": address, "tag": "news"}))
    assert good(box.get(at(box, "unsubscribes", address)))["tags"] == ["news"]
    good(box.post(path, data=[("address", address), ("tag", "offers"), ("tag", "news")]))
    good(box.post(path, data={"address": address, "tags": "third"}))
    assert sorted(good(box.get(at(box, "unsubscribes", address)))["tags"]) == ["news", "offers", "third"]
    assert refused(box.delete(at(box, "unsubscribes", address), params={"tag": "other"}), (404,)) == "Unsubscribe event for this tag does not exist"
    assert good(box.delete(at(box, "unsubscribes", address), params={"tag": "news"}))["message"] == REMOVED["unsubscribes"]
    assert good(box.delete(at(box, "unsubscribes", address), data={"tag": "third"}))["address"] == address
    assert good(box.get(at(box, "unsubscribes", address)))["tags"] == ["offers"]
    good(box.delete(at(box, "unsubscribes", address), params={"tag": "offers"}))
    assert refused(box.get(at(box, "unsubscribes", address)), (404,)) == MISSING["unsubscribes"]


def test_tags_in_bulk(box):
    people = sorted(somebody() for _ in range(3))
    body = [{"address": people[0], "tags": ["a", "b"]}, {"address": people[1], "tag": "c"}, {"address": people[2]}]
    assert good(box.post(at(box, "unsubscribes"), json=body))["message"] == "3 addresses have been added to the unsubscribes table"
    assert [sorted(one["tags"]) for one in listed(box, "unsubscribes")] == [["a", "b"], ["c"], ["*"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_at_once_and_not_one_more(box, kind):
    people = [f"{canary.word(8)}{number}@rcpt.test" for number in range(1001)]
    batch = [{"address": one} for one in people]
    assert refused(box.post(at(box, kind), json=batch)) == "Batch size should be less than 1000"
    assert listed(box, kind) == []
    noun = "complaint addresses" if kind == "complaints" else "addresses"
    assert good(box.post(at(box, kind), json=batch[:1000]))["message"] == f"1000 {noun} have been added to the {kind} table"
    found = listed(box, kind, limit=1000)
    assert [one["address"] for one in found] == sorted(people[:1000])
    assert len(listed(box, kind)) == 100


WRONG = [None, "", 5, [], {}, "no-at", "a@", "@b", "a b@c.test", "a@b@c", "a@b.test\r\nX: y", "x" * 400 + "@b.test", "<a@b.test>,", "a@b..test"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_wrong_entry_and_none_is_added(box, kind):
    wrong = []
    for bad in WRONG:
        for place in (0, 1, 2):
            batch = [{"address": somebody()}, {"address": somebody()}]
            batch.insert(place, {"address": bad})
            answer = box.post(at(box, kind), json=batch)
            if answer.status_code != 400 or not answer.json()["message"]:
                wrong.append((str(bad)[:20], place, answer.status_code, answer.text[:150]))
    for bad in ([5], ["a@b.test"], [None], [[]], [{}], "text", 5):
        answer = box.post(at(box, kind), data=json.dumps(bad), headers={"Content-Type": "application/json"})
        if answer.status_code != 400:
            wrong.append((str(bad), answer.status_code, answer.text[:150]))
    for raw in (b"[", b"[{]", b'[{"address":"a@b.test"}', b"\xff\xfe", b""):
        answer = box.post(at(box, kind), data=raw, headers={"Content-Type": "application/json"})
        if answer.status_code != 400:
            wrong.append((raw, answer.status_code, answer.text[:150]))
    assert wrong == [] and listed(box, kind) == []


BAD = {
    "bounces": [("address", one) for one in WRONG if isinstance(one, str)] + [("code", "x"), ("code", "-1"), ("code", "99999"), ("code", "550 no"), ("created_at", "yesterday"), ("created_at", "-5"), ("created_at", "9" * 30), ("error", "x" * 200_000)],
    "unsubscribes": [("address", "a b"), ("created_at", "x"), ("tag", "x" * 129), ("tag", "ü" * 20), ("tag", "a\r\nb")],
    "complaints": [("address", "a b"), ("created_at", "x")],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_bad_forms(box, kind):
    wrong = []
    for field, value in BAD[kind]:
        answer = box.post(at(box, kind), data={"address": somebody(), field: value})
        if answer.status_code != 400 or not answer.json().get("message"):
            wrong.append((field, value[:20], answer.status_code, answer.text[:150]))
    refused(box.post(at(box, kind), data={"error": "x"}))
    assert wrong == [] and listed(box, kind) == []


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "-1"}, {"limit": "1.5"}, {"page": "sideways"}], ids=str)
def test_bad_pages(box, query):
    refused(box.get(at(box, "bounces"), params=query))


def test_a_page_larger_than_the_largest(box):
    answer = box.get(at(box, "bounces"), params={"limit": 1001})
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("kind", [*KINDS, "whitelists"])
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages(box, kind, limit):
    key = "value" if kind == "whitelists" else "address"
    people = sorted(somebody() for _ in range(7))
    for one in people:
        good(box.post(at(box, kind), data={"address": one}))
    body = good(box.get(at(box, kind), params={"limit": limit}))
    first, seen, pages = body, [], []
    while body["items"] and len(pages) < 20:
        links = body["paging"]
        assert set(links) == {"first", "last", "next", "previous"}
        for link in links.values():
            url = urllib.parse.urlsplit(link)
            assert url.scheme and url.netloc and urllib.parse.parse_qs(url.query) and re.fullmatch(rf"/v3/{re.escape(box.domain.name)}/{kind}", url.path), link
            assert urllib.parse.parse_qs(url.query)["limit"] == [str(limit)]
        assert urllib.parse.parse_qs(urllib.parse.urlsplit(links["next"]).query)["address"] == [body["items"][-1][key]]
        assert len(body["items"]) <= limit
        pages.append([one[key] for one in body["items"]])
        body = good(box.get(links["next"]))
    assert [one for page in pages for one in page] == people
    assert set(body["paging"]) == {"first", "last", "next", "previous"}
    if len(pages) > 1:
        second = good(box.get(first["paging"]["next"]))
        assert good(box.get(second["paging"]["previous"]))["items"] == first["items"]
        assert good(box.get(second["paging"]["previous"].replace("page=previous", "page=prev")))["items"] == first["items"]
    assert good(box.get(first["paging"]["first"]))["items"] == first["items"]
    last = [one[key] for one in good(box.get(first["paging"]["last"]))["items"]]
    assert last and last == people[-len(last) :]
    assert good(box.get(first["paging"]["previous"]))["items"] == []
    assert [one[key] for one in listed(box, kind, term=people[3][:9])] == [people[3]]
    assert [one[key] for one in listed(box, kind, term=people[3][:9].upper())] == [people[3]]
    assert listed(box, kind, term="%") == [] == listed(box, kind, term="_")


@pytest.mark.parametrize("local", ["a+b", "a%b", "o'brien", "a/b", "a.b", "ä", "a=b", "a&b", "a?b", "a#b", "{a}", '"a b"'])
def test_addresses_of_every_kind_are_found_in_paths(box, local):
    address = f"{local}.{canary.word()}@rcpt.test" if '"' not in local else f"{local}@{canary.word()}.rcpt.test"
    answer = box.post(at(box, "bounces"), json=[{"address": address}])
    if answer.status_code == 400 and ('"' in local or local == "ä"):
        return
    good(answer)
    assert good(box.get(at(box, "bounces", address)))["address"] == address
    if "+" in local:
        raw = box.platform.url + f"/v3/{box.domain.name}/bounces/{address}"
        assert good(box.get(raw))["address"] == address, "a bare plus in a path is a plus"
    assert good(box.delete(at(box, "bounces", address)))["address"] == address


@pytest.mark.parametrize("path", ["whitelists", "allowlists"])
def test_the_allowlist(box, path):
    address = somebody()
    body = good(box.post(at(box, path), data={"address": address, "reason": "friend"}))
    assert body == {"message": "Address/Domain has been added to the allowlists table", "type": "address", "value": address}
    body = good(box.post(at(box, path), data={"domain": "partner.test"}))
    assert (body["type"], body["value"]) == ("domain", "partner.test")
    entry = good(box.get(at(box, path, address)))
    assert (entry["type"], entry["value"], entry["reason"]) == ("address", address, "friend") and RFC1123_UTC.fullmatch(entry["createdAt"])
    body = good(box.post(at(box, path), data={"address": (second := somebody()), "domain": "loser.test"}))
    assert (body["type"], body["value"]) == ("address", second), "the address wins"
    assert {one["value"] for one in listed(box, path)} == {address, second, "partner.test"}
    assert refused(box.post(at(box, path), data={"reason": "x"})) == "Missing mandatory parameter: address/domain"
    for bad in ({"address": "a b"}, {"domain": "no domain"}, {"domain": "a@b.test"}, {"domain": ""}, {"address": ""}, {"domain": "x" * 300}):
        refused(box.post(at(box, path), data=bad))
    assert good(box.delete(at(box, path, "partner.test"))) == {"message": "Allowlist address/domain has been removed", "value": "partner.test"}
    assert refused(box.get(at(box, path, "partner.test")), (404,)) == MISSING["whitelists"]
    assert refused(box.delete(at(box, path, "partner.test")), (404,))
    assert good(box.delete(at(box, path)))["message"] == CLEARED["whitelists"]
    assert listed(box, path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_cleared_list_is_empty_and_the_others_stay(box, kind):
    for one in KINDS:
        good(box.post(at(box, one), json=[{"address": somebody()}, {"address": somebody()}]))
    assert good(box.delete(at(box, kind))) == {"message": CLEARED[kind]}
    assert {one: len(listed(box, one)) for one in KINDS} == {one: 0 if one == kind else 2 for one in KINDS}


def test_unknown_domains(box):
    for kind in (*KINDS, "whitelists"):
        for method, more in (("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/a@b.test"), ("DELETE", "/a@b.test")):
            answer = box.call(method, f"/v3/{owning.name()}/{kind}{more}", data={"address": "a@b.test"} if method == "POST" else None)
            assert answer.status_code == 404 and "domain not found" in answer.json()["message"].lower(), (kind, method, answer.text)


def test_another_account_sees_and_changes_nothing(platform, box):
    people = {kind: somebody() for kind in (*KINDS, "whitelists")}
    for kind, address in people.items():
        good(box.post(at(box, kind), data={"address": address}))
    before = everything(box)
    other = Owner(platform, platform.account())
    sending = Api(platform, platform.sending_key(box.domain))
    wrong = []
    for kind, address in people.items():
        calls = [("GET", at(box, kind), {}), ("GET", at(box, kind, address), {}), ("POST", at(box, kind), {"data": {"address": somebody()}}), ("POST", at(box, kind), {"json": [{"address": somebody()}]}),
                 ("DELETE", at(box, kind, address), {}), ("DELETE", at(box, kind), {})]  # fmt: skip
        for method, path, arguments in calls:
            for who, caller, allowed in (("other", other, (401, 404)), ("sending", sending, (401, 403)), ("nobody", Api(platform, None), (401,))):
                answer = caller.call(method, path, **arguments)
                if answer.status_code not in allowed or address in answer.text:
                    wrong.append((who, method, path, answer.status_code, answer.text[:100]))
    assert wrong == [] and everything(box) == before


def test_the_lists_of_two_domains_are_apart(platform, box):
    second = Sender(platform, platform.domain(box.domain.account))
    address = somebody()
    good(box.post(at(box, "bounces"), data={"address": address}))
    assert listed(second, "bounces") == []
    refused(second.get(at(second, "bounces", address)), (404,))


# What they stop --------------------------------------------------------------------------------


def mail(box, to, **more) -> str:
    return box.send([("from", f"a@{box.domain.name}"), ("to", to), ("subject", "s"), ("text", "t"), *more.items()])


@pytest.mark.parametrize(
    "kind,code,reason", [("bounces", 605, "suppress-bounce"), ("unsubscribes", 606, "suppress-unsubscribe"), ("complaints", 607, "suppress-complaint")]
)  # fmt: skip
def test_who_is_listed_gets_nothing_until_taken_off(box, sink, kind, code, reason):
    address, free = somebody(), somebody()
    good(box.post(at(box, kind), data={"address": address.upper() if kind == "bounces" else address}))
    mid = box.send([("from", f"a@{box.domain.name}"), ("to", address), ("to", free), ("subject", "s"), ("text", "t")])
    event = box.wait_event(mid, "failed", address)
    status = event["delivery-status"]
    assert (event["severity"], event["reason"], status["code"], status["attempt-no"], status["session-seconds"], status["message"]) == ("permanent", reason, code, 1, 0, "")
    assert status["description"] and box.events_of(mid, event="accepted")
    sink.wait(free)
    assert sink.seen(address) == []
    good(box.delete(at(box, kind, address)))
    mail(box, address)
    sink.wait(address)


def test_an_unsubscription_of_a_tag_stops_that_tag_alone(box, sink):
    address = somebody()
    good(box.post(at(box, "unsubscribes"), data={"address": address, "tag": "news"}))
    mid = mail(box, address, **{"o:tag": "News"})
    assert box.wait_event(mid, "failed", address)["delivery-status"]["code"] == 606
    mail(box, address, **{"o:tag": "bills"})
    mail(box, address)
    sink.wait(address, 2)
    assert len(sink.seen(address)) == 2


@pytest.mark.parametrize("by", ["address", "domain"])
def test_the_allowed_never_come_on_the_bounce_list(box, sink, by):
    address = somebody()
    good(box.post(at(box, "whitelists"), data={by: address if by == "address" else "rcpt.test"}))
    sink.refuse(address, "550 5.1.1 no such user", always=True)
    for _ in range(2):
        mid = mail(box, address)
        assert box.wait_event(mid, "failed", address)["delivery-status"]["code"] == 550
    assert listed(box, "bounces") == []
    good(box.delete(at(box, "whitelists")))
    mid = mail(box, address)
    box.wait_event(mid, "failed", address)
    [entry] = waiting.until(lambda: listed(box, "bounces"), "the bounce")
    assert (entry["address"], entry["code"]) == (address, "550") and "no such user" in entry["error"]
    mid = mail(box, address)
    assert box.wait_event(mid, "failed", address)["delivery-status"]["code"] == 605


def test_who_is_listed_while_mail_waits_gets_nothing(box, sink):
    import time

    address, marker = somebody(), somebody()
    due = str(int(time.time()) + 4)
    mid = mail(box, address, **{"o:deliverytime": due})
    good(box.post(at(box, "complaints"), data={"address": address}))
    mail(box, marker, **{"o:deliverytime": due})
    sink.wait(marker)
    assert box.wait_event(mid, "failed", address)["delivery-status"]["code"] == 607 and sink.seen(address) == []
