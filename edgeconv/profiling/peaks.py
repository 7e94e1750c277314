"""Measures the limits of this machine for the roofline model.

S. Williams, A. Waterman, D. Patterson, Roofline, Communications of the ACM 52 (4), 2009: an
operation of arithmetic intensity I (operations a byte) reaches at most min(peak, bandwidth · I).

BLAS fixes its number of threads when it is loaded, so this module measures in a separate
process: `python -m edgeconv.profiling.peaks THREADS`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from edgeconv.core import Peaks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 512  # of the matrices: 1 MB each
MEMORY = 64 << 20  # bytes of each buffer, beyond the caches of most machines
CACHE = 128 << 10  # bytes of each buffer; two fit into a second-level cache
SECONDS = 0.25  # each; the best repetition counts
_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_METHOD = (
    "best of 0.25 s each in NumPy: float32 matrix product of 512 × 512, copy between two buffers "
    "of 64 MiB and of 128 KiB a thread"
)


def measure_peaks(threads: int) -> Peaks:
    """Peaks of `threads` threads, in a fresh process (about 2 s)."""
    environment = {**os.environ, **dict.fromkeys(_BLAS, str(threads))}
    process = subprocess.run(
        [sys.executable, "-m", "edgeconv.profiling.peaks", str(threads)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return Peaks(**json.loads(process.stdout))


def _measure(threads: int) -> Peaks:
    import numpy as np

    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, SIDE, SIDE)).astype(np.float32)
    out = np.empty_like(a)
    product = _best(lambda: np.matmul(a, b, out=out))
    return Peaks(
        threads=threads,
        gflops=2 * SIDE**3 / product,
        memory_gbs=_copy(threads, MEMORY),
        cache_gbs=_copy(threads, CACHE),
        method=_METHOD,
    )


def _copy(threads: int, size: int) -> float:
    """Bytes read and written per nanosecond, by all threads together."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    repeats = max(1, (32 << 20) // size)  # enough that distributing the work costs nothing
    buffers = [(np.ones(size, np.uint8), np.zeros(size, np.uint8)) for _ in range(threads)]

    def one(pair: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
        for _ in range(repeats):
            np.copyto(pair[1], pair[0])

    moved = 2 * size * repeats * threads
    if threads == 1:
        return moved / _best(lambda: one(buffers[0]))
    with ThreadPoolExecutor(threads) as pool:
        return moved / _best(lambda: list(pool.map(one, buffers)))


def _best(work: Callable[[], Any]) -> float:
    """Nanoseconds of the fastest repetition."""
    work()
    best, begin = float("inf"), perf_counter_ns()
    while perf_counter_ns() - begin < SECONDS * 1e9:
        start = perf_counter_ns()
        work()
        best = min(best, perf_counter_ns() - start)
    return best


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_measure(int(sys.argv[1])))))
