"""Does an artifact have the sparsity and clusters of its compression? Read from its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Check,
    Compression,
    KernelStatistics,
    Status,
    parse_compression,
)
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext
from edgeconv.targets.base import find_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPARSITY, DISTINCT, PATTERN = "sparsity", "distinct_weights", "weights_of_four"
_FOUR, _TWO = 4, 2


@dataclass(frozen=True, eq=False)
class CompressedKernel:
    """A kernel that a compression worked on, as the file stores it.

    Attributes:
        values: (outputs, …); its input channels are on `axis`.
        number: its place among all kernels of the file.
    """

    layer: str
    values: NDArray[Any]
    axis: int
    number: int


def _judge(_: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    """The smallest share of zeros, the most distinct values of an output channel, and the most
    weights in a group of four, over all kernels that the compression worked on."""
    artifact = run.artifact
    compression = artifact.export.compression
    if compression:
        method = parse_compression(compression.name)
        yield from _checks(artifact, method, compression.kernels)


def _checks(
    artifact: Artifact, method: Compression, listed: Mapping[str, KernelStatistics]
) -> Iterator[Check]:
    kernels = list(_compressed_kernels(artifact, listed))
    if len(kernels) < len(listed):
        missing = [layer for layer in listed if layer not in {k.layer for k in kernels}]
        reason = f"the kernel of {', '.join(missing)} is not in {artifact.name}"
        yield Check(SPARSITY, Status.FAILED, None, method.sparsity, ">=", reason)
        return
    if method.sparsity:
        least = min(kernels, key=_zeros)
        # The number of weights to remove was rounded to a whole one.
        limit = method.sparsity - 0.5 / least.values.size
        reason = f"only {_zeros(least):.2%} of {least.layer} is 0" if _zeros(least) < limit else ""
        yield _check(SPARSITY, _zeros(least), method.sparsity, ">=", reason)
    if method.pattern:
        most, layer = max((_most_of_four(k), k.layer) for k in kernels)
        reason = f"{layer} has {most} weights in four input channels" if most > _TWO else ""
        yield _check(PATTERN, most, _TWO, "<=", reason)
    if method.clusters:
        most, layer = max((_distinct(k), k.layer) for k in kernels)
        limit = method.clusters * _scales(artifact, kernels[0]) + _zero(artifact)
        reason = f"an output of {layer} has {most} different weights" if most > limit else ""
        yield _check(DISTINCT, most, limit, "<=", reason)


def _check(name: str, value: float, limit: float, direction: str, reason: str) -> Check:
    status = Status.FAILED if reason else Status.PASSED
    return Check(name, status, float(value), float(limit), direction, reason)


def _compressed_kernels(
    artifact: Artifact, listed: Mapping[str, KernelStatistics]
) -> Iterator[CompressedKernel]:
    """The listed kernels, which the file stores in the network's order among others."""
    left = enumerate(find_target(artifact.target).reader.kernels(artifact.path))
    for layer, facts in listed.items():
        for number, (values, axis) in left:
            if values.size == facts.weights:
                yield CompressedKernel(layer, values, axis, number)
                break


def _zeros(kernel: CompressedKernel) -> float:
    return float((kernel.values == 0).mean())


def _distinct(kernel: CompressedKernel) -> int:
    """By output channel: folding and scales give one cluster another value in each of them."""
    import numpy as np

    rows = kernel.values.reshape(len(kernel.values), -1)
    return max(np.unique(row).size for row in rows)


def _most_of_four(kernel: CompressedKernel) -> int:
    import numpy as np

    moved = np.moveaxis(kernel.values != 0, kernel.axis, -1)
    return int(moved.reshape(-1, _FOUR).sum(axis=1).max())


def _zero(artifact: Artifact) -> int:
    """1 if the scheme stores zeros beside a palette of the other weights."""
    scheme = find_target(artifact.target).scheme(artifact.scheme)
    return int(scheme.palette and scheme.sparsity > 0)


def _scales(artifact: Artifact, first: CompressedKernel) -> int:
    """How many scales of input channels are folded into the first kernel, if it is compressed."""
    normalization = artifact.signal.normalization
    if normalization is None or first.number:
        return 1
    return len(set(normalization.std))


CHECK = ParityCheck((SPARSITY, DISTINCT, PATTERN), _judge)
