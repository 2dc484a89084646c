"""Mail as fast as a server takes it, by clients that cost the machine little: `smtp-source` and `ab`."""

import subprocess
from urllib.parse import urlencode

BATCH = 1_000
LINE = "x" * 76 + "\r\n"


def by_smtp(server, size: int, sessions: int, count: int, to: str = "r@rcpt.test") -> None:
    """`smtp-source`, which keeps its connections."""
    command = ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", str(size), "-f", server.sender]
    subprocess.run([*command, "-t", to, f"127.0.0.1:{server.port}"], check=True, capture_output=True)


def by_http(server, size: int, sessions: int, count: int) -> None:
    """`ab`, which keeps its connections too."""
    call(server, ["r0@rcpt.test"], size, min(sessions, count), count)


def by_batches(server, size: int, _sessions: int, count: int) -> None:
    fill(server, count, "rcpt.test", size)


def command(server, to: list[str], size: int, *options: str, domain=None, fields: dict | None = None) -> list[str]:
    """`ab` with a call that sends to all of them; with more than one, to each a message of its own."""
    domain = domain or server.domain
    words = [("from", f"a@{domain.name}"), ("subject", "s"), ("text", LINE * (size // len(LINE)))]
    words += [("to", one) for one in to] + ([("recipient-variables", "{}")] if len(to) > 1 else [])
    body = server.platform.folder / f"form-{domain.name}"
    body.write_text(urlencode(words + list((fields or {}).items())))
    form = ["-p", str(body), "-T", "application/x-www-form-urlencoded", "-A", f"api:{domain.account.key}"]
    return ["ab", "-q", "-k", "-l", "-s", "300", *options, *form, f"{server.platform.url}/v3/{domain.name}/messages"]


def call(server, to: list[str], size: int, sessions: int, calls: int, **more) -> None:
    """The same call many times; all are accepted."""
    asked = command(server, to, size, "-c", str(sessions), "-n", str(calls), **more)
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert "Non-2xx" not in done.stdout, done.stdout


def fill(server, count: int, to: str, size: int = 1024, **more) -> int:
    """That many messages for recipients at `to`, in batches of a thousand; returns the number."""
    for each, calls in [(BATCH, count // BATCH), (count % BATCH, 1)]:
        if each and calls:
            call(server, [f"r{number}@{to}" for number in range(each)], size, min(4, calls), calls, **more)
    return count
