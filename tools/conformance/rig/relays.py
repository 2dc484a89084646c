"""Servers that take mail by SMTP and hand all of it to one sink: Waxseal, and Postfix with and without OpenDKIM.

Each is started afresh on a folder of its own, syncs what it takes before it answers, and sends in the clear.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from rig import waiting
from rig.platform import Platform

DAEMONS = Path("/usr/lib/postfix/sbin")
# Services of Postfix whose program has another name, and those with another limit of processes than the default.
PROGRAMS = {"defer": "bounce", "trace": "bounce", "relay": "smtp", "retry": "error", "rewrite": "trivial-rewrite"}
PROCESSES = {"bounce": "0", "defer": "0", "trace": "0", "anvil": "1", "scache": "1"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Sink:
    """Postfix's `smtp-sink`: takes everything, and counts."""

    def __init__(self, *options: str):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["smtp-sink", "-c", "-u", pwd.getpwuid(os.getuid()).pw_name, *options, f"127.0.0.1:{self.port}", "1000"], stdout=subprocess.PIPE
        )
        self._count = 0
        # All the time: a sink whose count nobody takes stops taking mail.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        waiting.until(lambda: is_open(self.port), "smtp-sink")

    def messages(self) -> int:
        """Messages taken so far."""
        return self._count

    def _read(self) -> None:
        rest = b""
        while read := os.read(self.process.stdout.fileno(), 65_536):
            *lines, rest = (rest + read).split(b"\r")
            if lines:
                self._count = int(lines[-1].rpartition(b"mesg=")[2])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Waxseal:
    """With both signatures, as it comes."""

    name = "waxseal"

    def __init__(self, folder: Path, outside, sink_port: int, config: dict | None = None):
        delivery = {"relay": f"smtp://127.0.0.1:{sink_port}", "allow_private_destinations": True}
        # Everything comes from one address here.
        crowd = {"connections_per_peer": 1000}
        quiet = {"log": {"level": "info"}, "delivery": delivery, "submission": crowd}
        self.platform = Platform(folder, outside, {**quiet, **(config or {})}).start()
        try:
            self.domain = self.platform.domain(self.platform.account())
            arguments = ("--network", "127.0.0.0/8", "--account", self.domain.account.id)
            self.platform.command("credential", "create", *arguments)
        except BaseException:
            self.stop()
            raise
        self.sender = f"a@{self.domain.name}"

    @property
    def port(self) -> int:
        return self.platform.submission[1]

    @property
    def pids(self) -> list[int]:
        return [self.platform.process.pid]

    def queue(self) -> dict:
        """How many recipients are `waiting` and how many `in_flight`."""
        return self.platform.command("queue", "list", "--limit", "1")

    def stop(self) -> None:
        if self.platform.process is not None:
            self.platform.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Direct(Waxseal):
    """The same without a relay: to the servers that the DNS names, at the port of these receivers."""

    def __init__(self, folder: Path, outside, port: int, config: dict | None = None):
        delivery = {"port": port, "allow_private_destinations": True}
        super().__init__(folder, outside, port, {"delivery": delivery, **(config or {})})


class Postfix:
    """A private instance: own folder, own port, syncing as it always does."""

    name = "postfix"
    sender = "a@sender.test"

    def __init__(self, _folder: Path, _outside, sink_port: int, milter: int | None = None):
        # Its processes run as another user, whom pytest's own folders keep out.
        folder = Path(tempfile.mkdtemp(prefix="waxseal-postfix-"))
        folder.chmod(0o755)
        self.folder, self.port = folder, free_port()
        self.settings = folder / "etc"
        for name in ("etc", "spool", "data"):
            (folder / name).mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
        lines = [
            "compatibility_level = 3.6",
            f"queue_directory = {folder}/spool",
            f"data_directory = {folder}/data",
            f"daemon_directory = {DAEMONS}",
            "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4",
            "myhostname = postfix.test",
            "mydestination =",
            "mynetworks = 127.0.0.0/8",
            "smtpd_recipient_restrictions = permit_mynetworks, reject",
            f"relayhost = [127.0.0.1]:{sink_port}",
            "alias_maps =",
            "alias_database =",
            "smtp_tls_security_level = none",
            # Nothing that holds back a client which sends as fast as it can.
            "in_flow_delay = 0",
            "smtpd_client_connection_count_limit = 0",
            "default_process_limit = 200",
            f"maillog_file = {folder}/postfix.log",
            f"maillog_file_prefixes = {folder}",
        ]
        if milter is not None:
            lines += [f"smtpd_milters = inet:127.0.0.1:{milter}", "milter_default_action = tempfail"]
        (self.settings / "main.cf").write_text("\n".join(lines) + "\n")
        services = [f"{self.port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        private = ["bounce", "defer", "trace", "proxymap", "smtp", "relay", "error", "retry", "rewrite", "anvil", "scache"]
        for name in private:
            services.append(f"{name} unix - - n - {PROCESSES.get(name, '-')} {PROGRAMS.get(name, name)}")
        services += ["cleanup unix n - n - 0 cleanup", "flush unix n - n 1000? 0 flush"]
        services += ["qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr"]
        (self.settings / "master.cf").write_text("\n".join(services) + "\n")
        subprocess.run(["postfix", "-c", str(self.settings), "start"], check=True, capture_output=True)
        waiting.until(lambda: is_open(self.port), "postfix")
        self.pids = [int((folder / "spool/pid/master.pid").read_text())]

    @staticmethod
    def possible() -> bool:
        return os.geteuid() == 0 and all(shutil.which(name) for name in ("postfix", "smtp-sink", "smtp-source", "ab"))

    def stop(self) -> None:
        subprocess.run(["postfix", "-c", str(self.settings), "abort"], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class SignedPostfix(Postfix):
    """The same, with OpenDKIM and one signature."""

    name = "postfix+opendkim"

    def __init__(self, folder: Path, outside, sink_port: int):
        folder.mkdir(parents=True)
        key = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", str(key), "2048"], check=True, capture_output=True)
        port = free_port()
        settings = {"Domain": "sender.test", "KeyFile": key, "Selector": "one", "Mode": "s", "RequireSafeKeys": "no"}
        (folder / "opendkim.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        command = ["opendkim", "-f", "-x", str(folder / "opendkim.conf"), "-p", f"inet:{port}@127.0.0.1"]
        self.signer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        waiting.until(lambda: is_open(port), "opendkim")
        super().__init__(folder, outside, sink_port, milter=port)
        self.pids.append(self.signer.pid)

    @staticmethod
    def possible() -> bool:
        return Postfix.possible() and bool(shutil.which("opendkim"))

    def stop(self) -> None:
        super().stop()
        self.signer.kill()
        self.signer.wait()
