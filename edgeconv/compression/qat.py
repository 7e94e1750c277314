"""Quantization-aware training, alone or while pruned and clustered weights meet their constraints.

tensorflow-model-optimization does not support `Conv1D`; here a network is trained as its integer
file computes it (`qat_graph.py`), so that the file has the same integers as the training. Ranges of
activations are measured on the float network before the first step, on windows of the training
subjects, and are then fixed: the network learns to work within them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.compression import prune_cluster
from edgeconv.compression.model_file import open_network, save
from edgeconv.core import (
    Compressed,
    Compression,
    Dataset,
    FinetuneFn,
    Progress,
    Signal,
    TrainedModel,
)
from edgeconv.ir.calibration import READING_LIMIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOWS = 500  # on which ranges are measured, spread over all recordings


def compress(
    method: Compression,
    model: TrainedModel,
    train: Dataset,
    finetune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Fine-tune the network with weights and activations rounded.

    Raises:
        Unsupported: a layer whose integers cannot be trained, or no kernel to prune or cluster.
        BadInput: the model cannot be read, or `out` cannot be written.
    """
    from edgeconv.compression.fake_quant import QATGraph, QATModel, measure_ranges

    network = open_network(model.path, seed)
    graph = QATGraph.of(network, model.signal, method.bits)
    constraints: prune_cluster.Constraints = {}
    skipped: dict[str, str] = {}
    if method.sparsity or method.clusters:
        constraints, skipped = prune_cluster.apply_constraints(network, method, finetune, progress)
    progress.stage(f"quantization-aware training: {method.bits}-bit weights")
    inputs = _inputs(train, model.signal)
    ranges = measure_ranges(graph, inputs)
    after_step = prune_cluster.enforce(network, constraints) if constraints else None
    finetune(QATModel(network, graph, ranges), after_step)
    digest = save(network, model.path, out)
    kernels = prune_cluster.describe(network, constraints)
    return Compressed(out, digest, ranges, kernels, skipped_layers=skipped, bits=method.bits)


def _inputs(train: Dataset, signal: Signal) -> NDArray[np.float32]:
    """Normalized windows, spread evenly over the data set."""
    import numpy as np

    rows = np.unique(np.linspace(0, len(train) - 1, WINDOWS).round().astype(int))
    return signal.encode(np.clip(train.take(rows), -READING_LIMIT, READING_LIMIT))
