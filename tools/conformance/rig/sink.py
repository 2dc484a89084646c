"""The recipient's mail server: records the envelope and the exact bytes of all that arrives.

It listens on several loopback addresses of one port, because the server under test delivers to one
port: 127.0.0.1 offers STARTTLS with a certificate nobody vouches for, 127.0.0.2 has no TLS at all.
"""

import asyncio
import contextlib
import dataclasses
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from rig import waiting

WITH_TLS, WITHOUT_TLS, NOBODY = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@dataclasses.dataclass
class Arrival:
    """One message as it came over the wire, for all recipients of one transaction."""

    sender: str
    recipients: list[str]
    raw: bytes
    tls: bool
    peer: str
    helo: str
    at: float
    mail_options: list[str]


class _Handler:
    def __init__(self, sink: "Sink"):
        self.sink = sink

    def _weather(self, server, stage: str) -> str | None:
        """What a storm says here. With 421 the line is closed."""
        reply = self.sink.storm(stage) if self.sink.storm and server.is_stormy else None
        if reply and reply.startswith("421"):
            server.loop.call_later(0.05, server.transport.close)
        return reply

    async def handle_MAIL(self, server, session: Session, envelope: Envelope, address, options):
        if reply := self._weather(server, "mail"):
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self._weather(server, "rcpt") or self.sink.verdict("rcpt", address)
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        if reply := self._weather(server, "data"):
            return reply
        for address in envelope.rcpt_tos:
            reply = self.sink.verdict("data", address)
            if reply:
                return reply
        self.sink.keep(
            Arrival(
                sender=envelope.mail_from or "",
                recipients=list(envelope.rcpt_tos),
                raw=bytes(envelope.content),
                tls=session.ssl is not None,
                peer=session.peer[0],
                helo=session.host_name or "",
                at=time.time(),
                mail_options=list(envelope.mail_options),
            )
        )
        return "250 2.0.0 kept"

    async def handle_QUIT(self, server, session, envelope):
        server.said_goodbye = True
        return "221 2.0.0 bye"


class _Conversation(SMTP):
    # Customers' MIME may hold long lines; the tests look at line lengths themselves.
    line_length_limit = 1 << 20
    said_goodbye = False
    is_stormy = False

    async def _handle_client(self):
        storm = self.event_handler.sink.storm
        if self.is_stormy and storm and (refusal := storm("greeting")):
            self._writer.write(refusal.encode() + b"\r\n")
            await self._writer.drain()
            return self.transport.close()
        await super()._handle_client()

    def connection_lost(self, error):
        if not self.said_goodbye:
            self.event_handler.sink.cut_off += 1
        super().connection_lost(error)


class Sink:
    """The server with its book of arrivals. Use as a context manager or call `start` and `stop`."""

    def __init__(self, certificate, key, login: tuple[str, str] | None = None):
        self._login = login
        self.logins: list[str] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._changed = threading.Condition()
        self._by_recipient: dict[str, list[Arrival]] = defaultdict(list)
        self._scripts: dict[tuple[str, str], deque[str]] = {}
        self._standing: dict[tuple[str, str], str] = {}
        self.refused: dict[str, int] = defaultdict(int)
        self.arrivals: list[Arrival] = []
        # Connections that ended without QUIT: those that were open when the server was killed. Each had at most one
        # transaction whose outcome was not kept yet.
        self.cut_off = 0
        # While there is one it answers in place of the server with TLS: see `rig/weather.py`.
        self.storm: Callable[[str], str | None] | None = None
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sink")

    # What it answers -----------------------------------------------------------------------

    def refuse(self, address: str, *replies: str, stage: str = "rcpt", always: bool = False) -> None:
        """Answer for `address` at RCPT or DATA: each reply once in turn, or the first for ever."""
        with self._changed:
            if always:
                self._standing[(stage, address.lower())] = replies[0]
            else:
                self._scripts[(stage, address.lower())] = deque(replies)

    def relent(self, address: str) -> None:
        """Accept for `address` from now on."""
        with self._changed:
            for stage in ("rcpt", "data"):
                self._standing.pop((stage, address.lower()), None)
                self._scripts.pop((stage, address.lower()), None)

    def verdict(self, stage: str, address: str) -> str | None:
        key = (stage, address.lower())
        with self._changed:
            reply = self._standing.get(key)
            if reply is None and self._scripts.get(key):
                reply = self._scripts[key].popleft()
            if reply is not None:
                self.refused[address.lower()] += 1
                self._changed.notify_all()
            return reply

    # What it saw ---------------------------------------------------------------------------

    def keep(self, arrival: Arrival) -> None:
        with self._changed:
            self.arrivals.append(arrival)
            for address in arrival.recipients:
                self._by_recipient[address.lower()].append(arrival)
            self._changed.notify_all()

    def seen(self, address: str) -> list[Arrival]:
        with self._changed:
            return list(self._by_recipient.get(address.lower(), []))

    def wait(self, address: str, count: int = 1, timeout: float = waiting.PATIENCE) -> list[Arrival]:
        """The arrivals for `address` once there are `count` of them."""
        key = address.lower()
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._by_recipient.get(key, [])) >= count, timeout):
                got = len(self._by_recipient.get(key, []))
                raise waiting.TooLate(f"{got} of {count} messages for {address} within {timeout:g} s")
            return list(self._by_recipient[key])

    def wait_refusal(self, address: str, count: int = 1, timeout: float = waiting.PATIENCE) -> None:
        key = address.lower()
        with self._changed:
            if not self._changed.wait_for(lambda: self.refused[key] >= count, timeout):
                raise waiting.TooLate(f"{self.refused[key]} of {count} refusals of {address}")

    # Running -------------------------------------------------------------------------------

    def _conversation(self, tls: bool):
        def make():
            line = _Conversation(
                _Handler(self),
                hostname="mx.recipient.test",
                data_size_limit=64 << 20,
                enable_SMTPUTF8=True,
                tls_context=self._tls if tls else None,
                timeout=120,
                loop=self._loop,
                authenticator=self._authenticate if self._login else None,
                auth_required=self._login is not None,
            )
            line.is_stormy = tls
            return line

        return make

    def _authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        if given != self._login:
            return AuthResult(success=False, handled=False)
        self.logins.append(given[0])
        return AuthResult(success=True)

    def _listen(self, address: str, port: int, tls: bool) -> int:
        async def go():
            server = await self._loop.create_server(self._conversation(tls), address, port, backlog=256)
            self._servers.append(server)
            return server.sockets[0].getsockname()[1]

        return asyncio.run_coroutine_threadsafe(go(), self._loop).result(10)

    def start(self, port: int = 0) -> "Sink":
        self._thread.start()
        for _ in range(50):
            self.port = self._listen(WITH_TLS, port, True)
            try:
                self._listen(WITHOUT_TLS, self.port, False)
                return self
            except OSError:
                self._loop.call_soon_threadsafe(self._servers.pop().close)
        raise RuntimeError("no port is free on both addresses")

    def stop(self) -> None:
        def end():
            for server in self._servers:
                server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_soon(self._loop.stop)

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(end)
        self._thread.join(5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
