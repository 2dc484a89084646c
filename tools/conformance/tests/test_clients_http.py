"""People's HTTP clients send every kind of message; what arrives is what was sent."""

import pytest

from rig import arrival, clients, parcel
from rig.clients import House


@pytest.fixture(scope="module")
def house(platform, domain, credential):
    return House(platform, domain, credential)


@pytest.mark.parametrize("kind", parcel.KINDS)
@pytest.mark.parametrize("client", clients.HTTP)
def test_what_a_client_sends_by_http_arrives(house, client, kind):
    p = parcel.make(kind, house.domain.name)
    sent = clients.HTTP[client](house, p)
    arrival.follow(house, p, sent, "http")


@pytest.mark.parametrize("kind", [k for k in parcel.KINDS if k not in ("batch", "scheduled", "testmode", "options")])
def test_ready_mime_from_mailgun_js_arrives(house, kind):
    p = parcel.make(kind, house.domain.name)
    sent = clients.mailgun_js_mime(house, p)
    arrival.follow(house, p, sent, "http")


def test_anymail_metadata_of_each_recipient_reaches_that_recipients_events(house):
    """anymail sends `v:` values as `%recipient.v:name%`, filled from recipient-variables."""
    from django.core.mail import EmailMessage, get_connection

    clients.anymail(house, parcel.make("testmode", house.domain.name))  # configures Django
    p = parcel.make("batch", house.domain.name)
    connection = get_connection(
        "anymail.backends.mailgun.EmailBackend",
        api_key=house.domain.account.key,
        api_url=f"{house.platform.url}/v3/",
        sender_domain=house.domain.name,
    )
    message = EmailMessage(p.subject, p.text, p.sender[1], [one for _, one in p.to], connection=connection)
    message.metadata = {"common": "same", "user": "nobody"}
    message.merge_metadata = {one: {"user": str(n)} for n, (_, one) in enumerate(p.to)}
    message.merge_headers = {one: {"List-Unsubscribe": f"<https://u.example/{n}>"} for n, (_, one) in enumerate(p.to)}
    message.merge_data = p.recipient_variables
    message.send()
    sender = arrival.Sender(house.platform, house.domain)
    for n, (_, one) in enumerate(p.to):
        event = sender.wait_event(message.anymail_status.message_id, "delivered", one)
        assert event["user-variables"] == {"common": "same", "user": str(n)}
        (got,) = house.platform.outside.sink.wait(one)
        assert str(parcel.read(got)["List-Unsubscribe"]) == f"<https://u.example/{n}>"


def test_anymail_explains_a_wrong_key_and_an_unknown_domain(house):
    from anymail.exceptions import AnymailAPIError
    from django.core.mail import EmailMessage, get_connection

    clients.anymail(house, parcel.make("testmode", house.domain.name))
    for options, status, text in (
        ({"api_key": "key-wrong", "sender_domain": house.domain.name}, 401, "Forbidden"),
        ({"api_key": house.domain.account.key, "sender_domain": "unknown.test"}, 404, "Domain not found"),
    ):
        connection = get_connection(
            "anymail.backends.mailgun.EmailBackend", api_url=f"{house.platform.url}/v3", **options
        )
        with pytest.raises(AnymailAPIError) as raised:
            EmailMessage("s", "b", "a@sender.test", ["b@rcpt.test"], connection=connection).send()
        assert raised.value.status_code == status and text in str(raised.value)


@pytest.mark.parametrize("client", ["mailgun_js", "mailgun_js_fetch"])
def test_mailgun_js_reads_events_page_by_page_and_stored_messages(house, client):
    p = parcel.make("options", house.domain.name)
    clients.HTTP[client](house, p)
    house.platform.outside.sink.wait(p.everybody[0])
    sender = arrival.Sender(house.platform, house.domain)
    assert sender.events(recipient=p.everybody[0])
    answer = clients.node_script(house, "mailgun_js_events.mjs", p, fetch=client.endswith("fetch"))
    assert answer["pages"] >= 2, answer
    assert sorted(answer["kinds"]) == ["accepted", "delivered"], answer
    assert answer["wrongKey"]["status"] == 401 and answer["wrongKey"]["details"].strip() == "Forbidden", answer
    assert answer["missingTo"] == {
        "status": 400, "message": "Bad Request", "details": "to parameter is missing", "type": "MailgunAPIError",
    }  # fmt: skip


def test_the_python_sdk_sends_mime_and_reads_events(house):
    from mailgun.client import Client

    client = Client(auth=("api", house.domain.account.key), api_url=house.platform.url)
    p = parcel.make("inline", house.domain.name)
    mime = parcel.as_mime(p, option_headers=False).as_bytes()
    answer = client.mimemessage.create(
        domain=house.domain.name, data={"to": p.everybody}, files={"message": ("message.mime", mime)}
    )
    assert answer.status_code == 200 and answer.json()["message"] == "Queued. Thank you.", answer.text
    arrival.follow(house, p, clients.Sent(answer.json()["id"]), "http")
    events = client.events.get(domain=house.domain.name, filters={"recipient": p.everybody[0]})
    assert {one["event"] for one in events.json()["items"]} == {"accepted", "delivered"}
