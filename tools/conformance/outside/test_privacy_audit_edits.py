"""The audit trail is edited in every way that comes to mind: each edit is found, at its place, and ends with 1."""

import hashlib
import json
import os
import random
import signal
import subprocess
import threading

import pytest

from rig import canary, waiting
from rig.api import Api
from rig.platform import CommandFailed, Platform, binary

EDITS = int(os.environ.get("WAXSEAL_TEST_EDITS", "220"))


class Trail:
    """The files of a stopped instance, as they were and as they are made."""

    def __init__(self, platform: Platform):
        self.platform = platform
        audit = platform.data / "audit"
        self.trail, self.checkpoints = audit / "trail-000001.jsonl", audit / "checkpoints.jsonl"
        self.anchors = platform.data / "audit-anchors"
        self.was = {path: path.read_bytes() for path in (self.trail, self.checkpoints, self.anchors)}
        assert b"\0" not in self.was[self.trail]
        self.lines = self.was[self.trail].splitlines(keepends=True)

    def restore(self) -> None:
        for path, data in self.was.items():
            path.write_bytes(data)

    def verify(self) -> tuple[int, dict]:
        done = self.platform.run("audit", "verify", "--json", check=False)
        return done.returncode, json.loads(done.stdout or b"{}")

    def edited(self, lines: list[bytes]) -> tuple[int, dict]:
        self.restore()
        self.trail.write_bytes(b"".join(lines))
        return self.verify()


@pytest.fixture(scope="module")
def trail(outside, tmp_path_factory):
    """Some sixty entries of all kinds, checkpoints and anchors, and nobody running."""
    platform = Platform(tmp_path_factory.mktemp("audited"), outside).start()
    account = platform.account()
    domain = platform.domain(account)
    for _ in range(4):
        key = platform.command("key", "create", "--account", account.id)
        platform.run("key", "delete", key["key_id"], "--account", account.id)
        platform.run("account", "correct", account.id, "--name", canary.word())
    for _ in range(16):
        platform.run("account", "list")
    platform.command("privacy", "erase-recipient", f"{canary.word()}@rcpt.test", "--account", account.id)
    api = Api(platform, account.key)
    for _ in range(8):
        assert api.call("PUT", "/v1/privacy/profile", data={"company": canary.word()}).status_code == 200
    platform.run("domain", "list", "--account", domain.account.id)
    assert platform.stop() == 0
    made = Trail(platform)
    status, told = made.verify()
    assert (status, told["sound"], told["findings"]) == (0, True, []) and told["entries"] == len(made.lines) > 40
    yield made
    made.restore()


def near(told: dict, entry: int) -> bool:
    """Whether a finding names the entry, or the one after, whose chain no longer holds."""
    for one in told["findings"]:
        first, last = one["entry"], one["to"] or one["entry"]
        if first is not None and first - 1 <= entry <= last + 1:
            return True
        if one["line"] is not None and abs(one["line"] - entry) <= 1:
            return True
    return False


def edits(lines: list[bytes], chance: random.Random):
    """One random edit: its name, the lines afterwards, the entry that it touches."""
    at = chance.randrange(len(lines))
    out = list(lines)
    match chance.choice(["flip", "drop", "swap", "double", "insert", "cut", "cut in a line", "empty", "retype", "space", "move"]):
        case "flip":
            where = chance.randrange(len(out[at]) - 1)
            changed = bytearray(out[at])
            changed[where] ^= 1 << chance.randrange(8)
            out[at] = bytes(changed)
            return "flip", out, at
        case "drop":
            del out[at]
            return "drop", out, at
        case "swap":
            other = chance.choice([n for n in range(len(out)) if n != at])
            out[at], out[other] = out[other], out[at]
            return "swap", out, min(at, other)
        case "double":
            out.insert(at, out[at])
            return "double", out, at
        case "insert":
            forged = json.loads(out[at])
            forged["what"] = "accounts_listed"
            out.insert(at + 1, json.dumps(forged, separators=(",", ":")).encode() + b"\n")
            return "insert", out, at + 1
        case "cut":
            return "cut", out[:at], at
        case "cut in a line":
            return "cut in a line", [*out[:at], out[at][: chance.randrange(1, len(out[at]) - 1)]], at
        case "empty":
            out[at] = b"\n"
            return "empty", out, at
        case "retype":
            line = json.loads(out[at])
            line["count" if chance.random() < 0.5 else "at"] += chance.choice([-1, 1])
            out[at] = json.dumps(line, separators=(",", ":")).encode() + b"\n"
            return "retype", out, at
        case "space":
            where = out[at].index(b":") + 1
            out[at] = out[at][:where] + b" " + out[at][where:]
            return "space", out, at
        case _:
            line = out.pop(at)
            to = chance.choice([n for n in range(len(out) + 1) if n != at])
            out.insert(to, line)
            return "move", out, min(at, to)


def test_random_edits_are_each_found_at_their_place(trail):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    missed = []
    for number in range(EDITS):
        name, lines, at = edits(trail.lines, chance)
        if lines == trail.lines:
            continue
        status, told = trail.edited(lines)
        if status != 1 or told.get("sound") or not near(told, at + 1):
            missed.append((number, name, at + 1, status, told.get("findings")))
    assert missed == [], f"seed {seed}"


def test_all_set_back_together_but_for_the_anchors_is_found(trail):
    """The trail and its checkpoints as they were at an earlier moment: a state that was once good."""
    for keep in range(1, len(trail.lines)):
        if keep % 4 and keep != len(trail.lines) - 1:
            continue
        trail.restore()
        trail.trail.write_bytes(b"".join(trail.lines[:keep]))
        points = [one for one in trail.was[trail.checkpoints].splitlines(keepends=True) if json.loads(one)["n"] <= keep]
        trail.checkpoints.write_bytes(b"".join(points))
        status, told = trail.verify()
        assert status == 1 and near(told, keep + 1), (keep, told)


def forged(lines: list[bytes], at: int, change) -> list[bytes]:
    """As who knows how the chain is made would do it: one entry changed, and everything after it hashed anew."""
    out, before = [], None
    for number, line in enumerate(lines):
        entry = json.loads(line)
        if number == at:
            change(entry)
        if number >= at:
            entry["prev"] = before if before is not None else entry["prev"]
            body = json.dumps({k: v for k, v in entry.items() if k != "hash"}, separators=(",", ":"))[:-1]
            entry["hash"] = hashlib.sha256(b"waxseal audit 1\n" + body.encode()).hexdigest()
            line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        before = entry["hash"]
        out.append(line)
    return out


def test_a_chain_hashed_anew_is_found_by_its_signatures(trail):
    assert forged(trail.lines, 0, lambda entry: None) == trail.lines, "the chain is made as the page says"
    for at in range(0, len(trail.lines), 5):
        for name, value in (("actor", "customer"), ("what", "accounts_listed"), ("count", 99)):
            if json.loads(trail.lines[at])[name] == value:
                continue
            status, told = trail.edited(forged(trail.lines, at, lambda entry, n=name, v=value: entry.update({n: v})))
            assert status == 1 and near(told, at + 1), (at + 1, name, told)


@pytest.mark.parametrize("which", ["checkpoints", "anchors"])
def test_edits_of_checkpoints_and_anchors_are_found(trail, which):
    path = getattr(trail, which)
    lines = trail.was[path].splitlines(keepends=True)
    chance = random.Random()
    missed = []
    for number in range(24):
        at, out = chance.randrange(len(lines)), list(lines)
        if number % 3 == 0:
            changed = bytearray(out[at])
            where = chance.randrange(len(changed) - 1)
            changed[where] ^= 1 << chance.randrange(8)
            out[at], name = bytes(changed), f"flip of byte {where}"
        elif number % 3 == 1:
            point = json.loads(out[at])
            point["n"] += 1
            out[at], name = json.dumps(point, separators=(",", ":")).encode() + b"\n", "another number"
        else:
            point = json.loads(out[at])
            point["head"] = "00" + point["head"][2:]
            out[at], name = json.dumps(point, separators=(",", ":")).encode() + b"\n", "another head"
        trail.restore()
        path.write_bytes(b"".join(out))
        status, told = trail.verify()
        if status != 1:
            missed.append((name, lines[at], told))
    assert missed == []


def without(trail: Trail, which: str, how: str) -> tuple[int, dict]:
    trail.restore()
    path = getattr(trail, which)
    path.unlink() if how == "deleted" else path.write_bytes(b"")
    answer = trail.verify()
    trail.restore()
    return answer


@pytest.mark.parametrize("which", ["trail", "checkpoints"])
@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_a_file_that_is_gone_is_found(trail, which, how):
    status, told = without(trail, which, how)
    assert status == 1, told


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_anchors_that_are_gone_are_found(trail, how):
    status, told = without(trail, "anchors", how)
    assert status == 1, told


def test_a_cut_off_trail_stays_known_after_the_server_went_on(trail, outside, tmp_path):
    """A server that starts on it writes on, and the gap stays."""
    trail.restore()
    kept = len(trail.lines) - 7
    trail.trail.write_bytes(b"".join(trail.lines[:kept]))
    trail.platform.start()
    trail.platform.run("account", "list")
    assert trail.platform.stop() == 0
    status, told = trail.verify()
    assert status == 1 and near(told, kept + 1), told
    shown = trail.platform.run("audit", "export", "--json").stdout.decode()
    assert len(shown.splitlines()) > kept


def test_what_was_recorded_before_kills_is_there_and_sound(own_platform):
    """Commands that said yes are in the trail, whenever the server that writes it, or the command, was killed."""
    platform = own_platform()
    account = platform.account()
    chance = random.Random()
    said = 0
    for turn in range(5):
        over = threading.Event()

        def ask():
            nonlocal said
            while not over.is_set():
                command = [binary(), "account", "correct", account.id, "--company", canary.word(), "--config", str(platform.file)]
                running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=platform.env, cwd=platform.folder)
                said += running.wait(60) == 0

        asking = threading.Thread(target=ask)
        before = said
        asking.start()
        waiting.until(lambda before=before: said > before, "a command that ends", 60)
        over.wait(chance.uniform(0, 0.3))
        platform.kill()
        over.set()
        asking.join()
        if turn % 2:  # no server: the command that writes the trail itself is killed
            running = subprocess.Popen(
                [binary(), "account", "list", "--config", str(platform.file)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=platform.env, cwd=platform.folder,
            )  # fmt: skip
            try:
                running.wait(chance.uniform(0, 0.2))
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
                running.wait(10)
        platform.start()
    told = platform.command("audit", "verify")
    assert told["sound"] and told["findings"] == [], told
    entries = [json.loads(one) for one in platform.run("audit", "export", "--json").stdout.splitlines()]
    corrected = [one for one in entries if "correct" in one["what"]]
    assert len(corrected) >= said > 4
    assert canary.found_in(json.dumps(entries).encode()) == []


def test_a_command_that_cannot_be_recorded_does_nothing(own_platform):
    """Where the trail cannot be written, nobody is let at anything."""
    platform = own_platform()
    account = platform.account()
    assert platform.stop() == 0
    audit = platform.data / "audit"
    kept = audit.rename(platform.folder / "kept")
    audit.write_text("no folder")
    for command in (["account", "correct", account.id, "--name", "X"], ["access", "open", "--account", account.id, "--reason", "nobody will know"]):
        with pytest.raises(CommandFailed):
            platform.run(*command)
    audit.unlink()
    kept.rename(audit)
    platform.start()
    assert Api(platform, account.key).get("/v1/privacy/profile").json()["name"] == account.name
    assert platform.command("access", "list")["items"] == []
