"""`.tflite` files in LiteRT: with XNNPACK (the default on phones) or the built-in kernels alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import captured_stderr
from edgeconv.runtimes import litert_tensors
from edgeconv.runtimes.arrays import DYNAMIC_CHUNK, Batching, Samples, dequantize, prepare
from edgeconv.runtimes.litert_open import BUILT_IN, DEFAULT, open_interpreter
from edgeconv.targets.file_graph import activations
from edgeconv.targets.tflite.reader import read_graph


class LiteRTRunner(Closing):
    """LiteRT with its default delegate, XNNPACK.

    A batch-1 file (what edgeconv exports) runs once for each sample, a dynamic-batch one is
    resized. Not for use from two threads at once.

    Attributes:
        tensors: type of each value that `intermediates` can give, in computed order.

    Raises:
        BadInput: missing, truncated or damaged file.
        Unsupported: an operation that LiteRT's built-in set lacks (Flex, custom).
        UsageError: `num_threads` below 1.
    """

    runtime: ClassVar[str] = "litert"
    kernels: ClassVar[str] = "XNNPACK"
    _resolver: ClassVar[Any] = DEFAULT

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        if num_threads < 1:
            raise UsageError(f"num_threads must be at least 1, got {num_threads}", "give 1 or more")
        self.path = path
        graph = read_graph(path)  # a damaged file ends here, before native code sees it
        self._num_threads = num_threads
        self._interpreter: Any = open_interpreter(path, self._resolver, num_threads)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        self.inputs = _specs(graph.inputs, inputs)
        self.outputs = _specs(graph.outputs, outputs)
        self._input_at = dict(zip(self.inputs, [int(d["index"]) for d in inputs], strict=True))
        self._output_at = dict(zip(self.outputs, [int(d["index"]) for d in outputs], strict=True))
        self._batching = Batching.of([*self.inputs.values()], [*self.outputs.values()])
        self._shapes = {
            name: tuple(d["shape"]) for name, d in zip(self.inputs, inputs, strict=True)
        }
        self._places = activations(graph)
        self.tensors = litert_tensors.specs(graph, self._places)

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs as real numbers under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            return {name: self._empty(spec, samples) for name, spec in self.outputs.items()}
        stored = (
            self._run_each(samples) if self._batching.size in (0, 1) else self._run_many(samples)
        )
        return {
            name: dequantize(spec, stored[name]).reshape(samples.leading + stored[name].shape[1:])
            for name, spec in self.outputs.items()
        }

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values inside the file, sample by sample, as real numbers; as in `Inspectable`.

        A value that the delegate keeps to itself reads as zeros; it is taken from the built-in
        kernels instead.
        """
        chosen = litert_tensors.chosen(self.path, self.tensors, names)
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            raise BadInput(
                f"{self.path.name}: no sample to look inside with", "give one sample or more"
            )
        values = self._observe(self._resolver, samples, chosen)
        dark = [name for name, value in values.items() if not value.any()]
        if dark and self._resolver is not BUILT_IN:
            values |= self._observe(BUILT_IN, samples, dark)
        return {
            name: dequantize(self.tensors[name], value).reshape(samples.leading + value.shape[1:])
            for name, value in values.items()
        }

    def _observe(
        self, resolver: Any, samples: Samples, names: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        interpreter = open_interpreter(self.path, resolver, self._num_threads, preserve=True)
        batch = abs(self._batching.size)  # a free batch is opened with one sample
        free = [name for name, spec in self.inputs.items() if min(spec.shape, default=1) < 0]
        for name in free:
            one = samples.arrays[name][[0] * batch] if batch else samples.arrays[name][0]
            interpreter.resize_tensor_input(self._input_at[name], one.shape)
        if free:
            interpreter.allocate_tensors()
        feeds = (
            {
                self._input_at[name]: array[[row] * batch] if batch else array[row]
                for name, array in samples.arrays.items()
            }
            for row in range(samples.n)
        )
        places = {name: self._places[name] for name in names}
        return litert_tensors.observe(interpreter, feeds, places, batch)

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """Fill the inputs with the samples of one inference; the result is the bare invoke."""
        samples = prepare(self.inputs, self._batching, arrays)
        chunk = max(self._batching.size, 1)
        if samples.n != chunk:
            raise BadInput(
                f"{self.path.name} takes {chunk} sample(s) for timing, got {samples.n}",
                "give as many: latency is that of one inference",
            )
        for name, array in samples.arrays.items():
            self._set(name, array if self._batching.size else array[0])
        return BoundRun(self._interpreter.invoke, partial(self._read, samples.leading))

    def _read(self, leading: tuple[int, ...]) -> dict[str, NDArray[Any]]:
        """The output tensors of the last inference."""
        values = {}
        for name, spec in self.outputs.items():
            value = dequantize(spec, self._interpreter.get_tensor(self._output_at[name]))
            values[name] = value.reshape(
                leading + (value.shape[1:] if self._batching.size else value.shape)
            )
        return values

    def _empty(self, spec: TensorSpec, samples: Samples) -> NDArray[Any]:
        sample = tuple(max(d, 0) for d in self._batching.sample_shape(spec))
        dtype = np.float32 if spec.quantized else spec.dtype
        return np.empty(samples.leading + sample, dtype)

    def _set(self, name: str, array: NDArray[Any]) -> None:
        if array.shape != self._shapes[name]:
            self._interpreter.resize_tensor_input(self._input_at[name], array.shape)
            with captured_stderr([]):
                self._interpreter.allocate_tensors()
            self._shapes[name] = array.shape
        self._interpreter.set_tensor(self._input_at[name], array)

    def _run_each(self, samples: Samples) -> dict[str, NDArray[Any]]:
        """One inference per sample; bound methods and prepared views keep the loop fast."""
        interpreter, keep = self._interpreter, self._batching.size
        for name, array in samples.arrays.items():  # also settles the shape of a free dimension
            self._set(name, array[:1] if keep else array[0])
        inputs = [
            (self._input_at[name], array[:, None] if keep else array)
            for name, array in samples.arrays.items()
        ]
        outputs = [(at, self._out(name, samples.n)) for name, at in self._output_at.items()]
        set_tensor, invoke, get = interpreter.set_tensor, interpreter.invoke, interpreter.get_tensor
        reset = interpreter.reset_all_variables
        for row in range(samples.n):
            reset()  # a fused LSTM keeps its state between calls; windows are independent
            for at, array in inputs:
                set_tensor(at, array[row])
            invoke()
            for at, out in outputs:
                value = get(at)
                out[row] = value[0] if keep else value
        return dict(zip(self._output_at, (out for _, out in outputs), strict=True))

    def _out(self, name: str, n: int) -> NDArray[Any]:
        """Empty arrays for n outputs. A free dimension is known only after the first inference."""
        if -1 in self.outputs[name].shape:
            self._interpreter.invoke()
        try:
            sample = self._interpreter.get_tensor(self._output_at[name])
        except ValueError:  # a loop computes it, so that it has no memory yet
            self._interpreter.invoke()
            sample = self._interpreter.get_tensor(self._output_at[name])
        shape = sample.shape[1:] if self._batching.size else sample.shape
        return np.empty((n, *shape), sample.dtype)

    def _run_many(self, samples: Samples) -> dict[str, NDArray[Any]]:
        """Chunks of a dynamic or larger fixed batch; a short last chunk of a fixed one is padded
        with copies of its last sample, whose outputs are dropped."""
        fixed = self._batching.size > 0
        chunk = self._batching.size if fixed else DYNAMIC_CHUNK
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.outputs}
        for step in range(ceil(samples.n / chunk)):
            here = slice(step * chunk, (step + 1) * chunk)
            count = min(chunk, samples.n - step * chunk)
            for name, array in samples.arrays.items():
                part = array[here]
                if fixed and count < chunk:
                    part = np.concatenate([part, part[-1:].repeat(chunk - count, axis=0)])
                self._set(name, part)
            self._interpreter.reset_all_variables()
            self._interpreter.invoke()
            for name, at in self._output_at.items():
                parts[name].append(self._interpreter.get_tensor(at)[:count])
        return {name: np.concatenate(chunks) for name, chunks in parts.items()}

    def close(self) -> None:
        self._interpreter = None  # frees the model's memory


class LiteRTReferenceRunner(LiteRTRunner):
    """LiteRT without delegates: its built-in kernels, a second opinion on XNNPACK."""

    runtime = "litert-reference"
    kernels = "built-in"
    _resolver = BUILT_IN


def _specs(specs: tuple[TensorSpec, ...], details: list[dict[str, Any]]) -> dict[str, TensorSpec]:
    """Specs by public name. LiteRT's details add the −1s that the file's stored shape hides."""
    return {
        spec.name: TensorSpec(
            spec.name, _shape(detail), np.dtype(detail["dtype"]).name, spec.scale, spec.zero_point
        )
        for spec, detail in zip(specs, details, strict=True)
    }


def _shape(detail: dict[str, Any]) -> tuple[int, ...]:
    signature = detail["shape_signature"]
    return tuple(int(d) for d in (signature if len(signature) else detail["shape"]))
