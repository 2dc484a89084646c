"""A program of the rig in a process of its own, so that what it does takes no time from whoever measures."""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent


class Apart:
    """Answers each line of JSON with one. It ends with its standard input, so also with whoever started it."""

    def __init__(self, module: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def told(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "a program of the rig has ended"
        return json.loads(line)

    def say(self, **words) -> None:
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, **words) -> dict:
        self.say(**words)
        return self.told()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
