"""Work in a process of its own: native code that may crash, or must find a fresh process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import prod
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

Answer = tuple[dict[str, Any], bytes]
"""What goes either way: a line of JSON, and the bytes that it announces."""


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
    """The child has ended, was too slow, or sent something that is not an answer.

    Attributes:
        late: it was too slow, and was killed.
        signal: that ended it; 0 for another end.
    """

    def __init__(self, text: str, late: bool = False, signal: int = 0) -> None:
        super().__init__(text)
        self.late, self.signal = late, signal


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

    def ask(self, head: dict[str, Any], payload: bytes, seconds: float) -> Answer:
        """Send a request and wait for its answer. Raises ChannelError."""
        line = json.dumps({**head, "bytes": len(payload)}).encode() + b"\n"
        try:
            self._to.write(line + payload)
            self._to.flush()
        except OSError as error:  # a closed pipe
            raise self._cause() from error
        return self.listen(seconds)

    def listen(self, seconds: float) -> Answer:
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
            raise ChannelError(f"it did not answer in {seconds:g} s", late=True)
        if message is None:
            raise self._cause()
        return message

    def _read(self) -> Answer | None:
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

    def _cause(self) -> ChannelError:
        """How the child ended, with its last line of error output."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_GRACE)
        code = self._child.poll()
        ended_by = -code if code is not None and code < 0 else 0
        how = f"signal {ended_by}" if ended_by else f"exit code {code}"
        self._said.seek(max(0, self._said.seek(0, 2) - _LAST))
        lines = self._said.read().decode(errors="replace").split("\n")
        errors = [line.strip() for line in lines if "Error" in line]
        text = f"it ended ({how})" + (f": {errors[-1]}" if errors else "")
        return ChannelError(text, signal=ended_by)


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


class Pool:
    """Children of one module of ours that answer requests; an idle one is used again."""

    def __init__(self, module: str) -> None:
        self._words = [sys.executable, "-P", "-m", module]
        self._idle: list[Channel] = []
        os.register_at_fork(after_in_child=self._forget)  # a child of ours has others

    def take(self) -> Channel:
        """A child that waits for requests; it is nobody else's until it is given back."""
        while self._idle:
            channel = self._idle.pop()
            if channel.running:
                return channel
            channel.close()
        return Channel(self._words)

    def give_back(self, channel: Channel) -> None:
        """For a child whose requests were all answered; close any other."""
        self._idle.append(channel)

    def _forget(self) -> None:
        self._idle = []


def serve(answer: Callable[[dict[str, Any], bytes], Answer]) -> None:
    """The other end of a `Channel`: answer requests until there are no more.

    What libraries print goes to the standard error output, and Ctrl-C is the parent's to answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while line := sys.stdin.buffer.readline():
        head = json.loads(line)
        answered, data = answer(head, sys.stdin.buffer.read(head.pop("bytes")))
        channel.write(json.dumps({**answered, "bytes": len(data)}).encode() + b"\n" + data)
        channel.flush()


def limit_memory(megabytes: int) -> None:
    """Private memory of this process: what it asks for beyond is refused."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes << 20
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def packed(arrays: Mapping[str, NDArray[Any]]) -> Answer:
    """Named arrays as `arrays` of a head (name, type and shape of each) and their bytes."""
    specs = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    return {"arrays": specs}, b"".join(array.tobytes() for array in arrays.values())


def unpacked(head: Mapping[str, Any], payload: bytes) -> dict[str, NDArray[Any]]:
    """What `packed` packed; the arrays cannot be written to."""
    import numpy as np

    arrays, at = {}, 0
    for name, dtype, shape in head["arrays"]:
        size = prod(shape)
        flat = np.frombuffer(payload, dtype, size, at) if size else np.empty(0, dtype)
        arrays[str(name)] = flat.reshape(shape)
        at += flat.nbytes
    return arrays
