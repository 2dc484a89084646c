"""Somebody who sends a message now and then while others send many: how long a message takes to be accepted."""

import smtplib
import statistics
import threading
import time

PAUSE = 0.02
LINES = (b"x" * 76 + b"\r\n") * 50


class Probe:
    """Sends from `with` to its end, over one connection."""

    def __init__(self, port: int, sender: str):
        self.sender = sender
        self.took: list[float] = []
        self._content = f"From: {sender}\r\nSubject: s\r\n\r\n".encode() + LINES
        self._session = smtplib.SMTP("127.0.0.1", port, timeout=60)
        self._session.ehlo()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def _send(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self._session.sendmail(self.sender, ["r@rcpt.test"], self._content)
            self.took.append(time.monotonic() - began)
            self._over.wait(PAUSE)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()
        self._session.quit()

    def milliseconds(self) -> tuple[float, float]:
        """The median, and what 99 of 100 stay below."""
        sorted_times = sorted(self.took)
        return statistics.median(sorted_times) * 1e3, sorted_times[int(len(sorted_times) * 0.99)] * 1e3
