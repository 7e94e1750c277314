"""The golden set in memory, and how it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, InputConvention, Signal, Status
from edgeconv.errors import BadInput
from edgeconv.parity.golden.selection import select_windows
from edgeconv.targets.base import find_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Run = Callable[[Path, NDArray[np.float32]], NDArray[np.floating[Any]]]
    """Runs a file on inputs as its sensor gives them (n, window·channels): (n, classes)."""
else:
    Run = Callable


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
            f"{probabilities.shape} of {len(signal.labels)} classes do not belong together"
        )
    if not (np.isfinite(windows).all() and np.isfinite(probabilities).all()):
        raise BadInput("golden vectors: windows or float outputs hold NaN or infinity")
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
