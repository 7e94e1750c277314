"""Retrained files: is each what its own network says, however that differs from the float model?

Against the float model a retrained file is judged by its decisions. Whether the conversion is
sound is another question, and the network that it was made of answers it number by number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import Artifact, Bundle, Check, Dataset, ParityResult, Progress, Status, worst
from edgeconv.parity import gates
from edgeconv.parity import verdict as check
from edgeconv.runtimes.predict import predict_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "conversion"
_OF_TASK = "accuracy_drop"  # is the float model's matter


def is_retrained(artifact: Artifact) -> bool:
    """Whether the weights were trained on before the export."""
    return "compression" in artifact.settings


def made_of(bundle: Bundle, artifact: Artifact) -> Path:
    """The Keras network that a file was made of: the float model, or a compressed one."""
    if not is_retrained(artifact):
        return bundle.model.path
    return bundle.compressed[artifact.settings["compression"]["name"]].path


def compressed_outputs(
    bundle: Bundle, dataset: Dataset, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    """Outputs (n, classes) of the bundle's compressed networks by name: those kept in the bundle,
    or computed by Keras now."""
    wanted = {a.settings["compression"]["name"] for a in bundle.artifacts if is_retrained(a)}
    found = {}
    for name, made in bundle.compressed.items():
        if name not in wanted:
            continue
        kept = bundles.read_reference(
            made.path.parent, dataset.sha256, made.sha256, f"{made.path.stem}.npz"
        )
        if kept is None:
            progress.note(f"the bundle keeps no outputs of {name} for these windows: Keras runs")
            kept, _ = predict_file(made.path, bundle.model.signal, dataset.windows, "keras")
        found[name] = kept
    return found


def with_conversion(
    artifact: Artifact,
    result: ParityResult,
    networks: Mapping[str, NDArray[np.float32]],
    outputs: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> ParityResult:
    """The result with the verdict on the conversion added, by the gates of the scheme."""
    if not is_retrained(artifact) or not result.n:
        return result
    name = artifact.settings["compression"]["name"]
    if name not in networks:
        return _with(result, Status.NOT_RUN, None, None, f"the bundle holds no network '{name}'")
    limits = gates.default_gates(artifact.target, artifact.scheme)
    limits.pop(_OF_TASK)
    own = check.check_parity(
        artifact, result.runtime, networks[name], outputs, labels, limits, result.machine
    )
    reason = f"against compressed/{name}.keras: {own.reason}" if own.reason else ""
    told = _with(result, own.status, own.metrics.get("snr_db"), limits.get("snr_db"), reason)
    numbers = {f"{NAME}_{key}": own.metrics[key] for key in limits if key in own.metrics}
    return replace(told, metrics={**told.metrics, **numbers})


def _with(
    result: ParityResult, status: Status, value: float | None, limit: float | None, reason: str
) -> ParityResult:
    made: dict[str, Any] = {"value": value, "limit": limit}
    verdict = Check(NAME, status, **made, direction=">=", reason=reason)
    told = f"{NAME}: {reason}" if reason else ""
    return replace(
        result,
        checks=(*result.checks, verdict),
        status=worst((result.status, status)),
        reason="; ".join(filter(None, (result.reason, told))),
    )
