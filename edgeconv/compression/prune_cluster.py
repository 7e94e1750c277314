"""Pruning and clustering: the network is fine-tuned while its kernels meet their constraints.

After each update the weights are projected onto the constraints (projected gradient descent):
pruned weights to 0, clustered ones to their cluster's mean. That needs no special layer, so any
layer with a kernel can be compressed, and the network itself is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.compression import masks
from edgeconv.compression.constraints import SparsityMask, WeightConstraint, cluster_weights
from edgeconv.compression.kernels import Kernel, choose_kernels
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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
            share = masks.ramp(done, method.sparsity, RAMP)
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
        return masks.largest(weights, share)
    pattern = masks.two_of_four(weights, kernel.axis)
    if share >= method.sparsity:
        return pattern
    return pattern | masks.largest(np.where(pattern, np.inf, weights), share)


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
