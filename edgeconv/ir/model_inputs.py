"""What a conversion does with a contract: how a network is read, and what its inputs become.

A window model takes one window, which a file takes as a phone's sensor gives it. Any other model
takes its named tensors, and its files take the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from edgeconv.core import Contract, InputConvention, Signal, Tensors
from edgeconv.core.metadata import LABEL, SENSOR
from edgeconv.core.signal import EMBEDDING
from edgeconv.core.tensors import LOGITS, PROBABILITIES, SCORES
from edgeconv.errors import BadInput
from edgeconv.ir.calibration import READING_LIMIT
from edgeconv.ir.folding import channels_come_first, fold, for_sensor
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_interface import output_keys, tensor_names, with_shapes
from edgeconv.ir.keras_reader import check_finite, read, read_graph
from edgeconv.ir.nodes import SOFTMAX, Activation, Value
from edgeconv.ir.nodes.node import replaced, rewired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[Any], ...]
    """One array for each input or output, (n, …), in the model's order."""


class ModelInputs(Protocol):
    """The ways of one kind of contract."""

    def prepared(self, model: Any) -> Any:
        """The Keras model with inputs of a fixed shape."""

    def read(self, model: Any) -> Graph:
        """The graph of such a model."""

    def in_file(self, graph: Graph, sensor: InputConvention) -> Graph:
        """That graph as it takes what a file takes, everything foldable folded."""

    def for_file(
        self, arrays: Arrays, sensor: InputConvention, *, calibration: bool = False
    ) -> Arrays:
        """Canonical samples as the file takes them; those of a calibration without knocks."""

    def for_model(self, model: Any, arrays: Arrays) -> Arrays:
        """Canonical samples as the Keras model takes them."""

    def output_names(self, graph: Graph, model: Any) -> tuple[str, ...]:
        """What the outputs are called in a file."""

    def class_names(self, graph: Graph) -> tuple[str, ...]:
        """Of a classifier; empty where the output holds no probabilities of named classes."""

    def scales(self, graph: Graph, reference: Arrays) -> tuple[float, ...]:
        """What differences of each output are measured in: 1 for probabilities and scores, the
        largest magnitude for other numbers."""


_TAKEN = (SENSOR, LOGITS, SCORES, LABEL, EMBEDDING)
"""Names that say something else in a window model's files."""


def inputs_of(
    contract: Contract,
    expects: InputConvention = InputConvention.NORMALIZED,
    embedding: bool = False,
) -> ModelInputs:
    """The ways of a contract.

    Args:
        expects: what a window model takes itself; one that normalizes by itself takes readings.
        embedding: whether a window model has its embedding as a second output.
    """
    if isinstance(contract, Tensors):
        return NamedInputs(contract)
    return WindowInputs(contract, expects, embedding)


def output_kind(graph: Graph) -> str:
    """What the first output of a window model is called: probabilities, scores or logits."""
    last = graph.producer(graph.outputs[0])
    function = getattr(last, "function" if isinstance(last, Activation) else "activation", None)
    if function == SOFTMAX:
        return PROBABILITIES
    return SCORES if getattr(function, "kind", "") == "sigmoid" else LOGITS


@dataclass(frozen=True)
class WindowInputs:
    """Of a model that takes windows of a sensor."""

    signal: Signal
    expects: InputConvention = InputConvention.NORMALIZED
    embedding: bool = False

    def prepared(self, model: Any) -> Any:
        if len(getattr(model, "inputs", None) or ()) != 1:
            return model
        shape = tuple(model.inputs[0].shape[1:])
        known = math.prod(size for size in shape if size is not None)
        rest, left = divmod(self.signal.flat_size, known)
        if shape.count(None) != 1 or left:
            return model
        return with_shapes(model, [tuple(rest if size is None else size for size in shape)])

    def read(self, model: Any) -> Graph:
        return read(model, self.signal, outputs=2 if self.embedding else 1)

    def in_file(self, graph: Graph, sensor: InputConvention) -> Graph:
        return for_sensor(graph, self.signal, sensor, self.expects)

    def for_file(
        self, arrays: Arrays, sensor: InputConvention, *, calibration: bool = False
    ) -> Arrays:
        (windows,) = arrays
        if calibration:
            windows = windows.clip(-READING_LIMIT, READING_LIMIT)
        return (self.signal.for_sensor(sensor).encode(windows),)

    def for_model(self, model: Any, arrays: Arrays) -> Arrays:
        (windows,) = self.for_file(arrays, self.expects)
        shape = tuple(model.inputs[0].shape[1:])
        if channels_come_first(shape, self.signal):
            by_time = windows.reshape(len(windows), -1, len(self.signal.channels))
            windows = by_time.transpose(0, 2, 1)
        return (windows.reshape(-1, *shape),)

    def output_names(self, graph: Graph, model: Any) -> tuple[str, ...]:
        """The first output's kind; probabilities bear the key under which the model gives them.

        A second one is the embedding.
        """
        kind, others = output_kind(graph), (EMBEDDING,) * (len(graph.outputs) - 1)
        if kind != PROBABILITIES or not output_keys(model):
            return (kind, *others)
        name, *_ = tensor_names(model)[1]
        return (kind if name.lower() in _TAKEN else name, *others)

    def class_names(self, graph: Graph) -> tuple[str, ...]:
        return self.signal.labels if output_kind(graph) == PROBABILITIES else ()

    def scales(self, graph: Graph, reference: Arrays) -> tuple[float, ...]:
        first, *others = reference
        bounded = output_kind(graph) != LOGITS
        return (1.0 if bounded else _peak(first), *map(_peak, others))


@dataclass(frozen=True)
class NamedInputs:
    """Of a model that takes named tensors."""

    contract: Tensors

    def prepared(self, model: Any) -> Any:
        return with_shapes(model, [tensor.shape for tensor in self.contract.inputs])

    def read(self, model: Any) -> Graph:
        """Raises BadInput where model and contract have other inputs or outputs, or a weight is
        not finite; Unsupported as `read_graph`."""
        graph = read_graph(model)
        for side, values, tensors in (
            ("input", graph.inputs, self.contract.inputs),
            ("output", graph.outputs, self.contract.outputs),
        ):
            ours, theirs = [v.shape for v in values], [t.shape for t in tensors]
            if ours != theirs:
                raise BadInput(
                    f"model '{graph.name}' has {side}s of the shapes {ours}, its contract {theirs}",
                    "export the model again without its contract",
                )
        check_finite(graph)
        named = tuple(
            replace(value, label=tensor.name, dtype=tensor.dtype)
            for value, tensor in zip(graph.inputs, self.contract.inputs, strict=True)
        )
        by: dict[Value, Value] = dict(zip(graph.inputs, named, strict=True))
        nodes = tuple(rewired(node, by) for node in graph.nodes)
        return Graph(graph.name, named, replaced(graph.outputs, by), nodes)

    def in_file(self, graph: Graph, sensor: InputConvention) -> Graph:
        del sensor  # the same for every one
        return fold(graph)

    def for_file(
        self, arrays: Arrays, sensor: InputConvention, *, calibration: bool = False
    ) -> Arrays:
        del sensor, calibration
        return arrays

    def for_model(self, model: Any, arrays: Arrays) -> Arrays:
        del model
        return arrays

    def output_names(self, graph: Graph, model: Any) -> tuple[str, ...]:
        del graph, model
        return tuple(tensor.name for tensor in self.contract.outputs)

    def class_names(self, graph: Graph) -> tuple[str, ...]:
        del graph
        return ()

    def scales(self, graph: Graph, reference: Arrays) -> tuple[float, ...]:
        del graph
        return tuple(
            1.0 if tensor.is_bounded else _peak(array)
            for tensor, array in zip(self.contract.outputs, reference, strict=True)
        )


def _peak(array: NDArray[Any]) -> float:
    """The largest magnitude; 1 where all is zero."""
    return float(abs(array).max(initial=0.0)) or 1.0
