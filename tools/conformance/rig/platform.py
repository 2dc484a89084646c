"""The real binary: started with a configuration of its own on port 0, spoken to like anybody would."""

import dataclasses
import json
import os
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

from rig import canary, certs, waiting
from rig.sink import NOBODY, WITH_TLS, WITHOUT_TLS, Sink
from rig.zone import Zone

HOSTNAME = "mail.waxseal.test"
START_LIMIT = 60.0


class CommandFailed(AssertionError):
    """A command of the binary ended with something else than 0."""


def binary() -> str:
    path = os.environ.get("WAXSEAL_BIN")
    if not path:
        raise RuntimeError("WAXSEAL_BIN must name the waxseal binary to test")
    return path


def _toml_value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(one) for one in value) + "]"
    return json.dumps(str(value))


def as_toml(config: dict) -> str:
    """Keys of the top first, then one section for each nested table."""
    lines = [f"{key} = {_toml_value(v)}" for key, v in config.items() if not isinstance(v, dict)]
    for section, table in config.items():
        if isinstance(table, dict):
            lines.append(f"\n[{section}]")
            lines += [f"{key} = {_toml_value(v)}" for key, v in table.items()]
    return "\n".join(lines) + "\n"


def host_port(text: str) -> tuple[str, int]:
    """("127.0.0.1", 8080) from `127.0.0.1:8080`, `http://127.0.0.1:8080` or `[::1]:8080`."""
    bare = text.split("://")[-1].rstrip("/")
    host, _, port = bare.rpartition(":")
    return host.strip("[]"), int(port)


class Outside:
    """What surrounds the servers of a test run: the zone, the recipients' server, certificates."""

    def __init__(self, folder: Path):
        self.folder = folder
        cert, key = certs.self_signed(folder, "sink", ["mx.rcpt.test", "mx.recipient.test"])
        self.sink = Sink(cert, key)
        self.zone = Zone()
        self.tls_certificate, self.tls_key, self.authority = certs.issued(
            folder, "server", [HOSTNAME, "localhost", "127.0.0.1"]
        )

    def start(self) -> "Outside":
        self.sink.start()
        zone = self.zone.start()
        for name in ("rcpt.test", "other.test", "xn--bcher-kva.test"):
            zone.mx(name, f"mx.{name}")
            zone.host(f"mx.{name}", WITH_TLS)
        zone.mx("plain.test", "mx.plain.test")
        zone.host("mx.plain.test", WITHOUT_TLS)
        zone.mx("closed.test", "mx.closed.test")
        zone.host("mx.closed.test", NOBODY)
        zone.mx("null.test", ".", 0)
        zone.host("implicit.test", WITH_TLS)
        zone.mx("preferred.test", "mx.closed.test", 10)
        zone.mx("preferred.test", "mx.rcpt.test", 20)
        zone.txt("nothing-but-text.test", "no mail here")
        zone.fail("broken.test")
        return self

    def stop(self) -> None:
        self.sink.stop()
        self.zone.stop()


@dataclasses.dataclass
class Account:
    id: str
    key: str
    name: str


@dataclasses.dataclass
class Domain:
    name: str
    account: Account
    created: dict

    @property
    def selectors(self) -> list[str]:
        """Selectors of the DKIM records that were to be published."""
        return [
            record["name"].split("._domainkey.")[0]
            for record in self.created["dns"]
            if "._domainkey." in record["name"]
        ]


@dataclasses.dataclass
class Credential:
    login: str
    password: str


class Platform:
    """One data folder and the server running on it; it can be killed and started again."""

    def __init__(self, folder: Path, outside: Outside, config: dict | None = None, env: dict | None = None):
        self.folder = folder
        self.outside = outside
        self.data = folder / "data"
        self.file = folder / "waxseal.toml"
        # Of the caller's variables none may reach the configuration under test.
        own = {name: value for name, value in os.environ.items() if not name.startswith("WAXSEAL_")}
        self.env = {**own, **(env or {})}
        # Variables of the server alone: commands do not get them.
        self.around: dict[str, str] = {}
        self.ready: dict = {}
        self.process: subprocess.Popen | None = None
        self.runs = 0
        self.umask = -1
        # Words before the server's command: a program that runs it.
        self.under: list[str] = []
        self.binary = binary()
        self._reader: threading.Thread | None = None
        self._domains = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.config = self._defaults()
        for key, value in (config or {}).items():
            if isinstance(value, dict):
                self.config.setdefault(key, {}).update(value)
            else:
                self.config[key] = value
        self.configure()

    def configure(self, **changes) -> None:
        """Writes the configuration, for the next start, with these keys of the top changed."""
        self.config |= changes
        self.file.write_text(as_toml(self.config))

    def _defaults(self) -> dict:
        return {
            "data_dir": self.data,
            "roles": ["api", "submission", "delivery", "readers"],
            "hostname": HOSTNAME,
            "http": {"listen": ["127.0.0.1:0"]},
            "submission": {"listen": ["127.0.0.1:0"], "implicit_tls": ["127.0.0.1:0"]},
            "delivery": {"port": self.outside.sink.port, "allow_private_destinations": True},
            "dns": {"nameservers": [f"127.0.0.1:{self.outside.zone.port}"]},
            "tls": {"certificate": self.outside.tls_certificate, "key": self.outside.tls_key},
            "metrics": {"listen": "127.0.0.1:0"},
            "log": {"level": "trace"},
        }

    # The process ---------------------------------------------------------------------------

    def start(self) -> "Platform":
        """Start the server and read its ready line."""
        assert self.process is None, "it runs already"
        self.runs += 1
        out = open(self.folder / f"stdout-{self.runs}.log", "wb")
        err = open(self.folder / f"stderr-{self.runs}.log", "wb")
        self.process = subprocess.Popen(
            [*self.under, self.binary, "serve", "--config", str(self.file)],
            stdout=subprocess.PIPE,
            stderr=err,
            env={**self.env, **self.around},
            cwd=self.folder,
            umask=self.umask,
        )
        err.close()
        found = threading.Event()
        self.ready = {}

        def read(stream):
            with out:
                for line in stream:
                    out.write(line)
                    out.flush()
                    if not found.is_set() and line.lstrip().startswith(b'{"ready"'):
                        self.ready = json.loads(line)
                        found.set()

        self._reader = threading.Thread(target=read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        waiting.until(lambda: found.is_set() or self.process.poll() is not None, "the ready line", START_LIMIT)
        if not found.is_set():
            status = self.process.returncode
            self._ended()
            raise CommandFailed(f"serve ended with {status} before it was ready:\n{self.written()[-3000:]!r}")
        return self

    def _ended(self) -> None:
        if self._reader:
            self._reader.join(10)
        self.process = None

    def kill(self) -> None:
        """SIGKILL, as a power cut would look to the process."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self._ended()

    def stop(self, limit: float = 35.0) -> int:
        """SIGTERM; the exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            status = -9
        self._ended()
        return status

    def written(self) -> bytes:
        """All that the server wrote to standard output and standard error, in every run."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("std*.log")))

    # Where it listens ----------------------------------------------------------------------

    @property
    def url(self) -> str:
        host, port = host_port(self.ready["http"][0])
        return f"http://{host}:{port}"

    @property
    def submission(self) -> tuple[str, int]:
        return host_port(self.ready["submission"][0])

    @property
    def implicit_tls(self) -> tuple[str, int]:
        return host_port(self.ready["submission_tls"][0])

    def metrics(self) -> str:
        host, port = host_port(self.ready["metrics"])
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    # Commands ------------------------------------------------------------------------------

    def run(self, *arguments: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [self.binary, *arguments, "--config", str(self.file)],
            capture_output=True,
            env=self.env,
            cwd=self.folder,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise CommandFailed(f"{arguments[:2]}: status {done.returncode}: {done.stderr.decode()[-1500:]}")
        return done

    def command(self, *arguments: str) -> dict:
        """Run a command with `--json` and read what it printed."""
        done = self.run(*arguments, "--json")
        return json.loads(done.stdout)

    def account(self, name: str = "Conformance") -> Account:
        made = self.command("account", "create", "--name", name, "--email", f"{canary.word()}@owner.test")
        return Account(made["account_id"], made["api_key"], name)

    def domain(self, account: Account, name: str | None = None, sandbox: bool = False) -> Domain:
        self._domains += 1
        name = name or f"mg{self._domains}-{account.id[-6:].lower()}.sender.test"
        extra = ["--sandbox"] if sandbox else []
        made = self.command("domain", "create", name, "--account", account.id, *extra)
        self.outside.zone.publish(made["dns"])
        return Domain(name, account, made)

    def credential(self, domain: Domain, local: str = "postmaster") -> Credential:
        made = self.command("credential", "create", f"{local}@{domain.name}", "--account", domain.account.id)
        return Credential(made["login"], made["password"])

    def sending_key(self, domain: Domain) -> str:
        made = self.command("key", "create", "--account", domain.account.id, "--domain", domain.name)
        return made["api_key"]
