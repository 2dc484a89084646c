"""Waiting for a condition with a deadline: the only way this suite waits."""

import time

PATIENCE = 30.0


class TooLate(AssertionError):
    """The condition did not come true in time."""


def until(check, what: str, timeout: float = PATIENCE, pause: float = 0.02):
    """The first true value of `check()`, asked again until `timeout` seconds have passed."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TooLate(f"not within {timeout:g} s: {what}")
        time.sleep(pause)
