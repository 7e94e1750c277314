"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Entry point of the console script."""
    # A container that is stopped sends SIGTERM, a terminal that is closed SIGHUP: clean up and keep
    # a trained model, as at Ctrl-C. Under nohup, SIGHUP stays ignored.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    # TensorFlow reads this once, at its import, which Keras or a worker process may begin. Its
    # errors about a GPU that is not there would look like a failure; real ones raise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))
