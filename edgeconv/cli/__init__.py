"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, TextIO


def main() -> None:
    """Entry point of the console script."""
    # A container that is stopped sends SIGTERM, a terminal that is closed SIGHUP: clean up and keep
    # a trained model, as at Ctrl-C. Under nohup, SIGHUP stays ignored.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    sys.stderr = LastingStream(sys.stderr)
    # TensorFlow reads this once, at its import, which Keras or a worker process may begin. Its
    # errors about a GPU that is not there would look like a failure; real ones raise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))


class LastingStream:
    """A stream whose reader may go away: writing to a closed terminal then does nothing.

    Progress and notes must not end a training, nor keep its model from being saved.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
