"""Core AI files read from their program."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.core.paths import size
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
