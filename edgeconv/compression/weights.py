"""Pruning and clustering: the network is trained on while its weights are held to the promise.

After each update the weights are put back to the nearest ones that keep it (projected gradient
descent): left-out weights to 0, clustered ones to their cluster's mean. That needs no layer of its
own, so that any layer with a kernel can be compressed, and what is saved is the network itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.compression import constraints, masks
from edgeconv.compression.constraints import Hold, Masked
from edgeconv.compression.kernels import Kernel, choose
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

RAMP = 0.5  # share of the steps by which the sparsity is reached; the rest heals
EVERY = 0.01  # share of all steps after which the masks are chosen anew

Holds = dict[str, Hold]  # by the layer's name


def compress(
    method: Compression,
    model: TrainedModel,
    train: Dataset,  # noqa: ARG001 — `tune` has it; ranges of activations need it, weights do not
    tune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Prune, cluster, or both, one after the other.

    Raises:
        Unsupported: the network has no kernel that the method can change.
        BadInput: the model cannot be read, or `out` not written.
    """
    network = open_network(model.path, seed)
    holds, left = retrain(network, method, tune, progress)
    digest = save(network, model.path, out)
    return Compressed(out, digest, kernels=describe(network, holds), skipped_layers=left)


def retrain(
    network: Any, method: Compression, tune: FinetuneFn, progress: Progress
) -> tuple[Holds, dict[str, str]]:
    """Bring the network's kernels to what `method` says of sparsity and clusters, in place.

    What comes back holds them there in any later training (`keep`), and says why other kernels
    stay as they are.

    Raises:
        Unsupported: no kernel that the method can change.
    """
    kernels, left = choose(network, method.pattern)
    for layer, reason in left.items():
        progress.note(f"{method.name}: {layer} stays as it is: {reason}")
    holds: Holds = {}
    if method.sparsity:
        progress.stage(f"prune: {method.sparsity:.0%} {method.pattern}".rstrip())
        holds = _prune(network, kernels, method, tune)
    if method.clusters:
        progress.stage(f"cluster: {method.clusters} numbers a kernel")
        holds = _cluster(network, kernels, method.clusters, holds, tune)
    return holds, left


def keep(network: Any, holds: Holds) -> Callable[[float], None]:
    """For `FinetuneFn`: after each step, weights are what `holds` says.

    `network` may be another one, as long as its layers have the same names and kernels.
    """
    kernels = [k for k in choose(network, "")[0] if k.layer in holds]

    def after_step(_: float) -> None:
        for kernel in kernels:
            kernel.variable.assign(holds[kernel.layer](kernel.read()))

    return after_step


def describe(network: Any, holds: Holds) -> dict[str, KernelStatistics]:
    """Statistics of each compressed kernel as it is now, by layer."""
    import numpy as np

    kernels = {k.layer: k.read() for k in choose(network, "")[0] if k.layer in holds}
    return {
        layer: KernelStatistics(
            weights=int(weights.size),
            zeros=int((weights == 0).sum()),
            distinct=int(np.unique(weights).size),
        )
        for layer, weights in kernels.items()
    }


def _prune(network: Any, kernels: list[Kernel], method: Compression, tune: FinetuneFn) -> Holds:
    """Leave out ever more of the smallest weights, until `RAMP`; from there on the same ones."""
    chosen: Holds = {}
    last = -1.0

    def after_step(done: float) -> None:
        nonlocal last
        if last < RAMP and (done - last >= EVERY or done >= RAMP):
            last = done
            share = masks.ramp(done, method.sparsity, RAMP)
            for kernel in kernels:
                chosen[kernel.layer] = Masked(_mask(kernel, method, share))
        for kernel in kernels:
            kernel.variable.assign(chosen[kernel.layer](kernel.read()))

    tune(network, after_step)
    return chosen


def _mask(kernel: Kernel, method: Compression, share: float) -> NDArray[np.bool_]:
    """The `share` of smallest weights is left out; of a pattern, only weights that it may drop."""
    import numpy as np

    weights = kernel.read()
    if not method.pattern:
        return masks.largest(weights, share)
    pattern = masks.two_of_four(weights, kernel.axis)
    if share >= method.sparsity:
        return pattern
    return pattern | masks.largest(np.where(pattern, np.inf, weights), share)


def _cluster(
    network: Any, kernels: list[Kernel], clusters: int, holds: Holds, tune: FinetuneFn
) -> Holds:
    """Share weights among the nearest of a few numbers, and train these numbers."""
    shared: Holds = {}
    for kernel in kernels:
        held = holds.get(kernel.layer)
        mask = held.mask if isinstance(held, Masked) else None
        shared[kernel.layer] = constraints.share(kernel.read(), clusters, mask)
    after_step = keep(network, shared)
    after_step(0.0)
    tune(network, after_step)
    return shared
