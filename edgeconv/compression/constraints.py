"""Constraints on compressed kernels, enforced while the network is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.targets.coreml.palette import palette_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SparsityMask:
    """Some weights are 0 and stay 0."""

    mask: NDArray[np.bool_]

    def __call__(self, weights: NDArray[Any]) -> NDArray[np.float32]:
        """The nearest weights that meet the constraint."""
        import numpy as np

        return np.where(self.mask, weights, 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ClusterAssignment:
    """Weights of one cluster share one value; those of the zero cluster stay 0.

    Attributes:
        cluster: number of each weight's cluster, in the kernel's shape.
        zero: number of the cluster that is 0; −1 where there is none.
    """

    cluster: NDArray[np.int64]
    zero: int = -1

    def __call__(self, weights: NDArray[Any]) -> NDArray[np.float32]:
        """The nearest weights that meet the constraint: each cluster's mean."""
        import numpy as np

        flat = self.cluster.ravel()
        counts = np.bincount(flat)
        means = np.bincount(flat, weights.ravel()) / np.maximum(counts, 1)
        if self.zero >= 0:
            means[self.zero] = 0
        return means.astype(np.float32)[self.cluster]


WeightConstraint = SparsityMask | ClusterAssignment


def cluster_weights(
    weights: NDArray[Any], clusters: int, mask: NDArray[np.bool_] | None = None
) -> ClusterAssignment:
    """Assign a kernel's weights to at most `clusters` clusters.

    Weights that `mask` leaves out form one cluster at 0, which counts toward `clusters`.
    """
    import numpy as np

    values = weights.astype(np.float64)
    used = values if mask is None else values[mask]
    points = palette_of(used, clusters if mask is None else clusters - 1)
    nearest = np.searchsorted((points[1:] + points[:-1]) / 2, values)
    if mask is None:
        return ClusterAssignment(nearest.astype(np.int64))
    return ClusterAssignment(np.where(mask, nearest + 1, 0).astype(np.int64), zero=0)
