"""Core AI files read from their program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from edgeconv.core.paths import size
from edgeconv.runtimes import open_runner
from edgeconv.targets import files
from edgeconv.targets.base import find_target

pytestmark = pytest.mark.heavy
READER = find_target("coreai").reader


@pytest.mark.parametrize("scheme", find_target("coreai").schemes)
def test_the_scheme_is_that_of_the_export(exported: dict[str, Path], scheme: str) -> None:
    described = files.describe(exported[scheme])
    assert described.scheme == scheme
    assert described.export.format["needs"] == "iOS 27 or later"


@pytest.mark.parametrize("scheme", find_target("coreai").schemes)
def test_every_byte_is_counted(exported: dict[str, Path], scheme: str) -> None:
    parts = files.size_breakdown(exported[scheme])
    assert sum(parts.values()) == size(exported[scheme])
    assert min(parts.values()) > 0
    assert {"weights", "biases", "contract", "metadata", "structure"} <= set(parts)


def test_kernels_are_those_of_the_layers(exported: dict[str, Path]) -> None:
    names = [layer.name for layer in READER.layer_constants(exported["float32"]) or ()]
    assert [names[0], names[-1]] == ["conv_conv", "probabilities_matmul"]
    shapes = {tuple(kernel.shape) for kernel, _ in READER.kernels(exported["float16"])}
    assert {(16, 3, 1, 3), (16, 16, 1, 3), (32, 16, 1, 1), (32, 8, 1, 1), (3, 8, 1, 1)} == shapes


def test_small_weights_of_another_tool_lie_in_the_operations(tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    by_hand(path)
    graph = files.read_graph(path)
    assert graph.parameters == 12 + 4
    assert (graph.ops[0].kind, graph.ops[0].name) == ("conv2d", "conv2d_5")
    assert {finding.number for finding in files.lint(path)} >= {"L202"}
    assert "L104" not in {finding.number for finding in files.lint(path)}
    x = np.random.default_rng(1).normal(size=(2, 3, 1, 8)).astype(np.float32)
    with open_runner(path) as runner:
        outputs = runner.run({"x": x})["y"]
    expected = np.maximum(np.einsum("oc,nchw->nohw", KERNEL[:, :, 0, 0], x) + 1, 0)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


KERNEL = np.random.default_rng(0).normal(size=(4, 3, 1, 1)).astype(np.float32)


def by_hand(path: Path) -> None:
    """With Apple's own authoring interface, as coreai-torch uses it."""
    from coreai import authoring as ca

    module = ca.Module.create()
    with module:

        def main(x: Any) -> Any:
            steps, one = np.array([1, 1], np.uint32), np.array(1, np.uint32)
            product = ca.conv2d(x, KERNEL, steps, steps, one)
            return ca.relu(ca.broadcasting_add(product, np.ones((1, 4, 1, 1), np.float32)))

        given = ca.TensorType((1, 3, 1, 8), np.float32)
        made = ca.TensorType((1, 4, 1, 8), np.float32, name="y")
        main.__annotations__ = {
            "x": Annotated[ca.Value, given],
            "return": Annotated[ca.Value, made],
        }
        ca.graph(main)
    ca.AIProgram(module).save_asset(path)
