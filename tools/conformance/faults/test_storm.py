"""A recipients' server that puts off most of what comes, at any stage, for hours, and then recovers."""

import os

import pytest

from rig import load, meter, waiting
from rig.api import Sender
from rig.clock import Clock, possible
from rig.weather import REPLIES, Storm

MESSAGES = int(os.environ.get("WAXSEAL_TEST_STORM_MESSAGES", "120"))
HOURS = int(os.environ.get("WAXSEAL_TEST_STORM_HOURS", "1"))
STEP = 900
PATIENCE = 120 + MESSAGES // 20
# Waits that the documentation promises after the first failures, each a tenth shorter or longer.
WAITS = [600, 900, 1_800, 3_600, 7_200, 14_400, 21_600]
# Beside it the process holds no more than this; see "Speed and size" of the goals.
MEMORY = 200 << 20


def on_schedule(sender: Sender) -> int:
    """That each attempt came when it was due and was said to be, by the events; how many there were."""
    attempts: dict[str, list[dict]] = {}
    body = sender.get(f"/v3/{sender.domain.name}/events", params={"event": "failed OR delivered", "limit": 300, "ascending": "yes"}).json()
    while body["items"]:
        for event in body["items"]:
            attempts.setdefault(event["recipient"], []).append(event)
        body = sender.get(body["paging"]["next"]).json()
    for events in attempts.values():
        for number, (one, next_one) in enumerate(zip(events, events[1:], strict=False)):
            wait, passed = one["delivery-status"]["retry-seconds"], next_one["timestamp"] - one["timestamp"]
            base = WAITS[min(number, len(WAITS) - 1)]
            assert one["event"] == "failed" and one["severity"] == "temporary", one["event"]
            assert 0.89 * base <= wait <= 1.11 * base, f"wait {number + 1} is {wait} s"
            assert wait - 2 <= passed <= wait + 2 * STEP, f"{passed:.0f} s after a wait of {wait} s"
    return sum(map(len, attempts.values()))


@pytest.mark.timeout(240 + MESSAGES // 4)
def test_a_storm_of_4xx_loses_nothing_and_holds_up_nobody_else(own_platform, sink, seed):
    if not possible():
        pytest.skip("missing: a C compiler on x86-64")
    platform = own_platform({"log": {"level": "info"}}, started=False)
    clock = Clock(platform)
    platform.start()
    domain = platform.domain(platform.account())
    other = Sender(platform, platform.domain(domain.account))
    ledger = load.Ledger(f"load@{domain.name}")
    running = load.Load(platform, domain, platform.credential(domain), ledger)
    before = load.delays(other, sink)
    storm = sink.storm = Storm(seed, 0.45)
    activity = lambda: sum(storm.answered.values()) + len(sink.arrivals)  # noqa: E731
    try:
        with meter.Meter([platform.process.pid]) as used:
            running.start()
            waiting.until(lambda: ledger.count() >= MESSAGES, "messages in the storm", PATIENCE)
            running.stop()
            beside = load.delays(other, sink)
            waiting.until(lambda: load.is_calm(platform, activity), "the first attempts", PATIENCE)
            waits = len(ledger.acknowledged) - len({word for word in ledger.acknowledged if sink.seen(ledger.address(word))})
            for _ in range(HOURS * 3600 // STEP):
                clock.passes(STEP)
                waiting.until(lambda: load.is_calm(platform, activity), "attempts", PATIENCE)
    finally:
        sink.storm = None
    for _ in range(3 * 86_400 // STEP):
        clock.passes(STEP)
        waiting.until(lambda: load.is_calm(platform, activity), "attempts", PATIENCE)
        if platform.command("queue", "list", "--limit", "1")["waiting"] == 0:
            break
    told = load.prove(running, sink, lambda: 0)
    attempts = on_schedule(Sender(platform, domain))
    print(f"{sum(storm.answered.values())} times 4xx ({dict(storm.answered)}, seed {seed}) in {HOURS} hours: {told}")
    print(f"{waits} waited after the first attempt; {attempts} attempts, each on schedule; peak {used.peak >> 20} MiB")
    print(f"mail to others took {before:.2f} s before, {beside:.2f} s beside it (95th percentile)")
    assert waits > MESSAGES // 3 and set(storm.answered) == set(REPLIES), "that was no storm"
    assert used.peak <= MEMORY and beside <= 2 * before + 2.0
    assert running.answered["http"].keys() <= {200} and running.answered["smtp"].keys() <= {250, 354}, running.answered
