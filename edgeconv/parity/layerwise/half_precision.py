"""What float16 does to a Core ML program: its own float16 values, computed without float16."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact
from edgeconv.core.layerwise import LayerInfo, RangeWarning
from edgeconv.parity.layerwise import name_matching
from edgeconv.parity.layerwise.file_values import readers_of, shaped
from edgeconv.parity.layerwise.ranges import HalfRange, half_warnings
from edgeconv.runtimes import inspectable, open_runner
from edgeconv.targets import files
from edgeconv.targets.base import find_target
from edgeconv.targets.coreml.program import read_program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def half_precision(
    artifact: Artifact,
    owners: Mapping[str, str],
    layers: Sequence[LayerInfo],
    chunks: Iterable[NDArray[np.float32]],
) -> list[RangeWarning]:
    """Warnings for the float16 values and weights of a package, in the program's order.

    The program runs in float32, so that a value that overflows is seen as large as it would be.

    Args:
        owners: tensor → layer, where they were matched; names tell the others.
        chunks: canonical windows.
    """
    runtime = find_target(artifact.target).reference_runtime
    found: dict[str, HalfRange] = {}
    with open_runner(artifact.path, runtime, compute="float32") as opened:
        runner = inspectable(opened)
        halves = [name for name, t in runner.tensors.items() if t.dtype == "float16"]
        if not halves:
            return []
        start = next(iter(runner.inputs))
        for windows in chunks:
            given = {start: shaped(runner.inputs, start, artifact.signal.encode(windows))}
            for name, values in runner.intermediates(given, halves).items():
                found.setdefault(name, HalfRange()).add(values)
    known = {name_matching.clean(layer.name): layer.name for layer in layers}
    readers = readers_of(files.read_graph(artifact.path))
    made = []
    for name, value in _half_weights(artifact).items():
        owner = _layer(readers.get(name, name), owners, known)
        made += half_warnings(owner, name, "weight", _stored(value))
    for name in halves:
        made += half_warnings(_layer(name, owners, known), name, "activation", found[name])
    return _each_once(made)


def _half_weights(artifact: Artifact) -> dict[str, NDArray[Any]]:
    """Constants of rank 2 or more that the file stores as float16."""
    constants = read_program(artifact.path).function().block.constants
    return {
        name: constant.value
        for name, constant in constants.items()
        if constant.type.dtype == "float16" and len(constant.type.shape or ()) > 1
    }


def _stored(value: NDArray[Any]) -> HalfRange:
    found = HalfRange()
    found.add_rounded(value)
    return found


def _layer(tensor: str, owners: Mapping[str, str], known: Mapping[str, str]) -> str:
    """The layer that a tensor belongs to; its own name where nothing tells."""
    if tensor in owners:
        return owners[tensor]
    spoken = name_matching.owners([tensor], list(known))
    return known[max(spoken, key=lambda k: spoken[k])] if spoken else tensor


def _each_once(found: list[RangeWarning]) -> list[RangeWarning]:
    """The first of each layer and kind: a value before and after an activation says it twice."""
    first: dict[tuple[str, str, str], RangeWarning] = {}
    for warning in found:
        first.setdefault((warning.layer, warning.kind, warning.what), warning)
    return list(first.values())
