"""The input of a timed file; its values do not affect latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Runner, Tensors, TensorSpec
from edgeconv.datasets.chosen_windows import probe_windows
from edgeconv.datasets.samples import random_samples
from edgeconv.errors import BadInput
from edgeconv.runtimes.predict import bound_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


def probe_sample(runner: Runner, artifact: Artifact) -> Mapping[str, NDArray[Any]]:
    """The exporter's first probe window, or first random inputs of named tensors; for files of
    other tools, noise of the inputs' shapes.

    Neither contains denormal numbers, which are slow on some processors.
    """
    contract = artifact.contract
    if isinstance(contract, Tensors):
        arrays = random_samples(contract, 1).arrays
        return arrays if set(arrays) == set(runner.inputs) else _noises(runner)
    if len(runner.inputs) == 1:
        try:
            return bound_sample(runner, contract, probe_windows(contract))
        except BadInput:
            pass  # its input is not a window of its contract
    return _noises(runner)


def _noises(runner: Runner) -> dict[str, NDArray[Any]]:
    return {name: _noise(spec) for name, spec in runner.inputs.items()}


def _noise(spec: TensorSpec) -> NDArray[Any]:
    """Seeded normal numbers; zeros for integer inputs, which may be indices."""
    import numpy as np

    shape = tuple(max(size, 1) for size in spec.shape)
    if spec.quantized or spec.dtype.startswith("float"):
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return np.zeros(shape, spec.dtype)
