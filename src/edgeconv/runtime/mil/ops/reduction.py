"""Reductions (MIL: reduce_mean)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def axes_of(axes: Any) -> tuple[int, ...] | None:
    """MIL's `axes` for NumPy; not given means all."""
    return None if axes is None else tuple(int(a) for a in np.atleast_1d(axes))


def reduce_mean(x: Array, axes: Any = None, keep_dims: Any = False) -> Array:
    """Arithmetic mean over `axes`."""
    return np.asarray(np.mean(x, axis=axes_of(axes), keepdims=bool(keep_dims)))
