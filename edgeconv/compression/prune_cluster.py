"""Pruning and clustering: the network is fine-tuned while its kernels meet their constraints.

After each update the weights are projected onto the constraints (projected gradient descent):
pruned weights to 0, clustered ones to their cluster's mean. That needs no special layer, so any
layer with a kernel can be compressed, and the network itself is saved.

Constraints on compressed kernels, enforced while the network is fine-tuned.

Masks of the weights that pruning keeps in a kernel, chosen by magnitude.

The kernels of a network that pruning and clustering change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.compression.model_file import open_network, save
from edgeconv.core import (
    Compressed,
    Compression,
    Dataset,
    FinetuneFn,
    KernelStatistics,
    Progress,
    TrainedModel,
)
from edgeconv.errors import Unsupported
from edgeconv.targets.coreml.weight_compression import palette_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

SMALLEST = 0.01
"""A kernel with a smaller share of all weights is not compressed: that gains nothing, and it is
often the first or the last one."""
_NAMES = (
    "kernel",
    "pointwise_kernel",
)  # a depthwise kernel has few weights, and needs each of them


@dataclass(frozen=True, eq=False)
class Kernel:
    """A weight that sums over input channels: their axis is the last but one, in Keras."""

    layer: str
    variable: Any

    def read(self) -> NDArray[np.float32]:
        """The current weights."""
        value: NDArray[np.float32] = self.variable.numpy()
        return value

    @property
    def axis(self) -> int:
        return len(self.variable.shape) - 2


def choose_kernels(network: Any, pattern: str) -> tuple[list[Kernel], dict[str, str]]:
    """The kernels to compress, and for each other one the reason, by its layer's name.

    Raises:
        Unsupported: there is no kernel to compress.
    """
    kernels = [
        Kernel(layer.name, weight)
        for layer in _layers(network)
        for weight in layer.weights
        if weight.name in _NAMES
    ]
    total = sum(_size(kernel) for kernel in kernels)
    chosen: list[Kernel] = []
    skipped: dict[str, str] = {}
    for kernel in kernels:
        channels = kernel.variable.shape[kernel.axis]
        if _size(kernel) < SMALLEST * total:
            skipped[kernel.layer] = f"{_size(kernel):,} of {total:,} weights"
        elif pattern and channels % GROUP:
            skipped[kernel.layer] = f"{channels} input channels are not a multiple of {GROUP}"
        else:
            chosen.append(kernel)
    if not chosen:
        reasons = "; ".join(f"{layer} ({reason})" for layer, reason in skipped.items())
        raise Unsupported(
            f"network '{network.name}' has no kernel to compress"
            + (f": {reasons}" * bool(skipped)),
            "compress networks with convolutions or dense layers, or leave the compression out",
        )
    return chosen, skipped


def _layers(network: Any) -> list[Any]:
    """All layers, with those of nested networks in place of the network."""
    layers = []
    for layer in network.layers:
        layers += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return layers


def _size(kernel: Kernel) -> int:
    size = 1
    for length in kernel.variable.shape:
        size *= int(length)
    return size


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


GROUP, PER_GROUP = 4, 2


def largest(weights: NDArray[Any], sparsity: float) -> Mask:
    """True for all but the smallest weights: exactly round(sparsity · size) are False.

    Among equal magnitudes the first ones are pruned first, so that weights that are already 0
    stay 0.
    """
    import numpy as np

    order = np.argsort(np.abs(weights), axis=None, kind="stable")
    mask = np.ones(weights.size, np.bool_)
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)


def two_of_four(weights: NDArray[Any], axis: int) -> Mask:
    """True for the two larger weights of each four neighbors along `axis`, whose length must be a
    multiple of four.

    `axis` is that of input channels. TFLite and Core ML store kernels in a different order than
    Keras (output, …, input and output, input, …), but sum over the same channels: the four stay
    neighbors along the input channels in both.
    """
    import numpy as np

    moved = np.moveaxis(np.abs(weights), axis, -1)
    groups = moved.reshape(*moved.shape[:-1], -1, GROUP)
    order = np.argsort(groups, axis=-1, kind="stable")
    mask = np.ones(groups.shape, np.bool_)
    np.put_along_axis(mask, order[..., : GROUP - PER_GROUP], values=False, axis=-1)
    return np.moveaxis(mask.reshape(moved.shape), -1, axis)


def ramp(done: float, final: float, until: float) -> float:
    """Sparsity after a share `done` of all steps: it rises fast at first, and reaches
    `final` at the share `until` (Zhu and Gupta, "To prune, or not to prune", 2017: a cubic)."""
    left = max(0.0, 1 - done / until)
    return final * (1 - left**3)


RAMP = 0.5  # share of the steps after which the sparsity is reached; the rest recovers accuracy
EVERY = 0.01  # share of all steps after which the masks are chosen again

Constraints = dict[str, WeightConstraint]
"""By the layer's name."""


def compress(
    method: Compression,
    model: TrainedModel,
    train: Dataset,  # noqa: ARG001 — `finetune` has the data; only the compression with activation ranges reads it
    finetune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Prune, cluster, or both, one after the other.

    Raises:
        Unsupported: the network has no kernel that the method can change.
        BadInput: the model cannot be read, or `out` cannot be written.
    """
    network = open_network(model.path, seed)
    constraints, skipped = apply_constraints(network, method, finetune, progress)
    digest = save(network, model.path, out)
    return Compressed(out, digest, kernels=describe(network, constraints), skipped_layers=skipped)


def apply_constraints(
    network: Any, method: Compression, finetune: FinetuneFn, progress: Progress
) -> tuple[Constraints, dict[str, str]]:
    """Prune and cluster the network's kernels in place, as `method` says.

    Returns the constraints, for any later training (`enforce`), and the reason for each kernel
    that is not compressed.

    Raises:
        Unsupported: no kernel that the method can change.
    """
    kernels, skipped = choose_kernels(network, method.pattern)
    for layer, reason in skipped.items():
        progress.note(f"{method.name}: {layer} is not compressed: {reason}")
    constraints: Constraints = {}
    if method.sparsity:
        progress.stage(f"prune: {method.sparsity:.0%} {method.pattern}".rstrip())
        constraints = _prune(network, kernels, method, finetune)
    if method.clusters:
        progress.stage(f"cluster: {method.clusters} values for each kernel")
        constraints = _cluster(network, kernels, method.clusters, constraints, finetune)
    return constraints, skipped


def enforce(network: Any, constraints: Constraints) -> Callable[[float], None]:
    """For `FinetuneFn`: projects the weights onto their constraints after each step.

    `network` may be another one, as long as its layers have the same names and kernels.
    """
    kernels = [k for k in choose_kernels(network, "")[0] if k.layer in constraints]

    def after_step(_: float) -> None:
        for kernel in kernels:
            kernel.variable.assign(constraints[kernel.layer](kernel.read()))

    return after_step


def describe(network: Any, constraints: Constraints) -> dict[str, KernelStatistics]:
    """Statistics of each compressed kernel, by layer."""
    import numpy as np

    kernels = {k.layer: k.read() for k in choose_kernels(network, "")[0] if k.layer in constraints}
    return {
        layer: KernelStatistics(
            weights=int(weights.size),
            zeros=int((weights == 0).sum()),
            distinct=int(np.unique(weights).size),
        )
        for layer, weights in kernels.items()
    }


def _prune(
    network: Any, kernels: list[Kernel], method: Compression, finetune: FinetuneFn
) -> Constraints:
    """Prune more and more of the smallest weights until `RAMP`; from then on the mask is fixed."""
    chosen: Constraints = {}
    last = -1.0

    def after_step(done: float) -> None:
        nonlocal last
        if last < RAMP and (done - last >= EVERY or done >= RAMP):
            last = done
            share = ramp(done, method.sparsity, RAMP)
            for kernel in kernels:
                chosen[kernel.layer] = SparsityMask(_mask(kernel, method, share))
        for kernel in kernels:
            kernel.variable.assign(chosen[kernel.layer](kernel.read()))

    finetune(network, after_step)
    return chosen


def _mask(kernel: Kernel, method: Compression, share: float) -> NDArray[np.bool_]:
    """Prunes the `share` of smallest weights; with a pattern, only weights that it may prune."""
    import numpy as np

    weights = kernel.read()
    if not method.pattern:
        return largest(weights, share)
    pattern = two_of_four(weights, kernel.axis)
    if share >= method.sparsity:
        return pattern
    return pattern | largest(np.where(pattern, np.inf, weights), share)


def _cluster(
    network: Any,
    kernels: list[Kernel],
    clusters: int,
    pruned: Constraints,
    finetune: FinetuneFn,
) -> Constraints:
    """Replace each weight by the nearest of a few values, and train these values."""
    clustered: Constraints = {}
    for kernel in kernels:
        before = pruned.get(kernel.layer)
        mask = before.mask if isinstance(before, SparsityMask) else None
        clustered[kernel.layer] = cluster_weights(kernel.read(), clusters, mask)
    after_step = enforce(network, clustered)
    after_step(0.0)
    finetune(network, after_step)
    return clustered
