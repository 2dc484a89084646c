"""The forms a request may come in, what is wrong with the others, and the texts that say so."""

import base64
import contextlib
import gzip
import http.client
import json
import re
import socket

import pytest

from rig.api import Api, accepted
from rig.platform import host_port

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("multipart", [False, True])
def test_both_forms_are_taken(ann, somebody, multipart):
    ann.send(ann.form(somebody), multipart=multipart)
    ann.got(somebody)


def test_everything_may_come_in_the_query(ann, somebody):
    accepted(ann.post(ann.messages, params=ann.form(somebody, **{"o:tag": "q"})))
    assert ann.got(somebody).header("X-Mailgun-Tag") == "q"


def test_the_body_wins_over_the_query(ann, somebody):
    answer = ann.post(ann.messages, params={"subject": "query", "text": "query"}, data=ann.form(somebody, subject="body"))
    accepted(answer)
    assert ann.got(somebody).header("Subject") == "body"
    assert ann.got(somebody).part("text/plain") == "Good day."


def test_a_form_may_be_compressed(ann, somebody):
    from urllib.parse import urlencode

    body = gzip.compress(urlencode(ann.form(somebody)).encode())
    accepted(ann.post(ann.messages, data=body, headers={**FORM, "Content-Encoding": "gzip"}))
    ann.got(somebody)


@pytest.mark.parametrize("type_", [{"Content-Type": "application/json"}, {}])
def test_one_json_object_is_taken_or_clearly_refused(ann, somebody, type_):
    answer = ann.post(ann.messages, data=json.dumps(dict(ann.form(somebody))), headers=type_)
    assert answer.status_code in (200, 400, 415) and answer.json()["message"]


@pytest.mark.parametrize("body", ["[]", "[1]", "1", '"x"', "{", '{"to": {"a": 1}}', '{"a":' * 100, "null", '{"from": null}'])
def test_json_that_is_no_form_is_refused(ann, body):
    answer = ann.post(ann.messages, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["message"]


@pytest.mark.parametrize("body", ["from=%", "from=%zz", "from=%2"])
def test_a_wrong_escape_is_refused(ann, body):
    answer = ann.post(ann.messages, data=body, headers=FORM)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("unable to parse request: invalid URL escape")


@pytest.mark.parametrize(
    "body,type_",
    [
        (b"", "multipart/form-data"),
        (b"--x\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary="),
    ],
)
def test_a_broken_multipart_is_refused(ann, body, type_):
    answer = ann.post(ann.messages, data=body, headers={"Content-Type": type_})
    assert answer.status_code == 400
    assert answer.json()["message"] in (
        "malformed multipart/form-data request", "unable to parse request: unexpected EOF", "from parameter is missing",
    )  # fmt: skip


@pytest.mark.parametrize("type_", ["text/xml", "text/plain", "application/octet-stream"])
def test_other_types_are_no_server_error(ann, type_):
    answer = ann.post(ann.messages, data=b"<x/>", headers={"Content-Type": type_})
    assert 400 <= answer.status_code < 500 and answer.json()["message"]


def test_a_request_without_anything_names_what_is_missing_first(ann):
    answer = ann.post(ann.messages)
    assert (answer.status_code, answer.json()) == (400, {"message": "from parameter is missing"})


@pytest.mark.parametrize("path", ["/v3/{d}/messages/", "//v3//{d}//messages", "/v3/{d}/messages//", "/v3/{d}/messages?"])
def test_slashes_mean_nothing_and_nothing_is_redirected(ann, somebody, path):
    answer = ann.post(path.format(d=ann.domain.name), data=ann.form(somebody))
    accepted(answer)


def test_the_domain_in_the_path_has_no_case_and_may_be_escaped(ann, somebody):
    accepted(ann.post(f"/v3/{ann.domain.name.upper()}/messages", data=ann.form(somebody)))
    accepted(ann.post(f"/v3/{ann.domain.name.replace('.', '%2E')}/messages", data=ann.form(somebody)))


@pytest.mark.parametrize("path", ["/", "/v3/nowhere", "/v2/x/messages", "/v3", "/v9/x"])
def test_an_unknown_path_is_not_found_and_never_the_old_greeting(ann, path):
    answer = ann.post(path)
    assert "Magnificent" not in answer.text and answer.status_code in (401, 404, 405)
    if path.startswith("/v"):
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_answers_have_the_headers_that_clients_know(ann, somebody):
    answer = ann.try_send(ann.form(somebody))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{8}", answer.headers["X-Mailgun-Key-Id"])
    assert answer.headers["X-Request-Id"]


def test_a_request_of_more_than_52_megabytes_is_refused(ann):
    answer = ann.post(ann.messages, files=[("attachment", ("a", b"x" * 55_000_000, "a/b"))])
    assert answer.status_code == 413 and answer.json()["message"] == "request size exceeds 52.4MiB limit"


def test_a_message_of_more_than_25_megabytes_is_refused(ann, somebody):
    answer = ann.try_send(ann.form(somebody), files=[("attachment", ("a", b"x" * 20_000_000, "a/b"))])
    assert answer.status_code in (400, 413) and answer.json()["message"]


def test_a_message_of_18_megabytes_of_files_arrives(ann, somebody):
    data = bytes(range(256)) * 70_000
    ann.send(ann.form(somebody), files=[("attachment", ("a.bin", data, "application/octet-stream"))])
    assert ann.got(somebody).files()["a.bin"] == data


@pytest.mark.parametrize(
    "method,path", [("POST", "/v3/nowhere"), ("POST", "/v3/{d}/events"), ("GET", "/v3/{d}/events"), ("DELETE", "/v3/domains/{d}/messages/x"),
                    ("GET", "/v3/domains/{d}/messages/x")],
)  # fmt: skip
def test_a_connection_is_kept_or_its_end_is_announced_when_the_body_comes_after_the_answer(ann, platform, method, path):
    token = base64.b64encode(f"api:{ann.domain.account.key}".encode()).decode()
    body = b"to=x%40rcpt.test"
    head = (
        f"{method} {path.format(d=ann.domain.name)} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(host_port(platform.url), 10) as line:

        def answer(first: bytes, then: bytes) -> http.client.HTTPResponse:
            line.sendall(first)
            line.settimeout(0.3)
            try:
                line.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                pass
            line.settimeout(10)
            with contextlib.suppress(BrokenPipeError):
                line.sendall(then)
            got = http.client.HTTPResponse(line)
            got.begin()
            got.read()
            return got

        one = answer(head, body)
        if one.getheader("Connection", "").lower() != "close":
            assert answer(head + body, b"").status == one.status


# Keys ------------------------------------------------------------------------------------------


def refused(answer):
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.rstrip("\n") == "Forbidden"
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="MG API"'


@pytest.mark.parametrize("how", ["none", "wrong key", "empty", "wrong user", "garbage", "bearer", "not utf-8", "no colon"])
def test_without_the_key_the_answer_is_forbidden(ann, platform, somebody, how):
    key = ann.domain.account.key
    header = {
        "none": None,
        "wrong key": "Basic " + base64.b64encode(b"api:key-" + b"0" * 64 + b"-00000000").decode(),
        "empty": "Basic " + base64.b64encode(b"api:").decode(),
        "wrong user": "Basic " + base64.b64encode(f"root:{key}".encode()).decode(),
        "garbage": "Basic %%%",
        "bearer": f"Bearer {key}",
        "not utf-8": "Basic " + base64.b64encode(b"api:\xff\xfe").decode(),
        "no colon": "Basic " + base64.b64encode(key.encode()).decode(),
    }[how]
    api = Api(platform, None)
    answer = api.post(ann.messages, data=ann.form(somebody), headers={"Authorization": header} if header else None)
    refused(answer)


@pytest.mark.parametrize("path", ["messages", "messages.mime", "events"])
def test_an_unknown_domain_is_named(ann, path):
    answer = ann.call("GET" if path == "events" else "POST", f"/v3/not-ours.test/{path}")
    assert answer.status_code == 404 and answer.json()["message"] in (
        "Domain not found: not-ours.test", "Domain not found")  # fmt: skip
    assert path == "events" or answer.json()["message"] == "Domain not found: not-ours.test"


def test_a_domain_of_somebody_else_looks_unknown(ann, platform):
    theirs = platform.domain(platform.account())
    answer = ann.post(f"/v3/{theirs.name}/messages")
    assert (answer.status_code, answer.json()["message"]) == (404, f"Domain not found: {theirs.name}")


def test_a_sending_key_only_sends_and_only_for_its_domain(ann, platform, account, sink, somebody):
    key = platform.sending_key(ann.domain)
    only = type(ann)(platform, ann.domain, sink, key)
    mid = only.send(only.form(somebody))
    assert only.send_mime([somebody], f"From: a@{ann.domain.name}\r\n\r\nx\r\n".encode())
    stored = ann.wait_event(mid, "accepted")["storage"]["key"]
    refused(only.post(f"/v3/{platform.domain(account).name}/messages", data=only.form(somebody)))
    for method, path in [
        ("GET", f"/v3/{ann.domain.name}/events"), ("GET", f"/v3/domains/{ann.domain.name}/sending_queues"),
        ("DELETE", f"/v3/{ann.domain.name}/envelopes"), ("GET", f"/v3/domains/{ann.domain.name}/messages/{stored}"),
        ("GET", "/v1/inbox"), ("DELETE", f"/v3/domains/{ann.domain.name}/messages/{stored}"), ("GET", "/v1/privacy/profile"),
        ("POST", f"/v3/domains/{ann.domain.name}/messages/{stored}"), ("GET", f"/v3/{ann.domain.name}/messages"),
    ]:  # fmt: skip
        answer = only.call(method, path)
        assert answer.status_code in (403, 404, 405), (method, path, answer.status_code)
        assert answer.json()["message"], (method, path)
        assert path.endswith("/messages") or (answer.status_code, answer.json()["message"]) == (403, "Forbidden"), path


# Asking twice ----------------------------------------------------------------------------------


def test_the_same_key_sends_once_and_answers_the_same(ann, somebody):
    headers = {"Idempotency-Key": somebody}
    first = ann.try_send(ann.form(somebody), headers=headers)
    again = ann.try_send(ann.form(somebody), headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())
    ann.wait_event(first.json()["id"], "delivered")
    assert len(ann.sink.seen(somebody)) == 1 and len(ann.events_of(first.json()["id"], event="accepted")) == 1


def test_the_same_key_asked_at_the_same_moment_sends_once(ann, somebody):
    from concurrent.futures import ThreadPoolExecutor

    def go(_):
        return ann.try_send(ann.form(somebody), headers={"Idempotency-Key": somebody})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(go, range(16)))
    ids = {one.json().get("id") for one in answers if one.status_code == 200}
    assert len(ids) == 1, [(one.status_code, one.text) for one in answers]
    ann.wait_event(ids.pop(), "delivered")
    assert len(ann.sink.seen(somebody)) == 1


def test_the_same_key_with_another_message_is_refused(ann, somebody):
    headers = {"Idempotency-Key": somebody}
    ann.try_send(ann.form(somebody), headers=headers)
    answer = ann.try_send(ann.form(somebody, text="Another."), headers=headers)
    assert answer.status_code == 422 and answer.json()["message"]


def test_a_refused_message_does_not_use_the_key_up(ann, somebody):
    headers = {"Idempotency-Key": somebody}
    assert ann.try_send(ann.form(somebody, text=None), headers=headers).status_code == 400
    assert ann.try_send(ann.form(somebody), headers=headers).status_code in (200, 422)


def test_keys_of_two_accounts_do_not_meet(ann, platform, sink, somebody):
    other = type(ann)(platform, platform.domain(platform.account()), sink)
    headers = {"Idempotency-Key": somebody}
    one = accepted(ann.try_send(ann.form(somebody), headers=headers))
    two = accepted(other.try_send(other.form(somebody), headers=headers))
    assert one != two and len(sink.wait(somebody, 2)) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_a_key_that_cannot_be_is_refused(ann, somebody, key):
    answer = ann.try_send(ann.form(somebody), headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 400 and "Idempotency-Key" in answer.json()["message"]


def test_sending_a_stored_message_again_with_the_same_key_sends_once(ann, somebody):
    event = ann.wait_event(ann.send(ann.form(ann.somebody())), "accepted")
    path = f"/v3/domains/{ann.domain.name}/messages/{event['storage']['key']}"
    for _ in range(2):
        mid = accepted(ann.post(path, data={"to": somebody}, headers={"Idempotency-Key": somebody}))
    ann.wait_event(mid, "delivered", somebody)
    assert len(ann.events(recipient=somebody, event="accepted")) == 1


def test_the_same_form_with_another_boundary_is_the_same_request(ann, somebody):
    files = [("attachment", ("a.txt", b"x", "text/plain"))]
    one, two = (accepted(ann.try_send(ann.form(somebody), files, headers={"Idempotency-Key": somebody})) for _ in range(2))
    assert one == two


# .mime -----------------------------------------------------------------------------------------


def mime(ann, to="x@rcpt.test", more=b""):
    return f"From: a@{ann.domain.name}\r\nTo: {to}\r\nSubject: s\r\n".encode() + more + b"\r\nbody\r\n"


@pytest.mark.parametrize("filename", ["message.mime", "MimeMessage", "message", None])
def test_mime_comes_as_a_file_or_as_a_plain_field(ann, somebody, filename):
    part = ("message", (filename, mime(ann, somebody), "message/rfc822")) if filename else ("message", (None, mime(ann, somebody)))
    accepted(ann.post(ann.messages + ".mime", files=[("to", (None, somebody)), part]))
    assert ann.got(somebody).part("text/plain") == "body"


@pytest.mark.parametrize("left_out", ["to", "message"])
def test_what_mime_needs_is_named(ann, somebody, left_out):
    parts = {"to": (None, somebody), "message": ("m", mime(ann), "message/rfc822")}
    del parts[left_out]
    answer = ann.post(ann.messages + ".mime", files=list(parts.items()))
    assert (answer.status_code, answer.json()) == (400, {"message": f"{left_out} parameter is missing"})


def test_mime_in_a_urlencoded_form_is_taken_or_refused_in_the_known_words(ann, somebody):
    answer = ann.post(ann.messages + ".mime", data={"to": somebody, "message": mime(ann)})
    assert answer.status_code == 200 or answer.json()["message"] == (
        "Invalid request content type. Expecting 'multipart/form-data' but got 'application/x-www-form-urlencoded'"
    )


def test_the_envelope_of_mime_is_its_to_parameter_alone(ann, somebody):
    shown = ann.somebody()
    hidden = ann.somebody()
    mid = ann.send_mime([somebody], mime(ann, shown, f"Cc: {shown}\r\nBcc: {hidden},\r\n {shown}\r\nResent-Bcc: {hidden}\r\n".encode()))
    ann.wait_event(mid, "delivered", somebody)
    seen = ann.got(somebody)
    assert seen.header("To") == shown and seen.header("Bcc") is None and hidden.encode() not in seen.raw
    assert ann.sink.seen(shown) == [] and len(ann.events_of(mid, event="accepted")) == 1


def test_mime_is_patched_and_its_other_bytes_are_left_alone(ann, somebody):
    odd = b"X-Odd:   spaced\r\n\tand folded  \r\nMIME-VERSION: 1.0\r\nContent-TYPE: text/plain;\r\n  charset=\"utf-8\"\r\n"
    body = b"line with trailing blanks  \r\n\r\n\t\r\n..dots\r\n.\xc3\xbc\r\n\r\n\r\n"
    head = f"from: a@{ann.domain.name}\r\nTO: x@rcpt.test\r\nsubject:   s  s\r\n".encode() + odd
    ann.send_mime([somebody], head + b"\r\n" + body)
    raw = ann.got(somebody).raw
    assert head in raw and raw.endswith(b"\r\n\r\n" + body)


def test_mime_without_date_and_message_id_gets_them_once(ann, somebody):
    mid = ann.send_mime([somebody], mime(ann))
    seen = ann.got(somebody)
    assert seen.headers("Message-Id") == [mid] and len(seen.headers("Date")) == 1


def test_mime_with_date_and_message_id_keeps_them(ann, somebody):
    more = b"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-ID: <" + somebody.encode() + b">\r\n"
    assert ann.send_mime([somebody], mime(ann, more=more)) == f"<{somebody}>"
    assert more in ann.got(somebody).raw


@pytest.mark.parametrize("bad", [b"no header at all", b"", b"\r\n\r\nbody", b"X" * 2000 + b"\r\n\r\n"])
def test_mime_that_is_no_message_is_refused_or_mended_but_no_server_error(ann, somebody, bad):
    answer = ann.post(ann.messages + ".mime", files=[("to", (None, somebody)), ("message", ("m", bad, "message/rfc822"))])
    assert answer.status_code in (200, 400) and answer.json()["message"]


def test_mime_with_bare_line_ends_arrives_with_whole_ones(ann, somebody):
    answer = ann.post(ann.messages + ".mime", files=[("to", (None, somebody)), ("message", ("m", mime(ann).replace(b"\r\n", b"\n"), "a/b"))])
    assert answer.status_code == 200, answer.text
    assert b"\n" not in ann.got(somebody).raw.replace(b"\r\n", b"")
