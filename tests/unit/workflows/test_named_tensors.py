"""Parity, accuracy and golden vectors of a model with named tensors."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv
from edgeconv import bundle as bundles
from edgeconv.cli.app import run_app
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.parity.golden.named_vectors import FORMAT, read_named, write_named

pytestmark = pytest.mark.heavy


def test_parity_without_data_says_what_it_was_measured_on(pair: Path) -> None:
    checked = edgeconv.check_parity(pair / "out")
    for result in checked.parity:
        assert result.status == "passed", result.reason
        assert "128 seeded random inputs (seed 1)" in result.inputs
        assert {"top1_agreement", "accuracy_drop"} <= set(result.not_applicable)
        assert {"golden", "contract", "snr_db", "max_abs"} <= {c.name for c in result.checks}
        assert min(result.metrics[f"snr_db[{name}]"] for name in ("kind", "alarm", "place")) > 90


def test_parity_on_arrays_with_labels_judges_the_accuracy(pair: Path) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "accel": random.normal(size=(30, 6)).astype(np.float32),
        "words": random.integers(0, 20, (30, 5)),
        "labels": random.integers(0, 3, 30),
    }
    np.savez(pair / "data.npz", **arrays)
    checked = edgeconv.check_parity(pair / "out", f"npz:{pair / 'data.npz'}")
    for result in checked.parity:
        assert result.inputs == ""
        assert result.metrics["accuracy"] == result.metrics["reference_accuracy"]
        assert "accuracy_drop" in {check.name for check in result.checks}


def test_calibration_data_that_are_gone_are_replaced_by_those_of_the_golden_vectors(
    pair: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(pair / "out", folder)
    golden = read_named(folder)
    assert golden is not None
    write_named(replace(golden, origin="npz:gone.npz", random=False), folder)
    bundles.write(edgeconv.read_bundle(folder, verify=False), folder)
    for result in edgeconv.check_parity(folder).parity:
        assert result.inputs == ""
        assert result.n == len(golden)


def test_a_file_of_another_model_fails(pair: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(pair / "out", folder)
    file = folder / "pair_float32.tflite"
    data = bytearray(file.read_bytes())
    weights = np.float32(a_weight(folder / "model.keras")).tobytes()
    at = data.find(weights)
    assert at > 0
    data[at : at + 4] = np.float32(9).tobytes()
    file.write_bytes(bytes(data))
    bundle = edgeconv.read_bundle(folder, verify=False)
    broken = [
        replace(a, sha256=sha256(a.path)) if a.name == file.name else a for a in bundle.artifacts
    ]
    bundles.write(replace(bundle, artifacts=tuple(broken)), folder)
    results = {r.artifact: r for r in edgeconv.check_parity(folder).parity}
    assert results[file.name].status == "failed"
    assert results["pair_float32.mlpackage"].status == "passed"


def a_weight(path: Path) -> float:
    """One weight of the output `place`."""
    import keras

    kernel = keras.saving.load_model(path).get_layer("place").get_weights()[0]
    return float(kernel[0, 0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gates": {"accuracy_drop": 0.1}}, UsageError, "the inputs are seeded random numbers"),
        ({"split": "train"}, UsageError, "--split train does not apply"),
        ({"data": "synthetic"}, UsageError, "are no data for this model"),
        ({"layers": True}, Unsupported, "--layers does not apply"),
    ],
)
def test_what_does_not_apply_is_refused(
    pair: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        edgeconv.check_parity(pair / "out", **options)


def test_files_that_no_named_runtime_opens_are_listed(pair: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(pair / "out", tmp_path / "out")
    results = {r.target: r for r in edgeconv.check_parity(folder, runtimes=("litert",)).parity}
    assert results["tflite"].status == "passed"
    assert results["coreml"].status == "not_run"
    assert "add --runtime coreml or coreml-reference" in results["coreml"].reason
    for unknown in (("abacus",), ("litert", "abacus")):
        with pytest.raises(UsageError, match="unknown runtime 'abacus'"):
            edgeconv.check_parity(folder, runtimes=unknown)
    with pytest.raises(UsageError, match="runtime 'onnxruntime' does not open"):
        edgeconv.check_parity(folder, runtimes=("onnxruntime",))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("export", "MODEL", "--compress", "prune50", "--out", "OUT"),
            4,
            "'prune50' does not apply",
        ),
        (("data", "check", "synthetic", "--against", "BUNDLE"), 4, "--against does not apply"),
        (("search", "har", "--data", "polarity:TEXTS", "--out", "OUT"), 2, "holds texts, not"),
        (("cross-validate", "har", "--data", "polarity:TEXTS"), 2, "holds texts, not"),
        (("train", "--model", "har", "--data", "polarity:TEXTS", "--out", "OUT"), 2, "are texts"),
        (("run", "har", "--data", "polarity:TEXTS", "--out", "OUT"), 2, "are texts"),
    ],
    ids=lambda value: "-".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_commands_for_recordings_say_what_a_model_lacks(
    pair: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    for ending in ("neg", "pos"):
        text = "\n".join(f"a film {n}" for n in range(20))
        (tmp_path / f"rt-polarity.{ending}").write_text(text)
    places = {"MODEL": pair / "pair.keras", "BUNDLE": pair / "out", "OUT": tmp_path / "out"}
    given = [str(places.get(word, word)).replace("TEXTS", str(tmp_path)) for word in words]
    assert run_app(given) == code
    message = capfd.readouterr().err
    assert said in message
    assert "\n  " in message.partition("error:")[2], "what to do"
    assert not (tmp_path / "out").exists()


def test_golden_vectors_judge_what_a_device_recorded(pair: Path, tmp_path: Path) -> None:
    golden = read_named(pair / "out")
    assert golden is not None
    document = json.loads((pair / "out" / "golden" / "golden.json").read_text())
    assert document["format"] == FORMAT
    name = "pair_float32.tflite"
    entry = document["artifacts"][name]
    path = tmp_path / "results.json"

    def check(outputs: dict[str, Any], digest: str = entry["sha256"]) -> Any:
        result = {"artifact": name, "sha256": digest, "outputs": outputs}
        report = {"format": "edgeconv-golden-results", "schema_version": 1, "results": [result]}
        path.write_text(json.dumps(report))
        (judged,) = edgeconv.check_device_outputs(pair / "out", path)
        return judged

    assert check(entry["expected"]).status == "passed"
    moved = json.loads(json.dumps(entry["expected"]))
    moved["place"][1][0] += 1.0
    judged = check(moved)
    assert judged.status == "failed"
    assert "vector 1: place[0]" in judged.reason
    assert "the file has changed" in check(entry["expected"], "0" * 64).reason
    with pytest.raises(BadInput, match="damaged"):
        check({"place": [[1.0]]})


def test_accuracy_needs_labels_and_classes(pair: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    arrays: dict[str, Any] = {
        "accel": random.normal(size=(12, 6)).astype(np.float32),
        "words": random.integers(0, 20, (12, 5)),
    }
    np.savez(tmp_path / "bare.npz", **arrays)
    np.savez(tmp_path / "data.npz", labels=random.integers(0, 3, 12), **arrays)
    file = pair / "out" / "pair_float32.tflite"
    of_file = edgeconv.evaluate(file, f"npz:{tmp_path / 'data.npz'}")
    of_keras = edgeconv.evaluate(pair / "pair.keras", f"npz:{tmp_path / 'data.npz'}")
    assert (of_file.n, of_file.confusion) == (12, of_keras.confusion)
    with pytest.raises(UsageError, match="hold no labels"):
        edgeconv.evaluate(file, f"npz:{tmp_path / 'bare.npz'}")
