"""`Idempotency-Key`: a request repeated is answered again, not sent again."""

import concurrent.futures
import uuid

from rig import canary
from rig.api import Sender, accepted


def fields(sender, recipient):
    return [("from", f"a@{sender.domain.name}"), ("to", recipient), ("subject", "s"), ("text", "t")]


def only_copy(sender, sink, message_id, recipient):
    sender.wait_event(message_id, "delivered", recipient)
    assert len(sender.events_of(message_id, event="accepted")) == 1
    assert len(sink.seen(recipient)) == 1


def test_the_same_key_gives_the_same_answer_and_one_message(sender, sink):
    recipient, key = f"{canary.word()}@rcpt.test", {"Idempotency-Key": str(uuid.uuid4())}
    first = sender.try_send(fields(sender, recipient), headers=key)
    again = sender.try_send(fields(sender, recipient), headers=key)
    assert accepted(first) == accepted(again)
    only_copy(sender, sink, accepted(first), recipient)


def test_requests_at_the_same_moment_are_one(sender, sink):
    recipient, key = f"{canary.word()}@rcpt.test", {"Idempotency-Key": str(uuid.uuid4())}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(sender.try_send, fields(sender, recipient), headers=key) for _ in range(8)]
        answers = [job.result() for job in jobs]
    good = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    assert len(good) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    only_copy(sender, sink, good.pop(), recipient)


def test_other_keys_and_no_key_are_other_messages(sender, sink):
    recipient = f"{canary.word()}@rcpt.test"
    for headers in ({"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}, None, None):
        sender.send(fields(sender, recipient), headers=headers)
    assert len(sink.wait(recipient, 4)) == 4


def test_a_refused_request_does_not_use_up_its_key(sender, sink):
    recipient, key = f"{canary.word()}@rcpt.test", {"Idempotency-Key": str(uuid.uuid4())}
    assert sender.try_send(fields(sender, recipient)[:2], headers=key).status_code == 400
    message_id = sender.send(fields(sender, recipient), headers=key)
    only_copy(sender, sink, message_id, recipient)


def test_keys_belong_to_an_account(platform, sender, sink):
    other = Sender(platform, platform.domain(platform.account()))
    key = {"Idempotency-Key": str(uuid.uuid4())}
    people = [f"{canary.word()}@rcpt.test" for _ in range(2)]
    ids = {one.send(fields(one, to), headers=key) for one, to in zip((sender, other), people, strict=True)}
    assert len(ids) == 2 and all(sink.wait(to) for to in people)


def test_a_key_outlives_the_process(own_platform, sink):
    platform = own_platform()
    sender = Sender(platform, platform.domain(platform.account()))
    recipient, key = f"{canary.word()}@rcpt.test", {"Idempotency-Key": "kept over a restart"}
    first = sender.send(fields(sender, recipient), headers=key)
    platform.kill()
    platform.start()
    assert sender.send(fields(sender, recipient), headers=key) == first
    only_copy(sender, sink, first, recipient)


def test_an_absurd_key_is_refused_not_obeyed(sender):
    for bad in ("x" * 5000, ""):
        answer = sender.try_send(
            fields(sender, "b@rcpt.test") + [("o:testmode", "yes")], headers={"Idempotency-Key": bad}
        )
        assert answer.status_code in (200, 400, 431), answer.status_code
