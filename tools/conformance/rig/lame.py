"""What broken nameservers answer, instead of what is in the zone."""

import os
import random
import time

from dnslib import NS, QTYPE, RCODE, RR, A, DNSRecord
from dnslib.dns import DNSError

# Longer than anybody waits for one answer.
LATE = 8.0


class Garbage:
    """Bytes in place of an answer."""

    def __init__(self, content: bytes):
        self.content = content

    def pack(self) -> bytes:
        return self.content


def servfail(reply: DNSRecord, _handler):
    reply.header.rcode = RCODE.SERVFAIL
    return reply


def refused(reply: DNSRecord, _handler):
    reply.header.rcode = RCODE.REFUSED
    return reply


def silent(_reply, _handler):
    raise DNSError("no answer")


def late(reply: DNSRecord, handler):
    time.sleep(LATE)
    return servfail(reply, handler)


def lame(reply: DNSRecord, _handler):
    """Not responsible: it sends the resolver upwards."""
    reply.header.aa = 0
    reply.add_auth(RR(".", QTYPE.NS, rdata=NS("a.root-servers.test."), ttl=5))
    return reply


def truncated(reply: DNSRecord, handler):
    """Too long for UDP, and nothing over TCP."""
    if handler.protocol == "tcp":
        raise DNSError("no answer")
    reply.header.tc = 1
    return reply


def garbled(reply: DNSRecord, _handler):
    return Garbage(reply.pack()[:2] + os.urandom(random.randint(4, 60)))


def cut_short(reply: DNSRecord, _handler):
    reply.add_answer(RR(str(reply.q.qname), QTYPE.A, rdata=A("127.0.0.1"), ttl=5))
    return Garbage(reply.pack()[:-7])


def of_another(reply: DNSRecord, _handler):
    """An answer to a question that nobody asked."""
    other = DNSRecord.question("somebody.else.test", "A").reply()
    other.header.id = reply.header.id
    other.add_answer(RR("somebody.else.test", QTYPE.A, rdata=A("127.0.0.1"), ttl=5))
    return other


def no_such_name(reply: DNSRecord, _handler):
    reply.header.rcode = RCODE.NXDOMAIN
    return reply


BROKEN = [servfail, refused, silent, late, lame, truncated, garbled, cut_short, of_another]
