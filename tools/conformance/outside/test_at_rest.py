"""What lies on disk and what the process says about itself: nothing that names people, no secret."""

import re
import secrets
import stat

import pytest

from rig import canary, waiting
from rig.api import Api, Sender


def files(platform):
    return [path for path in platform.data.rglob("*") if path.is_file()]


def found(platform, *needles: bytes) -> list[tuple[str, bytes]]:
    out = []
    for path in files(platform):
        data = path.read_bytes()
        low = data.lower()
        out += [(path.name, one) for one in needles if one in data or one.lower() in low]
    return out


@pytest.fixture
def own(own_platform):
    return own_platform({"retention": {"stored_message_days": 0}})


def test_keys_and_passwords_are_shown_once_and_lie_nowhere(platform, account, domain, credential):
    sending = platform.sending_key(domain)
    needles = [one.encode() for key in (account.key, sending) for one in (key, key[4:], key[4:36], key.split("-")[1])]
    assert found(platform, *needles, credential.password.encode()) == []
    for command in (["account", "list"], ["key", "list", "--account", account.id], ["credential", "list", "--account", account.id]):
        for done in (platform.run(*command), platform.run(*command, "--json")):
            shown = done.stdout + done.stderr
            assert account.key.encode() not in shown and sending.encode() not in shown and credential.password.encode() not in shown
    assert platform.written().count(credential.password.encode()) == 0 and account.key.encode() not in platform.written()


def test_the_data_folder_is_closed_to_others(platform):
    assert stat.S_IMODE((platform.data / "master.key").stat().st_mode) == 0o600
    for path in [platform.data, *files(platform)]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o007, path


def test_content_and_addresses_are_in_no_file_even_while_a_message_waits(platform, ann, sink):
    to, word, tag, var, file = ann.somebody(), canary.word(), canary.word(), canary.word(), canary.word()
    sink.refuse(to, "451 4.0.0 later", always=True)
    mid = ann.send(ann.form(to, subject=word, text=word, **{"o:tag": tag, "v:a": var, "h:X-Own": var}), [("attachment", (file, word.encode(), "a/b"))])
    ann.wait_event(mid, "failed")
    needles = [spelt for one in (to.split("@")[0], word, var, file, tag) for spelt in canary.spellings(one)]
    assert found(platform, *needles) == []


def test_the_text_of_settled_messages_is_nowhere_and_its_key_is_gone(own, sink):
    domain = own.domain(own.account())
    sender = Sender(own, domain)
    word = canary.word()
    to = [f"{canary.word()}@rcpt.test" for _ in range(20)]
    ids = [sender.send([("from", f"a@{domain.name}"), ("to", one), ("subject", "s"), ("text", word * 50)]) for one in to]
    for mid in ids:
        event = sender.wait_event(mid, "delivered")
    gone = sender.get(f"/v3/domains/{domain.name}/messages/{event['storage']['key']}")
    assert (gone.status_code, gone.json()) == (404, {"message": "Message not found"})
    assert found(own, *canary.spellings(word)) == []
    assert own.command("privacy", "trace", word)["matches"] == []
    own.stop()
    assert found(own, *canary.spellings(word)) == []


def test_the_bodies_of_settled_messages_leave_no_rows(own, sink):
    import sqlite3

    domain = own.domain(own.account())
    sender = Sender(own, domain)
    to = f"{canary.word()}@rcpt.test"
    mid = sender.send([("from", f"a@{domain.name}"), ("to", to), ("subject", "s"), ("text", secrets.token_hex(50_000))])
    sender.wait_event(mid, "delivered")

    def largest():
        db = sqlite3.connect(f"file:{own.data / 'waxseal.db'}?mode=ro", uri=True)
        names = [row[0] for row in db.execute("select name from sqlite_master where type='table'")]
        sizes = {}
        for name in names:
            columns = [row[1] for row in db.execute(f'pragma table_info("{name}")')]
            for column in columns:
                sizes[f"{name}.{column}"] = db.execute(f'select max(length("{column}")) from "{name}"').fetchone()[0] or 0
        return max(sizes.values()) < 50_000

    waiting.until(largest, "no body left")


def test_the_map_names_every_column_of_the_store(platform):
    import sqlite3

    shown = platform.run("privacy", "map").stdout.decode()
    assert shown.strip()
    for file in ("waxseal.db", "keys.db"):
        db = sqlite3.connect(f"file:{platform.data / file}?mode=ro", uri=True)
        for (table,) in db.execute("select name from sqlite_master where type='table' and name not like 'sqlite_%'"):
            if "migration" in table:
                continue
            for row in db.execute(f'pragma table_info("{table}")'):
                assert re.search(rf"\b{table}\b", shown), table
                assert row[1] in shown, (table, row[1])


def test_health_readiness_and_metrics_answer_without_a_key(platform, ann):
    nobody = Api(platform, None)
    assert nobody.get("/healthz").status_code == 200 and nobody.get("/readyz").status_code == 200
    counted = platform.metrics()
    assert "# TYPE waxseal_" in counted and "waxseal_delivery_attempts_total" in counted
    assert ann.domain.name not in counted and ann.domain.account.id not in counted


def test_what_the_server_writes_at_its_loudest_names_nobody(own_platform, sink):
    server = own_platform({"log": {"level": "trace"}})
    domain = server.domain(server.account())
    sender = Sender(server, domain)
    word = canary.word()
    people = [f"{canary.word()}@{where}" for where in ("rcpt.test", "null.test", "closed.test")]
    for to in people:
        mid = sender.send([("from", f'"{word}" <{word}@{domain.name}>'), ("to", f'"{word}" <{to}>'), ("subject", word), ("text", word)])
        sender.wait_event(mid, "failed" if "rcpt" not in to else "delivered")
    sender.try_send([("from", f"{word}@"), ("to", word), ("text", word)])
    sender.get(f"/v3/{domain.name}/events", params={"recipient": people[0], "subject": word})
    sender.get(f"/v3/{word}@evil.test/messages"), sender.get(f"/{word}")
    sender.post(f"/v3/{domain.name}/messages", data=word.encode(), headers={"Content-Type": f"text/{word}", "User-Agent": word, "Idempotency-Key": word})
    import smtplib

    login = server.credential(domain, canary.word())
    with smtplib.SMTP(*server.submission) as door:
        door.ehlo(word)
        door.docmd(word)
        door.docmd(f"VRFY {people[0]}")
        try:
            door.login(f"{word}@{domain.name}", word)
        except smtplib.SMTPException:
            pass
        door.login(login.login, login.password)
        door.sendmail(f"{word}@{domain.name}", [people[0]], f"From: {word}@{domain.name}\nSubject: {word}\n\n{word}\n")
        door.docmd(f"RCPT TO:<{word}@>")
    server.run("queue", "list"), server.run("queue", "why", mid, check=False)
    server.stop()
    assert canary.found_in(server.written(), [word.encode(), login.login.encode(), login.password.encode(), *(p.split("@")[0].encode() for p in people)]) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 MiB; only root may mount one."""
    import os
    import subprocess

    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    with open(disk / "fill", "wb", buffering=0) as rest:
        try:
            while True:
                rest.write(bytes(4096))
        except OSError:
            pass


def test_on_a_full_disk_nothing_is_taken_and_nothing_is_lost(own_platform, small_disk, sink):
    server = own_platform({"data_dir": small_disk / "data", "log": {"level": "warn"}})
    domain = server.domain(server.account())
    sender = Sender(server, domain)
    to = f"{canary.word()}@rcpt.test"
    form = [("from", f"a@{domain.name}"), ("to", to), ("text", "t")]
    fill(small_disk)
    refused = sender.try_send(form)
    assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    assert sender.get("/readyz").status_code == 503 and sender.get("/healthz").status_code == 200
    (small_disk / "fill").unlink()
    waiting.until(lambda: sender.try_send(form).status_code == 200, "messages to be taken again", 5)
    assert len(sink.wait(to)) == 1
