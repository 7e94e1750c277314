"""The kernels of a network that a compression changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.compression.masks import GROUP
from edgeconv.errors import Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARE = 0.01  # of all weights; a smaller kernel buys nothing, and is often the first or the last
_NAMES = ("kernel", "pointwise_kernel")  # a depthwise kernel has few weights, each of them needed


@dataclass(frozen=True, eq=False)
class Kernel:
    """A weight that sums over input channels: their axis is the last but one, in Keras."""

    layer: str
    variable: Any

    def read(self) -> NDArray[np.float32]:
        """Its value now."""
        found: NDArray[np.float32] = self.variable.numpy()
        return found

    @property
    def axis(self) -> int:
        return len(self.variable.shape) - 2


def choose(network: Any, pattern: str) -> tuple[list[Kernel], dict[str, str]]:
    """The kernels to compress, and why each other one stays as it is, by its layer's name.

    Raises:
        Unsupported: none is left to compress.
    """
    found = [
        Kernel(layer.name, weight)
        for layer in _layers(network)
        for weight in layer.weights
        if weight.name in _NAMES
    ]
    total = sum(_size(kernel) for kernel in found)
    chosen: list[Kernel] = []
    left: dict[str, str] = {}
    for kernel in found:
        channels = kernel.variable.shape[kernel.axis]
        if _size(kernel) < SHARE * total:
            left[kernel.layer] = f"{_size(kernel):,} of {total:,} weights"
        elif pattern and channels % GROUP:
            left[kernel.layer] = f"{channels} input channels are no multiple of {GROUP}"
        else:
            chosen.append(kernel)
    if not chosen:
        reasons = "; ".join(f"{layer} ({reason})" for layer, reason in left.items())
        raise Unsupported(
            f"network '{network.name}' has no kernel to compress" + (f": {reasons}" * bool(left)),
            "compress networks with convolutions or dense layers, or leave the compression out",
        )
    return chosen, left


def _layers(network: Any) -> list[Any]:
    """Layers that hold weights themselves, nested networks opened."""
    found = []
    for layer in network.layers:
        found += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return found


def _size(kernel: Kernel) -> int:
    size = 1
    for length in kernel.variable.shape:
        size *= int(length)
    return size
