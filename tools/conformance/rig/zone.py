"""The DNS that the server under test asks: a zone in memory, answered over UDP and TCP on loopback."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable

from dnslib import AAAA, MX, QTYPE, RCODE, RR, TXT, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

_RECORDS = {"A": A, "AAAA": AAAA}


def _key(name: str) -> str:
    return name.rstrip(".").lower()


class Zone(BaseResolver):
    """Names and their records; what is asked is kept, so that a test can tell who was looked up."""

    def __init__(self):
        self._lock = threading.Lock()
        self._names: dict[str, list[RR]] = defaultdict(list)
        self._failing: set[str] = set()
        # How names are answered for, and all below them: see `rig/lame.py`.
        self._broken: dict[str, Callable] = {}
        # What happens to any question: a way to answer, or None.
        self.weather: Callable[[], Callable | None] | None = None
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._servers: list[DNSServer] = []

    # Filling -------------------------------------------------------------------------------

    def _add(self, name: str, kind: str, data) -> None:
        with self._lock:
            self._names[_key(name)].append(RR(_key(name) + ".", getattr(QTYPE, kind), rdata=data, ttl=5))

    def host(self, name: str, *addresses: str) -> None:
        for address in addresses:
            kind = "AAAA" if ":" in address else "A"
            self._add(name, kind, _RECORDS[kind](address))

    def mx(self, name: str, host: str, preference: int = 10) -> None:
        """An MX record; `host` "." is the null MX of RFC 7505."""
        self._add(name, "MX", MX(host if host == "." else _key(host) + ".", preference))

    def txt(self, name: str, value: str) -> None:
        raw = value.encode()
        self._add(name, "TXT", TXT([raw[i : i + 255] for i in range(0, len(raw), 255)]))

    def fail(self, name: str) -> None:
        """From now on the name is answered with SERVFAIL."""
        with self._lock:
            self._failing.add(_key(name))

    def breaks(self, name: str, answer: Callable) -> None:
        """From now on the name, and all below it, is answered for like this."""
        with self._lock:
            self._broken[_key(name)] = answer

    def mends(self) -> None:
        """Nothing is broken any more."""
        with self._lock:
            self._broken.clear()
        self.weather = None

    def _fault(self, name: str) -> Callable | None:
        with self._lock:
            for broken, answer in self._broken.items():
                if name == broken or name.endswith("." + broken):
                    return answer
        return self.weather and self.weather()

    def publish(self, records: list[dict]) -> None:
        """What `domain create --json` says to publish."""
        for record in records:
            kind, name, value = record["type"].upper(), record["name"], record["value"]
            if kind == "TXT":
                self.txt(name, value)
            elif kind == "MX":
                self.mx(name, value, int(record.get("priority") or 10))
            elif kind in _RECORDS:
                self.host(name, value)

    def text_of(self, name: str) -> bytes | None:
        """The TXT record at `name` as DKIM verifiers want it: its strings joined."""
        with self._lock:
            for record in self._names.get(_key(name), []):
                if record.rtype == QTYPE.TXT:
                    return b"".join(record.rdata.data)
        return None

    # Answering -----------------------------------------------------------------------------

    def resolve(self, request, handler):
        name, kind = _key(str(request.q.qname)), QTYPE[request.q.qtype]
        reply = request.reply()
        if fault := self._fault(name):
            return fault(reply, handler)
        with self._lock:
            self.asked.append((name, kind))
            if name in self._failing:
                reply.header.rcode = RCODE.SERVFAIL
                return reply
            known = self._names.get(name)
            if known is None:
                below = any(other.endswith("." + name) for other in self._names)
                reply.header.rcode = RCODE.NOERROR if below else RCODE.NXDOMAIN
                return reply
            for record in known:
                if kind in ("ANY", QTYPE[record.rtype]):
                    reply.add_answer(record)
        return reply

    def start(self) -> "Zone":
        """Both transports on one free port."""
        quiet = DNSLogger("-request,-reply,-truncated,-error", False)
        for _ in range(50):
            udp = DNSServer(self, address="127.0.0.1", port=0, logger=quiet)
            port = udp.server.server_address[1]
            try:
                tcp = DNSServer(self, address="127.0.0.1", port=port, tcp=True, logger=quiet)
            except OSError:
                udp.server.server_close()
                continue
            self.port, self._servers = port, [udp, tcp]
            for server in self._servers:
                server.start_thread()
            return self
        raise RuntimeError("no port is free for both UDP and TCP")

    def stop(self) -> None:
        for server in self._servers:
            with contextlib.suppress(Exception):
                server.stop()
                server.server.server_close()
