"""Models as people have them (../shared/cases/models, …/damaged): read right, or refused well.

Each row of the two READMEs there is a row here. The files are not in this repository; without them
these tests are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.bundle import read_bundle
from edgeconv.core import Artifact
from edgeconv.core.parity_statistics import decibels
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.ir import keras_file
from edgeconv.runtimes import LIMITS
from edgeconv.runtimes.predict import predict_file
from edgeconv.targets.conversion import session
from edgeconv.targets.conversion.process import run_in_process
from tests.conftest import ROOT
from tests.end_to_end.conftest import Cli, Outcome

MODELS = ROOT.parent / "shared" / "cases" / "models"
DAMAGED = MODELS.parent / "damaged"
pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not MODELS.is_dir(), reason="the cases of models are not on this machine"),
]
TFLITE, COREML = ("--target", "tflite"), ("--target", "coreml")
SYNTHETIC = ("--data", "synthetic", "--sensor", "android")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Converters import TensorFlow once, and not once a test."""
    monkeypatch.setattr(session, "run_in_worker", run_in_process)


def model(name: str) -> Path:
    return MODELS / name if "." in name else MODELS / f"{name}.keras"


def schemes(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--quantize", name))


def export(cli: Cli, file: Path, out: Path, *words: str) -> Outcome:
    done = cli("export", file, "--out", out, "--calibration", "synthetic", *words, "--force")
    assert "Traceback" not in done.err
    assert ".staging-" not in done.err, "a folder that nobody has seen"
    return done


def windows() -> Any:
    return split(load_dataset("synthetic")).train.windows[:48]


def outputs(artifact: Artifact) -> Any:
    return predict_file(artifact.path, artifact.signal, windows(), "auto")[0]


def of_keras(file: Path, signal: Any) -> Any:
    """What the user's own `model(x)` gives."""
    network = keras_file.load_model(file)
    x, shape = signal.encode(windows()), tuple(network.inputs[0].shape[1:])
    if shape == (3, 80):  # channels first
        x = x.reshape(-1, 80, 3).transpose(0, 2, 1)
    x = x.reshape(-1, *shape)
    return np.asarray(keras_file.outputs_of(network, [x])[0], np.float32)


# --- Exported: the answers are those of the user's own model -----------------------------------

EXPORTED = [
    "nested_free_time",
    "dict_output",
    "submodel_twice",
    "equal_inner_names",
    "shared_flatten",
    "softmax_axis2",
    "softmax_between",
    "name_underscore",
    "name_cyrillic",
    "names_of_equal_length",
    "keras2_functional",
    "raw_contract",
    "one_relu_twice",
    "dead_activation",
    "clipped_relu",
    "weights_underflow",
    "activations_overflow",
    "mixed_float16",
    "input_3x80",
    "input_80x3x1",
]


@pytest.mark.parametrize("name", EXPORTED)
def test_the_answers_are_those_of_the_users_model(cli: Cli, tmp_path: Path, name: str) -> None:
    done = export(cli, model(name), tmp_path / "b", *TFLITE, *schemes("float32"))
    assert done.code == 0, done.err
    bundle = read_bundle(tmp_path / "b")
    expected = of_keras(model(name), bundle.model.signal)
    off = np.abs(outputs(bundle.artifacts[0]) - expected).max()
    assert off < (0.01 if name.startswith("mixed") else 1e-4)
    assert ("mixed_float16" in done.err) == (name == "mixed_float16")


def test_an_output_bears_the_key_that_the_model_gives_it(cli: Cli, tmp_path: Path) -> None:
    done = export(cli, model("dict_output"), tmp_path / "b", "--target", "all", *schemes("float32"))
    assert done.code == 0, done.err
    artifacts = read_bundle(tmp_path / "b").artifacts
    names = [{output.name for output in artifact.outputs} - {"label"} for artifact in artifacts]
    assert names == [{"activity"}] * len(artifacts)
    assert len(artifacts) >= 3
    assert cli("parity", tmp_path / "b", "--data", "synthetic").code == 0
    for artifact in artifacts:
        assert cli("evaluate", artifact.path, "--data", "synthetic").code == 0, artifact.name


@pytest.mark.parametrize("name", ["keras2_whole.h5", "keras3_whole.h5"])
def test_hdf5_is_opened_by_every_command(cli: Cli, tmp_path: Path, name: str) -> None:
    words = (*TFLITE, *schemes("float32"))
    assert cli("export", model(name), "--out", tmp_path / "b", *words).code == 0
    assert cli("inspect", model(name)).code == 0
    assert cli("evaluate", model(name), *SYNTHETIC).code == 0
    assert cli("compare", model(name), model(name), "--data", "synthetic").code == 0


def test_layout_never_makes_a_right_core_ml_file_wrong(cli: Cli, tmp_path: Path) -> None:
    done = export(cli, model("softmax_between"), tmp_path / "b", *COREML, *schemes("float16"))
    assert done.code == 0, done.err


def test_a_clipped_relu_becomes_int4(cli: Cli, tmp_path: Path) -> None:
    done = export(cli, model("clipped_relu"), tmp_path / "b", *TFLITE, *schemes("int4"))
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("one_relu_twice", "two_relus"),
        ("inner_act_act", "inner_act_act2"),
        ("dense_called_sensor", "dense_called_classes"),
    ],
)
def test_names_change_no_number(cli: Cli, tmp_path: Path, name: str, twin: str) -> None:
    ratios = []
    for each in (name, twin):
        assert export(cli, model(each), tmp_path / each, *TFLITE, *schemes("int8")).code == 0
        bundle = read_bundle(tmp_path / each)
        expected = of_keras(model(each), bundle.model.signal)
        error = outputs(bundle.artifacts[0]) - expected
        ratios.append(decibels(float((expected**2).sum()), float((error**2).sum())))
    assert abs(ratios[0] - ratios[1]) < 1
    assert min(ratios) > 20


# --- Refused, with the file, the layer and what to do ------------------------------------------

REFUSED = [
    ("training_batch_norm", ("float32",), TFLITE, 4, "'batch_normalization' (BatchNormalization)"),
    ("training_dropout", ("float32",), TFLITE, 4, "'dropout' (Dropout) is called with training"),
    ("label_newline", ("float32",), TFLITE, 3, r"'walk\nfast' holds a line break"),
    ("label_blank", ("float32",), TFLITE, 3, "class name number 0 is blank"),
    ("label_duplicate", ("float32",), TFLITE, 3, "'walk' is there twice"),
    ("keras3_only.weights.h5", (), (), 3, "the architecture is missing"),
    ("keras3_architecture.json", (), (), 3, "the weights are missing"),
    ("dead_activation", ("int16x8",), TFLITE, 4, "layer 'conv' gives 0 for every window"),
    ("activations_overflow", ("float16",), COREML, 4, "layer 'conv' has weights of up to 2.62e+05"),
    ("weights_underflow", ("float16",), COREML, 4, "layer 'conv' has weights of at most 2.62e-06"),
    ("tiny_deviation", ("float16",), COREML, 4, "layer 'conv' has weights of up to 6.07e+06"),
    ("custom_layer", ("float32",), TFLITE, 3, "'mine>Twice', which is not part of Keras"),
    ("binary_sigmoid", ("float32",), TFLITE, 3, "two class labels: still, moving"),
    ("class_index.tflite", (), (), 3, "a TFLite file, which is what export makes"),
    ("stateful.mlpackage", (), (), 3, "a Core ML package, which is what export makes"),
]


@pytest.mark.parametrize(
    ("name", "wanted", "target", "code", "said"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_a_refusal_names_the_place_and_the_cure(
    cli: Cli,
    tmp_path: Path,
    name: str,
    wanted: tuple[str, ...],
    target: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    done = export(cli, model(name), tmp_path / "b", *target, *schemes(*wanted))
    assert (done.code, said in done.err) == (code, True), done.err
    assert "\n  " in done.err.partition("error:")[2], "what to do"
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["keras3_only.weights.h5", "keras3_architecture.json"])
@pytest.mark.parametrize("command", ["inspect", "evaluate", "compare"])
def test_half_a_model_is_named_by_every_command(cli: Cli, name: str, command: str) -> None:
    files = (model(name),) * (2 if command == "compare" else 1)
    done = cli(command, *files, *(() if command == "inspect" else SYNTHETIC))
    assert done.code == 3
    assert "missing" in done.err


def test_a_saved_model_is_named(cli: Cli, tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    network.export(tmp_path / "saved", verbose=False)
    for words in (("inspect",), ("export", "--out", tmp_path / "b")):
        done = cli(words[0], tmp_path / "saved", *words[1:])
        assert done.code == 3
        assert "SavedModel" in done.err
        assert "model.save('model.keras')" in done.err


# --- Files of other tools ----------------------------------------------------------------------


def accuracy(done: Outcome) -> float:
    assert done.code == 0, done.err
    return float(done.json["accuracy"])


def test_classes_are_matched_by_name(cli: Cli) -> None:
    def evaluate(name: str) -> Outcome:
        file = MODELS / f"classes_{name}.mlpackage"
        return cli("evaluate", file, *SYNTHETIC, "--json", "-", "--quiet")

    in_order = accuracy(evaluate("in_order"))
    assert accuracy(evaluate("moved")) == in_order
    assert accuracy(evaluate("misnamed")) != in_order
    unknown = evaluate("unknown")
    assert unknown.code == 3
    assert "it knows a, b, c, d, e, f" in unknown.err


INSPECTED = [
    ("integer_labels.mlpackage", "Classes: 0, 1, 2, 3, 4, 5"),
    ("duplicate_labels.mlpackage", "L209"),
    ("stateful.mlpackage", "L211"),
    ("classifier_range.mlpackage", "L212"),
    ("classifier_enumerated.mlpackage", "L212"),
    ("custom_layer.keras", "mine>Twice"),
    ("two_outputs.tflite", "output_1"),
    ("class_index.tflite", "int64"),
]


@pytest.mark.parametrize(("name", "said"), INSPECTED)
def test_inspect_says_what_is_special(cli: Cli, name: str, said: str) -> None:
    done = cli("inspect", MODELS / name)
    assert done.code == 0
    assert said in done.out


@pytest.mark.parametrize(
    "name", ["integer_labels.mlpackage", "stateful.mlpackage", "two_outputs.tflite"]
)
def test_foreign_files_are_run(cli: Cli, name: str) -> None:
    file = MODELS / name
    assert cli("evaluate", file, *SYNTHETIC).code == 0
    assert cli("compare", file, file, *SYNTHETIC).code == 0
    assert cli("profile", file, "--num-runs", "2", "--latency-only").code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("class_index.tflite", "gives the number of a class, not a probability"),
        ("two_inputs.tflite", "2 inputs (acc, gyro)"),
    ],
)
def test_foreign_files_that_are_no_window_classifier(cli: Cli, name: str, said: str) -> None:
    file = MODELS / name
    assert cli("profile", file, "--num-runs", "2", "--latency-only").code == 0
    for words in (("evaluate", file), ("compare", file, file)):
        done = cli(*words, *SYNTHETIC)
        assert (done.code, said in done.err) == (3, True), done.err


@pytest.mark.parametrize("name", ["lstm", "gru", "free_batch_and_time"])
def test_layers_of_recurrent_and_free_files(cli: Cli, name: str) -> None:
    file = MODELS / f"{name}.tflite"
    done = cli("compare", file, file, *SYNTHETIC, "--layers")
    assert done.code == 0, done.err
    assert ("a kernel keeps them to itself" in done.out) == (name != "free_batch_and_time")


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_an_endless_loop_has_an_end(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(vars(LIMITS), "seconds", 4.0)
    files = (MODELS / "endless_loop.tflite",) * (2 if command == "compare" else 1)
    done = cli(command, *files, *SYNTHETIC)
    assert done.code == 3
    assert "did not end within 4 s" in done.err


# --- Damaged files -----------------------------------------------------------------------------

BROKEN = [
    ("inserted_bytes.keras", "'config.json' cannot be read"),
    ("buffer_out_of_file_1.tflite", "leads out of the file, which has 13,078 bytes"),
    ("buffer_out_of_file_2.tflite", "leads out of the file, which has 13,078 bytes"),
    ("negative_offset.tflite", "leads out of the file, which has 13,078 bytes"),
    ("program_inspect_IndexError_4.mlpackage", "'constexpr_lut_to_dense'"),
    ("program_run_IndexError_7.mlpackage", "operation 'const' (number 3, w1)"),
    ("program_run_KeyError_2.mlpackage", "type number 84"),
    ("program_run_ValueError_1.mlpackage", "constexpr_lut_to_dense"),
    ("program_run_ValueError_6.mlpackage", "array type number 1966112"),
]


@pytest.mark.parametrize(("name", "said"), BROKEN)
def test_a_damaged_file_is_one_clear_line(cli: Cli, tmp_path: Path, name: str, said: str) -> None:
    file = DAMAGED / name
    contract = not name.endswith(".tflite")
    data = ("--data", "synthetic") if contract else SYNTHETIC
    runs_only = name == "program_run_ValueError_1.mlpackage"  # it reads well
    for words in (
        ("inspect", file),
        ("evaluate", file, *data),
        ("compare", file, file, *data),
        ("profile", file, "--num-runs", "2", "--latency-only"),
        ("export", file, "--out", tmp_path / "b"),
    ):
        done = cli(*words)
        assert "Traceback" not in done.err, words
        if runs_only and words[0] in ("inspect", "profile"):
            assert done.code == 0
            continue
        assert done.code == 3, (words, done.err)
        if words[0] != "export" or name.endswith(".keras"):
            assert said in done.err, (words, done.err)
        assert "Error(" not in done.err


def test_a_contradiction_of_shapes_is_a_lint(cli: Cli) -> None:
    done = cli("inspect", DAMAGED / "program_run_ValueError_1.mlpackage", "--strict")
    assert done.code == 1
    assert "shape-mismatch" in done.out
