"""Domains, logins, tracking and keys through mailgun.js and the Python SDK, every method of each."""

import asyncio

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import owning
from owning import name
from rig import clients, parcel
from rig.clients import House


@pytest.fixture
def house(platform):
    return House(platform, platform.domain(platform.account()), None)


@pytest.fixture(scope="module")
def pem():
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()).decode()


@pytest.mark.parametrize("fetch", [False, True])
def test_mailgun_js(house, fetch, pem):
    from pathlib import Path

    script = Path(__file__).with_name("mailgun_js_domains.mjs")
    domain, word = name(), owning.password()
    p = parcel.make(parcel.KINDS[0], house.domain.name)
    told = clients.node_script(house, script, p, fetch=fetch, name=domain, password=word, pem=pem)
    failing = {"taken": 400, "missing": 404, "badPem": 400, "destroyMissing": 404, "loginMissing": 404, "gone": 404}
    wrong = {label: one for label, one in told.items() if isinstance(one, dict) and one.get("failed", False) and label not in failing}
    assert wrong == {}
    for label, status in failing.items():
        assert told[label].get("status") == status and told[label]["details"], (label, told[label])
    assert told["taken"]["details"] == "This domain name is already taken"
    assert "failed to parse PEM" in told["badPem"]["details"]
    made = told["create"]
    assert (made["name"], made["state"], made["type"], made["web_scheme"], made["spam_action"], made["wildcard"]) == (domain, "unverified", "custom", "https", "tag", True)
    assert told["isDate"] == "date" and made["smtp_password"] == word and made["smtp_login"] == f"postmaster@{domain}"
    assert made["receiving_dns_records"] and made["sending_dns_records"]
    assert [one["name"] for one in told["list"]] == [domain]
    assert told["get"]["sending_dns_records"] and told["get"]["id"] == made["id"] == told["extended"]["id"]
    assert (told["update"]["spam_action"], told["update"]["web_scheme"], told["update"]["wildcard"]) == ("disabled", "http", False)
    assert told["verify"]["state"] == "unverified"
    settings = told["connection"].get("connection", told["connection"])
    assert settings["require_tls"] is False and settings["skip_verification"] is False
    after = told["connectionAfter"].get("connection", told["connectionAfter"])
    assert told["updateConnection"]["require_tls"] is True and after == {"require_tls": True, "skip_verification": True}
    assert {"open", "click", "unsubscribe"} <= set(told["tracking"])
    assert told["open"]["open"] == {"active": True, "place_at_the_top": True} and told["click"]["click"]["active"] in (True, "htmlonly")
    assert told["unsubscribe"]["unsubscribe"]["html_footer"] == '<a href="%unsubscribe_url%">off</a>'
    assert told["webPrefix"]["body"]["message"] == "Domain web prefix updated" and told["selector"]["message"] == "DKIM selector changed"
    assert told["authority"]["changed"] is False and told["keys"]["items"]
    assert told["newKey"]["selector"] == "js2" and told["imported"]["selector"] == "js3"
    assert told["activate"]["active"] is True and told["deactivate"]["active"] is False
    assert {one["signing_domain"] for one in told["listAll"]["items"]} == {domain, house.domain.name}
    assert [one["selector"] for one in told["listAllOf"]["items"]] == ["js2"]
    assert told["destroyKey"]["message"] == "success"
    assert told["rotation"]["domain"]["rotation_enabled"].lower() == "true" and told["rotate"]["message"] == "ok"
    assert told["login"]["message"] == "Created 1 credentials pair(s)" == told["loginBob"]["message"]
    assert {f"ann@{domain}", f"bob@{domain}"} <= {one["login"] for one in told["logins"]["items"]}
    assert told["logins"]["totalCount"] == len(told["logins"]["items"])
    assert told["changed"]["message"] == "Password changed" and told["loginGone"]["spec"] == f"ann@{domain}"
    assert told["loginsGone"]["count"] >= 1 and told["destroy"]["message"] == "Domain will be deleted in the background"


def test_the_python_sdk(house, pem):
    from mailgun.client import Client

    client = Client(auth=("api", house.domain.account.key), api_url=house.platform.url)
    domain, word = name(), owning.password()

    def ok(answer, message=None):
        assert answer.status_code == 200, (answer.url, answer.status_code, answer.text)
        assert message is None or answer.json()["message"] == message, answer.text
        return answer.json()

    assert "Domain DNS records have been created" in ok(client.domains.create(data={"name": domain, "smtp_password": word, "wildcard": True}))["message"]
    assert client.domains.create(data={"name": domain}).status_code == 400
    assert {one["name"] for one in ok(client.domainlist.get())["items"]} == {domain, house.domain.name}
    assert ok(client.domains.get())["total_count"] == 2
    assert ok(client.domains.get(domain=domain))["domain"]["wildcard"] is True
    ok(client.domains.put(domain=domain, data={"name": domain, "spam_action": "disabled", "wildcard": False}), "Domain has been updated")
    assert ok(client.domains.get(domain_name=domain))["domain"]["wildcard"] is False
    ok(client.domains.put(domain=domain, verify=True), "Domain DNS records have been updated")
    assert "connection" in ok(client.domains_connection.get(domain=domain))
    ok(client.domains_connection.put(domain=domain, data={"require_tls": "true", "skip_verification": "false"}))
    assert "tracking" in ok(client.domains_tracking.get(domain=domain))
    for kind, data in (("open", {"active": "yes", "skip_verification": "false"}), ("click", {"active": "yes"}), ("unsubscribe", {"active": "yes", "html_footer": "\n<br>\n<p><a href=\"%unsubscribe_url%\">UnSuBsCrIbE</a></p>\n", "text_footer": "\n\nTo unsubscribe here click: <%unsubscribe_url%>\n\n"})):
        body = ok(getattr(client, f"domains_tracking_{kind}").put(domain=domain, data=data), "Domain tracking settings have been updated")
        assert body[kind]["active"] is True and all(body[kind].get(key, data[key]) == data[key] for key in data if key.endswith("footer"))
    assert "changed" in ok(client.domains_dkimauthority.put(domain=domain, data={"self": "true"}))
    ok(client.domains_dkimselector.put(domain=domain, data={"dkim_selector": "s"}), "DKIM selector changed")
    ok(client.domains_webprefix.put(domain=domain, data={"web_prefix": "python"}), "Domain web prefix updated")
    ok(client.domains_sendingqueues.get(domain=domain))
    assert ok(client.domains_keys.get(domain=domain))["items"]
    created = ok(client.dkim_keys.create(data={"signing_domain": domain, "selector": "smtp", "bits": "2048"}, files=[("pem", ("server.key", pem.encode()))]))
    assert created["selector"] == "smtp"
    again = client.dkim_keys.create(data={"signing_domain": domain, "selector": "smtp", "bits": "2048"})
    assert again.status_code == 400 and "failed to create domain key: duplicate key" in again.json()["message"]
    bad = client.dkim_keys.create(data={"signing_domain": domain, "selector": "bad", "bits": "2048"}, files=[("pem", ("server.key", b"no key"))])
    assert bad.status_code == 400 and "failed to import domain key: failed to parse PEM" in bad.json()["message"]
    body = ok(client.dkim_keys.get(data={"page": "", "limit": "10", "signing_domain": domain, "selector": "smtp"}))
    assert [one["selector"] for one in body["items"]] == ["smtp"] and "paging" in body
    assert ok(client.dkim_keys.get(filters={"signing_domain": domain}))["items"]
    # `domains_keys_activate` of SDK 1.10 builds a path that is nobody's.
    ok(client.dkim_keys.delete(filters={"signing_domain": domain, "selector": "smtp"}), "success")
    gone = client.dkim_keys.delete(filters={"signing_domain": domain, "selector": "smtp"})
    assert gone.status_code == 404 and "domain key not found" in gone.json()["message"]
    ok(client.dkim_management_rotation.put(domain=domain, data={"rotation_enabled": True, "rotation_interval": "5d"}))
    ok(client.dkim_management_rotate.create(domain=domain), "ok")
    ok(client.domains_credentials.create(domain=domain, data={"login": f"alice_bob@{domain}", "password": word}), "Created 1 credentials pair(s)")
    assert f"alice_bob@{domain}" in {one["login"] for one in ok(client.domains_credentials.get(domain=domain))["items"]}
    ok(client.domains_credentials.put(domain=domain, data={"password": word + "1"}, login=f"alice_bob@{domain}"), "Password changed")
    ok(client.domains_credentials.delete(domain=domain, login=f"alice_bob@{domain}"), "Credentials have been deleted")
    ok(client.domains_credentials.delete(domain=domain), "All domain credentials have been deleted")
    ok(client.domains.delete(domain=domain), "Domain will be deleted in the background")
    assert client.domains.get(domain=domain).status_code == 404


def test_the_python_sdk_without_waiting(house):
    from mailgun.client import AsyncClient

    domain = name()

    async def go():
        async with AsyncClient(auth=("api", house.domain.account.key), api_url=house.platform.url) as client:
            made = await client.domains.create(data={"name": domain})
            assert made.status_code == 200 and "Domain DNS records have been created" in made.json()["message"]
            assert (await client.domainlist.get()).json()["total_count"] == 2
            assert (await client.domains_credentials.create(domain=domain, data={"login": "a", "password": owning.password()})).status_code == 200
            assert (await client.domains.delete(domain=domain)).status_code == 200

    asyncio.run(go())
