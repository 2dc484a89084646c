"""One customer with a mark: everything that the doors let a customer give holds a word that starts with it."""

import dataclasses
import json
import secrets
import time

from rig import canary, wire
from rig.api import Sender
from rig.platform import Account, Credential, Domain, Platform

_ALPHABET = "bcdfghjkmnpqrstvwz"


@dataclasses.dataclass
class Put:
    """What one message was made of."""

    id: str
    fields: list[tuple[str, str]]
    recipient: str
    outcome: str
    file: bytes


class Person:
    """An account of its own with its domains, logins and messages."""

    def __init__(self, platform: Platform, sink):
        self.platform, self.sink = platform, sink
        self.mark = "cn" + "".join(secrets.choice(_ALPHABET) for _ in range(13))
        canary._words.add(self.mark)
        self.addresses: list[str] = []
        self.put: list[Put] = []
        self.captured = ""
        self.secrets: list[str] = []
        self.profile = {"name": self.word(), "company": self.word(), "email": self.address("owner.test")}
        made = platform.command(
            "account", "create", "--name", self.profile["name"], "--email", self.profile["email"],
            "--company", self.profile["company"],
        )  # fmt: skip
        self.account = Account(made["account_id"], made["api_key"], self.profile["name"])
        self.domain = platform.domain(self.account, f"{self.word()}.sender.test")
        self.sandbox = platform.domain(self.account, f"{self.word()}.sandbox.test", sandbox=True)
        self.credential = self._login(self.domain)
        self.label = self.word()
        key = platform.command("key", "create", "--account", self.account.id, "--label", self.label)
        self.secrets += [self.account.key, key["api_key"], self.credential.password]
        self.sender = Sender(platform, self.domain)
        self.inbox = Sender(platform, self.sandbox)

    def _login(self, domain: Domain) -> Credential:
        login = f"{self.word()}@{domain.name}"
        made = self.platform.command("credential", "create", login, "--account", self.account.id)
        return Credential(made["login"], made["password"])

    def word(self) -> str:
        return self.mark + "".join(secrets.choice(_ALPHABET) for _ in range(7))

    def address(self, domain: str = "rcpt.test") -> str:
        made = f"{self.word()}@{domain}"
        self.addresses.append(made)
        return made

    def send(self, recipient: str | None = None, outcome: str | None = "delivered", sender=None, options=()) -> Put:
        """A message whose every part is the person's."""
        recipient, sender = recipient or self.address(), sender or self.sender
        word = self.word
        fields = [
            ("from", f"{word()} <{word()}@{sender.domain.name}>"), ("to", f"{word()} <{recipient}>"),
            ("subject", f"{word()} subject"), ("text", f"{word()} text\n" * 3), ("html", f"<p>{word()}</p>"),
            ("h:X-Own", word()), ("h:Reply-To", self.address("reply.test")), ("v:own", word()),
            (f"v:{word()}", json.dumps({word(): word()})), ("o:tag", word()), ("o:tag", word()), *options,
        ]  # fmt: skip
        file = f"{word()} file\n".encode() * 2000
        files = [("attachment", (f"{word()}.txt", file, "text/plain"))]
        files.append(("inline", (f"{word()}.png", word().encode(), "image/png")))
        message_id = sender.send(fields, files, headers={"Idempotency-Key": word()})
        made = Put(message_id, fields, recipient, outcome, file)
        self.put.append(made)
        if outcome:
            sender.wait_event(message_id, outcome, recipient)
        return made

    def send_by_smtp(self) -> str:
        to, word = self.address(), self.word
        with wire.opened(self.platform.submission, self.credential) as line:
            line.envelope(f"{word()}@{self.domain.name}", to)
            assert line.talk("DATA").code == 354
            head = f"From: {word()} <{word()}@{self.domain.name}>\r\nTo: {to}\r\nSubject: {word()}\r\n"
            line.send(f"{head}X-Mailgun-Tag: {word()}\r\n\r\n{word()}\r\n.\r\n".encode())
            assert line.reply().code == 250
        self.sink.wait(to)
        return to

    def live(self) -> "Person":
        """Every way a message can go, and what each leaves behind."""
        self.send()
        self.gone, self.busy, self.later = self.address(), self.address(), self.address()
        self.sink.refuse(self.gone, f"550 5.1.1 no {self.gone} {self.word()} here", always=True)
        self.sink.refuse(self.busy, f"451 4.7.1 {self.busy} {self.word()} later", always=True)
        self.send(self.gone, "failed")
        self.send(self.gone, "failed")  # suppressed now
        self.send(self.busy, "failed")
        self.send(self.later, "accepted", options=[("o:deliverytime", str(int(time.time()) + 7200))])
        self.send(self.address(f"{self.word()}.test"), "failed")
        unknown = f"{self.word()}.broken.test"
        self.platform.outside.zone.fail(unknown)
        self.send(self.address(unknown), "failed")
        self.captured = self.address()
        self.send(self.captured, "delivered", self.inbox)
        self.send(f"complain@{self.sandbox.name}", "complained", self.inbox)
        self.batch()
        self.send_by_smtp()
        return self

    def batch(self) -> None:
        people = {self.address(): {"greeting": self.word()} for _ in range(3)}
        fields = [("from", f"a@{self.domain.name}"), ("subject", f"%recipient.greeting% {self.word()}")]
        fields += [("to", one) for one in people] + [("text", self.word())]
        message_id = self.sender.send([*fields, ("recipient-variables", json.dumps(people))])
        for one in people:
            self.sender.wait_event(message_id, "delivered", one)

    def events(self) -> list[dict]:
        """All events of the person's domains, oldest first."""
        out = []
        for one in (self.sender, self.inbox):
            body = one.get(f"/v3/{one.domain.name}/events", params={"ascending": "yes", "limit": 300}).json()
            while body["items"]:
                out += body["items"]
                body = one.get(body["paging"]["next"]).json()
        return out

    def view(self) -> dict:
        """What the person sees of themselves, without what changes by itself."""
        listed = self.platform.command("credential", "list", "--account", self.account.id)["items"]
        keys = self.platform.command("key", "list", "--account", self.account.id)["items"]
        inbox = self.inbox.get("/v1/inbox", params={"limit": 300})
        assert inbox.status_code == 200, inbox.text
        return {
            "events": [(one["id"], one["event"], one.get("recipient")) for one in self.events()],
            "logins": sorted(one["login"] or one["network"] for one in listed),
            "keys": sorted(one["label"] for one in keys),
            "inbox": sorted(one["id"] for one in inbox.json()["items"]),
            "domains": [one["name"] for one in self.platform.command("domain", "list", "--account", self.account.id)["items"]],
        }
