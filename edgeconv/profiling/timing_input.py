"""The input of a timed file; its values do not affect latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Runner, TensorSpec
from edgeconv.datasets.chosen_windows import probe_windows
from edgeconv.errors import BadInput
from edgeconv.runtimes.predict import bound_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


def probe_sample(runner: Runner, artifact: Artifact) -> Mapping[str, NDArray[Any]]:
    """The exporter's first probe window; for other models, noise of the inputs' shapes.

    Neither contains denormal numbers, which are slow on some processors.
    """
    if len(runner.inputs) == 1:
        try:
            return bound_sample(runner, artifact.signal, probe_windows(artifact.signal))
        except BadInput:
            pass  # its input is not a window of its contract
    return {name: _noise(spec) for name, spec in runner.inputs.items()}


def _noise(spec: TensorSpec) -> NDArray[Any]:
    """Seeded normal numbers; zeros for integer inputs, which may be indices."""
    import numpy as np

    shape = tuple(max(size, 1) for size in spec.shape)
    if spec.quantized or spec.dtype.startswith("float"):
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return np.zeros(shape, spec.dtype)
