"""What a bench found, beside what was wanted: one line for each figure."""

WIDTH = 62


def at_least(found: float, goal: float) -> str:
    return told(found >= goal)


def at_most(found: float, goal: float) -> str:
    return told(found <= goal)


def told(is_met: bool) -> str:
    """A missed goal is told; it is no error."""
    return "met" if is_met else "MISSED"


def row(what: str, found: str, goal: str = "", verdict: str = "") -> str:
    return f"  {what:<{WIDTH}} {found:>14}  {goal:<12}{verdict}".rstrip()


def tell(what: str, found: str, goal: str = "", verdict: str = "") -> None:
    print(row(what, found, goal, verdict), flush=True)


def title(text: str) -> None:
    print(f"\n{text}", flush=True)
