"""A `.keras` file → plan, without Keras: what checks the weights of a finished file.

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
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Layer, Plan, output_shape
from edgeconv.ir.keras_layers import TABLE, translate

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Arrays of a layer in the order in which Keras makes and stores them; those in brackets only if
# the setting is on.
_ARRAYS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Conv1D": (("kernel", ""), ("bias", "use_bias")),
    "DepthwiseConv1D": (("kernel", ""), ("bias", "use_bias")),
    "Dense": (("kernel", ""), ("bias", "use_bias")),
    "SeparableConv1D": (("depthwise_kernel", ""), ("pointwise_kernel", ""), ("bias", "use_bias")),
    "BatchNormalization": (
        ("gamma", "scale"),
        ("beta", "center"),
        ("moving_mean", ""),
        ("moving_variance", ""),
    ),
}
_DAMAGED = (OSError, KeyError, ValueError, TypeError, IndexError, zipfile.BadZipFile)


def read_stored(path: Path) -> Plan:
    """The layers of a `.keras` file (one chain) with float64 weights, before any folding.

    Raises:
        BadInput: the file is damaged.
        Unsupported: a layer, activation or topology that is not in the exporter's table, or code
            of somebody's own (a Lambda): only Keras can tell what that does.
    """
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(weights) as file:
            return _plan(config, file["layers"])
    except _DAMAGED as error:
        raise BadInput(f"{path} is damaged: {error}", "save the model again") from error


def _plan(config: Any, stored: Any) -> Plan:
    shape: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    counted: Counter[str] = Counter()
    layers: list[Layer] = []
    for kind, settings in _chain(config):
        group = _snake(kind) + (f"_{counted[kind]}" if counted[kind] else "")
        counted[kind] += 1
        if kind == "InputLayer":
            shape = first = tuple(int(d) for d in settings["batch_shape"][1:])
            continue
        arrays = _arrays(kind, settings, stored, group)
        for layer in translate(_stand_in(kind, settings, arrays, shape)):
            layers.append(layer)
            shape = output_shape(layer, shape)
    return Plan(str(config["config"]["name"]), first, tuple(layers))


def _chain(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(class, settings) of each layer, which must read the one before and nothing else."""
    before = ""
    for item in config["config"]["layers"]:
        kind, settings = str(item["class_name"]), item["config"]
        if kind == "Lambda" or (kind not in TABLE and kind != "InputLayer"):
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
    names = [name for name, on in _ARRAYS.get(kind, ()) if not on or settings[on]]
    if not names:
        return {}
    held = stored[group]["vars"]
    if len(held) != len(names):
        raise Unsupported(f"layer '{settings['name']}' ({kind}) stores {len(held)} arrays")
    return {name: held[str(i)][()] for i, name in enumerate(names)}


def _stand_in(
    kind: str, settings: dict[str, Any], arrays: dict[str, NDArray[Any]], shape: tuple[int, ...]
) -> Any:
    """An object with the attributes of a Keras layer that its translation reads."""
    known = dict(settings)
    if "activation" in known:
        known["activation"] = _activation(known["activation"])
    if kind in ("Reshape", "Flatten"):
        known["output"] = SimpleNamespace(shape=(None, *_target(known, shape)))
    axis = known.get("axis")
    if isinstance(axis, list):
        known["axis"] = axis[0]
    known |= {**arrays, "input": SimpleNamespace(shape=(None, *shape))}
    return type(kind, (), known)()


def _target(settings: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    """What a Reshape or a Flatten makes of a shape."""
    total = 1
    for size in shape:
        total *= size
    wanted = [int(d) for d in settings.get("target_shape", (total,))]
    known = 1
    for size in wanted:
        known *= size if size > 0 else 1
    return tuple(size if size > 0 else total // known for size in wanted)


def _activation(saved: Any) -> Any:
    """A function of that name, or a stand-in for a layer that serves as one."""
    if isinstance(saved, dict):
        return type(str(saved["class_name"]), (), dict(saved["config"]))()
    return SimpleNamespace(__name__=str(saved or "linear"))
