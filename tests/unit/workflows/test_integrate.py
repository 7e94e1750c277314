"""`integrate` for a model of named tensors: what it writes and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv
from edgeconv import bundle as bundles
from edgeconv.cli.app import run_app
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.parity.golden.store import digest_of_document
from tests.json_schemas import valid

pytestmark = pytest.mark.heavy


@pytest.fixture
def bundle(pair: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pair / "out", tmp_path / "bundle"))


def test_the_package_holds_the_file_and_what_it_answers(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    package = edgeconv.integrate("android", bundle, out)
    valid({"format": "edgeconv-package", "schema_version": 1, **package.to_json()})
    assert (package.sensor_hz, package.streams, package.vectors) == (None, 0, 8)
    (asset,) = out.rglob("*.tflite")
    assert asset.read_bytes() == package.artifact.path.read_bytes()
    vectors = json.loads(next(out.rglob("golden.json")).read_text("utf-8"))
    with edgeconv.open_runner(asset) as runner:
        inputs = {
            name: np.array(vectors["inputs"][name], spec.dtype).reshape(8, *spec.shape[1:])
            for name, spec in runner.inputs.items()
        }
        for name, answers in runner.run(inputs).items():
            np.testing.assert_array_equal(
                answers.reshape(8, -1), np.array(vectors["expected"][name], np.float32)
            )
    again = edgeconv.integrate("android", bundle, out)
    assert again.written.unchanged == package.written.new


def change_golden(bundle: Path, edit: Any) -> None:
    """Other golden vectors, of a bundle whose every digest is right."""
    path = bundle / "golden/golden.json"
    document = json.loads(path.read_text("utf-8"))
    edit(document["artifacts"])
    document["sha256"] = digest_of_document(document)
    path.write_text(json.dumps(document), "utf-8")
    bundles.write(edgeconv.read_bundle(bundle, verify=False), bundle)


def another_answer(artifacts: Any) -> None:
    artifacts["pair_float32.tflite"]["expected"]["place"][0][0] = 9


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda artifacts: artifacts.clear(), "not of this pair_float32.tflite"),
        (another_answer, "does not answer its golden vectors here"),
    ],
)
def test_golden_vectors_that_are_not_the_files_own(
    bundle: Path, tmp_path: Path, edit: Any, words: str
) -> None:
    change_golden(bundle, edit)
    with pytest.raises(BadInput, match=words):
        edgeconv.integrate("web", bundle, tmp_path / "package")
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    ("platform", "options", "error", "words"),
    [
        (
            *("web", {"app": edgeconv.AppOptions(sensor_hz=50.0)}),
            *(UsageError, "a sensor rate does not apply"),
        ),
        (
            "mcu",
            {"app": edgeconv.AppOptions(update_key="AA")},
            UsageError,
            "takes no updates of its own",
        ),
        ("mcu", {}, Unsupported, "needs an int8 file whose inputs"),
        ("ios", {"artifact": "pair_float32.tflite"}, Unsupported, "cannot be used"),
        ("ios", {"artifact": "other.mlpackage"}, UsageError, "no artifact 'other.mlpackage'"),
    ],
)
def test_what_does_not_fit_is_refused(
    bundle: Path,
    tmp_path: Path,
    platform: str,
    options: Any,
    error: type[EdgeconvError],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        edgeconv.integrate(platform, bundle, tmp_path / "package", **options)
    assert not (tmp_path / "package").exists()


def test_a_vocabulary_of_another_size_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / "vocabulary.txt").write_text("one\ntwo\n")
    with pytest.raises(BadInput, match="vocabulary has 2 words"):
        edgeconv.integrate("web", bundle, tmp_path / "package")


def test_the_command_says_what_to_run(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["integrate", "ios", str(bundle), "--out", str(tmp_path / "package")]) == 0
    said = capsys.readouterr().out
    assert "a Swift package for Core ML with pair_float32.mlpackage" in said
    assert "8 golden vectors" in said
