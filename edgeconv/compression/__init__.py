"""Trained network → a smaller one of the same layers and contract, trained on as it shrinks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgeconv.core import Dataset, Progress, TrainedModel
from edgeconv.core.compression import COMPRESSIONS, Compressed, Compression, FinetuneFn
from edgeconv.plugins import choose

COMPRESSORS: dict[str, str] = {
    "prune50": "edgeconv.compression.weights:compress",
    "prune75": "edgeconv.compression.weights:compress",
    "prune80": "edgeconv.compression.weights:compress",
    "prune90": "edgeconv.compression.weights:compress",
    "prune2of4": "edgeconv.compression.weights:compress",
    "cluster32": "edgeconv.compression.weights:compress",
    "cluster16": "edgeconv.compression.weights:compress",
    "cluster8": "edgeconv.compression.weights:compress",
    "cluster4": "edgeconv.compression.weights:compress",
    "prune50-cluster16": "edgeconv.compression.weights:compress",
    "prune75-cluster16": "edgeconv.compression.weights:compress",
    "prune80-cluster16": "edgeconv.compression.weights:compress",
    "prune2of4-cluster16": "edgeconv.compression.weights:compress",
    "qat8": "edgeconv.compression.qat:compress",
    "qat4": "edgeconv.compression.qat:compress",
    "prune80-qat8": "edgeconv.compression.qat:compress",
    "prune2of4-qat8": "edgeconv.compression.qat:compress",
    "cluster16-qat8": "edgeconv.compression.qat:compress",
    "prune80-cluster16-qat8": "edgeconv.compression.qat:compress",
}


class Compressor(Protocol):
    """What an entry of the table names."""

    def __call__(
        self,
        method: Compression,
        model: TrainedModel,
        train: Dataset,
        tune: FinetuneFn,
        out: Path,
        seed: int,
        progress: Progress,
    ) -> Compressed:
        """Write `out`, a `.keras` file; whole or not at all.

        `train` are recordings of the people that the model was fitted on, and of nobody else;
        `tune` trains a network on with them. The same arguments give the same weights.
        """


def compress(
    name: str,
    model: TrainedModel,
    train: Dataset,
    tune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Compress `model` into the file `out` by the method of that name.

    Raises:
        UsageError: no such method.
        Unsupported: the network has no kernel that the method can change.
        BadInput: the model cannot be read, or `out` not written.
    """
    compressor: Compressor = choose("compression", COMPRESSORS, name)
    return compressor(COMPRESSIONS[name], model, train, tune, out, seed, progress)
