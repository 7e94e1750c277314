"""LiteRT writes from C++ to file descriptor 2, past `sys.stderr`: this takes the chatter out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def captured_stderr(lines: list[str]) -> Iterator[None]:
    """Collect what native code writes to descriptor 2 into `lines`; `INFO:` lines are left out.

    The descriptor belongs to the whole process, so keep the block short: opening a model, never
    running it. Lines are available after the block, also when it raised.
    """
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode(errors="replace")
            lines += [line for line in text.splitlines() if line and not line.startswith("INFO:")]
