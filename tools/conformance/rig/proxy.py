"""A line between a server and what it stands on, which can get slow, fall silent or break."""

import asyncio
import contextlib
import threading


class Proxy:
    """Forwards connections to a port on loopback, each piece `delay` seconds later; while it is `silent` nothing passes."""

    def __init__(self, target: int):
        self.target, self.port, self.delay = target, 0, 0.0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._speaks = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")

    def start(self) -> "Proxy":
        self._thread.start()

        async def listen():
            self._speaks.set()
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            return self._server.sockets[0].getsockname()[1]

        self.port = asyncio.run_coroutine_threadsafe(listen(), self._loop).result(10)
        return self

    def silent(self, is_silent: bool) -> None:
        """Whether pieces are kept back, and new connections with them."""
        self._loop.call_soon_threadsafe(self._speaks.clear if is_silent else self._speaks.set)

    def cut(self) -> None:
        """Every connection breaks."""

        def now():
            for writer in list(self._open):
                writer.transport.abort()

        self._loop.call_soon_threadsafe(now)

    def stop(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, reader, writer) -> None:
        self._open.add(writer)
        try:
            await self._speaks.wait()
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
                self._open.add(back)
                await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
                self._open.discard(back)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._speaks.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()
