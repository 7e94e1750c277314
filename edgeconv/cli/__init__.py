"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Entry point of the console script."""
    # A container that is stopped gets SIGTERM: clean up, and keep a trained model, as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))
