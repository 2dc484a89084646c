"""SMTP logins of a domain by the API, each tried at the submission server; and the end of a domain."""

import time

import pytest

import owning
from owning import RFC1123_GMT, RFC2822, Owner, good, logs_in, password, refused
from rig import canary, waiting, wire
from rig.platform import Platform


@pytest.fixture(scope="module")
def wary(outside, tmp_path_factory):
    """A server of our own: wrong passwords make it wary of everybody on this machine."""
    one = Platform(tmp_path_factory.mktemp("wary"), outside).start()
    yield one
    assert canary.found_in(one.written()) == [], "passwords in what the server wrote"
    one.kill()


@pytest.fixture
def owner(wary):
    return Owner(wary, wary.account())


@pytest.fixture
def made(owner):
    return owner.make()


def listed(made, **query):
    body = good(made.owner.get(made.path + "/credentials", params=query))
    for one in body["items"]:
        assert set(one) >= {"created_at", "login", "mailbox", "size_bytes"} and one["size_bytes"] in (None, 0)
        assert RFC2822.fullmatch(one["created_at"]) or RFC1123_GMT.fullmatch(one["created_at"]), one
        assert one["login"] == one["mailbox"] and one["login"].endswith("@" + made.name)
    return body


def logins(made, **query):
    return sorted(one["login"].split("@")[0] for one in listed(made, **query)["items"])


def test_a_life_of_a_login(wary, made):
    first, second = password(), password()
    body = good(made.owner.post(made.path + "/credentials", data={"login": "ann", "password": first}))
    assert body["message"] == "Created 1 credentials pair(s)" and first not in str(body)
    assert "ann" in logins(made) and first not in str(listed(made))
    assert logs_in(wary, f"ann@{made.name}", first)
    assert not logs_in(wary, f"ann@{made.name}", second)
    body = good(made.owner.put(made.path + "/credentials/ann", data={"password": second}))
    assert body["message"] == "Password changed"
    assert logs_in(wary, f"ann@{made.name}", second) and not logs_in(wary, f"ann@{made.name}", first)
    body = good(made.owner.delete(made.path + "/credentials/ann"))
    assert body == {"message": "Credentials have been deleted", "spec": f"ann@{made.name}"}
    assert not logs_in(wary, f"ann@{made.name}", second)
    assert refused(made.owner.delete(made.path + "/credentials/ann"), (404,)) == "Credentials not found"
    assert refused(made.owner.put(made.path + "/credentials/ann", data={"password": first}), (404,)) == "Credentials not found"


@pytest.mark.parametrize("how", ["multipart", "json", "query", "mailbox", "full", "capitals"])
def test_every_way_to_name_a_login(wary, made, how):
    word = password()
    fields = {"login": "bob", "password": word}
    calls = {
        "multipart": {"files": {key: (None, value) for key, value in fields.items()}}, "json": {"json": fields}, "query": {"params": fields},
        "mailbox": {"data": {"mailbox": "bob", "password": word}}, "full": {"data": {"login": f"bob@{made.name}", "password": word}},
        "capitals": {"data": {"login": f"bob@{made.name.upper()}", "password": word}},
    }  # fmt: skip
    assert good(made.owner.post(made.path + "/credentials", **calls[how]))["message"] == "Created 1 credentials pair(s)"
    assert logs_in(wary, f"bob@{made.name}", word)
    word = password()
    good(made.owner.put(f"{made.path}/credentials/bob%40{made.name}", **({"params": {"password": word}} if how == "query" else {"data": {"password": word}})))
    assert logs_in(wary, f"bob@{made.name}", word)
    assert good(made.owner.delete(f"{made.path}/credentials/bob@{made.name}"))["spec"] == f"bob@{made.name}"


def test_a_password_is_made_when_none_is_given(wary, made):
    body = good(made.owner.post(made.path + "/credentials", data={"login": "carol"}))
    assert body["message"] == "Created 1 credentials pair(s)" and isinstance(body["note"], str) and body["note"]
    [(login, word)] = body["credentials"].items()
    assert login == f"carol@{made.name}" and logs_in(wary, login, word)
    body = good(made.owner.put(made.path + "/credentials/carol"))
    assert body["message"] == "Password changed" and isinstance(body["note"], str)
    [(login, new)] = body["credentials"].items()
    assert login == f"carol@{made.name}" and new != word and logs_in(wary, login, new) and not logs_in(wary, login, word)


def test_several_at_once(wary, made):
    words = [password(), password()]
    fields = [("login", "one"), ("password", words[0]), ("login", "two"), ("password", words[1])]
    assert good(made.owner.post(made.path + "/credentials", data=fields))["message"] == "Created 2 credentials pair(s)"
    assert logs_in(wary, f"one@{made.name}", words[0]) and logs_in(wary, f"two@{made.name}", words[1])
    body = good(made.owner.post(made.path + "/credentials", data=[("login", "three"), ("login", "four")]))
    assert body["message"] == "Created 2 credentials pair(s)" and set(body["credentials"]) == {f"three@{made.name}", f"four@{made.name}"}
    body = good(made.owner.delete(made.path + "/credentials"))
    assert body["message"] == "All domain credentials have been deleted" and body["count"] == 4
    assert logins(made) == [] and not logs_in(wary, f"one@{made.name}", words[0])
    assert good(made.owner.delete(made.path + "/credentials"))["count"] == 0


def test_pages_of_logins(made):
    for number in range(5):
        good(made.owner.post(made.path + "/credentials", data={"login": f"p{number}", "password": password()}))
    assert listed(made)["total_count"] == 5 == len(listed(made)["items"])
    seen = []
    for skip in (0, 2, 4, 6):
        body = listed(made, limit=2, skip=skip)
        assert body["total_count"] == 5
        seen += [one["login"] for one in body["items"]]
    assert len(seen) == len(set(seen)) == 5
    assert "1000" in refused(made.owner.get(made.path + "/credentials", params={"limit": 1001}))
    assert refused(made.owner.get(made.path + "/credentials", params={"limit": 1001})) == "Limit parameter can't be larger than 1000"
    for query in ({"limit": "x"}, {"limit": "-1"}, {"skip": "x"}, {"skip": "-1"}):
        refused(made.owner.get(made.path + "/credentials", params=query))


BAD_LOGINS = ["", " ", "a b", "a@b@c", "@", "a@", "a\r\nb", "a\0b", "x" * 65, "a@elsewhere.test", "<a>", "a,b", "ann:x", ".a", "a..b", '"a"b', "ä" * 70]


def test_bad_logins_make_nothing(made):
    wrong = []
    assert refused(made.owner.post(made.path + "/credentials", data={"password": password()})) == "Parameter 'login' is missing"
    for bad in BAD_LOGINS:
        answer = made.owner.post(made.path + "/credentials", data={"login": bad, "password": password()})
        if answer.status_code != 400 or not answer.json().get("message"):
            wrong.append((bad[:20], answer.status_code, answer.text[:200]))
    for bad in ("1234", "x" * 33, ""):
        answer = made.owner.post(made.path + "/credentials", data={"login": "ok", "password": bad})
        if bad and answer.status_code != 400:
            wrong.append((bad, answer.status_code, answer.text[:200]))
        elif answer.status_code == 200:
            made.owner.delete(made.path + "/credentials/ok")
    assert wrong == [] and logins(made) == []
    fields = [("login", "good"), ("password", password()), ("login", "b a d"), ("password", password())]
    refused(made.owner.post(made.path + "/credentials", data=fields))
    assert logins(made) == [], "nothing half done"


def test_the_bounds_of_passwords(wary, made):
    for length in (5, 32):
        word = (password() * 3)[:length]
        good(made.owner.post(made.path + "/credentials", data={"login": f"n{length}", "password": word}))
        assert logs_in(wary, f"n{length}@{made.name}", word)
    for bad in ("1234", "x" * 33):
        said = refused(made.owner.post(made.path + "/credentials", data={"login": "bad", "password": bad}))
        assert said == f"Password is too {'short' if len(bad) < 5 else 'long'}. It must be between 5 and 32 characters."
        refused(made.owner.put(made.path + "/credentials/n5", data={"password": bad}))
    assert logs_in(wary, f"n5@{made.name}", (word := "x")) is False or word
    odd = 'a:ü"\\ %+&'
    good(made.owner.put(made.path + "/credentials/n5", data={"password": odd}))
    assert logs_in(wary, f"n5@{made.name}", odd)


def test_a_login_twice_is_refused_or_changed_but_never_two(wary, made):
    first, second = password(), password()
    good(made.owner.post(made.path + "/credentials", data={"login": "dup", "password": first}))
    answer = made.owner.post(made.path + "/credentials", data={"login": "DUP", "password": second})
    assert answer.status_code in (200, 400), answer.text
    assert logins(made) == ["dup"]
    assert logs_in(wary, f"dup@{made.name}", second if answer.status_code == 200 else first)
    assert not logs_in(wary, f"dup@{made.name}", first if answer.status_code == 200 else second)


def test_the_password_of_the_domain_itself(wary, owner):
    first, second = password(), password()
    made = owner.make(smtp_password=first)
    login = made.answer["domain"]["smtp_login"]
    assert login == f"postmaster@{made.name}" and logs_in(wary, login, first)
    made.put(smtp_password=second)
    assert logs_in(wary, login, second) and not logs_in(wary, login, first)
    answer = owner.delete(made.path + "/credentials/postmaster")
    if answer.status_code != 200:
        assert refused(answer) == f"Cannot delete system mailbox: postmaster@{made.name}"
        assert logs_in(wary, login, second)


def test_mail_by_smtp_is_refused_until_the_domain_is_verified(wary, zone, sink, made):
    word = password()
    good(made.owner.post(made.path + "/credentials", data={"login": "app", "password": word}))
    to = f"{canary.word()}@rcpt.test"

    def submit():
        with wire.opened(wary.submission) as line:
            assert line.login(f"app@{made.name}", word).code == 235
            for command in (f"MAIL FROM:<app@{made.name}>", f"RCPT TO:<{to}>", "DATA"):
                reply = line.talk(command)
                if not reply:
                    return reply
            line.send(f"From: app@{made.name}\r\nTo: {to}\r\nSubject: s\r\n\r\nbody\r\n.\r\n".encode())
            return line.reply()

    assert 500 <= submit().code < 600
    owning.publish(zone, made.answer, made.name)
    assert made.verify()["domain"]["state"] == "active"
    assert submit().code == 250
    [one] = sink.wait(to)
    assert {domain for _, domain, _ in owning.signed_by(one.raw, zone)} == {made.name}


# The end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_deleted_domain_is_gone_and_its_name_free(wary, owner, zone, version):
    word = password()
    made = owner.make()
    good(owner.post(made.path + "/credentials", data={"login": "ann", "password": word}))
    good(owner.post(f"/v3/{made.name}/bounces", data={"address": "x@rcpt.test"}))
    key = wary.command("key", "create", "--account", owner.account.id, "--domain", made.name)["api_key"]
    old = {one["value"] for one in owning.records(made.answer, "dkim")}
    assert good(owner.delete(f"/{version}/domains/{made.name}")) == {"message": "Domain will be deleted in the background"}
    assert waiting.until(lambda: owner.get(f"/v4/domains/{made.name}").status_code == 404, "its end")
    assert owner.names() == [] and good(owner.get("/v1/dkim/keys"))["items"] == []
    assert not logs_in(wary, f"ann@{made.name}", word)
    refused(owner.delete(f"/{version}/domains/{made.name}"), (404,))
    assert "Domain not found" in refused(owner.post(f"/v3/{made.name}/messages", data={"from": "a@b.test", "to": "x@rcpt.test", "text": "x"}), (404,))
    assert owner.get(f"/v3/{made.name}/bounces").status_code == 404
    other = Owner(wary, wary.account())
    again = other.make(made.name)
    assert again.answer["domain"]["id"] != made.answer["domain"]["id"] and again.answer["domain"]["state"] == "unverified"
    assert not old & {one["value"] for one in owning.records(again.answer, "dkim")}, "keys of the old owner"
    assert good(other.get(f"/v3/{made.name}/bounces"))["items"] == [] and good(other.get(again.path + "/credentials"))["total_count"] == 0
    assert not logs_in(wary, f"ann@{made.name}", word)
    assert owner.get(f"/v4/domains/{made.name}").status_code == 404
    assert Owner(wary, type(owner.account)(owner.account.id, key, "")).post(f"/v3/{made.name}/messages", data={"from": f"a@{made.name}", "to": "x@rcpt.test", "text": "x"}).status_code in (401, 404)


def test_mail_that_waits_for_a_deleted_domain_is_dropped(wary, owner, zone, sink):
    gone, stays = owning.active(owner, zone), owning.active(owner, zone)
    waits, deferred, marker = (f"{canary.word()}@rcpt.test" for _ in range(3))
    sink.refuse(deferred, "450 4.2.0 later", always=True)
    gone.send(deferred)
    sink.wait_refusal(deferred)
    due = int(time.time()) + 6
    gone.send(waits, **{"o:deliverytime": str(due)})
    good(owner.delete(gone.path))
    sink.relent(deferred)
    stays.send(marker, **{"o:deliverytime": str(due + 3)})
    sink.wait(marker)
    assert sink.seen(waits) == [] and sink.seen(deferred) == []
    listing = wary.run("queue", "list", f"domain:{gone.name}", "--json", check=False).stdout.decode()
    assert deferred not in listing and waits not in listing


def test_a_deleted_domain_stays_deleted_after_a_restart(outside, tmp_path):
    one = Platform(tmp_path / "restarted", outside).start()
    try:
        owner = Owner(one, one.account())
        made, kept = owner.make(), owner.make(web_scheme="https", smtp_password=(word := password()))
        kept.put("/tracking/click", active="yes")
        good(owner.post("/v1/dkim/keys", data={"signing_domain": kept.name, "selector": "more"}))
        good(owner.delete(made.path))
        before = kept.state()
        one.kill()
        one.start()
        assert owner.names() == [kept.name] and kept.state() == before
        assert logs_in(one, f"postmaster@{kept.name}", word)
    finally:
        one.kill()
