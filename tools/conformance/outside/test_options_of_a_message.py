"""Each `o:` option: what it does, the forms it takes, and what it refuses."""

import email.utils
import json
import time
from datetime import UTC, datetime, timedelta, timezone

import dkim
import pytest

YES = ["yes", "true", "True", "1", "on", "YES"]
NO = ["no", "false", "False", "0", "off"]


@pytest.fixture(scope="module")
def send(ann):
    """Send with options: the message's id, the recipient."""

    def go(to=None, **options):
        to = to or ann.somebody()
        return ann.send(ann.form(to, **{"o:" + n.replace("_", "-"): v for n, v in options.items()})), to

    return go


@pytest.fixture(scope="module")
def refuse(ann):
    def go(**options):
        return ann.refused(ann.form(ann.somebody(), **{"o:" + n.replace("_", "-"): v for n, v in options.items()}))

    return go


def test_tags_reach_the_event_and_the_message(ann, send):
    mid, to = send(tag=["welcome", "Week 7"])
    assert {one.lower() for one in ann.wait_event(mid, "delivered")["tags"]} == {"welcome", "week 7"}
    assert [one.lower() for one in ann.got(to).headers("X-Mailgun-Tag")] == ["welcome", "week 7"]


def test_tags_that_differ_in_case_alone_are_one(ann, send):
    mid, _ = send(tag=["News", "news", "NEWS"])
    assert len(ann.wait_event(mid, "delivered")["tags"]) == 1


def test_ten_tags_are_kept_and_more_are_dropped(ann, send):
    mid, _ = send(tag=[f"t{n:02}" for n in range(12)])
    assert ann.wait_event(mid, "delivered")["tags"] == [f"t{n:02}" for n in range(10)]


def test_a_tag_of_128_characters_is_kept(ann, send):
    mid, _ = send(tag="t" * 128)
    assert ann.wait_event(mid, "delivered")["tags"] == ["t" * 128]


@pytest.mark.parametrize("tag", ["t" * 129, "größe"])
def test_a_tag_that_cannot_be_is_dropped_or_refused(ann, tag):
    answer = ann.try_send(ann.form(ann.somebody(), **{"o:tag": tag}))
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert ann.wait_event(answer.json()["id"], "delivered")["tags"] == []


@pytest.mark.parametrize("value", YES)
def test_test_mode_sends_nothing_and_says_delivered_with_650(ann, send, value):
    mid, to = send(testmode=value)
    event = ann.wait_event(mid, "delivered")
    assert event["delivery-status"]["code"] == 650 and event["flags"]["is-test-mode"] is True
    assert ann.events_of(mid, event="accepted")[0]["flags"]["is-test-mode"] is True
    assert ann.sink.seen(to) == []


@pytest.mark.parametrize("value", NO)
def test_test_mode_can_be_said_to_be_off(ann, send, value):
    mid, to = send(testmode=value)
    assert ann.wait_event(mid, "delivered")["flags"]["is-test-mode"] is False
    ann.got(to)


@pytest.mark.parametrize("value", YES)
def test_dkim_on_signs(ann, send, value):
    _, to = send(dkim=value)
    assert ann.got(to).headers("DKIM-Signature")


@pytest.mark.parametrize("value", NO)
def test_dkim_off_leaves_the_message_unsigned(ann, send, value):
    _, to = send(dkim=value)
    assert ann.got(to).headers("DKIM-Signature") == []


def test_a_second_signature_of_another_domain_is_added_and_verifies(ann, send, platform, account, zone):
    other = platform.domain(account)
    _, to = send(secondary_dkim=f"{other.name}/{other.selectors[0]}")
    raw = ann.got(to).raw
    signed = [one for one in ann.got(to).headers("DKIM-Signature") if f"d={other.name};" in one.replace(" ", "")]
    assert len(signed) == 1
    count = len(ann.got(to).headers("DKIM-Signature"))
    checker = dkim.DKIM(raw)
    assert all(checker.verify(idx=n, dnsfunc=lambda name, **_: zone.text_of(name.decode())) for n in range(count))


@pytest.mark.parametrize("value", ["nonsense", "unknown.test/sel", "/", "a/b/c"])
def test_a_second_signature_that_cannot_be_made_is_refused(refuse, value):
    status, text = refuse(secondary_dkim=value)
    assert status == 400 and "is not a valid secondary dkim domain name" in text


def _times():
    soon = int(time.time()) + 86400
    utc = datetime.fromtimestamp(soon, UTC)
    east = utc.astimezone(timezone(timedelta(hours=5, minutes=30)))
    return soon, {
        "rfc 2822": email.utils.format_datetime(utc),
        "GMT": email.utils.format_datetime(utc, usegmt=True),
        "UTC": email.utils.format_datetime(utc, usegmt=True).replace("GMT", "UTC"),
        "zone": email.utils.format_datetime(east),
        "no weekday": email.utils.format_datetime(utc).split(", ")[1],
        "one-digit day": email.utils.format_datetime(utc).replace(", 0", ", "),
        "epoch": str(soon),
        "epoch float": f"{soon}.0",
    }


@pytest.mark.parametrize("form", list(_times()[1]))
def test_a_time_of_delivery_is_understood_in_every_form(ann, send, form):
    soon, forms = _times()
    mid, to = send(deliverytime=forms[form])
    event = ann.wait_event(mid, "accepted")
    assert event["message"]["scheduled-for"] == soon and type(event["message"]["scheduled-for"]) is int
    assert ann.sink.seen(to) == []


@pytest.mark.parametrize("past", ["Fri, 14 Oct 2011 23:10:10 -0000", "Thu, 1 Jan 2015 00:00:00 GMT", "1", "1700000000"])
def test_a_time_of_delivery_in_the_past_means_now(ann, send, past):
    _, to = send(deliverytime=past)
    ann.got(to)


def test_a_message_leaves_at_its_time_and_not_before(ann, send):
    at = int(time.time()) + 3
    mid, to = send(deliverytime=str(at))
    assert ann.got(to).arrival.at >= at
    assert ann.wait_event(mid, "delivered")["timestamp"] >= at


def test_three_days_ahead_is_taken_and_more_is_refused(ann, send, refuse):
    send(deliverytime=str(int(time.time()) + 3 * 86400 - 60))
    status, _ = refuse(deliverytime=str(int(time.time()) + 3 * 86400 + 3600))
    assert status == 400


@pytest.mark.parametrize("value", ["tomorrow", "2026-13-45", "Fri, 99 Foo 2026", "nan", "inf", "-", "1e400", "Mon, 31 Feb 2027 10:00:00 GMT"])
def test_what_is_no_time_is_refused(refuse, value):
    status, text = refuse(deliverytime=value)
    assert (status, text) in [(400, f"{value} is not an RFC-2822 compliant date"), (400, "invalid delivery time format")]


@pytest.mark.parametrize("value", ["5m", "24h", "1h30m", "2h", "0h5m"])
def test_a_window_of_delivery_is_taken(ann, send, value):
    _, to = send(deliver_within=value)
    ann.got(to)


@pytest.mark.parametrize("value", ["4m", "25h", "24h1m", "x", "5", "-5m", "1d", "99999999999999999999h"])
def test_a_window_beyond_its_bounds_is_refused(refuse, value):
    status, text = refuse(deliver_within=value)
    assert status == 400 and ("deliver-within" in text or value in text)


@pytest.mark.parametrize("value", ["24h", "48h", "72h"])
def test_a_period_to_optimise_sends_at_once_without_data(ann, send, value):
    _, to = send(deliverytime_optimize_period=value)
    ann.got(to)


@pytest.mark.parametrize("value", ["23h", "73h", "x"])
def test_a_period_beyond_its_bounds_is_refused(refuse, value):
    assert refuse(deliverytime_optimize_period=value)[0] == 400


@pytest.mark.parametrize("value", ["02:00PM", "14:00", "00:00", "23:59", "12:00AM", "11:59am"])
def test_a_local_time_is_understood(ann, value):
    ann.send(ann.form(ann.somebody(), **{"o:time-zone-localize": value, "o:testmode": "yes"}))


@pytest.mark.parametrize("value", ["25:00", "13:00PM", "noon", "12:60", "00:00AM", "7"])
def test_what_is_no_local_time_is_refused(refuse, value):
    assert refuse(time_zone_localize=value) in [
        (400, f"{value} invalid 24 hour time"),
        (400, f"{value} is not a valid time to send"),
    ]


@pytest.mark.parametrize("name", ["tracking", "tracking-clicks", "tracking-opens", "tracking-pixel-location-top"])
@pytest.mark.parametrize("value", ["yes", "no", "true", "False", "htmlonly"])
def test_tracking_switches_are_taken(ann, name, value):
    ann.send(ann.form(ann.somebody(), **{"o:" + name: value, "o:testmode": "yes"}))


def test_require_tls_waits_where_the_server_has_none(ann, send):
    mid, to = send(ann.somebody("plain.test"), require_tls="yes")
    assert ann.wait_event(mid, "failed")["severity"] == "temporary"
    assert ann.sink.seen(to) == []


def test_require_tls_wants_a_good_certificate_unless_told_otherwise(ann, send):
    mid, to = send(require_tls="True")
    assert ann.wait_event(mid, "failed")["severity"] == "temporary"
    mid, to = send(require_tls="true", skip_verification="yes")
    event = ann.wait_event(mid, "delivered")
    assert event["delivery-status"]["tls"] is True and event["delivery-status"]["certificate-verified"] is False
    assert ann.got(to).arrival.tls


def test_without_require_tls_a_server_without_it_gets_the_message(ann, send):
    mid, to = send(ann.somebody("plain.test"), require_tls="no")
    assert ann.wait_event(mid, "delivered")["delivery-status"]["tls"] is False
    assert not ann.got(to).arrival.tls


def test_an_address_to_send_from_that_is_not_ours_is_refused(refuse):
    assert refuse(sending_ip="192.0.2.7") == (403, "Rejected: IP 192.0.2.7 can't be used to send the message")


@pytest.mark.parametrize("name,what", [("sending-ip-pool", "pool"), ("archive-to", "archive-to")])
def test_what_comes_later_is_either_done_or_clearly_refused(ann, name, what):
    status = ann.try_send(ann.form(ann.somebody(), **{"o:" + name: "https://example.org/x"}))
    assert status.status_code == 200 or (status.status_code in (400, 403) and what in status.json()["message"])


@pytest.mark.parametrize("value,gone", [("all", {"X-Mailgun-Tag", "X-Mailgun-Variables"}), ("X-Mailgun-Tag", {"X-Mailgun-Tag"})])
def test_our_own_headers_can_be_suppressed(ann, value, gone):
    seen = ann.deliver(options={"o:suppress-headers": value, "o:tag": "t", "v:a": "b"})
    left = {name for name in ("X-Mailgun-Tag", "X-Mailgun-Variables") if seen.header(name)}
    assert left == {"X-Mailgun-Tag", "X-Mailgun-Variables"} - gone
    assert value != "all" or not any(name.lower().startswith("x-mailgun-") for name in seen.mail.keys())


def test_options_in_headers_act_like_the_options(ann):
    to = ann.somebody()
    mid = ann.send(ann.form(to, **{"h:X-Mailgun-Tag": "from-header", "h:X-Mailgun-Drop-Message": "yes"}))
    event = ann.wait_event(mid, "delivered")
    assert event["tags"] == ["from-header"] and event["delivery-status"]["code"] == 650


def test_options_in_headers_of_a_mime_message_act_too(ann):
    to = ann.somebody()
    head = f"From: a@{ann.domain.name}\r\nTo: {to}\r\nSubject: s\r\nX-Mailgun-Tag: one\r\nx-mailgun-tag: two\r\n"
    head += 'X-Mailgun-Variables: {"a": "1"}\r\nX-Mailgun-Variables: {"b": "2"}\r\nX-Mailgun-Dkim: no\r\n\r\nhi\r\n'
    mid = ann.send_mime([to], head.encode(), [("o:tag", "three"), ("v:c", "3")])
    event = ann.wait_event(mid, "delivered")
    assert sorted(event["tags"]) == ["one", "three", "two"]
    assert event["user-variables"] == {"a": "1", "b": "2", "c": "3"}
    seen = ann.got(to)
    assert seen.headers("DKIM-Signature") == []
    assert json.loads(seen.header("X-Mailgun-Variables")) == {"a": "1", "b": "2", "c": "3"} or len(seen.headers("X-Mailgun-Variables")) > 1
