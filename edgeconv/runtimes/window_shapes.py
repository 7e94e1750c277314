"""Flat windows in the shape that a model takes, also a model that edgeconv did not make.

A window is window · channels numbers, time-major (x0 y0 z0 x1 …). Dimensions of 1 carry
no information and are ignored. Of the others,

- one, or several of which the last is the channels, hold the window as it is: (240), (80, 3),
  (1, 80, 3, 1), (4, 20, 3);
- several of which the first is the channels hold it channel by channel: (3, 80), (3, 1, 80);
- where both readings fit, as (3, 3) for three steps of three channels, time comes first.

One dimension of unknown size is computed from the others. Every other shape is refused.

Runs any batch through an engine whose inferences have one fixed size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import TensorSpec
from edgeconv.core.signal import EMBEDDING
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.arrays import Batching, dequantize, prepare

if TYPE_CHECKING:
    from edgeconv.core import Runner, Signal, TensorSpec

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
        inferences, leading = self.inferences(arrays)
        return self.joined(infer(inferences, len(next(iter(inferences.values())))), leading)

    def inferences(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[Arrays, tuple[int, ...]]:
        """Arrays (inferences, *shape of the tensor) in stored types, and the caller's batch."""
        samples = prepare(self._inputs, self._batching, arrays)
        size = max(self._batching.size, 1)
        count = ceil(samples.n / size)
        inferences = {
            name: _filled_batch(array, count * size).reshape(count, *self._inputs[name].shape)
            for name, array in samples.arrays.items()
        }
        return inferences, samples.leading

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
            raise BadInput(
                f"{self._path.name} takes {size} sample(s) for timing, got {samples.n}",
                "give as many: latency is that of one inference",
            )
        single = {
            name: array.reshape(self._inputs[name].shape) for name, array in samples.arrays.items()
        }
        return single, samples.leading


def _filled_batch(array: NDArray[Any], rows: int) -> NDArray[Any]:
    lacking = rows - len(array)
    return np.concatenate([array, array[-1:].repeat(lacking, axis=0)]) if lacking else array


def shaped_input(runner: Runner, encoded: NDArray[Any], signal: Signal) -> tuple[str, NDArray[Any]]:
    """The name of a model's only input, and windows (n, window·channels) in its shape.

    Raises:
        BadInput: several inputs, or one of a shape that cannot hold such a window.
    """
    if len(runner.inputs) != 1:
        raise BadInput(
            f"the model has {len(runner.inputs)} inputs ({', '.join(runner.inputs) or 'none'}), a "
            "window model has one",
            "run it by the names of its inputs: edgeconv.open_runner(FILE).run({name: array}); or "
            "join them to one input before converting",
        )
    name, spec = next(iter(runner.inputs.items()))
    sample = _batching(runner).sample_shape(spec)
    channels = len(signal.channels)
    shape = _completed(sample, encoded.shape[1])
    if shape is None or not _holds(shape, encoded.shape[1], channels):
        raise BadInput(
            f"input '{name}' of shape ({_spelled(spec)}) holds no window of "
            f"{encoded.shape[1] // channels} time steps × {channels} channels = "
            f"{encoded.shape[1]} values",
            "use data and a model with the same window "
            "(docs/how-to/compare-two-files.md lists the shapes)",
        )
    return name, _filled(encoded, shape, channels)


def class_output(runner: Runner, classes: int | None = None) -> str:
    """The output that holds one number per class; a Core ML classifier also has a label.

    It is called `probabilities`, or the only numeric one, or the only one with `classes` values.

    Raises:
        BadInput: no output fits, or several do.
    """
    if "probabilities" in runner.outputs:
        return "probabilities"
    batching = _batching(runner)
    numeric = {
        n: s
        for n, s in runner.outputs.items()
        if s.dtype not in ("string", "int64") and (n != EMBEDDING or len(runner.outputs) == 1)
    }
    if len(numeric) > 1 and classes is not None:
        numeric = {n: s for n, s in numeric.items() if prod(batching.sample_shape(s)) == classes}
    indices = [n for n, s in runner.outputs.items() if s.dtype in ("int32", "int64")]
    if not numeric.keys() - set(indices) and indices:
        raise BadInput(
            f"output '{indices[0]}' gives the number of a class, not a probability for each class",
            "leave the argmax out of the model: accuracy, parity and golden vectors need one "
            "number a class",
        )
    if len(numeric) != 1:
        raise BadInput(
            f"cannot tell which output holds the classes: {', '.join(runner.outputs) or 'none'}",
            "give the model one numeric output, or name it 'probabilities'",
        )
    return next(iter(numeric))


def _batching(runner: Runner) -> Batching:
    return Batching.of([*runner.inputs.values()], [*runner.outputs.values()])


def _completed(sample: tuple[int, ...], flat: int) -> tuple[int, ...] | None:
    """The shape with its one unknown dimension computed; None where that is impossible."""
    unknown = [i for i, size in enumerate(sample) if size < 0]
    if not unknown:
        return sample
    elements = prod(size for size in sample if size > 0)
    if len(unknown) > 1 or not elements or flat % elements:
        return None
    return tuple(flat // elements if size < 0 else size for size in sample)


def _holds(shape: tuple[int, ...], flat: int, channels: int) -> bool:
    if prod(shape) != flat:
        return False
    sizes = _sizes(shape)
    return len(sizes) < 2 or channels in (1, sizes[0], sizes[-1])


def _filled(encoded: NDArray[Any], shape: tuple[int, ...], channels: int) -> NDArray[Any]:
    sizes = _sizes(shape)
    by_channel = len(sizes) > 1 and sizes[0] == channels != sizes[-1] and channels > 1
    if by_channel:
        encoded = encoded.reshape(len(encoded), -1, channels).transpose(0, 2, 1)
    return encoded.reshape(len(encoded), *shape)


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def _spelled(spec: TensorSpec) -> str:
    return ", ".join("?" if size < 0 else str(size) for size in spec.shape)
