"""Trained network → a smaller one of the same layers and contract, trained on as it shrinks."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgeconv.plugins import choose
from edgeconv.types import Dataset, Progress, TrainedModel
from edgeconv.types.compression import COMPRESSIONS, Compressed, Compression, Tune

COMPRESSORS: dict[str, str] = {
    "prune50": "edgeconv.compress.weights:compress",
    "prune75": "edgeconv.compress.weights:compress",
    "prune80": "edgeconv.compress.weights:compress",
    "prune90": "edgeconv.compress.weights:compress",
    "prune2of4": "edgeconv.compress.weights:compress",
    "cluster32": "edgeconv.compress.weights:compress",
    "cluster16": "edgeconv.compress.weights:compress",
    "cluster8": "edgeconv.compress.weights:compress",
    "cluster4": "edgeconv.compress.weights:compress",
    "prune50-cluster16": "edgeconv.compress.weights:compress",
    "prune75-cluster16": "edgeconv.compress.weights:compress",
    "prune80-cluster16": "edgeconv.compress.weights:compress",
    "prune2of4-cluster16": "edgeconv.compress.weights:compress",
    "qat8": "edgeconv.compress.qat:compress",
    "qat4": "edgeconv.compress.qat:compress",
    "prune80-qat8": "edgeconv.compress.qat:compress",
    "prune2of4-qat8": "edgeconv.compress.qat:compress",
    "cluster16-qat8": "edgeconv.compress.qat:compress",
    "prune80-cluster16-qat8": "edgeconv.compress.qat:compress",
}


class Compressor(Protocol):
    """What an entry of the table names."""

    def __call__(
        self,
        method: Compression,
        model: TrainedModel,
        train: Dataset,
        tune: Tune,
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
    tune: Tune,
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
