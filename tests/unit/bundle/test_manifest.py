"""`manifest.json`: of this schema version, of version 1, and of one that is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgeconv import bundle as bundles
from edgeconv.core import Normalization
from edgeconv.errors import BadInput
from edgeconv.recipes import load_recipe

SIGNAL_V1: dict[str, Any] = {
    "channels": ["x", "y", "z"],
    "labels": ["Sitting", "Walking"],
    "layout": "time-major",
    "normalisation": {"mean": [0.0, 0.0, 0.0], "std": [6.5, 6.5, 6.5]},
    "normalisation_folded": True,
    "rate_hz": 20.0,
    "sensor": "ios",
    "sign": "ios",
    "step": 40,
    "unit": "g",
    "window": 80,
}
TRAINING_V1: dict[str, Any] = {
    "augmentation": None,
    "batch_size": 128,
    "class_weights": 0.0,
    "clipnorm": 1.0,
    "distillation": None,
    "ema": 0.99,
    "epochs": 2,
    "keep": "last",
    "label_smoothing": 0.1,
    "learning_rate": 0.001,
    "normalisation": "axis",
    "optimizer": "adamw",
    "patience": 0,
    "refit": True,
    "schedule": "cosine",
    "warmup": 0.05,
    "weight_decay": 0.01,
}
VARIANT_V1: dict[str, Any] = {
    "calibration_method": "",
    "compress": "prune50",
    "deployment_target": "",
    "float_layers": [],
    "int8_layers": [],
    "io": "float",
    "min_snr_db": 0.0,
    "scheme": "int8",
    "sensor": "android",
    "target": "tflite",
}
MANIFEST_V1: dict[str, Any] = {
    "schema_version": 1,
    "recipe": {
        "compression": {"epochs": 8, "learning_rate": 0.0005},
        "data": "synthetic",
        "gates": {"accuracy_drop": 0.02},
        "model": "har",
        "name": "mine",
        "profile_runs": 300,
        "seed": 3,
        "training": TRAINING_V1,
        "variants": [VARIANT_V1],
    },
    "data": {
        "name": "synthetic",
        "spec": "synthetic",
        "report": {
            "dropped": {"labels outside the classes": 12},
            "kept": 115200,
            "notes": ["SYNTHETIC DATA"],
            "source": "formula of a walking person, seed 2018",
            "synthetic": True,
        },
        "splits": {
            "rule": "by subject",
            "train": {"sha256": "91d5", "subjects": ["1", "2"], "windows": 1944},
            "val": {"sha256": "a686", "subjects": ["10"], "windows": 216},
            "test": {"sha256": "dd3b", "subjects": ["8"], "windows": 432},
        },
    },
    "signal": {**SIGNAL_V1, "sensor": "normalized", "unit": "standard deviations"}
    | {"sign": "android", "normalisation_folded": False},
    "model": {
        "path": "model.keras",
        "sha256": "6d00",
        "parameters": 520486,
        "training": {
            "epochs": 2,
            "kept_epoch": 1,
            "refitted": True,
            "seed": 3,
            "settings": TRAINING_V1,
            "stopped": "finished",
            "train_subjects": ["1", "2", "10"],
            "val_accuracy": 0.5,
            "val_loss": 1.7,
            "val_subjects": ["10"],
            "windows": 2160,
        },
    },
    "artifacts": [
        {
            "path": "har_palette4.mlpackage",
            "sha256": "0a1b",
            "bytes": 270000,
            "target": "coreml",
            "scheme": "palette4",
            "signal": SIGNAL_V1,
            "inputs": [
                {
                    "name": "sensor",
                    "shape": [1, 240],
                    "dtype": "float32",
                    "scale": None,
                    "zero_point": None,
                }
            ],
            "outputs": [
                {
                    "name": "probabilities",
                    "shape": [1, 2],
                    "dtype": "float32",
                    "scale": None,
                    "zero_point": None,
                }
            ],
            "settings": {
                "calibration_windows": 500,
                "checks": {
                    "agreement": {"max_abs": 4e-4, "mean_abs": 8e-5, "n": 64, "status": "passed"},
                    "layout_ops": 2,
                    "ops": 21,
                    "plan_max_abs": 9.7e-8,
                },
                "compress": {
                    "kernels": {"conv2": {"distinct": 9, "weights": 100, "zeros": 50}},
                    "name": "prune50",
                    "sha256": "2248",
                },
                "compressed": ["conv1", "conv2"],
                "contract": "embedded",
                "deflated_bytes": 265062,
                "deployment_target": "iOS16",
                "folding": {"exact": True, "explicit": []},
                "io": "float",
                "made_up_on_windows": ["conv1"],
                "not_compressed": [
                    {"layer": "probabilities", "reason": "960 weights; up to 2,048 stay float16"}
                ],
                "sensor": "ios",
                "specification": "7",
            },
            "versions": {"coremltools": "9.0", "edgeconv": "0.1.0"},
            "parity": {"status": "not_run", "reason": "parity was not asked for"},
            "profile": {"status": "not_run", "reason": "profile was not asked for"},
        }
    ],
    "evaluations": {},
    "versions": {"edgeconv": "0.1.0", "keras": "3.15.1"},
    "machine": {"architecture": "x86_64", "cores": 2, "python": "3.11.7"},
    "compressed": {
        "prune50": {
            "path": "prune50.keras",
            "ranges": {"conv1": [0.0, 6.5]},
            "settings": {
                "kernels": {"conv2": {"distinct": 9, "weights": 100, "zeros": 50}},
                "left": {"conv1": "3,000 of 519,960 weights"},
            },
            "sha256": "2248",
        }
    },
    "golden": None,
    "files": {},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST_V1), "utf-8")
    return tmp_path


def test_read_manifest_of_version_1(folder: Path) -> None:
    bundle = bundles.read_bundle(folder, verify=False)
    assert bundle.model.signal.normalization == Normalization((0.0,) * 3, (6.5,) * 3)
    assert not bundle.model.signal.normalization_folded
    assert bundle.artifacts[0].signal.normalization_folded
    training = bundle.model.training
    assert training is not None
    assert (training.selected_epoch, training.settings.normalization) == (1, "axis")
    report = bundle.artifacts[0].export
    assert report.error_compensated_layers == ("conv1",)
    assert report.compressed_layers == ("conv1", "conv2")
    assert report.uncompressed_layers[0].layer == "probabilities"
    assert report.compressed_bytes == 265062
    assert report.format == {"specification": "7"}
    assert report.unfolded_layers == ()
    assert report.compression is not None
    assert (report.compression.name, report.compression.kernels["conv2"].zeros) == ("prune50", 50)
    assert report.checks is not None
    assert report.checks.interpreter_max_abs == 9.7e-8
    assert report.checks.agreement.n == 64
    network = bundle.compressed["prune50"]
    assert network.skipped_layers == {"conv1": "3,000 of 519,960 weights"}
    assert network.ranges == {"conv1": (0.0, 6.5)}
    assert bundle.data is not None
    assert bundle.data.splits.train.subjects == ("1", "2")
    assert (bundle.machine.cores, bundle.machine.architecture) == (2, "x86_64")
    assert bundle.recipe == load_recipe(str(folder / "manifest.json"))


def test_read_manifest_of_version_1_of_a_bare_export(folder: Path) -> None:
    """Version 0.1.0 wrote empty objects for what a bare export does not know."""
    bare = {"recipe": {"variants": [VARIANT_V1]}, "data": {}, "evaluations": {}}
    model = {**MANIFEST_V1["model"], "training": {}}
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST_V1, **bare, "model": model}))
    bundle = bundles.read_bundle(folder, verify=False)
    assert (bundle.recipe, bundle.data, bundle.model.training) == (None, None, None)
    assert (bundle.data_spec, bundle.gates, bundle.model.train_subjects) == ("", {}, ())


def test_write_what_was_read_of_version_1(folder: Path) -> None:
    """The old words are gone from the manifest that is written next, and nothing else is."""
    bundle = bundles.read_bundle(folder, verify=False)
    bundles.write(bundle, folder)
    text = (folder / "manifest.json").read_text("utf-8")
    assert json.loads(text)["schema_version"] == 2
    for word in ("normalisation", "made_up", "plan_max_abs", "kept_epoch", "deflated"):
        assert word not in text
    assert bundles.read_bundle(folder, verify=False) == bundle


def test_load_recipe_of_a_manifest_of_version_1(folder: Path) -> None:
    recipe = load_recipe(str(folder / "manifest.json"))
    assert (recipe.name, recipe.training.normalization) == ("mine", "axis")
    assert recipe.variants[0].compress == "prune50"
    assert recipe.training.augmentation is None


def test_read_manifest_of_an_unknown_version(folder: Path) -> None:
    (folder / "manifest.json").write_text(json.dumps({**MANIFEST_V1, "schema_version": 3}))
    with pytest.raises(BadInput, match="schema version 3"):
        bundles.read_bundle(folder, verify=False)


def test_read_manifest_with_a_number_beyond_every_integer(folder: Path) -> None:
    """Found by fuzzing: JSON's 1e999 is infinite, and no integer."""
    text = json.dumps(MANIFEST_V1).replace('"window": 80', '"window": 1e999')
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match="damaged"):
        bundles.read_bundle(folder, verify=False)


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('"bytes": ', '"bytes": "many", "x": ', "artifact: bytes must be a whole number"),
        ('"path": "', '"path": "../', "not the name of a file in the folder"),
        ('"sha256": ', '"sha256": 7, "x": ', "sha256 must be text, got 7"),
        ('"artifacts": [', '"artifacts": null, "x": [', "of another kind than it should be"),
    ],
)
def test_a_damaged_manifest_is_described_without_pythons_words(
    right: str, wrong: str, words: str, folder: Path
) -> None:
    text = json.dumps(MANIFEST_V1)
    assert right in text
    (folder / "manifest.json").write_text(text.replace(right, wrong))
    with pytest.raises(BadInput, match="is damaged") as refused:
        bundles.read_bundle(folder, verify=False)
    assert words in refused.value.message
    assert "Error(" not in refused.value.message
