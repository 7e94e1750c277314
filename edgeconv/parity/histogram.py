"""The sizes of all errors of a file, counted in bins that are the same for every file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgeconv.core import ErrorHistogram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS_A_DECADE = 4
FIRST_DECADE = -9
"""Of the smallest edge: below the float32 spacing of a probability of 1 % (1e-9)."""


def error_histogram(
    reference: NDArray[np.floating[Any]], candidate: NDArray[np.floating[Any]]
) -> ErrorHistogram:
    """Differences of finite outputs (n, classes), by their sign.

    The bins are quarters of a decade from 1e-9 up to 1, which no difference of probabilities
    exceeds; decades are added where outputs are something else.
    """
    import numpy as np

    errors = candidate.astype(np.float64) - reference
    size = np.abs(errors)
    largest = float(size.max(initial=0.0))
    last = max(0, math.ceil(math.log10(largest))) if largest > 0 else 0
    powers = np.arange(FIRST_DECADE * BINS_A_DECADE, last * BINS_A_DECADE + 1)
    edges = 10.0 ** (powers / BINS_A_DECADE)
    # a logarithm may put the largest just past the last edge
    clipped = np.clip(size, edges[0], edges[-1])
    above, below = (np.histogram(clipped[side], edges)[0] for side in (errors > 0, errors < 0))
    return ErrorHistogram(
        edges=tuple(float(f"{edge:.4g}") for edge in edges),
        above=tuple(above.tolist()),
        below=tuple(below.tolist()),
        equal=int((errors == 0).sum()),
    )
