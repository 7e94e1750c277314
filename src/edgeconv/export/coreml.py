"""Core ML: one traced network through coremltools, one precision and system version at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.export.targets import Exporter
from edgeconv.formats import mlpackage_metadata
from edgeconv.formats.card import Card
from edgeconv.types import Variant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.export.network import Traced


def convert(
    traced: Traced, variant: Variant, calibration: NDArray[np.float32] | None, path: Path
) -> None:
    """Write coremltools' bare package; `finish` names and describes it.

    Input and output are float32 for every deployment target, so that one piece of app code fits
    them all and raw readings are not rounded before the model sees them.
    """
    del calibration  # no scheme of this target has integer activations yet
    import coremltools as ct
    import numpy as np

    classes = traced.labels
    model = ct.convert(
        [traced.function],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[ct.TensorType(name=traced.input, shape=traced.shape, dtype=np.float32)],
        minimum_deployment_target=ct.target[variant.deployment_target],
        compute_precision=ct.precision[variant.scheme.upper()],
        classifier_config=ct.ClassifierConfig(list(classes)) if classes else None,
        skip_model_load=True,
    )
    model.save(str(path))


def finish(path: Path, card: Card) -> None:
    """Put names, descriptions and contract into the package, and take chance out of its bytes."""
    mlpackage_metadata.embed(path, card)


TARGET = Exporter(
    schemes=("float16", "float32"),
    deployment_targets=("iOS15", "iOS16", "iOS17", "iOS18", "iOS26"),
    channels_first=True,
    packages=("coremltools", "tensorflow", "keras"),
    convert=convert,
    finish=finish,
)
