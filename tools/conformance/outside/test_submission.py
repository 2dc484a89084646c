"""Submission by SMTP, one extension after the other, as RFC and reference describe them."""

import base64
import smtplib

import pytest

from rig import canary, wire
from rig.wire import Closed, Line, opened


@pytest.fixture
def line(platform, credential):
    with opened(platform.submission, credential) as one:
        yield one


def text(sender, to, body="body", more=""):
    return f"From: {sender}\r\nTo: {to}\r\nSubject: s\r\n{more}\r\n{body}\r\n".encode()


def transfer(line, sender, to, data: bytes):
    line.envelope(sender, to)
    assert line.talk("DATA").code == 354
    line.send(data + b".\r\n")
    return line.reply()


def test_the_greeting_and_the_extensions(platform, credential):
    with Line(platform.submission) as line:
        greeting = line.reply()
        assert greeting.code == 220 and "ESMTP" in greeting.text and greeting.text.startswith("mail.waxseal.test")
        offered = line.ehlo()
    assert {"PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "STARTTLS"} <= set(offered)
    assert int(offered["SIZE"]) >= 25 << 20
    assert set(offered["AUTH"].split()) == {"PLAIN", "LOGIN"}


@pytest.mark.parametrize("implicit", [False, True])
def test_under_tls_the_extensions_are_the_same_without_starttls(platform, credential, ann, somebody, implicit):
    context = wire.trusting_nobody()
    with Line(platform.implicit_tls if implicit else platform.submission, context if implicit else None) as line:
        line.reply()
        if not implicit:
            line.ehlo()
            line.starttls(context)
        assert line.socket.version() in ("TLSv1.2", "TLSv1.3")
        offered = line.ehlo()
        assert "STARTTLS" not in offered and set(offered["AUTH"].split()) == {"PLAIN", "LOGIN"}
        assert line.talk("STARTTLS").code in (502, 503)
        assert line.login(credential.login, credential.password).code == 235
        assert transfer(line, credential.login, somebody, text(credential.login, somebody)).code == 250
    ann.got(somebody)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(platform, version):
    import ssl
    import warnings

    context = wire.trusting_nobody()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Line(platform.implicit_tls, context)


def test_what_is_sent_before_the_handshake_is_dropped(platform):
    with Line(platform.submission) as line:
        line.reply()
        line.ehlo()
        line.send(b"STARTTLS\r\nEHLO injected.test\r\n")
        first = line.reply()
        if first.code == 220:
            try:
                line.socket = wire.trusting_nobody().wrap_socket(line.socket, server_hostname="localhost")
                line.socket.settimeout(1)
                with pytest.raises((TimeoutError, Closed)):
                    line.line()
            except (OSError, ConnectionError):
                pass
        else:
            assert first.code in (501, 503, 554)


def test_the_state_is_reset_by_starttls(platform, credential):
    with Line(platform.submission) as line:
        line.reply()
        line.ehlo()
        assert line.login(credential.login, credential.password).code == 235
        line.talk(f"MAIL FROM:<{credential.login}>")
        reply = line.talk("STARTTLS")
        if reply.code == 220:
            line.socket = wire.trusting_nobody().wrap_socket(line.socket, server_hostname="localhost")
            assert line.talk("RCPT TO:<a@rcpt.test>").code in (503, 530)
            line.ehlo()
            assert line.talk(f"MAIL FROM:<{credential.login}>").code == 530
        else:
            assert reply.code == 503


@pytest.mark.parametrize("how", ["plain initial", "plain asked", "login", "login initial", "authzid", "lower case"])
def test_logins_work_in_all_their_forms(platform, credential, how):
    user, secret = (base64.b64encode(one.encode()).decode() for one in (credential.login, credential.password))
    token = wire.plain_token(credential.login, credential.password)
    steps = {
        "plain initial": [f"AUTH PLAIN {token}"],
        "plain asked": ["AUTH PLAIN", token],
        "login": ["AUTH LOGIN", user, secret],
        "login initial": [f"AUTH LOGIN {user}", secret],
        "authzid": ["AUTH PLAIN " + base64.b64encode(f"{credential.login}\0{credential.login}\0{credential.password}".encode()).decode()],
        "lower case": [f"auth plain {token}"],
    }[how]
    with opened(platform.submission) as line:
        for step in steps[:-1]:
            assert line.talk(step).code == 334
        reply = line.talk(steps[-1])
        assert reply.code == 235 and reply.text.startswith("2.7.0")
        assert line.talk(f"AUTH PLAIN {token}").code == 503


@pytest.mark.parametrize(
    "steps,code",
    [(["AUTH CRAM-MD5"], 504), (["AUTH"], 501), (["AUTH PLAIN !!!"], 501), (["AUTH PLAIN", "*"], 501), (["AUTH LOGIN", "*"], 501),
     (["AUTH PLAIN ="], (501, 535)), (["AUTH PLAIN AAA="], (501, 535))],
    ids=str,
)  # fmt: skip
def test_a_login_that_is_none_has_its_code(platform, steps, code):
    with opened(platform.submission) as line:
        for step in steps[:-1]:
            assert line.talk(step).code == 334
        assert line.talk(steps[-1]).code in (code if isinstance(code, tuple) else (code,))


def test_without_a_login_nothing_is_taken(platform):
    with opened(platform.submission) as line:
        reply = line.talk("MAIL FROM:<a@b.test>")
        assert (reply.code, reply.text[:5]) == (530, "5.7.0")
        assert line.talk("RCPT TO:<a@rcpt.test>").code in (503, 530)
        assert line.talk("DATA").code in (503, 530)
        line.send(b"BDAT 3\r\nabc")
        assert line.reply().code in (503, 530)


def test_a_wrong_password_is_refused_and_the_third_ends_the_connection(guessed):
    server, credential = guessed
    with opened(server.submission) as line:
        for _ in range(2):
            reply = line.login(credential.login, "wrong")
            assert reply.code == 535 and reply.text.startswith("5.7.")
        assert line.login(credential.login, "wrong").code in (421, 535)
        assert line.is_closed() or line.is_closed()


def test_commands_are_answered_in_order_when_sent_together(line, credential, ann):
    one, two = ann.somebody(), ann.somebody()
    line.send(f"MAIL FROM:<{credential.login}>\r\nRCPT TO:<{one}>\r\nRCPT TO:<bad>\r\nRCPT TO:<{two}>\r\nDATA\r\n".encode())
    codes = [line.reply().code for _ in range(5)]
    assert codes[0] == 250 and codes[1] == 250 and codes[2] in (501, 550, 553) and codes[3:] == [250, 354]
    line.send(text(credential.login, one) + b".\r\nNOOP\r\nQUIT\r\n")
    assert [line.reply().code for _ in range(3)] == [250, 250, 221]
    ann.got(one), ann.got(two)


def test_every_reply_has_an_enhanced_code(line, credential):
    for command in [f"MAIL FROM:<{credential.login}>", "RCPT TO:<a@rcpt.test>", "RCPT TO:<>", "MAIL FROM:<x@y.test>", "RSET", "NOOP", "NONSENSE", "RCPT TO:<a@b.test>", "VRFY x"]:
        reply = line.talk(command)
        assert reply.text.startswith(f"{reply.code // 100}."), (command, reply)


def test_the_promised_size_counts_at_mail(line, credential, platform):
    limit = int(opened(platform.submission).ehlo()["SIZE"])
    assert line.talk(f"MAIL FROM:<{credential.login}> SIZE={limit + 1}").code == 552
    assert line.talk(f"MAIL FROM:<{credential.login}> SIZE=1000").code == 250
    line.talk("RSET")
    assert line.talk(f"MAIL FROM:<{credential.login}> SIZE=x").code == 501


def test_a_message_that_is_too_large_is_refused_at_its_end(line, credential, somebody):
    line.envelope(credential.login, somebody)
    line.talk("DATA")
    row = b"x" * 998 + b"\r\n"
    line.send(text(credential.login, somebody))
    try:
        for _ in range(27):
            line.send(row * 1000)
        line.send(b".\r\n")
    except OSError:
        pass
    reply = line.reply()
    assert (reply.code, reply.text[:5]) == (552, "5.3.4")


def test_eight_bit_text_passes_unchanged(line, credential, ann, somebody):
    assert line.talk(f"MAIL FROM:<{credential.login}> BODY=8BITMIME").code == 250
    line.talk(f"RCPT TO:<{somebody}>")
    line.talk("DATA")
    more = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    line.send(text(credential.login, somebody, "grün ü", more) + b".\r\n")
    assert line.reply().code == 250
    assert "grün ü".encode() in ann.got(somebody).raw
    assert line.talk(f"MAIL FROM:<{credential.login}> BODY=NOSUCH").code in (501, 504, 555)


def test_addresses_beyond_ascii_need_smtputf8(line, credential, ann):
    to = "grün." + ann.somebody()
    assert line.talk(f"MAIL FROM:<{credential.login}> SMTPUTF8").code == 250
    assert line.talk(f"RCPT TO:<{to}>").code == 250
    line.talk("DATA")
    line.send(text(credential.login, to) + b".\r\n")
    assert line.reply().code == 250
    assert "SMTPUTF8" in ann.got(to).arrival.mail_options
    line.talk(f"MAIL FROM:<{credential.login}>")
    assert line.talk(f"RCPT TO:<{to}>").code in (501, 550, 553)


@pytest.mark.parametrize("cuts", [[1], [3, 7], [10, 10, 10], [0], [5, 0]])
def test_chunks_join_to_the_message(line, credential, ann, somebody, cuts):
    data = text(credential.login, somebody, ".\r\n..two\r\n.")
    line.envelope(credential.login, somebody)
    at = 0
    for cut in cuts:
        line.send(f"BDAT {cut}\r\n".encode() + data[at : at + cut])
        assert line.reply().code == 250
        at += cut
    line.send(f"BDAT {len(data) - at} LAST\r\n".encode() + data[at:])
    assert line.reply().code == 250
    assert ann.got(somebody).raw.endswith(b"\r\n\r\n.\r\n..two\r\n.\r\n")


def test_a_chunk_out_of_place_is_eaten_and_refused(line, credential, somebody):
    line.send(b"BDAT 5 LAST\r\nNOOP\n")
    assert line.reply().code == 503
    assert line.talk("NOOP").code == 250
    line.envelope(credential.login, somebody)
    line.send(b"BDAT 2\r\nab")
    assert line.reply().code == 250
    assert line.talk("DATA").code == 503
    assert line.talk("RSET").code == 250


@pytest.mark.parametrize("command", ["BDAT", "BDAT x", "BDAT -1", "BDAT 99999999999999999999 LAST"])
def test_a_chunk_of_no_size_is_refused(line, credential, somebody, command):
    line.envelope(credential.login, somebody)
    assert line.talk(command).code in (500, 501, 552, 554)


def test_the_reply_names_the_message(line, credential, ann, somebody):
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody))
    assert reply.code == 250 and reply.text.startswith("2.0.0 OK <")
    mid = ann.got(somebody).header("Message-Id")
    assert mid == reply.text.split(" OK ")[1]
    event = ann.wait_event(mid, "accepted", somebody)
    assert event["method"] == "smtp"


def test_a_message_id_of_ones_own_is_kept(line, credential, ann, somebody):
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more=f"Message-Id: <{somebody}>\r\n"))
    assert f"<{somebody}>" in reply.text and ann.got(somebody).headers("Message-Id") == [f"<{somebody}>"]


def test_the_envelope_decides_and_bcc_is_taken_out(line, credential, ann, somebody):
    shown, hidden = ann.somebody(), ann.somebody()
    data = text(credential.login, shown, more=f"Cc: {shown}\r\nBCC: Hidden\r\n <{hidden}>\r\nBcc: {hidden}\r\n")
    assert transfer(line, credential.login, somebody, data).code == 250
    raw = ann.got(somebody).raw
    assert hidden.encode() not in raw and b"bcc" not in raw.lower()


@pytest.mark.parametrize("command", ["HELO", "EHLO", "MAIL FROM", "MAIL FROM:", "MAIL FROM:a@b.test>", "RCPT", "MAIL FROM:<a@b.test", "MAIL FROM:<a b@c.test>", "MAIL FROM:<a@b.test> X=1"])
def test_a_command_that_cannot_be_read_is_refused(line, command):
    assert line.talk(command).code in (501, 503, 555, 553, 550)


@pytest.mark.parametrize("command", ["EXPN x", "TURN", "ETRN x", "FOO", "", "G\xc3\xbc", "XCLIENT ADDR=1.2.3.4"])
def test_a_command_that_is_not_ours_is_refused(line, command):
    assert line.talk(command).code in (500, 502, 504, 550)


def test_vrfy_tells_nothing(line):
    assert line.talk("VRFY postmaster").code in (252, 502)


def test_a_line_that_is_too_long_is_refused_and_the_session_goes_on(line):
    assert line.talk("NOOP " + "x" * 600).code == 500
    assert line.talk("NOOP").code == 250


def test_the_thousand_and_first_recipient_waits(line, credential):
    line.talk(f"MAIL FROM:<{credential.login}>")
    line.send(b"".join(f"RCPT TO:<n{n}@rcpt.test>\r\n".encode() for n in range(1001)))
    codes = [line.reply().code for _ in range(1001)]
    assert codes[:1000] == [250] * 1000 and codes[1000] == 452


@pytest.mark.parametrize("header", ["X-Mailgun-Tag: smtp-tag", "x-mailgun-tag:smtp-tag"])
def test_headers_act_as_options(line, credential, ann, somebody, header):
    more = f'{header}\r\nX-Mailgun-Variables: {{"a": "b",\r\n "c": 3}}\r\nX-Mailgun-Drop-Message: yes\r\n'
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more=more))
    event = ann.wait_event(reply.text.split(" OK ")[1], "delivered", somebody)
    assert event["tags"] == ["smtp-tag"] and event["user-variables"] == {"a": "b", "c": "3"}
    assert event["delivery-status"]["code"] == 650


def test_options_that_ask_for_the_service_do_not_leave_with_the_message(line, credential, ann, somebody):
    more = "X-Mailgun-Dkim: no\r\nX-Mailgun-Require-TLS: no\r\nX-Mailgun-Track: no\r\nX-Mailgun-Deliver-Within: 1h\r\nX-Mailgun-Sending-Ip-Pool:\r\n"
    transfer(line, credential.login, somebody, text(credential.login, somebody, more=more))
    seen = ann.got(somebody)
    assert seen.headers("DKIM-Signature") == []
    assert not [n for n in seen.mail.keys() if n.lower() in ("x-mailgun-dkim", "x-mailgun-require-tls", "x-mailgun-deliver-within")]


def test_broken_variables_are_ignored_or_refused_but_kept_from_the_events(line, credential, ann, somebody):
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more="X-Mailgun-Variables: {no json\r\n"))
    assert reply.code in (250, 554)


def test_a_notice_without_sender_is_taken_from_a_login(line, credential, ann, somebody):
    assert line.talk("MAIL FROM:<>").code == 250
    assert line.talk(f"RCPT TO:<{somebody}>").code == 250
    line.talk("DATA")
    line.send(text(credential.login, somebody) + b".\r\n")
    assert line.reply().code == 250
    ann.got(somebody)


def test_smtplib_sends_as_it_is_used_everywhere(platform, credential, ann, somebody):
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = credential.login, somebody, "Grüße 🦭"
    mail.set_content("Zeile ü\n.\n")
    mail.add_attachment(b"\0\1\2", maintype="application", subtype="x", filename="ü.bin")
    with smtplib.SMTP(*platform.submission) as door:
        door.starttls(context=wire.trusting_nobody())
        door.login(credential.login, credential.password)
        door.send_message(mail)
    seen = ann.got(somebody)
    assert seen.header("Subject") == "Grüße 🦭" and seen.files() == {"ü.bin": b"\0\1\2"}
    assert seen.part("text/plain") == "Zeile ü\n."


# Networks --------------------------------------------------------------------------------------


@pytest.fixture
def netted(own_platform, sink):
    one = own_platform()
    account = one.account()
    domain = one.domain(account)
    one.command("credential", "create", "--network", "127.0.0.1/32", "--account", account.id)
    return one, account, domain


def test_a_network_submits_without_login_for_its_account_and_nobody_else_does(netted, sink):
    server, account, domain = netted
    other = server.domain(server.account())
    to = f"{canary.word()}@rcpt.test"
    with opened(server.submission) as line:
        assert transfer(line, f"a@{domain.name}", to, text(f"a@{domain.name}", to)).code == 250
        sub = f"a@deep.below.{domain.name}"
        assert transfer(line, sub, to, text(sub, to)).code == 250
        for foreign in (f"a@{other.name}", "a@unknown.test", f"a@evil{domain.name}"):
            codes = [line.talk(f"MAIL FROM:<{foreign}>").code]
            codes.append(line.talk("RCPT TO:<x@rcpt.test>").code)
            assert any(code >= 500 for code in codes), (foreign, codes)
            line.talk("RSET")
        line.talk("MAIL FROM:<>")
        line.talk(f"RCPT TO:<{to}>")
        line.talk("DATA")
        line.send(text(f"a@{other.name}", to) + b".\r\n")
        assert line.reply().code == 550
        line.talk("MAIL FROM:<>")
        line.talk(f"RCPT TO:<{to}>")
        line.talk("DATA")
        line.send(text(f"a@{domain.name}", to) + b".\r\n")
        assert line.reply().code == 250
    sink.wait(to, 3)
    with Line(server.submission, source=("127.0.0.9", 0)) as line:
        line.reply()
        line.ehlo()
        assert line.talk(f"MAIL FROM:<a@{domain.name}>").code == 530


@pytest.mark.parametrize("cidr", ["10.0.0.0/33", "x", "10.0.0.1", "::/200", "", "10.0.0.0/-1"])
def test_a_network_that_is_none_is_refused(platform, account, cidr):
    done = platform.run("credential", "create", "--network", cidr, "--account", account.id, check=False)
    if cidr != "10.0.0.1":
        assert done.returncode in (1, 2) and done.stderr


def test_a_deleted_login_is_refused_at_once(platform, domain):
    made = platform.credential(domain, "shortlived")
    with opened(platform.submission) as line:
        assert line.login(made.login, made.password).code == 235
    platform.run("credential", "delete", made.login, "--account", domain.account.id)
    with opened(platform.submission) as line:
        assert line.login(made.login, made.password).code == 535


def test_a_login_sends_for_its_own_domain_alone(line, credential, ann, platform, somebody):
    foreign = platform.domain(platform.account())
    reply = line.talk(f"MAIL FROM:<a@{foreign.name}>")
    if reply.code == 250:
        line.talk(f"RCPT TO:<{somebody}>")
        line.talk("DATA")
        line.send(text(f"a@{foreign.name}", somebody) + b".\r\n")
        if line.reply().code == 250:
            seen = ann.got(somebody)
            assert seen.arrival.sender.endswith("@" + ann.domain.name)
            assert all(f"d={foreign.name}" not in one for one in seen.headers("DKIM-Signature"))


@pytest.mark.parametrize("header", ["From: Boss <boss@bank.test>", "Message-ID: <second@x.test>", "Date: junk"])
def test_a_message_that_receivers_refuse_for_its_form_is_refused_at_the_door_or_mended(line, credential, ann, somebody, header):
    data = text(credential.login, somebody, more=f"Message-ID: <{somebody}>\r\n{header}\r\n")
    reply = transfer(line, credential.login, somebody, data)
    if reply.code == 250:
        seen = ann.got(somebody)
        assert [len(seen.headers(name)) for name in ("From", "Message-ID", "Date")] == [1, 1, 1]
        assert seen.header("Date") != "junk"


OPTIONS = {
    "X-Mailgun-Tag: a": lambda e: e["tags"] == ["a"],
    "X-Mailgun-Drop-Message: yes": lambda e: e["flags"]["is-test-mode"] is True,
    "X-Mailgun-Deliver-By: Fri, 14 Oct 2011 23:10:10 -0000": lambda e: True,
    "X-Mailgun-Deliver-Within: 1h": lambda e: True,
    "X-Mailgun-Delivery-Time-Optimize-Period: 24h": lambda e: True,
    "X-Mailgun-Track: no": lambda e: True,
    "X-Mailgun-Track-Clicks: htmlonly": lambda e: True,
    "X-Mailgun-Track-Opens: yes": lambda e: True,
    "X-Mailgun-Track-Pixel-Location-Top: htmlonly": lambda e: True,
    "X-Mailgun-Require-TLS: false": lambda e: True,
    "X-Mailgun-Skip-Verification: true": lambda e: True,
    'X-Mailgun-Variables: {"k": "v"}': lambda e: e["user-variables"] == {"k": "v"},
    "X-Mailgun-Suppress-Headers: all": lambda e: True,
    "X-Mailgun-Campaign-Id: x": lambda e: e["campaigns"] == [],
}


@pytest.mark.parametrize("header", OPTIONS)
def test_each_option_header_is_taken(line, credential, ann, somebody, header):
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more=header + "\r\n"))
    assert reply.code == 250
    event = ann.wait_event(reply.text.split(" OK ")[1], "delivered", somebody)
    assert OPTIONS[header](event)


@pytest.mark.parametrize(
    "header",
    ["X-Mailgun-Deliver-By: never", "X-Mailgun-Deliver-Within: x", "X-Mailgun-Delivery-Time-Optimize-Period: x", "X-Mailgun-Time-Zone-Localize: 25:00",
     "X-Mailgun-Secondary-DKIM: x", "X-Mailgun-Template-Name: t", "X-Mailgun-Recipient-Variables: {x", "X-Mailgun-Sending-Ip: 192.0.2.7"],
)  # fmt: skip
def test_an_option_header_that_cannot_be_is_refused(line, credential, somebody, header):
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more=header + "\r\n"))
    assert reply.code in (550, 554), reply


def test_a_message_by_smtp_leaves_at_the_time_its_header_says(line, credential, ann, somebody):
    import email.utils
    import time

    at = int(time.time()) + 3
    more = f"X-Mailgun-Deliver-By: {email.utils.formatdate(at)}\r\n"
    reply = transfer(line, credential.login, somebody, text(credential.login, somebody, more=more))
    assert ann.wait_event(reply.text.split(" OK ")[1], "accepted")["message"]["scheduled-for"] == at
    assert ann.got(somebody).arrival.at >= at


def test_a_second_signature_can_be_asked_for_by_smtp(line, credential, ann, platform, account, somebody):
    other = platform.domain(account)
    more = f"X-Mailgun-Secondary-DKIM: {other.name}/{other.selectors[0]}\r\n"
    transfer(line, credential.login, somebody, text(credential.login, somebody, more=more))
    assert any(f"d={other.name}" in one for one in ann.got(somebody).headers("DKIM-Signature"))
