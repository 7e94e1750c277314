"""The one contract between whoever runs an artifact and whoever compares or times it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from edgeconv.types.artifact import TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
