"""Names as converters write them."""

from __future__ import annotations

import pytest

from edgeconv.parity.layerwise.name_matching import EXACT, PART, clean, owners

LAYERS = ("conv1", "conv10", "conv1_b", "probabilities", "steps")


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("conv1;conv1_bias;conv1_conv;conv1_bias/ReadVariableOp1", {"conv1": EXACT}),
        ("probabilities_matmul;probabilities", {"probabilities": EXACT}),
        ("conv1_cast_fp16", {"conv1": EXACT}),
        ("conv1_bias_cast_fp16", {"conv1": PART}),
        ("steps_steps", {"steps": PART}),
        ("probabilities1", {"probabilities": PART}),
        ("har/conv1/Relu;har/conv1/BiasAdd", {"conv1": EXACT}),
        ("StatefulPartitionedCall:01", {}),
        ("tfl.quantize", {}),
        ("conv10_cast_fp16", {"conv10": EXACT}),
        ("conv1_b", {"conv1_b": EXACT}),
        ("conv1x", {}),
    ],
)
def test_a_tensor_names_its_layer(tensor: str, expected: dict[str, float]) -> None:
    assert owners([tensor], LAYERS) == expected


def test_all_names_of_one_value_count() -> None:
    assert owners(["nobody", "conv1_bias", "conv1"], LAYERS) == {"conv1": EXACT}


def test_a_layers_name_is_written_as_converters_do() -> None:
    assert clean("block/conv 1") == "block_conv_1"
