"""A file system of its own that is soon full."""

import contextlib
import subprocess
from pathlib import Path

import pytest

MEGABYTE = 1 << 20


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int = 96):
    """One in memory, mounted at this folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here: that takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Somebody else's file takes what is free."""
    with open(folder / "filler", "ab", buffering=0) as filler:
        for size in (MEGABYTE, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue


def empty(folder: Path) -> None:
    """It goes."""
    (folder / "filler").unlink()
