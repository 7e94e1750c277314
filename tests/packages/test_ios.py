"""The Swift package of a real bundle: compiled, formatted, tested, and its tests tested."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Tool
from tests.packages.mutation import Mutation

pytestmark = pytest.mark.heavy

_CORE = "Sources/SensorStreaming"
_STRICT = ("-swift-version", "6", "-warnings-as-errors", "-package-name", "package")
_STREAM, _TRACK = f"{_CORE}/SensorStream.swift", f"{_CORE}/Track.swift"
MUTATIONS = (
    Mutation("the sign is lost", _TRACK, "sample.values * factor", "sample.values * abs(factor)"),
    Mutation(
        "a gap restarts nothing",
        _STREAM,
        "if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }\n      restart()",
        "if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }",
    ),
    Mutation("the filter is skipped", _STREAM, "return centre + sum", "return centre + 0 * sum"),
    Mutation(
        "the hysteresis is forgotten", f"{_CORE}/Decider.swift", "lead > hysteresis", "lead > 0"
    ),
)
OF_SEVERAL = (
    Mutation("the scale is lost", _TRACK, "sample.values * factor", "sample.values / factor"),
    Mutation("axes change places", _STREAM, "[source.axis]\n", "[2 - source.axis]\n"),
    Mutation(
        "a step too many between windows",
        _STREAM,
        "beyond % settings.step == 0",
        "beyond % (settings.step + 1) == 0",
    ),
    Mutation("silence is not noticed", _STREAM, "elapsed > silence", "elapsed < 0"),
    Mutation("the grid begins too early", _STREAM, "start = newest.max()", "start = newest.min()"),
    Mutation("gravity does not settle", f"{_CORE}/Gravity.swift", "left > 0 {", "left > 999 {"),
)

_RUNNER = "Sources/ModelPrediction"
MODEL_MUTATIONS = (
    Mutation(
        "limits are forgotten",
        f"{_RUNNER}/Tensor.swift",
        "!limits.contains($0)",
        "limits.contains($0) && false",
    ),
    Mutation("the least class wins", f"{_RUNNER}/Tensor.swift", "values.max()", "values.min()"),
    Mutation(
        "a long text's beginning is kept",
        f"{_RUNNER}/Tokenizer.swift",
        "found.suffix(",
        "found.prefix(",
    ),
)


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ios") / "SensorRecognition"
    integrate("ios", bundle, out)
    return out


@pytest.fixture(scope="module")
def nine(nine_channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model with nine channels."""
    out = tmp_path_factory.mktemp("ios-nine") / "SensorRecognition"
    integrate("ios", nine_channels, out)
    return out


@pytest.mark.parametrize("name", ["package", "nine"])
def test_its_own_tests_pass_without_a_warning(
    name: str, swift: Tool, request: pytest.FixtureRequest
) -> None:
    done = swift(request.getfixturevalue(name), "swift", "test", "-Xswiftc", "-warnings-as-errors")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Executed 8 tests, with 0 failures" in done.stdout + done.stderr


@pytest.mark.parametrize("mutation", [*MUTATIONS, *OF_SEVERAL], ids=lambda m: m.name)
def test_its_tests_notice_a_wrong_core(
    mutation: Mutation, swift: Tool, request: pytest.FixtureRequest
) -> None:
    package: Path = request.getfixturevalue("nine" if mutation in OF_SEVERAL else "package")
    with mutation.applied(package):
        done = swift(package, "swift", "test", "-Xswiftc", "-warnings-as-errors")
    assert done.returncode != 0
    assert "Build complete!" in done.stdout + done.stderr, done.stderr  # it is the tests that fail


@pytest.fixture(scope="module")
def model_package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The typed runner of a model with hostile names."""
    out = tmp_path_factory.mktemp("ios-model") / "ModelPrediction"
    integrate("ios", model_bundle, out)
    return out


def test_a_models_package_passes_its_own_tests(
    model_package: Path, model_bundle: Path, swift: Tool, tmp_path: Path
) -> None:
    """Also Core ML's adapter against a stub module, and what `golden check` says of the results."""
    command = "GOLDEN_RESULTS=results.json swift test -Xswiftc -warnings-as-errors 2>&1; "
    done = swift(model_package, "bash", "-c", f"{command} echo; cat results.json")
    assert "Executed 8 tests, with 0 failures" in done.stdout, done.stdout + done.stderr
    results = tmp_path / "results.json"
    results.write_text(done.stdout.splitlines()[-1], "utf-8")
    (result,) = check_device_outputs(model_bundle, results)
    assert result.status == "passed", result.reason
    shutil.copytree(model_package, tmp_path / "model", ignore=shutil.ignore_patterns(".build"))
    shutil.copytree(ROOT / "tests/swift/stubs", tmp_path / "stubs")
    (tmp_path / "module.swift").write_text(_BUNDLE)
    done = swift(tmp_path, "bash", "-euc", _COMPILE_MODEL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_models_tests_notice_a_wrong_runner(model_package: Path, swift: Tool) -> None:
    """Built once for all mutations, each of which fails a test of its own."""
    with ExitStack() as stack:
        for mutation in MODEL_MUTATIONS:
            stack.enter_context(mutation.applied(model_package))
        done = swift(model_package, "swift", "test", "-Xswiftc", "-warnings-as-errors")
    failed = {line.split("'")[1] for line in done.stdout.splitlines() if "' failed (" in line}
    assert len(failed) == len(MODEL_MUTATIONS), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["package", "nine"])
def test_it_is_formatted(name: str, swift: Tool, request: pytest.FixtureRequest) -> None:
    lint = ("/usr/libexec/swift/bin/swift-format", "lint", "--strict", "--recursive", ".")
    done = swift(request.getfixturevalue(name), *lint)
    assert done.returncode == 0, done.stdout + done.stderr


def test_adapters_and_sample_app_compile_against_core_ml_and_core_motion(
    package: Path, swift: Tool, tmp_path: Path
) -> None:
    """With stub modules in place of Apple's, so that what is under canImport is compiled."""
    shutil.copytree(package, tmp_path / "package")
    shutil.copytree(ROOT / "tests/swift/stubs", tmp_path / "stubs")
    shutil.copytree(ROOT / "samples/ios/ActivitySample.swiftpm", tmp_path / "app")
    (tmp_path / "module.swift").write_text(_BUNDLE)
    done = swift(tmp_path, "bash", "-euc", _COMPILE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["package", "app", "screens"]


_BUNDLE = "import Foundation\nextension Foundation.Bundle { static var module: Bundle { .main } }\n"
_MODULE = f"""
module() {{ # NAME SOURCES…
  local name=$1
  shift
  swiftc {" ".join(_STRICT)} -I . -emit-module -parse-as-library -module-name "$name" \\
    -emit-module-path "$name.swiftmodule" "$@"
}}
module CoreML stubs/CoreML.swift
"""
_COMPILE = f"""
{_MODULE}
module CoreMotion stubs/CoreMotion.swift
module SensorStreaming package/Sources/SensorStreaming/*.swift
module SensorRecognition package/Sources/SensorRecognition/*.swift module.swift
echo package
module LiveActivity app/LiveActivity.swift
echo app
swiftc -frontend -parse app/*.swift
/usr/libexec/swift/bin/swift-format lint --strict --recursive app
echo screens
"""

_COMPILE_MODEL = f"""
{_MODULE}
module ModelPrediction model/Sources/ModelPrediction/*.swift module.swift
/usr/libexec/swift/bin/swift-format lint --strict --recursive model
"""
