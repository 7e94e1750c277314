"""The float reference: a `.keras` or `.h5` file in Keras itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.layerwise import LayerInfo
from edgeconv.core.runner import Closing
from edgeconv.core.signal import EMBEDDING
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir.keras_file import load_model, outputs_of
from edgeconv.ir.keras_interface import tensor_names, with_embedding
from edgeconv.runtimes.arrays import Batching, prepare
from edgeconv.runtimes.keras_graph import KerasGraph

_SCOPE = re.compile(r"[A-Za-z0-9_.\\/>-]*")


class KerasRunner(Closing):
    """Runs a model in batches of `batch_size` samples, always in inference mode.

    With `embedding`, what the last dense layer reads is a second output of that name.

    Raises:
        BadInput: missing, truncated or damaged file, a Lambda layer without `unsafe`, or a model
            without an input shape.
        UsageError: `batch_size` below 1.
        Unsupported: the model has no embedding to give.
    """

    runtime: ClassVar[str] = "keras"
    kernels: ClassVar[str] = "TensorFlow"

    def __init__(
        self, path: Path, unsafe: bool = False, batch_size: int = 512, embedding: bool = False
    ) -> None:
        if batch_size < 1:
            raise UsageError(
                f"batch_size must be at least 1, got {batch_size}", "512 is the default"
            )
        self.path = path
        self._batch_size = batch_size
        self._model: Any = load_model(path, unsafe=unsafe)
        if not getattr(self._model, "inputs", None):
            raise BadInput(
                f"{path}: the model has no input shape yet", "build it before saving: keras.Input"
            )
        inputs, outputs = tensor_names(self._model)
        if embedding:
            self._model = with_embedding(self._model)
            outputs = [*outputs, EMBEDDING]
        self.inputs = _specs(self._model.inputs, inputs)
        self.outputs = _specs(self._model.outputs, outputs)
        self._batching = Batching.of([*self.inputs.values()], [*self.outputs.values()])
        self._call = _traced(self._model, list(self.inputs), list(self.outputs))

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        size = self._batching.size if self._batching.size > 0 else self._batch_size
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in self.outputs}
        inputs = samples.arrays
        if samples.n == 0:  # TensorFlow's convolutions refuse no samples: run one, keep none
            inputs = {k: np.zeros((1, *v.shape[1:]), v.dtype) for k, v in inputs.items()}
        for start in range(0, max(samples.n, 1), size):
            chunk = {k: v[start : start + size] for k, v in inputs.items()}
            for name, value in self._call(chunk).items():
                parts[name].append(value.numpy())
        return {
            name: np.concatenate(chunks)[: samples.n].reshape(samples.leading + chunks[0].shape[1:])
            for name, chunks in parts.items()
        }

    @cached_property
    def _graph(self) -> KerasGraph:
        return KerasGraph(self._model)

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """The model's layers in computed order, nested models opened."""
        return self._graph.layers

    @property
    def ends(self) -> tuple[str, ...]:
        """Names of the values that are the model's outputs."""
        return self._graph.outputs

    @property
    def tensors(self) -> dict[str, TensorSpec]:
        """Type of each value that `intermediates` can give, in computed order."""
        return self._graph.tensors

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Outputs of layers by layer, and values before activations; as in `Inspectable`."""
        samples = prepare(self.inputs, self._batching, arrays)
        if samples.n == 0:
            raise BadInput(
                f"{self.path.name}: no sample to look inside with", "give one sample or more"
            )
        values = self.replay(samples.arrays, self.tensors if names is None else names)
        return {k: v.reshape(samples.leading + v.shape[1:]) for k, v in values.items()}

    def replay(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        """The values `names`, computed from the layer values in `arrays`, (n, *one sample's shape).

        Raises:
            BadInput: an unknown name, or a value that needs an input missing in `arrays`.
        """
        n = len(next(iter(arrays.values())))
        size = self._batching.size if self._batching.size > 0 else self._batch_size
        parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for start in range(0, n, size):
            chunk = {k: np.asarray(v[start : start + size]) for k, v in arrays.items()}
            for name, value in self._graph.evaluate(names, chunk).items():
                parts[name].append(np.asarray(value))
        return {name: np.concatenate(chunks) for name, chunks in parts.items()}

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference of these samples, including the copy into TensorFlow."""
        samples = prepare(self.inputs, self._batching, arrays)

        def read(tensors: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
            values = {name: tensor.numpy() for name, tensor in tensors.items()}
            return {k: v.reshape(samples.leading + v.shape[1:]) for k, v in values.items()}

        return BoundRun.of_function(partial(self._call, samples.arrays), read)

    def close(self) -> None:
        self._model = None
        self._call = None


def _traced(model: Any, inputs: list[str], outputs: list[str]) -> Any:
    """The model as one graph function of {input name: array}: `predict` without its pipeline."""
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype)
        for name, tensor in zip(inputs, model.inputs, strict=True)
    }

    def call(arrays: dict[str, Any]) -> dict[str, Any]:
        tensors = outputs_of(model, [arrays[name] for name in inputs])
        return dict(zip(outputs, tensors, strict=True))

    if not all(_SCOPE.fullmatch(name) for name in _layer_names(model)):
        return call  # TensorFlow's graphs take no such name; Keras does
    return tf.function(call, input_signature=[specs], autograph=False)


def _layer_names(model: Any) -> list[str]:
    """Of a model's layers, nested ones too."""
    inner = [name for layer in getattr(model, "layers", ()) for name in _layer_names(layer)]
    return [str(model.name), *inner]


def _specs(tensors: Any, names: list[str]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(name, tuple(-1 if d is None else int(d) for d in t.shape), str(t.dtype))
        for name, t in zip(names, tensors, strict=True)
    }
