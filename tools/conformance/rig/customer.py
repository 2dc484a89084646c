"""A customer who fills in every field that a door offers, each with a word that only this field got."""

import base64
import email.message
import email.policy
import json
import random
import secrets
import smtplib
import time

import requests

from rig import canary, waiting
from rig.api import Api, Sender
from rig.platform import Account, Credential, Domain, Platform

_LETTERS = "bcdfghjkmnpqrstvwz"
_CYRILLIC = "бвгджзклмнпрстфхцчшщ"


class Customer:
    """`given` is what was put in by the name of its field; `kept` are those that an export has to hold."""

    def __init__(self, platform: Platform, sink):
        self.platform, self.sink = platform, sink
        self.mark = "cn" + "".join(secrets.choice(_LETTERS) for _ in range(13))
        self.foreign = "".join(secrets.choice(_CYRILLIC) for _ in range(12))
        canary._words.add(self.mark)
        self.given: dict[str, str] = {}
        self.kept: set[str] = set()
        self.secrets: list[str] = []
        self.addresses: list[str] = []
        self.domains: list[str] = []
        self._made()

    # Words -----------------------------------------------------------------------------------

    def word(self, field: str, kept: bool = False) -> str:
        made = self.mark + "".join(secrets.choice(_LETTERS) for _ in range(8))
        assert field not in self.given, field
        self.given[field] = made
        if kept:
            self.kept.add(field)
        return made

    def address(self, field: str, domain: str = "rcpt.test", kept: bool = True) -> str:
        made = f"{self.word(field, kept)}@{domain}"
        self.addresses.append(made)
        return made

    def fields_in(self, text: str) -> list[str]:
        """Which fields' words the text holds."""
        low = text.lower()
        return [field for field, word in self.given.items() if word in low]

    # The account -----------------------------------------------------------------------------

    def _made(self) -> None:
        run, word = self.platform.command, self.word
        first = ["--name", word("first name"), "--email", self.address("first email", "owner.test", kept=False)]
        made = run("account", "create", *first, "--company", word("first company"))
        self.account = Account(made["account_id"], made["api_key"], "")
        self.api = Api(self.platform, self.account.key)
        profile = {
            "name": f"{word('owner name', True)} {self.foreign}", "email": self.address("owner email", "owner.test"),
            "company": word("owner company", True),
        }  # fmt: skip
        put = self.api.call("PUT", "/v1/privacy/profile", data=profile)
        assert put.status_code == 200, put.text
        self.domain = self._domain("domain", "sender.test")
        self.inbox = self._domain("sandbox", "sandbox.test", sandbox=True)
        self.sender, self.captures = Sender(self.platform, self.domain), Sender(self.platform, self.inbox)
        login = f"{word('login', True)}@{self.domain.name}"
        made = run("credential", "create", login, "--account", self.account.id)
        self.login = Credential(made["login"], made["password"])
        made_key = run("key", "create", "--account", self.account.id, "--label", word("key label", True))
        self.network = f"10.{random.randint(10, 250)}.{random.randint(10, 250)}.{random.randint(10, 250)}/32"
        run("credential", "create", "--network", self.network, "--account", self.account.id)
        self.secrets += [self.account.key, made_key["api_key"], self.login.password]
        # Made and deleted again.
        gone = run("key", "create", "--account", self.account.id, "--label", word("deleted label"))
        run("key", "delete", gone["key_id"], "--account", self.account.id)
        gone = run("credential", "create", f"{word('deleted login')}@{self.domain.name}", "--account", self.account.id)
        run("credential", "delete", gone["login"], "--account", self.account.id)
        self.secrets += [gone["password"]]

    def _domain(self, field: str, under: str, sandbox: bool = False) -> Domain:
        made = self.platform.domain(self.account, f"{self.word(field, True)}.{under}", sandbox)
        self.domains.append(made.name)
        return made

    # Messages --------------------------------------------------------------------------------

    def form(self, what: str, to: str, domain: Domain, **more: str) -> list[tuple[str, str]]:
        """Every field that a form has."""
        def word(field):
            return self.word(f"{what}: {field}", True)

        plain = [
            ("from", f'"{word("from name")} {self.foreign}" <{word("from")}@{domain.name}>'),
            ("to", f"{word('to name')} <{to}>"), ("cc", ""), ("subject", f"{word('subject')} {self.foreign}"),
            ("text", f"{word('text')} {self.foreign}\n" * 40), ("html", f"<p>{word('html')} {self.foreign}</p>" * 9),
            ("amp-html", f"<html amp4email><p>{word('amp')}</p></html>"), (f"h:X-{word('header name')}", word("header")),
            ("h:Reply-To", f"{word('reply name')} <{word('reply to')}@reply.test>"), ("v:plain", word("variable")),
            ("v:deep", json.dumps({word("variable member"): [word("variable deep")]})),
            (f"v:{word('variable name')}", "1"), ("o:tag", word("tag")),
        ]  # fmt: skip
        return [one for one in plain if one[1]] + list(more.items())

    def files(self, what: str) -> list[tuple]:
        def word(field):
            return self.word(f"{what}: {field}", True)

        text = f"{word('file')}\n".encode() * 3000
        inner = self.word(f"{what}: file in base64")
        packed = base64.b64encode(f"{inner} {self.foreign}".encode() * 40)
        return [
            ("attachment", (f"{word('file name')}.txt", text, "text/plain")),
            ("attachment", (f"{word('second file name')}.b64", packed, "application/octet-stream")),
            ("inline", (f"{word('inline name')}.png", word("inline").encode(), "image/png")),
        ]

    def send(self, what: str, to: str, outcome: str | None, sender: Sender | None = None, **more: str) -> str:
        sender = sender or self.sender
        fields = self.form(what, to, sender.domain, **more)
        message_id = sender.send(fields, self.files(what), headers={"Idempotency-Key": self.word(f"{what}: idempotency key")})
        if outcome:
            sender.wait_event(message_id, outcome, to)
        return message_id

    def send_mime(self, to: str) -> str:
        made = email.message.EmailMessage(policy=email.policy.SMTP)
        made["From"] = f"{self.word('mime: from name', True)} <{self.word('mime: from', True)}@{self.domain.name}>"
        made["To"], made["Subject"] = to, self.word("mime: subject", True)
        made["X-Mailgun-Variables"] = json.dumps({"in": self.word("mime: variable", True)})
        made.set_content(self.word("mime: text", True))
        made.add_attachment(self.word("mime: file", True).encode(), "a", "b", filename=self.word("mime: file name", True))
        message_id = self.sender.send_mime([to], bytes(made), [("o:tag", self.word("mime: tag", True))])
        self.sender.wait_event(message_id, "delivered", to)
        return message_id

    def send_smtp(self, to: str) -> None:
        word = self.word
        with smtplib.SMTP(*self.platform.submission, timeout=30) as door:
            door.ehlo(word("smtp: ehlo"))
            door.login(self.login.login, self.login.password)
            head = f"From: {word('smtp: from', True)}@{self.domain.name}\r\nTo: {word('smtp: to name', True)} <{to}>\r\n"
            head += f"Subject: {word('smtp: subject', True)}\r\nX-Mailgun-Tag: {word('smtp: tag', True)}\r\n"
            door.sendmail(f"{word('smtp: envelope', True)}@{self.domain.name}", [to], f"{head}\r\n{word('smtp: text', True)}\r\n")
        self.sink.wait(to)

    def batch(self) -> None:
        people = {
            self.address(f"batch: to {n}"): {self.word(f"batch: name {n}"): self.word(f"batch: value {n}")}
            for n in range(3)
        }  # fmt: skip
        fields = [("from", f"a@{self.domain.name}"), ("subject", self.word("batch: subject", True)), ("text", "t")]
        fields += [("to", one) for one in people] + [("recipient-variables", json.dumps(people))]
        message_id = self.sender.send(fields)
        for one in people:
            self.sender.wait_event(message_id, "delivered", one)

    # A whole life ----------------------------------------------------------------------------

    def live(self, archive: str = "") -> "Customer":
        """Everything once. `archive` is a URL that takes copies."""
        word, address, refuse = self.word, self.address, self.sink.refuse
        more = {"o:archive-to": f"{archive}/{word('archive path')}?q={word('archive query')}"} if archive else {}
        self.good, self.late = address("to"), address("scheduled to")
        self.first = self.send("sent", self.good, "delivered", **more)
        self.gone, self.full, self.busy = address("bounced to"), address("refused to"), address("deferred to")
        refuse(self.gone, f"550 5.1.1 <{self.gone}> {word('bounce reply', True)} unknown", always=True)
        refuse(self.full, f"554 5.7.1 {word('data reply', True)} not for {self.full}", stage="data", always=True)
        refuse(self.busy, f"451 4.7.1 {self.busy} {word('deferral reply', True)} try later", always=True)
        self.bounced = self.send("bounced", self.gone, "failed")
        self.send("suppressed", self.gone, "failed")
        self.send("refused", self.full, "failed")
        self.waits = self.send("deferred", self.busy, "failed")
        self.later = str(int(time.time()) + 7200)
        self.send("scheduled", self.late, "accepted", **{"o:deliverytime": self.later})
        nowhere = address("no such domain to", f"{word('recipient domain', True)}.test")
        self.send("nowhere", nowhere, "failed")
        self.caught = address("captured to")
        self.send("captured", self.caught, "delivered", self.captures)
        self.send("complained", f"complain@{self.inbox.name}", "complained", self.captures)
        self.send_mime(address("mime: to"))
        self.send_smtp(address("smtp: to"))
        self.batch()
        self.resent = address("resent to")
        key = self.stored(self.first)["storage"]["key"]
        again = self.api.post(f"/v3/domains/{self.domain.name}/messages/{key}", data={"to": self.resent})
        assert again.status_code == 200, again.text
        self.sink.wait(self.resent)
        self._what_fails()
        self._what_operators_do()
        return self

    def stored(self, message_id: str) -> dict:
        return self.sender.wait_event(message_id, "accepted")

    def _what_fails(self) -> None:
        """Words that are refused, and so are nowhere afterwards."""
        word, url = self.word, self.platform.url
        self.sender.try_send([("from", f"a@{self.domain.name}"), ("to", word("bad to")), ("text", word("bad text"))])
        self.sender.try_send([("from", f"a@{self.domain.name}"), ("to", self.good), ("template", word("template"))])
        self.sender.try_send([("from", f"a@{self.domain.name}"), ("to", self.good), (word("parameter"), word("its value"))])
        self.sender.get(f"/v3/{self.domain.name}/events", params={"recipient": self.good, "subject": word("searched")})
        self.sender.get(f"/v3/{self.domain.name}/events", params={word("unknown filter"): word("its filter value")})
        self.sender.get(f"/{word('path')}/{word('path below')}", headers={"User-Agent": word("agent"), "Referer": word("referer")})
        requests.get(f"{url}/v3/domains", auth=(word("user"), word("wrong key")), headers={"X-Forwarded-For": word("forwarded for")}, timeout=30)
        self.sender.post(self.sender.messages, data=b'{"to":"' + word("broken json").encode(), headers={"Content-Type": "application/json"})
        self.sender.post(self.sender.messages, data=b"x", headers={"Content-Type": f"text/{word('content type')}"})
        with smtplib.SMTP(*self.platform.submission, timeout=30) as door:
            door.ehlo(word("ehlo"))
            door.docmd(word("command"), word("argument"))
            door.docmd("VRFY", word("verified"))
            try:
                door.login(f"{word('wrong login')}@{self.domain.name}", word("wrong password"))
            except smtplib.SMTPException:
                pass
            door.docmd("MAIL", f"FROM:<{word('mail from')}@{self.domain.name}> {word('mail parameter')}=1")

    def _what_operators_do(self) -> None:
        run, word = self.platform.command, self.word
        grant = run("access", "open", "--account", self.account.id, "--reason", f"Ticket: {word('access reason', True)}")
        shown = run("access", "show", str(grant["grant"]))["items"]
        read = run("access", "read", str(grant["grant"]), shown[0]["message"])
        assert self.mark in read["mime"].lower() or self.mark in str(shown)
        run("access", "close", str(grant["grant"]))
        hold = run("privacy", "hold", "add", "--account", self.account.id, "--reason", word("hold reason"), "--recipient", self.caught)
        run("privacy", "hold", "remove", hold["hold"])
        run("queue", "list"), run("queue", "why", self.waits.strip("<>"))
        self.platform.run("privacy", "log-mark", self.good)
        self.platform.run("suppression", "remove", address_never := self.address("never suppressed", kept=False), "--domain", self.domain.name, "--account", self.account.id, check=False)
        assert address_never

    def export(self, **about: str) -> tuple[str, str]:
        """Asked for by HTTP, and ready: its id and key."""
        asked = self.api.post("/v1/privacy/exports", data=about)
        assert asked.status_code == 202, asked.text
        one = asked.json()
        state = lambda: self.api.get(f"/v1/privacy/exports/{one['id']}").json()["state"]  # noqa: E731
        waiting.until(lambda: state() == "ready", "the export", 60)
        return one["id"], one["key"]

    def events(self) -> list[dict]:
        out = []
        for one in (self.sender, self.captures):
            body = one.get(f"/v3/{one.domain.name}/events", params={"ascending": "yes", "limit": 300}).json()
            while body["items"]:
                out += body["items"]
                body = one.get(body["paging"]["next"]).json()
        return out

    def view(self) -> str:
        """All that the customer sees of itself, as one text that can be compared."""
        run = self.platform.command
        seen = {
            "profile": self.api.get("/v1/privacy/profile").json(), "events": [(e["id"], e["event"], e.get("recipient")) for e in self.events()],
            "inbox": sorted(e["id"] for e in self.api.get("/v1/inbox", params={"limit": 300}).json()["items"]),
            "access": [one["id"] for one in self.api.get("/v1/privacy/access").json()["items"]],
            "keys": sorted(one["key_id"] for one in run("key", "list", "--account", self.account.id)["items"]),
            "logins": sorted(str(one["login"] or one["network"]) for one in run("credential", "list", "--account", self.account.id)["items"]),
            "domains": sorted(one["name"] for one in run("domain", "list", "--account", self.account.id)["items"]),
        }  # fmt: skip
        return json.dumps(seen, sort_keys=True)
