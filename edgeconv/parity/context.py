"""What the artifacts of a bundle are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Dataset,
    EvaluationData,
    MachineInfo,
    Progress,
)
from edgeconv.core.paths import sha256
from edgeconv.core.signal import EMBEDDING
from edgeconv.core.tensors import LOGITS
from edgeconv.environment import describe_machine
from edgeconv.parity import significance
from edgeconv.parity.classification import labels_for, softmax
from edgeconv.parity.golden import GoldenSet, read_golden
from edgeconv.parity.output_comparison import ReferenceOutputs
from edgeconv.runtimes import RuntimeChoice
from edgeconv.runtimes.predict import predict_file, predict_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ParityContext:
    """A bundle with the windows and the float outputs that its artifacts are compared on.

    Attributes:
        float_outputs: probabilities of the float model, (windows, classes); of logits the softmax.
        data: what the results say of the windows: spec, name, split, digest, subjects.
        limits: gates of the recipe and of the caller, which go before those of a scheme.
        progress: receives stages, progress and notes.
        choice: how runtimes compute that can in several ways.
    """

    bundle: Bundle
    dataset: Dataset
    float_outputs: NDArray[np.float32]
    data: EvaluationData
    limits: Mapping[str, float] = field(default_factory=dict)
    progress: Progress = NULL_PROGRESS
    choice: RuntimeChoice = field(default_factory=RuntimeChoice)
    _network_outputs: dict[str, NDArray[np.float32]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """True classes, as the model numbers them."""
        return labels_for(self.bundle.model.signal, self.dataset)

    @cached_property
    def reference(self) -> ReferenceOutputs:
        """The float model's outputs with all that a comparison needs."""
        return self._reference(self.float_outputs)

    @cached_property
    def golden(self) -> GoldenSet | None:
        """The bundle's golden vectors, if it has any."""
        return read_golden(self.bundle)

    @cached_property
    def machine(self) -> MachineInfo:
        """Where the artifacts run."""
        return describe_machine()

    @property
    def level(self) -> float:
        """The confidence of every bound."""
        return significance.level_of(self.limits)

    @property
    def requested_limits(self) -> dict[str, float]:
        """The limits that are not the recipe's."""
        recipe = self.bundle.gates
        return {name: limit for name, limit in self.limits.items() if recipe.get(name) != limit}

    def compressed_reference(self, name: str) -> ReferenceOutputs | None:
        """Outputs of the compressed network `name`, computed by Keras if the bundle keeps none;
        None if the bundle has no such network."""
        network = self.bundle.compressed.get(name)
        if network is None:
            return None
        if name not in self._network_outputs:
            outputs = bundles.read_reference(
                network.path.parent,
                self.dataset.sha256,
                network.sha256,
                f"{network.path.stem}.npz",
            )
            if outputs is None:
                self.progress.note(f"the bundle keeps no outputs of {name} here: Keras runs it")
                signal = self.bundle.model.signal
                outputs, _ = predict_file(network.path, signal, self.dataset.windows, "keras")
            self._network_outputs[name] = outputs
        return self._reference(self._network_outputs[name], windows=False)

    def embedding(self, network: Path) -> NDArray[np.float32]:
        """(windows, size): what the last dense layer of a Keras file of the bundle reads."""
        key = f"{network}:{EMBEDDING}"
        if key not in self._network_outputs:
            digest, name = sha256(network), bundles.embedding_file(network)
            stored = bundles.read_outputs(network.parent, self.dataset.sha256, digest, name)
            if stored is None:
                self.progress.note(f"Keras computes the embeddings of {network.name}")
                signal, windows = self.bundle.model.signal, self.dataset.windows
                outputs = predict_outputs(network, signal, windows, "keras", embedding=True)
                assert outputs.embedding is not None
                stored = {EMBEDDING: outputs.embedding}
            self._network_outputs[key] = stored[EMBEDDING]
        return self._network_outputs[key]

    def _reference(self, outputs: NDArray[np.float32], windows: bool = True) -> ReferenceOutputs:
        return ReferenceOutputs(
            outputs,
            self.labels,
            class_names=self.bundle.model.signal.labels,
            subjects=self.dataset.subjects,
            windows=self.dataset.windows if windows else None,
        )


def is_retrained(artifact: Artifact) -> bool:
    """Whether its weights were trained again, by a compression, before the export."""
    return artifact.export.compression is not None


def source_model(bundle: Bundle, artifact: Artifact) -> Path:
    """The Keras file that an artifact was exported from: the float model or a compressed one."""
    compression = artifact.export.compression
    return bundle.compressed[compression.name].path if compression else bundle.model.path


def float_outputs(bundle: Bundle, dataset: Dataset, progress: Progress) -> NDArray[np.float32]:
    """The float model's probabilities: those that the bundle keeps, or computed by Keras now."""
    outputs = bundles.read_reference(bundle.path, dataset.sha256, bundle.model.sha256)
    if outputs is None:
        progress.note("the bundle keeps no float outputs for these windows: Keras computes them")
        model = bundle.model
        outputs, _ = predict_file(model.path, model.signal, dataset.windows, "keras")
    return softmax(outputs) if any(map(gives_logits, bundle.artifacts)) else outputs


def gives_logits(artifact: Artifact) -> bool:
    """Whether a file's output is called logits: its probabilities are the softmax of it."""
    return LOGITS in [output.name for output in artifact.outputs]
