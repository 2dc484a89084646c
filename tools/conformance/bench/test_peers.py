"""Waxseal beside Postfix: the same mail through each to the same sink, in the same run, by turns.

Prints for each way in: messages accepted and delivered a second, CPU of a message, peak memory, how long one more session
by SMTP waits for a message to be accepted (median and 99 of 100), and the ratio of Waxseal to Postfix. All figures are medians of rounds, and each server is started afresh for each.
"""

import dataclasses
import os
import statistics
import time

import pytest

from rig import waiting
from rig.feeding import by_batches, by_http, by_smtp
from rig.meter import Meter
from rig.probe import Probe
from rig.relays import Postfix, SignedPostfix, Sink, Waxseal

MESSAGES = int(os.environ.get("WAXSEAL_BENCH_MESSAGES", "4000"))
ROUNDS = int(os.environ.get("WAXSEAL_BENCH_ROUNDS", "3"))


@dataclasses.dataclass
class Figures:
    """One run, or the medians of several."""

    accepted: float
    delivered: float
    cpu: float
    memory: float
    median: float
    most: float


def one_round(kind, folder, outside, send, size, sessions) -> Figures:
    sink = Sink()
    server = kind(folder, outside, sink.port)
    try:
        # What is made at the first message is made before.
        by_smtp(server, 512, 1, 20)
        waiting.until(lambda: sink.messages() >= 20, "the first messages", 60)
        with Meter(server.pids) as meter:
            with Probe(server.port, server.sender) as probe:
                send(server, size, sessions, MESSAGES)
                accepted = time.monotonic() - meter.began
            total = MESSAGES + len(probe.took)
            waiting.until(lambda: sink.messages() >= 20 + total, "everything in the sink", 300)
        assert sink.messages() == 20 + total, "delivered twice"
        cpu = meter.cpu * 1e3 / total
        return Figures(total / accepted, total / meter.took, cpu, meter.peak / 1e6, *probe.milliseconds())
    finally:
        server.stop()
        sink.stop()


def medians(rounds: list[Figures]) -> Figures:
    return Figures(*(statistics.median(column) for column in zip(*map(dataclasses.astuple, rounds))))


WAYS = [
    ("SMTP, 4 KiB, 20 sessions", by_smtp, 4096, 20),
    ("SMTP, 4 KiB, 100 sessions", by_smtp, 4096, 100),
    ("SMTP, 50 KiB, 20 sessions", by_smtp, 51_200, 20),
    ("HTTP, 4 KiB, one a call, 20 connections", by_http, 4096, 20),
    ("HTTP, 4 KiB, 1,000 recipients a call", by_batches, 4096, 4),
]


@pytest.mark.timeout(7200)
@pytest.mark.skipif(not Postfix.possible(), reason="wants root, and of Debian postfix (with smtp-source, smtp-sink) and apache2-utils (ab)")
@pytest.mark.parametrize(("title", "send", "size", "sessions"), WAYS, ids=[way[0] for way in WAYS])
def test_against_postfix(outside, tmp_path, title, send, size, sessions):
    kinds = [Waxseal, Postfix, *([SignedPostfix] if SignedPostfix.possible() else [])]
    rounds: dict = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            # Postfix knows no calls: it gets the same mail by SMTP.
            way = (send, sessions) if kind is Waxseal else (by_smtp, max(sessions, 20))
            folder = tmp_path / f"{kind.__name__}-{number}"
            rounds[kind].append(one_round(kind, folder, outside, way[0], size, way[1]))
    found = {kind: medians(figures) for kind, figures in rounds.items()}
    print(f"\n{title}: {MESSAGES} messages, medians of {ROUNDS}")
    for kind, one in found.items():
        spread = ", ".join(f"{figures.delivered:.0f}" for figures in rounds[kind])
        print(
            f"  {kind.name:<18} accepted {one.accepted:6.0f}/s  delivered {one.delivered:6.0f}/s ({spread})"
            f"  CPU {one.cpu:5.2f} ms  peak {one.memory:4.0f} MB  accepting {one.median:.1f} ms, p99 {one.most:.1f}"
        )
    for kind in kinds[1:]:
        ratio = found[Waxseal].delivered / found[kind].delivered
        cpu = found[Waxseal].cpu / found[kind].cpu
        print(f"  waxseal / {kind.name}: delivered {ratio:.2f}, CPU {cpu:.2f}")
