"""Core AI: the graph itself becomes a program of Apple's dialect; no other converter is between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Variant
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_SYMMETRIC
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
    scheme, graph = SCHEMES[variant.scheme], traced.graph
    settings = ConversionSettings()
    if scheme.methods:
        method, limits = quantization_points.choose_kernel_input_ranges(
            graph,
            calibration,
            variant.calibration_method or scheme.methods[0],
            INT8_SYMMETRIC,
            ranges,
        )
        settings = ConversionSettings(calibration_method=method, activation_ranges=limits)
    builder = ProgramBuilder(
        graph, LOWERINGS, scheme.computes_in, scheme.store, settings.activation_ranges
    )
    builder.write(traced.outputs, path)
    return settings
