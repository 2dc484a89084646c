"""What was changed or deleted, what is logged, and the rig's own person: words that may be nowhere while everybody stays."""

import pytest

from rig.customer import Customer
from rig.decoding import Reader
from rig.people import Person


def test_old_values_of_a_profile_and_what_was_deleted_are_nowhere(own_platform, engine, sink):
    platform = own_platform(engine.config)
    who = Customer(platform, sink)
    old = ("first name", "first email", "first company", "deleted label", "deleted login")
    for field in old:
        assert platform.command("privacy", "trace", who.given[field])["matches"] == [], field
    assert platform.command("privacy", "trace", who.given["owner company"])["matches"] != []


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_at_its_loudest_and_the_metrics_hold_no_word(own_platform, sink, form):
    platform = own_platform({"log": {"level": "trace", "format": form}, "erasure": {"grace_days": 0}})
    who = Customer(platform, sink).live()
    who.export()
    platform.run("privacy", "trace", who.word("traced"), timeout=180)
    platform.run("privacy", "erase-recipient", who.gone, "--account", who.account.id)
    counted = platform.metrics()
    platform.kill()
    platform.start()
    assert who.api.delete("/v1/privacy/account").status_code == 200
    assert platform.stop() == 0
    reader = Reader([who.mark, who.foreign, *who.secrets], [*who.addresses, who.login.login])
    assert [str(one) for one in reader.in_bytes(counted.encode(), "metrics")] == []
    logs = [path for path in platform.folder.glob("std*.log")]
    assert sum(path.stat().st_size for path in logs) > 10_000
    assert [str(one) for path in logs for one in reader.in_file(path, path.name)] == []


@pytest.mark.timeout(400)
def test_a_person_of_the_rig_is_found_by_neither_search(own_platform, engine, sink):
    """The rig's own person, searched for by the reader: what one search lets through the other would have."""
    platform = own_platform(engine.config)
    person = Person(platform, sink).live()
    known = engine.cluster.pristine if engine.cluster else frozenset()
    reader = Reader([person.mark], person.addresses, known)
    found = reader.in_folders(*engine.folders(platform), but="pg_wal", apart=engine.apart())
    assert [str(one) for one in found] == []
