"""Two small kernels of known work, timed beside every round: the machine's current speed.

They distinguish a slow machine from a slow file when a run is compared with an earlier record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter_ns

REPEATS = 9  # of each kernel in a round, some 50 µs each
SIDE = 48  # of the matrices: small enough that BLAS stays on one thread
PRODUCTS = 12
KERNELS = ("product", "copy")
COPIED = 512 * 1024  # bytes: more than the first cache, less than the last


def kernels() -> Mapping[str, Callable[[], object]]:
    """`product`: float32 matrix products, arithmetic; `copy`: a copy between two buffers."""
    import numpy as np

    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, SIDE, SIDE)).astype(np.float32)
    out = np.empty_like(a)
    source, target = np.ones(COPIED, np.uint8), np.zeros(COPIED, np.uint8)

    def product() -> None:
        for _ in range(PRODUCTS):
            np.matmul(a, b, out=out)

    def copy() -> None:
        np.copyto(target, source)

    return dict(zip(KERNELS, (product, copy), strict=True))


class Calibration:
    """Collects each kernel's median time, µs, round by round."""

    def __init__(self) -> None:
        self._kernels = kernels()
        self.reference_us: dict[str, list[float]] = {name: [] for name in self._kernels}

    def measure(self) -> None:
        """Time one more round."""
        for name, kernel in self._kernels.items():
            kernel()
            kernel()
            self.reference_us[name].append(median(_once(kernel) for _ in range(REPEATS)))


def _once(kernel: Callable[[], object]) -> float:
    start = perf_counter_ns()
    kernel()
    return (perf_counter_ns() - start) / 1e3
