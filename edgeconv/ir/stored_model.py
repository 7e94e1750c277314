"""A `.keras` file → graph, without Keras: what checks the weights of a finished file.

Keras itself takes seconds to import. The file says all that is needed: its configuration names the
layers, and its HDF5 file holds each one's arrays in the order in which the layer makes them, in
groups named after the layer's class (`conv1d`, `conv1d_1`, …).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, read_layer
from edgeconv.ir.nodes.node import Node, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ONLY_KERAS = ("Lambda", "Bidirectional", "MultiHeadAttention", "TimeDistributed", "Normalization")
"""Layers with code of their own, or whose arrays lie in parts of theirs."""
_DAMAGED = (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile)
_Place = tuple[str, int]  # a layer, and the number of its call
_Waiting = tuple[KerasCall, int, tuple[_Place, ...]]  # a call, its number, and what it reads


def read_stored(path: Path) -> Graph:
    """The graph of a `.keras` file before any folding.

    Raises:
        BadInput: the file is damaged.
        Unsupported: a layer or an activation that is not in the catalogue, a nested model, or
            a layer with code of its own (a Lambda): only Keras can read that.
    """
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(weights) as file:
            return _graph(config, file["layers"])
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged: {error}", "save the model again") from error


def _graph(config: Any, stored: Any) -> Graph:
    plain = config["class_name"] == "Sequential"
    counted: Counter[str] = Counter()
    values: dict[_Place, Value] = {}
    waiting: list[_Waiting] = []
    before: _Place | None = None
    for kind, settings, inbound in _layers(config):
        group = _snake(kind) + (f"_{counted[kind]}" if counted[kind] else "")
        counted[kind] += 1
        label = str(settings["name"])
        if kind == "InputLayer":
            if None in settings["batch_shape"][1:]:
                raise Unsupported(f"input '{label}' leaves axes free")
            values[label, 0] = Value(label, tuple(int(d) for d in settings["batch_shape"][1:]))
            before = (label, 0)
            continue
        layer = _stand_in(kind, settings, _arrays(kind, settings, stored, group))
        reads = [((before,) if before else ())] if plain else list(map(_read_by, inbound))
        if plain and not before:
            raise Unsupported(f"layer '{label}' has no input of a fixed shape")
        for call, sources in enumerate(reads):
            waiting.append((KerasCall(layer, kind, label, ()), call, sources))
        before = (label, 0)
    nodes = _computed(waiting, values)
    interface = config["config"]
    if before is None:
        raise Unsupported("the model has no input of a fixed shape")
    entries, results = [next(iter(values))], [before]
    if not plain:
        entries, results = (_ends(interface[f"{side}_layers"]) for side in ("input", "output"))
    return Graph(
        str(interface["name"]),
        tuple(values[at] for at in entries),
        tuple(values[at] for at in results),
        tuple(nodes),
    )


def _computed(waiting: list[_Waiting], values: dict[_Place, Value]) -> list[Node]:
    """The nodes of every call, which `values` get; a call may read what comes later in the file."""
    nodes: list[Node] = []
    calls: Counter[str] = Counter()
    while waiting:
        ready = [each for each in waiting if values.keys() >= set(each[2])]
        if not ready:
            raise Unsupported(f"layer '{waiting[0][0].label}' reads what no layer gives")
        for each in ready:
            waiting.remove(each)
            call, number, sources = each
            count = calls[call.label]
            calls[call.label] += 1
            inputs = tuple(values[source] for source in sources)
            name = f"{call.label}#{count}" if count else call.label
            read = read_layer(replace(call, label=name, inputs=inputs))
            nodes += read
            values[call.label, number] = read[-1].output if read else inputs[0]
    return nodes


def _layers(config: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Class, settings and calls of each layer."""
    for item in config["config"]["layers"]:
        kind, settings = str(item["class_name"]), item["config"]
        in_catalogue = kind in KERAS_LAYERS and KERAS_LAYERS[kind].supported
        of_keras = str(item.get("module", "")).startswith("keras.layers")
        if kind in _ONLY_KERAS or not of_keras or not (in_catalogue or kind == "InputLayer"):
            raise Unsupported(f"layer '{settings.get('name', '?')}' is a {kind}")
        yield kind, settings, item.get("inbound_nodes")


def _read_by(call: Any) -> tuple[tuple[str, int], ...]:
    """Layer and number of the call of each value that a call reads."""
    found = re.findall(r'"keras_history": \["([^"]+)", (\d+), (\d+)\]', json.dumps(call["args"]))
    if any(output != "0" for _, _, output in found) or "keras_history" in json.dumps(
        call.get("kwargs", {})
    ):
        raise Unsupported(f"a layer reads a further output of '{found[0][0] if found else '?'}'")
    return tuple((name, int(number)) for name, number, _ in found)


def _ends(saved: Any) -> list[tuple[str, int]]:
    """Layer and call of each input or output; a dictionary's are in the order of its keys."""
    found = re.findall(r'\["([^"]+)", (\d+), (\d+)\]', json.dumps(saved, sort_keys=True))
    if any(output != "0" for _, _, output in found):
        raise Unsupported(f"a further output of layer '{found[0][0]}' is the model's")
    return [(name, int(number)) for name, number, _ in found]


def _snake(kind: str) -> str:
    parted = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def _arrays(
    kind: str, settings: dict[str, Any], stored: Any, group: str
) -> dict[str, NDArray[Any]]:
    arrays = KERAS_LAYERS[kind].arrays
    names = [name for name, setting in arrays if not setting or settings[setting]]
    if not names:
        return {}
    holder = stored[group]
    # a recurrent layer's are in the part that computes one step
    variables = holder["cell"]["vars"] if "cell" in holder else holder["vars"]
    if len(variables) != len(names):
        raise Unsupported(f"layer '{settings['name']}' ({kind}) stores {len(variables)} arrays")
    return {name: variables[str(i)][()] for i, name in enumerate(names)}


def _stand_in(kind: str, settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Any:
    """An object with the attributes of a Keras layer that its reader asks for."""
    attributes = dict(settings)
    if "activation" in attributes:
        attributes["activation"] = _activation(attributes["activation"])
    axis = attributes.get("axis")
    if isinstance(axis, list):
        attributes["axis"] = axis[0]
    return type(kind, (), attributes | arrays)()


def _activation(saved: Any) -> Any:
    """A function of that name, or a stand-in for a layer that serves as one."""
    if isinstance(saved, dict):
        return type(str(saved["class_name"]), (), dict(saved["config"]))()
    return SimpleNamespace(__name__=str(saved or "linear"))
