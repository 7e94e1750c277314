"""The memory that a microcontroller must set aside for a `.tflite` file: tflite-micro's arena.

tflite-micro tells it only in what it writes while it opens a file, and ends the process on some
files it cannot run, so that it runs in one of its own: `python -m edgeconv.profile.arena FILE`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

MISSING = "the package 'tflite-micro' is not installed: pip install tflite-micro"
_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")
_SECONDS = 60


def measure_arena(path: Path) -> tuple[int | None, str]:
    """(bytes, "") of the arena that one inference of `path` needs, or (None, why not)."""
    if find_spec("tflite_micro") is None:
        return None, MISSING
    try:
        done = subprocess.run(
            [sys.executable, "-m", "edgeconv.profile.arena", str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"tflite-micro did not open it within {_SECONDS} s"
    said = done.stdout + done.stderr
    found = _TOTAL.search(said)
    if done.returncode == 0 and found:
        return int(found.group(1)), ""
    return None, f"tflite-micro cannot run it: {_reason(said)}"


def _reason(said: str) -> str:
    """The first line that is neither empty nor of Python's trace."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    plain = [line for line in lines if not line.startswith(("Traceback", "File ", "[Recording"))]
    return plain[0] if plain else "it gave no reason"


def _open(path: str) -> None:
    runtime = import_module("tflite_micro.python.tflite_micro.runtime")
    runtime.Interpreter.from_file(path).print_allocations()


if __name__ == "__main__":
    _open(sys.argv[1])
