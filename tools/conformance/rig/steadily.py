"""Sends at a pace, whatever becomes of what was sent before: `python -m rig.steadily`, started by `rig.steady`.

Each message has its time. One that finds no free connection waits for one, and its wait counts from that time.
"""

import asyncio
import base64
import json
import sys
import time
from collections import deque
from urllib.parse import quote


# Seconds until the last message has to be accepted.
PATIENCE = 120


class Mail:
    """One message: its number, when it was due, when it was accepted."""

    def __init__(self, number: int, due: float):
        self.number, self.due, self.accepted = number, due, 0.0


class Connection(asyncio.Protocol):
    """Keeps one connection; one message at a time."""

    def __init__(self, asked: dict, idle: deque, waiting: deque):
        self.asked, self.idle, self.waiting = asked, idle, waiting
        self.mail: Mail | None = None
        self.left = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.rest = b""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        if self.mail or not self.ready.done():
            sys.exit("the server has closed a connection")

    def send(self, mail: Mail) -> None:
        self.mail = mail
        self.begin(self.asked["to"].replace("#", str(mail.number)))

    def is_accepted(self) -> None:
        self.mail.accepted = time.monotonic()
        self.mail, self.left = None, self.left - 1
        if self.waiting:
            self.send(self.waiting.popleft())
        else:
            self.idle.append(self)


class Smtp(Connection):
    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self.content = f"From: {self.asked['sender']}\r\nSubject: s\r\n\r\n".encode() + lines(self.asked["size"]) + b".\r\n"
        self.expected = [b"220"]

    def begin(self, to: str) -> None:
        self.expected = [b"250", b"250", b"354"]
        self.transport.write(f"MAIL FROM:<{self.asked['sender']}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while b"\n" in self.rest:
            line, _, self.rest = self.rest.partition(b"\n")
            if line[3:4] == b"-":
                continue
            if line[:3] != self.expected.pop(0):
                sys.exit(f"refused: {line.decode()}")
            if line[:3] == b"354":
                self.expected = [b"250"]
                self.transport.write(self.content)
            elif not self.expected:
                self.next(line[:3])

    def next(self, code: bytes) -> None:
        if code == b"220":
            self.expected = [b"250"]
            self.transport.write(b"EHLO client.test\r\n")
        elif self.mail:
            self.is_accepted()
        else:
            self.ready.set_result(None)


class Http(Connection):
    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        key = base64.b64encode(b"api:" + self.asked["key"].encode()).decode()
        self.head = (
            f"POST {self.asked['path']} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {key}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        )
        text = quote(lines(self.asked["size"]).decode())
        self.fields = f"from={quote(self.asked['sender'])}&subject=s&text={text}&to="
        self.ready.set_result(None)

    def begin(self, to: str) -> None:
        body = self.fields + quote(to)
        self.transport.write(f"{self.head}{len(body)}\r\n\r\n{body}".encode())

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found:
            return
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
        if len(body) >= int(fields[b"content-length"]):
            if head[9:12] != b"200":
                sys.exit(f"refused: {head.decode()}")
            self.rest = b""
            self.is_accepted()


def lines(size: int) -> bytes:
    return (b"x" * 76 + b"\r\n") * (size // 78)


async def paced(asked: dict) -> list[Mail]:
    loop = asyncio.get_running_loop()
    idle: deque[Connection] = deque()
    waiting: deque[Mail] = deque()
    kind, host = {"smtp": Smtp, "http": Http}[asked["door"]], asked.get("host", "127.0.0.1")
    for _ in range(asked["connections"]):
        _, one = await loop.create_connection(lambda: kind(asked, idle, waiting), host, asked["port"])
        await one.ready
        idle.append(one)
    sent, began = [], time.monotonic()
    for number in range(int(asked["rate"] * asked["seconds"])):
        mail = Mail(number, began + number / asked["rate"])
        if (pause := mail.due - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        elif number % 16 == 0:
            # What comes in has its turn, even if this is late.
            await asyncio.sleep(0)
        sent.append(mail)
        if idle:
            idle.popleft().send(mail)
        else:
            waiting.append(mail)
    over = time.monotonic() + PATIENCE
    while left := [mail for mail in sent if not mail.accepted]:
        if time.monotonic() > over:
            sys.exit(f"{len(left)} of {len(sent)} are not accepted, {len(waiting)} of them wait for a connection")
        await asyncio.sleep(0.01)
    return sent


async def main() -> None:
    asked = json.loads(sys.stdin.readline())
    sent = await paced(asked)
    print(json.dumps([[mail.number, mail.due, mail.accepted] for mail in sent]), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
