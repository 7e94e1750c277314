"""The one contract between whoever runs an artifact and whoever compares or times it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from edgeconv.core.artifact import TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TensorType(Protocol):
    """What is known of a value inside an artifact; an unknown dimension is −1."""

    @property
    def dtype(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...] | None: ...


class Inspectable(Protocol):
    """A runner that also shows the values between its operations.

    `tensors` names every value that it can show, in the order in which they are computed.
    """

    runtime: str

    @property
    def tensors(self) -> Mapping[str, TensorType]: ...

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values (batch, *one sample's shape) of the named tensors, None for all of them.

        Quantized values are real numbers. Raises BadInput as `Runner.run`, for an unknown name,
        and where there is no sample.
        """


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

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> Callable[[], None]:
        """Put one sample in place; each call of the result is one bare inference, for timing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
