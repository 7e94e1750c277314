"""What a Keras model takes and gives: names, shapes, types and meanings of its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgeconv.core.tensors import PROBABILITIES, SCORES, VALUES, NamedTensor, Tensors, by_input
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.keras_file import outputs_of
from edgeconv.ir.nodes.node import Range, Shape

_MEANINGS = {"softmax": PROBABILITIES, "sigmoid": SCORES}
_SAME_NUMBERS = ("Flatten", "Reshape", "Dropout", "Identity", "Permute")
_ACTIVATIONS = ("Activation", "Softmax")


def tensor_names(model: Any) -> tuple[list[str], list[str]]:
    """A name for each input and each output, no two alike, as every file format takes it.

    An output that is given in a dictionary bears its key, every other one the name of its layer.
    """
    taken: set[str] = set()
    inputs = [_name(str(tensor.name), "input", taken) for tensor in model.inputs]
    outputs = [_name(name, "output", taken) for name in _output_labels(model)]
    return inputs, outputs


def tensors_of(model: Any, fixed: Mapping[str, Shape] | None = None) -> Tensors:
    """The contract of a model, as far as it says it itself.

    Args:
        model: a built Keras model.
        fixed: the shape of one sample of inputs that leave axes free, by name.

    Raises:
        BadInput: an input leaves axes free, and `fixed` does not say how long they are.
        Unsupported: the model is no graph of layers, takes text, or gives a value twice.
    """
    if not getattr(model, "outputs", None):
        raise Unsupported(
            f"model '{model.name}' ({type(model).__name__}) is not a graph of layers",
            "build it as a Sequential or functional Keras model",
        )
    names, output_names = tensor_names(model)
    for name, tensor in zip(names, model.inputs, strict=True):
        if str(tensor.dtype) == "string":
            raise Unsupported(
                f"input '{name}' takes text, and phones' runtimes take numbers",
                "save the part behind the layer that makes tokens of it, and let the app do that",
            )
    if repeated := _repeated(model.outputs, output_names):
        raise Unsupported(
            f"the outputs {' and '.join(repeated)} are the same value",
            "give it once: formats know an output by its value",
        )
    given = by_input(names, fixed or {})
    shapes = {
        name: _fixed(name, tensor.shape[1:], given)
        for name, tensor in zip(names, model.inputs, strict=True)
    }
    model = with_shapes(model, list(shapes.values()))
    ranges = _embedded(model)
    inputs = []
    for name, tensor in zip(names, model.inputs, strict=True):
        span = ranges.get(id(tensor))
        low, high = span or (None, None)
        inputs.append(NamedTensor(name, shapes[name], _dtype(tensor), low, high))
    outputs = [
        NamedTensor(name, _sizes(name, tensor.shape[1:]), _dtype(tensor), meaning=_meaning(tensor))
        for name, tensor in zip(output_names, model.outputs, strict=True)
    ]
    return Tensors(tuple(inputs), tuple(outputs))


def with_shapes(model: Any, shapes: Iterable[Shape]) -> Any:
    """The model for inputs of fixed shapes, with the same weights; itself where they are fixed."""
    wanted = [tuple(shape) for shape in shapes]
    if all(tuple(t.shape[1:]) == shape for t, shape in zip(model.inputs, wanted, strict=True)):
        return model
    import keras

    tensors = [
        keras.Input(shape=shape, dtype=t.dtype, name=str(t.name))
        for t, shape in zip(model.inputs, wanted, strict=True)
    ]
    structured = (
        tensors[0] if len(tensors) == 1 else keras.tree.pack_sequence_as(model.input, tensors)
    )
    copy = keras.models.clone_model(model, input_tensors=structured)
    copy.set_weights(model.get_weights())
    return copy


def with_embedding(model: Any) -> Any:
    """A model of one output with a second one: what its last dense layer reads.

    Behind that layer there may only be an activation, and layers that move numbers.

    Raises:
        Unsupported: the model has several outputs, does not end so, or has nothing before that
            layer.
    """
    import keras

    if len(getattr(model, "outputs", None) or ()) != 1:
        raise _no_embedding(model, "it has several outputs")
    (tensor,) = model.outputs
    operation, call, _ = tensor._keras_history
    while type(operation).__name__ in (*_SAME_NUMBERS, *_ACTIVATIONS):
        (tensor,) = operation._inbound_nodes[call].input_tensors
        operation, call, _ = tensor._keras_history
    kind, name = type(operation).__name__, operation.name
    if kind != "Dense":
        raise _no_embedding(model, f"its last layer with numbers of its own is '{name}' ({kind})")
    (inner,) = operation._inbound_nodes[call].input_tensors
    if len(inner.shape) != 2 or any(inner is entry for entry in model.inputs):
        raise _no_embedding(model, f"its dense layer '{name}' reads no vector of another layer")
    entries = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(entries, [model.outputs[0], inner], name=model.name)


def _no_embedding(model: Any, reason: str) -> Unsupported:
    return Unsupported(
        f"model '{model.name}' has no embedding to give: {reason}",
        "an embedding is the vector that the last dense layer reads: end the network in a dense "
        "layer of one number a class, or export it without the embedding",
    )


def call_keras(model: Any, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each output (n, …) as float32 or integers of a model on one array for each input.

    The model is called as its author calls it. One that takes a fixed number of samples at once
    gets that many, the last call filled with copies of the last sample.
    """
    import numpy as np

    n = len(arrays[0])
    size = next((int(t.shape[0]) for t in model.inputs if t.shape[0] is not None), n)
    parts = []
    for start in range(0, n, size):
        rows = np.minimum(np.arange(start, start + size), n - 1)
        chunk = [array[rows] for array in arrays]
        parts.append([np.asarray(output)[: n - start] for output in outputs_of(model, chunk)])
    joined = (np.concatenate(part) for part in zip(*parts, strict=True))
    return tuple(a.astype(np.float32) if a.dtype.kind not in "iub" else a for a in joined)


def output_keys(model: Any) -> list[str]:
    """The keys under which a model gives its outputs, in their order; empty where it has none."""
    structure = getattr(model, "_outputs_struct", None)
    if not isinstance(structure, dict):
        return []
    by_tensor = {id(tensor): str(key) for key, tensor in structure.items()}
    known = all(id(tensor) in by_tensor for tensor in model.outputs)
    return [by_tensor[id(tensor)] for tensor in model.outputs] if known else []


def _repeated(tensors: Iterable[Any], names: Sequence[str]) -> list[str]:
    """The names of the first value that is there more than once."""
    by_value: dict[int, list[str]] = {}
    for tensor, name in zip(tensors, names, strict=True):
        by_value.setdefault(id(tensor), []).append(name)
    return next((each for each in by_value.values() if len(each) > 1), [])


def _output_labels(model: Any) -> list[str]:
    if keys := output_keys(model):
        return keys
    # a Sequential model has no names of outputs
    return [str(n) for n in getattr(model, "output_names", None) or [model.layers[-1].name]]


def _name(label: str, side: str, taken: set[str]) -> str:
    """Letters, digits and `_` of ASCII, not beginning with a digit; unlike those taken."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", label)
    if not plain.strip("_"):
        plain = side
    if plain[0].isdigit():
        plain = f"_{plain}"
    name, number = plain, 1
    while name.lower() in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name.lower())
    return name


def _fixed(name: str, shape: tuple[int | None, ...], data: Mapping[str, Shape]) -> Shape:
    """The shape of an input with its free axes as in the data."""
    if None not in shape:
        return _sizes(name, shape)
    given = data.get(name)
    free = ", ".join("?" if size is None else str(size) for size in shape)
    if given is None and data:
        raise BadInput(
            f"input '{name}' has the shape ({free}), and the data hold no array of its name, only "
            f"{', '.join(sorted(data))}",
            "name the arrays like the inputs: numpy.savez(FILE, NAME=array)",
        )
    if given is None:
        raise BadInput(
            f"input '{name}' has the shape ({free}), and nothing says how long its free axes are",
            "name data of the length that the app will use: --calibration npz:FILE; for windows "
            "of a sensor, describe them: --signal FILE",
        )
    matches = len(given) == len(shape) and all(
        size in (None, other) for size, other in zip(shape, given, strict=True)
    )
    if not matches:
        raise BadInput(
            f"input '{name}' takes samples of the shape ({free}), but those of the data have "
            f"{given}",
            "the first axis of an array counts the samples",
        )
    return given


def _sizes(name: str, shape: tuple[int | None, ...]) -> Shape:
    if None in shape:
        raise Unsupported(
            f"'{name}' has the variable shape {shape}", "give the model's inputs a fixed shape"
        )
    return tuple(int(size) for size in shape if size is not None)


def _dtype(tensor: Any) -> str:
    """Floats are float32 in every file, whole numbers int32."""
    return "float32" if "float" in str(tensor.dtype) else "int32"


def _embedded(model: Any) -> dict[int, Range]:
    """The range of each input that an Embedding layer looks up, by the identity of its tensor."""
    entries = {id(tensor) for tensor in model.inputs}
    return {
        id(tensor): (0.0, float(layer.input_dim - 1))
        for layer in model.layers
        if type(layer).__name__ == "Embedding"
        for node in layer._inbound_nodes
        for tensor in node.input_tensors
        if id(tensor) in entries
    }


def _meaning(tensor: Any) -> str:
    """What computes an output last, through layers that only move its numbers."""
    operation, call, index = tensor._keras_history
    if hasattr(operation, "inputs"):  # a model as a layer
        return _meaning(operation.outputs[index])
    kind = type(operation).__name__
    if kind == "Softmax":
        return PROBABILITIES
    function = getattr(getattr(operation, "activation", None), "__name__", "")
    if function in _MEANINGS:
        return _MEANINGS[function]
    if kind in _SAME_NUMBERS or (kind == "Activation" and function == "linear"):
        (tensor,) = operation._inbound_nodes[call].input_tensors
        return _meaning(tensor)
    return VALUES
