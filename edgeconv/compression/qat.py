"""Quantization-aware training, alone or while pruned and clustered weights keep what they are.

tensorflow-model-optimization refuses `Conv1D`; here any network of the table in `chain.py` is
trained as its integer file computes it, so that the file's integers are those of the training.
Ranges of activations are measured on the float network before the first step, on windows of the
people that it learns from, and stay: the network learns to live within them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.compression import weights
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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOWS = 500  # that ranges are measured on, spread over all recordings
LIMIT = 40.0  # m/s²: as in a calibration after training, one knock shall not cost all resolution


def compress(
    method: Compression,
    model: TrainedModel,
    train: Dataset,
    tune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Train the network on with weights and activations rounded.

    Raises:
        Unsupported: a layer that cannot be trained so, or no kernel to prune or cluster.
        BadInput: the model cannot be read, or `out` not written.
    """
    from edgeconv.compression.fake_quant import QATGraph, QATModel, measure_ranges

    network = open_network(model.path, seed)
    graph = QATGraph.of(network, model.signal, method.bits)
    holds: weights.Holds = {}
    left: dict[str, str] = {}
    if method.sparsity or method.clusters:
        holds, left = weights.retrain(network, method, tune, progress)
    progress.stage(f"quantization-aware training: {method.bits}-bit weights")
    inputs = _inputs(train, model.signal)
    ranges = measure_ranges(graph, inputs)
    tune(QATModel(network, graph, ranges), weights.keep(network, holds) if holds else None)
    digest = save(network, model.path, out)
    kernels = weights.describe(network, holds)
    return Compressed(out, digest, ranges, kernels, skipped_layers=left, bits=method.bits)


def _inputs(train: Dataset, signal: Signal) -> NDArray[np.float32]:
    """Normalized windows, spread evenly over the data set."""
    import numpy as np

    rows = np.unique(np.linspace(0, len(train) - 1, WINDOWS).round().astype(int))
    return signal.encode(np.clip(train.windows[rows], -LIMIT, LIMIT))
