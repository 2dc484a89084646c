"""What a stranger needs to send: a domain, a way to post to it, the message that arrived."""

import dataclasses
import email
import email.policy

import pytest

from rig import canary
from rig.api import Sender
from rig.sink import Arrival


@dataclasses.dataclass
class Got:
    """A message at the recipient's server, taken apart by Python's own parser."""

    arrival: Arrival

    @property
    def raw(self) -> bytes:
        return self.arrival.raw

    @property
    def mail(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def header(self, name: str) -> str | None:
        value = self.mail[name]
        return None if value is None else str(value)

    def headers(self, name: str) -> list[str]:
        return [str(one) for one in self.mail.get_all(name, [])]

    def part(self, kind: str) -> str:
        """The text of the first part of the type, line ends as in Python."""
        for one in self.mail.walk():
            if one.get_content_type() == kind:
                return one.get_content().replace("\r\n", "\n").rstrip("\n")
        raise AssertionError(f"no {kind}: {[one.get_content_type() for one in self.mail.walk()]}")

    def kinds(self) -> list[str]:
        return [one.get_content_type() for one in self.mail.walk()]

    def files(self, disposition: str = "attachment") -> dict[str, bytes]:
        return {
            one.get_filename(): one.get_payload(decode=True)
            for one in self.mail.walk()
            if one.get_content_disposition() == disposition
        }


class Stranger(Sender):
    """Posts forms to one domain and looks at what arrives."""

    def __init__(self, platform, domain, sink, key=None):
        super().__init__(platform, domain, key)
        self.sink = sink

    def somebody(self, domain: str = "rcpt.test") -> str:
        return f"{canary.word()}@{domain}"

    def form(self, to=None, **fields) -> list[tuple[str, str]]:
        """The least that makes a message, with more or other fields; a list repeats its name, None leaves it out."""
        whole = {"from": f"Ann <ann@{self.domain.name}>", "to": to, "subject": "Hello", "text": "Good day.", **fields}
        out = []
        for name, value in whole.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    out.append((name, one))
        return out

    def got(self, address: str, count: int = 1) -> Got:
        return Got(self.sink.wait(address, count)[-1])

    def deliver(self, files=(), options=None, **fields) -> Got:
        """Send to somebody new and give back what arrived."""
        to = self.somebody()
        self.send(self.form(to, **fields, **(options or {})), files)
        return self.got(to)

    def refused(self, fields, files=(), **more) -> tuple[int, str]:
        answer = self.try_send(fields, files, **more)
        assert answer.headers["content-type"].startswith("application/json"), answer.headers
        return answer.status_code, answer.json()["message"]


@pytest.fixture(scope="module")
def ann(platform, domain, sink):
    return Stranger(platform, domain, sink)


@pytest.fixture
def somebody(ann):
    return ann.somebody()
