"""Fixtures: what surrounds the server once for each worker, the shared server, fresh accounts."""

import os

import pytest

from rig import canary
from rig.api import Api, Sender
from rig.engine import Engine
from rig.platform import Outside, Platform
from rig.postgres import Cluster
from rig.small_disk import mounted


def pytest_runtest_logreport(report):
    """What is skipped is listed: `cargo xtask test` prints the list at its end."""
    path = os.environ.get("WAXSEAL_TEST_SKIPS")
    if path and report.skipped and "PYTEST_XDIST_WORKER" not in os.environ and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        with open(path, "a") as listed:
            listed.write(f"{report.nodeid.removeprefix('tests/')}\t{reason}\n")


@pytest.fixture(scope="session")
def outside(tmp_path_factory):
    made = Outside(tmp_path_factory.mktemp("outside"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def sink(outside):
    return outside.sink


@pytest.fixture(scope="session")
def zone(outside):
    return outside.zone


@pytest.fixture(scope="session")
def platform(outside, tmp_path_factory):
    """The server that most tests share. At the end: no canary word in what it wrote, a clean exit."""
    made = Platform(tmp_path_factory.mktemp("platform"), outside)
    made.start()
    yield made
    counted = made.metrics().encode()
    status = made.stop()
    assert canary.found_in(counted) == [], "words of messages in the metrics"
    assert canary.found_in(made.written()) == [], "words of messages in what the server wrote"
    assert status == 0, f"SIGTERM ended with {status}"


@pytest.fixture
def own_platform(outside, tmp_path):
    """A server of the test's own, to be killed or configured: call it with changes to the configuration."""
    made = []

    def start(config=None, env=None, started=True):
        one = Platform(tmp_path / f"platform-{len(made)}", outside, config, env)
        made.append(one)
        return one.start() if started else one

    yield start
    for one in made:
        if one.process is not None:
            one.kill()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL cluster, where it is installed."""
    if not Cluster.possible():
        pytest.skip("PostgreSQL is not installed")
    made = Cluster(tmp_path_factory.mktemp("postgres") / "cluster").start()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request):
    """Each of the two stores: the configuration for it, and the folders where it keeps things."""
    if request.param == "sqlite":
        return Engine({}, None)
    cluster = request.getfixturevalue("postgres")
    return Engine({"store": {"url": cluster.database()}}, cluster)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, which a test can fill."""
    with mounted(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture(scope="module")
def guessed(outside, tmp_path_factory):
    """A server (and a credential) for wrong passwords, which make it wary of everybody on this machine."""
    one = Platform(tmp_path_factory.mktemp("guessed"), outside).start()
    yield one, one.credential(one.domain(one.account()))
    one.kill()


@pytest.fixture(scope="module")
def account(platform):
    return platform.account()


@pytest.fixture(scope="module")
def domain(platform, account):
    return platform.domain(account)


@pytest.fixture(scope="module")
def credential(platform, domain):
    return platform.credential(domain)


@pytest.fixture(scope="module")
def sender(platform, domain):
    """The API with the account's key, sending from the module's domain."""
    return Sender(platform, domain)


@pytest.fixture(scope="module")
def nobody(platform):
    """The API without a key."""
    return Api(platform, None)
