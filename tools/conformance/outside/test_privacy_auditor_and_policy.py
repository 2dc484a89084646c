"""The auditor sees what is too old, and `policy verify` sees what is broken: both against what the seed promises."""

import base64
import json
import re
import sqlite3
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig import platform as rig_platform
from rig.customer import Customer
from rig.platform import Platform

ROWS = [f"S{n}" for n in range(1, 16)] + [f"P{n}" for n in range(1, 23)]
DAY = 86400


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def audit(platform: Platform, *arguments: str) -> tuple[int, dict]:
    auditor = Path(rig_platform.binary()).with_name("waxseal-auditor")
    if not auditor.exists():
        pytest.skip("missing: waxseal-auditor")
    command = [auditor, "--config", platform.file, "--json", *arguments]
    done = subprocess.run(command, capture_output=True, env=platform.env, cwd=platform.folder, timeout=120)
    return done.returncode, json.loads(done.stdout or b"{}")


def past(told: dict) -> set[str]:
    return {one["name"] for one in told["items"] if one["past"]}


@pytest.fixture
def lived(own_platform, engine, sink):
    platform = own_platform(engine.config)
    return platform, Customer(platform, sink).live()


def test_the_auditor_is_green_now_and_red_for_each_kind_when_its_time_is_over(lived):
    """A server that stands still purges nothing: as days go by, one kind after the other is too old."""
    platform, who = lived
    who.export()
    platform.run("backup", "create")
    status, told = audit(platform)
    assert (status, told["holds"], told["past"], told["unknown"]) == (0, True, 0, []), told
    assert who.mark not in json.dumps(told) and platform.stop() == 0
    kept = {one["name"]: one for one in told["items"]}
    assert kept["events"]["count"] > 20 and kept["bodies"]["count"] > 5
    expected = [
        (1.2, {"idempotency_keys"}), (4.2, {"bodies", "inbox_items"}),
        (8.2, {"queue_entries"}), (31.2, {"events", "messages"}),
    ]  # fmt: skip
    before = set()
    for days, names in expected:
        status, told = audit(platform, "--now", in_days(days))
        assert status == 1 and told["holds"] is False
        assert names <= past(told), (days, names - past(told), [(one["name"], one["past"]) for one in told["items"]])
        assert before <= past(told), "what was too old is no longer"
        before = past(told)
    status, told = audit(platform, "--now", in_days(0.9))
    assert "events" not in past(told) and "bodies" not in past(told)
    assert audit(platform, "--events-days", "1", "--now", in_days(1.2))[0] == 1


def test_the_auditor_finds_one_row_that_is_too_old_and_a_file_that_nobody_knows(own_platform, sink):
    platform = own_platform()
    who = Customer(platform, sink)
    for number in range(2):
        who.send(f"sent {number}", who.address(f"to {number}"), "delivered")
    assert platform.stop() == 0
    assert audit(platform)[0] == 0
    database = platform.data / "waxseal.db"
    original = database.read_bytes()
    for table, column, days in (("events", "at", 40), ("bodies", "day", 9), ("messages", "created_at", 60), ("idempotency_keys", "expires_at", 3)):
        with sqlite3.connect(database) as db:
            rows = db.execute(f"select rowid, {column} from {table}").fetchall()
            unit = 1 if column == "day" else DAY * 1_000_000
            assert rows, table
            row, value = rows[0]
            assert isinstance(value, int), (table, column, value)
            db.execute(f"update {table} set {column} = ? where rowid = ?", (value - days * unit, row))
        db.close()
        status, told = audit(platform)
        database.write_bytes(original)
        if table in ("bodies", "messages"):
            continue  # these go by their own term, which is another column
        assert status == 1 and table in past(told), (table, told)
    (platform.data / "left-behind.tmp").write_bytes(b"x")
    status, told = audit(platform)
    assert status == 1 and any("left-behind" in str(one) for one in told["unknown"]), told
    (platform.data / "left-behind.tmp").unlink()
    with sqlite3.connect(database) as db:
        db.execute("create table somebodys (word text)")
    db.close()
    status, told = audit(platform)
    assert status == 1 and any("somebodys" in str(one) for one in told["unknown"]), told
    database.write_bytes(original)
    assert audit(platform)[0] == 0


def test_the_next_start_takes_away_what_is_too_old(own_platform, sink):
    """Rows made old while nobody ran are gone after the first round."""
    platform = own_platform()
    who = Customer(platform, sink)
    message = who.send("sent", who.address("to"), "delivered")
    assert platform.stop() == 0
    with sqlite3.connect(platform.data / "waxseal.db") as db:
        moved = db.execute("update events set at = at - ?", (40 * DAY * 1_000_000,)).rowcount
    db.close()
    assert moved >= 2 and audit(platform)[0] == 1
    platform.start()
    deadline = time.monotonic() + 60
    while audit(platform)[0] and time.monotonic() < deadline:
        pass
    assert audit(platform)[0] == 0
    assert who.sender.events_of(message) == []


def test_policy_verify_answers_for_every_row_of_the_table(lived):
    platform, who = lived
    told = platform.command("policy", "verify")
    rows = {one["row"]: one for one in told["rows"]}
    assert sorted(rows) == sorted(ROWS)
    for name, row in rows.items():
        assert row["state"] in ("works", "not yet", "failed")
        assert row["promise"].strip() and row["mechanism"].strip() and row["checked"].strip(), name
        assert bool(row["missing"]) == (row["state"] == "not yet"), (name, row)
    assert [name for name, row in rows.items() if row["state"] == "failed"] == []
    # What is not built cannot work: no receiving, billing, tickets, tracking, validation, panel, posted policies.
    for name in ("S3", "S6", "S8", "S10", "S11", "S12", "S13", "P6", "P10", "P15", "P16", "P17", "P19", "P20", "P22"):
        assert rows[name]["state"] == "not yet", (name, rows[name])
    for name in ("P3", "P11", "P12", "P13", "P14"):
        assert rows[name]["state"] in ("works", "not yet"), rows[name]
    assert who.mark not in json.dumps(told)
    # Each promise is told in words of the seed.
    subjects = {"P3": "content", "P4": "content", "P6": "validation", "P11": "delet", "P12": "copy", "P13": "correct", "P14": "audit", "P20": "thirteen|adult|child", "S2": "send|deliver", "S8": "bill|plan|invoice"}
    for name, word in subjects.items():
        assert re.search(word, rows[name]["promise"].lower() + rows[name]["mechanism"].lower()), (name, rows[name])


def test_policy_verify_turns_red_when_a_promise_is_broken(own_platform, sink):
    platform = own_platform()
    who = Customer(platform, sink)
    who.send("sent", who.address("to"), "delivered")
    assert platform.stop() == 0

    def failed() -> set[str]:
        done = platform.run("policy", "verify", "--json", check=False)
        rows = {one["row"] for one in json.loads(done.stdout)["rows"] if one["state"] == "failed"}
        assert done.returncode == (1 if rows else 0)
        return rows

    assert failed() == set()
    trail = platform.data / "audit" / "trail-000001.jsonl"
    good = trail.read_bytes()
    trail.write_bytes(good.replace(b'"count":1', b'"count":2', 1))
    assert "P14" in failed()
    trail.write_bytes(good)
    database = platform.data / "waxseal.db"
    with sqlite3.connect(database) as db:
        db.execute("update events set at = at - ?", (40 * DAY * 1_000_000,))
    db.close()
    assert failed() & {"P2", "P3", "P5"}
    with sqlite3.connect(database) as db:
        db.execute("update events set at = at + ?", (40 * DAY * 1_000_000,))
        db.execute("alter table domains add column remark text")
    db.close()
    assert "P1" in failed()


def test_a_report_is_signed_and_any_change_of_it_is_found(own_platform):
    platform = own_platform({"privacy": {"home_region": "ch"}})
    platform.account()
    platform.run("policy", "verify")
    report = platform.command("policy", "report")
    assert {"report", "key", "signature"} <= set(report["signed"])
    files = sorted((platform.data / "reports").glob("policy-*.json")) if (platform.data / "reports").exists() else []
    assert files, "a report is kept"
    data = files[-1].read_bytes()
    assert platform.command("policy", "verify-report", str(files[-1]))["sound"] is True
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signed = json.loads(data)
    inner = data[len(b'{"report":') : data.rindex(b',"key":')]
    decoded = [bytes.fromhex(signed[name]) if re.fullmatch("[0-9a-f]+", signed[name]) else base64.b64decode(signed[name]) for name in ("key", "signature")]
    Ed25519PublicKey.from_public_bytes(decoded[0]).verify(decoded[1], b"waxseal policy report 1\n" + inner)
    copy = platform.folder / "copy.json"
    for at in range(12, len(data) - 2, len(data) // 12):
        copy.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        done = platform.run("policy", "verify-report", str(copy), check=False)
        assert done.returncode == 1, (at, data[at - 20 : at + 20])
