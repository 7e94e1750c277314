"""The weights in a file against those of its Keras model, folded as the exporter folds them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Bundle,
    InputConvention,
    ParityResult,
    Signal,
    Status,
    Target,
    worst,
)
from edgeconv.core.digest import sha256
from edgeconv.errors import Unsupported
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.graph import Conv, Dense, Depthwise, Plan
from edgeconv.ir.layout import Layout
from edgeconv.ir.stored_model import read_stored
from edgeconv.parity import weight_comparison
from edgeconv.parity.checks.retrained import made_of
from edgeconv.parity.weight_comparison import Pair
from edgeconv.targets.coreml import weights as mlweights
from edgeconv.targets.tflite import weights as tflite_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDED = ("float32", "float16", "dynamic", "int8", "int16x8", "w8a8")
"""Schemes that only round each weight. The others move weights on purpose (pruned, palettes, few
bits made up for on recordings): there is no number to hold them to one by one."""


def with_weights(bundle: Bundle, artifact: Artifact, result: ParityResult) -> ParityResult:
    """The result with the verdict on the weights added, where they can be compared one by one.

    They cannot where the model holds layers that only Keras can read (a Lambda, branches) or the
    converter merged operations: then nothing is added.
    """
    if not result.n or artifact.scheme not in ROUNDED:
        return result
    pairs = _pairs(bundle, artifact)
    if not pairs:
        return result
    check = weight_comparison.check(pairs)
    told = f"weights: {check.reason}" if check.status is Status.FAILED else ""
    return replace(
        result,
        checks=(*result.checks, check),
        status=worst((result.status, check.status)),
        reason="; ".join(filter(None, (result.reason, told))),
    )


@lru_cache(maxsize=4)
def _plan(path: Path, digest: str, signal: Signal, sensor: InputConvention) -> Plan | None:  # noqa: ARG001 (part of the key)
    """Of exactly these bytes; None where only Keras can read them."""
    try:
        return for_sensor(read_stored(path), signal, sensor)
    except Unsupported:
        return None


def _pairs(bundle: Bundle, artifact: Artifact) -> list[Pair]:
    path = made_of(bundle, artifact)
    plan = _plan(path, sha256(path), bundle.model.signal, artifact.signal.sensor)
    if plan is None:
        return []
    coreml = artifact.target is Target.COREML
    layout = Layout(plan, coreml)
    layers = [
        (layer, layout.constants(i, layer))
        for i, layer in enumerate(plan.layers)
        if isinstance(layer, Conv | Depthwise | Dense)
    ]
    stored = _coreml(artifact.path) if coreml else _tflite(artifact.path)
    if len(stored) != len(layers):
        return []
    pairs = []
    for (layer, constants), found in zip(layers, stored, strict=True):
        for what, (values, dtype, per_channel, steps) in found.items():
            trained = constants[what]
            if values.size != trained.size:
                return []
            shaped = values.reshape(trained.shape)
            pairs.append(
                Pair(layer.name, what, trained, shaped, dtype, per_channel, steps, half=coreml)
            )
    return pairs


_Stored = dict[str, tuple["NDArray[Any]", str, bool, "NDArray[Any] | None"]]


def _tflite(path: Path) -> list[_Stored]:
    """Kernels and biases, output channels last."""
    found: list[_Stored] = []
    for kernel in tflite_weights.read_kernels(path) or ():
        held = kernel.weight
        values = held.values
        if kernel.kind == "CONV_2D":
            values = values.transpose(1, 2, 3, 0)
        elif kernel.kind == "FULLY_CONNECTED":
            values = values.T
        per_channel = held.steps is None or len(held.steps) > 1
        entry: _Stored = {"kernel": (values, held.dtype, per_channel, None)}
        if kernel.bias is not None:
            entry["bias"] = (kernel.bias.values, kernel.bias.dtype, True, kernel.bias.steps)
        found.append(entry)
    return found


def _coreml(path: Path) -> list[_Stored]:
    """Kernels, output channels last. Where one is packed in another way, none."""
    found: list[_Stored] = []
    for weight in mlweights.read_weights(path):
        if weight.sparse or weight.palette or weight.dtype not in ("float32", "float16", "int8"):
            return []
        values = weight.values().astype("float64")
        if values.ndim == 4:
            values = values.transpose(2, 3, 1, 0)
        elif values.ndim == 3:
            values = values.transpose(2, 1, 0)
        elif weight.kind == "linear":
            values = values.T
        found.append({"kernel": (values, weight.dtype, True, None)})
    return found
