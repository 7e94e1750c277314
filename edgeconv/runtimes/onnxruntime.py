"""`.onnx` files in ONNX Runtime, on its CPU kernels, which phones and desktops share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as engine

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.plugins import captured_stderr
from edgeconv.runtimes.arrays import DYNAMIC_CHUNK, Batching, Samples, dequantize, prepare
from edgeconv.targets.file_graph import activations
from edgeconv.targets.onnx import model_file
from edgeconv.targets.onnx.reader import read_graph

_FATAL = 4  # what is worse arrives as an exception
_LACKING = ("NOT_IMPLEMENTED", "is not a registered function/op", "not implemented")
_ERRORS: tuple[type[Exception], ...] = tuple(
    error
    for error in vars(engine).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


class ONNXRuntimeRunner(Closing):
    """ONNX Runtime with its CPU kernels.

    A batch-1 file (what edgeconv exports) runs once for each sample, a dynamic-batch one in
    chunks. Not for use from two threads at once.

    Attributes:
        tensors: type of each value that `intermediates` can give, in computed order.

    Raises:
        BadInput: missing, truncated or damaged file.
        Unsupported: an operation that ONNX Runtime lacks.
        UsageError: `num_threads` below 1.
    """

    runtime: ClassVar[str] = "onnxruntime"
    kernels: ClassVar[str] = "ONNX Runtime's CPU kernels"

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        if num_threads < 1:
            raise UsageError(f"num_threads must be at least 1, got {num_threads}", "give 1 or more")
        self.path = path
        graph = read_graph(path)  # a damaged file ends here, before native code sees it
        self._num_threads = num_threads
        self._session: Any = _open(path, path.read_bytes(), num_threads)
        self.inputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.inputs}
        self.outputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.outputs}
        self._batching = Batching.of([*self.inputs.values()], [*self.outputs.values()])
        self.tensors = {name: graph.tensors[i].spec(name) for name, i in activations(graph).items()}

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs as real numbers under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            return {name: self._empty(spec, samples) for name, spec in self.outputs.items()}
        stored = self._run(self._session, [*self.outputs], samples)
        return {
            name: dequantize(spec, stored[name]).reshape(samples.leading + stored[name].shape[1:])
            for name, spec in self.outputs.items()
        }

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """Put the samples of one inference in place; the result is the bare run."""
        samples = prepare(self.inputs, self._batching, arrays)
        chunk = max(self._batching.size, 1)
        if samples.n != chunk:
            raise BadInput(
                f"{self.path.name} takes {chunk} sample(s) for timing, got {samples.n}",
                "give as many: latency is that of one inference",
            )
        binding = self._session.io_binding()
        for name, array in samples.arrays.items():
            binding.bind_cpu_input(name, array if self._batching.size else array[0])
        for name in self.outputs:
            binding.bind_output(name)
        # reading outputs before the first call would crash, so the result says that there was one
        return BoundRun.of_function(
            partial(self._session.run_with_iobinding, binding),
            lambda _: self._read(binding, samples.leading),
        )

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values inside the file, sample by sample, as real numbers; as in `Inspectable`.

        A value that is shown is not fused with the operation behind it.
        """
        requested = list(dict.fromkeys(self.tensors if names is None else names))
        unknown = sorted(set(requested) - set(self.tensors))
        if unknown:
            raise BadInput(
                f"{self.path.name} has no tensor '{unknown[0]}'",
                "`tensors` of the runner lists them; constants are none of them",
            )
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            raise BadInput(
                f"{self.path.name}: no sample to look inside with", "give one sample or more"
            )
        data = model_file.changed(self.path, partial(_show, requested))
        values = self._run(_open(self.path, data, self._num_threads), requested, samples, each=True)
        return {
            name: dequantize(self.tensors[name], value).reshape(samples.leading + value.shape[1:])
            for name, value in values.items()
        }

    def _run(
        self, session: Any, names: list[str], samples: Samples, each: bool = False
    ) -> dict[str, NDArray[Any]]:
        """Values (samples, *one sample's shape); with `each`, one sample an inference, so that
        values without a batch axis belong to one sample too."""
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for feed, count in self._feeds(samples, each):
            try:
                results = session.run(names, feed)
            except _ERRORS as error:
                raise _refusal(self.path, "run", error) from error
            for name, value in zip(names, results, strict=True):
                batched = self._batching.size and value.shape[:1] == (self._rows(feed),)
                parts[name].append(value[:count] if batched else value[None])
        return {name: np.concatenate(values) for name, values in parts.items()}

    def _rows(self, feed: Mapping[str, NDArray[Any]]) -> int:
        return len(next(iter(feed.values())))

    def _feeds(self, samples: Samples, each: bool) -> Iterator[tuple[dict[str, NDArray[Any]], int]]:
        """The inputs of each inference, and how many of its samples count: a fixed batch is filled
        up with copies of its last sample."""
        fixed = self._batching.size
        chunk = 1 if each or fixed == 0 else DYNAMIC_CHUNK if fixed < 0 else fixed
        for start in range(0, samples.n, chunk):
            count = min(chunk, samples.n - start)
            feed = {n: array[start : start + count] for n, array in samples.arrays.items()}
            if fixed == 0:
                feed = {name: array[0] for name, array in feed.items()}
            elif fixed > count:
                lacking = fixed - count
                feed = {
                    name: np.concatenate([array, array[-1:].repeat(lacking, axis=0)])
                    for name, array in feed.items()
                }
            yield feed, count

    def _read(self, binding: Any, leading: tuple[int, ...]) -> dict[str, NDArray[Any]]:
        values = {}
        for (name, spec), stored in zip(
            self.outputs.items(), binding.copy_outputs_to_cpu(), strict=True
        ):
            value = dequantize(spec, np.array(stored))
            values[name] = value.reshape(
                leading + (value.shape[1:] if self._batching.size else value.shape)
            )
        return values

    def _empty(self, spec: TensorSpec, samples: Samples) -> NDArray[Any]:
        sample = tuple(max(d, 0) for d in self._batching.sample_shape(spec))
        dtype = np.float32 if spec.quantized else spec.dtype
        return np.empty(samples.leading + sample, dtype)

    def close(self) -> None:
        self._session = None  # frees the model's memory


def _open(path: Path, data: bytes, num_threads: int) -> Any:
    """A session on the bytes of a file whose external weights lie beside `path`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    folder = str(path.resolve().parent)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    try:
        with captured_stderr([]):
            return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
    except _ERRORS as error:
        raise _refusal(path, "open", error) from error


def _show(names: Collection[str], model: Any) -> None:
    """Make values outputs of the model too."""
    already = {value.name for value in model.graph.output}
    for name in names:
        if name not in already:
            model.graph.output.add().name = name


def _refusal(path: Path, what: str, error: Exception) -> EdgeconvError:
    text = " ".join(str(error).split())
    if any(word in text for word in _LACKING):
        return Unsupported(
            f"{path}: ONNX Runtime lacks an operation of this file: {text}",
            "export with operations and types that its CPU kernels have",
        )
    return BadInput(f"{path}: ONNX Runtime cannot {what} this file: {text}", "export it again")
