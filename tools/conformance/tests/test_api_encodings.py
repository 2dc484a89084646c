"""The same message in every encoding that clients use."""

import gzip
import json

import pytest
import requests

from rig import canary, parcel
from rig.api import accepted, as_multipart

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def basics(sender, **more):
    """(recipient, fields) of a fresh small message."""
    recipient = f"{canary.word()}@rcpt.test"
    made = {"from": f"a@{sender.domain.name}", "to": recipient, "subject": canary.word(), "text": "käse & co"}
    return recipient, {**made, **more}


def arrived(sink, recipient, wanted):
    (got,) = sink.wait(recipient)
    message = parcel.read(got)
    assert str(message["Subject"]) == wanted["subject"]
    assert parcel.body(message, "text/plain").strip() == wanted["text"]
    return message


@pytest.mark.parametrize("style", ["{}", "{}[]", "{}[0]"])
@pytest.mark.parametrize("multipart", [False, True])
def test_array_style_names_are_the_plain_names(sender, sink, style, multipart):
    recipient, wanted = basics(sender)
    fields = [(style.format(name), value) for name, value in wanted.items()]
    sender.send(fields, multipart=multipart)
    arrived(sink, recipient, wanted)


def test_numbered_recipients_all_count(sender, sink):
    recipient, wanted = basics(sender)
    second = f"{canary.word()}@rcpt.test"
    fields = [(n, v) for n, v in wanted.items() if n != "to"] + [("to[0]", recipient), ("to[1]", second)]
    sender.send(fields)
    arrived(sink, recipient, wanted)
    arrived(sink, second, wanted)


def test_values_come_from_the_query_too_and_the_body_wins(sender, sink):
    recipient, wanted = basics(sender)
    query = {name: wanted[name] for name in ("from", "text")}
    body = [(name, wanted[name]) for name in ("to", "subject")]
    sender.send(body, params={**query, "subject": "of the query"})
    arrived(sink, recipient, wanted)


def test_everything_may_be_in_the_query(sender, sink):
    recipient, wanted = basics(sender)
    accepted(sender.post(sender.messages, params=wanted))
    arrived(sink, recipient, wanted)


@pytest.mark.parametrize("multipart", [False, True])
def test_compressed_bodies_are_read(sender, sink, multipart):
    recipient, wanted = basics(sender)
    url = sender.platform.url + sender.messages
    fields = {"files": as_multipart(list(wanted.items()))} if multipart else {"data": wanted}
    made = requests.Request("POST", url, **fields, auth=sender.session.auth).prepare()
    made.body = gzip.compress(made.body if isinstance(made.body, bytes) else made.body.encode())
    made.headers["Content-Encoding"] = "gzip"
    made.headers["Content-Length"] = str(len(made.body))
    accepted(sender.session.send(made, timeout=60))
    arrived(sink, recipient, wanted)


@pytest.mark.parametrize("separator", [",", ", ", " , "])
def test_recipients_are_separated_by_commas_or_repeated(sender, sink, separator):
    people = [f"{canary.word()}@rcpt.test" for _ in range(4)]
    _, wanted = basics(sender)
    joined = separator.join([people[0], f'"Doe, J. (x)" <{people[1]}>', f"Plain Name <{people[2]}>"])
    fields = [(n, v) for n, v in wanted.items() if n != "to"] + [("to", joined), ("to", people[3])]
    sender.send(fields)
    for one in people:
        message = arrived(sink, one, wanted)
    shown = parcel.people(sink.seen(people[0])[0].raw, "To")
    assert [address for _, address in shown] == people
    assert shown[1][0] == "Doe, J. (x)" and shown[2][0] == "Plain Name" and message["Bcc"] is None


def test_a_recipient_named_twice_gets_one_copy(sender, sink):
    recipient, wanted = basics(sender)
    fields = [*wanted.items(), ("to", f"Again <{recipient}>"), ("cc", recipient), ("bcc", recipient.upper())]
    message_id = sender.send(fields)
    sender.wait_event(message_id, "delivered")
    assert len(sender.events_of(message_id, event="accepted")) == 1
    assert len(sink.wait(recipient)) == 1


@pytest.mark.parametrize("value", ["yes", "Yes", "true", "True", "1", "on"])
def test_yes_in_every_spelling(sender, sink, value):
    recipient, wanted = basics(sender)
    event = sender.wait_event(sender.send([*wanted.items(), ("o:testmode", value)]), "delivered")
    assert event["delivery-status"]["code"] == 650 and sink.seen(recipient) == []


@pytest.mark.parametrize("value", ["no", "No", "false", "False", "0", "off"])
def test_no_in_every_spelling(sender, sink, value):
    recipient, wanted = basics(sender)
    sender.send([*wanted.items(), ("o:testmode", value)])
    arrived(sink, recipient, wanted)


@pytest.mark.parametrize("path", ["/v3/{}/messages/", "//v3/{}/messages", "/v3//{}/messages"])
def test_slashes_too_many_are_forgiven_without_a_redirect(sender, sink, path):
    recipient, wanted = basics(sender)
    accepted(sender.post(sender.platform.url + path.format(sender.domain.name), data=wanted))
    arrived(sink, recipient, wanted)


def test_the_domain_in_the_path_is_known_in_any_case_and_escaping(sender, sink):
    for name in (sender.domain.name.upper(), sender.domain.name.replace(".", "%2E")):
        recipient, wanted = basics(sender)
        accepted(sender.post(f"/v3/{name}/messages", data=wanted))
        arrived(sink, recipient, wanted)


@pytest.mark.parametrize(
    "disposition",
    [
        'name="attachment"; filename="Übersicht 日本.txt"',
        "name=\"attachment\"; filename*=UTF-8''%C3%9Cbersicht%20%E6%97%A5%E6%9C%AC.txt",
        'name="attachment"; filename="=?UTF-8?B?w5xiZXJzaWNodCDml6XmnKwudHh0?="',
        "name=attachment; filename=\"plain.txt\"; filename*=utf-8''%C3%9Cbersicht%20%E6%97%A5%E6%9C%AC.txt",
    ],
    ids=["raw", "rfc2231", "rfc2047", "both"],
)
def test_file_names_in_every_form_that_clients_send(sender, sink, disposition):
    recipient, wanted = basics(sender)
    body = b""
    for name, value in wanted.items():
        body += f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    body += f"--xyz\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: text/x-own\r\n\r\n".encode()
    body += b"\x00bytes\r\n--xy\r\n--xyz--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=xyz"}
    accepted(sender.post(sender.messages, data=body, headers=headers))
    (got,) = sink.wait(recipient)
    ((name, type_, data, how),) = parcel.files(parcel.read(got))
    assert (name, type_, data, how) == ("Übersicht 日本.txt", "text/x-own", b"\x00bytes\r\n--xy", "attachment")


def test_unknown_options_and_fields_are_ignored(sender, sink):
    recipient, wanted = basics(sender)
    sender.send([*wanted.items(), ("o:never-heard-of", "x"), ("o:campaign", "c1"), ("whatever", "y")])
    arrived(sink, recipient, wanted)


def test_the_plain_variables_field_of_nodemailer_counts(sender, sink):
    recipient, wanted = basics(sender)
    message_id = sender.send([*wanted.items(), ("X-Mailgun-Variables", json.dumps({"k": "v", "n": "2"}))])
    event = sender.wait_event(message_id, "delivered", recipient)
    assert event["user-variables"] == {"k": "v", "n": "2"}
