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

_DAMAGED = (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile)


def read_stored(path: Path) -> Graph:
    """The graph of a `.keras` file (one chain of layers) before any folding.

    Raises:
        BadInput: the file is damaged.
        Unsupported: a layer, activation or topology that is not in the catalogue, or a layer with
            code of its own (a Lambda): only Keras can run that.
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
    entry: Value | None = None
    value: Value | None = None
    counted: Counter[str] = Counter()
    nodes: list[Node] = []
    for kind, settings in _chain(config):
        group = _snake(kind) + (f"_{counted[kind]}" if counted[kind] else "")
        counted[kind] += 1
        label = str(settings["name"])
        if kind == "InputLayer" and None in settings["batch_shape"][1:]:
            raise Unsupported(f"input '{label}' leaves axes free")
        if kind == "InputLayer":
            value = entry = Value(label, tuple(int(d) for d in settings["batch_shape"][1:]))
            continue
        if value is None:
            raise Unsupported(f"layer '{label}' has no input of a fixed shape")
        layer = _stand_in(kind, settings, _arrays(kind, settings, stored, group))
        read = read_layer(KerasCall(layer, kind, label, (value,)))
        nodes += read
        value = read[-1].output if read else value
    if entry is None or value is None:
        raise Unsupported("the model has no input of a fixed shape")
    return Graph(str(config["config"]["name"]), (entry,), (value,), tuple(nodes))


def _chain(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(class, settings) of each layer, which must read the one before and nothing else."""
    before = ""
    for item in config["config"]["layers"]:
        kind, settings = str(item["class_name"]), item["config"]
        in_catalogue = kind in KERAS_LAYERS and KERAS_LAYERS[kind].supported
        if kind == "Lambda" or not (in_catalogue or kind == "InputLayer"):
            raise Unsupported(f"layer '{settings.get('name', '?')}' is a {kind}")
        reads = set(
            re.findall(r'"keras_history": \["([^"]+)"', json.dumps(item.get("inbound_nodes")))
        )
        if before and config["class_name"] != "Sequential" and reads != {before}:
            raise Unsupported(f"layer '{settings['name']}' does not follow the one before")
        before = str(settings["name"])
        yield kind, settings


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
