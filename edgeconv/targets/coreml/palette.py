"""A palette: the few numbers that replace all weights of a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_ROUNDS = 100
_BINS = 1024


def palette_of(values: Array, count: int) -> Array:
    """At most `count` float16 numbers with a small Σ (value − nearest)², ascending.

    In one dimension clusters are runs of the sorted values, so dynamic programming finds the best
    ones (Bellman, 1973; Wang and Song, 2011): here over a histogram, and then Lloyd's algorithm
    (1982) on all values. Nothing in it is random.
    """
    import numpy as np

    ordered = np.sort(values, axis=None).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    points = _start(ordered, count)
    for _ in range(_ROUNDS):
        ends = np.searchsorted(ordered, (points[1:] + points[:-1]) / 2)
        edges = np.concatenate([[0], ends, [ordered.size]])
        counts = np.diff(edges)
        means = (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(counts, 1)
        moved = np.sort(np.where(counts > 0, means, points))
        if np.array_equal(moved, points):
            break
        points = moved
    return np.unique(points.astype(np.float16).astype(np.float64))


def _start(ordered: Array, n: int) -> Array:
    """Means of the best `n` runs of the histogram's bins."""
    import numpy as np

    counts, edges = np.histogram(ordered, _BINS)
    sums, _ = np.histogram(ordered, edges, weights=ordered)
    weight, total = counts[counts > 0].astype(np.float64), sums[counts > 0]
    w, s, q = (np.concatenate([[0], np.cumsum(x)]) for x in (weight, total, total**2 / weight))
    with np.errstate(divide="ignore", invalid="ignore"):
        # [i, j]: squared error of bins i … j − 1 as one cluster
        cost = q[None] - q[:, None] - (s[None] - s[:, None]) ** 2 / (w[None] - w[:, None])
    size = len(w)
    cost[np.tril_indices(size)] = np.inf
    least, cuts = cost[0], []
    for _ in range(min(n, size - 1) - 1):
        each = least[:, None] + cost
        cuts.append(each.argmin(0))
        least = each.min(0)
    ends = [size - 1]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    bounds = [0, *reversed(ends)]
    slopes: Array = np.diff(s[bounds]) / np.diff(w[bounds])
    return slopes


def nearest(palette: Array, values: Array) -> Array:
    """Each value's nearest number of an ascending palette."""
    import numpy as np

    nearest: Array = palette[np.searchsorted((palette[1:] + palette[:-1]) / 2, values)]
    return nearest


def encode(bits: int, kernel: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Table of 2^bits numbers, and flat indices, of a kernel with only these numbers and 0.

    A pruned kernel has zeros that are not stored: its table does not contain them, and their
    indices are arbitrary.

    Raises:
        ValueError: more numbers than the table has entries.
    """
    import numpy as np

    size = 1 << bits
    values = kernel.astype(np.float32).ravel()  # NumPy 2.4 sorts float16 wrongly on AVX-512
    numbers = np.unique(values)
    if numbers.size > size:
        numbers = numbers[numbers != 0]
    if numbers.size > size:
        raise ValueError(f"{numbers.size} numbers do not fit a table of {size}")
    table = np.concatenate([numbers, np.zeros(size - numbers.size)]).astype(kernel.dtype)
    indices = np.minimum(np.searchsorted(numbers, values), numbers.size - 1)
    return table, indices.astype(np.uint8)
