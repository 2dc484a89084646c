"""Fixtures: a server on a disk that fails when told to."""

import os

import pytest

from rig import disk
from rig.faulty import House

SEED = int(os.environ.get("WAXSEAL_TEST_SEED", "1"))


@pytest.fixture
def seed():
    return SEED


@pytest.fixture
def house(own_platform, seed):
    if not disk.possible():
        pytest.skip("missing: a C compiler")
    return House(own_platform, seed)
