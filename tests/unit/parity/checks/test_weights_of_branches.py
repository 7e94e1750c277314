"""Weights of a network with branches: kernels belong to layers by name, not by order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import Status
from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.stored_model import read_stored
from edgeconv.ir.tf_lowering import constants_of
from edgeconv.parity.checks import weights
from edgeconv.parity.checks.weights import matched
from edgeconv.targets.base import StoredConstant, StoredLayer

Array = NDArray[np.float64]
NAMES = ("stem;stem_bias;stem_conv", "act", "right_cast_fp16", "top_linear_float")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A residual sum of two branches of the same shape."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    entry = keras.Input((8, 3), name="sensor")
    x = layers.Conv1D(4, 3, padding="same", name="stem")(entry)
    left = layers.Conv1D(4, 3, padding="same", name="left")(x)
    left = layers.ReLU(name="act")(left)
    right = layers.Conv1D(4, 3, padding="same", name="right")(x)
    x = layers.Flatten(name="flat")(layers.Add(name="sum")([left, right, x]))
    path = tmp_path_factory.mktemp("model") / "residual.keras"
    keras.Model(entry, layers.Dense(2, name="top")(x)).save(path)
    return read_stored(path)


def stored(graph: Graph) -> list[dict[str, Array]]:
    layout = Layout(graph, False)
    return [constants_of(layout, node) for node in graph.kernel_nodes]


def check(
    graph: Graph,
    layers: list[tuple[str, dict[str, Array]]],
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    names = [
        StoredLayer(n, {k: StoredConstant(v, "float32", True) for k, v in each.items()})
        for n, each in layers
    ]
    target = SimpleNamespace(
        conversion=SimpleNamespace(channels_first=False),
        reader=SimpleNamespace(layer_constants=lambda _: names),
    )
    monkeypatch.setattr(weights, "find_target", lambda _: target)
    monkeypatch.setattr(weights, "_graph", lambda *_: graph)
    monkeypatch.setattr(weights, "sha256", lambda _: "")
    monkeypatch.setattr(weights, "source_model", lambda *_: Path("m.keras"))
    rounds = SimpleNamespace(only_rounds_weights=True)
    monkeypatch.setattr(weights, "scheme_in", lambda _: rounds)
    artifact: Any = SimpleNamespace(contract=None, target="toy", path=Path("m"))
    bundle: Any = SimpleNamespace(model=SimpleNamespace(contract=None))
    (result,) = weights.weight_checks(bundle, artifact)
    return result


def test_the_order_of_branches_does_not_matter(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = list(zip(NAMES, stored(graph), strict=True))
    for order in ([0, 1, 2, 3], [0, 2, 1, 3]):
        result = check(graph, [layers[i] for i in order], monkeypatch)
        assert (result.status, result.reason) == (Status.PASSED, "")


def exchange(constants: list[dict[str, Array]]) -> None:
    constants[1], constants[2] = constants[2], constants[1]


def scale(constants: list[dict[str, Array]]) -> None:
    constants[2]["kernel"] = constants[2]["kernel"] * 1.1


@pytest.mark.parametrize(("change", "said"), [(exchange, "'left'|'right'"), (scale, "'right'")])
def test_a_changed_branch_is_named(
    graph: Graph,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[list[dict[str, Array]]], None],
    said: str,
) -> None:
    constants = stored(graph)
    change(constants)
    result = check(graph, list(zip(NAMES, constants, strict=True)), monkeypatch)
    assert result.status is Status.FAILED
    assert any(name in result.reason for name in said.split("|"))


def test_a_kernel_without_a_known_name_is_known_by_its_numbers(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("stem", "act", "x_12", "top")
    constants = stored(graph)
    result = check(graph, list(zip(names, constants, strict=True)), monkeypatch)
    assert (result.status, result.reason) == (Status.PASSED, "")
    assert [each is None for each in matched(graph, [])] == [True] * 4
    constants[2]["kernel"] = constants[2]["kernel"] * np.array([1, 1.01, 1, 1])
    result = check(graph, list(zip(names, constants, strict=True)), monkeypatch)
    assert "kernel of 'right', output channel 1" in result.reason


def test_a_kernel_that_the_file_does_not_show_is_not_run(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = list(zip(NAMES, stored(graph), strict=True))
    del layers[2]
    result = check(graph, layers, monkeypatch)
    assert result.status is Status.NOT_RUN
    assert "(3 are within rounding): the file does not show the kernel of 'right'" in result.reason


def test_a_model_that_only_keras_can_read_is_not_run(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Unsupported("layer 'twice' is a Lambda")

    monkeypatch.setattr(weights, "matched", refuse)
    result = check(graph, list(zip(NAMES, stored(graph), strict=True)), monkeypatch)
    assert result.status is Status.NOT_RUN
    assert "layer 'twice' is a Lambda" in result.reason
