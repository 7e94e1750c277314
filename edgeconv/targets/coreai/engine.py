"""Apple's Core AI code in a process of its own: asked here, answered by `server.py`.

Starting one costs about a second, so that a process that nothing happened to is used again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import plugins
from edgeconv.errors import BadInput
from edgeconv.subprocesses import Channel, ChannelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "coreai-core"
PROGRAM = "main.mlirb"
"""Name of the program inside the folder."""
SECONDS = 120.0  # for an answer
_SERVER = "edgeconv.targets.coreai.server"
_HINT = "it is damaged, or was written for another version of Core AI: export it again"
_idle: list[Channel] = []


def installed() -> None:
    """Raises MissingDependency where Apple's package is not installed."""
    try:
        metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise plugins.missing(ModuleNotFoundError(name="coreai")) from None


@dataclass(frozen=True)
class Loaded:
    """A program that the process holds open.

    Attributes:
        number: what the process calls it.
        inputs, outputs: names, in the program's order.
    """

    number: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Engine:
    """Questions about one file. Not for use from two threads at once."""

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        installed()
        self._path, self._seconds = path, seconds
        self._channel: Channel | None = _channel()
        self._sound = True

    # --- questions ----------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """The program's interface, types and operations, as `server.py` writes them."""
        return self._ask({"do": "describe", "path": self._program})[0]

    def resources(self) -> dict[str, bytes]:
        """The bytes of each constant that lies outside the operations, by its name."""
        head, payload = self._ask({"do": "resources", "path": self._program})
        found, at = {}, 0
        for name, size in head["sizes"].items():
            found[str(name)] = payload[at : at + size]
            at += size
        return found

    def open(self, show: Sequence[int] | None = None) -> Loaded:
        """Load the program; with `show` its outputs are these values, by their numbers."""
        head: dict[str, Any] = {"do": "open", "path": self._program}
        if show is not None:
            head["show"] = list(show)
        told, _ = self._ask(head)
        return Loaded(told["model"], tuple(told["inputs"]), tuple(told["outputs"]))

    def run(self, loaded: Loaded, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs (inferences, *shape) of inputs (inferences, *shape), in stored types."""
        import numpy as np

        fed = {name: np.ascontiguousarray(arrays[name]) for name in loaded.inputs}
        head = {
            "do": "run",
            "model": loaded.number,
            "count": len(next(iter(fed.values()))),
            "arrays": [[name, str(a.dtype), list(a.shape)] for name, a in fed.items()],
        }
        told, payload = self._ask(head, b"".join(a.tobytes() for a in fed.values()))
        found, at = {}, 0
        for name, dtype, shape in told["arrays"]:
            flat = np.frombuffer(payload, dtype, int(np.prod(shape)), at)
            found[str(name)] = flat.reshape(shape)
            at += flat.nbytes
        return found

    def again(self, loaded: Loaded) -> None:
        """One more inference of the last inputs."""
        self._ask({"do": "again", "model": loaded.number})

    def timed(self, loaded: Loaded, runs: int) -> list[list[tuple[str, float]]]:
        """Kind and µs of each operation of the interpreter, for each run on the last inputs."""
        told, _ = self._ask({"do": "time", "model": loaded.number, "runs": runs})
        return [[(str(kind), ns / 1e3) for kind, ns in run] for run in told["runs"]]

    def unload(self, loaded: Loaded) -> None:
        """Free what the process holds of a program."""
        self._ask({"do": "close", "model": loaded.number})

    # --- the process --------------------------------------------------------------------------

    @property
    def _program(self) -> str:
        return str((self._path / PROGRAM).absolute())

    def _ask(self, head: dict[str, Any], payload: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Raises BadInput where the process ends, is too slow, or cannot do it."""
        if self._channel is None or not self._sound:
            raise BadInput(f"{self._path}: Apple's interpreter has ended on this file", _HINT)
        try:
            self._sound = False  # an interruption leaves half an answer in the pipe
            told, data = self._channel.ask(head, payload, self._seconds)
            self._sound = True
        except ChannelError as error:
            raise BadInput(
                f"{self._path}: Apple's interpreter gives no answer: {error}", _HINT
            ) from error
        if "error" in told:
            words = " ".join(str(told["error"]).split())[:300]
            raise BadInput(f"{self._path}: Apple's Core AI refuses this file: {words}", _HINT)
        return told, data

    def close(self) -> None:
        """Give the process back, or end it if something happened to it. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        if self._sound:
            _idle.append(channel)
        else:
            channel.close()


def _channel() -> Channel:
    """A process that waits for questions."""
    while _idle:
        channel = _idle.pop()
        if channel.running:
            return channel
        channel.close()
    return Channel([sys.executable, "-P", "-m", _SERVER])


@contextmanager
def engine(path: Path) -> Iterator[Engine]:
    """An engine for some questions."""
    asked = Engine(path)
    try:
        yield asked
    finally:
        asked.close()
