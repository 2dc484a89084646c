"""The shapes of event objects with the types that strict clients insist on."""

import re

NUMBER = (int, float)
TYPES = {
    "accepted", "clicked", "complained", "delivered", "failed", "opened", "rejected", "stored", "unsubscribed",
}  # fmt: skip
REASONS = {
    "bounce", "generic", "espblock", "greylisted", "blacklisted", "suppress-bounce", "suppress-complaint",
    "suppress-unsubscribe", "old", "hardfail", "unknown",
}  # fmt: skip
LEVELS = {"accepted": "info", "delivered": "info", "rejected": "warn", "stored": "info"}


def _is(value, kind) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind)


def _all(event: dict, where: str, **wanted) -> None:
    for name, kind in wanted.items():
        name = name.replace("_", "-")
        assert name in event, f"{where}.{name} is missing"
        assert _is(event[name], kind), f"{where}.{name} is {event[name]!r}"


def check_event(event: dict, captured: bool = False) -> None:
    """`captured`: a sandbox kept it, so no server took it."""
    kind = event["event"]
    assert kind in TYPES, kind
    _all(event, kind, id=str, timestamp=NUMBER, log_level=str, tags=list, campaigns=list, user_variables=dict)
    assert all(_is(one, str) for one in event["tags"]) and event["campaigns"] == []
    assert all(_is(one, str) for one in event["user-variables"].values())
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", event["id"]), event["id"]
    _all(event["account"], "account", id=str)
    _all(event["domain"], "domain", name=str)
    _check_message(event)
    _all(event["flags"], "flags", **{"is_test_mode": bool})
    assert all(_is(one, bool) for one in event["flags"].values()), event["flags"]
    if kind in ("accepted", "delivered", "failed"):
        _all(event, kind, recipient=str, recipient_domain=str)
        _all(event["envelope"], "envelope", sender=str, targets=str, transport=str)
        assert event["envelope"]["transport"] in ("smtp", "http")
        _all(event["storage"], "storage", key=str, url=str, region=str, env=str)
        assert event["storage"]["url"].startswith("http") and event["storage"]["url"].endswith(event["storage"]["key"])
    if kind == "accepted":
        _all(event, kind, method=str)
        _all(event["flags"], "flags", is_authenticated=bool)
        assert all(_is(one, str) for one in event["message"]["recipients"])
    if kind in ("delivered", "failed"):
        _all(event, kind, recipient_provider=str, primary_dkim=str)
        _check_status(event, captured)
    if kind == "failed":
        _all(event, kind, severity=str, reason=str)
        assert event["severity"] in ("temporary", "permanent") and event["reason"] in REASONS
        assert event["log-level"] == {"temporary": "warn", "permanent": "error"}[event["severity"]]
        if event["severity"] == "permanent":
            assert event["delivery-status"]["bounce-type"] in ("hard", "soft")
        else:
            _all(event["delivery-status"], "delivery-status", retry_seconds=int)
    elif kind in LEVELS:
        assert event["log-level"] == LEVELS[kind]


def _check_message(event: dict) -> None:
    message = event["message"]
    _all(message["headers"], "message.headers", message_id=str)
    assert not message["headers"]["message-id"].startswith("<")
    headers = message["headers"]
    for name in ("from", "to", "subject"):
        assert _is(headers[name], str), name
    _all(message, "message", attachments=list, size=int)
    for one in message["attachments"]:
        _all(one, "attachment", filename=str, content_type=str, size=int)
    if "scheduled-for" in message:
        assert _is(message["scheduled-for"], int)


def _check_status(event: dict, captured: bool) -> None:
    status = event["delivery-status"]
    _all(status, "delivery-status", code=int, message=str, attempt_no=int, session_seconds=NUMBER)
    assert status.get("description") is None or _is(status["description"], str)
    assert status.get("enhanced-code") is None or _is(status["enhanced-code"], str)
    for name in ("tls", "certificate-verified", "utf8"):
        if name in status:
            assert _is(status[name], bool), name
    if status["code"] == 250 and not captured:
        for name in ("tls", "certificate-verified", "utf8", "mx-host", "mx-host-ip"):
            assert name in status, f"delivery-status.{name} is missing"
        assert _is(event["envelope"]["sending-ip"], str)


def check_page(body: dict, domain: str, base: str) -> None:
    """Items and the four absolute links with a token of the last path segment."""
    assert isinstance(body["items"], list)
    assert sorted(body["paging"]) == ["first", "last", "next", "previous"]
    for link in body["paging"].values():
        prefix = f"{base}/v3/{domain}/events/"
        assert link.startswith(prefix), (link, prefix)
        token = link[len(prefix) :]
        assert re.fullmatch(r"[A-Za-z0-9_.~=-]+", token), f"token {token!r}"
    for event in body["items"]:
        check_event(event)
