"""What every model of the table must give: named layers, one flat input, probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core import Signal
from edgeconv.errors import UsageError
from edgeconv.models import MODELS, build, file_stem, searched_family
from edgeconv.recipes import load_recipe

SIGNAL = Signal(labels=("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking"))
# every reference network of a sensor, and members of every family
_NETWORKS = [name for name in MODELS if not name.endswith(":SPEC") and "text" not in name]
NAMES = (*_NETWORKS, "cnn:8s2-16", "cnn:8s2-d16k5-p2-d24s2-max", "cnn:f4-8k3-flat")


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_a_model_fits_its_contract(name: str) -> None:
    model = build(name)(SIGNAL)
    assert model.input_shape == (None, SIGNAL.flat_size)
    assert model.output_shape == (None, len(SIGNAL.labels))
    assert model.name == file_stem(name)
    assert [t.name for t in model.inputs] == ["sensor"]
    assert model.layers[-1].name == "probabilities"
    windows = np.random.default_rng(0).normal(0, 1, (5, SIGNAL.flat_size)).astype(np.float32)
    found = np.asarray(model(windows))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found >= 0).all()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("uci-har", 1_792 + 12_352 + 396_900 + 606),
        ("deepconvlstm", 384 + 3 * 20_544 + 360_960 + 131_584 + 774),
        ("tinyhar", 20_679),
        ("tinierhar", 7_052),
        ("cnn-har", 191_222),
    ],
)
def test_networks_on_nine_channels_have_the_parameters_of_their_source(
    name: str, parameters: int
) -> None:
    """Of the last three, whose sources leave sizes open, what they have."""
    windowing = load_recipe("uci-har").windowing
    signal = Signal(windowing.channels, 50.0, 128, 64, SIGNAL.labels)
    assert build(name)(signal).count_params() == parameters


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_names_do_not_count_up_within_a_process(name: str) -> None:
    first, second = build(name)(SIGNAL), build(name)(SIGNAL)
    assert [x.name for x in first.layers] == [x.name for x in second.layers]
    assert [w.path for w in first.trainable_weights] == [w.path for w in second.trainable_weights]


def test_an_unknown_model_lists_the_choices() -> None:
    with pytest.raises(UsageError, match="har"):
        build("transformer")


def test_a_family_needs_a_specification_and_a_network_takes_none() -> None:
    for name in ("cnn", "har:8"):
        with pytest.raises(UsageError, match="unknown model"):
            build(name)


@pytest.mark.parametrize("name", [name for name in MODELS if name.endswith(":SPEC")])
def test_every_family_builds_what_its_search_space_names(name: str) -> None:
    family, space = searched_family(name)
    params = [*space.smallest(), *(params for params, _ in space.starts())]
    for each in params:
        assert callable(build(f"{family}:{space.spec(each)}"))


def test_a_network_without_a_family_is_searched_in_the_usual_one() -> None:
    assert searched_family("har") == searched_family("cnn:8")
