"""The command line: words in, exit code out. No framework is imported to show help."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from types import FrameType

from edgeconv.cli.streams import prepare_streams

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 8.0
"""Seconds that native code has to come back after a signal; Docker kills after 10."""


def main() -> None:
    """Entry point of the console script."""
    prepare_streams()  # first: what is opened before them would take the place of a closed one
    _answer_signals()
    # TensorFlow reads this once, at its import, which Keras or a worker process may begin. Its
    # errors about a GPU that is not there would look like a failure; real ones raise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edgeconv.cli.app import run_app

    sys.exit(run_app(sys.argv[1:]))


def _answer_signals() -> None:
    """Clean up and keep a trained model where a signal asks to end.

    A container that is stopped sends SIGTERM, a terminal that is closed SIGHUP; both are answered
    as Ctrl-C. Under nohup, SIGHUP stays ignored. Native code that never comes back cannot be
    interrupted: after `PATIENCE` seconds the process ends as if it were killed, which leaves
    nothing half at its place.
    """
    noticed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        noticed.set()
        signal.default_int_handler(number, frame)

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    arrives, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(arrives, wakes, noticed), daemon=True).start()


def _watch(arrives: socket.socket, _open: socket.socket, noticed: threading.Event) -> None:
    """Wait for a signal that asks to end; end the process unless Python code notices it."""
    while arrives.recv(1)[0] not in _ENDING:
        pass
    if not noticed.wait(PATIENCE):
        os.write(2, b"edgeconv: interrupted; native code did not come back\n")
        os._exit(130)
