"""How many activations of an integer artifact saturate: lie at the end of their calibrated range.

A calibrated range covers what the calibration windows showed. Larger readings end at its last code,
and everything behind is computed from the clipped value, whatever the outputs on other windows say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Dataset, ParityResult
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.runtimes import inspectable, open_runner, unavailable
from edgeconv.runtimes.window_shapes import shaped_input
from edgeconv.targets import files
from edgeconv.targets.base import find_target, scheme_in
from edgeconv.targets.file_graph import FileGraph, Op, activations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REPORTED = 0.01
"""Share of one tensor's values from which saturation is reported in a sentence."""
SAMPLE, SEED = 128, 0


@dataclass
class Saturation:
    """Counts of one integer tensor, whose range is `low` to `high` in steps of `scale`.

    The lower end counts only where it lies below 0: a range that begins at 0 is that of a ReLU,
    whose values end there anyway.
    """

    scale: float
    low: float
    high: float
    count: int = 0
    reached: int = 0

    @classmethod
    def of(cls, scale: float, zero_point: int, dtype: str) -> Saturation:
        """For a tensor with this quantization."""
        import numpy as np

        limits = np.iinfo(dtype)
        low, high = ((int(end) - zero_point) * scale for end in (limits.min, limits.max))
        return cls(scale, low, high)

    def add(self, values: NDArray[Any]) -> None:
        """Count its values, given as real numbers."""
        half = self.scale / 2
        self.count += values.size
        self.reached += int((values > self.high - half).sum())
        if self.low < -half:
            self.reached += int((values < self.low + half).sum())

    @property
    def share(self) -> float:
        return self.reached / self.count if self.count else 0.0


def saturated_shares(artifact: Artifact, dataset: Dataset) -> dict[str, float] | None:
    """Tensor → share of its values at the end of its range, largest first.

    Measured on a seeded sample of the windows. Empty if no activation is an integer; None if it
    cannot be measured here (Core ML keeps its integers between two operations; no LiteRT).
    """
    target = find_target(artifact.target)
    if target.fixed_range_operations is None:
        scheme = scheme_in(artifact)
        return None if scheme is not None and scheme.activations.startswith("int") else {}
    graph = files.read_graph(artifact.path)
    counts = _integer_tensors(graph, target.fixed_range_operations)
    if not counts:
        return {}
    if unavailable(artifact.path, target.reference_runtime):
        return None
    windows = calibration_windows(dataset, SAMPLE, SEED)
    _count(artifact, windows, counts)
    shares = {_short_name(name, graph): count.share for name, count in counts.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def saturation_sentence(result: ParityResult) -> str:
    """What to say of the tensor that saturates most; empty if it saturates too little to matter."""
    shares = result.evidence.saturation if result.evidence else {}
    name = max(shares, key=lambda key: shares[key], default="")
    if not name or shares[name] < REPORTED:
        return ""
    return (
        f"{result.artifact}: {100 * shares[name]:.1f} % of the values of '{name}' saturate: these "
        "readings are larger than those it was calibrated on"
    )


def _short_name(name: str, graph: FileGraph) -> str:
    """A tensor's name without what converters add; the quantized readings are the `input`."""
    first = next((op for op in graph.ops if op.kind == "QUANTIZE"), None)
    is_input = first is not None and graph.tensors[first.outputs[0]].name == name
    return "input" if is_input else name.partition(";")[0]


def _count(artifact: Artifact, windows: NDArray[np.float32], counts: dict[str, Saturation]) -> None:
    runtime = find_target(artifact.target).reference_runtime
    with open_runner(artifact.path, runtime) as runner:
        name, shaped = shaped_input(runner, artifact.signal.encode(windows), artifact.signal)
        tensors = inspectable(runner).intermediates({name: shaped}, list(counts))
        for tensor, values in tensors.items():
            counts[tensor].add(values)


def _integer_tensors(graph: FileGraph, fixed_range: frozenset[str]) -> dict[str, Saturation]:
    """Integer tensors with a calibrated range that is not another tensor's."""
    producer = {i: op for op in graph.ops for i in op.outputs}
    counts = {}
    for name, i in activations(graph).items():
        tensor = graph.tensors[i]
        if tensor.dtype not in ("int8", "int16") or len(tensor.scales) != 1:
            continue
        if producer[i].kind in fixed_range or _same_range_as_input(graph, producer[i], i):
            continue
        counts[name] = Saturation.of(tensor.scales[0], tensor.zero_points[0], tensor.dtype)
    return counts


def _same_range_as_input(graph: FileGraph, op: Op, i: int) -> bool:
    """Whether the range is that of the value before, as of pooling or a reshape."""
    output = graph.tensors[i]
    return any(
        (graph.tensors[j].scales, graph.tensors[j].zero_points)
        == (output.scales, output.zero_points)
        for j in op.inputs
        if not graph.tensors[j].constant
    )
