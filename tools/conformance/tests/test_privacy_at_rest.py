"""Of all that a customer gives, only what is declared to rest in the clear does."""

import pytest

from rig.people import Person


@pytest.fixture
def world(own_platform, engine, sink):
    platform = own_platform(engine.config)
    return platform, Person(platform, sink).live()


def _unexpected(platform, engine, person):
    """Hits that are not the domain of a message that waits: its sandbox domain is written to as well."""
    clear = [person.sandbox.name, *(one.partition("@")[2] for one in person.addresses)]
    clear = [one.encode() for one in clear if person.mark in one]
    hits = engine.find(platform, person)
    return [one for one in hits if one.form != "plain" or not any(name in one.near for name in clear)]


def test_nothing_but_domains_of_recipients_rests_in_the_clear(world, engine):
    platform, person = world
    assert _unexpected(platform, engine, person) == []
    platform.run("queue", "list")
    assert platform.stop() == 0
    assert _unexpected(platform, engine, person) == []


def test_nothing_rests_in_the_clear_after_a_kill(world, engine):
    platform, person = world
    platform.kill()
    assert _unexpected(platform, engine, person) == []
    platform.start()
    person.send()
    assert _unexpected(platform, engine, person) == []
