"""One end of data, whatever is sent: 419 endings in three segmentations at every door that takes MIME.

The oracle: of what is sent in one transaction 0 or 1 message is stored, never 2; what refuses bare CR, LF
or NUL closes the connection; and nothing that leaves the house holds them.
"""

import itertools

import pytest

from rig import canary, parcel, wire
from rig.api import as_multipart

PRE = {
    "CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "CRLF+NUL": b"\r\n\0",
    "NUL+CRLF": b"\0\r\n", "CRLF+SP": b"\r\n ", "CRLF+TAB": b"\r\n\t", "U+0085": b"\xc2\x85", "U+2028": b"\xe2\x80\xa8",
    "VT": b"\v",
}  # fmt: skip
DOT = {".": b".", "..": b"..", ".SP": b". ", ".NUL": b".\0", ".TAB": b".\t"}
POST = {
    "CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "CRCRLF": b"\r\r\n", "LFCR": b"\n\r", "NUL+CRLF": b"\0\r\n", "SP+CRLF": b" \r\n",
}  # fmt: skip
ENDINGS = {
    f"{a} {b} {c}": PRE[a] + DOT[b] + POST[c]
    for a, b, c in itertools.product(PRE, DOT, POST)
    if (a, b, c) != ("CRLF", ".", "CRLF")
}
HEAD = b"From: a@own.test\r\nTo: b@rcpt.test\r\nSubject: outer\r\n\r\nfirst"


def inner(sender, smuggled):
    return (
        f"MAIL FROM:<{sender}>\r\nRCPT TO:<{smuggled}>\r\nDATA\r\n"
        f"From: evil@own.test\r\nSubject: inner\r\n\r\nsmuggled\r\n.\r\nQUIT\r\n"
    ).encode()


def dirty(ending):
    """Whether it holds a bare CR, a bare LF or a NUL."""
    rest = ending.replace(b"\r\n", b"")
    return b"\r" in rest or b"\n" in rest or b"\0" in rest


def test_there_are_419_endings():
    assert len(ENDINGS) == 419


def pieces(payload, ending, how):
    at = payload.index(ending)
    if how == "one write":
        return [payload]
    if how == "single bytes":
        return [payload[n : n + 1] for n in range(len(payload))]
    cut = range(at, at + len(ending) + 2)
    return [payload[:at], *[payload[n : n + 1] for n in cut], payload[at + len(ending) + 2 :]]


def converse(line, sender, recipient, smuggled, ending, how):
    """Send the vector; the replies after 354, as codes."""
    line.envelope(sender, recipient)
    assert line.talk("DATA").code == 354
    payload = HEAD + ending + inner(sender, smuggled)
    try:
        for one in pieces(payload, ending, how):
            (line.send_piece if how == "around the dot" else line.send)(one)
    except OSError:
        pass  # refused and closed while we were sending
    return [int(one[:3]) for one in line.rest().split(b"\r\n") if one[3:4] == b" "]


def judge(name, ending, codes):
    stored = sum(code == 250 for code in codes)
    assert stored <= 1, f"{name}: {codes}"
    if dirty(ending):
        assert stored == 0 and codes and codes[0] >= 500 and len(codes) == 1, (
            f"{name}: {codes}, wanted one 5xx and the end"
        )
    else:
        assert codes == [250, 221], f"{name}: {codes}, wanted one message"
    return stored


@pytest.mark.parametrize("how", ["one write", "single bytes", "around the dot"])
def test_no_ending_smuggles_a_second_message(platform, credential, domain, sink, how):
    _all(platform.submission, None, credential, domain, sink, how)


def test_no_ending_smuggles_under_starttls(platform, outside, credential, domain, sink):
    context = wire.trusting(outside.authority)
    _all(platform.submission, context, credential, domain, sink, "one write", starttls=True)


def test_no_ending_smuggles_under_implicit_tls(platform, outside, credential, domain, sink):
    _all(platform.implicit_tls, wire.trusting(outside.authority), credential, domain, sink, "one write")


def _all(address, context, credential, domain, sink, how, starttls=False):
    sender, smuggled = f"a@{domain.name}", f"{canary.word()}@rcpt.test"
    wanted, wrong = [], []
    for name, ending in ENDINGS.items():
        recipient = f"{canary.word()}@rcpt.test"
        with wire.Line(address, None if starttls else context) as line:
            line.reply()
            line.ehlo()
            if starttls:
                line.starttls(context)
                line.ehlo()
            assert line.login(credential.login, credential.password).code == 235
            codes = converse(line, sender, recipient, smuggled, ending, how)
        try:
            if judge(name, ending, codes):
                wanted.append(recipient)
        except AssertionError as why:
            wrong.append(str(why))
    assert not wrong, f"{len(wrong)} of {len(ENDINGS)}: {wrong[:8]}"
    _relayed_clean(sink, wanted, smuggled)


def _relayed_clean(sink, wanted, smuggled):
    for recipient in wanted:
        arrivals = sink.wait(recipient, timeout=60)
        assert len(arrivals) == 1
        parcel.check_wire(arrivals[0].raw)
    assert sink.seen(smuggled) == [], "a message was smuggled through"


def test_no_ending_in_uploaded_mime_becomes_a_second_message(sender, sink):
    smuggled, wanted, wrong = f"{canary.word()}@rcpt.test", {}, []
    for name, ending in ENDINGS.items():
        recipient = f"{canary.word()}@rcpt.test"
        mime = HEAD + ending + inner(f"a@{sender.domain.name}", smuggled)
        answer = sender.post(
            sender.messages + ".mime",
            files=as_multipart([("to", recipient)], [("message", ("m.mime", mime, "message/rfc822"))]),
        )
        if answer.status_code == 200:
            wanted[name] = recipient
        elif answer.status_code != 400:
            wrong.append(f"{name}: {answer.status_code}")
    assert not wrong, wrong[:8]
    _relayed_clean(sink, wanted.values(), smuggled)


@pytest.mark.parametrize(
    "command", [b"NOOP\n", b"NO\0OP\r\n", b"NOOP\r", b"NOOP\r\r\n", b"MAIL FROM:<a@b.test>\nRCPT TO:<c@d.test>\r\n"]
)
def test_commands_with_odd_line_ends_are_refused_and_the_line_closed(platform, credential, command):
    with wire.opened(platform.submission, credential) as line:
        line.send(command + (b"X\r\n" if command.endswith(b"\r") else b""))
        line.end_of_input()
        got = line.rest()
        assert got[:1] == b"5" and got.count(b"\r\n") == 1, got
