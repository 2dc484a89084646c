"""What an owner of domains has at hand: calls with the account's key, the DNS to publish in, logins to try."""

import itertools
import re
import secrets

import dkim
from dnslib import CNAME, MX, QTYPE

from rig import canary, wire
from rig.api import Api, accepted
from rig.platform import HOSTNAME

RFC1123_GMT = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
RFC1123_UTC = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d UTC")
RFC2822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (GMT|UTC|[+-]0000)")
CREATED = "Domain DNS records have been created"
# The address of this server, as its operator would publish it.
ADDRESS = "192.0.2.77"
_numbers = itertools.count(1)


def name(below: str = "mg") -> str:
    """A name nobody had, below an organisational domain of its own."""
    return f"{below}.n{next(_numbers)}x{secrets.token_hex(4)}.test"


def organisation(domain: str) -> str:
    return ".".join(domain.split(".")[-2:])


class Owner(Api):
    """Calls with an account's key."""

    def __init__(self, platform, account):
        super().__init__(platform, account.key)
        self.account = account

    def put(self, path: str, **arguments):
        return self.call("PUT", path, **arguments)

    def make(self, domain: str | None = None, **fields) -> "Made":
        domain = domain or name()
        return Made(self, domain, good(self.post("/v4/domains", data={"name": domain, **fields})))

    def names(self, **query) -> list[str]:
        return [one["name"] for one in good(self.get("/v4/domains", params=query))["items"]]


class Made:
    """A domain that the API made, and the answer."""

    def __init__(self, owner: Owner, domain: str, answer: dict):
        self.owner, self.name, self.answer = owner, domain, answer

    @property
    def path(self) -> str:
        return f"/v3/domains/{self.name}"

    def get(self, **query) -> dict:
        return good(self.owner.get(f"/v4/domains/{self.name}", params=query))

    def verify(self, version="v4") -> dict:
        return good(self.owner.put(f"/{version}/domains/{self.name}/verify"))

    def put(self, below: str = "", **fields) -> dict:
        return good(self.owner.put(self.path + below, data=fields))

    def keys(self) -> list[dict]:
        return good(self.owner.get(f"/v4/domains/{self.name}/keys"))["items"]

    def try_send(self, to: str, **more):
        form = {"from": f"a@{self.name}", "to": to, "subject": "Hello", "text": "Good day.", **more}
        return self.owner.post(f"/v3/{self.name}/messages", data=form)

    def send(self, to: str, **more) -> str:
        return accepted(self.try_send(to, **more))

    def state(self) -> dict:
        """All that can be read of the domain, to see that nothing changed."""
        owner = self.owner
        told = {
            "domain": self.get(**{"h:extended": "true"}),
            "keys": self.keys(),
            "credentials": good(owner.get(self.path + "/credentials")),
            "tracking": good(owner.get(self.path + "/tracking")),
            "connection": good(owner.get(self.path + "/connection")),
        }
        return told


def good(answer) -> dict:
    assert answer.status_code == 200, (answer.request.method, answer.request.url, answer.status_code, answer.text[:500])
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    return answer.json()


def refused(answer, status=(400,)) -> str:
    """The message of a refusal."""
    said = (answer.request.method, answer.request.url, answer.request.body, answer.status_code, answer.text[:300])
    assert answer.status_code in status, said
    assert answer.headers["content-type"].startswith("application/json"), said
    message = answer.json()["message"]
    assert isinstance(message, str) and message.strip(), said
    return message


# DNS -------------------------------------------------------------------------------------------


def sort_of(record: dict) -> str:
    at = record.get("name", "")
    if "._domainkey." in at:
        return "dkim"
    if record["record_type"] == "MX":
        return "mx"
    if at.startswith("_dmarc."):
        return "dmarc"
    if record["record_type"] == "TXT" and record["value"].startswith("v=spf1"):
        return "spf"
    return "tracking" if record["record_type"] == "CNAME" else "other"


def records(answer: dict, kind: str | None = None) -> list[dict]:
    found = answer["sending_dns_records"] + answer["receiving_dns_records"]
    return [one for one in found if kind in (None, sort_of(one))]


def cname(zone, at: str, target: str) -> None:
    zone._add(at, "CNAME", CNAME(target.rstrip(".") + "."))


def publish(zone, answer: dict, domain: str, leave=(), only=None) -> None:
    """Publishes what the answer says, but not these sorts; and where this server itself is."""
    if HOSTNAME not in zone._names:
        zone.host(HOSTNAME, ADDRESS)
    for one in records(answer):
        sort = sort_of(one)
        if sort in leave or (only and sort not in only):
            continue
        kind, at = one["record_type"], one.get("name") or domain
        if kind == "TXT":
            zone.txt(at, one["value"])
        elif kind == "CNAME":
            cname(zone, at, one["value"])
        elif kind == "MX":
            zone._add(at, "MX", MX(one["value"].rstrip(".") + ".", int(one["priority"])))
        elif kind == "A":
            zone.host(at, one["value"])


def withdraw(zone, at: str, kind: str | None = None) -> None:
    with zone._lock:
        kept = zone._names.get(at.lower(), [])
        kept[:] = [one for one in kept if kind and QTYPE[one.rtype] != kind]
        if not kept:
            zone._names.pop(at.lower(), None)


def active(owner: Owner, zone, domain: str | None = None, **fields) -> Made:
    """A domain whose records are all published and that may send."""
    made = owner.make(domain, **fields)
    publish(zone, made.answer, made.name)
    assert made.verify()["domain"]["state"] == "active"
    return made


def signed_by(raw: bytes, zone) -> list[tuple[str, str, str]]:
    """(algorithm, domain, selector) of each signature, all of which verify."""
    count = len(re.findall(rb"(?im)^dkim-signature:", raw))
    out = []
    for index in range(count):
        one = dkim.DKIM(raw)
        assert one.verify(idx=index, dnsfunc=lambda at, **_: zone.text_of(at.decode())), (index, one.signature_fields)
        tags = {k.decode(): v.decode() for k, v in one.signature_fields.items()}
        out.append((tags["a"], tags["d"], tags["s"]))
    return out


def logs_in(platform, login: str, password: str) -> bool:
    with wire.opened(platform.submission) as line:
        reply = line.login(login, password)
        assert reply.code in (235, 535), reply
        return reply.code == 235


def password() -> str:
    return canary.word()
