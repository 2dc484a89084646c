"""Verification by real look-ups, DKIM keys, selectors, authority, rotation; what leaves is checked with dkimpy."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import owning
from owning import ADDRESS, Owner, good, name, organisation, publish, records, refused, signed_by, sort_of, withdraw
from rig import canary, waiting
from rig.platform import HOSTNAME


@pytest.fixture
def owner(platform):
    return Owner(platform, platform.account())


@pytest.fixture(autouse=True, scope="module")
def here(zone):
    """Where this server is, as its operator would publish it."""
    if HOSTNAME not in zone._names:
        zone.host(HOSTNAME, ADDRESS)


@pytest.fixture
def made(owner):
    return owner.make()


def validity(answer: dict, kind: str) -> set[str]:
    return {one["valid"] for one in records(answer, kind)}


def problem(answer: dict, kind: str) -> str:
    """The plain words for the record that is wrong."""
    told = [one.get("problem") for one in records(answer, kind) if one["valid"] != "valid"]
    assert told and all(isinstance(one, str) and " " in one for one in told), records(answer, kind)
    return " ".join(told)


def somebody() -> str:
    return f"{canary.word()}@rcpt.test"


def pem_of(key, form="TraditionalOpenSSL") -> str:
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), serialization.NoEncryption()).decode()


def public_of(key) -> str:
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


# Verification ----------------------------------------------------------------------------------


def test_nothing_published(made):
    body = made.verify()
    assert body["message"] == "Domain DNS records have been updated" and body["domain"]["state"] == "unverified"
    for kind in ("dkim", "spf", "tracking", "mx"):
        assert "valid" not in validity(body, kind), kind
    assert made.name in problem(body, "spf") and "publish" in problem(body, "spf").lower()
    for one in records(body):
        assert one["valid"] == "valid" or one.get("problem"), one
    for one in records(body, "dkim"):
        assert one["name"] in one["problem"], one["problem"]
        assert not one["is_active"] and one["cached"] == []


def test_sending_is_refused_before_and_works_after(made, zone, sink):
    answer = made.try_send(somebody())
    assert answer.status_code == 403 and answer.json()["message"]
    publish(zone, made.answer, made.name)
    assert made.try_send(somebody()).status_code == 403, "publishing alone is not enough"
    body = made.verify("v3")
    assert body["domain"]["state"] == "active" == made.get()["domain"]["state"]
    for kind in ("dkim", "spf", "tracking", "mx"):
        assert validity(body, kind) == {"valid"}, records(body, kind)
    assert all("problem" not in one for one in records(body) if one["valid"] == "valid")
    assert any(one["is_active"] for one in records(body, "dkim"))
    to = somebody()
    made.send(to)
    [one] = sink.wait(to)
    found = signed_by(one.raw, zone)
    assert "rsa-sha256" in {algorithm for algorithm, _, _ in found} and {domain for _, domain, _ in found} == {made.name}
    assert f"{found[0][2]}._domainkey.{made.name}" in {r["name"] for r in records(body, "dkim")}
    assert one.sender.split("@")[1].endswith(made.name)


@pytest.mark.parametrize("kinds,state", [({"spf"}, "unverified"), ({"dkim"}, "unverified"), ({"tracking", "mx"}, "unverified"), ({"spf", "dkim"}, "active")])
def test_spf_and_dkim_are_what_it_takes(made, zone, kinds, state):
    publish(zone, made.answer, made.name, only=kinds)
    body = made.verify()
    assert body["domain"]["state"] == state
    for kind in ("spf", "dkim"):
        assert (validity(body, kind) == {"valid"}) is (kind in kinds), records(body, kind)


def test_one_key_is_enough(made, zone, sink):
    """With only the RSA key in the DNS, nothing is signed with a key nobody can look up."""
    rsa_record = next(one for one in records(made.answer, "dkim") if "k=rsa" in one["value"])
    zone.txt(rsa_record["name"], rsa_record["value"])
    publish(zone, made.answer, made.name, only={"spf"})
    assert made.verify()["domain"]["state"] == "active"
    to = somebody()
    made.send(to)
    [one] = sink.wait(to)
    assert signed_by(one.raw, zone)


def spf_value(made) -> tuple[str, str]:
    """The record, and the part of it that lets this server in."""
    [record] = records(made.answer, "spf")
    return record["value"], record["value"].split()[1]


SPF = {
    "exact": ("{v}", True), "fail instead of softfail": ("v=spf1 {m} -all", True), "among others": ("v=spf1 a mx {m} ip4:192.0.2.1 ?all", True),
    "capitals": ("V=SPF1 {M} ~ALL", True), "qualified": ("v=spf1 +{m} ~all", True), "indirect": ("v=spf1 include:{other} -all", True), "redirect": ("v=spf1 redirect={other}", True),
    "address": ("v=spf1 ip4:{ip} -all", True), "network": ("v=spf1 ip4:192.0.2.0/24 -all", True), "address of another": ("v=spf1 ip4:192.0.2.78 -all", False),
    "without us": ("v=spf1 -all", False), "others only": ("v=spf1 ip4:192.0.2.1 -all", False), "denied": ("v=spf1 -{m} ~all", False), "after all": ("v=spf1 -all {m}", False),
    "soft": ("v=spf1 ~all", False), "neutral": ("v=spf1 ?all", False), "not spf": ("hello", False), "version": ("v=spf10 {m} ~all", False), "wrong host": ("v=spf1 a:elsewhere.test ~all", False),
    "broken": ("v=spf1 include: ~all", False), "broken before us": ("v=spf1 ip4:1.2.3 {m} -all", False), "loop": ("v=spf1 include:{self} -all", False), "include of nothing": ("v=spf1 include:nothing.there.test {m} -all", False),
}  # fmt: skip


@pytest.mark.parametrize("case", SPF)
def test_spf_records(made, zone, case):
    text, right = SPF[case]
    value, ours = spf_value(made)
    other = name("spf")
    zone.txt(other, f"v=spf1 {ours} -all")
    zone.txt(made.name, text.format(v=value, m=ours, M=ours.upper(), other=other, self=made.name, ip=ADDRESS))
    publish(zone, made.answer, made.name, only={"dkim"})
    body = made.verify()
    [record] = records(body, "spf")
    assert (record["valid"] == "valid") is right, (case, record)
    assert body["domain"]["state"] == ("active" if right else "unverified")
    if not right:
        assert len(record["problem"]) > 20 and (made.name in record["problem"] or ours in record["problem"]), record


def test_two_spf_records_are_none(made, zone):
    value, _ = spf_value(made)
    zone.txt(made.name, "some-verification=abc")
    zone.txt(made.name, value)
    publish(zone, made.answer, made.name, only={"dkim"})
    assert made.verify()["domain"]["state"] == "active", "another text does no harm"
    zone.txt(made.name, "v=spf1 a -all")
    body = waiting.until(lambda: (got := made.verify()) and validity(got, "spf") != {"valid"} and got, "both are seen", pause=0.5)
    said = problem(body, "spf").lower()
    assert "one" in said or "two" in said or "more than" in said or "several" in said, said


DKIM = {
    "spaces and tags": lambda r: r["value"].replace("k=rsa; p=", "v=DKIM1; h=sha256; k=rsa;  p="), "no k": lambda r: "p=" + r["value"].split("p=")[1],
    "another key": lambda r: r["value"].replace(r["value"].split("p=")[1][60:64], "AAAA"), "revoked": lambda r: "k=rsa; p=", "cut": lambda r: r["value"][:120],
    "not a key": lambda r: "v=spf1 -all", "wrong kind": lambda r: r["value"].replace("k=rsa", "k=ed25519"), "sha1 only": lambda r: "h=sha1; " + r["value"],
}  # fmt: skip


@pytest.mark.parametrize("case", DKIM)
def test_dkim_records(made, zone, case):
    publish(zone, made.answer, made.name, only={"spf"})
    [record] = [one for one in records(made.answer, "dkim") if "k=rsa" in one["value"]]
    zone.txt(record["name"], DKIM[case](record))
    body = made.verify()
    right = case in ("spaces and tags", "no k")
    [seen] = [one for one in records(body, "dkim") if one["name"] == record["name"]]
    assert (seen["valid"] == "valid") is right, seen
    assert body["domain"]["state"] == ("active" if right else "unverified")
    if not right:
        assert seen["valid"] == "invalid" and record["name"] in seen["problem"], seen
        assert made.try_send(somebody()).status_code == 403


def test_what_is_seen_is_told(made, zone):
    zone.txt(made.name, "v=spf1 ip4:192.0.2.9 -all")
    [spf] = records(made.verify(), "spf")
    assert any("192.0.2.9" in one for one in spf["cached"]) or "192.0.2.9" in spf["problem"], spf


def test_mail_servers_elsewhere(made, zone):
    zone.mx(made.name, "mx.elsewhere.test", 10)
    publish(zone, made.answer, made.name, only={"dkim", "spf"})
    body = made.verify()
    assert body["domain"]["state"] == "active", "MX decides nothing about sending"
    assert "valid" not in validity(body, "mx") and "mx.elsewhere.test" in problem(body, "mx") + str([one["cached"] for one in records(body, "mx")])
    null = made.owner.make()
    zone.mx(null.name, ".", 0)
    assert "valid" not in validity(null.verify(), "mx")


def test_the_tracking_host(made, zone):
    [link] = records(made.answer, "tracking")
    assert "valid" not in validity(made.verify(), "tracking") and link["name"] in problem(made.verify(), "tracking")
    wrong = made.owner.make()
    at = records(wrong.answer, "tracking")[0]["name"]
    owning.cname(zone, at, "elsewhere.test")
    body = wrong.verify()
    assert validity(body, "tracking") == {"invalid"} and link["value"] in problem(body, "tracking")
    right = made.owner.make()
    publish(zone, right.answer, right.name, only={"tracking"})
    assert validity(right.verify(), "tracking") == {"valid"}
    address = made.owner.make()
    zone.host(records(address.answer, "tracking")[0]["name"], "203.0.113.5")
    body = address.verify()
    assert "valid" not in validity(body, "tracking") and problem(body, "tracking")


def test_dmarc_at_the_domain_or_the_organisation(owner, zone):
    bare = owner.make()
    told = records(bare.verify(), "dmarc")
    assert told and told[0]["valid"] != "valid" and "_dmarc." in told[0]["problem"], "the answer names DMARC"
    zone.txt(f"_dmarc.{bare.name}", "v=DMARC1; p=none")
    own = owner.make()
    zone.txt(f"_dmarc.{own.name}", "v=DMARC1; p=reject; rua=mailto:d@x.test")
    assert validity(own.verify(), "dmarc") == {"valid"}
    below = owner.make()
    zone.txt(f"_dmarc.{organisation(below.name)}", "v=DMARC1; p=quarantine")
    assert validity(below.verify(), "dmarc") == {"valid"}
    for text in ("p=none", "v=DMARC2; p=none", "v=spf1 -all"):
        bad = owner.make()
        zone.txt(f"_dmarc.{bad.name}", text)
        publish(zone, bad.answer, bad.name, only={"spf", "dkim"})
        body = bad.verify()
        assert "valid" not in validity(body, "dmarc"), (text, records(body, "dmarc"))
        assert body["domain"]["state"] == "active", "DMARC decides nothing"
    two = owner.make()
    zone.txt(f"_dmarc.{two.name}", "v=DMARC1; p=none")
    zone.txt(f"_dmarc.{two.name}", "v=DMARC1; p=reject")
    assert "valid" not in validity(two.verify(), "dmarc")


def test_a_broken_nameserver_is_said_and_takes_nothing_away(owner, zone):
    made = owning.active(owner, zone)
    zone.fail(made.name)
    body = made.verify()
    [spf] = records(body, "spf")
    assert body["domain"]["state"] == "active" and made.try_send(somebody()).status_code == 200
    assert spf["valid"] in ("unknown", "valid"), spf
    other = owner.make()
    zone.fail(other.name)
    body = other.verify()
    assert body["domain"]["state"] == "unverified" and problem(body, "spf")


def test_the_state_after_records_went(owner, zone, sink):
    """Records that go are told; whatever the state, nothing leaves that cannot be verified."""
    made = owning.active(owner, zone)
    withdraw(zone, made.name)
    body = waiting.until(lambda: (got := made.verify()) and "valid" not in validity(got, "spf") and got, "the missing SPF is seen", pause=0.5)
    assert made.name in problem(body, "spf")
    assert body["domain"]["state"] in ("active", "unverified")
    assert made.try_send(somebody()).status_code == (200 if body["domain"]["state"] == "active" else 403)
    publish(zone, made.answer, made.name, only={"spf", "mx"})
    waiting.until(lambda: made.verify()["domain"]["state"] == "active" and validity(made.get(), "spf") == {"valid"}, "it is seen again", pause=0.5)


# Return path -----------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["rp.{d}", "rp"])
def test_the_return_path_below_the_domain(owner, zone, sink, spelled):
    made = owning.active(owner, zone)
    answer = owner.put(f"/v4/domains/{made.name}", data={"mailfrom_host": spelled.format(d=made.name)})
    if spelled == "rp" and answer.status_code == 400:
        return
    body = good(answer)
    told = made.get(**{"h:extended": "true"})
    assert told["domain"]["mailfrom_host"] == f"rp.{made.name}", told["domain"]
    missing = [one for one in records(body) if one.get("name") == f"rp.{made.name}"]
    assert missing, "its records are told"
    publish(zone, {"sending_dns_records": missing, "receiving_dns_records": []}, made.name)
    body = made.verify()
    assert body["domain"]["state"] == "active" and {one["valid"] for one in records(body) if one.get("name") == f"rp.{made.name}"} == {"valid"}
    to = somebody()
    made.send(to)
    [one] = sink.wait(to)
    assert one.sender.endswith(f"@rp.{made.name}") and signed_by(one.raw, zone)


# Keys ------------------------------------------------------------------------------------------


def check_key(item: dict) -> None:
    assert {"signing_domain", "selector", "dns_record"} <= set(item), item
    record = item["dns_record"]
    assert record["record_type"] == "TXT" and record["name"] == f"{item['selector']}._domainkey.{item['signing_domain']}"
    assert isinstance(record["is_active"], bool) and isinstance(record["cached"], list) and record["valid"].lower() in ("valid", "unknown", "invalid")
    assert "p=" in record["value"]


def add(made, selector: str, **more):
    return made.owner.post("/v1/dkim/keys", data={"signing_domain": made.name, "selector": selector, **more})


def selectors(made) -> list[str]:
    return [one["selector"] for one in made.keys()]


def sender_of(made, zone, sink) -> set[str]:
    """Selectors that a message sent now is signed with, RSA ones."""
    to = somebody()
    made.send(to)
    [one] = sink.wait(to)
    found = signed_by(one.raw, zone)
    assert found, "unsigned"
    return {selector for _, _, selector in found}


def test_keys_are_listed(made):
    items = made.keys()
    assert items
    for one in items:
        check_key(one)
    assert {one["dns_record"]["value"] for one in items} == {one["value"] for one in records(made.answer, "dkim")}
    body = good(made.owner.get("/v1/dkim/keys"))
    assert [one["selector"] for one in body["items"]] == [one["selector"] for one in items]
    assert set(body["paging"]) == {"first", "last", "next", "previous"} and all(url.startswith("http") for url in body["paging"].values())
    assert "PRIVATE" not in made.owner.get("/v1/dkim/keys").text


def test_a_key_is_made_signs_only_when_activated_and_goes(owner, zone, sink):
    made = owning.active(owner, zone)
    before = sender_of(made, zone, sink)
    item = good(add(made, "fresh", bits="2048"))
    check_key(item)
    assert (item["signing_domain"], item["selector"]) == (made.name, "fresh") and item["dns_record"]["is_active"] is False
    assert "fresh" in selectors(made) and sender_of(made, zone, sink) == before
    zone.txt(item["dns_record"]["name"], item["dns_record"]["value"])
    assert sender_of(made, zone, sink) == before
    body = good(owner.put(f"/v4/domains/{made.name}/keys/fresh/activate"))
    assert body == {"message": "domain key activated", "authority": made.name, "selector": "fresh", "active": True}
    assert "fresh" in sender_of(made, zone, sink)
    body = good(owner.put(f"/v4/domains/{made.name}/keys/fresh/deactivate"))
    assert body == {"message": "domain key deactivated", "authority": made.name, "selector": "fresh", "active": False}
    assert "fresh" not in sender_of(made, zone, sink)
    query = {"signing_domain": made.name, "selector": "fresh"}
    assert good(owner.delete("/v1/dkim/keys", params=query)) == {"message": "success"}
    assert "fresh" not in selectors(made)
    assert refused(owner.delete("/v1/dkim/keys", params=query), (404,)) == "domain key not found"
    for what in ("activate", "deactivate"):
        assert refused(owner.put(f"/v4/domains/{made.name}/keys/fresh/{what}"), (404,)) == "domain key not found"


def test_an_unpublished_key_that_is_activated_never_signs_what_cannot_be_checked(owner, zone, sink):
    made = owning.active(owner, zone)
    good(add(made, "dark"))
    owner.put(f"/v4/domains/{made.name}/keys/dark/activate")
    assert sender_of(made, zone, sink), "every signature verifies"


@pytest.mark.parametrize("how", ["file", "string", "openssl", "urlencoded", "json"])
def test_a_key_of_ones_own(owner, zone, sink, how, rsa_key, tmp_path):
    import subprocess

    made = owning.active(owner, zone)
    if how == "openssl":
        file = tmp_path / "key.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(file), "2048"], check=True, capture_output=True)
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        pem = file.read_text()
    else:
        key, pem = rsa_key, pem_of(rsa_key)
    fields = {"signing_domain": made.name, "selector": "own"}
    calls = {
        "file": {"data": fields, "files": {"pem": ("server.key", pem)}}, "openssl": {"data": fields, "files": {"pem": ("server.key", pem)}},
        "string": {"files": {k: (None, v) for k, v in {**fields, "pem": pem}.items()}}, "urlencoded": {"data": {**fields, "pem": pem}}, "json": {"json": {**fields, "pem": pem}},
    }  # fmt: skip
    item = good(owner.post("/v1/dkim/keys", **calls[how]))
    check_key(item)
    assert item["dns_record"]["value"].split("p=")[1].split(";")[0].strip() == public_of(key)
    zone.txt(item["dns_record"]["name"], item["dns_record"]["value"])
    good(owner.put(f"/v4/domains/{made.name}/keys/own/activate"))
    assert "own" in sender_of(made, zone, sink)


def bad_pems(rsa_key) -> dict[str, str]:
    good_one = pem_of(rsa_key)
    return {
        "text": "nonsense", "header only": "-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----", "cut": good_one[:500],
        "public": rsa_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode(),
        "elliptic": pem_of(ec.generate_private_key(ec.SECP256R1())), "flipped": good_one.replace(good_one[300:304], "!!!!"), "two lines lost": "\n".join(good_one.split("\n")[:3] + good_one.split("\n")[5:]),
        "encrypted": rsa_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"pw")).decode(),
    }  # fmt: skip


def test_pems_that_are_no_keys(made, rsa_key):
    before = made.state()
    for label, pem in bad_pems(rsa_key).items():
        message = refused(add(made, "bad", pem=pem))
        assert "failed to import domain key" in message, (label, message)
        assert label not in ("text", "header only", "cut", "flipped") or "failed to import domain key: failed to parse PEM" in message, (label, message)
        assert "BEGIN" not in message
    assert made.state() == before


def test_a_pem_of_the_newer_form(made, rsa_key):
    """PKCS#8, what `openssl genrsa` prints today: taken or refused in words."""
    answer = add(made, "eight", pem=pem_of(rsa_key, "PKCS8"))
    assert answer.status_code == 200 or "failed to import domain key" in refused(answer)


BAD_SELECTORS = ["", " ", "a b", "-a", "a-", "a..b", ".", "x" * 64, "a;b", "a\nb", "a\0b", "ä", "a/b", "*", "a@b", "a=b"]


def test_bad_keys_make_nothing(made, owner):
    before = made.state()
    wrong = []
    for bad in BAD_SELECTORS:
        for answer in (add(made, bad), made.owner.put(made.path + "/dkim_selector", data={"dkim_selector": bad})):
            if answer.status_code != 400 or not answer.json().get("message"):
                wrong.append((answer.request.method, bad[:20], answer.status_code, answer.text[:150]))
    for bits in ("512", "x", "-1", "0", "1025", "4097"):
        answer = add(made, "ok", bits=bits)
        if answer.status_code != 400:
            wrong.append((bits, answer.status_code, answer.text[:100]))
    assert wrong == [] and made.state() == before
    refused(owner.post("/v1/dkim/keys", data={"selector": "a"}))
    refused(owner.post("/v1/dkim/keys", data={"signing_domain": made.name}))
    refused(owner.post("/v1/dkim/keys", data={"signing_domain": name(), "selector": "a"}), (404, 400))
    refused(owner.delete("/v1/dkim/keys", params={"signing_domain": made.name}), (400, 404))
    refused(owner.delete("/v1/dkim/keys"), (400, 404))
    refused(owner.put(made.path + "/dkim_selector"))
    assert made.state() == before


def test_a_selector_twice_and_too_many(made):
    good(add(made, "two"))
    assert "failed to create domain key: duplicate key" in refused(add(made, "two"))
    assert "failed to create domain key: duplicate key" in refused(add(made, "TWO"))
    answers = [add(made, f"k{number}") for number in range(4)]
    assert answers[-1].status_code == 400 and answers[-1].json()["message"]
    rsas = [one for one in made.keys() if "k=ed25519" not in one["dns_record"]["value"]]
    assert len(rsas) <= 3, [one["selector"] for one in rsas]


def test_the_last_active_key_stays(owner, zone, sink):
    made = owning.active(owner, zone)
    said = []
    for one in selectors(made):
        answer = owner.delete("/v1/dkim/keys", params={"signing_domain": made.name, "selector": one})
        if answer.status_code != 200:
            said.append(refused(answer))
    assert said == ["cannot delete domain key: must have at least one active domain key"]
    for one in selectors(made):
        answer = owner.put(f"/v4/domains/{made.name}/keys/{one}/deactivate")
        assert answer.status_code in (200, 400), answer.text
    if made.try_send(somebody()).status_code == 200:
        assert sender_of(made, zone, sink)


def test_the_list_of_keys_has_pages_and_filters(owner):
    several = [owner.make() for _ in range(3)]
    for one in several:
        good(add(one, "extra"))
    whole = sorted((made.name, selector) for made in several for selector in selectors(made))

    def walk(**query):
        body = good(owner.get("/v1/dkim/keys", params=query))
        out, pages = [], 0
        while body["items"] and pages < 30:
            assert len(body["items"]) <= int(query.get("limit") or 10)
            out += [(item["signing_domain"], item["selector"]) for item in body["items"]]
            body, pages = good(owner.get(body["paging"]["next"])), pages + 1
        return out

    for limit in ("2", "10", "100"):
        found = walk(limit=limit)
        assert sorted(found) == whole and len(found) == len(set(found)), limit
    assert sorted(walk(page="", limit="")) == whole, "as mailgun.js asks"
    assert walk(signing_domain=several[0].name, selector="extra") == [(several[0].name, "extra")]
    assert sorted(walk(selector="extra", limit="1")) == sorted((made.name, "extra") for made in several)
    assert {domain for domain, _ in walk(signing_domain=several[1].name)} == {several[1].name}
    body = good(owner.call("GET", "/v1/dkim/keys", data={"signing_domain": several[2].name, "selector": "extra"}))
    assert [(item["signing_domain"], item["selector"]) for item in body["items"]] == [(several[2].name, "extra")], "a form in a GET"
    first = good(owner.get("/v1/dkim/keys", params={"limit": 2}))
    second = good(owner.get(first["paging"]["next"]))
    assert good(owner.get(second["paging"]["previous"]))["items"] == first["items"]
    assert good(owner.get(second["paging"]["first"]))["items"] == first["items"]
    assert good(owner.get(first["paging"]["last"]))["items"][-1]
    for query in ({"limit": "x"}, {"limit": "-1"}, {"limit": "101"}, {"page": "nonsense-token"}):
        refused(owner.get("/v1/dkim/keys", params=query))
    answer = owner.get("/v1/dkim/keys", params={"signing_domain": name()})
    assert answer.status_code == 404 or good(answer)["items"] == []


# Selector --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["data", "params", "json"])
def test_another_selector_for_the_domain(owner, zone, sink, where):
    made = owning.active(owner, zone)
    assert good(owner.put(made.path + "/dkim_selector", **{where: {"dkim_selector": "moved"}})) == {"message": "DKIM selector changed"}
    told = made.get()
    assert f"moved._domainkey.{made.name}" in [one["name"] for one in records(told, "dkim")]
    for one in records(told, "dkim"):
        if zone.text_of(one["name"]) is None:
            zone.txt(one["name"], one["value"])
    waiting.until(lambda: made.verify()["domain"]["state"] == "active", "it is active", pause=0.5)
    assert "moved" in waiting.until(lambda: (got := sender_of(made, zone, sink)) and "moved" in got and got, "the new selector signs", pause=0.5)


def test_a_new_selector_leaves_no_gap(owner, zone, sink):
    """Until its record is in the DNS, nothing is signed with the new selector alone; the old one signs, or sending is refused."""
    made = owning.active(owner, zone)
    good(owner.put(made.path + "/dkim_selector", data={"dkim_selector": "dark"}))
    if made.try_send(somebody()).status_code == 200:
        assert sender_of(made, zone, sink), "every signature verifies"


# Authority -------------------------------------------------------------------------------------


def test_a_subdomain_is_signed_by_its_parents_key(owner, zone, sink):
    parent = owning.active(owner, zone)
    child = owner.make(f"news.{parent.name}", force_dkim_authority="false")
    assert all(one["name"].endswith(f"._domainkey.{parent.name}") for one in records(child.answer, "dkim")), records(child.answer, "dkim")
    publish(zone, child.answer, child.name, leave={"dkim"})
    assert child.verify()["domain"]["state"] == "active", "the parent's key is there already"
    to = somebody()
    child.send(to)
    [one] = sink.wait(to)
    assert {domain for _, domain, _ in signed_by(one.raw, zone)} == {parent.name}
    assert sorted(owner.names(authority=parent.name)) == sorted([parent.name, child.name])
    body = good(owner.put(child.path + "/dkim_authority", params={"self": "true"}))
    assert body["message"] == "Domain DKIM authority has been changed" and body["changed"] is True
    own = [one for one in body["sending_dns_records"] if sort_of(one) == "dkim"]
    assert own and all(one["name"].endswith(f"._domainkey.{child.name}") for one in own)
    assert owner.names(authority=child.name) == [child.name]
    for one in own:
        zone.txt(one["name"], one["value"])
    waiting.until(lambda: child.verify()["domain"]["state"] == "active", "active with its own key", pause=0.5)
    to = somebody()
    child.send(to)
    [one] = sink.wait(to)
    assert {domain for _, domain, _ in signed_by(one.raw, zone)} == {child.name}
    body = good(owner.put(child.path + "/dkim_authority", data={"self": "yes"}))
    assert (body["message"], body["changed"]) == ("Domain DKIM authority has not been changed", False) and body["sending_dns_records"]
    body = good(owner.put(child.path + "/dkim_authority", files={"self": (None, "no")}))
    assert body["changed"] is True
    to = somebody()
    child.send(to)
    [one] = sink.wait(to)
    assert {domain for _, domain, _ in signed_by(one.raw, zone)} == {parent.name}


def test_authority_of_ones_own_from_birth(owner, zone):
    parent = owning.active(owner, zone)
    child = owner.make(f"own.{parent.name}", force_dkim_authority="true")
    assert all(one["name"].endswith(f"._domainkey.{child.name}") for one in records(child.answer, "dkim"))
    for value in ("maybe", "", None):
        refused(owner.put(child.path + "/dkim_authority", data={"self": value} if value is not None else {}))
    refused(owner.put(f"/v3/domains/{name()}/dkim_authority", data={"self": "yes"}), (404,))


def test_no_authority_over_another_accounts_domain(platform, owner, zone):
    parent = owning.active(owner, zone)
    other = Owner(platform, platform.account())
    answer = other.post("/v4/domains", data={"name": f"steal.{parent.name}", "force_dkim_authority": "false"})
    if answer.status_code == 200:
        keys = [one["value"] for one in records(answer.json(), "dkim")]
        assert not set(keys) & {one["value"] for one in records(parent.answer, "dkim")}
        assert all(f"._domainkey.steal.{parent.name}" in one["name"] for one in records(answer.json(), "dkim"))
        child = owning.Made(other, f"steal.{parent.name}", answer.json())
        body = other.put(child.path + "/dkim_authority", data={"self": "no"})
        assert body.status_code == 400 or body.json()["changed"] is False


# Rotation --------------------------------------------------------------------------------------


def test_rotation_leaves_no_gap(owner, zone, sink):
    made = owning.active(owner, zone)
    old, before = sender_of(made, zone, sink), set(selectors(made))
    assert good(owner.post(f"/v1/dkim_management/domains/{made.name}/rotate"))["message"] == "ok"
    new = [one for one in made.keys() if one["selector"] not in before]
    assert new, "a successor"
    assert sender_of(made, zone, sink) == old, "not in the DNS yet"
    made.verify()
    assert sender_of(made, zone, sink) == old
    for one in new:
        zone.txt(one["dns_record"]["name"], one["dns_record"]["value"])
    made.verify()
    wanted = {one["selector"] for one in new}
    waiting.until(lambda: (made.verify(), sender_of(made, zone, sink) & wanted)[1], "the successor signs", 90, pause=1)
    assert made.get()["domain"]["state"] == "active"


def test_rotation_twice_does_not_pile_up(owner, zone, sink):
    made = owning.active(owner, zone)
    for _ in range(4):
        answer = owner.post(f"/v1/dkim_management/domains/{made.name}/rotate")
        assert answer.status_code in (200, 400), answer.text
    assert len(made.keys()) <= 6 and sender_of(made, zone, sink)


def check_rotation(body: dict, made) -> dict:
    d = body["domain"]
    for key in ("id", "account_id", "sid", "name", "state", "active_selector", "rotation_enabled", "rotation_interval"):
        assert isinstance(d[key], str), (key, d)
    assert d["name"] == made.name and d["active_selector"] in selectors(made)
    assert d["records"] and all({"name", "type", "identifier", "value", "comment"} <= set(one) for one in d["records"])
    assert all(isinstance(value, str) for one in d["records"] for value in one.values())
    return d


@pytest.mark.parametrize("interval", ["5d", "30d", "365d", "120h", "2w"])
def test_rotation_by_itself(owner, made, interval):
    fields = {"rotation_enabled": "true", "rotation_interval": interval}
    answer = owner.put(f"/v1/dkim_management/domains/{made.name}/rotation", files={key: (None, value) for key, value in fields.items()})
    if not interval.endswith("d") and answer.status_code == 400:
        return
    d = check_rotation(good(answer), made)
    assert d["rotation_enabled"].lower() == "true" and (d["rotation_interval"] == interval or not interval.endswith("d"))
    d = check_rotation(good(owner.put(f"/v1/dkim_management/domains/{made.name}/rotation", data={"rotation_enabled": "no"})), made)
    assert d["rotation_enabled"].lower() == "false"


def test_bad_rotations(owner, made):
    path = f"/v1/dkim_management/domains/{made.name}/rotation"
    before = good(owner.put(path, data={"rotation_enabled": "yes", "rotation_interval": "30d"}))
    refused(owner.put(path))
    refused(owner.put(path, data={"rotation_interval": "30d"}))
    wrong = []
    for value in ("4d", "0d", "-5d", "5", "5x", "d", "1h", "99999999999999999999d", "5.5d", "five"):
        answer = owner.put(path, data={"rotation_enabled": "no", "rotation_interval": value})
        if answer.status_code != 400 or not answer.json().get("message"):
            wrong.append((value, answer.status_code, answer.text[:120]))
    assert wrong == []
    refused(owner.put(path, data={"rotation_enabled": "maybe", "rotation_interval": "60d"}))
    assert good(owner.put(path, data={"rotation_enabled": "yes"})) == before, "nothing changed"
    for method, last in (("PUT", "rotation"), ("POST", "rotate")):
        refused(owner.call(method, f"/v1/dkim_management/domains/{name()}/{last}", data={"rotation_enabled": "yes"}), (404,))
