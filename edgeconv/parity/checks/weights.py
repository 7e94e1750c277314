"""Compare the weights of an artifact with those of its Keras model, folded as for the export."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Bundle, Check, InputConvention, Signal, Target
from edgeconv.core.digest import sha256
from edgeconv.errors import Unsupported
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.stored_model import read_stored
from edgeconv.ir.tf_lowering import constants_of
from edgeconv.parity import weight_comparison
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext, source_model
from edgeconv.parity.weight_comparison import Pair
from edgeconv.targets.coreml import weights as mlweights
from edgeconv.targets.tflite import weights as tflite_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDED = ("float32", "float16", "dynamic", "int8", "int16x8", "w8a8")
"""Schemes that only round each weight. Others change weights deliberately (pruning, palettes,
error-compensated low-bit weights), so there is no bound for a single weight."""


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    """None where weights cannot be compared one by one: the model has layers that only Keras can
    read, or the converter merged operations."""
    if run.artifact.scheme not in ROUNDED:
        return
    pairs = _pairs(context.bundle, run.artifact)
    if pairs:
        yield weight_comparison.check(pairs)


@lru_cache(maxsize=4)
def _graph(path: Path, digest: str, signal: Signal, sensor: InputConvention) -> Graph | None:  # noqa: ARG001 (part of the key)
    """Of exactly these bytes; None where only Keras can read them."""
    try:
        return for_sensor(read_stored(path), signal, sensor)
    except Unsupported:
        return None


def _pairs(bundle: Bundle, artifact: Artifact) -> list[Pair]:
    path = source_model(bundle, artifact)
    graph = _graph(path, sha256(path), bundle.model.signal, artifact.signal.sensor)
    if graph is None:
        return []
    coreml = artifact.target is Target.COREML
    layout = Layout(graph, coreml)
    layers = [(graph.label(node), constants_of(layout, node)) for node in graph.kernel_nodes]
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
            pairs.append(Pair(layer, what, trained, shaped, dtype, per_channel, steps, half=coreml))
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


CHECK = ParityCheck((weight_comparison.NAME,), _judge)
