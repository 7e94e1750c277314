"""Layer by layer: every artifact's values against Keras' own, on a sample of windows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgeconv.core import (
    Artifact,
    Bundle,
    Dataset,
    EvaluationData,
    LayerSample,
    Progress,
    Signal,
)
from edgeconv.core.layerwise import LayersResult, Outcome
from edgeconv.datasets.calibration import calibration_windows
from edgeconv.errors import EdgeconvError, MissingDependency, Unsupported
from edgeconv.parity.context import source_model
from edgeconv.parity.layerwise.comparison import Comparison, chunks
from edgeconv.runtimes import inspectable, open_runner, unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.runtimes.keras_runner import KerasRunner

SAMPLE = 256
"""Windows, spread over classes and people; seeded, so that the same data give the same sample."""
SEED = 0


def compare_layers(
    bundle: Bundle,
    dataset: Dataset,
    data: EvaluationData,
    jobs: Sequence[tuple[Artifact, str]],
    progress: Progress,
) -> tuple[LayersResult, ...]:
    """One result for each artifact and runtime of `jobs`; what could not be compared is `not_run`.

    A retrained file is compared with the network that it was made of.

    Raises:
        BadInput: a file or the model is damaged, or there are no windows.
    """
    windows = calibration_windows(dataset, SAMPLE, SEED)
    sample = LayerSample(data, len(windows), SEED)
    progress.stage(f"layers: {len(windows)} windows")
    found = []
    opened: dict[Path, KerasRunner] = {}
    with ExitStack() as stack:
        for done, (artifact, runtime) in enumerate(jobs, 1):
            path = source_model(bundle, artifact)
            try:
                if path not in opened:
                    runner = stack.enter_context(open_runner(path))
                    opened[path] = cast("KerasRunner", runner)
            except MissingDependency as error:
                reason = f"the float model cannot be run: {error}"
                return tuple(not_compared(a, r, reason, sample) for a, r in jobs)
            try:
                result = compare_one(
                    opened[path], bundle.model.signal, artifact, runtime, windows, sample
                )
            except Unsupported as error:
                result = not_compared(artifact, runtime, str(error), sample)
            found.append(result)
            progress.update(done, len(jobs), f"{artifact.name}: {result.outcome}")
    return tuple(found)


def compare_one(
    keras: KerasRunner,
    signal: Signal,
    artifact: Artifact,
    runtime: str,
    windows: NDArray[np.float32],
    sample: LayerSample,
) -> LayersResult:
    """One artifact in one runtime against an opened Keras model of contract `signal`."""
    reason = unavailable(artifact.path, runtime)
    if reason:
        return not_compared(artifact, runtime, reason, sample)
    with open_runner(artifact.path, runtime) as runner:
        try:
            comparison = Comparison(keras, signal, artifact, inspectable(runner))
            for chunk in chunks(windows):
                comparison.add(chunk)
            return comparison.result(runner.runtime, windows, sample)
        except EdgeconvError as error:
            return not_compared(artifact, runner.runtime, str(error), sample)


def not_compared(
    artifact: Artifact, runtime: str, reason: str, sample: LayerSample
) -> LayersResult:
    """A result that says why there is none."""
    return LayersResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime=runtime,
        outcome=Outcome.NOT_RUN,
        n=0,
        text=reason,
        sample=sample,
    )
