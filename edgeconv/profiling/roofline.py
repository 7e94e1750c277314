"""Roofline limits of this machine, reached by NumPy and by the engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns

from edgeconv.core import Peaks
from edgeconv.errors import EdgeconvError
from edgeconv.profiling.peaks import measure_peaks
from edgeconv.runtimes import open_runner
from edgeconv.targets.tflite.roofline_model import MACS, convolution

ENGINES = ("litert", "litert-reference")  # runtimes whose convolutions are measured
SECONDS = 0.25  # each; the best repetition counts


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
        with open_runner(path, runtime, num_threads=threads) as runner:
            name, spec = next(iter(runner.inputs.items()))
            bound = runner.bind({name: np.ones(spec.shape, np.float32)})
            return 2 * MACS / _best(bound.invoke)


def _best(infer: Callable[[], object]) -> float:
    """Nanoseconds of the fastest repetition."""
    infer()
    best, begin = float("inf"), perf_counter_ns()
    while perf_counter_ns() - begin < SECONDS * 1e9:
        start = perf_counter_ns()
        infer()
        best = min(best, perf_counter_ns() - start)
    return best
