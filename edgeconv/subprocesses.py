"""Work in a process of its own: native code that may crash, or must find a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, cast


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


_GRACE = 2.0  # seconds for a child to end by itself once its input has ended
_LAST = 4096  # bytes of what it said at the end


class ChannelError(Exception):
    """The child has ended, was too slow, or sent something that is not an answer."""


class Channel:
    """A child that answers each request with one line of JSON and the bytes that it announces.

    The child is ended when the channel is closed or garbage-collected, and when this process ends.
    After an interrupted request the channel cannot be used any more: close it.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # a full pipe would stop the child
        self._child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )
        self._to = cast("IO[bytes]", self._child.stdin)
        self._from = cast("IO[bytes]", self._child.stdout)
        self._end = weakref.finalize(self, _end, self._child, self._said)

    def ask(
        self, head: dict[str, Any], payload: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer. Raises ChannelError."""
        line = json.dumps({**head, "bytes": len(payload)}).encode() + b"\n"
        try:
            self._to.write(line + payload)
            self._to.flush()
        except OSError as error:  # a closed pipe
            raise ChannelError(self._cause()) from error
        return self.listen(seconds)

    def listen(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The next answer. Raises ChannelError; a child that is too slow is killed."""
        late = threading.Event()
        timer = threading.Timer(seconds, self._give_up, (late,))
        timer.daemon = True
        timer.start()
        try:
            message = self._read()
        except (ValueError, KeyError, AttributeError) as error:
            raise ChannelError(f"it sent something that is not an answer: {error!r}") from error
        finally:
            timer.cancel()
        if late.is_set():
            raise ChannelError(f"it did not answer in {seconds:g} s")
        if message is None:
            raise ChannelError(self._cause())
        return message

    def _read(self) -> tuple[dict[str, Any], bytes] | None:
        """One answer; None if the child ended before completing it."""
        line = self._from.readline()
        if not line.endswith(b"\n"):
            return None
        head: dict[str, Any] = json.loads(line)
        size = int(head.pop("bytes"))
        payload = self._from.read(size)
        return (head, payload) if len(payload) == size else None

    def close(self) -> None:
        """End the child if it is still running, and release it. May be called twice."""
        self._end()

    @property
    def running(self) -> bool:
        """Whether the child has not ended."""
        return self._child.poll() is None

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._child.kill()

    def _cause(self) -> str:
        """How the child ended, with its last line of error output."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_GRACE)
        code = self._child.poll()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        self._said.seek(max(0, self._said.seek(0, 2) - _LAST))
        lines = self._said.read().decode(errors="replace").split("\n")
        errors = [line.strip() for line in lines if "Error" in line]
        return f"it ended ({how})" + (f": {errors[-1]}" if errors else "")


def _end(child: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):  # unsent data can no longer be delivered
                pipe.close()
    try:
        child.wait(_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    errors.close()
