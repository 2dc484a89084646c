"""The submission port: what it offers, when it lets people in, what it refuses."""

import base64
import socket
import ssl
import time
import warnings

import pytest

from rig import canary, parcel, shapes, waiting, wire
from rig.api import Sender


@pytest.fixture
def line(platform):
    with wire.Line(platform.submission) as made:
        assert made.reply().code == 220
        yield made


@pytest.fixture
def inside(platform, credential):
    """A connection that is logged in."""
    with wire.opened(platform.submission, credential) as made:
        yield made


def message(subject="s", body="body\r\n"):
    return f"From: a@own.test\r\nTo: b@rcpt.test\r\nSubject: {subject}\r\n\r\n{body}.\r\n".encode()


def address(at="rcpt.test"):
    return f"{canary.word()}@{at}"


def deliver(line, sender_address, recipient, data=None):
    line.envelope(sender_address, recipient)
    assert line.talk("DATA").code == 354
    line.send(data or message())
    return line.reply()


# Greeting and capabilities -------------------------------------------------------------------


def test_the_greeting_and_the_capabilities(platform, line):
    offered = line.ehlo()
    assert offered["SIZE"].isdigit() and int(offered["SIZE"]) >= 25_000_000
    for name in ("8BITMIME", "SMTPUTF8", "PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES", "CHUNKING"):
        assert name in offered, name
    assert sorted(offered["AUTH"].split()) == ["LOGIN", "PLAIN"], "on loopback AUTH needs no TLS"
    assert "BINARYMIME" not in offered and "XCLIENT" not in offered and "VRFY" not in offered


def test_under_tls_starttls_is_no_longer_offered(platform, outside, line):
    line.ehlo()
    line.starttls(wire.trusting(outside.authority))
    offered = line.ehlo()
    assert "STARTTLS" not in offered and sorted(offered["AUTH"].split()) == ["LOGIN", "PLAIN"]
    assert line.socket.version() in ("TLSv1.2", "TLSv1.3")
    assert line.talk("STARTTLS").code == 503


def test_implicit_tls_speaks_tls_from_the_first_byte(platform, outside):
    with wire.Line(platform.implicit_tls, wire.trusting(outside.authority)) as line:
        assert line.reply().code == 220
        assert "STARTTLS" not in line.ehlo()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(platform, version):
    context = wire.trusting_nobody()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, OSError)):
        wire.Line(platform.implicit_tls, context)


def test_helo_noop_rset_vrfy_expn_help_quit(line):
    assert line.talk("HELO client.test").code == 250
    assert line.talk("NOOP").code == 250 and line.talk("noop ignored words").code == 250
    assert line.talk("RSET").code == 250
    assert line.talk("VRFY postmaster").code in (252, 502, 530)
    assert line.talk("EXPN list").code in (252, 502, 530)
    assert line.talk("NONSENSE").code == 500
    assert line.talk("QUIT").code == 221 and line.is_closed()


def test_replies_carry_enhanced_codes_after_ehlo(line):
    line.ehlo()
    for command in ("RSET", "NONSENSE", "MAIL FROM:<a@b.test>"):
        reply = line.talk(command)
        first = reply.lines[0].split(" ")[0]
        assert first.split(".")[0] == str(reply.code)[0] and first.count(".") == 2, reply


# STARTTLS ------------------------------------------------------------------------------------


@pytest.mark.parametrize("injected", [b"MAIL FROM:<evil@x.test>\r\n", b"EHLO evil\r\nRSET\r\n", b"NOOP\r\n" * 50])
def test_what_is_sent_with_starttls_is_forgotten(platform, outside, line, injected):
    line.ehlo()
    line.send(b"STARTTLS\r\n" + injected)
    reply = line.reply()
    if reply.code in (501, 502, 503, 554):
        return  # refused: as good
    assert reply.code == 220 and line._kept == b"", "a reply to the injected command"
    try:
        line.socket = wire.trusting(outside.authority).wrap_socket(line.socket, server_hostname="localhost")
    except (ssl.SSLError, OSError):
        return  # the server took the injected bytes for TLS and gave up: nothing was obeyed
    reply = line.talk("NOOP")
    assert reply.code == 250 and line._kept == b""
    line.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        line.socket.recv(10)


def test_tls_resets_what_was_said_before(outside, credential, line):
    line.ehlo()
    assert line.login(credential.login, credential.password).code == 235
    assert line.talk("MAIL FROM:<a@x.test>").code == 250
    reply = line.talk("STARTTLS")
    if reply.code == 503:  # not in a transaction
        assert line.talk("RSET").code == 250
        reply = line.talk("STARTTLS")
    assert reply.code == 220
    line.socket = wire.trusting(outside.authority).wrap_socket(line.socket, server_hostname="localhost")
    assert line.talk("RCPT TO:<b@rcpt.test>").code == 503
    line.ehlo()
    assert line.talk("MAIL FROM:<a@x.test>").code == 530, "the login outlived the change to TLS"


def test_starttls_takes_no_parameter(line):
    line.ehlo()
    assert line.talk("STARTTLS now").code == 501


# AUTH ----------------------------------------------------------------------------------------


def test_nothing_is_accepted_without_a_login(line):
    line.ehlo()
    assert line.talk("MAIL FROM:<a@b.test>").code == 530


def test_auth_plain_in_one_and_in_two_steps(platform, credential):
    token = wire.plain_token(credential.login, credential.password)
    with wire.opened(platform.submission) as line:
        assert line.talk("auth plain " + token).code == 235
        assert line.talk("AUTH PLAIN " + token).code == 503, "twice"
    with wire.opened(platform.submission) as line:
        assert line.talk("AUTH PLAIN").code == 334
        assert line.talk(token).code == 235


def test_auth_login_in_two_and_three_steps(platform, credential):
    name, password = (base64.b64encode(one.encode()).decode() for one in (credential.login, credential.password))
    with wire.opened(platform.submission) as line:
        reply = line.talk("AUTH LOGIN")
        assert reply.code == 334 and base64.b64decode(reply.lines[0]).lower().startswith(b"username")
        reply = line.talk(name)
        assert reply.code == 334 and base64.b64decode(reply.lines[0]).lower().startswith(b"password")
        assert line.talk(password).code == 235
    with wire.opened(platform.submission) as line:
        assert line.talk("AUTH LOGIN " + name).code == 334
        assert line.talk(password).code == 235


def test_an_authorisation_identity_of_another_is_refused(guessed):
    platform, credential = guessed
    with wire.opened(platform.submission) as line:
        token = base64.b64encode(f"someone@else.test\0{credential.login}\0{credential.password}".encode()).decode()
        assert line.talk("AUTH PLAIN " + token).code == 535
        same = base64.b64encode(f"{credential.login}\0{credential.login}\0{credential.password}".encode()).decode()
        assert line.talk("AUTH PLAIN " + same).code == 235


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("AUTH", (501,)),
        ("AUTH CRAM-MD5", (504,)),
        ("AUTH XOAUTH2 abc", (504,)),
        ("AUTH PLAIN !!!notbase64", (501,)),
        ("AUTH PLAIN =", (501, 535)),
        ("AUTH PLAIN " + base64.b64encode(b"no separators").decode(), (501, 535)),
        ("AUTH PLAIN " + base64.b64encode(b"\0a\0b\0c").decode(), (501, 535)),
        ("AUTH PLAIN " + "QUJD" * 10, (501, 535)),
        ("AUTH PLAIN " + "A" * 4003, (500, 501, 535)),
    ],
)
def test_malformed_logins(guessed, command, codes):
    with wire.opened(guessed[0].submission) as line:
        assert line.talk(command).code in codes


def test_a_login_can_be_called_off(line):
    line.ehlo()
    assert line.talk("AUTH PLAIN").code == 334
    assert line.talk("*").code == 501
    assert line.talk("AUTH LOGIN").code == 334
    assert line.talk("*").code == 501


def test_wrong_passwords_and_unknown_people_look_the_same(guessed):
    platform, credential = guessed
    texts = set()
    for login, password in ((credential.login, "wrong"), ("nobody@nowhere.test", "wrong"), (credential.login, "")):
        with wire.opened(platform.submission) as line:
            reply = line.login(login, password)
            assert reply.code == 535, reply
            texts.add(reply.text)
            assert line.talk("MAIL FROM:<a@b.test>").code == 530
    assert len(texts) == 1


def test_three_failures_end_the_connection(own_platform):
    platform = own_platform()
    credential = platform.credential(platform.domain(platform.account()))
    with wire.opened(platform.submission) as line:
        codes = []
        for n in range(3):
            codes.append(line.login(credential.login, f"guess {n}").code)
        assert codes[:2] == [535, 535] and codes[2] in (535, 421)
        if codes[2] == 535:
            assert line.reply().code == 421
        assert line.is_closed()
    with wire.opened(platform.submission) as line:
        assert line.login(credential.login, credential.password).code == 235, "the owner is still let in"


def test_auth_inside_a_transaction_is_out_of_order(inside, credential):
    assert inside.talk("AUTH PLAIN " + wire.plain_token(credential.login, credential.password)).code == 503


def test_before_tls_there_is_no_auth_away_from_loopback(own_platform):
    """The machine's own address on its network is no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            own = probe.getsockname()[0]
        except OSError:
            pytest.skip("no address but loopback")
    if own.startswith("127."):
        pytest.skip("no address but loopback")
    platform = own_platform({"submission": {"listen": [f"{own}:0"], "implicit_tls": [f"{own}:0"]}})
    credential = platform.credential(platform.domain(platform.account()))
    with wire.opened(platform.submission) as line:
        offered = line.ehlo()
        assert "AUTH" not in offered and "STARTTLS" in offered
        assert line.talk("AUTH PLAIN").code == 538
        reply = line.login(credential.login, credential.password)
        assert reply.code == 538 and reply.lines[0].startswith("5.7.11"), reply
        line.starttls(wire.trusting_nobody())
        line.ehlo()
        assert line.login(credential.login, credential.password).code == 235


# Order and syntax ----------------------------------------------------------------------------


def test_commands_out_of_order(inside):
    assert inside.talk("RCPT TO:<b@rcpt.test>").code == 503
    assert inside.talk("DATA").code == 503
    assert inside.talk("MAIL FROM:<a@b.test>").code == 250
    assert inside.talk("MAIL FROM:<a@b.test>").code == 503
    assert inside.talk("DATA").code in (503, 554)
    assert inside.talk("RSET").code == 250
    assert inside.talk("RCPT TO:<b@rcpt.test>").code == 503


def test_a_transaction_needs_a_hello(platform):
    with wire.Line(platform.submission) as line:
        line.reply()
        assert line.talk("MAIL FROM:<a@b.test>").code in (503, 530)


@pytest.mark.parametrize(
    "command",
    [
        "MAIL FROM:a@b.test x", "MAIL FROM:<a@b.test", "MAIL FROM:<a@>", "MAIL FROM:<@b.test>", "MAIL FROM:<a b@c.test>",
        "MAIL <a@b.test>", "MAIL", "MAIL FROM:<a@b.test> SIZE=abc", "MAIL FROM:<a@b.test> BODY=WRONG",
        "MAIL FROM:<a@b..test>", "MAIL FROM:<" + "l" * 65 + "@" + ("d" * 60 + ".") * 5 + "test>",
    ],
)  # fmt: skip
def test_malformed_senders(inside, command):
    assert inside.talk(command).code in (501, 553, 555), command


@pytest.mark.parametrize("parameter", ["XNONSENSE=1", "RET=FULL"])
def test_unknown_parameters_are_named_as_such(inside, parameter):
    assert inside.talk(f"MAIL FROM:<a@b.test> {parameter}").code in (501, 504, 555)


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "b",
        "b@",
        "@rcpt.test",
        "b@rcpt..test",
        "b c@rcpt.test",
        "b@-rcpt.test",
        "b@rcpt.test>x",
        "b@[256.1.1.1]",
        "b@rcpt_.test:25",
    ],
)
def test_malformed_recipients(inside, recipient):
    assert inside.talk("MAIL FROM:<a@b.test>").code == 250
    reply = inside.talk(f"RCPT TO:<{recipient}>")
    assert reply.code in (501, 550, 553, 555), reply


def test_non_ascii_addresses_need_smtputf8(inside):
    assert inside.talk("MAIL FROM:<grüße@b.test>").code in (550, 553)
    assert inside.talk("MAIL FROM:<a@b.test>").code == 250
    reply = inside.talk("RCPT TO:<grüße@rcpt.test>")
    assert reply.code == 553 and reply.lines[0].startswith("5.6.7"), reply
    assert inside.talk("RSET").code == 250
    assert inside.talk("MAIL FROM:<a@b.test> SMTPUTF8").code == 250
    assert inside.talk("RCPT TO:<grüße@rcpt.test>").code == 250


def test_pipelined_commands_are_answered_in_order(inside, sink, domain):
    to = address()
    inside.send(f"MAIL FROM:<a@{domain.name}>\r\nRCPT TO:<{to}>\r\nRCPT TO:<broken>\r\nDATA\r\n".encode())
    assert [inside.reply().code for _ in range(2)] == [250, 250]
    assert inside.reply().code in (501, 550, 553)
    assert inside.reply().code == 354
    inside.send(message() + b"NOOP\r\nQUIT\r\n")
    assert [inside.reply().code for _ in range(3)] == [250, 250, 221]
    assert len(sink.wait(to)) == 1


def test_several_messages_over_one_connection(inside, sink, domain):
    people = [address() for _ in range(5)]
    for one in people:
        assert deliver(inside, f"a@{domain.name}", one).code == 250
    for one in people:
        assert len(sink.wait(one)) == 1


def test_what_comes_from_nobody_leaves_from_nobody(inside, sink, domain):
    """RFC 5321, section 4.5.5: no server is told what becomes of a notification."""
    people = [address() for _ in range(3)]
    assert inside.talk("MAIL FROM:<>").code == 250
    for one in people:
        assert inside.talk(f"RCPT TO:<{one}>").code == 250
    assert inside.talk("DATA").code == 354
    inside.send(f"From: a@{domain.name}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
    assert inside.reply().code == 250
    for one in people:
        (got,) = sink.wait(one)
        # Servers refuse what comes from nobody and is for several.
        assert got.sender in ("", "<>") and got.recipients == [one]
    assert deliver(inside, f"a@{domain.name}", people[1]).code == 250
    got = sink.wait(people[1], 2)[1]
    assert got.sender.startswith("bounce+") and got.recipients == [people[1]]


def test_recipients_at_one_domain_get_a_message_in_one_transaction(inside, sink, domain):
    here, there = [address() for _ in range(5)], [address("other.test") for _ in range(2)]
    assert inside.talk(f"MAIL FROM:<a@{domain.name}>").code == 250
    for one in [*here[:3], *there, *here[3:]]:
        assert inside.talk(f"RCPT TO:<{one}>").code == 250
    assert inside.talk("DATA").code == 354
    inside.send(f"From: a@{domain.name}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
    assert inside.reply().code == 250
    paths = set()
    for together in (here, there):
        for one in together:
            (got,) = sink.wait(one)
            assert sorted(got.recipients) == sorted(together)
            assert got.sender.startswith("bounce+") and got.sender.endswith(f"@{domain.name}")
            paths.add(got.sender)
    assert len(paths) == 2, "a return path for each domain"


def test_the_reply_to_data_names_the_message(platform, inside, sink, domain):
    to = address()
    reply = deliver(inside, f"a@{domain.name}", to)
    assert reply.lines[0].startswith("2.") and "@" in reply.text
    (got,) = sink.wait(to)
    message_id = str(parcel.read(got)["Message-ID"]).strip("<>")
    assert message_id in reply.text


def test_dots_are_unstuffed_and_the_rest_is_untouched(inside, sink, zone, domain):
    to = address()
    body = "..one\r\n...two\r\n. three\r\n" + "long " * 150 + "\r\n"
    assert deliver(inside, f"a@{domain.name}", to, message(body=body)).code == 250
    (got,) = sink.wait(to)
    assert got.raw.endswith(b"\r\n\r\n.one\r\n..two\r\n three\r\n" + b"long " * 150 + b"\r\n")
    parcel.check_dkim(got.raw, zone, domain.name)


# Whose mail ----------------------------------------------------------------------------------


def test_the_envelope_decides_and_bcc_is_taken_out(inside, sink, domain):
    shown, hidden = address(), address()
    data = f"From: a@{domain.name}\r\nTo: {shown}\r\nBcc: {hidden}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode()
    inside.envelope(f"a@{domain.name}", shown, hidden)
    assert inside.talk("DATA").code == 354
    inside.send(data)
    assert inside.reply().code == 250
    for one in (shown, hidden):
        (got,) = sink.wait(one)
        assert parcel.read(got)["Bcc"] is None and hidden.encode() not in got.raw


def test_events_tell_of_smtp(platform, inside, domain):
    to = address()
    assert deliver(inside, f"a@{domain.name}", to).code == 250
    sender = Sender(platform, domain)
    event = waiting.until(lambda: sender.events(recipient=to, event="accepted"), "the accepted event")[0]
    shapes.check_event(event)
    assert event["method"] == "smtp" and event["envelope"]["targets"] == to


def test_received_holds_neither_the_client_nor_its_name(inside, sink, domain):
    to = address()
    inside.ehlo(f"laptop-{canary.word()}.home.test")
    assert deliver(inside, f"a@{domain.name}", to).code == 250
    (got,) = sink.wait(to)
    parcel.check_received(parcel.read(got))
    assert b"laptop-" not in got.raw


def test_a_credential_of_one_account_cannot_write_for_anothers_domain(platform, credential, sink):
    other = platform.domain(platform.account())
    to = address()
    with wire.opened(platform.submission, credential) as line:
        reply = deliver(line, f"a@{other.name}", to, f"From: a@{other.name}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode())
        if reply.code == 250:
            (got,) = sink.wait(to)
            domain = credential.login.partition("@")[2]
            assert got.sender.endswith(domain) and {one["d"] for one in parcel.signatures(got.raw)} == {domain}


def test_an_unknown_credential_domain_cannot_be_made(platform, account):
    done = platform.run("credential", "create", "x@unknown.test", "--account", account.id, check=False)
    assert done.returncode != 0 and done.stderr


# Networks ------------------------------------------------------------------------------------


def test_a_network_credential_lets_that_network_in_and_no_other(own_platform, sink, zone):
    platform = own_platform()
    account = platform.account()
    domain = platform.domain(account)
    platform.command("credential", "create", "--network", "127.0.0.64/26", "--account", account.id)
    to = address()
    with wire.Line(platform.submission, source=("127.0.0.70", 0)) as line:
        line.reply()
        line.ehlo()
        data = f"From: a@{domain.name}\r\nTo: {to}\r\nSubject: s\r\n\r\nb\r\n.\r\n".encode()
        assert deliver(line, f"a@{domain.name}", to, data).code == 250
    (got,) = sink.wait(to)
    parcel.check_dkim(got.raw, zone, domain.name)
    for source in ("127.0.0.1", "127.0.0.63", "127.0.0.128"):
        with wire.Line(platform.submission, source=(source, 0)) as line:
            line.reply()
            line.ehlo()
            assert line.talk(f"MAIL FROM:<a@{domain.name}>").code == 530, source
    other = platform.domain(platform.account())
    with wire.Line(platform.submission, source=("127.0.0.70", 0)) as line:
        line.reply()
        line.ehlo()
        assert line.talk(f"MAIL FROM:<a@{other.name}>").code >= 500, "a network sent for another account's domain"


@pytest.mark.parametrize("door", ["starttls", "implicit"])
def test_the_first_reply_under_tls_is_not_held_back(platform, outside, door):
    """A small write that waits for the acknowledgement of the one before costs each client 40 ms."""
    context = wire.trusting(outside.authority)
    waits = []
    for _ in range(10):
        with wire.Line(
            platform.implicit_tls if door == "implicit" else platform.submission,
            context if door == "implicit" else None,
        ) as line:
            if door == "starttls":
                line.reply()
                line.ehlo()
                line.starttls(context)
            began = time.monotonic()
            if door == "starttls":
                line.ehlo()
            else:
                line.reply()
            waits.append(time.monotonic() - began)
    assert min(waits) < 0.03, f"at best {min(waits) * 1000:.0f} ms"


def test_a_deleted_login_submits_no_more_in_a_session_that_is_open(platform):
    account = platform.account()
    domain = platform.domain(account)
    credential = platform.credential(domain)
    with wire.opened(platform.submission, credential) as idle, wire.opened(platform.submission, credential) as busy:
        busy.envelope(f"a@{domain.name}", address())
        assert busy.talk("DATA").code == 354
        platform.run("credential", "delete", credential.login, "--account", account.id)
        busy.send(message())
        assert busy.reply().code == 530
        assert idle.talk(f"MAIL FROM:<a@{domain.name}>").code == 530
