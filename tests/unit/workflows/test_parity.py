"""Of two ways in which a phone may compute a file, parity counts the worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv
from edgeconv.cli.app import run_app
from edgeconv.core import ParityResult, Signal, Status
from edgeconv.datasets.in_memory import dataset_from_arrays

pytestmark = pytest.mark.heavy
SIGNAL = Signal(window=8, step=4, labels=("walk", "sit", "run"))
LARGE = 64.0


def windows() -> Any:
    steps = np.random.default_rng(0).normal(0, 4, (40, 8, 3)) + np.array([0, 9.8, 0])
    return steps.reshape(40, -1).astype(np.float32)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose last sum is exact in float32 and lost in float16.

    Its features are there three times; large weights of the first are taken back by the third.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((SIGNAL.flat_size,), name="sensor"),
            layers.Dense(24, activation="relu", name="features"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ],
        name="sums",
    )
    rng = np.random.default_rng(2)
    features, last = model.layers
    features.set_weights([np.tile(rng.normal(0, 0.2, (24, 8)), (1, 3)), np.zeros(24)])
    large = np.full((8, 3), LARGE)
    last.set_weights([np.concatenate([large, rng.normal(0, 0.5, (8, 3)), -large]), np.zeros(3)])
    folder = tmp_path_factory.mktemp("sums")
    model.save(folder / "sums.keras")
    options = edgeconv.ExportOptions(signal=SIGNAL)
    variants = [
        *edgeconv.make_variants(["coreml"], ["float16", "float32"]),
        *edgeconv.make_variants(["tflite"], ["float32"]),
    ]
    edgeconv.export(folder / "sums.keras", variants, folder / "out", options)
    return folder / "out"


def checked(bundle: Path, **options: Any) -> dict[str, ParityResult]:
    labels = [SIGNAL.labels[i % 3] for i in range(40)]
    data = dataset_from_arrays(windows(), labels, ["1"] * 40, SIGNAL)
    bundle_parity = edgeconv.check_parity(bundle, data, split="all", **options)
    return {result.artifact: result for result in bundle_parity.parity}


def test_a_sum_that_float16_loses_fails_the_file(bundle: Path) -> None:
    result = checked(bundle)
    half = result["sums_float16.mlpackage"]
    assert (half.status, half.compute) == (Status.FAILED, "float16-accumulate")
    assert {"max_abs", "snr_db"} <= {c.name for c in half.checks if c.status is Status.FAILED}
    for name in ("sums_float32.mlpackage", "sums_float32.tflite"):
        assert (result[name].status, result[name].compute) == (Status.PASSED, "")


def test_one_way_alone_can_be_asked_for(bundle: Path) -> None:
    result = checked(bundle, runtimes=edgeconv.RuntimeChoice(compute="as-specified"))
    half = result["sums_float16.mlpackage"]
    assert (half.status, half.compute) == (Status.PASSED, "as-specified"), half.reason
    assert result["sums_float32.tflite"].compute == ""


def test_commands_take_the_way(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.arange(40) % 3
    data, file = tmp_path / "w.npz", bundle / "sums_float16.mlpackage"
    np.savez(data, windows=windows(), labels=np.array(SIGNAL.labels)[labels], subjects=["1"] * 40)
    same = [str(bundle / "model.keras"), str(file), "--json", "-", "--compute"]
    codes = {}
    for way in ("as-specified", "float16-accumulate"):
        codes[way] = run_app(["compare", *same, way])
        assert json.loads(capsys.readouterr().out)["parity"][0]["compute"] == way
    assert codes == {"as-specified": 0, "float16-accumulate": 1}
    assert run_app(["parity", str(bundle), "--compute", "half"]) == 2
    assert "unknown compute 'half'" in capsys.readouterr().err
    tflite = str(bundle / "sums_float32.tflite")
    assert run_app(["evaluate", tflite, "--data", "synthetic", "--compute", "float32"]) == 2
    assert "applies to none of the files" in capsys.readouterr().err
