"""What every bench does: cleans up after itself, also when it is interrupted."""

import ctypes
import shutil
import signal

import pytest

PR_SET_PDEATHSIG = 1


def pytest_configure():
    """SIGTERM ends as Ctrl-C does, and comes when whoever started this is gone."""
    signal.signal(signal.SIGTERM, interrupted)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def interrupted(*_):
    # Once: what cleans up is not interrupted again.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@pytest.fixture
def folder(tmp_path):
    """A folder that is gone afterwards: queues of a million messages take gigabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)
