"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script."""
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))
