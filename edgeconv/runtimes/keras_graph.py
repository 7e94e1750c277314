"""A Keras model as a list of calls that can start at any layer with any values.

Nested models are opened. Private parts of Keras that this needs: a tensor's `_keras_history` and
a node's `arguments`, which Keras' own `Function` walks in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX, LayerInfo
from edgeconv.errors import BadInput
from edgeconv.ir.keras_catalogue import fuses_activation


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of a layer. `sources` are names of values, by the id of the tensor it reads."""

    name: str
    layer: Any
    node: Any
    sources: dict[int, str]

    @property
    def outputs(self) -> list[str]:
        more = range(1, len(self.node.outputs))
        return [self.name, *(f"{self.name}.{i}" for i in more)]

    @property
    def activated(self) -> bool:
        if not fuses_activation(type(self.layer).__name__):
            return False
        return _activation(self.layer) not in ("", "linear")


class KerasGraph:
    """Values of a model by name: an input by its own name, an output by its layer's name.

    A layer's value before its own activation ends in `PRE_ACTIVATION_SUFFIX`. A layer that is
    called again has the number of the call appended to its name: `shared#1`. The later outputs of
    a layer with several outputs are numbered as well: `lstm.1`.

    Args:
        model: built, with named inputs.
    """

    def __init__(self, model: Any) -> None:
        self._calls: list[_Call] = []
        self._producers: dict[str, _Call] = {}
        self._opened: set[int] = set()
        self._names: dict[int, str] = {id(t): str(t.name) for t in model.inputs}
        self._taken: set[str] = set(self._names.values())
        for tensor in model.outputs:
            self._visit(tensor)
        self.outputs = tuple(self._names[id(t)] for t in model.outputs)

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """In computed order."""
        return tuple(_info(call) for call in self._calls)

    @property
    def tensors(self) -> dict[str, TensorSpec]:
        """Type and shape (batch first) of all values, in computed order."""
        specs = {}
        for call in self._calls:
            out = call.node.outputs[0]
            shape = tuple(-1 if d is None else int(d) for d in out.shape)
            for name in [call.name + PRE_ACTIVATION_SUFFIX] * call.activated + [call.name]:
                specs[name] = TensorSpec(name, shape, str(out.dtype))
        return specs

    def evaluate(self, names: Collection[str], arrays: Mapping[str, Any]) -> dict[str, Any]:
        """The values `names`, computed from those in `arrays`, which replace what precedes them.

                Args:
        arrays: values with the batch first, by name.

                Raises:
                    BadInput: an unknown name, or a value that needs an input missing in `arrays`.
        """
        values = dict(arrays)
        required = self._needed(names, arrays)
        for call in self._calls:
            if required & {*call.outputs, call.name + PRE_ACTIVATION_SUFFIX}:
                self._run(call, values)
        return {name: values[name] for name in names}

    def _needed(self, names: Collection[str], arrays: Mapping[str, Any]) -> set[str]:
        """Names of the values to compute: all that lead from `arrays` to `names`."""
        required: set[str] = set()
        waiting = [name for name in names if name not in arrays]
        while waiting:
            name = waiting.pop()
            if name in required:
                continue
            required.add(name)
            call = self._producers.get(name.removesuffix(PRE_ACTIVATION_SUFFIX))
            if call is None:
                raise BadInput(
                    f"the model has no value '{name}' that can be computed",
                    "name a layer of the model; edgeconv explain MODEL lists them",
                )
            if call.name == name and call.name + PRE_ACTIVATION_SUFFIX in arrays:
                continue
            waiting += [s for s in call.sources.values() if s not in arrays]
        return required

    def _run(self, call: _Call, values: dict[str, Any]) -> None:
        """Compute a call's output and its value before the activation, unless already known."""
        before = call.name + PRE_ACTIVATION_SUFFIX
        if before not in values:
            tensors = {at: values[name] for at, name in call.sources.items()}
            arguments, keywords = call.node.arguments.fill_in(tensors)
            if "training" in keywords:
                keywords["training"] = False
            with _linear(call):
                returned = call.layer(*arguments, **keywords)
            if not call.activated:
                several = returned if isinstance(returned, list | tuple) else [returned]
                values.update({**dict(zip(call.outputs, several, strict=True)), **values})
                return
            values[before] = returned
        if call.name not in values:
            values[call.name] = call.layer.activation(values[before])

    def _visit(self, tensor: Any) -> None:
        """Add the calls that compute `tensor`, in order. (No recursion: deep models.)"""
        waiting = [tensor]
        while waiting:
            here = waiting[-1]
            if id(here) in self._names:
                waiting.pop()
                continue
            layer, at, _ = here._keras_history
            node = layer._inbound_nodes[at]
            before = [t for t in node.input_tensors if id(t) not in self._names]
            if before:
                waiting += before
            elif hasattr(layer, "layers") and hasattr(layer, "outputs") and self._first(layer):
                self._open(layer, node)
            else:
                self._add(layer, node)

    def _first(self, model: Any) -> bool:
        """A nested model is opened once; where it is called again it counts as one layer."""
        new = id(model) not in self._opened
        self._opened.add(id(model))
        return new

    def _open(self, model: Any, node: Any) -> None:
        """Open a nested model: its inner tensors get the names of the outer ones."""
        inner = model.inputs
        for outer_tensor, inner_tensor in zip(node.input_tensors, inner, strict=True):
            self._names[id(inner_tensor)] = self._names[id(outer_tensor)]
        for tensor in model.outputs:
            self._visit(tensor)
        for outer_tensor, inner_tensor in zip(node.outputs, model.outputs, strict=True):
            self._names[id(outer_tensor)] = self._names[id(inner_tensor)]

    def _add(self, layer: Any, node: Any) -> None:
        name, again = str(layer.name), 0
        while name in self._taken:
            again += 1
            name = f"{layer.name}#{again}"
        self._taken.add(name)
        sources = {id(t): self._names[id(t)] for t in node.input_tensors}
        call = _Call(name, layer, node, sources)
        self._calls.append(call)
        for tensor, output in zip(node.outputs, call.outputs, strict=True):
            self._names[id(tensor)] = output
            self._producers[output] = call


def _info(call: _Call) -> LayerInfo:
    layer = call.layer
    activation = _activation(layer)
    return LayerInfo(
        name=call.name,
        kind=type(layer).__name__,
        shape=tuple(-1 if d is None else int(d) for d in call.node.outputs[0].shape[1:]),
        sources=tuple(call.sources.values()),
        activation="" if activation == "linear" else activation,
        weights=int(layer.count_params()) if getattr(layer, "built", False) else 0,
    )


def _activation(layer: Any) -> str:
    function = getattr(layer, "activation", None)
    return "" if function is None else str(getattr(function, "__name__", type(function).__name__))


@contextmanager
def _linear(call: _Call) -> Iterator[None]:
    """The layer without its activation, inside the block."""
    if not call.activated:
        yield
        return
    import keras

    activation = call.layer.activation
    call.layer.activation = keras.activations.linear
    try:
        yield
    finally:
        call.layer.activation = activation
