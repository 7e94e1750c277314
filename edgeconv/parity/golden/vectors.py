"""The golden set in memory, and how it is recorded.

Select a few windows that still show what can be wrong with a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, InputConvention, Signal, Status
from edgeconv.errors import BadInput
from edgeconv.targets.base import find_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Run = Callable[[Path, NDArray[np.float32]], NDArray[np.floating[Any]]]
    """Runs a file on inputs as its sensor gives them (n, window·channels): (n, classes)."""
    from collections.abc import Iterator, Sequence
else:
    Run = Callable

LEAST = 12  # windows, where the data have that many
LOW_MARGINS = 4
_CLIPPED = 2  # samples at a channel's rail that make a window a clipped one


def select_windows(
    windows: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    channels: Sequence[str],
    label_names: Sequence[str],
) -> tuple[NDArray[np.int64], tuple[tuple[str, ...], ...]]:
    """Positions of the selected windows, in order, and why each was selected.

    For each class its most ordinary window (median margin); the windows with the lowest margins of
    the float model, where rounding shows first; the most clipped one; those with the least and the
    most movement; each channel's lowest and highest reading; then evenly spaced ones up to `LEAST`.
    The same data give the same selection.

    Args:
        windows: canonical (n, window·channels), m/s².
        probabilities: the float model's, (n, classes).
    """
    import numpy as np

    why: dict[int, list[str]] = {}
    steps = windows.reshape(len(windows), -1, len(channels))
    margins = margin(probabilities)
    reasons = (
        *_ordinary(labels, margins, label_names),
        *_unsure(margins),
        *_clipped(steps),
        *_movement(steps),
        *_extremes(steps, channels),
    )
    for position, reason in reasons:
        why.setdefault(position, []).append(reason)
    for position in np.linspace(0, len(windows) - 1, LEAST * 2).round().astype(int).tolist():
        if len(why) >= LEAST:
            break
        why.setdefault(position, ["evenly spaced"])
    positions = sorted(why)
    return np.array(positions, np.int64), tuple(tuple(why[p]) for p in positions)


def margin(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n,) distance between the two largest probabilities of each window."""
    import numpy as np

    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.sort(probabilities.astype(np.float64), axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def _ordinary(
    labels: NDArray[np.integer[Any]], margins: NDArray[np.float64], label_names: Sequence[str]
) -> Iterator[tuple[int, str]]:
    import numpy as np

    for number, name in enumerate(label_names):
        members = np.flatnonzero(labels == number)
        if len(members):
            ranked = members[np.argsort(margins[members], kind="stable")]
            yield int(ranked[len(ranked) // 2]), f"ordinary {name}"


def _unsure(margins: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    import numpy as np

    for position in np.argsort(margins, kind="stable")[:LOW_MARGINS]:
        yield int(position), f"margin of only {margins[position]:.3f}"


def _clipped(steps: NDArray[np.float32]) -> Iterator[tuple[int, str]]:
    """The window with the most readings at the end of a channel's range, if it looks clipped."""
    lowest, highest = steps.min(axis=(0, 1)), steps.max(axis=(0, 1))
    at_rail = ((steps == lowest) | (steps == highest)).sum(axis=(1, 2))
    if at_rail.max() >= _CLIPPED:
        yield int(at_rail.argmax()), f"{int(at_rail.max())} readings at the end of the range"


def _movement(steps: NDArray[np.float32]) -> Iterator[tuple[int, str]]:
    spread = steps.astype("float64").std(axis=1).max(axis=1)
    yield int(spread.argmin()), "stillest"
    yield int(spread.argmax()), "liveliest"


def _extremes(steps: NDArray[np.float32], channels: Sequence[str]) -> Iterator[tuple[int, str]]:
    for i, channel in enumerate(channels):
        yield int(steps[:, :, i].min(axis=1).argmin()), f"lowest {channel}"
        yield int(steps[:, :, i].max(axis=1).argmax()), f"highest {channel}"


@dataclass(frozen=True, eq=False)
class Expectation:
    """The outputs of one artifact for the golden inputs of its sensor.

    `outputs` is (vectors, classes); None if the artifact could not run: `status` is then `not_run`
    (or `failed`) and `reason` says why.
    """

    artifact: str
    sha256: str
    target: str
    scheme: str
    sensor: InputConvention
    runtime: str
    status: Status
    outputs: NDArray[np.float32] | None
    tolerance: float
    derivation: str
    reason: str = ""


@dataclass(frozen=True, eq=False)
class GoldenSet:
    """Selected windows with the outputs of the float model and of every artifact.

    Attributes:
        windows: canonical (n, window·channels), m/s², Android's sign.
        labels: (n,) true classes; `why`: the reasons for which each window was selected.
        reference: the float model's probabilities, (n, classes).
        signal: the contract that the windows follow; its sensor does not matter here.
        model_sha256: of the float model.
        inputs: (n, window·channels) by sensor: the same windows as that sensor gives them.
        expected: by file name.
        conflicts: contradictions that `read` found; every check of such a set fails.
    """

    windows: NDArray[np.float32]
    labels: NDArray[np.int64]
    why: tuple[tuple[str, ...], ...]
    reference: NDArray[np.float32]
    signal: Signal
    model_sha256: str
    inputs: dict[InputConvention, NDArray[np.float32]] = field(default_factory=dict)
    expected: dict[str, Expectation] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.windows)

    def without_outputs(self) -> GoldenSet:
        """The same windows and reference without artifacts: the start of a new export."""
        return replace(self, inputs={}, expected={})

    def input_for(self, signal: Signal) -> NDArray[np.float32]:
        """The windows as an artifact's sensor gives them."""
        return signal.encode(self.windows)


def make(
    windows: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    signal: Signal,
    model_sha256: str,
) -> GoldenSet:
    """Select golden windows from canonical ones (n, window·channels) of real recordings.

    Args:
        probabilities: the float model's outputs for all of them, (n, classes).
        signal: the model's contract: channels, window and labels.

    Raises:
        BadInput: no windows, or windows, labels and outputs that do not belong together.
    """
    import numpy as np

    if not len(windows):
        raise BadInput("golden vectors: there are no windows to select from", "name recordings")
    if len(windows) != len(labels) or probabilities.shape != (len(windows), len(signal.labels)):
        raise BadInput(
            f"golden vectors: windows {windows.shape}, labels {labels.shape} and outputs "
            f"{probabilities.shape} of {len(signal.labels)} classes do not belong together",
            "give one label and one row of outputs a window, one value a class",
        )
    if not (np.isfinite(windows).all() and np.isfinite(probabilities).all()):
        raise BadInput(
            "golden vectors: windows or float outputs hold NaN or infinity",
            "remove such windows; if the outputs are to blame, check the model's weights",
        )
    chosen, why = select_windows(windows, labels, probabilities, signal.channels, signal.labels)
    return GoldenSet(
        windows=windows[chosen].astype(np.float32),
        labels=labels[chosen].astype(np.int64),
        why=why,
        reference=probabilities[chosen].astype(np.float32),
        signal=signal,
        model_sha256=model_sha256,
    )


def record_outputs(
    golden: GoldenSet, artifact: Artifact, runtime: str, run: Run | None, reason: str = ""
) -> GoldenSet:
    """The set with one more artifact: the outputs of `run`, or `not_run` and why.

    The inputs of the artifact's sensor are added as well.
    """
    inputs = golden.input_for(artifact.signal)
    outputs, status = None, Status.NOT_RUN
    if run is not None:
        outputs, status, reason = _checked(run(artifact.path, inputs), golden)
    tolerance, derivation = tolerance_of(artifact)
    expectation = Expectation(
        artifact=artifact.name,
        sha256=artifact.sha256,
        target=str(artifact.target),
        scheme=artifact.scheme,
        sensor=artifact.signal.sensor,
        runtime=runtime,
        status=status,
        outputs=outputs,
        tolerance=tolerance,
        derivation=derivation,
        reason=reason,
    )
    return replace(
        golden,
        inputs={**golden.inputs, artifact.signal.sensor: inputs},
        expected={**golden.expected, artifact.name: expectation},
    )


def _checked(
    outputs: NDArray[np.floating[Any]], golden: GoldenSet
) -> tuple[NDArray[np.float32] | None, Status, str]:
    import numpy as np

    if outputs.shape != golden.reference.shape:
        reason = f"its outputs have shape {outputs.shape} instead of {golden.reference.shape}"
        return None, Status.FAILED, reason
    if not np.isfinite(outputs).all():
        return None, Status.FAILED, "its outputs hold NaN or infinity"
    return outputs.astype(np.float32), Status.PASSED, ""


def tolerance_of(artifact: Artifact) -> tuple[float, str]:
    """The largest difference of one probability that another device explains, and its derivation
    (docs/how-to/golden-vectors.md).

    Raises:
        Unsupported: the artifact's target has no such scheme.
    """
    tolerance = find_target(artifact.target).scheme(artifact.scheme).tolerance
    return tolerance.value, tolerance.derivation
