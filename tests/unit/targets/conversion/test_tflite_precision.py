"""TFLite files of integers: whose ranges stand in them, which layers are precise, broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Artifact, InputConvention, Normalization, Signal, Variant
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.ir import keras_file
from edgeconv.targets import files as artifact
from edgeconv.targets.tflite import reader
from tests.unit.conversions import Notes, export, export_all
from tests.unit.small_models import randomise, run_tflite
from tests.unit.targets.conversion.expected import check_structure

pytestmark = pytest.mark.heavy

SIGNAL = Signal(
    window=24,
    step=12,
    labels=("still", "walk", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)
RANGES = {
    "sensor": (-20.0, 40.0),
    "conv1": (0.0, 6.0),
    "conv2": (0.0, 8.0),
    "mean": (0.0, 6.0),
    "probabilities": (-8.0, 8.0),
}


def variant(scheme: str, **more: Any) -> Variant:
    return Variant("tflite", scheme, InputConvention.ANDROID, **more)


@pytest.fixture(scope="module")
def windows() -> Any:
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 2, (120, SIGNAL.window, 3)).cumsum(1) * 0.5 + np.array([0, 9.8, 0])
    return steps.reshape(120, -1).astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    network = keras.Sequential(
        [
            keras.Input((SIGNAL.flat_size,), name="sensor"),
            layers.Reshape((SIGNAL.window, 3), name="steps"),
            layers.Conv1D(8, 5, activation="relu", name="conv1"),
            layers.Conv1D(12, 3, activation="relu", name="conv2"),
            layers.GlobalAveragePooling1D(name="mean"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ],
        name="tiny",
    )
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    randomise(network)
    network.get_layer("probabilities").bias.assign([0, 0, 0])  # the converter leaves it out
    network.save(path)
    keras_file.write_contract(path, SIGNAL)
    return path


VARIANTS = {
    "int8": variant("int8"),
    "mse": variant("int8", calibration_method="mse"),
    "int4": variant("int4"),
    "mixed": variant("int4", float_layers=("conv1",), int8_layers=("conv2",)),
    "chosen": variant("int8", min_snr_db=60.0),
}


@pytest.fixture(scope="module")
def made(
    model: Path, windows: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Artifact], Notes]:
    notes = Notes()
    found: dict[str, Artifact] = {}
    out = tmp_path_factory.mktemp("made")
    # the same words make the same name: two of them must not lie in one folder
    for group in (("int8", "int4", "mixed", "mse"), ("chosen",)):
        files = export_all(
            *(model, SIGNAL, [VARIANTS[n] for n in group], out / group[0], "tiny"),
            *(windows, windows[:16], run_tflite),
            progress=notes,
            isolated=False,
        )
        found |= dict(zip(group, files, strict=True))
    return found, notes


def weights(path: Path) -> dict[tuple[int, ...], str]:
    graph = reader.read_graph(path)
    return {t.shape: t.dtype for t in graph.tensors if t.constant and len(t.shape) > 1}


CONV1, CONV2, DENSE = (8, 1, 5, 3), (12, 1, 3, 8), (3, 12)


def test_weights_are_what_the_names_say(made: Any) -> None:
    files, _ = made
    assert weights(files["int8"].path) == {CONV1: "int8", CONV2: "int8", DENSE: "int8"}
    assert weights(files["int4"].path) == {CONV1: "int4", CONV2: "int4", DENSE: "int4"}
    assert weights(files["mixed"].path) == {CONV1: "float32", CONV2: "int8", DENSE: "int4"}
    assert artifact.describe(files["int4"].path).scheme == "int4"
    assert files["mixed"].name == "tiny_int4_mixed.tflite"
    assert files["mixed"].export.float_layers == ("conv1",)


def test_each_method_has_its_own_ranges_and_says_so(made: Any) -> None:
    files, _ = made
    ours, other = files["int8"].export, files["mse"].export
    assert (ours.calibration_method, other.calibration_method) == ("minmax", "mse")
    assert ours.activation_ranges != other.activation_ranges
    assert files["mse"].name == "tiny_int8_mse.tflite"  # beside one of the default method


def test_layers_are_chosen_until_the_outputs_are_good_enough(made: Any, windows: Any) -> None:
    files, notes = made
    report = files["chosen"].export
    assert report.float_layers
    assert report.expected_snr_db is not None
    assert report.expected_snr_db >= 60
    assert any("tiny_int8_mixed.tflite: stays float: " in line for line in notes.lines)


def test_what_does_not_pay_is_said(made: Any) -> None:
    assert sum("4 times its time" in line for line in made[1].lines) == 1


@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_given_ranges_need_no_recordings_and_stand_in_the_file(
    model: Path, windows: Any, tmp_path: Path, scheme: str
) -> None:
    call = (model, SIGNAL, [variant(scheme)], tmp_path, "tiny", None, windows[:8], run_tflite)
    (found,) = export_all(*call, isolated=False, ranges=RANGES)
    assert found.export.calibration_method == "training"
    scales = {
        t.scales[0] for t in reader.read_graph(found.path).tensors if t.dtype == "int8" and t.scales
    }
    for name, (low, high) in RANGES.items():
        step = (high - low) / 255
        assert any(abs(s - step) < 1e-6 for s in scales), name


def test_same_input_same_bytes(model: Path, windows: Any, made: Any, tmp_path: Path) -> None:
    for name in ("int8", "mixed"):
        again = export(
            model, SIGNAL, VARIANTS[name], tmp_path / name, "tiny", windows, windows[:16]
        )
        assert again.sha256 == made[0][name].sha256, name


def test_without_recordings_or_ranges_nothing_starts(model: Path, tmp_path: Path) -> None:
    probe = np.zeros((1, SIGNAL.flat_size), np.float32)
    with pytest.raises(UsageError, match="needs calibration windows"):
        export(model, SIGNAL, variant("int4"), tmp_path, "tiny", None, probe)


@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_an_unknown_layer_is_named(model: Path, windows: Any, tmp_path: Path, scheme: str) -> None:
    call = (model, SIGNAL, [variant(scheme, float_layers=("conv9",))], tmp_path, "tiny")
    with pytest.raises(Unsupported, match="no layer 'conv9'"):
        export_all(*call, windows, windows[:8], isolated=False)


def test_ranges_of_another_network_are_found_out(model: Path, windows: Any, tmp_path: Path) -> None:
    """Broken on purpose: everything is clipped to a hundredth of what it is."""
    wrong = {name: (low / 100, high / 100) for name, (low, high) in RANGES.items()}
    call = (model, SIGNAL, [variant("int8")], tmp_path, "tiny", None, windows[:32], run_tflite)
    with pytest.raises(BadInput, match="off the float model"):
        export_all(*call, isolated=False, ranges=wrong)


def test_a_layer_that_stayed_float_unasked_is_found_out(made: Any) -> None:
    """Broken on purpose: a mixed file that claims to be of integers throughout."""
    path = made[0]["mixed"].path
    with pytest.raises(BadInput, match="stayed float: conv1"):
        check_structure(path, "int4", [("conv1", 120, 1.0)])
    check_structure(path, "int4", [("conv1", 120, 1.0)], ["conv1"])
