"""A `.keras` file → graph, without Keras: what checks the weights of a finished file.

Keras itself takes seconds to import. The file says all that is needed: its configuration names the
layers, and its HDF5 file holds each one's arrays in the order in which the layer makes them, in
groups named after the layer's class (`conv1d`, `conv1d_1`, …).
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from edgeconv.core.paths import ZIP_DAMAGE, check_regular
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.hdf5_check import check_hdf5
from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, read_layer
from edgeconv.ir.keras_contents import WEIGHTS
from edgeconv.ir.nodes.node import Node, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODELS = ("Functional", "Sequential")
_TIED: Mapping[str, Mapping[str, str]] = {
    "Bidirectional": {"forward_layer": "layer", "backward_layer": "backward_layer"},
    "TimeDistributed": {"layer": "layer"},
}
"""Layers that hold others: the part's name, and the setting that describes it."""
_PROJECTIONS = ("query_dense", "key_dense", "value_dense", "output_dense")
_KERAS_READS_IT = "only Keras itself can read such a model; what needs no Keras leaves it out"
_DAMAGED = (*ZIP_DAMAGE, KeyError, TypeError, IndexError)
_Place = tuple[str, int]  # a layer, and the number of its call


def read_stored(path: Path, sizes: Sequence[int] = ()) -> Graph:
    """The graph of a `.keras` file before any folding.

    Args:
        path: of the file.
        sizes: numbers in one sample of each input, for inputs that leave an axis free.

    Raises:
        BadInput: the file is damaged.
        Unsupported: a layer or an activation that is not in the catalogue, or a layer with code of
            its own (a Lambda): only Keras can read that.
    """
    import h5py

    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = io.BytesIO(archive.read(WEIGHTS))
        check_hdf5(path, WEIGHTS)
        with h5py.File(weights) as file:
            inputs = tuple(_inputs(config, sizes))
            reader = _Reader()
            outputs = reader.model(config, file["layers"], inputs)
            return Graph(str(config["config"]["name"]), inputs, outputs, tuple(reader.nodes))
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged: {error}", "save the model again") from error


@dataclass(frozen=True)
class _Layer:
    """A layer of the file: its class, settings, arrays, and what each of its calls is given."""

    kind: str
    label: str
    item: Any
    stored: Any
    calls: tuple[tuple[_Place, ...], ...]


@dataclass
class _Reader:
    """Collects the nodes of a model and of the models inside it."""

    nodes: list[Node] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def model(self, config: Any, stored: Any, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
        """The model's outputs, computed from `inputs`."""
        layers = list(_layers(config, stored))
        plain = config["class_name"] == "Sequential"
        names = [layer.label for layer in layers if layer.kind == "InputLayer"]
        entries = [(name, 0) for name in names] or [("", 0)]
        results = [(layers[-1].label, 0)]
        if not plain:
            entries, results = (
                _ends(config["config"][f"{side}_layers"]) for side in ("input", "output")
            )
        values = dict(zip(entries, inputs, strict=True))
        calls = [(x, i) for x in layers if x.kind != "InputLayer" for i in range(len(x.calls))]
        while calls:  # a call may read what comes later in the file
            ready = [(x, i) for x, i in calls if values.keys() >= set(x.calls[i])]
            if not ready:
                raise Unsupported(
                    f"layer '{calls[0][0].label}' reads what no layer gives", _KERAS_READS_IT
                )
            for layer, number in ready:
                calls.remove((layer, number))
                read = tuple(values[place] for place in layer.calls[number])
                (values[layer.label, number],) = self._call(layer, number, read)
        return tuple(values[place] for place in results)

    def _call(self, layer: _Layer, number: int, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
        if layer.kind in _MODELS:
            return self.model(layer.item, layer.stored["layers"], inputs)
        count = self.counts[layer.label]
        self.counts[layer.label] += 1
        label = f"{layer.label}#{count}" if count else layer.label
        try:
            stand_in = _stand_in(layer.kind, layer.item["config"], layer.stored)
            arguments = partial(_arguments, layer.item, number, inputs)
            read = read_layer(KerasCall(stand_in, layer.kind, label, inputs, arguments=arguments))
        except (
            OverflowError,
            KeyError,
            ValueError,
            TypeError,
            IndexError,
            AttributeError,
        ) as error:
            # a damaged file has another digest than its bundle says: this is a layer of a kind
            raise Unsupported(
                f"layer '{label}' ({layer.kind}) is stored in another way", _KERAS_READS_IT
            ) from error
        self.nodes += read
        return read[-1].outputs[:1] if read else inputs


def _inputs(config: Any, sizes: Sequence[int]) -> Iterator[Value]:
    """The model's inputs in its order; an axis that they leave free is what is left of a size."""
    shapes = {
        str(item["config"]["name"]): tuple(item["config"]["batch_shape"][1:])
        for item in config["config"]["layers"]
        if item["class_name"] == "InputLayer"
    }
    names = list(shapes)
    if not names:
        raise Unsupported("the model has no input of a fixed shape", _KERAS_READS_IT)
    if config["class_name"] != "Sequential":
        names = [name for name, _ in _ends(config["config"]["input_layers"])]
    for at, name in enumerate(names):
        shape = shapes[name]
        known = math.prod(d for d in shape if d is not None)
        if shape.count(None) > 1 or (None in shape and at >= len(sizes)):
            raise Unsupported(f"input '{name}' leaves axes free", _KERAS_READS_IT)
        yield Value(name, tuple(sizes[at] // known if d is None else int(d) for d in shape))


def _layers(config: Any, stored: Any) -> Iterator[_Layer]:
    """Each layer with its arrays and calls."""
    plain = config["class_name"] == "Sequential"
    counted: Counter[str] = Counter()
    before: _Place = ("", 0)
    for item in config["config"]["layers"]:
        kind, label = str(item["class_name"]), str(item["config"].get("name", "?"))
        known = kind in KERAS_LAYERS and KERAS_LAYERS[kind].supported
        of_keras = str(item.get("module", "")).startswith("keras")
        if not of_keras or kind == "Lambda" or not (known or kind in ("InputLayer", *_MODELS)):
            raise Unsupported(f"layer '{label}' is a {kind}", _KERAS_READS_IT)
        group = _snake(kind) + (f"_{counted[kind]}" if counted[kind] else "")
        counted[kind] += 1
        calls = ((before,),) if plain else tuple(map(_read_by, item.get("inbound_nodes", ())))
        yield _Layer(kind, label, item, stored.get(group), calls)
        before = (label, 0)


def _read_by(call: Any) -> tuple[_Place, ...]:
    """Layer and number of the call of each value that a call reads."""
    found = list(_histories([call["args"], call.get("kwargs", {})]))
    if any(output for _, _, output in found):
        raise Unsupported(f"a layer reads a further output of '{found[0][0]}'", _KERAS_READS_IT)
    return tuple((name, number) for name, number, _ in found)


def _histories(saved: Any) -> Iterator[tuple[str, int, int]]:
    """Layer, call and output of each value among arguments."""
    if isinstance(saved, dict):
        if "keras_history" in saved:
            name, number, output = saved["keras_history"]
            yield str(name), int(number), int(output)
            return
        saved = list(saved.values())
    for item in saved if isinstance(saved, list) else ():
        yield from _histories(item)


def _arguments(item: Any, number: int, inputs: tuple[Value, ...]) -> dict[str, Any]:
    """What an attention layer was given, by name; others have no use for it."""
    call: dict[str, Any] = {"args": [None]}
    if "inbound_nodes" in item:
        call = item["inbound_nodes"][number]
    named = dict(zip(("query", "value", "key"), call["args"], strict=False))
    named |= {k: v for k, v in call.get("kwargs", {}).items() if v is not None}
    waiting = iter(inputs)
    return {
        name: next(waiting) if any(_histories(value)) else value for name, value in named.items()
    }


def _ends(saved: Any) -> list[tuple[str, int]]:
    """Layer and call of each input or output; a dictionary's are in the order of its keys."""
    if isinstance(saved, dict):
        return [end for key in sorted(saved) for end in _ends(saved[key])]
    if [type(item) for item in saved] != [str, int, int]:
        return [end for item in saved for end in _ends(item)]
    name, number, output = saved
    if output:
        raise Unsupported(f"a further output of layer '{name}' is the model's", _KERAS_READS_IT)
    return [(name, number)]


def _snake(kind: str) -> str:
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def _arrays(kind: str, settings: dict[str, Any], holder: Any) -> dict[str, NDArray[Any]]:
    arrays = KERAS_LAYERS[kind].arrays
    names = [name for name, setting in arrays if not setting or settings[setting]]
    if not names:
        return {}
    # a recurrent layer's are in the part that computes one step
    variables = holder["cell"]["vars"] if "cell" in holder else holder["vars"]
    if len(variables) != len(names):
        raise Unsupported(
            f"layer '{settings['name']}' ({kind}) stores {len(variables)} arrays", _KERAS_READS_IT
        )
    return {name: variables[str(i)][()] for i, name in enumerate(names)}


def _stand_in(kind: str, settings: dict[str, Any], holder: Any) -> Any:
    """An object with the attributes of a Keras layer that its reader asks for."""
    attributes = dict(settings)
    for name in ("activation", "recurrent_activation"):
        if name in attributes:
            attributes[name] = _activation(attributes[name])
    axis = attributes.get("axis")
    if isinstance(axis, list):
        attributes["axis"] = axis[0]
    attributes |= _arrays(kind, settings, holder)
    for part, setting in _TIED.get(kind, {}).items():
        inner = settings[setting]
        attributes[part] = _stand_in(inner["class_name"], inner["config"], holder[part])
    if kind == "MultiHeadAttention":
        attributes |= {part: _projection(holder[part]["vars"]) for part in _PROJECTIONS}
        attributes["_use_gate"] = settings.get("use_gate", False)
    if kind == "Normalization":
        attributes |= _statistics(settings, holder)
    return type(kind, (), attributes)()


def _projection(variables: Any) -> Any:
    """A dense layer of an attention: its kernel, and its bias if it has one."""
    bias = variables["1"][()] if "1" in variables else None
    return SimpleNamespace(kernel=variables["0"][()], bias=bias)


def _statistics(settings: dict[str, Any], holder: Any) -> dict[str, Any]:
    """Mean and variance as adapted to data, else as they were given."""
    if settings.get("mean") is not None:
        return {"input_mean": settings["mean"]}
    if settings["axis"] not in (None, -1, [-1], (-1,)):
        raise ValueError("statistics along another axis than the last")
    variables = holder["vars"]
    return {"input_mean": None, "mean": variables["0"][()], "variance": variables["1"][()]}


def _activation(saved: Any) -> Any:
    """A function of that name, or a stand-in for a layer that serves as one."""
    if isinstance(saved, dict):
        return type(str(saved["class_name"]), (), dict(saved["config"]))()
    return SimpleNamespace(__name__=str(saved or "linear"))
