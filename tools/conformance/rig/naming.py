"""A nameserver for ten thousand domains in a process of its own: `python -m rig.naming`, started by `rig.names`.

    dN.own.test    has a server of its own, at an address of its own
    dN.ofK.test    has one of the K servers of `ofK.test`

N and K are numbers. There are no other names.
"""

import asyncio
import json
import re
import struct
import sys

A, MX = 1, 15
OWN = re.compile(r"^(mx\.)?d(\d+)\.own\.test$")
SHARED = re.compile(r"^d(\d+)\.of(\d+)\.test$")
SERVER = re.compile(r"^mx(\d+)\.of(\d+)\.test$")
TTL = 300


def address(number: int) -> bytes:
    """127.1.0.1 and on, a quarter of a thousand in each row."""
    row, place = divmod(number, 250)
    return bytes([127, 1 + row // 250, row % 250, 1 + place])


def found(name: str) -> dict[int, bytes] | None:
    """The records of a name by their kind; `None` if there is no such name."""
    if own := OWN.match(name):
        return {A: address(int(own[2]))} if own[1] else {MX: mx("mx." + name)}
    if shared := SHARED.match(name):
        return {MX: mx(f"mx{int(shared[1]) % int(shared[2])}.of{shared[2]}.test")}
    if server := SERVER.match(name):
        return {A: address(int(server[1]))}
    return {} if name in ("test", "own.test", "") else None


def mx(host: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
    return struct.pack(">H", 10) + labels + b"\0"


def answer(question: bytes) -> bytes:
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length])
        at += 1 + length
    kind = struct.unpack_from(">H", question, at + 1)[0]
    records = found(b".".join(labels).decode("ascii", "replace").lower())
    data = (records or {}).get(kind)
    flags = 0x8180 if records is not None else 0x8183
    head = question[:2] + struct.pack(">HHHHH", flags, 1, 1 if data else 0, 0, 0) + question[12 : at + 5]
    if not data:
        return head
    return head + b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, TTL, len(data)) + data


class Answering(asyncio.DatagramProtocol):
    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender) -> None:
        self.transport.sendto(answer(data), sender)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Answering, ("127.0.0.1", 0))
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    print(json.dumps({"port": transport.get_extra_info("sockname")[1]}), flush=True)
    await asked.read()


if __name__ == "__main__":
    asyncio.run(serve())
