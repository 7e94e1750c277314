"""Export's check of a Core ML file: the kernels of a chain stand there in the layers' order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import InputConvention, Signal, Variant
from edgeconv.errors import BadInput
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.trace import trace
from edgeconv.targets.base import ExpectedFile, find_target
from edgeconv.targets.conversion.checks import check_structure
from tests.unit.targets.conversion.test_checks import GRAPH


@pytest.mark.heavy
def test_check_structure_finds_kernels_of_a_chain_in_another_order(
    tmp_path: Path, signal: Signal
) -> None:
    target = find_target("coreml")
    graph = for_sensor(GRAPH, signal, InputConvention.NORMALIZED)
    traced = trace(graph, signal.labels, target.conversion.channels_first)
    variant = Variant("coreml", "float32", InputConvention.NORMALIZED, deployment_target="iOS15")
    path = tmp_path / "net.mlpackage"
    target.conversion.convert(traced, variant, None, None, path)
    kernels = [
        (node.label, node.kernel.size, float(np.abs(node.kernel).sum()))
        for node in graph.kernel_nodes
    ]
    assert kernels[0][1] == kernels[1][1]
    expected = ExpectedFile(target.scheme("float32"), kernels)
    check_structure(path, expected)
    swapped = replace(expected, kernels=kernels[::-1])
    with pytest.raises(BadInput, match="is not in it with its magnitudes"):
        check_structure(path, swapped)
    check_structure(path, replace(swapped, is_chain=False))  # a converter may reorder branches
