"""`privacy prove-erasure` proves it on both stores, leaves nothing behind, and touches no database that is somebody's."""

import json
import subprocess

import pytest

from rig.platform import binary


def _prove(folder, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), "privacy", "prove-erasure", "--json", *arguments],
        capture_output=True, cwd=folder, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder)}, timeout=580,
    )  # fmt: skip


@pytest.mark.timeout(600)
def test_an_erased_account_is_proved_to_be_gone(engine, tmp_path):
    # On one of both the keys have a folder of their own.
    arguments = ["--database", engine.config["store"]["url"], "--keys-apart"] if engine.cluster else []
    done = _prove(tmp_path, *arguments)
    report = json.loads(done.stdout or "{}")
    failed = [check for check in report.get("checks", []) if not check["holds"]]
    assert done.returncode == 0 and report["sound"] and failed == [], (failed, done.stderr.decode())
    assert report["engine"] == ("postgres" if engine.cluster else "sqlite")
    assert len(report["checks"]) >= (24 if engine.cluster else 22)
    raw = next(check["found"] for check in report["checks"] if check["what"].endswith("opens with no key of today"))
    assert " keys that remain, 0 opened (" in raw and not raw.startswith("0 "), raw
    assert report["took"]["keys_gone_ms"] >= 0
    assert not any("files" in note for note in report["notes"]), report["notes"]
    assert list(tmp_path.iterdir()) == []
    if engine.cluster:
        said = {check["what"] for check in report["checks"] if "PostgreSQL" in check["what"]}
        assert len(said) == 2 and not any("not searched" in note for note in report["notes"]), report
        name = arguments[1].rsplit("/", 1)[1]
        left = engine.cluster._psql("select count(*) from information_schema.tables where table_schema = 'public'", name)
        assert left.stdout.strip() == b"0", "the database is left empty"


def test_a_database_that_is_somebodys_is_not_touched(postgres, tmp_path):
    url = postgres.database()
    name = url.rsplit("/", 1)[1]
    assert postgres._psql("create table theirs (word text)", name).returncode == 0
    done = _prove(tmp_path, "--database", url)
    assert done.returncode == 1
    assert b"the database is not empty" in done.stderr, done.stderr
    assert postgres._psql("select count(*) from theirs", name).stdout.strip() == b"0"
