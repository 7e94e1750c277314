"""The kernels of a network that pruning and clustering change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.compression.masks import GROUP
from edgeconv.errors import Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST = 0.01
"""A kernel with a smaller share of all weights is not compressed: that gains nothing, and it is
often the first or the last one."""
_NAMES = (
    "kernel",
    "pointwise_kernel",
)  # a depthwise kernel has few weights, and needs each of them


@dataclass(frozen=True, eq=False)
class Kernel:
    """A weight that sums over input channels: their axis is the last but one, in Keras."""

    layer: str
    variable: Any

    def read(self) -> NDArray[np.float32]:
        """The current weights."""
        value: NDArray[np.float32] = self.variable.numpy()
        return value

    @property
    def axis(self) -> int:
        return len(self.variable.shape) - 2


def choose_kernels(network: Any, pattern: str) -> tuple[list[Kernel], dict[str, str]]:
    """The kernels to compress, and for each other one the reason, by its layer's name.

    Raises:
        Unsupported: there is no kernel to compress.
    """
    kernels = [
        Kernel(layer.name, weight)
        for layer in _layers(network)
        for weight in layer.weights
        if weight.name in _NAMES
    ]
    total = sum(_size(kernel) for kernel in kernels)
    chosen: list[Kernel] = []
    skipped: dict[str, str] = {}
    for kernel in kernels:
        channels = kernel.variable.shape[kernel.axis]
        if _size(kernel) < SMALLEST * total:
            skipped[kernel.layer] = f"{_size(kernel):,} of {total:,} weights"
        elif pattern and channels % GROUP:
            skipped[kernel.layer] = f"{channels} input channels are not a multiple of {GROUP}"
        else:
            chosen.append(kernel)
    if not chosen:
        reasons = "; ".join(f"{layer} ({reason})" for layer, reason in skipped.items())
        raise Unsupported(
            f"network '{network.name}' has no kernel to compress"
            + (f": {reasons}" * bool(skipped)),
            "compress networks with convolutions or dense layers, or leave the compression out",
        )
    return chosen, skipped


def _layers(network: Any) -> list[Any]:
    """All layers, with those of nested networks in place of the network."""
    layers = []
    for layer in network.layers:
        layers += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return layers


def _size(kernel: Kernel) -> int:
    size = 1
    for length in kernel.variable.shape:
        size *= int(length)
    return size
