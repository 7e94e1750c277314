"""Roofline limits of this machine, reached by NumPy and by the engine.

Measures the limits of this machine for the roofline model.

S. Williams, A. Waterman, D. Patterson, Roofline, Communications of the ACM 52 (4), 2009: an
operation of arithmetic intensity I (operations a byte) reaches at most min(peak, bandwidth · I).

BLAS fixes its number of threads when it is loaded, so this module measures in a separate
process: `python -m edgeconv.profiling.roofline THREADS`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from edgeconv.core import Peaks
from edgeconv.errors import EdgeconvError
from edgeconv.runtimes import open_runner
from edgeconv.targets.tflite.size_breakdown import MACS, convolution

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
        [sys.executable, "-m", "edgeconv.profiling.roofline", str(threads)],
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
    product = _shortest(lambda: np.matmul(a, b, out=out))
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
        return moved / _shortest(lambda: one(buffers[0]))
    with ThreadPoolExecutor(threads) as pool:
        return moved / _shortest(lambda: list(pool.map(one, buffers)))


def _shortest(work: Callable[[], Any]) -> float:
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


ENGINES = ("litert", "litert-reference")  # runtimes whose convolutions are measured


def roofline(threads: int, runtime: str) -> Peaks:
    """Peaks of this machine; a LiteRT runtime also runs one large convolution of each type.

    NumPy's matrix product may not use the widest vectors that the engine uses, and has no 8-bit
    arithmetic; the higher figure counts.
    """
    peaks = measure_peaks(threads)
    if runtime not in ENGINES:
        return peaks
    try:
        float32, int8 = (_gflops(dtype, runtime, threads) for dtype in ("float32", "int8"))
    except EdgeconvError:
        return peaks  # an engine without a convolution is left out
    return replace(
        peaks,
        gflops=max(peaks.gflops, float32),
        int8_gflops=int8,
        method=f"{peaks.method}; one 1 × 1 convolution in {runtime}, float32 and int8",
    )


def _gflops(dtype: str, runtime: str, threads: int) -> float:
    """Billions of operations per second of the fastest repetition."""
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.tflite"
        path.write_bytes(convolution(dtype))
        with open_runner(path, runtime, limits=None, num_threads=threads) as runner:
            name, spec = next(iter(runner.inputs.items()))
            bound = runner.bind({name: np.ones(spec.shape, np.float32)})
            return 2 * MACS / _shortest(bound.invoke)
