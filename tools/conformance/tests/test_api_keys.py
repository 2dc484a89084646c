"""Who may do what: keys, the walls between accounts, keys that only send."""

import base64

import pytest

from rig import canary
from rig.api import Api, Sender


def fields(sender, **more):
    made = {"from": f"a@{sender.domain.name}", "to": f"{canary.word()}@rcpt.test", "text": "t", "o:testmode": "yes"}
    return list({**made, **more}.items())


@pytest.fixture(scope="module")
def stranger(platform):
    """Another account with a domain of its own."""
    account = platform.account("Stranger")
    return Sender(platform, platform.domain(account))


def forbidden(answer):
    assert answer.status_code == 401, (answer.status_code, answer.text)
    assert answer.text.strip() == "Forbidden"
    assert answer.headers["Content-Type"].replace(" ", "") == "text/plain;charset=utf-8"
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="MG API"'
    assert answer.reason == "Unauthorized"


@pytest.mark.parametrize("suffix", ["/messages", "/messages.mime", "/events"])
def test_without_a_valid_key_everything_is_forbidden(platform, sender, suffix):
    path = f"/v3/{sender.domain.name}{suffix}"
    method = "GET" if suffix == "/events" else "POST"
    key = sender.domain.account.key
    flipped = key[:-1] + ("0" if key[-1] != "0" else "1")
    for bad in ("", "wrong", "key-" + "0" * 32, key[:-1], key + "x", flipped, key.upper(), f" {key}"):
        forbidden(Api(platform, bad).call(method, path))
    forbidden(Api(platform, None).call(method, path))
    forbidden(Api(platform, key, user="root").call(method, path))
    for header in (
        "Bearer " + key,
        "Basic !!!!",
        "Basic",
        "Basic " + base64.b64encode(b"api").decode(),
        "Basic " + "A" * 9000,
    ):
        forbidden(Api(platform, None).call(method, path, headers={"Authorization": header}))


def test_a_wrong_key_learns_nothing_about_domains(platform):
    for name in ("unknown.test", "sender.test"):
        forbidden(Api(platform, "key-wrong").post(f"/v3/{name}/messages"))


def test_the_key_in_the_address_as_with_curl(platform, sender):
    host = platform.url.removeprefix("http://")
    url = f"http://api:{sender.domain.account.key}@{host}{sender.messages}"
    assert Api(platform, None).post(url, data=fields(sender)).status_code == 200


def test_a_sending_key_sends_for_its_domain_and_nothing_else(platform, sender, account):
    key = platform.sending_key(sender.domain)
    limited = Sender(platform, sender.domain, key)
    limited.send(fields(limited))
    other = platform.domain(account)
    forbidden(limited.post(f"/v3/{other.name}/messages", data=fields(sender)))
    mime = b"From: a@b.test\r\nSubject: s\r\n\r\nx\r\n"
    assert limited.send_mime([f"{canary.word()}@rcpt.test"], mime, [("o:testmode", "yes")])
    for method, path in (
        ("GET", f"/v3/{sender.domain.name}/events"),
        ("GET", f"/v3/domains/{sender.domain.name}/sending_queues"),
        ("GET", f"/v3/domains/{sender.domain.name}/messages/x"),
        ("DELETE", f"/v3/{sender.domain.name}/envelopes"),
    ):
        answer = limited.call(method, path)
        assert answer.status_code == 403 and answer.json()["message"] == "Forbidden", (path, answer.text)


def test_a_strangers_domain_does_not_exist_for_us(sender, stranger):
    theirs = stranger.domain.name
    answer = sender.post(f"/v3/{theirs}/messages", data=fields(stranger))
    assert (answer.status_code, answer.json()) == (404, {"message": f"Domain not found: {theirs}"})
    for path in (f"/v3/{theirs}/events", f"/v3/domains/{theirs}/sending_queues"):
        answer = sender.get(path)
        assert answer.status_code == 404 and "omain not found" in answer.json()["message"], (path, answer.text)
    assert sender.delete(f"/v3/{theirs}/envelopes").status_code == 404


def test_a_strangers_stored_message_and_pages_do_not_exist_for_us(sender, stranger):
    made = fields(stranger, subject=canary.word())
    message_id = stranger.send(made)
    event = stranger.wait_event(message_id, "accepted")
    key, url = event["storage"]["key"], event["storage"]["url"]
    for path in (url, f"/v3/domains/{sender.domain.name}/messages/{key}"):
        for method in ("GET", "POST", "DELETE"):
            answer = sender.call(method, path, data={"to": "b@rcpt.test"} if method == "POST" else None)
            assert answer.status_code == 404, (method, path, answer.status_code)
    body = stranger.get(f"/v3/{stranger.domain.name}/events", params={"limit": 1}).json()
    token = body["paging"]["first"].rsplit("/", 1)[1]
    got = sender.get(f"/v3/{sender.domain.name}/events/{token}")
    if got.status_code == 200:
        ours = {one["domain"]["name"] for one in got.json()["items"]}
        assert ours <= {sender.domain.name}
    assert sender.get(body["paging"]["first"]).status_code == 404


def test_a_name_belongs_to_one_account(platform, sender, stranger):
    done = platform.run("domain", "create", sender.domain.name, "--account", stranger.domain.account.id, check=False)
    assert done.returncode != 0 and done.stderr


def test_the_same_address_may_write_from_two_accounts_apart(sender, stranger):
    word = canary.word()
    for one in (sender, stranger):
        one.wait_event(one.send(fields(one, subject=word)), "delivered")
        assert {e["domain"]["name"] for e in one.events(subject=word)} == {one.domain.name}


def test_the_api_key_is_long_random_and_stored_hashed(platform, account):
    key = account.key
    assert key.startswith("key-") and len(key) >= 68
    for path in platform.data.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), f"the key in clear in {path.name}"
            assert key.removeprefix("key-").split("-")[0].encode() not in path.read_bytes()


def test_another_domains_sender_address_is_the_callers_choice(sender, sink):
    """Only the envelope sender must be of the domain in the path."""
    recipient = f"{canary.word()}@rcpt.test"
    sender.send([("from", "boss@elsewhere.test"), ("to", recipient), ("text", "t")])
    (got,) = sink.wait(recipient)
    assert got.sender.endswith(sender.domain.name)
