"""Of all that a customer gives, nothing rests in the clear."""

import pytest

from rig.people import Person


@pytest.fixture
def world(own_platform, engine, sink):
    platform = own_platform(engine.config)
    return platform, Person(platform, sink).live()


def test_nothing_rests_in_the_clear(world, engine):
    platform, person = world
    assert engine.find(platform, person) == []
    platform.run("queue", "list")
    assert platform.stop() == 0
    assert engine.find(platform, person) == []


def test_nothing_rests_in_the_clear_after_a_kill(world, engine):
    platform, person = world
    platform.kill()
    assert engine.find(platform, person) == []
    platform.start()
    person.send()
    assert engine.find(platform, person) == []
