"""`edgeconv inspect` on edgeconv's own files and on broken ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgeconv.targets.coreml import package
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy


def test_our_own_files_break_no_rule(cli: Cli, bundle: Path) -> None:
    files = [p for p in bundle.iterdir() if p.suffix in (".tflite", ".mlpackage", ".keras")]
    assert len(files) > 5
    for file in files:
        outcome = cli("inspect", file, "--strict", "--json", "-")
        assert outcome.code == 0, outcome.err
        grave = [x for x in outcome.json["lints"] if x["severity"] != "hint"]
        assert grave == [], file.name
    manifest = json.loads((bundle / "manifest.json").read_text("utf-8"))
    exported = [f for a in manifest["artifacts"] for f in a["export"]["findings"]]
    assert {f["severity"] for f in exported} == {"hint"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--allow", "L101"), "changes nothing without --strict"),
        (("--strict", "--allow", "L199"), "no rule L199"),
        (("--strict", "--allow", "D101"), "there are none"),
        (("--sensor", "ios"), "there are none"),
    ],
)
def test_options_that_change_nothing_are_refused(
    cli: Cli, bundle: Path, options: tuple[str, ...], words: str
) -> None:
    outcome = cli("inspect", bundle / "har_int8.tflite", *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_a_keras_model_is_not_run_for_rules_of_files(cli: Cli, bundle: Path) -> None:
    outcome = cli("inspect", bundle / "model.keras", "--data", "synthetic")
    assert outcome.code == 2
    assert "--data does not apply" in outcome.err


def test_a_bundle_is_shown_as_one(cli: Cli, bundle: Path) -> None:
    outcome = cli("inspect", bundle)
    assert outcome.code == 0, outcome.err
    assert "har_int8.tflite" in outcome.out
    assert f"edgeconv inspect {bundle / 'har_'}" in "".join(outcome.out.split("\n"))
    refused = cli("inspect", bundle, "--strict")
    assert (refused.code, "is a bundle" in refused.err) == (2, True)
    assert cli("inspect", bundle, "--json", "-").json["artifacts"]


def test_strict_fails_where_a_file_is_broken(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "har.mlpackage"
    shutil.copytree(bundle / "har_float16.mlpackage", path)
    weights = package.model_file(path).parent / package.WEIGHTS
    weights.unlink()
    outcome = cli("inspect", path)
    assert outcome.code == 0
    assert "error L101 weights-missing" in outcome.out
    assert "copy the whole .mlpackage folder again" in outcome.out
    assert cli("inspect", path, "--strict").code == 1
    assert cli("inspect", path, "--strict", "--allow", "L101").code == 0
