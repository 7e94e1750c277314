"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the console script."""
    # TensorFlow's own log lines would stand between ours; what fails raises in Python.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))
