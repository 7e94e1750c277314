"""Apple's Core AI code in a process of its own: asked here, answered by `server.py`.

Starting one costs about a second, so that a process that nothing happened to is used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import plugins
from edgeconv.errors import BadInput
from edgeconv.subprocesses import Answer, Channel, ChannelError, Pool, packed, unpacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE = "coreai-core"
PROGRAM = "main.mlirb"
"""Name of the program inside the folder."""
SECONDS = 120.0  # for an answer
_HINT = "it is damaged, or was written for another version of Core AI: export it again"
_PROCESSES = Pool("edgeconv.targets.coreai.server")


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


@dataclass(frozen=True)
class Operation:
    """One operation of a program; values are known by their numbers.

    Attributes:
        kind: with its dialect, `coreai.conv2d`.
        name: that its location holds; empty where that is a line of somebody's code.
        resource: of a constant, the name of its bytes; empty where they lie in the operation.
        values: of a small constant without a resource; one where all are equal.
    """

    kind: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    resource: str = ""
    values: tuple[float, ...] | None = None


@dataclass(frozen=True)
class ValueType:
    """What is known of a value.

    Attributes:
        shape: with −1 for a free dimension; None for what is no tensor.
        dtype: of a tensor's elements; of another value its whole type.
    """

    shape: tuple[int, ...] | None
    dtype: str


@dataclass(frozen=True)
class Description:
    """The main function of a program.

    Attributes:
        function: its name.
        functions: the names of all.
        inputs, outputs: name and number of each value.
        types: of every value, by its number.
        operations: in the order of execution, constants included.
    """

    function: str
    functions: tuple[str, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    types: tuple[ValueType, ...]
    operations: tuple[Operation, ...]


class Engine:
    """Questions about one file. Not for use from two threads at once."""

    def __init__(self, path: Path) -> None:
        installed()
        self._path = path
        self._channel: Channel | None = _PROCESSES.take()
        self._sound = True

    # --- questions ----------------------------------------------------------------------------

    def describe(self) -> Description:
        """The program's interface, types and operations."""
        return _described(self._ask({"do": "describe", "path": self._program})[0])

    def resources(self) -> dict[str, bytes]:
        """The bytes of each constant that lies outside the operations, by its name."""
        head, payload = self._ask({"do": "resources", "path": self._program})
        found, at = {}, 0
        for name, size in head["sizes"].items():
            found[str(name)] = payload[at : at + size]
            at += size
        return found

    def open(
        self,
        show: Sequence[int] | None = None,
        in_float32: bool = False,
        unpacked: bool = False,
    ) -> Loaded:
        """Load the program.

        Args:
            show: the values that are its outputs, by their numbers; None: its own.
            in_float32: compute in float32 wherever it says float16.
            unpacked: let the interpreter unpack the weights now, not in each inference: the same
                bits, in a fraction of the time.
        """
        head = {"do": "open", "path": self._program, "float32": in_float32, "unpacked": unpacked}
        answer, _ = self._ask({**head, "show": None if show is None else list(show)})
        return Loaded(answer["model"], tuple(answer["inputs"]), tuple(answer["outputs"]))

    def run(self, loaded: Loaded, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs (inferences, *shape) of inputs (inferences, *shape), in stored types."""
        head, payload = _packed(loaded, arrays)
        count = len(next(iter(arrays.values())))
        return unpacked(*self._ask({"do": "run", "count": count, **head}, payload))

    def feed(self, loaded: Loaded, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put the inputs (1, *shape) of one inference in place."""
        head, payload = _packed(loaded, arrays)
        self._ask({"do": "feed", **head}, payload)

    def infer(self, loaded: Loaded) -> None:
        """One inference of what was fed."""
        self._ask({"do": "infer", "model": loaded.number})

    def results(self, loaded: Loaded) -> dict[str, NDArray[Any]]:
        """Outputs (1, *shape) of the last inference of what was fed."""
        return unpacked(*self._ask({"do": "results", "model": loaded.number}))

    def timed(self, loaded: Loaded, runs: int) -> list[list[tuple[str, float]]]:
        """Kind and µs of each operation of the interpreter, for each run on what was fed."""
        answer, _ = self._ask({"do": "time", "model": loaded.number, "runs": runs})
        return [[(str(kind), ns / 1e3) for kind, ns in run] for run in answer["runs"]]

    def unload(self, loaded: Loaded) -> None:
        """Free what the process holds of a program, if it still runs."""
        if self._sound:
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
            answer, data = self._channel.ask(head, payload, SECONDS)
            self._sound = True
        except ChannelError as error:
            raise BadInput(
                f"{self._path}: Apple's interpreter gives no answer: {error}", _HINT
            ) from error
        if "error" in answer:
            words = " ".join(str(answer["error"]).split())[:300]
            raise BadInput(f"{self._path}: Apple's Core AI refuses this file: {words}", _HINT)
        return answer, data

    def close(self) -> None:
        """Give the process back, or end it if something happened to it. May be called twice."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        if self._sound:
            _PROCESSES.give_back(channel)
        else:
            channel.close()


def _described(answer: dict[str, Any]) -> Description:
    """What `server.py` writes, typed."""
    return Description(
        function=str(answer["function"]),
        functions=tuple(answer["functions"]),
        inputs=tuple((str(name), int(i)) for name, i in answer["inputs"]),
        outputs=tuple((str(name), int(i)) for name, i in answer["outputs"]),
        types=tuple(
            ValueType(None if shape is None else tuple(shape), str(dtype))
            for shape, dtype in answer["types"]
        ),
        operations=tuple(
            Operation(
                kind=str(op["kind"]),
                name=str(op["name"]),
                inputs=tuple(op["inputs"]),
                outputs=tuple(op["outputs"]),
                resource=str(op.get("resource", "")),
                values=tuple(op["values"]) if "values" in op else None,
            )
            for op in answer["operations"]
        ),
    )


def _packed(loaded: Loaded, arrays: Mapping[str, NDArray[Any]]) -> Answer:
    head, payload = packed({name: arrays[name] for name in loaded.inputs})
    return {"model": loaded.number, **head}, payload


@contextmanager
def engine(path: Path) -> Iterator[Engine]:
    """An engine for some questions."""
    asked = Engine(path)
    try:
        yield asked
    finally:
        asked.close()
