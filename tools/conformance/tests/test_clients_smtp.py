"""People's SMTP clients send every kind of message; what arrives is what was sent."""

import subprocess

import pytest

from rig import arrival, canary, clients, parcel
from rig.clients import House


@pytest.fixture(scope="module")
def house(platform, domain, credential):
    return House(platform, domain, credential)


@pytest.mark.parametrize("kind", parcel.KINDS)
@pytest.mark.parametrize("client", clients.SMTP)
def test_what_a_client_sends_by_smtp_arrives(house, client, kind):
    p = parcel.make(kind, house.domain.name)
    sent = clients.SMTP[client](house, p)
    arrival.follow(house, p, sent, "smtp")


def test_swaks_builds_and_attaches_by_itself(house, tmp_path):
    word, recipient = canary.word(), f"{canary.word()}@rcpt.test"
    file = tmp_path / "attached.bin"
    file.write_bytes(bytes(range(256)) + word.encode())
    host, port = house.platform.submission
    command = [
        clients._tool("swaks"), "--server", f"{host}:{port}", "--tls",
        "--auth-user", house.credential.login, "--auth-password", house.credential.password,
        "--from", f"tester@{house.domain.name}", "--to", recipient,
        "--header", f"Subject: {word}", "--header", "X-Mailgun-Tag: from-swaks",
        "--body", f"Hello {word}", "--attach", f"@{file}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout.decode()[-1500:]
    (got,) = house.platform.outside.sink.wait(recipient)
    message = parcel.read(got)
    assert str(message["Subject"]) == word and f"Hello {word}" in parcel.body(message, "text/plain")
    assert parcel.files(message)[0][2] == file.read_bytes()
    parcel.check_dkim(got.raw, house.platform.outside.zone, house.domain.name)


def test_smtp_source_submits_from_a_network_that_needs_no_password(own_platform, sink, zone):
    """Twenty sessions at once; each message arrives once, whole and signed."""
    platform = own_platform()
    account = platform.account()
    domain = platform.domain(account)
    platform.command("credential", "create", "--network", "127.0.0.1/32", "--account", account.id)
    host, port = platform.submission
    recipient = f"{canary.word()}@rcpt.test"
    command = [
        clients._tool("smtp-source"), "-s", "20", "-m", "100", "-l", "4096", "-c",
        "-f", f"load@{domain.name}", "-t", recipient, "-M", "client.test", f"inet:{host}:{port}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-800:]
    arrivals = sink.wait(recipient, 100, 60)
    assert len(arrivals) == 100
    ids = {str(parcel.read(one)["Message-ID"]) for one in arrivals}
    assert len(ids) == 100, "a message arrived twice"
    for one in arrivals[:5]:
        parcel.check_wire(one.raw)
        parcel.check_dkim(one.raw, zone, domain.name)
