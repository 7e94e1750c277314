"""Compare the weights of an artifact with those of its Keras model, folded as for the export."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from edgeconv.core import Artifact, Bundle, Check, InputConvention, Signal
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
from edgeconv.targets.base import find_target, scheme_in


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    """None where weights cannot be compared one by one: the model has layers that only Keras can
    read, or the converter merged operations."""
    scheme = scheme_in(run.artifact)
    if scheme is None or not scheme.only_rounds_weights:
        return
    pairs = _pairs(context.bundle, run.artifact)
    if pairs:
        yield weight_comparison.check_weights(pairs)


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
    target = find_target(artifact.target)
    layout = Layout(graph, target.conversion.channels_first)
    layers = [(graph.label(node), constants_of(layout, node)) for node in graph.kernel_nodes]
    stored = target.reader.layer_constants(artifact.path)
    if stored is None or len(stored) != len(layers):
        return []
    pairs = []
    for (layer, constants), in_file in zip(layers, stored, strict=True):
        for what, constant in in_file.items():
            trained = constants[what]
            if constant.values.size != trained.size:
                return []
            pairs.append(
                Pair(
                    layer,
                    what,
                    trained,
                    constant.values.reshape(trained.shape),
                    constant.dtype,
                    constant.per_channel,
                    constant.steps,
                    half=constant.from_float16,
                )
            )
    return pairs


CHECK = ParityCheck((weight_comparison.NAME,), _judge)
