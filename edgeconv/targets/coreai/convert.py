"""Core AI: the graph itself becomes a program of Apple's dialect; no other converter is between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Variant
from edgeconv.targets.base import ConversionSettings
from edgeconv.targets.coreai.builder import ProgramBuilder
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.schemes import SCHEMES

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.trace import Traced


def convert(
    traced: Traced,
    variant: Variant,
    calibration: Arrays | None,
    ranges: Mapping[Value, Range] | None,
    path: Path,
) -> ConversionSettings:
    """Write the folder; its metadata follow in the parent.

    Raises:
        Unsupported: a layer that only Keras can compute.
    """
    del calibration, ranges
    scheme = SCHEMES[variant.scheme]
    builder = ProgramBuilder(traced.graph, LOWERINGS, scheme.activations, scheme.store)
    builder.write(traced.outputs, path)
    return ConversionSettings()
