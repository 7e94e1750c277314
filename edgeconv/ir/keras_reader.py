"""Keras model → graph. What the catalogue has no node for is run by Keras, never approximated."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from edgeconv.core import Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.keras_catalogue import read_layer
from edgeconv.ir.nodes.node import FLOAT32, Node, Shape, Value

CallNodes = tuple[KerasCall, tuple[Node, ...]]
"""One call of a layer, and the nodes that compute it."""


def read(model: Any, signal: Signal, *, outputs: int = 1) -> Graph:
    """The graph of a Keras model that takes windows of a sensor contract.

    Args:
        outputs: how many outputs the model must have: 2 where an embedding was added.

    Raises:
        BadInput: input or output size differs from the contract, or a weight is not finite.
        Unsupported: a topology that no exporter knows.
    """
    check_built(model)
    if len(model.inputs) != 1 or len(model.outputs) != outputs:
        raise Unsupported(f"model '{model.name}' has several inputs or outputs", "give it one each")
    if None in model.inputs[0].shape[1:]:
        _check_input(model, signal)
    graph = read_graph(model)
    _check_input(model, signal)
    _check_output(graph, signal)
    check_finite(graph)
    return graph


def read_graph(model: Any) -> Graph:
    """The graph of a Keras model with any number of inputs and outputs; nested models are opened.

    Raises:
        Unsupported: an input of variable size.
    """
    inputs, outputs, calls = _read(model)
    return Graph(str(model.name), inputs, outputs, tuple(n for _, nodes in calls for n in nodes))


def read_calls(model: Any) -> list[CallNodes]:
    """Each call of a layer in computed order, with the nodes that compute it.

    Layers that act in training only are there too, without a node.

    Raises:
        Unsupported: as `read_graph`.
    """
    return _read(model)[2]


def _read(model: Any) -> tuple[tuple[Value, ...], tuple[Value, ...], list[CallNodes]]:
    check_built(model)
    inputs = tuple(map(_value, model.inputs))
    reader = _Reader()
    outputs = reader.read_model(model, inputs)
    return inputs, outputs, reader.calls


@dataclass
class _Reader:
    """Collects the calls of a model."""

    calls: list[CallNodes] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def read_model(
        self, model: Any, inputs: tuple[Value, ...], training: bool | None = None
    ) -> tuple[Value, ...]:
        """The model's outputs, computed from `inputs`, as a call with `training` gives them."""
        check_built(model)
        values = {id(t): value for t, value in zip(model.inputs, inputs, strict=True)}
        for operation, call in model_calls(model, values):
            read = tuple(values[id(t)] for t in _tensors(operation, call))
            results = self._read_call(operation, call, read, training)
            values |= {id(t): value for t, value in zip(call.outputs, results, strict=True)}
        return tuple(values[id(t)] for t in model.outputs)

    def _read_call(
        self, operation: Any, call: Any, inputs: tuple[Value, ...], training: bool | None
    ) -> tuple[Value, ...]:
        if training is None:  # as in Keras: what the outer model is called with comes first
            training = _training_argument(operation, call)
        if hasattr(operation, "inputs") and len(inputs) == len(operation.inputs):  # no mask
            return self.read_model(operation, inputs, training)
        kind, label = kind_of(operation), self._label(str(operation.name))
        _check_training(operation, training, label)
        given = _given(operation, call, inputs)
        results = tuple(Value(_numbered(label, i), r.shape, r.dtype) for i, r in enumerate(given))
        layer_call = KerasCall(
            operation,
            kind,
            label,
            inputs,
            results,
            _runner(operation, call),
            partial(_arguments, operation, call, inputs),
        )
        nodes = read_layer(layer_call)
        self.calls.append((layer_call, nodes))
        return nodes[-1].outputs if nodes else inputs

    def _label(self, name: str) -> str:
        """The layer's name; of its later calls, and of layers called the same, with a number."""
        count = self.counts.get(name, 0)
        self.counts[name] = count + 1
        return f"{name}#{count}" if count else name


def kind_of(operation: Any) -> str:
    """The class of a layer or operation: a layer of Keras by its name, others with a prefix.

    `ops.` marks Keras' own operations; a user's class, which may bear the name of one of Keras'
    layers and compute something else, has its module before it.
    """
    import keras

    cls = type(operation)
    if not cls.__module__.startswith("keras."):
        return f"{cls.__module__}.{cls.__name__}"
    return cls.__name__ if isinstance(operation, keras.Layer) else f"ops.{cls.__name__}"


def _tensors(operation: Any, call: Any) -> list[Any]:
    """What a call reads: its arguments, and the masks that Keras hands over behind its back."""
    return [*call.input_tensors, *_masks(operation, call).values()]


def _masks(operation: Any, call: Any) -> dict[int, Any]:
    """The mask of each argument that has one, by the argument's id, if the layer looks at masks.

    Keras attaches masks to tensors, and records only some of them as arguments. A nested model
    hands them to its layers.
    """
    if not any("mask" in name for name in inspect.signature(operation.call).parameters):
        return {}
    masks = {id(t): getattr(t, "_keras_mask", None) for t in call.input_tensors}
    recorded = {id(t) for t in call.input_tensors}
    return {at: m for at, m in masks.items() if m is not None and id(m) not in recorded}


def _runner(operation: Any, call: Any) -> Callable[..., list[Any]]:
    """The call on other tensors; constants among its arguments stay, and so do its keywords."""
    masks = _masks(operation, call)

    def run(*values: Any) -> list[Any]:
        import keras

        tensors = map(keras.ops.convert_to_tensor, values)
        known = {id(t): x for t, x in zip(_tensors(operation, call), tensors, strict=True)}
        for at, mask in masks.items():
            known[at]._keras_mask = known[id(mask)]
        arguments, keywords = call.arguments.fill_in(known)
        return list(keras.tree.flatten(operation(*arguments, **keywords)))

    return run


def _arguments(operation: Any, call: Any, inputs: tuple[Value, ...]) -> dict[str, Any]:
    """What a call was given, by the names of its parameters, with values for tensors."""
    import keras

    known = {id(t): value for t, value in zip(_tensors(operation, call), inputs, strict=True)}
    signature = inspect.signature(operation.call)
    bound = signature.bind(*call.arguments.args, **call.arguments.kwargs).arguments
    return {
        name: keras.tree.map_structure(lambda each: known.get(id(each), each), argument)
        for name, argument in bound.items()
    }


def _numbered(label: str, i: int) -> str:
    return f"{label}.{i}" if i else label


def model_calls(model: Any, known: Mapping[int, object]) -> list[tuple[Any, Any]]:
    """Each call between a model's inputs and its outputs with its operation, in computed order.

    Without recursion: models may be deeper than Python's stack.
    """
    calls: list[tuple[Any, Any]] = []
    ready = set(known)
    waiting = list(reversed(model.outputs))
    while waiting:
        tensor = waiting[-1]
        if id(tensor) in ready:
            waiting.pop()
            continue
        operation, index, _ = tensor._keras_history
        call = operation._inbound_nodes[index]
        before = [t for t in _tensors(operation, call) if id(t) not in ready]
        if before:
            waiting += reversed(before)
            continue
        calls.append((operation, call))
        ready.update(id(t) for t in call.outputs)
    return calls


def _training_argument(operation: Any, call: Any) -> bool | None:
    """The `training` that a layer is called with in its model; None where it is not said."""
    try:
        bound = inspect.signature(operation.call).bind(
            *call.arguments.args, **call.arguments.kwargs
        )
    except TypeError:  # an operation with a signature of its own
        return None
    value = bound.arguments.get("training")
    return None if value is None else bool(value)


def _check_training(operation: Any, training: bool | None, label: str) -> None:
    """Raises Unsupported for what acts as in training, also in a model that Keras runs whole."""
    if hasattr(operation, "inputs"):
        for inner, call in model_calls(operation, {id(t): None for t in operation.inputs}):
            asked = _training_argument(inner, call) if training is None else training
            _check_training(inner, asked, f"{label}/{inner.name}")
    elif training and _acts_in_training(operation):
        raise Unsupported(
            f"layer '{label}' ({kind_of(operation)}) is called with training=True: a window's "
            "answer would be random, or depend on the other windows of its batch",
            "call it without training=True, and save the model again",
        )


def _acts_in_training(layer: Any) -> bool:
    """Whether `training=True` changes what a layer gives."""
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return bool(layer.trainable)  # a frozen one keeps to its stored statistics
    if kind in ("Identity", "ActivityRegularization"):
        return False
    rates = ("rate", "stddev", "dropout", "recurrent_dropout")
    known = [getattr(layer, name) for name in rates if hasattr(layer, name)]
    if known and all(isinstance(rate, int | float) for rate in known):
        return any(rate > 0 for rate in known)
    return "training" in inspect.signature(layer.call).parameters


def _given(operation: Any, call: Any, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """What a call gives; axes that a nested model leaves free are those of what it is given."""
    tensors = _tensors(operation, call)
    if not any(None in t.shape[1:] for t in (*call.outputs, *tensors)):
        return tuple(map(_value, call.outputs))
    import keras

    fixed = {
        id(t): keras.KerasTensor((t.shape[0], *value.shape), dtype=t.dtype)
        for t, value in zip(tensors, inputs, strict=True)
    }
    arguments, keywords = call.arguments.fill_in(fixed)
    keywords.pop("training", None)
    outputs = operation.compute_output_spec(*arguments, **keywords)
    return tuple(map(_value, keras.tree.flatten(outputs)))


def check_built(model: Any) -> None:
    """Raises Unsupported for a model that is no graph of layers."""
    if not getattr(model, "outputs", None):
        raise Unsupported(
            f"model '{model.name}' ({type(model).__name__}) is not a graph of layers",
            "build it as a Sequential or functional Keras model with a fixed input shape",
        )


def _value(tensor: Any) -> Value:
    """Shape and type of a tensor; every float is float32 in a graph."""
    dtype = str(tensor.dtype)
    return Value(str(tensor.name), _shape(tensor), FLOAT32 if "float" in dtype else dtype)


def _shape(tensor: Any) -> Shape:
    if None in tensor.shape[1:]:
        raise Unsupported(
            f"'{tensor.name}' has the variable shape {tuple(tensor.shape[1:])}",
            "give the model's inputs a fixed shape",
        )
    return tuple(int(d) for d in tensor.shape[1:])


def holds_window(shape: tuple[int | None, ...], signal: Signal) -> bool:
    """Whether an input takes one window: flat, or time and channels in either order, among axes of
    length 1."""
    channels = len(signal.channels)
    axes = tuple(size for size in shape if size != 1)
    window = tuple(size for size in (signal.window, channels) if size != 1)
    return shape == (signal.flat_size,) or axes in (window, window[::-1])


def _check_input(model: Any, signal: Signal) -> None:
    shape = tuple(model.inputs[0].shape[1:])
    if not holds_window(shape, signal):
        raise BadInput(
            f"model '{model.name}' takes {_product(shape)} values a window {shape}, but the sensor "
            f"contract says {signal.window} time steps × {len(signal.channels)} channels = "
            f"{signal.flat_size}",
            "give the contract that the model was trained with",
        )


def _product(shape: tuple[int | None, ...]) -> str:
    total = 1
    for d in shape:
        if d is None:
            return "a variable number of"
        total *= d
    return str(total)


def _check_output(graph: Graph, signal: Signal) -> None:
    shape = graph.outputs[0].shape
    if len(shape) != 1:
        raise BadInput(
            f"model '{graph.name}' gives {shape} a window", "its output must be a vector"
        )
    if shape[0] == 1 and len(signal.labels) == 2:
        first, second = signal.labels
        raise BadInput(
            f"model '{graph.name}' gives one number a window, but the contract has two class "
            f"labels: {first}, {second}",
            "end the model in one number a class: Dense(2, activation='softmax') with kernel "
            "[0, w] and bias [0, b] answers exactly as Dense(1, activation='sigmoid') with w, b",
        )
    if signal.labels and shape[0] != len(signal.labels):
        raise BadInput(
            f"model '{graph.name}' has {shape[0]} outputs, but the contract has "
            f"{len(signal.labels)} class labels: {', '.join(signal.labels)}",
            "give as many labels as the model has outputs",
        )


def check_finite(graph: Graph) -> None:
    """Raises BadInput for a weight that is not finite."""
    import numpy as np

    for node in graph.nodes:
        for name, array in node.arrays():
            if not np.isfinite(array).all():
                raise BadInput(
                    f"layer '{graph.label(node)}': {name} holds NaN or infinity",
                    "the training diverged; train again, with a lower learning rate",
                )
