"""Templates of a model's package: every slot is known, and hostile names do no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeconv.integration import PLATFORMS, find_platform
from edgeconv.integration.render import render_model
from tests.unit.integration.conftest import LABELS, MakeContext

WITH_MODELS = [name for name in PLATFORMS if name != "mcu"]  # which reads the file's operations


@pytest.fixture(params=WITH_MODELS)
def files(
    request: pytest.FixtureRequest, make_context: MakeContext, tmp_path: Path
) -> dict[str, bytes]:
    platform = find_platform(request.param)
    package = platform.package_of_model()
    ending = {"coreml": ".mlpackage", "tflite": ".tflite"}[platform.target]
    context = make_context(package.naming, tmp_path / f"hostile{ending}")
    return render_model(platform, package, context)


def test_a_package_has_its_parts(files: dict[str, bytes]) -> None:
    names = " ".join(files)
    assert "README.md" in files
    assert "golden.json" in names
    assert "okenizer" in names
    readme = files["README.md"].decode()
    for words in ("`class`", "`user_id`", "`return`", "golden check", "Unproven"):
        assert words in readme, words
    assert "{{" not in readme
    assert max(map(len, readme.splitlines())) <= 400


def test_vectors_are_json_with_every_name(files: dict[str, bytes]) -> None:
    (path,) = (name for name in files if name.endswith("golden.json"))
    document = json.loads(files[path])
    assert set(document["inputs"]) == {"class", "user_id", "X"}
    assert set(document["expected"]) == {"return", "alarm", "self"}
    assert {label for row in document["labels"].values() for label in row} <= set(LABELS)
