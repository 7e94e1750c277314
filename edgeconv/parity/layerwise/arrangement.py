"""How a file's array becomes the float model's shape, and how similar the two then are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from edgeconv.core.parity_statistics import decibels

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_MOST_AXES = 4
_ENOUGH = 20_000  # values that similarity is measured on


@dataclass(frozen=True)
class Arrangement:
    """How a file's value becomes the float model's shape: drop axes of 1, permute, reshape."""

    squeezed: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """(n, *file's shape) → (n, *float model's shape)."""
        n = len(values)
        moved = values.reshape(n, *self.squeezed).transpose(0, *(a + 1 for a in self.axes))
        return moved.reshape(n, *self.shape)

    @property
    def words(self) -> str:
        """Empty where nothing is permuted."""
        return "" if self.axes == tuple(sorted(self.axes)) else "axes permuted"


def arrangements(
    reference: tuple[int, ...],
    candidate: tuple[int, ...],
    channels_first: bool,
    inner: tuple[int, ...] = (),
) -> tuple[Arrangement, ...]:
    """All ways in which a sample of shape `candidate` can be one of shape `reference`.

    Axes of length 1 do not count. The likeliest comes first: channels moved to the front in a
    channels-first file, else the axes as they are. A flat value is also tried as the other layout
    would lie in memory.

    Args:
        inner: the shape that a flat `reference` was flattened from.
    """
    ref = tuple(d for d in reference if d != 1)
    can = tuple(d for d in candidate if d != 1)
    if math.prod(ref) != math.prod(can) or max(len(ref), len(can)) > _MOST_AXES:
        return ()
    if len(can) == 1:
        return _flattened(reference, ref if len(ref) > 1 else inner)
    if len(ref) == 1:
        return _flattening(reference, can)
    if len(ref) != len(can):
        return ()
    likely = (*range(1, len(can)), 0) if channels_first else tuple(range(len(can)))
    orders = sorted(permutations(range(len(can))), key=lambda order: order != likely)
    return tuple(
        Arrangement(can, order, reference)
        for order in orders
        if tuple(can[a] for a in order) == ref
    )


def _flattened(reference: tuple[int, ...], inner: tuple[int, ...]) -> tuple[Arrangement, ...]:
    """A flat value of the file: in the float model's order, or with its channels first."""
    flat = (math.prod(reference),)
    ways = [Arrangement(flat, (0,), reference)]
    if len(inner) > 1 and inner[-1] > 1 and math.prod(inner[:-1]) > 1:
        moved = (*range(1, len(inner)), 0)
        ways.append(Arrangement((inner[-1], *inner[:-1]), moved, reference))
    return tuple(ways)


def _flattening(reference: tuple[int, ...], can: tuple[int, ...]) -> tuple[Arrangement, ...]:
    """A value that only the float model has flattened: channels last, or first."""
    moved = (*range(1, len(can)), 0)
    orders = (tuple(range(len(can))), moved)
    return tuple(Arrangement(can, order, reference) for order in orders)


def similarity(reference: NDArray[Any], candidate: NDArray[Any]) -> tuple[float, float]:
    """(correlation, signal-to-noise ratio in dB) of two arrays of one shape.

    Large arrays are sampled evenly. Correlation is Pearson's; constants have none (0). NaN and
    infinity count as 0.
    """
    import numpy as np

    stride = max(1, reference.size // _ENOUGH)
    ref, can = (
        np.nan_to_num(values.reshape(-1)[::stride].astype(np.float64), posinf=0, neginf=0)
        for values in (reference, candidate)
    )
    return _correlation(ref, can), decibels(float((ref**2).sum()), float(((ref - can) ** 2).sum()))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    import numpy as np

    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.sqrt(dot(a, a) * dot(b, b)))
    return dot(a, b) / lengths if lengths > 0 else 0.0


def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Scalar product of two flat arrays. Without BLAS, whose threads cost more than they save."""
    import numpy as np

    return float(np.einsum("i,i->", a, b))
