"""Each parameter of a message: what it becomes at the recipient, and the text of its refusal."""

import json

import pytest

from rig.api import accepted

MISSING_BODY = "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
OPTIONS_LIMIT = "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"
NO_ADDRESS = "{} parameter is not a valid address. please check documentation"


def test_the_answer_has_the_id_in_brackets_and_it_is_the_message_id_header(ann, somebody):
    answer = ann.try_send(ann.form(somebody))
    assert answer.headers["content-type"].startswith("application/json")
    assert sorted(answer.json()) == ["id", "message"]
    assert ann.got(somebody).header("Message-Id") == accepted(answer)


@pytest.mark.parametrize("name", ["to", "cc", "bcc"])
@pytest.mark.parametrize("how", ["repeated", "commas", "quoted comma", "mixed"])
def test_recipients_may_be_repeated_or_separated_by_commas(ann, name, how):
    one, two, three = (ann.somebody() for _ in range(3))
    value = {
        "repeated": [one, two, three],
        "commas": f"{one}, {two},{three}",
        "quoted comma": f'"Doe, John" <{one}>, Jane <{two}>, {three}',
        "mixed": [f"{one}, {two}", f"J. R. <{three}>"],
    }[how]
    to = {} if name == "to" else {"to": ann.somebody()}
    ann.send(ann.form(**{**to, name: value}))
    for address in (one, two, three):
        seen = ann.got(address)
        shown = seen.header(name) or ""
        assert (address in shown) == (name != "bcc")
        assert name != "bcc" or address.encode() not in seen.raw


@pytest.mark.parametrize("name", ["to", "to[]", "to[0]"])
def test_array_names_are_the_plain_name(ann, somebody, name):
    fields = [(f"{n}[]" if n != "to" else name, v) for n, v in ann.form(somebody)]
    ann.send(fields)
    assert ann.got(somebody).header("Subject") == "Hello"


def test_a_recipient_named_twice_gets_one_copy(ann, somebody):
    other = ann.somebody()
    mid = ann.send(ann.form([somebody, f"Twice <{somebody}>", other], cc=somebody.upper()))
    ann.wait_event(mid, "delivered", other)
    ann.wait_event(mid, "delivered", somebody)
    assert len([e for e in ann.events_of(mid, event="accepted")]) == 2
    assert len(ann.sink.seen(somebody)) == 1


def test_several_authors_are_kept_and_a_sender_is_named(ann, somebody):
    ann.send(ann.form(somebody, **{"from": [f"A <a@{ann.domain.name}>", f"B <b@{ann.domain.name}>"]}))
    seen = ann.got(somebody)
    assert f"a@{ann.domain.name}" in seen.header("From") and f"b@{ann.domain.name}" in seen.header("From")


@pytest.mark.parametrize("left_out", ["from", "to"])
def test_what_must_be_there_and_is_not_is_named(ann, somebody, left_out):
    fields = ann.form(**{"to": somebody, left_out: None})
    assert ann.refused(fields) == (400, f"{left_out} parameter is missing")


@pytest.mark.parametrize("name", ["from", "to", "cc", "bcc"])
@pytest.mark.parametrize("value", ["nobody", "a@", "@b.test", "a@b@c.test", "a b@c.test", "<a@b.test", "a@b..test", "x <>"])
def test_what_is_no_address_is_refused_by_its_parameter(ann, somebody, name, value):
    assert ann.refused(ann.form(**{"to": somebody, name: value})) == (400, NO_ADDRESS.format(name))


def test_a_message_without_any_body_is_refused(ann, somebody):
    assert ann.refused(ann.form(somebody, text=None)) == (400, MISSING_BODY)


def test_a_message_without_subject_is_sent(ann, somebody):
    ann.send(ann.form(somebody, subject=None))
    assert ann.got(somebody).part("text/plain") == "Good day."


def test_a_template_beside_html_is_refused(ann, somebody):
    status = ann.refused(ann.form(somebody, html="<p>x</p>", template="welcome"))
    assert status == (400, "Only one parameters 'html' or 'template' is allowed")


def test_a_template_is_a_clear_refusal_until_there_are_templates(ann, somebody):
    status, text = ann.refused(ann.form(somebody, template="welcome"))
    assert status == 400 and "template" in text.lower()


def test_bodies_come_in_the_order_plain_amp_html(ann):
    amp = "<!doctype html><html ⚡4email><body>amp</body></html>"
    seen = ann.deliver(html="<b>h</b>", options={"amp-html": amp})
    assert seen.kinds() == ["multipart/alternative", "text/plain", "text/x-amp-html", "text/html"]
    assert seen.part("text/x-amp-html") == amp


@pytest.mark.parametrize("kind,name", [("text/html", "html"), ("text/x-amp-html", "amp-html")])
def test_one_body_of_any_kind_is_enough(ann, somebody, kind, name):
    ann.send(ann.form(somebody, text=None, **{name: "<p>alone</p>"}))
    assert "<p>alone</p>" in ann.got(somebody).part(kind)


@pytest.mark.parametrize("filename", ["a.txt", "Grüße aus Köln.pdf", "報告書.pdf", 'quo"te;x.txt', "sp ace.txt", "n" * 180 + ".txt"])
def test_an_attachment_keeps_name_type_and_bytes(ann, filename):
    data = bytes(range(256)) * 5
    seen = ann.deliver(files=[("attachment", (filename, data, "application/x-thing"))])
    assert seen.files() == {filename: data}
    assert "application/x-thing" in seen.kinds()


def test_attachments_may_be_many_and_of_one_name(ann):
    files = [("attachment", ("same.bin", bytes([n]) * 10, "application/octet-stream")) for n in range(4)]
    seen = ann.deliver(files=files)
    got = [p.get_payload(decode=True) for p in seen.mail.walk() if p.get_filename() == "same.bin"]
    assert got == [bytes([n]) * 10 for n in range(4)]


@pytest.mark.parametrize("filename", ["logo.png", "abc123@host.test"])
def test_an_inline_file_is_found_by_its_name(ann, filename):
    seen = ann.deliver(html=f'<img src="cid:{filename}">', files=[("inline", (filename, b"\x89PNG..", "image/png"))])
    part = next(p for p in seen.mail.walk() if p.get_content_type() == "image/png")
    assert part["Content-ID"] == f"<{filename}>"
    assert part.get_content_disposition() == "inline"
    assert "multipart/related" in seen.kinds()


def test_headers_of_ones_own_are_kept_and_repeated(ann, somebody):
    ann.send(ann.form(somebody, **{"h:X-Colour": ["red", "grün"], "h:Reply-To": "Rita <rita@else.test>"}))
    seen = ann.got(somebody)
    assert seen.headers("X-Colour") == ["red", "grün"]
    assert seen.header("Reply-To") == "Rita <rita@else.test>"


def test_a_message_id_of_ones_own_is_used_and_returned(ann, somebody):
    own = f"<{somebody.split('@')[0]}@own.test>"
    assert ann.send(ann.form(somebody, **{"h:Message-Id": own})) == own
    assert ann.got(somebody).headers("Message-Id") == [own]


def test_a_message_id_of_ones_own_without_brackets_gets_them(ann, somebody):
    own = f"{somebody.split('@')[0]}@own.test"
    assert ann.send(ann.form(somebody, **{"h:Message-Id": own})) == f"<{own}>"


def test_a_header_name_that_is_not_ascii_is_refused(ann, somebody):
    assert ann.refused(ann.form(somebody, **{"h:X-Größe": "1"})) == (400, "Header name must be pure ASCII: X-Größe")


def test_variables_reach_the_recipient_and_the_events_as_strings(ann, somebody):
    mid = ann.send(ann.form(somebody, **{"v:id": "2", "v:json": '{"a": 1}', "v:ü": "ö"}))
    wanted = {"id": "2", "json": '{"a": 1}', "ü": "ö"}
    assert ann.wait_event(mid, "delivered")["user-variables"] == wanted
    assert json.loads(ann.got(somebody).header("X-Mailgun-Variables").replace("\n", "")) == wanted


@pytest.mark.parametrize("name", ["X-Mailgun-Variables", "h:X-Mailgun-Variables"])
def test_variables_come_as_a_header_too(ann, somebody, name):
    mid = ann.send(ann.form(somebody, **{name: '{"id": "7", "n": 3}', "v:other": "8"}))
    assert ann.wait_event(mid, "delivered")["user-variables"] == {"id": "7", "n": "3", "other": "8"}


@pytest.mark.parametrize("name", ["h:X-Long", "v:long", "o:tag"])
def test_options_beyond_16_kilobytes_are_refused(ann, somebody, name):
    assert ann.refused(ann.form(somebody, **{name: ["x" * 100] * 170})) == (400, OPTIONS_LIMIT)


def test_options_of_just_under_16_kilobytes_are_taken(ann, somebody):
    ann.send(ann.form(somebody, **{f"v:{n:02}": "x" * 990 for n in range(16)}, **{"o:testmode": "yes"}))


@pytest.mark.parametrize("more", [{"to": 1001}, {"to": 999, "cc": 1, "bcc": 1}])
def test_more_than_a_thousand_recipients_are_refused(ann, more):
    fields = {n: ",".join(f"n{i}-{n}@rcpt.test" for i in range(count)) for n, count in more.items()}
    assert ann.refused(ann.form(**fields)) == (400, "Too many recipients, max is 1000")


def test_a_thousand_recipients_are_taken(ann):
    to = ",".join(f"n{i}@rcpt.test" for i in range(998))
    ann.send(ann.form(to, cc="c@rcpt.test", bcc="b@rcpt.test", **{"o:testmode": "yes"}))


def test_unknown_fields_and_options_are_ignored(ann, somebody):
    more = {"o:does-not-exist": "x", "o:campaign": "c", "o:native-send": "yes", "nonsense": "y"}
    ann.send(ann.form(somebody, **more))
    assert ann.got(somebody).part("text/plain") == "Good day."


@pytest.mark.parametrize(
    "text",
    ["ü" * 3000, "long " * 4000, ".\n..\n.hidden\n.", "From here\n\nFrom there", "tab\tend ", "emoji 🦭 and 漢字", "a\r\nb\nc"],
    ids=["unicode line", "long line", "dots", "from", "blanks", "emoji", "line ends"],
)
def test_text_arrives_as_it_was_written(ann, text):
    seen = ann.deliver(text=text, html="<p>" + text + "</p>")
    wanted = text.replace("\r\n", "\n").rstrip("\n")
    assert seen.part("text/plain") == wanted
    assert wanted in seen.part("text/html")
    assert max(len(line) for line in seen.raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize("subject", ["Grüße", "🦭" * 60, "a" * 900, "  two  blanks  inside"])
def test_a_subject_arrives_as_it_was_written(ann, subject):
    seen = ann.deliver(subject=subject)
    assert seen.header("Subject").strip() == subject.strip()
    assert max(len(line) for line in seen.raw.split(b"\r\n")) <= 998


def test_a_name_beyond_ascii_arrives_as_it_was_written(ann):
    to = ann.somebody()
    ann.send(ann.form(f'"Łukasz, Köln" <{to}>', **{"from": f"Ærø Ünit <ann@{ann.domain.name}>"}))
    seen = ann.got(to)
    assert seen.mail["From"].addresses[0].display_name == "Ærø Ünit"
    assert seen.mail["To"].addresses[0].display_name == "Łukasz, Köln"
    head = seen.raw.split(b"\r\n\r\n")[0]
    assert all(byte < 128 for byte in head)


def test_an_international_domain_is_delivered(ann):
    to = ann.somebody("bücher.test")
    mid = ann.send(ann.form(to))
    ann.wait_event(mid, "delivered")
