"""What the files of a bundle are judged by: windows, the float model's outputs, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import NULL_PROGRESS, Bundle, Dataset, Progress
from edgeconv.errors import UsageError
from edgeconv.parity import gates
from edgeconv.runtimes.predict import predict_file
from edgeconv.workflows.steps.sources import load_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Trial:
    """A bundle ready to be checked, file by file.

    Attributes:
        reference: the float model's probabilities, (windows, classes).
        facts: what the results say of the windows: spec, name, part, digest, people.
        limits: the gates that differ from the defaults of a scheme.
    """

    bundle: Bundle
    dataset: Dataset
    reference: NDArray[np.float32]
    facts: dict[str, Any]
    limits: dict[str, float]


def prepare(
    path: Path,
    data: str | None = None,
    part: str = "test",
    overrides: Mapping[str, float] | None = None,
    progress: Progress = NULL_PROGRESS,
) -> Trial:
    """Read a bundle, its windows and the float model's outputs, once for all of its files.

    Raises:
        BadInput: no bundle, or one of its files has changed.
        UsageError: unknown gate or split, or no data to check on.
    """
    bundle = bundles.read(path)
    spec = data or bundle.data.get("spec")
    if not spec:
        raise UsageError(f"{path} does not name its data", "name some: --data SPEC")
    limits = {**bundle.recipe.get("gates", {}), **(overrides or {})}
    for artifact in bundle.artifacts:
        gates.resolve_gates(artifact.target, artifact.scheme, limits)
    progress.stage(f"parity: {path} on {spec}")
    dataset, facts = load_part(spec, part, progress, bundle)
    return Trial(bundle, dataset, reference_outputs(bundle, dataset, progress), facts, limits)


def reference_outputs(bundle: Bundle, dataset: Dataset, progress: Progress) -> NDArray[np.float32]:
    """The float model's probabilities: those kept in the bundle, or computed by Keras now."""
    kept = bundles.read_reference(bundle.path, dataset.sha256, bundle.model.sha256)
    if kept is not None:
        return kept
    progress.note("the bundle keeps no float outputs for these windows: Keras computes them")
    model = bundle.model
    outputs, _ = predict_file(model.path, model.signal, dataset.windows, "keras")
    return outputs
