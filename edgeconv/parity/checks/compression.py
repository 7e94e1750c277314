"""Does an exported file hold what its compression promised? Read from the file, not believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    COMPRESSIONS,
    SCHEMES,
    Artifact,
    Check,
    Compression,
    ParityResult,
    Status,
    Target,
    worst,
)
from edgeconv.targets.coreml import weights
from edgeconv.targets.tflite.kernels import read_kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPARSITY, DISTINCT, PATTERN = "sparsity", "distinct_weights", "weights_of_four"
_FOUR, _TWO = 4, 2


@dataclass(frozen=True, eq=False)
class Found:
    """A promised kernel as the file has it: (outputs, …), input channels on `axis`; `number` among
    all kernels of the file."""

    layer: str
    values: NDArray[Any]
    axis: int
    number: int


def with_promise(artifact: Artifact, result: ParityResult) -> ParityResult:
    """The result with what the compression promised of each kernel: the share of zeros, the most
    different numbers that an output channel holds, the most weights of each four."""
    compression = artifact.settings.get("compression")
    if not compression or not result.n:
        return result
    checks = tuple(_checks(artifact, COMPRESSIONS[compression["name"]], compression["kernels"]))
    told = [f"{check.name}: {check.reason}" for check in checks if check.reason]
    return replace(
        result,
        checks=(*result.checks, *checks),
        status=worst([result.status, *(check.status for check in checks)]),
        reason="; ".join(filter(None, (result.reason, *told))),
    )


def _checks(artifact: Artifact, method: Compression, promised: dict[str, Any]) -> Iterator[Check]:
    found = list(_find(artifact, promised))
    if len(found) < len(promised):
        missing = [layer for layer in promised if layer not in {f.layer for f in found}]
        reason = f"the kernel of {', '.join(missing)} is not in {artifact.name}"
        yield Check(SPARSITY, Status.FAILED, None, method.sparsity, ">=", reason)
        return
    if method.sparsity:
        least = min(found, key=_zeros)
        # The count of weights to leave out was rounded to a whole one.
        limit = method.sparsity - 0.5 / least.values.size
        reason = f"only {_zeros(least):.2%} of {least.layer} is 0" if _zeros(least) < limit else ""
        yield _check(SPARSITY, _zeros(least), method.sparsity, ">=", reason)
    if method.pattern:
        most, layer = max((_most_of_four(f), f.layer) for f in found)
        reason = f"{layer} has {most} weights in four input channels" if most > _TWO else ""
        yield _check(PATTERN, most, _TWO, "<=", reason)
    if method.clusters:
        most, layer = max((_distinct(f), f.layer) for f in found)
        limit = method.clusters * _scales(artifact, found[0]) + _zero(artifact)
        reason = f"an output of {layer} has {most} different weights" if most > limit else ""
        yield _check(DISTINCT, most, limit, "<=", reason)


def _check(name: str, value: float, limit: float, direction: str, reason: str) -> Check:
    status = Status.FAILED if reason else Status.PASSED
    return Check(name, status, float(value), float(limit), direction, reason)


def _find(artifact: Artifact, promised: dict[str, Any]) -> Iterator[Found]:
    """The promised kernels, which the file holds in the network's order among others."""
    left = enumerate(_kernels(artifact))
    for layer, facts in promised.items():
        for number, (values, axis) in left:
            if values.size == facts["weights"]:
                yield Found(layer, values, axis, number)
                break


def _kernels(artifact: Artifact) -> Iterator[tuple[NDArray[Any], int]]:
    """Each kernel and the axis of its input channels: the last one in TFLite, the second in Core
    ML."""
    if artifact.target is Target.TFLITE:
        for kernel in read_kernels(artifact.path):
            yield kernel.values, kernel.values.ndim - 1
    else:
        for weight in weights.read_weights(artifact.path):
            yield weight.values().reshape(weight.shape), 1


def _zeros(found: Found) -> float:
    return float((found.values == 0).mean())


def _distinct(found: Found) -> int:
    """Folding and scales go by output channel, so that a cluster's number differs between them."""
    import numpy as np

    rows = found.values.reshape(len(found.values), -1)
    return max(np.unique(row).size for row in rows)


def _most_of_four(found: Found) -> int:
    import numpy as np

    moved = np.moveaxis(found.values != 0, found.axis, -1)
    return int(moved.reshape(-1, _FOUR).sum(axis=1).max())


def _zero(artifact: Artifact) -> int:
    """1 where the scheme has a palette for the weights that stay, and 0 beside it."""
    scheme = SCHEMES[artifact.target][artifact.scheme]
    return int(scheme.palette and scheme.sparsity > 0)


def _scales(artifact: Artifact, first: Found) -> int:
    """How many scales the sensor's axes have, where they are folded into a promised kernel: the
    file's first one."""
    normalization = artifact.signal.normalization
    if normalization is None or first.number:
        return 1
    return len(set(normalization.std))
