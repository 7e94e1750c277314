"""The table of targets, and what each of them must offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgeconv.core import Variant
from edgeconv.core.metadata import ModelMetadata

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.trace import Traced

TARGETS: dict[str, str] = {
    "tflite": "edgeconv.targets.tflite.convert:TARGET",
    "coreml": "edgeconv.targets.coreml.convert:TARGET",
}


class Convert(Protocol):
    """How a target turns a trace into its converter's file."""

    def __call__(
        self,
        traced: Traced,
        variant: Variant,
        calibration: NDArray[np.float32] | None,
        ranges: Mapping[Value, Range] | None,
        path: Path,
    ) -> dict[str, Any]:
        """Write the converter's bare file; runs in the worker.

        `calibration` are windows as the artifact takes them, for schemes with integer activations;
        `ranges` are those of every value that becomes integers (`ir/quantization_points.py`), as
        a training left them, and go before calibration. What comes back is kept in the artifact's
        settings; it must be fit for JSON.
        """


class Finish(Protocol):
    """How a target makes a converter's file describe itself."""

    def __call__(self, path: Path, card: ModelMetadata) -> None:
        """Put names, description and contract into a bare file; runs in the parent."""


@dataclass(frozen=True)
class Exporter:
    """One target.

    Attributes:
        channels_first: the layout in which its kernels want a trace.
        packages: distributions whose versions decide the bytes.
    """

    schemes: tuple[str, ...]
    deployment_targets: tuple[str, ...]
    channels_first: bool
    packages: tuple[str, ...]
    convert: Convert
    finish: Finish
