"""Layers whose numbers a scheme's formats cannot hold, found on the probe samples.

A converter says nothing of them: the file then gives NaN, or other answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeconv.core import Scheme
from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.node import Value
from edgeconv.ir.numpy_interpreter import evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[Any], ...]

LARGEST_HALF = 65504.0  # IEEE 754 binary16: (2 − 2^-10) · 2^15
SMALLEST_HALF = 2.0**-14  # below it, float16 loses bits
LOST_SHARE = 0.01  # of a kernel's length; rounding to float16 costs 2^-12 of it
_RESCALE = (
    "use float32, or divide the weights of that layer by a factor that the next one multiplies"
)


def check_number_range(graph: Graph, samples: Arrays, scheme: Scheme, halves: bool) -> None:
    """Check kernels and values of a network against a scheme.

    Args:
        graph: as the file computes it.
        samples: of each input, (n, *shape), as the file takes them.
        halves: whether the target's runtimes compute in float16 wherever the scheme says so.

    Raises:
        Unsupported: a kernel or a value leaves float16's range, or a layer gives 0 for every sample
            and the scheme needs a scale for it; the layer and its largest number are named.
    """
    if scheme.weights == "float16":
        for node in graph.kernel_nodes:
            _check_kernel(graph.label(node), node.kernel)
    overflows = halves and scheme.activations == "float16"
    if not overflows and scheme.activations != "int16":
        return
    for value, largest in largest_values(graph, samples).items():
        label = graph.labels[value]
        if overflows and not largest <= LARGEST_HALF:
            raise Unsupported(
                f"layer '{label}' gives values of up to {largest:.3g}; float16 ends at 65,504",
                _RESCALE,
            )
        if scheme.activations == "int16" and largest == 0:
            raise Unsupported(
                f"layer '{label}' gives 0 for every window, so {scheme.name} has no scale for it",
                "use int8 or a float scheme, or take the layer out of the model",
            )


def largest_values(graph: Graph, samples: Arrays) -> dict[Value, float]:
    """The largest magnitude of everything that the nodes give."""
    import numpy as np

    largest: dict[Value, float] = {}

    def note(value: Value, array: NDArray[Any]) -> NDArray[Any]:
        largest[value] = float(np.abs(array).max(initial=0))
        return array

    with np.errstate(over="ignore", invalid="ignore"):
        evaluate(graph, *(array.astype(np.float64) for array in samples), at=note)
    given = {value for node in graph.nodes for value in node.outputs}
    return {value: size for value, size in largest.items() if value in given}


def _check_kernel(label: str, kernel: NDArray[Any]) -> None:
    import numpy as np

    largest = float(np.abs(kernel).max(initial=0))
    if largest > LARGEST_HALF:
        raise Unsupported(
            f"layer '{label}' has weights of up to {largest:.3g}; float16 ends at 65,504", _RESCALE
        )
    stored = kernel.astype(np.float16).astype(np.float64)
    length = float(np.sqrt((kernel**2).sum()))
    lost = float(np.sqrt(((kernel - stored) ** 2).sum()))
    if length and lost > LOST_SHARE * length:
        raise Unsupported(
            f"layer '{label}' has weights of at most {largest:.3g}, of which float16 loses "
            f"{lost / length:.0%}: below {SMALLEST_HALF:.1e} it has fewer bits",
            "use float32, or multiply the weights of that layer by a factor that the next one "
            "divides by",
        )
