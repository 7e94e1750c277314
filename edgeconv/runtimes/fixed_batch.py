"""Runs any batch through an engine whose inferences have one fixed size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.arrays import Batching, dequantize, prepare

Arrays = dict[str, NDArray[Any]]
Infer = Callable[[Arrays, int], Arrays]


class FixedBatch:
    """Cuts a call into inferences and puts their outputs together again.

    Raises:
        Unsupported: an input or output without a fixed shape.
    """

    def __init__(self, path: Path, inputs: dict[str, TensorSpec], outputs: dict[str, TensorSpec]):
        free = [spec.name for spec in (*inputs.values(), *outputs.values()) if min(spec.shape) < 1]
        if free:
            raise Unsupported(
                f"{path}: '{free[0]}' has no fixed shape, which this runtime needs",
                "export the file with batch 1, or use --runtime litert",
            )
        self._path = path
        self._inputs, self._outputs = inputs, outputs
        self._batching = Batching.of([*inputs.values()], [*outputs.values()])

    def run(self, arrays: Mapping[str, NDArray[Any]], infer: Infer) -> Arrays:
        """Outputs as real numbers under the leading batch of `arrays`.

        Args:
            infer: takes arrays (inferences, *shape of the tensor) in stored types, and the
                number of inferences; returns the same for each output. The last inference
                of a batch file is filled up with copies of its last sample, whose outputs are
                dropped.

        Raises:
            BadInput: as `Runner.run`.
        """
        samples = prepare(self._inputs, self._batching, arrays)
        size = max(self._batching.size, 1)
        count = ceil(samples.n / size)
        outputs = infer(
            {
                name: _filled(array, count * size).reshape(count, *self._inputs[name].shape)
                for name, array in samples.arrays.items()
            },
            count,
        )
        return self.joined(outputs, samples.leading)

    def joined(self, outputs: Arrays, leading: tuple[int, ...]) -> Arrays:
        """(inferences, *shape of the tensor) in stored types → real numbers under `leading`."""
        values = {}
        for name, spec in self._outputs.items():
            one = self._batching.sample_shape(spec)
            value = outputs[name].reshape(-1, *one)[: prod(leading)]
            values[name] = dequantize(spec, value).reshape(leading + one)
        return values

    def single(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[Arrays, tuple[int, ...]]:
        """The tensors of exactly one inference, in stored types, and the caller's batch.

        Raises:
            BadInput: as `Runner.run`, and for samples that do not fill exactly one inference.
        """
        samples = prepare(self._inputs, self._batching, arrays)
        size = max(self._batching.size, 1)
        if samples.n != size:
            raise BadInput(f"{self._path.name} takes {size} sample(s) for timing, got {samples.n}")
        single = {
            name: array.reshape(self._inputs[name].shape) for name, array in samples.arrays.items()
        }
        return single, samples.leading


def _filled(array: NDArray[Any], rows: int) -> NDArray[Any]:
    lacking = rows - len(array)
    return np.concatenate([array, array[-1:].repeat(lacking, axis=0)]) if lacking else array
