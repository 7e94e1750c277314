"""Templates of a model's package: every slot is known, and hostile names do no harm."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.integration import PLATFORMS, find_platform
from edgeconv.integration.render import _code, render_model
from tests.unit.integration.conftest import CONTRACT, LABELS, MakeContext, model_context

NO_CODE = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.DOTALL)  # strings and comments
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
    for words in ("`class`", "`user_id`", "`return`", "golden check", "Unproven", "no unit passed"):
        assert words in readme, words
    assert "{{" not in readme
    assert max(map(len, readme.splitlines())) <= 400


@pytest.mark.parametrize("name", WITH_MODELS)
def test_names_of_tensors_are_never_code(name: str, tmp_path: Path) -> None:
    """A bundle from elsewhere may call its tensors anything."""
    evil = 'x */ }\nEVIL() /* `|` \N{RIGHT-TO-LEFT OVERRIDE}""" ${EVIL()} \\(EVIL())'
    inputs = (replace(CONTRACT.inputs[0], name=evil), *CONTRACT.inputs[1:])
    outputs = (replace(CONTRACT.outputs[0], name=f"{evil}2"), *CONTRACT.outputs[1:])
    contract = replace(CONTRACT, inputs=inputs, outputs=outputs)
    platform = find_platform(name)
    package = platform.package_of_model()
    ending = {"coreml": ".mlpackage", "tflite": ".tflite"}[platform.target]
    context = model_context(package.naming, tmp_path / f"evil{ending}", contract)
    for path, content in render_model(platform, package, context).items():
        text = content.decode(errors="replace")
        assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text or path.endswith(".json"), path
        if not path.endswith(".json"):
            assert not any(line.startswith("EVIL") for line in text.splitlines()), path
        if path.endswith((".kt", ".swift", ".ts")):
            code = NO_CODE.sub("", text)
            assert "EVIL" not in code, path


@pytest.mark.parametrize("name", ["a", "`a`", "``", "a|b", "`a``b"])
def test_a_code_span_holds_any_name(name: str) -> None:
    span = re.fullmatch(r"(`+) ?(.*?) ?\1", _code(name))
    assert span
    assert span[2].replace("\\|", "|") == name
    assert span[1] not in re.findall("`+", span[2])


def test_vectors_are_json_with_every_name(files: dict[str, bytes]) -> None:
    (path,) = (name for name in files if name.endswith("golden.json"))
    document = json.loads(files[path])
    assert set(document["inputs"]) == {"class", "user_id", "X"}
    assert set(document["expected"]) == {"return", "alarm", "self"}
    assert {label for row in document["labels"].values() for label in row} <= set(LABELS)
