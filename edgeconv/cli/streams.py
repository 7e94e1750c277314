"""Standard streams that may be closed, full, or lose their reader."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from edgeconv.errors import BadInput


def prepare_streams() -> None:
    """Give the process three standard streams, whatever it was started with.

    The first files that are opened would get the numbers of streams that are closed, and what a
    library prints would end in them.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that has no check mark shows a "?"
            stream.reconfigure(errors="replace")
    sys.stdout = ResultStream(sys.stdout)
    sys.stderr = LastingStream(sys.stderr)


class _Wrapped:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LastingStream(_Wrapped):
    """A stream whose reader may go away: writing to a closed terminal then does nothing.

    Progress and notes must not end a training, nor keep its model from being saved.
    """

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            self._stream.flush()


class ReaderGone(Exception):  # nothing went wrong
    """Whoever read standard output has what it wanted: the end of `edgeconv … | head`.

    No `BrokenPipeError`, for which rich and typer have exit codes of their own.
    """


class ResultStream(_Wrapped):
    """Standard output: a result that cannot be written is an error with its reason.

    Raises:
        BadInput: the disk is full, say.
        ReaderGone: nobody reads any more.
    """

    def write(self, text: str) -> int:
        """Write, or say why not. Libraries try a stream with an empty text and swallow errors."""
        try:
            return 0 if text == "" else self._stream.write(text)
        except OSError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        """Flush, or say why not."""
        try:
            self._stream.flush()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> Exception:
        """What to raise; the rest of the output goes nowhere, so that Python can end in peace."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            return ReaderGone()
        return BadInput(
            f"cannot write to standard output: {error.strerror}",
            "free some space, or send the output somewhere else",
        )
