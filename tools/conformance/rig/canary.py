"""Words that occur nowhere else, so that finding one proves where text went.

Every recipient, subject and body of the suite carries one. When a test run ends, nothing that the
server wrote about itself (standard output, standard error, metrics) may hold any of them.
"""

import base64
import secrets
import threading

_ALPHABET = "bcdfghjkmnpqrstvwz"
_lock = threading.Lock()
_words: set[str] = set()


def word(length: int = 14) -> str:
    """A fresh word of consonants: no base64, hex or id of the server resembles it."""
    made = "cn" + "".join(secrets.choice(_ALPHABET) for _ in range(length))
    with _lock:
        _words.add(made)
    return made


def words() -> list[bytes]:
    with _lock:
        return [made.encode() for made in _words]


def found_in(text: bytes, wanted: list[bytes] | None = None) -> list[str]:
    """The canary words that occur in `text`, whatever their case."""
    low = text.lower()
    return sorted(made.decode() for made in (wanted or words()) if made in low)


def spellings(made: str) -> list[bytes]:
    """How the word looks in plain text, UTF-16 and base64 at each of the three alignments."""
    plain = made.encode()
    out = [plain, made.encode("utf-16-le")]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        # Drop the groups that depend on neighbours of the word.
        out.append(coded[4 if shift else 0 : -4])
    return out
