"""What the options, headers and variables of a message do."""

import email.utils
import json
import re
import time

import pytest

from rig import canary, parcel
from rig.api import Sender


def small(sender, where="rcpt.test", **more):
    recipient = f"{canary.word()}@{where}"
    made = {"from": f"a@{sender.domain.name}", "to": recipient, "subject": canary.word(), "text": "text"}
    return recipient, list({**made, **more}.items())


def only(sink, recipient):
    (got,) = sink.wait(recipient)
    return got, parcel.read(got)


# Identity ------------------------------------------------------------------------------------


def test_the_id_is_the_message_id_that_arrives(sender, sink):
    recipient, fields = small(sender)
    message_id = sender.send(fields)
    got, message = only(sink, recipient)
    assert str(message["Message-ID"]) == message_id and message_id.endswith(f"@{sender.domain.name}>")
    assert email.utils.parsedate_to_datetime(str(message["Date"])).timestamp() == pytest.approx(got.at, abs=120)


def test_a_message_id_of_the_callers_own_is_kept_and_returned(sender, sink):
    for name in ("h:Message-Id", "h:Message-ID"):
        wanted = email.utils.make_msgid(domain="own.test")
        recipient, fields = small(sender)
        assert sender.send([*fields, (name, wanted)]) == wanted
        _, message = only(sink, recipient)
        assert [str(one) for one in message.get_all("Message-ID")] == [wanted]


def test_the_return_path_differs_for_each_message_and_domain(sender, sink):
    one, fields = small(sender)
    two = f"{canary.word()}@other.test"
    sender.send([*fields, ("to", two)])
    sender.send(fields)
    paths = [got.sender for got in [*sink.wait(one, 2), *sink.wait(two)]]
    assert len(set(paths)) == 3, "return paths repeat"
    for path in paths:
        assert path.rpartition("@")[2].endswith(sender.domain.name)


def test_several_senders_and_a_sender_header(sender, sink):
    recipient, fields = small(sender)
    fields = [(n, v) for n, v in fields if n != "from"]
    people = [("Ann", f"ann@{sender.domain.name}"), ("Bob", f"bob@{sender.domain.name}")]
    sender.send([*fields, *[("from", parcel.spec(one)) for one in people]])
    got, _ = only(sink, recipient)
    assert parcel.people(got.raw, "From") == people


# Parts ---------------------------------------------------------------------------------------


def test_the_alternatives_are_in_the_order_of_the_reference(sender, sink):
    recipient, fields = small(sender, html="<p>html</p>")
    sender.send([*fields, ("amp-html", "<!doctype html><html ⚡4email><body>amp</body></html>")])
    _, message = only(sink, recipient)
    types = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert types == ["text/plain", "text/x-amp-html", "text/html"]
    assert message.get_content_type() == "multipart/alternative"


def test_html_alone_needs_no_text(sender, sink):
    recipient, fields = small(sender, html="<p>only</p>")
    sender.send([one for one in fields if one[0] != "text"])
    _, message = only(sink, recipient)
    assert parcel.body(message, "text/html").strip() == "<p>only</p>"


def test_a_missing_subject_is_no_error(sender, sink):
    recipient, fields = small(sender)
    sender.send([one for one in fields if one[0] != "subject"])
    _, message = only(sink, recipient)
    assert str(message["Subject"] or "") == ""


def test_lines_longer_than_smtp_allows_arrive_whole(sender, sink):
    text = "ä" * 3000 + "\n" + "x" * 70000 + "\n.\n..\n" + " trailing  \n"
    recipient, fields = small(sender)
    sender.send([*[one for one in fields if one[0] != "text"], ("text", text)])
    got, message = only(sink, recipient)
    parcel.check_wire(got.raw)
    parcel.check_lines(got.raw)
    assert parcel._even(parcel.body(message, "text/plain")) == parcel._even(text)
    parcel.check_dkim(got.raw, sender.platform.outside.zone, sender.domain.name)


def test_a_file_of_eighteen_megabytes_arrives_bit_by_bit(sender, sink):
    data = bytes(range(256)) * (18 << 12)
    recipient, fields = small(sender)
    sender.send(fields, [("attachment", ("big.bin", data, "application/octet-stream"))])
    got = sink.wait(recipient, timeout=90)[0]
    ((name, _, arrived, _),) = parcel.files(parcel.read(got))
    assert name == "big.bin" and arrived == data
    parcel.check_lines(got.raw)


def test_an_inline_file_is_reached_by_its_name(sender, sink):
    recipient, fields = small(sender, html='<img src="cid:abc@host">')
    sender.send(fields, [("inline", ("abc@host", parcel.PNG, "image/png"))])
    _, message = only(sink, recipient)
    (part,) = [one for one in message.walk() if one["Content-ID"]]
    assert str(part["Content-ID"]) == "<abc@host>" and part.get_content_disposition() == "inline"


def test_an_inline_file_keeps_the_whole_of_its_name(sender, sink):
    recipient, fields = small(sender, html='<img src="cid:abc/d@host">')
    sender.send(fields, [("inline", ("abc/d@host", parcel.PNG, "image/png"))])
    _, message = only(sink, recipient)
    (part,) = [one for one in message.walk() if one["Content-ID"]]
    assert str(part["Content-ID"]) == "<abc/d@host>" and part.get_filename() == "d@host"


def test_a_name_that_begins_another_leaves_it_its_references(sender, sink):
    recipient, fields = small(sender, html='<img src="cid:my logo"><img src="cid:my%20logo%202"><img src="cid:my logo 2">')
    sender.send(fields, [("inline", (name, parcel.PNG, "image/png")) for name in ("my logo", "my logo 2")])
    _, message = only(sink, recipient)
    first, second = [str(one["Content-ID"]).strip("<>") for one in message.walk() if one["Content-ID"]]
    html = message.get_body(("html",)).get_content()
    assert html.split('"')[1::2] == [f"cid:{first}", f"cid:{second}", f"cid:{second}"]


def test_an_attached_message_with_eight_bit_text_leaves_in_ascii(sender, sink):
    recipient, fields = small(sender)
    eml = "From: a@b.test\r\nSubject: grüße\r\n\r\nkäse\r\n".encode()
    sender.send(fields, [("attachment", ("old.eml", eml, "message/rfc822"))])
    got = sink.wait(recipient)[0]
    ((name, _, arrived, _),) = parcel.files(parcel.read(got))
    assert (name, arrived) == ("old.eml", eml) and got.raw.isascii()


# Headers and variables -----------------------------------------------------------------------


def test_custom_headers_arrive_decoded_as_sent(sender, sink):
    recipient, fields = small(sender)
    sender.send(
        [
            *fields,
            ("h:X-Umlaut", "grüße 日本"),
            ("h:X-Two", "one"),
            ("h:X-Two", "two"),
            ("h:Reply-To", "Z <z@rcpt.test>"),
        ]
    )
    _, message = only(sink, recipient)
    assert str(message["X-Umlaut"]) == "grüße 日本"
    assert sorted(str(one) for one in message.get_all("X-Two")) == ["one", "two"]
    assert str(message["Reply-To"]) == "Z <z@rcpt.test>"


def test_headers_that_tell_of_the_way_cannot_be_forged(sender, sink):
    recipient, fields = small(sender)
    names = ("Received", "Authentication-Results", "ARC-Seal", "DKIM-Signature", "Return-Path", "Received-SPF")
    sender.send([*fields, *[(f"h:{name}", "forged by a.test") for name in names]])
    got, _ = only(sink, recipient)
    assert b"forged" not in got.raw


def test_variables_reach_events_as_strings_and_the_delivered_header(sender, sink):
    recipient, fields = small(sender)
    message_id = sender.send([*fields, ("v:number", "2"), ("v:json", '{"a": [1]}'), ("v:text", "käse")])
    wanted = {"number": "2", "json": '{"a": [1]}', "text": "käse"}
    assert sender.wait_event(message_id, "delivered", recipient)["user-variables"] == wanted
    _, message = only(sink, recipient)
    assert json.loads(str(message["X-Mailgun-Variables"])) == wanted


def test_option_headers_act_as_options(sender, sink):
    recipient, fields = small(sender)
    message_id = sender.send(
        [*fields, ("h:X-Mailgun-Tag", "by-header"), ("h:X-Mailgun-Variables", '{"a": "1"}'), ("o:tag", "by-option")]
    )
    event = sender.wait_event(message_id, "delivered", recipient)
    assert sorted(event["tags"]) == ["by-header", "by-option"] and event["user-variables"] == {"a": "1"}
    recipient, fields = small(sender)
    event = sender.wait_event(sender.send([*fields, ("h:X-Mailgun-Drop-Message", "yes")]), "delivered")
    assert event["delivery-status"]["code"] == 650 and sink.seen(recipient) == []


def test_ten_tags_are_kept_and_more_are_dropped(sender, sink):
    recipient, fields = small(sender)
    message_id = sender.send([*fields, *[("o:tag", f"tag{n}") for n in range(12)]])
    assert sender.wait_event(message_id, "delivered", recipient)["tags"] == [f"tag{n}" for n in range(10)]


def test_a_message_may_go_unsigned(sender, sink):
    for name, value in (("o:dkim", "no"), ("o:dkim", "false"), ("h:X-Mailgun-Dkim", "no")):
        recipient, fields = small(sender)
        sender.send([*fields, (name, value)])
        got, _ = only(sink, recipient)
        assert parcel.signatures(got.raw) == []


def test_own_headers_are_left_out_when_asked(sender, sink):
    recipient, fields = small(sender)
    sender.send([*fields, ("v:a", "1"), ("o:tag", "x"), ("o:suppress-headers", "all")])
    _, message = only(sink, recipient)
    assert [name for name in message.keys() if name.lower().startswith("x-mailgun")] == []


# Recipient variables -------------------------------------------------------------------------


def test_every_substitution_of_the_reference(sender, sink):
    recipient, fields = small(sender)
    fields = [one for one in fields if one[0] not in ("to", "text")]
    variables = {
        "key": "käse",
        "v:user": "u1",
        "h:List-Unsubscribe": "<https://u.example/1>",
        "n": 7,
        "f": 1.5,
        "b": True,
    }
    text = (
        "%recipient.key%|%recipient.v:user%|%recipient.n%|%recipient.f%|%recipient.b%|%recipient_email%|"
        "%recipient_name%|%recipient_fname%|%recipient_lname%|%recipient%|%recipient.missing%|100%|%%"
    )
    sender_fields = [
        *fields,
        ("to", f"Ann Lee <{recipient}>"),
        ("text", text),
        ("html", "<b>%recipient.key%</b>"),
        ("h:X-Key", "is %recipient.key%"),
        ("h:List-Unsubscribe", "%recipient.h:List-Unsubscribe%"),
        ("v:user", "%recipient.v:user%"),
        ("recipient-variables", json.dumps({recipient: variables})),
    ]
    message_id = sender.send(sender_fields)
    _, message = only(sink, recipient)
    assert parcel.body(message, "text/plain").strip() == (
        f"käse|u1|7|1.5|true|{recipient}|Ann Lee|Ann|Lee|Ann Lee <{recipient}>|%recipient.missing%|100%|%%"
    )
    assert parcel.body(message, "text/html").strip() == "<b>käse</b>"
    assert str(message["X-Key"]) == "is käse"
    assert str(message["List-Unsubscribe"]) == "<https://u.example/1>"
    assert sender.wait_event(message_id, "delivered")["user-variables"] == {"user": "u1"}


def test_without_recipient_variables_nothing_is_substituted_and_all_are_shown(sender, sink):
    one, fields = small(sender)
    two = f"{canary.word()}@rcpt.test"
    sender.send([*[f for f in fields if f[0] != "text"], ("to", two), ("text", "%recipient.key% %recipient_email%")])
    got, message = only(sink, one)
    assert parcel.body(message, "text/plain").strip() == "%recipient.key% %recipient_email%"
    assert [address for _, address in parcel.people(got.raw, "To")] == [one, two]


def test_empty_recipient_variables_switch_on_copies_of_ones_own(sender, sink):
    one, fields = small(sender)
    two = f"{canary.word()}@rcpt.test"
    message_id = sender.send([*fields, ("to", two), ("recipient-variables", "{}")])
    for recipient in (one, two):
        got, message = only(sink, recipient)
        assert [address for _, address in parcel.people(got.raw, "To")] == [recipient]
        assert str(message["Message-ID"]) == message_id
        assert got.recipients == [recipient]


def test_a_batch_keeps_its_cc_and_serves_cc_and_bcc(sender, sink):
    one, fields = small(sender)
    two, cc, bcc = (f"{canary.word()}@rcpt.test" for _ in range(3))
    variables = {one: {"n": "first"}, two: {"n": "second"}}
    sender.send(
        [
            *fields,
            ("to", two),
            ("cc", cc),
            ("bcc", bcc),
            ("h:X-N", "%recipient.n%"),
            ("recipient-variables", json.dumps(variables)),
        ]
    )
    for recipient, name in ((one, "first"), (two, "second")):
        got, message = only(sink, recipient)
        assert str(message["X-N"]) == name and str(message["Cc"]) == cc and message["Bcc"] is None
    assert sink.wait(cc) and sink.wait(bcc)


def test_a_thousand_recipients_each_get_their_own_copy(sender, sink):
    word = canary.word()
    people = [f"{word}.{n}@rcpt.test" for n in range(1000)]
    variables = {one: {"n": n} for n, one in enumerate(people)}
    _, fields = small(sender)
    fields = [f for f in fields if f[0] not in ("to", "text")]
    sender.send(
        [
            *fields,
            ("to", ",".join(people)),
            ("text", "number %recipient.n%."),
            ("recipient-variables", json.dumps(variables)),
        ],
        multipart=True,
    )
    for n, one in enumerate(people):
        got = sink.wait(one, timeout=120)
        assert len(got) == 1 and f"number {n}.".encode() in got[0].raw and len(got[0].recipients) == 1


# Time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [str, lambda at: f"{at}.5", email.utils.formatdate, lambda at: email.utils.formatdate(at, usegmt=True)],
    ids=["epoch", "float", "rfc2822", "gmt"],
)
def test_a_scheduled_message_waits_for_its_time(sender, sink, form):
    recipient, fields = small(sender)
    at = int(time.time()) + 3
    message_id = sender.send([*fields, ("o:deliverytime", form(at))])
    assert sender.events_of(message_id, event="accepted")[0]["message"]["scheduled-for"] == at
    (got,) = sink.wait(recipient)
    assert got.at >= at - 0.5, f"{at - got.at:.1f} s too early"


def test_a_time_in_the_past_sends_at_once(sender, sink):
    recipient, fields = small(sender)
    sender.send([*fields, ("o:deliverytime", email.utils.formatdate(time.time() - 86400))])
    only(sink, recipient)


def test_three_days_ahead_is_accepted_and_can_be_dropped(platform, account):
    sender = Sender(platform, platform.domain(account))
    _, fields = small(sender)
    message_id = sender.send(
        [*fields, ("o:deliverytime", str(int(time.time()) + 3 * 86400 - 60)), ("o:deliver-within", "1h30m")]
    )
    assert sender.events_of(message_id, event="accepted")
    answer = sender.delete(f"/v3/{sender.domain.name}/envelopes")
    assert (answer.status_code, answer.json()) == (200, {"message": "done"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("o:deliverytime-optimize-period", "24h"),
        ("o:tracking", "htmlonly"),
        ("o:tracking-clicks", "no"),
        ("o:tracking-opens", "true"),
        ("o:tracking-pixel-location-top", "htmlonly"),
        ("o:native-send", "yes"),
        ("o:deliver-within", "5m"),
        ("o:deliver-within", "24h"),
        ("t:variables", "{}"),
    ],
)
def test_options_for_later_work_do_not_stop_a_message(sender, sink, name, value):
    recipient, fields = small(sender)
    answer = sender.try_send([*fields, (name, value)])
    if name == "t:variables" and answer.status_code == 400:
        assert "template" in answer.json()["message"].lower()
        return
    assert answer.status_code == 200, answer.text
    only(sink, recipient)


# TLS -----------------------------------------------------------------------------------------


def test_tls_is_used_where_it_is_offered_and_not_needed_elsewhere(sender, sink):
    for where, tls in (("rcpt.test", True), ("plain.test", False)):
        recipient, fields = small(sender, where)
        message_id = sender.send(fields)
        got, _ = only(sink, recipient)
        status = sender.wait_event(message_id, "delivered", recipient)["delivery-status"]
        assert got.tls is tls and status["tls"] is tls and status["certificate-verified"] is False


@pytest.mark.parametrize("where", ["plain.test", "rcpt.test"])
def test_require_tls_keeps_a_message_from_servers_it_cannot_trust(sender, sink, where):
    """plain.test has no TLS, rcpt.test a certificate nobody vouches for."""
    recipient, fields = small(sender, where)
    message_id = sender.send([*fields, ("o:require-tls", "yes")])
    event = sender.wait_event(message_id, "failed", recipient)
    assert event["severity"] in ("temporary", "permanent") and sink.seen(recipient) == []


def test_require_tls_with_skip_verification_takes_any_certificate(sender, sink):
    recipient, fields = small(sender)
    sender.send([*fields, ("o:require-tls", "True"), ("o:skip-verification", "True")])
    got, _ = only(sink, recipient)
    assert got.tls


# Trace ---------------------------------------------------------------------------------------


def test_received_tells_of_the_house_alone(sender, sink):
    recipient, fields = small(sender)
    sender.send(fields)
    got, message = only(sink, recipient)
    received = message.get_all("Received", [])
    assert len(received) == 1 and "with HTTP" in str(received[0])
    parcel.check_received(message)
    assert re.fullmatch(r"[\w.-]+", got.helo), got.helo
