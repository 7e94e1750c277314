"""Every layer in Core AI's operations, run by Apple's interpreter and compared with Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import NODES, Embedding, KerasLayer, Value
from edgeconv.runtimes import open_runner
from edgeconv.targets.coreai.builder import ProgramBuilder
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import store_float

from .networks import CASES, network, write

pytestmark = pytest.mark.heavy
SAMPLES = 3
LIMITS = {"float32": 5e-7, "float16": 2e-3}
"""Of the largest value: a few roundings, 2^-24 and 2^-11 each."""


@pytest.fixture(scope="module")
def differences(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], float]:
    """Case and type → largest difference from Keras, as a share of the largest value."""
    import keras

    found = {}
    for shape in sorted({shape for _, shape in CASES.values()}):
        keras.utils.set_random_seed(1)
        names, model = network(shape)
        x = np.random.default_rng(0).normal(0, 1, (SAMPLES, *shape)).astype(np.float32)
        expected = [np.asarray(each) for each in _listed(model(x))]
        for dtype in LIMITS:
            path = tmp_path_factory.mktemp("nodes") / f"{dtype}.aimodel"
            write(model, dtype, path)
            with open_runner(path) as runner:
                given = runner.run({"values": x})
            for i, name in enumerate(names):
                assert given[f"result{i}"].shape == expected[i].shape, name
                scale = max(1.0, float(np.abs(expected[i]).max()))
                largest = float(np.abs(given[f"result{i}"] - expected[i]).max())
                found[name, dtype] = largest / scale
    return found


def _listed(outputs: Any) -> list[Any]:
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_keras_does(
    differences: dict[tuple[str, str], float], name: str, dtype: str
) -> None:
    assert differences[name, dtype] <= LIMITS[dtype]


def test_every_node_has_its_operations() -> None:
    assert {*LOWERINGS, KerasLayer} == set(NODES)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_rows_beyond_what_float16_counts_are_found(tmp_path: Path, dtype: str) -> None:
    """Indices stay whole numbers in a file that computes in float16, also those given as floats."""
    table = np.random.default_rng(0).normal(size=(3000, 4))
    x = Value("tokens", (3,), dtype)
    rows = Embedding(label="rows", inputs=(x,), table=table)
    path = tmp_path / "m.aimodel"
    graph = Graph("words", (x,), rows.outputs, (rows,))
    ProgramBuilder(graph, LOWERINGS, "float16", store_float).write(("result",), path)
    tokens = np.array([[0, 2049, 2999], [1, 2047, 2051]], dtype)
    with open_runner(path) as runner:
        outputs = runner.run({"tokens": tokens})["result"]
    np.testing.assert_allclose(outputs, table[tokens.astype(int)], atol=2e-3)


def test_a_layer_that_only_keras_can_compute_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    entry = keras.Input((6, 4), name="values")
    model = keras.Model(entry, keras.layers.AdditiveAttention(name="reads")([entry, entry]))
    with pytest.raises(Unsupported, match=r"'reads' \(AdditiveAttention\).*operations of Core AI"):
        write(model, "float32", tmp_path / "m.aimodel")


def test_more_time_steps_than_can_be_written_out_are_refused(tmp_path: Path) -> None:
    import keras

    entry = keras.Input((1025, 2), name="values")
    model = keras.Model(entry, keras.layers.GRU(2, name="long")(entry))
    with pytest.raises(Unsupported, match=r"'long' \(Gru\) has 1025 time steps"):
        write(model, "float32", tmp_path / "m.aimodel")
