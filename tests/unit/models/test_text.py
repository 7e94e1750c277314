"""The networks of words have the shapes and parameters of their source."""

from __future__ import annotations

import pytest

from edgeconv.core import NamedTensor, Signal, Tensors
from edgeconv.errors import UsageError
from edgeconv.models import build

IMDB = Tensors((NamedTensor("tokens", (500,), "int32", 0, 9_999),), (NamedTensor("logits", (1,)),))


@pytest.mark.parametrize(
    ("name", "shapes", "parameters"),
    [
        (
            "text-cnn",
            [(500, 128), (494, 32), (98, 32), (92, 32), (32,), (1,)],
            [1_280_000, 28_704, 0, 7_200, 0, 33],
        ),
        (
            "text-cnn-lstm",
            [(500, 128), (496, 32), (165, 32), (161, 32), (32,), (1,)],
            [1_280_000, 20_512, 0, 5_152, 8_320, 33],
        ),
    ],
)
def test_layers_are_those_of_the_deck(
    name: str, shapes: list[tuple[int, ...]], parameters: list[int]
) -> None:
    model = build(name)(IMDB)  # type: ignore[arg-type]
    assert [tuple(layer.output.shape[1:]) for layer in model.layers] == shapes
    assert [layer.count_params() for layer in model.layers] == parameters
    assert [t.name for t in model.inputs] == ["tokens"]
    assert model.inputs[0].dtype == "int32"


def test_a_network_of_words_refuses_a_sensor() -> None:
    with pytest.raises(UsageError, match="reads words"):
        build("text-max")(Signal(labels=("a", "b")))
