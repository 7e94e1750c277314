"""Sends requests to a child process and reads its answers, over pipes.

Node and the npm packages of LiteRT.js on this machine, and the command that installs them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from edgeconv.errors import MissingDependency

FOLDER = "EDGECONV_LITERTJS"  # environment variable: the folder that holds node_modules
PACKAGE = "@litertjs/core"
HERE = Path(__file__).parent
_NODE = "install Node.js 18 or newer with npm, for example: apt-get install nodejs npm"


@dataclass(frozen=True)
class Installed:
    """The Node executable and the package that a process is started with."""

    node: str
    folder: Path
    version: str


def folder() -> Path:
    """The folder of the npm packages: the one that `FOLDER` names, else a cache."""
    chosen = os.environ.get(FOLDER)
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "edgeconv" / "litertjs"


def command() -> str:
    """The shell command that installs the pinned packages, hashes checked, into `folder()`."""
    target, source = shlex.quote(str(folder())), shlex.quote(str(HERE))
    return (
        f"mkdir -p {target} && cp {source}/package*.json {target} && "
        f"npm ci --ignore-scripts --no-audit --no-fund --prefix {target}"
    )


def installed() -> Installed:
    """Node and the package.

    Raises:
        MissingDependency: one of them is missing; the hint is the command that installs it.
    """
    node = shutil.which("node")
    if node is None:
        raise MissingDependency("runtime 'litertjs' needs Node.js, and there is no 'node'", _NODE)
    facts = folder() / "node_modules" / PACKAGE / "package.json"
    try:
        version = str(json.loads(facts.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError) as error:
        raise MissingDependency(
            f"the npm package '{PACKAGE}' is not installed in {folder()}",
            f"install it: {command()}",
        ) from error
    return Installed(node, folder(), version)


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
