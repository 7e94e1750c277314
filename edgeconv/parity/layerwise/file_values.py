"""The values inside a model file that may be those of layers."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import TensorSpec
from edgeconv.core.runner import TensorType
from edgeconv.errors import BadInput
from edgeconv.parity.layerwise.matching import Candidate
from edgeconv.targets import files
from edgeconv.targets.file_graph import FileGraph, Op, activations

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAME_NUMBERS = frozenset({"DEQUANTIZE", "cast", "classify", "identity"})
_NUMBERS = ("float", "int8", "int16", "uint8")


def candidates(path: Path, tensors: Mapping[str, TensorType]) -> list[Candidate]:
    """The values of a file that may be those of a layer, in computed order.

    A value and its casts are one candidate: the first of them, with the names of all.

    Args:
        tensors: what its runner can show.
    """
    graph = files.read_graph(path)
    producer = {i: op for op in graph.ops for i in op.outputs}
    outputs = {spec.name for spec in graph.outputs} | _ends(graph)
    first: dict[int, int] = {}
    names: dict[int, list[str]] = {}
    for op in graph.ops:
        for i in op.outputs:
            root = _root(op, first, graph)
            first[i] = i if root is None else root
            names.setdefault(first[i], []).append(graph.tensors[i].name)
    shown = {i: name for name, i in activations(graph).items() if name in tensors}
    return [
        _candidate(graph, i, producer[i], shown[i], tensors[shown[i]], tuple(tensor_names), outputs)
        for i, tensor_names in names.items()
        if i in shown and tensors[shown[i]].dtype.startswith(_NUMBERS)
    ]


def _root(op: Op, first: Mapping[int, int], graph: FileGraph) -> int | None:
    """The value that this operation only casts, if that is itself computed from the input."""
    if op.kind not in _SAME_NUMBERS:
        return None
    before = [i for i in op.inputs if not graph.tensors[i].constant]
    return first.get(before[0]) if before else None


def _ends(graph: FileGraph) -> set[str]:
    """Names of the values that no operation reads."""
    read = {i for op in graph.ops for i in op.inputs}
    return {graph.tensors[i].name for op in graph.ops for i in op.outputs if i not in read}


def _candidate(
    graph: FileGraph,
    i: int,
    op: Op,
    shown: str,
    type_: TensorType,
    names: tuple[str, ...],
    outputs: Set[str],
) -> Candidate:
    tensor = graph.tensors[i]
    spec = tensor.spec()
    shape = tuple(type_.shape or ())
    return Candidate(
        tensor=shown,
        operation=op.kind,
        dtype=tensor.dtype,
        names=names,
        shape=shape[1:] if shape[:1] in ((1,), (-1,)) else shape,
        output=any(name in outputs for name in names),
        scale=spec.scale,
        zero_point=spec.zero_point,
    )


def readers_of(graph: FileGraph) -> dict[str, str]:
    """Constant → the value whose operation reads it, also where it is unpacked in between.

    Converters name weights after anything (`transpose_0_to_fp16`); the value bears the layer's
    name.
    """
    made_of = {i: {i} for i, tensor in enumerate(graph.tensors) if tensor.constant}
    readers: dict[str, str] = {}
    for op in graph.ops:
        constants = set().union(*(made_of.get(i, set()) for i in op.inputs))
        if all(i in made_of for i in op.inputs):
            made_of.update((i, constants) for i in op.outputs)
            continue
        for i in constants:
            readers.setdefault(graph.tensors[i].name, op.name)
    return readers


def shaped(inputs: Mapping[str, TensorSpec], name: str, encoded: NDArray[Any]) -> NDArray[Any]:
    """Windows (n, window·channels) in the shape that a runner's input has behind its batch.

    Raises:
        BadInput: it takes another number of values.
    """
    inner = inputs[name].shape[1:]
    if prod(inner) != encoded.shape[1]:
        raise BadInput(
            f"input '{name}' takes {' × '.join(map(str, inner))} values, but a window of the "
            f"contract has {encoded.shape[1]}",
            "use data and a model with the same window",
        )
    return encoded.reshape(len(encoded), *inner)
