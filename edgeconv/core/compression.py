"""What may be done to a trained network's weights before it is exported.

How a network learns from another one's soft labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core.export_report import KernelStatistics
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.paths import member
from edgeconv.errors import UsageError


@dataclass(frozen=True)
class Distillation:
    """Soft labels of a teacher, for the same augmented windows (Hinton, Vinyals & Dean, 2015).

    Attributes:
        teacher: a network's name, which is fitted to the training subjects first, or the `.keras`
            file of a bundle, which is used as it is.
        epochs, learning_rate: of the teacher's own fit; its other settings are the student's.
        temperature: divides both networks' logits before they are compared.
        weight: share of the comparison with the teacher in the loss; the rest is of the labels.
    """

    teacher: str = "har"
    epochs: int = 30
    learning_rate: float = 1e-3
    temperature: float = 2.0
    weight: float = 0.5

    def __post_init__(self) -> None:
        if not self.teacher:
            raise UsageError("distillation: name a teacher", "a network's name or a .keras file")
        if self.epochs < 1:
            raise UsageError(
                "distillation: epochs must be at least 1",
                "give the number of epochs, 30 for example",
            )
        if not 0 < self.weight <= 1:
            raise UsageError(
                "distillation: weight must be above 0 and at most 1",
                "it is the teacher's share of the loss: 0.5 weighs both alike",
            )
        for name in ("learning_rate", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(
                    f"distillation: {name} must be above 0",
                    "learning_rate 1e-3 and temperature 2 are usual",
                )

    @property
    def is_file(self) -> bool:
        """Whether the teacher is a file that exists before the training."""
        return self.teacher.endswith(".keras")


@dataclass(frozen=True)
class Compression:
    """One method, or several, one after the other.

    Attributes:
        sparsity: share of each compressed kernel's weights that becomes 0; 0: none is left out.
        pattern: `2:4` leaves at most two of four neighboring input channels; empty: anywhere.
        clusters: most different numbers that a compressed kernel holds, 0 included; 0: any number.
        bits: of the weights that quantization-aware training rounds to; 0: it rounds nothing.
    """

    name: str
    sparsity: float = 0.0
    pattern: str = ""
    clusters: int = 0
    bits: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1 or self.pattern not in ("", "2:4"):
            raise UsageError(
                f"compression '{self.name}': no such sparsity",
                "a share of zeros from 0 to below 1, such as 0.8, or the pattern 2:4",
            )
        if self.clusters == 1 or not 0 <= self.clusters <= MAX_CLUSTERS:
            raise UsageError(
                f"compression '{self.name}': clusters must be 2 to {MAX_CLUSTERS}",
                "16 clusters fit 4 bits a weight, 256 fit 8",
            )
        if self.bits not in (0, 4, 8):
            raise UsageError(
                f"compression '{self.name}': weights are trained for 4 or 8 bits",
                "use 8 for int8 files, 4 for int4",
            )


MAX_CLUSTERS = 256
"""As many numbers as the largest palette of a file holds."""

RECOMMENDED_COMPRESSIONS = (
    *("prune50", "prune75", "prune80", "prune90", "prune2of4"),
    *("cluster32", "cluster16", "cluster8", "cluster4"),
    *("prune50-cluster16", "prune75-cluster16", "prune80-cluster16", "prune2of4-cluster16"),
    *("qat8", "qat4"),
    *("prune80-qat8", "prune2of4-qat8", "cluster16-qat8", "prune80-cluster16-qat8"),
)
"""Names that have been measured (docs/how-to/compress.md)."""

COMPRESSION_GRAMMAR = "prune<percent> or prune2of4, cluster<numbers>, qat8 or qat4, joined by '-'"
_NAME = re.compile(
    r"(?:prune(?:(?P<percent>[1-9][0-9]?)|(?P<pattern>2of4)))?"
    r"(?:(?:^|-)cluster(?P<clusters>[1-9][0-9]{0,2}))?"
    r"(?:(?:^|-)qat(?P<bits>[48]))?"
)


def parse_compression(name: str) -> Compression:
    """The compression that a name stands for: `prune80-cluster16-qat8` prunes, clusters, trains.

    Raises:
        UsageError: the name does not follow the grammar.
    """
    match = _NAME.fullmatch(name)
    if match is None or not name:
        raise UsageError(
            f"unknown compression '{name}'",
            f"choose one of: {', '.join(RECOMMENDED_COMPRESSIONS)}; or write your own: "
            f"{COMPRESSION_GRAMMAR}",
        )
    percent = 50 if match["pattern"] else int(match["percent"] or 0)
    return Compression(
        name,
        sparsity=percent / 100,
        pattern="2:4" if match["pattern"] else "",
        clusters=int(match["clusters"] or 0),
        bits=int(match["bits"] or 0),
    )


@dataclass(frozen=True)
class FinetuneConfig:
    """How a network is fine-tuned after each step of a compression.

    The rest (batches, augmentation, loss, optimizer) is as in the training itself.

    Attributes:
        epochs: of each step; 80 % sparsity needs eight or more.
        learning_rate: the highest, of a cosine down to nearly 0.
    """

    epochs: int = 8
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(
                "compression: epochs must be at least 1",
                "8 are the default; sparsities above 0.5 need that many",
            )
        if not 0 < self.learning_rate < math.inf:
            raise UsageError("compression: learning_rate must be above 0", "5e-4 is the default")


class FinetuneFn(Protocol):
    """Fine-tunes a Keras network in place; the workflows make it with `training.finetune`."""

    def __call__(self, network: Any, after_step: Callable[[float], None] | None = None) -> None:
        """One fine-tuning of `network`, which maps the trained model's input to its output.

        `after_step` is called after each update of the weights with the share of steps that are
        done, above 0 and up to 1, and a last time, with 1, once the weights are final: how it
        changes them then stays.
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
        return replace(decode_fields(cls, data), path=member(folder, data["path"]))
