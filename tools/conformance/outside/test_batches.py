"""`recipient-variables`: one message to many, a copy of their own for each."""

import json

import pytest

from rig import waiting

NOT_JSON = "'recipient-variables' parameter is not a valid JSON"


def batch(ann, who: dict, **fields):
    return ann.send(ann.form(list(who), **{"recipient-variables": json.dumps(who), **fields}))


def test_everybody_sees_only_themselves_and_their_own_values(ann):
    who = {ann.somebody(): {"first": name, "id": n} for n, name in enumerate(["Bob", "Zoë", "Łu"], 1)}
    mid = batch(ann, who, subject="Hi %recipient.first%", text="No %recipient.id%, %recipient.first%",
                html="<b>%recipient.first%</b>", **{"amp-html": "<i>%recipient.id%</i>", "h:X-Who": "%recipient.first%",
                "v:who": "%recipient.id%"})  # fmt: skip
    for address, mine in who.items():
        seen = ann.got(address)
        assert seen.header("To") == address
        assert seen.header("Subject") == f"Hi {mine['first']}"
        assert seen.part("text/plain") == f"No {mine['id']}, {mine['first']}"
        assert seen.part("text/html") == f"<b>{mine['first']}</b>"
        assert seen.part("text/x-amp-html") == f"<i>{mine['id']}</i>"
        assert seen.header("X-Who") == mine["first"]
        assert json.loads(seen.header("X-Mailgun-Variables"))["who"] == str(mine["id"])
        assert seen.header("Message-Id") == mid
        assert not [other for other in who if other != address and other.encode() in seen.raw]
        assert ann.wait_event(mid, "delivered", address)["user-variables"]["who"] == str(mine["id"])


@pytest.mark.parametrize("key", ["v:user", "h:List-Unsubscribe", "two words", "a.b", "ümlaut", "with-dash"])
def test_names_of_variables_may_hold_signs(ann, key):
    to = ann.somebody()
    batch(ann, {to: {key: "found"}}, text=f"[%recipient.{key}%]")
    assert ann.got(to).part("text/plain") == "[found]"


@pytest.mark.parametrize(
    "value,shown",
    [(7, "7"), (1.5, "1.5"), (True, "true"), ("a%recipient.b%c", "a%recipient.b%c"), ("<&\"'>", "<&\"'>"), ("", "")],
)
def test_values_are_inserted_as_their_text(ann, value, shown):
    to = ann.somebody()
    batch(ann, {to: {"a": value, "b": "again"}}, text="[%recipient.a%]")
    assert ann.got(to).part("text/plain") == f"[{shown}]"


def test_what_is_unknown_stays_as_it_is(ann):
    to = ann.somebody()
    text = "%recipient.none% 100% %recipient. %recipient.a.b% %%recipient.a%% %nobody%"
    batch(ann, {to: {"a": "x"}}, text=text)
    assert ann.got(to).part("text/plain") == "%recipient.none% 100% %recipient. %recipient.a.b% %x% %nobody%"


def test_the_recipient_itself_can_be_inserted(ann):
    to = ann.somebody()
    ann.send(ann.form(f"Bob van der Berg <{to}>", text="%recipient%|%recipient_email%|%recipient_name%|%recipient_fname%|%recipient_lname%",
                      **{"recipient-variables": "{}"}))  # fmt: skip
    full, address, name, first, last = ann.got(to).part("text/plain").split("|")
    assert full in (f"Bob van der Berg <{to}>", f'"Bob van der Berg" <{to}>')
    assert (address, name, first) == (to, "Bob van der Berg", "Bob") and last.endswith("Berg")


def test_empty_variables_alone_send_one_by_one(ann):
    one, two = ann.somebody(), ann.somebody()
    ann.send(ann.form([one, two], **{"recipient-variables": "{}"}))
    assert (ann.got(one).header("To"), ann.got(two).header("To")) == (one, two)


def test_without_variables_nothing_is_inserted_and_all_see_all(ann):
    one, two = ann.somebody(), ann.somebody()
    ann.send(ann.form([one, two], text="%recipient.a% %recipient_email%"))
    assert ann.got(one).part("text/plain") == "%recipient.a% %recipient_email%"
    assert two in ann.got(one).header("To")


def test_addresses_are_matched_whatever_their_case(ann):
    to = ann.somebody()
    ann.send(ann.form(to, text="[%recipient.a%]", **{"recipient-variables": json.dumps({to.upper(): {"a": "x"}})}))
    assert ann.got(to).part("text/plain") == "[x]"


def test_copies_go_to_cc_and_bcc_as_well(ann):
    one, cc, bcc = (ann.somebody() for _ in range(3))
    batch(ann, {one: {"a": "1"}}, cc=cc, bcc=bcc)
    assert ann.got(one).header("Cc") == cc
    assert ann.got(cc) and ann.got(bcc)
    assert bcc.encode() not in ann.got(one).raw


def test_a_value_cannot_break_out_of_its_header(ann):
    to = ann.somebody()
    answer = ann.try_send(ann.form(to, subject="Hi %recipient.a%",
                                   **{"recipient-variables": json.dumps({to: {"a": "x\r\nBcc: evil@rcpt.test"}})}))  # fmt: skip
    if answer.status_code == 200:
        seen = ann.got(to)
        assert seen.header("Bcc") is None and seen.header("evil") is None
    else:
        assert answer.status_code == 400
    assert ann.sink.seen("evil@rcpt.test") == []


def test_variables_in_a_mime_message_are_replaced_within_its_encodings(ann):
    to = ann.somebody()
    mime = (
        f"From: a@{ann.domain.name}\r\nTo: %recipient%\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_?= %recipient.a%\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC [%recip=\r\nient.a%]\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nPGI+WyVyZWNpcGllbnQuYSVdPC9iPg==\r\n--b--\r\n"
    ).encode()
    ann.send_mime([to], mime, [("recipient-variables", json.dumps({to: {"a": "wörth"}}))])
    seen = ann.got(to)
    assert seen.part("text/plain") == "ü [wörth]"
    assert seen.part("text/html") == "<b>[wörth]</b>"
    assert seen.header("Subject").endswith("wörth")


def test_a_thousand_recipients_get_a_thousand_copies(ann):
    who = {ann.somebody(): {"n": n} for n in range(1000)}
    batch(ann, who, text="No %recipient.n%.")
    assert len(who) == 1000
    for address, mine in who.items():
        [arrival] = ann.sink.wait(address, timeout=90)
        assert f"No {mine['n']}.".encode() in arrival.raw and arrival.recipients == [address]


def test_a_thousand_and_one_are_refused(ann):
    who = {f"n{n}@rcpt.test": {"n": n} for n in range(1001)}
    status, text = ann.refused(ann.form(list(who), **{"recipient-variables": json.dumps(who)}))
    assert (status, text) == (400, "Too many recipients, max is 1000")
    status, text = ann.refused(ann.form("one@rcpt.test", **{"recipient-variables": json.dumps(who)}))
    assert status == 400


@pytest.mark.parametrize("value", ["x", "[]", "1", '"a"', "{", '{"a": 1', "null", '{"a@rcpt.test": 1}', "{'a': {}}"])
def test_variables_that_are_no_object_are_refused(ann, somebody, value):
    assert ann.refused(ann.form(somebody, **{"recipient-variables": value})) == (400, NOT_JSON)


def test_the_header_of_an_smtp_message_carries_them_too(ann, credential, platform):
    import smtplib

    one, two = ann.somebody(), ann.somebody()
    folded = json.dumps({one: {"a": "eins"}, two: {"a": "zwei"}}).replace(", ", ",\r\n ")
    text = f"From: a@{ann.domain.name}\r\nTo: list@rcpt.test\r\nSubject: [%recipient.a%]\r\nX-Mailgun-Recipient-Variables: {folded}\r\n\r\n%recipient.a%\r\n"
    with smtplib.SMTP(*platform.submission) as door:
        door.login(credential.login, credential.password)
        door.sendmail(credential.login, [one, two], text)
    waiting.until(lambda: ann.sink.seen(two), "the second copy")
    assert ann.got(one).header("Subject") == "[eins]" and ann.got(two).part("text/plain") == "zwei"
    assert ann.got(one).header("X-Mailgun-Recipient-Variables") is None and two.encode() not in ann.got(one).raw
