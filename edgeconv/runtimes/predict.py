"""Runs canonical windows through any runner: encoded by the contract in, probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, Runner, Signal, Tensors
from edgeconv.core.signal import EMBEDDING
from edgeconv.errors import BadInput
from edgeconv.runtimes import open_runner
from edgeconv.runtimes.window_shapes import class_output, shaped_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.ir.model_inputs import Arrays


@dataclass(frozen=True, eq=False)
class WindowOutputs:
    """What a window model gave for n windows.

    Attributes:
        classes: (n, classes): probabilities, scores or logits.
        embedding: (n, size); None where the model has no such output.
        runtime: what ran it; empty where the caller opened it.
    """

    classes: NDArray[np.float32]
    embedding: NDArray[np.float32] | None
    runtime: str = ""


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
    return _outputs_of(runner, encoded, signal).classes


def _outputs_of(runner: Runner, encoded: NDArray[np.float32], signal: Signal) -> WindowOutputs:
    name, shaped = shaped_input(runner, encoded, signal)
    output = class_output(runner, len(signal.labels) or None)
    outputs = runner.run({name: shaped})
    n, inner = len(encoded), outputs.get(EMBEDDING) if output != EMBEDDING else None
    return WindowOutputs(
        outputs[output].reshape(n, -1), None if inner is None else inner.reshape(n, -1)
    )


def predict_file(
    path: Path,
    signal: Signal,
    canonical: NDArray[np.float32],
    runtime: str,
    **options: Any,
) -> tuple[NDArray[np.float32], str]:
    """Open `path`, predict and close it; the second value is the name of the runtime."""
    outputs = predict_outputs(path, signal, canonical, runtime, **options)
    return outputs.classes, outputs.runtime


def predict_outputs(
    path: Path,
    signal: Signal,
    canonical: NDArray[np.float32],
    runtime: str,
    **options: Any,
) -> WindowOutputs:
    """The same, with the embedding of a file that gives one.

    A Keras model gives one with the option `embedding=True`.
    """
    with open_runner(path, runtime, **options) as runner:
        outputs = _outputs_of(runner, signal.encode(canonical), signal)
        return replace(outputs, runtime=runner.runtime)


def run_file(
    path: Path, encoded: NDArray[np.float32], runtime: str = "auto"
) -> NDArray[np.float32]:
    """What the exporter checks its files with, and what answers golden vectors."""
    with open_runner(path, runtime) as runner:
        return run_encoded(runner, encoded, _FLAT)


def run_samples(path: Path, contract: Contract, samples: Arrays, runtime: str = "auto") -> Arrays:
    """A file's outputs in its contract's order, for samples as it takes them: one array each."""
    if isinstance(contract, Signal):
        (windows,) = samples
        with open_runner(path, runtime) as runner:
            outputs = _outputs_of(runner, windows, _FLAT)
        if not contract.embedding:
            return (outputs.classes,)
        if outputs.embedding is None:
            raise BadInput(
                f"{path.name} has no output '{EMBEDDING}', which its contract promises",
                "export it again",
            )
        return (outputs.classes, outputs.embedding)
    with open_runner(path, runtime) as runner:
        names = (tensor.name for tensor in contract.inputs)
        return tuple(run_named(runner, contract, dict(zip(names, samples, strict=True))).values())


def run_named(
    runner: Runner, contract: Tensors, arrays: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Outputs (n, *shape) by name, in the contract's order, for inputs (n, *shape) by name.

    Raises:
        BadInput: the file has other inputs or outputs than the contract says.
    """
    for side, specs, tensors in (
        ("inputs", runner.inputs, contract.inputs),
        ("outputs", runner.outputs, contract.outputs),
    ):
        names = [tensor.name for tensor in tensors]
        if set(names) != set(specs):
            raise BadInput(
                f"the file has the {side} {', '.join(specs)}, its contract {', '.join(names)}",
                "export it again",
            )
    n = len(next(iter(arrays.values())))
    outputs = runner.run(arrays)
    return {t.name: outputs[t.name].reshape(n, *t.shape) for t in contract.outputs}


def bound_sample(
    runner: Runner, signal: Signal, canonical: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """One canonical window (1, window·channels) as the named array that `Runner.bind` takes."""
    name, shaped = shaped_input(runner, signal.encode(canonical[:1]), signal)
    return {name: shaped}
