"""Requests made to exhaust the server: a clear 4xx in short time and little memory."""

import gzip
import json
import os
from pathlib import Path

import pytest

from rig import canary
from rig.api import Api
from rig.platform import Platform

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=q"}
MORE_MEMORY = 64 << 10  # KiB


class Peak:
    """What the block cost the server: memory at its highest over what it had before (KiB), and CPU seconds.

    CPU, because a busy machine makes everything slow and no request expensive.
    """

    def __init__(self, platform):
        self.folder = Path(f"/proc/{platform.process.pid}")

    def _status(self, name):
        for line in (self.folder / "status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
        raise AssertionError(name)

    def _cpu(self):
        fields = (self.folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        (self.folder / "clear_refs").write_text("5")
        self.before, self.began = self._status("VmRSS"), self._cpu()
        return self

    def __exit__(self, *_):
        self.more, self.seconds = self._status("VmHWM") - self.before, self._cpu() - self.began


@pytest.fixture(scope="module")
def target(outside, tmp_path_factory):
    """A server of its own, so that its memory is not that of other tests: (platform, API, domain's name)."""
    platform = Platform(tmp_path_factory.mktemp("bombs"), outside, {"log": {"level": "info"}}).start()
    domain = platform.domain(platform.account())
    yield platform, Api(platform, domain.account.key), domain.name
    platform.kill()


def part(name, value, more=b""):
    return b'--q\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value + b"\r\n"


BASE = b"from=a%40sender.test&to=b%40rcpt.test&text=t&o%3Atestmode=yes"
BASE_PARTS = b"".join(
    part(n, v)
    for n, v in ((b"from", b"a@sender.test"), (b"to", b"b@rcpt.test"), (b"text", b"t"), (b"o:testmode", b"yes"))
)
BOMBS = {
    "gzip of zeros": (gzip.compress(b"text=" + b"x" * (400 << 20), 9), {**FORM, "Content-Encoding": "gzip"}),
    "gzip in gzip": (gzip.compress(gzip.compress(b"x" * (100 << 20), 9), 9), {**FORM, "Content-Encoding": "gzip"}),
    "broken gzip": (b"\x1f\x8b\x08\x00garbage", {**FORM, "Content-Encoding": "gzip"}),
    "unknown compression": (BASE, {**FORM, "Content-Encoding": "zstd"}),
    "a million fields": (BASE + b"&a=1" * 1_000_000, FORM),
    "fifty thousand parts": (BASE_PARTS + part(b"x", b"1") * 50_000 + b"--q--\r\n", PARTS),
    "fifty thousand files": (BASE_PARTS + part(b"attachment", b"1", b'; filename="f"') * 50_000 + b"--q--\r\n", PARTS),
    "a part with a header of 5 MB": (
        BASE_PARTS + b"--q\r\nContent-Disposition: form-data; name=x\r\nX-Long: " + b"y" * (5 << 20) + b"\r\n\r\n1\r\n--q--\r\n",
        PARTS,
    ),
    "a field name of 5 MB": (BASE + b"&" + b"n" * (5 << 20) + b"=1", FORM),
    "nested recipient-variables": (BASE + b"&recipient-variables=" + b"[" * 500_000, FORM),
    "nested objects": (BASE + b"&recipient-variables=" + b'{"a":' * 200_000, FORM),
    "nested variables header": (BASE + b"&h%3AX-Mailgun-Variables=" + b"[" * 15_000, FORM),
    "a boundary of 10 kB": (BASE_PARTS, {"Content-Type": "multipart/form-data; boundary=" + "q" * 10_000}),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_defused(target, bomb):
    platform, api, domain = target
    body, headers = BOMBS[bomb]
    with Peak(platform) as peak:
        answer = api.post(f"/v3/{domain}/messages", data=body, headers=headers, timeout=20)
    assert answer.status_code in (200, 400, 413, 415, 431), answer.status_code
    assert peak.seconds < 2, f"{peak.seconds:.1f} s of CPU"
    assert peak.more < MORE_MEMORY + (len(body) >> 10) * 2, f"{peak.more >> 10} MiB more"
    assert api.get("/healthz").status_code == 200


def inline(names):
    return b"".join(part(b"inline", b"1", b"; filename=\"%s\"" % name.encode()) for name in names)


def test_thousands_of_files_are_refused(target):
    platform, api, domain = target
    body = BASE_PARTS + part(b"html", b"<p>" * 3_000_000) + inline(f"é{n}" for n in range(4000)) + b"--q--\r\n"
    with Peak(platform) as peak:
        answer = api.post(f"/v3/{domain}/messages", data=body, headers=PARTS, timeout=20)
    text = "Too many files in 'attachment' and 'inline', max is 500"
    assert (answer.status_code, answer.json()["message"]) == (400, text)
    assert peak.seconds < 2, f"{peak.seconds:.1f} s of CPU"


def test_files_and_references_to_them_do_not_multiply(target):
    """What 450 files cost more than one, with HTML in which each could be meant anywhere."""
    platform, api, domain = target
    seconds = []
    for count in (1, 450):
        html = b'<img src="cid:\xc3\xa9 "> (cid:' * 60_000
        body = BASE_PARTS + part(b"html", html) + inline(f"é {n}" for n in range(count)) + b"--q--\r\n"
        with Peak(platform) as peak:
            answer = api.post(f"/v3/{domain}/messages", data=body, headers=PARTS, timeout=20)
        assert answer.status_code == 200, answer.text
        seconds.append(peak.seconds)
    assert seconds[1] < seconds[0] + 1, seconds


def test_variables_cannot_blow_up_a_message(target):
    platform, api, domain = target
    word = f"{canary.word()}@rcpt.test"
    variables = {f"{n}{word}": {"a": "y" * 20_000} for n in range(20)}
    fields = {
        "from": f"a@{domain}", "to": ",".join(variables), "text": "%recipient.a%" * 20_000, "o:testmode": "yes",
        "recipient-variables": json.dumps(variables),
    }  # fmt: skip
    with Peak(platform) as peak:
        answer = api.post(f"/v3/{domain}/messages", data=fields, timeout=20)
    assert answer.status_code in (400, 413), answer.status_code
    assert peak.seconds < 2 and peak.more < MORE_MEMORY * 2, (peak.seconds, peak.more >> 10)


@pytest.mark.parametrize(
    "expression", ["(" * 5000 + "a" + ")" * 5000, "NOT " * 5000 + "a", "a OR " * 20_000 + "a", '"' * 9999]
)
def test_filter_expressions_cannot_exhaust_the_server(target, expression):
    platform, api, domain = target
    with Peak(platform) as peak:
        answer = api.get(f"/v3/{domain}/events", params={"subject": expression}, timeout=20)
    assert answer.status_code in (200, 400, 414, 431), answer.status_code
    assert peak.seconds < 2, f"{peak.seconds:.1f} s of CPU"
    assert api.get("/healthz").status_code == 200
