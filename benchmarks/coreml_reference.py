"""The Core ML reference runtime against Keras' own `predict`, the same windows, the same process.

    python benchmarks/coreml_reference.py [BUNDLE]

BUNDLE is a folder that `edgeconv run` wrote, by default that of `make demo`. In turns (A B C A B C
…), ratio of the medians of one run; the goal is that the float16 file takes no longer than Keras.
The ratio of processor seconds is told as well, which other work on the machine disturbs less, and
the latency of one window. `OPENBLAS_CORETYPE`, where it is set, chooses NumPy's matrix kernels.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns

import numpy as np

import edgeconv
from edgeconv.core import Signal
from edgeconv.ir.keras_file import load_model, read_contract

WINDOWS, ROUNDS, SINGLE = 6000, 15, 200
LIMIT = 1.0


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of one call by the clock, and of the processor over all threads."""
    start, used = perf_counter_ns(), process_time_ns()
    work()
    return (perf_counter_ns() - start) / 1e9, (process_time_ns() - used) / 1e9


def main(bundle: Path) -> int:
    """Print the medians as JSON; 1 where the float16 file is slower than Keras."""
    signal = read_contract(bundle / "model.keras")
    if not isinstance(signal, Signal):
        sys.exit(f"{bundle / 'model.keras'} carries no sensor contract")
    random = np.random.default_rng(0)
    windows = (random.normal(size=(WINDOWS, signal.flat_size)) * 4).astype(np.float32)
    model = load_model(bundle / "model.keras")
    package = bundle / "har_float16.mlpackage"
    with (
        edgeconv.open_runner(package) as half,
        edgeconv.open_runner(package, compute="float32") as single,
    ):
        work: dict[str, Callable[[], object]] = {
            "keras": lambda: model.predict(windows, batch_size=512, verbose=0),
            "as_specified": lambda: half.run({"sensor": windows}),
            "float32": lambda: single.run({"sensor": windows}),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
        for call in work.values():
            call()
        for _ in range(ROUNDS):
            for name, call in work.items():
                times[name].append(seconds(call))
        one = half.bind({"sensor": windows[:1]})
        latency = median(seconds(one)[0] for _ in range(SINGLE))
    medians = {name: median(t for t, _ in samples) for name, samples in times.items()}
    used = {name: median(t for _, t in samples) for name, samples in times.items()}
    ratio = medians["as_specified"] / medians["keras"]
    print(
        json.dumps(
            {
                "seconds": {name: round(value, 3) for name, value in medians.items()},
                "ratio_as_specified": round(ratio, 2),
                "ratio_float32": round(medians["float32"] / medians["keras"], 2),
                "processor_seconds": {name: round(value, 3) for name, value in used.items()},
                "processor_ratio_as_specified": round(used["as_specified"] / used["keras"], 2),
                "load": round(os.getloadavg()[0], 1),
                "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", ""),
                "batch_1_ms": round(latency * 1e3, 3),
                "limit": LIMIT,
                "windows": WINDOWS,
                "rounds": ROUNDS,
            }
        )
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo")))
