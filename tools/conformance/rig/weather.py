"""Bad weather at the recipients' server: it puts off most of what comes, at any stage, until it clears up."""

import random
import threading
from collections import Counter

# What servers say in trouble, when they have enough, when they want the same message again later.
REPLIES = {
    "greeting": ["421 4.3.2 shutting down", "450 4.3.2 not now", "454 4.7.0 try later"],
    "mail": ["451 4.3.0 no resources", "452 4.3.1 disk full", "421 4.7.0 too many messages from you", "450 4.7.1 slow down"],
    "rcpt": ["450 4.2.0 greylisted", "451 4.7.1 try again later", "452 4.5.3 too many recipients", "450 4.2.1 busy mailbox"],
    "data": ["451 4.3.0 scanner is down", "452 4.3.1 disk full", "421 4.3.2 closing", "450 4.7.0 deferred"],
}


class Storm:
    """Answers each stage with 4xx by chance."""

    def __init__(self, seed: int, share: float):
        self.share, self.answered = share, Counter()
        self._chance, self._lock = random.Random(seed), threading.Lock()

    def __call__(self, stage: str) -> str | None:
        with self._lock:
            # Whoever is refused before it has said anything tries nothing else for a while: that would be all.
            if self._chance.random() >= (self.share / 4 if stage == "greeting" else self.share):
                return None
            self.answered[stage] += 1
            return self._chance.choice(REPLIES[stage])
