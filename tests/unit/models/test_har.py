"""The network of the article, exactly."""

from __future__ import annotations

import pytest

from edgeconv.core import Signal
from edgeconv.errors import BadInput
from edgeconv.models.har import SHORTEST_WINDOW, build

LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")


@pytest.mark.heavy
def test_shapes_and_parameters_are_the_article_s() -> None:
    model = build(Signal(labels=LABELS))
    assert model.count_params() == 520_486
    expected = [
        ("steps", (None, 80, 3), 0),
        ("conv1", (None, 71, 100), 3_100),
        ("conv2", (None, 62, 100), 100_100),
        ("pool", (None, 20, 100), 0),
        ("conv3", (None, 11, 160), 160_160),
        ("conv4", (None, 2, 160), 256_160),
        ("average", (None, 160), 0),
        ("dropout", (None, 160), 0),
        ("probabilities", (None, 6), 966),
    ]
    assert [(x.name, x.output.shape, x.count_params()) for x in model.layers] == expected
    assert model.inputs[0].name == "sensor"


@pytest.mark.heavy
def test_the_shortest_window_leaves_one_step() -> None:
    model = build(Signal(window=SHORTEST_WINDOW, labels=LABELS))
    assert model.get_layer("conv4").output.shape == (None, 1, 160)


def test_shorter_windows_are_refused() -> None:
    with pytest.raises(BadInput, match=str(SHORTEST_WINDOW)):
        build(Signal(window=SHORTEST_WINDOW - 1, labels=LABELS))


@pytest.mark.parametrize("labels", [(), ("Walking",)])
def test_fewer_than_two_classes_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="two classes"):
        build(Signal(labels=labels))
