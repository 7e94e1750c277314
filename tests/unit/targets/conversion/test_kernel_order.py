"""Export's check of a Core ML file: the kernels of a chain stand there in the layers' order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import InputConvention, Signal, Variant
from edgeconv.errors import BadInput
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.ir.trace import trace
from edgeconv.runtimes.predict import run_samples
from edgeconv.targets.base import ExpectedFile, find_target
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.targets.conversion.checks import check_structure
from edgeconv.targets.coreml.package import read_spec
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


@pytest.mark.heavy
@pytest.mark.parametrize("system", ["iOS15", "iOS16"])
def test_heads_of_any_names_are_found_and_give_float32(tmp_path: Path, system: str) -> None:
    """coremltools sorts heads by name, and makes outputs float16 from iOS 16 on."""
    import keras
    from keras import layers

    entry = keras.Input((12,), name="x")
    heads = [layers.Dense(size, name=name)(entry) for size, name in ((3, "zeta"), (2, "alpha"))]
    model = keras.Model(entry, heads)
    model.save(tmp_path / "m.keras")
    request = ConversionRequest(
        model=tmp_path / "m.keras",
        contract=tensors_of(model),
        variants=[
            Variant("coreml", "float16", InputConvention.NORMALIZED, deployment_target=system)
        ],
        out=tmp_path / "out",
        name="m",
        probe=(np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 12),),
        run_file=run_samples,
        isolated=False,
    )
    (made,) = convert_all(request)
    found = [
        (output.name, output.type.multiArrayType)
        for output in read_spec(made.path).description.output
    ]
    assert [name for name, _ in found] == ["zeta", "alpha"]
    assert {kind.dataType for _, kind in found} == {kind.FLOAT32 for _, kind in found}
