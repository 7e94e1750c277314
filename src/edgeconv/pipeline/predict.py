"""Canonical windows through any runner: the contract's encoding in, probabilities out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput
from edgeconv.runtime import open_runner
from edgeconv.types import Runner, Signal, TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def predict(runner: Runner, signal: Signal, canonical: NDArray[np.float32]) -> NDArray[np.float32]:
    """Class probabilities (n, classes) for canonical windows (n, window·channels).

    Raises:
        BadInput: the input or the output has another size than the contract says.
    """
    return run_encoded(runner, signal.encode(canonical))


def run_encoded(runner: Runner, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same for windows that are already what the artifact's sensor gives."""
    name, spec = _only_input(runner)
    shaped = encoded.reshape(len(encoded), *_input_shape(spec, encoded.shape[1]))
    outputs = runner.run({name: shaped})
    probabilities: NDArray[np.float32] = outputs[_probabilities(runner)]
    return probabilities.reshape(len(encoded), -1)


def predict_file(
    path: Path, signal: Signal, canonical: NDArray[np.float32], runtime: str, **options: Any
) -> tuple[NDArray[np.float32], str]:
    """Open `path`, predict, close; the second value is the runtime that did it."""
    with open_runner(path, runtime, **options) as runner:
        return predict(runner, signal, canonical), runner.runtime


def run_file(
    path: Path, encoded: NDArray[np.float32], runtime: str = "auto"
) -> NDArray[np.float32]:
    """What the exporter checks its files with, and what answers golden vectors."""
    with open_runner(path, runtime) as runner:
        return run_encoded(runner, encoded)


def bound_sample(
    runner: Runner, signal: Signal, canonical: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """One canonical window (1, window·channels) as the named array that `Runner.bind` takes."""
    name, spec = _only_input(runner)
    encoded = signal.encode(canonical[:1])
    return {name: encoded.reshape(1, *_input_shape(spec, encoded.shape[1]))}


def _only_input(runner: Runner) -> tuple[str, TensorSpec]:
    if len(runner.inputs) != 1:
        raise BadInput(f"the model has {len(runner.inputs)} inputs, a window model has one")
    return next(iter(runner.inputs.items()))


def _input_shape(spec: TensorSpec, flat: int) -> tuple[int, ...]:
    """The shape of one sample behind the batch dimension; a foreign model may take (80, 3)."""
    inner = spec.shape[1:]
    known = [size for size in inner if size > 0]
    product = 1
    for size in known:
        product *= size
    if len(known) == len(inner) and product == flat:
        return inner
    raise BadInput(
        f"input '{spec.name}' takes {' × '.join(map(str, inner))} values, but a window of the "
        f"contract has {flat}",
        "use data and a model with the same window",
    )


def _probabilities(runner: Runner) -> str:
    """The output that holds a value per class; a Core ML classifier also has a label."""
    if "probabilities" in runner.outputs:
        return "probabilities"
    numeric = [n for n, s in runner.outputs.items() if s.dtype not in ("string", "int64")]
    if len(numeric) != 1:
        raise BadInput(
            f"cannot tell which output holds the classes: {', '.join(runner.outputs) or 'none'}",
            "give the model one numeric output, or name it 'probabilities'",
        )
    return numeric[0]
