"""Suppression lists through the official SDKs, and their effect on what is sent."""

import json

import pytest

from rig import canary, clients, parcel
from rig.clients import House


@pytest.fixture
def house(platform):
    account = platform.account()
    domain = platform.domain(account)
    return House(platform, domain, None)


def addresses(count: int) -> list[str]:
    return sorted(f"{canary.word()}+x@rcpt.test" for _ in range(count))


@pytest.mark.parametrize("fetch", [False, True])
def test_mailgun_js_keeps_the_lists(house, fetch):
    people = addresses(4)
    p = parcel.make(parcel.KINDS[0], house.domain.name)
    more = {"fetch": fetch, "addresses": people[:3], "another": people[3]}
    told = clients.node_script(house, "mailgun_js_suppressions.mjs", p, **more)
    many = {"bounces": "3 addresses", "unsubscribes": "3 addresses", "complaints": "3 complaint addresses"}
    for kind, said in many.items():
        one = told[kind]
        assert one["made"]["message"] == f"{said} have been added to the {kind} table", one
        assert one["seen"] == people, kind
        assert one["shown"]["address"] == people[0]
        assert one["removed"]["address"] == people[0] and one["removed"]["status"] == 200
        assert one["missing"] == 404 and one["left"] == 0, one
    assert (told["bounces"]["shown"]["code"], told["bounces"]["shown"]["error"]) == (552, "full")
    assert told["unsubscribes"]["shown"]["tags"] == ["news", "offers"]
    assert told["whitelists"]["allowed"]["value"] == "partner.test"
    assert told["whitelists"]["shown"]["reason"] == "friends"


def test_the_python_sdk_keeps_the_lists(house):
    from mailgun.client import Client

    client = Client(auth=("api", house.domain.account.key), api_url=house.platform.url)
    name = house.domain.name
    (one, two, three) = addresses(3)
    kinds = {"bounces": "bounce_address", "unsubscribes": "unsubscribe_address", "complaints": "complaint_address"}
    for kind, keyword in kinds.items():
        endpoint = getattr(client, kind)
        made = endpoint.create(data={"address": one}, domain=name)
        assert made.status_code == 200 and made.json()["address"] == one, made.text
        several = json.dumps([{"address": two}, {"address": three}])
        made = endpoint.create(data=several, domain=name, headers={"Content-type": "application/json"})
        assert made.status_code == 200 and made.json()["message"].startswith("2 "), made.text
        listed = endpoint.get(domain=name).json()
        assert [item["address"] for item in listed["items"]] == [one, two, three], kind
        shown = endpoint.get(domain=name, **{keyword: two})
        assert shown.status_code == 200 and shown.json()["address"] == two, shown.text
        removed = endpoint.delete(domain=name, **{keyword: two})
        assert removed.status_code == 200 and removed.json()["address"] == two, removed.text
        assert endpoint.get(domain=name, **{keyword: two}).status_code == 404
        assert endpoint.delete(domain=name).status_code == 200
        assert endpoint.get(domain=name).json()["items"] == []
    made = client.whitelists.create(data={"address": one, "reason": "friend"}, domain=name)
    assert made.json()["type"] == "address" and made.json()["value"] == one
    shown = client.whitelists.get(domain=name, whitelist_address=one).json()
    assert (shown["type"], shown["value"], shown["reason"]) == ("address", one, "friend")
    assert client.whitelists.delete(domain=name, whitelist_address=one).status_code == 200
