"""How much of an integer file saturates on given recordings, by the values inside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import Artifact, Dataset, ParityResult, Target
from edgeconv.datasets.calibration import calibration_windows
from edgeconv.parity.drift.saturation import Saturation
from edgeconv.runtimes import inspectable, open_runner, unavailable
from edgeconv.runtimes.window_shapes import shaped_input
from edgeconv.targets import files
from edgeconv.targets.file_graph import Graph, Op, activations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE, SEED = 128, 0
_FIXED = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})  # their range is no calibration's
_RUNTIME = "litert-reference"  # shows every value


def saturation_of(artifact: Artifact, dataset: Dataset) -> dict[str, float] | None:
    """Tensor → share of its values at the end of its range, largest first, on a seeded sample of
    the windows; empty where no activation is an integer, None where nothing here can tell (Core
    ML keeps its integers between two operations; no LiteRT)."""
    if artifact.target is not Target.TFLITE:
        return {} if artifact.scheme != "w8a8" else None
    graph = files.read_graph(artifact.path)
    counted = _integers(graph)
    if not counted:
        return {}
    if unavailable(artifact.path, _RUNTIME):
        return None
    windows = calibration_windows(dataset, SAMPLE, SEED)
    _count(artifact, windows, counted)
    shares = {_short(name, graph): found.share for name, found in counted.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def saturated(shares: dict[str, float] | None) -> dict[str, float]:
    """The metric of that name: the share of the tensor that saturates most."""
    return {} if shares is None else {"saturated": max(shares.values(), default=0.0)}


def with_shares(result: ParityResult, shares: dict[str, float] | None) -> ParityResult:
    """The result with the shares among its evidence."""
    if result.evidence is None or not shares:
        return result
    return replace(result, evidence=replace(result.evidence, saturation=shares))


def _short(name: str, graph: Graph) -> str:
    """A tensor's name without what converters add; what quantizes the readings is the input."""
    first = next((op for op in graph.ops if op.kind == "QUANTIZE"), None)
    readings = first is not None and graph.tensors[first.outputs[0]].name == name
    return "input" if readings else name.partition(";")[0]


def _count(
    artifact: Artifact, windows: NDArray[np.float32], counted: dict[str, Saturation]
) -> None:
    with open_runner(artifact.path, _RUNTIME) as runner:
        name, given = shaped_input(runner, artifact.signal.encode(windows), artifact.signal)
        for tensor, values in (
            inspectable(runner).intermediates({name: given}, list(counted)).items()
        ):
            counted[tensor].add(values)


def _integers(graph: Graph) -> dict[str, Saturation]:
    """Integer tensors with a calibrated range of their own."""
    places = activations(graph)
    producer = {i: op for op in graph.ops for i in op.outputs}
    found = {}
    for name, i in places.items():
        tensor = graph.tensors[i]
        if tensor.dtype not in ("int8", "int16") or len(tensor.scales) != 1:
            continue
        if producer[i].kind in _FIXED or _handed_on(graph, producer[i], i):
            continue
        found[name] = Saturation.of(tensor.scales[0], tensor.zero_points[0], tensor.dtype)
    return found


def _handed_on(graph: Graph, op: Op, i: int) -> bool:
    """Whether the range is that of the value before: a pooling's, a reshape's."""
    own = graph.tensors[i]
    return any(
        (graph.tensors[j].scales, graph.tensors[j].zero_points) == (own.scales, own.zero_points)
        for j in op.inputs
        if not graph.tensors[j].constant
    )
