"""Runs canonical windows through any runner: encoded by the contract in, probabilities out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Runner, Signal
from edgeconv.runtimes import open_runner
from edgeconv.runtimes.window_shapes import class_output, shaped_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FLAT = Signal(channels=("value",))  # the files that edgeconv writes take flat windows


def predict(runner: Runner, signal: Signal, canonical: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class probabilities (n, classes) for canonical windows (n, window·channels).

    Raises:
        BadInput: the input or the output has a size other than the contract's.
    """
    return run_encoded(runner, signal.encode(canonical), signal)


def run_encoded(
    runner: Runner, encoded: NDArray[np.float32], signal: Signal
) -> NDArray[np.float32]:
    """The same for windows that are already what the artifact's sensor gives."""
    name, shaped = shaped_input(runner, encoded, signal)
    outputs = runner.run({name: shaped})
    probabilities: NDArray[np.float32] = outputs[class_output(runner, len(signal.labels) or None)]
    return probabilities.reshape(len(encoded), -1)


def predict_file(
    path: Path, signal: Signal, canonical: NDArray[np.float32], runtime: str, **options: Any
) -> tuple[NDArray[np.float32], str]:
    """Open `path`, predict and close it; the second value is the name of the runtime."""
    with open_runner(path, runtime, **options) as runner:
        return predict(runner, signal, canonical), runner.runtime


def run_file(
    path: Path, encoded: NDArray[np.float32], runtime: str = "auto"
) -> NDArray[np.float32]:
    """What the exporter checks its files with, and what answers golden vectors."""
    with open_runner(path, runtime) as runner:
        return run_encoded(runner, encoded, _FLAT)


def bound_sample(
    runner: Runner, signal: Signal, canonical: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """One canonical window (1, window·channels) as the named array that `Runner.bind` takes."""
    name, shaped = shaped_input(runner, signal.encode(canonical[:1]), signal)
    return {name: shaped}
