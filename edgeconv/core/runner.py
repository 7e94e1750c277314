"""The one contract between whoever runs an artifact and whoever compares or times it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, runtime_checkable

from edgeconv.core.artifact import TensorSpec
from edgeconv.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Result = TypeVar("_Result")


class TensorType(Protocol):
    """What is known of a value inside an artifact; an unknown dimension is −1."""

    @property
    def dtype(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...] | None: ...


class BoundRun:
    """One inference of samples that are already in place; calling it runs the inference.

    It is valid until the runner's next `run` or `bind`, which put other samples in place.

    Attributes:
        invoke: the bare inference, without the cost of a call through Python; what is timed.
    """

    __slots__ = ("_read", "invoke")

    def __init__(
        self, invoke: Callable[[], object], read: Callable[[], dict[str, NDArray[Any]]]
    ) -> None:
        self.invoke = invoke
        self._read = read

    @classmethod
    def of_function(
        cls, compute: Callable[[], _Result], read: Callable[[_Result], dict[str, NDArray[Any]]]
    ) -> Self:
        """For an engine that returns its results: the last one is kept for `outputs`.

        Args:
            compute: one inference.
            read: turns its result into arrays by output name.
        """
        results: list[_Result] = []

        def invoke() -> None:
            results[:] = (compute(),)

        def last() -> dict[str, NDArray[Any]]:
            if not results:
                raise UsageError("a bound inference has no outputs yet", "call it first")
            return read(results[0])

        return cls(invoke, last)

    def __call__(self) -> None:
        """Run one inference."""
        self.invoke()

    def outputs(self) -> dict[str, NDArray[Any]]:
        """Outputs of the last call by name, as `Runner.run` gives them for the same samples.

        Raises:
            UsageError: the engine knows that there was no call yet.
        """
        return self._read()


class Closing:
    """Something that a `with` block closes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release what it holds; it is not used after that."""


class Runner(Protocol):
    """An opened artifact. Arrays carry any leading batch, also for a batch-1 artifact.

    Quantized inputs and outputs are real numbers here: the runner applies scale and zero point,
    unless an array already has the tensor's stored type.
    """

    runtime: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Raises BadInput for a wrong name, shape or type."""

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """Put one inference's samples in place, for timing.

        Raises BadInput as `run`, and for another number of samples than one inference takes.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class TimesOperations(Protocol):
    """A runner whose engine says how long each of its operations took."""

    def operation_times(
        self, arrays: Mapping[str, NDArray[Any]], inferences: int
    ) -> list[list[float]]:
        """µs of each operation of the file, in its order, for each inference of one sample."""


@runtime_checkable
class Inspectable(Runner, Protocol):
    """A runner that also shows the values between its operations.

    `tensors` names every value that it can show, in the order in which they are computed.
    """

    @property
    def tensors(self) -> Mapping[str, TensorType]: ...

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values (batch, *one sample's shape) of the named tensors, None for all of them.

        Quantized values are real numbers. Raises BadInput as `Runner.run`, for an unknown name,
        and where there is no sample.
        """
