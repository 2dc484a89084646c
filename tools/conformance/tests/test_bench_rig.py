"""The tools of the bench, checked before their figures are believed."""

import smtplib
import subprocess
import sys

import pytest
from dnslib import RCODE, DNSRecord

from rig import goals, waiting
from rig.apart import FOLDER, Apart
from rig.names import Names
from rig.receivers import Receivers
from rig.steady import Sent, Steady, deliveries, share, waits

MESSAGE = "Message-ID: <{}@scaffold.test>\r\nSubject: s\r\n\r\ntext\r\n"


@pytest.fixture
def receivers():
    with Receivers() as made:
        yield made


def test_receivers_count_messages_and_copies_by_domain(receivers):
    with smtplib.SMTP("127.0.0.1", receivers.port) as client:
        for number in (1, 2, 2):
            client.sendmail("a@b.test", ["one@first.test", "two@second.test"], MESSAGE.format(number))
        client.sendmail("a@b.test", ["one@first.test"], MESSAGE.format(3))
    assert (receivers.taken("first.test"), receivers.taken("second.test"), receivers.taken()) == (3, 2, 5)
    assert receivers.doubled() == 2


def test_receivers_read_what_comes_in_one_piece_or_in_many(receivers):
    envelope = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
    whole = b"EHLO x\r\n" + envelope + b"Message-ID: <1>\r\n\r\n.\r\n" + envelope + b".\r\nQUIT\r\n"
    for size in (len(whole), 1, 7):
        with smtplib.socket.create_connection(("127.0.0.1", receivers.port)) as line:
            for at in range(0, len(whole), size):
                line.sendall(whole[at : at + size])
            replies = b""
            while read := line.recv(4096):
                replies += read
        codes = [one[:3] for one in replies.split(b"\r\n") if one[3:4] == b" "]
        assert codes == [b"220", b"250", *[b"250", b"250", b"354", b"250"] * 2, b"221"], (size, replies)
    # The same two each time.
    assert receivers.taken("d.test") == 2 and receivers.doubled() == 4


def test_receivers_behave_as_told_at_each_address(receivers):
    receivers.behave("127.0.0.7", silent=True)
    receivers.behave("127.0.0.8", refuses=1.0)
    receivers.behave("127.0.0.9", takes=0.3)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        smtplib.SMTP("127.0.0.7", receivers.port, timeout=0.5)
    with smtplib.SMTP("127.0.0.8", receivers.port) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("a@b.test", ["c@d.test"], MESSAGE.format(1))
    assert refused.value.recipients["c@d.test"][0] == 451 and receivers.refused("d.test") == 1
    with Steady(door(receivers, "127.0.0.9"), "timed-#@slow.test", 100, 0.1) as sender:
        assert min(waits(sender.done())) >= 0.3
    receivers.behave("127.0.0.8", refuses=0.0)
    with smtplib.SMTP("127.0.0.8", receivers.port) as client:
        client.sendmail("a@b.test", ["c@d.test"], MESSAGE.format(1))


def door(receivers: Receivers, host: str = "127.0.0.1") -> dict:
    return {"door": "smtp", "host": host, "port": receivers.port, "sender": "a@b.test"}


def test_a_steady_sender_waits_for_nobody(receivers):
    """Two connections to a server that takes a second for each: what finds none free waits, and its wait counts."""
    receivers.behave("127.0.0.9", takes=1.0)
    with Steady(door(receivers, "127.0.0.9"), "timed-#@slow.test", 40, 0.2, connections=2) as sender:
        sent = sender.done()
    assert [one.number for one in sent] == list(range(8))
    assert sent[-1].due - sent[0].due == pytest.approx(7 / 40)
    assert waits(sent)[-1] >= 3.5, "the fourth pair is done after four seconds"
    assert max(deliveries(sent, "timed-#@slow.test", receivers.times())) < 1


def test_shares_and_deliveries():
    sent = [Sent(number, 10.0, 10.0 + number) for number in range(4)]
    times = {"r0@x": 11.0, "r1@x": 11.0, "r2@x": 11.5, "r3@x": 17.0}
    assert deliveries(sent, "r#@x", times) == [1.0, 0.0, 0.0, 4.0]
    assert share([0.003, 0.001, 0.002, 0.004], 0.5) == 3.0 and share([0.001] * 99 + [1.0], 0.99) == 1000.0


@pytest.mark.parametrize(
    ("name", "kind", "records"),
    [
        ("d7.own.test", "MX", ["10 mx.d7.own.test."]),
        ("mx.d7.own.test", "A", ["127.1.0.8"]),
        ("MX.D250.own.test", "A", ["127.1.1.1"]),
        ("mx.d7.own.test", "AAAA", []),
        ("d47.of20.test", "MX", ["10 mx7.of20.test."]),
        ("mx7.of20.test", "A", ["127.1.0.8"]),
        ("_mta-sts.d7.own.test", "TXT", None),
    ],
)
def test_the_names_of_ten_thousand_domains(name, kind, records):
    with Names() as names:
        answer = DNSRecord.parse(DNSRecord.question(name, kind).send("127.0.0.1", names.port, timeout=5))
    assert (RCODE[answer.header.rcode] == "NXDOMAIN") == (records is None)
    assert [str(record.rdata) for record in answer.rr] == (records or [])


def test_what_stands_apart_ends_with_whoever_started_it():
    starts = "from rig.receivers import Receivers; import os; print(Receivers().process.pid, flush=True); os._exit(9)"
    left = subprocess.run([sys.executable, "-c", starts], cwd=FOLDER, capture_output=True, check=False)
    folder = f"/proc/{int(left.stdout)}"

    def is_over():
        try:
            with open(f"{folder}/stat") as told:
                return told.read().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    waiting.until(is_over, "its end")


def test_a_program_that_ended_is_noticed():
    with Apart("rig.no_such_program") as apart, pytest.raises(AssertionError):
        apart.told()


def test_goals_are_told_as_met_or_missed():
    assert goals.at_least(0.9, 0.9) == goals.at_most(25, 25) == "met"
    assert goals.at_least(0.89, 0.9) == goals.at_most(25.1, 25) == "MISSED"
    assert goals.row("p99", "30 ms", "≤ 25 ms", "MISSED").split() == ["p99", "30", "ms", "≤", "25", "ms", "MISSED"]
