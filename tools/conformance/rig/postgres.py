"""A PostgreSQL cluster for one test run, where its programs are installed."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from rig import canary, waiting
from rig.scanner import digest


def _programs() -> Path | None:
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """Listens on loopback alone. PostgreSQL refuses to run as root, so root lends it the user `postgres`."""

    def __init__(self, folder: Path):
        self.programs = _programs()
        self.folder = folder
        self.port = _free_port()
        self.process: subprocess.Popen | None = None
        self.pristine: set[bytes] = set()
        self._user: dict = {}
        if os.geteuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}

    @staticmethod
    def possible() -> bool:
        if _programs() is None:
            return False
        if os.geteuid() != 0:
            return True
        try:
            return bool(pwd.getpwnam("postgres"))
        except KeyError:
            return False

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, cwd="/", timeout=120, **self._user)
        assert done.returncode == 0, done.stderr.decode()[-800:]

    def start(self) -> "Cluster":
        self.folder.mkdir(parents=True)
        if self._user:
            shutil.chown(self.folder, "postgres", "postgres")
            # The user must reach the folder; only folders of this test run are opened for that.
            for above in self.folder.parents:
                if Path(tempfile.gettempdir()) in above.parents:
                    above.chmod(above.stat().st_mode | 0o011)
        data = self.folder / "data"
        self._run(
            str(self.programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "waxseal",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        )
        self.serve()
        files = (path for path in (data / "base").rglob("*") if path.is_file())
        self.pristine = {digest(path.read_bytes()) for path in files}
        return self

    def serve(self) -> None:
        """Start the server of the cluster, and wait until it answers."""
        with open(self.folder.parent / "postgres.log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                    # What it logs is searched too: it lies beside its data.
                    # Its log of changes is short enough to be written over by a proof.
                    "-c", "logging_collector=on", "-c", "min_wal_size=32MB", "-c", "max_wal_size=256MB",
                ],
                stdout=log, stderr=log, cwd="/", start_new_session=True, **self._user,
            )  # fmt: skip
        waiting.until(self._answers, "PostgreSQL", 60)

    def kill(self) -> None:
        """SIGKILL to the server and to every process that it started."""
        self._signal(signal.SIGKILL)
        self.process.wait(10)

    def freeze(self) -> None:
        """Nothing of it runs any more, and its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """In good order, as an administrator does it: who is connected is told to go."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.serve()

    def _signal(self, which: signal.Signals) -> None:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in [self.process.pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def _psql(self, statement: str, database: str = "postgres") -> subprocess.CompletedProcess:
        url = f"postgresql://waxseal@127.0.0.1:{self.port}/{database}"
        return subprocess.run(["psql", "-tAc", statement, url], capture_output=True, timeout=30)

    def _answers(self) -> bool:
        return self._psql("select 1").returncode == 0

    def database(self) -> str:
        """The address of a fresh database."""
        name = canary.word().lower()
        done = self._psql(f"create database {name}")
        assert done.returncode == 0, done.stderr
        return f"postgres://waxseal@127.0.0.1:{self.port}/{name}"

    def others(self, name: str) -> frozenset[Path]:
        """Folders of every database but this one."""
        done = self._psql(f"select oid from pg_database where datname <> '{name}'")
        assert done.returncode == 0, done.stderr
        return frozenset(self.folder / "data" / "base" / oid for oid in done.stdout.decode().split())

    def checkpoint(self) -> None:
        """Bring everything to the files of the cluster."""
        done = self._psql("checkpoint")
        assert done.returncode == 0, done.stderr

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
