"""Erasing a large account with the real program: until its keys are gone, and until everything is."""

import json
import os
import subprocess
from datetime import datetime

import pytest

from rig.platform import Platform

EVENTS = int(os.environ.get("WAXSEAL_BENCH_EVENTS", "1000000"))
MESSAGES = EVENTS // 100
FIGURES = os.environ.get("WAXSEAL_FIGURES")


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.timeout(3600)
@pytest.mark.skipif(not FIGURES, reason="WAXSEAL_FIGURES names the program that fills a data folder")
def test_how_long_an_erasure_takes(engine, outside, tmp_path):
    platform = Platform(tmp_path / "erased", outside, {**engine.config, "erasure": {"grace_days": 0}})
    url = [engine.config["store"]["url"]] if engine.cluster else []
    filled = subprocess.run(
        [FIGURES, "fill", platform.data, str(EVENTS), str(MESSAGES), *url], capture_output=True, check=True, timeout=1800
    )
    account = filled.stdout.decode().strip()
    asked = json.loads(platform.run("account", "delete", account, "--json", timeout=1800).stdout)
    assert asked["state"] == "done"
    trail = [json.loads(line) for line in platform.run("audit", "export").stdout.splitlines()]
    gone = next(entry["at"] for entry in trail if entry["what"] == "keys_destroyed") / 1e6
    final = moment(asked["final_at"])
    name = "PostgreSQL" if engine.cluster else "SQLite"
    print(
        f"{name}: {asked['rows']} rows; keys gone after {gone - final:.3f} s, everything after "
        f"{moment(asked['done_at']) - final:.1f} s"
    )
