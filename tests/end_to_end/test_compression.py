"""A recipe with compressions, from words to verdict; and files that break what was promised."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv import bundle as bundles
from edgeconv.cli.app import run_app
from edgeconv.core import Check, Status
from edgeconv.core.paths import sha256
from edgeconv.targets.tflite.weights import read_kernels
from edgeconv.workflows.parity import check_artifacts, prepare_parity

from .conftest import Cli

pytestmark = pytest.mark.heavy

RECIPE = """
model = "cnn:8-16s2"
profile_runs = 5
[training]
epochs = 6
learning_rate = 0.01
refit = false
augmentation = false
[compression]
epochs = 1
[gates]
accuracy_drop = 0.9
[[variants]]
target = "tflite"
scheme = "float32"
[[variants]]
target = "tflite"
scheme = "int8"
compress = "prune2of4-cluster16"
[[variants]]
target = "tflite"
scheme = "float16"
compress = "prune2of4-cluster16"
"""
NAME = "prune2of4-cluster16"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compression")
    (folder / "small.toml").write_text(RECIPE)
    words = ["run", str(folder / "small.toml"), "--out", str(folder / "out"), "--quiet"]
    assert run_app(words) == 0
    return folder / "out"


def checks(path: Path, file: str) -> dict[str, Check]:
    (result,) = check_artifacts(prepare_parity(path), names=[file]).parity
    return {check.name: check for check in result.checks}


def file_of(path: Path, scheme: str) -> str:
    (found,) = [
        a.name for a in bundles.read_bundle(path).artifacts if a.scheme == scheme and NAME in a.name
    ]
    return found


def replace_file(path: Path, name: str, data: bytes) -> None:
    """A file of the bundle with other bytes, and a manifest that vouches for them."""
    (path / name).write_bytes(data)
    bundle = bundles.read_bundle(path, verify=False)
    artifacts = tuple(
        replace(a, sha256=sha256(a.path)) if a.name == name else a for a in bundle.artifacts
    )
    bundles.write(replace(bundle, artifacts=artifacts), path)


def test_one_training_is_shared_by_its_variants_and_kept(made: Path) -> None:
    bundle = bundles.read_bundle(made)
    kept = bundle.compressed[NAME]
    assert kept.path == made / "compressed" / f"{NAME}.keras"
    assert kept.sha256 == sha256(kept.path) != bundle.model.sha256
    applied = [a.export.compression for a in bundle.artifacts]
    assert [c and (c.name, c.sha256) for c in applied] == [None, *[(NAME, kept.sha256)] * 2]
    names = [a.name.removeprefix("cnn-8-16s2_") for a in bundle.artifacts]
    assert names == ["float32.tflite", f"{NAME}_int8.tflite", f"{NAME}_float16.tflite"]


def test_decisions_conversion_and_promise_are_judged(made: Path) -> None:
    for scheme in ("int8", "float16"):
        found = checks(made, file_of(made, scheme))
        wanted = {"accuracy_drop", "conversion", "sparsity", "weights_of_four", "distinct_weights"}
        assert wanted <= set(found)
        assert "snr_db" not in found
        assert {c.status for c in found.values()} == {Status.PASSED}


def test_a_file_with_other_weights_breaks_the_promise(made: Path, tmp_path: Path) -> None:
    """The file of a dense network under the name of a pruned one."""
    broken = tmp_path / "broken"
    shutil.copytree(made, broken)
    name = file_of(broken, "int8")
    data = (broken / name).read_bytes()
    kernels = [k.weight.stored for k in read_kernels(broken / name) if k.weight is not None]
    largest = max(kernels, key=lambda stored: stored.size)
    dense = np.random.default_rng(0).integers(1, 127, largest.size).astype(np.int8)
    assert data.count(largest.tobytes()) == 1
    replace_file(broken, name, data.replace(largest.tobytes(), dense.tobytes()))
    found = checks(broken, name)
    for check in ("conversion", "sparsity", "weights_of_four", "distinct_weights"):
        assert found[check].status is Status.FAILED, check
        assert found[check].reason


def test_a_compressed_network_that_has_changed_is_bad_input(
    made: Path, tmp_path: Path, cli: Cli
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(made, broken)
    (broken / "compressed" / f"{NAME}.keras").write_bytes(b"another")
    outcome = cli("parity", broken)
    assert outcome.code == 3
    assert f"{NAME}.keras has changed" in outcome.err


def test_a_model_is_compressed_by_words_alone(made: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "out"
    words = ["--target", "tflite", "--compress", "prune50", "--quantize", "int8", "--epochs", "1"]
    outcome = cli("export", made, "--out", out, *words, "--json", "-")
    assert outcome.code == 0
    manifest: Any = json.loads((out / "manifest.json").read_text())
    assert manifest["compressed"]["prune50"]["kernels"]
    test = set(manifest["data"]["splits"]["test"]["subjects"])
    assert test
    assert not test & set(manifest["model"]["training"]["train_subjects"])


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--compress", "prune80", "--target", "coreml", "--quantize", "palette4"], 4, "zeros"),
        (["--compress", "zip"], 2, "unknown compression"),
        (["--epochs", "3"], 2, "applies to --compress only"),
    ],
)
def test_wrong_words_are_refused_before_any_work(
    words: list[str], code: int, told: str, tmp_path: Path, cli: Cli
) -> None:
    outcome = cli("export", "no-such.keras", "--out", tmp_path / "out", *words)
    assert outcome.code == code
    assert told in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_model_without_recordings_says_what_to_name(made: Path, tmp_path: Path, cli: Cli) -> None:
    alone = tmp_path / "alone.keras"
    shutil.copyfile(made / "model.keras", alone)
    words = ["--target", "tflite", "--quantize", "float16", "--compress", "prune50"]
    outcome = cli("export", alone, "--out", tmp_path / "out", *words)
    assert outcome.code == 2
    assert "--data SPEC" in outcome.err
