"""The Swift package of a real bundle: compiled, formatted, tested, and its tests tested."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Tool
from tests.packages.mutation import Mutation

pytestmark = pytest.mark.heavy

_CORE = "Sources/SensorStreaming"
_STRICT = ("-swift-version", "6", "-warnings-as-errors", "-package-name", "package")
MUTATIONS = (
    Mutation(
        "the sign is lost",
        f"{_CORE}/SensorStream.swift",
        "sample.values * settings.factor",
        "sample.values * abs(settings.factor)",
    ),
    Mutation(
        "the scale is lost",
        f"{_CORE}/SensorStream.swift",
        "sample.values * settings.factor",
        "(settings.factor < 0 ? -1 : 1) * sample.values",
    ),
    Mutation(
        "axes change places",
        f"{_CORE}/SensorStream.swift",
        "[Float(step.x), Float(step.y), Float(step.z)]",
        "[Float(step.y), Float(step.x), Float(step.z)]",
    ),
    Mutation(
        "a step too many between windows",
        f"{_CORE}/SensorStream.swift",
        "beyond % settings.step == 0",
        "beyond % (settings.step + 1) == 0",
    ),
    Mutation(
        "a gap restarts nothing",
        f"{_CORE}/SensorStream.swift",
        "if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }\n      restart()",
        "if elapsed > 0 { counts.gaps += 1 } else { counts.clockResets += 1 }",
    ),
    Mutation(
        "the filter is skipped",
        f"{_CORE}/SensorStream.swift",
        "adding: centre + sum",
        "adding: centre",
    ),
    Mutation(
        "the hysteresis is forgotten", f"{_CORE}/Decider.swift", "lead > hysteresis", "lead > 0"
    ),
)


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ios") / "SensorRecognition"
    integrate("ios", bundle, out)
    return out


def test_its_own_tests_pass_without_a_warning(package: Path, swift: Tool) -> None:
    done = swift(package, "swift", "test", "-Xswiftc", "-warnings-as-errors")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Executed 8 tests, with 0 failures" in done.stdout + done.stderr


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_its_tests_notice_a_wrong_core(mutation: Mutation, package: Path, swift: Tool) -> None:
    with mutation.applied(package):
        done = swift(package, "swift", "test", "-Xswiftc", "-warnings-as-errors")
    assert done.returncode != 0
    assert "Build complete!" in done.stdout + done.stderr, done.stderr  # it is the tests that fail


def test_it_is_formatted(package: Path, swift: Tool) -> None:
    lint = ("/usr/libexec/swift/bin/swift-format", "lint", "--strict", "--recursive", ".")
    done = swift(package, *lint)
    assert done.returncode == 0, done.stdout + done.stderr


def test_adapters_and_sample_app_compile_against_core_ml_and_core_motion(
    package: Path, swift: Tool, tmp_path: Path
) -> None:
    """With stub modules in place of Apple's, so that what is under canImport is compiled."""
    shutil.copytree(package, tmp_path / "package")
    shutil.copytree(ROOT / "tests/swift/stubs", tmp_path / "stubs")
    shutil.copytree(ROOT / "samples/ios/ActivitySample.swiftpm", tmp_path / "app")
    (tmp_path / "module.swift").write_text(
        "import Foundation\nextension Foundation.Bundle { static var module: Bundle { .main } }\n"
    )
    done = swift(tmp_path, "bash", "-euc", _COMPILE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["package", "app", "screens"]


_COMPILE = f"""
module() {{ # NAME SOURCES…
  local name=$1
  shift
  swiftc {" ".join(_STRICT)} -I . -emit-module -parse-as-library -module-name "$name" \\
    -emit-module-path "$name.swiftmodule" "$@"
}}
module CoreML stubs/CoreML.swift
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
