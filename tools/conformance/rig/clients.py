"""One function per real client: each sends a parcel as its documentation tells people to."""

import dataclasses
import email.policy
import email.utils
import json
import os
import shutil
import smtplib
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig import parcel, wire
from rig.parcel import Parcel, as_form, as_mime, spec
from rig.platform import Credential, Domain, Platform

SCRIPTS = Path(__file__).resolve().parent.parent / "clients"


@dataclasses.dataclass
class Sent:
    """The id that the client reported, or that the message carried."""

    id: str


@dataclasses.dataclass
class House:
    """What a client needs to know of the server."""

    platform: Platform
    domain: Domain
    credential: Credential


def _fresh_id(house: House) -> str:
    return email.utils.make_msgid(domain=house.domain.name)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"missing: {name}")
    return path


# HTTP ----------------------------------------------------------------------------------------


def curl(house: House, p: Parcel) -> Sent:
    fields, files = as_form(p)
    command = [_tool("curl"), "-sS", "--noproxy", "*", "--user", f"api:{house.domain.account.key}"]
    command.append(f"{house.platform.url}/v3/{house.domain.name}/messages")
    with tempfile.TemporaryDirectory() as folder:
        for name, value in fields:
            command += ["--form-string", f"{name}={value}"]
        for index, (name, (filename, data, type_)) in enumerate(files):
            path = Path(folder) / str(index)
            path.write_bytes(data)
            command += ["-F", f'{name}=@{path};filename="{filename}";type={type_}']
        done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return _answer(json.loads(done.stdout))


def curl_urlencoded(house: House, p: Parcel) -> Sent:
    fields, files = as_form(p)
    if files:
        pytest.skip("files need multipart")
    command = [_tool("curl"), "-sS", "--noproxy", "*", "--user", f"api:{house.domain.account.key}"]
    command.append(f"{house.platform.url}/v3/{house.domain.name}/messages")
    for name, value in fields:
        command += ["--data-urlencode", f"{name}={value}"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return _answer(json.loads(done.stdout))


def _answer(body: dict) -> Sent:
    assert body.get("message") == "Queued. Thank you.", body
    return Sent(body["id"])


def python_sdk(house: House, p: Parcel) -> Sent:
    from mailgun.client import Client

    client = Client(auth=("api", house.domain.account.key), api_url=house.platform.url)
    fields, files = as_form(p)
    data: dict = {}
    for name, value in fields:
        data[name] = value if name not in data else [*_listed(data[name]), value]
    answer = client.messages.create(domain=house.domain.name, data=data, files=files or None)
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return _answer(answer.json())


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]


def anymail(house: House, p: Parcel) -> Sent:
    from email.mime.base import MIMEBase

    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend", USE_TZ=True)
        django.setup()
    from django.core.mail import EmailMultiAlternatives, get_connection

    connection = get_connection(
        "anymail.backends.mailgun.EmailBackend",
        api_key=house.domain.account.key,
        api_url=f"{house.platform.url}/v3",
        sender_domain=house.domain.name,
    )
    headers = dict(p.headers)
    reply_to = headers.pop("Reply-To", None)
    message = EmailMultiAlternatives(
        p.subject,
        p.text,
        spec(p.sender),
        [spec(one) for one in p.to],
        cc=[spec(one) for one in p.cc],
        bcc=[spec(one) for one in p.bcc],
        headers=headers,
        reply_to=[reply_to] if reply_to else None,
        connection=connection,
    )
    if p.html is not None:
        message.attach_alternative(p.html, "text/html")
    for one in p.attachments:
        message.attach(one.name, one.data, one.type)
    for one in p.inline:
        main, sub = one.type.split("/")
        part = MIMEBase(main, sub)
        part.set_payload(one.data)
        email.encoders.encode_base64(part)
        part.add_header("Content-Disposition", "inline", filename=one.name)
        part.add_header("Content-ID", f"<{one.name}>")
        message.attach(part)
    message.tags = p.tags
    message.metadata = p.variables
    if p.recipient_variables is not None:
        message.merge_data = p.recipient_variables
    if p.deliver_at:
        message.send_at = datetime.fromtimestamp(p.deliver_at, UTC)
    if p.test_mode:
        message.esp_extra = {"o:testmode": "yes"}
    assert message.send() == 1
    assert message.anymail_status.status == {"queued"}, message.anymail_status
    return Sent(message.anymail_status.message_id)


# Node ----------------------------------------------------------------------------------------


def _node(house: House, script: str, p: Parcel, **more) -> Sent:
    return Sent(node_script(house, script, p, **more)["id"])


def node_script(house: House, script: str, p: Parcel, **more) -> dict:
    """Run one of the scripts in `clients/` and read the JSON that it prints."""
    node = _tool("node")
    modules = os.environ.get("WAXSEAL_TEST_NODE", "")
    if not Path(modules).is_dir():
        pytest.skip("missing: the Node clients")
    order = {
        "url": house.platform.url,
        "key": house.domain.account.key,
        "domain": house.domain.name,
        "modules": modules,
        "parcel": json.loads(p.as_json()),
        **more,
    }
    done = subprocess.run(
        [node, str(SCRIPTS / script)], input=json.dumps(order).encode(), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def mailgun_js(house: House, p: Parcel) -> Sent:
    return _node(house, "mailgun_js.mjs", p, fetch=False)


def mailgun_js_fetch(house: House, p: Parcel) -> Sent:
    return _node(house, "mailgun_js.mjs", p, fetch=True)


def mailgun_js_mime(house: House, p: Parcel) -> Sent:
    mime = as_mime(p, option_headers=False).as_string()
    fields, _ = as_form(p)
    return _node(house, "mailgun_js_mime.mjs", p, mime=mime, to=[address for address in p.everybody])


def nodemailer_mailgun(house: House, p: Parcel) -> Sent:
    return _node(house, "nodemailer_mailgun.mjs", p)


def nodemailer_smtp(house: House, p: Parcel) -> Sent:
    return _nodemailer(house, p, house.platform.submission, secure=False)


def nodemailer_smtps(house: House, p: Parcel) -> Sent:
    return _nodemailer(house, p, house.platform.implicit_tls, secure=True)


def _nodemailer(house: House, p: Parcel, address: tuple[str, int], secure: bool) -> Sent:
    return _node(
        house,
        "nodemailer_smtp.mjs",
        p,
        host=address[0],
        port=address[1],
        secure=secure,
        login=house.credential.login,
        password=house.credential.password,
        authority=house.platform.outside.authority.read_text(),
        options=parcel.options_as_headers(p),
        messageId=_fresh_id(house),
    )


# SMTP ----------------------------------------------------------------------------------------


def _wire_bytes(house: House, p: Parcel) -> tuple[str, bytes]:
    message_id = _fresh_id(house)
    return message_id, as_mime(p, message_id).as_bytes()


def smtplib_starttls(house: House, p: Parcel) -> Sent:
    context = wire.trusting(house.platform.outside.authority)
    message_id, raw = _wire_bytes(house, p)
    host, port = house.platform.submission
    with smtplib.SMTP(host, port, timeout=30) as client:
        client.starttls(context=context)
        client.login(house.credential.login, house.credential.password)
        assert client.sendmail(p.sender[1], p.everybody, raw) == {}
    return Sent(message_id)


def smtplib_implicit(house: House, p: Parcel) -> Sent:
    context = wire.trusting(house.platform.outside.authority)
    message_id, raw = _wire_bytes(house, p)
    host, port = house.platform.implicit_tls
    with smtplib.SMTP_SSL(host, port, timeout=30, context=context) as client:
        client.login(house.credential.login, house.credential.password)
        assert client.sendmail(p.sender[1], p.everybody, raw) == {}
    return Sent(message_id)


def smtplib_clear(house: House, p: Parcel) -> Sent:
    """Without TLS, which is allowed on loopback alone."""
    message_id, raw = _wire_bytes(house, p)
    host, port = house.platform.submission
    with smtplib.SMTP(host, port, timeout=30) as client:
        client.login(house.credential.login, house.credential.password)
        assert client.sendmail(p.sender[1], p.everybody, raw) == {}
    return Sent(message_id)


def _swaks(house: House, p: Parcel, *more: str) -> Sent:
    message_id, raw = _wire_bytes(house, p)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "message"
        # swaks turns line ends into CRLF and stuffs dots itself.
        path.write_bytes(raw.replace(b"\r\n", b"\n"))
        command = [
            _tool("swaks"), *more,
            "--auth-user", house.credential.login,
            "--auth-password", house.credential.password,
            "--from", p.sender[1],
            "--to", ",".join(p.everybody),
            "--data", f"@{path}",
            "--timeout", "30",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, (done.returncode, done.stdout.decode()[-1500:], done.stderr.decode()[-500:])
    return Sent(message_id)


def swaks_starttls_plain(house: House, p: Parcel) -> Sent:
    host, port = house.platform.submission
    return _swaks(house, p, "--server", f"{host}:{port}", "--tls", "--auth", "PLAIN", "--pipeline")


def swaks_implicit_login(house: House, p: Parcel) -> Sent:
    host, port = house.platform.implicit_tls
    return _swaks(house, p, "--server", f"{host}:{port}", "--tls-on-connect", "--auth", "LOGIN")


def curl_smtp(house: House, p: Parcel) -> Sent:
    message_id, raw = _wire_bytes(house, p)
    host, port = house.platform.submission
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "message"
        path.write_bytes(raw)
        command = [
            _tool("curl"), "-sS", "--noproxy", "*", f"smtp://{host}:{port}/client.test", "--ssl-reqd",
            "--cacert", str(house.platform.outside.authority),
            "--user", f"{house.credential.login}:{house.credential.password}",
            "--mail-from", p.sender[1], "--upload-file", str(path),
        ]  # fmt: skip
        for one in p.everybody:
            command += ["--mail-rcpt", one]
        done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return Sent(message_id)


HTTP = {
    one.__name__: one
    for one in (curl, curl_urlencoded, python_sdk, anymail, mailgun_js, mailgun_js_fetch, nodemailer_mailgun)
}
SMTP = {
    one.__name__: one
    for one in (
        smtplib_starttls,
        smtplib_implicit,
        smtplib_clear,
        swaks_starttls_plain,
        swaks_implicit_login,
        curl_smtp,
        nodemailer_smtp,
        nodemailer_smtps,
    )
}
