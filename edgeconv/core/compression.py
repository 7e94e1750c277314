"""What may be done to a trained network's weights before it is exported."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core.export_report import KernelStatistics
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.errors import UsageError


@dataclass(frozen=True)
class Compression:
    """One method, or several, one after the other.

    Attributes:
        sparsity: share of each compressed kernel's weights that becomes 0; 0: none is left out.
        pattern: `2:4` leaves at most two of four neighbouring input channels; empty: anywhere.
        clusters: most different numbers that a compressed kernel holds, 0 included; 0: any number.
        bits: of the weights that quantization-aware training rounds to; 0: it rounds nothing.
    """

    name: str
    sparsity: float = 0.0
    pattern: str = ""
    clusters: int = 0
    bits: int = 0


_TABLE = (
    Compression("prune50", 0.5),
    Compression("prune75", 0.75),
    Compression("prune80", 0.8),
    Compression("prune90", 0.9),
    Compression("prune2of4", 0.5, "2:4"),
    Compression("cluster32", clusters=32),
    Compression("cluster16", clusters=16),
    Compression("cluster8", clusters=8),
    Compression("cluster4", clusters=4),
    Compression("prune50-cluster16", 0.5, clusters=16),
    Compression("prune75-cluster16", 0.75, clusters=16),
    Compression("prune80-cluster16", 0.8, clusters=16),
    Compression("prune2of4-cluster16", 0.5, "2:4", 16),
    Compression("qat8", bits=8),
    Compression("qat4", bits=4),
    Compression("prune80-qat8", 0.8, bits=8),
    Compression("prune2of4-qat8", 0.5, "2:4", bits=8),
    Compression("cluster16-qat8", clusters=16, bits=8),
    Compression("prune80-cluster16-qat8", 0.8, clusters=16, bits=8),
)
COMPRESSIONS: dict[str, Compression] = {each.name: each for each in _TABLE}
"""Every method. A `-` in a name joins what is done one after the other."""


@dataclass(frozen=True)
class FinetuneConfig:
    """How a network is trained on after each step of a compression.

    The rest (batches, augmentation, loss, optimizer) is as in the training itself.

    Attributes:
        epochs: of each step; 80 % sparsity needs eight or more.
        learning_rate: the highest, of a cosine down to nearly 0.
    """

    epochs: int = 8
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError("compression: epochs must be at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError("compression: learning_rate must be above 0")


class FinetuneFn(Protocol):
    """Trains a Keras network on, in place; the pipeline makes it of the room `train`."""

    def __call__(self, network: Any, after_step: Callable[[float], None] | None = None) -> None:
        """One fine-tuning of `network`, which maps the trained model's input to its output.

        `after_step` is called after each update of the weights with the share of steps that are
        done, above 0 and up to 1, and a last time, with 1, once the weights are final: what it
        makes of them then stays.
        """


@dataclass(frozen=True)
class Compressed:
    """A `.keras` file of the same architecture and contract as the trained one.

    Attributes:
        ranges: lowest and highest value of each layer's output by the layer's name, and of the
            input as `sensor`, that quantization-aware training ended with; else empty.
        kernels: what each compressed kernel holds, by layer.
        skipped_layers: layers whose kernels were left alone, with the reason.
        bits: of the weights that quantization-aware training rounded to; 0: it rounded nothing.
    """

    path: Path
    sha256: str
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    kernels: dict[str, KernelStatistics] = field(default_factory=dict)
    skipped_layers: dict[str, str] = field(default_factory=dict)
    bits: int = 0

    def to_json(self) -> dict[str, Any]:
        """For the manifest; the path is the file's name."""
        return {**encode_fields(self), "path": self.path.name}

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> Compressed:
        return replace(decode_fields(cls, data), path=folder / data["path"])
