"""What rests on disk and what is written about messages."""

import re
import secrets
import stat
import tempfile
import time
from pathlib import Path

import pytest

from rig import canary, waiting, wire
from rig.api import Api, Sender
from rig.platform import as_toml


@pytest.fixture(params=["text", "json"])
def talkative(own_platform, request):
    """A server at trace level: everything it could say, it says."""
    return own_platform({"log": {"level": "trace", "format": request.param}})


def traces(folder, words):
    """Files under `folder` that hold one of the words in some spelling."""
    wanted = [one for word in words for one in canary.spellings(word)]
    out = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            out += [(path.name, one) for one in wanted if one in data]
    return out


def test_nothing_that_the_server_writes_names_a_person_or_a_word_of_theirs(talkative, sink):
    platform = talkative
    account = platform.account()
    domain = platform.domain(account)
    credential = platform.credential(domain, canary.word())
    sender = Sender(platform, domain)

    def fields(recipient):
        word = canary.word()
        return [
            ("from", f"{canary.word()} <{canary.word()}@{domain.name}>"), ("to", f"{canary.word()} <{recipient}>"),
            ("subject", word), ("text", f"text {word}"), ("html", f"<p>{word}</p>"), ("h:X-Own", canary.word()),
            ("v:own", canary.word()), ("o:tag", canary.word()),
        ]  # fmt: skip

    good, gone, busy = (f"{canary.word()}@rcpt.test" for _ in range(3))
    sink.refuse(gone, f"550 5.1.1 no {gone} here", always=True)
    sink.refuse(busy, f"451 4.7.1 {busy} later", always=True)
    for recipient, kind in ((good, "delivered"), (gone, "failed"), (busy, "failed")):
        message_id = sender.send(
            fields(recipient), [("attachment", (f"{canary.word()}.txt", canary.word().encode(), "text/plain"))]
        )
        sender.wait_event(message_id, kind, recipient)
        event = sender.wait_event(message_id, "accepted", recipient)
        sender.get(event["storage"]["url"])
    sender.wait_event(sender.send(fields(f"{canary.word()}@no-such-name.test")), "failed")
    sender.wait_event(sender.send(fields(gone)), "failed", gone)
    sender.try_send([("from", canary.word()), ("to", canary.word()), ("text", canary.word())])
    sender.get(f"/v3/{domain.name}/events", params={"recipient": good, "subject": canary.word()})
    sender.get(f"/v3/{canary.word()}/{canary.word()}", params={canary.word(): canary.word()})
    Api(platform, canary.word()).post(sender.messages)
    Api(platform, account.key, user=canary.word()).post(sender.messages)
    _by_smtp(platform, domain, credential, sink)
    platform.run("queue", "list", "--json")
    counted = platform.metrics()
    assert platform.stop() == 0
    assert canary.found_in(counted.encode()) == []
    written = platform.written()
    assert canary.found_in(written) == []
    for secret in (account.key, credential.password, wire.plain_token(credential.login, credential.password)):
        assert secret.encode() not in written, "a secret was written"
    assert len(written) > 1000, "at trace level there is something to read"


def _by_smtp(platform, domain, credential, sink):
    to = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission, credential) as line:
        line.ehlo(canary.word())
        line.talk(f"MAIL FROM:<{canary.word()}> {canary.word()}=1")
        line.talk(f"{canary.word()} {canary.word()}")
        line.envelope(f"{canary.word()}@{domain.name}", to)
        line.talk(f"RCPT TO:<{canary.word()}@{canary.word()}..test>")
        assert line.talk("DATA").code == 354
        line.send(
            f"From: {canary.word()}@{domain.name}\r\nSubject: {canary.word()}\r\n\r\n{canary.word()}\r\n.\r\n".encode()
        )
        assert line.reply().code == 250
    with wire.opened(platform.submission) as line:
        line.login(f"{canary.word()}@{domain.name}", canary.word())
        line.send(f"NOOP {canary.word()}\nX\r\n".encode())
        line.rest()
    sink.wait(to)


def test_no_word_of_a_message_rests_readable_on_disk(own_platform, sink):
    platform = own_platform()
    sender = Sender(platform, platform.domain(platform.account()))
    settled, waiting_, scheduled = canary.word(), canary.word(), canary.word()
    busy = f"{canary.word()}@rcpt.test"
    sink.refuse(busy, "451 4.7.1 later", always=True)

    def send(word, recipient, *more):
        fields = [
            ("from", f"a@{sender.domain.name}"),
            ("to", recipient),
            ("subject", "s"),
            ("text", f"{word} text"),
            ("html", f"<p>{word}</p>"),
            *more,
        ]
        files = [("attachment", ("f.bin", (word * 3000).encode(), "application/octet-stream"))]
        return sender.send(fields, files)

    settled_id = send(settled, f"{canary.word()}@rcpt.test")
    waiting_id = send(waiting_, busy)
    send(scheduled, f"{canary.word()}@rcpt.test", ("o:deliverytime", str(int(time.time()) + 3600)))
    sender.wait_event(settled_id, "delivered")
    sender.wait_event(waiting_id, "failed")
    words = [settled, waiting_, scheduled]
    assert traces(platform.data, words) == [], "content in clear while the server runs"
    sink.relent(busy)
    platform.run("queue", "retry", waiting_id.strip("<>"))
    sender.wait_event(waiting_id, "delivered")
    assert platform.stop() == 0
    assert traces(platform.folder, words) == [], "content in clear after the server ended"


def test_large_uploads_leave_nothing_behind(own_platform, sink):
    platform = own_platform()
    sender = Sender(platform, platform.domain(platform.account()))
    word, recipient = canary.word(), f"{canary.word()}@rcpt.test"
    data = (word.encode() + b"\0" * 50) * 100_000
    message_id = sender.send(
        [("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "t")],
        [("attachment", ("f.bin", data, "application/octet-stream"))],
    )
    assert traces(platform.folder, [word]) == []
    sender.wait_event(message_id, "delivered", timeout=60)
    fresh = [one for one in Path(tempfile.gettempdir()).glob("*waxseal*") if one.is_file()]
    assert [one for one in fresh if word.encode() in one.read_bytes()] == []


def test_keys_are_readable_by_their_owner_alone(own_platform, sink):
    """Even where the umask would let everybody read."""
    platform = own_platform(started=False, config={"tls": {"certificate": "", "key": ""}})
    platform.umask = 0
    platform.start()
    sender = Sender(platform, platform.domain(platform.account()))
    recipient = f"{canary.word()}@rcpt.test"
    sender.send([("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "t")])
    sink.wait(recipient)
    files = [path for path in platform.data.rglob("*") if not path.is_dir()]
    keys = [path for path in files if "key" in path.name.lower()]
    assert any(path.name == "master.key" for path in keys), [path.name for path in files]
    closed = platform.data.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0
    for path in files:
        if path in keys or not closed:
            assert path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0, f"{path.name} is open to others"


def test_a_master_key_from_the_environment_is_not_written(own_platform, sink):
    key = secrets.token_bytes(32)
    platform = own_platform(env={"WAXSEAL_KEYS__MASTER_KEY": key.hex()})
    sender = Sender(platform, platform.domain(platform.account()))
    recipient = f"{canary.word()}@rcpt.test"
    sender.send([("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "t")])
    sink.wait(recipient)
    for path in platform.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert path.name != "master.key" and key not in data and key.hex().encode() not in data, path.name


def test_health_readiness_and_metrics(platform, sender, sink):
    for path in ("/healthz", "/readyz"):
        assert Api(platform, None).get(path).status_code == 200
    before = platform.metrics()
    for line in before.splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[a-zA-Z_:][\w:]*(\{.*\})? [-+0-9.eEnaNIif]+", line), (
            line
        )
    recipient = f"{canary.word()}@rcpt.test"
    sender.send([("from", f"a@{sender.domain.name}"), ("to", recipient), ("text", "t")])
    sink.wait(recipient)
    waiting.until(lambda: platform.metrics() != before, "metrics that count the message")
    assert recipient not in platform.metrics() and sender.domain.account.key not in platform.metrics()


@pytest.mark.parametrize(
    ("config", "near"),
    [
        ({"http": {"lisen": ["127.0.0.1:0"]}}, "listen"),
        ({"hostnam": "x"}, "hostname"),
        ({"delivery": {"relai": "x"}}, "relay"),
    ],
)
def test_a_misspelt_key_of_the_configuration_is_named_with_the_right_one(own_platform, config, near):
    platform = own_platform(config, started=False)
    done = platform.run("serve", check=False, timeout=30)
    assert done.returncode != 0
    text = done.stderr.decode()
    assert near in text and next(iter(config)) in text, text


def test_keys_of_the_configuration_come_from_the_environment_too(own_platform):
    platform = own_platform(started=False, env={"WAXSEAL_HOSTNAME": "from-env.waxseal.test"})
    del platform.config["hostname"]
    platform.file.write_text(as_toml(platform.config))
    platform.start()
    with wire.Line(platform.submission) as line:
        assert "from-env.waxseal.test" in line.reply().text


def test_the_map_of_personal_data_is_printed(platform):
    done = platform.run("privacy", "map")
    text = done.stdout.decode().lower()
    for word in ("purpose", "retention", "recipient"):
        assert word in text, word
