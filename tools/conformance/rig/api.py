"""The HTTP API as a bare client sees it: no SDK, so that every byte of a request is ours."""

import re

import requests

from rig import waiting
from rig.platform import Domain, Platform

MESSAGE_ID = re.compile(r"^<[^<>\s@]+@[^<>\s@]+>$")


class Api:
    """Requests with one account's (or domain's) key."""

    def __init__(self, platform: Platform, key: str | None, user: str = "api"):
        self.platform = platform
        self.session = requests.Session()
        self.session.trust_env = False
        if key is not None:
            self.session.auth = (user, key)

    def call(self, method: str, path: str, **arguments) -> requests.Response:
        url = path if path.startswith("http") else self.platform.url + path
        arguments.setdefault("timeout", 60)
        arguments.setdefault("allow_redirects", False)
        return self.session.request(method, url, **arguments)

    def get(self, path: str, **arguments) -> requests.Response:
        return self.call("GET", path, **arguments)

    def post(self, path: str, **arguments) -> requests.Response:
        return self.call("POST", path, **arguments)

    def delete(self, path: str, **arguments) -> requests.Response:
        return self.call("DELETE", path, **arguments)


def as_multipart(fields: list[tuple[str, str]], files: list[tuple] = ()) -> list[tuple]:
    """The same fields as parts of multipart/form-data; `files` are (name, (filename, bytes, type))."""
    return [(name, (None, value)) for name, value in fields] + list(files)


class Sender(Api):
    """An API client for one domain: sends, and asks for events."""

    def __init__(self, platform: Platform, domain: Domain, key: str | None = None):
        super().__init__(platform, key or domain.account.key)
        self.domain = domain

    @property
    def messages(self) -> str:
        return f"/v3/{self.domain.name}/messages"

    def try_send(self, fields: list[tuple[str, str]], files=(), headers=None, multipart=False, params=None):
        if files or multipart:
            return self.post(self.messages, files=as_multipart(fields, files), headers=headers, params=params)
        return self.post(self.messages, data=fields, headers=headers, params=params)

    def send(self, fields: list[tuple[str, str]], files=(), **more) -> str:
        """The id of the accepted message, angle brackets included."""
        return accepted(self.try_send(fields, files, **more))

    def send_mime(self, to: list[str], mime: bytes, options: list[tuple[str, str]] = ()) -> str:
        fields = [("to", one) for one in to] + list(options)
        files = [("message", ("message.mime", mime, "message/rfc822"))]
        return accepted(self.post(self.messages + ".mime", files=as_multipart(fields, files)))

    def events(self, **filters) -> list[dict]:
        answer = self.get(f"/v3/{self.domain.name}/events", params={"limit": 300, **filters})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()["items"]

    def events_of(self, message_id: str, **filters) -> list[dict]:
        return self.events(**{"message-id": message_id.strip("<>"), **filters})

    def wait_event(
        self, message_id: str, kind: str, recipient: str | None = None, timeout=waiting.PATIENCE, **also
    ) -> dict:
        """The newest event of the kind for the message (and recipient) once there is one."""

        def look():
            for event in self.events_of(message_id, event=kind):
                if recipient is not None and event.get("recipient", "").lower() != recipient.lower():
                    continue
                if all(event.get(name) == value for name, value in also.items()):
                    return event
            return None

        return waiting.until(look, f"a {kind} event of the message", timeout, pause=0.05)


def accepted(answer: requests.Response) -> str:
    assert answer.status_code == 200, (answer.status_code, answer.text)
    body = answer.json()
    assert body["message"] == "Queued. Thank you.", body
    assert MESSAGE_ID.match(body["id"]), body
    return body["id"]
