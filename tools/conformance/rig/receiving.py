"""Recipients' servers in a process of their own: `python -m rig.receiving`, driven by `rig.receivers`.

One port at every address of the loopback. How the server at an address behaves is told by lines of JSON on standard input;
its end ends the process. Content is thrown away; what is kept is who got which message, how often and when.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter

GREETING = b"220 mx.test ESMTP\r\n"
CAPABILITIES = b"250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 67108864\r\n"
LATER = b"451 4.3.0 Come back later\r\n"
END = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
# Recipients whose times are kept bear this in front.
TIMED = b"timed-"


class Way:
    """How a server behaves: proper if nothing is said."""

    def __init__(self, silent: bool = False, refuses: float = 0.0, takes: float = 0.0):
        self.silent = silent  # It never greets.
        self.refuses = refuses  # Of recipients, this part hears 451.
        self.takes = takes  # Seconds that it needs for each message.


class Book:
    """What arrived, by the recipients' domain."""

    def __init__(self):
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()
        self.times: dict[str, float] = {}
        self.last = 0.0
        self._seen: set[int] = set()

    def keep(self, recipients: list[bytes], content: bytes) -> None:
        head = content[: content.find(b"\r\n\r\n") + 2]
        found = MESSAGE_ID.search(head)
        message = found[1] if found else b""
        self.last = time.monotonic()
        for recipient in recipients:
            domain = domain_of(recipient)
            copy = hash((recipient, message))
            if copy in self._seen:
                self.doubled[domain] += 1
                continue
            self._seen.add(copy)
            self.taken[domain] += 1
            if recipient.startswith(TIMED):
                self.times[recipient.decode()] = self.last

    def told(self) -> dict:
        return {"taken": self.taken, "refused": self.refused, "doubled": self.doubled, "last": self.last}


def domain_of(recipient: bytes) -> str:
    return recipient.rpartition(b"@")[2].decode().lower()


class Servers:
    """All of them, with one book."""

    def __init__(self):
        self.book = Book()
        self.ways: dict[str, Way] = {}
        self.chance = random.Random(1)

    def asked(self, line: bytes) -> dict:
        words = json.loads(line)
        for address, way in words.get("ways", {}).items():
            self.ways[address] = Way(**way)
        return self.book.times if words.get("times") else self.book.told()


class Conversation(asyncio.Protocol):
    def __init__(self, servers: Servers):
        self.servers = servers
        self.address = ""
        self._rest = b""
        self._recipients: list[bytes] = []
        self._content = False
        self._busy = False

    @property
    def way(self) -> Way:
        return self.servers.ways.get(self.address) or PROPER

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.address = transport.get_extra_info("sockname")[0]
        if not self.way.silent:
            transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while not self._busy and self._step():
            pass

    def _step(self) -> bool:
        """Whether there was enough for one."""
        if self._content:
            # What ends the line before the content belongs to its end, too.
            end = self._rest.find(END)
            if end < 0:
                return False
            content, self._rest = self._rest[2 : end + 2], self._rest[end + len(END) :]
            self._content, self._busy = False, True
            if self.way.takes:
                asyncio.get_running_loop().call_later(self.way.takes, self._taken, content)
            else:
                self._taken(content)
            return True
        line, found, rest = self._rest.partition(b"\r\n")
        if found:
            self._rest = rest
            self._command(line)
        return bool(found)

    def _taken(self, content: bytes) -> None:
        self._busy = False
        if self.transport.is_closing():
            return
        self.servers.book.keep(self._recipients, content)
        self.transport.write(b"250 2.0.0 Taken\r\n")
        if self._rest:
            self.data_received(b"")

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipient(line[line.find(b"<") + 1 : line.find(b">")])
        elif verb == b"DATA":
            if self._recipients:
                self._content, self._rest = True, b"\r\n" + self._rest
            self.transport.write(b"354 Go on\r\n" if self._recipients else b"554 5.5.1 For nobody?\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 2.0.0 Bye\r\n")
            self.transport.close()
        elif verb == b"EHLO":
            self.transport.write(CAPABILITIES)
        else:
            if verb in (b"MAIL", b"RSET"):
                self._recipients = []
            self.transport.write(b"250 2.0.0 Well\r\n")

    def _recipient(self, recipient: bytes) -> None:
        if self.way.refuses and self.servers.chance.random() < self.way.refuses:
            self.servers.book.refused[domain_of(recipient)] += 1
            self.transport.write(LATER)
        else:
            self._recipients.append(recipient)
            self.transport.write(b"250 2.1.5 Well\r\n")


async def serve() -> None:
    loop, servers = asyncio.get_running_loop(), Servers()
    listening = await loop.create_server(lambda: Conversation(servers), "0.0.0.0", 0, backlog=1024)
    asked = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    print(json.dumps({"port": listening.sockets[0].getsockname()[1]}), flush=True)
    while line := await asked.readline():
        print(json.dumps(servers.asked(line)), flush=True)


PROPER = Way()

if __name__ == "__main__":
    asyncio.run(serve())
