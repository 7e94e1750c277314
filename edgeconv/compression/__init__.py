"""Compress a trained network: the same layers and contract, fine-tuned while it is compressed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edgeconv.core import Dataset, Progress, TrainedModel
from edgeconv.core.compression import Compressed, Compression, FinetuneFn, parse_compression
from edgeconv.plugins import load

_PRUNE_CLUSTER = "edgeconv.compression.prune_cluster:compress"
_QAT = "edgeconv.compression.qat:compress"


class Compressor(Protocol):
    """How a kind of compression is carried out."""

    def __call__(
        self,
        method: Compression,
        model: TrainedModel,
        train: Dataset,
        finetune: FinetuneFn,
        out: Path,
        seed: int,
        progress: Progress,
    ) -> Compressed:
        """Write `out`, a `.keras` file, atomically.

        `train` are recordings of the subjects that the model was fitted on, and of no others;
        `finetune` uses them. The same arguments give the same weights.
        """


def compress(
    name: str,
    model: TrainedModel,
    train: Dataset,
    finetune: FinetuneFn,
    out: Path,
    seed: int,
    progress: Progress,
) -> Compressed:
    """Compress a trained model with the method of a given name.

    Args:
        name: such as `prune80-cluster16-qat8` (`core.compression.parse_compression`).
        model: the model to compress.
        train: recordings of the subjects that the model was fitted on, and of no others.
        finetune: fine-tunes a network on `train`.
        out: the `.keras` file to write.
        seed: of all random choices.
        progress: is notified of each step.

    Raises:
        UsageError: the name does not follow the grammar.
        Unsupported: the network has no kernel that the method can change.
        BadInput: the model cannot be read, or `out` cannot be written.
    """
    method = parse_compression(name)
    compressor: Compressor = load(_QAT if method.bits else _PRUNE_CLUSTER)
    return compressor(method, model, train, finetune, out, seed, progress)
