"""Domains by the API: make, list, show, change, settings of connection and tracking, and whose they are."""

import re

import pytest

import owning
from owning import CREATED, RFC1123_GMT, Owner, good, name, records, refused, sort_of
from rig.api import Api

ABSENT = object()


@pytest.fixture
def owner(platform):
    return Owner(platform, platform.account())


@pytest.fixture
def other(platform):
    return Owner(platform, platform.account())


@pytest.fixture
def made(owner):
    return owner.make()


# Shapes ----------------------------------------------------------------------------------------


def check_domain(d: dict) -> None:
    for key in ("id", "name", "created_at", "state", "type", "smtp_login", "spam_action", "web_prefix", "web_scheme"):
        assert isinstance(d[key], str), (key, d)
    for key in ("is_disabled", "wildcard", "require_tls", "skip_verification", "use_automatic_sender_security", "encrypt_incoming_message"):
        assert isinstance(d[key], bool), (key, d)
    assert d["id"]
    assert RFC1123_GMT.fullmatch(d["created_at"]), d["created_at"]
    assert d["state"] in ("active", "unverified", "disabled") and d["type"] in ("custom", "sandbox")
    assert isinstance(d["message_ttl"], int) and not isinstance(d["message_ttl"], bool)
    assert d["web_scheme"] in ("http", "https")
    for key in ("archive_to", "tracking_host", "subaccount_id", "dkim_host", "mailfrom_host", "smtp_password"):
        assert isinstance(d.get(key, ""), str), (key, d)


def check_record(r: dict) -> None:
    assert set(r) <= {"is_active", "cached", "name", "priority", "record_type", "valid", "value", "purpose", "problem"}, r
    assert isinstance(r["is_active"], bool) and r["record_type"] in ("MX", "TXT", "CNAME", "A")
    assert isinstance(r["cached"], list) and all(isinstance(one, str) for one in r["cached"])
    assert r["valid"] in ("valid", "unknown", "invalid") and isinstance(r["value"], str) and r["value"]
    assert isinstance(r["purpose"], str) and r["purpose"]
    if r["record_type"] == "MX":
        assert isinstance(r["priority"], str) and r["priority"].isdigit(), r
    else:
        assert isinstance(r["name"], str) and isinstance(r.get("priority", ""), str), r
    if "problem" in r:
        assert isinstance(r["problem"], str) and r["valid"] != "valid", r


def check_answer(body: dict, domain: str) -> None:
    check_domain(body["domain"])
    assert body["domain"]["name"] == domain
    for one in records(body):
        check_record(one)
    assert body["receiving_dns_records"], "where mail for the domain goes"
    for one in body["receiving_dns_records"]:
        assert one["record_type"] == "MX", one
    assert {"dkim", "spf", "tracking"} <= {sort_of(one) for one in body["sending_dns_records"]}


# Making ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_new_domain_is_told_with_its_records(owner, version):
    domain = name()
    body = good(owner.post(f"/{version}/domains", data={"name": domain}))
    assert body["message"] == CREATED
    check_answer(body, domain)
    d = body["domain"]
    assert (d["state"], d["type"], d["is_disabled"], d["wildcard"]) == ("unverified", "custom", False, False)
    assert (d["require_tls"], d["skip_verification"], d["web_scheme"], d["web_prefix"]) == (False, False, "http", "email")
    assert d["spam_action"] == "disabled" and d["smtp_login"] in (f"postmaster@{domain}", "") and "disabled" not in d
    assert "smtp_password" not in d, "no password was given"
    dkim = records(body, "dkim")
    assert all(one["record_type"] == "TXT" and one["name"].endswith(f"._domainkey.{domain}") and not one["is_active"] for one in dkim)
    assert any(re.search(r"(^|; )k=rsa; p=[A-Za-z0-9+/]+=*$", one["value"]) for one in dkim), dkim
    [spf] = records(body, "spf")
    assert spf["name"] == domain and re.fullmatch(r"v=spf1 \S+ ~all", spf["value"]), spf
    [link] = records(body, "tracking")
    assert link["name"] == f"email.{domain}"
    assert all(one["priority"] == "10" for one in records(body, "mx"))
    assert all(one["valid"] in ("unknown", "invalid") for one in records(body))


def test_spf_lets_this_server_in(made):
    [spf] = records(made.answer, "spf")
    assert re.fullmatch(r"v=spf1 a:\S+ ~all", spf["value"]), spf


def test_receiving_records_have_no_name(made):
    assert all("name" not in one for one in made.answer["receiving_dns_records"]), made.answer["receiving_dns_records"]


def test_the_id_has_24_hex_digits(made):
    assert re.fullmatch(r"[0-9a-f]{24}", made.answer["domain"]["id"]), made.answer["domain"]["id"]


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart", "json", "json without a type", "query", "query and empty form", "brackets"])
def test_every_encoding_makes_the_same_domain(owner, encoding):
    domain = name()
    fields = {"name": domain, "web_scheme": "https", "wildcard": "true", "spam_action": "tag", "message_ttl": "86400"}
    calls = {
        "urlencoded": {"data": fields},
        "multipart": {"files": {key: (None, value) for key, value in fields.items()}},
        "json": {"json": {**fields, "wildcard": True, "message_ttl": 86400}},
        "json without a type": {"data": ('{"name":"%s","web_scheme":"https","wildcard":true,"spam_action":"tag","message_ttl":86400}' % domain).encode()},
        "query": {"params": fields},
        "query and empty form": {"params": fields, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        "brackets": {"data": {f"{key}[]": value for key, value in fields.items()}},
    }
    d = good(owner.post("/v4/domains", **calls[encoding]))["domain"]
    assert (d["name"], d["web_scheme"], d["wildcard"], d["spam_action"], d["message_ttl"]) == (domain, "https", True, "tag", 86400)
    assert good(owner.get(f"/v3/domains/{domain}"))["domain"]["wildcard"] is True


def test_the_body_wins_over_the_query(owner):
    d = good(owner.post("/v4/domains", params={"web_scheme": "http", "wildcard": "yes"}, data={"name": name(), "web_scheme": "https"}))["domain"]
    assert d["web_scheme"] == "https" and d["wildcard"] is True


@pytest.mark.parametrize("value,meaning", [("yes", True), ("no", False), ("true", True), ("False", False), ("1", True), ("0", False), ("ON", True), ("off", False)])
@pytest.mark.parametrize("field", ["wildcard", "require_tls", "skip_verification", "encrypt_incoming_message"])
def test_switches_in_every_spelling(owner, field, value, meaning):
    answer = owner.make(**{field: value})
    assert answer.answer["domain"][field] is meaning and answer.get()["domain"][field] is meaning


@pytest.mark.parametrize(
    "field,value",
    [("spam_action", "disabled"), ("spam_action", "block"), ("spam_action", "tag"), ("web_scheme", "https"),
     ("web_prefix", "links"), ("message_ttl", "86400"), ("message_ttl", "604800")],
)  # fmt: skip
def test_what_is_asked_for_at_birth_is_kept(owner, field, value):
    wanted = int(value) if value.isdigit() else value
    made = owner.make(**{field: value})
    assert made.answer["domain"][field] == wanted and made.get()["domain"][field] == wanted
    if field == "web_prefix":
        assert records(made.answer, "tracking")[0]["name"] == f"links.{made.name}"
        assert good(owner.get(made.path + "/tracking"))["tracking"]["web_scheme"] == "http"


def test_a_password_at_birth_is_told_once(owner):
    word = owning.password()
    made = owner.make(smtp_password=word)
    assert made.answer["domain"]["smtp_password"] == word and made.answer["domain"]["smtp_login"] == f"postmaster@{made.name}"
    assert word not in owner.get(f"/v4/domains/{made.name}").text + owner.get("/v4/domains").text


def test_a_selector_at_birth(owner):
    made = owner.make(dkim_selector="pic", dkim_key_size="1024")
    assert [one["name"] for one in records(made.answer, "dkim") if "k=rsa" in one["value"]] == [f"pic._domainkey.{made.name}"]
    assert "pic" in [one["selector"] for one in made.keys()]


BAD_NAMES = [
    "", " ", "nodot", ".test", "a..test", "-a.b.test", "a-.b.test", "a b.test", "a@b.test", "http://a.test", "a.test/x", "127.0.0.1", "[::1]",
    "1.2.3", "a_b c.test", "x" * 64 + ".test", ".".join(["x" * 60] * 5) + ".test", "a\r\nb.test", "a\0b.test", "*.b.test", "a,b.test", "%2e.test", "ä" * 80 + ".test",
    "a.test;b.test", "<b>.test", "'a'.test", "com",
]  # fmt: skip


@pytest.mark.parametrize("bad", [ABSENT, *BAD_NAMES], ids=lambda one: "absent" if one is ABSENT else repr(one)[:30])
def test_no_domain_is_made_of_a_bad_name(owner, bad):
    refused(owner.post("/v4/domains", data={} if bad is ABSENT else {"name": bad}))
    assert good(owner.get("/v4/domains")) == {"total_count": 0, "items": []}


SWITCHES = ("wildcard", "require_tls", "skip_verification", "encrypt_incoming_message", "force_dkim_authority", "force_root_dkim_host", "use_automatic_sender_security")
BAD_AT_BIRTH = [
    ("smtp_password", "1234"), ("smtp_password", "x" * 33), ("spam_action", "nothing"), ("spam_action", "TAG IT"),
    ("web_scheme", "ftp"), ("web_scheme", "https://"), ("web_prefix", "a b"), ("web_prefix", "-a"), ("web_prefix", "a/b"), ("web_prefix", "x" * 64),
    ("dkim_key_size", "512"), ("dkim_key_size", "x"), ("dkim_key_size", "-1"), ("dkim_key_size", "4097"),
    ("dkim_selector", "a b"), ("dkim_selector", "-"), ("dkim_selector", "x" * 64), ("dkim_selector", "a;b"), ("dkim_selector", "a\nb"),
    ("message_ttl", "x"), ("message_ttl", "-1"), ("message_ttl", "1.5"), ("message_ttl", "99999999999999999999"),
    *((field, "maybe") for field in SWITCHES), *((field, "2") for field in SWITCHES),
    ("use_automatic_sender_security", "yes"), ("archive_to", "https://archive.test/x"), ("archive_to", "a@b.test"), ("ips", "192.0.2.1"),
    ("ips", "x"), ("pool_id", "abc"), ("dkim_host_name", "dkim.example.test"),
]  # fmt: skip


@pytest.mark.parametrize("field,value", BAD_AT_BIRTH, ids=lambda one: repr(one)[:24])
def test_a_bad_parameter_makes_no_domain(owner, field, value):
    domain = name()
    message = refused(owner.post("/v4/domains", data={"name": domain, field: value}))
    assert value != "1234" or message == "Password is too short. It must be between 5 and 32 characters."
    refused(owner.get(f"/v4/domains/{domain}"), (404,))
    assert owner.names() == []
    assert owner.make(domain).answer["message"] == CREATED, "the name is not taken by what failed"


def test_the_message_names_the_parameter(owner):
    unnamed = [
        (field, value, message)
        for field, value in BAD_AT_BIRTH
        if field.split("_")[-1] not in (message := refused(owner.post("/v4/domains", data={"name": name(), field: value}))).lower().replace("-", "_")
    ]
    assert unnamed == []


def test_a_name_is_one_accounts(owner, other):
    made = owner.make()
    for someone in (owner, other):
        for spelling in (made.name, made.name.upper(), made.name + "."):
            message = refused(someone.post("/v3/domains", data={"name": spelling}))
            assert message == "This domain name is already taken"
    assert other.names() == [] and owner.names() == [made.name]


def test_names_in_capitals_and_of_other_scripts(owner):
    made = name()
    assert good(owner.post("/v4/domains", data={"name": made.upper()}))["domain"]["name"] == made
    assert good(owner.get(f"/v3/domains/{made.upper()}"))["domain"]["name"] == made
    plain = name()
    answer = owner.post("/v4/domains", data={"name": f"bücher.{plain}"})
    if answer.status_code == 200:
        assert answer.json()["domain"]["name"] == f"xn--bcher-kva.{plain}"
    else:
        refused(answer)


# Showing ---------------------------------------------------------------------------------------


def test_both_versions_and_spellings_show_the_same(owner, made):
    seen = [made.get(), good(owner.get(f"/v3/domains/{made.name}")), good(owner.get(f"/v3/domains/{made.name}/")), good(owner.get(f"/v4//domains/{made.name}"))]
    for one in seen:
        check_answer(one, made.name)
        assert one["domain"] == seen[0]["domain"]
        assert [(r.get("name"), r["value"]) for r in records(one)] == [(r.get("name"), r["value"]) for r in records(made.answer)]
    extended = made.get(**{"h:extended": "true", "h:with_dns": "true"})
    check_answer(extended, made.name)
    assert {"dkim_host", "mailfrom_host"} & set(extended["domain"]), "the extended form has more"
    bare = made.get(**{"h:extended": "false", "h:with_dns": "false"})
    check_domain(bare["domain"])


@pytest.mark.parametrize("method,path", [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/verify")])
@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_domain_that_is_not_there(owner, version, method, path):
    assert "domain not found" in refused(owner.call(method, f"/{version}/domains/{name()}{path}"), (404,)).lower()


def test_the_exact_text_for_a_domain_that_is_not_there(owner):
    assert refused(owner.get(f"/v3/domains/{name()}"), (404,)) == "Domain not found"


# Listing ---------------------------------------------------------------------------------------


@pytest.fixture
def several(owner):
    return [owner.make(f"{one}.{name()}").name for one in ("b", "c", "a")]


def test_the_list_starts_with_the_newest(owner, several):
    for version in ("v3", "v4"):
        body = good(owner.get(f"/{version}/domains"))
        assert set(body) >= {"total_count", "items"} and body["total_count"] == 3
        assert [one["name"] for one in body["items"]] == several[::-1]
        for one in body["items"]:
            check_domain(one)


def test_sorting_searching_and_pages(owner, several):
    b, c, a = several
    assert owner.names(sort="name") == owner.names(sort="name:asc") == [a, b, c]
    assert owner.names(sort="name:desc") == [c, b, a]
    assert owner.names(sort="name", limit=2) == [a, b] and owner.names(sort="name", limit=2, skip=2) == [c]
    assert good(owner.get("/v3/domains", params={"skip": 5}))["items"] == []
    assert good(owner.get("/v3/domains", params={"limit": 1}))["total_count"] == 3
    middle = b.split(".")[2]
    for term in (middle, middle.upper(), middle[2:7]):
        body = good(owner.get("/v4/domains", params={"search": term}))
        assert [one["name"] for one in body["items"]] == [b] and body["total_count"] == 1, term
    for term in ("%", "_", "zzzz", "*", "'"):
        assert owner.names(search=term) == [], term
    assert owner.names(state="active") == [] and owner.names(state="disabled") == [] and len(owner.names(state="unverified")) == 3
    assert owner.names(authority=b) == [b]
    assert len(owner.names(include_subaccounts="true")) == 3 == len(owner.names(limit=1000))


@pytest.mark.parametrize(
    "query",
    [{"limit": "x"}, {"limit": "-1"}, {"limit": "1001"}, {"limit": "1.5"}, {"skip": "x"}, {"skip": "-1"}, {"state": "sleeping"},
     {"sort": "created"}, {"sort": "name:up"}, {"include_subaccounts": "maybe"}, {"limit": "9" * 30}],
    ids=str,
)  # fmt: skip
def test_a_list_that_cannot_be(owner, query):
    refused(owner.get("/v4/domains", params=query))


# Changing --------------------------------------------------------------------------------------

CHANGES = [
    ("spam_action", "tag", "tag"), ("spam_action", "block", "block"), ("web_scheme", "https", "https"), ("web_prefix", "go", "go"),
    ("wildcard", "yes", True), ("require_tls", "true", True), ("skip_verification", "1", True), ("message_ttl", "172800", 172800),
]  # fmt: skip


@pytest.mark.parametrize("version,how", [("v3", "data"), ("v4", "multipart"), ("v4", "params"), ("v3", "json")])
def test_changes_stay(owner, made, version, how):
    for field, value, kept in CHANGES:
        arguments = {"files": {field: (None, value)}} if how == "multipart" else {how: {field: value}}
        body = good(owner.put(f"/{version}/domains/{made.name}", **arguments))
        assert body["message"] == "Domain has been updated" and body["domain"][field] == kept, (field, body["domain"])
        check_answer(body, made.name)
        assert made.get()["domain"][field] == kept
    d = made.get()["domain"]
    assert (d["spam_action"], d["web_scheme"], d["web_prefix"], d["wildcard"]) == ("block", "https", "go", True), "one change leaves the others"
    assert records(made.get(), "tracking")[0]["name"] == f"go.{made.name}"
    connection = good(owner.get(made.path + "/connection"))
    assert connection["require_tls"] is True and connection["skip_verification"] is True


BAD_CHANGES = [
    (field, value) for field, value in BAD_AT_BIRTH
    if field in ("smtp_password", "spam_action", "web_scheme", "web_prefix", "message_ttl", "wildcard", "require_tls", "skip_verification", "archive_to", "use_automatic_sender_security")
] + [("mailfrom_host", "a b"), ("mailfrom_host", "elsewhere.test"), ("mailfrom_host", "-"), ("mailfrom_host", "x" * 300), ("mailfrom_host", "@")]  # fmt: skip


def test_a_bad_change_changes_nothing(owner, made):
    before = made.state()
    wrong = []
    for field, value in BAD_CHANGES:
        answer = owner.put(f"/v4/domains/{made.name}", data={"spam_action": "tag", "wildcard": "yes", field: value})
        if answer.status_code != 400 or not answer.json().get("message"):
            wrong.append((field, value[:40], answer.status_code, answer.text[:200]))
    assert wrong == []
    assert made.state() == before


def test_messages_are_kept_for_seven_days_at_most(owner, made):
    """Reference 14.5: stored messages 1 to 7 days."""
    refused(owner.put(f"/v4/domains/{made.name}", data={"message_ttl": "604801"}))
    refused(owner.post("/v4/domains", data={"name": name(), "message_ttl": "604801"}))


@pytest.mark.parametrize("value", ["links", "a.b", "click-1"])
@pytest.mark.parametrize("where", ["params", "data"])
def test_the_web_prefix(owner, made, where, value):
    answer = owner.put(made.path + "/web_prefix", **{where: {"web_prefix": value}})
    if "." in value and answer.status_code == 400:
        return
    assert good(answer) == {"message": "Domain web prefix updated"}
    assert made.get()["domain"]["web_prefix"] == value and records(made.get(), "tracking")[0]["name"] == f"{value}.{made.name}"


def test_a_bad_web_prefix(owner, made):
    before = made.state()
    for value in ("", " ", "a b", "-a", "a-", "a/b", "x" * 64, "a..b", ".", "*", "ä ö", "a\nb", ABSENT):
        refused(owner.put(made.path + "/web_prefix", data={} if value is ABSENT else {"web_prefix": value}))
    assert made.state() == before


# Connection ------------------------------------------------------------------------------------


def test_the_connection_settings(owner, made):
    both = {"require_tls": False, "skip_verification": False}
    body = good(owner.get(made.path + "/connection"))
    assert body["connection"] == both and {key: body[key] for key in both} == both
    for where, sent in (("data", {"require_tls": "yes"}), ("params", {"skip_verification": "True"}), ("json", {"require_tls": False})):
        both |= {key: value in ("yes", "True") for key, value in sent.items()}
        body = good(owner.put(made.path + "/connection", **{where: sent}))
        assert body["message"] == "Domain connection settings have been updated, may take 10 minutes to fully propagate"
        for key, value in both.items():
            assert body[key] is value and body[key.replace("_", "-")] is value
        assert good(owner.get(made.path + "/connection"))["connection"] == both
    assert {key: made.get()["domain"][key] for key in both} == both


def test_bad_connection_settings(owner, made):
    before = made.state()
    for field in ("require_tls", "skip_verification"):
        for value in ("maybe", "2", "yes please"):
            rest = {"require_tls": "yes", "skip_verification": "yes", field: value}
            refused(owner.put(made.path + "/connection", data=rest))
    assert made.state() == before
    refused(owner.get(f"/v3/domains/{name()}/connection"), (404,))
    refused(owner.put(f"/v3/domains/{name()}/connection", data={"require_tls": "yes"}), (404,))


def test_required_tls_is_kept_at_delivery(platform, zone):
    owner = Owner(platform, platform.account())
    domain = platform.domain(owner.account)
    made = owning.Made(owner, domain.name, {})
    made.put("/connection", require_tls="yes")
    to = f"{owning.password()}@plain.test"
    made.send(to)

    def failed():
        return [e for e in good(owner.get(f"/v3/{made.name}/events", params={"event": "failed", "recipient": to}))["items"]]

    from rig import waiting

    waiting.until(failed, "a failure for want of TLS", pause=0.1)
    assert platform.outside.sink.seen(to) == []


# Tracking --------------------------------------------------------------------------------------


def test_the_tracking_settings(owner, made):
    body = good(owner.get(made.path + "/tracking"))
    t = body["tracking"]
    assert t["web_scheme"] == "http" and isinstance(t["open"]["active"], bool) and isinstance(t["open"]["place_at_the_top"], bool)
    assert isinstance(t["click"]["active"], bool) and isinstance(t["unsubscribe"]["active"], bool)
    assert '<a href="%unsubscribe_url%">' in t["unsubscribe"]["html_footer"] and "<%unsubscribe_url%>" in t["unsubscribe"]["text_footer"]
    text = "Domain tracking settings have been updated"
    for value, kept in (("yes", True), ("no", False), ("true", True), ("False", False), ("1", True), ("off", False)):
        for kind in ("open", "click", "unsubscribe"):
            body = good(owner.put(f"{made.path}/tracking/{kind}", data={"active": value}))
            assert body["message"] == text and body[kind]["active"] is kept, (kind, value, body)
            assert good(owner.get(made.path + "/tracking"))["tracking"][kind]["active"] is kept
    body = good(owner.put(f"{made.path}/tracking/click", data={"active": "htmlonly"}))
    assert body["click"]["active"] is True or body["click"]["active"] == "htmlonly"
    assert good(owner.get(made.path + "/tracking"))["tracking"]["click"]["active"] is True
    body = good(owner.put(f"{made.path}/tracking/open", params={"active": "yes", "place_at_the_top": "yes"}))
    assert body["open"] == {"active": True, "place_at_the_top": True}
    assert good(owner.put(f"{made.path}/tracking/open", data={"active": "no"}))["open"] == {"active": False, "place_at_the_top": True}
    footers = {"html_footer": '<p>Grüße <a href="%unsubscribe_url%">off</a></p>', "text_footer": "off: <%unsubscribe_url%>\n"}
    body = good(owner.put(f"{made.path}/tracking/unsubscribe", files={key: (None, value) for key, value in {"active": "true", **footers}.items()}))
    assert body["unsubscribe"] == {"active": True, **footers}
    body = good(owner.put(f"{made.path}/tracking/unsubscribe", data={"text_footer": "only this %unsubscribe_url%"}))
    assert body["unsubscribe"] == {"active": True, **footers, "text_footer": "only this %unsubscribe_url%"}
    made.put(web_scheme="https")
    t = good(owner.get(made.path + "/tracking"))["tracking"]
    assert t["web_scheme"] == "https" and t["unsubscribe"]["html_footer"] == footers["html_footer"]


def test_bad_tracking_settings(owner, made):
    before = made.state()
    table = [("open", "active", "maybe"), ("open", "active", "htmlonly"), ("open", "place_at_the_top", "maybe"), ("click", "active", "text"), ("click", "active", "2"),
             ("unsubscribe", "active", "htmlonly"), ("unsubscribe", "html_footer", "x" * 2_000_000), ("unsubscribe", "text_footer", "x" * 2_000_000)]  # fmt: skip
    for kind, field, value in table:
        refused(owner.put(f"{made.path}/tracking/{kind}", data={"active": "yes", "place_at_the_top": "yes", field: value}), (400, 413))
    refused(owner.put(f"{made.path}/tracking/nothing", data={"active": "yes"}), (404, 400, 405))
    assert made.state() == before
    for kind in ("open", "click", "unsubscribe"):
        refused(owner.put(f"/v3/domains/{name()}/tracking/{kind}", data={"active": "yes"}), (404,))


# Whose it is -----------------------------------------------------------------------------------

EVERYTHING = [
    ("GET", "/v3/domains/{d}", {}), ("GET", "/v4/domains/{d}", {}), ("PUT", "/v3/domains/{d}", {"spam_action": "tag"}), ("PUT", "/v4/domains/{d}", {"wildcard": "yes"}),
    ("PUT", "/v3/domains/{d}/verify", {}), ("PUT", "/v4/domains/{d}/verify", {}), ("GET", "/v3/domains/{d}/connection", {}),
    ("PUT", "/v3/domains/{d}/connection", {"require_tls": "yes"}), ("GET", "/v3/domains/{d}/tracking", {}), ("PUT", "/v3/domains/{d}/tracking/open", {"active": "yes"}),
    ("PUT", "/v3/domains/{d}/tracking/click", {"active": "yes"}), ("PUT", "/v3/domains/{d}/tracking/unsubscribe", {"active": "yes", "text_footer": "x %unsubscribe_url%"}),
    ("PUT", "/v3/domains/{d}/dkim_authority", {"self": "true"}), ("PUT", "/v3/domains/{d}/dkim_selector", {"dkim_selector": "evil"}), ("GET", "/v4/domains/{d}/keys", {}),
    ("PUT", "/v4/domains/{d}/keys/{s}/activate", {}), ("PUT", "/v4/domains/{d}/keys/{s}/deactivate", {}), ("POST", "/v1/dkim/keys", {"signing_domain": "{d}", "selector": "evil"}),
    ("DELETE", "/v1/dkim/keys?signing_domain={d}&selector={s}", {}), ("PUT", "/v1/dkim_management/domains/{d}/rotation", {"rotation_enabled": "true", "rotation_interval": "30d"}),
    ("POST", "/v1/dkim_management/domains/{d}/rotate", {}), ("PUT", "/v3/domains/{d}/web_prefix", {"web_prefix": "evil"}), ("GET", "/v3/domains/{d}/credentials", {}),
    ("POST", "/v3/domains/{d}/credentials", {"login": "evil", "password": "evil-password"}), ("PUT", "/v3/domains/{d}/credentials/ann", {"password": "evil-password"}),
    ("DELETE", "/v3/domains/{d}/credentials/ann", {}), ("DELETE", "/v3/domains/{d}/credentials", {}), ("POST", "/v3/{d}/messages", {"from": "a@{d}", "to": "x@rcpt.test", "text": "x"}),
    ("DELETE", "/v3/domains/{d}", {}), ("DELETE", "/v4/domains/{d}", {}),
]  # fmt: skip


@pytest.fixture
def owned(owner):
    made = owner.make(smtp_password=owning.password())
    good(owner.post(made.path + "/credentials", data={"login": "ann", "password": owning.password()}))
    return made


def everything(made):
    selector = made.keys()[0]["selector"]
    for method, path, fields in EVERYTHING:
        spelled = {key: value.replace("{d}", made.name) for key, value in fields.items()}
        yield method, path.replace("{d}", made.name).replace("{s}", selector), spelled


def test_another_account_sees_and_changes_nothing(owner, other, owned):
    before = owned.state()
    secrets = [one["value"] for one in records(before["domain"], "dkim")] + [before["domain"]["domain"]["id"], "ann@"]
    wrong = []
    for method, path, fields in everything(owned):
        answer = other.call(method, path, data=fields or None)
        if answer.status_code not in (401, 404) or any(secret in answer.text for secret in secrets):
            wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert owned.state() == before
    assert other.names() == [] and other.names(search=owned.name) == []
    assert good(other.get("/v1/dkim/keys"))["items"] == []
    answer = other.get("/v1/dkim/keys", params={"signing_domain": owned.name})
    assert answer.status_code == 404 or good(answer)["items"] == []


def test_without_a_key_or_with_a_sending_key_nothing_works(platform, owner, owned):
    before = owned.state()
    key = platform.command("key", "create", "--account", owner.account.id, "--domain", owned.name)["api_key"]
    wrong = []
    nobody, guest, sending = Api(platform, None), Api(platform, "key-" + "0" * 32), Api(platform, key)
    for method, path, fields in everything(owned):
        for who, caller, allowed in (("nobody", nobody, (401,)), ("guest", guest, (401,)), ("sending", sending, (403, 401))):
            answer = caller.call(method, path, data=fields or None)
            if answer.status_code not in allowed or (who != "sending" and answer.text.strip() != "Forbidden"):
                wrong.append((who, method, path, answer.status_code, answer.text[:200]))
    for path in ("/v3/domains", "/v4/domains", "/v1/dkim/keys"):
        assert sending.get(path).status_code == 403 and nobody.get(path).status_code == 401
    assert sending.post("/v4/domains", data={"name": name()}).status_code == 403
    assert wrong == []
    assert owned.state() == before


def test_a_domain_of_the_operators_is_the_same_and_active(platform, owner):
    domain = platform.domain(owner.account)
    made = owning.Made(owner, domain.name, {})
    body = made.get()
    check_answer(body, domain.name)
    assert body["domain"]["state"] == "active" and owner.names(state="active") == [domain.name]
    sandbox = platform.domain(owner.account, sandbox=True)
    assert good(owner.get(f"/v3/domains/{sandbox.name}"))["domain"]["type"] == "sandbox"
