"""Work in a Python process of its own: native code that may crash, or must find a fresh process."""

from __future__ import annotations

import subprocess
import sys


def run_module(module: str, *words: str, seconds: float | None) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE WORDS…` to its end, its output captured.

    The working folder is no place to import from (-P): a `types.py` there must not be taken for
    Python's own. A negative `returncode` is the signal that killed it.

    Args:
        seconds: how long it may take; None: as long as it likes, for a module with a limit itself.

    Raises:
        subprocess.TimeoutExpired: it took longer than `seconds`, and was killed.
    """
    return subprocess.run(
        [sys.executable, "-P", "-m", module, *words],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
