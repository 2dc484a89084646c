"""Refusals of `POST /v3/{domain}/messages`: status and text to the letter."""

import email.utils
import time

import pytest

from rig import canary
from rig.api import as_multipart

OK = [("from", "a@sender.test"), ("to", "b@rcpt.test"), ("subject", "s"), ("text", "t")]


NEED_BODY = "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
NOT_ADDRESS = " parameter is not a valid address. please check documentation"
CASES = {
    "no from": ([(n, v) for n, v in OK if n != "from"], "from parameter is missing"),
    "no to": ([(n, v) for n, v in OK if n != "to"], "to parameter is missing"),
    "no body": ([(n, v) for n, v in OK if n != "text"], NEED_BODY),
    "bad from": ([*OK[1:], ("from", "not an address")], "from" + NOT_ADDRESS),
    "bad to": ([OK[0], *OK[2:], ("to", "a@b@c, x")], "to" + NOT_ADDRESS),
    "one bad to among good": ([*OK, ("to", "broken@")], "to" + NOT_ADDRESS),
    "bad cc": ([*OK, ("cc", "nobody at nowhere")], "cc" + NOT_ADDRESS),
    "bad bcc": ([*OK, ("bcc", "<<>>")], "bcc" + NOT_ADDRESS),
    "html and template": (
        [*OK, ("html", "<p>x</p>"), ("template", "welcome")],
        "Only one parameters 'html' or 'template' is allowed",
    ),
    "options over 16 kB": (
        [*OK, ("v:big", "x" * 9000), ("h:X-Big", "y" * 9000)],
        "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total",
    ),
    "1001 recipients": (
        [OK[0], *OK[2:], ("to", ", ".join(f"r{n}@rcpt.test" for n in range(1001)))],
        "Too many recipients, max is 1000",
    ),
    "1001 over to, cc and bcc": (
        [
            OK[0],
            *OK[2:],
            *[("to", f"r{n}@rcpt.test") for n in range(400)],
            ("cc", ", ".join(f"c{n}@rcpt.test" for n in range(400))),
            ("bcc", ", ".join(f"b{n}@rcpt.test" for n in range(201))),
        ],
        "Too many recipients, max is 1000",
    ),
    "h:From": ([*OK, ("h:From", "not an address")], "h:From" + NOT_ADDRESS),
    "h:To": ([*OK, ("h:To", "also, not")], "h:To" + NOT_ADDRESS),
    "h:Sender": ([*OK, ("h:Sender", "a@b.test, c@d.test")], "h:Sender" + NOT_ADDRESS),
    "h:Reply-To": ([*OK, ("h:reply-to", "Help")], "h:reply-to" + NOT_ADDRESS),
    "header name": ([*OK, ("h:X-Größe", "1")], "Header name must be pure ASCII: X-Größe"),
    "recipient-variables": (
        [*OK, ("recipient-variables", '{"b@rcpt.test": ')],
        "'recipient-variables' parameter is not a valid JSON",
    ),
    "recipient-variables, a list": (
        [*OK, ("recipient-variables", "[1, 2]")],
        "'recipient-variables' parameter is not a valid JSON",
    ),
}


@pytest.mark.parametrize("multipart", [False, True], ids=["urlencoded", "multipart"])
@pytest.mark.parametrize("case", CASES)
def test_a_bad_message_is_refused_with_the_documented_text(sender, case, multipart):
    sent, text = CASES[case]
    answer = sender.try_send(sent, multipart=multipart)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["message"] == text


@pytest.mark.parametrize("value", ["tomorrow", "2026-13-45", "Mon, 99 Foo 2026 25:00:00", "-5", "1e400"])
def test_a_delivery_time_that_is_no_date_is_refused(sender, value):
    answer = sender.try_send([*OK, ("o:deliverytime", value)])
    assert answer.status_code == 400
    assert answer.json()["message"] in (
        f"{value} is not an RFC-2822 compliant date",
        "invalid delivery time format",
    )


@pytest.mark.parametrize("form", [email.utils.formatdate, str])
def test_a_delivery_time_beyond_three_days_is_refused(sender, form):
    answer = sender.try_send([*OK, ("o:deliverytime", form(int(time.time()) + 3 * 86400 + 600))])
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("value", ["25:00", "12:99", "noon", "13:00PM"])
def test_a_local_time_that_is_none_is_refused(sender, value):
    answer = sender.try_send([*OK, ("o:time-zone-localize", value)])
    assert answer.status_code == 400
    assert answer.json()["message"] in (
        f"{value} invalid 24 hour time",
        f"{value} is not a valid time to send",
    )


@pytest.mark.parametrize("value", ["10", "4m", "25h", "-1h", "1d", "soon"])
def test_a_give_up_window_outside_five_minutes_to_a_day_is_refused(sender, value):
    answer = sender.try_send([*OK, ("o:deliver-within", value)])
    assert answer.status_code == 400 and "deliver-within" in answer.json()["message"], answer.text


def test_another_domains_key_as_second_signature_is_refused(sender):
    answer = sender.try_send([*OK, ("o:secondary-dkim", "elsewhere.test/s1")])
    assert answer.status_code == 400
    assert "is not a valid secondary dkim domain name" in answer.json()["message"]


def test_a_source_address_that_is_not_ours_is_refused(sender):
    answer = sender.try_send([*OK, ("o:sending-ip", "203.0.113.9")])
    assert answer.status_code == 403
    assert answer.json()["message"] == "Rejected: IP 203.0.113.9 can't be used to send the message"


def test_templates_are_refused_clearly_until_they_exist(sender):
    answer = sender.try_send([*OK[:3], ("template", "welcome")])
    assert answer.status_code == 400 and "template" in answer.json()["message"].lower()


def test_broken_encodings_are_refused_with_the_documented_texts(sender):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = sender.post(sender.messages, data="from=%zz&to=b@rcpt.test", headers=form)
    assert (answer.status_code, answer.json()["message"]) == (
        400, "unable to parse request: invalid URL escape",
    )  # fmt: skip
    parts = {"Content-Type": "multipart/form-data; boundary=xyz"}
    for body in (b"no boundary at all", b'--xyz\r\nContent-Disposition: form-data; name="from"\r\n\r\na@b.test'):
        answer = sender.post(sender.messages, data=body, headers=parts)
        assert answer.status_code == 400
        assert answer.json()["message"] in (
            "malformed multipart/form-data request",
            "unable to parse request: unexpected EOF",
        )


def test_mime_without_a_message_or_recipients_is_refused(sender):
    path = sender.messages + ".mime"
    answer = sender.post(path, files=as_multipart([("to", "b@rcpt.test")]))
    assert (answer.status_code, answer.json()["message"]) == (400, "message parameter is missing")
    answer = sender.post(path, files=[("message", ("m.mime", b"From: a@b.test\r\n\r\nx\r\n"))])
    assert (answer.status_code, answer.json()["message"]) == (400, "to parameter is missing")
    answer = sender.post(path, data={"to": "b@rcpt.test", "x": "y"})
    assert answer.status_code == 400
    assert answer.json()["message"] in (
        "message parameter is missing",
        "Invalid request content type. Expecting 'multipart/form-data' but got 'application/x-www-form-urlencoded'",
    )


def test_a_body_over_the_hard_limit_is_refused_as_too_large(sender):
    files = [("attachment", ("big.bin", b"x" * (53 << 20), "application/octet-stream"))]
    try:
        answer = sender.try_send(OK, files)
    except OSError as why:  # refused while we were still sending
        pytest.fail(f"the connection broke instead of an answer: {type(why).__name__}")
    assert answer.status_code == 413
    assert answer.json()["message"] == "request size exceeds 52.4MiB limit"


def test_a_message_over_25_mb_is_refused(sender):
    files = [("attachment", ("big.bin", b"x" * (26 << 20), "application/octet-stream"))]
    answer = sender.try_send(OK, files)
    assert answer.status_code in (400, 413) and answer.json()["message"], answer.text


def test_unknown_domains_and_paths_are_told_apart(sender):
    answer = sender.post("/v3/unknown.test/messages", data=OK)
    assert (answer.status_code, answer.json()) == (404, {"message": "Domain not found: unknown.test"})
    for path in ("/v3/nothing/here/at/all", "/v9/x", f"/v3/{sender.domain.name}/nothing"):
        answer = sender.get(path)
        assert answer.status_code == 404 and answer.json()["message"] == "Not Found", (path, answer.text)


def test_answers_carry_the_usual_headers_and_reason_phrases(sender):
    answer = sender.try_send([*OK, ("o:testmode", "yes")])
    assert answer.status_code == 200 and answer.reason == "OK"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert len(answer.headers["X-Mailgun-Key-Id"].split("-")) == 2
    assert sender.try_send(OK[:2]).reason == "Bad Request"


def test_errors_never_repeat_the_callers_content(sender):
    word = canary.word()
    answer = sender.try_send([("from", f"{word} {word}"), ("to", "b@rcpt.test"), ("text", word)])
    assert answer.status_code == 400 and word not in answer.text
