"""Nobody sends through the house without being known: 56 patterns, none accepted."""

import pytest

from rig import canary, wire

US, THEM = "OUR-DOMAIN", "victim.test"

# The sixteen that the nmap script tries: (sender, recipient).
CLASSIC = [
    ("a@{us}", "u@{them}"), ("", "u@{them}"), ("a@{host}", "u@{them}"), ("a@[127.0.0.1]", "u@{them}"),
    ("a@{us}", "u%{them}@{us}"), ("a@{us}", "u%{them}@[127.0.0.1]"), ("a@{us}", '"u@{them}"'),
    ("a@{us}", '"u%{them}"'), ("a@{us}", "u@{them}@{us}"), ("a@{us}", '"u@{them}"@{us}'),
    ("a@{us}", "u@{them}@[127.0.0.1]"), ("a@{us}", "@{us}:u@{them}"), ("a@{us}", "@[127.0.0.1]:u@{them}"),
    ("a@{us}", "{them}!u"), ("a@{us}", "{them}!u@[127.0.0.1]"), ("a@{us}", "{them}!u@{us}"),
]  # fmt: skip
OWN = [
    ("postmaster@{us}", "u@{them}"), ("postmaster@{host}", "u@{them}"), ("u@{them}", "u@{them}"), ("", "postmaster"),
    ("", "u@[192.0.2.7]"), ("", "u@[IPv6:2001:db8::7]"), ("", "u@[IPv6:::1]"), ("", "u@[127.0.0.1]"),
    ("a@{us}", "u@{them}."), ("a@{us}", "U@{THEM}"), ("a@{us}", "u@xn--bcher-kva.test"), ("a@{us}", "u@bücher.test"),
    ("a@{us}", '"u%{them}"@{us}'), ("a@{us}", '"u\\@{them}"@{us}'), ("a@{us}", "u+{them}@{us}"), ("a@{us}", "u={them}@{us}"),
    ("a@{us}", "u/{them}@{us}"), ("a@{us}", "u#{them}@{us}"), ("a@{us}", "u|{them}@{us}"), ("a@{us}", '"{them}!u"@{us}'),
    ("a@{us}", "@{us},@{host}:u@{them}"), ("a@{us}", "@{them}:u@{us}"), ("a@{us}", "{us}!{them}!u"),
    ("a@{us}", "u%{them}%{us}@{host}"), ("a@{us}", " u@{them}"), ("a@{us}", "u@{them} "), ("a@{us}", "u @{them}"),
    ("a@{us}", "u@ {them}"), ("a@{us}", "u(comment)@{them}"), ("a@{us}", "u@{them}\t"), ("a@{us}", "u@{them}\\"),
    ("a@{us}", "u@{us}@{them}"), ("a@{us}", "<u@{them}>"), ("a@{us}", "u@{them},v@{us}"), ("a@{us}", "u@{them};v@{us}"),
    ("bounce+x@{us}", "u@{them}"), ("", "bounce+0123456789abcdef-u={them}@{us}"), ("", "SRS0=HHH=TT={them}=u@{us}"),
    ("a@{us}", "u@" + "1" * 60 + ".{them}"), ("mailer-daemon@{us}", "u@{them}"),
]  # fmt: skip


def filled(pattern, domain):
    return pattern.format(us=domain.name, host="mail.waxseal.test", them=THEM, THEM=THEM.upper())


def test_there_are_56_patterns():
    assert len(CLASSIC) == 16 and len(OWN) == 40


@pytest.mark.parametrize("tls", ["clear", "starttls", "implicit"])
def test_no_pattern_is_accepted_without_a_login(platform, domain, outside, sink, tls):
    context = wire.trusting(outside.authority)
    accepted = []
    for sender, recipient in CLASSIC + OWN:
        with wire.Line(
            platform.implicit_tls if tls == "implicit" else platform.submission,
            context if tls == "implicit" else None,
        ) as line:
            line.reply()
            line.ehlo()
            if tls == "starttls":
                line.starttls(context)
                line.ehlo()
            codes = []
            try:
                for command in (
                    f"MAIL FROM:<{filled(sender, domain)}>",
                    f"RCPT TO:<{filled(recipient, domain)}>",
                    "DATA",
                ):
                    codes.append(line.talk(command).code)
            except (wire.Closed, OSError):
                pass
            if any(code < 400 for code in codes[1:]):
                accepted.append((recipient, codes))
    assert accepted == []


def test_a_sender_of_ours_in_pipelined_commands_gains_nothing(platform, domain, sink):
    victim = f"{canary.word()}@rcpt.test"
    with wire.opened(platform.submission) as line:
        line.send(
            f"MAIL FROM:<a@{domain.name}>\r\nRCPT TO:<{victim}>\r\nDATA\r\nSubject: s\r\n\r\nb\r\n.\r\nQUIT\r\n".encode()
        )
        codes = [int(one[:3]) for one in line.rest().split(b"\r\n") if one[3:4] == b" "]
    assert not any(code in (250, 354) for code in codes), codes
    assert sink.seen(victim) == []


def test_claims_in_commands_are_no_login(platform, domain):
    with wire.opened(platform.submission) as line:
        assert line.talk("XCLIENT ADDR=127.0.0.1 LOGIN=postmaster").code >= 500
        assert line.talk(f"MAIL FROM:<a@{domain.name}> AUTH=postmaster@{domain.name}").code == 530
    with wire.Line(platform.submission) as line:
        line.reply()
        line.send(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")
        assert line.reply().code >= 500
