"""PostgreSQL is killed under load, alone or together with the server: what was acknowledged is there afterwards."""

import os
import random

import pytest
import requests

from rig import canary, load, waiting
from rig.faulty import IN_FLIGHT
from rig.platform import Platform
from rig.postgres import Cluster

KILLS = int(os.environ.get("WAXSEAL_TEST_DATABASE_KILLS", "3"))
WHOM = ["the database", "the server", "both"]


@pytest.mark.timeout(240 + 60 * KILLS)
def test_killing_the_database_the_server_or_both_loses_invents_and_alters_nothing(outside, sink, tmp_path, seed):
    if not Cluster.possible():
        pytest.skip("missing: PostgreSQL")
    chance = random.Random(seed)
    cluster = Cluster(tmp_path / "postgres" / "cluster").start()
    config = {"store": {"url": cluster.database()}, "log": {"level": "info"}}
    platform = Platform(tmp_path / "platform", outside, config).start()
    try:
        domain = platform.domain(platform.account())
        ledger = load.Ledger(f"load@{domain.name}")
        running = load.Load(platform, domain, platform.credential(domain), ledger)
        running.start()
        for number in range(KILLS):
            whom = WHOM[number % len(WHOM)]
            target = ledger.count() + chance.randint(10, 100)
            waiting.until(lambda t=target: ledger.count() >= t, "some acknowledged messages", 60)
            running.pause()
            if whom != "the server":
                cluster.kill()
            if whom != "the database":
                platform.kill()
            else:
                fields = {"from": ledger.sender, "to": f"{canary.word()}@rcpt.test", "subject": "s", "text": "t"}
                url = f"{platform.url}/v3/{domain.name}/messages"
                answer = requests.post(url, data=fields, auth=("api", domain.account.key), timeout=60)
                assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0, answer.status_code
            if whom != "the server":
                cluster.serve()
            if whom != "the database":
                platform.start()
            running.resume()
        after = ledger.count() + 30
        waiting.until(lambda: ledger.count() >= after, "messages after the last kill", 90)
        running.stop()
        told = load.prove(running, sink, lambda: IN_FLIGHT * KILLS)
        print(f"{KILLS} kills in turn of {', '.join(WHOM)} (seed {seed}): {told}")
    finally:
        if platform.process is not None:
            platform.kill()
        cluster.stop()
