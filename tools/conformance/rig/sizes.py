"""How large a bench is: what the caller asked for, by variables that `cargo xtask bench` sets."""

import os


def number(name: str, otherwise: int) -> int:
    return int(os.environ.get(f"WAXSEAL_BENCH_{name}", otherwise))


def messages(otherwise: int = 4000) -> int:
    """Messages of a round."""
    return number("MESSAGES", otherwise)


def rounds() -> int:
    return number("ROUNDS", 3)
