"""The Swift packages of real bundles: compiled, formatted, tested, and their tests tested.

Two builds serve all of it. One holds the package of an accelerometer's model, that of a model of
named tensors and the sample app, with stub modules in place of Apple's that deliver, fail and are
released: what is under `canImport` is run, too. The other is the package of nine channels as it is
on Linux. In both, each mutation is an expression behind a switch, so that none needs a build.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeconv.bundle import signature
from edgeconv.integration.template_context import AppOptions
from edgeconv.integration.updates import UpdateManifest, contract_sha256, describe_files
from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Tool, write_with_update
from tests.packages.mutation import Mutation, mutations

pytestmark = pytest.mark.heavy

MUTATIONS = mutations("ios")
_ADAPTER = "Sources/SensorRecognition"
_SWITCH = """import Foundation

private let chosen = ProcessInfo.processInfo.environment["MUTATION"]

/// Whether a test runs with this mutation.
func mutation(_ name: String) -> Bool { chosen == name }
"""
_TESTS = """
swift build --build-tests -Xswiftc -warnings-as-errors > build.log 2>&1 ||
  { grep -E "error|warning" build.log; exit 1; }
tests=$(echo .build/debug/*PackageTests.xctest)
export GOLDEN_RESULTS=results.json SELF_TEST_RECORD=record.json MODEL_RECORD=model.json
"$tests" > right.log 2>&1 || { cat right.log; exit 1; }
unset GOLDEN_RESULTS SELF_TEST_RECORD MODEL_RECORD
echo "BUILT $(grep "Executed" right.log | tail -1)"
while read -r name; do
  # The first failure ends the run.
  { MUTATION=$name timeout 90 stdbuf -oL "$tests" || echo "ended with $?"; } 2>&1 \\
    | grep -q "error:\\|ended with 124" && echo "NOTICED $name"  # 124: a test waits for ever
done < mutations.txt
[ ! -e results.json ] || { echo "RESULTS"; cat results.json; echo; cat record.json
  echo; cat model.json; }
"""


def _switch(mutation: Mutation, package: Path) -> None:
    """Put right and wrong into the source; the environment chooses when a test runs."""
    path = package / mutation.file
    source, context = path.read_text("utf-8"), mutation.context
    place = context.replace("§", mutation.right)
    assert place in source, f"{mutation.name}: '{place}' is not there"
    both = f'(mutation("{mutation.name}") ? ({mutation.wrong}) : ({mutation.right}))'
    path.write_text(source.replace(place, context.replace("§", both)), "utf-8")
    (path.parent / "Mutation.swift").write_text(_SWITCH, "utf-8")


@dataclass(frozen=True)
class Outcome:
    """What the tests of a build said."""

    right: str
    noticed: tuple[str, ...]
    results: tuple[str, ...]


def _run_tests(swift: Tool, folder: Path, mutations: Sequence[Mutation]) -> Outcome:
    """Build once, run the tests, and run them again with each mutation."""
    (folder / "mutations.txt").write_text("".join(f"{m.name}\n" for m in mutations), "utf-8")
    done = swift(folder, "bash", "-uc", _TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    report, _, results = done.stdout.partition("RESULTS\n")
    lines = report.splitlines()
    noticed = tuple(line.partition(" ")[2] for line in lines if line.startswith("NOTICED "))
    return Outcome(lines[0], noticed, tuple(results.splitlines()))


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of an accelerometer's model, which takes updates; they lie beside it."""
    return write_package(bundle, tmp_path_factory.mktemp("ios"))


def write_package(bundle: Path, folder: Path) -> Path:
    signature.new_keys(folder / "release.pem")
    key = signature.read_public(folder / "release.pub")
    out = folder / "SensorRecognition"
    integrate("ios", bundle, out, app=AppOptions(update_key=signature.embedded_key(key)))
    _write_updates(out, folder)
    return out


def _write_updates(package: Path, folder: Path) -> None:
    """Signed updates with the package's own model: as they must be, and in every wrong way."""
    resources = package / _ADAPTER / "Resources"
    test = (resources / "selftest.json").read_bytes()
    stream = json.loads(
        (package / "Tests/SensorRecognitionTests/Resources/stream.json").read_text()
    )
    (model,) = resources.glob("*.mlpackage")
    files = {
        **{
            p.relative_to(resources).as_posix(): p.read_bytes()
            for p in model.rglob("*")
            if p.is_file()
        },
        "selftest.json": test,
    }
    artifact = json.loads(test)["artifact"]
    key = signature.read_private(folder / "release.pem")
    signature.new_keys(folder / "other.pem")
    other = signature.read_private(folder / "other.pem")
    corrupted = {path: content[:-1] + b"?" for path, content in files.items()}
    for name, version, contents, by in (
        ("right", 3, files, key),
        ("lower", 2, files, key),
        ("corrupted", 3, {**corrupted, "selftest.json": test}, key),
        ("unsigned", 3, files, other),
    ):
        manifest = UpdateManifest(
            name="model",
            version=version,
            min_app_version="1.0",
            contract_sha256=contract_sha256(stream["contract"]),
            artifact=artifact["name"],
            artifact_sha256=artifact["sha256"],
            self_test="selftest.json",
            files=describe_files(files),
        ).to_bytes()
        update = {**contents, "update.json": manifest}
        update["update.sig"] = signature.sign(manifest, by).encode()
        for path, content in update.items():
            place = folder / "updates" / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


@pytest.fixture(scope="module")
def nine(nine_channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model with nine channels."""
    out = tmp_path_factory.mktemp("ios-nine") / "SensorRecognition"
    integrate("ios", nine_channels, out)
    return out


@pytest.fixture(scope="module")
def model_package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The typed runner of a model with hostile names; a signed update lies beside it."""
    folder = tmp_path_factory.mktemp("ios-model")
    return write_with_update("ios", model_bundle, folder, "ModelPrediction")


@pytest.fixture(scope="module")
def adapters(
    package: Path, model_package: Path, swift: Tool, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """Both packages and the sample app, on stub modules."""
    folder = tmp_path_factory.mktemp("ios-adapters")
    lay_out(folder, package, model_package)
    for mutation in MUTATIONS["plain"]:
        _switch(mutation, folder / "package")
    for mutation in MUTATIONS["tensors"]:
        _switch(mutation, folder / "model")
    return _run_tests(swift, folder, (*MUTATIONS["plain"], *MUTATIONS["tensors"]))


def lay_out(folder: Path, package: Path, model_package: Path) -> None:
    """The folders of tests/swift/adapters/Package.swift."""
    shutil.copytree(ROOT / "tests/swift/adapters", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "tests/swift/stubs", folder / "stubs")
    shutil.copytree(package, folder / "package")
    shutil.copytree(package.parent / "updates", folder / "updates")
    shutil.copytree(model_package, folder / "model")
    shutil.copytree(model_package.parent / "updates", folder / "updates-model")
    (folder / "app").mkdir()
    shutil.copy(ROOT / "samples/ios/ActivitySample.swiftpm/LiveActivity.swift", folder / "app")
    for model in folder.glob("*/Sources/*/Resources/*.mlpackage"):  # as Xcode does
        model.rename(model.with_suffix(".mlmodelc"))
    # What a bundle with a file for Core AI adds; the stub opens any.
    for resources in folder.glob("*/Sources/*/Resources"):
        (model,) = resources.glob("*.mlmodelc")
        model.with_suffix(".aimodel").mkdir()
        shutil.copy(resources / "selftest.json", resources / "selftest-coreai.json")


@pytest.fixture(scope="module")
def of_nine(nine: Path, swift: Tool, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The package of nine channels with its own manifest, without Apple's modules."""
    folder = tmp_path_factory.mktemp("ios-mutated")
    shutil.copytree(nine, folder, dirs_exist_ok=True)
    for mutation in MUTATIONS["several"]:
        _switch(mutation, folder)
    return _run_tests(swift, folder, MUTATIONS["several"])


def test_tests_and_adapters_pass_without_a_warning(adapters: Outcome) -> None:
    assert "with 0 failures" in adapters.right
    assert int(adapters.right.split()[2]) >= 60, adapters.right


def test_they_notice_wrong_sources(adapters: Outcome) -> None:
    assert adapters.noticed == tuple(
        m.name for kind in ("plain", "tensors") for m in MUTATIONS[kind]
    )


def test_golden_check_judges_what_a_models_tests_wrote(
    adapters: Outcome, model_bundle: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    results.write_text(adapters.results[0], "utf-8")
    (result,) = check_device_outputs(model_bundle, results)
    assert result.status == "passed", result.reason


def test_golden_check_judges_the_record_of_a_self_test(
    adapters: Outcome, bundle: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    record.write_text(adapters.results[1], "utf-8")
    results = check_device_outputs(bundle, record)
    assert [result.status for result in results] == ["passed", "passed"]


def test_golden_check_judges_the_record_of_a_models_self_test(
    adapters: Outcome, model_bundle: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    record.write_text(adapters.results[2], "utf-8")
    results = check_device_outputs(model_bundle, record)
    assert [result.status for result in results] == ["passed", "passed"]


def test_nine_channels_pass_without_apples_modules(of_nine: Outcome) -> None:
    assert "with 0 failures" in of_nine.right


def test_nine_channels_notice_wrong_sources(of_nine: Outcome) -> None:
    assert of_nine.noticed == tuple(m.name for m in MUTATIONS["several"])


def test_sources_are_formatted_and_manifests_are_read(
    package: Path, nine: Path, model_package: Path, swift: Tool, tmp_path: Path
) -> None:
    for name, folder in (("package", package), ("nine", nine), ("model", model_package)):
        shutil.copytree(folder, tmp_path / name)
    shutil.copytree(ROOT / "samples/ios/ActivitySample.swiftpm", tmp_path / "app")
    shutil.copytree(ROOT / "tests/swift", tmp_path / "swift")
    done = swift(tmp_path, "bash", "-euc", _READ)
    assert done.returncode == 0, done.stdout + done.stderr


_READ = """
/usr/libexec/swift/bin/swift-format lint --strict --recursive .
swiftc -frontend -parse app/*.swift
for folder in package model; do swift package --package-path $folder dump-package > /dev/null; done
"""
